"""`carbonmatch admin`: an operator's commands, each journaled and answered with its sequence."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError
from carbonmatch.client.operating import do, foretold, instrument_id_of, one_or_all, status_of
from carbonmatch.client.options import Port, Reason, Whole, access_of
from carbonmatch.client.session import Session, check_command
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.messages import (
    Phase,
    Ref,
    RejectReason,
    Resume,
    SetBand,
    SetPhase,
    SetReference,
)
from carbonmatch.protocol.messages import Role

PhaseName = Literal[
    "continuous", "halted", "cancel-only", "closed", "pre-open", "opening-auction", "closing-auction", "break"
]

main = App(name="admin", help="Steer a running venue.", help_format="plaintext")
main.command("carbonmatch.client.admin_trades:bust_trade", name="bust-trade", help="Take a trade back.")
main.command("carbonmatch.client.admin_trades:correct_trade", name="correct-trade", help="Put a trade right.")
_DAYS = "carbonmatch.client.admin_days"
main.command(f"{_DAYS}:end_of_day", name="end-of-day", help="End a trading day.")
main.command(f"{_DAYS}:settlement", name="settlement", help="Show what the registry has not confirmed.")
main.command(f"{_DAYS}:reconcile", name="reconcile", help="Journal what the registry has answered.")
_ACCOUNTS = "carbonmatch.client.admin_accounts"
main.command(f"{_ACCOUNTS}:deposit", name="deposit", help="Note what has come into an account.")
main.command(f"{_ACCOUNTS}:withdraw", name="withdraw", help="Let something leave an account.")
main.command(f"{_ACCOUNTS}:holdings", name="holdings", help="Show what accounts have.")
main.command(f"{_ACCOUNTS}:limit", name="limit", help="Say what an account may hold.")
main.command(f"{_ACCOUNTS}:large_holders", name="large-holders", help="Show who holds much.")
main.command(f"{_ACCOUNTS}:restrict", name="restrict", help="Say what an account may not do.")
_KILL = "carbonmatch.client.admin_kill"
main.command(f"{_KILL}:kill", name="kill", help="Stop a market, or somebody in it.")
main.command(f"{_KILL}:release", name="release", help="Let go on what was stopped.")
main.command(f"{_KILL}:killed", name="killed", help="Show what is stopped.")
_CONFIRM = "carbonmatch.client.admin_confirm"
main.command(f"{_CONFIRM}:pending", name="pending", help="Show what waits for confirmation.")
main.command(f"{_CONFIRM}:confirm", name="confirm", help="Have a command done that another one proposed.")
main.command(f"{_CONFIRM}:reject", name="reject", help="Let a command go that was proposed.")
main.command("carbonmatch.client.admin_audit:audit", name="audit", help="Show what operators did.")
_BIDDINGS = "carbonmatch.client.admin_biddings"
main.command(f"{_BIDDINGS}:announce_bidding", name="announce-bidding", help="Announce a bidding.")
main.command(f"{_BIDDINGS}:cancel_bidding", name="cancel-bidding", help="Cancel a bidding before it ends.")
main.command("carbonmatch.client.admin_blocks:blocks", name="blocks", help="Open or close blocks.")
_PROCESS = "carbonmatch.client.admin_process"
main.command(f"{_PROCESS}:sessions", name="sessions", help="Show who there is, and who is connected.")
main.command(f"{_PROCESS}:disconnect", name="disconnect", help="End the connections of a session.")
main.command(
    "carbonmatch.client.admin_tables:throttle", name="throttle", help="Say how much a session may send."
)
main.command(f"{_PROCESS}:snapshot", name="snapshot", help="Keep the state on the disk now.")
main.command(f"{_PROCESS}:reload", name="reload", help="Read the configuration file again.")
_TABLES = "carbonmatch.client.admin_tables"
main.command(f"{_TABLES}:put", name="put", help="List an instrument; add or change who trades.")
main.command(f"{_TABLES}:delist", name="delist", help="Take an instrument out of the market.")
main.command(f"{_TABLES}:relist", name="relist", help="Let an instrument back into the market.")
main.command(f"{_TABLES}:disable", name="disable", help="Let nobody in as this, until it is enabled.")
main.command(f"{_TABLES}:enable", name="enable", help="Let in again what was disabled.")
main.command(f"{_TABLES}:remove", name="remove", help="Take a table out of the configuration.")
main.command(f"{_TABLES}:restore", name="restore", help="Let the file say again what a table is.")
main.command(f"{_TABLES}:revoke_key", name="revoke-key", help="Let a key open nothing any more.")
main.command(f"{_TABLES}:amendments", name="amendments", help="Show what commands have changed of the file.")
main.command(f"{_BIDDINGS}:biddings", name="biddings", help="Show biddings, and how the last ones ended.")


@dataclass(frozen=True)
class Operator:
    """Where the venue is, and who steers it."""

    host: str = "127.0.0.1"
    "Where the venue is."
    port: Port = 7400
    "Its order entry."
    market_data_port: Port = 7410
    "Its market data, which `biddings` alone reads: key and session need its role for that."
    key_id: str | None = None
    "The operator's key; without one the demo market's, on loopback only."
    key_file: Path | None = None
    "The file with the private half: 64 hexadecimal digits."
    session: str | None = None
    "The operator's session."

    def access(self, tls: TlsOptions) -> Access:
        """To operate."""
        return access_of(Role.OPERATOR, self.host, self.port, self.key_id, self.key_file, self.session, tls)

    def feed_access(self, tls: TlsOptions) -> Access:
        """To read the market data."""
        port = self.market_data_port
        return access_of(Role.MARKET_DATA, self.host, port, self.key_id, self.key_file, self.session, tls)


_DEMO_OPERATOR = Operator()


@main.command
def phase(
    symbol: str,
    phase: PhaseName,
    /,
    *,
    text: Reason = "",
    until: str = "",
    dry_run: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Bring an instrument into a phase. Closing it cancels its day orders.

    halted, cancel-only and closed are held against the schedule until `admin resume`; but where the schedule
    closes, the instrument is closed. Any other phase ends with the next step of the schedule, unless it has
    an --until: a session that is to go on over the close needs one.

    Parameters
    ----------
    symbol
        The instrument, or its number, or "all" for every one.
    phase
        What it is to admit from now on.
    text
        The reason, which everybody gets to see.
    until
        When the schedule counts again, with its offset from UTC: 2026-03-02T15:30+08:00.
    dry_run
        Show what would go with it, and do nothing.
    """
    wanted = Phase[phase.upper().replace("-", "_")]
    until_ns = time_to_come_ns(until)
    asyncio.run(set_phase(operator.access(tls), symbol, wanted, text, until_ns, dry_run=dry_run))


@main.command
def halt(
    symbol: str,
    /,
    *,
    text: Reason = "",
    until: str = "",
    dry_run: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Stop an instrument, whatever its schedule says: only cancels are taken until `admin resume`.

    Parameters
    ----------
    symbol
        The instrument, or its number, or "all" for every one.
    text
        The reason, which everybody gets to see.
    until
        When the schedule counts again by itself, with its offset from UTC: 2026-03-02T15:30+08:00.
    dry_run
        Say whether it would be done, and do nothing.
    """
    until_ns = time_to_come_ns(until)
    asyncio.run(set_phase(operator.access(tls), symbol, Phase.HALTED, text, until_ns, dry_run=dry_run))


@main.command
def resume(
    symbol: str,
    /,
    *,
    text: Reason = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """End what `phase` and `halt` hold: the instrument is where its schedule has arrived.

    Parameters
    ----------
    symbol
        The instrument, or its number, or "all" for every one.
    text
        The reason, which everybody gets to see.
    """
    asyncio.run(end_holds(operator.access(tls), symbol, text))


@main.command
def band(
    symbol: str,
    low_ticks: Whole,
    high_ticks: Whole,
    /,
    *,
    reference_ticks: Whole,
    text: Reason = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Set the prices that an instrument admits from now on; what rests outside stays.

    Parameters
    ----------
    symbol
        The instrument, or its number.
    low_ticks
        The lowest price, in ticks.
    high_ticks
        The highest price, in ticks.
    reference_ticks
        The reference price they follow from, in ticks.
    text
        The reason.
    """
    asyncio.run(set_band(operator.access(tls), symbol, reference_ticks, low_ticks, high_ticks, text))


@main.command
def reference(
    symbol: str,
    reference_ticks: Whole,
    /,
    *,
    text: Reason = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Set the reference price of an instrument, and the band that its rules make of it.

    Parameters
    ----------
    symbol
        The instrument, or its number.
    reference_ticks
        The reference price, in ticks.
    text
        The reason.
    """
    asyncio.run(set_reference(operator.access(tls), symbol, reference_ticks, text))


async def set_phase(
    operator: Access, symbol: str, phase: Phase, text: str, until_ns: int = 0, *, dry_run: bool = False
) -> None:
    """`until_ns` 0: without an end."""
    async with Session(operator) as session:
        command = SetPhase(Ref(0), await one_or_all(session, symbol), phase, text, until_ns)
        if dry_run:
            told = await foretold(session, command, _words(symbol))
            print(f"{symbol} would be {phase.name}; with it would go {told}")
            return
        sequence = await do(session, command, _words(symbol))
    print(f"{symbol} is {phase.name} since sequence {sequence}")


async def end_holds(operator: Access, symbol: str, text: str) -> None:
    async with Session(operator) as session:
        command = Resume(Ref(0), await one_or_all(session, symbol), text)
        sequence = await do(session, command, _words(symbol))
    print(f"{symbol} is held by nobody since sequence {sequence}")


async def set_band(
    operator: Access, symbol: str, reference_ticks: int, low_ticks: int, high_ticks: int, text: str = ""
) -> None:
    async with Session(operator) as session:
        command = SetBand(
            Ref(0), await instrument_id_of(session, symbol), reference_ticks, low_ticks, high_ticks, text
        )
        found = f"found {low_ticks} to {high_ticks} ticks around {reference_ticks}"
        words = {
            **_words(symbol),
            RejectReason.INVALID_PRICE: (
                f"{found}, expected 0 <= low <= high and none above {PRICE_TICKS_MAX}"
            ),
        }
        sequence = await do(session, command, words)
    print(f"{symbol} admits {low_ticks} to {high_ticks} ticks since sequence {sequence}")


async def set_reference(operator: Access, symbol: str, reference_ticks: int, text: str = "") -> None:
    async with Session(operator) as session:
        instrument_id = await instrument_id_of(session, symbol)
        command = SetReference(Ref(0), instrument_id, reference_ticks, text)
        check_command(command)
        status = await status_of(session, instrument_id)
        increment = 0 if status is None else status.price_increment_ticks
        found = f"found {reference_ticks} ticks, expected"
        words = {
            **_words(symbol),
            RejectReason.INVALID_PRICE: f"{found} 1 to {PRICE_TICKS_MAX}",
            RejectReason.PRICE_INCREMENT: f"{found} a multiple of {increment}, the increment of {symbol}",
            RejectReason.MECHANISM_NOT_AVAILABLE: (
                f"{symbol} has no rules for its prices ([instruments.prices]), expected some: "
                "without, `admin band` sets reference and band"
            ),
        }
        sequence = await do(session, command, words)
    print(f"{symbol} goes by {reference_ticks} ticks since sequence {sequence}")


def _words(symbol: str) -> dict[RejectReason, str]:
    """What phases and prices are refused for, whichever of them."""
    return {
        RejectReason.UNKNOWN_INSTRUMENT: f"there is no instrument of the number {symbol}",
        RejectReason.MECHANISM_NOT_AVAILABLE: f"{symbol} has no auctions, so nothing gathers in them",
        RejectReason.INSTRUMENT_DELISTED: f"{symbol} is delisted; `admin relist` lets it in again",
    }


def time_to_come_ns(text: str) -> int:
    """As `time_ns`. What has an end that is past would be over at once, and look as if it had been done."""
    until_ns = time_ns(text)
    if until_ns and until_ns <= time.time_ns():
        raise ClientError(f"expected a time to come, found {text}")
    return until_ns


def time_ns(text: str) -> int:
    """Nanoseconds since 1970 of a time with its offset; 0 for none. Raises ClientError."""
    if not text:
        return 0
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ClientError(f"expected a time with its offset, like 2026-03-02T15:30+08:00, found {text!r}")
    return int(parsed.timestamp()) * 1_000_000_000
