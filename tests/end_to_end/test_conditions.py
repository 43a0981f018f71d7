"""Stops, icebergs, minimum quantity and dates: over the wire, in the feed, and over a restart."""

import time
from pathlib import Path

import pytest

from carbonmatch.client import OrderRejected
from carbonmatch.matching.messages import (
    AcceptedLong,
    Canceled,
    CancelReason,
    Executed,
    OrderStatus,
    OrderType,
    RejectReason,
    Replaced,
    Side,
    TimeInForce,
    Triggered,
)
from carbonmatch.protocol.messages import LevelUpdate
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Clock, Venue, eventually, running
from tests.end_to_end.test_market_data import Follower
from tests.end_to_end.test_orders import events

HOUR_NS = 3_600 * 10**9


async def test_a_stop_waits_fires_and_trades(venue: Venue) -> None:
    async with venue.session("alice") as alice, venue.session("bob") as bob:
        await bob.new_order(EUA, Side.SELL, 1, 7000)
        await bob.new_order(EUA, Side.SELL, 5, 7010)
        (accepted,) = await alice.new_order(
            EUA, Side.BUY, 5, 7020, order_type=OrderType.STOP_LIMIT, stop_price_ticks=7001
        )
        assert isinstance(accepted, AcceptedLong)
        assert (accepted.order_type, accepted.stop_price_ticks) == (OrderType.STOP_LIMIT, 7001)
        (replaced,) = await alice.replace(5, 7010, order_ref=1, stop_price_ticks=7000)
        assert isinstance(replaced, Replaced)
        assert replaced.stop_price_ticks == 7000
        status, _ = await alice.order_status(order_ref=2)
        assert isinstance(status, OrderStatus)
        assert (status.price_ticks, status.stop_price_ticks) == (7010, 7000)
        await alice.new_order(EUA, Side.BUY, 1, 7000)
        *_, triggered, executed = await events(alice, 8)
        assert isinstance(triggered, Triggered)
        assert (triggered.ref, triggered.stop_price_ticks, triggered.price_ticks) == (0, 7000, 7010)
        assert isinstance(executed, Executed)
        assert (executed.price_ticks, executed.quantity_lots, executed.leaves_lots) == (7010, 5, 0)


async def test_the_feed_shows_slices_and_no_stops(venue: Venue) -> None:
    async with venue.session("alice") as alice, venue.session("bob") as bob, venue.feed_wire() as wire:
        feed = Follower(wire)
        await feed.subscribe(EUA)
        await bob.new_order(EUA, Side.SELL, 50, 7000, display_lots=20)
        await alice.new_order(EUA, Side.SELL, 9, 6000, order_type=OrderType.STOP_LIMIT, stop_price_ticks=6500)
        updates = [one for one in await feed.catch_up() if isinstance(one, LevelUpdate)]
        assert [(one.price_ticks, one.quantity_lots, one.order_count) for one in updates] == [(7000, 20, 1)]
        await alice.new_order(EUA, Side.BUY, 30, 7000)
        updates = [one for one in await feed.catch_up() if isinstance(one, LevelUpdate)]
        assert [(one.price_ticks, one.quantity_lots, one.order_count) for one in updates] == [(7000, 10, 1)]


async def test_a_minimum_that_is_not_met_is_refused_with_its_reason(venue: Venue) -> None:
    async with venue.session("alice") as alice:
        with pytest.raises(OrderRejected) as refused:
            await alice.new_order(EUA, Side.BUY, 5, 7000, minimum_lots=3)
        assert refused.value.reason is RejectReason.MINIMUM_NOT_MET


async def test_what_an_instrument_does_not_allow_is_refused_with_its_reason(venue: Venue) -> None:
    async with venue.session("alice") as alice:
        with pytest.raises(OrderRejected) as refused:
            await alice.new_order(CEA, Side.BUY, 20, 1000, display_lots=10)
        assert refused.value.reason is RejectReason.ORDER_TYPE_NOT_ALLOWED
        with pytest.raises(OrderRejected) as refused:
            await alice.new_order(
                CEA, Side.BUY, 20, 1000, time_in_force=TimeInForce.GTD, expires_ns=time.time_ns() + HOUR_NS
            )
        assert refused.value.reason is RejectReason.TIME_IN_FORCE_NOT_ALLOWED


async def test_an_order_goes_at_its_time_though_nobody_does_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    async with running(tmp_path / "data") as venue, venue.session("alice") as alice:
        await alice.new_order(
            EUA, Side.BUY, 5, 7000, time_in_force=TimeInForce.GTD, expires_ns=clock.time_ns() + HOUR_NS
        )
        sequence = venue.engine.sequence
        venue.sweep()
        assert venue.engine.sequence == sequence, "nothing is journaled while nothing is due"
        clock.advance_utc(3_600)
        _, canceled = await events(alice, 2)
        assert isinstance(canceled, Canceled)
        assert (canceled.reason, canceled.ref) == (CancelReason.EXPIRED, 0)
        venue.sweep()
        assert venue.engine.sequence == sequence + 1


async def test_an_order_whose_time_comes_while_the_engine_is_away_goes_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    directory = tmp_path / "data"
    async with running(directory) as venue, venue.session("alice") as alice:
        await alice.new_order(
            EUA, Side.BUY, 5, 7000, time_in_force=TimeInForce.GTD, expires_ns=clock.time_ns() + HOUR_NS
        )
        crashed = venue.crash_copy(tmp_path / "crashed")
    clock.advance_utc(7_200)
    for path in (directory, crashed):
        async with running(path) as venue:
            await eventually(lambda: venue.engine.open_order_count == 0)
            async with venue.session("alice", next_seq=1) as alice:
                *_, canceled = await events(alice, 2)
                assert isinstance(canceled, Canceled)
                assert canceled.reason is CancelReason.EXPIRED
