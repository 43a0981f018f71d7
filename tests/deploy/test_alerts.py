"""Alerts that fire and clear in a real Prometheus: some of `make alerts`; and its shorter durations."""

import re
from pathlib import Path

from tests.deploy.alerts_live import (
    test_a_configuration_that_is_refused,
    test_an_engine_that_is_killed,
    test_orders_that_are_refused,
    venue,
)
from tests.deploy.rules import RULES, alerts
from tests.deploy.short import shortened
from tests.end_to_end.running import REPOSITORY

__all__ = [
    "test_a_configuration_that_is_refused",
    "test_an_engine_that_is_killed",
    "test_orders_that_are_refused",
    "venue",
]


def test_shorter_rules_differ_in_their_durations_only() -> None:
    text = "- expr: a[5m] / b[30m] > 5 and c[6h] > 1\n  for: 25m\n  description: for 25 minutes [5m on]\n"
    assert shortened(text) == (
        "- expr: a[5000ms] / b[20000ms] > 5 and c[20000ms] > 1\n"
        "  for: 20000ms\n  description: for 25 minutes [5m on]\n"
    )


def test_every_shortened_rule_has_as_many_lines_as_the_shipped_one() -> None:
    for path in RULES:
        text = path.read_text()
        changed = [
            (before, after)
            for before, after in zip(text.splitlines(), shortened(text).splitlines(), strict=True)
            if before != after
        ]
        for before, _ in changed:
            assert "for: " in before or "[" in before, before


def test_the_page_says_of_every_alert_that_is_not_caused_why() -> None:
    folder = Path(__file__).parent
    caused = set(
        re.findall(r"Carbonmatch\w+", "".join(path.read_text() for path in folder.glob("*_live.py")))
    )
    page = (REPOSITORY / "docs" / "alerts.md").read_text()
    told = set(re.findall(r"^\| (Carbonmatch\w+) \|", page, re.MULTILINE))
    assert told == set(alerts()) - caused
    assert f"{len(alerts())} alerts" in page
