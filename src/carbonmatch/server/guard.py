"""Who may come in: connections are counted here before anything is spent on them.

Decides only; `door` has the sockets. A source that has not logged on yet may cost little, whatever it
does; one whose logons fail is kept out for a while. Every table has a bound.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

from msgspec import Struct

from carbonmatch.limits import (
    ADDRESSES_MAX,
    BLOCK_SECONDS,
    CONNECTIONS_MAX,
    FAILED_LOGONS_MAX,
    FAILED_LOGONS_SECONDS,
    TLS_HANDSHAKES_BURST_PER_ADDRESS,
    TLS_HANDSHAKES_KEPT,
    TLS_HANDSHAKES_MAX,
    TLS_HANDSHAKES_PER_SECOND,
    TLS_HANDSHAKES_PER_SECOND_PER_ADDRESS,
    WAITING_PER_ADDRESS_MAX,
)
from carbonmatch.ops.counters import Counters, TurnedAway
from carbonmatch.ops.logs import WARNING, log
from carbonmatch.protocol.throttle import TokenBucket

_NS_PER_SECOND: Final = 1_000_000_000
# Whoever has one IPv6 address has 2**64 of them.
_IPV6_PREFIX_BITS: Final = 64


class Bounds(Struct, frozen=True):
    """How many may be there, and what one source may do; configuration may say otherwise."""

    connections: int = CONNECTIONS_MAX  # of each listener
    waiting_per_address: int = WAITING_PER_ADDRESS_MAX
    failed_logons: int = FAILED_LOGONS_MAX  # 0: nobody is blocked


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, or the network of an IPv6 one."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> _IPV6_PREFIX_BITS << _IPV6_PREFIX_BITS)}/{_IPV6_PREFIX_BITS}"
    return str(address)


class Visit:
    """One connection as the guard sees it: it waits until it logs on, and then is in until it goes."""

    __slots__ = ("_guard", "_is_in", "_waits", "host", "source")

    def __init__(self, guard: "Guard", host: str, source: str) -> None:
        self._guard = guard
        self.host = host
        self.source = source
        self._waits = True
        self._is_in = False

    def is_gone(self) -> None:
        """Nothing is left of it. May be said again."""
        self._waits_no_more()
        if self._is_in:
            self._is_in = False
            self._guard.logged_off(self.source)

    @property
    def is_known(self) -> bool:
        """Whether its source has logged on before."""
        return self._guard.knows(self.source)

    def has_logged_on(self) -> None:
        self._is_in = True
        self._guard.logged_on(self.source)
        self._waits_no_more()

    def has_failed(self, key_id: str, now_ns: int) -> None:
        """Its logon was refused for its key; `key_id` is empty where there is no such key."""
        self._guard.failed(self, key_id, now_ns)

    def is_shut_out(self, key_id: str, now_ns: int) -> bool:
        """Whether no logon with this key is good from its source now."""
        return self._guard.is_blocked((self.source, key_id), now_ns)

    def _waits_no_more(self) -> None:
        if self._waits:
            self._waits = False
            self._guard.left(self.source)


# Whose failures are counted together: a source's, or those that it has had with one key.
_Account = str | tuple[str, str]


class _Record:
    """What is remembered of a source beyond its connections."""

    __slots__ = ("blocked_until_ns", "failures_ns", "handshakes")

    def __init__(self, now_ns: int) -> None:
        self.failures_ns: deque[int] = deque()
        self.blocked_until_ns = 0
        self.handshakes = TokenBucket(
            TLS_HANDSHAKES_PER_SECOND_PER_ADDRESS, TLS_HANDSHAKES_BURST_PER_ADDRESS, now_ns
        )


class Guard:
    """Shared by the listeners, so that a source has one account for all of them.

    `waiting` has the sources with connections that have not logged on, and `_present` those with connections
    that have: as many as there are connections. `_records` has the past of sources, and `_known` those that
    have logged on: the least recently seen are forgotten first.

    A source is blocked as a whole for its failures, unless it is a member's by all that is known: it has
    somebody logged on, or a key names it. A member's mistyped key then shuts out that key from there, and
    not the gateways beside it.
    """

    def __init__(
        self,
        counters: Counters,
        now_ns: int,
        bounds: Bounds | None = None,
        is_named: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`is_named`: whether a key names an address as one that it is used from."""
        self.counters = counters
        self.bounds = bounds or Bounds()
        self.waiting: dict[str, int] = {}
        self._is_named = is_named
        self._present: dict[str, int] = {}
        self.handshaking = 0
        half = TLS_HANDSHAKES_PER_SECOND // 2
        self._handshakes_of_known = TokenBucket(half, TLS_HANDSHAKES_MAX, now_ns)
        self._handshakes_of_strangers = TokenBucket(half, TLS_HANDSHAKES_MAX, now_ns)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._records: OrderedDict[_Account, _Record] = OrderedDict()
        # Of those turned away since the log said so.
        self._untold = 0
        self._told_ns = 0

    def admit(self, host: str, now_ns: int) -> Visit | TurnedAway:
        """Count a connection that was accepted; or say why it has to be closed at once."""
        source = source_of(host)
        if self.is_blocked(source, now_ns) and not self._is_members(source, host):
            return TurnedAway.BLOCKED
        count = self.waiting.get(source, 0)
        if count >= self.bounds.waiting_per_address:
            return TurnedAway.ADDRESS
        self.waiting[source] = count + 1
        return Visit(self, host, source)

    def left(self, source: str) -> None:
        _one_less(self.waiting, source)

    def logged_off(self, source: str) -> None:
        _one_less(self._present, source)

    def logged_on(self, source: str) -> None:
        self._present[source] = self._present.get(source, 0) + 1
        self._known[source] = None
        self._known.move_to_end(source)
        if len(self._known) > ADDRESSES_MAX:
            self._known.popitem(last=False)

    def knows(self, source: str) -> bool:
        return source in self._known

    # --- TLS -------------------------------------------------------------------------------------

    def begin_handshake(self, visit: Visit, now_ns: int) -> bool:
        """Whether one more is affordable: each takes 0.6 to 1.5 ms of the loop, and 50 KiB while it lasts."""
        is_known = visit.is_known
        if self.handshaking >= TLS_HANDSHAKES_MAX - (0 if is_known else TLS_HANDSHAKES_KEPT):
            return False
        # The source's own share first: what it has used up must not cost the others'.
        if self._record(visit.source, now_ns).handshakes.take(1, now_ns):
            return False
        rate = self._handshakes_of_known if is_known else self._handshakes_of_strangers
        if rate.take(1, now_ns):
            return False
        self.handshaking += 1
        return True

    def end_handshake(self, succeeded: bool) -> None:
        self.handshaking -= 1
        self.counters.tls_handshakes["done" if succeeded else "failed"] += 1

    # --- failures --------------------------------------------------------------------------------

    def failed(self, visit: Visit, key_id: str, now_ns: int) -> None:
        """Note a failed logon; with too many of them the source is blocked, or the key from this source."""
        if not self.bounds.failed_logons:
            return
        is_members = self._is_members(visit.source, visit.host)
        record = self._record((visit.source, key_id) if is_members else visit.source, now_ns)
        failures = record.failures_ns
        failures.append(now_ns)
        while failures[0] <= now_ns - FAILED_LOGONS_SECONDS * _NS_PER_SECOND:
            failures.popleft()
        if len(failures) < self.bounds.failed_logons:
            return
        failures.clear()
        record.blocked_until_ns = now_ns + BLOCK_SECONDS * _NS_PER_SECOND
        if is_members:
            self.counters.keys_blocked += 1
            log("key_blocked", WARNING, address=visit.source, key_id=key_id, seconds=BLOCK_SECONDS)
        else:
            self.counters.addresses_blocked += 1
            log("address_blocked", WARNING, address=visit.source, seconds=BLOCK_SECONDS)

    def is_blocked(self, account: _Account, now_ns: int) -> bool:
        record = self._records.get(account)
        return record is not None and now_ns < record.blocked_until_ns

    def _is_members(self, source: str, host: str) -> bool:
        return source in self._present or self._is_named(host)

    def turned_away(self, why: TurnedAway, host: str, now_ns: int) -> None:
        """Count it. The log has a line a second at most: a flood must not cost more than it does already."""
        self.counters.turned_away[why] += 1
        self._untold += 1
        if now_ns - self._told_ns >= _NS_PER_SECOND:
            log("turned_away", WARNING, reason=why, address=host, count=self._untold)
            self._untold = 0
            self._told_ns = now_ns

    def _record(self, account: _Account, now_ns: int) -> _Record:
        record = self._records.get(account)
        if record is None:
            record = self._records[account] = _Record(now_ns)
            if len(self._records) > ADDRESSES_MAX:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(account)
        return record


def _one_less(counts: dict[str, int], source: str) -> None:
    counts[source] -= 1
    if not counts[source]:
        del counts[source]
