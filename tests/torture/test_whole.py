"""`make torture`: every part is run and told, whatever the others come to."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.torture import __main__ as whole
from tests.torture.__main__ import PARTS, Part, command_of, main

REPOSITORY = Path(__file__).parents[2]


def test_a_part_that_fails_is_told_in_the_end_and_the_others_are_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run: list[str] = []

    def fails_in_worlds(part: Part, command: Sequence[str], _environment: dict[str, str]) -> int:
        run.append(" ".join(command[2:]))
        return 3 if part.name == "worlds" else 0

    assert main([], fails_in_worlds) == 1
    assert sorted(run) == sorted(part.whole for part in PARTS)
    lines = capsys.readouterr().out.splitlines()
    assert "kills       kills of the engine under load, about 25 minutes" in lines
    assert "worlds      FAILED (3) " in "\n".join(lines)
    assert lines[-1].startswith("1 of 9 parts FAILED, ")


def test_some_parts_are_run_when_they_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--parts", "power", "--small"], lambda *_: 0) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("all 1 parts are good, ")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_is_there(part: object) -> None:
    for small in (False, True):
        command, _ = command_of(part, small=small)  # type: ignore[arg-type]
        assert find_spec(command[2]) is not None
        assert all((REPOSITORY / word).exists() for word in command if word.endswith(".py"))


def test_how_often_sessions_come_back_is_told_in_the_environment() -> None:
    (part,) = [one for one in PARTS if one.name == "reconnects"]
    assert command_of(part, small=False)[1] == {"CARBONMATCH_RECONNECTS": "10000"}
    assert command_of(part, small=True)[1] == {"CARBONMATCH_RECONNECTS": "200"}


def test_what_a_part_says_has_its_name_before_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "import sys; print('a line'); print('another', file=sys.stderr); sys.exit(3)"
    monkeypatch.setattr(whole, "command_of", lambda *_, **__: ([sys.executable, "-c", script], {}))
    assert main(["--parts", "power"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[1:3] == ["power       a line", "power       another"]
    assert told[4].startswith("power       FAILED (3) ")
