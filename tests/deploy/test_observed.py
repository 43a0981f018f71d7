"""A real Prometheus sees a real venue at work, by the configuration that is shipped."""

import pytest

from tests.deploy.observed import Observed
from tests.deploy.prometheus import PrometheusError, until


def test_every_process_is_scraped_under_the_name_of_its_job(live: Observed) -> None:
    until(lambda: live.prometheus.healthy_jobs() == {"carbonmatch", "carbonmatch-follower"}, "all are up")


def test_what_the_venue_does_is_seen(live: Observed) -> None:
    prometheus = live.prometheus
    assert prometheus.value("carbonmatch_state") == 1
    prometheus.until_some('rate(carbonmatch_trades_total{instrument="EUA"}[1m]) > 0')
    prometheus.until_some('carbonmatch_rejects_total{reason="quantity_increment"} > 0')
    prometheus.until_some("histogram_quantile(0.99, rate(carbonmatch_order_latency_seconds_bucket[1m])) > 0")
    prometheus.until_some("carbonmatch_follower_commands_total > 0")


def test_what_is_no_query_is_an_error(live: Observed) -> None:
    with pytest.raises(PrometheusError, match="parse error"):
        live.prometheus.query("rate(carbonmatch_trades_total)[")


def test_nothing_listens_but_on_loopback(live: Observed) -> None:
    assert live.prometheus.url.startswith("http://127.0.0.1:")


def test_every_recording_rule_that_looks_back_minutes_has_a_value_under_load(live: Observed) -> None:
    groups = live.prometheus.ask("rules", type="record")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 5
    for rule in rules:
        live.prometheus.until_some(rule["name"])
