#!/usr/bin/env python3
"""Bad input, tried: each kind costs itself alone, is told clearly, and has its exit code.

    bad_input.py TOCSIN_BINARY [TEXT]
"""
import base64
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from harness import BINARY, RULES, START_US, case, has, lines, payment, read, read_json_lines, run_cases, tocsin, write

DAY_S = 86_400
GOOD = [payment(0, amount=200.00), payment(100, amount=300.00)]


def run(contents, *arguments, code=0, name="in.ndjson"):
    """Runs the rules over one input; dead letters and late events are kept."""
    write("rules.tocsin", RULES)
    if contents is not None:
        write(name, contents)
    return tocsin("run", "rules.tocsin", "--input", name, "--dead-letter", "dead.ndjson", "--late", "late.ndjson",
                  *arguments, code=code)


def between(bad):
    """A bad line between two good ones."""
    first, last = lines(GOOD[:1]).encode(), lines(GOOD[1:]).encode()
    return first + (bad if isinstance(bad, bytes) else bad.encode()) + b"\n" + last


def costs_itself(bad, *reason):
    """Runs a bad line between two good ones: it alone is rejected, with that reason."""
    done = run(between(bad))
    assert [alert["fields"]["amount"] for alert in done.alerts()] == [200, 300], done
    (dead,) = read_json_lines("dead.ndjson")
    assert list(dead)[:4] == ["input", "line", "reason", "text"] and dead["line"] == 2 and dead["input"] == "in.ndjson"
    has(dead["reason"], *reason)
    has(done.err, "rejected: 1 line (kept in dead.ndjson)", "first at in.ndjson:2")
    return dead


@case
def _():
    """a missing input: exit code 3, named, outputs left alone"""
    write("alerts.ndjson", "kept\n")
    done = run(None, "--alerts", "alerts.ndjson", code=3, name="nowhere.ndjson")
    has(done.err, "cannot read nowhere.ndjson: No such file or directory")
    assert read("alerts.ndjson") == "kept\n"


@case
def _():
    """an event time in another unit than the schema's: a dead letter that asks, and no alert of another year"""
    dead = costs_itself('{"type":"payment","ts":1772452800123,"id":"p","card":"c1","amount":1}',
                        "event time `ts` of `payment` lies before 1990 in microseconds: 1772452800123; ",
                        "are these milliseconds? Write `ts: time in ms`")
    assert dead["text"].startswith('{"type":"payment"'), dead
    costs_itself('{"type":"payment","ts":1772452800,"id":"p","card":"c1","amount":1}', "are these seconds?")
    costs_itself('{"type":"payment","ts":1772452800123456789,"id":"p","card":"c1","amount":1}',
                 "lies after 2100 in microseconds", "are these nanoseconds? Write `ts: time in ns`")
    costs_itself('{"type":"payment","ts":5,"id":"p","card":"c1","amount":1}',
                 "if that is right, write `ts: time from 1970`")
    # With the unit in the schema the same events give the same alerts.
    wanted = [(alert["ts"], alert["fields"]) for alert in run(lines(GOOD)).alerts()]
    for unit, of_us in (("s", 1e6), ("ms", 1000), ("ns", 0.001)):
        write("unit.tocsin", RULES.replace("ts: time,", f"ts: time in {unit},"))
        write("unit.ndjson", lines({**event, "ts": round(event["ts"] / of_us)} for event in GOOD))
        done = tocsin("run", "unit.tocsin", "--input", "unit.ndjson")
        assert [(alert["ts"], alert["fields"]) for alert in done.alerts()] == wanted, done


@case
def _():
    """an unreadable input: exit code 3, named"""
    has(run(None, code=3, name="none.ndjson").err, "cannot read none.ndjson: No such file or directory")
    if os.geteuid() != 0:  # the superuser reads everything
        write("locked.ndjson", GOOD)
        os.chmod("locked.ndjson", 0)
        has(run(None, code=3, name="locked.ndjson").err, "cannot read locked.ndjson: Permission denied")


@case
def _():
    """an empty input: exit code 0, no alert"""
    done = run(b"")
    assert done.out == ""
    has(done.err, "read in.ndjson: 0 events", "alerts: 0")
    assert run(b"\n\n  \n").out == ""
    assert read("dead.ndjson") == "", "blank lines are no dead letters"


@case
def _():
    """a truncated gzip: exit code 3, what came before it is processed, the other inputs are not lost"""
    whole = gzip.compress(lines([payment(i, amount=200.00) for i in range(5000)]).encode(), mtime=0)
    done = run(whole[:len(whole) // 2], code=3, name="in.ndjson.gz")
    count = len(done.alerts())
    assert 0 < count < 5000, count
    has(done.err, "in.ndjson.gz", "read a part of in.ndjson.gz", f"alerts: {count:,}\n")
    write("other.ndjson", [payment(-5, card="before", amount=700.00)])
    done = tocsin("run", "rules.tocsin", "--input", "in.ndjson.gz", "--input", "other.ndjson", code=3)
    assert done.alerts()[0]["key"] == {"card": "before"}


@case
def _():
    """a file that is no gzip under that name: exit code 3, named"""
    done = run(lines(GOOD), code=3, name="in.ndjson.gz")
    has(done.err, "in.ndjson.gz")
    assert done.out == ""
    has(run(lines(GOOD), code=3, name="in.ndjson.zst").err, "in.ndjson.zst")


@case
def _():
    """binary junk: each line rejected and kept byte by byte; exit code 3 if there is nothing else"""
    junk = bytes(range(1, 10)) + bytes(range(11, 256))
    dead = costs_itself(junk, "")
    assert base64.b64decode(dead["base64"]) == junk
    noise = b"".join(bytes([(i * 7919 + j * j) % 256 for j in range(200)]) for i in range(50))
    done = run(noise, code=3)
    has(done.err, "in.ndjson is binary data, and events are read from JSON lines")
    done = run(noise.replace(b"\0", b"\1"), code=3)
    assert done.out == "" and read_json_lines("dead.ndjson")
    has(done.err, "rejected: ", "lines could be used: events are JSON objects")


@case
def _():
    """a line of zero bytes: rejected alone"""
    costs_itself(b"\0" * 100, "")


@case
def _():
    """a line of 10 MB: rejected alone, kept in part"""
    dead = costs_itself('{"type":"payment","ts":' + str(START_US + 1) + ',"id":"' + "x" * 10_000_000 + '"}', "")
    assert 0 < len(dead["text"]) <= 65536 and dead["text"].startswith('{"type":"payment"')


@case
def _():
    """invalid UTF-8 in a field that a rule reads: the line is rejected"""
    bad = lines([payment(50, card="??", amount=500.00)]).encode().rstrip(b"\n").replace(b"??", b"\xc3\x28")
    dead = costs_itself(bad, "UTF-8")
    has(dead["text"], "\ufffd(")


@case
def _():
    """lines that are JSON, but no event: each rejected with its own reason"""
    for bad, reason in [
        ("[1,2]", ""),
        ("17", ""),
        ('"text"', ""),
        ("{", ""),
        ('{"type":"payment"', ""),
        ('{"ts":1}', "type"),
        ('{"type":7,"ts":1}', "type"),
        ('{"type":"payment","id":"x","card":"c1","amount":1}', "ts"),
        ('{"type":"payment","ts":"yesterday","id":"x","card":"c1","amount":1}', "ts"),
        ('{"type":"payment","ts":null,"id":"x","card":"c1","amount":1}', "ts"),
        ('{"type":"payment","ts":1.5,"id":"x","card":"c1","amount":1}', "ts"),
        ('{"type":"payment","ts":true,"id":"x","card":"c1","amount":1}', "ts"),
    ]:
        dead = costs_itself(bad, reason)
        assert dead["text"] == bad and dead["reason"], dead


@case
def _():
    """a time out of range: rejected alone, and the watermark does not follow it"""
    for ts in ("9223372036854775807", "-9223372036854775808", "99999999999999999999999", "1e30",
               '"9999999-01-01T00:00:00Z"', '"2026-02-30T00:00:00Z"'):
        bad = lines([payment(50)]).rstrip("\n").replace(str(START_US + 50_000_000), ts)
        assert ts in bad
        costs_itself(bad, "ts")


@case
def _():
    """a number that overflows its decimal: the value is missing and counted, the event stays"""
    for amount in ("92233720368547758.08", "1e300", "12.345", "-1e19", '"200.00"', "[1]", "true"):
        bad = lines([payment(50, amount=0.5)]).rstrip("\n").replace("0.5", amount)
        assert amount in bad
        done = run(between(bad))
        assert [alert["fields"]["amount"] for alert in done.alerts()] == [200, 300], (amount, done)
        assert read("dead.ndjson") == ""
        has(done.err, "read in.ndjson: 3 events", "unusable: 1 field value, treated as missing", "payment.amount",
            "in.ndjson:2")


@case
def _():
    """numbers at the edge of a decimal are exact"""
    done = run(between(lines([payment(50, amount=0.5)]).rstrip("\n").replace("0.5", "92233720368547758.07")))
    has(done.out, '"fields":{"amount":92233720368547758.07}')
    done = run(between(lines([payment(50, amount=0.5)]).rstrip("\n").replace("0.5", "1.50e3")))
    has(done.out, '"fields":{"amount":1500.00}')


@case
def _():
    """a missing or null key field: the event is for no rule by that key, and nothing else is lost"""
    without = payment(50, amount=500.00)
    del without["card"]
    for bad in (json.dumps(without), json.dumps({**without, "card": None})):
        done = run(between(bad))
        assert [alert["ts"] - START_US for alert in done.alerts()] == [0, 100_000_000]
        assert read("dead.ndjson") == ""
        has(done.err, "read in.ndjson: 3 events")


@case
def _():
    """time going backwards by a day: that event is late, those after it are on time"""
    done = run([payment(2 * DAY_S, amount=200.00), payment(DAY_S, card="c2", amount=900.00),
                payment(2 * DAY_S + 1, amount=300.00)])
    assert [alert["fields"]["amount"] for alert in done.alerts()] == [200, 300]
    (late,) = read_json_lines("late.ndjson")
    assert late["late_us"] == DAY_S * 1_000_000 and late["line"] == 2
    has(done.err, "late: 1 event behind the time already reached", "by 1d at most, first at in.ndjson:2; in.ndjson:1 had moved time to 2")


@case
def _():
    """one wrong clock: that line is rejected, every other one is used"""
    events = [payment(i, amount=200.00) for i in range(20)]
    events[7] = payment(30 * DAY_S, card="wrong", amount=900.00)
    done = run(events)
    assert [alert["key"]["card"] for alert in done.alerts()] == ["c1"] * 19
    (dead,) = read_json_lines("dead.ndjson")
    assert dead["line"] == 8 and read("late.ndjson") == ""
    has(dead["reason"], "event time is more than 1d ahead of the events before it, and 3 events after it were not: 2")
    has(done.err, "jumps: 1 event ahead of the time of the input", "1 rejected (--jump-max)")
    # Without the limit it sets all later ones aside, and the summary names it.
    done = run(events, "--jump-max", "0")
    assert len(done.alerts()) == 8
    has(done.err, "late: 12 events behind the time already reached", "in.ndjson:8 had moved time to 2", "no wait is that long")


@case
def _():
    """an honest gap: nothing is lost, whatever its length; the last event is taken at the end"""
    gaps = [payment(0, amount=200.00), payment(3 * DAY_S, amount=300.00), payment(3 * DAY_S + 1, amount=400.00),
            payment(90 * DAY_S, amount=500.00)]
    done = run(gaps)
    assert [alert["fields"]["amount"] for alert in done.alerts()] == [200, 300, 400, 500]
    assert read("dead.ndjson") == "" and read("late.ndjson") == ""
    has(done.err, "jumps: 2 events ahead of the time of the input, each held until the next confirmed it\n")


@case
def _():
    """a jump is held over a kill and a start, and then confirmed or rejected"""
    for last, rejected in ([payment(3 * DAY_S + 1, amount=400.00)], False), \
                          ([payment(i, amount=400.00) for i in (1, 2, 3)], True):
        shutil.rmtree("data", ignore_errors=True)
        for name in ("copy.ndjson", "ack"):
            pathlib.Path(name).unlink(missing_ok=True)
        write("rules.tocsin", RULES)
        first = lines([payment(0, amount=200.00), payment(3 * DAY_S, card="jumped", amount=300.00)])
        process = subprocess.Popen([BINARY, "run", "rules.tocsin", "--data", "data", "--input", "-", "--ack", "ack",
                                    "--alerts", "copy.ndjson"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdin.write(first.encode())
        process.stdin.flush()
        for _ in range(600):
            if os.path.exists("ack") and read("ack").strip() == "2":
                break
            time.sleep(0.05)
        process.kill()
        process.wait()
        done = tocsin("run", "rules.tocsin", "--data", "data", "--input", "-", "--alerts", "copy.ndjson",
                      stdin=lines(last).encode())
        cards = [json.loads(line)["key"]["card"] for line in read("copy.ndjson").splitlines()]
        assert ("jumped" in cards) != rejected, (cards, done)
        assert len(cards) == 1 + len(last) + (not rejected), cards


@case
def _():
    """input of another form: recognised before an output is emptied, named, told what to do, exit code 3"""
    good = lines(GOOD)
    for contents, *said in (
            ("id,amount\n1,2.50\n2,3.50\n", "is CSV", "--input-format csv"), ("id;amount\n1;2,50\n", "is CSV with semicolons"),
            (json.dumps(GOOD), "is a JSON array", "jq -c '.[]' in.ndjson"), (json.dumps(GOOD, indent=2), "is a JSON array"),
            (json.dumps(GOOD[0], indent=2), "is pretty-printed JSON", "jq -c . in.ndjson"),
            (b"PAR1" + bytes(100), "is Parquet", "duckdb"), (good.encode("utf-16"), "is UTF-16 text", "iconv"),
            (good.encode("utf-16-le"), "is UTF-16 text", "iconv -f UTF-16LE -t UTF-8 in.ndjson"),
            (gzip.compress(good.encode()), "is gzip data", "ends in .gz"), (b"PK\x03\x04" + bytes(30), "is a zip archive"),
            ("<events>\n<event/>\n</events>\n", "is XML")):
        write("alerts.ndjson", "kept\n")
        done = run(contents, "--alerts", "alerts.ndjson", code=3)
        has(done.err, "in.ndjson " + said[0], "read", "JSON lines", *said)
        assert read("alerts.ndjson") == "kept\n"
        raw = contents if isinstance(contents, bytes) else contents.encode()
        piped = tocsin("run", "rules.tocsin", "--input", "-", stdin=raw, code=3)
        has(piped.err, "standard input " + said[0])
        piped = tocsin("run", "rules.tocsin", "--data", "data", "--input", "-", stdin=raw, code=3)
        has(piped.err, "standard input " + said[0])
    has(run(gzip.compress(b"a,b\n1,2\n"), code=3, name="in.ndjson.gz").err, "in.ndjson.gz is CSV")


@case
def _():
    """a run in which not one line could be used: exit code 3 and why"""
    has(run("not an event\n", code=3).err, "the only line could not be used", "1 rejected, first at in.ndjson:1: ")
    done = run([{"type": "heartbeat"}, {"type": "heartbeat"}], "--unknown-types", "ignore", code=3)
    has(done.err, "not one of 2 lines could be used", "2 of types that no rule file declares, such as heartbeat at in.ndjson:1")
    done = run([{"type": "heartbeat"}, {"type": "paymnet"}], code=3)
    has(done.err, "not one of 2 lines could be used", "no rule file declares the event type `heartbeat`")
    for code in (3, 0):  # the second start has nothing to read
        tocsin("run", "rules.tocsin", "--data", "other", "--input", "in.ndjson", "--quiet", code=code)


@case
def _():
    """an event type that no rule file declares is rejected, with the declared one that was meant"""
    other = {"type": "heartbeat", "whatever": [1, {"deep": None}]}
    done = run([GOOD[0], other, GOOD[1], dict(GOOD[0], type="paymnet"), other])
    assert len(done.alerts()) == 2
    dead = read_json_lines("dead.ndjson")
    assert [one["line"] for one in dead] == [2, 4, 5]
    has(dead[1]["reason"], "`paymnet` (did you mean `payment`?)", "unknown-types ignore")
    has(done.err, "2 × no rule file declares the event type `heartbeat`, first at in.ndjson:2",
        "1 × no rule file declares the event type `paymnet` (did you mean `payment`?), first at in.ndjson:4",
        "to skip events of types that the rules do not need: --unknown-types ignore")


@case
def _():
    """event types that no rule file declares, with --unknown-types ignore: counted, never rejected"""
    other = {"type": "heartbeat", "whatever": [1, {"deep": None}]}
    done = run([GOOD[0], other, GOOD[1], other], "--unknown-types", "ignore")
    assert len(done.alerts()) == 2 and read("dead.ndjson") == ""
    has(done.err, "ignored: 2 events of types that no rule file declares", "heartbeat at in.ndjson:2")


@case
def _():
    """a last line without a line end, carriage returns and a byte order mark: taken as what they are"""
    assert len(run(lines(GOOD).rstrip("\n")).alerts()) == 2
    assert len(run(lines(GOOD).replace("\n", "\r\n")).alerts()) == 2
    done = run(b"\xef\xbb\xbf" + lines(GOOD).encode())
    assert len(done.alerts()) + len(read_json_lines("dead.ndjson")) == 2, done


@case
def _():
    """deeply nested and repeated keys: no crash, the first of a repeated key counts"""
    costs_or_passes = run(between('{"type":"payment","x":' + "[" * 100_000 + "}"))
    assert [alert["fields"]["amount"] for alert in costs_or_passes.alerts()] == [200, 300]
    twice = lines([payment(50, amount=0.5)]).rstrip("\n").replace('"amount": 0.5', '"amount": 150.00, "amount": 1.00')
    assert [alert["fields"]["amount"] for alert in run(between(twice)).alerts()] == [200, 150, 300]


# Twenty lines, each with one mistake of its own kind; what is told of each has its line and this text.
MISTAKES = [
    ('event payment { ts: time, id: string id, card: string, amount: decimal(2) }', None),
    ('event twice { ts: time, a: int, a: int }', "a"),
    ('event scale { ts: time, a: decimal(12) }', "decimal"),
    ('event kinds { ts: time, a: strng }', "strng"),
    ('event scale { ts: time }', "scale"),
    ('const LIMIT = 5', None),
    ('const LIMIT = 6', "LIMIT"),
    ('rule r01 "t" { by card when paymnt where amount > 1 alert "x" }', "paymnt"),
    ('rule r02 "t" { by card when payment where amout > 1 alert "x" }', "amout"),
    ('rule r03 "t" { by card when payment where amount > "a" alert "x" }', "string"),
    ('rule r04 "t" { by card when payment where amount alert "x" }', "condition"),
    ('rule r05 "t" { by crad when payment alert "x" }', "crad"),
    ('rule r06 "t" { by card when payment as a then payment as a within 1m alert "x" }', "a"),
    ('rule r07 "t" { by card when payment then no payment alert "x" }', "within"),
    ('rule r08 "t" { severity huge by card when payment alert "x" }', "huge"),
    ('rule r09 "t" { by card when payment alert "{nobody}" }', "nobody"),
    ('rule r10 "t" { by card when payment within 1m within 2m alert "x" }', "within"),
    ('rule r11 "t" { by card alert "x" }', "when"),
    ('rule r12 "t" { by card when 3+ payment as p then payment where amount > p.amount within 1m alert "x" }', "p"),
    ('rule r13 "t" { by card when payment where amount in nowhere alert "x" }', "nowhere"),
    ('rule r13 "t" { by card when payment alert "x" }', "r13"),
    ('test nobody "t" { expect no alert }', "nobody"),
    ('rule r14 "t" { by card when payment where amount > alert "x" }', "expected"),
]


@case
def _():
    """a rule file with twenty and more mistakes: all told in one run, each once, in file order, exit code 1"""
    write("rules.tocsin", "".join(text + "\n" for text, _ in MISTAKES))
    done = tocsin("check", "rules.tocsin", code=1)
    wrong = [line for line, (_, message) in enumerate(MISTAKES, 1) if message]
    assert len(wrong) >= 20
    told = re.findall(r"^error\[E\d{4}\]: (.*)\n +--> rules\.tocsin:(\d+):\d+$", done.err, re.M)
    assert [int(line) for _, line in told] == wrong, done
    by_line = {int(line): message for message, line in told}
    blocks = re.split(r"(?m)^(?=error\[)", done.err)[1:]
    for line, (_, message) in enumerate(MISTAKES, 1):
        if message:
            block = next(block for block in blocks if f"rules.tocsin:{line}:" in block.split("\n")[1])
            assert message in block, f"{message!r} is not in what is told of line {line}: {by_line[line]}\n{block}"
    has(done.err.splitlines()[-1], f"checked 1 file: {len(wrong)} errors")


@case
def _():
    """rule files that are no text: told, exit code 1"""
    write("junk.tocsin", bytes(range(256)) * 4)
    has(tocsin("check", "junk.tocsin", code=1).err, "junk.tocsin", "error")
    write("empty.tocsin", "")
    has(tocsin("check", "empty.tocsin").err, "checked 1 file, 0 rules, 0 tests: 0 errors")
    write("open.tocsin", 'rule a "never closed')
    has(tocsin("check", "open.tocsin", code=1).err, "open.tocsin:1:")
    has(tocsin("check", "nowhere.tocsin", code=1).err, "nowhere.tocsin", "error")


run_cases()
