#!/usr/bin/env python3
"""`./do flink`: a job in a Flink cluster of separate processes, whose task managers are killed (kill -9) under load.

The alerts that its sink commits must be those of `tocsin run`, each once and in order. In a second round rules and a
list change meanwhile, and the alerts are those of one machine that changes them at the same times. Needs what `./do setup flink` fetches.
All processes listen on loopback.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import cluster_topics

HERE = pathlib.Path(__file__).resolve().parent
OPENS = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in (
    "java.lang", "java.net", "java.io", "java.nio", "java.text", "java.util", "java.util.concurrent",
    "java.util.concurrent.atomic", "java.util.concurrent.locks", "java.time", "sun.nio.ch")]
SLOTS = 2

CONFIGURATION = """\
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: 127.0.0.1
jobmanager.memory.process.size: 1g
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest}
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: {slots}
taskmanager.cpu.cores: 1.0
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.jvm-metaspace.size: 128m
taskmanager.memory.jvm-overhead.min: 128m
taskmanager.memory.jvm-overhead.max: 128m
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.managed.size: 512m
heartbeat.timeout: 6000
heartbeat.interval: 1000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 1000
restart-strategy.fixed-delay.delay: 200 ms
state.backend.type: {backend}
execution.checkpointing.incremental: true
execution.checkpointing.dir: file://{folder}/checkpoints
"""


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


class Cluster:
    """A job manager and task managers, each a process."""

    def __init__(self, folder, classpath, backend, workers):
        self.folder, self.classpath, self.rest = folder, classpath, free_port()
        (folder / "conf").mkdir()
        (folder / "conf" / "config.yaml").write_text(CONFIGURATION.format(
            rpc=free_port(), rest=self.rest, slots=SLOTS, backend=backend, folder=folder), encoding="utf-8")
        self.processes = []
        self.manager = self.start("jobmanager", "600m", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                                  "--executionMode", "cluster")
        self.workers = [self.start_worker() for _ in range(workers)]

    def java(self, heap, name, *arguments):
        return ["java", *OPENS, "-XX:+UseSerialGC", f"-Xmx{heap}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                f"-Djava.io.tmpdir={self.folder}", "-cp", self.classpath, name, *arguments]

    def environment(self):
        return dict(os.environ, FLINK_CONF_DIR=str(self.folder / "conf"))

    def start(self, log, heap, name, *arguments):
        with open(self.folder / f"{log}-{len(self.processes)}.log", "wb") as output:
            process = subprocess.Popen(self.java(heap, name, "--configDir", str(self.folder / "conf"), *arguments),
                                       stdout=output, stderr=subprocess.STDOUT, env=self.environment())
        self.processes.append(process)
        return process

    def start_worker(self):
        return self.start("taskmanager", "512m", "org.apache.flink.runtime.taskexecutor.TaskManagerRunner")

    def kill_worker(self):
        """Ends a task manager as a power cut would, and starts another one."""
        worker = self.workers.pop(random.randrange(len(self.workers)))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.workers.append(self.start_worker())

    def wait_until_up(self):
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.rest), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the cluster does not come up")

    def submit(self, jar, arguments, job="io.tocsin.flink.FilesJob"):
        """Starts the job; the process ends when the job does."""
        command = self.java("300m", "org.apache.flink.client.cli.CliFrontend", "run", "-c", job, str(jar), *arguments)
        with open(self.folder / "client.log", "wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=self.environment())

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


def committed(folder, expected):
    """The lines of the sink's files, which follow each other by what their first lines are."""
    places = {line: place for place, line in enumerate(expected)}
    files = []
    for path in folder.rglob("part-*"):
        if not path.name.startswith("."):
            lines = path.read_text(encoding="utf-8").splitlines()
            if lines:
                files.append((places.get(lines[0], -1), lines))
    return [line for _, lines in sorted(files) for line in lines]


def main():
    parser = argparse.ArgumentParser(prog="./do flink", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--every", type=float, default=6, help="seconds between kills (default: 6)")
    parser.add_argument("--parallelism", type=int, default=3)
    parser.add_argument("--files", type=int, default=4, help="files that the events are divided into (default: 4)")
    parser.add_argument("--backend", default="rocksdb", choices=("rocksdb", "hashmap"))
    parser.add_argument("--rules", default=str(HERE / "src" / "test" / "resources" / "constructs"))
    parser.add_argument("--round", choices=("plain", "changes"), help="one of the two rounds (default: both)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--topics", action="store_true", help="read and write topics of a broker, which is killed once too")
    parser.add_argument("--packed", type=int, default=1, help="with --topics: events a message (default: 1)")
    parser.add_argument("--keep", action="store_true", help="leave logs and files")
    options = parser.parse_args()
    random.seed(options.seed)
    if options.topics:
        cluster_topics.check(os.environ["TOCSIN_BINARY"])
    build, tocsin = pathlib.Path(os.environ["TOCSIN_BUILD_DIR"]), os.environ["TOCSIN_BINARY"]
    maven = build.parent / "tools" / "maven"
    subprocess.run(["mvn", "-o", "-q", "-B", "-Dstyle.color=never", f"-Dmaven.repo.local={maven}", f"-Dtocsin.build={build}",
                    "-f", str(HERE / "pom.xml"), "-DskipTests", "package"], check=True, stdin=subprocess.DEVNULL)
    jar = next((build / "flink" / "target").glob("tocsin-flink-*.jar"))
    classpath = (maven / "classpath").read_text(encoding="utf-8").strip()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-flink-"))
    good = False
    try:
        good = all(run(options, make_round(folder, name), build, tocsin, jar, classpath, name == "changes")
                   for name in ("plain", "changes") if options.round in (None, name))
    finally:
        if good and not options.keep:
            shutil.rmtree(folder)
        else:
            print(f"logs and files: {folder}")
    return 0 if good else 1


def make_round(folder, name):
    (folder / name).mkdir()
    return folder / name


WATCHED = """
list watched: string from "watched.txt"
rule from_watched "A payment from a country that is watched" {
  by card when payment as p where p.country in watched and p.amount > 100
  alert "{p.country}" once per 10m
}
"""


def make_changes(options, folder, every_line):
    """Other rules, another list, and the first rules again, at quarters of the events: (time in us, rules) each."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(pathlib.Path(options.rules).glob("*.tocsin")))
    packs = []
    for name, countries in (("other", "DE\nFR\n"), ("listed", "FR\nUS\n")):
        packs.append(folder / name)
        packs[-1].mkdir()
        (packs[-1] / "rules.tocsin").write_text(text.replace("at_merchant > 20", "at_merchant > 10") + WATCHED, encoding="utf-8")
        (packs[-1] / "watched.txt").write_text(countries, encoding="utf-8")
    packs.append(pathlib.Path(options.rules))
    lines = every_line.read_text(encoding="utf-8").splitlines()
    times = [json.loads(lines[len(lines) * quarter // 4])["ts"] // 1000 * 1000 for quarter in (1, 2, 3)]
    shown = [datetime.datetime.fromtimestamp(time / 1e6, datetime.timezone.utc).isoformat(timespec="milliseconds")
             .replace("+00:00", "Z") for time in times]
    (folder / "changes.jsonl").write_text("".join(json.dumps(change) + "\n" for change in (
        {"rules": str(packs[0]), "at": shown[0]}, {"file": "watched.txt", "add": ["US"], "remove": ["DE"], "at": shown[1]},
        {"rules": str(packs[2]), "at": shown[2]})), encoding="utf-8")
    return list(zip(times, packs))


def run(options, folder, build, tocsin, jar, classpath, changes):
    every_line = folder / "all.jsonl"
    subprocess.run([tocsin, "generate", "--events", str(options.events), "--disorder", "1s", "--fraud", "5", "--quiet",
                    "--seed", str(options.seed), "--out", str(every_line)], check=True)
    files = [folder / f"events-{n}.jsonl" for n in range(options.files)]
    outputs = [open(path, "wb") for path in files]
    with open(every_line, "rb") as lines:
        for number, line in enumerate(lines):
            outputs[number % len(outputs)].write(line)
    for output in outputs:
        output.close()
    if changes:
        when = make_changes(options, folder, every_line)
        one_machine = [str(build / "tests" / "changed_run"), options.rules, *(str(word) for change in when for word in change),
                       "--", *map(str, files)]
    else:
        inputs = [argument for path in files for argument in ("--input", str(path))]
        one_machine = [tocsin, "run", options.rules, "--quiet", "--order", "position", *inputs]
    expected = subprocess.run(one_machine, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True).stdout.splitlines()
    cluster = Cluster(folder, classpath, options.backend, -(-options.parallelism // SLOTS))
    kills = 0
    try:
        cluster.wait_until_up()
        if options.topics:
            return cluster_topics.run(options, cluster, tocsin, jar, files, expected,
                                      folder / "changes.jsonl" if changes else None)
        began = time.monotonic()
        client = cluster.submit(jar, ["--rules", options.rules, "--output", f"file://{folder}/alerts", "--parallelism",
                                      str(options.parallelism), "--checkpoint-every", "500ms",
                                      *(["--changes", str(folder / "changes.jsonl")] if changes else []), *map(str, files)])
        while client.poll() is None:
            time.sleep(options.every)
            if client.poll() is None and kills < options.kills:
                cluster.kill_worker()
                kills += 1
        seconds = time.monotonic() - began
    finally:
        cluster.stop()
    alerts = committed(folder / "alerts", expected)
    good = client.returncode == 0 and alerts == expected
    print(f"{options.events:,} events{' and 3 changes of rules' if changes else ''} in {seconds:.0f} s, {kills} task managers killed; {len(alerts)} alerts, "
          f"{len(expected)} expected: {'the same, in order' if good else 'NOT the same'}")
    return good


if __name__ == "__main__":
    sys.exit(main())
