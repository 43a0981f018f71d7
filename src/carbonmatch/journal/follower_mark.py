"""How far the follower of a journal is: what it still has to read must not be archived.

The mark is the content of the lock file that a follower holds, so it counts as long as the follower lives,
and nothing is to be cleaned up after one that was killed. It needs no sync for the same reason.
"""

import fcntl
from contextlib import suppress
from typing import Final

from carbonmatch.journal.storage import DiskStorage, write_all

# Two followers of one journal would remove each other's snapshots.
LOCK_NAME: Final = "follower.lock"
_DIGITS: Final = 10
_NOTHING: Final = 0


class FollowerMark:
    """Held by the only follower of a journal. `segment` and those behind it are still to be read."""

    def __init__(self, storage: DiskStorage) -> None:
        """Raises BlockingIOError where another follower is there already."""
        self._storage = storage
        self._file = storage.lock_beside(LOCK_NAME)
        # Until it knows where it begins, it may need all there is.
        self.move_to(_NOTHING)

    def move_to(self, segment: int) -> None:
        self.segment = segment
        write_all(self._storage, self._file, f"{segment:0{_DIGITS}d}".encode(), 0)


def followed_segment(storage: DiskStorage) -> int | None:
    """The segment that a living follower of the journal is in; None where there is no follower."""
    try:
        file = storage.open(LOCK_NAME)
    except FileNotFoundError:
        return None
    try:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        return int(storage.pread(file, _DIGITS, 0) or _NOTHING)
    finally:
        storage.close(file)
