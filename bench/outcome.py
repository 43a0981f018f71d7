"""How every mode of `bench load` ends: a table, the files that were asked for, and an exit status."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from hdrh.histogram import HdrHistogram

from bench import hgrm
from bench.environment import capture
from bench.options import pinned, placement_of
from bench.processes import StartError, on_cores
from bench.report import report
from bench.results import FORMAT, PresetResult, Result, Target
from bench.runs import Setup
from bench.sessions import RunError

UNSOUND: Final = 1


class ResultError(Exception):
    """A file is no result that this version reads; says why."""


def measuring(
    mode: str,
    arguments: Sequence[str],
    options: argparse.Namespace,
    setup: Setup,
    measure: Callable[[], dict[str, Any]],
) -> int:
    """Measure, with the generator where it was asked for, and tell; the exit status."""
    name = " ".join(["python -m bench load", *([mode] if mode else [])])
    try:
        with on_cores(pinned(options.pin)[1]):
            environment = capture(setup.directory, placement_of(options.pin))
            began = datetime.now(UTC).isoformat(timespec="seconds")
            found = measure()
        command = [*name.split(), *arguments]
        result = Result(FORMAT, command, environment, os.getloadavg(), began=began, **found)
    except (RunError, StartError, TimeoutError, OSError) as error:
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return UNSOUND
    tell(result, options)
    is_missed = getattr(options, "enforce", False) and not result.reaches_targets
    return 0 if result.is_sound and not is_missed else UNSOUND


def tell(result: Result, options: argparse.Namespace) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(result))
    if options.json == "-":
        print(encoded.decode())
    else:
        print(report(result))
    if options.json not in (None, "-"):
        Path(options.json).write_bytes(encoded + b"\n")
    if options.html is not None:
        # Imported here, as the page reads results, which this module does for it.
        from bench.html.page import page
        from bench.html.plots import Named

        options.html.write_text(page([Named("", result)]))
    if options.hgrm is not None:
        for title, histograms in histograms_of(result):
            hgrm.write(options.hgrm, title, histograms)


def histograms_of(result: Result) -> Iterator[tuple[str, list[str]]]:
    """Names, and the histograms that belong together under each."""
    for preset in result.presets:
        yield from _of_preset(preset)
    if result.ramp is not None:
        for step in result.ramp.steps:
            yield f"ramp-{step.rate_per_second}", [step.run.histogram]
    if result.burst is not None:
        yield "burst", [result.burst.run.histogram]
    if result.soak is not None:
        yield "soak", [result.soak.histogram] if result.soak.histogram else []


def _of_preset(preset: PresetResult) -> Iterator[tuple[str, list[str]]]:
    targets: tuple[Target, ...] = ("engine", "bare")
    for target in targets:
        runs = preset.runs(target)
        if runs:
            yield f"{preset.preset}-{target}", [run.histogram for run in runs]


def read_result(path: Path) -> Result:
    """Raises ResultError where the file is none, or of another format."""
    try:
        text = path.read_bytes()
        found = msgspec.json.decode(text, type=dict[str, Any]).get("format")
        if found != FORMAT:
            raise ResultError(f"{path}: format {found!r}, expected {FORMAT}")
        result = msgspec.json.decode(text, type=Result)
        for name, histograms in histograms_of(result):
            _check_histograms(f"{path}: {name}", histograms)
        return result
    except msgspec.MsgspecError as error:
        raise ResultError(f"{path}: no result of `bench load`: {error}") from None
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from None


def _check_histograms(name: str, histograms: Sequence[str]) -> None:
    """What a file was edited or cut in is found here, and not by whoever draws it."""
    for one in histograms:
        try:
            HdrHistogram.decode(one)
        except Exception as error:
            # Base64, zlib, and the decoder's own fields each have an error of their own.
            raise ResultError(f"{name}: no histogram: {error}") from None
