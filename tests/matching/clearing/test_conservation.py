"""What is wrong with units or money is noticed: per batch what moved, and in tests all that is reserved."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.cash import Cash
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.conservation import check_conservation
from carbonmatch.matching.clearing.position import Position
from carbonmatch.matching.messages import AccountId, InstrumentId, OrderId, Ref, Side, TradeKind
from carbonmatch.matching.state import restore, snapshot
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees
from tests.matching.market import ALICE, BOB, CEA, EUA, OPS, TIME_NS, VENUE, Market, buy, definition, sell

COMPANY, TRADER = AccountId(11), AccountId(13)
KINDS = (TradeKind.CONTINUOUS, TradeKind.BLOCK, TradeKind.BIDDING)
RULES = ClearingRules(fees=tuple(Fees(kind, 100, 100) for kind in KINDS))


def funded() -> Market:
    """Of the company 100 lots, of the trader 10,000."""
    market = Market(
        clearing=RULES, blocks=m.BlockRules(opening_phase=m.BlockPhase.OPEN), bidding=m.BiddingRules()
    )
    clearing_of(market).deposit(COMPANY, 100)
    clearing_of(market).deposit(TRADER, 20)
    cash = clearing_of(market).cash
    assert cash is not None
    cash.deposit(TRADER, 10_000)
    cash.deposit(COMPANY, 1_000)
    check_conservation(market.engine.venue)
    return market


def clearing_of(market: Market) -> Clearing:
    clearing = market.engine.books[EUA].clearing
    assert isinstance(clearing, Clearing)
    return clearing


def free(market: Market, owner: AccountId) -> tuple[int, int]:
    clearing = clearing_of(market)
    assert clearing.cash is not None
    return clearing.of(owner).free_lots, clearing.cash.of(owner).free_minor


def trade(market: Market, ref: int = 1) -> None:
    market.send(ALICE, sell(ref, price=100, lots=5))
    market.send(BOB, buy(ref, price=100, lots=5))


# --- what is right -------------------------------------------------------------------------------


def test_trades_deposits_and_withdrawals_add_up_batch_by_batch() -> None:
    market = funded()
    trade(market)
    clearing = clearing_of(market)
    clearing.withdraw(COMPANY, 5)
    check_conservation(market.engine.venue)
    assert not clearing.moved
    assert clearing.cash is not None
    assert not clearing.cash.moved
    trade(market, ref=2)
    clearing.cash.withdraw(TRADER, 100)
    market.engine = restore(snapshot(market.engine))
    check_conservation(market.engine.venue)
    trade(market, ref=3)
    check_conservation(market.engine.venue)


@pytest.mark.parametrize(
    "changed",
    [{"currency": "USD"}, {"clearing": ClearingRules(cash=False, lag_days=0)}, {"clearing": None}],
)
def test_money_that_has_moved_is_looked_at_in_a_batch_in_which_the_rules_change(
    changed: dict[str, Any],
) -> None:
    rules = ClearingRules(lag_days=0, fees=RULES.fees)
    market = Market(clearing=rules)
    deposit = m.Deposit(Ref(1), COMPANY, EUA, 5)
    market.send(OPS, deposit, m.Deposit(Ref(2), TRADER, currency="EUR", amount_minor=10_000))
    trade(market)
    market.send(
        OPS,
        m.Withdraw(Ref(3), TRADER, EUA, 5),
        m.SetPhase(Ref(4), InstrumentId(0), m.Phase.CLOSED),
        m.EndDay(Ref(5), 20230102),
    )
    ledger = market.engine.venue.cash["EUR"]
    assert ledger.fees_minor
    before = market.engine.books[EUA].instrument.definition
    market.outputs(VENUE, m.DefineInstrument(structs.replace(before, **changed)))
    check_conservation(market.engine.venue)
    assert not ledger.moved


def test_without_clearing_there_is_nothing_to_look_at() -> None:
    market = Market()
    trade(market)
    check_conservation(market.engine.venue)


def test_blocks_and_biddings_hold_what_they_offer_over_a_restart() -> None:
    """After each command, `Market` looks whether what is reserved is what is offered."""
    market = funded()
    # Another instrument, of which only units are held, and nothing is offered.
    market.outputs(VENUE, m.DefineInstrument(definition(CEA, clearing=ClearingRules(cash=False))))
    market.outputs(ALICE, m.BlockPropose(Ref(1), EUA, Side.SELL, 10, 90, counterparty_account_id=TRADER))
    market.outputs(BOB, m.BlockPropose(Ref(1), EUA, Side.BUY, 10, 90, counterparty_account_id=COMPANY))
    assert free(market, COMPANY) == (90, 1_000)
    assert free(market, TRADER) == (20, 10_000 - 909)
    offer = m.AnnounceBidding(Ref(1), EUA, ALICE, AccountId(0), Side.SELL, 20, 80, TIME_NS + 10, TIME_NS + 20)
    market.outputs(VENUE, m.SetSeed(bytes(16)))
    assert any(isinstance(report, m.Done) for report in market.outputs(OPS, offer).streams[0].reports)
    bidding_id = OrderId(market.engine.sequence)
    market.time_ns = TIME_NS + 10
    market.outputs(BOB, m.Bid(Ref(2), bidding_id, 12, 85))
    assert free(market, COMPANY) == (70, 1_000)
    assert free(market, TRADER) == (20, 10_000 - 909 - 1_030)
    before = free(market, COMPANY), free(market, TRADER)
    data = snapshot(market.engine)
    market.engine = restore(data)
    assert snapshot(market.engine) == data
    assert (free(market, COMPANY), free(market, TRADER)) == before
    market.time_ns = TIME_NS + 20
    market.outputs(BOB, m.BlockWithdraw(Ref(3), market.order_id(3)))
    # 12 lots were allotted at 85 and a fee of 10; what was offered beyond is not held any more.
    assert free(market, COMPANY) == (78, 1_000 + 1_020 - 10)
    assert free(market, TRADER) == (20, 10_000 - 1_030)
    check_conservation(market.engine.venue)


# --- what is wrong -------------------------------------------------------------------------------


def lost_unit(market: Market) -> None:
    clearing_of(market).of(COMPANY).total_lots -= 1


def fee_in_nobodys_hands(market: Market) -> None:
    market.engine.venue.cash["EUR"].fees_minor -= 1


def money_from_nothing(market: Market) -> None:
    cash = market.engine.venue.cash["EUR"].of(TRADER)
    cash.add(1)


def debt(market: Market) -> None:
    clearing_of(market).of(COMPANY).free_lots = -1


def overdraft(market: Market) -> None:
    cash = market.engine.venue.cash["EUR"].of(TRADER)
    cash.reserved_minor = cash.total_minor + 1


def more_free_than_there_is(market: Market) -> None:
    market.engine.venue.cash["EUR"].of(TRADER).reserved_minor = -1


@pytest.mark.parametrize(
    "wrong",
    [lost_unit, fee_in_nobodys_hands, money_from_nothing, debt, overdraft, more_free_than_there_is],
)
def test_what_cannot_be_true_of_a_batch_stops_the_venue(wrong: Callable[[Market], None]) -> None:
    market = funded()
    trade(market)
    wrong(market)
    with pytest.raises(AssertionError):
        check_conservation(market.engine.venue)


def position_of(market: Market) -> Position:
    return clearing_of(market).of(COMPANY)


def cash_of(market: Market) -> Cash:
    return market.engine.venue.cash["EUR"].of(TRADER)


def forgotten_release(market: Market) -> None:
    position_of(market).free_lots -= 1


def released_twice(market: Market) -> None:
    position_of(market).free_lots += 1


def forgotten_purchase(market: Market) -> None:
    clearing_of(market).of(TRADER).buying_lots -= 1


def money_kept(market: Market) -> None:
    cash_of(market).reserved_minor += 1


@pytest.mark.parametrize("wrong", [forgotten_release, released_twice, forgotten_purchase, money_kept])
def test_what_is_reserved_for_nothing_is_found_by_the_check_of_everything(
    wrong: Callable[[Market], None],
) -> None:
    market = funded()
    market.send(ALICE, sell(1, price=100, lots=5))
    market.send(BOB, buy(1, price=90, lots=5))
    wrong(market)
    with pytest.raises(AssertionError, match=r"reserved for orders|is counted"):
        market.engine.check()
