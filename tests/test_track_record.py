"""Pages that point to tests (the track record, conformance): what they say finds a bug now is there."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent


@pytest.mark.parametrize("page", ["track-record.md", "conformance.md"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    sources = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for path in set(re.findall(r"`((?:tests|bench)/[\w/]+\.py)`", text)):
        assert (ROOT / path).is_file(), path
    for name in set(re.findall(r"`(test_\w+)`", text)):
        assert f"def {name}(" in sources, name
