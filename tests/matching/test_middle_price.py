"""Matching at the middle one of bid, ask and previous price, against a reference that sorts everything."""

from dataclasses import dataclass
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.limits import ENTRY_MAKERS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import (
    AllowedFlag,
    Entry,
    OrderId,
    Phase,
    Ref,
    RejectReason,
    ScreenMechanism,
    ScreenRules,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradeKind,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    EUA,
    OPS,
    VENUE,
    Market,
    buy,
    definition,
    replace,
    sell,
)

BUY, SELL = Side.BUY, Side.SELL
ORDERS = (
    AllowedFlag.LIMIT
    | AllowedFlag.POST_ONLY
    | AllowedFlag.DAY
    | AllowedFlag.GTC
    | AllowedFlag.IOC
    | AllowedFlag.FOK
)
MIDDLE = ScreenRules(ScreenMechanism.MIDDLE_PRICE)


def hubei(reference: int = 2450, **fields: Any) -> Market:
    return Market(allowed=ORDERS, screen=MIDDLE, reference_price_ticks=reference, **fields)


def traded(market: Market, bid: int, ask: int, lots: int = 5) -> list[str]:
    """What a buyer is told who comes after the seller."""
    market.send(ALICE, sell(market.engine.sequence, price=ask, lots=lots, tif=TimeInForce.GTC))
    return market.send(BOB, buy(market.engine.sequence, price=bid, lots=lots))


@pytest.mark.parametrize(("previous", "price"), [(2450, 2450), (2600, 2500), (2300, 2400)])
def test_a_trade_is_at_the_middle_of_bid_ask_and_previous_price(previous: int, price: int) -> None:
    """Bid 25, ask 24: last 24.50 gives 24.50, last 26 gives 25, last 23 gives 24."""
    market = hubei(previous)
    assert f"taker 5 @ {price}" in traded(market, bid=2500, ask=2400)[1]
    other_way_round = hubei(previous)
    other_way_round.send(BOB, buy(1, price=2500, lots=5))
    assert f"taker 5 @ {price}" in other_way_round.send(ALICE, sell(1, price=2400, lots=5))[1]


def test_the_previous_price_is_that_of_the_trade_before_also_within_one_order() -> None:
    market = hubei(2600)
    market.send(ALICE, *(sell(ref, price=2400 + ref, lots=5) for ref in (1, 2, 3)))
    told = market.send(BOB, buy(1, price=2500, lots=15))
    assert [line for line in told if "taker" in line] == [
        "bob 1: executed #4 taker 5 @ 2500, 10 left",
        "bob 1: executed #4 taker 5 @ 2500, 5 left",
        "bob 1: executed #4 taker 5 @ 2500, 0 left",
    ]
    assert "5 @ 2420" in traded(market, bid=2420, ask=2410)[1], (
        "2500 is above both, and so the bid is the middle"
    )
    assert "5 @ 2420" in traded(market, bid=2430, ask=2400)[1], "2420 was the previous price"


def test_the_reference_price_counts_again_once_the_day_is_over() -> None:
    market = hubei(2450)
    assert "@ 2410" in traded(market, bid=2410, ask=2400)[1]
    assert "@ 2410" in traded(market, bid=2500, ask=2400)[1]
    for phase in (Phase.BREAK, Phase.HALTED, Phase.CONTINUOUS):
        market.send(OPS, m.SetPhase(Ref(market.engine.sequence), EUA, phase))
    assert "@ 2410" in traded(market, bid=2500, ask=2400)[1], "a pause ends no day"
    market.send(OPS, m.SetPhase(Ref(market.engine.sequence), EUA, Phase.CLOSED))
    market.send(OPS, m.SetPhase(Ref(market.engine.sequence), EUA, Phase.CONTINUOUS))
    assert "@ 2450" in traded(market, bid=2500, ask=2400)[1]


def test_without_any_previous_price_a_trade_is_at_the_price_of_the_order_that_rests() -> None:
    market = hubei()
    market.send(OPS, m.SetBand(Ref(1), EUA, 0, 0, 0))
    assert "@ 2400" in traded(market, bid=2500, ask=2400)[1]


def test_a_trade_at_the_middle_is_told_as_a_continuous_one() -> None:
    market = hubei()
    market.send(ALICE, sell(1, price=2400, lots=5))
    outputs = market.outputs(BOB, buy(1, price=2500, lots=3))
    check_batch(market.engine.books, outputs)
    assert outputs.public == [
        m.Traded(EUA, market.time_ns, m.TradeId(1), 2450, 3, BUY, TradeKind.CONTINUOUS),
    ]
    assert market.asks() == ["2 in 1 @ 2400"]


def test_both_sides_of_a_trade_at_the_middle_are_reported_whole() -> None:
    market = hubei()
    market.send(ALICE, buy(1, price=2500, lots=5))
    outputs = market.outputs(BOB, sell(7, price=2400, lots=3))
    maker_id, taker_id = market.order_id(1), market.order_id(2)
    time_ns, trade_id = market.time_ns, m.TradeId(1)
    alice, bob = m.AccountId(11), m.AccountId(13)
    sold = m.Executed(
        2, Ref(7), time_ns, 0, taker_id, trade_id, EUA, bob, SELL, 2450, 3, 0, m.Liquidity.TAKER
    )
    bought = m.Executed(
        2, m.NO_REF, time_ns, 0, maker_id, trade_id, EUA, alice, BUY, 2450, 3, 2, m.Liquidity.MAKER
    )
    assert outputs.streams[0].reports[1] == sold
    assert outputs.streams[1].reports == [bought]


def test_what_is_not_at_once_rests_or_goes_as_everywhere() -> None:
    market = hubei()
    market.send(ALICE, sell(1, price=2400, lots=5))
    assert market.send(BOB, buy(1, price=2500, lots=9, tif=TimeInForce.FOK)) == [
        "bob 1: rejected CANNOT_FILL"
    ]
    assert market.send(BOB, buy(2, price=2500, post_only=True)) == ["bob 2: rejected POST_ONLY_WOULD_TRADE"]
    assert market.send(BOB, buy(3, price=2500, lots=9, tif=TimeInForce.IOC))[2] == (
        "bob 3: canceled #4 4 IOC_REMAINDER"
    )
    market.send(ALICE, sell(2, price=2400, lots=5))
    market.send(BOB, buy(4, price=2500, lots=9))
    assert market.bids() == ["4 in 1 @ 2500"]


def test_a_replacement_into_the_cross_trades_at_the_middle_too() -> None:
    market = hubei()
    market.send(ALICE, sell(1, price=2600, lots=5))
    market.send(BOB, buy(1, price=2500, lots=5))
    assert "alice 2: executed #1 taker 5 @ 2450, 0 left" in market.send(ALICE, replace(2, 1, 2400, 5))


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (buy(1, market=True), RejectReason.ORDER_TYPE_NOT_ALLOWED),
        (buy(1, price=2400, stop=2300), RejectReason.ORDER_TYPE_NOT_ALLOWED),
        (buy(1, price=2400, lots=9, display=2), RejectReason.ORDER_TYPE_NOT_ALLOWED),
        (buy(1, price=2400, lots=9, minimum=2), RejectReason.ORDER_TYPE_NOT_ALLOWED),
        (buy(1, price=2400, tif=TimeInForce.AT_OPEN), RejectReason.TIME_IN_FORCE_NOT_ALLOWED),
    ],
)
def test_an_order_whose_limit_is_not_its_own_is_refused(order: m.NewOrder, reason: RejectReason) -> None:
    assert hubei().send(ALICE, order) == [f"alice 1: rejected {reason.name}"]


def test_orders_of_one_owner_do_not_trade() -> None:
    market = hubei()
    market.send(ALICE, sell(1, price=2400, lots=5))
    told = market.send(CAROL, buy(1, price=2500, lots=5, stp=SelfTradePrevention.CANCEL_OLDEST))
    assert "alice 0: canceled #1 5 SELF_TRADE" in told
    assert "carol 1: prevented #2 with #1 5 CANCEL_OLDEST, 5 left" in told
    assert market.bids() == ["5 in 1 @ 2500"]


def test_an_entry_meets_a_bounded_number_of_makers() -> None:
    market = hubei()
    market.outputs(ALICE, *(sell(ref, price=2400) for ref in range(1, ENTRY_MAKERS_MAX + 2)))
    outputs = market.outputs(BOB, buy(1, price=2500, lots=ENTRY_MAKERS_MAX + 1))
    assert len(outputs.public) == ENTRY_MAKERS_MAX
    assert outputs.cancels == [m.CancelReason.TOO_MANY_MAKERS]


def test_what_becomes_of_its_previous_price_is_in_the_state() -> None:
    market, same = hubei(), hubei()
    for one in (market, same):
        traded(one, bid=2410, ask=2400)
    assert digest(market.engine) == digest(same.engine)
    same.engine.books[EUA].previous_price_ticks += 1
    assert digest(market.engine) != digest(same.engine)
    market.engine = restore(snapshot(market.engine))
    assert "@ 2410" in traded(market, bid=2500, ask=2400)[1]


def test_another_mechanism_forgets_the_previous_price() -> None:
    market = hubei()
    traded(market, bid=2410, ask=2400)
    market.outputs(VENUE, m.DefineInstrument(definition(EUA)))
    assert market.engine.books[EUA].previous_price_ticks == 0


class Ledger:
    """Notes what it is asked to do with what was reserved before."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def refusal(self, account: Any, *of_order: Any) -> None:
        return None

    def reserve(self, account: Any, *of_order: Any) -> None:
        raise AssertionError("a trade reserves nothing")

    def release(self, account: Any, *of_order: Any) -> None:
        self.asked.append(("release", account.account_id, *of_order))

    def roll(self, _trading_day: int, _last_trade_id: m.TradeId) -> None:
        """Nothing here waits for a day to end."""

    def settle(self, buyer: Any, seller: Any, *of_trade: Any) -> None:
        self.asked.append(("settle", buyer.account_id, seller.account_id, *of_trade))


def test_a_trade_is_settled_at_the_middle() -> None:
    market = hubei()
    market.send(ALICE, sell(1, price=2400, lots=5))
    ledger = Ledger()
    market.engine.books[EUA].clearing = ledger
    order = buy(1, price=2500, lots=3)
    market.engine.apply(Entry(market.engine.sequence + 1, market.time_ns, BOB, [order]))
    # The taker holds nothing; what the maker held is its ladder's to give back.
    assert ledger.asked == [("settle", 13, 11, 3, 2450, TradeKind.CONTINUOUS)]


# --- against a reference ----------------------------------------------------------------------------


@dataclass
class Limit:
    order_id: OrderId
    side: Side
    price_ticks: int
    left_lots: int


class Reference:
    """Sorts all orders by price and time before each trade."""

    def __init__(self, reference_ticks: int) -> None:
        self.reference_ticks = reference_ticks
        self.previous_ticks = 0
        self.orders: list[Limit] = []

    def side(self, side: Side) -> list[Limit]:
        sign = -1 if side is BUY else 1
        return sorted(
            (one for one in self.orders if one.side is side), key=lambda one: sign * one.price_ticks
        )

    def enter(self, order: Limit) -> list[tuple[int, int]]:
        """Prices and lots of the trades, in their order."""
        self.orders.append(order)
        trades: list[tuple[int, int]] = []
        while True:
            bids, asks = self.side(BUY), self.side(SELL)
            if not bids or not asks or bids[0].price_ticks < asks[0].price_ticks:
                return trades
            bid, ask = bids[0], asks[0]
            previous = self.previous_ticks or self.reference_ticks
            price = int(median((bid.price_ticks, ask.price_ticks, previous)))
            lots = min(bid.left_lots, ask.left_lots)
            trades.append((price, lots))
            self.previous_ticks = price
            for one in (bid, ask):
                one.left_lots -= lots
            self.orders = [one for one in self.orders if one.left_lots]


steps = st.one_of(
    st.tuples(st.sampled_from(Side), st.integers(95, 105), st.integers(1, 9)),
    st.tuples(st.sampled_from(Side), st.integers(95, 105), st.integers(1, 9)),
    st.just("close"),
)


@settings(max_examples=150)
@given(st.integers(94, 106), st.lists(steps, max_size=40))
def test_trades_and_book_are_those_of_the_reference(reference_ticks: int, happened: list[Any]) -> None:
    market = hubei(reference_ticks, self_trade_prevention=SelfTradePrevention.NONE)
    reference = Reference(reference_ticks)
    for step in happened:
        number = market.engine.sequence + 1
        if step == "close":
            for phase in (Phase.CLOSED, Phase.CONTINUOUS):
                market.send(OPS, m.SetPhase(Ref(market.engine.sequence), EUA, phase))
            reference.previous_ticks = 0
            continue
        side, price, lots = step
        order = (buy if side is BUY else sell)(number, price=price, lots=lots, tif=TimeInForce.GTC)
        outputs = market.outputs(ALICE, order)
        check_batch(market.engine.books, outputs)
        found = [
            (event.price_ticks, event.quantity_lots)
            for event in outputs.public
            if isinstance(event, m.Traded)
        ]
        assert found == reference.enter(Limit(OrderId(number), side, price, lots))
    book = market.engine.books[EUA]
    assert [(order.order_id, order.leaves_lots) for order in book.orders()] == [
        (one.order_id, one.left_lots) for one in [*reference.side(BUY), *reference.side(SELL)]
    ]
