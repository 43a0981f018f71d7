"""Other engines, each behind the same few lines: a flow's steps -> calls, and what came of them -> trades.

Calls are made before the clock runs, with whatever objects the engine wants for a command, so that what is
timed is the engine and one call from Python. Runs in any Python that the engine wants, so it imports nothing
of the bench but the plain book.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

# What is called, with what.
Call = tuple[Callable[..., Any], tuple[Any, ...]]
Trade = tuple[int, int, int, int]
Step = Sequence[Any]

_BUY = 1
# Instruments count from 1.
_INSTRUMENTS = range(9)


class New(NamedTuple):
    """A new order; one that does not rest is canceled with what is left of it."""

    order: int
    instrument: int
    side: int
    price: int
    quantity: int
    rests: int = 1


class Named(NamedTuple):
    """An order to be canceled, which may be gone."""

    order: int
    instrument: int
    gone: int


class Adapter:
    """A fresh engine. Without its package there is an ImportError."""

    package: ClassVar[str]
    # How it differs from what is asked, for people.
    note: ClassVar[str] = ""

    def __init__(self, recording: bool) -> None:
        """`recording`: trades will be asked for, and it does not matter what it takes to know them."""
        self.recording = recording
        # What the calls have returned so far, where they are recorded.
        self.results: list[Any] = []
        self.start()

    def calls(self, steps: Iterable[Step]) -> list[Call]:
        found: list[Call] = []
        for kind, *rest in steps:
            if kind == "add":
                found += self.add(New(*rest))
            elif kind == "cancel":
                found += self.cancel(Named(*rest))
            else:
                found += self.replace(rest[0], New(*rest[1:]))
        return found

    def start(self) -> None:
        raise NotImplementedError

    def add(self, new: New) -> list[Call]:
        raise NotImplementedError

    def cancel(self, named: Named) -> list[Call]:
        raise NotImplementedError

    def replace(self, order: int, new: New) -> list[Call]:
        """By default a cancel and a new order: so does everybody who has nothing of the kind."""
        return [*self.cancel(Named(order, new.instrument, 0)), *self.add(new)]

    def trades(self) -> list[Trade] | None:
        """Of all that was recorded; None where it tells nobody what has traded."""
        raise NotImplementedError


class Plain(Adapter):
    package = "sortedcontainers"
    note = "our yardstick: bench/peers/plain_book.py"

    def start(self) -> None:
        from bench.peers.plain_book import PlainBook

        self._traded: list[Trade] = []
        self._books = [PlainBook(self._traded if self.recording else None) for _ in _INSTRUMENTS]

    def add(self, new: New) -> list[Call]:
        arguments = (new.order, new.side, new.price, new.quantity, bool(new.rests))
        return [(self._books[new.instrument].add, arguments)]

    def cancel(self, named: Named) -> list[Call]:
        return [(self._books[named.instrument].cancel, (named.order,))]

    def replace(self, order: int, new: New) -> list[Call]:
        arguments = (order, new.order, new.side, new.price, new.quantity)
        return [(self._books[new.instrument].replace, arguments)]

    def trades(self) -> list[Trade] | None:
        return self._traded


class MatchingEngine(Adapter):
    package = "matching-engine"

    def start(self) -> None:
        self._domain = import_module("matching_engine.domain")
        engine = import_module("matching_engine.engine")
        self._engines = [engine.MatchingEngine() for _ in _INSTRUMENTS]
        self._sequence = 0

    def add(self, new: New) -> list[Call]:
        it = self._domain
        command = it.NewOrder(
            new.order,
            1,
            it.Side.BUY if new.side == _BUY else it.Side.SELL,
            new.price,
            new.quantity,
            it.OrderType.LIMIT,
            it.TimeInForce.GTC if new.rests else it.TimeInForce.IOC,
            False,
            it.SelfTradePrevention.NONE,
        )
        return [self._call(new.instrument, command)]

    def cancel(self, named: Named) -> list[Call]:
        return [self._call(named.instrument, self._domain.CancelOrder(named.order, 1))]

    def _call(self, instrument: int, command: Any) -> Call:
        self._sequence += 1
        sequenced = self._domain.SequencedCommand(self._sequence, self._sequence * 1_000, command)
        return self._engines[instrument].process, (sequenced,)

    def trades(self) -> list[Trade] | None:
        return [
            (one.maker_order_id, one.taker_order_id, one.price, one.qty)
            for events in self.results
            for one in events
            if type(one).__name__ == "Trade"
        ]


class Liquibook(Adapter):
    package = "liquibook"
    note = "C++ called through SWIG; timed without listeners, so it reports nothing"

    def start(self) -> None:
        liquibook = self._liquibook = import_module("liquibook")
        self._books = []
        self._traded: list[Trade] = []
        self._numbers: dict[int, tuple[int, int]] = {}
        self._orders: dict[int, Any] = {}
        self._listener = _listener(liquibook, self._traded, self._numbers) if self.recording else None
        for _ in _INSTRUMENTS:
            book = liquibook.DepthOrderBook()
            if self._listener is not None:
                book.set_order_listener(self._listener)
            self._books.append(book)

    def add(self, new: New) -> list[Call]:
        made = self._liquibook.SimpleOrder(new.side == _BUY, new.price, new.quantity)
        self._orders[new.order] = made
        self._numbers[made.order_id_] = (new.order, new.price)
        condition = self._liquibook.oc_no_conditions if new.rests else self._liquibook.oc_immediate_or_cancel
        return [(self._books[new.instrument].add, (made, condition))]

    def cancel(self, named: Named) -> list[Call]:
        return [(self._books[named.instrument].cancel, (self._orders[named.order],))]

    def trades(self) -> list[Trade] | None:
        return self._traded


def _listener(liquibook: Any, traded: list[Trade], numbers: dict[int, tuple[int, int]]) -> Any:
    """Its base class is the library's, and every method of it has to be there."""

    def on_fill(_self: Any, taker: Any, maker: Any, quantity: int, _cost: int) -> None:
        maker_number, price = numbers[maker.order_id_]
        traded.append((maker_number, numbers[taker.order_id_][0], price, quantity))

    def ignored(*_told: Any) -> None:
        pass

    told = ("accept", "reject", "cancel", "cancel_reject", "replace", "replace_reject", "triggered")
    methods = {f"on_{name}": ignored for name in told} | {"on_fill": on_fill}
    return type("Listener", (liquibook.OrderListener,), methods)()


class LimitOrderBook(Adapter):
    package = "limit-order-book"
    note = "C++ called through ctypes; tells nobody what has traded"

    def start(self) -> None:
        module = import_module("limit_order_book")
        self._books = [module.LimitOrderBook() for _ in _INSTRUMENTS]

    def add(self, new: New) -> list[Call]:
        book = self._books[new.instrument]
        entered: Call = (book.limit, (new.side == _BUY, new.order, new.quantity, new.price))
        return [entered] if new.rests else [entered, (_cancel_if_there, (book, new.order))]

    def cancel(self, named: Named) -> list[Call]:
        # What is not there would end the process.
        return [(_cancel_if_there, (self._books[named.instrument], named.order))]

    def trades(self) -> list[Trade] | None:
        return None


def _cancel_if_there(book: Any, order: int) -> None:
    if book.has(order):
        book.cancel(order)


class CythonOrderbook(Adapter):
    package = "cython-orderbook"
    note = "compiled by Cython; tells nobody what has traded but in print"

    def start(self) -> None:
        self._module = import_module("cython_orderbook")
        self._books = [self._module.OrderBook() for _ in _INSTRUMENTS]
        self._ids: dict[int, str] = {}

    def add(self, new: New) -> list[Call]:
        sides = self._module.OrderSide
        made = self._module.Order(sides.BID if new.side == _BUY else sides.ASK, new.price, new.quantity)
        self._ids[new.order] = made.order_id
        book = self._books[new.instrument]
        entered: Call = (book.add_limit_order, (made,))
        return [entered] if new.rests else [entered, (book.cancel_order, (made.order_id,))]

    def cancel(self, named: Named) -> list[Call]:
        return [(self._books[named.instrument].cancel_order, (self._ids[named.order],))]

    def trades(self) -> list[Trade] | None:
        return None


class LightMatchingEngine(Adapter):
    package = "lightmatchingengine"
    note = "is not asked to cancel what is gone: it fails then"

    def start(self) -> None:
        module = import_module("lightmatchingengine.lightmatchingengine")
        self._engine = module.LightMatchingEngine()
        # It counts its orders, and says their numbers only afterwards.
        self._ids: dict[int, int] = {}
        self._numbers: dict[int, int] = {}

    def add(self, new: New) -> list[Call]:
        own = len(self._ids) + 1
        self._ids[new.order] = own
        self._numbers[own] = new.order
        entered: Call = (self._engine.add_order, (new.instrument, new.price, new.quantity, new.side))
        return [entered] if new.rests else [entered, (_cancel_rest, (self._engine, own, new.instrument))]

    def cancel(self, named: Named) -> list[Call]:
        return [] if named.gone else [(self._engine.cancel_order, (self._ids[named.order], named.instrument))]

    def trades(self) -> list[Trade] | None:
        numbers = self._numbers
        return [
            (numbers[one.order_id], numbers[entered.order_id], one.trade_price, one.trade_qty)
            for entered, made in (one for one in self.results if isinstance(one, tuple))
            for one in made
            if one.order_id != entered.order_id
        ]


def _cancel_rest(engine: Any, order_id: int, instrument: int) -> None:
    if order_id in engine.order_books[instrument].order_id_map:
        engine.cancel_order(order_id, instrument)


class PyOrderbook(Adapter):
    package = "pyorderbook"
    note = "is not asked to cancel what is gone: it fails then"

    def start(self) -> None:
        self._module = import_module("pyorderbook")
        self._book = self._module.Book()
        self._orders: dict[int, Any] = {}
        self._numbers: dict[Any, int] = {}

    def add(self, new: New) -> list[Call]:
        make = self._module.bid if new.side == _BUY else self._module.ask
        made = make(str(new.instrument), new.price, new.quantity)
        self._orders[new.order] = made
        self._numbers[made.id] = new.order
        entered: Call = (self._book.match, (made,))
        return [entered] if new.rests else [entered, (_cancel_left, (self._book, made))]

    def cancel(self, named: Named) -> list[Call]:
        return [] if named.gone else [(self._book.cancel, (self._orders[named.order],))]

    def trades(self) -> list[Trade] | None:
        numbers = self._numbers
        return [
            (
                numbers[one.standing_order_id],
                numbers[one.incoming_order_id],
                int(one.fill_price),
                one.fill_quantity,
            )
            for blotter in filter(None, self.results)
            for one in blotter.trades
        ]


def _cancel_left(book: Any, order: Any) -> None:
    if order.quantity:
        book.cancel(order)


class Obook(Adapter):
    package = "obook"
    note = "Go called through ctypes"

    def start(self) -> None:
        self._obook = import_module("obook")
        self._books = [self._obook.Book(max_orders=500_000) for _ in _INSTRUMENTS]
        # Its numbers are those of a book, and dense.
        self._ids: dict[int, int] = {}
        self._numbers: dict[tuple[int, int], int] = {}
        self._entered = [0] * 9

    def add(self, new: New) -> list[Call]:
        it, book = self._obook, self._books[new.instrument]
        self._entered[new.instrument] += 1
        self._ids[new.order] = self._entered[new.instrument]
        self._numbers[new.instrument, self._entered[new.instrument]] = new.order
        own_side = it.BUY if new.side == _BUY else it.SELL
        arguments = (new.order, own_side, new.price, new.quantity, it.LIMIT, it.GTC if new.rests else it.IOC)
        return [(book.submit, arguments), *self._drained(new.instrument)]

    def cancel(self, named: Named) -> list[Call]:
        arguments = (self._ids[named.order], named.order)
        return [(self._books[named.instrument].cancel, arguments), *self._drained(named.instrument)]

    def _drained(self, instrument: int) -> list[Call]:
        """What it reports has to be taken, or it gathers."""
        return [(self._events, (instrument,))]

    def _events(self, instrument: int) -> list[tuple[int, Any]]:
        return [(instrument, one) for one in self._books[instrument].events()]

    def trades(self) -> list[Trade] | None:
        kind = self._obook.EventKind.TRADE
        return [
            (self._numbers[book, one.maker_id], self._numbers[book, one.taker_id], one.price, one.qty)
            for told in self.results
            if isinstance(told, list)
            for book, one in told
            if one.kind is kind
        ]


ADAPTERS: dict[str, type[Adapter]] = {
    "plain": Plain,
    "matching-engine": MatchingEngine,
    "liquibook": Liquibook,
    "limit-order-book": LimitOrderBook,
    "cython-orderbook": CythonOrderbook,
    "lightmatchingengine": LightMatchingEngine,
    "pyorderbook": PyOrderbook,
    "obook": Obook,
}
