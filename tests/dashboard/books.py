"""Books as a reader of the feed has them, said briefly."""

from carbonmatch.client.instrument_book import InstrumentBook
from carbonmatch.matching.messages import InstrumentDefinition, InstrumentId, Phase, Side, TradeId, TradeKind
from carbonmatch.protocol.messages import LevelUpdate, Statistics, Trade

CEA = InstrumentId(5)
EUA = InstrumentId(6)
NOW_NS = 1_700_000_000_000_000_000


def book(instrument_id: InstrumentId = CEA, symbol: str = "CEA24") -> InstrumentBook:
    """Current, in continuous trading, and empty."""
    one = InstrumentBook(instrument_id)
    one.definition = InstrumentDefinition(instrument_id, symbol, "CNY", 1, 2, 10)
    one.phase = Phase.CONTINUOUS
    one.is_current = True
    return one


def set_level(one: InstrumentBook, side: Side, price_ticks: int, lots: int, orders: int = 1) -> None:
    one.set_level(LevelUpdate(one.instrument_id, 1, side, price_ticks, lots, orders))


def trade(number: int, price_ticks: int = 100, kind: TradeKind = TradeKind.CONTINUOUS) -> Trade:
    return Trade(CEA, 1, TradeId(number), price_ticks, 7, Side.SELL, NOW_NS + number, kind)


def statistics(last_ticks: int, lots: int, count: int) -> Statistics:
    return Statistics(CEA, 1, 98, 105, 95, last_ticks, lots, 0, count)
