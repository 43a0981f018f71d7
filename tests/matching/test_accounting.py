"""What a careful reader of the reports alone can add up: nothing is lost, and every order ends once."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import Entry, OrderId, SelfTradePrevention, SessionId
from tests.matching.worlds import COMMAND_BYTES, World, seeded


@dataclass
class Account:
    """One order as its owner sees it."""

    accepted: int
    total: int
    executed: int = 0
    prevented: int = 0
    canceled: int = 0
    withdrawn: int = 0  # net, by reductions and replacements
    ended: bool = False


class Bookkeeper:
    """Reads every stream; believes the reports of an order's owner, and checks each against the others."""

    def __init__(self) -> None:
        self.orders: dict[OrderId, Account] = {}
        self.owners: dict[OrderId, SessionId] = {}
        self.trades: dict[int, list[m.Executed]] = {}
        # What each side of a trade was told that it is instead, in this order: price and lots.
        self.amended: dict[tuple[int, m.Side], list[tuple[int, int]]] = {}
        self.next_seqs: dict[SessionId, int] = {}

    def read(self, session_id: SessionId, report: Any) -> None:
        assert report.seq == self.next_seqs.get(session_id, 1), "streams have no gap"
        self.next_seqs[session_id] = report.seq + 1
        if isinstance(report, m.Accepted):
            assert report.order_id not in self.orders, "an order is accepted once"
            self.orders[report.order_id] = Account(report.quantity_lots, report.quantity_lots)
            self.owners[report.order_id] = session_id
        if self.owners.get(getattr(report, "order_id", OrderId(0))) == session_id:
            self._read_of_owner(report)

    def _read_of_owner(self, report: Any) -> None:
        if isinstance(report, m.Busted | m.Corrected):
            self._read_amended(report)
            return
        order = self.orders[report.order_id]
        if isinstance(report, m.OrderStatus):
            assert not order.ended
            assert (report.quantity_lots, report.leaves_lots) == (order.total, order.total - order.executed)
            return
        assert not order.ended, "nothing happens to an order after its end"
        match report:
            case m.Executed():
                assert report.quantity_lots > 0
                order.executed += report.quantity_lots
                assert report.leaves_lots == order.total - order.executed
                order.ended = report.leaves_lots == 0
                self.trades.setdefault(report.trade_id, []).append(report)
            case m.SelfTradePrevented():
                if report.mode is SelfTradePrevention.DECREMENT:
                    order.prevented += report.prevented_lots
                    order.total -= report.prevented_lots
                assert report.leaves_lots == order.total - order.executed
            case m.Reduced() | m.Replaced():
                order.withdrawn += order.total - report.quantity_lots
                order.total = report.quantity_lots
                assert report.leaves_lots == order.total - order.executed > 0
            case m.Canceled():
                order.canceled = report.canceled_lots
                assert report.canceled_lots == order.total - order.executed
                order.ended = True

    def _read_amended(self, report: m.Busted | m.Corrected) -> None:
        """Of an order that may have ended: the trade was what its owner knows it as, and stood."""
        (fill,) = [one for one in self.trades[report.trade_id] if one.order_id == report.order_id]
        assert (report.side, report.account_id) == (fill.side, fill.account_id)
        known = self.amended.setdefault((report.trade_id, report.side), [])
        before = known[-1] if known else (fill.price_ticks, fill.quantity_lots)
        assert before[1] > 0, "what was busted is not touched again"
        if isinstance(report, m.Busted):
            assert (report.price_ticks, report.quantity_lots) == before
            known.append((report.price_ticks, 0))
        else:
            assert (report.price_before_ticks, report.quantity_before_lots) == before
            assert 0 < report.quantity_lots <= fill.quantity_lots
            known.append((report.price_ticks, report.quantity_lots))

    def close(self, engine: Engine) -> None:
        """The books hold exactly the orders without an end, and both sides of each trade agree."""
        open_orders = {
            order.order_id: order.leaves_lots + order.hidden_lots
            for book in engine.books.values()
            for order in (*book.orders(), *book.stops(), *book.waiting())
        }
        assert open_orders == {
            order_id: order.total - order.executed
            for order_id, order in self.orders.items()
            if not order.ended
        }
        for order_id, order in self.orders.items():
            gone = order.executed + order.prevented + order.canceled + order.withdrawn
            assert order.accepted == gone + open_orders.get(order_id, 0), "every lot is accounted for"
        assert sorted(self.trades) == list(range(1, engine.venue.last_trade_id + 1))
        for trade_id, _ in self.amended:
            bought, sold = (self.amended[trade_id, side] for side in m.Side)
            assert bought == sold, "both sides of a trade are told the same"
            assert engine.venue.amended_trades[m.TradeId(trade_id)] == bought[-1]
        assert len(self.amended) == 2 * len(engine.venue.amended_trades)
        for taker, maker in self.trades.values():
            assert sorted([taker.liquidity, maker.liquidity]) in (
                [m.Liquidity.MAKER, m.Liquidity.TAKER],
                [m.Liquidity.AUCTION, m.Liquidity.AUCTION],
            )
            assert {taker.side, maker.side} == {m.Side.BUY, m.Side.SELL}
            assert (taker.price_ticks, taker.quantity_lots) == (maker.price_ticks, maker.quantity_lots)


def keep_books(entries: list[Entry]) -> None:
    engine = Engine()
    bookkeeper = Bookkeeper()
    for entry in entries:
        engine.apply(entry)
        for chunk in engine.take_outputs().streams:
            for report in chunk.reports:
                bookkeeper.read(chunk.session_id, report)
        for book in engine.books.values():
            if book.instrument.matches:
                assert book.bids.best_key + book.asks.best_key < 0, "never crossed"
    bookkeeper.close(engine)


@settings(max_examples=100)
@given(st.lists(st.binary(min_size=COMMAND_BYTES, max_size=COMMAND_BYTES), max_size=80))
def test_every_lot_is_accounted_for_and_every_order_ends_once(choices: list[bytes]) -> None:
    world = World()
    keep_books([world.setup(), *(world.entry([chosen]) for chosen in choices)])


@pytest.mark.parametrize("seed", range(10, 14))
def test_books_balance_in_long_worlds(seed: int) -> None:
    keep_books(list(seeded(seed, 4_000)))
