"""What accounts have: the answer to whoever may know."""

from collections.abc import Iterable, Iterator
from itertools import islice

from carbonmatch.limits import HOLDINGS_STATUS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.clearing import cash, clearing
from carbonmatch.matching.clearing.cut_off import longest_days
from carbonmatch.matching.clearing.net_sales import carry_over_max_lots
from carbonmatch.matching.clearing.position import Position
from carbonmatch.matching.messages import (
    ANY,
    AccountId,
    CarryOverRules,
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
    units = found.positions.get(account_id) or Position(account_id, longest_days(found.rules))
    limits = found.limits.of(account_id)
    sales = found.net_sales
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
            found.bought_today_lots(account_id, units),
            units.buying_lots,
            units.limit_lots or limits.position_max_lots,
            units.report_from_lots or limits.report_from_lots,
            found.restrictions.get(account_id, Restriction.NONE),
            found.limits.allocated_lots.get(account_id, 0),
            0 if sales is None else sales.sold_lots.get(account_id, 0),
            0 if sales is None else _carry_over_max_lots(venue, account_id, sales.rules),
        )
    )


def _carry_over_max_lots(venue: Venue, account_id: AccountId, rules: CarryOverRules) -> int:
    """What an account may carry over of all instruments of the group together."""
    sold_lots = 0
    for book in venue.books.values():
        sales = book.clearing.net_sales if isinstance(book.clearing, clearing.Clearing) else None
        if sales is not None and sales.rules.group == rules.group:
            sold_lots += sales.sold_lots.get(account_id, 0)
    return carry_over_max_lots(rules, sold_lots)
