"""Runs over tables: the alerts of their lines, without a way through text."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import LOGINS, START, login_events

import tocsin

pa = pytest.importorskip("pyarrow")

PAYMENTS = """event payment { ts: time, id: string id, card: string, amount: decimal(2), merchant: string?, risk: float?, tries: int?,
  mobile: bool?, country: string? from "place.country" }
rule large "Large" {
  by card
  when payment as p where amount > 90 or risk > 0.9
  alert "{p.amount} at {p.merchant}" { amount: p.amount, tries: p.tries, risk: p.risk, country: p.country }
}
rule rising "Rising" {
  by card
  when payment as a then next payment as b where amount > a.amount then next payment as c where amount > b.amount within 1h
  alert "{a.amount}, {b.amount}, {c.amount}" { sum: a.amount + b.amount + c.amount }
}
"""


def payments(count: int, seed: int) -> pa.Table:
    """A table with every kind of column, nulls and several chunks."""
    chance = random.Random(seed)
    time, rows = datetime(2026, 3, 2, 12, tzinfo=timezone.utc), []
    for number in range(count):
        time += timedelta(microseconds=chance.randrange(10_000_000))
        maybe = chance.random() < 0.7
        rows.append({
            "type": "payment", "ts": time, "id": f"p{number}", "card": f"c{chance.randrange(20)}",
            "amount": Decimal(chance.randrange(10_000)) / 100, "merchant": chance.choice(["Łódź", 'x"y', "m1"]) if maybe else None,
            "risk": chance.random() if maybe else None, "tries": chance.randrange(9) if maybe else None,
            "mobile": chance.choice([True, False, None]), "place": {"country": chance.choice(["AT", "DE", None])},
        })
    schema = pa.schema([("type", pa.dictionary(pa.int8(), pa.string())), ("ts", pa.timestamp("us", tz="UTC")), ("id", pa.string()),
                        ("card", pa.large_string()), ("amount", pa.decimal128(12, 2)), ("merchant", pa.string()),
                        ("risk", pa.float64()), ("tries", pa.int32()), ("mobile", pa.bool_()),
                        ("place", pa.struct([("country", pa.string())]))])
    batches = [pa.RecordBatch.from_pylist(rows[begin:begin + 700], schema=schema) for begin in range(0, count, 700)]
    return pa.Table.from_batches(batches, schema)


def lines_of(table: pa.Table) -> list[dict[str, object]]:
    """The same as mappings: what is null is not there."""
    rows = []
    for row in table.to_pylist():
        row["place"] = {name: value for name, value in row["place"].items() if value is not None}
        rows.append({name: value for name, value in row.items() if value is not None})
    return rows


@pytest.fixture(scope="module")
def rules() -> tocsin.Rules:
    return tocsin.Rules.from_text(PAYMENTS, "payments.tocsin")


@pytest.mark.parametrize("seed", range(3))
def test_tables_give_the_alerts_of_their_lines(rules: tocsin.Rules, seed: int) -> None:
    table = payments(5_000, seed)
    wanted = rules.run(lines_of(table)).to_ndjson()
    assert wanted.count(b"\n") > 300
    assert rules.run(table).to_ndjson() == wanted
    assert rules.run(pa.RecordBatchReader.from_batches(table.schema, table.to_batches())).to_ndjson() == wanted
    assert rules.run(table.combine_chunks().to_batches()[0]).to_ndjson() == wanted
    assert rules.run(table.drop_columns(["type"]), event_type="payment").to_ndjson() == wanted
    assert rules.run(table.slice(0, 4_999)).statistics["events"] == 4_999


def test_frames(rules: tocsin.Rules) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    table = payments(3_000, 9)
    wanted = rules.run(table).to_ndjson()
    assert rules.run(polars.from_arrow(table)).to_ndjson() == wanted
    frame = table.drop_columns(["tries", "mobile"]).to_pandas(types_mapper=pandas.ArrowDtype)
    plain = rules.run(table.drop_columns(["tries", "mobile"]))
    assert rules.run(frame).to_ndjson() == plain.to_ndjson()


def test_files(rules: tocsin.Rules, tmp_path: Path) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    table = payments(3_000, 4)
    wanted = rules.run(table).to_ndjson()
    pyarrow.parquet.write_table(table, tmp_path / "payments.parquet", row_group_size=1_000)
    assert rules.run(tmp_path / "payments.parquet").to_ndjson() == wanted
    flat = table.drop_columns(["place"]).set_column(0, "type", table["type"].cast(pa.string()))
    pyarrow.csv.write_csv(flat, tmp_path / "payments.csv")
    assert rules.run(tmp_path / "payments.csv").to_ndjson() == rules.run(flat).to_ndjson()
    numbers = flat.set_column(1, "ts", flat["ts"].cast(pa.int64()))
    pyarrow.csv.write_csv(numbers.drop_columns(["type"]), tmp_path / "numbers.csv")
    assert rules.run(tmp_path / "numbers.csv", event_type="payment").to_ndjson() == rules.run(flat).to_ndjson()


def test_what_does_not_fit_is_said(rules: tocsin.Rules) -> None:
    table = payments(10, 1)
    with pytest.raises(ValueError, match="no column `type`"):
        rules.run(table.drop_columns(["type"]))
    with pytest.raises(ValueError, match="card"):
        rules.run(table.drop_columns(["card"]))
    with pytest.raises(ValueError, match="amount"):
        rules.run(table.set_column(4, "amount", pa.array([[1]] * 10)))
    with pytest.raises(ValueError, match="'nothing_like_it'; there are payment"):
        rules.run(table, event_type="nothing_like_it")


def test_rows_that_are_no_events(rules: tocsin.Rules) -> None:
    rows = lines_of(payments(3, 1))
    table = pa.table({
        "ts": pa.array([START, None, START + 1], pa.int64()), "id": ["a", "b", "c"], "card": ["x", "y", None],
        "amount": pa.array([Decimal("1.00"), Decimal("95.00"), Decimal("95.00")]),
    })
    assert rows
    with pytest.warns(UserWarning, match="1 row could not be read"):
        alerts = rules.run(table, event_type="payment")
    assert [one.line for one in alerts.rejected] == [2] and alerts.statistics["events"] == 2
    assert json.loads(alerts.rejected[0].text)["id"] == "b"


def test_many_events_of_mappings_and_tables_agree(logins: tocsin.Rules) -> None:
    events = login_events(4_000, 21)
    table = pa.Table.from_pylist(events)
    assert logins.run(table).to_ndjson() == logins.run(events).to_ndjson()
    assert LOGINS.startswith("event login")
