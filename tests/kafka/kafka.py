#!/usr/bin/env python3
"""`tocsin run --data` and `tocsin serve` over topics of a real Kafka broker: alerts are those of the same events in a file,
whatever happens to the program, the broker and the topics on the way.

    kafka.py TOCSIN_BINARY [TEXT]

TOCSIN_CASES_KAFKA is how many events go from end to end against the oracle: 30,000, if it is not set. With TOCSIN_QUICK=1
some cases are left out. Skipped, with the reason, where no broker can be had. Last line: N passed, N failed.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import zlib

from broker import PASSWORD, ROOT, USER
from broker_cases import dead, run_cases_with_broker

from durable_run import stream
from harness import (BINARY, RULES, START_US, case, has, json_lines, payment, read,
                     read_json_lines, start, tocsin, wait_for, write)
from server_process import Server

WORKLOAD = ROOT / "bench" / "workload"
QUICK = os.environ.get("TOCSIN_QUICK") == "1"
broker = None


def slow_case(function):
    """A case that --quick leaves out."""
    return function if QUICK else case(function)


def spread(events, partitions):
    """Events as messages, those of a card in one partition."""
    return [(zlib.crc32(event["card"].encode()) % partitions, json.dumps(event)) for event in events]


def run_arguments(topic, *arguments, data="data", alerts="alerts"):
    return ("run", "rules.tocsin", "--data", data, "--alerts", alerts, "--kafka-brokers", broker.address, "--kafka-topics",
            topic, *arguments)


def write_client():
    """Properties with which everything is noticed soon."""
    write("client", "auto.commit.interval.ms = 100\ntopic.metadata.refresh.interval.ms = 500\n"
          "topic.metadata.propagation.max.ms = 2000\nreconnect.backoff.max.ms = 300\n")


def start_reading(topic, *arguments, **options):
    """A run that goes on until it is ended, and often says how far it is."""
    write_client()
    return start(*run_arguments(topic, "--kafka-client-file", "client", *arguments), **options)


def run(topic, *arguments, code=0, **where):
    """A run to the topic's end."""
    return tocsin(*run_arguments(topic, "--kafka-until-end", *arguments, **where), code=code)


def of_file(events):
    """The alerts of a run over the events as a file, by id."""
    write("in.ndjson", events)
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--no-final-watermark")
    return sorted(alert["id"] for alert in done.alerts())


def ids(name="alerts"):
    return sorted(alert["id"] for alert in read_json_lines(name))


@case
def same_alerts():
    """a topic gives the alerts of the same events in a file; a later run goes on where it ended; the group knows how far"""
    write("rules.tocsin", RULES)
    events = stream(3000)
    broker.create("same", 4)
    broker.produce("same", spread(events[:2000], 4))
    said = run("same").err
    has(said, "kafka:same/0 is read from offset 0 on", "read kafka:same: 2,000 events")
    assert ids() == of_file(events[:2000]) and ids()
    assert sum(broker.committed("tocsin", "same", 4)) == 2000
    broker.produce("same", spread(events[2000:], 4))
    has(run("same", "--kafka-group", "").err, "3,000 events", "of them 2,000 events at earlier starts")
    assert ids() == of_file(events)
    assert sum(broker.committed("tocsin", "same", 4)) == 2000
    sources = json.loads(tocsin("inspect", "data", "--format", "json").out)["sources"]
    assert sum(source["offset"] for source in sources if source["kind"] == "partition") == 3000, sources
    tocsin("verify", "data")


@case
def unclean():
    """bytes that are no event are dead letters, with topic, partition and offset; tombstones are passed over"""
    write("rules.tocsin", RULES)
    broker.create("unclean", 2)
    pretty = json.dumps(payment(2, amount=200.00), indent=2)
    broker.produce("unclean", [(1, json.dumps(payment(1, amount=200.00))), (1, None), (1, b""), (1, b"\xff\x00{"), (1, b" \n "),
                               (1, pretty), (1, json.dumps(payment(3))[:-5]), (1, json.dumps(payment(4, amount=200.00))),
                               (1, b"x" * 3_000_000), (1, json.dumps(payment(5, amount=200.00)))])
    has(run("unclean").err, "kafka:unclean/1 at offset 2")
    assert len(ids()) == 4
    rows = dead()
    assert [(row["input"], row["offset"]) for row in rows] == [("kafka:unclean/1", offset) for offset in (2, 3, 4, 6, 8)], rows
    assert rows[0]["text"] == '""' and "base64" in rows[1] and "line" not in rows[0], rows


@slow_case
def transactions():
    """what was committed is read, once; the marks of transactions and what was aborted are no gaps"""
    write("rules.tocsin", RULES)
    events = stream(300)
    broker.create("transactions", 2)
    broker.produce("transactions", spread(events, 2), batch=50)
    run("transactions")
    assert ids() == of_file(events)
    assert dead() == []
    run("transactions")
    assert ids() == of_file(events)


@case
def skew():
    """partitions that are hours apart when they are read lose nothing, and wait for each other"""
    write("rules.tocsin", RULES)
    events = stream(4000, step_s=20)
    broker.create("skew", 4)
    messages = spread(events, 4)
    # One partition after the other, so that each is complete before the next has anything.
    process = start_reading("skew", "--kafka-idle-after", "0", "--quiet")
    for partition in range(4):
        broker.produce("skew", [message for message in messages if message[0] == partition])
    total = sum(1 for message in messages if message[0] == 3)
    wait_for(lambda: broker.committed("tocsin", "skew", 4)[3] == total, "the last partition")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    run("skew", "--kafka-drift-max", "1h")
    assert ids() == of_file(events)
    assert json_lines(tocsin("late", "list", "--data", "data").out) == []


@case
def killed():
    """a run that is killed while it reads goes on, and each alert is there once"""
    write("rules.tocsin", RULES)
    count = 8_000 if QUICK else 24_000
    events = stream(count, cards=500, step_s=1)
    messages = spread(events, 3)
    broker.create("killed", 3)
    chance = random.Random(7)
    process = start(*run_arguments("killed", "--quiet", "--checkpoint-every", "200ms"))
    kills = 0
    for begin in range(0, count, count // 8):
        broker.produce("killed", messages[begin:begin + count // 8])
        time.sleep(chance.random() * 0.2)
        if kills < (3 if QUICK else 5):
            process.kill()
            process.communicate()
            process = start(*run_arguments("killed", "--quiet", "--checkpoint-every", "200ms"))
            kills += 1
    process.kill()
    process.communicate()
    run("killed")
    assert ids() == of_file(events)
    assert sum(broker.committed("tocsin", "killed", 3)) == count


@slow_case
def restarted_broker():
    """a broker that ends and comes again is waited for: nothing is late, nothing is lost"""
    write("rules.tocsin", RULES)
    events = stream(2000)
    messages = spread(events, 4)
    broker.create("restarted", 4)
    broker.produce("restarted", messages[:1000])
    # As short as can be: the silence of a broker that is away would make partitions idle at once.
    with open("said", "wb") as said:
        process = start_reading("restarted", "--kafka-idle-after", "4s", stderr=said)
    other = start(*run_arguments("restarted", "--quiet", data="other", alerts="others"))
    wait_for(lambda: sum(broker.committed("tocsin", "restarted", 4)) > 0, "the first half")
    broker.kill()
    wait_for(lambda: "Kafka does not answer, and is waited for: " in read("said"), "a word of it")
    other.send_signal(signal.SIGTERM)  # which needs no broker
    other.communicate(timeout=20)
    assert other.returncode == 3
    broker.start_again()
    broker.produce("restarted", messages[1000:])
    wait_for(lambda: sum(broker.committed("tocsin", "restarted", 4)) == 2000, "the second half")
    wait_for(lambda: "Kafka answers again" in read("said"), "a word of that")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 3
    run("restarted")
    assert ids() == of_file(events)
    assert json_lines(tocsin("late", "list", "--data", "data").out) == []


@case
def created_again():
    """a topic that was deleted and created again is a named stop, whatever it has now; the operator may accept it"""
    write("rules.tocsin", RULES)
    for now in (2, 8):
        topic, data = f"again{now}", f"data{now}"
        broker.create(topic)
        broker.produce(topic, [(0, json.dumps(payment(second))) for second in range(5)])
        run(topic, data=data)
        broker.do("delete", topic)
        wait_for(lambda: broker.tries("create", topic, 1), "the end of the topic")
        broker.produce(topic, [(0, json.dumps(payment(10 + second, amount=500.00))) for second in range(now)])
        refused = run(topic, data=data, code=5)
        has(refused.err, "deleted and created again", f"start with --kafka-accept-gap {topic}/0=5..0")
        accepted = ("--kafka-accept-gap", f"{topic}/0=5..0")
        has(run(topic, *accepted, data=data, alerts="alerts").err, f"kafka:{topic}/0 goes on at offset 0 instead of 5")
        os.remove("alerts")
        # It comes to the gap's place again, where nothing is missing any more.
        broker.produce(topic, [(0, json.dumps(payment(20 + second, amount=500.00))) for second in range(now, 5)])
        for _ in range(2):
            run(topic, *accepted, data=data, alerts="alerts")
        assert len(json_lines(tocsin("alerts", "--data", data).out)) == max(now, 5)
        os.remove("alerts")


@case
def retained():
    """messages that retention removed before they were read are a named stop, at a start and while reading"""
    write("rules.tocsin", RULES)
    broker.create("retained", 2)
    broker.produce("retained", [(1, json.dumps(payment(second))) for second in range(5)])
    run("retained")
    broker.produce("retained", [(1, json.dumps(payment(5 + second, amount=500.00))) for second in range(20)])
    broker.do("trim", "retained", 1, 12)
    refused = run("retained", code=5)
    has(refused.err, "messages of retained/1 were removed before they were read: offset 5 is next, and the first that the "
        "broker has is 12. Nothing was skipped", "--kafka-accept-gap retained/1=5..12")
    assert ids() == []
    # Another gap than was accepted is still refused.
    broker.do("trim", "retained", 1, 14)
    has(run("retained", "--kafka-accept-gap", "retained/1=5..12", code=5).err, "retained/1=5..14")
    run("retained", "--kafka-accept-gap", "retained/1=5..14")
    assert len(ids()) == 11
    # What was accepted once may stay written.
    run("retained", "--kafka-accept-gap", "retained/1=5..14")


@slow_case
def more_partitions():
    """partitions that a topic gets while it is read are read from their first message"""
    write("rules.tocsin", RULES)
    broker.create("more", 1)
    events = [payment(second, amount=500.00) for second in range(60)]
    broker.produce("more", [(0, json.dumps(event)) for event in events[:20]])
    process = start_reading("more")
    wait_for(lambda: broker.committed("tocsin", "more", 1)[0] == 20, "the first partition")
    broker.do("grow", "more", 3)
    broker.produce("more", [(1 + second % 2, json.dumps(event)) for second, event in enumerate(events[20:])])
    wait_for(lambda: broker.committed("tocsin", "more", 3)[1:] == [20, 20], "the new partitions")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    has(said.decode(), "kafka:more/1 is new, and is read", "kafka:more/2 is new, and is read")
    run("more")
    assert ids() == of_file(events)


@slow_case
def deleted():
    """a topic that is deleted while it is read is a named stop, of a run and of a server"""
    for topic in ("deleted", "deleted_too"):
        broker.create(topic, 2)
        broker.produce(topic, [(0, json.dumps(payment(1, amount=200.00)))])
    write_client()
    config = kafka_config("deleted_too", 'client_file = "client"')
    with Server("--config", config) as server:
        process = start(*run_arguments("deleted", "--kafka-client-file", "client", data="run"))
        wait_for(lambda: broker.committed("tocsin", "deleted", 2)[0] == 1, "the event")
        wait_for(lambda: server.metric("intake_events_total") == 1, "the server's event")
        broker.do("delete", "deleted")
        broker.do("delete", "deleted_too")
        has(server.end(how=None, code=3).said, " is no longer there: its topic was deleted")
        has(process.communicate(timeout=60)[1].decode(), " is no longer there: its topic was deleted")
        assert process.returncode == 5


@slow_case
def out_of_reach():
    """a topic or a broker that is not there is said within the time that a start waits"""
    write("rules.tocsin", RULES)
    has(run("nothing_of_this_name", code=3).err, "there is no topic nothing_of_this_name at " + broker.address)
    away = ("run", "rules.tocsin", "--data", "data", "--kafka-topics", "t", "--kafka-brokers", "127.0.0.1:1",
            "--kafka-start-timeout", "1s")
    has(tocsin(*away, code=3).err, "no broker of 127.0.0.1:1 answered", "refused")


@case
def refusals():
    """what makes no sense is said at once: a property that there is not, a file beside topics, a setting of files"""
    write("rules.tocsin", RULES)
    write("client", "security.protocol = NONSENSE\n")
    said = run("t", "--kafka-client-file", "client", code=2).err
    has(said, "client:1: security.protocol does not take this value")
    assert "NONSENSE" not in said, said
    write("client", "sasl.passwort = geheim\n")
    said = run("t", "--kafka-client-file", "client", code=2).err
    has(said, "client:1: ", "sasl.passwort")
    assert "geheim" not in said, said
    write("client", "# ours\nauto.offset.reset = earliest\n")
    has(run("t", "--kafka-client-file", "client", code=2).err, "client:2: auto.offset.reset is not to be set here")
    has(run("t", "--kafka-client-file", "none", code=2).err, "kafka.client_file: cannot read none")
    has(run("t", "--input", "in.ndjson", code=2).err, "--kafka-topics does not go with --input")
    has(run("t", "--drift-max", "1h", code=2).err, "--drift-max does not go with --kafka-topics", "--kafka-drift-max")
    has(run("t", "--kafka-accept-gap", "t/0=5", code=2).err, "kafka.accept_gap takes TOPIC/PARTITION=FROM..TO")
    has(tocsin("run", "rules.tocsin", "--kafka-topics", "t", "--kafka-brokers", "b", code=2).err, "--kafka-topics needs --data")
    has(tocsin("run", "rules.tocsin", "--data", "d", "--kafka-topics", "t", code=2).err, "kafka.topics needs kafka.brokers")
    has(tocsin("run", "rules.tocsin", "--data", "d", code=2).err, "name an --input, or --kafka-topics")


@slow_case
def secured():
    """a broker with TLS and a password is read by the properties in a file; a wrong password is refused at once, and not shown"""
    if broker.certificate is None:
        return
    write("rules.tocsin", RULES)
    broker.create("secured")
    broker.produce("secured", [(0, json.dumps(payment(1, amount=200.00)))])
    arguments = ("run", "rules.tocsin", "--data", "data", "--alerts", "alerts", "--kafka-brokers", broker.secure_address,
                 "--kafka-topics", "secured", "--kafka-until-end", "--kafka-client-file", "client")
    properties = ("security.protocol = SASL_SSL\nsasl.mechanism = PLAIN\n"
                  f"sasl.username = {USER}\nsasl.password = %s\nssl.ca.location = {broker.certificate}\n")
    write("client", properties % "not-the-secret")
    began = time.monotonic()
    said = tocsin(*arguments, code=3).err
    has(said, "Authentication failed")
    assert "secret" not in said and time.monotonic() - began < 20, said
    write("client", properties % PASSWORD)
    tocsin(*arguments)
    assert len(ids()) == 1


@slow_case
def documentation():
    """what docs/kafka.md shows is what happens, with Kafka's own tools"""
    done = subprocess.run([sys.executable, ROOT / "tests/e2e/docs_examples.py", BINARY, "docs/kafka.md"], capture_output=True,
                          text=True, check=False, env=broker.environment(), timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def kafka_config(topic, *more):
    return write("tocsin.toml", "\n".join(["[kafka]", f'brokers = "{broker.address}"', f'topics = ["{topic}"]', *more]) + "\n")


@case
def served():
    """a server reads topics beside what is pushed, goes on after kill -9, and says how far it is"""
    events = stream(600)
    messages = spread(events, 3)
    broker.create("served", 3)
    broker.produce("served", messages[:300])
    config = kafka_config("served", 'idle_after = "1s"')
    with Server("--config", config) as server:
        wait_for(lambda: server.metric("intake_events_total") == 300, "the first half")
        wait_for(lambda: server.metric("kafka_partition_offset") == 300, "the offsets")
        assert server.metric("kafka_partition_lag") == 0 and server.metric("kafka_partitions_paused") == 0
        has(server.ask("GET", "/metrics").text, 'tocsin_kafka_partition_offset{source="kafka:served/2"} ')
        server.kill()
    broker.produce("served", [*messages[300:], (0, None), (0, b"null")])
    with Server("--config", config, rules=None) as server:
        wait_for(lambda: server.metric("intake_lines_total") == 601, "the second half")
        assert server.send([payment(100_000, "pushed", 500.00)]).json["accepted"] == 1
        # Once the partitions are idle.
        wait_for(lambda: server.metric("watermark_seconds") == START_US / 1e6 + 100_000, "the time of what was pushed")
        row = server.ask("GET", "/v1/dead").json["items"][0]
        assert (row["input"], row["text"]) == ("kafka:served/0", "null") and row["offset"] > 0, row
        server.end()
    write("all.ndjson", [*events, payment(100_000, "pushed", 500.00)])
    expected = tocsin("run", "rules.tocsin", "--input", "all.ndjson", "--no-final-watermark").alerts()
    stored = json_lines(tocsin("alerts", "--data", "data").out)
    assert sorted(alert["id"] for alert in stored) == sorted(alert["id"] for alert in expected)
    assert sum(broker.committed("tocsin", "served", 3)) == 602
    # A backtest of the archive takes each partition for itself, as it came: the same bytes.
    tocsin("backtest", "rules.tocsin", "--archive", "data", "--no-final-watermark", "--alerts", "archive.alerts")
    assert pathlib.Path("archive.alerts").read_bytes() == tocsin("alerts", "--data", "data").out_bytes and stored
    in_file = tocsin("run", "rules.tocsin", "--input", "all.ndjson", "--no-final-watermark").out_bytes
    assert sorted(in_file.splitlines()) == sorted(pathlib.Path("archive.alerts").read_bytes().splitlines())


@case
def served_stop():
    """a server whose topic loses messages ends, and says which"""
    broker.create("lost")
    broker.produce("lost", [(0, json.dumps(payment(second))) for second in range(5)])
    config = kafka_config("lost")
    with Server("--config", config) as server:
        wait_for(lambda: server.metric("intake_events_total") == 5, "the events")
        server.end()
    broker.produce("lost", [(0, json.dumps(payment(second))) for second in range(5, 10)])
    broker.do("trim", "lost", 0, 8)
    with Server("--config", config, rules=None, may_fail=True) as server:
        has(server.end(how=None, code=5).said, "--kafka-accept-gap lost/0=5..8")
    with Server("--config", config, "--kafka-accept-gap", "lost/0=5..8", rules=None) as server:
        wait_for(lambda: server.metric("intake_events_total") == 7, "the events that are left")
        server.end()


@case
def many_events():
    """many events, from Kafka to alerts, against a plain count in Python"""
    count = os.environ.get("TOCSIN_CASES_KAFKA", "30000")
    subprocess.run([sys.executable, WORKLOAD / "gen_payments.py", "--events", count, "--seed", "3", "--rate", "10",
                    "--plant", "5", "--disorder-ms", "0", "--out", "events.ndjson"], check=True)
    rules = subprocess.run([sys.executable, WORKLOAD / "make_rules.py", "seven"], check=True, capture_output=True).stdout
    write("rules.tocsin", rules)
    broker.create("many", 4)
    with open("events.ndjson", encoding="utf-8") as events:
        broker.produce("many", ((number % 4, line.rstrip("\n")) for number, line in enumerate(events)))
    run("many", "--final-watermark", "--quiet")
    got = {}
    for alert in read_json_lines("alerts"):
        got.setdefault(alert["rule"][:2], []).append(alert["events"][-1]["id"])
    subprocess.run([sys.executable, WORKLOAD / "oracle_payments.py", "events.ndjson", "--sort", "--alerts", "oracle"], check=True,
                   stdout=subprocess.DEVNULL)
    expected = {}
    for line in read("oracle").splitlines():
        query, identity = line.split()
        expected.setdefault(query.lower(), []).append(identity)
    assert sorted(expected) == ["q1", "q2", "q3", "q4", "q5", "q6", "q7"], sorted(expected)
    assert {query: sorted(found) for query, found in got.items()} == {query: sorted(found) for query, found in expected.items()}


def use(started):
    global broker
    broker = started


run_cases_with_broker(use)
