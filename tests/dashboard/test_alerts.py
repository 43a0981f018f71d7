"""Alerts by the page's own rules, and those of a Prometheus."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import yaml
from msgspec import structs

from carbonmatch.dashboard.alerts import (
    Alert,
    Facts,
    PrometheusAnswer,
    Since,
    alerts_of,
    own_alerts,
)
from carbonmatch.dashboard.scrape import read
from carbonmatch.dashboard.vitals import Vitals, following_of, vitals_of
from carbonmatch.limits import DASHBOARD_ALERTS_MAX

_SHIPPED = Path(__file__).parents[2] / "deploy" / "prometheus"


def vitals(**changes: float | bool) -> Vitals:
    return structs.replace(vitals_of(read("", 0), None), **changes)


def names(facts: Facts) -> list[str]:
    return [alert.name for alert in own_alerts(facts)]


def test_a_venue_that_works_has_no_alert() -> None:
    good = vitals(
        commit_p99_seconds=0.05,
        loop_lag_p99_seconds=0.1,
        capacity_used_ratio=0.8,
        rejected_share=0.2,
        spare_segments=1.0,
        disk_free_bytes=2.0**31,
        clock_synchronized=1.0,
    )
    assert names(Facts()) == []
    assert names(Facts(vitals=good, following=following_of(read("", 0)))) == []


OF_VITALS: list[tuple[dict[str, float], str]] = [
    ({"commit_p99_seconds": 0.06}, "CarbonmatchCommitSlow"),
    ({"loop_lag_p99_seconds": 0.11}, "CarbonmatchEventLoopLag"),
    ({"capacity_used_ratio": 0.9}, "CarbonmatchNearCapacity"),
    ({"rejected_share": 0.21}, "CarbonmatchRejectRatioHigh"),
    ({"spare_segments": 0.0}, "CarbonmatchSegmentsNotMade"),
    ({"disk_free_bytes": 2.0**31 - 1}, "CarbonmatchDiskNearlyFull"),
    ({"clock_synchronized": 0.0}, "CarbonmatchClockNotSynced"),
    ({"is_durable": False}, "CarbonmatchNotDurable"),
]


@pytest.mark.parametrize(("changes", "name"), OF_VITALS)
def test_each_rule_on_a_figure_fires_beyond_its_bound(changes: dict[str, float], name: str) -> None:
    assert names(Facts(vitals=vitals(**changes))) == [name]


OTHERS = [
    (Facts(metrics_problem="connection refused"), "CarbonmatchDown", "critical"),
    (Facts(feed_problem="not connected"), "CarbonmatchFeedNotCurrent", "critical"),
    (Facts(is_ready=False, reasons=("recovering",)), "CarbonmatchNotActive", "critical"),
    (Facts(reasons=("the disk is full",)), "CarbonmatchNotActive", "warning"),
    (Facts(follower_problem="connection refused"), "CarbonmatchFollowerDown", "warning"),
    (
        Facts(following=following_of(read("carbonmatch_follower_diverged 1\n", 0))),
        "CarbonmatchFollowerDiverged",
        "critical",
    ),
    (
        Facts(following=following_of(read("carbonmatch_follower_lag_seconds 11\n", 0))),
        "CarbonmatchFollowerLagging",
        "warning",
    ),
]


@pytest.mark.parametrize(("facts", "name", "severity"), OTHERS)
def test_each_other_rule_fires_where_it_is_true(facts: Facts, name: str, severity: str) -> None:
    (alert,) = own_alerts(facts)
    assert (alert.name, alert.severity) == (name, severity)
    assert alert.text


def test_a_venue_that_does_not_answer_is_not_called_unready_as_well() -> None:
    assert names(Facts(metrics_problem="refused", is_ready=False)) == ["CarbonmatchDown"]


def test_what_means_the_same_as_a_rule_for_prometheus_has_its_name_and_severity() -> None:
    rules = {
        rule["alert"]: rule["labels"]["severity"]
        for file in _SHIPPED.rglob("*.y*ml")
        for document in yaml.safe_load_all(file.read_text())
        if isinstance(document, dict)
        for group in document.get("groups", ())
        for rule in group.get("rules", ())
        if "alert" in rule
    }
    facts = [
        *(Facts(vitals=vitals(**changes)) for changes, _ in OF_VITALS),
        *(facts for facts, _, _ in OTHERS),
    ]
    ours = {(alert.name, alert.severity) for one in facts for alert in own_alerts(one)}
    # Only the page follows the feed; and /readyz tells gravely from otherwise what one rule there looks at.
    own = {("CarbonmatchFeedNotCurrent", "critical"), ("CarbonmatchNotActive", "warning")}
    assert ours - own == {(name, rules[name]) for name, _ in ours - own}


def test_an_alert_is_dated_from_when_it_began_until_it_ends() -> None:
    since, alert = Since(), Alert("A", "warning", "one")
    assert since.dated([alert], 10) == [structs.replace(alert, since_ns=10)]
    later = structs.replace(alert, text="other words")
    assert since.dated([later], 20) == [structs.replace(later, since_ns=10)]
    assert since.dated([], 30) == []
    assert since.dated([alert], 40) == [structs.replace(alert, since_ns=40)]


def answered(*alerts: Mapping[str, object]) -> list[Alert]:
    body = msgspec.json.encode({"status": "success", "data": {"alerts": alerts}})
    return alerts_of(msgspec.json.decode(body, type=PrometheusAnswer))


def test_alerts_of_a_prometheus_are_sorted_by_how_grave_they_are() -> None:
    waiting = {"labels": {"alertname": "B", "severity": "critical"}, "state": "pending"}
    warning = {"labels": {"alertname": "C", "severity": "warning"}, "state": "firing"}
    page = {"labels": {"alertname": "D", "severity": "critical"}, "state": "firing"}
    assert [alert.name for alert in answered(waiting, warning, page)] == ["D", "C", "B"]


def test_an_alert_of_a_prometheus_has_its_summary_time_and_runbook() -> None:
    (alert,) = answered(
        {
            "labels": {"alertname": "A", "severity": "warning", "instance": "x"},
            "annotations": {"summary": "slow", "runbook_url": "https://example.org/A"},
            "state": "firing",
            "activeAt": "2023-11-14T22:13:20.123456789Z",
            "value": "1",
        }
    )
    assert alert == Alert(
        "A", "warning", "slow", "firing", 1_700_000_000_123_456_000, "https://example.org/A"
    )


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//example.org", ""])
def test_a_runbook_that_is_no_page_of_the_web_is_no_link(address: str) -> None:
    (alert,) = answered({"labels": {}, "annotations": {"runbook_url": address}, "activeAt": "soon"})
    assert (alert.runbook, alert.since_ns) == ("", 0)


def test_alerts_have_a_bound() -> None:
    many = [{"labels": {"alertname": f"A{number}"}} for number in range(DASHBOARD_ALERTS_MAX + 5)]
    assert len(answered(*many)) == DASHBOARD_ALERTS_MAX
