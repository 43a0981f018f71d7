"""`carbonmatch admin sessions`, `disconnect`, `snapshot`, `reload`: the process, and who is connected."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from carbonmatch.client import operating
from carbonmatch.client.admin import Operator
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.client.session import Session
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.limits import BAN_SECONDS_MAX
from carbonmatch.matching.messages import Outcome, RejectReason, SessionStatus
from carbonmatch.protocol.messages import Role

_DEMO_OPERATOR: Final = Operator()
_NS_PER_SECOND: Final = 1_000_000_000
# A snapshot of many orders takes a while, and so does a large file.
_OUTCOME_SECONDS: Final = 60.0

BanSeconds = Annotated[int, Parameter(validator=Number(gte=0, lte=BAN_SECONDS_MAX))]


def sessions(
    session: str = "",
    /,
    *,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show who there is, and who is connected from where.

    Parameters
    ----------
    session
        One of them, by its name; without it all.
    """
    asyncio.run(show_sessions(operator.access(tls), session))


def disconnect(
    session: str,
    /,
    *,
    ban: BanSeconds = 0,
    text: str = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """End every connection of a session. It may come back at once, unless it is banned for a while.

    Parameters
    ----------
    session
        Its name.
    ban
        Seconds for which it may not log on again. 0 lifts an earlier ban.
    text
        The reason, which the session gets to see.
    """
    asyncio.run(end_connections(operator.access(tls), session, ban, text))


def snapshot(
    *,
    text: str = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Keep the state of the venue on its disk now. Returns when it is durable.

    Parameters
    ----------
    text
        The reason.
    """
    asyncio.run(keep_snapshot(operator.access(tls), text))


def reload(
    *,
    text: str = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Have the venue read its configuration file again. A file with a mistake changes nothing.

    Parameters
    ----------
    text
        The reason.
    """
    asyncio.run(read_again(operator.access(tls), text))


async def show_sessions(operator: Access, name: str) -> None:
    async with Session(operator) as session:
        try:
            found = await session.sessions(name)
        except OrderRejected as rejected:
            raise operating.refused(rejected, {}) from rejected
    if name and not found:
        raise ClientError(f"no session {name!r}")
    for one in found:
        print(in_words(one))


async def end_connections(operator: Access, name: str, ban_seconds: int, text: str) -> None:
    words = {
        RejectReason.UNKNOWN_SESSION: f"no session {name!r}; `admin sessions` shows which there are",
        RejectReason.OWN_SESSION: f"{name!r} is the session of this command; expected another one",
    }
    async with Session(operator) as session:
        try:
            sequence = await session.disconnect(name, ban_seconds=ban_seconds, text=text)
        except OrderRejected as rejected:
            raise operating.refused(rejected, words) from rejected
    banned = f", and is banned for {ban_seconds} s" if ban_seconds else ""
    print(f"{name} is disconnected since sequence {sequence}{banned}")


async def keep_snapshot(operator: Access, text: str) -> None:
    async with Session(operator) as session:
        outcome = await session.take_snapshot(text, seconds=_OUTCOME_SECONDS)
    raise_refused("no snapshot", outcome)
    print(f"snapshot {outcome.at_sequence} is on the disk")


async def read_again(operator: Access, text: str) -> None:
    async with Session(operator) as session:
        outcome = await session.reload_configuration(text, seconds=_OUTCOME_SECONDS)
    raise_refused("the configuration is not taken over", outcome)
    print(f"the configuration is in force since sequence {outcome.at_sequence}:")
    for line in outcome.lines:
        print(f"  {line}")


def in_words(one: SessionStatus) -> str:
    """One line."""
    parts = [f"{one.session} ({one.session_id})", _connected(one)]
    if one.participant_id:
        parts.append(f"participant {one.participant_id}")
    parts.append(f"seq {one.last_seq}")
    if one.open_orders:
        parts.append(f"{one.open_orders} open orders")
    if one.waiting_bytes:
        parts.append(f"{one.waiting_bytes} bytes wait")
    if one.commands_per_second or one.cancels_per_second:
        parts.append(_throttle(one))
    if one.banned_until_ns:
        parts.append(f"banned until {_time(one.banned_until_ns)}")
    return ", ".join(parts)


def _connected(one: SessionStatus) -> str:
    if not one.role:
        return "not connected"
    several = f", {one.connections} connections, the last" if one.connections > 1 else ""
    return f"{Role(one.role).name.lower()}{several} from {one.address} since {_time(one.since_ns)}"


def _throttle(one: SessionStatus) -> str:
    rates = (
        f"{one.commands_per_second} commands/s (burst {one.commands_burst}), "
        f"{one.cancels_per_second} cancels/s (burst {one.cancels_burst})"
    )
    return f"throttle {rates}, {one.throttled} refused"


def _time(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // _NS_PER_SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


def raise_refused(what: str, outcome: Outcome) -> None:
    if not outcome.applied:
        raise ClientError("\n".join([f"{what}:", *(f"  {line}" for line in outcome.lines)]))
