"""What biddings and bids must satisfy: each rule with its own reason, in a fixed order."""

from carbonmatch.limits import (
    BIDDING_BIDS_MAX,
    BIDDINGS_MAX,
    BIDS_MAX,
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
)
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.bidding.bidding import Bidding, SealedBid
from carbonmatch.matching.bidding.rules import can_be_bid_for, can_be_sold, faults, in_force
from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import (
    AnnounceBidding,
    BiddingState,
    BidRevision,
    RejectReason,
    Side,
    TradeKind,
)
from carbonmatch.matching.venue import Venue


def announcement_refusal(venue: Venue, command: AnnounceBidding) -> RejectReason | None:
    """Why an operator's announcement is refused, None if it is not."""
    book = venue.books.get(command.instrument_id)
    if book is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    definition = book.instrument.definition
    if definition.bidding is None:
        return RejectReason.MECHANISM_NOT_AVAILABLE
    session = venue.sessions.get(command.session_id)
    account = None if session is None else session.accounts.get(command.account_id)
    if account is None:
        return RejectReason.UNKNOWN_ACCOUNT
    rules = in_force(command.rules, definition)
    if any(faults(rules, definition)):
        return RejectReason.INCOMPATIBLE_INSTRUCTIONS
    if not 0 < command.quantity_lots <= QUANTITY_LOTS_MAX:
        return RejectReason.INVALID_QUANTITY
    if command.quantity_lots % book.instrument.quantity_increment_lots:
        return RejectReason.QUANTITY_INCREMENT
    reason = _reserve_refusal(command, rules.price_increment_ticks)
    if reason is not None:
        return reason
    is_possible = can_be_bid_for(rules, command.quantity_lots) and can_be_sold(
        rules, command.side, command.secondary_price_ticks
    )
    if not is_possible:
        return RejectReason.NO_BID_POSSIBLE
    if not max(command.opens_ns, venue.time_ns) < command.closes_ns:
        return RejectReason.INVALID_WINDOW
    if len(venue.biddings.by_id) >= BIDDINGS_MAX:
        return RejectReason.BIDDING_LIMIT
    return clearing_refusal(book, account, command.side, command.quantity_lots, command.reserve_price_ticks)


def _reserve_refusal(command: AnnounceBidding, price_increment_ticks: int) -> RejectReason | None:
    reserve, secondary = command.reserve_price_ticks, command.secondary_price_ticks
    # A buyer says what it pays at most: that is what it has to have.
    if not reserve and command.side is Side.BUY:
        return RejectReason.INVALID_PRICE
    if reserve > PRICE_TICKS_MAX or secondary > PRICE_TICKS_MAX:
        return RejectReason.INVALID_PRICE
    if reserve % price_increment_ticks:
        return RejectReason.PRICE_INCREMENT
    return None


def window_refusal(venue: Venue, bidding: Bidding) -> RejectReason | None:
    """Why no bid is taken, changed or withdrawn now."""
    # The time too: what is due of an instrument waits while an auction of it is carried out.
    if bidding.state is not BiddingState.OPEN or venue.time_ns >= bidding.offer.closes_ns:
        return RejectReason.NOT_IN_THIS_PHASE
    return None


def new_bid_refusal(
    venue: Venue, bidding: Bidding, account: Account, quantity_lots: int, price_ticks: int
) -> RejectReason | None:
    """Why a new bid is refused, None if it is not."""
    reason = window_refusal(venue, bidding)
    if reason is not None:
        return reason
    owner_key = bidding.book.instrument.self_trade_key
    bidder = account.owners[owner_key]
    if bidder == bidding.offer.account.owners[owner_key]:
        return RejectReason.BID_NOT_ALLOWED
    reason = terms_refusal(bidding, quantity_lots, price_ticks)
    if reason is not None:
        return reason
    if bidding.bids_by_bidder.get(bidder, 0) >= bidding.offer.rules.bids_max:
        return RejectReason.BID_NOT_ALLOWED
    if len(bidding.bids) >= BIDDING_BIDS_MAX or len(venue.biddings.bids) >= BIDS_MAX:
        return RejectReason.BIDDING_LIMIT
    return share_refusal(bidding, bidder, quantity_lots)


def changed_bid_refusal(venue: Venue, bid: SealedBid) -> RejectReason | None:
    """Why a bid stays as it is, None if it may be changed or withdrawn."""
    reason = window_refusal(venue, bid.bidding)
    if reason is None and bid.bidding.offer.rules.revision is BidRevision.NONE:
        return RejectReason.BID_NOT_ALLOWED
    return reason


def terms_refusal(bidding: Bidding, quantity_lots: int, price_ticks: int) -> RejectReason | None:
    """What is wrong with a bid by itself. The instrument's band and order sizes are not those of biddings."""
    offer = bidding.offer
    rules = offer.rules
    if not quantity_lots:
        return RejectReason.INVALID_QUANTITY
    if quantity_lots < rules.bid_min_lots:
        return RejectReason.BELOW_MINIMUM
    if quantity_lots > offer.quantity_lots:
        return RejectReason.ABOVE_MAXIMUM
    if quantity_lots % rules.bid_increment_lots:
        return RejectReason.QUANTITY_INCREMENT
    if not 0 < price_ticks <= PRICE_TICKS_MAX:
        return RejectReason.INVALID_PRICE
    if price_ticks % rules.price_increment_ticks:
        return RejectReason.PRICE_INCREMENT
    if offer.sign * price_ticks < offer.sign * offer.reserve_price_ticks:
        return RejectReason.BELOW_RESERVE
    return None


def share_refusal(bidding: Bidding, bidder: int, added_lots: int) -> RejectReason | None:
    """Whether the bidder's bids would ask for too much with so many lots more."""
    asked = bidding.lots_by_bidder.get(bidder, 0) + added_lots
    return RejectReason.OVER_SHARE if asked > bidding.offer.bidder_lots_max else None


def clearing_refusal(
    book: Book, account: Account, side: Side, quantity_lots: int, price_ticks: int
) -> RejectReason | None:
    """Whether the account has what so many lots at this price take, where the venue holds that."""
    if book.clearing is None:
        return None
    return book.clearing.refusal(account, side, quantity_lots, price_ticks, TradeKind.BIDDING)
