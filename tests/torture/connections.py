"""Connections that cost a venue something and bring nothing: what they take, and who gets in all the same.

    python -m tests.torture.connections
    python -m tests.torture.connections --count 500 --kind hello

A real engine process, and `--count` connections for each kind of them: silent ones of one address, silent
ones of as many addresses as it takes, logons of a byte a second, half a frame, and the ClientHello of a TLS
handshake that never goes on. They come as fast as they are taken, stay until the engine ends them, and
meanwhile an honest client logs on from an address of its own. Prints how much memory the engine took for
them, when it ended them, and how long the honest client waited; exits 1 where one of these is too much.
"""

import argparse
import asyncio
import resource
import ssl
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final, cast

import uvloop
from msgspec import Struct

from carbonmatch.client import client_context
from carbonmatch.limits import LOGON_SECONDS_MAX, TLS_HANDSHAKE_SECONDS_MAX, WAITING_PER_ADDRESS_MAX
from carbonmatch.protocol.codec import decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import LoggedOut, LogonAccepted, LogoutReason
from tests.certificates import Authority
from tests.end_to_end.running import Process
from tests.end_to_end.wire import Wire

# What a promise is judged by: docs/reliability.md, P12.
GROWTH_BYTES_MAX: Final = 10 * 2**20
DEADLINE_SECONDS_OFF_MAX: Final = 0.5
HONEST_SECONDS_MAX: Final = 1.0

_HONEST_HOST: Final = "127.0.0.2"
# Loopback has 16 million addresses: these are for those who are not honest.
_HOSTILE_NETWORK: Final = "127.1"
_HOSTS_MAX: Final = 250 * 250
_COMING_AT_ONCE: Final = 200
_PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.05
# As the client library does it at first.
_RETRY_SECONDS: Final = 0.05
# A connection that was closed sooner was turned away, and cost nothing to speak of.
_TURNED_AWAY_SECONDS: Final = 0.5


class Kind(Struct, frozen=True):
    """What all connections of a kind do."""

    name: str
    tls: bool
    one_address: bool
    deadline_seconds: float


KINDS: Final = (
    Kind("silent, of one address", False, True, LOGON_SECONDS_MAX),
    Kind("silent, of many addresses", False, False, LOGON_SECONDS_MAX),
    Kind("a byte a second", False, False, LOGON_SECONDS_MAX),
    Kind("half a frame", False, False, LOGON_SECONDS_MAX),
    Kind("hello and no more, of one address", True, True, TLS_HANDSHAKE_SECONDS_MAX),
    Kind("hello and no more, of many addresses", True, False, TLS_HANDSHAKE_SECONDS_MAX),
)


class Found(Struct):
    """What became of the connections of one kind."""

    kind: str
    count: int
    growth_bytes: int
    turned_away: int
    made_room: int
    at_the_deadline: int
    off_seconds: float  # the largest distance from the deadline
    honest_seconds: float  # the longest that the honest client took to log on
    honest_logons: int
    honest_tries: int  # beside those

    @property
    def is_good(self) -> bool:
        return (
            self.growth_bytes <= GROWTH_BYTES_MAX
            and self.off_seconds <= DEADLINE_SECONDS_OFF_MAX
            and self.honest_seconds <= HONEST_SECONDS_MAX
            and self.at_the_deadline > 0
        )

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.count} connections, +{self.growth_bytes / 2**20:.1f} MiB; "
            f"{self.turned_away} turned away, {self.made_room} made room, {self.at_the_deadline} at the "
            f"deadline (off by {self.off_seconds:.2f} s at most); {self.honest_logons} honest logons in "
            f"{self.honest_seconds:.2f} s at most, {self.honest_tries} tries came to nothing"
        )


class Nuisance(asyncio.Protocol):
    """One connection: says its bytes, all at once or one a second, and waits for its end."""

    def __init__(self, says: bytes, drip: bool, ended: "asyncio.Queue[Nuisance]") -> None:
        self._says = says
        self._drip = drip
        self._ended = ended
        self._frames = FrameReader(2**20)
        self._timer: asyncio.TimerHandle | None = None
        self.began = self.lived_seconds = 0.0
        self.reason: LogoutReason | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.began = monotonic()
        if self._drip:
            self._say_one()
        elif self._says:
            self._transport.write(self._says)

    def _say_one(self) -> None:
        self._transport.write(self._says[:1])
        self._says = self._says[1:]
        self._timer = asyncio.get_running_loop().call_later(1.0, self._say_one)

    def data_received(self, data: bytes) -> None:
        # Of a TLS listener only its half of a handshake comes, which is none of our frames.
        with suppress(Exception):
            for payload in self._frames.feed(data):
                for message in decode_reports(payload):
                    if isinstance(message, LoggedOut):
                        self.reason = message.reason

    def connection_lost(self, _error: Exception | None) -> None:
        self.lived_seconds = monotonic() - self.began
        if self._timer is not None:
            self._timer.cancel()
        self._ended.put_nowait(self)


class Honest:
    """Logs on again and again from an address of its own, and tries again where it is turned away."""

    def __init__(self, process: Process, tls: ssl.SSLContext | None) -> None:
        self._process = process
        self._tls = tls
        self.seconds: list[float] = []
        self.tries = 0  # that came to nothing
        # Not cancelled: a connection that is being made then would stay open.
        self.has_enough = False

    async def run(self) -> None:
        while not self.has_enough:
            await self.log_on()
            await asyncio.sleep(_LOOK_SECONDS)

    async def log_on(self) -> None:
        began = monotonic()
        while not await self._is_in():
            assert monotonic() - began < _PATIENCE_SECONDS, "the honest client is kept out"
            self.tries += 1
            await asyncio.sleep(_RETRY_SECONDS)
        self.seconds.append(monotonic() - began)

    async def _is_in(self) -> bool:
        try:
            async with Wire.open(self._process.order_entry, host=_HONEST_HOST, ssl=self._tls) as wire:
                return isinstance(await wire.log_on("alice"), LogonAccepted)
        except (OSError, EOFError, AssertionError):
            return False


class Watch:
    """The most memory that the engine had while somebody looked."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/statm")
        self.before_bytes = self.most_bytes = self._resident_bytes()

    def _resident_bytes(self) -> int:
        return int(self._status.read_text().split()[1]) * resource.getpagesize()

    async def run(self) -> None:
        while True:
            self.most_bytes = max(self.most_bytes, self._resident_bytes())
            await asyncio.sleep(_LOOK_SECONDS)


async def measure(process: Process, kind: Kind, count: int, tls: ssl.SSLContext | None) -> Found:
    """Let `count` connections of a kind come, and return when the engine has ended the last of them."""
    honest, watch = Honest(process, tls), Watch(process.pid)
    ended: asyncio.Queue[Nuisance] = asyncio.Queue()
    trying, watching = asyncio.create_task(honest.run()), asyncio.create_task(watch.run())
    try:
        refused = await _come(process.order_entry, kind, count, ended)
        async with asyncio.timeout(_PATIENCE_SECONDS + kind.deadline_seconds):
            lives = [await ended.get() for _ in range(count - refused)]
    finally:
        honest.has_enough = True
        await trying
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    stayed = [
        one
        for one in lives
        if one.reason is LogoutReason.LOGON_TIMEOUT or (kind.tls and one.lived_seconds > _TURNED_AWAY_SECONDS)
    ]
    reasons = Counter(one.reason for one in lives)
    made_room = reasons[LogoutReason.TOO_MANY_CONNECTIONS]
    off = [abs(one.lived_seconds - kind.deadline_seconds) for one in stayed]
    return Found(
        kind.name,
        count,
        watch.most_bytes - watch.before_bytes,
        count - made_room - len(stayed),
        made_room,
        len(stayed),
        max(off, default=0.0),
        max(honest.seconds),
        len(honest.seconds),
        honest.tries,
    )


async def _come(address: tuple[str, int], kind: Kind, count: int, ended: "asyncio.Queue[Nuisance]") -> int:
    """Open the connections, some at a time; how many were refused before they were there."""
    says = _hello() if kind.tls else _half_a_logon() if kind.name != KINDS[0].name else b""
    if kind.name.startswith("silent"):
        says = b""
    places = asyncio.Semaphore(_COMING_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def come(host: str) -> int:
        async with places:
            try:
                await loop.create_connection(
                    lambda: Nuisance(says, kind.name == "a byte a second", ended),
                    *address,
                    local_addr=(host, 0),
                )
            except OSError:
                return 1
        return 0

    return sum(await asyncio.gather(*(come(host) for host in _hosts(kind, count))))


def _hosts(kind: Kind, count: int) -> Iterator[str]:
    for number in range(count):
        # As many of one address as it may have.
        host = 0 if kind.one_address else number // WAITING_PER_ADDRESS_MAX
        assert host < _HOSTS_MAX
        yield f"{_HOSTILE_NETWORK}.{host // 250}.{host % 250 + 1}"


def _half_a_logon() -> bytes:
    """A frame whose length is good, and half of what it promises."""
    whole = frame(encode([[1, 1, 1, "alice", "alice", 1, 0, 60_000, False, 0, bytes(64)]]))
    return whole[: len(whole) // 2]


def _hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="venue.test")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


async def run(directory: Path, kinds: Sequence[Kind], count: int) -> list[Found]:
    """All kinds, one after the other: those with TLS on an engine of their own."""
    authority = Authority(directory)
    certificate, key = authority.certify("venue")
    found = []
    for tls in (False, True):
        chosen = [kind for kind in kinds if kind.tls is tls]
        if not chosen:
            continue
        process = Process(directory / ("tls" if tls else "plain"))
        context = None
        if tls:
            process.text = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n{process.text}'
            context = client_context(authority.file)
        await process.start()
        try:
            # What is made once for all connections is no cost of these.
            for _ in range(20):
                await Honest(process, context).log_on()
            for kind in chosen:
                found.append(await measure(process, kind, count, context))
                print(found[-1], flush=True)
            assert await process.stop() == 0
        finally:
            process.clean_up()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=5_000, help="connections of each kind")
    parser.add_argument("--kind", default="", help="only kinds with this in their name")
    arguments = parser.parse_args()
    kinds = [kind for kind in KINDS if arguments.kind in kind.name]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = arguments.count + 1_000
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))
    with tempfile.TemporaryDirectory() as directory:
        found = uvloop.run(run(Path(directory), kinds, arguments.count))
    sys.exit(0 if all(one.is_good for one in found) else 1)


if __name__ == "__main__":
    main()
