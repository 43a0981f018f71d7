"""The market data of one instrument: its best prices whenever they change, through lost connections.

python examples/follow_book.py     # or: python examples/follow_book.py HOST PORT CHANGES
"""

import asyncio
import sys

from carbonmatch.client import Access, MarketDataClient
from carbonmatch.client.book import Level
from carbonmatch.demo_market import MARKET_DATA_KEY_ID, MARKET_DATA_SESSION, private_key_bytes
from carbonmatch.matching.messages import InstrumentId
from carbonmatch.protocol.messages import Role

CEA24 = InstrumentId(5)


async def main(host: str, port: int, changes: int) -> None:
    access = Access(
        host=host,
        port=port,
        role=Role.MARKET_DATA,
        session=MARKET_DATA_SESSION,
        key_id=MARKET_DATA_KEY_ID,
        private_key=private_key_bytes(MARKET_DATA_KEY_ID),
    )
    async with MarketDataClient(access, instrument_ids=[CEA24]) as feed:
        await feed.synced()
        last = feed.books[CEA24].best()
        print(told(*last))
        # Each frame is in the books when it comes here.
        async for _ in feed.batches():
            book = feed.books.get(CEA24)
            if book is None or not book.is_current or book.best() == last:
                continue
            last = book.best()
            print(told(*last))
            changes -= 1
            if not changes:
                return


def told(bid: Level | None, ask: Level | None) -> str:
    return f"bid {_told(bid)}  ask {_told(ask)}"


def _told(level: Level | None) -> str:
    return "none" if level is None else f"{level.quantity_lots} at {level.price_ticks}"


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["127.0.0.1", "7410", "0"]
    asyncio.run(main(arguments[0], int(arguments[1]), int(arguments[2])))
