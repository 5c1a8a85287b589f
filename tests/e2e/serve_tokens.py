#!/usr/bin/env python3
"""End-to-end cases of tokens: what each role may do, when a token ends, and what a rotation does.

    serve_tokens.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import json
import re
import time
import urllib.parse

from endpoint import Remembering
from harness import case, has, payment, run_cases, tocsin, wait_for
from server_process import TIMELESS, Server

# What each role may do of what operations need: written here once more, and not read from anywhere.
MAY = {
    "producer": {"producer"},
    "reader": {"reader"},
    "approver": {"reader", "approver"},
    "analyst": {"reader", "analyst"},
    "author": {"reader", "analyst", "author"},
    "operator": {"producer", "reader", "approver", "analyst", "author", "operator"},
    "admin": {"producer", "reader", "approver", "analyst", "author", "operator", "admin"},
}


def make(server, name, role, **more):
    made = server.ask("POST", "/v1/tokens", {"name": name, "role": role, **more})
    assert made.status == 201, made
    return made.json["token"]


def status_of(server, method, path, token):
    """The status alone: a stream never ends."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status
    finally:
        connection.close()


@case
def _():
    """roles: each operation against each role and nobody, none deviates from the table"""
    with Server("--rollout-approvals", "1") as server:
        tokens = {role: make(server, f"an-{role}", role) for role in MAY}
        asked = 0
        for path, operations in server.ask("GET", "/openapi.json").json["paths"].items():
            for method, operation in operations.items():
                needs = operation["x-role"]
                # No such thing: whoever may, is told so, or that a body is missing.
                place = re.sub(r"\{\w+\}", "0", path)
                if operation["operationId"] == "getProfile":
                    place += "?limit=0"  # refused at once, and not measured for seconds
                for role, token in {"nobody": None, **tokens}.items():
                    status = status_of(server, method.upper(), place, token)
                    asked += 1
                    if needs == "open":
                        assert status not in (401, 403), (method, path, role, status)
                    elif role == "nobody":
                        assert status == 401, (method, path, role, status)
                    else:
                        is_refused = status in (401, 403)
                        assert is_refused == (needs not in MAY[role]), (method, path, role, needs, status)
        assert asked > 76 * 8, asked
        server.end()


@case
def _():
    """roles: an author's files wait for an approver, who changes nothing; without approvals an author may not"""
    with Server("--rollout-approvals", "1") as server:
        ann, bob = make(server, "ann", "author"), make(server, "bob", "approver")
        pack = server.ask("GET", "/v1/pack", token=ann)
        files = {path: text.replace("amount > 100", "amount > 101") for path, text in pack.json["files"].items()}
        etag = {"If-Match": pack.headers["ETag"]}
        assert server.ask("PUT", "/v1/pack", {"files": files}, token=bob, headers=etag).problem() == "forbidden"
        waits = server.ask("PUT", "/v1/pack", {"files": files}, token=ann, headers=etag)
        assert waits.status == 202, waits
        change = waits.json["change"]
        assert server.ask("POST", f"/v1/changes/{change}/approval", token=ann).problem() == "forbidden"
        assert server.ask("POST", f"/v1/changes/{change}/approval", token=bob).status == 200
        assert server.ask("GET", "/v1/pack").json["files"] == files
        server.end()
    with Server(rules=None) as server:
        pack = server.ask("GET", "/v1/pack", token=ann)
        refused = server.ask("PUT", "/v1/pack", {"files": pack.json["files"]}, token=ann, headers={"If-Match": "*"})
        assert refused.problem() == "forbidden"
        has(refused.json["detail"], "rollout.approvals")
        server.end()


# What operations keep to, written once more; every other one refuses tokens with limits.
ALL = {"tags", "types"}
KEPT = {"postEvents": ALL, "listAlerts": ALL, "countAlerts": ALL, "exportAlerts": ALL, "streamAlerts": ALL, "stream": ALL, "getAlert": ALL,
        "getTriage": ALL, "changeTriage": ALL, "changeTriageOfAll": ALL, "listRules": ALL, "getRule": ALL, "explainRule": ALL, "getVersion": ALL,
        "listAuditEntries": ALL, "getOpenapi": ALL, "getHealth": ALL, "getMe": ALL, "compareRule": ALL, "beginSession": ALL, "endSession": ALL,
        "listViews": ALL, "createView": ALL, "getView": ALL, "putView": ALL, "deleteView": ALL, "listKeyEvents": {"types"},
        "listSilences": {"tags"}, "createSilence": {"tags"}, "previewSilence": {"tags"}, "getSilence": {"tags"}, "endSilence": {"tags"}}
TAGGED = """\
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
event login { ts: time, id: string id, card: string }

rule large "A large payment" {
  by card
  tags cards, retail
  when payment as p where amount > 100
  alert "large"
}

rule entered "A payment after a login" {
  by card
  tags cards
  when login as l then payment as p within 1h
  alert "entered"
}

rule others "Any payment" {
  by card
  tags others
  when payment as p
  alert "any"
}

rule untagged "Any payment" {
  by card
  when payment as p
  alert "any"
}
"""


@case
def _():
    """scopes: each operation against tokens with limits: those that do not keep to them refuse, as the document says"""
    with Server() as server:
        scopes = {frozenset({"tags"}): {"tags": ["cards"]}, frozenset({"types"}): {"types": ["payment"]},
                  frozenset(ALL): {"tags": ["cards"], "types": ["payment"]}}
        tokens = {limits: make(server, f"t{number}", "admin", **scope) for number, (limits, scope) in enumerate(scopes.items())}
        for path, operations in server.ask("GET", "/openapi.json").json["paths"].items():
            for method, operation in operations.items():
                name = operation["operationId"]
                kept = KEPT.get(name, set())
                if operation["x-role"] == "open":
                    continue
                assert set(operation["x-scopes"]) == kept, (name, operation["x-scopes"])
                for limits, token in tokens.items():
                    status = status_of(server, method.upper(), re.sub(r"\{\w+\}", "0", path), token)
                    assert (status == 403) == (not limits <= kept), (name, limits, status)
        has(server.ask("GET", "/v1/state", token=tokens[frozenset(ALL)]).json["detail"], "limited to the tag cards and the type payment")
        assert server.ask("GET", "/v1/audit?result=refused").json["entries"], "refusals are entries"
        server.end()


@case
def _():
    """scopes: a limited token is shown alerts and rules of its tags and types alone, whichever way it asks"""
    def rules_of(alerts):
        return sorted({alert["rule"] for alert in alerts})
    with Server(rules=TAGGED) as server:
        server.send([{"type": "login", "ts": payment(1)["ts"], "id": "l1", "card": "b"}, payment(2, "a", 150), payment(3, "b", 1)])
        shown = {"tags": (make(server, "tags", "analyst", tags=["cards", "none"]), ["entered", "large"]),
                 "types": (make(server, "types", "analyst", types=["payment"]), ["large", "others", "untagged"]),
                 "both": (make(server, "both", "analyst", tags=["retail", "others"], types=["payment"]), ["large", "others"]),
                 "other": (make(server, "other", "analyst", tags=["none"]), [])}
        every = server.ask("GET", "/v1/alerts").json["alerts"]
        assert rules_of(one["alert"] for one in every) == ["entered", "large", "others", "untagged"]
        for name, (token, rules) in shown.items():
            listed = server.ask("GET", "/v1/alerts", token=token).json["alerts"]
            assert rules_of(one["alert"] for one in listed) == rules, (name, listed)
            exported = server.ask("GET", "/v1/alerts/export", token=token).text.splitlines()
            assert rules_of(map(json.loads, exported)) == rules, (name, exported)
            streamed = stream_of(server, token, len([one for one in every if one["alert"]["rule"] in rules]))
            assert rules_of(streamed) == rules, (name, streamed)
            for one in every:
                place = f"/v1/alerts/{one['alert']['id']}"
                expected = 200 if one["alert"]["rule"] in rules else 404
                comment = {"action": "comment", "comment": "seen"}
                for method, path, body in (("GET", place, None), ("GET", place + "/triage", None), ("POST", place + "/triage", comment)):
                    assert server.ask(method, path, body, token=token).status == expected, (name, method, path)
            outcomes = server.ask("POST", "/v1/alerts/triage", {"alerts": [{"id": one["alert"]["id"]} for one in every], **comment}, token=token)
            assert [one["status"] for one in outcomes.json["alerts"]] == [200 if one["alert"]["rule"] in rules else 404 for one in every], name
        token = shown["tags"][0]
        assert [rule["id"] for rule in server.ask("GET", "/v1/rules", token=token).json["rules"]] == ["large", "entered"]
        for rule in ("large", "others", "untagged", "nothing"):
            for path in ("", "/explain"):
                assert server.ask("GET", f"/v1/rules/{rule}{path}", token=token).status == (200 if rule == "large" else 404), rule
        assert "large" not in server.ask("GET", "/v1/rules/larg", token=shown["other"][0]).json["detail"]
        # A cursor is of the scope that it was made in.
        cursor = server.ask("GET", "/v1/alerts?limit=1").json["next"]
        assert server.ask("GET", f"/v1/alerts?limit=1&cursor={cursor}", token=token).problem() == "bad-parameter"
        server.end()


@case
def _():
    """scopes: a limited token sends events of its types alone, a whole body or nothing; over a start too"""
    with Server(rules=TAGGED) as server:
        till = make(server, "till", "producer", types=["payment"])
        made = server.ask("GET", "/v1/tokens").json["tokens"]
        assert next(one for one in made if one["name"] == "till")["types"] == ["payment"]
        server.end()
    with Server(rules=None) as server:
        assert server.send([payment(1), payment(2)], token=till).status == 200
        login = {"type": "login", "ts": payment(3)["ts"], "id": "l", "card": "c1"}
        for other, said in ((login, "line 3 is an event of the type login"), ({"ts": 1}, "line 3 has no type that can be read")):
            refused = server.send([payment(3), payment(4), other], token=till)
            assert refused.problem() == "forbidden"
            has(refused.json["detail"], said, "no event was taken")
        event = {"specversion": "1.0", "id": "l", "source": "s", "type": "login", "data": {"type": "payment", "card": "c1"}}
        assert server.send(json.dumps(event), token=till, media="application/cloudevents+json").problem() == "forbidden"
        assert server.ask("POST", "/v1/events", [payment(5)], token=till).status == 200
        answer = server.send([payment(6, "z", 150)], "?wait=alerts", token=make(server, "pos", "operator", tags=["retail"]))
        assert [alert["rule"] for alert in answer.json["alerts"]] == ["large"], answer
        wait_for(lambda: server.metric("intake_events_total") == 4, "the count of events")
        for body in ({"tags": []}, {"types": "payment"}, {"tags": [1]}, {"tags": [""]}, {"types": ["x" * 201]}):
            assert server.ask("POST", "/v1/tokens", {"name": "x", "role": "reader", **body}).problem() == "bad-body", body
        server.end()


@case
def _():
    """scopes: a limited token silences alerts of its tags alone, and neither sees nor ends other silences"""
    with Server(rules=TAGGED) as server:
        token = make(server, "cards", "analyst", tags=["cards", "retail"])
        wanted = {"until": "2100-01-01T00:00:00Z", "reason": "a test"}
        for filter_ in ({"rules": ["large"]}, {"tags": ["others"]}, {"tags": ["cards", "others"]}, {"key": {"card": "a"}}):
            refused = server.ask("POST", "/v1/silences", {"filter": filter_, **wanted}, token=token)
            assert refused.problem() == "forbidden", filter_
        own = server.ask("POST", "/v1/silences", {"filter": {"tags": ["cards"]}, **wanted}, token=token)
        assert own.status == 201, own
        other = server.ask("POST", "/v1/silences", {"filter": {"rules": ["entered"]}, **wanted}).json["id"]
        assert [one["id"] for one in server.ask("GET", "/v1/silences", token=token).json["silences"]] == [own.json["id"]]
        for method in ("GET", "DELETE"):
            assert server.ask(method, f"/v1/silences/{other}", token=token).problem() == "not-found"
        assert server.ask("DELETE", f"/v1/silences/{own.json['id']}", token=token).status == 200
        assert server.ask("GET", f"/v1/silences/{other}").json["state"] == "active"
        server.end()


def stream_of(server, token, count):
    """So many alerts of a stream from its beginning on; none: what comes until its first heartbeat or gap."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/v1/alerts/stream?after=0", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200
    alerts = []
    begun = time.monotonic()
    while len(alerts) < count and time.monotonic() - begun < 30:
        line = answer.readline().decode()
        if line.startswith("data: ") and '"rule"' in line:
            alerts.append(json.loads(line.removeprefix("data: ")))
    connection.close()
    return alerts


def stream_ends(server, token, act, **headers):
    """Whether a live stream of a token, or of other headers, ends soon after what `act` does; else it would stay."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/v1/alerts/stream", headers=headers or {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200
    act()
    began = time.monotonic()
    while answer.read1(4096):
        pass
    connection.close()
    return time.monotonic() - began < 10  # within a second on a machine that has nothing else to do


PERSONAL = """\
event payment { ts: time, id: string id, card: string pii, holder: string? pii, amount: decimal(2) }

feature holders = distinct(holder of payment) by card over last 1h

rule large "A large payment" {
  by card
  when payment as p where amount > 100
  alert "{p.holder} pays {p.amount}" { who: p.holder, amount: p.amount, holders: holders }
}

rule round "A round payment" {
  by card
  when payment as p where amount = 200
  alert "{p.amount}" { amount: p.amount }
}
"""
SECRETS = ("4111222233334444", "Ada Lovelace")


def is_masked(text):
    assert "\u2022\u2022\u2022" in text, text
    return not any(secret in text for secret in SECRETS)


@case
def _():
    """privacy: fields marked pii are masked by role wherever alerts and events are read; reads are entries; a mark stays"""
    with Server(rules=PERSONAL) as server:
        reader, analyst = make(server, "reader", "reader"), make(server, "analyst", "analyst")
        tokens = {"reader": reader, "approver": make(server, "approver", "approver"),
                  "blind": make(server, "blind", "admin", pii=False), "analyst": analyst,
                  "seeing": make(server, "seeing", "reader", pii=True), "operator": make(server, "op", "operator")}
        assert {one["name"]: one.get("pii") for one in server.ask("GET", "/v1/tokens").json["tokens"]}["seeing"] is True
        assert server.ask("POST", "/v1/tokens", {"name": "x", "role": "reader", "pii": "yes"}).problem() == "bad-body"
        raised = server.send([payment(1, SECRETS[0], 200, holder=SECRETS[1], id="e1")], "?wait=alerts&timeout=5s",
                             token=make(server, "till", "producer"))
        assert is_masked(raised.text) and len(raised.json["alerts"]) == 2, raised
        server.send('{"type": "payment", "ts": 1, "card": "%s"' % SECRETS[0])
        wait_for(lambda: server.ask("GET", "/v1/dead").json["items"], "the dead letter")
        own = server.ask("GET", "/v1/alerts").json["alerts"]
        large = next(one["alert"] for one in own if one["alert"]["rule"] == "large")
        shown = {}
        for name, token in tokens.items():
            sees = name in ("analyst", "seeing", "operator")
            for path in ("/v1/alerts", f"/v1/alerts/{large['id']}", "/v1/alerts/export", "/v1/alerts/export?format=csv",
                         "/v1/dead"):
                text = server.ask("GET", path, token=token).text
                assert (SECRETS[0] in text) if sees else is_masked(text), (name, path, text)
            streamed = {alert["rule"]: alert for alert in stream_of(server, token, 2)}["large"]
            shown[name] = server.ask("GET", f"/v1/alerts/{large['id']}", token=token).json["alert"]
            assert streamed == shown[name], (name, streamed)
            for path in (*(f"/v1/keys/card={SECRETS[0]}{what}" for what in ("", "/history", "/events", "/entries")), f"/v1/trace?key=card={SECRETS[0]}"):
                assert server.ask("GET", path, token=token).status == (200 if sees else 403), (name, path)
        assert shown["analyst"] == large and shown["reader"] == shown["blind"]
        masked = shown["reader"]
        assert masked["fields"]["amount"] == 200 and masked["fields"]["holders"] == 1, masked
        assert masked["fields"]["who"] == masked["events"][0]["fields"]["holder"] != masked["key"]["card"], masked
        assert {"id", "rule", "title", "time", "severity", "score"} <= {name for name in large if masked[name] == large[name]}
        other = next(one["alert"] for one in server.ask("GET", "/v1/alerts?rule=round", token=reader).json["alerts"])
        assert other["message"] == "200.00" and other["key"] == masked["key"], other
        # They ask for a card by its mark, else they would find out for which card it stands.
        for card, token, count in ((SECRETS[0], reader, 0), (masked["key"]["card"], reader, 2), (SECRETS[0], analyst, 2),
                                   (masked["key"]["card"], analyst, 0)):
            by_card = server.ask("GET", "/v1/alerts?key=card=" + urllib.parse.quote(card), token=token)
            assert len(by_card.json["alerts"]) == count, (card, by_card)
            assert (SECRETS[0] in by_card.text) == (token == analyst and count == 2), (card, by_card)
        # Words are sought in what they are shown, else they would find a value part by part.
        for words, token, count in ((SECRETS[0][:5], reader, 0), (SECRETS[1][:3], reader, 0), (SECRETS[0][:5], analyst, 2),
                                    (masked["key"]["card"], reader, 2)):
            found = server.ask("GET", "/v1/alerts?text=" + urllib.parse.quote(words), token=token)
            assert len(found.json["alerts"]) == count, (words, found)
            counts = server.ask("GET", "/v1/alerts/facets?text=" + urllib.parse.quote(words), token=token)
            assert counts.json["total"] == count, (words, counts)
        reads = [(one["actor"], one["action"]) for one in server.ask("GET", "/v1/audit").json["entries"] if one.get("pii")]
        for action in ("listAlerts", "getAlert", "exportAlerts", "streamAlerts", "listDead", "getKey", "getKeyHistory",
                       "listKeyEvents", "listKeyEntries", "traceKey"):
            assert ("analyst", action) in reads and ("seeing", action) in reads, (action, reads)
        assert {actor for actor, _ in reads} == {"admin", "analyst", "seeing", "op"}, reads
        # A report goes from hand to hand.
        assert server.ask("POST", "/v1/backtests", {"files": server.ask("GET", "/v1/pack").json["files"]}, token=analyst).status == 202
        wait_for(lambda: server.ask("GET", "/v1/backtests/1").json["state"] == "done", "the backtest")
        report = server.ask("GET", "/v1/backtests/1/report")
        samples = {rule["rule"]: rule["samples"] for rule in report.json["backtest"]["rules"]}
        assert samples["large"][0]["key"] == masked["key"] and len(samples["round"]) == 1, samples
        for form in ("json", "text", "html"):
            assert is_masked(server.ask("GET", f"/v1/backtests/1/report?format={form}", token=analyst).text), form
        # An author that takes the marks off shows nothing by it.
        pack = server.ask("GET", "/v1/pack")
        files = {path: text.replace(" pii", "") for path, text in pack.json["files"].items()}
        done = server.ask("PUT", "/v1/pack", {"files": files}, headers={"If-Match": pack.headers["ETag"]})
        assert done.status == 200, done
        server.send([payment(2, SECRETS[0], 200, holder=SECRETS[1], id="e2")], "?wait=alerts&timeout=5s")
        again = server.ask("GET", "/v1/alerts?rule=large", token=reader)
        assert len(again.json["alerts"]) == 2 and is_masked(again.text)
        server.end()
    has(tocsin("alerts", "--data", "data").out, *SECRETS)  # what is stored is whole
    with Server("--privacy-roles", "admin,analyst", "--privacy-released", "payment.holder", rules=None) as server:
        now = server.ask("GET", f"/v1/alerts/{large['id']}", token=reader).json["alert"]
        assert now["fields"]["who"] == SECRETS[1] and now["key"] == masked["key"], now
        assert server.ask("GET", f"/v1/alerts/{large['id']}", token=tokens["operator"]).json["alert"]["key"] == masked["key"]
        server.end()


@case
def _():
    """privacy: webhooks get marks, unless an admin says otherwise, with each change; keys and conditions of filters are masked"""
    options = (*TIMELESS, "--webhooks-allow", "127.0.0.1")
    with Remembering() as masked, Remembering() as grouped, Remembering() as whole, Server(rules=PERSONAL, options=options) as server:
        reader, analyst = make(server, "reader", "reader"), make(server, "analyst", "analyst")
        blind = make(server, "blind", "analyst", pii=False)
        key = {"key": {"card": SECRETS[0]}}
        assert server.ask("POST", "/v1/subscriptions", {"url": whole.url, "pii": True}, token=analyst).problem() == "forbidden"
        made = server.ask("POST", "/v1/subscriptions", {"url": whole.url, "pii": True, "filter": {"rules": ["large"]}})
        path = f"/v1/subscriptions/{made.json['id']}"
        etag = {"If-Match": made.headers["ETag"]}
        assert server.ask("PATCH", path, {"url": masked.url}, headers=etag).problem() == "bad-body"
        for change in ({"url": masked.url}, {"pii": False}):
            assert server.ask("PATCH", path, change, token=analyst, headers=etag).problem() == "forbidden"
        assert server.ask("PATCH", path, {"name": "x", "pii": True}, headers=etag).json["pii"] is True
        assert server.ask("POST", "/v1/subscriptions", {"url": masked.url, "filter": key}, token=analyst).json["pii"] is False
        group = {"by": ["card"], "wait": "0s"}
        assert server.ask("POST", "/v1/subscriptions", {"url": grouped.url, "group": group}, token=analyst).status == 201
        condition = {"filter": {"condition": 'card > "4"'}}
        silence = {"until": "2100-01-01T00:00:00Z", "reason": "a test"}
        assert server.ask("POST", "/v1/silences", {**condition, **silence}, token=blind).problem() == "forbidden"
        assert server.ask("POST", "/v1/subscriptions", {"url": masked.url, **condition}, token=blind).problem() == "forbidden"
        other = {"filter": {"key": {"card": SECRETS[0]}, "least_severity": "critical"}}
        assert server.ask("POST", "/v1/silences", {**other, **silence}, token=analyst).status == 201
        for place in ("/v1/silences", "/v1/subscriptions"):
            assert SECRETS[0] in server.ask("GET", place, token=analyst).text
            assert is_masked(server.ask("GET", place, token=reader).text)
        server.send([payment(1, SECRETS[0], 200, holder=SECRETS[1], id="e1")])
        for endpoint, count in ((masked, 2), (grouped, 1), (whole, 1)):
            wait_for(lambda: len(endpoint.bodies()) == count, "the deliveries")
        assert all(is_masked(body) for body in masked.bodies() + grouped.bodies())
        has(whole.bodies()[0], *SECRETS)
        card = {json.loads(body)["key"]["card"] for body in masked.bodies()}
        assert card == {json.loads(grouped.bodies()[0])["group"]["card"]}, grouped.bodies()
        server.end()


@case
def _():
    """tokens: one that expires ends with its streams, also over a start; its end and last use are shown"""
    with Server() as server:
        short = make(server, "short", "reader", expires_in="3s")
        assert server.ask("GET", "/v1/state", token=short).status == 200
        listed = {one["name"]: one for one in server.ask("GET", "/v1/tokens").json["tokens"]}
        assert listed["short"]["expired"] is False and listed["short"]["used_at"] and listed["short"]["expires_at"], listed
        assert stream_ends(server, short, lambda: wait_for(
            lambda: server.ask("GET", "/v1/state", token=short).status == 401, "the end of the token"))
        refused = server.ask("GET", "/v1/state", token=short)
        has(refused.json["detail"], "the token short expired at")
        for body in ({"expires_in": "0s"}, {"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "soon"}, {"expires_in": 5},
                     {"expires_in": "1d", "expires_at": "2100-01-01T00:00:00Z"}):
            assert server.ask("POST", "/v1/tokens", {"name": "x", "role": "reader", **body}).problem() == "bad-body", body
        server.end()
    with Server() as server:
        assert server.ask("GET", "/v1/state", token=short).status == 401
        listed = {one["name"]: one for one in server.ask("GET", "/v1/tokens").json["tokens"]}
        assert listed["short"]["expired"] is True and listed["short"]["used_at"], listed
        # An admin that ends is not the one that must remain.
        make(server, "temp", "admin", expires_in="1d")
        assert server.ask("DELETE", "/v1/tokens/admin").problem() == "conflict"
        server.end()


@case
def _():
    """sessions: a live stream ends with the sign-out of its session, or with its token; others go on"""
    with Server() as server:
        ann = make(server, "ann", "reader")

        def begin():
            return server.ask("POST", "/v1/session", token=ann).headers["Set-Cookie"].split(";")[0]

        def sign_out(cookie):
            own = {"Cookie": cookie, "Tocsin-Console": "1", "Origin": f"http://127.0.0.1:{server.port}"}
            assert server.ask("DELETE", "/v1/session", token=None, headers=own).status == 204
        first, second = begin(), begin()
        others = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(2)]
        streams = []
        for connection, headers in zip(others, ({"Cookie": second}, {"Authorization": f"Bearer {ann}"})):
            connection.request("GET", "/v1/alerts/stream", headers=headers)
            streams.append(connection.getresponse())
            assert streams[-1].status == 200
        assert stream_ends(server, None, lambda: sign_out(first), Cookie=first)
        assert server.ask("GET", "/v1/me", token=None, headers={"Cookie": first}).status == 401
        # Those of another session and of the token itself go on.
        assert server.send([payment(1, amount=500)]).status == 200
        for stream in streams:
            line = b""
            while b"data: " not in line:
                line = stream.readline()
                assert line, "the stream has ended"
        for connection in others:
            connection.close()
        assert stream_ends(server, None, lambda: server.ask("DELETE", "/v1/tokens/ann"), Cookie=second)


@case
def _():
    """tokens: a rotation with overlap, one at once, and revocation end what was before, streams too"""
    with Server() as server:
        first = make(server, "till", "operator")
        turned = server.ask("POST", "/v1/tokens/till/secret", {"overlap": "1h"})
        second = turned.json["token"]
        for token in (first, second):
            assert server.send([payment(1)], token=token).status == 200
        assert stream_ends(server, first, lambda: server.ask("POST", "/v1/tokens/till/secret", {"overlap": "0s"}))
        for token in (first, second):
            assert server.ask("GET", "/v1/state", token=token).status == 401
        third = server.ask("POST", "/v1/tokens/till/secret").json["token"]
        assert stream_ends(server, third, lambda: server.ask("DELETE", "/v1/tokens/till"))
        assert server.ask("GET", "/v1/state", token=third).status == 401
        assert server.ask("POST", "/v1/tokens/till/secret").problem() == "not-found"
        for overlap in ("31d", "-1s", "soon", 5):
            assert server.ask("POST", "/v1/tokens/admin/secret", {"overlap": overlap}).problem() == "bad-body"
        # Secrets are in no file: neither the tokens, nor answers that are kept.
        keep = {"Idempotency-Key": "k"}
        made = server.ask("POST", "/v1/tokens/admin/secret", {"overlap": "1h"}, headers=keep).json["token"]
        again = server.ask("POST", "/v1/tokens/admin/secret", {"overlap": "1h"}, headers=keep)
        assert again.json.get("token") != made
        server.end()


run_cases()
