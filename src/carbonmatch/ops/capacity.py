"""Which share of its capacity the venue uses: the loop is one thread, full when it is always at work.

Pure: whoever reads the clocks passes in the times.
"""

from collections import deque
from typing import Final

# Long enough that a batch does not show as a peak, short enough to see one of a second.
_WINDOW_NS: Final = 1_000_000_000
_PEAK_SECONDS: Final = 60


class SecondMeter:
    """How much a total has grown in the last second."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque()

    def grown(self, now_ns: int, total: int) -> int:
        """Take a sample; the growth in a second since the oldest sample that counts."""
        samples = self._samples
        samples.append((now_ns, total))
        while len(samples) > 2 and now_ns - samples[1][0] >= _WINDOW_NS:
            samples.popleft()
        then_ns, total_then = samples[0]
        if now_ns == then_ns:
            return 0
        return (total - total_then) * _WINDOW_NS // (now_ns - then_ns)

    @property
    def is_whole(self) -> bool:
        """Whether the samples are a second apart: before, a little that has come is told as much a second."""
        return self._samples[-1][0] - self._samples[0][0] >= _WINDOW_NS


class CapacityMeter:
    """The loop's processor time over the time that passed, in the last second."""

    def __init__(self) -> None:
        self._meter = SecondMeter()
        # The largest share in each second of the last minute, the newest last.
        self._peaks: deque[tuple[int, int]] = deque()

    def used_ns(self, now_ns: int, worked_ns: int) -> int:
        """Take a sample of both clocks; the work in a second since the oldest sample that counts, in ns."""
        used_ns = min(_WINDOW_NS, self._meter.grown(now_ns, worked_ns))
        second = now_ns // _WINDOW_NS
        peaks = self._peaks
        if peaks and peaks[-1][0] == second:
            peaks[-1] = (second, max(used_ns, peaks[-1][1]))
        else:
            peaks.append((second, used_ns))
        while peaks[0][0] <= second - _PEAK_SECONDS:
            peaks.popleft()
        return used_ns

    @property
    def peak_ns(self) -> int:
        """The most of any second of the last minute."""
        return max([used_ns for _, used_ns in self._peaks], default=0)
