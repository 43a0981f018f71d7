"""The arithmetic that strangers repeat, by the numbers of proto/BIDDING.md; what is held, call by call."""

from pathlib import Path
from typing import Any

import pytest

from carbonmatch import auction_tools
from carbonmatch.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.bidding.allotment import commitment_of, draw, inputs_digest
from carbonmatch.matching.bidding.bidding import SealedBid
from carbonmatch.matching.messages import (
    AccountId,
    BiddingRules,
    OrderId,
    Ref,
    SessionId,
    Side,
    TradeKind,
)
from tests.matching.bidding.house import EUA, FIRST, OPS, House, Purse, reason

PAGE = (Path(__file__).parents[3] / "proto" / "BIDDING.md").read_text()
SEED = bytes(range(16))
DRAW = "8942c87672a2da53"
COMMITMENT = "c7cb5d1a1a214f1d833a21fe6c7b2420e417c2f220784cbe90072975131bc367"
DIGEST = "8e40c8a0d83625c2aad9d3b97cfe583b7b41c0086fc4e63da7759baab4524668"


@pytest.mark.parametrize("number", [SEED.hex(), DRAW, COMMITMENT, DIGEST])
def test_the_page_has_the_numbers_of_these_tests(number: str) -> None:
    assert number in PAGE


def test_a_draw_is_keyed_with_the_seed() -> None:
    assert draw(SEED, OrderId(123_456_790)).hex() == DRAW
    assert auction_tools.drawn(SEED, 123_456_790).hex() == DRAW


def test_a_seed_is_committed_to_by_its_digest() -> None:
    assert commitment_of(SEED).hex() == COMMITMENT


def test_the_digest_of_the_inputs_is_that_of_their_numbers() -> None:
    house = House(BiddingRules(undersubscription=m.Undersubscription.CANCEL))
    bidding = house.engine.venue.biddings.by_id[house.announce(10_000, reserve_price_ticks=10_000)]
    bidding.bidding_id = OrderId(4711)
    session, account = house.engine.sessions[SessionId(FIRST)], house.engine.accounts[AccountId(FIRST)]
    for numbers in ((4712, 4712, 10_300, 1_000, 77), (4714, 4720, 10_500, 500, 31)):
        bid_id, priority, price, lots, bidder = numbers
        bid = SealedBid(bidding, OrderId(bid_id), session, account, bidder, price, lots, priority)
        bidding.bids[bid.bid_id] = bid
    assert inputs_digest(bidding, 0).hex() == DIGEST


# --- the ends of what may be ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "price", "expected"),
    [
        (1, 1, ""),
        (QUANTITY_LOTS_MAX, PRICE_TICKS_MAX, ""),
        (1, PRICE_TICKS_MAX + 1, "INVALID_PRICE"),
        (0, 1, "INVALID_QUANTITY"),
    ],
)
def test_a_bid_may_be_as_small_and_as_large_as_anything(lots: int, price: int, expected: str) -> None:
    house = House()
    bidding_id = house.open(QUANTITY_LOTS_MAX, reserve_price_ticks=0)
    assert reason(house.bid(bidding_id, 0, lots, price)) == expected


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    ("lots", "price", "secondary", "expected"),
    [
        (1, 1, 0, ""),
        (QUANTITY_LOTS_MAX, PRICE_TICKS_MAX, PRICE_TICKS_MAX, ""),
        (QUANTITY_LOTS_MAX + 1, 1, 0, "INVALID_QUANTITY"),
        (1, PRICE_TICKS_MAX + 1, 0, "INVALID_PRICE"),
        (1, 1, PRICE_TICKS_MAX + 1, "INVALID_PRICE"),
    ],
)
def test_an_offer_may_be_as_small_and_as_large_as_anything(
    side: Side, lots: int, price: int, secondary: int, expected: str
) -> None:
    house = House()
    offer = house.announcement(lots, side=side, reserve_price_ticks=price, secondary_price_ticks=secondary)
    assert reason(house.send(OPS, offer)) == expected


def test_a_winner_of_one_lot_is_a_winner() -> None:
    house = House()
    bidding_id = house.open(3)
    for bidder in range(3):
        house.bid(bidding_id, bidder, 1, 100 + bidder)
    assert house.close().winner_count == 3


# --- what is held --------------------------------------------------------------------------------


class Book(Purse):
    """A purse that writes down what it is asked for."""

    def __init__(self) -> None:
        super().__init__(1_000, 10**6)
        self.calls: list[tuple[Any, ...]] = []

    def reserve(self, account: Any, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        self.calls.append(("reserve", account.account_id, side.name, lots, price_ticks))
        super().reserve(account, side, lots, price_ticks, kind)

    def release(
        self, account: Any, side: Side, lots: int, leaves_lots: int, price_ticks: int, kind: TradeKind
    ) -> None:
        self.calls.append(("release", account.account_id, side.name, lots, leaves_lots, price_ticks))
        super().release(account, side, lots, leaves_lots, price_ticks, kind)

    def settle(self, buyer: Any, seller: Any, lots: int, price_ticks: int, kind: TradeKind) -> None:
        self.calls.append(("settle", buyer.account_id, seller.account_id, lots, price_ticks))
        super().settle(buyer, seller, lots, price_ticks, kind)

    def taken(self) -> list[tuple[Any, ...]]:
        calls, self.calls = self.calls, []
        return calls


def test_reserves_releases_and_settlements_come_as_they_are_agreed() -> None:
    book = Book()
    house = House(purse=book)
    bidding_id = house.announce(100, reserve_price_ticks=50, opens_ns=0)
    assert book.taken() == [("reserve", 2, "SELL", 100, 50)]
    first = house.bid(bidding_id, 0, 40, 60)
    assert book.taken() == [("reserve", FIRST, "BUY", 40, 60)]
    house.modify(first.bid_id, 0, 30, 70)
    assert book.taken() == [("release", FIRST, "BUY", 40, 0, 60), ("reserve", FIRST, "BUY", 30, 70)]
    second = house.bid(bidding_id, 1, 20, 55)
    house.withdraw(second.bid_id, 1)
    assert book.taken() == [
        ("reserve", FIRST + 1, "BUY", 20, 55),
        ("release", FIRST + 1, "BUY", 20, 0, 55),
    ]
    house.bid(bidding_id, 1, 25, 65)
    book.taken()
    house.close()
    # The bid whole, then of the offer what trades; in the end what was not sold.
    assert book.taken() == [
        ("release", FIRST, "BUY", 30, 0, 70),
        ("release", 2, "SELL", 30, 70, 50),
        ("settle", FIRST, 2, 30, 65),
        ("release", FIRST + 1, "BUY", 25, 0, 65),
        ("release", 2, "SELL", 25, 45, 50),
        ("settle", FIRST + 1, 2, 25, 65),
        ("release", 2, "SELL", 45, 0, 50),
    ]


def test_a_cancelled_bidding_releases_all_bids_and_the_offer_once() -> None:
    book = Book()
    house = House(purse=book)
    bidding_id = house.announce(100, reserve_price_ticks=50, opens_ns=0)
    house.bid(bidding_id, 0, 40, 60)
    book.taken()
    house.send(OPS, m.CancelBidding(Ref(1), bidding_id))
    assert book.taken() == [("release", FIRST, "BUY", 40, 0, 60), ("release", 2, "SELL", 100, 0, 50)]
    assert house.engine.books[EUA].biddings == {}
