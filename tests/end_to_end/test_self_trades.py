"""A beneficial owner with accounts at two firms: from the file to both firms' reports, over a restart."""

from pathlib import Path

import pytest
from msgspec import structs

from carbonmatch.client import OrderRejected
from carbonmatch.config import Config
from carbonmatch.config.reading import parse
from carbonmatch.matching.messages import (
    Accepted,
    Canceled,
    CancelReason,
    Executed,
    OrderType,
    RejectReason,
    SelfTradePrevented,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from tests.end_to_end import market
from tests.end_to_end.market import ALICE_ACCOUNT, BOB_ACCOUNT, EUA
from tests.end_to_end.running import running
from tests.end_to_end.test_ops import scraped
from tests.end_to_end.test_orders import events


def one_owner(directory: Path) -> Config:
    """The usual market, but that Alice's account and Bob's are one group's and EUA goes by groups."""
    text = market.text().replace(
        'symbol = "EUA"',
        'symbol = "EUA"\nself_trade = { key = "group", modes = ["cancel_newest", "decrement"] }',
    )
    for account in (ALICE_ACCOUNT, BOB_ACCOUNT):
        assert f"id = {account}, " in text
        text = text.replace(f"id = {account}, ", f"id = {account}, group = 5, ")
    usual = market.config(directory)
    return structs.replace(parse(text, "market.toml"), journal=usual.journal)


async def test_two_firms_of_one_owner_do_not_trade_and_both_are_told(tmp_path: Path) -> None:
    async with running(tmp_path, one_owner(tmp_path)) as venue, venue.session("alice") as alice:
        await alice.new_order(EUA, Side.SELL, 10, 7000)
    async with (
        running(tmp_path, one_owner(tmp_path)) as venue,
        venue.session("alice", next_seq=2) as alice,
        venue.session("bob") as bob,
        venue.session("carol") as carol,
    ):
        accepted, prevented, canceled = await bob.new_order(EUA, Side.BUY, 4, 7000)
        assert isinstance(accepted, Accepted)
        assert isinstance(prevented, SelfTradePrevented)
        assert isinstance(canceled, Canceled)
        assert (prevented.prevented_lots, prevented.leaves_lots) == (4, 4)
        assert canceled.reason is CancelReason.SELF_TRADE
        (told,) = await events(alice, 1)
        assert isinstance(told, SelfTradePrevented)
        assert (told.prevented_lots, told.leaves_lots, told.other_order_id) == (4, 10, accepted.order_id)

        # Somebody else trades with the same order.
        _, executed = await carol.new_order(EUA, Side.BUY, 4, 7000)
        assert isinstance(executed, Executed)
        with pytest.raises(OrderRejected) as refused:
            await bob.new_order(EUA, Side.BUY, 4, 7000, self_trade_prevention=SelfTradePrevention.NONE)
        assert refused.value.reason is RejectReason.SELF_TRADE_PREVENTION_NOT_ALLOWED
        await scraped(
            venue,
            {
                ("self_trades_prevented_total", "EUA"): 1,
                ("prevented_tonnes_total", "EUA"): 4,
                ("prevented_tonnes_total", "CEA"): 0,
                ("rejects_total", "self_trade_prevention_not_allowed"): 1,
            },
        )


async def test_accounts_that_a_reload_makes_one_owners_do_not_trade_with_what_rests(tmp_path: Path) -> None:
    """An iceberg rests; fill-or-kill, a minimum and a stop go by whose it is now."""
    grouped = one_owner(tmp_path)
    apart = structs.replace(
        grouped,
        participants=tuple(
            structs.replace(one, accounts=tuple(structs.replace(a, group=0) for a in one.accounts))
            for one in grouped.participants
        ),
    )
    async with (
        running(tmp_path, apart) as venue,
        venue.session("alice") as alice,
        venue.session("bob") as bob,
        venue.session("carol") as carol,
    ):
        await alice.new_order(EUA, Side.SELL, 10, 7000, display_lots=2)
        await bob.new_order(EUA, Side.BUY, 3, 7000, order_type=OrderType.STOP_LIMIT, stop_price_ticks=7000)
        await venue.reload(grouped)
        for asked, reason in (
            ({"time_in_force": TimeInForce.FOK}, RejectReason.CANNOT_FILL),
            ({"minimum_lots": 1}, RejectReason.MINIMUM_NOT_MET),
        ):
            with pytest.raises(OrderRejected) as refused:
                await bob.new_order(EUA, Side.BUY, 4, 7000, **asked)
            assert refused.value.reason is reason
        _, *prevented, canceled = await bob.new_order(
            EUA, Side.BUY, 4, 7000, self_trade_prevention=SelfTradePrevention.DECREMENT
        )
        assert [one.prevented_lots for one in prevented if isinstance(one, SelfTradePrevented)] == [2, 2]
        assert isinstance(canceled, Canceled)
        # Carol's trade fires the stop of Bob, which meets Alice's order.
        await carol.new_order(EUA, Side.BUY, 1, 7000)
        assert [type(one).__name__ for one in (await events(bob, 10))[-3:]] == [
            "Triggered",
            "SelfTradePrevented",
            "Canceled",
        ]
        await venue.reload(apart)
        _, *fills = await bob.new_order(EUA, Side.BUY, 5, 7000, time_in_force=TimeInForce.FOK)
        assert [one.quantity_lots for one in fills if isinstance(one, Executed)] == [1, 2, 2]
