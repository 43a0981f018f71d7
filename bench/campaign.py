"""One engine, one set of connections, many runs: what a ramp and a soak are made of."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from bench import market
from bench.generator import Plan
from bench.processes import Server
from bench.results import Run
from bench.runs import DATA, Driver, Setup, reports_by_tag
from bench.validity import Checked, check_journal
from bench.workload import Flows


class Campaign:
    """Sessions that are logged on; every run goes on where the one before has ended."""

    def __init__(self, setup: Setup, driver: Driver, running: Server) -> None:
        self.setup = setup
        self.running = running
        self.driver = driver
        self.sent_commands = 0
        self.reports: dict[str, int] = {}  # of all runs, by kind
        self._flows = Flows(setup.workload)

    async def run(self, plan: Plan, frames_per_session: int) -> Run:
        self.driver.reload(plan, self._flows.take(frames_per_session))
        run = await self.driver.run()
        self.sent_commands += run.commands + run.warmup_commands
        self.reports = run.reports
        return run


@asynccontextmanager
async def campaign(setup: Setup, running: Server) -> AsyncIterator[Campaign]:
    driver = Driver(setup.plan, "engine", running.pid)
    try:
        await driver.generator.subscribe(
            running.address("market_data"), market.subscribers(setup.subscribers)
        )
        await driver.generator.connect(
            running.address("order_entry"), market.traders(setup.workload.sessions), lambda _, __: []
        )
        yield Campaign(setup, driver, running)
    finally:
        driver.close()


class Place(Struct, frozen=True):
    """Where an engine has its journal while it is measured, and after it was stopped."""

    directory: Path

    @property
    def data(self) -> Path:
        return self.directory / DATA

    def check(self, setup: Setup, done: Campaign) -> Checked | None:
        """Execute what a stopped engine has journaled; None where the setup does without."""
        if not setup.is_checked:
            return None
        counts = reports_by_tag(done.reports)
        return check_journal(self.data, setup.workload.sessions, done.sent_commands, counts)


@contextmanager
def place(setup: Setup) -> Iterator[Place]:
    with TemporaryDirectory(prefix="carbonmatch-bench-", dir=setup.directory) as name:
        yield Place(Path(name))
