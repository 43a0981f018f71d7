"""While the journal is replayed."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.server import service as service_module
from carbonmatch.server.recovery import recover_venue
from tests.end_to_end.running import Venue


async def test_the_ops_port_answers_while_the_venue_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    recovering = asyncio.Event()
    recovery_may_end = threading.Event()

    def held(*arguments: Any, **options: Any) -> object:
        loop.call_soon_threadsafe(recovering.set)
        assert recovery_may_end.wait(5), "the loop was held up by the recovery"
        return recover_venue(*arguments, **options)

    monkeypatch.setattr(service_module, "recover_venue", held)
    venue = Venue(tmp_path / "journal")
    start = asyncio.create_task(venue.start())
    try:
        async with asyncio.timeout(5):
            await recovering.wait()
        assert (await venue.get("/healthz"))[0] == 200
        assert (await venue.get("/readyz"))[0] == 503
    finally:
        recovery_may_end.set()
        await start
    assert (await venue.get("/readyz"))[0] == 200
    await venue.stop()
