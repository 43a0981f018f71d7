"""Two checkouts held against each other: the same bytes for both, and a failure where that says nothing."""

import json
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest

from bench import compare
from bench.checkouts import Checkout, CheckoutError, checkout
from bench.compare import CompareError, main, shortest, workload_of
from bench.processes import REPOSITORY
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import AnyCommand, InstrumentId, Ref, Side, TimeInForce

SMALL = ("--commands", "640")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (m.Cancel(Ref(3), Ref(2)), [17, 3, 2]),
        (m.NewOrder(Ref(1), InstrumentId(3), Side.BUY, 25, 9950), [16, 1, 3, 1, 25, 9950]),
        (
            m.NewOrder(Ref(1), InstrumentId(3), Side.BUY, 25, 9950, time_in_force=TimeInForce.GTC),
            [16, 1, 3, 1, 25, 9950, 0, 1, 2],
        ),
        (
            m.DefineInstrument(m.InstrumentDefinition(InstrumentId(3), "EUA", "EUR", 1, 2, 1)),
            [160, [3, "EUA", "EUR", 1, 2, 1]],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_says_nothing_is_left_out_for_versions_that_do_not_know_it(
    command: AnyCommand, expected: list[object]
) -> None:
    assert shortest(command) == expected
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(expected), type=AnyCommand) == command


def test_a_workload_is_the_same_for_the_same_seed() -> None:
    assert workload_of("touch", 7, 640) == workload_of("touch", 7, 640)
    assert workload_of("touch", 7, 640) != workload_of("touch", 8, 640)


def test_pending_stops_come_before_the_same_commands() -> None:
    (_, plain), (before, beside_stops) = (
        msgspec.msgpack.decode(workload_of(flow, 7, 640)) for flow in ("touch", "stops")
    )
    stops = [command for _, commands in before for command in commands if command[0] == 22]
    assert len(stops) == 10_000 // 64 * 64

    def without_names(entries: list[tuple[int, list[list[int]]]]) -> list[list[int]]:
        """Refs are the first field, and of what names an order the second."""
        return [
            [command[0], *command[2 if command[0] == 16 else 3 :]]
            for _, commands in entries
            for command in commands
        ]

    assert without_names(plain) == without_names(beside_stops)


def test_a_checkout_is_held_against_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    here = str(REPOSITORY)
    assert main([here, here, "--flows", "touch", "--rounds", "2", *SMALL, "--json", str(found)]) == 0
    [flow] = json.loads(found.read_text())["flows"]
    assert (flow["flow"], len(flow["ratios"]), flow["trades"] > 0) == ("touch", 2, True)
    assert "touch" in capsys.readouterr().out


def test_what_is_no_checkout_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), *SMALL]) == 1
    assert f"{tmp_path} is no checkout of the project" in capsys.readouterr().err


def test_a_version_that_does_not_know_the_commands_is_no_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "src" / "carbonmatch").mkdir(parents=True)
    (tmp_path / "src" / "carbonmatch" / "__init__.py").write_text("raise ImportError('of another time')")
    assert main([str(tmp_path), *SMALL]) == 1
    assert f"{tmp_path} cannot play it: ImportError: of another time" in capsys.readouterr().err


def _costs(monkeypatch: pytest.MonkeyPatch, a: tuple[float, int], b: tuple[float, int]) -> None:
    """Nanoseconds and trades that are measured of the checkouts `a` and `b`."""
    costs = {Path("a"): (a[0], (a[1], 5)), Path("b"): (b[0], (b[1], 5))}
    monkeypatch.setattr(compare, "nanoseconds", lambda checkout, _workload: costs[checkout])
    monkeypatch.setattr(compare, "checkout", lambda name: nullcontext(Checkout(name, Path(name), "then")))


def test_other_work_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _costs(monkeypatch, (100.0, 7), (100.0, 8))
    assert main(["a", "b", *SMALL]) == 1
    assert "not the same work was done: 7 trades, 5 open orders and 8 trades" in capsys.readouterr().err


@pytest.mark.parametrize(("limit", "status"), [("1.25", 0), ("1.24", 1)])
def test_a_ratio_above_the_limit_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, limit: str, status: int
) -> None:
    _costs(monkeypatch, (125.0, 7), (100.0, 7))
    assert main(["a", "b", *SMALL, "--flows", "touch", "--at-most", limit]) == status


def test_instructions_are_counted_by_valgrind_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(CompareError, match="there is no valgrind here"):
        compare.instructions(REPOSITORY, Path("unused"))


@pytest.mark.parametrize(("a", "status"), [(104.0, 1), (102.0, 0), (90.0, 0)])
def test_worse_beyond_the_tolerance_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], a: float, status: int
) -> None:
    _costs(monkeypatch, (a, 7), (100.0, 7))
    assert main(["a", "b", *SMALL, "--flows", "touch", "--rounds", "6"]) == status
    assert ("touch: worse, 1.040 (1.040 to 1.040)" in capsys.readouterr().err) == bool(status)


def test_too_few_rounds_decide_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _costs(monkeypatch, (200.0, 7), (100.0, 7))
    assert main(["a", "b", *SMALL, "--flows", "touch", "--rounds", "5"]) == 0
    assert "2.000, too few measurements" in capsys.readouterr().out


def test_a_commit_is_a_version_like_a_directory() -> None:
    with checkout("HEAD") as found:
        assert (found.source / "carbonmatch" / "limits.py").is_file()
        assert len(found.revision) == 12
        directory = found.directory
    assert not directory.exists()


@pytest.mark.parametrize("name", ["no-such-commit", "--help", "HEAD:README.md"])
def test_what_is_no_version_is_said(name: str) -> None:
    with pytest.raises(CheckoutError, match="neither a directory nor a commit"), checkout(name):
        pass


def test_what_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([".", "--flows", "tuch"]) == 2
    assert "no flow 'tuch'" in capsys.readouterr().err
    assert main([".", "--load", "bached"]) == 2
    assert "no preset 'bached'" in capsys.readouterr().err


def test_two_engines_are_loaded_in_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    here = str(REPOSITORY)
    arguments = ["--load", "unbatched", "--rounds", "1", "--commands", "50", "--json", str(found)]
    assert main([here, here, *arguments]) == 0
    [load] = json.loads(found.read_text())["load"]
    assert (len(load["a"]), len(load["b"]), load["a"][0]["problems"]) == (1, 1, [])
    assert set(load["seen"]) == {"time a command (1 / rate)", "p50", "p99", "engine's processor time"}
    assert "too few measurements" in capsys.readouterr().out
