"""The feed: subscribing, snapshots, and what rests in the book.

Part of the vocabulary in `protocol.messages`, which others take it from.

Every message of an instrument between two snapshots carries `instrument_seq`, dense per instrument. A
message outside the subscribed kinds still uses its number, so the counter is of what changed, and a
subscriber of all kinds sees no gap: see `market_data.feed` for how a filtered feed counts. Updates of
the order list are counted by themselves, so that whoever does not follow it sees no gap either. Whatever was
subscribed, each batch names the one before it (`previous_feed_sequence`), which shows that one is missing.
"""

from enum import IntEnum, unique
from typing import Annotated, Final

from msgspec import Meta

from carbonmatch.limits import CONFLATE_MS_MAX, SCREEN_LEVELS_MAX, WIRE_INT_MAX
from carbonmatch.matching.messages import (
    InstrumentDefinition,
    InstrumentId,
    InstrumentIdField,
    OptionalRefField,
    OrderId,
    Phase,
    Ref,
    RefField,
    RejectReason,
    Side,
)
from carbonmatch.protocol.vocabulary.base import Inbound, Outbound

# --- client to engine -----------------------------------------------------------------------------


class FeedKind:
    """Bits of `Subscribe.kinds`. Definitions, phases, bands and auctions always come."""

    LEVELS: Final = 1  # level updates, and the levels of snapshots
    TRADES: Final = 2  # every trade
    STATISTICS: Final = 4  # of the trading day
    ORDERS: Final = 8  # each order of the best levels, where the instrument shows them
    ALL: Final = 15
    # What every instrument has; the numbers of who hears all of it have no gap.
    DEFAULT: Final = 7


class Subscribe(Inbound, frozen=True, tag=80):
    """Replaces the connection's subscription. No instruments: all of them."""

    ref: RefField
    # Empty: all instruments, and those to come.
    instrument_ids: Annotated[tuple[InstrumentIdField, ...], Meta(max_length=1024)] = ()
    # Bits of [FeedKind](#feedkind).
    kinds: Annotated[int, Meta(ge=1, le=FeedKind.ALL)] = FeedKind.DEFAULT
    # So many of the best levels of each side, 1: best bid and offer alone; 0: all levels.
    levels_max: Annotated[int, Meta(ge=0, le=SCREEN_LEVELS_MAX)] = 0
    # Milliseconds between two batches at least, what came in between is put together; 0: every batch.
    conflate_ms: Annotated[int, Meta(ge=0, le=CONFLATE_MS_MAX)] = 0
    # Go on after this batch, without snapshots where the batches since are kept; 0: begin with snapshots.
    after_feed_sequence: Annotated[int, Meta(ge=0, le=WIRE_INT_MAX)] = 0
    # Batches that are not kept any more are wanted from the journal, which may take seconds.
    from_journal: bool = False


class GapRequest(Inbound, frozen=True, tag=81):
    """Asks for a fresh snapshot of one instrument, or of all; or for what the subscriber has lost."""

    ref: OptionalRefField
    instrument_id: InstrumentIdField  # 0: all that are subscribed
    # With instrument 0, which GapFilled answers: every batch after this one again; 0: snapshots.
    after_feed_sequence: Annotated[int, Meta(ge=0, le=WIRE_INT_MAX)] = 0
    # Batches that are not kept any more are wanted from the journal, which may take seconds.
    from_journal: bool = False


# --- engine to client: the subscription -----------------------------------------------------------


class Subscribed(Outbound, frozen=True, tag=82):
    ref: Ref
    instrument_count: int  # how many snapshots follow, those of composite prices among them
    feed_sequence: int
    is_resumed: bool = False  # no snapshots: GapFilled follows, and the books go on from where they were


@unique
class FeedSource(IntEnum):
    """Where that comes from which a subscriber has missed."""

    MEMORY = 1  # the batches themselves, as they were
    JOURNAL = 2  # the same, made again from the journal
    SNAPSHOT = 3  # no batches: none were asked for, too many, or not kept any more; snapshots follow


class GapFilled(Outbound, frozen=True, tag=111):
    """What was missed after a batch, up to `feed_sequence`: those batches follow, or snapshots do.

    The batches come in this very frame, each headed by its BatchBegin, and never put together. What the
    journal has comes in several, each with its GapFilled; the last one, from memory, ends where increments
    go on.
    """

    ref: Ref
    after_feed_sequence: int  # as it was asked for, or where the piece before this one ended
    feed_sequence: int
    source: FeedSource  # of what follows
    count: int  # how many batches follow, or snapshots; 0 where nothing of the subscription was missed


class SubscribeRejected(Outbound, frozen=True, tag=94):
    ref: Ref
    reason: RejectReason
    text: str = ""


class BatchBegin(Outbound, frozen=True, tag=83):
    """Heads the increments of one commit batch, or of several that were put together.

    `feed_sequence` is dense over the venue, but a subscriber hears only of batches with something for him:
    whoever has not seen `previous_feed_sequence`, or anything later, has lost a batch.
    """

    feed_sequence: int  # of the batch, or the last of them; dense over the venue
    time_ns: int
    previous_feed_sequence: int = 0  # of the last batch before these with something for this subscription
    batches: int = 1  # more than 1: so many were put together, as `conflate_ms` asks for


class Conflated(Outbound, frozen=True, tag=93):
    """The subscriber could not keep up: `batches` increments were left out; snapshots follow."""

    batches: int  # how many batches of increments were left out
    feed_sequence: int
    instrument_ids: tuple[InstrumentId, ...] = ()  # whose snapshots follow: until then their books are old
    previous_feed_sequence: int = 0  # of the last batch before those with something for this subscription


# --- engine to client: snapshots ------------------------------------------------------------------


class Instrument(Outbound, frozen=True, tag=84):
    definition: InstrumentDefinition


class SnapshotBegin(Outbound, frozen=True, tag=85):
    """The instrument as of `feed_sequence`, the last batch that changed it, and so as of now.

    Increments go on with `instrument_seq` + 1. Without FeedKind.LEVELS there are no levels.
    """

    instrument_id: InstrumentId
    feed_sequence: int
    instrument_seq: int
    phase: Phase
    reference_price_ticks: int
    band_low_ticks: int
    band_high_ticks: int
    level_count: int  # how many SnapshotLevel follow
    until_ns: int = 0  # when the phase is to end, as far as is known, UTC; 0: not known
    order_count: int = 0  # how many SnapshotOrder follow after those
    list_seq: int = 0  # updates of the order list go on with the next number


class SnapshotLevel(Outbound, frozen=True, tag=86):
    instrument_id: InstrumentId
    side: Side
    price_ticks: int
    quantity_lots: int
    order_count: int


class SnapshotOrder(Outbound, frozen=True, tag=101):
    """One order of the best levels: bids, then asks, each from the best level on, in their priority."""

    instrument_id: InstrumentId
    order_id: OrderId
    side: Side
    price_ticks: int
    quantity_lots: int  # what is left of it


class SnapshotEnd(Outbound, frozen=True, tag=87):
    """`checksum`: see `market_data.depth.checksum`; it covers the levels in the order sent."""

    instrument_id: InstrumentId
    checksum: int  # of the levels
    order_checksum: int = 0  # of the orders, in the order sent: see `market_data.order_list.checksum`


# --- engine to client: what rests -----------------------------------------------------------------


class LevelUpdate(Outbound, frozen=True, tag=88):
    """What a price level holds now; 0 lots: the level is gone."""

    instrument_id: InstrumentId
    instrument_seq: int
    side: Side
    price_ticks: int
    quantity_lots: int
    order_count: int


class OrderUpdate(Outbound, frozen=True, tag=100):
    """What is left of an order of the best levels; 0 lots: it is no longer one of them.

    One that is new stands behind the others of its level; one with another quantity stays where it is.
    """

    instrument_id: InstrumentId
    list_seq: int  # dense among these messages of the instrument
    order_id: OrderId
    side: Side
    price_ticks: int
    quantity_lots: int
