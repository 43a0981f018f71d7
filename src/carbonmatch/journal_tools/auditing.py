"""What operators did, from a journal that nobody is asked for: the same lines as of a running venue."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from carbonmatch.audit_words import KINDS, in_words
from carbonmatch.journal.record import Kind
from carbonmatch.journal_tools.batches import opened, whole
from carbonmatch.matching.messages import SessionId
from carbonmatch.protocol.audited import audited
from carbonmatch.protocol.messages import Audited, AuditRequest
from carbonmatch.server.audit_search import is_meant, line_of


class NoSuchAudit(Exception):
    """What was asked for is no time, or no command."""


def audit(
    directory: Path,
    since: str = "",
    until: str = "",
    session: int = 0,
    kind: str = "",
    *,
    archive: Path | None = None,
    running: bool = False,
) -> Iterator[str]:
    """A line each. Raises NoSuchAudit for what is no time, or no command."""
    if kind and kind not in KINDS:
        raise NoSuchAudit(f"no command {kind!r}, expected one of: {', '.join(sorted(KINDS))}")
    question = AuditRequest(
        0, _time_ns(since), _time_ns(until), SessionId(session), KINDS[kind] if kind else 0
    )
    for line in audited_by(directory, question, archive=archive, running=running):
        yield in_words(line)


def audited_by(
    directory: Path, question: AuditRequest, *, archive: Path | None = None, running: bool = False
) -> Iterator[Audited]:
    """Every line that the question is after. Raises JournalDamaged where its beginning is in an archive."""
    for stored in whole(opened(directory, archive), running=running):
        if stored.kind is Kind.DATA:
            for one in audited(stored.payload, stored.first_sequence):
                if is_meant(one, question):
                    yield line_of(one, question.token, "")


def _time_ns(text: str) -> int:
    if not text:
        return 0
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise NoSuchAudit(f"expected a time with its offset, like 2026-03-02T15:30+08:00, found {text!r}")
    return int(parsed.timestamp()) * 1_000_000_000
