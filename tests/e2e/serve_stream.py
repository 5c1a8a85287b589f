#!/usr/bin/env python3
"""One live stream of all that somebody follows: alerts, triage, rules, changes that wait, notices, health and backtests.

    serve_stream.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import time

from endpoint import Endpoint
from harness import RULES, case, has, payment, run_cases, wait_for
from live_stream import Stream
from server_process import TIMELESS, Server

LOCAL = (*TIMELESS, "--webhooks-allow", "127.0.0.1")
RESOURCES = {"alerts": "/v1/alerts", "triage": "/v1/alerts", "rules": "/v1/rules", "notices": "/v1/notices", "health": "/v1/health",
             "backtests": "/v1/backtests", "changes": "/v1/changes"}


def follow(server, topics, more="", **options):
    return Stream(server, f"?topics={topics}{more}", path="/v1/stream", **options)


def raise_alerts(server, first, last, card="c1"):
    """One alert of the rule `large` for each number, in one request; waits until they are stored."""
    answer = server.send([payment(i, card=card, amount=500.00) for i in range(first, last + 1)], "?wait=alerts&timeout=5s")
    assert answer.status == 200 and answer.json["complete"], answer


def expect(status, answer):
    assert answer.status == status, answer
    return answer.json


def make(server, name, role="reader", **more):
    return expect(201, server.ask("POST", "/v1/tokens", {"name": name, "role": role, **more}))["token"]


def stage(server, rule, to):
    tag = server.ask("GET", f"/v1/rules/{rule}").headers["ETag"]
    return expect(200, server.ask("PUT", f"/v1/rules/{rule}/stage", {"stage": to}, headers={"If-Match": tag}))["version"]


@case
def everything():
    """one stream tells how each topic is, then what changes, beside alerts of a filter and what people do with them"""
    with Endpoint(lambda _: (410, {})) as gone, Server(options=LOCAL) as server:
        raise_alerts(server, 1, 2)
        stream = follow(server, "alerts,triage,rules,notices,health,backtests", "&key=card%3Dc2")
        others = follow(server, "backtests,rules")
        wait_for(lambda: stream.told("health") and stream.told("rules"), "how it is")
        assert stream.told("rules") == [{"version": 1}] and not stream.told("notices") and not stream.told("backtests"), stream.events
        assert stream.told("health")[0]["status"] in ("ok", "warning") and stream.told("health")[0]["ready"], stream.events
        raise_alerts(server, 3, 4)
        raise_alerts(server, 5, 6, card="c2")
        wait_for(lambda: stream.numbers() == [5, 6], "what the filter admits")
        alerts = expect(200, server.ask("GET", "/v1/alerts?order=oldest"))["alerts"]
        for hit in alerts[3:5]:
            expect(200, server.ask("POST", f"/v1/alerts/{hit['alert']['id']}/triage", {"action": "confirm"}))
        wait_for(lambda: stream.told("triage"), "what is done with such an alert")
        assert [one["number"] for one in stream.told("triage")] == [5] and len(stream.told("triage_from_here")) == 1
        for number, to in enumerate(("shadow", "live"), 2):
            assert stage(server, "large", to) == number
            wait_for(lambda: stream.told("rules")[-1] == {"version": number}, "another version")
        assert expect(202, server.ask("POST", "/v1/backtests", {"files": {"new.tocsin": RULES}}))["id"] == 1
        wait_for(lambda: stream.told("backtests") and stream.told("backtests")[-1]["state"] == "done", "the backtest's end")
        assert stream.told("backtests")[-1] == {"id": 1, "state": "done", "progress": 1.0}
        assert expect(200, server.ask("GET", "/v1/backtests/1"))["state"] == "done"
        server.ask("DELETE", "/v1/backtests/1")
        wait_for(lambda: stream.told("backtests")[-1] == {"id": 1, "state": "removed"}, "that it is removed")
        made = expect(201, server.ask("POST", "/v1/subscriptions", {"url": gone.url}))
        raise_alerts(server, 7, 7, card="c2")
        wait_for(lambda: stream.told("notices"), "that an endpoint is gone")
        assert [(one["kind"], one["subject"], one["count"]) for one in stream.told("notices")] == [("endpoint_gone", made["id"], 1)]
        cause = {"code": "delivery_disabled", "level": "warning", "subject": made["id"]}
        wait_for(lambda: cause in stream.told("health")[-1]["causes"], "what is wrong")
        expect(204, server.ask("DELETE", f"/v1/subscriptions/{made['id']}", headers={"If-Match": "*"}))
        wait_for(lambda: cause not in stream.told("health")[-1]["causes"], "that it is well again")
        # None but alerts moves the place of a reader.
        assert all(number is None for number, kind, _ in stream.events if kind != "alert") and stream.last_id == 7
        assert others.last_id is None and {kind for _, kind, _ in others.events} == {"rules", "backtests"}
        for one in (stream, others):
            one.close()
        # One that comes later is told the state of now.
        late = follow(server, "rules")
        wait_for(lambda: late.told("rules") == [{"version": 3}], "the version of now")
        late.close()
        server.end()


@case
def waiting():
    """what waits for another person is told when it comes, when it is approved by one of two, and when it has ended"""
    with Server(options=(*TIMELESS, "--rollout-approvals", "2", "--four-eyes-silence-wide", "true")) as server:
        who = {name: make(server, name, "approver") for name in ("ann", "ben", "cid")}
        analyst = make(server, "dan", "analyst")
        stream = follow(server, "changes,rules")
        wait_for(lambda: stream.told("rules"), "how it is")
        assert not stream.told("changes"), stream.events
        stage(server, "large", "shadow")
        tag = server.ask("GET", "/v1/rules/large").headers["ETag"]
        asked = server.ask("PUT", "/v1/rules/large/stage", {"stage": "live"}, headers={"If-Match": tag}, token=analyst)
        change = expect(202, asked)["change"]
        wait_for(lambda: stream.told("changes") == [{"id": change, "waits": True, "approvals": 0}], "that it waits")
        expect(202, server.ask("POST", f"/v1/changes/{change}/approval", token=who["ann"]))
        wait_for(lambda: stream.told("changes")[-1] == {"id": change, "waits": True, "approvals": 1}, "that one has approved it")
        wide = {"filter": {"least_severity": "info"}, "until": "2100-01-01T00:00:00Z", "reason": "a test"}
        request = expect(202, server.ask("POST", "/v1/silences", wide, token=analyst))["id"]
        wait_for(lambda: stream.told("changes")[-1] == {"id": request, "waits": True, "approvals": 0}, "that a request waits")
        late = follow(server, "changes")
        wait_for(lambda: len(late.told("changes")) == 2, "both, of one that comes later")
        assert {one["id"]: one["approvals"] for one in late.told("changes")} == {change: 1, request: 0}, late.events
        expect(200, server.ask("POST", f"/v1/changes/{change}/approval", token=who["ben"]))
        wait_for(lambda: {"id": change, "waits": False} in stream.told("changes"), "that it is made")
        expect(204, server.ask("DELETE", f"/v1/proposals/{request}", token=who["cid"]))
        wait_for(lambda: {"id": request, "waits": False} in stream.told("changes"), "that it is refused")
        assert len(stream.told("changes")) == 5, stream.events
        for one in (stream, late):
            one.close()
        server.end()


@case
def resumed():
    """alerts of a stream are neither lost nor doubled where the server is killed in the middle, again and again"""
    seen, last, first = [], 0, 1
    for life in range(4):
        with Server(rules=RULES if life == 0 else None) as server:
            stream = follow(server, "alerts,rules,health,backtests", last_id=last)
            wait_for(lambda: stream.told("rules") == [{"version": 1}], "the rules")
            for begin in range(first, first + 300, 100):
                raise_alerts(server, begin, begin + 99)
            # What was answered is stored: the stream has some of it when the server dies.
            wait_for(lambda: len(stream.numbers()) > 20, "some of them")
            server.kill()
            wait_for(lambda: stream.has_ended, "the end of the stream")
            seen += stream.numbers()
            last = stream.last_id
            stream.close()
            first += 300
    with Server(rules=None) as server:
        stream = follow(server, "health,alerts", last_id=last)
        wait_for(lambda: len(seen) + len(stream.numbers()) >= 1200, "the rest")
        raise_alerts(server, first, first)
        wait_for(lambda: stream.numbers() and stream.numbers()[-1] == 1201, "what comes then")
        assert seen + stream.numbers() == list(range(1, 1202))
        assert not stream.told("gap")
        stream.close()
        server.end()


@case
def refused():
    """a topic is readable by whom its resource is: else 403 names it; personal data is masked, and health hides what is of others"""
    personal = RULES.replace("card: string,", "card: string pii,", 1)
    with Server(rules=personal) as server:
        raise_alerts(server, 1, 1, card="4111222233334444")
        tokens = {"reader": make(server, "reader"), "approver": make(server, "approver", "approver"), "producer": make(server, "producer", "producer"),
                  "tags": make(server, "tags", tags=["none"]), "types": make(server, "types", "operator", types=["payment"])}
        refusals = 0
        for name, token in tokens.items():
            for topic, path in RESOURCES.items():
                allowed = server.ask("GET", path, token=token).status == 200
                stream = follow(server, f"alerts,{topic}", token=token)
                assert stream.status == (200 if allowed else 403), (name, topic, stream.status)
                stream.close()
                if allowed or name == "producer":
                    continue
                refusals += 1
                detail = server.ask("GET", f"/v1/stream?topics=rules,{topic}", token=token).json["detail"]
                has(detail, f"the topic {topic} is about more than that", f"{name} is limited to")
        assert refusals == 6
        wrong = server.ask("GET", "/v1/stream?topics=alerts,backtest")
        assert wrong.problem() == "bad-parameter"
        has(wrong.json["detail"], "did you mean backtests?")
        masked = follow(server, "alerts,health", "&after=0", token=tokens["reader"])
        plain = follow(server, "alerts", "&after=0")
        wait_for(lambda: masked.numbers() == [1] and plain.numbers() == [1] and masked.told("health"), "the alert")
        keys = [one.told("alert")[0]["key"]["card"] for one in (masked, plain)]
        assert keys[0].startswith("\u2022") and keys[1] == "4111222233334444", keys
        limited = follow(server, "health", token=tokens["tags"])
        wait_for(lambda: limited.told("health"), "health")
        assert "hidden" in limited.told("health")[0] and "hidden" not in masked.told("health")[0]
        for one in (masked, plain, limited):
            one.close()
        server.end()


@case
def ended():
    """a stream ends within a second of its token, and with the server; as many are open as may be"""
    with Server(options=(*TIMELESS, "--alerts-streams-max", "2", "--alerts-stream-heartbeat", "100ms")) as server:
        token = make(server, "desk")
        streams = [follow(server, topics, token=token) for topics in ("rules", "alerts,rules")]
        wait_for(lambda: all(one.told("rules") and one.comments > 3 for one in streams), "heartbeats")
        full = server.ask("GET", "/v1/stream?topics=health")
        assert full.problem() == "unavailable" and full.headers["Retry-After"]
        before = [one.comments for one in streams]
        expect(204, server.ask("DELETE", "/v1/tokens/desk"))
        wait_for(lambda: all(one.has_ended for one in streams), "their end")
        # A heartbeat each 100 ms: on a slow machine the clock says less than their number.
        assert all(one.comments - had <= 15 for one, had in zip(streams, before, strict=True))
        for one in streams:
            one.close()
        last = [follow(server, topics) for topics in ("health", "alerts,health")]
        wait_for(lambda: all(one.told("health") for one in last), "others")
        began = time.monotonic()
        server.end()  # streams that are open do not hold it up
        assert time.monotonic() - began < 10
        for one in last:
            one.close()


run_cases()
