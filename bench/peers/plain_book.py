"""The plainest book in Python that matches right: what a command costs before anybody asks for more.

Levels in a SortedDict with the best one kept, orders of a level in a linked list, orders by id in a dict. It
checks nothing, reports nothing and keeps no account of anything but the trades, where it is asked for them. A
yardstick that runs where the engine runs, so that the machine's speed falls out of the ratio.
"""

from sortedcontainers import SortedDict

_BUY = 1

# Maker, taker, price, quantity.
Trade = tuple[int, int, int, int]


class PlainBook:
    """One instrument. `trades` gets what is traded; without it nobody hears of it."""

    def __init__(self, trades: list[Trade] | None = None) -> None:
        self._bids = _Side(-1)
        self._asks = _Side(1)
        self._orders: dict[int, _Order] = {}
        self._trades = trades

    def add(self, order_id: int, side: int, price: int, quantity: int, rests: bool) -> None:
        """Trade at the makers' prices, then rest with what is left, where it `rests`."""
        own, other = (self._bids, self._asks) if side == _BUY else (self._asks, self._bids)
        limit = other.sign * price
        while quantity and (level := other.best) is not None and level.key <= limit:
            maker = level.first
            assert maker is not None
            traded = min(quantity, maker.quantity)
            quantity -= traded
            maker.quantity -= traded
            if self._trades is not None:
                self._trades.append((maker.order_id, order_id, level.key * other.sign, traded))
            if not maker.quantity:
                del self._orders[maker.order_id]
                other.remove(maker)
        if quantity and rests:
            self._orders[order_id] = own.append(order_id, own.sign * price, quantity)

    def cancel(self, order_id: int) -> None:
        order = self._orders.pop(order_id, None)
        if order is not None:
            order.side.remove(order)

    def replace(self, order_id: int, new_id: int, side: int, price: int, quantity: int) -> None:
        self.cancel(order_id)
        self.add(new_id, side, price, quantity, True)


class _Order:
    __slots__ = ("level", "next", "order_id", "previous", "quantity", "side")

    def __init__(self, order_id: int, quantity: int, side: "_Side", level: "_Level") -> None:
        self.order_id = order_id
        self.quantity = quantity
        self.side = side
        self.level = level
        self.previous: _Order | None = None
        self.next: _Order | None = None


class _Level:
    __slots__ = ("first", "key", "last")

    def __init__(self, key: int) -> None:
        self.key = key
        self.first: _Order | None = None
        self.last: _Order | None = None


class _Side:
    """Levels by their price, with the sign that puts the best one first."""

    __slots__ = ("best", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: SortedDict[int, _Level] = SortedDict()
        self.best: _Level | None = None

    def append(self, order_id: int, key: int, quantity: int) -> _Order:
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = _Level(key)
            if self.best is None or key < self.best.key:
                self.best = level
        order = _Order(order_id, quantity, self, level)
        last = level.last
        if last is None:
            level.first = order
        else:
            last.next = order
            order.previous = last
        level.last = order
        return order

    def remove(self, order: _Order) -> None:
        level, previous, following = order.level, order.previous, order.next
        if previous is None:
            level.first = following
        else:
            previous.next = following
        if following is None:
            level.last = previous
        else:
            following.previous = previous
        if level.first is None:
            del self.levels[level.key]
            if level is self.best:
                self.best = self.levels.peekitem(0)[1] if self.levels else None
