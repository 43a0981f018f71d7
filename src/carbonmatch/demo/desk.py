"""One gateway of the demo: a session, and the orders its companies have, as its reports tell them."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter_ns
from typing import Final

from carbonmatch.client import Access, Disconnected, SendBufferFull, Session
from carbonmatch.client.session import Event
from carbonmatch.demo.crowd import OpenOrder
from carbonmatch.matching.messages import (
    Accepted,
    Canceled,
    CancelReason,
    ClientCommand,
    Executed,
    OrderId,
    Reduced,
    Ref,
    Rejected,
    RejectReason,
    Replaced,
    SelfTradePrevented,
)
from carbonmatch.ops.counters import Histogram
from carbonmatch.protocol.messages import SessionRejected

# With more commands unanswered than this, a gateway waits like its companies' traders would.
_UNANSWERED_MANY: Final = 4_096

# What may happen to an order after it was accepted.
Change = Executed | Canceled | Replaced | Reduced | SelfTradePrevented


class Desk:
    """Invariant: `open_orders` is what the reports so far leave open, and nothing else."""

    def __init__(self, access: Access, latency_ns: Histogram, on_fill: Callable[[Executed], None]) -> None:
        self.session = Session(access, on_events=self._take)
        self.open_orders: list[OpenOrder] = []
        self.commands = 0
        self.accepted = 0
        self.answered = 0
        self.held_back = 0
        self.rejects: Counter[RejectReason] = Counter()
        self.cancels: Counter[CancelReason] = Counter()
        # Orders that ended with lots unaccounted for, and reports of orders that had ended: never.
        self.wrong_ends = 0
        self._latency_ns = latency_ns
        self._on_fill = on_fill
        self._orders: dict[OrderId, OpenOrder] = {}
        self._sent_ns: dict[Ref, int] = {}

    def send(self, commands: list[ClientCommand]) -> None:
        """Send what its companies want; hold it back where the engine is behind, or away."""
        if len(self._sent_ns) + len(commands) <= _UNANSWERED_MANY:
            with suppress(Disconnected, SendBufferFull):
                now_ns = perf_counter_ns()
                for ref in self.session.send(commands):
                    self._sent_ns[Ref(ref)] = now_ns
                self.commands += len(commands)
                return
        self.held_back += len(commands)

    # --- what the reports say ----------------------------------------------------------------

    def _take(self, events: Sequence[Event]) -> None:
        now_ns = perf_counter_ns()
        sent_ns = self._sent_ns
        for event in events:
            sent = sent_ns.pop(event.ref, None)
            if sent is not None:
                self.answered += 1
                self._latency_ns.record(now_ns - sent)
            if type(event) is Accepted:
                self._open(event)
            elif isinstance(event, Change):
                self._change(event)
            elif isinstance(event, Rejected | SessionRejected):
                self.rejects[event.reason] += 1

    def _open(self, report: Accepted) -> None:
        order = OpenOrder(
            report.order_id,
            report.ref,
            report.account_id,
            report.instrument_id,
            report.side,
            report.price_ticks,
            report.quantity_lots,
        )
        self.accepted += 1
        order.slot = len(self.open_orders)
        self.open_orders.append(order)
        self._orders[order.order_id] = order

    def _change(self, report: Change) -> None:
        order = self._orders.get(report.order_id)
        if order is None:
            self.wrong_ends += 1
            return
        if type(report) is Executed:
            order.filled_lots += report.quantity_lots
            order.leaves_lots = report.leaves_lots
            self._on_fill(report)
            if not report.leaves_lots:
                self._end(order, canceled_lots=0)
        elif type(report) is Canceled:
            self.cancels[report.reason] += 1
            self._end(order, report.canceled_lots)
        elif type(report) is Replaced:
            order.ref = report.ref
            order.price_ticks = report.price_ticks
            order.quantity_lots = report.quantity_lots
            order.leaves_lots = report.leaves_lots
        elif type(report) is Reduced:
            order.quantity_lots = report.quantity_lots
            order.leaves_lots = report.leaves_lots

    def _end(self, order: OpenOrder, canceled_lots: int) -> None:
        if order.filled_lots + canceled_lots != order.quantity_lots:
            self.wrong_ends += 1
        del self._orders[order.order_id]
        last = self.open_orders.pop()
        if last is not order:
            self.open_orders[order.slot] = last
            last.slot = order.slot
