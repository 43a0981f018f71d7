"""`carbonmatch admin end-of-day`, `settlement`, `reconcile`: the ends of days, and the registry's answers."""

import asyncio
import csv
import io
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from msgspec import Struct

from carbonmatch.client.admin import Operator, instrument_id_of
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.client.session import Session, check_command
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.limits import OBJECTIONS_MAX
from carbonmatch.matching.messages import (
    ConfirmSettlement,
    Done,
    EndDay,
    Ref,
    RejectReason,
    SettlementOutcome,
    SettlementStatus,
    SettlementStatusRequest,
    StatusEnd,
    TradeId,
)
from carbonmatch.words import utc_text

_DEMO_OPERATOR: Final = Operator()


def end_of_day(
    *,
    day: str = "",
    instrument: tuple[str, ...] = (),
    text: str = "",
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
        An instrument, or its number, as often as there are some; without, all whose day this is.
    text
        The reason.
    dry_run
        Say what would be sent, and do nothing.
    """
    asyncio.run(end(*operator.accesses(tls), trading_day(day), instrument, text, dry_run=dry_run))


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
    access, _ = operator.accesses(tls)
    asyncio.run(show(access, confirmed=confirmed))


def reconcile(
    answer: Path,
    /,
    *,
    file: Path | None = None,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Journal what the registry has answered to a settlement file.

    Parameters
    ----------
    answer
        The answer, as docs/settlement.md says.
    file
        The settlement file (CSV) that was sent: the answer has to be about these very bytes. Needed where
        there are objections, for it says which trades their numbers are of.
    """
    access, _ = operator.accesses(tls)
    sent = None if file is None else file.read_bytes()
    asyncio.run(confirm(access, read_answer(answer), sent))


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


async def end(
    operator: Access, feed: Access, day: int, instruments: tuple[str, ...], text: str, *, dry_run: bool
) -> None:
    """`day` 0: that which they are in."""
    numbers = tuple([await instrument_id_of(feed, symbol) for symbol in instruments])
    command = EndDay(Ref(0), day, numbers, text)
    check_command(command)
    whose = ", ".join(instruments) or "every instrument that is in it"
    what = f"trading day {day}" if day else "the trading day"
    if dry_run:
        print(f"would end {what} of {whose}")
        return
    async with Session(operator) as session:
        sequence = await _do(session, command)
    print(f"{what} of {whose} has ended at sequence {sequence}")


async def show(operator: Access, *, confirmed: bool) -> None:
    async with Session(operator) as session:
        runs = await runs_of(session, confirmed=confirmed)
    for run in runs:
        print(in_words(run))
    if not runs:
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
            raise _refused(rejected) from rejected
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


async def confirm(operator: Access, answer: Answer, sent: bytes | None) -> None:
    """Journal an answer; where the file that was sent is given, it has to be the one that was answered."""
    trade_ids = ids_of(answer, sent)
    command = ConfirmSettlement(
        Ref(0),
        answer.trading_day,
        answer.run,
        answer.file_digest,
        answer.outcome,
        tuple(trade_ids[:OBJECTIONS_MAX]),
        len(answer.objections),
    )
    check_command(command)
    async with Session(operator) as session:
        sequence = await _do(session, command)
    what = f"{answer.trading_day} run {answer.run}"
    for one in answer.objections:
        print(f"objection to {one.trade_number}: {one.reason or 'no reason given'}")
    if answer.objections:
        print(f"{what} has {len(answer.objections)} objections since sequence {sequence}")
    else:
        print(f"{what} is confirmed since sequence {sequence}")


def ids_of(answer: Answer, sent: bytes | None) -> list[TradeId]:
    """The ids of the trades that are objected to, from the file that names both.

    Raises ClientError where the file is not the one that the answer is about, or is of another run.
    """
    if sent is None:
        if answer.objections:
            raise ClientError("the answer has objections: give the file that was sent as --file")
        return []
    digest = sha256(sent)
    if digest.digest() != answer.file_digest:
        raise ClientError(
            f"the answer is about a file with SHA-256 {answer.file_sha256}, the one given has "
            f"{digest.hexdigest()}"
        )
    file = read_sent(sent)
    if (file.trading_day, file.run) != (answer.trading_day, answer.run):
        raise ClientError(
            f"the answer is about {answer.trading_day} run {answer.run}, its file is of "
            f"{file.trading_day} run {file.run}"
        )
    for one in answer.objections:
        if one.trade_number not in file.trade_ids:
            raise ClientError(f"the file that was sent has no trade {one.trade_number!r}")
    return [file.trade_ids[one.trade_number] for one in answer.objections]


async def _do(session: Session, command: EndDay | ConfirmSettlement) -> int:
    try:
        done = (await session.call(command))[-1]
    except OrderRejected as rejected:
        raise _refused(rejected) from rejected
    assert type(done) is Done, "an operator's command is done or rejected"
    return done.sequence


_WORDS: Final = {
    RejectReason.NOT_ENTITLED: "the session may not operate this venue",
    RejectReason.DAY_NOT_OVER: "an instrument is not closed yet: close it first, with `admin phase`",
    RejectReason.DAY_ALREADY_ENDED: "this day has ended before, or a later one",
    RejectReason.UNKNOWN_TRADING_DAY: (
        "no such day, none that is in progress, or none with such a run; an instrument without a schedule "
        "needs --day"
    ),
    RejectReason.UNKNOWN_INSTRUMENT: "there is no such instrument",
    RejectReason.SETTLEMENT_ALREADY_CONFIRMED: "the registry has confirmed this run before",
}


def _refused(rejected: OrderRejected) -> ClientError:
    words = _WORDS.get(rejected.reason)
    return ClientError(f"{rejected.reason.name}: {words}" if words else str(rejected))
