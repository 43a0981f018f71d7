"""A journal of random commands, executed again wherever it could come out otherwise.

    python -m tests.server.determinism --commands 1000000 --seed 1 --python python3.12 --python python3.13

One process writes the journal, a follower takes snapshots of it on the way, and then every given Python
executes it again: with hash seeds 0, 1 and random, with the garbage collector off and much too busy, from
the first command and from each snapshot. Every byte is compared with the journal on the way, and the digest
of the state at the end with that of the engine which wrote it.
"""

import argparse
import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Final

from carbonmatch.journal import snapshots
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.tail import Tail
from carbonmatch.journal_tools import replay
from carbonmatch.matching import state
from carbonmatch.matching.messages import Entry
from carbonmatch.ops.follower_metrics import FollowerCounters
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.follower import Follower, SnapshotPolicy
from carbonmatch.server.recovery import from_nothing
from tests.matching.worlds import seeded
from tests.server.journaled import Journaled

ROOT: Final = Path(__file__).parents[2]
HASH_SEEDS: Final = ("0", "1", "random")
COLLECTORS: Final = ("off", "busy")
# Objects between two looks of the collector; the usual 700 would hardly ever meet a command half-way.
_BUSY_THRESHOLD: Final = 50
_SEGMENT_BYTES: Final = 4 * 1024 * 1024
_SNAPSHOTS: Final = 4


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.replay is not None:
        _collect(options.gc)
        print("\n".join(digests(options.replay)))
        return 0
    with tempfile.TemporaryDirectory(prefix="carbonmatch-determinism-") as name:
        directory = Path(name) / "journal"
        expected = write(directory, options.seed, options.commands)
        print(f"seed {options.seed}: state {expected} after {options.commands:,} commands")
        wrong = 0
        for python in options.python or [sys.executable]:
            for hash_seed in HASH_SEEDS:
                for collector in COLLECTORS:
                    found = replayed(python, directory, hash_seed, collector)
                    same = set(found) == {expected}
                    wrong += not same
                    print(
                        f"{python}, hash seed {hash_seed}, collector {collector}: {len(found)} starts, "
                        f"{'all the same' if same else f'DIFFERENT: {found}'}"
                    )
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(prog="python -m tests.server.determinism")
    it.add_argument("--commands", type=int, default=1_000_000)
    it.add_argument("--seed", type=int, default=1)
    it.add_argument("--python", action="append", help="also another version's; default: this one")
    it.add_argument("--replay", type=Path, help="execute this journal and print the digests: for children")
    it.add_argument("--gc", choices=COLLECTORS, default="off")
    return it


def write(directory: Path, seed: int, commands: int) -> str:
    """Journal a world, in batches of any size; the digest of the state at its end."""
    storage = DiskStorage(directory)
    venue = Journaled(storage, _SEGMENT_BYTES, relaxed=True)
    for batch in _batches(seeded(seed, commands), Random(seed)):
        venue.batch(batch)
    venue.writer.close()
    _take_snapshots(storage, commands)
    storage.release()
    return state.digest(venue.engine).hex()


def _batches(entries: Iterable[Entry], random: Random) -> Iterable[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if random.random() < 0.05:
            yield batch
            batch = []
    if batch:
        yield batch


def _take_snapshots(storage: DiskStorage, commands: int) -> None:
    start = from_nothing()
    tail = Tail(storage, start.anchor, 1, lambda _: None)
    policy = SnapshotPolicy(max(1, commands // _SNAPSHOTS), 10**9)
    follower = Follower(storage, tail, start, policy, Clocks(lambda: 0, lambda: 0), FollowerCounters())
    while follower.advance():
        pass


def replayed(python: str, directory: Path, hash_seed: str, collector: str) -> list[str]:
    """The digests that a process of its own comes to."""
    done = subprocess.run(
        [python, "-m", "tests.server.determinism", "--replay", str(directory), "--gc", collector],
        env={
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        },
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.split()


def digests(directory: Path) -> list[str]:
    """Of the state at the end, from the first command and from every snapshot."""
    starts = [0, *snapshots.sequences(DiskStorage(directory))]
    return [replay(directory, from_snapshot=start).state_digest.hex() for start in starts]


def _collect(collector: str) -> None:
    gc.disable()
    if collector == "busy":
        gc.set_threshold(_BUSY_THRESHOLD)
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
