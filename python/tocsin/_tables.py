"""Alerts as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from tocsin.alerts import Alert

_TIME = pa.timestamp("us", tz="UTC")
_SCORE = pa.decimal128(38, 9)
_SCHEMA = pa.schema(
    [
        ("id", pa.string()), ("rule", pa.string()), ("title", pa.string()), ("key", pa.string()), ("time", _TIME),
        ("severity", pa.string()), ("score", _SCORE), ("tags", pa.list_(pa.string())), ("message", pa.string()),
        ("events", pa.int64()), ("event_ids", pa.list_(pa.string())), ("held_back", pa.int64()), ("late_us", pa.int64()),
        ("json", pa.string()),
    ]
)


def _row(alert: Alert) -> dict[str, Any]:
    from tocsin.alerts import key_text

    return {
        "id": alert.id, "rule": alert.rule, "title": alert.title, "key": key_text(alert.key), "time": alert.ts,
        "severity": alert.severity, "score": Decimal(alert.score).quantize(Decimal("1e-9")), "tags": alert.tags,
        "message": alert.message, "events": len(alert.events),
        "event_ids": [event["id"] for event in alert.events if "id" in event],
        "held_back": alert.held_back, "late_us": alert.late_us, "json": alert.json,
    }


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
    made = pa.Table.from_pylist([_row(alert) for alert in alerts], schema=_SCHEMA)
    if not expand:
        return made
    for member in ("key", "fields"):
        all_ = [alert.members[member] for alert in alerts]
        for name in sorted({name for one in all_ for name in one}):
            made = made.append_column(f"{member}.{name}", _values([one.get(name) for one in all_]))
    return made
