"""The matching core beside other engines: one flow, one process of each in turn, trade by trade the same.

Ratios are to the plainest book in Python (`plain_book`), which runs in every round: the bars that were stated
in nanoseconds where such a book took 506 (near the touch) and 1,023 (deep) are ratios here, and hold on any
machine. Our engine does what it always does, with checks, reports and public events; what others leave out is
said beside them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from msgspec import Struct

from bench.builds import COMPILED, INTERPRETED, Builds
from bench.compare import shortest
from bench.latency import median
from bench.peers.adapters import ADAPTERS
from bench.peers.flow import PeerFlow, peer_flow
from bench.peers.worker import digest
from bench.processes import REPOSITORY
from carbonmatch.matching.messages import Entry

FLOWS: Final = ("touch", "instruments", "deep")
YARDSTICK: Final = "plain"
# Times the plain book: 800 ns where it took 506, 1,300 where it took 1,023; compiled 350 and 600.
BARS: Final[Mapping[str, Mapping[str, float]]] = {
    "touch": {INTERPRETED: 1.58, COMPILED: 0.69},
    "deep": {INTERPRETED: 1.27, COMPILED: 0.59},
}
# Of one process: the best of them counts, as a neighbour can only make it slower.
_BOOKS: Final = 3
_SECONDS_MAX: Final = 300

# What a worker has told: "ns", "trades" (a digest), "version", "note", or only "absent".
Told = dict[str, Any]


class WorkerError(Exception):
    """An engine did not play to the end; says what it said last."""


class Core(Struct, frozen=True):
    """One engine on one flow. `ns` has the best book of each round, `ratios` that to the plain book's."""

    name: str
    version: str
    ns: list[float]
    ratios: list[float]
    ratio: float  # median
    trades: str  # "same", "not told", or "different"
    note: str


class Compared(Struct, frozen=True):
    flow: str
    commands: int
    trades: int
    cores: list[Core]
    absent: list[str]

    def ratio(self, name: str) -> float | None:
        return next((one.ratio for one in self.cores if one.name == name), None)


def measure(
    name: str,
    commands: int,
    rounds: int,
    builds: Builds,
    pythons: Sequence[str],
    progress: Callable[[str], None],
) -> Compared:
    flow = peer_flow(name, 7, commands)
    with TemporaryDirectory(prefix="carbonmatch-cores-") as directory:
        workers = _workers(flow, builds, pythons, Path(directory))
        told: dict[str, list[Told]] = {engine: [] for engine in workers}
        absent: list[str] = []
        for number in range(rounds):
            for engine in list(workers) if number % 2 == 0 else reversed(list(workers)):
                if engine not in told:
                    continue
                one = workers[engine]()
                if "absent" in one:
                    # Not installed, or not up to this flow: some overflow on a deep book.
                    absent.append(f"{engine}: {one['absent']}")
                    del told[engine]
                    continue
                told[engine].append(one)
                progress(f"{name}, {engine}: {min(one['ns']):,.0f} ns a command")
    expected = digest(flow.trades)
    yardstick = [min(one["ns"]) for one in told[YARDSTICK]]
    cores = [_core(engine, found, yardstick, expected) for engine, found in told.items()]
    return Compared(name, len(flow.timed_steps), len(flow.trades), cores, absent)


def _core(name: str, told: list[Told], yardstick: list[float], expected: str) -> Core:
    ns = [min(one["ns"]) for one in told]
    ratios = [one / plain for one, plain in zip(ns, yardstick, strict=True)]
    trades = told[0]["trades"]
    outcome = "not told" if trades is None else "same" if trades == expected else "different"
    return Core(name, told[0]["version"], ns, ratios, median(ratios), outcome, told[0]["note"])


def _workers(
    flow: PeerFlow, builds: Builds, pythons: Sequence[str], directory: Path
) -> dict[str, Callable[[], Told]]:
    steps, workload = directory / "steps", directory / "workload"
    steps.write_text(json.dumps({"before": flow.before_steps, "timed": flow.timed_steps}))
    workload.write_bytes(msgspec.msgpack.encode([_played(flow.before), _played(flow.timed)]))
    found: dict[str, Callable[[], Told]] = {}
    for build, source in builds.items():
        arguments = ["-m", "bench.peers.engine_worker", str(workload), str(_BOOKS)]
        found[build] = _started([sys.executable], arguments, source)
    for name in ADAPTERS:
        arguments = ["-m", "bench.peers.worker", name, str(steps), str(_BOOKS)]
        # The yardstick runs in the Python in which our engine does.
        found[name] = (
            _started([sys.executable], arguments) if name == YARDSTICK else _tried(pythons, arguments)
        )
    return found


def _played(entries: Sequence[Entry]) -> list[tuple[int, list[Any]]]:
    return [(entry.session_id, [shortest(command) for command in entry.commands]) for entry in entries]


def _started(
    command: Sequence[str], arguments: Sequence[str], source: Path | None = None
) -> Callable[[], Told]:
    return lambda: _told([*command, *arguments], source)


def _tried(pythons: Sequence[str], arguments: Sequence[str]) -> Callable[[], Told]:
    """Plays in the first Python that has the engine. One that fails is left out, and what it said is told."""

    def run() -> Told:
        told: Told = {"absent": "no Python was given"}
        for python in pythons:
            try:
                told = _told([python, *arguments], None)
            except WorkerError as error:
                return {"absent": f"failed: {error}"}
            if "absent" not in told:
                break
        return told

    return run


def _told(command: Sequence[str], source: Path | None) -> Told:
    path = [str(source)] if source is not None else []
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(REPOSITORY)]), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise WorkerError(f"{' '.join(command[1:4])}: {said[-1] if said else f'exit {done.returncode}'}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def as_text(found: Compared) -> list[str]:
    lines = [
        f"{found.flow}: {found.commands:,} commands, {found.trades:,} trades; best of {_BOOKS} books, "
        f"median of {len(found.cores[0].ns)} rounds",
        f"  {'':<22}{'version':<11}{'ns':>8}{'/ plain':>9}  trades",
    ]
    for one in sorted(found.cores, key=lambda core: core.ratio):
        lines.append(
            f"  {one.name:<22}{one.version:<11}{median(one.ns):>8,.0f}{one.ratio:>9.2f}  {one.trades}"
            + (f"; {one.note}" if one.note else "")
        )
    lines += [f"  SKIPPED {why}" for why in found.absent]
    for build, bar in BARS.get(found.flow, {}).items():
        ratio = found.ratio(build)
        if ratio is not None:
            outcome = "reached" if ratio <= bar else "MISSED"
            lines.append(f"  {build} / plain: {ratio:.2f}, bar <= {bar:g}: {outcome}")
    beside = found.ratio("liquibook")
    if beside is not None:
        lines += [
            f"  {build} / Liquibook called from Python: {ratio / beside:.2f}"
            for build in (INTERPRETED, COMPILED)
            if (ratio := found.ratio(build)) is not None
        ]
    return lines
