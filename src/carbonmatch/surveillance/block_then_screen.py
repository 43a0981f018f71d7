"""A block, and then the opposite on the screen in small clips, by the same account within days."""

from collections import defaultdict, deque

from msgspec import Struct

from carbonmatch.matching.messages import SCREEN_TRADES, AccountId, InstrumentId, Side, TradeKind
from carbonmatch.surveillance.facts import Dealt, Fact
from carbonmatch.surveillance.findings import DAY_NS, Evidence, Finding, Kept
from carbonmatch.surveillance.thresholds import Thresholds

PATTERN = "block_then_screen"


class _Block(Struct):
    trade: Dealt
    evidence: Evidence
    clips: int = 0
    lots: int = 0


class BlockThenScreen:
    """Each clip counts for the oldest block that it fits. Memory: the blocks of the last days."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._blocks: dict[tuple[AccountId, InstrumentId, Side], deque[_Block]] = defaultdict(deque)
        self._kept = Kept()

    def take(self, fact: Fact) -> None:
        if type(fact) is not Dealt:
            return
        sides = (fact.buyer, Side.BUY, fact.buy_order_id), (fact.seller, Side.SELL, fact.sell_order_id)
        for account_id, side, order_id in sides:
            if fact.kind is TradeKind.BLOCK:
                evidence = Evidence()
                evidence.note(fact.time_ns, fact.sequence, (account_id,), (order_id,), fact.trade_id)
                key = account_id, fact.instrument_id, side
                self._expire(key, fact.time_ns)
                self._blocks[key].append(_Block(fact, evidence))
            elif fact.kind in SCREEN_TRADES:
                opposite = Side.SELL if side is Side.BUY else Side.BUY
                self._clip((account_id, fact.instrument_id, opposite), fact)

    def _clip(self, key: tuple[AccountId, InstrumentId, Side], trade: Dealt) -> None:
        blocks = self._blocks.get(key)
        if blocks is None:
            return
        self._expire(key, trade.time_ns)
        share = self._thresholds.block_clip_basis_points
        for block in blocks:
            whole = block.trade.quantity_lots
            if block.lots < whole and trade.quantity_lots * 10_000 <= share * whole:
                block.clips += 1
                block.lots += trade.quantity_lots
                order_id = trade.sell_order_id if key[2] is Side.BUY else trade.buy_order_id
                block.evidence.note(trade.time_ns, trade.sequence, (key[0],), (order_id,), trade.trade_id)
                return

    def _expire(self, key: tuple[AccountId, InstrumentId, Side], now_ns: int) -> None:
        blocks = self._blocks[key]
        while blocks and blocks[0].trade.time_ns < now_ns - self._thresholds.block_days * DAY_NS:
            self._end(key, blocks.popleft())

    def _end(self, key: tuple[AccountId, InstrumentId, Side], block: _Block) -> None:
        least, whole = self._thresholds, block.trade.quantity_lots
        if (
            block.clips >= least.block_clips_min
            and block.lots * 10_000 >= least.block_share_basis_points * whole
        ):
            account_id, instrument_id, side = key
            did, then = ("bought", "sold") if side is Side.BUY else ("sold", "bought")
            words = (
                f"account {account_id} {did} a block of {whole} lots (trade {block.trade.trade_id}), "
                f"then {then} {block.lots} lots on the screen in {block.clips} clips"
            )
            self._kept.add(Finding(PATTERN, block.lots, instrument_id, words, block.evidence))

    def findings(self) -> Kept:
        """To be called once, at the end."""
        for key, blocks in self._blocks.items():
            for block in blocks:
                self._end(key, block)
        return self._kept
