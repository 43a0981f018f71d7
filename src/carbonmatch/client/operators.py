"""What operators stop and let go on, as calls."""

from abc import ABC, abstractmethod
from typing import Final

from msgspec import structs

from carbonmatch.client.errors import AuditRefused
from carbonmatch.matching.messages import (
    AnyReport,
    ClientCommand,
    Decide,
    Done,
    Foreseeable,
    Kill,
    Killed,
    KilledRequest,
    KillScope,
    Pulled,
    Ref,
    Release,
    SessionId,
    StatusEnd,
)
from carbonmatch.protocol.messages import (
    Audited,
    AuditEnd,
    AuditRequest,
    DryRun,
    Foreseen,
    OperatorAnswer,
    OperatorQuestion,
)

# Stands in a command until the session gives it its ref.
_NO_REF: Final = Ref(0)


class OperatorCommands(ABC):
    """Each call returns what its command came to, or raises what every command may: see `Commands`."""

    @abstractmethod
    async def call(self, command: ClientCommand, *, seconds: float | None = None) -> list[AnyReport]:
        """Send one command of any kind, whatever its ref, and wait for its answer."""

    @abstractmethod
    async def ask(self, question: OperatorQuestion, *, seconds: float | None = None) -> list[OperatorAnswer]:
        """Send an operator's question of any kind, whatever its token, and wait for its whole answer."""

    async def dry_run(self, command: Foreseeable, *, seconds: float | None = None) -> Foreseen:
        """What a command would do, whatever its ref: its `reason` is 0 where it would be done."""
        (answer,) = await self.ask(DryRun(0, structs.replace(command, ref=Ref(1))), seconds=seconds)
        assert type(answer) is Foreseen
        return answer

    async def audit(
        self,
        *,
        from_ns: int = 0,
        until_ns: int = 0,
        session_id: int = 0,
        kind: int = 0,
        seconds: float | None = None,
    ) -> list[Audited]:
        """What operators did between two times, oldest first; 0: all of it. `kind`: the tag of a command.

        Asked for page by page; raises AuditRefused.
        """
        question: AuditRequest | None = AuditRequest(0, from_ns, until_ns, SessionId(session_id), kind)
        found: list[Audited] = []
        while question is not None:
            page, question = await self.audit_page(question, seconds=seconds)
            found += page
        return found

    async def audit_page(
        self, question: AuditRequest, *, seconds: float | None = None
    ) -> tuple[list[Audited], AuditRequest | None]:
        """What comes next of an audit, and what to ask then; None: it was all. Raises AuditRefused."""
        *lines, end = await self.ask(question, seconds=seconds)
        assert type(end) is AuditEnd, "an answer has an end"
        if end.reason:
            raise AuditRefused(end)
        page = [line for line in lines if type(line) is Audited]
        if not end.more:
            return page, None
        return page, structs.replace(question, position=end.position, after_sequence=end.after_sequence)

    async def kill(
        self, scope: KillScope, scope_id: int = 0, text: str = "", *, seconds: float | None = None
    ) -> Pulled:
        """Stop the venue, a participant, an account or an instrument; what that has pulled."""
        pulled, done = await self.call(Kill(_NO_REF, scope, scope_id, text), seconds=seconds)
        assert type(pulled) is Pulled
        assert type(done) is Done
        return pulled

    async def release(
        self, scope: KillScope, scope_id: int = 0, text: str = "", *, seconds: float | None = None
    ) -> int:
        """Let it go on; the sequence at which it was done."""
        answer = (await self.call(Release(_NO_REF, scope, scope_id, text), seconds=seconds))[-1]
        assert type(answer) is Done, "an operator's command is done or rejected"
        return answer.sequence

    async def decide(
        self, number: int, text: str = "", *, confirms: bool, seconds: float | None = None
    ) -> list[AnyReport]:
        """Have a command done that another operator has proposed, or never; its answer, or Done."""
        return await self.call(Decide(_NO_REF, number, confirms, text), seconds=seconds)

    async def waiting(self, *, seconds: float | None = None) -> list[Audited]:
        """The commands that wait for confirmation. Raises AuditRefused."""
        lines, _ = await self.audit_page(AuditRequest(0, waiting=True), seconds=seconds)
        return lines

    async def killed(self, *, seconds: float | None = None) -> list[Killed]:
        """What is stopped now, by whom, since when and why; asked for page by page."""
        found: list[Killed] = []
        more = True
        while more:
            after = (found[-1].scope, found[-1].scope_id) if found else (0, 0)
            *page, end = await self.call(KilledRequest(_NO_REF, *after), seconds=seconds)
            assert type(end) is StatusEnd, "what is asked for page by page has an end"
            found += [one for one in page if type(one) is Killed]
            more = end.more
        return found
