#!/usr/bin/env python3
"""`tocsin backtest` as an analyst meets it: the same alerts as `tocsin run`, counts, comparisons, variants, labels, pages.

    backtest.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import collections
import html.parser
import json
import pathlib
import re
import signal

from harness import ROOT, RULES, START_US, case, has, payment, read, run_cases, start, tocsin, wait_for, write
from server_process import Server

SAMPLES = ROOT / "samples" / "payments"
DAY_US = 86_400_000_000


def generate(events=20_000, seed=3, name="events.ndjson", *more):
    """Writes a stream of payments with planted fraud, and its truth."""
    tocsin("generate", "--events", events, "--seed", seed, "--out", name, "--truth", "truth.ndjson", "--fraud", 5, *more)
    return name


def backtest(*arguments, code=0, **options):
    """Runs a backtest with a report in JSON; gives what it said and the report."""
    done = tocsin("backtest", *arguments, "--report-json", "report.json", code=code, **options)
    return done, json.loads(read("report.json")) if code == 0 else None


def alerts_of(name):
    return [json.loads(line) for line in read(name).split("\n") if line]


def by_rule(report, part="backtest"):
    return {rule["rule"]: rule for rule in report[part]["rules"]}


def check_counts(rules, alerts):
    """The figures of each rule are those of its alerts."""
    for name, rule in rules.items():
        own = [alert for alert in alerts if alert["rule"] == name]
        assert rule["alerts"] == len(own), name
        assert rule["keys"] == len({json.dumps(alert["key"]) for alert in own}), name
        assert rule["held_back"] == sum(alert["held_back"] for alert in own), name
        hours = collections.Counter(alert["ts"] // 3_600_000_000 % 24 for alert in own)
        assert rule["by_hour"] == [hours[hour] for hour in range(24)], name
        days = collections.Counter(alert["time"][:10] for alert in own)
        assert rule["by_day"] == dict(days), name
        assert rule["samples"] == own[:3], name


# --- the same alerts as `tocsin run` -------------------------------------------------------------

@case
def _():
    """alerts are those of `tocsin run`, byte for byte, whatever the options of event time and the workers"""
    generate(20_000, 3, "events.ndjson", "--disorder", "5s")
    for options in (["--out-of-orderness", "5s"], ["--out-of-orderness", "1s", "--late-policy", "clamp"],
                    ["--workers", "1", "--no-final-watermark"], ["--workers", "3"], ["--workers", "5"]):
        tocsin("run", SAMPLES, "--input", "events.ndjson", "--alerts", "run.ndjson", *options)
        done, report = backtest(SAMPLES, "--input", "events.ndjson", "--alerts", "backtest.ndjson", *options)
        assert pathlib.Path("run.ndjson").read_bytes() == pathlib.Path("backtest.ndjson").read_bytes()
        assert report["events"] == 20_000 - report["late"]
        check_counts(by_rule(report), alerts_of("run.ndjson"))
        assert report["backtest"]["alerts"] == len(alerts_of("run.ndjson")) > 50


@case
def _():
    """alerts of both sets and of variants change nothing in each other, and messy input is told as in `tocsin run`"""
    generate(20_000, 4)
    text = read("events.ndjson").split("\n")
    text[100:100] = ["{nonsense", '{"type":"unknown","ts":1}', '{"type":"payment"}', ""]
    write("events.ndjson", "\n".join(text))
    run = tocsin("run", SAMPLES, "--input", "events.ndjson", "--alerts", "run.ndjson", "--dead-letter", "run.dead")
    write("old.tocsin", 'use "%s/schema.tocsin"\n' % SAMPLES + """
rule many "Four in ten minutes" { by card when 4+ payment as all within 10m once per 1h alert "{count(all)}" }
""")
    done, report = backtest(SAMPLES, "--input", "events.ndjson", "--alerts", "backtest.ndjson", "--against", "old.tocsin",
                            "--vary", "--dead-letter", "backtest.dead")
    assert pathlib.Path("run.ndjson").read_bytes() == pathlib.Path("backtest.ndjson").read_bytes()
    assert read("run.dead") == read("backtest.dead") != ""
    assert report["rejected"] == 3, report["rejected"]
    has(done.err, "rejected: 3 lines (kept in backtest.dead)", "first at events.ndjson:101")
    has(run.err, "first at events.ndjson:101")
    tocsin("run", "old.tocsin", "--input", "events.ndjson", "--alerts", "old.ndjson")
    check_counts(by_rule(report, "against"), alerts_of("old.ndjson"))


@case
def _():
    """sets with other event types are read one after the other, and standard input then not at all"""
    write("events.ndjson", [payment(i, f"c{i % 5}", 50.0 + i) for i in range(200)])
    write("new.tocsin", RULES)
    write("old.tocsin", """
event payment { ts: time, card: string, amount: decimal(2) }
rule large "Large" { by card when payment where amount > 150 alert "large" }
""")
    done, report = backtest("new.tocsin", "--input", "events.ndjson", "--against", "old.tocsin")
    tocsin("run", "old.tocsin", "--input", "events.ndjson", "--alerts", "old.ndjson")
    tocsin("run", "new.tocsin", "--input", "events.ndjson", "--alerts", "new.ndjson")
    check_counts(by_rule(report, "against"), alerts_of("old.ndjson"))
    check_counts(by_rule(report), alerts_of("new.ndjson"))
    done = tocsin("backtest", "new.tocsin", "--input", "-", "--against", "old.tocsin", code=2)
    has(done.err, "declare other event types", "standard input cannot be")
    alone = tocsin("backtest", "new.tocsin", "--input", "-", stdin=read("events.ndjson"))
    has(alone.out, "large")


# --- the report ----------------------------------------------------------------------------------

@case
def _():
    """the text names each rule with its figures, and the first alerts with the values that were read"""
    write("rules.tocsin", RULES)
    events = [payment(0, amount=250.00), payment(DAY_US / 1e6 + 3600, "c2", 2000.00), payment(DAY_US / 1e6 + 3700, "c2", 1.00)]
    write("in.ndjson", events)
    done = tocsin("backtest", "rules.tocsin", "--input", "in.ndjson")
    has(done.out, "backtest of rules.tocsin: 3 alerts by 2 rules over 3 events", "2026-03-02          1  ####",
        "2026-03-03          1  ####", '\nlarge "A large payment": 2 alerts on 2 keys', "250.00 on card c1",
        "p 2026-03-02T12:00:00Z: card c1, amount 250.00", "2026-03-02T12:00:00Z  card c1")
    assert re.search(r"\n  large +2 +2 +0 +1 in 1\.5 ", done.out), done.out
    has(done.err, "read in.ndjson: 3 events")
    quiet = tocsin("backtest", "rules.tocsin", "--input", "in.ndjson", "--quiet", "--samples", "0")
    assert quiet.err == "" and "the first alerts" not in quiet.out


@case
def _():
    """internal and shadow rules are counted and named, drafts left out; a set of drafts is refused"""
    write("rules.tocsin", RULES.replace('rule large "A large payment" {', 'rule large "A large payment" {\n  status shadow'))
    write("in.ndjson", [payment(0, amount=250.00)])
    done, report = backtest("rules.tocsin", "--input", "in.ndjson", "--alerts", "alerts.ndjson")
    has(done.out, "large (shadow)")
    assert by_rule(report)["large"]["alerts"] == 1 and by_rule(report)["large"]["status"] == "shadow"
    assert read("alerts.ndjson") == ""
    write("draft.tocsin", RULES.replace("  by card", "  status draft\n  by card"))
    done = tocsin("backtest", "draft.tocsin", "--input", "in.ndjson", code=1)
    has(done.err, "there is no rule to run in draft.tocsin", "status draft")


@case
def _():
    """what `once` suppresses is counted"""
    write("rules.tocsin", RULES.replace("  when payment as p where amount > 100\n",
                                        "  when payment as p where amount > 100\n  once per 1h\n"))
    write("in.ndjson", [payment(i, amount=200.00) for i in range(5)] + [payment(4000, amount=200.00)])
    done, report = backtest("rules.tocsin", "--input", "in.ndjson")
    assert by_rule(report)["large"]["held_back"] == 4 and report["backtest"]["suppressed"] == 4
    has(done.out, "suppressed: 4 repeats")


class Page(html.parser.HTMLParser):
    """What a page is made of; every element that needs an end has one."""
    EMPTY = {"meta", "rect", "br", "link", "img"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], collections.Counter(), [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes += attributes
        if tag not in self.EMPTY or tag == "rect":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


@case
def _():
    """the page stands alone: no script, nothing from outside, charts, and everything escaped"""
    hostile = '<script>alert(1)</script>&"\''
    write("rules.tocsin", RULES.replace("A large payment", hostile.replace('"', '\\"')))
    write("in.ndjson", [payment(i * 3600, f"<b>{i % 3}", 50.0 * i, place="<i>&") for i in range(60)])
    write("old.tocsin", RULES.replace("amount > 100", "amount > 400"))
    write("labels.ndjson", [{"event": "<b>0-10800", "scenario": "<u>"}])
    tocsin("backtest", "rules.tocsin", "--input", "in.ndjson", "--against", "old.tocsin", "--labels", "labels.ndjson",
           "--vary", "--html", "report.html")
    text = read("report.html")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and not page.tags["script"] and not page.tags["link"] and not page.tags["img"]
    assert not page.tags["b"] and not page.tags["i"] and not page.tags["u"]
    assert page.tags["svg"] >= 4 and page.tags["rect"] > 24 and page.tags["details"] >= 3
    assert not [value for name, value in page.attributes if name in ("src", "href", "onload", "onclick")]
    assert "http" not in text and "@import" not in text and "url(" not in text
    shown = " ".join(page.text)
    has(shown, hostile, "<b>0", "Against old.tocsin", "Neighbouring bounds", "<u>")


# --- comparisons ---------------------------------------------------------------------------------

def naive_comparison(new, old):
    """Changes of rules by name, and overlaps of pairs of rules, counted one alert after the other."""
    moment = lambda alert: (json.dumps(alert["key"]), alert["ts"], alert["events"][-1]["id"])
    day = lambda alert: (json.dumps(alert["key"]), alert["ts"] // DAY_US)
    last = lambda alert: alert["events"][-1]["id"]
    groups = lambda alerts: {name: [a for a in alerts if a["rule"] == name] for name in {a["rule"] for a in alerts}}
    new, old = groups(new), groups(old)
    changes, overlaps = {}, {}
    for name in new.keys() & old.keys():
        now, before = collections.Counter(map(moment, new[name])), collections.Counter(map(moment, old[name]))
        changes[name] = ((now & before).total(), (now - before).total(), (before - now).total())
    for one, alerts in new.items():
        for other, others in old.items():
            days, events = set(map(day, others)), set(map(last, others))
            counts = (sum(day(a) in days for a in alerts), sum(last(a) in events for a in alerts))
            if any(counts):
                overlaps[one, other] = counts
    return changes, overlaps


@case
def _():
    """--against: added, gone and same by rule, overlaps of all pairs, as counted from the alerts of two runs"""
    generate(60_000, 5)
    changed = read(SAMPLES / "cards.tocsin").replace("amount > 200", "amount > 350").replace(
        "payments_10m >= 6", "payments_10m >= 5")
    write("schema.tocsin", read(SAMPLES / "schema.tocsin"))
    write("new.tocsin", changed)
    write("old.tocsin", read(SAMPLES / "cards.tocsin"))
    for name in ("new", "old"):
        tocsin("run", f"{name}.tocsin", "--input", "events.ndjson", "--alerts", f"{name}.ndjson")
    done, report = backtest("new.tocsin", "--input", "events.ndjson", "--against", "old.tocsin")
    changes, overlaps = naive_comparison(alerts_of("new.ndjson"), alerts_of("old.ndjson"))
    found = {c["rule"]: (c["same"], c["added"], c["gone"]) for c in report["comparison"]["changes"] if c["rule"] in changes}
    assert found == changes, (found, changes)
    assert any(gone for _, _, gone in changes.values()) and any(added for _, added, _ in changes.values())
    moment = lambda alert: (json.dumps(alert["key"]), alert["ts"], alert["events"][-1]["id"])
    raised = {name: collections.defaultdict(list) for name in ("new", "old")}
    for name, by_rule in raised.items():
        for alert in alerts_of(f"{name}.ndjson"):
            by_rule[alert["rule"]].append(moment(alert))
    for change in report["comparison"]["changes"]:
        for kind, own, other in (("added", "new", "old"), ("gone", "old", "new")):
            only = collections.Counter(raised[own][change["rule"]]) - collections.Counter(raised[other][change["rule"]])
            samples = [moment(alert) for alert in change[f"{kind}_samples"]]
            assert all(alert["rule"] == change["rule"] for alert in change[f"{kind}_samples"])
            assert samples == sorted(samples, key=lambda one: one[1]) and len(samples) <= 3, samples
            assert not collections.Counter(samples) - only and bool(samples) == bool(only), (change["rule"], kind, samples, only)
    pairs = {(o["rule"], o["against"]): (o["same_key_and_day"], o["same_last_event"])
             for o in report["comparison"]["overlaps"]}
    assert pairs == overlaps, (pairs, overlaps)
    has(done.out, "against old.tocsin:", "overlap")
    done, report = backtest("new.tocsin", "--input", "events.ndjson", "--against", "old.tocsin", "--compare-max", "10")
    has(done.out, "limits: ", "--compare-max")
    assert report["backtest"]["alerts_not_compared"] == report["backtest"]["alerts"] - 10


# --- labels --------------------------------------------------------------------------------------

@case
def _():
    """--labels: precision and recall as counted from the truth of a generated stream"""
    generate(60_000, 6)
    done, report = backtest(SAMPLES, "--input", "events.ndjson", "--labels", "truth.ndjson", "--alerts", "alerts.ndjson")
    alerts, truth = alerts_of("alerts.ndjson"), alerts_of("truth.ndjson")
    fraud_of = {event: i for i, one in enumerate(truth) for event in one["events"]}
    find = lambda alert: {fraud_of[event["id"]] for event in alert["events"] if event["id"] in fraud_of}
    for name, rule in by_rule(report).items():
        own = [find(alert) for alert in alerts if alert["rule"] == name]
        labels = rule["labels"]
        assert labels["alerts_fraud"] == sum(map(bool, own)), name
        assert labels["frauds_found"] == len(set().union(*own)), name
        assert labels["frauds"] == len(truth)
        assert labels["precision"] == (sum(map(bool, own)) / len(own) if own else None)
        assert labels["recall"] == len(set().union(*own)) / len(truth)
    scenarios = {s["scenario"]: (s["found"], s["frauds"]) for s in report["scenarios"]}
    assert sum(frauds for _, frauds in scenarios.values()) == len(truth)
    assert scenarios["card_testing"][0] == scenarios["card_testing"][1] > 5
    has(done.out, "labels\n", "card_testing", "frauds found")


@case
def _():
    """--labels: keys with times, what is in order, and frauds of another time; a bad line is named"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(i, f"c{i}", 200.00) for i in range(10)])
    write("labels.ndjson", [{"key": {"card": "c1"}, "first_ts": START_US, "last_ts": START_US + 60_000_000},
                            {"event": "c2-2", "label": "ok"},
                            {"events": ["zz"], "first_ts": START_US - 10, "last_ts": START_US - 5}])
    done, report = backtest("rules.tocsin", "--input", "in.ndjson", "--labels", "labels.ndjson")
    labels = by_rule(report)["large"]["labels"]
    assert labels == {"alerts_fraud": 1, "alerts_ok": 1, "alerts_unlabelled": 8, "frauds_found": 1, "frauds": 1,
                      "precision": 0.1, "recall": 1.0, "delay": {"frauds": 1, "half_us": 1_000_000, "most_us": 1_000_000}}, labels
    assert report["frauds_of_another_time"] == 1
    has(done.out, "1 fraud of another time than the events left out")
    write("bad.ndjson", '{"event":"e"}\n{"event":"e","label":"perhaps"}\n')
    done = tocsin("backtest", "rules.tocsin", "--input", "in.ndjson", "--labels", "bad.ndjson", code=3)
    has(done.err, "--labels: bad.ndjson:2: `label` is \"fraud\" or \"ok\", not \"perhaps\"", "a label is {\"events\"")
    assert "No such file" in tocsin("backtest", "rules.tocsin", "--input", "in.ndjson", "--labels", "none", code=3).err


# --- neighbouring bounds -------------------------------------------------------------------------

@case
def _():
    """--vary: each variant has the alerts of the rule written with that bound"""
    generate(30_000, 7)
    write("schema.tocsin", read(SAMPLES / "schema.tocsin"))
    rule = """use "schema.tocsin"
const LARGE = 150.00
rule probes "Probes" {
  by card
  when 3+ payment as probes where amount < 2.00 then payment as hit where amount > LARGE
  within 10m
  once per 1h
  alert "{count(probes)}"
}
"""
    write("rule.tocsin", rule)
    done, report = backtest("rule.tocsin", "--input", "events.ndjson", "--labels", "truth.ndjson", "--vary")
    rows = report["variation"]["variants"]
    base = by_rule(report)["probes"]
    as_written = [v for v in rows if v["is_as_written"]]
    assert [v["instead"] for v in as_written] == ["3", "2.00", "150.00", "10m"], as_written
    assert all((v["alerts"], v["keys"], v["labels"]) == (base["alerts"], base["keys"], base["labels"]) for v in as_written)
    variants = [v for v in rows if not v["is_as_written"]]
    assert [v["written"] for v in variants] == ["3"] * 4 + ["2.00"] * 4 + ["LARGE"] * 4 + ["10m"] * 4, variants
    assert variants[8]["value"] == "150.00" and variants[8]["place"] == "rule.tocsin:5:84", variants[8]
    seen = set()
    for variant in variants:
        if variant["written"] == "LARGE":
            text = rule.replace("LARGE = 150.00", "LARGE = " + variant["instead"])
        else:
            text = rule.replace({"3": "3+", "2.00": "2.00", "10m": "10m"}[variant["written"]],
                                variant["instead"] + ("+" if variant["written"] == "3" else ""))
        write("varied.tocsin", text)
        alerts = tocsin("run", "varied.tocsin", "--input", "events.ndjson").alerts()
        assert variant["alerts"] == len(alerts), variant
        assert variant["keys"] == len({json.dumps(alert["key"]) for alert in alerts}), variant
        assert (variant["labels"]["precision"] is None) == (not alerts)
        seen.add(len(alerts))
    assert len(seen) > 3, seen
    has(done.out, "neighbouring bounds", "LARGE  150.00 as it is", "rule.tocsin:5:84")


@case
def _():
    """--vary: the limit is said, and so are variants that are no right rules and rules that are not varied"""
    write("in.ndjson", [payment(i, amount=200.00) for i in range(5)])
    write("rules.tocsin", RULES + """
rule range "A range" { by card when payment where amount > 10 and amount < 12 alert "r" }
rule any "Any" { when 3+ any alert as all within 1h alert "a" }
""")
    done, report = backtest("rules.tocsin", "--input", "in.ndjson", "--vary")
    variation = report["variation"]
    assert variation["not_varied"] == ["any"] and variation["left_out"] == 0
    assert any("range" in v["rule"] for v in variation["variants"])
    assert variation["refused"] and all("rules.tocsin:" in refused for refused in variation["refused"]), variation
    has(done.out, "no right rule: rules.tocsin:", "any is not varied")
    done, report = backtest("rules.tocsin", "--input", "in.ndjson", "--vary", "--vary-max", "3")
    assert len([v for v in report["variation"]["variants"] if not v["is_as_written"]]) == 3 and report["variation"]["left_out"] > 5
    has(done.out, "left out: a larger --vary-max")
    write("none.tocsin", 'event payment { ts: time, card: string }\nrule all "All" { by card when payment alert "x" }\n')
    has(tocsin("backtest", "none.tocsin", "--input", "in.ndjson", "--vary").out, "no rule has a bound that can be varied")


# --- a server's archive --------------------------------------------------------------------------

NEW = '''event payment { ts: time, id: string id, card: string, amount: decimal(2) }
rule some "Some" { by card when 3+ payment as some where amount > 40 within 30s once per 1m alert "{count(some)}" }
'''


@case
def _():
    """--archive: the alerts of `tocsin run` over what `archive cat` prints, all and of a time, beside the server"""
    write("new.tocsin", NEW)
    sent = [payment(i, f"c{i % 7}", 5 + i % 60) for i in range(3_000)]
    times = ["--from", "2026-03-02T12:10:00Z", "--to", "2026-03-02T12:40:00Z"]
    with Server("--journal-segment-bytes", "16KiB", "--checkpoint-every", "100ms") as server:
        for begin in range(0, len(sent), 50):
            assert server.send(sent[begin:begin + 50]).status == 200
        wait_for(lambda: list(pathlib.Path("data/archive").glob("records-*")), "a file of the archive")
        for part in ([], times):
            write("cat.ndjson", tocsin("archive", "cat", "--data", "data", *part).out)
            tocsin("run", "new.tocsin", "--input", "cat.ndjson", "--alerts", "run.ndjson")
            done, report = backtest("new.tocsin", "--archive", "data", *part, "--workers", "5", "--alerts", "backtest.ndjson", "--vary")
            assert read("run.ndjson") == read("backtest.ndjson") != ""
            assert report["events"] == (1_800 if part else 3_000), report["events"]
            assert report["inputs"] == ["the archive of data"]
    # Damage is named, and the rest is reported.
    file = sorted(pathlib.Path("data/archive").glob("records-*"))[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    done = tocsin("backtest", "new.tocsin", "--archive", "data", code=3)
    has(done.err, str(file), "what to do:")
    has(done.out, "backtest of new.tocsin:")


@case
def _():
    """--archive: what is none, and times that are none, are refused"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0)])
    pathlib.Path("empty").mkdir()
    for code, arguments, message in [
            (5, ["--archive", "empty"], "empty"), (5, ["--archive", "gone"], "gone"),
            (2, ["--archive", "gone", "--input", "in.ndjson"], "--archive does not go with --input"),
            (2, ["--input", "in.ndjson", "--from", "2026-03-02"], "--from and --to need --archive")]:
        has(tocsin("backtest", "rules.tocsin", *arguments, code=code).err, message)


# --- refusals and ends ---------------------------------------------------------------------------

@case
def _():
    """bad input: rules, files, outputs and numbers are refused with their place, before anything is written"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0)])
    write("kept.json", "kept")
    refused = [
        (1, ["missing.tocsin", "--input", "in.ndjson"], "cannot read `missing.tocsin`"),
        (1, ["rules.tocsin", "--against", "missing.tocsin", "--input", "in.ndjson"], "cannot read `missing.tocsin`"),
        (2, ["rules.tocsin"], "there is nothing to read"),
        (3, ["rules.tocsin", "--input", "gone.ndjson"], "cannot read gone.ndjson"),
        (2, ["rules.tocsin", "--input", "in.ndjson", "--html", "in.ndjson"], "--html would overwrite an input"),
        (2, ["rules.tocsin", "--input", "in.ndjson", "--html", "rules.tocsin"], "--html would overwrite a rule file"),
        (2, ["rules.tocsin", "--input", "in.ndjson", "--alerts", "-"], "--alerts takes a file"),
        (2, ["rules.tocsin", "--input", "-", "--labels", "-"], "--labels takes a file"),
        (2, ["rules.tocsin", "--input", "in.ndjson", "--vary", "--vary-max", "0"], "--vary-max"),
    ]
    for code, arguments, message in refused:
        has(tocsin("backtest", *arguments, "--report-json", "kept.json", code=code).err, message)
        assert read("kept.json") == "kept", arguments
    write("bad.ndjson", "nonsense\n")
    has(tocsin("backtest", "rules.tocsin", "--input", "bad.ndjson", code=3).err, "the only line could not be used")


@case
def _():
    """an interrupt ends it with a message and without a report"""
    write("rules.tocsin", RULES)
    process = start("backtest", "rules.tocsin", "--input", "-", "--report-json", "report.json")
    process.stdin.write(b'{"type":"payment","ts":1,"id":"a","card":"c","amount":200}\n')
    process.stdin.flush()
    status = pathlib.Path(f"/proc/{process.pid}/status")
    wait_for(lambda: int(re.search(r"SigCgt:\s*([0-9a-f]+)", status.read_text())[1], 16) >> (signal.SIGINT - 1) & 1, "its handler")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3 and out == b"", (process.returncode, out)
    has(err.decode(), "stopped by SIGINT before the inputs ended; there is no report")
    assert not pathlib.Path("report.json").exists()


if __name__ == "__main__":
    run_cases()
