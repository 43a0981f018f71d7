"""Drop copies: which reports of a batch somebody else may read too, and under which numbers.

A copy is a stream over accounts and not over a session. It holds every report that concerns its
accounts, of whatever session:

* a report that names an order belongs to the account of that order;
* so does one of a block, as long as its participant has not answered with an account of it;
* one that names none (Rejected, MassCanceled, StatusEnd, TradeStatus, SessionStatus, Outcome, Amendment,
  Done), or that tells what accounts have (Holding, Cash), belongs to its session, and is copied where the
  copy may see every account which that session acts for.

A copy is defined by the venue and numbered from there on. What is chosen here follows from the entries
alone, so that a replay chooses and numbers alike; the reports themselves are not touched.

Nothing here costs anything where no copy is defined.
"""

from collections.abc import Sequence
from typing import Final

from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    AnyReport,
    BidUpdate,
    BlockUpdate,
    Busted,
    Canceled,
    CopyChunk,
    CopyPart,
    Corrected,
    Executed,
    OrderId,
    OrderStatus,
    Reduced,
    Replaced,
    SelfTradePrevented,
    SessionId,
    StreamChunk,
    Triggered,
)

_NAME_THEIR_ACCOUNT: Final = (Accepted, Executed, OrderStatus, Busted, Corrected, BidUpdate)
_NAME_THEIR_ORDER: Final = (Canceled, Reduced, Replaced, SelfTradePrevented, Triggered)
# In place of an account: the report belongs to its session.
_OF_THE_SESSION: Final = AccountId(-1)
_WHOLE: Final = b""


class DropCopy:
    """One copy: the accounts it shows, and the number of its next report."""

    __slots__ = ("account_ids", "name", "next_seq", "session_id", "shown")

    def __init__(
        self, session_id: SessionId, name: str, account_ids: tuple[AccountId, ...], next_seq: int = 1
    ) -> None:
        self.session_id = session_id
        self.name = name
        self.account_ids = account_ids
        self.shown = frozenset(account_ids)
        self.next_seq = next_seq


class DropCopies:
    """All copies of the venue, and the open orders of the accounts they show.

    Invariant: between two batches `_accounts` has exactly the open orders of these accounts.
    """

    __slots__ = ("_accounts", "by_session", "shown")

    def __init__(self) -> None:
        self.by_session: dict[SessionId, DropCopy] = {}
        # Accounts which at least one copy shows.
        self.shown: frozenset[AccountId] = frozenset()
        self._accounts: dict[OrderId, AccountId] = {}

    def __bool__(self) -> bool:
        return bool(self.shown)

    def define(self, copy: DropCopy, accounts: dict[AccountId, Account]) -> None:
        """Add a copy, or change which accounts one shows, none to remove it; its numbers go on."""
        before = self.by_session.get(copy.session_id)
        if before is not None:
            copy.next_seq = before.next_seq
        self.by_session[copy.session_id] = copy
        self.shown = frozenset().union(*(each.shown for each in self.by_session.values()))
        # Orders that have ended in the batch which gathers are still to be reported, and stay.
        known = self._accounts.items()
        self._accounts = {order_id: account_id for order_id, account_id in known if account_id in self.shown}
        # Looked up without making an index of what has none: sessions would pay for it from then on.
        unindexed: dict[SessionId, SessionState] = {}
        for account_id in copy.account_ids:
            self._accounts |= dict.fromkeys(accounts[account_id].indexed_orders, account_id)
            unindexed |= accounts[account_id].unindexed
        for session in unindexed.values():
            for order in session.orders.values():
                if order.account.account_id in copy.shown:
                    self._accounts[order.order_id] = order.account.account_id

    def choose(
        self, streams: Sequence[StreamChunk], sessions: dict[SessionId, SessionState]
    ) -> list[CopyChunk]:
        """What each copy gets of one batch, in the order of their ids."""
        ended: list[OrderId] = []
        for stream in streams:
            self._enter(stream.reports, ended)
        chosen: dict[SessionId, list[CopyPart]] = {}
        counts = dict.fromkeys(self.by_session, 0)
        for stream in streams:
            owners = [self._owner(report) for report in stream.reports]
            different = set(owners)
            session = sessions[stream.session_id]
            for copy in self.by_session.values():
                seen = _seen(copy, session, different)
                if not seen:
                    continue
                picked = _WHOLE if len(seen) == len(different) else _bitmap(owners, seen)
                count = int.from_bytes(picked, "big").bit_count() if picked else len(owners)
                counts[copy.session_id] += count
                chosen.setdefault(copy.session_id, []).append(CopyPart(stream.session_id, picked))
        for order_id in ended:
            self._accounts.pop(order_id, None)
        chunks = []
        for session_id, parts in sorted(chosen.items()):
            copy = self.by_session[session_id]
            chunks.append(CopyChunk(session_id, copy.next_seq, counts[session_id], parts))
            copy.next_seq += counts[session_id]
        return chunks

    def check(self, open_orders: Sequence[Order]) -> None:
        """Assert the invariant: for tests, between two batches."""
        accounts = {order.order_id: order.account.account_id for order in open_orders}
        assert self._accounts == {
            one: account_id for one, account_id in accounts.items() if account_id in self.shown
        }

    def _enter(self, reports: Sequence[AnyReport], ended: list[OrderId]) -> None:
        """Note whose the orders are that came in, and which of them are gone."""
        for report in reports:
            if isinstance(report, Accepted):
                if report.account_id in self.shown:
                    self._accounts[report.order_id] = report.account_id
            elif isinstance(report, Canceled) or (isinstance(report, Executed) and not report.leaves_lots):
                ended.append(report.order_id)

    def _owner(self, report: AnyReport) -> AccountId:
        if isinstance(report, BlockUpdate):
            return report.account_id or _OF_THE_SESSION
        if isinstance(report, _NAME_THEIR_ACCOUNT):
            return report.account_id
        if isinstance(report, _NAME_THEIR_ORDER):
            # 0: of an account that no copy shows.
            return self._accounts.get(report.order_id, AccountId(0))
        return _OF_THE_SESSION


def _seen(copy: DropCopy, session: SessionState, owners: set[AccountId]) -> set[AccountId]:
    """Those of a stream's owners whose reports the copy shows."""
    seen = owners & copy.shown
    if _OF_THE_SESSION in owners and session.account_ids and copy.shown.issuperset(session.account_ids):
        seen.add(_OF_THE_SESSION)
    return seen


def _bitmap(owners: Sequence[AccountId], seen: set[AccountId]) -> bytes:
    """One bit a report, the first one's the highest of the first byte; spare bits at the end are 0."""
    size = -(-len(owners) // 8)
    digits = "".join("1" if owner in seen else "0" for owner in owners)
    return int(digits.ljust(8 * size, "0"), 2).to_bytes(size, "big")
