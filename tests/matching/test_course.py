"""Schedule and operator on one instrument: every row of the table in proto/PHASES.md, and what follows."""

import re
from pathlib import Path

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.course import Course
from carbonmatch.matching.messages import Phase, Ref
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import ALICE, CEA, EUA, OPS, TIME_NS, VENUE, Market

PHASES = Path(__file__).parents[2] / "proto" / "PHASES.md"
HOUR_NS = 3_600_000_000_000
UNTIL_NS = TIME_NS + HOUR_NS


def step(market: Market, phase: Phase, hour: int, until: int = 0) -> list[m.PhaseChanged]:
    """The schedule's step of that hour; what the public hears of it."""
    until_ns = TIME_NS + until * HOUR_NS if until else 0
    return told(market, VENUE, m.SchedulePhase(EUA, phase, TIME_NS + hour * HOUR_NS, until_ns))


def told(market: Market, session: m.SessionId, *commands: m.AnyCommand) -> list[m.PhaseChanged]:
    public = market.outputs(session, *commands).public
    return [event for event in public if type(event) is m.PhaseChanged]


def phase(market: Market) -> Phase:
    return market.engine.instruments[EUA].phase


def buy(ref: int, time_in_force: m.TimeInForce = m.TimeInForce.DAY) -> m.NewOrder:
    return m.NewOrder(Ref(ref), EUA, m.Side.BUY, 5, 100, time_in_force=time_in_force)


# --- the table --------------------------------------------------------------------------------------


def rows() -> list[tuple[Phase, bool, Phase, Phase]]:
    """What an operator has set, whether with an until, the schedule's next step, what then holds."""
    _, _, rest = PHASES.read_text().partition("\n## Schedules and operators\n")
    found = re.findall(r"^\| ([A-Z_, ]+) \| (yes|no) \| ([A-Z_, ]+) \| ([A-Z_a-z ]+) \|", rest, re.MULTILINE)
    return [
        (Phase[held], until == "yes", Phase[following], Phase[following if then == "the step" else held])
        if then in ("the step", "held")
        else (Phase[held], until == "yes", Phase[following], Phase[then])
        for helds, until, followings, then in found
        for held in helds.split(", ")
        for following in followings.split(", ")
    ]


def test_the_table_has_a_row_for_every_phase_set_and_every_step() -> None:
    found = [row[:3] for row in rows()]
    assert len(found) == len(set(found)) == len(Phase) * 2 * len(Phase)


@pytest.mark.parametrize(("held", "has_until", "following", "then"), rows())
def test_a_step_of_the_schedule_while_an_operator_has_set_a_phase(
    held: Phase, has_until: bool, following: Phase, then: Phase
) -> None:
    course = Course(Phase.CLOSED)
    course.step(m.SchedulePhase(EUA, Phase.CONTINUOUS, 1, 2))
    course.set(held, 9 if has_until else 0)
    assert course.phase is held
    course.step(m.SchedulePhase(EUA, following, 2, 3))
    assert course.phase is then
    course.resume()
    assert course.phase is following


# --- what follows -----------------------------------------------------------------------------------


def test_a_step_is_public_with_its_end_and_says_nothing_where_nothing_changes() -> None:
    market = Market(opening_phase=Phase.CLOSED)
    assert step(market, Phase.CONTINUOUS, 1, until=3) == [
        m.PhaseChanged(EUA, TIME_NS, Phase.CONTINUOUS, "", TIME_NS + 3 * HOUR_NS)
    ]
    # Its end has moved: a calendar that was read again says so.
    assert step(market, Phase.CONTINUOUS, 2, until=4) == [
        m.PhaseChanged(EUA, TIME_NS, Phase.CONTINUOUS, "", TIME_NS + 4 * HOUR_NS)
    ]
    assert step(market, Phase.CONTINUOUS, 3, until=4) == []


def test_no_step_is_made_twice() -> None:
    market = Market()
    step(market, Phase.CONTINUOUS, 2)
    with pytest.raises(AssertionError, match="no step is made twice"):
        step(market, Phase.CLOSED, 2)


def test_the_close_of_the_schedule_expires_day_orders_once_and_no_others() -> None:
    market = Market()
    step(market, Phase.CONTINUOUS, 1)
    market.send(ALICE, buy(1), buy(2, m.TimeInForce.GTC))
    close = m.SchedulePhase(EUA, Phase.CLOSED, TIME_NS + 2 * HOUR_NS, 0)
    assert market.send(VENUE, close) == ["alice 0: canceled #2 5 EXPIRED"]
    assert market.bids() == ["5 in 1 @ 100"]
    assert market.send(VENUE, m.SchedulePhase(EUA, Phase.PRE_OPEN, TIME_NS + 3 * HOUR_NS, 0)) == []


def test_a_halt_is_held_over_steps_and_nights_and_day_orders_expire_all_the_same() -> None:
    market = Market()
    step(market, Phase.CONTINUOUS, 1)
    market.send(ALICE, buy(1))
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.HALTED, "news"))
    assert step(market, Phase.BREAK, 2) == []
    assert phase(market) is Phase.HALTED
    close = m.SchedulePhase(EUA, Phase.CLOSED, TIME_NS + 3 * HOUR_NS, 0)
    assert market.send(VENUE, close) == ["alice 0: canceled #2 5 EXPIRED"]
    assert phase(market) is Phase.CLOSED
    step(market, Phase.CONTINUOUS, 20)
    assert phase(market) is Phase.HALTED
    assert told(market, OPS, m.Resume(Ref(2), EUA, "over")) == [
        m.PhaseChanged(EUA, TIME_NS, Phase.CONTINUOUS, "over")
    ]


def test_an_operators_close_is_not_told_with_the_end_of_the_schedules_close() -> None:
    """It does not end then: the instrument stays closed until somebody lifts it."""
    market = Market()
    step(market, Phase.CLOSED, 1, until=20)
    assert told(market, OPS, m.SetPhase(Ref(1), EUA, Phase.CLOSED)) == [
        m.PhaseChanged(EUA, TIME_NS, Phase.CLOSED, "", 0)
    ]
    assert step(market, Phase.CONTINUOUS, 20) == []
    assert phase(market) is Phase.CLOSED


def test_resume_brings_back_what_the_schedule_says_now() -> None:
    market = Market()
    step(market, Phase.CONTINUOUS, 1)
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CANCEL_ONLY))
    step(market, Phase.BREAK, 2, until=5)
    assert market.send(OPS, m.Resume(Ref(2), EUA)) == ["ops 2: done"]
    assert phase(market) is Phase.BREAK


def test_resume_of_what_nobody_holds_changes_nothing_and_is_done() -> None:
    market = Market()
    outputs = market.outputs(OPS, m.Resume(Ref(1), m.InstrumentId(m.ANY)))
    assert outputs.public == []
    assert [type(report) for stream in outputs.streams for report in stream.reports] == [m.Done]


def test_resume_is_for_operators_and_for_instruments_there_are() -> None:
    market = Market()
    assert market.send(ALICE, m.Resume(Ref(1), EUA)) == ["alice 1: rejected NOT_ENTITLED"]
    assert market.send(OPS, m.Resume(Ref(1), m.InstrumentId(9))) == ["ops 1: rejected UNKNOWN_INSTRUMENT"]


def test_one_resume_lifts_all_holds_and_leaves_the_others_alone() -> None:
    market = Market()
    market.send(OPS, m.SetPhase(Ref(1), CEA, Phase.HALTED))
    everything = m.InstrumentId(m.ANY)
    assert [event.instrument_id for event in told(market, OPS, m.Resume(Ref(2), everything))] == [CEA]


def test_an_extended_session_goes_over_the_close_and_its_orders_with_it() -> None:
    market = Market()
    step(market, Phase.CONTINUOUS, 1)
    market.send(ALICE, buy(1))
    extended = told(market, OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS, "longer", UNTIL_NS))
    assert extended == [m.PhaseChanged(EUA, TIME_NS, Phase.CONTINUOUS, "longer", UNTIL_NS)]
    assert market.engine.venue.held_until_ns == {EUA: UNTIL_NS}
    assert step(market, Phase.CLOSED, 2) == []
    assert market.bids() == ["5 in 1 @ 100"]
    assert market.send(VENUE, m.Resume(Ref(0), EUA)) == ["alice 0: canceled #2 5 EXPIRED"]
    assert phase(market) is Phase.CLOSED
    assert market.engine.venue.held_until_ns == {}


def test_a_session_without_an_end_ends_with_the_next_step() -> None:
    market = Market(opening_phase=Phase.CLOSED)
    step(market, Phase.CLOSED, 1)
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    assert phase(market) is Phase.CONTINUOUS
    step(market, Phase.PRE_OPEN, 2)
    assert phase(market) is Phase.PRE_OPEN
    assert told(market, OPS, m.Resume(Ref(2), EUA)) == []


def test_without_a_schedule_an_operator_is_the_schedule() -> None:
    market = Market(opening_phase=Phase.CLOSED)
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    market.send(OPS, m.SetPhase(Ref(2), EUA, Phase.HALTED))
    assert phase(market) is Phase.HALTED
    market.send(OPS, m.Resume(Ref(3), EUA))
    assert phase(market) is Phase.CONTINUOUS
    market.send(OPS, m.SetPhase(Ref(4), EUA, Phase.HALTED, "", UNTIL_NS))
    market.send(OPS, m.SetPhase(Ref(5), EUA, Phase.CONTINUOUS))
    assert told(market, OPS, m.Resume(Ref(6), EUA)) == []


def test_holds_and_steps_come_back_from_a_snapshot() -> None:
    market = Market()
    step(market, Phase.CONTINUOUS, 1, until=5)
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.HALTED, "", UNTIL_NS))
    again = restore(snapshot(market.engine))
    again.check()
    assert digest(again) == digest(market.engine)
    course = again.instruments[EUA].course
    assert (course.scheduled, course.scheduled_ns) == (Phase.CONTINUOUS, TIME_NS + HOUR_NS)
    assert (course.until_ns, course.hold, course.hold_until_ns) == (
        TIME_NS + 5 * HOUR_NS,
        Phase.HALTED,
        UNTIL_NS,
    )
    assert again.venue.held_until_ns == {EUA: UNTIL_NS}
