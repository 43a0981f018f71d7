"""What accounts have sold more than they bought on the days of a rule, and what they may carry over."""

from collections import Counter

import pytest
from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.changes import hindrance
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.net_sales import NetSales
from carbonmatch.matching.messages import AccountId, CarryOverRules, ClearingRules, Ref
from carbonmatch.matching.state import restore, snapshot
from tests.matching.clearing.test_days_of_chance import ACCOUNTS, RULES, Days
from tests.matching.clearing.test_reversals import House
from tests.matching.clearing.test_transfers import COMPANY, TRADER
from tests.matching.market import ALICE, BOB, CEA, EUA, VENUE, buy, definition, sell

ALWAYS = CarryOverRules("ALL", 20000101, 20991231, 100, 15_000)


class Counting(House):
    def __init__(self, rules: CarryOverRules = ALWAYS) -> None:
        super().__init__(0, carry_over=rules)

    def told(self, account: AccountId) -> tuple[int, int]:
        """Net sales, and what may be carried over."""
        self.ref += 1
        chunks = self.market.outputs(m.SessionId(4), m.InspectHoldings(Ref(self.ref), account, EUA)).streams
        (one,) = (each for chunk in chunks for each in chunk.reports if isinstance(each, m.Holding))
        return one.net_sold_lots, one.carry_over_max_lots


def test_net_sales_are_counted_as_days_end_and_let_so_much_be_carried_over() -> None:
    house = Counting()
    house.trade(11)
    assert house.told(COMPANY) == (0, 100)
    house.next_day()
    assert house.told(COMPANY) == (11, 116)
    assert house.told(TRADER) == (-11, 100)
    house.trade(9)
    house.next_day()
    assert house.told(COMPANY) == (20, 130)


def test_only_the_days_of_the_rule_count() -> None:
    house = Counting(structs.replace(ALWAYS, from_day=20231002, until_day=20231003))
    found = []
    for _ in range(4):
        house.trade(10)
        house.next_day()
        found.append(house.told(COMPANY)[0])
    assert found == [0, 10, 20, 20]


def test_deposits_and_withdrawals_are_no_sales() -> None:
    house = Counting()
    house.units(TRADER, 100)
    house.takes_units(COMPANY, 100)
    house.next_day()
    assert house.told(COMPANY) == house.told(TRADER) == (0, 100)


@pytest.mark.parametrize(
    ("ended", "days", "expected"),
    [
        # The trade is of 1 October. Busted on its day, a day later, and after the rule's last day.
        (0, (20000101, 20991231), 0),
        (1, (20000101, 20991231), 0),
        (3, (20231001, 20231002), 0),
        # It did not count: the rule begins a day later.
        (2, (20231002, 20231005), 0),
    ],
)
def test_a_bust_counts_no_longer_whenever_it_comes(ended: int, days: tuple[int, int], expected: int) -> None:
    house = Counting(structs.replace(ALWAYS, from_day=days[0], until_day=days[1]))
    house.trade(10)
    for _ in range(ended):
        house.next_day()
    assert house.bust() == ["done"]
    house.next_day()
    assert house.told(COMPANY) == (expected, 100)
    house.market.engine.check()


def test_a_restart_forgets_nothing_of_it() -> None:
    house = Counting()
    house.trade(10)
    house.next_day()
    house.trade(3)
    data = snapshot(house.market.engine)
    house.market.engine = restore(data)
    assert snapshot(house.market.engine) == data
    house.next_day()
    assert house.told(COMPANY) == (13, 119)


def test_instruments_of_a_group_are_reckoned_together_and_others_are_not() -> None:
    house = Counting()
    for number, rules in ((CEA, ALWAYS), (m.InstrumentId(3), structs.replace(ALWAYS, group="OTHER"))):
        cleared = ClearingRules(lag_days=0, carry_over=rules)
        house.market.send(VENUE, m.DefineInstrument(definition(number, clearing=cleared)))
        house.asks(m.Deposit(Ref(0), TRADER, number, 50))
        house.market.send(BOB, structs.replace(sell(80 + number, price=10, lots=6), instrument_id=number))
        house.market.send(ALICE, structs.replace(buy(80 + number, price=10, lots=6), instrument_id=number))
        house.asks(m.SetPhase(Ref(0), number, m.Phase.CLOSED))
        assert house.asks(m.EndDay(Ref(0), 20231001, (number,))) == ["done"]
    house.refs.update({ALICE: 90, BOB: 90})
    house.trade(10)
    house.next_day()
    # The company sold 10 of the one and bought 6 of the other.
    assert house.told(COMPANY) == (10, 106)
    assert house.told(TRADER) == (-10, 100)


def test_the_rule_counts_from_when_it_is_there_and_another_one_goes_on() -> None:
    house = House(0)
    house.trade(10)

    def define(rules: CarryOverRules | None) -> Clearing:
        cleared = ClearingRules(lag_days=0, carry_over=rules)
        house.market.send(VENUE, m.DefineInstrument(definition(clearing=cleared)))
        clearing = house.market.engine.books[EUA].clearing
        assert isinstance(clearing, Clearing)
        return clearing

    define(ALWAYS)
    house.trade(3)
    house.next_day()
    clearing = define(structs.replace(ALWAYS, base_lots=7))
    assert clearing.net_sales is not None
    assert clearing.net_sales.sold_lots == {COMPANY: 3, TRADER: -3}
    assert house.bust() == ["done"]
    assert clearing.net_sales.sold_lots == {COMPANY: 3, TRADER: -3}
    assert define(None).net_sales is None
    assert clearing.net_bought is None


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        # 1 and 2 October have ended.
        ((20231001, 20231231), (20231001, 20240331), None),
        ((20231003, 20231231), (20231010, 20231020), None),
        ((20231001, 20231231), (20231001, 20231002), None),
        ((20231001, 20231231), (20231002, 20231231), "from 20231001 to 20231231, and 20231002 has ended"),
        ((20231002, 20231231), (20231001, 20231231), "from 20231002 to 20231231, and 20231002 has ended"),
        ((20231001, 20231231), (20231001, 20231001), "from 20231001 to 20231231, and 20231002 has ended"),
        ((20231001, 20231001), (20231001, 20231231), "from 20231001 to 20231001, and 20231002 has ended"),
        ((20231001, 20231231), None, None),
    ],
)
def test_days_that_have_ended_count_as_they_did(
    before: tuple[int, int], after: tuple[int, int] | None, found: str | None
) -> None:
    house = Counting(structs.replace(ALWAYS, from_day=before[0], until_day=before[1]))
    for _ in range(2):
        house.next_day()
    rules = None if after is None else structs.replace(ALWAYS, from_day=after[0], until_day=after[1])
    wanted = definition(clearing=ClearingRules(lag_days=0, carry_over=rules))
    hindered = hindrance(house.market.engine.books[EUA], wanted)
    assert hindered == (
        found
        and f"net sales are counted {found}; expected no other days of those that have ended, "
        "or no carry_over, which forgets them"
    )


def counts_from_now_on(house: House, reversal_days: int = 0) -> Clearing:
    cleared = ClearingRules(lag_days=0, reversal_days=reversal_days, carry_over=ALWAYS)
    house.market.send(VENUE, m.DefineInstrument(definition(clearing=cleared)))
    clearing = house.market.engine.books[EUA].clearing
    assert isinstance(clearing, Clearing)
    return clearing


def test_a_bust_on_the_day_on_which_the_rule_came_counts_as_little_as_its_trade() -> None:
    house = House(0)
    house.trade(10)
    clearing = counts_from_now_on(house)
    assert house.bust() == ["done"]
    house.next_day()
    assert clearing.net_sales is not None
    assert clearing.net_sales.sold_lots == {}


@pytest.mark.parametrize("ended", [0, 1])
def test_where_reversals_were_counted_before_the_whole_day_counts_and_its_busts(ended: int) -> None:
    house = House(5)
    house.next_day()
    house.trade(10)
    clearing = counts_from_now_on(house, reversal_days=5)
    for _ in range(ended):
        house.next_day()
    assert clearing.net_sales is not None
    assert clearing.net_sales.sold_lots == ({COMPANY: 10, TRADER: -10} if ended else {})
    assert house.bust() == ["done"]
    house.next_day()
    assert clearing.net_sales.sold_lots == {}


def test_it_keeps_nobody_from_trading() -> None:
    house = Counting()
    house.trade(10)
    clearing = house.market.engine.books[EUA].clearing
    assert isinstance(clearing, Clearing)
    assert set(clearing.unrestricted) == set(clearing.positions)


class Counted(Days):
    """Days as they come, whose net sales are held against all trades as they stand."""

    def __init__(self, seed: int) -> None:
        super().__init__(
            seed, {number: structs.replace(one, carry_over=ALWAYS) for number, one in RULES.items()}
        )

    def hold(self) -> None:
        for number in RULES:
            sold: Counter[int] = Counter()
            for trade_id, trade in enumerate(self.trades, 1):
                if trade.instrument_id == number and self.books.made[trade_id] < self.books.days[number]:
                    lots = self.books.stands[trade_id][1]
                    sold[trade.seller.account_id] += lots
                    sold[trade.buyer.account_id] -= lots
            clearing = self.engine.books[number].clearing
            assert isinstance(clearing, Clearing)
            assert clearing.net_sales is not None
            for account in ACCOUNTS.values():
                assert clearing.net_sales.sold_lots.get(account, 0) == sold[account], f"seed {self.seed}"


def play(seed: int) -> Counter[str]:
    days = Counted(seed)
    for _ in range(700):
        days.step()
        days.hold()
    return days.happened


@pytest.mark.parametrize("seed", [1, 2])
def test_net_sales_are_those_of_all_trades_as_they_stand(seed: int) -> None:
    happened = play(seed)
    assert happened["trades"] > 50
    assert happened["days"] > 5
    assert happened["amended"] > 5


@pytest.mark.parametrize("flaw", ["roll", "amend"])
def test_a_flaw_of_the_count_is_found_and_the_seed_named(monkeypatch: pytest.MonkeyPatch, flaw: str) -> None:
    monkeypatch.setattr(NetSales, flaw, lambda *_: None)
    with pytest.raises(AssertionError, match="seed 1"):
        play(1)
