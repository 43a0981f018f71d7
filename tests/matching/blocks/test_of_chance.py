"""Negotiations of chance, held against a reference that keeps nothing but what was proposed."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AccountId,
    BlockPhase,
    BlockState,
    BlockUpdate,
    ParticipantId,
    Rejected,
    SessionId,
    Side,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.blocks.floor import ALICE, ALPHA, ALPHA_2, BETA, BOB, DAVE, EUA, GAMMA, Floor
from tests.matching.blocks.reference import Reference
from tests.matching.market import CAROL, OPS, TIME_NS, VENUE

# Of two firms at once.
EVE = SessionId(6)
ACCOUNTS: dict[int, int] = {ALPHA: 1, ALPHA_2: 1, BETA: 2, GAMMA: 3}
SESSIONS: dict[int, tuple[int, ...]] = {
    ALICE: (ALPHA,),
    BOB: (BETA,),
    CAROL: (ALPHA, ALPHA_2),
    DAVE: (GAMMA,),
    EVE: (BETA, GAMMA),
}
MOST: dict[int, int] = {ALPHA: 250, BETA: 400}

Command = tuple[Any, ...]


def drawn(chance: Random, reference: Reference) -> Command:
    """The next command: mostly one that could succeed, of whoever is to do it."""
    kind = chance.choice(["propose"] * 3 + ["accept"] * 3 + ["counter"] * 3 + ["leave"] * 2 + ["other"])
    session = chance.choice(sorted(SESSIONS))
    ends = chance.choice([0, 0, 0, 4, 12])
    if kind == "propose":
        side, lots, price = chance.choice(list(Side)), chance.choice([100, 150]), chance.choice([50, 51, 52])
        to = chance.choice([(0, 0), (0, 0), (ALPHA, 0), (BETA, 0), (GAMMA, 0), (0, 1), (0, 2), (0, 3)])
        return "propose", session, side, lots, price, ends, to
    if kind == "other":
        phases = [*BlockPhase, *[BlockPhase.OPEN] * 6]
        return chance.choice(
            [("lost", session), ("mass", session), ("time",), *[("phase", chance.choice(phases))] * 2]
        )
    rows = reference.rows
    open_rows = reference.open_rows()
    row = chance.choice(open_rows if open_rows and chance.random() < 0.9 else rows) if rows else None
    what = chance.choice(["decline", "withdraw"]) if kind == "leave" else kind
    if row is not None and chance.random() < 0.8:
        session = chance.choice(reference.sessions_to_act(row, as_offerer=what == "withdraw") or [session])
    target = 999 if row is None else row.number
    if kind == "leave":
        return what, session, target
    account = chance.choice([0, 0, 0, 0, *ACCOUNTS])
    lots, price = (100, 50) if row is None else row.terms
    if kind == "accept":
        return what, session, target, account, lots + (chance.random() < 0.1), price
    if chance.random() < 0.9:
        lots, price = chance.choice([100, 150]), chance.choice([50, 51, 52, 53])
    return what, session, target, account, lots, price, ends


class Play:
    """The engine and the reference side by side."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.floor.outputs(VENUE, m.DefineSession(EVE, "eve", (BETA, GAMMA)))
        self.floor.vault.lots_max = {AccountId(account): most for account, most in MOST.items()}
        self.reference = Reference(ACCOUNTS, SESSIONS, MOST)
        # Of each proposal, the states in which it was told to have ended.
        self.ended: dict[int, set[tuple[BlockState, int]]] = {}

    def do(self, command: Command) -> None:
        floor, reference = self.floor, self.reference
        floor.time_ns += 1
        now = floor.time_ns - TIME_NS
        reference.advance(now)
        number = floor.engine.sequence + 1
        what, *rest = command
        expected: str | None = None
        session, sent = self._command(what, rest)
        outputs = floor.outputs(session, sent)
        match what:
            case "propose":
                _, side, lots, price, ends, to = rest
                account = SESSIONS[session][0]
                ends = now + ends if ends else 0
                expected = reference.propose(number, session, account, side, (lots, price), ends, to)
            case "accept":
                _, target, account, *terms = rest
                expected = reference.accept(number, session, target, account, (terms[0], terms[1]))
            case "counter":
                _, target, account, lots, price, ends = rest
                ends = now + ends if ends else 0
                expected = reference.counter(number, session, target, account, (lots, price), ends)
            case "decline" | "withdraw":
                expected = reference.leave(session, sent.proposal_id, is_decline=what == "decline")
            case "lost" | "mass":
                reference.cancel(rest[0])
            case "phase":
                reference.is_open = rest[0] in (BlockPhase.OPEN, BlockPhase.AS_SCHEDULED)
                if rest[0] is BlockPhase.CLOSED:
                    reference.close()
        self._compare(outputs, session, expected)

    def _command(self, what: str, rest: list[Any]) -> tuple[SessionId, Any]:
        """Who sends it, and what it is."""
        floor = self.floor
        if what == "time":
            return VENUE, m.TimePassed()
        if what == "lost":
            return VENUE, m.SessionLost(rest[0])
        if what == "phase":
            return OPS, m.SetBlockPhase(floor.ref(OPS), EUA, rest[0])
        session = SessionId(rest[0])
        ref = floor.ref(session)
        if what == "mass":
            return session, m.MassCancel(ref, m.MassCancelScope.SESSION)
        if what == "propose":
            _, side, lots, price, ends, (account, participant) = rest
            expires_ns = floor.time_ns + ends if ends else 0
            other, firm = AccountId(account), ParticipantId(participant)
            return session, m.BlockPropose(ref, EUA, side, lots, price, AccountId(0), other, firm, expires_ns)
        target = m.OrderId(rest[1])
        if what == "accept":
            _, _, account, lots, price = rest
            return session, m.BlockAccept(ref, target, lots, price, AccountId(account))
        if what == "counter":
            _, _, account, lots, price, ends = rest
            expires_ns = floor.time_ns + ends if ends else 0
            return session, m.BlockCounter(ref, target, lots, price, AccountId(account), expires_ns)
        kind = m.BlockDecline if what == "decline" else m.BlockWithdraw
        return session, kind(ref, target)

    def _compare(self, outputs: m.Outputs, session: SessionId, expected: str | None) -> None:
        floor, reference = self.floor, self.reference
        reasons = [
            report.reason.name
            for chunk in outputs.streams
            for report in chunk.reports
            if isinstance(report, Rejected)
        ]
        assert reasons == ([] if expected is None else [expected])
        assert {
            proposal.proposal_id: (proposal.state, proposal.quantity_lots, proposal.price_ticks)
            for proposal in floor.engine.venue.negotiations.proposals.values()
        } == {row.number: (row.state, *row.terms) for row in reference.open_rows()}
        assert floor.locks() == reference.locks()
        assert floor.vault.settled == reference.trades
        for chunk in outputs.streams:
            for report in chunk.reports:
                if isinstance(report, BlockUpdate) and report.state in m.FINAL_BLOCK_STATES:
                    self.ended.setdefault(report.proposal_id, set()).add((report.state, report.time_ns))
        assert self.ended.keys() == {row.number for row in reference.rows if not row.is_open}
        for row in reference.rows:
            if not row.is_open:
                # Told once, in one state, to everyone who is told.
                ((state, _),) = self.ended[row.number]
                assert row.told == [state]


def played(seed: int, commands: int) -> Play:
    play = Play()
    chance = Random(seed)
    for _ in range(commands):
        play.do(drawn(chance, play.reference))
    return play


@given(st.integers(0, 2**32))
@settings(max_examples=100)
def test_negotiations_equal_the_reference(seed: int) -> None:
    play = played(seed, 60)
    play.floor.time_ns += 10
    play.floor.outputs(OPS, m.SetBlockPhase(play.floor.ref(OPS), EUA, BlockPhase.CLOSED))
    assert play.floor.locks() == []
    assert play.floor.open() == {}


@given(st.integers(0, 2**32))
@settings(max_examples=50)
def test_a_snapshot_goes_on_as_the_engine_it_is_of(seed: int) -> None:
    play = played(seed, 30)
    engine = play.floor.engine
    restored = restore(snapshot(engine))
    assert digest(restored) == digest(engine)
    restored.check()
    for book in restored.books.values():
        if book.blocks is not None:
            book.clearing = play.floor.vault
    time_ns = play.floor.time_ns + 4
    entry = m.Entry(engine.sequence + 1, time_ns, VENUE, [m.TimePassed(), m.SessionLost(CAROL)])
    assert restored.is_due(time_ns) == engine.is_due(time_ns)
    engine.apply(entry)
    play.floor.vault.reserved = _copied(play, restored)
    restored.apply(entry)
    assert restored.take_outputs() == engine.take_outputs()
    assert digest(restored) == digest(engine)


def _copied(play: Play, restored: Any) -> dict[tuple[AccountId, Side], list[tuple[int, int]]]:
    """What clearing held for the restored proposals: its own state keeps that."""
    reserved: dict[tuple[AccountId, Side], list[tuple[int, int]]] = {}
    for proposal in restored.venue.negotiations.proposals.values():
        held = reserved.setdefault((proposal.bound_account.account_id, proposal.offerer.side), [])
        held.append((proposal.quantity_lots, proposal.price_ticks))
    return reserved
