"""Errors and warnings of rules, with their places."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from tocsin._html import escape, table


@dataclass(frozen=True)
class Span:
    """A place in a rule file. Lines and columns count from 1; the end is behind the last character."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Edit:
    """What would repair a mistake: `text` in place of `span`."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning, as `tocsin check` prints it."""

    level: str  # "error" or "warning"
    code: str  # such as "E0201"; "" where there is none
    message: str
    span: Span | None = None
    label: str = ""  # what is to be said at the place
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    edit: Edit | None = None
    labels: tuple[tuple[Span, str], ...] = field(default=(), repr=False)  # other places that matter

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span is not None else ""
        code = f"[{self.code}]" if self.code else ""
        lines = [f"{place}{self.level}{code}: {self.message}"]
        if self.label:
            lines.append(f"  {self.label}")
        lines += [f"  {span}: {text}" for span, text in self.labels]
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  help: {text}" for text in self.helps]
        return "\n".join(lines)


class Diagnostics(Sequence[Diagnostic]):
    """A sequence of Diagnostic, in the order in which `tocsin check` prints them."""

    def __init__(self, all_: Sequence[Diagnostic]) -> None:
        self._all = tuple(all_)

    @property
    def errors(self) -> Diagnostics:
        """Those because of which the rules cannot run."""
        return Diagnostics([one for one in self._all if one.level == "error"])

    @property
    def warnings(self) -> Diagnostics:
        """Those that leave the rules usable."""
        return Diagnostics([one for one in self._all if one.level != "error"])

    @overload
    def __getitem__(self, at: int) -> Diagnostic: ...
    @overload
    def __getitem__(self, at: slice) -> Diagnostics: ...
    def __getitem__(self, at: int | slice) -> Diagnostic | Diagnostics:
        return Diagnostics(self._all[at]) if isinstance(at, slice) else self._all[at]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._all)

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self._all)

    def __repr__(self) -> str:
        return f"<Diagnostics: {len(self.errors)} errors, {len(self.warnings)} warnings>"

    def _repr_html_(self) -> str:
        if not self._all:
            return "<p>No errors, no warnings.</p>"
        rows = []
        for one in self._all:
            more = [one.label, *(f"{span}: {text}" for span, text in one.labels), *one.notes, *one.helps]
            text = escape(one.message) + "".join(f"<br><small>{escape(line)}</small>" for line in more if line)
            rows.append([escape(one.level), escape(one.code), escape(str(one.span or "")), text])
        return table(["level", "code", "place", "message"], rows)


def _span(json_: dict[str, Any]) -> Span | None:
    if "file" not in json_ or "line" not in json_:
        return None
    line, column = int(json_["line"]), int(json_.get("column", 1))
    return Span(json_["file"], line, column, int(json_.get("end_line", line)), int(json_.get("end_column", column)))


def _diagnostic(json_: dict[str, Any]) -> Diagnostic:
    edit = None
    if json_.get("edit"):
        span = _span(json_["edit"])
        edit = Edit(span, json_["edit"]["text"]) if span is not None else None
    labels = tuple(
        (span, str(label.get("label") or label.get("message") or ""))
        for label in json_.get("labels", [])
        if (span := _span(label)) is not None
    )
    return Diagnostic(
        level=json_["level"],
        code=json_.get("code", ""),
        message=json_["message"],
        span=_span(json_),
        label=json_.get("label") or "",
        notes=tuple(json_.get("notes", [])),
        helps=tuple(json_.get("helps", [])),
        edit=edit,
        labels=labels,
    )


def read_diagnostics(lines: bytes) -> Diagnostics:
    """Those of JSON lines, as `tocsin check --format json` prints them."""
    return Diagnostics([_diagnostic(json.loads(line)) for line in lines.splitlines() if line])
