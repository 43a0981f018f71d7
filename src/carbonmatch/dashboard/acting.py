"""What is done, and asked for, in an operator's name: each on a connection of its own, one after the other.

No connection is held: the engine's list of sessions shows the page only while it acts, and a key that was
taken away does not act once more. What is asked for costs the engine an entry or a look at its journal, so it
is asked for when somebody wants to see it, and not again and again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import Struct

from carbonmatch.audit_words import AuditLine, line_of
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError
from carbonmatch.client.operating import do
from carbonmatch.client.session import Session
from carbonmatch.dashboard.sources import in_words
from carbonmatch.limits import DASHBOARD_ROWS_MAX, TEXT_CHARS_MAX
from carbonmatch.matching.messages import (
    ClientCommand,
    InstrumentId,
    Phase,
    Ref,
    Resume,
    SessionStatus,
    SetPhase,
)
from carbonmatch.protocol.messages import AuditRequest, Role

_ACT_SECONDS_MAX: Final = 10.0
_Answer = TypeVar("_Answer")


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """What the page sends: `typed` is the symbol as its reader has typed it."""

    act: Literal["halt", "resume"]
    instrument_id: int
    typed: str
    reason: str


class ListedSession(Struct, frozen=True, gc=False):
    """A session in one role that it is connected in; `role` is empty where it is not."""

    session: str
    role: str
    address: str
    since_ns: int
    open_orders: int
    waiting_bytes: int
    throttled: int
    banned_until_ns: int


class Refused(Exception):
    """Nothing was done, or nobody knows; the text says which."""


def command_of(asked: Asked, symbol: str | None) -> ClientCommand:
    """What is to be journaled. `symbol`: of that instrument; None where there is none. Raises Refused."""
    if symbol is None:
        raise Refused(f"there is no instrument {asked.instrument_id}")
    if asked.typed != symbol:
        raise Refused(f"typed {asked.typed[:64]!r}, expected {symbol}")
    reason = asked.reason.strip()
    if not 1 <= len(reason) <= TEXT_CHARS_MAX:
        raise Refused(f"a reason of {len(reason)} characters, expected 1 to {TEXT_CHARS_MAX}")
    instrument_id = InstrumentId(asked.instrument_id)
    if asked.act == "halt":
        return SetPhase(Ref(0), instrument_id, Phase.HALTED, reason)
    return Resume(Ref(0), instrument_id, reason)


class Operating:
    """Gives commands as the operator that the dashboard was given a key of."""

    def __init__(self, access: Access) -> None:
        self._access = msgspec.structs.replace(access, cancel_on_disconnect=False)
        # A second logon of the same session would end the first in the middle of its command.
        self._turn = asyncio.Lock()

    @property
    def session(self) -> str:
        """Under which name the journal has what is done here."""
        return self._access.session

    async def act(self, command: ClientCommand) -> int:
        """The journal sequence at which it was applied. Raises Refused."""
        return await self._with_session(lambda session: do(session, command, {}))

    async def sessions(self) -> list[ListedSession]:
        """Those that are connected first. Raises Refused."""
        found = await self._with_session(lambda session: session.sessions())
        listed = [_listed(one) for one in found]
        return sorted(listed, key=lambda one: (not one.role, one.session, one.role))

    async def audit(self, from_ns: int) -> list[AuditLine]:
        """What operators did after a time, the newest first and no more than are shown. Raises Refused."""
        newest = await self._with_session(lambda session: _audit(session, from_ns))
        return list(reversed(newest))

    async def _with_session(self, what: Callable[[Session], Awaitable[_Answer]]) -> _Answer:
        try:
            async with asyncio.timeout(_ACT_SECONDS_MAX), self._turn, Session(self._access) as session:
                return await what(session)
        except TimeoutError:
            raise Refused(
                f"no answer within {_ACT_SECONDS_MAX:g} s: it may have been done; look at the phase"
            ) from None
        except (ClientError, OSError) as error:
            raise Refused(in_words(error)) from error


async def _audit(session: Session, from_ns: int) -> deque[AuditLine]:
    found: deque[AuditLine] = deque(maxlen=DASHBOARD_ROWS_MAX)
    question: AuditRequest | None = AuditRequest(0, from_ns)
    while question is not None:
        lines, question = await session.audit_page(question)
        found.extend(map(line_of, lines))
    return found


def _listed(one: SessionStatus) -> ListedSession:
    return ListedSession(
        session=one.session,
        role=Role(one.role).name.lower().replace("_", " ") if one.role else "",
        address=one.address,
        since_ns=one.since_ns,
        open_orders=one.open_orders,
        waiting_bytes=one.waiting_bytes,
        throttled=one.throttled,
        banned_until_ns=one.banned_until_ns,
    )
