"""What there is to read of metrics, from the tables they come from: a list, and most of docs/metrics.md."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from carbonmatch.ops.exposition import BUILD_INFO, BUILD_INFO_HELP, BUILD_LABELS
from carbonmatch.ops.fanout_metrics import FANOUT
from carbonmatch.ops.follower_metrics import FOLLOWER
from carbonmatch.ops.metric import COUNT_BOUNDS, SECONDS_BOUNDS, Group, Label, Metric
from carbonmatch.ops.metrics import VENUE
from carbonmatch.ops.process import PROCESS

# The command that starts a process, and what its /metrics has beside what is said of every process.
PROCESSES: Final[Mapping[str, tuple[Group, ...]]] = {
    "serve": VENUE,
    "follow": FOLLOWER,
    "fanout": FANOUT,
}

# Of more values the list would be old with each that comes.
_VALUES_NAMED_MAX: Final = 8
# `+Inf`, count and sum.
_BESIDE_BOUNDS: Final = 3


def listing(processes: Iterable[str] = PROCESSES) -> Iterator[str]:
    """A line for each metric: name, kind, labels, series, help; with tabs between."""
    yield "\t".join((BUILD_INFO, "gauge", ",".join(BUILD_LABELS), "1", BUILD_INFO_HELP))
    for group in (*(group for process in processes for group in PROCESSES[process]), PROCESS):
        for metric in group.metrics:
            labels = ",".join(label.name for label in metric.labels)
            yield "\t".join((metric.name, metric.kind, labels, series(metric), metric.help))


def markdown(processes: Iterable[str] = PROCESSES) -> Iterator[str]:
    """The lines of the tables of docs/metrics.md."""
    for process in processes:
        yield f"## carbonmatch {process}"
        yield ""
        for group in PROCESSES[process]:
            yield from _table(group)
    yield "## All of them"
    yield ""
    yield from _table(PROCESS)


def series(metric: Metric) -> str:
    """How many series it has; `n` stands for the number of instruments, `m` for that of many values."""
    count = 1
    by_instrument = ""
    for label in metric.labels:
        if label.values is None:
            by_instrument = "n"
        elif len(label.values) > _VALUES_NAMED_MAX:
            return "m"
        else:
            count *= len(label.values)
    if metric.kind == "histogram":
        count = len(SECONDS_BOUNDS if metric.nanoseconds else COUNT_BOUNDS) + _BESIDE_BOUNDS
    if not by_instrument:
        return str(count)
    return by_instrument if count == 1 else f"{count} {by_instrument}"


def _table(group: Group) -> Iterator[str]:
    yield f"### {group.title}"
    yield ""
    yield "| metric | kind | unit | labels | series | what it is | what it tells | answers |"
    yield "|---|---|---|---|---|---|---|---|"
    for metric in group.metrics:
        labels = "; ".join(_label(label) for label in metric.labels)
        cells = (
            f"`{metric.name}`",
            metric.kind,
            metric.unit,
            labels,
            series(metric),
            metric.help,
            metric.use,
            metric.answers,
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _label(label: Label) -> str:
    """Its values where they are few; the others are in proto/MESSAGES.md."""
    if label.values is None or len(label.values) > _VALUES_NAMED_MAX:
        return f"`{label.name}`"
    return f"`{label.name}`: {', '.join(label.values.values())}"
