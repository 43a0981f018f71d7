"""One instrument as the public knows it: its events in, its numbered messages out.

The order of its messages in a batch: definitions, trades, phases, bands and auctions as they happened, then
levels, then the order list, then statistics at most once, and after them those of the kinds that changed.
"""

from collections.abc import Sequence

from msgspec import Struct, structs

from carbonmatch.matching.messages import (
    GATHERING,
    AnyPublicEvent,
    AuctionEnded,
    AuctionIndicated,
    BandChanged,
    BlockPhaseChanged,
    BlockPosted,
    DayEnded,
    InstrumentDefined,
    InstrumentDefinition,
    LevelChanged,
    LimitsChanged,
    OrderListed,
    Phase,
    PhaseChanged,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeKind,
)
from carbonmatch.protocol.messages import (
    BandUpdate,
    DaySummary,
    FeedKind,
    Instrument,
    KindStatistics,
    LevelUpdate,
    PhaseUpdate,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    Statistics,
    Trade,
)

from .biddings import BIDDING_EVENTS, PublicBiddings, SavedBiddings
from .blocks import NOTHING as NO_BLOCKS
from .blocks import PublicBlocks, SavedBlocks, is_close
from .changes import ALWAYS, InstrumentChanges, InstrumentMessage
from .depth import Depth, checksum
from .order_list import OrderList
from .order_list import checksum as order_checksum
from .statistics import DayStatistics, SavedStatistics, Sums, is_of_screen
from .wording import auction_result, auction_update, limits_update, trade_bust, trade_correction


class PublicInstrument:
    """Invariant: `seq` is the number of its last message, `feed_sequence` of the batch with that."""

    __slots__ = (
        "auction",
        "biddings",
        "blocks",
        "definition",
        "depth",
        "feed_sequence",
        "instrument_id",
        "limits",
        "order_list",
        "seq",
        "statistics",
        "summary",
    )

    def __init__(self, definition: InstrumentDefinition) -> None:
        self.instrument_id = definition.instrument_id
        self.definition = definition
        self.depth = Depth(definition)
        self.statistics = DayStatistics(definition.opening_phase)
        # How an auction would end now, while orders gather for one.
        self.auction: AuctionIndicated | None = None
        self.biddings = PublicBiddings()
        # Interval price limits as they were last told; None: never.
        self.limits: LimitsChanged | None = None
        # Of the last day that has ended; None: none has.
        self.summary: DaySummary | None = None
        self.blocks = PublicBlocks()
        # None: its definition has never asked for one.
        rules = definition.screen
        self.order_list = OrderList(definition.instrument_id, rules) if rules.order_list else None
        self._bound_order_list()
        self.seq = 0
        self.feed_sequence = 0  # 0: not published yet

    # --- batches ---------------------------------------------------------------------------------

    def apply(
        self,
        events: Sequence[AnyPublicEvent],
        levels: Sequence[LevelChanged],
        feed_sequence: int,
        orders: Sequence[OrderListed] = (),
    ) -> InstrumentChanges | None:
        """What this batch tells of the instrument; None where its levels only came and went."""
        changed = InstrumentChanges([], 0)
        if events:
            self._apply_events(events, changed, feed_sequence)
        if levels:
            self._apply_levels(levels, changed)
        if self.order_list is not None and (updates := self.order_list.update(orders)):
            changed.kinds |= FeedKind.ORDERS
            changed.messages += updates
            changed.order_updates = len(updates)
        if changed.kinds & FeedKind.STATISTICS:
            self.seq += 1
            changed.messages.append(self._statistics_message())
            for kind, sums in self.statistics.take_changed_kinds():
                self.seq += 1
                changed.messages.append(self._kind_message(kind, sums))
        if not changed.messages:
            return None
        self.feed_sequence = feed_sequence
        return changed

    def _apply_events(
        self, events: Sequence[AnyPublicEvent], changed: InstrumentChanges, feed_sequence: int
    ) -> None:
        # In a row and of one kind, since sums are kept by kind.
        trades: list[Traded] = []
        kind = TradeKind.CONTINUOUS
        for event in events:
            if type(event) is Traded and event.kind is kind:
                trades.append(event)
                continue
            # What comes between trades is rare, and may begin a new trading day.
            self._trade(trades, changed)
            trades = []
            if type(event) is Traded:
                if is_of_screen(event.kind):
                    trades, kind = [event], event.kind
                elif self.blocks.withholds(self.definition, event):
                    self._tell_block_volume(event.time_ns, changed)
                else:
                    self._trade([event], changed)
                continue
            if type(event) is TradeBusted or type(event) is TradeCorrected:
                self._amend_trade(event, changed)
                continue
            if type(event) is DayEnded:
                self._end_day(event, changed)
                continue
            changed.kinds |= ALWAYS
            if type(event) is PhaseChanged:
                self._change_phase(event, changed)
            elif type(event) is BlockPosted:
                self.seq += 1
                changed.messages.append(self.blocks.post(event, self.seq))
            elif type(event) is BlockPhaseChanged:
                self._change_block_phase(event, changed)
            elif type(event) is BandChanged:
                self._change_band(event, changed)
            elif type(event) is AuctionIndicated:
                self._indicate(event, changed)
            elif type(event) is AuctionEnded:
                self._end_auction(event, changed)
            elif type(event) is LimitsChanged:
                self._change_limits(event, changed)
            elif isinstance(event, BIDDING_EVENTS):
                self.seq += 1
                changed.messages.append(self.biddings.apply(event, self.seq))
            else:
                assert type(event) is InstrumentDefined
                self._define(event, changed, feed_sequence)
        self._trade(trades, changed)

    def _trade(self, trades: list[Traded], changed: InstrumentChanges) -> None:
        if not trades:
            return
        instrument_id = self.instrument_id
        changed.kinds |= FeedKind.TRADES | FeedKind.STATISTICS
        changed.messages += [
            Trade(
                instrument_id,
                seq,
                trade.trade_id,
                trade.price_ticks,
                trade.quantity_lots,
                trade.aggressor,
                trade.time_ns,
                trade.kind,
            )
            for seq, trade in enumerate(trades, self.seq + 1)
        ]
        self.seq += len(trades)
        self.statistics.add(trades)

    def _amend_trade(self, event: TradeBusted | TradeCorrected, changed: InstrumentChanges) -> None:
        if self.blocks.amends(event):
            self._tell_block_volume(event.time_ns, changed)
            return
        self.seq += 1
        changed.kinds |= FeedKind.TRADES
        if type(event) is TradeBusted:
            is_of_today = self.statistics.bust(event)
            changed.messages.append(trade_bust(event, self.seq))
        else:
            assert type(event) is TradeCorrected
            is_of_today = self.statistics.correct(event)
            changed.messages.append(trade_correction(event, self.seq))
        if is_of_today:
            changed.kinds |= FeedKind.STATISTICS

    def _apply_levels(self, levels: Sequence[LevelChanged], changed: InstrumentChanges) -> None:
        seen = self.depth.update(levels)
        if not seen:
            return
        instrument_id = self.instrument_id
        changed.kinds |= FeedKind.LEVELS
        changed.messages += [
            LevelUpdate(
                instrument_id,
                seq,
                level.side,
                level.price_ticks,
                level.quantity_lots,
                level.order_count,
            )
            for seq, level in enumerate(seen, self.seq + 1)
        ]
        self.seq += len(seen)

    def _release_blocks(self, time_ns: int, changed: InstrumentChanges) -> None:
        """Tell the trades that have waited; nothing of them waits any more."""
        trades = self.blocks.release()
        self._trade(trades, changed)
        if trades:
            self._tell_block_volume(time_ns, changed)

    def _tell_block_volume(self, time_ns: int, changed: InstrumentChanges) -> None:
        """Where everyone sees at once how much is traded in blocks, though not at which price."""
        message = self.blocks.told_volume(self.definition, self.seq + 1, time_ns)
        if message is not None:
            self.seq += 1
            changed.kinds |= ALWAYS
            changed.messages.append(message)

    def _change_block_phase(self, event: BlockPhaseChanged, changed: InstrumentChanges) -> None:
        if is_close(event):
            self._release_blocks(event.time_ns, changed)
        self.seq += 1
        changed.messages.append(self.blocks.change_phase(event, self.seq))

    def _change_phase(self, event: PhaseChanged, changed: InstrumentChanges) -> None:
        if event.phase is Phase.CLOSED:
            # Before the day is over, of which they are.
            self._release_blocks(event.time_ns, changed)
        self.depth.phase = event.phase
        if event.phase not in GATHERING:
            self.auction = None
        self.depth.until_ns = event.until_ns
        self.seq += 1
        changed.messages.append(
            PhaseUpdate(self.instrument_id, self.seq, event.phase, event.text, event.time_ns, event.until_ns)
        )
        if self.statistics.change_phase(event.phase):
            changed.kinds |= FeedKind.STATISTICS

    def _change_band(self, event: BandChanged, changed: InstrumentChanges) -> None:
        band = (event.reference_price_ticks, event.band_low_ticks, event.band_high_ticks)
        self.depth.band = band
        self._bound_order_list()
        self.seq += 1
        changed.messages.append(BandUpdate(self.instrument_id, self.seq, *band, event.time_ns))

    def _bound_order_list(self) -> None:
        if self.order_list is not None:
            _, low_ticks, high_ticks = self.depth.band
            self.order_list.set_band(low_ticks, high_ticks)

    def _indicate(self, event: AuctionIndicated, changed: InstrumentChanges) -> None:
        self.auction = event
        self.seq += 1
        changed.messages.append(auction_update(event, self.seq))

    def _end_auction(self, event: AuctionEnded, changed: InstrumentChanges) -> None:
        self.auction = None
        self.seq += 1
        changed.messages.append(auction_result(event, self.seq))

    def _change_limits(self, event: LimitsChanged, changed: InstrumentChanges) -> None:
        self.limits = event
        self.seq += 1
        changed.messages.append(limits_update(event, self.seq))

    def _end_day(self, event: DayEnded, changed: InstrumentChanges) -> None:
        """The prices are the engine's where it has collected them, else those of the trades."""
        opened, high, low, _, volume_lots, turnover_ticks_lots, trade_count = self.statistics.sum_up()
        self.seq += 1
        self.summary = DaySummary(
            self.instrument_id,
            self.seq,
            event.trading_day,
            event.open_price_ticks or opened,
            event.high_price_ticks or high,
            event.low_price_ticks or low,
            event.close_price_ticks,
            volume_lots,
            turnover_ticks_lots,
            trade_count,
            event.time_ns,
        )
        changed.kinds |= FeedKind.STATISTICS
        changed.messages.append(self.summary)

    def _define(self, event: InstrumentDefined, changed: InstrumentChanges, feed_sequence: int) -> None:
        """A new definition sets its band, as in the engine; the phase and what rests stay."""
        if not self.feed_sequence:
            self._introduce(changed, feed_sequence)
            return
        definition = event.definition
        if definition.blocks is None:
            self._release_blocks(event.time_ns, changed)
            self.blocks.forget_phase()
        self.definition = definition
        changed.messages.append(Instrument(definition))
        if self.order_list is not None:
            self.order_list.configure(definition.screen)
        elif definition.screen.order_list:
            self.order_list = OrderList(self.instrument_id, definition.screen)
            self._bound_order_list()
        band = (definition.reference_price_ticks, definition.band_low_ticks, definition.band_high_ticks)
        if self.depth.band != band:
            self._change_band(BandChanged(self.instrument_id, event.time_ns, *band), changed)

    def _introduce(self, changed: InstrumentChanges, feed_sequence: int) -> None:
        self.feed_sequence = feed_sequence
        # Its statistics follow at the end of the batch, numbered like all that do.
        changed.kinds |= FeedKind.STATISTICS
        changed.messages += self.snapshot(FeedKind.LEVELS | FeedKind.ORDERS)

    # --- snapshots -------------------------------------------------------------------------------

    def snapshot(self, kinds: int, levels_max: int = 0) -> list[InstrumentMessage]:
        """Everything a reader of `kinds` and so many levels needs to go on from now with the increments."""
        instrument_id = self.instrument_id
        depth = self.depth
        levels = depth.levels(levels_max) if kinds & FeedKind.LEVELS else []
        order_list = self.order_list if kinds & FeedKind.ORDERS else None
        orders = [] if order_list is None else order_list.snapshot()
        messages: list[InstrumentMessage] = [
            Instrument(self.definition),
            SnapshotBegin(
                instrument_id,
                self.feed_sequence,
                self.seq,
                depth.phase,
                *depth.band,
                len(levels),
                depth.until_ns,
                len(orders),
                0 if order_list is None else order_list.seq,
            ),
        ]
        messages += [
            SnapshotLevel(
                instrument_id, level.side, level.price_ticks, level.quantity_lots, level.order_count
            )
            for level in levels
        ]
        messages += orders
        messages.append(SnapshotEnd(instrument_id, checksum(levels), order_checksum(orders)))
        if self.auction is not None:
            messages.append(auction_update(self.auction, self.seq))
        if self.limits is not None:
            messages.append(limits_update(self.limits, self.seq))
        messages += self.biddings.snapshot(self.seq)
        messages += self.blocks.snapshot(self.definition, self.seq)
        if kinds & FeedKind.STATISTICS:
            messages.append(self._statistics_message())
            messages += [self._kind_message(kind, sums) for kind, sums in self.statistics.kinds()]
            if self.summary is not None:
                messages.append(structs.replace(self.summary, instrument_seq=self.seq))
        return messages

    def _statistics_message(self) -> Statistics:
        return Statistics(self.instrument_id, self.seq, *self.statistics.figures())

    def _kind_message(self, kind: TradeKind, sums: Sums) -> KindStatistics:
        return KindStatistics(self.instrument_id, self.seq, kind, *sums)

    # --- restarts --------------------------------------------------------------------------------

    def saved(self) -> "SavedInstrument":
        return SavedInstrument(
            self.definition,
            self.seq,
            self.feed_sequence,
            self.depth.phase,
            self.depth.band,
            self.statistics.saved(),
            self.depth.levels(),
            self.auction,
            self.depth.until_ns,
            self.limits,
            self.biddings.saved(),
            self.summary,
            self.blocks.saved(),
            None if self.order_list is None else (self.order_list.seq, self.order_list.saved()),
        )

    @classmethod
    def of(cls, saved: "SavedInstrument") -> "PublicInstrument":
        instrument = cls(saved.definition)
        instrument.seq = saved.seq
        instrument.feed_sequence = saved.feed_sequence
        instrument.statistics.restore(saved.statistics)
        instrument.depth.phase = saved.phase
        instrument.depth.band = saved.band
        instrument.depth.until_ns = saved.until_ns
        instrument.depth.update(saved.levels)
        instrument.auction = saved.auction
        instrument.limits = saved.limits
        instrument.biddings.restore(saved.biddings)
        instrument.summary = saved.summary
        instrument.blocks = PublicBlocks(saved.blocks)
        if saved.order_list is not None:
            seq, orders = saved.order_list
            instrument.order_list = OrderList(instrument.instrument_id, saved.definition.screen)
            instrument._bound_order_list()
            instrument.order_list.update(orders)
            instrument.order_list.seq = seq
        return instrument


class SavedInstrument(Struct, frozen=True, gc=False, array_like=True):
    """Everything of an instrument, the levels in the order of a snapshot: one form for each state."""

    definition: InstrumentDefinition
    seq: int
    feed_sequence: int
    phase: Phase
    band: tuple[int, int, int]
    statistics: SavedStatistics
    levels: list[LevelChanged]
    auction: AuctionIndicated | None = None
    until_ns: int = 0
    limits: LimitsChanged | None = None
    biddings: SavedBiddings = SavedBiddings()
    summary: DaySummary | None = None
    blocks: SavedBlocks = NO_BLOCKS
    # The number of its last update, and every order, shown or not.
    order_list: tuple[int, list[OrderListed]] | None = None
