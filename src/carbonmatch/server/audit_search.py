"""What operators did, read from the journal page by page: who, when, why, and what became of it.

Nothing is kept of it in memory. A page reads a bounded part of the journal, beside the loop, and says where
the next one goes on; where only a time is given, the segment is found by asking some for their first batch.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.reader import first_position
from carbonmatch.journal.record import place, position
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import AUDIT_LINES, AUDIT_READ_BYTES, SESSION_MARKS_MAX
from carbonmatch.matching.messages import VENUE_SESSION_ID, OnTrade
from carbonmatch.matching.waiting_commands import WaitingCommand
from carbonmatch.protocol.audited import BY_TAG, CHANGES, AuditedCommand, audited
from carbonmatch.protocol.batch import last_time_ns
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.messages import Audited, AuditRequest
from carbonmatch.server.history import History
from carbonmatch.server.journal_steps import STEP_BYTES, Search, beside_the_loop, over_archiving, stepwise

# What the venue does by itself, by its schedule and its configuration.
VENUE: Final = "venue"
_STEP_BYTES: Final = STEP_BYTES


class AuditPage(Struct, frozen=True):
    """Some of what was asked for, in the order of the journal."""

    lines: list[AuditedCommand]
    more: bool  # whether the journal was not read to its end
    position: int  # where the next page begins to read
    after_sequence: int  # and which commands it leaves out


class AuditFinder:
    """Looks beside the loop, a step at a time."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._first_times_ns: dict[int, int] = {}

    def find(
        self,
        request: AuditRequest,
        done: Callable[[AuditPage], object],
        failed: Callable[[Exception], object],
    ) -> None:
        """Call `done` in a later turn with a page of what is durable now."""
        history = self._history
        steps = search(history.whole, request, history.durable_position, self._first_times_ns)
        beside_the_loop(history.scheduler, steps, done, failed)


def search(
    storage_of: Callable[[], Storage],
    request: AuditRequest,
    durable_position: int,
    first_times_ns: dict[int, int] | None = None,
) -> Search[AuditPage]:
    """A page. `first_times_ns` has what earlier searches have learned of segments."""
    learned = {} if first_times_ns is None else first_times_ns
    last_number, _ = place(durable_position)
    return over_archiving(
        storage_of,
        last_number,
        lambda storage, numbers: _search(storage, numbers, request, durable_position, learned),
    )


def _search(
    storage: Storage,
    numbers: list[int],
    request: AuditRequest,
    durable_position: int,
    first_times_ns: dict[int, int],
) -> Search[AuditPage]:
    start = request.position
    if not start:
        number = yield from _segment_of(storage, numbers, request.from_ns, durable_position, first_times_ns)
        start = position(number, 0)
    # What was there may have left for an archive that is not known here.
    start = max(start, first_position(storage))
    if start >= durable_position:
        return AuditPage([], False, durable_position, request.after_sequence)
    try:
        return (yield from _read_page(storage, start, request, durable_position))
    except JournalDamaged:
        number, offset = place(start)
        if not offset:
            raise
        # Where no batch begins no page of ours has ended. What is damaged is found from here on as well.
        return (yield from _read_page(storage, position(number, 0), request, durable_position))


def _read_page(
    storage: Storage, start: int, request: AuditRequest, durable_position: int
) -> Search[AuditPage]:
    lines: list[AuditedCommand] = []
    after_sequence = request.after_sequence
    read_bytes = 0
    for record in stepwise(storage, start, durable_position, _STEP_BYTES):
        if record is None:
            yield
            continue
        if len(lines) >= AUDIT_LINES or read_bytes >= AUDIT_READ_BYTES:
            return AuditPage(lines, True, record.position, after_sequence)
        read_bytes += len(record.payload)
        for one in audited(record.payload, record.first_sequence):
            if is_meant(one, request) and one.sequence > after_sequence:
                lines.append(one)
        if request.until_ns and last_time_ns(record.payload) >= request.until_ns:
            break
        after_sequence = max(after_sequence, record.next_sequence - 1)
    return AuditPage(lines, False, durable_position, after_sequence)


def is_meant(one: AuditedCommand, request: AuditRequest) -> bool:
    entry = one.entry
    kind = type(one.command)
    return (
        (kind is BY_TAG.get(request.kind) if request.kind else kind in CHANGES)
        and request.session_id in (0, entry.session_id)
        and request.from_ns <= entry.time_ns
        and not 0 < request.until_ns <= entry.time_ns
    )


def line_of(one: AuditedCommand, token: int, session: str) -> Audited:
    """As it is told. `session`: the name of who did it, as far as it is known."""
    entry = one.entry
    name = VENUE if entry.session_id == VENUE_SESSION_ID else session
    # As it stands in its frame, without the head of that array.
    command = encode([one.command])[1:]
    return Audited(token, one.sequence, entry.time_ns, entry.session_id, name, command, one.reason or 0)


def waiting_line(number: int, one: WaitingCommand, token: int, session: str) -> Audited:
    """A command that waits for confirmation, as it is told."""
    command = one.command.command if isinstance(one.command, OnTrade) else one.command
    sent = encode([command])[1:]
    return Audited(token, number, one.time_ns, one.session_id, session, sent, 0, one.expires_ns)


def _segment_of(
    storage: Storage,
    numbers: list[int],
    from_ns: int,
    durable_position: int,
    first_times_ns: dict[int, int],
) -> Search[int]:
    """The last segment whose first batch is before this time, or the first one there is."""
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        time_ns = yield from _first_time_ns(storage, numbers[middle], durable_position, first_times_ns)
        if time_ns is not None and time_ns < from_ns:
            low = middle + 1
        else:
            high = middle
    return numbers[max(0, low - 1)]


def _first_time_ns(
    storage: Storage, number: int, durable_position: int, first_times_ns: dict[int, int]
) -> Search[int | None]:
    """Of the first batch at or behind the beginning of a segment; None where there is none yet."""
    if number not in first_times_ns:
        for record in stepwise(storage, position(number, 0), durable_position, _STEP_BYTES):
            if record is None:
                yield
                continue
            if len(first_times_ns) >= SESSION_MARKS_MAX:
                first_times_ns.clear()
            first_times_ns[number] = last_time_ns(record.payload)
            break
    return first_times_ns.get(number)
