"""Phases, bands, definitions, lost sessions, status requests; how entries and outputs go together."""

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching import queries
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.instrument import ALLOWED
from carbonmatch.matching.messages import (
    AccountId,
    BandChanged,
    CancelReason,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Entry,
    InstrumentDefined,
    InstrumentId,
    LevelChanged,
    OrderId,
    OrderStatusRequest,
    ParticipantId,
    Phase,
    PhaseChanged,
    Ref,
    RejectReason,
    RemoveSession,
    ReportFlag,
    SessionLost,
    SessionOpened,
    SetBand,
    SetPhase,
    Side,
    TimeInForce,
)
from carbonmatch.matching.state import restore, snapshot
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
    cancel,
    definition,
    reduce,
    replace,
    sell,
)

GTC = TimeInForce.GTC


def set_phase(ref: int, phase: Phase, instrument: int = EUA) -> SetPhase:
    return SetPhase(Ref(ref), InstrumentId(instrument), phase, "why")


def set_band(ref: int, low: int, high: int, reference: int = 0, instrument: int = EUA) -> SetBand:
    return SetBand(Ref(ref), InstrumentId(instrument), reference, low, high)


def status(ref: int, order_ref: int = 0, order_id: int = 0, after: int = 0) -> OrderStatusRequest:
    return OrderStatusRequest(Ref(ref), Ref(order_ref), OrderId(order_id), OrderId(after))


# --- phases -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "new", "replaced", "reduced"),
    [
        (Phase.CONTINUOUS, "accepted #5", "replaced #1", "reduced #2"),
        (Phase.CANCEL_ONLY, "rejected CANCEL_ONLY", "rejected CANCEL_ONLY", "reduced #2"),
        (Phase.HALTED, "rejected HALTED", "rejected HALTED", "rejected HALTED"),
        (Phase.CLOSED, "rejected CLOSED", "rejected CLOSED", "rejected CLOSED"),
    ],
)
def test_each_phase_admits_its_commands_and_always_a_cancel(
    phase: Phase, new: str, replaced: str, reduced: str
) -> None:
    market = Market()
    market.send(ALICE, *(buy(ref, price=100, lots=5, tif=GTC) for ref in (1, 2, 3)))
    market.send(OPS, set_phase(1, phase))
    told = market.send(
        ALICE, buy(4, price=100), replace(5, 1, price=101, lots=5), reduce(6, 2, lots=4), cancel(7, 3)
    )
    assert [
        line.split(": ")[1][: len(word)] for line, word in zip(told, (new, replaced, reduced), strict=False)
    ] == [
        new,
        replaced,
        reduced,
    ]
    assert told[3] == "alice 7: canceled #3 5 REQUESTED"


def test_every_phase_has_its_row() -> None:
    assert {phase: {kind.__name__ for kind in kinds} for phase, kinds in ALLOWED.items()} == {
        Phase.CONTINUOUS: {"NewOrder", "Select", "Replace", "Reduce", "Cancel"},
        Phase.CANCEL_ONLY: {"Reduce", "Cancel"},
        Phase.HALTED: {"Cancel"},
        Phase.CLOSED: {"Cancel"},
        Phase.PRE_OPEN: {"NewOrder", "Replace", "Reduce", "Cancel"},
        Phase.OPENING_AUCTION: {"NewOrder", "Replace", "Reduce", "Cancel"},
        Phase.CLOSING_AUCTION: {"NewOrder", "Replace", "Reduce", "Cancel"},
        Phase.VOLATILITY_AUCTION: {"NewOrder", "Replace", "Reduce", "Cancel"},
        Phase.BREAK: {"Reduce", "Cancel"},
    }


def test_a_change_of_phase_is_public_and_answered_to_the_operator() -> None:
    market = Market()
    outputs = market.outputs(OPS, set_phase(1, Phase.HALTED))
    assert outputs.public == [PhaseChanged(EUA, TIME_NS, Phase.HALTED, "why")]
    [chunk] = outputs.streams
    assert chunk.reports == [m.Done(1, Ref(1), TIME_NS, 0, market.engine.sequence)]


def test_closing_expires_day_orders_bids_first_and_keeps_the_others() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=102), buy(2, price=98), buy(3, price=99, tif=GTC))
    market.send(BOB, buy(1, price=99, lots=4), sell(2, price=101, instrument=CEA))
    assert market.send(OPS, set_phase(1, Phase.CLOSED)) == [
        "ops 1: done",
        "bob 0: canceled #4 4 EXPIRED",
        "alice 0: canceled #2 1 EXPIRED",
        "alice 0: canceled #1 1 EXPIRED",
    ]
    assert (market.bids(), market.asks()) == (["1 in 1 @ 99"], [])
    assert market.asks(CEA) == ["1 in 1 @ 101"]


def test_a_reopened_instrument_trades_with_what_has_rested() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=99, tif=GTC))
    market.send(OPS, set_phase(1, Phase.CLOSED), set_phase(2, Phase.CONTINUOUS))
    assert market.send(BOB, sell(1, price=99))[1] == "bob 1: executed #4 taker 1 @ 99, 0 left"


def test_instrument_zero_means_every_instrument_in_the_order_of_their_ids() -> None:
    market = Market()
    public = market.outputs(VENUE, set_phase(0, Phase.HALTED, instrument=0)).public
    assert [(event.instrument_id, event.phase) for event in public] == [(1, 2), (2, 2)]  # type: ignore[union-attr]


# --- bands ------------------------------------------------------------------------------------------


def test_a_band_counts_for_new_prices_and_leaves_resting_orders_alone() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=120, lots=5))
    outputs = market.outputs(OPS, set_band(1, 90, 110, reference=100))
    assert outputs.public == [BandChanged(EUA, TIME_NS, 100, 90, 110)]
    assert market.engine.instruments[EUA].definition == definition(
        EUA, reference_price_ticks=100, band_low_ticks=90, band_high_ticks=110
    )
    assert market.send(BOB, buy(1, price=120)) == ["bob 1: rejected OUTSIDE_BAND"]
    assert market.asks() == ["5 in 1 @ 120"]
    market.send(OPS, set_band(2, 0, 0))
    assert market.send(BOB, buy(2, price=120))[0].startswith("bob 2: accepted")


@pytest.mark.parametrize(("low", "high", "reference"), [(2, 1, 0), (1, 10**9 + 1, 0), (1, 2, 10**9 + 1)])
def test_a_band_that_is_none_is_refused(low: int, high: int, reference: int) -> None:
    market = Market()
    assert market.send(OPS, set_band(1, low, high, reference)) == ["ops 1: rejected INVALID_PRICE"]


def test_only_operators_steer() -> None:
    market = Market()
    assert market.send(ALICE, set_phase(1, Phase.HALTED), set_band(2, 1, 2)) == [
        "alice 1: rejected NOT_ENTITLED",
        "alice 2: rejected NOT_ENTITLED",
    ]
    assert market.engine.instruments[EUA].phase is Phase.CONTINUOUS


def test_an_operator_may_err_about_the_instrument() -> None:
    market = Market()
    assert market.send(OPS, set_phase(1, Phase.HALTED, instrument=3), set_band(2, 1, 2, instrument=3)) == [
        "ops 1: rejected UNKNOWN_INSTRUMENT",
        "ops 2: rejected UNKNOWN_INSTRUMENT",
    ]


def test_the_venue_itself_must_not_err() -> None:
    with pytest.raises(AssertionError, match="UNKNOWN_INSTRUMENT"):
        Market().outputs(VENUE, set_phase(0, Phase.HALTED, instrument=3))


# --- definitions ------------------------------------------------------------------------------------


def test_a_new_definition_counts_from_now_on_and_keeps_orders_and_phase() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=99, lots=3))
    market.send(OPS, set_phase(1, Phase.CANCEL_ONLY))
    changed = definition(EUA, quantity_min_lots=10)
    assert market.outputs(VENUE, DefineInstrument(changed)).public == [InstrumentDefined(TIME_NS, changed)]
    assert market.engine.instruments[EUA].phase is Phase.CANCEL_ONLY
    market.send(OPS, set_phase(2, Phase.CONTINUOUS))
    assert market.send(BOB, buy(1, price=99, lots=3)) == ["bob 1: rejected BELOW_MINIMUM"]
    assert market.bids() == ["3 in 1 @ 99"]


def test_an_instrument_opens_in_its_opening_phase() -> None:
    market = Market(opening_phase=Phase.CLOSED)
    assert market.send(ALICE, buy(1, price=99)) == ["alice 1: rejected CLOSED"]


def test_an_account_that_changes_hands_takes_its_open_orders_along() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100))
    market.outputs(VENUE, DefineAccount(AccountId(11), ParticipantId(2), "alpha"))
    assert market.send(BOB, buy(1, price=100))[1] == "bob 1: prevented #3 with #1 1 CANCEL_NEWEST, 1 left"


def test_a_session_that_is_defined_again_keeps_its_stream_and_its_orders() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=100))
    market.outputs(VENUE, DefineSession(ALICE, "alice", (AccountId(12),)))
    assert market.send(ALICE, buy(2, price=100, account=11)) == ["alice 2: rejected UNKNOWN_ACCOUNT"]
    [chunk] = market.outputs(ALICE, cancel(3, 1)).streams
    assert [(report.seq, report.ref) for report in chunk.reports] == [(3, 3)]


# --- lost sessions ----------------------------------------------------------------------------------


def test_a_lost_session_loses_its_orders_but_for_those_to_be_kept() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=99, lots=2), buy(2, price=98, keep=True), sell(3, price=101))
    market.send(CAROL, buy(1, price=99))
    assert market.send(VENUE, SessionLost(ALICE)) == [
        "alice 0: canceled #1 2 DISCONNECTED",
        "alice 0: canceled #3 1 DISCONNECTED",
    ]
    assert market.bids() == ["1 in 1 @ 99", "1 in 1 @ 98"]


def test_a_removed_session_loses_its_powers_and_all_its_orders_and_keeps_its_numbers() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=99, lots=2), buy(2, price=98, keep=True))
    market.send(CAROL, buy(1, price=99))
    next_seq = market.engine.sessions[ALICE].next_seq
    assert market.send(VENUE, RemoveSession(ALICE)) == [
        "alice 0: canceled #1 2 SESSION_REMOVED",
        "alice 0: canceled #2 1 SESSION_REMOVED",
    ]
    assert market.bids() == ["1 in 1 @ 99"]
    assert market.send(VENUE, RemoveSession(ALICE)) == []
    assert market.send(ALICE, buy(3, price=99)) == ["alice 3: rejected UNKNOWN_ACCOUNT"]
    assert market.engine.sessions[ALICE].next_seq == next_seq + 3
    market.engine.check()


def test_what_a_session_asks_for_at_its_logon_holds_after_a_restart() -> None:
    market = Market()
    market.send(VENUE, SessionOpened(ALICE, cancel_on_disconnect=True, grace_ms=1_500))
    again = restore(snapshot(market.engine))
    asked = {
        session_id: (session.cancel_on_disconnect, session.grace_ms)
        for session_id, session in again.sessions.items()
    }
    assert asked == {ALICE: (True, 1_500), BOB: (False, 0), CAROL: (False, 0), OPS: (False, 0)}


# --- status -----------------------------------------------------------------------------------------


def test_one_order_is_asked_for_by_its_name() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=5))
    market.send(BOB, buy(1, price=100, lots=2))
    market.send(ALICE, replace(2, 1, price=101, lots=6))
    expected = "status #1 named {} 6 @ 101, 4 left"
    assert market.send(ALICE, status(3, order_ref=2)) == [
        f"alice 3: {expected.format(2)}",
        "alice 3: end of 1",
    ]
    assert market.send(CAROL, status(1, order_id=market.order_id(1))) == [
        f"carol 1: {expected.format(0)}",
        "carol 1: end of 1",
    ]
    assert market.send(BOB, status(2, order_id=market.order_id(1))) == ["bob 2: rejected UNKNOWN_ORDER"]
    assert market.send(BOB, status(3, order_ref=1, order_id=1)) == [
        "bob 3: rejected INCOMPATIBLE_INSTRUCTIONS"
    ]


def test_all_open_orders_come_in_pages_by_order_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "STATUS_ORDERS_MAX", 2)
    market = Market()
    market.send(ALICE, *(buy(ref, price=90 + ref) for ref in (1, 2, 3, 4, 5)))
    market.send(ALICE, replace(6, 1, price=80, lots=1), cancel(7, 3))
    market.send(CAROL, buy(1, price=90))
    assert market.send(ALICE, status(8)) == [
        "alice 8: status #1 named 6 1 @ 80, 1 left",
        "alice 8: status #2 named 2 1 @ 92, 1 left",
        "alice 8: end of 2, more",
    ]
    # The last one seen may be gone by now, and the next page starts behind it all the same.
    market.send(ALICE, cancel(9, 2))
    assert market.send(ALICE, status(10, after=market.order_id(2))) == [
        "alice 10: status #4 named 4 1 @ 94, 1 left",
        "alice 10: status #5 named 5 1 @ 95, 1 left",
        "alice 10: end of 2",
    ]


def test_a_session_without_orders_gets_the_end_at_once() -> None:
    assert Market().send(BOB, status(1)) == ["bob 1: end of 0"]


# --- entries and outputs ----------------------------------------------------------------------------


def test_sequences_count_commands_and_order_ids_are_those_of_their_commands() -> None:
    engine = Engine()
    assert engine.sequence == 0
    engine.apply(Entry(1, TIME_NS, VENUE, [DefineInstrument(definition())]))
    engine.apply(
        Entry(
            2,
            TIME_NS,
            VENUE,
            [
                DefineAccount(AccountId(1), ParticipantId(1), "a"),
                DefineSession(ALICE, "s", (AccountId(1),)),
            ],
        )
    )
    engine.apply(Entry(4, TIME_NS, ALICE, [buy(1, price=0), buy(2, price=100)]))
    assert engine.sequence == 5
    [chunk] = engine.take_outputs().streams
    assert chunk.reports[1].order_id == 5  # type: ignore[union-attr]


def test_the_engine_says_where_it_is() -> None:
    market = Market()
    engine = market.engine
    assert (engine.sequence, engine.time_ns, engine.open_order_count) == (9, TIME_NS, 0)
    market.send(ALICE, buy(1, price=100), buy(2, price=99))
    assert (engine.sequence, engine.time_ns, engine.open_order_count) == (11, TIME_NS, 2)
    assert engine.last_trade_id == 0
    engine.set_durable(False)
    assert market.outputs(BOB, buy(1, price=98)).streams[0].reports[0].flags == ReportFlag.NOT_DURABLE
    engine.set_durable(True)
    assert market.outputs(BOB, buy(2, price=98)).streams[0].reports[0].flags == 0


def test_outputs_name_the_reasons_of_what_was_refused_and_canceled_in_their_order() -> None:
    market = Market()
    market.send(ALICE, buy(1, price=100), buy(2, price=100), buy(3, price=100))
    outputs = market.outputs(ALICE, cancel(4, 2), cancel(5, 2), buy(6, price=0))
    assert outputs.cancels == [CancelReason.REQUESTED]
    assert outputs.refusals == [RejectReason.UNKNOWN_ORDER, RejectReason.INVALID_PRICE]
    outputs = market.outputs(VENUE, SessionLost(ALICE))
    assert outputs.cancels == [CancelReason.DISCONNECTED, CancelReason.DISCONNECTED]


@pytest.mark.parametrize("first_sequence", [9, 11])
def test_an_entry_out_of_place_is_a_bug(first_sequence: int) -> None:
    market = Market()
    with pytest.raises(AssertionError, match="without gaps"):
        market.engine.apply(Entry(first_sequence, TIME_NS, ALICE, [buy(1, price=100)]))


def test_a_ref_that_was_applied_before_is_a_bug_of_the_caller() -> None:
    market = Market()
    market.send(ALICE, buy(5, price=100))
    with pytest.raises(AssertionError, match="repeats"):
        market.outputs(ALICE, buy(5, price=100))


def test_commands_of_the_venue_are_not_taken_from_sessions_nor_orders_from_the_venue() -> None:
    with pytest.raises((KeyError, AttributeError)):
        Market().outputs(ALICE, SessionLost(BOB))
    with pytest.raises(KeyError):
        Market().outputs(VENUE, buy(1, price=100))


def test_outputs_gather_over_entries_and_are_handed_out_once() -> None:
    market = Market()
    engine = market.engine
    engine.apply(Entry(10, TIME_NS, ALICE, [buy(3, price=100, lots=2), buy(4, price=100, lots=2)]))
    engine.apply(Entry(12, TIME_NS, BOB, [sell(1, price=100, lots=3)]))
    assert engine.gathered_report_count == 7
    outputs = engine.take_outputs()
    assert [
        (chunk.session_id, chunk.ref_before, [(report.seq, report.ref) for report in chunk.reports])
        for chunk in outputs.streams
    ] == [
        (ALICE, 0, [(1, 3), (2, 4), (3, 0), (4, 0)]),
        (BOB, 0, [(1, 1), (2, 1), (3, 1)]),
    ]
    assert outputs.levels == [LevelChanged(EUA, Side.BUY, 100, 1, 1)]
    assert engine.gathered_report_count == 0
    assert engine.take_outputs() == m.Outputs([], [], [], [], [])
    engine.apply(Entry(13, TIME_NS, ALICE, [buy(9, price=0)]))
    assert [chunk.ref_before for chunk in engine.take_outputs().streams] == [4]


def test_a_level_that_opens_and_closes_within_a_batch_is_published_once_as_gone() -> None:
    market = Market()
    outputs = market.outputs(ALICE, buy(1, price=100), cancel(2, 1), buy(3, price=100), cancel(4, 3))
    assert outputs.levels == [LevelChanged(EUA, Side.BUY, 100, 0, 0)]


def test_in_relaxed_mode_every_report_says_that_it_is_not_durable() -> None:
    market = Market(durable=False)
    market.outputs(ALICE, sell(1, price=100))
    streams = market.outputs(BOB, buy(1, price=100), cancel(2, 1)).streams
    assert {report.flags for chunk in streams for report in chunk.reports} == {1}
