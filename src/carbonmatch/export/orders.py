"""Orders as rows: one for each thing that happened to one, with what is left of it then.

Told from the stream of the session that entered the order: another session that amends it is told the same.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from carbonmatch.export.columns import WORTH, Column, Kind, Row, Table, Value, worth_of
from carbonmatch.journal_tools import Batch, batches, made_commands
from carbonmatch.matching.messages import (
    Accepted,
    AcceptedLong,
    AccountId,
    AnyReport,
    Cancel,
    Canceled,
    DefineAccount,
    Executed,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    MassCancel,
    NewOrder,
    NewOrderLong,
    OrderId,
    Reduce,
    Reduced,
    Ref,
    Rejected,
    Replace,
    Replaced,
    Select,
    SelfTradePrevented,
    SessionId,
    Triggered,
)

_OrderCommand = NewOrder | NewOrderLong | Select | Cancel | Reduce | Replace | MassCancel
_OrderReport = Executed | Canceled | Reduced | Replaced | SelfTradePrevented | Triggered

_NAMES: Final[dict[type, str]] = {
    NewOrder: "new_order",
    NewOrderLong: "new_order",
    Select: "select",
    Cancel: "cancel",
    Reduce: "reduce",
    Replace: "replace",
    MassCancel: "mass_cancel",
}
_EVENTS: Final[dict[type, str]] = {
    Executed: "executed",
    Canceled: "canceled",
    Reduced: "reduced",
    Replaced: "replaced",
    SelfTradePrevented: "prevented",
    Triggered: "triggered",
}

ORDERS: Final = Table(
    "orders",
    "One row for each event of each order of the book, in the order of time; and for each command on orders "
    "that was refused.",
    (
        Column("time", Kind.TIME, "when it happened"),
        Column(
            "event",
            Kind.NAME,
            "`accepted`, `executed`, `canceled`, `reduced`, `replaced`, `triggered` (a stop), `prevented` "
            "(from trading with its owner), `rejected`",
        ),
        Column("symbol", Kind.NAME, "the instrument", True),
        Column("side", Kind.NAME, "`buy` or `sell`", True),
        Column("price_ticks", Kind.NUMBER, "the order's limit from then on, in ticks; empty: none", True),
        Column("quantity_lots", Kind.NUMBER, "its total from then on, in lots", True),
        Column("leaves_lots", Kind.NUMBER, "what may still trade of it then; 0: the order has ended", True),
        Column("event_price_ticks", Kind.NUMBER, "what it was executed at, in ticks", True),
        Column("event_lots", Kind.NUMBER, "what was executed, canceled or prevented, in lots", True),
        Column("order_id", Kind.NUMBER, "the order; empty where a new one was refused", True),
        Column("trade_id", Kind.NUMBER, "the trade that it was executed in", True),
        Column("command", Kind.NAME, "what its session asked for; empty: somebody else caused it", True),
        Column("reason", Kind.NAME, "of `rejected` and `canceled`: see proto/MESSAGES.md", True),
        Column("order_type", Kind.NAME, "of `new_order`: `limit`, `market`, `stop`, `stop_limit`", True),
        Column("time_in_force", Kind.NAME, "of `new_order`: `day`, `gtc`, `ioc`, ...", True),
        Column("stop_price_ticks", Kind.NUMBER, "what a stop waits for, or has waited for, in ticks", True),
        Column("display_lots", Kind.NUMBER, "what is shown of an iceberg at a time, in lots", True),
        Column("minimum_lots", Kind.NUMBER, "what has to trade at once, in lots", True),
        Column("expires", Kind.TIME, "when the order goes", True),
        Column("account", Kind.NAME, "the account's name, as it was then", True),
        Column("account_id", Kind.NUMBER, "the account", True),
        Column("session_id", Kind.NUMBER, "the session that entered the order"),
        Column("ref", Kind.NUMBER, "its name for the command; empty where `command` is", True),
        Column("instrument_id", Kind.NUMBER, "the instrument, by its number", True),
        *(column._replace(is_optional=True) for column in WORTH),
    ),
)


class _Open(Struct):
    """An order that may trade, as its session knows it."""

    session_id: SessionId
    instrument_id: InstrumentId
    account_id: AccountId
    side: str
    price_ticks: int
    quantity_lots: int
    leaves_lots: int


class _Event(Struct, kw_only=True):
    """What a row says beside what is known of its order, instrument and account."""

    time_ns: int
    event: str
    session_id: SessionId
    order_id: int = 0
    instrument_id: int = 0
    account_id: int = 0
    side: str = ""
    price_ticks: int = 0
    quantity_lots: int | None = None
    leaves_lots: int | None = None
    event_price_ticks: int | None = None
    event_lots: int | None = None
    trade_id: int | None = None
    reason: str | None = None
    ref: int = 0
    command: _OrderCommand | None = None
    stop_price_ticks: int = 0
    display_lots: int = 0


def order_rows(directory: Path, *, archive: Path | None = None, running: bool = False) -> Iterator[Row]:
    """Memory holds one batch and the orders that are open. Raises what `journal_tools.batches` does."""
    reader = _Reader()
    for batch in batches(directory, archive=archive, running=running):
        yield from reader.rows(batch)


class _Reader:
    """Invariant: it remembers names, definitions, and every order that may still trade."""

    def __init__(self) -> None:
        self._open: dict[OrderId, _Open] = {}
        self._accounts: dict[AccountId, str] = {}
        self._instruments: dict[InstrumentId, InstrumentDefinition] = {}

    def rows(self, batch: Batch) -> list[Row]:
        commands: dict[tuple[SessionId, Ref], _OrderCommand] = {}
        for entry in batch.entries:
            for _, command in made_commands(entry):
                if type(command) is DefineAccount:
                    self._accounts[command.account_id] = command.name
                elif isinstance(command, _OrderCommand):
                    commands[entry.session_id, command.ref] = command
        for event in batch.public:
            if type(event) is InstrumentDefined:
                self._instruments[event.definition.instrument_id] = event.definition
        events = [
            event
            for session_id, reports in batch.streams
            for event in self._events(session_id, reports, commands)
        ]
        # A batch has stream after stream. What happened to one order is in one of them, and keeps its order.
        events.sort(key=lambda event: event.time_ns)
        return [self._row(event) for event in events]

    def _events(
        self,
        session_id: SessionId,
        reports: Iterable[AnyReport],
        commands: dict[tuple[SessionId, Ref], _OrderCommand],
    ) -> Iterator[_Event]:
        for report in reports:
            command = commands.get((session_id, report.ref)) if report.ref else None
            if isinstance(report, Accepted):
                yield self._accepted(session_id, report, command)
            elif type(report) is Rejected:
                # Of what is no command on orders, the other tables tell.
                if command is not None:
                    yield _rejected(session_id, report, command)
            elif isinstance(report, _OrderReport):
                order = self._open.get(report.order_id)
                # Others that amend it are told the same. Blocks and bids are no orders of the book.
                if order is not None and order.session_id == session_id:
                    yield self._happened(order, report, command)

    def _accepted(
        self, session_id: SessionId, report: Accepted | AcceptedLong, command: _OrderCommand | None
    ) -> _Event:
        side = report.side.name.lower()
        self._open[report.order_id] = _Open(
            session_id,
            report.instrument_id,
            report.account_id,
            side,
            report.price_ticks,
            report.quantity_lots,
            report.quantity_lots,
        )
        return _Event(
            time_ns=report.time_ns,
            event="accepted",
            session_id=session_id,
            order_id=report.order_id,
            instrument_id=report.instrument_id,
            account_id=report.account_id,
            side=side,
            price_ticks=report.price_ticks,
            quantity_lots=report.quantity_lots,
            leaves_lots=report.quantity_lots,
            ref=report.ref,
            command=command,
        )

    def _happened(self, order: _Open, report: _OrderReport, command: _OrderCommand | None) -> _Event:
        event = _Event(
            time_ns=report.time_ns,
            event=_EVENTS[type(report)],
            session_id=order.session_id,
            order_id=report.order_id,
            instrument_id=order.instrument_id,
            account_id=order.account_id,
            side=order.side,
            ref=report.ref,
            command=command,
        )
        if isinstance(report, Canceled):
            order.leaves_lots = 0
            event.event_lots = report.canceled_lots
            event.reason = report.reason.name.lower()
        elif isinstance(report, Triggered):
            order.price_ticks = report.price_ticks
            event.stop_price_ticks = report.stop_price_ticks
        else:
            order.leaves_lots = report.leaves_lots
        if isinstance(report, Executed):
            event.event_lots, event.event_price_ticks = report.quantity_lots, report.price_ticks
            event.trade_id = report.trade_id
        elif isinstance(report, SelfTradePrevented):
            event.event_lots = report.prevented_lots
        elif isinstance(report, Reduced | Replaced):
            order.quantity_lots = report.quantity_lots
        if isinstance(report, Replaced):
            order.price_ticks = report.price_ticks
            event.stop_price_ticks, event.display_lots = report.stop_price_ticks, report.display_lots
        event.price_ticks, event.quantity_lots = order.price_ticks, order.quantity_lots
        event.leaves_lots = order.leaves_lots
        # What self-trade prevention has left nothing of is canceled after that.
        if not order.leaves_lots and not isinstance(report, SelfTradePrevented):
            del self._open[report.order_id]
        return event

    def _row(self, event: _Event) -> Row:
        command = event.command
        order_type = time_in_force = None
        stop_price_ticks, display_lots = event.stop_price_ticks, event.display_lots
        minimum_lots = expires_ns = 0
        if isinstance(command, NewOrder):
            order_type, time_in_force = command.order_type.name.lower(), command.time_in_force.name.lower()
        if type(command) is NewOrderLong:
            stop_price_ticks = stop_price_ticks or command.stop_price_ticks
            display_lots = display_lots or command.display_lots
            minimum_lots, expires_ns = command.minimum_lots, command.expires_ns
        symbol, worth = self._worth(InstrumentId(event.instrument_id))
        return (
            event.time_ns,
            event.event,
            symbol,
            event.side or None,
            event.price_ticks or None,
            event.quantity_lots,
            event.leaves_lots,
            event.event_price_ticks,
            event.event_lots,
            event.order_id or None,
            event.trade_id,
            None if command is None else _NAMES[type(command)],
            event.reason,
            order_type,
            time_in_force,
            stop_price_ticks or None,
            display_lots or None,
            minimum_lots or None,
            expires_ns or None,
            self._accounts.get(AccountId(event.account_id)),
            event.account_id or None,
            event.session_id,
            event.ref or None,
            event.instrument_id or None,
            *worth,
        )

    def _worth(self, instrument_id: InstrumentId) -> tuple[Value, Row]:
        """Symbol, and what `WORTH` has; a refused command may name no instrument, or none that there is."""
        definition = self._instruments.get(instrument_id)
        if definition is None:
            return None, (None,) * len(WORTH)
        return definition.symbol, worth_of(definition)


def _rejected(session_id: SessionId, report: Rejected, command: _OrderCommand) -> _Event:
    """With what was asked for, as far as the command itself says it."""
    event = _Event(
        time_ns=report.time_ns,
        event="rejected",
        session_id=session_id,
        reason=report.reason.name.lower(),
        ref=report.ref,
        command=command,
    )
    if isinstance(command, Cancel | Reduce | Replace | Select):
        event.order_id = command.order_id
    if isinstance(command, NewOrder | Select | MassCancel):
        event.instrument_id, event.account_id = command.instrument_id, command.account_id
    if isinstance(command, NewOrder | Select):
        event.side = command.side.name.lower()
    if isinstance(command, NewOrder | Select | Replace):
        event.price_ticks = command.price_ticks
    if isinstance(command, NewOrder | Select | Replace | Reduce):
        event.quantity_lots = command.quantity_lots
    return event
