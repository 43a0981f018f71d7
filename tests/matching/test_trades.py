"""Trades taken back and put right: every row of proto/TRADES.md, and what they leave alone."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from msgspec import msgpack, structs

from carbonmatch.limits import (
    ACCOUNT_ID_MAX,
    AMENDED_TRADES_MAX,
    CLEARING_TERMS_MAX,
    DAY_TRADES_KEPT_MAX,
    INSTRUMENT_ID_MAX,
    ON_TRADE_BYTES_MAX,
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    REPORT_BYTES_MAX,
    SESSION_ID_MAX,
    TIME_NS_MAX,
    WIRE_INT_MAX,
)
from carbonmatch.matching import messages as m
from carbonmatch.matching import state, trades
from carbonmatch.matching.messages import (
    BustTrade,
    CorrectTrade,
    DefineDropCopy,
    FoundTrade,
    OnTrade,
    Phase,
    Ref,
    RemoveSession,
    SessionId,
    SetBand,
    SetPhase,
    TradeBusted,
    TradeCorrected,
    TradeId,
    TradeStatusRequest,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import ALICE, BOB, EUA, OPS, TIME_NS, VENUE, Market, buy, sell
from tests.matching.worlds import trades_of

COPY = SessionId(9)


class Floor(Market):
    """A market that remembers its trades, as the journal does for a venue."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.trades: list[FoundTrade] = []
        self.ref = 0

    def trade(self, price: int = 100, lots: int = 5) -> None:
        """Alice sells to Bob."""
        for session_id, side in ((ALICE, sell), (BOB, buy)):
            ref = self.engine.sessions[session_id].last_ref + 1
            self.trades += trades_of(self.outputs(session_id, side(ref, price=price, lots=lots)))

    def on(self, command: Any, trade_id: int = 1) -> OnTrade:
        """`command` with what is found of its trade; its ref is given here."""
        self.ref += 1
        trade = self.trades[trade_id - 1] if 0 < trade_id <= len(self.trades) else None
        return OnTrade(structs.replace(command, ref=Ref(self.ref), trade_id=TradeId(trade_id)), trade)

    def bust(self, trade_id: int = 1, session_id: SessionId = OPS) -> list[str]:
        return self.send(session_id, self.on(BustTrade(Ref(0), TradeId(0), "why"), trade_id))

    def correct(self, price: int, lots: int, trade_id: int = 1) -> list[str]:
        return self.send(OPS, self.on(CorrectTrade(Ref(0), TradeId(0), price, lots, "why"), trade_id))


def floor(**fields: Any) -> Floor:
    market = Floor(**fields)
    market.trade()
    return market


# --- what they do --------------------------------------------------------------------------------


def test_a_bust_is_told_to_both_sides_and_done() -> None:
    assert floor().bust() == [
        "ops 1: done",
        "bob 0: busted #2 buy 5 @ 100: why",
        "alice 0: busted #1 sell 5 @ 100: why",
    ]


def test_a_correction_is_told_to_both_sides_and_done() -> None:
    assert floor().correct(98, 3) == [
        "ops 1: done",
        "bob 0: corrected #2 buy 5 @ 100 to 3 @ 98: why",
        "alice 0: corrected #1 sell 5 @ 100 to 3 @ 98: why",
    ]


def test_everybody_is_told_what_stood_and_what_stands() -> None:
    market = floor()
    command = market.on(CorrectTrade(Ref(0), TradeId(0), 98, 3))
    assert market.outputs(OPS, command).public == [TradeCorrected(EUA, TIME_NS, TradeId(1), 98, 3, 100, 5)]
    command = market.on(BustTrade(Ref(0), TradeId(0)))
    assert market.outputs(OPS, command).public == [TradeBusted(EUA, TIME_NS, TradeId(1), 98, 3)]


def test_a_question_is_answered_with_the_trade_as_it_was_and_as_it_stands() -> None:
    market = floor()
    market.correct(98, 3)
    (stream,) = market.outputs(OPS, market.on(TradeStatusRequest(Ref(0), TradeId(0)))).streams
    (status,) = stream.reports
    assert isinstance(status, m.TradeStatus)
    assert (status.price_ticks, status.quantity_lots, status.trade) == (98, 3, market.trades[0])
    assert (status.time_ns, status.flags) == (TIME_NS, 0)
    market.bust()
    assert market.send(OPS, market.on(TradeStatusRequest(Ref(0), TradeId(0)))) == ["ops 4: trade 1 0 @ 98"]


def test_both_sides_are_told_all_of_the_fill_that_is_taken_back() -> None:
    market = floor()
    outputs = market.outputs(OPS, market.on(BustTrade(Ref(0), TradeId(0), "why")))
    told = {stream.session_id: stream.reports[-1] for stream in outputs.streams}
    trade = market.trades[0]
    for side, kind in ((trade.buyer, m.Side.BUY), (trade.seller, m.Side.SELL)):
        report = told[side.session_id]
        assert isinstance(report, m.Busted)
        assert report == m.Busted(
            report.seq,
            m.NO_REF,
            TIME_NS,
            0,
            side.order_id,
            TradeId(1),
            EUA,
            side.account_id,
            kind,
            100,
            5,
            trade.time_ns,
            "why",
        )


def test_a_correction_may_be_to_the_lowest_price_there_is() -> None:
    market = floor()
    assert market.correct(1, 5)[0] == "ops 1: done"
    assert market.correct(0, 5)[0] == "ops 2: rejected INVALID_PRICE"


def test_a_correction_may_be_corrected_and_busted() -> None:
    market = floor()
    assert market.correct(98, 3)[0] == "ops 1: done"
    assert market.correct(99, 5)[0] == "ops 2: done", "up to what was traded, also after it was less"
    assert market.bust()[1] == "bob 0: busted #2 buy 5 @ 99: why"


# --- what they leave alone -----------------------------------------------------------------------


def test_orders_do_not_come_back() -> None:
    market = floor()
    market.bust()
    assert (market.bids(), market.asks()) == ([], [])


def test_an_order_that_still_rests_keeps_what_it_has_left() -> None:
    market = Floor()
    market.send(ALICE, sell(1, price=100, lots=9))
    market.trades += trades_of(market.outputs(BOB, buy(1, price=100, lots=5)))
    market.bust()
    assert market.asks() == ["4 in 1 @ 100"]


def test_stops_go_on_being_held_against_the_last_trade_that_was_made() -> None:
    market = Floor(allowed=m.AllowedFlag.ALL)
    market.trade(price=100)
    market.trade(price=105)
    market.bust(2)
    assert market.engine.books[EUA].last_price_ticks == 105
    assert "triggered #6 at 104" in market.send(BOB, buy(9, price=110, stop=104))[1]


def test_volatility_control_goes_by_the_prices_that_were_made() -> None:
    market = floor(reference_price_ticks=100, volatility=m.VolatilityRules())
    kept = _volatility(market)
    market.bust()
    assert _volatility(market) == kept


def _volatility(market: Floor) -> Any:
    """Of the instrument, as the state has it: prices that were made, and what follows from them."""
    book = state._book_state(market.engine.books[EUA])
    return msgpack.encode(book)


def test_a_bust_needs_no_phase_and_no_band() -> None:
    market = floor()
    market.send(VENUE, SetPhase(Ref(0), EUA, Phase.CLOSED), SetBand(Ref(0), EUA, 200, 190, 210))
    assert market.correct(98, 3)[0] == "ops 1: done"
    assert market.bust()[0] == "ops 2: done"


def test_a_session_that_was_removed_is_told_in_its_stream_all_the_same() -> None:
    market = floor()
    market.send(VENUE, RemoveSession(BOB))
    assert "bob 0: busted #2 buy 5 @ 100: why" in market.bust()


def test_a_drop_copy_has_the_busts_of_its_accounts_also_of_orders_that_are_gone() -> None:
    market = Floor()
    market.send(VENUE, DefineDropCopy(COPY, "copy", (m.AccountId(13),)))
    market.trade()
    outputs = market.outputs(OPS, market.on(BustTrade(Ref(0), TradeId(0))))
    (copy,) = outputs.copies
    assert (copy.count, [part.session_id for part in copy.parts]) == (1, [BOB])
    market.trade()
    outputs = market.outputs(OPS, market.on(CorrectTrade(Ref(0), TradeId(0), 98, 3), 2))
    (copy,) = outputs.copies
    assert (copy.count, [part.session_id for part in copy.parts]) == (1, [BOB])


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("trade_id", [0, 2, 10**9])
def test_a_trade_that_never_was_is_unknown(trade_id: int) -> None:
    assert floor().bust(trade_id) == ["ops 1: rejected UNKNOWN_TRADE"]


def test_only_an_operator_may() -> None:
    market = floor()
    market.ref = 1
    assert market.bust(session_id=BOB) == ["bob 2: rejected NOT_ENTITLED"]
    assert market.engine.venue.amended_trades == {}


def test_what_was_busted_is_neither_busted_nor_corrected_again() -> None:
    market = floor()
    market.bust()
    assert market.bust() == ["ops 2: rejected ALREADY_BUSTED"]
    assert market.correct(98, 3) == ["ops 3: rejected ALREADY_BUSTED"]


@pytest.mark.parametrize(
    ("price", "lots", "reason"),
    [
        (0, 4, "INVALID_PRICE"),
        (PRICE_TICKS_MAX + 1, 4, "INVALID_PRICE"),
        (101, 4, "PRICE_INCREMENT"),
        (100, 0, "INVALID_QUANTITY"),
        (100, 8, "ABOVE_MAXIMUM"),
        (100, 3, "QUANTITY_INCREMENT"),
        (100, 6, "NOT_AMENDABLE"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(price: int, lots: int, reason: str) -> None:
    market = Floor(price_increment_ticks=2, quantity_increment_lots=2)
    market.trade(lots=6)
    assert market.correct(price, lots) == [f"ops 1: rejected {reason}"]
    assert market.engine.venue.amended_trades == {}


def test_what_stays_as_it_is_may_be_off_an_increment_of_today() -> None:
    market = floor()
    definition = market.engine.books[EUA].instrument.definition
    finer = structs.replace(definition, price_increment_ticks=7, quantity_increment_lots=3)
    market.send(VENUE, m.DefineInstrument(finer))
    assert market.correct(100, 3)[0] == "ops 1: done"
    assert market.correct(98, 3)[0] == "ops 2: done"


def test_what_the_trade_was_made_of_is_not_what_stays_once_it_was_corrected() -> None:
    market = floor()
    definition = market.engine.books[EUA].instrument.definition
    finer = structs.replace(definition, price_increment_ticks=7, quantity_increment_lots=3)
    market.send(VENUE, m.DefineInstrument(finer))
    assert market.correct(98, 3)[0] == "ops 1: done"
    assert market.correct(100, 3) == ["ops 2: rejected PRICE_INCREMENT"]
    assert market.correct(98, 5) == ["ops 3: rejected QUANTITY_INCREMENT"]


def test_there_is_a_bound_to_what_may_be_amended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trades, "AMENDED_TRADES_MAX", 1)
    market = floor()
    market.trade()
    assert market.correct(98, 3, 1)[0] == "ops 1: done"
    assert market.bust(2) == ["ops 2: rejected AMENDED_TRADE_LIMIT"]
    assert market.bust(1)[0] == "ops 3: done", "one that was corrected may still be busted"
    question = market.on(TradeStatusRequest(Ref(0), TradeId(0)), 2)
    assert market.send(OPS, question) == ["ops 4: trade 2 5 @ 100"]


# --- what is carried, and what is kept -----------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"instrument_id": m.InstrumentId(9)},
        {"time_ns": TIME_NS + 1},
        {"price_ticks": 0},
        {"quantity_lots": 0},
        {"buyer": m.TradeSide(SessionId(99), m.OrderId(10), m.AccountId(11))},
        {"seller": m.TradeSide(ALICE, m.OrderId(10), m.AccountId(99))},
        {"seller": m.TradeSide(ALICE, m.OrderId(10**9), m.AccountId(11))},
    ],
    ids=str,
)
def test_a_trade_that_cannot_be_is_our_own_fault(wrong: dict[str, Any]) -> None:
    market = floor()
    market.trades[0] = structs.replace(market.trades[0], **wrong)
    with pytest.raises(AssertionError):
        market.bust()


def test_a_trade_that_is_yet_to_be_made_is_our_own_fault() -> None:
    market = floor()
    market.trades.append(market.trades[0])
    with pytest.raises(AssertionError, match="one that was"):
        market.bust(2)


def test_a_restored_venue_knows_what_was_busted() -> None:
    market = floor()
    market.trade()
    market.correct(98, 3, 2)
    market.bust(1)
    before = digest(market.engine)
    market.engine = restore(snapshot(market.engine))
    market.engine.check()
    assert digest(market.engine) == before
    assert market.bust(1) == ["ops 3: rejected ALREADY_BUSTED"]
    assert market.correct(98, 3, 2) == ["ops 4: rejected NOT_AMENDABLE"]


def test_what_is_amended_is_part_of_the_digest() -> None:
    digests = set()
    for price, lots in ((98, 3), (98, 4), (97, 3)):
        market = floor()
        market.correct(price, lots)
        digests.add(digest(market.engine))
    market = floor()
    market.bust()
    digests.add(digest(market.engine))
    assert len(digests) == 4


def test_the_largest_of_them_fits_its_bound() -> None:
    text = "\U0001f333" * 64
    number, price, lots, time_ns = WIRE_INT_MAX, PRICE_TICKS_MAX, QUANTITY_LOTS_MAX, TIME_NS_MAX
    ids = (m.InstrumentId(INSTRUMENT_ID_MAX), m.AccountId(ACCOUNT_ID_MAX))
    side = m.TradeSide(SessionId(SESSION_ID_MAX), m.OrderId(number), ids[1])
    trade = FoundTrade(ids[0], time_ns, price, lots, side, side)
    order = m.OrderId(number), TradeId(number), *ids, m.Side.SELL
    report = m.Corrected(number, Ref(0), time_ns, 3, *order, price, lots, price, lots, time_ns, text)
    public = TradeCorrected(ids[0], time_ns, TradeId(number), price, lots, price, lots)
    command = OnTrade(CorrectTrade(Ref(number), TradeId(number), price, lots, text), trade)
    bytes_of = {type(one): len(msgpack.encode(one)) for one in (report, public, command)}
    beyond = 2 * (bytes_of[m.Corrected] - REPORT_BYTES_MAX)
    assert beyond + bytes_of[TradeCorrected] + bytes_of[OnTrade] <= ON_TRADE_BYTES_MAX


# --- proto/TRADES.md -----------------------------------------------------------------------------

TRADES = Path(__file__).parents[2] / "proto" / "TRADES.md"
HERE = "tests.matching.test_trades"
FEED = "tests.market_data.test_feed"
DAY = "tests.market_data.test_amended_statistics"
MOVED = "tests.matching.clearing.test_take_back"
CHANGES = "tests.matching.clearing.test_changes"
# Of each section: what a row begins with, and the test of it.
TESTS: dict[str, dict[str, tuple[str, str]]] = {
    "What is answered": {
        "BustTrade, stands": (HERE, "test_a_bust_is_told_to_both_sides_and_done"),
        "BustTrade, was corrected": (HERE, "test_a_correction_may_be_corrected_and_busted"),
        "BustTrade, CorrectTrade, was busted": (
            HERE,
            "test_what_was_busted_is_neither_busted_nor_corrected_again",
        ),
        "TradeStatusRequest, any": (
            HERE,
            "test_a_question_is_answered_with_the_trade_as_it_was_and_as_it_stands",
        ),
        "any, never was": (HERE, "test_a_trade_that_never_was_is_unknown"),
        "any, of no operator, any": (HERE, "test_only_an_operator_may"),
        "any but the question, one more than 100,000 that were amended": (
            HERE,
            "test_there_is_a_bound_to_what_may_be_amended",
        ),
    },
    "What a correction may say": {
        "a price of at least 1, and not beyond every market": (
            HERE,
            "test_a_correction_that_cannot_be_is_refused",
        ),
        "a price on the instrument's increment of today, unless it stays as it is": (
            HERE,
            "test_what_stays_as_it_is_may_be_off_an_increment_of_today",
        ),
        "at least one lot: a trade of nothing is a bust": (
            HERE,
            "test_a_correction_that_cannot_be_is_refused",
        ),
        "no more lots than the trade was made of, also where an earlier correction has made it smaller": (
            HERE,
            "test_a_correction_may_be_corrected_and_busted",
        ),
        "lots on the instrument's increment of today, unless they stay as they are": (
            HERE,
            "test_what_stays_as_it_is_may_be_off_an_increment_of_today",
        ),
        "something changes": (HERE, "test_a_restored_venue_knows_what_was_busted"),
    },
    "What follows": {
        "the two streams that have the fills": (HERE, "test_a_correction_is_told_to_both_sides_and_done"),
        "drop copies of the two accounts": (
            HERE,
            "test_a_drop_copy_has_the_busts_of_its_accounts_also_of_orders_that_are_gone",
        ),
        "the feed": (FEED, "test_a_bust_and_a_correction_are_told_in_their_place_and_statistics_follow"),
        "statistics, if the trade is of the instrument's day": (
            DAY,
            "test_figures_equal_those_made_from_scratch",
        ),
        "statistics, if it is of an earlier day": (DAY, "test_a_trade_of_the_day_before_changes_nothing"),
        "the orders": (HERE, "test_orders_do_not_come_back"),
        "stops, and the last price that they are held against": (
            HERE,
            "test_stops_go_on_being_held_against_the_last_trade_that_was_made",
        ),
        "volatility control: corridors, limits, references": (
            HERE,
            "test_volatility_control_goes_by_the_prices_that_were_made",
        ),
        "phase": (HERE, "test_a_bust_needs_no_phase_and_no_band"),
    },
    "What moves": {
        "units, from the buyer: not settled yet": (
            MOVED,
            "test_units_that_are_not_settled_come_out_of_those_of_their_day",
        ),
        "units, from the buyer: settled since": (
            MOVED,
            "test_units_that_are_settled_come_out_of_what_is_free",
        ),
        "units, to the seller": (MOVED, "test_the_seller_has_its_units_back_and_may_sell_them_at_once"),
        "more units than an earlier correction has left": (
            MOVED,
            "test_a_correction_to_more_lots_again_takes_what_the_seller_has_free",
        ),
        "money, with the fees of both sides": (
            MOVED,
            "test_a_correction_moves_the_difference_of_money_and_fees",
        ),
        "proceeds of the day in progress": (
            MOVED,
            "test_proceeds_are_less_by_what_is_given_back_on_their_day_only",
        ),
        "units that are not free: sold, withdrawn, in orders": (
            MOVED,
            "test_a_bust_waits_until_units_are_free_again",
        ),
        "money that is not free: spent, withdrawn, in orders": (
            MOVED,
            "test_a_bust_waits_until_money_is_free_again",
        ),
        "both sides are one account": (MOVED, "test_of_a_trade_with_itself_only_fees_come_back"),
        "fees or the currency have changed since": (
            CHANGES,
            "test_a_trade_is_taken_back_by_the_fees_and_in_the_currency_that_it_had",
        ),
        "a trade by fees that more than 120 changes ago were others": (
            CHANGES,
            "test_trades_by_fees_that_are_forgotten_stay",
        ),
        "a trade from before the instrument had clearing": (
            MOVED,
            "test_a_trade_from_before_there_was_clearing_has_moved_nothing",
        ),
        "a trade of clearing that has ended since, also where it has begun anew": (
            CHANGES,
            "test_a_trade_of_clearing_that_has_ended_moves_nothing_any_more",
        ),
        "position limits, restrictions": (MOVED, "test_a_correction_is_not_held_against_the_position_limit"),
    },
}


@pytest.mark.parametrize("heading", TESTS)
def test_every_row_of_the_page_has_its_test(heading: str) -> None:
    (section,) = [one for one in re.split(r"^## ", TRADES.read_text(), flags=re.M) if one.startswith(heading)]
    lines = [line.strip("|") for line in section.splitlines() if line.startswith("|")][2:]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    names = 2 if heading == "What is answered" else 1
    assert [", ".join(row[:names]) for row in rows] == list(TESTS[heading])
    for module, test in TESTS[heading].values():
        assert callable(getattr(import_module(module), test))


def test_the_page_names_the_bounds_as_they_are() -> None:
    page = TRADES.read_text()
    assert f"{AMENDED_TRADES_MAX:,}" in page
    assert f"{DAY_TRADES_KEPT_MAX:,}" in page
    assert f"more than {CLEARING_TERMS_MAX} changes ago" in page
