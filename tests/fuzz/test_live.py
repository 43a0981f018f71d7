"""A few dozen of the connections that `python -m tests.fuzz.live` makes by thousands."""

from pathlib import Path

from tests.fuzz.live import assault

CONNECTIONS = 60
SEED = 20_261_123


async def test_mutated_sessions_over_tcp_leave_the_honest_undisturbed(tmp_path: Path) -> None:
    outcomes = await assault(tmp_path / "journal", CONNECTIONS, SEED)
    kinds = {outcome.split(":")[0] for outcome in outcomes}
    assert kinds == {"stranger", "trader", "reader", "asker"}
    assert (
        sum(count for outcome, count in outcomes.items() if outcome.endswith("sent away")) > CONNECTIONS // 4
    )
