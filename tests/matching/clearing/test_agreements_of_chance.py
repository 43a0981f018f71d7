"""Orders, blocks, biddings and busts of chance out of the same units and money: reserved is what is open.

Accounts have little enough that each stands in the way of the others. After every entry all that is held
is computed anew from what was told; every few entries the engine is made anew from its snapshot.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest

from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import (
    AccountId,
    BlockPhase,
    BlockRules,
    InstrumentId,
    Phase,
    Ref,
    RejectReason,
    SessionId,
    Side,
    TradeKind,
)
from carbonmatch.matching.state import restore, snapshot
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees
from tests.matching.clearing.told import Held, Told, supply

CEA, OPS, VENUE = InstrumentId(1), SessionId(9), m.VENUE_SESSION_ID
START_NS = 1_700_000_000_000_000_000
DAY_NS = 86_400_000_000_000
TRADERS = (1, 2, 3, 4)
RULES = ClearingRules(
    fees=(
        Fees(TradeKind.CONTINUOUS, 30, 40, 1, 2),
        Fees(TradeKind.BLOCK, 20, 10, 2),
        Fees(TradeKind.BIDDING, 5, 300, 0, 3),
    ),
    position_max_lots=300,
)
UNITS, MONEY = 150, 10_000


def date_of(time_ns: int) -> int:
    return int(datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y%m%d"))


class World:
    """Four traders, each with a session and an account of its number, and what chance makes of them."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.engine = Engine()
        self.told = Told(CEA, RULES)
        self.time_ns = START_NS
        self.refs: Counter[int] = Counter()
        self.refused: Counter[RejectReason] = Counter()
        self.amended: Counter[str] = Counter()
        definition = m.InstrumentDefinition(
            CEA, "CEA", "CNY", 1, 2, 1, blocks=BlockRules(), bidding=m.BiddingRules(), clearing=RULES
        )
        self.apply(
            VENUE,
            m.DefineInstrument(definition),
            *[m.DefineAccount(AccountId(n), m.ParticipantId(n), f"a{n}") for n in TRADERS],
            *[m.DefineSession(SessionId(n), f"s{n}", (AccountId(n),)) for n in TRADERS],
            m.DefineSession(OPS, "ops", (), operator=True),
            m.SetSeed(bytes(16)),
        )
        for account in TRADERS:
            supply(self.engine, self.told, account, UNITS, MONEY)

    # --- entries -----------------------------------------------------------------------------------

    def apply(self, session_id: int, *commands: m.AnyCommand) -> list[m.AnyReport]:
        """What is told to anybody."""
        entry = m.Entry(self.engine.sequence + 1, self.time_ns, SessionId(session_id), list(commands))
        self.engine.apply(entry)
        outputs = self.engine.take_outputs()
        check_batch(self.engine.books, outputs)
        self.told.take(outputs)
        reports = [report for chunk in outputs.streams for report in chunk.reports]
        self.refused.update(one.reason for one in reports if isinstance(one, m.Rejected))
        return reports

    def send(self, session_id: int, command: m.AnyCommand) -> list[m.AnyReport]:
        self.refs[session_id] += 1
        return self.apply(session_id, msgspec.structs.replace(command, ref=Ref(self.refs[session_id])))

    def send_within_means(self, session_id: int, command: m.AnyCommand, held: Held) -> None:
        """It is refused for want of means where the reference says so, and for no other want."""
        # What has ended by now holds nothing any more: that is told before.
        self.pass_time()
        short = self.shortage(held)
        reports = self.send(session_id, command)
        reasons = [one.reason for one in reports if isinstance(one, m.Rejected)]
        means = {
            RejectReason.INSUFFICIENT_HOLDINGS,
            RejectReason.INSUFFICIENT_CASH,
            RejectReason.POSITION_LIMIT,
        }
        found = reasons[0] if reasons and reasons[0] in means else None
        assert found is short or (reasons and found is None), (command, found, short)

    def shortage(self, held: Held) -> RejectReason | None:
        """Why so many lots more may not be held, as the reference has it."""
        told, who = self.told, held.account_id
        others = [one for one in told.held(self.engine) if one.account_id == who]
        if held.side is Side.SELL:
            selling = sum(one.lots for one in others if one.side is Side.SELL)
            free = told.units[who] - told.bought_today[who] - selling
            return RejectReason.INSUFFICIENT_HOLDINGS if held.lots > free else None
        buys = [one for one in others if one.side is Side.BUY]
        most = told.units[who] + sum(one.lots for one in buys) + held.lots
        if most > RULES.position_max_lots:
            return RejectReason.POSITION_LIMIT
        free = told.money[who] - sum(told.needed(one) for one in buys)
        return RejectReason.INSUFFICIENT_CASH if told.needed(held) > free else None

    def restart(self) -> None:
        self.engine.check()
        data = snapshot(self.engine)
        self.engine = restore(data)
        self.engine.check()
        assert snapshot(self.engine) == data

    # --- what chance does --------------------------------------------------------------------------

    def go_on(self) -> None:
        self.time_ns += 1
        what: Callable[[], Any] = self.chance.choice(
            [self.order] * 3
            + [self.propose] * 3
            + [self.answer] * 6
            + [self.bid] * 5
            + [self.announce, self.leave, self.leave, self.change_bid, self.lose, self.steer, self.wait]
            + [self.amend] * 2
        )
        what()
        self.told.check(self.engine)

    def terms(self) -> tuple[Side, int, int]:
        chance = self.chance
        return chance.choice(list(Side)), chance.choice([10, 40, 90]), chance.choice([95, 100, 105])

    def trader(self) -> int:
        return self.chance.choice(TRADERS)

    def order(self) -> None:
        who, (side, lots, price) = self.trader(), self.terms()
        mine = [one for one in self.engine.books[CEA].orders() if one.session.session_id == who]
        if mine and self.chance.random() < 0.3:
            self.send(who, m.Cancel(Ref(1), order_id=self.chance.choice(mine).order_id))
        else:
            order = m.NewOrder(Ref(1), CEA, side, lots, price)
            self.send_within_means(who, order, Held(who, side, lots, price, TradeKind.CONTINUOUS))

    def propose(self) -> None:
        who, (side, lots, price) = self.trader(), self.terms()
        to = self.chance.choice([0, 0, *(one for one in TRADERS if one != who)])
        ends = self.chance.choice([0, 0, self.time_ns + 15])
        proposal = m.BlockPropose(
            Ref(1), CEA, side, lots, price, counterparty_account_id=AccountId(to), expires_ns=ends
        )
        self.send_within_means(who, proposal, Held(who, side, lots, price, TradeKind.BLOCK))

    def answer(self) -> None:
        proposals = list(self.engine.venue.negotiations.proposals.values())
        if not proposals:
            return self.propose()
        proposal = self.chance.choice(proposals)
        answerer = proposal.answerer
        if answerer is None or answerer.account is None:
            who = self.chance.choice([one for one in TRADERS if one != proposal.bound_account.account_id])
        else:
            who = answerer.account.account_id
        number, (_, lots, price) = proposal.proposal_id, self.terms()
        kind = self.chance.choice(["accept"] * 5 + ["counter"] * 3 + ["decline"])
        if kind == "counter":
            self.send(who, m.BlockCounter(Ref(1), number, lots, price))
        elif kind == "decline":
            self.send(who, m.BlockDecline(Ref(1), number))
        else:
            accept = m.BlockAccept(Ref(1), number, proposal.quantity_lots, proposal.price_ticks)
            side = Side.BUY if proposal.offerer.side is Side.SELL else Side.SELL
            held = Held(who, side, proposal.quantity_lots, proposal.price_ticks, TradeKind.BLOCK)
            if proposal.post is None:
                self.send_within_means(who, accept, held)
            else:
                self.send(who, accept)
        return None

    def announce(self) -> None:
        who, (side, lots, _) = self.trader(), self.terms()
        price = 95 if side is Side.SELL else 105
        rules = m.BiddingRules(
            pricing=self.chance.choice(list(m.BiddingPricing)),
            tie=self.chance.choice(list(m.BiddingTie)),
            undersubscription=self.chance.choice(list(m.Undersubscription)),
        )
        command = m.AnnounceBidding(
            Ref(1),
            CEA,
            SessionId(who),
            AccountId(0),
            side,
            lots,
            price,
            self.time_ns,
            self.time_ns + self.chance.choice([15, 60]),
            rules,
        )
        self.send_within_means(OPS, command, Held(who, side, lots, price, TradeKind.BIDDING))

    def bid(self) -> None:
        biddings = list(self.engine.venue.biddings.by_id.values())
        if not biddings:
            return self.announce()
        bidding = self.chance.choice(biddings)
        who, (_, lots, price) = self.trader(), self.terms()
        side = bidding.offer.bidders_side
        command = m.Bid(Ref(1), bidding.bidding_id, lots, price)
        self.send_within_means(who, command, Held(who, side, lots, price, TradeKind.BIDDING))
        return None

    def change_bid(self) -> None:
        bids = list(self.engine.venue.biddings.bids.values())
        if not bids:
            return self.bid()
        bid, (_, lots, price) = self.chance.choice(bids), self.terms()
        if self.chance.random() < 0.5:
            command: m.AnyCommand = m.ModifyBid(Ref(1), bid.bid_id, lots, price)
        else:
            command = m.WithdrawBid(Ref(1), bid.bid_id)
        self.send(bid.session.session_id, command)
        return None

    def leave(self) -> None:
        proposals = list(self.engine.venue.negotiations.proposals.values())
        if proposals:
            proposal = self.chance.choice(proposals)
            self.send(proposal.bound_session.session_id, m.BlockWithdraw(Ref(1), proposal.proposal_id))

    def amend(self) -> None:
        """An operator takes back one of the last trades, or puts it right, where what that takes is there."""
        if not self.told.made:
            return
        trade_id = self.chance.choice(list(self.told.made)[-20:])
        found, _ = self.told.made[trade_id]
        self.refs[OPS] += 1
        ref = Ref(self.refs[OPS])
        command: m.BustTrade | m.CorrectTrade = m.BustTrade(ref, trade_id, "never")
        if self.chance.random() < 0.6:
            lots = self.chance.randint(1, found.quantity_lots)
            command = m.CorrectTrade(ref, trade_id, self.chance.choice([90, 100, 110]), lots, "other")
        reports = self.apply(OPS, m.OnTrade(command, found))
        done = any(isinstance(one, m.Done) for one in reports)
        self.amended[f"{type(command).__name__} {'done' if done else 'refused'}"] += 1

    def lose(self) -> None:
        if self.chance.random() < 0.5:
            self.send(self.trader(), m.MassCancel(Ref(1), m.MassCancelScope.ACCOUNT))
        else:
            self.apply(VENUE, m.SessionLost(SessionId(self.trader())))

    def steer(self) -> None:
        biddings = list(self.engine.venue.biddings.by_id)
        match self.chance.choice(["halt", "close", "blocks", "cancel"]):
            case "halt":
                self.send(OPS, m.SetPhase(Ref(1), CEA, self.chance.choice([Phase.HALTED, Phase.CONTINUOUS])))
                self.send(OPS, m.SetPhase(Ref(1), CEA, Phase.CONTINUOUS))
            case "close":
                self.send(OPS, m.SetPhase(Ref(1), CEA, Phase.CLOSED))
                self.send(OPS, m.EndDay(Ref(1), date_of(self.time_ns), (CEA,)))
                self.time_ns += DAY_NS
                self.send(OPS, m.SetPhase(Ref(1), CEA, Phase.CONTINUOUS))
            case "blocks":
                phase = self.chance.choice([BlockPhase.CLOSED, BlockPhase.BREAK])
                self.send(OPS, m.SetBlockPhase(Ref(1), CEA, phase))
                self.send(OPS, m.SetBlockPhase(Ref(1), CEA, BlockPhase.OPEN))
            case _ if biddings:
                self.send(OPS, m.CancelBidding(Ref(1), self.chance.choice(biddings)))

    def wait(self) -> None:
        self.time_ns += 12
        self.pass_time()

    def pass_time(self) -> None:
        while self.engine.is_due(self.time_ns):
            self.apply(VENUE, m.TimePassed())
            self.told.check(self.engine)
            self.time_ns += 1


@pytest.mark.parametrize("seed", range(4))
def test_reserved_is_what_open_offers_and_bids_need_after_every_entry(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two bids an entry: most biddings take several to end.
    monkeypatch.setattr(engine_module, "ENTRY_AUCTION_ORDERS_MAX", 4)
    world = World(seed)
    for number in range(1_200):
        world.go_on()
        if number % 20 == 0:
            world.restart()
    told = world.told
    assert {*told.trades} >= {TradeKind.CONTINUOUS, TradeKind.BLOCK, TradeKind.BIDDING}
    assert min(told.trades.values()) > 10
    assert {
        *("TRADED", "ANSWERED", "DECLINED", "WITHDRAWN", "EXPIRED", "CANCELED"),
        *("BID_WITHDRAWN", "BID_ALLOTTED", "BID_NOT_ALLOTTED", "BID_CANCELLED"),
    } <= {*told.ways_out}
    assert {*world.amended} == {
        f"{command} {outcome}" for command in ("BustTrade", "CorrectTrade") for outcome in ("done", "refused")
    }
    for reason in ("INSUFFICIENT_HOLDINGS", "INSUFFICIENT_CASH", "POSITION_LIMIT"):
        assert world.refused[RejectReason[reason]]
