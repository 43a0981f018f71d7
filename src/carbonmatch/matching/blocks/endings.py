"""How proposals end, whoever caused it, and what that does to others."""

from collections.abc import Callable

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.blocks.proposals import Party, Proposal
from carbonmatch.matching.blocks.telling import NO_TRADE, publish, tell
from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import (
    NO_REF,
    BlockState,
    CancelReason,
    OrderFlag,
    Ref,
    TradeId,
)
from carbonmatch.matching.venue import Venue


def end(
    venue: Venue,
    proposal: Proposal,
    state: BlockState,
    acting: Party | None = None,
    ref: Ref = NO_REF,
    reason: CancelReason | None = None,
) -> None:
    """Let go an open proposal in its final state, tell both sides, and of a post everyone."""
    venue.negotiations.close(proposal)
    finish(venue, proposal, state, acting, ref, reason)


def finish(
    venue: Venue,
    proposal: Proposal,
    state: BlockState,
    acting: Party | None = None,
    ref: Ref = NO_REF,
    reason: CancelReason | None = None,
    trade_id: TradeId = NO_TRADE,
) -> None:
    """The rest of `end`, of a proposal that was let go. With a post end the replies to it."""
    proposal.state = state
    if reason is not None:
        venue.cancels.append(reason)
    tell(venue, proposal, acting, ref, reason, trade_id)
    if proposal.responder is None:
        publish(venue, proposal)
    reply_state = BlockState.EXPIRED if state is BlockState.EXPIRED else BlockState.DECLINED
    for reply in list(proposal.replies.values()):
        end(venue, reply, reply_state)


def cancel_offers(
    venue: Venue,
    reason: CancelReason,
    is_meant: Callable[[Proposal], bool],
    asking: SessionState | None = None,
    ref: Ref = NO_REF,
) -> int:
    """Take back offers, in the order of their proposals; returns how many were.

    What somebody else offers to the same accounts stays: it binds the other side.
    """
    proposals = venue.negotiations.proposals
    meant = [proposal for proposal in proposals.values() if is_meant(proposal)]
    count = 0
    for proposal in meant:
        # A reply may have gone with its post.
        if proposal.proposal_id in proposals:
            acting = proposal.offerer if proposal.bound_session is asking else None
            end(venue, proposal, BlockState.CANCELED, acting, ref, reason)
            count += 1
    return count


def cancel_offers_of_session(
    venue: Venue, session: SessionState, reason: CancelReason, *, keeps: bool = False
) -> None:
    """Take back what the session has offered; where it `keeps`, not what asks to be kept."""
    if session.session_id not in venue.negotiations.offers_of_sessions:
        return
    kept = OrderFlag.KEEP_ON_DISCONNECT if keeps else 0
    cancel_offers(
        venue,
        reason,
        lambda proposal: proposal.bound_session is session and not proposal.flags & kept,
    )


def would_lose_offers(venue: Venue, session: SessionState) -> bool:
    """Whether the loss of the session takes back any offer."""
    # Hundreds may be lost at once, and there may be thousands of proposals.
    return session.session_id in venue.negotiations.offers_of_sessions and any(
        proposal.bound_session is session and not proposal.flags & OrderFlag.KEEP_ON_DISCONNECT
        for proposal in venue.negotiations.proposals.values()
    )


def expire_all(venue: Venue, book: Book) -> None:
    """The blocks of the instrument close: nothing that is open outlives that."""
    assert book.blocks is not None
    proposals = book.blocks.proposals
    for proposal in list(proposals.values()):
        # A reply may have gone with its post.
        if proposal.proposal_id in proposals:
            end(venue, proposal, BlockState.EXPIRED)


def expire_due(venue: Venue, book: Book) -> None:
    """Let go what has a time that has come."""
    blocks = book.blocks
    while blocks is not None and blocks.next_ns <= venue.time_ns:
        end(venue, blocks.first(), BlockState.EXPIRED)
