"""Bytes that are nearly right, over TCP at a running engine, while honest sessions trade beside them.

    python -m tests.fuzz.live --connections 2000 --seed 1

Each connection is one of a few kinds: garbage before a logon, mutated frames after a real one, on order
entry, market data and the ops port. The engine has to answer or to close, the honest sessions have to get
each of their answers, and at the end the journal has to replay to the state there is.
"""

import argparse
import asyncio
import contextlib
import logging
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import uvloop

from carbonmatch.config import host_and_port
from carbonmatch.matching.messages import NewOrder
from carbonmatch.protocol import codec
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import frame
from tests.end_to_end.honest import honest_trading
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue, running
from tests.end_to_end.wire import Wire
from tests.fuzz.mutation import Mutator
from tests.fuzz.wire_targets import frame_seeds, message_seeds, payloads

# An honest trade after so many others.
_TRADE_EVERY: Final = 10
_FRAMES_MAX: Final = 12


class Assault:
    """Connections that mean no good. The same seed sends the same bytes; what comes back depends on time."""

    def __init__(self, venue: Venue, seed: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._venue = venue
        self._random = random.Random(seed)
        self._messages = Mutator(message_seeds(), seed)
        self._commands = Mutator(payloads("commands", "short_forms"), seed)
        self._streams = Mutator(frame_seeds(), seed)

    async def connect(self) -> None:
        """One connection of a random kind."""
        kind = self._random.choice((self._stranger, self._trader, self._trader, self._reader, self._asker))
        with contextlib.suppress(ConnectionError, EOFError):
            await kind()

    async def _stranger(self) -> None:
        """Somebody who has not logged on."""
        venue = self._venue
        address = self._random.choice((venue.order_entry, venue.market_data))
        async with Wire.open(address) as wire:
            wire.write(
                self._streams.input()
                if self._random.random() < 0.5
                else frame(self._messages.input() or b"0")
            )
            await self._watch("stranger", wire)

    async def _trader(self) -> None:
        """Alice, whose logon is good, and nothing after it."""
        async with self._venue.wire("alice") as wire:
            for _ in range(self._random.randint(1, _FRAMES_MAX)):
                payload = self._commands.input()
                if payload and not _trades_with_others(payload):
                    wire.write(frame(payload) if self._random.random() < 0.9 else payload)
            await self._watch("trader", wire)

    async def _reader(self) -> None:
        async with self._venue.feed_wire() as wire:
            for _ in range(self._random.randint(1, _FRAMES_MAX)):
                wire.write(frame(self._messages.input() or b"0"))
            await self._watch("reader", wire)

    async def _asker(self) -> None:
        address = host_and_port(self._venue.addresses["ops"])
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(self._streams.input() + b"\r\n\r\n")
            told = await reader.read()
            self.outcomes[f"asker: {told[9:12].decode() or 'reset'}"] += 1
        finally:
            writer.close()

    async def _watch(self, who: str, wire: Wire) -> None:
        """Until the engine closes, or nothing comes of what was sent: half of a frame, say."""
        try:
            async with asyncio.timeout(0.02):
                while True:
                    await wire.frame()
        except TimeoutError:
            self.outcomes[f"{who}: still there"] += 1
        except (EOFError, ConnectionError):
            self.outcomes[f"{who}: sent away"] += 1
            raise


def _trades_with_others(payload: bytes) -> bool:
    """Whether it is an order that the honest could meet: trading with them is no harm, but it is noise."""
    try:
        messages = codec.decode_client_frame(payload)
    except ProtocolError:
        return False
    return any(type(message) is NewOrder and message.instrument_id == EUA for message in messages)


async def assault(directory: Path, connections: int, seed: int) -> Counter[str]:
    """Raise AssertionError where the engine, an honest session or the journal has suffered."""
    async with running(directory) as venue, honest_trading(venue) as honest:
        attack = Assault(venue, seed)
        for number in range(connections):
            await attack.connect()
            if number % _TRADE_EVERY == 0:
                await honest.trade()
        return attack.outcomes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.live", description=__doc__)
    parser.add_argument("--connections", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        outcomes = uvloop.run(assault(Path(directory) / "journal", options.connections, options.seed))
    told = ", ".join(f"{kind} {count:,}" for kind, count in sorted(outcomes.items()))
    print(
        f"{options.connections:,} connections in {time.perf_counter() - began:.1f} s, seed {options.seed}:"
        f" honest sessions undisturbed, journal replayed\n  {told}"
    )


if __name__ == "__main__":
    main()
