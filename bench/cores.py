#!/usr/bin/env python3
"""What further workers bring a run.

    cores.py TOCSIN EVENTS.ndjson RULES.tocsin… [--workers N,N…] [--runs N]

Runs the events with each number of workers in turn, `--runs` times (5), and prints for each the median of
the wall-clock time, of the first number's over it within one round, and of the CPU time of all threads over
the first number's. The alerts must be the same bytes. Beside it stands what the machine has for so many
threads: by how much the throughput of so many runs of one worker, at the same time, exceeds that of one.
Threads that share a core, and memory that all share, make it less than their number.
"""
import argparse
import hashlib
import os
import resource
import subprocess
import sys
import time
from statistics import median


def run(tocsin, events, rules, workers):
    """Wall-clock and CPU seconds, and the digest of the alerts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    process = subprocess.Popen(
        [tocsin, "run", rules, "--input", events, "--workers", str(workers), "--quiet"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    digest = hashlib.file_digest(process.stdout, "sha256").hexdigest()
    if process.wait() != 0:
        sys.exit(f"bench: {tocsin} ended with {process.returncode}")
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, digest


def apart(tocsin, events, rules, count):
    """Wall-clock seconds of so many runs of one worker at the same time."""
    begin = time.monotonic()
    processes = [
        subprocess.Popen([tocsin, "run", rules, "--input", events, "--workers", "1", "--quiet"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(count)
    ]
    if any([process.wait() for process in processes]):
        sys.exit(f"bench: one of {count} runs at the same time failed")
    return time.monotonic() - begin


def main():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser()
    parser.add_argument("tocsin")
    parser.add_argument("events")
    parser.add_argument("rules", nargs="+")
    parser.add_argument("--workers", default=",".join(str(n) for n in (1, 2, 4, 8, 16) if n <= max(cores, 2)))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    numbers = [int(number) for number in options.workers.split(",")]
    with open(options.events, "rb") as file:
        events = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    print(f"{events} events, {cores} cores, medians of {options.runs} rounds")
    print(f"{'rules':<12}{'workers':>8}{'ns an event':>13}{'speed':>8}{'CPU time':>10}{'runs apart':>12}")
    for rules in options.rules:
        walls = {number: [] for number in numbers}
        speeds = {number: [] for number in numbers}
        costs = {number: [] for number in numbers}
        limits = {number: [] for number in numbers}
        expected = None
        for _ in range(options.runs):
            first = None
            for number in numbers:
                wall, cpu, digest = run(options.tocsin, options.events, rules, number)
                first = first or (wall, cpu)
                expected = expected or digest
                if digest != expected:
                    sys.exit(f"bench: {rules}: other alerts with {number} workers")
                walls[number].append(wall)
                speeds[number].append(first[0] / wall)
                costs[number].append(cpu / first[1])
            alone = apart(options.tocsin, options.events, rules, 1)
            for number in numbers:
                limits[number].append(number * alone / apart(options.tocsin, options.events, rules, number))
        name = os.path.splitext(os.path.basename(rules))[0]
        for number in numbers:
            print(f"{name:<12}{number:>8}{median(walls[number]) / events * 1e9:>13.0f}"
                  f"{median(speeds[number]):>8.2f}{median(costs[number]):>10.2f}"
                  f"{median(limits[number]):>12.2f}")


if __name__ == "__main__":
    main()
