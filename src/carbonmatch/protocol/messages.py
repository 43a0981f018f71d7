"""Messages of the session layer and of the market-data feed, for everyone to take from.

Commands and reports of the market itself are in `matching.messages`. The same evolution rules hold:
fields are appended with a default, a tag is never reused and has one direction.
"""

from carbonmatch.matching.messages import ClientCommand
from carbonmatch.protocol.vocabulary.base import Inbound as Inbound
from carbonmatch.protocol.vocabulary.base import Outbound as Outbound
from carbonmatch.protocol.vocabulary.feed import BatchBegin as BatchBegin
from carbonmatch.protocol.vocabulary.feed import Conflated as Conflated
from carbonmatch.protocol.vocabulary.feed import FeedKind as FeedKind
from carbonmatch.protocol.vocabulary.feed import FeedSource as FeedSource
from carbonmatch.protocol.vocabulary.feed import GapFilled as GapFilled
from carbonmatch.protocol.vocabulary.feed import GapRequest as GapRequest
from carbonmatch.protocol.vocabulary.feed import Instrument as Instrument
from carbonmatch.protocol.vocabulary.feed import LevelUpdate as LevelUpdate
from carbonmatch.protocol.vocabulary.feed import OrderUpdate as OrderUpdate
from carbonmatch.protocol.vocabulary.feed import SnapshotBegin as SnapshotBegin
from carbonmatch.protocol.vocabulary.feed import SnapshotEnd as SnapshotEnd
from carbonmatch.protocol.vocabulary.feed import SnapshotLevel as SnapshotLevel
from carbonmatch.protocol.vocabulary.feed import SnapshotOrder as SnapshotOrder
from carbonmatch.protocol.vocabulary.feed import Subscribe as Subscribe
from carbonmatch.protocol.vocabulary.feed import Subscribed as Subscribed
from carbonmatch.protocol.vocabulary.feed import SubscribeRejected as SubscribeRejected
from carbonmatch.protocol.vocabulary.feed_mechanisms import AuctionResult as AuctionResult
from carbonmatch.protocol.vocabulary.feed_mechanisms import AuctionUpdate as AuctionUpdate
from carbonmatch.protocol.vocabulary.feed_mechanisms import BiddingAnnouncement as BiddingAnnouncement
from carbonmatch.protocol.vocabulary.feed_mechanisms import BiddingResult as BiddingResult
from carbonmatch.protocol.vocabulary.feed_mechanisms import BiddingUpdate as BiddingUpdate
from carbonmatch.protocol.vocabulary.feed_mechanisms import BlockPhaseUpdate as BlockPhaseUpdate
from carbonmatch.protocol.vocabulary.feed_mechanisms import BlockPost as BlockPost
from carbonmatch.protocol.vocabulary.feed_mechanisms import BlockVolume as BlockVolume
from carbonmatch.protocol.vocabulary.feed_trading import BandUpdate as BandUpdate
from carbonmatch.protocol.vocabulary.feed_trading import Composite as Composite
from carbonmatch.protocol.vocabulary.feed_trading import DaySummary as DaySummary
from carbonmatch.protocol.vocabulary.feed_trading import KindStatistics as KindStatistics
from carbonmatch.protocol.vocabulary.feed_trading import LimitsUpdate as LimitsUpdate
from carbonmatch.protocol.vocabulary.feed_trading import PhaseUpdate as PhaseUpdate
from carbonmatch.protocol.vocabulary.feed_trading import Statistics as Statistics
from carbonmatch.protocol.vocabulary.feed_trading import Trade as Trade
from carbonmatch.protocol.vocabulary.feed_trading import TradeBust as TradeBust
from carbonmatch.protocol.vocabulary.feed_trading import TradeCorrection as TradeCorrection
from carbonmatch.protocol.vocabulary.operating import Audited as Audited
from carbonmatch.protocol.vocabulary.operating import AuditEnd as AuditEnd
from carbonmatch.protocol.vocabulary.operating import AuditRequest as AuditRequest
from carbonmatch.protocol.vocabulary.operating import DryRun as DryRun
from carbonmatch.protocol.vocabulary.operating import Foreseen as Foreseen
from carbonmatch.protocol.vocabulary.session import NONCE_BYTES as NONCE_BYTES
from carbonmatch.protocol.vocabulary.session import PROTOCOL_VERSION as PROTOCOL_VERSION
from carbonmatch.protocol.vocabulary.session import SIGNATURE_BYTES as SIGNATURE_BYTES
from carbonmatch.protocol.vocabulary.session import Challenge as Challenge
from carbonmatch.protocol.vocabulary.session import Copied as Copied
from carbonmatch.protocol.vocabulary.session import Heartbeat as Heartbeat
from carbonmatch.protocol.vocabulary.session import HeartbeatAnswer as HeartbeatAnswer
from carbonmatch.protocol.vocabulary.session import LoggedOut as LoggedOut
from carbonmatch.protocol.vocabulary.session import Logon as Logon
from carbonmatch.protocol.vocabulary.session import LogonAccepted as LogonAccepted
from carbonmatch.protocol.vocabulary.session import LogonRejected as LogonRejected
from carbonmatch.protocol.vocabulary.session import Logout as Logout
from carbonmatch.protocol.vocabulary.session import LogoutReason as LogoutReason
from carbonmatch.protocol.vocabulary.session import Role as Role
from carbonmatch.protocol.vocabulary.session import SessionRejected as SessionRejected
from carbonmatch.protocol.vocabulary.session import ThrottleChanged as ThrottleChanged

# The modules above belong to the vocabulary: whoever needs what is in them takes it from here.

# A logon comes once, alone in the first frame; the others may stand in any frame after it.
SessionControl = Logout | Heartbeat
SessionInbound = Logon | SessionControl
# What operators ask beside the market, and what they are answered, outside of every stream.
OperatorQuestion = AuditRequest | DryRun
OperatorAnswer = Audited | AuditEnd | Foreseen
ClientInbound = ClientCommand | OperatorQuestion | SessionControl
FeedRequest = Subscribe | GapRequest
FeedInbound = FeedRequest | SessionControl
_Answered = HeartbeatAnswer | SessionRejected | ThrottleChanged
SessionOutbound = Challenge | LogonAccepted | LogonRejected | LoggedOut | _Answered
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
    | BlockVolume
    | GapFilled
    | Composite
)
