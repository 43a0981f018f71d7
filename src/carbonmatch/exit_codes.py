"""Every exit status of a carbonmatch process; docs/exit-codes.md says what to do about each."""

from enum import IntEnum, unique


@unique
class ExitCode(IntEnum):
    """Numbers follow sysexits.h where it has one, and the shell's 128 + signal where it has none."""

    DONE = 0  # what was asked for is done; of a venue: stopped when told to
    REFUSED = 1  # arguments, configuration, or an address that is taken: the last line says what
    JOURNAL_REFUSED = 64  # another process holds the lock, or the journal belongs to another version
    JOURNAL_DAMAGED = 65  # bytes are not what was written; a person decides
    JOURNAL_DIVERGED = 66  # replay gave other events than the journaled ones
    STORAGE_FAILED = 70  # a write or sync failed, or did not come back; the next start is recovery
    STORAGE_UNUSABLE = 73  # a start found the disk full, read-only or closed to it; nothing was changed
    INTERRUPTED = 130  # told a second time to stop (SIGINT) before it had; the next start is recovery
    BUG = 134  # an assertion or another error of ours, with its traceback in the log
    TERMINATED = 143  # the same, by SIGTERM
