"""Two sessions that only want to trade, to see whether they can while others misbehave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from carbonmatch.journal_tools import replay, verify
from carbonmatch.matching.messages import AnyReport, NewOrder, Ref, Side
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue
from tests.end_to_end.wire import Wire


class Honest:
    """Bob, who trades with Carol whatever the others do, one lot a time."""

    def __init__(self, bob: Wire, carol: Wire) -> None:
        self.bob = bob
        self.carol = carol
        self.stream: list[AnyReport] = []
        self._ref = 0

    async def trade(self) -> None:
        """Fails where an answer is missing, wrong, or late."""
        self._ref += 1
        for wire, side in ((self.carol, Side.SELL), (self.bob, Side.BUY)):
            wire.send(NewOrder(Ref(self._ref), EUA, side, 1, 5000))
            reports = await wire.reports(1 if side is Side.SELL else 2)
            if wire is self.bob:
                self.stream += reports
            assert [type(report).__name__ for report in reports][:1] == ["Accepted"]
        assert type((await self.carol.reports(1))[0]).__name__ == "Executed"


@asynccontextmanager
async def honest_trading(venue: Venue) -> AsyncIterator[Honest]:
    async with venue.wire("bob") as bob, venue.wire("carol") as carol:
        honest = Honest(bob, carol)
        await honest.trade()
        yield honest
        await honest.trade()
    # Nothing of it is lost: not from the stream, and not from the disk.
    async with venue.wire("bob", next_seq=1) as bob:
        assert await bob.reports(len(honest.stream)) == honest.stream
    sequence = venue.engine.sequence
    digest = venue.digest()
    await venue.stop()
    assert verify(venue.directory, running=False).last_sequence == sequence
    assert replay(venue.directory, running=False).state_digest == digest
