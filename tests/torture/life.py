"""Processes of the engine: started, told to stop, killed, and their exit statuses.

A life comes from a new interpreter, or from the nursery: see `nursery`.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.torture.nursery import MESSAGE_BYTES_MAX, die_with_parent

REPOSITORY: Final = Path(__file__).resolve().parents[2]
ENVIRONMENT: Final = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)]),
}


class Life:
    """One process, from its start to its exit status."""

    def __init__(self, pid: int, status: "asyncio.Task[int]") -> None:
        self.pid: Final = pid
        self._status = status

    def signal(self, number: signal.Signals) -> None:
        if not self._status.done():
            # It may have ended, and its status be on the way.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self) -> int:
        """Return the exit status, negative for a signal, when it has ended by itself or was killed."""
        return await asyncio.shield(self._status)


async def born_anew(arguments: Sequence[str], output: int) -> Life:
    """A life in an interpreter of its own: as everybody starts the engine."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        preexec_fn=die_with_parent,
    )
    return Life(process.pid, asyncio.create_task(process.wait()))


class Nursery:
    """The process that bears lives, one at a time; made with the first of them."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None

    async def born(self, arguments: Sequence[str], output: int) -> Life:
        """A life that begins with everything imported; `arguments` are those of `fragile`."""
        if self._socket is None:
            await self._open()
        assert self._socket is not None
        socket.send_fds(self._socket, [json.dumps(arguments).encode()], [output])
        pid = await self._receive()
        return Life(pid, asyncio.create_task(self._status()))

    async def close(self) -> None:
        if self._socket is not None and self._process is not None:
            self._socket.close()
            await self._process.wait()

    async def _open(self) -> None:
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        with its:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.torture.nursery", str(its.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                cwd=REPOSITORY,
                env=ENVIRONMENT,
                pass_fds=[its.fileno()],
                preexec_fn=die_with_parent,
            )

    async def _receive(self) -> int:
        assert self._socket is not None
        answer = await asyncio.get_running_loop().sock_recv(self._socket, MESSAGE_BYTES_MAX)
        assert answer, "the nursery has ended"
        return int(answer)

    async def _status(self) -> int:
        return os.waitstatus_to_exitcode(await self._receive())
