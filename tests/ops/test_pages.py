import json

from carbonmatch.ops.counters import Counters
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.health import Facts, assess
from carbonmatch.ops.http import JSON
from carbonmatch.ops.metrics import METRICS
from carbonmatch.ops.pages import ops_pages


def test_the_ops_port_shows_metrics_and_health_as_they_are_now() -> None:
    facts = [Facts(recovered=False)]
    exposition = Exposition(Counters(), METRICS)
    pages = ops_pages(exposition, lambda: assess(facts[-1]))
    metrics = pages["/metrics"]()
    assert (metrics.status, metrics.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert metrics.pieces is not None
    assert b"\ncarbonmatch_open_orders 0\n" in b"".join(metrics.pieces)
    assert pages["/readyz"]().status == 503
    facts.append(Facts(recovered=True))
    assert pages["/readyz"]().status == 200
    health = pages["/healthz"]()
    assert (health.is_whole, health.content_type) == (True, JSON)
    assert json.loads(health.body) == {"ok": True, "state": "active", "reasons": []}
