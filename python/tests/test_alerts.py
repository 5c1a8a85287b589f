"""Alerts as tables, pictures and HTML; scores and comparisons."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import BINARY, LOGINS, ROOT, START, login_events

import tocsin

MINUTE = 60_000_000


@pytest.fixture(scope="module")
def alerts(logins: tocsin.Rules) -> tocsin.Alerts:
    return logins.run(login_events(3_000, 11))


def test_alerts_are_a_sequence(alerts: tocsin.Alerts) -> None:
    assert len(alerts) > 50 and alerts[0] == alerts[:1][0] and alerts[-1].ts >= alerts[0].ts
    first = alerts.of("guessing")[0]
    assert first.title == "Three wrong passwords" and first.severity == "high" and first.tags == ["login"]
    assert first.score == 43 and len(first.id) == 32 and [event["as"] for event in first.events] == ["tries"] * 3
    assert sum(alerts.by_rule().values()) == len(alerts)
    assert "guessing" in repr(alerts) and "guessing" in repr(first)


def test_tables(alerts: tocsin.Alerts) -> None:
    pa = pytest.importorskip("pyarrow")
    table = alerts.to_arrow(expand=True)
    assert table.num_rows == len(alerts)
    assert table.schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("key.user").type == pa.string()
    assert table["score"].to_pylist()[0] == alerts[0].score
    assert [json.loads(line) for line in table["json"].to_pylist()] == [json.loads(one.json) for one in alerts]
    assert table["event_ids"].to_pylist()[0] == [event["id"] for event in alerts[0].events]
    frame = alerts.to_pandas()
    assert list(frame["rule"]) == [one.rule for one in alerts] and frame["time"].iloc[0] == alerts[0].time
    polars = alerts.to_polars()
    assert polars.height == len(alerts) and polars["id"].to_list() == [one.id for one in alerts]
    assert tocsin.Alerts([]).to_arrow(expand=True).num_rows == 0


def test_decimals_of_fields_stay_exact_in_tables() -> None:
    pa = pytest.importorskip("pyarrow")
    rules = tocsin.Rules.from_text(
        'event pay { ts: time, id: string id, card: string, amount: decimal(2) }\n'
        'rule any "Any" { by card when pay as p where amount > 0 alert "x" { amount: p.amount, twice: 2 * p.amount } }\n')
    events = [{"type": "pay", "ts": START + n, "id": f"p{n}", "card": "c", "amount": Decimal(amount)}
              for n, amount in enumerate(["0.10", "7", "40000000000000000.07"])]
    table = rules.run(events).to_arrow(expand=True)
    assert table.schema.field("fields.amount").type == pa.decimal128(38, 2)
    assert table["fields.amount"].to_pylist() == [Decimal("0.10"), Decimal("7.00"), Decimal("40000000000000000.07")]
    assert table["fields.twice"].to_pylist()[2] == Decimal("80000000000000000.14")


def test_alerts_of_a_file(alerts: tocsin.Alerts, tmp_path: Path) -> None:
    path = tmp_path / "alerts.ndjson"
    path.write_bytes(alerts.to_ndjson())
    assert list(tocsin.Alerts.read(path)) == list(alerts)


def test_html_is_text_whatever_events_say() -> None:
    rules = tocsin.Rules.from_text(
        'event say { ts: time, who: string }\nrule any "<b>Any</b>" { by who when say as s alert "{s.who}" }\n')
    evil = "<script>alert(1)</script>"
    alerts = rules.run([{"type": "say", "ts": START, "who": evil}])
    for html in (alerts._repr_html_(), alerts[0]._repr_html_(), rules._repr_html_(), tocsin.compare(alerts, alerts)._repr_html_()):
        assert "<script>" not in html and "<b>Any" not in html
    assert "&lt;script&gt;" in alerts._repr_html_()


def test_plots(alerts: tocsin.Alerts) -> None:
    pytest.importorskip("matplotlib").use("agg")
    axes = alerts.plot_per_day()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(alerts.by_rule())
    heights = sum(bar.get_height() for bar in axes.patches)
    assert heights == len(alerts)
    axes = alerts.of("guessing")[0].plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tries"]
    tocsin.Alerts([]).plot_per_day()


def test_scores(alerts: tocsin.Alerts, tmp_path: Path) -> None:
    guessing = alerts.of("guessing")
    found, also, other = guessing[0], guessing[1], guessing[2]
    labels = [
        {"event": found.events[1]["id"], "scenario": "guessing"},
        {"key": also.key, "first_ts": also.ts - 5 * MINUTE, "last_ts": also.ts},
        {"event": other.events[0]["id"], "label": "ok"},
        {"events": ["never seen"]},
        {"key": {"user": "u1"}, "first_ts": START - 10 * MINUTE, "last_ts": START - MINUTE},  # before all events
    ]
    scores = tocsin.score(alerts, labels)
    total, rule = scores.total, scores["guessing"]
    assert rule.alerts == len(guessing) and rule.found == 2 and rule.frauds == 3 and scores.left_out == 1
    assert rule.recall == pytest.approx(2 / 3) and rule.precision == rule.fraud / rule.alerts
    assert rule.fraud + rule.ok + rule.unlabelled == rule.alerts and rule.ok >= 1 and total.alerts == len(alerts)
    assert max(rule.delays) <= timedelta(minutes=10) and rule.delay is not None
    path = tmp_path / "labels.ndjson"
    path.write_text("".join(json.dumps(label) + "\n" for label in labels), encoding="utf-8")
    assert tocsin.score(alerts, path).total == total
    assert "guessing" in scores._repr_html_() and list(scores.to_pandas()["rule"]) == [one.rule for one in scores]
    path.write_text('{"event":"e1","label":"maybe"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"labels.ndjson:1: label is 'maybe'"):
        tocsin.score(alerts, path)
    with pytest.raises(ValueError, match="label 1: a label with a key needs"):
        tocsin.score(alerts, [{"key": {"user": "u1"}}])


def test_comparisons(logins: tocsin.Rules) -> None:
    events = login_events(3_000, 12)
    old = logins.run(events)
    stricter = tocsin.Rules.from_text(LOGINS.replace("within 10m", "within 2m")).run(events)
    changes = tocsin.compare(old, stricter)
    assert len(changes.same) + len(changes.gone) == len(old) and len(changes.same) + len(changes.added) == len(stricter)
    assert len(changes.gone) > 0
    counts = {one.rule: one for one in changes.rules}
    assert counts["quiet"].same == counts["quiet"].before and counts["guessing"].gone > 0
    assert list(changes.to_pandas()["rule"]) == ["guessing", "quiet"]
    same = tocsin.compare(old, old)
    assert len(same.same) == len(old) and not len(same.added) and not len(same.gone)


@pytest.mark.skipif(not BINARY, reason="TOCSIN_BINARY is not set")
def test_scores_and_comparisons_are_those_of_a_backtest(tmp_path: Path) -> None:
    samples = ROOT / "samples" / "payments"
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in samples.glob("*.tocsin"):
        text = path.read_text(encoding="utf-8").replace("within 10m", "within 2m").replace("amount > 200", "amount > 150")
        (changed / path.name).write_text(text, encoding="utf-8")
    for command in (["generate", "--events", "60000", "--seed", "5", "--out", "events.ndjson", "--truth", "truth.ndjson", "--quiet"],
                    ["backtest", "changed", "--input", "events.ndjson", "--labels", "truth.ndjson", "--against", str(samples),
                     "--report-json", "report.json", "--samples", "0", "--quiet"]):
        subprocess.run([BINARY, *command], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    new, old = (tocsin.Rules.load(rules).run(tmp_path / "events.ndjson") for rules in (changed, samples))
    scores = tocsin.score(new, tmp_path / "truth.ndjson")

    def counts(one: tocsin.RuleScore) -> dict[str, object]:
        counted: dict[str, object] = {
            "alerts_fraud": one.fraud, "alerts_ok": one.ok, "alerts_unlabelled": one.unlabelled, "frauds_found": one.found,
            "frauds": one.frauds, "precision": one.precision, "recall": one.recall}
        if one.delays:
            half, most = (delay // timedelta(microseconds=1) for delay in (one.delays[(len(one.delays) - 1) // 2], one.delays[-1]))
            counted["delay"] = {"frauds": len(one.delays), "half_us": half, "most_us": most}
        return counted

    assert counts(scores.total) == report["backtest"]["labels"] and scores.left_out == report["frauds_of_another_time"]
    rules = {one["rule"]: one["labels"] for one in report["backtest"]["rules"] if one["alerts"]}
    assert {one.rule: counts(one) for one in scores} == rules and len(rules) > 3
    changes = {one.rule: (one.same, one.added, one.gone) for one in tocsin.compare(old, new).rules}
    wanted = {one["rule"]: (one["same"], one["added"], one["gone"]) for one in report["comparison"]["changes"]}
    assert changes == {rule: counted for rule, counted in wanted.items() if rule in changes}
    assert any(gone + added for _, added, gone in changes.values())
