"""What becomes of a bidding: by time, by an operator, over restarts; and who is told what of it."""

from typing import Any

import pytest
from msgspec import structs

from carbonmatch.auction_tools import collect, paid, recompute
from carbonmatch.matching import messages as m
from carbonmatch.matching.bidding.allotment import commitment_of
from carbonmatch.matching.messages import (
    AccountId,
    BiddingOutcome,
    BiddingPricing,
    BiddingRules,
    BiddingState,
    BiddingTie,
    BidState,
    BidUpdate,
    Executed,
    Liquidity,
    OrderId,
    Ref,
    SessionId,
    Side,
    TradeKind,
)
from tests.matching.bidding.house import (
    CLOSES_NS,
    EUA,
    FIRST,
    OPENS_NS,
    OPS,
    SELLER,
    House,
    Purse,
    reason,
)


def told(house: House) -> list[Any]:
    """Names of the public events but for definitions, and the states that are told."""
    words = []
    for event in house.public:
        if isinstance(event, m.BiddingPhaseChanged):
            words.append(event.state.name)
        elif not isinstance(event, m.InstrumentDefined):
            words.append(type(event).__name__)
    return words


def test_a_bidding_opens_and_closes_by_time_and_its_trades_come_before_its_result() -> None:
    house = House()
    bidding_id = house.announce(10, text="first")
    assert not house.engine.is_due(OPENS_NS - 1)
    house.pass_to(OPENS_NS)
    assert not house.engine.is_due(CLOSES_NS - 1)
    house.bid(bidding_id, 0, 6, 100)
    house.bid(bidding_id, 1, 6, 101)
    house.close()
    assert told(house) == ["BiddingAnnounced", "OPEN", "CLOSED", "Traded", "Traded", "BiddingEnded"]
    assert not house.engine.is_due(CLOSES_NS + 10**12)


def test_what_is_late_is_made_up_in_one_entry() -> None:
    house = House()
    house.announce(10)
    house.pass_to(CLOSES_NS + 10**9)
    assert told(house) == ["BiddingAnnounced", "OPEN", "CLOSED", "BiddingEnded"]
    assert house.public[-1].outcome is BiddingOutcome.NO_BIDS


def test_a_window_that_has_begun_opens_at_once() -> None:
    house = House()
    bidding_id = house.announce(10, opens_ns=0)
    assert told(house) == ["BiddingAnnounced", "OPEN"]
    assert reason(house.bid(bidding_id, 0, 10, 100)) == ""


def test_while_the_window_is_open_nothing_is_public_of_any_bid() -> None:
    house = House()
    bidding_id = house.open(10)
    before = len(house.public)
    update = house.bid(bidding_id, 0, 6, 100)
    house.bid(bidding_id, 1, 6, 101)
    house.modify(update.bid_id, 0, 5, 102)
    house.withdraw(update.bid_id, 0)
    house.bid(bidding_id, 2, 0, 1)
    assert len(house.public) == before
    # Nor does any other session hear of it.
    assert [len(house.reports[SessionId(FIRST + bidder)]) for bidder in range(4)] == [3, 1, 1, 0]
    assert len(house.reports[SELLER]) == 1


def test_the_announcement_has_all_rules_and_commits_to_the_seed() -> None:
    house = House(BiddingRules(bid_min_lots=3), quantity_increment_lots=1, price_increment_ticks=5)
    bidding_id = house.announce(
        30, reserve_price_ticks=5, rules=BiddingRules(tie=BiddingTie.SEED), secondary_price_ticks=80, text="x"
    )
    announced = house.public[-1]
    assert isinstance(announced, m.BiddingAnnounced)
    assert announced.bidding_id == bidding_id == house.engine.sequence
    assert announced.rules == BiddingRules(
        3,
        1,
        5,
        10_000,
        256,
        m.BidRevision.FREE,
        BiddingPricing.UNIFORM,
        BiddingTie.SEED,
        m.Undersubscription.PARTIAL,
        0,
    )
    assert (announced.text, announced.secondary_price_ticks, announced.unit_lots) == ("x", 80, 1)
    house.pass_to(OPENS_NS)
    ended = house.close()
    assert commitment_of(ended.seed) == announced.commitment
    assert len(ended.seed) == 16


def test_each_bidding_has_a_seed_of_its_own() -> None:
    house = House()
    house.announce(10)
    house.announce(10)
    first, second = (event for event in house.public if isinstance(event, m.BiddingAnnounced))
    assert first.commitment != second.commitment


def test_winners_and_the_one_party_get_fills_and_everyone_hears_what_became_of_the_bid() -> None:
    house = House()
    bidding_id = house.open(10)
    first = house.bid(bidding_id, 0, 6, 100)
    second = house.bid(bidding_id, 1, 6, 101)
    third = house.bid(bidding_id, 2, 6, 99)
    house.close()
    fills = {
        session: [
            (one.order_id, one.side, one.price_ticks, one.quantity_lots, one.leaves_lots, one.liquidity)
            for one in house.reports[session]
            if isinstance(one, Executed)
        ]
        for session in (SessionId(FIRST), SessionId(FIRST + 1), SessionId(FIRST + 2), SELLER)
    }
    auction = Liquidity.AUCTION
    assert list(fills.values()) == [
        [(first.bid_id, Side.BUY, 100, 4, 0, auction)],
        [(second.bid_id, Side.BUY, 100, 6, 0, auction)],
        [],
        [
            (bidding_id, Side.SELL, 100, 6, 4, auction),
            (bidding_id, Side.SELL, 100, 4, 0, auction),
        ],
    ]
    last = [house.reports[SessionId(FIRST + bidder)][-1] for bidder in range(3)]
    assert [(one.state, one.allotted_lots, one.allotted_price_ticks) for one in last] == [
        (BidState.ALLOTTED, 4, 100),
        (BidState.ALLOTTED, 6, 100),
        (BidState.NOT_ALLOTTED, 0, 0),
    ]
    assert last[2].bid_id == third.bid_id
    offer = [one for one in house.reports[SELLER] if isinstance(one, BidUpdate)]
    assert [
        (one.state, one.bid_id, one.allotted_lots, one.allotted_price_ticks, one.side) for one in offer
    ] == [
        (BidState.STANDING, bidding_id, 0, 0, Side.SELL),
        (BidState.ALLOTTED, bidding_id, 10, 100, Side.SELL),
    ]
    assert (first.allotted_lots, first.allotted_price_ticks, first.side) == (0, 0, Side.BUY)
    trades = [event for event in house.public if isinstance(event, m.Traded)]
    assert [(one.kind, one.aggressor) for one in trades] == [(TradeKind.BIDDING, Side.BUY)] * 2


def test_trades_of_biddings_are_no_trades_of_the_screen() -> None:
    house = House()
    house.bid(house.open(10), 0, 10, 100)
    house.close()
    assert house.engine.books[EUA].last_price_ticks == 0


def test_where_each_pays_its_own_price_the_last_one_is_told() -> None:
    house = House(BiddingRules(pricing=BiddingPricing.PAY_AS_BID))
    bidding_id = house.open(10)
    house.bid(bidding_id, 0, 6, 100)
    house.bid(bidding_id, 1, 6, 110)
    ended = house.close()
    trades = [event for event in house.public if isinstance(event, m.Traded)]
    assert [(one.price_ticks, one.quantity_lots) for one in trades] == [(110, 6), (100, 4)]
    assert (ended.price_ticks, ended.pricing) == (100, BiddingPricing.PAY_AS_BID)
    inputs = collect(house.batches, bidding_id)
    assert paid(inputs) == ", each bid at its own price, the last one at 100 ticks"
    assert paid(structs.replace(inputs, pricing="uniform")) == " at 100 ticks"
    assert paid(structs.replace(inputs, allotted_lots=0)) == ""


# --- what a change does to the time of a bid ------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "price", "keeps"),
    [(4, 100, True), (6, 100, False), (5, 101, False), (4, 101, False)],
)
def test_a_bid_keeps_its_time_only_where_it_becomes_smaller_at_its_price(
    lots: int, price: int, keeps: bool
) -> None:
    house = House()
    bidding_id = house.open(100)
    update = house.bid(bidding_id, 0, 5, 100)
    changed = house.modify(update.bid_id, 0, lots, price)
    assert (changed.priority == update.priority) is keeps
    assert (changed.priority == house.engine.sequence) is not keeps
    assert (changed.bid_id, changed.quantity_lots, changed.price_ticks) == (update.bid_id, lots, price)


def test_a_bid_that_came_later_by_its_change_does_so_after_a_start_from_a_snapshot_too() -> None:
    house = House()
    bidding_id = house.open(10, rules=BiddingRules(tie=BiddingTie.TIME))
    changed = house.bid(bidding_id, 0, 5, 100)
    other = house.bid(bidding_id, 1, 8, 100)
    house.modify(changed.bid_id, 0, 8, 100)
    house.restart()
    house.close()
    allotted = house.allotted()
    assert (allotted[other.bid_id], allotted[changed.bid_id]) == (8, 2)


# --- cancelling ----------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [False, True])
def test_an_operator_cancels_and_nobody_learns_what_was_bid(opened: bool) -> None:
    purse = Purse(100, 10_000)
    house = House(purse=purse)
    bidding_id = house.announce(10)
    if opened:
        house.pass_to(OPENS_NS)
        house.bid(bidding_id, 0, 6, 100)
        house.bid(bidding_id, 1, 6, 101)
    house.send(OPS, m.CancelBidding(Ref(1), bidding_id, "no quorum"))
    ended = house.public[-1]
    assert isinstance(ended, m.BiddingEnded)
    assert (ended.outcome, ended.text) == (BiddingOutcome.BY_OPERATOR, "no quorum")
    assert (ended.bid_count, ended.bid_lots, ended.inputs_digest) == (0, 0, b"")
    assert (ended.price_ticks, ended.allotted_lots, ended.offered_lots) == (0, 0, 10)
    assert purse.held() == {}
    if opened:
        assert house.reports[SessionId(FIRST)][-1].state is BidState.CANCELLED
    assert house.reports[SELLER][-1].state is BidState.CANCELLED
    assert not house.engine.venue.biddings.by_id
    assert not house.engine.is_due(CLOSES_NS)


def test_bids_of_a_session_that_is_lost_or_removed_stand() -> None:
    house = House()
    update = house.bid(house.open(10), 0, 6, 100)
    house.venue(m.SessionLost(SessionId(FIRST)), m.RemoveSession(SessionId(FIRST)))
    house.close()
    assert house.allotted() == {update.bid_id: 6}


def test_nothing_of_the_screen_stops_a_bidding() -> None:
    house = House()
    bidding_id = house.open(10)
    house.venue(m.SetPhase(m.NO_REF, EUA, m.Phase.HALTED))
    assert reason(house.bid(bidding_id, 0, 10, 100)) == ""
    assert house.close().outcome is BiddingOutcome.SOLD


def test_an_instrument_that_has_biddings_no_more_ends_those_it_has() -> None:
    house = House(BiddingRules(bid_min_lots=5))
    bidding_id = house.open(10)
    house.venue(m.DefineInstrument(m.InstrumentDefinition(EUA, "EUA", "EUR", 1, 2, 1)))
    assert reason(house.bid(bidding_id, 0, 4, 100)) == "BELOW_MINIMUM"
    assert reason(house.bid(bidding_id, 0, 10, 100)) == ""
    assert house.close().outcome is BiddingOutcome.SOLD


# --- two at once, and auctions beside -------------------------------------------------------------


def test_biddings_of_one_instrument_go_on_beside_each_other() -> None:
    house = House()
    first = house.open(10)
    second = house.announce(5, opens_ns=0, closes_ns=CLOSES_NS + 500)
    house.bid(first, 0, 10, 100)
    house.bid(second, 0, 5, 200)
    house.close()
    assert not house.engine.is_due(CLOSES_NS + 499)
    house.pass_to(CLOSES_NS + 500)
    ended = [event for event in house.public if isinstance(event, m.BiddingEnded)]
    assert [(one.bidding_id, one.price_ticks) for one in ended] == [(first, 100), (second, 200)]


def test_of_biddings_that_end_together_one_is_determined_after_the_other_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 4)
    house = House()
    first = house.open(10)
    second, empty = (house.announce(5, opens_ns=0) for _ in range(2))
    for bidder in range(3):
        house.bid(first, bidder, 3, 100)
        house.bid(second, bidder, 2, 200)
    house.pass_to(CLOSES_NS)
    by_id = house.engine.venue.biddings.by_id
    assert {one: by_id[one].state for one in by_id} == {
        first: BiddingState.CLOSED,
        second: BiddingState.OPEN,
    }
    assert by_id[second].due_ns == CLOSES_NS + 1
    assert reason(house.bid(second, 4, 1, 300)) == "NOT_IN_THIS_PHASE"
    assert reason(house.send(OPS, m.CancelBidding(Ref(1), second))) == "NOT_IN_THIS_PHASE"
    house.restart()
    while house.engine.venue.biddings.by_id:
        house.pass_to(house.time_ns + 1)
    ended = [event for event in house.public if isinstance(event, m.BiddingEnded)]
    assert [(one.bidding_id, one.price_ticks) for one in ended] == [(empty, 0), (first, 100), (second, 200)]


def test_a_bidding_waits_while_an_auction_of_its_instrument_is_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 2)
    house = House()
    bidding_id = house.open(10, closes_ns=CLOSES_NS)
    house.bid(bidding_id, 0, 10, 100)
    house.venue(m.SetPhase(m.NO_REF, EUA, m.Phase.OPENING_AUCTION))
    for side, session in ((Side.BUY, FIRST), (Side.SELL, FIRST + 1)):
        for _ in range(12):
            house.send(SessionId(session), m.NewOrder(Ref(1), EUA, side, 1, 100))
    house.venue(m.SetPhase(m.NO_REF, EUA, m.Phase.CONTINUOUS))
    assert house.engine.books[EUA].transition is not None
    house.time_ns = CLOSES_NS
    assert reason(house.bid(bidding_id, 1, 10, 101)) == "NOT_IN_THIS_PHASE"
    second = house.announce(10, opens_ns=0, closes_ns=CLOSES_NS + 10**6)
    assert house.engine.venue.biddings.by_id[second].state is BiddingState.OPEN
    assert house.engine.books[EUA].transition is not None
    while house.engine.is_due(house.time_ns + 1):
        house.pass_to(house.time_ns + 1)
    assert house.public[-1].bidding_id == bidding_id
    assert house.public[-1].outcome is BiddingOutcome.SOLD


# --- restarts, copies, entries -------------------------------------------------------------------


def test_a_restart_between_any_two_entries_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 2)

    def play(*, restarts: bool) -> list[Any]:
        house = House(BiddingRules(tie=BiddingTie.SEED))

        def restart() -> None:
            if restarts:
                house.restart()

        restart()
        bidding_id = house.announce(10)
        restart()
        house.pass_to(OPENS_NS)
        for bidder in range(6):
            house.bid(bidding_id, bidder, 3, 100)
            restart()
        time_ns = CLOSES_NS
        while house.engine.venue.biddings.by_id:
            house.pass_to(time_ns)
            restart()
            time_ns += 1
        assert time_ns == CLOSES_NS + 6
        return [house.public, dict(house.reports)]

    assert play(restarts=True) == play(restarts=False)


def test_allotting_is_bounded_in_each_entry_and_the_result_comes_last() -> None:
    house = House(bidders=30)
    bidding_id = house.open(10**6)
    for _ in range(200):
        for bidder in range(30):
            house.engine.apply(
                m.Entry(
                    house.engine.sequence + 1,
                    house.time_ns,
                    SessionId(FIRST + bidder),
                    [m.Bid(Ref(house.engine.sequence), bidding_id, 1, 100)],
                )
            )
    house.engine.take_outputs()
    house.engine.apply(m.Entry(house.engine.sequence + 1, CLOSES_NS, m.VENUE_SESSION_ID, [m.TimePassed()]))
    outputs = house.engine.take_outputs()
    assert sum(isinstance(event, m.Traded) for event in outputs.public) == 5_000
    assert not isinstance(outputs.public[-1], m.BiddingEnded)
    assert not house.engine.is_due(CLOSES_NS)
    assert house.engine.is_due(CLOSES_NS + 1)
    house.engine.apply(
        m.Entry(house.engine.sequence + 1, CLOSES_NS + 1, m.VENUE_SESSION_ID, [m.TimePassed()])
    )
    outputs = house.engine.take_outputs()
    assert sum(isinstance(event, m.Traded) for event in outputs.public) == 1_000
    assert isinstance(outputs.public[-1], m.BiddingEnded)


def test_a_drop_copy_has_the_bids_of_its_accounts_and_no_others_of_the_session() -> None:
    house = House()
    bidder, other = SessionId(FIRST), AccountId(FIRST + 1)
    house.venue(
        m.DefineSession(bidder, "both", (AccountId(FIRST), other)),
        m.DefineDropCopy(SessionId(90), "copy", (AccountId(FIRST),)),
    )
    bidding_id = house.open(10)
    outputs = house._apply(bidder, [m.Bid(Ref(1), bidding_id, 5, 100)])
    assert [(copy.session_id, copy.count) for copy in outputs.copies] == [(90, 1)]
    assert house._apply(bidder, [m.Bid(Ref(2), bidding_id, 5, 100, other)]).copies == []


def test_a_trade_of_a_bidding_is_busted_like_any_other() -> None:
    house = House()
    bidding_id = house.open(10)
    update = house.bid(bidding_id, 0, 10, 100)
    house.close()
    trade = m.FoundTrade(
        EUA,
        CLOSES_NS,
        100,
        10,
        m.TradeSide(SessionId(FIRST), update.bid_id, AccountId(FIRST)),
        m.TradeSide(SELLER, OrderId(bidding_id), AccountId(2)),
    )
    house.refs[OPS] += 1
    command = m.BustTrade(Ref(house.refs[OPS]), m.TradeId(1), "wrong")
    house._apply(OPS, [m.OnTrade(command, trade)])
    assert isinstance(house.reports[OPS][-1], m.Done)
    assert isinstance(house.reports[SessionId(FIRST)][-1], m.Busted)
    assert isinstance(house.reports[SELLER][-1], m.Busted)


# --- what is held --------------------------------------------------------------------------------


def test_a_better_price_gives_the_difference_back() -> None:
    purse = Purse(100, 10_000)
    house = House(purse=purse)
    bidding_id = house.open(10)
    house.bid(bidding_id, 0, 5, 200)
    house.bid(bidding_id, 1, 8, 120)
    assert purse.held() == {
        AccountId(2): (10, 0),
        AccountId(FIRST): (0, 1_000),
        AccountId(FIRST + 1): (0, 960),
    }
    house.close()
    assert purse.held() == {}
    assert (purse.money[AccountId(FIRST)], purse.units[AccountId(FIRST)]) == (10_000 - 600, 105)
    assert (purse.money[AccountId(2)], purse.units[AccountId(2)]) == (10_000 + 1_200, 90)


def test_one_buyer_holds_its_money_at_the_reserve_until_the_end() -> None:
    purse = Purse(100, 10_000)
    house = House(purse=purse)
    bidding_id = house.open(10, side=Side.BUY, reserve_price_ticks=500)
    assert purse.held() == {AccountId(2): (0, 5_000)}
    house.bid(bidding_id, 0, 4, 300)
    assert purse.held() == {AccountId(2): (0, 5_000), AccountId(FIRST): (4, 0)}
    house.close()
    assert purse.held() == {}
    assert (purse.money[AccountId(2)], purse.units[AccountId(2)]) == (10_000 - 1_200, 104)


# --- the secondary market ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "last", "reference", "held_against"),
    [(80, 70, 60, 80), (0, 70, 60, 70), (0, 0, 60, 60), (0, 0, 0, 0)],
)
def test_the_price_is_held_against_what_was_announced_or_traded_last_or_the_reference(
    given: int, last: int, reference: int, held_against: int
) -> None:
    house = House(BiddingRules(secondary_basis_points=10_000), reference_price_ticks=reference)
    if last:
        house.send(SessionId(FIRST), m.NewOrder(Ref(1), EUA, Side.SELL, 1, last))
        house.send(SessionId(FIRST + 1), m.NewOrder(Ref(1), EUA, Side.BUY, 1, last))
    bidding_id = house.open(10, secondary_price_ticks=given)
    house.bid(bidding_id, 0, 10, 65)
    ended = house.close()
    assert ended.secondary_price_ticks == held_against
    assert (ended.outcome is BiddingOutcome.SOLD) == (held_against <= 65)


def test_without_the_rule_no_secondary_price_is_told() -> None:
    house = House(reference_price_ticks=60)
    house.bid(house.open(10, secondary_price_ticks=80), 0, 10, 65)
    assert house.close().secondary_price_ticks == 0


@pytest.mark.parametrize(("price", "outcome"), [(110, "SOLD"), (111, "BELOW_SECONDARY")])
def test_one_buyer_pays_no_more_than_the_secondary_market_by_so_much(price: int, outcome: str) -> None:
    house = House(BiddingRules(secondary_basis_points=11_000), reference_price_ticks=100)
    bidding_id = house.open(10, side=Side.BUY, reserve_price_ticks=200)
    house.bid(bidding_id, 0, 10, price)
    assert house.close().outcome.name == outcome


@pytest.mark.parametrize(
    ("key", "bidders"),
    [
        (m.SelfTradeKey.PARTICIPANT, [1, 1, 2, 3]),
        (m.SelfTradeKey.ACCOUNT, [1, 2, 3, 4]),
        # The second and the third account are of one group, over two participants; the others of none.
        (m.SelfTradeKey.GROUP, [1, 2, 2, 3]),
    ],
)
def test_whose_bids_are_one_bidders_is_in_the_digest_and_found_out_again_from_a_journal(
    key: m.SelfTradeKey, bidders: list[int]
) -> None:
    house = House(BiddingRules(share_max_basis_points=7_000), self_trade=m.SelfTradeRules(key))
    accounts = [AccountId(n) for n in (80, 81, 82, 83)]
    owners = [(80, 50, 0), (81, 50, 7), (82, 51, 7), (83, 52, 0)]
    house.venue(
        *[m.DefineAccount(AccountId(a), m.ParticipantId(p), f"a{a}", m.GroupId(g)) for a, p, g in owners],
        m.DefineSession(m.SessionId(FIRST), "b", tuple(accounts)),
    )
    bidding_id = house.open(100)
    for account_id in accounts:
        house.send(m.SessionId(FIRST), m.Bid(Ref(1), bidding_id, 30, 100, account_id))
    # What an account is afterwards says nothing of the bids that it has.
    house.venue(m.DefineAccount(AccountId(83), m.ParticipantId(50), "a83", m.GroupId(7)))
    house.close()
    inputs = collect(house.batches, bidding_id)
    assert [bid.bidder for bid in inputs.bids] == bidders
    assert recompute(inputs) == []
