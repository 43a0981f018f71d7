"""The text of /metrics, and what two of them say of the time between."""

import pytest

from carbonmatch.dashboard.scrape import Buckets, read

TEXT = """\
# HELP carbonmatch_commands_total Commands.
# TYPE carbonmatch_commands_total counter
carbonmatch_commands_total 100
# TYPE carbonmatch_trades_total counter
carbonmatch_trades_total{instrument="CEA24"} 5
carbonmatch_trades_total{instrument="EUA"} 7
# TYPE carbonmatch_instrument_phase gauge
carbonmatch_instrument_phase{instrument="CEA24"} 1
# TYPE carbonmatch_sessions gauge
carbonmatch_sessions{role="trade"} 3
# TYPE carbonmatch_order_latency_seconds histogram
carbonmatch_order_latency_seconds_bucket{le="0.001"} 50
carbonmatch_order_latency_seconds_bucket{le="0.01"} 90
carbonmatch_order_latency_seconds_bucket{le="+Inf"} 100
carbonmatch_order_latency_seconds_count 100
carbonmatch_order_latency_seconds_sum 1.5
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.5e+07
# TYPE python_info gauge
python_info{version="3.11"} 1
"""
SECOND_NS = 1_000_000_000


def test_samples_are_summed_over_their_labels_and_found_by_them() -> None:
    scrape = read(TEXT, 0)
    assert scrape.sums["carbonmatch_commands_total"] == 100
    assert scrape.sums["carbonmatch_trades_total"] == 12
    assert scrape.by_label["carbonmatch_trades_total"] == {"CEA24": 5, "EUA": 7}
    assert scrape.by_label["carbonmatch_sessions"] == {"trade": 3}
    assert scrape.sums["process_resident_memory_bytes"] == 15_000_000
    assert "python_info" not in scrape.sums
    assert "carbonmatch_instrument_phase" not in scrape.sums
    assert scrape.histograms["carbonmatch_order_latency_seconds"].counts == (50, 90, 100)


def test_what_is_no_text_of_metrics_is_refused() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        read("carbonmatch_commands_total many\n", 0)


def test_a_rate_is_what_a_counter_has_grown_by_a_second() -> None:
    before, now = read(TEXT, 0), read(TEXT.replace("_total 100", "_total 150"), 2 * SECOND_NS)
    assert now.rate("carbonmatch_commands_total", before) == 25
    assert now.rate("carbonmatch_commands_total", None) is None
    assert now.rate("carbonmatch_nothing_total", before) is None
    assert before.rate("carbonmatch_commands_total", before) is None


def test_a_counter_that_began_anew_has_grown_by_all_of_it() -> None:
    before, now = read(TEXT, 0), read(TEXT.replace("_total 100", "_total 6"), 2 * SECOND_NS)
    assert now.rate("carbonmatch_commands_total", before) == 3


def test_quantiles_are_spread_evenly_within_a_bucket() -> None:
    buckets = Buckets((1.0, 2.0, 4.0, float("inf")), (10, 30, 40, 40))
    assert buckets.quantile(0.125) == 0.5
    assert buckets.quantile(0.25) == 1.0
    assert buckets.quantile(0.5) == 1.5
    assert buckets.quantile(1.0) == 4.0


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert Buckets((1.0, float("inf")), (1, 100)).quantile(0.99) == 1.0


def test_nothing_counted_has_no_quantile() -> None:
    assert Buckets((1.0, float("inf")), (0, 0)).quantile(0.5) is None
    assert Buckets((), ()).quantile(0.5) is None


def test_buckets_are_those_of_the_time_between_and_all_where_the_venue_began_anew() -> None:
    bounds = (1.0, float("inf"))
    now = Buckets(bounds, (7, 9))
    assert now.since(Buckets(bounds, (4, 5))).counts == (3, 4)
    assert now.since(Buckets(bounds, (4, 500))).counts == (7, 9)
    assert now.since(None).counts == (7, 9)
    assert now.since(Buckets((2.0, float("inf")), (1, 1))).counts == (7, 9)


def test_a_histogram_says_nothing_until_it_was_asked_for_twice() -> None:
    scrape = read(TEXT, 0)
    name = "carbonmatch_order_latency_seconds"
    assert scrape.buckets(name, None).quantile(0.5) is None
    assert scrape.buckets(name, scrape).quantile(0.5) is None
    assert scrape.buckets("carbonmatch_none_seconds", scrape).quantile(0.5) is None
