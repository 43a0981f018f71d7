"""Who is told of a proposal: both its sides, and of a post everyone.

A side is every session that may act for it, so that whoever looks after an account at the moment hears of
what was proposed to it: at most SIDE_SESSIONS_MAX, the lowest ids first, and always the one that acted last.
"""

from collections.abc import Iterator
from typing import Final

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.blocks.directory import Directory
from carbonmatch.matching.blocks.proposals import NOBODY, Party, Proposal
from carbonmatch.matching.messages import (
    FINAL_BLOCK_STATES,
    NO_REF,
    AccountId,
    BlockPosted,
    BlockState,
    BlockUpdate,
    CancelReason,
    ParticipantId,
    Ref,
    TradeId,
)
from carbonmatch.matching.venue import Venue

NO_TRADE: Final = TradeId(0)
_NO_ACCOUNT: Final = AccountId(0)
_OWN_BUSINESS: Final = frozenset({CancelReason.RESTRICTED, CancelReason.KILLED})


def tell(
    venue: Venue,
    proposal: Proposal,
    acting: Party | None = None,
    ref: Ref = NO_REF,
    reason: CancelReason | None = None,
    trade_id: TradeId = NO_TRADE,
) -> None:
    """Tell both sides how the proposal stands; the command `ref` of `acting` is answered by that.

    That an operator has restricted or stopped an account is told to nobody else.
    """
    for party in proposal.parties:
        is_hidden = reason in _OWN_BUSINESS and party is not proposal.offerer
        told = None if is_hidden else reason
        for session in _sessions_of(venue, party):
            is_answer = party is acting and session is party.session
            report(venue, session, proposal, party, ref if is_answer else NO_REF, told, trade_id)


def report(
    venue: Venue,
    session: SessionState,
    proposal: Proposal,
    party: Party,
    ref: Ref,
    reason: CancelReason | None = None,
    trade_id: TradeId = NO_TRADE,
) -> None:
    """Tell one session, as it is for this side."""
    account = party.account
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        BlockUpdate(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            proposal.proposal_id,
            proposal.state,
            proposal.book.instrument.instrument_id,
            _NO_ACCOUNT if account is None else account.account_id,
            party.side,
            proposal.quantity_lots,
            proposal.price_ticks,
            party is proposal.offerer,
            proposal.post_id,
            *_told_counterparty(proposal, party),
            proposal.expires_ns,
            0 if reason is None else reason.value,
            trade_id,
        )
    )


def publish(venue: Venue, post: Proposal) -> None:
    """Tell everyone of a post, or that it is gone."""
    is_gone = post.state in FINAL_BLOCK_STATES
    venue.public.append(
        BlockPosted(
            post.book.instrument.instrument_id,
            venue.time_ns,
            post.proposal_id,
            post.initiator.side,
            post.price_ticks,
            0 if is_gone else post.quantity_lots,
            NOBODY if post.is_anonymous else post.bound_account.participant_id,
            post.expires_ns,
        )
    )


def directory_of(venue: Venue) -> Directory:
    """Made anew where something it is made of has changed."""
    negotiations = venue.negotiations
    if negotiations.directory is None:
        negotiations.directory = Directory(venue.accounts, venue.sessions)
    return negotiations.directory


def _sessions_of(venue: Venue, party: Party) -> Iterator[SessionState]:
    directory = directory_of(venue)
    if party.account is None:
        # Its accounts may have become another one's since.
        told = directory.of_participant.get(party.participant_id, [])
    else:
        told = directory.of_account[party.account.account_id]
    if party.session is not None and party.session not in told:
        yield party.session
    yield from told


def _told_counterparty(proposal: Proposal, party: Party) -> tuple[AccountId, ParticipantId]:
    """Who the other side is, as far as this one may know."""
    other = proposal.responder if party is proposal.initiator else proposal.initiator
    if other is None or (proposal.is_anonymous and proposal.state is not BlockState.TRADED):
        return _NO_ACCOUNT, NOBODY
    if other.account is None:
        return _NO_ACCOUNT, other.participant_id
    return other.account.account_id, other.account.participant_id
