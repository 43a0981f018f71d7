"""`carbonmatch admin kill`, `release`, `killed`: what is stopped, by whom, since when and why."""

import asyncio
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from carbonmatch.client import operating
from carbonmatch.client.admin import Operator
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.client.operating import Confirm, confirmation, counts_in_words, foretold, must_confirm
from carbonmatch.client.options import Reason
from carbonmatch.client.session import Session, check_command
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import Kill, Killed, KillScope, Ref, RejectReason
from carbonmatch.words import printable, utc_text

_DEMO_OPERATOR: Final = Operator()
ScopeName = Literal["venue", "participant", "account", "instrument"]
# Many orders are pulled while the disk may be slow.
_SECONDS_MAX: Final = 60.0


def kill(
    scope: ScopeName,
    which: str = "",
    /,
    *,
    why: Reason,
    dry_run: bool = False,
    yes: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Pull everything that is open in a scope at once, and refuse what is new there until `admin release`.

    Cancels stay possible. Nothing that is pulled comes back.

    Parameters
    ----------
    scope
        What is stopped.
    which
        The number of the participant or account; the instrument, or its number. Of the venue: nothing.
    why
        The reason, which is journaled; where a bidding is called off, everybody gets to see it.
    dry_run
        Show what would be pulled, and do nothing.
    yes
        Do it without asking.
    """
    asyncio.run(stop(operator.access(tls), scope, which, why, confirmation(yes), dry_run=dry_run))


def release(
    scope: ScopeName,
    which: str = "",
    /,
    *,
    why: Reason,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Let go on what `admin kill` has stopped, unless another scope stops it too.

    Parameters
    ----------
    scope
        What was stopped.
    which
        The number of the participant or account; the instrument, or its number. Of the venue: nothing.
    why
        The reason, which is journaled.
    """
    asyncio.run(let_go_on(operator.access(tls), scope, which, why))


def killed(
    *,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show what is stopped now."""
    asyncio.run(show(operator.access(tls)))


async def stop(
    operator: Access,
    scope: ScopeName,
    which: str,
    why: str,
    confirm: Confirm,
    *,
    dry_run: bool = False,
) -> None:
    """Raises ClientError where nothing is stopped, or `confirm` says no."""
    _check_reason(why)
    async with Session(operator) as session:
        kind, number = await _named(session, scope, which)
        command = Kill(Ref(0), kind, number, why)
        check_command(command)
        if dry_run:
            told = await foretold(session, command, _refusals(scope, which), _SECONDS_MAX)
            print(f"{_words(scope, which)} would be stopped; it would pull {told}")
            return
        must_confirm(confirm, f"Stop {_words(scope, which)} and pull all that is open in it?")
        more = True
        while more:
            try:
                pulled = await session.kill(kind, number, why, seconds=_SECONDS_MAX)
            except OrderRejected as rejected:
                raise _refused(scope, which, rejected) from rejected
            print(f"{_words(scope, which)} is stopped; pulled {counts_in_words(pulled)}")
            more = pulled.more


async def let_go_on(operator: Access, scope: ScopeName, which: str, why: str) -> None:
    _check_reason(why)
    async with Session(operator) as session:
        kind, number = await _named(session, scope, which)
        try:
            sequence = await session.release(kind, number, why)
        except OrderRejected as rejected:
            raise _refused(scope, which, rejected) from rejected
    print(f"{_words(scope, which)} is released since sequence {sequence}")


async def show(operator: Access) -> None:
    async with Session(operator) as session:
        try:
            found = await session.killed()
        except OrderRejected as rejected:
            raise operating.refused(rejected, {}) from rejected
    print("\n".join(map(killed_in_words, found)) or "nothing is stopped")


def killed_in_words(one: Killed) -> str:
    scope = KillScope(one.scope)
    which = "" if scope is KillScope.VENUE else f" {one.scope_id}"
    return (
        f"{scope.name.lower()}{which}: since {utc_text(one.since_ns)}, sequence {one.sequence}, "
        f"by session {one.session_id}: {printable(one.text) or 'no reason given'}"
    )


async def _named(session: Session, scope: ScopeName, which: str) -> tuple[KillScope, int]:
    """The scope, and the number of what is named. Raises ClientError where it does not go with the scope."""
    kind = KillScope[scope.upper()]
    if kind is KillScope.VENUE:
        if which:
            raise ClientError(f"the venue is stopped whole, found {which!r} behind it")
        return kind, 0
    if kind is KillScope.INSTRUMENT and which:
        return kind, await operating.instrument_id_of(session, which)
    if not which.isdecimal():
        raise ClientError(f"expected the number of the {scope}, found {which!r}")
    return kind, int(which)


def _check_reason(why: str) -> None:
    if not why.strip():
        raise ClientError("expected a reason behind --why, found none")


def _words(scope: ScopeName, which: str) -> str:
    return f"the {scope} {which}".rstrip()


def _refused(scope: ScopeName, which: str, rejected: OrderRejected) -> ClientError:
    return operating.refused(rejected, _refusals(scope, which))


def _refusals(scope: ScopeName, which: str) -> dict[RejectReason, str]:
    there_is_none = f"there is no {scope} of the number {which}"
    return {
        RejectReason.UNKNOWN_PARTICIPANT: there_is_none,
        RejectReason.UNKNOWN_ACCOUNT: there_is_none,
        RejectReason.UNKNOWN_INSTRUMENT: there_is_none,
        RejectReason.NOT_KILLED: f"{_words(scope, which)} is not stopped: `admin killed` shows what is",
    }
