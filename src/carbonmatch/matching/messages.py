"""The vocabulary: commands, which ask for a change, and events, which report one.

Field order is the wire order (`array_like`): append new fields at the end, with a default, and
never reorder, never reuse a tag. A tag has one direction. `proto/vectors/` holds the bytes which
must not change.

Commands come from sessions over the wire, or from the venue itself (session 0); both are journaled.
Reports are private: each belongs to the stream of one session. Public events belong to everyone.
"""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import (
    KEY_ADDRESSES_MAX,
    KEY_SESSIONS_MAX,
)
from carbonmatch.matching.definitions import InstrumentDefinition as InstrumentDefinition
from carbonmatch.matching.definitions import SelfTradeRules as SelfTradeRules
from carbonmatch.matching.definitions import VolatilityRules as VolatilityRules
from carbonmatch.matching.definitions import Width as Width
from carbonmatch.matching.enums import AllowedFlag as AllowedFlag
from carbonmatch.matching.enums import AuctionRule as AuctionRule
from carbonmatch.matching.enums import CancelReason as CancelReason
from carbonmatch.matching.enums import Liquidity as Liquidity
from carbonmatch.matching.enums import MassCancelScope as MassCancelScope
from carbonmatch.matching.enums import OrderFlag as OrderFlag
from carbonmatch.matching.enums import OrderType as OrderType
from carbonmatch.matching.enums import Phase as Phase
from carbonmatch.matching.enums import RejectReason as RejectReason
from carbonmatch.matching.enums import ReportFlag as ReportFlag
from carbonmatch.matching.enums import SelfTradeFlag as SelfTradeFlag
from carbonmatch.matching.enums import SelfTradeKey as SelfTradeKey
from carbonmatch.matching.enums import SelfTradePrevention as SelfTradePrevention
from carbonmatch.matching.enums import Side as Side
from carbonmatch.matching.enums import TimeInForce as TimeInForce
from carbonmatch.matching.enums import TradeKind as TradeKind
from carbonmatch.matching.events import AuctionEnded as AuctionEnded
from carbonmatch.matching.events import AuctionIndicated as AuctionIndicated
from carbonmatch.matching.events import BandChanged as BandChanged
from carbonmatch.matching.events import InstrumentDefined as InstrumentDefined
from carbonmatch.matching.events import LevelChanged as LevelChanged
from carbonmatch.matching.events import LimitsChanged as LimitsChanged
from carbonmatch.matching.events import PhaseChanged as PhaseChanged
from carbonmatch.matching.events import PublicEvent as PublicEvent
from carbonmatch.matching.events import Traded as Traded
from carbonmatch.matching.fields import ANY as ANY
from carbonmatch.matching.fields import NO_REF as NO_REF
from carbonmatch.matching.fields import VENUE_SESSION_ID as VENUE_SESSION_ID
from carbonmatch.matching.fields import AccountId as AccountId
from carbonmatch.matching.fields import AccountIdField as AccountIdField
from carbonmatch.matching.fields import GroupId as GroupId
from carbonmatch.matching.fields import GroupIdField as GroupIdField
from carbonmatch.matching.fields import InstrumentId as InstrumentId
from carbonmatch.matching.fields import InstrumentIdField as InstrumentIdField
from carbonmatch.matching.fields import NameField as NameField
from carbonmatch.matching.fields import NetworkField as NetworkField
from carbonmatch.matching.fields import NumberField as NumberField
from carbonmatch.matching.fields import OptionalRefField as OptionalRefField
from carbonmatch.matching.fields import OrderId as OrderId
from carbonmatch.matching.fields import OrderIdField as OrderIdField
from carbonmatch.matching.fields import ParticipantId as ParticipantId
from carbonmatch.matching.fields import ParticipantIdField as ParticipantIdField
from carbonmatch.matching.fields import Ref as Ref
from carbonmatch.matching.fields import RefField as RefField
from carbonmatch.matching.fields import RoleNumber as RoleNumber
from carbonmatch.matching.fields import SessionId as SessionId
from carbonmatch.matching.fields import SessionIdField as SessionIdField
from carbonmatch.matching.fields import TextField as TextField
from carbonmatch.matching.fields import TimeField as TimeField
from carbonmatch.matching.fields import TradeId as TradeId

# The modules above belong to the vocabulary: whoever needs what is in them takes it from here.

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
    """Operators and the venue only. Closing expires DAY orders. Instrument 0: every instrument.

    What it does to a schedule, and what a schedule does to it, is in [PHASES.md](PHASES.md).
    """

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    phase: Phase
    text: TextField = ""
    until_ns: TimeField = 0  # when the schedule counts again, UTC; 0: see [PHASES.md](PHASES.md)


class Resume(Command, frozen=True, tag=131):
    """Operators and the venue only: what SetPhase holds is over, and the schedule counts again.

    An instrument that nobody holds stays as it is. Instrument 0: every instrument.
    """

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    text: TextField = ""


class SetBand(Command, frozen=True, tag=130):
    """Operators and the venue only: the prices an instrument admits from now on, both inclusive."""

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    reference_price_ticks: NumberField
    band_low_ticks: NumberField
    band_high_ticks: NumberField


# Entries of the venue itself, never accepted from a session.


class DefineInstrument(Command, frozen=True, tag=160):
    """Adds an instrument, or changes one; what rests stays."""

    definition: InstrumentDefinition


class DefineAccount(Command, frozen=True, tag=161):
    account_id: AccountIdField
    participant_id: ParticipantIdField
    name: NameField
    group_id: GroupIdField = GroupId(0)


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
    """Makes a stream of copies, or changes which accounts it shows; its numbers begin here, and go on.

    Without accounts it shows nothing from here on: so a copy is removed.
    """

    session_id: SessionIdField
    name: NameField
    account_ids: tuple[AccountIdField, ...]


class RemoveSession(Command, frozen=True, tag=168):
    """Takes a session's powers, and its orders out of the market; its stream stays, and its numbers."""

    session_id: SessionIdField


class SchedulePhase(Command, frozen=True, tag=173):
    """The schedule of an instrument goes on. Where an operator holds it, its phase may stay."""

    instrument_id: InstrumentIdField
    phase: Phase
    step_ns: TimeField  # when the schedule has it begin, UTC: before the entry's time, seldom by much
    until_ns: TimeField  # when the schedule has it end; 0: nothing is planned
    random_ns: NumberField = 0  # of an auction: at most so much later it ends, as in StartAuction
    freeze_ns: TimeField = 0  # of an auction: from this time on nothing is cancelled or amended; 0: always
    next_phase: Phase = Phase.CONTINUOUS  # of an auction: the phase after it


class TimePassed(Command, frozen=True, tag=170):
    """Nothing but its time: orders whose time is up go, auctions end, stops that wait for their turn fire.

    Every entry does that before its commands; this one is for when there are no commands.
    """


class StartAuction(Command, frozen=True, tag=171):
    """Enters an auction that ends by itself, in `next_phase`: at a time from `ends_ns` on that is drawn here.

    The time is not told before it has come. All times are UTC.
    """

    instrument_id: InstrumentIdField
    phase: Phase  # the auction
    ends_ns: TimeField  # not before
    random_ns: NumberField = 0  # at most so much later: drawn from the venue's seed
    freeze_ns: TimeField = 0  # from this time on nothing is cancelled or amended; 0: always
    next_phase: Phase = Phase.CONTINUOUS  # after it


class SetSeed(Command, frozen=True, tag=172):
    """What the ends of auctions are drawn from: given at each start by the service, and told to nobody."""

    seed: Annotated[bytes, Meta(min_length=16, max_length=16)]  # random


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
    """`prevented_lots` did not trade between two orders of one owner. One to each side."""

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


class Done(Report, frozen=True, tag=66):
    """An operator's command was applied; `sequence` is its place in the journal."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    sequence: int


# --- sets ----------------------------------------------------------------------------------------

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
    | Resume
)
_Definition = (
    DefineInstrument | DefineAccount | DefineSession | RemoveSession | DefineDropCopy | DefineKey | RemoveKey
)
_ByTheClock = TimePassed | StartAuction | SetSeed | SchedulePhase
VenueCommand = _Definition | SessionLost | SessionOpened | _ByTheClock
AnyCommand = ClientCommand | VenueCommand
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
    | Done
)
AnyPublicEvent = (
    Traded | PhaseChanged | BandChanged | InstrumentDefined | AuctionIndicated | AuctionEnded | LimitsChanged
)


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
    # What self-trade prevention kept from trading: the lots of each meeting of two orders.
    prevented: list[tuple[InstrumentId, int]] = []
