#!/usr/bin/env python3
"""From Kafka to alerts, durably, beside the same events from a file.

    live.py BUILD [--events N] [--runs N] [--partitions N,N…] [--rules SET]

A broker on loopback has the payments stream in topics of so many partitions; it runs on the same machine, and takes its
share of it. Per round a run with --data reads the file, then each topic to its end, each in a new folder. Alerts must be the
same in all. Events a second are those of the run's own summary, without its start. The best of the rounds counts, as what
else the machine does only ever takes time. Target: 0.7 of the file's.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "kafka"))
TARGET = 0.7


def alert_ids(path):
    with open(path, encoding="utf-8") as alerts:
        return sorted(json.loads(line)["id"] for line in alerts)


def run(binary, rules, folder, source):
    """Events a second of one run, and its alerts."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    alerts = folder / "alerts.ndjson"
    began = time.monotonic()
    done = subprocess.run([binary, "run", rules, "--data", folder / "data", "--alerts", alerts, *source], check=False,
                          capture_output=True, text=True)
    taken = time.monotonic() - began
    if done.returncode:
        sys.exit(f"bench: the run failed:\n{done.stderr}")
    rate = float(re.search(r"([\d,]+) events/s", done.stderr)[1].replace(",", ""))
    return rate, taken, alert_ids(alerts)


def main():
    from broker import Broker, reason_for_none
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--partitions", default="1,4")
    parser.add_argument("--rules", default="fifty")
    options = parser.parse_args()
    binary = options.build.resolve() / "tocsin"
    reason = reason_for_none(binary)
    if reason:
        sys.exit(f"bench: {reason}")
    data = ROOT / "build" / "bench"
    data.mkdir(parents=True, exist_ok=True)
    stream = data / f"payments-{options.events}.ndjson"
    if not stream.exists():
        print(f"bench: generating {options.events} events")
        subprocess.run([sys.executable, ROOT / "bench/workload/gen_payments.py", "--events", str(options.events), "--seed", "1",
                        "--out", f"{stream}.part"], check=True)
        pathlib.Path(f"{stream}.part").rename(stream)
    own = pathlib.Path(tempfile.mkdtemp(prefix="live-", dir=data))
    try:
        rules = own / "rules.tocsin"
        rules.write_bytes(subprocess.run([sys.executable, ROOT / "bench/workload/make_rules.py", options.rules], check=True,
                                         capture_output=True).stdout)
        broker = Broker(binary)
        sources = {"file": ["--input", stream]}
        for partitions in map(int, options.partitions.split(",")):
            topic = f"payments-{partitions}"
            broker.create(topic, partitions)
            with open(stream, encoding="utf-8") as lines:
                broker.produce(topic, ((number % partitions, line.rstrip("\n")) for number, line in enumerate(lines)))
            sources[f"{partitions} partition{'s' if partitions > 1 else ''}"] = [
                "--kafka-brokers", broker.address, "--kafka-topics", topic, "--kafka-until-end"]
        best, alerts = {}, None
        for _ in range(options.runs):
            for name, source in sources.items():
                rate, taken, found = run(binary, rules, own / "run", source)
                alerts = alerts or found
                if found != alerts:
                    sys.exit(f"bench: the alerts of {name} are others: {len(found)}, and {len(alerts)} of the file")
                best[name] = max(best.get(name, (0, 0)), (rate, taken))
        print(f"{options.events} events, {options.rules} rules, {len(alerts)} alerts, the best of {options.runs} rounds")
        for name, (rate, taken) in best.items():
            ratio = rate / best["file"][0]
            target = "" if name == "file" else f", {ratio:.2f} of the file's ({'met' if ratio >= TARGET else 'missed'}: {TARGET})"
            print(f"  {name:13} {rate:12,.0f} events/s, {taken:.1f} s with start and end{target}")
    finally:
        shutil.rmtree(own, ignore_errors=True)


main()
