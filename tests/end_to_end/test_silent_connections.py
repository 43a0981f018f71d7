"""Connections that say nothing."""

from carbonmatch.protocol.messages import LogonAccepted, LogoutReason
from tests.end_to_end.running import Venue


async def test_silent_connections_make_room_for_others(venue: Venue) -> None:
    venue.service._gateway.connections_max = 2
    async with venue.wire("bob"), venue.wire() as silent, venue.wire() as alice:
        assert (await silent.goodbye()).reason is LogoutReason.TOO_MANY_CONNECTIONS
        assert isinstance(await alice.log_on("alice"), LogonAccepted)
