"""`carbonmatch admin pending`, `confirm`, `reject`: commands that wait for a second operator."""

import asyncio
from typing import Annotated, Final

from cyclopts import Parameter

from carbonmatch.audit_words import in_words
from carbonmatch.client import operating
from carbonmatch.client.admin import Operator
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import OrderRejected
from carbonmatch.client.operating import Confirm, confirmation, must_confirm
from carbonmatch.client.options import Reason, Whole
from carbonmatch.client.session import Session
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import Done, RejectReason
from carbonmatch.words import utc_text

_DEMO_OPERATOR: Final = Operator()
_SECONDS_MAX: Final = 60.0
_WORDS: Final = {
    RejectReason.NOT_WAITING: "no command of this number waits: `admin pending` shows those that do",
    RejectReason.OWN_COMMAND: "it was proposed by the same session, or one that the same key opens",
}


def pending(
    *,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show the commands that wait for a second operator, and until when."""
    asyncio.run(show(operator.access(tls)))


def confirm(
    number: Whole,
    /,
    *,
    why: Reason = "",
    yes: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Have a command done that another operator has proposed. It is shown first.

    Parameters
    ----------
    number
        Of the command: its place in the journal.
    why
        The reason, which is journaled.
    yes
        Do it without asking.
    """
    asyncio.run(decide(operator.access(tls), number, why, confirmation(yes)))


def reject(
    number: Whole,
    /,
    *,
    why: Reason = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Let a command go that waits for a second operator; one's own, too.

    Parameters
    ----------
    number
        Of the command: its place in the journal.
    why
        The reason, which is journaled.
    """
    asyncio.run(let_go(operator.access(tls), number, why))


async def show(operator: Access) -> None:
    async with Session(operator) as session:
        lines = await session.waiting()
    for line in lines:
        print(f"{in_words(line)} (until {utc_text(line.expires_ns)})")
    if not lines:
        print("nothing waits")


async def decide(operator: Access, number: int, why: str, ask: Confirm) -> None:
    """Raises ClientError where nothing is done, or `ask` says no."""
    async with Session(operator) as session:
        for line in await session.waiting():
            if line.sequence == number:
                print(in_words(line))
        must_confirm(ask, f"Confirm command {number}?")
        try:
            done = (await session.decide(number, why, confirms=True, seconds=_SECONDS_MAX))[-1]
        except OrderRejected as rejected:
            raise operating.refused(rejected, _WORDS) from rejected
    assert type(done) is Done, "what is confirmed is done or rejected"
    print(f"command {number} is done since sequence {done.sequence}")


async def let_go(operator: Access, number: int, why: str) -> None:
    async with Session(operator) as session:
        try:
            await session.decide(number, why, confirms=False)
        except OrderRejected as rejected:
            raise operating.refused(rejected, _WORDS) from rejected
    print(f"command {number} is rejected")
