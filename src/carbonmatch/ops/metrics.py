"""All metrics of a venue: the one table of which exposition, help texts and docs/metrics.md come.

Its parts are in `tables`. Other processes have theirs beside their counters: `follower_metrics`,
`fanout_metrics`.
"""

from typing import Final

from carbonmatch.ops.metric import metrics_of
from carbonmatch.ops.tables.feed import FEED
from carbonmatch.ops.tables.market import INSTRUMENTS, OPERATORS, ORDERS, SETTLEMENT
from carbonmatch.ops.tables.running import CAPACITY, CLOCK, LATENCY, STATE
from carbonmatch.ops.tables.sessions import SECURITY, SESSIONS
from carbonmatch.ops.tables.storage import JOURNAL

VENUE: Final = (
    STATE,
    CAPACITY,
    LATENCY,
    ORDERS,
    INSTRUMENTS,
    OPERATORS,
    SETTLEMENT,
    SESSIONS,
    SECURITY,
    JOURNAL,
    CLOCK,
    FEED,
)
METRICS: Final = metrics_of(VENUE)
