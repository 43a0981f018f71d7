"""Commands over TCP against the engine, and the limits of this machine beside them.

    python -m bench load closed                    as fast as answers come, in large frames
    python -m bench load --preset unbatched        one at a time: what a single order waits
    python -m bench load open                      a fixed rate, latency from when each was due
    python -m bench load ramp                      rising rates, to the knee
    python -m bench load burst                     a compliance cycle in a minute, with its deadline
    python -m bench load soak                      a moderate rate for a long time: what drifts
    python -m bench load --sessions 4 --frame 16 --window 256 --commands 500000 --target bare

Starts the engine itself, unless told with --connect where one runs that was configured by `--print-config`.
`load ramp --help` and so on say what belongs to those; what follows is of closed and open loops, which are
`--preset batched` and `--preset open` with whatever else is given. Exit status 1: an answer was wrong, the
load was not the one asked for, or a baseline was not held; 2: a baseline says nothing here.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, get_args

from msgspec import structs

from bench import market
from bench.baseline import advice, doubts, held_against, is_worse, why_refused
from bench.baseline import lines as baseline_lines
from bench.environment import capture
from bench.generator import Plan
from bench.options import (
    ArgumentsError,
    add_engine,
    add_run,
    add_workload,
    attach_of,
    common_setup,
    new_parser,
    placement_of,
    refuse,
    within,
    workload_of,
)
from bench.outcome import ResultError, measuring, read_result
from bench.progress import told
from bench.results import PresetResult, Result, Target
from bench.runs import Setup, run_preset
from bench.significance import TOLERANCE

# Modes with a module of their own, and those that are presets by another name.
MODES: Final = {"ramp": "bench.ramp", "burst": "bench.burst", "soak": "bench.soak"}
LOOPS: Final = {"closed": "batched", "open": "open"}

_SECONDS_MAX: Final = 86_400.0

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


def main(arguments: Sequence[str]) -> int:
    mode = arguments[0] if arguments else ""
    if mode in MODES:
        return int(import_module(MODES[mode]).main(arguments[1:]))
    given = ["--preset", LOOPS[mode], *arguments[1:]] if mode in LOOPS else arguments
    options = parser().parse_args(given)
    try:
        setups = setups_of(options)
    except ArgumentsError as error:
        print(f"python -m bench load: {error}", file=sys.stderr)
        return 2
    if options.print_config:
        workload = setups[0].workload
        print(
            market.configuration(workload.sessions, options.subscribers, workload.instruments, options.sync)
        )
        return 0
    try:
        baseline = None if options.baseline is None else read_result(options.baseline)
    except ResultError as error:
        print(f"python -m bench load: {error}", file=sys.stderr)
        return 2
    if baseline is not None and (refusal := _refusal(options, setups, baseline)):
        print(refusal, file=sys.stderr)
        return 2
    measured: list[PresetResult] = []

    def measure() -> dict[str, Any]:
        measured.extend(_presets(setups))
        return {"presets": measured}

    status = measuring("", arguments, options, setups[0], measure)
    if baseline is None or not measured:
        return status
    held = held_against(measured, baseline)
    said = [*baseline_lines(held, options.tolerance), *doubts(measured, baseline)]
    print("\n".join(said), file=sys.stderr)
    return 1 if is_worse(held, options.tolerance) else status


def _refusal(options: argparse.Namespace, setups: Sequence[Setup], baseline: Result) -> str:
    """Why the baseline is not to be held against what would be measured here; empty where it is."""
    now = capture(setups[0].directory, placement_of(options.pin))
    reasons = why_refused(now, setups, baseline, options.repetitions)
    if not reasons:
        return ""
    lines = [
        f"python -m bench load: {options.baseline} is no baseline for this:",
        *(f"  {why}" for why in reasons),
    ]
    return "\n".join([*lines, advice(baseline, setups)])


def _presets(setups: Sequence[Setup]) -> list[Any]:
    with told(sum(setup.repetitions for setup in setups)) as progress:
        return [run_preset(setup, progress) for setup in setups]


def parser() -> argparse.ArgumentParser:
    it = new_parser("", __doc__)
    it.add_argument("--preset", choices=[*PRESETS, "all"], help="take these settings; others change them")
    it.add_argument("--target", choices=["engine", "bare", "both"], default="both")
    add_workload(it)
    loop = it.add_argument_group("loop")
    loop.add_argument("--window", type=int, metavar="W", help="closed loop: commands in flight per session")
    loop.add_argument("--rate", type=int, metavar="R", help="open loop: commands a second of all sessions")
    loop.add_argument("--commands", type=int, metavar="C", help="of all sessions, with the warm-up")
    loop.add_argument("--warmup", type=int, metavar="C", help="commands that are not measured, at the start")
    loop.add_argument("--seconds", type=float, default=60.0, help="send no longer than this")
    engine = add_engine(it)
    engine.add_argument("--connect", metavar="HOST:PORT", help="order entry of a running engine")
    engine.add_argument("--connect-feed", metavar="HOST:PORT", help="market data of a running engine")
    engine.add_argument("--pid", type=int, help="of a running engine, for its processor time")
    engine.add_argument("--print-config", action="store_true", help="print what an engine needs, and end")
    run = add_run(it)
    run.add_argument("--repetitions", type=int, default=3)
    run.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="an earlier --json of this machine: fail where it was better",
    )
    run.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help="what may be worse, default %(default)s"
    )
    run.add_argument("--enforce", action="store_true", help="exit with 1 where a target is missed")
    return it


# --- options -> setups ---------------------------------------------------------------------------


def setups_of(options: argparse.Namespace) -> list[Setup]:
    names = list(PRESETS) if options.preset == "all" else [options.preset or "custom"]
    return [_setup(name, options) for name in names]


def _setup(name: str, options: argparse.Namespace) -> Setup:
    workload_values, plan_values = PRESETS.get(name, PRESETS["batched"])
    workload = workload_of(
        options,
        _given(options.sessions, workload_values["sessions"]),
        _given(options.commands, workload_values["commands"]),
        _given(options.frame, workload_values["frame_commands"]),
    )
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
    refuse(plan.problem())
    if not 0 <= plan.warmup_frames < workload.frames_per_session:
        raise ArgumentsError(f"a warm-up of {warmup} leaves nothing of {workload.commands} commands")
    within("repetitions", options.repetitions, 1, 1_000)
    within("seconds", options.seconds, 0.1, _SECONDS_MAX)
    within("tolerance", options.tolerance, 0, 1)
    targets: tuple[Target, ...] = get_args(Target) if options.target == "both" else (options.target,)
    return structs.replace(
        common_setup(options, name, workload, plan),
        targets=targets,
        repetitions=options.repetitions,
        attach=attach_of(options),
    )


def _given(value: int | None, default: int) -> int:
    return default if value is None else value
