"""What is known of the first compliance cycle, and from where: the totals that the replay has to reproduce.

Everything else about it (who traded with whom, when in the day, in which portions) is made up, from a
seed; what had to be assumed between the published figures is in `assumptions`.

Money is in fen, which is also one tick on one tonne: 0.01 CNY.
"""

from datetime import date
from typing import Final, Literal

from msgspec import Struct

FEN: Final = 100

FIRST_DAY: Final = date(2021, 7, 16)
LAST_DAY: Final = date(2021, 12, 31)
# Who was on the list when the national market opened.
COMPANIES: Final = 2_225

# Statutory holidays on weekdays: Mid-Autumn (19 to 21 September) and National Day (1 to 7 October).
HOLIDAYS: Final = (
    date(2021, 9, 20),
    date(2021, 9, 21),
    date(2021, 10, 1),
    date(2021, 10, 4),
    date(2021, 10, 5),
    date(2021, 10, 6),
    date(2021, 10, 7),
)

Section = Literal["listed", "block", "all"]


class Source(Struct, frozen=True):
    """Where a figure was read."""

    key: str
    title: str
    address: str = ""


PRESS: Final = Source(
    "press", "press reports of the opening and of the pilots, as collected for this project"
)
YEAR: Final = Source(
    "year",
    "Shanghai Environment and Energy Exchange, national market, data of the year 20210716-20211231",
    "overview.cneeex.com/c/2021-12-31/491811.shtml",
)
OCTOBER: Final = Source(
    "october",
    "Shanghai Environment and Energy Exchange, data of the month 20211008-20211029, at cnstock.com",
    "news.cnstock.com/zhibo,ztzbtjy-202110-4774868.htm",
)
WEEK: Final = Source(
    "week",
    "Shanghai Environment and Energy Exchange, data of the week 20211122-20211126, at syerex.com",
    "www.syerex.com/nd.jsp?fromColId=116&id=74",
)
AUGUST_11: Final = Source(
    "august-11",
    "Shanghai Environment and Energy Exchange, data of the day 20210811, kept by yrdcpcn.org.cn",
    "ayacd.yrdcpcn.org.cn/_d3/c58339/20240409/i100274.phtml",
)
AUGUST_19: Final = Source(
    "august-19",
    "Hubei Emission Exchange, clearing report of the national market of 19 August 2021",
    "www.hbets.cn/view_620.html",
)
DECEMBER_14: Final = Source("december-14", "China News Service, 14 December 2021, by the exchange's data")
SOURCES: Final = (PRESS, YEAR, OCTOBER, WEEK, AUGUST_11, AUGUST_19, DECEMBER_14)


class Total(Struct, frozen=True):
    """Tonnes and money of a section of the national market over some days, both included. None: not known."""

    name: str
    first: date
    last: date
    section: Section
    tonnes: int
    fen: int | None
    source: Source


# In the order in which they were published.
NATIONAL: Final = (
    Total("first day", FIRST_DAY, FIRST_DAY, "all", 4_100_000, 210_000_000_00, PRESS),
    Total("to 11 August", FIRST_DAY, date(2021, 8, 11), "all", 6_461_830, 326_187_814_02, AUGUST_11),
    Total("11 August", date(2021, 8, 11), date(2021, 8, 11), "listed", 20_000, 1_118_000_00, AUGUST_11),
    Total("11 August", date(2021, 8, 11), date(2021, 8, 11), "block", 0, 0, AUGUST_11),
    Total("to 19 August", FIRST_DAY, date(2021, 8, 19), "all", 7_032_844, 355_744_985_45, AUGUST_19),
    Total("19 August", date(2021, 8, 19), date(2021, 8, 19), "listed", 4_001, 202_002_00, AUGUST_19),
    Total("19 August", date(2021, 8, 19), date(2021, 8, 19), "block", 0, 0, AUGUST_19),
    Total("October", date(2021, 10, 8), date(2021, 10, 29), "listed", 407_431, 17_650_040_91, OCTOBER),
    Total("October", date(2021, 10, 8), date(2021, 10, 29), "block", 2_145_539, 89_776_306_71, OCTOBER),
    Total("to October", FIRST_DAY, date(2021, 10, 29), "all", 20_201_965, 908_155_032_60, OCTOBER),
    Total(
        "22 to 26 November", date(2021, 11, 22), date(2021, 11, 26), "listed", 1_501_606, 64_483_958_98, WEEK
    ),
    Total(
        "22 to 26 November", date(2021, 11, 22), date(2021, 11, 26), "block", 5_629_848, 236_916_115_70, WEEK
    ),
    Total("to 26 November", FIRST_DAY, date(2021, 11, 26), "all", 37_228_212, 1_596_517_721_94, WEEK),
    Total("to 14 December", FIRST_DAY, date(2021, 12, 14), "all", 99_828_998, 4_140_938_006_82, DECEMBER_14),
    Total("last week", date(2021, 12, 27), LAST_DAY, "all", 28_070_512, None, PRESS),
    Total("first cycle", FIRST_DAY, LAST_DAY, "listed", 30_774_596, 1_451_471_161_73, YEAR),
    Total("first cycle", FIRST_DAY, LAST_DAY, "block", 148_014_754, 6_209_758_861_26, YEAR),
    Total("first cycle", FIRST_DAY, LAST_DAY, "all", 178_789_350, 7_661_230_022_99, YEAR),
)


class Price(Struct, frozen=True):
    """A price of the national market's listed section that was published, in fen."""

    day: date
    name: Literal["reference", "first trade", "close"]
    fen: int
    source: Source


PRICES: Final = (
    Price(FIRST_DAY, "reference", 48_00, PRESS),
    Price(FIRST_DAY, "first trade", 52_78, PRESS),
    Price(FIRST_DAY, "close", 51_23, PRESS),
    # The day's own report says 55.90, and 1.05 % more than the day before: only 55.32 gives that.
    Price(date(2021, 8, 10), "close", 55_32, AUGUST_11),
    Price(date(2021, 8, 11), "close", 55_90, AUGUST_11),
    Price(date(2021, 8, 19), "close", 50_49, AUGUST_19),
    # October ended 0.47 % above September, the week 0.46 % below the one before.
    Price(date(2021, 9, 30), "close", 42_21, OCTOBER),
    Price(date(2021, 10, 29), "close", 42_41, OCTOBER),
    Price(date(2021, 11, 19), "close", 43_05, WEEK),
    Price(date(2021, 11, 26), "close", 42_85, WEEK),
    Price(LAST_DAY, "close", 54_22, YEAR),
)


class Extreme(Struct, frozen=True):
    """Highest and lowest price of listed trades over some days, in fen."""

    name: str
    first: date
    last: date
    low: int
    high: int
    source: Source


EXTREMES: Final = (
    Extreme("19 August", date(2021, 8, 19), date(2021, 8, 19), 50_00, 52_00, AUGUST_19),
    Extreme("October", date(2021, 10, 8), date(2021, 10, 29), 38_50, 48_49, OCTOBER),
    Extreme("22 to 26 November", date(2021, 11, 22), date(2021, 11, 26), 42_79, 43_50, WEEK),
    Extreme("first cycle", FIRST_DAY, LAST_DAY, 38_50, 62_29, YEAR),
)

# Of all seven pilots together, from their beginnings to the end of 2020.
PILOT_TONNES: Final = 445_000_000
PILOT_FEN: Final = 10_431_000_000_00

# Share of a year's volume in its last quarter, in basis points: what later years had (the tide).
FOURTH_QUARTER_SHARES: Final = {2022: 67_84, 2023: 71_61, 2024: 79_22, 2025: 58_44}
# Share of blocks in the volume, over the years, in basis points.
BLOCK_SHARE: Final = 83_00
