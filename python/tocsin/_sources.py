"""What events can be: files, mappings, tables."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Union, cast

from tocsin.run import Progress, Run

Events = Union[str, "os.PathLike[str]", Iterable[Mapping[str, Any]], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_READ_BYTES = 1 << 20
_JSON = (".json", ".ndjson", ".jsonl")
# A decimal in a text of json.dumps(), which writes no such control character otherwise; JSON has it as a bare number.
_MARKED_DECIMAL = re.compile(r'"\\u0000d(-?[0-9.Ee+-]+)"')


def _encode(value: object) -> object:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no number that an event can have")
        return f"\0d{value:f}"
    if isinstance(value, datetime):
        since = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)) - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, timedelta):
        return (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    if hasattr(value, "item"):  # numpy's numbers
        return cast(Any, value).item()
    raise TypeError(f"a value of type {type(value).__name__} is no part of an event: {value!r}")


def line_of(event: Mapping[str, Any]) -> str:
    """The event as a line of JSON without its end. Decimals and times stay exact."""
    text = json.dumps(event if isinstance(event, dict) else dict(event), default=_encode, allow_nan=False, separators=(",", ":"))
    return _MARKED_DECIMAL.sub(r"\1", text) if "\\u0000d" in text else text


def _lines_of(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[bytes, int]]:
    """Blocks of lines, and how many there are in each."""
    lines: list[str] = []
    size = 0
    for number, event in enumerate(events, start=1):
        if not isinstance(event, Mapping):
            raise TypeError(f"event {number} is no mapping but {type(event).__name__}")
        lines.append(line_of(event))
        size += len(lines[-1])
        if size >= _READ_BYTES // 4:
            yield ("\n".join(lines) + "\n").encode("utf-8"), len(lines)
            lines, size = [], 0
    if lines:
        yield ("\n".join(lines) + "\n").encode("utf-8"), len(lines)


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        import pyarrow

        return cast("IO[bytes]", pyarrow.CompressedInputStream(str(path), "zstd"))
    return path.open("rb")


def _push_json(run: Run, path: Path, progress: bool | None) -> None:
    packed = path.suffix in (".gz", ".zst")
    bar = Progress(progress, None if packed else path.stat().st_size, "B")
    try:
        with _open(path) as file:
            while piece := file.read(_READ_BYTES):
                run.push(piece, str(path))
                bar.add(len(piece))
    finally:
        bar.close()
    run.end_source(str(path))


def _push_file(run: Run, path: Path, types: Mapping[str, Any], event_type: str | None, progress: bool | None) -> None:
    names = [suffix for suffix in path.suffixes if suffix not in (".gz", ".zst")]
    kind = names[-1] if names else ""
    if kind == ".parquet":
        from tocsin import _arrow

        _arrow.push_parquet(run, path, event_type, progress)
    elif kind == ".csv":
        from tocsin import _arrow

        _arrow.push_csv(run, path, types, event_type, progress)
    elif kind in _JSON or not kind:
        _push_json(run, path, progress)
    else:
        raise ValueError(f"{path}: events are read from .ndjson, .jsonl, .json, .parquet and .csv, JSON and CSV also .gz or .zst")


def push_events(run: Run, events: Events, types: Mapping[str, Any], event_type: str | None, progress: bool | None) -> None:
    """Pushes all of the events, and ends their sources. `types`: the event types of the rules by the name that events use."""
    if isinstance(events, (str, os.PathLike)):
        _push_file(run, Path(events), types, event_type, progress)
        return
    if hasattr(events, "__arrow_c_stream__") or hasattr(events, "__arrow_c_array__"):
        from tocsin import _arrow

        _arrow.push_table(run, events, event_type, progress)
        return
    if isinstance(events, (bytes, bytearray)):
        run.push(bytes(events))
        run.end_source("events")
        return
    if isinstance(events, Mapping) or not isinstance(events, Iterable):
        raise TypeError(f"events are a path, mappings, or a table, not {type(events).__name__}")
    bar = Progress(progress, None, " events")
    try:
        for lines, count in _lines_of(cast("Iterable[Mapping[str, Any]]", events)):
            run.push(lines)
            bar.add(count)
    finally:
        bar.close()
    run.end_source("events")
