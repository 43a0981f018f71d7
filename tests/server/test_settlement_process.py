"""The process that makes settlement files, where a sandbox lets it do as little as it may."""

import json
import os
from pathlib import Path

import pytest

from carbonmatch.settlement import __main__ as process
from tests.test_settlement import FIRST_DAY, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "journal")
    world.trade()
    world.end()
    return world


def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> int:
    """Its exit status; a test is not to become a nicer process itself."""

    def forbidden(*_of: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "nice", forbidden)
    monkeypatch.setattr(Path, "write_text", forbidden)
    task = {
        "journal": str(world.directory),
        "archive": str(tmp_path / "not made yet"),
        "output": str(tmp_path / "out"),
        "venue": "venue",
        "trade_number": "{trade_id}",
        "until": world.venue.writer.durable_position,
        **changes,
    }
    monkeypatch.setattr("sys.argv", ["", json.dumps(task)])
    return process.main()


def test_it_tells_what_it_has_made_and_of_what_is_there_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(world, tmp_path, monkeypatch) == 0
    (line,) = capsys.readouterr().out.splitlines()
    made = json.loads(line)
    assert (made["trading_day"], made["run"], made["trades"], made["is_new"]) == (FIRST_DAY, 1, 1, True)
    (tmp_path / "out" / "settlement.ledger").unlink()
    assert run(world, tmp_path, monkeypatch) == 0
    assert capsys.readouterr().out == ""


def test_what_goes_wrong_is_its_last_line(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(world, tmp_path, monkeypatch, journal=str(tmp_path / "none")) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("none: no such directory")
