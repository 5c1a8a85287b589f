"""Alerts of one set of rules beside those of another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin._html import escape, table
from tocsin.alerts import Alert, Alerts, key_text

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class RuleChange:
    """What became of the alerts of one rule."""

    rule: str
    before: int
    now: int
    same: int
    added: int
    gone: int


class Comparison:
    """`added` are alerts that only the new side has, `gone` those that only the old side had, `same` those of both, as the new
    side has them; `rules` counts them by rule."""

    def __init__(self, added: Alerts, gone: Alerts, same: Alerts, rules: list[RuleChange]) -> None:
        self.added = added
        self.gone = gone
        self.same = same
        self.rules = rules

    def to_pandas(self) -> pandas.DataFrame:
        """The counts, a row for each rule. Needs pandas."""
        import pandas

        return pandas.DataFrame([vars(rule) for rule in self.rules], columns=["rule", "before", "now", "same", "added", "gone"])

    def __repr__(self) -> str:
        return f"<Comparison: {len(self.same)} same, {len(self.added)} added, {len(self.gone)} gone>"

    def _repr_html_(self) -> str:
        rows = [
            [escape(one.rule), str(one.before), str(one.now), str(one.same), str(one.added), str(one.gone)] for one in self.rules
        ]
        return table(["rule", "before", "now", "same", "added", "gone"], rows)


def _place(alert: Alert) -> tuple[str, str, int, str]:
    """Equal for alerts that are the same: rule, key, time and last event (docs/backtest.md)."""
    last = alert.events[-1] if alert.events else {}
    event = f"{last.get('type', '')} {last.get('id') or last.get('ts', '')}"
    return alert.rule, key_text(alert.key), alert.ts, event


def compare(old: Alerts, new: Alerts) -> Comparison:
    """Which alerts of `new` were in `old` too. An alert is the same if it is of the same rule, on the same key, at the same
    time, with the same last event; each is paired with one at most."""
    waiting: dict[tuple[str, str, int, str], list[int]] = defaultdict(list)
    for number, alert in enumerate(old):
        waiting[_place(alert)].append(number)
    for numbers in waiting.values():
        numbers.reverse()  # the first is taken first, from the end
    added: list[int] = []
    same: list[int] = []
    paired: set[int] = set()
    for number, alert in enumerate(new):
        if unpaired := waiting.get(_place(alert)):
            paired.add(unpaired.pop())
            same.append(number)
        else:
            added.append(number)
    comparison = new.part(added), old.part([number for number in range(len(old)) if number not in paired]), new.part(same)
    before, now, added_by, gone_by, same_by = (alerts.by_rule() for alerts in (old, new, *comparison))
    rules = [
        RuleChange(rule, before.get(rule, 0), now.get(rule, 0), same_by.get(rule, 0), added_by.get(rule, 0), gone_by.get(rule, 0))
        for rule in sorted(before.keys() | now.keys())
    ]
    return Comparison(*comparison, rules)
