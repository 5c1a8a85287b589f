#!/usr/bin/env python3
"""End-to-end cases of tokens: what each role may do, when a token ends, and what a rotation does.

    serve_tokens.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import re
import time

from harness import case, has, payment, run_cases, wait_for
from server_process import Server

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
        tokens = {role: make(server, role, role) for role in MAY}
        asked = 0
        for path, operations in server.ask("GET", "/openapi.json").json["paths"].items():
            for method, operation in operations.items():
                needs = operation["x-role"]
                # No such thing: whoever may, is told so, or that a body is missing.
                place = re.sub(r"\{\w+\}", "0", path)
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


def stream_ends(server, token, act):
    """Whether a live stream of a token ends within a second of what `act` does."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/v1/alerts/stream", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200
    act()
    began = time.monotonic()
    while answer.read1(4096):
        pass
    connection.close()
    return time.monotonic() - began < 1.5


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
