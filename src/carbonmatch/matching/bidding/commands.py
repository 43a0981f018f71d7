"""What operators and bidders ask for. Nothing of a bid is told to anybody but its bidder."""

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.auction import set_alarm
from carbonmatch.matching.auction_times import auction_seed
from carbonmatch.matching.bidding.allotment import commitment_of
from carbonmatch.matching.bidding.bidding import Bidding, Offer, SealedBid
from carbonmatch.matching.bidding.checks import (
    announcement_refusal,
    changed_bid_refusal,
    clearing_refusal,
    new_bid_refusal,
    share_refusal,
    terms_refusal,
)
from carbonmatch.matching.bidding.course import advance, answer, call_off, hold, let_go, report_offer
from carbonmatch.matching.bidding.rules import in_force
from carbonmatch.matching.control import report_done
from carbonmatch.matching.messages import (
    AnnounceBidding,
    Bid,
    BiddingAnnounced,
    BiddingState,
    BidState,
    CancelBidding,
    ModifyBid,
    OrderId,
    Ref,
    RejectReason,
    WithdrawBid,
)
from carbonmatch.matching.venue import Venue


def announce(venue: Venue, session: SessionState, command: AnnounceBidding, ref: Ref) -> None:
    """Announce a bidding, which opens at its time; what the one party offers is held from now on."""
    reason = announcement_refusal(venue, command) if session.operator else RejectReason.NOT_ENTITLED
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    book = venue.books[command.instrument_id]
    offerer = venue.sessions[command.session_id]
    assert venue.seed, "the service gives a seed at its start"
    offer = Offer(
        offerer,
        offerer.accounts[command.account_id],
        command.side,
        command.quantity_lots,
        command.reserve_price_ticks,
        command.opens_ns,
        command.closes_ns,
        in_force(command.rules, book.instrument.definition),
        book.instrument.quantity_increment_lots,
        command.secondary_price_ticks,
        auction_seed(venue.seed, command.instrument_id, venue.sequence),
    )
    bidding = Bidding(OrderId(venue.sequence), book, offer)
    hold(book, offer.account, offer.side, offer.quantity_lots, offer.reserve_price_ticks)
    venue.biddings.add(bidding)
    venue.public.append(
        BiddingAnnounced(
            command.instrument_id,
            venue.time_ns,
            bidding.bidding_id,
            offer.side,
            offer.quantity_lots,
            offer.reserve_price_ticks,
            offer.opens_ns,
            offer.closes_ns,
            offer.rules,
            offer.unit_lots,
            offer.secondary_price_ticks,
            commitment_of(offer.seed),
            command.text,
        )
    )
    report_offer(venue, bidding, BidState.STANDING)
    go_on(venue, bidding)
    report_done(venue, session, ref)


def cancel(venue: Venue, session: SessionState, command: CancelBidding, ref: Ref) -> None:
    """End a bidding before its window does."""
    bidding = bidding_to_cancel(venue, session, command)
    if isinstance(bidding, RejectReason):
        venue.reject(session, ref, bidding)
        return
    call_off(venue, bidding, command.text)
    go_on(venue, bidding)
    report_done(venue, session, ref)


def bidding_to_cancel(venue: Venue, session: SessionState, command: CancelBidding) -> Bidding | RejectReason:
    """What the command is for; or why it is refused."""
    if not session.operator:
        return RejectReason.NOT_ENTITLED
    bidding = venue.biddings.by_id.get(command.bidding_id)
    if bidding is None:
        return RejectReason.UNKNOWN_BIDDING
    if bidding.state is BiddingState.CLOSED or venue.time_ns >= bidding.offer.closes_ns:
        # Over is over, also where it has to wait for its turn to be determined.
        return RejectReason.NOT_IN_THIS_PHASE
    return bidding


def bid(venue: Venue, session: SessionState, command: Bid, ref: Ref) -> None:
    """Take a bid, and hold what it may cost."""
    account = session.accounts.get(command.account_id)
    if account is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_ACCOUNT)
        return
    bidding = venue.biddings.by_id.get(command.bidding_id)
    if bidding is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_BIDDING)
        return
    quantity_lots, price_ticks = command.quantity_lots, command.price_ticks
    book, side = bidding.book, bidding.offer.bidders_side
    reason = new_bid_refusal(venue, bidding, account, quantity_lots, price_ticks) or clearing_refusal(
        book, account, side, quantity_lots, price_ticks
    )
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    bidder = account.owners[book.instrument.self_trade_key]
    sequence = OrderId(venue.sequence)
    new = SealedBid(bidding, sequence, session, account, bidder, price_ticks, quantity_lots, sequence)
    hold(book, account, side, quantity_lots, price_ticks)
    venue.biddings.keep(new)
    answer(venue, session, new, ref, BidState.STANDING)


def modify(venue: Venue, session: SessionState, command: ModifyBid, ref: Ref) -> None:
    """Change a bid, or leave it as it is."""
    old = _find(venue, session, command.bid_id)
    reason = RejectReason.UNKNOWN_BID if old is None else _modification_refusal(venue, old, command)
    if old is None or reason is not None:
        assert reason is not None
        venue.reject(session, ref, reason)
        return
    book, side = old.bidding.book, old.bidding.offer.bidders_side
    quantity_lots, price_ticks = command.quantity_lots, command.price_ticks
    # What the bid holds counts for what it becomes.
    let_go(book, old.account, side, old.quantity_lots, 0, old.price_ticks)
    reason = clearing_refusal(book, old.account, side, quantity_lots, price_ticks)
    if reason is not None:
        hold(book, old.account, side, old.quantity_lots, old.price_ticks)
        venue.reject(session, ref, reason)
        return
    hold(book, old.account, side, quantity_lots, price_ticks)
    old.bidding.count(old, -1)
    if price_ticks != old.price_ticks or quantity_lots > old.quantity_lots:
        old.priority = venue.sequence
    old.quantity_lots, old.price_ticks = quantity_lots, price_ticks
    old.bidding.count(old, 1)
    answer(venue, session, old, ref, BidState.STANDING)


def withdraw(venue: Venue, session: SessionState, command: WithdrawBid, ref: Ref) -> None:
    """Take a bid out, and give back what it holds."""
    found = _find(venue, session, command.bid_id)
    reason = RejectReason.UNKNOWN_BID if found is None else changed_bid_refusal(venue, found)
    if found is None or reason is not None:
        assert reason is not None
        venue.reject(session, ref, reason)
        return
    bidding = found.bidding
    let_go(
        bidding.book,
        found.account,
        bidding.offer.bidders_side,
        found.quantity_lots,
        0,
        found.price_ticks,
    )
    venue.biddings.forget(found)
    answer(venue, session, found, ref, BidState.WITHDRAWN)


def _find(venue: Venue, session: SessionState, bid_id: OrderId) -> SealedBid | None:
    """The bid of that id, if it is one of an account of the session."""
    found = venue.biddings.bids.get(bid_id)
    if found is None or session.accounts.get(found.account.account_id) is not found.account:
        return None
    return found


def _modification_refusal(venue: Venue, old: SealedBid, command: ModifyBid) -> RejectReason | None:
    quantity_lots, price_ticks = command.quantity_lots, command.price_ticks
    reason = changed_bid_refusal(venue, old) or terms_refusal(old.bidding, quantity_lots, price_ticks)
    if reason is not None:
        return reason
    if (quantity_lots, price_ticks) == (old.quantity_lots, old.price_ticks):
        return RejectReason.NOT_AMENDABLE
    return share_refusal(old.bidding, old.bidder, quantity_lots - old.quantity_lots)


def go_on(venue: Venue, bidding: Bidding) -> None:
    """Do what is due of the bidding at once, and see to it that the rest is done in time."""
    advance(venue, bidding.book)
    if bidding.book.transition is None:
        set_alarm(venue, bidding.book)
