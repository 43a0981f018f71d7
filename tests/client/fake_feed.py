"""A feed of one instrument, by the same fake front door as order entry."""

from struct import pack
from typing import Any
from zlib import crc32

from carbonmatch.client.connection import Access
from carbonmatch.matching.messages import (
    InstrumentDefinition,
    InstrumentId,
    Phase,
    Side,
    TradeId,
)
from carbonmatch.protocol.codec import decode_feed_frame
from carbonmatch.protocol.messages import (
    BatchBegin,
    GapRequest,
    Heartbeat,
    Instrument,
    LevelUpdate,
    Logout,
    Role,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotLevel,
    Subscribe,
    Subscribed,
    SubscribeRejected,
    Trade,
)
from tests.client.fake_server import FakeServer, Peer

CEA = InstrumentId(5)
DEFINITION = InstrumentDefinition(CEA, "CEA24", "CNY", 1, 2, 1)


class FakeFeed(FakeServer):
    """Bids only, each level of one order. Switches: `checksum_error`, `subscription_refused`."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: dict[int, int] = {}
        self.instrument_seq = 0
        self.feed_sequence = 0
        self.requests: list[Any] = []
        self.checksum_error = 0
        self.subscription_refused: SubscribeRejected | None = None

    def access(self, **changes: Any) -> Access:
        return super().access(**{"role": Role.MARKET_DATA, **changes})

    def take(self, payload: bytes, peer: Peer) -> None:
        for message in decode_feed_frame(payload):
            if isinstance(message, Heartbeat | Logout):
                self.control(message, peer)
                continue
            self.requests.append(message)
            if self.subscription_refused is not None:
                peer.send([self.subscription_refused])
            elif isinstance(message, Subscribe):
                peer.send([Subscribed(message.ref, 1, self.feed_sequence), Instrument(DEFINITION)])
                peer.send(self._snapshot())
            elif isinstance(message, GapRequest):
                peer.send(self._snapshot())

    def set_level(self, price_ticks: int, quantity_lots: int) -> None:
        self.levels[price_ticks] = quantity_lots
        self._publish(LevelUpdate(CEA, self._next_seq(), Side.BUY, price_ticks, quantity_lots, 1))

    def trade(self, price_ticks: int, quantity_lots: int) -> None:
        seq = self._next_seq()
        self._publish(Trade(CEA, seq, TradeId(seq), price_ticks, quantity_lots, Side.SELL, 7))

    def define(self, instrument_id: InstrumentId) -> None:
        """Introduce another instrument, with its empty snapshot."""
        self.feed_sequence += 1
        introduced = [
            Instrument(InstrumentDefinition(instrument_id, "NEW", "CNY", 1, 2, 1)),
            SnapshotBegin(instrument_id, self.feed_sequence, 0, Phase.CONTINUOUS, 1, 0, 0, 0),
            SnapshotEnd(instrument_id, 0),
        ]
        for peer in self.connections:
            peer.send([BatchBegin(self.feed_sequence, 7), *introduced])

    def skip(self) -> None:
        """Lose an increment on the way to everybody."""
        self._next_seq()

    def _next_seq(self) -> int:
        self.instrument_seq += 1
        return self.instrument_seq

    def _publish(self, message: Any) -> None:
        self.feed_sequence += 1
        for peer in self.connections:
            peer.send([BatchBegin(self.feed_sequence, 7), message])

    def _snapshot(self) -> list[Any]:
        levels = sorted(self.levels.items(), reverse=True)
        summed = b"".join(pack(">BQQI", Side.BUY, price, lots, 1) for price, lots in levels)
        count = len(levels)
        return [
            SnapshotBegin(CEA, self.feed_sequence, self.instrument_seq, Phase.CONTINUOUS, 1, 0, 0, count),
            *[SnapshotLevel(CEA, Side.BUY, price, lots, 1) for price, lots in levels],
            SnapshotEnd(CEA, crc32(summed) ^ self.checksum_error),
        ]
