"""The runbooks in docs/: one for each alert, with commands, metrics, events and pages that exist."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from carbonmatch.audit_words import KINDS
from carbonmatch.cli import app
from carbonmatch.ops.log_events import EVENTS
from carbonmatch.ops.pages import ops_pages
from tests.deploy.promql import known
from tests.deploy.rules import alerts
from tests.end_to_end.running import REPOSITORY

RUNBOOKS: Final = REPOSITORY / "docs" / "runbooks"
INDEX: Final = RUNBOOKS / "README.md"
PAGES: Final = sorted(set(RUNBOOKS.glob("*.md")) - {INDEX})
PARTS: Final = ["What it means", "Is the market hurt?", "Look here", "Do this", "Call", "Afterwards"]

# What a machine with the venue on it has beside carbonmatch. Whatever is not named here has to be looked up.
SYSTEM: Final = {
    *("cat", "chronyc", "cp", "curl", "date", "df", "dmesg", "du", "free", "grep", "head", "iostat"),
    *(
        "journalctl",
        "ls",
        "openssl",
        "prlimit",
        "promtool",
        "sort",
        "ss",
        "systemctl",
        "tail",
        "timedatectl",
        "top",
    ),
}
UNITS: Final = {"carbonmatch", "carbonmatch-follower", "carbonmatch-fanout", "chrony", "prometheus"}


def commands(page: Path) -> list[str]:
    """What is to be typed, without its `$`."""
    return re.findall(r"^ *\$ (.*)$", page.read_text(), re.MULTILINE)


def programs(command: str) -> list[list[str]]:
    """The words of each program of a pipeline."""
    words = shlex.split(command, comments=False)
    found: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            found.append([])
        else:
            found[-1].append(word)
    return found


def test_every_alert_has_its_page_and_no_page_is_of_none() -> None:
    assert {page.stem for page in PAGES} == set(alerts())


def test_the_index_has_every_page() -> None:
    assert set(re.findall(r"\((\w+)\.md\)", INDEX.read_text())) == set(alerts())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_a_page_has_its_parts_in_order_and_says_how_bad_it_is(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == PARTS
    rule = alerts()[page.stem]
    assert f"Severity **{rule['labels']['severity']}**" in text
    assert (f"Fires after {rule['for']}." if "for" in rule else "Fires at once.") in text
    steps = text.split("## Do this")[1].split("## Call")[0]
    numbers = re.findall(r"^(\d+)\. ", steps, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)], "steps in order"
    assert numbers, "nothing to do"


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=lambda page: str(page.stem))
def test_every_command_of_a_page_is_taken(page: Path) -> None:
    typed = commands(page)
    assert typed or page == INDEX
    for command in typed:
        for words in programs(command):
            if words[0] == "admin":
                words = ["carbonmatch", *words]
            if words[0] == "carbonmatch":
                # Raises what the command line would print; runs nothing.
                app.parse_args(words[1:], exit_on_error=False, print_error=False)
                if "--kind" in words:
                    assert words[words.index("--kind") + 1] in KINDS
            else:
                assert words[0] in SYSTEM, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_what_a_page_asks_for_is_there(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(r"127\.0\.0\.1:748\d(/\w+)", text):
        assert path in ops_pages(None, None), path  # type: ignore[arg-type]
    for unit in re.findall(r"systemctl \w+ ([\w-]+)|-u ([\w-]+)", text):
        assert set(unit) & UNITS, unit
    for event in re.findall(r'"event":"(\w+)"', text):
        assert event in EVENTS, event


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=lambda page: str(page.stem))
def test_every_metric_of_a_page_exists(page: Path) -> None:
    text = page.read_text()
    # Written out, or as the alternatives of a `grep`.
    names = set(re.findall(r"\bcarbonmatch_[a-z_]+[a-z]\b(?!\()", text)) | alternatives(text)
    names -= set(re.findall(r"\b(carbonmatch_\w*_?)\(", text))
    assert {name for name in names if not is_known(name)} == set()


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=lambda page: str(page.stem))
def test_a_page_asks_for_values_and_not_for_the_comments_between_them(page: Path) -> None:
    for pattern in re.findall(r"/metrics \| grep (?:-E )?(\S+)", page.read_text()):
        assert pattern.lstrip('"').startswith("^"), pattern


def alternatives(text: str) -> set[str]:
    """What `carbonmatch_(a|b)_c(d|e)` stands for."""
    found = set()
    for head, choices, tail in re.findall(r"\b(carbonmatch_[a-z_]*)\(([a-z_|]+)\)([a-z_]*)", text):
        found |= {f"{head}{choice}{tail}" for choice in choices.split("|")}
    return found


def is_known(name: str) -> bool:
    """A metric, or what several begin with: a `grep` takes both."""
    return any(metric.startswith(name) for metric in known())


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=lambda page: str(page.stem))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
