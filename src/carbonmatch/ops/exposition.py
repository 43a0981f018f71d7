"""The text of all metrics for Prometheus, from templates that are filled with `%` at a scrape.

They are made once for a set of instruments. prometheus-client would render the same samples (a test
compares them by its own parser), but takes 48 times as long, and a scrape holds the loop that matches
orders. For the same reason the text is made in pieces.
"""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise, product
from typing import Any, Final, Protocol

from msgspec import Struct
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from carbonmatch import __version__
from carbonmatch.accel import core
from carbonmatch.limits import METRICS_INSTRUMENTS_MAX, METRICS_PIECE_VALUES_MAX
from carbonmatch.matching.messages import InstrumentDefinition
from carbonmatch.ops.counters import Histogram, bucket_of, bucket_upper_bound
from carbonmatch.ops.metric import COUNT_BOUNDS, SECONDS_BOUNDS, Metric
from carbonmatch.ops.process import PROCESS, ProcessStatus
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


class _Lines(Struct, frozen=True):
    """Some lines of the template, and the reader of as many values as they have places."""

    lines: list[str]
    count: int
    read: _Reader


class Exposition:
    """Renders `counters`. A new instrument makes it write its templates again."""

    def __init__(self, counters: Readable, metrics: Sequence[Metric]) -> None:
        self._counters = counters
        self._metrics = list(_known(counters, metrics))
        self._instruments: dict[Any, str] = {}
        # A template for each piece, and the readers of its values.
        self._pieces: list[tuple[str, list[_Reader]]] = []
        self._process = ProcessStatus()
        self._process_metrics = list(_known(self._process, PROCESS.metrics))
        self._process_template = "\n".join(
            line for metric in self._process_metrics for line in (*_head(metric), f"{metric.name} %r")
        )
        self._write_templates()

    def render(self) -> bytes:
        """All metrics in the text format 0.0.4."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The same in pieces, each of which takes little; the values of a piece are of one moment."""
        known = islice(self._counters.instruments.items(), METRICS_INSTRUMENTS_MAX)
        instruments = {key: one.symbol for key, one in known}
        if instruments != self._instruments:
            self._instruments = instruments
            self._write_templates()
        for template, readers in self._pieces:
            values: list[float] = []
            for read in readers:
                values += read()
            yield (template % tuple(values)).encode()
        yield self._render_process()

    def _render_process(self) -> bytes:
        self._process.look()
        values = tuple(getattr(self._process, metric.source) for metric in self._process_metrics)
        return (self._process_template % values).encode() + b"\n"

    def _write_templates(self) -> None:
        self._pieces = []
        lines = list(_build_info_lines())
        readers: list[_Reader] = []
        count = 0
        for part in self._parts():
            if count and count + part.count > METRICS_PIECE_VALUES_MAX:
                self._pieces.append(("\n".join([*lines, ""]), readers))
                lines, readers, count = [], [], 0
            lines += part.lines
            readers.append(part.read)
            count += part.count
        self._pieces.append(("\n".join([*lines, ""]), readers))

    def _parts(self) -> Iterator[_Lines]:
        for metric in self._metrics:
            head = _head(metric)
            for part in self._series(metric):
                yield _Lines([*head, *part.lines], part.count, part.read)
                head = []

    def _series(self, metric: Metric) -> Iterator[_Lines]:
        if metric.kind == "histogram":
            yield _histogram(metric, getattr(self._counters, metric.source))
        elif metric.labels:
            yield from self._labelled(metric)
        else:
            yield _Lines([f"{metric.name} %r"], 1, _slot_reader(self._counters, metric))

    def _labelled(self, metric: Metric) -> Iterator[_Lines]:
        """A series for each combination of what its labels may be."""
        value = "%r" if metric.fractional else "%d"
        table = getattr(self._counters, metric.source)
        missing = float("nan") if metric.fractional else 0
        all_values = [self._instruments if label.values is None else label.values for label in metric.labels]
        chosen = list(product(*(values.items() for values in all_values)))
        # At least once: what there is none of has a head all the same.
        for start in range(0, len(chosen) or 1, METRICS_PIECE_VALUES_MAX):
            keys, lines = [], []
            for one in chosen[start : start + METRICS_PIECE_VALUES_MAX]:
                keys.append(one[0][0] if len(one) == 1 else tuple(key for key, _ in one))
                labels = ",".join(
                    f'{label.name}="{text}"' for label, (_, text) in zip(metric.labels, one, strict=True)
                )
                lines.append(f"{metric.name}{{{labels}}} {value}")
            yield _Lines(lines, len(lines), _table_reader(table, keys, missing))


def _known(source: object, metrics: Iterable[Metric]) -> Iterator[Metric]:
    """Those that there is something to say of."""
    return (one for one in metrics if not (one.optional and getattr(source, one.source) is None))


def _head(metric: Metric) -> list[str]:
    return [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]


def _histogram(metric: Metric, histogram: Histogram) -> _Lines:
    bounds = SECONDS_BOUNDS if metric.nanoseconds else COUNT_BOUNDS
    lines = [
        *(f'{metric.name}_bucket{{le="{bound}"}} %d' for bound in (*bounds, "+Inf")),
        f"{metric.name}_count %d",
        f"{metric.name}_sum %r",
    ]
    return _Lines(lines, len(lines), _histogram_reader(histogram, list(bounds.values()), metric.nanoseconds))


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
