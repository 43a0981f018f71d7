"""Any trade of a journal, found by its id: over segments, archived ones too, while some of them leave."""

from collections.abc import Iterator

import pytest

from carbonmatch.journal.reader import scan
from carbonmatch.journal.record import Kind, place
from carbonmatch.journal.segments import segment_name, segment_numbers
from carbonmatch.journal.storage import Storage
from carbonmatch.matching.messages import FoundTrade, Outputs, StreamChunk, TradeId
from carbonmatch.protocol.batch import decode_public, decode_record, decode_stream
from carbonmatch.server import trade_search
from carbonmatch.server.history import History
from carbonmatch.server.journal_steps import found
from carbonmatch.server.trade_search import Absence, Sought, TradeFinder, search
from tests.journal.model_disk import ModelDisk
from tests.matching.worlds import trades_of
from tests.server.journaled import SEGMENT_BYTES, Journaled, batches, world
from tests.server.turns import Turns


class Market:
    """A world of trades on a disk, and what they were."""

    def __init__(self, commands: int = 3_000) -> None:
        self.disk = ModelDisk()
        self.venue = Journaled(self.disk)
        self.trades: list[FoundTrade] = []
        self.positions: list[int] = []  # of the record that each is in
        for batch in batches(world(3, commands), 3):
            self.venue.batch(batch)
        for record in scan(self.disk):
            if record.kind is Kind.DATA:
                made = _trades_of(record.payload, record.first_sequence)
                self.trades += made
                self.positions += [record.position] * len(made)

    @property
    def durable_position(self) -> int:
        return self.venue.writer.durable_position

    def find(self, trade_id: int, storage: Storage | None = None) -> Sought:
        return found(search(lambda: storage or self.disk, TradeId(trade_id), self.durable_position))


def _trades_of(payload: bytes, first_sequence: int) -> list[FoundTrade]:
    record = decode_record(payload, first_sequence)
    streams = [
        StreamChunk(one.session_id, one.ref_before, decode_stream(one.reports)) for one in record.streams
    ]
    return trades_of(Outputs(streams, decode_public(record.public), []))


@pytest.fixture(scope="module")
def market() -> Market:
    market = Market()
    assert len(market.trades) == market.venue.engine.last_trade_id > 60
    assert len(segment_numbers(market.disk)) > 6
    return market


def test_every_trade_is_found_as_it_was_made(market: Market) -> None:
    for trade_id, trade in enumerate(market.trades, 1):
        assert market.find(trade_id) == trade


@pytest.mark.parametrize("beyond", [0, 1, 10**9])
def test_what_never_was_is_not_found(market: Market, beyond: int) -> None:
    trade_id = beyond and len(market.trades) + beyond
    assert market.find(trade_id) is Absence.NEVER_WAS


def test_a_trade_that_is_not_durable_yet_is_not_found(market: Market) -> None:
    durable_position = market.positions[20]
    for trade_id, trade in enumerate(market.trades, 1):
        sought = found(search(lambda: market.disk, TradeId(trade_id), durable_position))
        assert sought == (trade if market.positions[trade_id - 1] < durable_position else Absence.NEVER_WAS)


def test_a_search_takes_steps(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that who else reads the journal gets a turn."""
    monkeypatch.setattr(trade_search, "_STEP_BYTES", 1)
    last = TradeId(len(market.trades))
    steps = search(lambda: market.disk, last, market.durable_position)
    assert len(list(steps)) > 20
    assert market.find(last) == market.trades[-1]


def test_what_was_learned_of_segments_is_used_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_search, "_STEP_BYTES", 1)
    learned: dict[int, TradeId] = {}

    def steps() -> int:
        return len(list(search(lambda: market.disk, TradeId(50), market.durable_position, learned)))

    first = steps()
    assert learned
    assert steps() < first
    for trade_id, trade in enumerate(market.trades, 1):
        sought = found(search(lambda: market.disk, TradeId(trade_id), market.durable_position, learned))
        assert sought == trade


def test_what_was_learned_is_bounded(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_search, "SESSION_MARKS_MAX", 2)
    learned: dict[int, TradeId] = {}
    for trade_id in (1, 30, 60):
        found(search(lambda: market.disk, TradeId(trade_id), market.durable_position, learned))
    assert 0 < len(learned) <= 2


# --- archives ------------------------------------------------------------------------------------


def without(disk: ModelDisk, segments: int) -> ModelDisk:
    """The same journal after its first segments have left for an archive."""
    left = disk.copy()
    for number in range(1, segments + 1):
        left.remove(segment_name(number))
    return left


def test_a_trade_in_an_archive_that_nobody_named_is_said_to_be_there(market: Market) -> None:
    left = without(market.disk, 3)
    sought = [market.find(trade_id, left) for trade_id in range(1, len(market.trades) + 1)]
    archived = sought.count(Absence.ARCHIVED)
    assert 5 < archived < len(sought) - 5
    assert sought[:archived] == [Absence.ARCHIVED] * archived
    assert sought[archived:] == market.trades[archived:]


def test_a_segment_that_leaves_while_it_is_looked_through_is_looked_for_anew(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step of the search the first segments go; with an archive the trade is found all the same."""
    monkeypatch.setattr(trade_search, "_STEP_BYTES", 1)
    total = len(list(search(lambda: market.disk, TradeId(12), market.durable_position)))
    for step in range(0, total, 3):
        for archive in (None, market.disk):
            journal = market.disk.copy()
            storages: list[Storage] = [journal]
            steps = search(storages.pop, TradeId(12), market.durable_position)
            sought = _advance(steps, step)
            if sought is None:
                storages.append(archive or journal)
                for number in range(1, 4):
                    journal.remove(segment_name(number))
                sought = found(steps)
            known = market.trades[11]
            assert sought == known or (archive is None and sought is Absence.ARCHIVED)


def _advance(steps: Iterator[None], count: int) -> Sought | None:
    try:
        for _ in range(count):
            next(steps)
    except StopIteration as end:
        sought: Sought = end.value
        return sought
    return None


def test_a_segment_that_is_missing_from_the_middle_is_no_archive(market: Market) -> None:
    broken = market.disk.copy()
    broken.remove(segment_name(place(market.positions[30])[0]))
    with pytest.raises(FileNotFoundError):
        market.find(31, broken)


# --- beside the loop -----------------------------------------------------------------------------


def test_look_ups_take_turns_with_others(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trade_search, "_STEP_BYTES", SEGMENT_BYTES // 8)
    turns = Turns()
    history = History(market.disk, turns)
    history.durable_position = market.durable_position
    finder = TradeFinder(history)
    order: list[object] = []
    for trade_id in (60, 1):
        finder.find(TradeId(trade_id), order.append, order.append)
    turns.call_soon(lambda: order.append("another"))
    turns.run()
    assert order[0] == "another"
    assert sorted(map(str, order[1:])) == sorted(map(str, (market.trades[59], market.trades[0])))


def test_a_journal_that_cannot_be_read_is_told() -> None:
    market = Market(300)
    number, _ = place(market.durable_position)
    data = market.disk.bytes_of(segment_name(number))
    data[600] ^= 1
    turns = Turns()
    history = History(market.disk, turns)
    history.durable_position = market.durable_position
    told: list[object] = []
    TradeFinder(history).find(TradeId(len(market.trades)), told.append, told.append)
    turns.run()
    (error,) = told
    assert isinstance(error, Exception)
