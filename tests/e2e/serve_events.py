#!/usr/bin/env python3
"""Events by HTTP: verdicts, forms, order, producers and the tokens that they belong to, CloudEvents, decimals. The real process
over real sockets.

    serve_events.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import gzip
import json
import threading
import time

from harness import START_US, case, has, lines, payment, run_cases, tocsin, wait_for
from server_process import UNIQUE_RULES, Server, statuses, stored


def good(answer):
    assert answer.status == 200, answer
    return answer.json


@case
def every_verdict():
    """each event gets its verdict, in the order of the body"""
    with Server("--time-late-max", "1m", "--events-unknown-types", "ignore", rules=UNIQUE_RULES) as server:
        body = lines([payment(100, "c1", 150), payment(100, "c1", 150), payment(99, "c2"), payment(1, "c3")])
        body += '\n{"type": "weather", "ts": 1}\nno json\n{"type": "payment"}\n' + lines([payment(101, "c4")])
        answer = server.send(body)
        assert statuses(answer) == ["accepted", "duplicate", "clamped", "late", "ignored", "invalid", "invalid", "accepted"]
        verdicts = answer.json["verdicts"]
        assert verdicts[2] == {"status": "clamped", "line": 3, "late_us": 1_000_000}
        assert verdicts[3] == {"status": "late", "line": 4, "late_us": 99_000_000}
        assert verdicts[4] == {"status": "ignored", "line": 6, "type": "weather"}  # line 5 is blank
        assert verdicts[5]["line"] == 7 and "JSON" in verdicts[5]["reason"], verdicts[5]
        has(verdicts[6]["reason"], "ts")
        counts = {name: answer.json[name] for name in ("events", "accepted", "duplicate", "late", "clamped", "ignored", "invalid")}
        assert counts == {"events": 8, "accepted": 2, "duplicate": 1, "late": 1, "clamped": 1, "ignored": 1, "invalid": 2}
        few = server.send(body, "?verdicts=others").json["verdicts"]
        assert [(one["line"], one["status"]) for one in few][:2] == [(1, "duplicate"), (2, "duplicate")], few
        assert all(one["status"] != "accepted" for one in few)
        assert server.send("").problem() == "bad-body"
        assert server.send(" \n\n").json["events"] == 0
        long_line = '{"type": "payment", "ts": 1, "card": "' + "x" * (1 << 20) + '"}\n'
        answer = server.send(long_line + lines([payment(102)]))
        assert statuses(answer) == ["invalid", "accepted"]
        has(answer.json["verdicts"][0]["reason"], "longer than 1048576 bytes")


@case
def every_form():
    """NDJSON, arrays, CloudEvents, gzip and zstd: all are events"""
    with Server() as server:
        assert statuses(server.send([payment(1)], media="application/x-ndjson; charset=utf-8")) == ["accepted"]
        assert statuses(server.ask("POST", "/v1/events", [payment(2), payment(3)])) == ["accepted"] * 2
        packed = gzip.compress(lines([payment(4)]).encode())
        assert statuses(server.send(packed, headers={"Content-Encoding": "gzip"})) == ["accepted"]
        plain = lines([payment(4)]).encode()
        # RFC 8878: a single segment, its size in one byte, one last raw block.
        frame = b"\x28\xb5\x2f\xfd\x20" + bytes([len(plain)]) + (len(plain) << 3 | 1).to_bytes(3, "little") + plain
        assert statuses(server.send(frame, headers={"Content-Encoding": "zstd"})) == ["accepted"]
        data = payment(5)
        envelope = {"specversion": "1.0", "type": data.pop("type"), "id": "e1", "source": "/till/1", "data": data}
        assert statuses(server.ask("POST", "/v1/events", json.dumps(envelope), media="application/cloudevents+json")) == ["accepted"]
        batch = json.dumps([envelope, envelope])
        assert statuses(server.ask("POST", "/v1/events", batch, media="application/cloudevents-batch+json")) == ["accepted"] * 2
        binary = {"ce-specversion": "1.0", "ce-type": "payment", "ce-id": "e2", "ce-source": "/till/1"}
        assert statuses(server.ask("POST", "/v1/events", data, headers=binary)) == ["accepted"]
        wait_for(lambda: server.metric("intake_events_total") == 9, "the count of events")
        # Each request that was answered well is in the histogram; one that waits for alerts, or is refused, is not.
        answers = server.metric("intake_answer_seconds_count")
        assert answers >= 5 and server.metric("intake_answer_seconds_sum") > 0
        assert server.send([payment(20)], "?wait=alerts").status == 200 and server.send("x", media="text/plain").status == 415
        assert server.metric("intake_answer_seconds_count") == answers
        assert server.send([payment(21)]).status == 200
        assert server.metric("intake_answer_seconds_count") == answers + 1
        assert server.send([payment(22, amount=500), payment(23, amount=600)]).status == 200
        # From the event to its alert: each alert that an event raised is there once it can be read.
        alerts = len(server.ask("GET", "/v1/alerts").json["alerts"])
        wait_for(lambda: server.metric("alert_stored_seconds_count") == alerts > 0, "the times of alerts")
        assert 0 < server.metric("alert_stored_seconds_sum") < 60 * alerts


@case
def ahead_of_the_clock():
    """an event a day ahead of the clock is invalid and moves nothing"""
    now = time.time() - START_US / 1e6
    with Server(options=()) as server:
        answer = server.send([payment(now), payment(now + 86_400), payment(now + 1)])
        assert statuses(answer) == ["accepted", "invalid", "accepted"]
        has(answer.json["verdicts"][1]["reason"], "10m ahead of the clock")


@case
def sequences():
    """a request that is sent again is not taken twice, nor after a restart; a gap is refused"""
    def send(server, events, sequence, producer="till-7"):
        return server.send(events, headers={"Tocsin-Producer": producer, "Tocsin-Sequence": str(sequence)})
    with Server() as server:
        events = [payment(second, "c1", 150) for second in range(10)]
        assert send(server, events[:4], 0).json["next_sequence"] == 4
        again = send(server, events[:4], 0)
        assert statuses(again) == ["duplicate"] * 4 and again.json["next_sequence"] == 4
        assert statuses(send(server, events[2:6], 2)) == ["duplicate"] * 2 + ["accepted"] * 2
        gap = send(server, events[7:], 7)
        assert gap.problem() == "conflict" and gap.json["expected_sequence"] == 6, gap
        assert statuses(send(server, events[:1], 0, "till-8")) == ["clamped"]
        for headers in ({"Tocsin-Producer": "x"}, {"Tocsin-Sequence": "1"}, {"Tocsin-Producer": "a b", "Tocsin-Sequence": "1"},
                        {"Tocsin-Producer": "x", "Tocsin-Sequence": "-1"}):
            assert server.send(events, headers=headers).problem() == "bad-request", headers
        server.kill()
    with Server() as server:
        known = server.ask("GET", "/v1/producers/till-7").json
        assert (known["producer"], known["next_sequence"], known["token"]) == ("till-7", 6, "admin"), known
        assert server.ask("GET", "/v1/producers/nobody").problem() == "not-found"
        assert statuses(send(server, events, 0)) == ["duplicate"] * 6 + ["accepted"] * 4
        server.end()
    assert len(stored()) == 11


@case
def in_order_of_arrival():
    """several producers are one stream: none holds back the others, and what is behind is clamped"""
    with Server() as server:
        ahead = server.send([payment(100, "c1", 150)], "?wait=alerts", headers={"Tocsin-Producer": "a", "Tocsin-Sequence": "0"})
        assert ahead.json["complete"] and len(ahead.json["alerts"]) == 1, ahead
        behind = server.send([payment(10, "c2", 150)], "?wait=alerts", headers={"Tocsin-Producer": "b", "Tocsin-Sequence": "0"})
        assert statuses(behind) == ["clamped"] and len(behind.json["alerts"]) == 1, behind
        state = server.ask("GET", "/v1/state").json
        assert state["watermark_held_by"] == "http", state
        assert {source["name"] for source in state["sources"]} == {"http", "http/a", "http/b"}, state


@case
def no_limit():
    """0 is no limit however it is written: none is too late, none too far ahead"""
    zero = ("--time-late-max", "0s", "--time-ahead-max", "0ms", "--time-heartbeat", "0s")
    with Server(options=zero) as server:
        assert statuses(server.send([payment(10), payment(5), payment(40 * 365 * 86400)])) == ["accepted", "clamped", "accepted"]


@case
def waits_for_order():
    """where events wait to be put in order an answer says that its alerts are not complete"""
    with Server("--time-out-of-orderness", "10s") as server:
        first = server.send([payment(1, "c1", 150)], "?wait=alerts&timeout=100ms")
        assert first.json["complete"] is False and first.json["alerts"] == [], first
        later = []
        asking = threading.Thread(target=lambda: later.append(server.send([payment(2, "c2", 150)], "?wait=alerts&timeout=5s")))
        asking.start()
        second = 60
        while asking.is_alive():
            server.send([payment(second, "c3")])
            second += 5
            time.sleep(0.01)
        asking.join()
        assert later[0].json["complete"] is True, later
        assert [alert["key"]["card"] for alert in later[0].json["alerts"]] in (["c2"], []), later


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

        def refused():
            entries = server.ask("GET", "/v1/audit?result=refused&action=postEvents").json["entries"]
            return {entry["actor"] for entry in entries} == {"admin", "bob"}
        wait_for(refused, "the entries of what was refused")
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
        assert [one["producer"] for one in server.ask("GET", "/v1/producers?cursor=till-7").json["producers"]] == ["till-8"]
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


@case
def corrected_letters():
    """a dead letter is put in again with a corrected text: its event raises its alert, once, over kill -9; who did it is told"""
    with Server("--time-late-max", "1m") as server:
        good(server.send([{**payment(1, "a", 150), "ts": "soon"}, "{", payment(2, "b", 5)]))
        first, second = good(server.ask("GET", "/v1/dead"))["items"]
        right = json.dumps(payment(1, "a", 150))

        def again(body):
            return server.ask("POST", "/v1/dead/reinject", body)
        arrival = first["arrival"]
        for wrong in ({"corrected": []}, {"corrected": [right]}, {"corrected": [{"arrival": arrival}]}, {"arrivals": None},
                      {"corrected": [{"arrival": arrival, "text": right, "why": "x"}]}, {"corrected": [{"arrival": 7, "text": right}]}):
            assert again(wrong).problem() == "bad-body", wrong
        corrected = {"arrival": arrival, "text": right}
        has(again({"corrected": [{**corrected, "text": right + "\n" + right}]}).text, "more than one line")
        has(again({"corrected": [{**corrected, "text": " "}]}).text, "is empty")
        has(again({"corrected": [corrected, corrected]}).text, "more than once")
        has(again({"corrected": [corrected], "arrivals": [arrival]}).text, "more than once")
        assert server.ask("POST", "/v1/late/reinject", {"corrected": [corrected]}).problem() == "bad-body"
        done = good(again({"corrected": [corrected], "arrivals": [second["arrival"]] * 2}))
        assert done == {"reinjected": 2, "reinjected_before": 0, "corrected": 1, "rejected": 1}, done
        assert good(again({"corrected": [corrected]})) == {"reinjected": 0, "reinjected_before": 1}
        assert good(server.send([payment(5000, "c", 5), {**payment(9, "d", 150), "ts": "then"}]))["invalid"] == 1
        third = good(server.ask("GET", "/v1/dead"))["items"][-1]
        done = good(again({"corrected": [{"arrival": third["arrival"], "text": json.dumps(payment(9, "d", 150))}]}))
        assert done == {"reinjected": 1, "reinjected_before": 0, "corrected": 1, "late": 1}, done
        (raised,) = good(server.ask("GET", "/v1/alerts"))["alerts"]
        assert raised["alert"]["key"] == {"card": "a"}, raised
        rows = good(server.ask("GET", "/v1/dead"))["items"]
        assert [("reinjected_as" in row, row["text"]) for row in rows] == [(True, first["text"]), (True, second["text"]), (False, second["text"]), (True, third["text"])], rows
        entries = [one for one in good(server.ask("GET", "/v1/audit"))["entries"] if "corrected" in one]
        assert [(one["reinjected"], one["corrected"]) for one in entries] == [(1, 1), (2, 1)], entries
        server.kill()
    with Server("--time-late-max", "1m") as server:
        assert len(good(server.ask("GET", "/v1/alerts"))["alerts"]) == 1
        assert good(again({"corrected": [corrected]})) == {"reinjected": 0, "reinjected_before": 1}


run_cases()
