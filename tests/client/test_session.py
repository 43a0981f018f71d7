"""A session: answers by ref, whatever is cancelled, lost, repeated or cut on the way."""

import asyncio
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from carbonmatch.client.connection import Connection
from carbonmatch.client.errors import (
    Disconnected,
    EventsLost,
    InvalidCommand,
    LogonRefused,
    OrderRejected,
    SendBufferFull,
    SessionRejectedError,
    StreamGap,
)
from carbonmatch.client.reconnect import reconnect
from carbonmatch.client.session import Session, connect
from carbonmatch.limits import UNANSWERED_COMMANDS_MAX
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    AnnounceBidding,
    AnyReport,
    BiddingRules,
    Canceled,
    ClientCommand,
    Done,
    InstrumentId,
    NewOrder,
    NewOrderLong,
    OrderId,
    OrderType,
    Phase,
    Ref,
    Rejected,
    RejectReason,
    Replace,
    SessionId,
    SetBand,
    SetPhase,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.messages import (
    LoggedOut,
    LogonRejected,
    LogoutReason,
    SessionRejected,
)
from tests.client.clock import in_virtual_time, until
from tests.client.fake_server import PRIVATE_KEY, FakeServer


def session_of(server: FakeServer, **options: Any) -> Session:
    return Session(server.access(), random=Random(1), **options)


def order(price_ticks: int = 100) -> NewOrder:
    return NewOrder(Ref(0), InstrumentId(1), Side.BUY, 5, price_ticks)


async def lose_and_find(server: FakeServer, session: Session) -> None:
    count = len(server.logons)
    server.drop()
    await until(lambda: len(server.logons) > count)
    await session.ready()


# --- calls ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_call_returns_the_reports_that_answer_it() -> None:
    async with FakeServer() as server, session_of(server) as session:
        (accepted,) = await session.new_order(1, Side.BUY, 5, 5_000)
        assert accepted == Accepted(1, 1, 7, 0, 1, 1, 1, Side.BUY, 5_000, 5)  # type: ignore[arg-type]
        (canceled,) = await session.cancel(order_ref=1)
        assert type(canceled) is Canceled
        assert (canceled.ref, canceled.order_id) == (2, 1)


class Obliging(FakeServer):
    def answer(self, command: ClientCommand, seq: int) -> AnyReport:
        return Done(seq, command.ref, 7, 0, sequence=4_711)


@in_virtual_time
async def test_each_attribute_of_the_long_layout_arrives_where_it_alone_is_given() -> None:
    async with Obliging() as server, session_of(server) as session:
        await session.new_order(1, Side.SELL, 5, 80, order_type=OrderType.STOP_LIMIT, stop_price_ticks=90)
        await session.new_order(1, Side.BUY, 5, 80, display_lots=2)
        await session.new_order(1, Side.BUY, 5, 80, minimum_lots=3)
        await session.new_order(1, Side.BUY, 5, 80, time_in_force=TimeInForce.GTD, expires_ns=4_711)
        await session.replace(6, 81, order_ref=1, stop_price_ticks=91, display_lots=3)
        eua = InstrumentId(1)
        assert server.received == [
            NewOrderLong(Ref(1), eua, Side.SELL, 5, 80, order_type=OrderType.STOP_LIMIT, stop_price_ticks=90),
            NewOrderLong(Ref(2), eua, Side.BUY, 5, 80, display_lots=2),
            NewOrderLong(Ref(3), eua, Side.BUY, 5, 80, minimum_lots=3),
            NewOrderLong(Ref(4), eua, Side.BUY, 5, 80, time_in_force=TimeInForce.GTD, expires_ns=4_711),
            Replace(Ref(5), Ref(1), OrderId(0), 6, 81, 91, 3),
        ]


@in_virtual_time
async def test_connect_makes_a_session_of_plain_arguments() -> None:
    async with FakeServer() as server:
        where = ("127.0.0.1", server.port)
        async with connect(*where, key_id="key", private_key=PRIVATE_KEY, session="S1") as session:
            assert session.accepted.session == "S1"
        assert server.logons[0].next_seq == 0


@in_virtual_time
async def test_refs_go_on_after_the_last_one_that_the_engine_has_applied() -> None:
    async with FakeServer() as server:
        server.last_ref = Ref(41)
        async with session_of(server) as session:
            assert session.next_ref == 42
            (accepted,) = await session.new_order(1, Side.BUY, 5, 5_000)
            assert accepted.ref == 42


@in_virtual_time
async def test_a_refused_order_raises_with_the_markets_reason() -> None:
    async with FakeServer() as server, session_of(server) as session:
        with pytest.raises(OrderRejected, match="command 1 rejected: INVALID_QUANTITY") as caught:
            await session.new_order(1, Side.BUY, 13, 5_000)
        assert caught.value.reason is RejectReason.INVALID_QUANTITY
        assert caught.value.reports == [Rejected(1, Ref(1), 7, 0, RejectReason.INVALID_QUANTITY)]


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        (
            NewOrder(Ref(0), InstrumentId(1), Side.BUY, -5, 100),
            "NewOrder.quantity_lots is -5: Expected `int` >= 0",
        ),
        (
            SetBand(Ref(0), InstrumentId(70_000), 5, 1, 9),
            "SetBand.instrument_id is 70000: Expected `int` <= 65535",
        ),
        (SetPhase(Ref(0), InstrumentId(1), Phase.HALTED, "x" * 65), "Expected `str` of length <= 64"),
        (SetPhase(Ref(0), InstrumentId(1), Phase.HALTED, "\ud800"), "no Unicode"),
        (
            SetPhase(Ref(0), InstrumentId(1), Phase.HALTED, "", 2**70),
            "SetPhase.until_ns is 1180591620717411303424",
        ),
        (
            AnnounceBidding(
                Ref(0),
                InstrumentId(1),
                SessionId(2),
                AccountId(0),
                Side.SELL,
                100,
                0,
                0,
                1,
                BiddingRules(share_max_basis_points=10_001),
            ),
            "BiddingRules.share_max_basis_points is 10001: Expected `int` <= 10000",
        ),
    ],
)
@in_virtual_time
async def test_a_value_that_the_wire_does_not_take_is_named_and_costs_no_connection(
    command: ClientCommand, wrong: str
) -> None:
    async with FakeServer() as server, session_of(server) as session:
        with pytest.raises(InvalidCommand, match=wrong):
            await session.call(command)
        assert server.received == []
        assert (await session.new_order(1, Side.BUY, 5, 5_000))[0].ref == 1


@in_virtual_time
async def test_a_throttled_command_raises_with_the_time_to_wait() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.refused_refs = {Ref(1)}
        with pytest.raises(SessionRejectedError, match="THROTTLED") as caught:
            await session.new_order(1, Side.BUY, 5, 5_000)
        assert caught.value.retry_after == 2.5
        assert (await session.new_order(1, Side.BUY, 5, 5_000))[0].ref == 2


@in_virtual_time
async def test_a_call_ends_at_its_deadline_and_the_late_answer_is_an_event() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.is_silent = True
        with pytest.raises(TimeoutError):
            await session.new_order(1, Side.BUY, 5, 5_000, seconds=0.5)
        server.speak()
        assert (await session.new_order(1, Side.BUY, 5, 6_000))[0].ref == 2
        events = session.events()
        assert [(await anext(events)).ref for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("seed", range(40))
@in_virtual_time
async def test_calls_cancelled_at_any_moment_never_shift_the_answers_of_others(seed: int) -> None:
    """Every call has a price of its own, so an answer to another call would show."""
    world = Random(seed)

    async def call(price_ticks: int) -> None:
        await asyncio.sleep(world.random() / 10)
        (accepted,) = await session.new_order(1, Side.BUY, 5, price_ticks)
        assert type(accepted) is Accepted
        assert accepted.price_ticks == price_ticks

    async with FakeServer() as server, session_of(server) as session:
        server.cuts = world
        calls = [asyncio.create_task(call(price_ticks)) for price_ticks in range(1, 101)]
        for _ in range(40):
            await asyncio.sleep(world.random() / 200)
            server.is_silent = True
            world.choice(calls).cancel()
            await asyncio.sleep(world.random() / 200)
            server.speak()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(r) for r in results} <= {type(None), asyncio.CancelledError}, f"seed {seed}"
        assert None in results
        assert session.unanswered == []


# --- commands nobody waits for -------------------------------------------------------------------


@in_virtual_time
async def test_commands_sent_together_get_refs_in_order_and_are_answered_as_events() -> None:
    async with FakeServer() as server, session_of(server) as session:
        assert session.send([order(1), order(2), order(3)]) == range(1, 4)
        assert len(session.unanswered) == 3
        await session.drain()
        events = session.events()
        assert [(await anext(events)).ref for _ in range(3)] == [1, 2, 3]


@in_virtual_time
async def test_drain_says_at_its_deadline_that_something_is_unanswered() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.is_silent = True
        session.send([order(1)])
        with pytest.raises(TimeoutError):
            await session.drain(seconds=1)
        assert [command.ref for command in session.unanswered] == [1]


@in_virtual_time
async def test_a_refusal_of_a_command_nobody_waits_for_is_an_event() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.refused_refs = {Ref(1)}
        session.send([order(1)])
        event = await anext(session.events())
        assert event == SessionRejected(Ref(1), RejectReason.THROTTLED, 2_500_000)
        await session.drain()


@in_virtual_time
async def test_no_more_is_sent_than_may_have_to_be_sent_again() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.is_silent = True
        session.send([order(1)] * (UNANSWERED_COMMANDS_MAX - 1))
        with pytest.raises(SendBufferFull):
            session.send([order(1)] * 2)
        assert session.next_ref == UNANSWERED_COMMANDS_MAX
        session.send([order(1)])
        waiting = asyncio.create_task(session.ready())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await until(lambda: len(server.received) == UNANSWERED_COMMANDS_MAX)
        server.speak()
        await waiting


# --- events --------------------------------------------------------------------------------------


@in_virtual_time
async def test_events_have_what_the_market_did_by_itself() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.report(Rejected, 0, RejectReason.CLOSED)
        assert await anext(session.events()) == Rejected(1, Ref(0), 7, 0, RejectReason.CLOSED)


@in_virtual_time
async def test_the_whole_stream_can_be_asked_for() -> None:
    async with FakeServer() as server:
        for ref in (1, 2, 3):
            server.report(Rejected, ref, RejectReason.CLOSED)
        seen: list[Any] = []
        async with session_of(server, next_seq=1, on_events=seen.extend) as session:
            await until(lambda: len(seen) == 3)
            assert seen == server.reports
            assert session.next_seq == 4


@in_virtual_time
async def test_a_reader_that_is_too_slow_is_told_what_it_lost() -> None:
    async with FakeServer() as server, session_of(server, events_max=4) as session:
        session.send([order(1)] * 5)
        await session.drain()
        session.send([order(1)])
        await session.drain()
        with pytest.raises(EventsLost, match="5 events"):
            await anext(session.events())
        assert (await anext(session.events())).ref == 6


@in_virtual_time
async def test_events_end_when_the_session_is_stopped() -> None:
    async with FakeServer() as server:
        async with session_of(server) as session:
            await session.new_order(1, Side.BUY, 5, 5_000)
        assert [event.ref async for event in session.events()] == [1]


# --- reconnecting --------------------------------------------------------------------------------


@in_virtual_time
async def test_a_command_that_was_applied_is_answered_after_the_reconnect_and_not_sent_again() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.drop_after_commands = 1
        (accepted,) = await session.new_order(1, Side.BUY, 5, 5_000)
        assert accepted.ref == 1
        assert [command.ref for command in server.received] == [1]
        assert [logon.next_seq for logon in server.logons] == [0, 1]


@in_virtual_time
async def test_a_command_that_never_arrived_is_sent_again_with_its_ref() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.drop_before_commands = 1
        (accepted,) = await session.new_order(1, Side.BUY, 5, 5_000)
        assert accepted.ref == 1
        assert [command.ref for command in server.received] == [1]
        assert len(server.logons) == 2


@in_virtual_time
async def test_a_repeated_command_is_answered_by_its_repeat_and_is_one_event() -> None:
    """Applied, but not durable when the client logs on again: it is sent twice, and executed once."""
    async with FakeServer() as server:
        seen: list[Any] = []
        async with session_of(server, on_events=seen.extend) as session:
            server.is_silent = True
            call = asyncio.create_task(session.new_order(1, Side.BUY, 5, 5_000))
            await until(lambda: server.received)
            server.last_ref_told = Ref(0)
            server.drop()
            (accepted,) = await call
            assert accepted.flags == 2
            assert [command.ref for command in server.received] == [1, 1]
            server.speak()
            await until(lambda: seen)
            assert seen == server.reports
            assert len(server.reports) == 1


@in_virtual_time
async def test_a_cancelled_call_is_not_sent_again() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.drop_before_commands = 2
        call = asyncio.create_task(session.new_order(1, Side.BUY, 5, 5_000))
        await until(lambda: server.drop_before_commands == 1)
        call.cancel()
        await asyncio.wait({call})
        (accepted,) = await session.new_order(1, Side.BUY, 5, 6_000)
        assert accepted.ref == 2
        assert [command.ref for command in server.received if command.ref == 1] == [Ref(1)]
        assert [command.ref for command in server.received].count(Ref(2)) == 1


@in_virtual_time
async def test_a_command_whose_refusal_was_lost_with_the_connection_is_given_up() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.refused_refs = {Ref(1)}
        calls = [
            asyncio.create_task(session.new_order(1, Side.BUY, 5, 5_000)),
            asyncio.create_task(session.new_order(1, Side.BUY, 5, 6_000)),
        ]
        server.loses_refusals = True
        server.drop_after_commands = 2
        lost, accepted = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(lost, SessionRejectedError)
        assert lost.reason is RejectReason.REF_NOT_APPLIED
        assert not isinstance(accepted, BaseException)
        assert accepted[0].ref == 2


@in_virtual_time
async def test_a_call_made_while_the_engine_is_away_waits_for_it() -> None:
    async with FakeServer() as server, session_of(server) as session:
        await server.vanish()
        await asyncio.sleep(0.5)
        with pytest.raises(Disconnected, match="trying again"):
            session.send([order(1)])
        call = asyncio.create_task(session.new_order(1, Side.BUY, 5, 5_000))
        await asyncio.sleep(3)
        await server.listen()
        assert (await call)[0].ref == 1


@in_virtual_time
async def test_says_when_it_loses_and_finds_the_engine() -> None:
    async with FakeServer() as server:
        told: list[str] = []
        options = {
            "on_disconnect": lambda _: told.append("lost"),
            "on_reconnect": lambda accepted: told.append(f"found at {accepted.next_seq}"),
        }
        async with session_of(server, **options) as session:
            await session.new_order(1, Side.BUY, 5, 5_000)
            server.drop()
            await until(lambda: len(told) == 2)
            assert told == ["lost", "found at 2"]


@pytest.mark.parametrize("seed", range(30))
@in_virtual_time
async def test_every_command_is_executed_once_and_every_report_seen_once(seed: int) -> None:
    """Against drops before and after the engine applies, cut frames, silence, and restarts."""
    world = Random(seed)
    async with FakeServer() as server:
        seen: list[AnyReport] = []
        async with session_of(server, on_events=seen.extend) as session:
            server.cuts = world
            sent = 0
            while sent < 300:
                await session.ready()
                count = world.randrange(1, 30)
                session.send([order(price_ticks) for price_ticks in range(sent, sent + count)])
                sent += count
                mischief = world.randrange(6)
                if mischief == 0:
                    server.drop_before_commands = world.randrange(1, 60)
                elif mischief == 1:
                    server.drop_after_commands = world.randrange(1, 60)
                elif mischief == 2:
                    server.drop()
                elif mischief == 3:
                    server.is_silent = True
                else:
                    server.speak()
                await asyncio.sleep(world.random() / 20)
            server.speak()
            server.drop_before_commands = server.drop_after_commands = None
            await session.drain(seconds=60)
            await until(lambda: len(seen) == len(server.reports))
        assert seen == server.reports, f"seed {seed}"
        prices = [r.price_ticks for r in server.reports if type(r) is Accepted]
        assert prices == list(range(sent)), f"seed {seed}"


@in_virtual_time
async def test_a_hundred_reconnects_leave_nothing_behind() -> None:
    async with FakeServer() as server, session_of(server) as session:
        for _ in range(100):
            await lose_and_find(server, session)
        assert len(server.connections) == 1
        assert len(asyncio.all_tasks()) == 2  # this test, and the session's keeper


@in_virtual_time
async def test_waits_between_attempts_are_random_below_a_bound_that_doubles() -> None:
    attempts: list[float] = []
    loop = asyncio.get_running_loop()

    async def refuse() -> Connection:
        attempts.append(loop.time())
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(Disconnected, match="no engine for 60 s, last: ConnectionRefusedError"):
        await reconnect(refuse, Random(1), seconds=60)
    waits = [later - earlier for earlier, later in pairwise(attempts)]
    bounds = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, *[5.0] * 100]
    assert all(wait <= bound + 1e-9 for wait, bound in zip(waits, bounds, strict=False))
    assert len({round(wait, 6) for wait in waits}) == len(waits)
    assert len(attempts) > 15


# --- giving up -----------------------------------------------------------------------------------


@in_virtual_time
async def test_gives_up_when_the_engine_stays_away_and_says_so_to_everybody() -> None:
    server = FakeServer()
    await server.listen()
    session = session_of(server, reconnect_seconds=10, call_seconds=60)
    await session.start()
    server.is_silent = True
    waiting = asyncio.create_task(session.new_order(1, Side.BUY, 5, 5_000))
    await until(lambda: server.received)
    await server.vanish()
    with pytest.raises(Disconnected, match="no engine for 10 s"):
        await waiting
    with pytest.raises(Disconnected, match="no engine"):
        await session.new_order(1, Side.BUY, 5, 5_000)
    with pytest.raises(Disconnected, match="no engine"):
        session.send([order(1)])
    with pytest.raises(Disconnected, match="no engine"):
        await anext(session.events())
    await session.stop()


@pytest.mark.parametrize(
    "reason", [LogoutReason.TAKEN_OVER, LogoutReason.PROTOCOL_ERROR, LogoutReason.HISTORY_LOST]
)
@in_virtual_time
async def test_does_not_come_back_where_that_would_only_do_it_again(reason: LogoutReason) -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.connections[0].send([LoggedOut(reason)])
        with pytest.raises(Disconnected, match=reason.name):
            await anext(session.events())
        await asyncio.sleep(30)
        assert len(server.logons) == 1


@in_virtual_time
async def test_comes_back_to_an_engine_that_shuts_down() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.connections[0].send([LoggedOut(LogoutReason.SHUTTING_DOWN)])
        await until(lambda: len(server.logons) == 2)
        assert await session.new_order(1, Side.BUY, 5, 5_000)


@in_virtual_time
async def test_a_refused_logon_ends_the_session_unless_the_engine_is_only_busy() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.refusal = LogonRejected(RejectReason.DEGRADED_STORAGE)
        server.drop()
        await until(lambda: len(server.logons) == 5)
        server.refusal = LogonRejected(RejectReason.HISTORY_LOST, first_available=9)
        with pytest.raises(LogonRefused, match="HISTORY_LOST"):
            await anext(session.events())


@in_virtual_time
async def test_a_first_logon_that_fails_is_not_tried_again() -> None:
    async with FakeServer() as server:
        server.refusal = LogonRejected(RejectReason.LOGON_REFUSED)
        with pytest.raises(LogonRefused):
            await session_of(server).start()
        assert len(server.logons) == 1


@in_virtual_time
async def test_a_gap_in_the_stream_ends_the_session() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.is_silent = True
        call = asyncio.create_task(session.new_order(1, Side.BUY, 5, 5_000))
        await until(lambda: server.received)
        server.connections[0].send([Rejected(2, Ref(1), 7, 0, RejectReason.CLOSED)])
        with pytest.raises(StreamGap, match="report 2 in the stream, expected 1"):
            await call
        with pytest.raises(StreamGap):
            await session.ready()
        await asyncio.sleep(30)
        assert len(server.logons) == 1


@in_virtual_time
async def test_a_gap_across_a_reconnect_ends_the_session() -> None:
    async with FakeServer() as server, session_of(server) as session:
        await session.new_order(1, Side.BUY, 5, 5_000)
        server.next_seq_told = 9
        server.drop()
        events = session.events()
        assert (await anext(events)).ref == 1
        with pytest.raises(StreamGap, match="report 9 in the stream, expected 2"):
            await anext(events)


@in_virtual_time
async def test_a_first_logon_that_does_not_resume_where_it_was_asked_to_fails() -> None:
    async with FakeServer() as server:
        server.next_seq_told = 9
        with pytest.raises(StreamGap, match="report 9 in the stream, expected 5"):
            await session_of(server, next_seq=5).start()


@in_virtual_time
async def test_calls_that_wait_when_the_session_is_stopped_are_told() -> None:
    async with FakeServer() as server:
        async with session_of(server) as session:
            server.is_silent = True
            call = asyncio.create_task(session.new_order(1, Side.BUY, 5, 5_000))
            await until(lambda: server.received)
        with pytest.raises(Disconnected, match="stopped"):
            await call


@in_virtual_time
async def test_a_session_can_be_stopped_while_it_looks_for_the_engine() -> None:
    server = FakeServer()
    await server.listen()
    session = session_of(server)
    await session.start()
    await server.vanish()
    await asyncio.sleep(2)
    await session.stop()
    assert len(asyncio.all_tasks()) == 1


@in_virtual_time
async def test_an_engine_that_goes_silent_is_left_and_found_again() -> None:
    async with FakeServer() as server, session_of(server) as session:
        server.sends_heartbeats = False
        await asyncio.sleep(4)
        server.sends_heartbeats = True
        await until(lambda: len(server.logons) == 2)
        assert await session.cancel(order_ref=OrderId(1))
        assert server.heartbeats >= 2
