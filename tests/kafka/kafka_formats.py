#!/usr/bin/env python3
"""Topics of binary messages, with a schema registry and a real Kafka broker: alerts are those of the same events as JSON,
whatever the registry does.

    kafka_formats.py TOCSIN_BINARY [TEXT]

Skipped, with the reason, where no broker can be had. Last line: N passed, N failed.
"""
import json
import signal

from broker_cases import dead, run_cases_with_broker
from binary_messages import (CONFIRMATION, PAYMENT, PLACE, PROTO, avro_bytes, avro_confirmation, avro_long, avro_payment, framed,
                             proto_confirmation, proto_payment)
from registry import Registry

from durable_run import stream
from harness import RULES, case, has, json_lines, payment, read, start, tocsin, wait_for, write
from server_process import Server

broker = None


def avro(event):
    """With the number of its schema: 1 of payments, 70000 of confirmations."""
    return framed(1, avro_payment(event)) if event["type"] == "payment" else framed(70_000, avro_confirmation(event))


def avro_registry(**options):
    registry = Registry(**options)
    registry.schemas = {1: {"schema": PAYMENT}, 70_000: {"schema": CONFIRMATION, "schemaType": "AVRO"}}
    return registry


def run_arguments(topic, *arguments, data="data", alerts="alerts"):
    return ("run", "rules.tocsin", "--data", data, "--alerts", alerts, "--kafka-brokers", broker.address, "--kafka-topics",
            topic, *arguments)


def run(topic, *arguments, code=0, **where):
    """A run to the topic's end."""
    return tocsin(*run_arguments(topic, "--kafka-until-end", *arguments, **where), code=code)


def with_registry(registry, kind="avro"):
    return ("--kafka-format", kind, "--kafka-registry", registry.url)


def fill(topic, messages):
    broker.create(topic)
    broker.produce(topic, [(0, message) for message in messages])


@case
def same_alerts():
    """messages of Avro give the alerts of the same events as JSON, byte for byte; a later run goes on; replay needs no registry"""
    write("rules.tocsin", RULES)
    events = stream(1200)
    fill("as-json", [json.dumps(event) for event in events])
    fill("as-avro", [avro(event) for event in events[:800]])
    run("as-json", alerts="expected", data="json")
    registry = avro_registry()
    run("as-avro", *with_registry(registry))
    broker.produce("as-avro", [(0, avro(event)) for event in events[800:]])
    # The last message is compared at this start.
    has(run("as-avro", *with_registry(registry)).err, "1,200 events")
    assert read("alerts") == read("expected") and read("alerts")
    assert sorted(registry.requests) == ["/schemas/ids/1"] * 2 + ["/schemas/ids/70000"] * 2, registry.requests
    assert dead() == []
    # The journal has the events as JSON: to process it again needs no registry.
    registry.stop()
    run("as-avro", *with_registry(registry))
    assert read("alerts") == read("expected")
    tocsin("verify", "data")


@case
def protobuf():
    """messages of Protobuf give the alerts of the same events as JSON, byte for byte"""
    write("rules.tocsin", RULES)
    events = stream(600)
    registry = Registry()
    registry.subjects[("place.proto", 1)] = {"schema": PLACE, "schemaType": "PROTOBUF"}
    registry.schemas[3] = {"schema": PROTO, "schemaType": "PROTOBUF",
                           "references": [{"name": "place.proto", "subject": "place.proto", "version": 1}]}
    registry.schemas[4] = {"schema": PAYMENT}
    if "built without Protobuf" in tocsin("--version").out:
        has(run("t", *with_registry(registry, "protobuf"), code=2).err, "built without Protobuf: install libprotobuf")
        return
    messages = [framed(3, b"\2\2" + proto_payment(event)) if event["type"] == "payment" else
                framed(3, b"\0" + proto_confirmation(event)) for event in events]
    fill("proto-json", [json.dumps(event) for event in events])
    fill("proto", [*messages, framed(3, b"\2\6"), framed(3, b"\2\2\x0a\x7f"), framed(4, b"")])
    run("proto-json", alerts="expected", data="json")
    run("proto", *with_registry(registry, "protobuf"))
    assert read("alerts") == read("expected") and read("alerts")
    assert [row["reason"] for row in dead()] == [
        "the schema has no message 3", "the bytes are no `payment`",
        "schema 4 cannot be used: it is one of AVRO, and kafka.format is protobuf"], dead()


@case
def registry_away():
    """a registry that is away is waited for, and said; nothing becomes a dead letter, and nothing is lost"""
    write("rules.tocsin", RULES)
    events = stream(300)
    fill("away", [avro(event) for event in events])
    registry = avro_registry()
    registry.stop()
    with open("said", "wb") as said:
        process = start(*run_arguments("away", "--kafka-until-end", *with_registry(registry)), stderr=said)
        wait_for(lambda: "does not answer, and is waited for (schema " in read("said"), "a word of it")
        registry.start()
        assert process.wait(60) == 0, read("said")
    has(read("said"), f"the schema registry {registry.url}/ does not answer", "answers again", "300 events")
    assert dead() == []
    fill("away-json", [json.dumps(event) for event in events])
    run("away-json", data="json", alerts="expected")
    assert read("alerts") == read("expected")


@case
def unclean():
    """what cannot be converted is a dead letter with its offset and reason, and the message; what follows goes on"""
    write("rules.tocsin", RULES)
    good = avro(payment(1, amount=200.00))
    fill("unclean", [good, b"{}", framed(9, b"x"), good[:-3], good + b"??", framed(2, b""), framed(3, b""), None, b"",
                     framed(4, avro_long(2**60)), avro(payment(2, amount=300.00)), framed(9, b"y")])
    registry = avro_registry()
    registry.schemas[2] = {"schema": "{"}
    registry.schemas[3] = {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF"}
    registry.schemas[4] = {"schema": json.dumps({"type": "array", "items": "null"})}
    said = run("unclean", *with_registry(registry)).err
    has(said, "kafka:unclean/0 at offset 2", "schema 9 is unknown to the registry")
    reasons = {row["offset"]: row["reason"] for row in dead()}
    # A message without a value is passed over.
    assert sorted(reasons) == [1, 2, 3, 4, 5, 6, 8, 9, 11], reasons
    for offset, reason in ((1, "the first byte is 123, not 0"), (2, "schema 9 is unknown to the registry"),
                           (3, "the bytes end early"), (4, "2 bytes are left behind the value"), (5, "schema 2 cannot be used"),
                           (6, "schema 3 cannot be used: it is one of PROTOBUF"), (9, "its JSON is longer than")):
        assert reason in reasons[offset], (offset, reasons[offset])
    assert json.loads(dead()[0]["text"])["base64"] == "e30="
    assert len(read("alerts").splitlines()) == 2
    # The last message could not be converted, and can now: that is no other topic.
    registry.schemas[9] = {"schema": json.dumps("string")}
    broker.produce("unclean", [(0, avro(payment(3, amount=400.00)))])
    run("unclean", *with_registry(registry))
    assert len(read("alerts").splitlines()) == 3


@case
def file_and_login():
    """messages without a header, by a schema in a file, also if they were read as JSON; a registry's password is not shown"""
    write("rules.tocsin", RULES)
    events = [event for event in stream(200) if event["type"] == "payment"]
    fill("plain", [avro_payment(event) for event in events])
    write("payment.avsc", PAYMENT)
    # Read as JSON by mistake: the last message is another one for a start that reads it as Avro.
    fill("changed", [avro_payment(event) for event in events[:5]])
    run("changed", "--quiet", data="changed", alerts="none", code=3)
    broker.produce("changed", [(0, avro_payment(events[5]))])
    by_file = ("--kafka-format", "avro", "--kafka-schema-file", "payment.avsc")
    has(run("changed", *by_file, data="changed", alerts="none", code=5).err, "the message at offset 4 of changed/0 is not")
    has(run("changed", *by_file, "--kafka-accept-gap", "changed/0=5..5", data="changed", alerts="none").err, ": 1 event ")
    run("plain", "--kafka-format", "avro", "--kafka-schema-file", "payment.avsc")
    fill("login", [avro(event) for event in events])
    registry = avro_registry(login="tocsin:geheim")
    write("login", "tocsin:geheim\n")
    run("login", *with_registry(registry), "--kafka-registry-auth-file", "login", data="login-data", alerts="others")
    assert read("alerts") == read("others") and read("alerts")
    write("login", "tocsin:falsch\n")
    with open("said", "wb") as said:
        process = start(*run_arguments("login", *with_registry(registry), "--kafka-registry-auth-file", "login", data="third",
                                       alerts="third-alerts"), stderr=said)
        wait_for(lambda: "it answered with status 401: Unauthorized" in read("said"), "a word of it")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 3
    assert "falsch" not in read("said") and dead("third") == []


@case
def served():
    """a server reads records that name their event type, and others that refer to schemas of other subjects"""
    money = {"type": "record", "name": "Money", "namespace": "m", "fields": [{"name": "cents", "type": "long"}]}
    refers = {"type": "record", "name": "x", "fields": [{"name": "type", "type": "string"}, {"name": "ts", "type": "long"},
                                                        {"name": "id", "type": "string"}, {"name": "card", "type": "string"},
                                                        {"name": "amount", "type": "double"}, {"name": "more", "type": "m.Money"}]}
    registry = Registry()
    registry.subjects[("money value", 3)] = {"schema": json.dumps(money)}
    registry.schemas[5] = {"schema": json.dumps(refers), "references": [{"name": "m.Money", "subject": "money value", "version": 3}]}
    one = payment(1, amount=512.5)
    fill("served", [framed(5, avro_bytes("payment") + avro_long(one["ts"]) + avro_bytes("i") + avro_bytes("c7") +
                           b"\0\0\0\0\0\x04\x80\x40" + avro_long(5))])
    config = write("tocsin.toml", "\n".join(["[kafka]", f'brokers = "{broker.address}"', 'topics = ["served"]',
                                             'format = "avro"', f'registry = "{registry.url}"', 'idle_after = "1s"']) + "\n")
    with Server("--config", config) as server:
        wait_for(lambda: server.metric("intake_events_total") == 1, "the event")
        server.end()
    alerts = json_lines(tocsin("alerts", "--data", "data").out)
    assert [alert["message"] for alert in alerts] == ["512.50 on card c7"], alerts
    assert registry.requests == ["/schemas/ids/5", "/subjects/money%20value/versions/3"], registry.requests


@case
def refusals():
    """settings that do not go together, and files that cannot be used, are said before anything is read"""
    write("rules.tocsin", RULES)
    write("bad.avsc", '{"type":"record","name":"A"}')
    write("login", "no colon\n")
    write("bad.desc", "no descriptors")
    for more, words in (
            (("--kafka-registry", "http://r"), 'kafka.registry needs kafka.format = "avro"'),
            (("--kafka-format", "avro"), "needs kafka.registry, if each message names its schema, or kafka.schema_file"),
            (("--kafka-format", "avro", "--kafka-registry", "http://r", "--kafka-schema-file", "bad.avsc"), "not both"),
            (("--kafka-format", "avro", "--kafka-registry", "ftp://r"), "kafka.registry: "),
            (("--kafka-format", "avro", "--kafka-schema-file", "none"), "kafka.schema_file: cannot be read: none"),
            (("--kafka-format", "avro", "--kafka-schema-file", "bad.avsc"), "bad.avsc: record `A` has no `fields`"),
            (("--kafka-format", "protobuf", "--kafka-schema-file", "bad.desc"), ("needs kafka.schema_message", "without Protobuf")),
            (("--kafka-format", "protobuf", "--kafka-schema-file", "bad.desc", "--kafka-schema-message", "M"),
             ("it is no FileDescriptorSet", "without Protobuf")),
            (("--kafka-format", "avro", "--kafka-registry", "http://r", "--kafka-registry-auth-file", "login"),
             "the file has one line, USER:PASSWORD")):
        said = run("t", *more, code=2).err
        assert any(word in said for word in ([words] if isinstance(words, str) else words)), (words, said)


def use(started):
    global broker
    broker = started


run_cases_with_broker(use)
