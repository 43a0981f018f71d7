"""What becomes of a bidding as time passes: its window opens and closes, then its bids are allotted.

All of it is due by time, and so done by the entry that comes then (`auction.do_what_is_due`). Allotting takes
as many entries as it needs: what every bid gets is decided in one, then the bids are told one after the
other, best first, as ENTRY_AUCTION_ORDERS_MAX admits.
"""

from carbonmatch.limits import BID_MEETINGS
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.bidding.allotment import allot, inputs_digest
from carbonmatch.matching.bidding.bidding import Bidding, Ending, SealedBid
from carbonmatch.matching.book import Book
from carbonmatch.matching.execution import Part, report_trade
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.messages import (
    NO_REF,
    BiddingEnded,
    BiddingOutcome,
    BiddingPhaseChanged,
    BiddingPricing,
    BiddingRule,
    BiddingState,
    BidState,
    BidUpdate,
    Liquidity,
    OrderId,
    Ref,
    Side,
    TradeKind,
    Undersubscription,
)
from carbonmatch.matching.venue import Venue

_KIND = TradeKind.BIDDING
_CALLED_OFF = frozenset(BiddingOutcome) - {BiddingOutcome.SOLD, BiddingOutcome.PARTLY_SOLD}


def advance(venue: Venue, book: Book) -> None:
    """Do what is due of the book's biddings, in the order of their ids; says of each when it is due again."""
    for bidding in [one for one in book.biddings.values() if one.due_ns <= venue.time_ns]:
        if bidding.state is BiddingState.ANNOUNCED:
            _enter(venue, bidding, BiddingState.OPEN, bidding.offer.closes_ns)
        if bidding.state is BiddingState.OPEN and bidding.due_ns <= venue.time_ns:
            if bidding.bids and venue.auction_orders_left < BID_MEETINGS:
                # Determining what it comes to takes as long as telling some thousand bids: one at a time.
                bidding.due_ns = venue.time_ns + 1
                continue
            _close_window(venue, bidding)
        if bidding.ending is not None:
            _tell(venue, bidding, bidding.ending)


def is_due(book: Book, time_ns: int) -> bool:
    """Whether `advance` at this time would do something."""
    return next_ns(book) <= time_ns


def next_ns(book: Book) -> int:
    """When something is due of the book's biddings next."""
    return min([one.due_ns for one in book.biddings.values()], default=NEVER_NS)


def call_off(venue: Venue, bidding: Bidding, text: str) -> None:
    """End a bidding for an operator: `advance` lets go of its bids, which nobody looks at."""
    ending = Ending(BiddingOutcome.BY_OPERATOR, bidding.offer.quantity_lots, text=text)
    _begin_to_tell(venue, bidding, ending, list(bidding.bids.values()))


# --- states --------------------------------------------------------------------------------------


def _enter(venue: Venue, bidding: Bidding, state: BiddingState, due_ns: int) -> None:
    bidding.state = state
    bidding.due_ns = due_ns
    instrument_id = bidding.book.instrument.instrument_id
    venue.public.append(BiddingPhaseChanged(instrument_id, venue.time_ns, bidding.bidding_id, state))


def _close_window(venue: Venue, bidding: Bidding) -> None:
    """Decide how the bidding ends and what every bid gets, which `_tell` then tells."""
    allotment = allot(bidding)
    ending = _ending(bidding, allotment.price_ticks, allotment.rule)
    if ending.outcome not in _CALLED_OFF:
        for bid, lots in allotment.bids:
            bid.allotted_lots = lots
            ending.winner_count += lots > 0
    else:
        ending.price_ticks, ending.rule = 0, BiddingRule.NONE
    _begin_to_tell(venue, bidding, ending, [bid for bid, _ in allotment.bids])


def _begin_to_tell(venue: Venue, bidding: Bidding, ending: Ending, bids: list[SealedBid]) -> None:
    bidding.bids = {bid.bid_id: bid for bid in reversed(bids)}
    bidding.ending = ending
    _enter(venue, bidding, BiddingState.CLOSED, venue.time_ns)


def _ending(bidding: Bidding, price_ticks: int, rule: BiddingRule) -> Ending:
    """How the bidding ends with such an allotment."""
    offer = bidding.offer
    secondary = _secondary_price(bidding)
    bid_lots = sum(bid.quantity_lots for bid in bidding.bids.values())
    if not bidding.bids:
        outcome = BiddingOutcome.NO_BIDS
    elif bid_lots < offer.quantity_lots and offer.rules.undersubscription is Undersubscription.CANCEL:
        outcome = BiddingOutcome.UNDERSUBSCRIBED
    elif (
        secondary and offer.sign * (price_ticks * 10_000 - secondary * offer.rules.secondary_basis_points) < 0
    ):
        outcome = BiddingOutcome.BELOW_SECONDARY
    else:
        is_part = bid_lots < offer.quantity_lots
        outcome = BiddingOutcome.PARTLY_SOLD if is_part else BiddingOutcome.SOLD
    digest = inputs_digest(bidding, secondary)
    count = len(bidding.bids)
    return Ending(outcome, offer.quantity_lots, price_ticks, rule, bid_lots, count, secondary, digest)


def _secondary_price(bidding: Bidding) -> int:
    """What the price is held against; 0: nothing."""
    offer, book = bidding.offer, bidding.book
    if not offer.rules.secondary_basis_points:
        return 0
    known = offer.secondary_price_ticks or book.last_price_ticks
    return known or book.instrument.definition.reference_price_ticks


def _tell(venue: Venue, bidding: Bidding, ending: Ending) -> None:
    """Trade with the next bids, or let them go; as many as the entry may, the others follow."""
    while bidding.bids:
        if venue.auction_orders_left < BID_MEETINGS:
            bidding.due_ns = venue.time_ns + 1
            return
        venue.auction_orders_left -= BID_MEETINGS
        _tell_bid(venue, bidding, ending, venue.biddings.take_next(bidding))
    _end(venue, bidding, ending)


def _tell_bid(venue: Venue, bidding: Bidding, ending: Ending, bid: SealedBid) -> None:
    book, offer = bidding.book, bidding.offer
    lots, price_ticks = bid.allotted_lots, 0
    let_go(book, bid.account, offer.bidders_side, bid.quantity_lots, 0, bid.price_ticks)
    if lots:
        price_ticks = ending.price_ticks if offer.rules.pricing is BiddingPricing.UNIFORM else bid.price_ticks
        ending.offered_left_lots -= lots
        left = ending.offered_left_lots
        let_go(book, offer.account, offer.side, lots, left, offer.reserve_price_ticks)
        sides = (
            Part(bid.session, bid.account, bid.bid_id, NO_REF, 0, Liquidity.AUCTION),
            Part(offer.session, offer.account, bidding.bidding_id, NO_REF, left, Liquidity.AUCTION),
        )
        buyer, seller = sides if offer.side is Side.SELL else sides[::-1]
        report_trade(venue, book, buyer, seller, price_ticks, lots, _KIND, offer.bidders_side)
    report_bid(venue, bid.session, bid, NO_REF, _state_of(ending, lots), price_ticks)


def _end(venue: Venue, bidding: Bidding, ending: Ending) -> None:
    """All bids are told: the one party gets back what is left, and everybody is told the result."""
    offer = bidding.offer
    left = ending.offered_left_lots
    if left:
        let_go(bidding.book, offer.account, offer.side, left, 0, offer.reserve_price_ticks)
    venue.biddings.remove(bidding)
    allotted = offer.quantity_lots - left
    report_offer(venue, bidding, _state_of(ending, allotted), allotted, ending.price_ticks)
    venue.public.append(
        BiddingEnded(
            bidding.book.instrument.instrument_id,
            venue.time_ns,
            bidding.bidding_id,
            ending.outcome,
            ending.price_ticks,
            offer.quantity_lots,
            allotted,
            ending.bid_lots,
            ending.bid_count,
            ending.winner_count,
            ending.rule,
            ending.secondary_price_ticks,
            offer.seed,
            ending.inputs_digest,
            ending.text,
            offer.rules.pricing,
        )
    )


def _state_of(ending: Ending, allotted_lots: int) -> BidState:
    if ending.outcome in _CALLED_OFF:
        return BidState.CANCELLED
    return BidState.ALLOTTED if allotted_lots else BidState.NOT_ALLOTTED


# --- what is held ---------------------------------------------------------------------------------
# Where the venue holds no units and no money of the instrument, nothing.


def hold(book: Book, account: Account, side: Side, lots: int, price_ticks: int) -> None:
    if book.clearing is not None:
        book.clearing.reserve(account, side, lots, price_ticks, _KIND)


def let_go(book: Book, account: Account, side: Side, lots: int, leaves_lots: int, price_ticks: int) -> None:
    if book.clearing is not None:
        book.clearing.release(account, side, lots, leaves_lots, price_ticks, _KIND)


# --- reports -------------------------------------------------------------------------------------


def answer(venue: Venue, session: SessionState, bid: SealedBid, ref: Ref, state: BidState) -> None:
    """Tell the session that has asked, and the one that the bid is of."""
    report_bid(venue, session, bid, ref, state)
    if bid.session is not session:
        report_bid(venue, bid.session, bid, NO_REF, state)


def report_bid(
    venue: Venue,
    session: SessionState,
    bid: SealedBid,
    ref: Ref,
    state: BidState,
    allotted_price_ticks: int = 0,
) -> None:
    bidding = bid.bidding
    numbers = (bid.price_ticks, bid.quantity_lots, bid.allotted_lots, allotted_price_ticks, bid.priority)
    side = bidding.offer.bidders_side
    _report(venue, session, ref, bidding, bid.bid_id, bid.account, side, state, numbers)


def report_offer(
    venue: Venue, bidding: Bidding, state: BidState, allotted_lots: int = 0, allotted_price_ticks: int = 0
) -> None:
    """Tell the one party what has become of its offer."""
    offer = bidding.offer
    numbers = (
        offer.reserve_price_ticks,
        offer.quantity_lots,
        allotted_lots,
        allotted_price_ticks,
        bidding.bidding_id,
    )
    bidding_id = bidding.bidding_id
    _report(venue, offer.session, NO_REF, bidding, bidding_id, offer.account, offer.side, state, numbers)


def _report(
    venue: Venue,
    session: SessionState,
    ref: Ref,
    bidding: Bidding,
    bid_id: OrderId,
    account: Account,
    side: Side,
    state: BidState,
    numbers: tuple[int, int, int, int, int],
) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        BidUpdate(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            bidding.bidding_id,
            bid_id,
            bidding.book.instrument.instrument_id,
            account.account_id,
            side,
            state,
            *numbers,
        )
    )
