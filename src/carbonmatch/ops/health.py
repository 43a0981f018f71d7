"""Is the venue alive, is it ready, and if not, why: from facts to answers, without looking anywhere."""

from enum import IntEnum, unique
from typing import Final

import msgspec
from msgspec import Struct

from carbonmatch.limits import COMMIT_DEAD_SECONDS, COMMIT_STALL_SECONDS, SPARE_SEGMENTS

_OK: Final = 200
_UNAVAILABLE: Final = 503


@unique
class State(IntEnum):
    """Exported as `carbonmatch_state`."""

    RECOVERING = 0
    ACTIVE = 1
    DEGRADED = 2  # new orders are refused, cancels are taken
    STOPPING = 3
    BUSY = 4  # orders that have waited too long are refused, all others are taken


class Facts(Struct, frozen=True, gc=False):
    """What the service knows about itself at one moment."""

    recovered: bool
    stopping: bool = False
    commit_pending_seconds: float = 0.0  # how long the batch on its way to the disk has been
    # Segments made ahead beside the one in use, and why no more could be made when last tried.
    spare_segments: int = SPARE_SEGMENTS
    spares_error: str = ""
    durable: bool = True  # False: relaxed mode
    busy: bool = False  # orders were refused a moment ago because they had waited too long


class Health(Struct, frozen=True, gc=False):
    state: State
    alive: bool
    reasons: tuple[str, ...] = ()

    @property
    def accepts_new_orders(self) -> bool:
        return self.state in (State.ACTIVE, State.BUSY)

    @property
    def words(self) -> str:
        """State and reasons in one line."""
        name = self.state.name.lower()
        others = [reason for reason in self.reasons if reason != name]
        return f"{name}: {'; '.join(others)}" if others else name


def assess(facts: Facts) -> Health:
    """What follows from the facts; `reasons` names all that is wrong or unusual."""
    reasons = []
    stalled = facts.commit_pending_seconds > COMMIT_STALL_SECONDS
    if stalled:
        reasons.append(
            f"the disk has not answered for {facts.commit_pending_seconds:.1f} s, "
            f"expected at most {COMMIT_STALL_SECONDS:.1f} s"
        )
    full = facts.recovered and facts.spares_error and facts.spare_segments < SPARE_SEGMENTS
    if full:
        reasons.append(
            f"no journal segment can be made ({facts.spares_error}), {facts.spare_segments} made ahead left"
        )
    if facts.busy:
        reasons.append("busy: new orders that have waited too long for their turn are refused")
    if not facts.recovered:
        reasons.append("recovering from the journal")
    if facts.stopping:
        reasons.append("stopping")
    if not facts.durable:
        reasons.append("relaxed mode: answers do not wait for the disk")

    if facts.stopping:
        state = State.STOPPING
    elif not facts.recovered:
        state = State.RECOVERING
    elif stalled or full:
        state = State.DEGRADED
    elif facts.busy:
        state = State.BUSY
    else:
        state = State.ACTIVE
    return Health(state, facts.commit_pending_seconds <= COMMIT_DEAD_SECONDS, tuple(reasons))


def healthz(health: Health) -> tuple[int, bytes]:
    """Status and JSON for "should this process be restarted?": recovery and a full disk are no reason."""
    return _answer(health.alive, health)


def readyz(health: Health) -> tuple[int, bytes]:
    """Status and JSON for "should gateways connect here?".

    A degraded venue says yes: whoever lost its connection has to get back to cancel its orders, and
    new ones are refused with a reason.
    """
    return _answer(health.alive and health.state in (State.ACTIVE, State.DEGRADED, State.BUSY), health)


def _answer(good: bool, health: Health) -> tuple[int, bytes]:
    body = {"ok": good, "state": health.state.name.lower(), "reasons": health.reasons}
    return (_OK if good else _UNAVAILABLE), msgspec.json.encode(body) + b"\n"
