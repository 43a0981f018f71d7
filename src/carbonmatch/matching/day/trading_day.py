"""Which trading day an instrument is in, and which days there are.

A trading day is a date of the market's place, as a number like 20210716. The engine knows no time zones: the
steps of a schedule say which day they begin, and who ends a day says which one.
"""

from typing import Final

from carbonmatch.matching.messages import TradeId

_NS_PER_HOUR: Final = 3_600_000_000_000
# No clock on Earth is further ahead of UTC.
_FURTHEST_AHEAD_HOURS: Final = 14
_HOURS_PER_DAY: Final = 24

_DAYS_OF_MONTH: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# The calendar repeats itself after so many days. Counted from 1 March, leap days come last.
_DAYS_PER_ERA: Final = 146_097
_DAYS_FROM_MARCH_OF_YEAR_0_TO_1970: Final = 719_468


class TradingDay:
    """Invariant: `ended` only grows; what trades from `after_sequence` on is of a later day than it.

    `number` is the day that the schedule has begun last; 0: no schedule has said anything. `ended` is the
    last one that ended, 0: none has.
    """

    __slots__ = ("after_sequence", "after_trade_id", "ended", "number")

    def __init__(self) -> None:
        self.number = 0
        self.ended = 0
        self.after_sequence = 0
        self.after_trade_id = TradeId(0)

    @property
    def in_progress(self) -> int:
        """The day that has begun and not ended; 0 where it is not known."""
        return self.number if self.number > self.ended else 0

    def end(self, trading_day: int, sequence: int, last_trade_id: TradeId) -> None:
        """The day is over; what comes after this sequence, and has a larger trade id, is of the next one."""
        assert trading_day > self.ended, "no day ends twice"
        self.ended = trading_day
        self.after_sequence = sequence
        self.after_trade_id = last_trade_id


def is_date(trading_day: int) -> bool:
    """Whether the number is a date of the Gregorian calendar."""
    year, month, day = trading_day // 10_000, trading_day // 100 % 100, trading_day % 100
    if not (year and 1 <= month <= 12):
        return False
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= _DAYS_OF_MONTH[month - 1] + (is_leap and month == 2)


def latest_date(time_ns: int) -> int:
    """The date that it is at this time where on Earth it is the latest."""
    days = (time_ns // _NS_PER_HOUR + _FURTHEST_AHEAD_HOURS) // _HOURS_PER_DAY
    return _date_of(days)


def _date_of(days_since_1970: int) -> int:
    """By the proleptic Gregorian calendar: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms."""
    days = days_since_1970 + _DAYS_FROM_MARCH_OF_YEAR_0_TO_1970
    era, day_of_era = divmod(days, _DAYS_PER_ERA)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // (_DAYS_PER_ERA - 1)
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    # Of the year that begins in March: 153 days every five months.
    months = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * months + 2) // 5 + 1
    month = months + 3 if months < 10 else months - 9
    year = year_of_era + era * 400 + (month <= 2)
    return year * 10_000 + month * 100 + day
