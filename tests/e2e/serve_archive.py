#!/usr/bin/env python3
"""The archive of a server: what arrived stays there, and `tocsin archive` reads it beside the server.

    serve_archive.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import pathlib
import random
import time

from harness import case, has, json_lines, payment, run_cases, tocsin, wait_for, write
from server_process import Server

# Journal files that are full soon, and checkpoints that let go of them.
OFTEN = ("--journal-segment-bytes", "16KiB", "--checkpoint-every", "100ms")
KEYS = 7


def fill(server, count, first=0):
    """Sends so many payments, a request for each 50; gives them."""
    sent = [payment(i, f"c{i % KEYS}", 5 + i % 40) for i in range(first, first + count)]
    for begin in range(0, count, 50):
        assert server.send(sent[begin:begin + 50]).status == 200
    return sent


def fill_archive(server, files, first=0):
    """Sends payments until the archive has so many files, which takes two checkpoints behind them; gives them."""
    sent = fill(server, 300, first)
    while len(archived_files()) < files and len(sent) < 20_000:
        sent += fill(server, 50, first + len(sent))
        time.sleep(0.05)
    assert len(archived_files()) >= files
    return sent


def archived_files():
    return sorted(pathlib.Path("data/archive").glob("records-*"))


def cat(*arguments):
    return json_lines(tocsin("archive", "cat", "--data", "data", *arguments).out)


def ids(events):
    return [event["id"] for event in events]


@case
def read_beside():
    """all lines, those of a key and those of a time, beside the server, after kill -9 at any time and after its end"""
    sent = []
    for round_ in range(4):
        with Server(*OFTEN) as server:
            sent += fill_archive(server, 2 * round_ + 2, len(sent))
            assert cat() == sent
            assert cat("--key", "card=c3") == sent[3::KEYS]
            sent += fill(server, 200, len(sent))
            time.sleep(random.random() / 5)
            server.process.kill()
            server.process.wait()
        assert cat() == sent
    with Server(*OFTEN) as server:
        sent += fill(server, 1500, len(sent))
        server.end()
    assert cat() == sent
    found = cat("--format", "json", "--key", "card=c3")
    assert [json.loads(one["text"])["card"] for one in found] == ["c3"] * len(found)
    middle = found[len(found) // 2]["ts"]
    late = [one["ts"] for one in cat("--format", "json", "--key", "card=c3", "--from", middle)]
    early = [one["ts"] for one in cat("--format", "json", "--key", "card=c3", "--to", middle)]
    assert early + late == [one["ts"] for one in found] and late[0] == middle
    listed = json_lines(tocsin("archive", "list", "--data", "data", "--format", "json").out)
    assert len(listed) == len(archived_files()) and listed[0]["records"][0] == 1, listed
    assert "files" in tocsin("archive", "list", "--data", "data").out


@case
def damaged():
    """a damaged file is named by `verify` and `cat`, and costs its own events alone"""
    with Server(*OFTEN) as server:
        sent = ids(fill_archive(server, 3))
        server.end()
    assert tocsin("verify", "data").code == 0
    path = archived_files()[1]
    bytes_of = bytearray(path.read_bytes())
    bytes_of[len(bytes_of) // 3] ^= 0x40
    path.write_bytes(bytes_of)
    verified = tocsin("verify", "data", code=5)
    assert str(path) in verified.err and "what to do" in verified.err, verified.err
    read = tocsin("archive", "cat", "--data", "data", code=3)
    assert str(path) in read.err, read.err
    left = ids(json_lines(read.out))
    assert set(left) < set(sent) and len(left) > len(sent) // 4, len(left)


@case
def traced():
    """a trace of the running server is that of the command over its archive, and asks only what it may"""
    with Server(*OFTEN) as server:
        sent = fill_archive(server, 2)
        assert server.ask("GET", "/v1/trace?key=card=c3", token=False).status == 401
        for query, what in [("key=c3", "NAME=VALUE"), ("key=colour=red", "no rule or feature is by these"),
                            ("key=card=c3&rule=nothing", "there is no rule nothing"), ("key=card=c3&from=noon", "a time")]:
            answer = server.ask("GET", f"/v1/trace?{query}")
            assert answer.status in (400, 404) and what in answer.text, (query, answer.status, answer.text)
        answer = server.ask("GET", "/v1/trace?key=card=c3&limit=10000")
        assert answer.status == 200, answer.text
        found = answer.json
        assert [e["event"]["id"] for e in found["entries"] if e["event"]] == ids(sent[3::KEYS])
        assert found["missing"] == [] and found["events"] == len(sent[3::KEYS])
        at = found["entries"][len(found["entries"]) // 2]["time"]
        early = server.ask("GET", f"/v1/trace?key=card=c3&limit=10000&at={at}").json
        assert 0 < early["events"] < found["events"] and early["at"] == at
        assert early["entries"] == found["entries"][:len(early["entries"])]
        server.end()
    pathlib.Path("rules").mkdir(exist_ok=True)
    rules = sorted(str(path) for path in pathlib.Path(".").rglob("*.tocsin") if "data" not in path.parts)
    command = json.loads(tocsin("trace", "card=c3", *rules, "--archive", "data", "--format", "json", "--limit",
                                "10000").out)
    assert command["entries"] == found["entries"] and command["state"] == found["state"]


WATCHED = """
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
list blocked : string = ["c1"]
feature at_place = count(payment) by place over last 1m
rule watched "A blocked card at a busy place" {
  by card
  when payment as p where at_place >= 3 and card in blocked
  alert "{at_place}"
}
"""


@case
def traced_as_it_came():
    """where other keys make a difference the archive is traced as it came: what was late, and lists as they were then"""
    random.seed(5)
    late = []
    with Server("--time-out-of-orderness", "5s", "--time-late-policy", "side", *OFTEN, rules=WATCHED) as server:
        second = 0
        for number in range(120):
            second += random.choice((1, 2, 20))
            events = [payment(second - random.choice((0, 0, 3, 9)), random.choice(("c1", "c2")), number, place="p1") |
                      {"id": f"e{number}-{i}"} for i in range(3)]
            verdicts = server.send(events).json["verdicts"]
            late += [event["id"] for event, verdict in zip(events, verdicts)
                     if verdict["status"] == "late" and event["card"] == "c1"]
            if number % 8 == 0:
                method = random.choice(("POST", "DELETE"))
                assert server.ask(method, "/v1/lists/blocked/entries", {"entries": ["c1"]}).status == 200
        wait_for(lambda: archived_files(), "a file of the archive")
        served = server.ask("GET", "/v1/trace?key=card=c1&limit=10000").json
        server.end()
    alerts = json_lines(tocsin("alerts", "--data", "data").out)
    raised = [alert["id"] for alert in alerts if alert["key"] == {"card": "c1"}]
    command = json.loads(tocsin("trace", "card=c1", "rules.tocsin", "--archive", "data", "--format", "json", "--limit",
                                "10000").out)
    for found in (served, command):
        told = [note["alert"] for entry in found["entries"] for note in entry["notes"] if note["what"] == "alert"]
        # What waited for others when the server ended is taken by a trace.
        assert len(raised) > 20 and told[:len(raised)] == raised and len(told) <= len(raised) + 9, (len(told), len(raised))
        assert [event["id"] for event in found["late"]] == late and len(late) > 5, (found["late"], late)


HISTORY = """
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
feature spent = sum(amount of payment) by card over last 10s
feature dearest = max(amount of payment) by card over last 10s
feature last_id = last(id of payment) by card over last 1d
feature raised = count(alert large) by card over last 1d
feature others = count(payment) by place over last 1d
rule large "A large one" { by card when payment as p where amount > 40 alert "{card}" }
rule pair "Two small ones, then a large one" {
  by card
  when 2 payment as small where amount < 10 then payment as big where amount > 40
  within 1m
  alert "{card}"
}
"""


def naive_history(events):
    """What each feature of c1 is after each of its events, in order."""
    points, own, raised = [], [], 0
    for event in events:
        own.append(event)
        raised += event["amount"] > 40
        near = [one for one in own if one["ts"] > event["ts"] - 10_000_000]
        points.append((event["id"], [sum(one["amount"] for one in near), max(one["amount"] for one in near), event["id"], raised]))
    return points


@case
def history_of_a_key():
    """the features of a key at each of its events are those of a naive reading, up to limits that are said"""
    chosen = random.Random(7)
    sent, second = [], 0
    for i in range(1200):
        second += chosen.choice((0, 1, 3, 8))
        sent.append(payment(second, f"c{chosen.randrange(4)}", chosen.choice((5, 20, 45))) | {"id": f"e{i}"})
    own = [event for event in sent if event["card"] == "c1"]
    expected = naive_history(own)
    for rules in (HISTORY, HISTORY.replace("feature raised = count(alert large) by card over last 1d\n", "")):
        with Server(*OFTEN, rules=rules, data=f"data{len(rules)}") as server:
            for begin in range(0, len(sent), 50):
                assert server.send(sent[begin:begin + 50]).status == 200
            names = ["spent", "dearest", "last_id"] + ["raised"] * ("raised" in rules)

            def history(query=""):
                answer = server.ask("GET", f"/v1/keys/card=c1/history?{query}")
                assert answer.status == 200, answer
                return answer.json

            def told(found):
                return [(point["event"]["id"], point["values"]) for point in found["points"]]
            wanted = [(name, values[:len(names)]) for name, values in expected]
            whole = history("limit=10000")
            assert whole["features"] == names and whole["rules"] == ["pair"], whole
            assert told(whole) == wanted, next((a, b) for a, b in zip(told(whole), wanted) if a != b)
            assert whole["complete"] and whole["older"] == 0 and whole["missing"] == [] and whole["ended_at"] is None
            # Where another key makes a difference all events are replayed.
            assert whole["replayed"] == (len(sent) if "raised" in rules else len(own))
            now = server.ask("GET", "/v1/keys/card=c1").json["reports"][0]
            open_now = [len(one["matches"]) + one["more_matches"] for one in now["rules"] if one["rule"] == "pair"] or [0]
            assert max(point["matches"][0] for point in whole["points"]) > 0
            assert whole["points"][-1]["time"] <= now["at"] and open_now[0] <= max(whole["points"][-1]["matches"][0], 0), now
            newest = history("limit=20")
            assert told(newest) == wanted[-20:] and newest["older"] == len(own) - 20 and newest["points_max"] == 20
            middle = whole["points"][len(own) // 2]["time"]
            late = history(f"limit=10000&from={middle}")
            early = history(f"limit=10000&to={middle}")
            assert told(early) + told(late) == wanted and early["points"] and late["older"] == 0
            # Replayed from there on, windows begin with nothing.
            begun = history(f"limit=10000&since={middle}")
            assert [one for one, _ in told(begun)] == [one for one, _ in told(late)]
            assert told(begun)[0][1][0] <= told(late)[0][1][0] and told(begun)[-1][1][0] == wanted[-1][1][0]
            for query, what in (("from=noon", "a time"), ("to=noon", "a time"), ("limit=0", "limit")):
                answer = server.ask("GET", f"/v1/keys/card=c1/history?{query}")
                assert answer.problem() == "bad-parameter" and what in answer.text, answer
            assert server.ask("GET", "/v1/keys/colour=red/history").status == 404
            assert server.ask("GET", "/v1/keys/card=never/history").json["points"] == []
            server.end()
    with Server(*OFTEN, "--history-events-max", "50", "--history-values-max", "40", rules=None, data=f"data{len(rules)}") as server:
        cut = server.ask("GET", "/v1/keys/card=c1/history").json
        # Four values a point: three features, and a rule.
        assert not cut["complete"] and cut["replayed"] == 50 and cut["points_max"] == 10 and cut["older"] == 40, cut
        assert told(cut) == wanted[40:50] and cut["ended_at"] == whole["points"][50]["time"], cut
        server.end()


BY_SHOP = """
event payment { ts: time, id: string id, card: string pii, amount: decimal(2), shop: string?, number: int? }
event visit { ts: time, shop: string }
rule busy "Two at a shop" { by shop when 2 payment as p within 1h alert "{shop}" }
rule seen "A visit, then a payment" { by shop when visit as v then payment as p within 1h alert "{shop}" }
rule twice "Two of a card" { by card when 2 payment as p within 1h alert "{card}" }
"""


def pages_of(server, query, limit, meanwhile=lambda: None, **options):
    """The events of all pages, and how many pages they are; `meanwhile` is done between them."""
    listed, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        answer = server.ask("GET", f"/v1/keys/{query}limit={limit}{'&cursor=' + cursor if cursor else ''}", **options)
        assert answer.status == 200, answer
        assert len(answer.json["events"]) <= limit and answer.json["complete"] and answer.json["ended_at"] is None
        listed += answer.json["events"]
        cursor, pages = answer.json.get("next", ""), pages + 1
        meanwhile()
    return listed, pages


@case
def events_of_a_key():
    """the events of a key are those of the archive, the newest arrival first, page by page each once while others come in"""
    with Server(*OFTEN) as server:
        sent = fill_archive(server, 2)
        own = [event["id"] for event in sent if event["card"] == "c3"][::-1]
        more = iter(range(len(sent), len(sent) + 100_000))
        listed, pages = pages_of(server, "card=c3/events?", 37, lambda: server.send([payment(next(more), "c3", 7)]))
        assert ids(listed) == own and pages == -(-len(own) // 37), (len(listed), len(own), pages)
        places = [tuple(map(int, event["arrival"].split(":"))) for event in listed]
        assert places == sorted(set(places), reverse=True)
        assert {event["source"] for event in listed} == {"http"} and listed[0]["taken_at"] > listed[-1]["taken_at"]
        whole = server.ask("GET", "/v1/keys/card=c3/events?limit=1000").json
        assert whole["examined"] >= len(own) + pages and whole["missing"] == []
        middle = listed[len(own) // 2]["time"]
        late, _ = pages_of(server, f"card=c3/events?from={middle}&", 200)
        early, _ = pages_of(server, f"card=c3/events?to={middle}&", 200)
        assert ids(late + early)[-len(own):] == own and late[-1]["time"] == middle, (late[-1], middle)
        for query, problem, what in (("from=noon", "bad-parameter", "a time"), ("to=noon", "bad-parameter", "a time"),
                                     ("limit=0", "bad-parameter", "limit"), ("limit=1001", "bad-parameter", "limit"),
                                     ("cursor=x", "bad-parameter", "`next` of the page before"),
                                     ("cursor=1:", "bad-parameter", "`next` of the page before"),
                                     ("curser=1:1", "bad-parameter", "did you mean cursor?")):
            answer = server.ask("GET", f"/v1/keys/card=c3/events?{query}")
            assert answer.problem() == problem and what in answer.text, (query, answer)
        for key, status, what in (("c3", 400, "NAME=VALUE"), ("colour=red", 404, "no rule or feature is by these")):
            answer = server.ask("GET", f"/v1/keys/{key}/events")
            assert answer.status == status and what in answer.text, (key, answer)
        assert server.ask("GET", "/v1/keys/card=c3/events", token=False).status == 401
        nothing = server.ask("GET", "/v1/keys/card=never/events").json
        assert nothing["events"] == [] and nothing["examined"] == 0 and "next" not in nothing
        assert "listKeyEvents" in [entry["action"] for entry in server.ask("GET", "/v1/audit?limit=5").json["entries"]]
        server.end()
    with Server(*OFTEN, "--history-events-max", "10", "--history-values-max", "15", rules=None) as server:
        cut = server.ask("GET", "/v1/keys/card=c3/events").json
        oldest = own[::-1]
        assert not cut["complete"] and cut["examined"] == 10 and cut["ended_at"] is not None, cut
        # Five fields an event: three events are fifteen values.
        assert ids(cut["events"]) == oldest[7:10][::-1], (cut, oldest[:10])
        before = server.ask("GET", f"/v1/keys/card=c3/events?cursor={cut['next']}").json
        assert before["complete"] and ids(before["events"]) == oldest[4:7][::-1], before
        server.end()


@case
def fields_of_events():
    """events of a key have their fields with all digits, every arrival of a duplicate, and marks for who does not see pii"""
    def line(second, **fields):
        text = "".join(f', "{name}": {value}' for name, value in fields.items())
        return f'{{"type": "payment", "ts": {payment(second)["ts"]}, "id": "e{second}"{text}}}'
    with Server(*OFTEN, rules=BY_SHOP) as server:
        server.send("\n".join([line(1, card='"visa-4111"', amount="1234567890123.40", shop='"s1"', number="9007199254740993", other="1"),
                               line(2, card='"visa-4112"', amount="900.00", shop='"s1"'), line(2, card='"visa-4112"', amount="900.00", shop='"s1"'),
                               line(3, card='"visa-4113"', amount="1.005", shop='"s1"'),
                               f'{{"type": "visit", "ts": {payment(4)["ts"]}, "shop": "s1"}}', "no event"]))
        answer = server.ask("GET", "/v1/keys/shop=s1/events")
        assert answer.status == 200, answer
        visit, wrong, again, second, first = answer.json["events"]
        assert '"fields":{"id":"e1","card":"visa-4111","amount":1234567890123.40,"shop":"s1","number":9007199254740993}' in answer.text, answer.text
        assert '"amount":900.00' in answer.text and again["arrival"] != second["arrival"]
        assert {name: again[name] for name in ("id", "time", "fields")} == {name: second[name] for name in ("id", "time", "fields")}
        assert wrong["fields"] == {"id": "e3", "card": "visa-4113", "shop": "s1"}, wrong
        assert visit["type"] == "visit" and visit["id"] is None and visit["fields"] == {"shop": "s1"}, visit
        assert first["time"] == "2026-03-02T12:00:01Z" and first["id"] == "e1", first

        def token(name, **more):
            return server.ask("POST", "/v1/tokens", {"name": name, "role": "reader", **more}).json["token"]
        reader, seeing, limited = token("reader"), token("seeing", pii=True), token("limited", types=["visit"], pii=True)
        masked = server.ask("GET", "/v1/keys/shop=s1/events", token=reader)
        marks = [event["fields"].get("card", "") for event in masked.json["events"]]
        assert "visa" not in masked.text and marks[2] == marks[3] != marks[4], masked.text
        assert all(mark.startswith("\u2022\u2022\u2022") for mark in marks[1:]) and masked.json["events"][2]["id"] == "e2"
        assert server.ask("GET", "/v1/keys/shop=s1/events", token=seeing).json["events"] == answer.json["events"]
        # A card that finds events would tell whose mark it is that they show.
        assert server.ask("GET", "/v1/keys/card=visa-4111/events", token=reader).problem() == "forbidden"
        assert ids(server.ask("GET", "/v1/keys/card=visa-4111/events", token=seeing).json["events"]) == ["e1"]
        only = server.ask("GET", "/v1/keys/shop=s1/events", token=limited).json
        assert [event["type"] for event in only["events"]] == ["visit"] and only["examined"] == 1, only
        tagged = token("tagged", tags=["x"])
        assert server.ask("GET", "/v1/keys/shop=s1/events", token=tagged).problem() == "forbidden"
        reads = [entry for entry in server.ask("GET", "/v1/audit?action=listKeyEvents").json["entries"]]
        assert all(entry.get("read_by") == "key" for entry in reads if entry["result"] == "done") and "s1" not in json.dumps(reads), reads
        assert {entry["actor"] for entry in reads if entry.get("pii")} == {"admin", "seeing", "limited"}, reads
        server.end()
    # Without an archive it is what the journal still has.
    with Server(*OFTEN, "--archive-enabled", "false", data="plain") as server:
        server.send([payment(1, "c1", 5)])
        assert ids(server.ask("GET", "/v1/keys/card=c1/events").json["events"]) == ["c1-1"]
        assert len(server.ask("GET", "/v1/keys/card=c1/history").json["points"]) == 1
        server.end()


@case
def silenced():
    """a trace says which alerts a silence kept from being delivered, by whom and why, also after its end"""
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    with Server() as server:
        server.send([payment(0, "c1", 500), payment(1, "c2", 500)], "?wait=alerts&timeout=5s")
        made = server.ask("POST", "/v1/silences", {"filter": {"key": {"card": "c1"}, "rules": ["large"]}, "until": until,
                                                   "reason": "a card of our own"}).json
        server.send([payment(2, "c1", 500), payment(3, "c2", 500)], "?wait=alerts&timeout=5s")

        def told(found):
            return {entry["event"]["id"]: note.get("silenced") for entry in found["entries"] for note in entry["notes"]
                    if note["rule"] == "large" and note["what"] == "alert"}

        def traced_by(card):
            return server.ask("GET", f"/v1/trace?key=card={card}&rule=large").json
        details = {"silence": made["id"], "until": until, "created_by": made["created_by"], "reason": "a card of our own"}
        assert told(traced_by("c1")) == {"c1-0": None, "c1-2": details}
        assert told(traced_by("c2")) == {"c2-1": None, "c2-3": None}
        command = ("trace", "card=c1", "rules.tocsin", "--rule", "large", "--archive", "data")
        # Beside the server, and by the data directory alone.
        assert told(json.loads(tocsin(*command, "--format", "json").out)) == told(traced_by("c1"))
        ended = server.ask("DELETE", f"/v1/silences/{made['id']}").json
        assert told(traced_by("c1"))["c1-2"]["until"] == ended["until"] <= until
        server.end()
    has(tocsin(*command).out, f"; not delivered: silenced until {ended['until']} by {made['created_by']}: a card of our own")
    # Files know nothing of it.
    write("events.ndjson", [payment(2, "c1", 500)])
    assert "silenced" not in tocsin("trace", "card=c1", "rules.tocsin", "--rule", "large", "--input", "events.ndjson").out


@case
def refused():
    """what cannot be asked says why; without an archive there is none"""
    with Server(*OFTEN, "--archive-enabled", "false") as server:
        fill(server, 600)
        server.end()
    assert archived_files() == []
    for arguments, what in [(("--from", "yesterday"), "a time is written"), (("--key", "c1"), "NAME=VALUE"),
                            (("--key", "colour=red"), "no rule or feature is by these")]:
        said = tocsin("archive", "cat", "--data", "data", *arguments, code=2).err
        assert what in said, said
    assert tocsin("archive", "list", "--data", "nowhere", code=5).err


run_cases()
