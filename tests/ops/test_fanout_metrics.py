"""The metrics of a fan-out are read from its counters, and its health from them too."""

from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.fanout_metrics import FANOUT_METRICS, FanoutCounters, assess_fanout
from carbonmatch.ops.health import healthz, readyz


def test_everything_that_it_counts_of_its_own_is_exported() -> None:
    exported = {metric.source for metric in FANOUT_METRICS}
    assert set(FanoutCounters.__slots__) - exported == {"stopping"}


def test_nats_shows_only_where_it_was_asked_for() -> None:
    counters = FanoutCounters()
    assert b"carbonmatch_fanout_nats_connected" not in Exposition(counters, FANOUT_METRICS).render()
    counters.nats_connected = 0
    assert b"\ncarbonmatch_fanout_nats_connected 0\n" in Exposition(counters, FANOUT_METRICS).render()


def test_it_is_ready_while_it_follows_and_alive_all_the_time() -> None:
    counters = FanoutCounters()
    assert readyz(assess_fanout(counters))[0] == 503
    assert healthz(assess_fanout(counters))[0] == 200
    counters.following = 1
    assert readyz(assess_fanout(counters))[0] == healthz(assess_fanout(counters))[0] == 200
    counters.stopping = True
    status, body = readyz(assess_fanout(counters))
    assert (status, b"stopping" in body) == (503, True)
