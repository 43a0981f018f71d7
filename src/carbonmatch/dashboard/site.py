"""The dashboard's HTTP: its files, the stream of its state, logging in and acting. Loopback only."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from carbonmatch.dashboard.acting import Asked, Operating, Refused, command_of
from carbonmatch.dashboard.admission import TOKEN_HEADER, Logins, refusal
from carbonmatch.dashboard.browsers import Browsers
from carbonmatch.dashboard.view import View
from carbonmatch.limits import (
    DASHBOARD_CONNECTIONS_MAX,
    DASHBOARD_IDLE_SECONDS,
    DASHBOARD_REQUEST_BYTES_MAX,
    DASHBOARD_ROWS_MAX,
)
from carbonmatch.ops.logs import WARNING, log

_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    # Nothing from anywhere else, no script or style in the page itself, nobody's frame.
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_NS_PER_DAY: Final = 86_400 * 1_000_000_000
_wait = asyncio.sleep
# A wrong secret is answered after this time, and so many at once.
_WRONG_SECRET_SECONDS: Final = 1.0
_WRONG_SECRETS_MAX: Final = 4
# What is left of a request that was answered already is read for so long, so that its sender sees the answer.
_LINGERING_SECONDS: Final = 1.0

_Asked = TypeVar("_Asked")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Secret(Struct, frozen=True, forbid_unknown_fields=True):
    secret: str


class Site:
    """What is answered to whom. Without `operating` and `logins` the page is read-only."""

    def __init__(
        self,
        view: View,
        browsers: Browsers,
        operating: Operating | None = None,
        logins: Logins | None = None,
        names: frozenset[str] = frozenset(),
        time_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        self._time_ns = time_ns
        self._view = view
        self._browsers = browsers
        self._operating = operating
        self._logins = logins
        self._names = names
        self._wrong_secrets = 0
        view.put("operating", "" if operating is None else operating.session)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._admit], client_max_size=DASHBOARD_REQUEST_BYTES_MAX)
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._stop_streams)
        app.router.add_get("/events", self._browsers.serve)
        app.router.add_post("/login", self._log_in)
        app.router.add_get("/login", self._is_logged_in)
        app.router.add_post("/logout", self._log_out)
        app.router.add_post("/act", self._act)
        app.router.add_get("/sessions", self._sessions)
        app.router.add_get("/audit", self._audit)
        for path, (body, kind) in page_files().items():
            app.router.add_get(path, _file(body, kind))
        return app

    async def _stop_streams(self, _app: web.Application) -> None:
        await self._browsers.stop()

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        why = refusal(request.method, request.path, request.headers, self._names)
        if why is not None:
            log("dashboard_request_refused", WARNING, path=request.path, text=why)
            return web.Response(status=403, text=f"{why}\n")
        return await handler(request)

    # --- acting --------------------------------------------------------------------------------

    async def _log_in(self, request: web.Request) -> web.Response:
        asked = _decoded(await _body(request), Secret)
        if self._logins is None:
            return _answer(403, problem="this dashboard has no operator's key: it only shows")
        token = self._logins.log_in(asked.secret)
        if token is None:
            return await self._wrong_secret()
        log("dashboard_login")
        return _answer(200, token=token)

    async def _wrong_secret(self) -> web.Response:
        """The right one is never made to wait."""
        log("dashboard_login_failed", WARNING)
        if self._wrong_secrets >= _WRONG_SECRETS_MAX:
            return _answer(429, problem="too many wrong secrets at once")
        self._wrong_secrets += 1
        try:
            await _wait(_WRONG_SECRET_SECONDS)
        finally:
            self._wrong_secrets -= 1
        return _answer(403, problem="that is not the secret")

    async def _is_logged_in(self, request: web.Request) -> web.Response:
        """For a page that was loaded again, with the token that it had."""
        return _answer(200, ok=self._may_act(request))

    async def _log_out(self, request: web.Request) -> web.Response:
        if self._logins is not None:
            self._logins.log_out(request.headers.get(TOKEN_HEADER, ""))
        return _answer(200)

    async def _act(self, request: web.Request) -> web.Response:
        if self._operating is None or not self._may_act(request):
            return _answer(403, problem="log in first: nothing was done")
        asked = _decoded(await _body(request), Asked)
        try:
            command = command_of(asked, self._view.symbol_of(asked.instrument_id))
            sequence = await self._operating.act(command)
        except Refused as refused:
            log("dashboard_act_refused", WARNING, act=asked.act, instrument=asked.typed, text=str(refused))
            return _answer(409, problem=str(refused))
        log("dashboard_acted", act=asked.act, instrument=asked.typed, sequence=sequence)
        return _answer(200, sequence=sequence)

    async def _sessions(self, request: web.Request) -> web.Response:
        if self._operating is None or not self._may_act(request):
            return _answer(403, problem="log in first")
        return await self._listed(self._operating.sessions())

    async def _audit(self, request: web.Request) -> web.Response:
        """Of the last day."""
        if self._operating is None or not self._may_act(request):
            return _answer(403, problem="log in first")
        return await self._listed(self._operating.audit(self._time_ns() - _NS_PER_DAY))

    async def _listed(self, asked: Awaitable[Sequence[Struct]]) -> web.Response:
        try:
            listed = await asked
        except Refused as refused:
            return _answer(409, problem=str(refused))
        return _answer(200, rows=listed[:DASHBOARD_ROWS_MAX], count=len(listed), time_ns=self._time_ns())

    def _may_act(self, request: web.Request) -> bool:
        return self._logins is not None and self._logins.is_good(request.headers.get(TOKEN_HEADER, ""))


# --- serving ---------------------------------------------------------------------------------------


async def listen(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, asyncio.Server]:
    """Serve it; one connection too many is closed as soon as it is accepted."""
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=DASHBOARD_IDLE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    server = runner.server
    assert server is not None

    def protocol() -> asyncio.BaseProtocol:
        return server() if len(server.connections) < DASHBOARD_CONNECTIONS_MAX else _TurnedAway()

    return runner, await asyncio.get_running_loop().create_server(protocol, host, port)


class _TurnedAway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def page_files() -> Mapping[str, tuple[bytes, str]]:
    """Every file of the page by its path, with its type; read once."""
    root = files("carbonmatch.dashboard") / "page"
    found: dict[str, tuple[bytes, str]] = {}
    for folder, prefix in ((root, "/"), (root / "vendor", "/vendor/")):
        for file in folder.iterdir():
            suffix = file.name[file.name.rfind(".") :]
            if suffix in _KINDS:
                found[prefix + file.name] = (file.read_bytes(), _KINDS[suffix])
    found["/"] = found.pop("/index.html")
    return found


def _file(body: bytes, kind: str) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": kind})

    return handler


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(DASHBOARD_IDLE_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the request did not come to its end\n") from None


def _decoded(body: bytes, kind: type[_Asked]) -> _Asked:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from None


def _answer(status: int, **fields: Any) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(fields), headers={"Content-Type": "application/json"}
    )
