"""What nobody has published and the replay needs: assumptions, each with its reason, none of them a claim.

`text` says them in the report. To replace one by a figure, change it here: the totals of `figures` stay.
"""

from datetime import date
from typing import Final

from msgspec import Struct

from carbonmatch.launch.figures import FIRST_DAY, LAST_DAY


class Stretch(Struct, frozen=True):
    """Days of the national market whose totals follow from published ones, as sections together."""

    first: date
    last: date
    tonnes: int
    fen: int
    # Of these in the listed section; the rest is blocks.
    listed_tonnes: int
    # Exactly this money in the listed section, where it is published.
    listed_fen: int | None = None


# Tonnes and money are differences of published cumulated totals; `listed_tonnes` is assumed wherever
# `listed_fen` is None, so that the listed section of the whole cycle comes to its published total.
# The money of the last week is not published: 47.50 CNY a tonne is assumed for it, between the average of
# the second half of December (44.58) and the listed closes of that week.
STRETCHES: Final = (
    # 4.1 Mt for CNY 210 m are 51.2195 a tonne, which rounds to another close than 51.23: one block at 50.80.
    Stretch(FIRST_DAY, FIRST_DAY, 4_100_000, 210_000_000_00, 4_000_000, 204_920_000_00),
    Stretch(date(2021, 7, 19), date(2021, 8, 10), 2_341_830, 115_069_814_02, 560_000),
    Stretch(date(2021, 8, 11), date(2021, 8, 11), 20_000, 1_118_000_00, 20_000, 1_118_000_00),
    Stretch(date(2021, 8, 12), date(2021, 8, 18), 567_013, 29_355_169_43, 67_013),
    Stretch(date(2021, 8, 19), date(2021, 8, 19), 4_001, 202_002_00, 4_001, 202_002_00),
    Stretch(date(2021, 8, 20), date(2021, 9, 30), 10_616_151, 444_983_699_53, 820_000),
    Stretch(date(2021, 10, 8), date(2021, 10, 29), 2_552_970, 107_426_347_62, 407_431, 17_650_040_91),
    Stretch(date(2021, 11, 1), date(2021, 11, 19), 9_894_793, 386_962_614_66, 1_450_000),
    Stretch(date(2021, 11, 22), date(2021, 11, 26), 7_131_454, 301_400_074_68, 1_501_606, 64_483_958_98),
    Stretch(date(2021, 11, 29), date(2021, 12, 14), 62_600_786, 2_544_420_284_88, 8_150_000),
    Stretch(date(2021, 12, 15), date(2021, 12, 24), 50_889_840, 2_186_942_696_17, 6_400_000),
    Stretch(date(2021, 12, 27), LAST_DAY, 28_070_512, 1_333_349_320_00, 7_394_545),
)

# Listed closes between the published ones, in fen: the path goes straight from one to the next, with noise.
# Around 40 in autumn and above 50 at the end, as is reported; the rest is for the published money to fit.
WAYPOINTS: Final = (
    (date(2021, 8, 2), 53_60),
    (date(2021, 8, 18), 51_90),
    (date(2021, 9, 10), 45_20),
    (date(2021, 10, 12), 44_00),
    (date(2021, 10, 18), 44_90),
    (date(2021, 10, 21), 42_20),
    (date(2021, 12, 14), 41_40),
    (date(2021, 12, 24), 46_40),
    (date(2021, 12, 28), 52_90),
    (date(2021, 12, 29), 57_20),
    (date(2021, 12, 30), 58_02),
)
# Listed tonnes of days whose close is published, where no more is known of the day.
CLOSE_DAY_TONNES: Final = {
    date(2021, 8, 10): 24_000,
    date(2021, 9, 30): 61_000,
    date(2021, 10, 29): 38_000,
    date(2021, 11, 19): 150_000,
    date(2021, 11, 26): 310_000,
    LAST_DAY: 900_000,
}
# On which day the published extremes were traded, as (day, fen).
EXTREME_TRADES: Final = (
    (date(2021, 10, 19), 48_49),
    (date(2021, 10, 22), 38_50),
    (date(2021, 11, 23), 43_50),
    (date(2021, 11, 25), 42_79),
    (date(2021, 12, 30), 62_29),
)
EXTREME_TONNES: Final = 500

LISTED_MEAN_TONNES: Final = 2_600
BLOCK_MEAN_TONNES: Final = 320_000


class Pilot(Struct, frozen=True):
    """A pilot's part of the seven pilots' total, and how it trades it."""

    symbol: str
    place: str
    tonnes: int
    average_fen: int
    block_share_percent: int
    block_min_tonnes: int
    tick_fen: int = 1
    companies: int = 60


# The split of the 445 Mt, the price levels and the share of blocks are assumed: sizes and levels in the order
# in which these markets are usually named, with Guangdong taking what closes the sum to the fen.
PILOTS: Final = (
    Pilot("BEA", "Beijing", 20_000_000, 55_00, 45, 10_000, tick_fen=10),
    Pilot("TJEA", "Tianjin", 20_000_000, 13_00, 60, 200_000),
    Pilot("SHEA", "Shanghai", 38_000_000, 32_00, 55, 100_000),
    Pilot("CQEA", "Chongqing", 12_000_000, 9_20, 50, 10_000),
    Pilot("GDEA", "Guangdong", 160_000_000, 20_00, 60, 100_000),
    Pilot("HBEA", "Hubei", 150_000_000, 22_50, 50, 10_000),
    Pilot("SZEA", "Shenzhen", 45_000_000, 26_00, 55, 10_000),
)
PILOT_SCREEN_MEAN_TONNES: Final = 9_000
PILOT_BLOCK_MEAN_TONNES: Final = 260_000

# All allowances of the national market at its opening, over all companies: two years of about 4.5 Gt would be
# more, and it matters only that nobody runs out of them.
ALLOCATED_TONNES: Final = 8_000_000_000


def texts() -> list[str]:
    """What is assumed, in words, for the report."""
    split = ", ".join(
        f"{pilot.place} {pilot.tonnes / 1e6:g} Mt at {pilot.average_fen / 100:.2f}" for pilot in PILOTS
    )
    return [
        "Who the companies are: sizes, which of them sell, who deals with whom, when in the day, and in "
        "which portions. Their allowances and money at the beginning.",
        "The first day is taken as exactly 4,100,000 t and 210,000,000.00 CNY, which are published rounded. "
        "100,000 t of it are one block at 50.80: without one, that money gives another close than 51.23.",
        "How much of each stretch was listed, where only the sum of both sections is published; the listed "
        "total of the cycle is published and met.",
        "The money of the last week: 47.50 CNY a tonne. The week before it takes what that leaves.",
        "Listed closes between the published ones, and on which day a published extreme was traded. "
        "Prices of blocks: around the average of their stretch, inside their band.",
        "The pilots' 445 Mt and 10.431 bn CNY are published for all their years up to the end of 2020. Here "
        "they are traded in the 114 days of the cycle, as a load beside the national one, and not as what "
        "happened in these days.",
        f"How the pilots share them, in CNY a tonne on average: {split}; Guangdong takes what closes the sum "
        "to the fen. Their prices, days, blocks and companies.",
        "All pilots trade on the national market's calendar.",
    ]
