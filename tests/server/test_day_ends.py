"""Ends of trading days by a clock that tests hold: once, not before the close, and before the next day."""

from collections.abc import Iterator

import pytest

from carbonmatch.config import ConfigError
from carbonmatch.limits import DAY_INSTRUMENTS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import Phase
from carbonmatch.matching.state import snapshot
from carbonmatch.server import schedules
from carbonmatch.server.pipeline import NEVER_DUE_NS
from tests.server.test_schedules import CEA, EUA, FILE, GDEA, OPERATOR, Market, config
from tests.test_timetable import utc

# Monday to Thursday; Friday is a holiday. The market closes at 07:00 UTC, its day ends at 07:30.
ENDS = FILE.replace('name = "listed"', 'name = "listed"\nend_of_day = "15:30"')
MONDAY, TUESDAY, THURSDAY = 20260302, 20260303, 20260305


class Ended(Market):
    """A market whose days end by themselves, and what the journal has of that."""

    def __init__(self, now: str, file: str = ENDS, kept: bytes | None = None) -> None:
        self.ended: list[m.DayEnded] = []
        super().__init__(now, config(file), kept)

    def _publish(self, outputs: m.Outputs, time_ns: int) -> None:
        super()._publish(outputs, time_ns)
        self.ended += [event for event in outputs.public if isinstance(event, m.DayEnded)]

    def ends(self) -> list[tuple[m.InstrumentId, int, int]]:
        """Instrument, day and run of what has ended since the last time."""
        ended, self.ended = self.ended, []
        return [(one.instrument_id, one.trading_day, one.run) for one in ended]

    def again(self, now: str, file: str = ENDS) -> "Ended":
        """The next start on what was durable."""
        return Ended(now, file, snapshot(self.engine))


def both(day: int, run: int = 1) -> list[tuple[m.InstrumentId, int, int]]:
    return [(CEA, day, run), (GDEA, day, run)]


def test_a_day_ends_at_its_time_for_all_that_follow_the_schedule_in_one_run() -> None:
    market = Ended("2026-03-02 00:00")
    market.at("2026-03-02 01:30")
    market.at("2026-03-02 07:00")
    market.at("2026-03-02 07:29:59")
    assert market.ends() == []
    market.at("2026-03-02 07:30")
    assert market.ends() == both(MONDAY)
    assert market.engine.books[EUA].day.ended == 0
    for now in ("2026-03-02 07:31", "2026-03-03 01:30", "2026-03-03 07:00"):
        market.at(now)
        assert market.ends() == []
    market.at("2026-03-03 07:30")
    assert market.ends() == both(TUESDAY)


def test_no_order_of_the_time_or_later_comes_before_the_end() -> None:
    market = Ended("2026-03-02 05:00")
    market.at("2026-03-02 07:00")
    market.now_ns = utc("2026-03-02 07:30")
    market.send(OPERATOR, m.SetPhase(market.ref(OPERATOR), CEA, Phase.CONTINUOUS))
    assert market.ends() == both(MONDAY)


def test_an_end_that_comes_soon_has_a_timer() -> None:
    market = Ended("2026-03-02 05:00")
    market.at("2026-03-02 07:00")
    market.now_ns = utc("2026-03-02 07:30") - 30_000_000
    market.schedules.look()
    [(delay, _)] = market.timers.asked
    assert 0.029 < delay <= 0.03


def test_a_start_after_the_close_has_no_day_to_end() -> None:
    market = Ended("2026-03-02 07:10")
    market.at("2026-03-02 07:30")
    market.at("2026-03-03 01:00")
    assert market.ends() == []


def test_a_schedule_without_an_end_leaves_it_to_operators() -> None:
    market = Ended("2026-03-02 05:00", FILE)
    for now in ("2026-03-02 07:00", "2026-03-02 12:00", "2026-03-03 01:30"):
        market.at(now)
    assert market.ends() == []
    assert market.engine.books[CEA].day.in_progress == TUESDAY


def test_a_day_that_an_operator_has_ended_is_not_ended_again() -> None:
    market = Ended("2026-03-02 05:00")
    market.at("2026-03-02 07:00")
    market.send(OPERATOR, m.EndDay(market.ref(OPERATOR), 0, (CEA,)))
    assert market.ends() == [(CEA, MONDAY, 1)]
    market.at("2026-03-02 07:30")
    assert market.ends() == [(GDEA, MONDAY, 2)]


def test_what_an_operator_prolongs_ends_when_it_is_closed() -> None:
    market = Ended("2026-03-02 05:00")
    until_ns = utc("2026-03-02 08:00")
    market.send(OPERATOR, m.SetPhase(market.ref(OPERATOR), CEA, Phase.CONTINUOUS, "", until_ns))
    market.at("2026-03-02 07:30")
    assert market.ends() == [(GDEA, MONDAY, 1)]
    market.at("2026-03-02 07:59")
    assert market.ends() == []
    market.at("2026-03-02 08:00")
    assert market.ends() == [(CEA, MONDAY, 2)]


def test_what_an_operator_closes_early_ends_with_the_next_look() -> None:
    market = Ended("2026-03-02 05:00")
    until_ns = utc("2026-03-02 12:00")
    market.send(OPERATOR, m.SetPhase(market.ref(OPERATOR), CEA, Phase.CONTINUOUS, "", until_ns))
    market.at("2026-03-02 07:30")
    market.send(OPERATOR, m.SetPhase(market.ref(OPERATOR), CEA, Phase.CLOSED))
    assert market.ends() == [(GDEA, MONDAY, 1)]
    market.at("2026-03-02 07:40")
    assert market.ends() == [(CEA, MONDAY, 2)]


def test_a_session_that_is_prolonged_into_the_next_day_ends_with_that() -> None:
    market = Ended("2026-03-02 05:00")
    until_ns = utc("2026-03-03 04:00")
    market.send(OPERATOR, m.SetPhase(market.ref(OPERATOR), CEA, Phase.CONTINUOUS, "", until_ns))
    market.at("2026-03-02 07:30")
    market.ends()
    market.hears()
    assert market.at("2026-03-03 01:30") == [
        "03-03 01:30 CEA CLOSED until 03-03 01:30",
        "03-03 01:30 CEA CONTINUOUS until 03-03 03:30",
    ]
    assert market.ends() == [(CEA, MONDAY, 2)]
    assert market.engine.books[CEA].day.in_progress == TUESDAY


def test_what_is_halted_over_its_close_ends_like_any_other() -> None:
    market = Ended("2026-03-02 05:00")
    market.send(OPERATOR, m.SetPhase(market.ref(OPERATOR), CEA, Phase.HALTED))
    market.at("2026-03-02 07:30")
    assert market.ends() == both(MONDAY)


# --- late -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "phase"),
    [
        ("2026-03-02 07:45", Phase.CLOSED),  # the same evening
        ("2026-03-03 01:00", Phase.CLOSED),  # after midnight
        ("2026-03-03 02:00", Phase.CONTINUOUS),  # when the next day has begun
        ("2026-03-05 02:00", Phase.CONTINUOUS),  # three days later
        ("2026-03-08 02:00", Phase.CLOSED),  # on a weekend
    ],
)
def test_a_venue_that_slept_over_the_end_makes_it_up_before_the_next_day(now: str, phase: Phase) -> None:
    market = Ended("2026-03-02 05:00")
    again = market.again(now)
    assert again.ends() == both(MONDAY)
    assert again.phase() is phase
    if phase is Phase.CONTINUOUS:
        assert again.engine.books[CEA].day.in_progress == int(now[:10].replace("-", ""))
    third = again.again(now)
    assert third.ends() == []


def test_a_machine_that_slept_makes_it_up_without_a_start() -> None:
    market = Ended("2026-03-02 05:00")
    market.hears()
    assert market.at("2026-03-05 02:00") == [
        "03-05 02:00 CEA CLOSED until 03-03 01:30",
        "03-05 02:00 CEA CONTINUOUS until 03-05 03:30",
    ]
    assert market.ends() == both(MONDAY)
    market.at("2026-03-05 07:30")
    assert market.ends() == both(THURSDAY)


def test_a_crash_between_any_two_entries_goes_on_there() -> None:
    """From each state that could be durable, the next start comes to the same days and runs."""
    whole = Ended("2026-03-02 05:00")
    whole.at("2026-03-03 06:00")
    made_up = whole.engine.sequence
    whole.at("2026-03-03 07:30")
    assert whole.ends() == [*both(MONDAY), *both(TUESDAY)]
    sequence = Ended("2026-03-02 05:00").engine.sequence
    for made in range(1, made_up - sequence):
        broken = Ended("2026-03-02 05:00")
        broken.now_ns = utc("2026-03-03 06:00")
        broken.pipeline.due_ns = NEVER_DUE_NS
        nows = {
            name: schedules.Now.of(timetable, broken.now_ns)
            for name, timetable in broken.schedules._timetables.items()
        }
        steps = broken.schedules._commands(nows, broken.now_ns)
        for _, command in zip(range(made), steps, strict=False):
            broken.pipeline.submit_venue([command])
        again = broken.again("2026-03-03 06:00")
        again.at("2026-03-03 07:30")
        assert broken.ends() + again.ends() == [*both(MONDAY), *both(TUESDAY)], made
        assert again.phase() is Phase.CLOSED


def test_a_close_that_the_calendar_lost_is_made_before_the_end() -> None:
    """Monday became a holiday while it was trading, and nobody looked before Tuesday."""
    market = Ended("2026-03-02 05:00")
    holiday = ENDS.replace("holidays = [2026-03-06]", "holidays = [2026-03-02]")
    again = market.again("2026-03-03 02:00", holiday)
    assert again.ends() == both(MONDAY)
    assert again.phase() is Phase.CONTINUOUS


def test_a_special_day_may_end_at_a_time_of_its_own() -> None:
    short = ENDS + (
        '[[schedules.special]]\ndates = [2026-03-02]\nend_of_day = "12:00"\n'
        'steps = [{ at = "09:30", phase = "continuous" }, { at = "11:00", phase = "closed" }]\n'
    )
    market = Ended("2026-03-02 02:00", short)
    market.at("2026-03-02 03:59")
    assert market.ends() == []
    market.at("2026-03-02 04:00")
    assert market.ends() == both(MONDAY)


def test_more_instruments_than_one_command_names_end_by_several(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DAY_INSTRUMENTS_MAX > 2
    monkeypatch.setattr(schedules, "DAY_INSTRUMENTS_MAX", 1)
    market = Ended("2026-03-02 05:00")
    market.at("2026-03-02 07:30")
    assert market.ends() == [(CEA, MONDAY, 1), (GDEA, MONDAY, 2)]


def test_a_file_that_is_read_again_ends_days_from_then_on() -> None:
    market = Ended("2026-03-02 05:00", FILE)
    market.at("2026-03-02 08:00")
    market.schedules.take(config(ENDS))
    market.schedules.run()
    assert market.ends() == both(MONDAY)


def problems(end_of_day: str, special: str = "") -> Iterator[str]:
    try:
        config(FILE.replace('name = "listed"', f'name = "listed"\n{end_of_day}') + special)
    except ConfigError as error:
        yield from error.problems


SPECIAL = (
    "[[schedules.special]]\ndates = [2026-03-02]\n{end}\n"
    'steps = [{{ at = "09:30", phase = "continuous" }}, {{ at = "16:00", phase = "closed" }}]\n'
)


@pytest.mark.parametrize(
    ("end_of_day", "special", "problem"),
    [
        ('end_of_day = "14:59"', "", "schedules[0].end_of_day: 14:59 is before 15:00, the last step"),
        ('end_of_day = "33:31"', "", "schedules[0].end_of_day: 33:31 is more than a day after 09:30"),
        ('end_of_day = "15:30"', SPECIAL.format(end=""), "special[0].end_of_day: 15:30 is before 16:00"),
        (
            "",
            SPECIAL.format(end='end_of_day = "16:00"'),
            "expected one of the schedule as well",
        ),
        ('end_of_day = "15:60"', "", "schedules[0].end_of_day"),
    ],
)
def test_an_end_that_no_day_could_have_is_refused(end_of_day: str, special: str, problem: str) -> None:
    assert problem in "\n".join(problems(end_of_day, special))


def test_ends_that_a_day_can_have_are_taken() -> None:
    assert not list(problems('end_of_day = "15:00"'))
    assert not list(problems('end_of_day = "15:30"', SPECIAL.format(end='end_of_day = "16:00"')))
