"""Certificates and keys in files -> TLS contexts, or what is wrong with the files, in words.

The same way for `check-config`, for a start and for reading again, so that what passes the first works
in the others. No clock: whether a certificate has expired is for whoever has one.
"""

import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from msgspec import Struct

from carbonmatch.config.errors import ConfigError
from carbonmatch.config.schema import LISTENERS, Config, TlsFiles

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_SECOND: Final = 1_000_000_000

_Read = TypeVar("_Read")


class _Problem(Exception):
    """A file cannot be used; the text says which and why."""


class ListenerTls(Struct, frozen=True):
    context: ssl.SSLContext
    expires_ns: int  # of the certificate, UTC


def tls_contexts(config: Config) -> dict[str, ListenerTls]:
    """By listener, for those that speak TLS. Raises ConfigError."""
    problems = tls_problems(config)
    if problems:
        raise ConfigError(problems)
    return {name: _listener_tls(files) for name in LISTENERS if (files := config.tls.of(name)) is not None}


def tls_problems(config: Config) -> list[str]:
    """Everything that is wrong with the files, each as `key: words`."""
    problems = []
    for name in LISTENERS:
        files = config.tls.of(name)
        if files is not None:
            try:
                _listener_tls(files)
            except _Problem as error:
                problems.append(f"{config.tls.place_of(name)}: {error}")
    return list(dict.fromkeys(problems))


def _listener_tls(files: TlsFiles) -> ListenerTls:
    """TLS 1.3 and nothing else, from the first byte; with `client_ca` for those it has certified only."""
    certificate = _certificate(files.certificate)
    _check_key(files.key, certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # A logon follows anyway, so a resumed session would save a client nothing and cost us the tickets.
    context.num_tickets = 0
    try:
        # Asked on the terminal otherwise, where nobody sits.
        context.load_cert_chain(files.certificate, files.key, password="")
    except (ssl.SSLError, OSError) as error:
        raise _Problem(f"certificate {files.certificate} and key {files.key}: {error}") from None
    if files.client_ca:
        _certificate(files.client_ca)
        context.load_verify_locations(files.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    expires = certificate.not_valid_after_utc - _EPOCH
    return ListenerTls(context, int(expires.total_seconds()) * _NS_PER_SECOND)


def _certificate(path: str) -> x509.Certificate:
    """The first one in the file, which is the listener's own; those that have signed it follow."""
    return _read(path, x509.load_pem_x509_certificates, "certificates in PEM")[0]


def _check_key(path: str, certificate: x509.Certificate) -> None:
    key = _read(
        path,
        lambda data: serialization.load_pem_private_key(data, None),
        "a private key in PEM, not encrypted",
    )
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(encoding, form) != certificate.public_key().public_bytes(encoding, form):
        raise _Problem(f"key {path} is not the one of the certificate")
    status = Path(path).stat()
    # As PostgreSQL has it: the owner alone, or a group too where root owns the file.
    allowed = stat.S_IRWXU | (stat.S_IRGRP if status.st_uid == 0 else 0)
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~allowed:
        raise _Problem(f"key {path} has mode {mode:04o}, expected 0600: others could read it")


def _read(path: str, parse: Callable[[bytes], _Read], expected: str) -> _Read:
    try:
        return parse(Path(path).read_bytes())
    except OSError as error:
        raise _Problem(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError):
        # The parser's own words are a link to the questions of its programmers.
        raise _Problem(f"{path}: expected {expected}") from None
