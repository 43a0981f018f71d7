"""Connections that bring nothing, a few hundred; `python -m tests.torture.connections` has 5,000 of each."""

import asyncio
from pathlib import Path

from tests.torture.connections import GROWTH_BYTES_MAX, KINDS, run

_COUNT = 300


async def test_connections_that_bring_nothing_cost_little_and_keep_nobody_out(tmp_path: Path) -> None:
    chosen = [kind for kind in KINDS if kind.name in ("half a frame", "hello and no more, of many addresses")]
    assert len(chosen) == 2
    for kind in chosen:
        (tmp_path / kind.name).mkdir()
    for (found,) in await asyncio.gather(*(run(tmp_path / kind.name, [kind], _COUNT) for kind in chosen)):
        assert found.growth_bytes <= GROWTH_BYTES_MAX, found
        # All are gone when it returns; when exactly is for a quiet machine to say.
        assert found.turned_away + found.made_room + found.at_the_deadline == _COUNT
        assert found.at_the_deadline > 0, found
        assert found.honest_logons > 0, found
