"""Clients that attack a server by holding on to it: thousands of connections in one process of their own.

Each kind of client sends its first bytes, then perhaps one byte of the rest a second. Who is closed comes again. Followers
of a live stream read it and count what they see.
"""
import multiprocessing
import os
import selectors
import socket
import time

LIMIT_S = 120
EVENT = b"\nevent: alert\n"


class Kind:
    """So many clients of one behaviour."""

    def __init__(self, count, first=b"", drip=b"", follows=False):
        self.count, self.first, self.drip, self.follows = count, first, drip, follows


class _Client:
    def __init__(self, kind):
        self.kind, self.socket, self.seen, self.tail, self.has_begun = kind, None, 0, b"", False

    def open(self, port, poll):
        self.close(poll)
        self.has_begun = False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self.socket.setblocking(False)
        poll.register(self.socket, selectors.EVENT_READ, self)
        self.send(self.kind.first)

    def close(self, poll):
        if self.socket is not None:
            poll.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def send(self, data):
        try:
            self.socket.send(data)
        except OSError:
            pass  # closed, which is noticed when it is read

    def is_open_after_reading(self):
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if self.kind.follows and data:
            self.has_begun = True
            # An event may be cut where the bytes end.
            self.tail += data
            self.seen += self.tail.count(EVENT)
            self.tail = self.tail[-len(EVENT) + 1:]
        return bool(data)


class Crowd:
    """Attacks from `with` on, once all have connected, until its end."""

    def __init__(self, port, kinds):
        self.rounds = multiprocessing.Value("q", 0)    # in which each client was looked at
        self.reopened = multiprocessing.Value("q", 0)  # connections that the server had closed
        self.following = multiprocessing.Value("q", 0)  # followers whose stream has begun
        self.least = multiprocessing.Value("q", 0)     # events that each follower has seen
        self.ends = multiprocessing.Event()
        self.process = multiprocessing.get_context("fork").Process(target=self._run, args=(port, kinds), daemon=True)

    def __enter__(self):
        self.process.start()
        until = time.monotonic() + LIMIT_S
        while self.rounds.value == 0:
            assert self.process.is_alive() and time.monotonic() < until, "the attackers did not connect"
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.process.join(LIMIT_S)

    def _run(self, port, kinds):
        os.nice(5)  # what is measured is the server
        poll = selectors.EpollSelector()
        clients = [_Client(kind) for kind in kinds for _ in range(kind.count)]
        followers = [client for client in clients if client.kind.follows]
        drips = [client for client in clients if client.kind.drip]
        for client in clients:
            client.open(port, poll)
        dripped = time.monotonic()
        while not self.ends.is_set():
            for key, _ in poll.select(0.05):
                if not key.data.is_open_after_reading():
                    key.data.open(port, poll)
                    self.reopened.value += 1
            if time.monotonic() >= dripped + 1:
                dripped = time.monotonic()
                for client in drips:
                    client.send(client.kind.drip)
            self.following.value = sum(client.has_begun for client in followers)
            self.least.value = min((client.seen for client in followers), default=0)
            self.rounds.value += 1
