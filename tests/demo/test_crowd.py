"""What the companies of the demo do: plausible, inside the rules, and the same for the same seed."""

from collections import Counter
from random import Random
from statistics import median

from carbonmatch.demo.crowd import Crowd, OpenOrder, tide
from carbonmatch.demo_market import INSTRUMENTS
from carbonmatch.matching.messages import (
    AccountId,
    Cancel,
    ClientCommand,
    NewOrder,
    OrderId,
    Reduce,
    Ref,
    Replace,
    Side,
    TimeInForce,
)

ACCOUNTS = {AccountId(number): number % 3 for number in range(1, 101)}
BY_ID = {instrument.id: instrument for instrument in INSTRUMENTS}


def crowd_of(seed: int) -> Crowd:
    return Crowd(Random(seed), INSTRUMENTS, ACCOUNTS)


def decided(seed: int, count: int, open_orders: list[OpenOrder]) -> list[ClientCommand]:
    crowd = crowd_of(seed)
    return [crowd.decide(crowd.choose(), open_orders, index / count) for index in range(count)]


def resting(lots: int = 100) -> OpenOrder:
    return OpenOrder(
        OrderId(9), Ref(5), AccountId(1), INSTRUMENTS[3].id, Side.BUY, INSTRUMENTS[3].band_low_ticks, lots
    )


def test_the_same_seed_gives_the_same_market() -> None:
    assert decided(7, 500, []) == decided(7, 500, [])
    assert decided(7, 500, []) != decided(8, 500, [])


def test_every_order_keeps_to_the_rules_of_its_instrument() -> None:
    for order in decided(1, 20_000, []):
        assert type(order) is NewOrder
        instrument = BY_ID[order.instrument_id]
        assert instrument.band_low_ticks <= order.price_ticks <= instrument.band_high_ticks
        assert 1 <= order.quantity_lots <= 99_999


def test_sizes_are_hundreds_to_thousands_with_a_long_tail() -> None:
    sizes = sorted(o.quantity_lots for o in decided(1, 20_000, []) if type(o) is NewOrder)
    assert 600 <= median(sizes) <= 800
    assert sizes[len(sizes) // 10] > 100
    assert 3_000 < sizes[len(sizes) * 9 // 10] < 6_000
    assert sizes[-1] > 30_000


def test_the_newest_vintages_have_most_of_the_activity() -> None:
    symbols = Counter(BY_ID[o.instrument_id].symbol for o in decided(1, 20_000, []) if type(o) is NewOrder)
    assert symbols["CEA25"] + symbols["CEA24"] > 0.6 * 20_000
    assert 0 < symbols["FJEA"] < 0.02 * 20_000


def test_everything_that_can_be_done_is_done() -> None:
    kinds = Counter(type(command) for command in decided(1, 5_000, [resting() for _ in range(100)]))
    assert set(kinds) == {NewOrder, Cancel, Replace, Reduce}
    forces = Counter(o.time_in_force for o in decided(1, 5_000, []) if type(o) is NewOrder)
    assert set(forces) == {TimeInForce.DAY, TimeInForce.IOC}


def test_an_order_is_cancelled_once() -> None:
    order = resting()
    commands = decided(1, 2_000, [order])
    assert order.is_leaving
    assert sum(type(command) is Cancel for command in commands) == 1


def test_a_reduction_leaves_something() -> None:
    for command in decided(3, 2_000, [resting(lots) for lots in (1, 2, 3, 1_000)]):
        if type(command) is Reduce:
            assert command.quantity_lots in (1, 2, 500)


def test_companies_with_allowances_sell_and_the_others_buy() -> None:
    crowd = crowd_of(2)
    sides = Counter[tuple[bool, Side]]()
    for _ in range(5_000):
        company = crowd.choose()
        order = crowd.decide(company, [], 0.5)
        assert type(order) is NewOrder
        assert order.account_id == company.account_id
        sides[company.needs_lots > 0, order.side] += 1
    assert sides[True, Side.BUY] > 5 * sides[True, Side.SELL]
    assert sides[False, Side.SELL] > 5 * sides[False, Side.BUY]


def test_the_tide_comes_in_before_the_deadline_and_averages_one() -> None:
    steps = [tide(step / 1_000) for step in range(1_001)]
    assert steps == sorted(steps)
    assert abs(sum(steps) / len(steps) - 1) < 0.01
    assert tide(1.0) > 5 * tide(0.0)
