"""What a command costs does not depend on how much rests.

Times are noise on a shared machine, so steps of the interpreter are counted. They leave out what C
does inside one step (bisect, moving memory); `bench/core.py` has the times.
"""

import gc
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from bench.auction import KINDS, Auction
from bench.core import apply_all
from bench.flows import prepare
from carbonmatch.accel import is_core_compiled
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AccountId,
    AllowedFlag,
    AnyCommand,
    Cancel,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Entry,
    GroupId,
    ParticipantId,
    Ref,
    SelfTradeKey,
    SelfTradePrevention,
    SelfTradeRules,
    SessionId,
)
from tests.matching.market import (
    ALICE,
    BOB,
    TIME_NS,
    VENUE,
    Market,
    buy,
    definition,
    replace,
    sell,
)

pytestmark = pytest.mark.skipif(is_core_compiled(), reason="the steps of a compiled core are not traced")

MAKER, TAKER = SessionId(1), SessionId(2)
TOUCH = 1_000_000
BATCH = 64
# Makers that a taker meets where its own owner's orders are looked at.
MET = 50


class Resting:
    """So many bids of one lot, on as many levels or on one. Counts the steps of what is done then."""

    def __init__(self, count: int, one_level: bool, stops: int = 0) -> None:
        self.engine = Engine()
        self.last_refs = {MAKER: 0, TAKER: 0}
        setup: list[AnyCommand] = [DefineInstrument(definition(allowed=AllowedFlag.ALL))]
        for session in (MAKER, TAKER):
            setup.append(DefineAccount(AccountId(session), ParticipantId(session), f"a{session}"))
            setup.append(DefineSession(session, f"s{session}", (AccountId(session),)))
        self._apply(VENUE, setup)
        # Two ticks apart, so that there is room for levels between them.
        self.resting = count
        prices = [TOUCH if one_level else TOUCH - 2 * place for place in range(count)]
        random.Random(count).shuffle(prices)
        for start in range(0, count, BATCH):
            self._apply(MAKER, [buy(self._ref(MAKER), price) for price in prices[start : start + BATCH]])
        # Buyers' above every price there is and sellers' below, a tick apart.
        for place in range(1, stops + 1, 2):
            stop = buy(self._ref(MAKER), TOUCH, stop=TOUCH + place)
            other = sell(self._ref(MAKER), TOUCH, stop=place)
            self._apply(MAKER, [stop, other])

    def steps(self) -> float:
        """Of the interpreter, for a command: levels opened, moved and closed, priority cancels, fills."""
        chance = random.Random(7)
        steps = 0
        commands = 0
        for _ in range(20):
            places = [TOUCH - 1 - 2 * chance.randrange(self.resting) for _ in range(8)]
            refs = [self._ref(MAKER) for _ in places]
            moved = [self._ref(MAKER) for _ in places]
            batches: list[tuple[SessionId, list[AnyCommand]]] = [
                (MAKER, [buy(ref, price) for ref, price in zip(refs, places, strict=True)]),
                (MAKER, [replace(new, ref, TOUCH - 5, 2) for new, ref in zip(moved, refs, strict=True)]),
                (MAKER, [Cancel(Ref(self._ref(MAKER)), Ref(ref)) for ref in moved]),
                (TAKER, [sell(self._ref(TAKER), 1) for _ in range(4)]),
            ]
            for session, batch in batches:
                steps += self._counted(session, batch)
                commands += len(batch)
        return steps / commands

    def _ref(self, session: SessionId) -> int:
        self.last_refs[session] += 1
        return self.last_refs[session]

    def _apply(self, session: SessionId, commands: list[AnyCommand]) -> None:
        self.engine.apply(Entry(self.engine.sequence + 1, 1, session, commands))
        self.engine.take_outputs()

    def _counted(self, session: SessionId, commands: list[AnyCommand]) -> int:
        return counted(lambda: self._apply(session, commands))


def counted(work: Callable[[], object]) -> int:
    """Steps of the interpreter that `work` takes.

    Where CPython 3.13 meets a function under a trace for the first time it leaves out some of its steps, so
    whoever compares exactly does the same once before.
    """
    return sum(counted_by_file(work).values())


def counted_by_file(work: Callable[[], object]) -> Counter[str]:
    """As `counted`, by the file that the steps are in.

    Nothing is collected meanwhile: Hypothesis has collections call a function of its own, which would count.
    """
    steps: Counter[str] = Counter()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            steps[frame.f_code.co_filename] += 1
        return trace

    before = sys.gettrace()
    # From CPython 3.12 on a trace has steps only where some frame had asked for them before it began.
    sys._getframe().f_trace_opcodes = True
    gc.disable()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.enable()
    return steps


@pytest.mark.parametrize("one_level", [False, True], ids=["levels", "orders"])
def test_a_command_costs_the_same_among_a_hundred_and_a_hundred_thousand(one_level: bool) -> None:
    few = Resting(100, one_level).steps()
    for count in (1_000, 10_000, 100_000):
        # SortedList and the moves between near and far keys may add a little; growth would be tenfold.
        assert Resting(count, one_level).steps() < 1.25 * few


def test_ten_thousand_stops_cost_nothing_to_a_trade_that_fires_none() -> None:
    """Not a step more for a command, with trades among those that are counted."""
    # Each is counted right after it was built: what runs in between makes CPython 3.13 count otherwise.
    without_steps = Resting(1_000, False).steps()
    with_stops = Resting(1_000, False, stops=10_000)
    before = with_stops.engine.venue.last_trade_id
    assert abs(with_stops.steps() - without_steps) < 0.5
    assert with_stops.engine.venue.last_trade_id > before
    assert with_stops.engine.venue.open_order_count > 10_000


def slice_steps(icebergs: int) -> float:
    """For a fill, where one taker empties two slices of each iceberg at one price."""
    market = Market(allowed=AllowedFlag.ALL)
    for ref in range(1, icebergs + 1):
        market.send(BOB, sell(ref, 100, 6, display=2))
    entry = Entry(market.engine.sequence + 1, TIME_NS, ALICE, [buy(1, 100, 4 * icebergs)])
    steps = counted(lambda: market.engine.apply(entry))
    assert market.engine.venue.last_trade_id == 2 * icebergs
    return steps / (2 * icebergs)


def test_a_fresh_slice_costs_the_same_behind_few_icebergs_and_behind_many() -> None:
    slice_steps(1)
    few = slice_steps(4)
    assert slice_steps(100) < 1.1 * few


def met_steps(key: SelfTradeKey, mode: SelfTradePrevention, accounts: int) -> float:
    """For a maker that a taker trades with, or cancels as its own owner's, of a group of so many accounts."""
    market = Market(self_trade=SelfTradeRules(key))
    numbers = [AccountId(1_000 + place) for place in range(accounts)]
    group = [DefineAccount(one, ParticipantId(7), f"a{one}", GroupId(7)) for one in numbers]
    session = SessionId(9)
    market.outputs(VENUE, *group, DefineSession(session, "many", tuple(numbers)))
    makers = [sell(ref, 100, 1, account=numbers[ref % accounts]) for ref in range(1, MET + 1)]
    market.outputs(session, *makers)
    taker = buy(MET + 1, 100, MET, account=numbers[0], stp=mode)
    entry = Entry(market.engine.sequence + 1, TIME_NS, session, [taker])
    return counted(lambda: market.engine.apply(entry)) / MET


@pytest.mark.parametrize("mode", [SelfTradePrevention.NONE, SelfTradePrevention.CANCEL_OLDEST])
def test_it_costs_the_same_whoever_counts_as_one_owner(mode: SelfTradePrevention) -> None:
    """Accounts that are one owner's by participant and by group alike, one of them or many."""
    met_steps(SelfTradeKey.PARTICIPANT, mode, 1)
    by_participant = met_steps(SelfTradeKey.PARTICIPANT, mode, 1)
    for key in (SelfTradeKey.PARTICIPANT, SelfTradeKey.GROUP):
        for accounts in (1, 100):
            assert abs(met_steps(key, mode, accounts) - by_participant) < 0.5


def regroup_steps(resting: int) -> int:
    rested = Resting(resting, one_level=True)
    command = DefineAccount(AccountId(MAKER), ParticipantId(MAKER), "other", GroupId(7))
    entry = Entry(rested.engine.sequence + 1, 1, VENUE, [command])
    return counted(lambda: rested.engine.apply(entry))


def test_an_account_changes_its_group_at_the_same_cost_whatever_rests() -> None:
    regroup_steps(1)
    assert regroup_steps(10_000) == regroup_steps(100)


def flow_steps(name: str, commands: int = 1_280) -> tuple[float, int]:
    """For a command of a flow of the bench; and for all of them, those in the modules of clearing."""
    before, entries = prepare(name, 7, 2 * commands)
    engine = Engine()
    apply_all(engine, before + entries[: len(entries) // 2])
    steps = counted_by_file(lambda: apply_all(engine, entries[len(entries) // 2 :]))
    in_clearing = sum(count for file, count in steps.items() if "clearing" in Path(file).parts)
    return sum(steps.values()) / commands, in_clearing


def test_a_command_near_the_touch_takes_the_steps_that_it_takes() -> None:
    """312 on CPython 3.11, 292 on 3.13. Whoever adds one to the way of plain orders learns of it here."""
    flow_steps("touch", 64)
    steps, _ = flow_steps("touch")
    assert steps < 318


def test_accounts_cost_a_fifth_of_a_command_at_most_and_nothing_where_there_are_none() -> None:
    """What it is in time is measured by `python -m bench core --accounts`, of the same flows."""
    flow_steps("touch", 64)
    without, in_clearing = flow_steps("touch")
    assert not in_clearing
    with_accounts, in_clearing = flow_steps("accounts")
    assert in_clearing
    # 1.18 to 1.20 times, by the version of CPython.
    assert with_accounts < 1.2 * without


def auction_steps(kind: str, orders: int) -> tuple[int, int]:
    """All that it takes to carry an auction out, and how many trades it comes to."""
    auction = Auction(7, orders, KINDS[kind])
    return counted(auction.carry_out), auction.engine.last_trade_id


def test_a_trade_of_an_auction_costs_little_and_the_same_among_few_and_many() -> None:
    """Beside what each level costs. What it is in time is measured by `python -m bench auction`."""
    auction_steps("apart", 640)
    steps, trades = zip(*(auction_steps("apart", orders) for orders in (2_000, 4_000, 16_000)), strict=True)
    few = (steps[1] - steps[0]) / (trades[1] - trades[0])
    assert few < 190
    assert (steps[2] - steps[1]) / (trades[2] - trades[1]) < 1.02 * few
