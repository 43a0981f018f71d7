"""The table of proto/ORDERS.md on the life of an order: every command on every state is played.

A pair that no row covers fails, one that two rows cover as well, and a row that is not so.
"""

import re
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple, get_args

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import AllowedFlag, AnyCommand, ClientCommand, Ref, TimeInForce
from tests.matching.market import (
    ALICE,
    BOB,
    EUA,
    OPS,
    TIME_NS,
    VENUE,
    Market,
    buy,
    cancel,
    reduce,
    replace,
    sell,
)

ORDERS: Final = Path(__file__).parents[2] / "proto" / "ORDERS.md"
# Alice's order for 10 lots is her third command; others of hers rest at its price and elsewhere.
MINE: Final = 3
WAITING: Final = ("waiting stop", "waiting stop-limit")

# How each state comes about: the order, and what happens to it.
STATES: Final[dict[str, tuple[m.NewOrder, list[tuple[m.SessionId, AnyCommand]]]]] = {
    "resting": (buy(MINE, 99, 10), []),
    "partly filled": (buy(MINE, 99, 10), [(BOB, sell(4, 99, 4))]),
    "iceberg": (buy(MINE, 99, 10, display=3), []),
    "post-only": (buy(MINE, 99, 10, post_only=True), []),
    "timed": (buy(MINE, 99, 10, tif=TimeInForce.GTD, expires=50), []),
    "waiting stop": (buy(MINE, 0, 10, stop=103, market=True), []),
    "waiting stop-limit": (buy(MINE, 104, 10, stop=103), []),
    "fired stop-limit": (buy(MINE, 99, 10, stop=100), []),
    "filled": (buy(MINE, 105, 10), []),
    "canceled": (buy(MINE, 99, 10), [(ALICE, cancel(5, MINE))]),
    "expired": (
        buy(MINE, 99, 10),
        [(OPS, m.SetPhase(Ref(1), EUA, m.Phase.CLOSED)), (OPS, m.SetPhase(Ref(2), EUA, m.Phase.CONTINUOUS))],
    ),
    "replaced": (buy(MINE, 99, 10), [(ALICE, replace(5, MINE, 99, 9))]),
}


def command(name: str, state: str) -> tuple[m.SessionId, AnyCommand]:
    """The command of a row, for an order in this state."""
    waits = state in WAITING
    price = {"waiting stop": 0, "waiting stop-limit": 104}.get(state, 99)
    commands: dict[str, tuple[m.SessionId, AnyCommand]] = {
        "Cancel": (ALICE, cancel(9, MINE)),
        "Reduce to less": (ALICE, reduce(9, MINE, 8)),
        "Reduce to what has traded": (ALICE, reduce(9, MINE, 4 if state == "partly filled" else 0)),
        "Replace at another price": (ALICE, replace(9, MINE, 103 if waits else 98, 10)),
        "Replace by more": (ALICE, replace(9, MINE, price, 12)),
        "Replace by less": (ALICE, replace(9, MINE, price, 8)),
        "Replace by the same": (ALICE, replace(9, MINE, price, 10)),
        "Replace into the cross": (ALICE, replace(9, MINE, 105, 10, stop=100 if waits else 0)),
        "MassCancel": (ALICE, m.MassCancel(Ref(9), m.MassCancelScope.SESSION)),
        "OrderStatusRequest": (ALICE, m.OrderStatusRequest(Ref(9), Ref(MINE))),
        "SessionLost": (VENUE, m.SessionLost(ALICE)),
        "RemoveSession": (VENUE, m.RemoveSession(ALICE)),
        "SetPhase CLOSED": (OPS, m.SetPhase(Ref(9), EUA, m.Phase.CLOSED)),
        "TimePassed": (VENUE, m.TimePassed()),
    }
    return commands[name]


COMMANDS: Final = (
    "Cancel",
    "Reduce to less",
    "Reduce to what has traded",
    "Replace at another price",
    "Replace by more",
    "Replace by less",
    "Replace by the same",
    "Replace into the cross",
    "MassCancel",
    "OrderStatusRequest",
    "SessionLost",
    "RemoveSession",
    "SetPhase CLOSED",
    "TimePassed",
)
ENDED: Final = ("filled", "canceled", "expired")
# What the table says for several.
GROUPS: Final = {
    "open": [state for state in STATES if state not in (*ENDED, "replaced")],
    "ended": list(ENDED),
    "any Reduce": [name for name in COMMANDS if name.startswith("Reduce")],
    "any Replace": [name for name in COMMANDS if name.startswith("Replace")],
}


def in_state(state: str) -> tuple[Market, m.OrderId]:
    """Last price 100, asks at 105. At 98 and behind the order there are others, who are never met."""
    market = Market(allowed=AllowedFlag.ALL, market_protection_ticks=20)
    market.send(BOB, sell(1, 100), sell(2, 105, 500))
    market.send(ALICE, buy(1, 100), buy(2, 98))
    order, happens = STATES[state]
    market.send(ALICE, order)
    order_id = m.OrderId(market.engine.sequence)
    market.send(ALICE, _another(order))
    for session, happening in happens:
        market.send(session, happening)
    return market, order_id


def _another(order: m.NewOrder) -> m.NewOrder:
    """The same again, and for ever, so that it is there to compare with."""
    fields = {name: getattr(order, name) for name in order.__struct_fields__}
    fields |= {"ref": Ref(4), "flags": m.OrderFlag.KEEP_ON_DISCONNECT | order.flags}
    if order.time_in_force is not TimeInForce.IOC:
        fields |= {"time_in_force": TimeInForce.GTC}
    if isinstance(order, m.NewOrderLong):
        fields["expires_ns"] = 0
    return type(order)(**fields)


def observed(state: str, name: str) -> tuple[str, str]:
    """What its owner is told of the order, and what becomes of its place."""
    market, order_id = in_state(state)
    account = market.engine.accounts[m.AccountId(11)]
    before = _place(account.orders_by_id().get(order_id))
    session, sent = command(name, state)
    if name == "TimePassed":
        market.time_ns = TIME_NS + 50
    reports = [r for chunk in market.outputs(session, sent).streams for r in chunk.reports]
    told = [
        _told(r) for r in reports if isinstance(r, m.Rejected) or getattr(r, "order_id", None) == order_id
    ]
    after = _place(account.orders_by_id().get(order_id))
    if before is None:
        place = "-"
    elif after is None:
        place = "gone"
    elif after == before:
        place = "kept"
    else:
        place = "at the back" if after.behind == 0 and after.ahead > 0 else f"{before}, then {after}"
    return ", ".join(told) or "nothing", place


class Place(NamedTuple):
    """Of an order in its level."""

    price_ticks: int
    ahead: int
    behind: int


def _place(order: Order | None) -> Place | None:
    if order is None:
        return None
    queue = list(order.level.orders())
    ahead = queue.index(order)
    return Place(order.level.price_ticks, ahead, len(queue) - ahead - 1)


def _told(report: m.AnyReport) -> str:
    match report:
        case m.Rejected() | m.Canceled():
            return f"{type(report).__name__} {report.reason.name}"
        case _:
            return type(report).__name__


def rows() -> list[tuple[list[str], list[str], str, str]]:
    """The commands, states, outcome and place of each row."""
    section = re.split(r"^## ", ORDERS.read_text(), flags=re.M)
    [text] = [one for one in section if one.startswith("The life of an order\n")]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(_each(row[0]), _each(row[1]), row[2], row[3]) for row in cells]


def _each(cell: str) -> list[str]:
    return [each for word in cell.split("; ") for each in GROUPS.get(word, [word])]


ROWS: Final = [
    (name, state, outcome, place)
    for names, states, outcome, place in rows()
    for name, state in product(names, states)
]


def test_every_command_on_every_state_has_one_row() -> None:
    assert sorted((name, state) for name, state, *_ in ROWS) == sorted(product(COMMANDS, STATES))


def test_every_command_that_names_an_order_is_in_the_table() -> None:
    naming = {kind.__name__ for kind in get_args(ClientCommand) if "order_ref" in kind.__struct_fields__}
    assert naming <= {name.split()[0] for name in COMMANDS}


@pytest.mark.parametrize(("name", "state", "outcome", "place"), ROWS)
def test_the_row_is_so(name: str, state: str, outcome: str, place: str) -> None:
    assert observed(state, name) == (outcome, place)
