"""Faults that are planted in the engine: a checker that finds nothing wrong with them would be none."""

from random import Random
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.config.timetable import Timetable
from carbonmatch.journal import segment_scan as segment_scan_module
from carbonmatch.journal.reader import scan
from carbonmatch.journal.record import HEADER_BYTES, Header, Kind
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import segment_name
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching import auction as auction_module
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import trades as trades_module
from carbonmatch.matching.clearing.reserving import Reserving
from carbonmatch.matching.messages import (
    NO_REF,
    Accepted,
    AccountId,
    AnyReport,
    Canceled,
    CancelReason,
    Executed,
    InstrumentId,
    Liquidity,
    OrderId,
    Reduce,
    Ref,
    Side,
    TradeId,
)
from carbonmatch.server import recovery as server_recovery_module
from carbonmatch.server import trade_search as trade_search_module
from carbonmatch.server.clocks import SteadyClock
from carbonmatch.server.drop_copy import CopyPeer
from carbonmatch.server.gateway import Gateway
from carbonmatch.server.pipeline import Batch, Pipeline
from carbonmatch.server.schedules import Now, Schedules
from carbonmatch.server.session_peer import SessionPeer
from carbonmatch.server.stream import Chunk, Stream
from tests.simulation import world as world_module
from tests.simulation.checks import Violated, check_units
from tests.simulation.day import day
from tests.simulation.engine import has_accounts
from tests.simulation.faults import Faults
from tests.simulation.run import simulate
from tests.simulation.world import NS_PER_MS, NS_PER_SECOND

STEPS = 3_000
WORLDS = 12


def violated(faults: Faults) -> str:
    """What the first world that notices says; nothing where none does."""
    for seed in range(WORLDS):
        try:
            simulate(seed, STEPS, faults)
        except Violated as violation:
            return str(violation)
    return ""


def calm() -> Faults:
    return Faults(connection_break=1, repeat=0.05, resume_from_earlier=0.5, mishap_seconds=0.1)


def test_the_worlds_that_the_plants_are_tried_in_are_sound() -> None:
    assert violated(calm()) == ""


def test_steps_of_a_schedule_that_come_behind_orders_of_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(schedules: Schedules) -> None:
        if schedules._clocks.time_ns() >= schedules._due_ns + 10**7:
            schedules.run()

    monkeypatch.setattr(Schedules, "look", late)
    # A step comes while there is trading: that lasts for a fraction of a second, and steps are seconds apart.
    calendar, schedule = day(Random(0))
    step = Timetable(schedule, calendar).next_after(world_module.START_UTC_NS + NS_PER_SECOND)
    assert step is not None
    monkeypatch.setattr(world_module, "START_UTC_NS", step.at_ns - NS_PER_SECOND - 50 * NS_PER_MS)
    with pytest.raises(Violated, match="no order comes before a step"):
        simulate(0, 1_000, calm())


def test_a_schedule_whose_steps_come_early(monkeypatch: pytest.MonkeyPatch) -> None:
    of = Now.of
    monkeypatch.setattr(Now, "of", lambda timetable, ns: of(timetable, ns + 5 * 10**9))
    assert "no step is early" in violated(calm())


def test_a_close_that_lets_orders_of_the_day_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auction_module, "_expire", lambda _venue, _book: None)
    # In a report, or in a trade with an order that should be gone.
    assert "equal the reference's" in violated(calm())


def test_a_sync_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    append = JournalWriter.append

    def unsynced(writer: JournalWriter, payload: bytes, first_sequence: int, count: int) -> int:
        monkeypatch.setattr(writer, "relaxed", True)
        return append(writer, payload, first_sequence, count)

    monkeypatch.setattr(JournalWriter, "append", unsynced)
    assert "on the disk" in violated(calm())


def test_answers_that_do_not_wait_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = Pipeline._cut

    def hasty(pipeline: Pipeline, alone: bool) -> None:
        batch = pipeline._gathering
        cut(pipeline, alone)
        for chunk in batch.chunks:
            receiver = pipeline.streams[chunk.session_id].receiver
            if receiver is not None:
                receiver.send(chunk.payload)

    monkeypatch.setattr(Pipeline, "_cut", hasty)
    monkeypatch.setattr(Pipeline, "_answer", lambda pipeline, batch: answer_silently(pipeline, batch))
    assert "durable" in violated(calm())


def answer_silently(pipeline: Pipeline, batch: Batch) -> None:
    for chunk, last_ref in zip(batch.chunks, batch.last_refs, strict=True):
        stream = pipeline.streams[chunk.session_id]
        receiver, stream.receiver = stream.receiver, None
        stream.release(chunk, last_ref)
        stream.receiver = receiver


def test_a_repeat_that_is_executed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = SessionPeer._apply_selected

    def forgetful(peer: SessionPeer, *arguments: Any) -> Any:
        peer.state.last_ref = Ref(0)
        return apply(peer, *arguments)

    monkeypatch.setattr(SessionPeer, "_apply_selected", forgetful)
    assert "applied once" in violated(calm())


def test_a_report_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Stream.release

    def leaky(stream: Stream, chunk: Chunk, last_ref: Ref) -> None:
        receiver = stream.receiver
        if chunk.first_seq % 50 == 0:
            stream.receiver = None
        release(stream, chunk, last_ref)
        stream.receiver = receiver

    monkeypatch.setattr(Stream, "release", leaky)
    assert "no gap" in violated(calm())


def test_a_resume_that_begins_one_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    payloads_from = Stream.payloads_from
    monkeypatch.setattr(Stream, "payloads_from", lambda stream, next_seq: payloads_from(stream, next_seq)[1:])
    assert "no gap" in violated(calm())


def test_a_repeat_that_is_answered_with_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Stream.outcome

    def garbled(stream: Stream, ref: Ref) -> list[Any]:
        return [structs.replace(report, time_ns=report.time_ns + 1) for report in outcome(stream, ref)]

    monkeypatch.setattr(Stream, "outcome", garbled)
    assert "as the first was" in violated(calm())


def test_a_copy_that_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    send = CopyPeer._send

    def leaky(peer: CopyPeer, chunk: Chunk) -> None:
        if chunk.first_seq % 10:
            send(peer, chunk)
        else:
            peer._next_seq = chunk.first_seq + chunk.count

    monkeypatch.setattr(CopyPeer, "_send", leaky)
    assert "a drop copy has no gap" in violated(calm())


def test_durable_records_that_recovery_takes_for_a_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    def losing(storage: Any, *arguments: Any, **options: Any) -> Any:
        records = [record for record in scan(storage) if record.kind is Kind.DATA]
        if records:
            file, offset = storage.names[segment_name(records[-1].segment)], records[-1].offset
            file.cached[offset:] = file.durable[offset:] = bytes(len(file.cached) - offset)
        return recover(storage, *arguments, **options)

    monkeypatch.setattr(server_recovery_module, "recover", losing)
    assert "there after a crash" in violated(Faults(kill=1, mishap_seconds=0.05))


def test_a_flip_of_a_bit_that_nobody_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(header: Header, data: bytes, start: int = 0) -> bytes:
        return bytes(data[start + HEADER_BYTES : start + HEADER_BYTES + header.payload_bytes])

    monkeypatch.setattr(segment_scan_module, "unpack_payload", trusting)
    # What replay gives is then compared with what is journaled: only a stamp slips through.
    monkeypatch.setattr(server_recovery_module, "is_caused_by", lambda *_: True)
    flips = Faults(kill=1, bit_flip=1, mishap_seconds=0.02)
    try:
        said = violated(flips)
    except Exception as nonsense:
        said = f"state: {nonsense!r}"
    assert "state" in said


def test_an_order_that_keeps_its_lots_though_it_is_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    reduce = engine_module._FROM_SESSIONS[Reduce]

    def forgetful(venue: Any, session: Any, command: Reduce, ref: Ref) -> None:
        if ref % 5 == 0:
            command = Reduce(ref, NO_REF, OrderId(1), command.quantity_lots)
        reduce(venue, session, command, ref)

    monkeypatch.setitem(engine_module._FROM_SESSIONS, Reduce, forgetful)
    assert "equal the reference's" in violated(calm())


def test_a_feed_that_leaves_something_out(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = Subscriptions.offer

    def leaky(subscriptions: Subscriptions, subscriber: Any, queued_bytes: int, now_ns: int) -> Any:
        framed = offer(subscriptions, subscriber, queued_bytes, now_ns)
        return None if now_ns % 7 == 0 else framed

    monkeypatch.setattr(Subscriptions, "offer", leaky)
    assert "the feed has no gap" in violated(calm())


def test_a_cancel_that_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = Gateway.swept

    def forgetful(gateway: Gateway, now_ns: int) -> None:
        gateway._lost_at_ns.clear()
        swept(gateway, now_ns)

    monkeypatch.setattr(Gateway, "swept", forgetful)
    assert "orders go with their connection" in violated(calm())


def test_an_answer_to_a_logon_that_tells_another_ref(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = SessionPeer._accepted

    def wrong(peer: SessionPeer, *arguments: Any) -> Any:
        answer = accepted(peer, *arguments)
        return structs.replace(answer, last_ref=max(0, answer.last_ref - 1))

    monkeypatch.setattr(SessionPeer, "_accepted", wrong)
    assert "last ref" in violated(calm())


def test_a_clock_that_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SteadyClock, "time_ns", lambda clock: clock._machine_ns())
    # The engine may be the first to notice: by the bust of a trade that is yet to be.
    with pytest.raises(AssertionError, match=r"stamps never go back|it was before"):
        raise AssertionError(violated(Faults(clock_step=1, mishap_seconds=0.05)))


# --- checks that no plant in the engine gets as far as ---------------------------------------------

EUA = InstrumentId(1)


def accepted(order_id: int, side: Side = Side.BUY) -> Accepted:
    return Accepted(1, Ref(1), 0, 0, OrderId(order_id), EUA, AccountId(1), side, 100, 10)


def executed(order_id: int, lots: int, leaves: int, side: Side = Side.BUY) -> Executed:
    order, trade, account = OrderId(order_id), TradeId(1), AccountId(1)
    return Executed(2, Ref(0), 0, 0, order, trade, EUA, account, side, 100, lots, leaves, Liquidity.MAKER)


def canceled(order_id: int, lots: int) -> Canceled:
    return Canceled(3, Ref(0), 0, 0, OrderId(order_id), lots, CancelReason.REQUESTED)


def test_units_that_balance() -> None:
    bought: list[AnyReport] = [accepted(1), executed(1, 4, 6), canceled(1, 6)]
    sold: list[AnyReport] = [accepted(2, Side.SELL), executed(2, 4, 6, Side.SELL), canceled(2, 6)]
    check_units({1: bought, 2: sold})


@pytest.mark.parametrize(
    ("reports", "promise"),
    [
        ([accepted(1), executed(1, 4, 6)], "as much is bought as is sold"),
        ([accepted(1), executed(1, 4, 5)], "fills add up"),
        ([accepted(1), canceled(1, 9)], "what is cancelled was left"),
        ([accepted(1), canceled(1, 10), canceled(1, 0)], "one final state"),
        ([accepted(1), executed(1, 10, 0), executed(1, 1, -1)], "one final state"),
    ],
)
def test_units_that_do_not(reports: list[Any], promise: str) -> None:
    with pytest.raises(Violated, match=promise):
        check_units({1: reports})


def test_a_look_up_that_finds_another_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    of = trade_search_module._of

    def turned_round(*arguments: Any) -> Any:
        trade = of(*arguments)
        return structs.replace(trade, buyer=trade.seller, seller=trade.buyer)

    monkeypatch.setattr(trade_search_module, "_of", turned_round)
    assert "what is amended is what stood" in violated(calm())


def test_a_trade_that_is_busted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trades_module, "_refusal", lambda *_: None)
    try:
        noticed = violated(calm())
    except AssertionError as error:  # the engine's own: its statistics have no such trade any more
        noticed = str(error)
    assert noticed


# --- accounts ------------------------------------------------------------------------------------
# Where they hold units and money: see `engine.has_accounts`.

WITH_ACCOUNTS = (6, 20, 41)


def violated_with_accounts() -> str:
    for seed in WITH_ACCOUNTS:
        assert has_accounts(seed)
        try:
            simulate(seed, STEPS, calm())
        except Violated as violation:
            return str(violation)
    return ""


def test_the_worlds_with_accounts_are_sound() -> None:
    assert violated_with_accounts() == ""


def test_an_order_that_keeps_what_it_has_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reserving, "removed", lambda _reserving, _order: None)
    # Of the two sums that the core compares with its orders, the one that it comes to first.
    with pytest.raises(AssertionError, match=r"reserved for orders|what is ordered is counted"):
        violated_with_accounts()


def test_a_fee_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    traded = Reserving.traded

    def lossy(reserving: Reserving, *trade: Any) -> None:
        traded(reserving, *trade)
        assert reserving._ledger is not None
        reserving._ledger.fees_minor -= 1
        reserving._ledger.deposited_minor -= 1

    monkeypatch.setattr(Reserving, "traded", lossy)
    assert "fees equal the reference's" in violated_with_accounts()


def test_a_bust_that_moves_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trades_module, "take_back", lambda *_: None)
    assert "equal" in violated_with_accounts()
