"""The names, units and meanings of all metrics, and their text for Prometheus.

The text comes from a template that is made once for a set of instruments and filled with `%` at a
scrape. prometheus-client would render the same samples (a test compares them by its own parser), but
takes 48 times as long, and a scrape holds the loop that matches orders.
"""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, Protocol

from msgspec import Struct
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from carbonmatch import __version__
from carbonmatch.accel import core
from carbonmatch.matching.messages import CancelReason, InstrumentDefinition, Phase, RejectReason
from carbonmatch.ops.counters import Histogram, TurnedAway, bucket_of, bucket_upper_bound
from carbonmatch.protocol.messages import PROTOCOL_VERSION, LogoutReason, Role

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

# Upper bounds of the exported buckets. Written out, because 5 * 1e-6 would be exported as
# 4.9999999999999996e-06. The finer buckets inside are folded into them: one that reaches over a
# bound counts above it, so a latency never looks better than it was.
_SECONDS: Final = {
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
_COUNTS: Final = {str(2**power - 1): 2**power - 1 for power in range(1, 15)}


class Metric(Struct, frozen=True):
    """A metric of the venue. `source` is the slot of `Counters` it is read from."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    source: str
    # The one label, and the values of it that are always there; none given: one for each instrument.
    label: str = ""
    values: Mapping[Any, str] | None = None
    # What is counted in nanoseconds is exported in seconds.
    nanoseconds: bool = False


_REJECT_REASONS: Final = {reason: reason.name.lower() for reason in RejectReason}
_CANCEL_REASONS: Final = {reason: reason.name.lower() for reason in CancelReason}
_DISCONNECTS: Final = {None: "lost"} | {reason: reason.name.lower() for reason in LogoutReason}
_TURNED_AWAY: Final = {why: why.name.lower() for why in TurnedAway}
_PHASES: Final = ", ".join(f"{int(phase)} {phase.name.lower().replace('_', ' ')}" for phase in Phase)
_ROLES: Final = {role: role.name.lower() for role in Role}


def _counter(name: str, source: str, text: str, unit: str = "", **more: Any) -> Metric:
    return Metric(f"carbonmatch_{name}_total", "counter", unit, text, source, **more)


def _gauge(name: str, source: str, text: str, unit: str = "", **more: Any) -> Metric:
    return Metric(f"carbonmatch_{name}", "gauge", unit, text, source, **more)


def _seconds(name: str, source: str, text: str) -> Metric:
    return Metric(f"carbonmatch_{name}_seconds", "histogram", "seconds", text, source, nanoseconds=True)


METRICS: Final = (
    _gauge(
        "state", "state", "What the venue is doing: 0 recovering, 1 active, 2 degraded, 3 stopping, 4 busy."
    ),
    _gauge(
        "start_time_seconds",
        "start_time_ns",
        "When the venue started, since 1970.",
        "seconds",
        nanoseconds=True,
    ),
    # Orders.
    _counter("commands", "commands", "Commands applied and durable."),
    _counter("reports", "reports", "Reports released to sessions."),
    _counter("rejects", "rejects", "Commands refused.", label="reason", values=_REJECT_REASONS),
    _counter(
        "cancels",
        "cancels",
        "Orders gone without having traded completely.",
        label="reason",
        values=_CANCEL_REASONS,
    ),
    _counter("repeats", "repeats", "Commands that came again and were answered from the stream."),
    _gauge("open_orders", "open_orders", "Orders resting in all books."),
    _gauge("open_block_proposals", "open_proposals", "Blocks that are being negotiated."),
    # Capacity: what RTS 7 article 13 has a venue watch.
    _gauge(
        "capacity_used_ratio",
        "capacity_used_ns",
        "Share of the last second in which the loop was at work; at 1 the venue is full.",
        "ratio",
        nanoseconds=True,
    ),
    _counter("messages_received", "messages_received", "Commands received, whatever became of them."),
    _counter("messages_sent", "messages_sent", "Reports and refusals sent for the first time."),
    _counter("messages_rejected", "messages_rejected", "Commands refused, for any reason."),
    _gauge(
        "oldest_wait_seconds",
        "oldest_wait_ns",
        "How long the oldest frame that was read has waited for its turn.",
        "seconds",
        nanoseconds=True,
    ),
    _gauge("waiting_bytes", "waiting_bytes", "Bytes of frames that were read and wait.", "bytes"),
    # Settlement.
    _gauge(
        "settlement_runs_unconfirmed",
        "settlement_runs_unconfirmed",
        "Runs of settlement that the registry has not confirmed.",
    ),
    _gauge(
        "settlement_files_missing",
        "settlement_files_missing",
        "Runs of settlement whose file is not made yet, where the venue makes them.",
    ),
    # Instruments.
    _counter("trades", "trades", "Trades.", label="instrument"),
    _counter(
        "trades_amended",
        "trades_amended",
        "Busts and corrections of trades, whenever these were; they are not taken from the other counts.",
        label="instrument",
    ),
    _counter(
        "stale_references",
        "stale_references",
        "Trading days that ended with a stale reference price: no trade for as long as its rules say.",
        label="instrument",
    ),
    _counter(
        "traded_tonnes", "traded_tonnes", "Tonnes of CO2 that changed hands.", "tonnes", label="instrument"
    ),
    _counter(
        "self_trades_prevented",
        "self_trades_prevented",
        "Meetings of two orders of one owner that did not trade.",
        label="instrument",
    ),
    _counter(
        "prevented_tonnes",
        "prevented_tonnes",
        "Tonnes of CO2 that self-trade prevention kept from changing hands, as a trade would count them.",
        "tonnes",
        label="instrument",
    ),
    _gauge(
        "instrument_phase",
        "phases",
        f"Phase of the instrument: {_PHASES}.",
        label="instrument",
    ),
    _gauge(
        "instrument_phase_end_time_seconds",
        "phase_end_s",
        "When the phase is to end, since 1970; 0: not known.",
        "seconds",
        label="instrument",
    ),
    _counter(
        "interruptions",
        "interruptions",
        "Times that trading stopped for a volatility auction; its extensions are not counted.",
        label="instrument",
    ),
    # Time.
    _seconds("order_latency", "order_latency_ns", "From reading a command to releasing its reports."),
    _seconds("commit_duration", "commit_duration_ns", "Writing and syncing one batch."),
    Metric(
        "carbonmatch_commit_batch_commands",
        "histogram",
        "commands",
        "Commands in one batch.",
        "commit_batch_commands",
    ),
    _seconds("event_loop_lag", "event_loop_lag_ns", "How late a timer of the event loop fired."),
    _seconds("gc_pause", "gc_pause_ns", "Pauses of the garbage collector."),
    # Sessions.
    _gauge("connections", "connections", "Open connections, logged on or not."),
    _gauge("sessions", "sessions", "Sessions logged on.", label="role", values=_ROLES),
    _counter("logons_accepted", "logons_accepted", "Logons accepted."),
    _counter("logons_rejected", "logons_rejected", "Logons refused."),
    _counter(
        "disconnects",
        "disconnects",
        "Connections ended; lost: without a logout.",
        label="reason",
        values=_DISCONNECTS,
    ),
    _counter("slow_readers_cut", "slow_readers_cut", "Connections cut because they did not read."),
    _counter(
        "turned_away",
        "turned_away",
        "Connections closed as soon as they were accepted.",
        label="reason",
        values=_TURNED_AWAY,
    ),
    _counter("addresses_blocked", "addresses_blocked", "Addresses blocked for failed logons."),
    _counter("keys_blocked", "keys_blocked", "Keys blocked from one address for failed logons."),
    _counter(
        "tls_handshakes",
        "tls_handshakes",
        "TLS handshakes that ended.",
        label="result",
        values={"done": "done", "failed": "failed"},
    ),
    _gauge(
        "tls_certificate_expiry_time_seconds",
        "tls_certificate_expires_ns",
        "When the first certificate of a listener expires, since 1970; 0: there is none.",
        "seconds",
        nanoseconds=True,
    ),
    _gauge("keys", "keys", "Keys that may log on."),
    _counter(
        "reloads",
        "reloads",
        "Times the configuration was read again.",
        label="result",
        values={"applied": "applied", "refused": "refused"},
    ),
    _counter("received_bytes", "received_bytes", "Bytes read from order entry.", "bytes"),
    _counter("sent_bytes", "sent_bytes", "Bytes written to order entry.", "bytes"),
    # Journal.
    _gauge("last_sequence", "last_sequence", "Sequence of the last command applied."),
    _gauge(
        "journal_durable_sequence", "journal_durable_sequence", "Sequence of the last command on the disk."
    ),
    _counter("journal_records", "journal_records", "Records (commit batches) on the disk."),
    _counter("journal_bytes", "journal_bytes", "Bytes of records on the disk.", "bytes"),
    _gauge("journal_spare_segments", "journal_spare_segments", "Segments made ahead and not in use yet."),
    _gauge(
        "journal_torn_bytes", "journal_torn_bytes", "Bytes that the last recovery cut off the end.", "bytes"
    ),
    _counter("commits_slow", "commits_slow", "Commits that took longer than limits.COMMIT_SLOW_SECONDS."),
    _gauge("disk_free_bytes", "disk_free_bytes", "Bytes free where the journal is.", "bytes"),
    _gauge(
        "recovery_duration_seconds",
        "recovery_duration_ns",
        "How long the last recovery took.",
        "seconds",
        nanoseconds=True,
    ),
    # Market data.
    _gauge("feed_subscribers", "feed_subscribers", "Connections that subscribe to market data."),
    _counter("feed_batches", "feed_batches", "Batches published."),
    _counter(
        "feed_conflations", "feed_conflations", "Times a subscriber could not keep up and was conflated."
    ),
    _counter("feed_sent_bytes", "feed_sent_bytes", "Bytes written to subscribers.", "bytes"),
)

_BUILD_INFO: Final = {
    "version": __version__,
    "python": platform.python_version(),
    "implementation": platform.python_implementation(),
    "protocol": str(PROTOCOL_VERSION),
    "core": core(),
}


class Readable(Protocol):
    """Counters: a slot for each metric's source."""

    @property
    def instruments(self) -> Mapping[Any, InstrumentDefinition]:
        """What metrics by instrument are labelled with."""


class Exposition:
    """Renders `counters`. A new instrument makes it write its template again."""

    def __init__(self, counters: Readable, metrics: Sequence[Metric] = METRICS) -> None:
        self._counters = counters
        self._metrics = metrics
        self._instruments: dict[Any, str] = {}
        self._template = ""
        self._readers: list[Callable[[], list[float]]] = []
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._write_template()

    def render(self) -> bytes:
        """All metrics in the text format 0.0.4."""
        instruments = {key: one.symbol for key, one in self._counters.instruments.items()}
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
            bounds = _SECONDS if metric.nanoseconds else _COUNTS
            histogram = getattr(self._counters, metric.source)
            self._readers.append(_histogram_reader(histogram, list(bounds.values()), metric.nanoseconds))
            return [
                *(f'{metric.name}_bucket{{le="{bound}"}} %d' for bound in (*bounds, "+Inf")),
                f"{metric.name}_count %d",
                f"{metric.name}_sum %r",
            ]
        if metric.label:
            values = self._instruments if metric.values is None else metric.values
            self._readers.append(_table_reader(getattr(self._counters, metric.source), list(values)))
            return [f'{metric.name}{{{metric.label}="{value}"}} %d' for value in values.values()]
        self._readers.append(_slot_reader(self._counters, metric))
        return [f"{metric.name} %r"]


def _build_info_lines() -> Iterator[str]:
    labels = ",".join(f'{name}="{value}"' for name, value in _BUILD_INFO.items())
    yield "# HELP carbonmatch_build_info What is running. Always 1."
    yield "# TYPE carbonmatch_build_info gauge"
    yield f"carbonmatch_build_info{{{labels}}} 1"


def _slot_reader(counters: Readable, metric: Metric) -> Callable[[], list[float]]:
    if metric.nanoseconds:
        return lambda: [getattr(counters, metric.source) / 1e9]
    return lambda: [getattr(counters, metric.source)]


def _table_reader(table: Mapping[Any, int], keys: list[Any]) -> Callable[[], list[float]]:
    return lambda: [table.get(key, 0) for key in keys]


def _histogram_reader(
    histogram: Histogram, bounds: list[int], nanoseconds: bool
) -> Callable[[], list[float]]:
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
