"""An order as a person reads it: the ticket before it is sent, and what came of it. Pure: no socket."""

from collections.abc import Iterable
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from carbonmatch.client.book import InstrumentBook, Level
from carbonmatch.client.errors import ClientError, OrderRejected, SessionRejectedError
from carbonmatch.matching.messages import (
    Accepted,
    AnyReport,
    Canceled,
    Executed,
    InstrumentDefinition,
    InstrumentId,
    NewOrder,
    NewOrderLong,
    OrderFlag,
    OrderStatus,
    OrderType,
    Phase,
    RejectReason,
    Replaced,
    ReportFlag,
    ScreenMechanism,
    SelfTradePrevented,
    Side,
    TimeInForce,
    Triggered,
)
from carbonmatch.protocol.reference.kinds import meaning
from carbonmatch.words import price_text, utc_text

_STYLES: Final = {Side.BUY: "green", Side.SELL: "red"}


def ticks_of(text: str, definition: InstrumentDefinition) -> int:
    """A price as people write it, in ticks; exactly, or ClientError."""
    whole, _, part = text.partition(".")
    part = part.rstrip("0")
    decimals = definition.price_decimals
    if not (whole + part).isdecimal() or not text.isascii() or len(part) > decimals:
        example = price_text(definition.reference_price_ticks or 10**decimals, decimals)
        raise ClientError(
            f"{text!r} is no price of {definition.symbol}, expected one like {example}, "
            f"with at most {decimals} decimals"
        )
    return int(whole + part.ljust(decimals, "0"))


# --- before ----------------------------------------------------------------------------------------


def ticket(command: NewOrder, book: InstrumentBook, session: str) -> RenderableType:
    """All that the order says, what it would meet in the book as it is, and what that costs."""
    definition = book.definition
    assert definition is not None
    side = command.side
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_row("", Text(f"{side.name} {definition.symbol}", style=f"bold {_STYLES[side]}"))
    tonnes = command.quantity_lots * definition.lot_tonnes
    table.add_row("quantity", f"{command.quantity_lots:,} lots ({tonnes:,} t)")
    table.add_row("price", _terms(command, definition))
    if command.price_ticks:
        value = price_text(command.price_ticks * tonnes, definition.price_decimals)
        bound = "at most" if side is Side.BUY else "at least"
        table.add_row("value", f"{bound} {_grouped(value)} {definition.currency}")
    table.add_row("account", str(command.account_id or "the first of the session"))
    table.add_row("session", session)
    table.add_row("market", _market(book))
    table.add_row("now", _now(command, book))
    return Panel(table, title="order", box=box.ROUNDED, expand=False, border_style=_STYLES[side])


def _terms(command: NewOrder, definition: InstrumentDefinition) -> str:
    decimals = definition.price_decimals
    words = []
    if command.price_ticks:
        words.append(f"{price_text(command.price_ticks, decimals)} {definition.currency}/t")
    words.append(command.order_type.name.lower().replace("_", " "))
    if isinstance(command, NewOrderLong):
        if command.stop_price_ticks:
            words.append(f"waits for {price_text(command.stop_price_ticks, decimals)}")
        if command.display_lots:
            words.append(f"shows {command.display_lots:,}")
        if command.minimum_lots:
            words.append(f"at least {command.minimum_lots:,} at once")
    words.append(command.time_in_force.name.lower().replace("_", " "))
    if isinstance(command, NewOrderLong) and command.expires_ns:
        words.append(f"until {utc_text(command.expires_ns)[:19]}Z")
    if command.flags & OrderFlag.POST_ONLY:
        words.append("post only")
    return ", ".join(words)


def _market(book: InstrumentBook) -> str:
    assert book.definition is not None
    decimals = book.definition.price_decimals
    bid, ask = book.best()
    words = [book.phase.name.lower().replace("_", " ") if book.phase is not None else "phase not known"]
    words.append(f"bid {_level_text(bid, decimals)}")
    words.append(f"ask {_level_text(ask, decimals)}")
    if book.band_high_ticks:
        low, high = price_text(book.band_low_ticks, decimals), price_text(book.band_high_ticks, decimals)
        words.append(f"band {low} to {high}")
    return "  ".join(words)


def _level_text(level: Level | None, decimals: int) -> str:
    return "none" if level is None else f"{price_text(level.price_ticks, decimals)} x {level.quantity_lots:,}"


def _now(command: NewOrder, book: InstrumentBook) -> str:
    """What the book, as it is, would do with it."""
    definition = book.definition
    assert definition is not None
    if command.order_type in (OrderType.STOP, OrderType.STOP_LIMIT):
        return "waits, unseen, until a trade reaches its stop price"
    is_beyond = not book.band_low_ticks <= command.price_ticks <= book.band_high_ticks
    if command.price_ticks and book.band_high_ticks and is_beyond:
        return "would be refused: its price is outside of the band"
    if book.phase is not Phase.CONTINUOUS:
        return "does not trade at once in this phase"
    if definition.screen.mechanism is ScreenMechanism.LISTING:
        return "is listed: it trades when somebody selects it"
    met = list(_met(command, book))
    lots = sum(lots for _, lots in met)
    if not lots:
        return "meets nothing" + (" and rests" if command.order_type is OrderType.LIMIT else "")
    worst = price_text(met[-1][0], definition.price_decimals)
    paid = sum(price_ticks * each for price_ticks, each in met)
    average = price_text((2 * paid + lots) // (2 * lots), definition.price_decimals)
    return f"would trade {lots:,} of {command.quantity_lots:,}, at {average} on average, {worst} at worst"


def _met(command: NewOrder, book: InstrumentBook) -> Iterable[tuple[int, int]]:
    """Price and lots of each level of the other side that it would trade with, the best first."""
    bids, asks = book.depth()
    left = command.quantity_lots
    sign = 1 if command.side is Side.BUY else -1
    for level in asks if command.side is Side.BUY else bids:
        if not left or (command.price_ticks and sign * (level.price_ticks - command.price_ticks) > 0):
            return
        lots = min(left, level.quantity_lots)
        left -= lots
        yield level.price_ticks, lots


def _grouped(number: str) -> str:
    whole, point, part = number.partition(".")
    return f"{int(whole):,}{point}{part}"


# --- after -----------------------------------------------------------------------------------------


def told(reports: Iterable[AnyReport], command: NewOrder, definition: InstrumentDefinition) -> list[str]:
    """A line for each report that answers the order, and one for what rests of it."""
    decimals = definition.price_decimals
    lines: list[str] = []
    order_id = left = 0
    waits = command.order_type in (OrderType.STOP, OrderType.STOP_LIMIT)
    price_ticks = command.price_ticks
    for report in reports:
        if isinstance(report, Accepted):
            order_id, left = report.order_id, report.quantity_lots
            relaxed = ", which the disk may not have yet" if report.flags & ReportFlag.NOT_DURABLE else ""
            lines.append(f"accepted: order {order_id}{relaxed}")
        elif isinstance(report, Executed):
            left = report.leaves_lots
            verb = "bought" if report.side is Side.BUY else "sold"
            price = price_text(report.price_ticks, decimals)
            lines.append(
                f"{verb} {report.quantity_lots:,} at {price}, trade {report.trade_id}, {left:,} left"
            )
        elif isinstance(report, SelfTradePrevented):
            left = report.leaves_lots
            lines.append(
                f"{report.prevented_lots:,} not traded: order {report.other_order_id} is of the same owner"
            )
        elif isinstance(report, Canceled):
            left = 0
            lines.append(f"{report.canceled_lots:,} canceled: {_reason(report.reason)}")
        elif isinstance(report, Triggered):
            waits = False
        elif isinstance(report, Replaced):
            price_ticks, left = report.price_ticks, report.leaves_lots
    if left:
        where = "wait as a stop" if waits else f"rest at {price_text(price_ticks, decimals)}"
        lines.append(f"{left:,} {where}, {_how_long(command)}; `order cancel {order_id}` takes them out")
    return lines


def _how_long(command: NewOrder) -> str:
    return {
        TimeInForce.DAY: "until the instrument closes",
        TimeInForce.GTC: "until canceled",
        TimeInForce.GTD: "until its time is over",
    }.get(command.time_in_force, "for its auction")


def refused(error: OrderRejected | SessionRejectedError) -> ClientError:
    """With what the reason means: a code alone helps nobody who types orders."""
    more = ""
    if isinstance(error, SessionRejectedError):
        more += f"; {error.text}" if error.text else ""
        more += f"; again in {error.retry_after:.1f} s" if error.retry_after else ""
    return ClientError(f"refused: {_reason(error.reason)}{more}")


def _reason(reason: RejectReason | object) -> str:
    assert hasattr(reason, "name")
    words = meaning(type(reason), reason.name)
    return f"{reason.name}, {words}" if words else str(reason.name)


def orders_view(
    orders: Iterable[OrderStatus], definitions: dict[InstrumentId, InstrumentDefinition]
) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("order", "instrument", "side"):
        table.add_column(name)
    for name in ("price", "left", "of"):
        table.add_column(name, justify="right")
    for name in ("kind", "until", "account"):
        table.add_column(name)
    for order in orders:
        definition = definitions.get(order.instrument_id)
        decimals = 0 if definition is None else definition.price_decimals
        price_ticks = order.stop_price_ticks or order.price_ticks
        kind = order.order_type.name.lower().replace("_", " ")
        table.add_row(
            str(order.order_id),
            str(order.instrument_id) if definition is None else definition.symbol,
            Text(order.side.name.lower(), style=_STYLES[order.side]),
            price_text(price_ticks, decimals),
            f"{order.leaves_lots:,}",
            f"{order.quantity_lots:,}",
            f"{kind}, shows {order.display_lots:,}" if order.display_lots else kind,
            order.time_in_force.name.lower().replace("_", " "),
            str(order.account_id),
        )
    return table
