#!/usr/bin/env python3
"""CSV as input of `tocsin run`: alerts are those of the same events as JSON lines, whatever ends or kills the run.

    csv_inputs.py TOCSIN_BINARY [TEXT]

Standard library only. Last line: N passed, N failed.
"""
import csv
import gzip
import io
import json
import os
import random
import signal
import time

from durable_run import durable, stream, undisturbed
from harness import HAS_SANITIZER, RULES, case, has, read, run_cases, start, tocsin, write

COLUMNS = ["type", "ts", "id", "card", "amount", "place"]


def table(events, columns=COLUMNS, separator=",", **options):
    """The events as CSV with a header; an absent value is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=options.pop("end", "\n"), **options)
    writer.writerow(columns)
    writer.writerows([event.get(column, "") for column in columns] for event in events)
    return text.getvalue()


def both(events, text, *options, name="in.csv"):
    """Runs over the events in both forms; gives the run over CSV."""
    write("rules.tocsin", RULES)
    write("in.ndjson", events)
    write(name, text)
    done = tocsin("run", "rules.tocsin", "--input", name, *options)
    assert done.out_bytes == tocsin("run", "rules.tocsin", "--input", "in.ndjson").out_bytes, done
    return done


@case
def same_alerts():
    """the alerts are byte for byte those of the same events as JSON lines, with any number of threads"""
    events = stream(3000, seed=31)
    for index, event in enumerate(events):
        event["place"] = ["Oslo", 'the "Inn"', "a, b", "one\ntwo", "ö;|\t", ""][index % 6]
    for separator, name in ((",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "pipes")):
        for workers in (1, 4):
            done = both(events, table(events, separator=separator, end="\r\n"), "--workers", workers)
            has(done.err, f"in.csv: CSV, separated by {name}, 6 columns, rows of the type in `type`")
            assert done.out
    both(events, table(events, quoting=csv.QUOTE_ALL))


@case
def packed_and_piped():
    """packed files, standard input, a byte order mark and a last line without its end"""
    events = stream(300, seed=32)
    text = "\ufeff" + table(events).rstrip("\n")
    both(events, text)
    both(events, gzip.compress(text.encode()), name="in.csv.gz")
    expected = tocsin("run", "rules.tocsin", "--input", "in.ndjson").out_bytes
    done = tocsin("run", "rules.tocsin", "--input", "-", "--input-format", "csv", stdin=text)
    assert done.out_bytes == expected, done
    write("cut.csv.gz", gzip.compress(text.encode())[:-2000])
    done = tocsin("run", "rules.tocsin", "--input", "cut.csv.gz", code=3)
    has(done.err, "cut.csv.gz")
    assert done.out_bytes and expected.startswith(done.out_bytes), done
    write("in.txt", text)
    has(tocsin("run", "rules.tocsin", "--input", "in.txt", code=3).err, "in.txt is CSV", "--input-format csv")
    assert tocsin("run", "rules.tocsin", "--input", "in.txt", "--input-format", "csv").out_bytes == expected


@case
def beside_json():
    """files of both forms are merged by event time"""
    events = stream(600, seed=33)
    write("rules.tocsin", RULES)
    write("all.ndjson", events)
    write("even.csv", table(events[::2]))
    write("odd.ndjson", events[1::2])
    write("even.ndjson", events[::2])
    done = tocsin("run", "rules.tocsin", "--input", "even.csv", "--input", "odd.ndjson")
    assert done.out_bytes == tocsin("run", "rules.tocsin", "--input", "even.ndjson", "--input", "odd.ndjson").out_bytes


@case
def past_events():
    """a backtest reads the same table, beside rules that declare other fields too"""
    events = stream(1500, seed=34)
    text = table(events, separator=";")
    done = both(events, text)
    write("old.tocsin", RULES.replace("amount: decimal(2)", "amount: decimal(2), branch: string?"))
    assert read("old.tocsin") != RULES
    again = tocsin("backtest", "rules.tocsin", "--input", "in.csv", "--against", "old.tocsin", "--alerts", "past.ndjson",
                   "--csv-separator", "semicolon")
    has(again.err, "in.csv: CSV, separated by semicolons, 6 columns, rows of the type in `type`")
    assert read("past.ndjson") and read("past.ndjson").encode() == done.out_bytes
    wrong = tocsin("backtest", "rules.tocsin", "--input", "in.csv", "--csv-separator", "tab", code=2)
    has(wrong.err, "in.csv has no column `type`", "separated by tabs")
    tocsin("backtest", "rules.tocsin", "--input", "in.csv", "--csv-rename", "nothing", code=2)


@case
def a_banks_export():
    """semicolons, decimal commas, names of their own and one event type"""
    events = [event for event in stream(400, seed=34) if event["type"] == "payment"]
    rows = [{"Booking date": event["ts"], "No.": event["id"], "Card": event["card"],
             "Amount": str(event["amount"]).replace(".", ","), "Remark": "x"} for event in events]
    text = table(rows, ["Booking date", "No.", "Card", "Amount", "Remark"], ";")
    renames = "Booking date=ts,No.=id,Card=card,Amount=amount"
    done = both(events, text, "--csv-type", "payment", "--csv-rename", renames, "--csv-decimal", "comma")
    has(done.err, "rows of `payment`; no event type reads `Remark`")
    headless = text.split("\n", 1)[1]
    both(events, headless, "--csv-type", "payment", "--csv-columns", "ts,id,card,amount,remark", "--csv-decimal", "comma")


@case
def rejected_rows():
    """a row that is no event is a dead letter with its line, its column and what to do; no other row is lost"""
    events = stream(40, seed=35)
    rows = table(events).split("\n")
    bad = {3: ("payment,x,id1,card,5,", "column `ts` is not a valid time"),
           7: ('payment,2026-03-02T12:00:00Z,"id2,card,5,', "the quote that opens column `id` is not closed"),
           11: ('payment,2026-03-02T12:00:00Z,"id3"x,card,5,', "text follows the closing quote of column `id`"),
           15: ("payment,2026-03-02T12:00:00Z,id4", "3 fields for 6 columns, of which column `id` is the last"),
           19: ('payment,2026-03-02T12:00:00Z,id5,card,"5,00",', "column `amount` has a decimal comma, which --csv-decimal comma reads: 5,00")}
    for place, (row, _) in bad.items():
        rows.insert(place - 1, row)
    done = both(events, "\n".join(rows), "--dead-letter", "dead.ndjson")
    has(done.err, "rejected: 5 lines", "1 × 3 fields for 6 columns", "first at in.csv:15")
    dead = [json.loads(line) for line in read("dead.ndjson").splitlines()]
    assert [letter["line"] for letter in dead] == list(bad), dead
    for letter, (row, reason) in zip(dead, bad.values()):
        assert letter["input"] == "in.csv" and letter["reason"].startswith(reason), letter
        assert letter["text"] == row, letter


@case
def refused():
    """what could not be read is refused before an output is emptied"""
    write("rules.tocsin", RULES)
    write("in.csv", "ts;id;card;amount\n5;a;b;1\n")
    write("alerts.ndjson", "kept\n")
    for options, *said in (([], "has no column `type`", "--csv-type (`payment`, `confirmation`)"),
                           (["--csv-type", "refund"], "no event type is called `refund`"),
                           (["--csv-type", "payment", "--csv-separator", "comma"], "has no column `ts`", "ts;id;card;amount"),
                           (["--csv-type", "payment", "--csv-rename", "x=ts"], "in.csv has no column `x`"),
                           (["--csv-rename", "x"], "COLUMN=NAME"),
                           (["--csv-columns", "a,b", "--csv-rename", "a=b"], "--csv-rename does not go with --csv-columns"),
                           (["--input-format", "json", "--csv-type", "payment"], "does not go with --input-format json"),
                           (["--data", "data", "--input", "-", "--input-format", "csv"], "standard input is JSON lines")):
        done = tocsin("run", "rules.tocsin", "--input", "in.csv", "--alerts", "alerts.ndjson", *options, code=2)
        has(done.err, *said)
        assert read("alerts.ndjson") == "kept\n"
    write("in.csv", stream(3))
    has(tocsin("run", "rules.tocsin", "--input", "in.csv", code=3).err, "begins like JSON", "--input-format json")


@case
def durable_rows():
    """a durable run over CSV: it goes on where it was, also with a file that grows, and gives the same alerts"""
    write("rules.tocsin", RULES)
    events = stream(2000, seed=36)
    for index, event in enumerate(events):
        event["place"] = "one\ntwo, three" if index % 3 == 0 else "x"
    write("all.ndjson", events)
    text = table(events)
    cut = text.index("\ntwo", len(text) // 2)  # within a record
    write("in.csv", text[:cut])
    first = durable("--input", "in.csv", "--alerts", "alerts")
    has(first.err, "in.csv: CSV, separated by commas", "ends within a line")
    write("in.csv", text)
    has(durable("--input", "in.csv", "--alerts", "alerts").err, "in.csv has grown, and goes on at byte")
    assert read("alerts").encode() == undisturbed("all.ndjson")
    has(durable("--input", "in.csv", "--alerts", "alerts").err, "in.csv was read to its end before")


@case
def read_otherwise():
    """a file that was begun is read on as it was; options that say otherwise are refused"""
    write("rules.tocsin", RULES)
    events = [event for event in stream(900, seed=37) if event["type"] == "payment"]
    write("all.ndjson", events)
    columns = COLUMNS[1:]
    write("in.csv", table(events[:300], columns, ";"))
    options = ("--csv-type", "payment")
    durable("--input", "in.csv", "--alerts", "alerts", *options)
    write("in.csv", table(events, columns, ";"))
    for other in (("--csv-separator", "pipe", "--csv-columns", "ts"), ("--csv-decimal", "comma")):
        done = durable("--input", "in.csv", "--alerts", "alerts", *other, code=5)
        has(done.err, "in.csv was read as CSV of another form before")
    os.rename("in.csv", "rotated")  # by its name it would be JSON lines
    durable("--input", "rotated", "--alerts", "alerts")
    assert read("alerts").encode() == undisturbed("all.ndjson")


@case
def killed():
    """kill -9 at any moment loses no alert and repeats none"""
    write("rules.tocsin", RULES)
    events = stream(60_000, seed=38)
    for index, event in enumerate(events):
        event["place"] = "one\ntwo" if index % 5 == 0 else "x"
    shuffle = random.Random(38)
    for index in range(0, len(events), 5):  # some wait for others, also in checkpoints
        events[index:index + 5] = shuffle.sample(events[index:index + 5], len(events[index:index + 5]))
    options = ("--out-of-orderness", "1m")
    write("all.ndjson", events)
    write("in.csv", table(events))
    expected = undisturbed("all.ndjson", arguments=options)
    size = len(expected)
    kills = 0
    for part in range(1, 5 if HAS_SANITIZER else 7):
        process = start("run", "rules.tocsin", "--data", "data", "--alerts", "alerts", "--input", "in.csv", "--quiet",
                        "--checkpoint-every", "20ms", *options)
        while process.poll() is None and (not os.path.exists("alerts") or os.path.getsize("alerts") < size * part // 8):
            time.sleep(0.001)
        process.kill()
        process.communicate(timeout=60)
        kills += process.returncode == -signal.SIGKILL and os.path.getsize("alerts") < size
    assert kills >= 3, kills
    durable("--input", "in.csv", "--alerts", "alerts", *options)
    assert read("alerts").encode() == expected


if __name__ == "__main__":
    run_cases()
