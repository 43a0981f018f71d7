"""What everyone has and what is open, by what was told: from deposits, reports and public events alone.

Nothing here asks the engine. Fees are fractions that are rounded down, trade by trade.
"""

from collections import Counter, defaultdict
from fractions import Fraction
from math import floor
from typing import NamedTuple

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import AccountId, BidState, InstrumentId, Side, TradeKind
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees

BUY, SELL = Side.BUY, Side.SELL


class Held(NamedTuple):
    """So many lots at a limit, for which an account holds units or money."""

    account_id: int
    side: Side
    lots: int
    price_ticks: int
    kind: TradeKind


class Told:
    """Of one instrument, a tick on a lot of which is one minor unit; what is bought waits a day, or not."""

    def __init__(self, instrument_id: InstrumentId, rules: ClearingRules) -> None:
        self.instrument_id = instrument_id
        assert rules.lag_days <= 1
        self.waits = rules.lag_days == 1
        self.fees = {fees.kind: fees for fees in rules.fees}
        self.units: Counter[int] = Counter()
        self.bought_today: Counter[int] = Counter()
        self.money: Counter[int] = Counter()
        self.fees_minor = 0
        self.blocks: dict[int, Held] = {}
        self.bids: dict[int, Held] = {}
        self.trades: Counter[TradeKind] = Counter()
        self.ways_out: Counter[str] = Counter()
        # As an operator's command finds them, with the day of each; and what stands of each now.
        self.made: dict[m.TradeId, tuple[m.FoundTrade, int]] = {}
        self.stands: dict[m.TradeId, tuple[int, int]] = {}
        self.day = 0

    # --- what is told ------------------------------------------------------------------------------

    def take(self, outputs: m.Outputs) -> None:
        kinds = {event.trade_id: event.kind for event in outputs.public if isinstance(event, m.Traded)}
        self.trades.update(kinds.values())
        self._find(outputs)
        for event in outputs.public:
            if isinstance(event, m.TradeBusted):
                self._amend(event.trade_id, event.price_ticks, 0)
            elif isinstance(event, m.TradeCorrected):
                self._amend(event.trade_id, event.price_ticks, event.quantity_lots)
        for chunk in outputs.streams:
            for report in chunk.reports:
                if isinstance(report, m.BlockUpdate):
                    self._block(report)
                elif isinstance(report, m.BidUpdate):
                    self._bid(report)
                elif isinstance(report, m.Executed):
                    self._fill(report, kinds[report.trade_id])
        if any(isinstance(event, m.DayEnded) for event in outputs.public):
            self.bought_today.clear()
            self.day += 1

    def _find(self, outputs: m.Outputs) -> None:
        """Note the trades as they were made."""
        sides = {
            (report.trade_id, report.side): m.TradeSide(chunk.session_id, report.order_id, report.account_id)
            for chunk in outputs.streams
            for report in chunk.reports
            if isinstance(report, m.Executed)
        }
        for event in outputs.public:
            if isinstance(event, m.Traded):
                found = m.FoundTrade(
                    event.instrument_id,
                    event.time_ns,
                    event.price_ticks,
                    event.quantity_lots,
                    sides[event.trade_id, BUY],
                    sides[event.trade_id, SELL],
                    event.kind,
                )
                self.made[event.trade_id] = found, self.day
                self.stands[event.trade_id] = event.price_ticks, event.quantity_lots

    def _amend(self, trade_id: m.TradeId, price_ticks: int, lots: int) -> None:
        """What the trade has moved is moved back, and what it should have been is moved in its place."""
        found, day = self.made[trade_id]
        buyer, seller = found.buyer.account_id, found.seller.account_id
        before_ticks, before_lots = self.stands[trade_id]
        for sign, ticks, quantity in ((-1, before_ticks, before_lots), (1, price_ticks, lots)):
            money = ticks * quantity
            paid = self.fee(BUY, found.kind, quantity, money)
            kept = self.fee(SELL, found.kind, quantity, money)
            self.units[buyer] += sign * quantity
            self.units[seller] -= sign * quantity
            self.money[buyer] -= sign * (money + paid)
            self.money[seller] += sign * (money - kept)
            self.fees_minor += sign * (paid + kept)
        if day == self.day and self.waits:
            # Out of what was bought today as far as it goes; the rest out of what is free.
            self.bought_today[buyer] = max(0, self.bought_today[buyer] + lots - before_lots)
        self.stands[trade_id] = price_ticks, lots

    def _block(self, report: m.BlockUpdate) -> None:
        if report.state in m.FINAL_BLOCK_STATES:
            if self.blocks.pop(report.proposal_id, None) is not None:
                self.ways_out[report.state.name] += 1
        elif report.is_own:
            self.blocks[report.proposal_id] = Held(
                report.account_id, report.side, report.quantity_lots, report.price_ticks, TradeKind.BLOCK
            )

    def _bid(self, report: m.BidUpdate) -> None:
        if report.state is BidState.STANDING:
            self.bids[report.bid_id] = Held(
                report.account_id, report.side, report.quantity_lots, report.price_ticks, TradeKind.BIDDING
            )
        elif self.bids.pop(report.bid_id, None) is not None:
            self.ways_out[f"BID_{report.state.name}"] += 1

    def _fill(self, report: m.Executed, kind: TradeKind) -> None:
        if kind is TradeKind.BIDDING:
            # Of the bid the fill is all it gets, of the one party it is a part: BidUpdate says the end.
            left = self.bids[report.order_id]
            self.bids[report.order_id] = left._replace(lots=report.leaves_lots)
        sign = 1 if report.side is BUY else -1
        money = report.quantity_lots * report.price_ticks
        fee = self.fee(report.side, kind, report.quantity_lots, money)
        self.units[report.account_id] += sign * report.quantity_lots
        self.money[report.account_id] -= sign * money + fee
        self.fees_minor += fee
        if report.side is BUY and self.waits:
            self.bought_today[report.account_id] += report.quantity_lots

    # --- what it comes to --------------------------------------------------------------------------

    def fee(self, side: Side, kind: TradeKind, lots: int, money: int) -> int:
        fees = self.fees.get(kind, Fees(kind))
        if side is BUY:
            return floor(money * Fraction(fees.buyer_basis_points, 10_000)) + lots * fees.buyer_minor_per_lot
        share = floor(money * Fraction(fees.seller_basis_points, 10_000))
        return min(money, share + lots * fees.seller_minor_per_lot)

    def needed(self, held: Held) -> int:
        """The money that is held for it: of orders for the most expensive way to trade on the screen."""
        kinds = [TradeKind.CONTINUOUS, TradeKind.AUCTION, TradeKind.LISTED]
        of = [self.fees.get(kind, Fees(kind)) for kind in (kinds if held.kind in kinds else [held.kind])]
        money = held.lots * held.price_ticks
        share = Fraction(max(fees.buyer_basis_points for fees in of), 10_000)
        return money + floor(money * share) + held.lots * max(fees.buyer_minor_per_lot for fees in of)

    def held(self, engine: Engine) -> list[Held]:
        """Everything for which something is to be held; orders as the book has them."""
        return [*self.blocks.values(), *self.bids.values(), *_on_ladders(engine, self.instrument_id)]

    def check(self, engine: Engine) -> None:
        """Assert that everyone has what was told, and holds what everything that is open needs."""
        book = engine.books[self.instrument_id]
        clearing = book.clearing
        assert isinstance(clearing, Clearing)
        assert clearing.cash is not None
        clearing.check()
        clearing.cash.check()
        assert clearing.cash.fees_minor == self.fees_minor
        selling: Counter[int] = Counter()
        buying: Counter[int] = Counter()
        minor: defaultdict[int, int] = defaultdict(int)
        for held in self.held(engine):
            if held.side is SELL:
                selling[held.account_id] += held.lots
            else:
                buying[held.account_id] += held.lots
                minor[held.account_id] += self.needed(held)
        for account_id in engine.venue.accounts:
            position, cash = clearing.of(AccountId(account_id)), clearing.cash.of(AccountId(account_id))
            assert position.total_lots == self.units[account_id]
            assert sum(position.unsettled_lots) == self.bought_today[account_id]
            assert position.reserved_lots == selling[account_id]
            assert position.buying_lots == buying[account_id]
            assert cash.total_minor == self.money[account_id]
            assert cash.reserved_minor == minor[account_id]


def _on_ladders(engine: Engine, instrument_id: InstrumentId) -> list[Held]:
    book = engine.books[instrument_id]
    return [
        Held(
            order.account.account_id,
            order.ladder.side,
            order.leaves_lots + order.hidden_lots,
            order.level.price_ticks,
            TradeKind.CONTINUOUS,
        )
        for order in [*book.orders(), *book.waiting()]
    ]


def supply(engine: Engine, told: Told, account_id: int, lots: int, minor: int) -> None:
    """Give an account units and money, and note them."""
    clearing = engine.books[told.instrument_id].clearing
    assert isinstance(clearing, Clearing)
    assert clearing.cash is not None
    clearing.deposit(AccountId(account_id), lots)
    clearing.cash.deposit(AccountId(account_id), minor)
    told.units[account_id] += lots
    told.money[account_id] += minor
