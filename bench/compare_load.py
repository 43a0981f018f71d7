"""Two versions under load over TCP, in turn: their engines, with this checkout's generator and load.

    python -m bench compare . v0.1 --load batched --rounds 9

A round is one engine of each, the order of the two changing from round to round; ratios are taken within
the round. Both get the same bytes and the same configuration: what an older version does not know is no
comparison.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Final

from msgspec import Struct, structs

from bench.load import parser, setups_of
from bench.results import Run
from bench.runs import Setup, attach_to, drive_engine, started_engine
from bench.significance import Seen, of_rounds
from bench.workload import session_frames

# The kernel writes back what a run left behind; the next one should not pay for it.
_SETTLE_SECONDS: Final = 0.3


class Figure(Struct, frozen=True):
    """Something of a run of which more is worse."""

    what: str
    of: Callable[[Run], float]
    in_open_loops: bool = True  # a rate says nothing where it was prescribed


FIGURES: Final = (
    Figure("time a command (1 / rate)", lambda run: 1 / max(run.rate_per_second, 1e-9), in_open_loops=False),
    Figure("p50", lambda run: run.latency.p50_us),
    Figure("p99", lambda run: run.latency.p99_us),
    Figure("engine's processor time", lambda run: run.server_cpu_us_per_command or float("nan")),
)


class LoadCompared(Struct, frozen=True):
    """Runs of the two, one a round, and what came of it, by figure."""

    preset: str
    a: list[Run]
    b: list[Run]
    seen: dict[str, Seen]

    @property
    def flaws(self) -> list[str]:
        return [
            f"{self.preset}, {name}: {words}"
            for name, runs in (("A", self.a), ("B", self.b))
            for run in runs
            for words in (*run.problems, *run.invalid)
        ]


def setup_of(preset: str, commands: int | None, seed: int) -> Setup:
    arguments = ["--preset", preset, "--seed", str(seed)]
    if commands is not None:
        arguments += ["--commands", str(commands)]
    (setup,) = setups_of(parser().parse_args(arguments))
    return setup


def compare_load(setup: Setup, a: Path, b: Path, rounds: int) -> LoadCompared:
    """`a` and `b` are directories that hold the package."""
    frames = [session_frames(setup.workload, index) for index in range(setup.workload.sessions)]
    runs: dict[int, list[Run]] = {0: [], 1: []}
    sides = list(enumerate((a, b)))
    for _ in range(rounds):
        for side, source in sides:
            runs[side].append(_run(structs.replace(setup, source=source), frames))
            sleep(_SETTLE_SECONDS)
        sides.reverse()
    return LoadCompared(setup.preset, runs[0], runs[1], seen_of(setup, runs[0], runs[1]))


def seen_of(setup: Setup, a: Sequence[Run], b: Sequence[Run]) -> dict[str, Seen]:
    return {
        figure.what: of_rounds([figure.of(one) / figure.of(other) for one, other in zip(a, b, strict=True)])
        for figure in FIGURES
        if figure.in_open_loops or not setup.plan.is_open
    }


def _run(setup: Setup, frames: list[list[bytes]]) -> Run:
    with (
        TemporaryDirectory(prefix="carbonmatch-bench-", dir=setup.directory) as name,
        started_engine(setup, Path(name)) as running,
    ):
        return drive_engine(setup, frames, attach_to(running))
