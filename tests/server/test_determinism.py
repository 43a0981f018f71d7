"""The short form of `tests.server.determinism`: processes that differ in what must not matter."""

import sys
from pathlib import Path

import pytest

from tests.server import determinism


@pytest.mark.parametrize(("hash_seed", "collector"), [("0", "off"), ("random", "busy")])
def test_elsewhere_and_from_every_snapshot_a_journal_gives_the_same_state(
    tmp_path: Path, hash_seed: str, collector: str
) -> None:
    expected = determinism.write(tmp_path / "journal", seed=3, commands=4_000)
    found = determinism.replayed(sys.executable, tmp_path / "journal", hash_seed, collector)
    assert found == [expected] * 4
