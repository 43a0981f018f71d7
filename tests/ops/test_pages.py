import json

from carbonmatch.ops.counters import Counters
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.health import Facts, assess
from carbonmatch.ops.http import respond
from carbonmatch.ops.metrics import METRICS
from carbonmatch.ops.pages import ops_pages


def test_the_ops_port_shows_metrics_and_health_as_they_are_now() -> None:
    facts = [Facts(recovered=False)]
    pages = ops_pages(Exposition(Counters(), METRICS), lambda: assess(facts[-1]))

    def get(path: str) -> tuple[bytes, bytes]:
        response = respond(f"GET {path} HTTP/1.1\r\n\r\n".encode(), pages)
        assert response is not None
        head, _, body = response.partition(b"\r\n\r\n")
        return head, body

    head, body = get("/metrics")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n")
    assert b"\ncarbonmatch_open_orders 0\n" in body
    assert get("/readyz")[0].startswith(b"HTTP/1.1 503 ")
    facts.append(Facts(recovered=True))
    assert get("/readyz")[0].startswith(b"HTTP/1.1 200 ")
    head, body = get("/healthz")
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert json.loads(body) == {"ok": True, "state": "active", "reasons": []}
