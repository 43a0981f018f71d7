"""The console of Prometheus in a real browser: photographed, its charts drawn, its numbers kept new."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.chromium import chromium
from tests.deploy.observed import Observed
from tests.deploy.test_consoles import CONSOLE
from tests.end_to_end import market

pytestmark = pytest.mark.asyncio(loop_scope="module")

_DRAWN_MS_MAX: Final = 30_000
DESKTOP: Final = (1400, 900)
PHONE: Final = (390, 800)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as one:
        yield one


@asynccontextmanager
async def opened(browser: Browser, live: Observed, size: tuple[int, int] = DESKTOP) -> AsyncIterator[Page]:
    """The console once all is drawn; fails the test where its code does, or asks anybody but Prometheus."""
    width, height = size
    page = await browser.new_page(viewport={"width": width, "height": height})
    errors: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda asked: elsewhere.append(asked.url))
    await page.goto(f"{live.prometheus.url}{CONSOLE}")
    await all_drawn(page)
    yield page
    await page.close()
    assert not errors
    assert not [url for url in elsewhere if not url.startswith((live.prometheus.url, "data:"))]


async def all_drawn(page: Page) -> None:
    await page.wait_for_function(
        "document.querySelectorAll('figure.chart:not([data-drawn])').length === 0", timeout=_DRAWN_MS_MAX
    )


def ready(live: Observed) -> None:
    """Return once there are points enough for lines."""
    live.prometheus.until_some("count_over_time(carbonmatch_state[1m]) > 8")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_the_console_is_photographed_with_all_its_charts(
    browser: Browser, live: Observed, size: tuple[int, int], tmp_path: Path
) -> None:
    await asyncio.to_thread(ready, live)
    async with opened(browser, live, size) as page:
        charts = await page.locator("figure.chart").count()
        assert charts >= 9
        assert await page.locator("figure.failed").count() == 0
        for number in range(charts):
            chart = page.locator("figure.chart").nth(number)
            title = await chart.get_attribute("data-title")
            lines = [await line.get_attribute("d") or "" for line in await chart.locator("path.line").all()]
            assert any(line.count("L") >= 3 for line in lines), title
            assert re.search(r"\d", await chart.locator(".legend b").first.inner_text()), title
        symbols = await page.locator("#instruments td:first-child").all_inner_texts()
        assert set(symbols) == {one.symbol for one in market.config(tmp_path).instruments}
        # What does not fit is in a box that scrolls by itself.
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        photograph = Path(os.environ.get("CARBONMATCH_PHOTOGRAPHS", tmp_path)) / f"console-{size[0]}.png"
        await page.screenshot(path=photograph, full_page=True)
        assert photograph.stat().st_size > 40_000


async def test_a_chart_whose_query_fails_says_why(browser: Browser, live: Observed) -> None:
    async with opened(browser, live) as page:
        await page.evaluate("document.querySelector('[data-query]').dataset.query = 'rate(up['")
        await page.evaluate("draw(document.querySelector('figure.chart'))")
        await page.wait_for_selector("figure.failed")
        assert "parse error" in await page.locator("figure.failed .plot").inner_text()


async def test_numbers_and_charts_are_kept_new(browser: Browser, live: Observed) -> None:
    async with opened(browser, live) as page:
        await page.evaluate(
            "document.querySelectorAll('#tiles b').forEach(one => one.textContent = 'old');"
            "document.querySelectorAll('figure.chart').forEach(one => delete one.dataset.drawn)"
        )
        await page.evaluate("refresh()")
        await all_drawn(page)
        assert "old" not in await page.locator("#tiles b").all_inner_texts()
        assert await page.locator("figure.chart path.line").count() > 0


async def test_where_the_reader_is_in_the_table_outlives_the_next_numbers(
    browser: Browser, live: Observed
) -> None:
    async with opened(browser, live, PHONE) as page:
        await page.evaluate("market.scrollLeft = 40; market.focus()")
        assert await page.evaluate("market.scrollLeft") == 40
        await page.evaluate("refresh()")
        assert await page.evaluate("market.scrollLeft") == 40
        assert await page.evaluate("document.activeElement.id") == "market"


async def test_a_console_whose_prometheus_is_gone_says_that_it_is_old(
    browser: Browser, live: Observed
) -> None:
    async with opened(browser, live) as page:
        await page.route("**/*", lambda route: route.abort())
        await page.evaluate("refresh()")
        await page.wait_for_selector("body.stale")
        await page.unroute("**/*")
        await page.evaluate("refresh()")
        await page.wait_for_selector("body:not(.stale)")
