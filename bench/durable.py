#!/usr/bin/env python3
"""What durability costs, and how soon a killed run is back.

    durable.py TOCSIN EVENTS.ndjson RULES.tocsin FOLDER [--runs N] [--tail EVENTS]

CPU time of all threads, the least of N runs in turn, over that of a run of the same file without a data
directory. Every run is ended by SIGKILL when its last alert is there: what ends a run, a checkpoint
or giving back memory, would count for more in a run of seconds than in one of days. What its other
threads took, over what the first one took, compares within one run: that holds on a busy machine
too. FOLDER is on the disk that is meant; everything in it goes. Then a run on standard input is
killed by SIGKILL some events after a checkpoint, and started again: the time from that start until
the next alert stands in the alerts' file, which in the end must be that of a run that nobody killed.
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

CHECKPOINT_SECONDS = 30
WARM_BYTES = 1 << 30


def warm_memory():
    """Touches memory and gives it back: what a virtual machine has never used its host gives only at
    the first touch, which can take forty times as long as clearing a page (bench/warm_memory.h)."""
    with mmap.mmap(-1, WARM_BYTES) as memory:
        for at in range(0, WARM_BYTES, mmap.PAGESIZE):
            memory[at] = 1


def shares_of_others(process):
    """CPU time of each thread but the first, by its name, over that of the first; nothing once it has ended."""
    tasks = f"/proc/{process.pid}/task"
    shares = {}
    try:
        first = 0
        for thread in sorted(os.listdir(tasks), key=int):
            with open(f"{tasks}/{thread}/schedstat") as file:
                taken = int(file.read().split()[0])
            with open(f"{tasks}/{thread}/comm") as file:
                name = file.read().strip()
            if first == 0:
                first = taken
            else:
                shares[name] = shares.get(name, 0) + taken / first
    except (FileNotFoundError, ProcessLookupError):
        return None
    return shares


def cpu_of(command, stdin=None, alerts=None, size=0):
    """CPU seconds of a command and all its threads, to its end or until a file has a size; in the
    second case also shares_of_others()."""
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    log = tempfile.TemporaryFile()
    process = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL, stderr=log)
    share = None
    if alerts:
        while not (os.path.exists(alerts) and os.path.getsize(alerts) >= size):
            if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.005)
        share = shares_of_others(process)
        os.kill(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, -signal.SIGKILL):
        log.seek(0)
        sys.exit(f"bench: {' '.join(command)} ended with {process.returncode}:\n{log.read().decode()}")
    return usage.ru_utime + usage.ru_stime, share


def checkpoints_in(data):
    """The number of the newest checkpoint."""
    try:
        names = os.listdir(os.path.join(data, "checkpoints"))
    except FileNotFoundError:
        return 0
    return max((int(name) for name in names if name.isdigit()), default=0)


def forget(data, alerts):
    shutil.rmtree(data, ignore_errors=True)
    if os.path.exists(alerts):
        os.unlink(alerts)


def median(values):
    return sorted(values)[len(values) // 2]


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
    data = os.path.join(arguments.folder, "data")
    alerts = os.path.join(arguments.folder, "alerts.ndjson")
    with open(arguments.events, "rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 22), b""))
    arguments.tail = min(arguments.tail, lines // 8)  # two of them follow the checkpoint

    plain = [arguments.tocsin, "run", arguments.rules, "--alerts", alerts, "--no-final-watermark"]
    durable = plain + ["--data", data]
    ways = {
        "file": (plain + ["--input", arguments.events], None),
        "position": (durable + ["--input", arguments.events, "--checkpoint-every", "1h"], None),
        "value": (durable + ["--input", "-", "--checkpoint-every", "1h"], arguments.events),
        "checkpoints": (durable + ["--input", arguments.events, "--checkpoint-every", "1s"], None),
    }
    cpu = {name: [] for name in ways}
    shares = {name: [] for name in ways}
    made = {name: 0 for name in ways}
    cpu_of(*ways["file"])
    size_of_alerts = os.path.getsize(alerts)
    for run in range(arguments.runs):
        for name, (command, stdin) in ways.items():
            forget(data, alerts)
            warm_memory()
            seconds, share = cpu_of(command, stdin, alerts, size_of_alerts)
            cpu[name].append(seconds)
            if share is not None:
                shares[name].append(share)
            made[name] = checkpoints_in(data)
        figures = ", ".join(f"{name} {times[-1] / lines * 1e9:.0f}" for name, times in cpu.items())
        print(f"bench: run {run + 1} of {arguments.runs}: {figures} ns an event", file=sys.stderr)
    base = min(cpu["file"])
    size = os.path.getsize(arguments.events)
    print(f"{lines} events, {size / lines:.0f} bytes each; CPU time of all threads, least of {arguments.runs} runs\n")
    print(f"{'':12} {'ns/event':>9} {'checkpoints':>12} {'slower by':>10}  other threads, over the first")
    for name in ways:
        seconds = min(cpu[name])
        threads = sorted({thread for share in shares[name] for thread in share})
        medians = {thread: median([share.get(thread, 0) for share in shares[name]]) for thread in threads}
        others = ", ".join(f"{thread} {100 * share:.1f}%" for thread, share in medians.items() if share >= 0.0005)
        print(f"{name:12} {seconds / lines * 1e9:9.1f} {made[name]:12} {100 * (1 - base / seconds):9.1f}%  {others}")
    more = made["checkpoints"] - made["position"]
    if more > 0:
        each = (min(cpu["checkpoints"]) - min(cpu["position"])) / more
        for name in ("position", "value"):
            # In each period the engine has so many seconds for events, and those of one checkpoint go.
            slower = 1 - base / (min(cpu[name]) * (1 + each / CHECKPOINT_SECONDS))
            print(f"{name} with a checkpoint every {CHECKPOINT_SECONDS} s of {each:.2f} s: slower by {100 * slower:.1f}%")

    # Killed and started again.
    cpu_of(plain + ["--input", arguments.events])
    with open(alerts, "rb") as file:
        expected = file.read()
    forget(data, alerts)
    acks = os.path.join(arguments.folder, "acks")
    command = durable + ["--input", "-", "--ack", acks, "--checkpoint-every", "1s"]
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
