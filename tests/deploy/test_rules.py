"""The shipped rules: what promtool makes of them; no alert lacks a test, or names what is not there."""

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.prometheus import SHIPPED, program
from tests.deploy.promql import known, metrics_in
from tests.deploy.rules import RULES, UNIT_TESTS, alerts, rules, unit_tests

ALERTS: Final = alerts()
SEVERITIES: Final = {"critical", "warning", "info"}


def promtool(*arguments: str | Path) -> tuple[int, str]:
    """Its exit status, and what it says."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_promtool_finds_nothing_wrong_with_configuration_and_rules() -> None:
    status, said = promtool("check", "config", SHIPPED / "prometheus.yml")
    assert status == 0, said
    assert "WARNING" not in said.upper(), said
    status, said = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)
    assert status == 0, said


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: str(path.stem))
def test_alerts_fire_when_they_should_and_not_before(path: Path) -> None:
    status, said = promtool("test", "rules", path)
    assert status == 0, said


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tested_firing_and_silent(name: str) -> None:
    asked = unit_tests()[name]
    assert any(one["exp_alerts"] for one in asked), "no test in which it fires"
    assert any(not one["exp_alerts"] for one in asked), "no test in which it does not"
    for expected in (alert for one in asked for alert in one["exp_alerts"]):
        assert set(expected["exp_annotations"]) == set(ALERTS[name]["annotations"])


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert name.startswith("Carbonmatch")
    assert rule["labels"]["severity"] in SEVERITIES
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert annotations["summary"].endswith("."), "a sentence"
    assert annotations["description"].endswith("."), "a sentence"
    assert annotations["runbook_url"] == "{{ $externalURL }}/user/runbooks/" + name + ".md"


def name_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@pytest.mark.parametrize("rule", rules(), ids=name_of)
def test_a_rule_names_no_metric_that_does_not_exist(rule: dict[str, Any]) -> None:
    assert metrics_in(rule["expr"]) <= known()
