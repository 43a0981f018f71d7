"""The dashboard in deploy/grafana: what the code makes, laid out well, and every query of it gives data."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from carbonmatch.ops.fanout_metrics import FANOUT_METRICS
from carbonmatch.ops.follower_metrics import FOLLOWER_METRICS
from carbonmatch.ops.metrics import METRICS
from deploy.grafana import dashboard
from tests.deploy.fanned_out import fanned_out
from tests.deploy.observed import Observed
from tests.deploy.prometheus import PrometheusError
from tests.deploy.promql import alerts, known, metrics_in
from tests.end_to_end.running import REPOSITORY

GRAFANA: Final = REPOSITORY / "deploy" / "grafana"
WRITTEN: Final[dict[str, Any]] = json.loads(dashboard.FILE.read_text())
PANELS: Final = [panel for panel in WRITTEN["panels"] if panel["type"] != "row"]
GRID_COLUMNS: Final = 24

# Numbers of which another panel has the difference, the age or the share, and what names a thing.
NOT_SHOWN: Final = {
    "carbonmatch_config_read_time_seconds",
    "carbonmatch_fanout_feed_sequence",
    "carbonmatch_fanout_start_time_seconds",
    "carbonmatch_feed_sequence",
    "carbonmatch_follower_newest_sequence",
    "carbonmatch_follower_sequence",
    "carbonmatch_follower_snapshot_sequence",
    "carbonmatch_follower_start_time_seconds",
    "carbonmatch_instruments",
    "carbonmatch_self_trades_prevented_total",
    "carbonmatch_snapshot_sequence",
}


def chosen(text: str) -> str:
    """`text` with what Grafana puts in where everything is chosen and half an hour is shown."""
    values = {"instance": ".+", "instrument": ".+", "__rate_interval": "1m", "__range": "30m"}
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)


def queries() -> dict[str, str]:
    """Every query by the panel's title and its letter, in the form that Prometheus is asked."""
    return {
        f"{panel['title']} {target['refId']}": chosen(target["expr"])
        for panel in PANELS
        for target in panel["targets"]
    }


def variables(type_: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in WRITTEN["templating"]["list"] if one["type"] == type_}


# --- the file -------------------------------------------------------------------------------------------


def test_the_committed_dashboard_is_what_the_code_makes() -> None:
    assert dashboard.FILE.read_text() == dashboard.text(), "python -m deploy.grafana.dashboard"


def test_the_dashboard_is_the_same_after_grafanas_own_model_has_read_it() -> None:
    register_default_plugins()
    again = JSONEncoder(sort_keys=True, indent=2).encode(Dashboard.from_json(WRITTEN))
    assert json.loads(again) == WRITTEN


def test_every_panel_says_what_it_shows_in_which_unit() -> None:
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith((".", ".md")), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"], panel["title"]
        assert panel["targets"], panel["title"]


def test_everything_has_a_number_and_a_name_of_its_own() -> None:
    numbers = [panel["id"] for panel in WRITTEN["panels"]]
    assert len(set(numbers)) == len(numbers)
    titles = [panel["title"] for panel in PANELS]
    assert len(set(titles)) == len(titles)
    for panel in PANELS:
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)


def test_every_runbook_is_one_of_an_alert() -> None:
    leading = [panel for panel in PANELS if panel.get("links")]
    assert len(leading) > len(PANELS) / 2
    for panel in leading:
        (link,) = panel["links"]
        found = re.fullmatch(r"\$\{runbooks\}/(\w+)\.md", link["url"])
        assert found, link["url"]
        assert found[1] in alerts(), panel["title"]
        assert (REPOSITORY / "docs" / "runbooks" / f"{found[1]}.md").is_file(), found[1]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_no_panel_lies_on_another_or_leaves_the_grid() -> None:
    for panel in WRITTEN["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= GRID_COLUMNS, panel["title"]
    for one, other in itertools.combinations(WRITTEN["panels"], 2):
        assert not overlap(one["gridPos"], other["gridPos"]), f"{one['title']} and {other['title']}"


def test_every_line_of_panels_is_full() -> None:
    lines: dict[int, int] = {}
    for panel in PANELS:
        lines[panel["gridPos"]["y"]] = lines.get(panel["gridPos"]["y"], 0) + panel["gridPos"]["w"]
    assert set(lines.values()) == {GRID_COLUMNS}


def test_whatever_a_query_leaves_open_can_be_chosen() -> None:
    given = {one["name"] for one in WRITTEN["templating"]["list"]} | {"__rate_interval", "__range"}
    for name in re.findall(r"\$\{?(\w+)", json.dumps(WRITTEN["panels"])):
        assert name in given, name


# --- queries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", queries())
def test_a_query_asks_for_metrics_that_there_are(name: str) -> None:
    assert metrics_in(queries()[name]) - known() == set()


def test_every_metric_is_shown() -> None:
    shown = set().union(*(metrics_in(query) for query in queries().values()))
    # Where histograms are read, their buckets, or their sums.
    shown |= {re.sub("_(bucket|sum)$", "", name) for name in shown}
    missing = {metric.name for metric in (*METRICS, *FOLLOWER_METRICS, *FANOUT_METRICS)} - shown
    assert missing == NOT_SHOWN, "to be shown in deploy/grafana/rows, or named in NOT_SHOWN"


@pytest.mark.parametrize("planted", ["carbonmatch_comands_total", "rate(carbonmatch_commands[1m])"])
def test_a_metric_that_there_is_not_is_seen(planted: str) -> None:
    assert metrics_in(planted) - known()


def test_a_query_that_is_none_is_seen() -> None:
    with pytest.raises(ValueError, match="expected type matrix"):
        metrics_in("rate(carbonmatch_commands_total)")


@pytest.fixture(scope="module")
def wholly_live(live: Observed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """With every kind of process that the dashboard shows."""
    with fanned_out(live, tmp_path_factory.mktemp("fanout")):
        yield live


@pytest.mark.parametrize("name", queries())
def test_a_query_gives_data(name: str, wholly_live: Observed) -> None:
    query = f"({queries()[name]})"
    # Every number equals itself; what a quantile of nothing gives is none.
    wholly_live.prometheus.until_some(f"{query} == {query}")


def test_what_can_be_chosen_is_there(live: Observed) -> None:
    asked = variables("query")
    assert set(asked) == {"instance", "instrument"}
    for name, variable in asked.items():
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
        assert found, variable["query"]
        assert found[2] == name
        series = live.prometheus.until_some(chosen(found[1]))
        assert all(name in one.labels for one in series)


@pytest.mark.parametrize(
    "planted", ["sum(rate(carbonmatch_comands_total[1m]))", 'carbonmatch_trades_total{instrumnet=~".+"}']
)
def test_a_query_with_a_typing_error_gives_none(planted: str, live: Observed) -> None:
    assert live.prometheus.query(planted) == []


def test_a_query_that_is_none_is_refused(live: Observed) -> None:
    with pytest.raises(PrometheusError, match="parse error"):
        live.prometheus.query("sum(rate(carbonmatch_commands_total[1m])")
