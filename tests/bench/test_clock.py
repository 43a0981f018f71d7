import asyncio
from time import perf_counter_ns

from bench.clock import IntervalTimer

INTERVAL_NS = 2_000_000
EXPIRIES = 5


def test_a_timer_expires_in_phase_with_the_time_that_it_was_given_and_never_before_it() -> None:
    expired_ns: list[int] = []

    async def run() -> int:
        done = asyncio.Event()

        def expire() -> None:
            expired_ns.append(perf_counter_ns())
            if len(expired_ns) == EXPIRIES:
                done.set()

        first_ns = perf_counter_ns() + 3 * INTERVAL_NS + INTERVAL_NS // 2
        timer = IntervalTimer(INTERVAL_NS, expire, first_ns)
        try:
            await asyncio.wait_for(done.wait(), 20)
        finally:
            timer.close()
        return first_ns

    first_ns = asyncio.run(run())
    for count, at_ns in enumerate(expired_ns):
        assert at_ns >= first_ns + count * INTERVAL_NS
