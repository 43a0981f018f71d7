"""What may still be journaled when the disk is in trouble: commands that take orders out.

A full disk leaves the segment in use and a spare. Orders that rest are bounded, and so is what taking
them out writes; refusals are not: a client that cancels what it does not have could fill the last segment,
and the venue would stop with others' orders in it. So a command that finds nothing to take out is refused
here, where nothing is written.
"""

from collections.abc import Sequence
from typing import Final

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.amend import offers_meant
from carbonmatch.matching.blocks.proposals import Negotiations
from carbonmatch.matching.messages import (
    BlockDecline,
    BlockWithdraw,
    Cancel,
    CancelBidding,
    Decide,
    InstrumentStatusRequest,
    Kill,
    MassCancel,
    MassCancelScope,
    OrderId,
    Release,
    RestrictAccount,
    Resume,
    SessionCommand,
    SetBand,
    SetBlockPhase,
    SetPhase,
    SetReference,
)

_STEERING: Final = (
    SetPhase
    | SetBand
    | SetReference
    | Resume
    | CancelBidding
    | SetBlockPhase
    | RestrictAccount
    | Kill
    | Release
    | Decide
)


def relieving(
    session: SessionState, commands: Sequence[SessionCommand], negotiations: Negotiations
) -> list[SessionCommand]:
    """Those of `commands`, in order, that take an order or a block out, each once; and what operators say."""
    passing: list[SessionCommand] = []
    named: set[OrderId] = set()
    for command in commands:
        if isinstance(command, Cancel):
            order_id = _order_named(session, command)
            passes = order_id is not None and order_id not in named
            if order_id is not None:
                named.add(order_id)
        elif isinstance(command, BlockWithdraw | BlockDecline):
            passes = command.proposal_id not in named and _may_end(session, command, negotiations)
            named.add(command.proposal_id)
        elif isinstance(command, MassCancel):
            passes = _finds_orders(session, command) or any(
                map(offers_meant(session, command), negotiations.proposals.values())
            )
        else:
            passes = session.operator and (isinstance(command, _STEERING) or _names_one(command))
        if passes:
            passing.append(command)
    return passing


def _names_one(command: SessionCommand) -> bool:
    """Whether it asks for the number of an instrument, so that it can be steered."""
    return isinstance(command, InstrumentStatusRequest) and bool(command.symbol)


def _may_end(
    session: SessionState, command: BlockWithdraw | BlockDecline, negotiations: Negotiations
) -> bool:
    proposal = negotiations.proposals.get(command.proposal_id)
    if proposal is None:
        return False
    party = proposal.offerer if isinstance(command, BlockWithdraw) else proposal.answerer
    return party is not None and party.account_in(session) is not None


def _order_named(session: SessionState, command: Cancel) -> OrderId | None:
    if (command.order_ref == 0) == (command.order_id == 0):
        return None
    order = session.find(command.order_ref, command.order_id)
    return None if order is None else order.order_id


def _finds_orders(session: SessionState, command: MassCancel) -> bool:
    """Whether its scope and its filters leave an order: what `amend.mass_cancel` would cancel."""
    account_id = command.account_id
    if account_id and account_id not in session.accounts:
        return False
    if command.scope is MassCancelScope.SESSION:
        orders = iter(session.orders.values())
    else:
        account_ids = (account_id,) if account_id else session.account_ids
        orders = (order for each in account_ids for order in session.accounts[each].orders_by_id().values())
    return any(
        account_id in (0, order.account.account_id)
        and command.instrument_id in (0, order.ladder.book.instrument.instrument_id)
        and command.side in (0, order.ladder.side)
        for order in orders
    )
