"""An auction of more orders than one entry may meet, and what happens between its entries."""

import pytest

from bench.auction import KINDS, Auction
from carbonmatch.limits import ENTRY_AUCTION_TRADES_MAX
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.auction_times import Alarms
from carbonmatch.matching.messages import (
    AccountId,
    AllowedFlag,
    Phase,
    Ref,
    SelfTradePrevention,
    TimeInForce,
    TimePassed,
)
from tests.matching.market import (
    ALICE,
    BOB,
    CEA,
    EUA,
    OPS,
    TIME_NS,
    VENUE,
    Market,
    buy,
    cancel,
    definition,
    sell,
)

GTD = TimeInForce.GTD


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch) -> Market:
    """One meeting an entry. All four may trade at 98 to 100; the second of the buyers has a time."""
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 1)
    market = Market(allowed=AllowedFlag.ALL, opening_phase=Phase.OPENING_AUCTION)
    market.send(ALICE, buy(1, 100, 10), buy(2, 100, 10, tif=GTD, expires=50))
    market.send(BOB, sell(1, 98, 10), sell(2, 98, 10))
    return market


def go_on(market: Market, after_ns: int) -> list[m.AnyPublicEvent]:
    """What everybody hears until the auction is over."""
    market.time_ns = TIME_NS + after_ns
    public: list[m.AnyPublicEvent] = []
    while market.engine.venue.uncrossing:
        public += market.outputs(VENUE, TimePassed()).public
    return public


def more(market: Market) -> None:
    """Three further trades to make."""
    market.send(ALICE, *(buy(ref, 100, 10) for ref in (20, 21, 22)))
    market.send(BOB, *(sell(ref, 98, 10) for ref in (20, 21, 22)))


def start(market: Market) -> None:
    market.outputs(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    assert market.engine.last_trade_id == 1
    assert market.engine.venue.uncrossing


def test_what_crosses_when_an_order_has_expired_on_the_way_is_another_auction(market: Market) -> None:
    market.send(ALICE, buy(3, 99, 5))
    start(market)
    public = go_on(market, after_ns=50)
    trades = [(event.price_ticks, event.quantity_lots) for event in public if isinstance(event, m.Traded)]
    assert len(trades) == 1
    assert trades[0][0] in (98, 99)
    assert trades[0][1] == 5
    assert [type(event) for event in public].count(m.AuctionEnded) == 2
    assert (market.bids(), market.asks()) == ([], ["5 in 1 @ 98"])


def test_where_nobody_is_left_to_trade_with_the_auction_is_over(market: Market) -> None:
    start(market)
    public = go_on(market, after_ns=50)
    assert not any(isinstance(event, m.Traded) for event in public)
    assert market.engine.instruments[EUA].phase is Phase.CONTINUOUS
    assert market.engine.books[EUA].last_price_ticks == 99
    assert market.asks() == ["10 in 1 @ 98"]


def test_an_entry_makes_so_many_trades_and_the_next_goes_on() -> None:
    auction = Auction(7, 8_000, KINDS["apart"])
    entries = len(auction.carry_out())
    trades = auction.engine.last_trade_id
    assert trades > ENTRY_AUCTION_TRADES_MAX
    assert entries == -(-trades // ENTRY_AUCTION_TRADES_MAX)


def test_an_instrument_that_is_defined_anew_on_the_way_goes_on(market: Market) -> None:
    more(market)
    start(market)
    market.send(VENUE, m.DefineInstrument(definition(allowed=AllowedFlag.ALL)))
    go_on(market, after_ns=1)
    assert market.engine.last_trade_id == 5
    assert market.engine.instruments[EUA].phase is Phase.CONTINUOUS


def test_other_instruments_go_on_as_they_did(market: Market) -> None:
    market.send(BOB, sell(9, 100, 1, instrument=CEA))
    more(market)
    start(market)
    told = market.send(BOB, cancel(30, 9), cancel(31, 1))
    assert market.engine.venue.uncrossing
    assert "bob 30: canceled #5 1 REQUESTED" in told
    assert "bob 31: rejected UNKNOWN_ORDER" in told, "it has traded"
    assert "bob 32: rejected FROZEN" in market.send(BOB, cancel(32, 22))


def test_an_operator_who_ends_an_auction_counts_although_its_own_end_comes_on_the_way(market: Market) -> None:
    more(market)
    market.send(VENUE, m.StartAuction(EUA, Phase.OPENING_AUCTION, TIME_NS + 10, next_phase=Phase.CONTINUOUS))
    start(market)
    market.outputs(OPS, m.SetPhase(Ref(2), EUA, Phase.CANCEL_ONLY))
    # What is due of an instrument is asked again with each definition.
    market.send(VENUE, m.DefineInstrument(definition(allowed=AllowedFlag.ALL)))
    assert market.engine.venue.alarms.next_ns > TIME_NS + 10
    go_on(market, after_ns=20)
    assert market.engine.instruments[EUA].phase is Phase.CANCEL_ONLY


def test_a_step_of_the_schedule_on_the_way_comes_after_it(market: Market) -> None:
    more(market)
    market.send(VENUE, m.StartAuction(EUA, Phase.OPENING_AUCTION, TIME_NS + 10, next_phase=Phase.CONTINUOUS))
    market.time_ns = TIME_NS + 10
    market.outputs(VENUE, TimePassed())
    assert market.engine.venue.uncrossing
    market.outputs(VENUE, m.SchedulePhase(EUA, Phase.BREAK, TIME_NS + 10, TIME_NS + 1_000))
    go_on(market, after_ns=20)
    assert market.engine.instruments[EUA].phase is Phase.BREAK


def test_prevention_over_many_entries_is_one_round(market: Market) -> None:
    """Alice's offer of 101 does not accept the price: it is left alone, however many entries it takes."""
    market.send(ALICE, buy(30, 103))
    market.send(BOB, buy(30, 100, 500), sell(31, 100, 500, stp=SelfTradePrevention.NONE))
    market.send(ALICE, *(sell(ref, 100) for ref in range(31, 43)), sell(43, 101))
    market.outputs(OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS))
    public = go_on(market, after_ns=1)
    [ended] = [event for event in public if isinstance(event, m.AuctionEnded)]
    assert ended.price_ticks == 100
    assert "1 in 1 @ 101" in market.asks()


def test_an_operators_cancel_behind_the_end_of_an_auction_in_one_frame_finds_it_frozen(
    market: Market,
) -> None:
    more(market)
    market.send(VENUE, m.DefineSession(OPS, "ops", (AccountId(11),), operator=True))
    lines = market.send(
        OPS, m.SetPhase(Ref(1), EUA, Phase.CONTINUOUS), cancel(2, order_id=market.order_id(7))
    )
    assert market.engine.venue.uncrossing
    assert "ops 2: rejected FROZEN" in lines


def test_alarms_go_off_when_their_time_has_come_and_not_before() -> None:
    alarms = Alarms()
    alarms.set(EUA, 20)
    alarms.set(CEA, 10)
    assert (alarms.next_ns, list(alarms.due(9)), list(alarms.due(10)), list(alarms.due(19))) == (
        10,
        [],
        [CEA],
        [CEA],
    )
    assert list(alarms.due(20)) == [CEA, EUA]
