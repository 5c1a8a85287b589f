#!/usr/bin/env python3
"""End-to-end cases of what waits for another person: silences, lists, deploys that ignore tests.

    serve_four_eyes.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import gzip
import json
import os
import time

from harness import RULES, case, has, payment, run_cases
from server_process import Server

LISTED = RULES + """
list blocked: string = ["x1", "x2", "x3"]

rule on_list "A card of the list" {
  by card
  when payment as p where card in blocked
  alert "listed"
}
"""
OFTEN = """
rule often "Many payments" {
  by card
  when payment where count(payment) over last 1d >= 10
  alert "often on {card}"
}
"""
EYES = ("--four-eyes-silence-longer", "1d", "--four-eyes-silence-wide", "true", "--four-eyes-list-removal", "true",
        "--four-eyes-ignored-tests", "true")
SOON = {"until": "2100-01-01T00:00:00Z", "reason": "a test"}
WIDE = {"filter": {"least_severity": "info"}, **SOON}


def tokens(server, **roles):
    return {name: server.ask("POST", "/v1/tokens", {"name": name, "role": role}).json["token"] for name, role in roles.items()}


def waits(answer, said):
    """The id of the proposal that an answer says waits."""
    assert answer.status == 202, answer
    has(answer.json["reason"], said)
    assert answer.headers["Location"] == f"/v1/proposals/{answer.json['id']}"
    return answer.json["id"]


def approve(server, token, proposal):
    return server.ask("POST", f"/v1/proposals/{proposal}/approval", token=token)


def entries(server):
    return sorted(entry["value"] for entry in server.ask("GET", "/v1/lists/blocked").json["entries"])


@case
def _():
    """silences: a long or wide one waits over a start until another person approves; a short one of one rule does not"""
    short = {"filter": {"rules": ["large"]}, "until": None, "reason": "a test"}
    with Server(*EYES) as server:
        who = tokens(server, ann="analyst", bob="approver", cid="analyst", ops="operator")
        now = server.ask("POST", "/v1/silences", {**short, "until": "2020-01-01T00:00:00Z"}, token=who["ann"])
        assert now.problem() == "bad-body", "what is none is refused, and does not wait"
        long_ = waits(server.ask("POST", "/v1/silences", {"filter": {"rules": ["large"]}, **SOON}, token=who["ann"]), "longer than 1d")
        wide = waits(server.ask("POST", "/v1/silences", {"filter": {"rules": ["large", "unconfirmed"]}, **SOON}, token=who["ann"]), "longer")
        assert server.ask("GET", "/v1/silences").json["silences"] == []
        shown = server.ask("GET", f"/v1/proposals/{long_}", token=who["bob"]).json
        assert json.loads(shown["body"])["filter"] == {"rules": ["large"]} and shown["who"] == "ann" and shown["operation"] == "createSilence", shown
        for name in ("ann", "cid"):
            assert approve(server, who[name], long_).problem() == "forbidden", name
        server.kill()
    with Server(*EYES, rules=None) as server:
        assert [one["id"] for one in server.ask("GET", "/v1/proposals").json["proposals"]] == [long_, wide]
        done = approve(server, who["bob"], long_)
        assert done.status == 200 and done.json["status"] == 201, done
        silence = server.ask("GET", done.json["location"]).json
        assert silence["created_by"] == "ann" and silence["state"] == "active", silence
        assert approve(server, who["bob"], long_).problem() == "not-found"
        assert server.ask("DELETE", f"/v1/proposals/{wide}", token=who["cid"]).problem() == "forbidden"
        assert server.ask("DELETE", f"/v1/proposals/{wide}", token=who["ann"]).status == 204
        refused = waits(server.ask("POST", "/v1/silences", WIDE, token=who["ann"]), "longer")
        assert server.ask("DELETE", f"/v1/proposals/{refused}?comment=too+wide", token=who["bob"]).status == 204
        assert server.ask("GET", "/v1/proposals").json["proposals"] == []
        gone = server.ask("GET", "/v1/audit?action=withdrawProposal&result=done").json["entries"]
        assert [(one["actor"], one.get("asked_by"), one.get("comment"), one["operation"]) for one in gone] == [
            ("bob", "ann", "too wide", "createSilence"), ("ann", None, None, "createSilence")], gone
        entries_ = server.ask("GET", "/v1/audit?action=createSilence").json["entries"]
        made = next(one for one in entries_ if one.get("approved_by"))
        assert made["actor"] == "ann" and made["approved_by"] == "bob" and made["proposal"] == long_ and made["status"] == 201, made
        asked = next(one for one in entries_ if one.get("proposal") == long_ and one["status"] == 202)
        assert asked["actor"] == "ann" and "approved_by" not in asked, asked
        approved = server.ask("GET", "/v1/audit?action=approveProposal&result=done").json["entries"][0]
        assert approved["actor"] == "bob" and approved["proposed_by"] == "ann" and approved["operation"] == "createSilence", approved
        server.end()
    # A short one of one rule is made at once.
    with Server("--four-eyes-silence-longer", "100000d", "--four-eyes-silence-wide", "true", rules=None) as server:
        assert server.ask("POST", "/v1/silences", {"filter": {"rules": ["large"]}, **SOON}, token=who["ann"]).status == 201
        waits(server.ask("POST", "/v1/silences", WIDE, token=who["ann"]), "not of one rule")
        server.end()


@case
def _():
    """lists: taking out waits however it is asked for; adding does not, but with an end"""
    with Server(*EYES, "--four-eyes-body-bytes-max", "1024", rules=LISTED) as server:
        who = tokens(server, ann="operator", bob="approver")
        every = {"headers": {"If-Match": "*"}, "token": who["ann"]}
        assert server.ask("POST", "/v1/lists/blocked/entries", {"entries": ["x4"]}, **every).status == 200
        said = "taken out"
        several = waits(server.ask("DELETE", "/v1/lists/blocked/entries", {"entries": ["x1", "x2"]}, **every), said)
        waits(server.ask("DELETE", "/v1/lists/blocked/entries/x3", **every), said)
        waits(server.ask("PUT", "/v1/lists/blocked", {"entries": ["x9"]}, **every), said)
        waits(server.ask("DELETE", "/v1/lists/blocked", **every), said)
        ended = {"value": "x3", "until": "2030-01-01T00:00:00Z"}
        waits(server.ask("POST", "/v1/lists/blocked/entries", {"entries": [ended]}, **every), "get an end")
        escaped = json.dumps({"entries": [ended]}).replace("until", "unti\\u006c")
        waits(server.ask("POST", "/v1/lists/blocked/entries", escaped, media="application/json", **every), "get an end")
        packed = gzip.compress(json.dumps({"entries": [ended]}).encode())
        zipped = {**every, "headers": every["headers"] | {"Content-Encoding": "gzip"}, "media": "application/json"}
        shown = waits(server.ask("POST", "/v1/lists/blocked/entries", packed, **zipped), "get an end")
        assert json.loads(server.ask("GET", f"/v1/proposals/{shown}").json["body"]) == {"entries": [ended]}
        assert "body" not in server.ask("GET", "/v1/proposals").text, "a list of them has no bodies"
        assert server.ask("POST", "/v1/lists/blocked/entries", b"no gzip", **zipped).status == 400
        assert server.ask("POST", "/v1/lists/blocked/entries", gzip.compress(b'["x4"]'), **zipped).status == 200
        assert entries(server) == ["x1", "x2", "x3", "x4"]
        assert approve(server, who["bob"], shown).json["status"] == 200, "packed bodies are done as they were meant"
        assert approve(server, who["bob"], several).json["answer"]["changed"] == 2
        assert entries(server) == ["x3", "x4"]
        long_ = server.ask("DELETE", "/v1/lists/blocked/entries", {"entries": ["x" * 2000]}, **every)
        assert long_.problem() == "too-large" and "four_eyes.body_bytes_max" in long_.json["detail"], long_
        # What the operation refuses waits on, and its problem is the answer.
        gone = waits(server.ask("DELETE", "/v1/lists/none/entries/x3", **every), said)
        assert approve(server, who["bob"], gone).problem() == "not-found"
        assert gone in [one["id"] for one in server.ask("GET", "/v1/proposals").json["proposals"]]
        server.end()


@case
def _():
    """proposals: who asked must still be allowed to; a token that is gone, expired or smaller is not"""
    with Server(*EYES) as server:
        who = tokens(server, ann="analyst", bob="approver")
        first = waits(server.ask("POST", "/v1/silences", WIDE, token=who["ann"]), "")
        server.ask("DELETE", "/v1/tokens/ann")
        has(approve(server, who["bob"], first).json["detail"], "ann asked for this, and has no token or role any more")
        who |= tokens(server, ann="reader")
        has(approve(server, who["bob"], first).json["detail"], "has not the role analyst any more")
        server.ask("DELETE", "/v1/tokens/ann")
        who |= tokens(server, ann="analyst")
        assert approve(server, who["bob"], first).status == 200
        keyed = {"headers": {"Idempotency-Key": "k"}, "token": who["ann"]}
        once = waits(server.ask("POST", "/v1/silences", WIDE, **keyed), "")
        assert waits(server.ask("POST", "/v1/silences", WIDE, **keyed), "") == once, "one request is one proposal"
        server.end()


@case
def _():
    """deploys: one that ignores tests waits, and is then what was asked for, byte for byte"""
    with Server(*EYES) as server:
        who = tokens(server, ann="operator", bob="approver")
        pack = server.ask("GET", "/v1/pack")
        failing = pack.json["files"]["rules.tocsin"] + '\ntest large "none" {\n  0s payment { id: "p", card: "c", amount: 1.00 }\n  expect alert\n}\n'
        asked = {"token": who["ann"], "headers": {"If-Match": pack.headers["ETag"]}}
        assert server.ask("PUT", "/v1/pack", {"files": {"rules.tocsin": failing}}, **asked).status == 422
        waiting = waits(server.ask("PUT", "/v1/pack?ignore_tests=true", {"files": {"rules.tocsin": failing}}, **asked), "tests would be ignored")
        assert server.ask("GET", "/v1/pack").json["files"] == pack.json["files"]
        done = approve(server, who["bob"], waiting)
        assert done.status == 200 and done.json["status"] == 200, done
        assert server.ask("GET", "/v1/pack").json["files"] == {"rules.tocsin": failing}
        # One that reads earlier events first waits on until they are read.
        assert server.send([payment(i, "c1", 0.5) for i in range(9)]).status == 200
        asked["headers"] = {"If-Match": "*"}
        more = {"files": {"rules.tocsin": failing + OFTEN}}
        waiting = waits(server.ask("PUT", "/v1/pack?ignore_tests=true&replay=36500d", more, **asked), "tests would be ignored")
        done = approve(server, who["bob"], waiting)  # so few may be read before it is answered
        for _ in range(200):
            if done.json["status"] != 202:
                break
            assert "warming_up" in done.json["answer"], done
            assert server.ask("GET", f"/v1/proposals/{waiting}").status == 200, "it waits on"
            time.sleep(0.05)
            done = approve(server, who["bob"], waiting)
        assert done.status == 200 and {"rule": "often"} in done.json["answer"]["replayed"], done
        assert server.ask("GET", f"/v1/proposals/{waiting}").status == 404
        server.end()


@case
def _():
    """proposals: kill -9 while one is done: it is not done again, and the next start says so"""
    with Server(*EYES, env=os.environ | {"TOCSIN_CRASH_AT": "audit.before_finish:4"}) as server:
        who = tokens(server, ann="analyst", bob="approver")
        waiting = waits(server.ask("POST", "/v1/silences", WIDE, token=who["ann"]), "")
        try:
            approve(server, who["bob"], waiting)
            raise AssertionError("it went on")
        except OSError:
            pass
        server.end(None, None)
    with Server(*EYES, rules=None) as server:
        assert server.ask("GET", "/v1/proposals").json["proposals"] == []
        unknown = {one["action"] for one in server.ask("GET", "/v1/audit?result=unknown").json["entries"]}
        assert {"createSilence", "approveProposal"} <= unknown, unknown
        has(server.end().said, "an approved change was being made when the process ended last")


run_cases()
