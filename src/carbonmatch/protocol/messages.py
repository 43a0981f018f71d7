"""Messages of the session layer and of the market-data feed.

Commands and reports of the market itself are in `matching.messages`. The same evolution rules hold:
fields are appended with a default, a tag is never reused and has one direction.
"""

from enum import IntEnum, unique
from typing import Annotated, Final

from msgspec import Meta, Struct

from carbonmatch.limits import (
    CANCEL_ON_DISCONNECT_GRACE_MS_MAX,
    HEARTBEAT_MS_MAX,
    HEARTBEAT_MS_MIN,
)
from carbonmatch.matching.messages import (
    AnyReport,
    AuctionRule,
    BiddingOutcome,
    BiddingRule,
    BiddingRules,
    BiddingState,
    BlockPhase,
    ClientCommand,
    InstrumentDefinition,
    InstrumentId,
    InstrumentIdField,
    NameField,
    NumberField,
    OptionalRefField,
    OrderId,
    ParticipantId,
    Phase,
    Ref,
    RefField,
    RejectReason,
    SessionId,
    Side,
    TextField,
    TradeId,
    TradeKind,
)

# Integer version of the wire, agreed at logon.
PROTOCOL_VERSION: Final = 1

NONCE_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


@unique
class Role(IntEnum):
    """What a connection is for. Each listener admits certain roles."""

    TRADE = 1  # sends commands, receives its session's reports
    DROP_COPY = 2  # receives reports, sends nothing but heartbeats
    MARKET_DATA = 3  # subscribes to the feed
    OPERATOR = 4  # steers the venue


@unique
class LogoutReason(IntEnum):
    """Why a connection ends. A close without a logout is a failure of the peer or the network."""

    REQUESTED = 1  # the peer's own logout
    PROTOCOL_ERROR = 2  # the text says which
    HEARTBEAT_MISSED = 3  # nothing heard for three heartbeat intervals
    TAKEN_OVER = 4  # a second logon of the same session came
    SHUTTING_DOWN = 5  # the venue stops
    THROTTLED = 6  # too many commands over the rate for too long
    LOGON_TIMEOUT = 7  # no logon within its time
    LOGON_REFUSED = 8  # the LogonRejected before it says why
    TOO_MANY_CONNECTIONS = 9  # the venue, or the address, has as many as it may
    FRAME_TIMEOUT = 10  # a frame begun was not completed within its time
    HISTORY_LOST = 11  # the reports that were asked for are no longer in the journal
    NOT_ENTITLED = 12  # its key was removed, has expired, or does not open this session in this role any more


class Inbound(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Client to engine: strict."""


class Outbound(Struct, frozen=True, gc=False, array_like=True):
    """Engine to client: lenient, so that an older client can read a newer engine."""


# --- session, client to engine -------------------------------------------------------------------


class Logon(Inbound, frozen=True, tag=1):
    """The first frame. `signature` covers `auth.logon_text` of all other fields and the nonce."""

    version_min: NumberField
    version_max: NumberField
    key_id: NameField  # which public key checks the signature
    session: NameField
    role: Role
    next_seq: NumberField  # the first report the client wants: 1 for all, 0 for only new ones
    heartbeat_ms: Annotated[int, Meta(ge=HEARTBEAT_MS_MIN, le=HEARTBEAT_MS_MAX)]
    cancel_on_disconnect: bool
    grace_ms: Annotated[int, Meta(ge=0, le=CANCEL_ON_DISCONNECT_GRACE_MS_MAX)]
    # Ed25519, over the text described in README.md.
    signature: Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


class Logout(Inbound, frozen=True, tag=2):
    text: TextField = ""


class Heartbeat(Inbound, frozen=True, tag=3):
    """Sent after `heartbeat_ms` of silence. `token` comes back in the engine's answer unless 0."""

    token: NumberField = 0


# --- session, engine to client -------------------------------------------------------------------


class Challenge(Outbound, frozen=True, tag=4):
    """The engine speaks first: sign this nonce."""

    server_id: str
    nonce: bytes  # 32 random bytes, for this connection only
    version_min: int
    version_max: int


class LogonAccepted(Outbound, frozen=True, tag=5):
    version: int  # of the protocol, in force from here on
    session: str
    epoch: int  # counts engine starts: information, never a reason to refuse
    next_seq: int  # seq of the first report that follows
    last_ref: Ref  # highest ref applied and durable: tells whether the last command arrived
    heartbeat_ms: int
    grace_ms: int
    commands_per_second: int  # 0: not throttled
    commands_burst: int  # commands that may come at once
    cancels_per_second: int  # of Cancel and MassCancel, which have their own limit
    cancels_burst: int  # cancels that may come at once
    time_ns: int
    durable: bool  # False: relaxed mode, reports are not on disk when they are sent


class LogonRejected(Outbound, frozen=True, tag=6):
    """`first_available` is the oldest seq that can be resumed from, where that was the reason."""

    reason: RejectReason
    text: str = ""
    first_available: int = 0  # seq; 0: does not apply


class LoggedOut(Outbound, frozen=True, tag=7):
    reason: LogoutReason
    text: str = ""


class HeartbeatAnswer(Outbound, frozen=True, tag=8):
    token: int
    time_ns: int


class SessionRejected(Outbound, frozen=True, tag=9):
    """A command that did not reach the market: nothing happened, its ref is not applied."""

    ref: Ref
    reason: RejectReason
    retry_after_us: int = 0
    text: str = ""


# --- drop copy, engine to client -----------------------------------------------------------------


class Copied(Outbound, frozen=True, tag=67):
    """One message of a drop copy's stream: a report as the session that it belongs to has it."""

    seq: int
    session_id: SessionId  # whose report it is
    report: AnyReport  # with its own tag, and its `seq` in the stream of that session


# --- market data, client to engine ---------------------------------------------------------------


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


class GapRequest(Inbound, frozen=True, tag=81):
    """Asks for a fresh snapshot of one instrument."""

    ref: OptionalRefField
    instrument_id: InstrumentIdField


# --- market data, engine to client ---------------------------------------------------------------
# Every message of an instrument between two snapshots carries `instrument_seq`, dense per instrument.
# A message outside the subscribed kinds still uses its number, so the counter is of what changed,
# and a subscriber of all kinds sees no gap: see `market_data.feed` for how a filtered feed counts. Updates of
# the order list are counted by themselves, so that whoever does not follow it sees no gap either.


class Subscribed(Outbound, frozen=True, tag=82):
    ref: Ref
    instrument_count: int  # how many snapshots follow
    feed_sequence: int


class BatchBegin(Outbound, frozen=True, tag=83):
    """Heads the increments of one commit batch: `feed_sequence` is dense over the venue."""

    feed_sequence: int
    time_ns: int


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


class Trade(Outbound, frozen=True, tag=89):
    instrument_id: InstrumentId
    instrument_seq: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    aggressor: Side  # of the later order
    time_ns: int
    kind: TradeKind = TradeKind.CONTINUOUS  # how it came about


class PhaseUpdate(Outbound, frozen=True, tag=90):
    instrument_id: InstrumentId
    instrument_seq: int
    phase: Phase
    text: str
    time_ns: int
    until_ns: int = 0  # when it is to end, as far as is known, UTC; 0: not known


class BandUpdate(Outbound, frozen=True, tag=91):
    instrument_id: InstrumentId
    instrument_seq: int
    reference_price_ticks: int
    band_low_ticks: int
    band_high_ticks: int
    time_ns: int


class LimitsUpdate(Outbound, frozen=True, tag=99):
    """Interval price limits: no trade is below the lowest or above the highest price.

    After a snapshot it belongs to that and repeats its `instrument_seq`; alone it has one of its own.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    anchor_ticks: int  # 0: there is none, and so there are no limits
    low_ticks: int
    high_ticks: int
    hold_ends_ns: int  # until then they stay as they are; 0: they may be set anew as time passes
    time_ns: int


class Statistics(Outbound, frozen=True, tag=92):
    """Of the trading day so far on the screen: trades of the kinds CONTINUOUS, AUCTION and LISTED.

    VWAP = turnover_ticks_lots / volume_lots; prices 0: no trade yet. What was negotiated or allotted is told
    by KindStatistics alone.

    After a snapshot it belongs to that and repeats its `instrument_seq`; alone it has one of its own.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    open_price_ticks: int  # of the first trade
    high_price_ticks: int  # highest price traded
    low_price_ticks: int  # lowest price traded
    last_price_ticks: int  # of the last trade
    volume_lots: int  # lots traded
    turnover_ticks_lots: int  # sum of price x quantity
    trade_count: int  # how many trades


class KindStatistics(Outbound, frozen=True, tag=110):
    """Of the trading day so far, trades of one kind; comes after Statistics for each kind that has changed.

    Never of CONTINUOUS: that is what Statistics have beyond AUCTION and LISTED. After a snapshot it belongs
    to that, one for each kind that has traded, as Statistics do; a kind of which nothing is told has not.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    kind: TradeKind  # of the trades it tells of
    volume_lots: int  # lots traded
    turnover_ticks_lots: int  # sum of price x quantity
    trade_count: int  # how many trades; 0: a new day has begun, or all were busted


class Conflated(Outbound, frozen=True, tag=93):
    """The subscriber could not keep up: `batches` increments were left out; snapshots follow."""

    batches: int  # how many batches of increments were left out
    feed_sequence: int


class TradeBust(Outbound, frozen=True, tag=97):
    """The trade never was. Statistics follow where it was one of their day."""

    instrument_id: InstrumentId
    instrument_seq: int
    trade_id: TradeId
    price_ticks: int  # what it stood at
    quantity_lots: int  # what it stood at
    time_ns: int


class TradeCorrection(Outbound, frozen=True, tag=98):
    """The trade was another one. Statistics follow where it was one of their day."""

    instrument_id: InstrumentId
    instrument_seq: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    price_before_ticks: int
    quantity_before_lots: int
    time_ns: int


class SubscribeRejected(Outbound, frozen=True, tag=94):
    ref: Ref
    reason: RejectReason
    text: str = ""


class AuctionUpdate(Outbound, frozen=True, tag=95):
    """How the auction would end if it ended now; until the next one, or until orders do not gather.

    After a snapshot it belongs to that, as Statistics do.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    price_ticks: int  # 0: nothing would trade
    volume_lots: int  # what would trade
    surplus_lots: int  # what would be left unfilled at the price
    surplus_side: int  # of what would be left; 0: nothing, 1: BUY, 2: SELL
    time_ns: int


class AuctionResult(Outbound, frozen=True, tag=96):
    """How the auction has ended; its trades came before. The last AuctionUpdate means nothing any more.

    Where its end was drawn, it can be computed again: `ended_ns` = `ends_ns` + h x (`random_ns` + 1) / 2^64,
    rounded down, where h is the first half of `seed`, big-endian.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    phase: Phase  # the auction, or in what else orders had gathered
    price_ticks: int  # of all its trades; 0: nothing traded
    volume_lots: int  # what was traded
    surplus_lots: int  # what was left unfilled at the price
    surplus_side: int  # of what was left; 0: nothing, 1: BUY, 2: SELL
    rule: AuctionRule  # which decided the price
    reference_price_ticks: int  # that the price was held against; 0: none
    prevented_lots: int  # did not trade because of self-trade prevention
    ends_ns: int  # before which it could not end; 0: the end was not drawn
    random_ns: int  # how much later it could end
    ended_ns: int  # the end that was drawn; 0: it was not drawn
    seed: bytes  # what the end was drawn from; of this auction alone
    time_ns: int


class BiddingAnnouncement(Outbound, frozen=True, tag=105):
    """A bidding that is to come, or under way: how it goes, and how far it is. Nobody is told of its bids.

    After a snapshot it belongs to that, one for each bidding that is not over, as Statistics do.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    bidding_id: OrderId
    state: BiddingState
    side: Side  # of the one party; bidders are on the other
    quantity_lots: int  # what is offered, or asked for
    reserve_price_ticks: int  # no bid may be worse for the one party; 0: none
    opens_ns: int
    closes_ns: int
    rules: BiddingRules  # all that hold: none is left to the instrument
    unit_lots: int  # what is allotted is a multiple of this
    secondary_price_ticks: int  # that its price is held against; 0: that of the time at which it closes
    commitment: bytes  # BLAKE2b, 32 bytes, of the seed that is told with the result
    text: str
    time_ns: int


class BiddingUpdate(Outbound, frozen=True, tag=106):
    """The window has opened or closed."""

    instrument_id: InstrumentId
    instrument_seq: int
    bidding_id: OrderId
    state: BiddingState
    time_ns: int


class BiddingResult(Outbound, frozen=True, tag=107):
    """How a bidding has ended; its trades came before. The last one of an instrument comes with snapshots.

    How to compute it again from the bids is in [BIDDING.md](BIDDING.md).
    """

    instrument_id: InstrumentId
    instrument_seq: int
    bidding_id: OrderId
    outcome: BiddingOutcome
    price_ticks: int  # of the last bid that was allotted something; 0: none was
    offered_lots: int
    allotted_lots: int
    bid_lots: int  # what was bid for; 0 where bids were not opened
    bid_count: int  # how many bids; 0 where they were not opened
    winner_count: int  # how many bids were allotted something
    rule: BiddingRule  # what decided who got how much
    secondary_price_ticks: int  # that the price was held against; 0: none
    seed: bytes  # what ties were drawn from
    inputs_digest: bytes  # BLAKE2b, 32 bytes, of what it was computed from; empty where bids were not opened
    text: str
    time_ns: int


class DaySummary(Outbound, frozen=True, tag=108):
    """What the trading day of an instrument came to when it ended. Prices are 0 where there is none.

    Prices are those of the screen; volume, turnover and count are of trades of every kind, so that their
    ratio is no average of the screen's prices.

    After a snapshot it is that of the last day that has ended, belongs to the snapshot and repeats its
    `instrument_seq`; alone it has one of its own.
    """

    instrument_id: InstrumentId
    instrument_seq: int
    trading_day: int  # like 20210716
    open_price_ticks: int
    high_price_ticks: int  # highest price traded
    low_price_ticks: int  # lowest price traded
    close_price_ticks: int
    volume_lots: int  # lots traded
    turnover_ticks_lots: int  # sum of price x quantity
    trade_count: int  # how many trades
    time_ns: int


class BlockPost(Outbound, frozen=True, tag=103):
    """A block that is proposed to everyone; 0 lots: it is gone. After a snapshot it belongs to that."""

    instrument_id: InstrumentId
    instrument_seq: int
    proposal_id: OrderId
    side: Side  # of who proposes
    price_ticks: int
    quantity_lots: int
    participant_id: ParticipantId  # who proposes; 0: not told
    expires_ns: int  # 0: when the blocks close
    time_ns: int


class BlockPhaseUpdate(Outbound, frozen=True, tag=104):
    """Whether blocks are negotiated now. After a snapshot it belongs to that."""

    instrument_id: InstrumentId
    instrument_seq: int
    phase: BlockPhase
    text: str
    until_ns: int  # when it is to end, as far as is known, UTC; 0: not known
    time_ns: int  # 0: it has been so from the beginning


# A logon comes once, alone in the first frame; the others may stand in any frame after it.
SessionControl = Logout | Heartbeat
SessionInbound = Logon | SessionControl
ClientInbound = ClientCommand | SessionControl
FeedRequest = Subscribe | GapRequest
FeedInbound = FeedRequest | SessionControl
SessionOutbound = Challenge | LogonAccepted | LogonRejected | LoggedOut | HeartbeatAnswer | SessionRejected
FeedOutbound = (
    Subscribed
    | BatchBegin
    | Instrument
    | SnapshotBegin
    | SnapshotLevel
    | SnapshotOrder
    | SnapshotEnd
    | LevelUpdate
    | OrderUpdate
    | Trade
    | PhaseUpdate
    | BandUpdate
    | LimitsUpdate
    | Statistics
    | KindStatistics
    | Conflated
    | TradeBust
    | TradeCorrection
    | SubscribeRejected
    | AuctionUpdate
    | AuctionResult
    | BiddingAnnouncement
    | BiddingUpdate
    | BiddingResult
    | DaySummary
    | BlockPost
    | BlockPhaseUpdate
)
