"""proto/ORDERS.md, row by row: whoever adds a row names its test here."""

import re
from pathlib import Path

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import AllowedFlag, Ref, TimeInForce, TimePassed
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
    definition,
    reduce,
    replace,
    sell,
)

ORDERS = Path(__file__).parents[2] / "proto" / "ORDERS.md"
GTD = TimeInForce.GTD


def rows(heading: str) -> list[list[str]]:
    """The cells of every row in the tables of a section."""
    section = re.split(r"^## ", ORDERS.read_text(), flags=re.M)
    [text] = [one for one in section if one.startswith(heading + "\n")]
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def market(volatility: m.VolatilityRules | None = None) -> Market:
    """The last price is 100; Bob's asks begin at 105, and his bids at 95."""
    market = Market(
        allowed=AllowedFlag.ALL,
        market_protection_ticks=20,
        reference_price_ticks=100,
        volatility=volatility,
    )
    market.send(BOB, sell(1, 100), sell(2, 105, 50), buy(3, 95, 50))
    market.send(ALICE, buy(1, 100))
    return market


# Alice's order 2 for ten lots, of each kind that can be open.
OPEN = {
    "limit, resting": buy(2, 99, 10),
    "iceberg, resting": buy(2, 99, 10, display=3),
    "post-only, resting": buy(2, 99, 10, post_only=True),
    "stop, waiting": buy(2, 0, 10, stop=103, market=True),
    "stop-limit, waiting": buy(2, 104, 10, stop=103),
    "stop-limit, fired and resting": buy(2, 99, 10, stop=100),
    "GTD": buy(2, 99, 10, tif=GTD, expires=50),
}


def with_open(kind: str) -> Market:
    found = market()
    found.send(ALICE, OPEN[kind])
    return found


def first_to_trade(found: Market, kind: str) -> str:
    """The next order at the price or the stop price of Alice's: by its number."""
    book = found.engine.books[EUA]
    ladder = book.buy_stops if "waiting" in kind else book.bids
    assert ladder.best is not None
    assert ladder.best.first is not None
    return f"#{ladder.best.first.order_id - found.setup_commands}"


@pytest.mark.parametrize("kind", OPEN)
def test_a_cancel_takes_all_of_it(kind: str) -> None:
    found = with_open(kind)
    assert found.send(ALICE, cancel(3, 2)) == ["alice 3: canceled #5 10 REQUESTED"]
    assert found.send(ALICE, cancel(4, 2)) == ["alice 4: rejected UNKNOWN_ORDER"]
    assert found.send(VENUE, m.SessionLost(ALICE)) == []


@pytest.mark.parametrize("kind", OPEN)
def test_a_reduction_keeps_the_place(kind: str) -> None:
    found = with_open(kind)
    behind = OPEN[kind]
    found.send(ALICE, _renamed(behind, 3))
    assert found.send(ALICE, reduce(4, 2, 4)) == ["alice 4: reduced #5 to 4, 4 left"]
    assert first_to_trade(found, kind) == "#5"


@pytest.mark.parametrize("kind", OPEN)
def test_a_replacement_loses_it_and_takes_a_new_name(kind: str) -> None:
    found = with_open(kind)
    behind = OPEN[kind]
    found.send(ALICE, _renamed(behind, 3))
    price = behind.price_ticks
    assert found.send(ALICE, replace(4, 2, price, 12)) == [f"alice 4: replaced #5 12 @ {price}, 12 left"]
    assert first_to_trade(found, kind) == "#6"
    assert found.send(ALICE, cancel(5, 2)) == ["alice 5: rejected UNKNOWN_ORDER"]
    assert found.send(ALICE, cancel(6, 4)) == ["alice 6: canceled #5 12 REQUESTED"]


@pytest.mark.parametrize(
    "kind", ["limit, resting", "iceberg, resting", "stop-limit, fired and resting", "GTD"]
)
def test_a_replacement_that_crosses_trades_at_once(kind: str) -> None:
    found = with_open(kind)
    told = found.send(ALICE, replace(3, 2, 105, 12))
    assert told[:2] == [
        "alice 3: replaced #5 12 @ 105, 12 left",
        "alice 3: executed #5 taker 12 @ 105, 0 left",
    ]


def test_a_replacement_of_a_post_only_order_does_not_trade() -> None:
    found = with_open("post-only, resting")
    assert found.send(ALICE, replace(3, 2, 105, 12)) == ["alice 3: rejected POST_ONLY_WOULD_TRADE"]


@pytest.mark.parametrize("kind", ["stop, waiting", "stop-limit, waiting"])
def test_a_replaced_stop_fires_where_its_new_price_is_reached(kind: str) -> None:
    found = with_open(kind)
    told = found.send(ALICE, replace(3, 2, 104, 10, stop=100))
    assert told[:2] == [
        "alice 3: replaced #5 10 @ 104, 10 left",
        "alice 0: triggered #5 at 100, goes in at 104",
    ]


def test_an_amended_order_keeps_its_time() -> None:
    for amendment in (reduce(3, 2, 4), replace(3, 2, 98, 12)):
        found = with_open("GTD")
        found.send(ALICE, amendment)
        found.time_ns = TIME_NS + 50
        [told] = found.send(VENUE, TimePassed())
        assert told.endswith("EXPIRED")


# What each amendment of the second table does, in the words of its row.
AMENDED: dict[str, tuple[str, list[m.AnyCommand], str]] = {
    "Reduce to no less than the total": ("limit, resting", [reduce(3, 2, 10)], "rejected NOT_AMENDABLE"),
    "Reduce to no more than has traded": (
        "limit, resting",
        [replace(3, 2, 105, 60), reduce(4, 3, 50)],
        "canceled #5 10 REDUCED_TO_FILLED",
    ),
    "Reduce of a waiting stop below its minimum": ("", [], ""),
    "Replace that changes nothing": ("limit, resting", [replace(3, 2, 99, 10)], "rejected NOT_AMENDABLE"),
    "Replace by a total no larger than has traded": (
        "limit, resting",
        [replace(3, 2, 105, 60), replace(4, 3, 104, 50)],
        "canceled #5 10 REDUCED_TO_FILLED",
    ),
    "Replace of a waiting stop by a total below its minimum": ("", [], ""),
    "`display_lots` for what is no iceberg": (
        "limit, resting",
        [replace(3, 2, 99, 12, display=3)],
        "rejected INCOMPATIBLE_INSTRUCTIONS",
    ),
    "`display_lots` that is no order of its own in size, or not less than the total": (
        "iceberg, resting",
        [replace(3, 2, 99, 12, display=12)],
        "rejected INVALID_DISPLAY",
    ),
    "any of an order that has ended, or is not of the session's accounts": (
        "limit, resting",
        [replace(3, 2, 105, 10), reduce(4, 3, 1)],
        "rejected UNKNOWN_ORDER",
    ),
}


def test_every_row_on_amendments_is_tried() -> None:
    assert [cells[0] for cells in rows("Amendments") if len(cells) == 2][1:] == list(AMENDED)


@pytest.mark.parametrize("row", [row for row, (kind, *_) in AMENDED.items() if kind])
def test_an_amendment_ends_as_its_row_says(row: str) -> None:
    kind, amendments, outcome = AMENDED[row]
    told = with_open(kind).send(ALICE, *amendments)
    mine = [line for line in told if line.startswith("alice")]
    assert mine[-1].endswith(outcome)
    [cells] = [cells for cells in rows("Amendments") if cells[0] == row]
    assert outcome.split()[-1] in cells[1]


def test_a_minimum_follows_a_reduction_and_refuses_a_replacement() -> None:
    found = market()
    found.send(ALICE, buy(2, 104, 10, stop=103, minimum=5))
    assert found.send(ALICE, replace(3, 2, 104, 4)) == ["alice 3: rejected INVALID_MINIMUM"]
    found.send(ALICE, reduce(4, 2, 4))
    [chunk] = found.outputs(ALICE, m.OrderStatusRequest(Ref(5), Ref(2))).streams
    status = chunk.reports[0]
    assert isinstance(status, m.OrderStatus)
    assert (status.quantity_lots, status.minimum_lots) == (4, 4)


# Every reason for which an order may end, and a way to it: what Alice's order 2 is, then what happens.
ENDS: dict[str, tuple[m.NewOrder, list[tuple[m.SessionId, m.AnyCommand]]]] = {
    "REQUESTED": (buy(2, 99), [(ALICE, cancel(3, 2))]),
    "MASS_CANCEL": (buy(2, 99, stop=103), [(ALICE, m.MassCancel(Ref(3), m.MassCancelScope.SESSION))]),
    "REDUCED_TO_FILLED": (buy(2, 99, stop=103), [(ALICE, reduce(3, 2, 0))]),
    "IOC_REMAINDER": (buy(2, 99, tif=TimeInForce.IOC), []),
    "MARKET_REMAINDER": (buy(2, 104, market=True), []),
    "EXPIRED": (buy(2, 99, stop=103), [(OPS, m.SetPhase(Ref(1), EUA, m.Phase.CLOSED))]),
    "DISCONNECTED": (buy(2, 99, stop=103), [(VENUE, m.SessionLost(ALICE))]),
    "KILLED": (buy(2, 99, stop=103), [(OPS, m.Kill(Ref(1), m.KillScope.ACCOUNT, 11))]),
    "DELISTED": (buy(2, 99, stop=103), [(VENUE, m.DefineInstrument(definition(EUA, delisted=True)))]),
    "SESSION_REMOVED": (buy(2, 99, stop=103), [(VENUE, m.RemoveSession(ALICE))]),
    "REFUSED_WHEN_FIRED": (
        buy(2, 104, stop=103),
        [(OPS, m.SetBand(Ref(1), EUA, 100, 90, 103)), (BOB, sell(4, 103)), (ALICE, buy(3, 103))],
    ),
    "MINIMUM_NOT_MET": (buy(2, 104, 5, stop=100, minimum=5), []),
    "AUCTION_OVER": (
        buy(2, 94, market=True),
        [(OPS, m.SetPhase(Ref(2), EUA, m.Phase.CONTINUOUS))],
    ),
    "VOLATILITY_INTERRUPTION": (buy(2, 105, tif=TimeInForce.IOC), []),
    "INTERVAL_LIMIT": (buy(2, 105), []),
    "SELF_TRADE": (buy(2, 99), [(ALICE, sell(3, 99, stp=m.SelfTradePrevention.CANCEL_OLDEST))]),
}
# What the instrument has for some of them: trades no further than 3 from 100.
RULES = {
    "VOLATILITY_INTERRUPTION": m.VolatilityRules(static=m.Width(3), auction_ns=1),
    "INTERVAL_LIMIT": m.VolatilityRules(interval=m.Width(3), interval_recalculation_ns=1, interval_hold_ns=1),
}
# Ends that other tests are about: they need another session, accounts, or more orders than fit here.
ELSEWHERE = {"REQUESTED_BY_OTHER_SESSION", "TOO_MANY_MAKERS", "SELECT_REMAINDER", "RESTRICTED"}


def test_every_way_to_end_is_in_the_table_and_tried() -> None:
    table = " ".join(cells[1] for cells in rows("How an order ends"))
    told = set(re.findall(r"[A-Z]+(?:_[A-Z]+)*(?=\W|$)", table)) & {one.name for one in m.CancelReason}
    assert told == {one.name for one in m.CancelReason} == ENDS.keys() | ELSEWHERE


@pytest.mark.parametrize("reason", ENDS)
def test_an_order_ends_once_and_for_its_reason(reason: str) -> None:
    order, happens = ENDS[reason]
    found = market(RULES.get(reason))
    if reason == "AUCTION_OVER":
        found.send(OPS, m.SetPhase(Ref(1), EUA, m.Phase.OPENING_AUCTION))
    told = found.send(ALICE, order)
    for session, command in happens:
        told += found.send(session, command)
    number = found.engine.sequence - found.setup_commands - len(happens)
    ends = [line for line in told if f"canceled #{number}" in line]
    assert len(ends) == 1
    assert ends[0].endswith(reason)
    assert found.send(ALICE, cancel(9, order_id=found.order_id(number))) == [
        "alice 9: rejected UNKNOWN_ORDER"
    ]


def test_every_kind_and_time_in_force_is_in_the_page() -> None:
    page = ORDERS.read_text()
    for names in (m.OrderType, m.TimeInForce):
        for one in names:
            assert re.search(rf"\b{one.name}\b", page), one.name


def _renamed(order: m.NewOrder, ref: int) -> m.NewOrder:
    fields = [getattr(order, name) for name in order.__struct_fields__]
    return type(order)(Ref(ref), *fields[1:])
