"""docs/configuration.md against the code: its example works, and it leaves no key out."""

import re
from pathlib import Path

import pytest
from msgspec import Struct

from carbonmatch.config import Config, parse
from carbonmatch.config.bidding import Bidding
from carbonmatch.config.blocks import Blocks
from carbonmatch.config.calendars import Calendar, Schedule
from carbonmatch.config.clearing import CarryOver, ClearingTable, FeesOfTrades, LimitsOfHolders
from carbonmatch.config.composites import Composite
from carbonmatch.config.confirmation import Confirmation
from carbonmatch.config.prices import Prices
from carbonmatch.config.profiles import Adjust
from carbonmatch.config.reading import CONFIG_VARIABLE, DATA_DIRECTORY_VARIABLE, PORT_VARIABLES
from carbonmatch.config.schema import (
    Connections,
    Follower,
    Instrument,
    Journal,
    Key,
    Listen,
    Participant,
    SelfTrade,
    Session,
    Throttle,
    Tls,
    Venue,
)
from carbonmatch.config.screen import Screen
from carbonmatch.config.volatility import Volatility
from carbonmatch.ops.host import ALLOW_OLD_PYTHON_VARIABLE

TEXT = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text()


def documented(section: str) -> set[str]:
    """The keys in the first column of a section's table."""
    _, _, rest = TEXT.partition(f"## `{section}`\n")
    rows = re.findall(r"^\| (`.*?) \|", rest.partition("\n##")[0], re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def test_the_example_is_a_good_configuration() -> None:
    example = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    assert len(parse(example[1], "example.toml").sessions) == 3


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("[adjust]", Adjust),
        ("[venue]", Venue),
        ("[listen]", Listen),
        ("[tls]", Tls),
        ("[connections]", Connections),
        ("[confirmation]", Confirmation),
        ("[journal]", Journal),
        ("[follower]", Follower),
        ("[throttle]", Throttle),
        ("[[calendars]]", Calendar),
        ("[[schedules]]", Schedule),
        ("[[instruments]]", Instrument),
        ("[instruments.self_trade]", SelfTrade),
        ("[instruments.screen]", Screen),
        ("[instruments.prices]", Prices),
        ("[instruments.volatility]", Volatility),
        ("[instruments.bidding]", Bidding),
        ("[instruments.blocks]", Blocks),
        ("[instruments.clearing]", ClearingTable),
        ("[[instruments.clearing.fees]]", FeesOfTrades),
        ("[[instruments.clearing.holders]]", LimitsOfHolders),
        ("[instruments.clearing.carry_over]", CarryOver),
        ("[[composites]]", Composite),
        ("[[participants]]", Participant),
        ("[[sessions]]", Session),
        ("[[keys]]", Key),
    ],
)
def test_every_key_is_documented_and_no_other(heading: str, section: type[Struct]) -> None:
    assert documented(heading) == set(section.__struct_fields__)


def test_every_section_is_documented() -> None:
    assert set(re.findall(r"\n## `\[*(\w+)\]*`\n", TEXT)) == set(Config.__struct_fields__)


def test_every_variable_is_documented() -> None:
    variables = {
        CONFIG_VARIABLE,
        DATA_DIRECTORY_VARIABLE,
        ALLOW_OLD_PYTHON_VARIABLE,
        *PORT_VARIABLES.values(),
    }
    assert set(re.findall(r"`(CARBONMATCH_\w+)`", TEXT)) == variables
