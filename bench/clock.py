"""A timer that keeps time: libuv rounds to milliseconds, and an order every 50 us needs better."""

import asyncio
import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter_ns
from typing import Final

# The clock of `perf_counter_ns`.
_CLOCK_MONOTONIC: Final = 1
_TFD_TIMER_ABSTIME: Final = 1


class _Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class _Interval(ctypes.Structure):
    _fields_ = [("interval", _Time), ("first", _Time)]


# In the standard library from Python 3.13 on, as `os.timerfd_create`.
_libc: Final = ctypes.CDLL(None, use_errno=True)


class IntervalTimer:
    """Calls back in the loop once an interval; an interval that was missed is not made up for."""

    def __init__(self, interval_ns: int, callback: Callable[[], None], first_ns: int | None = None) -> None:
        """`first_ns` of `perf_counter_ns`: never before it, nor before any later interval's end."""
        if first_ns is None:
            first_ns = perf_counter_ns() + interval_ns
        self._callback = callback
        self._fd = _checked(_libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
        self.set(interval_ns, first_ns)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._expired)

    def set(self, interval_ns: int, first_ns: int) -> None:
        """From now on at this interval, beginning at `first_ns` of `perf_counter_ns`."""
        assert interval_ns > 0
        setting = _Interval(
            _Time(*divmod(interval_ns, 1_000_000_000)), _Time(*divmod(first_ns, 1_000_000_000))
        )
        _checked(_libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(setting), None))

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _expired(self) -> None:
        # Set anew since the loop saw it expire, there is nothing to read.
        with suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._callback()


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
