#!/usr/bin/env python3
"""Backups of a server in an S3-compatible store that somebody else wrote, and their restore.

    serve_backups_s3.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import collections
import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "tests/e2e")]

from backups_of_server import back_up, begin, end_of, fill, live_and_restored_of, restore_of  # noqa: E402
from harness import BINARY, case, has, payment, run_cases, tocsin, wait_for, write  # noqa: E402
from server_process import Server, stored  # noqa: E402

BUILD = pathlib.Path(os.environ.get("TOCSIN_BUILD_DIR") or pathlib.Path(BINARY).parent)
PYTHON = BUILD.parent / "tools/s3/bin/python"


class Store:
    """The store's process."""

    def __init__(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "store-key.pem", "-out", "store.pem",
                        "-days", "2", "-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        self.process = subprocess.Popen([PYTHON, HERE / "s3_server.py", "store.pem", "store-key.pem"], stdout=subprocess.PIPE,
                                        stderr=open("store.log", "wb"), env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        said = self.process.stdout.readline()
        assert said, pathlib.Path("store.log").read_text()
        said = json.loads(said)
        self.port, self.tls_port, self.key, self.secret = said["port"], said["tls_port"], said["key"], said["secret"]
        self.give()
        self.reading = ("--backups-s3-endpoint", f"http://127.0.0.1:{self.port}", "--backups-s3-credentials-file", "keys")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def give(self, key=None, secret=None):
        """Writes the file of credentials."""
        write("keys", f"AWS_ACCESS_KEY_ID={key or self.key}\nAWS_SECRET_ACCESS_KEY={secret or self.secret}\n")

    def options(self, prefix):
        return ("--backups-to", f"s3://bank/{prefix}", *self.reading)

    def control(self, name, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}/-/{name}", data=data)) as answer:
            return json.loads(answer.read())

    def put_objects(self):
        """How often each object was sent, whole or in parts."""
        names = [(path, query) for method, path, query, _ in self.control("asked") if method == "PUT" and "/objects/" in path]
        return collections.Counter(names)


@case
def live_and_restored():
    """backups under load, kill -9, and a restore: what did not change is sent once"""
    with Store() as store:
        live_and_restored_of("s3://bank/banks/one", store.options("banks/one"), store.reading, rounds=1)
        put = store.put_objects()
        assert len(put) > 10 and set(put.values()) == {1}, put
        # Of the restored server there is one more.
        listed = tocsin("backup", "list", "s3://bank/banks/one", *store.reading).out.splitlines()
        assert len(listed) == 4, listed


@case
def large_and_busy():
    """an object larger than a part, a store that is busy for a while, and a server that is killed while it sends"""
    with Store() as store:
        place, options = "s3://bank/two", store.options("two") + ("--backups-s3-part-bytes", "5MiB")
        with Server(*options, "--backups-bytes-per-second", "8MiB") as server:
            events = [payment(i, f"c{i}", 200, place=secrets.token_hex(4000)) for i in range(900)]
            for first in range(0, 900, 100):
                assert server.send(events[first:first + 100]).status == 200
            begun = begin(server)
            wait_for(lambda: len(store.put_objects()) >= 3, "some objects")
            assert server.ask("GET", f"/v1/backups/{begun}").json["state"] == "running"
            has(tocsin("backup", "list", place, *store.reading).out, "there is no backup")
            server.kill()
        before = store.put_objects()
        with Server(*options, rules=None) as server:  # it takes over what it held
            store.control("fail", ["PUT", 503, 3])
            back_up(server)
            server.end()
        assert max(store.put_objects().values()) >= 4, store.put_objects()  # it was told to come again three times
        parts = [path for path, query in store.put_objects() if "partNumber=2" in query]
        assert parts, store.control("asked")
        again = [path for path in store.put_objects() - before if path in before and "partNumber" not in path[1]]
        assert len(again) <= 1, again  # the one that was under way
        restore_of(place, "new", *store.reading)
        has(tocsin("verify", "new").out, "new is good")
        assert stored("new") == stored() and len(stored()) == 900
        has(restore_of(place, "new2", "--backup", "20200101T000000000Z", *store.reading, code=2).err, "there is no backup 2020")


@case
def refused():
    """wrong credentials, no bucket, another store: each is named with its remedy, nothing shows a secret, and the next backup works"""
    with Store() as store:
        wrong = secrets.token_hex(20)
        store.give(secret=wrong)
        with Server(*store.options("three")) as server:
            fill(server, 100)
            ended = end_of(server, begin(server))
            assert ended["state"] == "failed", ended
            has(ended["failure"], "s3://bank/three/LOCK at http://127.0.0.1:", "403 SignatureDoesNotMatch", "correct the credentials")
            causes = server.ask("GET", "/v1/health").text
            has(causes, "backup_failed", "SignatureDoesNotMatch")
            store.give()
            back_up(server)
            assert "backup_failed" not in server.ask("GET", "/v1/health").text
            shown = causes + json.dumps(ended) + server.ask("GET", "/metrics").text + server.end().said
        keys = {"AWS_ACCESS_KEY_ID": store.key, "AWS_SECRET_ACCESS_KEY": store.secret}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        checked = tocsin("serve", "rules.tocsin", *store.options("three"), "--check-config", env=environment | keys)
        has(checked.out, 's3_credentials_file = "keys"', 'to = "s3://bank/three"')
        reading = store.reading[:2]
        has(tocsin("backup", "verify", "s3://bank/three", *reading, env=environment | keys).out, "is good: 1 backup")
        given = {"TOCSIN_BACKUPS_S3_ENDPOINT": reading[1], **keys, "AWS_ACCESS_KEY_ID": "AKIAOTHER"}
        unknown = tocsin("backup", "list", "s3://bank/three", env=environment | given, code=5)
        has(unknown.err, "InvalidAccessKeyId", "it does not know the access key")
        has(tocsin("backup", "list", "s3://bank/three", *reading, env=environment, code=2).err, "there are no credentials for S3: set AWS_ACCESS_KEY_ID")
        has(tocsin("serve", "rules.tocsin", "--data", "other", "--backups-to", "s3://bank/three", env=environment, code=None).err,
            "backups.to: s3://bank/three: there are no credentials")
        missing = tocsin("backup", "list", "s3://bank-of-nobody/a", *store.reading, code=None)
        assert missing.code in (3, 5), missing
        has(missing.err, "s3://bank-of-nobody/a/FORMAT")
        has(tocsin("backup", "verify", "s3://bank/four", *store.reading, code=2).err, "there are no backups in s3://bank/four/")
        has(tocsin("serve", "rules.tocsin", "--backups-to", "s3://bank/a//b", "--check-config", code=2).err, "backups.to: s3://bank/a//b: a prefix has steps")
        silent = tocsin("backup", "list", "s3://bank/three", "--backups-s3-endpoint", "http://127.0.0.1:9", *store.reading[2:],
                        "--backups-s3-attempts", "2", code=3)
        has(silent.err, "Connection refused; it was tried 2 times")
        # Over TLS a store is believed whose certificate the system trusts.
        secure = ("--backups-s3-endpoint", f"https://127.0.0.1:{store.tls_port}", *store.reading[2:])
        has(tocsin("backup", "list", "s3://bank/three", *secure, code=None).err, "its certificate is not valid")
        trusting = os.environ | {"SSL_CERT_FILE": os.path.abspath("store.pem")}
        has(tocsin("backup", "verify", "s3://bank/three", *secure, env=trusting).out, "is good: 1 backup")
        shown += "".join(one.out + one.err for one in (checked, unknown, missing, silent))
        assert store.secret not in shown and wrong not in shown


@case
def silent():
    """a store that never answers keeps no server from starting, working and ending"""
    write("keys", "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\n")
    with socket.create_server(("127.0.0.1", 0)) as store:
        with Server("--backups-to", "s3://bank/five", "--backups-s3-endpoint", f"http://127.0.0.1:{store.getsockname()[1]}",
                    "--backups-s3-credentials-file", "keys", "--backups-s3-timeout", "10m") as server:
            fill(server, 100)
            begin(server)
            server.end()


if __name__ == "__main__":
    if not PYTHON.exists():
        print("skipped: ./do setup python makes the environment that it needs\n0 passed, 0 failed")
        sys.exit(0)
    run_cases()
