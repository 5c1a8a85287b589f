"""A `tocsin serve` of its own for a case of an end-to-end script."""
import http.client
import json
import os
import pathlib
import re
import signal

from harness import LIMIT_S, RULES, json_lines, lines, read, start, tocsin, wait_for, write
from openapi_answers import Document

UNIQUE_RULES = RULES.replace("id: string id, card: string, amount", "id: string id unique, card: string, amount")
# Events of a fixed day, and nothing that depends on when the test runs.
TIMELESS = ("--time-ahead-max", "0", "--time-heartbeat", "0")
NDJSON = "application/x-ndjson"


class Answer:
    """What came back: status, headers, the body as text and, where it is some, as JSON."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body.decode("utf-8", "replace")
        is_json = (headers.get("Content-Type") or "").endswith(("/json", "+json"))
        self.json = json.loads(body) if is_json and body else None

    def __repr__(self):
        return f"{self.status} {dict(self.headers)}\n{self.text}"

    def problem(self):
        """The slug of the problem that it is."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        assert self.json["status"] == self.status and self.json["detail"], self
        return self.json["type"].removeprefix("urn:tocsin:problem:")


class Server:
    """A server with its data in `data`; killed at the end of the case where it still runs."""

    def __init__(self, *arguments, rules=RULES, data="data", options=TIMELESS, may_fail=False, **more):
        pathlib.Path("port").unlink(missing_ok=True)
        if rules is not None:
            write("rules.tocsin", rules)
            arguments = ("rules.tocsin", *arguments)
        self.data = data
        self.document = None  # what its answers are held to, once it can be asked
        self.process = start("serve", *arguments, *options, "--data", data, "--listen", "127.0.0.1:0",
                             "--http-port-file", "port", **more)
        self.said = ""
        if may_fail:
            return
        wait_for(lambda: os.path.exists("port") or self.process.poll() is not None, "the port")
        assert self.process.poll() is None, self.end().said
        self.port = int(read("port"))
        self.token = read(f"{data}/admin-token").strip()
        wait_for(lambda: self.ask("GET", "/readyz").status == 200, "readiness")
        self.document = Document(self.ask("GET", "/openapi.json").json)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT_S)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def open(self, timeout):
        """A connection that is not made yet."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, token=True, media=None, headers=None, timeout=LIMIT_S):
        connection = self.open(timeout)
        given = dict(headers or {})
        if token:
            given["Authorization"] = f"Bearer {self.token if token is True else token}"
        if isinstance(body, (dict, list)):
            body, media = json.dumps(body), media or "application/json"
        if isinstance(body, str):
            body = body.encode()
        if media:
            given["Content-Type"] = media
        try:
            connection.request(method, path, body=body, headers=given)
            answer = connection.getresponse()
            answer = Answer(answer.status, answer.headers, answer.read())
            if self.document is not None:
                self.document.check(method, path, answer)
                if answer.status < 300:
                    self.document.check_request(method, path, given)
            return answer
        finally:
            connection.close()

    def send(self, events, query="", **options):
        text = events if isinstance(events, (str, bytes)) else lines(events)
        return self.ask("POST", "/v1/events" + query, text, media=options.pop("media", NDJSON), **options)

    def metric(self, name):
        """A metric's value; of one with labels their sum."""
        found = re.findall(rf"^tocsin_{name}(?:\{{[^}}]*\}})? (\S+)$", self.ask("GET", "/metrics").text, re.M)
        return sum(float(value) for value in found)

    def held(self):
        """What its process holds: memory in bytes, open files and threads."""
        process = pathlib.Path(f"/proc/{self.process.pid}")
        resident = re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text(encoding="utf-8"))[1]
        return int(resident) * 1024, len(os.listdir(process / "fd")), len(os.listdir(process / "task"))

    def cpu_seconds(self):
        """What its process has used so far, in all its threads."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self, how=signal.SIGTERM, code=0):
        """Ends it by a signal, or without one waits for its end, and checks the exit code; None: any."""
        if how is not None and self.process.poll() is None:
            self.process.send_signal(how)
        _, said = self.process.communicate(timeout=LIMIT_S)
        self.said = said.decode()
        assert code is None or self.process.returncode == code, f"exit code {self.process.returncode}\n{self.said}"
        return self

    def kill(self):
        return self.end(signal.SIGKILL, -signal.SIGKILL)


def statuses(answer):
    assert answer.status == 200, answer
    return [verdict["status"] for verdict in answer.json["verdicts"]]


def stored(data="data"):
    """The alerts that a data directory holds."""
    return json_lines(tocsin("alerts", "--data", data).out)


def alone(events, rules="rules.tocsin"):
    """The alerts of a run over the same events, as the server takes them."""
    done = tocsin("run", rules, "--input", "-", "--late-policy", "clamp", "--out-of-orderness", "0", "--no-final-watermark",
                  stdin=events if isinstance(events, str) else lines(events))
    return done.alerts()


def zstd_bomb(blocks):
    """A frame with a window of 8 MiB, and blocks of 128 KiB of one repeated byte, 4 bytes each."""
    parts = (((128 << 10) << 3 | 1 << 1 | (number == blocks - 1)).to_bytes(3, "little") + b"\n" for number in range(blocks))
    return b"\x28\xb5\x2f\xfd\x00\x68" + b"".join(parts)
