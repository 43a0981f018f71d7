"""Blocks negotiated the naive way: a list of all that was ever proposed, looked through for each answer.

It keeps no reservations and no counts: who is bound follows from what is open. Right by inspection, not fast.
"""

from dataclasses import dataclass, field

from carbonmatch.matching.messages import BlockState, Side

OPEN = {BlockState.POSTED, BlockState.OFFERED, BlockState.COUNTERED, BlockState.ACCEPTED}
Terms = tuple[int, int]  # lots and price


@dataclass
class Row:
    number: int
    state: BlockState
    proposer: int  # account
    session: int  # that has made the offer which stands
    side: Side  # of the proposer
    terms: Terms
    ends: int  # 0: with the blocks
    other: int = 0  # account; 0: nobody in particular, or nobody of the participant yet
    participant: int = 0
    reply_to: int = 0
    by_proposer: bool = True  # the terms are the proposer's
    told: list[BlockState] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def bound(self) -> tuple[int, Side]:
        """Whose offer stands, and on which side."""
        other_side = Side.BUY if self.side is Side.SELL else Side.SELL
        return (self.proposer, self.side) if self.by_proposer else (self.other, other_side)


class Reference:
    """Each call says what becomes of the command: the reason of a refusal, or None where it is done."""

    def __init__(self, accounts: dict[int, int], sessions: dict[int, tuple[int, ...]], most: dict[int, int]):
        """`accounts`: the participant of each; `most`: lots that an account may be bound to, on one side."""
        self.accounts = accounts
        self.sessions = sessions
        self.most = most
        self.rows: list[Row] = []
        self.now = 0
        self.is_open = True
        self.trades: list[tuple[int, int, int, int]] = []  # buyer, seller, lots, price

    # --- what there is ---------------------------------------------------------------------------

    def open_rows(self) -> list[Row]:
        return [row for row in self.rows if row.is_open]

    def locks(self) -> list[tuple[int, Side, int, int]]:
        return sorted((*row.bound, *row.terms) for row in self.open_rows())

    def _row(self, number: int) -> Row | None:
        return next((row for row in self.open_rows() if row.number == number), None)

    def _end(self, row: Row, state: BlockState) -> None:
        row.state = state
        row.told.append(state)
        for reply in self.open_rows():
            if reply.reply_to == row.number and row.other == 0 and row.participant == 0:
                self._end(reply, BlockState.EXPIRED if state is BlockState.EXPIRED else BlockState.DECLINED)

    def _may_act(self, session: int, row: Row, *, as_offerer: bool) -> list[int]:
        """The accounts for which the session may act as the side that offers, or as the other one."""
        if as_offerer == row.by_proposer:
            wanted = {row.proposer}
        elif row.other:
            wanted = {row.other}
        else:
            wanted = {account for account, firm in self.accounts.items() if firm == row.participant}
        return [account for account in self.sessions[session] if account in wanted]

    def sessions_to_act(self, row: Row, *, as_offerer: bool) -> list[int]:
        """Who may answer it, or take it back; a post, whoever wants."""
        if row.state is BlockState.POSTED and not as_offerer:
            return sorted(self.sessions)
        return [session for session in self.sessions if self._may_act(session, row, as_offerer=as_offerer)]

    def _lacks(self, account: int, side: Side, lots: int, without: int = 0) -> bool:
        """Whether the account may not be bound to so much more; as if one proposal were not."""
        held = sum(
            row.terms[0] for row in self.open_rows() if row.bound == (account, side) and row.number != without
        )
        return account in self.most and held + lots > self.most[account]

    # --- commands --------------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        self.now = now
        while due := [row for row in self.open_rows() if 0 < row.ends <= now]:
            self._end(min(due, key=lambda row: (row.ends, row.number)), BlockState.EXPIRED)

    def close(self) -> None:
        for row in self.open_rows():
            if row.is_open:
                self._end(row, BlockState.EXPIRED)

    def propose(
        self,
        number: int,
        session: int,
        account: int,
        side: Side,
        terms: Terms,
        ends: int,
        to: tuple[int, int],
    ) -> str | None:
        other, participant = to
        firm = self.accounts[account]
        if not self.is_open:
            return "NOT_IN_THIS_PHASE"
        if firm in (self.accounts.get(other), participant):
            return "SELF_SELECTION"
        if self._lacks(account, side, terms[0]):
            return "NO_LIQUIDITY"
        state = BlockState.OFFERED if other or participant else BlockState.POSTED
        self.rows.append(Row(number, state, account, session, side, terms, ends, other, participant))
        return None

    def accept(self, number: int, session: int, target: int, account: int, terms: Terms) -> str | None:
        return self._answer(number, session, target, account, terms, 0, is_counter=False)

    def counter(
        self, number: int, session: int, target: int, account: int, terms: Terms, ends: int
    ) -> str | None:
        return self._answer(number, session, target, account, terms, ends, is_counter=True)

    def _answer(
        self,
        number: int,
        session: int,
        target: int,
        account: int,
        terms: Terms,
        ends: int,
        *,
        is_counter: bool,
    ) -> str | None:
        row = self._row(target)
        if row is None:
            return "UNKNOWN_PROPOSAL"
        is_post = row.state is BlockState.POSTED
        if is_post:
            if account and account not in self.sessions[session]:
                return "UNKNOWN_ACCOUNT"
            own = account or self.sessions[session][0]
        else:
            may = self._may_act(session, row, as_offerer=False)
            if not may:
                seen = self._may_act(session, row, as_offerer=True)
                return "NOT_COUNTERPARTY" if seen else "UNKNOWN_PROPOSAL"
            if account and account not in may:
                return "UNKNOWN_ACCOUNT"
            own = account or may[0]
        if is_counter == (terms == row.terms):
            return "NOT_AMENDABLE" if is_counter else "TERMS_DIFFER"
        if not self.is_open:
            return "NOT_IN_THIS_PHASE"
        bound, bound_side = row.bound
        if self.accounts[own] == self.accounts[bound]:
            return "SELF_SELECTION"
        side = Side.BUY if bound_side is Side.SELL else Side.SELL
        if self._lacks(own, side, terms[0], without=row.reply_to):
            return "NO_LIQUIDITY"
        if is_post:
            state = BlockState.COUNTERED if is_counter else BlockState.ACCEPTED
            reply = Row(number, state, own, session, side, terms, ends, bound, reply_to=target)
            self.rows.append(reply)
            return None
        post = self._row(row.reply_to)
        if is_counter:
            row.state = BlockState.COUNTERED
            row.other, row.terms, row.ends, row.session = (
                (own if row.by_proposer else row.other),
                terms,
                ends,
                session,
            )
            row.by_proposer = not row.by_proposer
            row.reply_to = 0
        else:
            buyer, seller = (own, bound) if side is Side.BUY else (bound, own)
            self.trades.append((buyer, seller, *terms))
            row.reply_to = 0
            self._end(row, BlockState.TRADED)
        if post is not None:
            self._end(post, BlockState.ANSWERED)
        return None

    def leave(self, session: int, target: int, *, is_decline: bool) -> str | None:
        """Decline or withdraw."""
        row = self._row(target)
        if row is None:
            return "UNKNOWN_PROPOSAL"
        is_post = row.state is BlockState.POSTED
        may_answer = [] if is_post else self._may_act(session, row, as_offerer=False)
        may_offer = self._may_act(session, row, as_offerer=True)
        if may_answer if is_decline else may_offer:
            self._end(row, BlockState.DECLINED if is_decline else BlockState.WITHDRAWN)
            return None
        return "NOT_COUNTERPARTY" if is_post or may_answer or may_offer else "UNKNOWN_PROPOSAL"

    def cancel(self, session: int) -> int:
        """What the session has offered: lost, removed or cancelled; how many."""
        count = 0
        for row in [row for row in self.open_rows() if row.session == session]:
            if row.is_open:
                self._end(row, BlockState.CANCELED)
                count += 1
        return count
