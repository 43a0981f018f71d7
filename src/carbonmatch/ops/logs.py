"""The log: one JSON object a line on stderr, one event name for each kind of thing that happens.

    log("session_logged_on", session="gateway-01", role="trade")

For people and their tools, not for the record: that is the journal. Nothing is logged for an order.
"""

import logging
import sys
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TextIO

import msgspec

INFO: Final = logging.INFO
WARNING: Final = logging.WARNING
ERROR: Final = logging.ERROR

# What peers send goes into lines that people read and tools parse: no more of it than this.
TEXT_CHARS_MAX: Final = 64

# Lines of one event in one second. More say nothing new and cost the loop 6 us each; how many were
# left out stands in the next line of that event.
EVENT_LINES_PER_SECOND_MAX: Final = 20
# Events that are remembered for that. Names are literals in our code, far fewer than this.
_EVENTS_MAX: Final = 1_024

# Whoever can read the log must not be able to log on with it.
_NEVER_LOGGED: Final = frozenset({"key", "private_key", "signature", "nonce", "secret", "password", "token"})
# What every line has.
_OWN_FIELDS: Final = frozenset({"time", "level", "event"})

_logger: Final = logging.getLogger("carbonmatch")


class Ours(str):
    """Text that the venue wrote itself: logged in full."""

    __slots__ = ()


def log(event: str, level: int = INFO, /, **fields: object) -> None:
    """Log that `event` happened. A `str` may have come from a peer: it is escaped and cut."""
    assert not _NEVER_LOGGED & fields.keys(), "keys and what they sign stay out of the log"
    assert not _OWN_FIELDS & fields.keys(), "a field would hide one that every line has"
    _logger.log(level, event, extra={"fields": fields})


def start_logging(stream: TextIO | None = None, level: int = INFO) -> None:
    """Send all logging of the process, libraries included, to `stream` (stderr) as JSON lines."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Sampler())
    logging.basicConfig(handlers=[handler], level=level, force=True)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, "fields", None)
        if fields is None:
            # A library's own message: its logger is the nearest there is to an event.
            line["event"] = record.name
            line["text"] = record.getMessage()
        else:
            line["event"] = record.msg
            line.update((name, _loggable(value)) for name, value in fields.items())
        left_out = getattr(record, "left_out", 0)
        if left_out:
            line["left_out"] = left_out
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class Sampler(logging.Filter):
    """Lets through the first lines of each event in each second; the time is the record's own."""

    def __init__(self) -> None:
        super().__init__()
        # Event to its second, the lines it had then, and those left out since its last line.
        self._seen: dict[str, tuple[int, int, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        event = record.msg if hasattr(record, "fields") else record.name
        second, lines, left_out = self._seen.get(event, (0, 0, 0))
        if second != int(record.created):
            second, lines = int(record.created), 0
        if lines >= EVENT_LINES_PER_SECOND_MAX:
            self._seen[event] = (second, lines, left_out + 1)
            return False
        record.left_out = left_out
        if len(self._seen) >= _EVENTS_MAX:
            self._seen.clear()
        self._seen[event] = (second, lines + 1, 0)
        return True


def _loggable(value: object) -> object:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Ours):
        return str(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return visible(str(value))


def visible(text: str) -> str:
    r"""At most 64 characters of `text`, and nothing that a terminal obeys: the rest as \n, \x1b, \u202e."""
    escaped = text[:TEXT_CHARS_MAX].encode("unicode_escape").decode("ascii")
    return escaped if len(text) <= TEXT_CHARS_MAX else escaped + "..."
