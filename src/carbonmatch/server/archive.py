"""When a segment may leave the journal: once two snapshots behind it have been proven.

One snapshot can turn out to be bad; then the next older one and a longer replay take its place, and need
the segments behind it.
"""

from collections.abc import Callable

from carbonmatch.journal import snapshots
from carbonmatch.journal.archive import archive_segments
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.segments import Anchor
from carbonmatch.journal.storage import Storage
from carbonmatch.limits import ARCHIVE_SNAPSHOTS_MIN
from carbonmatch.server.venue_snapshot import restore


class Archive:
    """Where the segments of one journal go. Remembers which snapshots it has proven."""

    def __init__(
        self, storage: Storage, archive: Storage, followed: Callable[[], int | None] = lambda: None
    ) -> None:
        """`followed`: the segment that the journal's follower is in, None where nobody follows.

        Raises JournalRefused where another process is archiving there.
        """
        # The follower that the last `advance` has left segments for, and where it was.
        self.held_back_at: int | None = None
        self._followed = followed
        self._storage = storage
        self._archive = archive
        self._proven: dict[int, Anchor] = {}
        try:
            archive.lock()
        except BlockingIOError as error:
            raise JournalRefused("another process holds the lock of the archive's directory") from error

    def advance(self) -> list[int]:
        """Move what lies behind the two newest good snapshots; return the numbers of the segments.

        A follower still has to read what lies behind them where it lags and the venue was stopped twice.

        Raises as `archive_segments` does. Nothing is moved while there are fewer.
        """
        anchors = self._newest_proven()
        if len(anchors) < ARCHIVE_SNAPSHOTS_MIN:
            return []
        before = min(anchor.segment for anchor in anchors)
        followed = self._followed()
        self.held_back_at = followed if followed is not None and followed < before else None
        if self.held_back_at is not None:
            before = self.held_back_at
        return archive_segments(self._storage, self._archive, before)

    def _newest_proven(self) -> list[Anchor]:
        proven: dict[int, Anchor] = {}
        for sequence in snapshots.sequences(self._storage):
            anchor = self._proven.get(sequence) or self._prove(sequence)
            if anchor is not None:
                proven[sequence] = anchor
            if len(proven) == ARCHIVE_SNAPSHOTS_MIN:
                break
        self._proven = proven
        return list(proven.values())

    def _prove(self, sequence: int) -> Anchor | None:
        """The anchor of a snapshot whose every byte is right and whose state has the digest it says."""
        try:
            snapshot = snapshots.load(self._storage, sequence)
            restore(snapshot)
        except (JournalDamaged, FileNotFoundError, ValueError):
            return None
        return snapshot.anchor
