"""The table `screen` of an instrument: how its orders meet, and whether everyone is shown each of them."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from carbonmatch.config.section import Section
from carbonmatch.limits import SCREEN_LEVELS_MAX
from carbonmatch.matching.messages import OrderChoice, Oversize, ScreenMechanism, ScreenRules

MechanismName = Literal["continuous", "listing", "middle_price"]
OrderChoiceName = Literal["any", "first"]
OversizeName = Literal["reject", "fill_available"]


class Screen(Section, frozen=True):
    """As `ScreenRules`, field by field."""

    mechanism: MechanismName = "continuous"
    levels_max: Annotated[int, Meta(ge=0, le=SCREEN_LEVELS_MAX)] = 5  # 0: all
    order_choice: OrderChoiceName = "any"
    strict_level_order: bool = True
    oversize: OversizeName = "reject"
    order_list: bool = False

    def rules(self) -> ScreenRules:
        return ScreenRules(
            ScreenMechanism[self.mechanism.upper()],
            self.levels_max,
            OrderChoice[self.order_choice.upper()],
            self.strict_level_order,
            Oversize[self.oversize.upper()],
            self.order_list,
        )


def in_words(screen: Screen) -> Iterator[str]:
    """What it means, for the person who wrote it; nothing of what every instrument does."""
    many = f"the best {screen.levels_max} levels" if screen.levels_max else "all levels"
    levels = "the best level" if screen.levels_max == 1 else many
    if screen.mechanism == "listing":
        yield f"listing: no order trades by itself, a taker selects an order of {levels} of the other side"
        level = "only the best level that has another owner's order" if screen.strict_level_order else levels
        order = "any order" if screen.order_choice == "any" else "the order that has been there longest"
        yield f"selected may be {order}, of {level}"
        if screen.oversize == "reject":
            yield "a selection of more than the order has left is refused"
        else:
            yield "a selection of more than the order has left trades what is left, and the rest is canceled"
    elif screen.mechanism == "middle_price":
        yield (
            "orders that cross trade at the middle one of bid, ask and previous price; the previous price of "
            "the first trade of a day is the reference price"
        )
    if screen.order_list:
        yield f"market data has each order of {levels}"
