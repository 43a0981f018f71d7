"""The tables `composites`: one price for several instruments, and all that may be wrong with it."""

import pytest

from carbonmatch.config import Config, ConfigError, configuration_digest, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.limits import COMPOSITE_MEMBERS_MAX, COMPOSITES_MAX
from carbonmatch.matching.messages import (
    CompositeDefinition,
    CompositeMember,
    DefineComposite,
    DefineInstrument,
    InstrumentId,
)

INSTRUMENT = """
[[instruments]]
id = {id}
symbol = "{symbol}"
currency = "{currency}"
tick_value_minor = 1
price_decimals = {decimals}
lot_tonnes = 1
prices = {{ {prices} }}
"""
EQUAL = """
[[composites]]
id = 90
symbol = "COM"
members = [{ symbol = "A" }, { symbol = "B" }]
"""


def instrument(
    number: int, symbol: str, currency: str = "CNY", decimals: int = 2, prices: str = 'close = "last"'
) -> str:
    return INSTRUMENT.format(id=number, symbol=symbol, currency=currency, decimals=decimals, prices=prices)


TWO = instrument(1, "A") + instrument(2, "B")


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "venue.toml")
    return tuple(one.removeprefix("venue.toml: ") for one in caught.value.problems)


def composites(config: Config) -> list[CompositeDefinition]:
    return [one.composite for one in venue_commands(config) if isinstance(one, DefineComposite)]


def test_it_is_defined_behind_its_members_with_what_they_have_in_common() -> None:
    config = parse(EQUAL + TWO, "venue.toml")
    commands = venue_commands(config)
    assert [type(one) for one in commands] == [DefineInstrument, DefineInstrument, DefineComposite]
    members = (CompositeMember(InstrumentId(1), 1), CompositeMember(InstrumentId(2), 1))
    assert composites(config) == [CompositeDefinition(InstrumentId(90), "COM", "CNY", 2, members)]


def test_several_are_defined_in_the_order_of_their_ids() -> None:
    other = EQUAL.replace("90", "80").replace("COM", "OTHER")
    assert [one.composite_id for one in composites(parse(EQUAL + other + TWO, "venue.toml"))] == [80, 90]


def test_it_is_a_part_of_the_market() -> None:
    assert configuration_digest(parse(EQUAL + TWO, "a")) != configuration_digest(parse(TWO, "a"))


def test_people_are_told_what_it_is_the_average_of() -> None:
    assert "composite 90 COM: the average of A, B with equal weights" in in_words(parse(EQUAL + TWO, "a"))
    weighted = EQUAL.replace('"B" }', '"B", weight = 3 }')
    assert "composite 90 COM: the average of A (1), B (3) by these weights" in in_words(
        parse(weighted + TWO, "a")
    )
    alone = EQUAL.replace(', { symbol = "B" }', "")
    assert "composite 90 COM: the average of A alone" in in_words(parse(alone + TWO, "a"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (EQUAL + instrument(1, "A"), "composites[0].members[1].symbol: there is no instrument 'B'"),
        (
            EQUAL.replace('"B"', '"A"') + TWO,
            "composites[0].members[1].symbol: 'A' is there twice",
        ),
        (EQUAL.replace("90", "2") + TWO, "composites[0].id: 2 is that of an instrument"),
        (EQUAL.replace("COM", "A") + TWO, "composites[0].symbol: 'A' is that of an instrument"),
        (EQUAL + EQUAL.replace("COM", "X") + TWO, "composites[1].id: 90 is there twice"),
        (EQUAL + EQUAL.replace("90", "91") + TWO, "composites[1].symbol: 'COM' is there twice"),
        (
            EQUAL + instrument(1, "A") + instrument(2, "B", "EUR", 3),
            "composites[0].members: found prices in CNY with 2 decimals, EUR with 3 decimals; expected one "
            "currency and one number of decimals",
        ),
        (
            EQUAL + instrument(1, "A") + instrument(2, "B", prices=""),
            "composites[0].members[1]: B has no `prices`; expected rules for its close, so that its last "
            "trade and its reference price are told apart",
        ),
    ],
)
def test_what_does_not_fit_is_named(text: str, problem: str) -> None:
    assert problems(text) == (problem,)


@pytest.mark.parametrize("weight", [0, 10_001])
def test_a_weight_has_bounds(weight: int) -> None:
    (problem,) = problems(EQUAL.replace('"B" }', f'"B", weight = {weight} }}') + TWO)
    assert problem.startswith(f"composites[0].members: expected `int` {'>= 1' if not weight else '<= 10000'}")


def test_it_has_at_least_one_member_and_not_too_many() -> None:
    assert problems('[[composites]]\nid = 90\nsymbol = "COM"\nmembers = []\n' + TWO)[0].startswith(
        "composites[0].members"
    )
    many = ", ".join('{ symbol = "A" }' for _ in range(COMPOSITE_MEMBERS_MAX + 1))
    text = f'[[composites]]\nid = 90\nsymbol = "COM"\nmembers = [{many}]\n' + TWO
    assert problems(text)[0].startswith("composites[0].members")


def test_a_venue_has_not_too_many() -> None:
    def text(count: int) -> str:
        made = (EQUAL.replace("90", str(90 + n)).replace("COM", f"COM{n}") for n in range(count))
        return "".join(made) + TWO

    assert len(parse(text(COMPOSITES_MAX), "a").composites) == COMPOSITES_MAX
    assert problems(text(COMPOSITES_MAX + 1)) == (
        f"composites: found {COMPOSITES_MAX + 1}; expected at most {COMPOSITES_MAX}",
    )


def test_a_venue_adjusts_the_weights_of_a_profile() -> None:
    (usual,) = composites(parse('profiles = ["cea"]', "venue.toml"))
    assert (usual.composite_id, usual.symbol) == (1090, "COMCEA")
    assert usual.members == tuple(CompositeMember(InstrumentId(1000 + n), 1) for n in range(5))
    adjusted = """
    profiles = ["cea"]
    [adjust.composites.COMCEA]
    members = [{ symbol = "CEA24" }, { symbol = "CEA25", weight = 2 }]
    """
    (changed,) = composites(parse(adjusted, "venue.toml"))
    assert changed.members == (CompositeMember(InstrumentId(1004), 1), CompositeMember(InstrumentId(1005), 2))
