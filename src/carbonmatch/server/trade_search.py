"""Where in the journal a trade is: nobody keeps trades, and an operator may name any of them.

Trade ids increase through the journal. So the segment is found by asking some of them for the first trade
behind their beginning, and then read until the trade comes: about one segment, 64 MiB, for each look-up.
"""

from collections.abc import Callable, Generator, Iterator
from enum import Enum
from typing import Final

from carbonmatch.journal.reader import read_records
from carbonmatch.journal.record import Kind, StoredRecord, place, position
from carbonmatch.journal.segments import segment_numbers
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

# One step: what is read before another reader gets its turn.
_STEP_BYTES: Final = 512 * 1024


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
        read = history.scheduler.read
        steps = search(history.whole, trade_id, history.durable_position, self._first_ids)

        def step() -> Sought | None:
            try:
                next(steps)
            except StopIteration as end:
                sought: Sought = end.value
                return sought
            return None

        def stepped(sought: Sought | None) -> None:
            if sought is None:
                read(step, stepped, failed)
            else:
                done(sought)

        read(step, stepped, failed)


def search(
    storage_of: Callable[[], Storage],
    trade_id: TradeId,
    durable_position: int,
    first_ids: dict[int, TradeId] | None = None,
) -> Generator[None, None, Sought]:
    """The trade, or why there is none; after each step that may have taken long it yields.

    `storage_of` gives the journal, with its archive where there is one. `first_ids` has what earlier
    searches have learned, by segment: the first trade at or behind its beginning.
    """
    first_ids = {} if first_ids is None else first_ids
    last_number, _ = place(durable_position)
    while True:
        storage = storage_of()
        numbers = [number for number in segment_numbers(storage) if number <= last_number]
        try:
            return (yield from _search(storage, numbers, trade_id, durable_position, first_ids))
        except FileNotFoundError:
            # A segment has left for the archive since. Those that are left are fewer, so this ends.
            if segment_numbers(storage)[0] == numbers[0]:
                raise


def found(steps: Generator[None, None, Sought]) -> Sought:
    """What a search comes to, for whoever need not stay available."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            sought: Sought = end.value
            return sought


def _search(
    storage: Storage,
    numbers: list[int],
    trade_id: TradeId,
    durable_position: int,
    first_ids: dict[int, TradeId],
) -> Generator[None, None, Sought]:
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
) -> Generator[None, None, TradeId | None]:
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
    records = read_records(storage, start, durable_position)
    step_bytes = 0
    try:
        for record in records:
            if record.kind is Kind.DATA:
                yield decode_outline(record.payload)
            step_bytes += _bytes_of(record)
            if step_bytes >= _STEP_BYTES:
                step_bytes = 0
                yield None
    finally:
        records.close()  # type: ignore[attr-defined]  # it is a generator, and holds a file


def _bytes_of(record: StoredRecord) -> int:
    return record.end_offset - record.offset


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
