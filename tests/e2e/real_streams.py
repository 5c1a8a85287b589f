#!/usr/bin/env python3
"""Runs the sample rules for two real logs and compares the alerts with a plain script over the same file.

    real_streams.py TOCSIN_BINARY

The logs are not part of the repository: the variable TOCSIN_DATA names the folder with auth.ndjson and access.ndjson.
Each rule is restated here in Python by its meaning, with sorting by event time first. Last line: N passed, N failed.
"""
import json
import os
import pathlib
import subprocess
import sys
from collections import defaultdict, deque

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def quiet(hits, length):
    """Keeps of (key, ts, …) in order those that come `length` or more after the last one kept of the key."""
    last, kept = {}, []
    for hit in hits:
        if hit[0] not in last or hit[1] >= last[hit[0]] + length:
            last[hit[0]] = hit[1]
            kept.append(hit)
    return kept


def counted(events, key, length, least):
    """(key, ts) of the events that are at least the `least`-th of their key in (ts - length, ts]."""
    recent, hits = defaultdict(deque), []
    for e in events:
        times = recent[e[key]]
        times.append(e["ts"])
        while times[0] <= e["ts"] - length:
            times.popleft()
        if len(times) >= least:
            hits.append((e[key], e["ts"]))
    return hits


def auth_expected(events):
    logins = [e for e in events if e["type"] == "login"]
    failures = [e for e in logins if e["ok"] is False]
    guessed, tries = [], defaultdict(list)
    for e in logins:
        if e["ok"] is False:
            tries[e["ip"]].append(e["ts"])
        elif e["ok"] is True and e.get("method") == "password":
            young = [t for t in tries[e["ip"]] if e["ts"] - t < HOUR]
            if len(young) >= 3:
                guessed.append((e["ip"], e["ts"]))
    names, started = [], defaultdict(list)
    for e in events:
        if e["type"] != "unknown_user":
            continue
        runs = started[e["ip"]]
        runs.append([])
        for run in runs:
            run.append(e["ts"])
        runs[:] = [run for run in runs if e["ts"] - run[0] < MINUTE]
        if any(len(run) == 5 for run in runs):
            names.append((e["ip"], e["ts"]))
            runs.clear()
    bare = []
    for i, e in enumerate(events):
        if e["type"] == "account_created":
            later = (o for o in events[i + 1:] if o["ts"] < e["ts"] + MINUTE)
            if not any(o["type"] == "password_change" and o["user"] == e["user"] for o in later):
                bare.append((e["user"], e["ts"] + MINUTE))
    return {
        "brute_force": quiet(counted(failures, "ip", 10 * MINUTE, 10), HOUR),
        "guessed_password": quiet(guessed, HOUR),
        "user_names_tried": names,
        "new_account_without_password": bare,
    }


def access_expected(events):
    missing = [e for e in events if e["status"] == 404]
    again, asked = [], defaultdict(list)
    for e in missing:
        if any(o["path"] == e["path"] and e["ts"] - o["ts"] < HOUR for o in asked[e["ip"]]):
            again.append((e["ip"], e["ts"]))
        asked[e["ip"]].append(e)
    found, before = [], {}
    for e in events:
        o = before.get(e["ip"])
        if (o and o["status"] == 404 and e["status"] == 200 and e.get("bytes", 0) > 500_000
                and e["ts"] - o["ts"] < 5 * MINUTE):
            found.append((e["ip"], e["ts"]))
        before[e["ip"]] = e
    return {
        "scanner": quiet(counted(missing, "ip", 5 * MINUTE, 5), HOUR),
        "flood": quiet(counted(events, "ip", MINUTE, 60), 10 * MINUTE),
        "missing_again": again,
        "missing_then_found": found,
    }


def main():
    binary = sys.argv[1]
    data = os.environ.get("TOCSIN_DATA")
    passed = failed = 0
    if not data:
        print("skipped: TOCSIN_DATA does not name the folder of the two real streams")
        print("0 passed, 0 failed")
        return
    for name, rules, expected_of in (("auth.ndjson", "server_logins", auth_expected),
                                     ("access.ndjson", "web_requests", access_expected)):
        path = pathlib.Path(data) / name
        events = sorted(map(json.loads, path.open(encoding="utf-8")), key=lambda e: e["ts"])
        done = subprocess.run([binary, "run", ROOT / "samples" / rules, "--input", path],
                              capture_output=True, text=True, timeout=120, check=False)
        got = defaultdict(list)
        for line in done.stdout.splitlines():
            alert = json.loads(line)
            got[alert["rule"]].append((next(iter(alert["key"].values())), alert["ts"]))
        for rule, expected in expected_of(events).items():
            same = done.returncode == 0 and sorted(expected) == sorted(got[rule])
            passed, failed = passed + same, failed + (not same)
            print(f"{'ok  ' if same else 'FAIL'} {name} {rule}: {len(expected)} alerts expected, {len(got[rule])} given")
            if not same:
                print(f"     exit {done.returncode}; expected {sorted(expected)[:5]}…, got {sorted(got[rule])[:5]}…")
                print(done.stderr[-2000:])
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
