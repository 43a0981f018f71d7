"""Where instruments are, as operators ask: by symbol, by number, page by page."""

from typing import Any

import msgspec
import pytest

from carbonmatch.limits import (
    BLOCK_UPDATE_BYTES_MAX,
    INSTRUMENT_ID_MAX,
    INSTRUMENT_STATUS_MAX,
    NAME_CHARS_MAX,
    PRICE_TICKS_MAX,
    TIME_NS_MAX,
    TRADING_DAY_MAX,
    WIRE_INT_MAX,
)
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    BlockPhase,
    BlockRules,
    InstrumentStatus,
    InstrumentStatusRequest,
    Phase,
    Ref,
    StatusEnd,
)
from tests.matching.market import ALICE, BOB, CEA, EUA, OPS, TIME_NS, VENUE, Market, buy, sell

REF = Ref(4)


def asked(market: Market, *what: Any) -> tuple[list[InstrumentStatus], bool]:
    """What is told, and whether there is more."""
    streams = market.outputs(OPS, InstrumentStatusRequest(REF, *what)).streams
    *told, end = next(chunk.reports for chunk in streams if chunk.session_id == OPS)
    assert isinstance(end, StatusEnd)
    assert end.count == len(told)
    assert all(isinstance(one, InstrumentStatus) for one in told)
    return told, end.more  # type: ignore[return-value]


def test_every_instrument_is_told_in_the_order_of_the_numbers() -> None:
    told, more = asked(Market())
    assert [(one.instrument_id, one.symbol, one.phase) for one in told] == [
        (EUA, "I1", Phase.CONTINUOUS),
        (CEA, "I2", Phase.CONTINUOUS),
    ]
    assert not more


def test_one_instrument_is_found_by_its_symbol_and_another_is_not() -> None:
    assert [one.instrument_id for one in asked(Market(), "I2")[0]] == [CEA]
    assert asked(Market(), "I") == asked(Market(), "I2", CEA) == ([], False)


def test_it_tells_phase_day_prices_and_blocks() -> None:
    market = Market()
    definition = market.engine.books[EUA].instrument.configured
    with_blocks = msgspec.structs.replace(
        definition, blocks=BlockRules(opening_phase=BlockPhase.BREAK), price_increment_ticks=5
    )
    market.outputs(VENUE, m.DefineInstrument(with_blocks))
    for phase, hour, day in ((Phase.CONTINUOUS, 0, 20231113), (Phase.CLOSED, 1, 20231113)):
        at_ns = TIME_NS + hour * 3_600 * 10**9
        market.outputs(VENUE, m.SchedulePhase(EUA, phase, at_ns, 0, trading_day=day))
    market.outputs(VENUE, m.EndDay(m.NO_REF, 20231113, (EUA,)))
    market.send(OPS, m.SetBand(Ref(1), EUA, 100, 90, 110))
    seq = market.engine.sessions[OPS].next_seq
    (told,), _ = asked(market, "I1")
    assert told == InstrumentStatus(
        seq, REF, TIME_NS, 0, EUA, "I1", Phase.CLOSED, False, 3, 20231113, 20231113, 100, 90, 110, 5
    )


def test_it_tells_of_an_auction_that_is_being_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 1)
    market = Market()
    market.send(OPS, m.SetPhase(Ref(1), EUA, Phase.CLOSING_AUCTION))
    for ref in (1, 2, 3):
        market.send(ALICE, buy(ref, 100, 1))
        market.send(BOB, sell(ref, 100, 1))
    market.send(OPS, m.SetPhase(Ref(2), EUA, Phase.CLOSED))
    assert [one.is_uncrossing for one in asked(market)[0]] == [True, False]


def test_it_is_for_operators() -> None:
    assert Market().send(ALICE, InstrumentStatusRequest(REF)) == ["alice 4: rejected NOT_ENTITLED"]


def test_more_than_one_answer_has_are_asked_for_page_by_page() -> None:
    market = Market()
    definition = market.engine.books[EUA].instrument.configured
    for number in range(3, INSTRUMENT_STATUS_MAX + 4):
        named = msgspec.structs.replace(definition, instrument_id=m.InstrumentId(number), symbol=f"N{number}")
        market.outputs(VENUE, m.DefineInstrument(named))
    told, more = asked(market)
    assert (len(told), more) == (INSTRUMENT_STATUS_MAX, True)
    (chunk,) = market.outputs(OPS, InstrumentStatusRequest(Ref(5), "", told[-1].instrument_id)).streams
    *rest, end = chunk.reports
    assert [one.instrument_id for one in rest] == [  # type: ignore[union-attr]
        INSTRUMENT_STATUS_MAX + number for number in (1, 2, 3)
    ]
    assert isinstance(end, StatusEnd)
    assert not end.more


@pytest.mark.parametrize("flags", [0, 3])
def test_one_report_is_no_longer_than_records_are_reckoned_with(flags: int) -> None:
    widest = InstrumentStatus(
        WIRE_INT_MAX,
        Ref(WIRE_INT_MAX),
        TIME_NS_MAX,
        flags,
        m.InstrumentId(INSTRUMENT_ID_MAX),
        "x" * NAME_CHARS_MAX,
        Phase.CONTINUOUS,
        True,
        3,
        *[TRADING_DAY_MAX] * 2,
        *[PRICE_TICKS_MAX] * 4,
    )
    assert len(msgspec.msgpack.encode(widest)) <= BLOCK_UPDATE_BYTES_MAX
