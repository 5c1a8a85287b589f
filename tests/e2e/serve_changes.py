#!/usr/bin/env python3
"""End-to-end cases of what is changed through `tocsin serve`: done once, and written down, over kill -9 too.

    serve_changes.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import os
import signal

from harness import case, has, payment, run_cases, tocsin, wait_for
from server_process import Server


def key(text):
    return {"Idempotency-Key": text}


def savepoints(server):
    return [one["name"] for one in server.ask("GET", "/v1/savepoints").json["savepoints"]]


@case
def done_once():
    """a request with a key is done once, and answered alike after kill -9, without what is shown once"""
    with Server() as server:
        made = server.ask("POST", "/v1/tokens", {"name": "ann", "role": "reader"}, headers=key("t1"))
        assert made.status == 201 and "Idempotent-Replayed" not in made.headers, made
        kept = server.ask("POST", "/v1/savepoints", {"name": "s1"}, headers=key("s1"))
        assert kept.status == 201, kept
        server.kill()
    with Server() as server:
        again = server.ask("POST", "/v1/tokens", {"name": "ann", "role": "reader"}, headers=key("t1"))
        assert again.status == 201 and again.headers["Idempotent-Replayed"] == "true", again
        assert again.json == {"name": "ann", "role": "reader", "withheld": ["token"]}, again
        again = server.ask("POST", "/v1/savepoints", {"name": "s1"}, headers=key("s1"))
        assert again.json == kept.json and again.headers["Location"] == kept.headers["Location"] == "/v1/savepoints/s1", again
        assert server.ask("POST", "/v1/savepoints", {"name": "s1"}).problem() == "conflict"  # without it the name is taken
        assert server.ask("POST", "/v1/savepoints", {"name": "s2"}, headers=key("s1")).problem() == "idempotency-mismatch"
        assert savepoints(server) == ["s1"]
        assert server.metric("idempotency_answers") == 2 and server.metric("idempotency_repeated_total") == 2
        server.end()
    for file in (entry.path for entry in os.scandir("data/store") if entry.is_file()):
        with open(file, "rb") as contents:
            assert made.json["token"].encode() not in contents.read(), file


@case
def died_in_between():
    """where the server is killed between the deed and its answer, it is not done again, and that is said"""
    for point, is_done in (("answers.begun", False), ("answers.before_keep", True)):
        data = point.replace(".", "_")
        with Server(data=data, env=dict(os.environ, TOCSIN_CRASH_AT=point)) as server:
            try:
                answer = server.ask("POST", "/v1/savepoints", {"name": "s1"}, headers=key("s1"))
                raise AssertionError(f"answered: {answer}")
            except (OSError, http.client.HTTPException):
                pass  # it is gone
            server.end(None, -signal.SIGKILL)
        with Server(data=data) as server:
            answer = server.ask("POST", "/v1/savepoints", {"name": "s1"}, headers=key("s1"))
            assert answer.status == 409 and answer.problem() == "idempotency-unknown", answer
            assert savepoints(server) == (["s1"] if is_done else [])
            if not is_done:
                assert server.ask("POST", "/v1/savepoints", {"name": "s1"}, headers=key("s2")).status == 201
    with Server(data="kept", env=dict(os.environ, TOCSIN_CRASH_AT="answers.kept")) as server:
        try:
            server.ask("POST", "/v1/savepoints", {"name": "s1"}, headers=key("s1"))
            raise AssertionError("answered")
        except (OSError, http.client.HTTPException):
            server.end(None, -signal.SIGKILL)
    with Server(data="kept") as server:  # kept and never seen: now it is
        answer = server.ask("POST", "/v1/savepoints", {"name": "s1"}, headers=key("s1"))
        assert answer.status == 201 and answer.headers["Idempotent-Replayed"] == "true", answer


@case
def events_have_sequences():
    """a key on events is refused, unless the producer counts"""
    with Server() as server:
        assert server.send([payment(1)], headers=key("e1")).problem() == "bad-request"
        counted = {"Tocsin-Producer": "till", "Tocsin-Sequence": "0"}
        assert server.send([payment(1)], headers=key("e1") | counted).json["accepted"] == 1
        assert server.send([payment(1)], headers=key("e1") | counted).json["duplicate"] == 1
        wait_for(lambda: server.metric("intake_events_total") == 1, "the count of events")


def entries(server, query=""):
    return server.ask("GET", "/v1/audit" + query).json["entries"]


@case
def written_down():
    """every change and every refusal is in the audit log, over kill -9 too, and nothing secret"""
    with Server() as server:
        made = server.ask("POST", "/v1/tokens", {"name": "ann", "role": "analyst"}).json
        ann = made["token"]
        rule = 'rule huge "Huge" { by card when payment where amount >= 10_000 alert "on {card}" }'
        put = server.ask("PUT", "/v1/rules/huge", rule, token=ann, media="text/plain", headers={"If-None-Match": "*"})
        assert put.status == 200, put
        assert server.ask("PUT", "/v1/rules/large/stage", {"stage": "shadow"}, token=ann, headers={"If-Match": "*"}).status == 403
        assert server.ask("POST", "/v1/checkpoints", token=ann).status == 403
        assert server.ask("GET", "/v1/audit/export", token=ann).status == 403
        assert server.ask("GET", "/v1/keys/card=4111111111111111", token="tocsin_" + "x" * 43).status == 401
        server.send([payment(1, "c1", 150)])  # events are in the journal, not here
        assert server.ask("POST", "/v1/rules/validate", rule, media="text/plain").status == 200
        secret = server.ask("POST", "/v1/subscriptions", {"url": "https://example.com/hook"}).json["secret"]
        # Refusals are written down a moment after they are answered.
        wait_for(lambda: len(entries(server)) == 7, "the entries")
        kinds = [(one["actor"], one["action"], one["result"]) for one in reversed(entries(server))]
        assert [one for one in kinds if one[2] == "done"] == [
            ("admin", "makeToken", "done"), ("ann", "putRule", "done"), ("admin", "createSubscription", "done")], kinds
        assert {one for one in kinds if one[2] == "refused"} == {
            ("ann", "putRuleStage", "refused"), ("ann", "takeCheckpoint", "refused"), ("ann", "exportAuditEntries", "refused"),
            ("", "getKey", "refused")}, kinds
        changed = entries(server, "?action=putRule")[0]
        assert (changed["version_before"], changed["version_after"]) == (1, 2), changed
        assert changed["resource"] == {"rule": "huge"} and changed["from"] == "127.0.0.1" and changed["role"] == "analyst", changed
        assert changed["request_id"] == put.headers["X-Request-Id"]
        assert entries(server, "?actor=admin&action=makeToken")[0]["made"] == {"name": "ann", "role": "analyst"}
        text = server.ask("GET", "/v1/audit").text
        assert ann not in text and secret not in text and "4111111111111111" not in text
        server.kill()
    has(tocsin("verify", "data").out, "audit log    7\n")
    with Server(rules=None) as server:
        assert len(entries(server)) == 7
        first = server.ask("GET", "/v1/audit?limit=3").json
        rest = server.ask("GET", f"/v1/audit?limit=100&cursor={first['next']}").json
        assert [one["sequence"] for one in first["entries"] + rest["entries"]] == [7, 6, 5, 4, 3, 2, 1] and "next" not in rest
        assert entries(server, f"?from={changed['at']}&to={changed['at']}") == []
        assert server.ask("GET", "/v1/audit?cursor=x").problem() == "bad-parameter"
        assert server.metric("audit_entries_total") == 7 and server.metric("audit_refusals_total") == 0
        server.end()


@case
def died_over():
    """a change that the server was killed over is in the log, as one of which nobody knows"""
    for point, is_done in (("audit.begun", False), ("audit.before_finish", True)):
        data = point.replace(".", "_")
        with Server(data=data, env=dict(os.environ, TOCSIN_CRASH_AT=point)) as server:
            try:
                raise AssertionError(f"answered: {server.ask('POST', '/v1/savepoints', {'name': 's1'})}")
            except (OSError, http.client.HTTPException):
                server.end(None, -signal.SIGKILL)
        with Server(data=data) as server:
            last = entries(server)[0]
            assert last["action"] == "makeSavepoint" and last["result"] == "unknown" and "status" not in last, last
            assert savepoints(server) == (["s1"] if is_done else [])
            server.end()
        has(tocsin("verify", data).out, "audit log    1\n")


run_cases()
