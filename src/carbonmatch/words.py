"""Numbers of the core as people read them, and texts of others as a terminal may show them."""

from datetime import UTC, datetime
from unicodedata import category


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


def printable(text: str) -> str:
    """The text with what steers a terminal or turns the direction of writing escaped."""
    if text.isprintable():
        return text
    return "".join(_escaped(one) if _steers(one) else one for one in text)


def _steers(one: str) -> bool:
    """Controls, formats (which turn the direction of writing), surrogates, ends of lines and paragraphs."""
    return category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escaped(one: str) -> str:
    return ascii(one)[1:-1]
