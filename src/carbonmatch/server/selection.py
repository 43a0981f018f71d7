"""Which of a session's new commands may pass now, and what the others are refused for.

The order of the reasons is a promise, in proto/README.md: a command that may not pass for several of them
is refused for the first, and counts for those before it only.
"""

from typing import Final, get_args

from msgspec import Struct

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.blocks.proposals import Negotiations
from carbonmatch.matching.messages import (
    BlockAccept,
    BlockCounter,
    BlockPropose,
    ClientCommand,
    NewOrder,
    Ref,
    RejectReason,
    Replace,
    Select,
    SessionCommand,
)
from carbonmatch.protocol.messages import Role, SessionRejected
from carbonmatch.protocol.permissions import forbidden, why_refused
from carbonmatch.protocol.session import NOT_ENTITLED
from carbonmatch.protocol.throttle import Throttle
from carbonmatch.server.relief import relieving

# What a venue that cannot keep up refuses: reductions and cancels take risk out.
_ADDS_RISK: Final = NewOrder | Replace | Select | BlockPropose | BlockAccept | BlockCounter
ADDS_RISK: Final = frozenset(kind for kind in get_args(ClientCommand) if issubclass(kind, _ADDS_RISK))


class Circumstances(Struct, frozen=True, gc=False):
    """What it depends on whether a command may pass."""

    state: SessionState
    role: Role
    throttle: Throttle | None
    now_ns: int  # of the clock that never steps
    accepting_orders: bool
    negotiations: Negotiations  # of the venue
    late: bool  # the commands have waited for their turn longer than the venue allows
    permissions: int = 0  # of its session and key; 0: all


class Selection(Struct, frozen=True, gc=False):
    """What a frame's new commands came to."""

    passing: list[SessionCommand]
    refused: list[SessionRejected]
    exhausted: bool = False  # the throttle has lost its patience: the connection is to be ended
    busy: bool = False  # something came too late


class Judged(Struct, frozen=True, gc=False):
    """A frame's commands: what may pass and what is refused, and refs that came before."""

    selection: Selection
    repeated: list[Ref]


def judge(commands: list[SessionCommand], last_ref: Ref, circumstances: Circumstances) -> Judged:
    """Which of a frame's commands may pass, and which come again; `last_ref` is the last that was applied."""
    fresh: list[SessionCommand] = []
    repeated: list[Ref] = []
    for command in commands:
        if command.ref <= last_ref:
            repeated.append(command.ref)
        else:
            last_ref = command.ref
            fresh.append(command)
    return Judged(select(fresh, circumstances) if fresh else Selection([], []), repeated)


def select(commands: list[SessionCommand], there: Circumstances) -> Selection:
    """Judge `commands`, none of which is a repeat."""
    refused: list[SessionRejected] = []
    passing = commands
    exhausted = busy = False
    if there.throttle is not None:
        admission = there.throttle.admit(passing, there.now_ns)
        passing, exhausted = admission.admitted, admission.exhausted
        refused += admission.refused
    passing = _without(NOT_ENTITLED[there.role], passing, RejectReason.NOT_ENTITLED, refused)
    if there.permissions:
        passing = _permitted(there.permissions, passing, refused)
    if not there.accepting_orders:
        relief = relieving(there.state, passing, there.negotiations)
        refs = {command.ref for command in relief}
        refused += [
            SessionRejected(command.ref, RejectReason.DEGRADED_STORAGE)
            for command in passing
            if command.ref not in refs
        ]
        passing = relief
    elif there.late:
        # Fast, and with it what stands behind them gets its turn: the cancels.
        timely = _without(ADDS_RISK, passing, RejectReason.BUSY, refused)
        busy = len(timely) < len(passing)
        passing = timely
    return Selection(passing, refused, exhausted, busy)


def _permitted(
    permissions: int, commands: list[SessionCommand], refused: list[SessionRejected]
) -> list[SessionCommand]:
    """Those of the permissions there are; the refusals of the others say what they would need."""
    kinds = forbidden(permissions)
    refused += [
        SessionRejected(command.ref, RejectReason.NOT_PERMITTED, text=why_refused(type(command), permissions))
        for command in commands
        if type(command) in kinds
    ]
    return [command for command in commands if type(command) not in kinds]


def _without(
    kinds: frozenset[type],
    commands: list[SessionCommand],
    reason: RejectReason,
    refused: list[SessionRejected],
) -> list[SessionCommand]:
    """Those of other kinds; the refusals of these are added."""
    if kinds.isdisjoint(map(type, commands)):
        return commands
    refused += [SessionRejected(command.ref, reason) for command in commands if type(command) in kinds]
    return [command for command in commands if type(command) not in kinds]
