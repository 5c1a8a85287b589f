#!/usr/bin/env python3
"""End-to-end cases of what is changed through `tocsin serve`: done once, over kill -9 too.

    serve_changes.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import os
import signal

from harness import case, payment, run_cases, wait_for
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


run_cases()
