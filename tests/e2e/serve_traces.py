#!/usr/bin/env python3
"""Traces (W3C Trace Context) from a request with events to the webhooks of the alerts that they raise.

    serve_traces.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import json
import os
import re
import signal

from endpoint import Endpoint, Remembering
from harness import case, payment, run_cases, wait_for
from server_process import TIMELESS, Server, alone, stored

LOCAL = (*TIMELESS, "--webhooks-allow", "127.0.0.1", "--webhooks-retry-delays", ",".join(["100ms"] * 100))
SPAN = "b7ad6b7169203331"


def trace(number):
    return f"{number:032x}"


def parent(number, flags="01", version="00"):
    return f"{version}-{trace(number)}-{SPAN}-{flags}"


def header(number, **more):
    return {"traceparent": parent(number, **more)}


def traces(endpoint):
    """What each webhook has, by the card of its alert: trace id, flags; None where there is no traceparent."""
    found = {}
    for _, _, headers, body in endpoint.requests:
        given = headers.get("traceparent")
        if given is not None:
            version, trace_id, span, flags = re.fullmatch(r"(..)-([0-9a-f]{32})-([0-9a-f]{16})-(..)", given).groups()
            assert version == "00" and span not in (SPAN, "0" * 16), given
            given = (int(trace_id, 16), flags)
        found[json.loads(body)["key"]["card"]] = given
    return found


def spans(endpoint):
    return [headers["traceparent"].split("-")[2] for _, _, headers, _ in endpoint.requests if "traceparent" in headers]


def cloud(number, card, trace_parent=None):
    data = payment(number, card, 150)
    envelope = {"specversion": "1.0", "type": data.pop("type"), "id": f"e{number}", "source": "/till", "data": data}
    return envelope if trace_parent is None else envelope | {"traceparent": trace_parent}


@case
def to_the_webhook():
    """an event's trace is that of its alert's webhook, under a new span; one that is none is ignored"""
    with Endpoint(lambda _: (200, {})) as endpoint, Server(options=LOCAL) as server:
        assert server.ask("POST", "/v1/subscriptions", {"url": endpoint.url}).status == 201
        server.send([payment(1, "a", 150), payment(2, "quiet", 1)], headers=header(1))
        server.send([payment(3, "b", 150)], headers=header(2, flags="00"))
        server.send([payment(4, "c", 150)])
        for number, bad in enumerate((parent(0), parent(3)[:-1], parent(3).upper(), parent(3, version="ff"), "x", "")):
            server.send([payment(5 + number, f"bad{number}", 150)], headers={"traceparent": bad})
        server.send([payment(20, "later", 150)], headers={"traceparent": parent(4, version="01") + "-more"})
        batch = [cloud(30, "own", parent(5)), cloud(31, "of_request"), cloud(32, "none", "nonsense"), cloud(33, "own2", parent(6))]
        server.ask("POST", "/v1/events", json.dumps(batch), media="application/cloudevents-batch+json", headers=header(7))
        data = payment(40, "binary", 150)
        binary = {"ce-specversion": "1.0", "ce-type": data.pop("type"), "ce-id": "e", "ce-source": "/t", "ce-traceparent": parent(8)}
        server.ask("POST", "/v1/events", data, headers=binary | header(9))
        expected = {"a": (1, "01"), "b": (2, "00"), "c": None, **{f"bad{number}": None for number in range(6)}, "later": (4, "01"),
                    "own": (5, "01"), "of_request": (7, "01"), "none": (7, "01"), "own2": (6, "01"), "binary": (8, "01")}
        wait_for(lambda: len(endpoint.requests) == len(expected), "the webhooks")
        assert traces(endpoint) == expected, traces(endpoint)
        assert len(set(spans(endpoint))) == len(spans(endpoint))
        server.end()


@case
def alerts_are_the_same():
    """alerts have the same ids and bytes with and without traces"""
    events = [payment(second, f"c{second % 3}", 150 if second % 2 else 1500) for second in range(60)] + [payment(999, "x")]
    with Server() as server:
        for place in range(0, len(events), 7):
            server.send(events[place:place + 7], headers=header(place + 1) if place % 2 else {})
        server.end()
    assert stored() == alone(events)
    assert len(stored()) > 60


@case
def over_a_crash():
    """the trace is there after kill -9: between journal and alerts, before the webhook, and long before a deadline"""
    for point in ("effects.before_write", "effects.after_write", None):
        data = str(point).replace(".", "_")
        with Remembering() as endpoint:
            endpoint.status = lambda number: 500
            with Server(options=LOCAL, data=data) as server:
                assert server.ask("POST", "/v1/subscriptions", {"url": endpoint.url}).status == 201
                server.end()
            environment = dict(os.environ) if point is None else dict(os.environ, TOCSIN_CRASH_AT=point)
            with Server(rules=None, options=LOCAL, data=data, env=environment) as server:
                batch = [payment(1, "quiet", 1), payment(2, "a", 1500), payment(3, "b", 150)]
                try:
                    server.send(batch, headers=header(1))
                except (OSError, http.client.HTTPException):
                    assert point is not None
                if point is None:
                    wait_for(lambda: len(endpoint.requests) >= 2, "attempts")
                    assert traces(endpoint) == {"a": (1, "01"), "b": (1, "01")}
                    server.kill()
                else:
                    server.end(None, -signal.SIGKILL)
            endpoint.status = lambda number: 200
            with Server(rules=None, options=LOCAL, data=data) as server:
                server.send([payment(100, "c", 150)], headers=header(2))
                server.ask("POST", "/v1/checkpoints")  # the next start does not see the record
                server.kill()
            with Server(rules=None, options=LOCAL, data=data) as server:
                server.send([payment(1000, "d", 1)], headers=header(3))  # the deadline of a's passes

                def delivered():
                    return sum(1 for answer in endpoint.answers if answer == 200)
                wait_for(lambda: delivered() >= 4, "the webhooks")
                server.end()
            assert len(spans(endpoint)) == len(set(spans(endpoint))) == len(endpoint.requests)
            by_rule = {}
            for _, _, headers, body in endpoint.requests:
                alert = json.loads(body)
                by_rule.setdefault((alert["rule"], alert["key"]["card"]), set()).add(headers["traceparent"].split("-")[1])
            assert by_rule == {("large", "a"): {trace(1)}, ("large", "b"): {trace(1)}, ("large", "c"): {trace(2)},
                               ("unconfirmed", "a"): {trace(1)}}, (point, by_rule)


@case
def bounded():
    """traces of events that nobody asked for go, the oldest first; those of alerts stay"""
    with Endpoint(lambda _: (200, {})) as endpoint, Server("--retention-traces-max", "1000", options=LOCAL) as server:
        subscription = server.ask("POST", "/v1/subscriptions", {"url": endpoint.url}).json
        server.send([payment(1, "a", 150)], headers=header(1))
        batch = [cloud(2 + number, f"q{number}", parent(10 + number)) for number in range(3000)]
        for envelope in batch:
            envelope["data"]["amount"] = 1
        server.ask("POST", "/v1/events", json.dumps(batch), media="application/cloudevents-batch+json")
        wait_for(lambda: len(endpoint.requests) == 1, "the webhook")
        alert = json.loads(endpoint.bodies()[0])
        server.end()
    with Endpoint(lambda _: (200, {})) as endpoint, Server("--retention-traces-max", "1000", rules=None, options=LOCAL) as server:
        path = f"/v1/subscriptions/{subscription['id']}"
        etag = server.ask("GET", path).headers["ETag"]
        assert server.ask("PATCH", path, {"url": endpoint.url}, headers={"If-Match": etag}).status == 200
        wait_for(lambda: server.metric("traces_kept") <= 1000, "retention")
        assert server.ask("POST", path + "/redeliver", {"alert": alert["id"]}).json["owed"] == 1
        wait_for(lambda: len(endpoint.requests) == 1, "the webhook")
        assert traces(endpoint) == {"a": (1, "01")}
        server.end()


run_cases()
