"""What the dashboard shows, from the top: the whole at a glance, then what an operator asks next.

Metrics are those of docs/metrics.md, of Prometheus itself and of its client library. A test compares
their names, and runs every query against a venue at work.
"""

from typing import Final

from deploy.grafana.rows.glance import LATENCY, OVERVIEW
from deploy.grafana.rows.market import FANOUT, FLOW, INSTRUMENTS, MARKET_DATA
from deploy.grafana.rows.running import JOURNAL, PROCESS, SESSIONS

ROWS: Final = (OVERVIEW, LATENCY, FLOW, INSTRUMENTS, SESSIONS, JOURNAL, MARKET_DATA, FANOUT, PROCESS)
