"""A follower beside an engine that is killed: it dies too, and comes to the same state all the same."""

import asyncio
from pathlib import Path

from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.wire import SECONDS_MAX

# Far more often than in earnest, so that most kills meet a snapshot, or the making of one.
_SNAPSHOT_COMMANDS = 200


class Shadow:
    """One follower over many lives. Each life compares its state with the engine's at clean stops."""

    def __init__(self, journal: Path, directory: Path) -> None:
        self._process = FollowerProcess(journal, directory / "follower.log")
        self._compared = 0

    async def start(self) -> None:
        await self._process.start("--snapshot-commands", str(_SNAPSHOT_COMMANDS))

    async def kill(self) -> None:
        await self._process.kill()

    async def compared(self, sequence: int) -> None:
        """With the engine stopped cleanly: wait until the follower is there, and says so."""
        async with asyncio.timeout(SECONDS_MAX):
            while sequence not in self._sequences():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        self._compared += 1

    def _sequences(self) -> list[int]:
        return [event["sequence"] for event in self._process.events("digest_compared")]

    async def stop(self) -> int:
        """End it in order; how many states were compared."""
        assert await self._process.stop() == 0, self._process.log.read_text()
        return self._compared

    def clean_up(self) -> None:
        self._process.clean_up()
