"""Blocks by their own schedule: on time, late, once, and no later than what the instrument does."""

from carbonmatch.config import Config, parse
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import BlockPhase, Phase, Side
from tests.server.test_schedules import CEA, EUA, FILE, INSTRUMENT, OPERATOR, OTHERS, TRADER, Market
from tests.test_timetable import utc

# 13:00 to 15:00 in Shanghai.
AFTERNOON = """
[[schedules]]
name = "afternoon"
calendar = "china"
steps = [{ at = "13:00", phase = "continuous" }, { at = "15:00", phase = "closed" }]
"""
BLOCKS = '[instruments.blocks]\nschedule = "afternoon"\n'
CEA_FILE = INSTRUMENT.format(id=CEA, symbol="CEA") + 'schedule = "listed"\n'


def config(cea: str = CEA_FILE + BLOCKS, eua: str = "") -> Config:
    file = FILE + AFTERNOON + cea + INSTRUMENT.format(id=EUA, symbol="EUA") + eua + OTHERS
    return parse(file, "venue.toml")


def market(now: str, file: Config | None = None) -> Market:
    return Market(now, file or config())


def phase(one: Market, instrument: m.InstrumentId = CEA) -> BlockPhase:
    blocks = one.engine.books[instrument].blocks
    assert blocks is not None
    return blocks.course.phase


def propose(one: Market, session: m.SessionId = TRADER) -> bool:
    """Whether it was taken."""
    one.refused.clear()
    one.send(session, m.BlockPropose(one.ref(session), CEA, Side.SELL, 10, 100))
    return not one.refused


def test_blocks_open_and_close_by_their_own_schedule() -> None:
    one = market("2026-03-02 00:00")
    assert phase(one) is BlockPhase.CLOSED
    one.at("2026-03-02 01:30")
    assert one.phase() is Phase.CONTINUOUS
    assert (phase(one), propose(one)) == (BlockPhase.CLOSED, False)
    one.at("2026-03-02 05:00")
    assert (phase(one), propose(one)) == (BlockPhase.OPEN, True)
    one.at("2026-03-02 07:00")
    assert phase(one) is BlockPhase.CLOSED
    assert not one.engine.venue.negotiations.proposals


def test_a_proposal_at_the_time_of_the_close_finds_it_closed() -> None:
    one = market("2026-03-02 06:00")
    assert propose(one)
    one.now_ns = utc("2026-03-02 07:00")
    assert not propose(one)
    assert not one.engine.venue.negotiations.proposals


def test_what_was_missed_is_made_up_once() -> None:
    one = market("2026-03-02 06:00")
    propose(one)
    again = one.crashed("2026-03-02 06:30")
    assert phase(again) is BlockPhase.OPEN
    assert len(again.engine.venue.negotiations.proposals) == 1
    late = again.crashed("2026-03-03 05:30")
    # The day that was in progress has ended meanwhile, and another has begun.
    assert phase(late) is BlockPhase.OPEN
    assert not late.engine.venue.negotiations.proposals
    sequence = late.engine.sequence
    late.schedules.run()
    assert late.engine.sequence == sequence


def test_what_an_operator_closes_stays_closed_over_the_steps() -> None:
    one = market("2026-03-02 00:00")
    one.send(OPERATOR, m.SetBlockPhase(one.ref(OPERATOR), CEA, BlockPhase.CLOSED))
    one.at("2026-03-02 05:00")
    assert phase(one) is BlockPhase.CLOSED
    one.send(OPERATOR, m.SetBlockPhase(one.ref(OPERATOR), CEA, BlockPhase.AS_SCHEDULED))
    assert phase(one) is BlockPhase.OPEN


def test_an_instrument_without_a_schedule_may_have_one_for_its_blocks() -> None:
    eua = BLOCKS
    one = market("2026-03-02 04:00", config(CEA_FILE, eua))
    assert one.phase(EUA) is Phase.CONTINUOUS
    assert phase(one, EUA) is BlockPhase.CLOSED
    one.at("2026-03-02 05:00")
    assert phase(one, EUA) is BlockPhase.OPEN
    assert one.engine.books[EUA].instrument.course.scheduled_ns == 0


def test_blocks_that_a_file_has_that_was_read_again_come_with_the_next_start() -> None:
    one = market("2026-03-02 04:00", config(CEA_FILE))
    one.schedules.take(config())
    one.at("2026-03-02 05:00")
    assert one.engine.books[CEA].blocks is None
    assert phase(one.crashed("2026-03-02 05:30", config())) is BlockPhase.OPEN


def test_another_schedule_is_followed_at_once() -> None:
    one = market("2026-03-02 05:00")
    listed = config(CEA_FILE + BLOCKS.replace("afternoon", "listed"))
    one.schedules.take(listed)
    one.at("2026-03-03 01:30")
    assert phase(one) is BlockPhase.OPEN
    one.at("2026-03-03 03:30")
    assert phase(one) is BlockPhase.BREAK
