"""What `carbonmatch watch` shows of a composite price."""

from io import StringIO

from rich.console import Console

from carbonmatch.client.book import InstrumentBook
from carbonmatch.client.watch_composite import composite_view
from carbonmatch.matching.messages import (
    CompositeDefinition,
    CompositeMember,
    InstrumentDefinition,
    InstrumentId,
)
from carbonmatch.protocol.messages import Composite, Statistics

COMCEA = InstrumentId(1090)
FIRST, SECOND, UNSEEN = (InstrumentId(number) for number in (1000, 1001, 1002))
MEMBERS = (CompositeMember(FIRST, 1), CompositeMember(SECOND, 2), CompositeMember(UNSEEN, 1))


def book_of(instrument_id: InstrumentId, symbol: str, reference_ticks: int) -> InstrumentBook:
    book = InstrumentBook(instrument_id)
    book.definition = InstrumentDefinition(instrument_id, symbol, "CNY", 1, 2, 1)
    book.reference_price_ticks = reference_ticks
    return book


def shown(
    price_ticks: int, members: tuple[CompositeMember, ...] = MEMBERS, *, is_current: bool = True
) -> list[str]:
    first, second = book_of(FIRST, "CEA", 48_00), book_of(SECOND, "CEA21", 0)
    first.statistics = Statistics(FIRST, 1, 50_00, 52_00, 49_00, 51_00, 10, 1, 1)
    definition = CompositeDefinition(COMCEA, "COMCEA", "CNY", 2, members)
    composite = Composite(COMCEA, 1, price_ticks, 1_700_000_000_000_000_000, definition)
    out = StringIO()
    view = composite_view(composite, {FIRST: first, SECOND: second}, is_current=is_current)
    Console(file=out, width=120, color_system=None).print(view)
    return [" ".join(line.split()) for line in out.getvalue().splitlines() if line.strip()]


def test_the_price_stands_over_its_members_with_their_weights_and_prices() -> None:
    headline, columns, _, *members = shown(94_80)
    assert headline == "COMCEA CNY/t composite price 94.80 since 2023-11-14 22:13:20 UTC"
    assert columns == "member weight last reference"
    assert members == ["CEA 1 51.00 48.00", "CEA21 2"]


def test_why_there_is_no_price_is_told() -> None:
    assert shown(0)[0] == "COMCEA CNY/t composite price none: a member has no price yet"
    assert shown(0, ())[0] == "COMCEA CNY/t composite price none: it is not made any more"


def test_a_price_that_may_be_old_is_said_to_be() -> None:
    assert shown(94_80, is_current=False)[0].endswith("NOT CURRENT: no word from the venue")
