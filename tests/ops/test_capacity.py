from carbonmatch.ops.capacity import CapacityMeter, SecondMeter

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


def test_the_peak_is_the_fullest_second_of_the_last_minute() -> None:
    meter = CapacityMeter()
    worked_ns = 0
    for second in range(120):
        worked_ns += SECOND_NS * (9 if second == 30 else 2) // 10
        meter.used_ns(second * SECOND_NS, worked_ns)
        # It counts from second 30 until it is a minute ago.
        assert meter.peak_ns == SECOND_NS * (9 if 30 <= second < 90 else 2) // 10 * (second > 0)


def test_peaks_within_one_second_are_one() -> None:
    meter = CapacityMeter()
    meter.used_ns(0, 0)
    assert meter.used_ns(SECOND_NS, SECOND_NS // 2) == SECOND_NS // 2
    assert meter.used_ns(SECOND_NS * 19 // 10, SECOND_NS // 2) < SECOND_NS // 2
    assert meter.peak_ns == SECOND_NS // 2


def test_a_count_is_told_by_the_second_once_a_second_has_passed() -> None:
    meter = SecondMeter()
    meter.grown(0, 100)
    assert meter.grown(SECOND_NS // 10, 105) == 50
    assert not meter.is_whole
    assert meter.grown(SECOND_NS, 110) == 10
    assert meter.is_whole
    assert meter.grown(3 * SECOND_NS, 150) == 20, "a loop that was late has counted for longer"
