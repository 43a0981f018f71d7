"""The alert rules in deploy/prometheus/rules, and their unit tests."""

from typing import Any, Final

import yaml

from tests.deploy.prometheus import SHIPPED

RULES: Final = sorted((SHIPPED / "rules").glob("*.yml"))
UNIT_TESTS: Final = sorted((SHIPPED / "tests").glob("*.yml"))


def rules() -> list[dict[str, Any]]:
    """Alerts and recording rules of all files, in their order."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """The rules that are alerts, by their names."""
    found = [rule for rule in rules() if "alert" in rule]
    by_name = {rule["alert"]: rule for rule in found}
    assert len(by_name) == len(found), "two alerts of one name"
    return by_name


def unit_tests() -> dict[str, list[dict[str, Any]]]:
    """What is asked of each alert in the unit tests: all its `alert_rule_test`s."""
    asked: dict[str, list[dict[str, Any]]] = {}
    for path in UNIT_TESTS:
        for group in yaml.safe_load(path.read_text())["tests"]:
            for one in group["alert_rule_test"]:
                asked.setdefault(one["alertname"], []).append(one)
    return asked
