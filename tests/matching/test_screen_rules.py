"""Which rules of an instrument do not go with its mechanism."""

from typing import Any

import pytest

from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.messages import (
    AllowedFlag,
    ScreenMechanism,
    ScreenRules,
    SelfTradePrevention,
    TradeKind,
    VolatilityRules,
    Width,
)
from carbonmatch.matching.screen_rules import faults
from tests.matching.market import definition

RESTING = AllowedFlag.LIMIT | AllowedFlag.DAY | AllowedFlag.GTC | AllowedFlag.GTD
MIDDLE = RESTING | AllowedFlag.POST_ONLY | AllowedFlag.IOC | AllowedFlag.FOK


def keys(mechanism: ScreenMechanism, **fields: Any) -> list[str]:
    found = faults(definition(screen=ScreenRules(mechanism), **fields))
    return [fault.partition(":")[0] for fault in found]


def test_where_orders_trade_by_themselves_everything_goes() -> None:
    volatility = VolatilityRules(static=Width(5), auction_ns=1)
    decrement = SelfTradePrevention.DECREMENT
    everything = AllowedFlag.ALL
    assert not keys(
        ScreenMechanism.CONTINUOUS, allowed=everything, volatility=volatility, self_trade_prevention=decrement
    )


@pytest.mark.parametrize(
    ("mechanism", "admitted"), [(ScreenMechanism.LISTING, RESTING), (ScreenMechanism.MIDDLE_PRICE, MIDDLE)]
)
def test_a_mechanism_has_some_kinds_of_orders_and_no_other(mechanism: ScreenMechanism, admitted: int) -> None:
    assert keys(mechanism, allowed=admitted, reference_price_ticks=5) == []
    for bit in range(AllowedFlag.ALL.bit_length()):
        flag = 1 << bit & AllowedFlag.ALL & ~admitted
        if flag:
            found = keys(mechanism, allowed=admitted | flag, reference_price_ticks=5)
            assert found == ["order_types and times_in_force"]


def test_an_order_kind_that_is_too_much_is_named() -> None:
    screen = ScreenRules(ScreenMechanism.LISTING)
    allowed = AllowedFlag.LIMIT | AllowedFlag.DAY | AllowedFlag.ICEBERG | AllowedFlag.IOC
    assert list(faults(definition(screen=screen, allowed=allowed))) == [
        "order_types and times_in_force: listing has limit, day, gtc, gtd only, found iceberg, ioc too"
    ]


@pytest.mark.parametrize("mechanism", [ScreenMechanism.LISTING, ScreenMechanism.MIDDLE_PRICE])
def test_of_what_restrains_prices_these_have_a_collar_only(mechanism: ScreenMechanism) -> None:
    for volatility, expected in (
        (VolatilityRules(collar=Width(5)), []),
        (VolatilityRules(static=Width(5), auction_ns=1), ["volatility"]),
        (VolatilityRules(interval=Width(5), interval_recalculation_ns=1), ["volatility"]),
    ):
        found = keys(mechanism, allowed=RESTING, reference_price_ticks=5, volatility=volatility)
        assert found == expected


def test_a_listing_prevents_self_selections_or_does_not() -> None:
    for mode in SelfTradePrevention:
        if mode is SelfTradePrevention.INSTRUMENT_DEFAULT:
            continue
        fits = mode in (SelfTradePrevention.NONE, SelfTradePrevention.CANCEL_NEWEST)
        found = keys(ScreenMechanism.LISTING, allowed=RESTING, self_trade_prevention=mode)
        assert found == ([] if fits else ["self_trade_prevention"])


def test_the_middle_price_needs_a_reference() -> None:
    assert keys(ScreenMechanism.MIDDLE_PRICE, allowed=RESTING) == ["reference_price_ticks"]


@pytest.mark.parametrize(
    ("mechanism", "kind"),
    [
        (ScreenMechanism.CONTINUOUS, TradeKind.CONTINUOUS),
        (ScreenMechanism.LISTING, TradeKind.LISTED),
        (ScreenMechanism.MIDDLE_PRICE, TradeKind.CONTINUOUS),
    ],
)
def test_trades_are_of_the_kind_of_their_mechanism(mechanism: ScreenMechanism, kind: TradeKind) -> None:
    screen = ScreenRules(mechanism)
    assert Instrument(definition(screen=screen, allowed=RESTING, reference_price_ticks=5)).screen_kind is kind
