"""`carbonmatch admin audit`: who did what, when and why, by the journal of a running venue."""

import asyncio
import time
from typing import Annotated, Final

from cyclopts import Parameter
from msgspec import structs

from carbonmatch.audit_words import KINDS, in_words
from carbonmatch.client.admin import Operator, time_ns
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError
from carbonmatch.client.options import Whole
from carbonmatch.client.session import Session
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import SessionId
from carbonmatch.protocol.messages import AuditRequest

_DEMO_OPERATOR: Final = Operator()
_NS_PER_DAY: Final = 86_400 * 1_000_000_000
# A page may read much of the journal from a slow disk.
_SECONDS_MAX: Final = 120.0


def audit(
    *,
    since: Annotated[str, Parameter(name="--from")] = "",
    until: str = "",
    by: Whole = 0,
    kind: str = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show what operators did, oldest first: when, in which place of the journal, who, what, and why.

    Parameters
    ----------
    since
        From when on, with its offset from UTC: 2026-03-02T15:30+08:00. Without, the last 24 hours.
    until
        Until when.
    by
        Only what the session of this number did.
    kind
        Only commands of this kind, like kill or set-phase.
    """
    question = AuditRequest(0, time_ns(since), time_ns(until), SessionId(by), tag_of(kind))
    if not question.from_ns:
        question = structs.replace(question, from_ns=time.time_ns() - _NS_PER_DAY)
    asyncio.run(show(operator.access(tls), question))


async def show(operator: Access, question: AuditRequest) -> None:
    """Raises ClientError where the venue tells nothing."""
    there: AuditRequest | None = question
    async with Session(operator) as session:
        while there is not None:
            lines, there = await session.audit_page(there, seconds=_SECONDS_MAX)
            for line in lines:
                print(in_words(line))


def tag_of(kind: str) -> int:
    """Of a command by its name; 0 of none. Raises ClientError where there is no such command."""
    if not kind:
        return 0
    if kind not in KINDS:
        raise ClientError(f"no command {kind!r}, expected one of: {', '.join(sorted(KINDS))}")
    return KINDS[kind]
