"""Every row of the table of proto/BLOCKS.md that says who may do what: played, and held against it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import BlockPhase, BlockState, Phase, SessionId
from tests.matching.blocks.floor import ALICE, ALPHA_2, BETA, BOB, DAVE, EUA, LOTS, PRICE, Floor
from tests.matching.market import OPS, TIME_NS, VENUE

PAGE = Path(__file__).parents[3] / "proto" / "BLOCKS.md"
EXPIRES_NS = TIME_NS + 1_000


def rows() -> list[tuple[str, str, str, str]]:
    """Command, by whom, state, what it comes to: of each cell."""
    lines = PAGE.read_text().partition("## Who may do what")[2].partition("\n* ")[0].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    states = table[0][2:]
    return [
        (row[0], row[1], state, told)
        for row in table[2:]
        for state, told in zip(states, row[2:], strict=True)
        if told != "-"
    ]


class Scene:
    """A proposal in a state: whose terms stand, who is to answer, and its number; `terms` are what stands."""

    def __init__(self, state: str, floor: Floor | None = None) -> None:
        self.floor = Floor() if floor is None else floor
        self.terms = (LOTS, PRICE)
        self.offers, self.answers, self.number = ALICE, BOB, 1
        _BEGIN[state](self)
        open_state = self.floor.open().get(self.number)
        assert open_state is None if state == "ended" else open_state is BlockState[state]

    def session(self, by: str) -> SessionId:
        return {"is to answer": self.answers, "offers": self.offers, "somebody else": DAVE}[by]


def _posted(scene: Scene) -> None:
    scene.floor.propose(expires_ns=EXPIRES_NS)


def _offered(scene: Scene) -> None:
    scene.floor.offer(to=BETA, expires_ns=EXPIRES_NS)


def _countered(scene: Scene) -> None:
    scene.floor.offer(to=BETA)
    scene.floor.counter(BOB, 1, LOTS, PRICE + 1, expires_ns=EXPIRES_NS)
    scene.terms = (LOTS, PRICE + 1)
    scene.offers, scene.answers = BOB, ALICE


def _accepted(scene: Scene) -> None:
    scene.floor.propose()
    scene.floor.accept(BOB, 1, expires_ns=EXPIRES_NS)
    scene.offers, scene.answers, scene.number = BOB, ALICE, 2


def _ended(scene: Scene) -> None:
    scene.floor.offer(to=BETA)
    scene.floor.decline(BOB, 1)


_BEGIN: dict[str, Callable[[Scene], None]] = {
    "POSTED": _posted,
    "OFFERED": _offered,
    "COUNTERED": _countered,
    "ACCEPTED": _accepted,
    "ended": _ended,
}


def do(scene: Scene, command: str, by: str) -> list[str]:
    """What everyone is told."""
    floor, number = scene.floor, scene.number
    match command:
        case "BlockAccept":
            return floor.accept(scene.session(by), number, *scene.terms)
        case "BlockCounter":
            return floor.counter(scene.session(by), number, LOTS, PRICE + 5)
        case "BlockDecline":
            return floor.decline(scene.session(by), number)
        case "BlockWithdraw":
            return floor.withdraw(scene.session(by), number)
        case "MassCancel":
            session_id = scene.session(by)
            return floor.send(session_id, m.MassCancel(floor.ref(session_id), m.MassCancelScope.ACCOUNT))
        case "SessionLost":
            return floor.send(VENUE, m.SessionLost(scene.session(by)))
        case "RemoveSession":
            return floor.send(VENUE, m.RemoveSession(scene.session(by)))
        case "its time is up":
            floor.time_ns = EXPIRES_NS
            return floor.send(VENUE, m.TimePassed())
        case _:
            what, _, phase = command.partition(" ")
            if what == "blocks":
                return floor.send(OPS, m.SetBlockPhase(floor.ref(OPS), EUA, BlockPhase[phase]))
            return floor.send(OPS, m.SetPhase(floor.ref(OPS), EUA, Phase[phase]))


@pytest.mark.parametrize(("command", "by", "state", "told"), rows(), ids=str)
def test_what_each_command_comes_to(command: str, by: str, state: str, told: str) -> None:
    scene = Scene(state)
    before = scene.floor.open()
    lines = do(scene, command, by)
    after = scene.floor.open()
    if told == "stays":
        assert after == before
    elif told.startswith("reply"):
        new = after.keys() - before.keys()
        assert [after[number].name for number in new] == [told.removeprefix("reply ")]
        assert after.items() >= before.items()
    elif told in m.RejectReason.__members__:
        assert [line.partition(": ")[2] for line in lines] == [f"rejected {told}"]
        assert after == before
    else:
        assert any(f"block #{scene.number} {told} " in line for line in lines)
        final = BlockState[told] in m.FINAL_BLOCK_STATES
        assert (scene.number not in after) == final
    # One reservation for each open proposal, whatever has happened.
    assert len(scene.floor.locks()) == len(after)


def test_the_table_has_every_command_and_every_way_to_end() -> None:
    commands = {command for command, _, _, _ in rows()}
    assert {"BlockAccept", "BlockCounter", "BlockDecline", "BlockWithdraw"} <= commands
    told = {told for _, _, _, told in rows()}
    # ANSWERED is what happens to a post by what is done to a reply.
    assert {state.name for state in m.FINAL_BLOCK_STATES} - told == {"ANSWERED"}


def refusals() -> list[str]:
    """The reasons of a proposal, in the order of the page."""
    lines = PAGE.read_text().partition("## What is refused")[2].partition("\nSize and band")[0].splitlines()
    reasons = [line.strip("|").split("|")[1].strip() for line in lines if line.startswith("| ")][1:]
    # Of an answer alone, or while an auction is carried out; and what clearing says is its own.
    others = {"TERMS_DIFFER", "NOT_AMENDABLE", "FROZEN", "as for orders"}
    return [reason.partition(";")[0] for reason in reasons if reason not in others]


def test_the_first_rule_that_does_not_hold_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are broken by one proposal, and then mended one by one, as the page has them."""
    rules = m.BlockRules(quantity_min_lots=20, quantity_max_lots=500, directed=False)
    fields = {
        "price_increment_ticks": 2,
        "quantity_increment_lots": 10,
        "reference_price_ticks": 50,
        "band_low_ticks": 40,
        "band_high_ticks": 60,
    }
    floor = Floor(rules, **fields)
    floor.send(OPS, m.SetPhase(floor.ref(OPS), EUA, Phase.HALTED))
    floor.send(OPS, m.SetBlockPhase(floor.ref(OPS), EUA, BlockPhase.CLOSED))
    monkeypatch.setattr("carbonmatch.matching.blocks.proposals.ACCOUNT_PROPOSALS_MAX", 0)
    directed = structs.replace(floor.engine.books[EUA].instrument.configured, blocks=m.BlockRules(20, 500))
    proposal = m.BlockPropose(
        m.Ref(1), m.InstrumentId(9), m.Side.SELL, 0, 0, BETA, BETA, m.ParticipantId(1), TIME_NS, 1
    )
    mended: list[Callable[[], object] | dict[str, int]] = [
        {"account_id": 0},
        {"instrument_id": EUA},
        lambda: floor.send(VENUE, m.DefineInstrument(directed)),
        lambda: floor.send(OPS, m.SetPhase(floor.ref(OPS), EUA, Phase.CONTINUOUS)),
        lambda: floor.send(OPS, m.SetBlockPhase(floor.ref(OPS), EUA, BlockPhase.OPEN)),
        {"flags": 0},
        {"expires_ns": 0},
        {"counterparty_account_id": 99, "counterparty_participant_id": 0},
        {"counterparty_account_id": ALPHA_2},
        {"counterparty_account_id": BETA},
        {"quantity_lots": 15},
        {"quantity_lots": 10},
        {"quantity_lots": 510},
        {"quantity_lots": 100},
        {"price_ticks": 51},
        {"price_ticks": 38},
        {"price_ticks": 50},
        lambda: monkeypatch.undo(),
    ]
    answers = []
    for mend in mended:
        (line,) = floor.send(ALICE, structs.replace(proposal, ref=floor.ref(ALICE)))
        answers.append(line.partition("rejected ")[2])
        if isinstance(mend, dict):
            proposal = structs.replace(proposal, **mend)
        else:
            mend()
    assert answers == refusals()
    floor.send(ALICE, structs.replace(proposal, ref=floor.ref(ALICE)))
    assert len(floor.open()) == 1
