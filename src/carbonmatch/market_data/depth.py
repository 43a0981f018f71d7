"""What everybody may know of one instrument's book: its levels, phase and band, as released.

Built from the events of released batches only, never read from the engine: a reader must not see
what a crash could still take back. Knows nothing of feeds, numbers or bytes, except for the
checksum by which a reader proves its copy.
"""

from collections.abc import Iterable, Sequence
from struct import Struct as Layout
from typing import Final
from zlib import crc32

from carbonmatch.matching.messages import InstrumentDefinition, LevelChanged, Phase, Side
from carbonmatch.protocol.messages import SnapshotLevel

# One level: side (1 buy, 2 sell), price in ticks, quantity in lots, number of orders. Big-endian,
# no padding. A fixed layout and not the encoded message, so that a field which is appended to the
# message leaves every reader's checksum as it was.
_CHECKSUM_LEVEL: Final = Layout(">BQQI")
assert _CHECKSUM_LEVEL.size == 21, "the layout of the checksum is a promise to every reader"

# Looking a member up in its enum costs as much as the store of a level (70 ns, measured).
_BUY: Final = Side.BUY


class Depth:
    """Invariant: a level is here exactly while it holds lots.

    The ladders are plain dicts by price, and sorted only where somebody asks for all of them: a
    level changes thousands of times for each snapshot, and keeping the order costs about ten times
    a dict's store. The values are the events themselves, so a change makes no further object.
    """

    __slots__ = ("asks", "band", "bids", "phase", "until_ns")

    def __init__(self, definition: InstrumentDefinition) -> None:
        self.phase: Phase = definition.opening_phase
        self.until_ns = 0  # when the phase is to end; 0: not known
        # Reference price, lowest and highest price, in ticks.
        self.band = (definition.reference_price_ticks, definition.band_low_ticks, definition.band_high_ticks)
        self.bids: dict[int, LevelChanged] = {}
        self.asks: dict[int, LevelChanged] = {}

    def update(self, changes: Sequence[LevelChanged]) -> list[LevelChanged]:
        """Take in changes; return those which the public can see: a level may come and go unseen."""
        bids, asks = self.bids, self.asks
        seen = []
        for change in changes:
            ladder = bids if change.side is _BUY else asks
            if change.quantity_lots:
                ladder[change.price_ticks] = change
            elif ladder.pop(change.price_ticks, None) is None:
                continue
            seen.append(change)
        return seen

    def levels(self, count_max: int = 0) -> list[LevelChanged]:
        """Bids, then asks, each from the best on: the order in which a snapshot has them.

        At most `count_max` of each; 0: all.
        """
        bids, asks = self.bids, self.asks
        best_bids = sorted(bids, reverse=True)[: count_max or None]
        best_asks = sorted(asks)[: count_max or None]
        return [bids[price] for price in best_bids] + [asks[price] for price in best_asks]


def checksum(levels: Iterable[LevelChanged | SnapshotLevel]) -> int:
    """CRC-32 (as in zlib) over `_CHECKSUM_LEVEL` of each level, in the order sent; 0 for none."""
    pack = _CHECKSUM_LEVEL.pack
    return crc32(
        b"".join(
            [pack(level.side, level.price_ticks, level.quantity_lots, level.order_count) for level in levels]
        )
    )
