"""One round of crash.py with files that somebody writes on between the lives."""
import gzip
import signal

from crash_parts import KILLED, Deadline, Life, check
from crash_points import is_of_savepoints, points_of_runs
from run_round import Round


class GrowingRound(Round):
    """Files that somebody writes on between the lives, which are stopped as well as killed."""

    grows = True

    def choose_options(self, world):
        super().choose_options(world)
        # What the journal lets go of cannot be told from several files; and a run from a savepoint finds them grown,
        # so that other events are late.
        if "--journal-segment" in self.options:
            at = self.options.index("--journal-segment")
            del self.options[at:at + 2]
        self.savepoint_chance = 0.0

    def make_files(self, world):
        rng = self.rng
        self.texts = [[] for _ in range(rng.randrange(2, 4))]  # of each file: the lines, with their place in the stream
        for place, line in enumerate(self.lines):
            rng.choice(self.texts).append((place, line + b"\n"))
        self.sizes = [0] * len(self.texts)
        self.written = 0  # lines of the stream
        for number in range(len(self.texts)):
            path = world / f"part-{number}.ndjson"
            if rng.random() < 0.3:
                path = path.with_name(path.name + ".gz")
            self.inputs.append(path)
            self.append(path, b"")
        self.grow()

    @staticmethod
    def append(path, contents):
        with open(path, "ab") as file:
            file.write(gzip.compress(contents) if path.suffix == ".gz" else contents)

    def grow(self):
        """More of the stream is in its files, and now and then the beginning of a line."""
        rng = self.rng
        self.written = min(len(self.lines), self.written + rng.randrange(1, len(self.lines) // 3 + 2))
        for number, (path, text) in enumerate(zip(self.inputs, self.texts)):
            whole = [line for place, line in text if place < self.written]
            size = sum(map(len, whole))
            if len(whole) < len(text) and rng.random() < 0.4:
                size += rng.randrange(len(text[len(whole)][1]))
            if size > self.sizes[number]:
                self.append(path, b"".join(line for _, line in text)[self.sizes[number]:size])
                self.sizes[number] = size

    def live(self):
        rng = self.rng
        is_whole = self.written == len(self.lines)
        words = [word for word in self.arguments(self.data, self.copy, *self.webhook)
                 if is_whole or word != "--final-watermark"]
        environment, seconds, stops = {}, None, False
        how = rng.random()
        if self.lives > 40:
            pass  # it is enough
        elif how < 0.2:
            names = [name for name in points_of_runs() if not is_of_savepoints(name)]
            environment = {"TOCSIN_CRASH_AT": f"{rng.choice(names)}:{rng.choice([1, 1, 2, 3, 7])}"}
        elif how < 0.85:
            stops = how > 0.4
            seconds = rng.choice([0.02, 0.05, 0.2]) * rng.random() * 2
        self.lives += 1
        life = Life(words, self.log, environment, number=self.lives)
        deadline = None if seconds is None else Deadline(life, seconds, life.process.terminate if stops else None)
        try:
            code = life.wait()
        finally:
            if deadline:
                deadline.cancel()
            life.kill()
            life.process.wait()
        if code == KILLED:
            self.note_kill(environment, deadline and deadline.is_past)
            return False
        if stops and code in (3, -signal.SIGTERM):
            self.kills["stop"] += 1
            return False
        check(code == 0, f"life {self.lives} ended with code {code}")
        return is_whole

    def between(self):
        super().between()
        self.grow()
