"""Biddings of accounts that have units and money: what offers and bids hold, and all of it given back."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import (
    AccountId,
    AnyCommand,
    BiddingOutcome,
    BiddingPricing,
    BiddingRules,
    BiddingTie,
    BidUpdate,
    OrderId,
    SessionId,
    Side,
    TradeKind,
    Undersubscription,
)
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees
from tests.matching.bidding.house import EUA, FIRST, OPS, SELLER, House, reason
from tests.matching.bidding.test_examples import KRX, fill
from tests.matching.clearing.told import Told, supply

ISSUER = AccountId(2)
FEES = (Fees(TradeKind.LISTED, 1_000, 1_000), Fees(TradeKind.BIDDING, 50, 10, 2, 1))
UNITS, MONEY = 1_000, 200_000


class Cleared(House):
    """A house whose accounts have so much each; what is told is noted, and held against the engine."""

    def __init__(
        self,
        rules: BiddingRules = BiddingRules(),  # noqa: B008
        clearing: ClearingRules | None = None,
        bidders: int = 3,
        units: int = UNITS,
        money: int = MONEY,
        **fields: Any,
    ) -> None:
        clearing = ClearingRules(fees=FEES) if clearing is None else clearing
        self.told = Told(EUA, clearing)
        super().__init__(rules, bidders=bidders, clearing=clearing, **fields)
        for account in (ISSUER, *range(FIRST, FIRST + bidders)):
            supply(self.engine, self.told, account, units, money)

    def _apply(self, session_id: SessionId, commands: Iterable[AnyCommand]) -> m.Outputs:
        outputs = super()._apply(session_id, commands)
        self.told.take(outputs)
        self.told.check(self.engine)
        return outputs

    def restart(self) -> None:
        super().restart()
        self.told.check(self.engine)

    def free(self, account_id: int) -> tuple[int, int]:
        clearing = self.engine.books[EUA].clearing
        assert isinstance(clearing, Clearing)
        assert clearing.cash is not None
        number = AccountId(account_id)
        return clearing.of(number).free_lots, clearing.cash.of(number).free_minor


def reserved(lots: int, price: int) -> int:
    """What a bid to buy holds: the money, 50 basis points and 2 for each lot."""
    return lots * price + lots * price * 50 // 10_000 + lots * 2


def test_the_issuer_of_a_primary_auction_sells_units_that_it_has() -> None:
    house = Cleared()
    answer = house.send(OPS, house.announcement(UNITS + 1))
    assert reason(answer) == "INSUFFICIENT_HOLDINGS"
    house.announce(600)
    assert house.free(ISSUER) == (400, MONEY)
    assert reason(house.send(OPS, house.announcement(401))) == "INSUFFICIENT_HOLDINGS"
    assert reason(house.send(OPS, house.announcement(400))) == ""


def test_one_buyer_holds_its_money_at_the_reserve_price() -> None:
    house = Cleared()
    house.announce(100, side=Side.BUY, reserve_price_ticks=1_900)
    assert house.free(ISSUER) == (UNITS, MONEY - reserved(100, 1_900))
    assert reason(house.send(OPS, house.announcement(10, side=Side.BUY, reserve_price_ticks=1_000))) == (
        "INSUFFICIENT_CASH"
    )


def test_a_bid_holds_what_it_may_cost_with_the_fee_of_biddings_and_no_other() -> None:
    house = Cleared()
    bidding_id = house.open(600)
    assert reason(house.bid(bidding_id, 0, 500, 399)) == "INSUFFICIENT_CASH"
    house.bid(bidding_id, 0, 500, 396)
    assert house.free(FIRST) == (UNITS, MONEY - reserved(500, 396))
    assert MONEY - reserved(500, 396) == 10


def test_a_modified_bid_holds_what_it_has_become_and_one_that_is_refused_what_it_was() -> None:
    house = Cleared()
    bidding_id = house.open(600)
    bid_id = house.bid(bidding_id, 0, 500, 300).bid_id
    assert reason(house.modify(bid_id, 0, 500, 400)) == "INSUFFICIENT_CASH"
    assert house.free(FIRST)[1] == MONEY - reserved(500, 300)
    house.modify(bid_id, 0, 400, 400)
    assert house.free(FIRST)[1] == MONEY - reserved(400, 400)
    house.modify(bid_id, 0, 100, 200)
    assert house.free(FIRST)[1] == MONEY - reserved(100, 200)
    house.withdraw(bid_id, 0)
    assert house.free(FIRST)[1] == MONEY


def test_the_position_limit_counts_every_bid() -> None:
    house = Cleared(clearing=ClearingRules(position_max_lots=UNITS + 100))
    bidding_id = house.open(600)
    house.bid(bidding_id, 0, 60, 100)
    assert reason(house.bid(bidding_id, 0, 41, 100)) == "POSITION_LIMIT"
    assert reason(house.bid(bidding_id, 0, 40, 100)) == ""


def test_who_is_filled_at_a_better_price_gets_the_difference_back() -> None:
    house = Cleared()
    bidding_id = house.open(600)
    house.bid(bidding_id, 0, 400, 300)
    house.bid(bidding_id, 1, 400, 200)
    house.close()
    # All pay 200: 50 basis points of 80,000 and 2 for each lot are the buyer's fee.
    assert house.free(FIRST) == (UNITS, MONEY - 80_000 - 400 - 800)
    assert house.free(FIRST + 1) == (UNITS, MONEY - 40_000 - 200 - 400)
    assert house.free(ISSUER) == (UNITS - 600, MONEY + 120_000 - 120 - 600)
    assert house.told.units == {ISSUER: 400, FIRST: 1_400, FIRST + 1: 1_200, FIRST + 2: 1_000}


def test_with_pay_as_bid_everyone_pays_what_was_held_and_one_buyer_gets_the_rest_back() -> None:
    house = Cleared(BiddingRules(pricing=BiddingPricing.PAY_AS_BID))
    bidding_id = house.open(100, side=Side.BUY, reserve_price_ticks=1_500)
    house.bid(bidding_id, 0, 30, 1_000)
    house.bid(bidding_id, 1, 90, 1_200)
    house.close()
    spent = 30_000 + 150 + 60 + 84_000 + 420 + 140
    assert house.free(ISSUER) == (UNITS, MONEY - spent)
    assert house.free(FIRST) == (UNITS - 30, MONEY + 30_000 - 30 - 30)
    assert house.free(FIRST + 1) == (UNITS - 70, MONEY + 84_000 - 84 - 70)


def _cancelled(house: Cleared, bidding_id: OrderId) -> None:
    house.send(OPS, m.CancelBidding(m.Ref(1), bidding_id, "why"))


def _closed(house: Cleared, _bidding_id: OrderId) -> None:
    house.close()


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    ("rules", "lots", "end", "outcome"),
    [
        (BiddingRules(), (), _closed, BiddingOutcome.NO_BIDS),
        (BiddingRules(), (60, 60, 20), _cancelled, BiddingOutcome.BY_OPERATOR),
        (
            BiddingRules(undersubscription=Undersubscription.CANCEL),
            (60, 30),
            _closed,
            BiddingOutcome.UNDERSUBSCRIBED,
        ),
        (
            BiddingRules(secondary_basis_points=10_000),
            (60, 60),
            _closed,
            BiddingOutcome.BELOW_SECONDARY,
        ),
    ],
)
def test_a_bidding_that_comes_to_nothing_leaves_nothing_held(
    side: Side,
    rules: BiddingRules,
    lots: tuple[int, ...],
    end: Callable[[Cleared, OrderId], None],
    outcome: BiddingOutcome,
) -> None:
    reference = 1_200 if side is Side.SELL else 900
    house = Cleared(rules, reference_price_ticks=reference)
    bidding_id = house.open(100, side=side, reserve_price_ticks=1_000)
    for bidder, asked in enumerate(lots):
        house.bid(bidding_id, bidder, asked, 1_000)
    assert len(house.told.bids) == 1 + len(lots)
    end(house, bidding_id)
    (ended,) = [event for event in house.public if isinstance(event, m.BiddingEnded)]
    assert ended.outcome is outcome
    assert {house.free(account) for account in (ISSUER, *range(FIRST, FIRST + 3))} == {(UNITS, MONEY)}


@pytest.mark.parametrize("tie", [BiddingTie.TIME, BiddingTie.SEED, BiddingTie.PRO_RATA])
def test_bids_that_are_cut_by_the_allotment_hold_nothing_any_more(tie: BiddingTie) -> None:
    house = Cleared(BiddingRules(tie=tie))
    bidding_id = house.open(100, reserve_price_ticks=100)
    for bidder in range(3):
        house.bid(bidding_id, bidder, 60, 1_000)
    house.close()
    assert not house.told.bids
    assert sum(house.free(account)[1] for account in (ISSUER, *range(FIRST, FIRST + 3))) == (
        4 * MONEY - house.told.fees_minor
    )


def test_over_several_entries_and_starts_what_is_not_told_yet_stays_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 3)
    house = Cleared(bidders=5)
    bidding_id = house.announce(200)
    house.restart()
    house.pass_to(house.engine.venue.biddings.by_id[bidding_id].offer.opens_ns)
    for bidder in range(5):
        house.bid(bidding_id, bidder, 50, 500 + bidder)
        house.restart()
    house.pass_to(house.engine.venue.biddings.by_id[bidding_id].offer.closes_ns)
    held = []
    while house.engine.venue.biddings.by_id:
        held.append(len(house.told.bids))
        house.restart()
        house.pass_to(house.time_ns + 1)
    assert held == [5, 4, 3, 2]
    assert house.told.units[ISSUER] == UNITS - 200


def test_the_korean_example_moves_what_it_allots() -> None:
    """Ten thousand units at 10,300 of the issuer, to seven of nine bidders."""
    house = Cleared(bidders=9, clearing=ClearingRules(lag_days=0), units=10_000, money=30_000_000)
    bidding_id = house.open(10_000, reserve_price_ticks=10_000)
    fill(house, bidding_id, KRX)
    house.close()
    assert house.free(ISSUER) == (0, 30_000_000 + 10_000 * 10_300)
    got = [house.free(FIRST + bidder)[0] - 10_000 for bidder in range(9)]
    assert got == [1_000, 1_500, 2_500, 1_000, 2_000, 1_000, 1_000, 0, 0]
    paid = [30_000_000 - house.free(FIRST + bidder)[1] for bidder in range(9)]
    assert paid == [lots * 10_300 for lots in got]


def test_the_european_example_that_is_cancelled_leaves_everything_where_it_was() -> None:
    house = Cleared(BiddingRules(undersubscription=Undersubscription.CANCEL), units=10_000, money=90_000_000)
    bidding_id = house.open(10_000)
    fill(house, bidding_id, ((9_000, 8_000), (999, 7_500)))
    assert house.free(FIRST)[1] < 90_000_000 - 72_000_000
    house.close()
    assert house.told.units == dict.fromkeys((ISSUER, *range(FIRST, FIRST + 3)), 10_000)
    assert house.told.fees_minor == 0
    assert house.free(FIRST)[1] == 90_000_000


def test_the_one_party_may_not_sell_on_the_screen_what_it_offers_in_a_bidding() -> None:
    house = Cleared()
    house.announce(600)
    order = m.NewOrder(m.Ref(1), EUA, Side.SELL, 500, 401, AccountId(0))
    assert reason(house.send(SELLER, order)) == "INSUFFICIENT_HOLDINGS"


def test_bids_of_one_account_add_up() -> None:
    house = Cleared()
    bidding_id = house.open(600)
    updates = [house.bid(bidding_id, 0, 100, 900), house.bid(bidding_id, 0, 100, 900)]
    assert isinstance(updates[0], BidUpdate)
    assert isinstance(updates[1], BidUpdate)
    assert house.free(FIRST)[1] == MONEY - 2 * reserved(100, 900)
    assert reason(house.bid(bidding_id, 0, 100, 900)) == "INSUFFICIENT_CASH"
