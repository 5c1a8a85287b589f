#!/usr/bin/env python3
"""Kills the real program under load, at random moments and at named points, starts it again until its stream is
through, and compares what it has in the end with what an oracle makes of its journal.

    crash.py TOCSIN_BINARY [--rounds N] [--seed S] [--kind KIND] [--points] [--keep]

A round is made from one number. It runs `tocsin run RULES --data DIR` over standard input, fed by a sender that goes
on from what was acknowledged, or over files. An outside ledger remembers every acknowledgement. In the end:

  - every acknowledged line is in the journal, and the journal has each line that was sent once, in order;
  - the alerts in the store are those of the oracle for the order of the journal, byte by byte: none lost, none twice,
    none different; the copy of --alerts has them too;
  - every alert was delivered to the webhook at least once, always with the same webhook id, and nothing else was;
  - `tocsin verify` finds nothing.

--points: besides the rounds, one life is ended at each crash point in the sources; each must be passed. A round that
fails keeps its folder and says how to replay it. Last line: N passed, N failed.
"""
import argparse
import collections
import contextlib
import gzip
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 120  # for one life; far beyond what one takes
SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
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


# --- crash points --------------------------------------------------------------------------------------------------


# Passed only with options that no round has; the tests of its part pass it.
NOT_PASSED = {"effects.retention", "savepoint.delete"}


def crash_points():
    """All names that the sources give, by part: {"journal": ["journal.append", …], …}."""
    points = collections.defaultdict(set)
    for folder in ("runtime", "api"):
        for path in (ROOT / folder).glob("*.cpp"):
            for name in re.findall(r'crash_point\("([^"]+)"\)', path.read_text(encoding="utf-8")):
                if name not in NOT_PASSED:
                    points[name.split(".")[0]].add(name)
    return {part: sorted(names) for part, names in sorted(points.items())}


# --- the receiver --------------------------------------------------------------------------------------------------


class Receiver:
    """A webhook endpoint on this machine that remembers every delivery, and now and then does not answer well."""

    def __init__(self, rng, failing=None):
        self.deliveries = []  # (webhook id, body)
        lock = threading.Lock()
        receiver = self
        failing = rng.choice([0.0, 0.0, 0.1]) if failing is None else failing
        local = random.Random(rng.random())

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    refused = local.random() < failing
                    if not refused:
                        receiver.deliveries.append((self.headers["webhook-id"], body.decode()))
                self.send_response(500 if refused else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 64

            def handle_error(self, *_):  # a client that was killed is no news
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/alerts"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# --- lives ---------------------------------------------------------------------------------------------------------


class Life:
    """One run of the program, with what it said on its standard error."""

    def __init__(self, arguments, log, environment=None, stdin=subprocess.DEVNULL, number=0):
        self.log_path = log
        self.log = open(log, "ab")
        self.log.write(f"--- life {number}: {' '.join(map(str, arguments))} {environment or ''}\n".encode())
        self.log.flush()
        self.process = subprocess.Popen([str(word) for word in arguments], stdin=stdin, stdout=self.log,
                                        stderr=self.log, env={**os.environ, **(environment or {})})

    def poll(self):
        return self.process.poll()

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
    """Ends a life after so many seconds, unless it is called off."""

    def __init__(self, life, seconds):
        self.is_past = False
        self.life = life
        self.timer = threading.Timer(seconds, self.come)
        self.timer.start()

    def come(self):
        self.is_past = True
        self.life.kill()

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


class Round:
    """One stream, however many lives it takes."""

    def __init__(self, tools, seed, folder, kind, point=None):
        self.tools, self.seed, self.folder, self.kind = tools, seed, folder, kind
        self.rng = random.Random(seed)
        self.point = point  # the first life ends there
        self.data = folder / "data"
        self.log = folder / "log"
        self.lives = 0
        self.kills = collections.Counter()  # by what ended a life
        self.receiver = None
        self.options = []
        self.inputs = []
        self.make_world()

    # --- the world

    def make_world(self):
        world = self.folder / "world"
        world.mkdir()
        rng = self.rng
        if self.kind in ("payments", "payment-files"):
            count = rng.choice([2_000, 6_000, 20_000])
            self.rules = sorted((ROOT / "samples/payments").glob("*.tocsin"))
            disorder = rng.choice([[], ["--disorder", "2s"]])
            self.tools.run(self.tools.tocsin, "generate", "--events", count, "--seed", rng.randrange(1 << 31), "--fraud", "20",
                           "--accounts", rng.choice([100, 1000]), *disorder, "--quiet", "--out", world / "events.ndjson")
            if disorder:
                self.options += ["--out-of-orderness", rng.choice(["1s", "3s"])]
        else:
            self.tools.run(self.tools.oracle, "make", rng.randrange(1 << 62), world)
            self.rules = [world / "rules.tocsin"]
            self.options += (world / "options").read_text().split()
        self.lines = (world / "events.ndjson").read_bytes().split(b"\n")
        check(self.lines.pop() == b"", "the stream ends with a line")
        if self.kind in ("payments", "payment-files"):
            # Repeats, and events that come far too late.
            for _ in range(rng.randrange(1, 30)):
                at = rng.randrange(len(self.lines))
                line = self.lines[at]
                self.lines.insert(min(len(self.lines), at + rng.choice([1, 5, 500])), line)
        if rng.random() < 0.5:
            self.options += ["--checkpoint-every", rng.choice(["20ms", "50ms", "200ms"])]
        if rng.random() < 0.4:
            self.options += ["--journal-segment", rng.choice(["8KiB", "64KiB"])]
        if self.point is not None:
            self.options = [word for word in self.options if word != "--checkpoint-every" and not word.endswith("ms")]
            self.options = [word for word in self.options if word != "--journal-segment" and not word.endswith("KiB")]
            self.options += ["--checkpoint-every", "20ms", "--journal-segment", "8KiB"]
        if rng.random() < 0.3 or self.point is not None:
            self.receiver = Receiver(rng, None if self.point is None else 0.3)
            secret = world / "secret"
            secret.write_text(SECRET + "\n")
            secret.chmod(0o600)
            self.options += ["--webhook", self.receiver.url, "--secret-file", secret]
        self.copy = self.folder / "alerts.ndjson"
        if self.kind in ("stdin", "payments"):
            self.inputs = ["-"]
        else:
            self.make_files(world)

    def make_files(self, world):
        """The stream in several files, some of them packed; lines keep their order within a file."""
        rng = self.rng
        count = rng.randrange(1, 4)
        parts = [[] for _ in range(count)]
        for line in self.lines:
            parts[rng.randrange(count)].append(line)
        for number, part in enumerate(parts):
            path = world / f"part-{number}.ndjson"
            contents = b"".join(line + b"\n" for line in part)
            if rng.random() < 0.2 and contents.endswith(b"\n"):
                contents = contents[:-1]  # the last line may lack its end
            if rng.random() < 0.2:
                path = path.with_name(path.name + ".gz")
                contents = gzip.compress(contents)
            path.write_bytes(contents)
            self.inputs.append(path)

    def arguments(self):
        words = [self.tools.tocsin, "run", *self.rules, "--data", self.data, "--quiet", "--final-watermark", "--alerts", self.copy,
                 *self.options]
        for path in self.inputs:
            words += ["--input", path]
        if self.inputs == ["-"]:
            words += ["--ack", self.folder / "ack"]
        return words

    # --- lives

    def fate(self):
        """How the next life ends: (environment, seconds until it is killed, lines acknowledged until it is)."""
        rng = self.rng
        if self.point is not None and not self.kills[self.point]:
            # In the middle of the stream at the latest, so that starting again is passed too.
            lines = len(self.lines) // 2 if self.lives == 0 else None
            return {"TOCSIN_CRASH_AT": self.point}, None, lines
        how = rng.random()
        if self.lives > 40:
            return {}, None, None  # it is enough
        if how < 0.35:
            names = [name for part in crash_points().values() for name in part if not name.startswith("savepoint.")]
            return {"TOCSIN_CRASH_AT": f"{rng.choice(names)}:{rng.choice([1, 1, 2, 3, 7, 30])}"}, None, None
        if how < 0.65 and self.inputs == ["-"]:
            return {}, None, rng.randrange(len(self.lines) + 1)
        if how < 0.9:
            return {}, rng.choice([0.005, 0.02, 0.05, 0.2, 0.5]) * rng.random() * 2, None
        return {}, None, None

    def live(self):
        """One life; true once the stream is through."""
        environment, seconds, lines = self.fate()
        self.lives += 1
        self.killed_here = False
        stream = self.inputs == ["-"]
        if stream:
            self.ledger.forget_file()
        life = Life(self.arguments(), self.log, environment, subprocess.PIPE if stream else subprocess.DEVNULL, self.lives)
        deadline = Deadline(life, seconds) if seconds is not None else None
        try:
            if stream:
                self.send(life, lines)
            code = life.wait()
        finally:
            if deadline:
                deadline.cancel()
            life.kill()
            life.process.wait()
        if stream:
            self.ledger.read()
        if code == KILLED:
            killed = "moment" if self.killed_here or (deadline and deadline.is_past) else \
                environment.get("TOCSIN_CRASH_AT", "moment").split(":")[0]
            self.kills[killed] += 1
            return False
        check(code == 0, f"life {self.lives} ended with code {code}")
        return True

    def send(self, life, kill_after):
        """Sends from the line that the program asks for, and kills it once so many lines are acknowledged."""
        pipe = life.process.stdin
        window = self.rng.choice([1, 10, 100, 1000, 1 << 30])
        chunk = self.rng.choice([1, 7, 100, 1000])
        if window < chunk:
            chunk = window
        next_line = None
        end = time.monotonic() + LIMIT_S
        try:
            while life.poll() is None:
                acknowledged = self.ledger.read()
                if acknowledged is None:
                    time.sleep(0.0005)
                elif next_line is None:
                    next_line = acknowledged
                    check(next_line <= len(self.lines), "more lines are acknowledged than were sent")
                elif kill_after is not None and acknowledged >= kill_after:
                    self.killed_here = True
                    life.kill()
                    return
                elif next_line == len(self.lines):
                    pipe.close()
                    if kill_after is None:
                        return
                    time.sleep(0.0005)
                elif next_line - acknowledged < window:
                    pipe.write(b"".join(line + b"\n" for line in self.lines[next_line:next_line + chunk]))
                    pipe.flush()
                    next_line = min(len(self.lines), next_line + chunk)
                else:
                    time.sleep(0.0005)
                check(time.monotonic() < end, "lines are not acknowledged")
        except BrokenPipeError:
            pass  # it is gone
        finally:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def run(self):
        self.ledger = Ledger(self.folder / "ack")
        try:
            while not self.live():
                check(self.lives < 60, "the stream does not come to its end")
            self.check_all()
        finally:
            if self.receiver:
                self.receiver.close()

    # --- what must hold

    def check_all(self):
        stream = self.inputs == ["-"]
        events = self.folder / "world" / "sent.ndjson"
        events.write_bytes(b"".join(line + b"\n" for line in self.lines))
        out = self.folder / "expected"
        said = self.tools.run(self.tools.oracle, "expect", self.data / "journal", out, *self.oracle_options(),
                              *(["--sent", events] if stream else []), *self.rules)
        self.facts = json.loads(said)
        wanted = (out / "alerts.ndjson").read_text().splitlines()
        if stream:
            check((out / "sources").read_text().split() == ["-"], "the journal has one source")
            journaled = (out / "lines-0").read_bytes().split(b"\n")[:-1]
            check(journaled == self.lines, lambda: "the journal has other lines than were sent: " +
                  first_difference(self.lines, journaled))
            check(self.ledger.acknowledged == len(self.lines),
                  f"{self.ledger.acknowledged} of {len(self.lines)} lines are acknowledged in the end")
        found = self.tools.run(self.tools.tocsin, "alerts", "--data", self.data).splitlines()
        check(found == wanted, lambda: f"of {len(wanted)} alerts by the {self.facts['by']} the store has {len(found)}; " +
              first_difference(wanted, found))
        copied = self.copy.read_text().splitlines()
        check(copied == wanted, lambda: "the copy of the alerts is another: " + first_difference(wanted, copied))
        plain = self.plain_run()
        check(plain == wanted, lambda: "a run without a data directory gives other alerts: " + first_difference(wanted, plain))
        self.tools.run(self.tools.tocsin, "verify", self.data)
        if self.receiver:
            self.check_deliveries(wanted)

    def oracle_options(self):
        words, options = list(self.options), []
        for number, word in enumerate(words):
            if word == "--out-of-orderness":
                options += [word, str(int(words[number + 1].rstrip("s")) * 1_000_000)]
            if word == "--late-policy":
                options += [word, words[number + 1]]
        return options

    def plain_run(self):
        options = []
        for number, word in enumerate(self.options):
            if word in ("--out-of-orderness", "--late-policy"):
                options += [word, self.options[number + 1]]
        words = [self.tools.tocsin, "run", *self.rules, "--quiet", *options]
        for path in self.inputs:
            words += ["--input", path if path != "-" else self.folder / "world" / "sent.ndjson"]
        return self.tools.run(*words).splitlines()

    def check_deliveries(self, wanted):
        ids = {}
        for webhook_id, body in self.receiver.deliveries:
            check(ids.setdefault(body, webhook_id) == webhook_id, lambda: f"two webhook ids for {body}")
        check(len(set(ids.values())) == len(ids), "one webhook id for two alerts")
        missing = set(wanted) - set(ids)
        check(not missing, lambda: f"{len(missing)} alerts were not delivered: {sorted(missing)[0]}")
        unknown = set(ids) - set(wanted)
        check(not unknown, lambda: f"{len(unknown)} deliveries are no alerts: {sorted(unknown)[0]}")


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


KINDS = ["stdin", "files", "payments", "payment-files"]


def play(tools, seed, kind, keep, point=None):
    """Plays one round; true where all holds."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-crash-"))
    name = f"round {seed} ({kind}{', ' + point if point else ''})"
    replay = f"./do crash --seed {seed} --rounds 1 --kind {kind}" + (f" --point {point}" if point else "")
    try:
        one = Round(tools, seed, folder, kind, point)
        one.run()
        if point and not one.kills[point]:
            raise Failure(f"the crash point {point} is never passed")
    except Exception as error:  # whatever it is, the round has failed
        said = str(error) if isinstance(error, Failure) else traceback.format_exc()
        log = folder / "log"
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        print(f"{name}: {said}\n  its folder: {folder}\n  replay: {replay}\n{tail}", flush=True)
        return False
    print(f"{name}: {one.lives} lives, {dict(one.kills)}, {one.facts['alerts']} alerts by the {one.facts['by']}", flush=True)
    if keep:
        print(f"  its folder: {folder}")
    else:
        shutil.rmtree(folder)
    return True


def main():
    parser = argparse.ArgumentParser(prog="crash", description=__doc__.split("\n\n")[0])
    parser.add_argument("tocsin")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--point")
    parser.add_argument("--points", action="store_true")
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    tocsin = pathlib.Path(chosen.tocsin).resolve()
    tools = Tools(tocsin, tocsin.parent / "tests" / "crash_oracle")
    started = time.monotonic()
    passed = failed = 0
    rounds = [(chosen.seed + number, chosen.kind or KINDS[number % len(KINDS)], chosen.point)
              for number in range(chosen.rounds)]
    if chosen.points:
        rounds += [(chosen.seed, "stdin", name) for names in crash_points().values() for name in names]
    for seed, kind, point in rounds:
        if play(tools, seed, kind, chosen.keep, point):
            passed += 1
        else:
            failed += 1
    print(f"{time.monotonic() - started:.1f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
