"""All shipped markets on the real process: taken by name, traded on over TCP, killed, and there again."""

import pytest

from carbonmatch.client import OrderRejected
from carbonmatch.client.admin_accounts import Movable, put_in, set_limits, show
from carbonmatch.config.profiles import profile_names
from carbonmatch.matching.messages import Accepted, Executed, Side, TimeInForce
from tests.end_to_end import market
from tests.end_to_end.market import ALICE_ACCOUNT, BOB_ACCOUNT
from tests.end_to_end.running import Process

CEA, BEA, HBEA, PLAIN = 1000, 1200, 1700, 2300
# Open all day, whatever day the test runs on.
ALWAYS_OPEN = """
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
holidays = []
"""
WHOLE_DAY = """
steps = [{ at = "00:00", phase = "continuous" }, { at = "24:00", phase = "closed" }]
end_of_day = "24:00"
"""


def venue() -> str:
    """The tiny venue with every profile; its own instruments have other names."""
    own = (
        market.text()
        .replace('symbol = "EUA"', 'symbol = "OWN-1"')
        .replace('symbol = "CEA"', 'symbol = "OWN-2"')
    )
    return f"""
profiles = {profile_names()}

[adjust.calendars.china]
{ALWAYS_OPEN}
[adjust.schedules.cea-listed]
{WHOLE_DAY}
{own}"""


async def test_every_market_is_served_by_name_and_survives_a_kill(process: Process) -> None:
    process.text = venue()
    await process.start()
    # Whenever of the day that is: nothing was due before there was a venue.
    assert process.events("steps_made_up") == []
    operator = process.session("operator")._access
    await put_in(operator, ALICE_ACCOUNT, Movable("CEA", 300, "", 0), "")
    await put_in(operator, BOB_ACCOUNT, Movable("", 0, "CNY", 10 * 52_00 + 100 * 50_00), "")
    async with process.session("alice") as alice, process.session("bob") as bob:
        with pytest.raises(OrderRejected, match="INSUFFICIENT_HOLDINGS"):
            await alice.new_order(CEA, Side.SELL, 301, 50_00, time_in_force=TimeInForce.DAY)
        [listed] = await alice.new_order(
            CEA, Side.SELL, quantity_lots=300, price_ticks=50_00, time_in_force=TimeInForce.DAY
        )
        assert type(listed) is Accepted
        [crossing] = await bob.new_order(
            CEA, Side.BUY, quantity_lots=10, price_ticks=52_00, time_in_force=TimeInForce.DAY
        )
        assert type(crossing) is Accepted
    await process.kill()
    await process.start()
    async with process.session("bob") as bob:
        reports = await bob.select(CEA, Side.BUY, quantity_lots=100, order_id=listed.order_id)
        [fill] = [report for report in reports if type(report) is Executed]
        assert (fill.price_ticks, fill.quantity_lots) == (50_00, 100)
        await bob.new_order(PLAIN, Side.BUY, quantity_lots=1, price_ticks=1)
    _, metrics = await process.get("/metrics")
    for symbol in ("CEA25", "GDEA", "HBEA", "KAU", "EUA-AUCTION"):
        assert f'instrument="{symbol}"' in metrics
    await process.kill()


async def test_beijing_limits_go_by_class_and_allocation_and_survive_a_kill(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    process.text = venue().replace(
        f'{{ id = {BOB_ACCOUNT}, name = "BOB" }}',
        f'{{ id = {BOB_ACCOUNT}, name = "BOB", holder_class = "compliance" }}',
    ) + (f"[adjust.schedules.bea-screen]\n{WHOLE_DAY}[adjust.instruments.BEA]\nreference_price_ticks = 100\n")
    await process.start()
    operator = process.session("operator")._access
    for account in (ALICE_ACCOUNT, BOB_ACCOUNT):
        await put_in(operator, account, Movable("", 0, "CNY", 10**9), "")
    await set_limits(operator, BOB_ACCOUNT, "BEA", (0, 0), "2026", allocated_lots=500)
    for name, most in (("alice", 1_000_000), ("bob", 1_000_500)):
        async with process.session(name) as session:
            with pytest.raises(OrderRejected, match="POSITION_LIMIT"):
                await session.new_order(BEA, Side.BUY, most + 1, 100, time_in_force=TimeInForce.DAY)
            [accepted] = await session.new_order(BEA, Side.BUY, most, 100, time_in_force=TimeInForce.DAY)
            assert type(accepted) is Accepted
    await process.kill()
    await process.start()
    capsys.readouterr()
    await show(process.session("operator")._access, BOB_ACCOUNT, "BEA")
    assert "1000500 ordered to buy; at most 1000500" in capsys.readouterr().out
    async with process.session("bob") as session:
        with pytest.raises(OrderRejected, match="POSITION_LIMIT"):
            await session.new_order(BEA, Side.BUY, 1, 100, time_in_force=TimeInForce.DAY)
    await process.kill()
