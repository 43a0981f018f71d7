# Tests write ids as plain numbers.
# mypy: disable-error-code="arg-type"

from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.matching.messages import (
    Accepted,
    Canceled,
    CancelReason,
    DayEnded,
    Executed,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    Liquidity,
    Outputs,
    Phase,
    PhaseChanged,
    Rejected,
    RejectReason,
    Side,
    StreamChunk,
    TradeBusted,
    TradeCorrected,
    Traded,
)
from carbonmatch.ops.counters import (
    HISTOGRAM_BUCKETS,
    HISTOGRAM_VALUE_MAX,
    Counters,
    Histogram,
    bucket_of,
    bucket_upper_bound,
)


def test_small_values_have_a_bucket_each_and_larger_ones_eight_for_each_power_of_two() -> None:
    assert [bucket_of(value) for value in (0, 1, 7, 8, 15)] == [0, 1, 7, 8, 15]
    assert [bucket_of(value) for value in (16, 17, 18, 31, 32, 35, 36)] == [16, 16, 17, 23, 24, 24, 25]


def test_buckets_cover_every_value_once() -> None:
    bounds = [bucket_upper_bound(index) for index in range(HISTOGRAM_BUCKETS)]
    assert bounds == sorted(set(bounds))
    assert bounds[-1] == HISTOGRAM_VALUE_MAX
    for index, bound in enumerate(bounds):
        assert bucket_of(bound) == index
        assert bucket_of(bound + 1) == index + 1


@given(st.integers(min_value=8, max_value=HISTOGRAM_VALUE_MAX))
def test_a_bucket_tells_a_value_to_an_eighth(value: int) -> None:
    assert value <= bucket_upper_bound(bucket_of(value)) <= value * 1.125


@given(st.lists(st.integers(min_value=-5, max_value=2**64)))
def test_a_histogram_counts_every_value_where_it_belongs(values: list[int]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    expected = [0] * HISTOGRAM_BUCKETS
    for value in values:
        expected[bucket_of(min(max(value, 0), HISTOGRAM_VALUE_MAX))] += 1
    assert histogram.counts == expected
    assert histogram.total == sum(max(value, 0) for value in values)


def test_a_value_is_recorded_for_all_commands_of_a_frame_at_once() -> None:
    histogram = Histogram()
    histogram.record(5, times=128)
    assert histogram.counts[5] == 128
    assert histogram.total == 640


def test_an_interruption_is_counted_once_however_often_it_is_extended() -> None:
    counters = Counters()
    counters.phases[InstrumentId(4)] = Phase.CONTINUOUS
    for phase in (
        Phase.VOLATILITY_AUCTION,
        Phase.VOLATILITY_AUCTION,
        Phase.CONTINUOUS,
        Phase.VOLATILITY_AUCTION,
    ):
        counters.count_batch(0, Outputs([], [PhaseChanged(4, 1000, phase, "")], []))
    assert counters.interruptions == {4: 2}


def test_a_batch_is_counted_by_what_was_asked_and_what_came_of_it() -> None:
    counters = Counters()
    definition = InstrumentDefinition(4, "CEA24", "CNY", 1, 2, 10, opening_phase=Phase.CLOSED)
    counters.count_batch(1, Outputs([], [InstrumentDefined(1, definition)], []))
    assert counters.phases == {4: Phase.CLOSED}

    outputs = Outputs(
        [
            StreamChunk(
                1,
                0,
                [
                    Accepted(1, 1, 1000, 0, 1, 4, 10, Side.BUY, 4800, 3),
                    Rejected(2, 2, 1000, 0, RejectReason.OUTSIDE_BAND),
                    Executed(3, 0, 1000, 0, 1, 1, 4, 10, Side.BUY, 4800, 2, 1, Liquidity.MAKER),
                    Canceled(4, 0, 1000, 0, 1, 1, CancelReason.EXPIRED),
                ],
            ),
            StreamChunk(2, 0, [Rejected(1, 1, 1000, 0, RejectReason.UNKNOWN_ORDER)]),
        ],
        [
            Traded(4, 1000, 1, 4800, 2, Side.SELL),
            PhaseChanged(4, 1000, Phase.CONTINUOUS, "", 1_772_436_600_999_999_999),
            TradeCorrected(4, 1000, 1, 4700, 2, 4800, 2),
            TradeBusted(4, 1000, 1, 4700, 2),
            DayEnded(4, 1000, 20210716, 1, 9, 5, 1, 1, 0, 0, 0, 4800, 20, True),
            DayEnded(4, 1000, 20210717, 1, 9, 5, 1, 1, 0, 0, 0, 4800),
        ],
        [],
        [RejectReason.OUTSIDE_BAND, RejectReason.UNKNOWN_ORDER],
        [CancelReason.EXPIRED],
        prevented=[(InstrumentId(4), 7), (InstrumentId(4), 1)],
    )
    assert counters.count_batch(4, outputs) == outputs.public[1:]
    assert counters.commands == 5
    assert counters.reports == 5
    assert counters.rejects == {RejectReason.OUTSIDE_BAND: 1, RejectReason.UNKNOWN_ORDER: 1}
    assert counters.cancels == {CancelReason.EXPIRED: 1}
    assert counters.trades == {4: 1}
    assert counters.trades_amended == {4: 2}
    assert counters.stale_references == {4: 1}
    assert counters.traded_tonnes == {4: 20}
    assert counters.self_trades_prevented == {4: 2}
    assert counters.prevented_tonnes == {4: 80}
    assert counters.phases == {4: Phase.CONTINUOUS}
    assert counters.phase_end_s == {4: 1_772_436_600}


def test_messages_are_what_came_and_went_whatever_became_of_them() -> None:
    counters = Counters()
    counters.commands, counters.reports, counters.repeats = 10, 12, 3
    counters.rejects[RejectReason.BUSY] = 4
    counters.rejects[RejectReason.OUTSIDE_BAND] = 2
    counters.gauge_messages()
    # A command that the market refuses was applied, and its refusal is a report.
    assert counters.messages_received == 10 + 3 + 4
    assert counters.messages_sent == 12 + 4
    assert counters.messages_rejected == 4 + 2
