"""The reader of a drop copy: every report of its participant, once, in order, as its session has it."""

from typing import Any

from carbonmatch.protocol.messages import (
    Copied,
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonAccepted,
    LogoutReason,
)
from tests.end_to_end.market import ALICE, ALICE_2
from tests.simulation.checks import Journaled, demand
from tests.simulation.client import Connection, logon_as
from tests.simulation.faults import Faults
from tests.simulation.world import NS_PER_MS, World

NAME = "alice-copy"


class Copier:
    """Alice's back office. Reconnects for ever, and resumes where it was or earlier."""

    def __init__(self, world: World, faults: Faults, journaled: Journaled) -> None:
        self.world = world
        self.faults = faults
        self.copies: list[Copied] = []
        self.connection: Connection | None = None
        self.connect: Any = None  # set by the run
        self._journaled = journaled
        self._act()

    def _act(self) -> None:
        world = self.world
        connection = self.connection
        if self.connect is not None and (connection is None or connection.is_lost):
            self.connection = self.connect(self)
        elif connection is not None and connection.is_active:
            if world.happens(self.faults.second_logon):
                self.connection = self.connect(self) or connection
            elif world.happens(self.faults.stop_reading):
                connection.transport.pause_reading()
                pause_ns = NS_PER_MS * world.random.choice((10, 500, 15_000))
                world.after(pause_ns, connection.transport.resume_reading)
        world.after(NS_PER_MS * world.random.randint(1, 100), self._act)

    def logon(self) -> Logon:
        wanted = len(self.copies) + 1
        if self.world.happens(self.faults.resume_from_earlier):
            wanted = self.world.random.randint(1, wanted)
        return logon_as(NAME, wanted, None)

    def accepted(self, connection: Connection, accepted: LogonAccepted) -> None: ...

    def taken(self, connection: Connection, messages: list[Any]) -> None:
        for message in messages:
            if not isinstance(message, HeartbeatAnswer):
                self._take(connection, message)

    def _take(self, connection: Connection, copied: Copied) -> None:
        demand(copied.seq == connection.next_seq, "a drop copy has no gap", copied)
        connection.next_seq += 1
        report = copied.report
        durable = self._journaled.streams.get(copied.session_id, [])
        demand(report.seq <= len(durable), "what is copied is durable", copied)
        demand(report == durable[report.seq - 1], "a copy is what its session has", copied)
        if copied.seq <= len(self.copies):
            demand(copied == self.copies[copied.seq - 1], "a resumed copy is the same", copied)
            return
        demand(copied.seq == len(self.copies) + 1, "a drop copy has no gap", copied)
        self.copies.append(copied)

    def ended(self, connection: Connection) -> None:
        goodbye = connection.goodbye
        lost = isinstance(goodbye, LoggedOut) and goodbye.reason is LogoutReason.HISTORY_LOST
        demand(not lost, "no history is lost", NAME)

    def has_all(self) -> bool:
        """Whether every report of Alice's sessions was copied, in their order."""
        for session_id in (ALICE, ALICE_2):
            copied = [one.report for one in self.copies if one.session_id == session_id]
            if copied != self._journaled.streams.get(session_id, []):
                return False
        return True
