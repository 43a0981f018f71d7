"""The tables `composites`: one price for several instruments, as for all vintages of an allowance."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from msgspec import Meta

from carbonmatch.config.section import Name, Section
from carbonmatch.limits import COMPOSITE_MEMBERS_MAX, COMPOSITE_WEIGHT_MAX, INSTRUMENT_ID_MAX
from carbonmatch.matching.messages import (
    CompositeDefinition,
    CompositeMember,
    InstrumentDefinition,
    InstrumentId,
)


class Member(Section, frozen=True):
    symbol: Name  # of an instrument
    weight: Annotated[int, Meta(ge=1, le=COMPOSITE_WEIGHT_MAX)] = 1  # against those of the others


class Composite(Section, frozen=True):
    """Its id and its symbol are those of no instrument."""

    id: Annotated[InstrumentId, Meta(ge=1, le=INSTRUMENT_ID_MAX)]
    symbol: Name
    members: Annotated[tuple[Member, ...], Meta(min_length=1, max_length=COMPOSITE_MEMBERS_MAX)]

    def definition(self, instruments: Mapping[str, InstrumentDefinition]) -> CompositeDefinition:
        """`instruments` by symbol; its members are among them."""
        first = instruments[self.members[0].symbol]
        return CompositeDefinition(
            self.id,
            self.symbol,
            first.currency,
            first.price_decimals,
            tuple(
                CompositeMember(InstrumentId(instruments[member.symbol].instrument_id), member.weight)
                for member in self.members
            ),
        )


def problems(at: str, composite: Composite, instruments: Mapping[str, InstrumentDefinition]) -> Iterator[str]:
    """`instruments` by symbol."""
    if composite.symbol in instruments:
        yield f"{at}.symbol: {composite.symbol!r} is that of an instrument"
    if composite.id in [definition.instrument_id for definition in instruments.values()]:
        yield f"{at}.id: {composite.id} is that of an instrument"
    seen = set()
    units = set()
    for place, member in enumerate(composite.members):
        here = f"{at}.members[{place}]"
        definition = instruments.get(member.symbol)
        if member.symbol in seen:
            yield f"{here}.symbol: {member.symbol!r} is there twice"
        seen.add(member.symbol)
        if definition is None:
            yield f"{here}.symbol: there is no instrument {member.symbol!r}"
            continue
        units.add((definition.currency, definition.price_decimals))
        if definition.prices is None:
            yield (
                f"{here}: {member.symbol} has no `prices`; expected rules for its close, so that its last "
                "trade and its reference price are told apart"
            )
    if len(units) > 1:
        found = ", ".join(f"{currency} with {decimals} decimals" for currency, decimals in sorted(units))
        yield f"{at}.members: found prices in {found}; expected one currency and one number of decimals"


def in_words(composite: Composite) -> str:
    """What it is the average of."""
    members = composite.members
    if len({member.weight for member in members}) == 1:
        weights = "with equal weights" if len(members) > 1 else "alone"
        return f"the average of {', '.join(member.symbol for member in members)} {weights}"
    parts = ", ".join(f"{member.symbol} ({member.weight})" for member in members)
    return f"the average of {parts} by these weights"
