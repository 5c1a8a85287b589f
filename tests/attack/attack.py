#!/usr/bin/env python3
"""A server that thousands of clients hold on to, floods of requests, handshakes and packed bodies, and readers who try rules.

    attack.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it

`./do attack` plays it at full size, for as long as TOCSIN_ATTACK_S says; in `./do test` it is small and short.
"""
import collections
import contextlib
import gzip
import http.client
import json
import multiprocessing
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from crowd import Crowd, Kind
from harness import HAS_SANITIZER, RULES, case, payment, run_cases, wait_for
from server_process import NDJSON, TIMELESS, Server, statuses, zstd_bomb

SECONDS = float(os.environ.get("TOCSIN_ATTACK_S", "0"))
IS_LONG = SECONDS > 0
SHARE = 1 if IS_LONG else 10       # of the clients
P99_S = 0.1 if IS_LONG else 1.0    # beside other suites a processor is not ours alone
MEDIAN_S = 0.1 if IS_LONG else 0.25
FEW = 8  # files of connections that just ended
RATES = ("--http-requests-per-second", "100000", "--http-requests-burst", "100000")


def memory(server):
    return server.held()[0]


def files(server):
    return server.held()[1]


def threads(server):
    return server.held()[2]


def ask(server, method, path, body=None):
    """One request by a connection of its own; its status, and the seconds that it took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, body=body, headers={"Authorization": f"Bearer {server.token}", "Content-Type": NDJSON})
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - began


def measure(server, seconds, most):
    """Asks for health and sends events, in turn; gives the p99 of health, and the median and slowest of requests with events."""
    health, events = [], []
    if HAS_SANITIZER:
        most //= 20  # no time is judged there, and each request waits behind the attackers' slower ones
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(health) < most:
        status, took = ask(server, "GET", "/livez")
        assert status == 200, status
        health.append(took)
        number = len(health)
        status, took = ask(server, "POST", "/v1/events", f'{{"type":"payment","ts":{number},"id":"h{number}","card":"c","amount":"1.00"}}\n')
        assert status == 200, status
        events.append(took)
    return sorted(health)[len(health) * 99 // 100], sorted(events)[len(events) // 2], max(events)


class MeasuredApart:
    """measure() in a process of its own, which begins before the attackers: beside many threads of one it would wait for its turn there."""

    def __init__(self, server, seconds, most):
        context = multiprocessing.get_context("fork")
        self.begins, (self.takes, gives) = context.Event(), context.Pipe(duplex=False)
        self.process = context.Process(target=self._run, args=(gives, server, seconds, most), daemon=True)
        self.process.start()
        gives.close()

    def _run(self, gives, *arguments):
        self.begins.wait()
        gives.send(measure(*arguments))

    def result(self):
        self.begins.set()
        measured = self.takes.recv()  # an EOFError where it failed, which has said why
        self.process.join()
        return measured


def tell(text):
    if IS_LONG:
        print(text, flush=True)


def open_files():
    """As many open files as there may be; those that the attackers take are theirs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft, hard


@case
def held():
    """idle connections and live streams cost little memory and no threads, and each alert reaches every stream"""
    idle, following = 10_000 // SHARE, 5_000 // SHARE
    options = (*TIMELESS, *RATES, "--http-connections-max", str(idle + following + 100), "--alerts-streams-max", str(following),
               "--http-share-max", "100")
    with Server(options=options) as server:
        ask(server, "GET", "/livez")
        before, threads_before, files_before = memory(server), threads(server), files(server)
        first = f"GET /v1/alerts/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode()
        with Crowd(server.port, [Kind(idle)]):
            wait_for(lambda: files(server) >= files_before + idle - FEW, "the idle connections")
            each = (memory(server) - before) / idle
            tell(f"{idle} idle connections: {each / 1024:.1f} KiB each, {threads(server) - threads_before} threads more")
            with_idle = memory(server)
            with Crowd(server.port, [Kind(following, first, follows=True)]) as followers:
                # A stream shows what comes after its answer began; an open connection is not yet a stream.
                wait_for(lambda: followers.following.value == following, "the streams")
                began = time.monotonic()
                alerts = 0
                while alerts < 3 or time.monotonic() < began + SECONDS:
                    alerts += 1
                    assert statuses(server.send([payment(alerts, f"a{alerts}", 150)])) == ["accepted"]
                    wait_for(lambda: followers.least.value >= alerts, "the alert in every stream")
                took = (time.monotonic() - began) / alerts
                each_stream = (memory(server) - with_idle) / following
                more = threads(server) - threads_before
                tell(f"{following} live streams: {each_stream / 1024:.1f} KiB each, {more} threads more; "
                     f"an alert reached all of them in {took * 1000:.0f} ms")
                assert followers.reopened.value == 0, "a stream was closed"
            if not HAS_SANITIZER:
                assert each < 16 * 1024 and each_stream < 48 * 1024, (each, each_stream)
        assert more <= 64, more  # http.workers, whatever the number of connections is
        server.end()


@case
def slow():
    """slow heads, slow bodies and idle connections hold nobody up"""
    some = 500 // SHARE
    with Server(options=(*TIMELESS, *RATES, "--http-connections-max", str(6 * some), "--http-head-time-max", "2s",
                         "--http-request-time-max", "5s")) as server:
        head = b"POST /v1/events HTTP/1.1\r\nHost: a\r\nX: "
        body = (f"POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.token}\r\nContent-Type: {NDJSON}\r\n"
                "Content-Length: 1000000\r\n\r\n").encode()
        with Crowd(server.port, [Kind(4 * some), Kind(some, head, b"a"), Kind(some, body, b"a")]) as crowd:
            p99, _, slowest = measure(server, SECONDS, 200)
            tell(f"{4 * some} idle, {some} slow heads, {some} slow bodies: /livez p99 {p99 * 1000:.1f} ms, "
                 f"slowest request with an event {slowest * 1000:.0f} ms, {crowd.reopened.value} connections opened again")
            assert HAS_SANITIZER or p99 < P99_S, p99
        assert ask(server, "GET", "/livez")[0] == 200
        server.end()


@case
def without_a_token():
    """a flood of requests without a token takes no worker from others, and a line or two of the audit log"""
    with Server(options=(*TIMELESS, *RATES, "--http-workers", "2", "--http-queue-max", "16")) as server:
        request = b"POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\n\r\n"
        with Crowd(server.port, [Kind(200, request * 50, request * 50)]) as crowd:
            wait_for(lambda: server.metric("audit_refusals_total") > 1000, "the flood")
            p99, _, slowest = measure(server, SECONDS, 100)
            refused = server.metric("audit_refusals_total")
            tell(f"{refused:.0f} requests without a token: /livez p99 {p99 * 1000:.1f} ms, slowest request with an event "
                 f"{slowest * 1000:.0f} ms, {crowd.reopened.value} connections opened again")
            assert HAS_SANITIZER or p99 < P99_S, p99
            entries = server.ask("GET", "/v1/audit?result=refused").json["entries"]
            assert len(entries) <= 1 + refused / 1000, len(entries)
            assert entries[-1]["from"] == "127.0.0.1" and entries[-1]["status"] == 401, entries
        total = server.metric("audit_refusals_total")
        server.end()
    with Server(rules=None) as server:
        entries = server.ask("GET", "/v1/audit?result=refused").json["entries"]
        assert sum(entry.get("count", 1) for entry in entries) >= total, entries
        server.end()


@case
def dry_runs():
    """readers who try rules on many events take no turn from events"""
    readers = 24 if IS_LONG else 6
    rules = RULES + "".join(
        f'rule r{number} "R" {{ by card when payment as a then payment as b where amount > {10_000 + number} within 1d alert "x" }}\n'
        for number in range(50))
    events = [payment(number, f"card-{number % 500}", 5) for number in range(20_000)]
    body = json.dumps({"files": {"rules.tocsin": rules}, "events": events}).encode()
    with Server(options=(*TIMELESS, *RATES)) as server:
        made = server.ask("POST", "/v1/tokens", {"name": "rita", "role": "reader"})
        kinds, is_over = collections.Counter(), threading.Event()

        def read():
            while not is_over.is_set():
                answer = server.ask("POST", "/v1/rules/dry-run", body, token=made.json["token"], media="application/json")
                kinds[answer.status if answer.status == 200 else answer.problem()] += 1
                is_over.wait(0 if answer.status == 200 else 0.2)
        threads = [threading.Thread(target=read) for _ in range(readers)]
        for thread in threads:
            thread.start()
        wait_for(lambda: kinds["unavailable"] > 0, "more dry runs than may be at once")
        p99, median, slowest = measure(server, SECONDS, 60)
        is_over.set()
        for thread in threads:
            thread.join()
        tell(f"{readers} readers with dry runs, {dict(kinds)}: /livez p99 {p99 * 1000:.1f} ms, a request with an event "
             f"{median * 1000:.1f} ms, the slowest {slowest * 1000:.0f} ms")
        assert set(kinds) <= {200, "unavailable", "limit-reached"}, kinds
        assert HAS_SANITIZER or p99 < P99_S, p99
        assert HAS_SANITIZER or median < MEDIAN_S, median  # 366 ms when dry runs had the priority of events
        server.end()


def certified():
    """A certificate for 127.0.0.1 with its key, in files; the options of a server that has it."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
                    "tls.key", "-out", "tls.pem", "-subj", "/CN=tocsin", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    return "--http-tls-certificate", "tls.pem", "--http-tls-key", "tls.key"


def hello():
    """The first bytes of a client's handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile="tls.pem")
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    return outgoing.read()


class TlsServer(Server):
    """One that is asked by TLS."""

    def open(self, timeout):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=ssl.create_default_context(cafile="tls.pem"))


def measure_tls(server, seconds, least):
    """Asks for health by a handshake of its own, again and again; gives its p99."""
    took = []
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(took) < (least // 20 if HAS_SANITIZER else least):
        began = time.monotonic()
        assert server.ask("GET", "/livez").status == 200
        took.append(time.monotonic() - began)
    return sorted(took)[len(took) * 99 // 100]


@case
def handshakes():
    """handshakes that stop half way, come byte by byte, are no TLS, or end at once hold nobody up, and end by their deadline"""
    some = 500 // SHARE
    options = certified()
    first = hello()
    old = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x02" + bytes(32) + b"\x00\x00\x04\x00\x2f\x00\xff\x01\x00"  # TLS 1.1
    with TlsServer(*options, options=(*TIMELESS, *RATES, "--http-connections-max", str(8 * some), "--http-head-time-max", "2s")) as server:
        before = memory(server)
        kinds = [Kind(some), Kind(some, first[:40]), Kind(some, first), Kind(some, first[:5], b"\x01"), Kind(some, old), Kind(some, b"GET / HTTP/1.1\r\n\r\n")]
        with Crowd(server.port, kinds) as crowd:
            wait_for(lambda: crowd.reopened.value > 2 * some, "handshakes that were ended")
            p99 = measure_tls(server, SECONDS, 50)
            held = (memory(server) - before) / len(kinds) / some
            tell(f"{len(kinds) * some} bad handshakes, {crowd.reopened.value} ended by the server: a handshake with /livez p99 "
                 f"{p99 * 1000:.1f} ms, {held / 1024:.1f} KiB each")
            assert HAS_SANITIZER or p99 < P99_S + 0.2, p99
        wait_for(lambda: server.metric("http_connections") <= 2, "the end of all of them")
        server.end()


@case
def handshakes_again():
    """a client may not begin another handshake within its connection; a flood of whole handshakes leaves room"""
    with TlsServer(*certified(), options=(*TIMELESS, *RATES)) as server:
        again = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-CAfile", "tls.pem"], input=b"R\n",
                               capture_output=True, timeout=60)
        said = (again.stdout + again.stderr).lower()
        assert again.returncode == 1 and b"no renegotiation" in said, said[-2000:]
        over = threading.Event()
        made = collections.Counter()

        def flood():
            context = ssl.create_default_context(cafile="tls.pem")
            while not over.is_set():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain:
                    with context.wrap_socket(plain, server_hostname="127.0.0.1"):
                        made["handshakes"] += 1
        threads = [threading.Thread(target=flood) for _ in range(8 if IS_LONG else 2)]
        for thread in threads:
            thread.start()
        wait_for(lambda: made["handshakes"] > 20, "handshakes")
        p99 = measure_tls(server, SECONDS, 50)
        over.set()
        for thread in threads:
            thread.join()
        tell(f"{made['handshakes']} handshakes beside: one with /livez p99 {p99 * 1000:.1f} ms")
        assert HAS_SANITIZER or p99 < P99_S + 0.4, p99
        server.end()


@case
def packed_bombs():
    """small bodies that unpack to much take little memory, and events are taken meanwhile"""
    senders = 40 if IS_LONG else 10
    bombs = {"gzip": gzip.compress(b"\n" * (60 << 20)), "zstd": zstd_bomb(480)}
    # Just within the ratio: 20 MiB of events that repeat each other.
    line = b'{"type":"payment","ts":1,"id":"%06d","card":"c","amount":"1.00"}\n'
    dense = gzip.compress(b"".join(line % number for number in range(20_000)) + b"\n" * (8 << 20))
    with Server(options=(*TIMELESS, *RATES, "--http-bodies-bytes-max", "128MiB")) as server:
        before = memory(server)
        apart = MeasuredApart(server, SECONDS, 60)
        kinds, is_over = collections.Counter(), threading.Event()

        def send(number):
            encoding, body = (("gzip", dense), *bombs.items())[number % 3]
            while not is_over.is_set():
                answer = server.send(body, headers={"Content-Encoding": encoding})
                kinds["taken" if answer.status == 200 else answer.problem()] += 1
                assert answer.status != 503 or answer.headers["Retry-After"], answer
        threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
        for thread in threads:
            thread.start()
        wait_for(lambda: kinds["packed-too-tightly"] > 2 * senders, "bombs that were refused")
        p99, median, slowest = apart.result()
        is_over.set()
        for thread in threads:
            thread.join()
        grown = memory(server) - before
        tell(f"{senders} senders of bombs, {dict(kinds)}: /livez p99 {p99 * 1000:.1f} ms, a request with an event {median * 1000:.1f} ms, "
             f"the slowest {slowest * 1000:.0f} ms, {grown >> 20} MiB more")
        assert set(kinds) <= {"taken", "packed-too-tightly", "unavailable"}, kinds
        assert HAS_SANITIZER or grown < 400 << 20, grown
        assert server.metric("http_bodies_bytes") == 0
        server.end()


if __name__ == "__main__":
    open_files()
    run_cases()
