"""What operators say an account may not do, or not hold. The rules are in proto/ACCOUNTS.md."""

from carbonmatch.limits import BID_MEETINGS, HOLDINGS_LOTS_MAX
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.book import Book
from carbonmatch.matching.clearing.clearing import FORBIDDING, Clearing
from carbonmatch.matching.control import report_done
from carbonmatch.matching.kill_switch import report_pulled
from carbonmatch.matching.messages import (
    ANY,
    CancelReason,
    Ref,
    RejectReason,
    RestrictAccount,
    SetAccountLimits,
    Side,
)
from carbonmatch.matching.pulling import Open, open_bids, open_offers, pull
from carbonmatch.matching.venue import Venue


def restrict_account(venue: Venue, session: SessionState, command: RestrictAccount, ref: Ref) -> None:
    """Let an account do no more than this from now on, and take out what it may not do, where asked."""
    found = books_of(venue, session, command)
    if isinstance(found, RejectReason):
        venue.reject(session, ref, found)
        return
    for book in found:
        assert isinstance(book.clearing, Clearing)
        book.clearing.restrict(command.account_id, command.restriction)
    forbidden, more = open_and_forbidden(venue, command, found, venue.auction_orders_left // BID_MEETINGS)
    pull(venue, forbidden, CancelReason.RESTRICTED)
    if more:
        report_pulled(venue, session, forbidden, more, ref)
    report_done(venue, session, ref)


def set_account_limits(venue: Venue, session: SessionState, command: SetAccountLimits, ref: Ref) -> None:
    """Let an account have limits of its own in one instrument, or those of everybody."""
    found = books_of(venue, session, command)
    if isinstance(found, RejectReason):
        venue.reject(session, ref, found)
        return
    clearing = found[0].clearing
    assert isinstance(clearing, Clearing)
    clearing.set_limits(
        command.account_id, command.position_max_lots, command.report_from_lots, command.allocated_lots
    )
    report_done(venue, session, ref)


def books_of(
    venue: Venue, session: SessionState, command: RestrictAccount | SetAccountLimits
) -> list[Book] | RejectReason:
    """Where it is to hold; or why it is refused."""
    number = command.instrument_id
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    if command.account_id not in venue.accounts:
        return RejectReason.UNKNOWN_ACCOUNT
    may_be_any = isinstance(command, RestrictAccount)
    if number not in venue.books and not (may_be_any and number == ANY):
        return RejectReason.UNKNOWN_INSTRUMENT
    books = [book for one, book in sorted(venue.books.items()) if number in (ANY, one)]
    cleared = [book for book in books if isinstance(book.clearing, Clearing)]
    if not cleared:
        return RejectReason.MECHANISM_NOT_AVAILABLE
    if (
        isinstance(command, SetAccountLimits)
        and max(command.position_max_lots, command.report_from_lots, command.allocated_lots)
        > HOLDINGS_LOTS_MAX
    ):
        return RejectReason.INVALID_QUANTITY
    return cleared


def open_and_forbidden(
    venue: Venue, command: RestrictAccount, books: list[Book], room: int
) -> tuple[Open, bool]:
    """What the command takes out: orders, offers of blocks and bids on a side that it forbids; of bids so
    many as there is room for, and whether there are more.

    What is frozen stays, and so do bids of a window that is over: they are being traded.
    """
    if not command.cancels:
        return Open([], [], [], []), False
    account = venue.accounts[command.account_id]

    def is_forbidden(whose: Account, book: Book, side: Side) -> bool:
        return whose is account and book in books and command.restriction in FORBIDDING[side]

    orders = [
        order
        for order in account.open_orders()
        if is_forbidden(account, order.ladder.book, order.ladder.side)
        and not order.ladder.book.instrument.is_frozen
    ]
    bids = open_bids(venue, is_forbidden)
    return Open(orders, open_offers(venue, is_forbidden), bids[:room], []), len(bids) > room
