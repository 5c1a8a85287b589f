#!/usr/bin/env python3
"""`GET /v1/profile`: the rules of a running server are measured for some seconds.

    serve_profile.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import re
import threading
import time

from harness import case, payment, run_cases, wait_for
from server_process import Server

SMALL = """rule small "Small" {
  by card
  when payment where amount < 1
  alert "small on {card}"
}
"""


def measure(server, seconds, answers):
    """Begins to measure, in a thread that puts its answer into `answers`."""
    while True:
        thread = threading.Thread(target=lambda: answers.append(server.ask("GET", f"/v1/profile?seconds={seconds}")))
        thread.start()
        time.sleep(0.2)
        other = server.ask("GET", "/v1/profile?seconds=1")
        if other.status != 200:
            assert other.problem() == "conflict", other
            return thread
        thread.join()  # this one was first: it was refused
        assert answers.pop().problem() == "conflict"


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


def costs(server, metric):
    """By label, what the metrics of rules' costs say."""
    text = server.ask("GET", "/metrics").text
    return {rule: float(value) for rule, value in re.findall(rf'^tocsin_{metric}\{{rule="([^"]*)"\}} (\S+)$', text, re.M)}


@case
def in_metrics():
    """what the dearest rules cost, and all others as one, is in the metrics, and gives way to a request"""
    with Server("--profile-every", "500ms", "--profile-time", "400ms", "--profile-rules-max", "1") as server:
        number = 0

        def are_measured():
            nonlocal number
            number += 200
            server.send([payment(number + i, f"c{i % 3}", 1500) for i in range(200)])
            found = costs(server, "rule_cpu_share")
            return [rule for rule in found if not rule.startswith("(")]
        wait_for(are_measured, "what rules cost")
        shares, cpu = costs(server, "rule_cpu_share"), costs(server, "rule_cpu_ratio")
        assert "(other)" in shares and len(shares) <= 3 and sum(shares.values()) < 1.001 and all(value >= 0 for value in cpu.values()), (shares, cpu)
        assert server.metric("rule_cpu_measured_seconds") > 1.7e9
        for _ in range(3):
            assert server.ask("GET", "/v1/profile?seconds=1").status == 200
    with Server("--profile-every", "0", data="never") as server:
        assert costs(server, "rule_cpu_share") == {} and server.metric("rule_cpu_measured_seconds") == 0
        server.end()
    with Server("--profile-every", "1s", "--profile-time", "2s", data="longer", may_fail=True) as refused:
        said = refused.end(how=None, code=2).said
        assert "profile.time is longer than profile.every" in said, said


run_cases()
