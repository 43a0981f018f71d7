"""What a trader does all day, from the socket to the disk and back to everybody concerned."""

import asyncio

import pytest

from carbonmatch.client import OrderRejected, Session, SessionRejectedError
from carbonmatch.client.session import Event
from carbonmatch.limits import STATUS_ORDERS_MAX
from carbonmatch.matching.messages import (
    Accepted,
    Canceled,
    CancelReason,
    Done,
    Executed,
    Liquidity,
    MassCanceled,
    MassCancelScope,
    NewOrder,
    OrderStatus,
    Phase,
    Reduced,
    Ref,
    RejectReason,
    Replaced,
    ReportFlag,
    SetBand,
    SetPhase,
    Side,
    StatusEnd,
    TimeInForce,
)
from tests.end_to_end.market import ALICE_ACCOUNT, BOB_ACCOUNT, CEA, EUA
from tests.end_to_end.running import Venue
from tests.end_to_end.wire import SECONDS_MAX


async def events(session: Session, count: int) -> list[Event]:
    """The next reports of a session's stream."""
    found = []
    async with asyncio.timeout(SECONDS_MAX):
        async for event in session.events():
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_an_order_is_accepted_and_rests(venue: Venue) -> None:
    async with venue.session("alice") as alice:
        (accepted,) = await alice.new_order(EUA, Side.BUY, 10, 7000)
        assert isinstance(accepted, Accepted)
        assert (accepted.seq, accepted.ref, accepted.flags) == (1, 1, 0)
        assert (accepted.instrument_id, accepted.account_id) == (EUA, ALICE_ACCOUNT)
        assert (accepted.side, accepted.price_ticks, accepted.quantity_lots) == (Side.BUY, 7000, 10)
        status, end = await alice.order_status(order_ref=1)
        assert isinstance(status, OrderStatus)
        assert (status.order_id, status.order_ref, status.leaves_lots) == (accepted.order_id, 1, 10)
        assert isinstance(end, StatusEnd)


async def test_a_trade_is_reported_to_both_sides_under_one_id(venue: Venue) -> None:
    async with venue.session("alice") as alice, venue.session("bob") as bob:
        await alice.new_order(EUA, Side.SELL, 10, 7000)
        _, taken = await bob.new_order(EUA, Side.BUY, 4, 7005)
        _, made = await events(alice, 2)
    assert isinstance(taken, Executed)
    assert isinstance(made, Executed)
    assert taken.trade_id == made.trade_id == 1
    # At the price of the maker; the maker did not ask just now, so its fill answers no ref.
    assert (taken.price_ticks, taken.quantity_lots, taken.leaves_lots) == (7000, 4, 0)
    assert (made.price_ticks, made.quantity_lots, made.leaves_lots) == (7000, 4, 6)
    assert (taken.ref, taken.side, taken.liquidity) == (1, Side.BUY, Liquidity.TAKER)
    assert (made.ref, made.side, made.liquidity) == (0, Side.SELL, Liquidity.MAKER)
    assert (taken.account_id, made.account_id) == (BOB_ACCOUNT, ALICE_ACCOUNT)
    assert taken.time_ns == made.time_ns


async def test_orders_are_cancelled_reduced_and_replaced(venue: Venue) -> None:
    async with venue.session("alice") as alice, venue.session("bob") as bob:
        await alice.new_order(EUA, Side.BUY, 10, 7000)
        (reduced,) = await alice.reduce(6, order_ref=1)
        assert isinstance(reduced, Reduced)
        assert (reduced.quantity_lots, reduced.leaves_lots) == (6, 6)

        await bob.new_order(EUA, Side.SELL, 4, 7010)
        # A replacement into the cross trades at once; what remains rests under its new name.
        replaced, executed = await alice.replace(6, 7010, order_ref=1)
        assert isinstance(replaced, Replaced)
        assert isinstance(executed, Executed)
        assert (replaced.ref, replaced.price_ticks, replaced.leaves_lots) == (3, 7010, 6)
        assert (executed.quantity_lots, executed.leaves_lots, executed.liquidity) == (4, 2, Liquidity.TAKER)

        with pytest.raises(OrderRejected) as refused:
            await alice.cancel(order_ref=1)
        assert refused.value.reason is RejectReason.UNKNOWN_ORDER
        (canceled,) = await alice.cancel(order_ref=3)
        assert isinstance(canceled, Canceled)
        assert (canceled.canceled_lots, canceled.reason) == (2, CancelReason.REQUESTED)
    assert venue.engine.open_order_count == 0


async def test_an_order_is_cancelled_by_another_session_of_its_account(venue: Venue) -> None:
    async with venue.session("alice") as first, venue.session("alice-2") as second:
        (accepted,) = await first.new_order(EUA, Side.BUY, 10, 7000)
        assert isinstance(accepted, Accepted)
        (answer,) = await second.cancel(order_id=accepted.order_id)
        _, told = await events(first, 2)
        assert isinstance(answer, Canceled)
        assert isinstance(told, Canceled)
        assert (told.ref, told.reason) == (0, CancelReason.REQUESTED_BY_OTHER_SESSION)


async def test_a_mass_cancel_takes_what_its_filter_leaves(venue: Venue) -> None:
    async with venue.session("alice") as first, venue.session("alice-2") as second:
        await first.new_order(EUA, Side.BUY, 1, 7000)
        await first.new_order(EUA, Side.SELL, 1, 7100)
        await first.new_order(CEA, Side.BUY, 20, 900)
        await second.new_order(EUA, Side.BUY, 1, 6990)
        *canceled, end = await first.mass_cancel(instrument_id=EUA, side=Side.BUY)
        assert [report.reason for report in canceled if isinstance(report, Canceled)] == [
            CancelReason.MASS_CANCEL
        ]
        assert isinstance(end, MassCanceled)
        assert (end.count, end.sequence) == (1, venue.engine.sequence)
        # Of the account: also what another session of it entered, which is told.
        *canceled, end = await first.mass_cancel(MassCancelScope.ACCOUNT, account_id=ALICE_ACCOUNT)
        assert isinstance(end, MassCanceled)
        assert (len(canceled), end.count) == (2, 3)
        _, told = await events(second, 2)
        assert isinstance(told, Canceled)
        assert (told.ref, told.reason) == (0, CancelReason.MASS_CANCEL)
    assert venue.engine.open_order_count == 0


async def test_open_orders_are_asked_for_page_by_page(venue: Venue) -> None:
    total = 2 * STATUS_ORDERS_MAX + 1
    async with venue.session("alice") as alice:
        refs = alice.send([NewOrder(Ref(0), EUA, Side.BUY, 1, 6000 + n) for n in range(total)])
        await alice.drain()
        seen: list[int] = []
        after = 0
        pages = []
        more = True
        while more:
            *orders, end = await alice.order_status(after_order_id=after)
            assert isinstance(end, StatusEnd)
            assert end.count == len(orders)
            pages.append(end.count)
            for order in orders:
                assert isinstance(order, OrderStatus)
                seen.append(order.order_ref)
                after = order.order_id
            more = end.more
    assert pages == [STATUS_ORDERS_MAX, STATUS_ORDERS_MAX, 1]
    assert seen == list(refs)


async def test_an_operator_halts_and_reopens_an_instrument(venue: Venue) -> None:
    async with venue.session("operator") as operator, venue.session("alice") as alice:
        await alice.new_order(EUA, Side.BUY, 10, 7000)

        (done,) = await operator.call(SetPhase(Ref(0), EUA, Phase.HALTED, "news"))
        assert isinstance(done, Done)
        assert done.sequence == venue.engine.sequence
        assert await refusal(alice, EUA) is RejectReason.HALTED
        # The other instrument goes on.
        await alice.new_order(CEA, Side.BUY, 20, 950)

        await operator.call(SetPhase(Ref(0), EUA, Phase.CANCEL_ONLY))
        assert await refusal(alice, EUA) is RejectReason.CANCEL_ONLY
        await alice.cancel(order_ref=1)

        await operator.call(SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
        await alice.new_order(EUA, Side.BUY, 10, 7000)


async def test_the_close_expires_day_orders_and_keeps_the_others(venue: Venue) -> None:
    async with venue.session("operator") as operator, venue.session("alice") as alice:
        await alice.new_order(EUA, Side.BUY, 10, 7000)
        (kept,) = await alice.new_order(EUA, Side.BUY, 10, 6990, time_in_force=TimeInForce.GTC)
        await operator.call(SetPhase(Ref(0), EUA, Phase.CLOSED))
        *_, expired = await events(alice, 3)
        assert isinstance(expired, Canceled)
        assert (expired.ref, expired.reason, expired.canceled_lots) == (0, CancelReason.EXPIRED, 10)
        assert await refusal(alice, EUA) is RejectReason.CLOSED
        status, _ = await alice.order_status()
        assert isinstance(status, OrderStatus)
        assert isinstance(kept, Accepted)
        assert (status.order_id, status.leaves_lots) == (kept.order_id, 10)


async def test_a_new_band_holds_from_then_on(venue: Venue) -> None:
    async with venue.session("operator") as operator, venue.session("alice") as alice:
        await operator.call(SetBand(Ref(0), CEA, 1200, 1100, 1300))
        with pytest.raises(OrderRejected) as refused:
            await alice.new_order(CEA, Side.BUY, 20, 1000)
        assert refused.value.reason is RejectReason.OUTSIDE_BAND
        await alice.new_order(CEA, Side.BUY, 20, 1200)


async def test_a_trader_is_no_operator(venue: Venue) -> None:
    async with venue.session("alice") as alice:
        with pytest.raises(SessionRejectedError) as refused:
            await alice.call(SetPhase(Ref(0), EUA, Phase.HALTED))
        assert refused.value.reason is RejectReason.NOT_ENTITLED


async def test_a_frame_of_many_orders_is_one_entry(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(*(NewOrder(Ref(n), EUA, Side.BUY, 1, 7000 + n) for n in range(1, 101)))
        reports = await alice.reports(100)
    assert [report.ref for report in reports] == list(range(1, 101))
    assert len({report.time_ns for report in reports}) == 1
    assert not any(report.flags & ReportFlag.NOT_DURABLE for report in reports)


async def refusal(session: Session, instrument_id: int) -> RejectReason:
    with pytest.raises(OrderRejected) as refused:
        await session.new_order(instrument_id, Side.BUY, 20, 1000)
    return refused.value.reason
