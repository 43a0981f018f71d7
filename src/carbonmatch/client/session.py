"""A trading session that survives its connections: commands in, the reports that answer them out.

Answers are matched by ref, never by position, so a call that was cancelled or timed out can neither
take another's answer nor lose its own place: the late answer finds nobody waiting, and is an event
like any other.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from ssl import SSLContext

import msgspec

from carbonmatch.client.commands import Answer, Commands
from carbonmatch.client.connection import HEARTBEAT_MS, Access, Connection, open_connection
from carbonmatch.client.errors import (
    AwaitsConfirmation,
    Disconnected,
    InvalidCommand,
    OrderRejected,
    SendBufferFull,
    SessionRejectedError,
    StreamGap,
)
from carbonmatch.client.reconnect import Keeper, Kept
from carbonmatch.client.stream import StreamReader
from carbonmatch.client.unread import Unread
from carbonmatch.limits import (
    CALL_SECONDS_MAX,
    EVENTS_UNREAD_MAX,
    RECONNECT_SECONDS_MAX,
    UNANSWERED_COMMANDS_MAX,
)
from carbonmatch.matching.messages import (
    AnyReport,
    ClientCommand,
    Proposed,
    Ref,
    Rejected,
    RejectReason,
)
from carbonmatch.protocol.codec import what_is_wrong
from carbonmatch.protocol.messages import (
    AuditEnd,
    DryRun,
    Foreseen,
    LogonAccepted,
    OperatorAnswer,
    OperatorQuestion,
    Role,
    SessionRejected,
)

Event = AnyReport | SessionRejected


class _Sent(msgspec.Struct):
    """A command that was sent and is not answered; `waiter` is None where nobody waits for it."""

    command: ClientCommand
    waiter: "asyncio.Future[Answer] | None"


class _Asked(msgspec.Struct):
    """A question beside the market; its answer ends with a message that is of one of `ends`."""

    waiter: "asyncio.Future[list[OperatorAnswer]]"
    answer: list[OperatorAnswer]


def check_command(command: ClientCommand) -> None:
    """Raise InvalidCommand where a value of the command is none that the wire takes."""
    wrong = what_is_wrong(command)
    if wrong is not None:
        raise InvalidCommand(wrong)


def connect(
    host: str,
    port: int,
    *,
    key_id: str,
    private_key: bytes,
    session: str,
    role: Role = Role.TRADE,
    heartbeat_ms: int = HEARTBEAT_MS,
    cancel_on_disconnect: bool = False,
    grace_ms: int = 0,
    ssl: SSLContext | None = None,
    next_seq: int = 0,
    on_events: Callable[[Sequence[Event]], None] | None = None,
) -> "Session":
    """`async with connect(...) as session:` logs on, and out again at the end.

    `next_seq` is the first report wanted: 1 for the whole stream, 0 for new ones only. `on_events` is
    called with the new reports of each frame, as an alternative to `Session.events()`; it must not
    raise, which would cost the connection.
    """
    access = Access(
        host=host,
        port=port,
        key_id=key_id,
        private_key=private_key,
        session=session,
        role=role,
        heartbeat_ms=heartbeat_ms,
        cancel_on_disconnect=cancel_on_disconnect,
        grace_ms=grace_ms,
        ssl=ssl,
    )
    return Session(access, next_seq=next_seq, on_events=on_events)


class Session(Kept, Commands):
    """Gives every command its ref, and keeps it until it is answered.

    After a connection is lost, it reconnects, takes up the stream at the next report, and sends what
    the engine has not applied. It stops for good, with the error in every call, when that cannot
    help (see `reconnect.is_final`), after `reconnect_seconds`, or on a gap in the stream.
    """

    def __init__(
        self,
        access: Access,
        *,
        next_seq: int = 0,
        on_events: Callable[[Sequence[Event]], None] | None = None,
        on_disconnect: Callable[[Disconnected], None] | None = None,
        on_reconnect: Callable[[LogonAccepted], None] | None = None,
        call_seconds: float = CALL_SECONDS_MAX,
        reconnect_seconds: float = RECONNECT_SECONDS_MAX,
        events_max: int = EVENTS_UNREAD_MAX,
        random: Random | None = None,
    ) -> None:
        self._access = access
        self._on_events = on_events
        self._on_disconnect = on_disconnect
        self._call_seconds = call_seconds
        self._stream = StreamReader(next_seq)
        self._next_ref = Ref(1)
        # In the order of refs, because refs are given in the order of sending.
        self._unanswered: dict[Ref, _Sent] = {}
        # What was asked beside the market, by token, with what has come of the answer.
        self._asked: dict[int, _Asked] = {}
        self._next_token = 1
        # Refs that the engine says it is past, while their answers have not come: see `_give_up_passed`.
        self._doubtful: deque[Ref] = deque()
        self._events: Unread[Event] = Unread(events_max)
        # Pulsed whenever something has changed that `_until` may wait for.
        self._progress = asyncio.Event()
        self._keeper = Keeper(
            self._open,
            on_lost=self._lose,
            on_failed=self._failed,
            on_reconnect=on_reconnect,
            random=random,
            seconds=reconnect_seconds,
        )

    # --- life --------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Log out. Calls that still wait raise Disconnected; `drain` first where that matters."""
        self._events.end()
        await self._keeper.stop("the session was stopped")

    @property
    def accepted(self) -> LogonAccepted:
        """The engine's answer to the last logon: limits, versions, whether its reports are durable."""
        assert self._keeper.connection is not None, "the session is started"
        return self._keeper.connection.accepted

    @property
    def next_ref(self) -> Ref:
        """The ref that the next command will get."""
        return self._next_ref

    @property
    def next_seq(self) -> int:
        """The report expected next; a later session that resumes here misses nothing."""
        return self._stream.next_seq

    @property
    def unanswered(self) -> list[ClientCommand]:
        """Commands whose outcome is not known, in the order in which they were sent."""
        return [sent.command for sent in self._unanswered.values()]

    # --- awaited commands: see `Commands` ----------------------------------------------------

    async def call(self, command: ClientCommand, *, seconds: float | None = None) -> Answer:
        """Send one command of any kind, whatever its ref, and wait for its answer.

        A call that is cancelled, or times out, leaves its command as it is: it may have been executed.
        It is not sent again when the connection is lost, because nobody wants it any more.
        """
        check_command(command)
        async with asyncio.timeout(self._call_seconds if seconds is None else seconds):
            await self.ready()
            waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            ref = Ref(self._send([command], waiter).start)
            try:
                reports = await waiter
            finally:
                self._unanswered.pop(ref, None)
        if type(reports[0]) is Rejected:
            raise OrderRejected(reports[0], reports)
        if type(reports[0]) is Proposed:
            raise AwaitsConfirmation(reports[0])
        return reports

    async def ask(self, question: OperatorQuestion, *, seconds: float | None = None) -> list[OperatorAnswer]:
        """Send an operator's question of any kind, whatever its token, and wait for its whole answer.

        Raises Disconnected where the connection is lost before: nothing was changed, so it is asked again.
        """
        if isinstance(question, DryRun):
            check_command(question.command)
        async with asyncio.timeout(self._call_seconds if seconds is None else seconds):
            await self.ready()
            assert self._keeper.connection is not None
            token, self._next_token = self._next_token, self._next_token + 1
            asked = _Asked(asyncio.get_running_loop().create_future(), [])
            self._asked[token] = asked
            try:
                self._keeper.connection.send([msgspec.structs.replace(question, token=token)])
                return await asked.waiter
            finally:
                del self._asked[token]

    # --- commands nobody waits for -----------------------------------------------------------

    def send(self, commands: Sequence[ClientCommand]) -> range:
        """Send commands in one write and return the refs they got, whatever refs they had.

        Their answers are events. Nothing is kept for an engine that is away: raises Disconnected, or
        SendBufferFull, and then nothing was sent; `await ready()` before. Values are not looked at: one
        that the wire does not take ends the session; `check_command` finds it before.
        """
        return self._send(commands, None)

    async def ready(self) -> None:
        """Return when connected to an engine that takes what is sent. Waits through a reconnect."""
        while True:
            await self._until(self._has_room)
            assert self._keeper.connection is not None
            try:
                await self._keeper.connection.ready()
            except Disconnected:
                continue
            if self._has_room():
                return

    async def drain(self, seconds: float = CALL_SECONDS_MAX) -> None:
        """Return when every command is answered; raises TimeoutError, `unanswered` says which are not."""
        async with asyncio.timeout(seconds):
            await self._until(lambda: not self._unanswered)

    def _send(self, commands: Sequence[ClientCommand], waiter: "asyncio.Future[Answer] | None") -> range:
        self._keeper.check()
        if self._keeper.connection is None or not self._keeper.connection.is_open:
            raise Disconnected("not connected, the session is trying again")
        if len(self._unanswered) + len(commands) > UNANSWERED_COMMANDS_MAX:
            raise SendBufferFull(f"{len(self._unanswered)} commands wait for their answers")
        refs = range(self._next_ref, self._next_ref + len(commands))
        named = [msgspec.structs.replace(c, ref=ref) for c, ref in zip(commands, refs, strict=True)]
        self._keeper.connection.send(named)
        self._next_ref = Ref(refs.stop)
        for command in named:
            self._unanswered[command.ref] = _Sent(command, waiter)
        return refs

    def _has_room(self) -> bool:
        connection = self._keeper.connection
        is_open = connection is not None and connection.is_open
        return is_open and len(self._unanswered) < UNANSWERED_COMMANDS_MAX

    async def _until(self, holds: Callable[[], bool]) -> None:
        while True:
            self._keeper.check()
            if holds():
                return
            self._progress.clear()
            await self._progress.wait()

    # --- what comes back ---------------------------------------------------------------------

    async def events(self) -> AsyncIterator[Event]:
        """Every new report of the stream once, in order, whoever caused it; and refused commands.

        For one reader. Raises EventsLost where it was too slow, and the session's error at its end.
        """
        async for event in self._events.read():
            yield event

    def _take(self, messages: list[AnyReport | SessionRejected]) -> None:
        try:
            taken = self._stream.take(messages)
        except StreamGap as gap:
            self._keeper.fail(gap)
            return
        for ref, reports in taken.answers.items():
            sent = self._unanswered.pop(ref, None)
            if sent is not None and sent.waiter is not None and not sent.waiter.done():
                sent.waiter.set_result(reports)
        self._publish(taken.fresh)
        for refusal in taken.refusals:
            self._refuse(refusal)
        for message in taken.beside:
            self._hear(message)
        if self._doubtful:
            self._give_up_passed()
        self._progress.set()

    def _hear(self, message: OperatorAnswer) -> None:
        asked = self._asked.get(message.token)
        if asked is None:
            return  # its caller has given up
        asked.answer.append(message)
        if isinstance(message, AuditEnd | Foreseen) and not asked.waiter.done():
            asked.waiter.set_result(asked.answer)

    def _refuse(self, refusal: SessionRejected) -> None:
        sent = self._unanswered.pop(refusal.ref, None)
        if sent is not None and sent.waiter is not None and not sent.waiter.done():
            sent.waiter.set_exception(SessionRejectedError(refusal))
        self._publish([refusal])

    def _publish(self, events: Sequence[Event]) -> None:
        if self._on_events is not None:
            self._on_events(events)
        else:
            self._events.put(events)

    # --- losing and finding the engine -------------------------------------------------------

    async def _open(self) -> Connection:
        return await open_connection(
            self._access,
            next_seq=self._stream.next_seq,
            on_messages=self._take,
            on_logon=self._resume,
        )

    def _resume(self, connection: Connection) -> None:
        """Go on where the engine is: `last_ref` splits what was sent into applied and never arrived."""
        self._keeper.connection = connection
        accepted = connection.accepted
        try:
            self._stream.continue_at(accepted.next_seq)
        except StreamGap as gap:
            self._keeper.fail(gap)
            return
        self._next_ref = Ref(max(self._next_ref, accepted.last_ref + 1))
        connection.send([sent.command for ref, sent in self._unanswered.items() if ref > accepted.last_ref])
        self._doubtful = deque(ref for ref in self._unanswered if ref <= accepted.last_ref)
        self._give_up_passed()
        self._progress.set()

    def _give_up_passed(self) -> None:
        """Fail commands which the stream has passed without an answer.

        Those were refused by the session, and the refusal, which is not part of the stream, was lost
        with the connection. Only refs from before the reconnect can be meant: a refusal may otherwise
        simply be behind the reports of later commands.
        """
        while self._doubtful and self._doubtful[0] <= self._stream.answered_ref:
            ref = self._doubtful.popleft()
            if ref in self._unanswered:
                self._refuse(SessionRejected(ref, RejectReason.REF_NOT_APPLIED, 0, "its refusal was lost"))

    def _lose(self, loss: Disconnected) -> None:
        for asked in self._asked.values():
            if not asked.waiter.done():
                asked.waiter.set_exception(loss)
        self._progress.set()
        if self._on_disconnect is not None:
            self._on_disconnect(loss)

    def _failed(self, error: Exception) -> None:
        """Everybody who waits, now or later, gets `error`."""
        for sent in self._unanswered.values():
            if sent.waiter is not None and not sent.waiter.done():
                sent.waiter.set_exception(error)
        for asked in self._asked.values():
            if not asked.waiter.done():
                asked.waiter.set_exception(error)
        self._events.end(error)
        self._progress.set()
