"""How orders of an instrument meet on the screen: part of the vocabulary in `messages`.

The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from enum import IntEnum, unique
from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import SCREEN_LEVELS_MAX
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.enums import Side
from carbonmatch.matching.vocabulary.fields import (
    AccountId,
    AccountIdField,
    InstrumentIdField,
    NumberField,
    OrderId,
    OrderIdField,
    RefField,
)


@unique
class ScreenMechanism(IntEnum):
    """How orders that rest come to trade."""

    CONTINUOUS = 1  # orders that cross trade at once, at the price of the one that rests
    LISTING = 2  # orders never trade by themselves, also where they cross: a taker selects one
    MIDDLE_PRICE = 3  # orders that cross trade at once, at the middle one of bid, ask and previous price


@unique
class OrderChoice(IntEnum):
    """Which listed order of a level a taker may select."""

    ANY = 1  # whichever
    FIRST = 2  # the one that has been there longest, of those that are not the taker's own


@unique
class Oversize(IntEnum):
    """What becomes of a selection of more lots than the order has left."""

    REJECT = 1  # it is refused
    FILL_AVAILABLE = 2  # what is left trades, the rest is canceled


class ScreenRules(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """How orders meet on the screen, and whether everyone is shown each of them."""

    mechanism: ScreenMechanism = ScreenMechanism.CONTINUOUS  # how orders that rest come to trade
    # So many of the best price levels of a side can be selected from, and are in the order list; 0: all.
    levels_max: Annotated[int, Meta(ge=0, le=SCREEN_LEVELS_MAX)] = 5
    order_choice: OrderChoice = OrderChoice.ANY  # which order of a level may be selected
    strict_level_order: bool = True  # only the best level may be selected from that has another owner's order
    oversize: Oversize = Oversize.REJECT  # of a selection of more than the order has left
    order_list: bool = False  # whether market data has the orders of these levels one by one


class Select(Command, frozen=True, tag=25):
    """Trades with one listed order, at its price. Answered as an order that ends at once."""

    ref: RefField
    instrument_id: InstrumentIdField
    side: Side  # what the taker does; the listed order is of the other side
    quantity_lots: NumberField
    order_id: OrderIdField = OrderId(0)  # the listed order; 0: the first of the best level
    price_ticks: NumberField = 0  # the worst price the taker accepts; 0: whatever the order stands at
    account_id: AccountIdField = AccountId(0)  # 0: the session's first account
