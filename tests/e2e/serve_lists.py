#!/usr/bin/env python3
"""End-to-end cases of lists and tables that change while `tocsin serve` runs.

    serve_lists.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import datetime
import gzip
import http.client
import json
import os
import random
import signal
import time

from harness import LIMIT_S, case, has, payment, run_cases, tocsin, write
from server_process import Server, stored

RULES = """\
event payment {
  ts: time, id: string id, card: string, amount: decimal(2), place: string?,
  risky: bool = card in watched
}
list blocked : string from "blocked.txt"
list watched : string = ["w1"]
list odd : decimal(2) = [9.99]
list steps : int = [1]
list words : text = ["gift card"]
table profiles key card { home: string, limit: decimal(2), travel: list of string } = {
  "c1": { home: "SE", limit: 50.00, travel: ["SE"] },
}
kind blocked_payment = payment where card in blocked

rule blocked_card "A blocked card" { by card when blocked_payment alert "{card}" }
rule odd_amount "An odd amount" { by card when payment as p where amount in odd alert "{p.amount}" }
rule watched_twice "Twice on a watched card" {
  by card
  when payment as a where risky then payment as b where card in watched within 1h
  alert "{a.id} {b.id}"
}
rule over "Over the limit" {
  by card
  when payment as p where amount > profiles[card].limit and place not in profiles[card].travel
  alert "{p.amount} of {profiles[card].limit}"
}
"""


def served(**more):
    write("blocked.txt", "b1\nb2\n")
    return Server(rules=RULES, **more)


def told(server, *events):
    """The rules that raise alerts at these events."""
    answer = server.send(list(events), "?wait=alerts&timeout=5s")
    assert answer.status == 200, answer
    return [alert["rule"] for alert in answer.json["alerts"]]


def change(server, method, path, body=None, **options):
    answer = server.ask(method, f"/v1/{path}", body, **options)
    assert answer.status == 200, answer
    return answer.json


def entries(server, name):
    """Values and where they are from."""
    return {one["value"]: one["origin"] for one in server.ask("GET", f"/v1/lists/{name}").json["entries"]}


@case
def the_very_next_event():
    """an entry that is added or removed holds for the very next event, everywhere that the list is asked"""
    with served() as server:
        assert told(server, payment(1, "x1", 5)) == []
        done = change(server, "POST", "lists/blocked/entries", {"entries": ["x1", {"value": "x2"}]})
        assert done["changed"] == 2 and done["size"] == 4 and done["record"] > 0, done
        assert told(server, payment(2, "x1", 5)) == ["blocked_card"]
        assert told(server, payment(3, "b1", 5)) == ["blocked_card"]
        again = change(server, "POST", "lists/blocked/entries", ["x1"])
        assert again["changed"] == 0 and again["size"] == 4, again
        assert change(server, "DELETE", "lists/blocked/entries/b1")["changed"] == 1
        assert change(server, "DELETE", "lists/blocked/entries", {"entries": ["x2", "nobody"]})["changed"] == 1
        assert told(server, payment(4, "b1", 5), payment(5, "x2", 5), payment(6, "x1", 5)) == ["blocked_card"]
        assert entries(server, "blocked") == {"b2": "declared", "x1": "added"}
        # A computed field, a pattern of two events, and decimals by value.
        change(server, "POST", "lists/watched/entries", ["c7"])
        assert told(server, payment(7, "c7", 5), payment(8, "c7", 5)) == ["watched_twice"]
        change(server, "POST", "lists/odd/entries", '{"entries": [12.5, "7.00"]}', media="application/json")
        assert told(server, payment(9, "d", 12.5), payment(10, "d", 7), payment(11, "d", 7.01)) == ["odd_amount"] * 2
        assert list(entries(server, "odd")) == [7.0, 9.99, 12.5]
        # Tables.
        assert told(server, payment(12, "c2", 60)) == []
        row = {"row": {"card": "c2", "limit": 10, "travel": ["NO", "FI"]}}
        assert change(server, "POST", "tables/profiles/rows", {"entries": [row]})["size"] == 2
        assert told(server, payment(13, "c2", 60, place="DK"), payment(14, "c2", 60, place="FI")) == ["over"]
        assert change(server, "DELETE", "tables/profiles/rows", {"entries": [{"row": {"card": "c1"}}]})["size"] == 1
        assert told(server, payment(15, "c1", 60, place="DK")) == []
        page = server.ask("GET", "/v1/tables/profiles").json
        assert page["key"] == {"card": "string"} and page["columns"]["travel"] == "list of string", page
        assert [(one["row"], one["origin"]) for one in page["rows"]] == [
            ({"card": "c2", "home": None, "limit": 10.0, "travel": ["NO", "FI"]}, "added")], page
        server.end()


@case
def entries_that_end():
    """an entry holds for events before its end, and adding it again moves that"""
    with served() as server:
        until = "2026-03-02T12:01:40Z"  # 100 s
        change(server, "POST", "lists/blocked/entries", {"entries": [{"value": "t", "until": until}]})
        assert told(server, payment(98, "t", 5), payment(99, "t", 5)) == ["blocked_card"] * 2
        assert told(server, payment(100, "t", 5)) == []
        answer = server.ask("GET", "/v1/lists/blocked/entries/t")
        assert answer.json.items() >= {"value": "t", "origin": "added", "until": until, "ended": True}.items(), answer
        change(server, "POST", "lists/blocked/entries", {"entries": [{"value": "t", "until": "2026-03-02T12:05:00Z"}]})
        assert told(server, payment(101, "t", 5), payment(300, "t", 5)) == ["blocked_card"]
        # A declared one gets an end too; without one it holds on.
        change(server, "POST", "lists/blocked/entries", {"entries": [{"value": "b1", "until": "2026-03-02T12:05:10Z"}]})
        assert told(server, payment(309, "b1", 5), payment(310, "b1", 5)) == ["blocked_card"]
        change(server, "POST", "lists/blocked/entries", ["b1"])
        assert told(server, payment(311, "b1", 5)) == ["blocked_card"]
        server.end()


@case
def who_wrote_an_entry():
    """each entry that was added says who wrote it last, when and why; so does a whole, and after a crash they still do"""
    def notes(path, of="entries"):
        page = server.ask("GET", f"/v1/{path}").json
        return {json.dumps(one.get("value", one.get("row", {}).get("card"))): (one.get("who"), one.get("comment"))
                for one in page[of]}

    with served() as server:
        began = time.time()
        ann = server.ask("POST", "/v1/tokens", {"name": "ann", "role": "operator"}).json["token"]
        change(server, "POST", "lists/blocked/entries", ["x1", "x2"], token=ann,
               headers={"Tocsin-Comment": "chargebacks %C3%A0 100%25"})
        change(server, "POST", "lists/blocked/entries", ["x2", "b1"], headers={"Tocsin-Comment": "100% sure"})
        found = notes("lists/blocked")
        assert found == {'"b1"': ("admin", "100% sure"), '"b2"': (None, None), '"x1"': ("ann", "chargebacks \u00e0 100%"),
                         '"x2"': ("admin", "100% sure")}, found
        one = server.ask("GET", "/v1/lists/blocked/entries/x1").json
        at = datetime.datetime.fromisoformat(one["at"].replace("Z", "+00:00")).timestamp()
        assert one["who"] == "ann" and began - 1 <= at <= time.time() + 1, one
        change(server, "POST", "tables/profiles/rows", [{"row": {"card": "x1", "limit": 1}}], token=ann,
               headers={"Tocsin-Comment": "asked for it"})
        assert notes("tables/profiles", "rows") == {'"c1"': (None, None), '"x1"': ("ann", "asked for it")}
        row = server.ask("GET", "/v1/tables/profiles/rows/card=x1").json
        assert row["who"] == "ann" and row["comment"] == "asked for it", row
        found = server.ask("GET", "/v1/keys/card=x1/entries").json
        assert [one["comment"] for one in found["lists"] + found["tables"]] == ["chargebacks \u00e0 100%", "asked for it"], found
        # What is taken out and put back by others is theirs; what cannot be a comment changes nothing.
        change(server, "DELETE", "lists/blocked/entries/x1")
        change(server, "POST", "lists/blocked/entries", ["x1"])
        assert notes("lists/blocked")['"x1"'] == ("admin", None)
        for bad in ("a" * 2001, "\u00e9%FF"):
            answer = server.ask("POST", "/v1/lists/blocked/entries", ["x9"], headers={"Tocsin-Comment": bad})
            assert answer.problem() == "bad-parameter" and "Tocsin-Comment" in answer.text, answer
        assert '"x9"' not in notes("lists/blocked")
        change(server, "PUT", "lists/watched", ["w1", "w2"], token=ann, headers={"Tocsin-Comment": "the new ones"})
        change(server, "POST", "lists/watched/entries", ["w2"])
        assert notes("lists/watched") == {'"w1"': ("ann", "the new ones"), '"w2"': ("admin", None)}
        before = [server.ask("GET", "/v1/" + path).json for path in ("lists/blocked", "lists/watched", "tables/profiles")]
        server.kill()
    with Server(rules=None) as server:
        assert before == [server.ask("GET", "/v1/" + path).json
                          for path in ("lists/blocked", "lists/watched", "tables/profiles")]
        change(server, "DELETE", "lists/watched")
        assert notes("lists/watched") == {'"w1"': (None, None)}
        server.end()


@case
def what_does_not_fit():
    """what does not fit is named by its place and changes nothing; limits and unknown names say the remedy"""
    with served(options=("--time-ahead-max", "0", "--time-heartbeat", "0", "--lists-entries-max", "5",
                         "--lists-value-bytes-max", "16")) as server:
        cases = [("lists/odd/entries", [1.5, 2.555, "abc"], "entry 2"),
                 ("lists/steps/entries", [1, 2, "x"], "entry 3"),
                 ("lists/steps/entries", [1.5], "entry 1"),
                 ("lists/blocked/entries", ["a", 4000], "entry 2"),
                 ("lists/blocked/entries", ["a" * 17], "lists.value_bytes_max"),
                 ("lists/blocked/entries", [{"value": "a", "until": "tomorrow"}], "2027-01-31T12:00:00Z"),
                 ("lists/blocked/entries", [{"value": "a", "unti": "x"}], "unti"),
                 ("lists/blocked/entries", {"values": ["a"]}, "entries"),
                 ("tables/profiles/rows", [{"row": {"home": "SE"}}], "`card` of the key"),
                 ("tables/profiles/rows", [{"row": {"card": "c", "homes": "SE"}}], "`homes`"),
                 ("tables/profiles/rows", [{"row": {"card": "c", "limit": 1.234}}], "decimal(2)"),
                 ("tables/profiles/rows", ["c1"], '"row"')]
        for path, body, said in cases:
            answer = server.ask("POST", "/v1/" + path, body)
            assert answer.status == 400 and answer.problem() == "bad-body", (path, body, answer)
            has(answer.text.replace('\\"', '"'), said)
        for text in ("[1, 2", "nothing", "[1] 2", '{"entries": [1, ]}'):
            answer = server.ask("POST", "/v1/lists/steps/entries", text, media="application/json")
            assert answer.status == 400, (text, answer)
        assert server.ask("GET", "/v1/lists/odd/entries/abc").status == 400
        assert server.ask("GET", "/v1/lists/nothing").problem() == "not-found"
        assert server.ask("POST", "/v1/lists/nothing/entries", ["a"]).problem() == "not-found"
        words = server.ask("POST", "/v1/lists/words/entries", ["a"])
        assert words.problem() == "conflict" and "rule pack" in words.text, words
        full = server.ask("POST", "/v1/lists/blocked/entries", ["x1", "x2", "x3", "x4"])
        assert full.problem() == "conflict" and "lists.entries_max" in full.text, full
        assert server.ask("PUT", "/v1/lists/blocked", list("abcdef")).problem() == "too-large"
        assert entries(server, "blocked") == {"b1": "declared", "b2": "declared"}
        assert all(one["record"] == 0 for one in server.ask("GET", "/v1/lists").json["lists"])
        # Roles: an analyst changes entries, an operator wholes.
        tokens = {role: server.ask("POST", "/v1/tokens", {"name": role, "role": role}).json["token"]
                  for role in ("reader", "analyst")}
        assert server.ask("GET", "/v1/lists", token=tokens["reader"]).status == 200
        assert server.ask("POST", "/v1/lists/blocked/entries", ["x"], token=tokens["reader"]).status == 403
        assert server.ask("POST", "/v1/lists/blocked/entries", ["x"], token=tokens["analyst"]).status == 200
        assert server.ask("PUT", "/v1/lists/blocked", ["x"], token=tokens["analyst"]).status == 403
        server.end()


@case
def a_whole_list():
    """a list is replaced as a whole, read page by page, and set back to what the rules declare"""
    with served() as server:
        before = server.ask("GET", "/v1/lists/blocked").headers["ETag"]
        done = server.ask("PUT", "/v1/lists/blocked", "# cards\nx3\n\"x 1\"\n\n  x2 \n", media="text/plain",
                          headers={"If-Match": before})
        assert done.status == 200 and done.json["size"] == 3, done
        assert server.ask("GET", "/v1/lists/blocked").headers["ETag"] == done.headers["ETag"] != before
        stale = server.ask("PUT", "/v1/lists/blocked", ["y"], headers={"If-Match": before})
        assert stale.problem() == "stale", stale
        assert told(server, payment(1, "b1", 5), payment(2, "x 1", 5), payment(3, "x2", 5)) == ["blocked_card"] * 2
        assert entries(server, "blocked") == {"x 1": "added", "x2": "added", "x3": "added"}
        change(server, "POST", "lists/blocked/entries", '"x4"\n{"value": "x5"}\n', media="application/x-ndjson")
        change(server, "DELETE", "lists/blocked/entries/x2")
        found, cursor = [], ""
        while cursor is not None:
            page = server.ask("GET", f"/v1/lists/blocked?limit=2{cursor and '&cursor=' + cursor}").json
            found += [one["value"] for one in page["entries"]]
            cursor = page.get("next")
        assert found == ["x 1", "x3", "x4", "x5"], found
        assert change(server, "DELETE", "lists/blocked")["size"] == 2
        assert entries(server, "blocked") == {"b1": "declared", "b2": "declared"}
        assert told(server, payment(4, "b1", 5), payment(5, "x3", 5)) == ["blocked_card"]
        server.end()


@case
def a_million_entries():
    """a list of a million entries is replaced in one request, and events go on meanwhile"""
    with served(options=("--time-ahead-max", "0", "--time-heartbeat", "0", "--checkpoint-every", "1s")) as server:
        cards = [f"{4_000_000_000_000_000 + 7 * i}" for i in range(1_000_000)]
        body = gzip.compress("\n".join(cards).encode(), 1)
        done = server.ask("PUT", "/v1/lists/blocked", body, media="text/plain", headers={"Content-Encoding": "gzip"})
        assert done.status == 200 and done.json["size"] == 1_000_000, done
        assert told(server, payment(1, cards[0], 5), payment(2, cards[-1], 5), payment(3, "b1", 5)) == ["blocked_card"] * 2
        full = server.ask("POST", "/v1/lists/blocked/entries", ["extra"])
        assert full.problem() == "conflict" and "lists.entries_max" in full.text, full
        change(server, "DELETE", f"lists/blocked/entries/{cards[5]}")
        change(server, "POST", "lists/blocked/entries", ["extra"])
        assert server.ask("POST", "/v1/checkpoints").status in (200, 201)
        server.kill()
    with Server(rules=None) as server:
        assert server.ask("GET", "/v1/lists/blocked?limit=1").json["size"] == 1_000_000
        assert told(server, payment(4, cards[5], 5), payment(5, cards[6], 5), payment(6, "extra", 5)) == ["blocked_card"] * 2
        server.end()
    assert tocsin("verify", "data").code == 0


@case
def replaced_entries_go():
    """the contents of replaced lists leave the disk once no start can need them, also after kill -9"""
    def blobs():
        return len(os.listdir("data/blobs"))

    def replaced_and_kept(server, first):
        for i in range(first, first + 6):
            change(server, "PUT", "lists/blocked", [f"r{i}"])
            told(server, payment(i, f"r{i}", 5))
            assert server.ask("POST", "/v1/checkpoints").status in (200, 201)
    with served(options=("--time-ahead-max", "0", "--time-heartbeat", "0", "--checkpoint-every", "1h")) as server:
        rules = blobs()
        replaced_and_kept(server, 1)
        # What holds, what the checkpoint before it has, and one that the next checkpoint lets go of.
        assert rules + 2 <= blobs() <= rules + 3, (rules, os.listdir("data/blobs"))
        server.kill()
    assert tocsin("verify", "data").code == 0
    with Server(rules=None) as server:
        assert entries(server, "blocked") == {"r6": "added"}
        replaced_and_kept(server, 7)
        assert rules + 2 <= blobs() <= rules + 3, (rules, os.listdir("data/blobs"))
        version = server.ask("GET", "/v1/pack").json
        assert "blocked.txt" in str(version), version
        server.end()
    assert tocsin("verify", "data").code == 0


NETWORK_RULES = """\
event payment { ts: time, id: string id, card: string, amount: decimal(2), ip: string? }
list bad : network from "bad.txt"
list closed : date = [2026-03-01]
table geo key net { net: network, country: string } = { "10.0.0.0/8": { country: "DE" } }
table hours key day { day: date, limit: decimal(2) } = { 2026-03-01: { limit: 1.00 } }

rule bad_network "From a bad network" { by card when payment where ip in bad alert "{card}" }
rule closed_day "On a closed day" { by card when payment where date(ts, "UTC") in closed alert "{card}" }
rule abroad "From abroad" { by card when payment where geo[ip].country != "DE" alert "{geo[ip].net}" }
rule over_of_day "More than on this day" {
  by card
  when payment as p where amount > hours[date(ts, "UTC")].limit
  alert "{p.amount}"
}
"""


@case
def dates_and_networks():
    """lists and tables by date and by network change like all others, and outlive kill -9"""
    def paid(second, ip, amount=5):
        return payment(second, "c1", amount, ip=ip)

    write("bad.txt", "# networks\n192.0.2.0/24\n2001:DB8::/32\n")
    with Server(rules=NETWORK_RULES) as server:
        assert entries(server, "bad") == {"192.0.2.0/24": "declared", "2001:db8::/32": "declared"}
        assert server.ask("GET", "/v1/lists/bad").json["type"] == "network"
        assert server.ask("GET", "/v1/lists/closed").json["type"] == "date"
        assert told(server, paid(1, "192.0.2.9"), paid(2, "192.0.3.9"), paid(3, "2001:db8::1")) == ["bad_network"] * 2
        until = "2026-03-02T12:00:10Z"
        done = change(server, "POST", "lists/bad/entries",
                      {"entries": ["198.51.100.0/24", "::ffff:203.0.113.7", {"value": "192.0.3.0/24", "until": until}]})
        assert done["changed"] == 3 and done["size"] == 5, done
        assert change(server, "POST", "lists/bad/entries", ["203.0.113.7/32"])["changed"] == 0  # the same entry
        assert told(server, paid(4, "192.0.3.9"), paid(5, "203.0.113.7"), paid(6, "203.0.113.8"),
                    paid(10, "192.0.3.9")) == ["bad_network"] * 2
        for value, said in (("10.0.0.1/8", "write `10.0.0.0/8` for the network"), ("10.0.0", "is no network"),
                            ("10.0.0.1-10.0.0.4", "`10.0.0.1`, `10.0.0.2/31`, `10.0.0.4`"), (7, "not in quotes")):
            answer = server.ask("POST", "/v1/lists/bad/entries", ["1.2.3.4", value])
            assert answer.problem() == "bad-body" and said in answer.text and "entry 2" in answer.text, answer.text
        lines = server.ask("POST", "/v1/lists/bad/entries", b"# ours\n1.2.3.4\n5.6.7.8/16\n", media="text/plain")
        assert lines.problem() == "bad-body" and "line 3" in lines.text and "5.6.0.0/16" in lines.text, lines.text
        assert change(server, "DELETE", "lists/bad/entries/192.0.2.0%2F24")["changed"] == 1
        assert server.ask("GET", "/v1/lists/bad/entries/2001:db8::%2F32").json["origin"] == "declared"
        assert told(server, paid(11, "192.0.2.9")) == []
        # Dates.
        assert change(server, "POST", "lists/closed/entries", ["2026-03-02"])["changed"] == 1
        assert told(server, paid(12, None)) == ["closed_day"]
        assert change(server, "DELETE", "lists/closed/entries/2026-03-02")["changed"] == 1
        assert "`2027-01-31`" in server.ask("POST", "/v1/lists/closed/entries", ["2026-02-30"]).text
        # Tables.
        rows = [{"row": {"net": "10.1.0.0/16", "country": "FR"}}, {"row": {"net": "10.1.2.0/24", "country": "DE"}}]
        assert change(server, "POST", "tables/geo/rows", {"entries": rows})["size"] == 3
        assert told(server, paid(13, "10.1.1.1"), paid(14, "10.1.2.1"), paid(15, "10.2.1.1"), paid(16, "x")) == ["abroad"]
        assert change(server, "DELETE", "tables/geo/rows", {"entries": [rows[1]]})["size"] == 2
        assert told(server, paid(17, "10.1.2.1")) == ["abroad"]
        wrong = server.ask("POST", "/v1/tables/geo/rows", {"entries": [{"row": {"net": "10.1.0.1/16", "country": "FR"}}]})
        assert wrong.problem() == "bad-body" and "10.1.0.0/16" in wrong.text, wrong.text
        page = server.ask("GET", "/v1/tables/geo").json
        assert page["key"] == {"net": "network"} and page["columns"] == {"country": "string"}, page
        assert [one["row"] for one in page["rows"]] == [{"net": "10.0.0.0/8", "country": "DE"},
                                                        {"net": "10.1.0.0/16", "country": "FR"}], page
        one = server.ask("GET", "/v1/tables/geo/rows/net=10.1.0.0%2F16")
        assert one.status == 200 and one.json["row"] == {"net": "10.1.0.0/16", "country": "FR"}, one
        for path, status, what in (("geo/rows/net=10.9.0.0%2F16", 404, "no such row"), ("geo/rows/ne=1", 400, "no column `ne`"),
                                   ("geo/rows/x", 400, "NAME=VALUE"), ("geo/rows/country=FR", 400, "`net` of the key is missing"),
                                   ("nothing/rows/net=1", 404, "no table nothing")):
            one = server.ask("GET", f"/v1/tables/{path}")
            assert one.status == status and what in one.text, (path, one)
        found = server.ask("GET", "/v1/keys/net=10.1.0.0%2F16,day=2026-03-02/entries").json
        assert found["tables"][0].items() >= {"table": "geo", "row": {"net": "10.1.0.0/16", "country": "FR"}}.items(), found
        assert server.ask("GET", "/v1/keys/net/entries").problem() == "bad-parameter"
        assert server.ask("GET", "/v1/keys/ip=never/entries").json == {"lists": [], "tables": []}
        row = {"row": {"day": "2026-03-02", "limit": 50}}
        assert change(server, "POST", "tables/hours/rows", {"entries": [row]})["size"] == 2
        assert told(server, paid(18, None, 51), paid(19, None, 50)) == ["over_of_day"]
        assert server.ask("GET", "/v1/tables/hours").json["rows"][1]["row"] == {"day": "2026-03-02", "limit": 50.0}
        assert server.ask("POST", "/v1/checkpoints").status in (200, 201)
        change(server, "POST", "lists/bad/entries", ["10.1.2.0/25"])
        before = server.ask("GET", "/v1/lists/bad").json
        server.kill()
    with Server(rules=None) as server:
        after = server.ask("GET", "/v1/lists/bad").json
        assert after["entries"] == before["entries"], (before, after)
        assert told(server, paid(20, "10.1.2.1"), paid(21, "192.0.2.9"), paid(22, "198.51.100.1")) == \
            ["bad_network", "abroad", "bad_network"]
        many = "\n".join(f"100.{i // 256}.{i % 256}.0/24" for i in range(50_000))
        assert server.ask("PUT", "/v1/lists/bad", many.encode(), media="text/plain").json["size"] == 50_000
        assert told(server, paid(23, "100.100.7.9"), paid(24, "101.0.0.1"), paid(25, "192.0.2.9")) == ["bad_network"]
        server.end()
    assert tocsin("verify", "data").code == 0


@case
def killed():
    """what was answered outlives kill -9, by replay and by checkpoint, and the same events get the same answers"""
    seed = int(os.environ.get("TOCSIN_SEED", random.randrange(1 << 32)))
    print(f"serve_lists: seed {seed}")
    dice = random.Random(seed)
    held = {"b1": None, "b2": None}  # the values, and until when in seconds
    second, number, expected = 0, 0, []
    server = served()
    for life in range(4):
        with server:
            for _ in range(25):
                value = dice.choice(["b1", "b2", "v1", "v2", "v3", "v4"])
                action = dice.randrange(6)
                if action == 0:
                    change(server, "DELETE", f"lists/blocked/entries/{value}")
                    held.pop(value, None)
                elif action == 1:
                    change(server, "POST", "lists/blocked/entries", [value])
                    held[value] = None
                elif action == 2:
                    end = second + dice.randrange(1, 40)
                    until = f"2026-03-02T12:{end // 60:02}:{end % 60:02}Z" if end < 3600 else None
                    if until:
                        change(server, "POST", "lists/blocked/entries", {"entries": [{"value": value, "until": until}]})
                        held[value] = end
                elif action == 3 and dice.randrange(4) == 0:
                    held = {one: None for one in dice.sample(["b1", "v1", "v2", "v5"], 2)}
                    change(server, "PUT", "lists/blocked", list(held))
                events = []
                for _ in range(dice.randrange(4)):
                    second += dice.randrange(3)
                    number += 1
                    card = dice.choice(["b1", "b2", "v1", "v2", "v3", "v4", "v5"])
                    events.append(payment(second, card, 5, id=f"e{number}"))
                    if card in held and (held[card] is None or second < held[card]):
                        expected.append(card)
                if events:
                    server.send(events)
                if dice.randrange(20) == 0:
                    assert server.ask("POST", "/v1/checkpoints").status in (200, 201)
            now = server.ask("GET", "/v1/lists/blocked")
            seen = {one["value"] for one in now.json["entries"] if not one.get("ended")}
            assert seen == {one for one, end in held.items() if end is None or end > second}, (seed, seen, held, second)
            etag = now.headers["ETag"]
            server.kill()
        server = Server(rules=None)
        assert server.ask("GET", "/v1/lists/blocked").headers["ETag"] == etag, seed
    with server:
        server.end()
    found = [alert["key"]["card"] for alert in stored() if alert["rule"] == "blocked_card"]
    assert found == expected, (seed, found, expected)
    assert tocsin("verify", "data").code == 0


@case
def killed_within_a_change():
    """a change that a crash cuts short holds afterwards as a whole, or not at all"""
    with served(env={**os.environ, "TOCSIN_CRASH_AT": "node.list_changed:2"}) as server:
        change(server, "POST", "lists/blocked/entries", ["k1"])
        try:
            server.ask("POST", "/v1/lists/blocked/entries", ["k2", "k3"])
        except (OSError, http.client.HTTPException):
            pass
        assert server.process.wait(LIMIT_S) == -signal.SIGKILL
    with Server(rules=None) as server:
        assert set(entries(server, "blocked")) in ({"b1", "b2", "k1"}, {"b1", "b2", "k1", "k2", "k3"})
        server.end()


@case
def other_rules():
    """a deploy keeps changes on top of what is declared, drops those of another type, and forgets no state"""
    with served() as server:
        change(server, "POST", "lists/blocked/entries", ["x1"])
        change(server, "DELETE", "lists/blocked/entries/b1")
        change(server, "POST", "lists/steps/entries", [7])
        change(server, "PUT", "lists/odd", [1.25])
        assert told(server, payment(1, "w1", 5)) == []  # the first of two
        edit = {"files": {"blocked.txt": "b1\nb2\nb3\n",
                          "rules.tocsin": RULES.replace("steps : int = [1]", 'steps : string = ["1"]')}}
        done = server.ask("PATCH", "/v1/pack", edit, headers={"If-Match": "*"})
        assert done.status == 200, done
        assert done.json["data_lost"] == ["the changes of the list steps"], done
        assert done.json["started"] == [] and done.json["lost"] == [], done
        assert entries(server, "blocked") == {"b2": "declared", "b3": "declared", "x1": "added"}
        assert list(entries(server, "odd")) == [1.25] and entries(server, "steps") == {"1": "declared"}
        assert told(server, payment(2, "w1", 5), payment(3, "b1", 5), payment(4, "b3", 5), payment(5, "x1", 5),
                    payment(6, "z", 9.99)) == ["watched_twice", "blocked_card", "blocked_card"]
        server.kill()
    with Server(rules=None) as server:  # replayed
        assert entries(server, "blocked") == {"b2": "declared", "b3": "declared", "x1": "added"}
        assert list(entries(server, "odd")) == [1.25] and entries(server, "steps") == {"1": "declared"}
        server.ask("POST", "/v1/savepoints", {"name": "before"})
        server.end()
    assert [alert["rule"] for alert in stored()] == ["watched_twice", "blocked_card", "blocked_card"]
    # A savepoint has them with it.
    with Server("--data-from", "data/savepoints/before", rules=None, data="forked") as server:
        assert list(entries(server, "odd")) == [1.25]
        assert told(server, payment(10, "x1", 5), payment(11, "b1", 1.25)) == ["blocked_card", "odd_amount"]
        server.end()


if __name__ == "__main__":
    run_cases()
