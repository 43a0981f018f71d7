"""Accounts that may not buy, not sell, or neither: what is refused, and what of theirs is taken out."""

from typing import Any

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AccountId,
    BiddingRules,
    BlockRules,
    ClearingRules,
    InstrumentId,
    NewOrder,
    OrderId,
    Phase,
    Ref,
    RejectReason,
    RestrictAccount,
    Restriction,
    Side,
)
from carbonmatch.matching.state import restore, snapshot
from tests.matching.clearing.test_transfers import COMPANY, SECOND, TRADER, Operator
from tests.matching.market import ALICE, BOB, CAROL, CEA, EUA, OPS, VENUE, Market, buy, replace, sell

NO_BUYING, NO_SELLING, NO_TRADING = (
    Restriction.NO_BUYING,
    Restriction.NO_SELLING,
    Restriction.NO_TRADING,
)


class Rich(Operator):
    """Everybody has a lot of everything."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(Market(clearing=ClearingRules(lag_days=0), allowed=m.AllowedFlag.ALL, **fields))
        for account in (COMPANY, SECOND, TRADER):
            self.units(account, 1_000)
            self.money(account, 100_000)

    def restricts(
        self,
        restriction: Restriction,
        account: AccountId = COMPANY,
        *,
        cancels: bool = False,
        where: int = EUA,
    ) -> list[str]:
        """All that anybody is told."""
        self.ref += 1
        command = RestrictAccount(Ref(self.ref), account, restriction, InstrumentId(where), cancels)
        return [line.replace(f"ops {self.ref}", "ops") for line in self.market.send(OPS, command)]


@pytest.mark.parametrize(
    ("restriction", "buys", "sells"),
    [
        (Restriction.NONE, True, True),
        (NO_BUYING, False, True),
        (NO_SELLING, True, False),
        (NO_TRADING, False, False),
    ],
)
def test_a_restricted_account_may_do_the_rest(restriction: Restriction, buys: bool, sells: bool) -> None:
    house = Rich()
    assert house.restricts(NO_TRADING) == ["ops: done"]
    assert house.restricts(restriction) == ["ops: done"]
    restricted = "rejected ACCOUNT_RESTRICTED"
    assert (restricted in house.market.send(ALICE, buy(1, price=9))[0]) is not buys
    assert (restricted in house.market.send(ALICE, sell(2, price=11))[0]) is not sells
    assert "accepted" in house.market.send(BOB, buy(1, price=8))[0]


def test_what_is_open_stays_and_may_trade_but_not_be_replaced() -> None:
    house = Rich()
    house.market.send(ALICE, buy(1, price=9, lots=5))
    assert house.restricts(NO_BUYING) == ["ops: done"]
    assert house.market.send(ALICE, replace(2, 1, price=10, lots=5)) == [
        "alice 2: rejected ACCOUNT_RESTRICTED"
    ]
    assert house.market.bids() == ["5 in 1 @ 9"]
    assert "bob 1: executed" in house.market.send(BOB, sell(1, price=9, lots=5))[1]


def test_what_is_forbidden_is_taken_out_where_that_is_asked_for() -> None:
    house = Rich()
    house.market.send(ALICE, buy(1, price=9, lots=5), sell(2, price=20), buy(3, lots=2, price=30, stop=25))
    house.market.send(CAROL, buy(1, price=8, lots=3), buy(2, price=7, account=SECOND))
    house.market.send(BOB, buy(1, price=6))
    assert house.restricts(NO_BUYING, cancels=True) == [
        "ops: done",
        "alice 0: canceled #7 5 RESTRICTED",
        "alice 0: canceled #9 2 RESTRICTED",
        "carol 0: canceled #10 3 RESTRICTED",
    ]
    assert house.market.bids() == ["1 in 1 @ 7", "1 in 1 @ 6"]
    assert house.market.asks() == ["1 in 1 @ 20"]
    assert house.asks(m.InspectHoldings(Ref(0), COMPANY))[0] == (
        "11 has 100000 EUR: 100000 available, 0 reserved, 100000 to withdraw"
    )


def test_a_stop_that_was_left_is_refused_when_it_fires() -> None:
    house = Rich()
    house.market.send(ALICE, buy(1, lots=2, price=30, stop=25))
    house.restricts(NO_BUYING)
    house.market.send(CAROL, sell(1, price=25, account=SECOND))
    assert "alice 0: canceled #7 2 REFUSED_WHEN_FIRED" in house.market.send(BOB, buy(1, price=25))


def test_what_is_frozen_stays_until_it_is_not() -> None:
    house = Rich()
    house.market.send(OPS, m.SetPhase(Ref(100), EUA, Phase.OPENING_AUCTION))
    house.ref = 100
    house.market.send(ALICE, buy(1, price=9, lots=5))
    ends_ns = house.market.time_ns + 1_000
    house.market.send(VENUE, m.StartAuction(EUA, Phase.OPENING_AUCTION, ends_ns, 0, house.market.time_ns))
    assert house.market.engine.books[EUA].instrument.is_frozen
    assert house.restricts(NO_TRADING, cancels=True) == ["ops: done"]
    house.market.time_ns = ends_ns + 1
    house.market.send(VENUE, m.TimePassed())
    assert house.restricts(NO_TRADING, cancels=True) == ["ops: done", "alice 0: canceled #8 5 RESTRICTED"]


def test_offers_of_blocks_are_taken_back() -> None:
    house = Rich(blocks=BlockRules())
    offers = [
        m.BlockPropose(Ref(number), EUA, side, 10, 50, counterparty_account_id=TRADER)
        for number, side in enumerate(Side, 1)
    ]
    house.market.send(ALICE, *offers)
    lines = house.restricts(NO_SELLING, cancels=True)
    assert "alice 0: block #8 CANCELED sell 10 @ 50 own RESTRICTED" in lines
    # Why is nobody else's business.
    assert "bob 0: block #8 CANCELED buy 10 @ 50 theirs" in lines
    assert not any("#7" in line for line in lines)
    house.restricts(NO_SELLING, TRADER)
    accept = m.BlockAccept(Ref(1), OrderId(house.market.order_id(7)), 10, 50)
    assert house.market.send(BOB, accept) == ["bob 1: rejected ACCOUNT_RESTRICTED"]


def announced(house: Rich, **fields: Any) -> OrderId:
    house.ref += 1
    house.market.send(VENUE, m.SetSeed(bytes(range(16))))
    bidding_id = OrderId(house.market.engine.sequence + 1)
    house.market.send(
        OPS,
        m.AnnounceBidding(
            Ref(house.ref),
            EUA,
            BOB,
            TRADER,
            Side.SELL,
            100,
            10,
            0,
            house.market.time_ns + 1_000,
            BiddingRules(**fields),
        ),
    )
    return bidding_id


def test_bids_are_taken_out_also_where_bidders_may_not_do_so() -> None:
    house = Rich(bidding=BiddingRules())
    bidding_id = announced(house, revision=m.BidRevision.NONE)
    house.market.send(ALICE, m.Bid(Ref(1), bidding_id, 20, 12))
    house.market.send(CAROL, m.Bid(Ref(1), bidding_id, 20, 11, SECOND))
    assert house.restricts(NO_SELLING, cancels=True) == ["ops: done"]
    assert house.restricts(NO_BUYING, cancels=True) == ["ops: done", "alice 0: bid #9 20 @ 12 withdrawn"]
    assert house.market.send(ALICE, m.Bid(Ref(2), bidding_id, 20, 12)) == [
        "alice 2: rejected ACCOUNT_RESTRICTED"
    ]
    # The offer of the one party stands: whoever wants it out cancels the bidding.
    assert house.restricts(NO_TRADING, TRADER, cancels=True) == ["ops: done"]
    house.market.time_ns += 2_000
    lines = house.market.send(VENUE, m.TimePassed())
    assert "carol 0: bid #10 20 @ 11 allotted, 20 @ 11" in lines


def test_bids_are_taken_out_in_the_order_in_which_they_came_after_a_restart_too() -> None:
    """Whichever biddings they are in: a follower would tell them in another order, and diverge."""

    def told(*, restarted: bool) -> list[str]:
        house = Rich(bidding=BiddingRules())
        first, second = announced(house), announced(house)
        house.market.send(ALICE, m.Bid(Ref(1), second, 20, 12), m.Bid(Ref(2), first, 10, 12))
        if restarted:
            house.market.engine = restore(snapshot(house.market.engine))
        return house.restricts(NO_BUYING, cancels=True)

    _, one, other = told(restarted=False)
    assert ("20 @ 12 withdrawn" in one, "10 @ 12 withdrawn" in other) == (True, True)
    assert told(restarted=True) == told(restarted=False)


def test_an_entry_takes_out_so_many_bids_and_the_command_given_again_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = Rich(bidding=BiddingRules())
    bidding_id = announced(house)
    house.market.send(ALICE, *(m.Bid(Ref(ref), bidding_id, 10, 12) for ref in range(1, 6)))
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 5)
    house.ref += 2
    again = RestrictAccount(Ref(house.ref), COMPANY, Restriction.NO_BUYING, cancels=True)
    first = RestrictAccount(Ref(house.ref - 1), COMPANY, Restriction.NO_BUYING, cancels=True)
    lines = house.market.send(OPS, first, again)
    assert sum("withdrawn" in line for line in lines) == 2
    assert [line for line in lines if "pulled" in line] == [
        f"ops {house.ref - 1}: pulled 0 orders of 0, 0 offers, 2 bids, 0 biddings, more",
        f"ops {house.ref}: pulled 0 orders of 0, 0 offers, 0 bids, 0 biddings, more",
    ]
    assert sum("withdrawn" in line for line in house.restricts(NO_BUYING, cancels=True)) == 2
    last = house.restricts(NO_BUYING, cancels=True)
    assert (sum("withdrawn" in line for line in last), "pulled" in " ".join(last)) == (1, False)


@pytest.mark.parametrize("bids", [1, 3])
def test_a_bid_of_a_window_that_is_over_is_not_taken_out(bids: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told what it has got in pieces, and more of it in the next entry."""
    house = Rich(bidding=BiddingRules())
    bidding_id = announced(house)
    house.market.send(ALICE, *(m.Bid(Ref(ref), bidding_id, 10, 12) for ref in range(1, bids + 1)))
    house.market.time_ns += 2_000
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 2)
    lines = house.restricts(NO_TRADING, cancels=True)
    for _ in range(bids):
        house.market.time_ns += 1
        lines += house.market.send(VENUE, m.TimePassed())
    assert sum("allotted, 10 @ 12" in line for line in lines if line.startswith("alice")) == bids
    assert not any("withdrawn" in line for line in lines)


def test_everywhere_means_where_it_is_cleared() -> None:
    house = Rich()
    house.market.send(ALICE, NewOrder(Ref(1), CEA, Side.BUY, 1, 10))
    assert house.restricts(NO_TRADING, cancels=True, where=0) == ["ops: done"]
    assert house.market.bids(CEA) == ["1 in 1 @ 10"]
    assert house.market.send(ALICE, buy(2, price=9)) == ["alice 2: rejected ACCOUNT_RESTRICTED"]


def test_what_is_open_elsewhere_stays_also_where_it_is_forbidden_there() -> None:
    house = Rich()
    other = m.InstrumentDefinition(CEA, "I2", "EUR", 1, 2, 1, clearing=ClearingRules())
    house.market.send(VENUE, m.DefineInstrument(other))
    house.market.send(ALICE, NewOrder(Ref(1), CEA, Side.BUY, 1, 10), buy(2, price=10))
    assert house.restricts(NO_TRADING, where=CEA) == ["ops: done"]
    assert house.restricts(NO_TRADING, cancels=True) == ["ops: done", "alice 0: canceled #9 1 RESTRICTED"]
    assert house.market.bids(CEA) == ["1 in 1 @ 10"]


@pytest.mark.parametrize(
    ("account", "instrument", "reason"),
    [
        (AccountId(99), EUA, RejectReason.UNKNOWN_ACCOUNT),
        (AccountId(0), EUA, RejectReason.UNKNOWN_ACCOUNT),
        (COMPANY, 99, RejectReason.UNKNOWN_INSTRUMENT),
        (COMPANY, CEA, RejectReason.MECHANISM_NOT_AVAILABLE),
    ],
)
def test_a_restriction_of_nothing_is_refused(
    account: AccountId, instrument: int, reason: RejectReason
) -> None:
    assert Rich().restricts(NO_TRADING, account, where=instrument) == [f"ops: rejected {reason.name}"]


def test_nothing_is_restricted_where_nothing_is_cleared() -> None:
    market = Market()
    command = RestrictAccount(Ref(1), COMPANY, NO_TRADING)
    assert market.send(OPS, command) == ["ops 1: rejected MECHANISM_NOT_AVAILABLE"]
    assert market.send(ALICE, command) == ["alice 1: rejected NOT_ENTITLED"]


def test_a_restriction_is_told_where_the_account_has_nothing_yet() -> None:
    house = Operator(Market(clearing=ClearingRules(lag_days=0)))
    assert house.asks(RestrictAccount(Ref(0), TRADER, NO_BUYING)) == ["done"]
    nothing = "13 has 0 lots of 1: 0 available, 0 reserved, 0 unsettled, 0 of today, buys 0, NO_BUYING"
    assert house.asks(m.InspectHoldings(Ref(0))) == [nothing, "end of 1"]
    assert house.market.send(BOB, m.HoldingsRequest(Ref(1)))[0] == f"bob 1: {nothing}"
    assert house.market.send(ALICE, m.HoldingsRequest(Ref(1))) == ["alice 1: end of 0"]
    assert house.asks(RestrictAccount(Ref(0), TRADER, Restriction.NONE)) == ["done"]
    assert house.asks(m.InspectHoldings(Ref(0))) == ["end of 0"]


def test_restrictions_are_part_of_the_state() -> None:
    house = Rich()
    house.restricts(NO_BUYING)
    before = snapshot(house.market.engine)
    engine = restore(before)
    assert snapshot(engine) == before
    house.market.engine = engine
    assert house.market.send(ALICE, buy(1, price=9)) == ["alice 1: rejected ACCOUNT_RESTRICTED"]
    assert house.restricts(Restriction.NONE) == ["ops: done"]
    assert snapshot(engine) != before
