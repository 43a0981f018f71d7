"""What a session refuses comes in the order that proto/README.md promises."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.matching.messages import (
    BlockAccept,
    BlockCounter,
    BlockDecline,
    BlockPropose,
    BlockWithdraw,
    Cancel,
    NewOrder,
    OrderId,
    Permission,
    Phase,
    Reduce,
    Ref,
    RejectReason,
    Select,
    SessionCommand,
    SetPhase,
    Side,
)
from carbonmatch.protocol.messages import Role, SessionRejected
from carbonmatch.protocol.throttle import Throttle
from carbonmatch.server.selection import Circumstances, Selection, select
from tests.matching.market import ALICE, EUA, Market

NOW = 10**9
# What each reason needs, beside a venue where all is well.
TROUBLES: dict[RejectReason, dict[str, Any]] = {
    RejectReason.THROTTLED: {"throttled": True},
    RejectReason.NOT_ENTITLED: {"role": Role.OPERATOR},
    RejectReason.NOT_PERMITTED: {"permissions": Permission.NOTHING},
    RejectReason.DEGRADED_STORAGE: {"accepting_orders": False},
    RejectReason.BUSY: {"late": True},
}


def selected(*commands: SessionCommand, throttled: bool = False, **other: Any) -> Selection:
    """Of Alice, who has an order 1."""
    market = Market()
    market.send(ALICE, NewOrder(Ref(1), EUA, Side.BUY, 10, 1000))
    throttle = None
    if throttled:
        throttle = Throttle(1, 1, 0, 0, NOW)
        throttle.admit([NewOrder(Ref(1), EUA, Side.BUY, 10, 1000)], NOW)
    well = Circumstances(
        market.engine.sessions[ALICE],
        Role.TRADE,
        throttle,
        NOW,
        True,
        market.engine.venue.negotiations,
        False,
    )
    return select(list(commands), structs.replace(well, **other))


def reasons(selection: Selection) -> dict[int, RejectReason]:
    return {refusal.ref: refusal.reason for refusal in selection.refused}


ORDER = NewOrder(Ref(2), EUA, Side.BUY, 1, 1000)
CANCEL = Cancel(Ref(3), Ref(1))


def promised() -> list[RejectReason]:
    text = (Path(__file__).parents[2] / "proto" / "README.md").read_text()
    table = text.partition("## What a session refuses before the market sees it")[2].partition("\n## ")[0]
    return [RejectReason[name] for name in re.findall(r"\| ([A-Z_]+) \|", table)]


def test_the_page_names_every_reason() -> None:
    assert promised() == list(TROUBLES)


@pytest.mark.parametrize("reason", TROUBLES)
def test_each_reason_is_given_where_it_is_the_only_one(reason: RejectReason) -> None:
    selection = selected(ORDER, **TROUBLES[reason])
    assert reasons(selection) == {2: reason}
    assert selection.passing == []
    assert selection.busy is (reason is RejectReason.BUSY)


@pytest.mark.parametrize(("first", "second"), list(pairwise(promised())))
def test_of_two_reasons_the_first_of_the_page_is_given(first: RejectReason, second: RejectReason) -> None:
    selection = selected(ORDER, **TROUBLES[second], **TROUBLES[first])
    assert reasons(selection) == {2: first}
    assert not selection.busy


def test_with_all_at_once_the_cancel_still_passes() -> None:
    troubles = {name: value for trouble in TROUBLES.values() for name, value in trouble.items()}
    troubles |= {"role": Role.TRADE, "permissions": Permission.CANCEL}
    selection = selected(ORDER, CANCEL, **troubles)
    assert selection.passing == [CANCEL]
    assert reasons(selection) == {2: RejectReason.THROTTLED}


def test_what_is_refused_for_its_role_has_used_up_the_rate() -> None:
    market = Market()
    throttle = Throttle(1, 1, 0, 0, NOW)
    there = Circumstances(
        market.engine.sessions[ALICE],
        Role.TRADE,
        throttle,
        NOW,
        True,
        market.engine.venue.negotiations,
        False,
    )
    steer = SetPhase(Ref(2), EUA, Phase.HALTED)
    assert reasons(select([steer], there)) == {2: RejectReason.NOT_ENTITLED}
    assert reasons(select([structs.replace(ORDER, ref=Ref(3))], there)) == {3: RejectReason.THROTTLED}


def test_what_takes_risk_out_is_never_too_late() -> None:
    reduction = Reduce(Ref(4), Ref(1), quantity_lots=5, order_id=0)  # type: ignore[arg-type]
    selection = selected(ORDER, CANCEL, reduction, late=True)
    assert selection.passing == [CANCEL, reduction]
    assert reasons(selection) == {2: RejectReason.BUSY}


def test_what_binds_a_side_of_a_block_may_come_too_late() -> None:
    number = OrderId(9)
    binding: list[SessionCommand] = [
        BlockPropose(Ref(2), EUA, Side.SELL, 1, 1),
        BlockAccept(Ref(3), number, 1, 1),
        BlockCounter(Ref(4), number, 1, 1),
    ]
    freeing: list[SessionCommand] = [BlockDecline(Ref(5), number), BlockWithdraw(Ref(6), number)]
    selection = selected(*binding, *freeing, late=True)
    assert selection.passing == freeing
    assert reasons(selection) == dict.fromkeys((2, 3, 4), RejectReason.BUSY)


@pytest.mark.parametrize("reason", [RejectReason.BUSY, RejectReason.DEGRADED_STORAGE])
def test_a_selection_is_as_risky_as_an_order(reason: RejectReason) -> None:
    selection = selected(Select(Ref(2), EUA, Side.BUY, 1), **TROUBLES[reason])
    assert reasons(selection) == {2: reason}


def test_what_is_not_permitted_is_refused_with_what_it_would_need() -> None:
    selection = selected(ORDER, CANCEL, permissions=Permission.CANCEL | Permission.READ)
    assert selection.passing == [CANCEL]
    assert selection.refused == [
        SessionRejected(ORDER.ref, RejectReason.NOT_PERMITTED, text="needs place, has cancel, read")
    ]
    assert selected(ORDER, CANCEL, permissions=Permission.PLACE | Permission.CANCEL).refused == []
    assert [one.text for one in selected(ORDER, permissions=Permission.NOTHING).refused] == [
        "needs place, has nothing"
    ]


def test_permissions_are_looked_at_behind_the_role_and_before_the_disk() -> None:
    steer = SetPhase(Ref(2), EUA, Phase.HALTED)
    assert reasons(selected(steer, permissions=Permission.READ)) == {2: RejectReason.NOT_ENTITLED}
    assert reasons(selected(ORDER, permissions=Permission.READ, accepting_orders=False)) == {
        2: RejectReason.NOT_PERMITTED
    }
    assert reasons(selected(ORDER, permissions=Permission.READ, late=True)) == {2: RejectReason.NOT_PERMITTED}
