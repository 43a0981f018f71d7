"""What a row, a panel and a query are, and the turns of PromQL that the rows use over and over.

In all PromQL, Grafana replaces $instance and $instrument by what is chosen above the dashboard, and
$__rate_interval and $__range by what fits the time that is shown.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Any, Final, NamedTuple

PER_SECOND: Final = "suffix: /s"


@unique
class Kind(Enum):
    """How a panel is drawn."""

    NUMBER = "number"
    LINES = "lines"
    STACK = "stack"  # lines that add up to something
    HEATMAP = "heatmap"
    TIMELINE = "timeline"  # states over time
    TABLE = "table"  # a row for each instrument


GREEN: Final = "green"
YELLOW: Final = "yellow"
RED: Final = "red"
BLUE: Final = "blue"
GREY: Final = "text"

# What a value means, in a word and a colour.
Words = Mapping[int, tuple[str, str]]
# From which value on a colour holds; the first one has no bound.
Thresholds = tuple[tuple[float | None, str], ...]

PLAIN: Final[Thresholds] = ((None, BLUE),)
# Of what should be 0.
ZERO: Final[Thresholds] = ((None, GREEN), (1, RED))


def rising(warning: float, critical: float) -> Thresholds:
    """Of what is worse the more there is of it."""
    return ((None, GREEN), (warning, YELLOW), (critical, RED))


def falling(critical: float, warning: float) -> Thresholds:
    """Of what is worse the less there is of it."""
    return ((None, RED), (critical, YELLOW), (warning, GREEN))


class Query(NamedTuple):
    expression: str
    # What a series is called, with {{label}} replaced; in a table, the column.
    legend: str = ""
    # Of a column of a table, where they are not the panel's.
    unit: str = ""
    words: Words = {}


class Panel(NamedTuple):
    kind: Kind
    title: str
    description: str
    # As Grafana names units: s, bytes, percentunit, short; "suffix:/s" puts /s behind the number.
    unit: str
    queries: tuple[Query, ...]
    thresholds: Thresholds = PLAIN
    words: Words = {}
    # The alert whose page in docs/runbooks says what to do.
    runbook: str = ""
    # In columns, of which the dashboard has 24, and in rows of 30 pixels.
    width: int = 8
    height: int = 8


class Row(NamedTuple):
    title: str
    panels: tuple[Panel, ...]


def number(title: str, unit: str, query: str | Query, description: str, **more: Any) -> Panel:
    """A large number, six to a line."""
    if isinstance(query, str):
        query = Query(query)
    more = {"width": 4, "height": 4, **more}
    return Panel(Kind.NUMBER, title, description, unit, (query,), **more)


# --- PromQL -------------------------------------------------------------------------------------------------

INSTANCE: Final = 'instance=~"$instance"'
INSTRUMENT: Final = f'{INSTANCE}, instrument=~"$instrument"'


def per_second(metric: str, by: str = "", where: str = INSTANCE) -> str:
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


def total(metric: str, by: str = "") -> str:
    return f"sum by ({by}) ({metric}{{{INSTANCE}}})"


def in_phase(phase: int) -> str:
    """How many instruments are in it."""
    return f"count(carbonmatch_instrument_phase{{{INSTRUMENT}}} == {phase:d}) or vector(0)"


def mean(histogram: str) -> str:
    counted = per_second(f"{histogram}_count")
    return f"{per_second(f'{histogram}_sum')} / ({counted} > 0)"


def in_currency(price: str, more: str = "") -> str:
    """Prices are kept in ticks."""
    of = f"{INSTRUMENT}{more}"
    return (
        f"max by (instrument) ({price}{{{of}}} * on (instance, instrument) group_left ()"
        f" carbonmatch_instrument_tick_size{{{INSTRUMENT}}} >= 0)"
    )


def highest(metric: str) -> str:
    return f"max({metric}{{{INSTANCE}}})"


def quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, {per_second(f'{histogram}_bucket', by='le')})"


def quantiles(histogram: str, *shares: float) -> tuple[Query, ...]:
    return tuple(Query(quantile(share, histogram), f"p{share * 100:g}") for share in shares)


def by_label(metric: str, label: str) -> tuple[Query, ...]:
    """A series a second for each value of a label, where there is anything to see of it."""
    return (Query(f"{per_second(metric, by=label)} > 0", f"{{{{{label}}}}}"),)


def by_instrument(metric: str) -> tuple[Query, ...]:
    return (Query(per_second(metric, by="instrument", where=INSTRUMENT), "{{instrument}}"),)


def now_by_instrument(metric: str) -> str:
    return f"max by (instrument) ({metric}{{{INSTRUMENT}}})"


def in_range(metric: str, by: str = "instrument", where: str = INSTRUMENT) -> str:
    """How much it grew in the time that is shown."""
    return f"sum by ({by}) (increase({metric}{{{where}}}[$__range]))"


def each(metric: str, name: str = "{{instance}}") -> Query:
    """A series for each process."""
    return Query(f"{metric}{{{INSTANCE}}}", name)
