"""A process that syncs the journal's file for the venue, which is its parent; `syncing` is what it runs.

A thread that comes back from the disk needs the interpreter's lock, which a busy loop gives up only when it
is asked to: a sync of 0.15 ms took a millisecond and more then. Another process needs none. It is given the
file itself, so it hears of every error of it that the venue would have heard of.

It is asked by one byte, which says whether the file is another one than before and comes with it. It answers
with the system's error number, 0 for none, and with how long the sync took.
"""

import os
import select
import socket
import subprocess
import sys
from typing import Final

from carbonmatch.server import syncing
from carbonmatch.server.syncing import ANSWER, READY, SYNC, SYNC_OTHER

_STOP_SECONDS_MAX: Final = 5


class SyncProcess:
    """The venue's end of it: one sync at a time. Nothing here waits, but for `close`.

    `socket` is readable when there is something to `hear`.
    """

    def __init__(self) -> None:
        """Raises OSError where no process can be had."""
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    # Isolated: neither the environment nor the directory of the venue's start has a say.
                    [sys.executable, "-I", "-S", syncing.__file__, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    # What a terminal sends to everybody in it is for the venue, which stops in order. The
                    # session is the venue's: with its own, its share of the processors would be another.
                    process_group=0,
                )
            except OSError:
                self.socket.close()
                raise
        self._segment = 0
        self._is_ready = False
        # Asked, and not answered yet.
        self.is_asked = False

    @property
    def is_idle(self) -> bool:
        """Whether it may be asked: it has begun, and what it was asked for before is done."""
        return self._is_ready and not self.is_asked

    @property
    def has_answered(self) -> bool:
        """Whether there is something to `hear`. Any thread may ask."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))

    @property
    def process_id(self) -> int:
        return self._process.pid

    def ask(self, file: int, segment: int) -> None:
        """Have what was written to `file`, the journal's segment of this number, made durable.

        Raises OSError where the process has ended: `hear` says so then as well.
        """
        assert self.is_idle
        self.is_asked = True
        if segment == self._segment:
            self.socket.send(SYNC)
            return
        socket.send_fds(self.socket, [SYNC_OTHER], [file])
        self._segment = segment

    def hear(self) -> int | None:
        """Nanoseconds that the sync took which was asked for; None while there is nothing to hear.

        Raises OSError with what the sync has failed with, and EOFError where the process has ended.
        """
        try:
            answer = self.socket.recv(ANSWER.size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except ConnectionError as error:
            raise EOFError from error
        if not answer:
            raise EOFError
        if not self._is_ready:
            assert answer == READY
            self._is_ready = True
            return None
        assert self.is_asked
        self.is_asked = False
        number, took_ns = ANSWER.unpack(answer)
        if number:
            raise OSError(number, os.strerror(number))
        return int(took_ns)

    def close(self) -> None:
        """End it, and wait for that: as long as a sync takes, and then no longer."""
        self.socket.close()
        try:
            self._process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
