"""The commands of a session as calls: what each is made of, whoever sends it."""

from abc import abstractmethod
from typing import Final

import msgspec

from carbonmatch.client.accounts import AccountCommands
from carbonmatch.client.bidding import BiddingCommands
from carbonmatch.client.blocks import BlockCommands
from carbonmatch.client.operators import OperatorCommands
from carbonmatch.client.steering import SteeringCommands
from carbonmatch.matching.messages import (
    AccountId,
    AnyReport,
    Cancel,
    ClientCommand,
    InstrumentId,
    MassCancel,
    MassCancelScope,
    NewOrder,
    NewOrderLong,
    OrderId,
    OrderStatusRequest,
    OrderType,
    Reduce,
    Ref,
    Replace,
    Select,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

Answer = list[AnyReport]

# Stands in a command until the session gives it its ref.
_NO_REF: Final = Ref(0)


def order_command(
    instrument_id: int,
    side: Side,
    quantity_lots: int,
    price_ticks: int = 0,
    *,
    account_id: int = 0,
    order_type: OrderType = OrderType.LIMIT,
    time_in_force: TimeInForce = TimeInForce.DAY,
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.INSTRUMENT_DEFAULT,
    flags: int = 0,
    stop_price_ticks: int = 0,
    display_lots: int = 0,
    minimum_lots: int = 0,
    expires_ns: int = 0,
) -> NewOrder:
    """In the long layout where one of its own attributes is given. Has no ref yet."""
    command = NewOrder(
        ref=_NO_REF,
        instrument_id=InstrumentId(instrument_id),
        side=side,
        quantity_lots=quantity_lots,
        price_ticks=price_ticks,
        account_id=AccountId(account_id),
        order_type=order_type,
        time_in_force=time_in_force,
        self_trade_prevention=self_trade_prevention,
        flags=flags,
    )
    if not (stop_price_ticks or display_lots or minimum_lots or expires_ns):
        return command
    return NewOrderLong(
        **msgspec.structs.asdict(command),
        stop_price_ticks=stop_price_ticks,
        display_lots=display_lots,
        minimum_lots=minimum_lots,
        expires_ns=expires_ns,
    )


class Commands(AccountCommands, BiddingCommands, BlockCommands, OperatorCommands, SteeringCommands):
    """Each call returns all reports that answer its command, in order, or raises InvalidCommand,
    OrderRejected, SessionRejectedError, TimeoutError (the outcome is then unknown, and shows in the
    events), or the reason for which the session has ended.
    """

    @abstractmethod
    async def call(self, command: ClientCommand, *, seconds: float | None = None) -> Answer:
        """Send one command of any kind, whatever its ref, and wait for its answer."""

    async def new_order(
        self,
        instrument_id: int,
        side: Side,
        quantity_lots: int,
        price_ticks: int = 0,
        *,
        account_id: int = 0,
        order_type: OrderType = OrderType.LIMIT,
        time_in_force: TimeInForce = TimeInForce.DAY,
        self_trade_prevention: SelfTradePrevention = SelfTradePrevention.INSTRUMENT_DEFAULT,
        flags: int = 0,
        stop_price_ticks: int = 0,
        display_lots: int = 0,
        minimum_lots: int = 0,
        expires_ns: int = 0,
        seconds: float | None = None,
    ) -> Answer:
        """The long layout where one of its own attributes is given; its answer begins with AcceptedLong."""
        command = order_command(
            instrument_id,
            side,
            quantity_lots,
            price_ticks,
            account_id=account_id,
            order_type=order_type,
            time_in_force=time_in_force,
            self_trade_prevention=self_trade_prevention,
            flags=flags,
            stop_price_ticks=stop_price_ticks,
            display_lots=display_lots,
            minimum_lots=minimum_lots,
            expires_ns=expires_ns,
        )
        return await self.call(command, seconds=seconds)

    async def select(
        self,
        instrument_id: int,
        side: Side,
        quantity_lots: int,
        order_id: int = 0,
        *,
        price_ticks: int = 0,
        account_id: int = 0,
        seconds: float | None = None,
    ) -> Answer:
        """Trade with the listed order of that id, at its price; without one with the first of the best level.

        `side` is what the caller does. With a `price_ticks` at no worse price than that.
        """
        command = Select(
            _NO_REF,
            InstrumentId(instrument_id),
            side,
            quantity_lots,
            OrderId(order_id),
            price_ticks,
            AccountId(account_id),
        )
        return await self.call(command, seconds=seconds)

    async def cancel(self, *, order_ref: int = 0, order_id: int = 0, seconds: float | None = None) -> Answer:
        return await self.call(Cancel(_NO_REF, Ref(order_ref), OrderId(order_id)), seconds=seconds)

    async def reduce(
        self, quantity_lots: int, *, order_ref: int = 0, order_id: int = 0, seconds: float | None = None
    ) -> Answer:
        """Set the order's total to `quantity_lots`, of which some may have traded; keeps its priority."""
        command = Reduce(_NO_REF, Ref(order_ref), OrderId(order_id), quantity_lots)
        return await self.call(command, seconds=seconds)

    async def replace(
        self,
        quantity_lots: int,
        price_ticks: int,
        *,
        order_ref: int = 0,
        order_id: int = 0,
        stop_price_ticks: int = 0,
        display_lots: int = 0,
        seconds: float | None = None,
    ) -> Answer:
        """New price and total at once; the ref of this command names the order from then on.

        A stop that waits may get another stop price, an iceberg another displayed quantity; 0: as it is.
        """
        command = Replace(
            _NO_REF,
            Ref(order_ref),
            OrderId(order_id),
            quantity_lots,
            price_ticks,
            stop_price_ticks,
            display_lots,
        )
        return await self.call(command, seconds=seconds)

    async def mass_cancel(
        self,
        scope: MassCancelScope = MassCancelScope.SESSION,
        *,
        account_id: int = 0,
        instrument_id: int = 0,
        side: int = 0,
        seconds: float | None = None,
    ) -> Answer:
        command = MassCancel(_NO_REF, scope, AccountId(account_id), InstrumentId(instrument_id), side)
        return await self.call(command, seconds=seconds)

    async def order_status(
        self,
        *,
        order_ref: int = 0,
        order_id: int = 0,
        after_order_id: int = 0,
        seconds: float | None = None,
    ) -> Answer:
        """The named order, or with no name every open order of the session; `StatusEnd` comes last."""
        command = OrderStatusRequest(_NO_REF, Ref(order_ref), OrderId(order_id), OrderId(after_order_id))
        return await self.call(command, seconds=seconds)
