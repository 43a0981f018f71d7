"""How an auction would end if it ended now: told while orders gather, once a batch and not too often.

An instrument is looked at when its book has changed, at the end of the batch; again not before
INDICATION_NS_MIN have passed, and INDICATION_LEVEL_NS for each level that had to be looked at. So however
large a book is, its indications take a hundredth of the time at most. What changes meanwhile is due then.
"""

from typing import TYPE_CHECKING

from carbonmatch.limits import INDICATION_LEVEL_NS, INDICATION_NS_MIN
from carbonmatch.matching.auction_price import determine
from carbonmatch.matching.messages import AuctionIndicated, Side

if TYPE_CHECKING:
    from carbonmatch.matching.book import Book
    from carbonmatch.matching.venue import Venue


class Indication:
    """Of one book, since its phase began. `told` is price, volume and surplus; negative: of sellers."""

    __slots__ = ("from_ns", "is_pending", "told")

    def __init__(
        self, told: tuple[int, int, int] = (0, 0, 0), from_ns: int = 0, is_pending: bool = True
    ) -> None:
        self.told = told
        # Not before this time, and whether there may be something to tell.
        self.from_ns = from_ns
        self.is_pending = is_pending


def surplus_side(surplus_lots: int) -> int:
    if not surplus_lots:
        return 0
    return Side.BUY if surplus_lots > 0 else Side.SELL


def indicate(venue: "Venue") -> "list[Book]":
    """Tell what there is to tell at the end of a batch; of which books it is too early."""
    for level in venue.dirty:
        book = venue.gathering.get(level.instrument_id)
        if book is not None:
            assert book.indication is not None
            book.indication.is_pending = True
    early = []
    for book in venue.gathering.values():
        indication = book.indication
        assert indication is not None
        if indication.is_pending:
            if indication.from_ns > venue.time_ns:
                early.append(book)
            else:
                _tell(venue, book, indication)
    return early


def _tell(venue: "Venue", book: "Book", indication: Indication) -> None:
    price = determine(book)
    indication.is_pending = False
    indication.from_ns = venue.time_ns + max(INDICATION_NS_MIN, price.level_count * INDICATION_LEVEL_NS)
    told = (price.price_ticks, price.volume_lots, price.surplus_lots)
    if told == indication.told:
        return
    indication.told = told
    venue.public.append(
        AuctionIndicated(
            book.instrument.instrument_id,
            venue.time_ns,
            price.price_ticks,
            price.volume_lots,
            abs(price.surplus_lots),
            surplus_side(price.surplus_lots),
        )
    )
