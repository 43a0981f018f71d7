"""Interruptions: a price that would leave its corridor, the auction that begins, and what becomes of whom."""

from typing import Any

import msgspec
import pytest

from carbonmatch.matching import auction
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AllowedFlag,
    Phase,
    PhaseChanged,
    Ref,
    SelfTradePrevention,
    TimeInForce,
    VolatilityRules,
    Width,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    EUA,
    OPS,
    TIME_NS,
    VENUE,
    Market,
    buy,
    cancel,
    definition,
    replace,
    sell,
)

SECOND = 10**9
# No further than 10 from any trade of the last minute; auctions take two minutes.
RULES = VolatilityRules(short=Width(10), short_window_ns=60 * SECOND, auction_ns=120 * SECOND)
BEFORE: dict[str, Any] = {
    "volatility": RULES,
    "allowed": AllowedFlag.ALL,
    "market_protection_ticks": 500,
}
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


def market(**fields: Any) -> Market:
    """The last price is 1000. Bob asks 5 each at 1005, 1010 and 1011, and bids 5 each at 995, 990 and 989."""
    found = Market(**{**BEFORE, **fields})
    found.send(BOB, sell(1, 1_000), *(sell(2 + n, price, 5) for n, price in enumerate((1_005, 1_010, 1_011))))
    found.send(ALICE, buy(1, 1_000))
    found.send(BOB, *(buy(5 + n, price, 5) for n, price in enumerate((995, 990, 989))))
    return found


def phase(found: Market) -> Phase:
    return found.engine.instruments[EUA].phase


def test_nothing_trades_beyond_the_corridor_and_what_has_traded_stands() -> None:
    found = market()
    outputs = found.outputs(ALICE, buy(2, 1_020, 20))
    [mine, _] = outputs.streams
    fills = [report for report in mine.reports if isinstance(report, m.Executed)]
    assert [(fill.price_ticks, fill.quantity_lots) for fill in fills] == [(1_005, 5), (1_010, 5)]
    [told] = [event for event in outputs.public if isinstance(event, PhaseChanged)]
    assert (told.phase, told.text) == (Phase.VOLATILITY_AUCTION, auction.INTERRUPTED)
    assert phase(found) is Phase.VOLATILITY_AUCTION
    assert found.bids()[0] == "10 in 1 @ 1020", "the rest takes part in the auction at its own price"
    assert found.asks()[0] == "5 in 1 @ 1011"


def test_a_seller_interrupts_on_the_other_side() -> None:
    found = market()
    assert found.send(ALICE, sell(2, 900, 20))[1:3] == [
        "alice 2: executed #9 taker 5 @ 995, 15 left",
        "alice 2: executed #9 taker 5 @ 990, 10 left",
    ]
    assert phase(found) is Phase.VOLATILITY_AUCTION
    assert found.asks()[0] == "10 in 1 @ 900"


def test_an_order_that_is_filled_at_the_edge_interrupts_nothing() -> None:
    found = market()
    assert found.send(ALICE, buy(2, 1_020, 10))[-1].startswith("bob 0: executed")
    assert phase(found) is Phase.CONTINUOUS
    found.send(BOB, sell(8, 1_010))
    assert found.send(ALICE, buy(3, 1_010, 3))[1] == "alice 3: executed #11 taker 1 @ 1010, 2 left"
    assert phase(found) is Phase.CONTINUOUS
    assert found.bids()[0] == "2 in 1 @ 1010", "it stops at its own limit, before that of the corridor"


def test_an_order_walks_no_further_than_the_width_from_its_own_first_trade() -> None:
    found = market(volatility=VolatilityRules(short=Width(10), short_window_ns=1, auction_ns=1))
    found.time_ns += 5 * SECOND
    found.send(CAROL, sell(1, 998, 1), buy(2, 998, 1, stp=SelfTradePrevention.NONE))
    found.time_ns += 5 * SECOND
    # The last trade, at 998, is all there is to compare with: 1008 is the highest price of this order, though
    # after its own trade nothing else is in the window.
    assert found.send(ALICE, buy(2, 1_020, 20))[1] == "alice 2: executed #11 taker 5 @ 1005, 15 left"
    assert phase(found) is Phase.VOLATILITY_AUCTION


def test_all_prices_of_an_order_count_for_those_after_it() -> None:
    found = market()
    found.send(ALICE, buy(2, 1_010, 10))
    assert phase(found) is Phase.CONTINUOUS
    found.send(ALICE, sell(3, 995, 1))
    assert phase(found) is Phase.VOLATILITY_AUCTION, "995 is near 1005, and too far from 1010"


@pytest.mark.parametrize(
    ("order", "left"),
    [
        (buy(2, 1_020, 20, tif=IOC), 10),
        (buy(2, lots=20, market=True), 10),
        (buy(2, 1_020, 20, market=True), 10),
    ],
    ids=["ioc", "market", "market with its own protection"],
)
def test_what_cannot_rest_goes_and_the_auction_begins_all_the_same(order: m.NewOrder, left: int) -> None:
    found = market()
    told = found.send(ALICE, order)
    assert [line for line in told if "canceled" in line] == [
        f"alice 2: canceled #9 {left} VOLATILITY_INTERRUPTION"
    ]
    assert phase(found) is Phase.VOLATILITY_AUCTION
    assert found.bids() == ["5 in 1 @ 995", "5 in 1 @ 990", "5 in 1 @ 989"]


def test_fill_or_kill_minimum_and_post_only_are_refused_and_interrupt_nothing() -> None:
    found = market()
    assert found.send(ALICE, buy(2, 1_020, 11, tif=FOK)) == ["alice 2: rejected CANNOT_FILL"]
    assert found.send(ALICE, buy(3, 1_020, 20, minimum=11)) == ["alice 3: rejected MINIMUM_NOT_MET"]
    assert found.send(ALICE, buy(4, 1_020, post_only=True)) == ["alice 4: rejected POST_ONLY_WOULD_TRADE"]
    assert phase(found) is Phase.CONTINUOUS
    assert found.send(ALICE, buy(5, 1_020, 10, tif=FOK))[2] == "alice 5: executed #12 taker 5 @ 1010, 0 left"


def test_an_order_with_a_minimum_that_is_met_inside_takes_part_with_the_rest() -> None:
    found = market()
    found.send(ALICE, buy(2, 1_020, 20, minimum=10))
    assert phase(found) is Phase.VOLATILITY_AUCTION
    assert found.bids()[0] == "10 in 1 @ 1020"


def test_can_fill_counts_what_the_orders_own_first_trade_would_leave_open() -> None:
    found = market(volatility=VolatilityRules(short=Width(10), short_window_ns=60 * SECOND, auction_ns=1))
    found.send(CAROL, sell(1, 998, 1))
    # 998 would trade first, and then 1010 would be 12 away from it.
    assert found.send(ALICE, buy(2, 1_010, 7, tif=FOK, stp=SelfTradePrevention.NONE)) == [
        "alice 2: rejected CANNOT_FILL"
    ]
    told = found.send(ALICE, buy(3, 1_010, 6, tif=FOK, stp=SelfTradePrevention.NONE))
    assert told[2] == "alice 3: executed #11 taker 5 @ 1005, 0 left"


def test_an_iceberg_takes_part_with_a_slice() -> None:
    found = market()
    found.send(ALICE, buy(2, 1_020, 20, display=4))
    assert found.bids()[0] == "4 in 1 @ 1020"


def test_a_replacement_into_the_breach_trades_and_takes_part() -> None:
    found = market()
    found.send(ALICE, buy(2, 900, 20))
    told = found.send(ALICE, replace(3, 2, 1_020, 20))
    assert told[:3] == [
        "alice 3: replaced #9 20 @ 1020, 20 left",
        "alice 3: executed #9 taker 5 @ 1005, 15 left",
        "alice 3: executed #9 taker 5 @ 1010, 10 left",
    ]
    assert phase(found) is Phase.VOLATILITY_AUCTION
    assert found.bids()[0] == "10 in 1 @ 1020"


def test_stops_that_fire_into_the_breach() -> None:
    found = market()
    found.send(
        CAROL,
        buy(1, lots=8, stop=1_005, market=True),
        buy(2, 1_030, 9, stop=1_005),
    )
    told = found.send(ALICE, buy(2, 1_005, 1))
    mine = [line for line in told if line.startswith("carol")]
    assert mine == [
        "carol 0: triggered #9 at 1005, goes in at 1505",
        "carol 0: executed #9 taker 4 @ 1005, 4 left",
        "carol 0: executed #9 taker 4 @ 1010, 0 left",
        "carol 0: triggered #10 at 1005, goes in at 1030",
        "carol 0: executed #10 taker 1 @ 1010, 8 left",
    ]
    assert phase(found) is Phase.VOLATILITY_AUCTION
    assert found.bids()[0] == "8 in 1 @ 1030"


def test_a_cascade_ends_with_the_interruption_and_goes_on_when_it_trades_again() -> None:
    found = market()
    found.send(
        CAROL,
        buy(1, lots=12, stop=1_005, market=True),
        buy(2, lots=1, stop=1_005, market=True),
        buy(3, lots=1, stop=1_010, market=True),
    )
    told = found.send(ALICE, buy(2, 1_005, 1))
    assert [line for line in told if line.startswith("carol")] == [
        "carol 0: triggered #9 at 1005, goes in at 1505",
        "carol 0: executed #9 taker 4 @ 1005, 8 left",
        "carol 0: executed #9 taker 5 @ 1010, 3 left",
        "carol 0: canceled #9 3 VOLATILITY_INTERRUPTION",
    ]
    assert not found.engine.is_due(found.time_ns), "nothing fires in an auction"
    told = found.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    assert [line for line in told if line.startswith("carol")] == [
        "carol 0: triggered #10 at 1005, goes in at 1511",
        "carol 0: canceled #10 1 VOLATILITY_INTERRUPTION",
    ], "1011 is still too far from 1000, and so it begins again"
    assert phase(found) is Phase.VOLATILITY_AUCTION


def test_two_orders_of_one_participant_interrupt_nothing() -> None:
    found = Market(**BEFORE)
    found.send(BOB, sell(1, 1_000))
    found.send(ALICE, buy(1, 1_000))
    found.send(CAROL, sell(1, 1_050), sell(2, 1_060))
    for ref, mode in enumerate(
        (
            SelfTradePrevention.CANCEL_NEWEST,
            SelfTradePrevention.DECREMENT,
            SelfTradePrevention.CANCEL_OLDEST,
        ),
        2,
    ):
        found.send(ALICE, buy(ref, 1_060, 1, stp=mode))
        assert phase(found) is Phase.CONTINUOUS, mode.name
    assert found.asks() == []


def test_an_order_of_somebody_else_behind_ones_own_interrupts() -> None:
    found = Market(**BEFORE)
    found.send(BOB, sell(1, 1_000))
    found.send(ALICE, buy(1, 1_000))
    found.send(CAROL, sell(1, 1_050))
    found.send(BOB, sell(2, 1_050))
    told = found.send(ALICE, buy(2, 1_050, 2, stp=SelfTradePrevention.CANCEL_OLDEST))
    assert "carol 0: canceled #3 1 SELF_TRADE" in told
    assert phase(found) is Phase.VOLATILITY_AUCTION


def test_the_auctions_price_is_the_new_reference() -> None:
    found = market(
        volatility=VolatilityRules(
            static=Width(10), short=Width(10), short_window_ns=60 * SECOND, auction_ns=1
        ),
        reference_price_ticks=1_000,
    )
    found.send(ALICE, buy(2, 1_050, 20))
    assert phase(found) is Phase.VOLATILITY_AUCTION
    found.send(BOB, sell(8, 1_050, 20))
    found.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    last = found.engine.books[EUA].last_price_ticks
    assert last > 1_011
    told = found.send(ALICE, buy(3, last, 1))
    if "executed" not in " ".join(told):
        told = found.send(BOB, sell(9, last, 1))
    assert phase(found) is Phase.CONTINUOUS
    found.send(BOB, sell(10, last + 10, 1), sell(11, last + 11, 1))
    found.send(ALICE, buy(4, last + 11, 50))
    assert phase(found) is Phase.VOLATILITY_AUCTION


def test_a_trade_leaves_the_window_after_its_length() -> None:
    found = market()
    found.send(ALICE, buy(2, 1_010, 6))
    found.time_ns = TIME_NS + 60 * SECOND - 1
    assert found.send(ALICE, buy(3, 1_011, 4))[0] == "alice 3: accepted #10 buy 4 @ 1011"
    assert found.bids()[0] == "5 in 1 @ 995", "there was an ask at 1010 left"
    found.send(BOB, buy(8, 1_001))
    found.time_ns = TIME_NS + 60 * SECOND
    told = found.send(ALICE, buy(4, 1_011, 1))
    assert told[1] == "alice 4: executed #12 taker 1 @ 1011, 0 left", "1000 is a minute ago, 1005 is not"
    assert phase(found) is Phase.CONTINUOUS


def test_the_static_width_interrupts_without_any_trade_and_follows_the_reference() -> None:
    static = VolatilityRules(static=Width(basis_points=100), auction_ns=1)
    found = Market(volatility=static, reference_price_ticks=1_000)
    found.send(BOB, sell(1, 1_010), sell(2, 1_011))
    found.send(OPS, m.SetBand(Ref(1), EUA, 990, 0, 0))
    found.send(ALICE, buy(1, 1_010))
    assert phase(found) is Phase.VOLATILITY_AUCTION, "1010 is too far from 990"
    found.send(OPS, m.SetBand(Ref(2), EUA, 1_001, 0, 0), m.SetPhase(Ref(3), EUA, Phase.CONTINUOUS))
    assert found.send(ALICE, buy(2, 1_011))[1] == "alice 2: executed #7 taker 1 @ 1011, 0 left"


def test_a_new_definition_begins_with_the_last_price_and_one_without_rules_ends_it() -> None:
    found = market(volatility=None)
    found.send(VENUE, m.DefineInstrument(definition(EUA, volatility=RULES)))
    found.send(ALICE, buy(2, 1_020, 20))
    assert phase(found) is Phase.VOLATILITY_AUCTION
    found.send(VENUE, m.DefineInstrument(definition(EUA)))
    found.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    found.send(BOB, sell(8, 2_000))
    assert found.send(ALICE, buy(3, 2_000, 1))[-1].startswith("bob 0: executed")


def test_the_corridor_is_part_of_the_state() -> None:
    found = market()
    for ref, price in enumerate((1_003, 1_001, 1_004), 8):
        found.time_ns += SECOND
        found.send(BOB, sell(ref, price))
        found.send(ALICE, buy(ref, price))
    again = restore(snapshot(found.engine))
    assert digest(again) == digest(found.engine)
    entry = m.Entry(again.sequence + 1, found.time_ns, ALICE, [buy(5_000, 1_020, 50)])
    again.apply(entry)
    found.engine.apply(entry)
    assert again.take_outputs() == found.engine.take_outputs()
    assert again.instruments[EUA].phase is Phase.VOLATILITY_AUCTION
    assert digest(again) == digest(found.engine)


# --- the auction's time, extensions, and its end --------------------------------------------------


def at(found: Market, seconds: float) -> Market:
    found.time_ns = TIME_NS + int(seconds * SECOND)
    return found


def told(found: Market) -> list[tuple[Phase, str, float]]:
    """Phases that are told as time passes, why, and until when, in seconds."""
    public = found.outputs(VENUE, m.TimePassed()).public
    return [
        (event.phase, event.text, (event.until_ns - TIME_NS) / SECOND if event.until_ns else 0)
        for event in public
        if isinstance(event, PhaseChanged)
    ]


def test_the_auction_ends_by_itself_and_trades_at_one_price() -> None:
    found = market()
    at(found, 10)
    [event] = [
        event for event in found.outputs(ALICE, buy(2, 1_020, 12)).public if isinstance(event, PhaseChanged)
    ]
    assert event.until_ns == TIME_NS + 130 * SECOND
    assert not found.engine.is_due(TIME_NS + 130 * SECOND - 1)
    assert found.engine.is_due(TIME_NS + 130 * SECOND)
    assert told(at(found, 129)) == []
    outputs = at(found, 130).outputs(VENUE, m.TimePassed())
    [result] = [event for event in outputs.public if isinstance(event, m.AuctionEnded)]
    assert (result.phase, result.price_ticks, result.volume_lots) == (Phase.VOLATILITY_AUCTION, 1_011, 2)
    assert phase(found) is Phase.CONTINUOUS
    assert found.asks() == ["3 in 1 @ 1011"]
    found.send(BOB, sell(9, 1_021, 1))
    assert found.send(ALICE, buy(3, 1_021, 4))[-1].startswith("bob 0: executed"), "10 from the new reference"
    assert phase(found) is Phase.CONTINUOUS


def test_the_end_is_drawn_from_the_seed_of_the_venue() -> None:
    ends = set()
    for seed in (b"a" * 16, b"b" * 16):
        found = Market(**BEFORE | {"volatility": msgspec.structs.replace(RULES, auction_random_ns=SECOND)})
        found.send(VENUE, m.SetSeed(seed))
        found.send(BOB, sell(1, 1_000), sell(2, 1_011))
        found.send(ALICE, buy(1, 1_000), buy(2, 1_011))
        timing = found.engine.books[EUA].timing
        assert timing is not None
        assert timing.ends_ns == TIME_NS + 120 * SECOND <= timing.ended_ns <= TIME_NS + 121 * SECOND
        ends.add(timing.ended_ns)
    assert len(ends) == 2


EXTENDED_TWICE = msgspec.structs.replace(RULES, extension=Width(15), extensions_max=2)


def test_an_auction_with_its_price_too_far_away_is_extended_and_then_carried_out() -> None:
    found = market(volatility=EXTENDED_TWICE)
    found.send(ALICE, buy(2, 1_030, 20))
    found.send(BOB, sell(8, 1_030, 20), cancel(9, 4))
    assert told(at(found, 120)) == [(Phase.VOLATILITY_AUCTION, auction.EXTENDED, 240)]
    assert told(at(found, 239)) == []
    assert told(at(found, 240)) == [(Phase.VOLATILITY_AUCTION, auction.EXTENDED, 360)]
    assert told(at(found, 360)) == [(Phase.CONTINUOUS, "", 0)]
    assert found.engine.books[EUA].last_price_ticks == 1_030


def test_an_auction_whose_price_comes_back_meanwhile_is_not_extended_again() -> None:
    found = market(volatility=EXTENDED_TWICE)
    found.send(ALICE, buy(2, 1_030, 20))
    found.send(BOB, sell(8, 1_030, 20), cancel(9, 4))
    assert told(at(found, 120)) == [(Phase.VOLATILITY_AUCTION, auction.EXTENDED, 240)]
    found.send(BOB, sell(10, 1_015, 30))
    assert told(at(found, 240)) == [(Phase.CONTINUOUS, "", 0)]
    assert found.engine.books[EUA].last_price_ticks == 1_015


def test_after_the_last_extension_it_waits_for_an_operator_where_that_is_wanted() -> None:
    waiting = msgspec.structs.replace(EXTENDED_TWICE, extensions_max=1, waits_for_operator=True)
    found = market(volatility=waiting)
    found.send(ALICE, buy(2, 1_030, 20))
    found.send(BOB, sell(8, 1_030, 20), cancel(9, 4))
    told(at(found, 120))
    assert told(at(found, 240)) == [(Phase.VOLATILITY_AUCTION, auction.WAITING_FOR_OPERATOR, 0)]
    assert not found.engine.is_due(TIME_NS + 10**6 * SECOND)
    again = restore(snapshot(found.engine))
    assert digest(again) == digest(found.engine)
    found.send(OPS, m.Resume(Ref(1), EUA))
    assert phase(found) is Phase.VOLATILITY_AUCTION, "nobody holds it"
    found.send(OPS, m.SetPhase(Ref(2), EUA, Phase.CONTINUOUS))
    assert found.engine.books[EUA].last_price_ticks == 1_030


def test_an_auction_in_which_nothing_can_trade_simply_ends() -> None:
    found = market(volatility=EXTENDED_TWICE)
    found.send(ALICE, buy(2, 1_030, 20), cancel(3, 2))
    assert told(at(found, 120)) == [(Phase.CONTINUOUS, "", 0)]
    assert found.engine.books[EUA].last_price_ticks == 1_010


def test_each_interruption_has_its_extensions_anew() -> None:
    found = market(volatility=msgspec.structs.replace(EXTENDED_TWICE, extensions_max=1))
    for number, price in enumerate((1_030, 1_060, 1_090)):
        begins = 1_000 * number
        at(found, begins)
        # Nothing that is nearer is left on the side of the sellers.
        found.send(BOB, m.MassCancel(Ref(20 + 2 * number), m.MassCancelScope.SESSION))
        found.send(BOB, sell(21 + 2 * number, price, 40))
        found.send(ALICE, buy(20 + number, price, 40))
        assert phase(found) is Phase.VOLATILITY_AUCTION
        assert told(at(found, begins + 120))[0][1] == auction.EXTENDED
        assert told(at(found, begins + 240)) == [(Phase.CONTINUOUS, "", 0)]


def test_the_draw_of_an_extension_is_its_own_though_no_command_came_between() -> None:
    rules = msgspec.structs.replace(EXTENDED_TWICE, auction_random_ns=60 * SECOND)
    found = market(volatility=rules)
    found.send(VENUE, m.SetSeed(b"s" * 16))
    found.send(BOB, sell(8, 1_030, 20), cancel(9, 4))
    found.send(ALICE, buy(2, 1_030, 40))
    drawn = []
    for seconds in (180, 360):
        timing = found.engine.books[EUA].timing
        assert timing is not None
        drawn.append(timing.ended_ns - timing.ends_ns)
        told(at(found, seconds))
    assert len(set(drawn)) == 2


def test_where_the_schedule_has_gone_on_meanwhile_its_phase_comes_instead_of_an_extension() -> None:
    found = market(volatility=EXTENDED_TWICE)
    found.send(ALICE, buy(2, 1_030, 20))
    found.send(BOB, sell(8, 1_030, 20), cancel(9, 4))
    at(found, 60)
    found.send(VENUE, m.SchedulePhase(EUA, Phase.CLOSING_AUCTION, found.time_ns, TIME_NS + 300 * SECOND))
    assert phase(found) is Phase.VOLATILITY_AUCTION
    assert told(at(found, 120))[0][0] is Phase.CLOSING_AUCTION


def test_an_interruption_that_outlasts_the_closing_auction_closes_without_a_trade() -> None:
    found = market()
    found.send(ALICE, buy(2, 1_020, 20, tif=TimeInForce.GTC), sell(3, 1_000, 1, tif=TimeInForce.AT_CLOSE))
    for seconds, step in ((60, Phase.CLOSING_AUCTION), (90, Phase.CLOSED)):
        at(found, seconds)
        found.send(VENUE, m.SchedulePhase(EUA, step, found.time_ns, found.time_ns + 30 * SECOND))
        assert phase(found) is Phase.VOLATILITY_AUCTION
    trades = found.engine.last_trade_id
    assert told(at(found, 120)) == [(Phase.CLOSED, "", 120)]
    assert found.engine.last_trade_id == trades
    assert (found.bids(), found.asks()) == (["10 in 1 @ 1020"], [])


def test_a_hold_whose_time_is_up_does_not_end_an_interruption_and_an_operator_does() -> None:
    found = market()
    found.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS, "", TIME_NS + 60 * SECOND))
    found.send(VENUE, m.SchedulePhase(EUA, Phase.CLOSED, TIME_NS, TIME_NS + 900 * SECOND))
    found.send(ALICE, buy(2, 1_020, 20))
    assert phase(found) is Phase.VOLATILITY_AUCTION
    again = Market()
    again.engine = restore(snapshot(found.engine))
    at(found, 60)
    assert not [
        event
        for event in found.outputs(VENUE, m.Resume(m.NO_REF, EUA)).public
        if isinstance(event, PhaseChanged)
    ]
    assert phase(found) is Phase.VOLATILITY_AUCTION
    assert not found.engine.venue.held_until_ns
    assert told(at(found, 120)) == [(Phase.CLOSED, "", 900)]
    again.time_ns = TIME_NS + 60 * SECOND
    again.send(OPS, m.Resume(Ref(2), EUA))
    assert phase(again) is Phase.CLOSED


def test_a_definition_with_the_same_rules_goes_on_and_takes_the_reference_that_comes_with_it() -> None:
    rules = msgspec.structs.replace(RULES, static=Width(100))
    found = market(volatility=rules, reference_price_ticks=1_000)
    found.send(VENUE, m.DefineInstrument(definition(EUA, volatility=rules, reference_price_ticks=905)))
    assert found.send(ALICE, buy(2, 1_010, 10))[1] == "alice 2: executed #10 taker 5 @ 1005, 5 left"
    assert phase(found) is Phase.VOLATILITY_AUCTION, "1010 is too far from 905"


def test_an_entry_that_has_met_all_it_may_interrupts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = market()
    found.send(BOB, sell(8, 1_005, 5))
    monkeypatch.setattr(engine_module, "ENTRY_MAKERS_MAX", 1)
    told_alice = found.send(ALICE, buy(2, 1_020, 20))
    assert "alice 2: canceled #10 15 TOO_MANY_MAKERS" in told_alice
    assert phase(found) is Phase.CONTINUOUS
