"""Blocks of accounts that have units and money: what an offer holds, and that every way out gives it back."""

from typing import Any

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import AccountId, BlockPhase, BlockRules, SessionId, Side, TradeKind
from carbonmatch.matching.state import digest, restore, snapshot
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees
from tests.matching.blocks.floor import ALICE, ALPHA, BETA, BOB, BUY, DAVE, EUA, GAMMA, LOTS, PRICE, Floor
from tests.matching.blocks.test_page import Scene, do, rows
from tests.matching.clearing.told import Told, supply
from tests.matching.market import OPS, buy, sell

# Units and money of each: for more than one block, but not for three.
UNITS, MONEY = 250, 12_000
FEES = (Fees(TradeKind.CONTINUOUS, 500, 500), Fees(TradeKind.BLOCK, 30, 20, 1, 2))


class Cleared(Floor):
    """A floor whose accounts have so much each; what is told is noted, and held against the engine."""

    def __init__(self, rules: ClearingRules | None = None, blocks: BlockRules | None = None) -> None:
        rules = ClearingRules(fees=FEES) if rules is None else rules
        self.told = Told(EUA, rules)
        super().__init__(blocks, clearing=rules)
        for account in (ALPHA, BETA, GAMMA):
            supply(self.engine, self.told, account, UNITS, MONEY)

    def outputs(self, session_id: SessionId, *commands: Any) -> m.Outputs:
        outputs = super().outputs(session_id, *commands)
        self.told.take(outputs)
        self.told.check(self.engine)
        return outputs

    def free(self, account: AccountId) -> tuple[int, int]:
        clearing = self.engine.books[EUA].clearing
        assert isinstance(clearing, Clearing)
        assert clearing.cash is not None
        return clearing.of(account).free_lots, clearing.cash.of(account).free_minor

    def answers(self, lines: list[str]) -> list[str]:
        return [line.partition(": ")[2] for line in lines]


def reserved(lots: int = LOTS, price: int = PRICE) -> int:
    """What a block to buy holds: the money, 30 basis points and 1 for each lot."""
    return lots * price + lots * price * 30 // 10_000 + lots


@pytest.mark.parametrize(("command", "by", "state", "told"), rows(), ids=str)
@pytest.mark.parametrize("side", Side)
def test_every_way_out_gives_back_what_the_terms_held(
    side: Side, command: str, by: str, state: str, told: str
) -> None:
    """Each cell of the table who may do what: `Cleared` looks after every entry."""
    floor = Cleared()
    propose = floor.propose
    floor.propose = lambda *args, **fields: propose(*args, **{"side": side, **fields})  # type: ignore[method-assign]
    scene = Scene(state, floor)
    do(scene, command, by)
    assert (floor.told.blocks == {}) == (floor.open() == {}), told
    if not floor.open() and "TRADED" not in told:
        assert {floor.free(account) for account in (ALPHA, BETA, GAMMA)} == {(UNITS, MONEY)}


def test_units_that_are_offered_in_a_block_are_not_there_for_an_order() -> None:
    floor = Cleared()
    floor.propose(lots=200)
    assert floor.free(ALPHA) == (50, MONEY)
    assert floor.answers(floor.send(ALICE, sell(2, price=60, lots=51))) == ["rejected INSUFFICIENT_HOLDINGS"]
    assert floor.answers(floor.send(ALICE, sell(3, price=60, lots=50))) == ["accepted #3 sell 50 @ 60"]
    assert floor.answers(floor.propose(lots=1)) == ["rejected INSUFFICIENT_HOLDINGS"]


def test_an_offer_to_buy_holds_its_money_with_the_fee_of_blocks_and_no_other() -> None:
    floor = Cleared()
    floor.propose(side=BUY)
    assert floor.free(ALPHA) == (UNITS, MONEY - reserved())
    assert reserved() == 5_000 + 15 + 100


def test_a_buyer_without_money_for_the_fee_is_refused() -> None:
    floor = Cleared()
    # 200 lots at 59 are 11,800; with 35 and 200 of fees 12,035.
    assert floor.answers(floor.propose(side=BUY, lots=200, price=59)) == ["rejected INSUFFICIENT_CASH"]
    assert "block #2 POSTED buy 200 @ 58 own" in floor.answers(floor.propose(side=BUY, lots=200, price=58))


def test_who_accepts_needs_what_it_takes_when_it_confirms() -> None:
    floor = Cleared()
    floor.offer(to=GAMMA, lots=200, price=59)
    assert floor.answers(floor.accept(DAVE, 1, 200, 59)) == ["rejected INSUFFICIENT_CASH"]
    assert floor.free(ALPHA) == (50, MONEY)
    floor.counter(DAVE, 1, 200, 58)
    assert floor.free(ALPHA) == (UNITS, MONEY)
    assert floor.free(GAMMA) == (UNITS, MONEY - reserved(200, 58))
    floor.accept(ALICE, 1, 200, 58)
    assert floor.free(GAMMA) == (UNITS, MONEY - reserved(200, 58))
    # 20 basis points of 11,600 and 2 for each lot are the seller's.
    assert floor.free(ALPHA) == (50, MONEY + 11_600 - 23 - 400)
    assert floor.told.fees_minor == 34 + 200 + 23 + 400


def test_a_block_of_units_bought_today_waits_for_the_end_of_the_day() -> None:
    floor = Cleared()
    floor.offer(to=GAMMA, lots=100)
    floor.accept(DAVE, 1)
    assert floor.free(GAMMA)[0] == UNITS
    assert floor.answers(floor.propose(DAVE, lots=251)) == ["rejected INSUFFICIENT_HOLDINGS"]
    floor.send(OPS, m.SetPhase(floor.ref(OPS), EUA, m.Phase.CLOSED))
    floor.send(OPS, m.EndDay(floor.ref(OPS), 20231114, (EUA,)))
    floor.send(OPS, m.SetPhase(floor.ref(OPS), EUA, m.Phase.CONTINUOUS))
    assert floor.free(GAMMA)[0] == UNITS + 100
    assert floor.open() == {}
    floor.propose(DAVE, lots=350)
    assert floor.free(GAMMA)[0] == 0


def test_proceeds_of_a_block_buy_at_once() -> None:
    floor = Cleared()
    floor.offer(to=BETA, lots=200, price=58)
    floor.accept(BOB, 1, 200, 58)
    assert floor.free(ALPHA)[1] > MONEY + 11_000
    floor.propose(side=BUY, lots=400, price=56)
    assert len(floor.open()) == 1


def test_a_poster_answers_a_reply_with_what_the_post_has_held() -> None:
    floor = Cleared()
    floor.propose(lots=UNITS)
    floor.counter(BOB, 1, 200, 40)
    assert floor.free(ALPHA)[0] == 0
    # More than it has is refused, and the post holds what it held.
    assert floor.answers(floor.counter(ALICE, 2, UNITS + 1, 45)) == ["rejected INSUFFICIENT_HOLDINGS"]
    assert floor.free(ALPHA)[0] == 0
    floor.counter(ALICE, 2, 240, 45)
    assert floor.free(ALPHA)[0] == UNITS - 240
    assert floor.free(BETA) == (UNITS, MONEY)
    floor.accept(BOB, 2, 240, 45)
    assert floor.free(ALPHA)[0] == UNITS - 240
    assert floor.open() == {}


def test_the_position_limit_counts_every_offer_to_buy() -> None:
    floor = Cleared(ClearingRules(position_max_lots=UNITS + 100))
    floor.propose(side=BUY, lots=60)
    assert floor.answers(floor.propose(side=BUY, lots=41)) == ["rejected POSITION_LIMIT"]
    assert floor.answers(floor.send(ALICE, buy(3, price=50, lots=41))) == ["rejected POSITION_LIMIT"]
    floor.send(ALICE, buy(4, price=50, lots=40))
    floor.offer(BOB, to=ALPHA, lots=1)
    assert floor.answers(floor.accept(ALICE, 5, 1)) == ["rejected POSITION_LIMIT"]
    floor.withdraw(ALICE, 1)
    floor.accept(ALICE, 5, 1)
    assert floor.told.trades[TradeKind.BLOCK] == 1


def test_a_block_without_confirmation_trades_at_once_out_of_what_is_free() -> None:
    floor = Cleared(blocks=BlockRules(confirm_both=False))
    floor.propose(lots=200, price=58)
    assert floor.answers(floor.accept(BOB, 1, 200, 58))[-1].startswith("block #1 TRADED")
    assert floor.free(ALPHA)[0] == 50
    assert floor.free(BETA) == (UNITS, MONEY - reserved(200, 58))


@pytest.mark.parametrize("state", ["POSTED", "OFFERED", "COUNTERED", "ACCEPTED"])
def test_a_start_from_a_snapshot_holds_once_what_an_offer_needs(state: str) -> None:
    scene = Scene(state, Cleared())
    floor = scene.floor
    assert isinstance(floor, Cleared)
    data = snapshot(floor.engine)
    restored = restore(data)
    assert snapshot(restored) == data
    assert digest(restored) == digest(floor.engine)
    floor.engine = restored
    floor.told.check(restored)
    floor.send(OPS, m.SetBlockPhase(floor.ref(OPS), EUA, BlockPhase.CLOSED))
    assert {floor.free(account) for account in (ALPHA, BETA, GAMMA)} == {(UNITS, MONEY)}
