"""What scripts about durable runs share: a small stream of events, runs over it, and a sender that can be killed."""
import contextlib
import random

from harness import confirmation, payment, read, start, tocsin


def stream(count, seed=1, cards=40, step_s=3):
    """Payments and confirmations of some cards, in order of time."""
    chance = random.Random(seed)
    events = []
    second = 0
    for number in range(count):
        second += chance.randint(0, step_s)
        card = f"c{chance.randint(1, cards)}"
        if chance.random() < 0.2:
            events.append({**confirmation(second, card), "id": f"k{number}"})
        else:
            events.append({**payment(second, card, round(chance.random() * 1500, 2)), "id": f"p{number}"})
    return events


def undisturbed(*inputs, arguments=(), stdin=b""):
    """The alerts of a run without a data directory, as bytes."""
    more = [part for name in inputs for part in ("--input", name)]
    return tocsin("run", "rules.tocsin", *more, "--no-final-watermark", *arguments, stdin=stdin).out_bytes


def durable(*arguments, data="data", **options):
    return tocsin("run", "rules.tocsin", "--data", data, *arguments, **options)


class Sender:
    """A durable run that is fed line by line, and that can be killed."""

    def __init__(self, *arguments):
        self.process = start("run", "rules.tocsin", "--data", "data", "--input", "-", "--ack", "ack", "--alerts",
                             "alerts", *arguments)

    def acknowledged(self):
        with contextlib.suppress(FileNotFoundError):
            return int(read("ack"))
        return -1

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def finish(self):
        self.process.stdin.close()
        self.process.stdin = None
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err.decode()
        return err.decode()
