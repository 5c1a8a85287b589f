"""Rules: loading, checking, testing, explaining and running them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Union

from tocsin import _native
from tocsin._html import escape, table
from tocsin._sources import Events, push_events
from tocsin.alerts import Alerts
from tocsin.diagnostics import Diagnostics, read_diagnostics
from tocsin.errors import RuleError
from tocsin.run import Run, duration_text, warn_of_losses
from tocsin.testing import TestReport, run_tests

Paths = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]


@dataclass(frozen=True)
class RuleInfo:
    """A rule, in short."""

    id: str
    name: str
    title: str
    status: str  # "live", "shadow", "internal" or "draft"
    key: tuple[str, ...]  # the parts of `by`
    events: tuple[str, ...]  # the event types that it looks at


class Explanation:
    """A rule in plain English: str() is the text, `members` the same by aspect (docs/cli.md, tocsin explain)."""

    def __init__(self, rule: str, text: str, members: dict[str, Any]) -> None:
        self.rule = rule
        self.text = text
        self.members = members

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Explanation of {self.rule}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"


class Rules:
    """Rules that were checked and compiled. They do not change; each run of them has its own state."""

    def __init__(self, pack: _native.Pack, diagnostics: Diagnostics, source: _Source) -> None:
        self._pack = pack
        self._source = source
        #: Warnings that loading gave.
        self.diagnostics = diagnostics

    @classmethod
    def load(cls, path: Paths) -> Rules:
        """Rule files, and folders with .tocsin files below them. Raises RuleError if they have errors."""
        paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
        return cls._made(_Source(files=[os.fspath(one) for one in paths]))

    @classmethod
    def from_text(cls, text: str, name: str = "rules.tocsin") -> Rules:
        """The rules of a text; `name` stands in messages."""
        return cls.from_texts({name: text})

    @classmethod
    def from_texts(cls, texts: Mapping[str, str | bytes]) -> Rules:
        """Rule files and data files by their names; no file is read. Files find each other by relative paths."""
        return cls._made(_Source(texts=[(name, text.encode("utf-8") if isinstance(text, str) else text)
                                        for name, text in texts.items()]))

    @classmethod
    def _made(cls, source: _Source) -> Rules:
        pack, diagnostics = source.load(warn_of_untested=False)
        if pack is None:
            raise RuleError(diagnostics)
        return cls(pack, diagnostics, source)

    def check(self, untested: bool = True) -> Diagnostics:
        """Reads the rules again, and gives all errors and warnings; with `untested` also which rules no test shows firing and
        not firing. These rules stay as they are."""
        return self._source.load(warn_of_untested=untested)[1]

    def test(self, *filters: str, progress: bool | None = None) -> TestReport:
        """Runs the tests in the rule files, as `tocsin test` does; with filters only those whose rule and title have one of
        these texts (with * or ?: have all of this shape). The report is true if none failed."""
        return run_tests(self._pack, filters, progress)

    def explain(self, rule: str, columns: int = 100) -> Explanation:
        """What the rule of this id or name does, in plain English, as `tocsin explain` says it."""
        try:
            text = self._pack.explain(rule, json.dumps({"columns": columns}))
            members = self._pack.explain(rule, json.dumps({"format": "json"}))
        except FileNotFoundError as error:
            raise KeyError(str(error)) from None
        return Explanation(rule, text.decode("utf-8"), json.loads(members))

    @cached_property
    def description(self) -> dict[str, Any]:
        """What the rules need and have: event types with fields, rules, features, keys, lists (docs/c.md)."""
        read: dict[str, Any] = json.loads(self._pack.describe())
        return read

    @property
    def rules(self) -> list[RuleInfo]:
        """All rules that run, in their order."""
        keys = self.description["keys"]
        return [
            RuleInfo(one["id"], one["name"], one["title"], one["status"],
                     tuple(part["name"] for part in keys[one["key"]]["parts"]) if one.get("key") is not None else (),
                     tuple(one["events"]))
            for one in self.description["rules"]
        ]

    def open(self, *, out_of_orderness: str | timedelta | None = None, **options: Any) -> Run:
        """A run that is fed piece by piece. Options are those of tocsin_run_open() (include/tocsin.h)."""
        return Run(self._pack, {"out_of_orderness": duration_text(out_of_orderness), **options})

    def run(self, events: Events, *, out_of_orderness: str | timedelta | None = None, event_type: str | None = None,
            end_of_time: bool = True, progress: bool | None = None, **options: Any) -> Alerts:
        """The alerts of all these events.

        `events`: a file (.ndjson, .jsonl, .json, .parquet, .csv; JSON and CSV also .gz and .zst), the bytes of JSON lines, an
        iterable of mappings, or a table: of pyarrow, pandas, polars, DuckDB or whatever else speaks the Arrow C data interface. They are in the order
        of time but for `out_of_orderness`; later ones are left out, with a warning.
        `event_type`: the type of all rows of a table that has no column `type`.
        `end_of_time`: whether every deadline passes at the end, so that absences are decided.
        `progress`: whether a bar is shown (by tqdm); None: where somebody looks.
        Further options are those of tocsin_run_open() (include/tocsin.h).
        """
        types = {one["json_type"]: one for one in self.description["types"]}
        if event_type is not None and event_type not in types:
            raise ValueError(f"no rule file declares an event type {event_type!r}; there are {', '.join(types)}")
        run = self.open(out_of_orderness=out_of_orderness, **options)
        push_events(run, events, types, event_type, progress)
        run.finish(end_of_time)
        alerts = run.alerts()
        warn_of_losses(alerts)
        return alerts

    def __repr__(self) -> str:
        return f"<Rules: {', '.join(rule.id for rule in self.rules)}>"

    def _repr_html_(self) -> str:
        rows = [[escape(one.id), escape(one.title), escape(one.status), escape(", ".join(one.key)), escape(", ".join(one.events))]
                for one in self.rules]
        return table(["rule", "title", "status", "by", "events"], rows) + (
            self.diagnostics._repr_html_() if self.diagnostics else "")


class _Source:
    """Where rules come from."""

    def __init__(self, files: list[str] | None = None, texts: list[tuple[str, bytes]] | None = None) -> None:
        self.files = files
        self.texts = texts

    def load(self, warn_of_untested: bool) -> tuple[_native.Pack | None, Diagnostics]:
        options = json.dumps({"warn_of_untested": warn_of_untested})
        if self.files is not None:
            pack, lines = _native.load_files(self.files, options)
        else:
            pack, lines = _native.load_texts(self.texts or [], options)
        return pack, read_diagnostics(lines)
