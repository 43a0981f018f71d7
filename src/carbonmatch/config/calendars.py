"""Trading days and what happens on them: the tables of the file. `timetable` reckons with them.

A calendar says which dates are trading days and in which time zone; a schedule says what the
instruments that follow it do on each of them. Two markets on one calendar have two schedules.
"""

from datetime import date
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from carbonmatch.config.section import Name, Section
from carbonmatch.limits import AUCTION_RANDOM_SECONDS_MAX, SECONDS_PER_DAY
from carbonmatch.matching.messages import Phase

WeekdayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
# In the order of `date.weekday()`.
WEEKDAYS: Final[tuple[WeekdayName, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# What a schedule brings an instrument into; halting one is for people, interrupting it for its trades.
StepPhaseName = Literal[
    "pre_open", "opening_auction", "continuous", "break", "closing_auction", "cancel_only", "closed"
]
AUCTIONS: Final[frozenset[StepPhaseName]] = frozenset({"opening_auction", "closing_auction"})

# A day may run past the next midnight, whose hour is 24, up to the one after that.
TimeOfDay = Annotated[
    str,
    Meta(
        pattern=r"\A([0-3][0-9]|4[0-7]):[0-5][0-9](:[0-5][0-9])?\Z",
        description="a time from 00:00 to 47:59:59, where 24:00 is the next midnight",
    ),
]

_Date = Annotated[date, Meta(description="a date like 2026-10-01")]


def seconds_of(time_of_day: str) -> int:
    """Seconds from the midnight at which the date begins, on a clock that nobody changes."""
    hours, minutes, *seconds = map(int, time_of_day.split(":"))
    return (hours * 60 + minutes) * 60 + (seconds[0] if seconds else 0)


class Step(Section, frozen=True):
    """From this local time on the instrument is in this phase."""

    at: TimeOfDay
    phase: StepPhaseName
    # Of an auction: it ends at the time of the next step and up to so much later, nobody knows when.
    random_s: Annotated[int, Meta(ge=0, le=AUCTION_RANDOM_SECONDS_MAX)] = 0
    # Of an auction: so long before the next step cancels and amendments are refused.
    freeze_s: Annotated[int, Meta(ge=0, le=SECONDS_PER_DAY)] = 0

    @property
    def at_s(self) -> int:
        return seconds_of(self.at)

    @property
    def entered(self) -> Phase:
        return Phase[self.phase.upper()]


class SpecialDays(Section, frozen=True):
    """Dates with steps of their own, whatever the calendar says of them: short days, ad-hoc sessions."""

    dates: tuple[_Date, ...]
    steps: tuple[Step, ...]
    # When these days end; none: when the schedule's other days do.
    end_of_day: TimeOfDay | None = None


class Calendar(Section, frozen=True):
    name: Name
    # Its name in the IANA data base.
    time_zone: str
    weekdays: tuple[WeekdayName, ...] = WEEKDAYS[:5]
    holidays: tuple[_Date, ...] = ()
    # Trading days on weekdays that are none: China works some Saturdays around its holidays.
    extra_days: tuple[_Date, ...] = ()


class Life(NamedTuple):
    """Of an instrument: the first and the last date on which it follows its schedule; None: no such date."""

    list_date: date | None = None
    last_trade_date: date | None = None

    def holds(self, day: date) -> bool:
        first, last = self
        return (first is None or first <= day) and (last is None or day <= last)


ALWAYS: Final = Life()


class Schedule(Section, frozen=True):
    """Empty `steps`: nothing happens but on special days."""

    name: Name
    calendar: Name
    steps: tuple[Step, ...] = ()
    special: tuple[SpecialDays, ...] = ()
    # When the trading day of its instruments ends by itself; none: operators end it.
    end_of_day: TimeOfDay | None = None
