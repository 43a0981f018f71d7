"""Biddings that exchanges have published or describe, each with the numbers that it must come to."""

import pytest

from carbonmatch.matching.messages import (
    BiddingOutcome,
    BiddingRule,
    BiddingRules,
    BiddingTie,
    BidRevision,
    BidUpdate,
    Executed,
    OrderId,
    SessionId,
    SetSeed,
    Side,
    Traded,
    TradeKind,
    Undersubscription,
)
from tests.matching.bidding.house import FIRST, SELLER, House, reason

KRX = (
    (1_000, 11_000),
    (1_500, 11_000),
    (2_500, 11_000),
    (1_000, 10_500),
    (2_000, 10_500),
    (1_000, 10_300),
    (1_000, 10_300),
    (2_000, 10_300),
    (2_000, 10_000),
)


def fill(house: House, bidding_id: OrderId, bids: tuple[tuple[int, int], ...]) -> list[OrderId]:
    """One bid of each bidder; their ids."""
    ids = []
    for bidder, (lots, price) in enumerate(bids):
        update = house.bid(bidding_id, bidder, lots, price)
        assert isinstance(update, BidUpdate), update
        ids.append(update.bid_id)
    return ids


def test_the_korean_example_fills_whoever_came_first_at_the_last_price() -> None:
    house = House(
        BiddingRules(
            bid_min_lots=1_000,
            bid_increment_lots=100,
            price_increment_ticks=50,
            share_max_basis_points=3_000,
            bids_max=1,
            tie=BiddingTie.TIME,
        )
    )
    bidding_id = house.open(10_000, reserve_price_ticks=10_000)
    ids = fill(house, bidding_id, KRX)
    ended = house.close()
    assert (ended.outcome, ended.price_ticks, ended.rule) == (
        BiddingOutcome.SOLD,
        10_300,
        BiddingRule.TIME,
    )
    allotted = house.allotted()
    assert [allotted[one] for one in ids] == [1_000, 1_500, 2_500, 1_000, 2_000, 1_000, 1_000, 0, 0]
    assert (ended.allotted_lots, ended.bid_lots, ended.bid_count, ended.winner_count) == (
        10_000,
        14_000,
        9,
        7,
    )
    # Everybody pays the one price.
    trades = [event for event in house.public if isinstance(event, Traded)]
    assert {trade.price_ticks for trade in trades} == {10_300}
    assert {trade.kind for trade in trades} == {TradeKind.BIDDING}


def test_nobody_bids_below_the_reserve_or_off_the_increments_of_the_korean_auction() -> None:
    house = House(
        BiddingRules(bid_min_lots=1_000, bid_increment_lots=100, price_increment_ticks=50, bids_max=1)
    )
    bidding_id = house.open(10_000, reserve_price_ticks=10_000)
    assert reason(house.bid(bidding_id, 0, 1_000, 9_950)) == "BELOW_RESERVE"
    assert reason(house.bid(bidding_id, 0, 900, 10_000)) == "BELOW_MINIMUM"
    assert reason(house.bid(bidding_id, 0, 1_050, 10_000)) == "QUANTITY_INCREMENT"
    assert reason(house.bid(bidding_id, 0, 1_000, 10_025)) == "PRICE_INCREMENT"
    assert reason(house.bid(bidding_id, 0, 1_000, 10_000)) == ""
    assert reason(house.bid(bidding_id, 0, 1_000, 10_000)) == "BID_NOT_ALLOWED"


def test_in_the_european_auction_chance_decides_the_tie_and_the_last_bid_is_filled_in_part() -> None:
    """Each seed gives one of the four ways to fill 2,000 with bids of 1,000, 1,000 and 2,000; all come."""
    margins = set()
    for seed in range(30):
        house = House(BiddingRules(tie=BiddingTie.SEED, undersubscription=Undersubscription.CANCEL))
        house.venue(SetSeed(bytes([seed] * 16)))
        bidding_id = house.open(10_000)
        ids = fill(house, bidding_id, KRX)
        ended = house.close()
        assert (ended.outcome, ended.price_ticks, ended.rule) == (
            BiddingOutcome.SOLD,
            10_300,
            BiddingRule.SEED,
        )
        allotted = [house.allotted()[one] for one in ids]
        assert allotted[:5] == [1_000, 1_500, 2_500, 1_000, 2_000]
        assert allotted[8] == 0
        margins.add(tuple(allotted[5:8]))
    assert margins == {(1_000, 1_000, 0), (0, 0, 2_000), (1_000, 0, 1_000), (0, 1_000, 1_000)}


def test_the_european_auction_is_cancelled_where_one_lot_is_missing() -> None:
    house = House(BiddingRules(undersubscription=Undersubscription.CANCEL))
    bidding_id = house.open(10_000)
    fill(house, bidding_id, ((9_000, 8_000), (999, 7_500)))
    ended = house.close()
    assert (ended.outcome, ended.price_ticks) == (BiddingOutcome.UNDERSUBSCRIBED, 0)
    assert (ended.bid_lots, ended.allotted_lots, ended.rule) == (9_999, 0, BiddingRule.NONE)
    assert not [event for event in house.public if isinstance(event, Traded)]


def test_the_european_auction_goes_through_where_no_lot_is_missing() -> None:
    house = House(BiddingRules(undersubscription=Undersubscription.CANCEL))
    bidding_id = house.open(10_000)
    fill(house, bidding_id, ((9_000, 8_000), (1_000, 7_500)))
    ended = house.close()
    assert (ended.outcome, ended.price_ticks, ended.rule) == (
        BiddingOutcome.SOLD,
        7_500,
        BiddingRule.ALL,
    )


@pytest.mark.parametrize(("price", "outcome"), [(7_200, "SOLD"), (7_199, "BELOW_SECONDARY")])
def test_the_european_auction_is_cancelled_where_its_price_is_far_below_the_secondary_market(
    price: int, outcome: str
) -> None:
    """Ninety per cent of 80.00 is 72.00; the real share is not public."""
    house = House(BiddingRules(secondary_basis_points=9_000), reference_price_ticks=8_000)
    bidding_id = house.open(100)
    fill(house, bidding_id, ((60, 7_900), (60, price)))
    ended = house.close()
    assert (ended.outcome.name, ended.secondary_price_ticks) == (outcome, 8_000)
    assert (ended.allotted_lots > 0) == (outcome == "SOLD")


def test_the_british_auction_sells_a_part_and_the_rest_stays_with_the_seller() -> None:
    house = House(BiddingRules(undersubscription=Undersubscription.PARTIAL))
    bidding_id = house.open(1_000, reserve_price_ticks=2_200)
    assert reason(house.bid(bidding_id, 0, 100, 2_199)) == "BELOW_RESERVE"
    fill(house, bidding_id, ((300, 4_000), (200, 2_200)))
    ended = house.close()
    assert (ended.outcome, ended.price_ticks, ended.allotted_lots) == (
        BiddingOutcome.PARTLY_SOLD,
        2_200,
        500,
    )
    last = house.reports[SELLER][-1]
    assert isinstance(last, BidUpdate)
    assert (last.bid_id, last.quantity_lots, last.allotted_lots) == (bidding_id, 1_000, 500)


def test_in_guangdong_bids_are_irrevocable_and_nobody_bids_for_more_than_half() -> None:
    house = House(BiddingRules(bid_min_lots=1_000, share_max_basis_points=5_000, revision=BidRevision.NONE))
    bidding_id = house.open(10_001, reserve_price_ticks=1_609)
    assert reason(house.bid(bidding_id, 0, 5_001, 2_000)) == "OVER_SHARE"
    update = house.bid(bidding_id, 0, 5_000, 2_000)
    assert reason(house.bid(bidding_id, 0, 1_000, 1_700)) == "OVER_SHARE"
    assert reason(house.modify(update.bid_id, 0, 4_000, 2_000)) == "BID_NOT_ALLOWED"
    assert reason(house.withdraw(update.bid_id, 0)) == "BID_NOT_ALLOWED"
    house.close()
    assert house.allotted() == {update.bid_id: 5_000}


@pytest.mark.parametrize(("lots", "refused"), [(250, ""), (251, "OVER_SHARE")])
def test_in_the_regional_greenhouse_gas_initiative_nobody_bids_for_more_than_a_quarter(
    lots: int, refused: str
) -> None:
    house = House(BiddingRules(share_max_basis_points=2_500, tie=BiddingTie.SEED))
    bidding_id = house.open(1_000)
    assert reason(house.bid(bidding_id, 0, lots, 600)) == refused


def test_in_california_the_last_price_is_shared_in_proportion_and_what_is_left_is_drawn() -> None:
    house = House(BiddingRules(tie=BiddingTie.PRO_RATA))
    bidding_id = house.open(100, reserve_price_ticks=1_000)
    ids = fill(house, bidding_id, ((90, 3_000), (10, 2_500), (10, 2_500), (13, 2_500), (50, 2_000)))
    ended = house.close()
    assert (ended.price_ticks, ended.rule) == (2_500, BiddingRule.PRO_RATA)
    shares = [house.allotted()[one] for one in ids]
    # Of the 10 that are left: 10 x 10/33 = 3.03, twice, and 13 x 10/33 = 3.94; the last one is drawn.
    assert shares[0] == 90
    assert shares[1:4] in ([4, 3, 3], [3, 4, 3], [3, 3, 4])
    assert shares[4] == 0


def test_one_buyer_takes_the_lowest_offers_and_pays_the_highest_of_them() -> None:
    house = House(BiddingRules())
    bidding_id = house.open(100, side=Side.BUY, reserve_price_ticks=5_000)
    assert reason(house.bid(bidding_id, 0, 10, 5_001)) == "BELOW_RESERVE"
    ids = fill(house, bidding_id, ((60, 4_000), (60, 4_500), (60, 4_400)))
    ended = house.close()
    assert (ended.price_ticks, ended.outcome) == (4_400, BiddingOutcome.SOLD)
    assert [house.allotted()[one] for one in ids] == [60, 0, 40]
    fills = [one for one in house.reports[SessionId(FIRST)] if isinstance(one, Executed)]
    assert [(one.side, one.price_ticks, one.quantity_lots) for one in fills] == [(Side.SELL, 4_400, 60)]
