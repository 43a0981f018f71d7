"""What operators did, read from a journal page by page: nothing left out, nothing twice, all bounded."""

import pytest
from msgspec import structs

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.reader import scan
from carbonmatch.journal.record import Kind
from carbonmatch.journal.segments import segment_name, segment_numbers
from carbonmatch.journal.storage import Storage
from carbonmatch.matching import messages as m
from carbonmatch.protocol.audited import BY_TAG, CHANGES
from carbonmatch.protocol.batch import decode_record, decode_stream
from carbonmatch.protocol.messages import AuditRequest
from carbonmatch.server import audit_search
from carbonmatch.server.audit_search import AuditFinder, AuditPage, search
from carbonmatch.server.history import History
from carbonmatch.server.journal_steps import found
from tests.journal.model_disk import ModelDisk
from tests.server.journaled import Journaled, batches, world
from tests.server.turns import Turns

# Sequence, time, session, kind, reason.
Line = tuple[int, int, int, type, m.RejectReason | None]
EVERYTHING = AuditRequest(0)


class Market:
    """A world with operators at work, and what they did as the whole journal has it."""

    def __init__(self) -> None:
        self.disk = ModelDisk()
        self.venue = Journaled(self.disk)
        for batch in batches(world(3, 4_000), 3):
            self.venue.batch(batch)
        self.lines: list[Line] = []
        for stored in scan(self.disk):
            if stored.kind is Kind.DATA:
                self.lines += _lines_of(stored.payload, stored.first_sequence)

    @property
    def durable_position(self) -> int:
        return self.venue.writer.durable_position

    def page(self, request: AuditRequest, storage: Storage | None = None) -> AuditPage:
        return found(search(lambda: storage or self.disk, request, self.durable_position))

    def pages(self, request: AuditRequest) -> list[AuditPage]:
        """Asked for one after the other, as a client does."""
        pages = [self.page(request)]
        while pages[-1].more:
            last = pages[-1]
            request = structs.replace(request, position=last.position, after_sequence=last.after_sequence)
            pages.append(self.page(request))
        return pages

    def found(self, request: AuditRequest) -> list[Line]:
        return [line for page in self.pages(request) for line in lines_of(page)]


def lines_of(page: AuditPage) -> list[Line]:
    return [
        (one.sequence, one.entry.time_ns, one.entry.session_id, type(one.command), one.reason)
        for one in page.lines
    ]


def _lines_of(payload: bytes, first_sequence: int) -> list[Line]:
    record = decode_record(payload, first_sequence)
    lines: list[Line] = []
    for entry in record.entries:
        reports = [
            report
            for stream in record.streams
            if stream.session_id == entry.session_id
            for report in decode_stream(stream.reports)
        ]
        for sequence, command in enumerate(entry.commands, entry.first_sequence):
            kind = type(command.command) if isinstance(command, m.OnTrade) else type(command)
            if kind in CHANGES:
                refusal = next(
                    (one.reason for one in reports if isinstance(one, m.Rejected) and one.ref == command.ref),  # type: ignore[union-attr]
                    None,
                )
                lines.append((sequence, entry.time_ns, entry.session_id, kind, refusal))
    return lines


@pytest.fixture(scope="module")
def market() -> Market:
    market = Market()
    kinds = {kind for _, _, _, kind, _ in market.lines}
    assert {m.SetPhase, m.SetBand, m.Resume, m.BustTrade, m.CorrectTrade, m.Kill, m.Release} <= kinds
    assert {m.RejectReason.NOT_ENTITLED, None} <= {reason for *_, reason in market.lines}
    assert 0 in {session for _, _, session, _, _ in market.lines}
    assert len(segment_numbers(market.disk)) > 6
    return market


def test_all_that_operators_did_is_found_with_what_became_of_it(market: Market) -> None:
    assert market.found(EVERYTHING) == market.lines


@pytest.mark.parametrize("bounds", [(1, 10**9), (5, 10**9), (10**9, 1), (10**9, 5_000), (3, 2_000)])
def test_pages_are_bounded_and_leave_nothing_out(
    market: Market, bounds: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, read_bytes = bounds
    monkeypatch.setattr(audit_search, "AUDIT_LINES", lines)
    monkeypatch.setattr(audit_search, "AUDIT_READ_BYTES", read_bytes)
    pages = market.pages(EVERYTHING)
    assert len(pages) > 3
    # A record is told whole.
    assert max(len(page.lines) for page in pages) < lines + 30
    assert [line for page in pages for line in lines_of(page)] == market.lines


@pytest.mark.parametrize("kind", [m.SetPhase, m.BustTrade, m.TradeStatusRequest, m.Deposit])
def test_one_kind_can_be_asked_for_questions_too(market: Market, kind: type) -> None:
    (tag,) = (tag for tag, one in BY_TAG.items() if one is kind)
    lines = market.found(AuditRequest(0, kind=tag))
    changes = [line for line in lines if line[3] in CHANGES]
    assert changes == [line for line in market.lines if line[3] is kind]
    assert bool(lines) is (kind is not m.Deposit)


def test_of_a_kind_that_there_is_none_of_nothing_is_found(market: Market) -> None:
    assert market.found(AuditRequest(0, kind=16)) == []


@pytest.mark.parametrize("session", [1, 4, 99])
def test_one_session_can_be_asked_for(market: Market, session: int) -> None:
    lines = market.found(AuditRequest(0, session_id=m.SessionId(session)))
    assert lines == [line for line in market.lines if line[2] == session]


def test_of_a_time_only_its_segments_are_read(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_search, "_STEP_BYTES", 1)
    whole = len(list(search(lambda: market.disk, EVERYTHING, market.durable_position)))
    learned: dict[int, int] = {}
    last_ns = market.lines[-1][1]
    for number in range(0, len(market.lines), 7):
        from_ns = market.lines[number][1]
        until_ns = from_ns + 200
        request = AuditRequest(0, from_ns=from_ns, until_ns=until_ns)
        assert market.found(request) == [line for line in market.lines if from_ns <= line[1] < until_ns]
        found(search(lambda: market.disk, request, market.durable_position, learned))
    assert learned
    steps = search(lambda: market.disk, AuditRequest(0, from_ns=last_ns), market.durable_position, learned)
    assert len(list(steps)) < whole / 3


def test_what_is_not_durable_is_not_told(market: Market) -> None:
    for stored in [one for one in scan(market.disk) if one.kind is Kind.DATA][20:60:10]:
        page = found(search(lambda: market.disk, EVERYTHING, stored.position))
        assert lines_of(page) == [line for line in market.lines if line[0] < stored.first_sequence]
        assert not page.more


def test_what_was_learned_is_bounded(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_search, "SESSION_MARKS_MAX", 2)
    learned: dict[int, int] = {}
    for _, from_ns, *_ in market.lines[::9]:
        found(search(lambda: market.disk, AuditRequest(0, from_ns=from_ns), market.durable_position, learned))
    assert 0 < len(learned) <= 2


def test_what_has_left_for_the_archive_meanwhile_is_left_out(market: Market) -> None:
    left = market.disk.copy()
    steps = search(lambda: left, EVERYTHING, market.durable_position)
    for number in (1, 2):
        left.remove(segment_name(number))
    first = next(stored for stored in scan(left, replay_from=None) if stored.kind is Kind.DATA)
    assert lines_of(found(steps)) == [line for line in market.lines if line[0] >= first.first_sequence]


def test_whoever_asks_on_at_the_end_is_told_what_has_come_since(market: Market) -> None:
    batches = [one for one in scan(market.disk) if one.kind is Kind.DATA]
    first = found(search(lambda: market.disk, EVERYTHING, batches[-40].position))
    on = structs.replace(EVERYTHING, position=first.position, after_sequence=first.after_sequence)
    again = found(search(lambda: market.disk, on, batches[-40].position))
    assert again == AuditPage([], False, first.position, first.after_sequence)
    assert lines_of(first) + market.found(on) == market.lines
    assert len(lines_of(first)) < len(market.lines)


@pytest.mark.parametrize("beside", [1, -1, 17])
def test_a_position_at_which_no_batch_begins_leaves_nothing_out(market: Market, beside: int) -> None:
    batch = [one for one in scan(market.disk) if one.kind is Kind.DATA][60]
    wrong = AuditRequest(0, position=batch.position + beside, after_sequence=batch.first_sequence - 1)
    assert market.found(wrong) == [line for line in market.lines if line[0] >= batch.first_sequence]
    behind = AuditRequest(0, position=market.durable_position + 1_000_000)
    assert market.found(behind) == []


def test_damage_is_said_wherever_the_page_begins(market: Market) -> None:
    disk = market.disk.copy()
    batches = [one for one in scan(disk) if one.kind is Kind.DATA]
    harmed, asked = batches[60], batches[58]
    disk.bytes_of(segment_name(harmed.segment))[harmed.offset + 30] ^= 1
    request = AuditRequest(0, position=asked.position)
    with pytest.raises(JournalDamaged):
        found(search(lambda: disk, request, market.durable_position))


def test_it_is_looked_up_beside_the_loop(market: Market) -> None:
    turns = Turns()
    history = History(market.disk, turns)
    history.durable_position = market.durable_position
    pages: list[AuditPage] = []
    AuditFinder(history).find(EVERYTHING, pages.append, lambda error: pytest.fail(repr(error)))
    assert not pages
    turns.run()
    assert [line for page in pages for line in lines_of(page)] == market.lines[: len(pages[0].lines)]
