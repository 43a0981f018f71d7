"""One seed, one clock, one queue of what happens next: everything in a simulation takes its turn here.

Nothing runs beside anything else, and time passes only from one turn to the next, so that a seed
repeats a run to the last byte.
"""

import heapq
from collections.abc import Callable
from hashlib import blake2b
from random import Random
from typing import TypeVar

_Read = TypeVar("_Read")

NS_PER_SECOND = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_US = 1_000

# 1 June 2026: any time that is not 0, so that a stamp and a measure of time are never mixed up unseen.
START_UTC_NS = 1_780_000_000 * NS_PER_SECOND


class ProcessEnded(BaseException):
    """The engine's process is gone, whatever it was doing. Not an Exception: nothing may handle it."""

    def __init__(self, why: str, *, power_lost: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.power_lost = power_lost


class Turn:
    """Something that is still to happen."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class World:
    """Invariant: `now_ns` never goes back, and turns of the same time are taken as they were asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.now_ns = NS_PER_SECOND
        self.steps = 0
        # What happened, as text where somebody wants to read it, and as a digest for who compares.
        self.tell: Callable[[str], object] | None = None
        self._digest = blake2b(digest_size=16)
        self._turns: list[tuple[int, int, Turn]] = []
        self._asked = 0
        self._utc_offset_ns = START_UTC_NS
        self._utc_frozen_ns: int | None = None

    # --- turns -----------------------------------------------------------------------------------

    def after(self, delay_ns: int, callback: Callable[[], object]) -> Turn:
        turn = Turn(callback)
        self._asked += 1
        heapq.heappush(self._turns, (self.now_ns + delay_ns, self._asked, turn))
        return turn

    def step(self) -> None:
        """Take the next turn; there always is one, since every clock in the world ticks."""
        while True:
            at_ns, _, turn = heapq.heappop(self._turns)
            if turn.callback is not None:
                break
        self.now_ns = max(self.now_ns, at_ns)
        self.steps += 1
        turn.callback()

    def pass_time(self, ns: int) -> None:
        """Somebody waits inside a turn, and everybody with it."""
        self.now_ns += ns

    # --- clocks ----------------------------------------------------------------------------------

    def monotonic_ns(self) -> int:
        return self.now_ns

    def utc_ns(self) -> int:
        return self.now_ns + self._utc_offset_ns if self._utc_frozen_ns is None else self._utc_frozen_ns

    def step_utc(self, ns: int) -> None:
        self._utc_offset_ns += ns

    def freeze_utc(self, frozen: bool) -> None:
        self._utc_frozen_ns = self.utc_ns() if frozen else None

    # --- chance and memory -----------------------------------------------------------------------

    def happens(self, probability: float) -> bool:
        # Asked only where it may happen: a fault that is switched off does not shift the others.
        return probability > 0 and self.random.random() < probability

    def note(self, what: str) -> None:
        """Something that happened, for the digest of the run and for its reader."""
        self._digest.update(f"{self.now_ns} {what}\n".encode())
        if self.tell is not None:
            self.tell(f"{self.steps:7} {self.now_ns / NS_PER_SECOND:12.6f} {what}")

    def digest(self) -> str:
        return self._digest.hexdigest()


class ProcessScheduler:
    """The `Scheduler` of one process: its turns end with it."""

    def __init__(self, world: World, reading_ns: Callable[[], int], fails: Callable[[], bool]) -> None:
        """`reading_ns` says how long a read takes, `fails` whether the disk refuses it."""
        self.is_alive = True
        self._world = world
        self._reading_ns = reading_ns
        self._fails = fails

    def call_soon(self, callback: Callable[[], object], /) -> Turn:
        return self.after(0, callback)

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Turn:
        return self.after(int(delay * NS_PER_SECOND), callback)

    def after(self, delay_ns: int, callback: Callable[[], object]) -> Turn:
        def turn() -> None:
            if self.is_alive:
                callback()

        return self._world.after(delay_ns, turn)

    def read(
        self,
        work: Callable[[], _Read],
        done: Callable[[_Read], object],
        failed: Callable[[Exception], object],
    ) -> None:
        def reading() -> None:
            if self._fails():
                failed(OSError(5, "Input/output error"))
                return
            found = work()  # nothing else may go wrong: what is durable can be read
            self.call_soon(lambda: done(found))

        self.after(self._reading_ns(), reading)
