"""Readers of every speed, on connections that lose what is sent: they mend their books by asking."""

from collections import deque
from collections.abc import Iterable

import msgspec

from carbonmatch.client.book import BookBuilder, Damage
from carbonmatch.limits import CONFLATE_BUFFER_BYTES
from carbonmatch.market_data.changes import FeedBatch
from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import Ref
from carbonmatch.protocol.messages import FeedOutbound, Subscribe
from tests.market_data.world import NOW_NS

decode = msgspec.msgpack.Decoder(list[FeedOutbound]).decode


class Tape:
    """A feed with its clock, and the server's turn for each batch and whenever something is due."""

    def __init__(
        self,
        market_data: MarketData | None = None,
        conflate_buffer_bytes: int = CONFLATE_BUFFER_BYTES,
    ) -> None:
        self.market_data = MarketData() if market_data is None else market_data
        self.subscriptions = Subscriptions(self.market_data, conflate_buffer_bytes=conflate_buffer_bytes)
        self.time_ns = NOW_NS
        self.readers: list[Reader] = []

    def join(self, request: Subscribe, losses: Iterable[bool] = ()) -> "Reader":
        reader = Reader(self, request, losses)
        self.readers.append(reader)
        return reader

    def publish(self, batch: FeedBatch) -> None:
        self.subscriptions.publish(batch)
        self.offer()

    def offer(self) -> None:
        for reader in self.readers:
            reader.offer()

    def wait(self, milliseconds: int) -> None:
        """Time passes, and what is due meanwhile is sent."""
        end_ns = self.time_ns + milliseconds * 1_000_000
        while True:
            due_ns = self.subscriptions.due_ns
            if due_ns is None or due_ns > end_ns:
                break
            self.time_ns = max(self.time_ns, due_ns)
            self.offer()
        self.time_ns = end_ns


class Reader:
    """Frames wait in `unsent` until it reads; of those it then loses as many as `losses` says, in turn."""

    def __init__(self, tape: Tape, request: Subscribe, losses: Iterable[bool] = ()) -> None:
        self.tape = tape
        self.request = request
        self.books = BookBuilder(request.kinds, request.levels_max, request.conflate_ms)
        self.losses = deque(losses)
        self.heard: list[FeedOutbound] = []
        self.damages: list[Damage] = []
        self.connect()

    def connect(self) -> None:
        """On a new connection; what was unsent on the last one is lost."""
        self.subscriber = self.tape.subscriptions.join()
        self.unsent: list[bytes] = []
        request = msgspec.structs.replace(self.request, after_feed_sequence=self.books.resume_after)
        # The answer itself is never lost: without one a reader asks again.
        for payload in self.tape.subscriptions.subscribe(self.subscriber, request, self.tape.time_ns):
            self._take(decode(payload))
        self.send_waiting()

    def lose_connection(self) -> None:
        self.tape.subscriptions.leave(self.subscriber)
        self.books.interrupt()
        self.connect()

    @property
    def buffered_bytes(self) -> int:
        return sum(map(len, self.unsent))

    def offer(self) -> None:
        subscriptions, time_ns = self.tape.subscriptions, self.tape.time_ns
        payload = subscriptions.offer(self.subscriber, self.buffered_bytes, time_ns)
        if payload is not None:
            self.unsent.append(payload)
        self.send_waiting()

    def send_waiting(self) -> None:
        subscriptions, time_ns = self.tape.subscriptions, self.tape.time_ns
        self.unsent += subscriptions.drained(self.subscriber, time_ns, self.buffered_bytes)

    def read(self) -> None:
        """Take what is in the buffer, and ask for what is missing; what waits for that goes into it."""
        frames, self.unsent = self.unsent, []
        for frame in frames:
            if not (self.losses and self.losses.popleft()):
                self._take(decode(frame))
        self.send_waiting()

    def read_all(self) -> None:
        self.read()
        while self.unsent:
            self.read()

    def _take(self, messages: list[FeedOutbound]) -> None:
        self.heard += messages
        for damage in self.books.apply(messages):
            self.damages.append(damage)
            request = damage.request(Ref(2))
            self.unsent += self.tape.subscriptions.request_gap(self.subscriber, request, self.tape.time_ns)
