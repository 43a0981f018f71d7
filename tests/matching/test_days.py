"""The end of trading days: which day it is, who may end it and when, and what follows. See proto/DAY.md."""

from typing import Any, cast

import pytest
from msgspec import structs

from carbonmatch.limits import (
    DAY_INSTRUMENTS_MAX,
    FRAME_BYTES_MAX,
    OBJECTIONS_MAX,
    SETTLEMENT_RUNS_MAX,
    SETTLEMENT_STATUS_MAX,
)
from carbonmatch.matching import messages as m
from carbonmatch.matching.day.settlements import SettlementRun, Settlements
from carbonmatch.matching.day.trading_day import is_date, latest_date
from carbonmatch.matching.execution import Clearing
from carbonmatch.matching.messages import (
    ConfirmSettlement,
    DayEnded,
    EndDay,
    Phase,
    Ref,
    RejectReason,
    SettlementOutcome,
    SettlementStatus,
    SettlementStatusRequest,
    StatusEnd,
)
from carbonmatch.matching.state import digest, restore, snapshot
from carbonmatch.protocol.codec import decode_client_frame, encode
from carbonmatch.protocol.errors import ProtocolError
from tests.matching.market import ALICE, BOB, CEA, EUA, OPS, TIME_NS, VENUE, Market, buy, sell

# TIME_NS is 22:13:20 UTC of 14 November 2023: on the earth's latest clocks it is the 15th.
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = 20231113, 20231114, 20231115, 20231116
HOUR_NS = 3_600_000_000_000
DIGEST = bytes(range(32))
TRADE = m.TradeId(1)


class Days:
    """A market, and what ends in it."""

    def __init__(self) -> None:
        self.market = Market()
        self.refs = 0

    def ref(self) -> Ref:
        self.refs += 1
        return Ref(self.refs)

    def close(self, instrument: int = 0) -> None:
        self.market.send(OPS, m.SetPhase(self.ref(), m.InstrumentId(instrument), Phase.CLOSED))

    def trade(self, ref: int, instrument: int = EUA, price: int = 100, lots: int = 1) -> None:
        self.market.send(ALICE, buy(ref, price, lots, instrument=instrument))
        self.market.send(BOB, sell(ref, price, lots, instrument=instrument))

    def step(self, phase: Phase, hour: int, day: int, instrument: m.InstrumentId = EUA) -> None:
        command = m.SchedulePhase(instrument, phase, TIME_NS + hour * HOUR_NS, 0, trading_day=day)
        self.market.outputs(VENUE, command)

    def end(self, day: int = 0, *instruments: int, session: m.SessionId = OPS) -> list[DayEnded] | str:
        """What was told, or why it was refused."""
        numbers = tuple(m.InstrumentId(number) for number in instruments)
        return self.told(EndDay(self.ref(), day, numbers), session)

    def told(self, command: Any, session: m.SessionId = OPS) -> list[DayEnded] | str:
        outputs = self.market.outputs(session, command)
        reports = [report for chunk in outputs.streams for report in chunk.reports]
        if outputs.refusals:
            assert not any(isinstance(event, DayEnded) for event in outputs.public)
            assert m.Rejected in map(type, reports)
            return outputs.refusals[0].name
        assert session is VENUE or type(reports[-1]) is m.Done
        return [event for event in outputs.public if isinstance(event, DayEnded)]

    def confirm(self, **changes: Any) -> list[DayEnded] | str:
        command = ConfirmSettlement(self.ref(), TUESDAY, 1, DIGEST, SettlementOutcome.CONFIRMED)
        return self.told(structs.replace(command, **changes))

    def runs(self, *, confirmed: bool = False) -> list[tuple[int, int, str]]:
        outputs = self.market.outputs(OPS, SettlementStatusRequest(self.ref(), 0, confirmed))
        (chunk,) = outputs.streams
        *runs, end = chunk.reports
        assert isinstance(end, StatusEnd)
        assert end.count == len(runs)
        assert not end.more
        assert all(isinstance(run, SettlementStatus) for run in runs)
        return [(run.trading_day, run.run, run.outcome.name) for run in runs]  # type: ignore[union-attr]


@pytest.fixture
def days() -> Days:
    return Days()


# --- which instruments, which day -------------------------------------------------------------------


def test_a_day_ends_for_all_that_are_named_and_closed(days: Days) -> None:
    days.trade(1)
    days.trade(2, CEA, price=50)
    days.close(EUA)
    began = days.market.engine.venue.books[EUA].day.after_sequence
    [ended] = list(days.end(TUESDAY, EUA))
    sequence = days.market.engine.sequence
    assert ended == DayEnded(EUA, TIME_NS, TUESDAY, 1, sequence, began, 0, 2, 0, 0, 0, 100)  # type: ignore[arg-type]
    assert days.market.engine.books[EUA].day.ended == TUESDAY
    assert days.market.engine.books[CEA].day.ended == 0


def test_what_trades_afterwards_is_of_the_next_day(days: Days) -> None:
    days.trade(1)
    days.close(EUA)
    days.end(MONDAY, EUA)
    first_end = days.market.engine.sequence
    days.market.send(OPS, m.Resume(days.ref(), EUA))
    days.trade(2)
    days.trade(3, CEA)
    days.close(EUA)
    [ended] = list(days.end(TUESDAY, EUA))
    assert isinstance(ended, DayEnded)
    assert (ended.after_sequence, ended.after_trade_id, ended.last_trade_id) == (first_end, 1, 3)


def test_without_names_it_ends_for_those_whose_day_has_not_ended(days: Days) -> None:
    days.close()
    days.end(TUESDAY, CEA)
    ended = days.end(TUESDAY)
    assert [(one.instrument_id, one.run) for one in ended] == [(EUA, 2)]  # type: ignore[union-attr]


def test_instruments_end_in_the_order_of_their_numbers_whatever_the_order_of_the_names(days: Days) -> None:
    days.close()
    ended = days.end(TUESDAY, CEA, EUA, CEA)
    assert [one.instrument_id for one in ended] == [EUA, CEA]  # type: ignore[union-attr]


def test_day_0_is_the_day_that_the_schedule_has_begun(days: Days) -> None:
    days.step(Phase.CONTINUOUS, 0, TUESDAY)
    days.step(Phase.CLOSED, 1, TUESDAY)
    days.close(CEA)
    ended = days.end(0, EUA)
    assert [(one.instrument_id, one.trading_day) for one in ended] == [(EUA, TUESDAY)]  # type: ignore[union-attr]


def test_day_0_of_all_takes_those_without_a_schedule_along(days: Days) -> None:
    days.step(Phase.CONTINUOUS, 0, TUESDAY)
    days.step(Phase.CLOSED, 1, TUESDAY)
    days.close(CEA)
    assert [one.instrument_id for one in days.end()] == [EUA, CEA]  # type: ignore[union-attr]


def test_a_close_begins_no_day(days: Days) -> None:
    days.step(Phase.CLOSED, 0, MONDAY)
    assert days.market.engine.books[EUA].day.in_progress == 0
    assert days.end(0, EUA) == "UNKNOWN_TRADING_DAY"


def test_the_venue_ends_days_and_has_no_stream_to_be_answered_in(days: Days) -> None:
    days.close(EUA)
    assert [one.run for one in days.told(EndDay(Ref(0), TUESDAY, (EUA,)), VENUE)] == [1]  # type: ignore[union-attr]


def test_the_venues_own_end_of_a_day_that_does_not_fit_is_a_bug(days: Days) -> None:
    with pytest.raises(AssertionError, match="DAY_NOT_OVER"):
        days.told(EndDay(Ref(0), TUESDAY, (EUA,)), VENUE)


# --- what is refused ----------------------------------------------------------------------------------


def test_a_day_is_ended_by_operators_only(days: Days) -> None:
    days.close()
    assert days.end(TUESDAY, session=ALICE) == "NOT_ENTITLED"


@pytest.mark.parametrize("instruments", [(7,), (EUA, 7)])
def test_only_instruments_there_are_end_a_day(days: Days, instruments: tuple[int, ...]) -> None:
    days.close()
    assert days.end(TUESDAY, *instruments) == "UNKNOWN_INSTRUMENT"


def test_a_venue_without_instruments_has_no_day_to_end() -> None:
    market = Market()
    market.engine.venue.books.clear()
    (chunk,) = market.outputs(OPS, EndDay(Ref(1), TUESDAY)).streams
    assert chunk.reports[0].reason is RejectReason.UNKNOWN_INSTRUMENT  # type: ignore[union-attr]


@pytest.mark.parametrize("day", [0, 1, 20230229, 20231313, 20231100, 20231132, THURSDAY, 99991231])
def test_what_is_no_day_or_has_not_begun_anywhere_is_refused(days: Days, day: int) -> None:
    days.close()
    assert days.end(day) == "UNKNOWN_TRADING_DAY"
    assert days.end(day, EUA) == "UNKNOWN_TRADING_DAY"


def test_the_date_that_it_is_where_it_is_the_latest_may_end(days: Days) -> None:
    days.close()
    assert len(days.end(WEDNESDAY)) == 2


def test_no_day_ends_twice_and_none_before_one_that_ended(days: Days) -> None:
    days.close()
    days.end(TUESDAY)
    assert days.end(TUESDAY) == days.end(MONDAY) == "DAY_ALREADY_ENDED"
    assert days.end(TUESDAY, CEA, EUA) == "DAY_ALREADY_ENDED"
    assert [run.run for run in days.market.engine.venue.settlements] == [1]


def test_a_day_that_one_of_them_has_ended_is_refused_for_all_that_are_named(days: Days) -> None:
    days.close()
    days.end(TUESDAY, CEA)
    assert days.end(TUESDAY, EUA, CEA) == "DAY_ALREADY_ENDED"
    assert days.market.engine.books[EUA].day.ended == 0


def test_another_day_than_the_one_in_progress_is_refused(days: Days) -> None:
    days.step(Phase.CONTINUOUS, 0, TUESDAY)
    days.step(Phase.CLOSED, 1, TUESDAY)
    days.close(CEA)
    assert days.end(WEDNESDAY, EUA) == days.end(MONDAY, EUA) == "UNKNOWN_TRADING_DAY"
    # Who names no instruments means those of that day.
    assert [one.instrument_id for one in days.end(WEDNESDAY)] == [CEA]  # type: ignore[union-attr]


def test_day_0_after_the_day_has_ended_is_that_of_a_day_that_has_ended(days: Days) -> None:
    days.step(Phase.CONTINUOUS, 0, TUESDAY)
    days.step(Phase.CLOSED, 1, TUESDAY)
    days.close(CEA)
    assert len(days.end()) == 2
    assert days.end() == days.end(0, EUA) == "DAY_ALREADY_ENDED"
    # No schedule has said in which day this one is.
    assert days.end(0, CEA) == "UNKNOWN_TRADING_DAY"


def test_no_day_ends_before_the_schedule_has_begun_it(days: Days) -> None:
    """It would be over when its session begins, and what trades then would be of no day that ends."""
    tomorrow_ns = TIME_NS + 9 * HOUR_NS
    days.step(Phase.CONTINUOUS, 0, TUESDAY)
    closed = m.SchedulePhase(EUA, Phase.CLOSED, TIME_NS + HOUR_NS, tomorrow_ns, trading_day=TUESDAY)
    days.market.outputs(VENUE, closed)
    days.close(CEA)
    assert len(days.end(0, EUA)) == 1
    assert days.end(WEDNESDAY, EUA) == "UNKNOWN_TRADING_DAY"
    assert [one.instrument_id for one in days.end(WEDNESDAY)] == [CEA]  # type: ignore[union-attr]
    # It has left its schedule: the step does not come.
    days.market.time_ns = tomorrow_ns
    assert len(days.end(WEDNESDAY, EUA)) == 1


def test_no_first_day_ends_with_those_of_others_before_the_schedule_has_begun_it(days: Days) -> None:
    """A market that opens later, on the first day of its venue; named, it may be one that had no schedule."""
    days.step(Phase.CONTINUOUS, 0, TUESDAY)
    days.step(Phase.CLOSED, 1, TUESDAY)
    opens_ns = TIME_NS + 9 * HOUR_NS
    days.market.outputs(VENUE, m.SchedulePhase(CEA, Phase.CLOSED, TIME_NS, opens_ns, trading_day=MONDAY))
    assert [one.instrument_id for one in days.end()] == [EUA]  # type: ignore[union-attr]
    assert len(days.end(TUESDAY, CEA)) == 1


def test_day_0_of_instruments_in_different_days_is_refused(days: Days) -> None:
    for instrument, day in ((EUA, TUESDAY), (CEA, MONDAY)):
        days.step(Phase.CONTINUOUS, 0, day, instrument)
        days.step(Phase.CLOSED, 1, day, instrument)
    assert days.end() == "UNKNOWN_TRADING_DAY"
    assert len(days.end(0, EUA)) == 1


def test_a_day_that_the_schedule_began_and_that_ended_leaves_the_next_to_whoever_names_it(days: Days) -> None:
    """An instrument that was taken off its schedule."""
    days.step(Phase.CONTINUOUS, 0, MONDAY)
    days.step(Phase.CLOSED, 1, MONDAY)
    days.end(0, EUA)
    assert len(days.end(TUESDAY, EUA)) == 1


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.CLOSED}))
def test_a_day_is_not_over_before_its_instruments_are_closed(days: Days, phase: Phase) -> None:
    days.close()
    days.market.send(OPS, m.SetPhase(days.ref(), EUA, phase))
    assert days.end(TUESDAY, EUA) == days.end(TUESDAY, EUA, CEA) == "DAY_NOT_OVER"
    # Who names no instruments means those that are over.
    assert [one.instrument_id for one in days.end(TUESDAY)] == [CEA]  # type: ignore[union-attr]
    assert days.end(TUESDAY) == "DAY_NOT_OVER"
    assert days.runs() == [(TUESDAY, 1, "UNANSWERED")]


def test_a_day_is_not_over_while_its_closing_auction_is_carried_out(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 1)
    days.market.send(OPS, m.SetPhase(days.ref(), EUA, Phase.CLOSING_AUCTION))
    for ref in (1, 2, 3):
        days.trade(ref)
    days.close(EUA)
    assert days.end(TUESDAY, EUA) == "DAY_NOT_OVER"
    while days.market.engine.venue.uncrossing:
        days.market.outputs(VENUE, m.TimePassed())
    assert len(days.end(TUESDAY, EUA)) == 1


# --- what moves on ------------------------------------------------------------------------------------


class Rolled:
    """Clearing that has nothing to hold, and notes the days that it is told of."""

    def __init__(self) -> None:
        self.days: list[int] = []

    def roll(self, trading_day: int, _last_trade_id: m.TradeId) -> None:
        self.days.append(trading_day)


def test_units_and_money_move_on_once_for_each_day_that_ends(days: Days) -> None:
    books = days.market.engine.books
    clearings = {EUA: Rolled(), CEA: Rolled()}
    for number, clearing in clearings.items():
        books[number].clearing = cast("Clearing", clearing)
    days.close()
    days.end(MONDAY, EUA)
    days.end(MONDAY, EUA)
    days.end(TUESDAY)
    days.end(THURSDAY)
    assert clearings[EUA].days == [MONDAY, TUESDAY]
    assert clearings[CEA].days == [TUESDAY]


# --- the registry's answers ---------------------------------------------------------------------------


@pytest.fixture
def settled(days: Days) -> Days:
    """EUA and CEA ended Tuesday in one run, after a trade."""
    days.trade(1)
    days.close()
    days.end(TUESDAY)
    return days


def test_a_run_that_is_confirmed_waits_no_longer(settled: Days) -> None:
    assert settled.runs() == [(TUESDAY, 1, "UNANSWERED")]
    assert settled.market.engine.venue.settlements.unconfirmed_count == 1
    assert settled.confirm() == []
    assert settled.runs() == []
    assert settled.runs(confirmed=True) == [(TUESDAY, 1, "CONFIRMED")]
    assert settled.market.engine.venue.settlements.unconfirmed_count == 0
    assert settled.confirm() == "SETTLEMENT_ALREADY_CONFIRMED"


def test_a_run_that_was_objected_to_may_be_confirmed_later(settled: Days) -> None:
    objected = {"outcome": SettlementOutcome.OBJECTED, "objections": (m.TradeId(3),), "objection_count": 1}
    assert settled.confirm(**objected) == []
    assert settled.runs() == [(TUESDAY, 1, "OBJECTED")]
    run = settled.market.engine.venue.settlements.find(TUESDAY, 1)
    assert run is not None
    assert (run.file_digest, run.objection_count) == (DIGEST, 1)
    assert settled.confirm() == []
    assert settled.runs() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": SettlementOutcome.UNANSWERED},
        {"outcome": SettlementOutcome.OBJECTED},
        {
            "outcome": SettlementOutcome.OBJECTED,
            "objections": (TRADE, TRADE),
            "objection_count": 1,
        },
        {
            "outcome": SettlementOutcome.OBJECTED,
            "objections": (TRADE, TRADE),
            "objection_count": 2,
        },
        {"objection_count": 1},
        {"objections": (m.TradeId(1),)},
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(settled: Days, changes: dict[str, Any]) -> None:
    assert settled.confirm(**changes) == "INCOMPATIBLE_INSTRUCTIONS"
    assert settled.runs() == [(TUESDAY, 1, "UNANSWERED")]


@pytest.mark.parametrize("changes", [{"run": 2}, {"run": 0}, {"trading_day": MONDAY}])
def test_an_answer_to_no_run_is_refused(settled: Days, changes: dict[str, Any]) -> None:
    assert settled.confirm(**changes) == "UNKNOWN_TRADING_DAY"


@pytest.mark.parametrize(
    "command",
    [
        ConfirmSettlement(Ref(9), TUESDAY, 1, DIGEST, SettlementOutcome.CONFIRMED),
        SettlementStatusRequest(Ref(9)),
    ],
)
def test_settlement_is_for_operators(settled: Days, command: Any) -> None:
    assert settled.told(command, ALICE) == "NOT_ENTITLED"


def test_more_runs_than_one_answer_has_are_asked_for_page_by_page(days: Days) -> None:
    settlements = days.market.engine.venue.settlements
    for number in range(SETTLEMENT_STATUS_MAX + 3):
        settlements.begin(MONDAY, number - 1_000, TIME_NS, 1)
    days.market.engine.venue.settlements = Settlements()
    for run in settlements:
        run.sequence += 1_001
        days.market.engine.venue.settlements.restore(run)
    (chunk,) = days.market.outputs(OPS, SettlementStatusRequest(Ref(1))).streams
    *runs, end = chunk.reports
    assert isinstance(end, StatusEnd)
    assert (len(runs), end.count, end.more) == (SETTLEMENT_STATUS_MAX, SETTLEMENT_STATUS_MAX, True)
    last = runs[-1]
    assert isinstance(last, SettlementStatus)
    (chunk,) = days.market.outputs(OPS, SettlementStatusRequest(Ref(2), last.sequence)).streams
    *runs, end = chunk.reports
    assert isinstance(end, StatusEnd)
    assert (len(runs), end.more) == (3, False)


def test_runs_are_forgotten_beyond_the_bound_those_that_are_confirmed_first() -> None:
    settlements = Settlements()
    for number in range(1, SETTLEMENT_RUNS_MAX + 1):
        assert settlements.begin(TUESDAY, number, TIME_NS, 1) == number
    third = settlements.find(TUESDAY, 3)
    assert third is not None
    settlements.answer(third, ConfirmSettlement(Ref(1), TUESDAY, 3, DIGEST, SettlementOutcome.CONFIRMED))
    assert settlements.begin(WEDNESDAY, SETTLEMENT_RUNS_MAX + 1, TIME_NS, 1) == 1
    assert [run.run for run in settlements][:3] == [1, 2, 4]
    assert settlements.begin(WEDNESDAY, SETTLEMENT_RUNS_MAX + 2, TIME_NS, 1) == 2
    assert [run.run for run in settlements][:3] == [2, 4, 5]
    assert settlements.unconfirmed_count == SETTLEMENT_RUNS_MAX
    settlements.check()
    assert settlements.last == SettlementRun(WEDNESDAY, 2, SETTLEMENT_RUNS_MAX + 2, TIME_NS, 1)
    assert Settlements().last is None


def test_where_no_run_is_confirmed_the_oldest_one_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.matching.day.settlements.SETTLEMENT_RUNS_MAX", 2)
    settlements = Settlements()
    for number in (1, 2, 3):
        settlements.begin(TUESDAY, number, TIME_NS, 1)
    assert [run.run for run in settlements] == [2, 3]
    assert settlements.unconfirmed_count == 2
    settlements.check()


def test_an_answer_with_as_many_objections_as_there_may_be_fits_a_frame(settled: Days) -> None:
    objections = tuple(m.TradeId(2**53 - 1 - number) for number in range(OBJECTIONS_MAX))
    settled.confirm(outcome=SettlementOutcome.OBJECTED, objections=objections, objection_count=10**6)
    run = settled.market.engine.venue.settlements.find(TUESDAY, 1)
    assert run is not None
    assert run.objection_count == 10**6
    command = ConfirmSettlement(Ref(2**53 - 1), 99991231, 1, DIGEST, SettlementOutcome.OBJECTED, objections)
    payload = encode([structs.replace(command, text="x" * 64)])
    assert len(payload) <= FRAME_BYTES_MAX
    assert decode_client_frame(payload)


def test_as_many_instruments_as_one_command_ends_fit_a_frame_and_more_are_refused() -> None:
    numbers = tuple(m.InstrumentId(2**16 - 1 - number) for number in range(DAY_INSTRUMENTS_MAX))
    command = EndDay(Ref(2**53 - 1), 99991231, numbers, "x" * 64)
    payload = encode([command])
    assert len(payload) <= FRAME_BYTES_MAX
    assert decode_client_frame(payload) == [command]
    with pytest.raises(ProtocolError):
        decode_client_frame(encode([structs.replace(command, instrument_ids=(*numbers, m.InstrumentId(1)))]))


# --- state ------------------------------------------------------------------------------------------


def test_days_and_runs_are_part_of_the_state(settled: Days) -> None:
    settled.step(Phase.CONTINUOUS, 0, WEDNESDAY)
    settled.confirm(outcome=SettlementOutcome.OBJECTED, objections=(m.TradeId(1),), objection_count=1)
    settled.trade(2)
    engine = settled.market.engine
    again = restore(snapshot(engine))
    assert again.books[EUA].day.after_trade_id == 1
    assert digest(again) == digest(engine)
    again.check()
    for book, kept in zip(engine.books.values(), again.books.values(), strict=True):
        for name in ("number", "ended", "after_sequence", "after_trade_id"):
            assert getattr(book.day, name) == getattr(kept.day, name)
    assert list(again.venue.settlements) == list(engine.venue.settlements)


# --- dates ------------------------------------------------------------------------------------------


def test_dates_are_those_of_the_calendar() -> None:
    assert all(map(is_date, (20240229, 20000229, 19700101, 99991231, 20231130)))
    assert not any(map(is_date, (0, 20230229, 21000229, 20231131, 20230015, 101)))


@pytest.mark.parametrize(
    ("time_ns", "date"),
    [
        (0, 19700101),
        (10 * HOUR_NS - 1, 19700101),
        (10 * HOUR_NS, 19700102),
        (951_782_400 * 10**9, 20000229),
        (951_782_400 * 10**9 + 10 * HOUR_NS, 20000301),
        (1_704_067_199 * 10**9, 20240101),
        (1_703_980_800 * 10**9, 20231231),
        (4_107_456_000 * 10**9, 21000228),
        (4_107_456_000 * 10**9 + 24 * HOUR_NS, 21000301),
    ],
)
def test_the_latest_date_on_earth_is_14_hours_ahead(time_ns: int, date: int) -> None:
    assert latest_date(time_ns) == date
