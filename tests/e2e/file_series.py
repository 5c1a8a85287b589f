#!/usr/bin/env python3
"""Files that are read one after the other: directories, and logs that are followed while they are written and rotated.

    file_series.py TOCSIN_BINARY [TEXT]

Standard library only. What the runs have in the end is compared, byte for byte, with a run over all lines that nobody
disturbed. Last line: N passed, N failed.
"""
import gzip
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

from durable_run import durable, stream, undisturbed
from harness import RULES, case, has, json_lines, lines, payment, read, run_cases, start, tocsin, wait_for, write

CSV = "ts,id,card,amount\n"


def rows(events):
    return CSV + "".join(f"{event['ts']},{event['id']},{event['card']},{event['amount']}\n" for event in events)


def rows_otherwise(events):
    """With other columns in another order."""
    return "amount;id;note;card;ts\n" + "".join(f"{event['amount']};{event['id']};\"a\nb\";{event['card']};{event['ts']}\n"
                                               for event in events)


def check_archive(*more):
    """A backtest of what the data directory has kept gives the alerts of the run."""
    tocsin("backtest", "rules.tocsin", "--archive", "data", "--no-final-watermark", "--alerts", "archive.alerts", *more)
    assert read("archive.alerts").encode() == undisturbed("all.ndjson")
    own = sum(alert["key"] == {"card": "c1"} for alert in json_lines(read("archive.alerts")))
    traced = json.loads(tocsin("trace", "card=c1", "rules.tocsin", "--archive", "data", "--format", "json", *more).out)
    assert traced["alerts"] == own > 0, (traced["alerts"], own)


def parts_of(events, count):
    """The events in so many parts."""
    size = len(events) // count + 1
    return [events[at:at + size] for at in range(0, len(events), size)]


def payments(count, seed=1):
    return [event for event in stream(count, seed=seed) if event["type"] == "payment"]


@case
def directory():
    """a directory is its files, one after the other in the order of the numbers in their names"""
    write("rules.tocsin", RULES)
    events = stream(1200)
    write("all.ndjson", events)
    for number, part in enumerate(parts_of(events, 12)):
        text = lines(part).encode()
        text = text if number % 4 else text[:-1]  # without the last line end
        name = f"in/day-{number}.ndjson"
        write(name + ".gz", gzip.compress(text)) if number % 3 == 0 else write(name, text)
    write("in/.hidden", "no event")
    write("in/day-5.ndjson.tmp", "no event")
    os.mkdir("in/old")
    done = tocsin("run", "rules.tocsin", "--input", "in", "--no-final-watermark")
    assert done.out_bytes == undisturbed("all.ndjson")
    has(done.err, "2 files of a temporary or hidden name are passed over: .hidden, day-5.ndjson.tmp",
        "in/old is passed over: it is no file")
    assert durable("--input", "in/").out_bytes == undisturbed("all.ndjson")
    done = durable("--input", "in")
    assert done.out == "" and "was read to its end" not in done.err
    # In every command that reads events.
    told = tocsin("backtest", "rules.tocsin", "--input", "in", "--alerts", "alerts", "--no-final-watermark")
    assert read("alerts").encode() == undisturbed("all.ndjson"), told
    has(tocsin("explain", "rules.tocsin", "--analyze", "--input", "in").err, "1,200 events")
    tocsin("trace", "card=c1", "rules.tocsin", "--input", "in")


@case
def directory_of_csv():
    """each file of CSV has its own header, and messages name the file and its line"""
    write("rules.tocsin", RULES)
    events = payments(600)
    write("all.ndjson", events)
    parts = parts_of(events, 6)
    for number, part in enumerate(parts):
        write(f"in/{number}.csv", (rows_otherwise if number % 2 else rows)(part))
    arguments = ("--input", "in", "--csv-type", "payment")
    assert tocsin("run", "rules.tocsin", *arguments, "--no-final-watermark").out_bytes == undisturbed("all.ndjson")
    assert durable(*arguments).out_bytes == undisturbed("all.ndjson")
    # The journal says how each file was read.
    check_archive()
    check_archive("--from", "2020-01-01")
    write("in/7.csv", CSV + "not a time,x,c1,2.00\n")
    done = durable(*arguments, code=3)
    has(done.err, "in/7.csv:2")
    has(tocsin("run", "rules.tocsin", *arguments).err, "in/7.csv:2")


@case
def directory_over_time():
    """files that come, grow, move and vanish between starts are read on, each line once; one that changed is refused"""
    write("rules.tocsin", RULES)
    events = stream(2000)
    parts = parts_of(events, 8)
    write("all.ndjson", events)
    for number in range(3):
        write(f"in/{number}.ndjson", parts[number])
    durable("--input", "in", "--alerts", "alerts")
    # The newest grows, others come, and one that was read is moved, another packed, a third removed.
    with open("in/2.ndjson", "a", encoding="utf-8") as file:
        file.write(lines(parts[3]))
    write("in/3.ndjson", parts[4])
    os.rename("in/0.ndjson", "in/read-0.ndjson")
    pathlib.Path("in/1.ndjson.gz").write_bytes(gzip.compress(pathlib.Path("in/1.ndjson").read_bytes()))
    os.unlink("in/1.ndjson")
    done = durable("--input", "in", "--alerts", "alerts")
    has(done.err, "2 files that were read are no longer there: 0.ndjson, 1.ndjson",
        "in/read-0.ndjson was read before, as 0.ndjson", "in/1.ndjson.gz was read before, as 1.ndjson")
    # One that was left grows, and one of an earlier name comes.
    with open("in/2.ndjson", "a", encoding="utf-8") as file:
        file.write(lines(parts[5]))
    done = durable("--input", "in", "--alerts", "alerts")
    has(done.err, "in/2.ndjson has grown, and goes on at byte")
    write("in/3a.ndjson", parts[6] + parts[7])
    durable("--input", "in", "--alerts", "alerts")
    assert read("alerts").encode() == undisturbed("all.ndjson")
    before = pathlib.Path("in/3.ndjson").read_bytes()
    write("in/3.ndjson", before.replace(b'"c1"', b'"c2"'))
    has(durable("--input", "in", "--alerts", "alerts", code=5).err, "in/3.ndjson has changed", "put them back")
    write("in/3.ndjson", before)
    durable("--input", "in", "--alerts", "alerts")


@case
def directory_killed():
    """a run over a directory that is killed again and again reads each line once"""
    write("rules.tocsin", RULES)
    events = stream(6000)
    write("all.ndjson", events)
    for number, part in enumerate(parts_of(events, 60)):
        write(f"in/{number}.ndjson", part)
    chance = random.Random(5)
    for _ in range(8):
        process = start("run", "rules.tocsin", "--data", "data", "--input", "in", "--alerts", "alerts",
                        "--checkpoint-every", "20ms")
        time.sleep(chance.random() * 0.25)
        process.kill()
        process.communicate()
    durable("--input", "in", "--alerts", "alerts")
    assert read("alerts").encode() == undisturbed("all.ndjson")


@case
def refused():
    """what would be read twice, or read what is written, is refused; so is a directory with too many files"""
    write("rules.tocsin", RULES)
    for number in range(3):
        write(f"in/{number}.ndjson", stream(5))
    for arguments, text in ((["--input", "in", "--input", "in/1.ndjson"], "--input in/1.ndjson is in in"),
                            (["--input", "in", "--input", "./in/"], "twice"),
                            (["--input", "in", "--alerts", "in/alerts"], "--alerts in/alerts is in in"),
                            (["--input", "-", "--follow"], "--follow needs a file or directory"),
                            (["--input", "in", "--data", "d", "--accept-loss", "x"], "FILE=BYTES")):
        has(tocsin("run", "rules.tocsin", *arguments, code=2).err, text)
    has(tocsin("run", "rules.tocsin", "--input", "in", "--directory-files", "2", code=3).err, "in has 3 files",
        "--directory-files")
    write("in/x.parquet", b"PAR1" + bytes(100))
    has(tocsin("run", "rules.tocsin", "--input", "in", code=3).err, "in/x.parquet is Parquet")
    has(tocsin("run", "rules.tocsin", "--input", "none.log", "--follow", code=3).err, "cannot read none.log")


class Log:
    """A log that is written, rotated and followed."""

    def __init__(self, *arguments, name="payments.log"):
        self.name, self.arguments, self.rotations = name, arguments, 0
        self.process = None
        pathlib.Path(name).touch()

    def write(self, text):
        with open(self.name, "a", encoding="utf-8") as file:
            file.write(text)

    def rotate(self, copies):
        for number in range(self.rotations, 0, -1):
            os.rename(f"{self.name}.{number}", f"{self.name}.{number + 1}")
        self.rotations += 1
        if copies:
            shutil.copyfile(self.name, f"{self.name}.1")
            os.truncate(self.name, 0)
        else:
            os.rename(self.name, f"{self.name}.1")
            pathlib.Path(self.name).touch()

    def follow(self, *more):
        self.process = start("run", "rules.tocsin", "--input", self.name, "--follow", "--follow-every", "20ms",
                             "--rotate-wait", "100ms", *self.arguments, *more, stdin=subprocess.DEVNULL)

    def end(self, how=signal.SIGTERM, has_begun=True):
        """A run that has not begun yet is ended by the signal itself."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=60)
        codes = [0 if how == signal.SIGTERM else -how] + ([] if has_begun else [-how])
        assert self.process.returncode in codes, err.decode()
        return out, err.decode()

    def wait_for_alerts(self, length, what):
        """Waits for a file of alerts of so many bytes, and says what the run said where it does not come."""
        try:
            wait_for(lambda: len(taken()) >= length or self.process.poll() is not None, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {len(taken())} of {length} bytes of alerts\n{self.end()[1]}") from None


def taken(name="alerts"):
    return pathlib.Path(name).read_bytes() if os.path.exists(name) else b""


@case
def followed():
    """alerts of a followed log appear while it is written, a signal ends the run with exit code 0, and the last line waits"""
    write("rules.tocsin", RULES)
    events = stream(900, seed=3)
    events[-1] = {**payment(0, "last", 500.0), "ts": max(event["ts"] for event in events)}  # it raises an alert
    text = lines(events)
    cut = len(text) // 2
    # The line that is cut becomes two lines, of which neither is an event.
    write("all.ndjson", text[:text.rindex("\n", 0, cut) + 1] + text[text.index("\n", cut) + 1:])
    expected = undisturbed("all.ndjson")
    log = Log("--alerts", "alerts")
    log.follow()
    log.write(text[:cut])
    log.wait_for_alerts(len(expected) // 3, "the first alerts")
    log.rotate(copies=False)
    log.write(text[cut:])
    log.wait_for_alerts(len(expected), "the other alerts")
    has(log.end()[1], "payments.log is read from its beginning", "rejected: 2 lines", "read payments.log: 899 events")


@case
def followed_durably():
    """a followed log that is written, rotated in both ways, and killed and started again gives each line once"""
    write("rules.tocsin", RULES)
    for seed in (1, 2, 3):
        chance = random.Random(seed)
        events = stream(1500, seed=seed)
        write("all.ndjson", events)
        log = Log("--data", "data", "--alerts", "alerts", "--checkpoint-every", "30ms")
        first, *others = parts_of(events, 30)
        log.write(lines(first))
        log.follow()
        wait_for(taken, "the first alerts")  # what was rotated before the first start is not read
        for part in others:
            log.write(lines(part))
            what = chance.randint(0, 9)
            if what < 3:
                log.rotate(copies=what == 0)
            elif what == 3:
                log.end(signal.SIGKILL)
                if chance.random() < 0.5:
                    log.rotate(copies=chance.random() < 0.5)
                log.follow()
            elif what == 4:
                log.end(has_begun=False)
                log.follow()
            time.sleep(chance.random() * 0.06)
        expected = undisturbed("all.ndjson")
        log.wait_for_alerts(len(expected), "the alerts")
        _, err = log.end()
        assert taken() == expected, err
        # Without --follow it is read to its end.
        has(durable("--input", log.name, "--alerts", "alerts").err, "1,500 events")
        for name in ("data", "alerts", *pathlib.Path(".").glob("payments.log*")):
            shutil.rmtree(name) if os.path.isdir(name) else os.unlink(name)


@case
def followed_csv():
    """each file of a followed log of CSV has a header; one that is not whole yet is waited for"""
    write("rules.tocsin", RULES)
    events = payments(300, seed=4)
    write("all.ndjson", events)
    first, second = parts_of(events, 2)
    log = Log("--data", "data", "--alerts", "alerts", "--csv-type", "payment", name="payments.csv")
    log.write(CSV[:5])
    log.follow()
    time.sleep(0.2)
    log.write(rows(first)[5:])
    log.wait_for_alerts(1000, "the first alerts")
    log.end(signal.SIGKILL)
    log.rotate(copies=False)
    log.write(rows(second))
    log.follow()
    expected = undisturbed("all.ndjson")
    log.wait_for_alerts(len(expected), "the other alerts")
    log.end()
    assert taken() == expected
    check_archive()


@case
def followed_directory():
    """files that come into a followed directory are read as they come, and the newest is read on"""
    write("rules.tocsin", RULES)
    events = stream(800, seed=6)
    write("all.ndjson", events)
    os.mkdir("in")
    process = start("run", "rules.tocsin", "--input", "in", "--follow", "--data", "data", "--alerts", "alerts",
                    "--follow-every", "20ms", stdin=subprocess.DEVNULL)
    for number, part in enumerate(parts_of(events, 8)):
        write(f"in/{number}.part", lines(part))
        os.rename(f"in/{number}.part", f"in/{number}.ndjson")
        time.sleep(0.05)
    expected = undisturbed("all.ndjson")
    wait_for(lambda: len(taken()) >= len(expected), "the alerts")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and taken() == expected, err.decode()


@case
def lost():
    """a log whose read file is gone is a stop that is named, and goes on only when that loss is accepted"""
    write("rules.tocsin", RULES)
    events = stream(900, seed=8)
    log = Log("--data", "data", "--alerts", "alerts")
    log.write(lines(events[:300]))
    log.follow()
    wait_for(lambda: len(taken()) > 2000, "the first alerts")
    log.end(signal.SIGKILL)
    size = os.path.getsize(log.name)
    os.unlink(log.name)
    write(log.name, events[300:600])
    done = durable("--input", log.name, "--follow", "--alerts", "alerts", code=5)
    has(done.err, f"the file of payments.log of which {size} bytes were read is not to be found", "Nothing was skipped",
        f"--accept-loss payments.log={size}")
    durable("--input", log.name, "--follow", "--accept-loss", f"payments.log={size - 1}", "--alerts", "alerts", code=5)
    log.follow("--accept-loss", f"payments.log={size}")
    before = len(taken())
    wait_for(lambda: len(taken()) > before + 2000, "the other alerts")
    has(log.end()[1], "goes on without what was written behind byte")
    # Truncated under a running process, without a copy: said, and read anew.
    log.follow()
    before = len(taken())
    log.write(lines(events[600:750]))
    wait_for(lambda: len(taken()) > before + 500, "alerts of the process that reads on")
    os.truncate(log.name, 0)
    before = len(taken())
    log.write(lines(events[750:]))  # less than was read: the file is shorter whenever it is looked at
    wait_for(lambda: len(taken()) > before + 500, "alerts of what was written anew")
    has(log.end()[1], "payments.log was truncated, and no file beside it begins with the")


run_cases()
