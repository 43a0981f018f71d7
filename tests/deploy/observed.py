"""A venue at work (engine, follower, load), and a real Prometheus that looks at it."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.deploy.load import Load
from tests.deploy.prometheus import Prometheus
from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.running import Process


class Observed:
    """Processes and their load; a test that breaks one of them makes an `Observed` of its own."""

    def __init__(
        self, engine: Process, follower: FollowerProcess, load: Load, prometheus: Prometheus
    ) -> None:
        self.engine = engine
        self.follower = follower
        self.load = load
        self.prometheus = prometheus

    @property
    def engine_ops(self) -> str:
        return self.engine.addresses["ops"]

    @property
    def follower_ops(self) -> str:
        return str(self.follower.events("ready")[0]["ops"])


@contextmanager
def observed(directory: Path) -> Iterator[Observed]:
    """All of it running, on free ports of loopback, and scraped; skips the test without Prometheus."""
    with ExitStack() as stack:
        # First, since it is what may not be there.
        prometheus = Prometheus(directory / "prometheus", {})
        engine = Process(directory / "journal", directory / "engine")
        stack.callback(engine.clean_up)
        asyncio.run(engine.start())
        follower = FollowerProcess(engine.directory, directory / "follower.log")
        stack.callback(follower.clean_up)
        asyncio.run(follower.start())
        load = Load(engine)
        one = Observed(engine, follower, load, prometheus)
        load.start()
        stack.callback(load.stop)
        prometheus.target("engine", [one.engine_ops])
        prometheus.target("follower", [one.follower_ops])
        stack.callback(prometheus.stop)
        prometheus.start()
        # Two scrapes of trades: from now on rates have values too.
        prometheus.until_some("sum(rate(carbonmatch_trades_total[1m])) > 0")
        prometheus.until_some('up{job="carbonmatch-follower"} == 1')
        yield one
