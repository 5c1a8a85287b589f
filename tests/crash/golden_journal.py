#!/usr/bin/env python3
"""A kept journal gives the same alerts, byte for byte, with every version of the program that has its semantics number.

    golden_journal.py TOCSIN_BINARY [TEXT]
    golden_journal.py TOCSIN_BINARY --update   keep a new one: after cep::kSemantics was raised

tests/golden/journal_data/ has rules.tocsin, data/ (a data directory with its journal and blobs alone) and
alerts.ndjson; tests/golden/journal_before/ the journal of the semantics number before. Last line: N passed, N failed.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from durable import RULES, Fed
from harness import BINARY, LIMIT_S, ROOT, case, run_cases, tocsin

GOLDEN = ROOT / "tests/golden/journal_data"
BEFORE = ROOT / "tests/golden/journal_before"
REMEDY = """\
A change that alters what a journal comes to must raise cep::kSemantics (cep/plan/semantics.h), so that no node goes on with
a journal of before. Then keep a new golden journal: tests/crash/golden_journal.py TOCSIN_BINARY --update. If the change
was not meant to alter any alert, it is wrong."""


def replay(data):
    """The alerts of a new store, from the journal alone and the end of time."""
    shutil.copy(GOLDEN / "rules.tocsin", ".")
    done = subprocess.run([BINARY, "run", "rules.tocsin", "--data", data, "--input", "-", "--quiet", "--final-watermark",
                           "--alerts", "alerts.ndjson"], input=b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT_S, check=False)
    assert done.returncode == 0, f"the golden journal is not taken:\n{done.stdout.decode()}\n{REMEDY}"
    return tocsin("alerts", "--data", data).out


@case
def same_alerts():
    """the golden journal gives its alerts, byte for byte"""
    shutil.copytree(GOLDEN / "data", "data")
    found = replay("data")
    wanted = (GOLDEN / "alerts.ndjson").read_text(encoding="utf-8")
    if found != wanted:
        pairs = zip(wanted.splitlines() + ["(no more)"], found.splitlines() + ["(no more)"])
        first = next((a, b) for a, b in pairs if a != b)
        raise AssertionError(f"other alerts than the golden journal's:\n  wanted: {first[0]}\n  found:  {first[1]}\n{REMEDY}")


@case
def replayed_twice():
    """what a replay has stored is the same in the next one"""
    shutil.copytree(GOLDEN / "data", "data")
    first = replay("data")
    shutil.rmtree("data/checkpoints", ignore_errors=True)
    shutil.rmtree("data/state", ignore_errors=True)
    done = subprocess.run([BINARY, "run", "rules.tocsin", "--data", "data", "--input", "-", "--quiet", "--final-watermark",
                           "--alerts", "again.ndjson"], input=b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout.decode()
    assert tocsin("alerts", "--data", "data").out == first


def run_before(*options):
    """A start in a copy of the journal of the semantics number before."""
    shutil.copy(BEFORE / "rules.tocsin", ".")
    if not os.path.exists("data"):
        shutil.copytree(BEFORE / "data", "data")
    return subprocess.run([BINARY, "run", "rules.tocsin", "--data", "data", "--input", "-", "--quiet", "--final-watermark",
                           *options], input=b"", stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)


def is_refused(data):
    """Whether the program refuses to continue a copy of the data directory."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(data, f"{folder}/data")
        done = subprocess.run([BINARY, "run", GOLDEN / "rules.tocsin", "--data", f"{folder}/data", "--input", "-", "--quiet"],
                              input=b"", stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)
        return b"was written under semantics" in done.stderr


@case
def before_is_refused():
    """a journal of the semantics number before is refused with the remedy, which works"""
    refused = run_before()
    said = refused.stderr.decode()
    assert refused.returncode == 5, f"exit {refused.returncode}: {said}"
    assert "was written under semantics" in said and "--replay-as-new" in said, said
    done = run_before("--replay-as-new")
    assert done.returncode == 0, done.stderr.decode()
    again = run_before()
    assert again.returncode == 0, again.stderr.decode()
    assert tocsin("alerts", "--data", "data").out, "the journal's alerts are stored"


def update():
    """Keeps a new golden journal: two lives, the first killed; late events, rejected lines, repeats, a heartbeat."""
    lines = tocsin("generate", "--events", 900, "--seed", 7, "--fraud", 20, "--accounts", 100, "--disorder", "2s",
                   "--quiet").out_bytes.splitlines()
    for at in range(50, 900, 50):
        lines.insert(at, lines[at - 9])  # again; some of them are late by now
        lines.insert(at, b"not an event")
    os.chdir(GOLDEN)
    if is_refused(GOLDEN / "data"):  # of another number: it is kept as that of before
        shutil.rmtree(BEFORE, ignore_errors=True)
        BEFORE.mkdir()
        shutil.copy("rules.tocsin", BEFORE)
        shutil.move("data", BEFORE)
    shutil.rmtree("data", ignore_errors=True)
    RULES[:] = ["rules.tocsin"]  # its name is kept with the journal
    for part, end in ((lines[:len(lines) // 2], len(lines) // 2), (lines, len(lines))):
        fed = Fed("--journal-segment", "16KiB")
        begin = fed.begin()
        assert begin is not None, fed.said()
        for at in range(begin, end, 37):
            fed.send(part[at:min(end, at + 37)])
            fed.wait_acknowledged(min(end, at + 37))
        fed.kill()
    for name in ("store", "ends", "state", "checkpoints", "savepoints"):
        shutil.rmtree(f"data/{name}", ignore_errors=True)
    for name in ("data/LOCK", "data/journal/lock", "ack", "log", "data-copy.ndjson"):
        pathlib.Path(name).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree("data", f"{folder}/data")
        os.chdir(folder)
        alerts = replay("data")
        os.chdir(GOLDEN)
    (GOLDEN / "alerts.ndjson").write_text(alerts, encoding="utf-8")
    print(f"{len(alerts.splitlines())} alerts")


if __name__ == "__main__":
    if "--update" in sys.argv[2:]:
        update()
    else:
        run_cases()
