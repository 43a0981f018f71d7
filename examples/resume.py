"""A program that may stop at any moment and misses no fill: it keeps the number of the last report.

    python examples/resume.py STATE    # or: python examples/resume.py STATE HOST PORT REPORTS

Run it, stop it, trade, run it again: it goes on at the next report, from the engine's memory or its journal.
"""

import asyncio
import os
import sys
from pathlib import Path

from carbonmatch.client import Session, connect
from carbonmatch.demo_market import GATEWAY_KEY_ID, gateway_session, private_key_bytes
from carbonmatch.matching.messages import Executed
from carbonmatch.protocol.messages import SessionRejected


def gateway(host: str, port: int, next_seq: int) -> Session:
    return connect(
        host,
        port,
        session=gateway_session(1),
        key_id=GATEWAY_KEY_ID,
        private_key=private_key_bytes(GATEWAY_KEY_ID),
        next_seq=next_seq,
    )


def keep(state: Path, seq: int) -> None:
    """Replaced as a whole: half a number would be another one."""
    part = state.with_suffix(".part")
    part.write_text(str(seq))
    with part.open() as file:
        os.fsync(file.fileno())
    part.replace(state)


def kept(state: Path) -> int:
    return int(state.read_text()) if state.exists() else 0


async def main(state: Path, host: str, port: int, reports: int) -> None:
    async with gateway(host, port, kept(state) + 1) as session:
        async for event in session.events():
            if isinstance(event, SessionRejected):
                continue
            if isinstance(event, Executed):
                print(f"{event.seq}: {event.quantity_lots} at {event.price_ticks}")
            # After what it says is done with: a report that comes twice can be seen, one that is lost cannot.
            keep(state, event.seq)
            reports -= 1
            if not reports:
                return


if __name__ == "__main__":
    given = sys.argv[2:] or ["127.0.0.1", "7400", "0"]
    asyncio.run(main(Path(sys.argv[1]), given[0], int(given[1]), int(given[2])))
