"""Whom the page is shown to, and who may act: rules on a request's headers, and logins. Pure.

The dashboard listens on loopback, where every web page that a browser on this machine has open can send
requests to as well. What keeps them out (docs/dashboard.md says it in words):

* `Host` names loopback, or a name that was given: a page whose own name was turned to 127.0.0.1 is refused.
* Whatever a browser says comes from another site or origin is refused, but for opening the page itself.
* Who acts shows a token in a header of its own, which the page got for the secret. No cookie: a browser sends
  those unasked, and to every port of a host.
"""

import secrets
from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Final

from carbonmatch.limits import (
    DASHBOARD_LOGIN_SECONDS,
    DASHBOARD_LOGINS_MAX,
    DASHBOARD_SECRET_CHARS_MIN,
)

TOKEN_HEADER: Final = "X-Carbonmatch-Token"
_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_NS_PER_SECOND: Final = 1_000_000_000


def refusal(
    method: str, path: str, headers: Mapping[str, str], names: frozenset[str] = frozenset()
) -> str | None:
    """Why this request is not answered, or None. `names`: of a proxy before the dashboard."""
    host = headers.get("Host", "")
    if _name_of(host) not in _LOOPBACK_NAMES | names:
        return f"Host is {host[:64]!r}, expected 127.0.0.1 or localhost"
    origin = headers.get("Origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return f"Origin is {origin[:64]!r}, expected this page's own"
    site = headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none") and not _opens_page(method, path, headers):
        return f"Sec-Fetch-Site is {site[:64]!r}, expected same-origin"
    if method == "POST":
        if origin is None:
            return "no Origin, expected this page's own"
        kind = headers.get("Content-Type", "").partition(";")[0].strip()
        if kind != "application/json":
            return f"Content-Type is {kind[:64]!r}, expected application/json"
    return None


def _name_of(host: str) -> str:
    """Without the port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _opens_page(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """A link on another page may lead here."""
    return method == "GET" and path == "/" and headers.get("Sec-Fetch-Mode") == "navigate"


class Logins:
    """Who has shown the secret, and until when. Invariant: at most so many, the newest ones."""

    def __init__(self, secret: str, monotonic_ns: Callable[[], int]) -> None:
        assert len(secret) >= DASHBOARD_SECRET_CHARS_MIN
        self._secret = secret.encode()
        self._monotonic_ns = monotonic_ns
        # Token to its end, the oldest first.
        self._ends_ns: dict[str, int] = {}

    def log_in(self, secret: str) -> str | None:
        """A token for the secret; None for anything else."""
        if not compare_digest(secret.encode(errors="replace"), self._secret):
            return None
        while len(self._ends_ns) >= DASHBOARD_LOGINS_MAX:
            del self._ends_ns[next(iter(self._ends_ns))]
        token = secrets.token_urlsafe()
        self._ends_ns[token] = self._monotonic_ns() + DASHBOARD_LOGIN_SECONDS * _NS_PER_SECOND
        return token

    def log_out(self, token: str) -> None:
        self._ends_ns.pop(token, None)

    def is_good(self, token: str) -> bool:
        """Whether whoever shows it may act now."""
        ends_ns = self._ends_ns.get(token)
        if ends_ns is None:
            return False
        if ends_ns <= self._monotonic_ns():
            self.log_out(token)
            return False
        return True
