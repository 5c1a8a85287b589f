#!/usr/bin/env python3
"""`GET /v1/profile`: the rules of a running server are measured for some seconds.

    serve_profile.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import threading
import time

from harness import case, payment, run_cases
from server_process import Server

SMALL = """rule small "Small" {
  by card
  when payment where amount < 1
  alert "small on {card}"
}
"""


def measure(server, seconds, answers):
    """Begins to measure, in a thread that puts its answer into `answers`."""
    thread = threading.Thread(target=lambda: answers.append(server.ask("GET", f"/v1/profile?seconds={seconds}")))
    thread.start()
    time.sleep(0.5)
    assert server.ask("GET", "/v1/profile?seconds=1").problem() == "conflict"
    return thread


@case
def measured():
    """what the rules did in those seconds, and nothing of before"""
    answers = []
    with Server() as server:
        server.send([payment(i, f"c{i % 3}", 1500) for i in range(10)])
        thread = measure(server, 3, answers)
        server.send([payment(20 + i, f"c{i % 3}", 1500 if i % 2 else 5) for i in range(40)])
        thread.join()
        [answer] = answers
        assert answer.status == 200, answer
        profile = answer.json
        assert profile["events"] == 40 and 3 <= profile["seconds"] < 20 and profile["stages"]["matching_ns"] > 0, profile
        large = {one["rule"]: one for one in profile["rules"]}["large"]
        assert large["asked"] == 20 and large["steps"][0]["share"] == 0.5, profile
        assert sum(one["share"] for one in profile["rules"] + profile["features"]) <= 1.001, profile
        few = server.ask("GET", "/v1/profile?seconds=1&limit=1").json
        assert few["events"] == 0 and few["rules"] == [], few


@case
def refused():
    """one at a time, for a minute at most; the end of the server does not wait for it"""
    answers = []
    with Server() as server:
        assert server.ask("GET", "/v1/profile?seconds=61").problem() == "bad-parameter"
        assert server.ask("GET", "/v1/profile?seconds=0").problem() == "bad-parameter"
        thread = measure(server, 60, answers)
        began = time.monotonic()
        server.end()
        thread.join()
        assert time.monotonic() - began < 30


@case
def changed():
    """a change of rules ends it, as what was measured is of other rules"""
    answers = []
    with Server() as server:
        thread = measure(server, 3, answers)
        put = server.ask("PUT", "/v1/rules/small", SMALL, media="text/plain", headers={"If-None-Match": "*"})
        assert put.status == 200, put
        thread.join()
        assert answers[0].problem() == "conflict", answers
        assert server.ask("GET", "/v1/profile?seconds=1").status == 200


run_cases()
