"""One price for several instruments, as for all vintages: part of the vocabulary in `messages`."""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import COMPOSITE_MEMBERS_MAX, COMPOSITE_WEIGHT_MAX
from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.events import PublicEvent
from carbonmatch.matching.vocabulary.fields import InstrumentId, InstrumentIdField, NameField


class CompositeMember(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """One of the instruments that a composite price is the average of."""

    instrument_id: InstrumentIdField
    weight: Annotated[int, Meta(ge=1, le=COMPOSITE_WEIGHT_MAX)] = 1  # against those of the other members


class CompositeDefinition(Struct, frozen=True, gc=False, array_like=True):
    """What a composite price is made of. Its id is none of an instrument, and nothing trades at it."""

    composite_id: InstrumentIdField
    symbol: NameField
    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    price_decimals: int  # for people: a tick is 10**-price_decimals of the currency
    # Empty: it is not made any more.
    members: Annotated[tuple[CompositeMember, ...], Meta(max_length=COMPOSITE_MEMBERS_MAX)]


class DefineComposite(Command, frozen=True, tag=177):
    """Adds a composite price, or changes one. Without members it ends."""

    composite: CompositeDefinition


class CompositeChanged(PublicEvent, frozen=True, tag=198):
    """What a composite price is now; 0: there is none, since a member has no price yet."""

    instrument_id: InstrumentId  # that of the composite
    time_ns: int
    price_ticks: int
    composite: CompositeDefinition
