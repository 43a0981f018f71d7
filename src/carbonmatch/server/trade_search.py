"""Where in the journal a trade is: nobody keeps trades, and an operator may name any of them.

Trade ids increase through the journal. So the segment is found by asking some of them for the first trade
behind their beginning, and then read until the trade comes: about one segment, 64 MiB, for each look-up.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final

from carbonmatch.journal.record import place, position
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import SESSION_MARKS_MAX
from carbonmatch.matching.messages import (
    Executed,
    FoundTrade,
    Side,
    Traded,
    TradeId,
    TradeSide,
)
from carbonmatch.protocol.batch import Outline, decode_outline, decode_public, decode_stream
from carbonmatch.server.history import History
from carbonmatch.server.journal_steps import (
    STEP_BYTES,
    Search,
    beside_the_loop,
    over_archiving,
    stepwise,
)

_STEP_BYTES: Final = STEP_BYTES


class Absence(Enum):
    """Why there is no trade to show."""

    NEVER_WAS = 1
    ARCHIVED = 2  # it lies in segments that were moved away, and nobody has said where to


Sought = FoundTrade | Absence


class TradeFinder:
    """Looks trades up beside the loop, a step at a time."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._first_ids: dict[int, TradeId] = {}

    def find(
        self, trade_id: TradeId, done: Callable[[Sought], object], failed: Callable[[Exception], object]
    ) -> None:
        """Call `done` in a later turn with the trade as it was made, of those that are durable now."""
        history = self._history
        steps = search(history.whole, trade_id, history.durable_position, self._first_ids)
        beside_the_loop(history.scheduler, steps, done, failed)


def search(
    storage_of: Callable[[], Storage],
    trade_id: TradeId,
    durable_position: int,
    first_ids: dict[int, TradeId] | None = None,
) -> Search[Sought]:
    """The trade, or why there is none.

    `storage_of` gives the journal, with its archive where there is one. `first_ids` has what earlier
    searches have learned, by segment: the first trade at or behind its beginning.
    """
    learned = {} if first_ids is None else first_ids
    last_number, _ = place(durable_position)
    return over_archiving(
        storage_of,
        last_number,
        lambda storage, numbers: _search(storage, numbers, trade_id, durable_position, learned),
    )


def _search(
    storage: Storage,
    numbers: list[int],
    trade_id: TradeId,
    durable_position: int,
    first_ids: dict[int, TradeId],
) -> Search[Sought]:
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        first_id = yield from _first_id(storage, numbers[middle], durable_position, first_ids)
        if first_id is not None and first_id <= trade_id:
            low = middle + 1
        else:
            high = middle
    if not low:
        return Absence.ARCHIVED if numbers[0] > 1 else Absence.NEVER_WAS
    start = position(numbers[low - 1], 0)
    for outline in _outlines(storage, start, durable_position):
        if outline is None:
            yield
            continue
        for event in decode_public(outline.public):
            if isinstance(event, Traded) and event.trade_id >= trade_id:
                return _of(outline, event) if event.trade_id == trade_id else Absence.NEVER_WAS
    return Absence.NEVER_WAS


def _first_id(
    storage: Storage, number: int, durable_position: int, first_ids: dict[int, TradeId]
) -> Search[TradeId | None]:
    """Of the first trade at or behind the beginning of a segment; None where there is none yet."""
    if number in first_ids:
        return first_ids[number]
    for outline in _outlines(storage, position(number, 0), durable_position):
        if outline is None:
            yield
            continue
        for event in decode_public(outline.public):
            if isinstance(event, Traded):
                if len(first_ids) >= SESSION_MARKS_MAX:
                    first_ids.clear()
                first_ids[number] = event.trade_id
                return event.trade_id
    return None


def _outlines(storage: Storage, start: int, durable_position: int) -> Iterator[Outline | None]:
    """What the records from `start` on hold; None whenever a step is over."""
    for record in stepwise(storage, start, durable_position, _STEP_BYTES):
        yield None if record is None else decode_outline(record.payload)


def _of(outline: Outline, event: Traded) -> FoundTrade:
    """The trade with both its sides, whose fills are in the same record."""
    sides: dict[Side, TradeSide] = {}
    for stream in outline.streams:
        for report in decode_stream(stream.reports):
            if isinstance(report, Executed) and report.trade_id == event.trade_id:
                sides[report.side] = TradeSide(stream.session_id, report.order_id, report.account_id)
    return FoundTrade(
        event.instrument_id,
        event.time_ns,
        event.price_ticks,
        event.quantity_lots,
        sides[Side.BUY],
        sides[Side.SELL],
        event.kind,
    )
