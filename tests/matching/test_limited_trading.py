"""Trading under an interval price limit: what trades, what goes, when the anchor is set anew, who is told."""

from typing import Any

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AllowedFlag,
    LimitsChanged,
    Phase,
    Ref,
    SelfTradePrevention,
    TimeInForce,
    TimePassed,
    VolatilityRules,
    Width,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    CEA,
    EUA,
    OPS,
    TIME_NS,
    VENUE,
    Market,
    buy,
    definition,
    replace,
    sell,
)

SECOND = 10**9
# Prices of 80.00 and 0.50 around them; every 3 s; held for 15 s.
RULES = VolatilityRules(
    interval=Width(50), interval_recalculation_ns=3 * SECOND, interval_hold_ns=15 * SECOND
)


BEFORE: dict[str, Any] = {
    "volatility": RULES,
    "reference_price_ticks": 8_000,
    "allowed": AllowedFlag.ALL,
}


def market(**fields: Any) -> Market:
    return Market(**{**BEFORE, **fields})


def at(found: Market, seconds: float) -> Market:
    found.time_ns = TIME_NS + int(seconds * SECOND)
    return found


def limits(found: Market) -> list[tuple[int, int, int, float]]:
    """Limits that are told as time passes: anchor, lowest, highest, and when a hold ends, in seconds."""
    told = found.outputs(VENUE, TimePassed()).public
    return [_plain(event) for event in told if isinstance(event, LimitsChanged)]


def _plain(event: LimitsChanged) -> tuple[int, int, int, float]:
    ends = (event.hold_ends_ns - TIME_NS) / SECOND if event.hold_ends_ns else 0
    return event.anchor_ticks, event.low_ticks, event.high_ticks, ends


def test_a_buyer_trades_only_up_to_the_limit_until_the_anchor_is_set_anew() -> None:
    """The anchor is 80.00, the width 0.50: who buys at 80.60 trades up to 80.50, and 15 s are held."""
    found = market()
    found.send(BOB, sell(1, 8_020, 2), sell(2, 8_050, 3), sell(3, 8_060, 5))
    at(found, 1)
    outputs = found.outputs(ALICE, buy(1, 8_060, 10))
    fills = [report for report in outputs.streams[0].reports if isinstance(report, m.Executed)]
    assert [(fill.price_ticks, fill.quantity_lots) for fill in fills] == [(8_020, 2), (8_050, 3)]
    last = outputs.streams[0].reports[-1]
    assert isinstance(last, m.Canceled)
    assert (last.canceled_lots, last.reason) == (5, m.CancelReason.INTERVAL_LIMIT)
    assert [_plain(event) for event in outputs.public if isinstance(event, LimitsChanged)] == [
        (8_000, 7_950, 8_050, 16)
    ]

    at(found, 15.9)
    assert limits(found) == []
    assert found.send(ALICE, buy(2, 8_060, 5))[-1] == "alice 2: canceled #6 5 INTERVAL_LIMIT"
    at(found, 16)
    assert limits(found) == [(8_050, 8_000, 8_100, 0)], "anchored at the last price"
    assert found.send(ALICE, buy(3, 8_060, 5))[1] == "alice 3: executed #8 taker 5 @ 8060, 0 left"


def test_a_seller_trades_only_down_to_the_limit() -> None:
    found = market()
    found.send(BOB, buy(1, 7_980), buy(2, 7_950), buy(3, 7_949))
    assert found.send(ALICE, sell(1, 7_900, 3))[1:4] == [
        "alice 1: executed #4 taker 1 @ 7980, 2 left",
        "alice 1: executed #4 taker 1 @ 7950, 1 left",
        "alice 1: canceled #4 1 INTERVAL_LIMIT",
    ]


def test_trading_goes_on_inside_while_limits_are_held() -> None:
    found = market()
    found.send(BOB, sell(1, 8_060))
    found.send(ALICE, buy(1, 8_060))
    found.send(BOB, sell(2, 8_040))
    assert found.send(ALICE, buy(2, 8_040))[1] == "alice 2: executed #4 taker 1 @ 8040, 0 left"


def test_nothing_rests_beyond_the_limit_where_it_could_not_trade() -> None:
    found = market()
    outputs = found.outputs(ALICE, buy(1, 8_051), sell(2, 7_949))
    assert [type(report).__name__ for report in outputs.streams[0].reports] == [
        "Accepted",
        "Canceled",
        "Accepted",
        "Canceled",
    ]
    assert outputs.public == [], "nothing was to trade, so nothing is held"
    assert found.send(ALICE, buy(3, 8_050)) == ["alice 3: accepted #3 buy 1 @ 8050"]


def test_what_is_left_of_an_order_rests_at_the_very_limit() -> None:
    found = market()
    found.send(BOB, sell(1, 8_040))
    assert found.send(ALICE, buy(1, 8_050, 3))[1] == "alice 1: executed #2 taker 1 @ 8040, 2 left"
    assert found.bids() == ["2 in 1 @ 8050"]


def test_what_rests_out_of_reach_waits_until_the_limits_come_to_it() -> None:
    found = market()
    assert found.send(BOB, sell(1, 8_100)) == ["bob 1: accepted #1 sell 1 @ 8100"]
    found.send(ALICE, buy(1, 8_050))
    at(found, 3)
    assert limits(found) == [(8_050, 8_000, 8_100, 0)], "anchored at the bid above the last price"
    assert found.send(ALICE, buy(2, 8_100))[1] == "alice 2: executed #4 taker 1 @ 8100, 0 left"


@pytest.mark.parametrize("tif", [TimeInForce.DAY, TimeInForce.IOC])
def test_the_rest_goes_for_the_limit_that_stopped_it(tif: TimeInForce) -> None:
    found = market()
    found.send(BOB, sell(1, 8_060))
    assert found.send(ALICE, buy(1, 8_060, tif=tif))[1] == "alice 1: canceled #2 1 INTERVAL_LIMIT"


def test_a_market_order_goes_for_the_limit_that_stopped_it() -> None:
    found = market(market_protection_ticks=100)
    found.send(BOB, sell(1, 8_040), sell(2, 8_060))
    assert found.send(ALICE, buy(1, lots=3, market=True))[1:3] == [
        "alice 1: executed #3 taker 1 @ 8040, 2 left",
        "alice 1: canceled #3 2 INTERVAL_LIMIT",
    ]


def test_a_fill_or_kill_order_and_a_minimum_count_only_what_lies_within_the_limits() -> None:
    found = market()
    found.send(BOB, sell(1, 8_050, 2), sell(2, 8_051, 2))
    fok = TimeInForce.FOK
    assert found.send(ALICE, buy(1, 8_051, 3, tif=fok)) == ["alice 1: rejected CANNOT_FILL"]
    assert found.send(ALICE, buy(2, 8_051, 4, minimum=3)) == ["alice 2: rejected MINIMUM_NOT_MET"]
    assert limits(found) == [], "it was not to trade, so nothing is held"
    assert found.send(ALICE, buy(3, 8_051, 2, tif=fok))[1] == "alice 3: executed #6 taker 2 @ 8050, 0 left"


def test_a_replacement_beyond_the_limit_trades_up_to_it_and_goes() -> None:
    found = market()
    found.send(BOB, sell(1, 8_050), sell(2, 8_060))
    found.send(ALICE, buy(1, 7_990, 5))
    assert found.send(ALICE, replace(2, 1, 8_060, 5))[:3] == [
        "alice 2: replaced #3 5 @ 8060, 5 left",
        "alice 2: executed #3 taker 1 @ 8050, 4 left",
        "alice 2: canceled #3 4 INTERVAL_LIMIT",
    ]
    assert found.bids() == []


def test_a_stop_that_fires_into_the_limit_goes_and_so_do_those_it_would_have_carried_along() -> None:
    found = market(market_protection_ticks=1_000)
    found.send(BOB, sell(1, 8_040), sell(2, 8_050), sell(3, 8_060))
    found.send(CAROL, buy(1, 8_100, 2, stop=8_040), buy(2, lots=2, stop=8_050, market=True))
    told = found.send(ALICE, buy(1, 8_040))
    assert [line for line in told if line.startswith("carol")] == [
        "carol 0: triggered #4 at 8040, goes in at 8100",
        "carol 0: executed #4 taker 1 @ 8050, 1 left",
        "carol 0: canceled #4 1 INTERVAL_LIMIT",
        "carol 0: triggered #5 at 8050, goes in at 9060",
        "carol 0: canceled #5 2 INTERVAL_LIMIT",
    ]


def test_orders_of_one_participant_do_not_breach_the_limit_since_they_would_not_trade() -> None:
    found = market()
    found.send(CAROL, sell(1, 8_060))
    outputs = found.outputs(ALICE, buy(1, 8_060, stp=SelfTradePrevention.CANCEL_NEWEST))
    assert [type(report).__name__ for report in outputs.streams[0].reports] == [
        "Accepted",
        "SelfTradePrevented",
        "Canceled",
    ]
    assert not [event for event in outputs.public if isinstance(event, LimitsChanged)]
    found.send(BOB, sell(1, 8_060))
    told = found.send(ALICE, buy(2, 8_060, stp=SelfTradePrevention.CANCEL_OLDEST))
    assert told[-1] == "carol 0: canceled #1 1 SELF_TRADE"
    assert "alice 2: canceled #4 1 INTERVAL_LIMIT" in told, "behind it was a trade"


def test_the_anchor_is_set_at_its_times_with_what_the_market_knew_before() -> None:
    found = market()
    found.send(BOB, sell(1, 8_030, 2))
    at(found, 1).send(ALICE, buy(1, 8_030))
    assert limits(at(found, 2.9)) == []
    assert found.engine.is_due(TIME_NS + 3 * SECOND)
    # The entry that comes first sets it, before its commands.
    at(found, 3)
    found.send(BOB, sell(2, 8_070))
    assert found.send(ALICE, buy(2, 8_070, 2))[1:3] == [
        "alice 2: executed #5 taker 1 @ 8030, 1 left",
        "alice 2: executed #5 taker 1 @ 8070, 0 left",
    ]


def test_a_quiet_market_needs_no_entries_of_its_own() -> None:
    found = market()
    assert not found.engine.is_due(TIME_NS + 3_600 * SECOND)
    found.send(BOB, sell(1, 8_040))
    assert not found.engine.is_due(TIME_NS + 3_600 * SECOND)
    found.send(ALICE, buy(1, 8_040))
    assert not found.engine.is_due(TIME_NS + 3 * SECOND - 1)
    assert found.engine.is_due(TIME_NS + 3 * SECOND)
    assert limits(at(found, 3)) == [(8_040, 7_990, 8_090, 0)]
    assert not found.engine.is_due(TIME_NS + 3_600 * SECOND)


def test_nothing_is_set_while_the_instrument_does_not_trade_and_everything_when_it_does_again() -> None:
    found = market()
    found.send(BOB, sell(1, 8_060))
    found.send(ALICE, buy(1, 8_060))
    found.send(OPS, m.SetPhase(Ref(1), EUA, Phase.HALTED))
    assert not found.engine.is_due(TIME_NS + 60 * SECOND)
    assert limits(at(found, 60)) == []
    outputs = found.outputs(OPS, m.SetPhase(Ref(2), EUA, Phase.CONTINUOUS))
    assert [_plain(event) for event in outputs.public if isinstance(event, LimitsChanged)] == [
        (8_000, 7_950, 8_050, 0)
    ]


def test_without_a_reference_the_first_trade_gives_the_anchor() -> None:
    found = market(reference_price_ticks=0)
    found.send(BOB, sell(1, 100))
    assert found.send(ALICE, buy(1, 5_000))[1] == "alice 1: executed #2 taker 1 @ 100, 0 left"
    assert limits(at(found, 3)) == [(100, 50, 150, 0)]


def test_a_definition_begins_and_ends_the_limits() -> None:
    found = Market(reference_price_ticks=8_000)
    with_limits = definition(EUA, volatility=RULES, reference_price_ticks=8_000)
    outputs = found.outputs(VENUE, m.DefineInstrument(with_limits))
    assert [_plain(event) for event in outputs.public if isinstance(event, LimitsChanged)] == [
        (8_000, 7_950, 8_050, 0)
    ]
    outputs = found.outputs(VENUE, m.DefineInstrument(definition(EUA, reference_price_ticks=8_000)))
    assert [_plain(event) for event in outputs.public if isinstance(event, LimitsChanged)] == [
        (0, 1, 10**9, 0)
    ]
    found.send(BOB, sell(1, 9_000))
    assert found.send(ALICE, buy(1, 9_000))[1] == "alice 1: executed #4 taker 1 @ 9000, 0 left"


def test_nobody_is_told_how_wide_the_limits_are_laid() -> None:
    found = Market()
    [event, _] = found.outputs(
        VENUE, m.DefineInstrument(definition(EUA, volatility=RULES, reference_price_ticks=5))
    ).public
    assert isinstance(event, m.InstrumentDefined)
    assert event.definition.volatility is None
    assert found.engine.instruments[EUA].configured.volatility == RULES


def test_limits_and_holds_are_part_of_the_state() -> None:
    found = market()
    found.send(BOB, sell(1, 8_060, 9))
    before = digest(found.engine)
    found.send(ALICE, buy(1, 8_060))
    assert digest(found.engine) != before
    for seconds in (1, 15, 17, 21):
        at(found, seconds).outputs(VENUE, TimePassed())
        again = restore(snapshot(found.engine))
        assert digest(again) == digest(found.engine)
        later_ns = found.time_ns + 20 * SECOND
        assert again.is_due(later_ns) == found.engine.is_due(later_ns)
        entry = m.Entry(again.sequence + 1, found.time_ns, BOB, [sell(10 + seconds, 8_049)])
        again.apply(entry)
        found.engine.apply(entry)
        assert again.take_outputs() == found.engine.take_outputs()
        entry = m.Entry(again.sequence + 1, found.time_ns, ALICE, [buy(10 + seconds, 8_060)])
        again.apply(entry)
        found.engine.apply(entry)
        assert again.take_outputs() == found.engine.take_outputs()


def test_limits_of_two_instruments_are_set_in_the_order_of_their_numbers_whoever_came_first() -> None:
    found = Market()
    for instrument in (CEA, EUA):
        fields = {"volatility": RULES, "reference_price_ticks": 8_000}
        found.send(VENUE, m.DefineInstrument(definition(instrument, **fields)))
    for number, instrument in enumerate((CEA, EUA), 1):
        found.send(BOB, sell(number, 8_010, instrument=instrument))
        found.send(ALICE, buy(number, 8_010, instrument=instrument))
    at(found, 3)
    told = found.outputs(VENUE, TimePassed()).public
    assert [event.instrument_id for event in told if isinstance(event, LimitsChanged)] == [EUA, CEA]
