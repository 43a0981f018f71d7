"""`carbonmatch admin deposit`, `withdraw`, `holdings`, `limit`, `restrict`: what accounts have, and may."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from msgspec import Struct, structs

from carbonmatch.client import operating
from carbonmatch.client.admin import Operator
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, OrderRejected, SessionRejectedError
from carbonmatch.client.operating import instrument_id_of, statuses_of
from carbonmatch.client.options import Reason, Whole
from carbonmatch.client.session import Session
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import (
    AccountId,
    AnyReport,
    Cash,
    Done,
    Holding,
    InstrumentId,
    Pulled,
    Ref,
    RejectReason,
    RestrictAccount,
    Restriction,
    Withdraw,
)
from carbonmatch.words import printable

_DEMO_OPERATOR: Final = Operator()


def deposit(
    account: Whole,
    /,
    *,
    instrument: str = "",
    lots: Whole = 0,
    currency: str = "",
    minor: Whole = 0,
    text: Reason = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Note units or money that have come into an account.

    Parameters
    ----------
    account
        The number of the account.
    instrument
        Whose units: the instrument, or its number.
    lots
        How many lots of it.
    currency
        Instead, which money, as CNY.
    minor
        How much, in minor units: 150 is 1.50.
    text
        The reason: what the registry or the bank calls it.
    """
    what = _what(instrument, lots, currency, minor)
    asyncio.run(put_in(operator.access(tls), account, what, text))


def withdraw(
    account: Whole,
    /,
    *,
    instrument: str = "",
    lots: Whole = 0,
    currency: str = "",
    minor: Whole = 0,
    text: Reason = "",
    dry_run: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Let units or money leave an account, where they are free; what was bought or earned today is not.

    Parameters
    ----------
    account
        The number of the account.
    instrument
        Whose units: the instrument, or its number.
    lots
        How many lots of it.
    currency
        Instead, which money, as CNY.
    minor
        How much, in minor units: 150 is 1.50.
    text
        The reason: what the registry or the bank calls it.
    dry_run
        Say whether it may leave now, and do nothing.
    """
    what = _what(instrument, lots, currency, minor)
    asyncio.run(take_out(operator.access(tls), account, what, text, dry_run=dry_run))


def holdings(
    *,
    account: Whole = 0,
    instrument: str = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show what accounts have.

    Parameters
    ----------
    account
        The number of an account; without, of all.
    instrument
        Only units of this one.
    """
    asyncio.run(show(operator.access(tls), account, instrument))


def restrict(
    account: Whole,
    restriction: Literal["none", "no-buying", "no-selling", "no-trading"],
    /,
    *,
    instrument: str = "",
    cancel: bool = False,
    text: Reason = "",
    dry_run: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Say what an account may not do from now on, in place of what was said before.

    Parameters
    ----------
    account
        The number of the account.
    restriction
        What it may not do.
    instrument
        Where: the instrument, or its number; without, in all that are cleared.
    cancel
        Take out what it has open and may not do now: orders, offers of blocks, bids.
    text
        The reason.
    dry_run
        Show what would be taken out, and do nothing.
    """
    wanted = Restriction[restriction.upper().replace("-", "_")]
    access = operator.access(tls)
    asyncio.run(set_restriction(access, account, wanted, instrument, text, cancels=cancel, dry_run=dry_run))


def limit(
    account: Whole,
    instrument: str,
    /,
    *,
    position_max_lots: Whole = 0,
    report_from_lots: Whole = 0,
    allocated_lots: Whole = 0,
    text: Reason = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Say what an account may hold of an instrument, in place of what was said before.

    Parameters
    ----------
    account
        The number of the account.
    instrument
        The instrument, or its number.
    position_max_lots
        What it may hold, with all that it has ordered to buy; 0: as the instrument's rules say.
    report_from_lots
        Who holds so much or more is a large holder; 0: as the instrument's rules say.
    allocated_lots
        What it was allocated, where the limits of its class add that.
    text
        The reason.
    """
    limits = (position_max_lots, report_from_lots)
    access = operator.access(tls)
    asyncio.run(set_limits(access, account, instrument, limits, text, allocated_lots=allocated_lots))


def large_holders(
    instrument: str,
    /,
    *,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show who holds as much of an instrument as is to be reported, the largest first.

    Parameters
    ----------
    instrument
        The instrument, or its number.
    """
    asyncio.run(show_large_holders(operator.access(tls), instrument))


# --- what they do ---------------------------------------------------------------------------------


class Movable(Struct, frozen=True):
    """So many lots of an instrument, or so much money: one of both."""

    instrument: str
    lots: int
    currency: str
    minor: int

    def __str__(self) -> str:
        if self.instrument:
            return f"{self.lots} lots of {self.instrument}"
        return f"{self.minor} minor units of {self.currency}"


def _what(instrument: str, lots: int, currency: str, minor: int) -> Movable:
    is_units, is_money = bool(instrument and lots), bool(currency and minor)
    if is_units == is_money or bool(instrument) == bool(currency) or (lots and minor):
        given = {"instrument": instrument, "lots": lots, "currency": currency, "minor": minor}
        found = ", ".join(f"--{name} {value}" for name, value in given.items() if value) or "none of them"
        raise ClientError(
            f"expected --instrument with --lots, or --currency with --minor, and one of both; found {found}"
        )
    return Movable(instrument, lots, currency, minor)


async def put_in(operator: Access, account: int, what: Movable, text: str) -> None:
    async with Session(operator) as session:
        instrument_id = await _instrument(session, what.instrument)
        try:
            if instrument_id:
                sequence = await session.deposit_units(account, instrument_id, what.lots, text)
            else:
                sequence = await session.deposit_money(account, what.currency, what.minor, text)
        except OrderRejected as rejected:
            raise refused(rejected) from rejected
    print(f"{what} are in account {account} since sequence {sequence}")


async def take_out(
    operator: Access, account: int, what: Movable, text: str, *, dry_run: bool = False
) -> None:
    """Where there is not enough, the error says how much there is."""
    async with Session(operator) as session:
        instrument_id = await _instrument(session, what.instrument)
        if dry_run:
            command = Withdraw(
                Ref(0), AccountId(account), instrument_id, what.lots, what.currency, what.minor, text
            )
            await operating.foretold(session, command, _WORDS)
            print(f"{what} may leave account {account}")
            return
        try:
            if instrument_id:
                sequence = await session.withdraw_units(account, instrument_id, what.lots, text)
            else:
                sequence = await session.withdraw_money(account, what.currency, what.minor, text)
        except OrderRejected as rejected:
            if rejected.reason not in (RejectReason.INSUFFICIENT_HOLDINGS, RejectReason.INSUFFICIENT_CASH):
                raise refused(rejected) from rejected
            try:
                found = await session.inspect_holdings(account_id=account, instrument_id=instrument_id)
            except SessionRejectedError:
                # Whoever may withdraw need not be permitted to look.
                raise refused(rejected) from rejected
            raise _too_much(account, what, found) from rejected
    print(f"{what} have left account {account} at sequence {sequence}")


async def set_restriction(
    operator: Access,
    account: int,
    restriction: Restriction,
    instrument: str,
    text: str,
    *,
    cancels: bool,
    dry_run: bool = False,
) -> None:
    where = instrument or "all that are cleared"
    async with Session(operator) as session:
        instrument_id = await _instrument(session, instrument)
        command = RestrictAccount(Ref(0), AccountId(account), restriction, instrument_id, cancels, text)
        if dry_run:
            told = await operating.foretold(session, command, _WORDS)
            print(f"account {account} in {where} would be {restriction.name}; with it would go {told}")
            return
        try:
            answers = await session.call(command)
        except OrderRejected as rejected:
            raise refused(rejected) from rejected
    print(restricted_in_words(answers, account, where, restriction))


def restricted_in_words(
    answers: Sequence[AnyReport], account: int, where: str, restriction: Restriction
) -> str:
    """Since when it holds, and what it has taken out where that was not everything."""
    *before, done = answers
    assert type(done) is Done, "an operator's command is done or rejected"
    said = f"account {account} in {where}: {restriction.name} since sequence {done.sequence}"
    for pulled in before:
        assert type(pulled) is Pulled, "nothing else is told before"
        counts = operating.counts_in_words(structs.replace(pulled, more=False))
        said += f"; taken out: {counts}; bids are left: give the command again"
    return said


async def set_limits(
    operator: Access,
    account: int,
    instrument: str,
    limits: tuple[int, int],
    text: str,
    *,
    allocated_lots: int = 0,
) -> None:
    """`limits`: what it may hold, and from what on it is a large holder."""
    async with Session(operator) as session:
        instrument_id = await _instrument(session, instrument)
        try:
            sequence = await session.set_account_limits(
                account,
                instrument_id,
                position_max_lots=limits[0],
                report_from_lots=limits[1],
                allocated_lots=allocated_lots,
                text=text,
            )
        except OrderRejected as rejected:
            raise refused(rejected) from rejected
    most, told = (str(lots) if lots else "as the rules say" for lots in limits)
    allocated = f", with {allocated_lots} allocated" if allocated_lots else ""
    print(
        f"account {account} in {instrument}: at most {most}, a large holder from {told}{allocated} since "
        f"sequence {sequence}"
    )


async def show_large_holders(operator: Access, instrument: str) -> None:
    async with Session(operator) as session:
        instrument_id = await _instrument(session, instrument)
        try:
            found = await session.inspect_holdings(instrument_id=instrument_id)
        except OrderRejected as rejected:
            raise refused(rejected) from rejected
    lines = report_of_large_holders(found)
    print("\n".join(lines) or f"nobody holds as much of {instrument} as is to be reported")


def report_of_large_holders(found: list[Cash | Holding]) -> list[str]:
    """A line each, the largest first; of equal ones in the order of accounts."""
    holdings = [one for one in found if isinstance(one, Holding)]
    all_lots = sum(one.total_lots for one in holdings)
    large = [one for one in holdings if 0 < one.report_from_lots <= one.total_lots]
    return [
        f"account {one.account_id}: {one.total_lots} lots, {100 * one.total_lots / all_lots:.2f} % of "
        f"{all_lots}, a large holder from {one.report_from_lots} on"
        for one in sorted(large, key=lambda one: -one.total_lots)
    ]


async def show(operator: Access, account: int, instrument: str) -> None:
    async with Session(operator) as session:
        instrument_id = await _instrument(session, instrument)
        try:
            found = await session.inspect_holdings(account_id=account, instrument_id=instrument_id)
        except OrderRejected as rejected:
            raise refused(rejected) from rejected
        units = any(isinstance(one, Holding) for one in found)
        symbols = {one.instrument_id: one.symbol for one in await statuses_of(session)} if units else {}
    for one in found:
        print(in_words(one, symbols))
    if not found:
        print("nobody has anything")


def in_words(one: Cash | Holding, symbols: Mapping[InstrumentId, str]) -> str:
    """One line; an instrument without a symbol goes by its number."""
    if isinstance(one, Cash):
        return (
            f"account {one.account_id}, {printable(one.currency)}: {one.total_minor} minor units; "
            f"{one.available_minor} available, {one.reserved_minor} reserved, "
            f"{one.withdrawable_minor} may be withdrawn"
        )
    symbol = symbols.get(one.instrument_id, f"instrument {one.instrument_id}")
    return (
        f"account {one.account_id}, {printable(symbol)}: {one.total_lots} lots; "
        f"{one.available_lots} available, {one.reserved_lots} reserved, {one.unsettled_lots} not settled yet "
        f"({one.bought_today_lots} of today), {one.buying_lots} ordered to buy{_limits_of(one)}"
    )


def _limits_of(one: Holding) -> str:
    parts = []
    if one.position_max_lots:
        parts.append(f"at most {one.position_max_lots}")
    if one.carry_over_max_lots or one.net_sold_lots:
        parts.append(
            f"{one.net_sold_lots} sold net of purchases, {one.carry_over_max_lots} may be carried over"
        )
    if one.restriction:
        parts.append(one.restriction.name)
    return "".join(f"; {part}" for part in parts)


async def _instrument(session: Session, symbol: str) -> InstrumentId:
    """0 of none."""
    return await instrument_id_of(session, symbol) if symbol else InstrumentId(0)


def _too_much(account: int, what: Movable, found: list[Cash | Holding]) -> ClientError:
    """What may leave, and why the rest may not."""
    for one in found:
        if isinstance(one, Holding) and what.instrument:
            return ClientError(
                f"INSUFFICIENT_HOLDINGS: {what} asked for, account {account} may withdraw "
                f"{one.available_lots}: of its {one.total_lots} lots {one.reserved_lots} are reserved, and "
                f"{one.unsettled_lots} are bought and not settled yet"
            )
        if isinstance(one, Cash) and one.currency == what.currency:
            return ClientError(
                f"INSUFFICIENT_CASH: {what} asked for, account {account} may withdraw "
                f"{one.withdrawable_minor}: of its {one.total_minor} minor units {one.reserved_minor} are "
                f"reserved, and {one.available_minor - one.withdrawable_minor} come from sales of the day"
            )
    return ClientError(f"{what} asked for, account {account} has none")


_WORDS: Final = {
    RejectReason.UNKNOWN_ACCOUNT: "there is no such account",
    RejectReason.UNKNOWN_INSTRUMENT: "there is no such instrument",
    RejectReason.MECHANISM_NOT_AVAILABLE: (
        "the venue does not hold that: no `clearing` of the instrument, or no instrument with `clearing` in "
        "the currency"
    ),
    RejectReason.INVALID_QUANTITY: "more than the venue may hold in all",
    RejectReason.INSUFFICIENT_HOLDINGS: "more lots than the account has available",
    RejectReason.INSUFFICIENT_CASH: "more money than the account may withdraw",
}


def refused(rejected: OrderRejected) -> ClientError:
    return operating.refused(rejected, _WORDS)
