"""Every event that the log can have, with what it means and what to do about it.

docs/logs.md is made of this, `carbonmatch logs explain` prints it, and a test holds every call of
`log` in the code against it.
"""

from collections.abc import Mapping
from typing import Final

from carbonmatch.ops.log_events.connections import CONNECTIONS
from carbonmatch.ops.log_events.dashboard import DASHBOARD
from carbonmatch.ops.log_events.event import LogEvent
from carbonmatch.ops.log_events.fields import FIELDS, OF_EVERY_LINE
from carbonmatch.ops.log_events.market import MARKET
from carbonmatch.ops.log_events.process import PROCESS
from carbonmatch.ops.log_events.storage import STORAGE

__all__ = ["EVENTS", "FIELDS", "OF_EVERY_LINE", "SECTIONS", "LogEvent"]

# In the order in which they are documented.
SECTIONS: Final[Mapping[str, tuple[LogEvent, ...]]] = {
    "Processes": PROCESS,
    "Journal, follower and files": STORAGE,
    "Connections": CONNECTIONS,
    "The market": MARKET,
    "The dashboard": DASHBOARD,
}

EVENTS: Final[Mapping[str, LogEvent]] = {
    event.name: event for section in SECTIONS.values() for event in section
}
assert len(EVENTS) == sum(map(len, SECTIONS.values())), "one name, one kind of event"
