"""Commands that a second operator confirms: proposed, done, refused, rejected, expired; over snapshots."""

from typing import Any

import pytest

from carbonmatch.limits import PROPOSED_COMMANDS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AnyCommand,
    Decide,
    DefineConfirmation,
    DefineKey,
    DefineSession,
    EndDay,
    KeySession,
    Kill,
    KillScope,
    Phase,
    Ref,
    Release,
    SessionId,
    SetPhase,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import ALICE, BOB, CEA, EUA, NAMES, OPS, VENUE, Market, buy

SECOND = SessionId(59)
WITHIN_NS = 1_000


@pytest.fixture
def market() -> Market:
    """Kill, SetPhase and EndDay need two; `ops` and `second` are operators."""
    there = Market()
    there.send(VENUE, DefineSession(SECOND, "second", (), operator=True))
    there.send(VENUE, DefineConfirmation((128, 142, 150), WITHIN_NS))
    there.setup_commands += 2
    there.send(ALICE, buy(1, 9, 5))
    return there


def decide(market: Market, number: int, *, confirms: bool = True, by: SessionId = SECOND) -> list[str]:
    """All that anybody is told."""
    ref = Ref(market.engine.sessions[by].last_ref + 1)
    lines = market.send(by, Decide(ref, market.order_id(number), confirms, "seen"))
    return [line.replace(f"{NAMES[by]} {ref}:", f"{NAMES[by]}:") for line in lines]


def restart(market: Market) -> None:
    before = digest(market.engine)
    market.engine = restore(snapshot(market.engine))
    assert digest(market.engine) == before


@pytest.mark.parametrize("restarts", [False, True])
def test_what_was_proposed_is_done_when_another_operator_confirms_it(market: Market, restarts: bool) -> None:
    assert market.send(OPS, Kill(Ref(1), KillScope.VENUE, 0, "why")) == ["ops 1: #2 waiting"]
    assert market.bids() == ["5 in 1 @ 9"]
    if restarts:
        restart(market)
    assert decide(market, 2) == [
        "second: pulled 1 orders of 5, 0 offers, 0 bids, 0 biddings",
        "second: done",
        "alice 0: canceled #1 5 KILLED",
        "ops 0: #2 confirmed",
    ]
    assert market.bids() == []
    assert decide(market, 2) == ["second: rejected NOT_WAITING"]


def test_what_does_not_need_two_is_done_at_once(market: Market) -> None:
    market.send(OPS, Kill(Ref(1), KillScope.VENUE))
    decide(market, 2)
    assert market.send(OPS, Release(Ref(2), KillScope.VENUE)) == ["ops 2: done"]
    assert market.send(ALICE, Kill(Ref(2), KillScope.VENUE)) == ["alice 2: rejected NOT_ENTITLED"]


def test_what_would_be_refused_is_refused_at_once(market: Market) -> None:
    assert market.send(OPS, Kill(Ref(1), KillScope.ACCOUNT, 99)) == ["ops 1: rejected UNKNOWN_ACCOUNT"]
    assert market.send(OPS, EndDay(Ref(2), 20231114)) == ["ops 2: rejected DAY_NOT_OVER"]
    assert not market.engine.venue.waiting_commands


def test_a_command_that_is_refused_by_then_is_told_as_refused(market: Market) -> None:
    market.send(VENUE, SetPhase(Ref(0), m.InstrumentId(0), Phase.CLOSED))
    number = market.engine.sequence + 1 - market.setup_commands
    market.send(OPS, EndDay(Ref(1), 20231114, (EUA,)))
    market.send(VENUE, SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
    assert decide(market, number) == ["second: rejected DAY_NOT_OVER", f"ops 0: #{number} refused"]
    assert decide(market, number) == ["second: rejected NOT_WAITING"]


def test_who_has_proposed_may_let_it_go_and_not_confirm_it(market: Market) -> None:
    market.send(OPS, Kill(Ref(1), KillScope.VENUE))
    assert decide(market, 2, by=OPS) == ["ops: rejected OWN_COMMAND"]
    assert decide(market, 2, by=OPS, confirms=False) == ["ops 0: #2 rejected", "ops: done"]
    assert market.bids() == ["5 in 1 @ 9"]


def test_who_has_the_same_key_does_not_confirm(market: Market) -> None:
    key = DefineKey("both", bytes(32), (KeySession(OPS, (4,)), KeySession(SECOND, (4,))))
    market.send(OPS, Kill(Ref(1), KillScope.VENUE))
    market.send(VENUE, key)
    assert decide(market, 2) == ["second: rejected OWN_COMMAND"]
    market.send(VENUE, m.RemoveKey("both"), DefineKey("one", bytes(32), key.sessions[:1]))
    assert decide(market, 2)[1] == "second: done"


@pytest.mark.parametrize("next_command", ["decide", "propose"])
def test_nobody_confirms_too_late(market: Market, next_command: str) -> None:
    market.send(OPS, Kill(Ref(1), KillScope.VENUE))
    market.time_ns += WITHIN_NS
    if next_command == "decide":
        assert sorted(decide(market, 2)) == ["ops 0: #2 expired", "second: rejected NOT_WAITING"]
    else:
        lines = market.send(SECOND, Kill(Ref(1), KillScope.VENUE))
        assert sorted(lines) == ["ops 0: #2 expired", "second 1: #3 waiting"]
    assert market.bids() == ["5 in 1 @ 9"]
    assert market.order_id(2) not in market.engine.venue.waiting_commands


def test_just_in_time_is_in_time(market: Market) -> None:
    market.send(OPS, Kill(Ref(1), KillScope.VENUE))
    market.time_ns += WITHIN_NS - 1
    assert decide(market, 2)[1] == "second: done"


def test_so_many_wait_and_no_more(market: Market) -> None:
    for number in range(PROPOSED_COMMANDS_MAX):
        assert "waiting" in market.send(OPS, Kill(Ref(number + 1), KillScope.VENUE))[0]
    ref = Ref(PROPOSED_COMMANDS_MAX + 1)
    assert market.send(OPS, Kill(ref, KillScope.VENUE)) == [f"ops {ref}: rejected WAITING_LIMIT"]
    restart(market)
    decide(market, 5, confirms=False)
    assert "waiting" in market.send(OPS, Kill(Ref(ref + 1), KillScope.VENUE))[0]


def test_others_decide_nothing(market: Market) -> None:
    market.send(OPS, Kill(Ref(1), KillScope.VENUE))
    assert decide(market, 2, by=ALICE) == ["alice: rejected NOT_ENTITLED"]


def test_a_trade_that_was_looked_up_is_kept_with_its_command(market: Market) -> None:
    market.send(VENUE, DefineConfirmation((132,), WITHIN_NS))
    outputs = market.outputs(BOB, _sell(1))
    trade = _trade_of(outputs)
    bust = m.OnTrade(m.BustTrade(Ref(1), m.TradeId(1), "slip"), trade)
    number = market.engine.sequence + 1 - market.setup_commands
    assert market.send(OPS, bust) == [f"ops 1: #{number} waiting"]
    restart(market)
    lines = decide(market, number)
    assert "second: done" in lines
    assert f"ops 0: #{number} confirmed" in lines
    assert market.engine.venue.amended_trades[m.TradeId(1)].quantity_lots == 0


def house_of_prices_and_biddings() -> tuple[Market, int]:
    """SetBand, SetReference and CancelBidding need two, and a bidding takes bids; with its number."""
    there = Market(prices=m.PriceRules(), bidding=m.BiddingRules())
    there.send(VENUE, DefineSession(SECOND, "second", (), operator=True))
    there.send(VENUE, m.SetSeed(bytes(16)), DefineConfirmation((130, 141, 144), WITHIN_NS))
    there.setup_commands += 3
    offer = m.AnnounceBidding(
        Ref(1), EUA, ALICE, m.AccountId(11), m.Side.SELL, 100, 5, 0, there.time_ns + 10 * WITHIN_NS
    )
    there.send(OPS, offer)
    return there, there.order_id(1)


@pytest.mark.parametrize("restarts", [False, True])
def test_prices_and_the_end_of_a_bidding_wait_for_a_second_operator(restarts: bool) -> None:
    market, bidding_id = house_of_prices_and_biddings()
    there = market.engine.instruments[EUA].definition
    commands: list[m.AnyCommand] = [
        m.SetReference(Ref(2), EUA, 50),
        m.SetBand(Ref(3), EUA, 40, 30, 60),
        m.CancelBidding(Ref(4), m.OrderId(bidding_id), "drought"),
    ]
    lines = [line for command in commands for line in market.send(OPS, command)]
    assert lines == ["ops 2: #2 waiting", "ops 3: #3 waiting", "ops 4: #4 waiting"]
    if restarts:
        restart(market)
    assert market.engine.instruments[EUA].definition == there
    assert market.engine.venue.biddings.by_id
    assert sorted(decide(market, 2)) == ["ops 0: #2 confirmed", "second: done"]
    assert market.engine.instruments[EUA].definition.reference_price_ticks == 50
    assert sorted(decide(market, 3)) == ["ops 0: #3 confirmed", "second: done"]
    assert market.engine.instruments[EUA].definition.band_high_ticks == 60
    assert "second: done" in decide(market, 4)
    assert not market.engine.venue.biddings.by_id


def test_prices_and_the_end_of_a_bidding_are_refused_when_proposed_and_when_confirmed() -> None:
    market, bidding_id = house_of_prices_and_biddings()
    refused: list[tuple[m.AnyCommand, str]] = [
        (m.SetBand(Ref(2), m.InstrumentId(9), 5, 4, 6), "UNKNOWN_INSTRUMENT"),
        (m.SetBand(Ref(3), EUA, 5, 6, 4), "INVALID_PRICE"),
        (m.SetReference(Ref(4), m.InstrumentId(9), 5), "UNKNOWN_INSTRUMENT"),
        (m.SetReference(Ref(5), CEA, 5), "MECHANISM_NOT_AVAILABLE"),
        (m.SetReference(Ref(6), EUA, 0), "INVALID_PRICE"),
        (m.CancelBidding(Ref(7), m.OrderId(bidding_id + 1)), "UNKNOWN_BIDDING"),
    ]
    for command, reason in refused:
        assert [line.partition("rejected ")[2] for line in market.send(OPS, command)] == [reason]
    assert not market.engine.venue.waiting_commands
    number = market.engine.sequence + 1 - market.setup_commands
    cancel = m.CancelBidding(Ref(8), m.OrderId(bidding_id))
    market.send(OPS, cancel, m.CancelBidding(Ref(9), m.OrderId(bidding_id)))
    assert "second: done" in decide(market, number)
    assert sorted(decide(market, number + 1)) == [
        f"ops 0: #{number + 1} refused",
        "second: rejected UNKNOWN_BIDDING",
    ]


def test_members_get_no_further_with_what_needs_two() -> None:
    market, bidding_id = house_of_prices_and_biddings()
    commands: list[m.AnyCommand] = [
        m.SetBand(Ref(1), EUA, 40, 30, 60),
        m.SetReference(Ref(2), EUA, 50),
        m.CancelBidding(Ref(3), m.OrderId(bidding_id)),
    ]
    lines = [line for command in commands for line in market.send(ALICE, command)]
    assert lines == [f"alice {ref}: rejected NOT_ENTITLED" for ref in (1, 2, 3)]
    assert not market.engine.venue.waiting_commands


def test_what_needs_two_may_change_while_something_waits(market: Market) -> None:
    market.send(OPS, Kill(Ref(1), KillScope.VENUE))
    market.send(VENUE, DefineConfirmation())
    assert "pulled" in market.send(OPS, Kill(Ref(2), KillScope.INSTRUMENT, EUA))[0]
    assert "pulled" in decide(market, 2)[0]


def _sell(ref: int) -> AnyCommand:
    return m.NewOrder(Ref(ref), EUA, m.Side.SELL, 5, 9)


def _trade_of(outputs: m.Outputs) -> m.FoundTrade:
    traded: Any = next(event for event in outputs.public if isinstance(event, m.Traded))
    sides = {
        report.side: m.TradeSide(chunk.session_id, report.order_id, report.account_id)
        for chunk in outputs.streams
        for report in chunk.reports
        if isinstance(report, m.Executed)
    }
    return m.FoundTrade(
        EUA,
        traded.time_ns,
        traded.price_ticks,
        traded.quantity_lots,
        sides[m.Side.BUY],
        sides[m.Side.SELL],
        traded.kind,
    )
