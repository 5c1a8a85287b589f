"""`./do flink --topics`: the same with a job from topics to topics of a broker, which is killed once too. What a reader of committed
messages sees must be the alerts of an undisturbed `tocsin run`, each once and in order."""

import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "kafka"))
from broker import Broker, reason_for_none

AWAY_S = 12  # the broker
IDLE_AFTER = "8s"  # that is no silence: else what comes after it would be late
DRIFT_MAX = "30m"  # what waits then fits the share of memory that a stage has
PIECE = 50_000  # lines that are written at a time


def produce(broker, topic, files, packed):
    """Each file is a partition, so many of its lines a message."""
    for partition, path in enumerate(files):
        lines = path.read_bytes().splitlines()
        messages = [b"\n".join(lines[i:i + packed]) for i in range(0, len(lines), packed)]
        for i in range(0, len(messages), PIECE):
            broker.produce(topic, [(partition, message.decode() if packed == 1 else message) for message in messages[i:i + PIECE]])


def values(broker, topic):
    """The values of the committed messages of its one partition, in their order."""
    return [bytes.fromhex(line.split("\t")[3]).decode() for line in broker.do("read", topic).splitlines()]


def run(options, cluster, tocsin, jar, files, expected, changes):
    """Whether the alerts are the same, and each change of the file, if there is one, was accepted once; says what was done."""
    broker = Broker(tocsin)
    broker.create("events", len(files))
    broker.create("alerts")
    broker.create("decisions")
    produce(broker, "events", files, options.packed)
    began, kills, outages = time.monotonic(), 0, 0
    client = cluster.submit(jar, ["--rules", options.rules, "--brokers", broker.address, "--topics", "events", "--alerts-topic", "alerts",
                                  "--until-end", "yes", "--drift-max", DRIFT_MAX, "--checkpoint-every", "500ms", "--idle-after", IDLE_AFTER, "--parallelism", str(options.parallelism),
                                  "--packed", "no" if options.packed == 1 else "yes",
                                  *(["--changes", str(changes), "--decisions-topic", "decisions"] if changes else [])], "io.tocsin.flink.KafkaJob")
    while client.poll() is None:
        time.sleep(options.every)
        if client.poll() is not None or kills >= options.kills:
            continue
        cluster.kill_worker()
        kills += 1
        if outages == 0 and kills >= options.kills / 2:
            broker.kill()
            time.sleep(AWAY_S)
            broker.start_again()
            outages += 1
    seconds = time.monotonic() - began
    alerts = values(broker, "alerts")
    accepted = [json.loads(line)["id"].rsplit("-", 1)[1] for line in values(broker, "decisions") if '"accepted"' in line]
    wanted = [str(n + 1) for n in range(len(changes.read_text(encoding="utf-8").splitlines()) if changes else 0)]
    good = client.returncode == 0 and alerts == expected and accepted == wanted
    print(f"{options.events:,} events in messages of {options.packed}{f' and {len(accepted)} changes of rules' if changes else ''}, in {seconds:.0f} s; {kills} task managers and {outages} brokers "
          f"killed; {len(alerts)} alerts read with read_committed, {len(expected)} expected: "
          f"{'the same, in order' if good else 'NOT the same'}")
    return good


def check(binary):
    """Ends with the reason where there can be no broker."""
    reason = reason_for_none(binary)
    if reason:
        raise SystemExit(reason)
