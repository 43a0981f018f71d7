"""Orders are in an index by their ids where somebody names them so, and nothing but speed depends on it."""

import random

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import AccountId, KillScope, MassCancel, MassCancelScope, Ref
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import ALICE, BOB, CAROL, OPS, VENUE, Market, buy, sell
from tests.matching.worlds import seeded

ALPHA = AccountId(11)


def indexed(market: Market) -> set[int]:
    return {number for number, session in market.engine.sessions.items() if session.indexed}


def cancel_by_id(market: Market, ref: int, number: int) -> m.Cancel:
    return m.Cancel(Ref(ref), Ref(0), market.order_id(number))


def test_orders_that_are_named_by_their_refs_are_in_no_index() -> None:
    market = Market()
    market.send(ALICE, buy(1, 100, 5), buy(2, 99, 5), m.Cancel(Ref(3), Ref(1)))
    market.send(BOB, sell(1, 99, 2))
    market.send(ALICE, MassCancel(Ref(4), MassCancelScope.SESSION), m.OrderStatusRequest(Ref(5)))
    assert indexed(market) == set()


def test_who_names_an_order_by_its_id_has_the_sessions_of_its_accounts_indexed() -> None:
    market = Market()
    market.send(ALICE, buy(1, 100, 5), buy(2, 98, 5))
    market.send(BOB, sell(1, 101, 5))
    assert market.send(CAROL, cancel_by_id(market, 1, 1)) == [
        "carol 1: canceled #1 5 REQUESTED",
        "alice 0: canceled #1 5 REQUESTED_BY_OTHER_SESSION",
    ]
    assert indexed(market) == {ALICE, CAROL}
    assert list(market.engine.accounts[ALPHA].indexed_orders) == [market.order_id(2)]


def test_orders_that_come_and_go_later_are_in_the_index_only_while_they_are_open() -> None:
    market = Market(allowed=m.AllowedFlag.ALL)
    market.send(ALICE, cancel_by_id(market, 1, 9))
    market.send(ALICE, buy(2, 100, 5), buy(3, 99, 5), buy(4, 98, 5, stop=200), buy(5, 97, 9, display=2))
    orders = market.engine.accounts[ALPHA].indexed_orders
    first, second, stop, iceberg = (market.order_id(number) for number in range(2, 6))
    assert list(orders) == [first, second, stop, iceberg]
    market.send(BOB, sell(1, 100, 5))
    assert list(orders) == [second, stop, iceberg]
    market.send(ALICE, m.Cancel(Ref(6), Ref(3)))
    assert list(orders) == [stop, iceberg]
    market.send(ALICE, MassCancel(Ref(7), MassCancelScope.ACCOUNT))
    assert not orders


def test_those_of_an_account_are_in_the_order_of_entry_whichever_session_was_indexed_first() -> None:
    market = Market()
    market.send(ALICE, buy(1, 100))
    market.send(CAROL, buy(1, 99), buy(2, 90, account=12))
    market.send(OPS, m.Kill(Ref(1), KillScope.ACCOUNT, 12, "wrong prices"))
    assert indexed(market) == {CAROL}
    market.send(ALICE, buy(2, 98))
    # Streams are in the order in which they got their first report.
    assert market.send(OPS, m.Kill(Ref(2), KillScope.ACCOUNT, ALPHA, "wrong prices"))[-3:] == [
        "alice 0: canceled #1 1 KILLED",
        "alice 0: canceled #5 1 KILLED",
        "carol 0: canceled #2 1 KILLED",
    ]


@pytest.mark.parametrize("restarts", [False, True])
def test_an_order_of_a_session_that_has_lost_the_account_is_found_by_its_id(restarts: bool) -> None:
    market = Market()
    market.send(ALICE, buy(1, 100))
    market.outputs(VENUE, m.DefineSession(ALICE, "alice", ()))
    if restarts:
        market.engine = restore(snapshot(market.engine))
        market.engine.check()
    assert market.send(CAROL, cancel_by_id(market, 1, 1))[0] == "carol 1: canceled #1 1 REQUESTED"


def test_a_drop_copy_finds_open_orders_in_sessions_that_are_indexed_and_in_others() -> None:
    market = Market()
    market.send(CAROL, buy(1, 90, account=12), buy(2, 99))
    market.send(
        OPS, m.Kill(Ref(1), KillScope.ACCOUNT, 12, "wrong prices"), m.Release(Ref(2), KillScope.ACCOUNT, 12)
    )
    market.send(ALICE, buy(1, 98))
    market.send(BOB, sell(1, 101))
    assert indexed(market) == {CAROL}
    # What it knows is compared with what is open by `Engine.check`.
    market.outputs(VENUE, m.DefineDropCopy(m.SessionId(20), "copy", (ALPHA, AccountId(12))))
    assert indexed(market) == {CAROL}


@pytest.mark.parametrize("seed", [3, 8, 21])
def test_no_answer_depends_on_what_is_indexed(seed: int) -> None:
    """An engine in a world of chance, one that indexes whatever it can, and one that forgets all it has."""
    chance = random.Random(seed)
    plain, eager, forgetful = Engine(), Engine(), Engine()
    for entry in seeded(seed, 3_000):
        for session in eager.sessions.values():
            session.index()
        if chance.random() < 0.05:
            forgetful = restore(snapshot(forgetful))
        expected = None
        for engine in (plain, eager, forgetful):
            engine.apply(entry)
            outputs = engine.take_outputs()
            expected = expected or outputs
            assert outputs == expected
    assert digest(plain) == digest(eager) == digest(forgetful)
    assert any(session.orders for session in plain.sessions.values())
    for account_id, account in plain.accounts.items():
        open_orders = [order.order_id for order in account.open_orders()]
        assert open_orders == [order.order_id for order in eager.accounts[account_id].open_orders()]
    plain.check()
    eager.check()
