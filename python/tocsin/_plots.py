"""Pictures of alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from tocsin.alerts import time_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tocsin.alerts import Alert


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    made: Axes = plt.subplots(figsize=(9, 4), layout="constrained")[1]
    return made


def per_day(alerts: Sequence[Alert], ax: Axes | None) -> Axes:
    """See Alerts.plot_per_day()."""
    ax = _axes(ax)
    counts = Counter((alert.rule, alert.time.date()) for alert in alerts)
    rules = [rule for rule, _ in Counter(alert.rule for alert in alerts).most_common()]
    days: list[date] = []
    if alerts:
        first, last = min(day for _, day in counts), max(day for _, day in counts)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    below = [0] * len(days)
    for rule in rules:
        height = [counts[rule, day] for day in days]
        ax.bar([str(day) for day in days], height, bottom=below, label=rule)
        below = [low + more for low, more in zip(below, height)]
    ax.set_ylabel("alerts")
    ax.set_title("Alerts per day (UTC)")
    ax.tick_params(axis="x", labelrotation=45)
    if rules:
        ax.legend(title="rule")
    return ax


def timeline(alert: Alert, ax: Axes | None) -> Axes:
    """See Alert.plot()."""
    ax = _axes(ax)
    steps = list(dict.fromkeys(event["as"] for event in alert.events))
    for place, step in enumerate(steps):
        times = [time_of(event["ts"]) for event in alert.events if event["as"] == step]
        ax.scatter(times, [place] * len(times), s=60)  # type: ignore[arg-type]
    ax.axvline(alert.time, linestyle="--", linewidth=1, color="black")  # type: ignore[arg-type]
    ax.set_yticks(range(len(steps)), steps)
    ax.set_ylim(-0.5, max(len(steps) - 0.5, 0.5))
    ax.invert_yaxis()
    ax.set_title(f"{alert.rule}: {alert.message}", loc="left", parse_math=False)
    return ax
