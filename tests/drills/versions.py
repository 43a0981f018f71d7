"""A venue of one version, and the same venue of another one, as processes that one can start and stop."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

from msgspec import Struct

from tests.end_to_end.running import REPOSITORY, Process

OLD_VERSION: Final = "0.0.9"


class Version(Struct, frozen=True):
    """What is done to the package before it runs, and with what in the environment."""

    lines: list[str]
    environment: dict[str, str]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`carbonmatch ARGUMENTS` of this version."""
        return self._run("from carbonmatch.cli import main", "main()", arguments=arguments)

    @property
    def state_version(self) -> int:
        """The version of the state that it writes."""
        said = self._run("from carbonmatch.matching import state", "print(state.STATE_VERSION)")
        return int(said.stdout)

    def _run(self, *lines: str, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "\n".join([*self.lines, *lines]), *arguments],
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}", **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def venue(self, directory: Path) -> Process:
        """A venue of this version in `directory`, not started."""
        process = Process(directory)
        lines = [*self.lines, "from carbonmatch.cli import main", "main()"]
        process.program = ["-c", "\n".join(lines)]
        process.environment = self.environment
        return process


@contextmanager
def cleaned_up() -> Iterator[None]:
    """Whatever venue is started inside of this is ended with it."""
    spawned: list[Process] = []
    spawn = Process.spawn

    def noted(process: Process) -> None:
        spawned.append(process)
        spawn(process)

    with patch.object(Process, "spawn", noted):
        try:
            yield
        finally:
            for process in spawned:
                process.clean_up()


# This package under the name of an older version: another identity in the journal, the same rules.
OLD: Final = Version(["import carbonmatch", f"carbonmatch.__version__ = '{OLD_VERSION}'"], {})
# And as a version that has something new to keep in its state.
NEW: Final = Version(["from carbonmatch.matching import state", "state.STATE_VERSION += 1"], {})
THIS: Final = Version([], {})


def of_commit(commit: str, directory: Path) -> Version:
    """The package as it was at `commit`, from this repository, under the name of an older version."""
    directory.mkdir(parents=True)
    archived = subprocess.run(
        ["git", "-C", str(REPOSITORY), "archive", commit, "src"], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(directory)], input=archived.stdout, check=True)
    return Version(OLD.lines, {"PYTHONPATH": f"{directory / 'src'}:{REPOSITORY}"})
