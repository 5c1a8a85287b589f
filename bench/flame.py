#!/usr/bin/env python3
"""Where the instructions of an event go, from the file to the alert, as a flame graph.

    flame.py BUILD_FOLDER EVENTS.ndjson RULES.tocsin OUT.svg

Runs the whole way of the payments workload once under callgrind, which keeps the callers of each function, and draws
what each takes: a row for each depth of calls, the first caller at the bottom, as wide as its share. The picture is
the same in every run on one kind of machine. Prints the share of each function that takes 2 % or more by itself.
"""
import html
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT_FUNCTION = "run_whole"
CALLERS = 48  # that callgrind tells apart
WIDTH, ROW, LEAST = 1200, 17, 0.4  # pixels; a frame narrower than the last is left out
COLOURS = {"decode": "#8fbfe0", "io": "#b7d7a8", "event_time": "#f6d18a", "match": "#f0a48a", "eval": "#f7c1a8", "record": "#d8b4e2",
           "engine": "#f5e09a", "data": "#c9d6df"}
NAMES = [  # what a function's name says of its stage; the first that fits
    (re.compile(r"Decod|simdjson|JsonText|Marks|Scan"), "decode"), (re.compile(r"Intake|Watermark|Slice|Waiting|Taken|EventJudge"), "event_time"),
    (re.compile(r"Lines|Block|Source|read_all"), "io"), (re.compile(r"Matcher|Strict|Selection|Feature|Probe|CurrentRuns|Run(Conditions|Losses|Offers|Pruning|Budget|Writer)"), "match"),
    (re.compile(r"Atom|Column|Predicate|eval|Expr"), "eval"), (re.compile(r"Record|Capture|Key|Ring|Timer"), "record"),
    (re.compile(r"Alert|sha256|Digest|Format"), "data"), (re.compile(r"Engine|Lane|Table|Shard"), "engine")]


class Frame:
    def __init__(self):
        self.own, self.whole, self.calls = 0, 0, {}

    def add(self, stack, cost):
        self.whole += cost
        if not stack:
            self.own += cost
        else:
            self.calls.setdefault(stack[0], Frame()).add(stack[1:], cost)


def stacks(text):
    """Each stack of callgrind's file, the first caller first, with the instructions of its last function alone."""
    names, stack, is_call, found = {}, [], False, {}
    for line in text.splitlines():
        named = re.match(r"fn=\((\d+)\)(?: (.*))?$", line)
        if named:
            if named[2] is not None:
                names[named[1]] = named[2]
            stack = tuple(short(name) for name in reversed(names[named[1]].split("'")) if not name.isdigit())
        elif re.match(r"c?fn=|calls=", line):
            called = re.match(r"cfn=\((\d+)\) (.*)$", line)
            if called:
                names[called[1]] = called[2]
            is_call = line.startswith("calls=")
        elif re.match(r"[+\-*\d]", line):
            if not is_call:  # the line behind `calls=` is of what was called
                found[stack] = found.get(stack, 0) + int(line.split()[1])
            is_call = False
    return found


def short(name):
    """A function's name without its arguments, template arguments and the project's namespaces."""
    name = re.sub(r"\(anonymous namespace\)::", "", name)
    depth, kept = 0, ""
    for sign in name:
        depth -= sign in ">)"
        if depth == 0 and sign not in ">)":
            kept += "" if sign in "<(" else sign
        depth += sign in "<("
        depth = max(depth, 0)
    if name.startswith("0x"):
        return "(a library)"
    kept = re.sub(r"\b(tocsin|cep|runtime|rules|api)::|\[clone [^\]]*\]|\bconst\b", "", kept)
    return kept.strip().rsplit(" ", 1)[-1] or name


def colour_of(name):
    for pattern, stage in NAMES:
        if pattern.search(name):
            return COLOURS[stage]
    return "#dddddd"


def draw(root, title):
    boxes, deepest = [], 0

    def place(name, frame, left, depth):
        nonlocal deepest
        width = frame.whole / root.whole * WIDTH
        if width < LEAST:
            return
        deepest = max(deepest, depth)
        boxes.append((name, frame, left, depth, width))
        at = left
        for called, below in sorted(frame.calls.items(), key=lambda item: -item[1].whole):
            place(called, below, at, depth + 1)
            at += below.whole / root.whole * WIDTH

    place("an event", root, 0.0, 0)
    height = (deepest + 1) * ROW + 30
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
             f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', f'<text x="4" y="18" font-size="13">{html.escape(title)}</text>']
    for name, frame, left, depth, width in boxes:
        top = height - (depth + 1) * ROW
        said = f"{name}: {frame.whole / root.whole:.1%}, itself {frame.own / root.whole:.1%}"
        lines.append(f'<g><title>{html.escape(said)}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}" '
                     f'fill="{colour_of(name)}" stroke="#ffffff" stroke-width="0.3"/>')
        letters = int((width - 4) / 6.7)
        if letters >= 3:
            shown = name if len(name) <= letters else name[:letters - 1] + "…"
            lines.append(f'<text x="{left + 2:.1f}" y="{top + 12}">{html.escape(shown)}</text>')
        lines.append("</g>")
    return "\n".join([*lines, "</svg>"]) + "\n"


def main():
    if len(sys.argv) != 5:
        sys.exit(f"usage: {__doc__.splitlines()[2].strip()}")
    build, events, rules, out = sys.argv[1:]
    with open(events, "rb") as file:
        count = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    with tempfile.TemporaryDirectory() as folder:
        kept = pathlib.Path(folder) / "callgrind"
        command = ["valgrind", "--tool=callgrind", f"--toggle-collect=*{ROOT_FUNCTION}*", f"--separate-callers={CALLERS}",
                   f"--callgrind-out-file={kept}", f"{build}/bench/bench_payments", "--profile", "1", events, rules]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0 or not kept.exists():
            sys.exit(f"bench: callgrind ended with {done.returncode}\n{done.stderr[-2000:]}")
        found = stacks(kept.read_text(encoding="utf-8"))
    root, alone = Frame(), {}
    for stack, cost in found.items():
        if ROOT_FUNCTION in stack:
            stack = stack[stack.index(ROOT_FUNCTION) + 1:] or (ROOT_FUNCTION,)
        root.add([name for at, name in enumerate(stack) if at == 0 or name != stack[at - 1]], cost)
        alone[stack[-1]] = alone.get(stack[-1], 0) + cost
    name = os.path.splitext(os.path.basename(rules))[0]
    title = f"{name}: {root.whole / count:,.0f} instructions an event, from the file to the alerts ({count:,} events)"
    pathlib.Path(out).write_text(draw(root, title), encoding="utf-8")
    print(title)
    for function, cost in sorted(alone.items(), key=lambda item: -item[1]):
        if cost / root.whole >= 0.02:
            print(f"{cost / root.whole:>6.1%}  {function}")


if __name__ == "__main__":
    main()
