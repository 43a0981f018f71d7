"""docs/track-record.md: what it says finds a bug now is there."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent


def test_every_test_that_the_track_record_names_exists() -> None:
    text = (ROOT / "docs" / "track-record.md").read_text()
    sources = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for path in set(re.findall(r"`((?:tests|bench)/[\w/]+\.py)`", text)):
        assert (ROOT / path).is_file(), path
    for name in set(re.findall(r"`(test_\w+)`", text)):
        assert f"def {name}(" in sources, name
