#!/usr/bin/env python3
"""What an operator of a durable run relies on: limits, what is kept how long, savepoints to begin from.

    operations.py TOCSIN_BINARY [TEXT]

Standard library only. Last line: N passed, N failed.
"""
import json
import os
import re
import shutil
import time

from harness import RULES, case, confirmation, has, lines, payment, read, read_json_lines, run_cases, start, tocsin, wait_for, write

UNIQUE_RULES = """\
event payment { ts: time, id: string id unique, card: string, amount: decimal(2) }
rule large "A large payment" {
  when payment where amount > 1_000
  alert "{amount}"
}
"""
HISTORY_RULES = """\
event payment { ts: time, id: string id, card: string, amount: decimal(2) }

feature spent = sum(amount of payment) by card over last 30d
feature often = count(payment) by card over last 30d

rule unusual "Much more than the card spent in thirty days" {
  by card
  when payment as p where amount > 10 and often >= 20 and amount * 2 > spent
  alert "{p.amount} after {spent}" { spent: spent, often: often }
}
"""


def run(*arguments, **options):
    return tocsin("run", "rules.tocsin", *arguments, **options)


def ids(alerts):
    return [alert["id"] for alert in alerts]


@case
def waiting_events_are_limited():
    """more waiting events than the limit end the run; each start comes up again, and a larger limit goes on"""
    write("rules.tocsin", RULES)
    events = [payment(number, f"c{number % 7}", 150) for number in range(4000)]
    write("all.ndjson", events)
    bound = ["--out-of-orderness", "2h"]
    expected = run("--input", "all.ndjson", "--no-final-watermark", *bound).out_bytes
    assert len(expected.splitlines()) == 4000
    base = ["--data", "data", "--input", "-", "--ack", "ack", "--alerts", "alerts", *bound]
    for limit in ("200KiB", "200KiB", "300KiB"):
        at = int(read("ack")) if os.path.exists("ack") else 0
        done = run(*base, "--reorder-memory", limit, stdin=lines(events[at:]), code=3)
        has(done.err, "events that wait to be put in order", "--reorder-memory")
        assert int(read("ack")) < len(events)
    at = int(read("ack"))
    assert at > 0
    run(*base, "--reorder-memory", "100MiB", stdin=lines(events[at:]))
    assert int(read("ack")) == len(events)
    assert read("alerts").encode() == expected
    has(run("--input", "all.ndjson", "--reorder-memory", "200KiB", *bound, code=3).err, "--reorder-memory")
    has(run("--input", "all.ndjson", "--reorder-memory", "much", code=2).err, "takes a size such as")


@case
def state_is_limited():
    """state beyond the limit ends the run with everything kept; a larger limit goes on"""
    write("rules.tocsin", RULES)
    events = [payment(number / 1000, f"card{number}", 5000) for number in range(60_000)]
    write("in.ndjson", events)
    expected = run("--input", "in.ndjson", "--no-final-watermark").out_bytes
    base = ["--data", "data", "--input", "in.ndjson", "--alerts", "alerts"]
    done = run(*base, "--memory-max", "12MiB", code=3)
    has(done.err, "--memory-max", "Nothing is lost")
    taken = len(read_json_lines("alerts"))
    assert 0 < taken < len(expected.splitlines()), taken
    has(tocsin("inspect", "data").out, "in.ndjson: line")
    # It comes up again, and takes no more than it may.
    run(*base, "--memory-max", "12MiB", code=3)
    run(*base, "--memory-max", "2GiB")
    assert read("alerts").encode() == expected
    has(run("--input", "in.ndjson", "--memory-max", "1MiB", code=2).err, "needs --data FOLDER")


@case
def unique_ids_count_as_state():
    """--memory-max counts the ids of `unique` events, and says what takes the memory"""
    write("rules.tocsin", UNIQUE_RULES)
    events = [payment(number / 1000, f"card{number}", 1) for number in range(60_000)]
    write("in.ndjson", events)
    base = ["--data", "data", "--input", "in.ndjson", "--alerts", "alerts"]
    done = run(*base, "--memory-max", "1MiB", code=3)
    says = re.search(r"the state takes (\d+) bytes of memory, and may take 1048576: .* What rules remember takes (\d+), "
                     r"the ids of `unique` events (\d+), events that wait to be put in order (\d+)\.", done.err)
    assert says, done.err
    used, rules, ids, waiting = map(int, says.groups())
    assert used == rules + ids + waiting and ids > 1 << 19, done.err
    run(*base, "--memory-max", "2GiB")
    assert len(read_json_lines("alerts")) == 0


@case
def alerts_are_kept_by_size():
    """the oldest alerts go beyond a size, those that are owed stay, and the copy stays whole"""
    write("rules.tocsin", RULES)
    events = [payment(number, f"c{number}", 500) for number in range(400)]
    for part in range(4):
        write(f"{part}.ndjson", events[100 * part:100 * part + 100])
    write("all.ndjson", events)
    expected = run("--input", "all.ndjson", "--no-final-watermark").alerts()
    inputs = []
    for part in range(4):
        inputs += ["--input", f"{part}.ndjson"]
        run("--data", "data", *inputs, "--alerts", "alerts", "--keep-alerts-size", "20KiB")
        kept = ids(tocsin("alerts", "--data", "data").alerts())
        assert 0 < len(kept) < 60, len(kept)
        assert kept == ids(expected[:100 * part + 100])[-len(kept):]
        assert ids(read_json_lines("alerts")) == ids(expected[:100 * part + 100])
    # All that is too old: the last one of the copy stays, so that it can be gone on with.
    time.sleep(0.05)
    run("--data", "data", *inputs, "--alerts", "alerts", "--keep-alerts-for", "1ms")
    assert ids(tocsin("alerts", "--data", "data").alerts()) == ids(expected)[-1:]
    write("4.ndjson", [payment(1000, "c1", 700)])
    run("--data", "data", *inputs, "--input", "4.ndjson", "--alerts", "alerts")
    assert len(read_json_lines("alerts")) == 401
    has(run("--data", "data", *inputs, "--alerts", "0.ndjson.copy", code=0).err, "alerts")
    write("other", json.dumps(expected[0]) + "\n")
    has(run("--data", "data", *inputs, "--alerts", "other", code=2).err, "that was removed since")
    has(run("--data", "data", *inputs, "--keep-alerts-size", "0", code=2).err, "--keep-alerts-size takes a size")


@case
def set_aside_events_are_kept_by_size():
    """the oldest late events and rejected lines go beyond a size or an age"""
    write("rules.tocsin", RULES)
    late = [payment(number, f"c{number}", 1) for number in range(200)]
    write("in.ndjson", lines([payment(500, "c1", 1)]) + lines(late) + "no json\n" * 200)
    run("--data", "data", "--input", "in.ndjson", "--keep-aside-size", "4KiB")
    for what, last in (("late", 201), ("dead", 401)):
        rows = tocsin(what, "list", "--data", "data").alerts()
        assert 0 < len(rows) < 100, (what, len(rows))
        assert rows[-1]["line"] == last, rows[-1]
    time.sleep(0.05)
    run("--data", "data", "--input", "in.ndjson", "--keep-aside-for", "1ms")
    assert tocsin("late", "list", "--data", "data").out == ""
    assert tocsin("dead", "list", "--data", "data").out == ""


@case
def forks():
    """two folders that begin with one savepoint go their own ways, and agree where they take the same"""
    write("rules.tocsin", RULES)
    events = [payment(number, f"c{number % 5}", 2000) for number in range(300)]
    write("a.ndjson", events[:200])
    write("b.ndjson", events[200:])
    write("c.ndjson", [confirmation(200 + number, f"c{number % 5}") for number in range(5)] + events[210:])
    write("ab.ndjson", events)
    write("ac.ndjson", lines(events[:200]) + read("c.ndjson"))
    first = run("--data", "data", "--input", "a.ndjson").out_bytes
    tocsin("savepoint", "make", "--data", "data", "half")
    save = ["--from", "data/savepoints/half"]
    one = run(*save, "--data", "one", "--input", "b.ndjson")
    two = run(*save, "--data", "two", "--input", "c.ndjson")
    again = run(*save, "--data", "three", "--input", "b.ndjson")
    whole = ["--no-final-watermark"]
    # What the other input of the savepoint holds back is over: it is no input of the fork.
    assert first + one.out_bytes == run("--input", "ab.ndjson", *whole).out_bytes
    assert first + two.out_bytes == run("--input", "ac.ndjson", *whole).out_bytes
    assert one.out_bytes == again.out_bytes
    # Each has a timeline of its own.
    timelines = {json.loads(tocsin("inspect", folder, "--format", "json").out).get("timeline")
                 for folder in ("data", "one", "two", "three")}
    assert len(timelines) == 4, timelines
    # The first folder goes on as if there were no others.
    assert run("--data", "data", "--input", "a.ndjson", "--input", "b.ndjson").out_bytes == one.out_bytes
    shutil.rmtree("data")
    for folder in ("one", "two", "three"):
        has(tocsin("verify", folder).out, "is good")


@case
def live_after_history():
    """a run over history ends in a savepoint; live processing begins with its features full"""
    write("rules.tocsin", HISTORY_RULES)
    day = 86_400
    events = []
    for number in range(600):
        amount = 9000 if number % 101 == 100 else 20
        events.append(payment(number * day / 10, f"c{number % 3}", amount))
    write("history.ndjson", events[:400])
    write("all.ndjson", events)
    expected = run("--input", "all.ndjson", "--no-final-watermark").alerts()
    past = run("--data", "past", "--input", "history.ndjson").alerts()
    tocsin("savepoint", "make", "--data", "past", "today")
    live = run("--from", "past/savepoints/today", "--data", "live", "--input", "-", stdin=lines(events[400:])).alerts()
    assert past and live
    assert past + live == expected
    # Without it the features begin with nothing.
    assert run("--data", "fresh", "--input", "-", stdin=lines(events[400:])).alerts() != live


@case
def a_savepoint_needs_a_folder():
    """a start from a savepoint without a folder is refused, with the reason"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(1)])
    has(run("--from", "x", "--input", "in.ndjson", code=2).err, "--from needs --data FOLDER", "a journal of its own")


@case
def inspected_while_checkpoints_come_and_go():
    """inspect and verify beside a run whose checkpoints come and go see one of them whole"""
    write("rules.tocsin", RULES)
    process = start("run", "rules.tocsin", "--data", "data", "--input", "-", "--ack", "ack", "--alerts", "alerts",
                    "--checkpoint-every", "5ms", "--journal-segment", "8KiB")
    wait_for(lambda: os.path.exists("ack"), "the start")
    number = 0
    for _ in range(15):
        for _ in range(10):
            process.stdin.write(lines([payment((number + i) / 100, f"card{(number + i) % 3000}", 2000)
                                       for i in range(50)]).encode())
            process.stdin.flush()
            number += 50
        shown = json.loads(tocsin("inspect", "data", "--format", "json").out)
        assert shown["sources"][0]["lines"] <= number
        if number % 2000 == 0:
            tocsin("verify", "data")
    process.stdin.close()
    process.stdin = None
    assert process.wait(timeout=60) == 0


@case
def replayed_as_new():
    """a start that replays as new says what differs: nothing, under the same semantics"""
    write("rules.tocsin", RULES)
    events = [payment(number, f"c{number}", 500) for number in range(5)]
    write("in.ndjson", events)
    process = start("run", "rules.tocsin", "--data", "data", "--input", "in.ndjson", "--input", "-", "--alerts", "alerts")
    process.stdin.write(lines([payment(10, "c9", 1)]).encode())
    process.stdin.flush()
    wait_for(lambda: os.path.exists("alerts") and len(read("alerts").splitlines()) == 5, "alerts")
    process.kill()
    process.communicate()
    whole = read("alerts")
    done = run("--data", "data", "--input", "in.ndjson", "--alerts", "alerts", "--replay-as-new")
    has(done.err, "replayed as new: 5 alerts unchanged; 0 new, not sent; 0 no longer raised")
    assert read("alerts") == whole
    assert run("--data", "data", "--input", "in.ndjson").out == ""
    has(run("--input", "in.ndjson", "--replay-as-new", code=2).err, "--replay-as-new needs --data")


@case
def budget_alerts_are_delivered():
    """an exceeded budget is an alert as any other: written, kept and listed"""
    write("rules.tocsin", RULES + '''
rule pairs "Each payment that waits for a confirmation" {
  by card
  when payment as a then confirmation
  within 30d
  after match no skip
  alert "{a.amount}"
}
''')
    write("in.ndjson", [payment(number, "c1", 1) for number in range(10_100)])
    plain = run("--input", "in.ndjson", "--no-final-watermark").alerts()
    kept = run("--data", "data", "--input", "in.ndjson").alerts()
    listed = tocsin("alerts", "--data", "data", "--rule", "tocsin.budget").alerts()
    assert plain == kept == listed, (plain, kept, listed)
    assert plain[0]["rule"] == "tocsin.budget" and plain[0]["fields"]["rule"] == "pairs", plain


run_cases()
