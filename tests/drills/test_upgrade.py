"""docs/upgrade.md, done."""

from pathlib import Path

from tests.drills.upgrade import upgrade, upgrade_without_a_clean_stop
from tests.drills.versions import NEW, OLD, OLD_VERSION, THIS


async def test_a_newer_version_goes_on_at_the_border_and_the_older_one_from_its_copy(tmp_path: Path) -> None:
    drilled = await upgrade(OLD, NEW, tmp_path)
    assert drilled.last > drilled.border
    assert "was written by engine" in drilled.refused


async def test_an_older_version_with_the_same_state_goes_on_where_the_newer_one_has_stopped(
    tmp_path: Path,
) -> None:
    assert (await upgrade(OLD, THIS, tmp_path)).refused == ""


async def test_a_newer_version_waits_for_a_clean_stop_of_the_older_one(tmp_path: Path) -> None:
    words = await upgrade_without_a_clean_stop(OLD, NEW, tmp_path)
    assert f"was written by engine {OLD_VERSION}" in words
    assert "stop the old one cleanly" in words
