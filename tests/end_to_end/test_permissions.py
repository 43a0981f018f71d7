"""Permissions in a real venue: of a session and of its key, changed while it is connected, after a kill."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.client.errors import OrderRejected, SessionRejectedError
from carbonmatch.config import Config
from carbonmatch.matching.messages import (
    BustTrade,
    Cancel,
    Phase,
    Ref,
    RejectReason,
    SetBand,
    SetPhase,
    Side,
    TradeId,
)
from carbonmatch.server.trade_search import TradeFinder
from tests.end_to_end import market
from tests.end_to_end.market import ALICE_ACCOUNT, CEA, EUA
from tests.end_to_end.running import Process, running

Words = tuple[str, ...]


def config(
    directory: Path, *, sessions: dict[str, Words] | None = None, keys: dict[str, Words] | None = None
) -> Config:
    """`sessions` and `keys` by name: which commands they may give."""
    there = market.config(directory)

    def limited(one: Any, name: str, permissions: dict[str, Words] | None) -> Any:
        return structs.replace(one, permissions=(permissions or {}).get(name, ()))

    return structs.replace(
        there,
        sessions=tuple(limited(one, one.name, sessions) for one in there.sessions),
        keys=tuple(limited(one, one.id, keys) for one in there.keys),
    )


async def test_a_session_that_may_only_cancel_pulls_what_a_colleague_has_in_the_market(
    tmp_path: Path,
) -> None:
    there = config(tmp_path, sessions={"alice-2": ("cancel", "read")})
    async with running(tmp_path, there) as venue, venue.session("alice") as alice:
        (accepted,) = await alice.new_order(EUA, Side.BUY, 10, 100)
        async with venue.session("alice-2") as desk:
            with pytest.raises(SessionRejectedError, match="NOT_PERMITTED, needs place, has cancel, read"):
                await desk.new_order(EUA, Side.BUY, 10, 100)
            assert await desk.holdings(account_id=ALICE_ACCOUNT) == []
            await desk.cancel(order_id=accepted.order_id)  # type: ignore[union-attr]
        # The other one has the same key, and may do everything.
        await alice.new_order(EUA, Side.BUY, 10, 100)


async def test_what_is_not_permitted_leaves_nothing_in_the_journal_and_the_rest_of_its_frame_passes(
    tmp_path: Path,
) -> None:
    there = config(tmp_path, keys={"alice": ("read",)})
    async with running(tmp_path, there) as venue, venue.wire("alice") as alice:
        before = venue.engine.sequence
        alice.send(*(Cancel(Ref(ref), Ref(9)) for ref in range(1, 4)))
        refused = [one for frame in await alice.settle() for one in frame]
        assert [one.reason for one in refused] == 3 * [RejectReason.NOT_PERMITTED]
        assert venue.engine.sequence == before


async def test_permissions_change_while_somebody_is_connected(tmp_path: Path) -> None:
    async with running(tmp_path, config(tmp_path)) as venue, venue.session("alice") as alice:
        await alice.new_order(EUA, Side.BUY, 10, 100)
        await venue.reload(config(tmp_path, sessions={"alice": ("cancel", "read")}))
        with pytest.raises(SessionRejectedError, match="NOT_PERMITTED"):
            await alice.new_order(EUA, Side.BUY, 10, 100)
        await venue.reload(config(tmp_path, keys={"alice": ("place", "cancel")}))
        await alice.new_order(EUA, Side.BUY, 10, 100)
        with pytest.raises(SessionRejectedError, match="needs read, has place, cancel"):
            await alice.order_status()
        await venue.reload(config(tmp_path))
        await alice.order_status()


async def test_an_operator_does_what_it_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked up for who may not ask."""

    def never(*_: object) -> None:
        raise AssertionError("looked up")

    monkeypatch.setattr(TradeFinder, "find", never)
    there = config(tmp_path, sessions={"operator": ("phases", "inspect")})
    async with running(tmp_path, there) as venue, venue.session("operator") as operator:
        await operator.call(SetPhase(Ref(0), CEA, Phase.HALTED))
        assert await operator.inspect_holdings() == []
        for command, needed in (
            (SetBand(Ref(0), CEA, 1000, 900, 1100), "prices"),
            (BustTrade(Ref(0), TradeId(1)), "trades"),
        ):
            with pytest.raises(SessionRejectedError, match=f"needs {needed}, has phases, inspect"):
                await operator.call(command)
        with pytest.raises(SessionRejectedError, match="needs accounts"):
            await operator.deposit_units(ALICE_ACCOUNT, CEA, 5)


async def test_permissions_are_in_the_journal_and_hold_after_a_kill(process: Process) -> None:
    name = 'name = "alice-2"\n'
    process.text = market.text().replace(name, f'{name}permissions = ["cancel", "read"]\n')
    await process.start()
    await process.kill()
    await process.start()
    async with process.session("alice-2") as desk:
        with pytest.raises(SessionRejectedError, match="needs place"):
            await desk.new_order(EUA, Side.BUY, 10, 100)
        with pytest.raises(OrderRejected, match="UNKNOWN_ORDER"):
            await desk.cancel(order_id=1)
