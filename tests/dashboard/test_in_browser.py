"""The page in a real browser, of a real dashboard, of a real engine."""

import io
import json
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from carbonmatch.client import MarketDataClient
from carbonmatch.client.instrument_book import InstrumentBook
from carbonmatch.journal_tools import dump
from carbonmatch.matching.messages import NewOrder, Phase, Ref, SetPhase, Side, TimeInForce
from carbonmatch.words import price_text
from tests.chromium import chromium
from tests.dashboard.running import DashboardProcess, opened
from tests.end_to_end import market
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Process

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("venue")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(browser: Browser, directory: Path) -> AsyncIterator[Process]:
    """With a few levels and trades in its first instrument."""
    process = Process(directory / "journal")
    await process.start()
    # It may be killed: whoever comes back looks for it there.
    process.listen_again(process.addresses)
    try:
        await trade(process)
        yield process
    finally:
        process.clean_up()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dashboard(engine: Process, directory: Path) -> AsyncIterator[DashboardProcess]:
    one = DashboardProcess(engine, directory)
    await one.start()
    try:
        yield one
    finally:
        one.clean_up()


async def trade(engine: Process, price_ticks: int = 7_000) -> None:
    """Twelve levels of each side, and a trade at the best of them."""
    async with engine.session("alice") as alice, engine.session("bob") as bob:
        for level in range(1, 13):
            await alice.call(order(Side.BUY, price_ticks - level, 100 + level))
            await alice.call(order(Side.SELL, price_ticks + level, 200 + level))
        await bob.call(order(Side.BUY, price_ticks + 1, 1))


def order(side: Side, price_ticks: int, quantity_lots: int) -> NewOrder:
    return NewOrder(Ref(0), EUA, side, quantity_lots, price_ticks, time_in_force=TimeInForce.GTC)


async def book_of(engine: Process) -> InstrumentBook:
    """As an ordinary client has it."""
    async with MarketDataClient(market.access(engine.market_data, "watcher")) as feed:
        await feed.synced()
        return feed.books[EUA]


async def log_in(page: Page, dashboard: DashboardProcess) -> None:
    await page.get_by_role("button", name="Log in to act").click()
    await page.get_by_label("Secret").fill(dashboard.secret)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(page.locator("#who")).to_have_text("acting as operator")


def journaled(engine: Process, text: str) -> list[dict[str, Any]]:
    """Every command with this text in the journal, with its sequence and session."""
    output = io.StringIO()
    with TemporaryDirectory() as directory:
        # A journal that a process is writing is read as a crash would leave it.
        dump(copied(engine.directory, Path(directory)), output)
    return [
        {**command, "sequence": entry["sequence"], "session_id": entry["session_id"]}
        for line in output.getvalue().splitlines()
        for entry in json.loads(line)["entries"]
        for command in entry["commands"]
        if command.get("text") == text
    ]


def copied(journal: Path, directory: Path) -> Path:
    # A segment that is still being made may be gone before it is copied.
    return Path(shutil.copytree(journal, directory / "copy", ignore=shutil.ignore_patterns("*.tmp")))


async def tab_to(page: Page, selector: str) -> None:
    """With the keyboard alone."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"60 times Tab do not lead to {selector}")


async def test_what_the_page_shows_is_what_the_engine_tells_everyone(
    browser: Browser, engine: Process, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await expect(page.locator("#instrument-title")).to_have_text("EUA")
        await shows(page, await book_of(engine))
        await trade(engine, 7_100)
        await shows(page, await book_of(engine))
        await expect(page.locator("#state")).to_have_text("active")
        await expect(page.locator("#stale")).to_be_hidden()


async def shows(page: Page, book: InstrumentBook) -> None:
    """Row, ladder and trades of the page are those of `book`."""
    (bid, *_), (ask, *_) = bids, asks = book.depth(10)
    day = book.statistics
    assert day is not None
    cells = [
        "continuous",
        f"{bid.quantity_lots:,}",
        price_text(bid.price_ticks, 2),
        price_text(ask.price_ticks, 2),
        f"{ask.quantity_lots:,}",
        price_text(day.last_price_ticks, 2),
        "",
        f"{day.volume_lots:,}",
        f"{day.trade_count:,}",
    ]
    await expect(page.locator("#rows tr[data-symbol=EUA] td:nth-child(-n+10)")).to_have_text(cells)
    rows = [
        (
            f"{one.order_count}",
            f"{one.quantity_lots:,}",
            price_text(one.price_ticks, 2),
            price_text(other.price_ticks, 2),
            f"{other.quantity_lots:,}",
            f"{other.order_count}",
        )
        for one, other in zip(bids, asks, strict=True)
    ]
    assert len(rows) == 10
    await expect(page.locator("#ladder tbody td")).to_have_text([cell for row in rows for cell in row])


async def test_trades_are_shown_as_they_happen_with_who_took(
    browser: Browser, engine: Process, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await expect(page.locator("#instrument-title")).to_have_text("EUA")
        async with engine.session("bob") as bob:
            await bob.call(order(Side.SELL, 6_999, 5))
        cells = page.locator("#trades tbody tr:first-child td:not(:first-child)")
        await expect(cells).to_have_text(["69.99", "5", "sells"])


async def test_another_instrument_is_chosen_and_kept_in_the_address(
    browser: Browser, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await page.get_by_role("button", name="CEA", exact=True).click()
        await expect(page.locator("#instrument-title")).to_have_text("CEA")
        await page.reload()
        await expect(page.locator("#instrument-title")).to_have_text("CEA")
        await expect(page.locator("#instrument-facts")).to_contain_text("9.00 \N{EN DASH} 11.00")
        await page.get_by_label("Filter").fill("eu")
        await expect(page.locator("#rows tbody th")).to_have_text(["EUA"])


async def test_a_halt_and_a_resume_pressed_on_the_page_are_in_the_journal(
    browser: Browser, engine: Process, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await expect(page.get_by_role("button", name="Halt…")).to_be_hidden()
        await log_in(page, dashboard)
        await page.get_by_role("button", name="Halt…").click()
        await page.get_by_label("Reason").fill("a rumour")
        await page.get_by_label("Type the symbol").fill("EUB")
        await page.get_by_role("button", name="Halt EUA").click()
        await expect(page.locator("#act-form .problem")).to_have_text("typed 'EUB', expected EUA")
        assert not journaled(engine, "a rumour")
        await page.get_by_label("Type the symbol").fill("EUA")
        await page.get_by_role("button", name="Halt EUA").click()
        await expect(page.locator("#said")).to_contain_text("EUA: halt is journaled at sequence")
        await expect(page.locator("#instrument-phase")).to_have_text("halted (a rumour)")
        (halt,) = journaled(engine, "a rumour")
        assert (halt["type"], halt["instrument_id"], halt["session_id"]) == ("SetPhase", EUA, market.OPERATOR)
        assert halt["phase"] == Phase.HALTED
        assert f"sequence {halt['sequence']}." in await page.locator("#said").inner_text()
        await page.get_by_role("button", name="Resume…").click()
        await page.get_by_label("Reason").fill("it was none")
        await page.get_by_label("Type the symbol").fill("EUA")
        await page.get_by_role("button", name="Resume EUA").click()
        await expect(page.locator("#said")).to_contain_text("EUA: resume is journaled at sequence")
        (resume,) = journaled(engine, "it was none")
        assert (resume["type"], resume["instrument_id"]) == ("Resume", EUA)


async def test_a_halt_needs_nothing_but_a_keyboard(
    browser: Browser, engine: Process, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await tab_to(page, "#login")
        await page.keyboard.press("Enter")
        await page.keyboard.type(dashboard.secret)
        await page.keyboard.press("Enter")
        await expect(page.locator("#logout")).to_be_focused()
        await tab_to(page, "#rows button:not([aria-pressed=true])")
        await page.keyboard.press("Enter")
        await expect(page.locator("#instrument-title")).to_have_text("CEA")
        await tab_to(page, "#halt")
        await page.keyboard.press("Enter")
        await page.keyboard.type("by keyboard")
        await page.keyboard.press("Tab")
        await page.keyboard.type("CEA")
        await page.keyboard.press("Enter")
        await expect(page.locator("#said")).to_contain_text("CEA: halt is journaled")
    (halt,) = journaled(engine, "by keyboard")
    assert halt["instrument_id"] == CEA


async def test_a_wrong_secret_opens_nothing_and_a_page_loaded_again_stays_logged_in(
    browser: Browser, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await page.get_by_role("button", name="Log in to act").click()
        await page.get_by_label("Secret").fill("x" * 43)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await expect(page.locator("#login-form .problem")).to_have_text("that is not the secret")
        await page.keyboard.press("Escape")
        await expect(page.locator("#halt")).to_be_hidden()
        await log_in(page, dashboard)
        await page.reload()
        await expect(page.locator("#who")).to_have_text("acting as operator")
        await page.get_by_role("button", name="Log out").click()
        await expect(page.locator("#halt")).to_be_hidden()


async def test_without_an_operators_key_the_page_is_read_only(
    browser: Browser, engine: Process, tmp_path: Path
) -> None:
    dashboard = DashboardProcess(engine, tmp_path, may_act=False)
    await dashboard.start()
    try:
        async with opened(browser, dashboard) as page:
            await expect(page.locator("#who")).to_have_text("read-only")
            for button in ("#login", "#halt", "#resume"):
                await expect(page.locator(button)).to_be_hidden()
            asked = {"act": "halt", "instrument_id": EUA, "typed": "EUA", "reason": "unseen"}
            answer = await page.evaluate(
                """async asked => (await fetch("/act", {method: "POST", body: JSON.stringify(asked),
                   headers: {"Content-Type": "application/json"}})).status""",
                asked,
            )
            assert answer == 403
    finally:
        dashboard.clean_up()
    assert not journaled(engine, "unseen")


async def test_who_is_connected_is_listed_for_who_is_logged_in(
    browser: Browser, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await expect(page.locator("#sessions")).to_contain_text("market data")
        await expect(page.locator("#list-people")).to_be_hidden()
        await log_in(page, dashboard)
        await page.get_by_role("button", name="List sessions").click()
        rows = page.locator("#people tbody tr")
        await expect(rows.filter(has_text="feed")).to_contain_text("market data127.0.0.1:")
        await expect(rows.filter(has_text="operator")).to_contain_text("operator127.0.0.1:")
        await expect(rows.filter(has_text="carol")).to_contain_text("not connected")
        await page.get_by_role("button", name="Log out").click()
        await expect(page.locator("#people-box")).to_be_hidden()


async def test_what_operators_did_is_listed_for_who_is_logged_in(
    browser: Browser, engine: Process, dashboard: DashboardProcess
) -> None:
    async with engine.session("operator") as operator:
        await operator.call(SetPhase(Ref(0), EUA, Phase.CONTINUOUS, "for the trail"))
    async with opened(browser, dashboard) as page:
        await expect(page.locator("#audit-hint")).to_have_text("Shown to who is logged in.")
        await log_in(page, dashboard)
        await page.get_by_role("button", name="List what operators did").click()
        first = page.locator("#audit tbody tr").first
        await expect(first).to_contain_text("operatorSetPhase instrument_id=1 phase=CONTINUOUSfor the trail")
        (journaled_one,) = journaled(engine, "for the trail")
        await expect(first.locator("td").first).to_have_text(f"{journaled_one['sequence']:,}")


async def test_while_orders_gather_the_page_shows_how_the_auction_would_end(
    browser: Browser, engine: Process, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page, engine.session("operator") as operator:
        auction = page.locator("#rows tr[data-symbol=EUA] td.auction")
        await expect(auction).to_be_hidden()
        await operator.call(SetPhase(Ref(0), EUA, Phase.PRE_OPEN))
        async with engine.session("bob") as bob:
            # Beyond all that rests, so that it is at one's own price.
            await bob.call(order(Side.BUY, 9_000, 5_000))
        await expect(page.locator("#instrument-phase")).to_have_text("pre open")
        await expect(auction).to_be_visible()
        async with MarketDataClient(market.access(engine.market_data, "watcher")) as feed:
            await feed.synced()
            told = feed.books[EUA].auction
        assert told is not None
        assert told.volume_lots
        text = f"{price_text(told.price_ticks, 2)} \N{MULTIPLICATION SIGN} {told.volume_lots:,}"
        await expect(auction).to_have_text(text)
        await expect(page.locator("#instrument-facts")).to_contain_text(text)
        assert await page.evaluate("(box => box.scrollWidth <= box.clientWidth)(rows.parentElement)")
        await operator.call(SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
        await expect(auction).to_be_hidden()


async def test_the_page_says_since_when_it_is_old_and_survives_a_killed_engine(
    browser: Browser, engine: Process, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await expect(page.locator("#instrument-title")).to_have_text("EUA")
        await engine.kill()
        stale = page.locator("#stale")
        await expect(stale).to_contain_text("Old market data since")
        await expect(stale).to_contain_text("Old metrics since")
        await expect(page.locator("#state")).to_have_text("engine does not answer")
        await expect(page.locator("#figures dd").first).to_have_css("font-style", "italic")
        await expect(page.locator("#rows tr[data-symbol=EUA]")).to_contain_class("old")
        await expect(page.locator("#alerts")).to_contain_text("CarbonmatchDown")
        await expect(page.locator("#alerts-said")).to_contain_text("CarbonmatchDown")
        await engine.start()
        await trade(engine, 7_200)
        await shows(page, await book_of(engine))
        await expect(stale).to_be_hidden()
        await expect(page.locator("#alerts")).not_to_contain_text("CarbonmatchDown")


async def test_the_page_survives_a_killed_dashboard(
    browser: Browser, engine: Process, dashboard: DashboardProcess
) -> None:
    async with opened(browser, dashboard) as page:
        await expect(page.locator("#instrument-title")).to_have_text("EUA")
        await dashboard.stop(signal.SIGKILL)
        await expect(page.locator("#stale")).to_contain_text("No word from the dashboard since")
        await trade(engine, 7_300)
        await dashboard.start()
        await expect(page.locator("#stale")).to_be_hidden()
        await shows(page, await book_of(engine))


@pytest.mark.parametrize("width", [360, 768, 1440])
async def test_nothing_flows_over_the_side(browser: Browser, dashboard: DashboardProcess, width: int) -> None:
    async with opened(browser, dashboard, width=width) as page:
        await log_in(page, dashboard)
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        await page.get_by_role("button", name="Halt…").click()
        box = await page.locator("#act-dialog").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


# What assistive programs go by, in rules as axe has them.
_FAULTS = """() => {
  const faults = [];
  const say = (what, element) => faults.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
  const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`two of ${id}`);
  if (!document.documentElement.lang) faults.push("no lang");
  if (!document.title) faults.push("no title");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  for (const input of document.querySelectorAll("input")) if (!input.labels.length) say("no label", input);
  for (const button of document.querySelectorAll("button")) {
    if (!button.textContent.trim() && button.id !== "act-submit") say("no name", button);
  }
  for (const one of document.querySelectorAll("[aria-labelledby]")) {
    for (const id of one.getAttribute("aria-labelledby").split(" ")) {
      if (!document.getElementById(id)) say("label is not there", one);
    }
  }
  for (const table of document.querySelectorAll("main table:not(.u-legend)")) {
    if (!table.caption && !table.getAttribute("aria-labelledby")) say("table without a name", table);
    for (const head of table.querySelectorAll("th")) if (!head.scope) say("th without scope", head);
  }
  for (const one of document.querySelectorAll("section")) {
    if (!one.getAttribute("aria-labelledby")) say("section without a name", one);
  }
  for (const image of document.querySelectorAll("[role=img]")) {
    if (!image.getAttribute("aria-label")) say("picture without words", image);
  }
  for (const one of document.querySelectorAll(".scroll")) if (one.tabIndex) say("no way to scroll", one);
  for (const id of ["state", "said", "alerts-said"]) {
    if (!document.getElementById(id).getAttribute("aria-live")) faults.push(`${id} is not live`);
  }
  return faults;
}"""

# By WCAG 2: 4.5 for text, 3 for what is large and bold. Backgrounds that are pictures are left out.
_PALE = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([red, green, blue]) => [red, green, blue]
    .map(part => part / 255)
    .map(part => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!hasText || !element.checkVisibility() || element.closest("noscript")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(parse(style.color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) pale.push(`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 100)}`);
  }
  return pale;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_assistive_programs_find_names_for_everything_and_eyes_enough_contrast(
    browser: Browser, dashboard: DashboardProcess, scheme: str
) -> None:
    async with opened(browser, dashboard, color_scheme=scheme) as page:
        await log_in(page, dashboard)
        assert await page.evaluate(_FAULTS) == []
        assert await page.evaluate(_PALE) == []


async def test_what_has_the_focus_is_seen(browser: Browser, dashboard: DashboardProcess) -> None:
    async with opened(browser, dashboard) as page:
        for selector in ("#login", "#filter", "#rows button", ".scroll"):
            await tab_to(page, selector)
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
            assert outline == "3px", selector
