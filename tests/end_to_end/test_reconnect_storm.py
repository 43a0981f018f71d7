"""Sessions that come and go all the time while they trade: nothing is lost, and nothing is left behind.

CARBONMATCH_RECONNECTS=10000 pytest tests/end_to_end/test_reconnect_storm.py
"""

import asyncio
import gc
import os
import random
from pathlib import Path
from typing import Final

import pytest

from carbonmatch.matching.messages import Accepted, Cancel, NewOrder, Ref, Side
from carbonmatch.protocol.messages import Logout
from carbonmatch.server import stream as stream_module
from carbonmatch.server.catch_up import CatchUp
from carbonmatch.server.peer import Peer
from tests.end_to_end.copies import NAMES, assert_complete, read_copies, read_streams
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue, eventually, running
from tests.end_to_end.wire import SECONDS_MAX

RECONNECTS: Final = int(os.environ.get("CARBONMATCH_RECONNECTS", "300"))
SEED: Final = int(os.environ.get("CARBONMATCH_SEED", "1"))
# What a fixed number of sessions and a bounded past may still move after a warm-up.
_GROWTH_BYTES_MAX: Final = 24 * 2**20


async def storm(venue: Venue, reconnects: int, dice: random.Random) -> None:
    """Every session and the copy reconnect side by side; each ends its connections as it likes."""
    each = reconnects // (len(NAMES) + 1)
    async with asyncio.TaskGroup() as group:
        for name in NAMES.values():
            group.create_task(come_and_go(venue, name, each, random.Random(dice.random())))
        group.create_task(look_in(venue, each, random.Random(dice.random())))


async def come_and_go(venue: Venue, name: str, times: int, dice: random.Random) -> None:
    for _ in range(times):
        async with venue.wire(name, dice.choice((0, 1)), cancel_on_disconnect=dice.random() < 0.3) as wire:
            ref = wire.accepted.last_ref
            side = dice.choice((Side.BUY, Side.SELL))
            wire.send(
                NewOrder(Ref(ref + 1), EUA, side, dice.randint(1, 20), 7000 + dice.randint(-2, 2)),
                NewOrder(Ref(ref + 2), EUA, side, 1, 7000),
                Cancel(Ref(ref + 3), Ref(ref + 1)),
            )
            if dice.random() < 0.2:
                # The command again, whose answer may not have come yet.
                wire.send(NewOrder(Ref(ref + 2), EUA, side, 1, 7000))
            ending = dice.random()
            if ending < 0.4:
                wire.abort()
            elif ending < 0.7:
                await wire.frame()
            else:
                wire.send(Logout())
                await wire.goodbye()


async def look_in(venue: Venue, times: int, dice: random.Random) -> None:
    for _ in range(times):
        async with venue.copy_wire(dice.choice((0, 1))) as copy:
            await copy.settle()
            if dice.random() < 0.5:
                copy.abort()


async def come_to_rest(venue: Venue) -> None:
    """Return when nothing of what the connections asked for is under way, now that they are gone.

    Their last commands are on their way to the disk, and a repeat waits for that with its connection; orders
    are about to go; a slice of the past is being read, from a file, for somebody who is not there any more.
    """
    gateway, pipeline = venue.service._gateway, venue.service._pipeline
    await eventually(lambda: not venue.service._floor.connection_count)
    await eventually(lambda: not gateway._lost_at_ns)
    # Not only durable: copies are released a turn later.
    await eventually(lambda: pipeline._published_sequence == venue.engine.sequence)
    # There is one thread that reads: whatever was asked of it before is answered before this.
    has_read: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    venue.service._scheduler.read(lambda: None, has_read.set_result, has_read.set_exception)
    async with asyncio.timeout(SECONDS_MAX):
        await has_read


def left_behind(venue: Venue) -> list[object]:
    """Whatever belongs to a connection and is still alive."""
    gc.collect()
    # The gateway remembers who was served last, to know whoever trades alone.
    served_last = venue.service._gateway._served_last
    return [each for each in gc.get_objects() if isinstance(each, Peer | CatchUp) and each is not served_last]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.timeout(3_600)
async def test_a_storm_of_reconnects_loses_nothing_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The past comes from memory and from the journal.
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 2_000)
    dice = random.Random(SEED)
    async with running(tmp_path / "journal") as venue:
        await storm(venue, RECONNECTS // 4, dice)
        await come_to_rest(venue)
        tasks, files, resident = len(asyncio.all_tasks()), descriptors(), resident_bytes()
        await storm(venue, RECONNECTS - RECONNECTS // 4, dice)
        await come_to_rest(venue)
        assert left_behind(venue) == []
        assert not venue.service._gateway.owners
        assert not venue.service._drop_copies.owners
        assert len(asyncio.all_tasks()) == tasks
        assert descriptors() <= files
        growth = resident_bytes() - resident
        assert growth < _GROWTH_BYTES_MAX, f"{growth} bytes more than after the warm-up; seed {SEED}"

        streams = await read_streams(venue)
        for stream in streams.values():
            assert [report.seq for report in stream] == list(range(1, len(stream) + 1))
            entered = [report.ref for report in stream if isinstance(report, Accepted)]
            assert len(set(entered)) == len(entered), f"executed twice; seed {SEED}"
        assert_complete(await read_copies(venue), streams)
        venue.engine.check()
    print(f"{RECONNECTS} reconnects, seed {SEED}: {growth / 2**20:.1f} MiB more, nothing left behind")


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
