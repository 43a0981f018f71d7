"""More than the rated load: what becomes of cancels and orders, and how soon it is over.

    python -m bench hostile overload --rated 20000 --times 1 2 5

Eight sessions send frames of one command when they are due, half of them orders and half their cancels.
Each run is two seconds of the load and two of the rated load after it. Latency counts from when a command
was due. Recovered is how long after the drop a hundredth of the commands was last refused, or late.
"""

import argparse
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import numpy as np
import uvloop
from msgspec import Struct
from numpy.typing import NDArray

from bench import market
from bench.generator import Plan
from bench.hostile.open_load import APPLIED, REFUSED, UNANSWERED, Played, play
from bench.latency import Nanoseconds, fold, latency
from bench.processes import Server
from bench.runs import Setup, started_engine
from bench.workload import Workload
from carbonmatch.limits import ORDER_WAIT_MS

CANCEL_P99_MS_MAX: Final = 10.0
ORDER_MS_MAX: Final = 50.0
_SESSIONS: Final = 8
_WINDOW_NS: Final = 100_000_000


class Figures(Struct, frozen=True):
    """Of one run; milliseconds where nothing else is said."""

    times: float
    offered_per_second: int
    generator_late_p99: float
    cancels_p50: float
    cancels_p99: float
    orders_p50: float  # of those that were applied
    orders_p99: float
    refused_share: float  # of the orders
    refused_p99: float
    orders_late_share: float  # applied, and answered later than ORDER_MS_MAX
    unanswered: int
    recovered_seconds: float
    capacity_used: float  # highest seen
    waiting_kib: float  # highest seen


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(prog="python -m bench hostile overload", description=__doc__)
    it.add_argument("--rated", type=int, default=20_000, help="commands a second of all sessions")
    it.add_argument("--times", type=float, nargs="+", default=[1, 2, 5])
    it.add_argument("--seconds", type=float, default=2.0, help="of the load, and as much after it")
    it.add_argument("--rounds", type=int, default=1)
    options = it.parse_args(arguments)
    print(_head(options.rated))
    for _ in range(options.rounds):
        for times in options.times:
            print(_line(measure(options.rated, times, options.seconds)), flush=True)
    return 0


def measure(rated: int, times: float, seconds: float) -> Figures:
    workload = Workload(sessions=_SESSIONS, commands=_SESSIONS, frame_commands=1, instruments=1)
    setup = Setup("overload", workload, Plan(1, 0, rate_per_second=rated), order_wait_ms=ORDER_WAIT_MS)
    with (
        tempfile.TemporaryDirectory(prefix="carbonmatch-hostile-") as name,
        started_engine(setup, Path(name)) as running,
    ):
        watch = Watch(running)
        address, members = running.address("order_entry"), market.traders(_SESSIONS)
        rates = [(round(rated * times), seconds), (rated, seconds)]
        played = uvloop.run(play(address, members, rates, during=watch.look))
    return _figures(played, times, round(rated * times), seconds, watch)


class Watch:
    """What the engine says of itself meanwhile."""

    def __init__(self, running: Server) -> None:
        self._url = f"http://{running.ready['ops']}/metrics"
        self.capacity_used = 0.0
        self.waiting_bytes = 0.0

    def look(self) -> None:
        with suppress(OSError), urlopen(self._url, timeout=0.2) as page:
            text = page.read().decode()
            self.capacity_used = max(self.capacity_used, _value(text, "carbonmatch_capacity_used_ratio"))
            self.waiting_bytes = max(self.waiting_bytes, _value(text, "carbonmatch_waiting_bytes"))


def _value(text: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _figures(played: Played, times: float, offered: int, seconds: float, watch: Watch) -> Figures:
    offset_ns = played.due_ns - played.due_ns[0]
    drop_ns = round(seconds * 1e9)
    loaded = offset_ns < drop_ns
    order, cancel = ~played.is_cancel, played.is_cancel
    applied, refused = played.outcomes == APPLIED, played.outcomes == REFUSED
    ms = played.latency_ns / 1e6
    bad = refused | (ms > np.where(cancel, CANCEL_P99_MS_MAX, ORDER_MS_MAX)) | (played.outcomes == UNANSWERED)
    cancels = latency(fold(played.latency_ns[loaded & cancel & applied]))
    orders = latency(fold(played.latency_ns[loaded & order & applied]))
    return Figures(
        times,
        offered,
        latency(fold(played.late_ns)).p99_us / 1e3,
        cancels.p50_us / 1e3,
        cancels.p99_us / 1e3,
        orders.p50_us / 1e3,
        orders.p99_us / 1e3,
        float((loaded & order & refused).sum() / max(1, (loaded & order).sum())),
        latency(fold(played.latency_ns[loaded & refused])).p99_us / 1e3,
        float((loaded & order & applied & (ms > ORDER_MS_MAX)).sum() / max(1, (loaded & order).sum())),
        int((played.outcomes == UNANSWERED).sum()),
        _recovered_seconds(offset_ns[~loaded] - drop_ns, bad[~loaded]),
        watch.capacity_used,
        watch.waiting_bytes / 1024,
    )


def _recovered_seconds(since_drop_ns: Nanoseconds, bad: NDArray[np.bool_]) -> float:
    """The end of the last window in which more than a hundredth was refused or late."""
    windows = since_drop_ns // _WINDOW_NS
    due = np.bincount(windows)
    found = np.flatnonzero(np.bincount(windows, bad, len(due)) > due / 100)
    return float((found[-1] + 1) * _WINDOW_NS / 1e9) if len(found) else 0.0


def _head(rated: int) -> str:
    columns: tuple[str, ...]
    columns = ("times", "offered/s", "gen late", "cancel p50", "p99", "order p50", "p99", "BUSY %", "p99")
    columns += ("late %", "unans.", "recovered s", "capacity", "waiting KiB")
    return (
        f"rated {rated:,} commands/s, {_SESSIONS} sessions, frames of 1, BUSY after {ORDER_WAIT_MS} ms;"
        " times in milliseconds\n" + _row(columns)
    )


def _line(one: Figures) -> str:
    return _row(
        (
            f"{one.times:g}",
            f"{one.offered_per_second:,}",
            f"{one.generator_late_p99:.1f}",
            f"{one.cancels_p50:.1f}",
            f"{one.cancels_p99:.1f}",
            f"{one.orders_p50:.1f}",
            f"{one.orders_p99:.1f}",
            f"{one.refused_share * 100:.1f}",
            f"{one.refused_p99:.1f}",
            f"{one.orders_late_share * 100:.1f}",
            f"{one.unanswered:,}",
            f"{one.recovered_seconds:.1f}",
            f"{one.capacity_used:.2f}",
            f"{one.waiting_kib:,.0f}",
        )
    )


def _row(cells: Sequence[str]) -> str:
    widths = (6, 11, 10, 12, 8, 11, 8, 8, 8, 8, 8, 13, 10, 13)
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
