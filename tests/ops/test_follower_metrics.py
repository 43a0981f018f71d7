"""The metrics of a follower: every one is read from its counter, and Prometheus reads them all."""

from prometheus_client.parser import text_string_to_metric_families

from carbonmatch.ops.follower_metrics import FOLLOWER_METRICS, FollowerCounters
from carbonmatch.ops.metrics import Exposition


def samples(counters: FollowerCounters) -> dict[str, float]:
    text = Exposition(counters, FOLLOWER_METRICS).render().decode()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("carbonmatch_follower_")
    }


def test_every_counter_is_exported_under_its_name() -> None:
    counters = FollowerCounters()
    for number, metric in enumerate(FOLLOWER_METRICS, 1):
        setattr(counters, metric.source, number * (1_000_000_000 if metric.nanoseconds else 1))
    assert samples(counters) == {metric.name: number for number, metric in enumerate(FOLLOWER_METRICS, 1)}


def test_nothing_is_counted_and_not_exported() -> None:
    told_otherwise = {"instruments", "recovered", "stopping"}
    assert vars(FollowerCounters()).keys() - told_otherwise == {one.source for one in FOLLOWER_METRICS}
