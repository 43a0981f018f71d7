"""Figures, points and the follower from metrics: those of a real exposition among them."""

from carbonmatch.dashboard.scrape import Scrape, read
from carbonmatch.dashboard.vitals import History, Point, following_of, point_of, vitals_of
from carbonmatch.limits import DASHBOARD_POINTS_MAX, METRICS_INSTRUMENTS_MAX
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.follower_metrics import FOLLOWER_METRICS, FollowerCounters
from carbonmatch.ops.health import State
from carbonmatch.ops.metrics import METRICS
from tests.dashboard.books import CEA, book

SECOND_NS = 1_000_000_000


def scraped(counters: Counters, seconds: int) -> Scrape:
    return read(Exposition(counters, METRICS).render().decode(), seconds * SECOND_NS)


def test_every_figure_has_a_metric_that_the_venue_exports() -> None:
    counters = Counters()
    counters.state = int(State.ACTIVE)
    definition = book().definition
    assert definition is not None
    counters.instruments[CEA] = definition
    before = scraped(counters, 0)
    counters.commands += 10
    counters.messages_received += 8
    counters.messages_rejected += 2
    for _ in range(5):
        counters.order_latency_ns.record(900_000)
        counters.commit_duration_ns.record(900_000)
        counters.event_loop_lag_ns.record(900_000)
    vitals = vitals_of(scraped(counters, 2), before)
    assert vitals.state == "active"
    assert (vitals.commands_per_second, vitals.trades_per_second) == (5, 0)
    assert (vitals.rejected_per_second, vitals.rejected_share) == (1, 0.25)
    assert vitals.latency_median_seconds is not None
    assert 0.0005 < vitals.latency_median_seconds < 0.001
    # Of the kernel's clock not every machine can tell.
    unknown = {
        name
        for name in vitals.__struct_fields__
        if getattr(vitals, name) is None and name != "clock_synchronized"
    }
    assert unknown == set()
    assert set(vitals.sessions) == {"trade", "drop_copy", "market_data", "operator"}


def test_stages_are_in_the_order_in_which_an_order_passes_them() -> None:
    scrape = scraped(Counters(), 0)
    assert [stage.name for stage in vitals_of(scrape, scrape).stages] == [
        "read",
        "decode",
        "match",
        "gather",
        "commit",
        "release",
        "end to end",
        "event loop late by",
    ]


def test_a_single_answer_has_no_rates_and_nothing_received_no_share() -> None:
    scrape = scraped(Counters(), 0)
    vitals = vitals_of(scrape, None)
    assert (vitals.commands_per_second, vitals.rejected_share, vitals.latency_p99_seconds) == (None,) * 3
    assert vitals_of(scraped(Counters(), 2), scrape).rejected_share is None


def test_trades_are_not_known_where_some_instruments_have_no_metrics() -> None:
    text = f"carbonmatch_trades_total 5\ncarbonmatch_instruments {METRICS_INSTRUMENTS_MAX + 1}\n"
    assert vitals_of(read(text, SECOND_NS), read(text, 0)).trades_per_second is None
    fewer = text.replace(str(METRICS_INSTRUMENTS_MAX + 1), str(METRICS_INSTRUMENTS_MAX))
    assert vitals_of(read(fewer, SECOND_NS), read(fewer, 0)).trades_per_second == 0


def test_a_venue_without_metrics_says_nothing_and_one_of_later_says_its_number() -> None:
    assert vitals_of(read("", 0), None).state == ""
    assert vitals_of(read("carbonmatch_state 17\n", 0), None).state == "state 17"


def test_relaxed_mode_is_known_and_silence_is_not_relaxed() -> None:
    assert not vitals_of(read("carbonmatch_durable 0\n", 0), None).is_durable
    assert vitals_of(read("", 0), None).is_durable


def test_a_follower_is_where_its_metrics_say() -> None:
    counters = FollowerCounters()
    counters.sequence, counters.seen_sequence, counters.age_ns = 90, 100, 3 * SECOND_NS
    counters.snapshot_sequence, counters.snapshot_age_ns = 80, 7 * SECOND_NS
    following = following_of(read(Exposition(counters, FOLLOWER_METRICS).render().decode(), 0))
    assert (following.sequence, following.lag_commands, following.lag_seconds) == (90, 10, 3)
    assert (following.snapshot_sequence, following.snapshot_age_seconds) == (80, 7)
    assert not following.diverged
    counters.diverged = 1
    assert following_of(read(Exposition(counters, FOLLOWER_METRICS).render().decode(), 0)).diverged


def test_a_point_is_a_gap_where_nobody_answered() -> None:
    assert point_of(5 * SECOND_NS, None) == Point(5.0)
    scrape = scraped(Counters(), 0)
    assert point_of(5 * SECOND_NS, vitals_of(scrape, None)) == Point(5.0)


def test_the_history_has_a_bound_and_gives_what_is_newer() -> None:
    history = History()
    for version in range(1, DASHBOARD_POINTS_MAX + 11):
        history.add(Point(float(version)), version)
    assert len(history.since(0)) == DASHBOARD_POINTS_MAX
    assert history.since(0)[0] == Point(11.0)
    last = DASHBOARD_POINTS_MAX + 10
    assert history.since(last - 2) == [Point(float(last - 1)), Point(float(last))]
    assert history.since(last) == []
