"""Outputs that cannot be true are noticed, each in its own way."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct, structs

from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import Executed, NewOrder, Outputs, Phase, Ref, Side, Traded
from tests.matching.market import ALICE, BOB, EUA, Market


def traded() -> tuple[Market, Outputs]:
    """Alice sells 10, Bob buys 4 of them and rests with nothing; and one more buyer below."""
    market = Market()
    market.outputs(ALICE, NewOrder(Ref(1), EUA, Side.SELL, 10, 1000))
    outputs = market.outputs(
        BOB, NewOrder(Ref(1), EUA, Side.BUY, 4, 1000), NewOrder(Ref(2), EUA, Side.BUY, 1, 900)
    )
    return market, outputs


def test_what_is_true_passes() -> None:
    market, outputs = traded()
    check_batch(market.engine.books, outputs)


def test_a_batch_of_several_trades_adds_up() -> None:
    """Of one lot and of more, both ways, to one who only listens as well."""
    market = Market()
    market.outputs(
        ALICE, NewOrder(Ref(1), EUA, Side.SELL, 3, 1000), NewOrder(Ref(2), EUA, Side.SELL, 9, 1001)
    )
    outputs = market.outputs(
        BOB,
        NewOrder(Ref(1), EUA, Side.BUY, 5, 1001),
        NewOrder(Ref(2), EUA, Side.BUY, 1, 1001),
        NewOrder(Ref(3), EUA, Side.BUY, 2, 900),
    )
    check_batch(market.engine.books, outputs)
    last = outputs.streams[-1].reports
    fills = [at for at, report in enumerate(last) if isinstance(report, Executed)]
    assert len(fills) == 3
    last[fills[0]] = structs.replace(last[fills[0]], quantity_lots=4)
    with pytest.raises(AssertionError, match="lots bought"):
        check_batch(market.engine.books, outputs)


def changed(outputs: Outputs, kind: type[Struct], **fields: Any) -> Outputs:
    """With the first message of this kind changed, wherever it stands."""
    lists: list[Any] = [*(stream.reports for stream in outputs.streams), outputs.public, outputs.levels]
    for messages in lists:
        for at, message in enumerate(list(messages)):
            if isinstance(message, kind):
                messages[at] = structs.replace(message, **fields)
                return outputs
    raise AssertionError("no such message")


def without_a_report(outputs: Outputs) -> Outputs:
    reports = max((stream.reports for stream in outputs.streams), key=len)
    del reports[1]
    return outputs


WRONG: dict[str, tuple[str, Callable[[Outputs], Outputs]]] = {
    "one side filled for more": ("lots bought", lambda it: changed(it, Executed, quantity_lots=5)),
    "traded for less than both": ("told as traded", lambda it: changed(it, Traded, quantity_lots=3)),
    "an order overfilled": ("trades more", lambda it: changed(it, Executed, leaves_lots=-1)),
    "a fill of nothing": ("of something", lambda it: changed(it, Executed, quantity_lots=0)),
    "a report left out": ("without gaps", without_a_report),
}


@pytest.mark.parametrize(("said", "wrong"), WRONG.values(), ids=list(WRONG))
def test_what_cannot_be_true_is_an_assertion(said: str, wrong: Callable[[Outputs], Outputs]) -> None:
    market, outputs = traded()
    with pytest.raises(AssertionError, match=said):
        check_batch(market.engine.books, wrong(outputs))


def test_a_book_that_gathers_for_an_auction_may_be_crossed() -> None:
    market = Market(opening_phase=Phase.PRE_OPEN)
    market.outputs(ALICE, NewOrder(Ref(1), EUA, Side.SELL, 10, 1000))
    outputs = market.outputs(BOB, NewOrder(Ref(1), EUA, Side.BUY, 4, 1001))
    assert market.engine.books[EUA].bids.best_key + market.engine.books[EUA].asks.best_key > 0
    check_batch(market.engine.books, outputs)


def test_a_crossed_book_is_an_assertion() -> None:
    market, outputs = traded()
    market.engine.books[EUA].bids.best_key = 1000
    with pytest.raises(AssertionError, match="instrument 1: the book is crossed"):
        check_batch(market.engine.books, outputs)
