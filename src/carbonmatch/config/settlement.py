"""Where settlement files go, and what the venue calls its trades in them: the table of the file."""

from collections.abc import Iterator
from pathlib import Path

from carbonmatch.config.section import Section
from carbonmatch.config.trade_numbers import DEFAULT_FORMAT, problems_of


class Settlement(Section, frozen=True):
    # Where the venue makes the file of each run by itself; none: it makes none.
    directory: str = ""
    trade_number: str = DEFAULT_FORMAT


def settlement_problems(settlement: Settlement, journal_directory: str) -> Iterator[str]:
    for problem in problems_of(settlement.trade_number):
        yield f"settlement.trade_number: {problem}"
    if settlement.directory and _is_same(settlement.directory, journal_directory):
        yield (
            f"settlement.directory: {settlement.directory} is that of the journal ({journal_directory}), "
            "expected one of its own"
        )


def _is_same(directory: str, other: str) -> bool:
    """Whatever way leads there: `./data`, a symbolic link, another directory and back."""
    return Path(directory).resolve() == Path(other).resolve()


def in_words(settlement: Settlement) -> list[str]:
    """Lines for a terminal; nothing where the venue makes no files."""
    if not settlement.directory:
        return []
    return [f"settlement files in {settlement.directory}: trades numbered {settlement.trade_number}"]
