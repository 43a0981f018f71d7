"""What was made ahead and holds nothing yet: looked at from its disk, alone or beside the replay.

Every start reads all the zeros that a record could have been written over: the rest of the last used segment,
and the spares, 192 MiB of them as a rule. On a core of its own that costs a start nothing.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from msgspec import Struct

from carbonmatch.journal.segments import Spare, look_at_spare, segment_name
from carbonmatch.journal.storage import CHUNK_BYTES, Storage, is_zero

THREAD_NAME: Final = "blank-reader"


class Blank(Struct, frozen=True):
    """What was found."""

    zeros_from: int  # in the last used segment; what lies before it is the scan's to judge
    spares: dict[int, Spare]


def look(storage: Storage, last_used: int, spares: list[int], goes_on: Callable[[], bool]) -> Blank:
    """Read as long as it `goes_on`; what is returned after that nobody may ask for."""
    zeros_from = _zeros_from(storage, last_used, goes_on)
    return Blank(zeros_from, {number: look_at_spare(storage, number, goes_on) for number in spares})


def _zeros_from(storage: Storage, number: int, goes_on: Callable[[], bool]) -> int:
    """Where the zeros at the end of a segment begin, at the latest: read from its end on."""
    file = storage.open(segment_name(number))
    try:
        storage.forget_cache(file)
        end = storage.size(file)
        while end and goes_on():
            start = max(0, end - CHUNK_BYTES)
            if not is_zero(storage.pread(file, end - start, start)):
                break
            end = start
        return end
    finally:
        storage.close(file)


class BlankReader:
    """Looks in a thread of its own, from now on, and says nothing before it is asked."""

    def __init__(self, storage: Storage, last_used: int, spares: list[int]) -> None:
        self._found: Blank | None = None
        self._error: Exception | None = None
        self._is_stopped = Event()
        self._thread = Thread(
            target=self._run, args=(storage, last_used, spares), name=THREAD_NAME, daemon=True
        )
        self._thread.start()

    def found(self) -> Blank:
        """Wait for all of it; raises what the reading raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._found is not None, "nobody asks who has stopped it"
        return self._found

    def stop(self) -> None:
        """Returns when nothing reads any more."""
        self._is_stopped.set()
        self._thread.join()

    def _run(self, storage: Storage, last_used: int, spares: list[int]) -> None:
        try:
            found = look(storage, last_used, spares, lambda: not self._is_stopped.is_set())
        except Exception as error:
            self._error = error
        else:
            self._found = found
