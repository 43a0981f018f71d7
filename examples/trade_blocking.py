"""The same without asyncio: for scripts, notebooks and programs with threads of their own.

python examples/trade_blocking.py  # or: python examples/trade_blocking.py HOST PORT MARKET_DATA_PORT
"""

import sys

from carbonmatch.client import Access, MarketDataClient, blocking, connect
from carbonmatch.demo_market import (
    GATEWAY_KEY_ID,
    MARKET_DATA_KEY_ID,
    MARKET_DATA_SESSION,
    gateway_session,
    private_key_bytes,
)
from carbonmatch.matching.messages import InstrumentId, Side
from carbonmatch.protocol.messages import Role

CEA24 = InstrumentId(5)


def main(host: str, port: int, market_data_port: int) -> None:
    gateway = connect(
        host,
        port,
        session=gateway_session(1),
        key_id=GATEWAY_KEY_ID,
        private_key=private_key_bytes(GATEWAY_KEY_ID),
    )
    reader = Access(
        host=host,
        port=market_data_port,
        role=Role.MARKET_DATA,
        session=MARKET_DATA_SESSION,
        key_id=MARKET_DATA_KEY_ID,
        private_key=private_key_bytes(MARKET_DATA_KEY_ID),
    )
    with blocking(gateway) as session, blocking(MarketDataClient(reader)) as feed:
        feed.synced()
        for report in session.new_order(CEA24, Side.BUY, quantity_lots=25, price_ticks=60_10):
            print(type(report).__name__)
        # What the market knows of it comes on another connection: wait for it.
        for _ in feed.batches():
            bid, _ask = feed.look(lambda one: one.books[CEA24].best())
            if bid is not None:
                print(f"best bid {bid.quantity_lots} at {bid.price_ticks}")
                break
        session.mass_cancel()


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["127.0.0.1", "7400", "7410"]
    main(arguments[0], int(arguments[1]), int(arguments[2]))
