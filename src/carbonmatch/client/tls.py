"""How a client makes sure that it talks to its venue, and the venue to its client: TLS 1.3."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from carbonmatch.client.errors import ClientError


def client_context(
    ca_file: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """For `Access.ssl`. `ca_file` has certified the venue; without one, one of those that the system trusts.

    `certificate` and its `key` are for a venue that asks its clients for one. Raises ClientError where a
    file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        # OpenSSL does not say which file it was.
        named = ", ".join(str(file) for file in (ca_file, certificate, key) if file is not None)
        raise ClientError(f"TLS files {named}: {error.strerror or error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


@dataclass(frozen=True)
class TlsOptions:
    """What every command that connects has."""

    tls: bool = False
    "Speak TLS, and trust whom the system trusts; the other options do that as well."
    tls_ca: Path | None = None
    "Who has certified the venue: a file in PEM."
    tls_certificate: Path | None = None
    "The certificate that this client shows, where the venue asks for one: a file in PEM."
    tls_key: Path | None = None
    "Its private key, where that is in another file."
    tls_name: str | None = None
    "The name in the venue's certificate, where it is not the host."

    def context(self) -> ssl.SSLContext | None:
        """None where nothing of it was asked for."""
        if self == NO_TLS:
            return None
        return client_context(self.tls_ca, self.tls_certificate, self.tls_key)


NO_TLS = TlsOptions()
