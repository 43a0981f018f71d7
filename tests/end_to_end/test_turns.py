"""Where a batch is committed: in the loop for a session that trades alone, else by the journal thread."""

import pytest

from carbonmatch.matching.messages import NewOrder, Ref, Side
from carbonmatch.server.commit import Commit, JournalThread
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue


@pytest.fixture
def in_loop(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The commits that were asked for in the loop; each is left to the thread."""
    asked: list[int] = []

    def commit_here(_thread: JournalThread, commit: Commit) -> bool:
        asked.append(commit.first_sequence)
        return False

    monkeypatch.setattr(JournalThread, "commit_here", commit_here)
    return asked


def order(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000)


async def test_the_only_session_is_committed_in_the_loop(venue: Venue, in_loop: list[int]) -> None:
    async with venue.wire("alice") as alice:
        for ref in (1, 2, 3):
            alice.send(order(ref))
            await alice.reports(1)
    assert len(in_loop) == 2, "all but the first, before which somebody else may have been served"


async def test_a_session_that_trades_alone_keeps_nobody_waiting_for_the_disk(
    venue: Venue, in_loop: list[int]
) -> None:
    """Who only listens has heartbeats to be answered, and may want to cancel at any moment."""
    async with venue.wire("alice") as alice, venue.wire("bob"):
        for ref in (1, 2, 3):
            alice.send(order(ref))
            await alice.reports(1)
    assert in_loop == []


async def test_sessions_that_take_turns_are_left_to_the_journal_thread(
    venue: Venue, in_loop: list[int]
) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        for ref in (1, 2, 3):
            for session in (alice, bob):
                session.send(order(ref))
                await session.reports(1)
    assert in_loop == []
