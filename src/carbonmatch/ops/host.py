"""What a venue demands of the process that it runs in: an interpreter without known holes, no root."""

import os
import sys
from collections.abc import Mapping
from typing import Final

from carbonmatch.config import Config, ConfigError, is_exposed
from carbonmatch.ops.logs import WARNING, Ours, log

# For each Python the first patch that has the repairs of CVE-2023-40217 (data taken before a TLS handshake)
# and CVE-2024-12254 (writes without a bound). A Python that is not here is newer than both.
PATCH_MIN: Final[Mapping[tuple[int, int], int]] = {(3, 11): 5, (3, 12): 9, (3, 13): 2}

# Whoever cannot have a newer one yet has to say so in these words.
ALLOW_OLD_PYTHON_VARIABLE: Final = "CARBONMATCH_ALLOW_OLD_PYTHON"
ALLOW_OLD_PYTHON: Final = "i-accept-the-risk"


def check_host(
    config: Config,
    environment: Mapping[str, str] = os.environ,
    version: tuple[int, int, int] = sys.version_info[:3],
    user_id: int | None = None,
) -> None:
    """Refuse what must not face a network, with ConfigError; warn where only this machine can reach it."""
    if is_root(user_id):
        log(
            "running_as_root",
            WARNING,
            text=Ours("a venue needs no rights of root: run it as a user of its own"),
        )
    problem = python_problem(version)
    if problem is None:
        return
    allowed = environment.get(ALLOW_OLD_PYTHON_VARIABLE) == ALLOW_OLD_PYTHON
    if is_exposed(config) and not allowed:
        raise ConfigError(
            [
                f"{problem}: it may serve loopback addresses only; or say "
                f"{ALLOW_OLD_PYTHON_VARIABLE}={ALLOW_OLD_PYTHON}"
            ]
        )
    log("old_python", WARNING, text=Ours(problem), allowed=allowed)


def python_problem(version: tuple[int, int, int]) -> str | None:
    """What is wrong with this version of Python, in words; None where nothing is known."""
    major, minor, patch = version
    patch_min = PATCH_MIN.get((major, minor))
    if patch_min is None or patch >= patch_min:
        return None
    return f"Python {major}.{minor}.{patch} has known holes, expected at least {major}.{minor}.{patch_min}"


def is_root(user_id: int | None = None) -> bool:
    return (os.geteuid() if user_id is None else user_id) == 0
