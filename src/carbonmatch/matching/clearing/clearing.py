"""Clearing of one instrument: nothing is sold that is not there, and nothing bought that is not paid for.

An order reserves what it needs when it rests: units to sell, or money for its limit and the highest fee.
What of it goes on to rest keeps reserved what it would need as an order of its own, and the difference is
given back; so an order that is gone has left nothing behind, whichever way and in however many parts it went.
A taker reserves nothing, because it pays from what is free while its command is applied.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from carbonmatch.limits import CLEARING_TERMS_MAX, SETTLEMENT_LAG_DAYS_MAX
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.clearing.amounts import BASIS_POINTS, Amounts
from carbonmatch.matching.clearing.cash import Cash, CashLedger
from carbonmatch.matching.clearing.cut_off import CutOff, longest_days, saved_days
from carbonmatch.matching.clearing.holder_limits import NO_ACCOUNTS, HolderLimits
from carbonmatch.matching.clearing.net_bought import NetBought
from carbonmatch.matching.clearing.net_sales import NetSales
from carbonmatch.matching.clearing.position import UNLIMITED_LOTS, Position
from carbonmatch.matching.messages import AccountId, RejectReason, Restriction, Side, TradeId, TradeKind
from carbonmatch.matching.vocabulary.clearing import ClearingRules

# A member of an enum is looked up once, here, and not for each order.
_SELL: Final = Side.SELL
NO_TRADE: Final = TradeId(0)
FORBIDDING: Final = {
    Side.BUY: frozenset({Restriction.NO_BUYING, Restriction.NO_TRADING}),
    Side.SELL: frozenset({Restriction.NO_SELLING, Restriction.NO_TRADING}),
}


class Terms(NamedTuple):
    """What trades up to this one cost, and whose money they have moved; None: nobody's."""

    until_trade_id: TradeId
    amounts: Amounts
    cash: CashLedger | None


class Clearing:
    """The positions of one instrument, and what its orders reserve of them and of the cash behind.

    Invariant: all positions together are what was deposited, less what was withdrawn. `cash` is shared by
    the instruments of its currency; it is None where the rules do not hold money.
    """

    __slots__ = (
        "amounts",
        "cash",
        "checked_lots",
        "cut_off",
        "deposited_lots",
        "forgotten_trade_id",
        "limits",
        "moved",
        "net_bought",
        "net_sales",
        "past_terms",
        "positions",
        "restrictions",
        "rolled_day",
        "rolled_trade_ids",
        "rules",
        "since_trade_id",
        "unrestricted",
    )

    def __init__(
        self,
        rules: ClearingRules,
        tick_value_minor: int,
        cash: CashLedger,
        since_trade_id: TradeId = NO_TRADE,
        accounts: Mapping[AccountId, Account] = NO_ACCOUNTS,
    ) -> None:
        self.rules = rules
        self.limits = HolderLimits(rules, accounts)
        # Where a rule asks for it. With that of reversals nothing is in `unrestricted`: all orders are asked.
        self.net_bought = NetBought(rules.reversal_days, since_trade_id) if _is_counted(rules) else None
        self.net_sales: NetSales | None = None
        if rules.carry_over is not None:
            self.net_sales = NetSales(rules.carry_over, since_trade_id)
        # Where settlement goes by the time of the trade.
        self.cut_off = CutOff(saved_days(rules), since_trade_id) if saved_days(rules) else None
        self.cash = cash if rules.cash else None
        # What trades went by before, the latest last; of those up to one it is forgotten.
        self.forgotten_trade_id = NO_TRADE
        self.past_terms: list[Terms] = []
        self.positions: dict[AccountId, Position] = {}
        # Of the few accounts that have one; and the positions of all others.
        self.restrictions: dict[AccountId, Restriction] = {}
        self.unrestricted: dict[AccountId, Position] = {}
        self.deposited_lots = 0
        # What was deposited when units were looked at last; and the positions of which some have moved since.
        self.checked_lots = 0
        self.moved: list[Position] = []
        # Trades up to this one were made without.
        self.since_trade_id = since_trade_id
        # The last trading day that ended here; and the last trade of the venue at the ends of as many days as
        # settlement can take, the latest first.
        self.rolled_day = 0
        self.rolled_trade_ids: list[TradeId] = []
        self.amounts = Amounts(rules.fees, tick_value_minor)

    def of(self, account_id: AccountId) -> Position:
        """The account's position; nothing at first."""
        position = self.positions.get(account_id)
        if position is None:
            position = self.positions[account_id] = Position(
                account_id, longest_days(self.rules), self.limits.of(account_id).position_max_lots
            )
            if self._is_unrestricted(account_id):
                self.unrestricted[account_id] = position
        return position

    def _is_unrestricted(self, account_id: AccountId) -> bool:
        """Whether what it has is all that its orders are asked for."""
        return not self.rules.reversal_days and account_id not in self.restrictions

    def cash_of(self, position: Position) -> Cash:
        """The money of the position's account; from now on the position knows it."""
        assert self.cash is not None
        cash = position.cash = self.cash.of(position.account_id)
        return cash

    def moving(self, account_id: AccountId) -> Position:
        """The account's position, of whose units some are about to come or go."""
        position = self.of(account_id)
        if not position.has_moved:
            self.watch(position)
        return position

    def watch(self, position: Position) -> None:
        """Let `check_moved` look at it, and at the money that it was bought and sold for."""
        position.has_moved = True
        self.moved.append(position)

    # --- orders ----------------------------------------------------------------------------------

    def refusal(
        self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind
    ) -> RejectReason | None:
        """Why so many lots at this limit may neither trade nor be reserved, None if they may."""
        reason = self.prohibition(account, side)
        if reason is not None:
            return reason
        account_id = account.account_id
        position = self.positions.get(account_id)
        if side is _SELL:
            if position is None or lots > position.free_lots:
                return RejectReason.INSUFFICIENT_HOLDINGS
            return None
        if position is None:
            most_lots = self.limits.of(account_id).position_max_lots or UNLIMITED_LOTS
            there = 0
        else:
            most_lots = position.most_lots
            there = position.total_lots + position.buying_lots
        if there + lots > most_lots:
            return RejectReason.POSITION_LIMIT
        if self.cash is not None:
            cash = self.cash.accounts.get(account_id)
            needed_minor = self.amounts.reserved_minor(lots, price_ticks, kind)
            if cash is None or needed_minor > cash.free_minor:
                return RejectReason.INSUFFICIENT_CASH
        return None

    def prohibition(self, account: Account, side: Side) -> RejectReason | None:
        """Why the account may trade nothing on this side; None for all that are in `unrestricted`."""
        if self.restrictions and self.forbids(account, side):
            return RejectReason.ACCOUNT_RESTRICTED
        account_id = account.account_id
        if self.net_bought is not None and self.net_bought.forbids(
            account_id, self.positions.get(account_id), side
        ):
            return RejectReason.REVERSAL
        return None

    def reserve(self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        """Hold what so many lots at this limit need, after `refusal` had nothing against it."""
        account_id = account.account_id
        position = self.positions.get(account_id) or self.of(account_id)
        if side is _SELL:
            assert lots <= position.free_lots, "it was asked before whether they may be reserved"
            position.free_lots -= lots
            return
        position.buying_lots += lots
        if self.cash is not None:
            cash = self.cash.accounts[account_id]
            minor = self.amounts.reserved_minor(lots, price_ticks, kind)
            cash.reserved_minor += minor
            assert cash.reserved_minor <= cash.total_minor, "it was asked before whether it may be reserved"

    def release(
        self, account: Account, side: Side, lots: int, leaves_lots: int, price_ticks: int, kind: TradeKind
    ) -> None:
        """Give back what so many lots held, where `leaves_lots` of the order stay reserved."""
        account_id = account.account_id
        position = self.positions[account_id]
        if side is _SELL:
            position.free_lots += lots
            assert position.free_lots <= position.total_lots, "no more is given back than was reserved"
            return
        position.buying_lots -= lots
        assert position.buying_lots >= 0, "no more is given back than was reserved"
        if self.cash is not None:
            cash = self.cash.accounts[account_id]
            reserved_minor = self.amounts.reserved_minor
            cash.reserved_minor -= reserved_minor(lots + leaves_lots, price_ticks, kind)
            if leaves_lots:
                cash.reserved_minor += reserved_minor(leaves_lots, price_ticks, kind)
            assert cash.reserved_minor >= 0, "no more is given back than was reserved"

    def held_minor(self, lots: int, price_ticks: int, kind: TradeKind) -> int:
        """The money that an order to buy holds."""
        return 0 if self.cash is None else self.amounts.reserved_minor(lots, price_ticks, kind)

    def restrict(self, account_id: AccountId, restriction: Restriction) -> None:
        """What the account may not do from now on."""
        self.restrictions.pop(account_id, None)
        self.unrestricted.pop(account_id, None)
        if restriction is not Restriction.NONE:
            self.restrictions[account_id] = restriction
        elif account_id in self.positions and self._is_unrestricted(account_id):
            self.unrestricted[account_id] = self.positions[account_id]

    def forbids(self, account: Account, side: Side) -> bool:
        """Whether the account may not buy, or not sell."""
        return self.restrictions.get(account.account_id) in FORBIDDING[side]

    # --- trades ----------------------------------------------------------------------------------

    def settle(self, buyer: Account, seller: Account, lots: int, price_ticks: int, kind: TradeKind) -> None:
        """Move units and money, and take fees. The lots are reserved no longer, on either side."""
        sold = self.positions[seller.account_id]
        sold.free_lots -= lots
        assert sold.free_lots >= 0, "nobody sells what it does not have"
        bought = self.of(buyer.account_id)
        if not sold.has_moved:
            self.watch(sold)
        if not bought.has_moved:
            self.watch(bought)
        sold.total_lots -= lots
        assert sold.free_lots <= sold.total_lots, "no more is sold than was reserved"
        bought.total_lots += lots
        unsettled_lots = bought.unsettled_lots
        if unsettled_lots:
            unsettled_lots[0] += lots
        else:
            bought.free_lots += lots
        ledger = self.cash
        if ledger is None:
            return
        # As `Amounts.moved_minor` reckons, and `Reserving.traded` for trades of the book.
        tick_value_minor, basis_points, minor_per_lot, of_seller = self.amounts.of_trades[kind]
        money = lots * price_ticks * tick_value_minor
        fee = money * basis_points // BASIS_POINTS + lots * minor_per_lot
        payer = bought.cash or self.cash_of(bought)
        payee = sold.cash or self.cash_of(sold)
        paid_minor = money + fee
        left_minor = payer.total_minor - paid_minor
        assert payer.reserved_minor <= left_minor, "nobody spends what it does not have"
        payer.total_minor = left_minor
        if of_seller is not None:
            fee = money * of_seller.basis_points // BASIS_POINTS + lots * of_seller.minor_per_lot
        got_minor = money - fee if fee < money else 0
        payee.total_minor += got_minor
        sold.proceeds_minor += got_minor
        payee.proceeds_minor += got_minor
        ledger.fees_minor += paid_minor - got_minor

    def add_proceeds(self, account_id: AccountId, minor: int) -> None:
        """So much more, or less, of its money comes from sales of the trading day in progress."""
        assert self.cash is not None
        self.positions[account_id].proceeds_minor += minor
        self.cash.accounts[account_id].proceeds_minor += minor

    def age_days(self, trade_id: TradeId) -> int:
        """How many trading days have ended since the trade; no more than are kept."""
        return sum(trade_id <= rolled for rolled in self.rolled_trade_ids)

    def bucket(self, trade_id: TradeId) -> int:
        """Where among the purchases that are not settled those of the trade are, if they are there."""
        age_days = self.age_days(trade_id)
        return age_days if self.cut_off is None else self.cut_off.bucket(trade_id, age_days)

    def bought_today_lots(self, account_id: AccountId, position: Position) -> int:
        """What of its purchases of the trading day in progress is not settled yet."""
        if not position.unsettled_lots:
            return 0
        early_lots = 0 if self.cut_off is None else self.cut_off.early_lots.get(account_id, 0)
        return position.unsettled_lots[0] + early_lots

    def roll(self, trading_day: int, last_trade_id: TradeId) -> None:
        """The day is over: the oldest purchases may be sold, and its proceeds may leave."""
        assert trading_day > self.rolled_day, "each trading day ends once"
        self.rolled_day = trading_day
        self.rolled_trade_ids = [last_trade_id, *self.rolled_trade_ids[: SETTLEMENT_LAG_DAYS_MAX - 1]]
        if self.net_bought is not None:
            if self.net_sales is not None:
                self.net_sales.roll(
                    trading_day, self.net_bought.of_today(self.positions.items()), last_trade_id
                )
            self.net_bought.roll(self.positions.items())
        if self.cut_off is not None:
            self.cut_off.roll(self.positions.items(), last_trade_id)
        for account_id, position in self.positions.items():
            position.roll()
            if position.proceeds_minor:
                assert self.cash is not None
                self.cash.accounts[account_id].proceeds_minor -= position.proceeds_minor
                position.proceeds_minor = 0

    # --- rules -----------------------------------------------------------------------------------

    def terms(self, trade_id: TradeId) -> Terms | None:
        """What a trade that was cleared went by; None: that is forgotten, after too many other ones."""
        if trade_id <= self.forgotten_trade_id:
            return None
        past = next((past for past in self.past_terms if trade_id <= past.until_trade_id), None)
        return past or Terms(trade_id, self.amounts, self.cash)

    def go_by(
        self, rules: ClearingRules, tick_value_minor: int, cash: CashLedger, last_trade_id: TradeId
    ) -> None:
        """Trades after this one go by these rules; which may come when is in `changes`."""
        # Positions are about to forget whose money it is that has moved with them.
        self.check_moved()
        before = Terms(last_trade_id, self.amounts, self.cash)
        later_seconds = rules.cut_off_seconds - self.rules.cut_off_seconds
        self.rules = rules
        self.cash = cash if rules.cash else None
        self.amounts = Amounts(rules.fees, tick_value_minor)
        if self.amounts != before.amounts or self.cash is not before.cash:
            self.past_terms.append(before)
            if len(self.past_terms) > CLEARING_TERMS_MAX:
                self.forgotten_trade_id = self.past_terms.pop(0).until_trade_id
        self.limits.go_by(rules)
        self._count_by(rules, last_trade_id)
        has_cut_off = self._cut_off_by(rules, last_trade_id, later_seconds)
        for account_id, position in self.positions.items():
            if has_cut_off:
                position.settle_no_earlier(longest_days(rules))
            else:
                position.settle_within(rules.lag_days)
            self.apply_limits(account_id)
            if self.cash is not before.cash:
                # No order to buy is open: it is looked for again.
                position.cash = None

    def _cut_off_by(self, rules: ClearingRules, last_trade_id: TradeId, later_seconds: int) -> bool:
        """From now on there is a cut-off, later by so much, or none; whether there was one or is."""
        before, days = self.cut_off, saved_days(rules)
        if not days:
            self.cut_off = None
        elif before is None:
            self.cut_off = CutOff(days, last_trade_id)
        else:
            before.days = days
            before.move(later_seconds)
        return bool(before or days)

    def _count_by(self, rules: ClearingRules, last_trade_id: TradeId) -> None:
        """From now on it is known, or not any more, who has bought more than it has sold."""
        if not _is_counted(rules):
            self.net_bought = None
        elif self.net_bought is not None:
            self.net_bought.go_by(rules.reversal_days, self.rolled_trade_ids)
        else:
            self.net_bought = NetBought(rules.reversal_days, last_trade_id)
            self.net_bought.begin(self.positions.items())
        if rules.carry_over is None:
            self.net_sales = None
        elif self.net_sales is not None:
            self.net_sales.rules = rules.carry_over
        else:
            assert self.net_bought is not None
            # All that is known of the day in progress counts when it ends.
            self.net_sales = NetSales(
                rules.carry_over, max(self.net_bought.since_trade_id, *self.rolled_trade_ids[:1], NO_TRADE)
            )
        self.unrestricted.clear()
        for account_id, position in self.positions.items():
            if self._is_unrestricted(account_id):
                self.unrestricted[account_id] = position

    def reserves_the_same(self, rules: ClearingRules, tick_value_minor: int) -> bool:
        """Whether by these rules every order to buy would hold as much."""
        return self.amounts.reserves_the_same(Amounts(rules.fees, tick_value_minor))

    def holds_the_same(self, rules: ClearingRules, currency: str) -> bool:
        """Whether by these rules money would be held as it is, and of the same currency."""
        if self.cash is None:
            return not rules.cash
        return rules.cash and self.cash.currency == currency

    # --- limits ----------------------------------------------------------------------------------

    def set_limits(
        self, account_id: AccountId, limit_lots: int, report_from_lots: int, allocated_lots: int = 0
    ) -> None:
        """What the account may hold at most, and from what on it is reported; 0: as for its class.

        Who holds or has ordered more by now keeps that, and orders no more.
        """
        position = self.of(account_id)
        position.limit_lots = limit_lots
        position.report_from_lots = report_from_lots
        self.limits.allocate(account_id, allocated_lots)
        self.apply_limits(account_id)

    def apply_limits(self, account_id: AccountId) -> None:
        """Let the account's limit be what it is now, where it has anything."""
        position = self.positions.get(account_id)
        if position is not None:
            most_lots = position.limit_lots or self.limits.of(account_id).position_max_lots
            position.most_lots = most_lots or UNLIMITED_LOTS

    # --- the registry ----------------------------------------------------------------------------

    def deposit(self, account_id: AccountId, lots: int) -> None:
        """So many units came in from the registry: they may be sold at once."""
        self.moving(account_id).add_free(lots)
        self.deposited_lots += lots
        if self.net_bought is not None:
            self.net_bought.bring(account_id, lots)

    def may_withdraw(self, account_id: AccountId, lots: int) -> bool:
        position = self.positions.get(account_id)
        return position is not None and lots <= position.free_lots

    def withdraw(self, account_id: AccountId, lots: int) -> None:
        """So many units go back to the registry, after `may_withdraw`."""
        assert self.may_withdraw(account_id, lots)
        self.moving(account_id).take_free(lots)
        self.deposited_lots -= lots
        if self.net_bought is not None:
            self.net_bought.bring(account_id, -lots)

    def check_moved(self) -> None:
        """Assert that of all that has moved since the last time only what was deposited has come or gone."""
        more_lots = 0
        for position in self.moved:
            position.check()
            more_lots += position.total_lots - position.checked_lots
            position.checked_lots = position.total_lots
            position.has_moved = False
            if position.cash is not None:
                assert self.cash is not None
                self.cash.look_at(position.cash)
        assert more_lots == self.deposited_lots - self.checked_lots, "units neither come nor go by trading"
        self.checked_lots = self.deposited_lots
        self.moved.clear()

    def check(self) -> None:
        """Assert every invariant but that of what is reserved, which only the orders know."""
        for account_id, position in self.positions.items():
            position.check()
            assert self.unrestricted.get(account_id) is (
                position if self._is_unrestricted(account_id) else None
            )
            assert len(position.unsettled_lots) == longest_days(self.rules)
        assert self.rolled_trade_ids == sorted(self.rolled_trade_ids, reverse=True)
        total_lots = sum(position.total_lots for position in self.positions.values())
        assert total_lots == self.deposited_lots, "units neither come nor go by trading"
        if self.net_bought is not None:
            self.net_bought.check(self.positions.items())
        if self.net_sales is not None:
            self.net_sales.check()


def _is_counted(rules: ClearingRules) -> bool:
    """Whether a rule asks what accounts have bought more than they sold."""
    return bool(rules.reversal_days) or rules.carry_over is not None
