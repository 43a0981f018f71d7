"""What every table of the file is, and the names in it."""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.matching.messages import NameField, OptionalNameField

# A `description` is what a person reads where the value does not fit.
Name = Annotated[NameField, Meta(description="1 to 32 letters, digits, '_', '.' or '-'")]
OptionalName = Annotated[OptionalNameField, Meta(description="0 to 32 letters, digits, '_', '.' or '-'")]

# Of a list which narrows what everybody may: an empty one would say nobody, and mean the same as none.
OneOrMore = Meta(min_length=1)


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file. Field names are its keys."""
