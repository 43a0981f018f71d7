from carbonmatch.ops.capacity import CapacityMeter

SECOND_NS = 1_000_000_000


def test_the_share_of_the_time_that_the_loop_was_at_work() -> None:
    meter = CapacityMeter()
    assert meter.used_ns(5 * SECOND_NS, 0) == 0
    assert meter.used_ns(6 * SECOND_NS, SECOND_NS // 4) == SECOND_NS // 4


def test_what_was_more_than_a_second_ago_does_not_count() -> None:
    meter = CapacityMeter()
    for tenth in range(11):
        meter.used_ns(tenth * SECOND_NS // 10, 0)
    for tenth in range(11, 21):
        found = meter.used_ns(tenth * SECOND_NS // 10, (tenth - 10) * SECOND_NS // 10)
    assert found == SECOND_NS


def test_clocks_that_differ_a_little_do_not_make_it_more_than_full() -> None:
    meter = CapacityMeter()
    meter.used_ns(0, 0)
    assert meter.used_ns(SECOND_NS, SECOND_NS + 5_000) == SECOND_NS
