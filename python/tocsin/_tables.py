"""Alerts as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from tocsin.alerts import Alert

_SCORE = Decimal("1e-9")


def _values(values: list[Any]) -> pa.Array:
    """A column of JSON values: of their own type where all have the same, else as text."""
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    if kinds <= {int, Decimal} and Decimal in kinds:
        exact = [None if value is None else Decimal(value) for value in values]
        scale = max(-int(value.as_tuple().exponent) for value in exact if value is not None)
        scale = max(scale, 0)
        digits = max(len(value.as_tuple().digits) for value in exact if value is not None)
        if digits + scale <= 38:
            return pa.array(exact, pa.decimal128(38, scale))
    elif kinds in ({str}, {bool}):
        return pa.array(values)
    elif kinds == {int} and all(-(1 << 63) <= value < 1 << 63 for value in present):
        return pa.array(values, pa.int64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def arrow_of(alerts: Sequence[Alert], expand: bool) -> pa.Table:
    """See Alerts.to_arrow()."""
    from tocsin.alerts import key_text

    members = [alert.members for alert in alerts]
    event_ids = [[event["id"] for event in one["events"] if "id" in event] for one in members]
    made = pa.table({
        **{name: pa.array([one[name] for one in members], pa.string()) for name in ("id", "rule", "title")},
        "key": pa.array([key_text(one["key"]) for one in members], pa.string()),
        "time": pa.array([one["ts"] for one in members], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "severity": pa.array([one["severity"] for one in members], pa.string()),
        "score": pa.array([Decimal(alert.score).quantize(_SCORE) for alert in alerts], pa.decimal128(38, 9)),
        "tags": pa.array([one["tags"] for one in members], pa.list_(pa.string())),
        "message": pa.array([one["message"] for one in members], pa.string()),
        "events": pa.array([len(one["events"]) for one in members], pa.int64()),
        "event_ids": pa.array(event_ids, pa.list_(pa.string())),
        "held_back": pa.array([one.get("held_back", 0) for one in members], pa.int64()),
        "late_us": pa.array([one.get("late_us", 0) for one in members], pa.int64()),
        "json": pa.array([alert.json for alert in alerts], pa.string()),
    })
    if not expand:
        return made
    for member in ("key", "fields"):
        all_ = [one[member] for one in members]
        for name in sorted({name for one in all_ for name in one}):
            made = made.append_column(f"{member}.{name}", _values([one.get(name) for one in all_]))
    return made
