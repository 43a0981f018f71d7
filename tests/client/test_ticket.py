"""What `carbonmatch order` shows of an order before it is sent, and after."""

from io import StringIO
from typing import Any

import pytest
from msgspec import structs
from rich.console import Console, RenderableType

from carbonmatch.client.book import InstrumentBook
from carbonmatch.client.commands import order_command
from carbonmatch.client.errors import ClientError, OrderRejected, SessionRejectedError
from carbonmatch.client.ticket import orders_view, refused, ticket, ticks_of, told
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    AnyReport,
    Canceled,
    CancelReason,
    Executed,
    InstrumentId,
    Liquidity,
    OrderFlag,
    OrderId,
    OrderStatus,
    OrderType,
    Phase,
    Ref,
    Rejected,
    RejectReason,
    ReportFlag,
    ScreenMechanism,
    ScreenRules,
    SelfTradePrevented,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradeId,
    Triggered,
)
from carbonmatch.protocol.messages import LevelUpdate, SessionRejected
from tests.client.fake_feed import CEA, DEFINITION


def book_of(*levels: tuple[Side, int, int], phase: Phase = Phase.CONTINUOUS) -> InstrumentBook:
    book = InstrumentBook(CEA)
    book.definition = DEFINITION
    book.phase = phase
    for side, price_ticks, lots in levels:
        book.set_level(LevelUpdate(CEA, 1, side, price_ticks, lots, 1))
    return book


ASKS = ((Side.SELL, 6052, 250), (Side.SELL, 6055, 100), (Side.SELL, 6060, 900))
BIDS = ((Side.BUY, 6049, 500), (Side.BUY, 6040, 10))


def shown(view: RenderableType) -> dict[str, str]:
    out = StringIO()
    Console(file=out, width=160, color_system=None).print(view)
    lines = [line.strip("│╭╮╰╯─ \n") for line in out.getvalue().splitlines()]
    return {line[:10].strip(): line[10:].strip() for line in lines if line}


# --- before ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "price_ticks"),
    [("60.5", 6050), ("60.50", 6050), ("60.500", 6050), ("60", 6000), (".5", 50), ("7.", 700)],
)
def test_a_price_is_taken_exactly(text: str, price_ticks: int) -> None:
    assert ticks_of(text, DEFINITION) == price_ticks


@pytest.mark.parametrize("text", ["60.505", "", ".", "-1", "60,5", "1e3", "6 0", "six", "٦٠", "1.2.3"])
def test_what_is_no_price_is_never_rounded_to_one(text: str) -> None:
    with pytest.raises(ClientError, match=r"is no price of CEA24, expected one like 1\.00, with at most 2"):
        ticks_of(text, DEFINITION)


def test_a_ticket_says_what_is_sent_and_what_it_is_worth() -> None:
    command = order_command(CEA, Side.BUY, 1_000, 6050)
    rows = shown(ticket(command, book_of(*ASKS, *BIDS), "gateway-01"))
    assert rows["quantity"] == "1,000 lots (1,000 t)"
    assert rows["price"] == "60.50 CNY/t, limit, day"
    assert rows["value"] == "at most 60,500.00 CNY"
    assert rows["account"] == "the first of the session"
    assert rows["session"] == "gateway-01"
    assert rows["market"] == "continuous  bid 60.49 x 500  ask 60.52 x 250"
    assert rows["now"] == "meets nothing and rests"


def test_a_ticket_says_everything_that_is_not_usual() -> None:
    command = order_command(
        CEA,
        Side.SELL,
        1_000,
        6050,
        account_id=7,
        order_type=OrderType.STOP_LIMIT,
        time_in_force=TimeInForce.GTD,
        stop_price_ticks=6000,
        display_lots=100,
        minimum_lots=5,
        expires_ns=1_772_436_600_000_000_000,
        flags=OrderFlag.POST_ONLY,
    )
    rows = shown(ticket(command, book_of(*BIDS), "s"))
    assert rows["price"] == (
        "60.50 CNY/t, stop limit, waits for 60.00, shows 100, at least 5 at once, gtd, "
        "until 2026-03-02T07:30:00Z, post only"
    )
    assert rows["value"].startswith("at least")
    assert rows["account"] == "7"
    assert rows["now"] == "waits, unseen, until a trade reaches its stop price"


@pytest.mark.parametrize(
    ("price_ticks", "now"),
    [
        (6099, "would be refused: its price is outside of the band"),
        (6055, "would trade 300 of 300, at 60.53 on average, 60.55 at worst"),
        (0, "would trade 300 of 300, at 60.53 on average, 60.55 at worst"),
    ],
)
def test_a_ticket_does_not_promise_trades_at_a_price_that_is_refused(price_ticks: int, now: str) -> None:
    book = book_of(*ASKS, *BIDS)
    book.band_low_ticks, book.band_high_ticks = 6000, 6055
    rows = shown(ticket(order_command(CEA, Side.BUY, 300, price_ticks), book, "gateway-01"))
    assert rows["now"] == now


@pytest.mark.parametrize(
    ("side", "lots", "price_ticks", "now"),
    [
        (Side.BUY, 300, 6055, "would trade 300 of 300, at 60.53 on average, 60.55 at worst"),
        (Side.BUY, 600, 6055, "would trade 350 of 600, at 60.53 on average, 60.55 at worst"),
        (Side.BUY, 100, 6052, "would trade 100 of 100, at 60.52 on average, 60.52 at worst"),
        (Side.BUY, 100, 6051, "meets nothing and rests"),
        (Side.BUY, 2_000, 0, "would trade 1,250 of 2,000, at 60.58 on average, 60.60 at worst"),
        (Side.SELL, 505, 6040, "would trade 505 of 505, at 60.49 on average, 60.40 at worst"),
        (Side.SELL, 505, 6045, "would trade 500 of 505, at 60.49 on average, 60.49 at worst"),
    ],
)
def test_a_ticket_says_what_the_order_would_meet(side: Side, lots: int, price_ticks: int, now: str) -> None:
    order_type = OrderType.LIMIT if price_ticks else OrderType.MARKET
    command = order_command(CEA, side, lots, price_ticks, order_type=order_type)
    rows = shown(ticket(command, book_of(*ASKS, *BIDS), "s"))
    assert rows["now"] == now
    assert ("value" in rows) == bool(price_ticks)


def test_where_nothing_trades_by_itself_a_ticket_says_so() -> None:
    command = order_command(CEA, Side.BUY, 1, 6060)
    closed = book_of(*ASKS, phase=Phase.PRE_OPEN)
    assert shown(ticket(command, closed, "s"))["now"] == "does not trade at once in this phase"
    listing = book_of(*ASKS)
    listing.definition = structs.replace(DEFINITION, screen=ScreenRules(mechanism=ScreenMechanism.LISTING))
    assert "when somebody selects it" in shown(ticket(command, listing, "s"))["now"]


# --- after -----------------------------------------------------------------------------------------

ORDER = OrderId(17)


def accepted(lots: int, flags: int = 0) -> Accepted:
    return Accepted(1, Ref(1), 0, flags, ORDER, CEA, AccountId(1), Side.BUY, 6050, lots)


def executed(lots: int, left: int, side: Side = Side.BUY) -> Executed:
    return Executed(
        2, Ref(1), 0, 0, ORDER, TradeId(3), CEA, AccountId(1), side, 6050, lots, left, Liquidity.TAKER
    )


def lines(*reports: AnyReport, **terms: Any) -> list[str]:
    return told(reports, order_command(CEA, Side.BUY, 100, 6050, **terms), DEFINITION)


def test_what_came_of_an_order_is_told_line_by_line() -> None:
    assert lines(accepted(100), executed(60, 40)) == [
        "accepted: order 17",
        "bought 60 at 60.50, trade 3, 40 left",
        "40 rest at 60.50, until the instrument closes; `order cancel 17` takes them out",
    ]
    assert lines(accepted(100), executed(100, 0, Side.SELL))[1:] == ["sold 100 at 60.50, trade 3, 0 left"]


def test_what_did_not_trade_is_told_with_its_reason() -> None:
    prevented = SelfTradePrevented(
        2, Ref(1), 0, 0, ORDER, OrderId(5), 100, 100, SelfTradePrevention.CANCEL_NEWEST
    )
    canceled = Canceled(3, Ref(1), 0, 0, ORDER, 100, CancelReason.SELF_TRADE)
    assert lines(accepted(100), prevented, canceled)[1:] == [
        "100 not traded: order 5 is of the same owner",
        "100 canceled: SELF_TRADE, by self-trade prevention",
    ]


@pytest.mark.parametrize(
    ("time_in_force", "words"),
    [
        (TimeInForce.GTC, "until canceled"),
        (TimeInForce.GTD, "until its time is over"),
        (TimeInForce.AT_OPEN, "for its auction"),
    ],
)
def test_what_rests_is_told_with_how_long(time_in_force: TimeInForce, words: str) -> None:
    assert lines(accepted(100), time_in_force=time_in_force)[-1].startswith(f"100 rest at 60.50, {words}; ")


def test_a_stop_waits_until_it_has_fired() -> None:
    stop = {"order_type": OrderType.STOP_LIMIT, "stop_price_ticks": 6040}
    assert lines(accepted(100), **stop)[-1].startswith("100 wait as a stop, ")
    fired = Triggered(2, Ref(1), 0, 0, ORDER, 6040, 6050)
    assert lines(accepted(100), fired, **stop)[-1].startswith("100 rest at 60.50, ")


def test_a_venue_that_does_not_wait_for_its_disk_is_told_of() -> None:
    assert "the disk may not have yet" in lines(accepted(100, ReportFlag.NOT_DURABLE))[0]


def test_a_refusal_is_told_with_what_its_reason_means() -> None:
    by_the_market = OrderRejected(Rejected(1, Ref(1), 0, 0, RejectReason.OUTSIDE_BAND), [])
    assert (
        str(refused(by_the_market)) == "refused: OUTSIDE_BAND, a price below or above the instrument's band"
    )
    by_the_session = SessionRejectedError(SessionRejected(Ref(1), RejectReason.THROTTLED, 250_000, ""))
    assert str(refused(by_the_session)).endswith("try again later, with a new ref; again in 0.2 s")
    lacking = SessionRejected(Ref(1), RejectReason.NOT_PERMITTED, 0, "needs place, has read")
    assert str(refused(SessionRejectedError(lacking))).endswith("for the command; needs place, has read")


@pytest.mark.parametrize("reason", [*RejectReason, *CancelReason])
def test_every_reason_has_words(reason: RejectReason | CancelReason) -> None:
    canceled = Canceled(3, Ref(1), 0, 0, ORDER, 1, reason)  # type: ignore[arg-type]
    assert len(lines(accepted(100), canceled)[1]) > len(f"1 canceled: {reason.name}, ")


def test_open_orders_are_a_table() -> None:
    status = OrderStatus(
        1, Ref(1), 0, 0, ORDER, Ref(4), CEA, AccountId(2), Side.SELL, 6050, 1_000, 900, TimeInForce.GTC, 0
    )
    stop = structs.replace(
        status,
        instrument_id=InstrumentId(99),
        order_type=OrderType.STOP,
        stop_price_ticks=6_000,
        display_lots=5,
    )
    out = StringIO()
    Console(file=out, width=110, color_system=None).print(orders_view([status, stop], {CEA: DEFINITION}))
    rows = [" ".join(line.split()) for line in out.getvalue().splitlines() if line.strip()][2:]
    assert rows == [
        "17 CEA24 sell 60.50 900 1,000 limit gtc 2",
        "17 99 sell 6000 900 1,000 stop, shows 5 gtc 2",
    ]
