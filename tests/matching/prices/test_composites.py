"""Composite prices in the engine: when they are told, what of a member counts, what survives a restart."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from carbonmatch.limits import COMPOSITE_MEMBERS_MAX, COMPOSITE_WEIGHT_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    CloseRule,
    CompositeChanged,
    CompositeDefinition,
    CompositeMember,
    DefineComposite,
    DefineInstrument,
    InstrumentId,
    Phase,
    PriceRules,
    Ref,
    RejectReason,
)
from carbonmatch.matching.state import digest, restore, snapshot

from ..market import ALICE, BOB, CEA, EUA, OPS, VENUE, Market, buy, definition, sell

ALL = InstrumentId(90)
DAY = 20210716
RULES = PriceRules(close=CloseRule.VWAP_DAY)


def of(*weights: int, members: tuple[InstrumentId, ...] = (EUA, CEA)) -> CompositeDefinition:
    made_of = tuple(CompositeMember(one, weight) for one, weight in zip(members, weights, strict=False))
    return CompositeDefinition(ALL, "COM", "EUR", 2, made_of)


EQUAL = of(1, 1)


def priced(instrument_id: InstrumentId, reference_ticks: int) -> DefineInstrument:
    return DefineInstrument(definition(instrument_id, prices=RULES, reference_price_ticks=reference_ticks))


def venue(eua: int = 90_00, cea: int = 100_00, composite: CompositeDefinition = EQUAL) -> Market:
    """With a composite of both its instruments, already told."""
    market = Market()
    market.outputs(VENUE, priced(EUA, eua), priced(CEA, cea), DefineComposite(composite))
    return market


def told(outputs: m.Outputs) -> list[int]:
    return [event.price_ticks for event in outputs.public if isinstance(event, CompositeChanged)]


def trade(market: Market, ref: int, price: int, instrument: int = EUA, lots: int = 1) -> list[int]:
    """What is told of the composite by a trade."""
    market.outputs(ALICE, sell(ref, price, lots, instrument=instrument))
    return told(market.outputs(BOB, buy(ref, price, lots, instrument=instrument)))


def test_it_is_told_with_its_definition_as_soon_as_there_is_one() -> None:
    market = Market()
    outputs = market.outputs(VENUE, priced(EUA, 90_00), priced(CEA, 100_00), DefineComposite(of(1, 1)))
    assert outputs.public[-1] == CompositeChanged(ALL, market.time_ns, 95_00, of(1, 1))


def test_a_trade_of_a_member_moves_it_and_what_moves_nothing_is_not_told() -> None:
    market = venue()
    assert trade(market, 1, 92_00) == [96_00]
    assert trade(market, 2, 92_00) == []
    assert trade(market, 3, 104_00, CEA) == [98_00]
    assert told(market.outputs(ALICE, sell(4, 105_00))) == []


def test_several_trades_of_a_batch_are_told_once() -> None:
    market = venue()
    market.outputs(ALICE, sell(1, 92_00), sell(2, 94_00))
    assert told(market.outputs(BOB, buy(1, 94_00, 2))) == [97_00]


def test_before_its_first_trade_of_the_day_a_member_counts_by_its_reference_price() -> None:
    market = venue()
    assert told(market.outputs(OPS, m.SetReference(Ref(1), EUA, 80_00))) == [90_00]
    assert trade(market, 1, 92_00) == [96_00]
    assert told(market.outputs(OPS, m.SetReference(Ref(2), EUA, 70_00))) == []


def test_while_a_member_has_no_price_there_is_none() -> None:
    market = venue(eua=0)
    assert market.engine.composites[ALL].told_ticks == 0
    assert trade(market, 1, 92_00) == [96_00]


def test_what_was_negotiated_does_not_count() -> None:
    market = venue()
    book = market.engine.books[EUA]
    assert book.prices is not None
    book.prices.trade(m.Traded(EUA, 1, m.TradeId(1), 50_00, 1, m.Side.BUY, m.TradeKind.BLOCK))
    assert market.engine.composites[ALL].price_ticks(market.engine.books) == 95_00


def amend(market: Market, ref: int, command: m.TradeCommand, price: int) -> list[int]:
    side = m.TradeSide(ALICE, market.order_id(1), m.AccountId(11))
    found = m.FoundTrade(EUA, market.time_ns, price, 1, structs.replace(side, session_id=BOB), side)
    assert command.ref == ref
    return told(market.outputs(OPS, m.OnTrade(command, found)))


def test_a_bust_makes_it_what_it_would_be_had_the_trade_never_been() -> None:
    market = venue()
    assert trade(market, 1, 92_00) == [96_00]
    assert trade(market, 2, 94_00) == [97_00]
    first, second = m.TradeId(1), m.TradeId(2)
    assert amend(market, 1, m.BustTrade(Ref(1), second, "error"), 94_00) == [96_00]
    assert amend(market, 2, m.BustTrade(Ref(2), first, "error"), 92_00) == [95_00]


def test_a_bust_of_an_earlier_trade_of_the_day_changes_nothing() -> None:
    market = venue()
    trade(market, 1, 92_00)
    trade(market, 2, 94_00)
    assert amend(market, 1, m.BustTrade(Ref(1), m.TradeId(1), "error"), 92_00) == []


def test_a_corrected_trade_counts_as_what_it_was_corrected_to() -> None:
    market = venue()
    trade(market, 1, 92_00)
    assert amend(market, 1, m.CorrectTrade(Ref(1), m.TradeId(1), 98_00, 1, "error"), 92_00) == [99_00]


def end(market: Market, day: int, *instruments: InstrumentId) -> list[int]:
    closed = [m.SetPhase(Ref(0), one, Phase.CLOSED) for one in instruments]
    return told(market.outputs(VENUE, *closed, m.EndDay(Ref(0), day, instruments)))


def test_when_the_days_of_all_members_have_ended_it_is_the_average_of_their_closes() -> None:
    market = venue()
    trade(market, 1, 90_00, lots=1)
    assert trade(market, 2, 94_00, lots=3) == [97_00]
    # EUA closes at 93.00, its average by volume; CEA at its reference price.
    assert end(market, DAY, EUA) == [96_50]
    assert end(market, DAY, CEA) == []
    market.outputs(VENUE, m.SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
    assert trade(market, 3, 95_00) == [97_50]


def test_a_bust_of_a_trade_of_an_earlier_day_changes_nothing() -> None:
    market = venue()
    trade(market, 1, 92_00)
    end(market, DAY, EUA)
    assert amend(market, 1, m.BustTrade(Ref(1), m.TradeId(1), "error"), 92_00) == []


def test_a_changed_definition_is_told_where_it_makes_another_price_or_not() -> None:
    market = venue()
    heavier = of(3, 1)
    assert market.outputs(VENUE, DefineComposite(heavier)).public == [
        CompositeChanged(ALL, market.time_ns, 92_50, heavier)
    ]
    same = structs.replace(of(6, 2), symbol="COM2")
    assert market.outputs(VENUE, DefineComposite(same)).public == [
        CompositeChanged(ALL, market.time_ns, 92_50, same)
    ]


def test_without_members_it_has_ended() -> None:
    market = venue()
    assert told(market.outputs(VENUE, DefineComposite(of()))) == [0]
    assert trade(market, 1, 92_00) == []


def test_a_member_without_rules_for_its_prices_counts_by_its_reference_price() -> None:
    market = venue()
    trade(market, 1, 92_00)
    plain = DefineInstrument(definition(EUA, reference_price_ticks=80_00))
    assert told(market.outputs(VENUE, plain)) == [90_00]


def test_nothing_trades_at_it() -> None:
    market = venue()
    assert market.send(ALICE, sell(1, 95_00, instrument=ALL)) == [
        f"alice 1: rejected {RejectReason.UNKNOWN_INSTRUMENT.name}"
    ]


@pytest.mark.parametrize(
    "command",
    [
        DefineComposite(structs.replace(of(1, 1), composite_id=EUA)),
        DefineComposite(structs.replace(of(1, 1), composite_id=InstrumentId(0))),
        DefineComposite(of(1, 1, members=(EUA, InstrumentId(77)))),
        DefineInstrument(definition(ALL)),
    ],
    ids=["an instrument's id", "no id", "an unknown member", "an instrument with its id"],
)
def test_what_does_not_fit_is_our_own_fault(command: m.VenueCommand) -> None:
    market = venue()
    with pytest.raises(AssertionError):
        market.outputs(VENUE, command)


def test_a_restart_changes_nothing_and_tells_nothing() -> None:
    market = venue()
    trade(market, 1, 92_00)
    kept = snapshot(market.engine)
    again = restore(kept)
    assert digest(again) == digest(market.engine)
    assert again.composites[ALL].told_ticks == 96_00
    market.engine = again
    again.check()
    assert told(market.outputs(ALICE, sell(9, 200_00))) == []
    assert trade(market, 10, 94_00) == [97_00]


def test_several_are_told_in_the_order_of_their_definition_over_a_restart_too() -> None:
    market = venue()
    other = structs.replace(of(1, 3), composite_id=InstrumentId(80), symbol="OTHER")
    market.outputs(VENUE, DefineComposite(other))
    market.engine = restore(snapshot(market.engine))
    market.outputs(ALICE, sell(1, 94_00))
    outputs = market.outputs(BOB, buy(1, 94_00))
    assert [
        (event.instrument_id, event.price_ticks)
        for event in outputs.public
        if isinstance(event, CompositeChanged)
    ] == [(ALL, 97_00), (80, 98_50)]


def test_the_check_of_the_state_leaves_a_price_alone_that_is_still_to_be_told() -> None:
    market = venue()
    market.engine.apply(m.Entry(market.engine.sequence + 1, market.time_ns, VENUE, [priced(EUA, 80_00)]))
    assert market.engine.venue.public
    market.engine.check()


def test_the_check_of_the_state_finds_a_price_that_was_not_told() -> None:
    market = venue()
    market.engine.composites[ALL].told_ticks = 1
    with pytest.raises(AssertionError):
        market.engine.check()


def test_as_many_members_as_there_may_be_with_the_largest_weight() -> None:
    members = tuple(InstrumentId(100 + number) for number in range(COMPOSITE_MEMBERS_MAX))
    market = Market()
    market.outputs(VENUE, *(priced(one, one) for one in members))
    composite = of(*[COMPOSITE_WEIGHT_MAX] * COMPOSITE_MEMBERS_MAX, members=members)
    outputs = market.outputs(VENUE, DefineComposite(composite))
    assert told(outputs) == [116]  # 115.5
    encoded = msgspec.msgpack.encode(outputs.public[-1])
    assert len(encoded) <= COMPOSITE_MEMBERS_MAX * 10 + 128
    one_more = structs.replace(composite, members=(*composite.members, CompositeMember(EUA)))
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(one_more), type=CompositeDefinition)


def test_the_definition_of_all_members_at_their_bounds_fits_what_a_record_leaves_for_it() -> None:
    largest = CompositeDefinition(
        InstrumentId(2**31 - 1),
        "x" * 32,
        "CNY",
        9,
        tuple(CompositeMember(InstrumentId(2**31 - 1), COMPOSITE_WEIGHT_MAX) for _ in range(32)),
    )
    event = CompositeChanged(InstrumentId(2**31 - 1), 2**62, 2**40, largest)
    assert len(msgspec.msgpack.encode(event)) <= COMPOSITE_MEMBERS_MAX * 10 + 128


steps = st.lists(
    st.tuples(st.sampled_from(("trade", "bust", "reference", "end", "restart")), st.integers(1, 300)),
    max_size=12,
)


@given(steps, st.integers(1, 5), st.integers(1, 5))
def test_it_is_always_the_average_of_the_last_trades_that_stand_or_reference_prices(
    course: list[tuple[str, int]], eua_weight: int, cea_weight: int
) -> None:
    """Against a list of what stands of EUA; the weights and the price of CEA stay."""
    market = venue(100, 200, of(eua_weight, cea_weight))
    standing: list[tuple[int, int]] = []
    reference, day = 100, DAY
    last = market.engine.composites[ALL].told_ticks
    for number, (step, price) in enumerate(course, 1):
        if step == "trade":
            changes = trade(market, number, price)
            standing.append((market.engine.last_trade_id, price))
        elif step == "bust" and standing:
            trade_id, at = standing.pop(price % len(standing))
            changes = amend(market, number, m.BustTrade(Ref(number), m.TradeId(trade_id), ""), at)
        elif step == "reference":
            changes = told(market.outputs(OPS, m.SetReference(Ref(number), EUA, price)))
            reference = price
        elif step == "end":
            changes = end(market, day, EUA)
            if standing:
                reference = int(Fraction(sum(at for _, at in standing), len(standing)) + Fraction(1, 2))
            standing, day = [], day + 1
            changes += told(market.outputs(VENUE, m.SetPhase(Ref(0), EUA, Phase.CONTINUOUS)))
        else:
            market.engine = restore(snapshot(market.engine))
            changes = []
        eua = standing[-1][1] if standing else reference
        exact = Fraction(eua * eua_weight + 200 * cea_weight, eua_weight + cea_weight)
        expected = int(exact + Fraction(1, 2))
        assert changes == ([] if expected == last else [expected])
        last = expected
