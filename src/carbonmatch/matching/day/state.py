"""Trading days and runs of settlement, as a part of the state: see `matching.state`."""

from msgspec import Struct

from carbonmatch.matching.book import Book
from carbonmatch.matching.day.settlements import SettlementRun
from carbonmatch.matching.messages import TradeId
from carbonmatch.matching.venue import Venue


class DayState(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Of one instrument."""

    number: int
    ended: int
    after_sequence: int
    after_trade_id: TradeId


def saved_day(book: Book) -> DayState:
    day = book.day
    return DayState(day.number, day.ended, day.after_sequence, day.after_trade_id)


def restore_day(book: Book, kept: DayState) -> None:
    day = book.day
    day.number = kept.number
    day.ended = kept.ended
    day.after_sequence = kept.after_sequence
    day.after_trade_id = kept.after_trade_id


def restore_settlements(venue: Venue, runs: list[SettlementRun]) -> None:
    for run in runs:
        venue.settlements.restore(run)
