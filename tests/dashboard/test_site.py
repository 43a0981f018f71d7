"""The dashboard's HTTP, over a socket: files and their headers, logging in, acting, and the bounds."""

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import pytest

from carbonmatch.audit_words import AuditLine
from carbonmatch.dashboard import browsers as browsers_module
from carbonmatch.dashboard import site as site_module
from carbonmatch.dashboard.acting import ListedSession, Operating, Refused
from carbonmatch.dashboard.admission import TOKEN_HEADER, Logins
from carbonmatch.dashboard.browsers import Browsers
from carbonmatch.dashboard.site import Site, listen, page_files
from carbonmatch.dashboard.view import View
from carbonmatch.matching.messages import ClientCommand, Phase, Ref, Resume, SetPhase
from tests.dashboard.books import CEA, NOW_NS, book

SECRET = "s" * 32
DAY_NS = 86_400_000_000_000
HALT = {"act": "halt", "instrument_id": CEA, "typed": "CEA24", "reason": "a rumour"}


class FakeOperating:
    """Remembers what it was to do; `refusal` is what it answers then."""

    session = "desk"

    def __init__(self) -> None:
        self.commands: list[ClientCommand] = []
        self.refusal = ""

    async def act(self, command: ClientCommand) -> int:
        if self.refusal:
            raise Refused(self.refusal)
        self.commands.append(command)
        return 41 + len(self.commands)

    async def audit(self, from_ns: int) -> list[AuditLine]:
        if self.refusal:
            raise Refused(self.refusal)
        return [AuditLine(from_ns, 5, "desk", "Resume", "", "it was none")]

    async def sessions(self) -> list[ListedSession]:
        if self.refusal:
            raise Refused(self.refusal)
        return [ListedSession(f"gateway-{number}", "trade", "", 0, 0, 0, 0, 0) for number in range(3)]


class Served:
    """A site on a port of its own, and requests as its page makes them."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        view: View,
        browsers: Browsers,
        operating: FakeOperating,
        port: int,
    ) -> None:
        self.http = http
        self.view = view
        self.browsers = browsers
        self.operating = operating
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.headers = {"Origin": self.url, "Content-Type": "application/json"}

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        data = json.dumps(body)
        async with self.http.post(self.url + path, data=data, headers=self.headers | headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text[:1] == "{" else {"problem": text}

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.http.get(self.url + path, headers=headers) as response:
            return response.status, await response.text()

    async def token(self) -> dict[str, str]:
        status, answer = await self.post("/login", {"secret": SECRET})
        assert status == 200
        return {TOKEN_HEADER: answer["token"]}


@asynccontextmanager
async def served(*, may_act: bool = True) -> AsyncIterator[Served]:
    view, operating = View(), FakeOperating()
    view.take_market({CEA: book()}, {})
    browsers = Browsers(view, lambda: 7)
    site = Site(
        view,
        browsers,
        cast(Operating, operating) if may_act else None,
        Logins(SECRET, lambda: 0) if may_act else None,
        time_ns=lambda: NOW_NS,
    )
    runner, server = await listen(site.application(), "127.0.0.1", 0)
    ticking = asyncio.create_task(tick(browsers))
    try:
        async with aiohttp.ClientSession(read_bufsize=2**22) as http:
            yield Served(http, view, browsers, operating, server.sockets[0].getsockname()[1])
    finally:
        ticking.cancel()
        server.close()
        await runner.cleanup()


async def tick(browsers: Browsers) -> None:
    while True:
        browsers.tick()
        await asyncio.sleep(0.005)


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"secret":"\xff"}', b"\x00"])
async def test_a_body_that_is_no_request_is_the_senders_fault(body: bytes) -> None:
    async with (
        served() as site,
        site.http.post(site.url + "/login", data=body, headers=site.headers) as response,
    ):
        assert response.status == 400


# --- the page -------------------------------------------------------------------------------------


async def test_the_page_and_its_files_are_there_and_nothing_else() -> None:
    async with served() as site:
        for path in page_files():
            assert (await site.get(path))[0] == 200
        for path in ("/../site.py", "/page/index.html", "/vendor/README.md", "/metrics", "/index.html"):
            assert (await site.get(path))[0] == 404


async def test_every_answer_forbids_what_a_foreign_page_would_need() -> None:
    async with served() as site:
        for path in ("/", "/main.js", "/nothing", "/events", "/login"):
            async with site.http.get(site.url + path) as response:
                assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")
                assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["X-Frame-Options"] == "DENY"
                assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
                assert response.headers["Cache-Control"] == "no-store"
                assert "Access-Control-Allow-Origin" not in response.headers
                assert "Set-Cookie" not in response.headers


async def test_a_request_under_a_foreign_name_or_from_a_foreign_page_is_refused() -> None:
    async with served() as site:
        token = await site.token()
        for headers in (
            {"Host": "evil.example"},
            {"Origin": "http://evil.example"},
            {"Origin": f"http://127.0.0.1:{site.port + 1}"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Content-Type": "text/plain"},
        ):
            assert (await site.post("/act", HALT, **token, **headers))[0] == 403
        assert (await site.get("/events", Host="evil.example"))[0] == 403
        assert (await site.get("/", Host="evil.example"))[0] == 403
        assert site.operating.commands == []


# --- acting ---------------------------------------------------------------------------------------


async def test_who_has_shown_the_secret_halts_and_resumes() -> None:
    async with served() as site:
        token = await site.token()
        assert await site.post("/act", HALT, **token) == (200, {"sequence": 42})
        resume = {**HALT, "act": "resume", "reason": " it was none "}
        assert await site.post("/act", resume, **token) == (200, {"sequence": 43})
        assert site.operating.commands == [
            SetPhase(Ref(0), CEA, Phase.HALTED, "a rumour"),
            Resume(Ref(0), CEA, "it was none"),
        ]


async def test_nobody_else_does() -> None:
    async with served() as site:
        for headers in ({}, {TOKEN_HEADER: ""}, {TOKEN_HEADER: "x" * 43}, {TOKEN_HEADER: SECRET}):
            status, answer = await site.post("/act", HALT, **headers)
            assert (status, answer["problem"]) == (403, "log in first: nothing was done")
            assert (await site.get("/sessions", **headers))[0] == 403
            assert (await site.get("/audit", **headers))[0] == 403
            assert json.loads((await site.get("/login", **headers))[1]) == {"ok": False}
        token = await site.token()
        assert json.loads((await site.get("/login", **token))[1]) == {"ok": True}
        await site.post("/logout", {}, **token)
        assert (await site.post("/act", HALT, **token))[0] == 403
        assert site.operating.commands == []


async def test_without_a_key_nobody_logs_in() -> None:
    async with served(may_act=False) as site:
        status, answer = await site.post("/login", {"secret": SECRET})
        assert (status, answer["problem"]) == (403, "this dashboard has no operator's key: it only shows")
        assert (await site.post("/act", HALT))[0] == 403
        assert (await site.get("/sessions"))[0] == 403
        assert (await site.get("/audit"))[0] == 403


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"typed": "CEA2"}, "typed 'CEA2', expected CEA24"),
        ({"typed": ""}, "typed '', expected CEA24"),
        ({"instrument_id": 99}, "there is no instrument 99"),
        ({"instrument_id": 0}, "there is no instrument 0"),
        ({"reason": "  "}, "a reason of 0 characters, expected 1 to 64"),
        ({"reason": "x" * 65}, "a reason of 65 characters, expected 1 to 64"),
    ],
)
async def test_what_was_not_confirmed_is_not_done(changes: dict[str, object], problem: str) -> None:
    async with served() as site:
        status, answer = await site.post("/act", {**HALT, **changes}, **await site.token())
        assert (status, answer) == (409, {"problem": problem})
        assert site.operating.commands == []


@pytest.mark.parametrize(
    "body", [{}, {**HALT, "act": "kill"}, {**HALT, "more": 1}, {**HALT, "instrument_id": "5"}, [], 7]
)
async def test_what_the_page_would_not_send_is_no_request(body: object) -> None:
    async with served() as site:
        assert (await site.post("/act", body, **await site.token()))[0] == 400
        assert site.operating.commands == []


async def test_what_the_engine_refuses_is_told_in_its_words() -> None:
    async with served() as site:
        token = await site.token()
        site.operating.refusal = "NOT_PERMITTED"
        assert await site.post("/act", HALT, **token) == (409, {"problem": "NOT_PERMITTED"})
        assert (await site.get("/sessions", **token))[0] == 409
        assert (await site.get("/audit", **token))[0] == 409


async def test_a_request_that_is_too_large_is_refused() -> None:
    async with served() as site:
        assert (await site.post("/login", {"secret": "x" * 5_000}))[0] == 413


async def test_wrong_secrets_wait_some_at_once_and_the_right_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = asyncio.Event()
    waiting_count = 0

    async def wait(_seconds: float) -> None:
        nonlocal waiting_count
        waiting_count += 1
        await answered.wait()

    monkeypatch.setattr(site_module, "_wait", wait)
    async with served() as site:
        wrong = {"secret": "w" * 32}
        waiting = [asyncio.create_task(site.post("/login", wrong)) for _ in range(4)]
        async with asyncio.timeout(5):
            while waiting_count < 4:  # noqa: ASYNC110 - of other tasks of this loop
                await asyncio.sleep(0.005)
        assert await site.post("/login", wrong) == (429, {"problem": "too many wrong secrets at once"})
        await site.token()
        answered.set()
        assert {status for status, _ in await asyncio.gather(*waiting)} == {403}


async def test_sessions_are_listed_with_their_time_and_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as site:
        token = await site.token()
        monkeypatch.setattr(site_module, "DASHBOARD_ROWS_MAX", 2)
        status, text = await site.get("/sessions", **token)
        answer = json.loads(text)
        assert (status, answer["count"], answer["time_ns"]) == (200, 3, NOW_NS)
        assert [row["session"] for row in answer["rows"]] == ["gateway-0", "gateway-1"]


async def test_what_operators_did_within_a_day_is_listed() -> None:
    async with served() as site:
        _, text = await site.get("/audit", **await site.token())
        (line,) = json.loads(text)["rows"]
        assert (line["time_ns"], line["who"], line["why"]) == (NOW_NS - DAY_NS, "desk", "it was none")


# --- the stream -----------------------------------------------------------------------------------


async def next_event(response: aiohttp.ClientResponse) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while not (event := await response.content.readuntil(b"\n\n")).startswith(b"data: "):
            assert event, "the stream has ended"
    found: dict[str, Any] = json.loads(event.removeprefix(b"data: "))
    return found


async def test_a_browser_is_told_everything_and_then_what_changes() -> None:
    async with served() as site, site.http.get(f"{site.url}/events?instrument={CEA}") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        first = await next_event(response)
        assert first["operating"] == "desk"
        assert first["ladder"]["id"] == CEA
        site.view.put("vitals", 5)
        assert await next_event(response) == {"now_ns": 7, "vitals": 5}


async def test_a_browser_hears_something_even_when_nothing_happens() -> None:
    async with served() as site, site.http.get(f"{site.url}/events") as response:
        await next_event(response)
        assert await next_event(response) == {}


async def test_one_browser_too_many_is_turned_away_and_let_in_when_one_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browsers_module, "DASHBOARD_BROWSERS_MAX", 2)
    async with served() as site:
        one, two = await site.http.get(f"{site.url}/events"), await site.http.get(f"{site.url}/events")
        assert await site.get("/events") == (503, "2 pages are open, expected at most 2\n")
        assert (await site.get("/"))[0] == 200
        one.close()
        async with asyncio.timeout(5):
            while await status_of_stream(site) != 200:  # noqa: ASYNC110 - the server notices in its next write
                await asyncio.sleep(0.005)
        two.close()


async def status_of_stream(site: Served) -> int:
    async with site.http.get(f"{site.url}/events") as response:
        return response.status


async def test_a_browser_that_does_not_read_is_cut_and_costs_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browsers_module, "DASHBOARD_SLOW_SECONDS", 0.2)
    async with served() as site:
        with socket.create_connection(("127.0.0.1", site.port)) as slow:
            slow.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode())
            async with site.http.get(f"{site.url}/events") as other:
                await next_event(other)
                assert site.browsers.count == 2
                # More than the sockets between take: then it is behind, and cut.
                async with asyncio.timeout(20):
                    for number in itertools.count():
                        site.view.put("vitals", f"{number} {'x' * 1_000_000}")
                        told = await next_event(other)
                        if site.browsers.count == 1:
                            break
                assert told["vitals"].startswith(f"{number} ")


@pytest.mark.parametrize("chosen", ["-1", "a", "1e3", "99999999999", "1;2"])
async def test_an_instrument_is_a_number(chosen: str) -> None:
    async with served() as site:
        assert (await site.get(f"/events?instrument={chosen}"))[0] == 400


async def test_one_connection_too_many_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "DASHBOARD_CONNECTIONS_MAX", 1)
    async with served() as site:
        response = await site.http.get(f"{site.url}/events")
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        response.close()


BODY_TO_COME = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60\r\n\r\n"


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nHost: ", BODY_TO_COME, BODY_TO_COME + b'{"secret']
)
async def test_a_request_that_does_not_come_to_its_end_keeps_nobody_out_for_long(
    monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(site_module, "DASHBOARD_CONNECTIONS_MAX", 1)
    monkeypatch.setattr(site_module, "DASHBOARD_IDLE_SECONDS", 0.05)
    monkeypatch.setattr(site_module, "_LINGERING_SECONDS", 0.05)
    async with served() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(begun)
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()
        assert (await site.get("/"))[0] == 200
