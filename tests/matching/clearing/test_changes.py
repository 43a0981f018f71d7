"""Other rules of clearing: which come at once, which wait for what, and what trades from before go by."""

import pytest

from carbonmatch.limits import CLEARING_TERMS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.changes import hindrance
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import AccountId, InstrumentDefinition, Ref, Side, TradeId, TradeKind
from carbonmatch.matching.state import restore, snapshot
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees
from tests.matching.market import ALICE, BOB, EUA, OPS, TIME_NS, VENUE, Market, buy, cancel, sell
from tests.matching.test_trades import Floor

COMPANY, TRADER = AccountId(11), AccountId(13)
DAY = 20231114
RULES = ClearingRules(fees=(Fees(TradeKind.CONTINUOUS, 100, 100),))
DEARER = ClearingRules(fees=(Fees(TradeKind.CONTINUOUS, 200, 100),))
OF_SELLERS = ClearingRules(fees=(Fees(TradeKind.CONTINUOUS, 100, 500),))


def definition(
    clearing: ClearingRules | None, *, tick_value_minor: int = 1, currency: str = "EUR"
) -> InstrumentDefinition:
    return InstrumentDefinition(
        EUA,
        "I1",
        currency,
        tick_value_minor,
        2,
        1,
        clearing=clearing,
        blocks=m.BlockRules(opening_phase=m.BlockPhase.OPEN),
        bidding=m.BiddingRules(),
    )


def define(market: Market, wanted: InstrumentDefinition) -> None:
    market.outputs(VENUE, m.DefineInstrument(wanted))


def found(market: Market, wanted: InstrumentDefinition) -> str | None:
    return hindrance(market.engine.books[EUA], wanted)


def clearing_of(market: Market) -> Clearing:
    clearing = market.engine.books[EUA].clearing
    assert isinstance(clearing, Clearing)
    return clearing


def funded(rules: ClearingRules = RULES) -> Floor:
    """The company has 100 lots, the trader 10,000."""
    market = Floor()
    define(market, definition(rules))
    clearing = clearing_of(market)
    clearing.deposit(COMPANY, 100)
    if clearing.cash is not None:
        clearing.cash.deposit(TRADER, 10_000)
    return market


# --- at once -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rules",
    [
        ClearingRules(fees=RULES.fees, position_max_lots=7),
        ClearingRules(fees=RULES.fees, report_from_lots=7),
        ClearingRules(fees=RULES.fees, lag_days=3),
        ClearingRules(fees=RULES.fees, lag_days=0),
        OF_SELLERS,
    ],
)
def test_limits_sellers_fees_and_the_days_of_settlement_may_change_at_any_time(rules: ClearingRules) -> None:
    market = funded()
    market.trade()
    market.send(ALICE, sell(7, price=120, lots=5))
    market.send(BOB, buy(7, price=90, lots=5))
    assert found(market, definition(rules)) is None
    define(market, definition(rules))
    assert clearing_of(market).rules == rules
    market.engine = restore(snapshot(market.engine))
    market.engine.check()


def test_what_is_not_settled_yet_waits_as_long_as_the_new_rules_say() -> None:
    market = funded(ClearingRules(lag_days=2))
    clearing = clearing_of(market)
    market.trade(lots=3)
    clearing.roll(DAY, TradeId(1))
    market.trade(lots=4)
    position = clearing.of(TRADER)
    assert (position.free_lots, position.unsettled_lots) == (0, [4, 3])
    define(market, definition(ClearingRules(lag_days=1)))
    assert (position.free_lots, position.unsettled_lots) == (3, [4])
    define(market, definition(ClearingRules(lag_days=3)))
    assert (position.free_lots, position.unsettled_lots) == (3, [4, 0, 0])
    # Three lots are free, though the rules of today would still keep them: they come out of there.
    assert market.bust(1)[0] == "ops 1: done"
    assert (position.free_lots, position.unsettled_lots) == (0, [4, 0, 0])


def test_a_new_limit_is_for_new_orders() -> None:
    market = funded()
    market.send(BOB, buy(1, price=90, lots=5))
    define(market, definition(ClearingRules(fees=RULES.fees, position_max_lots=3)))
    assert market.send(BOB, buy(2, price=90, lots=1)) == ["bob 2: rejected POSITION_LIMIT"]
    assert market.bids() == ["5 in 1 @ 90"]


# --- once nothing is ordered to buy --------------------------------------------------------------


@pytest.mark.parametrize("wanted", [definition(DEARER), definition(RULES, tick_value_minor=2)])
def test_what_orders_to_buy_hold_changes_once_there_are_none(wanted: InstrumentDefinition) -> None:
    market = funded()
    market.trade()
    market.send(BOB, buy(7, price=90, lots=5))
    assert found(market, wanted) == (
        "5 lots are ordered to be bought; expected none where fees of buyers or tick_value_minor change"
    )
    with pytest.raises(AssertionError, match="5 lots are ordered"):
        define(market, wanted)
    market = funded()
    market.trade()
    market.send(ALICE, sell(7, price=120, lots=5))
    assert found(market, wanted) is None
    define(market, wanted)


def test_blocks_and_bids_are_ordered_to_be_bought_as_well() -> None:
    market = funded()
    market.outputs(BOB, m.BlockPropose(Ref(1), EUA, Side.BUY, 10, 90, counterparty_account_id=COMPANY))
    assert found(market, definition(DEARER)) is not None
    market.outputs(BOB, m.BlockWithdraw(Ref(2), market.order_id(2)))
    assert found(market, definition(DEARER)) is None


# --- once the day has ended ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "where"),
    [
        (definition(RULES, currency="USD"), "the currency changes, or whether money is held"),
        (definition(ClearingRules(cash=False)), "the currency changes, or whether money is held"),
        (definition(None), "clearing ends"),
    ],
)
def test_what_was_sold_today_keeps_its_money_until_the_day_has_ended(
    wanted: InstrumentDefinition, where: str
) -> None:
    market = funded()
    market.trade()
    clearing = clearing_of(market)
    clearing.withdraw(COMPANY, 95)
    clearing.moving(TRADER).settle_within(0)
    clearing.moving(TRADER).settle_within(1)
    clearing.withdraw(TRADER, 5)
    market.send(BOB, buy(7, price=90, lots=5))
    said = found(market, wanted)
    assert said == f"5 lots are ordered to be bought; expected none where {where}"
    market.send(BOB, cancel(8, 7))
    said = found(market, wanted)
    assert said is not None
    assert (
        said
        == "sales of the trading day in progress have brought 495 minor units; expected the day to have ended"
    )
    clearing.roll(DAY, TradeId(1))
    assert found(market, wanted) is None
    define(market, wanted)


def test_where_only_units_are_held_the_currency_is_nobodys_money() -> None:
    market = funded(ClearingRules(cash=False))
    market.trade()
    market.send(BOB, buy(7, price=90, lots=5))
    wanted = definition(ClearingRules(cash=False), currency="USD")
    assert found(market, wanted) is None
    define(market, wanted)
    assert found(market, definition(ClearingRules(), currency="USD")) is not None


# --- where it begins and ends --------------------------------------------------------------------


def test_clearing_begins_when_nothing_is_open() -> None:
    market = Floor()
    define(market, definition(None))
    assert found(market, definition(None)) is None
    market.send(BOB, buy(1, price=90, lots=5))
    market.outputs(BOB, m.BlockPropose(Ref(2), EUA, Side.BUY, 10, 90, counterparty_account_id=COMPANY))
    market.outputs(VENUE, m.SetSeed(bytes(16)))
    market.outputs(
        OPS,
        m.AnnounceBidding(Ref(1), EUA, ALICE, AccountId(0), Side.SELL, 20, 80, TIME_NS + 10, TIME_NS + 20),
    )
    said = found(market, definition(RULES))
    assert said is not None
    assert said.startswith("3 orders, blocks and biddings are open that have reserved nothing; expected none")
    with pytest.raises(AssertionError, match="expected none where clearing begins"):
        define(market, definition(RULES))


def test_clearing_begins_where_there_are_no_blocks() -> None:
    market = Floor()
    market.send(BOB, buy(1, price=90, lots=5))
    assert found(market, definition(RULES)) is not None
    market.send(BOB, cancel(2, 1))
    assert found(market, definition(RULES)) is None


def test_clearing_ends_when_nobody_holds_units() -> None:
    market = funded()
    assert found(market, definition(None)) == (
        "accounts hold 100 lots; expected all to be withdrawn where clearing ends"
    )
    clearing_of(market).withdraw(COMPANY, 100)
    define(market, definition(None))
    assert market.engine.books[EUA].clearing is None
    define(market, definition(RULES))
    assert clearing_of(market).of(COMPANY).total_lots == 0
    # Money is not the instrument's: it is still there.
    assert market.engine.venue.cash["EUR"].of(TRADER).free_minor == 10_000


# --- what trades from before go by ---------------------------------------------------------------


def test_a_trade_of_clearing_that_has_ended_moves_nothing_any_more() -> None:
    market = funded()
    market.trade()
    market.trade()
    clearing = clearing_of(market)
    clearing.roll(DAY, TradeId(2))
    clearing.withdraw(COMPANY, 90)
    clearing.withdraw(TRADER, 10)
    define(market, definition(None))
    money = market.engine.venue.cash["EUR"]
    before = {number: cash.total_minor for number, cash in money.accounts.items()}
    assert market.bust(1)[0] == "ops 1: done"
    define(market, definition(RULES))
    assert market.bust(2)[0] == "ops 2: done"
    assert {number: cash.total_minor for number, cash in money.accounts.items()} == before
    assert clearing_of(market).of(COMPANY).total_lots == 0
    market.engine.check()


def test_a_trade_is_taken_back_by_the_fees_and_in_the_currency_that_it_had() -> None:
    market = funded()
    market.trade(price=100, lots=5)
    market.trade(price=100, lots=5)
    clearing = clearing_of(market)
    define(market, definition(DEARER))
    market.trade(price=100, lots=5)
    clearing.roll(DAY, TradeId(3))
    euros = market.engine.venue.cash["EUR"]
    assert euros.of(TRADER).free_minor == 10_000 - 505 - 505 - 510
    define(market, definition(DEARER, currency="USD"))
    market.engine = restore(snapshot(market.engine))
    euros = market.engine.venue.cash["EUR"]
    market.ref = 0
    assert market.bust(1)[0] == "ops 1: done"
    assert euros.of(TRADER).free_minor == 10_000 - 505 - 510
    assert market.bust(3)[0] == "ops 2: done"
    assert euros.of(TRADER).free_minor == 10_000 - 505
    assert euros.fees_minor == 10


def test_a_trade_by_units_alone_has_moved_no_money() -> None:
    market = funded(ClearingRules(cash=False))
    market.trade(price=100, lots=5)
    define(market, definition(RULES))
    clearing = clearing_of(market)
    assert clearing.cash is not None
    market.engine = restore(snapshot(market.engine))
    assert market.bust(1)[0] == "ops 1: done"
    assert not market.engine.venue.cash["EUR"].accounts
    assert clearing_of(market).of(COMPANY).free_lots == 100


def test_a_trade_of_today_in_another_currency_has_no_proceeds_here() -> None:
    """All that it brought were fees, so there were no proceeds to wait for."""
    everything = ClearingRules(fees=(Fees(TradeKind.CONTINUOUS, 0, 10_000),))
    market = funded(everything)
    market.trade(price=100, lots=5)
    define(market, definition(everything, currency="USD"))
    assert market.correct(200, 5)[0] == "ops 1: done"
    assert clearing_of(market).of(COMPANY).proceeds_minor == 0
    assert market.bust()[0] == "ops 2: done"
    assert market.engine.venue.cash["EUR"].of(TRADER).free_minor == 10_000


def test_trades_by_fees_that_are_forgotten_stay() -> None:
    market = funded()
    market.trade()
    for number in range(CLEARING_TERMS_MAX + 1):
        define(market, definition((OF_SELLERS, RULES)[number % 2]))
    clearing = clearing_of(market)
    assert len(clearing.past_terms) == CLEARING_TERMS_MAX
    market.engine = restore(snapshot(market.engine))
    assert market.bust() == ["ops 1: rejected NOT_AMENDABLE"]
    market.trade()
    assert market.bust(2)[0] == "ops 2: done"


# --- limits of accounts --------------------------------------------------------------------------


def test_an_account_may_have_a_limit_of_its_own() -> None:
    market = funded(ClearingRules(position_max_lots=3))
    clearing_of(market).set_limits(TRADER, 6, 0)
    market.engine = restore(snapshot(market.engine))
    market.send(BOB, buy(1, price=90, lots=5))
    assert market.send(BOB, buy(2, price=90, lots=2)) == ["bob 2: rejected POSITION_LIMIT"]
    assert market.send(BOB, buy(3, price=90, lots=1)) == ["bob 3: accepted #4 buy 1 @ 90"]
    clearing_of(market).set_limits(TRADER, 0, 0)
    assert market.send(BOB, buy(4, price=90, lots=1)) == ["bob 4: rejected POSITION_LIMIT"]
