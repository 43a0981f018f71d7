"""Repeats cost whoever sends them, and nobody else."""

from pathlib import Path

import pytest

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
        refusals = await carol.reports(2)
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
        for _ in range(25):
            alice.send(*[MassCancel(Ref(101), MassCancelScope.SESSION)] * 4)
        assert len(await alice.reports(100 * 101)) == 100 * 101
    assert len(decoded) == 1
