"""How surely the rules of a market profile are known."""

from typing import Final, Literal

from msgspec import Struct

# The rules of a market, as a person asks for them.
RuleName = Literal[
    "books",
    "mechanisms",
    "selection",
    "trade_price",
    "oversize",
    "lot",
    "tick",
    "screen_size",
    "block_size",
    "band",
    "block_band",
    "rounding",
    "reference",
    "close",
    "open",
    "sessions",
    "block_sessions",
    "end_of_day",
    "call_auction",
    "validity",
    "order_types",
    "cancels",
    "checks",
    "lag",
    "proceeds",
    "priority",
    "negotiation",
    "bidding",
    "position_limit",
    "large_holder",
    "collar",
    "volatility",
    "self_trade",
    "composite",
    "carry_over",
    "fees",
]
Certainty = Literal["read", "recalled", "verify", "ours", "unknown"]

IN_WORDS: Final[dict[Certainty, str]] = {
    "read": "read in a public text",
    "recalled": "from the rules, recalled and not read again",
    "verify": "by hearsay: verify before anybody relies on it",
    "ours": "nothing found in the rules: our choice",
    "unknown": "there is a rule, and its number is unknown: our choice until somebody sets it",
}


class Evidence(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Of one rule; `source` by the number of a document where there is one."""

    certainty: Certainty
    source: str = ""
