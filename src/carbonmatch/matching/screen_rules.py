"""What each mechanism of the screen admits, and which rules of an instrument do not go together."""

from collections.abc import Iterator
from typing import Final

from carbonmatch.matching.messages import (
    AllowedFlag,
    InstrumentDefinition,
    ScreenMechanism,
    SelfTradePrevention,
)
from carbonmatch.matching.volatility_rules import has_corridor, has_interval

_RESTING: Final = AllowedFlag.DAY | AllowedFlag.GTC | AllowedFlag.GTD
# What orders may be at all, whatever else an instrument allows. A listed order does nothing but rest. Where
# the price of a trade is the middle one, both limits are part of it, and an order without one of its own has
# none to give; icebergs and stops are in no rule text of such a market.
ADMITTED: Final[dict[ScreenMechanism, int]] = {
    ScreenMechanism.CONTINUOUS: AllowedFlag.ALL,
    ScreenMechanism.LISTING: AllowedFlag.LIMIT | _RESTING,
    ScreenMechanism.MIDDLE_PRICE: (
        AllowedFlag.LIMIT | AllowedFlag.POST_ONLY | _RESTING | AllowedFlag.IOC | AllowedFlag.FOK
    ),
}
assert ADMITTED.keys() == set(ScreenMechanism)
# A taker's own orders cannot be selected, or can: nothing is canceled or reduced instead.
_SELF_SELECTION: Final = frozenset({SelfTradePrevention.NONE, SelfTradePrevention.CANCEL_NEWEST})


def faults(definition: InstrumentDefinition) -> Iterator[str]:
    """What of a definition does not go with its mechanism, each as `key: words`."""
    mechanism = definition.screen.mechanism
    name = mechanism.name.lower()
    if mechanism is ScreenMechanism.CONTINUOUS:
        return
    if definition.allowed & ~ADMITTED[mechanism]:
        yield (
            f"order_types and times_in_force: {name} has {', '.join(_words(ADMITTED[mechanism]))} only, "
            f"found {', '.join(_words(definition.allowed & ~ADMITTED[mechanism]))} too"
        )
    rules = definition.volatility
    if rules is not None and (has_corridor(rules) or has_interval(rules)):
        yield f"volatility: {name} has a collar only; expected no interruption and no interval price limit"
    if mechanism is ScreenMechanism.LISTING and definition.self_trade_prevention not in _SELF_SELECTION:
        yield (
            f"self_trade_prevention: {definition.self_trade_prevention.name.lower()} is for orders that meet "
            "by themselves; expected cancel_newest (own orders cannot be selected) or none (they can)"
        )
    if mechanism is ScreenMechanism.MIDDLE_PRICE and not definition.reference_price_ticks:
        yield (
            "reference_price_ticks: 0, but it is the previous price of the first trade of a day; "
            "expected more than 0"
        )


def _words(allowed: int) -> list[str]:
    """The kinds of order that these bits are, as a configuration has them."""
    return [
        name.lower()
        for name, bit in vars(AllowedFlag).items()
        if isinstance(bit, int) and bit & allowed == bit and bit.bit_count() == 1
    ]
