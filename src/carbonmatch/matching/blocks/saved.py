"""Blocks and what is negotiated of them, as a part of the state: see `state`."""

import msgspec

from carbonmatch.matching.blocks.course import BlockCourse
from carbonmatch.matching.blocks.proposals import BlockBook, Party, Proposal
from carbonmatch.matching.messages import (
    AccountId,
    BlockPhase,
    BlockState,
    InstrumentId,
    OrderId,
    ParticipantId,
    Phase,
    SessionId,
    Side,
)
from carbonmatch.matching.venue import Venue


class _State(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Base of the parts: field order is byte order."""


class _CourseState(_State, frozen=True):
    instrument_id: InstrumentId
    scheduled: Phase
    scheduled_ns: int
    until_ns: int
    hold: BlockPhase


class _PartyState(_State, frozen=True):
    side: Side
    account_id: AccountId  # 0: none has answered yet
    session_id: SessionId  # 0: none has acted yet
    participant_id: ParticipantId


class _ProposalState(_State, frozen=True):
    proposal_id: OrderId
    instrument_id: InstrumentId
    state: BlockState
    initiator: _PartyState
    responder: _PartyState | None
    offers_first: bool  # the initiator offers the terms
    quantity_lots: int
    price_ticks: int
    expires_ns: int
    flags: int
    post_id: OrderId
    is_reply: bool  # to a post that is open
    is_anonymous: bool


class BlocksState(_State, frozen=True):
    courses: list[_CourseState]  # in the order of the instruments' ids
    proposals: list[_ProposalState]  # in the order of their ids


def saved_blocks(venue: Venue) -> BlocksState:
    return BlocksState(
        [
            _course_state(instrument_id, book.blocks.course)
            for instrument_id, book in sorted(venue.books.items())
            if book.blocks is not None
        ],
        [_proposal_state(proposal) for proposal in venue.negotiations.proposals.values()],
    )


def restore_blocks(venue: Venue, kept: BlocksState) -> None:
    """After instruments, accounts and sessions; what clearing holds for proposals, it has kept itself."""
    for course in kept.courses:
        book = venue.books[course.instrument_id]
        rules = book.instrument.definition.blocks
        assert rules is not None
        blocks = book.blocks = BlockBook(rules)
        blocks.course.scheduled = course.scheduled
        blocks.course.scheduled_ns = course.scheduled_ns
        blocks.course.until_ns = course.until_ns
        blocks.course.hold = course.hold
    for proposal in kept.proposals:
        venue.negotiations.take_up(_restored(venue, proposal))


def _course_state(instrument_id: InstrumentId, course: BlockCourse) -> _CourseState:
    return _CourseState(instrument_id, course.scheduled, course.scheduled_ns, course.until_ns, course.hold)


def _proposal_state(proposal: Proposal) -> _ProposalState:
    return _ProposalState(
        proposal.proposal_id,
        proposal.book.instrument.instrument_id,
        proposal.state,
        _party_state(proposal.initiator),
        None if proposal.responder is None else _party_state(proposal.responder),
        proposal.offerer is proposal.initiator,
        proposal.quantity_lots,
        proposal.price_ticks,
        proposal.expires_ns,
        proposal.flags,
        proposal.post_id,
        proposal.post is not None,
        proposal.is_anonymous,
    )


def _party_state(party: Party) -> _PartyState:
    return _PartyState(
        party.side,
        AccountId(0) if party.account is None else party.account.account_id,
        SessionId(0) if party.session is None else party.session.session_id,
        party.participant_id,
    )


def _restored(venue: Venue, kept: _ProposalState) -> Proposal:
    initiator = _restored_party(venue, kept.initiator)
    responder = None if kept.responder is None else _restored_party(venue, kept.responder)
    post = venue.negotiations.proposals[kept.post_id] if kept.is_reply else None
    proposal = Proposal(
        kept.proposal_id,
        venue.books[kept.instrument_id],
        kept.state,
        initiator,
        responder,
        post,
        is_anonymous=kept.is_anonymous,
    )
    proposal.post_id = kept.post_id
    offerer = initiator if kept.offers_first else responder
    assert offerer is not None
    proposal.offer(offerer, kept.quantity_lots, kept.price_ticks, kept.expires_ns, kept.flags)
    return proposal


def _restored_party(venue: Venue, kept: _PartyState) -> Party:
    account = venue.accounts[kept.account_id] if kept.account_id else None
    session = venue.sessions[kept.session_id] if kept.session_id else None
    return Party(kept.side, account, session, kept.participant_id)
