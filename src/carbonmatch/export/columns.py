"""What a table is: its columns, of which kind each is, and what it means. No rows and no files."""

from enum import Enum
from typing import Final, NamedTuple

from carbonmatch.matching.messages import InstrumentDefinition

# Raised where a column changes its meaning or goes; new columns are added at the end without that.
SCHEMA_VERSION: Final = 1

Value = int | str | None
Row = tuple[Value, ...]


class Kind(Enum):
    """How a column is kept in Parquet and Arrow. In CSV times are ISO 8601, and the rest is as it is."""

    TIME = "timestamp[ns, UTC]"
    NUMBER = "int64"
    NAME = "string"


class Column(NamedTuple):
    name: str
    kind: Kind
    meaning: str  # with its unit, and what an empty value says where there can be one
    is_optional: bool = False


class Table(NamedTuple):
    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


# What a tick and a lot are worth is in each row: a file is read by itself.
WORTH: Final = (
    Column("currency", Kind.NAME, "what prices are in"),
    Column("price_decimals", Kind.NUMBER, "a price in the currency is its ticks / 10^price_decimals"),
    Column("tick_value_minor", Kind.NUMBER, "money in minor units is ticks x lots x tick_value_minor"),
    Column("lot_tonnes", Kind.NUMBER, "tonnes are lots x lot_tonnes"),
)


def worth_of(definition: InstrumentDefinition) -> Row:
    """The values of `WORTH`."""
    return (
        definition.currency,
        definition.price_decimals,
        definition.tick_value_minor,
        definition.lot_tonnes,
    )


def described(table: Table) -> str:
    """The columns as a table of Markdown, which docs/export.md has."""
    rows = [
        f"| `{name}` | {kind.value} | {'yes' if is_optional else ''} | {meaning} |"
        for name, kind, meaning, is_optional in table.columns
    ]
    return "\n".join(["| column | type | may be empty | meaning |", "|---|---|---|---|", *rows])
