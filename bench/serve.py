#!/usr/bin/env python3
"""A server under load, over loopback sockets: intake by batch size, webhooks beside dead endpoints, a deploy on many keys, the
archive's cost; and under an open load (serve_load.py): a steady one, single events, the highest rate, a burst.

    serve.py TOCSIN_BINARY [--seconds N] [--keys N] [--endpoints N] [--events N] [--runs N] [--singles N] [--burst-seconds N]
             [--after-seconds N] [PART]…

Each part takes about as long as it says, all together a minute or two. Latencies are what the client sees, and the client
is Python on the same machine: they are bounds, not the server's own.
"""
import argparse
import asyncio
import http.client
import itertools
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
import serve_load  # noqa: E402
from harness import RULES, lines, payment, wait_for  # noqa: E402
from load import quantile  # noqa: E402
from server_process import NDJSON, TIMELESS, Server  # noqa: E402

PROBES = """
rule probes "Three small payments" {
  by card
  when 3+ payment as p where amount <= 5 within 10m
  alert "on card {card}"
}
rule busy "Every payment changes the state of its card" {
  by card
  when payment where count(payment) over last 10m >= 1_000_000
  alert "on card {card}"
}
"""
FAST = ("--http-requests-per-second", "1000000", "--http-requests-burst", "1000000")


class Client:
    """One connection that is kept."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.headers = {"Authorization": f"Bearer {server.token}", "Content-Type": NDJSON}

    def send(self, body):
        """Seconds until the answer."""
        began = time.perf_counter()
        self.connection.request("POST", "/v1/events?verdicts=others", body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return time.perf_counter() - began


def intake(options):
    with Server(options=(*TIMELESS, *FAST)) as server:
        client = Client(server)
        second = 0
        for batch in (1, 100, 1000):
            bodies = []
            for _ in range(64):
                bodies.append(lines([payment(second + place / 1000, f"c{(second * 7 + place) % 5000}", 20) for place in range(batch)]).encode())
                second += 1
            took, until = [], time.perf_counter() + options.seconds
            while time.perf_counter() < until:
                took.append(client.send(bodies[len(took) % len(bodies)]))
            print(f"intake, batches of {batch:5}: {len(took) * batch / sum(took):10,.0f} events/s   POST p50 {quantile(took, .5) * 1e3:.2f} ms"
                  f"  p99 {quantile(took, .99) * 1e3:.2f} ms   ({len(took)} requests)")
        server.end()


class Endpoints:
    """Many endpoints in one event loop: /N answers, or hangs, or drips, as `kinds` says; when each alert arrived where."""

    def __init__(self, kinds):
        self.kinds, self.arrivals, self.ports = kinds, [], {}
        self.loop = asyncio.new_event_loop()
        self.begun = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()
        self.begun.wait(10)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024))
        self.port = self.server.sockets[0].getsockname()[1]
        self.begun.set()
        self.loop.run_forever()

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length:")[1].split("\r\n")[0])
                body = await reader.readexactly(length)
                kind = self.kinds[int(head.split(" ")[1].strip("/"))]
                if kind == "hang":
                    await asyncio.sleep(3600)
                if kind == "drip":
                    for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 3600:
                        writer.write(bytes([letter]))
                        await writer.drain()  # ends it once the server has gone
                        await asyncio.sleep(1)
                self.arrivals.append((json.loads(body)["events"][0]["id"], time.perf_counter()))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    def url(self, number):
        # Nothing listens on port 1 of this machine.
        return f"http://127.0.0.1:{1 if self.kinds[number] == 'refuse' else self.port}/{number}"


def delivery_times(options, dead):
    """Seconds from the POST of an event to its alert's arrival at each healthy endpoint."""
    kinds = [("refuse", "hang", "drip")[number % 3] if number < dead else "well" for number in range(options.endpoints)]
    endpoints = Endpoints(kinds)
    healthy = kinds.count("well")
    allowed = ("--webhooks-allow", "127.0.0.1")
    with Server(data=f"dead-{dead}", options=(*TIMELESS, *FAST, *allowed)) as server:
        for number in range(options.endpoints):
            made = server.ask("POST", "/v1/subscriptions", {"url": endpoints.url(number)})
            assert made.status == 201, made
        client = Client(server)
        sent, until, number = {}, time.perf_counter() + options.seconds * 2, 0
        while time.perf_counter() < until:
            event = payment(number, f"c{number}", 150)
            sent[event["id"]] = time.perf_counter()
            client.send(lines([event]).encode())
            number += 1
            time.sleep(0.2)
        deadline = time.perf_counter() + 60
        while len(endpoints.arrivals) < number * healthy and time.perf_counter() < deadline:
            time.sleep(0.05)
        arrived = list(endpoints.arrivals)
        server.kill()
    assert len(arrived) >= number * healthy, f"{len(arrived)} of {number * healthy} webhooks arrived within a minute"
    return [at - sent[alert] for alert, at in arrived]


def deliveries(options):
    well = delivery_times(options, 0)
    beside = delivery_times(options, options.endpoints // 10)
    for name, took in (("none dead", well), ("a tenth dead", beside)):
        print(f"webhooks to {options.endpoints} endpoints, {name:12}: p50 {quantile(took, .5) * 1e3:.1f} ms  p99 {quantile(took, .99) * 1e3:.1f} ms"
              f"   ({len(took)} deliveries)")
    print(f"ratio of p99: {quantile(beside, .99) / quantile(well, .99):.2f} (target: at most 1.2)")


class Traffic:
    """Two clients at once: one sends batches as fast as they are taken, one sends single events and measures their waits."""

    def __init__(self, server, keys):
        self.server, self.keys = server, keys
        self.waits, self.sent, self.is_over = [], 0, threading.Event()
        self.clock = itertools.count(1)
        self.threads = [threading.Thread(target=self.singles), threading.Thread(target=self.batches)]

    def event(self, amount=20):
        number = next(self.clock)
        return payment(10 + number / 1e4, f"k{number * 7919 % self.keys}", amount)

    def singles(self):
        client = Client(self.server)
        while not self.is_over.is_set():
            self.waits.append(client.send(lines([self.event()]).encode()))

    def batches(self):
        client = Client(self.server)
        bodies = [lines([self.event() for _ in range(500)]).encode() for _ in range(40)]
        while not self.is_over.is_set():
            client.send(bodies[self.sent // 500 % len(bodies)])
            self.sent += 500

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        time.sleep(2)
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


def peak_memory(server):
    """Megabytes that the server had at most so far."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000


def many_rules(count):
    """Rules as templates make them: half filters, a third sequences, the rest sums of a day, each of them with a bound of its own."""
    kinds = ["f", "s", "f", "s", "f", "c"]
    texts = []
    for number in range(count):
        bound = 1000 + number
        by, what = f"{kinds[number % 6]}{number}", f"payment where amount > {bound}"
        when = {"f": what,
                "s": f"{what.replace('payment', 'payment as a')} then payment as b where amount > a.amount within 1h",
                "c": f"{what} and sum(amount of payment) over last 1d > {10 * bound} once per 1d"}[by[0]]
        texts.append(f'rule {by} "M" {{ by card when {when} alert "x" }}')
    return "\n".join(texts)


def deploy(options):
    """Other rules on many keys, at full load: one, a thousand, and a thousand that go on from the archive."""
    with Server(rules=RULES + PROBES, options=(*TIMELESS, *FAST, "--rollout-replay-memory-max", "8GiB")) as server:
        client, batch = Client(server), 5000
        for first in range(0, options.keys, batch):
            client.send(lines([payment(first / 1e6, f"k{number}", 1) for number in range(first, min(first + batch, options.keys))]).encode())
        sent = options.keys
        for name, more, query in (("one rule", many_rules(1), ""), (f"{options.rules:,} rules", many_rules(options.rules), ""),
                                  ("one rule", many_rules(1), ""), (f"{options.rules:,} rules, replayed", many_rules(options.rules), "?replay=36500d")):
            first = time.perf_counter()
            with Traffic(server, options.keys) as traffic:
                before = len(traffic.waits)
                began, status = time.perf_counter(), 202
                while status == 202:
                    put = server.ask("PUT", f"/v1/pack{query}", {"files": {"rules.tocsin": RULES + PROBES + more}},
                                     headers={"If-Match": "*"}, timeout=300)
                    status = put.status
                    time.sleep(0.1 if status == 202 else 0)
                took = time.perf_counter() - began
                assert status == 200, f"{status} {put.text[:500]}"
                until = len(traffic.waits) + 1
                time.sleep(1)
            answered = traffic.sent + len(traffic.waits)
            sent += answered
            wait_for(lambda: int(server.metric("intake_events_total")) == sent, f"{sent} events that were taken")  # none is lost
            waits = traffic.waits
            print(f"deploy of {name} on {options.keys:,} keys: {took * 1e3:,.0f} ms, the longest wait for a verdict"
                  f" {max(waits[before - 1:until]) * 1e3:.0f} ms (before it {max(waits[:before]) * 1e3:.0f} ms; target: at most 100 ms),"
                  f" {answered / (time.perf_counter() - first):,.0f} events/s, {peak_memory(server):,.0f} MB at most")
        server.kill()


def archive(options):
    """The same events with the archive and without it, in turn."""
    batch = 5000
    bodies = [lines([payment(first / 1000 + place / 1000, f"c{(first + place) * 7 % 50_000}", 20) for place in range(batch)]).encode()
              for first in range(0, options.events, batch)]
    rounds = {"true": [], "false": []}
    for number in range(options.runs):
        for is_on, figures in rounds.items():
            more = ("--archive-enabled", is_on, "--journal-segment-bytes", "4MiB")
            with Server(data=f"archive-{number}-{is_on}", options=(*TIMELESS, *FAST, *more)) as server:
                client, before, began = Client(server), server.cpu_seconds(), time.perf_counter()
                for body in bodies:
                    client.send(body)
                took = time.perf_counter() - began
                for _ in range(3):  # the journal is let go of before the older of those that are kept
                    server.ask("POST", "/v1/checkpoints", timeout=300)
                    client.send(bodies[-1])
                until, used = time.perf_counter() + 60, 0
                while time.perf_counter() < until and server.cpu_seconds() != used:
                    used = server.cpu_seconds()
                    time.sleep(0.5)  # until it has nothing more to do
                figures.append((took, used - before, server.metric("archive_events") if is_on == "true" else 0))
                server.end()
    off, on = ([min(figures[part] for figures in rounds[is_on]) for part in (0, 1)] for is_on in ("false", "true"))
    events = len(bodies) * batch
    print(f"archive, {events:,} events by HTTP, best of {options.runs}: {on[0] / off[0]:.2f} of the time without it (target: at most"
          f" 1.05), {(on[1] - off[1]) / events * 1e6:.2f} us of CPU an event more, {on[1] / off[1]:.2f} of it;"
          f" {rounds['true'][-1][2]:,.0f} events archived")


PARTS = {"intake": intake, "deliveries": deliveries, "deploy": deploy, "archive": archive, **serve_load.PARTS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all unless said")
    parser.add_argument("--seconds", type=float, default=5, help="for each measurement")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rules", type=int, default=1000, help="of the deploy's part")
    parser.add_argument("--endpoints", type=int, default=100)
    parser.add_argument("--events", type=int, default=400_000, help="of the archive's part")
    parser.add_argument("--runs", type=int, default=5, help="of the archive's part")
    parser.add_argument("--singles", type=float, default=1000, help="requests of one event a second, of the singles' part")
    parser.add_argument("--burst-seconds", type=float, default=60, help="of the burst's part")
    parser.add_argument("--after-seconds", type=float, default=60, help="how long the burst's part goes on behind the burst")
    options = parser.parse_intermixed_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    home = os.getcwd()
    for name in options.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="tocsin_bench_") as folder:
            os.chdir(folder)
            try:
                PARTS[name](options)
            finally:
                os.chdir(home)


main()
