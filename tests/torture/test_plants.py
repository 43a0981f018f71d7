"""The torture, judged: faults are planted in a real engine, and a few kills have to find them."""

from pathlib import Path

import pytest

from carbonmatch.journal.errors import JournalDamaged
from tests.torture.engine import EngineFailed
from tests.torture.torture import Kind, torture

KILLS = 100


async def test_an_answer_before_the_write_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"was told of|the journal does not have"):
        await torture(tmp_path, KILLS, seed=1, kind=Kind(plant="answers-before-the-write"))


async def test_a_record_that_a_start_cuts_off_is_found(tmp_path: Path) -> None:
    with pytest.raises((AssertionError, JournalDamaged, EngineFailed)):
        await torture(tmp_path, KILLS, seed=1, kind=Kind(plant="cuts-off-the-last-record"))


async def test_a_unit_that_a_start_loses_is_found_at_that_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"accounts have .* in all, .* was deposited"):
        await torture(tmp_path, KILLS, seed=1, kind=Kind(plant="loses-a-unit"))
