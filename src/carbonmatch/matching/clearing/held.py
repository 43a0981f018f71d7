"""What is reserved, computed anew from whatever it is reserved for: for snapshots, and to be held against."""

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.reserving import held_minor
from carbonmatch.matching.messages import AccountId, Side, TradeKind

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.venue import Venue


class Held(NamedTuple):
    """What is reserved in a book, by account: units to be sold, and units to be bought with their money."""

    selling_lots: Counter[AccountId]
    buying_lots: Counter[AccountId]
    minor: Counter[AccountId]


def held_by_orders(book: "Book", clearing: Clearing) -> Held:
    """What the orders on the book's ladders hold."""
    held = Held(Counter(), Counter(), Counter())
    for order in [*book.orders(), *book.stops(), *book.waiting()]:
        account_id = order.account.account_id
        lots = order.leaves_lots + order.hidden_lots
        if order.ladder.side is Side.SELL:
            held.selling_lots[account_id] += lots
        else:
            held.buying_lots[account_id] += lots
            held.minor[account_id] += held_minor(clearing, order)
    return held


def add_claims(venue: "Venue", book: "Book", clearing: Clearing, held: Held) -> None:
    """Add what blocks and biddings hold, whose offers rest on no ladder."""

    def add(account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        if side is Side.SELL:
            held.selling_lots[account.account_id] += lots
        else:
            held.buying_lots[account.account_id] += lots
            held.minor[account.account_id] += clearing.held_minor(lots, price_ticks, kind)

    for proposal in venue.negotiations.proposals.values():
        if proposal.book is book:
            side, lots = proposal.offerer.side, proposal.quantity_lots
            add(proposal.bound_account, side, lots, proposal.price_ticks, TradeKind.BLOCK)
    for bidding in book.biddings.values():
        offer = bidding.offer
        lots = offer.quantity_lots if bidding.ending is None else bidding.ending.offered_left_lots
        add(offer.account, offer.side, lots, offer.reserve_price_ticks, TradeKind.BIDDING)
        for bid in bidding.bids.values():
            add(bid.account, offer.bidders_side, bid.quantity_lots, bid.price_ticks, TradeKind.BIDDING)


def check_reserved(venue: "Venue") -> None:
    """Assert that what is reserved is what orders, blocks and biddings need, to the lot."""
    minor: dict[str, Counter[AccountId]] = {currency: Counter() for currency in venue.cash}
    for book in venue.books.values():
        clearing = book.clearing
        if not isinstance(clearing, Clearing):
            continue
        instrument, amounts = book.instrument, clearing.amounts
        assert instrument.positions is clearing.unrestricted
        assert instrument.tick_value_minor == amounts.tick_value_minor
        assert (instrument.reserved_basis_points, instrument.reserved_minor_per_lot) == amounts.of_screen
        held = held_by_orders(book, clearing)
        add_claims(venue, book, clearing, held)
        for account_id, position in clearing.positions.items():
            assert position.reserved_lots == held.selling_lots[account_id], "units are reserved for orders"
            assert position.buying_lots == held.buying_lots[account_id], "what is ordered is counted"
        if clearing.cash is not None:
            minor[clearing.cash.currency].update(held.minor)
    for currency, ledger in venue.cash.items():
        for account_id, cash in ledger.accounts.items():
            assert cash.reserved_minor == minor[currency][account_id], "money is reserved for orders"
