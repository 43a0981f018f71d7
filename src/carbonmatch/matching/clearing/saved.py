"""Positions and cash as part of the state.

What orders on ladders hold is not saved: it is given back to what is free, and held again when they rest
in the books that are restored. What blocks and biddings have reserved is kept as it is, since they do not ask
for it again.
"""

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from carbonmatch.matching.clearing.amounts import Amounts
from carbonmatch.matching.clearing.cash import Cash, CashLedger
from carbonmatch.matching.clearing.clearing import NO_TRADE, Clearing, Terms
from carbonmatch.matching.clearing.configure import cash_ledger
from carbonmatch.matching.clearing.held import held_by_orders
from carbonmatch.matching.clearing.reserving import choose_observers
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.messages import AccountId, Restriction, TradeId
from carbonmatch.matching.vocabulary.clearing import Fees

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.venue import Venue


class PositionState(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    account_id: AccountId
    total_lots: int
    free_lots: int  # with what orders on ladders hold
    unsettled_lots: list[int]
    buying_lots: int  # without what orders on ladders hold
    proceeds_minor: int
    limit_lots: int
    report_from_lots: int
    allocated_lots: int = 0


class NetBoughtState(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Both in the order of their accounts; see `NetBought`."""

    untraded_lots: list[tuple[AccountId, int]]
    ended_lots: list[tuple[AccountId, list[int]]]
    since_trade_id: TradeId = NO_TRADE


class CutOffState(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    at_ns: int  # 0: nothing is planned
    passed_ns: int
    has_passed: bool
    early_until: list[TradeId]
    early_lots: list[tuple[AccountId, int]]  # in the order of their accounts


class NetSalesState(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    sold_lots: list[tuple[AccountId, int]]  # in the order of their accounts
    after_trade_id: TradeId
    until_trade_id: TradeId


class TermsState(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    until_trade_id: TradeId
    fees: tuple[Fees, ...]
    tick_value_minor: int
    currency: str | None  # none: they moved no money


class ClearingState(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    deposited_lots: int
    rolled_day: int
    rolled_trade_ids: list[TradeId]  # the latest first
    since_trade_id: TradeId
    positions: list[PositionState]  # in the order of their accounts
    restrictions: list[tuple[AccountId, Restriction]]  # in the order of their accounts
    forgotten_trade_id: TradeId
    past_terms: list[TermsState]  # the latest last
    net_bought: NetBoughtState | None = None
    cut_off: CutOffState | None = None
    net_sales: NetSalesState | None = None


class CashState(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    currency: str
    deposited_minor: int
    fees_minor: int
    # Account, total, free with what orders on ladders hold, and proceeds; in the order of their accounts.
    accounts: list[tuple[AccountId, int, int, int]]


def saved_clearing(book: "Book") -> ClearingState | None:
    clearing = book.clearing
    if not isinstance(clearing, Clearing):
        return None
    held = held_by_orders(book, clearing)
    return ClearingState(
        clearing.deposited_lots,
        clearing.rolled_day,
        clearing.rolled_trade_ids,
        clearing.since_trade_id,
        [
            PositionState(
                account_id,
                position.total_lots,
                position.free_lots + held.selling_lots[account_id],
                position.unsettled_lots,
                position.buying_lots - held.buying_lots[account_id],
                position.proceeds_minor,
                position.limit_lots,
                position.report_from_lots,
                clearing.limits.allocated_lots.get(account_id, 0),
            )
            for account_id, position in sorted(clearing.positions.items())
        ],
        sorted(clearing.restrictions.items()),
        clearing.forgotten_trade_id,
        [
            TermsState(
                terms.until_trade_id,
                terms.amounts.fees,
                terms.amounts.tick_value_minor,
                None if terms.cash is None else terms.cash.currency,
            )
            for terms in clearing.past_terms
        ],
        _saved_net_bought(clearing),
        _saved_cut_off(clearing),
        _saved_net_sales(clearing),
    )


def _saved_net_bought(clearing: Clearing) -> NetBoughtState | None:
    counted = clearing.net_bought
    if counted is None:
        return None
    return NetBoughtState(
        sorted(counted.untraded_lots.items()), sorted(counted.ended_lots.items()), counted.since_trade_id
    )


def _saved_cut_off(clearing: Clearing) -> CutOffState | None:
    kept = clearing.cut_off
    if kept is None:
        return None
    at_ns = 0 if kept.at_ns == NEVER_NS else kept.at_ns
    early_lots = sorted(kept.early_lots.items())
    return CutOffState(at_ns, kept.passed_ns, kept.has_passed, list(kept.early_until), early_lots)


def _saved_net_sales(clearing: Clearing) -> NetSalesState | None:
    kept = clearing.net_sales
    if kept is None:
        return None
    return NetSalesState(sorted(kept.sold_lots.items()), kept.after_trade_id, kept.until_trade_id)


def saved_cash(venue: "Venue") -> list[CashState]:
    held: dict[str, Counter[AccountId]] = {currency: Counter() for currency in venue.cash}
    for book in venue.books.values():
        clearing = book.clearing
        if isinstance(clearing, Clearing) and clearing.cash is not None:
            held[clearing.cash.currency].update(held_by_orders(book, clearing).minor)
    return [
        CashState(
            currency,
            ledger.deposited_minor,
            ledger.fees_minor,
            [
                (
                    account_id,
                    cash.total_minor,
                    cash.free_minor + held[currency][account_id],
                    cash.proceeds_minor,
                )
                for account_id, cash in sorted(ledger.accounts.items())
            ],
        )
        for currency, ledger in sorted(venue.cash.items())
    ]


def restore_cash(venue: "Venue", kept: list[CashState]) -> None:
    """Before the books, whose orders hold of it."""
    for one in kept:
        ledger = venue.cash[one.currency] = CashLedger(one.currency)
        ledger.deposited_minor = one.deposited_minor
        ledger.fees_minor = one.fees_minor
        ledger.checked_minor = one.deposited_minor - one.fees_minor
        for account_id, total_minor, free_minor, proceeds_minor in one.accounts:
            cash = ledger.accounts[account_id] = Cash()
            cash.total_minor, cash.reserved_minor = total_minor, total_minor - free_minor
            cash.proceeds_minor = proceeds_minor
            cash.checked_minor = total_minor


def restore_clearing(venue: "Venue", book: "Book", kept: ClearingState | None) -> None:
    """Before the orders of the book, which hold of it."""
    if kept is None:
        return
    definition = book.instrument.definition
    assert definition.clearing is not None
    ledger = cash_ledger(venue, definition.currency)
    clearing = book.clearing = Clearing(
        definition.clearing, definition.tick_value_minor, ledger, kept.since_trade_id, venue.accounts
    )
    clearing.deposited_lots = clearing.checked_lots = kept.deposited_lots
    clearing.rolled_day = kept.rolled_day
    clearing.rolled_trade_ids = list(kept.rolled_trade_ids)
    clearing.restrictions = dict(kept.restrictions)
    for one in kept.positions:
        position = clearing.of(one.account_id)
        position.total_lots, position.free_lots = one.total_lots, one.free_lots
        position.unsettled_lots = list(one.unsettled_lots)
        position.checked_lots = one.total_lots
        position.buying_lots = one.buying_lots
        position.proceeds_minor = one.proceeds_minor
        clearing.set_limits(one.account_id, one.limit_lots, one.report_from_lots, one.allocated_lots)
    clearing.forgotten_trade_id = kept.forgotten_trade_id
    clearing.past_terms = [
        Terms(
            one.until_trade_id,
            Amounts(one.fees, one.tick_value_minor),
            None if one.currency is None else venue.cash[one.currency],
        )
        for one in kept.past_terms
    ]
    if kept.net_bought is not None:
        assert clearing.net_bought is not None
        clearing.net_bought.untraded_lots = dict(kept.net_bought.untraded_lots)
        clearing.net_bought.since_trade_id = kept.net_bought.since_trade_id
        clearing.net_bought.ended_lots = {one: list(days) for one, days in kept.net_bought.ended_lots}
    if kept.net_sales is not None:
        sales = clearing.net_sales
        assert sales is not None
        sales.sold_lots = dict(kept.net_sales.sold_lots)
        sales.after_trade_id = kept.net_sales.after_trade_id
        sales.until_trade_id = kept.net_sales.until_trade_id
    if kept.cut_off is not None:
        _restore_cut_off(clearing, kept.cut_off)
    choose_observers(book)


def _restore_cut_off(clearing: Clearing, kept: CutOffState) -> None:
    cut_off = clearing.cut_off
    assert cut_off is not None
    cut_off.at_ns = kept.at_ns or NEVER_NS
    cut_off.passed_ns, cut_off.has_passed = kept.passed_ns, kept.has_passed
    cut_off.early_until = list(kept.early_until)
    cut_off.early_lots = dict(kept.early_lots)
