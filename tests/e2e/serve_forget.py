#!/usr/bin/env python3
"""What a server erases of a person: its state, journal, archive, alerts; and what it keeps of that.

    serve_forget.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import os
import pathlib
import random
import time

from harness import START_US, case, has, json_lines, payment, run_cases, tocsin, wait_for, write
from server_process import Server, alone, stored

RULES = """\
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
event note { ts: time, id: string id, holder: string }

feature spent = sum(amount of payment) by card over last 1d

rule large "A large payment" {
  severity high
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card}" { amount: p.amount }
}

rule pair "Two payments at one place" {
  by card, place
  when payment as a then payment as b
  within 1h
  alert "{card} twice at {place}"
}

rule third "Much at once" {
  by card
  when payment as p where spent > 2_000
  alert "{spent} on card {card}" { total: spent }
}

rule quiet "No payment for an hour" {
  by card
  when payment as p where amount > 50 then no payment for 1h
  alert "nothing more on card {card}"
}
"""
# A value that no other bytes are.
WHO = "pan4711zeuqnlkw"
OTHERS = [f"c{i}" for i in range(20)]


def fill(server):
    """Payments of all cards, that of WHO among them, and what was set aside of it; gives the payments."""
    sent = []
    for i in range(400):
        card = WHO if i % 10 == 3 else OTHERS[i % len(OTHERS)]
        sent.append(payment(i, card, 150 if i % 50 == 3 else 20, place=f"p{i % 3}"))
    for begin in range(0, len(sent), 50):
        assert server.send(sent[begin:begin + 50]).status == 200
    late = payment(-100_000, WHO, 20)
    dead = {"type": "payment", "ts": "never", "id": "x", "card": WHO, "amount": 1}
    assert server.send([late, dead]).status == 200
    return sent


def alerts_of(server, card):
    found = server.ask("GET", f"/v1/alerts?key=card={card}&limit=1000").json["alerts"]
    return [one["alert"] if "alert" in one else one for one in found]


def files_with(value, *but):
    found = []
    for path in sorted(pathlib.Path("data").rglob("*")):
        if path.is_file() and value.encode() in path.read_bytes() and not str(path).startswith(but or ("-",)):
            found.append(str(path))
    return found


def check_erased(value=WHO):
    """Nothing of a data directory without an owner has the value, in its files or as commands read them."""
    assert files_with(value) == [], files_with(value)
    for command in (("alerts",), ("late", "list"), ("dead", "list"), ("archive", "cat")):
        out = tocsin(*command, "--data", "data").out
        assert value not in out, f"{command}: {out[max(out.find(value) - 200, 0):][:400]}"


def forget(server, key, *arguments):
    write("token", server.token)
    url = f"http://127.0.0.1:{server.port}"
    return tocsin("forget", key, "--server", url, "--token-file", "token", *arguments)


@case
def forgotten():
    """a person's state, events and alerts go; those of others stay as they were, and what comes later begins anew"""
    with Server("--time-out-of-orderness", "10s", "--time-late-policy", "side", rules=RULES) as server:
        sent = fill(server)
        wait_for(lambda: len(alerts_of(server, WHO)) > 0, "alerts")
        wait_for(lambda: server.ask("GET", "/v1/dead").json["items"], "dead letters")
        before = alerts_of(server, WHO)
        assert {one["rule"] for one in before} == {"large", "pair"}
        others = {card: alerts_of(server, card) for card in OTHERS}
        number = before[0]["id"]
        assert server.ask("POST", f"/v1/alerts/{number}/triage", {"action": "comment", "comment": f"called {WHO}"}).status == 200
        assert server.ask("GET", f"/v1/keys/card={WHO}").json["reports"][0]["known"]
        done = json.loads(forget(server, f"card={WHO}", "--reason", "case 17", "--format", "json").out)
        assert done["state"] == "done" and done["step"] == "done" and done["reason"] == "case 17"
        assert done["archived_events"] >= 40 and done["side_output"] == 2 and done["comments"] == 1, done
        assert done["alerts"] == len(before) and done["remains"] == [], done
        # `large`, `third` and `quiet` share a table with the feature; `pair` has one of its own.
        assert done["keys"] >= 1 + 3 and done["waiting_events"] >= 1, done
        assert not server.ask("GET", f"/v1/keys/card={WHO}").json["reports"][0]["known"]
        assert alerts_of(server, WHO) == []
        assert {card: alerts_of(server, card) for card in OTHERS} == others
        masked = server.ask("GET", f"/v1/alerts/{number}").json
        text = json.dumps(masked, ensure_ascii=False)
        assert WHO not in text and '"message": "•••"' in text and before[0]["id"] in text, text
        entries = server.ask("GET", "/v1/audit?action=startErasure").text
        assert done["mark"] in entries and "mark" in entries and WHO not in entries, entries
        # What comes later finds nothing: the sum begins with it, and a pair needs two.
        later = [payment(10_000, WHO, 900, place="p1"), payment(10_030, "c1", 1)]
        assert server.send(later).status == 200
        wait_for(lambda: len(alerts_of(server, WHO)) == 1, "the alert of a later event")
        assert alerts_of(server, WHO)[0]["rule"] == "large"
        server.end()
    # The later payment alone is there.
    out = json_lines(tocsin("archive", "cat", "--data", "data").out)
    assert [one for one in out if one.get("card") == WHO] == later[:1]
    assert [one for one in out if one.get("card") in OTHERS] == [one for one in sent if one["card"] != WHO] + later[1:]
    with Server("--time-out-of-orderness", "10s", rules=RULES) as server:
        assert len(alerts_of(server, WHO)) == 1
        again = json.loads(forget(server, f"card={WHO}", "--format", "json").out)
        assert again["id"] == 2 and again["mark"] == done["mark"] and again["alerts"] == 1, again
        listed = server.ask("GET", "/v1/erasures").json["erasures"]
        assert [one["id"] for one in listed] == [2, 1]
        # The newest alert's place in the order is kept until the next one: it has its key.
        assert server.send([payment(20_000, "c2", 500), payment(20_030, "c2", 1)]).status == 200
        wait_for(lambda: any(one["ts"] > later[0]["ts"] for one in alerts_of(server, "c2")), "an alert")
        forget(server, "card=nobody")
        server.end()
    check_erased()

MANY = """\
event pay { ts: time, id: string id, card: string, amount: decimal(2), place: string, ok: bool }
feature n10 = count(pay) by card over last 10m
feature spent = sum(amount of pay) by card over last 1h
feature places = distinct(place of pay) by card over last 1h
feature usual = avg(amount of pay where ok) by card over last 2h
feature n_at = count(pay) by card, place over last 30m
rule often "a" { by card when pay where n10 >= 4 once per 10m alert "{n10}" { n: n10, s: spent } }
rule probes "b" { by card when 2+ pay as a where amount < 30 then pay as b where amount > 120 within 20m alert "{count(a)}" }
rule quiet "c" { by card when pay as p where amount > 100 then no pay for 5m alert "x" { s: spent } }
rule rising "d" { by card, place when pay as a then pay as b where b.amount > a.amount within 15m alert "{n_at}" { n: n_at } }
rule failed "e" { by card when pay as a where not ok then next pay as b where not ok within 1h alert "y" }
rule spread "f" { by card when pay where places >= 3 and amount > usual * 2 at most 2 per 1h alert "z" { p: places } }
rule all_of "g" {
  by card
  when all of { pay as a where place = "p0", pay as b where place = "p1", pay as c where place = "p2" }
  within 30m
  alert "all"
}
"""


def some_pay(chance, i):
    return {"type": "pay", "ts": START_US + i * 20_000_000, "id": f"e{i}", "card": f"k{chance.randrange(4)}",
            "amount": round(chance.choice([5, 10, 20, 50, 110, 150]) + chance.random(), 2), "place": f"p{chance.randrange(3)}",
            "ok": chance.random() < 0.6}


@case
def as_if_never_seen():
    """later alerts are those of a run without the person's earlier events, whatever rules remember"""
    seed = int(os.environ.get("TOCSIN_SEED") or 1)
    chance = random.Random(seed)
    events = [some_pay(chance, i) for i in range(600)]
    cut = chance.randrange(200, 400)

    def send(server, part):
        for begin in range(0, len(part), 40):
            assert server.send(part[begin:begin + 40]).status == 200

    with Server("--checkpoint-every", "300ms", rules=MANY) as server:
        send(server, events[:cut])
        done = json.loads(forget(server, "card=k1", "--format", "json").out)
        send(server, events[cut:])
        server.kill()
    with Server("--checkpoint-every", "300ms", rules=MANY) as server:
        server.end()
    raised = stored()
    last = events[cut - 1]["ts"]
    before = [one for one in alone(events) if one["ts"] <= last]
    assert [one["id"] for one in raised if one["ts"] <= last] == [one["id"] for one in before], f"seed {seed}"
    masked = [one for one in raised if one["message"] == "•••"]
    assert len(masked) == done["alerts"] == sum(one["key"]["card"] == "k1" for one in before) > 20, f"seed {seed}"
    without = [one for i, one in enumerate(events) if i >= cut or one["card"] != "k1"]
    expected = [one for one in alone(without) if one["ts"] > last]
    assert [one for one in raised if one["ts"] > last] == expected, f"seed {seed}"
    assert sum(one["key"]["card"] == "k1" for one in expected) > 20, f"seed {seed}"


@case
def killed():
    """an erasure that is killed at any moment goes on with the next start, and the rules give what they would have"""
    with Server("--time-out-of-orderness", "10s", rules=RULES) as server:
        fill(server)
        others = {card: alerts_of(server, card) for card in OTHERS}
        assert server.ask("POST", "/v1/erasures", {"key": f"card={WHO}"}).status == 202
        time.sleep(random.random() / 20)
        server.kill()
    points = ["node.cut", "checkpoint.manifest", "journal.trim", "archive.written", "archive.erased", "effects.changed",
              "erasure.step:1", "erasure.step:2", "erasure.step:3"]
    for point in points:
        environment = os.environ | {"TOCSIN_CRASH_AT": point}
        with Server("--time-out-of-orderness", "10s", rules=RULES, env=environment, may_fail=True) as server:
            try:
                server.process.wait(5)
            except Exception:
                server.kill()
    with Server("--time-out-of-orderness", "10s", rules=RULES) as server:
        wait_for(lambda: server.ask("GET", "/v1/erasures/1").json["state"] == "done", "the end")
        assert alerts_of(server, WHO) == []
        assert {card: alerts_of(server, card) for card in OTHERS} == others
        assert server.send([payment(20_000, "c2", 500), payment(20_030, "c2", 1)]).status == 200
        wait_for(lambda: len(alerts_of(server, "c2")) > len(others["c2"]), "an alert")
        forget(server, "card=nobody")
        server.end()
    check_erased()


@case
def refused():
    """who may not, and what is no key"""
    with Server(rules=RULES) as server:
        for role in ("reader", "analyst", "operator"):
            token = server.ask("POST", "/v1/tokens", {"name": role, "role": role}).json["token"]
            assert server.ask("POST", "/v1/erasures", {"key": "card=c1"}, token=token).status == 403
            assert server.ask("GET", "/v1/erasures", token=token).status == 403
        for body in ({}, {"key": "card"}, {"key": "=c1"}, {"key": "card="}, {"key": 1}, {"key": "card=c1", "reason": "x" * 201},
                     {"key": "card=c1", "reason": 1}, {"key": "card=c1", "other": 1}):
            assert server.ask("POST", "/v1/erasures", body).status == 400, body
        assert server.ask("GET", "/v1/erasures/1").status == 404
        assert server.ask("GET", "/v1/erasures").json == {"erasures": []}
        has(tocsin("forget", "--server", f"http://127.0.0.1:{server.port}", "--token-file", "data/admin-token").out,
            "nothing was forgotten")


run_cases()
