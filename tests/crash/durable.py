"""What the scripts here share: durable runs of the program, fed and killed, over a small stream of payments.

They use the cases of tests/e2e/harness.py: each in a folder of its own, `N passed, N failed` as the last line.
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import BINARY, LIMIT_S, ROOT, tocsin, wait_for  # noqa: E402  the path above

RULES = sorted(map(str, (ROOT / "samples/payments").glob("*.tocsin")))


def stream(events=2000, seed=1):
    """Payments with much fraud, as lines without their ends."""
    done = tocsin("generate", "--events", events, "--seed", seed, "--fraud", 20, "--accounts", 100, "--quiet")
    return done.out_bytes.split(b"\n")[:-1]


def plain_alerts(lines):
    """The alerts of a run that keeps nothing."""
    return tocsin("run", *RULES, "--input", "-", "--quiet", stdin=b"".join(line + b"\n" for line in lines)).out


class Fed:
    """A durable run on standard input, fed by hand. `environment` is added to the program's."""

    def __init__(self, *options, data="data", environment=None):
        pathlib.Path("ack").unlink(missing_ok=True)
        self.log = open("log", "ab")
        self.log_begin = self.log.tell()
        self.process = subprocess.Popen(
            [BINARY, "run", *RULES, "--data", data, "--input", "-", "--ack", "ack", "--alerts", f"{data}-copy.ndjson",
             "--final-watermark", *options],
            stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, env={**os.environ, **(environment or {})})

    def acknowledged(self):
        """Lines that are durable; None before it says so."""
        try:
            words = pathlib.Path("ack").read_text()
        except FileNotFoundError:
            return None
        whole = words[:words.rfind("\n") + 1].split()
        return int(whole[-1]) if whole else None

    def said(self):
        return pathlib.Path("log").read_bytes()[self.log_begin:].decode("utf-8", "replace")

    def ended(self):
        return self.process.poll() is not None

    def begin(self):
        """The line to go on from; None where it ended instead."""
        wait_for(lambda: self.acknowledged() is not None or self.ended(), "the first acknowledgement")
        return None if self.ended() and self.acknowledged() is None else self.acknowledged()

    def send(self, lines):
        try:
            self.process.stdin.write(b"".join(line + b"\n" for line in lines))
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def wait_acknowledged(self, count):
        wait_for(lambda: self.ended() or (self.acknowledged() or 0) >= count, f"{count} acknowledged lines")

    def kill(self):
        self.process.kill()
        self.close()

    def close(self):
        """Ends the input, where it is open, and gives the exit code."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        code = self.process.wait(timeout=LIMIT_S)
        self.log.close()
        return code


def finish(lines, *options, data="data"):
    """Sends the rest of the stream to a healthy program, and gives the alerts in the store."""
    fed = Fed(*options, data=data)
    begin = fed.begin()
    assert begin is not None, f"it does not start:\n{fed.said()}"
    fed.send(lines[begin:])
    code = fed.close()
    assert code == 0, f"ended with code {code}:\n{fed.said()}"
    return stored(data)


def stored(data="data"):
    return tocsin("alerts", "--data", data).out
