"""docs/metrics.md says of every metric what the tables say, and of no other."""

import re
from pathlib import Path
from typing import Final

from carbonmatch.ops.counters import Counters
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.metrics import METRICS
from carbonmatch.ops.process import PROCESS
from carbonmatch.ops.reference import PROCESSES, listing, markdown

PAGE: Final = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_ends_with_what_the_command_prints() -> None:
    _, marker, tables = PAGE.read_text().partition("## carbonmatch serve\n")
    assert (marker + tables).rstrip() == "\n".join(markdown()).rstrip(), (
        "docs/metrics.md is old: from its first table on it is `carbonmatch metrics --markdown`"
    )


def test_every_metric_of_every_process_is_in_the_page_once() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert named == [
        metric.name
        for groups in (*PROCESSES.values(), (PROCESS,))
        for group in groups
        for metric in group.metrics
    ]


def test_the_list_says_how_many_series_there_are() -> None:
    rows = [line.split("\t") for line in listing(["serve"])]
    counters = Counters()
    counters.clock_synchronized = counters.clock_error_max_ns = counters.clock_offset_ns = 0
    text = Exposition(counters, METRICS).render().decode()
    of_instruments = 0
    for name, kind, _, series, _ in rows:
        found = re.findall(rf"^{name}(?:_bucket|_count|_sum)?[{{ ]", text, re.MULTILINE)
        if series.endswith("n"):
            of_instruments += 1
            assert found == []
        elif series == "m":
            assert len(found) > 8
        else:
            assert len(found) == int(series), (name, kind)
    assert of_instruments > 10
