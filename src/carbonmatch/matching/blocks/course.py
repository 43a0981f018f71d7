"""Which phase the blocks of an instrument are in: what their schedule says, and what an operator holds.

An operator's CLOSED or BREAK is held over the steps of the schedule; what he opens lasts until its next step,
so that nobody forgets it. The phase of the instrument is another thing, and is looked at beside this one.
"""

from typing import Final

from carbonmatch.matching.messages import BlockPhase, Phase, ScheduleBlock

_PHASES: Final[dict[Phase, BlockPhase]] = {
    Phase.CONTINUOUS: BlockPhase.OPEN,
    Phase.CLOSED: BlockPhase.CLOSED,
}


class BlockCourse:
    """`scheduled_ns` is 0 where no schedule has said anything yet, and never goes back."""

    __slots__ = ("hold", "opening_phase", "scheduled", "scheduled_ns", "until_ns")

    def __init__(self, opening_phase: BlockPhase) -> None:
        self.opening_phase = opening_phase
        self.scheduled = Phase.CLOSED
        self.scheduled_ns = 0
        # When the schedule goes on; 0: not known.
        self.until_ns = 0
        self.hold = BlockPhase.AS_SCHEDULED

    @property
    def phase(self) -> BlockPhase:
        if self.hold is not BlockPhase.AS_SCHEDULED:
            return self.hold
        return _PHASES.get(self.scheduled, BlockPhase.BREAK) if self.scheduled_ns else self.opening_phase

    @property
    def phase_until_ns(self) -> int:
        """When the phase is to end; 0: not known."""
        return 0 if self.hold in (BlockPhase.CLOSED, BlockPhase.BREAK) else self.until_ns

    def step(self, command: ScheduleBlock) -> None:
        """The schedule goes on."""
        assert command.step_ns > self.scheduled_ns, "no step is made twice"
        self.scheduled = command.phase
        self.scheduled_ns = command.step_ns
        self.until_ns = command.until_ns
        if self.hold is BlockPhase.OPEN:
            self.hold = BlockPhase.AS_SCHEDULED

    def set(self, phase: BlockPhase) -> None:
        """An operator sets a phase, or none."""
        self.hold = phase
