"""`carbonmatch dashboard`: its options, and the file of the secret."""

import sys
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.client.errors import ClientError
from carbonmatch.dashboard import service
from carbonmatch.dashboard.command import main, secret_in
from carbonmatch.limits import DASHBOARD_SECRET_CHARS_MIN


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would have been run."""
    found: list[tuple[Any, ...]] = []

    def run(*given: Any) -> int:
        found.append(given)
        return 0

    monkeypatch.setattr(service, "run", run)
    return found


def test_a_secret_is_made_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    secret = secret_in(file)
    assert len(secret) >= DASHBOARD_SECRET_CHARS_MIN
    assert file.stat().st_mode & 0o777 == 0o600
    assert secret_in(file) == secret
    assert secret_in(tmp_path / "other") != secret


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s" * 40)
    file.chmod(0o640)
    with pytest.raises(ClientError, match="mode 0640 lets others read a secret, expected 0600 or 0400"):
        secret_in(file)


def test_a_secret_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s" * 31)
    file.chmod(0o600)
    with pytest.raises(ClientError, match="a secret of 31 characters, expected 32 or more"):
        secret_in(file)


def test_without_a_secret_nobody_acts_and_no_operators_key_is_read(runs: list[tuple[Any, ...]]) -> None:
    with pytest.raises(SystemExit):
        main(port=0)
    ((port, feed, addresses, operator, secret, names),) = runs
    assert (port, operator, secret, names) == (0, None, "", frozenset())
    assert (feed.session, addresses.metrics_url) == ("market-data", "http://127.0.0.1:7480/metrics")


def test_with_a_secret_the_demos_operator_acts_on_loopback(
    runs: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        main(secret_file=tmp_path / "secret", name=("venue.example",))
    ((_, _, _, operator, secret, names),) = runs
    assert operator.session == "operator"
    assert secret == (tmp_path / "secret").read_text().strip()
    assert names == {"venue.example"}


def test_an_operators_key_that_nobody_could_use_is_refused(runs: list[tuple[Any, ...]]) -> None:
    with pytest.raises(ClientError, match="an operator's key without --secret-file"):
        main(operator_key_id="desk")
    assert runs == []


def test_elsewhere_than_on_loopback_it_needs_keys(runs: list[tuple[Any, ...]]) -> None:
    with pytest.raises(ClientError, match=r"to log on at venue\.example, give --key-id"):
        main(host="venue.example")


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    for name in [name for name in sys.modules if name.startswith("carbonmatch.dashboard.")]:
        if not name.endswith(".command"):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ClientError, match=r"pip install 'carbonmatch\[dashboard\]'"):
        main()
