"""Microseconds of engine CPU per published batch and subscriber, with real sockets on this machine.

    python -m tests.market_data.measure_fan_out [SUBSCRIBERS]

Each subscriber follows one instrument at L2, in a process that reads and throws away. Measured is what the
engine does for each of them: offer, and the write of the frame into its socket, with the kernel's part of
it; and, in the same run, the same batches for one subscriber, and with their sockets left out.
"""

import asyncio
import gc
import sys
from time import process_time_ns
from typing import cast

import uvloop

from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.subscriber import Subscriber
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import Outputs, Ref
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import Subscribe
from tests.market_data.measure_feed import levels, trades
from tests.market_data.world import NOW_NS, defined, released

BATCHES = 200
PAUSE_SECONDS = 0.01

_READER = """
import selectors, socket, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
selector = selectors.DefaultSelector()
for _ in range(count):
    selector.register(socket.create_connection(("127.0.0.1", port)), selectors.EVENT_READ)
while selector.get_map():
    for key, _ in selector.select():
        if not key.fileobj.recv(1 << 18):
            selector.unregister(key.fileobj)
            key.fileobj.close()
"""


class Feed:
    def __init__(self, count: int) -> None:
        self.market_data = MarketData()
        self.market_data.apply(released(defined(), *levels(1_000, 1)), NOW_NS)
        self.subscriptions = Subscriptions(self.market_data, frame)
        self.followers: list[tuple[Subscriber, asyncio.WriteTransport | None]] = []
        self.count = count

    def join(self, transport: asyncio.WriteTransport | None) -> None:
        subscriber = self.subscriptions.join()
        for payload in self.subscriptions.subscribe(subscriber, Subscribe(Ref(1)), NOW_NS):
            if transport is not None:
                transport.write(payload)
        for payload in self.subscriptions.drained(subscriber, NOW_NS):
            if transport is not None:
                transport.write(payload)
        self.followers.append((subscriber, transport))

    async def publish(self, outputs: Outputs) -> int:
        """CPU time of one batch for all of them, in nanoseconds."""
        begin = process_time_ns()
        self.subscriptions.publish(self.market_data.apply(outputs, NOW_NS))
        for subscriber, transport in self.followers:
            buffered = 0 if transport is None else transport.get_write_buffer_size()
            framed = self.subscriptions.offer(subscriber, buffered, NOW_NS)
            if framed is not None and transport is not None:
                transport.write(framed)
        # The loop writes at the end of its turn.
        await asyncio.sleep(0)
        return process_time_ns() - begin


async def measured(count: int) -> float:
    """Nanoseconds a batch, the median of many."""
    feed = Feed(count)
    joined = asyncio.Event()

    class Peer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            feed.join(cast("asyncio.WriteTransport", transport))
            if len(feed.followers) == count:
                joined.set()

    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0, backlog=count)
    port = server.sockets[0].getsockname()[1]
    reader = await asyncio.create_subprocess_exec(sys.executable, "-c", _READER, str(port), str(count))
    try:
        async with asyncio.timeout(60):
            await joined.wait()
        return await median_ns(feed)
    finally:
        reader.kill()
        await reader.wait()
        server.close()


async def median_ns(feed: Feed) -> float:
    batches = [released(*trades(2, 1), *levels(10, 1)), released(*trades(1, 1), *levels(8, 1))]
    gc.collect()
    gc.freeze()
    taken = []
    for number in range(BATCHES):
        taken.append(await feed.publish(batches[number % 2]))
        await asyncio.sleep(PAUSE_SECONDS)
    return sorted(taken)[BATCHES // 2]


async def without_sockets(count: int) -> float:
    feed = Feed(count)
    for _ in range(count):
        feed.join(None)
    return await median_ns(feed)


async def main(count: int) -> None:
    one = await measured(1)
    many = await measured(count)
    alone = await without_sockets(count)
    print(f"a batch for 1 subscriber: {one / 1_000:.0f} us")
    print(f"a batch for {count:,} subscribers: {many / 1_000_000:.2f} ms")
    print(f"each further subscriber: {(many - one) / (count - 1) / 1_000:.2f} us")
    print(f"the same without its socket: {alone / count / 1_000:.2f} us")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
