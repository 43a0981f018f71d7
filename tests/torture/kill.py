"""Kill the engine under load, start it again, and see that nothing answered was lost or done twice.

    python -m tests.torture.kill --kills 150 --seed 1
    python -m tests.torture.kill --kills 150 --seed 3 --follow
    python -m tests.torture.kill --kills 10000 --jobs 2 --summary kills.json

A real engine process, real TCP, real sessions that reconnect and resume, a subscriber of the feed and a
reader of a drop copy. A tenth of the deaths come at a change of the journal's directory (`--changes`): see
`fragile`. With `--follow` a follower runs beside the engine, which is killed as well, and whose snapshots
every start goes on from. Most lives are forked by a process that has imported everything, see `nursery`;
one in twenty is a new interpreter.

The seed gives the commands and the moments; where they meet is up to the machine, so a seed repeats the
kind of a run and not each of its instructions.

More than 250 kills are several tortures, each with the next seed, a journal of its own that is deleted when
it has been proven, and a line that says how far it has got. `--jobs` of them run at a time. What
`--summary` names holds what has been proven so far, and the same command goes on behind it.
"""

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

import uvloop
from msgspec import Struct

from tests.torture.plants import PLANTS
from tests.torture.summary import Summary, keep_progress, load_progress
from tests.torture.torture import Kind, torture

# A torture keeps its journal, and what was told, to its end: so many are some 100 MB and a minute.
_KILLS_A_TORTURE_MAX: Final = 250
# A batch of this load has to fit into a segment.
_SEGMENT_KIB_MIN: Final = 512


class Share(Struct, frozen=True):
    """What one torture is to do."""

    above: Path | None  # where its directory goes, which stays where anything is wrong
    kills: int
    seed: int
    kind: Kind


def proven(share: Share) -> tuple[int, Summary | str]:
    """The seed, and what its torture came to: a text is what went wrong."""
    directory = Path(tempfile.mkdtemp(prefix="carbonmatch-torture-", dir=share.above))
    try:
        summary = uvloop.run(torture(directory, share.kills, share.seed, share.kind))
    except Exception:
        # Not every exception can be sent to another process.
        return share.seed, traceback.format_exc()
    shutil.rmtree(directory)
    return share.seed, summary


def _shares(options: argparse.Namespace, kind: Kind) -> Iterator[Share]:
    for seed, done in enumerate(range(0, options.kills, _KILLS_A_TORTURE_MAX), options.seed):
        yield Share(options.directory, min(_KILLS_A_TORTURE_MAX, options.kills - done), seed, kind)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture.kill",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="tortures at a time")
    parser.add_argument("--summary", type=Path, help="where what was proven is kept, as JSON")
    parser.add_argument("--directory", type=Path, help="where journals go; they stay after a failure only")
    parser.add_argument("--segment-kib", type=int, default=Kind().segment_kib, metavar="K")
    parser.add_argument("--changes", type=float, default=Kind().changes, metavar="SHARE")
    parser.add_argument("--follow", action="store_true", help="with a follower beside the engine")
    parser.add_argument("--plant", choices=PLANTS, default="", help="a fault that is to be found")
    options = parser.parse_args(arguments)
    if 0 < options.segment_kib < _SEGMENT_KIB_MIN:
        parser.error(f"--segment-kib {options.segment_kib}, expected 0 or at least {_SEGMENT_KIB_MIN}")
    kind = Kind(options.segment_kib, options.changes, options.follow, options.plant)
    progress = load_progress(options.summary, options.kills, f"seed {options.seed}, {kind}")
    began = monotonic()
    left = [share for share in _shares(options, kind) if share.seed not in progress.tortures]
    # Each in a process of its own, which is not forked: a torture begins with nothing of the others.
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=1) as pool:
        for seed, found in pool.imap_unordered(proven, left):
            if isinstance(found, str):
                print(found, file=sys.stderr)
                return 1
            progress.tortures[seed] = found
            if options.summary is not None:
                keep_progress(options.summary, progress)
            killed = progress.total().kills
            print(f"{killed:,} of {options.kills:,} kills, {monotonic() - began:,.0f} s", flush=True)
    print(f"seed {options.seed}: {progress.total()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
