"""Versions of the project by what people call them: a directory, or a commit, tag or branch."""

import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from bench.environment import revision
from bench.processes import REPOSITORY


class CheckoutError(Exception):
    """There is no such version; says why."""


class Checkout(Struct, frozen=True):
    """A version, and where its `src` lies."""

    name: str
    directory: Path
    revision: str

    @property
    def source(self) -> Path:
        return self.directory / "src"


@contextmanager
def checkout(name: str) -> Iterator[Checkout]:
    """The directory of that name, or what git has under it, for as long as the block lasts."""
    path = Path(name)
    if path.is_dir():
        source = path.resolve() / "src"
        if not (source / "carbonmatch").is_dir():
            raise CheckoutError(f"{name} is no checkout of the project: there is no {source}/carbonmatch")
        yield Checkout(name, path.resolve(), revision(path))
        return
    commit = (
        _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    )
    if not commit:
        raise CheckoutError(f"{name} is neither a directory nor a commit, tag or branch of {REPOSITORY}")
    with TemporaryDirectory(prefix="carbonmatch-bench-") as directory:
        with tarfile.open(fileobj=BytesIO(_git("archive", commit, "src"))) as archive:
            archive.extractall(directory, filter="data")
        yield Checkout(name, Path(directory), commit[:12])


def _git(*arguments: str) -> bytes:
    """What git says; nothing where it says no, or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, check=False)
    except OSError:
        return b""
    return done.stdout if done.returncode == 0 else b""
