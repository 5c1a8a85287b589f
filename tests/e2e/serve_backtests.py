#!/usr/bin/env python3
"""Backtests that a server runs over its own archive, beside its work.

    serve_backtests.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import decimal
import json
import pathlib
import time

from harness import RULES, START_US, case, has, payment, read, run_cases, tocsin, wait_for, write
from server_process import Server, stored

# Journal files that are full soon, and checkpoints that let go of them.
OFTEN = ("--journal-segment-bytes", "16KiB", "--checkpoint-every", "100ms")
# Many rules make a backtest of a few thousand events slow enough to be looked at.
SLOW = "event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }\n" + "\n".join(
    f'rule r{n} "Two" {{ by card when payment as p where amount > {n} then payment as q where amount > {n} within 10m once per 1h '
    f'alert "two" }}' for n in range(200))
NEW = RULES.replace("amount > 100", "amount > 30")


def fill(server, count, first=0):
    """Sends so many payments, a request for each 500; gives them."""
    sent = [payment(i, f"c{i % 7}", 5 + i % 200) for i in range(first, first + count)]
    for begin in range(0, count, 500):
        assert server.send(sent[begin:begin + 500]).status == 200
    return sent


def ask(server, body, status=202):
    answer = server.ask("POST", "/v1/backtests", body)
    assert answer.status == status, answer
    return answer


def state(server, number):
    return server.ask("GET", f"/v1/backtests/{number}").json


def end_of(server, number):
    wait_for(lambda: state(server, number)["state"] not in ("queued", "running"), f"the end of backtest {number}")
    return state(server, number)


def report_of(server, number):
    ended = end_of(server, number)
    assert ended["state"] == "done", ended
    return server.ask("GET", f"/v1/backtests/{number}/report").json


def alerts_of(report, part="backtest"):
    return {rule["rule"]: rule["alerts"] for rule in report[part]["rules"]}


@case
def same_as_command():
    """a report is that of `tocsin backtest` on the same events, with what is active beside it, in its three forms"""
    with Server(*OFTEN) as server:
        sent = fill(server, 6000)
        answer = ask(server, {"files": {"new.tocsin": NEW}, "against": "live", "vary": True, "vary_max": 20, "samples": 2})
        assert answer.headers["Location"] == "/v1/backtests/1" and answer.json["id"] == 1, answer
        report = report_of(server, 1)
        write("new.tocsin", NEW)
        write("events.ndjson", sent)
        tocsin("backtest", "new.tocsin", "--input", "events.ndjson", "--against", "rules.tocsin", "--vary", "--vary-max", "20",
               "--samples", "2", "--late-policy", "clamp", "--report-json", "report.json")
        wanted = json.loads(read("report.json"))
        assert report["inputs"] == ["the archive of the server"] and report["against"]["files"] == ["version 1"]
        assert report["events"] == 6000 and alerts_of(report)["large"] > alerts_of(report, "against")["large"] > 0
        for part in ("backtest", "against"):
            for rule in report[part]["rules"] + wanted[part]["rules"]:
                del rule["cost"]  # it is measured
        assert report["backtest"]["rules"] == wanted["backtest"]["rules"]
        assert report["against"]["rules"] == wanted["against"]["rules"]
        for part in ("comparison", "variation", "first_event", "last_event"):
            assert report[part] == wanted[part], part
        done = state(server, 1)
        assert done["progress"] == 1 and done["who"] == "admin" and done["began"] <= done["ended"], done
        assert done["request"] == {"files": ["new.tocsin"], "against": "version 1", "vary": True, "vary_max": 20, "samples": 2}
        text = server.ask("GET", "/v1/backtests/1/report?format=text").text
        has(text, "against version 1", "neighbouring bounds")
        page = server.ask("GET", "/v1/backtests/1/report?format=html")
        assert page.text.startswith("<!DOCTYPE html>") and "default-src 'none'" in page.headers["Content-Security-Policy"]
        # Nothing was raised by it.
        assert len(stored()) == alerts_of(report, "against")["large"] + alerts_of(report, "against")["unconfirmed"]


@case
def ranges_patches_labels():
    """a time, one changed file beside the others, labels of the body, and what people made of the alerts"""
    write("more.tocsin", 'use "rules.tocsin"\nrule tiny "Tiny" { by card when payment where amount < 6 alert "tiny" }\n')
    with Server("more.tocsin") as server:
        fill(server, 2000)
        ask(server, {"files": {"rules.tocsin": NEW}, "patch": True, "from": "2026-03-02T12:10:00Z", "to": "2026-03-02T12:20:00Z"})
        report = report_of(server, 1)
        assert report["events"] == 600 and alerts_of(report)["tiny"] == 3, report["events"]
        assert report["first_event"] == START_US + 600_000_000 or report["first_event"].startswith("2026-03-02T12:10:00"), report
        ask(server, {"files": {"new.tocsin": NEW}, "labels": [{"event": "c5-26", "scenario": "x"}, {"event": "c3-10", "label": "ok"}]})
        labels = report_of(server, 2)["backtest"]["labels"]
        assert (labels["alerts_fraud"], labels["alerts_ok"], labels["frauds"]) == (1, 0, 1), labels
        # Two alerts are judged.
        wait_for(lambda: len(server.ask("GET", "/v1/alerts?rule=large").json["alerts"]) > 3, "alerts")
        found = server.ask("GET", "/v1/alerts?rule=large").json["alerts"]
        for hit, action in zip(found[:3], ("confirm", "dismiss", "confirm")):
            answer = server.ask("POST", f"/v1/alerts/{hit['alert']['id']}/triage", {"action": action})
            assert answer.status == 200, answer
        server.ask("POST", f"/v1/alerts/{found[2]['alert']['id']}/triage", {"action": "close"})
        ask(server, {"files": {"new.tocsin": NEW}, "labels": "triage"})
        report = report_of(server, 3)
        labels = report["backtest"]["labels"]
        assert (labels["alerts_fraud"], labels["alerts_ok"], labels["frauds_found"], labels["frauds"]) == (2, 1, 2, 2), labels
        assert report["scenarios"] == [{"scenario": "large", "frauds": 2, "found": 2, "found_by_against": None}] or \
            report["scenarios"][0]["frauds"] == 2, report["scenarios"]


def sums_of(lines, field, rule=None, found=None):
    """What the alerts of these lines add up to, one after the other, as `sums` of a report has it; `found`: ids of events."""
    numbers, without = [], 0
    for line in lines:
        alert = json.loads(line, parse_float=decimal.Decimal)
        if rule not in (None, alert["rule"]) or (found is not None and not found & {event["id"] for event in alert["events"]}):
            continue
        number = alert["fields"].get(field)
        if isinstance(number, (int, decimal.Decimal)):
            numbers.append(number)
        else:
            without += 1
    return sum(numbers, decimal.Decimal()), len(numbers), without


def moment_of(line):
    """What makes an alert the same in two sets of rules."""
    alert = json.loads(line)
    return json.dumps(alert["key"]), alert["ts"], alert["events"][-1]["id"]


def check_sums(sums, naive):
    assert (decimal.Decimal(sums["sum"]), sums["alerts"], sums["without"]) == naive, (sums, naive)


@case
def money():
    """sums of a field are those of the alerts' lines, exactly: by rule, of what came and went, and of what was caught"""
    old = RULES.replace("amount > 100", "amount > 150 or amount = 7")
    with Server(rules=old) as server:
        sent = [payment(i, f"c{i % 7}", 5 + i % 200) for i in range(1500)]
        sent += [{**payment(2000 + i, f"d{i}", 0), "amount": 70_368_744_177_000.01} for i in range(9)]
        for begin in range(0, len(sent), 500):
            assert server.send(sent[begin:begin + 500]).status == 200
        labels = [{"event": event["id"]} for event in sent[100:150] + sent[1500:1503]] + [{"event": sent[160]["id"], "label": "ok"}]
        ask(server, {"files": {"new.tocsin": NEW}, "against": "live", "labels": labels, "value": "amount", "vary": True, "vary_max": 4})
        report = report_of(server, 1)
        write("events.ndjson", sent)
        lines = {}
        for part, rules in (("backtest", NEW), ("against", old)):
            write(f"{part}.tocsin", rules)
            tocsin("run", f"{part}.tocsin", "--input", "events.ndjson", "--alerts", f"{part}.ndjson", "--late-policy", "clamp")
            lines[part] = read(f"{part}.ndjson").splitlines()
        found = {label["event"] for label in labels[:-1]}
        assert report["value"] == "amount" and state(server, 1)["request"]["value"] == "amount"
        for part, own in lines.items():
            check_sums(report[part]["sums"], sums_of(own, "amount"))
            check_sums(report[part]["sums"]["caught"], sums_of(own, "amount", found=found))
            for rule in report[part]["rules"]:
                check_sums(rule["sums"], sums_of(own, "amount", rule["rule"]))
                check_sums(rule["sums"]["caught"], sums_of(own, "amount", rule["rule"], found))
        now, before = ({moment_of(line): line for line in lines[part] if '"rule":"large"' in line} for part in ("backtest", "against"))
        changes = {change["rule"]: change for change in report["comparison"]["changes"]}
        for name, own, other in (("added", now, before), ("gone", before, now), ("same", now, before)):
            of_kind = [line for moment, line in own.items() if (moment in other) == (name == "same")]
            check_sums(changes["large"]["sums"][name], sums_of(of_kind, "amount"))
            assert len(of_kind) == changes["large"][name] > 0, name
        # Alerts of the other rule have no amount.
        other = next(rule for rule in report["backtest"]["rules"] if rule["rule"] == "unconfirmed")
        assert other["sums"] == {"sum": "0", "alerts": 0, "without": other["alerts"],
                                 "caught": {"sum": "0", "alerts": 0, "without": other["sums"]["caught"]["without"]}}, other
        assert other["alerts"] == 9 and other["sums"]["caught"]["without"] == 3, other
        first = report["variation"]["variants"][0]
        assert first["is_as_written"] and first["sums"] == report["backtest"]["rules"][0]["sums"], first
        text = server.ask("GET", "/v1/backtests/1/report?format=text").text
        has(text, "sums of amount", "no number", f'{decimal.Decimal(report["backtest"]["sums"]["sum"]):,}')
        has(server.ask("GET", "/v1/backtests/1/report?format=html").text, "Sums of <code>amount</code>")
        for value, part in (("amuont", "did you mean `amount`?"), ("zzz", "numbers of alerts are `amount`"), (5, "is the name of"),
                            ("", "is the name of"), ("place", "the alerts of no rule have the field `place`")):
            answer = ask(server, {"files": {"new.tocsin": NEW}, "value": value}, 400)
            has(answer.json["detail"], "`value`", part)
        told = NEW.replace("{ amount: p.amount }", "{ amount: p.amount, place: p.place }")
        answer = ask(server, {"files": {"new.tocsin": told}, "value": "place"}, 400)
        has(answer.json["detail"], "`place` is no number in alerts of rule `large`: it is string")
        marked = NEW.replace("amount: decimal(2)", "amount: decimal(2) pii")
        answer = ask(server, {"files": {"new.tocsin": marked}, "value": "amount"}, 400)
        has(answer.json["detail"], "`amount` is personal data in alerts of rule `large`")
        scored = marked.replace("{ amount: p.amount }", "{ score: 5 }")
        ask(server, {"files": {"new.tocsin": scored}, "value": "score", "to": "2026-03-02T12:00:10Z"})
        none = NEW.replace(" { amount: p.amount }", "")
        has(ask(server, {"files": {"new.tocsin": none}, "value": "amount"}, 400).json["detail"], "give them a number, as in")
        assert report_of(server, 2)["backtest"]["sums"]["sum"] == "0"
        # The old rules alone have it.
        ask(server, {"files": {"new.tocsin": none}, "against": "live", "value": "amount"})
        report = report_of(server, 3)
        check_sums(report["against"]["sums"], sums_of(lines["against"], "amount"))
        check_sums(report["backtest"]["sums"], (0, 0, report["backtest"]["alerts"]))
        # As the command has it.
        write("labels.ndjson", labels)
        tocsin("backtest", "backtest.tocsin", "--input", "events.ndjson", "--against", "against.tocsin", "--labels", "labels.ndjson",
               "--value", "amount", "--late-policy", "clamp", "--report-json", "report.json", "--samples", "0")
        command = json.loads(read("report.json"))
        first = report_of(server, 1)
        for part in ("backtest", "against"):
            assert command[part]["sums"] == first[part]["sums"], part
        done = tocsin("backtest", "backtest.tocsin", "--input", "events.ndjson", "--value", "amonut", code=2)
        has(done.err, "--value: the alerts of no rule have the field `amonut`; did you mean `amount`?")


@case
def zones():
    """a rule that names a time zone which no active rule names is run, deployed, and there after a restart; so are all zones"""
    zone = RULES + 'rule early "E" { by card when payment as p where hour(p.ts, "Europe/Berlin") = 13 alert "early" }\n'
    by_field = zone + 'rule there "T" { by card when payment as p where hour(p.ts, p.place) = 21 alert "there" }\n'
    with Server() as server:
        sent = [{**payment(i, f"c{i}", 5), "place": "Asia/Tokyo"} for i in range(10)]
        assert server.send(sent).status == 200
        ask(server, {"files": {"rules.tocsin": zone}})
        assert alerts_of(report_of(server, 1))["early"] == 10
        ask(server, {"files": {"early.tocsin": zone[len(RULES):]}, "patch": True, "against": {"rules.tocsin": zone}})
        assert alerts_of(report_of(server, 2)) == alerts_of(report_of(server, 2), "against")
        dry = server.ask("POST", "/v1/rules/dry-run", {"files": {"rules.tocsin": zone}, "events": [payment(1, "c1", 5)]})
        assert len(dry.json["alerts"]) == 1, dry
        put = server.ask("PUT", "/v1/rules/early", zone[len(RULES):], media="text/plain", headers={"If-None-Match": "*"})
        assert put.status == 200, put
        server.kill()
    with Server(rules=None) as server:
        assert server.send([payment(11, "c1", 5)], "?wait=alerts&timeout=5s").json["alerts"][0]["rule"] == "early"
        ask(server, {"files": {}, "patch": True, "against": "live"})
        assert alerts_of(report_of(server, 3))["early"] == 11
        write("rules.tocsin", by_field)
        write("token", server.token)
        tocsin("deploy", "rules.tocsin", "--server", f"http://127.0.0.1:{server.port}", "--token-file", "token")
        server.end()
    with Server(rules=None) as server:
        alerts = server.send([{**payment(12, "c2", 5), "place": "Asia/Tokyo"}], "?wait=alerts&timeout=5s").json["alerts"]
        assert sorted(alert["rule"] for alert in alerts) == ["early", "there"], alerts
        server.end()
    tocsin("verify", "data")


@case
def refusals():
    """what is wrong is refused at once: rules, members, times, labels, roles"""
    with Server() as server:
        for body, part in (({}, "`files` has the rule files"), ({"files": {"a.tocsin": 1}}, "`files` has"),
                           ({"files": {"/a.tocsin": NEW}}, "no path within the pack"),
                           ({"files": {"a.tocsin": NEW}, "file": 1}, "unknown member file"),
                           ({"files": {"a.tocsin": NEW}, "from": "yesterday"}, "a time is written"),
                           ({"files": {"a.tocsin": NEW}, "from": "2026-03-02", "to": "2026-03-01"}, "`to` is not after"),
                           ({"files": {"a.tocsin": NEW}, "against": "dead"}, "`against` is"),
                           ({"files": {"a.tocsin": NEW}, "samples": 101}, "`samples` is a whole number from 0 to 100"),
                           ({"files": {"a.tocsin": NEW}, "vary_max": 1.5}, "`vary_max` is"),
                           ({"files": {"a.tocsin": NEW}, "vary": "yes"}, "`vary` is true or false"),
                           ({"files": {"a.tocsin": NEW}, "labels": [{"evnt": "x"}]}, "labels:1"),
                           ({"files": {"a.tocsin": NEW.replace("by card", "status draft by card")}}, "no rule to run")):
            answer = ask(server, body, 400)
            has(answer.json["detail"], part)
        answer = ask(server, {"files": {"a.tocsin": NEW.replace("amount >", "amont >")}}, 422)
        assert answer.problem() == "rules-do-not-check" and answer.json["diagnostics"], answer
        assert server.ask("GET", "/v1/backtests").json == {"backtests": []}
        for path in ("/v1/backtests/1", "/v1/backtests/1/report"):
            assert server.ask("GET", path).problem() == "not-found"
        assert server.ask("DELETE", "/v1/backtests/1").problem() == "not-found"
        tokens = {role: server.ask("POST", "/v1/tokens", {"name": role, "role": role}).json["token"]
                  for role in ("reader", "analyst", "producer")}
        body = {"files": {"a.tocsin": NEW}}
        assert server.ask("POST", "/v1/backtests", body, token=tokens["reader"]).status == 403
        assert server.ask("GET", "/v1/backtests", token=tokens["producer"]).status == 403
        assert server.ask("POST", "/v1/backtests", body, token=tokens["analyst"]).status == 202
        assert end_of(server, 1)["notes"] == ["the archive has no events of these types in this time"]
        assert state(server, 1)["who"] == "analyst"
        assert server.ask("GET", "/v1/backtests", token=tokens["reader"]).json["backtests"][0]["id"] == 1
        entries = server.ask("GET", "/v1/audit").json["entries"]
        assert any(entry["operation"] == "startBacktest" and entry["notes"]["backtest"] == 1 if "notes" in entry else
                   "startBacktest" in json.dumps(entry) for entry in entries), entries


@case
def queue():
    """one runs, as many wait as may, others are refused; each can be cancelled, events are taken all the time"""
    with Server(*OFTEN, "--backtests-queue-max", "2") as server:
        fill(server, 30_000)
        body = {"files": {"slow.tocsin": SLOW}, "vary": True, "vary_max": 1000}
        ask(server, body)
        wait_for(lambda: state(server, 1)["state"] == "running", "the first to run")
        ask(server, body)
        ask(server, {"files": {"new.tocsin": NEW}})
        answer = ask(server, body, 429)
        assert answer.problem() == "too-many-requests" and int(answer.headers["Retry-After"]) > 0, answer
        has(answer.json["detail"], "backtests.queue_max")
        assert (server.metric("backtests_running"), server.metric("backtests_queued")) == (1, 2)
        assert server.metric("backtests_refused_total") == 1
        assert server.ask("GET", "/v1/backtests/2/report").problem() == "conflict"
        slowest = 0
        for i in range(20):
            began = time.monotonic()
            assert server.send([payment(40_000 + i, "c1", 150)], "?wait=alerts").status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 5, slowest
        assert server.ask("DELETE", "/v1/backtests/2").json["state"] == "cancelled"
        assert state(server, 1)["state"] == "running", state(server, 1)
        assert server.ask("DELETE", "/v1/backtests/1").json["state"] in ("running", "cancelled")
        assert end_of(server, 1)["state"] == "cancelled"
        assert report_of(server, 3)["events"] >= 30_000
        assert server.metric("backtests_ended_total") == 3
        assert [job["id"] for job in server.ask("GET", "/v1/backtests").json["backtests"]] == [3, 2, 1]
        for number in (1, 2, 3):
            assert server.ask("DELETE", f"/v1/backtests/{number}").status == 204
        assert server.ask("GET", "/v1/backtests").json == {"backtests": []}
        server.kill()
    assert [path.name for path in pathlib.Path("data/backtests").iterdir()] == ["next.json"]
    with Server(*OFTEN) as server:
        assert ask(server, {"files": {"new.tocsin": NEW}}).json["id"] == 4


@case
def restart():
    """after kill -9 and after a stop reports are there, what ran or waited has failed, and says why; damage is named"""
    with Server(*OFTEN) as server:
        fill(server, 20_000)
        ask(server, {"files": {"new.tocsin": NEW}})
        report = report_of(server, 1)
        ask(server, {"files": {"slow.tocsin": SLOW}, "vary": True, "vary_max": 1000})
        ask(server, {"files": {"new.tocsin": NEW}})
        wait_for(lambda: state(server, 2)["state"] == "running", "the second to run")
        server.kill()
    write("data/backtests/00000009.json.part", "half")
    write("data/backtests/00000004.report.json", "of nothing")
    with Server(*OFTEN) as server:
        assert report_of(server, 1) == report
        has(state(server, 2)["failure"], "the server ended while it ran")
        has(state(server, 3)["failure"], "the server ended before it began")
        ask(server, {"files": {"slow.tocsin": SLOW}, "vary": True, "vary_max": 1000})
        began = time.monotonic()
        server.end()
        assert time.monotonic() - began < 20
    with Server(*OFTEN) as server:
        jobs = server.ask("GET", "/v1/backtests").json["backtests"]
        assert [job["state"] for job in jobs] == ["failed", "failed", "failed", "done"], jobs
        server.end()
    assert sorted(path.name for path in pathlib.Path("data/backtests").iterdir()) == sorted(
        [f"{job['id']:08}.json" for job in jobs] + ["00000001.report.json"])
    text = read("data/backtests/00000003.json")
    write("data/backtests/00000003.json", text.replace("before it began", "before it begun"))
    with Server(*OFTEN) as server:
        assert [job["id"] for job in server.ask("GET", "/v1/backtests").json["backtests"]] == [jobs[0]["id"], 2, 1]
        server.end()
        has(server.said, "00000003.json is damaged")


@case
def limits():
    """a backtest beyond its memory fails and says so; the oldest that are kept go; what the archive has lost is said"""
    remembers = """
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
feature seen = count(payment) by id over last 30d
rule many "Many" { by id when payment as p where seen > 5 alert "many" }
"""
    with Server(*OFTEN, "--backtests-memory-max", "1MiB", "--backtests-kept-max", "2") as server:
        fill(server, 20_000)
        ask(server, {"files": {"wide.tocsin": remembers}})
        failed = end_of(server, 1)
        assert failed["state"] == "failed", failed
        has(failed["failure"], "bytes of memory", "backtests.memory_max")
        for number in (2, 3, 4):
            ask(server, {"files": {"new.tocsin": NEW}, "to": "2026-03-02T12:10:00Z"})
            end_of(server, number)
        assert [job["id"] for job in server.ask("GET", "/v1/backtests").json["backtests"]] == [4, 3]
        assert server.metric("backtests_removed_total") == 2
        wait_for(lambda: len(list(pathlib.Path("data/archive").glob("records-*"))) > 5, "files of the archive")
        for path in sorted(pathlib.Path("data/archive").glob("records-*"))[1:4]:
            path.unlink()
        ask(server, {"files": {"new.tocsin": NEW}})
        assert 0 < report_of(server, 5)["events"] < 20_000
        has(state(server, 5)["notes"][0], "are not there: they were removed")


run_cases()
