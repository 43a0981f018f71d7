"""Which deals the replay will make: every one within its market's rules, all together the published totals.

A seed decides what is not known. Prices are fen a tonne, money is fen; `firms` says who deals.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from math import sin, tau
from random import Random
from typing import Final

from msgspec import Struct

from carbonmatch.launch import assumptions, figures
from carbonmatch.launch.solve import Part, Unsolvable, settle, sizes, spread

NATIONAL: Final = "CEA"

# By rule a listed order is below 100,000 t, and a block is not.
_LISTED_TONNES: Final = (1, 99_999)
_BLOCK_TONNES: Final = (100_000, 6_000_000)
_SCREEN_TONNES: Final = (1, 99_999)
_BLOCKS_MIN: Final = 4
_PILOT_BLOCK_MAX_TONNES: Final = 900_000

# Bands in percent of the close before. The plan stays a little inside, for closes move when it is settled.
_LISTED_BAND: Final = 10
_BLOCK_BAND: Final = 30
_PILOT_SCREEN_BAND: Final = 4
_PILOT_BLOCK_BAND: Final = 6
_INSIDE_TICKS: Final = 15

# How much more a pilot trades on the last day than on the first: most do half of a year in two months.
_PILOT_TIDE: Final = 9.0


class Deal(Struct):
    """One trade of the plan. `seller` and `buyer` are accounts, 0 until somebody is found."""

    market: str
    day: date
    is_block: bool
    tonnes: int
    price: int
    seller: int = 0
    buyer: int = 0


class Plan(Struct):
    """All deals of all markets, in the order of their days; within a day and market, as they are made."""

    days: list[date]
    deals: list[Deal]
    # Reference prices of the first day.
    references: dict[str, int]


def trading_days() -> list[date]:
    days = (figures.LAST_DAY - figures.FIRST_DAY).days + 1
    dates = (figures.FIRST_DAY + timedelta(number) for number in range(days))
    return [day for day in dates if day.weekday() < 5 and day not in figures.HOLIDAYS]


def make_plan(seed: int) -> Plan:
    """The whole cycle. Raises Unsolvable where figures and assumptions contradict each other."""
    random = Random(seed)
    days = trading_days()
    deals = list(_National(random, days).deals())
    pilot_fen = {pilot.symbol: pilot.tonnes * pilot.average_fen for pilot in assumptions.PILOTS}
    largest = max(assumptions.PILOTS, key=lambda pilot: pilot.tonnes)
    pilot_fen[largest.symbol] += figures.PILOT_FEN - sum(pilot_fen.values())
    references = {NATIONAL: figures.PRICES[0].fen}
    for pilot in assumptions.PILOTS:
        references[pilot.symbol], made = _pilot_deals(random, days, pilot, pilot_fen[pilot.symbol])
        deals += made
    deals.sort(key=lambda deal: deal.day)
    return Plan(days, deals, references)


def half_up(numerator: int, denominator: int) -> int:
    """The quotient to the nearest integer, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def _band(close: int, percent: int, inside: int = 0) -> tuple[int, int]:
    return half_up(close * (100 - percent), 100) + inside, half_up(close * (100 + percent), 100) - inside


# --- the national market --------------------------------------------------------------------------


class _National:
    """The listed section first, for its closes say where blocks may be."""

    def __init__(self, random: Random, days: list[date]) -> None:
        self._random = random
        self._days = days
        self._path = self._closes()
        self._listed: dict[date, list[Part]] = {day: [] for day in days}
        self._closes_made: dict[date, int] = {}

    def deals(self) -> Iterator[Deal]:
        self._list()
        blocks = self._blocks()
        for number, day in enumerate(self._days):
            listed = self._listed[day]
            self._random.shuffle(listed)
            if day == figures.FIRST_DAY:
                first = next(part for part in listed if part.low == part.high)
                listed.remove(first)
                listed.insert(0, first)
            for part in listed:
                yield Deal(NATIONAL, day, False, part.tonnes, part.price)
            for part in blocks[number]:
                yield Deal(NATIONAL, day, True, part.tonnes, part.price)

    def _closes(self) -> list[int]:
        """What each day should close at, before anything is settled."""
        published = {price.day: price.fen for price in figures.PRICES if price.name == "close"}
        known = {**dict(assumptions.WAYPOINTS), **published}
        at = sorted((self._days.index(day), fen) for day, fen in known.items())
        path = []
        for (begin, from_fen), (end, to_fen) in pairwise(at):
            for number in range(begin, end):
                straight = from_fen + (to_fen - from_fen) * (number - begin) / (end - begin)
                noise = 1 + self._random.uniform(-0.008, 0.008) if number > begin else 1
                path.append(round(straight * noise))
        return [*path, at[-1][1]]

    # --- listed

    def _list(self) -> None:
        """Fill the listed section: days and stretches whose money is known, then all others as one."""
        rest: list[Part] = []
        rest_fen = next(
            total.fen
            for total in figures.NATIONAL
            if total.name == "first cycle" and total.section == "listed" and total.fen is not None
        )
        for stretch in assumptions.STRETCHES:
            parts, fen = self._stretch(stretch)
            rest_fen -= fen
            if stretch.listed_fen is None:
                rest += parts
                continue
            if parts:
                settle(parts, stretch.listed_fen - fen)
            rest_fen -= stretch.listed_fen - fen
        settle(rest, rest_fen)
        before = next(price.fen for price in figures.PRICES if price.name == "reference")
        for day, path in zip(self._days, self._path, strict=True):
            parts = self._listed[day]
            low, high = _band(before, _LISTED_BAND)
            assert all(low <= part.price <= high for part in parts), f"{day}: {low} to {high}, {path}"
            tonnes = sum(part.tonnes for part in parts)
            before = self._closes_made[day] = half_up(sum(part.fen for part in parts), tonnes)

    def _stretch(self, stretch: assumptions.Stretch) -> tuple[list[Part], int]:
        """The parts of a stretch that are still to be settled, and the money of its settled days."""
        numbers = [number for number, day in enumerate(self._days) if stretch.first <= day <= stretch.last]
        known = {
            number: tonnes
            for number in numbers
            if (tonnes := assumptions.CLOSE_DAY_TONNES.get(self._days[number], 0))
        }
        if stretch.first == stretch.last:
            known = {numbers[0]: stretch.listed_tonnes}
        fen = 0
        for number, tonnes in known.items():
            day_fen = tonnes * self._path[number]
            if stretch.first == stretch.last:
                assert stretch.listed_fen is not None
                day_fen = stretch.listed_fen
            parts = self._day(number, tonnes)
            settle(parts, day_fen)
            fen += day_fen
        open_numbers = [number for number in numbers if number not in known]
        if not open_numbers:
            return [], fen
        weights = [self._random.lognormvariate(0, 0.5) for _ in open_numbers]
        tonnes_of = spread(stretch.listed_tonnes - sum(known.values()), weights, least=1_000)
        return [
            part
            for number, tonnes in zip(open_numbers, tonnes_of, strict=True)
            for part in self._day(number, tonnes)
        ], fen

    def _day(self, number: int, tonnes: int) -> list[Part]:
        """Parts of one day around its close; those of prices that are known stay at them."""
        day, close = self._days[number], self._path[number]
        low, high = self._prices(number)
        fixed = [(fen, assumptions.EXTREME_TONNES) for on, fen in assumptions.EXTREME_TRADES if on == day]
        fixed += [
            (price.fen, 2_000) for price in figures.PRICES if price.day == day and price.name == "first trade"
        ]
        if day == date(2021, 8, 19):
            # Two prices, 52.00 and 50.00, and their money leave one way to divide the tonnes.
            fixed, tonnes = [(52_00, 976), (50_00, 3_025)], 4_001
        parts = [Part(number, size, fen, (fen, fen), (size, size)) for fen, size in fixed]
        drift = 0.0
        for size in sizes(
            self._random,
            tonnes - sum(size for _, size in fixed),
            assumptions.LISTED_MEAN_TONNES,
            *_LISTED_TONNES,
        ):
            drift = 0.9 * drift + self._random.gauss(0, 0.0012)
            parts.append(Part(number, size, round(close * (1 + drift)), (low, high), _LISTED_TONNES))
        self._listed[day] += parts
        return parts

    def _prices(self, number: int) -> tuple[int, int]:
        """Between which prices the day may trade: by its band, and by the extremes of its days."""
        day = self._days[number]
        if day == date(2021, 8, 11):
            return self._path[number], self._path[number]
        reference = self._path[number - 1] if number else figures.PRICES[0].fen
        low, high = _band(reference, _LISTED_BAND, _INSIDE_TICKS if number else 0)
        for extreme in figures.EXTREMES:
            if extreme.first <= day <= extreme.last:
                low, high = max(low, extreme.low + 1), min(high, extreme.high - 1)
        return low, high

    # --- blocks

    def _blocks(self) -> list[list[Part]]:
        made: list[list[Part]] = [[] for _ in self._days]
        for stretch in assumptions.STRETCHES:
            numbers = [
                number for number, day in enumerate(self._days) if stretch.first <= day <= stretch.last
            ]
            listed = [part for number in numbers for part in self._listed[self._days[number]]]
            tonnes = stretch.tonnes - sum(part.tonnes for part in listed)
            fen = stretch.fen - sum(part.fen for part in listed)
            parts = self._stretch_blocks(numbers, tonnes, fen)
            if parts:
                settle(parts, fen)
            for part in parts:
                made[part.day].append(part)
        return made

    def _stretch_blocks(self, numbers: list[int], tonnes: int, fen: int) -> list[Part]:
        random = self._random
        weights = [random.lognormvariate(0, 0.5) for _ in numbers]
        parts: list[Part] = []
        # With fewer there may be no way to divide the money.
        mean = min(assumptions.BLOCK_MEAN_TONNES, tonnes // _BLOCKS_MIN)
        portions = sizes(random, tonnes, max(mean, _BLOCK_TONNES[0]), *_BLOCK_TONNES)
        for index, size in enumerate(portions):
            # The first two are of one day: what is left over is settled between them.
            number = parts[0].day if index == 1 else random.choices(numbers, weights)[0]
            reference = self._closes_made[self._days[number - 1]] if number else figures.PRICES[0].fen
            price = round(fen / tonnes * (1 + random.uniform(-0.02, 0.02)))
            band = _band(reference, _BLOCK_BAND)
            parts.append(Part(number, size, price, band, _BLOCK_TONNES))
        return parts


# --- the pilots -----------------------------------------------------------------------------------


def _pilot_deals(
    random: Random, days: list[date], pilot: assumptions.Pilot, fen: int
) -> tuple[int, list[Deal]]:
    """A pilot's first reference price, and its deals.

    Its screen goes along a path around its average, and its blocks take what that leaves of the money. All
    prices in between are in ticks of the market.
    """
    tick = pilot.tick_fen
    if fen % tick:
        raise Unsolvable(f"{pilot.symbol}: {fen} fen in ticks of {tick}")
    weights = [
        _PILOT_TIDE ** (number / len(days)) * random.lognormvariate(0, 0.35) for number in range(len(days))
    ]
    block_tonnes = pilot.tonnes * pilot.block_share_percent // 100
    path = _pilot_path(random, weights, pilot.average_fen / tick)
    screen: list[Part] = []
    for number, tonnes in enumerate(spread(pilot.tonnes - block_tonnes, weights, least=500)):
        band = _band(path[number], _PILOT_SCREEN_BAND)
        for size in sizes(random, tonnes, assumptions.PILOT_SCREEN_MEAN_TONNES, *_SCREEN_TONNES):
            price = round(path[number] * (1 + random.gauss(0, 0.004)))
            screen.append(Part(number, size, price, band, _SCREEN_TONNES))
    left = fen // tick - sum(part.fen for part in screen)
    bounds = (pilot.block_min_tonnes, _PILOT_BLOCK_MAX_TONNES)
    mean = max(assumptions.PILOT_BLOCK_MEAN_TONNES, 2 * pilot.block_min_tonnes)
    blocks: list[Part] = []
    for index, size in enumerate(sizes(random, block_tonnes, mean, *bounds)):
        number = blocks[0].day if index == 1 else random.choices(range(len(days)), weights)[0]
        band = _band(path[number], _PILOT_BLOCK_BAND)
        blocks.append(Part(number, size, round(path[number] * random.uniform(0.98, 1.02)), band, bounds))
    settle(blocks, left)
    by_day: list[list[Deal]] = [[] for _ in days]
    for is_block, parts in ((False, screen), (True, blocks)):
        for part in parts:
            price = part.price * tick
            by_day[part.day].append(Deal(pilot.symbol, days[part.day], is_block, part.tonnes, price))
    return path[0] * tick, [deal for deals in by_day for deal in deals]


def _pilot_path(random: Random, weights: list[float], average: float) -> list[int]:
    """A wave and a walk of its own, around what is the average where most is traded."""
    length, begin, depth = random.uniform(35, 80), random.uniform(0, tau), random.uniform(0.02, 0.08)
    moves = []
    walk = 0.0
    for number in range(len(weights)):
        walk = 0.97 * walk + random.gauss(0, 0.007)
        moves.append(1 + walk + depth * sin(begin + tau * number / length))
    mean = sum(weight * move for weight, move in zip(weights, moves, strict=True)) / sum(weights)
    return [round(average * move / mean) for move in moves]
