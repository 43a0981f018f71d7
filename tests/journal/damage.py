"""Power cuts and damage in numbers: the journal's real code on a disk that tears, forgets and decays.

    python -m tests.journal.damage --cuts 20000 --flips 20000

Power cuts: worlds in which power fails, or the process is killed, between any two calls of the disk, again
and again; see `test_power_cuts`. Damage: a journal of random commands, three epochs and several segments is
damaged in one way, and read: it has to be refused, or to give the very same commands.

Each number in a line that is not 0 and should be is an assertion before it is printed. A failure says its
seed; `--first SEED --cuts 1` or `--first SEED --flips 1` repeats it.
"""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import Final

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.record import SECTOR_BYTES, StoredRecord, record_bytes
from tests.journal.model_disk import ModelDisk
from tests.journal.test_damage import commands
from tests.journal.test_power_cuts import live_through, some_payload
from tests.journal.worlds import append, start

SEGMENT_BYTES: Final = 8192
# One journal is damaged this many times: to make one costs more than to read it.
_DAMAGES_A_JOURNAL: Final = 50
# Of the chances that a world has to lose power, it takes so many at least.
_CUTS_A_WORLD: Final = 3
_CHUNK: Final = 20

Tally = Counter[str]


def seeded(seed: int, what: Callable[[int], Tally]) -> Tally:
    try:
        return what(seed)
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise


# --- power cuts ----------------------------------------------------------------------------------


def cuts(seeds: Sequence[int]) -> Tally:
    logging.getLogger("carbonmatch.journal.recovery").setLevel(logging.CRITICAL)
    tally: Tally = Counter()
    for seed in seeds:
        tally += seeded(seed, world)
    return tally


def world(seed: int) -> Tally:
    cut, torn = live_through(seed)
    return Counter(cuts=cut, torn=torn)


# --- damage --------------------------------------------------------------------------------------


def journal(random: Random) -> ModelDisk:
    """Three epochs, several segments, an end that may be open, sealed or closed."""
    disk = ModelDisk(random.randrange(2**32))
    for epoch in range(3):
        writer = start(disk, segment_bytes=SEGMENT_BYTES, spares=random.randrange(1, 3))
        for _ in range(random.randrange(1, 20)):
            append(writer, some_payload(random), count=random.randrange(1, 5))
            if random.random() < 0.2:
                writer.seal()
            writer.prepare_next()
        end = random.choice(("open", "sealed", "closed"))
        if end == "sealed":
            writer.seal()
        elif end == "closed":
            writer.close()
        disk.process()
        assert epoch < 3
    return disk


def damages(seeds: Sequence[int]) -> Tally:
    tally: Tally = Counter()
    for seed in seeds:
        tally += seeded(seed, damage)
    return tally


def damage(seed: int) -> Tally:
    """One journal, damaged in many ways, each on its own."""
    random = Random(seed)
    disk = journal(random)
    expected = commands(disk)
    whole = {name: bytes(disk.bytes_of(name)) for name in disk.list()}
    last = max(name for name, data in whole.items() if any(data[:SECTOR_BYTES]))
    tally: Tally = Counter()
    for what, name, damaged in _damaged(random, whole):
        disk.bytes_of(name)[:] = damaged
        try:
            found = commands(disk)
        except JournalDamaged:
            tally[f"{what}s refused"] += 1
        else:
            lost = expected[len(found) :]
            assert found == expected[: len(found)], f"{what} in {name}: other commands"
            if not lost:
                tally[f"{what}s harmless"] += 1
                assert what != "flip" or not _is_written(whole[name], damaged), f"{name}: nobody said so"
            else:
                explained = name == last and _looks_unwritten(what, whole[name], damaged, lost)
                assert explained, f"{what} in {name}"
                tally[f"{what}s of the very end"] += 1
        disk.bytes_of(name)[:] = whole[name]
    return tally


def _damaged(random: Random, whole: dict[str, bytes]) -> Iterator[tuple[str, str, bytes]]:
    """What is done, to which file, and its bytes afterwards."""
    used = [name for name, data in whole.items() if any(data)]
    for _ in range(_DAMAGES_A_JOURNAL):
        name = random.choice(used)
        data = bytearray(whole[name])
        at = random.randrange(len(data.rstrip(b"\0")))
        data[at] ^= 1 << random.randrange(8)
        yield "flip", name, bytes(data)
    for _ in range(_DAMAGES_A_JOURNAL // 10):
        for what in ("zeroed sector", "duplicated sector", "swapped sector", "truncation"):
            name = random.choice(used)
            yield what, name, _in_sectors(random, what, whole[name])


def _in_sectors(random: Random, what: str, whole: bytes) -> bytes:
    if what == "truncation":
        return whole[: random.randrange(len(whole.rstrip(b"\0")))]
    data = bytearray(whole)
    sectors = -(-len(data.rstrip(b"\0")) // SECTOR_BYTES)
    one, other = (slice(at * SECTOR_BYTES, (at + 1) * SECTOR_BYTES) for at in _two(random, sectors))
    if what == "zeroed sector":
        data[one] = bytes(len(data[one]))
    elif what == "duplicated sector":
        data[one] = whole[other]
    else:
        data[one], data[other] = whole[other], whole[one]
    return bytes(data)


def _two(random: Random, count: int) -> tuple[int, int]:
    return random.randrange(count), random.randrange(count)


def _is_written(whole: bytes, damaged: bytes) -> bool:
    return any(one and one != other for one, other in zip(whole, damaged, strict=True))


def _looks_unwritten(what: str, whole: bytes, damaged: bytes, lost: list[StoredRecord]) -> bool:
    """Whether it is what a last write leaves that did not arrive as a whole: nobody can tell that apart.

    A sector of the last record is zero now; or all is zero from a sector on that the lost ones reach into.
    """
    if "sector" not in what:
        return False
    first = next(at for at, (one, other) in enumerate(zip(whole, damaged, strict=True)) if one != other)
    sector = first - first % SECTOR_BYTES
    if any(damaged[sector : sector + SECTOR_BYTES]):
        return False
    if any(damaged[sector:]) and len(lost) > 1:
        return False
    return all(one.offset + record_bytes(len(one.payload)) > sector for one in lost)


# --- all of it -----------------------------------------------------------------------------------


def spread(work: Callable[[Sequence[int]], Tally], first: int, count: int, processes: int) -> Tally:
    """The tallies of `count` seeds, added up; over processes, since each seed is a world of its own."""
    seeds = range(first, first + count)
    chunks = [seeds[start : start + _CHUNK] for start in range(0, count, _CHUNK)]
    tally: Tally = Counter()
    with ProcessPoolExecutor(processes) as pool:
        for part in pool.map(work, chunks):
            tally += part
    return tally


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.journal.damage", description=__doc__)
    parser.add_argument("--cuts", type=int, default=20_000, help="power cuts, at least")
    parser.add_argument("--flips", type=int, default=20_000, help="bit flips, at least")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    began = time.monotonic()
    worlds = -(-options.cuts // _CUTS_A_WORLD)
    tally = spread(cuts, options.first, worlds, options.processes)
    print(
        f"{tally['cuts']:,} power cuts in {worlds:,} worlds, {tally['torn']:,} torn tails: 0 durable records "
        f"lost, 0 false refusals; {time.monotonic() - began:.0f} s",
        flush=True,
    )
    began = time.monotonic()
    tally = spread(damages, options.first, -(-options.flips // _DAMAGES_A_JOURNAL), options.processes)
    for what in ("flip", "zeroed sector", "duplicated sector", "swapped sector", "truncation"):
        counts = {end: tally[f"{what}s {end}"] for end in ("refused", "harmless", "of the very end")}
        print(
            f"{sum(counts.values()):,} {what}s: {counts['refused']:,} refused, {counts['harmless']:,} "
            f"without effect, {counts['of the very end']:,} like a last write that never arrived, 0 replayed"
        )
    print(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
