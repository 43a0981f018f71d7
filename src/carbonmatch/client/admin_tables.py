"""`carbonmatch admin put`, `delist`, `disable`, ... : the configuration, changed while the venue runs."""

import asyncio
import tomllib
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from carbonmatch.client import operating
from carbonmatch.client.admin import Operator
from carbonmatch.client.admin_process import raise_refused
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.client.options import Whole
from carbonmatch.client.session import Session
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import Amendment, Outcome, TableAction, TableKind

_DEMO_OPERATOR: Final = Operator()
_NS_PER_SECOND: Final = 1_000_000_000
# What a table of a key may say: anything else may be its private half, which never travels.
KEY_WORDS: Final = (
    "id",
    "public_key",
    "roles",
    "sessions",
    "expires",
    "addresses",
    "permissions",
    "disabled",
)

Who = Literal["participant", "session", "key"]
What = Literal["instrument", "participant", "session", "key"]
_Operating = Annotated[Operator, Parameter(name="*")]
_Tls = Annotated[TlsOptions, Parameter(name="*")]


def put(file: Path, /, *, text: str = "", operator: _Operating = _DEMO_OPERATOR, tls: _Tls = NO_TLS) -> None:
    """Add instruments, participants, sessions and keys to a running venue, or change those of the same name.

    Parameters
    ----------
    file
        TOML with [[instruments]], [[participants]], [[sessions]] and [[keys]], as in the configuration.
    text
        The reason.
    """
    asyncio.run(put_tables(operator.access(tls), tables_of(file), text))


def delist(
    symbol: str, /, *, text: str = "", operator: _Operating = _DEMO_OPERATOR, tls: _Tls = NO_TLS
) -> None:
    """Take an instrument out of the market: its orders go, new ones are refused. Holdings and history stay.

    Parameters
    ----------
    symbol
        The instrument.
    text
        The reason.
    """
    asyncio.run(
        change(operator.access(tls), TableKind.INSTRUMENT, symbol, TableAction.DISABLE, text, "delisted")
    )


def relist(
    symbol: str, /, *, text: str = "", operator: _Operating = _DEMO_OPERATOR, tls: _Tls = NO_TLS
) -> None:
    """Let an instrument back into the market, where its schedule has arrived.

    Parameters
    ----------
    symbol
        The instrument.
    text
        The reason.
    """
    asyncio.run(
        change(operator.access(tls), TableKind.INSTRUMENT, symbol, TableAction.ENABLE, text, "listed")
    )


def disable(
    kind: Who,
    name: str,
    /,
    *,
    text: str = "",
    operator: _Operating = _DEMO_OPERATOR,
    tls: _Tls = NO_TLS,
) -> None:
    """Let nobody in as this session or with this key; let no session act for this participant.

    Connections that this admitted end. Orders of accounts that no session acts for any more go.

    Parameters
    ----------
    kind
        What it is.
    name
        Its name, or the id of the key.
    text
        The reason.
    """
    asyncio.run(change(operator.access(tls), _kind(kind), name, TableAction.DISABLE, text, "disabled"))


def enable(
    kind: Who,
    name: str,
    /,
    *,
    text: str = "",
    operator: _Operating = _DEMO_OPERATOR,
    tls: _Tls = NO_TLS,
) -> None:
    """Let in again what was disabled.

    Parameters
    ----------
    kind
        What it is.
    name
        Its name, or the id of the key.
    text
        The reason.
    """
    asyncio.run(change(operator.access(tls), _kind(kind), name, TableAction.ENABLE, text, "enabled"))


def revoke_key(
    key: str, /, *, text: str = "", operator: _Operating = _DEMO_OPERATOR, tls: _Tls = NO_TLS
) -> None:
    """Let a key open nothing any more: the connections that it has opened end.

    Parameters
    ----------
    key
        Its id.
    text
        The reason.
    """
    asyncio.run(change(operator.access(tls), TableKind.KEY, key, TableAction.DISABLE, text, "revoked"))


def remove(
    kind: What,
    name: str,
    /,
    *,
    text: str = "",
    operator: _Operating = _DEMO_OPERATOR,
    tls: _Tls = NO_TLS,
) -> None:
    """Take something out of the configuration, that nothing else names. A session's orders go with it.

    Parameters
    ----------
    kind
        What it is. An instrument has to be delisted before.
    name
        Its name, symbol, or the id of the key.
    text
        The reason.
    """
    asyncio.run(change(operator.access(tls), _kind(kind), name, TableAction.REMOVE, text, "removed"))


def restore(
    kind: What,
    name: str,
    /,
    *,
    text: str = "",
    operator: _Operating = _DEMO_OPERATOR,
    tls: _Tls = NO_TLS,
) -> None:
    """Undo what commands have changed of something: it is as in the venue's file, or not at all.

    Parameters
    ----------
    kind
        What it is.
    name
        Its name, symbol, or the id of the key.
    text
        The reason.
    """
    asyncio.run(change(operator.access(tls), _kind(kind), name, TableAction.RESTORE, text, "as in the file"))


def throttle(
    session: str,
    /,
    *,
    commands: Whole,
    commands_burst: Whole,
    cancels: Whole = 0,
    cancels_burst: Whole = 0,
    text: str = "",
    operator: _Operating = _DEMO_OPERATOR,
    tls: _Tls = NO_TLS,
) -> None:
    """Say how much a session may send, as of now; where it is connected, it is told.

    Parameters
    ----------
    session
        Its name.
    commands
        Commands a second; 0: as many as it likes.
    commands_burst
        How many of them may come at once.
    cancels
        Cancels and reductions a second; 0: as many as it likes.
    cancels_burst
        How many of them may come at once.
    text
        The reason.
    """
    rates = (commands, commands_burst, cancels, cancels_burst)
    asyncio.run(set_throttle(operator.access(tls), session, rates, text))


def amendments(*, operator: _Operating = _DEMO_OPERATOR, tls: _Tls = NO_TLS) -> None:
    """Show what commands have changed of the configuration: what the file does not say, and still counts."""
    asyncio.run(show_amendments(operator.access(tls)))


def tables_of(file: Path) -> str:
    """The file's text. Raises ClientError for what is not to be sent: it may be what nobody is to see."""
    try:
        tables = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClientError(f"{file}: {error}") from error
    try:
        table = tomllib.loads(tables)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise ClientError(f"{file}: {error}") from error
    keys = table.get("keys", [])
    for place, key in enumerate(keys if isinstance(keys, list) else []):
        if others := [name for name in key if name not in KEY_WORDS]:
            raise ClientError(
                f"{file} is not sent: keys[{place}].{others[0]}: expected {', '.join(KEY_WORDS)}"
            )
    return tables


async def put_tables(operator: Access, tables: str, text: str) -> None:
    async with Session(operator) as session:
        outcome = await _asked(session.put_tables(tables, text))
    raise_refused("nothing is changed", outcome)
    _say("in force", outcome)


async def set_throttle(operator: Access, name: str, rates: tuple[int, int, int, int], text: str) -> None:
    async with Session(operator) as session:
        outcome = await _asked(session.set_throttle(name, *rates, text))
    raise_refused("nothing is changed", outcome)
    _say("in force", outcome)


async def change(
    operator: Access, kind: TableKind, name: str, action: TableAction, text: str, done: str
) -> None:
    async with Session(operator) as session:
        outcome = await _asked(session.change_table(kind, name, action, text))
    raise_refused("nothing is changed", outcome)
    _say(f"{kind.name.lower()} {name} is {done}", outcome)


async def show_amendments(operator: Access) -> None:
    async with Session(operator) as session:
        try:
            found = await session.amendments()
        except OrderRejected as rejected:
            raise operating.refused(rejected, {}) from rejected
    print("\n".join(map(in_words, found)) or "everything is as in the file")


def in_words(one: Amendment) -> str:
    """Two lines: what and who; and the table."""
    what = "changed" if one.is_in_file else "added"
    when = datetime.fromtimestamp(one.amended_ns // _NS_PER_SECOND, UTC)
    why = f": {one.text}" if one.text else ""
    return (
        f"{one.kind.name.lower()} {one.name}, {what if one.table else 'removed'} by session {one.session_id} "
        f"at sequence {one.amended_sequence}, {when:%Y-%m-%dT%H:%M:%SZ}{why}\n  {one.table or 'not there'}"
    )


async def _asked(call: Awaitable[Outcome]) -> Outcome:
    try:
        return await call
    except OrderRejected as rejected:
        raise operating.refused(rejected, {}) from rejected


def _say(what: str, outcome: Outcome) -> None:
    print(f"{what} since sequence {outcome.at_sequence}:")
    for line in outcome.lines:
        print(f"  {line}")


def _kind(word: What) -> TableKind:
    return TableKind[word.upper()]
