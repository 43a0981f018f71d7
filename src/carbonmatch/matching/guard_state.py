"""What watches the trades of a book, as a part of the state: see `state`."""

import msgspec

from carbonmatch.matching.book import Book
from carbonmatch.matching.corridor import Corridor, Extreme
from carbonmatch.matching.guards import new_guard
from carbonmatch.matching.interval_limit import IntervalLimit


class _State(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Base of the parts: field order is byte order."""


class CorridorState(_State, frozen=True):
    reference_ticks: int
    extensions: int
    windows: list[tuple[list[Extreme], list[Extreme]]]  # highs and lows of each, the short one first


class IntervalState(_State, frozen=True):
    anchor_ticks: int
    next_ns: int
    held: bool


def saved_guard(book: Book) -> tuple[CorridorState | None, IntervalState | None]:
    """The state of the guard there is; of a book without one, nothing."""
    guard = book.guard
    if isinstance(guard, Corridor):
        windows = [(window.highs.saved(), window.lows.saved()) for window in guard.windows]
        return CorridorState(guard.reference_ticks, guard.extensions, windows), None
    if isinstance(guard, IntervalLimit):
        return None, IntervalState(guard.anchor_ticks, guard.next_ns, guard.held)
    return None, None


def restore_guard(book: Book, corridor: CorridorState | None, interval: IntervalState | None) -> None:
    """Give the book the guard that its definition asks for, as it was."""
    guard = book.guard = new_guard(book.instrument)
    if isinstance(guard, Corridor):
        assert corridor is not None
        guard.reference_ticks = corridor.reference_ticks
        guard.extensions = corridor.extensions
        for window, (highs, lows) in zip(guard.windows, corridor.windows, strict=True):
            window.highs.restore(highs)
            window.lows.restore(lows)
    elif isinstance(guard, IntervalLimit):
        assert interval is not None
        guard.restore(interval.anchor_ticks, interval.next_ns, held=interval.held)
