"""The process of a replay: its port, its signals. Reads the clocks."""

import asyncio
import signal
import time
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

import uvloop

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.storage import Storage
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.logs import log
from carbonmatch.protocol import session
from carbonmatch.protocol.messages import FeedSource, LogoutReason, Role
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.feed_replay import FeedReplay, FeedTape
from carbonmatch.server.feed_span import NothingToReplay, Span
from carbonmatch.server.guard import Bounds, Guard
from carbonmatch.server.publisher import Publisher
from carbonmatch.server.scheduler import LoopScheduler

# Part of what a client signs: an answer to the venue itself is of no use here.
_SERVER_ID: Final = "carbonmatch-replay"
# What readers have for the end of what was sent.
_LAST_SECONDS: Final = 5.0


def run(
    storage: Storage, span: Span, address: tuple[str, int], speed: float, readers: int, running: bool
) -> int:
    """Replay until the end of the span, SIGTERM or SIGINT; return the exit status.

    Raises NothingToReplay, JournalDamaged, Diverged or OSError where it cannot go on.
    """
    if not is_loopback(address[0]):
        # There is no TLS here: whoever is elsewhere reads through the fan-out or a tunnel of his own.
        raise NothingToReplay(f"{address[0]} is not a loopback address, and a replay is not encrypted")
    tape = FeedTape(storage, span, running=running)
    return uvloop.run(_replay(tape, address, speed, readers))


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


async def _replay(tape: FeedTape, address: tuple[str, int], speed: float, readers: int) -> int:
    scheduler = LoopScheduler()
    counters = Counters()
    publisher = Publisher(
        session.Listener(_SERVER_ID, frozenset({Role.MARKET_DATA}), tape.credentials()),
        Clocks(time.time_ns, time.monotonic_ns),
        counters,
        scheduler,
        tape.venue.market_data,
        tape.epoch,
        durable=True,
        gap_source=FeedSource.JOURNAL,
    )
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def end(error: Exception | None = None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    host, port = await publisher.open(
        *address, Guard(counters, time.monotonic_ns(), Bounds(), lambda _host: False)
    )
    log("replay_ready", market_data=f"{host}:{port}", feed_sequence=tape.venue.market_data.feed_sequence)
    replay = FeedReplay(tape, publisher, scheduler, speed, readers, end)
    replay.begin()
    try:
        await ended
        await _see_off(publisher)
    finally:
        publisher.close_door()
        publisher.stop()
        scheduler.close()
    log("replay_ended", batches=replay.batches, feed_sequence=publisher.market_data.feed_sequence)
    return ExitCode.DONE


async def _see_off(publisher: Publisher) -> None:
    """Let everybody read to the end, as far as they read at all, and say goodbye."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_SECONDS):
            while any(peer.subscriber.is_waiting for peer in publisher.followers):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    publisher.close(LogoutReason.SHUTTING_DOWN, "the replay is over")
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_SECONDS):
            while publisher.peers:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
