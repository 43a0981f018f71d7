"""Known vulnerabilities of the locked packages, where pip-audit gets no answer.

    python tests/audit.py requirements/runtime.txt requirements/dev.txt ...

pip-audit asks an index about each version, which an index that only mirrors packages does not know. Such a
one may still have the page of the project, with what is known against its newest version, and locks name that
most of the time. Exit status 0: every version was looked up, and nothing is known against any. 1: something
is. 3: of some versions nobody could say anything, and nothing is known against the others.
"""

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

VULNERABLE: Final = 1
NOT_AUDITED: Final = 3
_SECONDS_MAX: Final = 20
_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)

# The page of an index at a path below its root, or None where it has none.
Pages = Callable[[str], dict[str, Any] | None]


def known(name: str, version: str, pages: Pages) -> list[str] | None:
    """The ids of what is known against a version; None where nobody says anything about it."""
    page = pages(f"{name}/{version}/json")
    if page is None:
        page = pages(f"{name}/json")
        if page is None or page["info"]["version"] != version:
            return None
    found = page.get("vulnerabilities")
    if found is None:
        return None
    return [one["id"] for one in found if not one.get("withdrawn")]


def audit(locks: Iterable[tuple[str, str]], pages: Pages) -> int:
    """Say of each lock's text, by its name, what is known; the exit status."""
    vulnerable = unanswered = 0
    for lock, text in locks:
        packages = sorted(set(_LOCKED.findall(text)))
        answered = 0
        for name, version in packages:
            found = known(name, version, pages)
            if found is None:
                print(f"{lock}: {name} {version}: no answer")
            elif found:
                print(f"{lock}: {name} {version}: {', '.join(found)}")
            answered += found is not None
            vulnerable += bool(found)
        unanswered += len(packages) - answered
        print(f"{lock}: {answered} of {len(packages)} packages looked up")
    if vulnerable:
        return VULNERABLE
    return NOT_AUDITED if unanswered else 0


def of_the_index(root: str) -> Pages:
    """The pages of a real index; each is asked for once."""
    asked: dict[str, dict[str, Any] | None] = {}

    def page(path: str) -> dict[str, Any] | None:
        if path not in asked:
            try:
                with urllib.request.urlopen(f"{root}/{path}", timeout=_SECONDS_MAX) as answer:
                    asked[path] = json.load(answer)
            except (urllib.error.URLError, TimeoutError):
                asked[path] = None
        return asked[path]

    return page


if __name__ == "__main__":
    # Where the installer itself looks when it is told nothing else.
    from pip._internal.models.index import PyPI

    sys.exit(
        audit(
            ((Path(name).name, Path(name).read_text()) for name in sys.argv[1:]), of_the_index(PyPI.pypi_url)
        )
    )
