"""What operators ask of the process that runs a venue, as calls."""

from abc import ABC, abstractmethod
from typing import Final

from carbonmatch.matching.messages import (
    Amendment,
    AmendmentCommand,
    AmendmentsRequest,
    AnyReport,
    ChangeTable,
    ClientCommand,
    Disconnect,
    Done,
    Outcome,
    ProcessCommand,
    PutTables,
    Ref,
    ReloadConfiguration,
    SessionId,
    SessionsRequest,
    SessionStatus,
    SetThrottle,
    StatusEnd,
    TableAction,
    TableKind,
    TakeSnapshot,
)

# Stands in a command until the session gives it its ref.
_NO_REF: Final = Ref(0)


class SteeringCommands(ABC):
    """Each call returns what its command came to, or raises what every command may: see `Commands`."""

    @abstractmethod
    async def call(self, command: ClientCommand, *, seconds: float | None = None) -> list[AnyReport]:
        """Send one command of any kind, whatever its ref, and wait for its answer."""

    async def sessions(self, session: str = "", *, seconds: float | None = None) -> list[SessionStatus]:
        """For operators: every session and drop copy, once a role that it is connected in; or one of them."""
        found: list[SessionStatus] = []
        after = SessionId(0)
        more = True
        while more:
            *page, end = await self.call(SessionsRequest(_NO_REF, session, after), seconds=seconds)
            assert type(end) is StatusEnd, "what is asked for page by page has an end"
            found += [one for one in page if type(one) is SessionStatus]
            after, more = found[-1].session_id if found else after, end.more
        return found

    async def disconnect(
        self, session: str, *, ban_seconds: int = 0, text: str = "", seconds: float | None = None
    ) -> int:
        """For operators: end every connection of a session; the sequence at which it was journaled.

        For `ban_seconds` it may not log on again; 0 also ends what an earlier command has banned it for.
        """
        done = (await self.call(Disconnect(_NO_REF, session, ban_seconds, text), seconds=seconds))[-1]
        assert type(done) is Done
        return done.sequence

    async def take_snapshot(self, text: str = "", *, seconds: float | None = None) -> Outcome:
        """For operators: keep the state on the disk; where `applied`, `at_sequence` is the snapshot's."""
        return await self._outcome(TakeSnapshot(_NO_REF, text), seconds)

    async def reload_configuration(self, text: str = "", *, seconds: float | None = None) -> Outcome:
        """For operators: read the file again; `lines` say what has changed, or where not `applied`, why."""
        return await self._outcome(ReloadConfiguration(_NO_REF, text), seconds)

    async def put_tables(self, tables: str, text: str = "", *, seconds: float | None = None) -> Outcome:
        """For operators: add tables to the configuration, or change them: TOML, with the keys of the file."""
        return await self._outcome(PutTables(_NO_REF, tables, text), seconds)

    async def change_table(
        self,
        kind: TableKind,
        name: str,
        action: TableAction,
        text: str = "",
        *,
        seconds: float | None = None,
    ) -> Outcome:
        """For operators: take a table out of the configuration, or say whether it counts."""
        return await self._outcome(ChangeTable(_NO_REF, kind, name, action, text), seconds)

    async def set_throttle(
        self,
        session: str,
        commands_per_second: int,
        commands_burst: int,
        cancels_per_second: int = 0,
        cancels_burst: int = 0,
        text: str = "",
        *,
        seconds: float | None = None,
    ) -> Outcome:
        """For operators: how much a session may send, as of now. 0 and 0: as much as it likes."""
        rates = (commands_per_second, commands_burst, cancels_per_second, cancels_burst)
        return await self._outcome(SetThrottle(_NO_REF, session, *rates, text), seconds)

    async def amendments(self, *, seconds: float | None = None) -> list[Amendment]:
        """For operators: what commands have changed of the configuration, and the file has not overruled."""
        found: list[Amendment] = []
        after: tuple[int, str] = (0, "")
        more = True
        while more:
            *page, end = await self.call(AmendmentsRequest(_NO_REF, *after), seconds=seconds)
            assert type(end) is StatusEnd, "what is asked for page by page has an end"
            found += [one for one in page if type(one) is Amendment]
            after, more = (found[-1].kind, found[-1].name) if found else after, end.more
        return found

    async def _outcome(self, command: ProcessCommand | AmendmentCommand, seconds: float | None) -> Outcome:
        outcome = (await self.call(command, seconds=seconds))[-1]
        assert type(outcome) is Outcome
        return outcome
