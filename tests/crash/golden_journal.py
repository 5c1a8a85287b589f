#!/usr/bin/env python3
"""A kept journal gives the same alerts, byte for byte, with every version of the program that has its semantics number.

    golden_journal.py TOCSIN_BINARY [TEXT]
    golden_journal.py TOCSIN_BINARY --update   keep a new one: after cep::kSemantics was raised

tests/golden/journal_data/ has rules.tocsin, data/ (a data directory with its journal and blobs alone) and
alerts.ndjson; tests/golden/journal_before/ the journal of the semantics number before; tests/golden/served_data/ the
journal of a server whose rules and lists changed. Last line: N passed, N failed.
"""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

from durable import RULES, Fed
from harness import BINARY, LIMIT_S, ROOT, case, confirmation, payment, run_cases, tocsin
from server_process import TIMELESS, Server

GOLDEN = ROOT / "tests/golden/journal_data"
BEFORE = ROOT / "tests/golden/journal_before"
SERVED = ROOT / "tests/golden/served_data"
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


def first_difference(wanted, found):
    pairs = zip(wanted.splitlines() + ["(no more)"], found.splitlines() + ["(no more)"])
    first = next((a, b) for a, b in pairs if a != b)
    return f"  wanted: {first[0]}\n  found:  {first[1]}"


@case
def same_alerts():
    """the golden journal gives its alerts, byte for byte"""
    shutil.copytree(GOLDEN / "data", "data")
    found = replay("data")
    wanted = (GOLDEN / "alerts.ndjson").read_text(encoding="utf-8")
    if found != wanted:
        raise AssertionError(f"other alerts than the golden journal's:\n{first_difference(wanted, found)}\n{REMEDY}")


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


# --- of a server

SERVED_OPTIONS = (*TIMELESS, "--time-late-policy", "side", "--checkpoint-every", "1h", "--journal-segment-bytes", "16KiB")
FIRST_RULES = """\
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
event confirmation { ts: time, id: string id, card: string }

list watched : string = ["c3"]
feature spent = sum(amount of payment) by card over last 10m

rule large "A large payment" { by card when payment as p where amount > 100 alert "{p.amount} on {card}" }
rule unconfirmed "Nobody confirmed" {
  by card
  when payment as p where amount > 120 then no confirmation for 30s
  alert "{p.amount} on {card} was not confirmed"
}
rule probes "Small payments, then a large one" {
  by card
  when 3+ payment as small where amount < 20 then payment as hit where amount > 100
  within 10m
  once per 1m
  alert "{count(small)} small ones, then {hit.amount} on {card}"
}
rule of_watched "A watched card" { by card when payment as p where card in watched and spent > 300 alert "{spent} on {card}" }
"""
OFTEN = """
rule often "Many payments" {
  by card when payment where count(payment) over last 2m >= 6 once per 5m alert "often on {card}"
}
"""
RISING = """
rule rising "Rising payments" {
  by card when payment as a then payment as b where amount > 3 * a.amount then payment as c where amount > 3 * b.amount
  within 20m alert "{a.amount}, {b.amount}, {c.amount} on {card}"
}
"""


def changes(server):
    """What is done between two parts of the stream, one behind the other."""

    def ask(method, path, body=None, **more):
        answer = server.ask(method, path, body, headers={"If-Match": "*"}, **more)
        while answer.status == 202:  # earlier events are being read
            answer = server.ask(method, path, body, headers={"If-Match": "*"}, **more)
        assert answer.status == 200, answer
        return answer

    def pack(text, query=""):
        return ask("PUT", f"/v1/pack{query}", {"files": {"rules.tocsin": text}})

    fewer = FIRST_RULES.replace("when 3+ payment as small where amount < 20", "when 2+ payment as small where amount < 25")
    less = fewer[:fewer.index("rule unconfirmed")] + fewer[fewer.index("rule probes"):]
    yield lambda: ask("PUT", "/v1/rules/large/stage", {"stage": "live 50%"})
    yield lambda: pack(FIRST_RULES + OFTEN)
    yield lambda: server.ask("POST", "/v1/lists/watched/entries", {"entries": ["c1", "c5"]})
    yield lambda: ask("PUT", "/v1/rules/probes/stage", {"stage": "shadow"})
    yield lambda: pack(fewer + OFTEN)
    yield lambda: pack(fewer + OFTEN + RISING, "?replay=36500d")
    yield lambda: server.ask("PUT", "/v1/lists/watched", {"entries": ["c2"]})
    yield lambda: server.ask("POST", "/v1/late/reinject", {})
    yield lambda: pack(less + OFTEN + RISING)
    yield lambda: ask("PUT", "/v1/rules/large/stage", {"stage": "live"})


def keep_served():
    """Keeps the journal of a server: deploys that keep, change, replay and leave out rules, stages, lists, re-injection."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        rng = random.Random(11)
        second = 0.0
        with Server(rules=FIRST_RULES, options=SERVED_OPTIONS) as server:
            for change in [lambda: None, *changes(server)]:
                change()
                for _ in range(5):
                    events = []
                    for _ in range(12):
                        second += rng.choice([0.5, 2.25, 8])
                        at = second - (40 if rng.random() < 0.03 else 0)
                        card = f"c{rng.randrange(7)}"
                        amount = rng.choice([rng.randrange(1, 30), rng.randrange(90, 150)])
                        events.append(confirmation(at, card) if rng.random() < 0.15 else payment(at, card, amount))
                    assert server.send(events).status == 200
            server.ask("GET", "/v1/alerts?limit=1")  # waits for what is to be stored
            server.kill()
        alerts = tocsin("alerts", "--data", "data").out
        shutil.rmtree(SERVED, ignore_errors=True)
        for name in ("FORMAT", "blobs", "journal"):
            copy = shutil.copytree if pathlib.Path("data", name).is_dir() else shutil.copy
            (SERVED / "data").mkdir(parents=True, exist_ok=True)
            copy(f"data/{name}", SERVED / "data" / name)
        for path in [SERVED / "data/journal/lock", *(SERVED / "data/journal").glob("spare-*")]:
            path.unlink(missing_ok=True)
        (SERVED / "alerts.ndjson").write_text(alerts, encoding="utf-8")
        print(f"{len(alerts.splitlines())} alerts of a server")
        os.chdir(ROOT)


@case
def same_of_a_server():
    """the golden journal of a server, with deploys, stages, lists and a re-injection, gives its alerts, byte for byte"""
    shutil.copytree(SERVED / "data", "data")
    with Server(rules=None, options=SERVED_OPTIONS) as server:
        server.ask("GET", "/v1/alerts?limit=1")  # waits for what is to be stored
        server.end()
    found = tocsin("alerts", "--data", "data").out
    wanted = (SERVED / "alerts.ndjson").read_text(encoding="utf-8")
    assert found == wanted, f"other alerts than the golden journal's:\n{first_difference(wanted, found)}\n{REMEDY}"


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
    keep_served()


if __name__ == "__main__":
    if "--update" in sys.argv[2:]:
        update()
    else:
        run_cases()
