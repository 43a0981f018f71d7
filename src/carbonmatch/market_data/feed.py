"""Released batches in, numbered feed messages out. Pure: no socket, no clock, no bytes of the wire.

Numbers. `feed_sequence` counts the batches that changed something public, dense over the venue from
1. `instrument_seq` counts the messages of one instrument, dense from 1: each Trade, PhaseUpdate,
BandUpdate, LevelUpdate and Statistics has its own. A subscriber of all kinds sees every number of an
instrument and so notices a gap; one of fewer kinds sees them only rise, and relies on the transport.

Within a batch an instrument's messages come in the order: definitions, trades, phases and bands as
they happened, then levels, then statistics at most once. An instrument that is new comes with its
snapshot (empty), so that whoever follows the whole venue needs to ask for nothing.

The same released batches give the same messages: after a restart, recovery restores the state which
was saved beside the engine's snapshot and applies the batches released since then again.
"""

from typing import Final

import msgspec
from msgspec import Struct

from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX, VENUE_OPEN_ORDERS_MAX
from carbonmatch.matching.messages import (
    AnyPublicEvent,
    BandChanged,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    LevelChanged,
    Outputs,
    Phase,
    PhaseChanged,
    Traded,
)
from carbonmatch.protocol.messages import (
    BandUpdate,
    FeedKind,
    Instrument,
    LevelUpdate,
    PhaseUpdate,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    Statistics,
    Trade,
)

from .depth import Depth, checksum
from .statistics import DayStatistics, Figures

# Beside the bits of FeedKind: what comes to every subscriber of the instrument.
ALWAYS: Final = FeedKind.ALL + 1

# One instrument's snapshot is one frame. A level takes at most 29 bytes there: every open order of
# the venue at a price of its own would be 29 MB.
SNAPSHOT_LEVEL_BYTES_MAX: Final = 29
assert VENUE_OPEN_ORDERS_MAX * SNAPSHOT_LEVEL_BYTES_MAX < OUTBOUND_FRAME_BYTES_MAX

InstrumentMessage = (
    Instrument
    | SnapshotBegin
    | SnapshotLevel
    | SnapshotEnd
    | LevelUpdate
    | Trade
    | PhaseUpdate
    | BandUpdate
    | Statistics
)

_KIND: Final[dict[type, int]] = {
    SnapshotLevel: FeedKind.LEVELS,
    LevelUpdate: FeedKind.LEVELS,
    Trade: FeedKind.TRADES,
    Statistics: FeedKind.STATISTICS,
}


class InstrumentChanges:
    """The messages of one instrument in one batch, and the kinds there are among them."""

    __slots__ = ("kinds", "messages")

    def __init__(self) -> None:
        self.messages: list[InstrumentMessage] = []
        self.kinds = 0

    def select(self, kinds: int) -> list[InstrumentMessage]:
        """The messages which a subscriber of `kinds` hears, in order."""
        heard = kinds | ALWAYS
        if not self.kinds & ~heard:
            return self.messages
        return [message for message in self.messages if _KIND.get(type(message), ALWAYS) & heard]


Changes = dict[InstrumentId, InstrumentChanges]


class FeedBatch(Struct, frozen=True):
    """What one released batch tells the public: nothing where `changes` is empty.

    `changes` has the instruments in the order in which the batch first touched them.
    """

    feed_sequence: int
    time_ns: int
    changes: Changes


class MarketData:
    """The released state of every instrument. Invariant: equal batches, equal state and messages."""

    def __init__(self) -> None:
        self.feed_sequence = 0
        self._instruments: dict[InstrumentId, _PublicInstrument] = {}

    # --- batches ---------------------------------------------------------------------------------

    def apply(self, outputs: Outputs, time_ns: int) -> FeedBatch:
        """Take in one released batch; the feed sequence advances if it changed anything public."""
        touched: Changes = {}
        self._apply_events(outputs.public, touched)
        self._apply_levels(outputs.levels, touched)

        changes: Changes = {}
        for instrument_id, changed in touched.items():
            instrument = self._instruments[instrument_id]
            if changed.kinds & FeedKind.STATISTICS:
                changed.messages.append(instrument.next_statistics())
            # Levels that came and went within the batch have left no message.
            if changed.messages:
                instrument.feed_sequence = self.feed_sequence + 1
                changes[instrument_id] = changed
        if changes:
            self.feed_sequence += 1
        return FeedBatch(self.feed_sequence, time_ns, changes)

    def _apply_events(self, events: list[AnyPublicEvent], changes: Changes) -> None:
        instrument_id = None
        for event in events:
            if type(event) is not Traded:
                self._apply_rare(event, changes)
                continue
            # Trades come in runs of one instrument: it is looked up once for a run.
            if event.instrument_id != instrument_id:
                instrument_id = event.instrument_id
                instrument, changed = self._touch(instrument_id, changes)
                changed.kinds |= FeedKind.TRADES | FeedKind.STATISTICS
                messages = changed.messages
                statistics = instrument.statistics
            price_ticks = event.price_ticks
            quantity_lots = event.quantity_lots
            statistics.add(price_ticks, quantity_lots)
            instrument.seq = seq = instrument.seq + 1
            messages.append(
                Trade(
                    instrument_id,
                    seq,
                    event.trade_id,
                    price_ticks,
                    quantity_lots,
                    event.aggressor,
                    event.time_ns,
                )
            )

    def _apply_rare(self, event: AnyPublicEvent, changes: Changes) -> None:
        if type(event) is InstrumentDefined:
            self._define(event.definition, changes)
        elif type(event) is PhaseChanged:
            self._change_phase(event, changes)
        else:
            assert type(event) is BandChanged
            self._change_band(event, changes)

    def _define(self, definition: InstrumentDefinition, changes: Changes) -> None:
        """A new definition leaves phase and band as they are: events of their own change those."""
        instrument_id = definition.instrument_id
        is_new = instrument_id not in self._instruments
        if is_new:
            self._instruments[instrument_id] = _PublicInstrument(definition)
        instrument, changed = self._touch(instrument_id, changes)
        changed.kinds |= ALWAYS
        if is_new:
            instrument.feed_sequence = self.feed_sequence + 1
            # Its statistics follow at the end of the batch, numbered like all that do.
            changed.kinds |= FeedKind.STATISTICS
            changed.messages += self.snapshot(instrument_id, FeedKind.LEVELS)
        else:
            instrument.definition = definition
            changed.messages.append(Instrument(definition))

    def _change_phase(self, event: PhaseChanged, changes: Changes) -> None:
        instrument, changed = self._touch(event.instrument_id, changes)
        changed.kinds |= ALWAYS
        instrument.depth.phase = event.phase
        instrument.seq += 1
        changed.messages.append(
            PhaseUpdate(event.instrument_id, instrument.seq, event.phase, event.text, event.time_ns)
        )
        if instrument.statistics.change_phase(event.phase):
            changed.kinds |= FeedKind.STATISTICS

    def _change_band(self, event: BandChanged, changes: Changes) -> None:
        instrument, changed = self._touch(event.instrument_id, changes)
        changed.kinds |= ALWAYS
        band = (event.reference_price_ticks, event.band_low_ticks, event.band_high_ticks)
        instrument.depth.set_band(*band)
        instrument.seq += 1
        changed.messages.append(BandUpdate(event.instrument_id, instrument.seq, *band, event.time_ns))

    def _apply_levels(self, levels: list[LevelChanged], changes: Changes) -> None:
        # The hottest loop of the feed: an instrument is looked up once for a run of its levels.
        instrument_id = None
        for change in levels:
            if change.instrument_id != instrument_id:
                instrument_id = change.instrument_id
                instrument, changed = self._touch(instrument_id, changes)
                changed.kinds |= FeedKind.LEVELS
                messages = changed.messages
                update = instrument.depth.update
            if update(change):
                instrument.seq = seq = instrument.seq + 1
                messages.append(
                    LevelUpdate(
                        instrument_id,
                        seq,
                        change.side,
                        change.price_ticks,
                        change.quantity_lots,
                        change.order_count,
                    )
                )

    def _touch(
        self, instrument_id: InstrumentId, changes: Changes
    ) -> tuple["_PublicInstrument", InstrumentChanges]:
        changed = changes.get(instrument_id)
        if changed is None:
            changed = changes[instrument_id] = InstrumentChanges()
        return self._instruments[instrument_id], changed

    # --- what is, for those who join or were left behind -------------------------------------------

    def instrument_ids(self) -> list[InstrumentId]:
        """In the order of their definition."""
        return list(self._instruments)

    def __contains__(self, instrument_id: InstrumentId) -> bool:
        return instrument_id in self._instruments

    def depth(self, instrument_id: InstrumentId) -> Depth:
        """The instrument's released depth, to read only."""
        return self._instruments[instrument_id].depth

    def changed_at(self, instrument_id: InstrumentId) -> int:
        """The feed sequence of the last batch that changed the instrument: names its state."""
        return self._instruments[instrument_id].feed_sequence

    def snapshot(self, instrument_id: InstrumentId, kinds: int = FeedKind.ALL) -> list[InstrumentMessage]:
        """Everything a reader of `kinds` needs to go on from now with the instrument's increments."""
        instrument = self._instruments[instrument_id]
        depth = instrument.depth
        levels = depth.levels() if kinds & FeedKind.LEVELS else []
        messages: list[InstrumentMessage] = [
            Instrument(instrument.definition),
            SnapshotBegin(
                instrument_id,
                instrument.feed_sequence,
                instrument.seq,
                depth.phase,
                depth.reference_price_ticks,
                depth.band_low_ticks,
                depth.band_high_ticks,
                len(levels),
            ),
        ]
        messages += [
            SnapshotLevel(
                instrument_id, level.side, level.price_ticks, level.quantity_lots, level.order_count
            )
            for level in levels
        ]
        messages.append(SnapshotEnd(instrument_id, checksum(levels)))
        if kinds & FeedKind.STATISTICS:
            messages.append(instrument.statistics_message())
        return messages

    # --- restarts ----------------------------------------------------------------------------------

    def state(self) -> bytes:
        """Everything, in one canonical form: equal states are equal bytes."""
        return _encode(
            _State(
                _STATE_VERSION,
                self.feed_sequence,
                [instrument.saved() for instrument in self._instruments.values()],
            )
        )

    def restore(self, data: bytes) -> None:
        """Become what `state()` saved; only before the first batch.

        Bytes which are not a state raise msgspec.DecodeError: whoever stored them vouches for them.
        """
        assert not self.feed_sequence, "restoring over a feed that has begun would repeat its numbers"
        saved = _decode_state(data)
        if saved.version != _STATE_VERSION:
            raise ValueError(f"market data state of version {saved.version}, expected {_STATE_VERSION}")
        self.feed_sequence = saved.feed_sequence
        for instrument in saved.instruments:
            self._instruments[instrument.definition.instrument_id] = _PublicInstrument.of(instrument)


class _PublicInstrument:
    """One instrument as the public knows it, and where its numbers stand."""

    __slots__ = ("definition", "depth", "feed_sequence", "seq", "statistics")

    def __init__(self, definition: InstrumentDefinition) -> None:
        self.definition = definition
        self.depth = Depth(definition)
        self.statistics = DayStatistics(definition.opening_phase)
        self.seq = 0
        self.feed_sequence = 0

    def next_statistics(self) -> Statistics:
        self.seq += 1
        return self.statistics_message()

    def statistics_message(self) -> Statistics:
        return Statistics(self.definition.instrument_id, self.seq, *self.statistics.figures())

    def saved(self) -> "_SavedInstrument":
        depth = self.depth
        return _SavedInstrument(
            self.definition,
            self.seq,
            self.feed_sequence,
            depth.phase,
            depth.reference_price_ticks,
            depth.band_low_ticks,
            depth.band_high_ticks,
            self.statistics.figures(),
            self.statistics.is_day_over,
            depth.levels(),
        )

    @classmethod
    def of(cls, saved: "_SavedInstrument") -> "_PublicInstrument":
        instrument = cls(saved.definition)
        instrument.seq = saved.seq
        instrument.feed_sequence = saved.feed_sequence
        instrument.statistics.restore(saved.statistics, is_day_over=saved.is_day_over)
        depth = instrument.depth
        depth.phase = saved.phase
        depth.set_band(saved.reference_price_ticks, saved.band_low_ticks, saved.band_high_ticks)
        for level in saved.levels:
            depth.update(level)
        return instrument


class _SavedInstrument(Struct, frozen=True, gc=False, array_like=True):
    definition: InstrumentDefinition
    seq: int
    feed_sequence: int
    phase: Phase
    reference_price_ticks: int
    band_low_ticks: int
    band_high_ticks: int
    statistics: Figures
    is_day_over: bool
    levels: list[LevelChanged]


class _State(Struct, frozen=True, gc=False, array_like=True):
    version: int
    feed_sequence: int
    instruments: list[_SavedInstrument]


_STATE_VERSION: Final = 1
_encode: Final = msgspec.msgpack.Encoder().encode
_decode_state: Final = msgspec.msgpack.Decoder(_State).decode
