"""docs/conformance.md: whoever repeats it finds every command, and the versions it speaks of."""

import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tracebook.conformance import campaign_profile_names

from carbonmatch import __version__
from tests.conformance.qualify import fixed_cases

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "conformance.md").read_text()


def test_every_command_of_the_page_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"`make ([\w-]+)", PAGE)) <= targets
    modules = set(re.findall(r"python -m ([\w.]+)", PAGE))
    assert "tests.conformance" in modules
    for module in modules:
        assert find_spec(module) is not None, module


def test_the_page_speaks_of_the_versions_that_there_are() -> None:
    assert f"carbonmatch {__version__}" in PAGE
    assert re.search(rf"^\[tracebook-conformance\]\(\S+\) {version('tracebook-conformance')} ", PAGE, re.M)


def test_every_profile_and_every_fixed_case_has_its_line() -> None:
    for profile in campaign_profile_names():
        assert re.search(rf"^{profile}: qualified, .* sha256:[0-9a-f]{{64}}$", PAGE, flags=re.M), profile
    for case in fixed_cases():
        assert re.search(
            rf"^suite {case.suite}, {case.name}: (conforms|not applicable: .*)$", PAGE, flags=re.M
        )
