#!/usr/bin/env python3
"""A server that has no room: memory at its limit, a full disk. Events are refused, nothing is lost, and it goes on.

    serve_room.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import collections
import gzip
import json
import os
import pathlib
import re
import resource
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from harness import BINARY, HAS_SANITIZER, LIMIT_S, RULES, case, has, payment, run_cases, tocsin, wait_for, write
from server_process import TIMELESS, Server, alone, statuses, stored, zstd_bomb

LIBRARY = pathlib.Path(BINARY).parent / "tests" / "libfailing_disk.so"
# Stacks of threads count whole for the first, and what is used of them for the second.
DATA_BYTES, HIGH_WATER_BYTES = 2 << 30, 640 << 20
HAS_LIBRARY = not HAS_SANITIZER  # a sanitizer must be the first library


def send_until_refused(server, batches, slug):
    """How many batches were taken before one was refused as it should be."""
    for taken, batch in enumerate(batches):
        answer = server.send(batch, timeout=LIMIT_S)
        if answer.status != 200:
            assert answer.problem() == slug and answer.status == 503, answer
            assert int(answer.headers["Retry-After"]) >= 1, answer
            return taken
    raise AssertionError("all was taken")


@case
def memory_is_limited():
    """state beyond memory.max: events get 503, all else goes on; a larger limit takes the rest"""
    batches = [[payment((at + number) / 1000, f"card{at + number}", 5000) for number in range(2000)] for at in range(0, 60_000, 2000)]
    limited = (*TIMELESS, "--memory-max", "12MiB")
    with Server(options=limited) as server:
        assert server.metric("memory_limited") == 0
        taken = send_until_refused(server, batches, "memory-full")
        assert 0 < taken < len(batches)
        unready = server.ask("GET", "/readyz")
        assert unready.status == 503, unready
        has(unready.text, "memory is at its limit", "--memory-max")
        wait_for(lambda: server.metric("memory_limited") == 1, "the metric")
        assert server.metric("intake_requests_refused_total") == 1
        wait_for(lambda: server.metric("alerts_stored") == 2000 * taken, "the alerts")
        # What is read, changed and asked goes on.
        assert server.ask("GET", "/livez").status == 200
        assert len(server.ask("GET", "/v1/alerts?limit=10").json["alerts"]) == 10
        etag = server.ask("GET", "/v1/rules/large").headers["ETag"]
        more = 'rule large "A large one" { by card when payment as p where amount > 4_000 alert "{p.amount}" }\n'
        put = server.ask("PUT", "/v1/rules/large", more, media="text/plain", headers={"If-Match": etag})
        assert put.status == 200, put
        back = server.ask("POST", "/v1/versions/1/rollback", headers={"If-Match": "*"})
        assert back.status == 200, back
        assert server.ask("GET", "/v1/state").status == 200
        again = server.ask("POST", "/v1/late/reinject", {})
        assert again.problem() == "memory-full", again
        assert server.send(batches[taken]).problem() == "memory-full"
        server.end()
    with Server(options=(*TIMELESS, "--memory-max", "2GiB")) as server:
        for batch in batches[taken:]:
            assert set(statuses(server.send(batch))) == {"accepted"}
        wait_for(lambda: server.metric("alerts_stored") == 60_000, "all alerts")
        server.end()
    expected = alone([event for batch in batches for event in batch])
    assert sorted(alert["id"] for alert in stored()) == sorted(alert["id"] for alert in expected)


@case
def disk_is_full():
    """a full disk under the journal: what is sent gets 503 at once, what is read goes on, and then all is taken"""
    if not HAS_LIBRARY:
        return
    environment = os.environ | {"LD_PRELOAD": str(LIBRARY), "TOCSIN_DISK_FULL": f"{os.path.abspath('is-full')}:/journal/"}
    with Server(env=environment) as server:
        assert statuses(server.send([payment(1, "a", 150)])) == ["accepted"]
        pathlib.Path("is-full").touch()
        waiting = []

        def send():
            waiting.append(server.send([payment(2, "b", 150)], headers={"Tocsin-Producer": "p", "Tocsin-Sequence": "0"}))
        sender = threading.Thread(target=send)
        sender.start()
        wait_for(lambda: server.ask("GET", "/readyz").status == 503, "a word about the missing space")
        has(server.ask("GET", "/readyz").text, "the disk is full")
        health = server.ask("GET", "/v1/health")
        assert health.status == 200 and not health.json["ready"] and health.json["status"] == "critical", health
        assert health.json["causes"][0]["code"] == "disk_full", health
        assert health.json["causes"][0]["detail"] == server.ask("GET", "/readyz").json["detail"], health
        refused = server.send([payment(3, "c", 150)])
        assert refused.problem() == "disk-full" and refused.headers["Retry-After"], refused
        wait_for(lambda: server.metric("journal_waiting_for_space") == 1, "the metric")
        assert len(server.ask("GET", "/v1/alerts").json["alerts"]) == 1
        assert server.ask("GET", "/v1/rules").status == 200
        assert server.ask("GET", "/v1/state").status == 200
        assert not waiting, waiting
        os.unlink("is-full")
        sender.join(LIMIT_S)
        assert statuses(waiting[0]) == ["accepted"]
        wait_for(lambda: server.ask("GET", "/readyz").status == 200, "readiness")
        assert statuses(server.send([payment(3, "c", 150)])) == ["accepted"]
        wait_for(lambda: server.metric("alerts_stored") == 3, "the alerts")
        has(server.end().said, "waiting for space on the disk", "there is space on the disk again")
    tocsin("verify", "data")


class Poster:
    """A connection with a request of one event on its way."""

    def __init__(self, server, event):
        body = json.dumps(event).encode()
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
        self.socket.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\n"
                            b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (server.token.encode(), len(body), body))

    def answer(self):
        with self.socket, self.socket.makefile("rb") as answer:
            return answer.read().decode()


@case
def thousands_wait():
    """2,000 requests of one event wait for the disk without a thread each, and a server that is told to stop answers them first"""
    if not HAS_LIBRARY:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    environment = os.environ | {"LD_PRELOAD": str(LIBRARY), "TOCSIN_SYNC_WAITS": f"{os.path.abspath('is-slow')}:/journal/"}
    events = [payment(1, f"c{number}", 150) for number in range(2001)]
    with Server("--http-requests-per-second", "1000000", "--http-requests-burst", "1000000", env=environment) as server:
        assert statuses(server.send(events[:1])) == ["accepted"]

        def at_work():
            return int(re.search(r'^tocsin_http_connections\{state="work"\} (\d+)$', server.ask("GET", "/metrics").text, re.M)[1])
        at_work()
        threads = server.held()[2]
        pathlib.Path("is-slow").touch()
        posters = [Poster(server, event) for event in events[1:]]
        wait_for(lambda: at_work() > len(posters), "all of them, and who asks")
        assert server.held()[2] <= threads + 4, f"{server.held()[2]} threads, and {threads} before"
        assert server.ask("GET", "/v1/alerts").status == 200
        for poster in posters[:200]:
            poster.socket.close()  # nobody reads its answer
        server.process.send_signal(signal.SIGTERM)
        os.unlink("is-slow")
        for poster in posters[200:]:
            answer = poster.answer()
            assert answer.startswith("HTTP/1.1 200 ") and '"verdicts":[{"status":"accepted"}]' in answer, answer
        server.end(None)
    assert sorted(alert["id"] for alert in stored()) == sorted(alert["id"] for alert in alone(events))


@case
def store_is_full():
    """a full disk under the alerts' store: what is sent gets 503 at once, what is read goes on, and then all is taken"""
    if not HAS_LIBRARY:
        return
    environment = os.environ | {"LD_PRELOAD": str(LIBRARY), "TOCSIN_DISK_FULL": f"{os.path.abspath('is-full')}:/store/"}
    sent = []
    with Server(env=environment) as server:
        sent.append(payment(1, "a", 150))
        assert statuses(server.send(sent)) == ["accepted"]
        wait_for(lambda: server.metric("alerts_stored") == 1, "the first alert")
        pathlib.Path("is-full").touch()

        def answered():
            sent.append(payment(len(sent) + 1, f"b{len(sent)}", 150))
            answer = server.send(sent[-1:])
            if answer.status == 200:
                return False
            assert answer.problem() == "disk-full" and answer.headers["Retry-After"], answer
            sent.pop()
            return True
        wait_for(answered, "a refusal")
        wait_for(lambda: server.ask("GET", "/readyz").status == 503, "a word about the missing space")
        has(server.ask("GET", "/readyz").text, "the disk is full")
        wait_for(lambda: server.metric("store_waiting_for_space") == 1, "the metric")
        assert len(server.ask("GET", "/v1/alerts").json["alerts"]) == 1
        assert server.ask("GET", "/v1/rules").status == 200
        assert server.ask("GET", "/v1/state").status == 200
        os.unlink("is-full")
        wait_for(lambda: server.ask("GET", "/readyz").status == 200, "readiness")
        sent.append(payment(len(sent) + 1, "c", 150))
        assert statuses(server.send(sent[-1:])) == ["accepted"]
        wait_for(lambda: server.metric("alerts_stored") == len(sent), "the alerts")
        has(server.end().said, "waiting for space on the disk", "there is space on the disk again")
    tocsin("verify", "data")
    assert sorted(alert["id"] for alert in stored()) == sorted(alert["id"] for alert in alone(sent))


@case
def killed_while_full():
    """killed on a full disk it has what it acknowledged, and a producer goes on where it was"""
    if not HAS_LIBRARY:
        return
    environment = os.environ | {"LD_PRELOAD": str(LIBRARY), "TOCSIN_DISK_FULL": f"{os.path.abspath('is-full')}:/journal/"}
    counted = {"Tocsin-Producer": "p"}
    with Server(env=environment) as server:
        for number in range(20):
            assert statuses(server.send([payment(number, "a", 150)], headers=counted | {"Tocsin-Sequence": str(number)})) == ["accepted"]
        pathlib.Path("is-full").touch()
        sender = threading.Thread(target=lambda: ignore(lambda: server.send([payment(20, "a", 150)], headers=counted | {"Tocsin-Sequence": "20"})))
        sender.start()
        wait_for(lambda: server.ask("GET", "/readyz").status == 503, "a word about the missing space")
        server.kill()
        sender.join(LIMIT_S)
    os.unlink("is-full")
    with Server() as server:
        following = server.ask("GET", "/v1/producers/p").json["next_sequence"]
        assert following in (20, 21), following
        answer = server.send([payment(number, "a", 150) for number in range(18, 25)], headers=counted | {"Tocsin-Sequence": "18"})
        assert statuses(answer) == ["duplicate"] * (following - 18) + ["accepted"] * (25 - following), answer
        wait_for(lambda: server.metric("alerts_stored") == 25, "the alerts")
        server.end()


def ignore(work):
    try:
        work()
    except OSError:
        pass


@case
def dry_runs():
    """a dry run has limits of memory and time, and only so many run at once; events are taken meanwhile"""
    pack = {"rules.tocsin": RULES + "".join(
        f'rule r{number} "R" {{ by card when payment as a then payment as b where amount > {10_000 + number} within 1d alert "x" }}\n'
        for number in range(30))}
    events = [payment(number, f"card-{number}", 5) for number in range(12_000)]
    with Server(options=(*TIMELESS, "--checks-memory-max", "1MiB")) as server:
        large = server.ask("POST", "/v1/rules/dry-run", {"files": pack, "events": events})
        assert large.problem() == "limit-reached" and "checks.memory_max" in large.text, large
        small = server.ask("POST", "/v1/rules/dry-run", {"files": pack, "events": events[:100]})
        assert small.status == 200 and small.json["events"] == 100, small
        server.end()
    with Server(data="slow", options=(*TIMELESS, "--checks-at-once", "1", "--checks-time-max", "1s")) as server:
        kinds, is_over = set(), threading.Event()
        body = json.dumps({"files": pack, "events": events})

        def ask():
            while not is_over.is_set():
                answer = server.ask("POST", "/v1/rules/dry-run", body, media="application/json")
                kinds.add(answer.problem() if answer.status != 200 else "ok")
                is_over.wait(0.05)
        callers = [threading.Thread(target=ask) for _ in range(3)]
        for caller in callers:
            caller.start()
        for number in range(20):
            assert server.send([payment(number, "c9", 5)]).status == 200
        wait_for(lambda: "unavailable" in kinds, "more than one dry run at once")
        is_over.set()
        for caller in callers:
            caller.join(LIMIT_S)
        assert kinds <= {"limit-reached", "unavailable", "ok"}, kinds
        server.end()


@case
def settings_are_checked():
    """limits that are none are refused with what is right"""
    write("rules.tocsin", "")
    for option, value in (("--memory-max", "much"), ("--memory-reorder", "1KiB")):
        done = tocsin("serve", "rules.tocsin", option, value, "--check-config", code=2)
        has(done.err, option.removeprefix("--").replace("-", "."), value)


def limited_process():
    """What is written of memory by the process that begins, stacks of threads among it, is limited."""
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))


def high_water(server):
    """The most memory that it has had at once, in bytes."""
    with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def ask_at_once(asks):
    """Each in a thread of its own; the problems and statuses, and how often they were given."""
    kinds, lock = collections.Counter(), threading.Lock()

    def ask(call):
        answer = call()
        kind = "done" if answer.status in (200, 202) else answer.problem()
        assert answer.status not in (429, 503) or answer.headers["Retry-After"], answer
        with lock:
            kinds[kind] += 1
    threads = [threading.Thread(target=ask, args=(call,)) for call in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(kinds.values()) == len(asks), "a request had no answer"
    return kinds


@case
def all_at_once_within_a_limit():
    """forty packed bombs, 24 dry runs, and exports, queries and traces beside them: a limited process goes on, within its limits"""
    if HAS_SANITIZER:
        return  # a sanitizer reserves memory of its own
    bombs = [("zstd", zstd_bomb(480)), ("gzip", gzip.compress(b"\n" * (60 << 20)))]
    tries = "".join(f'rule r{number} "R" {{ by card when payment as a then payment as b where amount > {10_000 + number} within 1d alert "x" }}\n'
                    for number in range(20))
    dry = json.dumps({"files": {"rules.tocsin": RULES + tries}, "events": [payment(n, f"card-{n % 500}", 5) for n in range(5000)]}).encode()
    options = (*TIMELESS, "--http-bodies-bytes-max", "64MiB", "--checks-memory-max", "32MiB", "--memory-max", "128MiB",
               "--http-requests-per-second", "100000", "--http-requests-burst", "100000", "--queries-wait-max", "60s")
    with Server(options=options, preexec_fn=limited_process) as server:
        for at in range(0, 4000, 1000):
            assert set(statuses(server.send([payment((at + n) / 1000, f"c{at + n}", 5000) for n in range(1000)]))) == {"accepted"}
        wait_for(lambda: server.metric("alerts_stored") == 4000, "the alerts")

        def bomb(number):
            encoding, body = bombs[number % 2]
            return lambda: server.send(body, headers={"Content-Encoding": encoding})

        def get(path):
            return lambda: server.ask("GET", path)
        asks = [bomb(number) for number in range(40)]
        asks += [lambda: server.ask("POST", "/v1/rules/dry-run", dry, media="application/json")] * 24
        asks += [get("/v1/alerts/export")] * 24 + [get("/v1/alerts?limit=1000&text=nothing")] * 24 + [get("/v1/trace?key=card=c1")] * 24
        with ThreadPoolExecutor(1) as beside:
            storm = beside.submit(ask_at_once, asks)
            number = 0
            while not storm.done() or number < 10:
                number += 1
                assert statuses(server.send([payment(10 + number, f"b{number}", 5)])) == ["accepted"]
                assert server.ask("GET", "/livez").status == 200
            kinds = storm.result()
        assert kinds["packed-too-tightly"] > 0 and kinds["done"] > 0, kinds
        assert set(kinds) <= {"done", "packed-too-tightly", "unavailable", "limit-reached"}, kinds
        assert high_water(server) < HIGH_WATER_BYTES, f"{high_water(server) >> 20} MiB\n{kinds}"
        assert server.metric("http_bodies_bytes") == 0
        assert len(server.ask("GET", "/v1/alerts?limit=10").json["alerts"]) == 10
        server.end()

run_cases()
