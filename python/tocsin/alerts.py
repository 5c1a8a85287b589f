"""Alerts of a run: a sequence, and tables of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from tocsin._html import escape, table

if TYPE_CHECKING:
    import matplotlib.axes
    import pandas
    import polars
    import pyarrow

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SHOWN_IN_NOTEBOOKS = 20


def time_of(us: int) -> datetime:
    """Microseconds since the epoch as a datetime in UTC, exactly."""
    return _EPOCH + timedelta(microseconds=us)


def key_text(key: dict[str, Any]) -> str:
    """A key as one line of JSON, with its parts by name: equal keys give equal texts."""
    return json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


class Alert:
    """One alert, format 1 (docs/api-alerts.md). Numbers with a decimal point are decimal.Decimal, exactly as written."""

    def __init__(self, line: bytes) -> None:
        self.json = line.decode("utf-8")
        self.members: dict[str, Any] = json.loads(self.json, parse_float=Decimal)

    @property
    def id(self) -> str:
        """32 hex digits; the same alert has the same id wherever it is raised."""
        return str(self.members["id"])

    @property
    def rule(self) -> str:
        """The rule's id."""
        return str(self.members["rule"])

    @property
    def title(self) -> str:
        """The rule's title."""
        return str(self.members["title"])

    @property
    def key(self) -> dict[str, Any]:
        """The parts of `by` by name."""
        return dict(self.members["key"])

    @property
    def ts(self) -> int:
        """The time of the last event, or of the deadline, in microseconds since the epoch."""
        return int(self.members["ts"])

    @property
    def time(self) -> datetime:
        """The same in UTC."""
        return time_of(self.ts)

    @property
    def severity(self) -> str:
        """`info`, `low`, `medium`, `high` or `critical`."""
        return str(self.members["severity"])

    @property
    def score(self) -> int | Decimal:
        """The rule's `score`; 0 where it has none."""
        value = self.members["score"]
        return value if isinstance(value, (int, Decimal)) else Decimal(str(value))

    @property
    def tags(self) -> list[str]:
        """The rule's tags."""
        return list(self.members["tags"])

    @property
    def message(self) -> str:
        """The rule's text for this match."""
        return str(self.members["message"])

    @property
    def fields(self) -> dict[str, Any]:
        """The values that the rule adds."""
        return dict(self.members["fields"])

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that matched, in their order: `as`, `type`, `id`, `ts`, `fields`."""
        return list(self.members["events"])

    @property
    def held_back(self) -> int:
        """How many matches `once` held back since the alert before."""
        return int(self.members.get("held_back", 0))

    @property
    def late_us(self) -> int:
        """How late its latest event came."""
        return int(self.members.get("late_us", 0))

    def __getitem__(self, name: str) -> Any:
        return self.members[name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alert) and other.json == self.json

    def __hash__(self) -> int:
        return hash(self.json)

    def __repr__(self) -> str:
        return f"<Alert {self.rule} {key_text(self.key)} {self.members['time']}: {self.message}>"

    def _repr_html_(self) -> str:
        rows = [[escape(name), escape(value)] for name, value in self._facts()]
        events = [
            [escape(event["as"]), escape(event["type"]), escape(event.get("id", "")), escape(time_of(event["ts"])),
             escape(json.dumps(event["fields"], default=str, ensure_ascii=False))]
            for event in self.events
        ]
        listed = table(["as", "type", "id", "time", "fields"], events) if events else ""
        return table(["alert", escape(self.id)], rows) + listed

    def _facts(self) -> list[tuple[str, str]]:
        facts = [("rule", f"{self.rule}: {self.title}"), ("key", key_text(self.key)), ("time", str(self.time)),
                 ("severity", f"{self.severity}, score {self.score}"), ("message", self.message)]
        return facts + [(name, str(value)) for name, value in self.fields.items()]

    def plot(self, ax: matplotlib.axes.Axes | None = None) -> matplotlib.axes.Axes:
        """The alert's events along time, by step. Needs matplotlib."""
        from tocsin import _plots

        return _plots.timeline(self, ax)


@dataclass(frozen=True)
class SetAside:
    """A line or row that became no event, or came too late."""

    source: str
    line: int  # counted from 1; of a table its row
    reason: str  # why it was rejected; "" for a late event
    late_us: int  # how late it came; 0 for a rejected one
    text: str = field(repr=False)


def read_set_aside(lines: bytes) -> list[SetAside]:
    """Those of JSON lines, as tocsin_run_take() gives them (docs/c.md)."""
    read = []
    for line in lines.splitlines():
        one = json.loads(line)
        read.append(SetAside(one["input"], one["line"], one.get("reason", ""), one.get("late_us", 0), one.get("text", "")))
    return read


class Alerts(Sequence[Alert]):
    """What a run gave. `statistics` counts what it read (docs/c.md); `late` and `rejected` are the rows that it left out."""

    def __init__(self, lines: Sequence[bytes], statistics: dict[str, Any] | None = None,
                 late: Sequence[SetAside] = (), rejected: Sequence[SetAside] = ()) -> None:
        self._lines = list(lines)
        self._made: dict[int, Alert] = {}  # of the lines that somebody looked at
        self.statistics: dict[str, Any] = statistics or {}
        self.late = list(late)
        self.rejected = list(rejected)

    @classmethod
    def read(cls, path: str | Path) -> Alerts:
        """Alerts from a file of JSON lines, as `tocsin run --alerts FILE` writes it."""
        return cls([line for line in Path(path).read_bytes().splitlines() if line])

    def _at(self, place: int) -> Alert:
        if place not in self._made:
            self._made[place] = Alert(self._lines[place])
        return self._made[place]

    @overload
    def __getitem__(self, at: int) -> Alert: ...
    @overload
    def __getitem__(self, at: slice) -> Alerts: ...
    def __getitem__(self, at: int | slice) -> Alert | Alerts:
        if isinstance(at, slice):
            return self.part(range(len(self._lines))[at])
        return self._at(range(len(self._lines))[at])

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Alert]:
        return map(self._at, range(len(self._lines)))

    def of(self, rule: str) -> Alerts:
        """Those of one rule."""
        return self.part([place for place, alert in enumerate(self) if alert.rule == rule])

    def part(self, places: Sequence[int]) -> Alerts:
        """Those at these places, in this order."""
        part = Alerts([self._lines[place] for place in places], self.statistics)
        part._made = {new: self._made[old] for new, old in enumerate(places) if old in self._made}
        return part

    def by_rule(self) -> dict[str, int]:
        """How many each rule raised, most first."""
        return dict(Counter(alert.rule for alert in self).most_common())

    def to_ndjson(self) -> bytes:
        """The lines that `tocsin run` writes, each with its end."""
        return b"".join(line + b"\n" for line in self._lines)

    def to_arrow(self, expand: bool = False) -> pyarrow.Table:
        """A table with a row for each alert.

        Columns: id, rule, title, key (one line of JSON), time, severity, score, tags, message, events (how many), event_ids,
        held_back, late_us, json (the whole alert). With `expand`, also `key.NAME` and `fields.NAME` for each name that
        occurs; decimals stay exact. Needs pyarrow.
        """
        from tocsin import _tables

        return _tables.arrow_of(list(self), expand)

    def to_pandas(self, expand: bool = False) -> pandas.DataFrame:
        """to_arrow() as a pandas frame. Needs pyarrow and pandas."""
        frame: pandas.DataFrame = self.to_arrow(expand).to_pandas()
        return frame

    def to_polars(self, expand: bool = False) -> polars.DataFrame:
        """to_arrow() as a polars frame. Needs pyarrow and polars."""
        import polars

        frame = polars.from_arrow(self.to_arrow(expand))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def plot_per_day(self, ax: matplotlib.axes.Axes | None = None) -> matplotlib.axes.Axes:
        """Alerts of each day (UTC), stacked by rule. Needs matplotlib."""
        from tocsin import _plots

        return _plots.per_day(list(self), ax)

    def __repr__(self) -> str:
        rules = ", ".join(f"{rule} {count}" for rule, count in self.by_rule().items())
        return f"<Alerts: {len(self)}{': ' if rules else ''}{rules}>"

    def _repr_html_(self) -> str:
        rows = [
            [escape(alert.time), escape(alert.rule), escape(alert.severity), escape(key_text(alert.key)), escape(alert.message)]
            for alert in self[:_SHOWN_IN_NOTEBOOKS]
        ]
        more = len(self) - len(rows)
        note = f"{len(self):,} alerts" + (f", {more:,} of them not shown" if more > 0 else "")
        return table(["time", "rule", "severity", "key", "message"], rows, note)
