"""Permissions in the file: what they mean to the engine and in words, and what contradicts itself."""

import pytest

from carbonmatch.config import ConfigError, key_commands, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.matching.messages import DefineSession, Permission

NONE = "found none, expected one or more; without the key there is no such limit"


def venue(session: str = "", key: str = "", roles: str = '"trade"') -> str:
    """One session, one key."""
    return f"""
[[participants]]
id = 1
name = "firm"
accounts = [{{ id = 1, name = "own" }}]

[[sessions]]
id = 1
name = "desk"
roles = [{roles}]
key = "one"
accounts = [1]
{session}

[[keys]]
id = "one"
public_key = "{"aa" * 32}"
{key}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "file")
    return [problem.removeprefix("file: ") for problem in caught.value.problems]


def test_what_is_permitted_becomes_bits_of_session_and_key() -> None:
    config = parse(venue('permissions = ["cancel", "read"]', 'permissions = ["read"]'), "file")
    (session,) = [one for one in venue_commands(config) if isinstance(one, DefineSession)]
    assert session.permissions == Permission.CANCEL | Permission.READ
    assert [key.permissions for key in key_commands(config)] == [Permission.READ]
    lines = in_words(config)
    assert "  1 desk: trade; only cancel, read; 1 accounts; key one" in lines
    assert "  one: only read" in lines


def test_who_says_nothing_of_it_may_do_everything() -> None:
    config = parse(venue(), "file")
    (session,) = [one for one in venue_commands(config) if isinstance(one, DefineSession)]
    assert session.permissions == 0
    assert [key.permissions for key in key_commands(config)] == [0]
    assert "  1 desk: trade; 1 accounts; key one" in in_words(config)


def test_an_operator_that_also_trades_has_permissions_of_both() -> None:
    text = venue('permissions = ["read", "phases"]', roles='"trade", "operator"')
    (session,) = [one for one in venue_commands(parse(text, "file")) if isinstance(one, DefineSession)]
    assert session.permissions == Permission.READ | Permission.PHASES


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            venue('permissions = ["phases"]'),
            "sessions[0].permissions: phases is for the role operator, found trade",
        ),
        (
            venue('permissions = ["read"]', roles='"operator"'),
            "sessions[0].permissions: read is for the role trade, found operator",
        ),
        (
            venue('permissions = ["place", "read"]'),
            "sessions[0].permissions: place without cancel, expected both: who orders has to get out again",
        ),
        (
            venue("", 'permissions = ["place"]'),
            "keys[0].permissions: place without cancel, expected both: who orders has to get out again",
        ),
        (
            venue("", 'roles = ["trade"]\npermissions = ["trades"]'),
            "keys[0].permissions: trades is for the role operator, found trade",
        ),
        (
            venue('permissions = ["read", "read"]'),
            "sessions[0].permissions[1].word: 'read' is there twice",
        ),
        (venue("permissions = []"), f"sessions[0].permissions: {NONE}"),
        (venue("", "permissions = []"), f"keys[0].permissions: {NONE}"),
        (venue("", "roles = []"), f"keys[0].roles: {NONE}"),
        (venue("", "addresses = []"), f"keys[0].addresses: {NONE}"),
    ],
)
def test_what_contradicts_itself_is_named(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_a_word_that_is_none_is_named() -> None:
    (problem,) = problems(venue('permissions = ["steer"]'))
    assert "permissions" in problem
