"""Repeats cost whoever sends them, and nobody else."""

from pathlib import Path

import pytest

from carbonmatch.limits import REPEATS_LOOKED_UP_MAX
from carbonmatch.matching.messages import (
    AnyReport,
    MassCancel,
    MassCancelScope,
    NewOrder,
    Ref,
    RejectReason,
    Side,
)
from carbonmatch.protocol import batch
from carbonmatch.protocol.messages import LogoutReason, SessionRejected
from carbonmatch.server import stream
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Disk, Venue, running

ONE_A_SECOND = "{ commands_per_second = 1, commands_burst = 1, cancels_per_second = 1, cancels_burst = 1 }"


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


async def test_a_repeat_of_what_was_refused_in_the_same_frame_keeps_nobody_waiting(
    tmp_path: Path, disk: Disk
) -> None:
    async with (
        running(tmp_path / "journal", throttle=ONE_A_SECOND) as venue,
        venue.wire("carol") as carol,
        venue.wire("alice") as alice,
    ):
        carol.send(buy(1))
        await carol.reports(1)
        carol.send(buy(1_000_000), buy(1_000_000))
        refusals = [await carol.next(SessionRejected), await carol.next(SessionRejected)]
        assert [refusal.reason for refusal in refusals] == [
            RejectReason.THROTTLED,
            RejectReason.REF_NOT_APPLIED,
        ]
        with disk.held():
            alice.send(buy(1))
            alice.send(buy(1))
            await alice.settle()
        first, repeat = await alice.reports(2)
        assert (first.seq, repeat.seq) == (1, 1)


async def test_repeats_of_a_large_batch_decode_it_once(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    decode_stream = batch.decode_stream

    def counted(reports: bytes) -> list[AnyReport]:
        decoded.append(len(reports))
        return decode_stream(reports)

    monkeypatch.setattr(batch, "decode_stream", counted)
    async with venue.wire("alice") as alice:
        alice.send(*[buy(ref) for ref in range(1, 101)])
        await alice.reports(100)
        alice.send(MassCancel(Ref(101), MassCancelScope.SESSION))
        await alice.reports(101)
        alice.send(*[MassCancel(Ref(101), MassCancelScope.SESSION)] * 100)
        assert len(await alice.reports(100 * 101)) == 100 * 101
    assert len(decoded) == 1


async def test_few_repeats_are_looked_for_in_the_journal_at_a_time(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "OUTBOX_BYTES_MAX", 1)
    async with venue.wire("alice") as alice:
        for ref in range(1, 129):
            alice.send(buy(ref))
            await alice.reports(1)
        alice.send(*[buy(1)] * REPEATS_LOOKED_UP_MAX)
        answers = await alice.reports(REPEATS_LOOKED_UP_MAX)
        assert {answer.seq for answer in answers} == {1}
        # They have made room again. Whoever asks for more at a time is sent away: a refusal would say
        # that the command was not applied.
        alice.send(*[buy(1)] * (REPEATS_LOOKED_UP_MAX + 1))
        assert (await alice.goodbye()).reason is LogoutReason.THROTTLED
