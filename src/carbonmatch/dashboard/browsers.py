"""Sends the page's state to browsers as server-sent events: bounded in number, each at its own pace."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from carbonmatch.dashboard.view import Seen, View
from carbonmatch.limits import DASHBOARD_BROWSERS_MAX, DASHBOARD_SLOW_SECONDS, DASHBOARD_TICK_SECONDS
from carbonmatch.matching.messages import InstrumentId
from carbonmatch.ops.logs import WARNING, log

# A page that has heard nothing for longer than this, some times over, knows that its data are old.
_QUIET_TICKS_MAX: Final = round(2.0 / DASHBOARD_TICK_SECONDS)
# What a browser waits before it comes back by itself, in milliseconds.
_RETRY: Final = b"retry: 1000\n\n"
_STILL_HERE: Final = b"data: {}\n\n"


class Browsers:
    """All pages that are open. A tick lets each of them have what has changed."""

    def __init__(self, view: View, time_ns: Callable[[], int]) -> None:
        self._view = view
        self._time_ns = time_ns
        self.count = 0
        self._tick = asyncio.Event()
        self._is_over = False

    async def stop(self) -> None:
        """Let every stream end; the pages come back when there is somebody to come back to."""
        self._is_over = True
        self.tick()

    def tick(self) -> None:
        """Wake all who are waiting; whoever is still sending has it later."""
        self._tick.set()
        self._tick = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One browser, until it leaves, is too slow, or the process ends."""
        chosen = request.query.get("instrument", "0")
        if not chosen.isdecimal() or len(chosen) > 10:
            return web.Response(status=400, text=f"instrument is {chosen[:64]!r}, expected a number\n")
        if self.count >= DASHBOARD_BROWSERS_MAX:
            return web.Response(
                status=503, text=f"{self.count} pages are open, expected at most {DASHBOARD_BROWSERS_MAX}\n"
            )
        self.count += 1
        try:
            return await self._stream(request, Seen(chosen=InstrumentId(int(chosen))))
        finally:
            self.count -= 1

    async def _stream(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await self._write(response, _RETRY)
            quiet_ticks = 0
            while not self._is_over:
                told = self._view.changes(seen, self._time_ns())
                quiet_ticks += 1
                if told is not None:
                    await self._write(response, b"data: " + told + b"\n\n")
                    quiet_ticks = 0
                elif quiet_ticks >= _QUIET_TICKS_MAX:
                    await self._write(response, _STILL_HERE)
                    quiet_ticks = 0
                await self._tick.wait()
        except TimeoutError:
            log("dashboard_browser_cut", WARNING)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            # It has left.
            pass
        return response

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        """Raises TimeoutError where the browser does not take it."""
        async with asyncio.timeout(DASHBOARD_SLOW_SECONDS):
            await response.write(data)
