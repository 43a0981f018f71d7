"""A listing in the engine and in its naive reference, move by move."""

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.messages import (
    AccountId,
    AnyCommand,
    Entry,
    OrderId,
    Outputs,
    ParticipantId,
    Phase,
    Ref,
    ScreenRules,
    SessionId,
    Side,
    TradeKind,
)
from tests.matching.listing.reference import Listed, ReferenceListing
from tests.matching.listing.worlds import (
    LISTED_ORDERS,
    MINIMUM_LOTS,
    Band,
    Change,
    Enter,
    Move,
    Pause,
    Take,
)
from tests.matching.market import EUA, TIME_NS, VENUE, definition


class Listing:
    """Three firms, with a session and an account each, in one listing."""

    def __init__(self, screen: ScreenRules) -> None:
        self.engine = Engine()
        self.entries: list[Entry] = []
        listed = definition(EUA, allowed=LISTED_ORDERS, quantity_min_lots=MINIMUM_LOTS, screen=screen)
        setup: list[AnyCommand] = [m.DefineInstrument(listed)]
        for number in range(3):
            account_id = AccountId(11 + number)
            setup.append(m.DefineAccount(account_id, ParticipantId(1 + number), f"a{number}"))
            setup.append(m.DefineSession(SessionId(1 + number), f"s{number}", (account_id,)))
        setup.append(m.DefineDropCopy(SessionId(9), "copy", (AccountId(11), AccountId(12))))
        self.apply(VENUE, *setup)
        self.reference = ReferenceListing(screen, MINIMUM_LOTS)
        # Of each order that was entered: its id, and whose it is.
        self.entered: list[tuple[OrderId, int]] = []

    def apply(self, session_id: SessionId, *commands: AnyCommand) -> Outputs:
        entry = Entry(self.engine.sequence + 1, TIME_NS, session_id, list(commands))
        self.entries.append(entry)
        self.engine.apply(entry)
        outputs = self.engine.take_outputs()
        check_batch(self.engine.books, outputs)
        self.engine.check()
        return outputs

    def go(self, move: Move) -> Outputs | None:
        """Do it in both; what the engine has told, None where there is nothing to do it to."""
        sequence = OrderId(self.engine.sequence + 1)
        ref = Ref(sequence)
        if isinstance(move, Band):
            self.reference.band = (move.low_ticks, move.high_ticks)
            return self.apply(VENUE, m.SetBand(Ref(0), EUA, 100, move.low_ticks, move.high_ticks))
        if isinstance(move, Pause):
            self.apply(VENUE, m.SetPhase(Ref(0), EUA, move.phase))
            return self.apply(VENUE, m.SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
        if isinstance(move, Enter) and not self.reference.admits(move.price_ticks):
            return None
        if isinstance(move, Enter):
            self.entered.append((sequence, move.who))
            self.reference.enter(Listed(sequence, move.who, move.side, move.price_ticks, move.lots))
            return self.apply(
                SessionId(1 + move.who), m.NewOrder(ref, EUA, move.side, move.lots, move.price_ticks)
            )
        if isinstance(move, Take):
            return self._take(move, ref)
        return self._change(move, ref)

    def _take(self, move: Take, ref: Ref) -> Outputs:
        entered = [order_id for order_id, _ in self.entered]
        order_id = entered[-1 - move.back % len(entered)] if entered and move.back >= 0 else OrderId(0)
        outputs = self.apply(
            SessionId(1 + move.who), m.Select(ref, EUA, move.side, move.lots, order_id, move.worst_ticks)
        )
        expected = self.reference.select(move.who, move.side, move.lots, order_id, move.worst_ticks)
        reports = [report for stream in outputs.streams for report in stream.reports]
        if isinstance(expected, m.RejectReason):
            assert [report.reason for report in reports if isinstance(report, m.Rejected)] == [expected]
            assert len(reports) == 1
            return outputs
        maker_id, price_ticks, lots = expected
        (trade,) = outputs.public
        assert isinstance(trade, m.Traded)
        assert (trade.price_ticks, trade.quantity_lots, trade.aggressor, trade.kind) == (
            price_ticks,
            lots,
            move.side,
            TradeKind.LISTED,
        )
        fills = {report.order_id: report for report in reports if isinstance(report, m.Executed)}
        assert fills.keys() == {maker_id, OrderId(self.engine.sequence)}
        left = [report.canceled_lots for report in reports if isinstance(report, m.Canceled)]
        assert left == ([move.lots - lots] if move.lots > lots else [])
        return outputs

    def _change(self, move: Change, ref: Ref) -> Outputs | None:
        if not self.entered:
            return None
        order_id, who = self.entered[-1 - move.back % len(self.entered)]
        listed = self.reference.named(order_id)
        command: AnyCommand
        if not move.lots:
            command = m.Cancel(ref, order_id=order_id)
        elif not move.price_ticks:
            command = m.Reduce(ref, Ref(0), order_id, move.lots)
        else:
            command = m.Replace(ref, Ref(0), order_id, move.lots, move.price_ticks)
        outputs = self.apply(SessionId(1 + who), command)
        (report, *_) = [report for stream in outputs.streams for report in stream.reports]
        if listed is None:
            assert isinstance(report, m.Rejected)
        elif isinstance(report, m.Canceled):
            self.reference.remove(listed)
        elif isinstance(report, m.Reduced):
            listed.left_lots = report.leaves_lots
        elif isinstance(report, m.Replaced):
            self.reference.remove(listed)
            listed.price_ticks, listed.left_lots = report.price_ticks, report.leaves_lots
            self.reference.enter(listed)
        else:
            assert isinstance(report, m.Rejected)
        return outputs

    def book(self, side: Side) -> list[tuple[OrderId, int, int]]:
        book = self.engine.books[EUA]
        ladder = book.bids if side is Side.BUY else book.asks
        return [
            (order.order_id, level.price_ticks, order.leaves_lots)
            for level in ladder.levels_from_best()
            for order in level.orders()
        ]
