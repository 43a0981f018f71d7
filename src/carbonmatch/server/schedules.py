"""Goes on with the schedules of instruments by the clock.

What is due follows from the clock and from the state of the engine alone, and every step is an entry:
whatever has stopped the venue in the middle, the next look goes on behind the last step that is durable,
and makes none twice. The rules are in proto/PHASES.md.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, Protocol

from msgspec import Struct

from carbonmatch.config import Config
from carbonmatch.config.calendars import ALWAYS
from carbonmatch.config.timetable import Timetable, Transition
from carbonmatch.limits import DAY_INSTRUMENTS_MAX, STEPS_AT_ONCE_MAX
from carbonmatch.matching.book import Book
from carbonmatch.matching.day.end import is_over
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.messages import (
    NO_REF,
    EndDay,
    InstrumentId,
    Phase,
    Resume,
    ScheduleBlock,
    SchedulePhase,
    VenueCommand,
)
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.pipeline import NEVER_DUE_NS, NS_PER_SECOND, Pipeline
from carbonmatch.server.scheduler import Scheduler, Timer

# Whoever looks does so more often than this.
_SOON_NS: Final = NS_PER_SECOND // 10
# Later than this a step was missed and not just waited for: the log says so.
_LATE_NS: Final = NS_PER_SECOND


class Now(Struct, frozen=True):
    """A timetable at one instant: looked up once for all instruments that follow it."""

    timetable: Timetable
    ns: int
    holding: Transition | None  # None: nothing has been planned up to now
    following: Transition | None

    @classmethod
    def of(cls, timetable: Timetable, ns: int) -> "Now":
        return cls(timetable, ns, timetable.last_until(ns), timetable.next_after(ns))


class Step(Struct, frozen=True):
    """A phase of the schedule that is to begin, and when it was to."""

    phase: Phase
    at_ns: int
    transition: Transition | None = None

    @property
    def trading_day(self) -> int:
        """That it is of, like 20210716; 0: of none."""
        return 0 if self.transition is None else self.transition.trading_day


class Scheduled(Protocol):
    """What a schedule has said of something so far, and since when that was to hold; 0: nothing yet."""

    scheduled: Phase
    scheduled_ns: int


def step_due(course: Scheduled, now: Now) -> Step | None:
    """The next step that the schedule has to make by now, as of what it has said so far; None: none.

    To be asked again when it is made: what was missed is made up one by one.
    """
    holding = now.holding
    phase = Phase.CLOSED if holding is None else holding.phase
    if holding is None or (course.scheduled_ns and holding.at_ns <= course.scheduled_ns):
        # Another calendar may say something else of a time for which the last step was made.
        is_right = course.scheduled_ns and course.scheduled is phase
        return None if is_right else Step(phase, now.ns, holding)
    if course.scheduled_ns and course.scheduled is not Phase.CLOSED:
        # The day in progress goes on to its end, however long ago.
        missed = next(now.timetable.between(course.scheduled_ns, now.ns))
    else:
        missed = _first_of_day(now.timetable, holding, course.scheduled_ns)
    return Step(missed.phase, missed.at_ns, missed)


def _first_of_day(timetable: Timetable, holding: Transition, after_ns: int) -> Transition:
    """Where the day begins that `holding` is of; itself, where that day is over."""
    first = holding
    if holding.phase is Phase.CLOSED:
        return holding
    while True:
        before = timetable.last_until(first.at_ns - 1)
        if before is None or before.phase is Phase.CLOSED or before.at_ns <= after_ns:
            return first
        first = before


def block_command_of(instrument_id: InstrumentId, step: Step, now: Now) -> ScheduleBlock:
    """The entry that makes a step of blocks."""
    following = now.timetable.next_after(step.at_ns)
    return ScheduleBlock(instrument_id, step.phase, step.at_ns, 0 if following is None else following.at_ns)


def command_of(instrument: Instrument, step: Step, now: Now) -> SchedulePhase:
    """The entry that makes the step."""
    following = now.timetable.next_after(step.at_ns)
    until_ns = 0 if following is None else following.at_ns
    planned = step.transition
    cut_off_ns = _cut_off_ns(instrument, step, now)
    if planned is None or following is None or not planned.is_auction:
        return SchedulePhase(
            instrument.instrument_id,
            step.phase,
            step.at_ns,
            until_ns,
            trading_day=step.trading_day,
            cut_off_ns=cut_off_ns,
        )
    freeze_s = planned.step.freeze_s
    return SchedulePhase(
        instrument.instrument_id,
        step.phase,
        step.at_ns,
        until_ns,
        planned.step.random_s * NS_PER_SECOND,
        until_ns - freeze_s * NS_PER_SECOND if freeze_s else 0,
        following.phase,
        step.trading_day,
        cut_off_ns,
    )


def _cut_off_ns(instrument: Instrument, step: Step, now: Now) -> int:
    """Of settlement, on the day that the step is of; 0: none."""
    rules = instrument.definition.clearing
    if rules is None or not rules.late_lag_days or step.transition is None:
        return 0
    return now.timetable.instant_ns(step.transition.day, rules.cut_off_seconds)


def _has_band(book: Book) -> bool:
    return book.instrument.definition.band_high_ticks != 0


def waits_for_end_of_day(book: Book, step: Step, now: Now) -> bool:
    """Whether the step is of a later day than one that is still to end by itself."""
    return now.timetable.ends_days and 0 < book.day.in_progress < step.trading_day


def day_is_due(book: Book, now: Now) -> bool:
    """Whether the instrument's day is to end by now: it is time, or the next day is to begin."""
    day = book.day.in_progress
    if not day or not now.timetable.ends_days:
        return False
    if now.timetable.end_of_day_ns(day) <= now.ns:
        return True
    step = step_due(book.instrument.course, now)
    return step is not None and waits_for_end_of_day(book, step, now)


def ends_due(books: list[Book], now: Now) -> Iterator[EndDay | Resume]:
    """The ends of days that are due, those of one day together: one run of settlement.

    What an operator has prolonged ends when he said, or when the next day is to begin.
    """
    due = [book for book in books if day_is_due(book, now)]
    for book in due:
        step = step_due(book.instrument.course, now)
        is_too_long = step is not None and waits_for_end_of_day(book, step, now)
        if is_too_long and not is_over(book) and book.instrument.course.is_held:
            yield Resume(NO_REF, book.instrument.instrument_id)
    over = [book for book in due if is_over(book)]
    for day in sorted({book.day.in_progress for book in over}):
        numbers = [book.instrument.instrument_id for book in over if book.day.in_progress == day]
        for start in range(0, len(numbers), DAY_INSTRUMENTS_MAX):
            yield EndDay(NO_REF, day, tuple(numbers[start : start + DAY_INSTRUMENTS_MAX]))


class Schedules:
    """Invariant: the pipeline's `due_ns` is not later than anything that is to be done by the clock."""

    def __init__(self, config: Config, pipeline: Pipeline, clocks: Clocks, scheduler: Scheduler) -> None:
        self._pipeline = pipeline
        self._engine: Engine = pipeline.engine
        self._clocks = clocks
        self._scheduler = scheduler
        self._timer: Timer | None = None
        self._due_ns = NEVER_DUE_NS
        self._is_stopped = False
        # Whose day is to end as soon as they are closed: an operator has prolonged it, an auction goes on.
        self._prolonged: list[Book] = []
        # Which are closed until an operator says what their band is around.
        self._unbanded: list[Book] = []
        # Steps that were missed, and are made up in this run.
        self._late: Counter[Phase] = Counter()
        pipeline.on_due = self.run
        self.take(config)

    def take(self, config: Config) -> None:
        """Follow these schedules from the next `run` on."""
        calendars = {calendar.name: calendar for calendar in config.calendars}
        timetables = {
            schedule.name: Timetable(schedule, calendars[schedule.calendar]) for schedule in config.schedules
        }
        self._followers: dict[str, list[InstrumentId]] = {}
        # Those whose blocks follow it.
        self._block_followers: dict[str, list[InstrumentId]] = {}
        for instrument in config.instruments:
            if instrument.schedule is not None:
                self._followers.setdefault(instrument.schedule, []).append(instrument.id)
            if instrument.blocks is not None and instrument.blocks.schedule is not None:
                self._block_followers.setdefault(instrument.blocks.schedule, []).append(instrument.id)
        self._timetables = {name: timetables[name] for name in [*self._followers, *self._block_followers]}
        # Of those that are listed or leave on a date: theirs begin or end there.
        self._own: dict[InstrumentId, Timetable] = {
            one.id: timetables[one.schedule].of(one.life)
            for one in config.instruments
            if one.schedule is not None and one.life != ALWAYS
        }

        # Without the band that their rules want they do not open: any price would do.
        self._need_band = {one.id for one in config.instruments if one.prices.has_band}

    def stop(self) -> None:
        """The venue stops: whatever is due from here on, the next start makes up."""
        self._is_stopped = True
        self._pipeline.due_ns = NEVER_DUE_NS
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Do what is due, if anything is: to be called now and then, for clocks step."""
        if self._is_stopped:
            return
        is_over_now = self._prolonged and any(map(is_over, self._prolonged))
        if is_over_now or (self._unbanded and any(map(_has_band, self._unbanded))):
            self.run()
            return
        due_ns = min([self._due_ns, *self._engine.venue.held_until_ns.values()])
        self._pipeline.due_ns = due_ns
        left_ns = due_ns - self._clocks.time_ns()
        if left_ns <= 0:
            self.run()
        elif left_ns < _SOON_NS and self._timer is None:
            # Looking now and then would have been late by as much as that takes.
            self._timer = self._scheduler.call_later(left_ns / NS_PER_SECOND, self._expired)

    def _expired(self) -> None:
        self._timer = None
        self.look()

    def run(self) -> None:
        """Make all steps that are due, and end the holds whose time is up; each is an entry of its own.

        Where there are too many for a batch, nobody is served before they are all made.
        """
        if self._is_stopped or self._pipeline.is_held_up:
            return
        pipeline = self._pipeline
        # What is submitted here finds nothing due.
        pipeline.due_ns = NEVER_DUE_NS
        now_ns = self._clocks.time_ns()
        nows = {name: Now.of(timetable, now_ns) for name, timetable in self._timetables.items()}
        for count, command in enumerate(self._commands(nows, now_ns)):
            if count == STEPS_AT_ONCE_MAX:
                pipeline.is_held_up = True
                pipeline.when_durable(self._go_on)
                return
            pipeline.submit_venue([command])
        self._tell_of_late_steps()
        steps_ns = [now.following.at_ns for now in nows.values() if now.following is not None]
        self._due_ns = min([*steps_ns, *self._ends_to_come(nows)], default=NEVER_DUE_NS)
        self._prolonged = [
            book for name, now in nows.items() for book in self._books(name) if day_is_due(book, now)
        ]
        self._unbanded = [
            book for name in nows for book in self._books(name) if self._waits_for_band(book.instrument)
        ]
        self.look()

    def _tell_of_late_steps(self) -> None:
        if self._late:
            words = ", ".join(f"{count} into {phase.name}" for phase, count in self._late.items())
            log("steps_made_up", WARNING, text=Ours(f"{words}; while they were due the venue did not run"))
            self._late.clear()

    def _go_on(self) -> None:
        self._pipeline.is_held_up = False
        self.run()
        if not self._pipeline.is_held_up:
            self._pipeline.on_release()

    def _commands(self, nows: dict[str, Now], now_ns: int) -> Iterator[VenueCommand | Resume | EndDay]:
        """What is due, each as of the state that those before it have left."""
        engine = self._engine
        held_until_ns = engine.venue.held_until_ns
        for instrument_id in [number for number, until_ns in held_until_ns.items() if until_ns <= now_ns]:
            yield Resume(NO_REF, instrument_id)
        own = {number: Now.of(timetable, now_ns) for number, timetable in self._own.items()}
        for name, now in nows.items():
            books = self._books(name)
            while True:
                for book in books:
                    yield from self._steps(book, own.get(book.instrument.instrument_id, now))
                last_run = engine.venue.settlements.last
                yield from ends_due(books, now)
                if engine.venue.settlements.last is last_run:
                    break
            for instrument_id in self._block_followers.get(name, ()):
                yield from self._block_steps(instrument_id, now)

    def _books(self, name: str) -> list[Book]:
        """Of who follows the schedule. New instruments of a file that was read again come with a start."""
        books = self._engine.books
        return [books[number] for number in self._followers.get(name, ()) if number in books]

    def _steps(self, book: Book, now: Now) -> Iterator[SchedulePhase]:
        instrument = book.instrument
        if self._waits_for_band(instrument):
            return
        # What nothing was planned for, or what has waited for its band, has missed nothing.
        is_going_on = instrument.course.scheduled_ns != 0 and book not in self._unbanded
        while (step := step_due(instrument.course, now)) is not None:
            if waits_for_end_of_day(book, step, now):
                if instrument.course.scheduled is not Phase.CLOSED:
                    # The calendar does not know the close of that day any more.
                    closed_ns = instrument.course.scheduled_ns + 1
                    yield SchedulePhase(instrument.instrument_id, Phase.CLOSED, closed_ns, step.at_ns)
                return
            if is_going_on:
                self._note_if_late(step, now)
            yield command_of(instrument, step, now)

    def _waits_for_band(self, instrument: Instrument) -> bool:
        """Whether it may not open. What is open is closed at its time, with a band or without."""
        return (
            instrument.instrument_id in self._need_band
            and not instrument.definition.band_high_ticks
            and instrument.course.scheduled is Phase.CLOSED
        )

    def _block_steps(self, instrument_id: InstrumentId, now: Now) -> Iterator[ScheduleBlock]:
        """A day on which the instrument itself is closed opens no blocks of it: that is its own phase."""
        book = self._engine.books.get(instrument_id)
        if book is None or book.blocks is None:
            # A file that was read again: an instrument's first blocks come with the next start.
            return
        is_going_on = book.blocks.course.scheduled_ns != 0
        while (step := step_due(book.blocks.course, now)) is not None:
            if is_going_on:
                self._note_if_late(step, now)
            yield block_command_of(instrument_id, step, now)

    def _note_if_late(self, step: Step, now: Now) -> None:
        if now.ns - step.at_ns > _LATE_NS:
            self._late[step.phase] += 1

    def _ends_to_come(self, nows: dict[str, Now]) -> Iterator[int]:
        for name, now in nows.items():
            if now.timetable.ends_days:
                days = {book.day.in_progress for book in self._books(name)} - {0}
                yield from (at_ns for day in days if (at_ns := now.timetable.end_of_day_ns(day)) > now.ns)
