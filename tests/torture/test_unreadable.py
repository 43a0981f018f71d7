"""A journal that can be written and, at the place where somebody's past is, not read."""

from pathlib import Path

import pytest

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.matching.messages import NewOrder, Ref, Side
from carbonmatch.server import stream as stream_module
from carbonmatch.server.history import History
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue, running


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


async def forgetful(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        for ref in (1, 2, 3):
            alice.send(buy(ref))
            await alice.reports(1)


async def assert_others_trade(venue: Venue) -> None:
    async with venue.wire("bob") as bob:
        bob.send(buy(1))
        await bob.reports(1)


@pytest.mark.parametrize(
    "error",
    [
        OSError(5, "Input/output error"),
        JournalDamaged("0000000001.cmj", 32, 1, found="this", expected="that"),
    ],
)
async def test_who_cannot_be_given_his_past_is_cut_and_not_left_waiting(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)

    def unreadable(*_: object) -> None:
        raise error

    async with running(tmp_path) as venue:
        await forgetful(venue)
        monkeypatch.setattr(History, "_slice", unreadable)
        async with venue.wire("alice", next_seq=1) as alice:
            assert await alice.ended()
        async with venue.wire("alice", next_seq=4) as alice:
            alice.send(buy(1))
            assert await alice.ended()
        await assert_others_trade(venue)
