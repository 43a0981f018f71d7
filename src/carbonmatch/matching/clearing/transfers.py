"""What comes into accounts and leaves them, as registry and bank say. The rules are in proto/ACCOUNTS.md."""

from carbonmatch.limits import CASH_MINOR_MAX, HOLDINGS_LOTS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.control import report_done
from carbonmatch.matching.messages import Deposit, Ref, RejectReason, Withdraw
from carbonmatch.matching.venue import Venue


def deposit(venue: Venue, session: SessionState, command: Deposit, ref: Ref) -> None:
    """Add units or money to an account, as far as the venue may hold so much."""
    found = where(venue, session, command)
    if isinstance(found, Clearing):
        found.deposit(command.account_id, command.quantity_lots)
    elif isinstance(found, CashLedger):
        found.deposit(command.account_id, command.amount_minor)
    _answer(venue, session, ref, found)


def withdraw(venue: Venue, session: SessionState, command: Withdraw, ref: Ref) -> None:
    """Take units or money out of an account, as far as they are free, and money is not of today's sales."""
    found = where(venue, session, command)
    if isinstance(found, Clearing):
        found.withdraw(command.account_id, command.quantity_lots)
    elif isinstance(found, CashLedger):
        found.withdraw(command.account_id, command.amount_minor)
    _answer(venue, session, ref, found)


def where(
    venue: Venue, session: SessionState, command: Deposit | Withdraw
) -> Clearing | CashLedger | RejectReason:
    """What holds what the command names, and may have it come or go; or why it is refused."""
    found = _named(venue, session, command)
    if isinstance(found, RejectReason):
        return found
    if isinstance(command, Deposit):
        return _deposit_refusal(found, command) or found
    return _withdrawal_refusal(found, command) or found


def _deposit_refusal(found: Clearing | CashLedger, command: Deposit) -> RejectReason | None:
    if isinstance(found, Clearing):
        fits = found.deposited_lots + command.quantity_lots <= HOLDINGS_LOTS_MAX
    else:
        fits = found.deposited_minor + command.amount_minor <= CASH_MINOR_MAX
    return None if fits else RejectReason.INVALID_QUANTITY


def _withdrawal_refusal(found: Clearing | CashLedger, command: Withdraw) -> RejectReason | None:
    if isinstance(found, Clearing):
        may = found.may_withdraw(command.account_id, command.quantity_lots)
        return None if may else RejectReason.INSUFFICIENT_HOLDINGS
    may = found.may_withdraw(command.account_id, command.amount_minor)
    return None if may else RejectReason.INSUFFICIENT_CASH


def _named(
    venue: Venue, session: SessionState, command: Deposit | Withdraw
) -> Clearing | CashLedger | RejectReason:
    """What holds what the command names; or why it is refused, whatever the account has."""
    is_units, is_money = bool(command.instrument_id), bool(command.currency)
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    if is_units == is_money or (command.amount_minor if is_units else command.quantity_lots):
        return RejectReason.INCOMPATIBLE_INSTRUCTIONS
    if command.account_id not in venue.accounts:
        return RejectReason.UNKNOWN_ACCOUNT
    if not (command.quantity_lots or command.amount_minor):
        return RejectReason.INVALID_QUANTITY
    if is_money:
        return venue.cash.get(command.currency, RejectReason.MECHANISM_NOT_AVAILABLE)
    book = venue.books.get(command.instrument_id)
    if book is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    return book.clearing if isinstance(book.clearing, Clearing) else RejectReason.MECHANISM_NOT_AVAILABLE


def _answer(
    venue: Venue, session: SessionState, ref: Ref, outcome: Clearing | CashLedger | RejectReason
) -> None:
    if isinstance(outcome, RejectReason):
        venue.reject(session, ref, outcome)
    else:
        report_done(venue, session, ref)
