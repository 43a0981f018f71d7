"""What can be wrong with a journal, and the exit code that says it to a supervisor."""

from typing import Final

# A supervisor must not restart after 64, 65 or 66: the same journal gives the same refusal.
EXIT_REFUSED: Final = 64  # another process holds the lock, or the journal belongs to another version
EXIT_DAMAGED: Final = 65  # bytes are not what was written; a person decides
EXIT_DIVERGED: Final = 66  # replay gave other events than the journaled ones
EXIT_FAILED: Final = 70  # a write or sync failed while running; the next start is recovery


class JournalRefused(Exception):
    """The journal is whole, but not for this process."""

    exit_code = EXIT_REFUSED


class JournalDamaged(Exception):
    """The journal holds something that no crash can have left: it is never repaired in silence."""

    exit_code = EXIT_DAMAGED

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

    exit_code = EXIT_FAILED
