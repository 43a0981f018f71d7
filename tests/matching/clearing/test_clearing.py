"""What an account may order, what orders reserve, and what trades move: by examples."""

import pytest

from carbonmatch.matching.accounts import Account
from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import (
    AccountId,
    GroupId,
    ParticipantId,
    RejectReason,
    Side,
    TradeId,
    TradeKind,
)
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees

BUY, SELL = Side.BUY, Side.SELL
CONTINUOUS, LISTED, BLOCK = TradeKind.CONTINUOUS, TradeKind.LISTED, TradeKind.BLOCK
HOLDINGS, CASH = RejectReason.INSUFFICIENT_HOLDINGS, RejectReason.INSUFFICIENT_CASH
PRICE = 50_00
DAY = 20210716
NO_TRADES = TradeId(0)


def account(number: int) -> Account:
    return Account(AccountId(number), ParticipantId(number), f"A{number}", GroupId(0))


COMPANY, TRADER, NOBODY = account(1), account(2), account(3)


def clearing_of(rules: ClearingRules) -> Clearing:
    """A company with 1,000 lots, a trader with what 1,000 lots cost; nobody has anything."""
    clearing = Clearing(rules, 1, CashLedger("CNY"))
    clearing.deposit(COMPANY.account_id, 1_000)
    if clearing.cash is not None:
        clearing.cash.deposit(TRADER.account_id, 1_000 * PRICE)
    return clearing


def check(clearing: Clearing) -> None:
    clearing.check()
    if clearing.cash is not None:
        clearing.cash.check()


def free_minor(clearing: Clearing, owner: Account) -> int:
    assert clearing.cash is not None
    return clearing.cash.accounts[owner.account_id].free_minor


def free_lots(clearing: Clearing, owner: Account) -> int:
    return clearing.positions[owner.account_id].free_lots


def test_what_was_bought_today_is_not_sold_today_and_proceeds_buy_at_once() -> None:
    clearing = clearing_of(ClearingRules())
    assert clearing.cash is not None
    clearing.deposit(TRADER.account_id, 1_000)
    clearing.deposit(NOBODY.account_id, 500)
    clearing.settle(TRADER, NOBODY, 500, PRICE, LISTED)
    assert clearing.refusal(TRADER, SELL, 1_200, PRICE, LISTED) is HOLDINGS
    assert clearing.refusal(TRADER, SELL, 1_001, PRICE, LISTED) is HOLDINGS
    assert clearing.refusal(TRADER, SELL, 1_000, PRICE, LISTED) is None
    assert clearing.refusal(NOBODY, BUY, 501, PRICE, LISTED) is CASH
    assert clearing.refusal(NOBODY, BUY, 500, PRICE, LISTED) is None
    clearing.settle(NOBODY, COMPANY, 500, PRICE, LISTED)
    clearing.roll(DAY, NO_TRADES)
    assert clearing.refusal(TRADER, SELL, 1_500, PRICE, LISTED) is None
    check(clearing)


def test_who_has_nothing_neither_sells_nor_buys() -> None:
    clearing = clearing_of(ClearingRules())
    assert clearing.refusal(NOBODY, SELL, 1, PRICE, CONTINUOUS) is HOLDINGS
    assert clearing.refusal(NOBODY, BUY, 1, PRICE, CONTINUOUS) is CASH


def test_what_is_reserved_for_one_order_is_not_there_for_the_next() -> None:
    clearing = clearing_of(ClearingRules())
    clearing.reserve(COMPANY, SELL, 600, PRICE, CONTINUOUS)
    assert clearing.refusal(COMPANY, SELL, 401, PRICE, CONTINUOUS) is HOLDINGS
    assert clearing.positions[COMPANY.account_id].reserved_lots == 600
    clearing.reserve(TRADER, BUY, 600, PRICE, CONTINUOUS)
    assert clearing.refusal(TRADER, BUY, 401, PRICE, CONTINUOUS) is CASH
    assert clearing.refusal(TRADER, BUY, 400, PRICE, CONTINUOUS) is None
    assert clearing.cash is not None
    assert clearing.cash.accounts[TRADER.account_id].reserved_minor == 600 * PRICE
    check(clearing)


def test_an_order_that_is_gone_has_left_nothing_reserved() -> None:
    clearing = clearing_of(ClearingRules())
    for owner, side in ((COMPANY, SELL), (TRADER, BUY)):
        clearing.reserve(owner, side, 600, PRICE, CONTINUOUS)
        clearing.release(owner, side, 200, 400, PRICE, CONTINUOUS)
        clearing.release(owner, side, 400, 0, PRICE, CONTINUOUS)
    assert free_lots(clearing, COMPANY) == 1_000
    assert free_minor(clearing, TRADER) == 1_000 * PRICE
    assert clearing.positions[TRADER.account_id].buying_lots == 0


def test_a_better_price_leaves_the_difference_free() -> None:
    clearing = clearing_of(ClearingRules())
    clearing.reserve(TRADER, BUY, 1_000, PRICE, CONTINUOUS)
    clearing.release(TRADER, BUY, 1_000, 0, PRICE, CONTINUOUS)
    clearing.settle(TRADER, COMPANY, 1_000, PRICE - 1_00, CONTINUOUS)
    assert free_minor(clearing, TRADER) == 1_000 * 1_00


def test_an_order_reserves_the_highest_fee_of_the_screen_and_a_trade_takes_its_own() -> None:
    fees = (Fees(CONTINUOUS, 10, 20), Fees(LISTED, 0, 0, 3, 2), Fees(BLOCK, 500))
    clearing = clearing_of(ClearingRules(fees=fees))
    assert clearing.cash is not None
    clearing.reserve(TRADER, BUY, 100, PRICE, CONTINUOUS)
    assert free_minor(clearing, TRADER) == 900 * PRICE - 5_00 - 300
    clearing.release(TRADER, BUY, 100, 0, PRICE, CONTINUOUS)
    clearing.settle(TRADER, COMPANY, 100, PRICE, CONTINUOUS)
    assert free_minor(clearing, TRADER) == 900 * PRICE - 5_00
    assert free_minor(clearing, COMPANY) == 100 * PRICE - 10_00
    clearing.settle(TRADER, COMPANY, 100, PRICE, LISTED)
    assert free_minor(clearing, TRADER) == 800 * PRICE - 5_00 - 300
    assert free_minor(clearing, COMPANY) == 200 * PRICE - 10_00 - 200
    assert clearing.cash.fees_minor == 5_00 + 10_00 + 500
    check(clearing)


def test_a_block_reserves_its_own_fee() -> None:
    clearing = clearing_of(ClearingRules(fees=(Fees(BLOCK, 500), Fees(CONTINUOUS, 10))))
    clearing.reserve(TRADER, BUY, 100, PRICE, BLOCK)
    assert free_minor(clearing, TRADER) == 900 * PRICE - 250_00


def test_fees_are_rounded_down_and_a_seller_pays_at_most_what_it_gets() -> None:
    clearing = clearing_of(ClearingRules(fees=(Fees(CONTINUOUS, 10, 9_000, 0, 50),)))
    clearing.settle(TRADER, COMPANY, 1, 999, CONTINUOUS)
    # 0.999 is nothing; 899.1 is 899, and 50 more is less than 999.
    assert free_minor(clearing, TRADER) == 1_000 * PRICE - 999
    assert free_minor(clearing, COMPANY) == 999 - 949
    clearing.settle(TRADER, COMPANY, 1, 100, CONTINUOUS)
    assert free_minor(clearing, COMPANY) == 50
    check(clearing)


def test_the_position_limit_counts_what_is_held_and_what_is_ordered() -> None:
    clearing = clearing_of(ClearingRules(position_max_lots=1_000))
    assert clearing.refusal(TRADER, BUY, 1_000, 1, CONTINUOUS) is None
    assert clearing.refusal(TRADER, BUY, 1_001, 1, CONTINUOUS) is RejectReason.POSITION_LIMIT
    clearing.settle(TRADER, COMPANY, 300, PRICE, CONTINUOUS)
    clearing.reserve(TRADER, BUY, 300, 1, CONTINUOUS)
    assert clearing.refusal(TRADER, BUY, 400, 1, CONTINUOUS) is None
    assert clearing.refusal(TRADER, BUY, 401, 1, CONTINUOUS) is RejectReason.POSITION_LIMIT
    assert clearing.refusal(TRADER, SELL, 1, 1, CONTINUOUS) is HOLDINGS


@pytest.mark.parametrize("lag_days", [0, 1, 2])
def test_units_may_be_sold_after_as_many_days_as_the_rules_say(lag_days: int) -> None:
    clearing = clearing_of(ClearingRules(lag_days=lag_days))
    clearing.settle(TRADER, COMPANY, 500, PRICE, CONTINUOUS)
    for day in range(lag_days):
        assert clearing.refusal(TRADER, SELL, 1, PRICE, CONTINUOUS) is HOLDINGS
        assert not clearing.may_withdraw(TRADER.account_id, 1)
        clearing.roll(DAY + day, NO_TRADES)
    assert clearing.refusal(TRADER, SELL, 500, PRICE, CONTINUOUS) is None
    assert clearing.may_withdraw(TRADER.account_id, 500)
    assert free_lots(clearing, TRADER) == 500
    check(clearing)


def test_purchases_of_different_days_are_settled_day_by_day() -> None:
    clearing = clearing_of(ClearingRules(lag_days=2))
    clearing.settle(TRADER, COMPANY, 100, PRICE, CONTINUOUS)
    clearing.roll(DAY, NO_TRADES)
    clearing.settle(TRADER, COMPANY, 200, PRICE, CONTINUOUS)
    clearing.roll(DAY + 1, NO_TRADES)
    assert free_lots(clearing, TRADER) == 100
    clearing.roll(DAY + 2, NO_TRADES)
    assert free_lots(clearing, TRADER) == 300


def test_proceeds_leave_after_the_day_only_and_what_they_bought_counts_as_other_money() -> None:
    clearing = clearing_of(ClearingRules())
    cash = clearing.cash
    assert cash is not None
    cash.deposit(COMPANY.account_id, 1_000)
    clearing.settle(TRADER, COMPANY, 1, PRICE, CONTINUOUS)
    assert cash.may_withdraw(COMPANY.account_id, 1_000)
    assert not cash.may_withdraw(COMPANY.account_id, 1_001)
    clearing.deposit(TRADER.account_id, 1)
    clearing.settle(COMPANY, TRADER, 1, 1_500, CONTINUOUS)
    assert not cash.may_withdraw(COMPANY.account_id, 1)
    clearing.roll(DAY, NO_TRADES)
    assert cash.may_withdraw(COMPANY.account_id, PRICE - 500)
    cash.withdraw(COMPANY.account_id, PRICE - 500)
    assert free_minor(clearing, COMPANY) == 0
    check(clearing)


def test_proceeds_stay_until_the_day_of_their_own_instrument_is_over() -> None:
    cash = CashLedger("CNY")
    allowances, offsets = Clearing(ClearingRules(), 1, cash), Clearing(ClearingRules(), 1, cash)
    cash.deposit(TRADER.account_id, 10 * PRICE)
    for clearing in (allowances, offsets):
        clearing.deposit(COMPANY.account_id, 1)
        clearing.settle(TRADER, COMPANY, 1, PRICE, CONTINUOUS)
    allowances.roll(DAY, NO_TRADES)
    assert cash.may_withdraw(COMPANY.account_id, PRICE)
    assert not cash.may_withdraw(COMPANY.account_id, PRICE + 1)
    offsets.roll(DAY, NO_TRADES)
    assert cash.may_withdraw(COMPANY.account_id, 2 * PRICE)


def test_nothing_reserved_is_withdrawn() -> None:
    clearing = clearing_of(ClearingRules())
    cash = clearing.cash
    assert cash is not None
    clearing.reserve(COMPANY, SELL, 600, PRICE, CONTINUOUS)
    clearing.reserve(TRADER, BUY, 600, PRICE, CONTINUOUS)
    assert not clearing.may_withdraw(COMPANY.account_id, 401)
    assert not cash.may_withdraw(TRADER.account_id, 400 * PRICE + 1)
    clearing.withdraw(COMPANY.account_id, 400)
    cash.withdraw(TRADER.account_id, 400 * PRICE)
    assert not clearing.may_withdraw(NOBODY.account_id, 1)
    assert not cash.may_withdraw(NOBODY.account_id, 1)
    check(clearing)


def test_an_account_that_trades_with_itself_pays_fees_and_waits_for_its_units() -> None:
    clearing = clearing_of(ClearingRules(fees=(Fees(CONTINUOUS, 10, 10),)))
    clearing.deposit(TRADER.account_id, 10)
    clearing.settle(TRADER, TRADER, 10, PRICE, CONTINUOUS)
    assert free_lots(clearing, TRADER) == 0
    assert clearing.positions[TRADER.account_id].total_lots == 10
    assert free_minor(clearing, TRADER) == 1_000 * PRICE - 2 * 50
    check(clearing)


def test_where_only_units_are_held_nobody_needs_money() -> None:
    clearing = clearing_of(ClearingRules(cash=False, fees=(Fees(CONTINUOUS, 10, 10),)))
    assert clearing.cash is None
    assert clearing.refusal(NOBODY, BUY, 1_000, PRICE, CONTINUOUS) is None
    clearing.reserve(NOBODY, BUY, 1_000, PRICE, CONTINUOUS)
    clearing.release(NOBODY, BUY, 1_000, 0, PRICE, CONTINUOUS)
    clearing.settle(NOBODY, COMPANY, 1_000, PRICE, CONTINUOUS)
    clearing.roll(DAY, NO_TRADES)
    assert free_lots(clearing, NOBODY) == 1_000
    check(clearing)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_more_is_neither_reserved_nor_given_back_than_there_is(side: Side) -> None:
    clearing = clearing_of(ClearingRules())
    owner = TRADER if side is BUY else COMPANY
    with pytest.raises(AssertionError, match="asked before"):
        clearing.reserve(owner, side, 1_001, PRICE, CONTINUOUS)
    clearing = clearing_of(ClearingRules())
    clearing.reserve(owner, side, 10, PRICE, CONTINUOUS)
    with pytest.raises(AssertionError, match="no more is given back"):
        clearing.release(owner, side, 11, 0, PRICE, CONTINUOUS)


def test_a_trading_day_ends_once() -> None:
    clearing = clearing_of(ClearingRules())
    clearing.roll(DAY, NO_TRADES)
    with pytest.raises(AssertionError, match="ends once"):
        clearing.roll(DAY, NO_TRADES)
