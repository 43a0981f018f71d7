"""Options that the modes of `bench load` share, and the runs that they ask for."""

import argparse
import os
import tempfile
from pathlib import Path

from bench import market
from bench.generator import Plan
from bench.processes import parse_address
from bench.runs import Attach, Setup
from bench.workload import Mix, Workload


class ArgumentsError(Exception):
    """What was asked for cannot be done."""


def new_parser(mode: str, description: str | None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"python -m bench load{f' {mode}' if mode else ''}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_workload(it: argparse.ArgumentParser, sessions: int | None = None, frame: int | None = None) -> None:
    """What is sent. Sessions and frame are None where a preset says them."""
    load = it.add_argument_group("load")
    load.add_argument("--sessions", type=int, metavar="N", default=sessions, help=_default(sessions))
    load.add_argument(
        "--frame", type=int, metavar="B", default=frame, help=f"commands in a frame{_default(frame, '; ')}"
    )
    load.add_argument("--mix", metavar="ADD:CANCEL:REPLACE:AGGRESSIVE", help="weights, default 48:42:5:5")
    load.add_argument("--instruments", type=int, default=4, metavar="I")
    load.add_argument("--seed", type=int, default=1)
    load.add_argument("--subscribers", type=int, default=1, metavar="N", help="of market data")


def _default(value: int | None, before: str = "") -> str | None:
    return "" if value is None and before else None if value is None else f"{before}default {value}"


def add_engine(it: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    engine = it.add_argument_group("engine")
    engine.add_argument("--sync", choices=["always", "relaxed"], default="always")
    return engine


def add_run(it: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    run = it.add_argument_group("run")
    run.add_argument("--directory", type=Path, help="where journals go (default: the temporary directory)")
    run.add_argument("--pin", metavar="SERVER/GENERATOR", help="cores of each, as 0/1 or 0,1/2,3")
    run.add_argument("--json", metavar="FILE", help="write the result there, or to stdout for -")
    run.add_argument("--hgrm", metavar="DIRECTORY", type=Path, help="write percentile files there")
    run.add_argument("--html", metavar="FILE", type=Path, help="write a report there, as `bench report`")
    run.add_argument(
        "--no-check", action="store_true", help="do not execute the engine's journal again afterwards"
    )
    return run


def workload_of(options: argparse.Namespace, sessions: int, commands: int, frame: int) -> Workload:
    workload = Workload(
        sessions=sessions,
        commands=commands,
        frame_commands=frame,
        seed=options.seed,
        instruments=options.instruments,
        mix=_mix(options.mix),
    )
    refuse(workload.problem())
    within("sessions", sessions, 1, market.SESSIONS_MAX)
    within("subscribers", options.subscribers, 0, market.SESSIONS_MAX)
    return workload


def refuse(problem: str) -> None:
    if problem:
        raise ArgumentsError(problem)


def within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ArgumentsError(f"--{name} is {value:g}, expected {least:g} to {most:g}")


def _mix(text: str | None) -> Mix:
    if text is None:
        return Mix()
    parts = text.split(":")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        raise ArgumentsError(f"--mix is {text!r}, expected four weights like 48:42:5:5")
    return Mix(*map(int, parts))


def attach_of(options: argparse.Namespace) -> Attach | None:
    if options.connect is None:
        if options.connect_feed is not None or options.pid is not None:
            raise ArgumentsError("--connect-feed and --pid belong to --connect")
        return None
    try:
        feed = parse_address(options.connect_feed) if options.connect_feed else None
        return Attach(parse_address(options.connect), feed, options.pid)
    except ValueError as error:
        raise ArgumentsError(f"--connect: {error}") from None


def common_setup(options: argparse.Namespace, name: str, workload: Workload, plan: Plan) -> Setup:
    """What a mode measures, of the engine alone."""
    refuse(plan.problem())
    refuse(_unwritable(options))
    return Setup(
        name,
        workload,
        plan,
        targets=("engine",),
        repetitions=1,
        subscribers=options.subscribers,
        sync=options.sync,
        directory=options.directory or Path(tempfile.gettempdir()),
        server_cores=pinned(options.pin)[0],
        is_checked=not options.no_check,
    )


def _unwritable(options: argparse.Namespace) -> str:
    """Which file could not be written in the end; said before an hour is spent on what would stand in it."""
    for name in ("json", "html"):
        path = getattr(options, name)
        if path in (None, "-"):
            continue
        if not Path(path).parent.is_dir():
            return f"--{name}: there is no directory {Path(path).parent}"
        if Path(path).is_dir():
            return f"--{name}: {path} is a directory, expected a file"
    if options.hgrm is not None and options.hgrm.exists() and not options.hgrm.is_dir():
        return f"--hgrm: {options.hgrm} is a file, expected a directory"
    return ""


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


def placement_of(text: str | None) -> str:
    if text is None:
        return "server and generator where the kernel puts them"
    return f"server and generator pinned: {text}"
