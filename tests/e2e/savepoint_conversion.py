#!/usr/bin/env python3
"""`tocsin savepoint export` and `import` as their users meet them: a state that went to a state folder and back goes
on as if nothing had happened, and refusals. Jobs are in the suite `flink`.

    savepoint_conversion.py TOCSIN_BINARY [TEXT]
"""
import json
import pathlib

from harness import START_US, case, has, run_cases, tocsin, write

EVENTS = """\
event payment { ts: time, id: string id unique within 1h, card: string, merchant: string, amount: int }
"""
RULES = EVENTS + """
feature merchant_hour = count(payment) by merchant over previous 1h

rule busy "A large payment at a busy merchant" {
  by card
  when payment where amount > 100 and merchant_hour > 2
  once per 10m for each merchant
  alert "busy"
}

rule silent "Nothing after a large payment" {
  by card
  when payment where amount > 180 then no payment for 5m
  alert "silent"
}
"""
COUPLED = EVENTS + """
feature usual = avg(amount of payment unless alerted by outlier) by merchant over previous 30d

rule outlier "Far above what is usual" {
  by card
  when payment where amount > 2 * usual
  alert "far"
}
"""
LINES = 400


def lines(begin, end):
    """Payments, two of a time now and then, some of which come twice."""
    return "".join(json.dumps({"type": "payment", "ts": START_US + 5_000_000 * (i - i % 2), "id": f"p{i - (i % 10 == 9)}",
                               "card": f"c{i * i % 7}", "merchant": f"m{i % 3}", "amount": i * 37 % 200}) + "\n"
                   for i in range(begin, end))


def begin(rules=RULES, count=LINES // 2 + 1):
    """A run over the first lines of a file; gives its alerts."""
    write("rules.tocsin", rules)
    write("in.ndjson", lines(0, count))
    return tocsin("run", "rules.tocsin", "--data", "data", "--input", "in.ndjson", "-q").out


def whole(rules=RULES):
    """The alerts of one run with a data directory over all lines."""
    write("rules.tocsin", rules)
    write("all.ndjson", lines(0, LINES))
    out = tocsin("run", "rules.tocsin", "--data", "one", "--input", "all.ndjson", "-q").out
    assert out.count("\n") > 5
    return out


def go_on(savepoint):
    """The rest of the lines, from a savepoint."""
    write("in.ndjson", lines(0, LINES))
    return tocsin("run", "rules.tocsin", "--from", savepoint, "--data", "next", "--input", "in.ndjson", "-q").out


@case
def _():
    """there and back: a run goes on from the savepoint as if nothing had happened"""
    alerts = begin()
    out = tocsin("savepoint", "export", "data/", "state/").out
    has(out, "state: ", " keys, ", "in.ndjson goes on with line 202\n")
    out = tocsin("savepoint", "import", "rules.tocsin", "--from", "state/", "--to", "kept/back").out
    has(out, "kept/back: ", "in.ndjson goes on with line 202\n")
    assert alerts + go_on("kept/back") == whole()
    has(tocsin("inspect", "kept/back").out, "in.ndjson")
    has(tocsin("verify", "kept/back").out, "good")


@case
def _():
    """a savepoint is exported too, and its run is left as it was"""
    alerts = begin()
    tocsin("savepoint", "make", "--data", "data", "kept")
    tocsin("savepoint", "export", "data/savepoints/kept", "state")
    tocsin("savepoint", "import", "rules.tocsin", "--from", "state", "--to", "back")
    assert alerts + go_on("back") == whole()


@case
def _():
    """rules that cannot be spread need --one-part, and then go on"""
    alerts = begin(COUPLED)
    err = " ".join(tocsin("savepoint", "export", "data", "state", code=2).err.split())
    has(err, "the rules cannot be spread: ", "With --one-part")
    assert not pathlib.Path("state").exists()
    tocsin("savepoint", "export", "data", "state", "--one-part")
    tocsin("savepoint", "import", "rules.tocsin", "--from", "state", "--to", "back")
    assert alerts + go_on("back") == whole(COUPLED)


@case
def _():
    """other rules: what did not change goes on, and it is said"""
    begin()
    tocsin("savepoint", "export", "data", "state")
    write("rules.tocsin", RULES.replace("amount > 180", "amount > 170"))
    done = tocsin("savepoint", "import", "rules.tocsin", "--from", "state", "--to", "back")
    has(done.err, "the job had other rules")
    write("in.ndjson", lines(0, LINES))
    done = tocsin("run", "rules.tocsin", "--from", "back", "--data", "next", "--input", "in.ndjson")
    has(done.err, "silent")


@case
def _():
    """a file that is gone, or has fewer lines, is refused, unless no more is read of it"""
    begin()
    tocsin("savepoint", "export", "data", "state")
    arguments = ("savepoint", "import", "rules.tocsin", "--from", "state", "--to", "back")
    pathlib.Path("in.ndjson").rename("other.ndjson")
    has(tocsin(*arguments, code=2).err, "the job read 201 lines of in.ndjson", "--leave in.ndjson")
    write("in.ndjson", lines(0, 5))
    has(tocsin(*arguments, code=5).err, "in.ndjson has 5 lines, and 201 were read of it")
    assert not pathlib.Path("back").exists() and not pathlib.Path("back.work").exists()
    has(tocsin(*arguments, "--leave", "in.ndjson").out, "in.ndjson is not read any more\n")


@case
def _():
    """folders that are there, are none, or are damaged are refused"""
    begin()
    tocsin("savepoint", "export", "data", "state")
    has(tocsin("savepoint", "export", "data", "state", code=5).err, "state is there already")
    has(tocsin("savepoint", "export", "nothing", "state2", code=2).err, "there is no data directory nothing")
    arguments = ("savepoint", "import", "rules.tocsin", "--from", "state", "--to", "back")
    has(tocsin(*arguments[:-1], "data", code=5).err, "data is there already")
    path = pathlib.Path("state/pass-0.0")
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    has(tocsin(*arguments, code=5).err, "state/pass-0.0 is damaged")
    path.write_bytes(good)
    pathlib.Path("state/HEAD").unlink()
    has(tocsin(*arguments, code=2).err, "state is not the whole state of a job")
    write("rules.tocsin", "rule")
    has(tocsin(*arguments, code=1).err, "the rules have errors")


run_cases()
