"""Whatever happens to orders: units and money are conserved, and reserved is what open orders need.

The market of chance has every command there is, over instruments that are cleared: icebergs, stops,
auctions, interruptions, self-trade prevention, replacements and purges among them.
"""

from collections import Counter

import msgspec
import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import AccountId, AnyCommand, RejectReason, Side, TradeKind
from carbonmatch.matching.state import restore, snapshot
from carbonmatch.matching.vocabulary.clearing import ClearingRules, Fees
from tests.matching.worlds import INTERRUPTED, LIMITED, SOME, seeded, trades_of

RULES = ClearingRules(
    lag_days=0,
    fees=(Fees(TradeKind.CONTINUOUS, 30, 20, 1, 2), Fees(TradeKind.AUCTION, 10, 500, 3)),
    position_max_lots=150,
)
ACCOUNTS = (11, 12, 13, 14)
# Little enough that orders are refused for want of both.
LOTS, MONEY = 60, 6_000


def cleared(command: AnyCommand, trades: list[m.FoundTrade]) -> AnyCommand:
    """As in a market without clearing, but that busts are of the `trades` of this one."""
    if isinstance(command, m.OnTrade):
        trade_id = command.command.trade_id % (len(trades) + 1)
        on = msgspec.structs.replace(command.command, trade_id=m.TradeId(trade_id))
        return m.OnTrade(on, trades[trade_id - 1] if trade_id else None)
    if not isinstance(command, m.DefineInstrument):
        return command
    definition = msgspec.structs.replace(command.definition, clearing=RULES, currency="CNY")
    return m.DefineInstrument(definition)


def needed_minor(clearing: Clearing, order: Order) -> int:
    lots = order.leaves_lots + order.hidden_lots
    price_ticks = order.level.price_ticks
    if order.terms is not None and order.terms.waits_since:
        price_ticks = order.terms.price_ticks or price_ticks
    money = lots * price_ticks
    return money + money * 30 // 10_000 + lots * 3


def check(engine: Engine) -> None:
    cash = engine.venue.cash["CNY"]
    cash.check()
    reserved_minor: Counter[int] = Counter()
    for book in engine.books.values():
        clearing = book.clearing
        assert isinstance(clearing, Clearing)
        clearing.check()
        selling: Counter[int] = Counter()
        buying: Counter[int] = Counter()
        for order in [*book.orders(), *book.stops(), *book.waiting()]:
            lots = order.leaves_lots + order.hidden_lots
            number = order.account.account_id
            if order.ladder.side is Side.SELL:
                selling[number] += lots
            else:
                buying[number] += lots
                reserved_minor[number] += needed_minor(clearing, order)
        for number, position in clearing.positions.items():
            assert position.reserved_lots == selling[number]
            assert position.buying_lots == buying[number]
    for number, purse in cash.accounts.items():
        assert purse.reserved_minor == reserved_minor[number]


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("rules", [SOME, LIMITED, INTERRUPTED, (None,)])
def test_reserved_is_what_open_orders_need_after_every_entry(
    seed: int, rules: tuple[m.VolatilityRules | None, ...]
) -> None:
    engine = Engine()
    refused: Counter[RejectReason] = Counter()
    trades: list[m.FoundTrade] = []
    amended = 0
    for number, entry in enumerate(seeded(seed, 5_000, rules)):
        commands = [cleared(command, trades) for command in entry.commands]
        engine.apply(msgspec.structs.replace(entry, commands=commands))
        if number == 0:
            for book in engine.books.values():
                for account in ACCOUNTS:
                    assert isinstance(book.clearing, Clearing)
                    book.clearing.deposit(AccountId(account), LOTS)
            for account in ACCOUNTS:
                engine.venue.cash["CNY"].deposit(AccountId(account), MONEY)
        check(engine)
        outputs = engine.take_outputs()
        trades += trades_of(outputs)
        amended += sum(isinstance(event, m.TradeBusted | m.TradeCorrected) for event in outputs.public)
        refused.update(
            report.reason
            for chunk in outputs.streams
            for report in chunk.reports
            if isinstance(report, m.Rejected)
        )
        if number % 50 == 0:
            engine.check()
            data = snapshot(engine)
            engine = restore(data)
            check(engine)
            assert snapshot(engine) == data
    assert len(trades) > 40
    assert amended > 1
    assert refused[RejectReason.INSUFFICIENT_CASH]
    assert refused[RejectReason.INSUFFICIENT_HOLDINGS]
