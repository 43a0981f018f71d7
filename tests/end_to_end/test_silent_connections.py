"""Connections that say nothing."""

import pytest

from carbonmatch.protocol.messages import LogonAccepted, LogoutReason
from carbonmatch.server import peer
from tests.end_to_end.running import Venue


async def test_silent_connections_make_room_for_others(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "CONNECTIONS_MAX", 2)
    async with venue.wire("bob"), venue.wire() as silent, venue.wire() as alice:
        assert (await silent.goodbye()).reason is LogoutReason.TOO_MANY_CONNECTIONS
        assert isinstance(await alice.log_on("alice"), LogonAccepted)
