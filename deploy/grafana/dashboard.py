"""Writes the dashboard that Grafana reads, from the rows: `python -m deploy.grafana.dashboard`.

The model is the one of Grafana's own SDK, so that what is written is what that release of Grafana calls a
dashboard. A test compares the file with what this module makes, and reads it back through the SDK.
"""

from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.panels import RED, Kind, Panel, Query, Thresholds, Words
from deploy.grafana.rows import ROWS

FILE: Final = Path(__file__).parent / "dashboards" / "carbonmatch.json"
UID: Final = "carbonmatch"

_SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
# Where Prometheus serves docs/runbooks, by --web.user-assets; another place is written above the dashboard.
_RUNBOOKS: Final = "http://127.0.0.1:9090/user/runbooks"

# All builders of panels have these methods, and no type in common that says so.
_Builder = Any


def dashboard() -> models.Dashboard:
    """All rows, each panel with a number of its own, laid out from the left to the right."""
    whole = (
        dashboards.Dashboard("carbonmatch")
        .uid(UID)
        .description("Matching, sessions, journal and market data of a carbonmatch venue.")
        .tags(["carbonmatch"])
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .timezone("browser")
        .time("now-30m", "now")
        .refresh("10s")
        .variables(_variables())
        .annotation(_alerts())
    )
    panel_id = 0
    for row in ROWS:
        panel_id += 1
        whole = whole.with_row(dashboards.Row(row.title).id(panel_id))
        for panel in row.panels:
            panel_id += 1
            whole = whole.with_panel(_panel(panel).id(panel_id))
    return whole.build()


def text() -> str:
    return JSONEncoder(sort_keys=True, indent=2).encode(dashboard()) + "\n"


# --- above the dashboard ------------------------------------------------------------------------------------


def _variables() -> list[Any]:
    return [
        dashboards.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        _labels("instance", "Process", "label_values(carbonmatch_build_info, instance)"),
        _labels(
            "instrument",
            "Instrument",
            'label_values(carbonmatch_instrument_phase{instance=~"$instance"}, instrument)',
        ),
        dashboards.TextBoxVariable("runbooks")
        .label("Runbooks at")
        .description("Where the pages of docs/runbooks can be read.")
        .default_value(_RUNBOOKS),
    ]


def _labels(name: str, label: str, query: str) -> dashboards.QueryVariable:
    return (
        dashboards.QueryVariable(name)
        .label(label)
        .datasource(_SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _alerts() -> dashboards.AnnotationQuery:
    """Alerts as marks on every chart."""
    return (
        dashboards.AnnotationQuery()
        .name("Alerts")
        .datasource(_SOURCE)
        .enable(True)
        .icon_color(RED)
        .expr('ALERTS{alertstate="firing", alertname=~"Carbonmatch.+"}')
    )


# --- panels -------------------------------------------------------------------------------------------------


def _panel(panel: Panel) -> _Builder:
    builder = _KINDS[panel.kind](panel)
    queries = zip(ascii_uppercase, panel.queries, strict=False)
    assert len(panel.queries) <= len(ascii_uppercase)
    builder = (
        builder.title(panel.title)
        .description(_description(panel))
        .unit(panel.unit)
        .datasource(_SOURCE)
        .targets([_target(letter, query, panel.kind) for letter, query in queries])
        .thresholds(_thresholds(panel.thresholds))
        .mappings(_mappings(panel.words))
        .span(panel.width)
        .height(panel.height)
    )
    if panel.runbook:
        link = dashboards.DashboardLink("Runbook").type(models.DashboardLinkType.LINK).target_blank(True)
        builder = builder.links([link.url(f"${{runbooks}}/{panel.runbook}.md")])
    return builder


def _description(panel: Panel) -> str:
    if not panel.runbook:
        return panel.description
    return f"{panel.description}\n\nRunbook: docs/runbooks/{panel.runbook}.md"


def _target(letter: str, query: Query, kind: Kind) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).expr(query.expression).datasource(_SOURCE)
    if kind is Kind.TABLE:
        return target.format(PromQueryFormat.TABLE).instant()
    target = target.legend_format(query.legend).range()
    return target.format(PromQueryFormat.HEATMAP) if kind is Kind.HEATMAP else target


def _thresholds(thresholds: Thresholds) -> dashboards.ThresholdsConfig:
    steps = [models.Threshold(value=value, color=color) for value, color in thresholds]
    return dashboards.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _mappings(words: Words) -> list[models.ValueMapping]:
    results = {
        str(value): models.ValueMappingResult(text=word, color=color, index=index)
        for index, (value, (word, color)) in enumerate(words.items())
    }
    return [models.ValueMap(results)] if results else []


# --- kinds --------------------------------------------------------------------------------------------------


def _number(panel: Panel) -> _Builder:
    has_limits = len(panel.thresholds) > 1 or bool(panel.words)
    color = common.BigValueColorMode.BACKGROUND if has_limits else common.BigValueColorMode.VALUE
    graph = common.BigValueGraphMode.NONE if panel.words else common.BigValueGraphMode.AREA
    return (
        stat.Panel()
        .color_mode(color)
        .graph_mode(graph)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _lines(panel: Panel) -> _Builder:
    legend = (
        common_builders.VizLegendOptions()
        .show_legend(True)
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )
    tooltip = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    builder = (
        timeseries.Panel()
        .legend(legend)
        .tooltip(tooltip.sort(common.SortOrder.DESCENDING))
        .line_width(1)
        .fill_opacity(8)
        .show_points(common.VisibilityMode.NEVER)
        .axis_soft_min(0)
    )
    if len(panel.thresholds) > 1:
        style = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        builder = builder.thresholds_style(style)
    return builder


def _stack(panel: Panel) -> _Builder:
    stacking = common_builders.StackingConfig().group("A").mode(common.StackingMode.NORMAL)
    return _lines(panel).stacking(stacking).fill_opacity(40)


def _heatmap(panel: Panel) -> _Builder:
    assert len(panel.queries) == 1, "a heatmap draws one histogram"
    colors = heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME)
    return (
        heatmap.Panel()
        .calculate(False)
        .color(colors.scheme("Turbo").steps(64).scale(heatmap_models.HeatmapColorScale.EXPONENTIAL))
        # What the buckets are of; the panel's unit is that of what is in them.
        .y_axis(heatmap.YAxisConfig().unit("s").axis_placement(common.AxisPlacement.LEFT))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .cell_gap(1)
        .scale_distribution(common_builders.ScaleDistributionConfig().type(common.ScaleDistribution.LINEAR))
        .show_legend()
    )


def _timeline(panel: Panel) -> _Builder:
    assert panel.words, "a timeline shows words"
    legend = common_builders.VizLegendOptions().show_legend(True)
    return (
        statetimeline.Panel()
        .merge_values(True)
        .fill_opacity(70)
        .show_value(common.VisibilityMode.AUTO)
        .row_height(0.85)
        .legend(legend.display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM))
    )


def _table(panel: Panel) -> _Builder:
    """Each query is a column; in front is the label that they share, the instrument."""
    names = {
        f"Value #{letter}": query.legend
        for letter, query in zip(ascii_uppercase, panel.queries, strict=False)
    }
    organize = {"excludeByName": {"Time": True}, "renameByName": {"instrument": "Instrument", **names}}
    builder = (
        table.Panel()
        .show_header(True)
        .align(common.FieldTextAlignment.AUTO)
        .transformations(
            [
                models.DataTransformerConfig(id_val="merge", options={}),
                models.DataTransformerConfig(id_val="organize", options=organize),
            ]
        )
    )
    for query in panel.queries:
        properties = [models.DynamicConfigValue("unit", query.unit or panel.unit)]
        if query.words:
            properties += [
                models.DynamicConfigValue("mappings", _mappings(query.words)),
                models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
            ]
        builder = builder.override_by_name(query.legend, properties)
    return builder


_KINDS: Final[dict[Kind, Callable[[Panel], _Builder]]] = {
    Kind.NUMBER: _number,
    Kind.LINES: _lines,
    Kind.STACK: _stack,
    Kind.HEATMAP: _heatmap,
    Kind.TIMELINE: _timeline,
    Kind.TABLE: _table,
}

if __name__ == "__main__":
    FILE.write_text(text())
