"""The log: one JSON object a line on stderr, one event name for each kind of thing that happens.

    log("session_logged_on", session="gateway-01", address="192.0.2.7:50123", next_seq=1)

For people and their tools, not for the record: that is the journal. Nothing is logged for an order.
Events and their fields are listed in log_events, with what to do about each.
"""

import json
import logging
import sys
from collections import Counter
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TextIO

INFO: Final = logging.INFO
WARNING: Final = logging.WARNING
ERROR: Final = logging.ERROR

# What peers send goes into lines that people read and tools parse: no more of it than this.
TEXT_CHARS_MAX: Final = 64
# Of what we wrote ourselves, the end of it: a traceback of a bug says last what went wrong. The words of
# an error may quote a file, or what a library has found in what a peer sent.
OWN_TEXT_CHARS_MAX: Final = 16_384

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

# What this process has logged since it was started, by level; what a flood left out counts too.
logged: Final[Counter[int]] = Counter()


class Ours(str):
    """Text that the venue wrote itself: logged in full, or nearly so."""

    __slots__ = ()


def log(event: str, level: int = INFO, /, **fields: object) -> None:
    """Log that `event` happened. A `str` may have come from a peer: it is escaped and cut."""
    assert not _NEVER_LOGGED & fields.keys(), "keys and what they sign stay out of the log"
    assert not _OWN_FIELDS & fields.keys(), "a field would hide one that every line has"
    logged[level] += 1
    _logger.log(level, event, extra={"fields": fields})


def start_logging(stream: TextIO | None = None, level: int = INFO) -> None:
    """Send all logging of the process, libraries included, to `stream` (stderr) as JSON lines."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Sampler())
    logging.basicConfig(handlers=[handler], level=level, force=True)


def tell_left_out() -> None:
    """Log how many lines were left out of events that have not come again since. Called once a second."""
    for handler in logging.getLogger().handlers:
        for one in handler.filters:
            if isinstance(one, Sampler):
                for event, count in one.take_left_out().items():
                    log("lines_left_out", WARNING, of=Ours(event), count=count)


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
            line["text"] = _own(record.getMessage())
        else:
            line["event"] = record.msg
            line.update((name, _loggable(value)) for name, value in fields.items())
        left_out = getattr(record, "left_out", 0)
        if left_out:
            line["left_out"] = left_out
        if record.exc_info:
            line["traceback"] = _own(self.formatException(record.exc_info))
        # In ASCII, whoever wrote the text: no line ends and no terminal obeys in the middle of it.
        return json.dumps(line, separators=(",", ":"))


class Sampler(logging.Filter):
    """Lets through the first lines of each event in each second; the time is the record's own."""

    def __init__(self) -> None:
        super().__init__()
        # Event to its second, the lines it had then, and those left out since its last line.
        self._seen: dict[str, tuple[int, int, int]] = {}
        # Those whose third number is not 0.
        self._flooding: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        event = record.msg if hasattr(record, "fields") else record.name
        second, lines, left_out = self._seen.get(event, (0, 0, 0))
        if second != int(record.created):
            second, lines = int(record.created), 0
        if lines >= EVENT_LINES_PER_SECOND_MAX:
            self._seen[event] = (second, lines, left_out + 1)
            self._flooding.add(event)
            return False
        record.left_out = left_out
        if len(self._seen) >= _EVENTS_MAX:
            self._seen.clear()
            self._flooding.clear()
        self._seen[event] = (second, lines + 1, 0)
        self._flooding.discard(event)
        return True

    def take_left_out(self) -> dict[str, int]:
        """How many lines each event misses that no line has told of yet; they are told now."""
        left_out = {}
        for event in sorted(self._flooding):
            second, lines, left_out[event] = self._seen[event]
            self._seen[event] = (second, lines, 0)
        self._flooding.clear()
        return left_out


def _loggable(value: object) -> object:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Ours):
        return _own(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return visible(str(value))


def _own(text: str) -> str:
    return text if len(text) <= OWN_TEXT_CHARS_MAX else "..." + text[-OWN_TEXT_CHARS_MAX:]


def visible(text: str) -> str:
    r"""At most 64 characters of `text`, and nothing that a terminal obeys: the rest as \n, \x1b, \u202e."""
    escaped = text[:TEXT_CHARS_MAX].encode("unicode_escape").decode("ascii")
    return escaped if len(text) <= TEXT_CHARS_MAX else escaped + "..."
