"""What a query asks for: the metrics in it, and those that there are."""

from functools import cache
from typing import Final

import promql_parser
import yaml

from carbonmatch.ops.fanout_metrics import FANOUT_METRICS
from carbonmatch.ops.follower_metrics import FOLLOWER_METRICS
from carbonmatch.ops.metrics import METRICS
from tests.deploy.prometheus import SHIPPED

# Of Prometheus itself, of its rules, and of every process that has its client library.
_OTHERS: Final = {
    "ALERTS",
    "carbonmatch_build_info",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "scrape_duration_seconds",
    "up",
}


def known() -> set[str]:
    """Every metric that a query may ask for; a histogram by the three names of its series."""
    names = set(_OTHERS)
    for metric in (*METRICS, *FOLLOWER_METRICS, *FANOUT_METRICS):
        ends = ("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",)
        names |= {metric.name + end for end in ends}
    return names | _recorded()


def alerts() -> set[str]:
    return {rule["alert"] for rule in _rules() if "alert" in rule}


def _recorded() -> set[str]:
    return {rule["record"] for rule in _rules() if "record" in rule}


@cache
def _rules() -> list[dict[str, str]]:
    groups = [
        group
        for path in (SHIPPED / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    return [rule for group in groups for rule in group["rules"]]


def metrics_in(expression: str) -> set[str]:
    """The metrics that `expression` selects; ValueError where it is no PromQL."""
    found: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, f"{node} selects by labels alone"
            found.add(node.name)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found
