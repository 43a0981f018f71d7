"""Bears engines: a process that has imported everything, and forks itself for each life.

    python -m tests.torture.nursery FD

Starting an interpreter and importing takes 0.4 s, a fork 5 ms. What is forked runs the same `serve` as
`python -m carbonmatch`, with a loop, files and sockets of its own, and is killed as really. Its parent
keeps to what a process needs to be forked safely: one thread, no loop, nothing open but the socket `FD`.

Over that socket comes, for each life, a JSON list of arguments with the file that is to be its standard
output; back go the pid of the life and, once it has ended, its status as `waitpid` has it.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
from typing import Final

from tests.torture import fragile

MESSAGE_BYTES_MAX: Final = 65_536
_PR_SET_PDEATHSIG: Final = 1
# What `serve` imports when it is called.
_MODULES: Final = ("config", "demo_market", "ops.host", "ops.logs", "server.service")


def bear(requests: socket.socket) -> list[str] | None:
    """Fork for each request; return its arguments in the child, and None in the parent, at the end."""
    while True:
        request, outputs, _, _ = socket.recv_fds(requests, MESSAGE_BYTES_MAX, 1)
        if not request:
            return None
        pid = os.fork()
        if not pid:
            requests.close()
            for standard in (sys.stdout, sys.stderr):
                os.dup2(outputs[0], standard.fileno())
            os.close(outputs[0])
            die_with_parent()
            arguments: list[str] = json.loads(request)
            return arguments
        os.close(outputs[0])
        requests.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        requests.send(str(status).encode())


def die_with_parent() -> None:
    """No engine outlives a torture that is killed itself."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(descriptor: int) -> None:
    for name in _MODULES:
        importlib.import_module(f"carbonmatch.{name}")
    # A collection in a child would copy every page that it looks at.
    gc.collect()
    gc.freeze()
    arguments = bear(socket.socket(fileno=descriptor))
    if arguments is not None:
        fragile.run(arguments)


if __name__ == "__main__":
    main(int(sys.argv[1]))
