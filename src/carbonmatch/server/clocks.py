"""The two clocks of the server, read in `service` and passed to whoever needs the time."""

from collections.abc import Callable


class Clocks:
    """`time_ns` is UTC and never steps back; `monotonic_ns` measures."""

    __slots__ = ("monotonic_ns", "time_ns")

    def __init__(self, time_ns: Callable[[], int], monotonic_ns: Callable[[], int]) -> None:
        self.time_ns = time_ns
        self.monotonic_ns = monotonic_ns


class SteadyClock:
    """UTC in nanoseconds that never steps back, whatever the machine's clock does.

    No two readings are equal, so the time of an entry tells it from all others.
    """

    def __init__(self, machine_ns: Callable[[], int], not_before_ns: int) -> None:
        self._machine_ns = machine_ns
        self._last_ns = not_before_ns

    def time_ns(self) -> int:
        now_ns = self._machine_ns()
        if now_ns <= self._last_ns:
            now_ns = self._last_ns + 1
        self._last_ns = now_ns
        return now_ns

    def held_ns(self) -> int:
        """How far the last time told is ahead of the machine's clock, which was set back; 0: it was not."""
        return max(0, self._last_ns - self._machine_ns())
