"""The table of states in proto/SESSION.md, walked with the rules that the engine goes by."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec import structs

from carbonmatch.limits import FRAME_BYTES_MAX, LOGON_FRAME_BYTES_MAX
from carbonmatch.matching.messages import Cancel, MassCancel, MassCancelScope, Ref
from carbonmatch.protocol import auth
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import (
    Heartbeat,
    Logon,
    LogonAccepted,
    Logout,
    LogoutReason,
    Role,
    Subscribe,
)
from carbonmatch.protocol.session import Connection, Credential, Listener, State
from tests.protocol.vectors import PROTO

PAGE: Final = (PROTO / "SESSION.md").read_text()
NONCE: Final = bytes(range(32))
KEY: Final = auth.generate_private_key()
SECOND: Final = 1_000_000_000
EXPIRES: Final = 1_000 * SECOND
RIGHT: Final = Logon(1, 1, "key", "alice", Role.TRADE, 1, 1_000, False, 0, bytes(64))


class Walk:
    """A connection, the clock at it, and the last message that it has for its peer."""

    def __init__(self) -> None:
        logons = frozenset({("alice", Role.TRADE), ("alice", Role.OPERATOR)})
        old = Credential(auth.public_key_of(KEY), logons, expires_ns=1)
        keys = {"key": Credential(auth.public_key_of(KEY), logons, expires_ns=EXPIRES), "old": old}
        self.connection = Connection(Listener("venue", frozenset({Role.TRADE}), keys), NONCE, 0)
        self.now_ns = 0
        self.sent: Any = None

    def receives(self, data: bytes) -> None:
        """As the gateway does it: the first payload is a logon, the others are frames of commands."""
        try:
            for payload in self.connection.feed(data, self.now_ns):
                if self.connection.state is State.AWAITING_LOGON:
                    logon = self.connection.log_on(payload, self.now_ns, SECOND, "127.0.0.1")
                    self.sent = _accepted(logon) if isinstance(logon, Logon) else logon
                else:
                    received = self.connection.receive_commands(payload, SECOND)
                    self.sent = received.logged_out or next(iter(received.answers), None)
        except ProtocolError as error:
            self.sent = self.connection.fail(error)

    def logs_on(self, private_key: bytes = KEY, **changes: Any) -> None:
        logon = structs.replace(RIGHT, **changes)
        signature = auth.sign(private_key, "venue", NONCE, logon)
        self.receives(frame(encode([structs.replace(logon, signature=signature)])))

    def waits(self, seconds: float, *, hears: bool = False, utc_ns: int = SECOND) -> None:
        """`hears`: the peer gives a sign of life all the time, or else the engine does."""
        for _ in range(round(seconds * 10)):
            self.now_ns += SECOND // 10
            if hears:
                self.connection.feed(frame(encode([Heartbeat()])), self.now_ns)
            else:
                self.connection.sent(self.now_ns)
            self.sent = self.connection.poll(self.now_ns, utc_ns) or self.sent
            if self.connection.closed:
                return


def _accepted(logon: Logon) -> LogonAccepted:
    """What the gateway makes of it; which numbers it has is no matter of states."""
    return LogonAccepted(1, logon.session, 1, 1, Ref(0), logon.heartbeat_ms, 0, 0, 0, 0, 0, 0, True)


COMMAND: Final = frame(encode([Cancel(Ref(1), Ref(1))]))

BEFORE_LOGON: Final[dict[str, Callable[[Walk], None]]] = {
    "a Logon that is right": lambda walk: walk.logs_on(),
    "a Logon without a version in common": lambda walk: walk.logs_on(version_min=2, version_max=3),
    "a Logon with a wrong signature": lambda walk: walk.logs_on(auth.generate_private_key()),
    "a Logon with an unknown key": lambda walk: walk.logs_on(key_id="nobody"),
    "a Logon for a session that is not the key's": lambda walk: walk.logs_on(session="bob"),
    "a Logon for a role that is not the listener's": lambda walk: walk.logs_on(role=Role.OPERATOR),
    "a Logon with a key that has expired": lambda walk: walk.logs_on(key_id="old"),
    "a command": lambda walk: walk.receives(COMMAND),
    "two frames at once": lambda walk: walk.receives(2 * frame(encode([RIGHT]))),
    "a frame longer than a logon may be": lambda walk: walk.receives(frame(bytes(LOGON_FRAME_BYTES_MAX + 1))),
    "5 s without a Logon": lambda walk: walk.waits(5),
}


def half_a_frame_and_the_rest(walk: Walk) -> None:
    walk.receives(COMMAND[:7])
    walk.waits(1)
    walk.receives(COMMAND[7:])
    walk.waits(2)


def half_a_frame(walk: Walk) -> None:
    walk.receives(COMMAND[:7])
    walk.waits(5)


AFTER_LOGON: Final[dict[str, Callable[[Walk], None]]] = {
    "commands": lambda walk: walk.receives(COMMAND),
    "half a frame, and the rest of it": half_a_frame_and_the_rest,
    "a Heartbeat": lambda walk: walk.receives(frame(encode([Heartbeat()]))),
    "a Heartbeat with a token": lambda walk: walk.receives(frame(encode([Heartbeat(7)]))),
    "nothing sent for one interval": lambda walk: walk.waits(1, hears=True),
    "nothing heard for three intervals": lambda walk: walk.waits(3),
    "half a frame, and nothing for 5 s": half_a_frame,
    "bytes that are no message": lambda walk: walk.receives(frame(b"\xc0")),
    "a message that is not taken here": lambda walk: walk.receives(frame(encode([Subscribe(Ref(1))]))),
    "a second Logon": lambda walk: walk.logs_on(),
    "a frame longer than one may be": lambda walk: walk.receives(frame(bytes(FRAME_BYTES_MAX + 1))),
    "five mass cancels in a frame": lambda walk: walk.receives(
        frame(encode([MassCancel(Ref(ref), MassCancelScope.SESSION) for ref in range(1, 6)]))
    ),
    "messages after a Logout": lambda walk: walk.receives(frame(encode([Logout(), Heartbeat()]))),
    "a Logout": lambda walk: walk.receives(frame(encode([Logout()]))),
    "its key expires": lambda walk: walk.waits(0.1, utc_ns=EXPIRES),
}


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = section[section.index("|---") :].split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


ROWS: Final = rows("States of a connection")


@pytest.mark.parametrize(("state", "event", "sent", "then"), ROWS, ids=lambda cell: str(cell))
def test_a_row_of_the_table_is_what_happens(state: str, event: str, sent: str, then: str) -> None:
    walk = Walk()
    if state == "ACTIVE":
        # A frame that is not completed must not be taken for silence.
        walk.logs_on(heartbeat_ms=60_000 if event == "half a frame, and nothing for 5 s" else 1_000)
        walk.sent = None
    assert walk.connection.state.name == state
    (BEFORE_LOGON if state == "AWAITING_LOGON" else AFTER_LOGON)[event](walk)
    name, _, reason = sent.partition(" ")
    assert type(walk.sent).__name__ == (name or "NoneType")
    if reason:
        assert walk.sent.reason.name == reason
    assert walk.connection.state.name == then


def test_nothing_that_can_happen_is_missing_in_the_table() -> None:
    told = [(state, event) for state, event, *_ in ROWS]
    assert len(told) == len(set(told))
    expected = [("AWAITING_LOGON", event) for event in BEFORE_LOGON]
    assert told == expected + [("ACTIVE", event) for event in AFTER_LOGON]


def test_every_reason_for_the_end_of_a_connection_is_on_the_page() -> None:
    assert {reason.name for reason in LogoutReason if reason.name not in PAGE} == set()
