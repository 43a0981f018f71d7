"""The text of all metrics for Prometheus, from a template that is filled with `%` at a scrape.

The template is made once for a set of instruments. prometheus-client would render the same samples (a
test compares them by its own parser), but takes 48 times as long, and a scrape holds the loop that
matches orders.
"""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, pairwise, product
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from carbonmatch import __version__
from carbonmatch.accel import core
from carbonmatch.limits import METRICS_INSTRUMENTS_MAX
from carbonmatch.matching.messages import InstrumentDefinition
from carbonmatch.ops.counters import Histogram, bucket_of, bucket_upper_bound
from carbonmatch.ops.metric import COUNT_BOUNDS, SECONDS_BOUNDS, Metric
from carbonmatch.protocol.messages import PROTOCOL_VERSION

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

BUILD_INFO: Final = "carbonmatch_build_info"
BUILD_INFO_HELP: Final = "What is running. Always 1."
_BUILD: Final = {
    "version": __version__,
    "python": platform.python_version(),
    "implementation": platform.python_implementation(),
    "protocol": str(PROTOCOL_VERSION),
    "core": core(),
}
BUILD_LABELS: Final = tuple(_BUILD)

_Reader = Callable[[], Sequence[float]]


class Readable(Protocol):
    """Counters: a slot for each metric's source."""

    @property
    def instruments(self) -> Mapping[Any, InstrumentDefinition]:
        """What metrics by instrument are labelled with: the first METRICS_INSTRUMENTS_MAX of them."""


class Exposition:
    """Renders `counters`. A new instrument makes it write its template again."""

    def __init__(self, counters: Readable, metrics: Sequence[Metric]) -> None:
        self._counters = counters
        self._metrics = [
            metric for metric in metrics if not (metric.optional and getattr(counters, metric.source) is None)
        ]
        self._instruments: dict[Any, str] = {}
        self._template = ""
        self._readers: list[_Reader] = []
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._write_template()

    def render(self) -> bytes:
        """All metrics in the text format 0.0.4."""
        known = islice(self._counters.instruments.items(), METRICS_INSTRUMENTS_MAX)
        instruments = {key: one.symbol for key, one in known}
        if instruments != self._instruments:
            self._instruments = instruments
            self._write_template()
        values: list[float] = []
        for read in self._readers:
            values += read()
        return (self._template % tuple(values)).encode() + generate_latest(self._process)

    def _write_template(self) -> None:
        self._readers = []
        lines = list(_build_info_lines())
        for metric in self._metrics:
            lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
            lines += self._series(metric)
        self._template = "\n".join([*lines, ""])

    def _series(self, metric: Metric) -> list[str]:
        """The lines of a metric, with a reader of their values added in the same order."""
        if metric.kind == "histogram":
            bounds = SECONDS_BOUNDS if metric.nanoseconds else COUNT_BOUNDS
            histogram = getattr(self._counters, metric.source)
            self._readers.append(_histogram_reader(histogram, list(bounds.values()), metric.nanoseconds))
            return [
                *(f'{metric.name}_bucket{{le="{bound}"}} %d' for bound in (*bounds, "+Inf")),
                f"{metric.name}_count %d",
                f"{metric.name}_sum %r",
            ]
        if metric.labels:
            return self._labelled(metric)
        self._readers.append(_slot_reader(self._counters, metric))
        return [f"{metric.name} %r"]

    def _labelled(self, metric: Metric) -> list[str]:
        """A series for each combination of what its labels may be."""
        keys, lines = [], []
        value = "%r" if metric.fractional else "%d"
        all_values = [self._instruments if label.values is None else label.values for label in metric.labels]
        for chosen in product(*(values.items() for values in all_values)):
            keys.append(chosen[0][0] if len(chosen) == 1 else tuple(key for key, _ in chosen))
            labels = ",".join(
                f'{label.name}="{text}"' for label, (_, text) in zip(metric.labels, chosen, strict=True)
            )
            lines.append(f"{metric.name}{{{labels}}} {value}")
        missing = float("nan") if metric.fractional else 0
        self._readers.append(_table_reader(getattr(self._counters, metric.source), keys, missing))
        return lines


def _build_info_lines() -> Iterator[str]:
    labels = ",".join(f'{name}="{value}"' for name, value in _BUILD.items())
    yield f"# HELP {BUILD_INFO} {BUILD_INFO_HELP}"
    yield f"# TYPE {BUILD_INFO} gauge"
    yield f"{BUILD_INFO}{{{labels}}} 1"


def _slot_reader(counters: Readable, metric: Metric) -> _Reader:
    if metric.nanoseconds:
        return lambda: [getattr(counters, metric.source) / 1e9]
    return lambda: [getattr(counters, metric.source)]


def _table_reader(table: Mapping[Any, float], keys: list[Any], missing: float) -> _Reader:
    return lambda: [table.get(key, missing) for key in keys]


def _histogram_reader(histogram: Histogram, bounds: list[int], nanoseconds: bool) -> _Reader:
    # The slice of our buckets that each exported bucket takes in.
    edges = [0, *(_buckets_within(bound) for bound in bounds), len(histogram.counts)]
    slices = [slice(start, end) for start, end in pairwise(edges)]

    def read() -> list[float]:
        counts = histogram.counts
        values: list[float] = []
        seen = 0
        for part in slices:
            seen += sum(counts[part])
            values.append(seen)
        return [*values, seen, histogram.total / 1e9 if nanoseconds else histogram.total]

    return read


def _buckets_within(bound: int) -> int:
    """How many of our buckets hold nothing above `bound`."""
    index = bucket_of(bound)
    return index + 1 if bucket_upper_bound(index) <= bound else index
