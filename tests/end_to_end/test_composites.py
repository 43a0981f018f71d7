"""A composite price of a real venue: in the feed and on the terminal, over a bust, kill -9 and restart."""

from io import StringIO

import pytest
from rich.console import Console

from carbonmatch.client import Access
from carbonmatch.client.errors import ClientError
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.client.options import find_instrument
from carbonmatch.client.watch import watch
from carbonmatch.matching.messages import BustTrade, InstrumentId, Ref, TradeId
from carbonmatch.protocol.messages import Composite, Subscribe
from tests.end_to_end import market
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Process
from tests.end_to_end.test_days import end_day, operate, trade

COM = InstrumentId(90)
DAY = 20210716
# EUA trades at any price; CEA does not trade, and counts by its reference price of 10.00.
COMPOSED = (
    market.text()
    .replace('currency = "CNY"', 'currency = "EUR"')
    .replace("[[instruments]]\nid = 2", 'prices = { close = "last" }\n\n[[instruments]]\nid = 2')
    .replace("band_high_ticks = 1100\n", 'band_high_ticks = 1100\nprices = { close = "last" }\n')
)
TABLE = """
[[composites]]
id = 90
symbol = "COM"
members = [{ symbol = "EUA" }, { symbol = "CEA", weight = 3 }]
"""


def access(process: Process) -> Access:
    return market.access(process.market_data, "feed")


async def watched(process: Process, symbol: str) -> str:
    out = StringIO()
    await watch(access(process), symbol, 10, Console(file=out, width=100), live=False)
    return out.getvalue()


async def test_it_follows_its_members_through_a_bust_a_kill_and_the_end_of_the_day(process: Process) -> None:
    process.text = COMPOSED + TABLE
    await process.start()
    async with process.feed_wire() as feed:
        feed.send(Subscribe(Ref(1), (COM,)))
        told: list[Composite] = []

        async def next_price() -> tuple[int, int]:
            while not told:
                told.extend(one for one in await feed.frame() if isinstance(one, Composite))
            one = told.pop(0)
            return one.seq, one.price_ticks

        assert await next_price() == (1, 0)  # EUA has no price yet
        await trade(process, price=12_00)
        assert await next_price() == (2, 10_50)
        await trade(process, price=14_00)
        assert await next_price() == (3, 11_00)
        await operate(process, BustTrade(Ref(0), TradeId(2), "error"))
        assert await next_price() == (4, 10_50)
    await process.kill()
    await process.start()
    async with MarketDataClient(access(process)) as client:
        await client.synced()
        assert set(client.books) == {EUA, CEA}
        assert [(one.seq, one.price_ticks) for one in client.composites.values()] == [(4, 10_50)]
    await trade(process, price=16_00)
    headline, *table = [line.split() for line in (await watched(process, "COM")).splitlines() if line.strip()]
    assert headline[:5] == ["COM", "EUR/t", "composite", "price", "11.50"]
    assert table[-2:] == [["EUA", "1", "16.00"], ["CEA", "3", "10.00"]]
    with pytest.raises(ClientError, match="COM is a composite price; expected an instrument"):
        await find_instrument(access(process), "COM")
    await end_day(process, DAY)
    await process.stop()

    # What the file does not name any more has ended; what it names again goes on.
    process.text = COMPOSED
    await process.start()
    async with MarketDataClient(access(process)) as client:
        await client.synced()
        assert [(one.seq, one.price_ticks) for one in client.composites.values()] == [(6, 0)]
    with pytest.raises(ClientError, match=r"no instrument 'COM'.*there are CEA, EUA$"):
        await watched(process, "COM")
    await process.kill()
    process.text = COMPOSED + TABLE
    await process.start()
    async with MarketDataClient(access(process)) as client:
        await client.synced()
        assert [(one.seq, one.price_ticks) for one in client.composites.values()] == [(7, 11_50)]
