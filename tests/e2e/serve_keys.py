#!/usr/bin/env python3
"""Keys of which rules hold state: `GET /v1/keys`.

    serve_keys.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import random
import threading
import urllib.parse

from harness import START_US, case, payment, run_cases, wait_for
from server_process import Server

RULES = """\
event payment { ts: time, id: string id, card: string, amount: decimal(2), shop: string?, number: int? }
rule three "Two small ones, then a large one" {
  by card
  when payment as first where amount < 10 then payment as second where amount < 10 then payment as large where amount > 500
  within 1h
  alert "{card}"
}
rule at_shop "Two at a shop" { by card, shop when 2 payment as p where shop = "s1" within 1h alert "{card}" }
rule single "A very large one" { by card when payment as p where amount > 5_000 alert "{card}" }
rule all_of_them "Any two large ones" { when 2 payment as p where amount > 700 within 1h alert "two" }
"""


def keys_of(server, query="", **options):
    answer = server.ask("GET", f"/v1/keys?{query}", **options)
    assert answer.status == 200, answer
    return answer.json


def all_pages(server, query, limit, meanwhile=lambda: None):
    """The keys of all pages, and the pages; `meanwhile` is done between them."""
    found, pages, cursor = [], [], ""
    while not pages or cursor:
        page = keys_of(server, f"{query}&limit={limit}{'&cursor=' + cursor if cursor else ''}")
        assert len(page["keys"]) <= limit, page
        found += page["keys"]
        pages.append(page)
        cursor = page.get("next", "")
        assert len(pages) < 1000
        meanwhile()
    return found, pages


def nearness(key):
    return key["missing"], key["until"]


def fill(server, cards, seed=1):
    """One or two small payments of each card; gives what `three` shall hold: missing steps and the end, by card."""
    chosen, expected, sent = random.Random(seed), {}, []
    for number in range(cards):
        card, first = f"c{number:04}", number // 10
        sent.append(payment(first, card, 5))
        twice = chosen.random() < 0.3
        if twice:
            sent.append(payment(first + 1, card, 6))
        expected[card] = (1 if twice else 2, START_US + (first + 3600) * 1_000_000)
    sent.sort(key=lambda event: event["ts"])
    for begin in range(0, len(sent), 500):
        assert server.send(sent[begin:begin + 500]).status == 200
    return expected


def seconds(text):
    """A time of day of the answer as microseconds of START_US's day."""
    hours, minutes, rest = text.split("T")[1].rstrip("Z").split(":")
    return START_US + ((int(hours) - 12) * 3600 + int(minutes) * 60 + int(rest)) * 1_000_000


@case
def pages_have_all():
    """pages to the end are the whole set, each key once, in either order, also while others come; what they say is what one key says"""
    with Server(rules=RULES) as server:
        expected = fill(server, 1200)
        nearest, pages = all_pages(server, "rule=three", 97)
        assert [(key["missing"], seconds(key["until"])) for key in nearest] == sorted(expected.values()), nearest[:3]
        assert {key["values"]["card"]: (key["missing"], seconds(key["until"])) for key in nearest} == expected
        assert len(nearest) == len(expected) and {page["complete"] for page in pages} == {True}
        assert {(page["examined"], page["found"]) for page in pages} == {(1200, 1200)}, pages[0]["examined"]
        assert all("limited_by" not in page for page in pages) and pages[0]["watermark"] == pages[-1]["watermark"]
        for key in nearest[:5] + nearest[-5:]:
            one = server.ask("GET", "/v1/keys/" + urllib.parse.quote(key["key"])).json
            rule = next(rule for report in one["reports"] for rule in report["rules"] if rule["rule"] == "three")
            listed = key["rules"][0]
            assert listed["matches"] == len(rule["matches"]) == (3 if key["missing"] == 1 else 1) and listed["furthest"] in rule["matches"], (key, rule)
            assert listed["furthest"]["step"] == 3 - key["missing"] and listed["furthest"]["steps"] == 3
            assert listed["furthest"]["waits_for"] == ("large" if key["missing"] == 1 else "second")
        more = iter(range(100_000))
        for order in ("any", "nearest"):
            found, _ = all_pages(server, f"rule=three&order={order}", 97,
                                 lambda: server.send([payment(200, f"new{next(more)}", 5), payment(200, f"new{next(more)}", 5)]))
            cards = [key["values"]["card"] for key in found if key["values"]["card"] in expected]
            assert sorted(cards) == sorted(expected), (order, len(cards))
        counted = server.ask("GET", "/v1/rules/three/partial-matches").json
        # A card with two small payments has a match from each of them, and one from both.
        later = counted["keys"] - 1200
        twice = sum(missing == 1 for missing, _ in expected.values())
        assert counted["by_step"] == [1200 + later + twice, twice] and counted["all"] and counted["complete"] + counted["uncounted"] == 0, (counted, twice)
        assert server.ask("GET", "/v1/rules/single/partial-matches").json["keys"] == 0
        assert server.ask("GET", "/v1/rules/nobody/partial-matches").problem() == "not-found"
        begun, _ = all_pages(server, "rule=three&prefix=c00", 7)
        assert sorted(key["values"]["card"] for key in begun) == [f"c{number:04}" for number in range(100)]
        assert keys_of(server, "rule=three&prefix=nobody")["keys"] == [] and keys_of(server, "rule=single")["keys"] == []
        server.end()


@case
def what_it_waits_for():
    """what a rule waits for comes with its condition and the place where it is written, also after other rules hold"""
    rules = """event payment { ts: time, id: string id, card: string, amount: decimal(2), shop: string? }
event login { ts: time, id: string id, card: string, ok: bool }
rule steps "Steps" {
  by card
  when payment as small where amount < 5
    then login where ok
    then payment where
      amount > 100 and shop is known
  within 1h
  alert "x"
}
rule loop "A loop" { by card when 3 payment as p where amount = 1.25 within 1h alert "x" }
rule both "In any order" { by card when payment as p where amount = 2.50 then all of { login where not ok, payment as q where amount = 7 } within 1h alert "x" }
rule group "In any order, and soon" { by card when payment as p where amount = 3.50
  then within 5m all of { login where not ok, payment where amount = 9, payment where amount = 11 }
  then within 2m one of { login where ok, payment as end where amount = 12 } as way within 1h alert "x" }
rule hurried "Small ones, then soon a large one" { by card when 2+ payment as a where amount = 6 then within 4m payment where amount = 8 within 1h alert "x" }
"""
    with Server(rules=rules) as server:
        login = {"type": "login", "ts": START_US + 5_000_000, "id": "l1", "card": "c1", "ok": True}
        sent = [payment(0, "c1", 4), login, payment(10, "c2", 3), payment(20, "c3", 1.25), payment(30, "c4", 2.50),
                payment(40, "c5", 6), payment(50, "c5", 6)]
        assert server.send(sent).status == 200
        # Of a group with a `within`: as far as each of the cards comes.
        begun = [("g1", []), ("g2", [9]), ("g3", [None]), ("g4", [None, 9, 11])]
        for number, (card, taken) in enumerate(begun):
            lines = [payment(100 + number, card, 3.50)]
            for step, amount in enumerate(taken):
                at = 110 + number + 10 * step
                lines.append(payment(at, card, amount) if amount else
                             {"type": "login", "ts": START_US + at * 1_000_000, "id": f"{card}l", "card": card, "ok": False})
            sent += sorted(lines, key=lambda line: line["ts"])
        assert server.send(sent[7:]).status == 200

        def awaited(card, rule):
            reports = server.ask("GET", f"/v1/keys/card%3D{card}").json["reports"]
            [found] = [one for report in reports for one in report["rules"] if one["rule"] == rule]
            return [(one["text"], one.get("file"), one.get("line")) for match in found["matches"] for one in match["awaited"]]

        expected = {("c1", "steps"): [("payment where amount > 100 and shop is known", "rules.tocsin", 8)],
                    ("c2", "steps"): [("login where ok", "rules.tocsin", 6)],
                    ("c3", "loop"): [("payment where amount = 1.25", "rules.tocsin", 12)],
                    ("c4", "both"): [("login where not ok", "rules.tocsin", 13), ("payment where amount = 7", "rules.tocsin", 13)]}
        for of, what in expected.items():
            assert set(what) <= set(awaited(*of)), (of, awaited(*of))
        # A step's own `within` counts from the event before, and not for further events of the loop before it.
        reports = server.ask("GET", "/v1/keys/card%3Dc5").json["reports"]
        one = next(match for report in reports for rule in report["rules"] for match in rule["matches"] if match["events"][0]["count"] == 2)
        assert [(each["text"], each["until"]) for each in one["awaited"]] == [("payment where amount = 8", "2026-03-02T12:04:50Z")], one
        assert one["expires"] == "2026-03-02T13:00:40Z", one
        assert all("until" not in each for report in reports for rule in report["rules"] for match in rule["matches"]
                   for each in match["awaited"] if match["events"][0]["count"] == 1), reports
        # The first event of a group comes within the group's time, further ones as they like; also those without a name, in any order.
        large, other, failed = "payment where amount = 9", "payment where amount = 11", "login where not ok"
        untils = {"g1": {failed: "12:06:40Z", large: "12:06:40Z", other: "12:06:40Z"}, "g2": {failed: None, other: None},
                  "g3": {large: None, other: None}, "g4": {"login where ok": "12:04:13Z", "payment where amount = 12": "12:04:13Z"}}
        for card, expected_untils in untils.items():
            reports = server.ask("GET", f"/v1/keys/card%3D{card}").json["reports"]
            matches = [match for report in reports for rule in report["rules"] if rule["rule"] == "group" for match in rule["matches"]]
            taken = [sum(events["count"] for events in match["events"]) for match in matches]
            furthest = [one for match, count in zip(matches, taken) if count == max(taken) for one in match["awaited"]]
            found = {one["text"]: one.get("until", "").removeprefix("2026-03-02T") or None for one in furthest}
            assert found == expected_untils, (card, matches)
        etag = server.ask("GET", "/v1/pack").headers["ETag"]
        changed = "# one line more\n" + rules
        assert server.ask("PUT", "/v1/pack", {"files": {"rules.tocsin": changed}}, headers={"If-Match": etag}).status == 200
        for of, what in expected.items():
            assert {(text, file, line + 1) for text, file, line in what} <= set(awaited(*of)), (of, awaited(*of))
        server.end()


@case
def tried_on_events_of_a_key():
    """events of a key with their lines go to a dry run, which says how far a rule came that raised no alert; limits are said"""
    with Server(rules=RULES) as server:
        assert server.send([payment(0, "c1", 5), payment(10, "c1", 6, shop='"s"'), payment(20, "c1", 499.99), payment(30, "c2", 5)]).status == 200
        found = server.ask("GET", "/v1/keys/card%3Dc1/events?lines=true").json["events"]
        assert "line" not in server.ask("GET", "/v1/keys/card%3Dc1/events").json["events"][0]
        events = [json.loads(one["line"]) for one in reversed(found)]
        assert [event["id"] for event in events] == ["c1-0", "c1-10", "c1-20"], events

        def tried(events, **more):
            answer = server.ask("POST", "/v1/rules/dry-run", {"events": events, **more})
            assert answer.status == 200, answer
            return answer.json

        assert "near_miss" not in tried(events)
        text = tried(events, near_miss_of="three")["near_miss"]
        assert "three came to step 3 of 3, `large`" in text and "`amount > 500` is not true: amount is 499.99" in text, text
        assert tried(events + [payment(40, "c1", 600)], near_miss_of="three")["near_miss"] == "it alerts\n"
        many = [payment(second, f"k{second}", 5) for second in range(1001)]
        assert "more than 1000 events" in tried(many, near_miss_of="three")["near_miss"]
        assert "no rule of this name runs" in tried(events, near_miss_of="nothing")["near_miss"]
        assert server.ask("POST", "/v1/rules/dry-run", {"events": events, "near_miss_of": 7}).status == 400
        server.end()


@case
def keys_of_all_kinds():
    """keys of several parts, of none, and with values that look like parts: those that can be asked for by their text say how"""
    with Server(rules=RULES) as server:
        server.send([payment(0, "c1", 5, shop="s1"), payment(1, "a,shop=b", 5, shop="s1"), payment(2, "x, y", 900),
                     payment(3, "\u202e<b>&%", 5)])
        found = {json.dumps(key["values"], sort_keys=True): key for key in keys_of(server)["keys"]}
        both = found['{"card": "c1", "shop": "s1"}']
        assert both["key"] == "card=c1,shop=s1" and [rule["rule"] for rule in both["rules"]] == ["at_shop"], both
        assert found['{"card": "a,shop=b"}']["key"] is None and found['{"card": "a,shop=b", "shop": "s1"}']["key"] is None
        nobody = found["{}"]
        assert nobody["key"] is None and nobody["rules"][0]["rule"] == "all_of_them" and nobody["missing"] >= 0, nobody
        assert "single" not in json.dumps(list(found.values()))
        for key in found.values():
            if key["key"] is not None:
                answer = server.ask("GET", "/v1/keys/" + urllib.parse.quote(key["key"], safe=""))
                assert answer.status == 200 and any(report["known"] for report in answer.json["reports"]), answer
        assert any("\u202e" in values for values in map(lambda key: key["values"].get("card", ""), found.values()))
        # By the name as by the id.
        by_name = keys_of(server, "rule=" + urllib.parse.quote("three"))["keys"]
        assert [key["values"]["card"] for key in by_name] and all(key["rules"][0]["rule"] == "three" for key in by_name)
        server.end()


@case
def what_is_refused():
    """an unknown rule is answered with a near one; hostile prefixes find nothing; a cursor of another start or of other rules is refused"""
    with Server(rules=RULES) as server:
        fill(server, 60)
        for query, what in (("rule=thre", "did you mean three?"), ("limit=0", "limit"), ("limit=501", "limit"),
                            ("order=newest", "order"), ("cursor=x", "`next` of the page before"), ("cursor=", "`next` of the page before"), ("curser=x", "did you mean cursor?"),
                            ("cursor=0123456789abcdef:0:0:0", "`next` of the page before")):
            answer = server.ask("GET", f"/v1/keys?{query}")
            assert answer.problem() == "bad-parameter" and what in answer.text, (query, answer)
        assert server.ask("GET", "/v1/keys", token=False).status == 401
        for prefix in ('"\\<script>', "\u202e", "c" * 3000, "{", "*", "%", "'; --"):
            assert keys_of(server, "prefix=" + urllib.parse.quote(prefix))["keys"] == [], prefix
        for prefix in ("%00", "%ff%fe", "%zz"):
            assert server.ask("GET", f"/v1/keys?prefix={prefix}").status in (200, 400), prefix
        first = keys_of(server, "limit=5")
        second = keys_of(server, f"limit=5&cursor={first['next']}")["keys"]
        assert len(second) == 5 and not {key["key"] for key in second} & {key["key"] for key in first["keys"]}
        mark, *numbers = first["next"].split(":")
        for made in (f"{mark}:4294967295:4294967295:18446744073709551615", f"{mark}:0:1023:0", f"{mark}:0:5000:1"):
            assert keys_of(server, f"cursor={made}")["complete"] is False
        for bad in (f"{mark}:1", f"{mark}:0:0:99999999999999999999", ":".join([mark, *numbers[:-1]]), first["next"] + ":1", "0" * 16 + ":0:0:0"):
            assert server.ask("GET", f"/v1/keys?cursor={bad}").problem() == "bad-parameter", bad
        server.end()
    with Server(rules=None) as server:
        assert len(keys_of(server, "rule=three&limit=500")["keys"]) == 60
        assert server.ask("GET", f"/v1/keys?cursor={first['next']}").problem() == "bad-parameter"
        now = keys_of(server, "limit=5")["next"]
        pack = server.ask("GET", "/v1/pack")
        files = {path: text + '\nrule other "Two" { by shop when 2 payment as p within 1h alert "x" }\n' for path, text in pack.json["files"].items()}
        done = server.ask("PUT", "/v1/pack", {"files": files}, headers={"If-Match": pack.headers["ETag"]})
        assert done.status == 200, done
        assert server.ask("GET", f"/v1/keys?cursor={now}").problem() == "bad-parameter"
        assert len(all_pages(server, "rule=three", 13)[0]) == 60
        server.end()


@case
def what_a_page_costs():
    """a page examines so many keys at most, and says so; the next one goes on behind them, until all were examined"""
    with Server("--history-keys-max", "50", rules=RULES) as server:
        expected = fill(server, 240)
        first = keys_of(server, "rule=three&limit=500")
        assert first["examined"] == first["found"] == len(first["keys"]) == 50, first["examined"]
        assert first["complete"] is False and first["limited_by"] == "keys" and first["next"]
        assert [nearness(key) for key in first["keys"]] == sorted(map(nearness, first["keys"]))
        for order, limit in (("nearest", 7), ("nearest", 500), ("any", 7), ("any", 500)):
            found, pages = all_pages(server, f"rule=three&order={order}", limit)
            cards = [key["values"]["card"] for key in found]
            assert sorted(cards) == sorted(expected), (order, limit, len(cards))
            assert max(page["examined"] for page in pages) <= 50 and not any(page["complete"] for page in pages)
        none = keys_of(server, "rule=three&prefix=nobody")
        assert none["keys"] == [] and none["limited_by"] == "keys" and none["next"] and none["found"] == 0
        assert all_pages(server, "rule=three&prefix=c0001", 3)[0][0]["key"] == "card=c0001"
        # Several at a time take turns, and events go on.
        statuses = []
        readers = [threading.Thread(target=lambda: statuses.append(server.ask("GET", "/v1/keys?rule=three").status)) for _ in range(8)]
        for reader in readers:
            reader.start()
        assert server.send([payment(300, "during", 5)]).status == 200
        for reader in readers:
            reader.join()
        assert statuses == [200] * 8, statuses
        server.end()


PERSONAL = RULES.replace("card: string,", "card: string pii,").replace(
    "  by card\n  when payment as first", "  by card\n  tags cards\n  when payment as first")


@case
def who_is_shown_keys():
    """who does not see personal data, or is limited to tags or types, is refused as for one key; each reading is in the audit log"""
    secret = "4111222233334444"
    with Server(rules=PERSONAL) as server:
        server.send([payment(1, secret, 5)])

        def token(name, role="reader", **more):
            return server.ask("POST", "/v1/tokens", {"name": name, "role": role, **more}).json["token"]
        tokens = {"reader": token("reader"), "blind": token("blind", "admin", pii=False), "seeing": token("seeing", pii=True),
                  "analyst": token("analyst", "analyst"), "tags": token("tags", pii=True, tags=["cards"]),
                  "types": token("types", pii=True, types=["payment"]), "producer": token("producer", "producer")}
        for name, one in tokens.items():
            of_one = server.ask("GET", f"/v1/keys/card={secret}", token=one)
            for query in ("", f"prefix={secret[:6]}", "rule=three&order=any", "cursor=0123456789abcdef:0:0:0"):
                answer = server.ask("GET", f"/v1/keys?{query}", token=one)
                if name in ("seeing", "analyst"):
                    assert of_one.status == 200 and answer.status == (400 if "cursor" in query else 200), (name, query, answer)
                else:
                    assert of_one.problem() == answer.problem() == "forbidden", (name, query, answer)
                    assert of_one.json["detail"] == answer.json["detail"] and secret[:6] not in answer.text, (name, answer)
        assert keys_of(server, token=tokens["seeing"])["keys"][0]["values"] == {"card": secret}
        entries = server.ask("GET", "/v1/audit?action=listKeys").json["entries"]
        done = [entry for entry in entries if entry["result"] == "done"]
        assert {entry["actor"] for entry in done} == {"analyst", "seeing"} and len(done) == 7, entries
        assert all(entry["read_by"] == "key" and entry["pii"] for entry in done), done
        assert secret[:6] not in json.dumps(entries), entries
        server.end()


@case
def before_the_first_event():
    """before the first event what is held of a key is of no time: `at` is null"""
    with Server(rules=RULES) as server:
        for report in (server.ask("GET", "/v1/keys/card=c1").json["reports"][0], server.ask("GET", "/v1/trace?key=card=c1").json["state"][0]):
            assert report["at"] is None and report["known"] is False, report
        server.send([payment(1, amount=5)])
        wait_for(lambda: server.ask("GET", "/v1/keys/card=c1").json["reports"][0]["at"] is not None, "the time of the first event")


run_cases()
