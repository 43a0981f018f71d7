"""`carbonmatch fanout`: the process. Reads the clocks."""

import asyncio
import contextlib
import os
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import Annotated

import uvloop
from cyclopts import Parameter

from carbonmatch.client.connection import Access
from carbonmatch.client.options import Port, access_of
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.config import (
    Config,
    ListenerTls,
    host_and_port,
    load,
    tls_contexts,
    with_addresses,
    with_environment,
)
from carbonmatch.demo_market import demo_config
from carbonmatch.exit_codes import ExitCode
from carbonmatch.fanout.gauges import FanoutGauges
from carbonmatch.fanout.relay import Outlet, Relay
from carbonmatch.limits import DESCRIPTORS_SPARE
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.fanout_metrics import FANOUT_METRICS, FanoutCounters, assess_fanout
from carbonmatch.ops.logs import WARNING, Ours, log, start_logging
from carbonmatch.ops.pages import ops_pages
from carbonmatch.protocol.messages import Role
from carbonmatch.protocol.session import Listener
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.configured import configured_credentials
from carbonmatch.server.descriptors import reserve_descriptors
from carbonmatch.server.guard import Bounds, Guard
from carbonmatch.server.ops_port import OpsPort
from carbonmatch.server.supervisor import Supervisor
from carbonmatch.server.vitals import Timepieces


def main(
    *,
    config: Annotated[Path | None, Parameter(env_var="CARBONMATCH_CONFIG")] = None,
    host: str = "127.0.0.1",
    port: Port = 7410,
    listen: str = "127.0.0.1:7411",
    ops: str = "127.0.0.1:7482",
    key_id: str | None = None,
    key_file: Path | None = None,
    session: str | None = None,
    nats: str = "",
    prefix: str = "md.v1",
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Follow an engine's market data once, and serve it to many subscribers, until SIGTERM.

    Parameters
    ----------
    config
        The venue's configuration: who may subscribe, and the certificate of its market data. Without one:
        the demo market's.
    host
        Where the engine is.
    port
        Its market data.
    listen
        Where subscribers connect, as host:port. Port 0: any free one, which the log names.
    ops
        Where metrics and health are asked for, likewise.
    key_id
        A key that may follow market data; without one the demo market's, on loopback only.
    key_file
        The file with the private half: 64 hexadecimal digits.
    session
        The session that goes with the key.
    nats
        Put the feed onto this NATS server as well: nats://127.0.0.1:4222. Needs the extra `nats`.
    prefix
        What its subjects there begin with.
    """
    chosen = with_environment(demo_config() if config is None else load(config), os.environ)
    # Looked at as if it were the engine's: on what it may listen without TLS, and the demo's keys at all.
    chosen = with_addresses(chosen, market_data=listen, ops=ops)
    access = access_of(Role.MARKET_DATA, host, port, key_id, key_file, session, tls)
    start_logging()
    sys.exit(uvloop.run(_republish(chosen, access, nats, prefix)))


async def _republish(config: Config, access: Access, nats: str, prefix: str) -> int:
    bounds = config.connections
    reserve_descriptors(bounds.max + DESCRIPTORS_SPARE)
    tls = tls_contexts(config)
    counters = FanoutCounters()
    counters.start_time_ns = time.time_ns()
    gauges = FanoutGauges(counters, Timepieces(time.monotonic_ns, time.thread_time_ns, held_ns=lambda: 0))
    guard = Guard(
        counters,
        time.monotonic_ns(),
        Bounds(bounds.max, bounds.waiting_per_address, bounds.failed_logons),
        lambda _host: False,
    )
    outlets: tuple[Outlet, ...] = ()
    async with contextlib.AsyncExitStack() as stack:
        if nats:
            from carbonmatch.fanout.subjects import Subjects

            outlets = (await stack.enter_async_context(Subjects(nats, prefix, counters)),)
        # Once it is known whether there is NATS to tell of.
        exposition = Exposition(counters, FANOUT_METRICS)
        port = OpsPort(ops_pages(exposition, lambda: assess_fanout(counters)))
        ops = await port.open(host_and_port(config.listen.ops), time.monotonic_ns, _context(tls, "ops"))
        stack.callback(port.close)
        supervisor = stack.enter_context(Supervisor(lambda: f"{counters.feed_subscribers} readers"))

        def ready(address: str) -> None:
            log("ready", market_data=address, engine=f"{access.host}:{access.port}", ops=f"{ops[0]}:{ops[1]}")
            supervisor.ready()

        relay = Relay(
            access,
            Listener(config.venue.server_id, frozenset({Role.MARKET_DATA}), configured_credentials(config)),
            host_and_port(config.listen.market_data),
            guard,
            Clocks(time.time_ns, time.monotonic_ns),
            gauges,
            tls=_context(tls, "market_data"),
            outlets=outlets,
            on_ready=ready,
        )
        await _until_stopped(relay, gauges)
        supervisor.stopping()
    log("stopped")
    return ExitCode.DONE


def _context(tls: dict[str, ListenerTls], listener: str) -> ssl.SSLContext | None:
    found = tls.get(listener)
    return None if found is None else found.context


async def _until_stopped(relay: Relay, gauges: FanoutGauges) -> None:
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(relay.run())
    looking = asyncio.ensure_future(gauges.run())

    def stop() -> None:
        gauges.counters.stopping = True
        running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # Told to all processes of a venue, it must not end this one.
    loop.add_signal_handler(signal.SIGHUP, _ignore_reload)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await running
    finally:
        looking.cancel()


def _ignore_reload() -> None:
    log("reload_ignored", WARNING, text=Ours("the fan-out reads its file at its start only"))
