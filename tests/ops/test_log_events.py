"""The log's events as they are listed, against the code that logs them and the page that tells of them."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from carbonmatch.ops import logs
from carbonmatch.ops.log_events import EVENTS, FIELDS, OF_EVERY_LINE
from carbonmatch.ops.log_events.pages import UnknownEvent, explained, listed, page
from carbonmatch.settlement.make import Made

ROOT: Final = Path(__file__).parent.parent.parent
SOURCE: Final = ROOT / "src" / "carbonmatch"

# Calls that name their event only when they run, and calls with fields that are no literals: what they
# come to is tested where they are.
NAMED_LATER: Final = {"ops/market_log.py"}
FIELDS_LATER: Final = {"ready": "server/service.py", "settlement_made": "server/settlement_files.py"}


class Call(Struct, frozen=True):
    """One call of `log`, or of a logger in a layer that may not know it."""

    place: str
    event: str
    level: int
    fields: frozenset[str]
    has_more: bool  # fields that are no literals


def calls_in(path: str, source: str) -> Iterator[Call]:
    """Every call in the module at `path` that writes a line of the log."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "log" and _is_ours(path, node):
            yield _call(path, node)
        elif isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "_log":
            yield _of_logger(path, node, source)


def _is_ours(path: str, node: ast.Call) -> bool:
    # The demo draws logarithms.
    return path != "demo/crowd.py" and not (path in NAMED_LATER and isinstance(node.args[0], ast.Name))


def _call(path: str, node: ast.Call) -> Call:
    place = f"{path}:{node.lineno}"
    event, *level = node.args
    assert isinstance(event, ast.Constant), f"{place}: an event is named by a literal"
    assert isinstance(event.value, str), f"{place}: an event is named by a literal"
    assert all(isinstance(one, ast.Name) for one in level), f"{place}: a level is INFO, WARNING or ERROR"
    return Call(
        place,
        event.value,
        getattr(logs, ast.unparse(level[0])) if level else logs.INFO,
        frozenset(keyword.arg for keyword in node.keywords if keyword.arg is not None),
        any(keyword.arg is None for keyword in node.keywords),
    )


def _of_logger(path: str, node: ast.Call, source: str) -> Call:
    """`_log.warning("event", extra={"fields": {...}})`, with the fields there or in the same function."""
    assert isinstance(node.func, ast.Attribute)
    place = f"{path}:{node.lineno}"
    assert isinstance(node.args[0], ast.Constant), f"{place}: an event is named by a literal"
    (extra,) = (keyword.value for keyword in node.keywords if keyword.arg == "extra")
    assert isinstance(extra, ast.Dict)
    (fields,) = extra.values
    if isinstance(fields, ast.Name):
        (fields,) = (
            one.value
            for one in ast.walk(ast.parse(source))
            if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == fields.id
        )
    assert isinstance(fields, ast.Dict)
    names = frozenset(str(key.value) for key in fields.keys if isinstance(key, ast.Constant))
    return Call(place, str(node.args[0].value), getattr(logs, node.func.attr.upper()), names, False)


CALLS: Final = [
    call
    for path in sorted(SOURCE.rglob("*.py"))
    for call in calls_in(path.relative_to(SOURCE).as_posix(), path.read_text())
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.place}-{call.event}")
def test_what_the_code_logs_is_listed_with_its_level_and_its_fields(call: Call) -> None:
    assert call.event in EVENTS, f"{call.place}: list it in ops/log_events"
    event = EVENTS[call.event]
    assert call.level == event.level
    assert call.fields <= set(event.fields), f"{call.place}: fields that are not listed"
    assert not call.has_more or call.place.startswith(FIELDS_LATER.get(call.event, "nowhere"))


def test_what_is_listed_is_logged_somewhere() -> None:
    later = (SOURCE / "ops/market_log.py").read_text()
    named_later = {name for name in EVENTS if f'"{name}"' in later}
    assert EVENTS.keys() == {call.event for call in CALLS} | named_later


def test_a_listed_field_is_logged_by_some_call_of_its_event() -> None:
    logged: dict[str, set[str]] = {}
    for call in CALLS:
        logged.setdefault(call.event, set()).update(call.fields)
    logged["ready"] |= {"ops", "order_entry", "market_data", "drop_copy"}
    logged["settlement_made"] |= set(Made.__struct_fields__)
    found = {name: fields for name, fields in logged.items() if fields != set(EVENTS[name].fields)}
    assert found == {}


def test_all_calls_are_found() -> None:
    """Counted by their text, so that a form that the walk does not know is noticed."""
    source = "\n".join(
        path.read_text()
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).as_posix() not in ("demo/crowd.py", "ops/logs.py", "ops/market_log.py")
    )
    written = source.count(" log(") + source.count("_log.warning(") + source.count("_log.error(")
    in_the_two = [call for call in CALLS if call.place.startswith(("ops/logs.py", "ops/market_log.py"))]
    assert len(CALLS) - len(in_the_two) == written


def test_every_event_says_what_it_means_and_what_to_do_in_sentences() -> None:
    for event in EVENTS.values():
        assert event.meaning.endswith("."), event.name
        assert event.action.endswith("."), event.name
        assert len(set(event.fields)) == len(event.fields), event.name


def test_every_field_is_explained_once() -> None:
    assert FIELDS.keys() == {name for event in EVENTS.values() for name in event.fields}
    assert not (OF_EVERY_LINE.keys() - {"text"}) & FIELDS.keys()


def test_commands_that_are_advised_exist() -> None:
    from carbonmatch.cli import app

    for event in EVENTS.values():
        for words in event.action.split("`")[1::2]:
            if words.startswith("carbonmatch "):
                names = [word for word in words.split()[1:] if word.islower() and word[0] != "-"]
                _, apps, _ = app.parse_commands(names)
                assert len(apps) == len(names) + 1, words


def test_the_page_is_what_the_list_says() -> None:
    written = (ROOT / "docs" / "logs.md").read_text()
    assert written == page(), "make it again: python -m carbonmatch.ops.log_events.pages > docs/logs.md"


def test_an_event_is_explained_in_words() -> None:
    lines = explained("journal_dead")
    assert lines[0] == "journal_dead (error)"
    assert any(line.startswith("What to do: Look at the disk") for line in lines)
    assert lines[-1] == "  text  what was wrong or is meant, in words"
    assert len(listed()) == len(EVENTS)


def test_a_name_that_no_event_has_is_told_so_with_the_nearest() -> None:
    with pytest.raises(UnknownEvent, match="no event 'journal_ded': is 'journal_dead' meant"):
        explained("journal_ded")
