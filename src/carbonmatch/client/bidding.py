"""One-way bidding as calls: what bidders ask for, and what operators do."""

from abc import ABC, abstractmethod
from typing import Final

from carbonmatch.matching.messages import (
    AccountId,
    AnnounceBidding,
    AnyReport,
    Bid,
    BiddingRules,
    BidUpdate,
    CancelBidding,
    ClientCommand,
    Done,
    InstrumentId,
    ModifyBid,
    OrderId,
    Ref,
    SessionId,
    Side,
    WithdrawBid,
)

# Stands in a command until the session gives it its ref.
_NO_REF: Final = Ref(0)
_AS_THE_INSTRUMENT_SAYS: Final = BiddingRules()


class BiddingCommands(ABC):
    """Each call returns what its command came to, or raises what every command may: see `Commands`."""

    @abstractmethod
    async def call(self, command: ClientCommand, *, seconds: float | None = None) -> list[AnyReport]:
        """Send one command of any kind, whatever its ref, and wait for its answer."""

    async def bid(
        self,
        bidding_id: int,
        quantity_lots: int,
        price_ticks: int,
        *,
        account_id: int = 0,
        seconds: float | None = None,
    ) -> BidUpdate:
        """The bid as it stands; its `bid_id` names it from then on."""
        command = Bid(_NO_REF, OrderId(bidding_id), quantity_lots, price_ticks, AccountId(account_id))
        return await self._update(command, seconds)

    async def modify_bid(
        self, bid_id: int, quantity_lots: int, price_ticks: int, *, seconds: float | None = None
    ) -> BidUpdate:
        """Both values are the new ones. Only a bid that becomes smaller at its price keeps its time."""
        return await self._update(ModifyBid(_NO_REF, OrderId(bid_id), quantity_lots, price_ticks), seconds)

    async def withdraw_bid(self, bid_id: int, *, seconds: float | None = None) -> BidUpdate:
        return await self._update(WithdrawBid(_NO_REF, OrderId(bid_id)), seconds)

    async def announce_bidding(
        self,
        instrument_id: int,
        side: Side,
        quantity_lots: int,
        *,
        session_id: int,
        account_id: int = 0,
        reserve_price_ticks: int = 0,
        opens_ns: int = 0,
        closes_ns: int,
        rules: BiddingRules = _AS_THE_INSTRUMENT_SAYS,
        secondary_price_ticks: int = 0,
        text: str = "",
        seconds: float | None = None,
    ) -> OrderId:
        """For operators; the id of the bidding. `session_id` gets the fills of the one party."""
        command = AnnounceBidding(
            _NO_REF,
            InstrumentId(instrument_id),
            SessionId(session_id),
            AccountId(account_id),
            side,
            quantity_lots,
            reserve_price_ticks,
            opens_ns,
            closes_ns,
            rules,
            secondary_price_ticks,
            text,
        )
        return OrderId(await self._done(command, seconds))

    async def cancel_bidding(self, bidding_id: int, text: str = "", *, seconds: float | None = None) -> int:
        """For operators; the sequence at which it was cancelled."""
        return await self._done(CancelBidding(_NO_REF, OrderId(bidding_id), text), seconds)

    async def _update(self, command: ClientCommand, seconds: float | None) -> BidUpdate:
        answer = (await self.call(command, seconds=seconds))[0]
        assert type(answer) is BidUpdate, "a command on a bid is answered with the bid, or rejected"
        return answer

    async def _done(self, command: ClientCommand, seconds: float | None) -> int:
        answer = (await self.call(command, seconds=seconds))[-1]
        assert type(answer) is Done, "an operator's command is done or rejected"
        return answer.sequence
