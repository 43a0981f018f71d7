"""A process that makes lost batches again from the journal, for one subscriber; the venue's own child.

Why a process: executing the journal takes the interpreter from everybody, and needs a market as it was
beside the one that is. It is asked on stdin: its order, then a line for each position up to which it is to
go. It answers on stdout: frames of the feed, each behind the batch that it ends with and its length, and
none where the position is reached. It ends with its input, or when it has used too much of the processor.
"""

import os
import resource
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.archive import WithArchive
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.limits import FEED_JOURNAL_GAP_SECONDS_MAX
from carbonmatch.market_data.groups import Interest
from carbonmatch.matching.messages import InstrumentId, Ref
from carbonmatch.ops.logs import WARNING, Ours, log, start_logging
from carbonmatch.server.feed_span import NothingToReplay
from carbonmatch.server.gap_reader import GapReader
from carbonmatch.server.recovery import Diverged

_PIECE: Final = struct.Struct(">QI")  # the batch that a piece ends with; its length
# Behind the venue, whose orders come first; and the first to go where memory runs out, of all that share it.
_NICENESS: Final = 10
_OOM_SCORE_MAX: Final = 1000


class GapOrder(Struct, frozen=True):
    """What is to be read, and for whom. `archive` "": there is none."""

    directory: str
    archive: str
    ref: Ref
    after_sequence: int
    instrument_ids: tuple[InstrumentId, ...]  # none: all
    kinds: int
    levels_max: int


class Piece(Struct, frozen=True):
    """Batches up to `feed_sequence`, as a frame. Without one: the position that was asked for is reached."""

    feed_sequence: int
    framed: bytes


class GapProcess:
    """The venue's end of it. Everything but `close` may block: for a thread beside the loop."""

    def __init__(self, order: GapOrder) -> None:
        """Raises OSError where no process can be had."""
        # Without a copy of the venue's memory map, which would take long: that is what Popen does on Linux.
        self._process = subprocess.Popen(
            # Without the directory that the venue was started in, where names may mean something else.
            [sys.executable, "-P", "-m", "carbonmatch.server.gap_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # It is this very package that it runs, wherever it was found.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._is_closed = False
        try:
            self._say(msgspec.json.encode(order))
        except OSError:
            self.close()
            raise

    def go_on(self, until_position: int) -> None:
        """Have it read up to there. Raises OSError or EOFError where it has ended."""
        self._say(b"%d" % until_position)

    def read(self) -> Piece:
        """The next piece. Raises EOFError where it has ended, and has said why in the log."""
        feed_sequence, length = _PIECE.unpack(self._exactly(_PIECE.size))
        return Piece(feed_sequence, self._exactly(length))

    def close(self) -> None:
        """End it, which is not waited for. Whoever reads meanwhile meets the end."""
        if not self._is_closed:
            self._is_closed = True
            self._process.kill()
            threading.Thread(target=self._reap, daemon=True).start()

    def _reap(self) -> None:
        # Both pipes as well: what was not written to it is not worth an error.
        with suppress(OSError), self._process:
            pass

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except ValueError as error:
            raise _closed() from error

    def _exactly(self, length: int) -> bytes:
        assert self._process.stdout is not None
        try:
            found = self._process.stdout.read(length)
        except ValueError as error:
            raise _closed() from error
        if len(found) < length:
            raise EOFError("what reads the journal has ended")
        return found


def _closed() -> EOFError:
    """In place of the ValueError of a file that `close` was faster with."""
    return EOFError("it was closed meanwhile")


def main(asked: IO[bytes], answers: IO[bytes]) -> int:
    """Answer until the input ends; return the exit status."""
    order = msgspec.json.decode(asked.readline(), type=GapOrder)
    try:
        reader = _reader(order)
        for line in asked:
            for framed in reader.pieces(int(line)):
                _write(answers, reader.after_sequence, framed)
            _write(answers, reader.after_sequence, b"")
            answers.flush()
    except BrokenPipeError:
        return ExitCode.DONE
    except (NothingToReplay, JournalDamaged, JournalRefused, Diverged, OSError) as error:
        log("gap_not_read", WARNING, feed_sequence=order.after_sequence, text=Ours(str(error)))
        return ExitCode.REFUSED
    return ExitCode.DONE


def _reader(order: GapOrder) -> GapReader:
    directory = Path(order.directory)
    storage = WithArchive(directory, Path(order.archive)) if order.archive else DiskStorage(directory)
    interest = Interest(frozenset(order.instrument_ids) or None, order.kinds, order.levels_max, 0)
    return GapReader(storage, interest, order.ref, order.after_sequence)


def _write(answers: IO[bytes], feed_sequence: int, framed: bytes) -> None:
    answers.write(_PIECE.pack(feed_sequence, len(framed)) + framed)


def stand_back() -> None:
    """Let the venue come first, whose bounds and whose own score of a service this process has inherited.

    Where a sandbox does not let it, it works all the same.
    """
    with suppress(OSError):
        os.nice(_NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE_MAX))
    # With a venue that is gone nobody ends it.
    seconds = ceil(FEED_JOURNAL_GAP_SECONDS_MAX)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # Ctrl-C reaches every process of a terminal: this one is ended by the venue.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    start_logging()
    stand_back()
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
