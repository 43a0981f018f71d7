"""One change of the core, and which of all of them a run tries."""

import random
from collections.abc import Collection
from pathlib import Path
from typing import Final

from msgspec import Struct

CORE: Final = Path("src/carbonmatch/matching")


class Mutant(Struct, frozen=True):
    """One function of the core with one change in it."""

    # As mutmut counts them: carbonmatch.matching.stops.fire_reached.3, ….book.Ladder.rest.7
    name: str
    module: str
    class_name: str | None
    function_name: str
    # The function's source, with the change, indented by nothing.
    source: str
    # Those of the statement that is changed: a test that runs none of them cannot notice.
    lines: list[int]
    # As `diff` shows it, without context.
    difference: str


def file_of(mutant: Mutant) -> str:
    """The part of the module's name that says the file: `stops`, `blocks.negotiation`."""
    return mutant.module.removeprefix("carbonmatch.matching.")


def is_meant(mutant: Mutant, files: Collection[str], names: Collection[str]) -> bool:
    """Whether it is one of these names, and in one of these files or directories; none means all."""
    file = file_of(mutant)
    is_in_file = not files or any(file == one or file.startswith(f"{one}.") for one in files)
    return is_in_file and (not names or mutant.name in names)


def sample(mutants: list[Mutant], count: int | None, seed: int) -> list[Mutant]:
    """So many of them by chance, or all, in an order of chance: what a run tries first is a sample too."""
    return random.Random(seed).sample(mutants, len(mutants) if count is None else min(count, len(mutants)))
