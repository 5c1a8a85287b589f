#!/usr/bin/env python3
"""`tocsin trace`: what rules did with each event of a key, against a naive reading of the same rules.

    trace.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import random

from harness import RULES, case, confirmation, has, payment, run_cases, tocsin, write

# A loop, an absence between steps, a condition on an earlier event, suppression; another key; a window.
PACK = """\
event payment { ts: time, id: string id, card: string, merchant: string?, amount: decimal(2) }
event confirmation { ts: time, id: string id, card: string }

feature spent = sum(amount of payment) by card over last 10m

rule testing "Case" {
  by card
  when 2+ payment as probes where amount < 2.00
    then no confirmation
    then payment as hit where amount > 50.00 and amount > 20 * probes.last.amount
  within 5m
  once per 10m
  alert "{card}"
}
rule busy "Case" { by card when payment as p where spent > 300.00 alert "{card}" }
rule shop "Case" { by merchant when payment as p where amount > 10.00 alert "{merchant}" }
rule quiet "Case" { by card status shadow when payment as p where amount > 90.00 alert "{card}" }
"""


def trace(*arguments, **options):
    return json.loads(tocsin("trace", *arguments, "--format", "json", **options).out)


def notes(entry, rule, what):
    return [note for note in entry["notes"] if note["rule"] == rule and note["what"] == what]


def stream(randomness, count, cards):
    events = []
    second = 0
    for i in range(count):
        second += randomness.choice((1, 5, 20, 90, 400))
        card = randomness.choice(cards)
        if randomness.random() < 0.15:
            events.append({**confirmation(second, card), "id": f"e{i}"})
        else:
            amount = randomness.choice((0.5, 1.0, 1.99, 2.0, 30.0, 49.0, 60.0, 95.0))
            events.append(payment(second, card, amount, merchant="m1") | {"id": f"e{i}"})
    return events


@case
def each_event_once():
    """every event of the key stands once, in order, with its fields; alerts are those of `run`; conditions are true"""
    write("rules.tocsin", PACK)
    for seed in range(12):
        events = stream(random.Random(seed), 150, ("c1", "c2", "c3"))
        write("events.ndjson", events)
        found = trace("card=c1", "rules.tocsin", "--input", "events.ndjson")
        own = [event for event in events if event["card"] == "c1"]
        shown = [entry for entry in found["entries"] if entry["event"]]
        assert [entry["event"]["id"] for entry in shown] == [event["id"] for event in own], seed
        assert found["events"] == len(own)
        assert found["rules"] == ["testing", "busy", "quiet"]
        assert found["not_traced"] == [{"rule": "shop", "reason": "is by merchant"}]
        alerts = tocsin("run", "rules.tocsin", "--input", "events.ndjson", "--quiet").alerts()
        raised = [alert["id"] for alert in alerts if alert.get("key") == {"card": "c1"}]
        told = [note["alert"] for entry in found["entries"] for note in entry["notes"]
                if note["what"] == "alert" and note["status"] == "live"]
        assert told == raised, seed
        naive(found["entries"], own)


def naive(entries, events):
    """Reads the rules by hand."""
    by_id = {event["id"]: event for event in events}
    for entry in entries:
        if not entry["event"]:
            continue
        event = by_id[entry["event"]["id"]]
        amount = event.get("amount")
        if amount is None:
            assert not notes(entry, "quiet", "refused")
            continue
        assert entry["event"]["fields"]["amount"] == amount
        # A rule of one event: it alerts, or its condition is false, with this value.
        refused = notes(entry, "quiet", "refused")
        assert bool(refused) == (amount <= 90), (entry, event)
        if refused:
            condition = refused[0]["conditions"]
            assert condition == [{"condition": "amount > 90.00", "result": False, "values": {"amount": amount}}]
        else:
            assert notes(entry, "quiet", "alert")[0]["status"] == "shadow"
        since = event["ts"] - 600_000_000
        spent = sum(e.get("amount", 0) for e in events if since < e["ts"] <= event["ts"])
        refused = notes(entry, "busy", "refused")
        assert bool(refused) == (spent <= 300), (entry, spent)
        if refused:
            assert abs(refused[0]["conditions"][0]["values"]["spent"] - spent) < 0.001, (refused, spent)
        for note in notes(entry, "testing", "taken"):
            assert event["ts"] - by_id[note["events"][0]["id"]]["ts"] < 300_000_000
            assert all(by_id[e["id"]]["amount"] < 2 for e in note["events"] if e["as"] == "probes")
        for note in notes(entry, "testing", "refused"):
            if note["step"] != 2:
                continue
            probes = [by_id[e["id"]] for e in note["events"]]
            assert all(probe["amount"] < 2 for probe in probes) and len(probes) + note["events_more"] >= 2
            assert event["ts"] - probes[0]["ts"] < 300_000_000
            between = [e for e in events if probes[-1]["ts"] < e["ts"] < event["ts"] and "amount" not in e]
            assert not between, (note, between)
            assert amount <= 50 or amount <= 20 * probes[-1]["amount"], note
            wrong = {c["condition"] for c in note["conditions"]}
            assert ("amount > 50.00" in wrong) == (amount <= 50)


@case
def what_ended_it():
    """what ended a partial match, and what kept an alert back, is said with its event, its time and its clause"""
    write("rules.tocsin", PACK)
    events = [payment(0, amount=1), payment(10, amount=1), confirmation(20), payment(30, amount=60),
              payment(400, amount=1), payment(410, amount=1), payment(420, amount=60), payment(430, amount=60),
              payment(1200, amount=1), payment(2000, amount=30)]
    write("events.ndjson", events)
    found = trace("card=c1", "rules.tocsin", "--rule", "testing", "--input", "events.ndjson")
    what = [(entry["time"][11:19], note["what"]) for entry in found["entries"] for note in entry["notes"]]
    assert ("12:00:20", "ended") in what and ("12:07:00", "alert") in what, what
    assert ("12:07:10", "no_alert") in what and ("12:25:00", "expired") in what, what
    held = next(n for e in found["entries"] for n in e["notes"] if n["what"] == "no_alert")
    assert held["reason"] == "once", held
    has(held["text"], "`once per 10m`", "2026-03-02T12:07:00Z", "quiet until 2026-03-02T12:17:00Z")
    text = tocsin("trace", "card=c1", "rules.tocsin", "--rule", "testing", "--input", "events.ndjson").out
    has(text, "card=c1: testing", "`no confirmation`: the confirmation", "10 events of the key")


@case
def at_a_time():
    """--at takes nothing later and shows the state then; deadlines after it have not passed"""
    write("rules.tocsin", RULES)
    write("events.ndjson", [payment(0, amount=2000), payment(1, "c2", 2000), payment(400, amount=5)])
    early = trace("card=c1", "rules.tocsin", "--rule", "unconfirmed", "--input", "events.ndjson",
                  "--at", "2026-03-02T12:04:00Z")
    assert early["at"] == "2026-03-02T12:04:00Z" and early["events"] == 1 and early["alerts"] == 0
    match = early["state"][0]["rules"][0]["matches"][0]
    assert match["complete"] and match["deadline"] == "2026-03-02T12:05:00Z"
    later = trace("card=c1", "rules.tocsin", "--rule", "unconfirmed", "--input", "events.ndjson",
                  "--at", "2026-03-02T12:05:00Z")
    assert later["events"] == 1 and later["alerts"] == 1 and not later["state"][0]["rules"]
    assert later["entries"][-1]["event"] is None


@case
def late_and_limit():
    """late events of the key are listed apart; --limit keeps the newest and says what is left out"""
    write("rules.tocsin", RULES)
    write("events.ndjson", [payment(i, amount=i) for i in range(50)] + [payment(7.5), payment(8.5, "c2")])
    found = trace("card=c1", "rules.tocsin", "--rule", "large", "--input", "events.ndjson", "--limit", "10")
    assert found["older"] == 40 and found["events"] == 50 and len(found["entries"]) == 10
    assert [one["id"] for one in found["late"]] == ["c1-7.5"] and found["late"][0]["line"] == 51
    has(tocsin("trace", "card=c1", "rules.tocsin", "--input", "events.ndjson", "--limit", "10").out,
        "40 earlier events are left out: raise --limit 10", "late by 41s500ms, and dropped (events.ndjson:51)")


@case
def newest():
    """what is shown of the newest events is the same however many are shown, though nothing is said of those before"""
    write("rules.tocsin", PACK + """
feature at_merchant = count(payment) by merchant over last 1h
rule crowded "Case" { by card when payment as p where at_merchant > 3 alert "x" }
rule session "Case" { by card when session of payment gap 2m as all where count(all) >= 6 alert "x" }
""")
    for seed, rules in ((1, ("testing", "busy", "quiet", "session")), (2, ("testing",)), (3, ("crowded", "testing"))):
        write("events.ndjson", stream(random.Random(seed), 2500, ("c1", "c1", "c1", "c2")))
        chosen = ["--input", "events.ndjson", *(part for rule in rules for part in ("--rule", rule))]
        whole = trace("card=c1", "rules.tocsin", *chosen, "--limit", "100000")
        assert whole["older"] == 0 and whole["events"] > 1500, whole["events"]
        for limit in (1, 9, 300, 1100):
            found = trace("card=c1", "rules.tocsin", *chosen, "--limit", str(limit))
            assert found.pop("entries") == whole["entries"][-limit:], (seed, limit)
            left_out = [entry for entry in whole["entries"][:-limit] if entry["event"]]
            assert found.pop("older") == len(left_out), (seed, limit)
            assert found == {name: value for name, value in whole.items() if name not in ("entries", "older")}


@case
def keys():
    """keys of several parts, of numbers, decimals and booleans, roles, and rules without a key"""
    write("rules.tocsin", """\
event payment { ts: time, id: string id, card: string, shop: int, rate: decimal(2), web: bool, amount: int }
event transfer { ts: time, id: string id, from: string, to: string, amount: int }
rule pair "Case" { by card, shop when payment as p where amount > 5 alert "x" }
rule plain "Case" { by rate, web when payment as p where amount > 5 alert "x" }
rule all "Case" { when payment as p where amount > 5 alert "x" }
""")
    events = [{"type": "payment", "ts": f"2026-03-02T12:00:{i:02}Z", "id": f"p{i}", "card": f"c{i % 2}", "shop": i % 3,
               "rate": 1.5 if i % 4 else 2.25, "web": i % 5 == 0, "amount": i} for i in range(12)]
    write("events.ndjson", events)

    def ids(*arguments):
        found = trace(*arguments, "rules.tocsin", "--input", "events.ndjson")
        return found["rules"], [entry["event"]["id"] for entry in found["entries"]]
    assert ids("shop=2", "card=c1") == (["pair"], ["p5", "p11"])
    assert ids("rate=2.25", "web=false") == (["plain"], ["p4", "p8"])
    assert ids()[0] == ["all"] and len(ids()[1]) == 12


@case
def other_keys():
    """a rule that reads a feature by another key, or another rule's alerts, sees the events of other keys too"""
    write("rules.tocsin", """\
event payment { ts: time, id: string id, card: string, shop: string, amount: int }
feature at_shop = count(payment) by shop over last 1h
rule crowded "Case" { by card when payment as p where at_shop >= 5 alert "x" }
rule big "Case" { by shop when payment as p where amount > 5 alert "x" { card: p.card } }
rule follows "Case" { by card when alert big as b where card = "c1" alert "x" }
""")
    write("events.ndjson", [{"type": "payment", "ts": f"2026-03-02T12:00:{i:02}Z", "id": f"p{i}", "card": f"c{i % 3}",
                             "shop": "s", "amount": i} for i in range(12)])
    found = trace("card=c1", "rules.tocsin", "--rule", "crowded", "--input", "events.ndjson")
    seen = [[n["what"] for n in entry["notes"]] for entry in found["entries"]]
    assert seen == [["refused"], ["alert"], ["alert"], ["alert"]], seen
    assert found["entries"][0]["notes"][0]["conditions"][0]["values"] == {"at_shop": 2}
    found = trace("card=c1", "rules.tocsin", "--rule", "follows", "--input", "events.ndjson")
    assert found["alerts"] == 2 and [e["event"]["type"] for e in found["entries"]] == ["big", "big"], found


@case
def windows():
    """of a window that closes: which events it took, and why it gave no alert"""
    write("rules.tocsin", """\
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
kind large = payment where amount > 10.00
rule session "Case" { by card when session of large gap 1m as all where count(all) >= 2 alert "x" }
""")
    write("events.ndjson", [payment(0, amount=20), payment(10, amount=5), payment(300, amount=20),
                            payment(310, amount=20), payment(900, amount=1)])
    found = trace("card=c1", "rules.tocsin", "--input", "events.ndjson")
    what = [(entry["time"][14:19], [n["what"] for n in entry["notes"]]) for entry in found["entries"]]
    assert what[0] == ("00:00", ["collected"]) and ("01:00", ["no_alert"]) in what, what
    assert ("06:10", ["alert"]) in what, what


@case
def refusals():
    """what cannot be traced is refused with the remedy"""
    write("rules.tocsin", PACK)
    write("events.ndjson", [payment(0)])
    def refused(*arguments, code=2):
        return tocsin("trace", *arguments, code=code).err
    has(refused("card=c1", "rules.tocsin"), "name an --input, or an --archive")
    has(refused("card=c1", "--input", "events.ndjson"), "rule files are missing")
    has(refused("cart=c1", "rules.tocsin", "--input", "events.ndjson"), "card", "merchant")
    has(refused("card=c1", "rules.tocsin", "--rule", "tasting", "--input", "events.ndjson"), "did you mean testing?")
    has(refused("card=c1", "rules.tocsin", "--rule", "shop", "--input", "events.ndjson"), "shop is by merchant")
    has(refused("card=c1", "rules.tocsin", "--input", "events.ndjson", "--at", "noon"), "2026-03-02T12:00:00Z")
    has(refused("card=c1", "rules.tocsin", "--input", "events.ndjson", "--from", "2026-03-01"), "--archive")
    has(refused("card=c1", "rules.tocsin", "--input", "nothing.ndjson", code=3), "nothing.ndjson")
    unknown = trace("card=c9", "rules.tocsin", "--input", "events.ndjson")
    assert unknown["events"] == 0 and unknown["entries"] == []


run_cases()
