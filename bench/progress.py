"""A bar on a terminal, nothing elsewhere. It moves between runs: to paint during one would disturb it."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Told:
    """Who is told how far a measurement is: a terminal, or nobody."""

    def __init__(self, bar: Progress | None = None, total: int | None = None) -> None:
        self._bar = bar
        self._task = None if bar is None else bar.add_task("", total=total)

    def say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
            self._bar.refresh()

    def doing(self, what: str) -> None:
        """What comes now."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=what)
            self._bar.refresh()

    def advance(self) -> None:
        """One more of the whole is done."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)
            self._bar.refresh()


@contextmanager
def told(total: int | None) -> Iterator[Told]:
    """`total`: steps that there will be, None where that is not known before."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Told()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # No thread that paints by itself: it would take the interpreter from the generator.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        yield Told(bar, total)
