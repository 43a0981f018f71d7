"""Faults for an engine under torture: a checker that finds nothing wrong with them would be none.

`fragile --plant NAME` puts one into a life before it begins.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind
from carbonmatch.journal.segments import segment_name
from carbonmatch.journal.storage import Storage, write_all
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.messages import Ref
from carbonmatch.server import recovery, service
from carbonmatch.server.commit import Commit, JournalThread

_WRITES_LATE_SECONDS: Final = 0.003


def answers_before_the_write() -> None:
    def take(thread: JournalThread, commit: Commit | None) -> bool:
        if commit is not None:
            # Who resumes is answered from the journal, up to where there is one.
            commit.position = commit.durable_position = thread._writer.durable_position
            thread._durable(commit)
            time.sleep(_WRITES_LATE_SECONDS)
            thread._append(commit)
            return True
        thread._writer.close()
        return False

    def not_here(_thread: JournalThread, _commit: Commit) -> bool:
        return False

    setattr(JournalThread, "take", take)  # noqa: B010 - mypy forbids the plain way
    setattr(JournalThread, "commit_here", not_here)  # noqa: B010
    setattr(JournalThread, "_commit_beside", not_here)  # noqa: B010


def cuts_off_the_last_record() -> None:
    """A start takes the last batch for one that never was written."""

    def forgetful(storage: Storage, *arguments: Any, **how: Any) -> recovery.Recovered:
        last = None
        journal = JournalScan(storage)
        for record in journal:
            if record.kind is Kind.DATA:
                last = record
        if last is not None and journal.end is not None and last.segment == journal.end.segment:
            file = storage.open(segment_name(last.segment), writable=True)
            write_all(storage, file, bytes(journal.end.offset - last.offset), last.offset)
            storage.close(file)
        return recovery.recover_venue(storage, *arguments, **how)

    setattr(service, "recover_venue", forgetful)  # noqa: B010


def forgets_refs() -> None:
    """A start does not know any more which commands it has executed."""

    def forgetful(*arguments: Any, **how: Any) -> recovery.Recovered:
        recovered = recovery.recover_venue(*arguments, **how)
        for session in recovered.engine.sessions.values():
            session.last_ref = Ref(0)
        for stream in recovered.streams.values():
            stream.durable_ref = Ref(0)
        return recovered

    setattr(service, "recover_venue", forgetful)  # noqa: B010


def loses_a_unit() -> None:
    """A start gives one account less than it had."""

    def poorer(*arguments: Any, **how: Any) -> recovery.Recovered:
        recovered = recovery.recover_venue(*arguments, **how)
        for book in recovered.engine.books.values():
            if isinstance(book.clearing, Clearing):
                for position in [one for one in book.clearing.positions.values() if one.free_lots][:1]:
                    position.free_lots -= 1
                    position.total_lots -= 1
                    position.checked_lots -= 1
        return recovered

    setattr(service, "recover_venue", poorer)  # noqa: B010


PLANTS: Final[dict[str, Callable[[], None]]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (answers_before_the_write, cuts_off_the_last_record, forgets_refs, loses_a_unit)
}
