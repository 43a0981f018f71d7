"""`carbonmatch demo`: the demo market, traded on for a while through real gateways, and proven.

Starts an engine in a process of its own, lets the companies of `crowd` trade over TCP, shows it,
closes the market, stops the engine, and has it verify its journal. The exit status says whether
everything was consistent.
"""

import asyncio
import signal
import sys
import tempfile
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Final

import uvloop
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.live import Live

from carbonmatch.client import ClientError
from carbonmatch.demo.day import Day
from carbonmatch.demo.screen import Screen
from carbonmatch.demo.summary import Summary, as_json, summarize, view
from carbonmatch.demo.venue import Venue
from carbonmatch.exit_codes import ExitCode

_REFRESH_SECONDS: Final = 0.25
_GAUGES_SECONDS: Final = 0.2
# Python's own 5 ms between threads would show in the latencies while the screen is drawn.
_THREAD_SWITCH_SECONDS: Final = 0.0005
# How the journal is proven, in the words of the command line.
_PROOFS: Final = ("verify", "replay")


def main(
    *,
    seconds: Annotated[float, Parameter(validator=Number(gt=0, lte=3_600))] = 20.0,
    rate: Annotated[int, Parameter(validator=Number(gte=1, lte=50_000))] = 3_000,
    seed: int = 1,
    headless: bool = False,
    json: bool = False,
    data_dir: Path | None = None,
) -> None:
    """Run the demo market, and trade on it.

    Parameters
    ----------
    seconds
        How long to trade.
    rate
        Commands a second, on average: few at first, most before the end.
    seed
        Other companies, other prices.
    headless
        No live screen, as where there is no terminal.
    json
        Print nothing but a summary in JSON; implies headless.
    data_dir
        Where the engine keeps its journal, and leaves it. Without one: a temporary directory.
    """
    live = sys.stdout.isatty() and not headless and not json
    with ExitStack() as stack:
        if data_dir is None:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="carbonmatch-demo-")))
        announcement = "" if live or json else f"trading for {seconds:g} s ..."
        summary = uvloop.run(_run(data_dir, seconds, rate, seed, announcement, live=live))
    if json:
        print(as_json(summary))
    else:
        Console().print(view(summary))
    sys.exit(ExitCode.DONE if summary.ok else ExitCode.REFUSED)


async def _run(
    data_dir: Path, seconds: float, rate: int, seed: int, announcement: str, *, live: bool
) -> Summary:
    venue = Venue(data_dir)
    try:
        await venue.start()
        day = Day(venue, seed, seconds, rate)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, day.stop)
        if announcement:
            print(announcement, file=sys.stderr, flush=True)
        metrics = await _trade(venue, day, live=live)
        await venue.stop()
    finally:
        with suppress(ClientError):
            await venue.stop()
    proofs = {how: await venue.prove(how) for how in _PROOFS}
    return summarize(day, seed, day.traded_seconds, metrics, proofs)


async def _trade(venue: Venue, day: Day, *, live: bool) -> dict[str, float]:
    """Run the day, shown if `live`; return the engine's metrics at its end."""
    screen = Screen(day)
    sys.setswitchinterval(_THREAD_SWITCH_SECONDS)
    with Live(auto_refresh=False, screen=True) if live else nullcontext() as terminal:
        if terminal is not None:
            # The first picture takes longest, so it is drawn before there is anything to measure.
            await _draw(terminal, screen, venue)
        running = asyncio.create_task(day.run())
        while not running.done() and not venue.has_ended:
            if terminal is not None:
                await _draw(terminal, screen, venue)
            await asyncio.wait({running}, timeout=_REFRESH_SECONDS)
    if venue.has_ended:
        running.cancel()
        await asyncio.wait({running})
        # Raises, with the engine's last words.
        await venue.stop()
    await running
    # The engine brings its gauges up to date ten times a second.
    await asyncio.sleep(_GAUGES_SECONDS)
    return await venue.metrics()


async def _draw(terminal: Live, screen: Screen, venue: Venue) -> None:
    """Drawing takes 20 ms, which orders and their answers need not wait for: it has a thread."""
    metrics = await venue.metrics()
    now = asyncio.get_running_loop().time()
    view_now = screen.view(now, metrics, terminal.console.width)
    await asyncio.to_thread(terminal.update, view_now, refresh=True)
