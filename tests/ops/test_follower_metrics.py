"""The metrics of a follower: every one is read from its counter, and Prometheus reads them all."""

from prometheus_client.parser import text_string_to_metric_families

from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.follower_metrics import FOLLOWER_METRICS, FollowerCounters


def samples(counters: FollowerCounters) -> dict[str, float]:
    text = Exposition(counters, FOLLOWER_METRICS).render().decode()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("carbonmatch_follower_")
    }


# What is derived, and what from.
_DERIVED = {"newest_sequence", "lag_commands", "lag_ns"}
_NOT_TOLD_AS_IT_IS = {"instruments", "recovered", "stopping", "seen_sequence", "age_ns", "looked_ns"}


def test_every_counter_is_exported_under_its_name() -> None:
    counters = FollowerCounters()
    expected = {}
    for number, metric in enumerate(FOLLOWER_METRICS, 1):
        if metric.source not in _DERIVED:
            setattr(counters, metric.source, number * (1_000_000_000 if metric.nanoseconds else 1))
            expected[metric.name] = number
    found = samples(counters)
    assert {name: value for name, value in found.items() if name in expected} == expected


def test_the_lag_is_what_has_been_seen_and_is_not_executed() -> None:
    counters = FollowerCounters()
    counters.sequence, counters.seen_sequence, counters.age_ns = 40, 47, 3_000_000_000
    found = samples(counters)
    assert found["carbonmatch_follower_newest_sequence"] == 47
    assert found["carbonmatch_follower_lag_commands"] == 7
    assert found["carbonmatch_follower_lag_seconds"] == 3


def test_nothing_is_counted_and_not_exported() -> None:
    sources = {one.source for one in FOLLOWER_METRICS}
    assert vars(FollowerCounters()).keys() - _NOT_TOLD_AS_IT_IS == sources - _DERIVED
