#!/usr/bin/env python3
"""The seven queries of the payments workload against its plain-Python oracle, alert by alert; bench/compare.py on them; and every row
of bench/rows.py with few events, whose alerts must be those of a plain count.

    payments_workload.py TOCSIN_BINARY [EVENTS]

Once in order and once with 800 ms of disorder. Last line: N passed, N failed.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
from collections import defaultdict

WORKLOAD = pathlib.Path(__file__).resolve().parents[2] / "bench" / "workload"

COMPARE = WORKLOAD.parent / "compare.py"
ROWS = WORKLOAD.parent / "rows.py"


def comparisons(binary, folder, stream, rules):
    """Whether programs are compared: one with itself, with one that raises an alert more, and with nothing."""
    def compare(other):
        return subprocess.run([sys.executable, COMPARE, binary, other, stream, rules, "--runs", "2", "--json", folder / "figures.json"],
                              capture_output=True, text=True, check=False)

    more = folder / "more"
    more.write_text(f"#!/bin/sh\n'{pathlib.Path(binary).resolve()}' \"$@\" && echo more\n")
    more.chmod(0o755)
    same = compare(binary)
    figures = json.loads((folder / "figures.json").read_text())["sets"]["seven"] if same.returncode == 0 else {}
    yield "a program beside itself", figures.get("alerts", 0) > 100 and len(figures["ratios"]) == 2 and 0.2 < figures["b_over_a"] < 5
    other = compare(more)
    yield "other alerts are refused", other.returncode == 1 and "the alerts differ" in other.stderr and "nothing was timed" in other.stderr
    none = compare(folder / "none")
    yield "no such program", none.returncode == 1 and "is neither a commit nor a program" in none.stderr


def benchmark_rows(binary):
    """Whether each row of ./do bench runs and gives its figures."""
    build = pathlib.Path(binary).resolve().parent
    if not (build / "bench" / "bench_payments").exists():
        print(f"skipped: benchmark rows: {build} has no benchmark programs, as in sanitizer builds")
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = pathlib.Path(folder) / "figures.json"
        done = subprocess.run([sys.executable, ROWS, build, "all", "--events", "20000", "--runs", "1", "--json", kept, "--data", folder],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr[-2000:])
        figures = {row["name"]: row for row in json.loads(kept.read_text())["rows"]} if done.returncode == 0 else {}
    yield "all of them", len(figures) > 40
    for name, figure in figures.items():
        if "is_checked" in figure:
            yield name, figure["ns_per_event"] > 0 and figure["is_checked"]


def main():
    binary, events = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "100000"
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rules = folder / "seven.tocsin"
        rules.write_text(subprocess.run([sys.executable, WORKLOAD / "make_rules.py", "seven"], check=True, text=True,
                                        capture_output=True).stdout)
        for disorder in ("0", "800"):
            stream, alerts = folder / "events.ndjson", folder / "oracle.txt"
            subprocess.run([sys.executable, WORKLOAD / "gen_payments.py", "--events", events, "--seed", "3",
                            "--rate", "10", "--plant", "5", "--disorder-ms", disorder, "--out", stream], check=True)
            subprocess.run([sys.executable, WORKLOAD / "oracle_payments.py", stream, "--sort", "--alerts", alerts], check=True,
                           stdout=subprocess.DEVNULL)
            expected = defaultdict(list)
            for line in alerts.read_text().splitlines():
                query, identity = line.split()
                expected[query.lower()].append(identity)
            done = subprocess.run([binary, "run", rules, "--input", stream, "--out-of-orderness", f"{disorder}ms"],
                                  capture_output=True, text=True, check=False)
            got = defaultdict(list)
            for line in done.stdout.splitlines():
                alert = json.loads(line)
                got[alert["rule"][:2]].append(alert["events"][-1]["id"])
            for query in ("q1", "q2", "q3", "q4", "q5", "q6", "q7"):
                same = done.returncode == 0 and expected[query] and sorted(expected[query]) == sorted(got[query])
                passed, failed = passed + bool(same), failed + (not same)
                print(f"{'ok  ' if same else 'FAIL'} {query}, disorder {disorder} ms: "
                      f"{len(expected[query])} alerts expected, {len(got[query])} given")
            if done.returncode:
                print(done.stderr[-2000:])
        for what, good in comparisons(binary, folder, stream, rules):
            passed, failed = passed + bool(good), failed + (not good)
            print(f"{'ok  ' if good else 'FAIL'} compare: {what}")
    for what, good in benchmark_rows(binary):
        passed, failed = passed + bool(good), failed + (not good)
        print(f"{'ok  ' if good else 'FAIL'} benchmark row {what}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
