"""The consoles of Prometheus: what they ask, what it answers, and what they make of it."""

import re
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from carbonmatch.matching.messages import Phase
from carbonmatch.ops.exposition import CONTENT_TYPE
from carbonmatch.ops.health import State
from tests.deploy.observed import Observed
from tests.deploy.prometheus import SHIPPED, Prometheus, until
from tests.deploy.promql import known, metrics_in

CONSOLE: Final = "/consoles/carbonmatch.html?range=1m"
PARTS: Final = (SHIPPED / "console_libraries" / "parts.lib").read_text()
# Of which a venue that is this young has none.
_MAY_BE_EMPTY: Final = {"carbonmatch_snapshot_age_seconds", "carbonmatch_gc_pause_seconds_bucket"}


class Console(HTMLParser):
    """What a page asks Prometheus, by itself and where its numbers lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.queries: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if "data-query" in attributes:
            self.queries.append(attributes["data-query"])
        if "tile" in attributes.get("class", "").split():
            self.queries += parse_qs(urlsplit(attributes["href"]).query)["g0.expr"]


def served(prometheus: Prometheus, path: str = CONSOLE) -> str:
    with urllib.request.urlopen(f"{prometheus.url}{path}") as answer:
        return str(answer.read().decode())


def words_of(what: str) -> dict[int, str]:
    """What parts.lib says for each number, tags and explanations aside."""
    (said,) = re.findall(rf'define "{what}" }}}}(.*?){{{{ end -}}}}', PARTS, re.DOTALL)
    found = re.findall(r"if eq \. (\d+)\.0 }}<span[^>]*>([^<:]+)", said)
    return {int(number): text for number, text in found}


def test_every_state_and_phase_has_its_word() -> None:
    assert words_of("state") == {int(state): state.name.lower() for state in State}
    assert words_of("phase") == {int(phase): phase.name.lower().replace("_", " ") for phase in Phase}


def test_every_query_of_a_console_asks_for_metrics_that_there_are_and_gives_data(live: Observed) -> None:
    queries = Console(served(live.prometheus)).queries
    assert len(queries) > 30
    assert "Rates are of what it did before" not in served(live.prometheus)
    for query in queries:
        assert metrics_in(query) - known() == set()
        if not metrics_in(query) & _MAY_BE_EMPTY:
            live.prometheus.until_some(f"({query}) == ({query})")


def test_a_console_shows_what_prometheus_says(live: Observed) -> None:
    roles = {one.labels["role"]: one.value for one in live.prometheus.query("carbonmatch_sessions")}
    page = served(live.prometheus)
    for role, sessions in roles.items():
        assert re.search(rf"<td>{role.replace('_', ' ')}</td><td>{sessions:.0f}</td>", page), role


def instrument_rows(page: str) -> dict[str, dict[str, str]]:
    """The table of instruments: symbol to column to what stands there, tags aside."""
    table = page[page.index('id="instruments"') :]
    columns = re.findall(r"<th[^>]*>([^<]+)", table[: table.index("<td")])
    found = {}
    for row in re.findall(r"<tr>\s*<td>.*?</tr>", table[: table.index("</table>")], re.DOTALL):
        cells = [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        found[cells[0]] = dict(zip(columns, cells, strict=True))
    return found


def test_every_column_of_the_instruments_is_filled(live: Observed) -> None:
    def filled() -> dict[str, dict[str, str]] | None:
        rows = instrument_rows(served(live.prometheus))
        is_filled = all(
            re.search("[1-9]", rows[symbol][column])
            for symbol, columns in {"CEA": ["Bid", "Orders"], "EUA": ["Ask", "Last", "Orders"]}.items()
            for column in columns
        )
        return rows if is_filled else None

    # Bids in one, asks in the other, where the load trades; now and then it cancels all of them.
    rows = until(filled, "both books have orders")
    assert rows["CEA"]["Bid"] == "9.50"
    assert re.fullmatch(r"10\.[02]\d", rows["EUA"]["Ask"])
    assert re.fullmatch(r"10\.0\d", rows["EUA"]["Last"])
    assert rows["EUA"]["Phase"] == "continuous"
    for column in ("Trades", "Tonnes"):
        assert float(rows["EUA"][column]) > 0, column
    assert rows["EUA"]["Interruptions"] == "0"


class NewerEngine(BaseHTTPRequestHandler):
    """With a state and a phase that nobody has heard of."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.end_headers()
        self.wfile.write(b'carbonmatch_state 77\ncarbonmatch_instrument_phase{instrument="NEW"} 88\n')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests need no log of it."""


GONE: Final = "127.0.0.1:1"


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, str]]:
    """A Prometheus of an engine that is GONE, and of a newer one, with the address of that."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), NewerEngine)
    Thread(target=server.serve_forever, daemon=True).start()
    newer = f"127.0.0.1:{server.server_port}"
    directory = tmp_path_factory.mktemp("strange") / "prometheus"
    prometheus = Prometheus(directory, {"engine": [GONE, newer], "follower": []})
    try:
        prometheus.start()
        prometheus.until_some("up == 0 and on () carbonmatch_state")
        yield prometheus, newer
    finally:
        prometheus.stop()
        server.shutdown()
        server.server_close()


def test_a_console_of_an_engine_that_is_not_there_says_so(strange: tuple[Prometheus, str]) -> None:
    prometheus, _ = strange
    page = served(prometheus, f"{CONSOLE}&instance={GONE}")
    assert re.search(r'id="state"[^/]*does not answer', page)
    assert "Rates are of what it did before" in page
    assert set(re.findall(r"<b>([^<]*)</b></a>", page)) == {"\N{EN DASH}"}


def test_a_console_of_a_newer_engine_shows_the_numbers_that_it_has_no_words_for(
    strange: tuple[Prometheus, str],
) -> None:
    prometheus, newer = strange
    page = served(prometheus, f"{CONSOLE}&instance={newer}")
    assert "state 77" in page
    assert instrument_rows(page)["NEW"]["Phase"] == "phase 88"


def test_what_a_console_says_is_to_be_done_can_be_read_there(live: Observed) -> None:
    page = (SHIPPED / "consoles" / "carbonmatch.html").read_text()
    assert 'href="{{ pathPrefix }}/user/runbooks/{{ .Labels.alertname }}.md"' in page
    assert served(live.prometheus, "/user/runbooks/CarbonmatchDown.md").startswith("# ")


def test_a_process_that_is_not_there_is_not_believed(live: Observed) -> None:
    assert live.engine_ops in served(live.prometheus, f"{CONSOLE}&instance=x%27%7D%20or%20vector(1)")
    assert "vector(1)" not in served(live.prometheus, f"{CONSOLE}&instance=x%27%7D%20or%20vector(1)")
