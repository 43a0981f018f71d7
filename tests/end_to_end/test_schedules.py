"""Trading days on the real process: by its clock, over kills, with operators in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.config import Config, Journal, parse
from carbonmatch.matching.messages import (
    Accepted,
    Canceled,
    CancelReason,
    Done,
    Executed,
    Liquidity,
    NewOrder,
    Phase,
    Ref,
    Rejected,
    RejectReason,
    Resume,
    SetPhase,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.messages import PhaseUpdate, SnapshotBegin, Subscribe
from carbonmatch.server.schedules import Schedules
from tests.end_to_end import market
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Clock, Disk, Process, Venue, eventually, running
from tests.end_to_end.wire import Wire

NS = 1_000_000_000
HOUR = 3_600


def scheduled(begins: int = 0, **steps: int) -> str:
    """The file of the market whose EUA has one day: phases, by seconds from `begins` (since 1970) on.

    Without steps that day is long past.
    """
    day = datetime.fromtimestamp(begins, UTC)
    of_day = begins % 86_400
    lines = [
        f'{{ at = "{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}", phase = "{phase.rstrip("2")}" }},'
        for phase, at in ((phase, of_day + seconds) for phase, seconds in steps.items())
    ]
    text = market.text().replace('symbol = "EUA"\n', 'symbol = "EUA"\nschedule = "day"\n')
    return f"""{text}
[[calendars]]
name = "none"
time_zone = "UTC"
weekdays = []

[[schedules]]
name = "day"
calendar = "none"

[[schedules.special]]
dates = [{day:%Y-%m-%d}]
steps = [
{chr(10).join(lines)}
]
"""


def order(ref: int, side: Side, lots: int, price: int, time_in_force: TimeInForce) -> NewOrder:
    return NewOrder(Ref(ref), EUA, side, lots, price, time_in_force=time_in_force)


def now() -> int:
    """The next full second, since 1970."""
    return ceil(time.time())


class Watcher:
    """What the feed says of EUA's phase."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.updates: list[PhaseUpdate] = []

    async def subscribe(self) -> SnapshotBegin:
        self._wire.send(Subscribe(Ref(1), (EUA,)))
        while True:
            for message in await self._wire.frame():
                if isinstance(message, SnapshotBegin):
                    return message

    async def until(self, phase: Phase) -> PhaseUpdate:
        while not self.updates or self.updates[-1].phase is not phase:
            self.updates += [one for one in await self._wire.frame() if isinstance(one, PhaseUpdate)]
        return self.updates[-1]

    def phases(self) -> list[Phase]:
        return [phase for phase, _ in groupby(self.updates, lambda update: update.phase)]


@asynccontextmanager
async def watching(process: Any) -> AsyncIterator[Watcher]:
    async with process.feed_wire() as wire:
        yield Watcher(wire)


async def test_a_day_of_seconds_goes_by_on_a_real_clock(process: Process) -> None:
    process.text = scheduled()
    await process.start()
    async with watching(process) as feed, process.wire("alice") as alice, process.wire("bob") as bob:
        assert (await feed.subscribe()).phase is Phase.CLOSED
        alice.send(order(1, Side.BUY, 1, 7000, TimeInForce.DAY))
        (refused,) = await alice.reports(1)
        assert isinstance(refused, Rejected)
        assert refused.reason is RejectReason.CLOSED
        begins = now() + 1
        await process.reload(
            scheduled(begins, pre_open=0, opening_auction=1, continuous=2, closed=4), "reloaded"
        )
        opened = await feed.until(Phase.PRE_OPEN)
        assert begins * NS <= opened.time_ns
        assert opened.until_ns == (begins + 1) * NS
        alice.send(
            order(2, Side.BUY, 10, 7000, TimeInForce.DAY), order(3, Side.BUY, 5, 6000, TimeInForce.GTC)
        )
        assert [type(report) for report in await alice.reports(2)] == [Accepted, Accepted]
        # They cross, and wait for the auction.
        bob.send(order(1, Side.SELL, 4, 6990, TimeInForce.DAY))
        assert type((await bob.reports(1))[0]) is Accepted
        fill, expired = await alice.reports(2)
        assert isinstance(fill, Executed)
        assert fill.quantity_lots == 4
        assert fill.time_ns >= (begins + 2) * NS
        assert isinstance(expired, Canceled)
        assert (expired.reason, expired.canceled_lots) == (CancelReason.EXPIRED, 6)
        closed = await feed.until(Phase.CLOSED)
        assert closed.time_ns >= (begins + 4) * NS
        assert closed.until_ns == 0
        assert feed.phases() == [
            Phase.PRE_OPEN,
            Phase.OPENING_AUCTION,
            Phase.CONTINUOUS,
            Phase.CLOSED,
        ]
    assert await process.stop() == 0


async def test_a_close_that_was_missed_by_a_killed_venue_is_made_up_before_anybody_is_let_in(
    process: Process,
) -> None:
    begins = now() - 10
    process.text = scheduled(begins, continuous=0, closed=HOUR)
    await process.start()
    async with process.wire("alice") as alice:
        alice.send(
            order(1, Side.BUY, 10, 7000, TimeInForce.DAY), order(2, Side.BUY, 5, 6000, TimeInForce.GTC)
        )
        assert [type(report) for report in await alice.reports(2)] == [Accepted, Accepted]
    await process.kill()
    # As if all that had been an hour ago.
    process.text = scheduled(begins, continuous=0, closed=9)
    await process.start()
    (made_up,) = process.events("steps_made_up")
    assert made_up["text"].startswith("1 into CLOSED")
    async with process.wire("alice", next_seq=3) as alice, watching(process) as feed:
        (expired,) = await alice.reports(1)
        assert (expired.reason, expired.canceled_lots) == (CancelReason.EXPIRED, 10)
        assert (await feed.subscribe()).phase is Phase.CLOSED
        alice.send(order(3, Side.BUY, 1, 7000, TimeInForce.DAY))
        (refused,) = await alice.reports(1)
        assert refused.reason is RejectReason.CLOSED
    await process.kill()
    await process.start()
    assert process.events("steps_made_up") == []
    assert await process.stop() == 0


async def test_an_operator_holds_extends_and_resumes(clock: Clock, tmp_path: Path) -> None:
    begins = now() - HOUR
    text = scheduled(begins, continuous=0, **{"break": 2 * HOUR}, continuous2=3 * HOUR, closed=4 * HOUR)
    async with (
        running(tmp_path / "journal", _config(text, tmp_path)) as venue,
        venue.wire("operator") as operator,
        watching(venue) as feed,
    ):
        begun = await feed.subscribe()
        assert (begun.phase, begun.until_ns) == (Phase.CONTINUOUS, (begins + 2 * HOUR) * NS)
        operator.send(SetPhase(Ref(1), EUA, Phase.HALTED, "news"))
        assert type((await operator.reports(1))[0]) is Done
        assert (await feed.until(Phase.HALTED)).until_ns == 0
        # The break comes and goes beneath the halt.
        clock.advance_utc(2.5 * HOUR)
        venue.sweep()
        operator.send(Resume(Ref(2), EUA, "over"))
        assert type((await operator.reports(1))[0]) is Done
        resumed = await feed.until(Phase.CONTINUOUS)
        assert (resumed.text, resumed.until_ns) == ("over", (begins + 4 * HOUR) * NS)
        until_ns = (begins + 5 * HOUR) * NS
        operator.send(SetPhase(Ref(3), EUA, Phase.CONTINUOUS, "longer", until_ns))
        await operator.reports(1)
        clock.advance_utc(HOUR)
        venue.sweep()
        assert venue.engine.instruments[EUA].phase is Phase.CONTINUOUS
        assert venue.engine.instruments[EUA].course.scheduled is Phase.CLOSED
        status, metrics = await venue.get("/metrics")
        assert status == 200
        assert (
            f'carbonmatch_instrument_phase_end_time_seconds{{instrument="EUA"}} {until_ns // NS}\n' in metrics
        )
        clock.advance_utc(HOUR)
        venue.sweep()
        await feed.until(Phase.CLOSED)
        assert feed.phases() == [Phase.HALTED, Phase.CONTINUOUS, Phase.CLOSED]


def _config(text: str, directory: Path) -> Config:
    return structs.replace(parse(text, "venue.toml"), journal=_journal(directory / "journal"))


def _journal(directory: Path) -> Journal:
    return structs.replace(Journal(), directory=str(directory), segment_mib=1)


async def test_an_auction_whose_end_was_missed_is_carried_out_by_the_next_start(
    clock: Clock, tmp_path: Path
) -> None:
    begins = now() - HOUR
    text = scheduled(begins, opening_auction=0, continuous=2 * HOUR, closed=9 * HOUR)
    async with (
        running(tmp_path / "journal", _config(text, tmp_path)) as venue,
        venue.wire("alice") as alice,
        venue.wire("bob") as bob,
    ):
        alice.send(order(1, Side.BUY, 10, 7000, TimeInForce.GTC))
        bob.send(order(1, Side.SELL, 4, 6990, TimeInForce.GTC))
        await alice.reports(1)
        await bob.reports(1)
        left = venue.crash_copy(tmp_path / "left")
    clock.advance_utc(2 * HOUR)
    async with (
        running(left, structs.replace(_config(text, tmp_path), journal=_journal(left))) as venue,
        venue.wire("alice", next_seq=2) as alice,
        watching(venue) as feed,
    ):
        (fill,) = await alice.reports(1)
        assert isinstance(fill, Executed)
        assert (fill.quantity_lots, fill.liquidity) == (4, Liquidity.AUCTION)
        begun = await feed.subscribe()
        assert (begun.phase, begun.until_ns) == (Phase.CONTINUOUS, (begins + 9 * HOUR) * NS)
        _, metrics = await venue.get("/metrics")
        assert 'carbonmatch_trades_total{instrument="EUA"} 1\n' in metrics


async def test_nobody_is_let_in_before_steps_that_were_missed_are_on_the_disk(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feed shows what is durable: whoever came earlier would see phases of before the start."""
    begins = now() - 2 * HOUR
    venue = Venue(tmp_path / "journal", _config(scheduled(begins, continuous=0, closed=3 * HOUR), tmp_path))
    run, runs = Schedules.run, 0

    def run_and_hold(schedules: Schedules) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            holding.enter_context(disk.held())
        run(schedules)

    monkeypatch.setattr(Schedules, "run", run_and_hold)
    with ExitStack() as holding:
        start = asyncio.create_task(venue.start())
        await eventually(lambda: runs > 0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert "order_entry" not in venue.addresses
    await start
    try:
        async with watching(venue) as feed:
            assert (await feed.subscribe()).phase is Phase.CONTINUOUS
    finally:
        await venue.stop()
