"""How far a follower is, as others see it: while it lives, and no longer."""

import os
from pathlib import Path

import pytest

from carbonmatch.journal.follower_mark import FollowerMark, followed_segment
from carbonmatch.journal.storage import DiskStorage


def test_where_nobody_follows_there_is_no_mark(tmp_path: Path) -> None:
    assert followed_segment(DiskStorage(tmp_path)) is None


def test_a_living_follower_says_where_it_is_from_its_first_moment_on(tmp_path: Path) -> None:
    mark = FollowerMark(DiskStorage(tmp_path))
    assert followed_segment(DiskStorage(tmp_path)) == 0
    for segment in (7, 12, 2**31 - 1):
        mark.move_to(segment)
        assert followed_segment(DiskStorage(tmp_path)) == segment
    with pytest.raises(BlockingIOError):
        FollowerMark(DiskStorage(tmp_path))


def test_a_follower_that_is_gone_holds_nothing_back(tmp_path: Path) -> None:
    mark = FollowerMark(DiskStorage(tmp_path))
    mark.move_to(7)
    os.close(mark._file)
    assert followed_segment(DiskStorage(tmp_path)) is None
