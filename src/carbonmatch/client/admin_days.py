"""`carbonmatch admin end-of-day`, `settlement`, `reconcile`: the ends of days, and the registry's answers."""

import asyncio
import csv
import io
import time
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from msgspec import Struct

from carbonmatch.client.admin import Operator
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.client.operating import do, foretold, instrument_id_of, refused, statuses_of
from carbonmatch.client.options import Reason
from carbonmatch.client.session import Session, check_command
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.limits import OBJECTIONS_MAX
from carbonmatch.matching.messages import (
    ConfirmSettlement,
    EndDay,
    InstrumentId,
    InstrumentStatus,
    Phase,
    Ref,
    RejectReason,
    SettlementOutcome,
    SettlementStatus,
    SettlementStatusRequest,
    StatusEnd,
    TradeId,
)
from carbonmatch.words import printable, utc_text

_DEMO_OPERATOR: Final = Operator()


def end_of_day(
    *,
    day: str = "",
    instrument: tuple[str, ...] = (),
    text: Reason = "",
    dry_run: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """End the trading day of instruments that are closed: prices, T+n, the next day's band, settlement.

    Parameters
    ----------
    day
        The day, as 20210716; without it, the one that the schedule has them in.
    instrument
        An instrument, or its number, as often as there are some; without, all whose day this is and that are
        closed: which were left, and why, is said.
    text
        The reason.
    dry_run
        Say what would end, and do nothing.
    """
    asyncio.run(end(operator.access(tls), trading_day(day), instrument, text, dry_run=dry_run))


def settlement(
    *,
    confirmed: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show the runs of settlement that the registry has not confirmed.

    Parameters
    ----------
    confirmed
        Also those that it has.
    """
    asyncio.run(show(operator.access(tls), confirmed=confirmed))


def reconcile(
    answer: Path,
    /,
    *,
    file: Path | None = None,
    digest: str = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Journal what the registry has answered to a settlement file.

    What was sent has to be named, as --file or as --digest: the registry may have got something else.

    Parameters
    ----------
    answer
        The answer, as docs/settlement.md says.
    file
        The settlement file (CSV) that was sent: the answer has to be about these very bytes. Needed where
        there are objections, for it says which trades their numbers are of.
    digest
        The SHA-256 of the file that was sent, as the log says with settlement_made: 64 hexadecimal digits.
    """
    sent = None if file is None else file.read_bytes()
    asyncio.run(confirm(operator.access(tls), read_answer(answer), sent, digest))


# --- what they do ---------------------------------------------------------------------------------


class Objection(Struct, frozen=True, forbid_unknown_fields=True):
    """A trade that the registry does not settle as it was told."""

    trade_number: str
    reason: str = ""


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """The registry's answer to a settlement file."""

    trading_day: int
    run: int
    file_sha256: str
    objections: list[Objection] = []

    @property
    def file_digest(self) -> bytes:
        return bytes.fromhex(self.file_sha256)

    @property
    def outcome(self) -> SettlementOutcome:
        return SettlementOutcome.OBJECTED if self.objections else SettlementOutcome.CONFIRMED


class SentFile(Struct, frozen=True):
    """What a settlement file says of itself, and the ids of its trades by their numbers."""

    trading_day: int
    run: int
    trade_ids: dict[str, TradeId]


def read_answer(path: Path) -> Answer:
    """Raises ClientError where it is no answer, OSError where it cannot be read."""
    try:
        answer = msgspec.json.decode(path.read_bytes(), type=Answer)
        digest = answer.file_digest
    except (msgspec.DecodeError, ValueError) as error:
        raise ClientError(f"{path}: no answer of a registry: {error}") from None
    if len(digest) != sha256().digest_size:
        raise ClientError(f"{path}: file_sha256 of {len(digest)} bytes, expected {sha256().digest_size}")
    return answer


def read_sent(data: bytes) -> SentFile:
    """Raises ClientError where the data is no settlement file."""
    rows: dict[str, list[dict[str, str]]] = {"HEADER": [], "TRADE": [], "ADJUSTMENT": []}
    names: list[str] = []
    try:
        for kind, *values in csv.reader(io.StringIO(data.decode())):
            if kind.startswith("#"):
                names = values
            elif kind in rows:
                rows[kind].append(dict(zip(names, values, strict=True)))
        header = rows["HEADER"][0]
        trades = (*rows["TRADE"], *rows["ADJUSTMENT"])
        return SentFile(
            int(header["trading_day"]),
            int(header["run"]),
            {row["trade_number"]: TradeId(int(row["trade_id"])) for row in trades},
        )
    except (ValueError, LookupError, csv.Error) as error:
        raise ClientError(f"the file that was sent is no settlement file in CSV: {error}") from None


def trading_day(text: str) -> int:
    """20210716 of "20210716" or "2021-07-16"; 0 of nothing. Raises ClientError."""
    if not text:
        return 0
    try:
        # As Python reads dates since 3.11: in both forms, and no others with a digit too few.
        day = date.fromisoformat(text)
    except ValueError:
        raise ClientError(f"expected a day like 20210716, found {text!r}") from None
    return day.year * 10_000 + day.month * 100 + day.day


async def end(operator: Access, day: int, instruments: tuple[str, ...], text: str, *, dry_run: bool) -> None:
    """`day` 0: that which they are in."""
    _must_have_begun(day)
    async with Session(operator) as session:
        numbers = tuple([await instrument_id_of(session, symbol) for symbol in instruments])
        command = EndDay(Ref(0), day, numbers, text)
        check_command(command)
        before = _meant(await statuses_of(session), numbers)
        if dry_run:
            _tell_what_would_end(before, day, named=bool(instruments))
            await foretold(session, command, _why_not(before, day))
            return
        sequence = await do(session, command, _why_not(before, day))
        after = {one.instrument_id: one for one in await statuses_of(session)}
    ended = [one for one in before if after[one.instrument_id].ended_day != one.ended_day]
    day = max(after[one.instrument_id].ended_day for one in ended)
    print(f"trading day {day} of {_symbols(ended)} has ended at sequence {sequence}")
    _tell_what_was_left([one for one in before if one not in ended], day)


def _must_have_begun(day: int) -> None:
    """The venue takes a date that it is anywhere on Earth; who names one that it is not here has erred."""
    today = max(int(time.strftime("%Y%m%d")), int(time.strftime("%Y%m%d", time.gmtime())))
    if day > today:
        raise ClientError(
            f"found trading day {day}, expected {today} at most: it has not begun "
            f"(where the market is ahead of this machine, set TZ: this is UTC{time.strftime('%z')})"
        )


def _meant(statuses: list[InstrumentStatus], numbers: tuple[InstrumentId, ...]) -> list[InstrumentStatus]:
    return [one for one in statuses if not numbers or one.instrument_id in numbers]


def _symbols(statuses: list[InstrumentStatus]) -> str:
    return ", ".join(printable(one.symbol) for one in statuses) or "no instrument"


def _day_meant(statuses: list[InstrumentStatus], day: int) -> int:
    """The day that ends where `day` is asked for; 0: that is not clear."""
    days = {one.trading_day for one in statuses if one.trading_day > one.ended_day}
    return day or (days.pop() if len(days) == 1 else 0)


def why_left(status: InstrumentStatus, day: int) -> str:
    """Why the day of an instrument does not end now; empty: it does."""
    if status.ended_day and day <= status.ended_day:
        return f"its day {status.ended_day} has ended before"
    if status.trading_day > status.ended_day and status.trading_day != day:
        return f"it is in {status.trading_day}"
    if status.phase is not Phase.CLOSED:
        return f"it is {status.phase.name}, expected CLOSED"
    return "its auction is being carried out" if status.is_uncrossing else ""


def _tell_what_would_end(statuses: list[InstrumentStatus], day: int, *, named: bool) -> None:
    day = _day_meant(statuses, day)
    would = [one for one in statuses if not why_left(one, day)]
    print(f"would end trading day {day} of {_symbols(would)}")
    if not named and (unsure := [one for one in would if one.trading_day < day]):
        # When a schedule goes on is not in the status.
        print(f"unless a schedule has still to begin that day: {_symbols(unsure)}")
    _tell_what_was_left([one for one in statuses if why_left(one, day)], day)


def _tell_what_was_left(statuses: list[InstrumentStatus], day: int) -> None:
    for one in statuses:
        print(f"left {printable(one.symbol)}: {why_left(one, day) or 'its schedule has not begun this day'}")


def _why_not(statuses: list[InstrumentStatus], day: int) -> dict[RejectReason, str]:
    """What the refusals of EndDay mean for the instruments that it was asked for."""
    meant = _day_meant(statuses, day)
    left = [f"{one.symbol}: {why}" for one in statuses if (why := why_left(one, meant))]
    days = sorted({one.trading_day for one in statuses if one.trading_day > one.ended_day})
    ended = max((one.ended_day for one in statuses), default=0)
    if day:
        others = "; ".join(left) or "its schedule has not begun it"
        unknown = f"found {day}, expected a day that has begun and not ended: {others}"
    elif days:
        unknown = f"there are {', '.join(map(str, days))}, expected one: name it with --day"
    else:
        unknown = "no schedule has begun a day, expected one: name it with --day"
    return {
        RejectReason.DAY_NOT_OVER: f"close first, with `admin phase`: {'; '.join(left)}",
        RejectReason.DAY_ALREADY_ENDED: "; ".join(left) if day else f"trading day {ended} has ended before",
        RejectReason.UNKNOWN_TRADING_DAY: unknown,
        RejectReason.UNKNOWN_INSTRUMENT: "there is no such instrument",
    }


async def show(operator: Access, *, confirmed: bool) -> None:
    async with Session(operator) as session:
        runs = await runs_of(session, confirmed=confirmed)
        has_any = bool(runs) or await runs_of(session, confirmed=True)
    for run in runs:
        print(in_words(run))
    if not has_any:
        print("no trading day has ended: there are no runs")
    elif not runs:
        print("the registry has confirmed every run")


async def runs_of(session: Session, *, confirmed: bool = False) -> list[SettlementStatus]:
    """All runs, asked for page by page."""
    runs: list[SettlementStatus] = []
    more = True
    while more:
        after = runs[-1].sequence if runs else 0
        try:
            *page, last = await session.call(SettlementStatusRequest(Ref(0), after, confirmed))
        except OrderRejected as rejected:
            raise refused(rejected, _WORDS) from rejected
        assert type(last) is StatusEnd, "what is asked for page by page has an end"
        runs += [report for report in page if type(report) is SettlementStatus]
        more = last.more
    return runs


def in_words(run: SettlementStatus) -> str:
    """One line."""
    said = {
        SettlementOutcome.UNANSWERED: "not answered yet",
        SettlementOutcome.CONFIRMED: f"confirmed, file {run.file_digest.hex()}",
        SettlementOutcome.OBJECTED: f"{run.objection_count} objections, file {run.file_digest.hex()}",
    }[run.outcome]
    return (
        f"{run.trading_day} run {run.run}: {run.instrument_count} instruments, ended "
        f"{utc_text(run.ended_ns)} at sequence {run.sequence}; {said}"
    )


async def confirm(operator: Access, answer: Answer, sent: bytes | None, digest: str = "") -> None:
    """Journal an answer. What was sent is given, or its digest, and has to be what was answered."""
    trade_ids = ids_of(answer, sent, digest)
    command = ConfirmSettlement(
        Ref(0),
        answer.trading_day,
        answer.run,
        answer.file_digest,
        answer.outcome,
        tuple(trade_ids[:OBJECTIONS_MAX]),
        len(trade_ids),
    )
    check_command(command)
    async with Session(operator) as session:
        sequence = await do(session, command, _WORDS)
    what = f"{answer.trading_day} run {answer.run}"
    for number, reasons in reasons_of(answer).items():
        print(f"objection to {printable(number)}: {printable('; '.join(reasons)) or 'no reason given'}")
    if answer.objections:
        print(f"{what} has objections to {len(trade_ids)} trades since sequence {sequence}")
    else:
        print(f"{what} is confirmed since sequence {sequence}")


def reasons_of(answer: Answer) -> dict[str, list[str]]:
    """Of each trade that is objected to, once, every reason that is given, once; as they were told."""
    reasons: dict[str, list[str]] = {}
    for one in answer.objections:
        told = reasons.setdefault(one.trade_number, [])
        if one.reason and one.reason not in told:
            told.append(one.reason)
    return reasons


def ids_of(answer: Answer, sent: bytes | None, digest: str = "") -> list[TradeId]:
    """The ids of the trades that are objected to, each once, from the file that names both.

    Raises ClientError where it is not said what was sent, or the answer is about something else.
    """
    if sent is None:
        if answer.objections:
            raise ClientError("the answer has objections: give the file that was sent as --file")
        if not digest:
            raise ClientError("what was sent is not said: expected it as --file, or its SHA-256 as --digest")
        _must_be_answered(answer, digest.lower(), "--digest is")
        return []
    found = sha256(sent).hexdigest()
    _must_be_answered(answer, found, "the one given has")
    if digest:
        _must_be_answered(answer, digest.lower(), "--digest is")
    file = read_sent(sent)
    if (file.trading_day, file.run) != (answer.trading_day, answer.run):
        raise ClientError(
            f"the answer is about {answer.trading_day} run {answer.run}, its file is of "
            f"{file.trading_day} run {file.run}"
        )
    for one in answer.objections:
        if one.trade_number not in file.trade_ids:
            raise ClientError(f"the file that was sent has no trade {one.trade_number!r}")
    return list(dict.fromkeys(file.trade_ids[one.trade_number] for one in answer.objections))


def _must_be_answered(answer: Answer, found: str, whose: str) -> None:
    expected = answer.file_digest.hex()
    if found != expected:
        raise ClientError(f"the answer is about a file with SHA-256 {expected}, {whose} {found}")


_WORDS: Final = {
    RejectReason.UNKNOWN_TRADING_DAY: "no such run: `admin settlement --confirmed` shows which there are",
    RejectReason.SETTLEMENT_ALREADY_CONFIRMED: "the registry has confirmed this run before",
}
