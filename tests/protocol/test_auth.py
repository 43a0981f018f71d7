"""Signatures over the logon. The bytes are in proto/vectors/logon.json."""

from typing import Any

import msgspec
import pytest

from carbonmatch.protocol import auth
from carbonmatch.protocol.codec import decode_logon_frame
from carbonmatch.protocol.messages import Role
from tests.protocol.vectors import load

VECTOR = load("logon")[0]
LOGON = decode_logon_frame(bytes.fromhex("91" + VECTOR["logon"]))
PUBLIC_KEY = bytes.fromhex(VECTOR["public_key"])
NONCE = bytes.fromhex(VECTOR["nonce"])


@pytest.mark.parametrize(
    "change",
    [
        {"version_min": 0},
        {"version_max": 2},
        {"key_id": "gateway-2"},
        {"session": "gateway-2"},
        {"role": Role.OPERATOR},
        {"next_seq": 4712},
        {"heartbeat_ms": 1001},
        {"cancel_on_disconnect": False},
        {"grace_ms": 0},
        {"signature": bytes(64)},
    ],
)
def test_a_signature_covers_every_field(change: dict[str, Any]) -> None:
    changed = msgspec.structs.replace(LOGON, **change)
    assert not auth.verify(PUBLIC_KEY, "demo-venue", NONCE, changed)


def test_a_signature_is_for_one_venue_and_one_challenge() -> None:
    assert auth.verify(PUBLIC_KEY, "demo-venue", NONCE, LOGON)
    assert not auth.verify(PUBLIC_KEY, "other-venue", NONCE, LOGON)
    assert not auth.verify(PUBLIC_KEY, "demo-venue", bytes(32), LOGON)


def test_a_key_that_nobody_has_signs_nothing() -> None:
    assert not auth.verify(None, "demo-venue", NONCE, LOGON)


def test_not_even_the_owner_of_the_stand_in_key_is_let_in() -> None:
    # RFC 8032, 7.1, test 1: the private key is public.
    private_key = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    logon = msgspec.structs.replace(LOGON, signature=auth.sign(private_key, "demo-venue", NONCE, LOGON))
    assert auth.verify(auth.public_key_of(private_key), "demo-venue", NONCE, logon)
    assert not auth.verify(None, "demo-venue", NONCE, logon)


def test_bytes_that_are_no_point_of_the_curve_verify_nothing() -> None:
    assert not auth.verify(b"\xff" * 32, "demo-venue", NONCE, LOGON)


def test_a_made_key_signs_and_verifies() -> None:
    private_key = auth.generate_private_key()
    assert len(private_key) == auth.KEY_BYTES
    logon = msgspec.structs.replace(LOGON, signature=auth.sign(private_key, "v", NONCE, LOGON))
    assert auth.verify(auth.public_key_of(private_key), "v", NONCE, logon)
    assert private_key != auth.generate_private_key()


def test_keys_are_written_as_64_hexadecimal_digits() -> None:
    assert auth.parse_key(PUBLIC_KEY.hex() + "\n") == PUBLIC_KEY
    assert auth.parse_key(PUBLIC_KEY.hex().upper()) == PUBLIC_KEY


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "ab" * 31 + "xy", "ab " * 21 + "a", "é" * 64])
def test_a_key_that_is_none_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="expected 64 hexadecimal digits") as refused:
        auth.parse_key(text)
    assert not text or text not in str(refused.value)
