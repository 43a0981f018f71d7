"""What the log's events are, in words: for the terminal, and as docs/logs.md.

python -m carbonmatch.ops.log_events.pages > docs/logs.md
"""

from difflib import get_close_matches
from typing import Final

from carbonmatch.ops.log_events import EVENTS, FIELDS, OF_EVERY_LINE, SECTIONS, LogEvent

_HEAD: Final = """# The log

Made from `src/carbonmatch/ops/log_events/` by `python -m carbonmatch.ops.log_events.pages`; a test compares.

Engine, follower, fan-out and dashboard write one line of JSON for each event to stderr, where systemd's
journal and containers take it from. It is for people and their tools, and no record: what was ordered and
traded, and who has commanded what, is in the journal (`carbonmatch journal dump`). No line is written for
an order or a trade.

    {"time":"2026-03-02T01:30:00.041+00:00","level":"info","event":"session_logged_on","session":"gateway-01",...}

* `carbonmatch logs list` names all events; `carbonmatch logs explain EVENT` says what one means, and what
  to do about it.
* Of each event, 20 lines are written in a second. What was left out is counted in the next line of it
  (`left_out`), or, where the engine logs none within a second, by `lines_left_out`.
* What a peer has sent is shown to 64 characters, with everything escaped that is no plain ASCII: no name
  can write a line of its own or steer a terminal. Bytes are never shown, and of keys nothing but their names.
* The last line of a process that could not start is no JSON but a sentence, and says why: see
  [exit-codes.md](exit-codes.md).

With systemd: `journalctl -u carbonmatch -o cat | jq 'select(.level != "info")'`.

Every line has `time`, `level` and `event`, and may have `left_out`. A library's own line has `text`, and
`traceback` where something failed: report it where it repeats.
"""


class UnknownEvent(Exception):
    """A name that no event of the log has."""


def page() -> str:
    """docs/logs.md, whole."""
    sections = "".join(f"\n## {title}\n" + "".join(map(_entry, events)) for title, events in SECTIONS.items())
    rows = "".join(f"| `{name}` | {words} |\n" for name, words in sorted(FIELDS.items()))
    return f"{_HEAD}{sections}\n## Fields\n\n| field | is |\n|---|---|\n{rows}"


def _entry(event: LogEvent) -> str:
    fields = ", ".join(f"`{name}`" for name in event.fields) or "none of its own"
    return (
        f"\n### `{event.name}`\n\n{event.level_name}; fields: {fields}\n\n"
        f"{event.meaning}\n\nWhat to do: {event.action}\n"
    )


def explained(name: str) -> list[str]:
    """What the event means, what to do and what its fields are; UnknownEvent where there is none such."""
    event = EVENTS.get(name)
    if event is None:
        near = get_close_matches(name, EVENTS, n=1)
        hint = f"is {near[0]!r} meant?" if near else "carbonmatch logs list names all of them"
        raise UnknownEvent(f"no event {name!r}: {hint}")
    width = max(map(len, event.fields), default=0)
    fields = [f"  {field:<{width}}  {FIELDS[field]}" for field in event.fields]
    return [
        f"{event.name} ({event.level_name})",
        "",
        event.meaning,
        "",
        f"What to do: {event.action}",
        *(["", "Fields:", *fields] if fields else []),
    ]


def listed() -> list[str]:
    """All events, a line each."""
    width = max(map(len, EVENTS))
    return [
        f"{event.name:<{width}}  {event.level_name:<7}  {event.meaning.split('. ')[0].rstrip('.')}"
        for events in SECTIONS.values()
        for event in events
    ]


assert {name for event in EVENTS.values() for name in event.fields} == FIELDS.keys(), "each field, once"
assert "text" in OF_EVERY_LINE

if __name__ == "__main__":
    print(page(), end="")
