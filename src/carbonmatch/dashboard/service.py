"""The dashboard's process, from its clients to its port, until it is told to stop. Reads the clocks."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Coroutine
from typing import Any, Final

import uvloop

from carbonmatch.client.connection import Access
from carbonmatch.dashboard.acting import Operating
from carbonmatch.dashboard.admission import Logins
from carbonmatch.dashboard.browsers import Browsers
from carbonmatch.dashboard.feed import FeedFollower
from carbonmatch.dashboard.polling import Poller
from carbonmatch.dashboard.site import Site, listen
from carbonmatch.dashboard.sources import Addresses
from carbonmatch.dashboard.view import View
from carbonmatch.exit_codes import ExitCode
from carbonmatch.limits import DASHBOARD_TICK_SECONDS
from carbonmatch.ops.logs import WARNING, Ours, log, start_logging
from carbonmatch.server.supervisor import Supervisor

_HOST: Final = "127.0.0.1"


def run(
    port: int,
    feed: Access,
    addresses: Addresses,
    operator: Access | None,
    secret: str,
    names: frozenset[str],
) -> int:
    """The exit status. Without `operator` the page only shows; `names` are those of a proxy."""
    start_logging()
    return uvloop.run(_serve(port, feed, addresses, operator, secret, names))


async def _serve(
    port: int,
    feed: Access,
    addresses: Addresses,
    operator: Access | None,
    secret: str,
    names: frozenset[str],
) -> int:
    view = View()
    browsers = Browsers(view, time.time_ns)
    follower = FeedFollower(feed, view, time.time_ns)
    poller = Poller(addresses, view, time.time_ns, feed.ssl)
    site = Site(
        view,
        browsers,
        None if operator is None else Operating(operator),
        Logins(secret, time.monotonic_ns) if secret else None,
        names,
        time.time_ns,
    )
    with Supervisor(lambda: "shows the venue") as supervisor:
        runner, server = await listen(site.application(), _HOST, port)
        bound = server.sockets[0].getsockname()[1]
        log("ready", dashboard=f"http://{_HOST}:{bound}/", may_act=operator is not None)
        supervisor.ready()
        try:
            await _until_stopped(follower.run(), poller.run(), _tick(follower, browsers))
            supervisor.stopping()
        finally:
            server.close()
            await runner.cleanup()
    log("stopped")
    return ExitCode.DONE


async def _tick(follower: FeedFollower, browsers: Browsers) -> None:
    while True:
        follower.tick()
        browsers.tick()
        await asyncio.sleep(DASHBOARD_TICK_SECONDS)


async def _until_stopped(*work: Coroutine[Any, Any, None]) -> None:
    """Until SIGTERM or SIGINT. What one of them raises ends the others, and is raised."""
    loop = asyncio.get_running_loop()
    running = asyncio.gather(*work)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    # Told to all processes of a venue, it must not end this one.
    loop.add_signal_handler(signal.SIGHUP, _ignore_reload)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _ignore_reload() -> None:
    log("reload_ignored", WARNING, text=Ours("the dashboard reads its options at its start only"))
