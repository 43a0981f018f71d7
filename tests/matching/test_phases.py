"""Every command in every phase: the table in proto/PHASES.md, cell by cell."""

import re
from pathlib import Path

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import OrderFlag, OrderType, Phase, Ref, Side, TimeInForce
from tests.matching.market import ALICE, BOB, EUA, TIME_NS, VENUE, Market

PHASES = Path(__file__).parents[2] / "proto" / "PHASES.md"
RESTING = Ref(1)


def limit(time_in_force: TimeInForce, flags: int = 0, price: int = 100) -> m.NewOrder:
    return m.NewOrder(Ref(2), EUA, Side.BUY, 10, price, time_in_force=time_in_force, flags=flags)


def long(
    order_type: OrderType = OrderType.LIMIT,
    time_in_force: TimeInForce = TimeInForce.GTC,
    price: int = 100,
    **terms: int,
) -> m.NewOrderLong:
    order = m.NewOrderLong(
        Ref(2), EUA, Side.BUY, 10, price, order_type=order_type, time_in_force=time_in_force
    )
    fields = {name: getattr(order, name) for name in order.__struct_fields__}
    return m.NewOrderLong(**{**fields, **terms})


# In each market somebody sells 20 at 100, and this session has a resting order to buy 10 at 99.
COMMANDS: dict[str, m.AnyCommand] = {
    "limit, DAY": limit(TimeInForce.DAY),
    "limit, GTC": limit(TimeInForce.GTC),
    "limit, GTD": long(time_in_force=TimeInForce.GTD, expires_ns=TIME_NS + 10**12),
    "limit, IOC": limit(TimeInForce.IOC),
    "limit, FOK": limit(TimeInForce.FOK),
    "limit, AT_OPEN": long(time_in_force=TimeInForce.AT_OPEN),
    "limit, AT_CLOSE": long(time_in_force=TimeInForce.AT_CLOSE),
    "limit, GOOD_FOR_AUCTION": long(time_in_force=TimeInForce.GOOD_FOR_AUCTION),
    "market, DAY": m.NewOrder(Ref(2), EUA, Side.BUY, 10, 0, order_type=OrderType.MARKET),
    "market, IOC": m.NewOrder(
        Ref(2), EUA, Side.BUY, 10, 0, order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC
    ),
    "stop": long(OrderType.STOP, price=0, stop_price_ticks=105),
    "stop-limit": long(OrderType.STOP_LIMIT, price=106, stop_price_ticks=105),
    "iceberg": long(display_lots=5),
    "minimum": long(minimum_lots=5),
    "post-only": limit(TimeInForce.GTC, OrderFlag.POST_ONLY, 98),
    "Cancel": m.Cancel(Ref(2), RESTING),
    "Reduce": m.Reduce(Ref(2), RESTING, m.OrderId(0), 5),
    "Replace": m.Replace(Ref(2), RESTING, m.OrderId(0), 10, 98),
    "MassCancel": m.MassCancel(Ref(2), m.MassCancelScope.SESSION),
    "OrderStatusRequest": m.OrderStatusRequest(Ref(2), RESTING),
}


# The end of an auction in which nothing is cancelled or amended.
FREEZE = "freeze"
COLUMNS = [phase.name for phase in Phase] + [FREEZE]
# What no means. Elsewhere it is NOT_IN_THIS_PHASE.
REASONS = {name: m.RejectReason[name] for name in ("HALTED", "CANCEL_ONLY", "CLOSED")}


def answer(column: str, command: m.AnyCommand) -> m.RejectReason | None:
    """Why the command is refused then; None where it is not."""
    market = Market(
        allowed=m.AllowedFlag.ALL, reference_price_ticks=100, band_low_ticks=90, band_high_ticks=110
    )
    market.send(BOB, m.NewOrder(Ref(1), EUA, Side.SELL, 20, 100, time_in_force=TimeInForce.GTC))
    market.send(ALICE, m.NewOrder(RESTING, EUA, Side.BUY, 10, 99, time_in_force=TimeInForce.GTC))
    if column == FREEZE:
        ends_ns = TIME_NS + 10**9
        market.send(VENUE, m.StartAuction(EUA, Phase.CLOSING_AUCTION, ends_ns, freeze_ns=TIME_NS))
    else:
        market.send(VENUE, m.SetPhase(Ref(0), EUA, Phase[column]))
    (chunk,) = [one for one in market.outputs(ALICE, command).streams if one.session_id == ALICE]
    first = chunk.reports[0]
    return first.reason if isinstance(first, m.Rejected) else None


def table() -> dict[tuple[str, str], str]:
    _, _, rest = PHASES.read_text().partition("\n## What a phase admits\n")
    lines = re.findall(r"^\|(.*)\|$", rest.partition("\n## ")[0], re.MULTILINE)
    head, _, *body = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {(row[0], name): cell for row in body for name, cell in zip(head[1:], row[1:], strict=True)}


CELLS = [(name, column) for name in COMMANDS for column in COLUMNS]


def test_the_table_has_every_command_and_every_phase() -> None:
    assert list(table()) == CELLS


@pytest.mark.parametrize(("name", "column"), CELLS)
def test_a_phase_admits_what_the_table_says(name: str, column: str) -> None:
    expected = {
        "yes": None,
        "no": REASONS.get(column, m.RejectReason.NOT_IN_THIS_PHASE),
        "frozen": m.RejectReason.FROZEN,
    }
    assert answer(column, COMMANDS[name]) is expected[table()[name, column]]
