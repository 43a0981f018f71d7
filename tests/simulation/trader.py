"""A trading session that never gives up: what it sent is answered once, whatever happens in between."""

from typing import Any

from carbonmatch.limits import FRAME_SEARCHES_MAX
from carbonmatch.matching.messages import Accepted, AnyReport, Ref, RejectReason, ReportFlag
from carbonmatch.protocol.messages import (
    HeartbeatAnswer,
    LoggedOut,
    Logon,
    LogonAccepted,
    LogonRejected,
    Logout,
    LogoutReason,
    Role,
    SessionRejected,
)
from tests.end_to_end import market
from tests.simulation.checks import Journaled, demand, expects, is_repeat_of
from tests.simulation.client import Connection, logon_as
from tests.simulation.commands import Operating, Trading
from tests.simulation.engine import has_accounts
from tests.simulation.faults import Faults
from tests.simulation.mechanisms import Mechanisms, has_mechanisms
from tests.simulation.world import NS_PER_MS, NS_PER_US, World

_UNANSWERED_MAX = 60


class Trader:
    """One session's owner: its strict model of its stream, and the commands it waits for."""

    def __init__(
        self, world: World, faults: Faults, journaled: Journaled, name: str, session_id: int
    ) -> None:
        self.world = world
        self.faults = faults
        self.name = name
        self.session_id = session_id
        self.reports: list[AnyReport] = []
        # In the order of their refs: what was sent, in this life, and not seen answered.
        self.unanswered: dict[Ref, Any] = {}
        # Everything that was ever sent under a ref; a second life may use one again that was never applied.
        self.sent: dict[Ref, list[Any]] = {}
        # What the engine has said is not applied, and is not sent again.
        self.refused: set[Ref] = set()
        self.connection: Connection | None = None
        self.is_trading = True
        self.wants_connection = True
        self.grace_ms = world.random.choice((None, None, 0, 500, 5_000))
        is_operator = market.role_of(name) is Role.OPERATOR
        drawn = (
            Mechanisms(world.random, journaled, session_id, world.utc_ns)
            if has_mechanisms(world.seed)
            else None
        )
        self.commands: Operating | Trading = (
            Operating(
                world.random,
                world.utc_ns,
                lambda: len(journaled.trades),
                drawn,
                has_accounts=has_accounts(world.seed),
            )
            if is_operator
            else Trading(world.random, world.utc_ns, drawn)
        )
        self.connect: Any = None  # set by the run: makes a connection, or None where nobody listens
        self._journaled = journaled
        self._last_ref = Ref(0)
        self._asked_seq = 1
        self._copies: dict[Ref, int] = {}  # sent over the present connection
        self._repeats: list[AnyReport] = []  # whose original has not come yet
        self._act_later()

    # --- what it does -----------------------------------------------------------------------------

    def _act_later(self) -> None:
        random = self.world.random
        is_busy = self.is_trading and self.connection is not None and self.connection.is_active
        delay_ns = NS_PER_US * random.choice((50, 200, 1_000, 5_000, 20_000) if is_busy else (5_000, 50_000))
        self.world.after(random.randint(1, delay_ns), self._act)

    def _act(self) -> None:
        world, faults = self.world, self.faults
        connection = self.connection
        if connection is None or connection.is_lost:
            if self.wants_connection:
                self._open()
        elif connection.goodbye is not None or not connection.is_active:
            pass
        elif not self.wants_connection:
            connection.send(Logout())
        elif world.happens(faults.amnesia):
            self._forget()
        elif world.happens(faults.second_logon):
            self._open()
        elif world.happens(faults.nonsense):
            connection.sent_nonsense = True
            connection.send_bytes(b"\x00\x00\x00\x05" + world.random.randbytes(5))
        elif world.happens(faults.stop_reading):
            connection.transport.pause_reading()
            pause_ns = NS_PER_MS * world.random.choice((10, 500, 15_000))
            world.after(pause_ns, connection.transport.resume_reading)
        elif self.unanswered and world.happens(faults.repeat if self.is_trading else 0.02):
            self._send_again(list(self.unanswered))
        elif self.is_trading and len(self.unanswered) < _UNANSWERED_MAX:
            self._send_new()
        self._act_later()

    def _open(self) -> None:
        connection = self.connect(self)
        if connection is not None:
            self.connection = connection
            self._copies.clear()

    def _forget(self) -> None:
        """Start anew, knowing nothing but what the next logon says."""
        assert self.connection is not None
        self.world.note(f"{self.name} forgets")
        self.unanswered.clear()
        self.refused.clear()
        self.reports.clear()
        self._repeats.clear()
        self._last_ref = Ref(0)
        self.connection.transport.abort()

    def _send_new(self) -> None:
        assert self.connection is not None
        random = self.world.random
        commands = []
        # Of an operator's, each may be a search, and those are bounded in a frame.
        most = FRAME_SEARCHES_MAX if isinstance(self.commands, Operating) else 5
        for _ in range(random.choice((1, 1, 1, 2, most))):
            self._last_ref = Ref(self._last_ref + random.choice((1, 1, 1, 1, 7)))
            command = self.commands.command(self._last_ref)
            self.unanswered[self._last_ref] = command
            self.sent.setdefault(self._last_ref, []).append(command)
            commands.append(command)
        self._send(commands)

    def _send_again(self, refs: list[Ref]) -> None:
        for start in range(0, len(refs), 4):
            self._send([self.unanswered[ref] for ref in refs[start : start + 4]])

    def _send(self, commands: list[Any]) -> None:
        assert self.connection is not None
        for command in commands:
            self._copies[command.ref] = self._copies.get(command.ref, 0) + 1
        self.connection.send(*commands)

    # --- what it hears ----------------------------------------------------------------------------

    def logon(self) -> Logon:
        wanted = len(self.reports) + 1
        if self.world.happens(self.faults.resume_from_earlier):
            wanted = self.world.random.randint(1, wanted)
        self._asked_seq = wanted
        return logon_as(self.name, wanted, self.grace_ms)

    def accepted(self, connection: Connection, accepted: LogonAccepted) -> None:
        self.world.note(f"{self.name} is in from {accepted.next_seq}, last ref {accepted.last_ref}")
        if connection is not self.connection:
            return
        demand(accepted.next_seq == self._asked_seq, "a logon gives what it asked for", self.name, accepted)
        applied = self._journaled.applied.get(self.session_id, {})
        demand(
            accepted.last_ref == next(reversed(applied), 0),
            "a logon tells the last ref that is durable",
            self.name,
            accepted,
        )
        answered = max((report.ref for report in self.reports), default=Ref(0))
        demand(accepted.last_ref >= answered, "what was answered stays applied", self.name, accepted)
        if not self._last_ref:
            self._last_ref = accepted.last_ref
        # What is not applied has to be sent again; of the rest the answer may be lost, where the session
        # and not the market gave it.
        again = [
            ref for ref in self.unanswered if ref > accepted.last_ref or self.world.random.random() < 0.5
        ]
        self._send_again(again)

    def taken(self, connection: Connection, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, HeartbeatAnswer):
                continue
            if isinstance(message, SessionRejected):
                self._take_refusal(connection, message)
            elif message.flags & ReportFlag.POSSIBLE_DUPLICATE:
                self._take_repeat(message)
            else:
                self._take_report(connection, message)

    def _take_report(self, connection: Connection, report: AnyReport) -> None:
        demand(report.seq == connection.next_seq, "a connection's reports have no gap", self.name, report)
        connection.next_seq += 1
        durable = self._journaled.streams.get(self.session_id, [])
        demand(report.seq <= len(durable), "what is answered is durable", self.name, report)
        demand(report == durable[report.seq - 1], "what is answered is what is durable", self.name, report)
        if report.seq <= len(self.reports):
            demand(report == self.reports[report.seq - 1], "a resumed report is the same", self.name, report)
            return
        if connection is not self.connection and report.seq != len(self.reports) + 1:
            return  # of a former life
        demand(report.seq == len(self.reports) + 1, "the stream has no gap", self.name, report)
        self.reports.append(report)
        self.world.note(f"{self.name} {report.seq} {type(report).__name__} {report.ref}")
        if report.ref:
            self._take_answer(report)
        if isinstance(report, Accepted):
            self.commands.order_ids.append(report.order_id)
        waiting, self._repeats = self._repeats, []
        for repeat in waiting:
            self._take_repeat(repeat)

    def _take_answer(self, report: AnyReport) -> None:
        sent = self.sent.get(report.ref, [])
        demand(bool(sent), "only what was sent is answered", self.name, report)
        demand(report.ref not in self.refused, "what was refused is not applied", self.name, report)
        command = self.unanswered.pop(report.ref, None)
        possible = sent if command is None else [command]
        demand(
            any(expects(one, report) for one in possible),
            "an answer fits its command",
            self.name,
            report,
            sent,
        )

    def _take_repeat(self, report: AnyReport) -> None:
        """The outcome of a repeated ref: the same report as the first time, flagged."""
        if report.seq > len(self.reports):
            self._repeats.append(report)
            return
        original = self.reports[report.seq - 1]
        demand(is_repeat_of(report, original), "a repeat is answered as the first was", report, original)

    def _take_refusal(self, connection: Connection, refusal: SessionRejected) -> None:
        ref = refusal.ref
        applied = self._journaled.applied.get(self.session_id, {})
        if refusal.reason is RejectReason.REF_NOT_APPLIED:
            demand(ref not in applied, "only what is not applied is refused as such", self.name, refusal)
        if connection is not self.connection:
            return
        self._copies[ref] = self._copies.get(ref, 1) - 1
        # Another copy may be on its way, and fare better; but not behind a later ref.
        is_final = self._copies[ref] <= 0 or refusal.reason is RejectReason.REF_NOT_APPLIED
        if is_final and self.unanswered.pop(ref, None) is not None:
            demand(ref not in applied, "what is refused is not applied", self.name, refusal)
            self.refused.add(ref)

    def ended(self, connection: Connection) -> None:
        goodbye = connection.goodbye
        demand(not isinstance(goodbye, LogonRejected), "a logon in order is accepted", self.name, goodbye)
        if isinstance(goodbye, LoggedOut):
            no_fault = goodbye.reason is LogoutReason.PROTOCOL_ERROR and not connection.sent_nonsense
            demand(not no_fault, "who keeps the protocol is not accused", self.name, goodbye)
            lost = goodbye.reason is LogoutReason.HISTORY_LOST
            demand(not lost, "no history is lost", self.name, goodbye)

    def is_done(self) -> bool:
        """Whether everything it sent is answered."""
        return not self.unanswered and not self._repeats
