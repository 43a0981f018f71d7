"""Subscribers who wait for the journal: one after the other, each from its gap to where memory begins.

While the journal is read the market goes on, so it is read again up to what is durable by then, until what is
still missing is in memory: each time less, since executing is faster than what is executed.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from carbonmatch.limits import (
    CONFLATE_BUFFER_BYTES,
    FEED_JOURNAL_GAP_SECONDS_MAX,
    FEED_JOURNAL_GAPS_WAITING_MAX,
    FEED_JOURNAL_UNREAD_SECONDS_MAX,
)
from carbonmatch.market_data.gaps import Gaps
from carbonmatch.market_data.groups import Interest
from carbonmatch.market_data.subscriber import Lost
from carbonmatch.ops.logs import WARNING, Ours, log
from carbonmatch.server.gap_worker import Piece
from carbonmatch.server.scheduler import Scheduler, Timer

if TYPE_CHECKING:
    from carbonmatch.server.publisher import FeedPeer

# Whether a slow reader has read what it was sent is looked at so often.
_LOOK_SECONDS: Final = 0.02


class GapSource(Protocol):
    """Reads the journal elsewhere; see `gap_worker.GapProcess`."""

    def go_on(self, until_position: int) -> None: ...
    def read(self) -> Piece: ...
    def close(self) -> None: ...


class GapFills:
    """Those who wait, in their order; the journal is read for the first one."""

    def __init__(
        self,
        open_source: Callable[[Lost, Interest], GapSource],
        durable_position: Callable[[], int],
        beside: Scheduler,
    ) -> None:
        """`beside` reads in a thread that others do not wait for: it blocks while a process works."""
        self.open_source = open_source
        self.durable_position = durable_position
        self.beside = beside
        self._fillings: deque[_Filling] = deque()

    def ask(self, peer: "FeedPeer") -> bool:
        """Have the journal read for one that is `lost`; False where too many wait, or one of its key does."""
        self._let_go()
        busy = [filling for filling in self._fillings if filling.is_wanted]
        if len(busy) > FEED_JOURNAL_GAPS_WAITING_MAX or any(each.peer.key_id == peer.key_id for each in busy):
            return False
        self._fillings.append(_Filling(self, peer))
        if len(self._fillings) == 1:
            self._fillings[0].begin()
        return True

    def ended(self, filling: "_Filling") -> None:
        """It is done with: on with the first that is not."""
        was_first = filling is self._fillings[0]
        self._fillings.remove(filling)
        self._let_go()
        if was_first and self._fillings:
            self._fillings[0].begin()

    @property
    def do_others_wait(self) -> bool:
        """Whether anybody does but the one that the journal is read for."""
        return any(each.is_wanted and not each.has_begun for each in self._fillings)

    def _let_go(self) -> None:
        """Forget who waits no more: whoever subscribes again and again has one place, the last.

        What is read already is read on to its next piece. To end it at once would be to begin as many
        processes as somebody subscribes.
        """
        for filling in list(self._fillings):
            if not (filling.has_begun or filling.is_wanted):
                filling.abandon()
                self._fillings.remove(filling)

    def stop(self) -> None:
        for filling in self._fillings:
            filling.abandon()


class _Filling:
    """What one subscriber has lost, on its way."""

    def __init__(self, fills: GapFills, peer: "FeedPeer") -> None:
        lost, group = peer.subscriber.lost, peer.subscriber.group
        assert lost is not None
        assert group is not None
        self.peer = peer
        self._fills = fills
        self._beside = fills.beside
        self._lost = lost
        self._interest = group.interest
        self._source: GapSource | None = None
        self._unread_seconds = 0.0
        self.has_begun = False
        self._timer: Timer = self._beside.call_later(FEED_JOURNAL_GAP_SECONDS_MAX, self._give_up)

    @property
    def is_wanted(self) -> bool:
        """Whether its subscriber is there, and has not subscribed to something else since."""
        return self.peer.connected and self.peer.subscriber.lost is self._lost

    def begin(self) -> None:
        self.has_begun = True
        opening = partial(self._fills.open_source, self._lost, self._interest)
        self._beside.read(opening, self._opened, self._failed)

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        self._timer.cancel()
        if self._source is not None:
            self._source.close()

    def _give_up(self) -> None:
        """It has taken too long: snapshots. What reads for it ends, and that ends this."""
        self._answer_with_snapshots("it has taken too long")
        if self._source is not None:
            self._source.close()
        elif not self.has_begun:
            self._end()

    # --- in turns of the loop ----------------------------------------------------------------------

    def _opened(self, source: GapSource) -> None:
        self._source = source
        self._go_on(source)

    def _go_on(self, source: GapSource) -> None:
        position = self._fills.durable_position()

        def read() -> Piece:
            source.go_on(position)
            return source.read()

        self._beside.read(read, self._took, self._failed)

    def _took(self, piece: Piece) -> None:
        source = self._source
        assert source is not None
        if not self.is_wanted:
            self._end()
        elif piece.framed:
            self.peer.send_framed(piece.framed)
            self._unread_seconds = 0.0
            self._read_on()
        else:
            rest = self._gaps.catch_up(self.peer.subscriber, piece.feed_sequence)
            if rest is None:
                self._go_on(source)
            else:
                self._answer(rest)
                self._end()

    def _read_on(self) -> None:
        """Take the next piece once most of those before it were read."""
        source = self._source
        assert source is not None
        if not self.is_wanted:
            self._end()
        elif self.peer.transport.get_write_buffer_size() > CONFLATE_BUFFER_BYTES:
            self._unread_seconds += _LOOK_SECONDS
            if self._unread_seconds > FEED_JOURNAL_UNREAD_SECONDS_MAX and self._fills.do_others_wait:
                self._answer_with_snapshots("it is not read, and others wait")
                self._end()
                return
            self._beside.call_later(_LOOK_SECONDS, self._read_on)
        else:
            self._beside.read(source.read, self._took, self._failed)

    def _failed(self, error: Exception) -> None:
        self._answer_with_snapshots(repr(error))
        self._end()
        if not isinstance(error, EOFError | OSError):
            raise error

    # --- answers -----------------------------------------------------------------------------------

    @property
    def _gaps(self) -> Gaps:
        return self.peer.listener.subscriptions.gaps

    def _answer_with_snapshots(self, why: str) -> None:
        if self.is_wanted:
            log("gap_not_filled", WARNING, address=self.peer.address, text=Ours(why))
            self._answer(self._gaps.give_up(self.peer.subscriber, self.peer.clocks.monotonic_ns()))

    def _answer(self, frames: list[bytes]) -> None:
        for framed in frames:
            self.peer.send_framed(framed)
        # Snapshots, where it waits for those now; and what it has asked for since.
        self.peer.drained()

    def _end(self) -> None:
        self._timer.cancel()
        source, self._source = self._source, None
        if source is not None:
            source.close()
        self._fills.ended(self)
