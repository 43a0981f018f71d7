"""A short torture of a real engine, and its journal read again; `make torture` has the long ones."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.life import REPOSITORY
from tests.torture.summary import Summary
from tests.torture.torture import Kind, torture

KILLS = 5


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("torture")


@pytest.fixture(scope="module")
def summary(directory: Path) -> Summary:
    return asyncio.run(torture(directory, KILLS, seed=1))


def test_nothing_answered_is_lost_or_done_twice_when_the_engine_is_killed(summary: Summary) -> None:
    """Whatever is, the torture itself raises: see `ledger`."""
    assert summary.kills >= KILLS
    assert summary.commands > 1_000
    assert summary.trades > 100


@pytest.mark.usefixtures("summary")
def test_the_journal_gives_the_same_state_under_every_hash_seed(directory: Path) -> None:
    said = {replay(directory / "journal", seed) for seed in ("0", "1", "random")}
    assert len(said) == 1
    assert "gave the same events again; state " in said.pop()


async def test_nothing_is_lost_when_it_dies_at_a_change_of_the_journals_directory(tmp_path: Path) -> None:
    summary = await torture(tmp_path, 4, seed=3, kind=Kind(segment_kib=512, changes=1.0))
    assert summary.kills >= 4


def replay(journal: Path, hash_seed: str) -> str:
    """What `carbonmatch journal replay` says in a process of its own; it compares every byte as well."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.run(
        [sys.executable, "-m", "carbonmatch", "journal", "replay", str(journal)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
