"""A subscriber's connection as the server runs one: a buffer that its reader empties when it likes."""

import msgspec

from carbonmatch.client.book import BookBuilder, Damage
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching.messages import InstrumentId, Ref
from carbonmatch.protocol.messages import FeedKind, FeedOutbound, GapRequest, Subscribe
from tests.market_data.world import NOW_NS

decode = msgspec.msgpack.Decoder(list[FeedOutbound]).decode


class Connection:
    """Everything written stays in `unsent` until `read`, which builds the reader's books from it."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self.subscriptions = subscriptions
        self.subscriber = subscriptions.join()
        self.unsent: list[bytes] = []
        self.heard: list[FeedOutbound] = []
        self.damages: list[Damage] = []
        self.kinds = FeedKind.ALL
        self.instrument_ids: tuple[InstrumentId, ...] = ()
        self.books = BookBuilder()

    @property
    def buffered_bytes(self) -> int:
        return sum(map(len, self.unsent))

    def subscribe(self, *instrument_ids: InstrumentId, kinds: int = FeedKind.ALL) -> "Connection":
        self.kinds = kinds
        self.instrument_ids = instrument_ids
        self.read()
        self.books = BookBuilder(kinds)
        request = Subscribe(Ref(1), instrument_ids, kinds)
        self.unsent += self.subscriptions.subscribe(self.subscriber, request, NOW_NS)
        self.send_waiting()
        return self

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        request = GapRequest(Ref(2), instrument_id)
        self.unsent += self.subscriptions.request_gap(self.subscriber, request, NOW_NS)
        self.send_waiting()

    def offer(self) -> bytes | None:
        payload = self.subscriptions.offer(self.subscriber, self.buffered_bytes, NOW_NS)
        if payload is not None:
            self.unsent.append(payload)
        return payload

    def send_waiting(self) -> None:
        self.unsent += self.subscriptions.drained(self.subscriber, NOW_NS, self.buffered_bytes)

    def read(self) -> list[FeedOutbound]:
        """The reader takes what is in the buffer, once; what waits for that goes into it."""
        messages = [message for payload in self.unsent for message in decode(payload)]
        self.unsent.clear()
        self.heard += messages
        self.damages += self.books.apply(messages)
        self.send_waiting()
        return messages

    def read_all(self) -> list[FeedOutbound]:
        messages = self.read()
        while self.unsent:
            messages += self.read()
        return messages
