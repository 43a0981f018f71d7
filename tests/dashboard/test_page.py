"""The page's files: what they may not have, and that the library among them is what it says."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

import carbonmatch.dashboard

PAGE = Path(carbonmatch.dashboard.__file__).parent / "page"
OURS = sorted(path for path in PAGE.iterdir() if path.is_file())
LINES_MAX = 400


def test_the_chart_library_is_the_published_one_with_its_licence() -> None:
    """The files of the npm package uplot 1.6.32."""
    published = {
        "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
        "uPlot.LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    }
    vendor = PAGE / "vendor"
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in vendor.iterdir()}
    assert found.pop("README.md")
    assert found == published
    assert "1.6.32, MIT" in (vendor / "README.md").read_text()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_file_of_the_page_asks_for_nothing_elsewhere_and_sets_no_markup(path: Path) -> None:
    text = path.read_text()
    elsewhere = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+[^\s\"']*", text)
    assert set(elsewhere) <= {"http://www.w3.org/2000/svg"}
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "document.cookie"):
        assert way not in text
    assert len(text.splitlines()) <= LINES_MAX


def test_the_page_has_no_script_or_style_of_its_own_in_the_markup() -> None:
    text = (PAGE / "index.html").read_text()
    assert "style=" not in text
    assert "<style" not in text
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"\son[a-z]+=", text) == []


def test_every_module_and_every_element_that_is_named_exists() -> None:
    scripts = [path for path in OURS if path.suffix == ".js"]
    ids = set(re.findall(r'\bid="([^"]+)"', (PAGE / "index.html").read_text()))
    for script in scripts:
        text = script.read_text()
        for name in re.findall(r'from "\./([^"]+)"', text):
            assert (PAGE / name).exists(), f"{script.name}: {name}"
        assert set(re.findall(r'byId\("([^"]+)"\)', text)) <= ids, script.name
