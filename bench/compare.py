#!/usr/bin/env python3
"""Two builds of the program beside each other.

    compare.py A B EVENTS.ndjson RULES… [--runs N] [--core N] [--json FILE]

A and B are commits or programs. A commit is built in a work tree of its own below build/bench, once; its program is
kept. First each program runs the rules once: both must raise the same alerts, byte for byte. Then they run in turn,
`--runs` times each (5), on one core (the last one). RULES are rule files or folders of them. For each it prints the
median of the CPU time an event of A and of B, the median over the rounds of B's time over A's, and the least and the
greatest of these ratios.
"""
import argparse
import hashlib
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
from statistics import median

ROOT = pathlib.Path(__file__).resolve().parents[1]


def git(*arguments):
    return subprocess.run(["git", "-C", str(ROOT), *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)


def program_of(name):
    """The program of a commit, or the one at a path; and what to call it."""
    if os.path.isfile(name) and os.access(name, os.X_OK):
        return os.path.abspath(name), name
    commit = git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").stdout.strip()
    if not commit:
        sys.exit(f"bench: {name} is neither a commit nor a program")
    kept = ROOT / "build/bench/commits" / commit
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        tree = kept.with_suffix(".tree")
        git("worktree", "remove", "--force", str(tree))  # of a build that was broken off
        if git("worktree", "add", "--detach", str(tree), commit).returncode != 0:
            sys.exit(f"bench: no work tree of {name} could be made in {tree}")
        print(f"bench: building {name} in {tree.relative_to(ROOT)}", flush=True)
        environment = {key: value for key, value in os.environ.items() if key not in ("TOCSIN_BUILD_ROOT", "TOCSIN_BUILD_DIR")}
        built = subprocess.run(["./do", "build", "tocsin"], cwd=tree, env=environment, check=False)
        if built.returncode != 0:
            sys.exit(f"bench: {name} does not build")
        shutil.copy2(tree / "build/release/tocsin", kept.with_suffix(".part"))
        kept.with_suffix(".part").rename(kept)
        git("worktree", "remove", "--force", str(tree))
    return str(kept), name


def run(program, events, rules):
    """CPU seconds of a run, the number of its alerts and their digest."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen([program, "run", rules, "--input", events, "--workers", "1", "--quiet"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    digest, alerts = hashlib.sha256(), 0
    for block in iter(lambda: process.stdout.read(1 << 20), b""):
        digest.update(block)
        alerts += block.count(b"\n")
    said = process.stderr.read().decode(errors="replace")
    if process.wait() != 0:
        sys.exit(f"bench: {program} ended with {process.returncode}\n{said}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, alerts, digest.hexdigest()


def compare(programs, events, rules, rounds):
    """Returns the CPU seconds of each program in each round, and the number of alerts."""
    expected = [run(program, events, rules)[1:] for program, _ in programs]
    if expected[0] != expected[1]:
        counts = " and ".join(f"{alerts} by {name}" for (_, name), (alerts, _) in zip(programs, expected))
        sys.exit(f"bench: {rules}: the alerts differ ({counts}); nothing was timed")
    seconds = ([], [])
    for number in range(rounds):
        for which in ((0, 1) if number % 2 == 0 else (1, 0)):
            seconds[which].append(run(programs[which][0], events, rules)[0])
    return seconds, expected[0][0]


def main():
    parser = argparse.ArgumentParser(usage="compare.py A B EVENTS.ndjson RULES… [--runs N] [--core N] [--json FILE]")
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("events")
    parser.add_argument("rules", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--json")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs takes 1 or more")
    programs = [program_of(options.a), program_of(options.b)]
    os.sched_setaffinity(0, {options.core})
    with open(options.events, "rb") as file:
        events = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    print(f"{events} events; CPU time on core {options.core}, medians of {options.runs} rounds; "
          f"A is {options.a}, B is {options.b}")
    print(f"{'rules':<12}{'alerts':>9}{'A, ns/event':>13}{'B, ns/event':>13}{'B over A':>10}{'least':>8}{'greatest':>10}")
    sets = {}
    for rules in options.rules:
        seconds, alerts = compare(programs, options.events, rules, options.runs)
        ratios = [b / a for a, b in zip(*seconds)]
        name = os.path.splitext(os.path.basename(rules))[0]
        a, b = (median(each) / events * 1e9 for each in seconds)
        print(f"{name:<12}{alerts:>9}{a:>13.0f}{b:>13.0f}{median(ratios):>10.3f}{min(ratios):>8.3f}{max(ratios):>10.3f}", flush=True)
        sets[name] = {"alerts": alerts, "a_ns_per_event": a, "b_ns_per_event": b, "b_over_a": median(ratios),
                      "ratios": ratios, "a_cpu_seconds": seconds[0], "b_cpu_seconds": seconds[1]}
    if options.json:
        document = {"a": options.a, "b": options.b, "events": events, "runs": options.runs, "sets": sets}
        pathlib.Path(options.json).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
