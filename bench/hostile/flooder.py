"""A client without manners: sends as fast as its connection takes it, and throws the answers away.

Runs in a process of its own, so that the victim's latency is not its loop's.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final, cast

import numpy as np
import uvloop
from numpy.typing import NDArray

from bench import market
from bench.hostile.crew import crew
from bench.sessions import Address, Handshake
from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.matching.messages import (
    Cancel,
    ClientCommand,
    InstrumentId,
    NewOrder,
    Ref,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.codec import decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import Role

# A command of a flood begins with the array's header, its tag, and five bytes of ref: a marker and four
# digits to the base 256, as long as refs are between these.
_REF_MIN: Final = 2**24
_REF_MAX: Final = 2**32
_REF_AT: Final = 3
_ORDER_REF_AT: Final = 8

# What is made and written at once; the connection holds some more.
_CHUNK_COMMANDS: Final = 1_024
_START_SECONDS_MAX: Final = 20.0


def flood_commands(first_ref: int, count: int) -> Iterator[ClientCommand]:
    """One order that rests, one that takes, one that is refused, one cancel of the first; again and again."""
    instrument_id = InstrumentId(1)
    for ref in range(first_ref, first_ref + count, 4):
        yield NewOrder(Ref(ref), instrument_id, Side.BUY, 2, 9_990)
        yield NewOrder(Ref(ref + 1), instrument_id, Side.SELL, 1, 9_990, time_in_force=TimeInForce.IOC)
        yield NewOrder(Ref(ref + 2), instrument_id, Side.BUY, 1, 20_000)  # outside the band
        yield Cancel(Ref(ref + 3), Ref(ref))


class Template:
    """A chunk of frames, encoded once; `bytes_from` moves its refs without encoding it again."""

    def __init__(self, frame_commands: int) -> None:
        commands = list(flood_commands(_REF_MIN, _CHUNK_COMMANDS))
        positions: list[int] = []
        offsets: list[int] = []
        parts: list[bytes] = []
        at = 0
        for start in range(0, len(commands), frame_commands):
            part = commands[start : start + frame_commands]
            framed = frame(encode(part))
            inside = at + len(framed) - sum(len(encode([one])) - 1 for one in part)
            for command in part:
                positions.append(inside + _REF_AT)
                offsets.append(command.ref - _REF_MIN)
                if type(command) is Cancel:
                    positions.append(inside + _ORDER_REF_AT)
                    offsets.append(command.order_ref - _REF_MIN)
                inside += len(encode([command])) - 1
            parts.append(framed)
            at += len(framed)
        self._bytes: NDArray[np.uint8] = np.frombuffer(b"".join(parts), np.uint8).copy()
        self._positions = np.array(positions)[:, None] + np.arange(4)
        self._offsets = np.array(offsets, np.int64)
        assert self.bytes_from(_REF_MIN) == b"".join(parts), "refs are where they are expected"

    def bytes_from(self, first_ref: int) -> bytes:
        refs = (self._offsets + first_ref).astype(">u4")
        self._bytes[self._positions] = refs.view(np.uint8).reshape(-1, 4)
        return self._bytes.tobytes()


class Flooder(asyncio.Protocol):
    """Writes whenever its transport takes more."""

    def __init__(self, handshake: Handshake, template: Template) -> None:
        self._handshake: Handshake | None = handshake
        self._template = template
        self._reader = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._ref = _REF_MIN
        self._paused = False
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, chunk: bytes) -> None:
        if self._handshake is None:
            return
        for payload in self._reader.feed(chunk):
            if reply := self._handshake.answer(decode_reports(payload)):
                self._transport.write(reply)
        if self._handshake.accepted.done():
            self._ref = max(_REF_MIN, self._handshake.accepted.result().last_ref + 1)
            self._handshake = None

    def begin(self) -> None:
        """Write one chunk, and the next one as soon as there is room."""
        if self._paused or self.lost:
            return
        assert self._ref + _CHUNK_COMMANDS < _REF_MAX
        self._transport.write(self._template.bytes_from(self._ref))
        self._ref += _CHUNK_COMMANDS
        asyncio.get_running_loop().call_soon(self.begin)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        asyncio.get_running_loop().call_soon(self.begin)

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost = True

    def close(self) -> None:
        self._transport.abort()


@contextmanager
def flooding(address: Address, first_session: int, count: int, frame_commands: int) -> Iterator[None]:
    """`count` flooders in one process, from before the block begins until it ends."""
    arguments = (address, first_session, count, frame_commands)
    with crew("flooders", _run, arguments, _START_SECONDS_MAX):
        yield


def _run(pipe: Connection, address: Address, first_session: int, count: int, frame_commands: int) -> None:
    uvloop.run(_flood(pipe, address, first_session, count, frame_commands))


async def _flood(
    pipe: Connection, address: Address, first_session: int, count: int, frame_commands: int
) -> None:
    loop = asyncio.get_running_loop()
    flooders = []
    for member in market.traders(first_session + count)[first_session:]:
        handshake = Handshake(member, Role.TRADE)
        flooder = Flooder(handshake, Template(frame_commands))
        await loop.create_connection(lambda one=flooder: one, *address)  # type: ignore[misc]
        await handshake.outcome()
        flooders.append(flooder)
    stop = asyncio.Event()
    loop.add_reader(pipe.fileno(), stop.set)
    for flooder in flooders:
        flooder.begin()
    pipe.send("floods")
    await stop.wait()
    loop.remove_reader(pipe.fileno())
    for flooder in flooders:
        flooder.close()
