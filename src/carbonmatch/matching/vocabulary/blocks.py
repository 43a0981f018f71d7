"""Negotiated blocks: their commands, reports and public events; part of the vocabulary in `messages`.

Tags are given in `messages`' ranges: commands 26 to 30 and 34, 139, 175; report 64; events 192 and 193.
"""

from enum import IntEnum, unique
from typing import Annotated, Final

from msgspec import Meta

from carbonmatch.limits import ACCOUNT_ID_MAX
from carbonmatch.matching.vocabulary.block_rules import BlockPhase
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.enums import Phase, Side
from carbonmatch.matching.vocabulary.events import PublicEvent
from carbonmatch.matching.vocabulary.fields import (
    AccountId,
    AccountIdField,
    InstrumentId,
    InstrumentIdField,
    NumberField,
    OptionalRefField,
    OrderId,
    OrderIdField,
    ParticipantId,
    Ref,
    RefField,
    TextField,
    TimeField,
    TradeId,
)
from carbonmatch.matching.vocabulary.reports import Report

_OptionalParticipantIdField = Annotated[ParticipantId, Meta(ge=0, le=ACCOUNT_ID_MAX)]


@unique
class BlockState(IntEnum):
    """Where a proposal stands; from TRADED on it has ended, and stays so."""

    POSTED = 1  # to everyone: whoever wants may accept or counter
    OFFERED = 2  # to one side, which is to answer
    COUNTERED = 3  # the terms are those of a counter, which the other side is to answer
    ACCEPTED = 4  # a post was accepted as it stands; who posted it is to confirm that, by accepting
    TRADED = 5
    ANSWERED = 6  # a post whose poster has gone on in one of the replies, under the number of that
    DECLINED = 7  # by the side that was to answer; or a reply whose post is gone
    WITHDRAWN = 8  # by the side whose terms stood
    EXPIRED = 9  # its time is up, or the blocks have closed
    CANCELED = 10  # by a mass cancel, a lost session or an operator: `reason` says which


# Of these each proposal reaches exactly one, once.
FINAL_BLOCK_STATES: Final = frozenset(state for state in BlockState if state >= BlockState.TRADED)


class BlockPropose(Command, frozen=True, tag=26):
    """Offers a block: to everyone, or with a counterparty to that one. It binds until it ends."""

    ref: RefField
    instrument_id: InstrumentIdField
    side: Side  # of whoever proposes
    quantity_lots: NumberField
    price_ticks: NumberField
    account_id: AccountIdField = AccountId(0)  # 0: the session's first account
    counterparty_account_id: AccountIdField = AccountId(0)  # to whom; 0: not to one account
    # To any account of it; 0, and no account either: to everyone.
    counterparty_participant_id: _OptionalParticipantIdField = ParticipantId(0)
    expires_ns: TimeField = 0  # UTC; 0: as long as the instrument lets it stand
    flags: NumberField = 0  # KEEP_ON_DISCONNECT of [OrderFlag](#orderflag), or 0


class BlockAccept(Command, frozen=True, tag=27):
    """Confirms the terms that stand, which it repeats; the other side confirmed them by offering them."""

    ref: RefField
    proposal_id: OrderIdField
    quantity_lots: NumberField
    price_ticks: NumberField
    account_id: AccountIdField = AccountId(0)  # of a post: for whom; 0: the session's first account
    expires_ns: TimeField = 0  # of a post that its poster has to confirm: how long this binds
    flags: NumberField = 0  # as in BlockPropose


class BlockDecline(Command, frozen=True, tag=28):
    """Ends a proposal that this side is to answer."""

    ref: RefField
    proposal_id: OrderIdField


class BlockCounter(Command, frozen=True, tag=29):
    """Other terms, in place of those that stand: from here on the other side is to answer."""

    ref: RefField
    proposal_id: OrderIdField
    quantity_lots: NumberField
    price_ticks: NumberField
    account_id: AccountIdField = AccountId(0)  # as in BlockAccept
    expires_ns: TimeField = 0  # as in BlockPropose
    flags: NumberField = 0  # as in BlockPropose


class BlockWithdraw(Command, frozen=True, tag=30):
    """Ends a proposal whose terms are this side's."""

    ref: RefField
    proposal_id: OrderIdField


class BlockStatusRequest(Command, frozen=True, tag=34):
    """The named proposal, or every open one of the session's accounts after `after_proposal_id`."""

    ref: RefField
    proposal_id: OrderIdField = OrderId(0)  # 0: all there are
    after_proposal_id: OrderIdField = OrderId(0)  # leaves out proposals up to this one; 0: none


class SetBlockPhase(Command, frozen=True, tag=139):
    """Operators only: opens, pauses or closes the blocks of an instrument. Instrument 0: all that have any.

    CLOSED and BREAK hold over the steps of the schedule until AS_SCHEDULED; OPEN until its next step.
    """

    ref: OptionalRefField
    instrument_id: InstrumentIdField
    phase: BlockPhase  # that is held, or AS_SCHEDULED
    text: TextField = ""


class ScheduleBlock(Command, frozen=True, tag=175):
    """The schedule of an instrument's blocks goes on: CONTINUOUS is OPEN, CLOSED CLOSED, any other BREAK."""

    instrument_id: InstrumentIdField
    phase: Phase  # as the schedule has it
    step_ns: TimeField  # when the schedule has it begin, UTC
    until_ns: TimeField  # when the schedule has it end; 0: nothing is planned


class BlockUpdate(Report, frozen=True, tag=64):
    """A proposal as one of its sides sees it: told to both whenever anything of it changes."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    proposal_id: OrderId  # of its two fills also the order's
    state: BlockState
    instrument_id: InstrumentId
    account_id: AccountId  # of this side; 0: none of the participant's has answered yet
    side: Side  # of this side
    quantity_lots: int
    price_ticks: int
    is_own: bool  # the terms are this side's; else it is to answer, if it has not ended
    post_id: OrderId  # that it replies to; 0: none
    counterparty_account_id: AccountId  # 0: none yet, or not told
    counterparty_participant_id: ParticipantId  # 0: none yet, or not told
    expires_ns: int  # 0: when the blocks close
    reason: int = 0  # of CANCELED, a [CancelReason](#cancelreason); 0: none, or not told
    trade_id: TradeId = TradeId(0)  # of TRADED; else 0


class BlockPosted(PublicEvent, frozen=True, tag=192):
    """A proposal to everyone; 0 lots: it is gone."""

    instrument_id: InstrumentId
    time_ns: int
    proposal_id: OrderId
    side: Side
    price_ticks: int
    quantity_lots: int
    participant_id: ParticipantId  # 0: not told
    expires_ns: int  # 0: when the blocks close


class BlockPhaseChanged(PublicEvent, frozen=True, tag=193):
    instrument_id: InstrumentId
    time_ns: int
    phase: BlockPhase  # that holds from now on
    text: str
    until_ns: int  # when it is to end, as far as is known, UTC; 0: not known
