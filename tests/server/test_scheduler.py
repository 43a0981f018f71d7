"""Reading beside the loop, until the loop has had enough."""

import asyncio
import threading

from carbonmatch.server.scheduler import LoopScheduler


async def test_nobody_hears_of_what_is_read_while_it_closes_and_nothing_is_read_afterwards() -> None:
    """A look-up reads on with each step it is told of: the next one fell over a thread that was gone."""
    scheduler = LoopScheduler()
    begun, let_go = threading.Event(), threading.Event()
    heard: list[object] = []

    def work() -> bool:
        begun.set()
        return let_go.wait(10)

    scheduler.read(work, heard.append, heard.append)
    assert await asyncio.to_thread(begun.wait, 10)
    scheduler.close()
    let_go.set()
    await asyncio.to_thread(scheduler._reading.shutdown)
    for _ in range(3):
        await asyncio.sleep(0)
    scheduler.read(work, heard.append, heard.append)
    assert heard == []
