"""What the engine tells of the orders of a batch, and from when on it tells anything."""

from typing import Any

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AllowedFlag,
    OrderId,
    OrderListed,
    Outputs,
    Phase,
    Ref,
    ScreenMechanism,
    ScreenRules,
    Side,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import (
    ALICE,
    BOB,
    CEA,
    EUA,
    OPS,
    VENUE,
    Market,
    buy,
    cancel,
    definition,
    reduce,
    replace,
    sell,
)

BUY, SELL = Side.BUY, Side.SELL
PUBLIC = ScreenRules(order_list=True)
LISTING = ScreenRules(ScreenMechanism.LISTING)
LISTED_ORDERS = AllowedFlag.LIMIT | AllowedFlag.DAY


def told(market: Market, outputs: Outputs) -> list[str]:
    """Of each order: number, lots and price, and whether it has come to stand last."""
    return [
        f"#{one.order_id - market.setup_commands} {one.quantity_lots} @ {one.price_ticks}"
        f"{' last' if one.is_last else ''}"
        for one in outputs.orders
    ]


def redefine(market: Market, **fields: Any) -> list[str]:
    outputs = market.outputs(VENUE, m.DefineInstrument(definition(EUA, **fields)))
    return told(market, outputs)


def test_what_becomes_of_an_order_is_told_as_far_as_it_rests() -> None:
    market = Market(screen=PUBLIC)
    outputs = market.outputs(
        ALICE, buy(1, price=100, lots=9), buy(2, price=99, lots=5), buy(3, price=99, lots=4)
    )
    assert told(market, outputs) == ["#1 9 @ 100 last", "#2 5 @ 99 last", "#3 4 @ 99 last"]
    assert outputs.orders[0] == OrderListed(EUA, OrderId(market.setup_commands + 1), BUY, 100, 9, True)
    outputs = market.outputs(ALICE, reduce(4, 2, lots=3), cancel(5, 3), replace(6, 1, price=98, lots=9))
    # Of the first of a level that has changed what it is now, whether that has changed or not.
    assert told(market, outputs) == ["#2 3 @ 99", "#3 0 @ 99", "#1 9 @ 98 last"]
    outputs = market.outputs(BOB, sell(1, price=98, lots=5))
    assert told(market, outputs) == ["#2 0 @ 99", "#1 7 @ 98"]


def test_orders_of_one_batch_are_told_in_the_order_in_which_they_stand() -> None:
    market = Market(screen=PUBLIC)
    orders = (
        buy(1, price=90),
        replace(2, 1, price=91, lots=1),
        buy(3, price=90),
        replace(4, 2, price=90, lots=1),
    )
    outputs = market.outputs(ALICE, *orders)
    assert told(market, outputs) == ["#3 1 @ 90 last", "#1 1 @ 90 last"]


def test_the_lists_of_all_instruments_of_a_batch_are_told() -> None:
    market = Market(screen=PUBLIC)
    market.outputs(VENUE, m.DefineInstrument(definition(CEA, screen=PUBLIC)))
    outputs = market.outputs(ALICE, buy(1, price=90, instrument=CEA), buy(2, price=91))
    assert [(one.instrument_id, one.price_ticks) for one in outputs.orders] == [(EUA, 91), (CEA, 90)]


def test_an_order_that_stays_where_it_is_says_so() -> None:
    market = Market(screen=PUBLIC)
    market.send(ALICE, buy(1, price=90, lots=5), buy(2, price=90, lots=5), buy(3, price=90, lots=5))
    outputs = market.outputs(ALICE, reduce(4, 2, lots=3), cancel(5, 3))
    assert [one.is_last for one in outputs.orders] == [False, False, False]


def test_what_comes_and_goes_within_a_batch_is_told_as_gone() -> None:
    market = Market(screen=PUBLIC)
    assert told(market, market.outputs(ALICE, buy(1, price=100), cancel(2, 1))) == ["#1 0 @ 100"]


def test_an_auction_tells_of_the_orders_that_it_takes_out() -> None:
    market = Market(screen=PUBLIC)
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.OPENING_AUCTION))
    market.send(ALICE, buy(1, price=100, lots=5), buy(2, price=100, lots=5))
    market.send(BOB, sell(1, price=100, lots=7))
    outputs = market.outputs(OPS, m.SetPhase(Ref(2), EUA, Phase.CONTINUOUS))
    assert told(market, outputs) == ["#2 0 @ 100", "#4 0 @ 100", "#3 3 @ 100"]


def test_an_instrument_without_a_list_tells_nothing_and_nobody_observes_its_ladders() -> None:
    market = Market()
    assert market.outputs(ALICE, buy(1, price=100)).orders == []
    book = market.engine.books[EUA]
    assert book.order_list is None
    assert book.bids.observer is book.asks.observer is None


def test_a_listing_knows_its_orders_also_where_it_shows_them_to_nobody() -> None:
    market = Market(screen=LISTING, allowed=LISTED_ORDERS)
    assert market.outputs(ALICE, buy(1, price=100)).orders == []
    order_list = market.engine.books[EUA].order_list
    assert order_list is not None
    assert len(order_list.orders) == 1
    assert not order_list.changed


def test_a_list_that_becomes_public_tells_all_that_rests_and_one_that_no_longer_is_tells_nothing() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=100, lots=3), buy(2, price=101, lots=4))
    market.send(BOB, sell(1, price=105, lots=5))
    assert redefine(market, screen=PUBLIC) == ["#2 4 @ 101 last", "#1 3 @ 100 last", "#3 5 @ 105 last"]
    book = market.engine.books[EUA]
    assert book.bids.observer is book.asks.observer is book.order_list is not None
    assert redefine(market, screen=ScreenRules(levels_max=3, order_list=True)) == []
    assert told(market, market.outputs(BOB, cancel(2, 1))) == ["#3 0 @ 105"]
    assert redefine(market) == []
    assert market.outputs(ALICE, cancel(3, 1)).orders == []
    assert book.bids.observer is book.asks.observer is None
    assert redefine(market, screen=PUBLIC) == ["#2 4 @ 101 last"]


def test_a_listing_may_come_to_show_its_orders_and_cease_to() -> None:
    market = Market(screen=LISTING, allowed=LISTED_ORDERS)
    market.send(ALICE, buy(1, price=100, lots=3))
    shown = ScreenRules(ScreenMechanism.LISTING, order_list=True)
    assert redefine(market, screen=shown, allowed=LISTED_ORDERS) == ["#1 3 @ 100 last"]
    assert redefine(market, screen=LISTING, allowed=LISTED_ORDERS) == []
    assert market.outputs(ALICE, cancel(2, 1)).orders == []


def test_lists_are_told_in_the_order_of_their_instruments_also_after_a_restart() -> None:
    def engine_of(first: int, second: int) -> Engine:
        market = Market()
        for number in (first, second):
            market.outputs(VENUE, m.DefineInstrument(definition(m.InstrumentId(number), screen=PUBLIC)))
        assert list(market.engine.venue.listed) == [1, 2]
        assert list(restore(snapshot(market.engine)).venue.listed) == [1, 2]
        return market.engine

    assert digest(engine_of(1, 2)) == digest(engine_of(2, 1))


def test_a_restored_list_tells_nothing_of_what_was_told_before() -> None:
    market = Market(screen=PUBLIC)
    market.send(ALICE, buy(1, price=100, lots=3))
    market.engine = restore(snapshot(market.engine))
    market.engine.check()
    assert told(market, market.outputs(ALICE, buy(2, price=101))) == ["#2 1 @ 101 last"]
