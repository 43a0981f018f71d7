"""Whatever happens: no trade beyond what held, and every interruption ends. From the public events alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.matching import messages as m
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import (
    AllowedFlag,
    AnyPublicEvent,
    AuctionEnded,
    LimitsChanged,
    Phase,
    PhaseChanged,
    Ref,
    SelfTradePrevention,
    TimeInForce,
    TradeKind,
    VolatilityRules,
    Width,
)
from tests.matching.market import ALICE, BOB, CAROL, EUA, TIME_NS, VENUE, Market, buy, sell

SHORT_NS, LONG_NS = 20, 100
CORRIDOR = VolatilityRules(
    short=Width(3),
    short_window_ns=SHORT_NS,
    long=Width(5),
    long_window_ns=LONG_NS,
    auction_ns=15,
    auction_random_ns=10,
    extension=Width(6),
    extensions_max=2,
)
INTERVAL = VolatilityRules(interval=Width(4), interval_recalculation_ns=10, interval_hold_ns=25)

# Time until the order, who, side, price, lots, kind.
steps = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from([ALICE, BOB, CAROL]),
        st.booleans(),
        st.integers(90, 110),
        st.integers(1, 6),
        st.sampled_from(["day", "day", "day", "ioc", "fok", "market", "stop", "minimum", "iceberg"]),
    ),
    min_size=5,
    max_size=60,
)


Step = tuple[int, m.SessionId, bool, int, int, str]


class Watched(Market):
    """Keeps what everyone is told."""

    told: list[AnyPublicEvent]

    def apply(self, session: m.SessionId, command: m.AnyCommand) -> None:
        outputs = self.outputs(session, command)
        check_batch(self.engine.books, outputs)
        self.told += outputs.public


def played(rules: VolatilityRules, chosen: list[Step]) -> Watched:
    found = Watched(
        allowed=AllowedFlag.ALL, volatility=rules, market_protection_ticks=20, reference_price_ticks=100
    )
    found.send(VENUE, m.SetSeed(b"0123456789abcdef"))
    found.told = []
    for ref, (passed_ns, session, is_buy, price, lots, kind) in enumerate(chosen, 1):
        found.time_ns += passed_ns
        order = (buy if is_buy else sell)(
            ref,
            0 if kind == "market" else price,
            lots,
            market=kind == "market",
            tif={"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}.get(kind, TimeInForce.DAY),
            stop=price if kind == "stop" else 0,
            minimum=min(2, lots) if kind == "minimum" else 0,
            display=1 if kind == "iceberg" and lots > 1 else 0,
            stp=SelfTradePrevention.CANCEL_OLDEST if lots % 2 else SelfTradePrevention.DECREMENT,
        )
        found.apply(session, order)
    return found


@settings(max_examples=60)
@given(steps)
def test_no_trade_is_ever_further_from_those_of_the_windows_than_their_widths(
    chosen: list[Step],
) -> None:
    history: list[tuple[int, int]] = []
    for event in played(CORRIDOR, chosen).told:
        if isinstance(event, AuctionEnded) and event.volume_lots:
            history = [(event.time_ns, event.price_ticks)]
        if not isinstance(event, m.Traded) or event.kind is TradeKind.AUCTION:
            continue
        for length_ns, width in ((SHORT_NS, 3), (LONG_NS, 5)):
            counted = [price for time_ns, price in history if event.time_ns - time_ns < length_ns]
            for price in counted or [price for _, price in history[-1:]]:
                assert abs(event.price_ticks - price) <= width
        history.append((event.time_ns, event.price_ticks))


@settings(max_examples=40)
@given(steps)
def test_every_interruption_ends_by_itself_after_its_extensions(
    chosen: list[Step],
) -> None:
    found = played(CORRIDOR, chosen)
    extended = 0
    longest_ns = CORRIDOR.auction_ns + CORRIDOR.auction_random_ns
    while found.engine.instruments[EUA].phase is not Phase.CONTINUOUS:
        found.time_ns += longest_ns
        found.apply(VENUE, m.TimePassed())
        extended += 1
        # Stops that have waited for the end may interrupt again, at most all of them.
        assert extended <= (CORRIDOR.extensions_max + 1) * (len(chosen) + 1)
    interrupted = [event for event in found.told if isinstance(event, PhaseChanged)]
    begun = sum(event.text == "volatility interruption" for event in interrupted)
    assert begun == sum(event.phase is Phase.CONTINUOUS for event in interrupted)
    assert begun == sum(isinstance(event, AuctionEnded) for event in found.told)


@settings(max_examples=60)
@given(steps)
def test_no_trade_is_outside_of_the_limits_that_everyone_was_told(
    chosen: list[Step],
) -> None:
    limits = LimitsChanged(EUA, TIME_NS, 100, 96, 104, 0)
    found = played(INTERVAL, chosen)
    for event in found.told:
        if isinstance(event, LimitsChanged):
            assert not limits.hold_ends_ns or event.time_ns >= limits.hold_ends_ns, "a hold is kept"
            limits = event
        elif isinstance(event, m.Traded):
            assert limits.low_ticks <= event.price_ticks <= limits.high_ticks
    book = found.engine.books[EUA]
    for order in book.orders():
        limit = limits.high_ticks if order.ladder is book.bids else -limits.low_ticks
        assert order.level.key <= limit, "nothing rests beyond them"


@settings(max_examples=25)
@given(steps)
def test_orders_and_money_are_conserved_whatever_stops_them(
    chosen: list[Step],
) -> None:
    for rules in (CORRIDOR, INTERVAL):
        found = played(rules, chosen)
        found.apply(VENUE, m.SetPhase(Ref(0), EUA, Phase.CLOSED))
        assert found.engine.open_order_count == 0, "all are DAY orders, and each has ended"
