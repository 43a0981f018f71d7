"""Auctions of chance: the price by trying every price, trades by the reference, pieces by the whole."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carbonmatch.limits import AUCTION_ROUNDS_MAX
from carbonmatch.matching import auction_prevention
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.auction_price import determine
from carbonmatch.matching.book import Book
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import AnyPublicEvent, AnyReport, Entry, Ref, SelfTradePrevention, Side
from carbonmatch.matching.state import digest, restore, snapshot
from tests import reference_book
from tests.matching.compiled import patching
from tests.matching.market import definition
from tests.matching.side_by_side import SideBySide
from tests.matching.state_machine import New, orders
from tests.matching.worlds import OPERATOR, SESSIONS, World
from tests.reference_book import auction_price

Prices = st.one_of(st.integers(1, 12), st.integers(5, 6))
Limits = st.lists(st.tuples(st.sampled_from(Side), Prices, st.sampled_from((5, 3, 1, 2, 9))), max_size=14)


@settings(max_examples=250)
@given(Limits, st.integers(0, 14), st.integers(1, 4))
# Nothing but the reference decides, and the nearest price on the increment is above it.
@example([(Side.BUY, 12, 5), (Side.SELL, 1, 5)], 7, 4)
# More is bid at one price and as much more asked at the next one: the nearest of the two.
@example([(Side.BUY, 6, 5), (Side.BUY, 5, 3), (Side.SELL, 5, 5), (Side.SELL, 6, 3)], 9, 1)
@example([(Side.BUY, 6, 5), (Side.BUY, 5, 3), (Side.SELL, 5, 5), (Side.SELL, 6, 3)], 2, 1)
@example([(Side.BUY, 6, 5), (Side.BUY, 5, 3), (Side.SELL, 5, 5), (Side.SELL, 6, 3)], 0, 1)
def test_the_price_is_the_one_that_trying_every_price_finds(
    limits: list[tuple[Side, int, int]], reference: int, increment: int
) -> None:
    rules = definition(reference_price_ticks=reference, price_increment_ticks=increment)
    book = Book(Instrument(rules))
    for side, price, lots in limits:
        ladder = book.bids if side is Side.BUY else book.asks
        order = Order()
        order.ladder = ladder
        order.leaves_lots = order.quantity_lots = lots
        order.hidden_lots = 0
        ladder.rest(order, ladder.sign * price, [])
    found = determine(book)
    expected = auction_price(limits, reference, increment)
    assert (found.price_ticks, found.volume_lots, found.surplus_lots, found.rule) == expected


Gathering = st.sampled_from((m.Phase.PRE_OPEN, m.Phase.OPENING_AUCTION, m.Phase.CLOSING_AUCTION))
Crossing = orders(
    instrument_id=st.just(1),
    price_ticks=st.integers(98, 102),
    flags=st.just(0),
    display_lots=st.sampled_from((0, 0, 0, 2)),
    self_trade_prevention=st.sampled_from([*SelfTradePrevention, SelfTradePrevention.DECREMENT]),
)
Entered = st.one_of(
    st.lists(st.tuples(st.integers(1, len(SESSIONS) - 1), New), min_size=2, max_size=16),
    # Two sessions of one participant, and one of others.
    st.lists(st.tuples(st.sampled_from((1, 2, 1, 2, 4)), Crossing), min_size=4, max_size=12),
)


class Gathered:
    """Entries with which an auction gathers, and the one that ends it: all of one time."""

    def __init__(
        self,
        phase: m.Phase,
        drawn: Sequence[tuple[int, m.NewOrderLong]],
        mode: SelfTradePrevention | None = None,
    ) -> None:
        """`mode`: the self-trade prevention of all orders; None: as drawn."""
        world = World()
        self.setup = world.setup()
        self.entries = [world.frame(OPERATOR, [m.SetPhase(Ref(1), m.InstrumentId(0), phase)])]
        for ref, (session, order) in enumerate(drawn, 1):
            fields = {name: getattr(order, name) for name in order.__struct_fields__}
            fields["ref"] = Ref(ref)
            if mode is not None:
                fields["self_trade_prevention"] = mode
            self.entries.append(world.frame(session, [m.NewOrderLong(**fields)]))
        end = m.SetPhase(Ref(2), m.InstrumentId(0), m.Phase.CONTINUOUS)
        self.entries.append(world.frame(OPERATOR, [end]))


@pytest.mark.parametrize("rounds", [AUCTION_ROUNDS_MAX, 1, 0])
@settings(max_examples=40)
@given(phase=Gathering, drawn=Entered)
def test_an_auction_comes_to_what_the_reference_comes_to(
    rounds: int, phase: m.Phase, drawn: list[tuple[int, m.NewOrderLong]]
) -> None:
    gathered = Gathered(phase, drawn)
    both = SideBySide()
    with patching() as patched:
        for module in (auction_prevention, reference_book):
            patched.setattr(module, "AUCTION_ROUNDS_MAX", rounds)
        for entry in (gathered.setup, *gathered.entries):
            both.apply(entry)
            both.take()


def carried_out(
    gathered: Gathered, restarts: bool
) -> tuple[Engine, list[AnyReport], list[AnyPublicEvent], int]:
    """The engine after the auction, what was told, and how many further entries it took."""
    engine = Engine()
    engine.apply(gathered.setup)
    for entry in gathered.entries[:-1]:
        engine.apply(entry)
    engine.take_outputs()
    end = gathered.entries[-1]
    reports: list[AnyReport] = []
    public: list[AnyPublicEvent] = []
    further = -1
    entry = end
    while True:
        engine.apply(entry)
        outputs = engine.take_outputs()
        engine.check()
        reports += [report for chunk in outputs.streams for report in chunk.reports]
        public += outputs.public
        further += 1
        if not engine.venue.uncrossing:
            return engine, reports, public, further
        if restarts:
            engine = restore(snapshot(engine))
        entry = Entry(engine.sequence + 1, end.time_ns, m.VENUE_SESSION_ID, [m.TimePassed()])


@pytest.mark.parametrize("restarts", [False, True])
@settings(max_examples=40)
@given(phase=Gathering, drawn=Entered, limit=st.integers(1, 3))
def test_an_auction_in_pieces_comes_to_what_it_comes_to_in_one(
    restarts: bool, phase: m.Phase, drawn: list[tuple[int, m.NewOrderLong]], limit: int
) -> None:
    """Where nothing is to be prevented: else the price is determined again with each piece."""
    gathered = Gathered(phase, drawn, SelfTradePrevention.NONE)
    in_one, reports, public, _ = carried_out(gathered, restarts=False)
    with patching() as patched:
        patched.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", limit)
        in_pieces, told, told_public, further = carried_out(gathered, restarts)
    assert sorted(told, key=repr) == sorted(reports, key=repr)
    assert sorted(told_public, key=repr) == sorted(public, key=repr)
    last = gathered.entries[-1]
    for _ in range(further):
        in_one.apply(Entry(in_one.sequence + 1, last.time_ns, m.VENUE_SESSION_ID, [m.TimePassed()]))
    in_one.take_outputs()
    assert digest(in_pieces) == digest(in_one)


@settings(max_examples=40)
@given(phase=Gathering, drawn=Entered, limit=st.integers(1, 3))
def test_an_auction_in_pieces_with_self_trades_is_the_same_after_every_restart(
    phase: m.Phase, drawn: list[tuple[int, m.NewOrderLong]], limit: int
) -> None:
    gathered = Gathered(phase, drawn)
    with patching() as patched:
        patched.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", limit)
        engine, reports, public, further = carried_out(gathered, restarts=False)
        restarted, *again = carried_out(gathered, restarts=True)
    assert again == [reports, public, further]
    assert digest(restarted) == digest(engine)
    traded = [event for event in public if isinstance(event, m.Traded) and event.kind is m.TradeKind.AUCTION]
    assert len({event.price_ticks for event in traded if event.instrument_id == 1}) <= 1, "one price"


def test_an_auction_of_three_trades_takes_as_many_entries_where_one_may_do_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 1)
    sessions = ((1, Side.BUY), (4, Side.SELL)) * 3
    drawn = [
        (session, m.NewOrderLong(Ref(1), m.InstrumentId(1), side, 5, 100, time_in_force=m.TimeInForce.GTC))
        for session, side in sessions
    ]
    engine, _, public, further = carried_out(Gathered(m.Phase.OPENING_AUCTION, drawn), restarts=True)
    assert further >= 2
    assert sum(isinstance(event, m.Traded) for event in public) == 3
    assert engine.open_order_count == 0
