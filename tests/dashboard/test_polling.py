"""What is asked for again and again: from servers that answer, that do not, and that answer nonsense."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from carbonmatch.client.tls import client_context
from carbonmatch.dashboard import polling
from carbonmatch.dashboard.polling import Poller
from carbonmatch.dashboard.sources import Addresses, Source
from carbonmatch.dashboard.view import View
from carbonmatch.dashboard.vitals import Point
from tests.certificates import Authority

METRICS = "carbonmatch_state 1\ncarbonmatch_commands_total 5\n"
FOLLOWER = "carbonmatch_follower_sequence 7\ncarbonmatch_follower_lag_seconds 1\n"
READY = '{"ok":true,"state":"active","reasons":[]}'
ALERTS = '{"status":"success","data":{"alerts":[{"labels":{"alertname":"A","severity":"critical"}}]}}'


class Answers:
    """By path: a text, or a status. What is not there is 404."""

    def __init__(self) -> None:
        self.texts: dict[str, str | int] = {
            "/metrics": METRICS,
            "/readyz": READY,
            "/follower/metrics": FOLLOWER,
            "/api/v1/alerts": ALERTS,
        }

    async def answer(self, request: web.Request) -> web.Response:
        found = self.texts.get(request.path, 404)
        return web.Response(text=found) if isinstance(found, str) else web.Response(status=found)


class Asked:
    """A poller that is told when to ask, by a clock that is told what time it is."""

    def __init__(self, poller: Poller, view: View, http: ClientSession) -> None:
        self.view = view
        self.now_ns = 0
        self._poller = poller
        self._http = http

    async def ask(self, now_ns: int) -> None:
        self.now_ns = now_ns
        await self._poller.ask(self._http)

    def alerts(self) -> tuple[str, list[str], str]:
        told = self.view.get("alerts")
        return told.by, [alert.name for alert in told.alerts], told.problem


@asynccontextmanager
async def asked(
    answers: Answers, *, prometheus: bool = False, follower: bool = False
) -> AsyncIterator[Asked]:
    app = web.Application()
    app.router.add_get("/{path:.*}", answers.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    addresses = Addresses(
        f"{url}/metrics",
        f"{url}/follower/metrics" if follower else "",
        f"{url}/" if prometheus else "",
    )
    view = View()
    try:
        async with ClientSession() as http:
            one = Asked(Poller(addresses, view, lambda: one.now_ns), view, http)
            yield one
    finally:
        await runner.cleanup()


async def test_what_metrics_say_is_shown_and_becomes_points() -> None:
    answers = Answers()
    async with asked(answers) as one:
        await one.ask(1_000_000_000)
        answers.texts["/metrics"] = METRICS.replace("5", "15")
        await one.ask(3_000_000_000)
        assert one.view.get("metrics") == Source(True, 1_000_000_000)
        assert one.view.get("vitals").state == "active"
        assert one.view.get("vitals").commands_per_second == 5
        assert one.alerts() == ("rules of this page", [], "")
        assert one.view.get("following") is None


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (500, "status 500, expected 200"),
        (302, "status 302, expected 200"),
        ("nonsense here\n", "no metrics of a venue"),
        ("carbonmatch_state many\n", "no metrics: "),
    ],
)
async def test_metrics_that_cannot_be_used_are_told_since_when(answer: str | int, text: str) -> None:
    answers = Answers()
    async with asked(answers) as one:
        await one.ask(1)
        answers.texts["/metrics"] = answer
        await one.ask(2)
        await one.ask(3)
        found = one.view.get("metrics")
        assert (found.is_good, found.since_ns) == (False, 2)
        assert found.text.startswith(text)
        assert one.alerts()[1] == ["CarbonmatchDown"]
        assert one.view.get("alerts").alerts[0].since_ns == 2
        answers.texts["/metrics"] = METRICS
        await one.ask(4)
        assert one.view.get("metrics") == Source(True, 4)
        assert one.view.get("vitals").commands_per_second is None, "there is nothing to compare it with"


async def test_a_gap_in_the_answers_is_a_gap_in_the_charts() -> None:
    answers = Answers()
    async with asked(answers) as one:
        answers.texts["/metrics"] = 503
        await one.ask(2_000_000_000)
        assert one.view._history.since(0) == [Point(2.0)]


async def test_an_answer_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "DASHBOARD_PAGE_BYTES_MAX", 20)
    async with asked(Answers()) as one:
        await one.ask(1)
        assert one.view.get("metrics").text == "more than 20 bytes"


async def test_nobody_there_is_told_in_words() -> None:
    view = View()
    poller = Poller(Addresses("http://127.0.0.1:1/metrics"), view, lambda: 1)
    async with ClientSession() as http:
        await poller.ask(http)
    assert "127.0.0.1:1" in view.get("metrics").text


async def test_a_silent_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_ANSWER_SECONDS", 0.05)
    asked = gone = 0

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, gone
        asked += 1
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone += 1

    silent = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    view = View()
    port = silent.sockets[0].getsockname()[1]
    poller = Poller(Addresses(f"http://127.0.0.1:{port}/metrics"), view, lambda: 1)
    running = asyncio.create_task(poller.run())
    async with asyncio.timeout(5):
        while view.get("metrics") is None:  # noqa: ASYNC110 - of another task of this loop
            await asyncio.sleep(0.005)
    assert view.get("metrics").text == "no answer within 0.05 s"
    running.cancel()
    await asyncio.wait({running})
    silent.close()
    async with asyncio.timeout(5):
        while gone < asked:  # noqa: ASYNC110 - of other tasks of this loop
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "ready", [404, "nonsense", '{"ok":false,"state":"recovering","reasons":["reading"]}']
)
async def test_a_venue_that_is_not_ready_is_an_alert(ready: str | int) -> None:
    answers = Answers()
    answers.texts["/readyz"] = ready
    async with asked(answers) as one:
        await one.ask(1)
        assert one.alerts()[1] == ["CarbonmatchNotActive"]


async def test_old_market_data_is_an_alert() -> None:
    async with asked(Answers()) as one:
        one.view.put("feed", Source(False, 1, "not connected"))
        await one.ask(2)
        assert one.alerts()[1] == ["CarbonmatchFeedNotCurrent"]


async def test_a_venue_that_speaks_tls_is_asked_by_whom_it_has_certified(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.certify("venue")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    app = web.Application()
    app.router.add_get("/{path:.*}", Answers().answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    addresses = Addresses(f"https://127.0.0.1:{runner.addresses[0][1]}/metrics")
    found: dict[bool, View] = {True: View(), False: View()}
    async with ClientSession() as http:
        for trusts, view in found.items():
            venue_tls = client_context(authority.file) if trusts else None
            await Poller(addresses, view, lambda: 1, venue_tls).ask(http)
    await runner.cleanup()
    assert found[True].get("metrics") == Source(True, 1)
    assert "certificate verify failed" in found[False].get("metrics").text


async def test_a_follower_is_asked_where_there_is_one() -> None:
    answers = Answers()
    async with asked(answers, follower=True) as one:
        await one.ask(1)
        assert one.view.get("following").sequence == 7
        assert one.view.get("follower") == Source(True, 1)
        answers.texts["/follower/metrics"] = 500
        await one.ask(2)
        assert one.view.get("follower") == Source(False, 2, "status 500, expected 200")
        assert one.alerts()[1] == ["CarbonmatchFollowerDown"]


async def test_alerts_are_those_of_prometheus_where_it_answers() -> None:
    answers = Answers()
    async with asked(answers, prometheus=True) as one:
        await one.ask(1)
        assert one.alerts() == ("Prometheus", ["A"], "")


@pytest.mark.parametrize("answer", [500, "nonsense", '{"status":"error"}'])
async def test_where_prometheus_does_not_answer_the_page_says_that_its_own_rules_do(
    answer: str | int,
) -> None:
    answers = Answers()
    answers.texts["/api/v1/alerts"] = answer
    async with asked(answers, prometheus=True) as one:
        await one.ask(1)
        by, names, problem = one.alerts()
        assert (by, names) == ("rules of this page", [])
        assert problem.startswith("Prometheus does not answer: ")
