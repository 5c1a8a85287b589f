#!/usr/bin/env python3
"""Tests that are made of alerts: `GET /v1/alerts/ID/test`, put into the rule's file, pass there.

    serve_alert_tests.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json

from harness import START_US, case, has, payment, run_cases, tocsin, write
from server_process import Server

OFTEN = ("--journal-segment-bytes", "16KiB", "--checkpoint-every", "100ms")
SCHEMA = """
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
event confirmation { ts: time, id: string id, card: string }
defaults payment { place: "somewhere" }
"""


def made(server, rule, query="", place=0, **more):
    alert = server.ask("GET", f"/v1/alerts?rule={rule}&order=oldest").json["alerts"][place]["alert"]
    answer = server.ask("GET", f"/v1/alerts/{alert['id']}/test{query}", **more)
    assert answer.status == 200, answer
    assert answer.json["alert"] == alert["id"] and answer.json["rule"] == rule, answer
    return answer.json


def inserted(server, found):
    """The files with the test at the place that the answer names."""
    files = server.ask("GET", "/v1/pack").json["files"]
    lines = files[found["file"]].split("\n")
    text = "\n".join(lines[:found["behind"]] + ["", *found["text"].rstrip("\n").split("\n")] + lines[found["behind"]:])
    return {**files, found["file"]: text}


def passes(server, found):
    """What the server and the command line say of it, as they are given the file with it."""
    files = inserted(server, found)
    answer = server.ask("POST", "/v1/rules/test", {"files": files})
    assert answer.status == 200, answer
    [own] = [one for one in answer.json["tests"] if one["title"] == found["title"]]
    assert (own["file"], own["line"]) == (found["file"], found["behind"] + 2), (own, found)
    assert (own["outcome"] == "passed") == found["passes"], (own, found)
    write("with_test.tocsin", files[found["file"]])
    assert tocsin("test", "with_test.tocsin", code=None).code == (0 if answer.json["failed"] == 0 else 1)
    laid_out = server.ask("POST", "/v1/rules/format", {"files": {"a.tocsin": found["text"]}})
    assert laid_out.json["changed"] == [] and laid_out.json["diagnostics"] == [], laid_out
    return found["passes"]


SHAPES = SCHEMA + """
feature spent = sum(amount of payment) by card over last 1h
feature at_place = count(payment) by place over last 10m

rule steps "Small ones, then a large one" {
  by card
  when 2+ payment as small where amount < 5 and amount >= prev.amount then payment as big where amount > 100 and amount < 1000
  within 10m
  alert "{count(small)} small, then {big.amount}" { small: count(small), average: avg(small.amount), big: big.amount }
}
test steps "nothing" { 0s payment { card: "c", amount: 1.00 } expect no alert }

rule quiet "A very large one that nobody confirmed" {
  severity high
  by card
  when payment as p where amount >= 5_000 then no confirmation for 5m
  alert "{p.amount}" { amount: p.amount }
}
rule spender "Much in an hour" {
  by card
  when payment where spent > 2_000 and amount < 900
  once per 1d
  alert "{spent} in an hour" { spent: spent }
}
rule busy "A busy place" {
  by card
  when payment as p where at_place >= 4 and place is known
  alert "{at_place} at {p.place}" { here: at_place }
}
rule confirmed "A payment and its confirmation" {
  by card
  when payment as p where amount = 77.70 then confirmation as c
  within 1m
  alert "{c.id} after {c.ts - p.ts}" { took: c.ts - p.ts, at: c.ts }
}
rule session "A session" {
  by card
  when session of payment gap 5m as s where count(s) >= 4
  alert "{count(s)}" { paid: sum(s.amount) }
}
rule all_of_them "Any five" {
  when 5 payment as p where amount = 12.34
  within 10m
  alert "{count(p)}"
}
"""


def confirmation(second, card, number):
    return {"type": "confirmation", "ts": START_US + second * 1_000_000, "id": number, "card": card}


@case
def shapes():
    """of each shape of rule the test passes in its file, with the events that the rule needs and no others"""
    with Server(rules=SHAPES) as server:
        sent = [payment(second, f"k{second}", 3.00, place=f"q{second}") for second in range(8)]
        sent += [payment(10, "c1", 1.25), payment(15, "c2", 4.00), payment(20, "c1", 2.50), payment(30, "c1", 900.00, place="p1")]
        sent += [payment(40, "c3", 5_000.00), payment(41, "c4", 5_000.00), confirmation(42, "c4", "y1")]
        sent += [payment(1000 + second, "c5", 700.00, id=f"s{second}", place=f"z{second}") for second in range(4)]
        sent += [payment(2000 + second, f"b{second}", 10.00 + second, place="p9") for second in range(4)]
        sent += [payment(3000, "c6", 77.70), confirmation(3010, "c6", "y2")]
        sent += [payment(4000 + second, "c7", 20.00 + second, place="r") for second in range(3)]
        sent += [payment(5000 + second, f"a{second}", 12.34, place=f"v{second}") for second in range(5)]
        sent += [payment(9000, "end", 1.00)]
        assert server.send(sent, "?wait=alerts&timeout=5s").status == 200
        needed = {"steps": (3, 0), "quiet": (1, 0), "spender": (1, 3), "busy": (1, 4), "confirmed": (2, 0), "session": (4, 0), "all_of_them": (5, 0)}
        for rule, (events, before) in needed.items():
            found = made(server, rule)
            assert passes(server, found), found
            assert (found["events"], found["history"], found["masked"]) == (events, "all", False), found
            assert found["before"] == before or (before > 0 and found["before"] <= 8), (rule, found)
        text = made(server, "steps")["text"]
        has(text, "expect alert at 20s {", 'card: "c1", small: 2, average: 1.875, big: 900.00, severity: medium',
            'message: "2 small, then 900.00"', "starting 2026-03-02T12:00:10Z", 'id: "c1-20", card: "c1", amount: 2.50',
            "payment.place")
        has(made(server, "quiet")["text"], "until 5m", 'expect alert at 5m { card: "c3", amount: 5000.00')
        answer = server.ask("GET", f"/v1/alerts/{made(server, 'steps')['alert']}/test?format=text")
        assert answer.headers["Content-Type"].startswith("text/plain") and answer.text == text, answer
        server.end()


HOSTILE = """
event `my event` from "E" {
  at: time key, `the id`: string id, `by`: string, text: string, `true`: bool, kind: enum("in store", alert, plain),
  most: int, exact: decimal(9), real: float, day: date, seen: time, long: duration, absent: string?,
}
rule `every` "All of it" {
  by `by`
  when `my event` as e where most > 0
  alert "{e.text} {e.kind}" { text: e.text, kind: e.kind, most: e.most, exact: e.exact, real: e.real, day: e.day, seen: e.seen, long: e.long, yes: e.`true` }
}
"""


@case
def hostile():
    """any value of any type is written so that it is read back: quotes, lines, what cannot be seen, all digits, odd names"""
    texts = ['"} expect no alert }\n# x', "\\ back \t tab \r\n", "\u202e\u200b\u0000\u001b[31m\u2028", "{amount} `x` ${y} </script>", "😀 é \U000e0041", ""]
    with Server(rules=HOSTILE) as server:
        for number, text in enumerate(texts):
            event = {"type": "E", "at": START_US + number * 1_000_001, "the id": f"{number}{text}", "by": f"k{number}{text}", "text": text, "true": number % 2 == 0,
                     "kind": ["in store", "alert", "plain"][number % 3], "most": 9_223_372_036_854_775_807 - number, "day": "1980-05-17",
                     "seen": START_US + 123_456, "long": 90_000_000 + number, "real": [0.1, 1e-7, 1e300, 5, -2.5, 0.30000000000000004][number]}
            line = json.dumps(event)[:-1] + f',"exact":-0.00000000{number + 1}}}'
            assert server.send(line + "\n", "?wait=alerts&timeout=5s").status == 200
        for number, text in enumerate(texts):
            found = made(server, "every", place=number)
            assert passes(server, found), found
            assert json.dumps(text)[1:-1][:1] in found["text"] and "absent" not in found["text"], found
            assert not any(c in found["text"] for c in "\u202e\u200b\u0000\u2028\U000e0041"), found
            has(found["text"], f"most: {9_223_372_036_854_775_807 - number}", f"exact: -0.00000000{number + 1}")
            assert ("`my event`.long" in "".join(found["notes"]) or "my event.long" in "".join(found["notes"])) == (number > 0), found
        server.end()


@case
def rules_have_changed():
    """by other rules than then, the test says what they make of it: another value, or no alert; without the rule there is none"""
    with Server(rules=SHAPES) as server:
        sent = [payment(10, "c1", 1.25), payment(20, "c1", 2.50), payment(30, "c1", 900.00, place="p1"), payment(40, "c3", 5_000.00), payment(900, "end", 1)]
        assert server.send(sent, "?wait=alerts&timeout=5s").status == 200
        assert passes(server, made(server, "steps"))

        def change(before, after):
            answer = server.ask("GET", "/v1/pack")
            text = answer.json["files"]["rules.tocsin"].replace(before, after)
            put = server.ask("PUT", "/v1/pack", {"files": {"rules.tocsin": text}}, headers={"If-Match": answer.headers["ETag"]})
            assert put.status == 200, put

        change("small: count(small),", "small: count(small) + 1,")
        found = made(server, "steps")
        assert passes(server, found), found
        has("".join(found["notes"]), "The alert had another small")
        has(found["text"], "# The alert had another small", "small: 3")
        change("amount >= 5_000", "amount > 5_000")
        found = made(server, "quiet")
        assert not passes(server, found), found
        has("".join(found["notes"]), "These events do not raise the alert")
        assert found["difference"] == "no alert came, 1 expected", found
        change(SHAPES[SHAPES.index("rule quiet"):SHAPES.index("rule spender")].replace(">= 5_000", "> 5_000"), "")
        alert = server.ask("GET", "/v1/alerts?rule=quiet").json["alerts"][0]["alert"]["id"]
        gone = server.ask("GET", f"/v1/alerts/{alert}/test")
        assert gone.status == 409 and "is not among the rules any more" in gone.text, gone
        assert server.ask("GET", "/v1/alerts/" + "0" * 32 + "/test").status == 404
        server.end()


@case
def no_history():
    """without an archive it has what the alert lists, and says so; what is before it cannot be there"""
    with Server(*OFTEN, "--archive-enabled", "false", rules=SHAPES) as server:
        sent = [payment(10, "c1", 1.25), payment(20, "c1", 2.50), payment(30, "c1", 900.00, place="p1")]
        sent += [payment(1000 + second, "c5", 700.00, id=f"s{second}") for second in range(4)]
        assert server.send(sent, "?wait=alerts&timeout=5s").status == 200
        second, found = 2000, None
        while found is None or found["history"] != "none":  # until the journal has let go of them
            assert second < 50_000, found
            for _ in range(10):
                server.send([payment(second + i, f"k{i}", 3.00) for i in range(50)])
                second += 50
            assert server.ask("POST", "/v1/checkpoints").status in (200, 201, 202)
            found = made(server, "steps")
        assert passes(server, found) and found["events"] == 3 and found["before"] == 0, found
        has("".join(found["notes"]), "The archive has 0 of the 3 events")
        has(found["text"], "# The archive has 0 of the 3 events", "amount: 2.50")
        found = made(server, "spender")
        assert not passes(server, found) and found["before"] == 0, found
        has("".join(found["notes"]), "These events do not raise the alert", "The archive has 0 of the 1 events")
        server.end()


@case
def limits():
    """no more events are tried than are asked for, and it is said; of a long loop those that the alert lists are not all"""
    rules = SCHEMA + """
feature many = count(payment) by card over last 1h
rule often "Often" { by card when payment where many >= 60 once per 1d alert "{many}" }
"""
    with Server(rules=rules) as server:
        assert server.send([payment(second, "c1", 1.00, id=f"e{second}") for second in range(60)], "?wait=alerts&timeout=5s").status == 200
        found = made(server, "often")
        assert passes(server, found) and found["before"] == 59, found
        found = made(server, "often", "?events=10")
        assert not passes(server, found) and found["before"] == 10, found
        has("".join(found["notes"]), "Only the newest 10 events before the alert were tried")
        for wrong in ("?events=1001", "?events=-1", "?format=xml"):
            assert server.ask("GET", f"/v1/alerts/{found['alert']}/test{wrong}").status == 400
        server.end()


PERSONAL = """
event payment { ts: time, id: string id, card: string pii, holder: string? pii, born: date? pii, amount: decimal(2) }
rule large "A large payment" {
  by card
  when 2 payment as p where amount > 100 and holder != "nobody"
  within 10m
  alert "{p.last.amount} by {p.last.holder}" { who: p.last.holder, sum: sum(p.amount) }
}
rule called "By a name" { by card when payment where holder = "Ada Lovelace" and amount > 100 once per 1d alert "Ada" }
"""
SECRETS = ("4111222233334444", "Ada Lovelace", "1815-12-10")


@case
def masked():
    """who does not see personal data gets marks, and a test that is read; nothing else of it is in the answer, and reads are entries"""
    with Server(rules=PERSONAL) as server:
        sent = [payment(second, SECRETS[0], 200, holder=SECRETS[1], born=SECRETS[2], id=f"e{second}") for second in (1, 2)]
        assert server.send(sent, "?wait=alerts&timeout=5s").status == 200
        tokens = {name: server.ask("POST", "/v1/tokens", {"name": name, "role": name}).json["token"] for name in ("reader", "analyst")}
        for name, token in tokens.items():
            found = made(server, "large", token=token)
            assert passes(server, found), found
            assert found["masked"] == (name == "reader") and ("•••" in found["text"]) == (name == "reader"), found
            assert all((secret in json.dumps(found)) == (name == "analyst") for secret in SECRETS), (name, found)
            has(found["text"], "sum: 400.00")
        found = made(server, "called", token=tokens["reader"])
        assert not passes(server, found) and not any(secret in json.dumps(found) for secret in SECRETS), found
        has("".join(found["notes"]), "Marks stand for values that are marked pii", "These events do not raise the alert")
        entries = [one for one in server.ask("GET", "/v1/audit").json["entries"] if one["action"] == "makeTestOfAlert"]
        assert {(one["actor"], one["read_by"], one.get("pii")) for one in entries} == {("reader", "key", None), ("analyst", "key", True)}, entries
        limited = server.ask("POST", "/v1/tokens", {"name": "limited", "role": "reader", "types": ["payment"]}).json["token"]
        assert server.ask("GET", f"/v1/alerts/{found['alert']}/test", token=limited).status == 403
        producer = server.ask("POST", "/v1/tokens", {"name": "producer", "role": "producer"}).json["token"]
        assert server.ask("GET", f"/v1/alerts/{found['alert']}/test", token=producer).status == 403
        server.end()


run_cases()
