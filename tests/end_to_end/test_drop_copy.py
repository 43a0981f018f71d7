"""A participant's reports, of whatever session, in one stream that resumes like any other."""

import asyncio
import errno
import random
from pathlib import Path

import pytest

from carbonmatch.client import DropCopyClient
from carbonmatch.limits import SEND_STALL_SECONDS_MAX
from carbonmatch.matching.messages import (
    AccountId,
    Cancel,
    Canceled,
    Executed,
    MassCancel,
    MassCancelScope,
    NewOrder,
    Ref,
    Rejected,
    RejectReason,
    SessionId,
    Side,
)
from carbonmatch.protocol import copies as copies_module
from carbonmatch.protocol.messages import (
    Copied,
    Heartbeat,
    HeartbeatAnswer,
    LogonRejected,
    Logout,
    LogoutReason,
    Role,
)
from carbonmatch.server import history as history_module
from carbonmatch.server import pipeline as pipeline_module
from carbonmatch.server import stream as stream_module
from tests.end_to_end import market
from tests.end_to_end.copies import (
    NAMES,
    assert_complete,
    order_of,
    read_copies,
    read_streams,
    shown,
)
from tests.end_to_end.market import ALICE, ALICE_2, ALICE_ACCOUNT, BOB_ACCOUNT, DESK, EUA
from tests.end_to_end.running import Addresses, Clock, Disk, Process, Venue, running
from tests.end_to_end.wire import SECONDS_MAX, Wire


def order(ref: int, side: Side = Side.BUY, price: int = 7000, account: int = 0) -> NewOrder:
    return NewOrder(Ref(ref), EUA, side, 10, price, AccountId(account))


async def trade(engine: Addresses, seed: int, frames: int) -> None:
    """Everybody trades, some of it for Alice: frames of one to six commands, of sessions in any order."""
    dice = random.Random(seed)
    wires: dict[SessionId, Wire] = {}
    contexts = [(session_id, engine.wire(name)) for session_id, name in NAMES.items()]
    for session_id, context in contexts:
        wires[session_id] = await context.__aenter__()
    refs = {session_id: wire.accepted.last_ref for session_id, wire in wires.items()}
    for _ in range(frames):
        session_id = dice.choice(list(wires))
        commands = [_command(dice, session_id, refs) for _ in range(dice.randint(1, 6))]
        wires[session_id].send(*commands)
        if dice.random() < 0.3:
            await wires[session_id].settle()
    for _, context in contexts:
        await context.__aexit__(None, None, None)
    # A session's commands are answered before its next logon is.
    await read_streams(engine)


def _command(dice: random.Random, session_id: SessionId, refs: dict[SessionId, Ref]) -> object:
    ref = refs[session_id] = Ref(refs[session_id] + 1)
    kind = dice.random()
    if kind < 0.15:
        return Cancel(ref, Ref(max(1, ref - dice.randint(1, 8))))
    if kind < 0.2:
        return MassCancel(ref, dice.choice(list(MassCancelScope)), side=dice.randint(0, 2))
    if kind < 0.25:
        return NewOrder(ref, EUA, Side.BUY, 0, 1)
    account = dice.choice((ALICE_ACCOUNT, BOB_ACCOUNT)) if session_id == DESK else 0
    side = dice.choice((Side.BUY, Side.SELL))
    return NewOrder(ref, EUA, side, dice.randint(1, 30), 7000 + dice.randint(-3, 3), AccountId(account))


async def test_a_copy_has_every_report_of_the_accounts_and_no_other(venue: Venue) -> None:
    await trade(venue, seed=1, frames=150)
    streams = await read_streams(venue)
    copies = await read_copies(venue)
    assert_complete(copies, streams)
    # Of every kind of session: those of Alice alone, and the desk, which acts for Bob too.
    assert {copy.session_id for copy in copies} == {ALICE, ALICE_2, DESK}
    assert {type(copy.report) for copy in copies} > {Executed, Canceled, Rejected}


async def test_a_copy_tells_nothing_of_others(venue: Venue) -> None:
    await trade(venue, seed=2, frames=100)
    streams = await read_streams(venue)
    foreign = {
        order_of(report)
        for stream in streams.values()
        for report in stream
        if getattr(report, "account_id", ALICE_ACCOUNT) != ALICE_ACCOUNT
    }
    assert len(foreign) > 20
    for copy in await read_copies(venue):
        assert order_of(copy.report) not in foreign
        assert getattr(copy.report, "account_id", ALICE_ACCOUNT) == ALICE_ACCOUNT
        if copy.session_id == DESK:
            # What the desk is refused may have been for Bob.
            assert order_of(copy.report)


async def test_who_reads_live_gets_the_same_as_who_reads_later(venue: Venue) -> None:
    async with venue.copy_wire(1) as copy:
        await trade(venue, seed=3, frames=60)
        streams = await read_streams(venue)
        live = await copy.reports(sum(map(len, shown(streams).values())))
    assert_complete(live, streams)
    assert await read_copies(venue) == live


# --- resume ----------------------------------------------------------------------------------------


async def assert_resumes_everywhere(engine: Addresses, copies: list[Copied]) -> None:
    for next_seq in range(1, len(copies) + 2):
        assert await read_copies(engine, next_seq) == copies[next_seq - 1 :]


async def small_copy(engine: Addresses) -> list[Copied]:
    await trade(engine, seed=4, frames=25)
    copies = await read_copies(engine)
    assert len(copies) > 30
    return copies


async def test_from_every_seq_after_a_reconnect(venue: Venue) -> None:
    await assert_resumes_everywhere(venue, await small_copy(venue))


async def test_from_every_seq_from_the_journal_alone(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    monkeypatch.setattr(history_module, "_SLICE_BYTES", 500)
    await assert_resumes_everywhere(venue, await small_copy(venue))


async def test_from_every_seq_after_a_start_from_a_snapshot_and_from_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path / "journal") as venue:
        copies = await small_copy(venue)
        killed = venue.crash_copy(tmp_path / "killed")
    for directory in (tmp_path / "journal", killed):
        async with running(directory) as venue:
            await assert_resumes_everywhere(venue, copies)
            # And it goes on where it was: with the next number, in memory and on the disk.
            await trade(venue, seed=5, frames=10)
            more = await read_copies(venue)
            assert more[: len(copies)] == copies
            assert_complete(more, await read_streams(venue))
            assert len(more) > len(copies)


async def test_from_every_seq_after_a_kill(process: Process) -> None:
    await process.start()
    copies = await small_copy(process)
    await process.kill()
    await process.start()
    await assert_resumes_everywhere(process, copies)


async def test_frames_of_a_long_copy_are_cut_and_resume_in_their_middle(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies_module, "COPY_FRAME_MESSAGES", 7)
    copies = await small_copy(venue)
    async with venue.copy_wire(1) as copy:
        assert max(map(len, await copy.settle())) == 7
    await assert_resumes_everywhere(venue, copies)


async def test_batches_too_large_for_the_loop_are_read_from_the_journal(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "COPY_FRAME_MESSAGES", 2)
    async with venue.copy_wire(1) as copy:
        await trade(venue, seed=8, frames=40)
        streams = await read_streams(venue)
        live = await copy.reports(sum(map(len, shown(streams).values())))
    assert_complete(live, streams)
    await assert_resumes_everywhere(venue, live)


async def test_new_copies_only(venue: Venue) -> None:
    copies = await small_copy(venue)
    async with venue.copy_wire(0) as copy, venue.wire("alice") as alice:
        assert copy.accepted.next_seq == len(copies) + 1
        ref = Ref(alice.accepted.last_ref + 1)
        alice.send(order(ref, price=1))
        (accepted,) = await alice.frame()
        (copied,) = await copy.frame()
        assert copied == Copied(len(copies) + 1, ALICE, accepted)


async def test_a_seq_in_the_future_is_refused(venue: Venue) -> None:
    copies = await small_copy(venue)
    expected = f"next_seq {len(copies) + 2}, expected at most {len(copies) + 1}"
    async with Wire.open(venue.drop_copy) as wire:
        answer = await wire.log_on("alice-copy", next_seq=len(copies) + 2)
        assert answer == LogonRejected(RejectReason.NEXT_SEQ_IN_FUTURE, expected, 0)
        assert await wire.ended()


async def test_whoever_asks_for_copies_that_were_taken_away_is_told_so(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    copies = await small_copy(venue)
    first_kept = venue.service._pipeline.streams[market.ALICE_COPY].first_kept_seq
    monkeypatch.setattr(history_module, "chunks_in", lambda _record, _session_id: [])
    async with venue.copy_wire(1) as copy:
        goodbye = await copy.goodbye()
    assert (goodbye.reason, goodbye.text) == (LogoutReason.HISTORY_LOST, f"first available seq {first_kept}")
    assert await read_copies(venue, first_kept) == copies[first_kept - 1 :]


async def test_a_past_that_cannot_be_read_ends_the_connection(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    copies = await small_copy(venue)

    def unreadable(*_arguments: object) -> object:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(history_module, "read_records", unreadable)
        async with venue.copy_wire(1) as copy:
            assert await copy.cut()
    assert await read_copies(venue) == copies


# --- nothing before it is durable ------------------------------------------------------------------


async def test_nothing_is_copied_before_it_is_durable(disk: Disk, venue: Venue) -> None:
    async with venue.copy_wire(1) as copy, venue.wire("alice") as alice:
        with disk.held():
            alice.send(order(1))
            assert await alice.settle() == []
            assert await copy.settle() == []
        (accepted,) = await alice.frame()
        assert await copy.frame() == [Copied(1, ALICE, accepted)]


# --- connections -----------------------------------------------------------------------------------


async def test_the_newest_logon_has_the_copy(venue: Venue) -> None:
    async with venue.copy_wire(1) as first, venue.copy_wire(1) as second:
        assert (await first.goodbye()).reason is LogoutReason.TAKEN_OVER
        async with venue.wire("alice") as alice:
            alice.send(order(1))
            await alice.reports(1)
        assert len(await second.reports(1)) == 1


async def test_a_copy_is_read_and_nothing_else(venue: Venue) -> None:
    async with venue.copy_wire() as copy:
        copy.send(order(1))
        goodbye = await copy.goodbye()
        assert goodbye.reason is LogoutReason.PROTOCOL_ERROR
        assert goodbye.text == "message 16 is none that is taken here"
    async with venue.copy_wire() as copy:
        copy.send(Heartbeat(7))
        assert (await copy.next(HeartbeatAnswer)).token == 7
        copy.send(Logout())
        assert (await copy.goodbye()).reason is LogoutReason.REQUESTED
    assert venue.engine.open_order_count == 0


@pytest.mark.parametrize(
    ("listener", "session", "role"),
    [
        ("drop_copy", "alice", Role.TRADE),
        ("drop_copy", "alice", Role.DROP_COPY),
        ("drop_copy", "feed", Role.MARKET_DATA),
        ("drop_copy", "alice-copy", Role.TRADE),
        ("order_entry", "alice-copy", Role.TRADE),
        ("order_entry", "alice-copy", Role.DROP_COPY),
        ("market_data", "alice-copy", Role.DROP_COPY),
    ],
)
async def test_each_listener_has_its_roles(venue: Venue, listener: str, session: str, role: Role) -> None:
    async with Wire.open(getattr(venue, listener)) as wire:
        answer = await wire.log_on(session, role=role)
        assert answer == LogonRejected(RejectReason.LOGON_REFUSED, "logon refused", 0)


async def test_another_participants_key_opens_nothing(venue: Venue) -> None:
    async with Wire.open(venue.drop_copy) as wire:
        answer = await wire.log_on("alice-copy", key_id="bob")
        assert answer == LogonRejected(RejectReason.LOGON_REFUSED, "logon refused", 0)


async def test_who_does_not_read_delays_nobody_and_is_given_no_more_than_fits(
    clock: Clock, venue: Venue
) -> None:
    async with (
        Wire.logged_on(venue.drop_copy, "alice-copy", 1, receive_bytes=4096, heartbeat_ms=60_000) as silent,
        venue.wire("alice") as alice,
    ):
        ref = 0
        for _ in range(200):
            alice.send(
                *(order(ref + n, price=1 + n) for n in range(1, 101)),
                MassCancel(Ref(ref + 101), MassCancelScope.SESSION),
            )
            ref += 101
            await alice.reports(201)
        (peer,) = venue.drop_copy_peers
        assert peer.is_unread
        # About a chunk more than the kernel takes; all the rest waits in the journal.
        assert peer.transport.get_write_buffer_size() < 256 * 1024
        clock.advance(SEND_STALL_SECONDS_MAX + 1)
        while peer.connected:
            await alice.settle()
        assert await silent.cut()
    # And everything is there for whoever comes back.
    assert len(await read_copies(venue)) == 200 * 201


def in_and_out(ref: int) -> list[NewOrder | MassCancel]:
    """A hundred orders that come and go: 201 reports."""
    orders = [order(ref + n, price=1 + n) for n in range(100)]
    return [*orders, MassCancel(Ref(ref + 100), MassCancelScope.SESSION)]


async def test_a_slow_reader_gets_everything_in_the_end(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It falls behind what memory keeps, reads from the journal, and comes back to what is live."""
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 20_000)
    async with (
        Wire.logged_on(venue.drop_copy, "alice-copy", 1, receive_bytes=4096) as slow,
        venue.wire("alice") as alice,
    ):
        ref = 0
        for _ in range(60):
            alice.send(
                *(order(ref + n, price=1 + n) for n in range(1, 101)),
                MassCancel(Ref(ref + 101), MassCancelScope.SESSION),
            )
            ref += 101
            await alice.reports(201)
        copies = await slow.reports(60 * 201)
        alice.send(order(ref + 1))
        await alice.reports(1)
        copies += await slow.reports(1)
    assert [copy.seq for copy in copies] == list(range(1, 60 * 201 + 2))
    assert [copy.report.seq for copy in copies] == [copy.seq for copy in copies]


# --- configuration ---------------------------------------------------------------------------------


async def test_a_copy_that_is_configured_later_begins_there(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    async with running(directory, without=("alice-copy",)) as venue:
        assert "drop_copy" not in venue.addresses
        async with venue.wire("alice") as alice:
            alice.send(order(1), order(2))
            await alice.reports(2)
    async with running(directory) as venue, venue.wire("alice") as alice:
        alice.send(Cancel(Ref(3), Ref(1)))
        await alice.reports(1)
        (copy,) = await read_copies(venue)
        # The order is older than the copy, and the copy knows whose it is.
        assert isinstance(copy.report, Canceled)
        assert (copy.seq, copy.report.ref) == (1, 3)


# --- the client library ----------------------------------------------------------------------------


async def test_the_client_has_every_copy_once_over_kills_of_the_engine(process: Process) -> None:
    await process.start()
    process.listen_again(process.addresses)
    access = market.access(process.drop_copy, "alice-copy")
    async with DropCopyClient(access, next_seq=1) as client:
        for seed in (6, 7):
            await trade(process, seed, frames=20)
            await process.kill()
            await process.start()
        streams = await read_streams(process)
        reading = client.copies()
        async with asyncio.timeout(SECONDS_MAX):
            copies = [await anext(reading) for _ in range(sum(map(len, shown(streams).values())))]
    assert_complete(copies, streams)
