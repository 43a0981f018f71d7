"""A client's side of one connection: challenge, logon, frames, heartbeats, and a deadline for silence."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import structs

from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.protocol import auth
from carbonmatch.protocol.codec import decode_copies, decode_feed, decode_reports, encode
from carbonmatch.protocol.frames import FrameReader, frame
from carbonmatch.protocol.messages import (
    PROTOCOL_VERSION,
    SIGNATURE_BYTES,
    Challenge,
    Heartbeat,
    LoggedOut,
    Logon,
    LogonAccepted,
    LogonRejected,
    Role,
)
from tests.end_to_end import market
from tests.simulation.checks import demand
from tests.simulation.network import End
from tests.simulation.world import NS_PER_MS, World

HEARTBEAT_MS = 1_000


class Owner(Protocol):
    """Whoever has connections, and hears of what comes over each."""

    def logon(self) -> Logon:
        """What to log on as; the signature is added."""

    def accepted(self, connection: "Connection", accepted: LogonAccepted) -> None: ...

    def taken(self, connection: "Connection", messages: list[Any]) -> None:
        """One frame."""

    def ended(self, connection: "Connection") -> None: ...


class Connection:
    """From connected to lost. What the engine may not do here is a violation."""

    def __init__(self, world: World, owner: Owner, role: Role) -> None:
        self.world = world
        self.next_seq = 0  # of the report to come; set by the logon
        self.is_active = False
        self.is_lost = False
        self.sent_nonsense = False
        self.goodbye: LoggedOut | LogonRejected | None = None
        self.transport: End
        self._owner = owner
        self._role = role
        decoders: dict[Role, Any] = {Role.MARKET_DATA: decode_feed, Role.DROP_COPY: decode_copies}
        self._decode: Callable[[bytes], list[Any]] = decoders.get(role, decode_reports)
        self._frames = FrameReader(OUTBOUND_FRAME_BYTES_MAX)
        self._challenged = False
        self._heard_ns = world.now_ns

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, End)
        self.transport = transport
        self._heartbeat()

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_lost = True
        self.is_active = False
        self._owner.ended(self)

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...

    def send(self, *messages: Any) -> None:
        self.send_bytes(frame(encode(list(messages))))

    def send_bytes(self, data: bytes) -> None:
        if not self.is_lost:
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._heard_ns = self.world.now_ns
        for payload in self._frames.feed(data):
            self._take(self._decode(payload))

    def _take(self, messages: list[Any]) -> None:
        demand(self.goodbye is None, "nothing comes after the goodbye", messages)
        if not self._challenged:
            (challenge,) = messages
            if isinstance(challenge, LoggedOut):
                self.goodbye = challenge
                return
            demand(isinstance(challenge, Challenge), "the engine speaks first", challenge)
            self._challenged = True
            self._log_on(challenge)
            return
        last = messages[-1]
        if isinstance(last, LoggedOut | LogonRejected):
            self.goodbye = last
            self.world.note(f"goodbye {last}")
            messages = messages[:-1]
        elif isinstance(messages[0], LogonAccepted):
            self.is_active = True
            self.next_seq = messages[0].next_seq
            self._owner.accepted(self, messages[0])
            messages = messages[1:]
        if messages:
            demand(self.is_active, "nothing comes before the logon", messages)
            self._owner.taken(self, messages)

    def _log_on(self, challenge: Challenge) -> None:
        logon = self._owner.logon()
        key = market.private_key(logon.key_id)
        signature = auth.sign(key, challenge.server_id, challenge.nonce, logon)
        self.send(structs.replace(logon, signature=signature))

    def _heartbeat(self) -> None:
        """A sign of life at each interval; and whoever hears none for too long gives up."""
        if self.is_lost:
            return
        if self.world.now_ns - self._heard_ns > 4 * HEARTBEAT_MS * NS_PER_MS and self.transport._reading:
            self.transport.abort()
            return
        if self.is_active:
            self.send(Heartbeat())
        self.world.after(HEARTBEAT_MS * NS_PER_MS, self._heartbeat)


def logon_as(session: str, next_seq: int, grace_ms: int | None) -> Logon:
    """Cancel on disconnect where a grace time is given."""
    return Logon(
        PROTOCOL_VERSION,
        PROTOCOL_VERSION,
        market.key_of(session),
        session,
        market.role_of(session),
        next_seq,
        HEARTBEAT_MS,
        grace_ms is not None,
        grace_ms or 0,
        bytes(SIGNATURE_BYTES),
    )
