"""A short torture of a real engine; `make torture` has the long one."""

from pathlib import Path

from tests.torture.kill import torture

KILLS = 5


async def test_nothing_answered_is_lost_or_done_twice_when_the_engine_is_killed(tmp_path: Path) -> None:
    summary = await torture(tmp_path, KILLS, seed=1)
    assert summary.kills >= KILLS
    assert summary.commands > 1_000
    assert summary.trades > 100
