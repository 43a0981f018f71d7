"""The table `blocks` of an instrument: what it means to the engine, in words, and what it may not say."""

import pytest
from msgspec import structs

from carbonmatch.config import Config, ConfigError, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.matching.messages import (
    BandRounding,
    BlockBand,
    BlockPhase,
    BlockRules,
    BlockTape,
    DefineInstrument,
)
from carbonmatch.server.configured import needs_restart

MARKET = """
[[calendars]]
name = "china"
time_zone = "Asia/Shanghai"

[[schedules]]
name = "afternoon"
calendar = "china"
steps = [{ at = "13:00", phase = "continuous" }, { at = "15:00", phase = "closed" }]

[[instruments]]
id = 1
symbol = "CEA"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
"""
TABLE = "\n[instruments.blocks]\n"
NATIONAL = """
quantity_min_lots = 100000
band = "reference"
band_up_basis_points = 3000
band_down_basis_points = 2000
schedule = "afternoon"
"""
EVERYTHING = """
quantity_min_lots = 1000
quantity_max_lots = 1000000
band = "day_close"
band_up_basis_points = 3000
band_down_basis_points = 3000
band_rounding = "inward"
free_above_lots = 500000
directed = false
confirm_both = false
anonymous = true
ttl_seconds = 3600
tape = "at_close"
opening_phase = "break"
"""


PRICES = """
[instruments.prices]
close = "vwap_last_n"
n_trades = 5
"""


def config(table: str) -> Config:
    prices = PRICES if "day_close" in table else ""
    return parse(MARKET + TABLE + table + prices, "carbonmatch.toml")


def rules(text: str) -> BlockRules | None:
    for command in venue_commands(parse(text, "carbonmatch.toml")):
        if isinstance(command, DefineInstrument):
            return command.definition.blocks
    raise AssertionError("the instrument is defined")


def words(table: str) -> list[str]:
    lines = in_words(config(table))
    first = next(number for number, line in enumerate(lines) if "blocks of" in line)
    return [line.strip() for line in lines[first : first + 3]]


def problems(table: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config(table)
    return [problem.removeprefix("carbonmatch.toml: ") for problem in caught.value.problems]


def test_without_the_table_there_are_no_blocks() -> None:
    assert rules(MARKET) is None
    assert rules(MARKET + TABLE) == BlockRules()


def test_every_key_says_what_it_says() -> None:
    assert rules(MARKET + TABLE + EVERYTHING + PRICES) == BlockRules(
        1_000,
        1_000_000,
        BlockBand.DAY_CLOSE,
        3_000,
        3_000,
        BandRounding.INWARD,
        500_000,
        public_posts=True,
        directed=False,
        confirm_both=False,
        anonymous=True,
        ttl_ns=3_600 * 10**9,
        tape=BlockTape.AT_CLOSE,
        opening_phase=BlockPhase.BREAK,
    )
    # Nothing is open before the schedule has said so.
    national = rules(MARKET + TABLE + NATIONAL)
    assert national is not None
    assert national.opening_phase is BlockPhase.CLOSED


@pytest.mark.parametrize("tape", list(BlockTape))
def test_each_tape_has_its_word_and_its_words(tape: BlockTape) -> None:
    table = EVERYTHING.replace('tape = "at_close"', f'tape = "{tape.name.lower()}"')
    blocks = config(table).instruments[0].blocks
    assert blocks is not None
    assert blocks.rules().tape is tape
    expected = {
        BlockTape.AT_ONCE: "everyone sees the trade at once",
        BlockTape.AT_CLOSE: "everyone sees the trade when blocks close",
        BlockTape.VALUE_AT_CLOSE: "its volume at once, and the trade with its price when blocks close",
    }
    assert words(table)[1].endswith(expected[tape])


def test_it_is_told_in_words() -> None:
    size, ways, when = words(NATIONAL)
    assert size.startswith("blocks of 100000 lots of 1 t to any number, -20 % to +30 % around the reference")
    assert size.endswith("price, rounded half up")
    assert ways.startswith(
        "posted to everyone or proposed to one party until blocks close; both sides confirm;"
    )
    assert ways.endswith("everyone sees the trade at once")
    assert when == "on schedule afternoon"
    size, ways, when = words(EVERYTHING)
    assert size.startswith(
        "blocks of 1000 lots of 1 t to 1000000 lots, -30 % to +30 % around the close of the day"
    )
    assert size.endswith("so far, rounded inward, above 500000 lots at any price")
    assert ways.startswith("posted to everyone without a name for 3600 s at most; whoever accepts a post has")
    assert ways.endswith("traded; everyone sees the trade when blocks close")
    assert when == "begins break"
    assert words('band = "none"\npublic_posts = false')[0].endswith("at any price")
    assert words("")[0].endswith("inside of the instrument's band")
    assert "; 1 instrument" in next(line for line in in_words(config(NATIONAL)) if "afternoon" in line)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            "quantity_min_lots = 10\nquantity_max_lots = 9",
            "instruments[0].blocks.quantity_max_lots: 9, expected at least the minimum, 10, or 0",
        ),
        (
            'band = "reference"',
            "instruments[0].blocks.band: reference needs a width, found -0 % to +0 %",
        ),
        (
            "band_up_basis_points = 100",
            "instruments[0].blocks.band: instrument needs no width, found -0 % to +1 %",
        ),
        (
            "public_posts = false\ndirected = false",
            "instruments[0].blocks: neither public_posts nor directed: nobody could propose anything",
        ),
        ('schedule = "morning"', "instruments[0].blocks.schedule: there is no schedule 'morning'"),
        (
            'tape = "never"',
            "instruments[0].blocks.tape: expected one of at_once, at_close, value_at_close, found 'never'",
        ),
        ("quantity_min_lot = 1", "instruments[0].blocks.quantity_min_lot: unknown key; did you mean"),
    ],
)
def test_what_does_not_go_together_is_told(table: str, problem: str) -> None:
    (found,) = problems(table)
    assert found.startswith(problem)


def test_the_close_of_the_day_needs_one() -> None:
    with pytest.raises(ConfigError, match="day_close needs to know what a close is"):
        parse(MARKET + TABLE + EVERYTHING, "carbonmatch.toml")


def test_who_follows_a_schedule_is_taken_over_at_once_and_other_rules_with_a_start() -> None:
    before = config(NATIONAL)
    (cea,) = before.instruments
    negotiated = cea.blocks
    assert negotiated is not None

    def changed(**fields: object) -> list[str]:
        blocks = structs.replace(negotiated, **fields)
        return needs_restart(
            before, structs.replace(before, instruments=(structs.replace(cea, blocks=blocks),))
        )

    assert changed(schedule=None) == []
    assert changed(quantity_min_lots=1) == ["instruments"]


def test_the_dearest_block_is_money_that_readers_can_hold() -> None:
    def dear(table: str) -> list[str]:
        text = (MARKET + TABLE + table).replace("tick_value_minor = 1\n", "tick_value_minor = 1000\n")
        text = text.replace("lot_tonnes = 1\n", "lot_tonnes = 1\nquantity_max_lots = 1000\n")
        try:
            parse(text, "carbonmatch.toml")
        except ConfigError as error:
            return list(error.problems)
        return []

    (problem,) = dear("")
    assert "instruments[0].blocks: the dearest block it admits is worth 1" in problem
    assert problem.endswith("lower its quantity_max_lots")
    assert dear("quantity_max_lots = 9000000") == []
    assert len(dear("quantity_max_lots = 10000000")) == 1
