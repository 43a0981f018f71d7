"""When to try again after a connection was lost, and when not."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from carbonmatch.client.connection import Connection
from carbonmatch.client.errors import Disconnected, LogonRefused
from carbonmatch.limits import RECONNECT_WAIT_SECONDS_MAX, RECONNECT_WAIT_SECONDS_MIN
from carbonmatch.matching.messages import RejectReason
from carbonmatch.protocol.messages import LogonAccepted, LogoutReason

# Coming back would only do it again: two processes would take a session from each other for ever, and
# a frame that broke the protocol once breaks it twice.
_FINAL_LOGOUTS: Final = frozenset({LogoutReason.TAKEN_OVER, LogoutReason.PROTOCOL_ERROR})

# A refused logon is the configuration's fault, unless the engine is only busy with itself.
_PASSING_REFUSALS: Final = frozenset(
    {
        RejectReason.THROTTLED,
        RejectReason.DEGRADED_STORAGE,
        RejectReason.SHUTTING_DOWN,
        RejectReason.ALREADY_LOGGED_ON,
    }
)


def is_final(error: Exception) -> bool:
    """Whether trying again cannot help."""
    if isinstance(error, LogonRefused):
        return error.reason not in _PASSING_REFUSALS
    if isinstance(error, Disconnected):
        return error.reason in _FINAL_LOGOUTS
    return not isinstance(error, OSError)


async def keep_connected(
    connection: Connection,
    open_once: Callable[[], Awaitable[Connection]],
    random: Random,
    seconds: float,
    on_disconnect: Callable[[Disconnected], None],
    on_reconnect: Callable[[LogonAccepted], None],
) -> None:
    """Replace `connection` whenever it is lost. Ends only by raising, when that is final."""
    while True:
        loss = await connection.wait_lost()
        on_disconnect(loss)
        if is_final(loss):
            raise loss
        connection = await reconnect(open_once, random, seconds)
        on_reconnect(connection.accepted)


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
