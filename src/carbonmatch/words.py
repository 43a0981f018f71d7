"""Numbers of the core as people read them."""

from datetime import UTC, datetime


def price_text(price_ticks: int, decimals: int) -> str:
    """The price in its currency, without a float in between."""
    if not decimals:
        return str(price_ticks)
    whole, rest = divmod(price_ticks, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


def utc_text(time_ns: int) -> str:
    """ISO 8601 with all nine digits, which `datetime` would cut to six."""
    seconds, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
