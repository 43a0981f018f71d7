"""Floods of what is no order."""

import pytest

from carbonmatch.limits import FRAME_WORK, TURN_SESSION_WORK_MAX
from carbonmatch.matching.messages import NewOrder, Ref, Side
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import FeedKind, GapRequest, Heartbeat, LogoutReason, Subscribe
from carbonmatch.server.session_peer import SessionPeer
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue

HEARTBEAT = frame(encode([Heartbeat(0)]))


async def test_heartbeats_use_up_a_turn_like_commands(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    serve = SessionPeer.serve

    def noted(peer: SessionPeer, work_max: int) -> int:
        before = len(peer.frames)
        result = serve(peer, work_max)
        served.append(before - len(peer.frames))
        return result

    monkeypatch.setattr(SessionPeer, "serve", noted)
    async with venue.wire("alice") as alice:
        alice.write(HEARTBEAT * 1_000)
        await alice.settle()
    assert sum(served) == 1_001
    assert max(served) <= TURN_SESSION_WORK_MAX // FRAME_WORK


async def test_a_subscriber_that_asked_for_more_than_it_could_read_is_read_again(venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.feed_wire() as feed:
        for start in range(1, 5_001, 100):
            alice.send(*[NewOrder(Ref(ref), EUA, Side.BUY, 1, ref) for ref in range(start, start + 100)])
            await alice.reports(100)
        # A snapshot is 60 kB: three hundred of them wait while nothing is read.
        feed.write(frame(encode([Subscribe(Ref(1), (EUA,), FeedKind.LEVELS)])))
        feed.write(frame(encode([GapRequest(Ref(2), EUA)])) * 300)
        assert await feed.settle()
        feed.write(frame(encode([GapRequest(Ref(2), EUA)])) * 300)
        assert await feed.settle()


async def test_what_a_subscriber_sent_wrong_is_told_also_when_it_reads_late(venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.feed_wire() as feed:
        for start in range(1, 5_001, 100):
            alice.send(*[NewOrder(Ref(ref), EUA, Side.BUY, 1, ref) for ref in range(start, start + 100)])
            await alice.reports(100)
        feed.write(frame(encode([Subscribe(Ref(1), (EUA,), FeedKind.LEVELS)])))
        feed.write(frame(encode([GapRequest(Ref(2), EUA)])) * 50)
        feed.write(frame(b"\x91\xc0"))
        assert (await feed.goodbye()).reason is LogoutReason.PROTOCOL_ERROR
