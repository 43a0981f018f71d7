"""One journal, executed again by every supported CPython: whether each byte comes out the same.

    python -m tests.server.replay_versions --commands 1000000 --seed 1 --python python3.12 --python python3.13

This Python writes the journal of a world with all order types. Each given Python executes it, compares every
journaled byte on the way, and says the digests of all that came of it: of every report, public event, level
and drop copy, of every change of the feed, and of the state at the end. A Python that cannot is named with
what it lacks; exit status 1 for that, and for any difference. `make replay-versions` installs that.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from carbonmatch import accel
from carbonmatch.journal_tools import replay
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.engine import Engine
from tests.server import determinism

ROOT: Final = Path(__file__).parents[2]
SUPPORTED: Final = ("3.11", "3.12", "3.13")


class Digests(NamedTuple):
    version: str
    commands: int
    outputs: str
    feed: str
    state: str


class Hashed:
    """Hashes what a method returns, each time it is called."""

    def __init__(self, owner: type, name: str) -> None:
        self.hash = hashlib.blake2b(digest_size=16)
        self._owner, self._name = owner, name
        self._original: Callable[..., Any] = getattr(owner, name)

    def __enter__(self) -> "Hashed":
        original, update, encode = self._original, self.hash.update, msgspec.msgpack.Encoder().encode

        def hashed(*arguments: Any) -> Any:
            result = original(*arguments)
            update(encode(result))
            return result

        setattr(self._owner, self._name, hashed)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(self._owner, self._name, self._original)


def replayed(directory: Path) -> Digests:
    """Of the journal, executed here. Raises Diverged where a journaled byte is another one."""
    with Hashed(Engine, "take_outputs") as outputs, Hashed(MarketData, "apply") as feed:
        done = replay(directory)
    version = f"{sys.implementation.name} {sys.version.split()[0]} core {accel.core()}"
    return Digests(
        version, done.commands, outputs.hash.hexdigest(), feed.hash.hexdigest(), done.state_digest.hex()
    )


def elsewhere(python: str, source: Path, directory: Path) -> Digests | str:
    """The digests that another Python comes to with the package of a source, or its last words."""
    try:
        done = subprocess.run(
            [python, "-m", "tests.server.replay_versions", "--replay", str(directory)],
            env={**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{ROOT}"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return str(error)
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return msgspec.json.decode(done.stdout, type=Digests)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.replay is not None:
        print(msgspec.json.encode(replayed(options.replay)).decode())
        return 0
    with tempfile.TemporaryDirectory(prefix="carbonmatch-versions-") as name:
        directory = Path(name) / "journal"
        written = determinism.write(directory, options.seed, options.commands)
        print(f"seed {options.seed}: state {written}, written by {sys.version.split()[0]}", flush=True)
        found: list[Digests | str] = []
        for python, source in product(options.python or [sys.executable], options.source or [ROOT / "src"]):
            one = elsewhere(python, source.absolute(), directory)
            found.append(one)
            print(_in_words(python, one), flush=True)
    return verdict(written, found, options.versions.split(","))


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(prog="python -m tests.server.replay_versions")
    it.add_argument("--commands", type=int, default=1_000_000)
    it.add_argument("--seed", type=int, default=1)
    it.add_argument("--python", action="append", help="that is to execute the journal; default: this one")
    it.add_argument(
        "--source",
        action="append",
        type=Path,
        help="where the package is that executes it, such as one with a compiled core; default: src",
    )
    it.add_argument("--versions", default=",".join(SUPPORTED), help="which have to be among them")
    it.add_argument("--replay", type=Path, help="execute this journal and print the digests: for children")
    return it


def _in_words(python: str, found: Digests | str) -> str:
    if isinstance(found, str):
        return f"{python}: NOT REPLAYED, {found}"
    return (
        f"{found.version}: {found.commands:,} commands, every journaled byte the same; "
        f"outputs {found.outputs}, feed {found.feed}, state {found.state}"
    )


def verdict(written: str, found: Sequence[Digests | str], versions: Sequence[str]) -> int:
    digests = [one for one in found if isinstance(one, Digests)]
    seen = {".".join(one.version.split()[1].split(".")[:2]) for one in digests}
    missing = [version for version in versions if version not in seen]
    same = {one[1:] for one in digests} == {digests[0][1:]} if digests else False
    if missing:
        print(
            f"no replay by CPython {', '.join(missing)}: install it, or name it with --python",
            file=sys.stderr,
        )
    if not same or digests[0].state != written:
        print("DIFFERENT", file=sys.stderr)
        return 1
    print(f"all the same: {len(digests)} replays, CPython {', '.join(sorted(seen))}")
    return 1 if missing or len(digests) < len(found) else 0


if __name__ == "__main__":
    sys.exit(main())
