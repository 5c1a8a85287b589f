#!/usr/bin/env python3
"""What durability costs, and how soon a killed run is back.

    durable.py TOCSIN EVENTS.ndjson RULES.tocsin FOLDER [--runs N] [--tail EVENTS]

CPU time of all threads while the second half of the events is read, but for its last eighth, over that of a
run of the same file without a data directory: the first half is where memory is touched first, and what ends
a run, giving back memory or a last checkpoint, is cut off by SIGKILL; both would count for more in a run of
seconds than in one of days. How far a run is, the bytes say that its first thread has read.

The ways of a round run side by side, a slice of a fifth of a second each in turn (SIGSTOP, SIGCONT), so
that what else this machine and its host do falls on all of them alike; of the rounds' ratios the median
counts. FOLDER is on the disk that is meant; everything in it goes.

Then a run on standard input is killed by SIGKILL some events after a checkpoint, and started again: the
time from that start until the next alert stands in the alerts' file, which in the end must be that of a
run that nobody killed.
"""
import argparse
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from statistics import median

CHECKPOINT_SECONDS = 30
SLICE_SECONDS = 0.2
WARM_BYTES = 4 << 30


def warm_memory():
    """Touches memory and gives it back: what a virtual machine has not used for some seconds its host gives
    only at the first touch, which can take forty times as long as clearing a page (bench/warm_memory.h)."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    mmap.mmap(-1, WARM_BYTES, flags=flags).close()


def taken_by_threads(process):
    """CPU nanoseconds of each thread by its name, those of the same name together; the first thread is `first`."""
    tasks = f"/proc/{process.pid}/task"
    taken = {}
    for thread in os.listdir(tasks):
        with open(f"{tasks}/{thread}/schedstat") as file:
            nanoseconds = int(file.read().split()[0])
        with open(f"{tasks}/{thread}/comm") as file:
            name = "first" if int(thread) == process.pid else file.read().strip()
        taken[name] = taken.get(name, 0) + nanoseconds
    return taken


class Way:
    """A way to run the events: its command, its folders, and what its runs took."""

    def __init__(self, name, command, stdin, folder):
        self.name, self.stdin = name, stdin
        self.folder = os.path.join(folder, name)
        self.data, self.alerts = os.path.join(self.folder, "data"), os.path.join(self.folder, "alerts.ndjson")
        self.command = [word.format(data=self.data, alerts=self.alerts) for word in command]
        self.cpu, self.shares, self.checkpoints = [], [], []  # of each round

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.log = tempfile.TemporaryFile()
        source = open(self.stdin, "rb") if self.stdin else subprocess.DEVNULL
        self.process = subprocess.Popen(self.command, stdin=source, stdout=subprocess.DEVNULL, stderr=self.log)
        if self.stdin:
            source.close()
        self.process.send_signal(signal.SIGSTOP)
        self.at_middle = None

    def bytes_read(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/io") as file:
            return int(file.readline().split()[1])

    def goes_on(self, seconds, middle, end):
        """Lets it run so long; whether it is still to go on. When it has read `end` bytes it is killed, and what
        it took since it had read `middle` of them is kept."""
        self.process.send_signal(signal.SIGCONT)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.002)
            if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self.log.seek(0)
                sys.exit(f"bench: {' '.join(self.command)} ended before it was measured:\n{self.log.read().decode()}")
            read = self.bytes_read()
            if self.at_middle is None and read >= middle:
                self.at_middle, self.begun_with = taken_by_threads(self.process), checkpoints_in(self.data)
            if read >= end:
                break
        else:
            self.process.send_signal(signal.SIGSTOP)
            return True
        at_end = taken_by_threads(self.process)
        taken = {name: at_end[name] - self.at_middle.get(name, 0) for name in at_end}
        self.process.kill()
        self.process.wait()
        self.cpu.append(sum(taken.values()) / 1e9)
        first = taken.pop("first")
        self.shares.append({name: taken[name] / first for name in taken})
        self.checkpoints.append(checkpoints_in(self.data) - self.begun_with)
        return False


def run_side_by_side(ways, middle, end):
    """Runs each way until it has read `end` bytes, slice by slice."""
    for way in ways:
        way.start()
    running = list(ways)
    try:
        while running:
            running = [way for way in running if way.goes_on(SLICE_SECONDS, middle, end)]
    finally:  # none is left behind that is stopped and never ends
        for way in ways:
            way.process.kill()
            way.process.wait()
    for way in ways:
        shutil.rmtree(way.data, ignore_errors=True)


def lines_between(path, begin, end):
    """How many lines end in these bytes of the file."""
    count = 0
    with open(path, "rb") as file:
        file.seek(begin)
        while begin < end:
            block = file.read(min(1 << 22, end - begin))
            count += block.count(b"\n")
            begin += len(block)
    return count


def checkpoints_in(data):
    """The number of the newest checkpoint."""
    try:
        names = os.listdir(os.path.join(data, "checkpoints"))
    except FileNotFoundError:
        return 0
    return max((int(name) for name in names if name.isdigit()), default=0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tocsin")
    parser.add_argument("events")
    parser.add_argument("rules")
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tail", type=int, default=300_000)
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    size = os.path.getsize(arguments.events)
    middle, end = size // 2, size * 15 // 16
    lines, counted = lines_between(arguments.events, 0, size), lines_between(arguments.events, middle, end)
    arguments.tail = min(arguments.tail, lines // 8)  # two of them follow the checkpoint

    plain = [arguments.tocsin, "run", arguments.rules, "--alerts", "{alerts}", "--no-final-watermark", "--workers", "1"]
    durable = plain + ["--data", "{data}"]
    by_file = ["--input", arguments.events]
    ways = [
        Way("file", plain + by_file, None, arguments.folder),
        Way("position", durable + by_file + ["--checkpoint-every", "1h"], None, arguments.folder),
        Way("value", durable + ["--input", "-", "--checkpoint-every", "1h"], arguments.events, arguments.folder),
        Way("checkpoints", durable + by_file + ["--checkpoint-every", "1s"], None, arguments.folder),
    ]
    base, position, value, checkpoints = ways
    os.makedirs(base.folder, exist_ok=True)
    subprocess.run(base.command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(base.alerts, "rb") as file:
        expected = file.read()
    for run in range(arguments.runs):
        warm_memory()
        run_side_by_side(ways, middle, end)
        figures = ", ".join(f"{way.name} {way.cpu[-1] / counted * 1e9:.0f}" for way in ways)
        print(f"bench: round {run + 1} of {arguments.runs}: {figures} ns an event", file=sys.stderr)
    print(f"{lines} events, {size / lines:.0f} bytes each; CPU time of all threads, median of {arguments.runs} rounds\n")
    print(f"{'':12} {'ns/event':>9} {'checkpoints':>12} {'slower by':>10}  other threads, over the first")

    def slower_by(way, with_checkpoints=False):
        """The part of the throughput from a file that goes, in the median of the rounds."""
        each = 0
        if with_checkpoints:
            # In each period the engine has so many seconds for events, and those of one checkpoint go.
            each = checkpoint_seconds / CHECKPOINT_SECONDS
        return median([1 - of_file / (taken * (1 + each)) for of_file, taken in zip(base.cpu, way.cpu)])

    for way in ways:
        threads = sorted({thread for share in way.shares for thread in share})
        medians = {thread: median([share.get(thread, 0) for share in way.shares]) for thread in threads}
        others = ", ".join(f"{thread} {100 * share:.1f}%" for thread, share in medians.items() if share >= 0.0005)
        print(f"{way.name:12} {median(way.cpu) / counted * 1e9:9.1f} {sum(way.checkpoints) / arguments.runs:12.1f} "
              f"{100 * slower_by(way):9.1f}%  {others}")
    # Over all rounds: of a checkpoint that lies across an end of what is counted, a part is in each.
    more = sum(checkpoints.checkpoints) - sum(position.checkpoints)
    if more > 0:
        checkpoint_seconds = (sum(checkpoints.cpu) - sum(position.cpu)) / more
        for way in (position, value):
            print(f"{way.name} with a checkpoint every {CHECKPOINT_SECONDS} s of {checkpoint_seconds:.2f} s: "
                  f"slower by {100 * slower_by(way, True):.1f}%")

    # Killed and started again.
    data, alerts = value.data, value.alerts
    os.unlink(alerts)
    acks = os.path.join(arguments.folder, "acks")
    command = value.command[:-1] + ["1s", "--ack", acks]
    ready, back, keys_line = killed_and_back(command, arguments, data, alerts, acks, lines)
    with open(alerts, "rb") as file:
        if file.read() != expected:
            sys.exit("bench: the alerts of the killed run differ")
    print(f"\nkilled {arguments.tail} events after a checkpoint: input is asked for {ready:.2f} s after the new start, "
          f"and the next alert is there after {back:.2f} s")
    if keys_line:
        print(keys_line)


def acknowledged(path):
    """How many lines of standard input are safe; nothing before the run has said it."""
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except FileNotFoundError:
        return None


def wait_until(holds, process):
    while not holds():
        if process.poll() is not None:
            sys.exit(f"bench: the run ended with {process.returncode}")
        time.sleep(0.001)


def killed_and_back(command, arguments, data, alerts, acks, lines):
    """Kills the run late in the stream; gives the seconds until the next alert after the new start."""
    log = open(os.path.join(arguments.folder, "log"), "w+")
    start_run = lambda: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)
    early = lines - 2 * arguments.tail
    with open(arguments.events, "rb") as file:
        offsets = [0]  # of the lines from `early` on
        for number, line in enumerate(file):
            if number < early:
                offsets[0] += len(line)
            else:
                offsets.append(offsets[-1] + len(line))
    events = open(arguments.events, "rb")

    def give(process, begin, end):
        """Lines of these numbers, both at or after `early`, or from the first on."""
        at, stop = 0 if begin == 0 else offsets[begin - early], offsets[end - early]
        events.seek(at)
        while at < stop:
            block = events.read(min(1 << 20, stop - at))
            process.stdin.write(block)
            at += len(block)
        process.stdin.flush()

    process = start_run()
    give(process, 0, early)
    wait_until(lambda: acknowledged(acks) == early, process)
    # A checkpoint that is begun from here on, on the next bytes, has everything so far.
    number = checkpoints_in(data)
    given = early
    while checkpoints_in(data) < number + 2:
        give(process, given, given + 10)
        given += 10
        time.sleep(0.02)
    give(process, given, given + arguments.tail)
    given += arguments.tail
    wait_until(lambda: acknowledged(acks) == given, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.unlink(acks)

    start = time.monotonic()
    process = start_run()
    wait_until(lambda: acknowledged(acks) is not None, process)
    ready = time.monotonic() - start
    taken = acknowledged(acks)
    size = os.path.getsize(alerts)
    feeder = os.fork()
    if feeder == 0:
        give(process, taken, lines)
        process.stdin.close()
        os._exit(0)
    process.stdin.close()
    wait_until(lambda: os.path.getsize(alerts) > size, process)
    back = time.monotonic() - start
    os.waitpid(feeder, 0)
    if process.wait() != 0:
        sys.exit(f"bench: the run ended with {process.returncode}")
    log.seek(0)
    recovered = [line.strip() for line in log if "keys" in line]
    return ready, back, recovered[0] if recovered else ""


main()
