"""The order book of one instrument: its two ladders, and what else is there once an instrument."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from carbonmatch.matching.day.trading_day import TradingDay
from carbonmatch.matching.ladder import HiddenLadder, Ladder, Order, StopLadder
from carbonmatch.matching.messages import OrderId, ScreenMechanism, SessionId, Side

if TYPE_CHECKING:
    from carbonmatch.matching.auction import Transition
    from carbonmatch.matching.auction_times import Timing
    from carbonmatch.matching.bidding.bidding import Bidding
    from carbonmatch.matching.blocks.proposals import BlockBook
    from carbonmatch.matching.execution import Clearing
    from carbonmatch.matching.guards import Guard
    from carbonmatch.matching.indication import Indication
    from carbonmatch.matching.instrument import Instrument
    from carbonmatch.matching.listing.order_list import OrderList
    from carbonmatch.matching.prices.day_prices import DayPrices


class Book:
    """Both ladders of one instrument, the stops that wait, and the price of the last trade, 0 before it.

    `icebergs` has its open orders that show less than they are, by id; those that an auction ends are in
    `auction_orders`. `timing` is there while the phase ends by itself, `transition` while an auction is
    carried out. `lost` has the sessions which were lost while nothing could be cancelled, and at
    which sequence. `guard` is what watches its trades; nearly no instrument has one. `clearing`
    holds the units and the money of its accounts, where the venue does that; `order_list` its orders one by
    one, where they are selected from or shown; `blocks` is there where blocks of it are negotiated, `prices`
    where rules make its open, close and reference.
    """

    __slots__ = (
        "asks",
        "auction_orders",
        "biddings",
        "bids",
        "blocks",
        "buy_stops",
        "clearing",
        "day",
        "guard",
        "icebergs",
        "indication",
        "instrument",
        "last_price_ticks",
        "lost",
        "order_list",
        "previous_price_ticks",
        "prices",
        "sell_stops",
        "timing",
        "transition",
    )

    def __init__(self, instrument: "Instrument") -> None:
        self.instrument = instrument
        self.bids = Ladder(self, Side.BUY)
        self.asks = Ladder(self, Side.SELL)
        self.bids.opposite = self.asks
        self.asks.opposite = self.bids
        self.buy_stops = StopLadder(self.bids)
        self.sell_stops = StopLadder(self.asks)
        self.bids.waiting = HiddenLadder(self.bids)
        self.asks.waiting = HiddenLadder(self.asks)
        self.bids.waiting.opposite = self.asks.waiting
        self.asks.waiting.opposite = self.bids.waiting
        self.last_price_ticks = 0
        # Of the last trade at the middle price since it was closed; 0: none.
        self.previous_price_ticks = 0
        self.icebergs: dict[OrderId, Order] = {}
        self.auction_orders: dict[OrderId, Order] = {}
        # While orders gather in it.
        self.indication: Indication | None = None
        self.timing: Timing | None = None
        self.transition: Transition | None = None
        self.lost: dict[SessionId, int] = {}
        self.guard: Guard | None = None
        self.day = TradingDay()
        self.clearing: Clearing | None = None
        self.order_list: OrderList | None = None
        # Those that are announced or under way, by id.
        self.biddings: dict[OrderId, Bidding] = {}
        self.blocks: BlockBook | None = None
        self.prices: DayPrices | None = None

    def note(self, order: Order) -> None:
        """Take note of an open order whose terms an auction asks for."""
        assert order.terms is not None
        if order.terms.display_lots:
            self.icebergs[order.order_id] = order
        if order.terms.ends_with_auction:
            self.auction_orders[order.order_id] = order

    def discard(self, order: Order) -> None:
        """Forget what was noted of an order."""
        self.icebergs.pop(order.order_id, None)
        self.auction_orders.pop(order.order_id, None)

    def orders(self) -> Iterator[Order]:
        """Every order in the book: bids then asks, best level first, in their priority."""
        return self._orders_of(self.bids, self.asks)

    def stops(self) -> Iterator[Order]:
        """Every stop that waits: buyers' then sellers', whoever fires first first."""
        return self._orders_of(self.buy_stops, self.sell_stops)

    def waiting(self) -> Iterator[Order]:
        """Every order that waits for an auction: buyers' then sellers', in the priority they will have."""
        return self._orders_of(self.bids.waiting, self.asks.waiting)

    @staticmethod
    def _orders_of(*ladders: Ladder) -> Iterator[Order]:
        for ladder in ladders:
            for level in ladder.levels_from_best():
                yield from level.orders()

    def check(self) -> None:
        self.bids.check()
        self.asks.check()
        self.buy_stops.check()
        self.sell_stops.check()
        self.bids.waiting.check()
        self.asks.waiting.check()
        for order in self.orders():
            assert order.terms is None or not order.terms.waits_since
            assert not order.hidden_lots or order.terms is not None
        noted = [*self.orders(), *self.stops(), *self.waiting()]
        icebergs = {order.order_id for order in noted if order.terms and order.terms.display_lots}
        assert icebergs == self.icebergs.keys()
        passing = {order.order_id for order in noted if order.terms and order.terms.ends_with_auction}
        assert passing == self.auction_orders.keys()
        assert (self.transition is not None) == self.instrument.is_uncrossing
        is_middle = self.instrument.mechanism is ScreenMechanism.MIDDLE_PRICE
        assert is_middle or not self.previous_price_ticks
        if self.order_list is not None:
            self.order_list.check(self)
        if self.instrument.matches:
            assert self.bids.best_key + self.asks.best_key < 0, "orders which cross have traded"
