#!/usr/bin/env python3
"""One stream gives the same alerts, byte for byte, whichever way it comes: live over HTTP, as one file, as nightly files that
continue each other, and from the archive of the server that took it. tests/kafka/kafka.py adds topics.

    same_alerts.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import pathlib
import random
import time

from harness import ROOT, case, has, read, run_cases, tocsin, wait_for, write
from server_process import NDJSON, Server

SAMPLES = ROOT / "samples" / "payments"
# Windows, absences, `once`, a feature, and a rule over the alerts of two others.
MORE = f"""
use "{SAMPLES}/schema.tocsin"

rule burst "Many payments in a short time" {{
  by card
  when 4+ payment as all within 10m
  once per 1h
  alert "{{count(all)}} payments of {{card}}"
}}
rule silent "A large payment, and then nothing" {{
  by card
  when payment as p where amount > 300 then no payment for 20m
  alert "{{p.amount}} on {{card}}"
}}
"""
JUDGED = ("--time-out-of-orderness", "5s", "--time-late-policy", "side")
OFTEN = ("--journal-segment-bytes", "256KiB", "--checkpoint-every", "200ms")


def lines_of(name):
    return pathlib.Path(name).read_bytes().splitlines()


def pieces_of(lines, count):
    """Cuts lines into so many pieces, where all that is before is earlier than all behind."""
    times = [json.loads(line)["ts"] for line in lines]
    first_after, least = [0] * len(times), times[-1] + 1
    for i in range(len(times) - 1, -1, -1):
        first_after[i] = least = min(least, times[i])
    newest, cuts = 0, []
    for i, ts in enumerate(times):
        if i and newest < first_after[i]:
            cuts.append(i)
        newest = max(newest, ts)
    chosen = sorted(random.sample(cuts, count - 1))
    return [lines[begin:end] for begin, end in zip([0, *chosen], [*chosen, len(lines)])]


def live(lines, rules, *options):
    """The alerts of a server that is sent the lines in requests of many sizes; its data stays in `data`."""
    with Server(*rules, *JUDGED, *OFTEN, *options, rules=None) as server:
        at = 0
        while at < len(lines):
            size = random.choice((1, 7, 100, 1000))
            assert server.send(b"".join(lines[at:at + size]), media=NDJSON).status == 200
            at += size
        wait_for(lambda: list(pathlib.Path("data/archive").glob("records-*")), "files of the archive")
        server.end()
    return tocsin("alerts", "--data", "data").out_bytes.splitlines()


@case
def all_ways():
    """live over HTTP, one file, nightly files from savepoints and in one folder, and backtests of files and of the archive"""
    random.seed(7)
    tocsin("generate", "--events", 20_000, "--seed", 5, "--rate", 1, "--fraud", 5, "--disorder", "5s", "--out", "events.ndjson")
    lines = pathlib.Path("events.ndjson").read_bytes().splitlines(keepends=True)
    write("more.tocsin", MORE)
    rules = (str(SAMPLES), "more.tocsin")
    of_file = ("--out-of-orderness", "5s", "--no-final-watermark")
    wanted = live(lines, rules)
    assert len({json.loads(line)["rule"] for line in wanted}) >= 5 and len(wanted) > 200, len(wanted)

    tocsin("run", *rules, "--input", "events.ndjson", *of_file, "--alerts", "file.alerts")
    assert lines_of("file.alerts") == wanted

    nightly = []
    for i, piece in enumerate(pieces_of(lines, 5)):
        write(f"night{i}.ndjson", b"".join(piece))
        origin = ("--from", f"night{i - 1}/savepoints/end") if i else ()
        tocsin("run", *rules, "--input", f"night{i}.ndjson", "--out-of-orderness", "5s", "--data", f"night{i}", *origin,
               "--alerts", f"night{i}.alerts")
        tocsin("savepoint", "make", "--data", f"night{i}", "end")
        nightly += lines_of(f"night{i}.alerts")
        tocsin("run", *rules, "--input", f"night{i}.ndjson", "--out-of-orderness", "5s", "--data", "nights",
               "--alerts", "folder.alerts")
    assert nightly == wanted
    assert lines_of("folder.alerts") == wanted

    tocsin("backtest", *rules, "--input", "events.ndjson", *of_file, "--alerts", "backtest.alerts")
    assert lines_of("backtest.alerts") == wanted
    # How the server judges events by time is known there.
    tocsin("backtest", *rules, "--archive", "data", "--no-final-watermark", "--alerts", "archive.alerts")
    assert lines_of("archive.alerts") == wanted

    with Server(*JUDGED, rules=None) as server:
        files = {"more.tocsin": MORE.replace(f"{SAMPLES}/", "")}
        files.update({path.name: read(path) for path in SAMPLES.glob("*") if path.is_file() and path.suffix != ".md"})
        answer = server.ask("POST", "/v1/backtests", {"files": files, "against": "live", "final_watermark": False})
        assert answer.status == 202, answer
        wait_for(lambda: server.ask("GET", "/v1/backtests/1").json["state"] == "done", "the backtest")
        report = server.ask("GET", "/v1/backtests/1/report").json
    for part in ("backtest", "against"):
        counted = {rule["rule"]: rule["alerts"] for rule in report[part]["rules"] if rule["alerts"] and rule["status"] == "live"}
        rules_of = [json.loads(line)["rule"] for line in wanted]
        assert counted == {rule: rules_of.count(rule) for rule in set(rules_of)}, (part, counted)


@case
def late_and_clamped():
    """late events that were moved to the time reached, or set aside, are judged in a backtest of the archive as they were"""
    random.seed(8)
    tocsin("generate", "--events", 5000, "--seed", 6, "--rate", 1, "--fraud", 5, "--disorder", "60s", "--out", "events.ndjson")
    lines = pathlib.Path("events.ndjson").read_bytes().splitlines(keepends=True)
    for number, judged in enumerate((("--time-late-policy", "clamp"), ("--time-late-policy", "side", "--time-late-max", "10s"))):
        with Server(str(SAMPLES), *judged, rules=None, data=f"data{number}") as server:
            for at in range(0, len(lines), 100):
                assert server.send(b"".join(lines[at:at + 100]), media=NDJSON).status == 200
            server.end()
        wanted = tocsin("alerts", "--data", f"data{number}").out_bytes.splitlines()
        assert len(wanted) > 20
        tocsin("backtest", SAMPLES, "--archive", f"data{number}", "--no-final-watermark", "--alerts", "archive.alerts")
        assert lines_of("archive.alerts") == wanted, judged


@case
def clock():
    """what a clock decided is decided again: deadlines in a silence, events that come too far ahead, a time of the day"""
    rules = """
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
rule unconfirmed "Nothing more came" {
  by card
  when payment as p then no payment for 1s
  alert "{p.amount} on {card}"
}
"""
    write("rules.tocsin", rules)
    now_us = lambda: round(time.time() * 1e6)
    event = lambda number, ts, card="c1": {"type": "payment", "ts": ts, "id": f"p{number}", "card": card, "amount": number + 0.25}
    options = ("--time-ahead-max", "1h", "--time-heartbeat", "100ms")
    with Server("rules.tocsin", rules=None, options=options) as server:
        for number in range(6):
            assert server.send([event(number, now_us(), f"c{number % 2}")]).status == 200
            time.sleep(random.choice((0.3, 1.4)))
        answer = server.send([event(90, now_us() + 86_400_000_000)])  # a day ahead
        assert answer.json["verdicts"][0]["status"] != "accepted", answer
        assert server.send([event(91, now_us() - 3_000_000), event(92, now_us())]).status == 200
        wait_for(lambda: any(json.loads(line)["message"] == "92.25 on c1" for line in
                             [json.dumps(hit["alert"]) for hit in server.ask("GET", "/v1/alerts").json["alerts"]]), "the last alert")
        server.end()
    wanted = tocsin("alerts", "--data", "data").out_bytes.splitlines()
    assert len(wanted) >= 3, wanted
    tocsin("backtest", "rules.tocsin", "--archive", "data", "--no-final-watermark", "--alerts", "archive.alerts")
    assert lines_of("archive.alerts") == wanted
    # A span of time that has all of it gives the same.
    done = tocsin("backtest", "rules.tocsin", "--archive", "data", "--from", "2020-01-01", "--no-final-watermark", "--alerts",
                  "archive.alerts")
    assert lines_of("archive.alerts") == wanted
    has(done.out, "unconfirmed")


LISTED = """
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
list blocked : string = ["c1"]
table limits key card { most: decimal(2) } = { "c2": { most: 50.00 } }
rule blocked_card "A blocked card" { by card when payment where card in blocked alert "{card}" }
rule over "More than it may" { by card when payment as p where amount > limits[card].most alert "{p.amount} on {card}" }
"""


@case
def lists():
    """lists and tables change in a backtest of the archive as they did, or are as they were at one time"""
    write("rules.tocsin", LISTED)
    numbers = iter(range(10_000))
    sent = []

    def send(server):
        events = []
        for card in ("c1", "c2", "c3", "c4"):
            n = next(numbers)
            events.append({"type": "payment", "ts": 1_772_452_800_000_000 + n * 1_000_000, "id": f"p{n}", "card": card,
                           "amount": 60.25})
        sent.append(events)
        assert server.send(events).status == 200

    def change(server, method, path, body):
        answer = server.ask(method, f"/v1/{path}", body)
        assert answer.status == 200, answer

    times = []
    with Server("rules.tocsin", *OFTEN, rules=None) as server:
        send(server)
        change(server, "POST", "lists/blocked/entries", {"entries": ["c3"]})
        send(server)
        time.sleep(0.05)
        times.append(time.time())
        time.sleep(0.05)
        change(server, "DELETE", "lists/blocked/entries", {"entries": ["c1"]})
        change(server, "POST", "tables/limits/rows", {"entries": [{"row": {"card": "c4", "most": 10.00}}]})
        send(server)
        change(server, "PUT", "lists/blocked", {"entries": ["c2", "c4"]})
        send(server)
        live = lambda: tocsin("alerts", "--data", "data").out_bytes.splitlines()
        body = {"files": {"rules.tocsin": LISTED}, "lists_as_of": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(times[0] - 3600))}
        assert server.ask("POST", "/v1/backtests", body).status == 202
        wait_for(lambda: server.ask("GET", "/v1/backtests/1").json["state"] == "done", "the backtest")
        report = server.ask("GET", "/v1/backtests/1/report").json
        assert {rule["rule"]: rule["alerts"] for rule in report["backtest"]["rules"]} == {"blocked_card": 4, "over": 4}, report
        server.end()
    wanted = live()
    assert len(wanted) == 2 + 3 + 3 + 4, [json.loads(line)["message"] for line in wanted]
    tocsin("backtest", "rules.tocsin", "--archive", "data", "--no-final-watermark", "--alerts", "archive.alerts")
    assert lines_of("archive.alerts") == wanted
    tocsin("backtest", "rules.tocsin", "--archive", "data", "--from", "2026-03-02T12:00:08Z", "--no-final-watermark", "--alerts",
           "archive.alerts")
    assert lines_of("archive.alerts") == [line for line in wanted if json.loads(line)["ts"] >= 1_772_452_808_000_000]
    # As of the middle: c3 is blocked too, and nothing else was changed yet.
    at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(times[0]))}.{int(times[0] * 1e6) % 1_000_000:06}Z"
    tocsin("backtest", "rules.tocsin", "--archive", "data", "--lists-as-of", at, "--no-final-watermark", "--alerts", "as_of.alerts")
    write("then.tocsin", LISTED.replace('["c1"]', '["c1", "c3"]'))
    write("all.ndjson", [event for events in sent for event in events])
    tocsin("run", "then.tocsin", "--input", "all.ndjson", "--no-final-watermark", "--alerts", "then.alerts")
    assert lines_of("as_of.alerts") == lines_of("then.alerts") and len(lines_of("as_of.alerts")) == 12
    # Entries of a whole list go once no start needs them.
    for path in pathlib.Path("data/blobs").iterdir():
        if b'["c2"' in path.read_bytes() or b'"c2","c4"' in path.read_bytes():
            path.unlink()
    done = tocsin("backtest", "rules.tocsin", "--archive", "data")
    has(done.err, "the change of the list blocked in record", "is left out: its entries are no longer kept")
    has(tocsin("backtest", "rules.tocsin", "--input", "all.ndjson", "--lists-as-of", at, code=2).err, "--lists-as-of needs --archive")
    has(tocsin("backtest", "rules.tocsin", "--archive", "data", "--lists-as-of", "noon", code=2).err, "a time is written")


run_cases()
