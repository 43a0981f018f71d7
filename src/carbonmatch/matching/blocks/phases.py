"""When blocks are negotiated: schedules, operators, definitions, and the close of the instrument.

Entering CLOSED expires what is open; so does the close of the instrument itself. A BREAK, a halt and any
other phase leave it as it is: nothing is offered or accepted then, everything may be declined or withdrawn.
"""

from carbonmatch.matching.blocks.endings import expire_all
from carbonmatch.matching.blocks.proposals import BlockBook
from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import (
    BlockPhase,
    BlockPhaseChanged,
    ScheduleBlock,
)
from carbonmatch.matching.venue import Venue


def schedule_block(venue: Venue, command: ScheduleBlock) -> None:
    """Go on with the schedule; everyone is told where that changes the phase, or its end."""
    book = venue.books[command.instrument_id]
    assert book.blocks is not None, "only what there is follows a schedule"
    course = book.blocks.course
    before = (course.phase, course.phase_until_ns)
    course.step(command)
    if (course.phase, course.phase_until_ns) != before:
        enter(venue, book, book.blocks, "")


def configure(venue: Venue, book: Book) -> None:
    """Give the book the rules that its definition has now; where it has none any more, what is open goes."""
    rules = book.instrument.definition.blocks
    blocks = book.blocks
    if rules is None:
        if blocks is not None:
            expire_all(venue, book)
            book.blocks = None
    elif blocks is None:
        book.blocks = BlockBook(rules)
    else:
        blocks.rules = rules
        before = blocks.course.phase
        blocks.course.opening_phase = rules.opening_phase
        if blocks.course.phase is not before:
            enter(venue, book, blocks, "")


def enter(venue: Venue, book: Book, blocks: BlockBook, text: str) -> None:
    """The course says another phase, or another end of it: tell everyone."""
    course = blocks.course
    venue.public.append(
        BlockPhaseChanged(
            book.instrument.instrument_id, venue.time_ns, course.phase, text, course.phase_until_ns
        )
    )
    if course.phase is BlockPhase.CLOSED:
        expire_all(venue, book)
