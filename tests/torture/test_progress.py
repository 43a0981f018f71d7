"""What a long run keeps of itself."""

from pathlib import Path

import pytest

from tests.torture.summary import Progress, Summary, keep_progress, load_progress


def test_a_run_that_was_interrupted_goes_on_behind_what_is_proven(tmp_path: Path) -> None:
    file = tmp_path / "kills.json"
    keep_progress(file, Progress(500, "seed 1", {1: Summary(kills=250), 2: Summary(kills=251)}))
    found = load_progress(file, 500, "seed 1")
    assert sorted(found.tortures) == [1, 2]
    assert found.total().kills == 501


def test_a_run_does_not_go_on_behind_another_kind_of_run(tmp_path: Path) -> None:
    file = tmp_path / "kills.json"
    keep_progress(file, Progress(500, "seed 1"))
    with pytest.raises(ValueError, match="of 500 kills with seed 1, expected 500 with seed 2"):
        load_progress(file, 500, "seed 2")
