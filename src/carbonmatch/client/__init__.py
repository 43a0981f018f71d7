"""The client library that gateways, the demo, the bench and the tests use: see docs/client.md.

It is asyncio's; `blocking` makes calls of it that block.

`connect` gives a `Session` for trading, `MarketDataClient` follows the feed, `DropCopyClient` a drop
copy, and `connection` is what they stand on, for those who want to count every microsecond themselves.
Commands, reports and their reasons are in `carbonmatch.matching.messages`, the feed's messages in
`carbonmatch.protocol.messages`. What has no method of its own is sent by `Session.call`: an operator's
`SetPhase(Ref(0), instrument_id, Phase.HALTED, "why")`, say, in a session of `Role.OPERATOR`.
"""

from carbonmatch.client.blocking import (
    BlockingDropCopy,
    BlockingMarketData,
    BlockingSession,
    blocking,
)
from carbonmatch.client.connection import Access, Connection, open_connection
from carbonmatch.client.drop_copy import DropCopyClient
from carbonmatch.client.errors import (
    ClientError,
    Disconnected,
    EventsLost,
    InvalidCommand,
    LogonRefused,
    OrderRejected,
    SendBufferFull,
    SessionRejectedError,
    StreamGap,
    SubscriptionRefused,
)
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.client.session import Session, check_command, connect
from carbonmatch.client.tls import client_context

__all__ = [
    "Access",
    "BlockingDropCopy",
    "BlockingMarketData",
    "BlockingSession",
    "ClientError",
    "Connection",
    "Disconnected",
    "DropCopyClient",
    "EventsLost",
    "InvalidCommand",
    "LogonRefused",
    "MarketDataClient",
    "OrderRejected",
    "SendBufferFull",
    "Session",
    "SessionRejectedError",
    "StreamGap",
    "SubscriptionRefused",
    "blocking",
    "check_command",
    "client_context",
    "connect",
    "open_connection",
]
