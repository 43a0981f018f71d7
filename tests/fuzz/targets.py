"""Everything that takes bytes of others, by name."""

from typing import Final

from carbonmatch.ops.http import Page, Request, response, understood
from tests.fuzz import client_targets, file_targets, market_targets, wire_targets
from tests.fuzz.runner import Target


def http(data: bytes) -> str:
    """The ops port: a request is answered, refused, or goes on."""
    answer = understood(data, {"/metrics"})
    if answer is None:
        return "goes on"
    if isinstance(answer, Request):
        assert answer.path == "/metrics"
        answer = response(Page(b"1\n"), answer.with_body)
    assert answer.startswith(b"HTTP/1.1 ")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert data.startswith(b"HEAD") or f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
    return answer[9:12].decode()


def _http_seeds() -> list[bytes]:
    return [
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"HEAD /metrics?x=1 HTTP/1.0\r\n\r\n",
        b"POST /nothing HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/2\r\n" + b"a: b\r\n" * 1400,
    ]


TARGETS: Final = {
    target.name: target
    for target in (
        Target("frames", wire_targets.frames, wire_targets.frame_seeds),
        Target("commands", wire_targets.commands, wire_targets.message_seeds),
        Target("logon", wire_targets.logon, wire_targets.message_seeds),
        Target("control", wire_targets.control, wire_targets.message_seeds),
        Target("feed-requests", wire_targets.feed_requests, wire_targets.message_seeds),
        Target("connection", wire_targets.connection, wire_targets.connection_seeds),
        Target("market", wire_targets.market, wire_targets.market_seeds),
        Target("against-reference", market_targets.against_reference, market_targets.reference_seeds),
        Target("subscriptions", wire_targets.subscriptions, wire_targets.subscription_seeds),
        Target("journal", file_targets.journal, file_targets.journal_seeds),
        Target("batch", file_targets.batch, file_targets.batch_seeds),
        Target("snapshot", file_targets.snapshot, file_targets.snapshot_seeds),
        Target(
            "configuration",
            file_targets.configuration,
            file_targets.configuration_seeds,
            file_targets.CONFIGURATION_WORDS,
        ),
        Target("client-reports", client_targets.decode_reports, client_targets.decoder_seeds),
        Target("client-feed", client_targets.decode_feed, client_targets.decoder_seeds),
        Target("client-book", client_targets.book, client_targets.decoder_seeds),
        Target("client-session", client_targets.session, client_targets.session_seeds),
        Target("client-market-data", client_targets.feed, client_targets.feed_seeds),
        Target("http", http, _http_seeds),
    )
}
