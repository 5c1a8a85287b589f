"""One round of crash.py with a server: `tocsin serve` under senders, receivers of webhooks and people who change what can
be changed, killed at random moments and at named points, until all is through. serve_checks.py says what must hold then."""
import collections
import contextlib
import json
import os
import random
import re
import signal
import time
import typing

from crash_parts import KILLED, LIMIT_S, Life, check
from crash_points import OF_ARCHIVE, ROOT, points_of_servers
from serve_checks import Checks
from serve_parts import Hooks, Host, Over, Producer, Pusher
from serve_people import CARDS, Analyst, Operator

DAY_US = 86_400_000_000
# What is judged by the rules and the list that hold just then; each rule has amounts of its own.
MOMENTS = """\
event moment { ts: time from 1970, id: string id unique, card: string, amount: decimal(2) }
list moment_cards : string = ["w0"]
rule moment_watched "A watched card" {
  by card
  when moment as m where amount < 10 and card in moment_cards
  alert "{m.amount} on {card}" { amount: m.amount }
}
rule moment_quiet "A rule that may be silenced" {
  by card
  when moment as m where amount >= 10 and amount < 20
  alert "{m.amount} on {card}" { amount: m.amount }
}
"""
LIVES_MAX = 40


class Fate(typing.NamedTuple):
    """How a life ends: what it is told, or after so many seconds, answers or changes that were answered well; else not."""
    environment: dict = {}
    seconds: float | None = None
    answers: int | None = None
    changes: int | None = None
    end: int = signal.SIGKILL


class ServeRound:
    """One data directory, however many lives it takes."""

    def __init__(self, tools, seed, folder, kind, point=None):
        self.tools, self.seed, self.folder, self.kind = tools, seed, folder, kind
        self.rng = random.Random(seed)
        self.point = point  # the first life that passes it ends there
        self.data, self.log = folder / "data", folder / "log"
        self.lives = 0
        self.kills = collections.Counter()  # by what ended a life
        # A point that is passed after a failed delivery needs some.
        self.hooks = Hooks(self.rng, 0.3 if point == "delivery.note" else None)
        self.host = Host()
        self.life = None
        self.make_world()
        self.make_clients()

    # --- the world

    def make_world(self):
        world, rng = self.folder / "world", self.rng
        world.mkdir()
        if self.kind == "serve-payments":
            self.tools.run(self.tools.tocsin, "generate", "--events", rng.choice([700, 2000]), "--seed",
                           rng.randrange(1 << 31), "--fraud", "20", "--accounts", 100, "--quiet", "--out",
                           world / "events.ndjson")
            self.rules = sorted((ROOT / "samples/payments").glob("*.tocsin"))
        else:
            self.tools.run(self.tools.oracle, "make", rng.randrange(1 << 62), world, "serve")
            self.rules = [world / "rules.tocsin"]
        lines = [line for line in (world / "events.ndjson").read_bytes().split(b"\n") if line.strip()]
        if self.kind == "serve-payments":
            times = [json.loads(line)["ts"] for line in lines]
            self.first_us, self.last_us = min(times), max(times)
        else:
            self.first_us, self.last_us = map(int, (world / "times").read_text().split())
        (world / "moments.tocsin").write_text(MOMENTS)
        self.rules.append(world / "moments.tocsin")
        self.lines = lines
        self.choose_options()

    def choose_options(self):
        rng, point = self.rng, self.point
        self.bound_us = rng.choice([0, 0, 1_000_000])
        self.late = rng.choice(["clamp", "clamp", "side"])
        self.late_max_us = rng.choice([0, 0, 2_000_000])
        if point in ("node.deployed", "node.list_changed", "silences.before_write"):
            self.bound_us = 0
        self.unknown_types = rng.choice(["dead", "dead", "ignore"])
        self.keeps_all_aside = True
        options = {"time.ahead_max": "0", "time.jump_max": "0", "events.unknown_types": self.unknown_types,
                   "time.out_of_orderness": f"{self.bound_us // 1_000_000}s",
                   "time.late_policy": self.late, "time.late_max": f"{self.late_max_us // 1_000_000}s",
                   "time.heartbeat": rng.choice(["0", "20ms", "200ms"]),
                   "http.requests_per_second": 1_000_000, "http.requests_burst": 1_000_000,
                   "webhooks.allow": ["127.0.0.1"], "webhooks.retry_delays": ["50ms"] * 60,
                   "webhooks.total_timeout": "300ms", "webhooks.brake_per_rule": 0, "webhooks.brake_in_all": 0}
        # The oracle plays every record: what the journal lets go of behind checkpoints must be in the archive.
        self.has_segments = point.startswith("journal.segment_") if point else rng.random() < 0.2
        self.has_archive = point in OF_ARCHIVE if point else not self.has_segments and rng.random() < 0.4
        if self.has_segments or self.has_archive:
            # One holds the record of a deploy, too: with a zone that a field has, it names all zones.
            has_all_zones = any(re.search(r"\w\(ts, [a-z]|(today|week|month|year) in [a-z]", path.read_text()) for path in self.rules)
            options["journal.segment_bytes"] = "64KiB" if has_all_zones else "32KiB" if self.kind == "serve-payments" else "8KiB"
        if self.has_segments:
            options["checkpoint.every"] = "1h"
        else:
            options["checkpoint.every"] = "20ms" if point else rng.choice(["20ms", "100ms", "1h"])
        # Whoever answers before the journal is written is found out. A sanitizer must be the first library.
        self.slow_us = rng.choice([0, 0, 5_000, 30_000])
        if any(word in str(self.tools.tocsin) for word in ("asan", "tsan")):
            self.slow_us = 0
        if point == "effects.retention" or not point and rng.random() < 0.1:
            self.keeps_all_aside = False
            options["retention.aside_bytes"] = "200"
        self.has_groups = point is not None and point.startswith("messages.") or rng.random() < 0.2
        self.has_brake = not self.has_groups and rng.random() < 0.15
        if self.has_brake:
            options["webhooks.brake_window"] = "1s"
        self.configuration = self.folder / "world" / "tocsin.toml"
        self.configuration.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items()))

    def make_clients(self):
        rng = self.rng
        first = []
        if self.point:
            first = ["savepoint_deleted"] if self.point.startswith("savepoint.") else []
            if self.bound_us == 0:
                first += ["change_list", "change_rules", "silence"]
            first += ["checkpoint", "token"]
        # With a bound events wait, and a change may come between an event and its turn.
        self.operator = Operator(self, rng.choice([5, 10, 20]), first)
        self.analyst = Analyst(self, rng.choice([10, 40]))
        counts = [rng.randrange(1, 4), rng.randrange(0, 3)]
        parts = [[] for _ in range(sum(counts))]
        for line in self.lines:
            parts[rng.randrange(len(parts))].append(line)
        parts = [self.with_moments(number, part) for number, part in enumerate(parts)]
        self.producers = [Producer(self.host, rng, f"till-{number}", parts[number]) for number in range(counts[0])]
        self.pushers = [Pusher(self.host, rng, f"w{number}", parts[counts[0] + number]) for number in range(counts[1])]
        for sender in self.producers + self.pushers:
            sender.silence_state = lambda: self.operator.is_silenced
            sender.begins = self.operator.is_ready

    def with_moments(self, sender, lines):
        """Moments between the lines, some of them twice; and lines somewhat out of their order."""
        rng, out, moments = self.rng, [], []
        every = max(8, len(lines) // 25)
        for number, line in enumerate(lines):
            out.append(line)
            if rng.randrange(every):
                continue
            if moments and rng.random() < 0.15:
                out.append(rng.choice(moments))
                continue
            ts = self.first_us + (self.last_us - self.first_us) * number // len(lines)
            moments.append(b'{"type":"moment","ts":%d,"id":"m%d-%d","card":"%s","amount":%d.%02d}' % (
                ts, sender, number, rng.choice(CARDS).encode(), rng.randrange(50), rng.randrange(100)))
            out.append(moments[-1])
        for _ in range(rng.choice([0, 0, 3])):
            at = rng.randrange(len(out)) if out else 0
            out[at:at + 10] = out[at:at + 10][::-1]
        return out

    # --- lives

    def fate(self):
        """How the next life ends."""
        rng = self.rng
        if self.is_due():
            # After some answers at the latest, so that starting again is passed too.
            return Fate({"TOCSIN_CRASH_AT": self.point}, answers=30 if self.lives == 0 else None)
        if self.lives > LIVES_MAX:
            return Fate()
        how = rng.random()
        end = self.last_end() if rng.random() < 0.1 else signal.SIGKILL
        if how < 0.3:
            number = rng.choice([1, 1, 2, 3, 7, 30])
            return Fate({"TOCSIN_CRASH_AT": f"{rng.choice(points_of_servers())}:{number}"}, answers=20)
        if how < 0.55:
            return Fate(answers=rng.choice([1, 3, 10, 30, 60]), end=end)
        if how < 0.8:
            return Fate(changes=rng.choice([1, 2, 5, 10]))
        if how < 0.95:
            return Fate(seconds=rng.choice([0.05, 0.3, 1]) * rng.random() * 2, end=end)
        return Fate()

    # Entries of lists leave the disk once no start can need them; the oracle plays the whole journal.

    def keep_blobs(self):
        """Before a change that may let go of some."""
        kept = self.folder / "kept"
        kept.mkdir(exist_ok=True)
        for blob in (self.data / "blobs").iterdir():
            if re.fullmatch("[0-9a-f]{64}", blob.name) and not (kept / blob.name).exists():
                os.link(blob, kept / blob.name)

    @contextlib.contextmanager
    def all_blobs(self):
        """All that there were are in their place."""
        kept = self.folder / "kept"
        gone = [blob for blob in kept.glob("*") if not (self.data / "blobs" / blob.name).exists()]
        for blob in gone:
            os.link(blob, self.data / "blobs" / blob.name)
        yield
        for blob in gone:
            (self.data / "blobs" / blob.name).unlink()

    def may_wait(self):
        """Whether events wait: for those that are out of order, or for the time of another source."""
        return self.bound_us > 0 or len(self.producers) + bool(self.pushers) > 1

    def is_due(self):
        return self.point is not None and not self.kills[self.point]

    def begin_life(self, environment, end=signal.SIGKILL):
        """True once it takes requests; false where it has ended before."""
        self.lives += 1
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        rules = self.rules if self.lives == 1 or not (self.data / "rules").exists() else []
        words = [self.tools.tocsin, "serve", *rules, "--config", self.configuration, "--data", self.data, "--listen",
                 "127.0.0.1:0", "--http-port-file", port_file]
        if self.slow_us:
            environment = {**environment, "LD_PRELOAD": str(self.tools.tocsin.parent / "tests" / "libfailing_disk.so"),
                           "TOCSIN_DISK_SLOW": f"{self.slow_us}:/data/journal/"}
        self.life = Life(words, self.log, environment, number=self.lives)
        # By who has the answer: at once, while what it was given for may be under way.
        self.host.kill = self.life.kill if end == signal.SIGKILL else lambda: None
        deadline = time.monotonic() + LIMIT_S
        while self.life.poll() is None:
            check(time.monotonic() < deadline, "it does not begin to listen")
            if port_file.exists() and port_file.read_text().strip():
                self.host.up(int(port_file.read_text()), (self.data / "admin-token").read_text().strip())
                return True
            time.sleep(0.002)
        return False

    def end_life(self, environment, end=None):
        """Ends it by a signal, or takes it that it has ended; anything but a kill that was meant, or a good end that was
        asked for, is a failure."""
        self.host.down()
        if end is not None:
            self.life.process.send_signal(end)
        code = self.life.wait()
        point = environment.get("TOCSIN_CRASH_AT", "").split(":")[0]
        if code == KILLED and end == signal.SIGKILL:
            self.kills["moment"] += 1
        elif code == KILLED and point:
            self.kills[point] += 1
        else:
            check(code == 0 and end == signal.SIGTERM, f"life {self.lives} ended with code {code}")
            self.kills["asked"] += 1

    def last_end(self):
        """One that ends by itself writes its state: behind the second time the journal lets go of whole segments."""
        return signal.SIGKILL if self.has_segments else signal.SIGTERM

    def live(self, clients):
        """One life; true where all clients are through and it goes on."""
        environment, seconds, answers, changes, end = self.fate()
        self.host.kill_at = (answers and self.host.answers + answers, changes and self.host.changes + changes)
        if not self.begin_life(environment, end):
            self.end_life(environment)
            return False
        began = time.monotonic()
        while self.life.poll() is None:
            if self.host.failure:
                raise self.host.failure
            if not any(client.is_alive() for client in clients):
                if not self.is_due():
                    return True
                check(self.lives < LIVES_MAX, f"the crash point {self.point} is never passed")
                # What is passed at an end, or at a start after it.
                self.end_life(environment, self.last_end())
                return False
            if self.host.is_over() or seconds is not None and time.monotonic() > began + seconds:
                self.end_life(environment, end)
                return False
            check(time.monotonic() < began + LIMIT_S, "clients do not come to their end")
            time.sleep(0.002)
        self.end_life(environment, signal.SIGKILL if self.host.is_over() else None)
        return False

    def run(self):
        clients = [self.operator, self.analyst, *self.producers, *self.pushers]
        try:
            for client in clients:
                client.start()
            while not self.live(clients):
                pass
            self.last_life()
            Checks(self).check_offline()
        finally:
            self.host.fail(Over("the round ends"))
            if self.life:
                self.life.kill()
                self.life.process.wait()
            self.hooks.close()

    def closing_ids(self):
        """Of the alerts that come last. With a bound the second event waits for ever, and the first one for it."""
        return ["closing-1"] if self.bound_us else ["closing-1", "closing-2"]

    def last_life(self):
        """After one more kill: time moves on, all is delivered, all that was acknowledged is there."""
        self.host.kill_at = (None, None)
        self.end_life({}, signal.SIGKILL)
        check(self.begin_life({}), "it does not start any more")
        self.hooks.is_calm = True
        closing = Producer(self.host, self.rng, "closing", [
            b'{"type":"moment","ts":%d,"id":"closing-%d","card":"c","amount":15}' % (
                self.last_us + (90 + number) * DAY_US + 7, number) for number in (1, 2)])
        closing.silence_state = lambda: self.operator.is_silenced
        closing.work()
        self.producers.append(closing)
        Checks(self).check_online()
        self.end_life({}, self.last_end())
