"""What a trade has moved is moved back, or moved otherwise: its bust, and its correction.

Only the difference moves, between what stands of the trade and what shall stand. Units come back out of
what the buyer has not settled yet of that day, as far as they are there, and else out of what it has free;
money comes out of what is free. What was sold, spent, withdrawn or ordered with since is not there to be
moved: then nothing moves at all, and whoever asked has to see to that first.
"""

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.clearing import Clearing, Terms
from carbonmatch.matching.messages import AccountId, FoundTrade, RejectReason, TradeId

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.venue import AmendedTrade


class _Difference(NamedTuple):
    """What is to move. Both sides may be one account, so what is free is counted by account."""

    unsettled_lots: int  # of the buyer, bought on the day of the trade
    free_lots: Counter[AccountId]
    paid_minor: int  # more than stands, by the buyer
    got_minor: int  # more than stands, by the seller
    free_minor: Counter[AccountId]


def take_back(
    book: "Book", trade_id: TradeId, trade: FoundTrade, stands: "AmendedTrade", becomes: "AmendedTrade"
) -> None:
    """Move what makes `becomes` of what stands of the trade, once it was asked whether that can be.

    It goes by the fees that the trade has had, in the currency that it was made in. A trade from before the
    instrument had clearing has moved nothing, and nothing of it is moved back.
    """
    clearing = book.clearing
    if not isinstance(clearing, Clearing) or trade_id <= clearing.since_trade_id:
        return
    terms = clearing.terms(trade_id)
    assert terms is not None, "it was asked before whether it can be taken back"
    age_days, bucket = clearing.age_days(trade_id), clearing.bucket(trade_id)
    difference = _difference(clearing, terms, trade, bucket, stands, becomes)
    if difference.unsettled_lots:
        buyer = trade.buyer.account_id
        clearing.moving(buyer).add_unsettled(difference.unsettled_lots, bucket)
        if clearing.cut_off is not None and not age_days and bucket:
            clearing.cut_off.amend(buyer, difference.unsettled_lots)
    _move(clearing, terms.cash, trade, age_days, difference)
    more_lots = becomes.quantity_lots - stands.quantity_lots
    for account_id, lots in ((trade.buyer.account_id, more_lots), (trade.seller.account_id, -more_lots)):
        if clearing.net_bought is not None:
            clearing.net_bought.amend(account_id, lots, trade_id, age_days)
        if clearing.net_sales is not None:
            clearing.net_sales.amend(account_id, lots, trade_id)


def take_back_refusal(
    book: "Book", trade_id: TradeId, trade: FoundTrade, stands: "AmendedTrade", becomes: "AmendedTrade"
) -> RejectReason | None:
    """Why what the trade has moved cannot be moved, None if it can."""
    clearing = book.clearing
    if not isinstance(clearing, Clearing) or trade_id <= clearing.since_trade_id:
        return None
    terms = clearing.terms(trade_id)
    if terms is None:
        return RejectReason.NOT_AMENDABLE
    difference = _difference(clearing, terms, trade, clearing.bucket(trade_id), stands, becomes)
    if any(clearing.of(number).free_lots + lots < 0 for number, lots in difference.free_lots.items()):
        return RejectReason.INSUFFICIENT_HOLDINGS
    cash = terms.cash
    if cash is not None and any(
        cash.of(number).free_minor + minor < 0 for number, minor in difference.free_minor.items()
    ):
        return RejectReason.INSUFFICIENT_CASH
    return None


def _difference(
    clearing: Clearing,
    terms: Terms,
    trade: FoundTrade,
    bucket: int,
    stands: "AmendedTrade",
    becomes: "AmendedTrade",
) -> _Difference:
    buyer, seller = trade.buyer.account_id, trade.seller.account_id
    more_lots = becomes.quantity_lots - stands.quantity_lots
    unsettled_lots = 0
    bought = clearing.of(buyer)
    if bucket < len(bought.unsettled_lots):
        unsettled_lots = max(more_lots, -bought.unsettled_lots[bucket])
    free_lots: Counter[AccountId] = Counter()
    free_lots[seller] -= more_lots
    free_lots[buyer] += more_lots - unsettled_lots
    if terms.cash is None:
        return _Difference(unsettled_lots, free_lots, 0, 0, Counter())
    moved_minor = terms.amounts.moved_minor
    was_paid, was_got = moved_minor(stands.quantity_lots, stands.price_ticks, trade.kind)
    paid, got = moved_minor(becomes.quantity_lots, becomes.price_ticks, trade.kind)
    free_minor: Counter[AccountId] = Counter()
    free_minor[buyer] -= paid - was_paid
    free_minor[seller] += got - was_got
    return _Difference(unsettled_lots, free_lots, paid - was_paid, got - was_got, free_minor)


def _move(
    clearing: Clearing, cash: CashLedger | None, trade: FoundTrade, age_days: int, difference: _Difference
) -> None:
    for number, lots in difference.free_lots.items():
        clearing.moving(number).add_free(lots)
    if cash is None:
        return
    for number, minor in difference.free_minor.items():
        cash.moving(number).add(minor)
    cash.fees_minor += difference.paid_minor - difference.got_minor
    if not age_days and cash is clearing.cash:
        clearing.add_proceeds(trade.seller.account_id, difference.got_minor)
