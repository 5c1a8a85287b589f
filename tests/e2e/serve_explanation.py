#!/usr/bin/env python3
"""Why an alert was raised: `GET /v1/alerts/ID/explanation` replays its key and says what stood in each condition.

    serve_explanation.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import time

from harness import case, has, payment, run_cases
from server_process import Server

# Journal files that are full soon, and checkpoints that let go of them.
OFTEN = ("--journal-segment-bytes", "16KiB", "--checkpoint-every", "100ms")
SCHEMA = """
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
"""
BURST = """
list watched : string = ["p0"]
feature spend = sum(amount of payment) by card over last 1h
rule burst "Small ones that grow, then a large one at a watched place" {
  by card
  when 2+ payment as small where amount < 5 and amount >= prev.amount
    then payment as big where amount > 20 * avg(small.amount) and place in watched and spend > 100
  within 10m
  having count(small) >= 2 and big.amount > small.last.amount
  alert "{count(small)} small, then {big.amount}"
}
"""


def change(server, rules):
    etag = server.ask("GET", "/v1/pack").headers["ETag"]
    put = server.ask("PUT", "/v1/pack", {"files": {"rules.tocsin": rules}}, headers={"If-Match": etag})
    assert put.status == 200, put


def explained(server, rule, **more):
    alert = server.ask("GET", f"/v1/alerts?rule={rule}").json["alerts"][0]["alert"]
    answer = server.ask("GET", f"/v1/alerts/{alert['id']}/explanation", **more)
    assert answer.status == 200, answer
    assert answer.json["alert"] == alert["id"] and answer.json["rule"] == rule
    return answer.json


def events_of(found):
    return [event for step in found["steps"] for event in step["events"]]


def told(event):
    """Its conditions, each with its result and the values that stood in it."""
    return [(one["condition"], one["result"], {value["name"]: value["value"] for value in one["values"]})
            for one in event["conditions"]]


SMALL_THEN_BIG = [payment(10, "c1", 1.25), payment(15, "c2", 4.00), payment(20, "c1", 2.50), payment(25, "c1", 70.00),
                  payment(30, "c1", 900.00, place="p1"), payment(40, "c1", 3.00)]


def check_burst(found):
    assert [step["step"] for step in found["steps"]] == ["small", "big"], found
    events = events_of(found)
    assert [event["id"] for event in events] == ["c1-10", "c1-20", "c1-30"] and all(event["kept"] for event in events)
    assert told(events[0]) == [("amount < 5", True, {"amount": "1.25"})], events[0]
    assert told(events[1]) == [("amount < 5", True, {"amount": "2.50"}),
                               ("amount >= prev.amount", True, {"amount": "2.50", "prev.amount": "1.25"})], events[1]
    assert told(events[2]) == [
        ("amount > 20 * avg(small.amount)", True, {"amount": "900.00", "avg(small.amount)": "1.875000000"}),
        ("place in watched", True, {"place": "p1"}), ("spend > 100", True, {"spend": "973.75"})], events[2]
    assert [value["from"] for one in events[2]["conditions"] for value in one["values"]] == ["event", "step", "event", "feature"]
    assert told(found) == [("count(small) >= 2", True, {"count(small)": "2"}),
                           ("big.amount > small.last.amount", True, {"big.amount": "900.00", "small.last.amount": "2.50"})], found
    assert {one["clause"] for one in found["conditions"]} == {"having"}


@case
def stood():
    """each condition has the values of its time: of events, earlier steps, features and lists, by the rule of that time"""
    with Server(rules=SCHEMA + BURST) as server:
        entries = "/v1/lists/watched/entries"
        assert server.ask("POST", entries, {"entries": ["p1"]}).status == 200
        assert server.send(SMALL_THEN_BIG, "?wait=alerts&timeout=5s").status == 200
        found = explained(server, "burst")
        check_burst(found)
        assert (found["history"], found["lists"], found["whole"], found["missing"]) == ("replayed", "then", True, []), found
        assert found["version"]["version"] == 1 and found["version"]["current"] is True
        # What the list holds now, and what the rule says now, is another matter.
        assert server.ask("DELETE", entries, {"entries": ["p1"]}).status == 200
        time.sleep(0.01)  # the version is of a later time
        change(server, SCHEMA + BURST.replace("amount < 5", "amount < 4.99").replace("spend > 100", "spend > 101"))
        later = explained(server, "burst")
        check_burst(later)
        assert later["version"] == found["version"] | {"current": False} and later["history"] == "replayed", later
        change(server, SCHEMA)
        assert explained(server, "burst")["steps"] == later["steps"]
        missing = server.ask("GET", "/v1/alerts/" + "0" * 32 + "/explanation")
        assert missing.status == 404 and "there is no alert" in missing.text, missing
        server.end()


@case
def no_time_for_lists():
    """what lists held then is not read where there is no time for it: the answer says so, the limit and what to do"""
    with Server(*OFTEN, "--history-lists-time", "1ms", rules=SCHEMA + BURST) as server:
        assert server.ask("POST", "/v1/lists/watched/entries", {"entries": ["p1"]}).status == 200
        second, found = 0, None
        while found is None or found["lists"] != "now":  # until the archive is too large for it
            assert second < 50_000, found
            for _ in range(10):
                server.send([payment(second + i, f"k{i}", 300.00) for i in range(500)])
                second += 500
            assert server.ask("POST", "/v1/checkpoints").status in (200, 201, 202)
            burst = [payment(second, "c1", 1.25), payment(second + 1, "c1", 2.50), payment(second + 2, "c1", 900.00, place="p1")]
            assert server.send(burst, "?wait=alerts&timeout=5s").status == 200
            second += 1000
            found = explained(server, "burst")
            assert found["history"] == "replayed" and len(events_of(found)) == 3, found
        [said] = found["missing"]
        has(said, "what lists and tables held then", "was not read within 1ms (history.lists_time)", "raise it",
            "tocsin trace --archive")
        server.end()


@case
def other_keys():
    """alerts of other rules in the replay, whose keys have parts of other kinds, are passed over"""
    rules = SCHEMA + """
rule by_amount "A payment, by its amount" { by amount when payment alert "{amount}" }
rule by_card "A payment, by its card" { by card when payment as p where p.amount > 3 alert "{p.amount}" }
rule by_place "A payment, by its place" { by place when payment alert "{place}" }
rule of_all "Any payment" { when payment as p where p.amount > 3 alert "{p.amount}" }
"""
    with Server(rules=rules) as server:
        sent = [payment(10, "c1", 4.00, place="p1"), payment(11, "c2", 2.00), payment(12, "c2", 8.00, place="p1")]
        assert server.send(sent, "?wait=alerts&timeout=5s").status == 200
        for rule in ("by_amount", "by_card", "by_place", "of_all"):
            found = explained(server, rule)
            assert found["history"] == "replayed" and len(events_of(found)) == 1, found
        assert server.ask("GET", "/readyz").status == 200
        server.end()


OTHERS = SCHEMA + """
feature at_place = count(payment) by place over last 1m
table limits key place { most: decimal(2) } = { "p1": { most: 50.00 } }
rule quiet "A large one, and nothing after it" {
  by card
  when payment as p where amount > limits[place].most then no payment for 1m
  alert "{p.amount}"
}
rule busy "Cards at a busy place" {
  when payment where at_place >= 3
  alert "busy"
}
rule session "A session" {
  by card
  when session of payment gap 5m as s where count(s) >= 3
  having sum(s.amount) > 10
  except "a test" where card = "test"
  alert "{count(s)}"
}
"""


@case
def kinds_of_rules():
    """an alert of a deadline, of a window, and of a rule without a key, whose features are by another one"""
    with Server(rules=OTHERS) as server:
        sent = [payment(0, "c1", 60.00, place="p1"), payment(70, "c2", 7.00, place="p2"), payment(80, "c2", 7.00, place="p2"),
                payment(90, "c2", 7.00, place="p2"), payment(1000, "c3", 1.00)]
        assert server.send(sent, "?wait=alerts&timeout=5s").status == 200
        quiet = explained(server, "quiet")
        assert quiet["history"] == "replayed", quiet
        assert told(events_of(quiet)[0]) == [("amount > limits[place].most", True, {
            "amount": "60.00", "place": "p1", "limits[place].most": "50.00"})], quiet
        assert events_of(quiet)[0]["conditions"][0]["values"][2]["from"] == "table"
        busy = explained(server, "busy")
        assert busy["history"] == "replayed" and told(events_of(busy)[0]) == [("at_place >= 3", True, {"at_place": "3"})], busy
        session = explained(server, "session")
        assert session["history"] == "replayed", session
        assert [one["clause"] for one in session["conditions"]] == ["window", "having", "except"], session
        assert told(session) == [("count(s) >= 3", True, {"count(s)": "3"}), ("sum(s.amount) > 10", True, {"sum(s.amount)": "21.00"}),
                                 ('card = "test"', False, {"card": "c2"})], session
        server.end()


LONG = SCHEMA + """
rule long "Many, each no smaller than the one before" {
  by card
  when 120 next payment as many where amount >= prev.amount then payment as last where amount > 2 * max(many.amount)
  within 1h
  alert "{count(many)}"
}
"""


@case
def long_loops():
    """of a long loop the first and the last events say what they were compared with; the others say that it is not known"""
    with Server(rules=LONG) as server:
        sent = [payment(number, "c1", round(1 + number / 100, 2)) for number in range(120)] + [payment(200, "c1", 900.00)]
        assert server.send(sent, "?wait=alerts&timeout=5s").status == 200
        found = explained(server, "long")
        events = events_of(found)
        assert found["history"] == "replayed" and len(events) + found["events_more"] == 121, found
        known = [one["known"] for event in events for one in event["conditions"]]
        assert known == [True] * 32 + [False] * (len(known) - 64) + [True] * 32 and len(known) == 120, known
        assert told(events[1]) == [("amount >= prev.amount", True, {"amount": "1.01", "prev.amount": "1.00"})], events[1]
        assert told(events[-1]) == [("amount > 2 * max(many.amount)", True, {"amount": "900.00", "max(many.amount)": "2.19"})]
        assert told(events[60]) == [("amount >= prev.amount", None, {})], events[60]
        server.end()


@case
def no_history():
    """without an archive, and where it does not reach back, it says so: the conditions stay, and no value is made up"""
    with Server(*OFTEN, "--archive-enabled", "false", rules=SCHEMA + BURST.replace(' = ["p0"]', ' = ["p1"]')) as server:
        assert server.send(SMALL_THEN_BIG, "?wait=alerts&timeout=5s").status == 200
        assert explained(server, "burst")["history"] == "replayed"  # the journal has it still
        second = 100
        found = None
        while found is None or found["history"] != "none":
            assert second < 50_000, found
            for _ in range(10):
                server.send([payment(second + i, f"k{i}", 300.00) for i in range(50)])
                second += 50
            assert server.ask("POST", "/v1/checkpoints").status in (200, 201, 202)
            found = explained(server, "burst")
        assert found["history"] == "none" and found["text"].startswith("No history is kept") and found["whole"] is False, found
        events = events_of(found)
        assert [event["id"] for event in events] == ["c1-10", "c1-20", "c1-30"] and not any(event["kept"] for event in events)
        assert [one["condition"] for one in events[2]["conditions"]] == [
            "amount > 20 * avg(small.amount)", "place in watched", "spend > 100"], events[2]
        assert all(not one["known"] and one["result"] is None and not one["values"]
                   for event in [*events, found] for one in event["conditions"]), found
        server.end()


PERSONAL = """
event payment { ts: time, id: string id, card: string pii, holder: string? pii, amount: decimal(2) }
rule large "A large payment" {
  by card
  when payment as p where amount > 100 and holder != "nobody" and card != "0"
  alert "{p.amount}" { who: p.holder }
}
"""
SECRETS = ("4111222233334444", "Ada Lovelace")


@case
def masked():
    """who does not see personal data is shown marks for values that are made of it, those of the alert; reads are entries"""
    with Server(rules=PERSONAL) as server:
        assert server.send([payment(1, SECRETS[0], 200, holder=SECRETS[1], id="e1")], "?wait=alerts&timeout=5s").status == 200
        tokens = {name: server.ask("POST", "/v1/tokens", {"name": name, "role": name}).json["token"] for name in ("reader", "analyst")}
        for name, token in tokens.items():
            found = explained(server, "large", token=token)
            shown = server.ask("GET", f"/v1/alerts/{found['alert']}", token=token)
            alert = shown.json["alert"]
            assert found["history"] == "replayed" and events_of(found)[0]["fields"] == alert["events"][0]["fields"], found
            assert told(events_of(found)[0]) == [
                ("amount > 100", True, {"amount": "200.00"}), ('holder != "nobody"', True, {"holder": alert["fields"]["who"]}),
                ('card != "0"', True, {"card": alert["key"]["card"]})], found
            assert all((secret in json.dumps(found)) == (name == "analyst") for secret in SECRETS), (name, found)
        entries = [one for one in server.ask("GET", "/v1/audit").json["entries"] if one["action"] == "explainAlert"]
        assert {(one["actor"], one["read_by"], one.get("pii")) for one in entries} == {
            ("reader", "key", None), ("analyst", "key", True)}, entries
        assert not any(SECRETS[0] in json.dumps(one) for one in entries), entries
        server.end()


run_cases()
