"""What accounts have: the answer to whoever may know."""

from collections.abc import Iterable, Iterator
from itertools import islice

from carbonmatch.limits import HOLDINGS_STATUS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.clearing import cash, clearing
from carbonmatch.matching.clearing.position import Position
from carbonmatch.matching.messages import (
    ANY,
    AccountId,
    Cash,
    Holding,
    HoldingsRequest,
    InspectHoldings,
    InstrumentId,
    Ref,
    RejectReason,
    Restriction,
    StatusEnd,
)
from carbonmatch.matching.venue import Venue

# By account; of each money by currency, and then units by instrument.
_Key = tuple[AccountId, InstrumentId, str]
# Of units with the clearing that has them.
_Row = tuple[_Key, cash.Cash | clearing.Clearing]


def holdings(venue: Venue, session: SessionState, command: HoldingsRequest, ref: Ref) -> None:
    """Report what accounts of the session have."""
    _answer(venue, session, command, ref, sorted(session.account_ids))


def inspect(venue: Venue, session: SessionState, command: InspectHoldings, ref: Ref) -> None:
    """Report what any accounts of the venue have, to an operator."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
    else:
        _answer(venue, session, command, ref, sorted(venue.accounts))


def _answer(
    venue: Venue,
    session: SessionState,
    command: HoldingsRequest | InspectHoldings,
    ref: Ref,
    account_ids: list[AccountId],
) -> None:
    """Report a page of what those of the accounts have that are asked after, and the end."""
    if command.account_id:
        if command.account_id not in account_ids:
            venue.reject(session, ref, RejectReason.UNKNOWN_ACCOUNT)
            return
        account_ids = [command.account_id]
    if command.instrument_id and command.instrument_id not in venue.books:
        venue.reject(session, ref, RejectReason.UNKNOWN_INSTRUMENT)
        return
    after = (command.after_account_id, command.after_instrument_id, command.after_currency)
    wanted = (
        row
        for row in _rows(venue, (one for one in account_ids if one >= after[0]), command.instrument_id)
        if row[0] > after
    )
    page = list(islice(wanted, HOLDINGS_STATUS_MAX))
    more = next(wanted, None) is not None
    for row in page:
        _report(venue, session, ref, row)
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(StatusEnd(seq, ref, venue.time_ns, venue.report_flags, len(page), more))


def _rows(venue: Venue, account_ids: Iterable[AccountId], instrument_id: InstrumentId) -> Iterator[_Row]:
    """In the order of their keys; of one instrument, or of all with the money beside."""
    ledgers = [] if instrument_id else sorted(venue.cash.items())
    clearings = [
        (number, book.clearing)
        for number, book in sorted(venue.books.items())
        if isinstance(book.clearing, clearing.Clearing) and instrument_id in (ANY, number)
    ]
    for account_id in account_ids:
        for currency, ledger in ledgers:
            money = ledger.accounts.get(account_id)
            if money is not None:
                yield (account_id, InstrumentId(ANY), currency), money
        for number, one in clearings:
            # A restriction is told also where there is nothing yet.
            if account_id in one.positions or account_id in one.restrictions:
                yield (account_id, number, ""), one


def _report(venue: Venue, session: SessionState, ref: Ref, row: _Row) -> None:
    (account_id, instrument_id, currency), found = row
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    if isinstance(found, cash.Cash):
        reports.append(
            Cash(
                seq,
                ref,
                venue.time_ns,
                venue.report_flags,
                account_id,
                currency,
                found.total_minor,
                found.free_minor,
                found.reserved_minor,
                found.withdrawable_minor,
            )
        )
        return
    rules = found.rules
    units = found.positions.get(account_id) or Position(rules.lag_days)
    reports.append(
        Holding(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            account_id,
            instrument_id,
            units.total_lots,
            units.free_lots,
            units.reserved_lots,
            sum(units.unsettled_lots),
            units.unsettled_lots[0] if units.unsettled_lots else 0,
            units.buying_lots,
            units.limit_lots or rules.position_max_lots,
            units.report_from_lots or rules.report_from_lots,
            found.restrictions.get(account_id, Restriction.NONE),
        )
    )
