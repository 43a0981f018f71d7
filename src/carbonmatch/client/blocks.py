"""Negotiated blocks as calls: what each side asks for. proto/BLOCKS.md says what it comes to."""

from abc import ABC, abstractmethod
from typing import Final

from carbonmatch.matching.messages import (
    AccountId,
    AnyReport,
    BlockAccept,
    BlockCounter,
    BlockDecline,
    BlockPhase,
    BlockPropose,
    BlockStatusRequest,
    BlockUpdate,
    BlockWithdraw,
    ClientCommand,
    Done,
    InstrumentId,
    OrderId,
    ParticipantId,
    Ref,
    SetBlockPhase,
    Side,
    StatusEnd,
)

# Stands in a command until the session gives it its ref.
_NO_REF: Final = Ref(0)


class BlockCommands(ABC):
    """Each call returns the proposal as it stands for this side, or raises what every command may: see
    `Commands`. What the other side does comes as an event, a BlockUpdate likewise; and so do fills.
    """

    @abstractmethod
    async def call(self, command: ClientCommand, *, seconds: float | None = None) -> list[AnyReport]:
        """Send one command of any kind, whatever its ref, and wait for its answer."""

    async def propose_block(
        self,
        instrument_id: int,
        side: Side,
        quantity_lots: int,
        price_ticks: int,
        *,
        account_id: int = 0,
        counterparty_account_id: int = 0,
        counterparty_participant_id: int = 0,
        expires_ns: int = 0,
        flags: int = 0,
        seconds: float | None = None,
    ) -> BlockUpdate:
        """To everyone, where neither an account nor a participant is named."""
        command = BlockPropose(
            _NO_REF,
            InstrumentId(instrument_id),
            side,
            quantity_lots,
            price_ticks,
            AccountId(account_id),
            AccountId(counterparty_account_id),
            ParticipantId(counterparty_participant_id),
            expires_ns,
            flags,
        )
        return await self._block_update(command, seconds)

    async def accept_block(
        self,
        proposal_id: int,
        quantity_lots: int,
        price_ticks: int,
        *,
        account_id: int = 0,
        expires_ns: int = 0,
        flags: int = 0,
        seconds: float | None = None,
    ) -> BlockUpdate:
        """Of what was offered to this side: TRADED. Of a post: a reply, unless that trades at once."""
        reply = _reply(BlockAccept, proposal_id, quantity_lots, price_ticks, account_id, expires_ns, flags)
        return await self._block_update(reply, seconds)

    async def counter_block(
        self,
        proposal_id: int,
        quantity_lots: int,
        price_ticks: int,
        *,
        account_id: int = 0,
        expires_ns: int = 0,
        flags: int = 0,
        seconds: float | None = None,
    ) -> BlockUpdate:
        """Of a post: a reply of its own."""
        reply = _reply(BlockCounter, proposal_id, quantity_lots, price_ticks, account_id, expires_ns, flags)
        return await self._block_update(reply, seconds)

    async def decline_block(self, proposal_id: int, *, seconds: float | None = None) -> BlockUpdate:
        return await self._block_update(BlockDecline(_NO_REF, OrderId(proposal_id)), seconds)

    async def withdraw_block(self, proposal_id: int, *, seconds: float | None = None) -> BlockUpdate:
        return await self._block_update(BlockWithdraw(_NO_REF, OrderId(proposal_id)), seconds)

    async def block_status(self, proposal_id: int = 0, *, seconds: float | None = None) -> list[BlockUpdate]:
        """Every open proposal in which the session may act, or the named one, by their numbers."""
        found: list[BlockUpdate] = []
        while True:
            after_id = found[-1].proposal_id if found else OrderId(0)
            command = BlockStatusRequest(_NO_REF, OrderId(proposal_id), after_id)
            *updates, end = await self.call(command, seconds=seconds)
            found += [update for update in updates if isinstance(update, BlockUpdate)]
            assert isinstance(end, StatusEnd), "a status ends with its end"
            if not end.more:
                return found

    async def set_block_phase(
        self, instrument_id: int, phase: BlockPhase, text: str = "", *, seconds: float | None = None
    ) -> int:
        """For operators. Returns the journal sequence at which it was done."""
        answer = await self.call(
            SetBlockPhase(_NO_REF, InstrumentId(instrument_id), phase, text), seconds=seconds
        )
        done = answer[-1]
        assert isinstance(done, Done), "an operator's command is done or rejected"
        return done.sequence

    async def _block_update(self, command: ClientCommand, seconds: float | None) -> BlockUpdate:
        answer = await self.call(command, seconds=seconds)
        return next(report for report in answer if isinstance(report, BlockUpdate))


def _reply(
    kind: type[BlockAccept | BlockCounter],
    proposal_id: int,
    quantity_lots: int,
    price_ticks: int,
    account_id: int,
    expires_ns: int,
    flags: int,
) -> BlockAccept | BlockCounter:
    """Acceptance and counter say the same, each with its own meaning."""
    return kind(
        _NO_REF, OrderId(proposal_id), quantity_lots, price_ticks, AccountId(account_id), expires_ns, flags
    )
