"""Who calls back: the one place where the server meets an event loop.

Everything else in the server is callbacks that are given a `Scheduler`, so the same classes run on the
real loop and on a simulated one, where a seed decides what happens when.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

_Read = TypeVar("_Read")


class Timer(Protocol):
    """A callback that is still to come."""

    def cancel(self) -> None: ...


class Scheduler(Protocol):
    """Turns of one loop. Callbacks run one after the other, never inside the call that asks for them."""

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call in a later turn, in the order in which it was asked."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call when `delay` seconds have passed."""

    def read(
        self,
        work: Callable[[], _Read],
        done: Callable[[_Read], object],
        failed: Callable[[Exception], object],
    ) -> None:
        """Do `work`, which may wait for the disk and changes nothing, beside the loop; call back in it."""


class LoopScheduler:
    """The running asyncio loop, and one thread for reading."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._is_closed = False
        # The loop's own: what is called for every batch takes no detour.
        self.call_soon = self._loop.call_soon
        self.call_later = self._loop.call_later

    def read(
        self,
        work: Callable[[], _Read],
        done: Callable[[_Read], object],
        failed: Callable[[Exception], object],
    ) -> None:
        if self._is_closed:
            return

        def back(reading: asyncio.Future[_Read]) -> None:
            if reading.cancelled() or self._is_closed:
                return
            error = reading.exception()
            if error is None:
                done(reading.result())
            elif isinstance(error, Exception):
                failed(error)
            else:
                raise error

        self._loop.run_in_executor(self._reading, work).add_done_callback(back)

    def close(self) -> None:
        """Nobody hears any more of what was not read yet, nor of what is being read."""
        self._is_closed = True
        self._reading.shutdown(wait=False, cancel_futures=True)
