"""A flow of the bench in words that every engine knows, and the trades that it has to lead to.

Engines differ in what they know beyond new orders, cancels and replacements, so a flow says what our engine
made of it: what is left of an order when it is replaced, and whether an order was gone when somebody named
it. Orders are named by the place of their command in the flow. Nobody's own orders are kept apart, since few
of the others know owners.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from bench.flows import prepare
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    Accepted,
    AnyReport,
    Cancel,
    Entry,
    Executed,
    Liquidity,
    NewOrder,
    OrderId,
    Rejected,
    RejectReason,
    Replace,
    Replaced,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

# ["add", order, instrument, side, price, quantity, rests], ["cancel", order, instrument, gone] or
# ["replace", order, new order, instrument, side, price, quantity]. Side 1 buys. A cancel that finds its order
# gone says so, since some engines take that for an error of the caller.
Step = list[str | int]
Trade = tuple[int, int, int, int]


class PeerFlow(Struct, frozen=True):
    """Entries are our engine's, steps all others'; both are what sets the book up, and what is timed."""

    before: list[Entry]
    timed: list[Entry]
    before_steps: list[Step]
    timed_steps: list[Step]
    trades: list[Trade]


def peer_flow(name: str, seed: int, commands: int) -> PeerFlow:
    before, timed = ([_unowned(entry) for entry in part] for part in prepare(name, seed, commands))
    reader = _Reader()
    before_steps = list(reader.steps(before))
    timed_steps = list(reader.steps(timed))
    return PeerFlow(before, timed, before_steps, timed_steps, reader.trades)


def _unowned(entry: Entry) -> Entry:
    prevention = SelfTradePrevention.NONE
    return replace(
        entry,
        commands=[
            replace(one, self_trade_prevention=prevention) if type(one) is NewOrder else one
            for one in entry.commands
        ],
    )


def trades_of(before: Sequence[Entry], timed: Sequence[Entry]) -> list[Trade]:
    """What the engine that is on the path makes of it."""
    reader = _Reader()
    for part in (before, timed):
        for _ in reader.steps(part):
            pass
    return reader.trades


class _Reader:
    """Lets an engine play, a command at a time, and notes what came of it."""

    def __init__(self) -> None:
        self._engine = Engine()
        # Of each open order: its number in the flow, its instrument and its side.
        self._open: dict[OrderId, tuple[int, int, Side]] = {}
        self._named: dict[tuple[int, int], OrderId] = {}
        self.trades: list[Trade] = []

    def steps(self, entries: Sequence[Entry]) -> Iterator[Step]:
        for entry in entries:
            for index, command in enumerate(entry.commands):
                number = entry.first_sequence + index
                self._engine.apply(replace(entry, first_sequence=number, commands=[command]))
                reports = [
                    report for chunk in self._engine.take_outputs().streams for report in chunk.reports
                ]
                if isinstance(command, NewOrder | Cancel | Replace):
                    yield self._step(entry.session_id, number, command, reports)

    def _step(
        self, session: int, number: int, command: NewOrder | Cancel | Replace, reports: list[AnyReport]
    ) -> Step:
        if isinstance(command, NewOrder):
            first = reports[0]
            assert isinstance(first, Accepted), f"{command} was refused: {first}"
            self._opened(session, command.ref, first.order_id, number, command.instrument_id, command.side)
            self._note_trades(reports)
            rests = command.time_in_force is not TimeInForce.IOC
            return [
                "add",
                number,
                command.instrument_id,
                command.side,
                command.price_ticks,
                command.quantity_lots,
                int(rests),
            ]
        order_id = self._named[session, command.order_ref]
        target, instrument_id, side = self._open[order_id]
        replaced = next((one for one in reports if type(one) is Replaced), None)
        if replaced is None:
            refusals = [one.reason for one in reports if type(one) is Rejected]
            # Refused for any other reason it is still there: the others have to be spared such a command.
            assert refusals in ([], [RejectReason.UNKNOWN_ORDER]), f"{command} was refused: {refusals}"
            # Later commands name what never came to be, by this one's ref: that is as gone as its target.
            self._named[session, command.ref] = order_id
            return ["cancel", target, instrument_id, int(bool(refusals))]
        self._opened(session, command.ref, order_id, number, instrument_id, side)
        self._note_trades(reports)
        return ["replace", target, number, instrument_id, side, replaced.price_ticks, replaced.leaves_lots]

    def _opened(
        self, session: int, ref: int, order_id: OrderId, number: int, instrument_id: int, side: Side
    ) -> None:
        self._open[order_id] = (number, instrument_id, side)
        self._named[session, ref] = order_id

    def _note_trades(self, reports: list[AnyReport]) -> None:
        """Both sides of a trade are told, each in its session's stream; its id brings them together."""
        sides: dict[int, dict[Liquidity, Executed]] = {}
        for report in reports:
            if type(report) is Executed:
                sides.setdefault(report.trade_id, {})[report.liquidity] = report
        for _, told in sorted(sides.items()):
            maker, taker = told[Liquidity.MAKER], told[Liquidity.TAKER]
            self.trades.append(
                (
                    self._open[maker.order_id][0],
                    self._open[taker.order_id][0],
                    maker.price_ticks,
                    maker.quantity_lots,
                )
            )
