"""What operators have the process itself do, and what it finds for them: sessions, snapshots, the file.

Nothing here changes the market. What comes out of it is journaled with the command by whoever asked.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Protocol

from msgspec import Struct

from carbonmatch.limits import OUTCOME_LINE_CHARS_MAX, OUTCOME_LINES_MAX, SESSION_STATUS_MAX
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AmendmentCommand,
    FoundSession,
    OnAmendment,
    OnSessions,
    ProcessCommand,
    SessionId,
    SessionsRequest,
    TakeSnapshot,
)
from carbonmatch.ops.logs import log
from carbonmatch.protocol.messages import Logon, LogoutReason, Role
from carbonmatch.server.configured import SessionSettings
from carbonmatch.server.listener import Listener

_NOT_CONNECTED: Final = 0


class Result(Struct, frozen=True):
    """What came of a command; `lines` are cut to what a report holds."""

    applied: bool
    at_sequence: int = 0  # 0: that of the command itself
    lines: tuple[str, ...] = ()


Then = Callable[[Result], None]
Work = Callable[[Then], None]


class Throttles(Protocol):
    """What is known of sessions beside their connections."""

    def settings_of(self, name: str) -> SessionSettings | None: ...

    def refused_count(self, session_id: SessionId) -> int: ...


class Steering:
    """Finds out and carries out. `snapshot` and `reload` are set by a process that can do them."""

    def __init__(self, engine: Engine, throttles: Throttles) -> None:
        self._engine = engine
        self._throttles = throttles
        # All of the venue, so that every connection of a session is found.
        self.listeners: tuple[Listener, ...] = ()
        self.snapshot: Work = _cannot("keeps no snapshots")
        self.reload: Work = _cannot("was started without a configuration file")
        # What follows from a change of the configuration, to be applied at once; and when there may be one.
        self.amend: Callable[[AmendmentCommand, Logon], OnAmendment]
        self.when_settled: Callable[[Callable[[], None]], None]

    # --- what the process does ---------------------------------------------------------------------

    def carry_out(self, command: ProcessCommand, then: Then) -> None:
        """Call `then` when it is done, or could not be."""
        if isinstance(command, TakeSnapshot):
            self.snapshot(then)
        else:
            self.reload(then)

    def disconnect(self, name: str, text: str) -> None:
        """End all connections of a session."""
        peers = [
            peer
            for listener in self.listeners
            for peer in list(listener.peers)
            if peer.rules.logon is not None and peer.rules.logon.session == name
        ]
        log("session_disconnected", session=name, connections=len(peers), text=text)
        for peer in peers:
            peer.log_out(LogoutReason.DISCONNECTED, text)

    # --- sessions ----------------------------------------------------------------------------------

    def sessions(self, command: SessionsRequest) -> OnSessions:
        """A page of the sessions there are, or the one of that name."""
        names = self._names()
        asked = [
            (session_id, name)
            for session_id, name in sorted(names.items())
            if session_id > command.after_session_id and command.session in ("", name)
        ]
        page = asked[:SESSION_STATUS_MAX]
        connections = self._connections(frozenset(name for _, name in page))
        found = tuple(
            row for session_id, name in page for row in self._rows(session_id, name, connections.get(name))
        )
        return OnSessions(command, found, len(page) < len(asked))

    def _names(self) -> dict[SessionId, str]:
        engine = self._engine
        names = {session_id: state.name for session_id, state in engine.sessions.items()}
        return names | {session_id: copy.name for session_id, copy in engine.drop_copies.items()}

    def _connections(self, names: frozenset[str]) -> dict[str, dict[Role, list["_Peer"]]]:
        """Those that are logged on, by session and role, in the order in which they came."""
        found: dict[str, dict[Role, list[_Peer]]] = {}
        for listener in self.listeners:
            for peer in listener.peers:
                logon = peer.rules.logon
                if logon is not None and peer.is_logged_on and logon.session in names:
                    found.setdefault(logon.session, {}).setdefault(logon.role, []).append(peer)
        return found

    def _rows(
        self, session_id: SessionId, name: str, by_role: dict[Role, list["_Peer"]] | None
    ) -> Iterator[FoundSession]:
        if by_role is None:
            yield self._row(session_id, name, _NOT_CONNECTED, [])
            return
        for role, peers in sorted(by_role.items()):
            yield self._row(session_id, name, role, peers)

    def _row(self, session_id: SessionId, name: str, role: int, peers: list["_Peer"]) -> FoundSession:
        settings = self._throttles.settings_of(name)
        throttle = (0, 0, 0, 0) if settings is None else settings.throttle
        return FoundSession(
            session_id,
            role,
            len(peers),
            peers[-1].address if peers else "",
            peers[-1].since_ns if peers else 0,
            sum(peer.waiting_bytes for peer in peers),
            *throttle,
            self._throttles.refused_count(session_id),
        )


class _Peer(Protocol):
    address: str
    since_ns: int

    @property
    def waiting_bytes(self) -> int: ...


def _cannot(why: str) -> Work:
    return lambda then: then(Result(applied=False, lines=(f"this process {why}",)))


def result(*, applied: bool, lines: list[str], at_sequence: int = 0) -> Result:
    """With as many lines as a report holds, each as long as one may be."""
    shown = list(islice(lines, OUTCOME_LINES_MAX))
    if len(lines) > len(shown):
        shown[-1] = f"... and {len(lines) - len(shown) + 1} more"
    return Result(applied, at_sequence, tuple(map(_line, shown)))


def _line(text: str) -> str:
    """In ASCII, and nothing that a terminal obeys: it is journaled, and shown to people."""
    plain = text.encode("ascii", "backslashreplace").decode()
    printable = "".join(one if one.isprintable() else "?" for one in plain)
    return (
        printable
        if len(printable) <= OUTCOME_LINE_CHARS_MAX
        else f"{printable[: OUTCOME_LINE_CHARS_MAX - 3]}..."
    )
