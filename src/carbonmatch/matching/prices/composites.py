"""The composite prices of a venue: how they are defined, told, and kept over a restart."""

from collections.abc import Iterable

from carbonmatch.matching.messages import ANY, CompositeChanged, CompositeDefinition, DefineComposite
from carbonmatch.matching.prices.composite import Composite
from carbonmatch.matching.venue import Venue


def define_composite(venue: Venue, command: DefineComposite) -> None:
    """Add a composite price, or change one; everyone is told of it with the outputs."""
    definition = command.composite
    composite_id = definition.composite_id
    assert composite_id != ANY, "0 means every instrument"
    assert composite_id not in venue.books, "one id has one meaning"
    assert all(member.instrument_id in venue.books for member in definition.members), "members come first"
    venue.composites[composite_id] = Composite(definition)


def tell_composites(venue: Venue) -> None:
    """Publish each composite price that is another one than was told last. Called at the end of each batch.

    A record of the journal holds one batch: whoever executes it again has the same ends.
    """
    happened = bool(venue.public)
    for composite_id, composite in venue.composites.items():
        if composite.told_ticks is not None and not happened:
            # No price of a member changes but by a public event.
            continue
        price_ticks = composite.price_ticks(venue.books)
        if price_ticks != composite.told_ticks:
            composite.told_ticks = price_ticks
            venue.public.append(
                CompositeChanged(composite_id, venue.time_ns, price_ticks, composite.definition)
            )


def saved_composites(venue: Venue) -> list[CompositeDefinition]:
    """As a part of the state: see `matching.state`. What was told of them follows from the books.

    In the order of their definition, in which they are told.
    """
    return [composite.definition for composite in venue.composites.values()]


def restore_composites(venue: Venue, definitions: Iterable[CompositeDefinition]) -> None:
    """Once the books are there. Whoever takes the first outputs throws away what they tell of it."""
    for definition in definitions:
        venue.composites[definition.composite_id] = Composite(definition)
