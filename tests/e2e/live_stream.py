"""Reads a live stream of server-sent events for end-to-end scripts."""
import contextlib
import json
import socket
import threading

from harness import LIMIT_S


class Stream:
    """A live stream, read by a thread: its events as (id or None, name, data)."""

    def __init__(self, server, query="", last_id=None, token=None, path="/v1/alerts/stream"):
        self.events, self.comments, self.last_id, self.has_ended = [], 0, None, False
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
        headers = f"GET {path}{query} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token or server.token}\r\n"
        if last_id is not None:
            headers += f"Last-Event-ID: {last_id}\r\n"
        self.socket.sendall((headers + "\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            pass
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def chunks(self):
        while True:
            size = int(self.file.readline().strip() or b"0", 16)
            if size == 0:
                return
            yield self.file.read(size)
            self.file.readline()

    def read(self):
        text = ""
        try:
            for chunk in self.chunks():
                text += chunk.decode()
                while "\n\n" in text:
                    block, text = text.split("\n\n", 1)
                    event = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
                    if "event" in event:
                        number = int(event["id"]) if "id" in event else None
                        self.last_id = number if number is not None else self.last_id
                        self.events.append((number, event["event"], json.loads(event["data"])))
                    else:
                        self.last_id = int(event["id"]) if "id" in event else self.last_id
                        self.comments += 1
            self.has_ended = True
        except (OSError, ValueError):
            self.has_ended = True

    def close(self):
        with contextlib.suppress(OSError):  # the server may have ended it
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(LIMIT_S)
        self.file.close()
        self.socket.close()

    def numbers(self):
        return [number for number, kind, _ in self.events if kind == "alert"]

    def told(self, name):
        """The data of all events of that name."""
        return [data for _, kind, data in self.events if kind == name]
