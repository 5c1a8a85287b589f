#!/usr/bin/env python3
"""The command line as its users meet it: commands, outputs, exit codes, signals, help, completion.

    command_line.py TOCSIN_BINARY [TEXT]
"""
import gzip
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import time

from harness import (LIMIT_S, ROOT, RULES, START_US, case, case_of_texts, confirmation, has, lines, payment, read,
                     read_json_lines, run_cases, start, tocsin, write)


# --- alerts and outputs --------------------------------------------------------------------------

@case
def _():
    """run: alerts go to standard output as lines of format 1, the summary to standard error"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0), payment(1, amount=250.00), payment(2, card="c2", amount=100.00)])
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson")
    (alert,) = done.alerts()
    assert list(alert) == ["format", "id", "revision", "phase", "rule", "title", "version", "key", "ts", "time",
                           "severity", "score", "tags", "message", "fields", "events", "held_back"], alert
    assert alert["format"] == 1 and alert["rule"] == "large" and alert["key"] == {"card": "c1"}
    assert alert["ts"] == START_US + 1_000_000 and alert["time"] == "2026-03-02T12:00:01Z"
    assert alert["message"] == "250.00 on card c1" and '"amount":250.00' in done.out
    assert [event["id"] for event in alert["events"]] == ["c1-1"]
    has(done.err, "read in.ndjson: 3 events", "alerts: 1\n", "1  large  A large payment", "none by unconfirmed")


@case
def _():
    """run: alerts of internal and shadow rules are counted, never given out"""
    write("rules.tocsin", RULES.replace('rule large "A large payment" {', 'rule large "A large payment" {\n  status shadow')
          + """
rule small "A small payment" {
  status internal
  by card
  when payment where amount < 1
  alert "{amount}"
}
""")
    write("in.ndjson", [payment(0), payment(1, amount=250.00), payment(2, amount=0.50)])
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson")
    assert done.out == "", done.out
    has(done.err, "alerts: 0\n", "1  large  A large payment (shadow)", "1  small  A small payment (internal)",
        "not delivered: 2 alerts, of internal and shadow rules")


@case
def _():
    """run: --alerts replaces its file and leaves standard output empty; - is standard output"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, amount=250.00)])
    write("alerts.ndjson", "what was here before\n" * 100)
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--alerts", "alerts.ndjson")
    assert done.out == "" and len(read_json_lines("alerts.ndjson")) == 1
    has(done.err, "alerts: 1, in alerts.ndjson")
    assert tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--alerts", "-").out == read("alerts.ndjson")


@case
def _():
    """run: equal inputs give equal bytes"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(i / 10, card=f"c{i % 7}", amount=float(i)) for i in range(500)])
    first = tocsin("run", "rules.tocsin", "--input", "in.ndjson").out
    assert first and first == tocsin("run", "rules.tocsin", "--input", "in.ndjson").out


@case
def _():
    """run: any number of workers gives the same bytes"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(i / 10, card=f"c{i % 97}", amount=float(i % 400)) for i in range(5000)])
    one = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--workers", "1").out
    assert one
    for workers in ("0", "2", "3", "8", "64"):
        assert tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--workers", workers).out == one, workers
        durable = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--workers", workers, "--data", f"data-{workers}",
                         "--final-watermark")
        assert durable.out == one, workers
    tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--workers", "65", code=2)


@case
def _():
    """run: --profile says which stages, rules and features took the time, and changes no alert"""
    write("rules.tocsin", RULES + """
rule rare "A rare payment" {
  by card
  when payment where amount = 7
  alert "{amount}"
}
feature seen = count(payment) by card over last 1h
rule often "Often" {
  by card
  when payment where seen > 2
  alert "{amount}"
}
""")
    write("in.ndjson", [payment(i / 10, card=f"c{i % 97}", amount=float(i % 400)) for i in range(5000)])
    plain = tocsin("run", "rules.tocsin", "--input", "in.ndjson")
    for workers in ("1", "3"):
        done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--profile", "--workers", workers)
        assert done.out == plain.out
        has(done.err, "profile: 5,000 events", "reading, decoding, order of events", "conditions and keys", "matching  ",
            "alerts: writing", "matching, by rule and feature", "rule often", "feature seen", "1 in 1.0", "1 in 384  ")
        (rare,) = [line for line in done.err.splitlines() if line.endswith("rule rare")]
        assert re.search(r" 1 in 384 +[0-9]+ +13 ", rare), rare
    assert "profile" not in plain.err
    has(tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--profile", "--data", "state", code=2).err,
        "--profile does not go with --data")


@case
def _():
    """run: several inputs are merged by event time"""
    write("rules.tocsin", RULES)
    every = [payment(i, card=f"c{i}", amount=200.00) for i in range(20)]
    write("even.ndjson", every[0::2])
    write("odd.ndjson", every[1::2])
    write("all.ndjson", every)
    merged = tocsin("run", "rules.tocsin", "--input", "odd.ndjson", "--input", "even.ndjson")
    assert merged.out == tocsin("run", "rules.tocsin", "-i", "all.ndjson").out
    assert len(merged.alerts()) == 20
    has(merged.err, "read 2 inputs: 20 events")


@case
def _():
    """run: standard input, alone and beside a file"""
    write("rules.tocsin", RULES)
    write("even.ndjson", [payment(2, amount=200.00)])
    done = tocsin("run", "rules.tocsin", "--input", "-", stdin=lines([payment(1, amount=300.00)]))
    assert len(done.alerts()) == 1
    has(done.err, "read standard input: 1 event ")
    both = tocsin("run", "rules.tocsin", "--input", "even.ndjson", "--input", "-",
                  stdin=lines([payment(1, amount=300.00)]))
    assert [alert["fields"]["amount"] for alert in both.alerts()] == [300, 200]


def zstd_raw(data):
    """A zstd frame of raw blocks (RFC 8878), for which no compressor is needed."""
    blocks = [data[i:i + 65536] for i in range(0, len(data), 65536)]
    frame = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data))
    for i, block in enumerate(blocks):
        frame += struct.pack("<I", len(block) << 3 | (i == len(blocks) - 1))[:3] + block
    return frame


@case
def _():
    """run: .gz and .zst are unpacked"""
    write("rules.tocsin", RULES)
    text = lines([payment(i, amount=200.00) for i in range(2000)]).encode()
    write("in.ndjson", text)
    half = len(text) // 2
    write("in.ndjson.gz", gzip.compress(text[:half]) + gzip.compress(text[half:]))  # two members
    write("in.ndjson.zst", zstd_raw(text))
    plain = tocsin("run", "rules.tocsin", "--input", "in.ndjson").out
    assert plain.count("\n") == 2000
    for packed in ("in.ndjson.gz", "in.ndjson.zst"):
        assert tocsin("run", "rules.tocsin", "--input", packed).out == plain, packed


@case
def _():
    """run: RULES may be several files and folders, which form one set"""
    write("rules/deep/large.tocsin", 'use "../schema.tocsin"\n' + RULES[RULES.index("rule large"):RULES.index("rule unc")])
    write("rules/schema.tocsin", RULES[:RULES.index("rule large")])
    write("more.tocsin", 'use "rules/schema.tocsin"\nrule small "Small" { by card when payment where amount < 2 alert "small" }')
    write("in.ndjson", [payment(0, amount=1.00), payment(1, amount=500.00)])
    done = tocsin("run", "rules", "more.tocsin", "--input", "in.ndjson")
    assert [alert["rule"] for alert in done.alerts()] == ["small", "large"]


@case
def _():
    """run: --late keeps what was set aside, --late-policy clamp takes it, --out-of-orderness waits for it"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0), payment(10), payment(7, card="c2", amount=500.00), payment(11)])
    side = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--late", "late.ndjson")
    assert side.alerts() == []
    (late,) = read_json_lines("late.ndjson")
    assert list(late) == ["input", "line", "late_us", "text"]
    assert (late["input"], late["line"], late["late_us"]) == ("in.ndjson", 3, 3_000_000)
    assert late["text"] == lines([payment(7, card="c2", amount=500.00)]).rstrip("\n")
    has(side.err, "late: 1 event behind the time already reached", "kept in late.ndjson", "by 3s at most, first at in.ndjson:3")
    waits = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--out-of-orderness", "3s")
    (alert,) = waits.alerts()
    assert alert["ts"] == START_US + 7_000_000 and "late_us" not in alert
    clamped = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--late-policy", "clamp")
    (alert,) = clamped.alerts()
    assert alert["ts"] == START_US + 10_000_000 and alert["late_us"] == 3_000_000
    has(clamped.err, "late: 1 event processed as if on time")


@case
def _():
    """run: --out-of-orderness overrides what the schema says, in both directions"""
    write("rules.tocsin", RULES.replace("ts: time, id: string id, card: string, amount",
                                        "ts: time up to 5s late, id: string id, card: string, amount"))
    write("in.ndjson", [payment(10), payment(7, amount=500.00)])
    assert len(tocsin("run", "rules.tocsin", "--input", "in.ndjson").alerts()) == 1
    assert tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--out-of-orderness", "2s").alerts() == []
    assert tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--out-of-orderness", "0").alerts() == []


@case
def _():
    """run: --late-max sets aside what is later, also where the rest is clamped"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0), payment(10), payment(7, card="c2", amount=500.00),
                        payment(9, card="c3", amount=600.00)])
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--late-policy", "clamp", "--late-max", "1s", "--late",
                  "late.ndjson")
    (alert,) = done.alerts()
    assert alert["key"] == {"card": "c3"} and alert["late_us"] == 1_000_000
    (late,) = read_json_lines("late.ndjson")
    assert (late["line"], late["late_us"]) == (3, 3_000_000)


@case
def _():
    """run: --ahead-max rejects what is ahead of the clock, so that it does not move time"""
    write("rules.tocsin", RULES)
    now_s = time.time() - START_US / 1e6
    write("in.ndjson", [payment(now_s - 60), payment(now_s + 3600, card="ahead", amount=500.00),
                        payment(now_s - 50, amount=600.00)])
    for limit in ((), ("--ahead-max", "10m")):  # the default, and said
        done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", *limit, "--dead-letter", "dead.ndjson")
        (alert,) = done.alerts()
        assert alert["key"] == {"card": "c1"}
        (dead,) = read_json_lines("dead.ndjson")
        assert dead["line"] == 2
    has(dead["reason"], "event time `ts` of `payment` is more than 10m ahead of the clock: 2")
    # Without it, time is where the wrong clock put it.
    assert [alert["key"]["card"] for alert in tocsin("run", "rules.tocsin", "--input", "in.ndjson",
                                                               "--ahead-max", "0").alerts()] == ["ahead"]


@case
def _():
    """run: --heartbeat decides absences in silence"""
    write("rules.tocsin", RULES.replace("for 5m", "for 200ms"))
    process = start("run", "rules.tocsin", "--input", "-", "--heartbeat", "50ms", "--quiet")
    process.stdin.write(lines([payment(time.time() - START_US / 1e6 - 5, amount=2000.00)]).encode())
    process.stdin.flush()
    alerts = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [alert["rule"] for alert in alerts] == ["large", "unconfirmed"]
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out, err) == (0, b"", b"")


@case
def _():
    """run: --idle-after lets other inputs go on beside a silent pipe, and takes what it says later"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(1, amount=300.00), payment(9, amount=400.00)])
    os.mkfifo("quiet")
    pipe = os.open("quiet", os.O_RDWR)
    process = start("run", "rules.tocsin", "--input", "quiet", "--input", "in.ndjson", "--idle-after", "50ms", "--quiet")
    alerts = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [alert["fields"]["amount"] for alert in alerts] == [300, 400]
    os.write(pipe, lines([payment(10, amount=500.00)]).encode())
    assert json.loads(process.stdout.readline())["fields"]["amount"] == 500
    os.close(pipe)
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out, err) == (0, b"", b"")


@case
def _():
    """run: --drift-max reads other inputs on beside a silent pipe, and alerts stay the same"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(second, amount=300.00 + second) for second in range(2, 300)])
    amounts = []
    for options in ((), ("--drift-max", "10s"), ("--drift-max", "1h"), ("--drift-max", "10s", "--data", "data")):
        process = start("run", "rules.tocsin", "--input", "-", "--input", "in.ndjson", "--quiet", *options)
        process.stdin.write(lines([payment(1, amount=301.00)]).encode())
        process.stdin.flush()
        time.sleep(0.2)
        process.stdin.write(lines([payment(150.5, amount=450.50)]).encode())
        out, err = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, err) == (0, b"")
        amounts.append([json.loads(line)["fields"]["amount"] for line in out.splitlines()])
    assert len(amounts[0]) == 300 and amounts[0] == sorted(amounts[0])
    assert all(others == amounts[0] for others in amounts)


@case
def _():
    """run: --order position orders events of one time by input, then line; not with --data"""
    write("rules.tocsin", RULES)
    write("a.ndjson", [payment(1, amount=301.00), payment(1, amount=302.00)])
    write("b.ndjson", [payment(1, amount=303.00), payment(1, amount=304.00)])
    amounts = lambda *options: [alert["fields"]["amount"] for alert in tocsin("run", "rules.tocsin", *options).alerts()]
    assert amounts("--input", "a.ndjson", "--input", "b.ndjson") == [301.00, 303.00, 302.00, 304.00]
    by_position = ("--order", "position")
    assert amounts("--input", "a.ndjson", "--input", "b.ndjson", *by_position) == [301.00, 302.00, 303.00, 304.00]
    assert amounts("--input", "b.ndjson", "--input", "a.ndjson", *by_position) == [303.00, 304.00, 301.00, 302.00]
    refused = tocsin("run", "rules.tocsin", "--input", "a.ndjson", *by_position, "--data", "data", code=2)
    assert "--order position does not go with --data" in refused.err


@case
def _():
    """run: the end of the inputs decides absences, unless --no-final-watermark"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, amount=2000.00), payment(1, card="c2", amount=2000.00), confirmation(5, card="c2")])
    rules_of = lambda done: [alert["rule"] for alert in done.alerts()]
    assert rules_of(tocsin("run", "rules.tocsin", "--input", "in.ndjson")) == ["large", "large", "unconfirmed"]
    assert rules_of(tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--final-watermark")).count("unconfirmed") == 1
    assert rules_of(tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--no-final-watermark")) == ["large", "large"]


@case
def _():
    """run: --quiet says nothing where nothing is wrong"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(0, amount=200.00)])
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--quiet")
    assert done.err == "" and len(done.alerts()) == 1


@case
def _():
    """run: warnings are shown and change nothing else"""
    # Without `by` a rule that keeps state is warned about.
    write("rules.tocsin", RULES + 'rule pair "Two" { when payment then payment within 1m alert "two" }')
    write("in.ndjson", [payment(0), payment(1)])
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson")
    has(done.err, "warning")
    assert [alert["rule"] for alert in done.alerts()] == ["pair"]


# --- check ---------------------------------------------------------------------------------------

@case
def _():
    """check: right rules end with a summary and exit code 0"""
    write("rules.tocsin", RULES)
    done = tocsin("check", "rules.tocsin")
    assert done.out == ""
    has(done.err.splitlines()[-1], "checked 1 file, 2 rules, 0 tests: 0 errors")


@case
def _():
    """check: --format json is an object a line on standard output"""
    write("rules.tocsin", RULES.replace("amount > 100\n", "amuont > 100\n"))
    done = tocsin("check", "rules.tocsin", "--format", "json", code=1)
    errors = [diagnostic for diagnostic in done.alerts() if diagnostic["level"] == "error"]
    (error,) = errors
    assert error["file"] == "rules.tocsin" and error["line"] == 7 and error["code"].startswith("E02"), error
    assert done.err.splitlines()[-1].startswith("checked 1 file: 1 error, "), done


@case
def _():
    """check: --warnings-as-errors turns the exit code, --color the colours"""
    write("rules.tocsin", RULES + 'rule pair "Two" { when payment then payment within 1m alert "two" }')
    plain = tocsin("check", "rules.tocsin")
    has(plain.err, "warning")
    assert "\x1b[" not in plain.err
    assert "\x1b[" in tocsin("check", "rules.tocsin", "--color", "always").err
    assert "\x1b[" not in tocsin("check", "rules.tocsin", "--color", "never").err
    tocsin("check", "rules.tocsin", "--warnings-as-errors", code=1)


@case
def _():
    """check: an allowed warning is none; untested live rules are warned of by `check` alone"""
    rule = 'rule pair "Two" { %s when payment then payment within 1m alert "two" }\n'
    schema = "event payment { ts: time, card: string }\n"
    write("rules.tocsin", schema + rule % 'status draft allow no_key "of all cards"')
    done = tocsin("check", "rules.tocsin", "--warnings-as-errors")
    assert done.err == "checked 1 file, 0 rules, 0 tests: 0 errors, 0 warnings\n", done
    write("rules.tocsin", schema + rule % "by card")
    has(tocsin("check", "rules.tocsin", "--warnings-as-errors", code=1).err, "warning[untested_rule]")
    write("events.ndjson", "")
    assert "untested_rule" not in tocsin("run", "rules.tocsin", "--input", "events.ndjson").err


# --- help, versions, completion, documentation ---------------------------------------------------

def commands(parent=""):
    """The commands that the program's help lists; those below another one instead of that: "late list"."""
    sections = tocsin(*parent.split(), "--help").out.split("\nCommands:\n")
    if len(sections) == 1:
        return [parent]
    names = re.findall(r"^  (\w+) ", sections[1].split("\n\n")[0], re.M)
    return [below for name in names for below in commands(f"{parent} {name}".strip())]


def options_of(command):
    """The long options that a command's help lists."""
    text = tocsin(*command.split(), "--help").out
    found = set()
    for line in text.splitlines():
        if re.match(r"  --?\w|  --\[no-\]", line):
            for negatable, name in re.findall(r"--(\[no-\])?([a-z][a-z0-9-]*)", re.split("  +", line.strip())[0]):
                found.add("--" + name)
                if negatable:
                    found.add("--no-" + name)
    return found


@case_of_texts
def _():
    """help: every command has a usage, a description and examples"""
    assert {"run", "check", "test", "completion"} <= set(commands()), commands()
    for command in commands():
        text = tocsin(*command.split(), "--help").out
        has(text, f"Usage: tocsin {command}", "-h, --help", "Example")
        assert text == tocsin(*command.split(), "-h").out
        example = text.index("Example")
        assert max(map(len, text[:example].splitlines())) <= 100, command
    has(tocsin("--help").out, "Exit codes:\n  0  ", "Examples:\n")


@case_of_texts
def _():
    """documentation: docs/cli.md and --help name the same commands and options"""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    sections = {name: text for name, text in re.findall(r"^## `tocsin (\w+(?: \w+)?)`.*?\n(.*?)(?=^## |\Z)", page, re.M | re.S)}
    assert set(sections) == set(commands()), f"documented {sorted(sections)}, listed {sorted(commands())}"
    for command, text in sections.items():
        documented = set(re.findall(r"^\| `(?:-\w`, `)?(--[a-z0-9-]+)", text, re.M))
        documented |= set(re.findall(r"^\| `--[^|]*?`, `(--no-[a-z-]+)", text, re.M))
        listed = options_of(command) - {"--help"}
        assert documented == listed, f"{command}: only documented {documented - listed}, only in --help {listed - documented}"
    for code in range(6):
        assert re.search(rf"^\| {code} \|", page, re.M), f"exit code {code} is not documented"


@case
def _():
    """version: names the program and its main libraries"""
    text = tocsin("--version").out
    assert re.match(r"tocsin \d+\.\d+\.\d+\n", text), text
    for library in ("compiler", "simdjson", "OpenSSL", "cpp-httplib", "zlib", "zstd", "Boost", "fmt"):
        assert re.search(rf"^  {library} +\S*\d+\.\d+|^  {library} +g\+\+ \d+", text, re.M), f"{library} in {text}"


@case
def _():
    """completion: bash completes commands, options, words and files"""
    write("completion.bash", tocsin("completion", "bash").out)
    write("rules.tocsin", RULES)
    script = """
source completion.bash
compopt() { :; }
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tocsin; echo "${COMPREPLY[*]}"; }
complete_words tocsin com
complete_words tocsin run --late-
complete_words tocsin run --late-policy ''
complete_words tocsin run --late-policy = cl
complete_words tocsin check ru
complete_words tocsin completion z
complete_words tocsin late ''
complete_words tocsin late list --da
complete_words tocsin --v
"""
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert done.stdout.splitlines() == ["completion", "--late-policy --late-max", "side clamp", "clamp", "rules.tocsin", "zsh",
                                        " ".join(name.split()[1] for name in commands("late")), "--data", "--version"], done


@case_of_texts
def _():
    """completion: every shell's script knows every command and option"""
    for shell in ("bash", "zsh", "fish"):
        script = tocsin("completion", shell).out
        for command in commands():
            has(script, *command.split())
            for option in options_of(command):
                assert option in script or f"-l {option[2:]} " in script, f"{shell}: {command} {option}"
        if shutil.which(shell):
            path = pathlib.Path(write(f"completion.{shell}", script)).resolve()
            subprocess.run([shell, "-n", path], check=True, timeout=LIMIT_S)


run_cases()
