"""Rows into a file, so many at a time: CSV by itself, Parquet and Arrow by pyarrow.

A file appears under its name when it is whole: nobody takes one that an error has cut short for a short one.
"""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

from carbonmatch import __version__
from carbonmatch.export.columns import SCHEMA_VERSION, Kind, Row, Table
from carbonmatch.limits import EXPORT_VALUES_AT_ONCE
from carbonmatch.words import utc_text

Format = Literal["parquet", "csv", "arrow"]


class ExportError(Exception):
    """What was asked for cannot be written."""


def write(table: Table, rows: Iterable[Row], form: Format, out: Path | None) -> int:
    """Write the rows and return how many. CSV goes to standard output where `out` is None.

    Raises ExportError where pyarrow is missing, and whatever `rows` raises; `out` is then as it was.
    """
    if form == "csv" and out is None:
        return _write_csv(table, rows, sys.stdout)
    if out is None:
        raise ExportError(f"{form} is no text: name a file with --out")
    # Before the first row is asked for: that may take minutes.
    write_columns = None if form == "csv" else _column_writer(form)
    with _whole(out) as part:
        if write_columns is not None:
            return write_columns(table, rows, part)
        with part.open("w", newline="", encoding="utf-8") as file:
            return _write_csv(table, rows, file)


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    part = out.with_name(f"{out.name}.part")
    try:
        yield part
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(table: Table, rows: Iterable[Row], file: TextIO) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.names)
    times = [at for at, column in enumerate(table.columns) if column.kind is Kind.TIME]
    count = 0
    for row in rows:
        values = list(row)
        for at in times:
            time_ns = values[at]
            values[at] = utc_text(time_ns) if isinstance(time_ns, int) else None
        writer.writerow(values)
        count += 1
    return count


# --- columns -----------------------------------------------------------------------------------------


def _column_writer(form: Format) -> Callable[[Table, Iterable[Row], Path], int]:
    try:
        import pyarrow
    except ImportError:
        raise ExportError(
            f"{form} needs pyarrow: pip install 'carbonmatch[export]'; csv does without"
        ) from None
    return lambda table, rows, part: _write_columns(pyarrow, table, rows, form, part)


def _write_columns(pyarrow: Any, table: Table, rows: Iterable[Row], form: Format, part: Path) -> int:
    schema = arrow_schema(pyarrow, table)
    rows_at_once = EXPORT_VALUES_AT_ONCE // len(table.columns)
    count = 0
    with _opened(pyarrow, form, part, schema) as writer:
        remaining = iter(rows)
        while chunk := list(islice(remaining, rows_at_once)):
            columns = [
                pyarrow.array(values, field.type)
                for values, field in zip(zip(*chunk, strict=True), schema, strict=True)
            ]
            writer.write_batch(pyarrow.RecordBatch.from_arrays(columns, schema=schema))
            count += len(chunk)
    return count


def _opened(pyarrow: Any, form: Format, part: Path, schema: Any) -> Any:
    if form == "parquet":
        from pyarrow.parquet import ParquetWriter

        return ParquetWriter(part, schema, compression="zstd")
    return pyarrow.ipc.new_file(part, schema, options=pyarrow.ipc.IpcWriteOptions(compression="zstd"))


def arrow_schema(pyarrow: Any, table: Table) -> Any:
    """With the meaning of each column in its metadata: a file says by itself what it holds."""
    types = {
        Kind.TIME: pyarrow.timestamp("ns", tz="UTC"),
        Kind.NUMBER: pyarrow.int64(),
        Kind.NAME: pyarrow.string(),
    }
    fields = [
        pyarrow.field(
            column.name, types[column.kind], nullable=column.is_optional, metadata={"meaning": column.meaning}
        )
        for column in table.columns
    ]
    about = {"carbonmatch": __version__, "table": table.name, "schema_version": str(SCHEMA_VERSION)}
    return pyarrow.schema(fields, metadata=about)
