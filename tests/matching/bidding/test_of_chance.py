"""Biddings of chance: what everyone gets is what the reference says, and nothing comes from nowhere."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbonmatch.auction_tools import collect, recompute
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AccountId,
    BiddingOutcome,
    BiddingPricing,
    BiddingRules,
    BiddingTie,
    BidRevision,
    BidUpdate,
    OrderId,
    SessionId,
    Side,
    Undersubscription,
)
from tests.matching.bidding.house import CLOSES_NS, FIRST, OPS, House, Purse, reason
from tests.matching.bidding.reference import Standing, reference

UNITS, MONEY = 1_000, 20_000

rules = st.builds(
    BiddingRules,
    bid_min_lots=st.sampled_from((0, 0, 6)),
    bid_increment_lots=st.sampled_from((0, 0, 4)),
    share_max_basis_points=st.sampled_from((0, 0, 0, 5_000, 7_500)),
    bids_max=st.sampled_from((0, 0, 0, 2, 1)),
    revision=st.sampled_from(BidRevision),
    pricing=st.sampled_from(BiddingPricing),
    tie=st.sampled_from((BiddingTie.SEED, BiddingTie.PRO_RATA, BiddingTie.TIME, BiddingTie.DEFAULT)),
    undersubscription=st.sampled_from(Undersubscription),
    secondary_basis_points=st.sampled_from((0, 0, 0, 9_800, 10_200)),
)
commands = st.lists(
    st.tuples(
        st.sampled_from(("bid",) * 8 + ("modify", "modify", "withdraw", "restart", "own", "away")),
        st.sampled_from((3, 1, 4, 0, 5, 2)),  # who
        st.sampled_from((4, 8, 2, 12, 6, 4, 8, 20, 0, 3)),
        st.sampled_from((100, 101, 99, 100, 102, 97, 104)),  # price
        st.integers(0, 20),  # which bid
    ),
    min_size=14,
    max_size=30,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=rules,
    side=st.sampled_from(Side),
    supply=st.sampled_from((8, 4, 10, 12, 2, 1, 15)),
    played=commands,
    end=st.sampled_from((1, 2, 3, 4, 0)),
)
def test_a_bidding_comes_to_what_the_reference_says(
    monkeypatch: pytest.MonkeyPatch,
    rules: BiddingRules,
    side: Side,
    supply: int,
    played: list[tuple[str, int, int, int, int]],
    end: int,
) -> None:
    # Three bids an entry, so that most biddings take several.
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 7)
    purse = Purse(UNITS, MONEY)
    house = House(
        BiddingRules(), bidders=6, purse=purse, quantity_increment_lots=2, reference_price_ticks=100
    )
    offered = 2 * supply
    reserve = 98 if side is Side.SELL else 103
    share = offered * (rules.share_max_basis_points or 10_000) // 10_000
    step = rules.bid_increment_lots or 2
    if not any(lots >= rules.bid_min_lots and lots % step == 0 for lots in range(1, share + 1)):
        refused = house.send(
            OPS, house.announcement(offered, side=side, reserve_price_ticks=reserve, rules=rules)
        )
        assert reason(refused) == "NO_BID_POSSIBLE"
        return
    bidding_id = house.open(offered, side=side, reserve_price_ticks=reserve, rules=rules)
    bidding = house.engine.venue.biddings.by_id[bidding_id]
    in_force = bidding.offer.rules
    stands = play(house, bidding_id, played)
    assert {one.bid_id for one in stands} == house.engine.venue.biddings.bids.keys()
    assert_shares(house, in_force.share_max_basis_points, offered)
    if end == 0:
        assert isinstance(house.send(SessionId(1), m.CancelBidding(m.Ref(1), bidding_id, "why")), m.Done)
        while house.engine.venue.biddings.by_id:
            house.pass_to(house.time_ns + 1)
        ended = house.public[-1]
    else:
        ended = close(house, restarts=end % 2 == 0)
    assert isinstance(ended, m.BiddingEnded)
    assert_right(house, ended, stands, in_force, side, offered, reserve)
    # Nothing is held any more, and nothing came from nowhere.
    assert purse.held() == {}
    accounts = [AccountId(2), *(AccountId(FIRST + number) for number in range(6))]
    assert sum(purse.units[one] for one in accounts) == UNITS * len(accounts)
    assert sum(purse.money[one] for one in accounts) == MONEY * len(accounts)
    # Other code, which has read only what a journal has, comes to the same.
    assert recompute(collect(house.batches, bidding_id)) == []


def play(house: House, bidding_id: OrderId, played: list[tuple[str, int, int, int, int]]) -> list[Standing]:
    """Bids that stand in the end, as their answers said."""
    stands: dict[OrderId, Standing] = {}
    owners: dict[OrderId, int] = {}
    for what, who, lots, price, which in played:
        answer: Any = None
        if what == "bid":
            answer = house.bid(bidding_id, who, lots, price)
        elif what == "own":
            refused = house.send(SessionId(2), m.Bid(m.Ref(1), bidding_id, lots, price))
            assert reason(refused) == "BID_NOT_ALLOWED"
        elif what == "restart":
            house.restart()
        elif stands:
            bid_id = sorted(stands)[which % len(stands)]
            owner = owners[bid_id] if what != "away" else (owners[bid_id] + 1) % 6
            if what == "modify":
                answer = house.modify(bid_id, owner, lots, price)
            else:
                answer = house.withdraw(bid_id, owner)
            if what == "away":
                assert reason(answer) == "UNKNOWN_BID"
        if isinstance(answer, BidUpdate) and answer.state is m.BidState.WITHDRAWN:
            del stands[answer.bid_id]
        elif isinstance(answer, BidUpdate):
            owners.setdefault(answer.bid_id, who)
            numbers = (answer.priority, answer.price_ticks, answer.quantity_lots)
            stands[answer.bid_id] = Standing(answer.bid_id, *numbers)
    return [one for _, one in sorted(stands.items())]


def close(house: House, *, restarts: bool) -> m.BiddingEnded:
    time_ns = CLOSES_NS
    while house.engine.venue.biddings.by_id:
        house.pass_to(time_ns)
        if restarts:
            house.restart()
        time_ns += 1
    last: m.BiddingEnded = house.public[-1]
    return last


def assert_shares(house: House, share: int, offered: int) -> None:
    asked: dict[int, int] = {}
    for bid in house.engine.venue.biddings.bids.values():
        asked[bid.account.participant_id] = asked.get(bid.account.participant_id, 0) + bid.quantity_lots
    assert all(lots <= offered * share // 10_000 for lots in asked.values())


def assert_right(
    house: House,
    ended: m.BiddingEnded,
    stands: list[Standing],
    rules: BiddingRules,
    side: Side,
    offered: int,
    reserve: int,
) -> None:
    sign = 1 if side is Side.SELL else -1
    allotted = house.allotted()
    assert allotted.keys() == {one.bid_id for one in stands}
    price, lots = reference(stands, supply=offered, sign=sign, tie=rules.tie, seed=ended.seed, unit=2)
    outcome = expected_outcome(stands, rules, offered, sign, price)
    if ended.outcome is not BiddingOutcome.BY_OPERATOR:
        assert ended.outcome is outcome
        assert (ended.bid_count, ended.bid_lots) == (len(stands), sum(one.lots for one in stands))
    trades = [event for event in house.public if isinstance(event, m.Traded)]
    assert sum(trade.quantity_lots for trade in trades) == ended.allotted_lots == sum(allotted.values())
    if ended.outcome not in (BiddingOutcome.SOLD, BiddingOutcome.PARTLY_SOLD):
        assert (ended.price_ticks, ended.allotted_lots, trades) == (0, 0, [])
        return
    assert allotted == lots
    assert ended.price_ticks == price
    assert ended.allotted_lots <= offered
    assert sign * price >= sign * reserve
    for one in stands:
        # Nobody goes away empty whose price was better than the last one that was served.
        assert sign * one.price_ticks <= sign * price or allotted[one.bid_id] == one.lots
    uniform = rules.pricing is BiddingPricing.UNIFORM
    assert not uniform or {trade.price_ticks for trade in trades} == {price}


def expected_outcome(
    stands: list[Standing], rules: BiddingRules, offered: int, sign: int, price: int
) -> BiddingOutcome:
    asked = sum(one.lots for one in stands)
    if not stands:
        return BiddingOutcome.NO_BIDS
    if asked < offered and rules.undersubscription is Undersubscription.CANCEL:
        return BiddingOutcome.UNDERSUBSCRIBED
    # The secondary price is 100, so basis points are hundredths of a tick.
    limit = rules.secondary_basis_points
    if limit and sign * price * 100 < sign * limit:
        return BiddingOutcome.BELOW_SECONDARY
    return BiddingOutcome.SOLD if asked >= offered else BiddingOutcome.PARTLY_SOLD
