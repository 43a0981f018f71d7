"""A trading day of seconds around the time at which worlds begin, for one of the instruments."""

from datetime import UTC, datetime
from random import Random

from carbonmatch.config.calendars import AUCTIONS, WEEKDAYS, Calendar, Schedule, Step, StepPhaseName
from tests.simulation.world import START_UTC_NS

# The end of yesterday's day, then today's, whose end is a day ahead: a clock that jumps may get there.
_BEFORE_THE_NIGHT: tuple[StepPhaseName, ...] = ("continuous", "closing_auction", "closed")
_AFTER_THE_NIGHT: tuple[StepPhaseName, ...] = (
    "pre_open",
    "opening_auction",
    "continuous",
    "break",
    "pre_open",
    "opening_auction",
    "continuous",
    "cancel_only",
)
_DAY_S = 86_400


def day(random: Random) -> tuple[Calendar, Schedule]:
    """Steps of one to four seconds each, but for the one that lasts over the day."""
    start = datetime.fromtimestamp(START_UTC_NS // 1_000_000_000, UTC)
    first_s = (start.hour * 60 + start.minute) * 60 + start.second
    late = first_s + _DAY_S
    steps = []
    for phase in _BEFORE_THE_NIGHT:
        late += random.randint(1, 3)
        steps.append(_step(late, phase, random.randint(0, 1)))
    opens_s = late - _DAY_S
    today = []
    for phase in _AFTER_THE_NIGHT:
        # What comes after an auction lasts longer than that may take at random.
        opens_s += random.randint(2, 4)
        today.append(_step(opens_s, phase, random.randint(0, 1)))
    calendar = Calendar("every-day", "UTC", WEEKDAYS)
    return calendar, Schedule("day", calendar.name, (*today, *steps))


def _step(at_s: int, phase: StepPhaseName, auction_s: int) -> Step:
    """`auction_s`: how long an auction is frozen, and by how much later it may end."""
    seconds = auction_s if phase in AUCTIONS else 0
    return Step(f"{at_s // 3600:02}:{at_s // 60 % 60:02}:{at_s % 60:02}", phase, seconds, seconds)
