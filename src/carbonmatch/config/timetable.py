"""A schedule on its calendar, in UTC: which phase holds when, and what comes next. Reads no clock.

Local times become instants of UTC as the time zone had, has or will have it:

* A step in the hour that is skipped when clocks go forward comes when that hour would have begun.
* A step in the hour that is there twice when they go back comes the first time.
* So the steps of a day keep their order. Of several at one instant only the last one counts, but a day
  always ends: where its end and the next day's beginning are one instant, the end comes a nanosecond before.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from carbonmatch.config.calendars import (
    ALWAYS,
    AUCTIONS,
    WEEKDAYS,
    Calendar,
    Life,
    Schedule,
    Step,
    seconds_of,
)
from carbonmatch.limits import SCHEDULE_DAYS_MAX, SECONDS_PER_DAY
from carbonmatch.matching.messages import Phase

_NS_PER_SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
# A time zone is less than a day from UTC and a day runs less than a day past its midnight, so what lies
# at an instant belongs to a date this near.
_DAYS_BEFORE: Final = 2
_DAYS_AFTER: Final = 1
# To reckon a date takes 100 us, and to find that nothing is planned some 1,000: thousands of instruments ask
# for the same few of both, one after the other.
_KEPT: Final = 16


class Transition(Struct, frozen=True):
    """At this instant (UTC) the phase begins. `step` is what the schedule says of it."""

    at_ns: int
    step: Step
    day: date  # that it is a step of

    @property
    def trading_day(self) -> int:
        return self.day.year * 10_000 + self.day.month * 100 + self.day.day

    @property
    def phase(self) -> Phase:
        return self.step.entered

    @property
    def is_auction(self) -> bool:
        return self.step.phase in AUCTIONS


class Timetable:
    """Invariant: transitions have ascending instants, and every trading day ends with CLOSED.

    `schedule` must have been checked. Dates beyond those that Python knows hold nothing.
    """

    def __init__(self, schedule: Schedule, calendar: Calendar, life: Life = ALWAYS) -> None:
        assert schedule.calendar == calendar.name
        self._schedule = schedule
        self._calendar = calendar
        self._life = life
        self.zone = ZoneInfo(calendar.time_zone)
        self._steps = schedule.steps
        self._special = {day: one.steps for one in schedule.special for day in one.dates}
        self._end_of_day = schedule.end_of_day
        self._special_ends = {
            day: one.end_of_day for one in schedule.special for day in one.dates if one.end_of_day
        }
        self._weekdays = frozenset(map(WEEKDAYS.index, calendar.weekdays))
        self._holidays = frozenset(calendar.holidays)
        self._extra_days = frozenset(calendar.extra_days)
        self._kept: dict[date, list[Transition]] = {}
        self._next: dict[int, Transition | None] = {}
        self._ends_ns: dict[int, int] = {}

    def of(self, life: Life) -> "Timetable":
        """The same, for an instrument that follows the schedule on the days of its life alone."""
        return Timetable(self._schedule, self._calendar, life)

    def steps_of(self, day: date) -> tuple[Step, ...]:
        """What happens on a date; nothing where it is no trading day."""
        if not self._life.holds(day):
            return ()
        special = self._special.get(day)
        if special is not None:
            return special
        is_trading_day = day in self._extra_days or (
            day.weekday() in self._weekdays and day not in self._holidays
        )
        return self._steps if is_trading_day else ()

    @property
    def ends_days(self) -> bool:
        """Whether trading days end by themselves."""
        return self._end_of_day is not None

    def end_of_day_ns(self, trading_day: int) -> int:
        """When a trading day, like 20210716, ends by itself; asked of a schedule that ends days."""
        if trading_day not in self._ends_ns:
            if len(self._ends_ns) >= _KEPT:
                self._ends_ns.clear()
            day = date(trading_day // 10_000, trading_day // 100 % 100, trading_day % 100)
            end_of_day = self._special_ends.get(day, self._end_of_day)
            assert end_of_day is not None, "the schedule ends days"
            self._ends_ns[trading_day] = self.instant_ns(day, seconds_of(end_of_day))
        return self._ends_ns[trading_day]

    def between(self, after_ns: int, until_ns: int) -> Iterator[Transition]:
        """The transitions later than `after_ns` and not later than `until_ns`, in their order."""
        last = self._date_of(until_ns) + _DAYS_AFTER * _DAY
        for day in self._days_from(after_ns):
            if day > last:
                return
            for transition in self._of(day):
                if after_ns < transition.at_ns <= until_ns:
                    yield transition

    def next_after(self, ns: int) -> Transition | None:
        """The first transition later than `ns`; None where SCHEDULE_DAYS_MAX days have none."""
        if ns not in self._next:
            if len(self._next) >= _KEPT:
                self._next.clear()
            self._next[ns] = self._found_after(ns)
        return self._next[ns]

    def _found_after(self, ns: int) -> Transition | None:
        for count, day in enumerate(self._days_from(ns)):
            if count > SCHEDULE_DAYS_MAX + _DAYS_BEFORE:
                break
            for transition in self._of(day):
                if transition.at_ns > ns:
                    return transition
        return None

    def last_until(self, ns: int) -> Transition | None:
        """The transition that holds at `ns`; None where SCHEDULE_DAYS_MAX days before have none."""
        first = self._date_of(ns) + _DAYS_AFTER * _DAY
        for count in range(SCHEDULE_DAYS_MAX):
            for transition in reversed(self._of(first - count * _DAY)):
                if transition.at_ns <= ns:
                    return transition
        return None

    def phase_at(self, ns: int) -> Phase:
        """The phase that holds at `ns`: CLOSED where there has been no trading day."""
        holding = self.last_until(ns)
        return Phase.CLOSED if holding is None else holding.phase

    # --- local time to UTC ------------------------------------------------------------------------

    def _of(self, day: date) -> list[Transition]:
        """The transitions of a date: kept for the next instrument that asks for the same ones."""
        found = self._kept.get(day)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            found = self._kept[day] = self._made(day)
        return found

    def _made(self, day: date) -> list[Transition]:
        steps = self.steps_of(day)
        if not steps:
            return []
        instants = [self.instant_ns(day, step.at_s) for step in steps]
        of_day = [
            Transition(at_ns, step, day)
            for at_ns, next_ns, step in zip(instants, [*instants[1:], None], steps, strict=True)
            if at_ns != next_ns
        ]
        following = self.steps_of(day + _DAY)
        if following and self.instant_ns(day + _DAY, following[0].at_s) == instants[-1]:
            of_day[-1] = Transition(instants[-1] - 1, steps[-1], day)
        return of_day

    def instant_ns(self, day: date, at_s: int) -> int:
        """When it is so many seconds past the midnight at which the date begins."""
        days, seconds = divmod(at_s, SECONDS_PER_DAY)
        wall = datetime.combine(day + days * _DAY, time()) + timedelta(seconds=seconds)
        return _ns_of(_first_instant(wall, self.zone))

    def _date_of(self, ns: int) -> date:
        return datetime.fromtimestamp(ns // _NS_PER_SECOND, self.zone).date()

    def _days_from(self, ns: int) -> Iterator[date]:
        day = self._date_of(ns) - _DAYS_BEFORE * _DAY
        while True:
            yield day
            day += _DAY


def _first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When clocks in the zone first show this time, or a later one where they never show it."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # A gap: its end is the first second of the later offset, between what the two offsets would make of it.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    offset = instant.astimezone(zone).utcoffset()
    low, high = 0, round((instant - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle + 1
    return before + timedelta(seconds=low)


def _ns_of(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(seconds=1) * _NS_PER_SECOND
