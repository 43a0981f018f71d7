"""Negotiated blocks as the public knows them: what is posted, when they are open, and which trades wait.

Where the instrument's rules say that the tape shows a block at the close only, its trade waits here until
blocks or instrument close: nobody is told of it before, nor of what becomes of it; or everybody of the volume
of all that wait, whenever that changes.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from carbonmatch.matching.messages import (
    BlockPhase,
    BlockPhaseChanged,
    BlockPosted,
    BlockTape,
    InstrumentDefinition,
    OrderId,
    TradeBusted,
    TradeCorrected,
    Traded,
    TradeId,
    TradeKind,
)
from carbonmatch.protocol.messages import BlockPhaseUpdate, BlockPost, BlockVolume


class SavedBlocks(Struct, frozen=True, gc=False, array_like=True):
    """Everything, posts and trades in the order in which they came."""

    told: BlockPhaseChanged | None
    posts: list[BlockPosted]
    withheld: list[Traded]


BlockMessage = BlockPhaseUpdate | BlockPost | BlockVolume

NOTHING: Final = SavedBlocks(None, [], [])


class PublicBlocks:
    """Of one instrument. `told` is the phase as it was last told; None: the one that its rules begin with."""

    __slots__ = ("_posts", "_told", "_withheld")

    def __init__(self, saved: SavedBlocks = NOTHING) -> None:
        self._told = saved.told
        self._posts: dict[OrderId, BlockPosted] = {post.proposal_id: post for post in saved.posts}
        self._withheld: dict[TradeId, Traded] = {trade.trade_id: trade for trade in saved.withheld}

    def saved(self) -> SavedBlocks:
        return SavedBlocks(self._told, [*self._posts.values()], [*self._withheld.values()])

    def post(self, event: BlockPosted, seq: int) -> BlockPost:
        if event.quantity_lots:
            self._posts[event.proposal_id] = event
        else:
            del self._posts[event.proposal_id]
        return _post_message(event, seq)

    def change_phase(self, event: BlockPhaseChanged, seq: int) -> BlockPhaseUpdate:
        self._told = event
        return _phase_message(event, seq)

    def snapshot(self, definition: InstrumentDefinition, seq: int) -> Iterator[BlockMessage]:
        """The phase, all that is posted, and what is traded, where blocks are negotiated at all."""
        rules = definition.blocks
        if rules is None:
            return
        told = self._told
        if told is None:
            told = BlockPhaseChanged(definition.instrument_id, 0, rules.opening_phase, "", 0)
        yield _phase_message(told, seq)
        for event in self._posts.values():
            yield _post_message(event, seq)
        if rules.tape is BlockTape.VALUE_AT_CLOSE and self._withheld:
            yield self._volume(definition, seq, next(reversed(self._withheld.values())).time_ns)

    def forget_phase(self) -> None:
        """The instrument has no blocks any more, and begins anew where it gets some."""
        self._told = None

    # --- trades that nobody is told of yet -------------------------------------------------------

    def withholds(self, definition: InstrumentDefinition, trade: Traded) -> bool:
        """Whether the trade waits for the close; then it is kept."""
        rules = definition.blocks
        if trade.kind is not TradeKind.BLOCK or rules is None or rules.tape is BlockTape.AT_ONCE:
            return False
        self._withheld[trade.trade_id] = trade
        return True

    def amends(self, event: TradeBusted | TradeCorrected) -> bool:
        """Whether the trade is one that waits; then it never was, or was another one, when it is told."""
        trade = self._withheld.get(event.trade_id)
        if trade is None:
            return False
        if type(event) is TradeBusted:
            del self._withheld[event.trade_id]
        else:
            self._withheld[event.trade_id] = Traded(
                trade.instrument_id,
                trade.time_ns,
                trade.trade_id,
                event.price_ticks,
                event.quantity_lots,
                trade.aggressor,
                trade.kind,
            )
        return True

    def told_volume(self, definition: InstrumentDefinition, seq: int, time_ns: int) -> BlockVolume | None:
        """What waits, now that it has changed; None where nobody is told."""
        rules = definition.blocks
        if rules is None or rules.tape is not BlockTape.VALUE_AT_CLOSE:
            return None
        return self._volume(definition, seq, time_ns)

    def _volume(self, definition: InstrumentDefinition, seq: int, time_ns: int) -> BlockVolume:
        volume_lots = sum(trade.quantity_lots for trade in self._withheld.values())
        return BlockVolume(definition.instrument_id, seq, volume_lots, len(self._withheld), time_ns)

    def release(self) -> list[Traded]:
        """The trades that have waited, in their order."""
        trades = [*self._withheld.values()]
        self._withheld.clear()
        return trades


def is_close(event: BlockPhaseChanged) -> bool:
    return event.phase is BlockPhase.CLOSED


def _post_message(event: BlockPosted, seq: int) -> BlockPost:
    return BlockPost(
        event.instrument_id,
        seq,
        event.proposal_id,
        event.side,
        event.price_ticks,
        event.quantity_lots,
        event.participant_id,
        event.expires_ns,
        event.time_ns,
    )


def _phase_message(event: BlockPhaseChanged, seq: int) -> BlockPhaseUpdate:
    return BlockPhaseUpdate(event.instrument_id, seq, event.phase, event.text, event.until_ns, event.time_ns)
