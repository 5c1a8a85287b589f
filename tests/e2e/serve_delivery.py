#!/usr/bin/env python3
"""Which alerts a server delivers, and as what: silences, conditions, the storm brake, groups; and that those that hang hold
up no others. The real process, real receivers, and kill -9.

    serve_delivery.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import contextlib
import datetime
import json
import os
import socket
import threading

from endpoint import Endpoint, Remembering
from harness import LIMIT_S, RULES, case, has, json_lines, payment, run_cases, wait_for
from server_process import TIMELESS, Server

LOCAL = (*TIMELESS, "--webhooks-allow", "127.0.0.1", "--webhooks-retry-delays", ",".join(["50ms"] * 200))


def expect(status, answer):
    assert answer.status == status, answer
    return answer.json


def raise_alerts(server, first, last, card="c1"):
    """One alert of the rule `large` for each number, in one request; waits until they are stored."""
    answer = server.send([payment(i, card=card, amount=500.00) for i in range(first, last + 1)], "?wait=alerts&timeout=5s")
    assert answer.status == 200 and answer.json["complete"], answer


def subscribe(server, url, **settings):
    return expect(201, server.ask("POST", "/v1/subscriptions", {"url": url, **settings}))


def owed(server, subscription):
    return expect(200, server.ask("GET", f"/v1/subscriptions/{subscription['id']}"))["owed"]


def in_an_hour():
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def silence(server, **filter_):
    return expect(201, server.ask("POST", "/v1/silences",
                                  {"filter": filter_, "until": in_an_hour(), "reason": "a known test"}))


def alerts(server):
    """All alerts as they were raised, oldest first."""
    return json_lines(server.ask("GET", "/v1/alerts/export").text)


def fates(server):
    """What became of each alert at the one subscription, oldest first."""
    return [expect(200, server.ask("GET", f"/v1/alerts/{alert['id']}"))["deliveries"][0] for alert in alerts(server)]


def messages(endpoint):
    """What arrived with 200, each once by its webhook-id, in order; the same id has always the same body."""
    by_id = {}
    for (_, _, headers, body), status in zip(list(endpoint.requests), list(endpoint.answers)):
        known = by_id.setdefault(headers["webhook-id"], [body, False])
        assert known[0] == body, "an id with two bodies"
        known[1] = known[1] or status == 200
    return [json.loads(body) for body, arrived in by_id.values() if arrived]


@case
def silences():
    """what is raised during a silence is stored and streamed, not sent; it holds after kill -9, and until it is ended"""
    with Remembering() as endpoint:
        with Server(options=LOCAL) as server:
            subscription = subscribe(server, endpoint.url)
            raise_alerts(server, 1, 2)
            made = silence(server, key={"card": "c1"})
            raise_alerts(server, 3, 4)
            raise_alerts(server, 5, 5, card="c2")
            server.kill()
        with Server(rules=None, options=LOCAL) as server:
            raise_alerts(server, 6, 7)
            assert [one["state"] for one in expect(200, server.ask("GET", "/v1/silences"))["silences"]] == ["active"]
            expect(200, server.ask("DELETE", f"/v1/silences/{made['id']}"))
            raise_alerts(server, 8, 8)
            wait_for(lambda: owed(server, subscription) == 0, "what is not silenced")
            states = [one["state"] for one in fates(server)]
            assert states == ["delivered"] * 2 + ["silenced"] * 2 + ["delivered"] + ["silenced"] * 2 + ["delivered"]
            assert {one["silence"] for one in fates(server) if one["state"] == "silenced"} == {made["id"]}
            assert len(messages(endpoint)) == 4
            assert server.metric("deliveries_silenced_total") == 2  # of this process
            stream = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
            stream.sendall(f"GET /v1/alerts/stream?after=0 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.token}\r\n\r\n"
                           .encode())
            seen = b""
            while seen.count(b"event: alert") < 8:
                seen += stream.recv(65536)
            stream.close()
            # Who wants one all the same gets it.
            silenced = alerts(server)[2]["id"]
            expect(202, server.ask("POST", f"/v1/subscriptions/{subscription['id']}/redeliver", {"alert": silenced}))
            wait_for(lambda: silenced in [one["id"] for one in messages(endpoint)], "what was asked for")


@case
def conditions():
    """a condition chooses alerts; one that a deploy breaks is told of and lets them through"""
    with Remembering() as endpoint, Server(options=LOCAL) as server:
        refused = server.ask("POST", "/v1/subscriptions", {"url": endpoint.url, "filter": {"condition": "sum > 3"}})
        assert refused.status == 422 and refused.problem() == "condition-does-not-check"
        assert (refused.json["diagnostics"][0]["line"], refused.json["diagnostics"][0]["column"]) == (1, 1)
        subscription = subscribe(server, endpoint.url, filter={"rules": ["large"], "condition": "amount > 400 and card = \"c1\""})
        raise_alerts(server, 1, 3)
        raise_alerts(server, 4, 6, card="c2")
        wait_for(lambda: len(messages(endpoint)) == 3, "what the condition is true of")
        etag = server.ask("GET", "/v1/pack").headers["ETag"]
        changed = RULES.replace("{ amount: p.amount }", "{ sum: p.amount }")
        expect(200, server.ask("PUT", "/v1/pack", {"files": {"rules.tocsin": changed}}, headers={"If-Match": etag}))
        notices = expect(200, server.ask("GET", "/v1/notices"))["notices"]
        assert [(one["kind"], one["subject"]) for one in notices] == [("condition_broken", subscription["id"])]
        has(notices[0]["text"], "amount", "is not evaluated")
        raise_alerts(server, 7, 9, card="c2")
        wait_for(lambda: len(messages(endpoint)) == 6, "what comes through")
        server.kill()
        with Server(rules=None, options=LOCAL) as again:
            shown = expect(200, again.ask("GET", f"/v1/subscriptions/{subscription['id']}"))
            has(shown["condition_error"], "amount")
            raise_alerts(again, 10, 12, card="c2")
            wait_for(lambda: len(messages(endpoint)) == 9, "what comes through after a crash")


@case
def brake():
    """beyond the brake's limit one summary comes for the rest, over kill -9 while it holds and while it is sent"""
    options = (*LOCAL, "--webhooks-brake-window", "4s", "--webhooks-brake-per-rule", "5")
    with Remembering() as endpoint:
        with Server(options=options) as server:
            subscription = subscribe(server, endpoint.url)
            raise_alerts(server, 1, 40)
            server.kill()
        endpoint.status = lambda number: 503 if b"alert.summary" in endpoint.requests[number][3] else 200
        with Server(rules=None, options=options) as server:
            raise_alerts(server, 41, 80)
            sends = lambda: any(b"alert.summary" in body for *_, body in list(endpoint.requests))
            wait_for(sends, "a summary")
            server.kill()
        endpoint.status = lambda number: 200
        with Server(rules=None, options=options) as server:
            def settled():
                shown = [one for one in fates(server)]
                return owed(server, subscription) == 0 and all(
                    one["state"] == "delivered" or one["summary"]["state"] == "delivered" for one in shown)
            wait_for(settled, "all summaries")
            shown = fates(server)
            assert len(shown) == 80
            passed = [one for one in shown if one["state"] == "delivered"]
            braked = [one for one in shown if one["state"] == "braked"]
            assert len(passed) + len(braked) == 80 and 5 <= len(passed) <= 40 and braked
            sent = messages(endpoint)
            summaries = [one for one in sent if one.get("type") == "alert.summary"]
            assert len(sent) - len(summaries) == len(passed)
            # Each alert that was held back is counted once, in the summary that its record names.
            counts = {}
            for one in braked:
                counts[one["summary"]["id"]] = counts.get(one["summary"]["id"], 0) + 1
            assert {one["id"]: one["count"] for one in summaries} == counts
            for one in summaries:
                has(one["message"], "rule large raised", "more alert")
                found = expect(200, server.ask("GET", one["link"] + "&limit=1000"))["alerts"]
                assert len(found) >= one["count"]
            wanted = alerts(server)[shown.index(braked[0])]["id"]
            expect(202, server.ask("POST", f"/v1/subscriptions/{subscription['id']}/redeliver", {"alert": wanted}))
            wait_for(lambda: wanted in [one.get("id") for one in messages(endpoint)], "what was asked for")


@case
def groups():
    """the alerts of a group come in one message, over kill -9 while it waits and while it is sent"""
    with Remembering() as endpoint:
        with Server(options=LOCAL) as server:
            subscription = subscribe(server, endpoint.url, group={"by": ["rule", "card"], "wait": "2s", "interval": "3s"})
            raise_alerts(server, 1, 10)
            raise_alerts(server, 11, 13, card="c2")
            server.kill()
        endpoint.status = lambda number: 500
        with Server(rules=None, options=LOCAL) as server:
            raise_alerts(server, 14, 20)
            wait_for(lambda: server.metric("delivery_retries_total") > 0, "a group that is sent again")
            server.kill()
        endpoint.status = lambda number: 200
        with Server(rules=None, options=LOCAL) as server:
            raise_alerts(server, 21, 21)
            wait_for(lambda: owed(server, subscription) == 0, "all groups")
            sent = messages(endpoint)
            assert server.metric("deliveries_grouped_total") == 1 and server.metric("delivery_messages_open") == 0
            assert {one["type"] for one in sent} == {"alert.group"}
            assert all(one["group"]["rule"] == "large" and one["count"] == len(one["alerts"]) for one in sent)
            for one in sent:
                assert {alert["key"]["card"] for alert in one["alerts"]} == {one["group"]["card"]}
            # Each alert stands in one message, and far fewer messages than alerts came.
            ids = [alert["id"] for one in sent for alert in one["alerts"]]
            assert sorted(ids) == sorted(alert["id"] for alert in alerts(server)) and len(ids) == 21
            assert 2 <= len(sent) <= 10
            assert {one["state"] for one in fates(server)} == {"grouped"}
            assert {one["group"]["state"] for one in fates(server)} == {"delivered"}


@case
def released_out_of_order():
    """a message that was begun before another and is due after it is sent too, in the same life"""
    with Remembering() as endpoint, Server(options=LOCAL) as server:
        subscription = subscribe(server, endpoint.url, group={"by": ["rule", "card"], "wait": "100ms", "interval": "3s"})
        raise_alerts(server, 1, 1)
        wait_for(lambda: len(messages(endpoint)) == 1, "the first message")
        raise_alerts(server, 2, 2)  # waits for the interval
        raise_alerts(server, 3, 3, card="c2")
        wait_for(lambda: len(messages(endpoint)) == 3, "all messages")
        wait_for(lambda: owed(server, subscription) == 0, "all to be noted")
        assert [one["group"]["card"] for one in messages(endpoint)] == ["c1", "c2", "c1"]


@case
def killed_at_the_release():
    """a process that ends just before or after a group is due sends it in the next life, once and whole"""
    for number, point in enumerate(("messages.before_release", "messages.after_release")):
        with Remembering() as endpoint:
            data = f"data{number}"
            environment = dict(os.environ, TOCSIN_CRASH_AT=point)
            with Server(options=LOCAL, data=data, env=environment) as server:
                subscription = subscribe(server, endpoint.url, group={"by": ["rule"], "wait": "1s"})
                raise_alerts(server, 1, 5)
                wait_for(lambda: server.process.poll() is not None, "the crash")
            with Server(rules=None, options=LOCAL, data=data) as server:
                wait_for(lambda: owed(server, subscription) == 0 and endpoint.requests, "the group")
                assert [(one["type"], one["count"]) for one in messages(endpoint)] == [("alert.group", 5)]
                assert len(set(endpoint.ids())) == 1


class Drip:
    """An endpoint that takes connections and answers with a byte now and then, or (silent) with none."""

    def __init__(self, silent):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        self.over = threading.Event()
        self.taken = []
        self.silent = silent
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.taken.append(connection)
                threading.Thread(target=self.drip, args=(connection,), daemon=True).start()

    def drip(self, connection):
        with contextlib.suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 10_000:
                if self.over.wait(0.05):
                    break
                if not self.silent:
                    connection.sendall(bytes([byte]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.socket.close()
        for connection in self.taken:
            connection.close()


@case
def dead_ones():
    """of a hundred endpoints ten are dead, and no delivery to another waits for one of them"""
    options = (*LOCAL, "--webhooks-total-timeout", "10m")
    with contextlib.ExitStack() as stack:
        dead = [stack.enter_context(Drip(silent=i % 2 == 0)) for i in range(7)]
        closed = [stack.enter_context(contextlib.closing(socket.socket())) for _ in range(3)]
        for one in closed:
            one.bind(("127.0.0.1", 0))
        well = stack.enter_context(Endpoint(lambda _: (200, {})))
        server = stack.enter_context(Server(options=options))
        hanging = [subscribe(server, one.url) for one in dead]
        for one in closed:
            subscribe(server, f"http://127.0.0.1:{one.getsockname()[1]}/")
        for number in range(90):
            subscribe(server, well.url + f"/{number}")
        raise_alerts(server, 1, 10)
        arrived = lambda: {(path, headers["webhook-id"]) for _, path, headers, _ in list(well.requests)}
        wait_for(lambda: len(arrived()) == 900, "all that is for those that answer")
        # An answer is counted after it came, and its delivery noted after that.
        wait_for(lambda: server.metric("delivery_arrival_seconds_count") == 900, "all to be noted")
        # Meanwhile no attempt at one that hangs has come to its end.
        assert all(one.taken for one in dead)
        for one in hanging:
            assert not expect(200, server.ask("GET", f"/v1/subscriptions/{one['id']}/deliveries"))["deliveries"]
        assert server.metric("delivery_attempts_total") >= 900 and server.metric("delivery_seconds_count") >= 900
        assert server.metric("delivery_arrival_seconds_sum") > 0
        has(server.ask("GET", "/metrics").text, 'tocsin_delivery_seconds_bucket{le="+Inf"}', 'tocsin_delivery_endpoints{circuit="closed"}')
        assert server.metric("delivery_endpoints") == 100 and server.metric("deliveries_owed") >= 100
        assert server.metric("deliveries_oldest_seconds") > 0
        by_path = {}
        for _, path, headers, _ in well.requests:
            by_path.setdefault(path, set()).add(headers["webhook-id"])
        assert len(by_path) == 90 and all(len(ids) == 10 for ids in by_path.values())


run_cases()
