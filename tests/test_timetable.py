"""Schedules on their calendars: real markets on real dates, clocks that change, and the invariants."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.config import ConfigError, parse
from carbonmatch.config.calendars import Calendar, Schedule, SpecialDays, Step
from carbonmatch.config.timetable import Timetable
from carbonmatch.limits import SCHEDULE_DAYS_MAX
from carbonmatch.matching.messages import Phase

NS = 1_000_000_000
HOUR_NS = 3_600 * NS


def utc(text: str) -> int:
    """Nanoseconds of a UTC time like "2026-03-02 01:30"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


def shown(ns: int) -> str:
    return datetime.fromtimestamp(ns // NS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def steps(text: str) -> tuple[Step, ...]:
    """Steps from words like "09:30 continuous, 15:00 closed"."""
    pairs = [one.split() for one in text.split(",")] if text else []
    return tuple(Step(at, phase) for at, phase in pairs)  # type: ignore[arg-type]


def timetable(
    day: str,
    zone: str = "UTC",
    *,
    every_day: bool = False,
    holidays: tuple[date, ...] = (),
    extra_days: tuple[date, ...] = (),
    special: dict[date, str] | None = None,
) -> Timetable:
    calendar = Calendar("one", zone, holidays=holidays, extra_days=extra_days)
    if every_day:
        calendar = Calendar("one", zone, ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    days = tuple(SpecialDays((on,), steps(what)) for on, what in (special or {}).items())
    return Timetable(Schedule("one", "one", steps(day), days), calendar)


def told(one: Timetable, after: str, until: str) -> list[str]:
    return [f"{shown(t.at_ns)} {t.phase.name}" for t in one.between(utc(after), utc(until))]


CEA_LISTED = "09:30 continuous, 11:30 break, 13:00 continuous, 15:00 closed"
KRX = "09:00 pre_open, 09:59 opening_auction, 10:00 continuous, 11:30 closing_auction, 12:00 closed"
EUA = "07:00 pre_open, 07:50 opening_auction, 08:00 continuous, 18:00 closed"
# Opens at 17:00 in New York and closes at 16:00 on the next day, on each day of the year.
CBL = "17:00 continuous, 40:00 closed"


# --- real markets -----------------------------------------------------------------------------------


def test_the_listed_sessions_of_the_national_market_on_a_day() -> None:
    listed = timetable(CEA_LISTED, "Asia/Shanghai")
    assert told(listed, "2026-03-02 00:00", "2026-03-03 00:00") == [
        "2026-03-02 01:30:00 CONTINUOUS",
        "2026-03-02 03:30:00 BREAK",
        "2026-03-02 05:00:00 CONTINUOUS",
        "2026-03-02 07:00:00 CLOSED",
    ]


def test_holidays_are_left_out_and_working_saturdays_are_not() -> None:
    """The National Day of 2026, as a plan: closed from Thursday to Wednesday, open on a Saturday after."""
    closed = tuple(date(2026, 10, day) for day in range(1, 8))
    listed = timetable(CEA_LISTED, "Asia/Shanghai", holidays=closed, extra_days=(date(2026, 10, 10),))
    opened = [
        shown(t.at_ns)[:10]
        for t in listed.between(utc("2026-09-30 00:00"), utc("2026-10-13 00:00"))
        if t.step.at == "09:30"
    ]
    assert opened == ["2026-09-30", "2026-10-08", "2026-10-09", "2026-10-10", "2026-10-12"]
    assert listed.phase_at(utc("2026-10-05 02:00")) is Phase.CLOSED


def test_a_korean_day_gathers_twice() -> None:
    korea = timetable(KRX, "Asia/Seoul")
    assert told(korea, "2026-03-02 00:00", "2026-03-03 00:00")[:4] == [
        "2026-03-02 00:59:00 OPENING_AUCTION",
        "2026-03-02 01:00:00 CONTINUOUS",
        "2026-03-02 02:30:00 CLOSING_AUCTION",
        "2026-03-02 03:00:00 CLOSED",
    ]
    assert korea.phase_at(utc("2026-03-02 00:00")) is Phase.PRE_OPEN
    assert korea.phase_at(utc("2026-03-02 00:00") - 1) is Phase.CLOSED


def test_a_european_day_moves_with_the_clocks() -> None:
    europe = timetable(EUA, "Europe/Berlin")
    friday, monday = (told(europe, f"{day} 00:00", f"{day} 23:59")[0] for day in ("2026-03-27", "2026-03-30"))
    assert (friday[11:19], monday[11:19]) == ("06:00:00", "05:00:00")


def test_a_market_of_23_hours_runs_over_midnight_every_day_of_the_year() -> None:
    cbl = timetable(CBL, "America/New_York", every_day=True)
    assert told(cbl, "2026-01-01 12:00", "2026-01-03 12:00") == [
        "2026-01-01 21:00:00 CLOSED",
        "2026-01-01 22:00:00 CONTINUOUS",
        "2026-01-02 21:00:00 CLOSED",
        "2026-01-02 22:00:00 CONTINUOUS",
    ]
    assert cbl.phase_at(utc("2026-01-02 05:00")) is Phase.CONTINUOUS
    closed = [
        t for t in cbl.between(utc("2026-01-01 00:00"), utc("2027-01-01 00:00")) if t.phase is Phase.CLOSED
    ]
    assert len(closed) == 365


def test_a_short_day_and_a_session_on_a_saturday_have_their_own_steps() -> None:
    listed = timetable(
        CEA_LISTED,
        "Asia/Shanghai",
        special={
            date(2026, 12, 31): "09:30 continuous, 11:30 closed",
            date(2026, 12, 26): "10:00 continuous, 11:00 closed",
        },
    )
    assert told(listed, "2026-12-31 00:00", "2027-01-01 00:00") == [
        "2026-12-31 01:30:00 CONTINUOUS",
        "2026-12-31 03:30:00 CLOSED",
    ]
    assert told(listed, "2026-12-26 00:00", "2026-12-27 12:00") == [
        "2026-12-26 02:00:00 CONTINUOUS",
        "2026-12-26 03:00:00 CLOSED",
    ]


def test_a_special_day_may_be_a_holiday_and_may_have_nothing_at_all() -> None:
    day = date(2026, 3, 2)
    assert told(
        timetable(EUA, holidays=(day,), special={day: "10:00 continuous, 11:00 closed"}),
        "2026-03-02 00:00",
        "2026-03-02 23:00",
    ) == ["2026-03-02 10:00:00 CONTINUOUS", "2026-03-02 11:00:00 CLOSED"]
    assert told(timetable(EUA, special={day: ""}), "2026-03-02 00:00", "2026-03-02 23:00") == []


# --- clocks that change -----------------------------------------------------------------------------


def test_a_step_in_the_skipped_hour_comes_when_that_hour_would_have_begun() -> None:
    """New York, 8 March 2026: after 01:59:59 comes 03:00:00."""
    one = timetable("01:00 pre_open, 02:30 continuous, 04:00 closed", "America/New_York", every_day=True)
    assert told(one, "2026-03-08 06:00", "2026-03-08 12:00") == [
        "2026-03-08 07:00:00 CONTINUOUS",
        "2026-03-08 08:00:00 CLOSED",
    ]
    assert one.phase_at(utc("2026-03-08 06:59")) is Phase.PRE_OPEN


def test_steps_in_the_skipped_hour_and_at_its_end_keep_their_order_and_the_last_one_counts() -> None:
    one = timetable(
        "01:00 pre_open, 02:10 opening_auction, 02:30 continuous, 03:00 break, 04:00 closed",
        "America/New_York",
        every_day=True,
    )
    assert told(one, "2026-03-08 05:00", "2026-03-08 12:00") == [
        "2026-03-08 06:00:00 PRE_OPEN",
        "2026-03-08 07:00:00 BREAK",
        "2026-03-08 08:00:00 CLOSED",
    ]


def test_a_step_in_the_hour_that_is_there_twice_comes_the_first_time_only() -> None:
    """New York, 1 November 2026: 01:30 is at 05:30 and at 06:30 UTC."""
    one = timetable("00:30 pre_open, 01:30 continuous, 02:30 closed", "America/New_York", every_day=True)
    assert told(one, "2026-11-01 04:00", "2026-11-01 12:00") == [
        "2026-11-01 04:30:00 PRE_OPEN",
        "2026-11-01 05:30:00 CONTINUOUS",
        "2026-11-01 07:30:00 CLOSED",
    ]


def test_a_day_that_has_begun_goes_on_while_clocks_show_the_day_before_again() -> None:
    """St. John's, 7 November 2010: a minute past midnight it became 23:01 of the 6th."""
    one = timetable("00:00 continuous, 09:00 closed", "America/St_Johns", every_day=True)
    opened = utc("2010-11-07 02:30")
    assert one.phase_at(opened) is Phase.CONTINUOUS
    assert one.phase_at(opened + HOUR_NS // 2) is Phase.CONTINUOUS
    assert one.phase_at(opened - 1) is Phase.CLOSED


def test_a_day_ends_even_where_the_hour_of_its_rest_is_skipped() -> None:
    """Closed from 02:00 to 03:00: on 8 March 2026 that hour is not there, and its orders expire still."""
    one = timetable("03:00 continuous, 26:00 closed", "America/New_York", every_day=True)
    around = list(one.between(utc("2026-03-07 12:00"), utc("2026-03-08 12:00")))
    assert [(t.phase, t.at_ns) for t in around] == [
        (Phase.CLOSED, utc("2026-03-08 07:00") - 1),
        (Phase.CONTINUOUS, utc("2026-03-08 07:00")),
    ]


def test_a_market_round_the_clock_has_days() -> None:
    one = timetable("00:00 continuous, 24:00 closed", every_day=True)
    around = list(one.between(utc("2026-03-01 12:00"), utc("2026-03-02 12:00")))
    assert [t.at_ns for t in around] == [utc("2026-03-02 00:00") - 1, utc("2026-03-02 00:00")]


def test_a_date_that_a_zone_has_left_out_ends_as_soon_as_it_begins() -> None:
    """Samoa had no 30 December 2011: all of that day's steps come to lie at its end, where one is left."""
    one = timetable("09:00 continuous, 17:00 closed", "Pacific/Apia", every_day=True)
    assert told(one, "2011-12-30 00:00", "2011-12-31 00:00") == [
        "2011-12-30 03:00:00 CLOSED",
        "2011-12-30 10:00:00 CLOSED",
        "2011-12-30 19:00:00 CONTINUOUS",
    ]


def test_leap_days_are_days() -> None:
    one = timetable(EUA, every_day=True)
    assert told(one, "2028-02-28 20:00", "2028-03-01 06:00")[0] == "2028-02-29 07:00:00 PRE_OPEN"
    assert told(one, "2100-02-28 20:00", "2100-03-01 08:00")[0] == "2100-03-01 07:00:00 PRE_OPEN"


def test_years_ahead_are_known() -> None:
    one = timetable(CEA_LISTED, "Asia/Shanghai")
    transition = one.next_after(utc("2199-12-31 12:00"))
    assert transition is not None
    assert shown(transition.at_ns) == "2200-01-01 01:30:00"


def test_nothing_comes_where_nothing_is_planned() -> None:
    day = date(2026, 3, 2)
    one = timetable("", special={day: "10:00 continuous, 11:00 closed"})
    assert one.next_after(utc("2026-03-02 11:00")) is None
    assert one.last_until(utc("2026-03-02 09:00")) is None
    assert one.phase_at(utc("2026-03-02 09:00")) is Phase.CLOSED
    assert one.next_after(utc("2026-03-02 10:00") - SCHEDULE_DAYS_MAX * 24 * HOUR_NS) is not None
    assert one.next_after(utc("2026-03-02 10:00") - (SCHEDULE_DAYS_MAX + 9) * 24 * HOUR_NS) is None


# --- whatever the schedule --------------------------------------------------------------------------

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "America/Sao_Paulo",  # clocks changed at midnight
    "Africa/Casablanca",  # four changes in a year
)
NAMES = ("pre_open", "continuous", "break", "cancel_only")


@st.composite
def timetables(draw: st.DrawFn) -> Timetable:
    minutes = draw(st.lists(st.integers(0, 24 * 60), min_size=2, max_size=6, unique=True).map(sorted))
    shift = draw(st.integers(0, 23 * 60))
    phases = [NAMES[index % len(NAMES)] for index in range(len(minutes) - 1)] + ["closed"]
    day = ", ".join(
        f"{(minute + shift) // 60:02}:{(minute + shift) % 60:02} {phase}"
        for minute, phase in zip(minutes, phases, strict=True)
    )
    holidays = tuple(
        date(2026, 1, 1) + timedelta(days=n) for n in draw(st.sets(st.integers(0, 365), max_size=9))
    )
    return timetable(day, draw(st.sampled_from(ZONES)), holidays=holidays)


TIMES = st.integers(utc("2005-01-01 00:00"), utc("2040-01-01 00:00"))


@given(timetables(), TIMES, st.integers(0, 40))
def test_what_comes_next_is_what_holds_then(one: Timetable, after_ns: int, days: int) -> None:
    until_ns = after_ns + days * 24 * HOUR_NS
    found = list(one.between(after_ns, until_ns))
    assert all(earlier.at_ns < later.at_ns for earlier, later in pairwise(found))
    for transition in found:
        assert one.last_until(transition.at_ns) == transition
        assert one.phase_at(transition.at_ns) is transition.phase
    walked = []
    ns = after_ns
    while (following := one.next_after(ns)) is not None and following.at_ns <= until_ns:
        walked.append(following)
        ns = following.at_ns
    assert walked == found
    before = [one.last_until(after_ns), *found]
    for earlier, later in pairwise(before):
        assert later is not None
        assert one.last_until(later.at_ns - 1) == earlier


@given(timetables(), TIMES)
def test_every_day_ends_and_shows_the_local_times_of_its_steps(one: Timetable, after_ns: int) -> None:
    found = list(one.between(after_ns, after_ns + 20 * 24 * HOUR_NS))
    for transition in found:
        wall = datetime.fromtimestamp(transition.at_ns // NS, one.zone)
        if transition.at_ns % NS == 0 and wall.utcoffset() == (wall - timedelta(days=2)).utcoffset():
            assert (
                f"{wall:%H:%M}"
                == f"{transition.step.at_s // 3600 % 24:02}:{transition.step.at_s // 60 % 60:02}"
            )
    for earlier, later in pairwise(found):
        if later.step is one._steps[0]:
            assert earlier.phase is Phase.CLOSED


# --- what a file may not say ------------------------------------------------------------------------

FILE = """
[[calendars]]
name = "shanghai"
time_zone = "Asia/Shanghai"
holidays = [2026-10-01]

[[schedules]]
name = "listed"
calendar = "shanghai"
steps = [
  { at = "09:15", phase = "opening_auction", random_s = 30, freeze_s = 60 },
  { at = "09:30", phase = "continuous" },
  { at = "15:00", phase = "closed" },
]

[[schedules.special]]
dates = [2026-12-31]
steps = [{ at = "09:30", phase = "continuous" }, { at = "11:30", phase = "closed" }]
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "venue.toml")
    return [problem.removeprefix("venue.toml: ") for problem in caught.value.problems]


def test_a_file_with_a_calendar_is_read() -> None:
    config = parse(FILE, "venue.toml")
    [schedule] = config.schedules
    one = Timetable(schedule, config.calendars[0])
    assert one.zone == ZoneInfo("Asia/Shanghai")
    assert one.phase_at(utc("2026-10-01 02:00")) is Phase.CLOSED
    opening = one.next_after(utc("2026-10-02 00:00"))
    assert opening is not None
    assert opening.is_auction
    assert (opening.step.random_s, opening.step.freeze_s) == (30, 60)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'time_zone = "Asia/Shanghai"',
            'time_zone = "Asia/Atlantis"',
            "calendars[0].time_zone: expected a time zone of the IANA data base, like Asia/Shanghai or UTC, "
            "found 'Asia/Atlantis'",
        ),
        (
            'time_zone = "Asia/Shanghai"',
            'time_zone = "../etc"',
            "calendars[0].time_zone: expected a time zone of the IANA data base, like Asia/Shanghai or UTC, "
            "found '../etc'",
        ),
        (
            'time_zone = "Asia/Shanghai"',
            'time_zone = "Asia"',
            "calendars[0].time_zone: expected a time zone of the IANA data base, like Asia/Shanghai or UTC, "
            "found 'Asia'",
        ),
        (
            "holidays = [2026-10-01]",
            "holidays = [2026-10-01]\nextra_days = [2026-10-01]",
            "calendars[0].extra_days: 2026-10-01 is a holiday as well; expected one of the two",
        ),
        (
            "holidays = [2026-10-01]",
            'holidays = ["1 October"]',
            "calendars[0].holidays[0]: expected a date like 2026-10-01, found '1 October'",
        ),
        (
            'calendar = "shanghai"',
            'calendar = "beijing"',
            "schedules[0].calendar: there is no calendar 'beijing'",
        ),
        (
            'at = "09:30", phase = "continuous" },\n  {',
            'at = "15:30", phase = "continuous" },\n  {',
            "schedules[0].steps[1]: 15:30 is followed by 15:00; expected a later time",
        ),
        (
            '"15:00"',
            '"33:16"',
            "schedules[0].steps: from 09:15 to 33:16 is more than a day, expected at most 24 hours",
        ),
        (
            '"15:00"',
            '"24:60"',
            "schedules[0].steps[2].at: expected a time from 00:00 to 47:59:59, where 24:00 is the next "
            "midnight, found '24:60'",
        ),
        (
            '{ at = "15:00", phase = "closed" }',
            '{ at = "15:00", phase = "break" }',
            "schedules[0].steps[2]: break never ends; expected closed as the last step",
        ),
        (
            '{ at = "09:15", phase = "opening_auction", random_s = 30, freeze_s = 60 }',
            '{ at = "09:15", phase = "closed" }',
            "schedules[0].steps[0]: a day is closed until its first step; expected another phase than closed",
        ),
        (
            '{ at = "09:30", phase = "continuous" },\n  {',
            '{ at = "09:30", phase = "break" },\n  {',
            "schedules[0].steps[0]: opening_auction is followed by break; expected continuous",
        ),
        (
            '{ at = "09:15", phase = "opening_auction", random_s = 30, freeze_s = 60 }',
            '{ at = "09:15", phase = "continuous", random_s = 30 }',
            "schedules[0].steps[0]: random_s and freeze_s are for auctions, found them on continuous",
        ),
        (
            '{ at = "09:30", phase = "continuous" },\n  {',
            '{ at = "09:30", phase = "continuous" },\n  { at = "10:00", phase = "continuous" },\n  {',
            "schedules[0].steps[1]: continuous is followed by continuous; expected another phase",
        ),
        (
            '{ at = "09:30", phase = "continuous" },\n  {',
            '{ at = "09:30", phase = "continuous" },\n  { at = "10:00", phase = "closed" },\n'
            '  { at = "11:00", phase = "continuous" },\n  {',
            "schedules[0].steps[2]: closed is followed by continuous; expected it as the last step, or break",
        ),
        ("freeze_s = 60", "freeze_s = 901", "schedules[0].steps[0].freeze_s: 901 s of an auction of 900 s"),
        (
            '"15:00"',
            '"09:30:30"',
            "schedules[0].steps[0].random_s: 30 s; at random it could end when continuous is over, "
            "after 30 s",
        ),
        ('phase = "continuous" },\n  {', 'phase = "halted" },\n  {', None),
        (
            "dates = [2026-12-31]",
            "dates = [2026-12-31, 2026-12-31]",
            "schedules[0].special[0].dates: 2026-12-31 has steps of its own already",
        ),
        ("dates = [2026-12-31]", "dates = []", "schedules[0].special[0].dates: expected at least one date"),
        (
            'at = "11:30", phase = "closed"',
            'at = "33:16", phase = "closed"',
            "schedules[0].special: 2026-12-31 closes at 33:16, after the next day has begun at 09:15; "
            "expected one day to end before the next begins",
        ),
    ],
)
def test_a_schedule_that_cannot_be_followed_is_refused_in_words(
    old: str, new: str, problem: str | None
) -> None:
    assert old in FILE
    found = problems(FILE.replace(old, new, 1))
    if problem is None:
        assert len(found) == 1
        assert "expected one of pre_open, opening_auction, continuous" in found[0]
    else:
        assert problem in found


def test_more_steps_than_a_day_takes_are_refused() -> None:
    minutes = [f'{{ at = "10:{n:02}", phase = "{("continuous", "break")[n % 2]}" }},' for n in range(32)]
    assert "schedules[0].steps: 34 steps, expected at most 32" in problems(
        FILE.replace('{ at = "09:30", phase = "continuous" },', "\n".join(minutes), 1)
    )


def test_a_schedule_with_nothing_to_do_is_refused() -> None:
    head, _, _ = FILE.partition("steps = [")
    assert problems(head) == ["schedules[0]: expected steps, or special days that have some"]


def test_dates_may_be_past_and_may_be_there_twice() -> None:
    parse(FILE.replace("[2026-10-01]", "[1999-12-31, 2026-10-01, 2026-10-01]"), "venue.toml")


def test_an_instrument_follows_a_schedule_that_there_is() -> None:
    instrument = """
[[instruments]]
id = 1
symbol = "CEA24"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
schedule = "listed"
"""
    [definition] = [one.definition() for one in parse(FILE + instrument, "venue.toml").instruments]
    assert definition.opening_phase is Phase.CLOSED
    assert problems(FILE + instrument.replace('"listed"', '"blocks"')) == [
        "instruments[0].schedule: there is no schedule 'blocks'"
    ]
    assert problems(FILE + instrument + 'opening_phase = "halted"\n') == [
        "instruments[0].opening_phase: the schedule says it; expected no opening_phase beside a schedule"
    ]
