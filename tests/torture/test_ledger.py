"""The judge of the torture, judged: every kind of loss that it is there for, planted."""

from pathlib import Path

import pytest
from msgspec import Raw

from carbonmatch.matching.messages import (
    Accepted,
    AcceptedLong,
    AccountId,
    AnyPublicEvent,
    AnyReport,
    Cancel,
    Canceled,
    CancelReason,
    ClientCommand,
    Entry,
    Executed,
    InstrumentId,
    Liquidity,
    NewOrder,
    OrderId,
    OrderType,
    Ref,
    SessionId,
    Side,
    TimeInForce,
    Traded,
    TradeId,
    Triggered,
)
from carbonmatch.protocol.batch import Record, StreamRecord, encode_stream
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.messages import Copied
from tests.torture.copyist import Copyist
from tests.torture.ledger import Ledger
from tests.torture.trader import Trader
from tests.torture.venue import Ports, copyist_access, trader_access

ONE, TWO = SessionId(1), SessionId(2)
INSTRUMENT = InstrumentId(1)


def order(ref: int, side: Side = Side.BUY) -> NewOrder:
    return NewOrder(Ref(ref), INSTRUMENT, side, 10, 100)


def accepted(seq: int, ref: int, order_id: int, side: Side = Side.BUY) -> Accepted:
    return Accepted(seq, Ref(ref), 0, 0, OrderId(order_id), INSTRUMENT, AccountId(1), side, 100, 10)


def executed(seq: int, ref: int, order_id: int, side: Side, liquidity: Liquidity, lots: int = 10) -> Executed:
    return Executed(
        seq, Ref(ref), 0, 0, OrderId(order_id), TradeId(1), INSTRUMENT, AccountId(1), side, 100, lots,
        10 - lots, liquidity,
    )  # fmt: skip


def canceled(seq: int, ref: int, order_id: int, lots: int = 10) -> Canceled:
    return Canceled(seq, Ref(ref), 0, 0, OrderId(order_id), lots, CancelReason.REQUESTED)


def traded(trade_id: int = 1) -> Traded:
    return Traded(INSTRUMENT, 0, TradeId(trade_id), 100, 10, Side.SELL)


def record(
    sequence: int,
    session_id: SessionId,
    commands: list[ClientCommand],
    streams: dict[SessionId, list[AnyReport]],
    public: list[AnyPublicEvent] | None = None,
) -> Record:
    return Record(
        [Entry(sequence, 0, session_id, [*commands])],
        [StreamRecord(one, s[0].seq, Ref(0), Raw(encode_stream(s))) for one, s in streams.items()],
        Raw(encode(public or [])),
    )


FIRST = record(1, ONE, [order(1)], {ONE: [accepted(1, 1, 1)]})
SOLD = accepted(1, 1, 2, Side.SELL), executed(2, 1, 2, Side.SELL, Liquidity.TAKER)
BOUGHT = executed(2, 0, 1, Side.BUY, Liquidity.MAKER)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path)
    ledger.take(FIRST)
    return ledger


def test_an_order_that_trades_and_one_that_is_canceled_are_in_order(ledger: Ledger) -> None:
    assert ledger.levels() == {(INSTRUMENT, Side.BUY, 100): (10, 1)}
    ledger.take(record(2, TWO, [order(1, Side.SELL)], {TWO: [*SOLD], ONE: [BOUGHT]}, [traded()]))
    ledger.take(record(3, ONE, [order(2)], {ONE: [accepted(3, 2, 3)]}))
    ledger.take(record(4, ONE, [Cancel(Ref(3), Ref(2))], {ONE: [canceled(4, 3, 3)]}))
    assert ledger.levels() == {}
    assert ledger.ended_order_count == 3


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (record(3, ONE, [order(2)], {ONE: [accepted(2, 2, 2)]}), "sequences are dense"),
        (record(2, ONE, [order(1)], {ONE: [accepted(2, 1, 2)]}), "executed again"),
        (record(2, ONE, [order(2)], {ONE: [accepted(3, 2, 2)]}), "report 3 of session 1, expected 2"),
        (record(2, ONE, [order(2)], {ONE: [accepted(1, 2, 2)]}), "report 1 of session 1, expected 2"),
        (record(2, ONE, [order(2), order(3)], {ONE: [accepted(2, 2, 2)]}), "different batches"),
        (record(2, ONE, [order(2)], {ONE: [accepted(2, 2, 1)]}), "accepted again"),
        (record(2, ONE, [Cancel(Ref(2), Ref(1))], {ONE: [canceled(2, 2, 1, lots=9)]}), "9 lots left"),
        (
            record(2, ONE, [order(2)], {ONE: [accepted(2, 2, 2), canceled(3, 0, 1), canceled(4, 0, 1)]}),
            "after the final one",
        ),
        (record(2, TWO, [order(1, Side.SELL)], {TWO: [*SOLD]}, [traded()]), "has 1 fills"),
        (record(2, TWO, [order(1, Side.SELL)], {TWO: [*SOLD], ONE: [BOUGHT]}), "nobody was told of"),
        (
            record(2, TWO, [order(1, Side.SELL)], {TWO: [*SOLD], ONE: [BOUGHT]}, [traded(2)]),
            "trade ids are dense",
        ),
    ],
)
def test_a_planted_fault_is_found(ledger: Ledger, fault: Record, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        ledger.take(fault)


# --- against a trader ------------------------------------------------------------------------------


@pytest.fixture
async def trader() -> Trader:
    """Who has sent the first order, and was told of it; not connected with anything."""
    trader = Trader(trader_access(Ports(1, 2, 3, 4), ONE), ONE, seed=1)
    trader.sent[Ref(1)] = order(1)
    trader.unanswered.add(Ref(1))
    trader._record([accepted(1, 1, 1)])
    return trader


async def test_a_trader_and_the_journal_agree(ledger: Ledger, trader: Trader) -> None:
    ledger.settle(trader, may_refuse=False)


async def test_an_answer_that_the_journal_has_lost_is_found(tmp_path: Path, trader: Trader) -> None:
    with pytest.raises(AssertionError, match="was told of reports up to 1, the journal ends with 0"):
        Ledger(tmp_path).compare(trader)


async def test_an_answer_that_the_journal_has_otherwise_is_found(ledger: Ledger, trader: Trader) -> None:
    trader.fresh[0] = accepted(1, 1, 7)
    with pytest.raises(AssertionError, match="the journal has"):
        ledger.compare(trader)


async def test_a_report_that_comes_twice_is_found(trader: Trader) -> None:
    with pytest.raises(AssertionError, match="report 1, expected 2"):
        trader._record([accepted(1, 1, 1)])


async def test_a_command_that_was_never_answered_is_found(ledger: Ledger, trader: Trader) -> None:
    trader.unanswered.add(Ref(2))
    with pytest.raises(AssertionError, match="no answer to"):
        ledger.settle(trader, may_refuse=False)


async def test_a_command_that_nobody_sent_is_found(ledger: Ledger, trader: Trader) -> None:
    trader.sent.clear()
    with pytest.raises(AssertionError, match="never sent ref 1"):
        ledger.compare(trader)


async def test_a_report_that_was_never_sent_is_found(ledger: Ledger, trader: Trader) -> None:
    ledger.take(record(2, ONE, [order(2)], {ONE: [accepted(2, 2, 2)]}))
    trader.sent[Ref(2)] = order(2)
    with pytest.raises(AssertionError, match="was not told"):
        ledger.settle(trader, may_refuse=False)


# --- orders in the long layout, and copies ----------------------------------------------------------


def accepted_long(order_type: OrderType, stop_price_ticks: int, display_lots: int) -> AcceptedLong:
    return AcceptedLong(
        1, Ref(1), 0, 0, OrderId(1), INSTRUMENT, AccountId(1), Side.BUY, 100, 10,
        order_type, TimeInForce.DAY, 0, stop_price_ticks, display_lots, 0, 0,
    )  # fmt: skip


def test_an_iceberg_shows_a_slice_after_the_other(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.take(record(1, ONE, [order(1)], {ONE: [accepted_long(OrderType.LIMIT, 0, 4)]}))
    shown = []
    for number, lots in enumerate((3, 1, 4, 1), 1):
        left = 10 - sum((3, 1, 4, 1)[:number])
        fill = Executed(
            number + 1, Ref(0), 0, 0, OrderId(1), TradeId(number), INSTRUMENT, AccountId(1), Side.BUY, 100,
            lots, left, Liquidity.MAKER,
        )  # fmt: skip
        ledger._follow(ONE, fill)
        shown.append(ledger.levels()[INSTRUMENT, Side.BUY, 100])
    assert shown == [(1, 1), (4, 1), (2, 1), (1, 1)]


def test_a_stop_is_in_no_book_before_it_has_fired_and_in_one_afterwards(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.take(record(1, ONE, [order(1)], {ONE: [accepted_long(OrderType.STOP_LIMIT, 105, 0)]}))
    assert ledger.levels() == {}
    ledger._follow(ONE, Triggered(2, Ref(0), 0, 0, OrderId(1), 105, 100))
    assert ledger.levels() == {(INSTRUMENT, Side.BUY, 100): (10, 1)}
    with pytest.raises(AssertionError, match="fires twice"):
        ledger._follow(ONE, Triggered(3, Ref(0), 0, 0, OrderId(1), 105, 100))


@pytest.fixture
async def copyist() -> Copyist:
    """Who was told of the first report; not connected with anything."""
    copyist = Copyist(copyist_access(Ports(1, 2, 3, 4)), seed=1)
    copyist._take([Copied(1, ONE, accepted(1, 1, 1))])
    return copyist


async def test_a_copy_and_the_journal_agree(ledger: Ledger, copyist: Copyist) -> None:
    ledger.settle_copies(copyist)


async def test_a_copy_of_what_the_journal_has_not_is_found(tmp_path: Path, copyist: Copyist) -> None:
    with pytest.raises(AssertionError, match="which the journal does not have"):
        Ledger(tmp_path).compare_copies(copyist)


async def test_a_copy_of_another_report_is_found(ledger: Ledger, copyist: Copyist) -> None:
    copyist.fresh[0] = Copied(1, ONE, accepted(1, 1, 7))
    with pytest.raises(AssertionError, match="the journal has"):
        ledger.compare_copies(copyist)


async def test_a_report_that_is_not_copied_is_found(ledger: Ledger, copyist: Copyist) -> None:
    ledger.take(record(2, ONE, [order(2)], {ONE: [accepted(2, 2, 2)]}))
    with pytest.raises(AssertionError, match="not copied"):
        ledger.settle_copies(copyist)
