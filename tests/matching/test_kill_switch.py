"""The kill switch: what it pulls, what it refuses until its release, and what survives a snapshot."""

from typing import Any

import pytest
from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AccountId,
    AnyCommand,
    BiddingRules,
    BlockRules,
    ClearingRules,
    Kill,
    KilledRequest,
    KillScope,
    OrderId,
    Phase,
    Ref,
    Release,
    SessionId,
    Side,
    TimeInForce,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.clearing.test_transfers import COMPANY, SECOND, TRADER, Operator
from tests.matching.market import ALICE, BOB, CAROL, CEA, EUA, OPS, VENUE, Market, buy, cancel, replace, sell

VENUE_SCOPE, PARTICIPANT, ACCOUNT, INSTRUMENT = KillScope
ALPHA, BETA = 1, 2


class House:
    """A market with all that can be open, and its operator."""

    def __init__(self, market: Market | None = None) -> None:
        self.market = market or Market(allowed=m.AllowedFlag.ALL)
        self.ref = 0

    def asks(self, kind: type[Any], *fields: Any) -> list[str]:
        """All that anybody is told of an operator's command."""
        self.ref += 1
        lines = self.market.send(OPS, kind(Ref(self.ref), *fields))
        return [line.replace(f"ops {self.ref}", "ops") for line in lines]

    def kills(self, scope: KillScope, number: int = 0, text: str = "") -> list[str]:
        return self.asks(Kill, scope, number, text)

    def releases(self, scope: KillScope, number: int = 0) -> list[str]:
        return self.asks(Release, scope, number)

    def restart(self) -> None:
        """From its snapshot."""
        before = digest(self.market.engine)
        self.market.engine = restore(snapshot(self.market.engine))
        assert digest(self.market.engine) == before


def pulled(orders: int, lots: int, offers: int = 0, bids: int = 0, biddings: int = 0) -> list[str]:
    words = f"pulled {orders} orders of {lots}, {offers} offers, {bids} bids, {biddings} biddings"
    return [f"ops: {words}", "ops: done"]


def traders() -> House:
    """Orders of three accounts in two instruments, with a stop, an iceberg and one for the close."""
    house = House()
    send = house.market.send
    send(ALICE, buy(1, 9, 5), sell(2, 20, 3), buy(3, 30, 2, stop=25), buy(4, 8, 50, display=10))
    send(CAROL, buy(1, 7, 4, account=12), buy(2, 6, 1, instrument=CEA), buy(3, 6, 2))
    send(BOB, buy(1, 5, 6), buy(2, 5, 7, instrument=CEA), sell(3, 21, 8, tif=TimeInForce.AT_CLOSE))
    return house


def open_orders(house: House) -> set[tuple[int, int]]:
    """Account and instrument of each."""
    return {
        (account.account_id, order.ladder.book.instrument.instrument_id)
        for account in house.market.engine.accounts.values()
        for order in account.open_orders()
    }


@pytest.mark.parametrize(
    ("scope", "number", "answer", "left"),
    [
        (VENUE_SCOPE, 0, pulled(10, 88), set()),
        (PARTICIPANT, ALPHA, pulled(7, 67), {(13, EUA), (13, CEA)}),
        (PARTICIPANT, BETA, pulled(3, 21), {(11, EUA), (11, CEA), (12, EUA)}),
        (ACCOUNT, 11, pulled(6, 63), {(12, EUA), (13, EUA), (13, CEA)}),
        (INSTRUMENT, EUA, pulled(8, 80), {(11, CEA), (13, CEA)}),
        (INSTRUMENT, CEA, pulled(2, 8), {(11, EUA), (12, EUA), (13, EUA)}),
    ],
)
def test_it_pulls_all_that_is_open_in_its_scope_and_nothing_else(
    scope: KillScope, number: int, answer: list[str], left: set[tuple[int, int]]
) -> None:
    house = traders()
    lines = house.kills(scope, number, "wrong prices")
    assert [line for line in lines if line.startswith("ops")] == answer
    count = sum(line.endswith(" KILLED") for line in lines)
    assert count == len(lines) - 2 == int(answer[0].split()[2])
    assert open_orders(house) == left


def test_owners_are_told_in_the_order_of_entry_and_quantities_count_what_is_hidden() -> None:
    assert traders().kills(ACCOUNT, 11) == [
        *pulled(6, 63),
        "alice 0: canceled #1 5 KILLED",
        "alice 0: canceled #2 3 KILLED",
        "alice 0: canceled #3 2 KILLED",
        "alice 0: canceled #4 50 KILLED",
        "carol 0: canceled #6 1 KILLED",
        "carol 0: canceled #7 2 KILLED",
    ]


def test_each_level_that_changed_is_told_once() -> None:
    house = traders()
    levels = house.market.outputs(OPS, Kill(Ref(1), VENUE_SCOPE)).levels
    places = [(level.instrument_id, level.side, level.price_ticks) for level in levels]
    assert len(places) == len(set(places)) == 8
    assert not any(level.quantity_lots for level in levels)


BLOCKED: dict[str, tuple[SessionId, AnyCommand]] = {
    "alice in EUA": (ALICE, buy(9, 4)),
    "alice in EUA, long": (ALICE, buy(9, 4, stop=5)),
    "alice in CEA": (ALICE, buy(9, 4, instrument=CEA)),
    "carol for 11": (CAROL, buy(9, 4)),
    "carol for 12": (CAROL, buy(9, 4, account=12)),
    "bob in EUA": (BOB, buy(9, 4)),
    "bob in CEA": (BOB, buy(9, 4, instrument=CEA)),
}


@pytest.mark.parametrize(
    ("scope", "number", "names"),
    [
        (VENUE_SCOPE, 0, set(BLOCKED)),
        (PARTICIPANT, ALPHA, {name for name in BLOCKED if "bob" not in name}),
        (PARTICIPANT, BETA, {name for name in BLOCKED if "bob" in name}),
        (ACCOUNT, 11, {name for name in BLOCKED if "alice" in name or "11" in name}),
        (ACCOUNT, 12, {"carol for 12"}),
        (INSTRUMENT, EUA, {name for name in BLOCKED if "CEA" not in name}),
        (INSTRUMENT, CEA, {name for name in BLOCKED if "CEA" in name}),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_new_orders_of_the_scope_are_refused_until_it_is_released(
    scope: KillScope, number: int, names: set[str], restarts: bool
) -> None:
    for name, (session, command) in BLOCKED.items():
        house = traders()
        house.kills(scope, number)
        if restarts:
            house.restart()
        said = house.market.send(session, command)[0]
        assert ("rejected KILLED" in said) is (name in names), name
        assert house.releases(scope, number) == ["ops: done"]
        assert "accepted" in house.market.send(session, _later(command))[0]


def _later(command: AnyCommand) -> AnyCommand:
    return structs.replace(command, ref=Ref(10))


def test_what_takes_risk_out_is_admitted_as_always() -> None:
    house = traders()
    house.market.send(VENUE, m.DefineAccount(AccountId(13), m.ParticipantId(3), "beta"))
    house.kills(PARTICIPANT, ALPHA)
    # The account comes to a participant that is stopped, with its orders.
    house.market.send(VENUE, m.DefineAccount(AccountId(13), m.ParticipantId(1), "beta"))
    assert house.market.send(BOB, replace(4, 1, 4, 6)) == ["bob 4: rejected KILLED"]
    assert house.market.send(BOB, m.Reduce(Ref(5), Ref(1), OrderId(0), 2)) == [
        "bob 5: reduced #8 to 2, 2 left"
    ]
    assert "canceled #8 2 REQUESTED" in house.market.send(BOB, cancel(6, 1))[0]
    assert (
        house.market.send(BOB, m.MassCancel(Ref(7), m.MassCancelScope.SESSION))[-1]
        == "bob 7: mass canceled 2"
    )


def test_a_scope_that_is_stopped_is_stopped_again_for_what_has_come_to_it() -> None:
    house = traders()
    house.kills(PARTICIPANT, ALPHA, "first")
    house.market.send(VENUE, m.DefineAccount(AccountId(13), m.ParticipantId(1), "beta"))
    assert house.kills(PARTICIPANT, ALPHA, "second")[:2] == pulled(3, 21)
    assert house.asks(KilledRequest) == ["ops: participant 1 stopped by ops: second", "ops: end of 1"]


def test_what_two_scopes_stop_needs_both_released() -> None:
    house = traders()
    house.kills(ACCOUNT, 11)
    house.kills(VENUE_SCOPE)
    assert house.releases(VENUE_SCOPE) == ["ops: done"]
    assert house.market.send(ALICE, buy(9, 4)) == ["alice 9: rejected KILLED"]
    assert "accepted" in house.market.send(BOB, buy(9, 4))[0]
    house.releases(ACCOUNT, 11)
    assert "accepted" in house.market.send(ALICE, buy(10, 4))[0]


def test_it_holds_within_the_frame_it_comes_in() -> None:
    house = House()
    engine = house.market.engine
    engine.apply(
        m.Entry(
            engine.sequence + 1,
            house.market.time_ns,
            VENUE,
            [m.DefineSession(OPS, "ops", (AccountId(11),), operator=True)],
        )
    )
    engine.take_outputs()
    lines = house.market.send(
        OPS, buy(1, 5), Kill(Ref(2), VENUE_SCOPE), buy(3, 5), Release(Ref(4), VENUE_SCOPE), buy(5, 6)
    )
    assert [line.split(": ")[1].split()[0] for line in lines] == [
        "accepted",
        "canceled",
        "pulled",
        "done",
        "rejected",
        "done",
        "accepted",
    ]


def test_what_is_stopped_is_told_page_by_page() -> None:
    house = House()
    for number in range(100, 400):
        house.market.send(VENUE, m.DefineAccount(AccountId(number), m.ParticipantId(9), f"a{number}"))
        house.kills(ACCOUNT, number, "why")
    house.kills(INSTRUMENT, EUA, "too")
    house.restart()
    first = house.asks(KilledRequest)
    assert (first[0], first[-1]) == ("ops: account 100 stopped by ops: why", "ops: end of 256, more")
    rest = house.asks(KilledRequest, ACCOUNT, 355)
    assert (rest[0], rest[-2:]) == (
        "ops: account 356 stopped by ops: why",
        ["ops: instrument 1 stopped by ops: too", "ops: end of 45"],
    )


# --- auctions ------------------------------------------------------------------------------------


def test_what_is_frozen_is_pulled_too() -> None:
    house = House()
    house.asks(m.SetPhase, EUA, Phase.OPENING_AUCTION)
    house.market.send(ALICE, buy(1, 9, 5), sell(2, 8, 4))
    house.market.send(BOB, sell(1, 9, 5))
    now_ns = house.market.time_ns
    house.market.send(VENUE, m.StartAuction(EUA, Phase.OPENING_AUCTION, now_ns + 1_000, 0, now_ns))
    assert house.market.send(ALICE, cancel(3, 1)) == ["alice 3: rejected FROZEN"]
    assert house.kills(ACCOUNT, 11)[:2] == pulled(2, 9)
    house.market.time_ns += 2_000
    outputs = house.market.outputs(VENUE, m.TimePassed())
    assert not any(isinstance(event, m.Traded) for event in outputs.public)
    assert house.market.asks() == ["5 in 1 @ 9"]


# --- blocks --------------------------------------------------------------------------------------


def test_offers_of_blocks_are_taken_back_and_nobody_of_the_scope_offers_or_answers() -> None:
    house = House(Market(blocks=BlockRules()))
    send = house.market.send
    send(ALICE, m.BlockPropose(Ref(1), EUA, Side.SELL, 10, 50, counterparty_account_id=TRADER))
    send(BOB, m.BlockPropose(Ref(1), EUA, Side.SELL, 10, 50, counterparty_account_id=COMPANY))
    lines = house.kills(PARTICIPANT, ALPHA)
    assert lines[:2] == pulled(0, 0, offers=1)
    assert "alice 0: block #1 CANCELED sell 10 @ 50 own KILLED" in lines
    # Why is nobody else's business.
    assert "bob 0: block #1 CANCELED buy 10 @ 50 theirs" in lines
    number = house.market.order_id(2)
    assert send(ALICE, m.BlockAccept(Ref(2), number, 10, 50)) == ["alice 2: rejected KILLED"]
    assert send(CAROL, m.BlockCounter(Ref(1), number, 10, 49)) == ["carol 1: rejected KILLED"]
    propose = m.BlockPropose(Ref(3), EUA, Side.BUY, 10, 50, counterparty_account_id=TRADER)
    assert send(ALICE, propose) == ["alice 3: rejected KILLED"]
    assert send(ALICE, m.BlockAccept(Ref(4), OrderId(99), 10, 50)) == ["alice 4: rejected UNKNOWN_PROPOSAL"]
    assert "DECLINED" in send(ALICE, m.BlockDecline(Ref(5), number))[0]


def test_a_post_can_be_answered_by_whoever_is_not_stopped() -> None:
    house = House(Market(blocks=BlockRules()))
    house.market.send(BOB, m.BlockPropose(Ref(1), EUA, Side.SELL, 10, 50))
    house.kills(ACCOUNT, 12)
    accept = m.BlockAccept(Ref(1), house.market.order_id(1), 10, 50, account_id=SECOND)
    assert house.market.send(CAROL, accept) == ["carol 1: rejected KILLED"]
    accept = m.BlockAccept(Ref(2), house.market.order_id(1), 10, 50, account_id=COMPANY)
    assert "rejected" not in house.market.send(CAROL, accept)[0]


# --- biddings ------------------------------------------------------------------------------------


def bidding_house() -> tuple[House, OrderId]:
    """Bob sells 100 lots from now on for a second; Alice and Carol bid."""
    market = Market(clearing=ClearingRules(lag_days=0), bidding=BiddingRules())
    operator = Operator(market)
    for account in (COMPANY, SECOND, TRADER):
        operator.units(account, 1_000)
        operator.money(account, 100_000)
    house = House(market)
    house.ref = operator.ref
    market.send(VENUE, m.SetSeed(bytes(range(16))))
    bidding_id = OrderId(market.engine.sequence + 1)
    house.asks(m.AnnounceBidding, EUA, BOB, TRADER, Side.SELL, 100, 10, 0, market.time_ns + 1_000_000_000)
    market.send(ALICE, m.Bid(Ref(1), bidding_id, 10, 11))
    market.send(CAROL, m.Bid(Ref(1), bidding_id, 10, 12, SECOND))
    return house, bidding_id


def test_bids_are_withdrawn_and_give_back_what_they_held() -> None:
    house, bidding_id = bidding_house()
    lines = house.kills(ACCOUNT, COMPANY)
    assert lines[:2] == pulled(0, 0, bids=1)
    assert any(line.startswith("alice 0: bid") and line.endswith("withdrawn") for line in lines)
    assert house.market.send(ALICE, m.Bid(Ref(2), bidding_id, 10, 11)) == ["alice 2: rejected KILLED"]
    held = house.asks(m.InspectHoldings, COMPANY)[0]
    assert "100000 available, 0 reserved" in held
    house.releases(ACCOUNT, COMPANY)
    assert "standing" in house.market.send(ALICE, m.Bid(Ref(3), bidding_id, 10, 11))[0]


def test_a_bid_that_comes_to_a_stopped_participant_is_not_changed_but_withdrawn() -> None:
    house, _ = bidding_house()
    bid_id = OrderId(house.market.engine.sequence - 1)
    house.market.send(VENUE, m.DefineAccount(COMPANY, m.ParticipantId(7), "alpha"))
    house.kills(PARTICIPANT, ALPHA)
    house.market.send(VENUE, m.DefineAccount(COMPANY, m.ParticipantId(ALPHA), "alpha"))
    assert house.market.send(ALICE, m.ModifyBid(Ref(2), bid_id, 20, 11)) == ["alice 2: rejected KILLED"]
    assert house.market.send(BOB, m.ModifyBid(Ref(2), bid_id, 20, 11)) == ["bob 2: rejected UNKNOWN_BID"]


@pytest.mark.parametrize(("scope", "number"), [(VENUE_SCOPE, 0), (INSTRUMENT, EUA), (ACCOUNT, TRADER)])
def test_a_bidding_of_the_scope_is_called_off_and_none_is_announced(scope: KillScope, number: int) -> None:
    house, _ = bidding_house()
    house.ref += 1
    outputs = house.market.outputs(OPS, Kill(Ref(house.ref), scope, number, "stopped"))
    ended = [event for event in outputs.public if isinstance(event, m.BiddingEnded)]
    assert [(one.outcome, one.text, one.allotted_lots) for one in ended] == [
        (m.BiddingOutcome.BY_OPERATOR, "stopped", 0)
    ]
    counts = [one for chunk in outputs.streams for one in chunk.reports if isinstance(one, m.Pulled)]
    assert [(one.bid_count, one.bidding_count, one.more) for one in counts] == [(0, 1, False)]
    announced = house.asks(
        m.AnnounceBidding, EUA, BOB, TRADER, Side.SELL, 100, 10, 0, house.market.time_ns + 9
    )
    assert announced == ["ops: rejected KILLED"]


def test_bids_whose_window_is_over_are_told_what_they_got() -> None:
    house, _ = bidding_house()
    house.market.time_ns += 1_000_000_001
    lines = house.kills(VENUE_SCOPE)
    assert any("allotted" in line for line in lines)
    assert pulled(0, 0)[0] in lines


def test_an_entry_withdraws_so_many_bids_and_the_command_given_again_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house, _ = bidding_house()
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 3)
    assert house.kills(PARTICIPANT, ALPHA)[0] == pulled(0, 0, bids=1)[0] + ", more"
    assert house.kills(PARTICIPANT, ALPHA)[0] == pulled(0, 0, bids=1)[0]
    assert house.kills(PARTICIPANT, ALPHA) == pulled(0, 0)


def test_commands_of_one_entry_share_how_many_bids_it_withdraws(monkeypatch: pytest.MonkeyPatch) -> None:
    house, _ = bidding_house()
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 3)
    commands = [Kill(Ref(house.ref + one), ACCOUNT, number) for one, number in ((1, COMPANY), (2, SECOND))]
    lines = house.market.send(OPS, *commands)
    assert [line.partition(": ")[2] for line in lines if "pulled" in line] == [
        "pulled 0 orders of 0, 0 offers, 1 bids, 0 biddings",
        "pulled 0 orders of 0, 0 offers, 0 bids, 0 biddings, more",
    ]


# --- listing -------------------------------------------------------------------------------------


def test_listed_orders_go_and_nobody_of_the_scope_selects() -> None:
    screen = m.ScreenRules(mechanism=m.ScreenMechanism.LISTING, order_list=True)
    house = House(Market(allowed=m.AllowedFlag.LIMIT | m.AllowedFlag.DAY, screen=screen))
    house.market.send(ALICE, sell(1, 10, 5))
    house.market.send(BOB, sell(1, 11, 5))
    outputs = house.market.outputs(OPS, Kill(Ref(1), ACCOUNT, 11))
    house.ref = 1
    assert [(one.order_id, one.quantity_lots) for one in outputs.orders] == [(house.market.order_id(1), 0)]
    select = m.Select(Ref(2), EUA, Side.BUY, 5, house.market.order_id(2))
    assert house.market.send(ALICE, select) == ["alice 2: rejected KILLED"]
    assert "accepted" in house.market.send(CAROL, m.Select(Ref(1), EUA, Side.BUY, 5, account_id=SECOND))[0]
