"""The program of the process that syncs a journal beside its venue; `sync_process` has the venue's end of it.

It is run as a file and not as a module, and imports little: so it is there in 20 ms, and nothing of where the
venue was started can change what it does.
"""

import os
import signal
import struct
import sys
import time
from errno import EBADF, EIO
from socket import recv_fds, socket
from typing import Final

ANSWER: Final = struct.Struct("=iq")  # errno; nanoseconds that the sync took
SYNC: Final = b"s"  # the same file as before
SYNC_OTHER: Final = b"o"  # the file that comes with it
READY: Final = ANSWER.pack(0, 0)  # sent once, unasked: it has begun


def serve(venue: socket) -> None:
    """Sync what is asked for, until the venue ends."""
    file = -1
    venue.send(READY)
    while True:
        asked, files, _, _ = recv_fds(venue, 1, 1)
        if not asked:
            return
        if asked == SYNC_OTHER:
            if file >= 0:
                os.close(file)
            # A message comes without its file where this process may have no more of them. To sync the one
            # before would then answer for a record that is not durable.
            file = files[0] if files else -1
        began_ns = time.monotonic_ns()
        number = _sync(file)
        venue.send(ANSWER.pack(number, time.monotonic_ns() - began_ns))


def _sync(file: int) -> int:
    """Make `file`, if there is one, durable; return the system's error number, 0 for none."""
    if file < 0:
        return EBADF
    try:
        os.fdatasync(file)
    except OSError as error:
        return error.errno or EIO
    return 0


def main() -> None:
    """Serve the venue at the socket whose descriptor is the argument."""
    # It ends with the venue, which has a sync to wait for while it stops.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket(fileno=int(sys.argv[1])) as venue:
        try:
            serve(venue)
        except ConnectionError:
            # The venue has ended meanwhile.
            return


if __name__ == "__main__":
    main()
