"""What can be wrong with a journal, and the exit code that says it to a supervisor."""

from carbonmatch.exit_codes import ExitCode


class JournalRefused(Exception):
    """The journal is whole, but not for this process."""

    exit_code = ExitCode.JOURNAL_REFUSED


class JournalDamaged(Exception):
    """The journal holds something that no crash can have left: it is never repaired in silence."""

    exit_code = ExitCode.JOURNAL_DAMAGED

    def __init__(self, file: str, offset: int, sequence: int, *, found: str, expected: str) -> None:
        """`sequence` is the first command sequence that is not proven to be good."""
        super().__init__(f"{file}, byte {offset}, sequence {sequence}: found {found}, expected {expected}")
        self.file = file
        self.offset = offset
        self.sequence = sequence
        self.found = found
        self.expected = expected


class JournalFailed(OSError):
    """The writer met an error before, or is closed: nothing more can be made durable through it."""

    exit_code = ExitCode.STORAGE_FAILED


class StorageUnusable(Exception):
    """A start could not read or write where the journal is. Nothing is changed; later it may go well."""

    exit_code = ExitCode.STORAGE_UNUSABLE
