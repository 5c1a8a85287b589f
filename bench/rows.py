#!/usr/bin/env python3
"""Rows of `./do bench`: streams from the file to alerts, each beside the limit that parsing the file sets.

    rows.py BUILD [--events N] [--runs N] [--core N] [--json FILE] [--data FOLDER] [ROW…]

Makes what the rows need (streams and plain counts are kept in --data, build/bench), then runs bench_payments pinned to one core.
Before anything is timed, the alerts of each row are compared with a plain count in Python (bench/workload), where there
is one. `--json` writes the figures of all rows.
"""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORKLOAD = ROOT / "bench/workload"
sys.path.insert(0, str(WORKLOAD))
import make_rules  # noqa: E402 (a folder beside this file)
import oracle_payments  # noqa: E402
import oracle_stock  # noqa: E402
import pack_events  # noqa: E402

STREAMS = {  # options of gen_payments.py, and the part of --events that is made
    "payments": ([], 1),
    "disorder": (["--disorder-ms", "800"], 1),
    "large": (["--pad", "3800"], 0.1),
    "skewed": (["--card-cap", "0", "--zipf", "1.0"], 1),
}
# The stream, the rule set and the target, which is a part of the parse limit.
ROWS = {
    "none": ("payments", "none", None),
    "one": ("payments", "one", None),
    "seven": ("payments", "seven", None),
    "ten": ("payments", "ten", None),
    "fifty": ("payments", "fifty", None),
    "text": ("payments", "text", None),
    "seven-disorder": ("disorder", "seven", 0.5),
    "ten-disorder": ("disorder", "ten", 0.5),
    "seven-two-keys": ("payments", "seven-two-keys", 0.65),
    "ten-two-keys": ("payments", "ten-two-keys", 0.55),
    "three-keys": ("payments", "three-keys", 0.45),
    "thousand": ("payments", "thousand", 0.5),
    "tenthousand": ("payments", "tenthousand", 0.35),
    "large": ("large", "ten", 0.5),
    "correlated": ("skewed", "correlated", 0.4),
}
STOCK_STREAMS = {  # arguments of gen_stock.py
    "day": ["stock", "--events", "225000"],
    "dense": ["stock", "--events", "1000000", "--rate", "100", "--seed", "2"],
    **{f"cards-{n}": ["cards", "--events", "1000000", "--rate", "1000", "--cards", str(n)] for n in (1_000, 100_000)},
    **{f"letters{n}": ["seq", "--events", "1000000", "--types", str(n + 6)] for n in (3, 5, 7, 9)},
}
# The stream, the query of oracle_stock.py, and the target in million events a second: four times what the whole process
# of CORE's engine does with the same query and every match listed, ten times by card; nothing where it was not measured.
STOCK_ROWS = {
    **{f"day-{query}": ("day", query, target) for query, target in (
        ("s3", 6.04), ("s6", 4.57), ("s9", None), ("s12", 3.80), ("s24", 2.81), ("u3", None), ("u24", 2.82),
        ("volume", None), ("either", None))},
    **{f"dense-{query}": ("dense", query, target) for query, target in (
        ("s3", 5.93), ("s3w20", None), ("s3w40", None), ("s24", None), ("u3", None), ("u24", 0.96), ("u24w40", None))},
    "cards-1000": ("cards-1000", "cards", 3.57),
    "cards-100000": ("cards-100000", "cards", 1.92),
    **{f"letters{n}": (f"letters{n}", f"letters{n}", 4.43 if n == 3 else None) for n in (3, 5, 7, 9)},
}
PACKS = "packs"  # the patterns of samples/rules, over the stream of `tocsin generate` in their words
PACKS_TARGET = 0.4
# What is one program each: the rows of its figures.
PROGRAMS = ["phrases", "latency", "pause", "state"]
GROUPS = {
    "disorder": ["seven-disorder", "ten-disorder"],
    "keysets": ["seven-two-keys", "ten-two-keys", "three-keys"],
    "stocks": [row for row in STOCK_ROWS if not row.startswith("letters")],
    "letters": [row for row in STOCK_ROWS if row.startswith("letters")],
}
GROUPS["all"] = [PACKS, *ROWS, *STOCK_ROWS, *PROGRAMS]
# Rows whose cost of an event should not grow from one to the next: with the window, and with the length.
FLAT, FLAT_MOST = [["dense-s3", "dense-s3w20", "dense-s3w40"], ["dense-u24", "dense-u24w40"], ["dense-u3", "dense-u24"], ["day-u3", "day-u24"],
                   ["letters3", "letters5", "letters7", "letters9"]], 1.5
USUAL = ["none", "one", "seven", "ten", "fifty", "text"]
DISORDER_MS = {"disorder": 800}


def write(path, text):
    """Writes a file at once: one that was broken off is not taken for whole."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text, encoding="utf-8")
    part.rename(path)
    return path


def made(path, command):
    """A file that is made once; the command writes to the path that is its last argument."""
    if not path.exists():
        print(f"bench: making {path.name}", file=sys.stderr, flush=True)
        part = path.with_suffix(path.suffix + ".part")
        subprocess.run([*command, part], check=True)
        part.rename(path)
    return path


def payments(data, name, events):
    options, part = STREAMS[name]
    events = max(1, int(events * part))
    command = [sys.executable, WORKLOAD / "gen_payments.py", "--events", str(events), "--seed", "1", *options, "--out"]
    return made(data / f"{name}-{events}.ndjson", command)


def kept_count(path, what, sources, count):
    """The number that count() gives, kept beside the stream for as long as its sources are the same."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    kept = path.with_name(f"{path.stem}-{what}-{digest}.count")
    if not kept.exists():
        print(f"bench: counting the alerts of {what} over {path.name} in Python", file=sys.stderr, flush=True)
        write(kept, str(count()))
    return int(kept.read_text(encoding="utf-8"))


def expected(stream, path, name):
    sources = [WORKLOAD / "gen_payments.py", WORKLOAD / "make_rules.py", WORKLOAD / "oracle_payments.py"]
    return kept_count(path, name, sources, lambda: sum(oracle_payments.count(path, name, stream in DISORDER_MS)[1]))


def stock(row, events, data):
    """What bench_payments is told of a row of stocks or letters."""
    name, query, target = STOCK_ROWS[row]
    arguments = list(STOCK_STREAMS[name])
    at = arguments.index("--events") + 1
    arguments[at] = str(min(int(arguments[at]), events))
    path = data / f"{name}-{arguments[at]}.ndjson"
    if not path.exists():
        print(f"bench: making {path.name}", file=sys.stderr, flush=True)
        write(path, subprocess.run([sys.executable, WORKLOAD / "gen_stock.py", *arguments], check=True, text=True, stdout=subprocess.PIPE).stdout)
    rules = write(data / f"{row}.tocsin", oracle_stock.rules(query))
    sources = [WORKLOAD / "gen_stock.py", WORKLOAD / "oracle_stock.py"]
    told = {"name": row, "events": str(path), "rules": [str(rules)], "target_speed": target and target * 1e6,
            "expected": kept_count(path, query, sources, lambda: oracle_stock.count(query, path))}
    return {key: value for key, value in told.items() if value is not None}


def packs(options):
    """What bench_payments is told of the packs. Some of the rules are counted in Python too."""
    path = options.data / f"packs-{options.events}.ndjson"
    if not path.exists():
        print(f"bench: making {path.name}", file=sys.stderr, flush=True)
        part = path.with_suffix(".part")
        command = [options.build / "tocsin", "generate", "--events", str(options.events), "--seed", "1", "--quiet"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as generated, part.open("w", encoding="utf-8") as file:
            pack_events.translate(generated.stdout, file.write)
        if generated.returncode != 0:
            sys.exit(generated.returncode)
        part.rename(path)
    rules = sorted(str(file) for file in (ROOT / "samples/rules").glob("*.tocsin"))
    return {"name": PACKS, "events": str(path), "rules": rules, "target": PACKS_TARGET, "expected_rules": pack_events.count(path)}


def prepared(row, options):
    """What bench_payments is told of a row."""
    events, data = options.events, options.data
    if row == PACKS:
        return packs(options)
    if row in STOCK_ROWS:
        return stock(row, events, data)
    stream, name, target = ROWS[row]
    path = payments(data, stream, events)
    rules = write(data / f"{name}.tocsin", make_rules.rule_set(name))
    told = {"name": row, "events": str(path), "rules": [str(rules)], "disorder_ms": DISORDER_MS.get(stream, 0),
            "target": target, "expected": expected(stream, path, name)}
    return {key: value for key, value in told.items() if value is not None}


def program(name, options, figures):
    """Runs a program that is rows of its own; its exit code."""
    bench, keys = options.build / "bench", options.events // 2
    if name == "latency":
        path = payments(options.data, "payments", options.events)
        rules = write(options.data / "fifty.tocsin", make_rules.rule_set("fifty"))
        command = [bench / "bench_latency", path, rules, str(expected("payments", path, "fifty")), figures]
    elif name == "phrases":
        command = [bench / "bench_phrases", str(options.events // 10), str(options.runs), figures]
    elif name == "pause":
        command = [bench / "bench_keystate", "pause", str(keys * 10), figures]
    else:
        command = [bench / "bench_keystate", "state", str(keys), figures]
    return subprocess.run(command, check=False).returncode


def flatness(figures):
    """Rows of how much the cost of an event differs within each group of FLAT that was measured."""
    cost = {figure["name"]: figure.get("ns_per_event") for figure in figures}
    for names in FLAT:
        if all(name in cost for name in names):
            ratio = max(cost[name] for name in names) / min(cost[name] for name in names)
            print(f"{' '.join(names)}: within {ratio:.2f}, target {FLAT_MOST} {'met' if ratio <= FLAT_MOST else 'missed'}")
            yield {"name": f"flat: {' '.join(names)}", "ratio": ratio, "target_ratio": FLAT_MOST}


def main():
    parser = argparse.ArgumentParser(usage="rows.py BUILD [--events N] [--runs N] [--core N] [--json FILE] [--data FOLDER] [ROW…]")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "build/bench")
    options = parser.parse_intermixed_args()
    rows = [row for name in options.rows or USUAL for row in GROUPS.get(name, [name])]
    known = GROUPS["all"]
    for row in rows:
        if row not in known:
            sys.exit(f"bench: no row {row}; there are {' '.join([*known, *GROUPS])}")
    options.data.mkdir(parents=True, exist_ok=True)
    told = [prepared(row, options) for row in rows if row not in PROGRAMS]
    os.sched_setaffinity(0, {options.core})
    with tempfile.TemporaryDirectory() as folder:
        figures, spec = pathlib.Path(folder, "figures"), pathlib.Path(folder, "rows.json")
        spec.write_text(json.dumps(told), encoding="utf-8")
        code = 0
        if told:
            code = subprocess.run([options.build / "bench/bench_payments", str(options.runs), spec, figures], check=False).returncode
        for name in PROGRAMS:
            if name in rows:
                code = code or program(name, options, figures)
        if code != 0:
            sys.exit(code)
        measured = [json.loads(line) for line in figures.read_text(encoding="utf-8").splitlines()]
        measured += flatness(measured)
        if options.json:
            write(options.json, json.dumps({"runs": options.runs, "core": options.core, "rows": measured}, indent=2) + "\n")


if __name__ == "__main__":
    main()
