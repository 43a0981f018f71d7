"""The best levels of a book, for subscribers who follow only so many of each side.

What they hear is made so that a reader keeps what he is told and needs no rule about levels: a level that
comes among the best is told whole, and one that is there no longer as gone, although it may still be in the
book. Only instruments that somebody follows so are looked at; nobody else pays for it.
"""

from bisect import bisect_left
from collections import Counter

from carbonmatch.matching.messages import InstrumentId, Side
from carbonmatch.protocol.messages import FeedKind, LevelUpdate

from .changes import FeedBatch, InstrumentChanges
from .depth import Depth
from .feed import MarketData


class Windows:
    """Of every instrument that is followed so. Invariant: they are those of the last batch that was cut."""

    __slots__ = ("_by_instrument", "_market_data", "_of_all")

    def __init__(self, market_data: MarketData) -> None:
        self._market_data = market_data
        self._by_instrument: dict[InstrumentId, _InstrumentWindows] = {}
        # Numbers of levels at which somebody follows all instruments, those to come too.
        self._of_all: Counter[int] = Counter()

    def __bool__(self) -> bool:
        return bool(self._by_instrument) or bool(self._of_all)

    def follow(self, instrument_ids: frozenset[InstrumentId] | None, levels_max: int) -> None:
        """Cut windows of so many levels of these instruments from now on, for one more; None: of all."""
        for instrument_id in self._with_levels(instrument_ids):
            windows = self._by_instrument.get(instrument_id)
            if windows is None:
                windows = self._begin(instrument_id, self._market_data.depth(instrument_id))
            windows.levels_max[levels_max] += 1
        if instrument_ids is None:
            self._of_all[levels_max] += 1

    def forget(self, instrument_ids: frozenset[InstrumentId] | None, levels_max: int) -> None:
        """The same for one less."""
        if instrument_ids is None:
            self._of_all[levels_max] -= 1
            self._of_all += Counter()  # without those that are 0
        for instrument_id in self._with_levels(instrument_ids):
            windows = self._by_instrument.get(instrument_id)
            if windows is None:
                # Defined since, and nothing has rested there yet.
                continue
            windows.levels_max[levels_max] -= 1
            windows.levels_max += Counter()
            if not windows.levels_max:
                del self._by_instrument[instrument_id]

    def cut(self, batch: FeedBatch) -> None:
        """Say of each changed instrument what the followers of each number of levels hear."""
        for instrument_id, changed in batch.changes.items():
            if not changed.kinds & FeedKind.LEVELS:
                continue
            windows = self._by_instrument.get(instrument_id)
            if windows is None:
                if not self._of_all:
                    continue
                # Its first levels: all that there were have been looked at since somebody follows all.
                windows = self._begin(instrument_id)
            windows.cut(changed, self._market_data.depth(instrument_id))

    def _begin(self, instrument_id: InstrumentId, depth: Depth | None = None) -> "_InstrumentWindows":
        windows = self._by_instrument[instrument_id] = _InstrumentWindows(depth)
        windows.levels_max = self._of_all.copy()
        return windows

    def _with_levels(self, instrument_ids: frozenset[InstrumentId] | None) -> list[InstrumentId]:
        """Those of them that are instruments, and no composite prices."""
        known = self._market_data.instrument_ids()
        return known if instrument_ids is None else [each for each in known if each in instrument_ids]


class _InstrumentWindows:
    """Invariant: the keys of each side are those of its levels, the best first.

    A key is a price with the sign that makes the best one the smallest.
    """

    __slots__ = ("_keys", "levels_max")

    def __init__(self, depth: Depth | None = None) -> None:
        # How many follow each number of levels.
        self.levels_max: Counter[int] = Counter()
        self._keys: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}
        if depth is not None:
            self._keys[Side.BUY] = sorted(-price for price in depth.bids)
            self._keys[Side.SELL] = sorted(depth.asks)

    def cut(self, changed: InstrumentChanges, depth: Depth) -> None:
        updates = [message for message in changed.messages if type(message) is LevelUpdate]
        if not updates:
            return
        before = {
            (side, count): keys[:count] for side, keys in self._keys.items() for count in self.levels_max
        }
        by_key = {side: self._take(side, updates) for side in self._keys}
        changed.windows = {}
        for count in self.levels_max:
            window: list[LevelUpdate] = []
            for side, keys in self._keys.items():
                shown, shown_before = keys[:count], before[side, count]
                window += _told(shown, shown_before, by_key[side])
                if shown != shown_before:
                    window += _moved(shown, shown_before, by_key[side], side, depth, updates[-1])
            changed.windows[count] = window

    def _take(self, side: Side, updates: list[LevelUpdate]) -> dict[int, LevelUpdate]:
        """Bring the keys of one side up to date; its updates by their keys."""
        keys = self._keys[side]
        by_key = {}
        for update in updates:
            if update.side is not side:
                continue
            key = -update.price_ticks if side is Side.BUY else update.price_ticks
            by_key[key] = update
            at = bisect_left(keys, key)
            is_there = at < len(keys) and keys[at] == key
            if update.quantity_lots and not is_there:
                keys.insert(at, key)
            elif is_there and not update.quantity_lots:
                del keys[at]
        return by_key


def _told(shown: list[int], shown_before: list[int], by_key: dict[int, LevelUpdate]) -> list[LevelUpdate]:
    """The updates of levels that are or were among the best, as they are, in their order."""
    # A level that is gone was there before the batch, since none is named twice in one.
    last, last_before = _last(shown), _last(shown_before)
    return [
        update
        for key, update in by_key.items()
        if (key <= last if last is not None and update.quantity_lots else False)
        or (key <= last_before if last_before is not None and not update.quantity_lots else False)
    ]


def _moved(
    shown: list[int],
    shown_before: list[int],
    by_key: dict[int, LevelUpdate],
    side: Side,
    depth: Depth,
    last_update: LevelUpdate,
) -> list[LevelUpdate]:
    """Levels that left the best or came among them since others changed; under the last update's number."""
    ladder, sign = (depth.bids, -1) if side is Side.BUY else (depth.asks, 1)
    instrument_id, seq = last_update.instrument_id, last_update.instrument_seq
    last, last_before = _last(shown), _last(shown_before)
    left = [key for key in shown_before if last is not None and key > last and sign * key in ladder]
    came = [key for key in shown if (last_before is None or key > last_before) and key not in by_key]
    return [LevelUpdate(instrument_id, seq, side, sign * key, 0, 0) for key in left] + [
        LevelUpdate(instrument_id, seq, side, sign * key, level.quantity_lots, level.order_count)
        for key in came
        for level in [ladder[sign * key]]
    ]


def _last(keys: list[int]) -> int | None:
    return keys[-1] if keys else None
