"""A real browser, for tests of pages."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Skips the test where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium: pages are not tried in a browser (Debian package chromium)")
    async with async_playwright() as playwright:
        # No sandbox: CI runs as root, and the only pages that are opened are our own.
        browser = await playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            await browser.close()
