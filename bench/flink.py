#!/usr/bin/env python3
"""The operators for Apache Flink beside flink-cep, and beside `tocsin run` on one core.

    flink.py BUILD_DIR [--events N] [--cep-events N] [--rounds N] [--packed N,N…] [--sources memory,kafka]

The seven queries of the payments workload, in jobs of one cluster inside one process with one slot: as patterns of flink-cep,
which are given the first --cep-events of the stream, and as rules by our operators. Both read the same messages, of one event or
of as many as --packed says, from memory or from a topic of a broker, and must give the same alerts by query; so must `tocsin run`
over the file. What counts is the CPU time of the process, all its threads included and the broker's not. Each job is run twice in
its process: in the first run the JVM's compiler and the cluster's start count for much, in the second one little is left of it.
The best of the rounds is taken, as what else the machine does only ever takes time. Targets, for second runs: 12 times the events
a CPU second of flink-cep with one event a message, 20 times with packed ones.
"""
import argparse
import itertools
import json
import os
import pathlib
import re
import resource
import subprocess
import sys

from payments_stream import ROOT, WORKLOAD, stream

sys.path.insert(0, str(ROOT / "tests" / "kafka"))
from broker import Broker, reason_for_none

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


class Topics:
    """Files as topics of a broker, which is not pinned: its time does not count."""

    def __init__(self, binary):
        reason = reason_for_none(binary)
        if reason:
            sys.exit(f"bench: {reason}")
        self.broker = Broker(binary)
        self.made = set()

    def of(self, path, packed):
        """The brokers, and the topic of the file's lines with so many a message."""
        topic = f"{path.stem}-{packed}"
        if topic not in self.made:
            self.made.add(topic)
            self.broker.create(topic)
            with open(path, "rb") as lines:
                while True:
                    piece = [line.rstrip(b"\n") for line in itertools.islice(lines, max(1, 50_000 // packed) * packed)]
                    if not piece:
                        break
                    messages = [b"\n".join(piece[i:i + packed]) for i in range(0, len(piece), packed)]
                    self.broker.produce(topic, [(0, message.decode()) for message in messages])
        return [self.broker.address, topic]


def job(classpath, name, path, rules, packed, topic):
    """The result of a job in a process of its own."""
    done = subprocess.run(["java", "-Xmx3g", *OPENS, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classpath,
                           "io.tocsin.bench.Bench", path, rules, str(packed), name, *topic], check=True, stdout=subprocess.PIPE, text=True)
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
    return {"alerts": counts, "cpu_s": [cpu]}


def best(measure, rounds, events):
    """Events a CPU second of each run in a process, and the alerts."""
    results = [measure() for _ in range(rounds)]
    return [max(events / cpu for cpu in of_run) for of_run in zip(*(one["cpu_s"] for one in results))], results[0]["alerts"]


def main():
    parser = argparse.ArgumentParser(prog="./do bench flink")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--cep-events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--packed", default="1,100", help="events a message")
    parser.add_argument("--sources", default="memory", help="memory, kafka or both: memory,kafka")
    options = parser.parse_args()
    sources = options.sources.split(",")
    if not set(sources) <= {"memory", "kafka"}:
        parser.error(f"--sources is memory, kafka or both, not {options.sources}")
    binary = options.build / "tocsin"
    topics = Topics(binary) if "kafka" in sources else None
    path = stream(options.events)
    few = head_of(path, options.cep_events)
    rules = path.with_name("seven.tocsin")
    rules.write_text(subprocess.run([sys.executable, WORKLOAD / "make_rules.py", "seven"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    classpath = build(options.build.resolve())
    if topics:  # before the pinning, so that the broker has the other cores
        for packed, file in itertools.product(map(int, options.packed.split(",")), (few, path)):
            topics.of(file, packed)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    (alone,), expected = best(lambda: run_alone(binary, path, rules), options.rounds, options.events)
    few_expected = run_alone(binary, few, rules)["alerts"]
    print(f"tocsin run, one core: {alone:,.0f} events a CPU second")
    is_same = True
    for source, packed in itertools.product(sources, map(int, options.packed.split(","))):
        def measured(name, file, events):
            topic = topics.of(file, packed) if source == "kafka" else []
            return best(lambda: job(classpath, name, file, rules, packed, topic), options.rounds, events)
        cep, cep_alerts = measured("cep", few, options.cep_events)
        ours, our_alerts = measured("tocsin", path, options.events)
        is_same = is_same and cep_alerts == few_expected and our_alerts == expected
        target = TARGETS.get(packed, 20)
        print(f"from {source}, {packed} events a message")
        for run, one_cep, one_ours in zip(("first", "second"), cep, ours):
            met = "" if run == "first" else f"; target {target}: {'met' if one_ours / one_cep >= target else 'missed'}"
            print(f"  {run:6} run  flink-cep {one_cep:10,.0f}  Tocsin {one_ours:10,.0f} events a CPU second ({1e6 / one_ours:.2f} us an event); "
                  f"{one_ours / one_cep:.1f} times{met}; {one_ours / alone:.2f} of tocsin run")
    if not is_same:
        sys.exit("bench: the jobs give other alerts than tocsin run")


main()
