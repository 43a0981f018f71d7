"""A scheduler whose turns a test takes one by one; time passes by `advance` only."""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TypeVar

_Read = TypeVar("_Read")


class Turn:
    """A callback that is still to come."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def run(self) -> None:
        if self.callback is not None:
            self.callback()


class Turns:
    """A `Scheduler` without a loop: what is to be read is read in its turn."""

    def __init__(self) -> None:
        self.now_seconds = 0.0
        self._soon: deque[Turn] = deque()
        self._later: list[tuple[float, int, Turn]] = []
        self._order = count()

    def call_soon(self, callback: Callable[[], object], /) -> Turn:
        turn = Turn(callback)
        self._soon.append(turn)
        return turn

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Turn:
        turn = Turn(callback)
        heapq.heappush(self._later, (self.now_seconds + delay, next(self._order), turn))
        return turn

    def read(
        self,
        work: Callable[[], _Read],
        done: Callable[[_Read], object],
        failed: Callable[[Exception], object],
    ) -> None:
        def reading() -> None:
            try:
                found = work()
            except Exception as error:
                failed(error)
            else:
                done(found)

        self.call_soon(reading)

    def run(self) -> None:
        """Take all turns that are due, and those they ask for."""
        while self._soon:
            self.step()

    def step(self) -> None:
        """Take one turn that is due."""
        self._soon.popleft().run()

    def advance(self, seconds: float) -> None:
        """Let time pass, and take the turns that become due."""
        self.now_seconds += seconds
        while self._later and self._later[0][0] <= self.now_seconds:
            self._soon.append(heapq.heappop(self._later)[2])
        self.run()
