"""A small market for worked examples: commands in, lines of plain words out."""

from functools import cache
from typing import Any

import msgspec

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AccountId,
    AnyCommand,
    AnyReport,
    Cancel,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Entry,
    InstrumentDefinition,
    InstrumentId,
    NewOrder,
    NewOrderLong,
    OrderFlag,
    OrderId,
    OrderType,
    Outputs,
    ParticipantId,
    Ref,
    SelfTradePrevention,
    SessionId,
    Side,
    TimeInForce,
)

ALICE, BOB, CAROL, OPS = SessionId(1), SessionId(2), SessionId(3), SessionId(4)
VENUE = m.VENUE_SESSION_ID
NAMES = {ALICE: "alice", BOB: "bob", CAROL: "carol", OPS: "ops", SessionId(59): "second"}
EUA, CEA = InstrumentId(1), InstrumentId(2)
TIME_NS = 1_700_000_000_000_000_000


def definition(instrument_id: InstrumentId = EUA, **fields: Any) -> InstrumentDefinition:
    return InstrumentDefinition(instrument_id, f"I{instrument_id}", "EUR", 1, 2, 1, **fields)


_encoder = msgspec.msgpack.Encoder()


@cache
def _decoder(kind: type[msgspec.Struct]) -> msgspec.msgpack.Decoder[msgspec.Struct]:
    return msgspec.msgpack.Decoder(kind)


class Market:
    """Alice and Carol act for account 11 of participant 1, Carol for 12 of it too; Bob for 13 of 2."""

    def __init__(self, durable: bool = True, **fields: Any) -> None:
        self.engine = Engine(durable)
        # Of the entries to come.
        self.time_ns = TIME_NS
        setup: list[AnyCommand] = [
            DefineInstrument(definition(EUA, **fields)),
            DefineInstrument(definition(CEA)),
            DefineAccount(AccountId(11), ParticipantId(1), "alpha"),
            DefineAccount(AccountId(12), ParticipantId(1), "alpha-2"),
            DefineAccount(AccountId(13), ParticipantId(2), "beta"),
            DefineSession(ALICE, "alice", (AccountId(11),)),
            DefineSession(BOB, "bob", (AccountId(13),)),
            DefineSession(CAROL, "carol", (AccountId(11), AccountId(12))),
            DefineSession(OPS, "ops", (), operator=True),
        ]
        self.engine.apply(Entry(1, TIME_NS, VENUE, setup))
        self.engine.take_outputs()
        # Orders are numbered from #1 in what tests read.
        self.setup_commands = len(setup)

    def outputs(self, session_id: SessionId, *commands: AnyCommand) -> Outputs:
        self.engine.apply(Entry(self.engine.sequence + 1, self.time_ns, session_id, list(commands)))
        gathered_count = self.engine.gathered_report_count
        outputs = self.engine.take_outputs()
        self.engine.check()
        assert gathered_count == sum(len(chunk.reports) for chunk in outputs.streams)
        self._check_told(outputs)
        return outputs

    def _check_told(self, outputs: Outputs) -> None:
        """Streams go on where they were, and every field is of the type that the wire has for it."""
        for chunk in outputs.streams:
            session = self.engine.sessions.get(chunk.session_id)
            if session is not None:
                numbers = [report.seq for report in chunk.reports]
                assert numbers == list(range(session.next_seq - len(numbers), session.next_seq))
        told = [*outputs.public, *(report for chunk in outputs.streams for report in chunk.reports)]
        for one in told:
            assert _decoder(type(one)).decode(_encoder.encode(one)) == one

    def send(self, session_id: SessionId, *commands: AnyCommand) -> list[str]:
        """What everyone is told, one session's stream after the other."""
        return [
            f"{NAMES[chunk.session_id]} {report.ref}: {self._words(report)}"
            for chunk in self.outputs(session_id, *commands).streams
            for report in chunk.reports
        ]

    def order_id(self, number: int) -> OrderId:
        """The id of the order which is read as `#number`: that which the number-th command entered."""
        return OrderId(number + self.setup_commands)

    def bids(self, instrument_id: InstrumentId = EUA) -> list[str]:
        """lots x orders @ price, best first."""
        return self._levels(self.engine.books[instrument_id].bids)

    def asks(self, instrument_id: InstrumentId = EUA) -> list[str]:
        return self._levels(self.engine.books[instrument_id].asks)

    @staticmethod
    def _levels(ladder: Any) -> list[str]:
        return [
            f"{level.quantity_lots} in {level.order_count} @ {level.price_ticks}"
            for level in ladder.levels_from_best()
        ]

    def _words(self, report: AnyReport) -> str:
        def number(order_id: OrderId) -> str:
            return f"#{order_id - self.setup_commands}"

        match report:
            case m.Accepted():
                side = report.side.name.lower()
                return (
                    f"accepted {number(report.order_id)} {side} {report.quantity_lots} @ {report.price_ticks}"
                )
            case m.Rejected():
                return f"rejected {report.reason.name}"
            case m.Executed():
                return (
                    f"executed {number(report.order_id)} {report.liquidity.name.lower()} "
                    f"{report.quantity_lots} @ {report.price_ticks}, {report.leaves_lots} left"
                )
            case m.Canceled():
                return f"canceled {number(report.order_id)} {report.canceled_lots} {report.reason.name}"
            case m.Reduced():
                return (
                    f"reduced {number(report.order_id)} to {report.quantity_lots}, {report.leaves_lots} left"
                )
            case m.Replaced():
                return (
                    f"replaced {number(report.order_id)} {report.quantity_lots} @ {report.price_ticks}, "
                    f"{report.leaves_lots} left"
                )
            case m.SelfTradePrevented():
                return (
                    f"prevented {number(report.order_id)} with {number(report.other_order_id)} "
                    f"{report.prevented_lots} {report.mode.name}, {report.leaves_lots} left"
                )
            case m.Triggered():
                return (
                    f"triggered {number(report.order_id)} at {report.stop_price_ticks}, "
                    f"goes in at {report.price_ticks}"
                )
            case m.MassCanceled():
                return f"mass canceled {report.count}"
            case m.OrderStatus():
                return (
                    f"status {number(report.order_id)} named {report.order_ref} "
                    f"{report.quantity_lots} @ {report.price_ticks}, {report.leaves_lots} left"
                )
            case m.StatusEnd():
                return f"end of {report.count}{', more' if report.more else ''}"
            case m.Busted():
                return (
                    f"busted {number(report.order_id)} {report.side.name.lower()} "
                    f"{report.quantity_lots} @ {report.price_ticks}: {report.text}"
                )
            case m.Corrected():
                return (
                    f"corrected {number(report.order_id)} {report.side.name.lower()} "
                    f"{report.quantity_before_lots} @ {report.price_before_ticks} "
                    f"to {report.quantity_lots} @ {report.price_ticks}: {report.text}"
                )
            case m.TradeStatus():
                return f"trade {report.trade_id} {report.quantity_lots} @ {report.price_ticks}"
            case m.BidUpdate():
                got = f", {report.allotted_lots} @ {report.allotted_price_ticks}"
                return (
                    f"bid {number(report.bid_id)} {report.quantity_lots} @ {report.price_ticks} "
                    f"{report.state.name.lower()}{got if report.allotted_lots else ''}"
                )
            case m.Holding():
                return (
                    f"{report.account_id} has {report.total_lots} lots of {report.instrument_id}: "
                    f"{report.available_lots} available, {report.reserved_lots} reserved, "
                    f"{report.unsettled_lots} unsettled, {report.bought_today_lots} of today, "
                    f"buys {report.buying_lots}"
                    + (f", of {report.position_max_lots} at most" if report.position_max_lots else "")
                    + (f", told from {report.report_from_lots} on" if report.report_from_lots else "")
                    + (f", {report.restriction.name}" if report.restriction else "")
                )
            case m.Cash():
                return (
                    f"{report.account_id} has {report.total_minor} {report.currency}: "
                    f"{report.available_minor} available, {report.reserved_minor} reserved, "
                    f"{report.withdrawable_minor} to withdraw"
                )
            case m.SettlementStatus():
                return f"run {report.run} of {report.trading_day} {report.outcome.name}"
            case m.InstrumentStatus():
                return f"{report.symbol} {report.phase.name}, {report.trading_day} after {report.ended_day}"
            case m.SessionStatus():
                until = f", out until {report.banned_until_ns}" if report.banned_until_ns else ""
                return (
                    f"{report.session} as {report.role} from {report.address}, {report.open_orders} open, "
                    f"up to {report.last_seq}{until}"
                )
            case m.Outcome():
                return f"{'done' if report.applied else 'not done'}: {'; '.join(report.lines)}"
            case m.Amendment():
                table = "" if report.table else " removed"
                return f"{report.kind.name} {report.name}{table} by {report.session_id}: {report.text}"
            case m.Done():
                return "done"
            case m.Proposed():
                state = m.ProposedState(report.state).name.lower()
                return f"#{report.number - self.setup_commands} {state}"
            case m.Pulled():
                return (
                    f"pulled {report.order_count} orders of {report.order_lots}, "
                    f"{report.proposal_count} offers, {report.bid_count} bids, "
                    f"{report.bidding_count} biddings{', more' if report.more else ''}"
                )
            case m.Killed():
                scope = f"{m.KillScope(report.scope).name.lower()} {report.scope_id}"
                return f"{scope} stopped by {NAMES[report.session_id]}: {report.text}"
            case m.BlockUpdate():
                words = [
                    f"block {number(report.proposal_id)} {report.state.name} {report.side.name.lower()}",
                    f"{report.quantity_lots} @ {report.price_ticks}",
                    "own" if report.is_own else "theirs",
                ]
                if report.reason:
                    words.append(m.CancelReason(report.reason).name)
                return " ".join(words)


def buy(ref: int, price: int = 0, lots: int = 1, **fields: Any) -> NewOrder:
    return _order(Side.BUY, ref, price, lots, **fields)


def sell(ref: int, price: int = 0, lots: int = 1, **fields: Any) -> NewOrder:
    return _order(Side.SELL, ref, price, lots, **fields)


def cancel(ref: int, order_ref: int = 0, order_id: int = 0) -> Cancel:
    return Cancel(Ref(ref), Ref(order_ref), OrderId(order_id))


def reduce(ref: int, order_ref: int = 0, lots: int = 0, order_id: int = 0) -> m.Reduce:
    return m.Reduce(Ref(ref), Ref(order_ref), OrderId(order_id), lots)


def replace(
    ref: int,
    order_ref: int = 0,
    price: int = 0,
    lots: int = 0,
    order_id: int = 0,
    stop: int = 0,
    display: int = 0,
) -> m.Replace:
    return m.Replace(Ref(ref), Ref(order_ref), OrderId(order_id), lots, price, stop, display)


def _order(
    side: Side,
    ref: int,
    price: int,
    lots: int,
    *,
    instrument: int = EUA,
    account: int = 0,
    market: bool = False,
    tif: TimeInForce = TimeInForce.DAY,
    stp: SelfTradePrevention = SelfTradePrevention.INSTRUMENT_DEFAULT,
    post_only: bool = False,
    keep: bool = False,
    flags: int = 0,
    stop: int = 0,
    display: int = 0,
    minimum: int = 0,
    expires: int = 0,
) -> NewOrder:
    """With `stop` a stop order, a market one if `market`; `expires` is in ns from the market's time on."""
    if post_only:
        flags |= OrderFlag.POST_ONLY
    if keep:
        flags |= OrderFlag.KEEP_ON_DISCONNECT
    order_type = OrderType.MARKET if market else OrderType.LIMIT
    if stop:
        order_type = OrderType.STOP if market else OrderType.STOP_LIMIT
    fields = (
        Ref(ref),
        InstrumentId(instrument),
        side,
        lots,
        price,
        AccountId(account),
        order_type,
        tif,
        stp,
        flags,
    )
    if not (stop or display or minimum or expires):
        return NewOrder(*fields)
    return NewOrderLong(*fields, stop, display, minimum, TIME_NS + expires if expires else 0)
