"""What crash.py runs and asks: lives of the program, senders, a receiver of webhooks, a ledger of what was acknowledged."""
import base64
import contextlib
import http.server
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import threading
import time

LIMIT_S = 300  # for one life; far beyond what one takes
KILLED = -signal.SIGKILL


class Failure(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failure(message() if callable(message) else message)


def first_difference(wanted, found):
    """Where two lists of lines part, in words."""
    for number, (a, b) in enumerate(zip(wanted, found)):
        if a != b:
            return f"at {number}:\n  wanted: {a}\n  found:  {b}"
    number = min(len(wanted), len(found))
    rest = (wanted if len(wanted) > number else found)[number]
    return f"{'only wanted' if len(wanted) > number else 'only found'}, at {number}:\n  {rest}"


# --- the receiver --------------------------------------------------------------------------------------------------


class Listener:
    """An HTTP server on this machine, for webhooks: `self.take(request, body)` answers each POST."""

    def __init__(self):
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                listener.take(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 64

            def handle_error(self, *_):  # a client that was killed is no news
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @staticmethod
    def answer(request, status, **headers):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Receiver(Listener):
    """A webhook endpoint that remembers every delivery, and now and then does not answer well."""

    def __init__(self, rng, failing=None):
        self.deliveries = []  # (webhook id, body)
        self.lock = threading.Lock()
        self.failing = rng.choice([0.0, 0.0, 0.0, 0.0, 0.1]) if failing is None else failing
        self.rng = random.Random(rng.random())
        super().__init__()
        self.url += "/alerts"

    def take(self, request, body):
        with self.lock:
            refused = self.rng.random() < self.failing
            if not refused:
                self.deliveries.append((request.headers["webhook-id"], body.decode()))
        self.answer(request, 500 if refused else 204)


# --- lives ---------------------------------------------------------------------------------------------------------


class Life:
    """One run of the program, with what it said on its standard error."""

    def __init__(self, arguments, log, environment=None, stdin=subprocess.DEVNULL, number=0):
        self.log_path = log
        self.log = open(log, "ab")
        self.log.write(f"--- life {number}: {' '.join(map(str, arguments))} {environment or ''}\n".encode())
        self.log.flush()
        self.log_begin = self.log.tell()
        self.process = subprocess.Popen([str(word) for word in arguments], stdin=stdin, stdout=self.log,
                                        stderr=self.log, env={**os.environ, **(environment or {})})

    def poll(self):
        return self.process.poll()

    def threads(self):
        """What each of its threads waits for, as far as the kernel tells."""
        states = []
        for task in sorted(pathlib.Path(f"/proc/{self.process.pid}/task").glob("*")):
            with contextlib.suppress(OSError):
                name, where = (task / "comm").read_text().strip(), (task / "wchan").read_text().strip()
                call = (task / "syscall").read_text().split()[0]
                states.append(f"{name} in {where or '?'}, system call {call}")
        return "; ".join(states)

    def said(self):
        """What it wrote; once it has ended."""
        return self.log_path.read_bytes()[self.log_begin:].decode("utf-8", "replace")

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def wait(self):
        try:
            code = self.process.wait(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise Failure(f"the program did not end within {LIMIT_S} s") from None
        finally:
            self.log.close()
        return code


class Deadline:
    """Ends a life after so many seconds, unless it is called off. `how`: kills it where nothing is given."""

    def __init__(self, life, seconds, how=None):
        self.is_past = False
        self.how = how or life.kill
        self.timer = threading.Timer(seconds, self.come)
        self.timer.start()

    def come(self):
        self.is_past = True
        self.how()

    def cancel(self):
        self.timer.cancel()
        self.timer.join()


class Ledger:
    """What was acknowledged, read from outside."""

    def __init__(self, path):
        self.path = path
        self.acknowledged = 0

    def forget_file(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def read(self):
        """The number in the file, or None while there is none."""
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return None
        whole = text[:text.rfind("\n") + 1].split()
        if not whole:
            return None
        number = int(whole[-1])
        check(number >= self.acknowledged,
              lambda: f"{number} lines are acknowledged after {self.acknowledged} were")
        self.acknowledged = number
        return number


class Sender:
    """Sends lines to a life from the one on that it asks for, at most `window` ahead of what it acknowledges.

    `chunk`, `pause_s`: how many at once and how long to wait before, by how many are left.
    """

    def __init__(self, lines, ledger, window=1 << 30, chunk=lambda left: 1000, pause_s=lambda left: 0):
        self.lines, self.ledger, self.window, self.chunk, self.pause_s = lines, ledger, window, chunk, pause_s

    def send(self, life, kill_after=None):
        """Until all is sent; or kills the life once so many lines are acknowledged, and says that it did."""
        pipe = life.process.stdin.fileno()
        os.set_blocking(pipe, False)
        next_line, unsent, is_closed = None, b"", False
        acknowledged, moved_at = None, time.monotonic()
        try:
            while life.poll() is None:
                before, acknowledged = acknowledged, self.ledger.read()
                if acknowledged != before:
                    moved_at = time.monotonic()
                check(time.monotonic() < moved_at + LIMIT_S,
                      lambda: f"lines are not acknowledged, {acknowledged} are; {life.threads()}")
                if acknowledged is None:
                    time.sleep(0.0005)
                    continue
                if next_line is None:
                    next_line = acknowledged
                    check(next_line <= len(self.lines), "more lines are acknowledged than were sent")
                if kill_after is not None and acknowledged >= kill_after:
                    life.kill()
                    return True
                if not unsent and next_line < len(self.lines) and next_line - acknowledged < self.window:
                    left = len(self.lines) - next_line
                    time.sleep(self.pause_s(left))
                    end = next_line + min(left, self.chunk(left), self.window)
                    unsent = b"".join(line + b"\n" for line in self.lines[next_line:end])
                    next_line = end
                if unsent:
                    with contextlib.suppress(BlockingIOError):
                        unsent = unsent[os.write(pipe, unsent):]
                        continue
                elif next_line == len(self.lines) and not is_closed:
                    is_closed = True
                    life.process.stdin.close()
                    if kill_after is None:
                        return False
                time.sleep(0.0005)
        except BrokenPipeError:
            pass  # it is gone
        finally:
            with contextlib.suppress(BrokenPipeError):
                life.process.stdin.close()
        return False


# --- what was set aside --------------------------------------------------------------------------------------------


def without_repeats(text):
    """How many signs stand for broken bytes is a matter of taste."""
    return re.sub("\ufffd+", "\ufffd", text)


def read_aside(path):
    """Rows of lines of JSON, as `late list`, `--late` and their like write them; those of files have no arrival."""
    rows = []
    for line in path.read_text().split("\n")[:-1]:
        row = json.loads(line)
        text = base64.b64decode(row["base64"]) if "base64" in row else row["text"].encode()
        said = row["late_us"] if "late_us" in row else without_repeats(row["reason"])
        rows.append((row.get("arrival", "0:0"), row["input"], row["line"], said, row.get("reinjected_as", 0), text))
    return rows


def expected_aside(path, is_late):
    """Rows as the oracle writes them."""
    rows = []
    for line in path.read_text().split("\n")[:-1]:
        arrival, source, number, late_us, reason, again, text = line.split("\t")
        said = int(late_us) if is_late else without_repeats(bytes.fromhex(reason).decode("utf-8", "replace"))
        rows.append((arrival, source, int(number), said, int(again), bytes.fromhex(text)))
    return rows


def check_aside(tools, data, folder, kind, wanted, is_whole=True, first_sequence=0):
    """The list of what was set aside, row by row; or its end, where the oldest may have been let go of.

    `first_sequence`: the journal's; of what it has let go of the place in it is not known any more.
    """
    listed = folder / f"{kind}.ndjson"
    listed.write_text(tools.run(tools.tocsin, kind, "list", "--data", data))
    found = read_aside(listed)
    if not is_whole:
        check(len(found) <= len(wanted), f"the {kind} list has {len(found)} rows of {len(wanted)}")
        wanted = wanted[len(wanted) - len(found):]
    for number, (row, other) in enumerate(zip(wanted, found)):
        record = int(other[0].split(":")[0])
        if row[0].startswith("0:") and 0 < record < first_sequence:
            wanted[number] = (other[0], *row[1:])
    check(wanted == found, lambda: f"the {kind} list has other rows ({len(wanted)}, {len(found)}): " +
          first_difference(wanted, found))


class Tools:
    def __init__(self, tocsin, oracle):
        self.tocsin, self.oracle = tocsin, oracle

    @staticmethod
    def run(*words):
        done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=LIMIT_S, check=False)
        check(done.returncode == 0, lambda: f"{' '.join(map(str, words))}\nended with code {done.returncode}:\n" +
              done.stderr.decode("utf-8", "replace"))
        return done.stdout.decode()
