"""The vocabulary: commands, which ask for a change, and events, which report one.

Field order is the wire order (`array_like`): append new fields at the end, with a default, and
never reorder, never reuse a tag. A tag has one direction. `proto/vectors/` holds the bytes which
must not change.

Commands come from sessions over the wire, or from the venue itself (session 0); both are journaled.
Reports are private: each belongs to the stream of one session. Public events belong to everyone.
"""

from typing import Annotated, Final, NewType

from msgspec import Meta, Struct

from carbonmatch.limits import (
    ACCOUNT_ID_MAX,
    INSTRUMENT_ID_MAX,
    KEY_ADDRESSES_MAX,
    KEY_SESSIONS_MAX,
    NAME_CHARS_MAX,
    SESSION_ID_MAX,
    TIME_NS_MAX,
    WIRE_INT_MAX,
)
from carbonmatch.matching.enums import AllowedFlag as AllowedFlag
from carbonmatch.matching.enums import CancelReason as CancelReason
from carbonmatch.matching.enums import Liquidity as Liquidity
from carbonmatch.matching.enums import MassCancelScope as MassCancelScope
from carbonmatch.matching.enums import OrderFlag as OrderFlag
from carbonmatch.matching.enums import OrderType as OrderType
from carbonmatch.matching.enums import Phase as Phase
from carbonmatch.matching.enums import RejectReason as RejectReason
from carbonmatch.matching.enums import ReportFlag as ReportFlag
from carbonmatch.matching.enums import SelfTradePrevention as SelfTradePrevention
from carbonmatch.matching.enums import Side as Side
from carbonmatch.matching.enums import TimeInForce as TimeInForce

# The kinds, flags and reasons in `enums` belong to the vocabulary: whoever needs them takes them from here.

# --- identifiers and bounded fields --------------------------------------------------------------

# Given by configuration, permanent.
InstrumentId = NewType("InstrumentId", int)
AccountId = NewType("AccountId", int)
ParticipantId = NewType("ParticipantId", int)
SessionId = NewType("SessionId", int)
# The journal sequence of the command that entered the order: unique in the venue, for ever.
OrderId = NewType("OrderId", int)
# Dense from 1 over the venue.
TradeId = NewType("TradeId", int)
# Chosen by the client, strictly increasing in its session: names a command, and the order it made.
Ref = NewType("Ref", int)

# Strict bounds live on what comes in; what goes out is ours, and checked where it is made.
RefField = Annotated[Ref, Meta(ge=1, le=WIRE_INT_MAX)]
TradeIdField = Annotated[TradeId, Meta(ge=0, le=WIRE_INT_MAX)]
OptionalRefField = Annotated[Ref, Meta(ge=0, le=WIRE_INT_MAX)]
OrderIdField = Annotated[OrderId, Meta(ge=0, le=WIRE_INT_MAX)]
InstrumentIdField = Annotated[InstrumentId, Meta(ge=0, le=INSTRUMENT_ID_MAX)]
AccountIdField = Annotated[AccountId, Meta(ge=0, le=ACCOUNT_ID_MAX)]
ParticipantIdField = Annotated[ParticipantId, Meta(ge=1, le=ACCOUNT_ID_MAX)]
SessionIdField = Annotated[SessionId, Meta(ge=1, le=SESSION_ID_MAX)]
# Any integer of the wire: what is too large or too small for a market is the engine's to refuse.
NumberField = Annotated[int, Meta(ge=0, le=WIRE_INT_MAX)]
# Times are the one thing on the wire that is larger: 2026 is near 2^61.
TimeField = Annotated[int, Meta(ge=0, le=TIME_NS_MAX)]
# `\Z`, because `$` would let a trailing newline through.
NameField = Annotated[
    str, Meta(min_length=1, max_length=NAME_CHARS_MAX, pattern=r"\A[A-Za-z0-9_.\-]{1,32}\Z")
]
TextField = Annotated[str, Meta(max_length=64)]
# What a connection is for: the session layer's `Role`, which the market does not look at.
RoleNumber = Annotated[int, Meta(ge=1, le=255)]
# The longest is an IPv6 address with its prefix.
NetworkField = Annotated[str, Meta(min_length=1, max_length=43)]

# The venue's own entries (configuration, schedule, cancel-on-disconnect) come from this session.
VENUE_SESSION_ID: Final = SessionId(0)
# No instrument, account or side given: all of them, or the session's default.
ANY: Final = 0
# In a report: not the answer to a command of this session.
NO_REF: Final = Ref(0)


# --- commands ------------------------------------------------------------------------------------


class Command(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A request for a change: strict, because a field that we would skip could mean money."""


class NewOrder(Command, frozen=True, tag=16):
    ref: RefField
    instrument_id: InstrumentIdField
    side: Side
    quantity_lots: NumberField
    price_ticks: NumberField = 0  # LIMIT: the limit; MARKET: the protection price, 0 for the instrument's
    account_id: AccountIdField = AccountId(0)  # 0: the session's first account
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.INSTRUMENT_DEFAULT
    flags: NumberField = 0  # bits of [OrderFlag](#orderflag)


class NewOrderLong(NewOrder, frozen=True, tag=22):
    """The long layout: a NewOrder, and what few orders need. Answered by AcceptedLong."""

    stop_price_ticks: NumberField = 0  # STOP, STOP_LIMIT: the last trade that fires it
    display_lots: NumberField = 0  # what is shown of an iceberg at a time; 0: all of it
    minimum_lots: NumberField = 0  # as much trades at once, or the order is refused; 0: any quantity
    expires_ns: TimeField = 0  # GTD: the time from which on it is gone, UTC


class Cancel(Command, frozen=True, tag=17):
    """Names its order by `order_ref` (own session) or by `order_id` (any session of the account)."""

    ref: RefField
    order_ref: OptionalRefField = Ref(0)
    order_id: OrderIdField = OrderId(0)


class Reduce(Command, frozen=True, tag=18):
    """Sets the order's total to less, keeping its priority; safe against fills in flight."""

    ref: RefField
    order_ref: OptionalRefField
    order_id: OrderIdField
    quantity_lots: NumberField  # the new total, of which some may have traded


class Replace(Command, frozen=True, tag=19):
    """New price and total at once; loses priority, may trade. From then on `ref` names the order."""

    ref: RefField
    order_ref: OptionalRefField
    order_id: OrderIdField
    quantity_lots: NumberField
    price_ticks: NumberField
    stop_price_ticks: NumberField = 0  # of a stop that waits; 0: as it is
    display_lots: NumberField = 0  # of an iceberg; 0: as it is


class MassCancel(Command, frozen=True, tag=20):
    ref: RefField
    scope: MassCancelScope
    account_id: AccountIdField = AccountId(0)  # 0: all that the scope covers
    instrument_id: InstrumentIdField = InstrumentId(0)  # 0: all instruments
    side: Annotated[int, Meta(ge=0, le=2)] = 0  # 0: both, 1: BUY, 2: SELL


class OrderStatusRequest(Command, frozen=True, tag=21):
    """The named order, or with neither name every open order of the session after `after_order_id`."""

    ref: RefField
    order_ref: OptionalRefField = Ref(0)
    order_id: OrderIdField = OrderId(0)
    after_order_id: OrderIdField = OrderId(0)


class SetPhase(Command, frozen=True, tag=128):
    """Operators and the venue only. Closing expires DAY orders. Instrument 0: every instrument."""

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    phase: Phase
    text: TextField = ""


class SetBand(Command, frozen=True, tag=130):
    """Operators and the venue only: the prices an instrument admits from now on, both inclusive."""

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    reference_price_ticks: NumberField
    band_low_ticks: NumberField
    band_high_ticks: NumberField


class BustTrade(Command, frozen=True, tag=132):
    """Operators only: the trade never was. Its orders do not come back."""

    ref: RefField
    trade_id: TradeIdField
    text: TextField = ""  # the reason, which both sides get to see


class CorrectTrade(Command, frozen=True, tag=133):
    """Operators only: what the trade should have been, both values whole; at most its first quantity."""

    ref: RefField
    trade_id: TradeIdField
    price_ticks: NumberField
    quantity_lots: NumberField
    text: TextField = ""  # the reason, which both sides get to see


class TradeStatusRequest(Command, frozen=True, tag=134):
    """Operators only: both sides of a trade, and what stands of it. Answered by TradeStatus."""

    ref: RefField
    trade_id: TradeIdField


# Entries of the venue itself, never accepted from a session.


class InstrumentDefinition(Struct, frozen=True, gc=False, array_like=True):
    """What a tick and a lot are worth, and what the instrument admits."""

    instrument_id: InstrumentIdField
    symbol: NameField
    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    # Money of one tick on one lot, in minor units: price x quantity x this is money.
    tick_value_minor: int
    # For people: a tick is 10**-price_decimals of the currency, a lot is lot_tonnes.
    price_decimals: int
    lot_tonnes: int
    price_increment_ticks: int = 1
    quantity_increment_lots: int = 1
    quantity_min_lots: int = 1
    quantity_max_lots: int = 1_000_000_000
    reference_price_ticks: int = 0
    band_low_ticks: int = 0  # 0 and 0: no band
    band_high_ticks: int = 0
    market_protection_ticks: int = 0  # distance from the opposite best; 0: the band protects
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_NEWEST
    opening_phase: Phase = Phase.CONTINUOUS
    allowed: NumberField = AllowedFlag.DEFAULT  # bits of [AllowedFlag](#allowedflag)


class DefineInstrument(Command, frozen=True, tag=160):
    """Adds an instrument, or changes one; what rests stays."""

    definition: InstrumentDefinition


class DefineAccount(Command, frozen=True, tag=161):
    account_id: AccountIdField
    participant_id: ParticipantIdField
    name: NameField


class DefineSession(Command, frozen=True, tag=162):
    """Makes a stream, or changes which accounts and powers its session has."""

    session_id: SessionIdField
    name: NameField
    account_ids: tuple[AccountIdField, ...]  # the first is the default
    operator: bool = False


class SessionLost(Command, frozen=True, tag=163):
    """Cancel-on-disconnect fires: every order of the session without KEEP_ON_DISCONNECT goes."""

    session_id: SessionIdField


class SessionOpened(Command, frozen=True, tag=164):
    """A logon asked for other cancel-on-disconnect than the session had: what holds after a restart."""

    session_id: SessionIdField
    cancel_on_disconnect: bool
    grace_ms: NumberField


class KeySession(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A session that a key opens, and as what. The engine keeps it, and leaves who may log on to others."""

    session_id: SessionIdField
    roles: tuple[RoleNumber, ...]  # numbers of [Role](#role)


class DefineKey(Command, frozen=True, tag=165):
    """Adds a key, or changes what it opens; connections that it does not open any more are ended."""

    key_id: NameField
    public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]  # Ed25519
    sessions: Annotated[tuple[KeySession, ...], Meta(max_length=KEY_SESSIONS_MAX)]  # that it opens
    expires_ns: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0  # since 1970, UTC; 0: never
    # Networks that it may come from, as 192.0.2.0/24 or 2001:db8::/48. Empty: any.
    addresses: Annotated[tuple[NetworkField, ...], Meta(max_length=KEY_ADDRESSES_MAX)] = ()


class RemoveKey(Command, frozen=True, tag=166):
    key_id: NameField


class DefineDropCopy(Command, frozen=True, tag=167):
    """Makes a stream of copies, or changes which accounts it shows; its numbers begin here, and go on."""

    session_id: SessionIdField
    name: NameField
    account_ids: tuple[AccountIdField, ...]


class TimePassed(Command, frozen=True, tag=170):
    """Nothing but its time: orders whose time is up go, stops that wait for their turn fire.

    Every entry does that before its commands; this one is for when there are no commands.
    """


class TradeSide(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Whose fill it was, as its session was told."""

    session_id: SessionIdField
    order_id: OrderIdField
    account_id: AccountIdField


class FoundTrade(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A trade as the journal has it: what it was before anything of it was put right."""

    instrument_id: InstrumentIdField
    time_ns: TimeField
    price_ticks: NumberField
    quantity_lots: NumberField
    buyer: TradeSide  # whose order bought
    seller: TradeSide  # whose order sold


class OnTrade(Command, frozen=True, tag=174):
    """An operator's command, with the trade that it names, as the venue has looked it up.

    It takes the place of what the operator sent, so that executing the journal again needs no look-up.
    """

    command: BustTrade | CorrectTrade | TradeStatusRequest  # as it was sent
    trade: FoundTrade | None = None  # empty: there is no such trade

    @property
    def ref(self) -> Ref:
        return self.command.ref


# --- reports: private, numbered in the stream of their session -----------------------------------


class Report(Struct, frozen=True, gc=False, array_like=True):
    """One message of a session's stream. Lenient: a reader skips trailing fields it does not know.

    `seq` is dense from 1 in the stream. `ref` is the command that this answers, 0 where the market
    or somebody else caused it. `time_ns` is the entry's time, UTC.
    """


class Accepted(Report, frozen=True, tag=48):
    """The order is in; what it traded at once and whether it rests follows as further reports."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int


class AcceptedLong(Accepted, frozen=True, tag=68):
    """The order of a NewOrderLong is in: as Accepted, with all that its command said."""

    order_type: OrderType
    time_in_force: TimeInForce
    order_flags: int
    stop_price_ticks: int
    display_lots: int
    minimum_lots: int
    expires_ns: int


class Rejected(Report, frozen=True, tag=49):
    seq: int
    ref: Ref
    time_ns: int
    flags: int
    reason: RejectReason


class Executed(Report, frozen=True, tag=50):
    """A fill of one order. The two fills of a trade carry the same trade id."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    trade_id: TradeId
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    liquidity: Liquidity


class Canceled(Report, frozen=True, tag=51):
    """The order is gone; `canceled_lots` is what will not trade any more."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    canceled_lots: int
    reason: CancelReason


class Reduced(Report, frozen=True, tag=52):
    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    quantity_lots: int
    leaves_lots: int


class Replaced(Report, frozen=True, tag=53):
    """The order stands at its new price at the back of the queue; `leaves_lots` before it trades."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    stop_price_ticks: int = 0  # of a stop, which still waits; else 0
    display_lots: int = 0  # of an iceberg; else 0


class SelfTradePrevented(Report, frozen=True, tag=54):
    """`prevented_lots` did not trade between two orders of one participant. One to each side."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    other_order_id: OrderId
    prevented_lots: int
    leaves_lots: int
    mode: SelfTradePrevention


class Triggered(Report, frozen=True, tag=55):
    """The stop has fired: from here on it is a market or a limit order, whose reports follow."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    stop_price_ticks: int
    price_ticks: int  # the limit, or the protection price; 0 where there is none


class MassCanceled(Report, frozen=True, tag=56):
    """After the `Canceled` of each order; `sequence` is the journal sequence it was applied at."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    count: int
    sequence: int


class OrderStatus(Report, frozen=True, tag=57):
    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    order_ref: Ref  # the ref that names the order now, 0 where another session entered it
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    time_in_force: TimeInForce
    order_flags: int
    order_type: OrderType = OrderType.LIMIT  # of a stop also after it has fired
    # What it waits for; 0: it does not wait (any more).
    stop_price_ticks: int = 0
    display_lots: int = 0
    minimum_lots: int = 0  # what is still to be met; 0: none
    expires_ns: int = 0


class StatusEnd(Report, frozen=True, tag=58):
    """Ends the answer to a status request; `more` says to ask on after the last order id."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    count: int
    more: bool


class Busted(Report, frozen=True, tag=59):
    """A fill of this session never was: nothing of the trade stands. The order does not come back."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    trade_id: TradeId
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int
    traded_ns: int
    text: str


class Corrected(Report, frozen=True, tag=60):
    """A fill of this session was another one: from now on these are its price and its quantity."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    order_id: OrderId
    trade_id: TradeId
    instrument_id: InstrumentId
    account_id: AccountId
    side: Side
    price_ticks: int
    quantity_lots: int
    price_before_ticks: int
    quantity_before_lots: int
    traded_ns: int
    text: str


class TradeStatus(Report, frozen=True, tag=61):
    """A trade as it was, and as it stands; to operators only."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int  # 0: it was busted
    trade: FoundTrade


class Done(Report, frozen=True, tag=66):
    """An operator's command was applied; `sequence` is its place in the journal."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    sequence: int


# --- public events -------------------------------------------------------------------------------


class PublicEvent(Struct, frozen=True, gc=False, array_like=True):
    """What everyone may know; market data is built from these and from level changes."""


class Traded(PublicEvent, frozen=True, tag=70):
    instrument_id: InstrumentId
    time_ns: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    aggressor: Side


class PhaseChanged(PublicEvent, frozen=True, tag=71):
    instrument_id: InstrumentId
    time_ns: int
    phase: Phase
    text: str


class BandChanged(PublicEvent, frozen=True, tag=72):
    instrument_id: InstrumentId
    time_ns: int
    reference_price_ticks: int
    band_low_ticks: int
    band_high_ticks: int


class InstrumentDefined(PublicEvent, frozen=True, tag=73):
    time_ns: int
    definition: InstrumentDefinition


# Not journaled: a batch's level changes follow from its entries.
class LevelChanged(PublicEvent, frozen=True, tag=74):
    """What a price level held after a batch; 0 lots and 0 orders: it is gone."""

    instrument_id: InstrumentId
    side: Side
    price_ticks: int
    quantity_lots: int
    order_count: int


class TradeBusted(PublicEvent, frozen=True, tag=77):
    """The trade never was; price and quantity are what it stood at."""

    instrument_id: InstrumentId
    time_ns: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int


class TradeCorrected(PublicEvent, frozen=True, tag=78):
    """The trade was another one."""

    instrument_id: InstrumentId
    time_ns: int
    trade_id: TradeId
    price_ticks: int
    quantity_lots: int
    price_before_ticks: int
    quantity_before_lots: int


# --- sets ----------------------------------------------------------------------------------------

# What an operator asks of a trade: the venue looks it up, and journals it as OnTrade.
TradeCommand = BustTrade | CorrectTrade | TradeStatusRequest
ClientCommand = (
    NewOrder
    | NewOrderLong
    | Cancel
    | Reduce
    | Replace
    | MassCancel
    | OrderStatusRequest
    | SetPhase
    | SetBand
    | BustTrade
    | CorrectTrade
    | TradeStatusRequest
)
_Definition = DefineInstrument | DefineAccount | DefineSession | DefineDropCopy | DefineKey | RemoveKey
VenueCommand = _Definition | SessionLost | SessionOpened | TimePassed
# What the entries of sessions hold.
SessionCommand = ClientCommand | OnTrade
AnyCommand = SessionCommand | VenueCommand
AnyReport = (
    Accepted
    | AcceptedLong
    | Rejected
    | Executed
    | Canceled
    | Reduced
    | Replaced
    | SelfTradePrevented
    | Triggered
    | MassCanceled
    | OrderStatus
    | StatusEnd
    | Busted
    | Corrected
    | TradeStatus
    | Done
)
AnyPublicEvent = Traded | PhaseChanged | BandChanged | InstrumentDefined | TradeBusted | TradeCorrected


class Entry(Struct, frozen=True, gc=False):
    """Commands in their place in history: all that the engine may know of the world.

    One entry is one frame of one session: its commands share a session and a time, and have the
    sequences `first_sequence`, `first_sequence + 1`, … The batch is the unit because costs are paid
    once for it.
    """

    first_sequence: int
    time_ns: int
    session_id: SessionId
    commands: list[AnyCommand]


class StreamChunk(Struct, frozen=True, gc=False):
    """The reports of one session in one batch; `ref_before` is its last applied ref before them."""

    session_id: SessionId
    ref_before: Ref
    reports: list[AnyReport]


class CopyPart(Struct, frozen=True, gc=False, array_like=True):
    """Which reports of one stream a copy takes from a batch."""

    session_id: SessionId
    picked: bytes  # a bit a report, the first one's the highest; empty: all of them


class CopyChunk(Struct, frozen=True, gc=False, array_like=True):
    """What a batch has for one drop copy: numbers, and where in its streams the reports are."""

    session_id: SessionId
    first_seq: int
    count: int
    parts: list[CopyPart]  # in the order of the batch's streams


class Outputs(Struct, frozen=True, gc=False):
    """What a batch of entries has caused: streams in the order in which sessions were first touched."""

    streams: list[StreamChunk]
    public: list[AnyPublicEvent]
    levels: list[LevelChanged]
    # The reasons of all `Rejected` and `Canceled` among the reports, for whoever counts them: noted in
    # passing for 20 ns, where looking through the reports took 130 ns a report.
    refusals: list[RejectReason] = []
    cancels: list[CancelReason] = []
    copies: list[CopyChunk] = []
