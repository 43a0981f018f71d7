"""Which commands a permission is for, and what is refused to who lacks it.

Permissions narrow what a role allows: they are a session's and its key's, and what both have may pass. Of
the market nothing depends on them, so the session layer refuses, before a command is journaled.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from carbonmatch.matching.messages import (
    AmendmentsRequest,
    AnnounceBidding,
    Bid,
    BlockAccept,
    BlockCounter,
    BlockDecline,
    BlockPropose,
    BlockStatusRequest,
    BlockWithdraw,
    BustTrade,
    Cancel,
    CancelBidding,
    ChangeTable,
    ConfirmSettlement,
    CorrectTrade,
    Decide,
    Deposit,
    Disconnect,
    EndDay,
    HoldingsRequest,
    InspectHoldings,
    Kill,
    KilledRequest,
    MassCancel,
    ModifyBid,
    NewOrder,
    NewOrderLong,
    OrderStatusRequest,
    Permission,
    PutTables,
    Reduce,
    Release,
    ReloadConfiguration,
    Replace,
    RestrictAccount,
    Resume,
    Select,
    SessionsRequest,
    SetAccountLimits,
    SetBand,
    SetBlockPhase,
    SetPhase,
    SetReference,
    SetThrottle,
    SettlementStatusRequest,
    TakeSnapshot,
    TradeStatusRequest,
    Withdraw,
    WithdrawBid,
)

# Each command has one; a command that comes to be is to be given one too. InstrumentStatusRequest needs none:
# whoever steers an instrument asks for its number by it.
COMMANDS: Final[Mapping[int, frozenset[type]]] = {
    Permission.PLACE: frozenset(
        {
            NewOrder,
            NewOrderLong,
            Replace,
            Select,
            BlockPropose,
            BlockAccept,
            BlockCounter,
            Bid,
            ModifyBid,
        }
    ),
    Permission.CANCEL: frozenset({Cancel, Reduce, MassCancel, BlockDecline, BlockWithdraw, WithdrawBid}),
    Permission.READ: frozenset({OrderStatusRequest, BlockStatusRequest, HoldingsRequest}),
    Permission.PHASES: frozenset({SetPhase, Resume, SetBlockPhase}),
    Permission.PRICES: frozenset({SetBand, SetReference}),
    Permission.TRADES: frozenset({BustTrade, CorrectTrade, TradeStatusRequest}),
    Permission.ACCOUNTS: frozenset({Deposit, Withdraw, SetAccountLimits, RestrictAccount}),
    Permission.BIDDINGS: frozenset({AnnounceBidding, CancelBidding}),
    Permission.SETTLEMENT: frozenset({EndDay, ConfirmSettlement}),
    Permission.INSPECT: frozenset(
        {InspectHoldings, SettlementStatusRequest, KilledRequest, SessionsRequest, AmendmentsRequest}
    ),
    Permission.KILL: frozenset({Kill, Release}),
    Permission.DECIDE: frozenset({Decide}),
    Permission.SESSIONS: frozenset({Disconnect, SetThrottle}),
    Permission.CONFIGURATION: frozenset({TakeSnapshot, ReloadConfiguration, PutTables, ChangeTable}),
}
_NAMES: Final = {
    getattr(Permission, name): name.lower() for name in vars(Permission) if name.isupper() and name != "ALL"
}


@cache
def forbidden(permissions: int) -> frozenset[type]:
    """The commands of who has these permissions only; 0: nothing is forbidden beside what the role does."""
    if not permissions:
        return frozenset()
    return frozenset().union(*(kinds for bit, kinds in COMMANDS.items() if not permissions & bit))


def both(session: int, key: int) -> int:
    """What a session may whose key may this: either 0 leaves it to the other. What is left may be nothing."""
    if not session or not key:
        return session or key
    return session & key or Permission.NOTHING


def why_refused(kind: type, permissions: int) -> str:
    """For a person: what it would need, and what there is."""
    needed = next(_NAMES[bit] for bit, kinds in COMMANDS.items() if kind in kinds)
    return f"needs {needed}, has {', '.join(names_of(permissions)) or 'nothing'}"


def names_of(permissions: int) -> Iterable[str]:
    return [name for bit, name in _NAMES.items() if permissions & bit]
