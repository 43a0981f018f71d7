"""Token buckets: what is admitted over any time, to the nanosecond."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from carbonmatch.limits import THROTTLE_PATIENCE_SECONDS
from carbonmatch.matching.messages import (
    BlockAccept,
    BlockDecline,
    BlockWithdraw,
    Cancel,
    ClientCommand,
    InstrumentId,
    Kill,
    MassCancel,
    MassCancelScope,
    NewOrder,
    OrderId,
    Reduce,
    Ref,
    RejectReason,
    SessionCommand,
    Side,
    WithdrawBid,
)
from carbonmatch.protocol.messages import SessionRejected
from carbonmatch.protocol.throttle import Throttle, TokenBucket

SECOND = 1_000_000_000
START = 77


def order(ref: int) -> SessionCommand:
    return NewOrder(Ref(ref), InstrumentId(3), Side.BUY, 25, 9950)


def cancel(ref: int) -> SessionCommand:
    return Cancel(Ref(ref), Ref(1))


def test_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(10, 3, START)
    assert [bucket.take(1, START) for _ in range(4)] == [0, 0, 0, 100_000]
    assert bucket.take(1, START + SECOND // 10 - 1) == 1, "a nanosecond short: ask again after a µs"
    assert bucket.take(1, START + SECOND // 10) == 0
    assert bucket.take(1, START + SECOND // 10) == 100_000


def test_a_bucket_holds_no_more_than_the_burst() -> None:
    bucket = TokenBucket(10, 3, START)
    assert bucket.take(3, START + 3_600 * SECOND) == 0
    assert bucket.take(1, START + 3_600 * SECOND) == 100_000


def test_nothing_is_taken_where_not_all_is_there() -> None:
    bucket = TokenBucket(10, 3, START)
    assert bucket.take(2, START) == 0
    assert bucket.take(2, START) == 100_000
    assert bucket.take(1, START) == 0


def test_more_than_the_burst_is_taken_once_and_owed() -> None:
    bucket = TokenBucket(10, 3, START)
    assert bucket.take(8, START) == 0
    assert bucket.take(1, START) == 600_000, "5 owed and 1 wanted, at 10 a second"
    assert bucket.take(1, START + 6 * SECOND // 10) == 0


def test_a_clock_that_steps_back_gains_nothing() -> None:
    bucket = TokenBucket(1, 1, START)
    assert bucket.take(1, START + SECOND) == 0
    assert bucket.take(1, START) == 1_000_000
    assert bucket.take(1, START + SECOND) == 1_000_000
    assert bucket.take(1, START + 2 * SECOND) == 0


@given(
    st.integers(1, 1_000_000),
    st.integers(1, 1_000),
    st.lists(st.tuples(st.integers(0, SECOND), st.integers(1, 10)), max_size=60),
)
def test_over_any_time_no_more_than_burst_and_rate(
    per_second: int, burst: int, requests: list[tuple[int, int]]
) -> None:
    bucket = TokenBucket(per_second, burst, START)
    now_ns, taken = START, []
    for wait_ns, count in requests:
        now_ns += wait_ns
        if bucket.take(min(count, burst), now_ns) == 0:
            taken.append((now_ns, min(count, burst)))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            span_ns = taken[last][0] - taken[first][0]
            total = sum(count for _, count in taken[first : last + 1])
            assert total * SECOND <= burst * SECOND + per_second * span_ns


@given(st.integers(1, 1_000_000), st.integers(1, 1_000), st.integers(1, 1_000), st.integers(0, SECOND))
def test_asking_again_after_the_time_told_succeeds(
    per_second: int, burst: int, count: int, wait_ns: int
) -> None:
    bucket = TokenBucket(per_second, burst, START)
    bucket.take(burst, START)
    retry_after_us = bucket.take(count, START + wait_ns)
    if retry_after_us:
        now_ns = START + wait_ns + retry_after_us * 1_000
        assert bucket.take(count, now_ns - 1_000) > 0
        assert bucket.take(count, now_ns) == 0


def test_an_admitted_frame_is_passed_on_as_it_is() -> None:
    frame = [order(1), cancel(2)]
    admission = Throttle(10, 10, 10, 10, START).admit(frame, START)
    assert admission.admitted is frame
    assert admission.refused == []
    assert not admission.exhausted


def test_a_throttled_session_can_still_pull_its_orders() -> None:
    throttle = Throttle(10, 2, 10, 2, START)
    throttle.admit([order(1), order(2)], START)
    mass_cancel = MassCancel(Ref(5), MassCancelScope.SESSION)
    admission = throttle.admit([order(3), cancel(4), mass_cancel, order(6)], START)
    assert admission.admitted == [cancel(4), mass_cancel]
    assert admission.refused == [
        SessionRejected(Ref(3), RejectReason.THROTTLED, 200_000),
        SessionRejected(Ref(6), RejectReason.THROTTLED, 200_000),
    ]


def test_a_throttled_session_can_still_end_what_it_negotiates() -> None:
    throttle = Throttle(10, 2, 10, 2, START)
    throttle.admit([order(1), order(2)], START)
    withdraw, decline = BlockWithdraw(Ref(3), OrderId(1)), BlockDecline(Ref(4), OrderId(2))
    admission = throttle.admit([withdraw, decline, BlockAccept(Ref(5), OrderId(3), 1, 1)], START)
    assert admission.admitted == [withdraw, decline]


def test_whatever_only_takes_risk_away_is_counted_with_the_cancels() -> None:
    takes_away = {Cancel, MassCancel, Reduce, BlockDecline, BlockWithdraw, WithdrawBid, Kill}
    throttle = Throttle(1, 1, 100, 100, START)
    throttle.admit([order(1)], START)

    def passes(kind: type[Struct]) -> bool:
        command = kind(**dict.fromkeys(kind.__struct_fields__, 2))
        return bool(throttle.admit([command], START).admitted)  # type: ignore[list-item]

    assert set(filter(passes, get_args(ClientCommand))) == takes_away


def test_cancels_have_a_rate_too() -> None:
    throttle = Throttle(10, 2, 20, 2, START)
    throttle.admit([cancel(1), cancel(2)], START)
    admission = throttle.admit([cancel(3), order(4)], START)
    assert admission.admitted == [order(4)]
    assert admission.refused == [SessionRejected(Ref(3), RejectReason.THROTTLED, 50_000)]


@pytest.mark.parametrize(
    ("times_the_rate", "ends_after_seconds"), [(2, None), (3, THROTTLE_PATIENCE_SECONDS)]
)
def test_patience_ends_for_who_sends_three_times_the_rate(
    times_the_rate: int, ends_after_seconds: int | None
) -> None:
    per_second = 100
    throttle = Throttle(per_second, 10, per_second, 10, START)
    step_ns = SECOND // (per_second * times_the_rate)
    ended_ns = None
    for number in range(1, 20 * per_second * times_the_rate):
        if throttle.admit([order(number)], START + number * step_ns).exhausted:
            ended_ns = number * step_ns
            break
    if ends_after_seconds is None:
        assert ended_ns is None
    else:
        assert ended_ns is not None
        assert abs(ended_ns - ends_after_seconds * SECOND) < SECOND // 5


def test_a_rate_of_0_is_no_limit() -> None:
    free_cancels = Throttle(1, 1, 0, 0, START)
    assert free_cancels.admit([cancel(ref) for ref in range(1, 100)], START).refused == []
    assert free_cancels.admit([order(100)], START).refused == []
    assert len(free_cancels.admit([order(101)], START).refused) == 1

    free_orders = Throttle(0, 0, 1, 1, START)
    assert free_orders.admit([order(ref) for ref in range(1, 100)], START).refused == []
    assert free_orders.admit([cancel(100)], START).refused == []
    assert len(free_orders.admit([cancel(101)], START).refused) == 1
