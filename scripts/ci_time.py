#!/usr/bin/env python3
"""Says where the minutes of a `.ci/run` went, by step and suite.

    ci_time.py LOG

A step begins with a line `==== NAME`. What took long within it says so in a line `WHAT: took SECONDS s`, and
each suite in its line of counts. Suites run beside each other, so their times add up to more than the step's rest.
"""
import re
import signal
import sys

TOOK = re.compile(r"(.+): took (\d+(?:\.\d+)?) s$")
SUITE = re.compile(r"(\S+) +(\d+\.\d) s +\d+ passed, \d+ failed")
LONG_S = 1.0  # suites that took less are summed up in one line


class Step:
    def __init__(self, name):
        self.name, self.total = name, None
        self.parts, self.suites = [], []

    def seconds(self):
        """The step's time; of a step that was cut short, what is known of it."""
        return sum(part[1] for part in self.parts) if self.total is None else self.total


def steps_of(lines):
    steps = []
    for line in lines:
        line = line.rstrip("\n")
        if line.startswith("===="):
            if not line[4:].strip():
                break  # the summary
            steps.append(Step(line[4:].strip()))
        elif steps:
            took, suite = TOOK.match(line), SUITE.match(line)
            if took and took[1] == f"step {steps[-1].name}":
                steps[-1].total = float(took[2])
            elif took:
                steps[-1].parts.append((took[1], float(took[2])))
            elif suite:
                steps[-1].suites.append((suite[1], float(suite[2])))
    return steps


def minutes(seconds):
    return f"{int(seconds + 0.5) // 60}:{int(seconds + 0.5) % 60:02}"


def table(steps):
    """Returns the rows: name, seconds, and the share of the whole or None for a suite."""
    whole = sum(step.seconds() for step in steps) or 1.0
    rows = []
    for step in steps:
        cut = "" if step.total is not None else " (did not end)"
        rows.append((step.name + cut, step.seconds(), step.seconds() / whole))
        rows += [("  " + name, seconds, seconds / whole) for name, seconds in step.parts]
        if step.suites:
            rest = max(0.0, step.seconds() - sum(part[1] for part in step.parts))
            rows.append(("  suites, beside each other", rest, rest / whole))
            suites = sorted(step.suites, key=lambda suite: (-suite[1], suite[0]))
            rows += [("    " + name, seconds, None) for name, seconds in suites if seconds >= LONG_S]
            short = [seconds for _, seconds in suites if seconds < LONG_S]
            if short:
                rows.append((f"    {len(short)} under {LONG_S:.0f} s", sum(short), None))
    return rows + [("all", whole, 1.0)]


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        steps = steps_of(file)
    if not steps:
        sys.exit(f"time: {sys.argv[1]} is no log of a .ci/run: it has no line ==== STEP")
    rows = table(steps)
    width = max(len(row[0]) for row in rows)
    for name, seconds, share in rows:
        print(f"{name:{width}}  {minutes(seconds):>6}" + (f"  {share:4.0%}" if share is not None else ""))


signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # for `./do time | head`
main()
