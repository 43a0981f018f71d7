"""Entries of the venue itself, never accepted from a session: part of the vocabulary in `messages`.

Tags are 160 to 189. The rules of `messages` hold: append-only, golden bytes in `proto/vectors/`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import KEY_ADDRESSES_MAX, KEY_SESSIONS_MAX
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.day import TradingDayField
from carbonmatch.matching.vocabulary.definitions import FoundTrade, InstrumentDefinition
from carbonmatch.matching.vocabulary.enums import Phase
from carbonmatch.matching.vocabulary.fields import (
    AccountIdField,
    GroupId,
    GroupIdField,
    InstrumentIdField,
    NameField,
    NetworkField,
    NumberField,
    OptionalNameField,
    ParticipantIdField,
    Ref,
    RoleNumber,
    SessionIdField,
    TimeField,
)
from carbonmatch.matching.vocabulary.operator_commands import BustTrade, CorrectTrade, TradeStatusRequest


class DefineInstrument(Command, frozen=True, tag=160):
    """Adds an instrument, or changes one; what rests stays."""

    definition: InstrumentDefinition


class DefineAccount(Command, frozen=True, tag=161):
    account_id: AccountIdField
    participant_id: ParticipantIdField
    name: NameField
    group_id: GroupIdField = GroupId(0)
    holder_class: OptionalNameField = ""  # by whose limits it goes, where an instrument has some; empty: none


class DefineSession(Command, frozen=True, tag=162):
    """Makes a stream, or changes which accounts and powers its session has."""

    session_id: SessionIdField
    name: NameField
    account_ids: tuple[AccountIdField, ...]  # the first is the default
    operator: bool = False
    permissions: NumberField = 0  # bits of [Permission](#permission); 0: all commands of its roles


class SessionLost(Command, frozen=True, tag=163):
    """Cancel-on-disconnect fires: every order of the session without KEEP_ON_DISCONNECT goes."""

    session_id: SessionIdField


class SessionOpened(Command, frozen=True, tag=164):
    """A logon asked for other cancel-on-disconnect than the session had: what holds after a restart."""

    session_id: SessionIdField
    cancel_on_disconnect: bool
    grace_ms: NumberField


class KeySession(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A session that a key opens, and as what. The engine keeps it, and leaves who may log on to others."""

    session_id: SessionIdField
    roles: tuple[RoleNumber, ...]  # numbers of [Role](#role)


class DefineKey(Command, frozen=True, tag=165):
    """Adds a key, or changes what it opens; connections that it does not open any more are ended."""

    key_id: NameField
    public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]  # Ed25519
    sessions: Annotated[tuple[KeySession, ...], Meta(max_length=KEY_SESSIONS_MAX)]  # that it opens
    expires_ns: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0  # since 1970, UTC; 0: never
    # Networks that it may come from, as 192.0.2.0/24 or 2001:db8::/48. Empty: any.
    addresses: Annotated[tuple[NetworkField, ...], Meta(max_length=KEY_ADDRESSES_MAX)] = ()
    # Of what its sessions may do, bits of [Permission](#permission); 0: all of it.
    permissions: NumberField = 0


class RemoveKey(Command, frozen=True, tag=166):
    key_id: NameField


class DefineDropCopy(Command, frozen=True, tag=167):
    """Makes a stream of copies, or changes which accounts it shows; its numbers begin here, and go on.

    Without accounts it shows nothing from here on: so a copy is removed.
    """

    session_id: SessionIdField
    name: NameField
    account_ids: tuple[AccountIdField, ...]


class RemoveSession(Command, frozen=True, tag=168):
    """Takes a session's powers, and its orders out of the market; its stream stays, and its numbers."""

    session_id: SessionIdField


class SchedulePhase(Command, frozen=True, tag=173):
    """The schedule of an instrument goes on. Where an operator holds it, its phase may stay."""

    instrument_id: InstrumentIdField
    phase: Phase
    step_ns: TimeField  # when the schedule has it begin, UTC: before the entry's time, seldom by much
    until_ns: TimeField  # when the schedule has it end; 0: nothing is planned
    random_ns: NumberField = 0  # of an auction: at most so much later it ends, as in StartAuction
    freeze_ns: TimeField = 0  # of an auction: from this time on nothing is cancelled or amended; 0: always
    next_phase: Phase = Phase.CONTINUOUS  # of an auction: the phase after it
    trading_day: TradingDayField = 0  # that the step is of, like 20210716; 0: it is of none
    cut_off_ns: TimeField = 0  # of that day, from when on what is bought settles later; 0: it has none


class TimePassed(Command, frozen=True, tag=170):
    """Nothing but its time: orders whose time is up go, auctions end, stops that wait for their turn fire.

    Every entry does that before its commands; this one is for when there are no commands.
    """


class StartAuction(Command, frozen=True, tag=171):
    """Enters an auction that ends by itself, in `next_phase`: at a time from `ends_ns` on that is drawn here.

    The time is not told before it has come. All times are UTC.
    """

    instrument_id: InstrumentIdField
    phase: Phase  # the auction
    ends_ns: TimeField  # not before
    random_ns: NumberField = 0  # at most so much later: drawn from the venue's seed
    freeze_ns: TimeField = 0  # from this time on nothing is cancelled or amended; 0: always
    next_phase: Phase = Phase.CONTINUOUS  # after it


class SetSeed(Command, frozen=True, tag=172):
    """What the ends of auctions are drawn from: given at each start by the service, and told to nobody."""

    seed: Annotated[bytes, Meta(min_length=16, max_length=16)]  # random


class OnTrade(Command, frozen=True, tag=174):
    """An operator's command, with the trade that it names, as the venue has looked it up.

    It takes the place of what the operator sent, so that executing the journal again needs no look-up.
    """

    command: BustTrade | CorrectTrade | TradeStatusRequest  # as it was sent
    trade: FoundTrade | None = None  # empty: there is no such trade

    @property
    def ref(self) -> Ref:
        return self.command.ref
