"""Asks for what is told only to who asks: metrics and readiness of the venue, the follower's, alerts."""

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import Any, Final

import aiohttp
import msgspec
from msgspec import Struct

from carbonmatch.dashboard.alerts import Facts, PrometheusAnswer, Since, alerts_of, own_alerts
from carbonmatch.dashboard.scrape import Scrape, read
from carbonmatch.dashboard.sources import Addresses, Source, source_of
from carbonmatch.dashboard.view import View
from carbonmatch.dashboard.vitals import following_of, point_of, vitals_of
from carbonmatch.limits import DASHBOARD_PAGE_BYTES_MAX, DASHBOARD_SCRAPE_SECONDS

_ANSWER_SECONDS: Final = 2.0
_OWN_RULES: Final = "rules of this page"
_PROMETHEUS: Final = "Prometheus"


class Readiness(Struct, frozen=True):
    """What `/readyz` says."""

    ok: bool
    state: str = ""
    reasons: tuple[str, ...] = ()


class Told(Struct, frozen=True, gc=False):
    """The alerts, who says so, and why not the one who was to."""

    by: str
    alerts: list[Any]
    problem: str = ""


class Unanswered(Exception):
    """Nothing usable came; the text says why."""


class Poller:
    """Puts into the view what it is told, how each source is, and points of the charts."""

    def __init__(
        self,
        addresses: Addresses,
        view: View,
        time_ns: Callable[[], int],
        venue_tls: SSLContext | None = None,
    ) -> None:
        """`venue_tls`: for pages of the venue and its follower that speak TLS; None: as the system trusts."""
        self._venue_tls = venue_tls or True
        self._addresses = addresses
        self._view = view
        self._time_ns = time_ns
        self._before: Scrape | None = None
        self._since = Since()

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                await self.ask(http)
                await asyncio.sleep(DASHBOARD_SCRAPE_SECONDS)

    async def ask(self, http: aiohttp.ClientSession) -> None:
        """Ask all of them once."""
        facts = await self._ask_venue(http)
        if self._addresses.follower_url:
            facts = await self._ask_follower(http, facts)
        await self._ask_alerts(http, facts)

    async def _ask_venue(self, http: aiohttp.ClientSession) -> Facts:
        now_ns = self._time_ns()
        try:
            scrape = _read(await self._get(http, self._addresses.metrics_url), self._time_ns())
        except Unanswered as error:
            self._before = None
            self._tell("metrics", str(error))
            self._view.add_point(point_of(now_ns, None))
            return Facts(feed_problem=self._feed_problem(), metrics_problem=str(error))
        vitals = vitals_of(scrape, self._before)
        self._before = scrape
        self._tell("metrics", "")
        self._view.put("vitals", vitals)
        self._view.add_point(point_of(now_ns, vitals))
        ready = await self._ask_readiness(http)
        return Facts(
            feed_problem=self._feed_problem(), is_ready=ready.ok, reasons=ready.reasons, vitals=vitals
        )

    async def _ask_readiness(self, http: aiohttp.ClientSession) -> Readiness:
        url = self._addresses.metrics_url.removesuffix("/metrics") + "/readyz"
        try:
            return msgspec.json.decode(await self._get(http, url, any_status=True), type=Readiness)
        except (Unanswered, msgspec.DecodeError) as error:
            return Readiness(ok=False, reasons=(f"/readyz: {error}",))

    async def _ask_follower(self, http: aiohttp.ClientSession, facts: Facts) -> Facts:
        try:
            scrape = _read(await self._get(http, self._addresses.follower_url), self._time_ns())
        except Unanswered as error:
            self._tell("follower", str(error))
            return msgspec.structs.replace(facts, follower_problem=str(error))
        following = following_of(scrape)
        self._tell("follower", "")
        self._view.put("following", following)
        return msgspec.structs.replace(facts, following=following)

    async def _ask_alerts(self, http: aiohttp.ClientSession, facts: Facts) -> None:
        problem = ""
        if self._addresses.prometheus_url:
            url = self._addresses.prometheus_url.rstrip("/") + "/api/v1/alerts"
            try:
                answer = msgspec.json.decode(await _get(http, url), type=PrometheusAnswer)
                self._view.put("alerts", Told(_PROMETHEUS, alerts_of(answer)))
                return
            except (Unanswered, msgspec.DecodeError) as error:
                problem = f"Prometheus does not answer: {error}"
        own = self._since.dated(own_alerts(facts), self._time_ns())
        self._view.put("alerts", Told(_OWN_RULES, own, problem))

    async def _get(self, http: aiohttp.ClientSession, url: str, *, any_status: bool = False) -> bytes:
        """A page of the venue or of its follower."""
        return await _get(http, url, self._venue_tls, any_status=any_status)

    def _feed_problem(self) -> str:
        feed: Source | None = self._view.get("feed")
        return "" if feed is None else feed.text

    def _tell(self, name: str, problem: str) -> None:
        self._view.put(name, source_of(self._view.get(name), problem, self._time_ns()))


def _read(body: bytes, time_ns: int) -> Scrape:
    try:
        scrape = read(body.decode(), time_ns)
    except ValueError as error:
        raise Unanswered(f"no metrics: {error}") from None
    if not scrape.sums:
        raise Unanswered("no metrics of a venue")
    return scrape


async def _get(
    http: aiohttp.ClientSession, url: str, tls: SSLContext | bool = True, *, any_status: bool = False
) -> bytes:
    """The body of a page, bounded. Raises Unanswered."""
    try:
        async with http.get(url, ssl=tls, allow_redirects=False) as response:
            if response.status != 200 and not any_status:
                raise Unanswered(f"status {response.status}, expected 200")
            body = await response.content.read(DASHBOARD_PAGE_BYTES_MAX + 1)
            while not response.content.at_eof():
                body += await response.content.read(DASHBOARD_PAGE_BYTES_MAX + 1 - len(body))
                if len(body) > DASHBOARD_PAGE_BYTES_MAX:
                    raise Unanswered(f"more than {DASHBOARD_PAGE_BYTES_MAX} bytes")
            return body
    except TimeoutError:
        raise Unanswered(f"no answer within {_ANSWER_SECONDS:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Unanswered(str(error) or type(error).__name__) from None
