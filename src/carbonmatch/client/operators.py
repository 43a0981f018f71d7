"""What operators stop and let go on, as calls."""

from abc import ABC, abstractmethod
from typing import Final

from carbonmatch.matching.messages import (
    AnyReport,
    ClientCommand,
    Done,
    Kill,
    Killed,
    KilledRequest,
    KillScope,
    Pulled,
    Ref,
    Release,
    StatusEnd,
)

# Stands in a command until the session gives it its ref.
_NO_REF: Final = Ref(0)


class OperatorCommands(ABC):
    """Each call returns what its command came to, or raises what every command may: see `Commands`."""

    @abstractmethod
    async def call(self, command: ClientCommand, *, seconds: float | None = None) -> list[AnyReport]:
        """Send one command of any kind, whatever its ref, and wait for its answer."""

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
