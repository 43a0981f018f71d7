"""As much HTTP as operators' tools need: request bytes -> request, page -> response bytes, without a socket.

One request a connection, GET and HEAD, no body. Who drives it reads until there is an answer, writes
it and closes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from http import HTTPStatus
from typing import Final

from msgspec import Struct

# Prometheus sends about 300 bytes; a browser with its cookies stays below this.
REQUEST_BYTES_MAX: Final = 8 * 1024

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


class Page(Struct, frozen=True):
    """A body, or the pieces that it is made of: one is made a turn, so that none keeps others waiting."""

    body: bytes
    content_type: str = TEXT
    status: int = 200
    pieces: Iterator[bytes] | None = None

    @property
    def is_whole(self) -> bool:
        return self.pieces is None


class Request(Struct, frozen=True):
    path: str
    with_body: bool


# Path to what is there. A page is made when it is asked for.
Pages = Mapping[str, Callable[[], Page]]


def understood(received: bytes, paths: Collection[str]) -> Request | bytes | None:
    """What is asked for, or the refusal of that; None where the request goes on."""
    end = received.find(b"\r\n\r\n")
    if end < 0 and len(received) <= REQUEST_BYTES_MAX:
        return None
    if not 0 <= end <= REQUEST_BYTES_MAX:
        return _refusal(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"expected at most {REQUEST_BYTES_MAX} bytes of request",
        )
    return _understood_line(received[: received.index(b"\r\n")], paths)


def _understood_line(line: bytes, paths: Collection[str]) -> Request | bytes:
    parts = line.split(b" ")
    if len(parts) != 3 or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0") or not parts[1].startswith(b"/"):
        return _refusal(HTTPStatus.BAD_REQUEST, "expected METHOD /path HTTP/1.1")
    method, target, _ = parts
    if method not in (b"GET", b"HEAD"):
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "expected GET or HEAD", "Allow: GET, HEAD\r\n")
    path = target.partition(b"?")[0].decode("latin-1")
    if path not in paths:
        return _refusal(HTTPStatus.NOT_FOUND, f"expected one of {' '.join(paths)}")
    return Request(path, with_body=method == b"GET")


def _refusal(status: HTTPStatus, text: str, more_headers: str = "") -> bytes:
    return response(Page(f"{text}\n".encode(), TEXT, status), more_headers=more_headers)


def response(page: Page, with_body: bool = True, more_headers: str = "") -> bytes:
    """The bytes of a page that is whole."""
    assert page.is_whole
    head = (
        f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}\r\n"
        f"Content-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"{more_headers}"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (page.body if with_body else b"")
