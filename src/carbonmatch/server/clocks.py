"""The two clocks of the server, read in `service` and passed to whoever needs the time."""

from collections.abc import Callable


class Clocks:
    """`time_ns` is UTC and never steps back; `monotonic_ns` measures."""

    __slots__ = ("monotonic_ns", "time_ns")

    def __init__(self, time_ns: Callable[[], int], monotonic_ns: Callable[[], int]) -> None:
        self.time_ns = time_ns
        self.monotonic_ns = monotonic_ns
