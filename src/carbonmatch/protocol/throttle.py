"""How many commands a session may send: exact integer token buckets, the time passed in.

A throttle belongs to a session, not to its connection: reconnecting does not refill it.
"""

from typing import Final

from msgspec import Struct

from carbonmatch.limits import THROTTLE_PATIENCE_SECONDS
from carbonmatch.matching.messages import (
    BlockDecline,
    BlockWithdraw,
    Cancel,
    Kill,
    MassCancel,
    Reduce,
    RejectReason,
    SessionCommand,
    WithdrawBid,
)
from carbonmatch.protocol.messages import SessionRejected

_NS: Final = 1_000_000_000
_NS_PER_US: Final = 1_000


class TokenBucket:
    """Holds up to `burst` tokens and gains `per_second` of them: over any time t, at most
    burst + per_second x t are taken.

    Counted in billionths of a token, of which a bucket gains `per_second` every nanosecond: exact
    for every rate, no division where tokens are taken.
    """

    __slots__ = ("_capacity", "_level", "_per_second", "_updated_ns")

    def __init__(self, per_second: int, burst: int, now_ns: int) -> None:
        assert per_second > 0
        assert burst > 0
        self._per_second = per_second
        self._capacity = burst * _NS
        self._level = self._capacity
        self._updated_ns = now_ns

    def take(self, count: int, now_ns: int) -> int:
        """Take `count` tokens and return 0, or take none and return after how many µs to ask again.

        More than the burst is taken from a full bucket, which owes the difference then: otherwise a
        frame of more commands than the burst would be refused for ever. A clock that steps back
        gains nothing.
        """
        level = self._level
        if now_ns > self._updated_ns:
            level = min(self._capacity, level + (now_ns - self._updated_ns) * self._per_second)
            self._updated_ns = now_ns
        wanted = count * _NS
        missing = min(wanted, self._capacity) - level
        if missing <= 0:
            self._level = level - wanted
            return 0
        self._level = level
        return -(-missing // (self._per_second * _NS_PER_US))


class Admission(Struct, frozen=True, gc=False):
    """What a throttle made of a frame."""

    admitted: list[SessionCommand]  # the list that was passed in where nothing was refused
    refused: list[SessionRejected]
    exhausted: bool  # so much was refused that the connection is to be ended: LogoutReason.THROTTLED


# What takes risk out of the market.
_CANCELS: Final = (Cancel, MassCancel, Reduce, BlockDecline, BlockWithdraw, WithdrawBid, Kill)


class Throttle:
    """Admits the commands of one session. A rate of 0 does not limit what it is the rate of.

    Pulling orders has a bucket of its own, so that a session which is throttled can still get out.
    """

    __slots__ = ("_cancels", "_commands", "_patience", "refused_count")

    def __init__(
        self,
        commands_per_second: int,
        commands_burst: int,
        cancels_per_second: int,
        cancels_burst: int,
        now_ns: int,
    ) -> None:
        self._commands = _bucket(commands_per_second, commands_burst, now_ns)
        self._cancels = _bucket(cancels_per_second, cancels_burst, now_ns)
        refused_per_second = commands_per_second or cancels_per_second
        patience = refused_per_second * THROTTLE_PATIENCE_SECONDS
        self._patience = TokenBucket(refused_per_second, patience, now_ns)
        self.refused_count = 0

    def admit(self, commands: list[SessionCommand], now_ns: int) -> Admission:
        """Take a frame's cancels all or none, and its other commands all or none."""
        kinds = list(map(type, commands))
        cancel_count = sum(map(kinds.count, _CANCELS))
        command_count = len(kinds) - cancel_count
        cancels_after_us = _take(self._cancels, cancel_count, now_ns)
        commands_after_us = _take(self._commands, command_count, now_ns)
        if not cancels_after_us and not commands_after_us:
            return Admission(commands, [], False)

        admitted: list[SessionCommand] = []
        refused = []
        for command in commands:
            is_cancel = type(command) in _CANCELS
            retry_after_us = cancels_after_us if is_cancel else commands_after_us
            if retry_after_us:
                refused.append(SessionRejected(command.ref, RejectReason.THROTTLED, retry_after_us))
            else:
                admitted.append(command)
        self.refused_count += len(refused)
        return Admission(admitted, refused, self._patience.take(len(refused), now_ns) > 0)


def _bucket(per_second: int, burst: int, now_ns: int) -> TokenBucket | None:
    return TokenBucket(per_second, burst, now_ns) if per_second else None


def _take(bucket: TokenBucket | None, count: int, now_ns: int) -> int:
    return bucket.take(count, now_ns) if bucket is not None and count else 0
