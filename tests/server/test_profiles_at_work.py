"""A venue of each shipped profile, on a trading day of its market: what the rules say is what happens.

Examples are those that the rules or the exchanges give themselves. Times are UTC.
"""

from msgspec import structs

from carbonmatch.config import Config, parse
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import Phase, Ref, RejectReason, Side, TradeKind
from tests.server.test_schedules import OPERATOR, OTHER, OTHERS, TRADER, Market, pass_time
from tests.test_timetable import utc

BUY, SELL = Side.BUY, Side.SELL
# The account of the other trader.
THEIRS = m.AccountId(2)


_BIDDERS = range(11, 20)
# What every account begins with, in units and in money.
_LOTS, _MINOR = 1_000_000, 10**12
# The other trader's gateway also acts for nine bidders.
_WHO = OTHERS.replace("accounts = [2]", f"accounts = {[2, *_BIDDERS]}") + "".join(
    f'[[participants]]\nid = {number}\nname = "bidder-{number}"\n'
    f'accounts = [{{ id = {number}, name = "bidder-{number}" }}]\n'
    for number in _BIDDERS
)


def venue_of(name: str, adjusted: str = "") -> Config:
    """A profile, with two traders, nine bidders and an operator."""
    return parse(f'profiles = ["{name}"]\n{adjusted}\n{_WHO}', "venue.toml")


def reference(symbol: str, price_ticks: int) -> str:
    """What a venue adds where the profile cannot know it."""
    return f"[adjust.instruments.{symbol}]\nreference_price_ticks = {price_ticks}"


class Floor(Market):
    """The venue, and what everybody hears of trades."""

    def __init__(
        self, name: str, now: str, adjusted: str = "", lots: int = _LOTS, minor: int = _MINOR
    ) -> None:
        self.trades: list[tuple[int, int, TradeKind]] = []
        # Open and close of each day that has ended.
        self.days: list[tuple[int, int]] = []
        # Accounts of both sides of each trade.
        self.fills: list[int] = []
        super().__init__(now, venue_of(name, adjusted))
        self.number = self.config.instruments[0].id
        self._deposit(lots, minor)

    def _deposit(self, lots: int, minor: int) -> None:
        """Everybody has so many units and so much money, where the venue holds them."""
        instrument = self.config.instruments[0]
        if instrument.clearing is None or not instrument.clearing.enabled:
            return
        for account_id in (1, 2, *_BIDDERS):
            account = m.AccountId(account_id)
            self.send(OPERATOR, m.Deposit(self.ref(OPERATOR), account, self.number, lots))
            if instrument.clearing.cash:
                money = m.Deposit(
                    self.ref(OPERATOR), account, currency=instrument.currency, amount_minor=minor
                )
                self.send(OPERATOR, money)
        assert self.refusals() == []

    def _publish(self, outputs: m.Outputs, time_ns: int) -> None:
        self.refused += outputs.refusals
        reports = [report for chunk in outputs.streams for report in chunk.reports]
        self.days += [
            (event.open_price_ticks, event.close_price_ticks)
            for event in outputs.public
            if type(event) is m.DayEnded and event.instrument_id == self.number
        ]
        self.fills += [report.account_id for report in reports if type(report) is m.Executed]
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

    def announce(self, lots: int, reserve_ticks: int, opens: str, closes: str) -> int:
        """One trader sells to sealed bids; the number of the bidding."""
        self.send(
            OPERATOR,
            m.AnnounceBidding(
                self.ref(OPERATOR), self.number, TRADER, m.AccountId(1), SELL, lots, reserve_ticks,
                utc(opens), utc(closes),
            ),
        )  # fmt: skip
        return self.engine.sequence

    def bid(self, bidding: int, bidder: int, lots: int, price_ticks: int) -> None:
        bid = m.Bid(self.ref(OTHER), m.OrderId(bidding), lots, price_ticks, m.AccountId(bidder))
        self.send(OTHER, bid)

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


def test_cea_closes_at_the_average_of_listed_trades_and_goes_on_from_there() -> None:
    """100 t at 50.00 and 300 t at 52.00, and a block at 40.00: open 50.00, close 51.50."""
    floor = Floor("cea", "2021-07-16 05:00")
    floor.block(200_000, 40_00)
    for lots, price_ticks in ((100, 50_00), (300, 52_00)):
        floor.order(TRADER, SELL, lots, price_ticks)
        floor.send(OTHER, m.Select(floor.ref(OTHER), floor.number, BUY, lots))
    floor.clock("2021-07-16 07:30")
    assert floor.days == [(50_00, 51_50)]
    # 10 % around the close, rounded half up, for the next day; 30 % for blocks.
    floor.clock("2021-07-19 05:00")
    floor.order(TRADER, SELL, 1, 46_35)
    floor.order(TRADER, SELL, 1, 56_65)
    floor.block(100_000, 66_95)
    assert floor.refusals() == []
    floor.order(TRADER, SELL, 1, 46_34)
    floor.order(TRADER, SELL, 1, 56_66)
    floor.block(100_000, 66_96)
    assert floor.refusals() == [RejectReason.OUTSIDE_BAND] * 3
    # Without a listed trade open and close are the close before.
    floor.clock("2021-07-19 07:30")
    assert floor.days[1:] == [(51_50, 51_50)]


def test_cea_sells_tomorrow_what_was_bought_today_and_buys_at_once_with_what_was_sold() -> None:
    """Of 1,000 t, and 500 t that were bought today, 1,000 t may be sold."""
    floor = Floor("cea", "2021-07-16 01:30", lots=1_000, minor=500 * 50_00)
    floor.order(OTHER, SELL, 500, 50_00)
    floor.send(TRADER, m.Select(floor.ref(TRADER), floor.number, BUY, 500))
    floor.order(TRADER, SELL, 1_200, 50_00)
    floor.order(TRADER, BUY, 1, 50_00)
    assert floor.refusals() == [RejectReason.INSUFFICIENT_HOLDINGS, RejectReason.INSUFFICIENT_CASH]
    floor.order(TRADER, SELL, 1_000, 50_00)
    floor.send(OTHER, m.Select(floor.ref(OTHER), floor.number, BUY, 400))
    floor.order(TRADER, BUY, 400, 50_00)
    assert floor.refusals() == []
    floor.clock("2021-07-16 07:30")
    floor.clock("2021-07-19 01:30")
    floor.order(TRADER, SELL, 1_100, 50_00)
    assert floor.refusals() == []
    assert floor.resting() == [(50_00, 1_100)]


def test_an_exchange_that_looks_after_no_accounts_says_so() -> None:
    off = "[adjust.instruments.CEA.clearing]\nenabled = false\n"
    floor = Floor("cea", "2021-07-16 01:30", off, lots=0, minor=0)
    floor.order(TRADER, SELL, 99_999, 50_00)
    assert floor.refusals() == []
    assert floor.resting() == [(50_00, 99_999)]


def test_cea_vintages_begin_when_they_are_listed() -> None:
    floor = Floor("cea", "2025-04-28 02:00", reference("CEA24", 80_00))
    cea24 = next(one.id for one in floor.config.instruments if one.symbol == "CEA24")
    assert (floor.phase(), floor.phase(cea24)) == (Phase.CONTINUOUS, Phase.CLOSED)
    floor.clock("2025-04-29 02:00")
    assert floor.phase(cea24) is Phase.CONTINUOUS


def test_a_vintage_without_a_reference_price_stays_closed_until_an_operator_sets_its_band() -> None:
    floor = Floor("cea", "2026-03-02 02:00")
    cea25 = next(one.id for one in floor.config.instruments if one.symbol == "CEA25")
    assert (floor.phase(), floor.phase(cea25)) == (Phase.CONTINUOUS, Phase.CLOSED)
    floor.send(OPERATOR, m.SetBand(floor.ref(OPERATOR), cea25, 70_00, 63_00, 77_00))
    floor.clock("2026-03-02 05:00")
    assert floor.phase(cea25) is Phase.CONTINUOUS


def test_an_operators_reference_price_gives_a_vintage_its_band_and_opens_it() -> None:
    floor = Floor("cea", "2026-03-02 02:00")
    cea25 = next(one.id for one in floor.config.instruments if one.symbol == "CEA25")
    floor.send(OPERATOR, m.SetReference(floor.ref(OPERATOR), cea25, 70_00))
    floor.clock("2026-03-02 05:00")
    assert floor.phase(cea25) is Phase.CONTINUOUS
    definition = floor.engine.instruments[cea25].definition
    assert (definition.band_low_ticks, definition.band_high_ticks) == (63_00, 77_00)


def test_whoever_waits_for_its_band_opens_as_soon_as_it_has_one() -> None:
    """And not at the schedule's next step: the session is over by then."""
    floor = Floor("kau", "2026-03-02 00:30")
    floor.send(OPERATOR, m.SetReference(floor.ref(OPERATOR), floor.number, 7_800))
    floor.schedules.look()
    assert floor.phase() is Phase.OPENING_AUCTION
    floor.send(OPERATOR, m.SetBand(floor.ref(OPERATOR), floor.number, 0, 0, 0))
    floor.clock("2026-03-02 03:00")
    assert floor.phase() is Phase.CLOSED
    floor.clock("2026-03-03 02:00")
    assert floor.phase() is Phase.CLOSED
    floor.send(OPERATOR, m.SetReference(floor.ref(OPERATOR), floor.number, 7_800))
    floor.schedules.look()
    assert floor.phase() is Phase.CONTINUOUS


def test_a_reference_price_that_waits_for_the_next_start_opens_nothing_before() -> None:
    """A file that was read again: the engine does not know the band yet."""
    floor = Floor("cea", "2026-03-02 02:00")
    cea25 = next(one.id for one in floor.config.instruments if one.symbol == "CEA25")
    floor.schedules.take(venue_of("cea", reference("CEA25", 70_00)))
    floor.schedules.run()
    assert floor.phase(cea25) is Phase.CLOSED


def test_an_instrument_that_lost_its_band_closes_at_its_time_and_stays_closed() -> None:
    floor = Floor("cea", "2021-07-16 02:00")
    floor.order(TRADER, SELL, 1, 50_00)
    floor.send(OPERATOR, m.SetBand(floor.ref(OPERATOR), floor.number, 0, 0, 0))
    floor.clock("2021-07-16 05:00")
    assert floor.phase() is Phase.CONTINUOUS
    floor.clock("2021-07-16 07:00")
    assert (floor.phase(), floor.resting()) == (Phase.CLOSED, [])
    floor.clock("2021-07-19 02:00")
    assert floor.phase() is Phase.CLOSED


# --- pilots -----------------------------------------------------------------------------------------


def test_gdea_selects_the_first_order_of_the_best_level_alone() -> None:
    floor = Floor("gdea", "2026-03-02 01:30", reference("GDEA", 48_00))
    floor.order(TRADER, SELL, 300, 50_00)
    floor.order(TRADER, SELL, 200, 50_00)
    floor.order(TRADER, SELL, 100, 50_10)
    first, second, third = sorted(floor.engine.books[floor.number].orders(), key=lambda one: one.order_id)
    for one in (second, third, first):
        floor.send(OTHER, m.Select(floor.ref(OTHER), floor.number, BUY, 100, one.order_id))
    assert floor.refusals() == [RejectReason.NOT_SELECTABLE] * 2
    assert floor.trades == [(50_00, 100, TradeKind.LISTED)]


def test_gdea_trades_in_the_afternoon_until_half_past_three() -> None:
    floor = Floor("gdea", "2026-03-02 05:29", reference("GDEA", 48_00))
    assert floor.phase() is Phase.BREAK
    floor.clock("2026-03-02 07:29")
    assert floor.phase() is Phase.CONTINUOUS
    floor.clock("2026-03-02 07:30")
    assert floor.phase() is Phase.CLOSED


def test_shea_trades_whatever_crosses_in_the_order_of_price_and_time() -> None:
    floor = Floor("shea", "2026-03-02 01:30", reference("SHEA", 60_00))
    floor.order(TRADER, SELL, 10, 62_00)
    floor.order(TRADER, SELL, 20, 61_00)
    floor.order(OTHER, BUY, 25, 62_00)
    assert floor.trades == [(61_00, 20, TradeKind.CONTINUOUS), (62_00, 5, TradeKind.CONTINUOUS)]


def test_hbea_trades_at_the_middle_one_of_bid_ask_and_previous_price() -> None:
    for previous_ticks, expected_ticks in ((24_50, 24_50), (26_00, 25_00), (23_00, 24_00)):
        floor = Floor("hbea", "2026-03-02 01:30", reference("HBEA", previous_ticks))
        floor.order(TRADER, SELL, 10, 24_00)
        floor.order(OTHER, BUY, 10, 25_00)
        assert floor.trades == [(expected_ticks, 10, TradeKind.CONTINUOUS)]


def test_hbea_takes_half_a_percent_of_each_side_and_four_percent_of_the_seller_of_a_block() -> None:
    floor = Floor("hbea", "2026-03-02 01:30", reference("HBEA", 25_00))
    floor.order(TRADER, SELL, 10, 25_00)
    floor.order(OTHER, BUY, 10, 25_00)
    cash = floor.engine.venue.cash["CNY"]
    assert cash.fees_minor == 2 * 1_25
    floor.block(10_000, 25_00)
    assert cash.fees_minor == 2 * 1_25 + 10_000_00
    assert cash.accounts[THEIRS].total_minor == _MINOR - 250_00 - 1_25 - 250_000_00


def test_hbea_refuses_what_is_further_than_five_percent_beyond_the_opposite_best() -> None:
    floor = Floor("hbea", "2026-03-02 01:30", reference("HBEA", 25_00))
    floor.order(TRADER, SELL, 10, 24_00)
    floor.order(OTHER, BUY, 10, 25_21)
    assert floor.refusals() == [RejectReason.OUTSIDE_COLLAR]


def test_gdea_closes_where_it_opened_unless_more_than_100_tonnes_were_clicked() -> None:
    for lots, close_ticks in ((100, 48_00), (101, 50_00)):
        floor = Floor("gdea", "2026-03-02 01:30", reference("GDEA", 48_00))
        floor.order(TRADER, SELL, lots, 50_00)
        floor.send(OTHER, m.Select(floor.ref(OTHER), floor.number, BUY, lots))
        floor.clock("2026-03-02 08:00")
        assert floor.days == [(48_00, close_ticks)]


def test_hbea_closes_at_the_average_of_the_last_five_trades() -> None:
    floor = Floor("hbea", "2026-03-02 01:30", reference("HBEA", 25_00))
    for price_ticks in (24_00, 25_00, 25_10, 25_20, 25_30, 25_40):
        floor.order(TRADER, SELL, 10, price_ticks)
        floor.order(OTHER, BUY, 10, price_ticks)
    floor.clock("2026-03-02 07:30")
    [(open_ticks, close_ticks)] = floor.days
    last_five = [price for price, _, _ in floor.trades[1:]]
    assert close_ticks == sum(last_five) // 5
    assert open_ticks == floor.trades[0][0]


def test_shea_blocks_are_within_thirty_percent_of_the_close_so_far_and_free_above_500_000_tonnes() -> None:
    floor = Floor("shea", "2026-03-02 01:30", reference("SHEA", 60_00))
    floor.order(TRADER, SELL, 10, 55_00)
    floor.order(OTHER, BUY, 10, 55_00)
    # The base is the close of the day so far, 55.00, and not the reference price of the day before.
    floor.block(100_000, 71_51)
    assert floor.refusals() == [RejectReason.OUTSIDE_BAND]
    floor.block(100_000, 71_50)
    floor.block(500_001, 99_00)
    assert floor.refusals() == []
    assert [price for price, _, kind in floor.trades if kind is TradeKind.BLOCK] == [71_50, 99_00]


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


def test_eua_sales_are_covered_and_purchases_are_paid_elsewhere() -> None:
    floor = Floor("eua_spot", "2026-03-02 07:00", lots=5)
    floor.order(TRADER, SELL, 6, 80_00)
    assert floor.refusals() == [RejectReason.INSUFFICIENT_HOLDINGS]
    floor.order(TRADER, SELL, 5, 80_00)
    floor.order(OTHER, BUY, 5, 80_00)
    floor.order(OTHER, SELL, 6, 80_00)
    assert floor.refusals() == [RejectReason.INSUFFICIENT_HOLDINGS], "delivered on the next day"
    assert floor.engine.venue.cash["EUR"].accounts == {}


def test_kau_opens_with_the_example_of_the_exchange() -> None:
    """600 t at 7,830: the first sale there is filled with 150, the second with 100 of 200, the third not."""
    floor = Floor("kau", "2026-03-02 00:00", reference("KAU", 7_800))
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
    floor = Floor("kau", "2026-03-02 01:00", reference("KAU", 7_800))
    floor.order(TRADER, SELL, 100_000, 7_800)
    floor.order(TRADER, SELL, 100_001, 7_800)
    market = m.NewOrder(floor.ref(TRADER), floor.number, BUY, 1, order_type=m.OrderType.MARKET)
    floor.send(TRADER, structs.replace(market, time_in_force=m.TimeInForce.DAY))
    assert floor.refusals() == [RejectReason.ABOVE_MAXIMUM, RejectReason.ORDER_TYPE_NOT_ALLOWED]


def test_kau_is_auctioned_with_the_example_of_the_exchange() -> None:
    """10,000 t at 10,300: all who bid more, and of those at 10,300 who came first."""
    floor = Floor(
        "kau", "2026-03-02 03:00", "[adjust.instruments.KAU.bidding]\nshare_max_basis_points = 2_500"
    )
    bidding = floor.announce(10_000, 10_000, "2026-03-02 04:00", "2026-03-02 05:00")
    floor.clock("2026-03-02 04:00")
    bids = [
        (1_000, 11_000), (1_500, 11_000), (2_500, 11_000), (1_000, 10_500), (2_000, 10_500),
        (1_000, 10_300), (1_000, 10_300), (2_000, 10_300), (2_000, 10_000),
    ]  # fmt: skip
    for bidder, (lots, price_ticks) in enumerate(bids, 11):
        floor.bid(bidding, bidder, lots, price_ticks)
    assert floor.refusals() == []
    floor.clock("2026-03-02 05:00")
    assert floor.trades == [
        (10_300, lots, TradeKind.BIDDING) for lots in (1_000, 1_500, 2_500, 1_000, 2_000, 1_000, 1_000)
    ]


def test_kau_takes_one_bid_of_a_bidder_in_steps_of_50_won_and_100_tonnes() -> None:
    floor = Floor("kau", "2026-03-02 03:00")
    bidding = floor.announce(10_000, 0, "2026-03-02 03:00", "2026-03-02 05:00")
    floor.bid(bidding, 11, 1_000, 10_310)
    floor.bid(bidding, 11, 1_050, 10_300)
    floor.bid(bidding, 11, 900, 10_300)
    floor.bid(bidding, 11, 1_600, 10_300)
    assert floor.refusals() == [
        RejectReason.PRICE_INCREMENT,
        RejectReason.QUANTITY_INCREMENT,
        RejectReason.BELOW_MINIMUM,
        RejectReason.OVER_SHARE,
    ]
    floor.bid(bidding, 11, 1_500, 10_300)
    floor.bid(bidding, 11, 1_000, 10_300)
    assert len(floor.refusals()) == 1


def test_eua_auctions_are_cancelled_where_too_little_is_bid_for() -> None:
    floor = Floor("eua_auction", "2026-03-02 07:00")
    for day, bid_lots, sold_lots in (("2026-03-02", 9_999, 0), ("2026-03-03", 10_000, 10_000)):
        bidding = floor.announce(10_000, 0, f"{day} 08:00", f"{day} 10:00")
        floor.clock(f"{day} 08:00")
        floor.bid(bidding, 11, bid_lots - 4_000, 80_00)
        floor.bid(bidding, 12, 4_000, 79_50)
        floor.clock(f"{day} 10:00")
        assert sum(lots for _, lots, _ in floor.trades) == sold_lots
    assert {price for price, _, _ in floor.trades} == {79_50}


def test_eua_auctions_decide_between_equal_bids_by_chance() -> None:
    """Six bids for all that is offered, at one price: the seed, which is in the journal, says who gets it."""
    floor = Floor("eua_auction", "2026-03-02 07:00")
    winners = []
    for day in range(2, 14):
        bidding = floor.announce(100, 0, f"2026-03-{day:02} 08:00", f"2026-03-{day:02} 10:00")
        floor.clock(f"2026-03-{day:02} 08:00")
        for bidder in range(11, 17):
            floor.bid(bidding, bidder, 100, 80_00)
        floor.clock(f"2026-03-{day:02} 10:00")
        [winner] = {account for account in floor.fills if account > 10}
        winners.append(winner)
        floor.fills.clear()
    assert len(set(winners)) > 1


def test_gdea_bids_are_irrevocable_and_of_half_of_all_at_most() -> None:
    floor = Floor("gdea", "2026-03-02 08:00")
    bidding = floor.announce(10_000, 16_09, "2026-03-02 08:00", "2026-03-02 09:00")
    floor.bid(bidding, 11, 1_000, 16_08)
    floor.bid(bidding, 11, 999, 17_00)
    floor.bid(bidding, 11, 5_001, 17_00)
    assert floor.refusals() == [
        RejectReason.BELOW_RESERVE,
        RejectReason.BELOW_MINIMUM,
        RejectReason.OVER_SHARE,
    ]
    floor.bid(bidding, 11, 5_000, 17_00)
    number = floor.engine.sequence
    floor.send(OTHER, m.WithdrawBid(floor.ref(OTHER), m.OrderId(number)))
    assert floor.refusals() == [RejectReason.BID_NOT_ALLOWED]
    floor.clock("2026-03-02 09:00")
    assert floor.trades == [(17_00, 5_000, TradeKind.BIDDING)], "what nobody has bid for stays"


def test_kau_closes_at_the_price_of_its_closing_auction() -> None:
    floor = Floor("kau", "2026-03-02 01:00", reference("KAU", 7_800))
    floor.order(TRADER, SELL, 10, 7_900)
    floor.order(OTHER, BUY, 10, 7_900)
    floor.clock("2026-03-02 02:30")
    floor.order(TRADER, SELL, 10, 7_700)
    floor.order(OTHER, BUY, 10, 7_700)
    floor.clock("2026-03-02 03:30")
    assert floor.days == [(7_900, 7_700)]


def test_a_plain_market_trades_round_the_clock() -> None:
    floor = Floor("continuous", "2026-03-01 23:00")
    floor.order(TRADER, SELL, 10, 62_00)
    floor.order(OTHER, BUY, 25, 62_00)
    assert floor.trades == [(62_00, 10, TradeKind.CONTINUOUS)]
    assert floor.resting() == [(62_00, 15)]
