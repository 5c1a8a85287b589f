#!/usr/bin/env python3
"""What a server does with alerts: queries, live streams, triage, subscriptions. The real process over real sockets.

    serve_alerts.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import base64
import contextlib
import csv
import io
import json
import socket
import time

from endpoint import Endpoint, Remembering, signature
from harness import LIMIT_S, RULES, case, has, json_lines, payment, run_cases, wait_for
from live_stream import Stream
from server_process import TIMELESS, Server

PATIENT = (*TIMELESS, "--webhooks-allow", "127.0.0.1", "--webhooks-retry-delays", ",".join(["100ms"] * 100))
LOCAL = (*TIMELESS, "--webhooks-allow", "127.0.0.1", "--webhooks-retry-delays", "40ms,80ms,160ms")


def raise_alerts(server, first, last, card="c1"):
    """One alert of the rule `large` for each number, in one request; waits until they are stored."""
    answer = server.send([payment(i, card=card, amount=500.00) for i in range(first, last + 1)], "?wait=alerts&timeout=5s")
    assert answer.status == 200 and answer.json["complete"], answer


def expect(status, answer):
    assert answer.status == status, answer
    return answer.json


def page_through(server, query, limit=7, between=None):
    """The numbers of all hits, page by page."""
    numbers, cursor = [], None
    while True:
        target = f"/v1/alerts?limit={limit}&{query}" + (f"&cursor={cursor}" if cursor else "")
        page = expect(200, server.ask("GET", target))
        numbers += [hit["number"] for hit in page["alerts"]]
        cursor = page.get("next")
        if not cursor:
            return numbers
        if between:
            between()


@case
def pages():
    """alerts are found page by page, whatever is raised meanwhile, and by what they are"""
    with Server() as server:
        raise_alerts(server, 1, 20)
        raise_alerts(server, 21, 25, card="c2")
        later = iter(range(100, 200))

        def one_more():
            number = next(later)
            raise_alerts(server, number, number, card="c3")

        assert page_through(server, "", between=one_more) == list(range(25, 0, -1))
        assert page_through(server, "order=oldest&key=card%3Dc2") == [21, 22, 23, 24, 25]
        assert page_through(server, "rule=unconfirmed") == []
        assert page_through(server, "rule=large&least_severity=critical") == []
        assert page_through(server, "from=2026-03-02T12:00:03Z&to=2026-03-02T12:00:05Z") == [4, 3]
        hit = expect(200, server.ask("GET", "/v1/alerts?limit=1&order=oldest"))["alerts"][0]
        alert = expect(200, server.ask("GET", f"/v1/alerts/{hit['alert']['id']}"))
        assert alert["alert"] == hit["alert"] and alert["triage"]["state"] == "open"
        assert alert["alert"]["events"][0]["id"] == "c1-1"
        assert server.ask("GET", "/v1/alerts/" + "0" * 32).problem() == "not-found"
        assert server.ask("GET", "/v1/alerts?cursor=x").problem() == "bad-parameter"
        assert server.ask("GET", "/v1/alerts", token=False).problem() == "unauthorized"


@case
def by_condition():
    """alerts are found by a condition on their fields, counted, exported and followed by it; who sees marks may not ask"""
    with Server(rules=RULES.replace("card: string,", "card: string pii,", 1)) as server:
        raise_alerts(server, 1, 3)
        answer = server.send([payment(i, card="c2", amount=150.00 + i) for i in range(4, 10)], "?wait=alerts&timeout=5s")
        assert answer.status == 200 and answer.json["complete"], answer
        asked = "condition=amount%20%3C%20200%20and%20card%20%3D%20%22c2%22"
        assert page_through(server, asked, limit=4) == [9, 8, 7, 6, 5, 4]
        assert page_through(server, asked + "%20and%20amount%20%21%3D%20155", limit=4) == [9, 8, 7, 6, 4]
        assert expect(200, server.ask("GET", f"/v1/alerts/facets?{asked}"))["total"] == 6
        assert len(json_lines(server.ask("GET", f"/v1/alerts/export?{asked}").text)) == 6
        stream = Stream(server, f"?after=0&{asked}")
        wait_for(lambda: stream.numbers() == [4, 5, 6, 7, 8, 9], "what the condition admits")
        stream.close()
        wrong = server.ask("GET", "/v1/alerts?condition=amuont%20%3E%201")
        assert wrong.status == 422 and wrong.problem() == "condition-does-not-check", wrong
        assert wrong.json["diagnostics"][0]["code"] == "E0201"
        reader = expect(201, server.ask("POST", "/v1/tokens", {"name": "desk", "role": "reader"}))["token"]
        for path in ("", "/facets", "/export", "/stream"):
            assert server.ask("GET", f"/v1/alerts{path}?{asked}", token=reader).problem() == "forbidden", path
        assert server.ask("GET", "/v1/alerts", token=reader).status == 200


@case
def unknown_names():
    """a rule or a tag that there never was is refused with what was meant; one that is gone, a draft, or of a stored alert is not"""
    rules = RULES.replace("severity high", "severity high\n  tags retail")
    until = {"until": "2100-01-01T00:00:00Z", "reason": "a test"}
    url = {"url": "https://hooks.example.com"}
    with Server(rules=rules) as server:
        raise_alerts(server, 1, 2)
        for path in ("/v1/alerts", "/v1/alerts/facets", "/v1/alerts/export", "/v1/alerts/stream", "/v1/stream"):
            for query, meant in (("rule=larg", "large"), ("rule=large,unconfirmd", "unconfirmed"), ("tag=retial", "retail")):
                refused = server.ask("GET", f"{path}?{query}{'&topics=alerts' if path == '/v1/stream' else ''}")
                assert refused.problem() == "bad-parameter" and f"did you mean {meant}?" in refused.json["detail"], refused
        for filter_, meant in (({"rules": ["larg"]}, "large"), ({"tags": ["retial"]}, "retail")):
            for path, body in (("/v1/silences", until), ("/v1/silences/preview", {}), ("/v1/subscriptions", url), ("/v1/subscriptions/preview", {})):
                refused = server.ask("POST", path, {"filter": filter_, **body})
                assert refused.problem() == "bad-body" and f"did you mean {meant}?" in refused.json["detail"], refused
        made = server.ask("POST", "/v1/subscriptions", {**url, "filter": {"rules": ["large"]}})
        changed = server.ask("PATCH", f"/v1/subscriptions/{made.json['id']}", {"filter": {"rules": ["larg"]}}, headers={"If-Match": made.headers["ETag"]})
        assert changed.problem() == "bad-body", changed
        for path in ("/v1/rules/larg/series", "/v1/rules/larg/precision"):
            refused = server.ask("GET", path)
            assert refused.problem() == "not-found" and "did you mean large?" in refused.json["detail"], refused
        sketch = 'rule sketch "S" { status draft  by card  when payment  alert "s" }\n'
        assert server.ask("PUT", "/v1/rules/sketch", sketch, media="text/plain", headers={"If-None-Match": "*"}).status == 200
        expect(200, server.ask("GET", "/v1/alerts?rule=sketch"))
        for rule, alerts in (("large", 2), ("sketch", 0)):
            etag = server.ask("GET", f"/v1/rules/{rule}").headers["ETag"]
            assert server.ask("DELETE", f"/v1/rules/{rule}", headers={"If-Match": etag}).status == 200
            hits = expect(200, server.ask("GET", f"/v1/alerts?rule={rule}&tag=retail"))["alerts"]
            assert len(hits) == alerts, hits
            expect(200, server.ask("GET", f"/v1/rules/{rule}/series"))
        server.end()


@case
def exports():
    """all alerts leave as NDJSON, byte by byte, and as CSV"""
    with Server() as server:
        raise_alerts(server, 1, 700)
        raise_alerts(server, 701, 701, card="=cmd()")
        answer = server.ask("GET", "/v1/alerts/export")
        alerts = json_lines(answer.text)
        assert len(alerts) == 701 and answer.headers["Content-Type"] == "application/x-ndjson"
        line = answer.text.splitlines()[0]
        assert '"amount":500.00' in line  # as it was written
        table = server.ask("GET", "/v1/alerts/export?format=csv&rule=large")
        rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
        assert [row["id"] for row in rows] == [alert["id"] for alert in alerts]
        assert rows[0]["rule"] == "large" and rows[0]["key"] == "card=c1"
        assert not any(cell.startswith(("=", "+", "@", "\t")) for row in rows for cell in row.values())


@case
def live():
    """a live stream goes on behind the last id, over a crash too, and a slow client holds up nobody"""
    with Server() as server:
        raise_alerts(server, 1, 3)
        stream = Stream(server)
        behind = Stream(server, last_id=1)
        only = Stream(server, "?after=0&key=card%3Dc2")
        slow = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
        slow.sendall(f"GET /v1/alerts/stream?after=0 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.token}\r\n\r\n"
                     .encode())  # and never reads
        raise_alerts(server, 4, 5)
        raise_alerts(server, 6, 6, card="c2")
        wait_for(lambda: stream.numbers() == [4, 5, 6], "what is raised from now on")
        wait_for(lambda: behind.numbers() == [2, 3, 4, 5, 6], "what stands behind the last id")
        wait_for(lambda: only.numbers() == [6], "what the filter admits")
        before = time.monotonic()
        for first in range(1000, 7000, 1000):
            raise_alerts(server, first, first + 999, card="c3")
        wait_for(lambda: len(behind.numbers()) == 6005, "thousands")
        assert time.monotonic() - before < LIMIT_S / 2
        assert behind.numbers() == list(range(2, 6007))
        listed = expect(200, server.ask("GET", "/v1/alerts?limit=1"))["alerts"][0]
        assert behind.events[-1][2] == listed["alert"]
        assert Stream(server, last_id="x").status == 400
        slow.close()
        for one in (stream, behind, only):
            one.close()
        server.kill()
    with Server(rules=None) as server:
        again = Stream(server, last_id=6000)
        wait_for(lambda: len(again.events) == 6, "what is left")
        assert again.numbers() == list(range(6001, 6007))
        again.close()
        server.end()  # a stream that is open does not hold it up
    # Retention takes all: a stream says so.
    with Server(rules=None, options=(*TIMELESS, "--retention-alerts-bytes", "1", "--alerts-stream-heartbeat", "100ms",
                                     "--alerts-streams-max", "1")) as server:
        wait_for(lambda: not expect(200, server.ask("GET", "/v1/alerts"))["alerts"], "retention")
        gap = Stream(server, last_id=42)
        wait_for(lambda: gap.events and gap.comments > 2, "the gap, then heartbeats")
        assert gap.events == [(6006, "gap", {"from": 43, "to": 6006})]
        full = server.ask("GET", "/v1/alerts/stream")
        assert full.problem() == "unavailable" and full.headers["Retry-After"]
        gap.close()


@case
def triage():
    """what people make of alerts survives kill -9, once it was answered"""
    with Server() as server:
        raise_alerts(server, 1, 6)
        ids = [hit["alert"]["id"] for hit in expect(200, server.ask("GET", "/v1/alerts?order=oldest"))["alerts"]]
    done = []
    actions = [("assign", {"assignee": "bob"}), ("confirm", {"comment": "called"}), ("dismiss", {}), ("confirm", {}), ("close", {})]
    for alert, (action, more) in zip(ids, actions):
        with Server(rules=None) as server:
            answer = server.ask("POST", f"/v1/alerts/{alert}/triage", {"action": action, **more})
            server.process.kill()
            done.append(expect(200, answer))
    with Server(rules=None) as server:
        for alert, expected in zip(ids, done):
            assert expect(200, server.ask("GET", f"/v1/alerts/{alert}/triage")) == expected
        assert [one["state"] for one in done] == ["assigned", "confirmed", "dismissed", "confirmed", "closed"]
        assert done[1]["history"][0]["who"] == "admin" and done[1]["history"][0]["comment"] == "called"
        assert page_through(server, "status=confirmed") == [4, 2]
        assert page_through(server, "status=open") == [6]
        refused = server.ask("POST", f"/v1/alerts/{ids[4]}/triage", {"action": "dismiss"})
        assert refused.problem() == "conflict" and refused.json["allowed"] == ["reopen"]
        assert expect(200, server.ask("GET", "/v1/rules/large/precision")) == {
            "rule": "large", "confirmed": 2, "dismissed": 1, "precision": 2 / 3}
        # Two writers with one version.
        path = f"/v1/alerts/{ids[5]}/triage"
        tag = server.ask("GET", path).headers["ETag"]
        first = server.ask("POST", path, {"action": "assign"}, headers={"If-Match": tag})
        second = server.ask("POST", path, {"action": "dismiss"}, headers={"If-Match": tag})
        assert first.status == 200 and second.problem() == "stale"


def subscribe(server, url, **settings):
    return expect(201, server.ask("POST", "/v1/subscriptions", {"url": url, **settings}))


def shown(server, subscription, more=""):
    return expect(200, server.ask("GET", f"/v1/subscriptions/{subscription['id']}{more}"))


def check_signatures(endpoint, secret):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    for _, _, headers, body in endpoint.requests:
        good = signature(headers["webhook-id"], headers["webhook-timestamp"], body, key)
        assert good in headers["webhook-signature"].split(" "), headers


def first_time(endpoint, number):
    """Whether the request is the first one with its id."""
    ids = endpoint.ids()
    return ids[number] not in ids[:number]


@case
def receivers():
    """subscriptions deliver to receivers that behave, and to others what can be; each alert under one id"""
    with contextlib.ExitStack() as stack:
        elsewhere = stack.enter_context(Endpoint(lambda _: (200, {})))
        well = stack.enter_context(Endpoint(lambda _: (200, {})))
        shaky = stack.enter_context(Endpoint(lambda number: (500 if first_time(shaky, number) else 200, {})))
        away = stack.enter_context(Endpoint(lambda _: (302, {"Location": elsewhere.url})))
        gone = stack.enter_context(Endpoint(lambda _: (410, {})))
        hanging = stack.enter_context(Endpoint(lambda _: None))
        refusing = stack.enter_context(contextlib.closing(socket.socket()))
        refusing.bind(("127.0.0.1", 0))
        server = stack.enter_context(Server(options=LOCAL))
        made = {name: subscribe(server, one.url, name=name)
                for name, one in (("well", well), ("shaky", shaky), ("away", away), ("gone", gone), ("hanging", hanging))}
        made["refusing"] = subscribe(server, f"http://127.0.0.1:{refusing.getsockname()[1]}/", name="refusing")
        raise_alerts(server, 1, 1)
        alerts = expect(200, server.ask("GET", "/v1/alerts"))["alerts"]
        wait_for(lambda: shown(server, made["well"])["owed"] == 0, "what answers")
        wait_for(lambda: shown(server, made["shaky"])["owed"] == 0, "what answers the second time")
        for endpoint, name in ((well, "well"), (shaky, "shaky")):
            check_signatures(endpoint, made[name]["secret"])
            assert {json.loads(body)["id"] for body in endpoint.bodies()} == {hit["alert"]["id"] for hit in alerts}
            assert len(set(endpoint.ids())) == 1
        wait_for(lambda: shown(server, made["gone"])["status"] == "disabled", "410")
        assert len(gone.requests) == 1
        health = expect(200, server.ask("GET", "/v1/health"))
        assert health["ready"] and health["status"] == "warning", health
        disabled = [cause for cause in health["causes"] if cause["code"] == "delivery_disabled"]
        assert [cause["subject"] for cause in disabled] == [made["gone"]["id"]] and "/resume" in disabled[0]["remedy"], health
        again = expect(200, server.ask("GET", "/v1/health"))
        since = [cause["since"] for cause in disabled + again["causes"] if cause["code"] == "delivery_disabled"]
        assert len(since) == 2 and since[0] == since[1], (health, again)
        # Who is limited to tags is not told of endpoints.
        limited = expect(201, server.ask("POST", "/v1/tokens", {"name": "limited", "role": "reader", "tags": ["x"]}))["token"]
        seen = expect(200, server.ask("GET", "/v1/health", token=limited))
        assert not [cause for cause in seen["causes"] if "subject" in cause] and seen["hidden"] >= 1, seen
        wait_for(lambda: len(shown(server, made["away"], "/dead")["dead"]) == 1, "what is redirected")
        wait_for(lambda: len(shown(server, made["refusing"], "/dead")["dead"]) == 1, "what refuses")
        assert not elsewhere.requests
        has(json.dumps(shown(server, made["refusing"], "/deliveries")), "refused")
        # While one hangs, others are served at once.
        assert hanging.requests
        assert shown(server, made["hanging"])["oldest_waiting"] == min(hit["stored_at"] for hit in alerts)
        assert "oldest_waiting" not in shown(server, made["well"])
        before = len(well.requests)
        began = time.monotonic()
        raise_alerts(server, 11, 40)
        wait_for(lambda: len(well.requests) == before + 30, "those that answer")
        assert time.monotonic() - began < 10
        notices = expect(200, server.ask("GET", "/v1/notices"))["notices"]
        kinds = {(notice["kind"], notice["subject"]) for notice in notices}
        assert ("endpoint_gone", made["gone"]["id"]) in kinds and ("delivery_exhausted", made["away"]["id"]) in kinds
        detail = expect(200, server.ask("GET", f"/v1/alerts/{alerts[0]['alert']['id']}"))
        states = {one["subscription"]: one["state"] for one in detail["deliveries"]}
        assert states[made["well"]["id"]] == "delivered" and states[made["away"]["id"]] == "dead"
        # The redirecting one is mended, and gets what failed.
        path = f"/v1/subscriptions/{made['away']['id']}"
        tag = server.ask("GET", path).headers["ETag"]
        assert server.ask("PATCH", path, {"url": elsewhere.url}).problem() == "precondition-required"
        expect(200, server.ask("PATCH", path, {"url": elsewhere.url}, headers={"If-Match": tag}))
        expect(202, server.ask("POST", path + "/redeliver", {"failed_since": "2020-01-01T00:00:00Z"}))
        wait_for(lambda: shown(server, made["away"])["owed"] == 0, "what had failed")
        assert set(elsewhere.ids()) >= set(away.ids())  # under the same ids
        server.end()
        has(server.said, "was given up", "answered 410")


def signed_by(request, secrets):
    """Which of the secrets a request's signatures are of, and that there are no others."""
    _, _, headers, body = request
    signatures = headers["webhook-signature"].split(" ")
    keys = {name: base64.b64decode(secret.removeprefix("whsec_")) for name, secret in secrets.items()}
    of = {name: signature(headers["webhook-id"], headers["webhook-timestamp"], body, key) for name, key in keys.items()}
    assert set(signatures) <= set(of.values()), signatures
    return {name for name, one in of.items() if one in signatures}


@case
def rotated_twice():
    """a second rotation of a secret keeps the first until its own end, over kill -9"""
    with Endpoint(lambda _: (200, {})) as endpoint:
        with Server(options=LOCAL) as server:
            made = subscribe(server, endpoint.url)
            path = f"/v1/subscriptions/{made['id']}/secret"
            secrets = {"first": made["secret"]}
            secrets["second"] = expect(200, server.ask("POST", path, {"overlap": "1h"}))["secret"]
            rotated = expect(200, server.ask("POST", path, {"overlap": "2h"}))
            secrets["third"] = rotated["secret"]
            until = rotated["secrets_before_until"]
            assert len(until) == 2 and until[0] == rotated["secret_before_until"] > until[1], rotated
            server.kill()
        with Server(rules=None, options=LOCAL) as server:
            raise_alerts(server, 1, 1)
            wait_for(lambda: endpoint.requests, "the alert")
            assert signed_by(endpoint.requests[0], secrets) == {"first", "second", "third"}
            for number in range(7):
                expect(200, server.ask("POST", path, {"overlap": "24h"}))
            full = server.ask("POST", path, {"overlap": "24h"})
            assert full.problem() == "conflict" and "0s" in full.json["detail"], full
            expect(200, server.ask("POST", path, {"overlap": "0s"}))


@case
def revoked_stream():
    """a live stream ends within a second after its token was revoked, and one of a token that is still known goes on"""
    with Server() as server:
        reader = expect(201, server.ask("POST", "/v1/tokens", {"name": "ann", "role": "reader"}))["token"]
        revoked, kept = Stream(server, token=reader), Stream(server)
        raise_alerts(server, 1, 1)
        wait_for(lambda: kept.numbers() == [1] == revoked.numbers(), "the first alert")
        expect(204, server.ask("DELETE", "/v1/tokens/ann"))
        # A token of the same name is another one.
        expect(201, server.ask("POST", "/v1/tokens", {"name": "ann", "role": "reader"}))
        revoked.thread.join(5)  # a second, and what a busy machine adds
        assert not revoked.thread.is_alive(), "the stream went on"
        raise_alerts(server, 2, 2)
        wait_for(lambda: kept.numbers() == [1, 2], "the second alert")
        assert revoked.numbers() == [1]
        revoked.close()
        kept.close()


@case
def there_when_answered():
    """alerts and dead letters of events that were answered are there at once for who asks"""
    with Server() as server:
        for number in range(1, 40):
            answer = expect(200, server.send([payment(number, "a", 150), {"type": "payment", "ts": "x"}]))
            assert answer["accepted"] == 1 and answer["invalid"] == 1, answer
            dead = expect(200, server.ask("GET", "/v1/dead?limit=1000"))["items"]
            assert len(dead) == number, f"{len(dead)} dead letters of {number}"
            alerts = expect(200, server.ask("GET", "/v1/alerts?limit=1000"))["alerts"]
            assert len(alerts) == number, f"{len(alerts)} alerts of {number}"
            if number % 10 == 0:
                exported = server.ask("GET", "/v1/alerts/export").text
                assert exported.count("\n") == number, exported
        expect(200, server.ask("POST", "/v1/dead/reinject"))
        assert len(expect(200, server.ask("GET", "/v1/dead?limit=1000"))["items"]) == 78


@case
def one_subscription():
    """a subscription's secret changes with both signatures, over kill -9; payload, headers, order, pause and redelivery hold"""
    with Endpoint(lambda _: (200, {})) as endpoint:
        with Server(options=LOCAL) as server:
            made = subscribe(server, endpoint.url, payload="cloudevents", headers={"X-Team": "fraud"}, in_order=True)
            secrets, path = {"first": made["secret"]}, f"/v1/subscriptions/{made['id']}"
            raise_alerts(server, 1, 5)
            wait_for(lambda: len(endpoint.requests) == 5, "five alerts")
            envelopes = [json.loads(body) for body in endpoint.bodies()]
            assert [one["data"]["id"] for one in envelopes] == [
                hit["alert"]["id"] for hit in expect(200, server.ask("GET", "/v1/alerts?order=oldest"))["alerts"]]
            for (_, _, headers, _), one in zip(endpoint.requests, envelopes):
                assert one["specversion"] == "1.0" and one["id"] and one["source"] and one["type"], one
                assert headers["Content-Type"].startswith("application/cloudevents+json"), headers
                assert headers["X-Team"] == "fraud"
            assert signed_by(endpoint.requests[0], secrets) == {"first"}
            secrets["second"] = expect(200, server.ask("POST", path + "/secret", {"overlap": "1h"}))["secret"]
            assert "secret" not in shown(server, made)
            raise_alerts(server, 6, 6)
            wait_for(lambda: len(endpoint.requests) == 6, "the sixth")
            assert signed_by(endpoint.requests[5], secrets) == {"first", "second"}
            server.kill()
        with Server(rules=None, options=LOCAL) as server:
            raise_alerts(server, 7, 7)
            # The sixth comes once more where the server had not noted yet that it arrived.
            seventh = expect(200, server.ask("GET", "/v1/alerts?limit=1"))["alerts"][0]["alert"]["id"]
            wait_for(lambda: any(json.loads(body)["data"]["id"] == seventh for body in endpoint.bodies()), "the seventh")
            sent = len(endpoint.requests)
            assert sent <= 8 and all(signed_by(one, secrets) == {"first", "second"} for one in endpoint.requests[6:])
            wait_for(lambda: shown(server, made)["owed"] == 0, "its end")
            secrets["third"] = expect(200, server.ask("POST", path + "/secret", {"overlap": "0s"}))["secret"]
            expect(200, server.ask("POST", path + "/pause"))
            raise_alerts(server, 8, 9)
            assert shown(server, made)["owed"] == 2 and len(endpoint.requests) == sent
            expect(200, server.ask("POST", path + "/resume"))
            wait_for(lambda: len(endpoint.requests) == sent + 2, "what waited")
            assert signed_by(endpoint.requests[-1], secrets) == {"third"}
            first = envelopes[0]["data"]["id"]
            expect(202, server.ask("POST", path + "/redeliver", {"alert": first}))
            wait_for(lambda: len(endpoint.requests) == sent + 3, "the first once more")
            assert endpoint.ids()[-1] == endpoint.ids()[0] and json.loads(endpoint.bodies()[-1])["data"]["id"] == first
            log = shown(server, made, "/deliveries")["deliveries"]
            assert log[0]["status"] == 200 and "latency_ms" in str(log[0]), log[0]
            server.end()


@case
def killed_while_delivering():
    """after kill -9 every alert that was raised arrives, under one id, also what was raised last"""
    with Remembering() as endpoint:
        endpoint.status = lambda number: 200 if number % 3 == 0 else 503
        secret = None
        sent = 0
        for life in range(4):
            with Server(options=PATIENT, **({"rules": None} if life else {})) as server:
                if not life:
                    secret = subscribe(server, endpoint.url)["secret"]
                raise_alerts(server, sent + 1, sent + 20)
                sent += 20
                wait_for(lambda: endpoint.requests, "a request")
                server.kill()
        endpoint.status = lambda number: 200
        with Server(rules=None, options=PATIENT) as server:
            ids = {line["id"] for line in json_lines(server.ask("GET", "/v1/alerts/export").text)}
            assert len(ids) == 80
            wait_for(lambda: {json.loads(request[3])["id"] for request, status in zip(endpoint.requests, endpoint.answers)
                              if status == 200} == ids, "all alerts")
            check_signatures(endpoint, secret)
            by_alert = {}
            for _, _, headers, body in endpoint.requests:
                by_alert.setdefault(json.loads(body)["id"], set()).add(headers["webhook-id"])
            assert all(len(used) == 1 for used in by_alert.values())


@case
def private_addresses():
    """webhooks go to no private address unless the configuration says so, whatever name leads there"""
    with Endpoint(lambda _: (200, {})) as endpoint:
        with Server() as server:
            for url in (endpoint.url, "http://[::1]:1/", "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data"):
                refused = server.ask("POST", "/v1/subscriptions", {"url": url})
                assert refused.problem() == "bad-body", refused
                has(refused.json["detail"], "webhooks.allow")
            named = subscribe(server, endpoint.url.replace("127.0.0.1", "localhost"))
            tested = expect(200, server.ask("POST", f"/v1/subscriptions/{named['id']}/test"))
            assert not tested["delivered"]
            has(tested["error"], "not of the public Internet")
            assert not endpoint.requests


run_cases()
