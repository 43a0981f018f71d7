"""Who a command logs on as, from what its caller has given; nothing given means the demo market."""

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token
from cyclopts.validators import Number

from carbonmatch import demo_market
from carbonmatch.client.book import InstrumentBook
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import CompositeDefinition, InstrumentDefinition
from carbonmatch.protocol.auth import parse_key
from carbonmatch.protocol.messages import Role


def whole_number(_type: object, tokens: Sequence[Token]) -> int:
    """An integer as it was typed: left to itself, the command line takes 50.5 for 50 without a word."""
    (token,) = tokens
    try:
        return int(token.value)
    except ValueError:
        raise ValueError(f"{token.value!r} is no whole number") from None


# Why an operator does something: journaled with the command.
Reason = Annotated[str, Parameter(name=("--why", "--text"))]
Whole = Annotated[int, Parameter(converter=whole_number)]
WholeOrNone = Annotated[int | None, Parameter(converter=whole_number)]
Port = Annotated[int, Parameter(converter=whole_number, validator=Number(gte=1, lte=65_535))]

_DEMO: dict[Role, tuple[str, str]] = {
    Role.TRADE: (demo_market.GATEWAY_KEY_ID, demo_market.gateway_session(1)),
    Role.MARKET_DATA: (demo_market.MARKET_DATA_KEY_ID, demo_market.MARKET_DATA_SESSION),
    Role.OPERATOR: (demo_market.OPERATOR_KEY_ID, demo_market.OPERATOR_SESSION),
}


def access_of(
    role: Role,
    host: str,
    port: int,
    key_id: str | None,
    key_file: Path | None,
    session: str | None,
    tls: TlsOptions = NO_TLS,
) -> Access:
    """Key id, key file and session belong together; without them the demo's keys, on loopback only."""
    given = (key_id, key_file, session)
    if key_id is not None and key_file is not None and session is not None:
        private_key = _read_key(key_file)
    elif given == (None, None, None) and _is_loopback(host):
        key_id, session = _DEMO[role]
        private_key = demo_market.private_key_bytes(key_id)
    else:
        raise ClientError(
            f"to log on at {host}, give --key-id, --key-file and --session; "
            "only the demo market on loopback does without"
        )
    return Access(
        host=host,
        port=port,
        key_id=key_id,
        private_key=private_key,
        session=session,
        role=role,
        ssl=tls.context(),
        server_name=tls.tls_name,
    )


async def market_now(access: Access) -> MarketDataClient:
    """What the feed knows of the whole market now; it is not followed any longer."""
    async with MarketDataClient(access) as feed:
        await feed.synced()
    return feed


async def find_followed(access: Access, symbol: str) -> InstrumentDefinition | CompositeDefinition:
    """Ask the feed, which knows every instrument and composite price, for the one with this symbol."""
    return _with_symbol(await market_now(access), access, symbol)


async def find_book(access: Access, symbol: str) -> InstrumentBook:
    """Likewise, of what is traded: what the feed knows of it now, its definition at least."""
    market = await market_now(access)
    found = _with_symbol(market, access, symbol)
    if isinstance(found, CompositeDefinition):
        raise ClientError(f"{symbol} is a composite price; expected an instrument: nothing trades at it")
    return market.books[found.instrument_id]


async def find_instrument(access: Access, symbol: str) -> InstrumentDefinition:
    """As `find_book`, what the instrument is."""
    definition = (await find_book(access, symbol)).definition
    assert definition is not None
    return definition


def _with_symbol(
    market: MarketDataClient, access: Access, symbol: str
) -> InstrumentDefinition | CompositeDefinition:
    definitions: list[InstrumentDefinition | CompositeDefinition] = [
        *(book.definition for book in market.books.values() if book.definition is not None),
        *(told.composite for told in market.composites.values() if told.composite.members),
    ]
    for definition in definitions:
        if definition.symbol == symbol:
            return definition
    known = ", ".join(sorted(definition.symbol for definition in definitions))
    raise ClientError(f"no instrument {symbol!r} at {access.host}:{access.port}; there are {known}")


def _read_key(file: Path) -> bytes:
    mode = file.stat().st_mode & 0o777
    if mode & 0o077:
        raise ClientError(f"{file}: mode {mode:04o} lets others read a private key, expected 0600 or 0400")
    try:
        return parse_key(file.read_text())
    except ValueError as error:
        raise ClientError(f"{file}: {error}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
