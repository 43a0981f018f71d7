"""The engine as built: from this checkout, or compiled, from a wheel or the directory that holds its package.

make accel    leaves a compiled package in build/accel/src and its wheel in build/accel/dist
"""

import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.processes import REPOSITORY

SOURCE: Final = REPOSITORY / "src"
INTERPRETED: Final = "interpreted"
COMPILED: Final = "compiled"
_SECONDS_MAX: Final = 60

# By name, the directory from which each is run.
Builds = Mapping[str, Path]


class BuildError(Exception):
    """What was given is no build that can be measured; says why."""


@contextmanager
def builds(compiled: Path | None) -> Iterator[Builds]:
    """This checkout's, and the compiled one where it is given."""
    found = {INTERPRETED: SOURCE}
    with TemporaryDirectory(prefix="carbonmatch-build-") as name:
        if compiled is not None:
            found[COMPILED] = _package_of(compiled, Path(name))
        for build, source in found.items():
            _check(build, source)
        yield found


def _package_of(compiled: Path, unpacked: Path) -> Path:
    if compiled.suffix == ".whl":
        with zipfile.ZipFile(compiled) as wheel:
            wheel.extractall(unpacked)
        return unpacked
    if not (compiled / "carbonmatch").is_dir():
        raise BuildError(f"{compiled} is neither a wheel nor a directory that holds carbonmatch")
    return compiled.resolve()


def _check(build: str, source: Path) -> None:
    """A compiled engine that is not compiled would be measured twice, and nobody would see it."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "carbonmatch", "--version"],
        env={**environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    said = (done.stdout + done.stderr).strip()
    if f"core {build}" not in said:
        raise BuildError(f"{source}: expected core {build}, found {said[-500:]!r}")
