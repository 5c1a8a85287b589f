"""A schema registry for the cases of tests/kafka, with the part of Confluent's API that Tocsin asks, on loopback."""
import base64
import http.server
import json
import re
import threading
import urllib.parse


class Registry:
    """Has schemas by number, {"schema": …, "schemaType": …, "references": …}, and by subject and version. Counts requests."""

    def __init__(self, login=None):
        self.schemas, self.subjects, self.requests = {}, {}, []
        self.login = login and "Basic " + base64.b64encode(login.encode()).decode()
        self.port = 0
        self.server = None
        self.start()

    def start(self):
        """On the port that it had before."""
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # the name that http.server calls
                registry.requests.append(self.path)
                status, body = registry.answer(self.path, self.headers.get("Authorization"))
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                if len(registry.requests) % 2:  # either framing
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                else:
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    for part in (text[:5], text[5:]):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if part else b"")
                    self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path, login):
        if self.login and login != self.login:
            return 401, {"error_code": 401, "message": "Unauthorized"}
        if found := re.fullmatch(r"/schemas/ids/(\d+)", path):
            schema = self.schemas.get(int(found[1]))
            return (200, schema) if schema else (404, {"error_code": 40403, "message": "Schema not found"})
        if found := re.fullmatch(r"/subjects/([^/]+)/versions/(\d+)", path):
            schema = self.subjects.get((urllib.parse.unquote(found[1]), int(found[2])))
            return (200, schema) if schema else (404, {"error_code": 40401, "message": "Subject not found"})
        return 404, b"no such page"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"
