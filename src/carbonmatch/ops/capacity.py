"""Which share of its capacity the venue uses: the loop is one thread, full when it is always at work.

Pure: whoever reads the clocks passes in the times.
"""

from collections import deque
from typing import Final

# Long enough that a batch does not show as a peak, short enough to see one of a second.
_WINDOW_NS: Final = 1_000_000_000


class CapacityMeter:
    """The loop's processor time over the time that passed, in the last second."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque()

    def used_ns(self, now_ns: int, worked_ns: int) -> int:
        """Take a sample of both clocks; the work in a second since the oldest sample that counts, in ns."""
        samples = self._samples
        samples.append((now_ns, worked_ns))
        while len(samples) > 2 and now_ns - samples[1][0] >= _WINDOW_NS:
            samples.popleft()
        then_ns, worked_then_ns = samples[0]
        if now_ns == then_ns:
            return 0
        return min(_WINDOW_NS, (worked_ns - worked_then_ns) * _WINDOW_NS // (now_ns - then_ns))
