"""Dry runs: what is told beforehand is what happens then, and telling it changes nothing."""

from collections import Counter
from collections.abc import Iterator
from typing import get_args

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.foresight import FORESEEN, Foresight
from carbonmatch.matching.messages import (
    BlockRules,
    CancelReason,
    EndDay,
    Entry,
    Kill,
    KillScope,
    Phase,
    Ref,
    RejectReason,
    RestrictAccount,
    Restriction,
    SetPhase,
    Side,
    TimeInForce,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.clearing.test_restrictions import Rich
from tests.matching.clearing.test_transfers import COMPANY, TRADER
from tests.matching.market import ALICE, BOB, EUA, OPS, VENUE, Market, buy, sell
from tests.matching.whole_worlds import whole
from tests.matching.worlds import seeded


def test_all_that_may_be_asked_for_is_foreseen() -> None:
    asked = {m.OnTrade if kind in get_args(m.TradeAmendment) else kind for kind in get_args(m.Foreseeable)}
    assert asked == set(FORESEEN)


def counts(foresight: Foresight) -> tuple[int, int, int, int, int, bool]:
    found = foresight.found
    return (
        len(found.orders),
        found.order_lots,
        len(found.proposals),
        len(found.bids),
        len(found.biddings),
        foresight.more,
    )


def foreseen(market: Market, command: m.SessionCommand, session: m.SessionId = OPS) -> Foresight:
    before = digest(market.engine)
    foresight = market.engine.foresee(session, command)
    assert digest(market.engine) == before
    return foresight


def test_closing_takes_out_day_orders_and_offers() -> None:
    market = Market(blocks=BlockRules())
    market.send(ALICE, buy(1, 9, 5), buy(2, 8, 4, tif=TimeInForce.GTC))
    market.send(ALICE, m.BlockPropose(Ref(3), EUA, Side.SELL, 10, 50, counterparty_account_id=TRADER))
    foresight = foreseen(market, SetPhase(Ref(1), EUA, Phase.CLOSED))
    assert counts(foresight) == (1, 5, 1, 0, 0, False)
    assert foresight.instrument_count == 1
    everywhere = foreseen(market, SetPhase(Ref(1), m.InstrumentId(0), Phase.HALTED))
    assert (counts(everywhere), everywhere.instrument_count) == ((0, 0, 0, 0, 0, False), 2)


def test_a_restriction_takes_out_what_it_forbids_where_that_is_asked_for() -> None:
    house = Rich()
    house.market.send(ALICE, buy(1, price=9, lots=5), sell(2, price=20))
    for cancels, orders in ((True, 1), (False, 0)):
        command = RestrictAccount(Ref(90), COMPANY, Restriction.NO_BUYING, cancels=cancels)
        assert counts(foreseen(house.market, command))[0] == orders


def test_accounts_that_are_none_and_limits_are_foreseen() -> None:
    house = Rich()
    nobody = m.AccountId(99)
    for command in (
        RestrictAccount(Ref(90), nobody, Restriction.NONE),
        m.SetAccountLimits(Ref(90), nobody, EUA),
    ):
        assert foreseen(house.market, command).reason is RejectReason.UNKNOWN_ACCOUNT
    assert foreseen(house.market, m.SetAccountLimits(Ref(90), COMPANY, EUA, 5)).instrument_count == 1


def test_a_bust_is_foreseen_with_what_the_trade_has_moved() -> None:
    market = Rich().market
    market.send(ALICE, sell(1, price=10, lots=5))
    outputs = market.outputs(BOB, buy(1, price=10, lots=5))
    (traded,) = (event for event in outputs.public if isinstance(event, m.Traded))
    sides = {
        report.side: m.TradeSide(chunk.session_id, report.order_id, report.account_id)
        for chunk in outputs.streams
        for report in chunk.reports
        if isinstance(report, m.Executed)
    }
    trade = m.FoundTrade(EUA, traded.time_ns, 10, 5, sides[Side.BUY], sides[Side.SELL], traded.kind)
    bust = m.OnTrade(m.BustTrade(Ref(90), traded.trade_id, "slip"), trade)
    assert foreseen(market, bust).reason is None
    market.send(OPS, m.Withdraw(Ref(89), TRADER, EUA, 1_005))
    assert foreseen(market, bust).reason is RejectReason.INSUFFICIENT_HOLDINGS
    assert market.send(OPS, bust) == ["ops 90: rejected INSUFFICIENT_HOLDINGS"]


def test_a_release_and_phases_of_blocks_are_foreseen() -> None:
    market = Market(blocks=BlockRules())
    release = m.Release(Ref(5), KillScope.VENUE)
    assert foreseen(market, release) == Foresight(RejectReason.NOT_KILLED)
    market.send(OPS, Kill(Ref(1), KillScope.VENUE))
    assert foreseen(market, release) == Foresight(None)
    assert foreseen(market, release, ALICE) == Foresight(RejectReason.NOT_ENTITLED)
    closed = m.SetBlockPhase(Ref(5), EUA, m.BlockPhase.CLOSED)
    assert foreseen(market, closed) == Foresight(None)
    assert foreseen(market, closed, ALICE) == Foresight(RejectReason.NOT_ENTITLED)


def test_deposits_and_withdrawals_are_foreseen() -> None:
    market = Rich().market
    assert foreseen(market, m.Deposit(Ref(90), COMPANY, EUA, 5)) == Foresight(None)
    assert foreseen(market, m.Deposit(Ref(90), COMPANY, EUA, 5), ALICE).reason is RejectReason.NOT_ENTITLED
    too_much = foreseen(market, m.Withdraw(Ref(90), COMPANY, EUA, 1_001))
    assert too_much == Foresight(RejectReason.INSUFFICIENT_HOLDINGS)


def test_an_end_of_day_says_of_how_many_instruments() -> None:
    market = Market()
    assert foreseen(market, EndDay(Ref(1), 20231114)).reason is RejectReason.DAY_NOT_OVER
    market.send(OPS, SetPhase(Ref(1), m.InstrumentId(0), Phase.CLOSED))
    assert foreseen(market, EndDay(Ref(2), 20231114)).instrument_count == 2
    assert foreseen(market, EndDay(Ref(2), 20231114), ALICE).reason is RejectReason.NOT_ENTITLED


def test_prices_are_foreseen_and_a_bidding_that_would_be_called_off() -> None:
    market = Market(prices=m.PriceRules(), bidding=m.BiddingRules(), price_increment_ticks=5)
    market.send(VENUE, m.SetSeed(bytes(16)))
    number = m.OrderId(market.engine.sequence + 1)
    closes_ns = market.time_ns + 1_000
    offer = m.AnnounceBidding(Ref(1), EUA, ALICE, m.AccountId(11), Side.SELL, 9, 5, 0, closes_ns)
    market.send(OPS, offer)
    assert foreseen(market, m.SetBand(Ref(2), EUA, 5, 4, 6)) == Foresight(None, instrument_count=1)
    assert foreseen(market, m.SetBand(Ref(2), EUA, 5, 6, 4)) == Foresight(RejectReason.INVALID_PRICE)
    assert foreseen(market, m.SetReference(Ref(2), EUA, 10)) == Foresight(None, instrument_count=1)
    increment = foreseen(market, m.SetReference(Ref(2), EUA, 11))
    assert increment == Foresight(RejectReason.PRICE_INCREMENT)
    called_off = foreseen(market, m.CancelBidding(Ref(2), number))
    assert (counts(called_off), called_off.instrument_count) == ((0, 0, 0, 0, 1, False), 1)
    market.time_ns = closes_ns
    market.send(VENUE, m.TimePassed())
    assert foreseen(market, m.CancelBidding(Ref(2), number)).reason is RejectReason.UNKNOWN_BIDDING


def test_more_bids_than_one_command_withdraws_are_said_to_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.matching.test_kill_switch import bidding_house

    house, _ = bidding_house()
    monkeypatch.setattr("carbonmatch.matching.foresight.ENTRY_AUCTION_ORDERS_MAX", 3)
    command = Kill(Ref(90), KillScope.PARTICIPANT, 1)
    assert counts(foreseen(house.market, command)) == (0, 0, 0, 1, 0, True)


# --- by chance -----------------------------------------------------------------------------------


def steps(entries: Iterator[Entry]) -> Iterator[tuple[Foresight, Entry, m.Outputs]]:
    """Each command of a session that can be foreseen, with its foresight and its outcome."""
    engine = Engine()
    for whole_entry in entries:
        for entry in one_by_one(whole_entry):
            (command,) = entry.commands
            foresight = None
            if type(command) in FORESEEN and entry.session_id != VENUE:
                scout = restore(snapshot(engine))
                scout.apply(Entry(entry.first_sequence, entry.time_ns, VENUE, [m.TimePassed()]))
                scout.take_outputs()
                before = digest(scout)
                foresight = scout.foresee(entry.session_id, command)  # type: ignore[arg-type]
                assert digest(scout) == before
            engine.apply(entry)
            outputs = engine.take_outputs()
            if foresight is not None:
                yield foresight, entry, outputs


def one_by_one(entry: Entry) -> list[Entry]:
    """The commands of an entry in entries of their own."""
    return [
        Entry(sequence, entry.time_ns, entry.session_id, [command])
        for sequence, command in enumerate(entry.commands, entry.first_sequence)
    ]


@pytest.mark.parametrize("world", ["screen", "whole"])
def test_what_is_foreseen_is_what_happens(world: str) -> None:
    seen: Counter[str] = Counter()
    entries = seeded(5, 12_000) if world == "screen" else whole(5, 8_000)
    for foresight, entry, outputs in steps(entries):
        (command,) = entry.commands
        reports = [
            report
            for chunk in outputs.streams
            if chunk.session_id == entry.session_id
            for report in chunk.reports
            if report.ref == command.ref  # type: ignore[union-attr]
        ]
        refused = [report.reason for report in reports if isinstance(report, m.Rejected)]
        assert refused == ([] if foresight.reason is None else [foresight.reason]), command
        seen[type(command).__name__] += 1
        if isinstance(command, Kill) and not refused:
            (pulled,) = (report for report in reports if isinstance(report, m.Pulled))
            assert counts(foresight) == (
                pulled.order_count,
                pulled.order_lots,
                pulled.proposal_count,
                pulled.bid_count,
                pulled.bidding_count,
                pulled.more,
            )
        if isinstance(command, RestrictAccount) and not refused:
            gone = sum(reason is CancelReason.RESTRICTED for reason in outputs.cancels)
            assert gone == len(foresight.found.orders) + len(foresight.found.proposals)
    if world == "screen":
        assert {"Kill", "Release", "SetPhase", "Resume", "OnTrade"} <= set(seen)
    else:
        assert {"RestrictAccount", "Deposit", "Withdraw", "SetBlockPhase"} <= set(seen)
