"""Which commands a permission is for: every command has one, and of what is left the rest is refused."""

import re
from typing import get_args

import pytest

from carbonmatch.config.schema import OperatorPermissionName, TraderPermissionName
from carbonmatch.matching.messages import (
    ClientCommand,
    InstrumentStatusRequest,
    OrderStatusRequest,
    Permission,
)
from carbonmatch.protocol.messages import Role
from carbonmatch.protocol.permissions import COMMANDS, both, forbidden, names_of
from carbonmatch.protocol.session import NOT_ENTITLED
from tests.protocol.vectors import PROTO

ALL_BITS = sum(COMMANDS)


def test_every_command_needs_one_permission_and_no_more() -> None:
    kinds = [kind for one in COMMANDS.values() for kind in one]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) == set(get_args(ClientCommand)) - {InstrumentStatusRequest}


def test_permissions_of_traders_are_for_what_traders_may_and_those_of_operators_for_theirs() -> None:
    for bit, kinds in COMMANDS.items():
        role = Role.TRADE if bit < 1 << 8 else Role.OPERATOR
        assert kinds.isdisjoint(NOT_ENTITLED[role] - {OrderStatusRequest})


def test_without_permissions_nothing_is_forbidden_and_with_all_of_them_neither() -> None:
    assert forbidden(0) == forbidden(ALL_BITS) == frozenset()
    assert forbidden(Permission.NOTHING) == frozenset().union(*COMMANDS.values())


@pytest.mark.parametrize("bit", COMMANDS)
def test_whoever_has_one_permission_may_do_what_it_is_for(bit: int) -> None:
    assert forbidden(bit) == forbidden(Permission.NOTHING) - COMMANDS[bit]
    assert forbidden(ALL_BITS - bit) == COMMANDS[bit]


@pytest.mark.parametrize(
    ("session", "key", "together"),
    [
        (0, 0, 0),
        (0, Permission.READ, Permission.READ),
        (Permission.READ, 0, Permission.READ),
        (Permission.READ | Permission.CANCEL, Permission.READ | Permission.PLACE, Permission.READ),
        (Permission.READ, Permission.PLACE, Permission.NOTHING),
    ],
)
def test_what_both_have_may_pass(session: int, key: int, together: int) -> None:
    assert both(session, key) == together


def test_the_words_of_the_file_are_the_permissions_there_are() -> None:
    words = {*get_args(TraderPermissionName), *get_args(OperatorPermissionName)}
    assert set(names_of(ALL_BITS)) == words


def test_the_page_has_each_command_in_the_row_of_its_permission() -> None:
    text = (PROTO / "ACCOUNTS.md").read_text().partition("## Who may do what")[2]
    rows = dict(re.findall(r"^\| (\w+) \| [A-Z, ]+ \| ([A-Za-z, ]+) \|$", text, re.MULTILINE))
    assert {name: set(commands.split(", ")) for name, commands in rows.items()} == {
        next(iter(names_of(bit))): {kind.__name__ for kind in kinds} for bit, kinds in COMMANDS.items()
    }
