"""What everyone knows of a composite price. It is followed as an instrument is, and has one message."""

from collections.abc import Sequence

from msgspec import Struct

from carbonmatch.matching.messages import (
    AnyPublicEvent,
    CompositeChanged,
    CompositeDefinition,
    InstrumentId,
    LevelChanged,
    OrderListed,
)
from carbonmatch.protocol.messages import Composite

from .changes import ALWAYS, InstrumentChanges, InstrumentMessage


class PublicComposite:
    """Invariant: `message` is the last one that was told of it, and says everything."""

    __slots__ = ("feed_sequence", "message")

    # It has none, as most instruments.
    order_list = None

    def __init__(self, composite_id: InstrumentId, definition: CompositeDefinition) -> None:
        self.message = Composite(composite_id, 0, 0, 0, definition)
        self.feed_sequence = 0  # 0: not published yet

    def apply(
        self,
        events: Sequence[AnyPublicEvent],
        levels: Sequence[LevelChanged],
        feed_sequence: int,
        orders: Sequence[OrderListed] = (),
    ) -> InstrumentChanges:
        """What this batch tells of it."""
        (event,) = events
        assert isinstance(event, CompositeChanged), "nothing trades at it, and it is told once a batch"
        assert not levels
        assert not orders
        seq = self.message.seq + 1
        self.message = Composite(event.instrument_id, seq, event.price_ticks, event.time_ns, event.composite)
        self.feed_sequence = feed_sequence
        return InstrumentChanges([self.message], ALWAYS)

    def snapshot(self, _kinds: int, _levels_max: int) -> list[InstrumentMessage]:
        return [self.message]

    def saved(self) -> "SavedComposite":
        return SavedComposite(self.message, self.feed_sequence)

    @classmethod
    def of(cls, saved: "SavedComposite") -> "PublicComposite":
        composite = cls(saved.message.composite_id, saved.message.composite)
        composite.message = saved.message
        composite.feed_sequence = saved.feed_sequence
        return composite


class SavedComposite(Struct, frozen=True, gc=False, array_like=True):
    message: Composite
    feed_sequence: int
