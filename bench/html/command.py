"""One page of one or several results of `bench load`, side by side.

    python -m bench report open.json                              # writes open.html
    python -m bench report before.json after.json --out both.html

The page stands on its own: styles, plots and data are in it, and it asks nothing of any network. It has
percentiles on a logarithmic axis, latency and rate over time, the knee of a ramp, a burst, a soak; tables,
the machine, and the command that measured. Exit status 2 where a file is no result.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.html.page import page
from bench.html.plots import Named
from bench.outcome import ResultError, read_result

# More do not fit beside each other, and have no colours.
RESULTS_MAX: Final = 8


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    if len(options.files) > RESULTS_MAX:
        print(f"python -m bench report: {len(options.files)} files, at most {RESULTS_MAX}", file=sys.stderr)
        return 2
    try:
        results = [read_result(path) for path in options.files]
    except ResultError as error:
        print(f"python -m bench report: {error}", file=sys.stderr)
        return 2
    names = names_of(options.files, options.names)
    out = options.out or options.files[0].with_suffix(".html")
    out.write_text(page([Named(name, result) for name, result in zip(names, results, strict=True)]))
    print(out)
    return 0


def parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="python -m bench report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    it.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what --json has written")
    it.add_argument("--out", type=Path, metavar="FILE", help="default: beside the first file, as .html")
    it.add_argument("--names", metavar="A,B", help="what the results are called, default: their files' names")
    return it


def names_of(files: Sequence[Path], given: str | None) -> list[str]:
    """What tells them apart: given names, else those of the files; nothing where there is one result."""
    if given is not None:
        names = given.split(",")
        return [*names, *(path.stem for path in files[len(names) :])][: len(files)]
    if len(files) == 1:
        return [""]
    stems = [path.stem for path in files]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{number}. {stem}" for number, stem in enumerate(stems, start=1)]
