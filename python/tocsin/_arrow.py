"""Tables: pyarrow's, and all that speak the Arrow C data interface, such as those of pandas, polars and DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin import _native
from tocsin.run import Progress, Run

if TYPE_CHECKING:
    import pyarrow


def batches_of(table: Any) -> _native.Batches:
    """The record batches of an object with `__arrow_c_stream__` or `__arrow_c_array__`."""
    if hasattr(table, "__arrow_c_stream__"):
        return _native.Batches(table.__arrow_c_stream__())
    return _native.Batches(*table.__arrow_c_array__())


def push_table(run: Run, table: Any, event_type: str | None, progress: bool | None, source: str = "events") -> None:
    """All rows of the table, and the end of their source."""
    total = len(table) if hasattr(table, "__len__") else None
    bar = Progress(progress, total, " rows")
    try:
        run.push_table(table, event_type, source, bar.add)
    finally:
        bar.close()
    run.end_source(source)


def push_parquet(run: Run, path: Path, event_type: str | None, progress: bool | None) -> None:
    """A Parquet file, by row groups."""
    import pyarrow as pa
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        bar = Progress(progress, file.metadata.num_rows, " rows")
        try:
            reader = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(batch_size=65_536))
            run.push_table(reader, event_type, str(path), bar.add)
        finally:
            bar.close()
    run.end_source(str(path))


def push_csv(run: Run, path: Path, types: Mapping[str, Any], event_type: str | None, progress: bool | None) -> None:
    """A CSV file with a line of names. Columns have the types of the fields that the rules declare; times are texts as in ISO
    8601, or microseconds."""
    import pyarrow as pa
    import pyarrow.csv

    with pa.input_stream(str(path), compression="detect") as file, pyarrow.csv.open_csv(file) as reader:
        found = {field.name: field.type for field in reader.schema}
    columns: dict[str, pa.DataType] = {"type": pa.string()} if event_type is None else {}
    for name in types if event_type is None else [event_type]:
        for field in types[name]["fields"]:
            column = ".".join(field["path"])
            wanted = _column_type(field["type"], found.get(column))
            if columns.setdefault(column, wanted) != wanted:
                columns[column] = pa.string()  # two types have it, and differ
    options = pyarrow.csv.ConvertOptions(column_types=columns, strings_can_be_null=True)
    bar = Progress(progress, None, " rows")
    try:
        with pa.input_stream(str(path), compression="detect") as file, pyarrow.csv.open_csv(file, convert_options=options) as reader:
            run.push_table(reader, event_type, str(path), bar.add)
    finally:
        bar.close()
    run.end_source(str(path))


def _column_type(field_type: str, found: pyarrow.DataType | None) -> pyarrow.DataType:
    """The Arrow type for a column of text whose field has this type in the rules; `found` is what its first values look like."""
    import pyarrow as pa

    if field_type.startswith("decimal("):
        return pa.decimal128(38, int(field_type[len("decimal("):-1]))
    if field_type == "time" and found is not None:
        if pa.types.is_timestamp(found):
            return pa.timestamp("us", tz=found.tz)
        return pa.int64() if pa.types.is_integer(found) else pa.string()
    plain = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    return plain.get(field_type, pa.string())
