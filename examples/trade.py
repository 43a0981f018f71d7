"""An order from entry to fill, with asyncio: what is asked for, what comes back, what happens by itself.

carbonmatch serve                  # the demo market, in another terminal
python examples/trade.py           # or: python examples/trade.py HOST PORT
"""

import asyncio
import sys

from carbonmatch.client import OrderRejected, Session, connect
from carbonmatch.demo_market import GATEWAY_KEY_ID, gateway_session, private_key_bytes
from carbonmatch.matching.messages import Accepted, Executed, Side

CEA24 = 5


def gateway(number: int, host: str, port: int) -> Session:
    """One of the demo's gateways. Elsewhere: your key, from a file that only you can read."""
    return connect(
        host,
        port,
        session=gateway_session(number),
        key_id=GATEWAY_KEY_ID,
        private_key=private_key_bytes(GATEWAY_KEY_ID),
    )


async def main(host: str, port: int) -> None:
    async with gateway(1, host, port) as seller, gateway(2, host, port) as buyer:
        # An answer is every report that the order has caused when it comes: it is on the disk by then.
        accepted, *_ = await seller.new_order(CEA24, Side.SELL, quantity_lots=100, price_ticks=60_50)
        assert isinstance(accepted, Accepted)
        print(f"offered 100 as order {accepted.order_id}")

        for report in await buyer.new_order(CEA24, Side.BUY, quantity_lots=40, price_ticks=60_50):
            if isinstance(report, Executed):
                print(f"bought {report.quantity_lots} at {report.price_ticks} ticks, trade {report.trade_id}")

        # The seller asked for nothing meanwhile: it hears of its fill as an event.
        async for event in seller.events():
            if isinstance(event, Executed):
                print(f"sold {event.quantity_lots}, {event.leaves_lots} left")
                break

        await seller.cancel(order_id=accepted.order_id)
        try:
            await buyer.new_order(CEA24, Side.BUY, quantity_lots=1, price_ticks=99_99)
        except OrderRejected as refused:
            print(f"refused: {refused.reason.name}")


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["127.0.0.1", "7400"]
    asyncio.run(main(arguments[0], int(arguments[1])))
