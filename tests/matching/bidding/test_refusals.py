"""Every row of the tables in proto/BIDDING.md: who may do what, and what the others are told."""

from typing import Any

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.bidding import checks
from carbonmatch.matching.messages import (
    AccountId,
    BiddingRules,
    BidRevision,
    BidUpdate,
    InstrumentId,
    OrderId,
    Ref,
    SessionId,
    Side,
)
from tests.matching.bidding.house import (
    CLOSES_NS,
    FIRST,
    OPENS_NS,
    OPS,
    PLAIN,
    SELLER,
    START_NS,
    House,
    Purse,
    reason,
)

BIDDER = SessionId(FIRST)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"instrument_id": InstrumentId(9)}, "UNKNOWN_INSTRUMENT"),
        ({"instrument_id": PLAIN}, "MECHANISM_NOT_AVAILABLE"),
        ({"session_id": SessionId(99)}, "UNKNOWN_ACCOUNT"),
        ({"account_id": AccountId(FIRST)}, "UNKNOWN_ACCOUNT"),
        ({"rules": BiddingRules(bid_increment_lots=15)}, "INCOMPATIBLE_INSTRUCTIONS"),
        ({"rules": BiddingRules(price_increment_ticks=7)}, "INCOMPATIBLE_INSTRUCTIONS"),
        ({"quantity_lots": 0}, "INVALID_QUANTITY"),
        ({"quantity_lots": 10**9 + 10}, "INVALID_QUANTITY"),
        ({"quantity_lots": 105}, "QUANTITY_INCREMENT"),
        ({"side": Side.BUY, "reserve_price_ticks": 0}, "INVALID_PRICE"),
        ({"reserve_price_ticks": 10**9 + 5}, "INVALID_PRICE"),
        ({"secondary_price_ticks": 10**9 + 1}, "INVALID_PRICE"),
        ({"reserve_price_ticks": 101}, "PRICE_INCREMENT"),
        ({"rules": BiddingRules(price_increment_ticks=50), "reserve_price_ticks": 105}, "PRICE_INCREMENT"),
        ({"rules": BiddingRules(bid_min_lots=1_001)}, "NO_BID_POSSIBLE"),
        ({"rules": BiddingRules(bid_min_lots=501, share_max_basis_points=5_000)}, "NO_BID_POSSIBLE"),
        ({"rules": BiddingRules(bid_min_lots=500, share_max_basis_points=5_000)}, ""),
        (
            {"rules": BiddingRules(400, bid_increment_lots=300, share_max_basis_points=5_999)},
            "NO_BID_POSSIBLE",
        ),
        ({"rules": BiddingRules(400, bid_increment_lots=300, share_max_basis_points=6_000)}, ""),
        (
            {"rules": BiddingRules(secondary_basis_points=20_000), "secondary_price_ticks": 10**9 // 2 + 1},
            "NO_BID_POSSIBLE",
        ),
        ({"rules": BiddingRules(secondary_basis_points=20_000), "secondary_price_ticks": 10**9 // 2}, ""),
        (
            {
                "side": Side.BUY,
                "quantity_lots": 100,
                "rules": BiddingRules(secondary_basis_points=9_999),
                "secondary_price_ticks": 5,
            },
            "NO_BID_POSSIBLE",
        ),
        (
            {
                "side": Side.BUY,
                "quantity_lots": 100,
                "rules": BiddingRules(secondary_basis_points=10_000),
                "secondary_price_ticks": 5,
            },
            "",
        ),
        ({"closes_ns": OPENS_NS}, "INVALID_WINDOW"),
        ({"opens_ns": 0, "closes_ns": START_NS}, "INVALID_WINDOW"),
        ({"quantity_lots": 1_010}, "UNKNOWN_ORDER"),  # what the purse refuses with
        ({}, ""),
        ({"opens_ns": 0, "closes_ns": START_NS + 1, "reserve_price_ticks": 0}, ""),
        ({"side": Side.BUY, "quantity_lots": 100, "reserve_price_ticks": 100}, ""),
        ({"side": Side.BUY, "quantity_lots": 110, "reserve_price_ticks": 100}, "NO_LIQUIDITY"),
    ],
)
def test_an_announcement_is_refused(fields: dict[str, Any], expected: str) -> None:
    house = House(purse=Purse(1_000, 10_000), quantity_increment_lots=10, price_increment_ticks=5)
    values = {"quantity_lots": 1_000, "reserve_price_ticks": 100, **fields}
    assert reason(house.send(OPS, house.announcement(**values))) == expected
    assert len(house.engine.venue.biddings.by_id) == (not expected)


def test_only_operators_announce_and_cancel() -> None:
    house = House()
    bidding_id = house.announce(10)
    assert reason(house.send(SELLER, house.announcement(10))) == "NOT_ENTITLED"
    assert reason(house.send(SELLER, m.CancelBidding(Ref(1), bidding_id))) == "NOT_ENTITLED"
    assert reason(house.send(OPS, m.CancelBidding(Ref(1), OrderId(99)))) == "UNKNOWN_BIDDING"


def test_no_more_biddings_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BIDDINGS_MAX", 2)
    house = House()
    first = house.announce(10)
    house.announce(10)
    assert reason(house.send(OPS, house.announcement(10))) == "BIDDING_LIMIT"
    house.send(OPS, m.CancelBidding(Ref(1), first))
    house.announce(10)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"account_id": AccountId(2)}, "UNKNOWN_ACCOUNT"),
        ({"bidding_id": OrderId(99)}, "UNKNOWN_BIDDING"),
        ({"quantity_lots": 0}, "INVALID_QUANTITY"),
        ({"quantity_lots": 10}, "BELOW_MINIMUM"),
        ({"quantity_lots": 1_010}, "ABOVE_MAXIMUM"),
        ({"quantity_lots": 50}, "QUANTITY_INCREMENT"),
        ({"price_ticks": 0}, "INVALID_PRICE"),
        ({"price_ticks": 10**9 + 10}, "INVALID_PRICE"),
        ({"price_ticks": 105}, "PRICE_INCREMENT"),
        ({"price_ticks": 90}, "BELOW_RESERVE"),
        ({"quantity_lots": 520}, "OVER_SHARE"),
        ({"quantity_lots": 400, "price_ticks": 260}, "NO_LIQUIDITY"),
        ({}, ""),
        ({"quantity_lots": 500}, ""),
        ({"quantity_lots": 400, "price_ticks": 250}, ""),
    ],
)
def test_a_bid_is_refused(fields: dict[str, Any], expected: str) -> None:
    rules = BiddingRules(
        bid_min_lots=40, bid_increment_lots=20, price_increment_ticks=10, share_max_basis_points=5_019
    )
    house = House(rules, purse=Purse(1_000, 100_000), quantity_increment_lots=10, price_increment_ticks=5)
    bidding_id = house.open(1_000, reserve_price_ticks=100)
    values = {"bidding_id": bidding_id, "quantity_lots": 40, "price_ticks": 100, **fields}
    assert reason(house.send(BIDDER, m.Bid(ref=Ref(1), **values))) == expected
    assert len(house.engine.venue.biddings.bids) == (not expected)


def test_nobody_bids_before_the_window_or_after_it() -> None:
    house = House()
    bidding_id = house.announce(10)
    assert reason(house.bid(bidding_id, 0, 5, 100)) == "NOT_IN_THIS_PHASE"
    house.pass_to(OPENS_NS)
    update = house.bid(bidding_id, 0, 5, 100)
    house.time_ns = CLOSES_NS - 1
    assert reason(house.bid(bidding_id, 0, 5, 100)) == ""
    house.time_ns = CLOSES_NS
    # The entry that brings it ends the bidding before.
    assert reason(house.bid(bidding_id, 0, 5, 100)) == "UNKNOWN_BIDDING"
    assert reason(house.modify(update.bid_id, 0, 4, 100)) == "UNKNOWN_BID"


def test_nobody_bids_while_bids_are_allotted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 2)
    house = House()
    bidding_id = house.open(10)
    house.bid(bidding_id, 0, 5, 100)
    second = house.bid(bidding_id, 1, 5, 100)
    house.time_ns = CLOSES_NS
    assert reason(house.bid(bidding_id, 2, 5, 100)) == "NOT_IN_THIS_PHASE"
    assert reason(house.modify(second.bid_id, 1, 4, 100)) == "NOT_IN_THIS_PHASE"
    assert reason(house.withdraw(second.bid_id, 1)) == "NOT_IN_THIS_PHASE"
    assert reason(house.send(OPS, m.CancelBidding(Ref(1), bidding_id))) == "NOT_IN_THIS_PHASE"


def test_the_one_party_does_not_bid_with_any_account_of_its_own() -> None:
    house = House()
    house.venue(
        m.DefineAccount(AccountId(3), m.ParticipantId(2), "seller-2"),
        m.DefineSession(SELLER, "seller", (AccountId(2), AccountId(3))),
    )
    bidding_id = house.open(10)
    for account in (2, 3):
        command = m.Bid(Ref(1), bidding_id, 5, 100, AccountId(account))
        assert reason(house.send(SELLER, command)) == "BID_NOT_ALLOWED"


def test_the_bids_of_a_bidder_count_together_whatever_account_they_are_of() -> None:
    house = House(BiddingRules(bids_max=3, share_max_basis_points=5_000))
    house.venue(
        m.DefineAccount(AccountId(99), m.ParticipantId(FIRST), "other"),
        m.DefineSession(BIDDER, "b", (AccountId(FIRST), AccountId(99))),
    )
    bidding_id = house.open(100)
    house.bid(bidding_id, 0, 20, 100)
    second = house.send(BIDDER, m.Bid(Ref(1), bidding_id, 20, 100, AccountId(99)))
    assert reason(house.bid(bidding_id, 0, 11, 100)) == "OVER_SHARE"
    assert reason(house.modify(second.bid_id, 0, 31, 100)) == "OVER_SHARE"
    assert reason(house.modify(second.bid_id, 0, 30, 100)) == ""
    assert reason(house.modify(second.bid_id, 0, 29, 100)) == ""
    house.bid(bidding_id, 0, 1, 100)
    assert reason(house.bid(bidding_id, 0, 1, 100)) == "BID_NOT_ALLOWED"
    # Who withdraws has room again.
    house.withdraw(second.bid_id, 0)
    assert reason(house.bid(bidding_id, 0, 29, 100)) == ""


def test_no_more_bids_in_one_bidding_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BIDDING_BIDS_MAX", 2)
    house = House()
    first, second = house.open(100), house.announce(100, opens_ns=0)
    house.bid(first, 0, 1, 100)
    update = house.bid(first, 1, 1, 100)
    assert reason(house.bid(first, 2, 1, 100)) == "BIDDING_LIMIT"
    # It is full, the other one is not.
    assert reason(house.bid(second, 2, 1, 100)) == ""
    house.withdraw(update.bid_id, 1)
    assert reason(house.bid(first, 2, 1, 100)) == ""


def test_no_more_bids_in_all_biddings_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BIDS_MAX", 2)
    house = House()
    first, second = house.open(100), house.announce(100, opens_ns=0)
    house.bid(first, 0, 1, 100)
    update = house.bid(second, 1, 1, 100)
    assert reason(house.bid(first, 2, 1, 100)) == "BIDDING_LIMIT"
    house.withdraw(update.bid_id, 1)
    assert reason(house.bid(first, 2, 1, 100)) == ""


@pytest.mark.parametrize(
    ("lots", "price", "expected"),
    [
        (20, 100, "NOT_AMENDABLE"),
        (0, 100, "INVALID_QUANTITY"),
        (4, 100, "BELOW_MINIMUM"),
        (102, 100, "ABOVE_MAXIMUM"),
        (21, 100, "QUANTITY_INCREMENT"),
        (20, 0, "INVALID_PRICE"),
        (20, 101, "PRICE_INCREMENT"),
        (20, 98, "BELOW_RESERVE"),
        (52, 100, "OVER_SHARE"),
        (50, 202, "NO_LIQUIDITY"),
        (50, 200, ""),
        (6, 100, ""),
    ],
)
def test_a_modification_is_refused_and_leaves_the_bid_as_it_was(lots: int, price: int, expected: str) -> None:
    purse = Purse(1_000, 10_000)
    rules = BiddingRules(
        bid_min_lots=6, bid_increment_lots=2, price_increment_ticks=2, share_max_basis_points=5_000
    )
    house = House(rules, purse=purse)
    bidding_id = house.open(100, reserve_price_ticks=100)
    update = house.bid(bidding_id, 0, 20, 100)
    assert reason(house.modify(update.bid_id, 0, lots, price)) == expected
    held = lots * price if not expected else 2_000
    assert purse.held() == {AccountId(2): (100, 0), AccountId(FIRST): (0, held)}


def test_bids_of_others_are_as_unknown_as_those_that_never_were() -> None:
    house = House()
    bidding_id = house.open(10)
    update = house.bid(bidding_id, 0, 5, 100)
    for bid_id in (update.bid_id, OrderId(10_000), bidding_id):
        assert reason(house.modify(bid_id, 1, 4, 100)) == "UNKNOWN_BID"
        assert reason(house.withdraw(bid_id, 1)) == "UNKNOWN_BID"


def test_an_irrevocable_bid_stands() -> None:
    house = House(BiddingRules(revision=BidRevision.NONE))
    update = house.bid(house.open(10), 0, 5, 100)
    assert reason(house.modify(update.bid_id, 0, 4, 100)) == "BID_NOT_ALLOWED"
    assert reason(house.withdraw(update.bid_id, 0)) == "BID_NOT_ALLOWED"


def test_a_session_without_an_account_does_not_bid() -> None:
    house = House()
    house.venue(m.DefineSession(BIDDER, "b", ()))
    assert reason(house.bid(house.open(10), 0, 5, 100)) == "UNKNOWN_ACCOUNT"


def test_another_session_of_the_account_may_withdraw_and_both_are_told() -> None:
    house = House()
    other = SessionId(50)
    house.venue(m.DefineSession(other, "other", (AccountId(FIRST),)))
    update = house.bid(house.open(10), 0, 5, 100)
    answer = house.send(other, m.WithdrawBid(Ref(1), update.bid_id))
    told = house.reports[BIDDER][-1]
    assert isinstance(answer, BidUpdate)
    assert isinstance(told, BidUpdate)
    assert (told.ref, told.bid_id, told.state) == (0, update.bid_id, m.BidState.WITHDRAWN)
    assert len(house.reports[BIDDER]) == 2
