#!/usr/bin/env python3
"""Events by HTTP: producers and the tokens that they belong to, CloudEvents, decimals. The real process over real sockets.

    serve_events.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json

from harness import START_US, case, has, payment, run_cases, tocsin, wait_for
from server_process import Server, statuses, stored


@case
def cloud_events():
    """the envelope counts before data, headers are decoded, and what a CloudEvent needs is asked for"""
    with Server() as server:
        def ids(answer):
            assert answer.status == 200 and answer.json["complete"], answer
            return [alert["events"][0]["id"] for alert in answer.json["alerts"]]
        data = payment(1, "c1", 150) | {"type": "confirmation", "id": "of_data"}
        envelope = {"specversion": "1.0", "data": data, "type": "payment", "id": "of_envelope", "source": "/till/1"}
        send = "/v1/events?wait=alerts"
        assert ids(server.ask("POST", send, json.dumps(envelope), media="application/cloudevents+json")) == ["of_envelope"]
        binary = {"ce-specversion": "1.0", "ce-type": "payment", "ce-id": "caf%C3%A9%20%221%22", "ce-source": "/till/1"}
        assert ids(server.ask("POST", send, data, headers=binary)) == ['caf\u00e9 "1"']
        for name in ("specversion", "type", "id", "source"):
            without = {key: value for key, value in envelope.items() if key != name}
            one = server.ask("POST", send, json.dumps([envelope, without]), media="application/cloudevents-batch+json")
            assert one.problem() == "bad-request" and "event 2" in one.json["detail"] and name in one.json["detail"], one
            headers = {key: value for key, value in binary.items() if key != "ce-" + name}
            one = server.ask("POST", send, data, headers=headers)
            assert one.problem() == "bad-request" and "ce-" + name in one.json["detail"], one
        bad = server.ask("POST", send, data, headers=binary | {"ce-subject": "50%"})
        assert bad.problem() == "bad-request" and "ce-subject" in bad.json["detail"], bad
        assert len(server.ask("GET", "/v1/alerts").json["alerts"]) == 2


@case
def exact_decimals():
    """decimals have all their digits wherever they are shown: a key's features, alerts of a dry run"""
    rules = """
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
feature spent = sum(amount of payment) by card over last 1d
feature largest = max(amount of payment) by card over last 1d
rule large "A large payment" { by card when payment as p where amount > 100 alert "x" { amount: p.amount } }
"""
    amount = "90071992547409.93"
    event = '{"type":"payment","ts":%d,"id":"%s","card":"c1","amount":%s}\n'
    with Server(rules=rules) as server:
        assert statuses(server.send(event % (START_US, "a", amount) + event % (START_US + 1, "b", "0.10"))) == ["accepted"] * 2
        text = server.ask("GET", "/v1/keys/card=c1").text
        has(text, '"spent":90071992547410.03', '"largest":90071992547409.93')
        body = '{"events":[%s]}' % (event % (START_US, "a", "150.10")).strip()
        dry = server.ask("POST", "/v1/rules/dry-run", body, media="application/json").text
        has(dry, '"fields":{"amount":150.10}', '"events":1')
        server.end()
    has(tocsin("inspect", "data", "--key", "card=c1", "--format", "json").out, '"spent":90071992547410.03')


@case
def producers_of_a_token():
    """a producer belongs to the token that used its name first, also after a crash, until it is removed"""
    def send(server, events, sequence, token=True, producer="till-7"):
        return server.send(events, token=token, headers={"Tocsin-Producer": producer, "Tocsin-Sequence": str(sequence)})
    def make(server, name, role="producer"):
        return server.ask("POST", "/v1/tokens", {"name": name, "role": role}).json["token"]
    events = [payment(second, "c1", 150) for second in range(10)]
    with Server("--checkpoint-every", "1d") as server:
        ann, bob = make(server, "ann"), make(server, "bob")
        assert statuses(send(server, events[:4], 0, ann)) == ["accepted"] * 4
        for sequence in (0, 4):
            assert send(server, events[sequence:sequence + 2], sequence, bob).problem() == "producer-owned"
        assert send(server, events, 0).problem() == "producer-owned", "an admin is another token too"
        assert server.ask("GET", "/v1/producers/till-7", token=bob).problem() == "producer-owned"
        assert server.ask("GET", "/v1/producers/till-7", token=ann).json["next_sequence"] == 4
        refusals = server.ask("GET", "/v1/audit?result=refused&action=postEvents").json["entries"]
        assert {entry["actor"] for entry in refusals} == {"admin", "bob"}, refusals
        server.kill()
    with Server() as server:
        assert send(server, events[4:], 4, bob).problem() == "producer-owned"
        other = send(server, [events[5]], 3, ann)
        assert other.problem() == "repeat-differs" and other.json["expected_sequence"] == 4, other
        assert other.json["differing_sequence"] == 3
        # A token that is made again under its name is the same to its producers: so it is rotated.
        assert server.ask("DELETE", "/v1/tokens/ann").status == 204
        ann = make(server, "ann")
        assert statuses(send(server, events[:6], 0, ann)) == ["duplicate"] * 4 + ["accepted"] * 2
        assert statuses(send(server, events[6:8], 0, bob, "till-8")) == ["accepted"] * 2
        listed = server.ask("GET", "/v1/producers").json["producers"]
        assert [(one["producer"], one["token"], one["next_sequence"]) for one in listed] == \
            [("till-7", "ann", 6), ("till-8", "bob", 2)], listed
        page = server.ask("GET", "/v1/producers?limit=1").json
        assert [one["producer"] for one in page["producers"]] == ["till-7"] and page["next"] == "till-7", page
        assert [one["producer"] for one in server.ask("GET", "/v1/producers?after=till-7").json["producers"]] == ["till-8"]
        assert server.ask("DELETE", "/v1/producers/till-7", token=ann).problem() == "forbidden"
        assert server.ask("DELETE", "/v1/producers/till-7").status == 204
        assert server.ask("DELETE", "/v1/producers/till-7").problem() == "not-found"
        assert [entry["action"] for entry in server.ask("GET", "/v1/audit?limit=2").json["entries"]] == ["deleteProducer"] * 2
        server.kill()
    with Server() as server:
        assert server.ask("GET", "/v1/producers/till-7").problem() == "not-found"
        gap = send(server, events[8:], 6, ann)
        assert gap.problem() == "conflict" and gap.json["expected_sequence"] == 0, gap
        assert statuses(send(server, events[8:], 0, bob)) == ["accepted"] * 2
        wait_for(lambda: server.metric("producers") == 2, "both are counted")
        server.end()
    assert len(stored()) == 10


@case
def expired_producers():
    """a producer that sends nothing for events.producers_expire is forgotten"""
    with Server("--events-producers-expire", "1s", "--events-producers-max", "2") as server:
        def send(producer, sequence):
            return server.send([payment(sequence, "c1", 1)], headers={"Tocsin-Producer": producer, "Tocsin-Sequence": str(sequence)})
        assert statuses(send("a", 0)) == ["accepted"]
        assert send("b", 0).problem() == "conflict"
        wait_for(lambda: send("b", 0).status == 200, "the room of the one that has expired")
        assert server.ask("GET", "/v1/producers/a").problem() == "not-found"
        wait_for(lambda: server.metric("producers_expired_total") == 1, "its count")


run_cases()
