"""`carbonmatch order`: enter, list and cancel orders from the terminal, one command at a time."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console

from carbonmatch.client.admin import time_to_come_ns
from carbonmatch.client.commands import Answer, order_command
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, Disconnected, OrderRejected, SessionRejectedError
from carbonmatch.client.options import Port, Whole, access_of, find_book, market_now
from carbonmatch.client.session import Session, check_command
from carbonmatch.client.ticket import orders_view, refused, ticket, ticks_of, told
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import (
    Cancel,
    Canceled,
    ClientCommand,
    InstrumentDefinition,
    InstrumentId,
    MassCancel,
    MassCanceled,
    MassCancelScope,
    OrderFlag,
    OrderId,
    OrderStatus,
    OrderType,
    Ref,
    Side,
    StatusEnd,
    TimeInForce,
)
from carbonmatch.protocol.messages import Role

TimeInForceName = Literal["day", "gtc", "ioc", "fok", "gtd", "at-open", "at-close", "good-for-auction"]

# By whether there is a price, and a stop price.
_TYPES: Final = {
    (True, False): OrderType.LIMIT,
    (False, False): OrderType.MARKET,
    (True, True): OrderType.STOP_LIMIT,
    (False, True): OrderType.STOP,
}

main = App(name="order", help="Enter, list and cancel orders.", help_format="plaintext")


@dataclass(frozen=True)
class Trader:
    """Where the venue is, and whose orders these are."""

    host: str = "127.0.0.1"
    "Where the venue is."
    port: Port = 7400
    "Its order entry."
    market_data_port: Port = 7410
    "Its market data, from which the ticket is filled in."
    key_id: str | None = None
    "The key to log on with; without one the demo market's, on loopback only."
    key_file: Path | None = None
    "The file with the private half: 64 hexadecimal digits."
    session: str | None = None
    "The session that the orders are of. A gateway that is connected as this session is logged out."
    feed_session: str | None = None
    "A session of the same key for the market data, where that is another one."

    def accesses(self, tls: TlsOptions) -> tuple[Access, Access]:
        """To trade, and to read the feed."""
        key = (self.key_id, self.key_file)
        feed_session = self.session if self.feed_session is None else self.feed_session
        return (
            access_of(Role.TRADE, self.host, self.port, *key, self.session, tls),
            access_of(Role.MARKET_DATA, self.host, self.market_data_port, *key, feed_session, tls),
        )


_DEMO_TRADER = Trader()
_Trader = Annotated[Trader, Parameter(name="*")]
_Tls = Annotated[TlsOptions, Parameter(name="*")]


@main.default
def enter(
    side: Literal["buy", "sell"],
    symbol: str,
    quantity: Annotated[Whole, Parameter(validator=Number(gte=1))],
    price: str = "",
    /,
    *,
    time_in_force: TimeInForceName | None = None,
    until: str = "",
    stop: str = "",
    display: Whole = 0,
    minimum: Whole = 0,
    post_only: bool = False,
    account: Whole = 0,
    yes: bool = False,
    trader: _Trader = _DEMO_TRADER,
    tls: _Tls = NO_TLS,
) -> None:
    """Enter an order: shows a ticket, asks, sends it, and says what came of it.

    Parameters
    ----------
    side
        buy or sell.
    symbol
        The instrument.
    quantity
        How many lots.
    price
        The limit, as the ladder shows it: 60.50. Without one it is a market order.
    time_in_force
        How long it stands; day, and a market order ioc.
    until
        Of gtd: when it goes, with its offset from UTC: 2026-03-02T15:30+08:00.
    stop
        It waits, unseen, until a trade has reached this price.
    display
        It shows so many lots at a time.
    minimum
        So many lots trade at once, or it is refused.
    post_only
        It is refused where it would trade at once.
    account
        The number of the account; without one the session's first.
    yes
        Do not ask.
    """
    access, feed = trader.accesses(tls)
    book = asyncio.run(find_book(feed, symbol))
    definition = book.definition
    assert definition is not None
    command = order_command(
        definition.instrument_id,
        Side[side.upper()],
        quantity,
        ticks_of(price, definition) if price else 0,
        account_id=account,
        order_type=_TYPES[bool(price), bool(stop)],
        time_in_force=_time_in_force(time_in_force, rests=bool(price or stop)),
        flags=OrderFlag.POST_ONLY if post_only else 0,
        stop_price_ticks=ticks_of(stop, definition) if stop else 0,
        display_lots=display,
        minimum_lots=minimum,
        expires_ns=time_to_come_ns(until),
    )
    check_command(msgspec.structs.replace(command, ref=Ref(1)))
    console = Console(highlight=False)
    console.print(ticket(command, book, access.session))
    _confirm(console, "send it?", yes)
    for line in told(asyncio.run(_answer(access, command)), command, definition):
        # As it is: whoever reads it may be a program, and a line that is broken in two is none.
        print(line)


@main.command(name="list")
def list_orders(*, trader: _Trader = _DEMO_TRADER, tls: _Tls = NO_TLS) -> None:
    """List the open orders of the session."""
    access, feed = trader.accesses(tls)
    orders, definitions = asyncio.run(_open_orders(access, feed))
    if orders:
        Console(highlight=False).print(orders_view(orders, definitions))
    print(f"{len(orders)} open orders of {access.session}")


@main.command
def cancel(*order_id: Whole, trader: _Trader = _DEMO_TRADER, tls: _Tls = NO_TLS) -> None:
    """Cancel orders by their ids, as `order` and `order list` tell them: of any session of the account.

    Parameters
    ----------
    order_id
        The orders.
    """
    if not order_id:
        raise ClientError("expected the id of an order; cancel-all cancels all of the session")
    access, _ = trader.accesses(tls)
    for one in order_id:
        for report in asyncio.run(_answer(access, Cancel(Ref(0), order_id=OrderId(one)))):
            if isinstance(report, Canceled):
                print(f"order {report.order_id}: {report.canceled_lots:,} lots canceled")


@main.command
def cancel_all(*, yes: bool = False, trader: _Trader = _DEMO_TRADER, tls: _Tls = NO_TLS) -> None:
    """Cancel every open order of the session.

    Parameters
    ----------
    yes
        Do not ask.
    """
    access, _ = trader.accesses(tls)
    _confirm(Console(highlight=False), f"cancel every open order of {access.session}?", yes)
    for report in asyncio.run(_answer(access, MassCancel(Ref(0), MassCancelScope.SESSION))):
        if isinstance(report, MassCanceled):
            print(f"{report.count} orders canceled")


# --- how it works --------------------------------------------------------------------------------


def _time_in_force(name: TimeInForceName | None, *, rests: bool) -> TimeInForce:
    if name is None:
        return TimeInForce.DAY if rests else TimeInForce.IOC
    return TimeInForce[name.upper().replace("-", "_")]


def _confirm(console: Console, question: str, yes: bool) -> None:
    """Return if a person says yes, or has said so before. Raises ClientError."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ClientError("not sent: nobody is there to confirm it; --yes sends without asking")
    try:
        answer = console.input(f"{question} [y/N] ", markup=False)
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise ClientError("not sent")


async def _answer(access: Access, command: ClientCommand) -> Answer:
    """Raises ClientError in words where it was refused, and where nobody knows whether it was carried out."""
    async with Session(access) as session:
        try:
            return await session.call(command)
        except (OrderRejected, SessionRejectedError) as error:
            raise refused(error) from error
        except (Disconnected, TimeoutError) as error:
            raise ClientError(
                f"no answer came ({str(error) or 'out of time'}): whether it was carried out is not known; "
                "order list tells what is open"
            ) from error


async def _open_orders(
    access: Access, feed: Access
) -> tuple[list[OrderStatus], dict[InstrumentId, InstrumentDefinition]]:
    books = (await market_now(feed)).books.values()
    definitions = {book.instrument_id: book.definition for book in books if book.definition is not None}
    orders: list[OrderStatus] = []
    async with Session(access) as session:
        while True:
            after = orders[-1].order_id if orders else OrderId(0)
            *found, end = await session.order_status(after_order_id=after)
            orders += [one for one in found if isinstance(one, OrderStatus)]
            assert type(end) is StatusEnd, "a status request is answered to its end"
            if not end.more:
                return orders, definitions
