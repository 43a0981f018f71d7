"""Blocks and biddings of accounts in a real venue: what they hold is held over a crash, and given back."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbonmatch.client import OrderRejected
from carbonmatch.client.admin_accounts import Movable, put_in
from carbonmatch.matching.messages import BlockState, Cash, Holding, Side
from tests.end_to_end.market import ALICE, ALICE_ACCOUNT, BOB_ACCOUNT, CEA, EUA, private_key
from tests.end_to_end.running import Process
from tests.test_cli import run

_RULES = """
[instruments.blocks]

[instruments.bidding]

[instruments.clearing]

[[instruments.clearing.fees]]
kinds = ["block"]
buyer_basis_points = 100
seller_basis_points = 50
"""
_HOUR_NS = 3_600 * 10**9


class House(Process):
    """A venue that negotiates blocks of EUA, sells it by bids, and holds units and money."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        cea = f"\n[[instruments]]\nid = {CEA}"
        assert cea in self.text
        self.text = self.text.replace(cea, f"{_RULES}{cea}")

    async def bring(self, account: int, lots: int, minor: int) -> None:
        access = self.session("operator")._access
        await put_in(access, account, Movable("EUA", lots, "", 0), "from the registry")
        await put_in(access, account, Movable("", 0, "EUR", minor), "from the bank")

    async def has(self, name: str) -> tuple[int, int, int, int]:
        """Lots in all and reserved, money in all and reserved."""
        async with self.session(name) as session:
            cash, holding = await session.holdings()
        assert isinstance(cash, Cash)
        assert isinstance(holding, Holding)
        return holding.total_lots, holding.reserved_lots, cash.total_minor, cash.reserved_minor


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Not started yet."""
    one = House(tmp_path / "journal")
    yield one
    one.clean_up()


async def test_a_block_and_a_bidding_hold_what_they_need_over_a_kill(house: House) -> None:
    await house.start()
    await house.bring(ALICE_ACCOUNT, 1_000, 500)
    await house.bring(BOB_ACCOUNT, 10, 100_000)
    closes_ns = time.time_ns() + _HOUR_NS
    async with house.session("alice") as alice, house.session("bob") as bob, house.session("operator") as ops:
        offer = await alice.propose_block(EUA, Side.SELL, 600, 100, counterparty_account_id=BOB_ACCOUNT)
        bidding_id = await ops.announce_bidding(
            EUA, Side.SELL, 300, session_id=ALICE, reserve_price_ticks=50, closes_ns=closes_ns
        )
        bid = await bob.bid(bidding_id, 200, 60)
    reserved = [(1_000, 900, 500, 0), (10, 0, 100_000, 12_000)]
    assert [await house.has("alice"), await house.has("bob")] == reserved

    await house.kill()
    await house.start()
    assert [await house.has("alice"), await house.has("bob")] == reserved
    async with house.session("alice") as alice, house.session("bob") as bob, house.session("operator") as ops:
        with pytest.raises(OrderRejected, match="INSUFFICIENT_HOLDINGS"):
            await alice.new_order(EUA, Side.SELL, 101, 100)
        await bob.modify_bid(bid.bid_id, 300, 100)
        with pytest.raises(OrderRejected, match="INSUFFICIENT_CASH"):
            await bob.modify_bid(bid.bid_id, 300, 400)
        # 60,000 and 1 % of it, of the 70,000 that the bid leaves.
        done = await bob.accept_block(offer.proposal_id, 600, 100)
        assert done.state is BlockState.TRADED
        await ops.cancel_bidding(bidding_id)
    assert [await house.has("alice"), await house.has("bob")] == [
        (400, 0, 500 + 60_000 - 300, 0),
        (610, 0, 100_000 - 60_600, 0),
    ]


async def test_an_operator_is_told_what_the_one_party_of_a_bidding_lacks(house: House) -> None:
    await house.start()
    await house.bring(ALICE_ACCOUNT, 100, 500)
    key = house.directory.with_suffix(".key")
    key.write_text(private_key("operator").hex())
    key.chmod(0o600)
    where = ("--port", str(house.order_entry[1]), "--key-id", "operator", "--key-file", str(key))
    window = ("--closes", "2100-01-01T11:00Z", "--session", "operator", "--party-session", str(ALICE))
    for offer, missing in (
        (("101", "--reserve-ticks", "50"), "has not as many units that are free to be sold"),
        (("11", "--side", "buy", "--reserve-ticks", "50"), "has not the money for all of it"),
    ):
        done = await asyncio.to_thread(run, "admin", "announce-bidding", str(EUA), *offer, *window, *where)
        assert done.returncode == 1
        assert missing in done.stderr
