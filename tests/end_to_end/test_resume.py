"""A gateway that comes back gets every report once, in order, as it was, from whichever seq it asks."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbonmatch.journal.record import StoredRecord
from carbonmatch.matching.messages import AnyReport, Cancel, NewOrder, Ref, RejectReason, SessionId, Side
from carbonmatch.protocol.messages import LogonRejected, LogoutReason
from carbonmatch.server import history as history_module
from carbonmatch.server import stream as stream_module
from carbonmatch.server.stream import Chunk
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Addresses, Process, Venue, running


def order(ref: int, side: Side = Side.BUY, price: int = 7000) -> NewOrder:
    return NewOrder(Ref(ref), EUA, side, 10, price)


async def small_stream(engine: Addresses) -> list[AnyReport]:
    """Alice's stream: frames of one report and of several, answers and fills by others."""
    async with engine.wire("alice") as alice, engine.wire("bob") as bob:
        alice.send(order(1))
        stream = await alice.reports(1)
        alice.send(order(2), order(3, price=6990), Cancel(Ref(4), order_ref=Ref(1)))
        stream += await alice.reports(3)
        bob.send(order(1, Side.SELL))
        stream += await alice.reports(1)
        bob.send(order(2, Side.SELL, 6990))
        stream += await alice.reports(1)
        alice.send(Cancel(Ref(5), order_ref=Ref(99)))
        stream += await alice.reports(1)
    assert [report.seq for report in stream] == [1, 2, 3, 4, 5, 6, 7]
    assert [report.ref for report in stream] == [1, 2, 3, 4, 0, 0, 5]
    return stream


async def assert_resumes_everywhere(engine: Addresses, stream: list[AnyReport]) -> None:
    end = len(stream) + 1
    for next_seq in range(1, end + 1):
        async with engine.wire("alice", next_seq) as alice:
            assert (alice.accepted.next_seq, alice.accepted.last_ref) == (next_seq, 5)
            assert await alice.reports(end - next_seq) == stream[next_seq - 1 :]
            # And nothing besides.
            assert await alice.settle() == []


async def test_from_every_seq_after_a_reconnect(venue: Venue) -> None:
    await assert_resumes_everywhere(venue, await small_stream(venue))


async def test_from_every_seq_after_a_graceful_restart(tmp_path: Path) -> None:
    async with running(tmp_path / "journal") as venue:
        stream = await small_stream(venue)
    async with running(tmp_path / "journal") as venue:
        await assert_resumes_everywhere(venue, stream)


async def test_from_every_seq_after_a_kill(process: Process) -> None:
    await process.start()
    stream = await small_stream(process)
    await process.kill()
    await process.start()
    await assert_resumes_everywhere(process, stream)
    # A second start without a stop in between: now there are two unclosed epochs.
    await process.kill()
    await process.start()
    await assert_resumes_everywhere(process, stream)


async def test_from_every_seq_from_the_journal_alone(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    await assert_resumes_everywhere(venue, await small_stream(venue))


async def test_new_reports_only(venue: Venue) -> None:
    await small_stream(venue)
    async with venue.wire("alice", next_seq=0) as alice:
        assert alice.accepted.next_seq == 8
        alice.send(order(6))
        (accepted,) = await alice.frame()
        assert accepted.seq == 8


async def test_a_seq_in_the_future_is_refused(venue: Venue) -> None:
    await small_stream(venue)
    async with venue.wire() as alice:
        answer = await alice.log_on("alice", next_seq=9)
        assert answer == LogonRejected(RejectReason.NEXT_SEQ_IN_FUTURE, "next_seq 9, expected at most 8", 0)
        assert await alice.ended()
    # And the session is as free as it was.
    async with venue.wire("alice", next_seq=8):
        pass


async def test_a_refused_resume_leaves_the_connection_there_is(venue: Venue) -> None:
    async with venue.wire("alice") as first:
        async with venue.wire() as second:
            assert isinstance(await second.log_on("alice", next_seq=2), LogonRejected)
        first.send(order(1))
        await first.reports(1)


async def test_reports_that_come_while_nobody_is_there_are_kept(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(order(1))
        await alice.reports(1)
    async with venue.wire("bob") as bob:
        bob.send(order(1, Side.SELL))
        _, executed = await bob.reports(2)
    async with venue.wire("alice", next_seq=2) as alice:
        (made,) = await alice.reports(1)
        assert (made.seq, made.ref, made.trade_id) == (2, 0, executed.trade_id)


async def test_a_long_stream_comes_from_several_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 2_000)
    # Many slices to a segment, and borders within slices.
    monkeypatch.setattr(history_module, "_SLICE_BYTES", 50_000)
    count = 30_000
    async with running(tmp_path / "journal") as venue:
        stream = await many_orders(venue, count)
        await assert_same_stream(venue, stream)
    async with running(tmp_path / "journal") as venue:
        await assert_same_stream(venue, stream)
    # A record may not be split, so what did not fit began another segment.
    assert len(list((tmp_path / "journal").iterdir())) > 4


async def test_trading_goes_on_while_a_gateway_catches_up(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 2_000)
    monkeypatch.setattr(history_module, "_SLICE_BYTES", 3_000)
    stream = await many_orders(venue, 1_000)
    async with venue.wire("bob") as bob:
        bob.send(order(1, Side.SELL, 9_000))
        await bob.reports(1)
        async with venue.wire("alice", next_seq=1) as alice:
            # What she sends now is answered behind all that she has missed.
            for ref in range(1_001, 1_051):
                alice.send(order(ref))
                bob.send(order(ref, Side.SELL, 9_000))
                await bob.reports(1)
            reports = await alice.reports(1_050)
    assert reports[:1_000] == stream
    assert [report.ref for report in reports[1_000:]] == list(range(1_001, 1_051))
    assert [report.seq for report in reports] == list(range(1, 1_051))


async def test_a_connection_that_catches_up_may_be_taken_over(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 2_000)
    stream = await many_orders(venue, 4_000)
    async with (
        venue.wire("alice", next_seq=1) as first,
        venue.wire("alice", next_seq=4_001) as second,
    ):
        assert (await first.goodbye()).reason is LogoutReason.TAKEN_OVER
        second.send(order(4_001))
        (accepted,) = await second.reports(1)
        assert accepted.seq == 4_001
    await assert_same_stream(venue, [*stream, accepted])


async def many_orders(engine: Addresses, count: int) -> list[AnyReport]:
    async with engine.wire("alice") as alice:
        for start in range(1, count + 1, 50):
            alice.send(*(order(ref) for ref in range(start, start + 50)))
        return await alice.reports(count)


async def assert_same_stream(engine: Addresses, stream: list[AnyReport]) -> None:
    for next_seq in (1, 2, len(stream) // 2, len(stream)):
        async with engine.wire("alice", next_seq) as alice:
            assert await alice.reports(len(stream) + 1 - next_seq) == stream[next_seq - 1 :]


async def test_a_past_that_cannot_be_read_ends_the_connection(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    stream = await small_stream(venue)

    def unreadable(*_arguments: object) -> Iterator[StoredRecord]:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(history_module, "read_records", unreadable)
        async with venue.wire("alice", next_seq=1) as alice:
            assert await alice.cut()
        async with venue.wire("alice") as alice:
            alice.send(order(1))
            assert await alice.cut()
        # Who needs no past is not concerned.
        async with venue.wire("bob") as bob:
            bob.send(order(3))
            await bob.reports(1)
    async with venue.wire("alice", next_seq=1) as alice:
        assert await alice.reports(len(stream)) == stream


@pytest.mark.parametrize(("there_is", "first_available"), [(True, 5), (False, 8)])
async def test_whoever_asks_for_reports_that_were_taken_away_is_told_so(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, there_is: bool, first_available: int
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    await small_stream(venue)
    async with venue.wire("alice", 1) as alice:
        # One more report: memory holds the eighth and nothing before it. The second to fourth are one batch.
        await alice.reports(7)
        alice.send(order(6))
        await alice.reports(1)
    read = history_module.History.slice

    def without_the_oldest(
        history: history_module.History, session_id: SessionId, next_seq: int, start: int, end: int
    ) -> tuple[list[Chunk], int]:
        chunks, position = read(history, session_id, next_seq, start, end)
        return [chunk for chunk in chunks if there_is and chunk.first_seq >= 4], position

    monkeypatch.setattr(history_module.History, "slice", without_the_oldest)
    async with venue.wire("alice", 1) as alice:
        goodbye = await alice.goodbye()
        assert goodbye.reason is LogoutReason.HISTORY_LOST
        assert goodbye.text == f"first available seq {first_available}"
