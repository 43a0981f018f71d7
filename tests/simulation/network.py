"""Connections that cut, split, delay, freeze and break: what TCP may do, and nothing that it may not.

Bytes arrive in order and once, or not at all: a connection that breaks delivers a beginning of what
was sent.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from tests.simulation.faults import Faults
from tests.simulation.world import NS_PER_MS, NS_PER_US, World


class Endpoint(Protocol):
    """Whoever has an end of a connection: the engine's `Peer`, or a simulated client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def data_received(self, data: bytes) -> None: ...

    def connection_lost(self, error: Exception | None) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class _Socket:
    """What the engine asks the kernel of a connection."""

    def __init__(self) -> None:
        self.acked_bytes = 0

    def setsockopt(self, *_arguments: object) -> None: ...

    def getsockopt(self, _level: int, name: int, length: int) -> bytes:
        assert name == socket.TCP_INFO
        return bytes(length - 8) + self.acked_bytes.to_bytes(8, sys.byteorder)


class End(asyncio.Transport):
    """One end: a transport for its owner. Callbacks come in turns of the world, while it is `attached`."""

    def __init__(self, network: "Network", window_bytes: int, high_water_bytes: int) -> None:
        super().__init__()
        self.other: End
        self.owner: Endpoint
        self.attached = True
        self.frozen = False
        self._network = network
        self._window_bytes = window_bytes
        self._high_water_bytes = high_water_bytes  # and the low one is a quarter, as asyncio has it
        self._out = bytearray()
        self._arrived = bytearray()
        self._moving = False
        self._socket = _Socket()
        self._reading = True
        self._full = False
        self._closing = False
        self._ended = False  # the other end has closed, and this one has read everything

    # --- the transport's interface ------------------------------------------------------------------

    def write(self, data: Any) -> None:
        if self._closing or not self.attached:
            return
        self._out += data
        if not self._full and len(self._out) > self._high_water_bytes:
            self._full = True
            self.owner.pause_writing()
        self._move_later()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The world has said what its limits are."""

    def get_write_buffer_size(self) -> int:
        return len(self._out)

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            self._network.world.after(0, self._deliver)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Send what waits, then end."""
        if not self._closing:
            self._closing = True
            self._reading = False
            self._move_later()

    def abort(self) -> None:
        """End at once, and let the other end see a reset."""
        self._closing = True
        self._out.clear()
        self._network.world.after(0, lambda: self.lose(None))
        if not self.frozen:
            self._network.world.after(
                self._network.delay_ns(), lambda: self.other.lose(ConnectionResetError())
            )

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("192.0.2.1", 1), "socket": self._socket}.get(name, default)

    # --- on the wire --------------------------------------------------------------------------------

    def _move_later(self) -> None:
        if not self._moving and not self.frozen:
            self._moving = True
            self._network.world.after(self._network.delay_ns(), self._move)

    def _move(self) -> None:
        self._moving = False
        if self.frozen or not self.attached:
            return
        if self.other._closing:
            self._out.clear()  # nobody reads it any more
        room = self._window_bytes - len(self.other._arrived)
        if self._out and room > 0:
            count = self._network.cut_length(min(len(self._out), room))
            self.other._arrived += self._out[:count]
            del self._out[:count]
            self._socket.acked_bytes += count
            self.other._deliver()
        if not self.attached:
            return
        if self._out:
            # A window that is closed is opened by whoever reads.
            if room > 0:
                self._move_later()
        elif self._closing:
            self._network.world.after(0, lambda: self.lose(None))
            self._network.world.after(self._network.delay_ns(), self.other._end)
        if self._full and len(self._out) <= self._high_water_bytes // 4:
            self._full = False
            self.owner.resume_writing()

    def _deliver(self) -> None:
        if not self.attached or self._closing:
            self._arrived.clear()
        elif self._arrived and self._reading:
            data = bytes(self._arrived)
            self._arrived.clear()
            if self.other._out:
                self.other._move_later()
            self.owner.data_received(data)
        elif self._ended and not self._arrived:
            self.close()

    def _end(self) -> None:
        """The other end has closed in order."""
        self._ended = True
        self._deliver()

    # --- how it ends --------------------------------------------------------------------------------

    def lose(self, error: Exception | None) -> None:
        if self.attached:
            self.attached = False
            self._closing = True
            self._network.ends.pop(self, None)
            self.owner.connection_lost(error)

    def vanish(self, delivered: bool) -> None:
        """The owner's process is gone: it hears nothing more. The kernel may still deliver some of it."""
        if not self.attached:
            return
        self.attached = False
        self._closing = True
        self._network.ends.pop(self, None)
        other, world = self.other, self._network.world
        if delivered and self._out and not self.frozen and other.attached:
            other._arrived += self._out[: world.random.randint(0, len(self._out))]
            world.after(self._network.delay_ns(), other._deliver)
        world.after(
            self._network.delay_ns() + NS_PER_MS * world.random.randint(1, 3_000),
            lambda: other.lose(ConnectionResetError()),
        )


class Network:
    """Makes connections, and breaks them."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self.ends: dict[End, None] = {}

    def connect(self, client: Endpoint, server: Callable[[], Endpoint]) -> tuple[End, End]:
        """A connection that both owners hear of, the server first."""
        sizes = (self.faults.window_bytes, self.faults.high_water_bytes)
        near, far = End(self, *sizes), End(self, *sizes)
        near.other, far.other = far, near
        near.owner = client
        self.ends[near] = self.ends[far] = None
        far.owner = server()
        far.owner.connection_made(far)
        client.connection_made(near)
        return near, far

    def break_one(self) -> None:
        """Some connection breaks: both ends hear of it, each in its own time, or no byte moves any more."""
        if not self.ends:
            return
        random = self.world.random
        end = random.choice(list(self.ends))
        both = (end, end.other)
        for one in both:
            one.frozen = True
        if self.world.happens(self.faults.half_open):
            self.world.note("a connection is half open")
            return
        self.world.note("a connection breaks")
        for one in both:
            delay_ns = random.choice((0, self.delay_ns(), NS_PER_MS * random.randint(1, 5_000)))
            self.world.after(delay_ns, partial(one.lose, ConnectionResetError()))

    def delay_ns(self) -> int:
        random = self.world.random
        if self.world.happens(self.faults.slow_network):
            return NS_PER_MS * random.randint(1, 200)
        return NS_PER_US * random.randint(20, 200)

    def cut_length(self, length: int) -> int:
        """How much of `length` bytes arrives in one piece."""
        if self.world.happens(self.faults.split):
            return self.world.random.randint(1, min(length, self.world.random.choice((3, 100, 10_000))))
        return length
