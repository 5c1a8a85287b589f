#!/usr/bin/env python3
"""Topics that `tocsin serve` writes, of a real Kafka broker: who reads committed messages sees each alert, late event and dead
letter once, whatever happens to the server, the broker and the topics. And topics of alerts that it reads.

    kafka_sink.py TOCSIN_BINARY [TEXT]

Skipped, with the reason, where no broker can be had. Last line: N passed, N failed.
"""
import collections
import json
import os
import random
import signal
import subprocess
import sys
import time

from broker import ROOT
from broker_cases import run_cases_with_broker

from durable_run import stream, undisturbed
from endpoint import Endpoint
from harness import RULES, case, has, lines, payment, tocsin, wait_for, write
from server_process import TIMELESS, Server, stored

sys.path.insert(0, str(ROOT / "tests" / "crash"))
from crash_points import points_of_sinks

SHADOW_RULES = RULES.replace("rule large", "rule small \"A small payment\" {\n  status shadow\n  when payment as p where amount < 2\n"
                             "  alert \"{p.amount}\"\n}\n\nrule large", 1)
QUICK = os.environ.get("TOCSIN_QUICK") == "1"
broker = None
Message = collections.namedtuple("Message", "partition offset key value headers")


def slow_case(function):
    """A case that --quick leaves out."""
    return function if QUICK else case(function)


def read_topic(topic):
    """What a reader of committed messages sees."""
    messages = []
    for line in broker.do("read", topic).splitlines():
        partition, offset, key, value, *headers = line.split("\t")
        texts = [bytes.fromhex(text) for text in headers]
        names = [name.decode() for name in texts[::2]]
        messages.append(Message(int(partition), int(offset), bytes.fromhex(key).decode(), bytes.fromhex(value),
                                dict(zip(names, texts[1::2]))))
    return messages


def config(*more, name="tocsin.toml"):
    return write(name, "\n".join(["[kafka]", f'brokers = "{broker.address}"', *more]) + "\n")


def written(server):
    """Waits until what came of the events is stored, and nothing of it is owed to any topic."""
    server.ask("GET", "/v1/alerts")
    server.ask("GET", "/v1/dead")
    wait_for(lambda: server.metric("kafka_sink_owed") == 0, "the topics")


def of_file(events):
    """The alerts of a run over the events as a file."""
    write("in.ndjson", events)
    return tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--no-final-watermark").alerts()


def check_each_once(topic, alerts):
    """The topic has the alerts, each once, those of a card in one partition and in their order."""
    messages = read_topic(topic)
    values = [json.loads(message.value) for message in messages]
    assert [message.key for message in messages] == [value["id"] for value in values]
    assert sorted(values, key=lambda value: value["id"]) == sorted(alerts, key=lambda alert: alert["id"]), \
        (len(values), len({value["id"] for value in values}), len(alerts))
    partitions, order = {}, {}
    for message, value in zip(messages, values):
        card = value["key"]["card"] if "key" in value else ""
        assert partitions.setdefault(card, message.partition) == message.partition, card
        order.setdefault(card, []).append(value["id"])
    expected = {}
    for alert in alerts:
        expected.setdefault(alert["key"]["card"] if "key" in alert else "", []).append(alert["id"])
    assert order == expected


@case
def alerts():
    """each live alert is a message: its id the key, its line the value, rule and stage in headers; what came before is not there"""
    broker.create("alerts", 3)
    events = stream(200)
    with Server(rules=SHADOW_RULES) as server:
        server.send([payment(-1, "before", 500.00)])
        server.end()
    with Server("--config", config('alerts_topic = "alerts"'), rules=None) as server:
        has(server.ask("GET", "/metrics").text, 'tocsin_kafka_sink_up{stream="alerts"} 1')
        server.send(events)
        written(server)
        live = [alert for alert in stored() if "before" not in json.dumps(alert)]
        assert len(live) > 10 and server.metric("kafka_sink_written_total") == len(live)
        assert server.metric("kafka_sink_oldest_owed_seconds") == 0 and server.metric("kafka_sink_errors_total") == 0
        server.end()
    check_each_once("alerts", live)
    message = read_topic("alerts")[0]
    assert message.headers["tocsin-rule"] == json.loads(message.value)["rule"].encode(), message
    assert message.headers["tocsin-stage"] == b"live" and message.headers["tocsin-severity"] == b"high", message
    lines_of = {json.loads(line)["id"]: line for line in tocsin("alerts", "--data", "data").out.splitlines()}
    assert message.value.decode() == lines_of[message.key], message


@case
def killed():
    """ten kills, at every point of a transaction and at random moments, while a stream flows: each alert is there once"""
    write("rules.tocsin", RULES)
    points = points_of_sinks()
    assert len(points) >= 5, points
    count = 6_000
    events = stream(count, cards=300, step_s=1)
    broker.create("flow", 1)
    broker.create("flow_alerts", 3)
    settings = config('topics = ["flow"]', 'alerts_topic = "flow_alerts"', 'batch_bytes = "32KiB"')
    chance = random.Random(11)
    endings = [f"{point}:{1 + number % 3}" for number, point in enumerate(points)]
    endings += [None] * (10 - len(endings))
    chance.shuffle(endings)
    part = count // len(endings)
    for number, ending in enumerate(endings):
        more = {"env": {**os.environ, "TOCSIN_CRASH_AT": ending}} if ending else {}
        with Server("--config", settings, rules=None if number else RULES, may_fail=True, **more) as server:
            broker.produce("flow", [(0, json.dumps(event)) for event in events[number * part:(number + 1) * part]])
            if ending is None:
                time.sleep(chance.random())
                server.kill()
            else:
                server.end(how=None, code=-9)
    with Server("--config", settings, rules=None) as server:
        wait_for(lambda: server.metric("intake_events_total") == count, "the events")
        written(server)
        server.end()
    check_each_once("flow_alerts", of_file(events))


@slow_case
def broker_away():
    """a broker that is not there at the start, and one that goes and comes again: alerts wait, and each is there once"""
    broker.create("away", 2)
    events = stream(900)
    write("client", "reconnect.backoff.max.ms = 300\n")
    settings = config('alerts_topic = "away"', 'client_file = "client"')
    with Server("--config", settings) as server:
        server.send(events[:300])
        written(server)
        broker.kill()
        server.send(events[300:600])
        wait_for(lambda: server.metric("kafka_sink_owed") > 0, "what is owed")
        assert server.metric("kafka_sink_oldest_owed_seconds") >= 0
        server.kill()
    with Server("--config", settings, rules=None) as server:
        assert server.metric("kafka_sink_up") == 0 and server.metric("kafka_sink_owed") > 0
        server.send(events[600:])
        wait_for(lambda: any(notice["kind"] == "sink_waiting" for notice in server.ask("GET", "/v1/notices").json["notices"]),
                 "the notice")
        broker.start_again()
        written(server)
        assert server.metric("kafka_sink_up") == 1
        has(server.end().said, "no broker of ", "What is owed to it waits", "topic away is written again")
    check_each_once("away", stored())


@slow_case
def broker_stuck():
    """a broker that answers nothing for longer than a transaction may take: it ends the transaction, and each alert is there once"""
    broker.create("stuck", 2)
    events = stream(1500)
    write("client", "transaction.timeout.ms = 2000\nsocket.timeout.ms = 1500\nreconnect.backoff.max.ms = 300\n")
    settings = config('alerts_topic = "stuck"', 'client_file = "client"', 'batch_bytes = "4KiB"')
    with Server("--config", settings) as server:
        ended = False
        for begin in range(0, 1500, 100):
            stops = begin >= 500 and not ended
            if stops:  # with no transaction whose end is on its way; what is sent now is owed while nothing answers
                written(server)
                broker.process.send_signal(signal.SIGSTOP)
            server.send(events[begin:begin + 100])
            if stops:
                # A transaction whose end was on its way is not ended by a timeout: it is asked for again until there is an answer.
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline and not ended:
                    time.sleep(0.05)
                    ended = server.metric("kafka_sink_errors_total") > 0
                broker.process.send_signal(signal.SIGCONT)
        assert ended, "no transaction was ended by its timeout"
        written(server)
        server.end()
    check_each_once("stuck", stored())


@case
def side_outputs():
    """late events and dead letters are in their topics once, as they came, with reason and place, after a kill too"""
    broker.create("incoming", 2)
    broker.create("late", 1)
    broker.create("dead", 2)
    settings = config('topics = ["incoming"]', 'idle_after = "1s"', 'late_topic = "late"', 'dead_topic = "dead"')
    options = (*TIMELESS, "--time-late-policy", "side", "--time-jump-max", "0")
    broker.produce("incoming", [(1, json.dumps(payment(100))), (1, "no event"), (1, json.dumps(payment(50, "old"))), (1, b"\xff\x00{"),
                                (0, json.dumps(payment(200)))])
    with Server("--config", settings, options=options) as server:
        wait_for(lambda: server.metric("intake_lines_total") == 5, "the messages")
        wait_for(lambda: server.metric("kafka_sink_written_total") == 3, "the topics")
        server.kill()
    with Server("--config", settings, options=options, rules=None) as server:
        assert server.send("{bad\n" + lines([payment(60, "older")])).status == 200
        written(server)
        server.end()
    late, dead = read_topic("late"), read_topic("dead")
    assert sorted(json.loads(one.value)["card"] for one in late) == ["old", "older"], late
    one = next(one for one in late if json.loads(one.value)["card"] == "old")
    assert one.value == json.dumps(payment(50, "old")).encode(), one
    assert one.headers["tocsin-source"] == b"kafka:incoming/1" and one.headers["tocsin-offset"] == b"2", one
    assert int(one.headers["tocsin-late-us"]) == 50_000_000, one
    assert sorted(one.value for one in dead) == sorted([b"no event", b"\xff\x00{", b"{bad"]), dead
    one = next(one for one in dead if one.value == b"no event")
    assert one.headers["tocsin-offset"] == b"1" and b"JSON" in one.headers["tocsin-reason"] and one.partition == 1, one
    one = next(one for one in dead if one.value == b"{bad")
    assert "tocsin-line" in one.headers and "tocsin-offset" not in one.headers, one


@case
def fenced():
    """of two servers that write under one name the one that was started later writes, and the other says so"""
    broker.create("shared", 1)
    settings = config('alerts_topic = "shared"')
    with Server("--config", settings) as first:
        first.send([payment(1, "c1", 500.00)])
        written(first)
        with Server("rules.tocsin", "--config", settings, rules=None, data="other") as second:
            second.send([payment(2, "c2", 500.00)])
            written(second)
            first.send([payment(3, "c3", 500.00)])
            wait_for(lambda: first.metric("kafka_sink_up") == 0, "the end of the first one's writing")
            assert first.metric("kafka_sink_owed") == 1
            has(first.end().said, "another server writes to topic shared as tocsin.alerts.shared")
            second.end()
    cards = [json.loads(message.value)["key"]["card"] for message in read_topic("shared")]
    assert cards == ["c1", "c2"], cards


@slow_case
def topic_gone():
    """a topic that was deleted and created again is said, and gets what comes from then on"""
    broker.create("gone", 1)
    settings = config('alerts_topic = "gone"')
    with Server("--config", settings) as server:
        server.send([payment(1, "c1", 500.00), payment(2, "c2", 500.00)])
        written(server)
        server.end()
    broker.do("delete", "gone")
    wait_for(lambda: broker.tries("create", "gone", 1), "the end of the topic")
    with Server("--config", settings, rules=None) as server:
        server.send([payment(3, "c3", 500.00)])
        written(server)
        has(server.end().said, "gone/0 ends at offset 0, and was written up to offset ")
    assert [json.loads(message.value)["key"]["card"] for message in read_topic("gone")] == ["c3"]


@slow_case
def undecided():
    """an open transaction of somebody else in the topic is waited for before anything is written after a kill"""
    broker.create("undecided", 1)
    settings = config('alerts_topic = "undecided"')
    with Server("--config", settings) as server:
        server.send([payment(1, "c1", 500.00)])
        written(server)
        server.kill()
    holder = subprocess.Popen([broker.tool, broker.address, "hold", "undecided"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with Server("--config", settings, rules=None, may_fail=True) as server:
        time.sleep(1)
        holder.communicate(b"\n", timeout=30)
        wait_for(lambda: os.path.exists("port"), "the port")
        server.port = int(open("port", encoding="utf-8").read())
        server.token = open("data/admin-token", encoding="utf-8").read().strip()
        wait_for(lambda: server.ask("GET", "/readyz").status == 200, "readiness")
        server.send([payment(2, "c2", 500.00)])
        written(server)
        server.end()
    assert [message.key != "" and json.loads(message.value)["key"]["card"] for message in read_topic("undecided")] == \
        ["c1", False, "c2"]


def messages_of(texts, number):
    """Alerts as messages, each in one of two partitions; each fifth of them is there twice."""
    messages = [(place % 2, text) for place, text in enumerate(texts)]
    return messages + [(1, text) for _, text in messages[number::5]]


@case
def read_alerts():
    """alerts of `tocsin run`, with repeats and in transactions of which some are aborted, are stored and delivered once, over kills"""
    write("rules.tocsin", RULES)
    write("in.ndjson", stream(3000, cards=300, step_s=1))
    texts = undisturbed("in.ndjson").decode().splitlines()
    assert len(texts) > 300, len(texts)
    broker.create("job_alerts", 2)
    settings = config('read_alerts_topics = ["job_alerts"]')
    # Each alert is to arrive by itself: none is capped.
    options = (*TIMELESS, "--webhooks-allow", "127.0.0.1", "--webhooks-retry-delays", ",".join(["50ms"] * 200),
               "--webhooks-brake-per-rule", "0", "--webhooks-brake-in-all", "0")
    chance = random.Random(3)
    repeats = 0
    with Endpoint(lambda number: (200, {})) as endpoint:
        for number in range(4):
            with Server("--config", settings, rules=None, options=options) as server:
                if number == 0:
                    made = server.ask("POST", "/v1/subscriptions", {"url": endpoint.url})
                    assert made.status == 201, made
                messages = messages_of(texts[number::4], number)
                repeats += len(messages) - len(texts[number::4])
                broker.produce("job_alerts", messages, 20)
                if number < 3:
                    time.sleep(chance.random() / 2)
                    server.kill()
                    continue
                broker.produce("job_alerts", [(0, "no alert"), (1, None)])
                wait_for(lambda: server.metric("kafka_alerts_invalid_total") == 1, "the last message")
                wait_for(lambda: server.metric("alerts_stored") == len(texts), "the alerts")
                wait_for(lambda: server.metric("deliveries_owed") == 0, "the deliveries")
                dead = server.ask("GET", "/v1/dead").json["items"]
                assert [one["text"] for one in dead] == ["no alert"] and dead[0]["input"] == "kafka:job_alerts/0", dead
                one = json.loads(texts[0])
                shown = server.ask("GET", f"/v1/alerts/{one['id']}").json
                assert shown["alert"] == one and shown["from"]["source"] == "kafka:job_alerts/0", shown
                changed = server.ask("POST", f"/v1/alerts/{one['id']}/triage", {"action": "confirm"})
                assert changed.status == 200 and changed.json["state"] == "confirmed", changed
                server.end()
        bodies = endpoint.bodies()
        ids = endpoint.ids()
    assert sorted(tocsin("alerts", "--data", "data").out.splitlines()) == sorted(texts)
    assert set(bodies) == set(texts) and len(set(ids)) == len(texts), (len(bodies), len(set(ids)), len(texts))
    # A server that reads all of it undisturbed: what was aborted is no repeat, as it is not read.
    with Server("--config", settings, rules=None, data="other") as server:
        wait_for(lambda: server.metric("kafka_alerts_invalid_total") == 1, "the last message")
        wait_for(lambda: server.metric("kafka_alerts_read_total") == len(texts), "the alerts")
        wait_for(lambda: server.metric("kafka_alerts_repeated_total") == repeats, "the repeats")
        server.end()


@case
def refusals():
    """what cannot be is said at the start, with the remedy"""
    def refused(code, *more, client=None):
        if client is not None:
            write("client", client)
            more = (*more, 'client_file = "client"')
        with Server("--config", config(*more), may_fail=True) as server:
            return server.end(how=None, code=code).said
    has(refused(3, 'alerts_topic = "none_of_this_name"'), "there is no topic none_of_this_name at " + broker.address,
        "create it, or correct kafka.alerts_topic")
    topic = 'alerts_topic = "t"'
    has(refused(2, topic, client="acks = 1\n"), "kafka.client_file: client:1: acks must be all")
    has(refused(2, topic, client="# ours\nenable.idempotence = false\n"), "client:2: enable.idempotence is not to be set here")
    has(refused(2, topic, client="transactional.id = x\n"), "client:1: transactional.id is not to be set", "kafka.writer")
    has(refused(2, topic, client="max.in.flight = 6\n"), "client:1: max.in.flight must be 1 to 5")
    has(refused(2, topic, client="retries = 0\n"), "client:1: retries must be more than 0")
    has(refused(2, topic, 'topics = ["t"]'), "kafka.alerts_topic is a topic that kafka.topics reads")
    read = 'read_alerts_topics = ["t"]'
    has(refused(2, topic, read), "kafka.alerts_topic is a topic that kafka.read_alerts_topics reads")
    has(refused(2, read, 'topics = ["t"]'), "kafka.read_alerts_topics and kafka.topics both name t")
    has(refused(2, 'read_alerts_topics = ["t", "t"]'), "kafka.read_alerts_topics names t twice")
    has(refused(3, 'read_alerts_topics = ["none_of_this_name"]'), "there is no topic none_of_this_name")
    write("tocsin.toml", f"[kafka]\n{read}\n")
    with Server("--config", "tocsin.toml", may_fail=True) as server:
        has(server.end(how=None, code=2).said, "kafka.read_alerts_topics needs kafka.brokers")
    write("tocsin.toml", '[kafka]\nalerts_topic = "t"\n')
    with Server("--config", "tocsin.toml", may_fail=True) as server:
        has(server.end(how=None, code=2).said, "kafka.alerts_topic needs kafka.brokers")


def use(started):
    global broker
    broker = started


run_cases_with_broker(use)
