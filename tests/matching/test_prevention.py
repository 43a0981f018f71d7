"""Self-trade prevention: the modes, who is one owner, what an instrument allows, and what changes at rest."""

import re
from collections.abc import Mapping

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AccountId,
    DefineAccount,
    DefineDropCopy,
    DefineInstrument,
    GroupId,
    ParticipantId,
    Ref,
    SelfTradeFlag,
    SelfTradeKey,
    SelfTradePrevention,
    SelfTradeRules,
    SessionId,
    TimeInForce,
)
from carbonmatch.matching.prevention import may_trade
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    CEA,
    EUA,
    TIME_NS,
    VENUE,
    Market,
    buy,
    definition,
    replace,
    sell,
)
from tests.matching.test_lifecycle import rows

NONE = SelfTradePrevention.NONE
CANCEL_NEWEST = SelfTradePrevention.CANCEL_NEWEST
CANCEL_OLDEST = SelfTradePrevention.CANCEL_OLDEST
CANCEL_BOTH = SelfTradePrevention.CANCEL_BOTH
DECREMENT = SelfTradePrevention.DECREMENT
FOK, IOC = TimeInForce.FOK, TimeInForce.IOC
PARTICIPANT, ACCOUNT, GROUP = SelfTradeKey
PREVENTED, TRADED = True, False
# Of the accounts of `Market`.
PARTICIPANTS = {11: 1, 12: 1, 13: 2}


# --- the modes -------------------------------------------------------------------------------------


def market_with_own_order_first() -> Market:
    """Alice sells 3 and Bob sells 9 behind her; both at 100."""
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=3))
    market.send(BOB, sell(1, price=100, lots=9))
    return market


def test_mode_none_lets_a_participant_trade_with_itself() -> None:
    assert market_with_own_order_first().send(CAROL, buy(1, price=100, lots=5, stp=NONE)) == [
        "carol 1: accepted #3 buy 5 @ 100",
        "carol 1: executed #3 taker 3 @ 100, 2 left",
        "carol 1: executed #3 taker 2 @ 100, 0 left",
        "alice 0: executed #1 maker 3 @ 100, 0 left",
        "bob 0: executed #2 maker 2 @ 100, 7 left",
    ]


def test_mode_cancel_newest_ends_the_taker() -> None:
    market = market_with_own_order_first()
    assert market.send(CAROL, buy(1, price=100, lots=5, stp=CANCEL_NEWEST)) == [
        "carol 1: accepted #3 buy 5 @ 100",
        "carol 1: prevented #3 with #1 3 CANCEL_NEWEST, 5 left",
        "carol 1: canceled #3 5 SELF_TRADE",
        "alice 0: prevented #1 with #3 3 CANCEL_NEWEST, 3 left",
    ]
    assert (market.bids(), market.asks()) == ([], ["12 in 2 @ 100"])


def test_mode_cancel_oldest_ends_the_maker_and_the_taker_goes_on() -> None:
    market = market_with_own_order_first()
    assert market.send(CAROL, buy(1, price=100, lots=5, stp=CANCEL_OLDEST)) == [
        "carol 1: accepted #3 buy 5 @ 100",
        "carol 1: prevented #3 with #1 3 CANCEL_OLDEST, 5 left",
        "carol 1: executed #3 taker 5 @ 100, 0 left",
        "alice 0: prevented #1 with #3 3 CANCEL_OLDEST, 3 left",
        "alice 0: canceled #1 3 SELF_TRADE",
        "bob 0: executed #2 maker 5 @ 100, 4 left",
    ]
    assert market.asks() == ["4 in 1 @ 100"]


def test_mode_cancel_both_ends_both() -> None:
    market = market_with_own_order_first()
    assert market.send(CAROL, buy(1, price=100, lots=5, stp=CANCEL_BOTH)) == [
        "carol 1: accepted #3 buy 5 @ 100",
        "carol 1: prevented #3 with #1 3 CANCEL_BOTH, 5 left",
        "carol 1: canceled #3 5 SELF_TRADE",
        "alice 0: prevented #1 with #3 3 CANCEL_BOTH, 3 left",
        "alice 0: canceled #1 3 SELF_TRADE",
    ]
    assert (market.bids(), market.asks()) == ([], ["9 in 1 @ 100"])


def test_mode_decrement_takes_the_smaller_quantity_from_both_and_the_larger_taker_goes_on() -> None:
    market = market_with_own_order_first()
    assert market.send(CAROL, buy(1, price=100, lots=5, stp=DECREMENT)) == [
        "carol 1: accepted #3 buy 5 @ 100",
        "carol 1: prevented #3 with #1 3 DECREMENT, 2 left",
        "carol 1: executed #3 taker 2 @ 100, 0 left",
        "alice 0: prevented #1 with #3 3 DECREMENT, 0 left",
        "alice 0: canceled #1 0 SELF_TRADE",
        "bob 0: executed #2 maker 2 @ 100, 7 left",
    ]
    assert market.asks() == ["7 in 1 @ 100"]


def test_mode_decrement_leaves_the_larger_maker_where_it_is() -> None:
    market = market_with_own_order_first()
    assert market.send(CAROL, buy(1, price=100, lots=2, stp=DECREMENT)) == [
        "carol 1: accepted #3 buy 2 @ 100",
        "carol 1: prevented #3 with #1 2 DECREMENT, 0 left",
        "carol 1: canceled #3 0 SELF_TRADE",
        "alice 0: prevented #1 with #3 2 DECREMENT, 1 left",
    ]
    assert market.asks() == ["10 in 2 @ 100"]


def test_mode_decrement_of_equals_ends_both() -> None:
    market = market_with_own_order_first()
    market.send(CAROL, buy(1, price=100, lots=3, stp=DECREMENT))
    assert (market.bids(), market.asks()) == ([], ["9 in 1 @ 100"])


def test_the_instrument_says_what_happens_where_the_order_does_not() -> None:
    market = Market(self_trade_prevention=CANCEL_OLDEST)
    market.send(ALICE, sell(1, price=100, lots=3))
    assert market.send(CAROL, buy(1, price=100, lots=5))[1] == (
        "carol 1: prevented #2 with #1 3 CANCEL_OLDEST, 5 left"
    )
    assert market.bids() == ["5 in 1 @ 100"]


def test_prevention_goes_by_participant_over_its_accounts_and_sessions() -> None:
    market = Market()
    market.send(CAROL, sell(1, price=100, lots=3, account=12))
    assert market.send(ALICE, buy(1, price=100, lots=3)) == [
        "alice 1: accepted #2 buy 3 @ 100",
        "alice 1: prevented #2 with #1 3 CANCEL_NEWEST, 3 left",
        "alice 1: canceled #2 3 SELF_TRADE",
        "carol 0: prevented #1 with #2 3 CANCEL_NEWEST, 3 left",
    ]


def test_others_ahead_in_the_queue_trade_before_prevention_ends_the_taker() -> None:
    market = Market()
    market.send(BOB, sell(1, price=100, lots=2))
    market.send(ALICE, sell(1, price=100, lots=3))
    assert market.send(ALICE, buy(2, price=100, lots=5, stp=CANCEL_NEWEST)) == [
        "alice 2: accepted #3 buy 5 @ 100",
        "alice 2: executed #3 taker 2 @ 100, 3 left",
        "alice 2: prevented #3 with #2 3 CANCEL_NEWEST, 3 left",
        "alice 0: prevented #2 with #3 3 CANCEL_NEWEST, 3 left",
        "alice 2: canceled #3 3 SELF_TRADE",
        "bob 0: executed #1 maker 2 @ 100, 0 left",
    ]


def test_a_replacement_into_an_own_order_is_prevented_too() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=3), buy(2, price=99, lots=2))
    assert market.send(ALICE, replace(3, 2, price=100, lots=2)) == [
        "alice 3: replaced #2 2 @ 100, 2 left",
        "alice 3: prevented #2 with #1 2 CANCEL_NEWEST, 2 left",
        "alice 0: prevented #1 with #2 2 CANCEL_NEWEST, 3 left",
        "alice 3: canceled #2 2 SELF_TRADE",
    ]
    assert (market.bids(), market.asks()) == ([], ["3 in 1 @ 100"])


def test_a_replaced_order_keeps_its_mode() -> None:
    market = Market(self_trade_prevention=CANCEL_BOTH)
    market.send(ALICE, sell(1, price=100, lots=3), buy(2, price=99, lots=2, stp=CANCEL_OLDEST))
    assert market.send(ALICE, replace(3, 2, price=100, lots=2))[1] == (
        "alice 3: prevented #2 with #1 2 CANCEL_OLDEST, 2 left"
    )


def test_what_did_not_trade_is_told_to_whoever_counts_it() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=3), sell(2, price=100, lots=2))
    outputs = market.outputs(CAROL, buy(1, price=100, lots=4, stp=DECREMENT))
    assert outputs.prevented == [(EUA, 3), (EUA, 1)]
    assert outputs.public == []
    assert market.outputs(BOB, buy(1, price=100)).prevented == []


# --- who is one owner ------------------------------------------------------------------------------


def market_by(key: SelfTradeKey, groups: Mapping[int, int] | None = None) -> Market:
    """Accounts in `groups`, by number: those of Alice (11), of Carol alone (12) and of Bob (13)."""
    market = Market(self_trade=SelfTradeRules(key), allowed=m.AllowedFlag.ALL)
    for account, group in (groups or {}).items():
        regroup(market, account, group)
    return market


def regroup(market: Market, account: int, group: int) -> None:
    command = DefineAccount(
        AccountId(account), ParticipantId(PARTICIPANTS[account]), f"account-{account}", GroupId(group)
    )
    market.outputs(VENUE, command)
    market.setup_commands += 1


def meets(market: Market, maker: tuple[SessionId, int], taker: tuple[SessionId, int]) -> bool:
    """Whether it is prevented that the two, each a session and an account, trade a lot."""
    first, second = market.engine.sessions[maker[0]], market.engine.sessions[taker[0]]
    market.send(maker[0], sell(first.last_ref + 1, price=100, account=maker[1]))
    told = market.send(taker[0], buy(second.last_ref + 1, price=100, account=taker[1], stp=CANCEL_BOTH))
    assert market.bids() == market.asks() == []
    return "prevented" in told[1]


@pytest.mark.parametrize(
    ("key", "groups", "expected"),
    [
        # Accounts 11 and 12 are of one participant, 13 is of another.
        (PARTICIPANT, {}, (PREVENTED, PREVENTED, TRADED)),
        (PARTICIPANT, {11: 7, 12: 8, 13: 7}, (PREVENTED, PREVENTED, TRADED)),
        (ACCOUNT, {}, (PREVENTED, TRADED, TRADED)),
        (ACCOUNT, {11: 7, 12: 7, 13: 7}, (PREVENTED, TRADED, TRADED)),
        # Without a group an account is its participant's.
        (GROUP, {}, (PREVENTED, PREVENTED, TRADED)),
        (GROUP, {11: 7, 12: 7}, (PREVENTED, PREVENTED, TRADED)),
        (GROUP, {11: 7}, (PREVENTED, TRADED, TRADED)),
        (GROUP, {12: 7}, (PREVENTED, TRADED, TRADED)),
        (GROUP, {11: 7, 12: 8}, (PREVENTED, TRADED, TRADED)),
        # A beneficial owner with accounts at two firms.
        (GROUP, {11: 7, 13: 7}, (PREVENTED, TRADED, PREVENTED)),
        (GROUP, {11: 7, 12: 7, 13: 7}, (PREVENTED, PREVENTED, PREVENTED)),
        # Group 1 is not participant 1, group 13 not account 13.
        (GROUP, {13: 1}, (PREVENTED, PREVENTED, TRADED)),
        (GROUP, {11: 13, 12: 13}, (PREVENTED, PREVENTED, TRADED)),
    ],
)
def test_one_owner_is_whom_the_instrument_takes_for_one(
    key: SelfTradeKey, groups: dict[int, int], expected: tuple[bool, bool, bool]
) -> None:
    market = market_by(key, groups)
    assert expected == (
        meets(market, (ALICE, 11), (CAROL, 11)),
        meets(market, (ALICE, 11), (CAROL, 12)),
        meets(market, (BOB, 13), (ALICE, 11)),
    )


def test_both_sides_of_a_group_over_two_firms_are_told() -> None:
    market = market_by(GROUP, {11: 7, 13: 7})
    market.send(BOB, sell(1, price=100, lots=3))
    assert market.send(ALICE, buy(1, price=100, lots=5, stp=CANCEL_OLDEST)) == [
        "alice 1: accepted #2 buy 5 @ 100",
        "alice 1: prevented #2 with #1 3 CANCEL_OLDEST, 5 left",
        "bob 0: prevented #1 with #2 3 CANCEL_OLDEST, 3 left",
        "bob 0: canceled #1 3 SELF_TRADE",
    ]


def test_each_instrument_has_an_owner_of_its_own() -> None:
    market = market_by(ACCOUNT)
    market.send(ALICE, sell(1, price=100), sell(2, price=100, instrument=CEA))
    taken = market.send(CAROL, buy(1, 100, account=12), buy(2, 100, account=12, instrument=CEA))
    assert "carol 1: executed #3 taker 1 @ 100, 0 left" in taken
    assert "carol 2: prevented #4 with #2 1 CANCEL_NEWEST, 1 left" in taken


def test_fill_or_kill_and_minimum_go_by_the_owner_of_the_instrument() -> None:
    market = market_by(GROUP, {11: 7, 13: 7})
    market.send(BOB, sell(1, price=100, lots=2))
    market.send(CAROL, sell(1, price=100, lots=2, account=12))
    assert market.send(ALICE, buy(1, 100, 4, tif=FOK)) == ["alice 1: rejected CANNOT_FILL"]
    assert market.send(ALICE, buy(2, 100, 4, minimum=1)) == ["alice 2: rejected MINIMUM_NOT_MET"]
    # Bob's would be canceled and Carol's traded.
    assert market.send(ALICE, buy(3, 100, 3, tif=FOK, stp=CANCEL_OLDEST)) == ["alice 3: rejected CANNOT_FILL"]
    assert market.send(ALICE, buy(4, 100, 4, minimum=2, tif=IOC, stp=CANCEL_OLDEST))[1:3] == [
        "alice 4: prevented #6 with #1 2 CANCEL_OLDEST, 4 left",
        "alice 4: executed #6 taker 2 @ 100, 2 left",
    ]


def test_fill_or_kill_passes_over_own_orders_where_the_instrument_cancels_the_oldest() -> None:
    market = Market(self_trade_prevention=CANCEL_OLDEST)
    market.send(ALICE, sell(1, price=100, lots=2))
    market.send(BOB, sell(1, price=100, lots=4))
    assert "alice 2: executed #3 taker 4 @ 100, 0 left" in market.send(ALICE, buy(2, 100, 4, tif=FOK))


def test_a_stop_that_fires_meets_its_group() -> None:
    market = market_by(GROUP, {11: 7, 13: 7})
    market.send(BOB, sell(1, price=101, lots=2))
    market.send(ALICE, buy(1, 101, 1, stop=100, stp=CANCEL_BOTH))
    market.send(CAROL, sell(1, 100, account=12), buy(2, 100, account=12, stp=NONE))
    assert market.bids() == market.asks() == []


def test_an_iceberg_meets_its_group_slice_by_slice() -> None:
    market = market_by(GROUP, {11: 7, 13: 7})
    market.send(BOB, sell(1, price=100, lots=5, display=2))
    assert market.send(ALICE, buy(1, price=100, lots=3, stp=DECREMENT)) == [
        "alice 1: accepted #2 buy 3 @ 100",
        "alice 1: prevented #2 with #1 2 DECREMENT, 1 left",
        "alice 1: prevented #2 with #1 1 DECREMENT, 0 left",
        "alice 1: canceled #2 0 SELF_TRADE",
        "bob 0: prevented #1 with #2 2 DECREMENT, 3 left",
        "bob 0: prevented #1 with #2 1 DECREMENT, 2 left",
    ]
    assert market.asks() == ["1 in 1 @ 100"]


def test_a_drop_copy_has_what_was_prevented_for_the_accounts_it_shows() -> None:
    market = market_by(GROUP, {11: 7, 13: 7})
    market.outputs(VENUE, DefineDropCopy(SessionId(9), "beta-copy", (AccountId(13),)))
    market.send(BOB, sell(1, price=100, lots=3))
    [copy] = market.outputs(ALICE, buy(1, price=100, lots=3)).copies
    assert (copy.session_id, copy.count, [part.session_id for part in copy.parts]) == (9, 1, [BOB])


@pytest.mark.parametrize(
    ("groups", "expected"),
    [({11: 7, 13: 7}, PREVENTED), ({11: 7, 13: 8}, TRADED), ({}, TRADED)],
)
def test_an_auction_goes_by_the_owner_of_the_instrument(groups: dict[int, int], expected: bool) -> None:
    market = market_by(GROUP, groups)
    market.outputs(VENUE, m.SetPhase(Ref(0), EUA, m.Phase.PRE_OPEN))
    market.send(ALICE, sell(1, price=99, lots=3))
    market.send(BOB, buy(1, price=101, lots=3))
    outputs = market.outputs(VENUE, m.SetPhase(Ref(0), EUA, m.Phase.CONTINUOUS))
    assert outputs.prevented == ([(EUA, 3)] if expected else [])
    assert any(isinstance(event, m.Traded) for event in outputs.public) is not expected


@pytest.mark.parametrize("key", SelfTradeKey)
@pytest.mark.parametrize("mode", [NONE, CANCEL_NEWEST])
def test_whether_two_orders_may_trade_can_be_asked(key: SelfTradeKey, mode: SelfTradePrevention) -> None:
    """The taker's mode decides, also where it rests for now."""
    market = market_by(key, {11: 7, 12: 7, 13: 7})
    market.send(ALICE, sell(1, price=101))
    market.send(CAROL, buy(1, price=100, stp=mode), buy(2, price=100, account=12))
    market.send(BOB, buy(1, price=100, stp=mode))
    older, newer, default, stranger = sorted(
        market.engine.books[EUA].orders(), key=lambda order: order.order_id
    )
    assert may_trade(newer, older) is (mode is NONE)
    assert may_trade(default, older) is (key is ACCOUNT)
    assert may_trade(stranger, older) is (mode is NONE or key is not GROUP)


# --- what an instrument allows ---------------------------------------------------------------------


def market_that_allows(*modes: SelfTradePrevention) -> Market:
    allowed = sum(1 << mode for mode in modes)
    return Market(
        self_trade_prevention=modes[0],
        self_trade=SelfTradeRules(allowed=allowed),
        allowed=m.AllowedFlag.ALL,
    )


@pytest.mark.parametrize("allowed", [NONE, CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, DECREMENT])
def test_an_order_may_ask_for_what_its_instrument_allows(allowed: SelfTradePrevention) -> None:
    market = market_that_allows(allowed)
    for ref, mode in enumerate(SelfTradePrevention, 1):
        [told] = market.send(ALICE, buy(ref, price=100, stp=mode))
        if mode in (SelfTradePrevention.INSTRUMENT_DEFAULT, allowed):
            assert told == f"alice {ref}: accepted #{ref} buy 1 @ 100"
        else:
            assert told == f"alice {ref}: rejected SELF_TRADE_PREVENTION_NOT_ALLOWED"


@pytest.mark.parametrize(
    "fields",
    [
        {"tif": IOC},
        {"tif": FOK},
        {"market": True, "price": 0},
        {"stop": 100},
        {"display": 1},
        {"minimum": 1},
        {"tif": TimeInForce.GTD, "expires": 5},
        {"post_only": True},
    ],
    ids=str,
)
def test_no_kind_of_order_may_ask_for_anything_else(fields: dict[str, object]) -> None:
    market = market_that_allows(CANCEL_NEWEST, CANCEL_BOTH)
    order = buy(1, **({"price": 100, "lots": 2, "stp": NONE} | fields))  # type: ignore[arg-type]
    assert market.send(ALICE, order) == ["alice 1: rejected SELF_TRADE_PREVENTION_NOT_ALLOWED"]


def test_a_default_that_is_not_allowed_is_our_own_mistake() -> None:
    for fields in (
        {"self_trade": SelfTradeRules(allowed=SelfTradeFlag.NONE)},
        {"self_trade_prevention": SelfTradePrevention.INSTRUMENT_DEFAULT},
        {"self_trade": SelfTradeRules(allowed=SelfTradeFlag.ALL | 1 << 6)},
    ):
        with pytest.raises(AssertionError):
            Market(**fields)


# --- changes while orders rest ---------------------------------------------------------------------


def test_a_group_that_changes_counts_for_the_orders_that_rest() -> None:
    market = market_by(GROUP)
    market.send(BOB, sell(1, price=100, lots=3))
    regroup(market, 13, 7)
    regroup(market, 11, 7)
    assert "prevented" in market.send(ALICE, buy(1, price=100))[1]
    regroup(market, 13, 0)
    assert "executed" in market.send(ALICE, buy(2, price=100))[1]


def test_an_owner_that_changes_counts_for_the_orders_that_rest() -> None:
    market = market_by(ACCOUNT)
    market.send(ALICE, sell(1, price=100, lots=3))
    assert "executed" in market.send(CAROL, buy(1, price=100, account=12))[1]
    market.outputs(VENUE, DefineInstrument(definition(EUA)))
    assert "prevented" in market.send(CAROL, buy(2, price=100, account=12))[1]
    market.outputs(VENUE, DefineInstrument(definition(EUA, self_trade=SelfTradeRules(ACCOUNT))))
    assert "executed" in market.send(CAROL, buy(3, price=100, account=12))[1]


def test_an_order_keeps_the_mode_it_was_accepted_with_where_it_is_not_allowed_any_more() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=99, stp=NONE), buy(2, price=101, stop=101, stp=NONE))
    rules = SelfTradeRules(allowed=SelfTradeFlag.CANCEL_NEWEST)
    market.outputs(VENUE, DefineInstrument(definition(EUA, self_trade=rules, allowed=m.AllowedFlag.ALL)))
    market.send(CAROL, sell(1, price=101))
    assert market.send(ALICE, replace(3, 1, price=101, lots=1))[1] == (
        "alice 3: executed #1 taker 1 @ 101, 0 left"
    )
    assert market.send(ALICE, buy(4, price=101, stp=NONE)) == [
        "alice 4: rejected SELF_TRADE_PREVENTION_NOT_ALLOWED"
    ]


def test_a_default_that_changes_counts_for_orders_that_asked_for_none_of_their_own() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=99), sell(2, price=100))
    market.outputs(VENUE, DefineInstrument(definition(EUA, self_trade_prevention=CANCEL_OLDEST)))
    assert "prevented #1 with #2 1 CANCEL_OLDEST" in market.send(ALICE, replace(3, 1, price=100, lots=1))[1]


def test_a_self_trade_in_the_very_first_batch_is_prevented_and_counted() -> None:
    engine = Engine()
    setup: list[m.AnyCommand] = [
        DefineInstrument(definition()),
        m.DefineAccount(AccountId(11), m.ParticipantId(1), "alpha"),
        m.DefineSession(ALICE, "alice", (AccountId(11),)),
    ]
    engine.apply(m.Entry(1, TIME_NS, VENUE, setup))
    orders: list[m.AnyCommand] = [sell(1, price=100, lots=3), buy(2, price=100)]
    engine.apply(m.Entry(1 + len(setup), TIME_NS, ALICE, orders))
    assert engine.take_outputs().prevented == [(EUA, 1)]


def test_groups_and_rules_are_in_the_state() -> None:
    market = market_by(GROUP, {11: 7, 13: 7})
    market.send(BOB, sell(1, price=100, lots=3))
    again = restore(snapshot(market.engine))
    assert digest(again) == digest(market.engine)
    assert again.accounts[AccountId(13)].group_id == 7
    market.engine = again
    assert "prevented" in market.send(ALICE, buy(1, price=100))[1]
    other = market_by(GROUP, {11: 7, 13: 8})
    assert digest(other.engine) != digest(market_by(GROUP, {11: 7, 13: 7}).engine)


# --- proto/ORDERS.md -------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", rows("Self-trade prevention")[1:], ids=lambda cells: cells[0])
def test_each_row_of_the_page_is_what_happens(cells: list[str]) -> None:
    """Carol's five lots (#3) meet Alice's three (#1), which are of the same account."""
    mode, *expected = cells
    told = market_with_own_order_first().send(CAROL, buy(1, price=100, lots=5, stp=SelfTradePrevention[mode]))
    assert [became(told, 3, lots=5), became(told, 1, lots=3)] == expected


def became(told: list[str], number: int, lots: int) -> str:
    """What has become of an order of so many lots, in the words of the page."""
    here = " / ".join(line for line in told if re.search(rf"(prevented|executed|canceled) #{number} ", line))
    if "prevented" not in here:
        return "trades"
    if f", {lots} left" not in here:
        return "loses the smaller quantity"
    if "canceled" in here:
        return "goes"
    return "goes on" if "executed" in here else "stays"
