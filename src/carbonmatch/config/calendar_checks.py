"""What calendars and schedules must be so that a day can be followed from its beginning to its end."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from carbonmatch.config.calendars import AUCTIONS, Calendar, Schedule, Step, StepPhaseName, seconds_of
from carbonmatch.config.timetable import Timetable
from carbonmatch.limits import DAY_STEPS_MAX, SECONDS_PER_DAY

# What orders have gathered for must come: without it a crossed book would stay crossed over the night.
_FOLLOWS: Final[dict[StepPhaseName, tuple[StepPhaseName, ...]]] = {
    "pre_open": ("opening_auction", "closing_auction", "continuous"),
    "opening_auction": ("continuous",),
    "closing_auction": ("closed",),
}


def calendar_problems(at: str, calendar: Calendar) -> Iterator[str]:
    try:
        ZoneInfo(calendar.time_zone)
    except (ValueError, OSError, KeyError):
        # Names with a slash too many and names of directories are as unknown as any other.
        yield (
            f"{at}.time_zone: expected a time zone of the IANA data base, like Asia/Shanghai or UTC, "
            f"found {calendar.time_zone!r}"
        )
    for day in calendar.extra_days:
        if day in calendar.holidays:
            yield f"{at}.extra_days: {day} is a holiday as well; expected one of the two"


def schedule_problems(at: str, schedule: Schedule, calendars: Mapping[str, Calendar]) -> Iterator[str]:
    """Whatever is wrong with the calendar itself is told elsewhere."""
    problems = list(_steps_problems(f"{at}.steps", schedule.steps))
    seen: set[date] = set()
    for index, special in enumerate(schedule.special):
        problems += _steps_problems(f"{at}.special[{index}].steps", special.steps)
        if not special.dates:
            problems.append(f"{at}.special[{index}].dates: expected at least one date")
        for day in special.dates:
            if day in seen:
                problems.append(f"{at}.special[{index}].dates: {day} has steps of its own already")
            seen.add(day)
    problems += _end_problems(at, schedule)
    if not schedule.steps and not schedule.special:
        problems.append(f"{at}: expected steps, or special days that have some")
    yield from problems
    calendar = calendars.get(schedule.calendar)
    if calendar is None:
        yield f"{at}.calendar: there is no calendar {schedule.calendar!r}"
    elif not problems and not list(calendar_problems("", calendar)):
        yield from _overlaps(at, Timetable(schedule, calendar), seen)


def _end_problems(at: str, schedule: Schedule) -> Iterator[str]:
    """A day ends when its last step is made, and before the next one begins."""
    ordinary = schedule.end_of_day
    days = [(f"{at}.end_of_day", ordinary, schedule.steps)]
    for index, special in enumerate(schedule.special):
        if special.end_of_day and not ordinary:
            yield f"{at}.special[{index}].end_of_day: expected one of the schedule as well"
        days.append((f"{at}.special[{index}].end_of_day", special.end_of_day or ordinary, special.steps))
    for place, end_of_day, steps in days:
        if end_of_day is None or not steps:
            continue
        end_s = seconds_of(end_of_day)
        if end_s < steps[-1].at_s:
            yield f"{place}: {end_of_day} is before {steps[-1].at}, the last step; expected it then or later"
        if end_s - steps[0].at_s > SECONDS_PER_DAY:
            yield f"{place}: {end_of_day} is more than a day after {steps[0].at}, the first step"


def _steps_problems(at: str, steps: Sequence[Step]) -> Iterator[str]:
    if not steps:
        return
    if len(steps) > DAY_STEPS_MAX:
        yield f"{at}: {len(steps)} steps, expected at most {DAY_STEPS_MAX}"
    for index, (step, following) in enumerate(pairwise(steps)):
        yield from _pair_problems(f"{at}[{index}]", step, following)
    for index, (auction, after, third) in enumerate(zip(steps, steps[1:], steps[2:], strict=False)):
        if auction.random_s >= third.at_s - after.at_s > 0:
            yield (
                f"{at}[{index}].random_s: {auction.random_s} s; at random it could end when {after.phase} "
                f"is over, after {third.at_s - after.at_s} s"
            )
    if steps[0].phase == "closed":
        yield f"{at}[0]: a day is closed until its first step; expected another phase than closed"
    if steps[-1].phase != "closed":
        yield f"{at}[{len(steps) - 1}]: {steps[-1].phase} never ends; expected closed as the last step"
    yield from _auction_settings_problems(f"{at}[{len(steps) - 1}]", steps[-1])
    if steps[-1].at_s - steps[0].at_s > SECONDS_PER_DAY:
        yield f"{at}: from {steps[0].at} to {steps[-1].at} is more than a day, expected at most 24 hours"


def _pair_problems(at: str, step: Step, following: Step) -> Iterator[str]:
    length_s = following.at_s - step.at_s
    if length_s <= 0:
        yield f"{at}: {step.at} is followed by {following.at}; expected a later time"
        return
    if step.phase == following.phase:
        yield f"{at}: {step.phase} is followed by {following.phase}; expected another phase"
    expected = _FOLLOWS.get(step.phase)
    if expected is not None and following.phase not in expected:
        yield f"{at}: {step.phase} is followed by {following.phase}; expected {' or '.join(expected)}"
    if step.phase == "closed":
        yield f"{at}: closed is followed by {following.phase}; expected it as the last step, or break"
    yield from _auction_settings_problems(at, step)
    if step.freeze_s > length_s:
        yield f"{at}.freeze_s: {step.freeze_s} s of an auction of {length_s} s"


def _auction_settings_problems(at: str, step: Step) -> Iterator[str]:
    if step.phase not in AUCTIONS and (step.random_s or step.freeze_s):
        yield f"{at}: random_s and freeze_s are for auctions, found them on {step.phase}"


def _overlaps(at: str, timetable: Timetable, special: set[date]) -> Iterator[str]:
    """Ordinary days do not overlap, each being 24 hours at most; special ones may their neighbours."""
    for day in sorted({day + timedelta(days=days) for day in special for days in (-1, 0)}):
        steps, following = timetable.steps_of(day), timetable.steps_of(day + timedelta(days=1))
        if steps and following and steps[-1].at_s > following[0].at_s + SECONDS_PER_DAY:
            yield (
                f"{at}.special: {day} closes at {steps[-1].at}, after the next day has begun at "
                f"{following[0].at}; expected one day to end before the next begins"
            )
