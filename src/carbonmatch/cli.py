"""The command line: reads arguments, calls what does the work, says what went wrong in one line.

A command imports what it needs when it is called, so that the others start quickly.
"""

import os
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

from carbonmatch import __version__
from carbonmatch.exit_codes import ExitCode

_WITHOUT_ASSERTIONS = (
    "this Python leaves out assertions (-O, or PYTHONOPTIMIZE is set), and they are what stops a wrong"
    " engine before it answers: start without"
)
_NOT_COMPILED = (
    "--require-accel, but the matching core of this installation is interpreted: install again with"
    " HATCH_BUILD_HOOK_ENABLE_MYPYC=true in the environment (see README.md, Compiled), or start without"
)


def _version() -> str:
    from carbonmatch.accel import core
    from carbonmatch.protocol.messages import PROTOCOL_VERSION

    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"carbonmatch {__version__} ({python}, core {core()}, protocol {PROTOCOL_VERSION})"


app = App(
    name="carbonmatch",
    help="A durable, deterministic matching engine for emission-allowance markets.",
    version=_version,
    help_format="plaintext",
)
app.command("carbonmatch.journal_commands:main", name="journal", help="Prove and read a journal.")
auction = App(name="auction", help="Compute again what an auction came to.", help_format="plaintext")
app.command(auction)
profile = App(name="profile", help="The markets that are shipped, by name.", help_format="plaintext")
app.command(profile)
app.command("carbonmatch.demo:main", name="demo", help="Run the demo market, and trade on it.")
app.command(
    "carbonmatch.launch.command:main",
    name="launch",
    help="Replay the launch of the national market, and prove its totals from the journal.",
)
app.command("carbonmatch.ops.log_events.command:main", name="logs", help="Say what a line of the log means.")
app.command(
    "carbonmatch.surveillance.command:main",
    name="surveillance",
    help="Report patterns in a journal that a supervisor may want to look at.",
)
app.command(
    "carbonmatch.export.command:main",
    name="export",
    help="Write a journal as a table of fills, orders or books, for analysis.",
)
app.command(
    "carbonmatch.fanout.command:main",
    name="fanout",
    help="Follow an engine's market data once, and serve it to many.",
)
app.command(
    "carbonmatch.dashboard.command:main",
    name="dashboard",
    help="Show a running venue on a page in the browser.",
)
app.command("carbonmatch.client.watch:main", name="watch", help="Show a live order book in the terminal.")
app.command("carbonmatch.client.order:main", name="order", help="Enter, list and cancel orders.")
app.command(
    "carbonmatch.client.admin:main",
    name="admin",
    help="Steer a running venue: halt, resume, phases, bands, busts.",
)


def main() -> None:
    """The entry point; see `exit_codes` for what it ends with."""
    if sys.flags.optimize:
        print(f"carbonmatch: {_WITHOUT_ASSERTIONS}", file=sys.stderr)
        sys.exit(ExitCode.REFUSED)
    try:
        app(exit_on_error=False)
    except CycloptsError:
        # It has said in a box what is wrong with the arguments.
        sys.exit(ExitCode.REFUSED)
    except BrokenPipeError:
        # Whoever read our output has seen enough. Nothing must be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.REFUSED)
    except Exception as error:
        if not isinstance(error, _user_errors()):
            traceback.print_exc()
            sys.exit(ExitCode.BUG)
        from carbonmatch.words import printable

        for line in _lines(error):
            print(f"carbonmatch: {printable(line)}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", ExitCode.REFUSED))


def _user_errors() -> tuple[type[Exception], ...]:
    """What is not our bug. Everything else ends in a traceback, which we want to see."""
    from carbonmatch.auction_tools import NothingToRecompute
    from carbonmatch.client.errors import ClientError
    from carbonmatch.config import ConfigError
    from carbonmatch.export.writing import ExportError
    from carbonmatch.fanout.subjects import FanoutError
    from carbonmatch.journal.errors import JournalDamaged, JournalRefused, StorageUnusable
    from carbonmatch.journal_tools.auditing import NoSuchAudit
    from carbonmatch.ops.log_events.pages import UnknownEvent
    from carbonmatch.server.feed_span import NothingToReplay
    from carbonmatch.server.recovery import Diverged
    from carbonmatch.settlement.make import SettlementError
    from carbonmatch.surveillance.survey import SurveillanceError

    ours = (
        NothingToReplay,
        ConfigError,
        ClientError,
        Diverged,
        JournalDamaged,
        JournalRefused,
        NoSuchAudit,
        NothingToRecompute,
    )
    others = (ExportError, FanoutError, SettlementError, SurveillanceError, UnknownEvent)
    return (*ours, *others, StorageUnusable, OSError)


def _lines(error: Exception) -> list[str]:
    if isinstance(error, OSError) and error.filename is not None:
        return [f"{error.filename}: {error.strerror}"]
    if isinstance(error, OSError) and error.strerror:
        return [error.strerror]
    # An error without words would end a command in silence.
    return str(error).splitlines() or [type(error).__name__]


# --- the venue ------------------------------------------------------------------------------------


@app.command
def serve(
    *,
    config: Annotated[Path | None, Parameter(env_var="CARBONMATCH_CONFIG")] = None,
    data_dir: Path | None = None,
    order_entry: str | None = None,
    market_data: str | None = None,
    drop_copy: str | None = None,
    ops: str | None = None,
    require_accel: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run the venue until it is told to stop (SIGTERM, SIGINT); at SIGHUP it reads its configuration again.

    Parameters
    ----------
    config
        The configuration. Without one: the demo market, on loopback.
    data_dir
        Where the journal is, whatever file and environment say.
    order_entry
        Where gateways connect, as host:port, whatever file and environment say. Port 0: any free one,
        which the log then names.
    market_data
        Where subscribers connect, likewise.
    drop_copy
        Where readers of drop copies connect, likewise.
    ops
        Where metrics and health are asked for, likewise.
    require_accel
        Do not start with a matching core that is interpreted: one that was to be compiled was forgotten.
    """
    from carbonmatch.accel import is_core_compiled
    from carbonmatch.config import Config, load, with_addresses, with_directory, with_environment
    from carbonmatch.demo_market import demo_config
    from carbonmatch.ops.host import check_host
    from carbonmatch.ops.logs import start_logging
    from carbonmatch.server.service import run

    def read() -> Config:
        chosen = with_environment(demo_config() if config is None else load(config), os.environ)
        if data_dir is not None:
            chosen = with_directory(chosen, data_dir)
        return with_addresses(
            chosen, order_entry=order_entry, market_data=market_data, drop_copy=drop_copy, ops=ops
        )

    if require_accel and not is_core_compiled():
        raise SystemExit(_NOT_COMPILED)
    chosen = read()
    start_logging()
    check_host(chosen)
    sys.exit(run(chosen, read))


@app.command
def follow(
    *,
    config: Annotated[Path | None, Parameter(env_var="CARBONMATCH_CONFIG")] = None,
    data_dir: Path | None = None,
    ops: str | None = None,
    archive: Path | None = None,
    snapshot_commands: int | None = None,
    snapshot_seconds: int | None = None,
) -> None:
    """Execute a venue's journal again as it grows, compare all of it, and keep snapshots (until SIGTERM).

    Parameters
    ----------
    config
        The venue's configuration. Without one: the demo market, on loopback.
    data_dir
        Where the journal is, whatever file and environment say.
    ops
        Where metrics and health are asked for, as host:port. Port 0: any free one, which the log names.
    archive
        Where segments go that lie behind two verified snapshots.
    snapshot_commands
        A snapshot after so many commands.
    snapshot_seconds
        And after so many seconds in which there was a command.
    """
    from carbonmatch.config import load, with_directory, with_environment, with_follower
    from carbonmatch.demo_market import demo_config
    from carbonmatch.ops.logs import start_logging
    from carbonmatch.server.follower_service import run

    chosen = with_environment(demo_config() if config is None else load(config), os.environ)
    if data_dir is not None:
        chosen = with_directory(chosen, data_dir)
    chosen = with_follower(
        chosen,
        ops=ops,
        archive=None if archive is None else str(archive),
        snapshot_commands=snapshot_commands,
        snapshot_seconds=snapshot_seconds,
    )
    start_logging()
    sys.exit(run(chosen))


@app.command
def metrics(
    *,
    of: Literal["serve", "follow", "fanout"] | None = None,
    markdown: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """List every metric: name, kind, labels, series (n: of each instrument, m: of each reason), what it is.

    Parameters
    ----------
    of
        Of one command's process only.
    markdown
        As the tables of docs/metrics.md, which also say what each is for.
    """
    from carbonmatch.ops import reference

    processes = reference.PROCESSES if of is None else (of,)
    lines = reference.markdown(processes) if markdown else reference.listing(processes)
    print("\n".join(lines))


@app.command(name="check-config")
def check_config(file: Path) -> None:
    """Check a configuration and say what it means, in words."""
    from carbonmatch.config import load
    from carbonmatch.config.words import in_words
    from carbonmatch.words import printable

    print("\n".join(map(printable, in_words(load(file)))))


@app.command
def schedule(file: Path, *, count: Annotated[int, Parameter(validator=Number(gte=1))] = 8) -> None:
    """Say what the schedules of a configuration do next, in the time of their place and in UTC.

    Parameters
    ----------
    count
        How many transitions of each.
    """
    from carbonmatch.config import load
    from carbonmatch.config.words import next_transitions

    lines = next_transitions(load(file), time.time_ns(), count)
    print("\n".join(lines or ["no schedules: operators alone change phases"]))


@app.command
def keygen(file: Path) -> None:
    """Make a key to log on with: the private half goes into a file, the public half is printed.

    Parameters
    ----------
    file
        Where the private half goes, readable by its owner alone. It must not exist.
    """
    from carbonmatch.protocol.auth import generate_private_key, public_key_of

    private_key = generate_private_key()
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(f"{private_key.hex()}\n")
    print(public_key_of(private_key).hex())


# --- markets that are shipped ---------------------------------------------------------------------


@profile.command(name="list")
def list_profiles() -> None:
    """Name the profiles that a configuration can take, and the numbers of their instruments."""
    from carbonmatch.config.profiles import profile_named, profile_names

    for name in profile_names():
        one = profile_named(name)
        print(f"{name:<12} {one.ids[0]} to {one.ids[1]}  {one.title}")


@profile.command
def show(name: str) -> None:
    """Print a profile as it is shipped: TOML, with what it is based on in comments."""
    from carbonmatch.config.profiles import profile_text

    print(profile_text(name), end="")


@profile.command
def explain(name: str) -> None:
    """Say in words what each rule of a profile is, and how surely it is known."""
    from carbonmatch.config import parse
    from carbonmatch.config.rule_words import doubts, explained

    lines = explained(parse(f'profiles = ["{name}"]', "profile"), name)
    print("\n".join([*lines, *doubts(name)]))


# --- settlement ------------------------------------------------------------------------------------


@app.command
def settlement(
    *,
    directory: Path,
    day: str,
    out: Path,
    archive: Path | None = None,
    config: Annotated[Path | None, Parameter(env_var="CARBONMATCH_CONFIG")] = None,
    running: bool = False,
) -> None:
    """Make the settlement files of a trading day from its journal; those that are there stay as they are.

    Parameters
    ----------
    directory
        The journal.
    day
        The trading day, as 20210716.
    out
        Where the files go.
    archive
        Where the journal's older segments are.
    config
        The venue's configuration: what it calls itself and its trades.
    running
        A process is writing this journal: leave out the segment that is being written.
    """
    from carbonmatch.client.admin_days import trading_day
    from carbonmatch.config import load
    from carbonmatch.settlement.make import opened_journal, settle_day
    from carbonmatch.settlement.text import Naming

    naming = Naming()
    if config is not None:
        of_venue = load(config)
        naming = Naming(of_venue.venue.server_id, of_venue.settlement.trade_number)
    journal = opened_journal(directory, archive)
    for made in settle_day(journal, out, trading_day(day), naming, running=running):
        is_there = "made" if made.is_new else "is there already"
        print(
            f"{made.file}: {is_there}; run {made.run} at sequence {made.sequence}, {made.trades} trades, "
            f"{made.adjustments} adjustments, SHA-256 {made.sha256}"
        )


@app.command(name="replay-feed")
def replay_feed(
    directory: Path,
    *,
    archive: Path | None = None,
    day: str | None = None,
    begin: Annotated[str | None, Parameter(name="--from")] = None,
    until: str | None = None,
    after_batch: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    speed: Annotated[float, Parameter(validator=Number(gte=0))] = 1.0,
    readers: Annotated[int, Parameter(validator=Number(gte=0))] = 1,
    market_data: str = "127.0.0.1:7411",
    running: bool = False,
) -> None:
    """Send a past day's market data again from the journal, to ordinary subscribers, as if it were live.

    Parameters
    ----------
    directory
        The journal.
    archive
        Where its older segments are.
    day
        The day, as 2021-07-16, in UTC.
    begin
        The first moment, as 2021-07-16T09:30, in UTC where no offset is named. Without: the beginning.
    until
        The last moment, likewise. Without: the end.
    after_batch
        Begin behind this batch of the feed, whatever its time: for a reader who has lost what comes after it.
    speed
        So many times as fast as it was; 0: as fast as all readers read, and none is conflated.
    readers
        Begin once so many have subscribed and have their snapshots.
    market_data
        Where they connect, as host:port, on loopback. Port 0: any free one, which the log then names.
    running
        A process is writing this journal: leave out the segment that is being written.
    """
    from carbonmatch.ops.logs import start_logging
    from carbonmatch.server.feed_replay_service import run
    from carbonmatch.server.feed_span import listening_address, opened_journal, span

    chosen = span(day, begin, until, after_batch)
    address = listening_address(market_data)
    storage = opened_journal(directory, archive)
    start_logging()
    sys.exit(run(storage, chosen, address, speed, readers, running))


# --- auctions -------------------------------------------------------------------------------------


@auction.command
def recompute(
    *,
    directory: Path | None = None,
    bidding: int | None = None,
    inputs: Path | None = None,
    archive: Path | None = None,
    running: bool = False,
    write: Path | None = None,
    anonymous: bool = False,
) -> None:
    """Compute what a bidding came to from its bids, and say whether that is what the venue has told.

    From a journal (--directory and --bidding), or from a file of inputs that was published (--inputs).
    Says match, or differ and in what; then it ends with 66.

    Parameters
    ----------
    directory
        The journal.
    bidding
        The bidding, by its id.
    inputs
        A file that --write has made, here or elsewhere.
    archive
        Where older segments of the journal are.
    running
        A process is writing this journal: leave out the segment that is being written.
    write
        Write what it was computed from into this file, as JSON.
    anonymous
        Leave out the accounts of bidders.
    """
    from carbonmatch import auction_tools
    from carbonmatch.matching.messages import OrderId

    if inputs is not None and directory is None and bidding is None:
        found = auction_tools.read_inputs(inputs)
    elif directory is not None and bidding is not None and inputs is None:
        found = auction_tools.inputs_of(directory, OrderId(bidding), archive=archive, running=running)
    else:
        raise auction_tools.NothingToRecompute("expected --directory and --bidding, or --inputs")
    if write is not None:
        auction_tools.write_inputs(found, write, anonymous=anonymous)
    differences = auction_tools.recompute(found)
    for difference in differences:
        print(f"bidding {found.bidding_id}: {difference}")
    print(
        f"bidding {found.bidding_id} of {found.instrument}: {'differ' if differences else 'match'}; "
        f"{found.outcome}, {found.allotted_lots} of {found.quantity_lots} lots{auction_tools.paid(found)}, "
        f"{found.winner_count} of {found.bid_count} bids; digest {found.inputs_digest or 'none'}"
    )
    if differences:
        sys.exit(ExitCode.JOURNAL_DIVERGED)
