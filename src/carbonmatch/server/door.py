"""A listening socket: takes connections, has them counted, and hands them to the loop, with TLS or without.

An own accept loop, because the loop's server calls nobody before the TLS handshake is over: 5,000
connections that said nothing took 246 MiB and were never seen.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

from carbonmatch.limits import ACCEPTS_PER_TURN_MAX, TLS_HANDSHAKE_SECONDS_MAX, TLS_SHUTDOWN_SECONDS_MAX
from carbonmatch.ops.counters import TurnedAway
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.server.guard import Guard, Visit

_BACKLOG: Final = 1_024
# A reset: nothing is left of the connection here, and the other side knows at once.
NO_LINGER: Final = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
# Without descriptors the socket stays readable: looking at it again at once would be all that we do.
_BREATH_SECONDS: Final = 0.1
_NO_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# Gone before we got to it, or a network's error that is not ours: `man accept` says to go on.
_GONE_ALREADY: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
    }
)


class Arriving(asyncio.Protocol):
    """What a connection will be once its handshake is over."""

    connected: bool  # whether `connection_made` was called, and `connection_lost` was not


class Door:
    """Invariant: what it accepts is either counted by the guard, or closed before this turn ends."""

    def __init__(
        self,
        guard: Guard,
        monotonic_ns: Callable[[], int],
        make: Callable[[Visit], "Arriving"],
        has_room: Callable[[int], bool],
        tls: ssl.SSLContext | None,
    ) -> None:
        """`has_room` is told how many were taken in and not made a protocol yet.

        `tls` may be exchanged for another context: who comes from then on gets that.
        """
        self.tls = tls
        self._guard = guard
        self._monotonic_ns = monotonic_ns
        self._make = make
        self._has_room = has_room
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        # Those whose handshake may not be over, with what they will be.
        self._arriving: dict[asyncio.Task[None], Arriving | None] = {}
        self._waking: asyncio.TimerHandle | None = None
        self._reserve: int | None = None

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Listen at every address that `host` means; return the first that was bound. Raises OSError."""
        self._hold_reserve()
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            # Names may come twice with the same address.
            for family, _, _, _, address in dict.fromkeys(found):
                self._listen(family, address)
        except BaseException:
            self.close()
            raise
        self._look()
        return cast("tuple[str, int]", self._sockets[0].getsockname()[:2])

    def close(self) -> None:
        """Take no more connections, and drop those whose handshake is not over."""
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()
        for task, arriving in self._arriving.items():
            # The loop tells nobody of a connection that is cancelled after it was made: it would stay with
            # those to say goodbye to, and its transport refuses that.
            if arriving is None or not arriving.connected:
                task.cancel()
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def _listen(self, family: int, address: Any) -> None:
        listening = socket.socket(family, socket.SOCK_STREAM)
        self._sockets.append(listening)
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listening.bind(address)
        except OSError as error:
            raise OSError(
                error.errno, f"cannot listen at {address[0]}:{address[1]}: {error.strerror}"
            ) from None
        listening.listen(_BACKLOG)

    # --- accepting -------------------------------------------------------------------------------

    def _look(self) -> None:
        self._waking = None
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        """Take what has come, but no more than a turn's worth: others trade meanwhile."""
        for _ in range(ACCEPTS_PER_TURN_MAX):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _GONE_ALREADY:
                    continue
                if error.errno not in _NO_DESCRIPTORS:
                    raise
                self._run_out(listening, error)
                return
            self._receive(accepted, address[0])

    def _receive(self, accepted: socket.socket, host: str) -> None:
        now_ns = self._monotonic_ns()
        visit = self._guard.admit(host, now_ns)
        if isinstance(visit, TurnedAway):
            self._turn_away(accepted, visit, host)
            return
        why = None
        if not self._has_room(len(self._arriving)):
            why = TurnedAway.FULL
        elif self.tls is not None and not self._guard.begin_handshake(visit, now_ns):
            why = TurnedAway.HANDSHAKES
        if why is not None:
            visit.is_gone()
            self._turn_away(accepted, why, host)
            return
        task = self._loop.create_task(self._let_in(accepted, visit, self.tls))
        self._arriving[task] = None
        task.add_done_callback(self._arrived)

    def _turn_away(self, accepted: socket.socket, why: TurnedAway, host: str) -> None:
        _reset(accepted)
        self._guard.turned_away(why, host, self._monotonic_ns())

    async def _let_in(self, accepted: socket.socket, visit: Visit, tls: ssl.SSLContext | None) -> None:
        deadlines: dict[str, Any] = {}
        if tls is not None:
            deadlines = {
                "ssl": tls,
                "ssl_handshake_timeout": TLS_HANDSHAKE_SECONDS_MAX,
                "ssl_shutdown_timeout": TLS_SHUTDOWN_SECONDS_MAX,
            }
        is_in = False
        task = asyncio.current_task()
        assert task is not None

        def make() -> Arriving:
            arriving = self._arriving[task] = self._make(visit)
            return arriving

        try:
            accepted.setblocking(False)
            await self._loop.connect_accepted_socket(make, accepted, **deadlines)
            is_in = True
        except OSError as error:
            # It left, was too slow, or speaks no TLS that we do.
            if tls is not None:
                why = getattr(error, "reason", None) or error.strerror or str(error)
                log("handshake_failed", address=visit.source, text=Ours(str(why)))
        finally:
            if tls is not None:
                self._guard.end_handshake(is_in)
            if not is_in:
                visit.is_gone()
                accepted.close()

    def _arrived(self, task: asyncio.Task[None]) -> None:
        del self._arriving[task]
        if not task.cancelled():
            # Only our own mistakes are left to be raised, and they have to be seen.
            task.result()

    # --- out of descriptors ----------------------------------------------------------------------

    def _run_out(self, listening: socket.socket, error: OSError) -> None:
        """Turn away who waits, by the descriptor kept for it, and look again in a while.

        Otherwise the socket stays readable: the loop would do nothing but fail to accept.
        """
        log("out_of_descriptors", WARNING, text=Ours(str(error)))
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None
            for _ in range(ACCEPTS_PER_TURN_MAX):
                try:
                    accepted, address = listening.accept()
                except OSError:
                    break
                self._turn_away(accepted, TurnedAway.DESCRIPTORS, address[0])
        self._hold_reserve()
        for one in self._sockets:
            self._loop.remove_reader(one)
        self._waking = self._loop.call_later(_BREATH_SECONDS, self._look)

    def _hold_reserve(self) -> None:
        if self._reserve is None:
            try:
                self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                # Somebody else was faster; the next time that there is none is as good.
                self._reserve = None


def _reset(accepted: socket.socket) -> None:
    try:
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    finally:
        accepted.close()
