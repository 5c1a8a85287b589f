"""Endpoints of webhooks for the end-to-end scripts, and signatures by another implementation than the program's."""
import base64
import hashlib
import hmac
import http.server
import threading
import time

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def signature(webhook_id, timestamp, body, key=KEY):
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Endpoint:
    """An HTTP server whose answers a function gives: of the request's number, from 0, to (status, headers) or None,
    which leaves the request without an answer until the end of the test."""

    def __init__(self, answer):
        self.requests = []  # (time, path, headers, body)
        self.over = threading.Event()
        lock = threading.Lock()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    number = len(endpoint.requests)
                    endpoint.requests.append((time.monotonic(), self.path, dict(self.headers), body))
                    answered = answer(number)
                if answered is None:
                    endpoint.over.wait(30)
                    self.close_connection = True
                    return
                status, headers = answered
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256

            def handle_error(self, *_):  # a client that was cut off is no news
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/alerts"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def ids(self):
        return [headers["webhook-id"] for _, _, headers, _ in self.requests]

    def bodies(self):
        return [body.decode() for *_, body in self.requests]


class Remembering(Endpoint):
    """An endpoint that keeps what it answered; `statuses` may be changed while it listens."""

    def __init__(self):
        self.answers = []
        self.arrived = set()
        self.status = lambda number: 200

        def answer(number):
            self.answers.append(self.status(number))
            return None if self.answers[-1] is None else (self.answers[-1], {})

        super().__init__(answer)
