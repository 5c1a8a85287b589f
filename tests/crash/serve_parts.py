"""What serve_round.py needs of a server's outside: who asks it over all its lives, and who takes its webhooks."""
import base64
import contextlib
import gzip
import hashlib
import hmac
import http.client
import json
import random
import re
import socket
import struct
import threading
import time

from crash_parts import LIMIT_S, Listener, check


class Gone(Exception):
    """No answer came: what was asked may have been done or not."""


class Over(Exception):
    """The round is over, or has failed elsewhere."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def problem(self):
        return self.json()["type"].removeprefix("urn:tocsin:problem:")

    def __repr__(self):
        return f"{self.status} {self.body[:2000].decode('utf-8', 'replace')}"


class Host:
    """The server as its clients see it: there is one, or none, and another port in each life."""

    def __init__(self):
        self.changed = threading.Condition()
        self.address = None      # (port, token)
        self.answers = 0         # good ones, of all clients
        self.changes = 0         # those among them that changed something other than by events
        self.kill_at = (None, None)  # at so many answers, or changes, the server is ended at once
        self.kill = lambda: None
        self.request_ids = []    # of changes that were answered well: (X-Request-Id, status)
        self.failure = None
        self.progress = {}       # of senders, by name: 0 to 1

    def up(self, port, token):
        with self.changed:
            self.address = (port, token)
            self.changed.notify_all()

    def down(self):
        with self.changed:
            self.address = None

    def fail(self, error):
        with self.changed:
            self.failure = self.failure or error
            self.changed.notify_all()

    def is_over(self):
        """So much was answered that the server is to end."""
        answers, changes = self.kill_at
        return answers is not None and self.answers >= answers or changes is not None and self.changes >= changes

    def where(self):
        with self.changed:
            if not self.changed.wait_for(lambda: self.address or self.failure, LIMIT_S):
                raise Over("no server came up")
            if self.failure:
                raise Over("another client has failed")
            return self.address

    def ask_once(self, method, path, body=None, headers=None):
        """One request: its answer, or Gone."""
        address = self.where()
        port, token = address
        given = {"Authorization": f"Bearer {token}", **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        try:
            connection.request(method, path, body=body, headers=given)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            with self.changed:  # the next life has another address
                if self.address == address and isinstance(error, ConnectionRefusedError):
                    self.changed.wait(0.02)
            raise Gone(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    def ask(self, method, path, body=None, headers=None, good=(200,)):
        """The same, again where the server has no time, or ends; any other answer than a good one is a failure."""
        deadline = time.monotonic() + LIMIT_S / 5
        while True:
            answer = self.ask_once(method, path, body, headers)
            if answer.status in (429, 503) and time.monotonic() < deadline:
                time.sleep(0.005)
                continue
            check(answer.status in good, lambda: f"{method} {path} was answered with {answer}")
            if answer.status < 300:
                is_change = method != "GET" and not path.startswith("/v1/events")
                with self.changed:
                    self.answers += 1
                    self.changes += is_change
                    if self.is_over():
                        self.kill()
                    if is_change and "Idempotent-Replayed" not in answer.headers:
                        self.request_ids.append((answer.headers["X-Request-Id"], answer.status))
            return answer

    def ask_until(self, method, path, body=None, headers=None, good=(200,), good_again=()):
        """Until there is an answer. `good_again`: also good where the one before did not come."""
        while True:
            try:
                return self.ask(method, path, body, headers, good)
            except Gone:
                good = (*good, *good_again)


# --- events ----------------------------------------------------------------------------------------------------------


def is_object(line):
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def cloud_event(line, name):
    """A line in an envelope with its own type and id, and the line that the server makes of it; none where it has no such type."""
    event = json.loads(line)
    identity = event.get("id")
    members = {"type": event.get("type"), "id": identity if isinstance(identity, str) and identity else name, "source": "/crash"}
    if not isinstance(members["type"], str) or not members["type"]:
        return None
    try:
        texts = {key: json.dumps(value, ensure_ascii=False).encode() for key, value in members.items()}
    except UnicodeEncodeError:
        return None
    before = b",".join(b'"%s":%s' % (key.encode(), value) for key, value in texts.items())
    envelope = b'{"specversion":"1.0","data":%s,%s}' % (line, before)
    rest = line[line.index(b"{") + 1:]
    return envelope, b"{" + before + (b"," if rest.strip(b" \t\r\n") != b"}" else b"") + rest


class Batch:
    """Lines as one request has them: its body, and the lines that come of it."""

    def __init__(self, rng, lines, name):
        objects = all(is_object(line) for line in lines)
        pairs = [cloud_event(line.strip(), f"{name}-{number}") for number, line in enumerate(lines)] if objects else []
        how = rng.choice(["ndjson", "ndjson", "array", "cloudevents"] if objects else ["ndjson"])
        how = "array" if how == "cloudevents" and None in pairs else how
        self.headers = {}
        self.lines = [line.strip() for line in lines] if objects else list(lines)
        if how == "ndjson":
            self.lines = list(lines)
            media = "application/x-ndjson"
            body = b"".join((b"\n" if rng.random() < 0.05 else b"") + line + b"\n" for line in lines)
        elif how == "array":
            media, body = "application/json", b"[" + b",\n".join(self.lines) + b"]"
        else:
            media = "application/cloudevents-batch+json"
            body = b"[" + b",".join(envelope for envelope, _ in pairs) + b"]"
            self.lines = [line for _, line in pairs]
        self.headers["Content-Type"] = media
        if rng.random() < 0.3:
            body = gzip.compress(body, 1)
            self.headers["Content-Encoding"] = "gzip"
        self.body = body


MOMENT = re.compile(rb'"type":"moment".*?"id":"([^"]+)"')


class Client(threading.Thread):
    """Works on a host until it is through; what it finds wrong ends the round."""

    def __init__(self, host, rng):
        super().__init__(daemon=True)
        self.host, self.rng = host, random.Random(rng.random())
        self.begins = None  # an event that is waited for

    def run(self):
        try:
            while self.begins and not self.begins.wait(0.05):
                if self.host.failure:
                    return
            self.work()
        except Over:
            pass
        except BaseException as error:  # whatever it is, the round has failed
            self.host.fail(error)


class EventClient(Client):
    """Sends events. `silence_state()`: whether alerts of the rule moment_quiet are silenced, as far as it is known."""

    def begin_sending(self, name, silence_state=lambda: "never"):
        self.name, self.silence_state = name, silence_state
        self.alerts = set()    # ids of those that were answered
        self.silenced_at = {}  # id of a moment: the state when it was sent first
        self.host.progress[name] = 0.0

    def go_on(self, progress, ahead):
        """Says how much of its events is sent, and waits for those who are far behind: most events are not very late."""
        with self.host.changed:
            self.host.progress[self.name] = progress
            self.host.changed.notify_all()
            self.host.changed.wait_for(lambda: progress <= min(self.host.progress.values()) + ahead or self.host.failure)

    def events_answer(self, batch, headers):
        for line in batch.lines:
            if found := MOMENT.search(line):
                self.silenced_at.setdefault(found[1].decode(), self.silence_state())
        query = self.rng.choice(["", "", "?wait=alerts&timeout=50ms"])
        answer = self.host.ask("POST", "/v1/events" + query, batch.body, {**batch.headers, **headers}).json()
        verdicts = answer["verdicts"]
        check(answer["events"] == len(batch.lines) == len(verdicts), lambda: f"{len(batch.lines)} events, and {answer}")
        for status in ("accepted", "duplicate", "late", "clamped", "ignored", "invalid"):
            check(answer[status] == sum(one["status"] == status for one in verdicts), lambda: f"counts of {answer}")
        self.alerts.update(alert["id"] for alert in answer.get("alerts", []))
        return answer


class Producer(EventClient):
    """Counts its lines, and sends again what was not acknowledged."""

    def __init__(self, host, rng, name, lines):
        super().__init__(host, rng)
        self.begin_sending(name)
        self.verdicts = []       # of acknowledged lines: (verdict, whether it may be one of a repeat)
        self.lines = []          # as they must be in the journal
        self.batches = []
        at = 0
        while at < len(lines):
            count = self.rng.choice([1, 3, 10, 20])
            self.batches.append(Batch(self.rng, lines[at:at + count], f"{name}-{at}"))
            self.lines += self.batches[-1].lines
            at += count

    def send(self, batch, sequence):
        headers = {"Tocsin-Producer": self.name, "Tocsin-Sequence": str(sequence)}
        if self.rng.random() < 0.2:
            headers["Idempotency-Key"] = f"{self.name}-{sequence}"
        return self.events_answer(batch, headers)

    def next_sequence(self):
        answer = self.host.ask("GET", f"/v1/producers/{self.name}", good=(200, 404))
        return 0 if answer.status == 404 else answer.json()["next_sequence"]

    def work(self):
        ahead = self.rng.choice([0.01, 0.1])
        for batch in self.batches:
            self.go_on(len(self.verdicts) / len(self.lines), ahead)
            begin, end = len(self.verdicts), len(self.verdicts) + len(batch.lines)
            may_be_repeat = False
            while True:
                try:
                    if may_be_repeat and self.rng.random() < 0.3:
                        # A batch without an answer may be on disk in part: it has several records where segments are small.
                        known = self.next_sequence()
                        check(begin <= known <= end, f"{self.name} is at {known}, not between {begin} and {end}")
                    answer = self.send(batch, begin)
                    break
                except Gone:
                    may_be_repeat = True
            check(answer["next_sequence"] == end, lambda: f"{self.name}: {answer['next_sequence']} is next, not {end}")
            self.verdicts += [(verdict, may_be_repeat) for verdict in answer["verdicts"]]
            if self.rng.random() < 0.1:
                self.repeat(batch, begin)
        self.go_on(1.0, 1.0)

    def repeat(self, batch, begin):
        """What was acknowledged is known, in this life and in the next."""
        with contextlib.suppress(Gone):
            answer = self.send(batch, begin)
            check(answer["duplicate"] == len(batch.lines), lambda: f"a repeat of {self.name} at {begin} is answered {answer}")
            # Another event in its place is no repeat.
            headers = {"Tocsin-Producer": self.name, "Tocsin-Sequence": str(begin), "Content-Type": "application/x-ndjson"}
            answer = self.host.ask("POST", "/v1/events", b'{"type":"in_the_place_of_another"}\n', headers, good=(409,)).json()
            check(answer["type"].endswith(":repeat-differs") and answer["differing_sequence"] == begin,
                  lambda: f"another event of {self.name} at {begin} is answered {answer}")


class Pusher(EventClient):
    """Counts nothing; each attempt begins with a line of its own, so that the journal shows what came of it."""

    def __init__(self, host, rng, name, lines):
        super().__init__(host, rng)
        self.begin_sending(name)
        self.rest = lines
        self.sent = {}       # first line: the lines of an attempt
        self.verdicts = {}   # first line: its verdicts, where it was acknowledged

    def work(self):
        ahead, count = self.rng.choice([0.01, 0.1]), len(self.rest)
        while self.rest:
            self.go_on(1 - len(self.rest) / count, ahead)
            lines = self.rest[:self.rng.choice([1, 5, 15])]
            first = b'{"type":"attempt","name":"%s-%d"}' % (self.name.encode(), len(self.sent))
            batch = Batch(self.rng, [first, *lines], f"{self.name}-{len(self.sent)}")
            self.sent[batch.lines[0]] = batch.lines
            with contextlib.suppress(Gone):
                self.verdicts[batch.lines[0]] = self.events_answer(batch, {})["verdicts"]
                self.rest = self.rest[len(lines):]
        self.go_on(1.0, 1.0)


# --- webhooks --------------------------------------------------------------------------------------------------------


class Hooks(Listener):
    """Endpoints, by path, that fail now and then: by a status, a wait, or an end without an answer."""

    def __init__(self, rng, failing=None):
        self.taken = []     # (path, webhook id, body) that were processed, answered or not
        self.secrets = {}   # path: whsec_…
        self.unsigned = []  # deliveries whose signature is not right
        self.is_calm = False
        self.rng = random.Random(rng.random())
        self.failing = rng.choice([0.0, 0.05, 0.2]) if failing is None else failing
        self.lock = threading.Lock()
        super().__init__()

    def take(self, request, body):
        with self.lock:
            fails = not self.is_calm and self.rng.random() < self.failing
            how = self.rng.choice(["500", "429", "hang", "reset", "late"]) if fails else "well"
            if how in ("well", "reset", "late"):
                self.note(request.path, request.headers, body)
        if how in ("hang", "late"):
            time.sleep(0.4)
        if how == "reset":
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how in ("hang", "reset"):
            request.close_connection = True
        elif how == "429":
            self.answer(request, 429, Retry_After="1")
        else:
            self.answer(request, 500 if how == "500" else 204)

    def note(self, path, headers, body):
        self.taken.append((path, headers["webhook-id"], body.decode()))
        secret = self.secrets.get(path)
        if secret is None:  # the answer that shows it never came
            return
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        if wanted not in headers["webhook-signature"].split(" "):
            self.unsigned.append((path, headers["webhook-id"]))

    def of(self, path):
        return [(webhook_id, body) for at, webhook_id, body in list(self.taken) if at == path]
