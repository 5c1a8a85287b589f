"""Labels: what is known of the past, and what alerts made of it (docs/backtest.md, Labels)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Union

from tocsin._html import escape, table
from tocsin.alerts import Alert, Alerts, key_text

if TYPE_CHECKING:
    import pandas

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Label:
    """One case: events by their ids, or a key in a span of time (microseconds); a fraud, or looked at and in order."""

    events: tuple[str, ...] = ()
    key: Mapping[str, Any] | None = None
    first_ts: int | None = None
    last_ts: int | None = None
    is_fraud: bool = True
    scenario: str = ""


Labels = Union[str, Path, Iterable[Union[Label, Mapping[str, Any]]]]


@dataclass(frozen=True)
class RuleScore:
    """What labels say of one rule's alerts; `rule` is "" for all rules together."""

    rule: str
    alerts: int
    fraud: int  # alerts that found a fraud
    ok: int  # others that found a case which is in order
    unlabelled: int  # all others
    found: int  # frauds that an alert found
    frauds: int  # that there were in the time of the events
    delays: tuple[timedelta, ...] = field(default=(), repr=False)  # from a fraud's begin to its first alert, shortest first

    @property
    def precision(self) -> float | None:
        """The share of alerts that found a fraud; None without alerts."""
        return self.fraud / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """The share of frauds that were found; None without frauds."""
        return self.found / self.frauds if self.frauds else None

    @property
    def delay(self) -> timedelta | None:
        """The median time from a fraud's begin to its first alert; None where no begin is known."""
        return timedelta(seconds=median(one.total_seconds() for one in self.delays)) if self.delays else None


class Scores(Sequence[RuleScore]):
    """One RuleScore for each rule with alerts, by name; `total` is for all rules together. `left_out` frauds lie wholly
    outside of the time of the events."""

    def __init__(self, rules: Sequence[RuleScore], total: RuleScore, left_out: int) -> None:
        self._rules = list(rules)
        self.total = total
        self.left_out = left_out

    def __getitem__(self, at: Any) -> Any:
        """By place, or by the rule's name."""
        if isinstance(at, str):
            for one in self._rules:
                if one.rule == at:
                    return one
            raise KeyError(f"no alert is of a rule named {at}")
        return self._rules[at]

    def __len__(self) -> int:
        return len(self._rules)

    def to_pandas(self) -> pandas.DataFrame:
        """A row for each rule. Needs pandas."""
        import pandas

        names = ["rule", "alerts", "fraud", "ok", "unlabelled", "found", "frauds", "precision", "recall", "delay"]
        return pandas.DataFrame([[getattr(one, name) for name in names] for one in self._rules], columns=names)

    def __repr__(self) -> str:
        return f"<Scores: {self.total.found} of {self.total.frauds} frauds found by {self.total.alerts} alerts>"

    def _repr_html_(self) -> str:
        def share(value: float | None) -> str:
            return "" if value is None else f"{100 * value:.1f} %"

        rows = [
            [escape(one.rule or "all rules"), str(one.alerts), str(one.fraud), str(one.ok), str(one.unlabelled),
             share(one.precision), f"{one.found} of {one.frauds}", share(one.recall), escape(one.delay or "")]
            for one in [*self._rules, self.total]
        ]
        head = ["rule", "alerts", "fraud", "ok", "no label", "precision", "frauds found", "recall", "median delay"]
        return table(head, rows, f"{self.left_out} frauds of another time than the events" if self.left_out else "")


def _micros(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as error:
            raise ValueError(f"{name} is no time: {value!r}; write microseconds or 2026-03-02T09:00:00Z") from error
    if isinstance(value, datetime):
        since = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)) - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{name} is no time: {value!r}; write microseconds or 2026-03-02T09:00:00Z")


def _label(given: Mapping[str, Any], where: str) -> Label:
    events = tuple(str(one) for one in given.get("events") or ([given["event"]] if given.get("event") is not None else []))
    key = None if events else given.get("key")
    if not events and not key:
        raise ValueError(f"{where}: a label names an event, events, or a key with first_ts and last_ts")
    if given.get("label", "fraud") not in ("fraud", "ok"):
        raise ValueError(f"{where}: label is {given['label']!r}, not 'fraud' or 'ok'")
    first, last = _micros(given.get("first_ts"), f"{where}: first_ts"), _micros(given.get("last_ts"), f"{where}: last_ts")
    if key and (first is None or last is None):
        raise ValueError(f"{where}: a label with a key needs first_ts and last_ts")
    return Label(events, key, first, last, given.get("label", "fraud") == "fraud", str(given.get("scenario") or ""))


def read_labels(labels: Labels) -> list[Label]:
    """Labels of a file with a JSON object a line, or of objects of that form."""
    read = []
    if isinstance(labels, (str, Path)):
        for number, line in enumerate(Path(labels).read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                where = f"{labels}:{number}"
                try:
                    read.append(_label(json.loads(line, parse_float=Decimal), where))
                except json.JSONDecodeError as error:
                    raise ValueError(f"{where}: {error}") from error
        return read
    for number, one in enumerate(labels, start=1):
        read.append(one if isinstance(one, Label) else _label(one, f"label {number}"))
    return read


class _Finder:
    """Finds the cases of alerts."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self.labels = labels
        self._by_event: dict[str, list[int]] = defaultdict(list)
        self._by_key: dict[str, list[int]] = defaultdict(list)
        for number, label in enumerate(labels):
            for event in label.events:
                self._by_event[event].append(number)
            if label.key:
                self._by_key[key_text(dict(label.key))].append(number)

    def find(self, alert: Alert) -> set[int]:
        found = {number for event in alert.events for number in self._by_event.get(str(event.get("id")), ())}
        for number in self._by_key.get(key_text(alert.key), ()):
            first, last = self.labels[number].first_ts, self.labels[number].last_ts
            if first is not None and last is not None and first <= alert.ts <= last:
                found.add(number)
        return found


def _begin(label: Label, alert: Alert) -> int | None:
    """When the fraud began, as far as label and alert say."""
    if label.first_ts is not None:
        return label.first_ts
    times = [int(event["ts"]) for event in alert.events if event.get("id") in label.events]
    return min(times, default=None)


def _score(rule: str, alerts: Sequence[tuple[Alert, set[int]]], labels: Sequence[Label], counted: set[int]) -> RuleScore:
    fraud = ok = 0
    first: dict[int, Alert] = {}
    for alert, found in alerts:
        frauds = {number for number in found if labels[number].is_fraud}
        fraud += bool(frauds)
        ok += bool(found) and not frauds
        for number in frauds & counted:
            if number not in first or alert.ts < first[number].ts:
                first[number] = alert
    delays = sorted(
        timedelta(microseconds=alert.ts - begin)
        for number, alert in first.items()
        if (begin := _begin(labels[number], alert)) is not None
    )
    return RuleScore(rule, len(alerts), fraud, ok, len(alerts) - fraud - ok, len(first), len(counted), tuple(delays))


def score(alerts: Alerts, labels: Labels) -> Scores:
    """Precision, recall and delay by rule.

    `labels` is a file (docs/backtest.md says what stands in it), or labels, or mappings of the same form. An alert finds a case
    if it lists one of its events, or has its key within its span. Frauds wholly outside of the time of the run's events are
    left out.
    """
    read = read_labels(labels)
    first, last = alerts.statistics.get("first_event_us"), alerts.statistics.get("last_event_us")
    counted, left_out = set(), 0
    for number, label in enumerate(read):
        outside = (last is not None and label.first_ts is not None and label.first_ts > last) or (
            first is not None and label.last_ts is not None and label.last_ts < first
        )
        if label.is_fraud and not outside:
            counted.add(number)
        left_out += label.is_fraud and outside
    finder = _Finder(read)
    found = [(alert, finder.find(alert)) for alert in alerts]
    by_rule: dict[str, list[tuple[Alert, set[int]]]] = defaultdict(list)
    for one in found:
        by_rule[one[0].rule].append(one)
    rules = [_score(rule, by_rule[rule], read, counted) for rule in sorted(by_rule)]
    return Scores(rules, _score("", found, read, counted), left_out)
