"""The golden data directories: how each is written, and what is looked at when it is opened again. A directory is in the
current folder, as `data`, with what its lives take beside it.

What is told of a directory is compared with what was told when it was written: a text as it is, anything else so that
members may have come since.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import golden_world as world  # noqa: E402
from harness import BINARY, LIMIT_S, json_lines, lines, read, start, tocsin, wait_for, write  # noqa: E402
from server_process import TIMELESS, Server  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TOOL = str(pathlib.Path(BINARY).parent / "tests/state_tool")
NOWHERE = "http://127.0.0.1:9"  # where nobody listens: deliveries stay owed
RUN = ("--ahead-max", "0", "--event-steps-max", "1000", "--webhook", f"{NOWHERE}/x", "--secret-file", "secret",
       "--delivery-timeout", "0s", "--no-final-watermark", "--alerts", "alerts.ndjson", "--journal-segment", "1MiB",
       "--late-max", "1h", "--cache", "off")
ROWS = ("--ahead-max", "0", "--no-final-watermark", "--alerts", "alerts.ndjson", "--journal-segment", "1MiB", "--quiet")
SERVE = (*TIMELESS, "--webhooks-allow", "127.0.0.1", "--time-late-max", "1h", "--checkpoint-every", "1h",
         "--webhooks-brake-per-rule", "2", "--journal-segment-bytes", "1MiB")
HOUR = 3600


def state_tool(*arguments):
    done = subprocess.run([TOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, f"state_tool {' '.join(arguments)}: {done.stderr.decode()}"
    return done.stdout.decode()


def checkpoints(data="data"):
    return sorted(path for path in pathlib.Path(data, "checkpoints").iterdir() if path.name.isdigit())


def listed(command):
    """Late events or rejected lines."""
    return json_lines(tocsin(command, "list", "--data", "data").out)


def counted():
    """The numbers that `verify` gives of a directory that is good."""
    told = tocsin("verify", "data").out
    assert "data is good" in told, told
    return {name: int(count) for name, count in re.findall(r"^ +(journal|blobs|checkpoints|savepoints) +(\d+)", told, re.M)}


def inspected(*key):
    """What `inspect` says, without how much memory it takes."""
    told = json.loads(tocsin("inspect", "data", "--format", "json", *sum((("--key", part) for part in key), ())).out)
    if not key:
        for name in ("state_bytes", "waiting_bytes"):
            del told[name]
        for rule in told["rules"]:
            del rule["bytes"]
    return told


def seen(*keys):
    """What the program says of the directory as it is."""
    return {"verify": counted(), "inspect": inspected(), **{f"inspect {key}": inspected(*key.split()) for key in keys}}


def savepoint_made():
    """Makes a savepoint of a copy, behind the replayed end of its journal; the keys of its entries."""
    shutil.copytree("data", "copy", symlinks=True)
    tocsin("savepoint", "make", "--data", "copy", "fresh")
    tocsin("verify", "copy/savepoints/fresh")
    told = [line.split(" ")[0] for line in state_tool("digests", "copy/savepoints/fresh").splitlines()]
    shutil.rmtree("copy")
    return told


def written_anew(source, *options):
    """The state in the first checkpoint of a directory that starts from it: all of it is written, before any event, and in
    the same bytes if the format is the same."""
    alerts = pathlib.Path("alerts.ndjson")
    alerts.unlink(missing_ok=True)
    tocsin("run", "rules.tocsin", "--data", "anew", "--from", source, "--input", "-", *options,
           code=4 if "--webhook" in options else 0)  # 4: what is raised afterwards is owed
    told, was = state_tool("digests", str(checkpoints("anew")[0])), state_tool("digests", str(source))
    assert told == was or told.splitlines()[0] != was.splitlines()[0], f"written otherwise than read:\n{was}\n{told}"
    shutil.rmtree("anew")
    alerts.unlink()
    return told


# ---- a run: every kind of state that the engine keeps of a key

def fed(*options):
    """A run on a file and standard input that has begun; `ack` has the number of lines of standard input that are safe."""
    pathlib.Path("ack").unlink(missing_ok=True)
    process = start("run", "rules.tocsin", "--data", "data", "--input", "events.ndjson", "--input", "-", *RUN, *options,
                    "--ack", "ack")
    wait_for(lambda: os.path.exists("ack") or process.poll() is not None, "the start")
    assert process.poll() is None, process.stderr.read().decode()
    return process


def feed_and_kill(process, lines_, count, settle=None):
    process.stdin.write(b"".join(line + b"\n" for line in lines_))
    process.stdin.flush()
    wait_for(lambda: os.path.exists("ack") and read("ack").strip() and int(read("ack").split()[-1]) >= count, "the lines")
    if settle:
        settle()
    process.kill()
    process.communicate()


def keep_zones():
    """The time zones that events name: a data directory keeps all of a time zone database that has others."""
    zones = pathlib.Path("zoneinfo")
    for zone in [*world.ZONES, "UTC"]:
        (zones / zone).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(f"/usr/share/zoneinfo/{zone}", zones / zone)
    (zones / "tzdata.zi").write_text("".join(f"Z {zone}\n" for zone in [*world.ZONES, "UTC"]))
    os.environ["TZDIR"] = str(zones.resolve())


def make_run():
    file, first, tail, after = world.run_parts()
    shutil.copy(HERE / "run.tocsin", "rules.tocsin")
    write("events.ndjson", b"".join(line + b"\n" for line in file))
    write("after.ndjson", b"".join(line + b"\n" for line in after))
    write("secret", "whsec_" + "A" * 32)
    keep_zones()
    tocsin("run", "rules.tocsin", "--data", "data", "--input", "events.ndjson", *RUN, code=4)
    # Alerts show something else from here on.
    write("rules.tocsin", read("rules.tocsin").replace('"What each feature says"', '"What each of the features says"'))
    process = fed("--heartbeat", "300ms", "--idle-after", "500ms", "--checkpoint-every", "100ms")
    before = checkpoints()[-1]

    def settle():
        """Two more checkpoints: the second has all lines, and that the input was idle."""
        wait_for(lambda: checkpoints()[-1] > before, "a checkpoint")
        wait_for(lambda: '"state":"idle"' in tocsin("inspect", "data", "--format", "json").out, "silence")
        middle = checkpoints()[-1]
        wait_for(lambda: int(checkpoints()[-1].name) > int(middle.name) + 1, "one more")
    feed_and_kill(process, first, len(first), settle)
    # And records behind the newest checkpoint, which a start replays.
    process = fed("--checkpoint-every", "1h")
    feed_and_kill(process, tail, len(first) + len(tail))
    assert '"records_behind":0' not in tocsin("inspect", "data", "--format", "json").out


def look_at_run():
    os.environ["TZDIR"] = str(pathlib.Path("zoneinfo").resolve())
    told = seen("card=c1", "card=c0", "account=x1", "merchant=m1 channel=atm")
    told["savepoint"] = savepoint_made()
    told["written anew"] = written_anew(checkpoints()[-1], *RUN)
    done = tocsin("run", "rules.tocsin", "--data", "data", "--input", "events.ndjson", "--input", "-", *RUN,
                  stdin=skipped("-") + pathlib.Path("after.ndjson").read_bytes(), code=4)
    told["owed"] = re.findall(r"(\d+) of (\d+) alerts were not delivered", done.err)[-1:]
    told["alerts"] = tocsin("alerts", "--data", "data").out
    told["late"], told["dead"] = listed("late"), listed("dead")
    told["verify afterwards"] = counted()
    return told


def skipped(source):
    """So many empty lines of standard input as it gave already: they are passed by."""
    sources = json.loads(tocsin("inspect", "data", "--format", "json").out)["sources"]
    return b"\n" * next(one["lines"] for one in sources if one["name"] == source)


# ---- a run whose rules work row by row, on alerts as events

def make_rows():
    before, after = world.rows_parts()
    shutil.copy(HERE / "rows.tocsin", "rules.tocsin")
    write("before.ndjson", b"".join(line + b"\n" for line in before))
    write("after.ndjson", b"".join(line + b"\n" for line in after))
    tocsin("run", "rules.tocsin", "--data", "data", "--input", "before.ndjson", *ROWS)
    tocsin("savepoint", "make", "--data", "data", "kept")


def look_at_rows():
    told = seen("card=c1", "shop=s1")
    told["savepoint"] = savepoint_made()
    told["written anew"] = written_anew("data/savepoints/kept", *ROWS)
    tocsin("run", "rules.tocsin", "--data", "data", "--input", "before.ndjson", "--input", "after.ndjson", *ROWS)
    told["alerts"] = tocsin("alerts", "--data", "data").out
    # The same from the savepoint, in a directory of its own.
    pathlib.Path("alerts.ndjson").unlink()
    tocsin("run", "rules.tocsin", "--data", "other", "--from", "data/savepoints/kept", "--input", "after.ndjson", *ROWS)
    told["alerts of the savepoint"] = tocsin("alerts", "--data", "other").out
    told["verify afterwards"] = counted()
    return told


# ---- a run whose time has ended

def make_ended():
    before, _ = world.rows_parts()
    shutil.copy(HERE / "rows.tocsin", "rules.tocsin")
    write("before.ndjson", b"".join(line + b"\n" for line in before[:40]))
    options = [option for option in ROWS if option != "--no-final-watermark"]
    tocsin("run", "rules.tocsin", "--data", "data", "--input", "before.ndjson", "--final-watermark", *options)


def look_at_ended():
    told = seen()
    told["savepoint"] = savepoint_made()
    told["alerts"] = tocsin("alerts", "--data", "data").out
    return told


# ---- a run with keys that are busy with loops

def loop_events(first, last):
    """Small payments of two cards, of which one is reset after thirty, and a large one now and then."""
    for number in range(first, last):
        card = f"c{number % 2}"
        if number % 61 == 60:
            yield {"type": "reset", "ts": (1_772_438_400 + number) * 1_000_000, "card": "c0"}
        else:
            amount = 150 if number % 97 > 94 else number % 9 + 0.5
            yield {"type": "payment", "ts": (1_772_438_400 + number) * 1_000_000, "id": f"p{number}", "card": card, "amount": amount}


def make_loops():
    shutil.copy(HERE / "loops.tocsin", "rules.tocsin")
    for name, first, last in (("before", 0, 75), ("after", 75, 200)):
        write(f"{name}.ndjson", b"".join(json.dumps(event).encode() + b"\n" for event in loop_events(first, last)))
    tocsin("run", "rules.tocsin", "--data", "data", "--input", "before.ndjson", *ROWS)


def look_at_loops():
    told = seen("card=c0", "card=c1")
    told["savepoint"] = savepoint_made()
    told["written anew"] = written_anew(checkpoints()[-1], *ROWS)
    tocsin("run", "rules.tocsin", "--data", "data", "--input", "before.ndjson", "--input", "after.ndjson", *ROWS)
    told["alerts"] = tocsin("alerts", "--data", "data").out
    told["verify afterwards"] = counted()
    return told


# ---- a run on the files of a directory

def make_files():
    before, _ = world.rows_parts()
    shutil.copy(HERE / "rows.tocsin", "rules.tocsin")
    for number, first in enumerate(range(0, 60, 20)):
        write(f"in/{number}.ndjson", b"".join(line + b"\n" for line in before[first:first + 20]))
    tocsin("run", "rules.tocsin", "--data", "data", "--input", "in", *ROWS)


def look_at_files():
    before, _ = world.rows_parts()
    told = seen()
    told["savepoint"] = savepoint_made()
    with open("in/1.ndjson", "ab") as file:  # which was left
        file.write(b"".join(line + b"\n" for line in before[60:70]))
    write("in/3.ndjson", b"".join(line + b"\n" for line in before[70:90]))
    done = tocsin("run", "rules.tocsin", "--data", "data", "--input", "in", *(part for part in ROWS if part != "--quiet"))
    told["read on"] = re.findall(r"(\S+) has grown, and goes on at byte (\d+)", done.err)
    told["alerts"] = tocsin("alerts", "--data", "data").out
    told["verify afterwards"] = counted()
    return told


# ---- a server: lists, rules and people's changes

def expect(status, answer):
    assert answer.status == status, answer
    return answer.json


def make_served():
    shutil.copy(HERE / "served.tocsin", "rules.tocsin")
    pay = world.served_payment
    count = iter(range(1000))

    def send(server, *events, **options):
        return expect(200, server.send([pay(next(count), **event) for event in events], "?wait=alerts&timeout=5s", **options))
    with Server("rules.tocsin", "--webhooks-retry-delays", "50ms", rules=None, options=SERVE) as server:
        gone = expect(201, server.ask("POST", "/v1/subscriptions", {"url": f"{NOWHERE}/gone", "name": "gone"}))
        send(server, {"second": 0, "amount": 200})
        wait_for(lambda: server.ask("GET", "/v1/notices").json["notices"], "a delivery that is given up")
        assert gone["id"]
        server.end()
    with Server("rules.tocsin", "--webhooks-retry-delays", "10h", rules=None, options=SERVE) as server:
        expect(201, server.ask("POST", "/v1/subscriptions", {"url": f"{NOWHERE}/plain", "name": "plain"}))
        expect(201, server.ask("POST", "/v1/subscriptions", {
            "url": f"{NOWHERE}/grouped", "name": "grouped", "group": {"by": ["rule", "card"], "wait": "1h", "interval": "2h"}}))
        expect(201, server.ask("POST", "/v1/silences", {"filter": {"key": {"card": "c9"}}, "until": "2126-03-02T18:00:00Z",
                                                       "reason": "a card of our own"}))
        expect(201, server.ask("POST", "/v1/tokens", {"name": "till", "role": "producer"}))
        trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        send(server, {"second": 10, "amount": 20}, {"second": 11, "card": "c9", "amount": 300}, headers=trace)
        send(server, *({"second": 20 + i, "amount": 150 + i, "card": f"c{i % 3}"} for i in range(6)))
        # Behind: taken at the time already reached, or set aside.
        send(server, {"second": HOUR, "card": "c2", "amount": 5}, {"second": HOUR - 50, "card": "c3", "amount": 40})
        server.send([pay(900, second=2 * HOUR, card="c4", amount=1)])
        server.send([pay(901, second=10, card="c4", amount=1), pay(902, second=11, card="c4", amount=170)])
        server.send("nonsense\n")
        till = {"Tocsin-Producer": "till-7", "Tocsin-Sequence": "0"}
        server.send([pay(910, second=2 * HOUR, card="c5", amount=7), pay(911, second=2 * HOUR, card="c5", amount=99)], headers=till)
        change_lists(server)
        send(server, {"second": 2 * HOUR + 60, "card": "b3"}, {"second": 2 * HOUR + 61, "ip": "192.0.2.9"},
             {"second": 2 * HOUR + 62, "shop": "s2"}, {"second": 2 * HOUR + 63, "card": "c6", "amount": 2000})
        late = expect(200, server.ask("GET", "/v1/late"))["items"]
        expect(200, server.ask("POST", "/v1/late/reinject", {"arrivals": [late[0]["arrival"]]}))
        judge_alerts(server)
        extra = 'rule extra "More of it" { by card when payment where amount > 1_900 alert "{amount}" }'
        expect(200, server.ask("PUT", "/v1/rules/extra?comment=more", extra, media="text/plain", headers={"If-None-Match": "*"}))
        expect(200, server.ask("PUT", "/v1/rules/extra/stage", {"stage": "shadow"}, headers={"If-Match": "*"}))
        expect(201, server.ask("POST", "/v1/savepoints", {"name": "kept"}, headers={"Idempotency-Key": "k1"}))
        send(server, {"second": 2 * HOUR + 70, "card": "c6", "amount": 1950})
        expect(201, server.ask("POST", "/v1/checkpoints"))
        # Behind the checkpoint: a start replays them.
        send(server, {"second": 2 * HOUR + 80, "card": "c7", "amount": 1960})
        expect(200, server.ask("POST", "/v1/lists/blocked/entries", ["b9"]))
        server.kill()


def change_lists(server):
    entries = "/v1/lists/{}/entries"
    expect(200, server.ask("PUT", "/v1/lists/blocked", ["b3", "b4", "b5"]))
    expect(200, server.ask("POST", entries.format("blocked"), ["b6", {"value": "b7", "until": "2036-04-01T00:00:00Z"}]))
    assert server.ask("DELETE", entries.format("blocked") + "/b4").status in (200, 204)
    expect(200, server.ask("POST", entries.format("networks"), ["192.0.2.0/24", "2001:db8::/32"]))
    expect(200, server.ask("POST", entries.format("amounts"), ["7.77"]))
    assert server.ask("DELETE", "/v1/lists/amounts").status in (200, 204)
    expect(200, server.ask("POST", "/v1/tables/shops/rows", {"entries": [
        {"row": {"shop": "s2", "risk": 0.75, "names": ["two", "second"]}}, {"row": {"shop": "s3"}, "until": "2036-04-01T00:00:00Z"}]}))


def judge_alerts(server):
    ids = [one["alert"]["id"] for one in expect(200, server.ask("GET", "/v1/alerts?order=oldest"))["alerts"]]
    for alert, action, more in ((ids[0], "assign", {"assignee": "ann"}), (ids[1], "confirm", {"comment": "called"}),
                                (ids[2], "dismiss", {}), (ids[1], "close", {})):
        expect(200, server.ask("POST", f"/v1/alerts/{alert}/triage", {"action": action, **more}))


def look_at_served():
    told = seen("card=c1", "card=c3")
    told["savepoint"] = savepoint_made()
    with Server("--webhooks-retry-delays", "10h", rules=None, options=SERVE) as server:
        for path in ("/v1/silences", "/v1/lists", "/v1/lists/blocked", "/v1/lists/networks", "/v1/lists/amounts",
                     "/v1/tables/shops", "/v1/rules", "/v1/versions", "/v1/producers/till-7", "/v1/late", "/v1/dead",
                     "/v1/tokens"):
            told[path] = expect(200, server.ask("GET", path))
        alerts = json_lines(server.ask("GET", "/v1/alerts/export").text)
        told["triage"] = [expect(200, server.ask("GET", f"/v1/alerts/{alert['id']}/triage")) for alert in alerts]
        told["withheld"] = [[one["state"] for one in expect(200, server.ask("GET", f"/v1/alerts/{alert['id']}"))["deliveries"]
                             if one["state"] not in ("pending", "dead")] for alert in alerts]
        told["notices"] = [one["kind"] for one in server.ask("GET", "/v1/notices").json["notices"]]
        told["subscriptions"] = [[one["name"], one["status"], one.get("group")] for one in server.ask(
            "GET", "/v1/subscriptions").json["subscriptions"]]
        pay = world.served_payment
        second = 2 * HOUR + 90
        events = [pay(i, second=second + i, card=card, amount=amount, **more) for i, (card, amount, more) in enumerate(
            [("b3", 10, {}), ("b4", 10, {}), ("b6", 10, {}), ("b9", 10, {}), ("x", 7.77, {}), ("x", 9.99, {}),
             ("x", 20, {"ip": "192.0.2.77"}), ("c3", 99, {}), ("c5", 99, {}), ("c6", 1970, {}), ("c9", 300, {})], 2000)]
        expect(200, server.send(lines(events), "?wait=alerts&timeout=5s"))
        told["alerts"] = server.ask("GET", "/v1/alerts/export").text
        server.end()
    told["verify afterwards"] = counted()
    return told


# ---- a server that has forgotten somebody

def make_erased():
    shutil.copy(HERE / "served.tocsin", "rules.tocsin")
    pay = world.served_payment
    with Server("rules.tocsin", rules=None, options=SERVE) as server:
        first = [pay(i, second=60 * i, card=f"c{i % 3}", amount=40 if i < 6 else 140) for i in range(9)]
        expect(200, server.send(first, "?wait=alerts&timeout=5s"))
        expect(202, server.ask("POST", "/v1/erasures", {"key": "card=c1", "reason": "case 7"}))
        wait_for(lambda: server.ask("GET", "/v1/erasures/1").json["state"] == "done", "the end of the erasure")
        expect(200, server.send([pay(10, second=600, card="c1", amount=45), pay(11, second=610, card="c2", amount=45)]))
        server.kill()


def look_at_erased():
    told = seen("card=c1", "card=c2")
    told["savepoint"] = savepoint_made()
    pay = world.served_payment
    with Server(rules=None, options=SERVE) as server:
        told["erasures"] = expect(200, server.ask("GET", "/v1/erasures"))
        # Of c1 there is one payment, of c2 there are four; both are pairs with what comes.
        later = [pay(20 + i, second=3700 + i, card=f"c{1 + i}", amount=95) for i in range(2)]
        expect(200, server.send(later, "?wait=alerts&timeout=5s"))
        told["alerts"] = server.ask("GET", "/v1/alerts/export").text
        server.end()
    told["verify afterwards"] = counted()
    return told


LIVES = {"run": (make_run, look_at_run), "rows": (make_rows, look_at_rows), "ended": (make_ended, look_at_ended),
         "files": (make_files, look_at_files), "served": (make_served, look_at_served), "erased": (make_erased, look_at_erased),
         "loops": (make_loops, look_at_loops)}
