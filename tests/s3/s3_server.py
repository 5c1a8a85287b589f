"""An S3-compatible store for tests: moto, which checks signatures, on loopback, over HTTP and HTTPS.

    s3_server.py CERTIFICATE KEY

It runs in the environment of environment.lock. Its first line of output is JSON: the ports, and a key that may do all in the
bucket `bank`. A POST to /-/fail has [METHOD, STATUS, COUNT]: the next COUNT requests of that method for objects are answered
with STATUS. A GET of /-/asked gives what was asked for so far.
"""
import json
import os
import sys
import threading
import urllib.parse

SETUP = 4  # requests below that need no signature
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(SETUP)

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402  it reads the environment
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402
from werkzeug.test import Client  # noqa: E402


class Watched:
    """The store, with a memory of what it was asked, and failures on demand."""

    def __init__(self):
        self.store = DomainDispatcherApplication(create_backend_app)
        self.asked, self.failing, self.lock = [], None, threading.Lock()

    def __call__(self, environ, start):
        method, path, length = environ["REQUEST_METHOD"], environ["PATH_INFO"], int(environ.get("CONTENT_LENGTH") or 0)
        if path.startswith("/-/"):
            if method == "POST":
                self.failing = json.loads(environ["wsgi.input"].read(length))
            return self.answer(start, 200, json.dumps(self.asked).encode())
        with self.lock:
            self.asked.append([method, path, environ["QUERY_STRING"], length])
            failing = self.failing and self.failing[0] == method and self.failing[2] > 0 and "/objects/" in path
            if failing:
                self.failing[2] -= 1
        if failing:
            environ["wsgi.input"].read(length)
            return self.answer(start, self.failing[1], b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
        return self.store(environ, start)

    @staticmethod
    def answer(start, status, body):
        start(f"{status} so", [("Content-Length", str(len(body)))])
        return [body]


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


def text_of(xml, name):
    return xml.split(f"<{name}>")[1].split(f"</{name}>")[0]


def made(app):
    """The bucket, and a key that may do all with it."""
    client = Client(app)

    def ask(service, method, path, **form):
        scope = f"AWS4-HMAC-SHA256 Credential=x/20200101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        answer = client.open(path, method=method, data=urllib.parse.urlencode(form) if form else None,
                             headers={"Authorization": scope, "Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 200, answer.text
        return answer.text

    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::bank", "arn:aws:s3:::bank/*"]}]}
    version = {"Version": "2010-05-08", "UserName": "backups"}
    ask("s3", "PUT", "/bank")
    ask("iam", "POST", "/", Action="CreateUser", **version)
    ask("iam", "POST", "/", Action="PutUserPolicy", PolicyName="bank", PolicyDocument=json.dumps(policy), **version)
    key = ask("iam", "POST", "/", Action="CreateAccessKey", **version)
    return text_of(key, "AccessKeyId"), text_of(key, "SecretAccessKey")


app = Watched()
key, secret = made(app.store)
plain = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
secure = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler, ssl_context=(sys.argv[1], sys.argv[2]))
print(json.dumps({"port": plain.server_port, "tls_port": secure.server_port, "key": key, "secret": secret}), flush=True)
threading.Thread(target=secure.serve_forever, daemon=True).start()
plain.serve_forever()
