"""Days of a market with accounts, by seeds: deposits, withdrawals, trades, busts, ends of days, and restarts.

What accounts have is reckoned anew by dicts and fractions, from nothing but what the venue has answered and
told. A failure names the seed that repeats it.
"""

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from math import floor
from random import Random

import pytest
from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.cash import CashLedger
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.conservation import check_conservation
from carbonmatch.matching.clearing.reserving import Reserving
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import AccountId, AnyCommand, InstrumentId, Ref, SessionId, Side, TradeKind
from carbonmatch.matching.state import restore, snapshot
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees
from tests.matching.market import ALICE, BOB, CEA, EUA, OPS, TIME_NS, Market, definition
from tests.matching.worlds import trades_of

COMPANY, TRADER = AccountId(11), AccountId(13)
ACCOUNTS = {ALICE: COMPANY, BOB: TRADER}
FEES = Fees(TradeKind.CONTINUOUS, 30, 20, 1, 2)
AUCTION_FEES = Fees(TradeKind.AUCTION, 5, 5)
OF_KIND = {FEES.kind: FEES, AUCTION_FEES.kind: AUCTION_FEES}
RULES = {
    EUA: ClearingRules(1, True, (FEES, AUCTION_FEES)),
    CEA: ClearingRules(2, True, (FEES, AUCTION_FEES), 90),
}
FIRST_DAY = date(2020, 1, 1)
DAY_NS = 86_400 * 10**9


def share(money: int, basis_points: int) -> int:
    return floor(Fraction(money * basis_points, 10_000))


class Books:
    """What everybody has, as the naive would keep it."""

    def __init__(self) -> None:
        # By instrument, account, and the day on which they were bought; 0: not on any.
        self.units: Counter[tuple[int, int, int]] = Counter()
        self.money: Counter[int] = Counter()
        self.fees = 0
        self.days = dict.fromkeys(RULES, 10)
        self.made: dict[int, int] = {}  # trade to day
        self.stands: dict[int, tuple[int, int]] = {}

    def trade(self, trade: m.FoundTrade, price: int, lots: int, sign: int, day: int) -> None:
        """Make a trade (1), or unmake it (-1): units go by the day on which it was made."""
        buyer, seller, number = trade.buyer.account_id, trade.seller.account_id, trade.instrument_id
        self.units[number, seller, 0] -= sign * lots
        self.units[number, buyer, day] += sign * lots
        fees = OF_KIND[trade.kind]
        money = price * lots
        cost = share(money, fees.buyer_basis_points) + lots * fees.buyer_minor_per_lot
        paid = money + cost
        cost = share(money, fees.seller_basis_points) + lots * fees.seller_minor_per_lot
        got = max(0, money - cost)
        self.money[buyer] -= sign * paid
        self.money[seller] += sign * got
        self.fees += sign * (paid - got)

    def unsettled(self, number: int, account: int) -> int:
        since = self.days[InstrumentId(number)] - RULES[InstrumentId(number)].lag_days
        mine = {day: lots for (*key, day), lots in self.units.items() if key == [number, account]}
        return sum(lots for day, lots in mine.items() if day > since)

    def total(self, number: int, account: int) -> int:
        return sum(lots for (one, whose, _), lots in self.units.items() if (one, whose) == (number, account))


class Days:
    def __init__(self, seed: int, cleared_by: dict[InstrumentId, ClearingRules] | None = None) -> None:
        self.seed = seed
        self.random = Random(seed)
        market = Market()
        self.engine: Engine = market.engine
        self.books = Books()
        self.trades: list[m.FoundTrade] = []
        self.refs: Counter[SessionId] = Counter()
        self.time_ns = TIME_NS
        self.happened: Counter[str] = Counter()
        for number, rules in (cleared_by or RULES).items():
            wanted = definition(number, clearing=rules, allowed=m.AllowedFlag.ALL)
            self.apply(m.VENUE_SESSION_ID, m.DefineInstrument(wanted))
        for account in ACCOUNTS.values():
            for number in RULES:
                self.transfer(m.Deposit, account, number, 60)
            self.transfer(m.Deposit, account, 0, 9_000)

    def ref(self, session_id: SessionId) -> Ref:
        self.refs[session_id] += 1
        return Ref(self.refs[session_id])

    def apply(self, session_id: SessionId, command: AnyCommand) -> m.Outputs:
        self.time_ns += 1_000
        entry = m.Entry(self.engine.sequence + 1, self.time_ns, session_id, [command])
        self.engine.apply(entry)
        outputs = self.engine.take_outputs()
        made = trades_of(outputs)
        for trade in made:
            self.trades.append(trade)
            number = len(self.trades)
            day = self.books.made[number] = self.books.days[trade.instrument_id]
            self.books.stands[number] = (trade.price_ticks, trade.quantity_lots)
            self.books.trade(trade, trade.price_ticks, trade.quantity_lots, 1, day)
        for event in outputs.public:
            if isinstance(event, m.TradeBusted):
                self.amended(event.trade_id, event.price_ticks, 0)
            elif isinstance(event, m.TradeCorrected):
                self.amended(event.trade_id, event.price_ticks, event.quantity_lots)
            elif isinstance(event, m.DayEnded):
                self.books.days[event.instrument_id] += 1
                self.happened["days"] += 1
        self.happened["trades"] += len(made)
        self.happened.update(reason.name for reason in outputs.refusals)
        check_conservation(self.engine.venue)
        self.check()
        return outputs

    def amended(self, trade_id: int, price: int, lots: int) -> None:
        trade, day = self.trades[trade_id - 1], self.books.made[trade_id]
        self.books.trade(trade, *self.books.stands[trade_id], -1, day)
        self.books.trade(trade, price, lots, 1, day)
        self.books.stands[trade_id] = (price, lots)
        self.happened["amended"] += 1

    def transfer(
        self, kind: type[m.Deposit | m.Withdraw], account: AccountId, number: int, amount: int
    ) -> None:
        of_units = {"instrument_id": InstrumentId(number), "quantity_lots": amount}
        of_money = {"currency": "EUR", "amount_minor": amount}
        outputs = self.apply_transfer(kind(self.ref(OPS), account, **(of_units if number else of_money)))
        if outputs.refusals:
            return
        sign = 1 if kind is m.Deposit else -1
        if number:
            self.books.units[number, account, 0] += sign * amount
        else:
            self.books.money[account] += sign * amount
        self.check()

    def apply_transfer(self, command: m.Deposit | m.Withdraw) -> m.Outputs:
        self.engine.apply(m.Entry(self.engine.sequence + 1, self.time_ns, OPS, [command]))
        outputs = self.engine.take_outputs()
        self.happened.update(reason.name for reason in outputs.refusals)
        check_conservation(self.engine.venue)
        return outputs

    # --- what happens ------------------------------------------------------------------------------

    def step(self) -> None:
        chosen = self.random.random()
        if chosen < 0.75:
            self.order()
        elif chosen < 0.83:
            kind = self.random.choice((m.Deposit, m.Withdraw))
            number = self.random.choice((0, *RULES))
            amount = self.random.randint(1, 20) * (1 if number else 100)
            self.transfer(kind, self.random.choice((COMPANY, TRADER)), number, amount)
        elif chosen < 0.93 and self.trades:
            self.amend()
        elif chosen < 0.96:
            self.end_day()
        else:
            data = snapshot(self.engine)
            self.engine = restore(data)
            assert snapshot(self.engine) == data
            self.engine.check()

    def order(self) -> None:
        session_id = self.random.choice((ALICE, BOB))
        ref = self.ref(session_id)
        named = Ref(self.random.randint(1, ref))
        price, lots = self.random.randint(95, 105), self.random.randint(1, 20)
        chosen = self.random.random()
        command: AnyCommand
        if chosen < 0.15:
            command = m.Cancel(ref, named)
        elif chosen < 0.25:
            command = m.Replace(ref, named, m.OrderId(0), lots, price)
        elif chosen < 0.30:
            command = m.Reduce(ref, named, m.OrderId(0), lots)
        else:
            number = self.random.choice(list(RULES))
            command = m.NewOrder(
                ref,
                number,
                self.random.choice(list(Side)),
                lots,
                price,
                time_in_force=self.random.choice((m.TimeInForce.GTC, m.TimeInForce.DAY, m.TimeInForce.IOC)),
            )
        self.apply(session_id, command)

    def amend(self) -> None:
        trade_id = self.random.randint(1, len(self.trades))
        trade = self.trades[trade_id - 1]
        ref, number = self.ref(OPS), m.TradeId(trade_id)
        command: m.BustTrade | m.CorrectTrade = m.BustTrade(ref, number)
        if self.random.random() < 0.6:
            lots = self.random.randint(1, trade.quantity_lots)
            command = m.CorrectTrade(ref, number, self.random.randint(90, 110), lots)
        self.apply(OPS, m.OnTrade(command, trade))

    def end_day(self) -> None:
        """Of one instrument: it closes, ends its day, gathers, and trades again."""
        number = self.random.choice(list(RULES))
        self.time_ns += DAY_NS
        day = int((FIRST_DAY + timedelta(days=self.books.days[number])).strftime("%Y%m%d"))
        self.apply(OPS, m.SetPhase(self.ref(OPS), number, m.Phase.CLOSED))
        self.apply(OPS, m.EndDay(self.ref(OPS), day, (number,)))
        self.apply(OPS, m.SetPhase(self.ref(OPS), number, m.Phase.OPENING_AUCTION))
        for _ in range(4):
            self.order()
        self.apply(OPS, m.SetPhase(self.ref(OPS), number, m.Phase.CONTINUOUS))

    # --- what always holds -------------------------------------------------------------------------

    def check(self) -> None:
        money_held: Counter[int] = Counter()
        for number in RULES:
            book = self.engine.books[number]
            clearing = book.clearing
            if not isinstance(clearing, Clearing):
                return
            selling: Counter[int] = Counter()
            for order in [*book.orders(), *book.stops(), *book.waiting()]:
                account, lots = order.account.account_id, order.leaves_lots + order.hidden_lots
                if order.ladder.side is Side.SELL:
                    selling[account] += lots
                else:
                    money = lots * order.level.price_ticks
                    money_held[account] += money + share(money, 30) + lots
            for account in ACCOUNTS.values():
                position = clearing.of(account)
                total, unsettled = self.books.total(number, account), self.books.unsettled(number, account)
                found = (position.total_lots, sum(position.unsettled_lots), position.reserved_lots)
                assert found == (total, unsettled, selling[account]), f"seed {self.seed}"
                assert position.free_lots >= 0, f"seed {self.seed}"
        ledger = self.engine.venue.cash["EUR"]
        for account in ACCOUNTS.values():
            cash = ledger.of(account)
            found_money = (cash.total_minor, cash.reserved_minor)
            assert found_money == (self.books.money[account], money_held[account]), f"seed {self.seed}"
            assert cash.free_minor >= 0, f"seed {self.seed}"
        assert ledger.fees_minor == self.books.fees, f"seed {self.seed}"


def play(days: Days, steps: int = 1_200) -> Counter[str]:
    for _ in range(steps):
        days.step()
    return days.happened


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_accounts_have_what_the_naive_reckons(seed: int) -> None:
    happened = play(Days(seed))
    assert happened["trades"] > 100
    assert happened["days"] > 10
    assert happened["amended"] > 10
    assert happened["INSUFFICIENT_HOLDINGS"]
    assert happened["INSUFFICIENT_CASH"]
    assert happened["POSITION_LIMIT"]


def test_a_forgotten_release_is_found_and_its_seed_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reserving, "reduced", lambda *_: None)
    with pytest.raises(AssertionError, match="seed 1"):
        play(Days(1))


def test_a_lost_fee_is_found_and_its_seed_named(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = Clearing.settle

    def lossy(clearing: Clearing, *trade: object) -> None:
        settle(clearing, *trade)  # type: ignore[arg-type]
        assert isinstance(clearing.cash, CashLedger)
        clearing.cash.fees_minor -= 1
        clearing.cash.deposited_minor -= 1

    monkeypatch.setattr(Clearing, "settle", lossy)
    with pytest.raises(AssertionError, match="seed 1"):
        play(Days(1))


def test_units_that_settle_too_early_are_found_and_the_seed_named() -> None:
    days = Days(1, {**RULES, CEA: structs.replace(RULES[CEA], lag_days=1)})
    with pytest.raises(AssertionError, match="seed 1"):
        play(days)
