"""Commands over TCP against the engine, and the limits of this machine beside them.

    python -m bench load --preset batched          how many a second, in large frames
    python -m bench load --preset unbatched        one at a time: what a single order waits
    python -m bench load --preset open             a fixed rate, latency from when each was due
    python -m bench load --sessions 4 --frame 16 --window 256 --commands 500000 --target bare

Starts the engine itself, unless told with --connect where one runs that was configured by
`--print-config`. Exit status 1: an answer was wrong, or the load was not the one asked for.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

import msgspec

from bench import market
from bench.environment import capture
from bench.generator import Plan, RunError
from bench.processes import StartError, parse_address
from bench.report import report
from bench.results import Result, Target
from bench.runs import Attach, Setup, run_preset
from bench.workload import Mix, Workload

FORMAT: Final = 1

# (workload, plan). Warm-up comes on top of what is measured. Sizes give runs of about five seconds:
# long enough for percentiles, short enough that a repetition sees one state of the machine.
PRESETS: Final = {
    "batched": (
        {"sessions": 8, "frame_commands": 64, "commands": 1_300_000},
        {"window_commands": 512, "warmup_commands": 100_000},
    ),
    "unbatched": (
        {"sessions": 1, "frame_commands": 1, "commands": 22_000},
        {"window_commands": 1, "warmup_commands": 2_000},
    ),
    "open": (
        {"sessions": 8, "frame_commands": 1, "commands": 120_000},
        {"rate_per_second": 20_000, "warmup_commands": 20_000},
    ),
}


class ArgumentsError(Exception):
    """What was asked for cannot be done."""


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        setups = setups_of(options)
        if options.print_config:
            workload = setups[0].workload
            print(
                market.configuration(
                    workload.sessions, options.subscribers, workload.instruments, options.sync
                )
            )
            return 0
        result = _measure(setups, list(arguments), placement_of(options))
    except ArgumentsError as error:
        print(f"python -m bench load: {error}", file=sys.stderr)
        return 2
    except (RunError, StartError, TimeoutError, OSError) as error:
        print(f"python -m bench load: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    _write(result, options.json)
    if options.enforce and not result.reaches_targets:
        return 1
    return 0 if result.is_sound else 1


def parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="python -m bench load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    it.add_argument("--preset", choices=[*PRESETS, "all"], help="take these settings; others change them")
    it.add_argument("--target", choices=["engine", "bare", "both"], default="both")
    load = it.add_argument_group("load")
    load.add_argument("--sessions", type=int, metavar="N")
    load.add_argument("--frame", type=int, metavar="B", help="commands in a frame")
    load.add_argument("--window", type=int, metavar="W", help="closed loop: commands in flight per session")
    load.add_argument("--rate", type=int, metavar="R", help="open loop: commands a second of all sessions")
    load.add_argument("--commands", type=int, metavar="C", help="of all sessions, with the warm-up")
    load.add_argument("--warmup", type=int, metavar="C", help="commands that are not measured, at the start")
    load.add_argument("--seconds", type=float, default=60.0, help="send no longer than this")
    load.add_argument("--mix", metavar="ADD:CANCEL:REPLACE:AGGRESSIVE", help="weights, default 48:42:5:5")
    load.add_argument("--instruments", type=int, default=4, metavar="I")
    load.add_argument("--seed", type=int, default=1)
    load.add_argument("--subscribers", type=int, default=1, metavar="N", help="of market data")
    engine = it.add_argument_group("engine")
    engine.add_argument("--sync", choices=["always", "relaxed"], default="always")
    engine.add_argument("--connect", metavar="HOST:PORT", help="order entry of a running engine")
    engine.add_argument("--connect-feed", metavar="HOST:PORT", help="market data of a running engine")
    engine.add_argument("--pid", type=int, help="of a running engine, for its processor time")
    engine.add_argument("--print-config", action="store_true", help="print what an engine needs, and end")
    run = it.add_argument_group("run")
    run.add_argument("--repetitions", type=int, default=3)
    run.add_argument("--directory", type=Path, help="where journals go (default: the temporary directory)")
    run.add_argument("--pin", metavar="SERVER/GENERATOR", help="cores of each, as 0/1 or 0,1/2,3")
    run.add_argument("--json", metavar="FILE", help="write the result there, or to stdout for -")
    run.add_argument("--enforce", action="store_true", help="exit with 1 where a target is missed")
    return it


# --- options -> setups ---------------------------------------------------------------------------


def setups_of(options: argparse.Namespace) -> list[Setup]:
    names = list(PRESETS) if options.preset == "all" else [options.preset or "custom"]
    return [_setup(name, options) for name in names]


def _setup(name: str, options: argparse.Namespace) -> Setup:
    workload_values, plan_values = PRESETS.get(name, PRESETS["batched"])
    workload = Workload(
        sessions=_given(options.sessions, workload_values["sessions"]),
        commands=_given(options.commands, workload_values["commands"]),
        frame_commands=_given(options.frame, workload_values["frame_commands"]),
        seed=options.seed,
        instruments=options.instruments,
        mix=_mix(options.mix),
    )
    _refuse(workload.problem())
    if options.window is not None and options.rate is not None:
        raise ArgumentsError("--window is for a closed loop, --rate for an open one: give one of them")
    window = _given(options.window, plan_values.get("window_commands", 0))
    rate = _given(options.rate, plan_values.get("rate_per_second", 0))
    warmup = _given(options.warmup, min(plan_values["warmup_commands"], workload.commands // 5))
    plan = Plan(
        frame_commands=workload.frame_commands,
        warmup_frames=warmup // (workload.sessions * workload.frame_commands),
        window_commands=0 if options.rate is not None else window,
        rate_per_second=0 if options.window is not None else rate,
        seconds_max=options.seconds,
    )
    _refuse(plan.problem())
    if not 0 <= plan.warmup_frames < workload.frames_per_session:
        raise ArgumentsError(f"a warm-up of {warmup} leaves nothing of {workload.commands} commands")
    for what, least, most in (
        ("sessions", 1, market.SESSIONS_MAX),
        ("subscribers", 0, market.SESSIONS_MAX),
        ("repetitions", 1, 1_000),
    ):
        value = workload.sessions if what == "sessions" else getattr(options, what)
        if not least <= value <= most:
            raise ArgumentsError(f"--{what} is {value}, expected {least} to {most}")
    targets: tuple[Target, ...] = get_args(Target) if options.target == "both" else (options.target,)
    return Setup(
        name,
        workload,
        plan,
        targets,
        options.repetitions,
        options.subscribers,
        options.sync,
        _attach(options),
        options.directory or Path(tempfile.gettempdir()),
        pinned(options.pin)[0],
    )


def _given(value: int | None, default: int) -> int:
    return default if value is None else value


def _refuse(problem: str) -> None:
    if problem:
        raise ArgumentsError(problem)


def _mix(text: str | None) -> Mix:
    if text is None:
        return Mix()
    parts = text.split(":")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        raise ArgumentsError(f"--mix is {text!r}, expected four weights like 48:42:5:5")
    return Mix(*map(int, parts))


def _attach(options: argparse.Namespace) -> Attach | None:
    if options.connect is None:
        if options.connect_feed is not None or options.pid is not None:
            raise ArgumentsError("--connect-feed and --pid belong to --connect")
        return None
    try:
        feed = parse_address(options.connect_feed) if options.connect_feed else None
        return Attach(parse_address(options.connect), feed, options.pid)
    except ValueError as error:
        raise ArgumentsError(f"--connect: {error}") from None


def pinned(text: str | None) -> tuple[frozenset[int] | None, frozenset[int] | None]:
    """The cores of server and generator."""
    if text is None:
        return None, None
    try:
        server, generator = (frozenset(map(int, part.split(","))) for part in text.split("/"))
    except ValueError:
        raise ArgumentsError(f"--pin is {text!r}, expected cores like 0/1 or 0,1/2,3") from None
    available = os.sched_getaffinity(0)
    if not (server | generator) <= available:
        raise ArgumentsError(f"--pin is {text!r}, available are the cores {sorted(available)}")
    return server, generator


def placement_of(options: argparse.Namespace) -> str:
    if options.pin is None:
        return "server and generator where the kernel puts them"
    return f"server and generator pinned: {options.pin}"


# --- measuring -----------------------------------------------------------------------------------


def _measure(setups: list[Setup], arguments: list[str], placement: str) -> Result:
    environment = capture(setups[0].directory, placement)
    presets = [run_preset(setup, _progress) for setup in setups]
    command = ["python", "-m", "bench", "load", *arguments]
    return Result(FORMAT, command, environment, os.getloadavg(), presets)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _write(result: Result, to: str | None) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(result))
    if to == "-":
        print(encoded.decode())
        return
    print(report(result))
    if to:
        Path(to).write_bytes(encoded + b"\n")
