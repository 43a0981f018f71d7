"""Who a command logs on as."""

from pathlib import Path

import pytest

from carbonmatch.client.errors import ClientError
from carbonmatch.client.options import access_of
from carbonmatch.demo_market import private_key_bytes
from carbonmatch.protocol.messages import Role


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_nothing_given_on_loopback_means_the_demo_market(host: str) -> None:
    access = access_of(Role.OPERATOR, host, 7400, None, None, None)
    assert (access.key_id, access.session, access.role) == ("demo-operator", "operator", Role.OPERATOR)
    assert access.private_key == private_key_bytes("demo-operator")


@pytest.mark.parametrize("host", ["192.0.2.1", "venue.example"])
def test_elsewhere_a_key_has_to_be_given(host: str) -> None:
    with pytest.raises(ClientError, match="give --key-id, --key-file and --session"):
        access_of(Role.MARKET_DATA, host, 7410, None, None, None)


def test_half_a_key_is_none() -> None:
    with pytest.raises(ClientError, match="give --key-id, --key-file and --session"):
        access_of(Role.MARKET_DATA, "127.0.0.1", 7410, "mine", None, None)


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("01" * 32 + "\n")
    file.chmod(0o600)
    access = access_of(Role.MARKET_DATA, "venue.example", 7410, "mine", file, "feed")
    assert access.private_key == bytes([1]) * 32
    assert (access.host, access.key_id, access.session) == ("venue.example", "mine", "feed")


def test_a_file_that_holds_no_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("secret")
    file.chmod(0o400)
    with pytest.raises(ClientError, match=f"{file}: key of 6 characters") as caught:
        access_of(Role.MARKET_DATA, "venue.example", 7410, "mine", file, "feed")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text("01" * 32 + "\n")
    file.chmod(mode)
    with pytest.raises(ClientError, match=f"mode {mode:04o} .*, expected 0600"):
        access_of(Role.MARKET_DATA, "venue.example", 7410, "mine", file, "feed")
