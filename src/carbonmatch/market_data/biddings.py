"""The biddings of one instrument as the public knows them: what was announced, how far it is, how it ended.

Of bids nothing is known here before a bidding has ended, so nothing of them can be told.
"""

from typing import Any, Final

from msgspec import Struct, structs

from carbonmatch.matching.messages import (
    BiddingAnnounced,
    BiddingEnded,
    BiddingPhaseChanged,
    BiddingState,
    OrderId,
)
from carbonmatch.protocol.messages import BiddingAnnouncement, BiddingResult, BiddingUpdate

BIDDING_EVENTS: Final = (BiddingAnnounced, BiddingPhaseChanged, BiddingEnded)
BiddingEvent = BiddingAnnounced | BiddingPhaseChanged | BiddingEnded
BiddingMessage = BiddingAnnouncement | BiddingUpdate | BiddingResult


class SavedBiddings(Struct, frozen=True, gc=False, array_like=True):
    """In the order of their announcement, each with its state; and the last that has ended."""

    current: list[tuple[BiddingAnnounced, BiddingState]] = []
    last: BiddingEnded | None = None


class PublicBiddings:
    """Those that are not over, by id, and the result of the last one."""

    __slots__ = ("_current", "_last")

    def __init__(self) -> None:
        self._current: dict[OrderId, tuple[BiddingAnnounced, BiddingState]] = {}
        self._last: BiddingEnded | None = None

    def apply(self, event: BiddingEvent, seq: int) -> BiddingMessage:
        """What everyone is told of the event, under this number."""
        if type(event) is BiddingAnnounced:
            self._current[event.bidding_id] = (event, BiddingState.ANNOUNCED)
            return _announcement(event, BiddingState.ANNOUNCED, seq)
        if type(event) is BiddingPhaseChanged:
            announced, _ = self._current[event.bidding_id]
            self._current[event.bidding_id] = (announced, event.state)
            return BiddingUpdate(event.instrument_id, seq, event.bidding_id, event.state, event.time_ns)
        assert type(event) is BiddingEnded
        del self._current[event.bidding_id]
        self._last = event
        return _result(event, seq)

    def snapshot(self, seq: int) -> list[BiddingMessage]:
        """All that a reader needs who joins now; `seq` is that of the instrument's last message."""
        messages: list[BiddingMessage] = [
            _announcement(announced, state, seq) for announced, state in self._current.values()
        ]
        if self._last is not None:
            messages.append(_result(self._last, seq))
        return messages

    def saved(self) -> SavedBiddings:
        return SavedBiddings(list(self._current.values()), self._last)

    def restore(self, saved: SavedBiddings) -> None:
        self._current = {announced.bidding_id: (announced, state) for announced, state in saved.current}
        self._last = saved.last


def _announcement(event: BiddingAnnounced, state: BiddingState, seq: int) -> BiddingAnnouncement:
    return BiddingAnnouncement(**_numbered(event, seq), state=state)


def _result(event: BiddingEnded, seq: int) -> BiddingResult:
    return BiddingResult(**_numbered(event, seq))


def _numbered(event: Struct, seq: int) -> dict[str, Any]:
    """The fields of an event, which its message has under the same names."""
    return {**structs.asdict(event), "instrument_seq": seq}
