"""What a metric is: its name, unit and meaning, what it is for, and where its number stands.

One of these is all there is to say of a metric: exposition, help texts and docs/metrics.md come of it.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

# Upper bounds of the exported buckets. Written out, because 5 * 1e-6 would be exported as
# 4.9999999999999996e-06. The finer buckets inside are folded into them: one that reaches over a
# bound counts above it, so a latency never looks better than it was.
SECONDS_BOUNDS: Final = {
    "0.00001": 10_000,
    "0.000025": 25_000,
    "0.00005": 50_000,
    "0.0001": 100_000,
    "0.00025": 250_000,
    "0.0005": 500_000,
    "0.001": 1_000_000,
    "0.0025": 2_500_000,
    "0.005": 5_000_000,
    "0.01": 10_000_000,
    "0.025": 25_000_000,
    "0.05": 50_000_000,
    "0.1": 100_000_000,
    "0.25": 250_000_000,
    "0.5": 500_000_000,
    "1.0": 1_000_000_000,
    "2.5": 2_500_000_000,
}
# A bucket of ours ends just below a power of two, and counts are whole: 15 is all below 16.
COUNT_BOUNDS: Final = {str(2**power - 1): 2**power - 1 for power in range(1, 15)}


class Label(Struct, frozen=True):
    """A label and the values that are always there, by the keys of the table; None: the instruments."""

    name: str
    values: Mapping[Any, str] | None = None


BY_INSTRUMENT: Final = Label("instrument")


class Metric(Struct, frozen=True):
    """A metric of one kind of process. `source` is the slot of its counters that it is read from.

    With one label the slot has a table by the keys of the label, with more of them by tuples of keys.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    source: str
    # What an operator learns from it, in a sentence.
    use: str
    # The stage of an order's way that it measures, or the rule that asks for it.
    answers: str = ""
    labels: tuple[Label, ...] = ()
    # What is counted in nanoseconds is exported in seconds.
    nanoseconds: bool = False
    # Left out where the slot has None, as on a machine that cannot tell.
    optional: bool = False
    # A table whose values may be no whole numbers; NaN stands for none.
    fractional: bool = False


class Group(Struct, frozen=True):
    """Metrics that are read together, under one heading."""

    title: str
    metrics: tuple[Metric, ...]


def counter(name: str, source: str, text: str, unit: str = "", *, use: str, **more: Any) -> Metric:
    return Metric(f"carbonmatch_{name}_total", "counter", unit, text, source, use, **more)


def gauge(name: str, source: str, text: str, unit: str = "", *, use: str, **more: Any) -> Metric:
    return Metric(f"carbonmatch_{name}", "gauge", unit, text, source, use, **more)


def gauge_of_ns(name: str, source: str, text: str, *, use: str, **more: Any) -> Metric:
    """A gauge of seconds that is kept in nanoseconds."""
    return gauge(f"{name}_seconds", source, text, "seconds", use=use, nanoseconds=True, **more)


def seconds(name: str, source: str, text: str, *, use: str, **more: Any) -> Metric:
    """A histogram of durations, which are recorded in nanoseconds."""
    name = f"carbonmatch_{name}_seconds"
    return Metric(name, "histogram", "seconds", text, source, use, nanoseconds=True, **more)


def metrics_of(groups: tuple[Group, ...]) -> tuple[Metric, ...]:
    return tuple(metric for group in groups for metric in group.metrics)
