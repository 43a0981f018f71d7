"""Who a peer is: Ed25519 signatures over a nonce of the engine's. The engine keeps public keys only.

Keys are 32 raw bytes, written as 64 hexadecimal digits. Nothing here reads a file or a clock.
"""

import re
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from carbonmatch.protocol.messages import Logon

KEY_BYTES: Final = 32
# What is signed starts with this, so that no signature made for another purpose is a logon.
_PURPOSE: Final = "carbonmatch-logon-1"
# Stands in for the key of an unknown key id, so that its logon costs what any other one costs: the
# public key of RFC 8032's first example. Whoever signs with that gains nothing, see `verify`.
_NOBODY: Final = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")

_KEY_DIGITS: Final = re.compile(f"[0-9a-fA-F]{{{2 * KEY_BYTES}}}")

_encoder: Final = msgspec.msgpack.Encoder()


def logon_text(server_id: str, nonce: bytes, logon: Logon) -> bytes:
    """What a logon's signature covers: all its fields, and whom and what it answers.

    The server's id keeps one venue from using a logon at another, the nonce from using it twice.
    """
    return _encoder.encode(
        [
            _PURPOSE,
            server_id,
            nonce,
            logon.version_min,
            logon.version_max,
            logon.key_id,
            logon.session,
            logon.role,
            logon.next_seq,
            logon.heartbeat_ms,
            logon.cancel_on_disconnect,
            logon.grace_ms,
        ]
    )


def sign(private_key: bytes, server_id: str, nonce: bytes, logon: Logon) -> bytes:
    """Return the signature for `logon`, whatever stands in its own signature field."""
    key = Ed25519PrivateKey.from_private_bytes(private_key)
    return key.sign(logon_text(server_id, nonce, logon))


def verify(public_key: bytes | None, server_id: str, nonce: bytes, logon: Logon) -> bool:
    """Whether the owner of `public_key` signed `logon`; None, a key nobody has, is always False.

    The work is the same in every case, so that the time taken does not tell which key ids exist.
    """
    key = Ed25519PublicKey.from_public_bytes(_NOBODY if public_key is None else public_key)
    try:
        key.verify(logon.signature, logon_text(server_id, nonce, logon))
    except InvalidSignature:
        return False
    return public_key is not None


def generate_private_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key_of(private_key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def parse_key(text: str) -> bytes:
    """Return the key written as 64 hexadecimal digits, surrounding blanks ignored; raise ValueError.

    The error does not quote the text, which may be a private key.
    """
    digits = text.strip()
    if not _KEY_DIGITS.fullmatch(digits):
        raise ValueError(f"key of {len(digits)} characters, expected {2 * KEY_BYTES} hexadecimal digits")
    return bytes.fromhex(digits)
