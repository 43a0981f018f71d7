"""What few orders say beyond price, quantity and time in force: stops, icebergs, minimum, expiry."""

from carbonmatch.matching.messages import OrderType


class Terms:
    """Belongs to one order; most have none (`Order.terms` is None).

    A stop `waits` on a `StopLadder`, since the command with the sequence `waits_since`; 0 for all that is
    no stop, or has fired. `price_ticks` is what it goes in with when it fires: its limit, or its
    protection price (0: the instrument's). `minimum_lots` is what is still to be met; `expires_ns` is 0
    where the order has no time. What is left of an order that `ends_with_auction` goes after the auction.
    """

    __slots__ = (
        "display_lots",
        "ends_with_auction",
        "expires_ns",
        "minimum_lots",
        "order_type",
        "price_ticks",
        "waits_since",
    )

    def __init__(
        self,
        order_type: OrderType,
        price_ticks: int,
        display_lots: int,
        minimum_lots: int,
        expires_ns: int,
        waits_since: int,
        ends_with_auction: bool = False,
    ) -> None:
        self.order_type = order_type
        self.price_ticks = price_ticks
        self.display_lots = display_lots
        self.minimum_lots = minimum_lots
        self.expires_ns = expires_ns
        self.waits_since = waits_since
        self.ends_with_auction = ends_with_auction
