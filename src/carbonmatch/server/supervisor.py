"""Tells systemd, or what speaks like it, how far a process is: it starts, is ready, is alive, stops.

The protocol is sd_notify(3): datagrams of NAME=VALUE lines to the socket that the environment names. Without
one nobody is told anything, and nothing else changes.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from enum import Enum, unique
from typing import Final, Self

from carbonmatch.words import printable

# Every so often everything is told anew, so that one datagram that the supervisor has missed costs nothing.
SECONDS_MAX: Final = 1.0
# Of the time that the supervisor waits for a sign of life: a loop that is held up for a while is no reason.
_WATCHDOG_PART: Final = 4
# A start may take as long as its journal is. As long as the loop beside it lives, it gets so much more.
_EXTENSION_US: Final = 30_000_000
# What `systemctl status` shows in one line. The kernel takes 200 KiB in a datagram.
_STATUS_CHARS_MAX: Final = 400


@unique
class Progress(Enum):
    STARTING = "STARTING"
    READY = "READY"
    STOPPING = "STOPPING"


class Supervisor:
    """`with Supervisor(status) as supervisor:` inside of the running loop, whose turns are the sign of life.

    `status` says in a line what the process does. Where threads do its work, `is_at_work` says whether they
    do; no sign of life is given while they do not. The environment's own names of systemd decide whether
    anybody is told.
    """

    def __init__(
        self,
        status: Callable[[], str],
        environment: Mapping[str, str] = os.environ,
        process_id: int | None = None,
        is_at_work: Callable[[], bool] = lambda: True,
    ) -> None:
        self._status = status
        self._is_at_work = is_at_work
        self._progress = Progress.STARTING
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._address = environment.get("NOTIFY_SOCKET", "")
        watched = environment.get("WATCHDOG_PID", "")
        own_id = str(os.getpid() if process_id is None else process_id)
        self._watchdog_us = int(environment.get("WATCHDOG_USEC") or 0) if watched in ("", own_id) else 0

    def __enter__(self) -> Self:
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
            self._tick()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ready(self) -> None:
        """The process does its work from now on."""
        # Another thread may say so while this one is told to stop.
        if self._progress is Progress.STARTING:
            self._reach(Progress.READY)

    def stopping(self) -> None:
        """It was told to stop."""
        self._reach(Progress.STOPPING)

    def _reach(self, progress: Progress) -> None:
        self._progress = progress
        self._tell()

    def _tick(self) -> None:
        self._tell()
        seconds = self._watchdog_us / 1_000_000 / _WATCHDOG_PART
        self._timer = asyncio.get_running_loop().call_later(
            min(seconds, SECONDS_MAX) if seconds else SECONDS_MAX, self._tick
        )

    def _is_watched(self) -> bool:
        """Whether there is a sign of life to give, and somebody who waits for it."""
        return self._watchdog_us > 0 and self._is_at_work()

    def _tell(self) -> None:
        if self._socket is None:
            return
        message = notification(self._progress, self._status(), is_watched=self._is_watched())
        # The supervisor starts anew, or is behind: the next turn tells it. A venue trades on without one.
        with contextlib.suppress(OSError):
            # An abstract address begins with a zero, for which the environment has an @.
            address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
            self._socket.sendto(message, address)


def notification(progress: Progress, status: str, *, is_watched: bool) -> bytes:
    """All that there is to tell, as one datagram. No word of `status` can become a line of its own."""
    lines = [f"STATUS={printable(status)[:_STATUS_CHARS_MAX]}"]
    if progress is Progress.STARTING:
        lines.append(f"EXTEND_TIMEOUT_USEC={_EXTENSION_US}")
    else:
        lines.append(f"{progress.value}=1")
    if is_watched:
        lines.append("WATCHDOG=1")
    return "\n".join(lines).encode()
