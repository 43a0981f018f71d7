"""When the frames of an open loop are due: at one rate, or at one after the other."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Frames = NDArray[np.int64]


class Pace(Struct, frozen=True):
    """So many frames, one each interval."""

    frames: int
    interval_ns: int


class Step(Struct, frozen=True):
    """A rate of all sessions together, for so long."""

    rate_per_second: int
    seconds: float

    def pace(self, frame_commands: int) -> Pace:
        frames = max(1, round(self.rate_per_second * self.seconds / frame_commands))
        return Pace(frames, 1_000_000_000 * frame_commands // self.rate_per_second)


class Schedule:
    """Frames by their number in all sessions' turns, nanoseconds from when the first one is due."""

    def __init__(self, paces: Sequence[Pace]) -> None:
        self.paces = list(paces)
        self.first_frames = [0, *accumulate(pace.frames for pace in paces)]
        self.begin_ns = [0, *accumulate(pace.frames * pace.interval_ns for pace in paces)]

    @property
    def frames(self) -> int:
        return self.first_frames[-1]

    def due(self, since_ns: int, at_pace: int) -> int:
        """How many frames are due by then, where those of the paces before `at_pace` are."""
        while True:
            pace = self.paces[at_pace]
            due = (since_ns - self.begin_ns[at_pace]) // pace.interval_ns + 1
            if due < pace.frames or at_pace + 1 == len(self.paces):
                return self.first_frames[at_pace] + min(due, pace.frames)
            at_pace += 1
            if since_ns < self.begin_ns[at_pace]:
                return self.first_frames[at_pace]

    def due_ns(self, frames: Frames) -> Frames:
        """When each of these is due."""
        paces = np.searchsorted(np.array(self.first_frames[1:]), frames, side="right")
        begin_ns = np.array(self.begin_ns)[paces]
        interval_ns = np.array([pace.interval_ns for pace in self.paces])[paces]
        due: Frames = begin_ns + (frames - np.array(self.first_frames)[paces]) * interval_ns
        return due

    def pace_at(self, since_ns: int) -> int:
        """Which pace is the one of this moment; the last one's for all that comes behind."""
        return min(bisect_right(self.begin_ns, since_ns) - 1, len(self.paces) - 1)
