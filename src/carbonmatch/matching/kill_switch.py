"""The kill switch: one command pulls all that is open in a scope, and nothing new comes until its release.

Scopes are the venue, a participant, an account, an instrument, each stopped and released by itself: what two
of them stop goes on when both are released. What takes risk out (cancels, reductions, withdrawals, declining)
stays allowed. What is decided already is told: bids of a window that is over.
"""

from collections.abc import Callable
from typing import Any, Final

from carbonmatch.limits import BID_MEETINGS, STATUS_ORDERS_MAX
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.blocks.negotiation import answering_account
from carbonmatch.matching.book import Book
from carbonmatch.matching.control import report_done
from carbonmatch.matching.kills import WHOLE_VENUE, Killing, is_killed
from carbonmatch.matching.messages import (
    AccountId,
    AnnounceBidding,
    Bid,
    BlockAccept,
    BlockCounter,
    BlockPropose,
    CancelReason,
    InstrumentId,
    Kill,
    Killed,
    KilledRequest,
    KillScope,
    ModifyBid,
    NewOrder,
    NewOrderLong,
    Pulled,
    Ref,
    RejectReason,
    Release,
    Replace,
    Select,
    Side,
    StatusEnd,
)
from carbonmatch.matching.pulling import Open, open_biddings, open_bids, open_offers, pull
from carbonmatch.matching.venue import Venue

_Handler = Callable[[Venue, SessionState, Any, Ref], None]
# Whose new order it is, and in what; None where that is for others to refuse.
_Concerned = tuple[Account | None, Book | None]


def kill(venue: Venue, session: SessionState, command: Kill, ref: Ref) -> None:
    """Stop the scope, and pull what is open in it. Of what is stopped already: what has come to be of it."""
    reason = kill_refusal(venue, session, command)
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    # What is told of bids in one entry has a bound, as at the ends of their windows.
    room = venue.auction_orders_left // BID_MEETINGS
    found, more = open_in(venue, command.scope, command.scope_id, room)
    venue.killed[command.scope, command.scope_id] = Killing(
        venue.sequence, venue.time_ns, session.session_id, command.text
    )
    pull(venue, found, CancelReason.KILLED, command.text)
    report_pulled(venue, session, found, more, ref)
    report_done(venue, session, ref)


def release(venue: Venue, session: SessionState, command: Release, ref: Ref) -> None:
    """Let the scope go on, where nothing else stops it."""
    reason = release_refusal(venue, session, command)
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    del venue.killed[command.scope, command.scope_id]
    report_done(venue, session, ref)


def what_is_killed(venue: Venue, session: SessionState, command: KilledRequest, ref: Ref) -> None:
    """Tell a page of what is stopped, in the order of scopes and their ids."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
        return
    after = (command.after_scope, command.after_scope_id)
    later = [(key, killing) for key, killing in sorted(venue.killed.items()) if key > after]
    page, more = later[:STATUS_ORDERS_MAX], len(later) > STATUS_ORDERS_MAX
    for (scope, scope_id), killing in page:
        reports = venue.stream(session)
        seq = session.next_seq
        session.next_seq = seq + 1
        reports.append(Killed(seq, ref, venue.time_ns, venue.report_flags, scope, scope_id, *killing))
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(StatusEnd(seq, ref, venue.time_ns, venue.report_flags, len(page), more))


# --- what may be ---------------------------------------------------------------------------------


def kill_refusal(venue: Venue, session: SessionState, command: Kill) -> RejectReason | None:
    """Why nothing is stopped, None if it is."""
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    scope, number = command.scope, command.scope_id
    if scope is KillScope.VENUE:
        return RejectReason.INCOMPATIBLE_INSTRUCTIONS if number else None
    if scope is KillScope.ACCOUNT:
        return None if number in venue.accounts else RejectReason.UNKNOWN_ACCOUNT
    if scope is KillScope.INSTRUMENT:
        return None if number in venue.books else RejectReason.UNKNOWN_INSTRUMENT
    is_known = any(account.participant_id == number for account in venue.accounts.values())
    return None if is_known else RejectReason.UNKNOWN_PARTICIPANT


def release_refusal(venue: Venue, session: SessionState, command: Release) -> RejectReason | None:
    """Why nothing is released, None if it is."""
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    return None if (command.scope, command.scope_id) in venue.killed else RejectReason.NOT_KILLED


# --- what is pulled ------------------------------------------------------------------------------


def open_in(venue: Venue, scope: KillScope, scope_id: int, room: int) -> tuple[Open, bool]:
    """What is open in the scope, of bids so many as there is room for; whether there are more.

    Orders are in the order of their accounts, and of each in that of entry.
    """
    accounts = _accounts_in(venue, scope, scope_id)
    account_ids = {account.account_id for account in accounts}
    only = venue.books[InstrumentId(scope_id)] if scope is KillScope.INSTRUMENT else None
    orders = [order for account in accounts for order in account.open_orders()]
    if only is not None:
        orders = [order for order in orders if order.ladder.book is only]

    def is_own(account: Account, book: Book, _side: Side) -> bool:
        return (only is None or book is only) and account.account_id in account_ids

    biddings = open_biddings(venue, is_own)
    bids = [bid for bid in open_bids(venue, is_own) if bid.bidding not in biddings]
    return Open(orders, open_offers(venue, is_own), bids[:room], biddings), len(bids) > room


def _accounts_in(venue: Venue, scope: KillScope, scope_id: int) -> list[Account]:
    """Whose orders may be meant, in the order of their ids."""
    accounts = [account for _, account in sorted(venue.accounts.items())]
    if scope is KillScope.PARTICIPANT:
        return [account for account in accounts if account.participant_id == scope_id]
    if scope is KillScope.ACCOUNT:
        return [account for account in accounts if account.account_id == scope_id]
    return accounts


def report_pulled(venue: Venue, session: SessionState, found: Open, more: bool, ref: Ref) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Pulled(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            len(found.orders),
            found.order_lots,
            len(found.proposals),
            len(found.bids),
            len(found.biddings),
            more,
        )
    )


# --- what is refused while something is stopped --------------------------------------------------


def unless_killed(handler: _Handler, concerned: Callable[[Venue, SessionState, Any], _Concerned]) -> _Handler:
    """The handler, with a look whether the command is of a scope that is stopped, or KILLED."""

    def look(venue: Venue, session: SessionState, command: Any, ref: Ref) -> None:
        if venue.killed:
            account, book = concerned(venue, session, command)
            if (
                account is not None
                and book is not None
                and is_killed(venue.killed, account, book.instrument.instrument_id)
            ):
                venue.reject(session, ref, RejectReason.KILLED)
                return
        handler(venue, session, command, ref)

    return look


def _of_order(venue: Venue, session: SessionState, command: NewOrder | Select | BlockPropose) -> _Concerned:
    return session.accounts.get(command.account_id), venue.books.get(command.instrument_id)


def _of_replacement(_venue: Venue, session: SessionState, command: Replace) -> _Concerned:
    if (command.order_ref == 0) == (command.order_id == 0):
        return None, None
    order = session.find(command.order_ref, command.order_id)
    return (None, None) if order is None else (order.account, order.ladder.book)


def _of_answer(venue: Venue, session: SessionState, command: BlockAccept | BlockCounter) -> _Concerned:
    proposal = venue.negotiations.proposals.get(command.proposal_id)
    if proposal is None:
        return None, None
    return answering_account(session, proposal, command.account_id), proposal.book


def _of_bid(venue: Venue, session: SessionState, command: Bid) -> _Concerned:
    bidding = venue.biddings.by_id.get(command.bidding_id)
    return session.accounts.get(command.account_id), None if bidding is None else bidding.book


def _of_changed_bid(venue: Venue, session: SessionState, command: ModifyBid) -> _Concerned:
    bid = venue.biddings.bids.get(command.bid_id)
    if bid is None or session.accounts.get(bid.account.account_id) is not bid.account:
        return None, None
    return bid.account, bid.bidding.book


def _of_offer(venue: Venue, session: SessionState, command: AnnounceBidding) -> _Concerned:
    offerer = venue.sessions.get(command.session_id) if session.operator else None
    account = None if offerer is None else offerer.accounts.get(command.account_id)
    return account, venue.books.get(command.instrument_id)


# Every command that brings something new into a market, and whom it concerns.
CONCERNED: Final[dict[type, Callable[[Venue, SessionState, Any], _Concerned]]] = {
    NewOrder: _of_order,
    NewOrderLong: _of_order,
    Replace: _of_replacement,
    Select: _of_order,
    BlockPropose: _of_order,
    BlockAccept: _of_answer,
    BlockCounter: _of_answer,
    Bid: _of_bid,
    ModifyBid: _of_changed_bid,
    AnnounceBidding: _of_offer,
}


def check_killed(venue: Venue) -> None:
    """Assert every invariant of what is stopped: for tests."""
    for (scope, scope_id), killing in venue.killed.items():
        assert 0 < killing.sequence <= venue.sequence
        assert killing.time_ns <= venue.time_ns
        if scope is KillScope.VENUE:
            assert (scope, scope_id) == WHOLE_VENUE
        elif scope is KillScope.ACCOUNT:
            assert AccountId(scope_id) in venue.accounts
        elif scope is KillScope.INSTRUMENT:
            assert InstrumentId(scope_id) in venue.books


def killed_state(venue: Venue) -> list[tuple[KillScope, int, Killing]]:
    """What a snapshot keeps: in the order of scopes and their ids."""
    return [(scope, number, killing) for (scope, number), killing in sorted(venue.killed.items())]


def restore_killed(venue: Venue, kept: list[tuple[KillScope, int, Killing]]) -> None:
    venue.killed = {(scope, number): killing for scope, number, killing in kept}
