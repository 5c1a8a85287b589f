#!/usr/bin/env python3
"""Runs that lose nothing: `tocsin run --data`, killed in the middle and started again.

    durable.py TOCSIN_BINARY [TEXT]

Standard library only. What a killed and resumed run has in the end is compared, byte for byte, with a run that nobody
disturbed. Last line: N passed, N failed.
"""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

from durable_run import Sender, durable, stream, undisturbed
from harness import BINARY, ROOT, RULES, case, has, lines, payment, read, run_cases, start, tocsin, wait_for, write


@case
def a_whole_run():
    """a run with a data directory gives the bytes of one without"""
    write("rules.tocsin", RULES)
    write("in.ndjson", stream(3000))
    expected = undisturbed("in.ndjson")
    assert expected
    durable("--input", "in.ndjson", "--alerts", "alerts")
    assert read("alerts").encode() == expected


@case
def killed_on_files():
    """a run over files that is killed again and again ends as if nothing had happened"""
    write("rules.tocsin", RULES)
    write("a.ndjson", stream(40_000, seed=2))
    write("b.ndjson", stream(40_000, seed=3))
    expected = undisturbed("a.ndjson", "b.ndjson")
    chance = random.Random(5)
    for _ in range(6):
        process = start("run", "rules.tocsin", "--data", "data", "--input", "a.ndjson", "--input", "b.ndjson",
                        "--alerts", "alerts", "--checkpoint-every", "20ms")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.05, 0.6))
        process.kill()
        process.communicate()
    durable("--input", "a.ndjson", "--input", "b.ndjson", "--alerts", "alerts")
    assert read("alerts").encode() == expected


@case
def killed_on_standard_input():
    """a sender that goes on after the acknowledged line loses nothing and repeats nothing"""
    write("rules.tocsin", RULES)
    events = stream(6000, seed=4)
    write("all.ndjson", events)
    expected = undisturbed("all.ndjson")
    chance = random.Random(6)
    texts = [lines([event]) for event in events]
    texts.insert(100, "\n")  # a blank line counts
    sent = 0
    for round_number in range(8):
        sender = Sender("--checkpoint-every", "50ms", "--journal-segment", "64KiB")
        wait_for(lambda: sender.acknowledged() >= 0 or sender.process.poll() is not None, "the first number")
        wait_for(lambda: sender.acknowledged() <= sent, "the number to go on from")
        at = sender.acknowledged()
        end = len(texts) if round_number == 7 else min(len(texts), at + chance.randint(300, 1200))
        while at < end:
            upto = min(end, at + chance.randint(1, 200))
            sender.send("".join(texts[at:upto]))
            at = upto
        sent = at
        if end == len(texts):
            sender.finish()
            break
        wait_for(lambda: sender.acknowledged() >= at - 200, "acknowledgements")
        sender.kill()
        pathlib.Path("ack").unlink()
    assert int(read("ack")) == len(texts)
    assert read("alerts").encode() == expected


@case
def no_number_of_an_earlier_start():
    """a start removes the acknowledgements of an earlier one before anything else, but not those of a run that goes on"""
    write("rules.tocsin", RULES)
    sender = Sender()
    sender.send(lines(stream(100)))
    wait_for(lambda: sender.acknowledged() == 100, "acknowledgements")
    durable("--input", "-", "--ack", "ack", code=5)  # it is in use
    assert sender.acknowledged() == 100
    sender.kill()
    write("ack", "50\n")  # as a kill may leave it
    # Refused after the folder was opened: before any number is written.
    write("rules.tocsin", RULES.replace("amount > 100\n", "amount > 200\n"))
    durable("--input", "-", "--ack", "ack", code=5)
    assert not os.path.exists("ack"), read("ack")


@case
def the_sender_of_the_docs():
    """the sender in docs/cli.md sends each line once, whatever is killed"""
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    write("send.py", page.split("```python send.py\n")[1].split("```")[0])
    write("rules.tocsin", RULES)
    write("events.ndjson", stream(20_000, seed=20))
    os.mkdir("bin")
    os.symlink(BINARY, "bin/tocsin")
    environment = {**os.environ, "PATH": f"{os.getcwd()}/bin:{os.environ['PATH']}"}
    chance = random.Random(20)
    for _ in range(5):
        sender = subprocess.Popen([sys.executable, "send.py"], env=environment, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, start_new_session=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            sender.wait(timeout=chance.uniform(0.1, 0.5))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(sender.pid, signal.SIGKILL)
        sender.wait()
        with contextlib.suppress(FileNotFoundError):
            write("acked", f"{int(read('acked')) // 2}\n")  # an older number, as a power cut may leave it
    def send():
        return subprocess.run([sys.executable, "send.py"], env=environment, capture_output=True, timeout=60, check=False)

    # What was killed may hold its folder for another moment.
    done = send()
    while done.returncode == 5 and b"is in use" in done.stderr:
        time.sleep(0.05)
        done = send()
    assert done.returncode == 0, done.stderr
    assert int(read("acked")) == 20_000
    assert read("alerts.ndjson").encode() == undisturbed("events.ndjson")
    assert tocsin("late", "list", "--data", "state").out == ""
    # A run that is refused ends the sender with its exit code.
    write("rules.tocsin", RULES.replace("amount > 100\n", "amount > 200\n"))
    assert send().returncode == 5


@case
def in_use():
    """a data directory that is in use is refused, naming the process"""
    write("rules.tocsin", RULES)
    sender = Sender()
    wait_for(lambda: sender.acknowledged() == 0, "the start")
    done = durable("--input", "-", code=5)
    has(done.err, "data is in use", str(sender.process.pid))
    sender.finish()


@case
def other_folder():
    """a folder that holds something else is refused"""
    write("rules.tocsin", RULES)
    write("data/notes.txt", "mine")
    done = durable("--input", "-", code=5)
    has(done.err, "holds something else")
    write("file", "mine")
    has(durable("--input", "-", data="file", code=5).err, "file is a file", "name an empty one")


@case
def other_savepoint():
    """--from what is no savepoint says what is one"""
    write("rules.tocsin", RULES)
    write("in.ndjson", stream(20))
    durable("--input", "in.ndjson")
    new = ("--input", "in.ndjson", "--from")
    has(durable(*new, "nothing", data="new", code=5).err, "there is no savepoint nothing: `tocsin savepoint list")
    has(durable(*new, "data", data="newer", code=5).err, "data is a data directory, not a savepoint: name one in data/savepoints")


@case
def without_mark():
    """a data directory whose mark is gone or damaged: run and verify say how to put it back"""
    write("rules.tocsin", RULES)
    write("in.ndjson", stream(20))
    durable("--input", "in.ndjson")
    mark = pathlib.Path("data/FORMAT")
    whole = mark.read_text()
    for text in (None, "", "tocsin 1\n"):
        if text is None:
            mark.unlink()
        else:
            mark.write_text(text)
        for done in (durable("--input", "in.ndjson", code=5), tocsin("verify", "data", code=5)):
            has(done.err, "data/FORMAT", "put a copy of it back, or write it with the one line `tocsin data 1`")
    mark.write_text(whole)
    tocsin("verify", "data")


@case
def other_rules():
    """rules that match otherwise are refused by name; others that only say something else go on"""
    write("rules.tocsin", RULES)
    events = stream(1000, seed=12)
    write("a.ndjson", events[:500])
    write("b.ndjson", events[500:])
    durable("--input", "a.ndjson")
    write("rules.tocsin", RULES.replace("amount > 100\n", "amount > 200\n"))
    done = durable("--input", "a.ndjson", "--input", "b.ndjson", code=5)
    has(done.err, "rule large matches otherwise", "tocsin savepoint make --data data NAME", "--from")
    write("rules.tocsin", RULES.replace("A large payment", "A rather large payment"))
    done = durable("--input", "a.ndjson", "--input", "b.ndjson")
    titles = {alert["title"] for alert in done.alerts() if alert["rule"] == "large"}
    assert titles == {"A rather large payment"}, titles
    has(durable("--input", "a.ndjson", "--out-of-orderness", "7s", code=5).err, "--out-of-orderness is 7s")


@case
def stopped():
    """a signal ends the run with a checkpoint, and the next start goes on"""
    write("rules.tocsin", RULES)
    events = stream(2000, seed=13)
    write("all.ndjson", events)
    sender = Sender()
    sender.send(lines(events[:1000]))
    wait_for(lambda: sender.acknowledged() == 1000, "acknowledgements")
    sender.process.send_signal(signal.SIGTERM)
    _, err = sender.process.communicate(timeout=60)
    assert sender.process.returncode == 3, err
    has(err.decode(), "stopped by SIGTERM")
    sender = Sender()
    wait_for(lambda: sender.acknowledged() == 1000, "the number to go on from")
    sender.send(lines(events[1000:]))
    has(sender.finish(), "loaded in")
    assert read("alerts").encode() == undisturbed("all.ndjson")


@case
def final_watermark():
    """after time has ended the directory takes no more events"""
    write("rules.tocsin", RULES)
    write("in.ndjson", stream(300, seed=14))
    durable("--input", "in.ndjson", "--alerts", "alerts", "--final-watermark")
    assert read("alerts") == tocsin("run", "rules.tocsin", "--input", "in.ndjson").out
    has(durable("--input", "-", code=5, stdin=lines(stream(1))).err, "time has ended")
    write("more.ndjson", stream(1))
    has(durable("--input", "more.ndjson", code=5).err, "time has ended")
    # Nothing new to take: a start ends well, as one that was killed at its very end must.
    durable("--input", "in.ndjson", "--input", "-", "--ack", "ack")


@case
def copy_of_alerts():
    """the copy of the alerts is completed from the store, whatever became of it"""
    write("rules.tocsin", RULES)
    write("in.ndjson", stream(500, seed=15))
    durable("--input", "in.ndjson", "--alerts", "alerts")
    whole = read("alerts")
    write("alerts", whole[:len(whole) // 2])
    durable("--input", "in.ndjson", "--alerts", "alerts")
    assert read("alerts") == whole
    pathlib.Path("alerts").unlink()
    durable("--input", "in.ndjson", "--alerts", "alerts")
    assert read("alerts") == whole
    write("other", "not an alert\n")
    has(durable("--input", "in.ndjson", "--alerts", "other", code=2).err, "does not end with an alert")


@case
def long_and_odd_lines():
    """lines that are too long, blank or not decodable are replayed as they came"""
    write("rules.tocsin", RULES)
    good = [lines([event]) for event in stream(50, seed=16)]
    texts = good[:10] + ["\n", "x" * 3_000_000 + "\n", "not json\n"] + good[10:] + ["y" * 1_500_000]
    write("in.ndjson", "".join(texts))
    expected = undisturbed("in.ndjson")
    sender = Sender()
    sender.send("".join(texts))
    first = sender.finish()
    assert int(read("ack")) == len(texts)
    has(first, "rejected: 3 lines")
    assert read("alerts").encode() == expected
    shutil.rmtree("data")
    pathlib.Path("alerts").unlink()
    has(durable("--input", "in.ndjson", "--alerts", "alerts").err, "rejected: 3 lines")
    assert read("alerts").encode() == expected


@case
def savepoint_and_fork():
    """a start from a savepoint goes on as the run that it was taken of, in a folder of its own"""
    write("rules.tocsin", RULES)
    events = stream(3000, seed=17)
    write("a.ndjson", events[:1500])
    write("b.ndjson", events[1500:])
    write("all.ndjson", events)
    first = durable("--input", "a.ndjson").out_bytes
    made = tocsin("savepoint", "make", "--data", "data", "half")
    has(made.out, "data/savepoints/half", "before record")
    has(tocsin("savepoint", "list", "--data", "data").out, "half: before record")
    has(tocsin("savepoint", "verify", "--data", "data", "half").out, "is good")
    # Copied away, and the data directory gone.
    shutil.copytree("data/savepoints/half", "kept")
    tocsin("savepoint", "delete", "--data", "data", "half")
    assert tocsin("savepoint", "list", "--data", "data").out == ""
    shutil.rmtree("data")
    second = tocsin("run", "rules.tocsin", "--from", "kept", "--data", "data2", "--input", "a.ndjson", "--input",
                    "b.ndjson")
    has(second.err, "a.ndjson was read to its end before", "from a savepoint")
    assert first + second.out_bytes == undisturbed("all.ndjson")
    # A later start needs no savepoint any more; a start from it into the same folder is refused.
    assert tocsin("run", "rules.tocsin", "--data", "data2", "--input", "b.ndjson").out == ""
    has(tocsin("run", "rules.tocsin", "--from", "kept", "--data", "data2", "--input", "b.ndjson", code=5).err,
        "holds a run already")


@case
def other_rules_from_a_savepoint():
    """a start from a savepoint with other rules says what each of them kept"""
    write("rules.tocsin", RULES)
    events = stream(1000, seed=18)
    write("a.ndjson", events[:500])
    write("b.ndjson", events[500:])
    durable("--input", "a.ndjson")
    tocsin("savepoint", "make", "--data", "data", "half")
    write("rules.tocsin", RULES.replace("amount > 1_000", "amount > 900").replace("rule large", "rule bigger"))
    done = tocsin("run", "rules.tocsin", "--from", "data/savepoints/half", "--data", "data2", "--input", "b.ndjson")
    # What a rule is called and which single events it takes is no state; what it waits for is.
    has(done.err, "1 rule or feature is kept", "kept     rule bigger", "lost     rule unconfirmed", "started  rule unconfirmed")


@case
def savepoint_after_the_end_of_time():
    """a savepoint that was made after time had ended is refused to start from"""
    write("rules.tocsin", RULES)
    write("a.ndjson", stream(100, seed=19))
    durable("--input", "a.ndjson", "--final-watermark")
    tocsin("savepoint", "make", "--data", "data", "over")
    done = tocsin("run", "rules.tocsin", "--from", "data/savepoints/over", "--data", "data2", "--input", "a.ndjson",
                  code=5)
    has(done.err, "after time had ended")
    has(tocsin("inspect", "data/savepoints/over").out, "and has ended")


@case
def late_events_taken_after_all():
    """late events that are put in again are taken once, first of all, at the time reached"""
    write("rules.tocsin", RULES)
    write("a.ndjson", [payment(100, "c1", 5), payment(10, "c2", 500), payment(200, "c1", 5)])
    write("b.ndjson", [payment(300, "c3", 600)])
    assert durable("--input", "a.ndjson").alerts() == []
    assert len(json.loads(tocsin("late", "list", "--data", "data").out)["text"]) > 0
    has(tocsin("late", "reinject", "--data", "data").err, "1 late event put in again")
    has(tocsin("late", "reinject", "--data", "data").err, "0 late events", "already waiting for the next run: 1")
    done = durable("--input", "a.ndjson", "--input", "b.ndjson")
    assert [alert["key"] for alert in done.alerts()] == [{"card": "c2"}, {"card": "c3"}], done
    assert "reinjected_as" in json.loads(tocsin("late", "list", "--data", "data").out)
    has(tocsin("late", "reinject", "--data", "data").err, "0 late events", "put in again before: 1")
    assert durable("--input", "a.ndjson", "--input", "b.ndjson").out == ""


@case
def late_events_after_the_end_of_time():
    """where time has ended nothing is put in again, and the directory stays as it is"""
    write("rules.tocsin", RULES)
    write("a.ndjson", [payment(100, "c1", 5), payment(10, "c2", 500), "{}", payment(200, "c1", 5)])
    durable("--input", "a.ndjson", "--final-watermark")
    for what in ("late", "dead"):
        has(tocsin(what, "reinject", "--data", "data", code=5).err, "time has ended", "can only be looked at")
        assert len(tocsin(what, "list", "--data", "data").out.splitlines()) == 1
    assert durable("--input", "a.ndjson").out == ""
    tocsin("verify", "data")


@case
def dead_letters_tried_again():
    """a line that was ahead of the clock is good later"""
    write("rules.tocsin", RULES)
    ahead = {**payment(0, "c1", 500), "ts": time.time_ns() // 1000 + 5_000_000}
    write("a.ndjson", [ahead])
    assert durable("--input", "a.ndjson", "--ahead-max", "1s", code=3).alerts() == []
    wait_for(lambda: time.time_ns() // 1000 > ahead["ts"], "the time of the event")
    has(tocsin("dead", "reinject", "--data", "data").err, "1 line put in again")
    assert len(durable("--input", "a.ndjson").alerts()) == 1


@case
def dead_letters_corrected():
    """a rejected line is taken with the text that somebody corrected, once; one that is wrong again is another dead letter"""
    write("rules.tocsin", RULES)
    broken = {**payment(1, "c2", 500), "ts": "soon"}
    write("a.ndjson", [payment(0, "c1", 5), broken, "{", payment(2, "c3", 5)])
    durable("--input", "a.ndjson")
    first, second = [json.loads(line) for line in tocsin("dead", "list", "--data", "data").out.splitlines()]
    fixed = {**first, "text": json.dumps(payment(3, "c2", 500))}
    arguments = ("dead", "reinject", "--data", "data", "--corrected", "fixed.ndjson")
    for lines_, said in (([{"arrival": "x:1", "text": ""}], "fixed.ndjson:1: \"arrival\" is written RECORD:INDEX"),
                         ([fixed, {"arrival": "1:2"}], "fixed.ndjson:2: a line is an object with"),
                         ([fixed, fixed], f"the arrival {first['arrival']} is named more than once"),
                         ([{**fixed, "text": "{}\n{}"}], f"the text for the arrival {first['arrival']} is more than one line"),
                         ([{**fixed, "arrival": "999:7"}], "there is none with the arrival 999:7")):
        write("fixed.ndjson", lines_)
        has(tocsin(*arguments, code=None).err, said)
    assert tocsin(*arguments, code=None).code != 0
    write("fixed.ndjson", [fixed, {**second, "text": "still not JSON"}])
    has(tocsin(*arguments).err, "2 lines put in again (2 corrected): the next run processes them first")
    has(tocsin(*arguments).err, "0 lines put in again; already waiting for the next run: 2")
    done = durable("--input", "a.ndjson")
    assert [alert["key"] for alert in done.alerts()] == [{"card": "c2"}], done
    rows = [json.loads(line) for line in tocsin("dead", "list", "--data", "data").out.splitlines()]
    assert [row["text"] for row in rows] == [first["text"], second["text"], "still not JSON"], rows
    assert ["reinjected_as" in row for row in rows] == [True, True, False] and "put in again" in rows[2]["input"], rows
    assert durable("--input", "a.ndjson").out == ""


@case
def unknown_types_are_kept():
    """what becomes of types that nobody declares is kept with the folder, and decided once"""
    write("rules.tocsin", RULES)
    unknown = {**payment(1, "c2", 500), "type": "paymnet"}
    write("a.ndjson", [payment(0, "c1", 5000), unknown])
    assert len(durable("--input", "a.ndjson").alerts()) == 1
    has(durable("--input", "a.ndjson", "--unknown-types", "ignore", code=5).err, "--unknown-types is ignore, and was dead")
    durable("--input", "a.ndjson", "--unknown-types", "dead")
    (dead,) = [json.loads(line) for line in tocsin("dead", "list", "--data", "data").out.splitlines()]
    has(dead["reason"], "`paymnet` (did you mean `payment`?)")
    # A folder that ignores them goes on to.
    other = ("run", "rules.tocsin", "--data", "other", "--input", "a.ndjson")
    has(tocsin(*other, "--unknown-types", "ignore").err, "ignored: 1 event of types that no rule file declares")
    write("a.ndjson", [payment(0, "c1", 5000), unknown, unknown])
    has(tocsin(*other, code=3).err, "ignored: 2 events of types that no rule file declares")
    assert tocsin("dead", "list", "--data", "other").out == ""
    has(tocsin(*other, "--unknown-types", "dead", code=5).err, "--unknown-types is dead, and was ignore")
    tocsin("verify", "data")
    tocsin("verify", "other")


@case
def inspected():
    """inspect shows inputs, time and state, also beside a live run"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(1, "c1", 5000), payment(2, "c2", 1)])
    sender = Sender("--input", "in.ndjson")
    sender.send(lines([payment(3, "c3", 2000)]))
    wait_for(lambda: sender.acknowledged() == 1, "acknowledgements")
    shown = json.loads(tocsin("inspect", "data", "--format", "json").out)
    assert shown["keys"] >= 2, shown
    assert {source["name"]: source["lines"] for source in shown["sources"]} == {"in.ndjson": 2, "-": 1}, shown
    has(tocsin("inspect", "data", "--key", "card=c1").out, "card=c1 at", "unconfirmed is complete, 1 p since 12:00:01, alerts at 12:05:01")
    has(tocsin("inspect", "data", "--rule", "unconfirmed").out, "unconfirmed: 2 keys")
    has(tocsin("inspect", "data", "--key", "shop=c1", code=2).err, "no rule or feature is by these; there are: card")
    sender.finish()
    has(tocsin("inspect", "data").out, "data directory, data", "in.ndjson: line 2, byte")


run_cases()
