"""A drop copy, followed through lost connections and engine starts: every copy once, in order."""

from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any

from carbonmatch.client.connection import Access, Connection, open_connection
from carbonmatch.client.errors import Disconnected, StreamGap
from carbonmatch.client.reconnect import Keeper, Kept
from carbonmatch.client.unread import Unread
from carbonmatch.limits import COPIES_UNREAD_MAX, RECONNECT_SECONDS_MAX
from carbonmatch.protocol.codec import UnknownMessage, decode_copies
from carbonmatch.protocol.messages import Copied, LogonAccepted


class DropCopyClient(Kept):
    """`async with DropCopyClient(access, next_seq=1) as copy:` and then `async for one in copy.copies():`

    After a connection is lost it goes on at the next copy. Whoever wants every copy exactly once keeps
    the `seq` of the last one it has dealt with, and starts with `next_seq` one above.
    """

    def __init__(
        self,
        access: Access,
        *,
        next_seq: int = 0,
        on_copies: Callable[[Sequence[Copied]], None] | None = None,
        on_disconnect: Callable[[Disconnected], None] | None = None,
        on_reconnect: Callable[[LogonAccepted], None] | None = None,
        reconnect_seconds: float = RECONNECT_SECONDS_MAX,
        copies_max: int = COPIES_UNREAD_MAX,
        random: Random | None = None,
    ) -> None:
        """`access.role` has to be DROP_COPY. `next_seq` is the first copy wanted: 1 for all, 0 for new ones.

        `on_copies` is called with the copies of each frame, as an alternative to `copies()`; it must not
        raise, which would cost the connection.
        """
        self.next_seq = next_seq
        self._access = access
        self._on_copies = on_copies
        self._on_disconnect = on_disconnect
        self._unread: Unread[Copied] = Unread(copies_max)
        self._keeper = Keeper(
            self._open,
            on_lost=self._lose,
            on_failed=self._unread.end,
            on_reconnect=on_reconnect,
            random=random,
            seconds=reconnect_seconds,
        )

    async def stop(self) -> None:
        self._unread.end()
        await self._keeper.stop("the drop-copy client was stopped")

    async def copies(self) -> AsyncIterator[Copied]:
        """Every copy once, in order. For one reader.

        Raises EventsLost where it was too slow, and the client's error at its end. A report of a later
        version is an UnknownMessage in its copy.
        """
        async for copy in self._unread.read():
            yield copy

    async def _open(self) -> Connection:
        return await open_connection(
            self._access,
            next_seq=self.next_seq,
            on_messages=self._take,
            on_logon=self._resume,
            decode=decode_copies,
        )

    def _resume(self, connection: Connection) -> None:
        self._keeper.connection = connection
        starts_at = connection.accepted.next_seq
        if self.next_seq and starts_at != self.next_seq:
            self._keeper.fail(StreamGap(self.next_seq, starts_at))
        self.next_seq = starts_at

    def _take(self, messages: list[Any]) -> None:
        copies = []
        for message in messages:
            is_known = type(message) is Copied
            if not is_known and not (type(message) is UnknownMessage and message.seq):
                continue
            if message.seq != self.next_seq:
                self._keeper.fail(StreamGap(self.next_seq, message.seq))
                return
            self.next_seq += 1
            if is_known:
                copies.append(message)
        if self._on_copies is not None:
            self._on_copies(copies)
        else:
            self._unread.put(copies)

    def _lose(self, loss: Disconnected) -> None:
        if self._on_disconnect is not None:
            self._on_disconnect(loss)
