"""carbonmatch's engine as a candidate of tracebook-conformance: its events in, what is to be seen out.

    tracebook-conformance qualify --profile fifo-full-v1 --output-dir DIR \\
      --candidate-cmd 'python -m tests.conformance.adapter'

Nothing is decided here that the engine can decide: which orders are open, what trades with what, what rests
and in which order is the engine's own. What is translated, and where the contracts differ, is in
docs/conformance.md; each difference is a method below that says so.
"""

import sys
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

from tracebook.conformance import (
    BookSnapshot,
    BookState,
    ConformanceConfig,
    ConformanceError,
    EngineMetadata,
    Observation,
    Outcome,
    RestingOrder,
    TradeFill,
    canonical_decimal,
    serve_stdio,
)
from tracebook.core.order import NO_OWNER, OrderSide, SelfTradePolicy
from tracebook.core.order import OrderType as TheirType
from tracebook.events import MarketEvent

from carbonmatch import __version__
from carbonmatch.limits import PRICE_TICKS_MAX, WIRE_INT_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.ladder import Ladder
from carbonmatch.matching.messages import (
    AccountId,
    AnyCommand,
    AnyReport,
    Entry,
    InstrumentId,
    OrderId,
    OrderType,
    ParticipantId,
    Ref,
    RejectReason,
    SelfTradePrevention,
    SessionId,
    Side,
    TimeInForce,
)

# Quantities of the traces are halves of halves of whole numbers, which no decimal lot would hold.
LOTS_PER_UNIT: Final = 2**20
SESSION: Final = SessionId(1)
NOBODYS: Final = OrderId(WIRE_INT_MAX)

PREVENTION: Final = {
    SelfTradePolicy.NONE: SelfTradePrevention.NONE,
    SelfTradePolicy.CANCEL_RESTING: SelfTradePrevention.CANCEL_OLDEST,
    SelfTradePolicy.CANCEL_INCOMING: SelfTradePrevention.CANCEL_NEWEST,
}
TIME_IN_FORCE: Final = {
    TheirType.LIMIT: TimeInForce.GTC,
    TheirType.MARKET: TimeInForce.IOC,
    TheirType.IOC: TimeInForce.IOC,
    TheirType.FOK: TimeInForce.FOK,
}
# There an order that finds nothing to trade with is applied without effect; here it is refused.
WITHOUT_EFFECT: Final = frozenset({RejectReason.CANNOT_FILL, RejectReason.NO_LIQUIDITY})


class Adapter:
    """One engine, one session that acts for the accounts of all owners, an instrument for each symbol."""

    def __init__(self, config: ConformanceConfig) -> None:
        if config.matching_algorithm != "fifo":
            raise ConformanceError(
                f"matching_algorithm {config.matching_algorithm}: found, expected fifo, which is all there is"
            )
        self.metadata = EngineMetadata("carbonmatch", __version__, "Python")
        self._tick = Fraction(canonical_decimal(config.tick_size))
        self._quantity_places = config.quantity_decimal_places
        self._prevention = PREVENTION[config.self_trade_policy]
        self._engine = Engine()
        self._last_ref = 0
        self._accounts: dict[int, AccountId] = {}
        self._instruments: dict[str, InstrumentId] = {}
        # What the trace calls an order, and the order that it called so last.
        self._orders: dict[tuple[str, int], OrderId] = {}
        self._names: dict[OrderId, int] = {}
        self._apply_venue(m.DefineSession(SESSION, "trace", ()))

    def apply(self, event: MarketEvent, index: int) -> Observation:
        match event.op:
            case "new":
                outcome, reports = self._new(event)
            case "cancel":
                outcome, reports = self._cancel(event)
            case "reduce":
                outcome, reports = self._reduce(event)
            case "replace":
                outcome, reports = self._replace(event)
            case "clear":
                outcome, reports = self._clear(event)
            case _:
                raise ConformanceError(
                    f"op {event.op}: found, expected new, cancel, reduce, replace or clear"
                )
        self._engine.check()
        state = self.snapshot()
        return Observation(
            index, outcome, tuple(self._fills(event, reports)), state.digest(), state.order_count
        )

    def snapshot(self) -> BookState:
        books = []
        for symbol, instrument_id in sorted(self._instruments.items()):
            book = self._engine.books[instrument_id]
            books.append(BookSnapshot(symbol, self._queue(book.bids), self._queue(book.asks)))
        return BookState(tuple(books))

    def close(self) -> None:
        """Nothing is open but memory."""

    # --- the events ---

    def _new(self, event: MarketEvent) -> tuple[Outcome, list[AnyReport]]:
        """An order under a name that an open one has is not sent: see docs/conformance.md."""
        instrument_id = self._instrument(event.symbol)
        assert event.order_id is not None
        if self._status(event) is not None:
            return Outcome("rejected", "DUPLICATE_ORDER_ID"), []
        assert event.price is not None
        price_ticks = self._ticks(event.price)
        is_market = event.order_type is TheirType.MARKET
        side = Side.BUY if event.side is OrderSide.BUY else Side.SELL
        if is_market:
            # There it trades at any price; here it says which is the worst.
            price_ticks = PRICE_TICKS_MAX if side is Side.BUY else 1
        account_id = self._account(event.owner)
        self._call_next(event)
        reports = self._send(
            m.NewOrder(
                self._ref(),
                instrument_id,
                side,
                self._lots(event.quantity),
                price_ticks,
                account_id,
                OrderType.MARKET if is_market else OrderType.LIMIT,
                TIME_IN_FORCE[event.order_type],
                self._mode(account_id),
            )
        )
        if _refusal(reports) in WITHOUT_EFFECT:
            return Outcome("applied"), reports
        return _outcome(reports, "INVALID_ORDER"), reports

    def _cancel(self, event: MarketEvent) -> tuple[Outcome, list[AnyReport]]:
        reports = self._send(m.Cancel(self._ref(), order_id=self._order_id(event)))
        return _outcome(reports, "INVALID_CANCEL"), reports

    def _reduce(self, event: MarketEvent) -> tuple[Outcome, list[AnyReport]]:
        """There the reduction is told, here the new total: more than is left cannot be said."""
        status = self._status(event)
        if status is None:
            return Outcome("rejected", "ORDER_NOT_ACTIVE"), []
        lots = self._lots(event.quantity)
        if not 0 < lots <= status.leaves_lots:
            return Outcome("rejected", "INVALID_ORDER"), []
        total_lots = status.quantity_lots - lots
        reports = self._send(m.Reduce(self._ref(), Ref(0), status.order_id, total_lots))
        return _outcome(reports, "INVALID_ORDER"), reports

    def _replace(self, event: MarketEvent) -> tuple[Outcome, list[AnyReport]]:
        """There the quantity is what shall be left, here the total; there it may change nothing."""
        status = self._status(event)
        if status is None:
            return Outcome("rejected", "ORDER_NOT_ACTIVE"), []
        price_ticks = status.price_ticks if event.price is None else self._ticks(event.price)
        lots = status.leaves_lots if event.quantity is None else self._lots(event.quantity)
        total_lots = status.quantity_lots - status.leaves_lots + lots if lots > 0 else 0
        reports = self._send(m.Replace(self._ref(), Ref(0), status.order_id, total_lots, price_ticks))
        if _refusal(reports) is RejectReason.NOT_AMENDABLE:
            reports = self._enter_again(event, status)
        return _outcome(reports, "INVALID_REPLACEMENT"), reports

    def _enter_again(self, event: MarketEvent, status: m.OrderStatus) -> list[AnyReport]:
        """Cancel and enter in one frame: a replacement that changes nothing goes to the back there."""
        cancel = m.Cancel(self._ref(), order_id=status.order_id)
        self._call_next(event, after=1)
        return self._send(
            cancel,
            m.NewOrder(
                self._ref(),
                status.instrument_id,
                status.side,
                status.leaves_lots,
                status.price_ticks,
                status.account_id,
                OrderType.LIMIT,
                status.time_in_force,
                self._mode(status.account_id),
            ),
        )

    def _clear(self, event: MarketEvent) -> tuple[Outcome, list[AnyReport]]:
        instrument_id = self._instrument(event.symbol)
        reports = self._send(
            m.MassCancel(self._ref(), m.MassCancelScope.ACCOUNT, instrument_id=instrument_id)
        )
        return _outcome(reports, "INVALID_ORDER"), reports

    # --- names ---

    def _status(self, event: MarketEvent) -> m.OrderStatus | None:
        """What the engine says of the order that the event names; None where it is not open."""
        reports = self._send(m.OrderStatusRequest(self._ref(), order_id=self._order_id(event)))
        return reports[0] if isinstance(reports[0], m.OrderStatus) else None

    def _order_id(self, event: MarketEvent) -> OrderId:
        assert event.order_id is not None
        return self._orders.get((event.symbol, event.order_id), NOBODYS)

    def _call_next(self, event: MarketEvent, after: int = 0) -> None:
        """The order of the next command, or of the one so many after it, goes by the name of the event."""
        assert event.order_id is not None
        order_id = OrderId(self._engine.sequence + 1 + after)
        self._orders[event.symbol, event.order_id] = order_id
        self._names[order_id] = event.order_id

    def _account(self, owner: int) -> AccountId:
        account_id = self._accounts.get(owner)
        if account_id is None:
            account_id = self._accounts[owner] = AccountId(len(self._accounts) + 1)
            self._apply_venue(m.DefineAccount(account_id, ParticipantId(account_id), f"owner-{account_id}"))
            self._apply_venue(m.DefineSession(SESSION, "trace", tuple(self._accounts.values())))
        return account_id

    def _mode(self, account_id: AccountId) -> SelfTradePrevention:
        """There orders of nobody trade with one another under any policy."""
        is_nobodys = self._accounts.get(NO_OWNER) == account_id
        return SelfTradePrevention.NONE if is_nobodys else self._prevention

    def _instrument(self, symbol: str) -> InstrumentId:
        instrument_id = self._instruments.get(symbol)
        if instrument_id is None:
            instrument_id = self._instruments[symbol] = InstrumentId(len(self._instruments) + 1)
            definition = m.InstrumentDefinition(instrument_id, f"I{instrument_id}", "EUR", 1, 2, 1)
            self._apply_venue(m.DefineInstrument(definition))
        return instrument_id

    # --- numbers ---

    def _ticks(self, price: float) -> int:
        """There prices are put on the grid; here they are integers, so whoever calls has done that before."""
        return round(Fraction(price) / self._tick)

    @staticmethod
    def _lots(quantity: float | None) -> int:
        assert quantity is not None
        lots = Fraction(quantity) * LOTS_PER_UNIT
        if lots.denominator != 1:
            raise ConformanceError(f"quantity {quantity}: found, expected a multiple of 1/{LOTS_PER_UNIT}")
        return lots.numerator

    def _quantity(self, lots: int) -> str:
        return canonical_decimal(Decimal(lots) / LOTS_PER_UNIT, self._quantity_places)

    def _price(self, ticks: int) -> str:
        price = ticks * self._tick
        return canonical_decimal(Decimal(price.numerator) / price.denominator)

    # --- the engine ---

    def _ref(self) -> Ref:
        self._last_ref += 1
        return Ref(self._last_ref)

    def _send(self, *commands: AnyCommand) -> list[AnyReport]:
        """One frame of the session, and what it is told."""
        self._apply(SESSION, commands)
        [stream] = self._engine.take_outputs().streams
        return stream.reports

    def _apply_venue(self, command: AnyCommand) -> None:
        self._apply(m.VENUE_SESSION_ID, [command])
        self._engine.take_outputs()

    def _apply(self, session_id: SessionId, commands: "tuple[AnyCommand, ...] | list[AnyCommand]") -> None:
        first_sequence = self._engine.sequence + 1
        self._engine.apply(Entry(first_sequence, first_sequence, session_id, list(commands)))

    # --- what is to be seen ---

    def _fills(self, event: MarketEvent, reports: list[AnyReport]) -> Iterator[TradeFill]:
        """Both fills of a trade are told to the session, the taker's first."""
        fills = [report for report in reports if isinstance(report, m.Executed)]
        for taker, maker in zip(fills[::2], fills[1::2], strict=True):
            if taker.trade_id != maker.trade_id or taker.price_ticks != maker.price_ticks:
                raise ConformanceError(f"fills of one trade that differ: {taker} and {maker}")
            buy, sell = (taker, maker) if taker.side is Side.BUY else (maker, taker)
            yield TradeFill(
                event.symbol,
                self._names[buy.order_id],
                self._names[sell.order_id],
                self._price(taker.price_ticks),
                self._quantity(taker.quantity_lots),
            )

    def _queue(self, ladder: Ladder) -> tuple[RestingOrder, ...]:
        owners = {account_id: owner for owner, account_id in self._accounts.items()}
        return tuple(
            RestingOrder(
                self._names[order.order_id],
                self._price(level.price_ticks),
                self._quantity(order.leaves_lots),
                owners[order.account.account_id],
            )
            for level in ladder.levels_from_best()
            for order in level.orders()
        )


def _refusal(reports: list[AnyReport]) -> RejectReason | None:
    """Why the first command of the reports was refused."""
    return reports[0].reason if isinstance(reports[0], m.Rejected) else None


def _outcome(reports: list[AnyReport], otherwise: str) -> Outcome:
    """Applied, or refused: the order is not open, or the reason that there is one for `otherwise`."""
    reason = _refusal(reports)
    if reason is None:
        return Outcome("applied")
    return Outcome("rejected", "ORDER_NOT_ACTIVE" if reason is RejectReason.UNKNOWN_ORDER else otherwise)


if __name__ == "__main__":
    sys.exit(serve_stdio(Adapter))
