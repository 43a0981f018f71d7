"""A venue of each shipped profile, on a trading day of its market: what the rules say is what happens.

Examples are those that the rules or the exchanges give themselves. Times are UTC.
"""

from msgspec import structs

from carbonmatch.config import Config, parse
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import Phase, Ref, RejectReason, Side, TradeKind
from tests.server.test_schedules import OTHER, OTHERS, TRADER, Market, pass_time
from tests.test_timetable import utc

BUY, SELL = Side.BUY, Side.SELL
# The account of the other trader.
THEIRS = m.AccountId(2)


def venue_of(name: str, adjusted: str = "") -> Config:
    """A profile, with two traders and an operator."""
    return parse(f'profiles = ["{name}"]\n{adjusted}\n{OTHERS}', "venue.toml")


class Floor(Market):
    """The venue, and what everybody hears of trades."""

    def __init__(self, name: str, now: str, adjusted: str = "") -> None:
        self.trades: list[tuple[int, int, TradeKind]] = []
        super().__init__(now, venue_of(name, adjusted))
        self.number = self.config.instruments[0].id

    def _publish(self, outputs: m.Outputs, time_ns: int) -> None:
        self.refused += outputs.refusals
        self.trades += [
            (event.price_ticks, event.quantity_lots, event.kind)
            for event in outputs.public
            if type(event) is m.Traded
        ]

    def clock(self, now: str) -> None:
        pass_time(self, utc(now))

    def phase(self, instrument: m.InstrumentId | None = None) -> Phase:
        return super().phase(self.number if instrument is None else instrument)

    def order(self, session: m.SessionId, side: Side, lots: int, price_ticks: int) -> Ref:
        """An order of the day; its ref."""
        ref = self.ref(session)
        self.send(
            session, m.NewOrder(ref, self.number, side, lots, price_ticks, time_in_force=m.TimeInForce.DAY)
        )
        return ref

    def block(self, lots: int, price_ticks: int) -> None:
        """Offered by one side to the other, which accepts."""
        ref = self.ref(TRADER)
        offer = m.BlockPropose(ref, self.number, SELL, lots, price_ticks, counterparty_account_id=THEIRS)
        self.send(TRADER, offer)
        blocks = self.engine.books[self.number].blocks
        assert blocks is not None
        for number in list(blocks.proposals):
            self.send(OTHER, m.BlockAccept(self.ref(OTHER), number, lots, price_ticks))

    def resting(self) -> list[tuple[int, int]]:
        """Price and lots of each order, in the order of their coming."""
        orders = sorted(self.engine.books[self.number].orders(), key=lambda one: one.order_id)
        return [(one.level.price_ticks, one.leaves_lots) for one in orders]

    def refusals(self) -> list[RejectReason]:
        """Since the last time."""
        refused, self.refused = self.refused, []
        return refused


# --- China's national market: opens at 01:30, pauses from 03:30 to 05:00, closes at 07:00 ------------------


def test_cea_admits_prices_within_ten_percent_of_the_reference() -> None:
    """48.00, the first reference price: the first trade was made at 52.78."""
    floor = Floor("cea", "2021-07-16 01:30")
    floor.order(TRADER, SELL, 10, 52_78)
    floor.order(TRADER, SELL, 10, 52_80)
    floor.order(TRADER, BUY, 10, 43_20)
    assert floor.refusals() == []
    floor.order(TRADER, SELL, 10, 52_81)
    floor.order(TRADER, BUY, 10, 43_19)
    assert floor.refusals() == [RejectReason.OUTSIDE_BAND] * 2


def test_cea_admits_listed_orders_below_100_000_tonnes() -> None:
    floor = Floor("cea", "2021-07-16 01:30")
    floor.order(TRADER, SELL, 99_999, 50_00)
    assert floor.refusals() == []
    floor.order(TRADER, SELL, 100_000, 50_00)
    assert floor.refusals() == [RejectReason.ABOVE_MAXIMUM]


def test_cea_orders_never_trade_by_themselves_and_any_of_the_best_level_may_be_selected() -> None:
    floor = Floor("cea", "2021-07-16 01:30")
    floor.order(TRADER, SELL, 300, 50_00)
    floor.order(TRADER, SELL, 200, 50_00)
    floor.order(TRADER, SELL, 100, 50_10)
    floor.order(OTHER, BUY, 100, 50_10)
    assert floor.trades == []
    second = sorted(floor.engine.books[floor.number].orders(), key=lambda one: one.order_id)[1]
    floor.send(OTHER, m.Select(floor.ref(OTHER), floor.number, BUY, 150, second.order_id))
    assert floor.trades == [(50_00, 150, TradeKind.LISTED)]
    assert floor.resting() == [(50_00, 300), (50_00, 50), (50_10, 100), (50_10, 100)]


def test_cea_follows_its_day_and_what_is_left_expires() -> None:
    floor = Floor("cea", "2021-07-16 01:29")
    assert floor.phase() is Phase.CLOSED
    for now, phase in (
        ("01:30", Phase.CONTINUOUS),
        ("03:30", Phase.BREAK),
        ("05:00", Phase.CONTINUOUS),
        ("07:00", Phase.CLOSED),
    ):
        floor.clock(f"2021-07-16 {now}")
        assert floor.phase() is phase
        if phase is Phase.CONTINUOUS:
            floor.order(TRADER, SELL, 1, 50_00)
    assert floor.resting() == []
    floor.clock("2021-09-20 02:00")
    assert floor.phase() is Phase.CLOSED, "the Mid-Autumn Festival"


def test_cea_negotiates_blocks_of_100_000_tonnes_within_thirty_percent_in_the_afternoon() -> None:
    floor = Floor("cea", "2021-07-16 02:00")
    floor.block(100_000, 40_00)
    assert floor.refusals() == [RejectReason.NOT_IN_THIS_PHASE], "at ten in the morning"
    floor.clock("2021-07-16 05:00")
    floor.block(99_999, 40_00)
    floor.block(100_000, 33_59)
    floor.block(100_000, 62_41)
    assert floor.refusals() == [RejectReason.BELOW_MINIMUM, *[RejectReason.OUTSIDE_BAND] * 2]
    floor.block(100_000, 33_60)
    floor.block(100_000, 62_40)
    assert floor.refusals() == []
    assert floor.trades == [(33_60, 100_000, TradeKind.BLOCK), (62_40, 100_000, TradeKind.BLOCK)]


def test_cea_vintages_begin_when_they_are_listed() -> None:
    floor = Floor("cea", "2025-04-28 02:00")
    cea24 = next(one.id for one in floor.config.instruments if one.symbol == "CEA24")
    assert (floor.phase(), floor.phase(cea24)) == (Phase.CONTINUOUS, Phase.CLOSED)
    floor.clock("2025-04-29 02:00")
    assert floor.phase(cea24) is Phase.CONTINUOUS


# --- pilots -----------------------------------------------------------------------------------------


def test_gdea_selects_the_first_order_of_the_best_level_alone() -> None:
    floor = Floor("gdea", "2026-03-02 01:30")
    floor.order(TRADER, SELL, 300, 50_00)
    floor.order(TRADER, SELL, 200, 50_00)
    floor.order(TRADER, SELL, 100, 50_10)
    first, second, third = sorted(floor.engine.books[floor.number].orders(), key=lambda one: one.order_id)
    for one in (second, third, first):
        floor.send(OTHER, m.Select(floor.ref(OTHER), floor.number, BUY, 100, one.order_id))
    assert floor.refusals() == [RejectReason.NOT_SELECTABLE] * 2
    assert floor.trades == [(50_00, 100, TradeKind.LISTED)]


def test_gdea_trades_in_the_afternoon_until_half_past_three() -> None:
    floor = Floor("gdea", "2026-03-02 05:29")
    assert floor.phase() is Phase.BREAK
    floor.clock("2026-03-02 07:29")
    assert floor.phase() is Phase.CONTINUOUS
    floor.clock("2026-03-02 07:30")
    assert floor.phase() is Phase.CLOSED


def test_shea_trades_whatever_crosses_in_the_order_of_price_and_time() -> None:
    floor = Floor("shea", "2026-03-02 01:30")
    floor.order(TRADER, SELL, 10, 62_00)
    floor.order(TRADER, SELL, 20, 61_00)
    floor.order(OTHER, BUY, 25, 62_00)
    assert floor.trades == [(61_00, 20, TradeKind.CONTINUOUS), (62_00, 5, TradeKind.CONTINUOUS)]


# --- other markets ----------------------------------------------------------------------------------


def test_eua_auctions_and_trades_lots_of_a_thousand_tonnes() -> None:
    floor = Floor("eua_spot", "2026-03-02 06:56")
    floor.order(TRADER, SELL, 5, 80_00)
    floor.order(OTHER, BUY, 3, 80_10)
    assert floor.phase() is Phase.OPENING_AUCTION
    floor.clock("2026-03-02 07:00")
    assert floor.phase() is Phase.CONTINUOUS
    assert [(lots, kind) for _, lots, kind in floor.trades] == [(3, TradeKind.AUCTION)]
    floor.order(OTHER, BUY, 2, 80_00)
    assert floor.trades[1:] == [(80_00, 2, TradeKind.CONTINUOUS)]
    definition = floor.engine.instruments[floor.number].definition
    # 2 lots at 80.00 EUR are 2,000 t at 80 EUR.
    assert 80_00 * 2 * definition.tick_value_minor == 160_000_00


def test_kau_opens_with_the_example_of_the_exchange() -> None:
    """600 t at 7,830: the first sale there is filled with 150, the second with 100 of 200, the third not."""
    floor = Floor("kau", "2026-03-02 00:00", "[adjust.instruments.KAU]\nreference_price_ticks = 7800")
    sells = [
        (7_810, 150), (7_820, 200), (7_830, 150), (7_830, 200), (7_830, 50), (7_840, 300), (7_850, 750),
        (7_860, 450),
    ]  # fmt: skip
    buys = [
        (7_850, 100), (7_840, 150), (7_830, 200), (7_830, 150), (7_820, 400), (7_810, 500), (7_800, 650),
    ]  # fmt: skip
    for price_ticks, lots in sells:
        floor.order(TRADER, SELL, lots, price_ticks)
    for price_ticks, lots in buys:
        floor.order(OTHER, BUY, lots, price_ticks)
    # In the last minute nothing is taken back.
    floor.clock("2026-03-02 00:59")
    floor.send(TRADER, m.Cancel(floor.ref(TRADER), Ref(1)))
    assert floor.refusals() == [RejectReason.FROZEN]
    floor.clock("2026-03-02 01:00")
    assert {(price, kind) for price, _, kind in floor.trades} == {(7_830, TradeKind.AUCTION)}
    assert sum(lots for _, lots, _ in floor.trades) == 600
    assert [one for one in floor.resting() if one[0] == 7_830] == [(7_830, 100), (7_830, 50)]
    floor.clock("2026-03-02 02:30")
    assert floor.phase() is Phase.CLOSING_AUCTION
    floor.clock("2026-03-02 03:00")
    assert floor.phase() is Phase.CLOSED


def test_kau_admits_limit_orders_of_at_most_100_000_tonnes() -> None:
    floor = Floor("kau", "2026-03-02 01:00", "[adjust.instruments.KAU]\nreference_price_ticks = 7800")
    floor.order(TRADER, SELL, 100_000, 7_800)
    floor.order(TRADER, SELL, 100_001, 7_800)
    market = m.NewOrder(floor.ref(TRADER), floor.number, BUY, 1, order_type=m.OrderType.MARKET)
    floor.send(TRADER, structs.replace(market, time_in_force=m.TimeInForce.DAY))
    assert floor.refusals() == [RejectReason.ABOVE_MAXIMUM, RejectReason.ORDER_TYPE_NOT_ALLOWED]


def test_a_plain_market_trades_round_the_clock() -> None:
    floor = Floor("continuous", "2026-03-01 23:00")
    floor.order(TRADER, SELL, 10, 62_00)
    floor.order(OTHER, BUY, 25, 62_00)
    assert floor.trades == [(62_00, 10, TradeKind.CONTINUOUS)]
    assert floor.resting() == [(62_00, 15)]
