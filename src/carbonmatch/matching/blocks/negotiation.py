"""Proposals by the commands of sessions: propose, accept, counter, decline, withdraw, and what is open.

| command  | by                      | of a post                        | else                      |
|----------|-------------------------|----------------------------------|---------------------------|
| Accept   | whoever is to answer    | a reply at its terms, or a trade | a trade                   |
| Counter  | whoever is to answer    | a reply at other terms           | other terms, sides change |
| Decline  | whoever is to answer    | NOT_COUNTERPARTY                 | DECLINED                  |
| Withdraw | whoever offers          | WITHDRAWN                        | WITHDRAWN                 |

Every rule is looked at again where an offer becomes a trade: band, owners and phase may have changed since.
"""

from typing import NamedTuple

from carbonmatch.limits import STATUS_ORDERS_MAX
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.auction import set_alarm
from carbonmatch.matching.blocks.endings import end, finish
from carbonmatch.matching.blocks.proposals import BlockBook, Party, Proposal
from carbonmatch.matching.blocks.rules import (
    expiry_ns,
    is_one_owner,
    means_refusal,
    offer_refusal,
    phase_refusal,
    terms_refusal,
)
from carbonmatch.matching.blocks.telling import directory_of, publish, report, tell
from carbonmatch.matching.execution import Part, report_trade
from carbonmatch.matching.messages import (
    NO_REF,
    AccountId,
    BlockAccept,
    BlockCounter,
    BlockDecline,
    BlockPropose,
    BlockState,
    BlockStatusRequest,
    BlockWithdraw,
    Liquidity,
    OrderId,
    Ref,
    RejectReason,
    SelfTradeKey,
    Side,
    StatusEnd,
    TradeKind,
)
from carbonmatch.matching.venue import Venue

_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


class _Answer(NamedTuple):
    """Who answers which proposal."""

    proposal: Proposal
    blocks: BlockBook
    side: Side
    account: Account


# --- proposing -----------------------------------------------------------------------------------


def propose(venue: Venue, session: SessionState, command: BlockPropose, ref: Ref) -> None:
    reason = _proposal_refusal(venue, session, command)
    if reason is not None:
        venue.reject(session, ref, reason)
        return
    book = venue.books[command.instrument_id]
    assert book.blocks is not None
    initiator = Party(command.side, session.accounts[command.account_id], session)
    responder = _named_counterparty(venue, command)
    proposal = Proposal(
        OrderId(venue.sequence),
        book,
        BlockState.POSTED if responder is None else BlockState.OFFERED,
        initiator,
        responder,
        is_anonymous=responder is None and book.blocks.rules.anonymous,
    )
    _offer(venue, proposal, initiator, book.blocks, command)
    _open(venue, proposal)
    tell(venue, proposal, initiator, ref)
    if responder is None:
        publish(venue, proposal)


def _proposal_refusal(venue: Venue, session: SessionState, command: BlockPropose) -> RejectReason | None:
    account = session.accounts.get(command.account_id)
    if account is None:
        return RejectReason.UNKNOWN_ACCOUNT
    book = venue.books.get(command.instrument_id)
    if book is None:
        return RejectReason.UNKNOWN_INSTRUMENT
    if book.blocks is None:
        return RejectReason.MECHANISM_NOT_AVAILABLE
    rules = book.blocks.rules
    is_directed = bool(command.counterparty_account_id or command.counterparty_participant_id)
    if not (rules.directed if is_directed else rules.public_posts):
        return RejectReason.MECHANISM_NOT_AVAILABLE
    return (
        phase_refusal(book, book.blocks)
        or offer_refusal(venue, command.expires_ns, command.flags)
        or _counterparty_refusal(venue, account, command)
        or terms_refusal(venue, book, command.quantity_lots, command.price_ticks)
        or _room_refusal(venue, account, is_new=True)
        or means_refusal(book, account, command.side, command.quantity_lots, command.price_ticks)
    )


def _counterparty_refusal(venue: Venue, account: Account, command: BlockPropose) -> RejectReason | None:
    """A participant can be the same owner without being told so here: then no account of it may answer."""
    if command.counterparty_account_id:
        if command.counterparty_participant_id:
            return RejectReason.INCOMPATIBLE_INSTRUCTIONS
        other = venue.accounts.get(command.counterparty_account_id)
        if other is None:
            return RejectReason.UNKNOWN_COUNTERPARTY
        if is_one_owner(venue.books[command.instrument_id], account, other):
            return RejectReason.SELF_SELECTION
    elif command.counterparty_participant_id:
        if command.counterparty_participant_id not in directory_of(venue).of_participant:
            return RejectReason.UNKNOWN_COUNTERPARTY
        key = venue.books[command.instrument_id].instrument.self_trade_key
        if key == SelfTradeKey.PARTICIPANT and command.counterparty_participant_id == account.participant_id:
            return RejectReason.SELF_SELECTION
    return None


def _named_counterparty(venue: Venue, command: BlockPropose) -> Party | None:
    side = _OPPOSITE[command.side]
    if command.counterparty_account_id:
        return Party(side, venue.accounts[command.counterparty_account_id], None)
    if command.counterparty_participant_id:
        return Party(side, None, None, command.counterparty_participant_id)
    return None


def _room_refusal(venue: Venue, account: Account, *, is_new: bool) -> RejectReason | None:
    if venue.negotiations.has_room(account, is_new=is_new):
        return None
    return RejectReason.PROPOSAL_LIMIT


def _open(venue: Venue, proposal: Proposal) -> None:
    venue.negotiations.open(proposal)
    set_alarm(venue, proposal.book)


# --- answering -----------------------------------------------------------------------------------


def accept(venue: Venue, session: SessionState, command: BlockAccept, ref: Ref) -> None:
    found = _found(venue, session, command)
    if isinstance(found, RejectReason):
        venue.reject(session, ref, found)
        return
    proposal = found.proposal
    confirms_later = proposal.responder is None and found.blocks.rules.confirm_both
    reason = (
        (None if _are_terms(proposal, command) else RejectReason.TERMS_DIFFER)
        or _answer_refusal(venue, found, command)
        or (_room_refusal(venue, found.account, is_new=True) if confirms_later else None)
        or _means_refusal(venue, found, command)
    )
    if reason is not None:
        venue.reject(session, ref, reason)
    elif confirms_later:
        _reply(venue, session, found, command, BlockState.ACCEPTED)
    else:
        _trade(venue, session, found, ref)


def counter(venue: Venue, session: SessionState, command: BlockCounter, ref: Ref) -> None:
    found = _found(venue, session, command)
    if isinstance(found, RejectReason):
        venue.reject(session, ref, found)
        return
    proposal = found.proposal
    is_reply = proposal.responder is None
    reason = (
        (RejectReason.NOT_AMENDABLE if _are_terms(proposal, command) else None)
        or _answer_refusal(venue, found, command)
        # The poster's own post goes, and makes room.
        or (None if proposal.post is not None else _room_refusal(venue, found.account, is_new=is_reply))
        or _means_refusal(venue, found, command)
    )
    if reason is not None:
        venue.reject(session, ref, reason)
    elif is_reply:
        _reply(venue, session, found, command, BlockState.COUNTERED)
    else:
        _turn(venue, session, found, command)


def _found(
    venue: Venue, session: SessionState, command: BlockAccept | BlockCounter
) -> "_Answer | RejectReason":
    """Which proposal the session may answer and for whom; or why it may not."""
    proposal = venue.negotiations.proposals.get(command.proposal_id)
    if proposal is None:
        return RejectReason.UNKNOWN_PROPOSAL
    blocks = proposal.book.blocks
    assert blocks is not None
    answerer = proposal.answerer
    if answerer is not None and answerer.account_in(session) is None:
        return _not_to_answer(session, proposal)
    account = answering_account(session, proposal, command.account_id)
    if account is None:
        return RejectReason.UNKNOWN_ACCOUNT
    return _Answer(proposal, blocks, _OPPOSITE[proposal.offerer.side], account)


def answering_account(session: SessionState, proposal: Proposal, account_id: AccountId) -> Account | None:
    """For whom the session would answer; None: it may not, or not for this account."""
    if proposal.answerer is None:
        return session.accounts.get(account_id)
    return proposal.answerer.account_in(session, account_id)


def _not_to_answer(session: SessionState, proposal: Proposal) -> RejectReason:
    """It is not this session's turn; of what is between others it does not learn that there is anything."""
    is_seen = proposal.responder is None or _is_side(session, proposal)
    return RejectReason.NOT_COUNTERPARTY if is_seen else RejectReason.UNKNOWN_PROPOSAL


def _are_terms(proposal: Proposal, command: BlockAccept | BlockCounter) -> bool:
    return command.quantity_lots == proposal.quantity_lots and command.price_ticks == proposal.price_ticks


def _answer_refusal(venue: Venue, found: _Answer, command: BlockAccept | BlockCounter) -> RejectReason | None:
    book = found.proposal.book
    reason = phase_refusal(book, found.blocks) or offer_refusal(venue, command.expires_ns, command.flags)
    if reason is None and is_one_owner(book, found.account, found.proposal.bound_account):
        return RejectReason.SELF_SELECTION
    return reason or terms_refusal(venue, book, command.quantity_lots, command.price_ticks)


def _means_refusal(venue: Venue, found: _Answer, command: BlockAccept | BlockCounter) -> RejectReason | None:
    """Whoever answers a reply to its own post has what the post keeps reserved for it."""
    negotiations, post = venue.negotiations, found.proposal.post
    if post is not None:
        negotiations.unbind(post)
    reason = means_refusal(
        found.proposal.book, found.account, found.side, command.quantity_lots, command.price_ticks
    )
    if post is not None:
        negotiations.bind(post)
    return reason


def _reply(
    venue: Venue,
    session: SessionState,
    found: _Answer,
    command: BlockAccept | BlockCounter,
    state: BlockState,
) -> None:
    """Answer a post with a proposal of one's own, which its poster is to answer."""
    post = found.proposal
    replier = Party(found.side, found.account, session)
    poster = Party(post.initiator.side, post.initiator.account, post.initiator.session)
    reply = Proposal(
        OrderId(venue.sequence),
        post.book,
        state,
        replier,
        poster,
        post,
        is_anonymous=post.is_anonymous,
    )
    _offer(venue, reply, replier, found.blocks, command)
    _open(venue, reply)
    tell(venue, reply, replier, command.ref)


def _turn(venue: Venue, session: SessionState, found: _Answer, command: BlockCounter) -> None:
    """Other terms take the place of those that stood, and bind the side that was to answer."""
    proposal = found.proposal
    post, answerer = proposal.post, proposal.answerer
    assert answerer is not None
    negotiations = venue.negotiations
    negotiations.unbind(proposal)
    negotiations.leave_post(proposal)
    if post is not None:
        negotiations.close(post)
    answerer.act(session, found.account)
    proposal.state = BlockState.COUNTERED
    _offer(venue, proposal, answerer, found.blocks, command)
    negotiations.bind(proposal)
    set_alarm(venue, proposal.book)
    tell(venue, proposal, answerer, command.ref)
    if post is not None:
        finish(venue, post, BlockState.ANSWERED)


def _offer(
    venue: Venue,
    proposal: Proposal,
    offerer: Party,
    blocks: BlockBook,
    command: BlockPropose | BlockAccept | BlockCounter,
) -> None:
    expires_ns = expiry_ns(venue, blocks.rules, command.expires_ns)
    proposal.offer(offerer, command.quantity_lots, command.price_ticks, expires_ns, command.flags)


def _trade(venue: Venue, session: SessionState, found: _Answer, ref: Ref) -> None:
    """Both sides have confirmed the same price and quantity. A post is over with the reply that trades."""
    proposal = found.proposal
    post, answerer = proposal.post, proposal.answerer
    is_post = answerer is None
    if answerer is None:
        answerer = proposal.responder = Party(found.side, found.account, session)
    answerer.act(session, found.account)
    negotiations = venue.negotiations
    negotiations.close(proposal)
    if post is not None:
        negotiations.close(post)
    number = proposal.proposal_id
    taker = Part(session, found.account, number, ref, 0, Liquidity.TAKER)
    maker = Part(proposal.bound_session, proposal.bound_account, number, NO_REF, 0, Liquidity.MAKER)
    buyer, seller = (taker, maker) if answerer.side is Side.BUY else (maker, taker)
    trade_id = report_trade(
        venue,
        proposal.book,
        buyer,
        seller,
        proposal.price_ticks,
        proposal.quantity_lots,
        TradeKind.BLOCK,
        answerer.side,
    )
    finish(venue, proposal, BlockState.TRADED, answerer, ref, trade_id=trade_id)
    if is_post:
        publish(venue, proposal)
    if post is not None:
        finish(venue, post, BlockState.ANSWERED)


# --- ending it -----------------------------------------------------------------------------------


def decline(venue: Venue, session: SessionState, command: BlockDecline, ref: Ref) -> None:
    proposal = venue.negotiations.proposals.get(command.proposal_id)
    if proposal is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_PROPOSAL)
        return
    answerer = proposal.answerer
    account = None if answerer is None else answerer.account_in(session)
    if answerer is None or account is None:
        venue.reject(session, ref, _not_to_answer(session, proposal))
        return
    answerer.act(session, account)
    end(venue, proposal, BlockState.DECLINED, answerer, ref)


def withdraw(venue: Venue, session: SessionState, command: BlockWithdraw, ref: Ref) -> None:
    proposal = venue.negotiations.proposals.get(command.proposal_id)
    if proposal is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_PROPOSAL)
        return
    offerer = proposal.offerer
    account = offerer.account_in(session)
    if account is None:
        venue.reject(session, ref, _not_to_answer(session, proposal))
        return
    # Who has offered is let go before somebody else acts for the same side.
    venue.negotiations.close(proposal)
    offerer.act(session, account)
    finish(venue, proposal, BlockState.WITHDRAWN, offerer, ref)


# --- what is open --------------------------------------------------------------------------------


def status(venue: Venue, session: SessionState, command: BlockStatusRequest, ref: Ref) -> None:
    """Report the named proposal, or a page of those that the session may act in, and the end."""
    proposals = venue.negotiations.proposals
    if command.proposal_id:
        named = proposals.get(command.proposal_id)
        if named is None or not _is_side(session, named):
            venue.reject(session, ref, RejectReason.UNKNOWN_PROPOSAL)
            return
        seen, more = [named], False
    else:
        later = [one for number, one in proposals.items() if number > command.after_proposal_id]
        seen = [one for one in later if _is_side(session, one)]
        more = len(seen) > STATUS_ORDERS_MAX
        seen = seen[:STATUS_ORDERS_MAX]
    for proposal in seen:
        for party in proposal.parties:
            if party.account_in(session) is not None:
                report(venue, session, proposal, party, ref)
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(StatusEnd(seq, ref, venue.time_ns, venue.report_flags, len(seen), more))


def _is_side(session: SessionState, proposal: Proposal) -> bool:
    return any(party.account_in(session) is not None for party in proposal.parties)
