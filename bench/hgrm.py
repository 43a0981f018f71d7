"""Percentile files, as every port of HdrHistogram writes them and its plotter reads them.

    python -m bench load --preset open --hgrm DIRECTORY

One file of the engine, and one of the bare server, for each preset or step: the commands of all its
repetitions together, in microseconds. http://hdrhistogram.github.io/HdrHistogram/plotFiles.html draws them.
"""

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from hdrh.histogram import HdrHistogram

from bench.latency import HIGHEST_NS, SIGNIFICANT_DIGITS

_NS_PER_US: Final = 1_000.0
# As the Java library's own tools do it: five points each time that half of what is left is passed.
_TICKS_PER_HALF: Final = 5


def merged(encoded: Iterable[str]) -> HdrHistogram:
    """One histogram of what was recorded in several."""
    whole = HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)
    for one in encoded:
        whole.add(HdrHistogram.decode(one))
    return whole


def percentile_lines(histogram: HdrHistogram) -> bytes:
    out = io.BytesIO()
    histogram.output_percentile_distribution(out, _NS_PER_US, _TICKS_PER_HALF)
    return out.getvalue()


def write(directory: Path, name: str, encoded: Iterable[str]) -> Path:
    """The file of `name`, which becomes a file name whatever it holds."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.hgrm"
    path.write_bytes(percentile_lines(merged(encoded)))
    return path
