"""`carbonmatch launch`: the first compliance cycle, replayed through the engine and proven from its journal.

Plans deals that come to the published totals, has the companies make them over sessions of a venue whose
clock is the replay's own, then forgets the plan and reads the journal. The exit status says whether every
figure is there, to the tonne and the fen.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from carbonmatch import __version__, journal_tools
from carbonmatch.exit_codes import ExitCode
from carbonmatch.launch import figures
from carbonmatch.launch.checks import Check, conserved, covered, held, planned, published
from carbonmatch.launch.firms import assign, found_firms
from carbonmatch.launch.ledger import Ledger, read_ledger
from carbonmatch.launch.market import PLACES, amounts_of, launch_config
from carbonmatch.launch.outcome import Machine, Outcome, as_json, market_of
from carbonmatch.launch.plan import Plan, make_plan, trading_days
from carbonmatch.launch.replay import Replay
from carbonmatch.launch.report import report
from carbonmatch.words import price_text

_DAYS: Final = len(trading_days())
_PILOT_COMPANIES: Final = 60
# After the holidays of October the venue starts again from what is on its disk.
_RESTART_BEFORE: Final = date(2021, 10, 8)


def main(
    *,
    seed: int = 1,
    days: Annotated[int, Parameter(validator=Number(gte=1, lte=_DAYS))] = _DAYS,
    companies: Annotated[int, Parameter(validator=Number(gte=20, lte=50_000))] = figures.COMPANIES,
    out: Path = Path("launch"),
    data_dir: Path | None = None,
) -> None:
    """Replay the launch of the national market, and prove its totals from the journal.

    Parameters
    ----------
    seed
        Other companies, other days and prices between the published ones.
    days
        Stop after so many of the 114 trading days.
    companies
        On the national list.
    out
        Where the report goes: report.html and figures.json.
    data_dir
        Where the journal is kept, and left. Without one: a temporary directory.
    """
    console = Console()
    with ExitStack() as stack:
        if data_dir is None:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="carbonmatch-launch-")))
        with Progress(
            TextColumn("{task.description:<26}"), BarColumn(), TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(), console=console,
        ) as progress:  # fmt: skip
            outcome = run(data_dir, seed, days, companies, progress)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text(report(outcome))
    (out / "figures.json").write_bytes(as_json(outcome))
    console.print(_summary(outcome))
    for check in outcome.checks:
        if not check.ok:
            console.print(f"[red]{check.name}: found {check.found} {check.unit}, expected {check.expected}")
    console.print(f"{out / 'report.html'}, {out / 'figures.json'}")
    sys.exit(ExitCode.DONE if outcome.ok else ExitCode.REFUSED)


@contextmanager
def _quiet() -> Iterator[None]:
    """Errors alone are logged: what a venue tells its operators, the report tells of the whole."""
    logger = logging.getLogger("carbonmatch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@_quiet()
def run(
    directory: Path,
    seed: int,
    days: int,
    companies: int,
    progress: Progress | None = None,
    change: Callable[[Plan], None] | None = None,
) -> Outcome:
    """Replay the first `days` days into `directory`, which holds no journal yet, and read it back.

    `change` is a test's: it may make the plan wrong before it is replayed.
    """
    began = time.monotonic()
    plan = make_plan(seed)
    firms = found_firms(seed, companies, _PILOT_COMPANIES)
    assign(plan, firms, amounts_of(plan.references), seed)
    intended = deepcopy(plan)
    if change is not None:
        change(plan)
    replayed = plan.days[:days]
    trading = time.monotonic()
    replay = Replay(launch_config(firms, plan.references), plan, firms, directory, seed)
    task = None if progress is None else progress.add_task("trading", total=days, detail="")
    for day in replayed:
        if day == _RESTART_BEFORE:
            replay.restart()
        replay.run_day(day)
        if progress is not None and task is not None:
            progress.update(
                task, advance=1, description=f"{day:%-d %B %Y}", detail=f"{replay.dealing.done:,} deals"
            )
    replay.inspect()
    digest = replay.stop()
    trading = time.monotonic() - trading

    def step(name: str) -> None:
        if progress is not None:
            progress.add_task(name, total=1, completed=1, detail="")

    step("reading the journal")
    ledger = read_ledger(directory)
    checks = [
        *published(ledger, replayed[-1]),
        *conserved(ledger),
        *covered(ledger),
        *held(ledger),
        *planned(ledger, intended, replayed[-1]),
    ]
    step("verifying, executing again")
    verified = journal_tools.verify(directory)
    again = journal_tools.replay(directory)
    checks += [
        Check("journal", "closed in good order", "", "yes", "yes" if verified.closed else "no"),
        Check("journal", "state of a second execution", "", digest.hex(), again.state_digest.hex()),
        *_told(replay, ledger),
    ]
    accounts = {symbol: range(those[0].account, those[-1].account + 1) for symbol, those in firms.items()}
    return Outcome(
        seed,
        __version__,
        [market_of(ledger, symbol, PLACES[symbol], of, replayed) for symbol, of in accounts.items()],
        checks,
        dict(ledger.commands),
        dict(ledger.rejects),
        dict(ledger.cancels),
        {
            symbol: {kind: count for (of, kind), count in ledger.kinds.items() if of == symbol}
            for symbol in firms
        },
        Machine(
            time.monotonic() - began,
            trading,
            ((replayed[-1] - replayed[0]).days + 1) * 86_400,
            replay.restarts,
            verified.commands,
            verified.records,
            verified.reports,
            replay.watcher.messages,
            sum(path.stat().st_size for path in directory.glob("*.cmj")),
            digest.hex(),
        ),
    )


def _told(replay: Replay, ledger: Ledger) -> list[Check]:
    """What a subscriber of the feed has heard, beside what the journal holds."""
    checks = []
    for instrument_id, symbol in ledger.symbols.items():
        total = ledger.total(figures.FIRST_DAY, figures.LAST_DAY, symbol=symbol)
        watcher = replay.watcher
        checks.append(
            Check("journal", f"{symbol} on the feed", "t", total.tonnes, watcher.tonnes[instrument_id])
        )
        checks.append(Check("journal", f"{symbol} on the feed", "CNY", total.fen, watcher.fen[instrument_id]))
    return checks


def _summary(outcome: Outcome) -> Table:
    table = Table(title="The launch, replayed: from the journal", box=box.SIMPLE)
    for name in ("market", "tonnes", "CNY", "blocks", "trades", "companies", "close"):
        table.add_column(name, justify="left" if name == "market" else "right", no_wrap=True)
    for market in outcome.markets:
        table.add_row(
            market.place,
            f"{market.tonnes:,}",
            price_text(market.fen, 2),
            f"{market.block_share_basis_points / 100:.2f} %",
            f"{market.trades:,}",
            f"{market.companies_that_dealt:,}",
            price_text(market.days[-1].close, 2),
        )
    good = sum(check.ok for check in outcome.checks)
    machine = outcome.machine
    table.caption = (
        f"{good} of {len(outcome.checks)} figures match; {machine.commands:,} commands in "
        f"{machine.trading_seconds:.0f} s, {machine.seconds:.0f} s with all proofs"
    )
    return table
