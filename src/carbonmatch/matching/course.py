"""Which phase an instrument should be in: what its schedule says, and what an operator holds against it.

The table of both is in proto/PHASES.md. In short: what stops trading (HALTED, CANCEL_ONLY, CLOSED) is held
until somebody lifts it, over the steps of the schedule, but that the close closes; a session that an
operator opens lasts until the schedule's next step, or until the time that was given with it.

Without a schedule an operator is the schedule: what is set holds, and what stops trading is held against
the phase before it, which Resume brings back.
"""

from typing import Final

from msgspec import Struct

from carbonmatch.matching.messages import Phase, SchedulePhase

# What stops trading and is nothing that a schedule lifts.
_STOPS: Final = frozenset({Phase.HALTED, Phase.CANCEL_ONLY, Phase.CLOSED})
# Of these, what the close closes: what is held closed already stays so over the close, and after it.
_CLOSED_BY_THE_CLOSE: Final = _STOPS - {Phase.CLOSED}

SCHEDULED_AUCTIONS: Final = frozenset({Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION})


class ScheduledAuction(Struct, frozen=True, gc=False, array_like=True):
    """How an auction ends by itself, from the end of its step on: see StartAuction."""

    random_ns: int
    freeze_ns: int
    next_phase: Phase


class Course:
    """Invariant: `scheduled_ns` is 0 where no schedule has said anything yet, and never goes back.

    `until_ns` is when the schedule goes on, `hold_until_ns` when the hold ends; 0: not known. `auction` is
    there where what is scheduled is one.
    """

    __slots__ = ("auction", "hold", "hold_until_ns", "scheduled", "scheduled_ns", "until_ns")

    def __init__(self, opening: Phase) -> None:
        self.scheduled = opening
        self.scheduled_ns = 0
        self.until_ns = 0
        self.auction: ScheduledAuction | None = None
        self.hold: Phase | None = None
        self.hold_until_ns = 0

    @property
    def phase(self) -> Phase:
        """The phase that follows. An auction which interrupts it, or takes longer, is not in it."""
        return self._held or self.scheduled

    @property
    def phase_until_ns(self) -> int:
        """When the phase is to end; 0: not known."""
        return self.until_ns if self._held is None else self.hold_until_ns

    @property
    def is_held(self) -> bool:
        """Whether what an operator holds counts."""
        return self._held is not None

    @property
    def _held(self) -> Phase | None:
        """The phase of the hold, where it counts: the close closes what is held."""
        if self.scheduled_ns and self.scheduled is Phase.CLOSED and self.hold in _CLOSED_BY_THE_CLOSE:
            return None
        return self.hold

    def step(self, command: SchedulePhase) -> None:
        """The schedule goes on."""
        assert command.step_ns > self.scheduled_ns, "no step is made twice"
        self.scheduled = command.phase
        self.scheduled_ns = command.step_ns
        self.until_ns = command.until_ns
        self.auction = None
        if command.phase in SCHEDULED_AUCTIONS and command.until_ns:
            self.auction = ScheduledAuction(command.random_ns, command.freeze_ns, command.next_phase)
        if self.hold not in _STOPS and not self.hold_until_ns:
            self.hold = None

    def set(self, phase: Phase, until_ns: int) -> None:
        """An operator sets a phase; `until_ns` 0: without an until."""
        if self.scheduled_ns or until_ns or phase in _STOPS:
            self.hold = phase
            self.hold_until_ns = until_ns
        else:
            self.resume()
            self.scheduled = phase

    def resume(self) -> None:
        """The hold is over."""
        self.hold = None
        self.hold_until_ns = 0
