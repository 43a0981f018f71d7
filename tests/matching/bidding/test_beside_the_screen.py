"""Biddings beside orders, auctions and halts of the same instrument, which share the steps of an entry."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbonmatch.auction_tools import collect, recompute
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    BiddingRules,
    BiddingTie,
    OrderId,
    Phase,
    Ref,
    SessionId,
    Side,
)
from tests.matching.bidding.house import EUA, FIRST, OPS, START_NS, House

PHASES = (Phase.CONTINUOUS, Phase.OPENING_AUCTION, Phase.HALTED, Phase.CLOSED)
moves = st.lists(
    st.tuples(
        st.sampled_from(
            ("bid", "order", "announce") + ("bid", "order") * 5 + ("wait", "phase", "auction", "cancel")
        ),
        st.sampled_from((0, 1, 2, 3)),  # who
        st.sampled_from((4, 2, 6, 10, 1)),  # lots, or how long
        st.sampled_from((100, 101, 99)),  # price
        st.integers(0, 11),  # which, or whether
    ),
    min_size=40,
    max_size=60,
)


class Played:
    """A house in which moves are made; some entries later than others."""

    def __init__(self, *, restarts: bool) -> None:
        self.house = House(BiddingRules(tie=BiddingTie.SEED), bidders=4)
        self.house.venue(m.SetPhase(m.NO_REF, EUA, Phase.OPENING_AUCTION))
        self.biddings: list[OrderId] = []
        self._restarts = restarts

    def move(self, what: str, who: int, lots: int, price: int, which: int) -> None:
        house = self.house
        session = SessionId(FIRST + who)
        house.time_ns += 1
        if what == "announce":
            opens_ns = house.time_ns + which % 4
            answer = house.send(
                OPS, house.announcement(lots, opens_ns=opens_ns, closes_ns=opens_ns + 3 + 3 * lots)
            )
            assert isinstance(answer, m.Done)
            self.biddings.append(OrderId(answer.sequence))
        elif what == "bid" and self.biddings:
            bidding_id = self.biddings[-1 - which % min(3, len(self.biddings))]
            house.send(session, m.Bid(Ref(1), bidding_id, lots, price))
        elif what == "cancel" and self.biddings and which < 4:
            house.send(OPS, m.CancelBidding(Ref(1), self.biddings[-1]))
        elif what == "order":
            side = Side.BUY if which % 2 else Side.SELL
            house.send(session, m.NewOrder(Ref(1), EUA, side, lots, price))
        elif what == "phase":
            house.venue(m.SetPhase(m.NO_REF, EUA, PHASES[which % len(PHASES)]))
        elif what == "auction":
            ends_ns = house.time_ns + lots
            house.venue(m.StartAuction(EUA, Phase.OPENING_AUCTION, ends_ns, which % 3, ends_ns - which % 2))
        elif what == "wait":
            house.time_ns += lots
        if house.engine.is_due(house.time_ns):
            house.venue(m.TimePassed())
        if self._restarts:
            house.restart()

    def end(self) -> None:
        """Everything that is due, in as many entries as it takes."""
        self.house.time_ns += 1_000
        while self.house.engine.is_due(self.house.time_ns):
            self.house.venue(m.TimePassed())
            self.house.time_ns += 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(played=moves)
def test_every_bidding_ends_as_its_bids_say_whatever_the_screen_does(
    monkeypatch: pytest.MonkeyPatch, played: list[tuple[str, int, int, int, int]]
) -> None:
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 3)
    one, other = Played(restarts=False), Played(restarts=True)
    for move in played:
        one.move(*move)
        other.move(*move)
    for each in (one, other):
        each.end()
        assert not each.house.engine.venue.biddings.by_id
        assert not each.house.engine.venue.biddings.bids
    # Restarts change nothing of what anybody is told.
    assert one.house.public == other.house.public
    assert one.house.reports == other.house.reports
    for bidding_id in one.biddings:
        assert recompute(collect(one.house.batches, bidding_id)) == []
    ended: list[Any] = [event for event in one.house.public if isinstance(event, m.BiddingEnded)]
    assert sorted(event.bidding_id for event in ended) == one.biddings
    assert one.house.time_ns > START_NS
