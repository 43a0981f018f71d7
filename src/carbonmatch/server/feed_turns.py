"""Whose request of the feed is answered next: one of each subscriber in turn, and never for long at a time.

A request costs microseconds or, where a deep book has to be sorted for it, a millisecond, and 64 KiB of them
come in one piece: answered as they come, those of one subscriber kept the whole venue waiting for seconds.
"""

from typing import Final, Protocol

from carbonmatch.limits import FEED_REQUESTS_PAUSE, FEED_REQUESTS_TURN_NS
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.scheduler import Scheduler, Timer

_NS_PER_SECOND: Final = 1_000_000_000


class Asker(Protocol):
    """Somebody whose requests wait."""

    def take_turn(self) -> bool:
        """Do one thing that was asked for; return whether there is more that can be done now."""


class FeedTurns:
    """Invariant: but for a turn, requests take 1 / (1 + FEED_REQUESTS_PAUSE) of the time at most."""

    def __init__(self, clocks: Clocks, scheduler: Scheduler) -> None:
        self._clocks = clocks
        self._scheduler = scheduler
        # Those with requests, in the order of their turns.
        self._askers: dict[Asker, None] = {}
        # What has been taken is paid for by then.
        self._not_before_ns = 0
        self._next: Timer | None = None

    def add(self, asker: Asker) -> None:
        """Give it turns until it wants no more; one that is there already keeps its place."""
        self._askers[asker] = None
        if self._next is None:
            self._come_back(self._clocks.monotonic_ns())

    def stop(self) -> None:
        self._askers.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _work(self) -> None:
        self._next = None
        began_ns = now_ns = self._clocks.monotonic_ns()
        while self._askers and now_ns - began_ns < FEED_REQUESTS_TURN_NS:
            asker = next(iter(self._askers))
            del self._askers[asker]
            if asker.take_turn():
                self._askers[asker] = None
            now_ns = self._clocks.monotonic_ns()
        self._not_before_ns = max(self._not_before_ns, now_ns) + FEED_REQUESTS_PAUSE * (now_ns - began_ns)
        if self._askers and self._next is None:
            self._come_back(now_ns)

    def _come_back(self, now_ns: int) -> None:
        seconds = max(self._not_before_ns - now_ns, 0) / _NS_PER_SECOND
        self._next = self._scheduler.call_later(seconds, self._work)
