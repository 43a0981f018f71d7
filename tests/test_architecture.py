"""The house of docs and ARCHITECTURE.md, checked: who may import whom, who may read the clock."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

SOURCE: Final = Path(__file__).parent.parent / "src" / "carbonmatch"

# What each part may import of the others, itself aside: downwards only. A part that is not here has
# no place in the house yet: give it one.
_UP_TO_PROTOCOL: Final = {"limits", "words", "matching.messages", "protocol"}
_UP_TO_SERVER: Final = {
    *_UP_TO_PROTOCOL,
    "accel",
    "exit_codes",
    "matching",
    "journal",
    "config",
    "demo_market",
    "market_data",
    "ops",
    "server",
}
MAY_IMPORT: Final[dict[str, set[str]]] = {
    "__init__": set(),
    "limits": set(),
    "exit_codes": set(),
    "words": set(),
    "audit_words": {"words", "matching.messages", "protocol"},
    "accel": {"matching.engine"},
    "matching": {"limits"},
    "protocol": {"limits", "matching.messages"},
    "journal": {"limits", "exit_codes"},  # to it a payload is bytes
    "config": {
        *_UP_TO_PROTOCOL,
        "matching.bidding.rules",
        "matching.prices.bands",
        "matching.screen_rules",
        "matching.volatility_rules",
    },
    "demo_market": {*_UP_TO_PROTOCOL, "config"},
    "market_data": _UP_TO_PROTOCOL,
    "ops": {*_UP_TO_PROTOCOL, "accel", "config"},
    "server": _UP_TO_SERVER - {"demo_market"},
    # The commands of `client.options` fall back on the demo's keys; the library needs no configuration.
    "client": {*_UP_TO_PROTOCOL, "audit_words", "demo_market"},
    "journal_tools": {
        *_UP_TO_PROTOCOL,
        "audit_words",
        "matching",
        "journal",
        "market_data",
        "server.archive",
        "server.audit_search",
        "server.journal_steps",
        "server.recovery",
        "server.trade_search",
    },
    "export": {"limits", "words", "matching.messages", "market_data", "journal_tools"},
    "fanout": {*_UP_TO_SERVER, "client"},
    "dashboard": {*_UP_TO_PROTOCOL, "exit_codes", "audit_words", "ops", "client", "server.supervisor"},
    "journal_commands": {"journal_tools"},
    "auction_inputs": {"exit_codes", "matching.messages", "journal_tools"},
    "auction_tools": {"auction_inputs", "matching.messages"},
    "settlement": {
        *_UP_TO_PROTOCOL,
        "exit_codes",
        "matching",
        "journal",
        "config",
        "server.recovery",
    },
    "surveillance": {"limits", "words", "exit_codes", "matching.messages", "journal", "journal_tools"},
    "demo": {*_UP_TO_SERVER, "client", "journal_tools"},
    "launch": {*_UP_TO_SERVER - {"demo_market"}, "journal_tools", "settlement.fees"},
    "cli": {
        *_UP_TO_SERVER,
        "client",
        "journal_commands",
        "journal_tools",
        "auction_tools",
        "export",
        "fanout",
        "dashboard",
        "settlement",
        "surveillance",
        "demo",
        "launch",
    },
    "__main__": {"cli"},
}

# The core is deterministic because it cannot reach anything that is not.
_NEVER_IN_MATCHING: Final = {"asyncio", "datetime", "logging", "os", "random", "socket", "time", "uvloop"}
# Modules that only some parts may import, given as paths or the beginnings of paths.
ONLY_IN: Final = {
    "asyncio": ("server/", "client/", "demo", "fanout/", "dashboard/"),
    "uvloop": ("server/", "client/", "demo", "fanout/", "dashboard/"),
    "aiohttp": ("dashboard/",),
    "prometheus_client": ("ops/", "dashboard/"),
    # Everywhere else the time comes in as an argument.
    "time": (
        "server/service.py",
        "server/follower_service.py",
        "server/feed_replay_service.py",
        "server/syncing.py",
        "client/",
        "demo",
        "launch/command.py",
        "fanout/command.py",
        "dashboard/service.py",
        "cli.py",
    ),
}
_CLOCKS_OF_DATETIME: Final = {"now", "utcnow", "today"}

# Lines of code, without blank lines, comments and docstrings: those are never too many.
CODE_LINES_MAX: Final = 400
MAY_BE_LONGER: Final[set[str]] = set()
_NOT_CODE: Final = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def part_of(path: str) -> str:
    return path.split("/")[0].removesuffix(".py")


def imported(path: str, tree: ast.Module) -> Iterator[str]:
    """Full names of what the module at `path` imports, wherever in it and on whatever condition."""
    package = ["carbonmatch", *path.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def violations(path: str, source: str) -> list[str]:
    """What the module at `path` (below src/carbonmatch) does that the house does not allow."""
    tree = ast.parse(source)
    found: list[str] = []
    for name in imported(path, tree):
        top, _, rest = name.partition(".")
        if top == "carbonmatch":
            found += _inner_violations(path, rest)
        elif part_of(path) == "matching" and top in _NEVER_IN_MATCHING:
            found.append(f"matching imports {top}")
        elif not path.startswith(ONLY_IN.get(top, "")):
            found.append(f"{path} imports {top}, which only {', '.join(ONLY_IN[top])} may")
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in _CLOCKS_OF_DATETIME
            and isinstance(node.value, ast.Name)
            and node.value.id in ("datetime", "date")
        ):
            found.append(f"{path} reads the clock by {node.value.id}.{node.attr}")
    return found


def _inner_violations(path: str, name: str) -> Iterator[str]:
    part = part_of(path)
    if part not in MAY_IMPORT:
        yield f"{path} has no place in MAY_IMPORT"
        return
    allowed = {part, "__version__", *MAY_IMPORT[part]}
    if not any(f"{name}.".startswith(f"{one}.") for one in allowed):
        yield f"{part} imports {name}"


def code_lines(source: str) -> int:
    """Lines of `source` that hold code."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in _NOT_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - docstrings)


MODULES: Final = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES)
def test_a_module_keeps_to_its_place(path: str) -> None:
    assert violations(path, (SOURCE / path).read_text()) == []


@pytest.mark.parametrize("path", sorted(set(MODULES) - MAY_BE_LONGER))
def test_a_module_can_be_read_in_one_go(path: str) -> None:
    assert code_lines((SOURCE / path).read_text()) <= CODE_LINES_MAX


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("matching/book.py", "import time", ["matching imports time"]),
        ("matching/book.py", "def f():\n    from os import urandom", ["matching imports os"]),
        ("matching/book.py", "from carbonmatch.protocol import codec", ["matching imports protocol.codec"]),
        ("matching/book.py", "from ..protocol import codec", ["matching imports protocol.codec"]),
        ("matching/book.py", "from . import messages", []),
        ("journal/writer.py", "import carbonmatch.matching.book", ["journal imports matching.book"]),
        ("protocol/codec.py", "from carbonmatch.matching.messages import Entry", []),
        (
            "client/session.py",
            "from carbonmatch.matching.engine import Engine",
            ["client imports matching.engine.Engine"],
        ),
        ("client/session.py", "import asyncio", []),
        (
            "ops/http.py",
            "import asyncio",
            ["ops/http.py imports asyncio, which only server/, client/, demo, fanout/, dashboard/ may"],
        ),
        (
            "server/pipeline.py",
            "from time import time_ns",
            [
                "server/pipeline.py imports time, which only "
                "server/service.py, server/follower_service.py, server/feed_replay_service.py, "
                "server/syncing.py, client/, demo, launch/command.py, fanout/command.py, "
                "dashboard/service.py, cli.py may"
            ],
        ),
        ("server/service.py", "import time", []),
        (
            "server/service.py",
            "import prometheus_client",
            ["server/service.py imports prometheus_client, which only ops/, dashboard/ may"],
        ),
        (
            "ops/logs.py",
            "from datetime import datetime\ndatetime.now()",
            ["ops/logs.py reads the clock by datetime.now"],
        ),
        ("attic/old.py", "import carbonmatch.limits", ["attic/old.py has no place in MAY_IMPORT"]),
    ],
)
def test_a_planted_violation_is_seen(path: str, source: str, expected: list[str]) -> None:
    assert violations(path, source) == expected


def test_blank_lines_comments_and_docstrings_are_not_code() -> None:
    assert code_lines('"""Two\nlines."""\n\n# A comment.\nx = (\n    1,  # one\n)\n') == 3


def test_the_map_names_every_module() -> None:
    text = (SOURCE.parent.parent / "ARCHITECTURE.md").read_text()
    drawn = set(re.findall(r"\w+", text.partition("```\n")[2].partition("```\n")[0]))
    assert {path.stem for path in SOURCE.rglob("*.py")} - {"__init__", "__main__"} <= drawn


def test_every_decision_has_a_number_of_its_own() -> None:
    pages = sorted((SOURCE.parent.parent / "docs" / "decisions").glob("*.md"))
    numbers = [int(page.name.partition("-")[0]) for page in pages]
    assert len(set(numbers)) == len(numbers)
    for page, number in zip(pages, numbers, strict=True):
        assert page.read_text().startswith(f"# {number}. ")
