# Tests write ids as plain numbers.
# mypy: disable-error-code="arg-type"

import platform
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from carbonmatch.accel import core
from carbonmatch.limits import METRICS_INSTRUMENTS_MAX, METRICS_PIECE_VALUES_MAX
from carbonmatch.matching.messages import (
    CancelReason,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    Outputs,
    Phase,
    RejectReason,
)
from carbonmatch.ops.counters import HISTOGRAM_BUCKETS, Counters, Histogram, bucket_upper_bound
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.fanout_metrics import FANOUT_METRICS
from carbonmatch.ops.follower_metrics import FOLLOWER_METRICS
from carbonmatch.ops.metric import Metric
from carbonmatch.ops.metrics import METRICS
from carbonmatch.protocol.messages import LogoutReason, Role


def define(counters: Counters, instrument_id: int, symbol: str) -> None:
    definition = InstrumentDefinition(instrument_id, symbol, "CNY", 1, 2, 1)
    counters.count_batch(1, Outputs([], [InstrumentDefined(1, definition)], []))


def busy_counters() -> Counters:
    """A different number in everything, so that no two can be taken for each other."""
    counters = Counters()
    define(counters, 7, "CEA19-20")
    define(counters, 3, "HBEA")
    number = 1000
    for metric in METRICS:
        number += 1
        value = getattr(counters, metric.source)
        if value is None or isinstance(value, int):
            setattr(counters, metric.source, number)
        elif isinstance(value, Histogram):
            for step in range(60):
                value.record(step * step * step * number, times=step)
        else:
            for key, _ in combinations(metric, counters):
                number += 1
                value[key] = number + 0.5 if metric.fractional else number
    return counters


def combinations(metric: Metric, counters: Counters) -> list[tuple[Any, list[str]]]:
    """The keys of the table of a metric, and the values of its labels for each."""
    symbols = {key: one.symbol for key, one in counters.instruments.items()}
    first, *others = [symbols if label.values is None else label.values for label in metric.labels]
    if not others:
        return [(key, [text]) for key, text in first.items()]
    (second,) = others
    return [
        ((key, other), [text, other_text])
        for key, text in first.items()
        for other, other_text in second.items()
    ]


def samples(text: str) -> list[tuple[str, dict[str, str], float]]:
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not family.name.startswith("process_")
    ]


class Reference:
    """The same numbers by prometheus-client's own classes, straight from the table."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            value = getattr(self.counters, metric.source)
            if metric.kind == "histogram":
                yield self.histogram(metric.name, value, metric.nanoseconds)
                continue
            family = (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
                metric.name, metric.help, labels=[label.name for label in metric.labels]
            )
            if metric.labels:
                for key, texts in combinations(metric, self.counters):
                    family.add_metric(texts, value.get(key, 0))
            else:
                family.add_metric([], value / 1e9 if metric.nanoseconds else value)
            yield family

    def histogram(self, name: str, value: Histogram, nanoseconds: bool) -> Family:
        scale = 1e9 if nanoseconds else 1
        bounds = SECONDS if nanoseconds else COMMANDS
        buckets = [
            (str(bound), sum(n for i, n in enumerate(value.counts) if bucket_upper_bound(i) <= bound * scale))
            for bound in bounds
        ]
        family = HistogramMetricFamily(name, "h", labels=[])
        family.add_metric([], [*buckets, ("+Inf", sum(value.counts))], value.total / scale)
        return family


SECONDS = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
)  # fmt: skip
COMMANDS = (1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383)


def test_the_template_says_what_prometheus_client_would_say() -> None:
    counters = busy_counters()
    registry = CollectorRegistry()
    registry.register(Reference(counters))

    def comparable(text: str) -> list[tuple[str, dict[str, str], float]]:
        found = []
        for name, labels, value in samples(text):
            bound = labels.get("le")
            found.append((name, labels if bound is None else {"le": str(float(bound))}, value))
        return [one for one in found if one[0] != "carbonmatch_build_info"]

    expected = comparable(generate_latest(registry).decode())
    assert len(expected) > 150
    assert comparable(Exposition(counters, METRICS).render().decode()) == expected


def test_every_series_is_there_before_anything_has_happened() -> None:
    counters = Counters()
    exposition = Exposition(counters, METRICS)
    before = samples(exposition.render().decode())
    assert ("carbonmatch_rejects_total", {"reason": "outside_band"}, 0) in before
    assert ("carbonmatch_commands_total", {}, 0) in before
    counters.rejects[RejectReason.OUTSIDE_BAND] += 1
    counters.commands += 2
    counters.cancels[CancelReason.SELF_TRADE] += 3
    counters.disconnects[LogoutReason.HEARTBEAT_MISSED] += 4
    counters.disconnects[None] += 5
    counters.sessions[Role.TRADE] += 6
    after = samples(exposition.render().decode())
    assert len(after) == len(before)
    changes = [one for one in after if one not in before]
    assert changes == [
        ("carbonmatch_commands_total", {}, 2),
        ("carbonmatch_rejects_total", {"reason": "outside_band"}, 1),
        ("carbonmatch_cancels_total", {"reason": "self_trade"}, 3),
        ("carbonmatch_sessions", {"role": "trade"}, 6),
        ("carbonmatch_disconnects_total", {"reason": "lost"}, 5),
        ("carbonmatch_disconnects_total", {"reason": "heartbeat_missed"}, 4),
    ]


def test_a_new_instrument_gets_its_series() -> None:
    counters = Counters()
    exposition = Exposition(counters, METRICS)
    assert b"carbonmatch_trades_total{" not in exposition.render()
    define(counters, 1, "CEA24")
    counters.phases[InstrumentId(1)] = Phase.HALTED
    text = exposition.render().decode()
    assert 'carbonmatch_trades_total{instrument="CEA24"} 0\n' in text
    assert 'carbonmatch_instrument_phase{instrument="CEA24"} 2\n' in text


def test_a_latency_never_looks_better_than_it_was() -> None:
    counters = Counters()
    # 99,999 ns shares a bucket with what is above 100 us.
    counters.order_latency_ns.record(99_999)
    counters.order_latency_ns.record(50_000)
    text = Exposition(counters, METRICS).render().decode()
    assert 'carbonmatch_order_latency_seconds_bucket{le="0.0001"} 1\n' in text
    assert 'carbonmatch_order_latency_seconds_bucket{le="0.00025"} 2\n' in text
    assert "carbonmatch_order_latency_seconds_sum 0.000149999\n" in text
    assert "carbonmatch_order_latency_seconds_count 2\n" in text


def test_a_batch_that_fills_its_bucket_is_within_it() -> None:
    counters = Counters()
    counters.commit_batch_commands.record(127)
    counters.commit_batch_commands.record(128)
    text = Exposition(counters, METRICS).render().decode()
    assert 'carbonmatch_commit_batch_commands_bucket{le="127"} 1\n' in text
    assert 'carbonmatch_commit_batch_commands_bucket{le="255"} 2\n' in text


def test_the_build_is_named() -> None:
    text = Exposition(Counters(), METRICS).render().decode()
    line = next(line for line in text.splitlines() if line.startswith("carbonmatch_build_info"))
    assert f'python="{platform.python_version()}"' in line
    assert line.endswith(f',protocol="1",core="{core()}"}} 1')


def test_the_process_tells_of_itself() -> None:
    assert b"\nprocess_resident_memory_bytes " in Exposition(Counters(), METRICS).render()


@pytest.mark.parametrize(
    "metrics", [METRICS, FOLLOWER_METRICS, FANOUT_METRICS], ids=["venue", "follower", "fanout"]
)
def test_names_follow_the_conventions(metrics: tuple[Metric, ...]) -> None:
    assert len({metric.name for metric in metrics}) == len(metrics)
    for metric in metrics:
        assert re.fullmatch(r"carbonmatch_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        name = metric.name.removesuffix("_total")
        assert not metric.unit or name.endswith(f"_{metric.unit}")
        # The template is filled by `%`, and help texts are not escaped.
        assert re.fullmatch(r"[A-Z][^%\\\n]*\.", metric.help)
        # Cells of a table of Markdown.
        assert re.fullmatch(r"[^|\n]+\.", metric.use), metric.use
        assert not set("|\n") & {*metric.help, *metric.answers}
        assert (metric.nanoseconds and metric.unit in ("seconds", "ratio")) == metric.source.endswith("_ns")


def test_every_number_that_is_counted_is_exported() -> None:
    exported = {metric.source for metric in METRICS}
    assert exported == set(Counters.__slots__) - {"instruments"}


def venue_of(instruments: int) -> Exposition:
    counters = busy_counters()
    for number in range(1, instruments + 1):
        define(counters, number, f"CEA-{number}")
    return Exposition(counters, METRICS)


def test_the_pieces_are_the_page_however_many_instruments_there_are() -> None:
    for instruments in (0, 1, 50, METRICS_INSTRUMENTS_MAX):
        exposition = venue_of(instruments)
        pieces = [piece.decode() for piece in exposition.pieces()]
        heads = re.findall(r"^# TYPE (carbonmatch_\w+)", "".join(pieces), re.MULTILINE)
        assert heads == ["carbonmatch_build_info", *(metric.name for metric in METRICS)]
        # No turn of the loop has more than so much to do; a histogram is the largest that is not divided.
        assert max(piece.count("\n") - piece.count("\n#") for piece in pieces) <= METRICS_PIECE_VALUES_MAX + 1
        assert all(piece.endswith("\n") for piece in pieces)


def test_a_page_that_is_being_made_is_not_touched_by_a_new_instrument() -> None:
    counters = busy_counters()
    exposition = Exposition(counters, METRICS)
    expected = exposition.render().count(b"carbonmatch_trades_total{")
    pieces = exposition.pieces()
    first = next(pieces)
    define(counters, 9, "SHEA")
    assert (first + b"".join(exposition.pieces())).count(b"SHEA") > 0
    assert b"".join(pieces).count(b"SHEA") == 0
    assert exposition.render().count(b"carbonmatch_trades_total{") == expected + 1


def test_only_so_many_instruments_have_series_of_their_own() -> None:
    text = venue_of(METRICS_INSTRUMENTS_MAX + 5).render().decode()
    assert len(re.findall(r"^carbonmatch_trades_total\{", text, re.MULTILINE)) == METRICS_INSTRUMENTS_MAX


@pytest.mark.skipif(platform.python_implementation() != "CPython", reason="the figure is for CPython")
@pytest.mark.parametrize("instruments", [50, METRICS_INSTRUMENTS_MAX])
def test_a_scrape_holds_the_loop_for_less_than_half_a_millisecond(instruments: int) -> None:
    exposition = venue_of(instruments)
    exposition.render()
    # Processor time, and of each piece the best of many: neighbours on the machine slow some of them down.
    best = [10**9] * len(list(exposition.pieces()))
    for _ in range(30):
        start = time.process_time_ns()
        for index, _ in enumerate(exposition.pieces()):
            now = time.process_time_ns()
            best[index] = min(best[index], now - start)
            start = now
    assert max(best) < 500_000
    # As a whole it may take several turns, and must not take the loop's day.
    assert sum(best) < 500_000 * (1 + instruments // 25)


def test_histograms_are_small() -> None:
    assert HISTOGRAM_BUCKETS < 512
