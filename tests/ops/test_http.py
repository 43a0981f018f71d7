import pytest

from carbonmatch.ops.http import REQUEST_BYTES_MAX, Page, Pages, Request, response, understood

PAGES: Pages = {"/metrics": lambda: Page(b"x 1\n"), "/readyz": lambda: Page(b"{}\n", "application/json", 503)}


def respond(received: bytes, pages: Pages) -> bytes | None:
    """What is written in answer; None where the request goes on."""
    found = understood(received, pages)
    return response(pages[found.path](), found.with_body) if isinstance(found, Request) else found


def test_a_page_is_answered_whole() -> None:
    assert respond(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", PAGES) == (
        b"HTTP/1.1 200 OK\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 4\r\n"
        b"Cache-Control: no-store\r\n"
        b"X-Content-Type-Options: nosniff\r\n"
        b"Connection: close\r\n"
        b"\r\n"
        b"x 1\n"
    )


def test_head_is_the_same_without_the_body() -> None:
    get = respond(b"GET /metrics HTTP/1.0\r\n\r\n", PAGES)
    head = respond(b"HEAD /metrics HTTP/1.0\r\n\r\n", PAGES)
    assert get is not None
    assert head == get.removesuffix(b"x 1\n")


def test_a_page_brings_its_own_status() -> None:
    response = respond(b"GET /readyz HTTP/1.1\r\n\r\n", PAGES)
    assert response is not None
    assert response.startswith(b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n")


def test_a_request_may_come_in_any_pieces() -> None:
    request = b"GET /metrics?format=text HTTP/1.1\r\nHost: x\r\n\r\n"
    for length in range(len(request)):
        assert respond(request[:length], PAGES) is None
    assert respond(request, PAGES) == respond(b"GET /metrics HTTP/1.1\r\n\r\n", PAGES)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"GET /%2e%2e/etc/passwd HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"get /metrics HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"GET metrics HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET http://x/metrics HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET /metrics\r\n\r\n", b"400 Bad Request"),
        (b"GET  /metrics HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET /metrics HTTP/2.0\r\n\r\n", b"400 Bad Request"),
        (b"\r\n\r\n", b"400 Bad Request"),
        (b"\x00\x00\x00\x05hello\r\n\r\n", b"400 Bad Request"),
        (b"GET /\xff\xfe HTTP/1.1\r\n\r\n", b"404 Not Found"),
    ],
)
def test_anything_else_is_refused(request_bytes: bytes, status: bytes) -> None:
    response = respond(request_bytes, PAGES)
    assert response is not None
    assert response.startswith(b"HTTP/1.1 " + status + b"\r\n")


def test_a_refused_method_names_those_that_are_not() -> None:
    response = respond(b"DELETE /metrics HTTP/1.1\r\n\r\n", PAGES)
    assert response is not None
    assert b"\r\nAllow: GET, HEAD\r\n" in response


def test_a_request_without_end_is_refused_at_the_bound() -> None:
    assert respond(b"G" * REQUEST_BYTES_MAX, PAGES) is None
    for request in (b"G" * (REQUEST_BYTES_MAX + 1), b"G" * REQUEST_BYTES_MAX + b"G\r\n\r\n"):
        response = respond(request, PAGES)
        assert response is not None
        assert response.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
