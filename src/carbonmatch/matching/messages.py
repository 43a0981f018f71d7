"""The vocabulary: commands, which ask for a change, and events, which report one.

Field order is the wire order (`array_like`): append new fields at the end, with a default, and
never reorder, never reuse a tag. A tag has one direction. `proto/vectors/` holds the bytes which
must not change.

Commands come from sessions over the wire, or from the venue itself (session 0); both are journaled.
Reports are private: each belongs to the stream of one session. Public events belong to everyone.
"""

from msgspec import Struct

from carbonmatch.matching.vocabulary.amendments import AmendedTable as AmendedTable
from carbonmatch.matching.vocabulary.amendments import Amendment as Amendment
from carbonmatch.matching.vocabulary.amendments import AmendmentsRequest as AmendmentsRequest
from carbonmatch.matching.vocabulary.amendments import ChangeTable as ChangeTable
from carbonmatch.matching.vocabulary.amendments import DropAmendment as DropAmendment
from carbonmatch.matching.vocabulary.amendments import OnAmendment as OnAmendment
from carbonmatch.matching.vocabulary.amendments import PutTables as PutTables
from carbonmatch.matching.vocabulary.amendments import SetThrottle as SetThrottle
from carbonmatch.matching.vocabulary.amendments import TableAction as TableAction
from carbonmatch.matching.vocabulary.amendments import TableKind as TableKind
from carbonmatch.matching.vocabulary.bidding import AnnounceBidding as AnnounceBidding
from carbonmatch.matching.vocabulary.bidding import Bid as Bid
from carbonmatch.matching.vocabulary.bidding import BiddingOutcome as BiddingOutcome
from carbonmatch.matching.vocabulary.bidding import BiddingPricing as BiddingPricing
from carbonmatch.matching.vocabulary.bidding import BiddingRule as BiddingRule
from carbonmatch.matching.vocabulary.bidding import BiddingRules as BiddingRules
from carbonmatch.matching.vocabulary.bidding import BiddingState as BiddingState
from carbonmatch.matching.vocabulary.bidding import BiddingTie as BiddingTie
from carbonmatch.matching.vocabulary.bidding import BidRevision as BidRevision
from carbonmatch.matching.vocabulary.bidding import BidState as BidState
from carbonmatch.matching.vocabulary.bidding import CancelBidding as CancelBidding
from carbonmatch.matching.vocabulary.bidding import ModifyBid as ModifyBid
from carbonmatch.matching.vocabulary.bidding import Undersubscription as Undersubscription
from carbonmatch.matching.vocabulary.bidding import WithdrawBid as WithdrawBid
from carbonmatch.matching.vocabulary.bidding_events import BiddingAnnounced as BiddingAnnounced
from carbonmatch.matching.vocabulary.bidding_events import BiddingEnded as BiddingEnded
from carbonmatch.matching.vocabulary.bidding_events import BiddingPhaseChanged as BiddingPhaseChanged
from carbonmatch.matching.vocabulary.bidding_events import BidUpdate as BidUpdate
from carbonmatch.matching.vocabulary.block_rules import BlockBand as BlockBand
from carbonmatch.matching.vocabulary.block_rules import BlockPhase as BlockPhase
from carbonmatch.matching.vocabulary.block_rules import BlockRules as BlockRules
from carbonmatch.matching.vocabulary.block_rules import BlockTape as BlockTape
from carbonmatch.matching.vocabulary.blocks import FINAL_BLOCK_STATES as FINAL_BLOCK_STATES
from carbonmatch.matching.vocabulary.blocks import BlockAccept as BlockAccept
from carbonmatch.matching.vocabulary.blocks import BlockCounter as BlockCounter
from carbonmatch.matching.vocabulary.blocks import BlockDecline as BlockDecline
from carbonmatch.matching.vocabulary.blocks import BlockPhaseChanged as BlockPhaseChanged
from carbonmatch.matching.vocabulary.blocks import BlockPosted as BlockPosted
from carbonmatch.matching.vocabulary.blocks import BlockPropose as BlockPropose
from carbonmatch.matching.vocabulary.blocks import BlockState as BlockState
from carbonmatch.matching.vocabulary.blocks import BlockStatusRequest as BlockStatusRequest
from carbonmatch.matching.vocabulary.blocks import BlockUpdate as BlockUpdate
from carbonmatch.matching.vocabulary.blocks import BlockWithdraw as BlockWithdraw
from carbonmatch.matching.vocabulary.blocks import ScheduleBlock as ScheduleBlock
from carbonmatch.matching.vocabulary.blocks import SetBlockPhase as SetBlockPhase
from carbonmatch.matching.vocabulary.clearing import CarryOverRules as CarryOverRules
from carbonmatch.matching.vocabulary.clearing import ClearingRules as ClearingRules
from carbonmatch.matching.vocabulary.clearing import Fees as Fees
from carbonmatch.matching.vocabulary.clearing import HolderRules as HolderRules
from carbonmatch.matching.vocabulary.commands import Cancel as Cancel
from carbonmatch.matching.vocabulary.commands import Command as Command
from carbonmatch.matching.vocabulary.commands import MassCancel as MassCancel
from carbonmatch.matching.vocabulary.commands import NewOrder as NewOrder
from carbonmatch.matching.vocabulary.commands import NewOrderLong as NewOrderLong
from carbonmatch.matching.vocabulary.commands import OrderStatusRequest as OrderStatusRequest
from carbonmatch.matching.vocabulary.commands import Reduce as Reduce
from carbonmatch.matching.vocabulary.commands import Replace as Replace
from carbonmatch.matching.vocabulary.composites import CompositeChanged as CompositeChanged
from carbonmatch.matching.vocabulary.composites import CompositeDefinition as CompositeDefinition
from carbonmatch.matching.vocabulary.composites import CompositeMember as CompositeMember
from carbonmatch.matching.vocabulary.composites import DefineComposite as DefineComposite
from carbonmatch.matching.vocabulary.confirmation import Decide as Decide
from carbonmatch.matching.vocabulary.confirmation import DefineConfirmation as DefineConfirmation
from carbonmatch.matching.vocabulary.confirmation import Proposed as Proposed
from carbonmatch.matching.vocabulary.confirmation import ProposedState as ProposedState
from carbonmatch.matching.vocabulary.day import ConfirmSettlement as ConfirmSettlement
from carbonmatch.matching.vocabulary.day import DayEnded as DayEnded
from carbonmatch.matching.vocabulary.day import EndDay as EndDay
from carbonmatch.matching.vocabulary.day import FileDigestField as FileDigestField
from carbonmatch.matching.vocabulary.day import SettlementOutcome as SettlementOutcome
from carbonmatch.matching.vocabulary.day import SettlementStatus as SettlementStatus
from carbonmatch.matching.vocabulary.day import SettlementStatusRequest as SettlementStatusRequest
from carbonmatch.matching.vocabulary.day import TradingDayField as TradingDayField
from carbonmatch.matching.vocabulary.definitions import FoundTrade as FoundTrade
from carbonmatch.matching.vocabulary.definitions import InstrumentDefinition as InstrumentDefinition
from carbonmatch.matching.vocabulary.definitions import SelfTradeRules as SelfTradeRules
from carbonmatch.matching.vocabulary.definitions import TradeSide as TradeSide
from carbonmatch.matching.vocabulary.definitions import VolatilityRules as VolatilityRules
from carbonmatch.matching.vocabulary.definitions import Width as Width
from carbonmatch.matching.vocabulary.enums import GATHERING as GATHERING
from carbonmatch.matching.vocabulary.enums import SCREEN_TRADES as SCREEN_TRADES
from carbonmatch.matching.vocabulary.enums import AllowedFlag as AllowedFlag
from carbonmatch.matching.vocabulary.enums import AuctionRule as AuctionRule
from carbonmatch.matching.vocabulary.enums import CancelReason as CancelReason
from carbonmatch.matching.vocabulary.enums import Liquidity as Liquidity
from carbonmatch.matching.vocabulary.enums import MassCancelScope as MassCancelScope
from carbonmatch.matching.vocabulary.enums import OrderFlag as OrderFlag
from carbonmatch.matching.vocabulary.enums import OrderType as OrderType
from carbonmatch.matching.vocabulary.enums import Permission as Permission
from carbonmatch.matching.vocabulary.enums import Phase as Phase
from carbonmatch.matching.vocabulary.enums import RejectReason as RejectReason
from carbonmatch.matching.vocabulary.enums import ReportFlag as ReportFlag
from carbonmatch.matching.vocabulary.enums import SelfTradeFlag as SelfTradeFlag
from carbonmatch.matching.vocabulary.enums import SelfTradeKey as SelfTradeKey
from carbonmatch.matching.vocabulary.enums import SelfTradePrevention as SelfTradePrevention
from carbonmatch.matching.vocabulary.enums import Side as Side
from carbonmatch.matching.vocabulary.enums import TimeInForce as TimeInForce
from carbonmatch.matching.vocabulary.enums import TradeKind as TradeKind
from carbonmatch.matching.vocabulary.events import AuctionEnded as AuctionEnded
from carbonmatch.matching.vocabulary.events import AuctionIndicated as AuctionIndicated
from carbonmatch.matching.vocabulary.events import BandChanged as BandChanged
from carbonmatch.matching.vocabulary.events import InstrumentDefined as InstrumentDefined
from carbonmatch.matching.vocabulary.events import LevelChanged as LevelChanged
from carbonmatch.matching.vocabulary.events import LimitsChanged as LimitsChanged
from carbonmatch.matching.vocabulary.events import OrderListed as OrderListed
from carbonmatch.matching.vocabulary.events import PhaseChanged as PhaseChanged
from carbonmatch.matching.vocabulary.events import PublicEvent as PublicEvent
from carbonmatch.matching.vocabulary.events import TradeBusted as TradeBusted
from carbonmatch.matching.vocabulary.events import TradeCorrected as TradeCorrected
from carbonmatch.matching.vocabulary.events import Traded as Traded
from carbonmatch.matching.vocabulary.fields import ANY as ANY
from carbonmatch.matching.vocabulary.fields import NO_REF as NO_REF
from carbonmatch.matching.vocabulary.fields import VENUE_SESSION_ID as VENUE_SESSION_ID
from carbonmatch.matching.vocabulary.fields import AccountId as AccountId
from carbonmatch.matching.vocabulary.fields import AccountIdField as AccountIdField
from carbonmatch.matching.vocabulary.fields import GroupId as GroupId
from carbonmatch.matching.vocabulary.fields import GroupIdField as GroupIdField
from carbonmatch.matching.vocabulary.fields import InstrumentId as InstrumentId
from carbonmatch.matching.vocabulary.fields import InstrumentIdField as InstrumentIdField
from carbonmatch.matching.vocabulary.fields import NameField as NameField
from carbonmatch.matching.vocabulary.fields import NetworkField as NetworkField
from carbonmatch.matching.vocabulary.fields import NumberField as NumberField
from carbonmatch.matching.vocabulary.fields import OptionalNameField as OptionalNameField
from carbonmatch.matching.vocabulary.fields import OptionalRefField as OptionalRefField
from carbonmatch.matching.vocabulary.fields import OrderId as OrderId
from carbonmatch.matching.vocabulary.fields import OrderIdField as OrderIdField
from carbonmatch.matching.vocabulary.fields import ParticipantId as ParticipantId
from carbonmatch.matching.vocabulary.fields import ParticipantIdField as ParticipantIdField
from carbonmatch.matching.vocabulary.fields import Ref as Ref
from carbonmatch.matching.vocabulary.fields import RefField as RefField
from carbonmatch.matching.vocabulary.fields import RoleNumber as RoleNumber
from carbonmatch.matching.vocabulary.fields import SessionId as SessionId
from carbonmatch.matching.vocabulary.fields import SessionIdField as SessionIdField
from carbonmatch.matching.vocabulary.fields import TextField as TextField
from carbonmatch.matching.vocabulary.fields import TimeField as TimeField
from carbonmatch.matching.vocabulary.fields import TradeId as TradeId
from carbonmatch.matching.vocabulary.fields import TradeIdField as TradeIdField
from carbonmatch.matching.vocabulary.holdings import Cash as Cash
from carbonmatch.matching.vocabulary.holdings import Deposit as Deposit
from carbonmatch.matching.vocabulary.holdings import Holding as Holding
from carbonmatch.matching.vocabulary.holdings import HoldingsRequest as HoldingsRequest
from carbonmatch.matching.vocabulary.holdings import InspectHoldings as InspectHoldings
from carbonmatch.matching.vocabulary.holdings import RestrictAccount as RestrictAccount
from carbonmatch.matching.vocabulary.holdings import Restriction as Restriction
from carbonmatch.matching.vocabulary.holdings import SetAccountLimits as SetAccountLimits
from carbonmatch.matching.vocabulary.holdings import Withdraw as Withdraw
from carbonmatch.matching.vocabulary.instrument_status import InstrumentStatus as InstrumentStatus
from carbonmatch.matching.vocabulary.instrument_status import (
    InstrumentStatusRequest as InstrumentStatusRequest,
)
from carbonmatch.matching.vocabulary.kill_switch import Kill as Kill
from carbonmatch.matching.vocabulary.kill_switch import Killed as Killed
from carbonmatch.matching.vocabulary.kill_switch import KilledRequest as KilledRequest
from carbonmatch.matching.vocabulary.kill_switch import KillScope as KillScope
from carbonmatch.matching.vocabulary.kill_switch import Pulled as Pulled
from carbonmatch.matching.vocabulary.kill_switch import Release as Release
from carbonmatch.matching.vocabulary.listing import OrderChoice as OrderChoice
from carbonmatch.matching.vocabulary.listing import Oversize as Oversize
from carbonmatch.matching.vocabulary.listing import ScreenMechanism as ScreenMechanism
from carbonmatch.matching.vocabulary.listing import ScreenRules as ScreenRules
from carbonmatch.matching.vocabulary.listing import Select as Select
from carbonmatch.matching.vocabulary.operator_commands import BustTrade as BustTrade
from carbonmatch.matching.vocabulary.operator_commands import CorrectTrade as CorrectTrade
from carbonmatch.matching.vocabulary.operator_commands import Resume as Resume
from carbonmatch.matching.vocabulary.operator_commands import SetBand as SetBand
from carbonmatch.matching.vocabulary.operator_commands import SetPhase as SetPhase
from carbonmatch.matching.vocabulary.operator_commands import TradeStatusRequest as TradeStatusRequest
from carbonmatch.matching.vocabulary.prices import BandRounding as BandRounding
from carbonmatch.matching.vocabulary.prices import CloseRule as CloseRule
from carbonmatch.matching.vocabulary.prices import OpenRule as OpenRule
from carbonmatch.matching.vocabulary.prices import PriceRounding as PriceRounding
from carbonmatch.matching.vocabulary.prices import PriceRules as PriceRules
from carbonmatch.matching.vocabulary.prices import SetReference as SetReference
from carbonmatch.matching.vocabulary.reports import Accepted as Accepted
from carbonmatch.matching.vocabulary.reports import AcceptedLong as AcceptedLong
from carbonmatch.matching.vocabulary.reports import Busted as Busted
from carbonmatch.matching.vocabulary.reports import Canceled as Canceled
from carbonmatch.matching.vocabulary.reports import Corrected as Corrected
from carbonmatch.matching.vocabulary.reports import Done as Done
from carbonmatch.matching.vocabulary.reports import Executed as Executed
from carbonmatch.matching.vocabulary.reports import MassCanceled as MassCanceled
from carbonmatch.matching.vocabulary.reports import OrderStatus as OrderStatus
from carbonmatch.matching.vocabulary.reports import Reduced as Reduced
from carbonmatch.matching.vocabulary.reports import Rejected as Rejected
from carbonmatch.matching.vocabulary.reports import Replaced as Replaced
from carbonmatch.matching.vocabulary.reports import Report as Report
from carbonmatch.matching.vocabulary.reports import SelfTradePrevented as SelfTradePrevented
from carbonmatch.matching.vocabulary.reports import StatusEnd as StatusEnd
from carbonmatch.matching.vocabulary.reports import TradeStatus as TradeStatus
from carbonmatch.matching.vocabulary.reports import Triggered as Triggered
from carbonmatch.matching.vocabulary.steering import Disconnect as Disconnect
from carbonmatch.matching.vocabulary.steering import FoundSession as FoundSession
from carbonmatch.matching.vocabulary.steering import OnOutcome as OnOutcome
from carbonmatch.matching.vocabulary.steering import OnSessions as OnSessions
from carbonmatch.matching.vocabulary.steering import Outcome as Outcome
from carbonmatch.matching.vocabulary.steering import ReloadConfiguration as ReloadConfiguration
from carbonmatch.matching.vocabulary.steering import SessionsRequest as SessionsRequest
from carbonmatch.matching.vocabulary.steering import SessionStatus as SessionStatus
from carbonmatch.matching.vocabulary.steering import TakeSnapshot as TakeSnapshot
from carbonmatch.matching.vocabulary.venue_commands import DefineAccount as DefineAccount
from carbonmatch.matching.vocabulary.venue_commands import DefineDropCopy as DefineDropCopy
from carbonmatch.matching.vocabulary.venue_commands import DefineInstrument as DefineInstrument
from carbonmatch.matching.vocabulary.venue_commands import DefineKey as DefineKey
from carbonmatch.matching.vocabulary.venue_commands import DefineSession as DefineSession
from carbonmatch.matching.vocabulary.venue_commands import KeySession as KeySession
from carbonmatch.matching.vocabulary.venue_commands import OnTrade as OnTrade
from carbonmatch.matching.vocabulary.venue_commands import RemoveKey as RemoveKey
from carbonmatch.matching.vocabulary.venue_commands import RemoveSession as RemoveSession
from carbonmatch.matching.vocabulary.venue_commands import SchedulePhase as SchedulePhase
from carbonmatch.matching.vocabulary.venue_commands import SessionLost as SessionLost
from carbonmatch.matching.vocabulary.venue_commands import SessionOpened as SessionOpened
from carbonmatch.matching.vocabulary.venue_commands import SetSeed as SetSeed
from carbonmatch.matching.vocabulary.venue_commands import StartAuction as StartAuction
from carbonmatch.matching.vocabulary.venue_commands import TimePassed as TimePassed

# The modules above belong to the vocabulary: whoever needs what is in them takes it from here.

# --- sets ----------------------------------------------------------------------------------------

# What an operator asks of a trade: the venue looks it up, and journals it as OnTrade.
TradeAmendment = BustTrade | CorrectTrade
TradeCommand = TradeAmendment | TradeStatusRequest
BidCommand = Bid | ModifyBid | WithdrawBid
BiddingCommand = AnnounceBidding | CancelBidding
# What operators end days with, and settle them.
DayCommand = EndDay | ConfirmSettlement | SettlementStatusRequest
# What operators do to what accounts have, and ask of it.
AccountCommand = Deposit | Withdraw | SetAccountLimits | RestrictAccount | InspectHoldings
# What operators stop, and let go on.
KillSwitch = Kill | Release
KillCommand = KillSwitch | KilledRequest
# What operators change of the configuration.
AmendmentCommand = PutTables | ChangeTable | SetThrottle
# What the process itself carries out: it journals what came of it, as OnOutcome.
ProcessCommand = TakeSnapshot | ReloadConfiguration
# What operators do to sessions, and ask of them.
SteeringCommand = SessionsRequest | Disconnect | ProcessCommand | AmendmentCommand | AmendmentsRequest
ClientCommand = (
    NewOrder
    | NewOrderLong
    | Cancel
    | Reduce
    | Replace
    | MassCancel
    | OrderStatusRequest
    | Select
    | SetPhase
    | SetBand
    | Resume
    | BustTrade
    | CorrectTrade
    | TradeStatusRequest
    | BidCommand
    | BiddingCommand
    | DayCommand
    | AccountCommand
    | KillCommand
    | SteeringCommand
    | Decide
    | HoldingsRequest
    | BlockPropose
    | BlockAccept
    | BlockDecline
    | BlockCounter
    | BlockWithdraw
    | BlockStatusRequest
    | SetBlockPhase
    | SetReference
    | InstrumentStatusRequest
)
# What an operator can have told beforehand.
Foreseeable = (
    TradeAmendment
    | KillSwitch
    | RestrictAccount
    | SetAccountLimits
    | SetPhase
    | Resume
    | SetBlockPhase
    | SetBand
    | SetReference
    | CancelBidding
    | EndDay
    | Deposit
    | Withdraw
)
_OfWhoTrades = DefineAccount | DefineSession | RemoveSession | DefineDropCopy | DefineKey | RemoveKey
_Definition = DefineInstrument | DefineComposite | DropAmendment | DefineConfirmation | _OfWhoTrades
_ByTheClock = TimePassed | StartAuction | SetSeed | SchedulePhase | ScheduleBlock
VenueCommand = _Definition | SessionLost | SessionOpened | _ByTheClock
# What an operator's command becomes that the server has looked something up for.
FoundCommand = OnTrade | OnSessions | OnOutcome | OnAmendment
# What the entries of sessions hold.
SessionCommand = ClientCommand | FoundCommand
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
    | SettlementStatus
    | InstrumentStatus
    | Done
    | BidUpdate
    | BlockUpdate
    | Holding
    | Cash
    | Pulled
    | Killed
    | Proposed
    | SessionStatus
    | Outcome
    | Amendment
)
_OfTrades = Traded | TradeBusted | TradeCorrected
_OfPrices = BandChanged | LimitsChanged | CompositeChanged
_OfAuctions = AuctionIndicated | AuctionEnded
_OfBidding = BiddingAnnounced | BiddingPhaseChanged | BiddingEnded
_OfInstruments = PhaseChanged | InstrumentDefined | DayEnded
_OfMechanisms = _OfAuctions | _OfBidding | BlockPosted | BlockPhaseChanged
AnyPublicEvent = _OfInstruments | _OfTrades | _OfPrices | _OfMechanisms


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


class Disconnection(Struct, frozen=True, gc=False):
    """An operator has had the connections of a session ended; 0: it may come back at once."""

    session_id: SessionId
    banned_until_ns: int
    text: str


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
    # What is left of each order that has changed, in instruments with an order list.
    orders: list[OrderListed] = []
    # Whose connections an operator has ended, and what they are told.
    disconnects: list[Disconnection] = []
    # Whether an operator has changed the configuration.
    amended: bool = False
