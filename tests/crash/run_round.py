"""One round of crash.py with `tocsin run RULES --data DIR`: a stream, and however many lives it takes."""
import collections
import gzip
import json
import random
import re
import subprocess

from crash_parts import (KILLED, Deadline, Failure, Ledger, Life, Receiver, Sender, check, check_aside, expected_aside,
                         first_difference, read_aside)
from crash_points import ROOT, is_of_savepoints, is_of_writing, points_of_runs

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SAVEPOINT = "kept"
AGAIN = re.compile(r"put in again by record \d+$")


class Round:
    """One stream, however many lives it takes."""

    grows = False  # inputs are written on between the lives

    def __init__(self, tools, seed, folder, kind, point=None):
        self.tools, self.seed, self.folder, self.kind = tools, seed, folder, kind
        self.rng = random.Random(seed)
        self.point = point  # the first life that passes it ends there
        self.data = folder / "data"
        self.log = folder / "log"
        self.lives = 0
        self.kills = collections.Counter()  # by what ended a life
        self.receiver = None
        self.options = []
        self.inputs = []
        self.put_in_again = 0           # as the program said
        self.savepoint_alerts = None    # how many there were when it was made
        self.has_oracle = True
        self.make_world()

    # --- the world

    def make_world(self):
        world = self.folder / "world"
        world.mkdir()
        rng = self.rng
        if self.kind in ("payments", "payment-files"):
            count = 2_000 if self.point else rng.choice([2_000, 6_000, 20_000])
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
        self.choose_options(world)
        self.copy = self.folder / "alerts.ndjson"
        if self.kind in ("stdin", "payments"):
            self.inputs = ["-"]
        else:
            self.make_files(world)

    def choose_options(self, world):
        rng = self.rng
        # Events of made-up worlds have any time; short limits make jumps of their gaps.
        self.options += ["--ahead-max", "0", "--jump-max", rng.choice(["0", "1s", "10s", "86400s"])]
        self.options += ["--unknown-types", rng.choice(["dead", "ignore"])]
        segment = ["--journal-segment", rng.choice(["8KiB", "64KiB"])] if rng.random() < 0.4 else []
        if self.point is not None:
            self.options += ["--checkpoint-every", "20ms"]
            segment = ["--journal-segment", "8KiB"]
        elif rng.random() < 0.5:
            self.options += ["--checkpoint-every", rng.choice(["20ms", "50ms", "200ms"])]
        self.options += segment
        # The oracle needs the whole journal to know what was put in again.
        self.reinjects = not segment and rng.random() < 0.7
        self.savepoint_chance = 0.0 if self.reinjects else rng.choice([0.0, 0.5])
        self.deletes = self.point == "savepoint.delete" or rng.random() < 0.2
        if self.point is not None:
            self.savepoint_chance = 1.0 if is_of_savepoints(self.point) else 0.0
        if rng.random() < 0.3 or self.point is not None:
            # What does not arrive is sent again after a while, which takes its time.
            self.receiver = Receiver(rng, None if self.point is None else 0.3 if self.point == "delivery.note" else 0.0)
            secret = world / "secret"
            secret.write_text(SECRET + "\n")
            secret.chmod(0o600)
            self.webhook = ["--webhook", self.receiver.url, "--secret-file", secret]
        else:
            self.webhook = []

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

    def is_stream(self):
        return self.inputs == ["-"]

    def arguments(self, data, copy, *more):
        words = [self.tools.tocsin, "run", *self.rules, "--data", data, "--quiet", "--final-watermark", "--alerts", copy,
                 *self.options, *more]
        for path in self.inputs:
            words += ["--input", path]
        if self.is_stream():
            words += ["--ack", self.folder / "ack"]
        return words

    # --- lives

    def fate(self):
        """How the next life ends: (environment, seconds until it is killed, lines acknowledged until it is)."""
        rng = self.rng
        if is_of_savepoints(self.point) and not self.lives:
            return {}, None, len(self.lines) // 2
        if self.is_due():
            # In the middle of the stream at the latest, so that starting again is passed too.
            return {"TOCSIN_CRASH_AT": self.point}, None, len(self.lines) // 2 if self.lives == 0 else None
        how = rng.random()
        if self.lives > 40:
            return {}, None, None  # it is enough
        if how < 0.35:
            names = [name for name in points_of_runs() if not is_of_savepoints(name)]
            return {"TOCSIN_CRASH_AT": f"{rng.choice(names)}:{rng.choice([1, 1, 2, 3, 7, 30])}"}, None, None
        if how < 0.65 and self.is_stream():
            return {}, None, rng.randrange(len(self.lines) + 1)
        if how < 0.9:
            return {}, rng.choice([0.005, 0.02, 0.05, 0.2, 0.5]) * rng.random() * 2, None
        return {}, None, None

    def is_due(self):
        """The point was not passed yet."""
        return self.point is not None and not self.kills[self.point]

    def sender(self, ledger):
        rng = self.rng
        if self.is_due():
            # Now and then much at once, and slow in the end, so that there are checkpoints enough.
            return Sender(self.lines, ledger, chunk=lambda left: rng.choice([1, 7, 200]) if left > 300 else 1,
                          pause_s=lambda left: 0.005 if left > 100 else 0.05)
        # One after the other takes long where there are many.
        window, chunk = rng.choice([1, 10, 100, 1000, 1 << 30]), rng.choice([1, 7, 100, 1000])
        if len(self.lines) > 1000:
            window = max(window, 100)
        return Sender(self.lines, ledger, window, lambda left: chunk)

    def live(self):
        """One life; true once the stream is through."""
        environment, seconds, lines = self.fate()
        self.lives += 1
        if self.is_stream():
            self.ledger.forget_file()
        life = Life(self.arguments(self.data, self.copy, *self.webhook), self.log, environment,
                    subprocess.PIPE if self.is_stream() else subprocess.DEVNULL, self.lives)
        deadline = Deadline(life, seconds) if seconds is not None else None
        was_killed = False
        try:
            if self.is_stream():
                was_killed = self.sender(self.ledger).send(life, lines)
            code = life.wait()
        finally:
            if deadline:
                deadline.cancel()
            life.kill()
            life.process.wait()
        if self.is_stream():
            self.ledger.read()
        if code == KILLED:
            self.note_kill(environment, was_killed or (deadline and deadline.is_past))
            return False
        check(code == 0, f"life {self.lives} ended with code {code}")
        return True

    def note_kill(self, environment, was_killed):
        point = environment.get("TOCSIN_CRASH_AT", "moment").split(":")[0]
        self.kills["moment" if was_killed else point] += 1

    def operate(self, *words, environment=None):
        """Another command on the data directory: its exit code and what it said."""
        life = Life([self.tools.tocsin, *words], self.log, environment, number="between")
        code = life.wait()
        if code == KILLED:
            self.note_kill(environment, False)
        return code, life.said()

    def run(self):
        self.ledger = Ledger(self.folder / "ack")
        try:
            while not self.live():
                check(self.lives < 60, "the stream does not come to its end")
                self.between()
            self.check_all()
        finally:
            if self.receiver:
                self.receiver.close()

    # --- between two lives

    def between(self):
        if self.savepoint_alerts is None and self.rng.random() < self.savepoint_chance:
            self.make_savepoint()
        for kind in ("late", "dead"):
            if self.reinjects and self.rng.random() < 0.7:
                self.reinject(kind)

    def crash_here(self, names):
        """An environment in which a command may end at one of these points."""
        if self.is_due() and self.point in names:
            return {"TOCSIN_CRASH_AT": self.point}
        if self.is_due() or self.rng.random() < 0.5:
            return {}
        return {"TOCSIN_CRASH_AT": f"{self.rng.choice(names)}:{self.rng.choice([1, 1, 2])}"}

    def make_savepoint(self):
        make = ("savepoint", "make", "--data", self.data, SAVEPOINT)
        points = [name for name in points_of_runs() if name != "savepoint.delete" and not name.startswith("delivery.")]
        code, said = self.operate(*make, environment=self.crash_here(points))
        if code == KILLED:
            code, said = self.operate(*make)
        if code != 0 and ("nothing was run in it yet" in said or "there is no data directory" in said or
                          "holds something else" in said):
            return  # killed too early
        check(code == 0, f"a savepoint cannot be made: {code}:\n{said}")
        self.savepoint_alerts = len(self.stored_alerts())
        if self.deletes:
            self.delete_savepoint()

    def delete_savepoint(self):
        delete = ("savepoint", "delete", "--data", self.data, SAVEPOINT)
        code, said = self.operate(*delete, environment=self.crash_here(["savepoint.delete"]))
        check(code in (0, KILLED), f"a savepoint cannot be deleted: {code}:\n{said}")
        found = self.tools.run(self.tools.tocsin, "savepoint", "list", "--data", self.data)
        check(found == "", f"a savepoint is there that was deleted: {found}")

    def reinject(self, kind):
        if not (self.data / "store").is_dir():
            return
        points = [name for name in points_of_runs() if is_of_writing(name)]
        code, said = self.operate(kind, "reinject", "--data", self.data, environment=self.crash_here(points))
        if code == KILLED or "time has ended" in said:
            return
        check(code == 0, f"nothing can be put in again: {code}:\n{said}")
        counted = re.search(r"^([\d,]+) (?:late events?|lines?) put in again", said, re.MULTILINE).group(1)
        self.put_in_again += int(counted.replace(",", ""))

    # --- what must hold

    def stored_alerts(self, data=None):
        return self.tools.run(self.tools.tocsin, "alerts", "--data", data or self.data).splitlines()

    def check_all(self):
        events = self.folder / "world" / "sent.ndjson"
        events.write_bytes(b"".join(line + b"\n" for line in self.lines))
        out = self.folder / "expected"
        wanted = self.expect(events, out)
        if self.is_stream():
            self.check_lines(out)
        elif self.has_oracle:
            self.check_file_lines(out)
        found = self.stored_alerts()
        check(found == wanted, lambda: f"of {len(wanted)} alerts by the {self.facts['by']} the store has {len(found)}; " +
              first_difference(wanted, found))
        copied = self.copy.read_text().splitlines()
        check(copied == wanted, lambda: "the copy of the alerts is another: " + first_difference(wanted, copied))
        for kind in ("late", "dead"):
            wanted_rows = expected_aside(out / kind, kind == "late") if self.has_oracle else read_aside(out / kind)
            self.check_aside(kind, wanted_rows)
        check(self.facts["reinjected"] >= self.put_in_again,
              f"{self.put_in_again} lines were put in again, the journal has {self.facts['reinjected']}")
        if self.has_oracle and self.facts["reinjected"] == 0 and not self.grows:
            plain = self.plain_run(out)
            check(plain == wanted,
                  lambda: "a run without a data directory gives other alerts: " + first_difference(wanted, plain))
        self.tools.run(self.tools.tocsin, "verify", self.data)
        if self.receiver:
            self.check_deliveries(wanted)
        if self.savepoint_alerts is not None:
            self.check_savepoint(wanted)

    def expect(self, events, out):
        """The alerts that must be there."""
        try:
            said = self.tools.run(self.tools.oracle, "expect", self.data / "journal", out, *self.oracle_options(),
                                  *(["--sent", events] if self.is_stream() else []), *self.rules)
        except Failure as failure:
            # What the journal has let go of cannot be told from several files.
            if "the journal begins" not in str(failure) or self.is_stream():
                raise
            self.has_oracle = False
            out.mkdir(exist_ok=True)
            alerts = self.plain_run(out)
            self.facts = {"by": "run without a data directory", "alerts": len(alerts), "reinjected": 0, "changes": 0,
                          **{kind: len(read_aside(out / kind)) for kind in ("late", "dead")}}
            return alerts
        self.facts = json.loads(said)
        return (out / "alerts.ndjson").read_text().splitlines()

    def check_lines(self, out):
        sources = [name for name in (out / "sources").read_text().splitlines() if not AGAIN.search(name)]
        check(sources == ["-"], f"the journal has other sources: {sources}")
        journaled = (out / "lines-0").read_bytes().split(b"\n")[:-1]
        check(journaled == self.lines, lambda: "the journal has other lines than were sent: " +
              first_difference(self.lines, journaled))
        check(self.ledger.acknowledged == len(self.lines),
              f"{self.ledger.acknowledged} of {len(self.lines)} lines are acknowledged in the end")

    def check_file_lines(self, out):
        names = (out / "sources").read_text().splitlines()
        for path in self.inputs:
            contents = path.read_bytes()
            lines = (gzip.decompress(contents) if path.suffix == ".gz" else contents).split(b"\n")
            lines = lines if lines[-1] else lines[:-1]
            at = names.index(str(path)) if str(path) in names else None
            journaled = [] if at is None else (out / f"lines-{at}").read_bytes().split(b"\n")[:-1]
            check(journaled == lines, lambda: f"the journal has other lines of {path.name}: " +
                  first_difference(lines, journaled))

    def check_aside(self, kind, wanted):
        """The list of what was set aside, row by row."""
        check_aside(self.tools, self.data, self.folder, kind, wanted,
                    first_sequence=self.facts.get("first_sequence", 1 << 62))

    def oracle_options(self):
        words, options = list(self.options), []
        for number, word in enumerate(words):
            if word == "--out-of-orderness" or (word == "--jump-max" and words[number + 1] != "0"):
                options += [word, str(int(words[number + 1].rstrip("s")) * 1_000_000)]
            if word in ("--late-policy", "--unknown-types"):
                options += [word, words[number + 1]]
        return options

    def plain_run(self, out):
        """The alerts of a run without a data directory; what it sets aside is in OUT/late and OUT/dead."""
        options = [] if self.has_oracle else ["--late", out / "late", "--dead-letter", out / "dead"]
        for number, word in enumerate(self.options):
            if word in ("--out-of-orderness", "--late-policy", "--ahead-max", "--jump-max", "--unknown-types"):
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

    def check_savepoint(self, wanted):
        """It is whole, and a run from it gives the alerts that came after it; or it is gone altogether."""
        folder = self.data / "savepoints"
        left = sorted(path.name for path in folder.iterdir())
        check(left == ([] if self.deletes else [SAVEPOINT]), f"the folder of savepoints holds {left}")
        if self.deletes:
            return
        self.tools.run(self.tools.tocsin, "savepoint", "verify", "--data", self.data, SAVEPOINT)
        ledger = Ledger(self.folder / "ack")
        ledger.forget_file()
        fork, copy = self.folder / "fork", self.folder / "fork-alerts.ndjson"
        life = Life(self.arguments(fork, copy, "--from", folder / SAVEPOINT), self.log, {},
                    subprocess.PIPE if self.is_stream() else subprocess.DEVNULL, "from the savepoint")
        if self.is_stream():
            Sender(self.lines, ledger).send(life)
        code = life.wait()
        if code != 0 and "after time had ended" in life.said():
            return
        check(code == 0, f"a run from the savepoint ended with code {code}")
        rest, found = wanted[self.savepoint_alerts:], self.stored_alerts(fork)
        check(found == rest, lambda: "a run from the savepoint gives other alerts: " + first_difference(rest, found))
        self.tools.run(self.tools.tocsin, "verify", fork)
