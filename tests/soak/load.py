"""An open-loop load for a server: each request is due at a fixed time, and its latency counts from there.

A server that is behind is so not spared the requests that come meanwhile. All of it is one event loop: the clients, and the
receiver of webhooks.
"""
import asyncio
import dataclasses
import json
import os
import pathlib
import threading
import time

from harness import START_US

LARGE = 950  # such a payment alone raises an alert

LARGE_RULE = """
event payment { ts: time, id: string id unique, card: string, amount: decimal(2) }
rule large "A large payment" { by card when payment as p where amount >= 900 alert "{p.amount} on card {card}" }
"""


def hundred_rules():
    """A hundred rules, each of which concerns few events; only `large` ever alerts. Half look at one event, the rest keep state of
    each card."""
    texts = [LARGE_RULE]
    for number in range(99):
        low = number * 7 % 190 + 1
        some = f"amount >= {low} and amount < {low + 10}"
        when = [f"payment where amount >= {1000 + number}",
                f"payment where amount >= {1000 + number} and card = \"k{number}\"",
                f"3+ payment as a where {some} then payment as b where amount > {1000 + number} within 10m",
                f"payment where {some} and sum(amount of payment) over last 10m >= {10_000_000 + number}"][number % 4]
        texts.append(f'rule r{number} "Rule {number}" {{ by card when {when} alert "card {{card}}" }}')
    return "\n".join(texts)


class Events:
    """Payments of so many cards. Event time passes `pace` times as fast as the clock; one event of `alert_each` raises an alert."""

    def __init__(self, cards, alert_each, pace=1.0):
        self.cards, self.alert_each, self.pace = cards, alert_each, pace
        self.count = 0
        self.began = time.monotonic()

    def body(self, size):
        """The next events as lines, and the ids of those that raise an alert."""
        at = START_US + int((time.monotonic() - self.began) * self.pace * 1e6)
        first, self.count = self.count, self.count + size
        each, cards = self.alert_each, self.cards
        alerts = [f"e{number}" for number in range(first, first + size) if number % each == each - 1]
        body = "".join(
            '{"type":"payment","ts":%d,"id":"e%d","card":"k%d","amount":%d}\n' %
            (at, number, number * 7919 % cards, LARGE if number % each == each - 1 else number * 31 % 200 + 1)
            for number in range(first, first + size))
        return body.encode(), alerts


class Disk:
    """How long fdatasync of four kilobytes takes in a folder, while it is open."""

    def __init__(self, folder, every_s=0.02):
        self.path, self.every_s = pathlib.Path(folder) / "fdatasync-probe", every_s
        self.took, self.is_over = [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        while not self.is_over.wait(self.every_s):
            os.pwrite(file, os.urandom(4096), 0)
            began = time.perf_counter()
            os.fdatasync(file)
            self.took.append(time.perf_counter() - began)
        os.close(file)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        self.path.unlink()


@dataclasses.dataclass
class Phase:
    """So many requests a second, for so many seconds."""
    seconds: float
    per_second: float


@dataclasses.dataclass
class Request:
    """One that was answered: when it was due and when its answer came, in seconds of the monotonic clock."""
    due: float
    done: float


class Load:
    """One load on a server, and what was measured of it. run() may be called once."""

    def __init__(self, port, token, events, size, connections):
        self.port, self.token, self.events, self.size, self.connections = port, token, events, size, connections
        self.requests = []      # answered
        self.refused = 0        # answers that said: later
        self.sent = 0           # events that the server has acknowledged
        self.due_of = {}        # of alerts, by the id of their event
        self.arrived = {}       # the seconds from `due_of` to the first webhook of each
        self.repeated = 0       # webhooks that came again
        self.began = self.ended = 0.0

    def request(self, body):
        return (b"POST /v1/events?verdicts=others HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
                b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (self.token.encode(), len(body))) + body

    async def send(self, reader, writer, body):
        """Sends it until it is taken."""
        while True:
            writer.write(self.request(body))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            answer = await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
            status = int(head.split(" ")[1])
            if status == 200:
                counts = json.loads(answer)
                assert counts["accepted"] + counts["clamped"] == counts["events"], counts
                return
            assert status in (429, 503), (status, answer)
            self.refused += 1
            wait = head.split("retry-after:")[1].split("\r\n")[0].strip() if "retry-after:" in head else "0"
            await asyncio.sleep(min(max(float(wait), 0.05), 1))

    async def client(self, queue):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while True:
            due = await queue.get()
            if due is None:
                break
            body, alerts = self.events.body(self.size)
            for alert in alerts:
                self.due_of[alert] = due
            await self.send(reader, writer, body)
            self.requests.append(Request(due, time.monotonic()))
            self.sent += self.size
        writer.close()

    async def hooks(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                body = await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
                event = json.loads(body)["events"][0]["id"]
                if event in self.arrived:
                    self.repeated += 1
                elif event in self.due_of:
                    self.arrived[event] = time.monotonic() - self.due_of[event]
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):  # cancelled: the load has ended
            writer.close()

    async def run(self, phases, subscribe, beside=None, alerts_within_s=60):
        """Plays the phases one after the other. `subscribe(url)` is called in a thread before; `beside(is_over)`, which may be
        left out, is awaited along with it. Ends when all is acknowledged and all alerts have come, or too late."""
        server = await asyncio.start_server(self.hooks, "127.0.0.1", 0, backlog=1024)
        await asyncio.to_thread(subscribe, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        queue, is_over = asyncio.Queue(), asyncio.Event()
        clients = [asyncio.create_task(self.client(queue)) for _ in range(self.connections)]
        companion = asyncio.create_task(beside(is_over)) if beside else None
        self.began = at = time.monotonic()
        for phase in phases:
            end = at + phase.seconds
            while at < end:
                if (ahead := at - time.monotonic()) > 0:
                    await asyncio.sleep(ahead)
                failed = [client.exception() for client in clients if client.done()]
                if failed:
                    raise failed[0]
                queue.put_nowait(at)
                at += 1 / phase.per_second
        for _ in clients:
            queue.put_nowait(None)
        await asyncio.gather(*clients)
        self.ended = time.monotonic()
        is_over.set()
        if companion:
            await companion
        limit = time.monotonic() + alerts_within_s
        while len(self.arrived) < len(self.due_of) and time.monotonic() < limit:
            await asyncio.sleep(0.05)
        server.close()

    def latencies(self):
        return [request.done - request.due for request in self.requests]

    def behind_after(self, at):
        """Seconds from `at` until the last request that was due by then was answered."""
        return max((request.done - at for request in self.requests if request.due <= at), default=0.0)


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def in_ms(values):
    return f"p50 {quantile(values, .5) * 1e3:.1f} ms  p99 {quantile(values, .99) * 1e3:.1f} ms  at most {max(values, default=0) * 1e3:.0f} ms"
