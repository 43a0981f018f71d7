"""Refusals of proto/OPERATORS.md: each row played, and of two that hold the first is the reason."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.kill_switch import CONCERNED
from carbonmatch.matching.messages import Decide, Kill, KilledRequest, KillScope, Ref, Release
from tests.matching.market import ALICE, EUA, NAMES, OPS, VENUE, Market

SECOND = m.SessionId(59)
PAGE = Path(__file__).parents[2] / "proto" / "OPERATORS.md"
# What makes each row hold, in the order of the page: who asks, or what the command says otherwise.
Row = tuple[str, dict[str, Any]]
_ENTITLED: Row = ("NOT_ENTITLED", {"session": ALICE})
CASES: list[tuple[str, m.AnyCommand, list[Row]]] = [
    (
        "Kill (150)",
        Kill(Ref(1), KillScope.VENUE),
        [
            _ENTITLED,
            ("INCOMPATIBLE_INSTRUCTIONS", {"scope_id": 1}),
            ("UNKNOWN_PARTICIPANT", {"scope": KillScope.PARTICIPANT, "scope_id": 11}),
            ("UNKNOWN_ACCOUNT", {"scope": KillScope.ACCOUNT, "scope_id": 1}),
            ("UNKNOWN_INSTRUMENT", {"scope": KillScope.INSTRUMENT, "scope_id": 11}),
        ],
    ),
    (
        "Release (151)",
        Release(Ref(1), KillScope.INSTRUMENT, EUA),
        [_ENTITLED, ("NOT_KILLED", {"scope": KillScope.VENUE, "scope_id": 0})],
    ),
    ("KilledRequest (152)", KilledRequest(Ref(1)), [_ENTITLED]),
    (
        "A second operator, Decide (153)",
        Decide(Ref(1), 13, True),
        [_ENTITLED, ("NOT_WAITING", {"number": 12}), ("OWN_COMMAND", {"number": 14})],
    ),
]


def answer(command: m.AnyCommand, *rows: Row) -> str:
    """EUA is stopped, nothing else is. A command of another operator waits as 13, and one's own as 14."""
    said = {name: value for _, row in reversed(rows) for name, value in row.items()}
    session = said.pop("session", OPS)
    market = Market()
    market.send(OPS, Kill(Ref(1), KillScope.INSTRUMENT, EUA))
    market.send(VENUE, m.DefineSession(SECOND, "second", (), operator=True))
    market.send(VENUE, m.DefineConfirmation((131,), 1))
    for operator in (SECOND, OPS):
        market.send(operator, m.Resume(Ref(2), EUA))
    lines = market.send(session, structs.replace(command, ref=Ref(50), **said))
    (line,) = [line for line in lines if line.startswith(NAMES[session])][-1:]
    return line.partition(": ")[2].removeprefix("rejected ")


def section(title: str) -> str:
    return PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def promised(title: str) -> list[str]:
    """The reasons of the section, which come last in it."""
    refusals = section(title).partition("| reason | when |")[2]
    return re.findall(r"^\| ([A-Z_]+) \|", refusals, re.MULTILINE)


@pytest.mark.parametrize("title", [title for title, _, _ in CASES])
def test_every_row_of_the_page_is_played_in_its_order(title: str) -> None:
    (rows,) = (rows for one, _, rows in CASES if one == title)
    assert [reason for reason, _ in rows] == promised(title)


@pytest.mark.parametrize(
    ("command", "row"), [(command, row) for _, command, rows in CASES for row in rows], ids=repr
)
def test_each_row_is_the_reason_where_it_holds_alone(command: m.AnyCommand, row: Row) -> None:
    assert answer(command) in ("done", "end of 1")
    assert answer(command, row) == row[0]


@pytest.mark.parametrize(
    ("command", "first", "second"),
    [
        (command, first, second)
        for _, command, rows in CASES
        for number, first in enumerate(rows)
        for second in rows[number + 1 :]
        if not first[1].keys() & second[1].keys()
    ],
    ids=repr,
)
def test_of_two_rows_that_hold_the_first_is_the_reason(
    command: m.AnyCommand, first: Row, second: Row
) -> None:
    assert answer(command, first, second) == first[0]


def test_the_page_has_every_command_that_is_refused_while_something_is_stopped() -> None:
    table = section("What is refused while something is stopped").partition("|---|---|\n")[2]
    rows = re.findall(r"^\| ([A-Za-z, ]+) \|", table, re.MULTILINE)
    assert {name for row in rows for name in row.split(", ")} == {kind.__name__ for kind in CONCERNED}


def test_the_page_has_every_scope() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| (?:0|its number) \|", section("Kill (150)"), re.MULTILINE)
    assert rows == [scope.name for scope in KillScope]


def test_the_page_has_every_state_of_a_command_that_needs_two() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| ", section("A second operator, Decide (153)"), re.MULTILINE)
    assert rows[: len(m.ProposedState)] == [state.name for state in m.ProposedState]
