"""docs/launch.md is what the figures and assumptions are."""

from pathlib import Path

from carbonmatch.launch.page import page


def test_the_page_is_up_to_date() -> None:
    assert Path("docs/launch.md").read_text() == page()
