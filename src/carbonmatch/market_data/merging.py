"""Several batches as one: for subscriptions that do not want to hear of every one of them.

Of what is a state (a level, statistics, bands, limits, how an auction would end) only the last word is kept,
at its place; whatever happened (trades, busts, phases, results, orders of the list) is kept, and in order.
"""

from collections.abc import Iterable
from typing import Final

from carbonmatch.protocol.messages import (
    AuctionUpdate,
    BandUpdate,
    Composite,
    KindStatistics,
    LevelUpdate,
    LimitsUpdate,
    Statistics,
)

from .changes import InstrumentMessage

_STATES: Final = (Statistics, AuctionUpdate, BandUpdate, LimitsUpdate, Composite)


def merged(messages: Iterable[InstrumentMessage]) -> list[InstrumentMessage]:
    """The messages of one instrument, in order, without those that a later one makes old."""
    kept: dict[object, InstrumentMessage] = {}
    for at, message in enumerate(messages):
        key: object
        if type(message) is LevelUpdate:
            key = (message.side, message.price_ticks)
        elif type(message) in _STATES:
            key = type(message)
        elif type(message) is KindStatistics:
            key = (KindStatistics, message.kind)
        else:
            key = at
        # To the end: numbers rise.
        kept.pop(key, None)
        kept[key] = message
    return list(kept.values())
