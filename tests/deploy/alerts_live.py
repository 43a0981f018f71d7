"""Alerts fire for the fault they are for, in a real Prometheus that looks at a real venue, and clear again.

    make alerts

Minutes, so that it is no part of `make test`; test_alerts.py has some of them. Durations are those
of `short`; docs/alerts.md says which alerts have unit tests only.
"""

import asyncio
import contextlib
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from carbonmatch.limits import FRAME_MESSAGES_MAX
from carbonmatch.matching.messages import (
    BustTrade,
    MassCancel,
    MassCancelScope,
    NewOrder,
    OrderStatusRequest,
    Phase,
    Ref,
    Resume,
    SetPhase,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.messages import Subscribe
from tests.deploy.causes import caused, operate, runbook_of
from tests.deploy.observed import Observed, observed
from tests.deploy.prometheus import until
from tests.deploy.short import shortened
from tests.end_to_end import market
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Process
from tests.end_to_end.wire import Wire

MORE_SESSIONS: Final = 7
LITTLE: Final = 4 * 1024


def process_of_many(at: Path) -> Process:
    """The venue of the tests, with more sessions of Alice's to lose."""
    process = Process(at / "journal", at / "engine")
    process.text += "".join(
        f"""
[[sessions]]
id = {100 + number}
name = "alice-{number}"
roles = ["trade"]
key = "alice"
accounts = [{market.ALICE_ACCOUNT}]
"""
        for number in range(3, 3 + MORE_SESSIONS)
    )
    return process


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """One that may be broken, and is to be whole again at the end of a test."""
    directory = tmp_path_factory.mktemp("alerts")
    with observed(directory, rules=shortened, process=process_of_many) as one:
        one.load.disturbed = True
        yield one


# --- availability ---------------------------------------------------------------------------------------


def test_an_engine_that_is_killed(venue: Observed) -> None:
    with caused(venue, "CarbonmatchDown"):
        asyncio.run(venue.engine.kill())
        alert = venue.prometheus.until_fires("CarbonmatchDown")
        assert "What it means" in runbook_of(venue, alert)
        venue.start_engine_again()


def test_an_engine_that_was_restarted(venue: Observed) -> None:
    with caused(venue, "CarbonmatchRestarted"):
        asyncio.run(venue.engine.stop())
        venue.start_engine_again()
        venue.prometheus.until_fires("CarbonmatchRestarted")


def test_an_engine_that_does_not_stay_up(venue: Observed) -> None:
    with caused(venue, "CarbonmatchRestartsRepeatedly"):
        for _ in range(3):
            asyncio.run(venue.engine.kill())
            venue.start_engine_again()
            until(lambda: venue.prometheus.value("carbonmatch_state") == 1, "it is seen running")
        venue.prometheus.until_fires("CarbonmatchRestartsRepeatedly")


def test_an_engine_nobody_looks_at(venue: Observed) -> None:
    with caused(venue, "CarbonmatchUnwatched"):
        venue.prometheus.target("engine", [])
        venue.prometheus.until_fires("CarbonmatchUnwatched")
        venue.prometheus.target("engine", [venue.engine_ops])


def test_an_engine_that_answers_before_the_disk_has_it(venue: Observed) -> None:
    text = venue.engine.text
    with caused(venue, "CarbonmatchNotDurable"):
        venue.engine.text = '[journal]\nsync = "relaxed"\n' + text
        asyncio.run(venue.engine.stop())
        venue.start_engine_again()
        venue.prometheus.until_fires("CarbonmatchNotDurable")
        venue.engine.text = text
        asyncio.run(venue.engine.stop())
        venue.start_engine_again()


def test_a_configuration_that_is_refused(venue: Observed) -> None:
    text = venue.engine.text
    with caused(venue, "CarbonmatchReloadRefused"):
        asyncio.run(venue.engine.reload("[venue]\nno_such_key = 1\n", "reload_refused"))
        venue.prometheus.until_fires("CarbonmatchReloadRefused")
        asyncio.run(venue.engine.reload(text, "reloaded"))


# --- the market -----------------------------------------------------------------------------------------


def test_orders_that_are_refused(venue: Observed) -> None:
    with caused(venue, "CarbonmatchRejectRatioHigh"):
        venue.load.refused = True
        venue.prometheus.until_fires("CarbonmatchRejectRatioHigh")
        venue.load.refused = False


def test_a_market_without_trades(venue: Observed) -> None:
    with caused(venue, "CarbonmatchNoTradesWhileOpen"):
        venue.load.trades = False
        venue.prometheus.until_fires("CarbonmatchNoTradesWhileOpen", 60)
        venue.load.trades = True


def test_an_instrument_that_is_halted(venue: Observed) -> None:
    with caused(venue, "CarbonmatchInstrumentHalted"):
        operate(venue, SetPhase(Ref(0), CEA, Phase.HALTED))
        alert = venue.prometheus.until_fires("CarbonmatchInstrumentHalted")
        assert alert.labels["instrument"] == "CEA"
        operate(venue, Resume(Ref(0), CEA))


def test_a_trade_that_is_busted(venue: Observed) -> None:
    with caused(venue, "CarbonmatchTradesAmended"):
        operate(venue, BustTrade(Ref(0), asyncio.run(trade(venue))))
        venue.prometheus.until_fires("CarbonmatchTradesAmended")


async def trade(venue: Observed) -> Any:
    """The id of a trade between Alice and Bob."""
    async with venue.engine.session("alice-2") as alice, venue.engine.session("bob-2") as bob:
        await alice.new_order(EUA, Side.SELL, 1, 900)
        reports = await bob.new_order(EUA, Side.BUY, 1, 900, time_in_force=TimeInForce.IOC)
        return next(report.trade_id for report in reports if hasattr(report, "trade_id"))


# --- those who are connected ----------------------------------------------------------------------------


def test_gateways_that_are_lost(venue: Observed) -> None:
    async def lose() -> None:
        async with AsyncExitStack() as stack:
            wires = [
                await stack.enter_async_context(venue.engine.wire(f"alice-{number}"))
                for number in range(3, 3 + MORE_SESSIONS)
            ]
            await asyncio.to_thread(
                venue.prometheus.until_some, f'carbonmatch_sessions{{role="trade"}} > {MORE_SESSIONS}'
            )
            for wire in wires:
                wire.abort()

    with caused(venue, "CarbonmatchSessionsDropped"):
        asyncio.run(lose())
        venue.prometheus.until_fires("CarbonmatchSessionsDropped")


def test_a_gateway_that_does_not_read(venue: Observed) -> None:
    async def stare() -> None:
        async with venue.engine.wire("alice-3", receive_bytes=LITTLE) as alice:
            ref = int(alice.accepted.last_ref) + 1
            alice.send(*(buy(ref + n, 1 + n) for n in range(FRAME_MESSAGES_MAX)))
            await alice.reports(FRAME_MESSAGES_MAX)
            ref += FRAME_MESSAGES_MAX
            # Each is answered by some 8 KiB.
            for number in range(2_000):
                alice.send(OrderStatusRequest(Ref(ref + number)))
            assert await alice.cut()

    with caused(venue, "CarbonmatchSlowReadersCut"):
        asyncio.run(stare())
        venue.prometheus.until_fires("CarbonmatchSlowReadersCut")


def test_a_subscriber_that_does_not_read(venue: Observed) -> None:
    async def stare() -> None:
        async with (
            Wire.logged_on(venue.engine.market_data, "feed", receive_bytes=LITTLE) as feed,
            venue.engine.wire("alice-4") as alice,
        ):
            feed.send(Subscribe(Ref(1)))
            ref = int(alice.accepted.last_ref) + 1
            # More than what kernel and engine keep for it.
            while not await asyncio.to_thread(venue.prometheus.value, "carbonmatch_feed_conflations_total"):
                for _ in range(10):
                    ref = await put_and_take(alice, ref)
            await asyncio.to_thread(venue.prometheus.until_fires, "CarbonmatchSubscribersConflated")

    with caused(venue, "CarbonmatchSubscribersConflated"):
        asyncio.run(stare())


async def put_and_take(wire: Wire, first: int) -> int:
    """Orders at many prices, and all of them gone again; the ref after theirs.

    In two batches: of one nobody would be told anything, since nothing is different after it.
    """
    wire.send(*(buy(first + n, 1 + n) for n in range(FRAME_MESSAGES_MAX)))
    await wire.reports(FRAME_MESSAGES_MAX)
    wire.send(MassCancel(Ref(first + FRAME_MESSAGES_MAX), MassCancelScope.SESSION))
    await wire.reports(FRAME_MESSAGES_MAX + 1)
    return first + FRAME_MESSAGES_MAX + 1


def buy(ref: int, price_ticks: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 1, price_ticks)


def test_logons_that_are_refused(venue: Observed) -> None:
    async def guess() -> None:
        for _ in range(6):
            async with venue.engine.wire() as nobody:
                await nobody.log_on("alice", key_id="mallory")

    with caused(venue, "CarbonmatchLogonsRefused"):
        asyncio.run(guess())
        venue.prometheus.until_fires("CarbonmatchLogonsRefused")


def test_connections_that_are_turned_away(venue: Observed) -> None:
    async def crowd() -> None:
        async with AsyncExitStack() as stack:
            with contextlib.suppress(EOFError, ConnectionError):
                for _ in range(20):
                    await stack.enter_async_context(venue.engine.wire())

    with caused(venue, "CarbonmatchConnectionsTurnedAway"):
        asyncio.run(crowd())
        alert = venue.prometheus.until_fires("CarbonmatchConnectionsTurnedAway")
        assert alert.labels["reason"] == "address"


# --- the machine ----------------------------------------------------------------------------------------


def test_a_process_with_few_file_descriptors_left(venue: Observed) -> None:
    pid = venue.engine.pid
    used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with caused(venue, "CarbonmatchDescriptorsLow"):
        # Some are left for the connections of Prometheus: without them nobody would hear of it.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used * 6 // 5, limits[1]))
        venue.prometheus.until_fires("CarbonmatchDescriptorsLow")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@contextmanager
def stolen_processor(pid: int) -> Iterator[None]:
    """The process is stopped for most of the time, as on a machine that others have taken."""
    done = threading.Event()

    def steal() -> None:
        while not done.wait(0.02):
            os.kill(pid, signal.SIGSTOP)
            done.wait(0.15)
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=steal)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_loop_that_is_late(venue: Observed) -> None:
    with caused(venue, "CarbonmatchEventLoopLag"), stolen_processor(venue.engine.pid):
        venue.prometheus.until_fires("CarbonmatchEventLoopLag", 60)


# --- the follower ---------------------------------------------------------------------------------------


def test_a_follower_that_is_killed(venue: Observed) -> None:
    with caused(venue, "CarbonmatchFollowerDown"):
        asyncio.run(venue.follower.kill())
        venue.prometheus.until_fires("CarbonmatchFollowerDown")
        venue.start_follower_again()


def test_a_snapshot_that_is_old(venue: Observed) -> None:
    """Without a follower, and an hour later: the time is that of the file."""
    with caused(venue, "CarbonmatchSnapshotOld"):
        # A stop keeps one, and nobody makes another.
        asyncio.run(venue.follower.stop())
        newest = max(venue.engine.directory.glob("*.cms"))
        written = newest.stat().st_mtime
        os.utime(newest, (written - 3600, written - 3600))
        venue.prometheus.until_fires("CarbonmatchSnapshotOld", 60)
        venue.start_follower_again()
        os.utime(newest)
