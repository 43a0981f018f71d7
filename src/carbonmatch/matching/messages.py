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
from carbonmatch.matching.definitions import FoundTrade as FoundTrade
from carbonmatch.matching.definitions import InstrumentDefinition as InstrumentDefinition
from carbonmatch.matching.definitions import SelfTradeRules as SelfTradeRules
from carbonmatch.matching.definitions import TradeSide as TradeSide
from carbonmatch.matching.definitions import VolatilityRules as VolatilityRules
from carbonmatch.matching.definitions import Width as Width
from carbonmatch.matching.enums import GATHERING as GATHERING
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
from carbonmatch.matching.events import TradeBusted as TradeBusted
from carbonmatch.matching.events import TradeCorrected as TradeCorrected
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
from carbonmatch.matching.fields import TradeIdField as TradeIdField
from carbonmatch.matching.reports import Accepted as Accepted
from carbonmatch.matching.reports import AcceptedLong as AcceptedLong
from carbonmatch.matching.reports import Busted as Busted
from carbonmatch.matching.reports import Canceled as Canceled
from carbonmatch.matching.reports import Corrected as Corrected
from carbonmatch.matching.reports import Done as Done
from carbonmatch.matching.reports import Executed as Executed
from carbonmatch.matching.reports import MassCanceled as MassCanceled
from carbonmatch.matching.reports import OrderStatus as OrderStatus
from carbonmatch.matching.reports import Reduced as Reduced
from carbonmatch.matching.reports import Rejected as Rejected
from carbonmatch.matching.reports import Replaced as Replaced
from carbonmatch.matching.reports import Report as Report
from carbonmatch.matching.reports import SelfTradePrevented as SelfTradePrevented
from carbonmatch.matching.reports import StatusEnd as StatusEnd
from carbonmatch.matching.reports import TradeStatus as TradeStatus
from carbonmatch.matching.reports import Triggered as Triggered

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


class OnTrade(Command, frozen=True, tag=174):
    """An operator's command, with the trade that it names, as the venue has looked it up.

    It takes the place of what the operator sent, so that executing the journal again needs no look-up.
    """

    command: BustTrade | CorrectTrade | TradeStatusRequest  # as it was sent
    trade: FoundTrade | None = None  # empty: there is no such trade

    @property
    def ref(self) -> Ref:
        return self.command.ref


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
    | Resume
    | BustTrade
    | CorrectTrade
    | TradeStatusRequest
)
_Definition = (
    DefineInstrument | DefineAccount | DefineSession | RemoveSession | DefineDropCopy | DefineKey | RemoveKey
)
_ByTheClock = TimePassed | StartAuction | SetSeed | SchedulePhase
VenueCommand = _Definition | SessionLost | SessionOpened | _ByTheClock
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
_OfTrades = Traded | TradeBusted | TradeCorrected
_OfPrices = BandChanged | LimitsChanged
_OfAuctions = AuctionIndicated | AuctionEnded
AnyPublicEvent = PhaseChanged | InstrumentDefined | _OfTrades | _OfPrices | _OfAuctions


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
