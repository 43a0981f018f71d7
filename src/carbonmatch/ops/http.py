"""As much HTTP as operators' tools need: request bytes -> response bytes, without a socket.

One request a connection, GET and HEAD, no body. Who drives it reads until there is an answer, writes
it and closes.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from msgspec import Struct

# Prometheus sends about 300 bytes; a browser with its cookies stays below this.
REQUEST_BYTES_MAX: Final = 8 * 1024

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


class Page(Struct, frozen=True):
    body: bytes
    content_type: str = TEXT
    status: int = 200


# Path to what is there. A page is made when it is asked for.
Pages = Mapping[str, Callable[[], Page]]


def respond(received: bytes, pages: Pages) -> bytes | None:
    """The whole response to what was received so far, or None where the request goes on."""
    end = received.find(b"\r\n\r\n")
    if end < 0 and len(received) <= REQUEST_BYTES_MAX:
        return None
    if not 0 <= end <= REQUEST_BYTES_MAX:
        return _refusal(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"expected at most {REQUEST_BYTES_MAX} bytes of request",
        )
    return _respond_to_line(received[: received.index(b"\r\n")], pages)


def _respond_to_line(line: bytes, pages: Pages) -> bytes:
    parts = line.split(b" ")
    if len(parts) != 3 or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0") or not parts[1].startswith(b"/"):
        return _refusal(HTTPStatus.BAD_REQUEST, "expected METHOD /path HTTP/1.1")
    method, target, _ = parts
    if method not in (b"GET", b"HEAD"):
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "expected GET or HEAD", "Allow: GET, HEAD\r\n")
    path = target.partition(b"?")[0].decode("latin-1")
    make = pages.get(path)
    if make is None:
        return _refusal(HTTPStatus.NOT_FOUND, f"expected one of {' '.join(pages)}")
    return _response(make(), with_body=method == b"GET")


def _refusal(status: HTTPStatus, text: str, more_headers: str = "") -> bytes:
    return _response(Page(f"{text}\n".encode(), TEXT, status), more_headers=more_headers)


def _response(page: Page, with_body: bool = True, more_headers: str = "") -> bytes:
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
