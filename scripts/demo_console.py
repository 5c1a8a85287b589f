#!/usr/bin/env python3
"""What is behind `./do demo --console`: a server with the sample rules and a generated stream, to look at in the web console.

    demo_console.py [--once]     with TOCSIN_BINARY set; --once ends as soon as there is something to see

Alerts go to a webhook receiver, and one rule is in shadow. Everything lies in a folder of its own and ends with the
script. TOCSIN_DEMO_EVENTS is the number of events (100000), TOCSIN_DEMO_PORT the server's port (8627).
"""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOCSIN = os.environ["TOCSIN_BINARY"]
EVENTS = int(os.environ.get("TOCSIN_DEMO_EVENTS", "100000"))
PORT = int(os.environ.get("TOCSIN_DEMO_PORT", "8627"))
BATCH = 5_000  # lines of a request
SHADOW = "velocity"
PATIENCE_S = 60


def say(text):
    print(f"\n== {text}", flush=True)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(condition, what):
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > ends:
            sys.exit(f"demo: waited {PATIENCE_S} s in vain for {what}")
        time.sleep(0.05)


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.token = None
        self.port = None

    def start(self, *arguments):
        log = open(self.folder / f"{arguments[0]}.log", "wb")
        process = subprocess.Popen([TOCSIN, *map(str, arguments)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(PATIENCE_S)

    def ask(self, method, path, body=None, media="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        text = json.dumps(body) if isinstance(body, dict) else body
        headers = {"Content-Type": media} if text is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            said = answer.read()
        except OSError:
            return 0, None
        finally:
            connection.close()
        if answer.status >= 400:
            return answer.status, said.decode()
        return answer.status, json.loads(said) if said.startswith(b"{") else said.decode()

    def must(self, *asked, **more):
        status, answer = self.ask(*asked, **more)
        if not 200 <= status < 300:
            sys.exit(f"demo: {asked[0]} {asked[1]}: {status} {answer}")
        return answer

    def serve(self):
        port_file = self.folder / "port"
        # The events are of one fixed week, so time does not follow the clock.
        server = self.start("serve", ROOT / "samples/payments", "--data", "data", "--listen", f"127.0.0.1:{PORT}", "--http-port-file", port_file,
                            "--time-ahead-max", "0", "--time-heartbeat", "0", "--webhooks-allow", "127.0.0.0/8")
        wait_for(lambda: server.poll() is not None or port_file.exists(), "the server")
        if server.poll() is not None:
            sys.exit((self.folder / "serve.log").read_text(encoding="utf-8").strip())
        self.port = int(port_file.read_text(encoding="utf-8"))
        wait_for(lambda: self.ask("GET", "/readyz")[0] == 200, "the server to be ready")
        self.token = (self.folder / "data/admin-token").read_text(encoding="utf-8").strip()

    def subscribe(self):
        port = free_port()
        made = self.must("POST", "/v1/subscriptions", {"name": "the demo's receiver", "url": f"http://127.0.0.1:{port}/alerts"})
        secret = self.folder / "secret"
        secret.touch(0o600)
        secret.write_text(made["secret"] + "\n", encoding="utf-8")
        self.start("receive", "--listen", f"127.0.0.1:{port}", "--secret-file", secret)

    def stage(self):
        done = subprocess.run([TOCSIN, "stage", "--server", f"http://127.0.0.1:{self.port}", "--token-file", "data/admin-token", "--comment",
                               "the demo looks at it first", SHADOW, "shadow"], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"demo: {done.stderr}")

    def send(self):
        lines = self.folder.joinpath("events.ndjson").read_bytes().splitlines(keepends=True)
        for begin in range(0, len(lines), BATCH):
            self.must("POST", "/v1/events", b"".join(lines[begin:begin + BATCH]), media="application/x-ndjson")
            print(f"\r{min(begin + BATCH, len(lines)):,} of {len(lines):,} events", end="", flush=True)
        print()

    def shown(self):
        """How many alerts, deliveries and alerts in shadow there are to look at."""
        page = self.must("GET", "/v1/alerts?limit=1000")["alerts"]
        rules = {rule["id"]: rule for rule in self.must("GET", "/v1/rules")["rules"]}
        shadow = self.must("GET", f"/v1/alerts?limit=1000&shadow=true&rule={SHADOW}")["alerts"]
        received = self.folder.joinpath("receive.log").read_bytes().count(b"\n")
        return {"alerts": len(page), "deliveries": received, "in shadow": len(shadow), "rules": len(rules)}


def main():
    once = sys.argv[1:] == ["--once"]
    if sys.argv[1:] and not once:
        sys.exit(__doc__)
    version = subprocess.run([TOCSIN, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    if not re.search(r"console +built in", version):
        print("This program was built without the console: ./do setup console installs what it needs; then build again.", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as name:
        demo = Demo(pathlib.Path(name))
        try:
            say("A server with the rules of samples/payments")
            demo.serve()
            demo.stage()
            demo.subscribe()
            say(f"{EVENTS:,} payments, logins and transfers, with planted fraud")
            subprocess.run([TOCSIN, "generate", "--events", str(EVENTS), "--seed", "7", "--fraud", "2", "--quiet", "--out", "events.ndjson"], cwd=demo.folder,
                           check=True, stdin=subprocess.DEVNULL)
            demo.send()
            wait_for(lambda: all(demo.shown().values()), "alerts, deliveries and alerts in shadow")
            print(", ".join(f"{number:,} {what}" for what, number in demo.shown().items()))
            say(f"Open http://127.0.0.1:{demo.port}/ and sign in with this token; Ctrl-C ends it")
            print(demo.token, flush=True)
            if not once:
                signal.pause()
        except KeyboardInterrupt:
            print()
        finally:
            demo.end()


main()
