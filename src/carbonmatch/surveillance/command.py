"""`carbonmatch surveillance`: one report on a journal, which it only reads."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number

from carbonmatch.journal.storage import DiskStorage, write_file
from carbonmatch.surveillance.report import page
from carbonmatch.surveillance.survey import Period, SurveillanceError, survey
from carbonmatch.surveillance.thresholds import Thresholds

_Count = Annotated[int, Parameter(validator=Number(gte=0, lte=2**31))]
_DEFAULT = Thresholds()


def main(
    *,
    directory: Path,
    first: Annotated[str, Parameter(name="--from")] = "",
    last: Annotated[str, Parameter(name="--to")] = "",
    out: Path = Path("surveillance"),
    deadline: str = "",
    utc_offset_hours: Annotated[int, Parameter(validator=Number(gte=-12, lte=14))] = 0,
    archive: Path | None = None,
    running: bool = False,
    ratio_min: _Count = _DEFAULT.ratio_min,
    ratio_messages_min: _Count = _DEFAULT.ratio_messages_min,
    mark_minutes: _Count = _DEFAULT.mark_minutes,
    mark_lots_max: _Count = _DEFAULT.mark_lots_max,
    mark_basis_points: _Count = _DEFAULT.mark_basis_points,
    block_days: _Count = _DEFAULT.block_days,
    block_clip_basis_points: _Count = _DEFAULT.block_clip_basis_points,
    block_clips_min: _Count = _DEFAULT.block_clips_min,
    block_share_basis_points: _Count = _DEFAULT.block_share_basis_points,
    deadline_days: _Count = _DEFAULT.deadline_days,
    deadline_share_basis_points: _Count = _DEFAULT.deadline_share_basis_points,
    deadline_lots_min: _Count = _DEFAULT.deadline_lots_min,
) -> None:
    """Report patterns in a journal that a supervisor may want to look at, as HTML and JSON.

    Parameters
    ----------
    directory
        The journal.
    first
        The first day that counts, as 20210716.
    last
        The last day that counts.
    out
        Where surveillance.html and surveillance.json go.
    deadline
        The day by which companies must surrender: how much they trade in the last days before it.
    utc_offset_hours
        Of the place whose days these are.
    archive
        Where the journal's older segments are.
    running
        A process is writing this journal: leave out the segment that is being written.
    """
    if out.resolve() in {path.resolve() for path in (directory, archive) if path is not None}:
        raise SurveillanceError(f"{out}: the journal is there; expected another directory for the report")
    thresholds = Thresholds(
        ratio_min=ratio_min,
        ratio_messages_min=ratio_messages_min,
        mark_minutes=mark_minutes,
        mark_lots_max=mark_lots_max,
        mark_basis_points=mark_basis_points,
        block_days=block_days,
        block_clip_basis_points=block_clip_basis_points,
        block_clips_min=block_clips_min,
        block_share_basis_points=block_share_basis_points,
        deadline_days=deadline_days,
        deadline_share_basis_points=deadline_share_basis_points,
        deadline_lots_min=deadline_lots_min,
    )
    period = Period(first, last, utc_offset_hours)
    content = survey(directory, period, thresholds, deadline, archive=archive, running=running)
    storage = DiskStorage(out)
    try:
        json = msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
        write_file(storage, "surveillance.json", [json])
        write_file(storage, "surveillance.html", [page(content).encode()])
    finally:
        storage.release()
    for name, rows in content["findings"].items():
        print(f"{name}: {len(rows) + content['left_out'][name]} findings")
    print(f"{out / 'surveillance.html'}, {out / 'surveillance.json'}")
