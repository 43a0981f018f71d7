"""The engine beside its peers, in one run: Redis as a durable store, other matching engines as cores.

python -m bench peers                                 all of it, interpreted
python -m bench peers --compiled build/accel/dist/carbonmatch-*.whl
python -m bench peers durable --settings batched      beside Redis alone, one setting
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.builds import BuildError, Builds, builds
from bench.environment import capture
from bench.peers import cores, durable, redis
from bench.processes import StartError
from bench.sessions import RunError

_PARTS: Final = ("durable", "cores")
_PLACEMENT: Final = "servers and clients where the kernel puts them"


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    result: dict[str, Any] = {
        "command": ["python", "-m", "bench", "peers", *arguments],
        "environment": capture(options.directory, _PLACEMENT),
    }
    try:
        with builds(options.compiled) as found:
            for part in _PARTS:
                if options.part in (part, "all"):
                    result[part] = _RUN[part](options, found)
    except (BuildError, StartError, RunError, cores.WorkerError, OSError, ValueError) as error:
        print(f"python -m bench peers: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(msgspec.to_builtins(result), indent=2))
    return 0


def _parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="python -m bench peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("part", nargs="?", choices=[*_PARTS, "all"], default="all")
    it.add_argument(
        "--compiled", type=Path, metavar="WHEEL", help="also measured: a wheel, or what holds carbonmatch"
    )
    it.add_argument("--json", type=Path)
    it.add_argument("--repetitions", type=int, default=3)
    it.add_argument(
        "--directory", type=Path, default=Path(tempfile.gettempdir()), help="of journals and logs"
    )
    it.add_argument("--settings", default=",".join(one.name for one in durable.SETTINGS), help="beside Redis")
    it.add_argument("--keys", type=int, default=1, help="of Redis; one is what it does fastest")
    it.add_argument("--flows", default=",".join(cores.FLOWS), help="of the cores")
    it.add_argument("--commands", type=int, default=40_000, help="of a flow")
    it.add_argument("--python", action="append", default=[], metavar="PATH", help="with other engines")
    it.add_argument("--share", type=float, default=1.0, help="of the commands: less for a first look")
    return it


def _run_durable(options: argparse.Namespace, found: Builds) -> list[durable.Durable]:
    if reason := redis.missing():
        print(f"SKIPPED durable: {reason}")
        return []
    wanted = options.settings.split(",")
    chosen = [one for one in durable.SETTINGS if one.name in wanted]
    if len(chosen) != len(wanted):
        raise ValueError(f"settings are {wanted}, expected some of {[one.name for one in durable.SETTINGS]}")
    results = []
    for setting in chosen:
        sized = setting if options.share == 1.0 else setting.smaller(options.share)
        one = durable.measure(sized, found, options.repetitions, options.keys, options.directory, _progress)
        results.append(one)
        print("\n".join(durable.as_text(one)), flush=True)
    return results


def _run_cores(options: argparse.Namespace, found: Builds) -> list[cores.Compared]:
    wanted = options.flows.split(",")
    if unknown := set(wanted) - set(cores.FLOWS):
        raise ValueError(f"flows are {sorted(unknown)}, expected some of {list(cores.FLOWS)}")
    results = []
    for name in wanted:
        one = cores.measure(
            name, options.commands, options.repetitions, found, [sys.executable, *options.python], _progress
        )
        results.append(one)
        print("\n".join(cores.as_text(one)), flush=True)
    return results


_RUN: Final = {"durable": _run_durable, "cores": _run_cores}


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
