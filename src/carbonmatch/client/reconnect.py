"""When to try again after a connection was lost, and when not."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from random import Random
from types import TracebackType
from typing import Final, Self

from carbonmatch.client.connection import Connection
from carbonmatch.client.errors import Disconnected, LogonRefused
from carbonmatch.limits import RECONNECT_WAIT_SECONDS_MAX, RECONNECT_WAIT_SECONDS_MIN
from carbonmatch.matching.messages import RejectReason
from carbonmatch.protocol.messages import LogonAccepted, LogoutReason

# Coming back would only do it again: two processes would take a session from each other for ever, a frame
# that broke the protocol once breaks it twice, and what was archived does not come back.
_FINAL_LOGOUTS: Final = frozenset(
    {LogoutReason.TAKEN_OVER, LogoutReason.PROTOCOL_ERROR, LogoutReason.HISTORY_LOST}
)

# A refused logon is the configuration's fault, unless the engine is only busy with itself.
_PASSING_REFUSALS: Final = frozenset(
    {
        RejectReason.THROTTLED,
        RejectReason.DEGRADED_STORAGE,
        RejectReason.SHUTTING_DOWN,
        RejectReason.ALREADY_LOGGED_ON,
        # It is over some time.
        RejectReason.SESSION_BANNED,
    }
)


def is_final(error: Exception) -> bool:
    """Whether trying again cannot help."""
    if isinstance(error, LogonRefused):
        return error.reason not in _PASSING_REFUSALS
    if isinstance(error, Disconnected):
        return error.reason in _FINAL_LOGOUTS
    return not isinstance(error, OSError)


class Keeper:
    """One connection after the other, until trying again cannot help; then `failure` says why.

    What a connection is for is its owner's: `open_once` makes one and sets `connection` at its logon.
    """

    def __init__(
        self,
        open_once: Callable[[], Awaitable[Connection]],
        *,
        on_lost: Callable[[Disconnected], None],
        on_failed: Callable[[Exception], None],
        on_reconnect: Callable[[LogonAccepted], None] | None,
        random: Random | None,
        seconds: float,
    ) -> None:
        """`on_failed` is called once, with what every later call is to raise."""
        self.connection: Connection | None = None
        self.failure: Exception | None = None
        self._open_once = open_once
        self._on_lost = on_lost
        self._on_failed = on_failed
        self._on_reconnect = on_reconnect
        self._random = random or Random()
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The first attempt is the only one: raises LogonRefused, Disconnected or OSError."""
        self._task = asyncio.create_task(self._keep(await self._open()))

    async def stop(self, text: str) -> None:
        """Log out; whoever still waits gets `text` as a Disconnected."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self.connection is not None:
            await self.connection.logout()
        self.fail(Disconnected(text))

    def check(self) -> None:
        """Raise what has ended it for good, if anything has."""
        if self.failure is not None:
            raise self.failure

    def fail(self, error: Exception) -> None:
        """End for good. The first error counts."""
        if self.failure is not None:
            return
        self.failure = error
        if self.connection is not None:
            self.connection.abort(str(error))
        self._on_failed(error)

    async def _open(self) -> Connection:
        self.check()
        connection = await self._open_once()
        # The logon's answer may already have shown that it cannot go on.
        self.check()
        return connection

    async def _keep(self, connection: Connection) -> None:
        try:
            while True:
                loss = await connection.wait_lost()
                self._on_lost(loss)
                if is_final(loss):
                    raise loss
                connection = await reconnect(self._open, self._random, self._seconds)
                if self._on_reconnect is not None:
                    self._on_reconnect(connection.accepted)
        except Exception as error:
            self.fail(error)


class Kept(ABC):
    """A client that has a Keeper: logs on where an `async with` begins, and out where it ends."""

    _keeper: Keeper

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Log on. The first attempt is the only one: raises LogonRefused, Disconnected or OSError."""
        await self._keeper.start()

    @abstractmethod
    async def stop(self) -> None:
        """Log out; whoever still waits is told so."""


async def reconnect(
    open_once: Callable[[], Awaitable[Connection]], random: Random, seconds: float
) -> Connection:
    """Call `open_once` until it gives a connection; raise what is final, or Disconnected after `seconds`.

    Every wait is random below a bound that doubles, so that a thousand gateways do not come back to a
    restarted engine all at once.
    """
    wait_max = RECONNECT_WAIT_SECONDS_MIN
    last_error: Exception | None = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                await asyncio.sleep(random.uniform(0, wait_max))
                try:
                    return await open_once()
                except Exception as error:
                    if is_final(error):
                        raise
                    last_error = error
                wait_max = min(2 * wait_max, RECONNECT_WAIT_SECONDS_MAX)
    except TimeoutError:
        raise Disconnected(f"no engine for {seconds} s, last: {last_error!r}") from last_error
