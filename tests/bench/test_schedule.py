"""When frames of an open loop are due."""

import asyncio

import numpy as np
import pytest

from bench.clock import IntervalTimer
from bench.schedule import Pace, Schedule, Step

# Ten a second for three frames, then a thousand a second for five.
TWO = Schedule([Pace(3, 100_000_000), Pace(5, 1_000_000)])


def test_frames_are_due_at_the_rate_of_their_step() -> None:
    ms = [0, 100, 200, 300, 301, 302, 303, 304]
    assert TWO.due_ns(np.arange(8)).tolist() == [at * 1_000_000 for at in ms]
    assert TWO.frames == 8


@pytest.mark.parametrize("at_pace", [0, 1])
@pytest.mark.parametrize("frame", range(8))
def test_a_frame_is_due_from_its_time_on_and_not_before(frame: int, at_pace: int) -> None:
    if frame < 3 and at_pace:
        return
    due_ns = int(TWO.due_ns(np.array([frame]))[0])
    assert TWO.due(due_ns, at_pace) == frame + 1
    assert TWO.due(due_ns - 1, at_pace) == frame


def test_no_more_frames_are_due_than_there_are() -> None:
    assert TWO.due(10**12, 0) == 8


def test_a_moment_belongs_to_the_step_that_has_begun() -> None:
    assert [TWO.pace_at(ns) for ns in (0, 299_999_999, 300_000_000, 10**12)] == [0, 0, 1, 1]


def test_a_step_has_as_many_frames_as_its_rate_gives() -> None:
    assert Step(20_000, 0.5).pace(64) == Pace(156, 3_200_000)
    # However short and slow: a step without a frame would have no end.
    assert Step(1, 0.1).pace(1) == Pace(1, 1_000_000_000)


async def test_a_timer_goes_on_at_the_interval_that_it_is_set_to() -> None:
    expired = asyncio.Event()
    timer = IntervalTimer(10**12, expired.set)
    try:
        timer.set(1_000_000, 1)
        async with asyncio.timeout(10):
            await expired.wait()
    finally:
        timer.close()
