"""Every target with a bounded number of inputs, and the fuzzer itself: it repeats, it sees planted bugs."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz import runner
from tests.fuzz.mutation import Mutator
from tests.fuzz.runner import CORPUS, Failure, Target, corpus, keep, run
from tests.fuzz.targets import TARGETS

SEED = 20_261_123
# Those that build an engine, recover a journal or sign something take 0.1 to 0.5 ms each.
INPUTS_OF_SLOW = 1_000
INPUTS = 8_000
# The reference takes 10 ms or more for a world.
INPUTS_OF_SLOWEST = 60
SLOW = {
    "configuration",
    "connection",
    "client-market-data",
    "client-session",
    "journal",
    "market",
    "snapshot",
}
# What has to come of some inputs, or they never got past the door.
REACHED = {
    "frames": {"refused", "1 frames"},
    "commands": {"decoded", "MALFORMED", "UNKNOWN_MESSAGE"},
    "connection": {"closed", "MALFORMED", "ALREADY_LOGGED_ON"},
    "market": {"applied"},
    "against-reference": {"quiet", "traded"},
    "subscriptions": {"answered"},
    "journal": {"JournalDamaged", "Diverged", "recovered 1"},
    "batch": {"decoded", "MALFORMED"},
    "snapshot": {"taken", "passed over"},
    "configuration": {"taken", "refused"},
    "client-book": {"applied", "damaged"},
    "client-session": {"open", "ended"},
    "client-market-data": {"open", "ended"},
    "http": {"200", "400", "405", "431", "goes on"},
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Refusals are logged for operators; here there are thousands."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", list(TARGETS))
def test_whatever_the_bytes_they_are_taken_or_refused(name: str) -> None:
    inputs = INPUTS_OF_SLOW if name in SLOW else INPUTS
    result = run(TARGETS[name], INPUTS_OF_SLOWEST if name == "against-reference" else inputs, SEED)
    assert REACHED.get(name, set()) <= set(result.outcomes)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param(path.parent.name, bytes.fromhex(path.read_text()), id=f"{path.parent.name}/{path.stem}")
        for path in sorted(CORPUS.glob("*/*.hex"))
    ],
)
def test_an_input_that_once_failed_does_so_no_more(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


def test_the_same_seed_gives_the_same_inputs() -> None:
    seeds = TARGETS["commands"].seeds()
    first, second, other = (Mutator(seeds, seed) for seed in (1, 1, 2))
    inputs = [first.input() for _ in range(500)]
    assert inputs == [second.input() for _ in range(500)]
    assert inputs != [other.input() for _ in range(500)]


def fragile(data: bytes) -> str:
    assert b"\x93" not in data or len(data) < 40, "planted"
    return "taken"


FRAGILE = Target("fragile", fragile, lambda: [b"\x92" * 39])


def test_a_planted_bug_is_found_and_its_input_repeats_it() -> None:
    with pytest.raises(Failure) as found:
        run(FRAGILE, 20_000, SEED)
    assert "seed 20261123" in str(found.value)
    with pytest.raises(AssertionError):
        fragile(found.value.data)


def test_an_input_that_failed_is_kept_and_tried_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "CORPUS", tmp_path)
    monkeypatch.setitem(TARGETS, "fragile", FRAGILE)
    assert command.main(["fragile", "--inputs", "20000"]) == 1
    assert "kept as" in capsys.readouterr().err
    (kept,) = corpus("fragile")
    with pytest.raises(Failure, match="input 1,") as again:
        run(FRAGILE, 0, SEED)
    assert again.value.data == kept
    assert keep("fragile", kept).parent == tmp_path / "fragile"


def test_a_run_says_what_came_of_its_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["http", "--inputs", "500", "--seed", "3"]) == 0
    told = capsys.readouterr().out
    for part in ("http: 504 inputs", "0 uncaught", "outcomes: 200", "slowest", "memory", "seed 3"):
        assert part in told
