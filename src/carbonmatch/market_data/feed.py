"""Released batches in, numbered feed messages out. Pure: no socket, no clock, no bytes of the wire.

Numbers. `feed_sequence` counts the batches that changed something public, dense over the venue from 1.
`instrument_seq` counts the messages of one instrument, dense from 1: each Trade, TradeBust,
TradeCorrection, PhaseUpdate, BandUpdate, LimitsUpdate, AuctionUpdate, AuctionResult, BiddingAnnouncement,
BiddingUpdate, BiddingResult, BlockPost, BlockVolume, BlockPhaseUpdate, DaySummary, LevelUpdate, Statistics
and KindStatistics has its own; a composite price, which is followed as an instrument is, counts its
Composites. A subscriber of all kinds sees every number of an instrument and so notices a gap; one of fewer
kinds sees them only rise, and relies on the transport. OrderUpdates are counted apart (`list_seq`): who
does not follow the list sees no gap.

An instrument that is new comes with its snapshot (empty), so that whoever follows the whole venue
needs to ask for nothing.

The same released batches give the same messages: after a restart, recovery restores the state which
was saved beside the engine's snapshot and applies the batches released since then again.
"""

from collections import defaultdict
from typing import Final

import msgspec
from msgspec import Struct

from carbonmatch.limits import FEED_KEPT_MESSAGES, OUTBOUND_FRAME_BYTES_MAX, VENUE_OPEN_ORDERS_MAX
from carbonmatch.matching.messages import (
    AnyPublicEvent,
    CompositeChanged,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    LevelChanged,
    OrderListed,
    Outputs,
    Traded,
)
from carbonmatch.protocol.messages import FeedKind

from .changes import FeedBatch, InstrumentMessage
from .composites import PublicComposite, SavedComposite
from .depth import Depth
from .instrument import PublicInstrument, SavedInstrument
from .recent import RecentBatches

# One instrument's snapshot is one frame, also with every open order of the venue at its own price.
SNAPSHOT_LEVEL_BYTES_MAX: Final = 29
SNAPSHOT_ORDER_BYTES_MAX: Final = 25
assert (
    VENUE_OPEN_ORDERS_MAX * (SNAPSHOT_LEVEL_BYTES_MAX + SNAPSHOT_ORDER_BYTES_MAX) < OUTBOUND_FRAME_BYTES_MAX
)

_STATE_VERSION: Final = 6
# The oldest that is read: what came since was appended, with a default.
_STATE_VERSION_MIN: Final = 6


class MarketData:
    """The released state of every instrument. Invariant: equal batches, equal state and messages."""

    def __init__(self, kept_messages_max: int = FEED_KEPT_MESSAGES) -> None:
        self.feed_sequence = 0
        # For subscribers who have lost some of them; no part of the state.
        self.recent = RecentBatches(kept_messages_max)
        # Composite prices among them: they have ids of their own.
        self._instruments: dict[InstrumentId, PublicInstrument | PublicComposite] = {}

    # --- batches ---------------------------------------------------------------------------------

    def apply(self, outputs: Outputs, time_ns: int) -> FeedBatch:
        """Take in one released batch; the feed sequence advances if it changed anything public."""
        events = self._events_by_instrument(outputs.public)
        levels: defaultdict[InstrumentId, list[LevelChanged]] = defaultdict(list)
        for change in outputs.levels:
            levels[change.instrument_id].append(change)
        orders: defaultdict[InstrumentId, list[OrderListed]] = defaultdict(list)
        for listed in outputs.orders:
            orders[listed.instrument_id].append(listed)

        feed_sequence = self.feed_sequence + 1
        changes = {}
        message_count = 0
        for instrument_id in dict.fromkeys([*events, *levels]):
            instrument = self._instruments[instrument_id]
            changed = instrument.apply(
                events.get(instrument_id, ()),
                levels.get(instrument_id, ()),
                feed_sequence,
                orders.get(instrument_id, ()),
            )
            if changed is not None:
                changes[instrument_id] = changed
                message_count += len(changed.messages)
        if not changes:
            return FeedBatch(self.feed_sequence, time_ns, changes, 0)
        self.feed_sequence = feed_sequence
        batch = FeedBatch(feed_sequence, time_ns, changes, message_count)
        self.recent.keep(batch)
        return batch

    def _events_by_instrument(
        self, public: list[AnyPublicEvent]
    ) -> defaultdict[InstrumentId, list[AnyPublicEvent]]:
        events: defaultdict[InstrumentId, list[AnyPublicEvent]] = defaultdict(list)
        for event in public:
            if type(event) is Traded:
                events[event.instrument_id].append(event)
            elif isinstance(event, InstrumentDefined):
                definition = event.definition
                if definition.instrument_id not in self._instruments:
                    self._instruments[definition.instrument_id] = PublicInstrument(definition)
                events[definition.instrument_id].append(event)
            elif isinstance(event, CompositeChanged):
                if event.instrument_id not in self._instruments:
                    composite = PublicComposite(event.instrument_id, event.composite)
                    self._instruments[event.instrument_id] = composite
                events[event.instrument_id].append(event)
            else:
                events[event.instrument_id].append(event)
        return events

    # --- what is, for those who join or were left behind -----------------------------------------

    def instrument_ids(self) -> list[InstrumentId]:
        """Of what is traded, in the order of their definition."""
        return [known for known, one in self._instruments.items() if isinstance(one, PublicInstrument)]

    def followed_ids(self) -> list[InstrumentId]:
        """Of instruments and composite prices, in the order of their definition."""
        return list(self._instruments)

    def __contains__(self, instrument_id: InstrumentId) -> bool:
        return instrument_id in self._instruments

    def definition(self, instrument_id: InstrumentId) -> InstrumentDefinition:
        return self._instrument(instrument_id).definition

    def depth(self, instrument_id: InstrumentId) -> Depth:
        """The instrument's released depth, to read only."""
        return self._instrument(instrument_id).depth

    def last_price_ticks(self, instrument_id: InstrumentId) -> int:
        """Of the last trade of its day; 0: none stands."""
        return self._instrument(instrument_id).statistics.last_price_ticks

    def _instrument(self, instrument_id: InstrumentId) -> PublicInstrument:
        instrument = self._instruments[instrument_id]
        assert isinstance(instrument, PublicInstrument), "a composite price is not traded"
        return instrument

    def changed_at(self, instrument_id: InstrumentId) -> int:
        """The feed sequence of the last batch that changed the instrument: names its state."""
        return self._instruments[instrument_id].feed_sequence

    def snapshot_kinds(self, instrument_id: InstrumentId) -> int:
        """The kinds that make a difference to the instrument's snapshot."""
        has_orders = self._instruments[instrument_id].order_list is not None
        return FeedKind.LEVELS | FeedKind.STATISTICS | (FeedKind.ORDERS if has_orders else 0)

    def snapshot(
        self, instrument_id: InstrumentId, kinds: int = FeedKind.ALL, levels_max: int = 0
    ) -> list[InstrumentMessage]:
        """Instrument, SnapshotBegin, levels from the best on, SnapshotEnd, what else is, statistics.

        Of each side at most `levels_max` levels; 0: all. Of a composite price: Composite, and nothing else.
        """
        return self._instruments[instrument_id].snapshot(kinds, levels_max)

    # --- restarts --------------------------------------------------------------------------------

    def state(self) -> bytes:
        """Everything, in one canonical form: equal states are equal bytes."""
        known = self._instruments.values()
        instruments = [one.saved() for one in known if isinstance(one, PublicInstrument)]
        composites = [one.saved() for one in known if isinstance(one, PublicComposite)]
        order = list(self._instruments) if composites else []
        return _encode(_State(_STATE_VERSION, self.feed_sequence, instruments, composites, order))

    def restore(self, data: bytes) -> None:
        """Become what `state()` saved; only before the first batch.

        Bytes which are not a state raise msgspec.DecodeError: whoever stored them vouches for them.
        """
        assert not self.feed_sequence, "restoring over a feed that has begun would repeat its numbers"
        saved = _decode_state(data)
        if not _STATE_VERSION_MIN <= saved.version <= _STATE_VERSION:
            raise ValueError(
                f"market data state of version {saved.version}, "
                f"expected {_STATE_VERSION_MIN} to {_STATE_VERSION}"
            )
        self.feed_sequence = saved.feed_sequence
        for instrument in saved.instruments:
            self._instruments[instrument.definition.instrument_id] = PublicInstrument.of(instrument)
        for composite in saved.composites:
            self._instruments[composite.message.composite_id] = PublicComposite.of(composite)
        for instrument_id in saved.order:
            self._instruments[instrument_id] = self._instruments.pop(instrument_id)


class _State(Struct, frozen=True, array_like=True):
    version: int
    feed_sequence: int
    instruments: list[SavedInstrument]
    composites: list[SavedComposite] = []
    # The ids of all of them as they were defined, where that is not said yet.
    order: list[InstrumentId] = []


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_state: Final = msgspec.msgpack.Decoder(_State).decode
