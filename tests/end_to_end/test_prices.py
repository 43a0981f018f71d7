"""Prices by rules in a real venue: by the operator's command line, over kill and restart, in the feed."""

from datetime import UTC, datetime, timedelta

from carbonmatch.client.admin import set_reference
from carbonmatch.matching.messages import Ref, Resume
from carbonmatch.protocol.messages import BandUpdate, DaySummary, Subscribe
from tests.end_to_end import market
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Process
from tests.end_to_end.test_days import end_day, operate, trade

NOW = datetime.now(UTC)
DAYS = [int(f"{NOW - timedelta(days=days):%Y%m%d}") for days in (1, 0)]
RULES = """
[instruments.prices]
band_up_basis_points = 1000
band_down_basis_points = 1000
stale_alert_days = 1

[[instruments]]
id = 2
"""


async def test_a_day_goes_on_after_a_kill_and_its_close_makes_the_next_band(process: Process) -> None:
    process.text = market.text().replace("\n[[instruments]]\nid = 2\n", RULES)
    await process.start()
    access = process.session("operator")._access
    await set_reference(access, "1", 48_00)
    await trade(process, 100, 50_00)
    await process.kill()
    await process.start()
    await trade(process, 300, 52_00)
    async with process.feed_wire() as feed:
        feed.send(Subscribe(Ref(1), (EUA,)))
        bands: list[BandUpdate] = []
        days: list[DaySummary] = []
        for day in DAYS:
            await end_day(process, day)
            await operate(process, Resume(Ref(0), EUA), Resume(Ref(0), CEA))
        while len(days) < len(DAYS):
            frame = await feed.frame()
            bands += [one for one in frame if isinstance(one, BandUpdate)]
            days += [one for one in frame if isinstance(one, DaySummary)]
    assert [(one.reference_price_ticks, one.band_low_ticks, one.band_high_ticks) for one in bands] == [
        (51_50, 46_35, 56_65)
    ]
    assert [(one.open_price_ticks, one.close_price_ticks) for one in days] == [
        (50_00, 51_50),
        (51_50, 51_50),
    ]
    await process.said("reference_stale", instrument="EUA", days_without_trade=1)
    _, metrics = await process.get("/metrics")
    assert 'carbonmatch_stale_references_total{instrument="EUA"} 1\n' in metrics
