"""The figures of docs/sizing.md: that they are measured, of a real engine, and what they mean."""

from pathlib import Path

import pytest

from bench.sizing import _MEMORY_DISK, _journal, _sync


def test_the_journal_of_a_real_engine_is_measured(tmp_path: Path) -> None:
    alone = _journal(tmp_path, sessions=1, frame=1, window=1, commands=200)
    together = _journal(tmp_path, sessions=2, frame=64, window=512, commands=2 * 64 * 10)
    assert alone["commands_per_batch"] == 1
    assert together["commands_per_batch"] > 10
    # A command and its report are some 40 bytes; a batch that has one alone pays for its whole header.
    assert 30 < together["bytes_per_command"] < alone["bytes_per_command"] < 400


@pytest.mark.skipif(not _MEMORY_DISK.is_dir(), reason="no disk in memory here")
def test_the_disk_is_as_slow_as_was_asked_for() -> None:
    found = _sync(20_000, seconds=0.01)
    assert found["single_p50_us"] > 20_000
    assert found["commands_per_second"] > 0
