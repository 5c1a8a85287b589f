#!/usr/bin/env python3
"""A server under a steady load, while people work with it: rules change, alerts are looked at and triaged, streams come and go.

    soak.py TOCSIN_BINARY

`./do soak` plays it for as long as TOCSIN_SOAK_S says; in `./do test` it is short. Nothing is lost or raised twice, and memory,
open files and threads are flat: what the server holds in the last quarter is no more than in the second.
"""
import asyncio
import datetime
import os
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import HAS_SANITIZER, case, run_cases, wait_for
from load import Events, Load, Phase, hundred_rules, in_ms
from server_process import TIMELESS, Server

SECONDS = float(os.environ.get("TOCSIN_SOAK_S", "0"))
IS_LONG = SECONDS > 0
EVENTS_PER_SECOND = 200 if HAS_SANITIZER else 4000
SIZE = 20               # of a request
ALERT_EACH = 400        # events
PACE = 60               # event time passes so many times as fast: windows of ten minutes last ten seconds
ROUND_S = 2.0           # of what people do
JUDGED_S = 120.0        # memory is judged from here on: before, caches fill
MEMORY_MORE = 1.15      # times as much
MEMORY_SLACK_MB = 32
FILES_SLACK = 32        # the stores' own, which are merged now and then
STREAM_S = 0.5
OPTIONS = (*TIMELESS, "--http-requests-per-second", "100000", "--http-requests-burst", "100000", "--webhooks-allow", "127.0.0.1",
           "--webhooks-brake-per-rule", "0", "--webhooks-brake-in-all", "0", "--webhooks-log-max", "100", "--checkpoint-every", "5s",
           "--journal-segment-bytes", "4MiB", "--archive-bytes-max", "64MiB")
# Ids are known for ten minutes of event time, so that what is known of them is bounded too.
RULES = hundred_rules().replace("id unique,", "id unique within 10m,")


def work(server, number):
    """What people do in one round."""
    rules = RULES + f'\nrule own "Round {number}" {{ by card when payment where amount >= {2000 + number} alert "x" }}\n'
    status = 202
    while status == 202:
        put = server.ask("PUT", "/v1/pack", {"files": {"rules.tocsin": rules}}, headers={"If-Match": "*"})
        status = put.status
        time.sleep(0.05 if status == 202 else 0)
    assert status == 200, put
    alerts = server.ask("GET", "/v1/alerts?limit=20")
    assert alerts.status == 200, alerts
    if rows := alerts.json["alerts"]:
        done = server.ask("POST", f"/v1/alerts/{rows[0]['alert']['id']}/triage", {"action": "confirm", "comment": f"round {number}"})
        assert done.status == 200, done
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = server.ask("POST", "/v1/silences", {"filter": {"rules": ["own"]}, "until": until, "reason": "a round"})
    assert made.status == 201, made
    assert server.ask("DELETE", f"/v1/silences/{made.json['id']}").status in (200, 204)
    for path in ("/metrics", "/v1/state", "/v1/rules", "/v1/health"):
        assert server.ask("GET", path).status == 200, path
    with socket.create_connection(("127.0.0.1", server.port)) as stream:
        stream.sendall(f"GET /v1/alerts/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode())
        stream.settimeout(STREAM_S)
        assert stream.recv(4096).startswith(b"HTTP/1.1 200"), "a stream"


def judge(samples):
    """Says how much was held, and fails where it grew."""
    quarter = len(samples) // 4
    early, late = samples[quarter:2 * quarter], samples[3 * quarter:]
    before, after = ([max(sample[part] for sample in some) for part in range(3)] for some in (early, late))
    text = (f"held in the second quarter and in the last, at most: memory {before[0]:,.0f} and {after[0]:,.0f} MB, open files"
            f" {before[1]} and {after[1]}, threads {before[2]} and {after[2]}")
    print(text, flush=True)
    assert after[1] <= before[1] + FILES_SLACK, text
    assert after[2] <= before[2] + 2, text
    if SECONDS >= JUDGED_S and not HAS_SANITIZER:
        assert after[0] <= before[0] * MEMORY_MORE + MEMORY_SLACK_MB, text


@case
def soak():
    """under load and with people at work nothing is lost, and nothing grows"""
    seconds = SECONDS or 12
    with Server(rules=RULES, options=OPTIONS) as server:
        load = Load(server.port, server.token, Events(20_000, ALERT_EACH, PACE), SIZE, 4)
        samples, rounds = [], 0

        def subscribe(url):
            assert server.ask("POST", "/v1/subscriptions", {"url": url}).status == 201

        async def people(is_over):
            nonlocal rounds
            while not is_over.is_set():
                next_round = time.monotonic() + ROUND_S
                await asyncio.to_thread(work, server, rounds)
                rounds += 1
                while time.monotonic() < next_round and not is_over.is_set():
                    memory, files, threads = server.held()
                    samples.append((memory / 1e6, files, threads))
                    if IS_LONG and len(samples) % 120 == 0:
                        print(f"{len(load.requests) * SIZE:,} events, {len(load.arrived):,} alerts, {rounds} rounds: {memory / 1e6:,.0f} MB,"
                              f" {files} files, {threads} threads", flush=True)
                    await asyncio.sleep(0.25)
        asyncio.run(load.run([Phase(seconds, EVENTS_PER_SECOND / SIZE)], subscribe, people))
        wait_for(lambda: int(server.metric("intake_events_total")) == load.sent, f"{load.sent} events in the server's count")
        assert len(load.arrived) == len(load.due_of) > 0, f"{len(load.arrived)} of {len(load.due_of)} alerts came by webhook"
        assert int(server.metric("alerts_total")) == len(load.due_of), "each alert is raised once"
        print(f"{load.sent:,} events, {len(load.due_of):,} alerts, {rounds} rounds; request {in_ms(load.latencies())}; webhook"
              f" {in_ms(list(load.arrived.values()))}; {load.repeated} webhooks came again", flush=True)
        judge(samples)
        server.end()


run_cases()
