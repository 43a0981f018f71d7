"""Deals whose tonnes and money come to given totals exactly, each within its own bounds.

Integers only: prices are fen a tonne, money is fen.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

# Of the deals that may give tonnes to each other: all pairs of them are looked at.
_CANDIDATES_MAX: Final = 64
_ROUNDS_MAX: Final = 400


class Unsolvable(Exception):
    """The totals do not fit the bounds."""


class Part:
    """Tonnes at a price, both still to be settled within their bounds; one day's where `day` is equal."""

    __slots__ = ("day", "high", "low", "price", "tonnes", "tonnes_max", "tonnes_min")

    def __init__(
        self, day: int, tonnes: int, price: int, prices: tuple[int, int], tonnes_bounds: tuple[int, int]
    ) -> None:
        self.day = day
        self.tonnes = tonnes
        self.low, self.high = prices
        self.price = min(max(price, self.low), self.high)
        self.tonnes_min, self.tonnes_max = tonnes_bounds

    @property
    def fen(self) -> int:
        return self.tonnes * self.price


def sizes(random: Random, total: int, mean: int, least: int, most: int) -> list[int]:
    """Sizes of deals, a few large and many small, that sum to `total`; none where that is 0."""
    if not total:
        return []
    count = max(round(total / mean), -(-total // most), 1)
    count = min(count, total // least)
    if not count:
        raise Unsolvable(f"{total} t in deals of at least {least} t")
    weights = [random.lognormvariate(0, 0.9) for _ in range(count)]
    found = [least] * count
    rest = total - least * count
    while rest:
        open_weights = [0.0 if size == most else weight for size, weight in zip(found, weights, strict=True)]
        whole = sum(open_weights)
        if not whole:
            raise Unsolvable(f"{total} t in {count} deals of at most {most} t")
        shared = rest
        for index, weight in enumerate(open_weights):
            # At least a tonne each time, so that it ends.
            more = min(int(shared * weight / whole) or 1, most - found[index], rest)
            found[index] += more
            rest -= more
    return found


def spread(total: int, weights: Sequence[float], least: int = 0) -> list[int]:
    """`total` by weights, in whole tonnes, each at least `least`."""
    whole = sum(weights)
    rest = total - least * len(weights)
    if rest < 0:
        raise Unsolvable(f"{total} t over {len(weights)} days of at least {least} t")
    shares = [int(rest * weight / whole) for weight in weights]
    shares[-1] += rest - sum(shares)
    return [least + share for share in shares]


def settle(parts: list[Part], fen: int) -> None:
    """Change prices, and a few quantities, so that the parts come to `fen`; tonnes stay in sum.

    First all prices move together, then some by one tick more; what is left then, less than the smallest
    part, is closed by tonnes that move from one part to another of another price, in the end to one that
    is a single tick dearer. Raises Unsolvable.
    """
    twins = _twins(parts)
    gap = _together(parts, fen - sum(part.fen for part in parts))
    gap = _one_by_one([part for part in parts if part not in twins], gap)
    gap = _transfer(parts, twins, gap)
    if gap:
        raise Unsolvable(f"{gap} fen are left of {fen} in {len(parts)} deals")


def _twins(parts: list[Part]) -> list[Part]:
    """Two parts of one day with the most room for tonnes, made one tick apart; none where there are none."""
    rooms = sorted(parts, key=lambda part: part.tonnes - part.tonnes_min, reverse=True)
    for index, giver in enumerate(rooms):
        for taker in rooms[index + 1 :]:
            is_movable = giver.low < giver.high and taker.low < taker.high
            if giver.day == taker.day and is_movable and taker.tonnes < taker.tonnes_max:
                giver.price = min(giver.price, giver.high - 1, taker.high - 1)
                taker.price = giver.price + 1
                return [giver, taker]
    return []


def _together(parts: list[Part], gap: int) -> int:
    for _ in range(_ROUNDS_MAX):
        tonnes = sum(part.tonnes for part in parts if part.low < part.high)
        if not tonnes or 0 <= gap < tonnes:
            break
        ticks = gap // tonnes
        before = gap
        for part in parts:
            moved = min(max(part.price + ticks, part.low), part.high) - part.price
            part.price += moved
            gap -= moved * part.tonnes
        if gap == before:
            break
    return gap


def _one_by_one(parts: list[Part], gap: int) -> int:
    """Ticks on single parts, the large ones first, while the gap takes one."""
    parts = sorted(parts, key=lambda part: part.tonnes, reverse=True)
    for _ in range(_ROUNDS_MAX):
        before = gap
        for part in parts:
            if part.tonnes <= gap and part.price < part.high:
                part.price += 1
                gap -= part.tonnes
            elif gap < 0 and part.price > part.low:
                part.price -= 1
                gap += part.tonnes
        if gap == before:
            break
    return gap


def _transfer(parts: list[Part], twins: list[Part], gap: int) -> int:
    movable = [part for part in parts if part.low < part.high and part not in twins]
    movable.sort(key=lambda part: part.tonnes - part.tonnes_min, reverse=True)
    candidates = [*twins, *movable[:_CANDIDATES_MAX]]
    while gap > 0:
        best: tuple[int, Part, Part] | None = None
        for giver in candidates:
            for taker in candidates:
                ticks = taker.price - giver.price
                if not 0 < ticks <= gap:
                    continue
                room = min(giver.tonnes - giver.tonnes_min, taker.tonnes_max - taker.tonnes)
                tonnes = min(gap // ticks, room)
                if tonnes and (best is None or tonnes * ticks > best[0]):
                    best = (tonnes * ticks, giver, taker)
        if best is None:
            break
        closed, giver, taker = best
        tonnes = closed // (taker.price - giver.price)
        giver.tonnes -= tonnes
        taker.tonnes += tonnes
        gap -= closed
    return gap
