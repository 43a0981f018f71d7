"""What is being negotiated: proposals, those of one instrument, and those of the venue.

A proposal has terms, which one side offers and the other is to answer. The side that offers is bound: what
its terms need is reserved, until they end or the other side counters and is bound instead. So there is one
reservation for each open proposal, no more and no fewer.

A post is a proposal to everyone, which nobody in particular is to answer. Whoever accepts or counters it
makes a reply, a proposal of its own: its poster chooses among several, and nobody can block the post.
"""

from collections import Counter
from typing import Final, TypeVar

from sortedcontainers import SortedDict

from carbonmatch.limits import ACCOUNT_PROPOSALS_MAX, VENUE_PROPOSALS_MAX
from carbonmatch.matching.accounts import Account, SessionState
from carbonmatch.matching.blocks.course import BlockCourse
from carbonmatch.matching.blocks.directory import Directory
from carbonmatch.matching.book import Book
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.messages import (
    FINAL_BLOCK_STATES,
    AccountId,
    BlockRules,
    BlockState,
    OrderId,
    ParticipantId,
    SessionId,
    Side,
    TradeKind,
)

_Key = TypeVar("_Key", AccountId, SessionId)

# Neither is given to anybody.
NOBODY: Final = ParticipantId(0)
ANY_ACCOUNT: Final = AccountId(0)


class Party:
    """One side of a proposal; `account` and `session` are there once it has acted, or was named."""

    __slots__ = ("account", "participant_id", "session", "side")

    def __init__(
        self,
        side: Side,
        account: Account | None,
        session: SessionState | None,
        participant_id: ParticipantId = NOBODY,
    ) -> None:
        self.side = side
        self.account = account
        self.session = session
        # Any of its accounts may answer, as long as there is no account.
        self.participant_id = participant_id

    def act(self, session: SessionState, account: Account) -> None:
        self.session = session
        self.account = account

    def account_in(self, session: SessionState, account_id: AccountId = ANY_ACCOUNT) -> Account | None:
        """The account for which the session may act as this side; None: it may not, or not for this one."""
        if self.account is not None:
            own = session.accounts.get(self.account.account_id)
            return own if own is not None and account_id in (0, own.account_id) else None
        for own_id in session.account_ids:
            account = session.accounts[own_id]
            if account.participant_id == self.participant_id and account_id in (0, own_id):
                return account
        return None


class Proposal:
    """Invariant: `offerer` is one of the sides and has acted; a post has one side, and alone has replies."""

    __slots__ = (
        "book",
        "expires_ns",
        "flags",
        "initiator",
        "is_anonymous",
        "offerer",
        "post",
        "post_id",
        "price_ticks",
        "proposal_id",
        "quantity_lots",
        "replies",
        "responder",
        "state",
    )

    def __init__(
        self,
        proposal_id: OrderId,
        book: Book,
        state: BlockState,
        initiator: Party,
        responder: Party | None,
        post: "Proposal | None" = None,
        *,
        is_anonymous: bool = False,
    ) -> None:
        self.proposal_id = proposal_id
        self.book = book
        self.state = state
        self.initiator = initiator
        self.responder = responder
        # That it replies to, as long as that is open.
        self.post = post
        self.post_id = OrderId(0) if post is None else post.proposal_id
        # The sides are not told of each other before they trade.
        self.is_anonymous = is_anonymous
        self.replies: dict[OrderId, Proposal] = {}
        self.offerer = initiator
        self.quantity_lots = self.price_ticks = self.expires_ns = self.flags = 0

    def offer(
        self, offerer: Party, quantity_lots: int, price_ticks: int, expires_ns: int, flags: int
    ) -> None:
        """These are the terms, and this side offers them."""
        self.offerer = offerer
        self.quantity_lots = quantity_lots
        self.price_ticks = price_ticks
        self.expires_ns = expires_ns
        self.flags = flags

    @property
    def parties(self) -> tuple[Party, ...]:
        return (self.initiator,) if self.responder is None else (self.initiator, self.responder)

    @property
    def answerer(self) -> Party | None:
        """The side that is to answer; None: whoever wants."""
        return self.responder if self.offerer is self.initiator else self.initiator

    @property
    def bound_account(self) -> Account:
        """Whose holdings or cash the terms keep reserved."""
        assert self.offerer.account is not None, "who offers has acted"
        return self.offerer.account

    @property
    def bound_session(self) -> SessionState:
        """The session that has offered the terms."""
        assert self.offerer.session is not None, "who offers has acted"
        return self.offerer.session


class BlockBook:
    """The blocks of one instrument. `next_ns` is when the first proposal's time is up, NEVER_NS: never."""

    __slots__ = ("_timed", "course", "next_ns", "proposals", "rules")

    def __init__(self, rules: BlockRules) -> None:
        self.rules = rules
        self.course = BlockCourse(rules.opening_phase)
        # In the order of their ids.
        self.proposals: dict[OrderId, Proposal] = {}
        self._timed: SortedDict[tuple[int, OrderId], Proposal] = SortedDict()
        self.next_ns = NEVER_NS

    def note(self, proposal: Proposal) -> None:
        """Its terms have begun to stand."""
        if proposal.expires_ns:
            self._timed[proposal.expires_ns, proposal.proposal_id] = proposal
            self._look()

    def discard(self, proposal: Proposal) -> None:
        """Its terms stand no longer."""
        if proposal.expires_ns:
            del self._timed[proposal.expires_ns, proposal.proposal_id]
            self._look()

    def first(self) -> Proposal:
        """Whose time is up next; there is one."""
        return self._timed.peekitem(0)[1]

    def check(self) -> None:
        assert list(self.proposals) == sorted(self.proposals)
        assert dict(self._timed) == {
            (proposal.expires_ns, proposal.proposal_id): proposal
            for proposal in self.proposals.values()
            if proposal.expires_ns
        }
        for proposal in self.proposals.values():
            _check(proposal)

    def _look(self) -> None:
        self.next_ns = self._timed.peekitem(0)[0][0] if self._timed else NEVER_NS


class Negotiations:
    """All open proposals of the venue.

    `offers` counts those that bind an account, `offers_of_sessions` those that a session has made; without
    any it is not among them.
    """

    __slots__ = ("directory", "offers", "offers_of_sessions", "proposals")

    def __init__(self) -> None:
        # None: to be made when somebody asks.
        self.directory: Directory | None = None
        self.proposals: dict[OrderId, Proposal] = {}
        self.offers: dict[AccountId, int] = {}
        self.offers_of_sessions: dict[SessionId, int] = {}

    def has_room(self, account: Account, *, is_new: bool) -> bool:
        """Whether the account may be bound once more, and where it `is_new` the venue takes a proposal."""
        return self.offers.get(account.account_id, 0) < ACCOUNT_PROPOSALS_MAX and (
            not is_new or len(self.proposals) < VENUE_PROPOSALS_MAX
        )

    def open(self, proposal: Proposal) -> None:
        """Take in a new proposal, and bind whoever offers it."""
        self.take_up(proposal)
        self._reserve(proposal)

    def take_up(self, proposal: Proposal) -> None:
        """Take in a proposal for which everything is reserved already."""
        blocks = proposal.book.blocks
        assert blocks is not None
        self.proposals[proposal.proposal_id] = blocks.proposals[proposal.proposal_id] = proposal
        if proposal.post is not None:
            proposal.post.replies[proposal.proposal_id] = proposal
        self._note(proposal)

    def close(self, proposal: Proposal) -> None:
        """Let go whoever offers, and forget the proposal; what has replied to it is the caller's."""
        self.unbind(proposal)
        blocks = proposal.book.blocks
        assert blocks is not None
        del self.proposals[proposal.proposal_id], blocks.proposals[proposal.proposal_id]
        self.leave_post(proposal)

    def leave_post(self, reply: Proposal) -> None:
        """It is no reply any more, if it was one."""
        if reply.post is not None:
            del reply.post.replies[reply.proposal_id]
            reply.post = None

    def bind(self, proposal: Proposal) -> None:
        """Reserve what the terms need of whoever offers them; that it may be was asked before."""
        self._note(proposal)
        self._reserve(proposal)

    def unbind(self, proposal: Proposal) -> None:
        """Give back what was reserved."""
        book, account = proposal.book, proposal.bound_account
        assert book.blocks is not None
        _count_one_less(self.offers, account.account_id)
        _count_one_less(self.offers_of_sessions, proposal.bound_session.session_id)
        book.blocks.discard(proposal)
        if book.clearing is not None:
            book.clearing.release(
                account,
                proposal.offerer.side,
                proposal.quantity_lots,
                0,
                proposal.price_ticks,
                TradeKind.BLOCK,
            )

    def _note(self, proposal: Proposal) -> None:
        blocks, account_id = proposal.book.blocks, proposal.bound_account.account_id
        assert blocks is not None
        self.offers[account_id] = self.offers.get(account_id, 0) + 1
        session_id = proposal.bound_session.session_id
        self.offers_of_sessions[session_id] = self.offers_of_sessions.get(session_id, 0) + 1
        blocks.note(proposal)

    @staticmethod
    def _reserve(proposal: Proposal) -> None:
        clearing = proposal.book.clearing
        if clearing is not None:
            clearing.reserve(
                proposal.bound_account,
                proposal.offerer.side,
                proposal.quantity_lots,
                proposal.price_ticks,
                TradeKind.BLOCK,
            )

    def check(self, books: list[Book]) -> None:
        """Assert every invariant: for tests, since it reads all there is."""
        of_books: dict[OrderId, Proposal] = {}
        for book in books:
            if book.blocks is not None:
                book.blocks.check()
                assert all(one.book is book for one in book.blocks.proposals.values())
                of_books |= book.blocks.proposals
        assert of_books == self.proposals
        proposals = self.proposals.values()
        assert Counter(one.bound_account.account_id for one in proposals) == self.offers
        assert Counter(one.bound_session.session_id for one in proposals) == self.offers_of_sessions
        assert all(0 < count <= ACCOUNT_PROPOSALS_MAX for count in self.offers.values())
        assert len(self.proposals) <= VENUE_PROPOSALS_MAX


def _count_one_less(counts: dict[_Key, int], key: _Key) -> None:
    left = counts.pop(key) - 1
    if left:
        counts[key] = left


def _check(proposal: Proposal) -> None:
    book = proposal.book.blocks
    assert book is not None
    assert proposal.state not in FINAL_BLOCK_STATES, "what has ended is forgotten"
    assert (proposal.state is BlockState.POSTED) == (proposal.responder is None)
    assert proposal.offerer in proposal.parties
    for party in proposal.parties:
        assert (party.account is None) == (party.session is None) or party is proposal.responder
    assert proposal.bound_session is not None
    assert proposal.quantity_lots > 0
    assert proposal.price_ticks > 0
    for reply in proposal.replies.values():
        assert reply.post is proposal
        assert book.proposals[reply.proposal_id] is reply
    if proposal.post is not None:
        assert proposal.post.replies[proposal.proposal_id] is proposal
