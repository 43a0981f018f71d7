"""One connection that follows the feed: what it hears, what it waits for, and what it has lost."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from carbonmatch.limits import FEED_BEHIND_SECONDS_MAX
from carbonmatch.matching.messages import InstrumentId, Ref
from carbonmatch.protocol.throttle import TokenBucket

from .groups import Group

_BEHIND_NS_MAX: Final = int(FEED_BEHIND_SECONDS_MAX * 1_000_000_000)


class Lost(Struct, frozen=True, eq=False):
    """Batches that have to be made again from the journal: those after one, for the request `ref`."""

    ref: Ref
    after_sequence: int


class Subscriber:
    """One connection. Invariant: it gets no increments while `pending` has instruments.

    Written by Subscriptions and Gaps only.
    """

    __slots__ = (
        "batches_left_out",
        "feed_sequence",
        "gaps",
        "group",
        "left_out_after",
        "lost",
        "pending",
        "waiting_since_ns",
    )

    def __init__(self) -> None:
        self.group: Group | None = None
        self.feed_sequence = 0  # the last batch it was offered
        # Instruments to send a snapshot of, the longest waiting first (a dict does not give its
        # first key in constant time once keys before it were taken out).
        self.pending: OrderedDict[InstrumentId, None] = OrderedDict()
        self.batches_left_out = 0
        self.left_out_after = 0  # the last batch of its group before those
        self.waiting_since_ns = 0
        # How much it may be given again of what it has lost; None: it has asked for nothing yet.
        self.gaps: TokenBucket | None = None
        # What the journal is read for: it hears nothing else until then.
        self.lost: Lost | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether `drained` has something for it."""
        return bool(self.pending)

    def is_stalled(self, time_ns: int) -> bool:
        """Whether its buffer has not drained for too long: it is to be cut.

        Some progress is not enough: one that takes a byte now and then would hold old snapshots
        in memory for ever.
        """
        return bool(self.pending) and time_ns - self.waiting_since_ns > _BEHIND_NS_MAX

    def wait(self, instrument_ids: Iterable[InstrumentId], time_ns: int) -> None:
        """Hear nothing until snapshots of these have come, beside those that it waits for already."""
        if not self.pending:
            self.waiting_since_ns = time_ns
        for instrument_id in instrument_ids:
            # One that is there already keeps its place.
            self.pending[instrument_id] = None
