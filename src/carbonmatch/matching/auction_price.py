"""The price of an auction: one price for everybody who trades in it, chosen by rules in a fixed order.

Every price on the increment is a candidate, and so is every price of an order in the book. Of these stay

1. those at which the most is traded;
2. of these, where the least is left unfilled on one of the sides;
3. of these, the highest if buyers are left over at all of them, the lowest if sellers are (market
   pressure); where buyers are left over at the lower ones and sellers at the higher ones, the highest of
   the former and the lowest of the latter;
4. of these, the one nearest to the reference price, which is that of the last trade, or the instrument's
   before the first; the lower one of two;
5. where there is no reference price, the one nearest to the middle of the lowest and the highest.

The first rule that leaves one price only is reported with it. What an iceberg hides takes part.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from carbonmatch.matching.book import Book
from carbonmatch.matching.ladder import Ladder, Level
from carbonmatch.matching.messages import AuctionRule


class AuctionPrice(Struct, frozen=True, gc=False):
    """What an auction comes to; price 0: nothing can trade."""

    price_ticks: int
    volume_lots: int
    surplus_lots: int  # of buyers; negative: of sellers
    rule: AuctionRule
    reference_price_ticks: int
    level_count: int  # how many levels were looked at: what it has cost


class Candidates(Struct, frozen=True, gc=False):
    """Prices next to each other at which equally much is bid and asked for."""

    low_ticks: int
    high_ticks: int
    volume_lots: int
    surplus_lots: int


def determine(book: Book) -> AuctionPrice:
    """The price at which the orders in the book would trade in an auction now."""
    reference_ticks = book.last_price_ticks or book.instrument.definition.reference_price_ticks
    bids, asks = _crossing_lots(book)
    level_count = len(bids) + len(asks)
    if not bids:
        return AuctionPrice(0, 0, 0, AuctionRule.NONE, reference_ticks, level_count)
    increment_ticks = book.instrument.price_increment_ticks
    candidates = list(_candidates(bids, asks, increment_ticks))
    price_ticks, chosen, rule = choose(candidates, reference_ticks, increment_ticks)
    return AuctionPrice(
        price_ticks, chosen.volume_lots, chosen.surplus_lots, rule, reference_ticks, level_count
    )


def choose(
    candidates: list[Candidates], reference_ticks: int, increment_ticks: int
) -> tuple[int, Candidates, AuctionRule]:
    """The price, those it is one of, and the rule that decided; `candidates` from the lowest up."""
    most_lots = max([each.volume_lots for each in candidates])
    left = [each for each in candidates if each.volume_lots == most_lots]
    low, high = left[0], left[-1]
    if low.low_ticks == high.high_ticks:
        return low.low_ticks, low, AuctionRule.VOLUME
    least_lots = min([abs(each.surplus_lots) for each in left])
    left = [each for each in left if abs(each.surplus_lots) == least_lots]
    low, high = left[0], left[-1]
    if low.low_ticks == high.high_ticks:
        return low.low_ticks, low, AuctionRule.SURPLUS
    # With the price less is bid and more is asked for, so buyers are left over at the lower prices.
    if high.surplus_lots > 0:
        return high.high_ticks, high, AuctionRule.PRESSURE
    if low.surplus_lots < 0:
        return low.low_ticks, low, AuctionRule.PRESSURE
    low_ticks, high_ticks = low.low_ticks, high.high_ticks
    if least_lots:
        low = [each for each in left if each.surplus_lots > 0][-1]
        high = next(each for each in left if each.surplus_lots < 0)
        low_ticks, high_ticks = low.high_ticks, high.low_ticks
    rule = AuctionRule.REFERENCE if reference_ticks else AuctionRule.MIDDLE
    wanted_ticks = reference_ticks or (low_ticks + high_ticks) // 2
    price_ticks = _nearest(low_ticks, high_ticks, wanted_ticks, increment_ticks)
    return price_ticks, low if price_ticks <= low.high_ticks else high, rule


def _nearest(low_ticks: int, high_ticks: int, wanted_ticks: int, increment_ticks: int) -> int:
    """Of both ends and the prices on the increment between them, the one nearest to the wanted price."""
    below_ticks = wanted_ticks - wanted_ticks % increment_ticks
    near = (low_ticks, high_ticks, below_ticks, below_ticks + increment_ticks)
    return min(
        [ticks for ticks in near if low_ticks <= ticks <= high_ticks],
        key=lambda ticks: (abs(ticks - wanted_ticks), ticks),
    )


def _crossing_lots(book: Book) -> tuple[dict[int, int], dict[int, int]]:
    """What is bid and asked for by price, of the levels that cross the best one of the other side."""
    hidden: dict[Level, int] = {}
    for order in book.icebergs.values():
        if order.hidden_lots:
            hidden[order.level] = hidden.get(order.level, 0) + order.hidden_lots
    return _crossing_levels(book.bids, hidden), _crossing_levels(book.asks, hidden)


def _crossing_levels(ladder: Ladder, hidden: Mapping[Level, int]) -> dict[int, int]:
    lots = {}
    crossed_key = -ladder.opposite.best_key
    for level in ladder.levels_from_best():
        if level.key < crossed_key:
            break
        lots[level.price_ticks] = level.quantity_lots + hidden.get(level, 0)
    return lots


def _candidates(
    bids: Mapping[int, int], asks: Mapping[int, int], increment_ticks: int
) -> Iterator[Candidates]:
    """Every price that comes into question, from the lowest up; those between two orders' in one."""
    bid_lots = sum(bids.values())
    asked_lots = 0
    before_ticks = 0
    for price_ticks in sorted({**bids, **asks}):
        if before_ticks:
            low_ticks = (before_ticks // increment_ticks + 1) * increment_ticks
            high_ticks = (price_ticks - 1) // increment_ticks * increment_ticks
            if low_ticks <= high_ticks:
                yield _at(low_ticks, high_ticks, bid_lots, asked_lots)
        asked_lots += asks.get(price_ticks, 0)
        yield _at(price_ticks, price_ticks, bid_lots, asked_lots)
        bid_lots -= bids.get(price_ticks, 0)
        before_ticks = price_ticks


def _at(low_ticks: int, high_ticks: int, bid_lots: int, asked_lots: int) -> Candidates:
    return Candidates(low_ticks, high_ticks, min(bid_lots, asked_lots), bid_lots - asked_lots)
