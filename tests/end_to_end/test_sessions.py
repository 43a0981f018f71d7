"""Who gets in, who stays in, and with what word a connection ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.limits import (
    FRAME_COMPLETE_SECONDS_MAX,
    HEARTBEAT_MISSED_MAX,
    LOGON_SECONDS_MAX,
)
from carbonmatch.matching.messages import (
    Accepted,
    CancelReason,
    NewOrder,
    Ref,
    RejectReason,
    Side,
)
from carbonmatch.ops.counters import TurnedAway
from carbonmatch.protocol.messages import (
    Challenge,
    Heartbeat,
    HeartbeatAnswer,
    LoggedOut,
    LogonAccepted,
    LogonRejected,
    Logout,
    LogoutReason,
    Role,
)
from carbonmatch.server import history as history_module
from carbonmatch.server import stream as stream_module
from tests.end_to_end.market import EUA, SERVER_ID, private_key
from tests.end_to_end.running import Clock, Disk, Venue, eventually, running
from tests.end_to_end.wire import Wire

REFUSED = LogonRejected(RejectReason.LOGON_REFUSED, "logon refused")


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


# --- logon -----------------------------------------------------------------------------------------


async def test_the_engine_says_what_holds_for_the_session(tmp_path: Path) -> None:
    throttle = (
        "{ commands_per_second = 50, commands_burst = 60, cancels_per_second = 70, cancels_burst = 80 }"
    )
    async with running(tmp_path / "journal", throttle=throttle) as venue:
        async with venue.wire("carol", heartbeat_ms=30_000, grace_ms=500) as carol:
            assert carol.challenge.server_id == SERVER_ID
            assert len(carol.challenge.nonce) == 32
            accepted = carol.accepted
        async with venue.wire("alice") as alice:
            assert alice.accepted.commands_per_second == 0
    assert structs.replace(accepted, time_ns=0) == LogonAccepted(
        1, "carol", 1, 1, Ref(0), 30_000, 500, 50, 60, 70, 80, 0, True
    )


async def test_every_start_is_a_new_epoch(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        async with running(tmp_path / "journal") as venue, venue.wire("alice") as alice:
            assert alice.accepted.epoch == epoch


@pytest.mark.parametrize(
    "wrong",
    [
        {"private_key": private_key("mallory")},
        {"key_id": "mallory"},
        {"key_id": "bob"},
        {"role": Role.OPERATOR},
        {"role": Role.DROP_COPY},
        {"role": Role.MARKET_DATA},
        {"nonce": bytes(32)},
    ],
    ids=["wrong key", "unknown key", "key of another", "operator", "drop copy", "other listener", "nonce"],
)
async def test_every_logon_that_fails_gets_the_same_answer(venue: Venue, wrong: dict[str, Any]) -> None:
    async with venue.wire() as wire:
        assert await wire.log_on("alice", **wrong) == REFUSED
        assert await wire.ended()


async def test_an_unknown_session_gets_that_answer_too(venue: Venue) -> None:
    async with venue.wire() as wire:
        assert await wire.log_on("nobody", key_id="alice") == REFUSED


async def test_the_listeners_admit_their_own_roles_only(venue: Venue) -> None:
    async with venue.wire() as wire:
        assert await wire.log_on("feed") == REFUSED
    async with Wire.open(venue.market_data) as wire:
        assert await wire.log_on("alice") == REFUSED
    async with Wire.open(venue.market_data) as wire:
        assert await wire.log_on("operator") == REFUSED


async def test_a_session_that_is_configured_no_longer_is_kept_out_and_its_orders_go(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "journal"
    async with running(directory) as venue, venue.wire("alice-2") as wire:
        wire.send(buy(1))
        await wire.reports(1)
    async with running(directory, without=("alice-2",)) as venue:
        async with venue.wire() as wire:
            assert await wire.log_on("alice-2") == LogonRejected(RejectReason.LOGON_REFUSED, "logon refused")
        # Nobody may be left whom they belong to: they would trade against his will.
        assert venue.engine.open_order_count == 0
    async with running(directory) as venue, venue.wire("alice-2", 1) as wire:
        accepted, canceled = await wire.reports(2)
        assert (accepted.seq, canceled.seq, canceled.reason) == (1, 2, CancelReason.SESSION_REMOVED)


async def test_a_logon_cannot_be_replayed(venue: Venue) -> None:
    async with venue.wire() as first:
        logon = first.logon("alice")
        first.send(logon)
        assert isinstance((await first.frame())[0], LogonAccepted)
        async with venue.wire() as second:
            assert second.challenge.nonce != first.challenge.nonce
            second.send(logon)
            assert await second.next(LogonRejected) == REFUSED
        # Nor has it thrown out the one that is there.
        assert await first.settle() == []


@pytest.mark.parametrize("version", [0, 2])
async def test_another_version_is_refused_with_the_reason(venue: Venue, version: int) -> None:
    async with venue.wire() as wire:
        assert (wire.challenge.version_min, wire.challenge.version_max) == (1, 1)
        answer = await wire.log_on("alice", version=version)
        assert answer == LogonRejected(
            RejectReason.VERSION, f"versions {version} to {version}, expected to include 1"
        )
        assert await wire.ended()


async def test_who_does_not_log_on_in_time_has_to_go(clock: Clock, venue: Venue) -> None:
    async with venue.wire() as wire, venue.wire("alice") as alice:
        clock.advance(LOGON_SECONDS_MAX)
        assert (await wire.goodbye()).reason is LogoutReason.LOGON_TIMEOUT
        assert await alice.settle() == []


async def test_connections_over_the_bound_are_turned_away(venue: Venue) -> None:
    venue.service._gateway.connections_max = 2
    async with venue.wire("alice") as alice, venue.wire("bob"):
        with pytest.raises((ConnectionResetError, EOFError)):
            async with venue.wire():
                pass
        assert venue.counters.turned_away == {TurnedAway.FULL: 1}
        assert await alice.settle() == []
    await eventually(lambda: not venue.service._gateway.peers)
    async with venue.wire("alice"):
        pass


# --- one connection a session ----------------------------------------------------------------------


async def test_a_second_logon_takes_the_session_over(venue: Venue) -> None:
    async with venue.wire("alice") as first:
        first.send(buy(1))
        await first.reports(1)
        async with venue.wire("alice") as second:
            assert await first.goodbye() == LoggedOut(LogoutReason.TAKEN_OVER)
            second.send(buy(2))
            (accepted,) = await second.reports(1)
            assert (accepted.seq, accepted.ref) == (2, 2)


async def test_what_the_first_connection_had_sent_is_answered_to_the_second(venue: Venue, disk: Disk) -> None:
    async with venue.wire("alice") as first:
        with disk.held():
            first.send(buy(1))
            await first.settle()
            async with venue.wire() as second:
                second.send(second.logon("alice"))
                assert (await first.goodbye()).reason is LogoutReason.TAKEN_OVER
                # And the logon itself after the disk has it: until then nobody knows the last ref.
                disk.release()
                answer = await second.next(LogonAccepted)
                assert (answer.last_ref, answer.next_seq) == (1, 1)
                (accepted,) = await second.reports(1)
                assert (accepted.seq, accepted.ref) == (1, 1)


# --- signs of life ---------------------------------------------------------------------------------


async def test_a_heartbeat_is_answered_with_its_token(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(Heartbeat(77))
        answer = await alice.next(HeartbeatAnswer)
        assert answer.token == 77
        assert answer.time_ns >= alice.accepted.time_ns
        # One without a token is a sign of life and nothing more.
        alice.send(Heartbeat())
        assert await alice.settle(78) == []


async def test_heartbeats_and_commands_may_share_a_frame(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(Heartbeat(5), buy(1), Heartbeat(6), buy(2))
        messages = [*await alice.frame(), *await alice.frame()]
    assert [message.token for message in messages if isinstance(message, HeartbeatAnswer)] == [5, 6]
    assert [message.ref for message in messages if isinstance(message, Accepted)] == [1, 2]


async def test_an_engine_with_nothing_to_say_sends_heartbeats(clock: Clock, venue: Venue) -> None:
    async with venue.wire("alice", heartbeat_ms=2_000) as alice, venue.feed_wire(heartbeat_ms=2_000) as feed:
        for _ in range(2):
            clock.advance(2)
            for wire in (alice, feed):
                assert (await wire.next(HeartbeatAnswer)).token == 0
                wire.send(Heartbeat())
                assert await wire.settle() == []


async def test_a_silent_peer_is_sent_away(clock: Clock, venue: Venue) -> None:
    async with (
        venue.wire("alice", heartbeat_ms=1_000) as alice,
        venue.feed_wire(heartbeat_ms=1_000) as feed,
        venue.wire("bob") as bob,
    ):
        clock.advance(HEARTBEAT_MISSED_MAX)
        assert (await alice.goodbye()).reason is LogoutReason.HEARTBEAT_MISSED
        assert (await feed.goodbye()).reason is LogoutReason.HEARTBEAT_MISSED
        assert await bob.settle() == []


async def test_half_a_frame_has_to_be_completed_in_time(clock: Clock, venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        alice.write(b"\x00\x00\x00\x10\x91")
        bob.write(b"\x00\x00")
        # The answer to a frame of somebody else shows that the halves have arrived.
        async with venue.wire("carol") as carol:
            assert await carol.settle() == []
            bob.write(b"\x00\x03\x91\x91\x03")
            assert await carol.settle() == []
            clock.advance(FRAME_COMPLETE_SECONDS_MAX)
            assert (await alice.goodbye()).reason is LogoutReason.FRAME_TIMEOUT
            assert await bob.settle() == []


# --- the end ---------------------------------------------------------------------------------------


async def test_a_logout_is_answered_after_all_that_was_asked_before(venue: Venue, disk: Disk) -> None:
    async with venue.wire("alice") as alice:
        with disk.held():
            alice.send(buy(1))
            alice.send(buy(2), Logout("done"))
            async with venue.wire("bob") as bob:
                assert await bob.settle() == []
        frames, goodbye = await alice.frames_until(LoggedOut)
        assert [report.ref for messages in frames for report in messages] == [1, 2]
        assert goodbye == LoggedOut(LogoutReason.REQUESTED)
        assert await alice.ended()


async def test_a_logout_waits_for_answers_that_only_the_journal_has(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeat and a new command, sent while the connection is still given its past, record by record."""
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    monkeypatch.setattr(history_module, "_SLICE_BYTES", 1)
    async with venue.wire("alice") as alice:
        for ref in range(1, 41):
            alice.send(buy(ref))
            await alice.reports(1)
    async with venue.wire("alice", 1) as alice:
        alice.send(buy(3), buy(41), Logout())
        frames, goodbye = await alice.frames_until(LoggedOut)
        assert goodbye == LoggedOut(LogoutReason.REQUESTED)
        reports = [report for messages in frames for report in messages]
        assert [report.ref for report in reports if not report.flags] == list(range(1, 42))
        assert [report.ref for report in reports if report.flags] == [3]


async def test_a_logout_of_one_who_has_asked_for_nothing_waits_for_nothing(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    monkeypatch.setattr(history_module.Past, "read", lambda *_arguments: None)
    async with venue.wire("alice") as alice:
        alice.send(buy(1))
        await alice.reports(1)
        alice.send(buy(2))
        await alice.reports(1)
    async with venue.wire("alice", 1) as alice:
        alice.send(Logout())
        assert await alice.goodbye() == LoggedOut(LogoutReason.REQUESTED)


async def test_a_subscriber_logs_out(venue: Venue) -> None:
    async with venue.feed_wire() as feed:
        feed.send(Logout())
        assert await feed.goodbye() == LoggedOut(LogoutReason.REQUESTED)


async def test_nothing_may_follow_a_logout(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(Logout(), buy(1))
        assert (await alice.goodbye()).reason is LogoutReason.PROTOCOL_ERROR
    assert venue.engine.open_order_count == 0


async def test_a_session_that_left_comes_back(venue: Venue) -> None:
    for ref in (1, 2, 3):
        async with venue.wire("alice") as alice:
            assert isinstance(alice.challenge, Challenge)
            assert alice.accepted.last_ref == ref - 1
            alice.send(buy(ref), Logout())
            assert (await alice.goodbye()).reason is LogoutReason.REQUESTED


async def test_nothing_comes_before_the_answer_to_a_logon_that_waits_for_the_disk(
    venue: Venue, disk: Disk
) -> None:
    async with venue.wire() as again:
        with disk.held():
            async with venue.wire("alice") as alice:
                alice.send(NewOrder(Ref(1), EUA, Side.BUY, 1, 7000))
                await alice.settle()
            logon = asyncio.create_task(again.log_on("alice", heartbeat_ms=1_000))
            async with venue.wire("bob") as bob:
                # A round trip that begins behind the logon's.
                await bob.settle()
            (waiting,) = [peer for peer in venue.order_entry_peers if peer.address == again.address]
            assert waiting.rules.logon is not None
            waiting.sweep(waiting.clocks.monotonic_ns() + 1_500_000_000)
        assert isinstance(await logon, LogonAccepted)
