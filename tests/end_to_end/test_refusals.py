"""What the market refuses, with its reason, while the session and everybody else go on."""

import pytest
from msgspec import structs

from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    Cancel,
    InstrumentId,
    NewOrder,
    OrderId,
    OrderStatusRequest,
    Reduce,
    Ref,
    Rejected,
    RejectReason,
    Replace,
    Side,
)
from carbonmatch.protocol.messages import Subscribe, Subscribed, SubscribeRejected
from tests.end_to_end.honest import honest_trading
from tests.end_to_end.market import BOB_ACCOUNT, CEA, EUA
from tests.end_to_end.running import Venue

REFUSED = {
    "unknown instrument": ((9, 20, 1000), RejectReason.UNKNOWN_INSTRUMENT),
    "no instrument": ((0, 20, 1000), RejectReason.UNKNOWN_INSTRUMENT),
    "price between the steps": ((CEA, 20, 1001), RejectReason.PRICE_INCREMENT),
    "quantity between the steps": ((CEA, 25, 1000), RejectReason.QUANTITY_INCREMENT),
    "below the minimum": ((CEA, 10, 1000), RejectReason.BELOW_MINIMUM),
    "above the maximum": ((CEA, 10_010, 1000), RejectReason.ABOVE_MAXIMUM),
    "below the band": ((CEA, 20, 895), RejectReason.OUTSIDE_BAND),
    "above the band": ((CEA, 20, 1105), RejectReason.OUTSIDE_BAND),
    "no quantity": ((EUA, 0, 1000), RejectReason.INVALID_QUANTITY),
    "no price": ((EUA, 1, 0), RejectReason.INVALID_PRICE),
    "the largest integers": ((EUA, 2**53 - 1, 2**53 - 1), RejectReason.INVALID_QUANTITY),
}


@pytest.mark.parametrize(("order", "reason"), REFUSED.values(), ids=list(REFUSED))
async def test_a_wrong_order_is_rejected_and_the_session_goes_on(
    venue: Venue, order: tuple[int, int, int], reason: RejectReason
) -> None:
    instrument_id, quantity_lots, price_ticks = order
    async with honest_trading(venue) as honest, venue.wire("alice") as alice:
        alice.send(NewOrder(Ref(1), InstrumentId(instrument_id), Side.BUY, quantity_lots, price_ticks))
        (rejected,) = await alice.frame()
        assert isinstance(rejected, Rejected)
        assert (rejected.seq, rejected.ref, rejected.reason) == (1, 1, reason)
        await honest.trade()
        alice.send(NewOrder(Ref(2), EUA, Side.BUY, 1, 10))
        assert isinstance((await alice.frame())[0], Accepted)


async def test_an_account_of_somebody_else_is_unknown(venue: Venue) -> None:
    async with honest_trading(venue), venue.wire("alice") as alice:
        for ref, account_id in enumerate((BOB_ACCOUNT, 999), 1):
            alice.send(NewOrder(Ref(ref), EUA, Side.BUY, 1, 10, account_id=AccountId(account_id)))
            (rejected,) = await alice.frame()
            assert rejected.reason is RejectReason.UNKNOWN_ACCOUNT


async def test_an_order_of_somebody_else_is_as_unknown_as_one_that_is_not_there(venue: Venue) -> None:
    async with (
        honest_trading(venue),
        venue.wire("alice") as alice,
        venue.wire("alice-2") as owner,
        venue.wire("bob-2") as stranger,
    ):
        owner.send(NewOrder(Ref(1), EUA, Side.BUY, 1, 10))
        (accepted,) = await owner.reports(1)
        ref = 0
        for order_id in (accepted.order_id, OrderId(99_999)):
            for command in (
                Cancel(Ref(ref + 1), order_id=order_id),
                Reduce(Ref(ref + 2), Ref(0), order_id, 1),
                Replace(Ref(ref + 3), Ref(0), order_id, 1, 11),
                OrderStatusRequest(Ref(ref + 4), order_id=order_id),
                # By the name that it has in its own session.
                Cancel(Ref(ref + 5), order_ref=Ref(1)),
            ):
                stranger.send(command)
                (rejected,) = await stranger.frame()
                assert structs.replace(rejected, seq=0, ref=Ref(0), time_ns=0) == Rejected(
                    0, Ref(0), 0, 0, RejectReason.UNKNOWN_ORDER
                )
            ref += 5
        # While another session of its account finds it.
        alice.send(Cancel(Ref(1), order_id=accepted.order_id))
        assert (await alice.frame())[0].order_id == accepted.order_id


async def test_an_unknown_instrument_cannot_be_subscribed(venue: Venue) -> None:
    async with honest_trading(venue), venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1), (EUA, InstrumentId(9))))
        refused = await feed.next(SubscribeRejected)
        assert (refused.ref, refused.reason) == (1, RejectReason.UNKNOWN_INSTRUMENT)
        feed.send(Subscribe(Ref(2), (EUA,)))
        assert (await feed.next(Subscribed)).ref == 2
