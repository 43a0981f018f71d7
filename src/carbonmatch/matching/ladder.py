"""One side of an order book: orders queue in levels, levels stand on a ladder.

Nothing here knows rules, reports or owners: what may enter, and what is said about it, is decided by
the callers. Prices inside a ladder are signed keys, so that on both sides a larger key is a better
price, and every loop over a ladder exists once.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import TYPE_CHECKING, ClassVar, Final

from sortedcontainers import SortedList

from carbonmatch.matching.messages import OrderId, Ref, SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from carbonmatch.matching.accounts import Account, SessionState
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.clearing.position import Position
    from carbonmatch.matching.terms import Terms

# Keys nearest the touch are in a plain list, what is further away than this in a SortedList. Putting a
# key in and taking it out costs 0.5 to 1 µs in a list of this length and 1.6 to 2.6 µs in a SortedList
# of any; but a list moves everything behind the place, which is 28 µs in the middle of 100,000.
NEAR_KEYS_MAX: Final = 1_024
# A ladder with fewer levels than this, empty ones included, is never pruned.
PRUNE_LEVELS_MIN: Final = 1_024
# Below any key there is, and far enough that adding a key to it never reaches zero.
NO_KEY: Final = -(2**62)


class Order:
    """An accepted order, from its acceptance to its final state.

    `quantity_lots` is its total: less what self-trade prevention or a reduction took away, but
    including what has traded. What is left of it is `leaves_lots`, which may trade now, and of an
    iceberg `hidden_lots` behind it. `level`, `ahead` and `behind` mean something only while the order
    rests, in the book or as a stop which waits.

    No `__init__`: an order is filled in where it is made, because the call costs as much again as
    the assignments (580 against 320 ns).
    """

    __slots__ = (
        "account",
        "ahead",
        "behind",
        "entry_ref",
        "flags",
        "held_minor",
        "hidden_lots",
        "ladder",
        "leaves_lots",
        "level",
        "order_id",
        "position",
        "quantity_lots",
        "ref",
        "self_trade_prevention",
        "session",
        "terms",
        "time_in_force",
    )

    order_id: OrderId
    # The ref that names the order now; a replacement gives it a new one.
    ref: Ref
    # The ref it was entered with, under which its session keeps it.
    entry_ref: Ref
    session: "SessionState"
    account: "Account"
    ladder: "Ladder"
    quantity_lots: int
    leaves_lots: int
    hidden_lots: int
    time_in_force: TimeInForce
    self_trade_prevention: SelfTradePrevention
    flags: int
    terms: "Terms | None"
    level: "Level"
    ahead: "Order | None"
    behind: "Order | None"
    # The money that it holds while it is on a ladder: only of an order to buy, where clearing holds money.
    held_minor: int
    # Of what it holds while it is on a ladder, where there is clearing.
    position: "Position"

    @property
    def traded_lots(self) -> int:
        return self.quantity_lots - self.leaves_lots - self.hidden_lots


class Level:
    """Orders at one price, first come first served; their sum and their count.

    A linked list, because cancels take orders out of the middle: a dict would keep the gaps, and
    finding its first entry slows down with each order that left.
    """

    __slots__ = (
        "dirty",
        "first",
        "instrument_id",
        "key",
        "last",
        "listed",
        "order_count",
        "price_ticks",
        "quantity_lots",
        "side",
    )

    def __init__(self, ladder: "Ladder", key: int) -> None:
        self.instrument_id = ladder.instrument_id
        self.side = ladder.side
        self.key = key
        self.price_ticks = ladder.sign * key
        self.quantity_lots = 0
        self.order_count = 0
        self.first: Order | None = None
        self.last: Order | None = None
        # Whether the key is in the ladder's near or far keys.
        self.listed = False
        # Whether the level has changed since the outputs were last taken.
        self.dirty = False

    def orders(self) -> Iterator[Order]:
        """Its orders in their priority."""
        order = self.first
        while order is not None:
            yield order
            order = order.behind


class Observer:
    """Is told what becomes of each order on a ladder, where somebody has to know.

    An order that has traded all it had with a taker leaves its level, which is not told as well.
    """

    __slots__ = ()

    def rested(self, order: Order) -> None:
        """It has come to stand behind the others of its level."""

    def removed(self, order: Order) -> None:
        """It stands there no longer, with whatever it has left."""

    def reduced(self, order: Order, lots: int) -> None:
        """It has lost so many lots, and stands where it stood."""

    def traded(self, order: Order, taker: "Account", lots: int) -> None:
        """It has traded so many lots at its price with a taker of this account, and stands where it stood."""

    def filled(self, order: Order, lots: int) -> None:
        """It has traded so many lots in an auction and has some left, and stands where it stood."""


class Ladder:
    """One side of a book.

    An emptied level stays where it is, since most come back soon: its key leaves the sorted keys
    when it reaches the touch, and the level itself goes when empty ones outnumber the others. So
    levels which open and close cost no search, and both kinds of cleaning are paid by the openings.

    Invariant: `best` is the non-empty level with the largest key, and its key is the last near key;
    each listed key is in `near` or in `far`, and those in `far` are smaller than all in `near`.
    """

    __slots__ = (
        "best",
        "best_key",
        "book",
        "far",
        "instrument_id",
        "levels",
        "near",
        "observer",
        "opposite",
        "prune_at",
        "reserves_to_buy",
        "reserves_to_sell",
        "resting_observer",
        "side",
        "sign",
        "stops",
        "waiting",
    )

    # Whether its orders wait where nobody sees them, and nobody trades with them.
    is_hidden: ClassVar[bool] = False

    opposite: "Ladder"
    # The stops of this side, which wait unseen, and those for an auction to come.
    stops: "StopLadder"
    waiting: "HiddenLadder"

    def __init__(self, book: "Book", side: Side) -> None:
        self.book = book
        self.instrument_id = book.instrument.instrument_id
        self.side = side
        self.sign = 1 if side is Side.BUY else -1
        self.levels: dict[int, Level] = {}
        self.near: list[int] = []
        self.far: SortedList[int] = SortedList()
        self.best: Level | None = None
        # Crossing is one addition: an order with key k trades here if k + best_key >= 0.
        self.best_key = NO_KEY
        # As many levels, empty ones included, are too many.
        self.prune_at = PRUNE_LEVELS_MIN
        # Nearly no ladder has one.
        self.observer: Observer | None = None
        # Where all that it does is to let orders hold what they need, `orders` does that itself, by the side;
        # and so it may be that it is not told there of what comes to rest.
        self.reserves_to_buy = False
        self.reserves_to_sell = False
        self.resting_observer: Observer | None = None

    def rest(self, order: Order, key: int, dirty: list[Level]) -> None:
        """Put `order` at the back of the level of `key`."""
        self.place(order, key, dirty)
        if self.observer is not None:
            self.observer.rested(order)

    def place(self, order: Order, key: int, dirty: list[Level]) -> None:
        """As `rest`, where whom it concerns is told by the caller."""
        try:
            level = self.levels[key]
        except KeyError:
            level = self.open(key)
        if not level.dirty:
            level.dirty = True
            dirty.append(level)
        last = level.last
        if last is None:
            self.begin(level, order)
        else:
            last.behind = order
        order.ahead = last
        order.behind = None
        order.level = level
        level.last = order
        level.order_count += 1
        level.quantity_lots += order.leaves_lots

    def remove(self, order: Order, dirty: list[Level]) -> None:
        """Take `order` out of its level, with whatever it has left."""
        self.take(order, dirty)
        if self.observer is not None:
            self.observer.removed(order)

    def take(self, order: Order, dirty: list[Level]) -> None:
        """As `remove`, where whom it concerns is told by the caller."""
        level = order.level
        if not level.dirty:
            level.dirty = True
            dirty.append(level)
        level.order_count -= 1
        level.quantity_lots -= order.leaves_lots
        ahead = order.ahead
        behind = order.behind
        if ahead is None:
            level.first = behind
        else:
            ahead.behind = behind
        if behind is not None:
            behind.ahead = ahead
        else:
            level.last = ahead
            if ahead is None and level is self.best:
                self.find_best()

    def take_first(self, orders: list[Order], dirty: list[Level]) -> None:
        """Take the first orders of the ladder out, in their priority, with whatever they have left."""
        self._take_first(orders, dirty)
        if self.observer is not None:
            for order in orders:
                self.observer.removed(order)

    def reduce(self, order: Order, lots: int, dirty: list[Level]) -> None:
        """Take so many lots away from what `order` has left, of what is hidden first."""
        hidden = min(lots, order.hidden_lots)
        order.hidden_lots -= hidden
        order.leaves_lots -= lots - hidden
        level = order.level
        level.quantity_lots -= lots - hidden
        if not level.dirty:
            level.dirty = True
            dirty.append(level)
        if self.observer is not None:
            self.observer.reduced(order, lots)

    def levels_from_best(self) -> Iterator[Level]:
        """The levels which hold orders, best first."""
        levels = self.levels
        for keys in (self.near, self.far):
            for key in reversed(keys):
                level = levels[key]
                if level.order_count:
                    yield level

    def levels_between(self, worst_key: int, best_key: int) -> Iterator[Level]:
        """Those of them whose keys are within these two, best first; no step for better ones."""
        levels = self.levels
        near = self.near
        ahead = bisect_right(near, best_key)
        worse = self.far.irange(maximum=best_key, reverse=True)
        for key in chain(reversed(near[:ahead]), worse):
            if key < worst_key:
                return
            level = levels[key]
            if level.order_count:
                yield level

    def _take_first(self, orders: list[Order], dirty: list[Level]) -> None:
        taken = 0
        while taken < len(orders):
            level = self.best
            assert level is not None
            assert level.first is orders[taken]
            if not level.dirty:
                level.dirty = True
                dirty.append(level)
            if level.order_count <= len(orders) - taken:
                taken += level.order_count
                level.first = level.last = None
                level.order_count = level.quantity_lots = 0
                self.find_best()
                continue
            level.order_count -= len(orders) - taken
            level.quantity_lots -= sum([order.leaves_lots for order in orders[taken:]])
            level.first = orders[-1].behind
            assert level.first is not None
            level.first.ahead = None
            return

    def begin(self, level: Level, order: Order) -> None:
        """An order comes to stand alone on a level."""
        level.first = order
        key = level.key
        if key > self.best_key:
            self.best = level
            self.best_key = key
        if not level.listed:
            self._list(level)

    def open(self, key: int) -> Level:
        """Make the level of `key`; before, forget empty ones if there are too many."""
        levels = self.levels
        if len(levels) >= self.prune_at:
            # A dirty one has to be published first, and so stays until the next time.
            levels = {key: level for key, level in levels.items() if level.order_count or level.dirty}
            self.levels = levels
            self.near = [key for key in self.near if key in levels]
            self.far = SortedList(key for key in self.far if key in levels)
            self.prune_at = 2 * len(levels) + PRUNE_LEVELS_MIN
        level = levels[key] = Level(self, key)
        return level

    def _list(self, level: Level) -> None:
        """Put the key of `level` among the sorted keys."""
        level.listed = True
        near = self.near
        key = level.key
        if not near or key > near[-1]:
            near.append(key)
        elif key < near[0] and self.far:
            self.far.add(key)
            return
        else:
            insort(near, key)
        if len(near) > NEAR_KEYS_MAX:
            half = NEAR_KEYS_MAX // 2
            self.far.update(near[:half])
            del near[:half]

    def find_best(self) -> None:
        """The best level has emptied: unlist it and every empty one before the next with orders."""
        levels = self.levels
        near = self.near
        while True:
            if not near:
                if not self.far:
                    self.best = None
                    self.best_key = NO_KEY
                    return
                half = NEAR_KEYS_MAX // 2
                near.extend(self.far[-half:])
                del self.far[-half:]
            level = levels[near[-1]]
            if level.order_count:
                self.best = level
                self.best_key = level.key
                return
            level.listed = False
            near.pop()

    def check(self) -> None:
        """Assert the invariants of the ladder and of its levels."""
        keys = [*self.far, *self.near]
        assert all(worse < better for worse, better in pairwise(keys)), "keys are sorted, each once"
        assert set(keys) == {key for key, level in self.levels.items() if level.listed}
        live = [level for level in self.levels.values() if level.order_count]
        assert all(level.listed for level in live)
        best = max(live, key=lambda level: level.key, default=None)
        assert self.best is best
        assert self.best_key == (NO_KEY if best is None else best.key)
        for level in self.levels.values():
            orders = list(level.orders())
            assert level.price_ticks == self.sign * level.key
            assert level.order_count == len(orders)
            assert level.quantity_lots == sum(order.leaves_lots for order in orders)
            assert level.last is (orders[-1] if orders else None)
            for ahead, order in zip([None, *orders], orders, strict=False):
                assert order.ahead is ahead
                assert order.level is level
                assert order.ladder is self
                assert order.leaves_lots > 0
                assert order.hidden_lots >= 0
                assert order.traded_lots >= 0


class HiddenLadder(Ladder):
    """Orders of one side which wait unseen, for an auction to come: what changes here is not published."""

    __slots__ = ("beside",)

    is_hidden = True

    def __init__(self, beside: Ladder) -> None:
        super().__init__(beside.book, beside.side)
        # Where its orders trade and rest once they have waited.
        self.beside = beside

    def rest(self, order: Order, key: int, dirty: list[Level]) -> None:
        super().rest(order, key, dirty)
        _take_back(order.level, dirty)

    def remove(self, order: Order, dirty: list[Level]) -> None:
        super().remove(order, dirty)
        _take_back(order.level, dirty)

    def reduce(self, order: Order, lots: int, dirty: list[Level]) -> None:
        super().reduce(order, lots, dirty)
        _take_back(order.level, dirty)

    def check(self) -> None:
        super().check()
        assert not any(level.dirty for level in self.levels.values())
        for level in self.levels_from_best():
            for order in level.orders():
                assert order.terms is not None
                assert order.traded_lots == 0, "what waits has not traded"


class StopLadder(HiddenLadder):
    """The stops of one side which wait, by stop price: what the next trade reaches first is the best.

    A trade at price p reaches the levels with keys from `sign * p` on: for a buy stop the sign is turned
    around, since it waits for the price to rise.
    """

    __slots__ = ()

    def __init__(self, beside: Ladder) -> None:
        super().__init__(beside)
        self.sign = -beside.sign
        self.stops = beside.stops = self

    def check(self) -> None:
        super().check()
        for level in self.levels_from_best():
            for order in level.orders():
                assert order.terms is not None
                assert order.terms.waits_since
                assert not order.hidden_lots


def _take_back(level: Level, dirty: list[Level]) -> None:
    """Publish nothing of a level that has just been marked."""
    marked = dirty.pop()
    assert marked is level
    level.dirty = False
