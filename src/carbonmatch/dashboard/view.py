"""What the page shows, and for each part of it the version at which it last changed. Pure.

No browser has a queue: it has the version that it has seen, and is told what is newer when it can take more.
So a slow one costs no memory, gets the newest state and never a backlog.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from carbonmatch.client.instrument_book import InstrumentBook
from carbonmatch.dashboard.market import Ladder, Market, ladder_of
from carbonmatch.dashboard.vitals import History, Point
from carbonmatch.matching.messages import InstrumentId

_encoder: Final = msgspec.json.Encoder()


class Seen(Struct):
    """What one browser has been told."""

    version: int = 0
    chosen: InstrumentId = InstrumentId(0)
    ladder: Ladder | None = None


class View:
    """Written by whoever watches the venue, read by every browser."""

    def __init__(self) -> None:
        self.version = 0
        self._market = Market()
        self._history = History()
        self._books: Mapping[InstrumentId, InstrumentBook] = {}
        # By name, with the version of the last change.
        self._parts: dict[str, tuple[int, Any]] = {}

    def take_market(
        self, books: Mapping[InstrumentId, InstrumentBook], texts: Mapping[InstrumentId, str]
    ) -> None:
        self._books = books
        if self._market.take(books.values(), texts, self.version + 1):
            self.version += 1

    def add_point(self, point: Point) -> None:
        self.version += 1
        self._history.add(point, self.version)

    def put(self, name: str, value: Any) -> None:
        """Show `value` as this part of the page."""
        known = self._parts.get(name)
        if known is None or known[1] != value:
            self.version += 1
            self._parts[name] = (self.version, value)

    def get(self, name: str) -> Any:
        """What is shown there; None: nothing yet."""
        known = self._parts.get(name)
        return None if known is None else known[1]

    def symbol_of(self, instrument_id: int) -> str | None:
        """None: the page shows no such instrument."""
        book = self._books.get(InstrumentId(instrument_id))
        return None if book is None or book.definition is None else book.definition.symbol

    def changes(self, seen: Seen, now_ns: int) -> bytes | None:
        """What a browser has not been told, as JSON; None where there is nothing. Then it has seen it."""
        told: dict[str, Any] = {
            name: value for name, (version, value) in self._parts.items() if version > seen.version
        }
        is_whole, rows = self._market.since(seen.version)
        if rows or is_whole:
            told["market"] = {"is_whole": is_whole, "rows": rows}
        points = self._history.since(seen.version)
        if points or not seen.version:
            told["points"] = {"is_whole": not seen.version, "rows": points}
        book = self._books.get(seen.chosen)
        if book is not None and (ladder := ladder_of(book)) != seen.ladder:
            told["ladder"] = seen.ladder = ladder
        seen.version = self.version
        if not told:
            return None
        return _encoder.encode({"now_ns": now_ns, **told})
