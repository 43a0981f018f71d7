"""What the worlds of chance are made of: nothing that a market may do is left out of the comparison.

Whoever adds a command, an order type, a phase, a reason or a report finds here that the worlds lack it.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, Final, get_args

import pytest
from msgspec import Struct

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AnyCommand,
    AnyPublicEvent,
    AnyReport,
    CancelReason,
    Entry,
    RejectReason,
)
from carbonmatch.matching.vocabulary import enums
from tests.matching.worlds import INTERRUPTED, LIMITED, seeded

COMMANDS: Final = 20_000
# Who may log on: nothing in the market depends on it.
NOT_OF_THE_MARKET: Final = {m.SessionOpened, m.DefineKey, m.RemoveKey}
# Mechanisms that bring a vocabulary of their own have worlds of their own, beside their tests; of what all
# share, these are their reasons.
GENERAL: Final = (
    "commands",
    "operator_commands",
    "venue_commands",
    "reports",
    "events",
    "enums",
    "definitions",
)
OF_OTHER_WORLDS: Final = {
    f"RejectReason.{reason.name}"
    for reason in RejectReason
    if reason > RejectReason.AMENDED_TRADE_LIMIT or reason in (118, 119, 120, 121, 131)
} | {f"CancelReason.{reason.name}" for reason in CancelReason if reason > CancelReason.SESSION_REMOVED}
# What a short world is too small for; tests of their own reach these bounds.
TOO_LARGE: Final = {
    "RejectReason.OPEN_ORDER_LIMIT",
    "RejectReason.AMENDED_TRADE_LIMIT",
    "CancelReason.TOO_MANY_MAKERS",
}
# Said by sessions, not by the market, but for one.
OF_SESSIONS: Final = {f"RejectReason.{reason.name}" for reason in RejectReason if reason < 100} - {
    "RejectReason.NOT_ENTITLED"
}


class Seen:
    """Every kind of message, and of each enum every member, on the way in and on the way out."""

    def __init__(self) -> None:
        self.asked: set[type] = set()
        self.told: set[type] = set()
        self.asked_members: set[str] = set()
        self.told_members: set[str] = set()
        self.order_flags = 0
        for seed in (11, 25):
            self._play(seeded(seed, COMMANDS))
        # Where nearly all prices are restrained, nearly all orders go for that, or nearly all trading stops.
        for rules in (LIMITED, INTERRUPTED):
            self._play(seeded(12, COMMANDS // 5, rules))

    def _play(self, world: Iterable[Entry]) -> None:
        engine = Engine()
        for entry in world:
            for command in entry.commands:
                self.asked.add(type(command))
                if isinstance(command, m.OnTrade):
                    self.asked.add(type(command.command))
                self.asked_members.update(_members(command))
                if isinstance(command, m.NewOrder):
                    self.order_flags |= command.flags
            engine.apply(entry)
            outputs = engine.take_outputs()
            for event in [*outputs.public, *(one for chunk in outputs.streams for one in chunk.reports)]:
                self.told.add(type(event))
                self.told_members.update(_members(event))


def _members(value: Any) -> Iterator[str]:
    """The members of enums in a message. By name, since members of two enums may be equal as numbers."""
    if isinstance(value, IntEnum):
        yield f"{type(value).__name__}.{value.name}"
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _members(getattr(value, name))


def _general(kinds: Iterable[type]) -> set[type]:
    """Those of no mechanism's own vocabulary."""
    return {kind for kind in kinds if kind.__module__.rpartition(".")[2] in GENERAL}


def _all_of(*kinds: type[IntEnum]) -> set[str]:
    return {f"{kind.__name__}.{member.name}" for kind in kinds for member in kind}


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


def test_every_command_of_the_market_is_given(seen: Seen) -> None:
    assert _general(get_args(AnyCommand)) - NOT_OF_THE_MARKET <= seen.asked


def test_every_type_time_phase_mode_and_scope_is_asked_for(seen: Seen) -> None:
    asked_for = _general(getattr(m, name.split(".")[0]) for name in seen.asked_members)
    # Operators name trades, and so how they came about.
    asked_for -= {enums.TradeKind}
    assert {enums.OrderType, enums.TimeInForce, enums.Phase, enums.SelfTradePrevention} <= asked_for
    assert _all_of(*asked_for) <= seen.asked_members
    assert seen.order_flags & enums.OrderFlag.ALL == enums.OrderFlag.ALL


def test_every_report_and_every_public_event_is_told(seen: Seen) -> None:
    assert _general([*get_args(AnyReport), *get_args(AnyPublicEvent)]) <= seen.told


def test_every_reason_of_the_market_is_met(seen: Seen) -> None:
    met = {name for name in seen.told_members if name.startswith(("RejectReason", "CancelReason"))}
    assert _all_of(RejectReason, CancelReason) - OF_SESSIONS - OF_OTHER_WORLDS - TOO_LARGE <= met


def test_every_enum_of_the_vocabulary_is_in_a_message_of_the_worlds(seen: Seen) -> None:
    defined = {each for each in vars(enums).values() if isinstance(each, type) and issubclass(each, IntEnum)}
    used = {name.split(".")[0] for name in seen.asked_members | seen.told_members}
    assert {each.__name__ for each in defined - {IntEnum}} <= used
