"""A copy of a journal's directory that a venue can start from, taken while one is writing it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.segments import segment_name, segment_numbers
from carbonmatch.journal.storage import DiskStorage, Storage, file_chunks, write_file
from carbonmatch.journal_tools.batches import opened
from carbonmatch.journal_tools.proving import Verified, verify

# A record is copied in the middle of being written once in a long time; thrice in a row is no chance.
_ATTEMPTS: Final = 3


def back_up(directory: Path, to: Path, on_file: Callable[[str], object] = lambda _name: None) -> Verified:
    """Copy the journal in `directory` to `to`, prove the copy, and say what is in it.

    Everything that was answered before this began is in the copy. The order is what makes it one journal
    whoever writes meanwhile: snapshots first, since none may be ahead of its journal; then segments from the
    newest to the oldest, since each may only be followed by what was there before it was whole. `on_file`
    hears each name when it is copied.

    Raises JournalRefused where `to` has something in it or is in the journal's own directory, JournalDamaged
    for a copy that is not good, OSError.
    """
    if directory.resolve() in (to.resolve(), *to.resolve().parents):
        raise JournalRefused(f"{to}: in the journal's own directory {directory}, expected one outside of it")
    if to.is_dir() and any(to.iterdir()):
        raise JournalRefused(f"{to}: not empty, and a copy may not be mixed with another one")
    source, target = opened(directory, None), DiskStorage(to)
    try:
        # What goes meanwhile: a snapshot for newer ones, the oldest segment to the archive. Where all
        # snapshots went, those newer ones are there.
        while snapshots.sequences(source) and not snapshots.sequences(target):
            for sequence in snapshots.sequences(source):
                _copy(source, target, snapshots.snapshot_name(sequence), on_file)
        for number in reversed(segment_numbers(source)):
            _copy(source, target, segment_name(number), on_file)
        target.fsync_dir()
        return _proven(source, target, to)
    finally:
        source.release()
        target.release()


def _proven(source: Storage, target: Storage, to: Path) -> Verified:
    for attempt in range(_ATTEMPTS):
        try:
            return verify(to)
        except JournalDamaged as error:
            if attempt + 1 == _ATTEMPTS:
                raise
            # Half of a record that was being written; where it is no such thing, it is there again.
            target.remove(error.file)
            _copy(source, target, error.file, lambda _name: None)
    raise AssertionError("the last attempt returns or raises")


def _copy(source: Storage, target: Storage, name: str, on_file: Callable[[str], object]) -> None:
    try:
        file = source.open(name)
    except FileNotFoundError:
        return
    try:
        write_file(target, name, file_chunks(source, file, 0, source.size(file)))
    finally:
        source.close(file)
    on_file(name)
