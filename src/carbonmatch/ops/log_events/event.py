"""What a kind of line in the log is: its level, its fields, what it means and what to do about it."""

import logging
from typing import Final

from msgspec import Struct

# What to do about what is as it should be.
NOTHING: Final = "Nothing."


class LogEvent(Struct, frozen=True):
    """One kind of line. Where several commands log it, `fields` are those of all of them."""

    name: str
    level: int
    fields: tuple[str, ...]
    meaning: str
    action: str

    @property
    def level_name(self) -> str:
        """As it stands in the line."""
        return logging.getLevelName(self.level).lower()
