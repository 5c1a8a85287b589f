#!/usr/bin/env python3
"""What a backtest takes beside the same run.

    backtest.py TOCSIN EVENTS.ndjson RULES.tocsin… [--workers N] [--runs N]

The form `archive` reads the same events from the archive of a server, which is filled before.
Runs each form in turn, `--runs` times (5), and prints for each the median of the wall-clock time, of the run's time over
its own within one round, and of its CPU time over the run's; and the peak memory. The alerts must be the same bytes. The
target is of CPU time: on a shared machine the other says little.
"""
import argparse
import http.client
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from statistics import median

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
TARGET = 0.95
BATCH = 1 << 20  # bytes of a request


def timed(arguments):
    """Wall-clock and CPU seconds, and the peak memory in MB."""
    begin = time.monotonic()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"bench: {' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def fill_archive(tocsin, rules, events, folder):
    """A server takes the events, and has let most of them go to its archive when it ends; its data directory."""
    sys.argv[1:2] = [tocsin]  # the program that the next one starts
    from server_process import NDJSON, TIMELESS, Server
    home = os.getcwd()
    os.chdir(folder)
    with Server(rules=pathlib.Path(home, rules).read_text(encoding="utf-8"), options=(*TIMELESS, "--http-requests-per-second", "1000000")) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": NDJSON}

        def send(body):
            connection.request("POST", "/v1/events?verdicts=others", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text

        with open(pathlib.Path(home, events), "rb") as file:
            while body := file.read(BATCH):
                send(body + file.readline())
        for _ in range(3):  # the journal is let go of before the older of those that are kept
            assert server.ask("POST", "/v1/checkpoints", timeout=300).status < 300
        server.end()
    os.chdir(home)
    return f"{folder}/data"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tocsin")
    parser.add_argument("events")
    parser.add_argument("rules", nargs="+")
    parser.add_argument("--workers", default="0")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with open(options.events, "rb") as file:
        events = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    print(f"{events} events, medians of {options.runs} rounds")
    print(f"{'rules':<12}{'form':<12}{'ns an event':>13}{'speed':>8}{'CPU time':>10}{'MB':>8}")
    for rules in options.rules:
        with tempfile.TemporaryDirectory() as folder:
            common = ["--input", options.events, "--workers", options.workers, "--quiet", "--alerts"]
            alerts = {form: f"{folder}/{form}.ndjson" for form in ("run", "backtest", "archive", "against", "vary")}
            archive = fill_archive(options.tocsin, rules, options.events, folder)
            forms = {
                "run": [options.tocsin, "run", rules, *common, alerts["run"]],
                "backtest": [options.tocsin, "backtest", rules, *common, alerts["backtest"]],
                "archive": [options.tocsin, "backtest", rules, "--archive", archive, *common[2:], alerts["archive"]],
                "against": [options.tocsin, "backtest", rules, *common, alerts["against"], "--against", rules],
                "vary": [options.tocsin, "backtest", rules, *common, alerts["vary"], "--vary"],
            }
            walls = {form: [] for form in forms}
            speeds = {form: [] for form in forms}
            costs = {form: [] for form in forms}
            memory = {form: 0 for form in forms}
            for _ in range(options.runs):
                of_run = None
                for form, arguments in forms.items():
                    wall, cpu, peak = timed(arguments)
                    if form == "run":
                        of_run = cpu
                    walls[form].append(wall)
                    costs[form].append(cpu / of_run)
                    speeds[form].append(walls["run"][-1] / wall)
                    memory[form] = max(memory[form], peak)
                    if pathlib.Path(alerts[form]).read_bytes() != pathlib.Path(alerts["run"]).read_bytes():
                        sys.exit(f"bench: the alerts of {form} are not those of the run")
            name = pathlib.Path(rules).stem
            for form in forms:
                verdict = "" if form != "backtest" else f"   target {TARGET}: " + (
                    "met" if 1 / median(costs[form]) >= TARGET else "missed")
                print(f"{name:<12}{form:<12}{1e9 * median(walls[form]) / events:>13.0f}{median(speeds[form]):>8.2f}"
                      f"{median(costs[form]):>10.2f}{memory[form]:>8.0f}{verdict}")


if __name__ == "__main__":
    main()
