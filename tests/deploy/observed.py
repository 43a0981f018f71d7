"""A venue at work (engine, follower, load), and a real Prometheus that looks at it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.deploy.load import Load
from tests.deploy.prometheus import Prometheus
from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.running import Process


class Observed:
    """Processes and their load; a test that breaks one of them makes an `Observed` of its own."""

    def __init__(
        self,
        engine: Process,
        follower: FollowerProcess,
        load: Load,
        prometheus: Prometheus,
        following: Sequence[str] = (),
    ) -> None:
        self.engine = engine
        self.follower = follower
        self.load = load
        self.prometheus = prometheus
        # Options of the follower.
        self.following = following

    def start_engine_again(self) -> None:
        """On the addresses that it had, so that everybody finds it."""
        self.engine.listen_again(self.engine.addresses)
        asyncio.run(self.engine.start())

    def start_follower_again(self) -> None:
        """On an address of its own, which Prometheus is told."""
        asyncio.run(self.follower.start(*self.following))
        self.prometheus.target("follower", [self.follower_ops])

    @property
    def engine_ops(self) -> str:
        return self.engine.addresses["ops"]

    @property
    def follower_ops(self) -> str:
        return str(self.follower.events("ready")[0]["ops"])


@contextmanager
def observed(
    directory: Path,
    *,
    rules: Callable[[str], str] = lambda text: text,
    process: Callable[[Path], Process] = lambda at: Process(at / "journal", at / "engine"),
    following: Sequence[str] = (),
) -> Iterator[Observed]:
    """All of it running, on free ports of loopback, and scraped; skips the test without Prometheus.

    `rules`: what is made of the text of each file of rules. `process`: the engine, not started yet.
    `following`: options of the follower.
    """
    with ExitStack() as stack:
        # First, since it is what may not be there.
        prometheus = Prometheus(directory / "prometheus", {}, rules)
        engine = process(directory)
        stack.callback(engine.clean_up)
        asyncio.run(engine.start())
        follower = FollowerProcess(engine.directory, directory / "follower.log")
        stack.callback(follower.clean_up)
        asyncio.run(follower.start(*following))
        load = Load(engine)
        one = Observed(engine, follower, load, prometheus, following)
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
