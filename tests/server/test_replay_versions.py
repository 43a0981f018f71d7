"""The short form of `make replay-versions`, and what it says of a Python that differs or is not there."""

import sys
from pathlib import Path

import pytest

from carbonmatch.matching.ladder import Ladder, Level, Order
from tests.server import determinism, replay_versions
from tests.server.replay_versions import Digests

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_same_journal_gives_the_same_bytes_here_and_in_another_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert replay_versions.main(["--commands", "1500", "--versions", THIS]) == 0
    told = capsys.readouterr().out
    assert "every journaled byte the same" in told
    assert f"all the same: 1 replays, CPython {THIS}" in told


def test_a_python_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--commands", "50", "--versions", f"{THIS},3.99", "--python", sys.executable]
    assert replay_versions.main([*arguments, "--python", "/nowhere/python3.99"]) == 1
    told = capsys.readouterr()
    assert "no replay by CPython 3.99" in told.err
    assert "/nowhere/python3.99: NOT REPLAYED" in told.out


def test_outputs_that_are_not_journaled_are_compared_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A level published where nothing changed: no report, no public event and no state shows it."""
    written = determinism.write(tmp_path / "journal", seed=5, commands=800)
    right = replay_versions.replayed(tmp_path / "journal")
    assert right.state == written
    remove = Ladder.remove

    def wrong(ladder: Ladder, order: Order, dirty: list[Level]) -> None:
        for level in ladder.levels.values():
            if not level.dirty and level.order_count and not ladder.is_hidden:
                level.dirty = True
                dirty.append(level)
        remove(ladder, order, dirty)

    monkeypatch.setattr(Ladder, "remove", wrong)
    found = replay_versions.replayed(tmp_path / "journal")
    assert found.outputs != right.outputs
    assert found.state == right.state


ONE = Digests("cpython 3.11.9", 7, "a", "b", "c")


@pytest.mark.parametrize(
    "other",
    [ONE._replace(commands=8), ONE._replace(outputs="x"), ONE._replace(feed="x"), ONE._replace(state="x")],
)
def test_any_difference_is_one(other: Digests, capsys: pytest.CaptureFixture[str]) -> None:
    one = ONE
    assert replay_versions.verdict("c", [one, one], ["3.11"]) == 0
    assert replay_versions.verdict("c", [one, other], ["3.11"]) == 1
    assert replay_versions.verdict("other", [one], ["3.11"]) == 1
    assert "DIFFERENT" in capsys.readouterr().err
