"""Runs of rules over events."""

from __future__ import annotations

import json
import sys
import threading
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, TypeVar

from tocsin import _native
from tocsin.alerts import Alerts, read_set_aside
from tocsin.errors import LimitError

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# A piece is small enough that Ctrl-C is answered at once, and large enough that calls cost nothing.
_PIECE_BYTES = 1 << 18
_PIECE_ROWS = 1 << 14
_ROW_BYTES = 128  # about as long as its line would be
# Output is taken out before what waits can reach the library's limit.
_TAKE_AFTER_BYTES = 1 << 24


def duration_text(duration: str | timedelta | None) -> str | None:
    """A duration as rules write it: "5s" as it is, a timedelta in milliseconds."""
    if isinstance(duration, timedelta):
        if duration.microseconds % 1_000:
            raise ValueError(f"a duration is of whole milliseconds, not {duration}")
        return f"{(duration.days * 86_400 + duration.seconds) * 1_000 + duration.microseconds // 1_000}ms"
    return duration


def _micros(time: int | datetime) -> int:
    if isinstance(time, int):
        return time
    since = (time if time.tzinfo else time.replace(tzinfo=timezone.utc)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def interruptible(work: Callable[[], T]) -> T:
    """The result of `work()`, which runs beside, so that Ctrl-C is answered although it goes on for a while."""
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="tocsin", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
    if failures:
        raise failures[0]
    return results[0]


class Run:
    """One run of rules, fed piece by piece: push events, move time, take alerts.

    `Rules.run()` does all of it for events that are there; this is for those that come. Use it as a context manager, or call
    finish(). docs/c.md says how sources, watermarks and limits work; options are those of tocsin_run_open().
    """

    def __init__(self, pack: _native.Pack, options: dict[str, Any]) -> None:
        options = {name: duration_text(value) if isinstance(value, timedelta) else value for name, value in options.items()}
        self._run = _native.Run(pack, json.dumps(options))
        self._sources: dict[str, int] = {}
        self._outputs: dict[int, list[bytes]] = {_native.ALERTS: [], _native.LATE: [], _native.REJECTED: []}
        self._since_taken = 0
        self._is_finished = False

    def push(self, data: bytes | str, source: str = "events") -> None:
        """JSON objects, one a line; the last line may be cut, and goes on with the next call."""
        if isinstance(data, str):
            data = data.encode("utf-8")
        number = self._source(source)
        at = 0
        while at < len(data):
            taken, why = self._run.push(number, data, at, _PIECE_BYTES)
            at += taken
            self._since_taken += taken
            if why is not None:
                if taken == 0 and not self._take_all():
                    raise LimitError(why, "limit")
            elif self._since_taken >= _TAKE_AFTER_BYTES:
                self._take_all()

    def push_table(self, table: Any, event_type: str | None = None, source: str = "events",
                   took: Callable[[int], None] | None = None) -> None:
        """The rows of a table, in their order: of pyarrow, pandas, polars, DuckDB or whatever else speaks the Arrow C data
        interface. `event_type` is the type of all rows; None: a column `type` says it. A table of a million rows is read as
        fast as it comes, without becoming text. `took` hears how many rows were taken, again and again."""
        from tocsin._arrow import batches_of

        number = self._source(source)
        batches = batches_of(table)
        if event_type is None and "type" not in batches.columns():
            raise ValueError("the table has no column `type`: say event_type=")
        while batches.next():
            at = 0
            while at < batches.rows():
                taken, why = batches.push(self._run, number, event_type or "", at, _PIECE_ROWS)
                at += taken
                if took is not None:
                    took(taken)
                self._since_taken += taken * _ROW_BYTES
                if why is not None:
                    if taken == 0 and not self._take_all():
                        raise LimitError(why, "limit")
                elif self._since_taken >= _TAKE_AFTER_BYTES:
                    self._take_all()

    def end_source(self, source: str) -> None:
        """Nothing more comes from the source."""
        self._run.end_source(self._source(source))

    def set_clock(self, now: int | datetime) -> None:
        """What a clock shows, for `ahead_max`: microseconds since the epoch, or a datetime (UTC where it says nothing)."""
        self._run.set_clock(_micros(now))

    def advance(self, watermark: int | datetime) -> None:
        """Promises that no event before this time follows; deadlines up to it pass."""
        self._run.advance(_micros(watermark))

    def finish(self, end_of_time: bool = True) -> None:
        """Ends all sources. With `end_of_time` every deadline passes, as at the end of `tocsin run`."""
        if not self._is_finished:
            interruptible(lambda: self._run.finish(end_of_time))
            self._is_finished = True

    def alerts(self) -> Alerts:
        """What is decided since the last call: alerts, late events, rejected lines; and counts of all so far."""
        self._take_all()
        taken = {kind: b"".join(pieces) for kind, pieces in self._outputs.items()}
        for pieces in self._outputs.values():
            pieces.clear()
        return Alerts(taken[_native.ALERTS].splitlines(), self.statistics, read_set_aside(taken[_native.LATE]),
                      read_set_aside(taken[_native.REJECTED]))

    @property
    def statistics(self) -> dict[str, Any]:
        """Counts of all so far, the memory in use, and each source (docs/c.md)."""
        read: dict[str, Any] = json.loads(self._run.statistics())
        return read

    @property
    def watermark(self) -> datetime | None:
        """The time up to which all is processed; None before the first event and after the end of time."""
        us = self._run.watermark()
        try:
            return _EPOCH + timedelta(microseconds=us)
        except OverflowError:
            return None

    def _source(self, name: str) -> int:
        if name not in self._sources:
            self._sources[name] = self._run.source(name)
        return self._sources[name]

    def _take_all(self) -> bool:
        """Whether anything was there."""
        self._since_taken = 0
        any_ = False
        for kind, pieces in self._outputs.items():
            lines = self._run.take(kind)
            if lines:
                pieces.append(lines)
                any_ = True
        return any_

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.finish()


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def warn_of_losses(alerts: Alerts) -> None:
    """Warns of rows that took no part, which a notebook's user would else not see."""
    counts = alerts.statistics
    if counts.get("late"):
        warnings.warn(
            f"{_count(counts['late'], 'event')} came too late and took no part (alerts.late): sort the events by time, or set "
            "out_of_orderness", stacklevel=3)
    if counts.get("rejected"):
        why = f", the first in line {alerts.rejected[0].line}: {alerts.rejected[0].reason}" if alerts.rejected else ""
        warnings.warn(f"{_count(counts['rejected'], 'row')} could not be read as events (alerts.rejected){why}", stacklevel=3)
    if counts.get("fields_missing"):
        examples = counts.get("fields_missing_examples") or [""]
        warnings.warn(f"{_count(counts['fields_missing'], 'value')} missing or not of the field's type, the first {examples[0]}",
                      stacklevel=3)


class Progress:
    """Says how far a run is: by tqdm, where that is installed and somebody looks."""

    def __init__(self, wanted: bool | None, total: int | None, unit: str) -> None:
        self._bar: Any = None
        if wanted is None:
            wanted = sys.stderr.isatty() or "ipykernel" in sys.modules
        if wanted:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=total, unit=unit, unit_scale=True, desc="tocsin", leave=False)

    def add(self, count: int) -> None:
        """`count` more of the unit were read."""
        if self._bar is not None:
            self._bar.update(count)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
