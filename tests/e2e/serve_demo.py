#!/usr/bin/env python3
"""`tocsin serve --demo`: what it fills a server with, what it refuses, and that nothing of it is left.

    serve_demo.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import os
import pathlib

from harness import ROOT, RULES, case, has, run_cases, tocsin, wait_for, write
from server_process import Server

PAYMENTS = str(ROOT / "samples/payments")


def demo(*arguments, data="data", rules=PAYMENTS, **more):
    pathlib.Path("tmp").mkdir(exist_ok=True)
    return Server(rules, "--demo", *arguments, rules=None, options=(), data=data, env={**os.environ, "TMPDIR": "tmp"}, **more)


def said_until(server, text):
    """What it has said, up to the line with this text."""
    said = ""
    while text not in said:
        line = server.process.stderr.readline().decode()
        assert line, f"it ended before it said: {text}\n{said}"
        said += line
    return said


@case
def filled():
    """a demo: alerts, webhooks received, a rule that was live and is in shadow, and events that can be explained"""
    with demo("--demo-events", "20000") as server:
        said = said_until(server, server.token)
        rule = next(one["id"] for one in server.ask("GET", "/v1/rules").json["rules"] if one["stage"] == "shadow")
        has(said, "20,000 events, ", f"; {rule} is in shadow", f"open http://127.0.0.1:{server.port}/console/")
        assert server.ask("GET", "/v1/state").json["sources"][0]["lines"] == 20000
        alerts = server.ask("GET", "/v1/alerts?limit=1000").json["alerts"]
        assert len(alerts) > 20 and rule in {one["alert"]["rule"] for one in alerts}, "the rule was live before"
        assert len(server.ask("GET", "/v1/alerts?limit=1000&shadow=true").json["alerts"]) > len(alerts)
        subscription = server.ask("GET", "/v1/subscriptions").json["subscriptions"][0]["id"]
        delivered = lambda: server.ask("GET", f"/v1/subscriptions/{subscription}").json["owed"] == 0
        wait_for(delivered, "the deliveries")
        alert = alerts[0]["alert"]["id"]
        assert server.ask("GET", f"/v1/alerts/{alert}/explanation").status == 200
        server.end()
    assert not os.listdir("tmp"), os.listdir("tmp")


@case
def ended_early():
    """a demo that is ended while it sends says nothing of it; one whose rules read other events says so, and serves on"""
    with demo("--demo-events", "2000000") as server:
        wait_for(lambda: server.ask("GET", "/v1/state").json["sources"], "events")
        said = server.end().said
        assert "the demo" not in said, said
    write("other.tocsin", 'event visit { ts: time, user: string }\nrule any "Any" { by user when visit alert "x" }\n')
    with demo(rules="other.tocsin", data="other") as server:
        has(said_until(server, "ended early"), "the rules declare no event of `tocsin generate`")
        server.end()


@case
def refused():
    """what a demo refuses: no rules, a data directory with something in it, other machines, TLS, a wrong number"""
    write("full/some.txt", "x")
    write("rules.tocsin", RULES)
    for arguments, said in {
        (): "--demo needs RULES",
        ("rules.tocsin", "--data", "full"): "there is something in full",
        ("rules.tocsin", "--listen", "0.0.0.0:0"): "on this machine only",
        ("rules.tocsin", "--http-tls-certificate", "c.pem", "--http-tls-key", "k.pem"): "plain HTTP",
        ("rules.tocsin", "--demo-events", "1"): "--demo-events takes a number from 2",
        ("rules.tocsin", "--check-config"): "--check-config",
    }.items():
        has(tocsin("serve", "--demo", *arguments, code=2).err, said)


run_cases()
