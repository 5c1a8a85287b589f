#!/usr/bin/env python3
"""Files of durable runs: they grow, are rotated, packed, moved, replaced and changed, and no line is lost or taken twice.

    durable_files.py TOCSIN_BINARY [TEXT]

Standard library only. What the runs have in the end is compared, byte for byte, with a run that nobody disturbed. Last
line: N passed, N failed.
"""
import contextlib
import gzip
import os
import pathlib
import random
import shutil
import signal
import subprocess

from durable_run import Sender, durable, stream, undisturbed
from harness import RULES, case, has, lines, payment, read, run_cases, start, tocsin, wait_for, write


@case
def nothing_new():
    """a second start finds files that were read, and raises nothing twice"""
    write("rules.tocsin", RULES)
    write("in.ndjson", stream(500))
    first = durable("--input", "in.ndjson")
    second = durable("--input", "in.ndjson")
    assert first.out_bytes == undisturbed("in.ndjson")
    assert second.out == ""
    has(second.err, "in.ndjson was read to its end before")


@case
def grown_file():
    """a file that has grown goes on at its offset"""
    write("rules.tocsin", RULES)
    events = stream(2000, seed=7)
    write("in.ndjson", events[:900])
    durable("--input", "in.ndjson", "--alerts", "alerts")
    write("in.ndjson", events)
    done = durable("--input", "in.ndjson", "--alerts", "alerts")
    has(done.err, "in.ndjson has grown")
    assert read("alerts").encode() == undisturbed("in.ndjson")


@case
def moved_and_added():
    """a file that was moved is known again, and a new one of its old name is read"""
    write("rules.tocsin", RULES)
    events = stream(2000, seed=8)
    write("in.ndjson", events[:900])
    durable("--input", "in.ndjson", "--alerts", "alerts")
    os.rename("in.ndjson", "in.1.ndjson")
    write("in.ndjson", events[900:])
    durable("--input", "in.1.ndjson", "--input", "in.ndjson", "--alerts", "alerts")
    write("all.ndjson", events)
    assert read("alerts").encode() == undisturbed("all.ndjson")


def append(name, contents):
    with open(name, "ab") as file:
        file.write(contents if isinstance(contents, bytes) else contents.encode())


def interrupted_start(how, *arguments):
    """A start that is stopped or killed while it waits for standard input, before it reads anything of its files."""
    process = start("run", "rules.tocsin", "--data", "data", "--alerts", "alerts", "--input", "-", "--ack", "ack",
                    "--checkpoint-every", "10ms", *arguments)
    pathlib.Path("ack").unlink(missing_ok=True)
    wait_for(lambda: os.path.exists("ack") or process.poll() is not None, "the start")
    if how == signal.SIGKILL:
        before = newest_checkpoint()
        wait_for(lambda: newest_checkpoint() > before or process.poll() is not None, "a checkpoint")
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (3 if how == signal.SIGTERM else -how), err.decode()


def newest_checkpoint():
    names = [path.name for path in pathlib.Path("data/checkpoints").glob("*") if path.name.isdigit()]
    return max(map(int, names), default=0)


def grown(how, name, grow, check_err):
    """A file that was read to its end grows, and the next start ends before it takes its first new line."""
    write("rules.tocsin", RULES)
    events = stream(2000, seed=21)
    write("all.ndjson", events)
    grow(lines(events[:900]))
    durable("--input", name, "--alerts", "alerts")
    grow(lines(events[900:]))
    interrupted_start(how, "--input", name)
    done = durable("--input", name, "--alerts", "alerts")
    has(done.err, check_err)
    assert read("alerts").encode() == undisturbed("all.ndjson")
    has(durable("--input", name, "--alerts", "alerts").err, f"{name} was read to its end before")


@case
def grown_and_stopped():
    """a file that has grown goes on although the start before was stopped before its first new line"""
    grown(signal.SIGTERM, "in.ndjson", lambda text: append("in.ndjson", text), "in.ndjson goes on at byte")


@case
def grown_and_killed():
    """a file that has grown goes on although the start before was killed, after a checkpoint, before its first new line"""
    grown(signal.SIGKILL, "in.ndjson", lambda text: append("in.ndjson", text), "in.ndjson goes on at byte")


@case
def packed_and_grown():
    """a packed file that has grown by a member goes on although the start before was stopped or killed"""
    for how in (signal.SIGTERM, signal.SIGKILL):
        grown(how, "in.gz", lambda text: append("in.gz", gzip.compress(text.encode())), "in.gz goes on at byte")
        for name in ("data", "in.gz", "alerts"):
            shutil.rmtree(name) if os.path.isdir(name) else os.unlink(name)


@case
def forgotten_growth():
    """a file whose growth an interrupted start has noted as its end is read on"""
    write("rules.tocsin", RULES)
    events = stream(2000, seed=22)
    write("in.ndjson", events[:900])
    durable("--input", "in.ndjson", "--alerts", "alerts")
    append("in.ndjson", lines(events[900:]))
    interrupted_start(signal.SIGTERM, "--input", "in.ndjson")
    # Not read now; then the file is touched, which is no news, and read.
    done = durable("--input", "-", "--alerts", "alerts")
    has(done.err, "in.ndjson was not read to its end, and is no input now")
    os.utime("in.ndjson")
    durable("--input", "in.ndjson", "--alerts", "alerts")
    assert read("alerts").encode() == undisturbed("in.ndjson")


@case
def grown_beside_another():
    """a file that has grown holds back time from the start on: its lines are not late behind those of another"""
    write("rules.tocsin", RULES)
    events = stream(2000, seed=23)
    write("old.ndjson", events[:900])
    durable("--input", "old.ndjson", "--alerts", "alerts")
    split = next(at for at in range(1500, 2000) if events[at]["ts"] > events[at - 1]["ts"])
    write("old.ndjson", events[:split])
    write("new.ndjson", events[split:])
    done = durable("--input", "new.ndjson", "--input", "old.ndjson", "--alerts", "alerts")
    assert "late" not in done.err, done.err
    write("all.ndjson", events)
    assert read("alerts").encode() == undisturbed("all.ndjson")


def cut_within_a_line(name, pack=lambda text: text):
    """A file that grows is found three times, each within a line."""
    write("rules.tocsin", RULES)
    events = stream(900, seed=24)
    write("all.ndjson", events)
    text = lines(events).encode()
    ends = [len(text) // 3, len(text) // 3 + 10, 2 * len(text) // 3, len(text)]
    begin = 0
    for end in ends:
        append(name, pack(text[begin:end]))
        begin = end
        done = durable("--input", name, "--alerts", "alerts")
        assert "rejected" not in done.err, done.err
        left = end - (text.rfind(b"\n", 0, end) + 1)
        wanted = f"{name} ends within a line: its last {left} bytes were not taken"
        assert (wanted in done.err) == (left != 0), done.err
    assert read("alerts").encode() == undisturbed("all.ndjson")
    assert tocsin("dead", "list", "--data", "data").out == ""


@case
def unfinished_line():
    """the last line of a file that grows waits until it is complete"""
    cut_within_a_line("in.ndjson")


@case
def unfinished_line_packed():
    """the last line of a packed file that grows waits until it is complete"""
    cut_within_a_line("in.gz", gzip.compress)


@case
def unfinished_line_at_the_end_of_time():
    """a last line without its end is taken where time ends, by a plain run and with --final-watermark"""
    write("rules.tocsin", RULES)
    write("in.ndjson", lines([payment(1, "c1", 5), payment(2, "c2", 500)]).rstrip("\n"))
    expected = tocsin("run", "rules.tocsin", "--input", "in.ndjson").out
    assert len(expected.splitlines()) == 1
    has(durable("--input", "in.ndjson", "--alerts", "alerts", "--quiet").err, "in.ndjson ends within a line")
    assert read("alerts") == ""
    done = durable("--input", "in.ndjson", "--alerts", "alerts", "--final-watermark")
    assert "within a line" not in done.err
    assert read("alerts") == expected
    # Nothing is left: another start ends well.
    durable("--input", "in.ndjson", "--alerts", "alerts", "--final-watermark")


@case
def unfinished_line_of_a_sender():
    """half a line of a sender that died is not counted, and is taken when it comes as a whole"""
    write("rules.tocsin", RULES)
    events = stream(300, seed=25)
    write("all.ndjson", events)
    texts = [lines([event]) for event in events]
    sender = Sender()
    sender.send("".join(texts[:100]) + texts[100][:25])
    has(sender.finish(), "standard input ended within a line: its last 25 bytes were not taken")
    assert sender.acknowledged() == 100
    sender = Sender()
    wait_for(lambda: sender.acknowledged() == 100, "the number to go on from")
    sender.send("".join(texts[100:]))
    assert "rejected" not in sender.finish()
    assert read("alerts").encode() == undisturbed("all.ndjson")


def rotated(rotate, *more):
    """A file is rotated and written on three times; each start names both."""
    write("rules.tocsin", RULES)
    events = stream(3000, seed=26)
    write("all.ndjson", events)
    write("in", "")
    for begin in range(0, 3000, 750):
        if begin:
            rotate(lines(events[begin:begin + 100]))
        append("in", lines(events[begin + 100 if begin else begin:begin + 750]))
        olds = [part for name in more if os.path.exists(name) for part in ("--input", name)]
        durable("--input", "in", *olds, "--alerts", "alerts")
    assert read("alerts").encode() == undisturbed("all.ndjson")


@case
def rotated_by_rename():
    """a file that is rotated by rename again and again is known by what it holds, and the new one is read"""
    def rotate(text):
        append("in", text)
        os.rename("in", "in.1")
        write("in", "")

    rotated(rotate, "in.1")


@case
def rotated_by_copy():
    """a file that is copied and truncated is known by what it holds, and the new one is read"""
    def rotate(text):
        append("in", text)
        shutil.copy("in", "in.1")
        os.truncate("in", 0)

    rotated(rotate, "in.1")


@case
def rotated_and_packed():
    """a file that is packed when it is rotated is known by what it holds, and the new one is read"""
    def rotate(text):
        append("in", text)
        write("in.1.gz", gzip.compress(pathlib.Path("in").read_bytes()))
        os.unlink("in")
        write("in", "")

    rotated(rotate, "in.1.gz")


@case
def rotated_after_a_kill():
    """what a killed run has to read again is found in a file that was rotated in whatever way since"""
    write("rules.tocsin", RULES)
    events = stream(2000, seed=32)
    write("all.ndjson", events)
    for name in ("in.1", "in.2", "in.3.gz"):
        write("in", events[:1500])
        process = start("run", "rules.tocsin", "--data", "data", "--input", "in", "--input", "-", "--alerts", "alerts",
                        "--idle-after", "20ms")
        wait_for(lambda: os.path.exists("alerts") and os.path.getsize("alerts") > 0, "alerts")
        process.kill()
        process.communicate()
        if name == "in.1":
            os.rename("in", name)
        elif name == "in.2":
            shutil.copy("in", name)
        else:
            write(name, gzip.compress(pathlib.Path("in").read_bytes()))
        write("in", events[1500:])
        durable("--input", "in", "--input", name, "--alerts", "alerts")
        assert read("alerts").encode() == undisturbed("all.ndjson"), name
        shutil.rmtree("data")
        os.unlink("alerts")


@case
def rotated_by_a_chain():
    """files that move along a chain are known by what they hold, also where starts are killed"""
    write("rules.tocsin", RULES)
    events = stream(40_000, seed=27)
    write("all.ndjson", events)
    names = ["in", "in.1", "in.2"]
    chance = random.Random(28)
    for begin in range(0, 40_000, 8_000):
        for old, new in ((1, 2), (0, 1)):
            if os.path.exists(names[old]):
                os.replace(names[old], names[new])
        write("in", events[begin:begin + 8_000])
        inputs = [part for name in names if os.path.exists(name) for part in ("--input", name)]
        process = start("run", "rules.tocsin", "--data", "data", *inputs, "--alerts", "alerts", "--checkpoint-every",
                        "20ms")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.02, 0.15))
        process.kill()
        process.communicate()
        durable(*inputs, "--alerts", "alerts")
    assert read("alerts").encode() == undisturbed("all.ndjson")


@case
def replaced_file():
    """a file that was replaced or truncated is refused, with what to do, where what was taken is not found elsewhere"""
    write("rules.tocsin", RULES)
    events = stream(900, seed=29)
    write("in.ndjson", events)
    durable("--input", "in.ndjson", "--alerts", "alerts")
    os.rename("in.ndjson", "moved.ndjson")
    for contents in (stream(900, seed=30), events[:100], []):
        write("in.ndjson", contents)
        has(durable("--input", "in.ndjson", code=5).err, "in.ndjson has changed",
            "name the file that they were moved to with --input as well")
    write("in.ndjson", stream(100, seed=31))
    done = durable("--input", "in.ndjson", "--input", "moved.ndjson", "--alerts", "alerts")
    has(done.err, "moved.ndjson was read to its end before")


@case
def changed_file():
    """a file of which the bytes taken are others now is refused"""
    write("rules.tocsin", RULES)
    events = stream(900, seed=9)
    write("in.ndjson", events)
    durable("--input", "in.ndjson")
    events[100] = {**events[100], "card": "other"}
    write("in.ndjson", events)
    done = durable("--input", "in.ndjson", code=5)
    has(done.err, "in.ndjson has changed")
    write("in.ndjson", stream(900, seed=9)[:100])
    has(durable("--input", "in.ndjson", code=5).err, "in.ndjson has changed")


@case
def changed_range():
    """a replay that finds other bytes stops and names the range"""
    write("rules.tocsin", RULES)
    write("in.ndjson", stream(20_000, seed=10))
    process = start("run", "rules.tocsin", "--data", "data", "--input", "in.ndjson", "--alerts", "alerts")
    wait_for(lambda: os.path.exists("alerts") and os.path.getsize("alerts") > 0, "alerts")
    process.kill()
    process.communicate()
    text = read("in.ndjson")
    write("in.ndjson", text.replace('"c1"', '"cX"', 1))
    done = durable("--input", "in.ndjson", "--alerts", "alerts", code=5)
    has(done.err, "in.ndjson", "bytes 0 to", "were others")


@case
def packed_file():
    """positions in a packed file count unpacked bytes"""
    write("rules.tocsin", RULES)
    events = stream(30_000, seed=11)
    write("in.ndjson", events)
    write("in.ndjson.gz", gzip.compress(read("in.ndjson").encode()))
    process = start("run", "rules.tocsin", "--data", "data", "--input", "in.ndjson.gz", "--alerts", "alerts",
                    "--checkpoint-every", "10ms")
    wait_for(lambda: os.path.exists("alerts") and os.path.getsize("alerts") > 0, "alerts")
    process.kill()
    process.communicate()
    durable("--input", "in.ndjson.gz", "--alerts", "alerts")
    assert read("alerts").encode() == undisturbed("in.ndjson")


run_cases()
