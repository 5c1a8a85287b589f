#!/usr/bin/env python3
"""The operators for Apache Flink beside flink-cep, and beside `tocsin run` on one core.

    flink.py BUILD_DIR [--events N] [--cep-events N] [--rounds N] [--packed N,N…]

The seven queries of the payments workload, in jobs of one cluster inside one process with one slot: as patterns of flink-cep,
which are given the first --cep-events of the stream, and as rules by our operators. Both read the same messages from memory,
of one event or of as many as --packed says, and must give the same alerts by query; so must `tocsin run` over the file. What
counts is the CPU time of the process: all its threads, the compiler of the JVM and the cluster's start included. The best of
the rounds is taken, as what else the machine does only ever takes time. Targets: 12 times the events a CPU second of flink-cep
with one event a message, 20 times with packed ones.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import subprocess
import sys

from payments_stream import ROOT, WORKLOAD, stream

TARGETS = {1: 12}  # by events a message; 20 for more
OPENS = [word for package in ("java.util", "java.lang", "java.net", "java.nio") for word in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]


def head_of(path, events):
    """A file of its first lines."""
    head = path.with_name(f"payments-first-{events}-of-{path.stem}.ndjson")
    with open(path) as source, open(head, "w") as to:
        for _, line in zip(range(events), source):
            to.write(line)
    return head


def build(folder):
    """Compiles the jobs; gives the class path."""
    maven = ["mvn", "-q", "-B", "-ntp", "-Dstyle.color=never", f"-Dmaven.repo.local={ROOT}/build/tools/maven", f"-Dtocsin.build={folder}"]
    subprocess.run([*maven, "-f", ROOT / "runtime/flink/pom.xml", "-DskipTests", "package"], check=True, stdin=subprocess.DEVNULL)
    listing = folder / "flink" / "bench" / "classpath"
    subprocess.run([*maven, "-f", ROOT / "bench/flink/pom.xml", "compile", "dependency:build-classpath", f"-Dmdep.outputFile={listing}"],
                   check=True, stdin=subprocess.DEVNULL)
    return f"{folder}/flink/bench/classes:{listing.read_text().strip()}"


def job(classpath, name, path, rules, packed):
    """The result of a job in a process of its own."""
    done = subprocess.run(["java", "-Xmx3g", *OPENS, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classpath,
                           "io.tocsin.bench.Bench", path, rules, str(packed), name], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def run_alone(binary, path, rules):
    """The same of `tocsin run`, pinned to one core by the caller."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([binary, "run", rules, "--input", path, "--out-of-orderness", "0s", "--order", "position", "--quiet"],
                          check=True, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    counts = {}
    for line in done.stdout.splitlines():
        query = re.search(r"[qQ]\d", json.loads(line)["rule"])[0].upper()
        counts[query] = counts.get(query, 0) + 1
    return {"alerts": counts, "cpu_s": cpu}


def best(measure, rounds, events):
    """Events a CPU second, and the alerts."""
    results = [measure() for _ in range(rounds)]
    return max(events / one["cpu_s"] for one in results), results[0]["alerts"]


def main():
    parser = argparse.ArgumentParser(prog="./do bench flink")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--cep-events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--packed", default="1,100", help="events a message")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    path = stream(options.events)
    few = head_of(path, options.cep_events)
    rules = path.with_name("seven.tocsin")
    rules.write_text(subprocess.run([sys.executable, WORKLOAD / "make_rules.py", "seven"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    classpath = build(options.build.resolve())
    binary = options.build / "tocsin"
    alone, expected = best(lambda: run_alone(binary, path, rules), options.rounds, options.events)
    few_expected = run_alone(binary, few, rules)["alerts"]
    print(f"tocsin run, one core               {alone:12,.0f} events a CPU second")
    is_same = True
    for packed in map(int, options.packed.split(",")):
        cep, cep_alerts = best(lambda: job(classpath, "cep", few, rules, packed), options.rounds, options.cep_events)
        ours, our_alerts = best(lambda: job(classpath, "tocsin", path, rules, packed), options.rounds, options.events)
        is_same = is_same and cep_alerts == few_expected and our_alerts == expected
        target = TARGETS.get(packed, 20)
        print(f"flink-cep, {packed:3} events a message     {cep:12,.0f}")
        print(f"Tocsin in Flink, {packed:3} a message      {ours:12,.0f}  {ours / cep:.1f} times; target {target}: "
              f"{'met' if ours / cep >= target else 'missed'}; {ours / alone:.2f} of tocsin run")
    if not is_same:
        sys.exit("bench: the jobs give other alerts than tocsin run")


main()
