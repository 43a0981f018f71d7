"""A search through the journal beside the loop, a step at a time, so that other readers get their turn."""

from collections.abc import Callable, Generator, Iterator
from typing import Final, TypeVar

from carbonmatch.journal.reader import read_records
from carbonmatch.journal.record import Kind, StoredRecord
from carbonmatch.journal.segments import segment_numbers
from carbonmatch.journal.storage import Storage
from carbonmatch.server.scheduler import Scheduler

# One step: what is read before another reader gets its turn.
STEP_BYTES: Final = 512 * 1024

Found = TypeVar("Found")
# After each step that may have taken long it yields; what was found it returns.
Search = Generator[None, None, Found]


def beside_the_loop(
    scheduler: Scheduler,
    steps: Search[Found],
    done: Callable[[Found], object],
    failed: Callable[[Exception], object],
) -> None:
    """Call `done` in a later turn with what the search has found."""

    def step() -> list[Found]:
        try:
            next(steps)
        except StopIteration as end:
            return [end.value]
        return []

    def stepped(found: list[Found]) -> None:
        if found:
            done(found[0])
        else:
            scheduler.read(step, stepped, failed)

    scheduler.read(step, stepped, failed)


def found(steps: Search[Found]) -> Found:
    """What a search comes to, for whoever need not stay available."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Found = end.value
            return result


def stepwise(
    storage: Storage, start: int, durable_position: int, step_bytes: int
) -> Iterator[StoredRecord | None]:
    """The batches from `start` on; None whenever a step is over."""
    records = read_records(storage, start, durable_position)
    read_bytes = 0
    try:
        for record in records:
            if record.kind is Kind.DATA:
                yield record
            read_bytes += record.end_offset - record.offset
            if read_bytes >= step_bytes:
                read_bytes = 0
                yield None
    finally:
        records.close()  # type: ignore[attr-defined]  # it is a generator, and holds a file


def over_archiving(
    storage_of: Callable[[], Storage],
    last_number: int,
    search: Callable[[Storage, list[int]], Search[Found]],
) -> Search[Found]:
    """The search through these segments, begun anew where one has left for the archive meanwhile."""
    while True:
        storage = storage_of()
        numbers = [number for number in segment_numbers(storage) if number <= last_number]
        try:
            return (yield from search(storage, numbers))
        except FileNotFoundError:
            # Those that are left are fewer, so this ends.
            if segment_numbers(storage)[0] == numbers[0]:
                raise
