"""A house in which biddings are held: one seller, many bidders, an operator, and who holds what they have."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from carbonmatch.journal_tools import Batch
from carbonmatch.matching import messages as m
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import (
    AccountId,
    AnyCommand,
    BiddingRules,
    BidUpdate,
    Entry,
    InstrumentDefinition,
    InstrumentId,
    OrderId,
    Outputs,
    ParticipantId,
    Ref,
    RejectReason,
    SessionId,
    Side,
    TradeKind,
)
from carbonmatch.matching.state import digest, restore, snapshot

EUA, PLAIN = InstrumentId(1), InstrumentId(2)
OPS, SELLER = SessionId(1), SessionId(2)
# The bidders' sessions, accounts and participants count from here.
FIRST = 10
START_NS = 1_700_000_000_000_000_000
OPENS_NS, CLOSES_NS = START_NS + 1_000, START_NS + 2_000
SEED = bytes(range(16))


def definition(rules: BiddingRules | None = BiddingRules(), **fields: Any) -> InstrumentDefinition:  # noqa: B008
    return InstrumentDefinition(EUA, "EUA", "EUR", 1, 2, 1, bidding=rules, **fields)


class Purse:
    """What accounts have, in units and in money, and what of it is held: nobody has less than nothing."""

    def __init__(self, units: int, money: int) -> None:
        self.units: defaultdict[AccountId, int] = defaultdict(lambda: units)
        self.money: defaultdict[AccountId, int] = defaultdict(lambda: money)
        self.held_units: defaultdict[AccountId, int] = defaultdict(int)
        self.held_money: defaultdict[AccountId, int] = defaultdict(int)

    def refusal(
        self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind
    ) -> RejectReason | None:
        assert kind is TradeKind.BIDDING
        one = account.account_id
        if side is Side.SELL:
            return RejectReason.UNKNOWN_ORDER if lots > self.units[one] - self.held_units[one] else None
        too_much = lots * price_ticks > self.money[one] - self.held_money[one]
        return RejectReason.NO_LIQUIDITY if too_much else None

    def reserve(self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        assert self.refusal(account, side, lots, price_ticks, kind) is None
        self._hold(account, side, lots, price_ticks)

    def release(
        self, account: Account, side: Side, lots: int, leaves_lots: int, price_ticks: int, kind: TradeKind
    ) -> None:
        assert kind is TradeKind.BIDDING
        assert leaves_lots >= 0
        self._hold(account, side, -lots, price_ticks)

    def roll(self, _trading_day: int, _last_trade_id: m.TradeId) -> None:
        """Nothing here waits for a day to end."""

    def settle(self, buyer: Account, seller: Account, lots: int, price_ticks: int, kind: TradeKind) -> None:
        assert kind is TradeKind.BIDDING
        buys, sells = buyer.account_id, seller.account_id
        self.units[buys] += lots
        self.units[sells] -= lots
        self.money[buys] -= lots * price_ticks
        self.money[sells] += lots * price_ticks
        self.check()

    def _hold(self, account: Account, side: Side, lots: int, price_ticks: int) -> None:
        if side is Side.SELL:
            self.held_units[account.account_id] += lots
        else:
            self.held_money[account.account_id] += lots * price_ticks
        self.check()

    def held(self) -> dict[AccountId, tuple[int, int]]:
        """Units and money of those of whom anything is held."""
        both = {*self.held_units, *self.held_money}
        held = {one: (self.held_units[one], self.held_money[one]) for one in sorted(both)}
        return {one: amounts for one, amounts in held.items() if amounts != (0, 0)}

    def check(self) -> None:
        for have, held in ((self.units, self.held_units), (self.money, self.held_money)):
            for one, amount in held.items():
                assert 0 <= amount <= have[one]


class House:
    """Bidder n is session, account and participant FIRST + n; the seller's account is 2, of participant 2."""

    def __init__(
        self,
        rules: BiddingRules | None = BiddingRules(),  # noqa: B008
        *,
        bidders: int = 12,
        purse: Purse | None = None,
        **fields: Any,
    ) -> None:
        self.engine = Engine()
        self.time_ns = START_NS
        self.refs: defaultdict[SessionId, int] = defaultdict(int)
        self.reports: defaultdict[SessionId, list[Any]] = defaultdict(list)
        self.public: list[Any] = []
        # As a journal would have them.
        self.batches: list[Batch] = []
        numbers = range(FIRST, FIRST + bidders)
        self.venue(
            m.DefineInstrument(definition(rules, **fields)),
            m.DefineInstrument(InstrumentDefinition(PLAIN, "PLAIN", "EUR", 1, 2, 1)),
            m.DefineAccount(AccountId(2), ParticipantId(2), "seller"),
            *[m.DefineAccount(AccountId(n), ParticipantId(n), f"b{n}") for n in numbers],
            m.DefineSession(OPS, "ops", (), operator=True),
            m.DefineSession(SELLER, "seller", (AccountId(2),)),
            *[m.DefineSession(SessionId(n), f"b{n}", (AccountId(n),)) for n in numbers],
            m.SetSeed(SEED),
        )
        if purse is not None:
            self.engine.books[EUA].clearing = purse

    # --- entries -------------------------------------------------------------------------------

    def venue(self, *commands: AnyCommand) -> Outputs:
        return self._apply(m.VENUE_SESSION_ID, commands)

    def pass_to(self, time_ns: int) -> Outputs:
        """An entry at that time, if the engine has something to do then."""
        self.time_ns = time_ns
        assert self.engine.is_due(time_ns)
        return self.venue(m.TimePassed())

    def send(self, session_id: SessionId, command: AnyCommand) -> Any:
        """The first report that answers the command."""
        self.refs[session_id] += 1
        ref = Ref(self.refs[session_id])
        before = len(self.reports[session_id])
        self._apply(session_id, [msgspec.structs.replace(command, ref=ref)])
        return next(one for one in self.reports[session_id][before:] if one.ref == ref)

    def _apply(self, session_id: SessionId, commands: Iterable[AnyCommand]) -> Outputs:
        entry = Entry(self.engine.sequence + 1, self.time_ns, session_id, list(commands))
        self.engine.apply(entry)
        outputs = self.engine.take_outputs()
        check_batch(self.engine.books, outputs)
        self.engine.check()
        streams = [(chunk.session_id, chunk.reports) for chunk in outputs.streams]
        self.batches.append(Batch([entry], streams, outputs.public))
        for chunk in outputs.streams:
            self.reports[chunk.session_id] += chunk.reports
        self.public += outputs.public
        return outputs

    def restart(self) -> None:
        """From a snapshot, as if the process had been another one; purses are those that were."""
        purse = self.engine.books[EUA].clearing
        kept = snapshot(self.engine)
        before = digest(self.engine)
        self.engine = restore(kept)
        self.engine.check()
        assert digest(self.engine) == before
        if isinstance(purse, Purse):
            self.engine.books[EUA].clearing = purse

    # --- biddings ------------------------------------------------------------------------------

    def announcement(self, quantity_lots: int, **fields: Any) -> m.AnnounceBidding:
        values: dict[str, Any] = {
            "instrument_id": EUA,
            "session_id": SELLER,
            "account_id": AccountId(0),
            "side": Side.SELL,
            "quantity_lots": quantity_lots,
            "reserve_price_ticks": 1,
            "opens_ns": OPENS_NS,
            "closes_ns": CLOSES_NS,
            **fields,
        }
        return m.AnnounceBidding(ref=Ref(1), **values)

    def announce(self, quantity_lots: int, **fields: Any) -> OrderId:
        done = self.send(OPS, self.announcement(quantity_lots, **fields))
        assert isinstance(done, m.Done), done
        return OrderId(done.sequence)

    def open(self, quantity_lots: int, **fields: Any) -> OrderId:
        """Announce, and go to the beginning of its window."""
        bidding_id = self.announce(quantity_lots, **fields)
        self.pass_to(OPENS_NS)
        return bidding_id

    def bid(self, bidding_id: OrderId, bidder: int, lots: int, price: int) -> Any:
        return self.send(SessionId(FIRST + bidder), m.Bid(Ref(1), bidding_id, lots, price))

    def modify(self, bid_id: OrderId, bidder: int, lots: int, price: int) -> Any:
        return self.send(SessionId(FIRST + bidder), m.ModifyBid(Ref(1), bid_id, lots, price))

    def withdraw(self, bid_id: OrderId, bidder: int) -> Any:
        return self.send(SessionId(FIRST + bidder), m.WithdrawBid(Ref(1), bid_id))

    def close(self) -> m.BiddingEnded:
        """Go to the end of the window, and on until the bidding has ended."""
        self.pass_to(CLOSES_NS)
        while not (ended := [one for one in self.public if isinstance(one, m.BiddingEnded)]):
            self.pass_to(self.time_ns + 1)
        last: m.BiddingEnded = ended[-1]
        return last

    def allotted(self) -> dict[OrderId, int]:
        """What each bid got, by its id, of those that were told."""
        return {
            one.bid_id: one.allotted_lots
            for session_id, reports in sorted(self.reports.items())
            for one in reports
            if isinstance(one, BidUpdate)
            and one.state in (m.BidState.ALLOTTED, m.BidState.NOT_ALLOTTED, m.BidState.CANCELLED)
            and session_id >= FIRST
        }


def reason(report: Any) -> str:
    """Of a refusal, its name; of anything else, nothing."""
    return report.reason.name if isinstance(report, m.Rejected) else ""
