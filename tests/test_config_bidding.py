"""The table `bidding` of an instrument: what it means to the engine, in words, and what it may not say."""

import pytest

from carbonmatch.config import ConfigError, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.matching.bidding.rules import in_force
from carbonmatch.matching.messages import (
    BiddingPricing,
    BiddingRules,
    BiddingTie,
    BidRevision,
    DefineInstrument,
    InstrumentDefinition,
    Undersubscription,
)

MARKET = """
[[instruments]]
id = 1
symbol = "KAU"
currency = "KRW"
tick_value_minor = 1
price_decimals = 0
lot_tonnes = 1
quantity_increment_lots = 10
quantity_min_lots = 10
price_increment_ticks = 10
"""
KRX = """
[instruments.bidding]
bid_min_lots = 1000
bid_increment_lots = 100
price_increment_ticks = 50
share_max_basis_points = 1500
bids_max = 1
"""
EVERYTHING_ELSE = """
[instruments.bidding]
revision = "none"
pricing = "pay_as_bid"
tie = "pro_rata"
undersubscription = "cancel"
secondary_basis_points = 9050
"""


def definition(table: str) -> InstrumentDefinition:
    for command in venue_commands(parse(MARKET + table, "carbonmatch.toml")):
        if isinstance(command, DefineInstrument):
            return command.definition
    raise AssertionError("the instrument is defined")


def words(table: str) -> list[str]:
    lines = in_words(parse(MARKET + table, "carbonmatch.toml"))
    first = next(number for number, line in enumerate(lines) if "KAU" in line)
    return [line.strip() for line in lines[first + 1 :] if line.startswith("    ")]


def problems(table: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(MARKET + table, "carbonmatch.toml")
    return [problem.removeprefix("carbonmatch.toml: ") for problem in caught.value.problems]


def test_without_a_table_an_instrument_has_no_biddings() -> None:
    assert definition("").bidding is None
    assert words("") == []


def test_an_empty_table_is_biddings_as_usual() -> None:
    defined = definition("[instruments.bidding]")
    assert defined.bidding is not None
    assert in_force(defined.bidding, defined) == BiddingRules(
        1,
        10,
        10,
        10_000,
        256,
        BidRevision.FREE,
        BiddingPricing.UNIFORM,
        BiddingTie.TIME,
        Undersubscription.PARTIAL,
        0,
    )
    assert in_force(defined.bidding, defined) == in_force(BiddingRules(), defined)


def test_every_key_is_the_rule_of_its_name() -> None:
    assert definition(KRX).bidding == BiddingRules(
        1_000,
        100,
        50,
        1_500,
        1,
        BidRevision.FREE,
        BiddingPricing.UNIFORM,
        BiddingTie.TIME,
        Undersubscription.PARTIAL,
        0,
    )
    assert definition(EVERYTHING_ELSE).bidding == BiddingRules(
        1,
        0,
        0,
        10_000,
        256,
        BidRevision.NONE,
        BiddingPricing.PAY_AS_BID,
        BiddingTie.PRO_RATA,
        Undersubscription.CANCEL,
        9_050,
    )
    drawn = definition('[instruments.bidding]\ntie = "seed"').bidding
    assert drawn is not None
    assert drawn.tie is BiddingTie.SEED


def test_an_announcement_says_more_than_its_instrument() -> None:
    defined = definition(KRX)
    asked = BiddingRules(bids_max=7, tie=BiddingTie.SEED, secondary_basis_points=5)
    assert in_force(asked, defined) == BiddingRules(
        1_000,
        100,
        50,
        1_500,
        7,
        BidRevision.FREE,
        BiddingPricing.UNIFORM,
        BiddingTie.SEED,
        Undersubscription.PARTIAL,
        5,
    )


def test_the_rules_are_said_in_words() -> None:
    assert words(KRX) == [
        "one-way bidding: one price for all, in steps of 50; bids of at least 1000 lots, in steps of 100",
        "one bid of a bidder, of at most 15 % of what is offered; changed and withdrawn while the window is "
        "open",
        "at the last price who came first is served first; what nobody bids for stays with the one party",
    ]
    assert words(EVERYTHING_ELSE) == [
        "one-way bidding: each at its own price, in steps of 10; bids of at least 1 lot, in steps of 10",
        "at most 256 bids of a bidder; never changed or withdrawn while the window is open",
        "at the last price each gets its share, rounded down, and the rest is drawn; cancelled where less is "
        "bid for than offered",
        "cancelled where the price is below 90.5 % of the secondary market's (of one buyer: above)",
    ]


def test_increments_go_with_those_of_the_instrument() -> None:
    assert problems("[instruments.bidding]\nbid_increment_lots = 15\nprice_increment_ticks = 25") == [
        "instruments[0].bidding.bid_increment_lots: found 15, expected a multiple of the instrument's "
        "quantity_increment_lots, 10",
        "instruments[0].bidding.price_increment_ticks: found 25, expected a multiple of the instrument's, 10",
    ]


def test_a_word_that_there_is_not_is_refused() -> None:
    (problem,) = problems('[instruments.bidding]\ntie = "luck"')
    assert "luck" in problem
    assert "tie" in problem
