"""The orders of one instrument one by one, as the public knows them: those of the best levels of each side.

Built from released changes alone. What the public sees is a window on the best levels; a level that comes
into it is told order by order, and so is one that leaves it, each order as gone. So a reader keeps what he is
told and needs to know nothing of levels.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from struct import Struct as Layout
from typing import Final
from zlib import crc32

from sortedcontainers import SortedDict

from carbonmatch.matching.messages import (
    InstrumentId,
    OrderId,
    OrderListed,
    ScreenMechanism,
    ScreenRules,
    Side,
)
from carbonmatch.protocol.messages import OrderUpdate, SnapshotOrder

# One order: id, side (1 buy, 2 sell), price in ticks, quantity in lots. Big-endian, no padding.
_CHECKSUM_ORDER: Final = Layout(">QBQQ")
assert _CHECKSUM_ORDER.size == 25, "the layout of the checksum is a promise to every reader"

# By price, with the sign that puts the best level first; of each level the orders in their priority.
_Levels = SortedDict[int, dict[OrderId, OrderListed]]


class OrderList:
    """Invariant: `seq` is the number of the last update; a reader has the orders of the `_shown` levels."""

    __slots__ = (
        "_band",
        "_is_listing",
        "_levels",
        "_levels_max",
        "_places",
        "_shown",
        "instrument_id",
        "seq",
    )

    def __init__(self, instrument_id: InstrumentId, rules: ScreenRules) -> None:
        self.instrument_id = instrument_id
        self.seq = 0
        self._band = (0, 0)
        self._levels: dict[Side, _Levels] = {side: SortedDict() for side in Side}
        # Where each order is.
        self._places: dict[OrderId, tuple[Side, int]] = {}
        self._shown: dict[Side, dict[int, None]] = {side: {} for side in Side}
        self.configure(rules)

    def configure(self, rules: ScreenRules) -> None:
        """Take new rules; what follows from them is told with the next `update`."""
        self._levels_max = rules.levels_max or None if rules.order_list else 0
        self._is_listing = rules.mechanism is ScreenMechanism.LISTING

    def set_band(self, low_ticks: int, high_ticks: int) -> None:
        """Take the band as it is now, 0 and 0 for none; what follows is told with the next `update`."""
        self._band = (low_ticks, high_ticks)

    def update(self, changes: Sequence[OrderListed]) -> list[OrderUpdate]:
        """Take in a batch; what it tells whoever follows the list."""
        updates: list[OrderUpdate] = []
        for change in changes:
            self._change(change, updates)
        for side, levels in self._levels.items():
            shown = dict.fromkeys(islice(self._window(side, levels), self._levels_max))
            before = self._shown[side]
            if shown != before:
                self._shown[side] = shown
                for key in before:
                    if key in levels and key not in shown:
                        updates += [self._told(order, 0) for order in levels[key].values()]
                for key in shown:
                    if key not in before:
                        updates += [self._told(order) for order in levels[key].values()]
        if not self._levels_max and self._levels_max is not None:
            # The engine tells all of them should there be a list again.
            self._places.clear()
            for levels in self._levels.values():
                levels.clear()
        return updates

    def _window(self, side: Side, levels: _Levels) -> Iterable[int]:
        """The keys of the levels that count, best first: of a listing those that can be selected from."""
        low_ticks, high_ticks = self._band
        if not (self._is_listing and high_ticks):
            return levels
        ends = (-high_ticks, -low_ticks) if side is Side.BUY else (low_ticks, high_ticks)
        keys: Iterable[int] = levels.irange(*ends)
        return keys

    def orders(self) -> list[OrderListed]:
        """What is shown: bids, then asks, each from the best level on and in their priority."""
        return [
            order
            for side, keys in self._shown.items()
            for key in keys
            for order in self._levels[side][key].values()
        ]

    def snapshot(self) -> list[SnapshotOrder]:
        return [
            SnapshotOrder(
                self.instrument_id, order.order_id, order.side, order.price_ticks, order.quantity_lots
            )
            for order in self.orders()
        ]

    def saved(self) -> list[OrderListed]:
        """All that there are, shown or not, in the order of a snapshot."""
        return [
            order for levels in self._levels.values() for level in levels.values() for order in level.values()
        ]

    def _change(self, change: OrderListed, updates: list[OrderUpdate]) -> None:
        """Move one order, and tell of it where the level was shown before the batch."""
        place = self._places.get(change.order_id)
        key = -change.price_ticks if change.side is Side.BUY else change.price_ticks
        if place is not None and (change.is_last or not change.quantity_lots):
            self._remove(change.order_id, place, updates)
            place = None
        if not change.quantity_lots:
            return
        levels = self._levels[change.side]
        if place is None:
            levels.setdefault(key, {})[change.order_id] = change
            self._places[change.order_id] = change.side, key
        else:
            before = levels[key][change.order_id]
            levels[key][change.order_id] = change
            if before.quantity_lots == change.quantity_lots:
                return
        if key in self._shown[change.side]:
            updates.append(self._told(change))

    def _remove(self, order_id: OrderId, place: tuple[Side, int], updates: list[OrderUpdate]) -> None:
        side, key = place
        level = self._levels[side][key]
        order = level.pop(order_id)
        del self._places[order_id]
        if not level:
            del self._levels[side][key]
        if key in self._shown[side]:
            updates.append(self._told(order, 0))

    def _told(self, order: OrderListed, quantity_lots: int | None = None) -> OrderUpdate:
        self.seq += 1
        return OrderUpdate(
            self.instrument_id,
            self.seq,
            order.order_id,
            order.side,
            order.price_ticks,
            order.quantity_lots if quantity_lots is None else quantity_lots,
        )


def checksum(orders: Sequence[SnapshotOrder]) -> int:
    """CRC-32 (as in zlib) over `_CHECKSUM_ORDER` of each order, in the order sent; 0 for none."""
    return crc32(b"".join(_packed(orders)))


def _packed(orders: Sequence[SnapshotOrder]) -> Iterator[bytes]:
    pack = _CHECKSUM_ORDER.pack
    for order in orders:
        yield pack(order.order_id, order.side, order.price_ticks, order.quantity_lots)
