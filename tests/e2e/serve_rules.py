#!/usr/bin/env python3
"""End-to-end cases of rules that change while `tocsin serve` runs.

    serve_rules.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import os
import pathlib
import signal
import threading

from harness import LIMIT_S, RULES, case, has, payment, run_cases, tocsin, wait_for, write
from server_process import TIMELESS, Server, alone, statuses, stored

THREE = """rule three "Three payments" {
  by card
  when 3 payment within 10m
  alert "three on {card}"
}
"""
SMALL = """rule small "Small" {
  by card
  when payment where amount < 1
  alert "small on {card}"
}
"""


def put(server, rule, text, etag=None, query="", **options):
    headers = {"If-None-Match": "*"} if etag is None else {"If-Match": etag}
    return server.ask("PUT", f"/v1/rules/{rule}{query}", text, media="text/plain", headers=headers, **options)


def rules_of(server):
    """Those that run, by id, with their status."""
    rules = server.ask("GET", "/v1/rules").json["rules"]
    return {rule["id"]: rule["status"] for rule in rules if rule["status"] != "draft"}


def names(report, fate):
    return {part.get("rule") or part.get("feature") for part in report[fate]}


@case
def a_rule_comes_and_others_go_on():
    """a rule that is put holds from the next event on, and what others remember stays"""
    with Server(rules=RULES + THREE) as server:
        server.send([payment(1, "c1", 5), payment(2, "c1", 5)])  # two of three
        answer = put(server, "small", SMALL)
        assert answer.status == 200, answer
        assert answer.json["version"] == 2 and answer.json["changed"] is True
        assert names(answer.json, "kept") == {"large", "unconfirmed", "three"}, answer
        assert names(answer.json, "started") == {"small"} and answer.json["lost"] == []
        told = server.send([payment(3, "c1", 0.5)], "?wait=alerts&timeout=5s").json["alerts"]
        assert {alert["rule"] for alert in told} == {"three", "small"}, told
        assert rules_of(server) == {"large": "live", "unconfirmed": "live", "three": "live", "small": "live"}
        # Changed: begins anew. Removed: gone.
        etag = server.ask("GET", "/v1/rules/three").headers["ETag"]
        two = THREE.replace("3 payment", "2 payment")
        server.send([payment(4, "c2", 5)])
        changed = put(server, "three", two, etag)
        assert names(changed.json, "started") == {"three"} and changed.headers["ETag"] != etag, changed
        told = server.send([payment(5, "c2", 5)], "?wait=alerts&timeout=5s").json["alerts"]
        assert told == [], told  # only one since then
        gone = server.ask("DELETE", "/v1/rules/small", headers={"If-Match": "*"})
        assert names(gone.json, "lost") == {"small"}, gone
        assert "small" not in rules_of(server)
        assert server.send([payment(6, "c3", 0.5)], "?wait=alerts&timeout=5s").json["alerts"] == []
        server.end()


@case
def killed_after_a_deploy():
    """a deploy outlives kill -9, and a start that replays it raises what was raised before"""
    events = [payment(second, f"c{second % 3}", 5) for second in range(30)]
    for with_checkpoint in (False, True):
        data = f"data-{with_checkpoint}"
        with Server(rules=RULES, data=data) as server:
            server.send(events[:10])
            assert put(server, "three", THREE, query="?comment=more").status == 200
            server.send(events[10:20])
            if with_checkpoint:
                assert server.ask("POST", "/v1/checkpoints").status in (200, 201)
            etag = server.ask("GET", "/v1/pack").headers["ETag"]
            before = stored(data)
            server.kill()
        with Server(rules=None, data=data) as server:
            assert rules_of(server)["three"] == "live"
            assert server.ask("GET", "/v1/pack").headers["ETag"] == etag
            versions = server.ask("GET", "/v1/versions").json["versions"]
            assert [one["version"] for one in versions] == [2, 1] and versions[0]["who"] == "admin", versions
            assert versions[0]["comment"] == "more"
            server.send(events[20:])
            server.end()
        after = stored(data)
        assert after[:len(before)] == before
        # The rule saw the events from its deploy on, and nothing else.
        write("three.tocsin", RULES + THREE)
        expected = [alert for alert in alone(events[10:], "three.tocsin") if alert["rule"] == "three"]
        found = [alert for alert in after if alert["rule"] == "three"]
        assert len(found) > 5
        assert [(alert["ts"], alert["key"]) for alert in found] == [(alert["ts"], alert["key"]) for alert in expected]
        assert tocsin("verify", data).code == 0
        inspected = tocsin("inspect", data)
        assert inspected.code == 0 and "three" in inspected.out, inspected.err


@case
def killed_within_a_deploy():
    """a deploy that a crash cuts short holds afterwards as a whole, or not at all"""
    for count in (1, 2, 3):  # in the deploy of this number
        data = f"data-{count}"
        with Server(rules=RULES, data=data, env={**os.environ, "TOCSIN_CRASH_AT": f"node.deployed:{count}"}) as server:
            server.send([payment(1, "c1", 5), payment(2, "c1", 5)])
            for number, text in enumerate((THREE, THREE.replace("3 payment", "4 payment"), THREE)):
                try:
                    assert put(server, "three", text, "*" if number else None).status == 200
                except (OSError, http.client.HTTPException):
                    assert number == count - 1
                    break
            assert server.process.wait(LIMIT_S) == -signal.SIGKILL
        with Server(rules=None, data=data) as server:
            running = rules_of(server)
            assert {"large", "unconfirmed"} <= set(running) <= {"large", "unconfirmed", "three"}, running
            versions = server.ask("GET", "/v1/versions").json["versions"]
            assert versions[0]["version"] in (count, count + 1), versions
            server.send([payment(3, "c1", 150)])
            server.end()
        assert [alert["rule"] for alert in stored(data)] == ["large"]
        assert tocsin("verify", data).code == 0


@case
def other_rules_at_a_start():
    """a start with other rules than those that hold is refused, and says what to do"""
    with Server(rules=RULES) as server:
        assert put(server, "three", THREE).status == 200
        server.end()
    with Server(rules=RULES, may_fail=True) as server:
        wait_for(lambda: server.process.poll() is not None, "the refusal")
        has(server.end(code=5).said, "three is gone", "without RULES", "--rules-deploy")
    with Server(rules=None) as server:
        assert "three" in rules_of(server)
        server.end()
    with Server("--rules-deploy", "true", rules=RULES) as server:
        assert "three" not in rules_of(server)
        assert server.ask("GET", "/v1/versions").json["versions"][0]["comment"] == "deployed at the start"
        has(server.end().said, "as version 3", "lost     rule three")
    with Server(rules=RULES) as server:  # now they hold
        assert server.ask("GET", "/v1/pack").json["version"] == 3


@case
def two_writers():
    """of two writers who read the same rule one is told that it has changed; without If-Match nobody writes"""
    with Server(rules=RULES + THREE) as server:
        etag = server.ask("GET", "/v1/rules/three").headers["ETag"]
        answers = []
        texts = [THREE.replace("3 payment", f"{count} payment") for count in (4, 5)]
        writers = [threading.Thread(target=lambda text=text: answers.append(put(server, "three", text, etag)))
                   for text in texts]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert sorted(answer.status for answer in answers) == [200, 412], answers
        assert [answer for answer in answers if answer.status == 412][0].problem() == "stale"
        # Another rule's change is nobody's business.
        now = server.ask("GET", "/v1/rules/three").headers["ETag"]
        assert put(server, "small", SMALL).status == 200
        assert put(server, "three", THREE, now).status == 200
        assert put(server, "three", THREE).problem() == "stale"  # it is there already
        bare = server.ask("PUT", "/v1/rules/three", THREE, media="text/plain")
        assert bare.status == 428 and bare.problem() == "precondition-required", bare
        has(bare.json["detail"], "If-Match")
        assert server.ask("DELETE", "/v1/rules/none", headers={"If-Match": "*"}).problem() == "stale"
        assert server.ask("PUT", "/v1/pack", {"files": {}}).status == 428
        # An empty one names no version that was read, and is not no condition.
        for nothing, status in (("", 428), ('""', 412)):
            assert server.ask("PUT", "/v1/pack", {"files": {}}, headers={"If-Match": nothing}).status == status


@case
def what_does_not_check():
    """rules that do not check, or fail their own tests, change nothing, and every mistake is told with its place"""
    with Server() as server:
        etag = server.ask("GET", "/v1/pack").headers["ETag"]
        good = {f"r{number}.tocsin": SMALL.replace("rule small", f"rule r{number}") for number in range(20)}
        bad = {**good, "r7.tocsin": SMALL.replace("rule small", "rule r7").replace("amount", "amuont")}
        answer = server.ask("PATCH", "/v1/pack", {"files": bad}, headers={"If-Match": etag})
        assert answer.status == 422 and answer.problem() == "rules-do-not-check", answer
        places = [(one["file"], one["line"]) for one in answer.json["diagnostics"] if one["level"] == "error"]
        assert places == [("r7.tocsin", 3)], answer
        failing = SMALL + """
test small "none" {
  0s payment { id: "1", card: "a", amount: 0.50 }
  expect no alert
}
"""
        answer = put(server, "small", failing)
        assert answer.status == 422 and answer.problem() == "rule-tests-fail", answer
        has(answer.json["failures"][0], "none")
        for text, words in (("const a = 1", "declares no rule"), (SMALL + THREE, "2 rules"),
                            (THREE, "`three`")):
            answer = put(server, "small", text)
            assert answer.problem() == "bad-body", answer
            has(answer.json["detail"], words)
        for path in ("../x.tocsin", "/x.tocsin", ""):
            answer = server.ask("PATCH", "/v1/pack", {"files": {path: ""}}, headers={"If-Match": "*"})
            assert answer.problem() == "bad-body", answer
        assert server.ask("GET", "/v1/pack").headers["ETag"] == etag
        assert set(rules_of(server)) == {"large", "unconfirmed"}
        assert put(server, "small", failing, query="?ignore_tests=true").status == 200
        answer = server.ask("PATCH", "/v1/pack", {"files": good}, headers={"If-Match": "*"})
        assert answer.status == 422, answer  # the test of before still fails
        answer = server.ask("PATCH", "/v1/pack?ignore_tests=true", {"files": good}, headers={"If-Match": "*"})
        assert answer.status == 200 and len(rules_of(server)) == 23, answer


@case
def ten_thousand_rules():
    """ten thousand rules in one put are taken, and work"""
    with Server() as server:
        text = "".join(SMALL.replace("rule small", f"rule r{number}") for number in range(10_000))
        answer = server.ask("PATCH", "/v1/pack", {"files": {"many.tocsin": text}}, headers={"If-Match": "*"})
        assert answer.status == 200 and len(answer.json["started"]) == 10_000, answer.status
        answer = server.send([payment(1, "c1", 0.5)], "?wait=alerts&timeout=5s")
        assert statuses(answer) == ["accepted"]
        wait_for(lambda: len(stored()) == 10_000, "all alerts")
        back = server.ask("POST", "/v1/versions/1/rollback", headers={"If-Match": "*"})
        assert len(back.json["lost"]) == 10_000 and set(rules_of(server)) == {"large", "unconfirmed"}, back.status


@case
def a_share_of_the_keys():
    """a live rule for a share of its keys: the same keys again after a kill, all of them in a larger share, the rest in shadow"""
    after = 'rule after "After a small one" {\n  by card\n  when alert small\n  alert "after on {card}"\n}\n'
    cards = [f"c{number}" for number in range(300)]
    second = 0

    def stage(word):
        answer = server.ask("PUT", "/v1/rules/small/stage", {"stage": word}, headers={"If-Match": "*"})
        assert answer.status == 200, answer
        assert {rule["id"]: rule["stage"] for rule in server.ask("GET", "/v1/rules").json["rules"]}["small"] == word
        assert server.ask("GET", "/v1/pack").json["stages"] == ({} if word == "live" else {"small": word})

    def alerted():
        """The cards that get an alert of each rule now."""
        nonlocal second
        second += 1
        told = server.send([payment(second, card, 0.5) for card in cards], "?wait=alerts&timeout=20s").json["alerts"]
        small, read = ({alert["key"]["card"] for alert in told if alert["rule"] == rule} for rule in ("small", "after"))
        assert small == read, small ^ read  # nobody sees what is in shadow
        return small

    with Server(rules=RULES + SMALL + after, data="data") as server:
        assert alerted() == set(cards)
        stage("live 10%")
        tenth = alerted()
        assert 15 <= len(tenth) <= 45, tenth
        server.kill()
    with Server(rules=None, data="data") as server:
        assert alerted() == tenth
        shown = [server.ask("GET", f"/v1/alerts?rule=small&limit=1000{more}").json["alerts"] for more in ("", "&shadow=true")]
        assert [len(one) for one in shown] == [len(cards) + 2 * len(tenth), 3 * len(cards)], [len(one) for one in shown]
        stage("live 37.5%")
        more = alerted()
        assert tenth < more and 80 <= len(more) <= 145, more
        stage("live")
        assert alerted() == set(cards)
        stage("live 10%")  # and back
        assert alerted() == tenth
        stage("shadow")
        assert alerted() == set()
        server.end()


def compared(server, rule, query="", **options):
    answer = server.ask("GET", f"/v1/rules/{rule}/comparison{query}", **options)
    assert answer.status == 200, answer
    return answer.json


def numbers(comparison):
    return [comparison[part]["alerts"] for part in ("shadow", "both", "only_shadow", "live", "only_live")]


@case
def shadow_beside_live():
    """a comparison: a rule's alerts in shadow beside the live ones, by key and time, with labels, days and samples"""
    half = SMALL.replace("small", "half").replace("< 1", "< 0.5")
    with Server(rules=RULES + SMALL + half) as server:
        # What was live before a rule is watched is no difference.
        assert server.send([payment(0, "c0", 0.7)], "?wait=alerts").json["alerts"][0]["rule"] == "small"
        assert server.ask("PUT", "/v1/rules/half/stage", {"stage": "shadow"}, headers={"If-Match": "*"}).status == 200
        empty = compared(server, "half")
        assert numbers(empty) == [0, 0, 0, 1, 1] and "from" not in empty, empty
        sent = [payment(3600, "c1", 0.3), payment(3601, "c2", 0.4), payment(3602, "c3", 0.7), payment(3603, "c4", 200)]
        told = server.send(sent, "?wait=alerts&timeout=20s").json["alerts"]
        assert len([alert for alert in told if alert["rule"] == "small"]) == 3, told
        found = compared(server, "half")
        assert numbers(found) == [2, 2, 0, 4, 2], found
        assert found["keys"] == {"both": 2, "only_shadow": 0, "only_live": 2}, found
        assert found["rules"] == [{"rule": "small", "both": 2, "only_live": 1}, {"rule": "large", "both": 0, "only_live": 1}], found
        assert [[day["both"], day["only_shadow"], day["only_live"]] for day in found["days"]] == [[2, 0, 2]], found
        assert found["within"] == "10m" and found["examined"] == 7 and found["complete"] is True, found
        assert [one["shadow"]["alert"]["key"]["card"] for one in found["samples"]["both"]] == ["c2", "c1"], found
        assert [one["live"]["alert"]["rule"] for one in found["samples"]["both"]] == ["small", "small"], found
        # The live alert's label counts for the one in shadow that nobody judged; its own comes first.
        live = found["samples"]["both"][1]["live"]["alert"]["id"]
        assert server.ask("POST", f"/v1/alerts/{live}/triage", {"action": "confirm"}).status == 200
        own = found["samples"]["both"][0]["shadow"]["alert"]["id"]
        assert server.ask("POST", f"/v1/alerts/{own}/triage", {"action": "dismiss"}).status == 200
        assert compared(server, "half")["both"] == {"alerts": 2, "confirmed": 1, "dismissed": 1, "precision": 0.5}
        # Other times, another distance, one rule.
        assert numbers(compared(server, "half", "?against=large")) == [2, 0, 2, 1, 1]
        assert numbers(compared(server, "half", "?within=0s&against=small")) == [2, 2, 0, 3, 1]
        second = compared(server, "half", "?from=2026-03-02T13:00:01Z&to=2026-03-02T13:00:02Z")
        assert numbers(second) == [1, 1, 0, 1, 0] and second["from"] == "2026-03-02T13:00:01Z", second
        server.end()
    with Server(rules=None, options=(*TIMELESS, "--alerts-query-rows-max", "100")) as server:  # the same over a start
        assert numbers(compared(server, "half")) == [2, 2, 0, 4, 2]
        server.send([payment(7200 + number, f"d{number}", 0.7) for number in range(150)], "?wait=alerts&timeout=20s")
        few = compared(server, "half")
        assert few["examined"] == 100 and few["complete"] is False and few["live"]["alerts"] == 100, few
        server.end()


@case
def who_compares():
    """a comparison: what is refused, a token's tags and types, and marks for who is not shown personal data"""
    rules = RULES.replace("card: string,", "card: string pii,").replace("  severity high", "  severity high\n  tags retail")
    with Server(rules=rules + SMALL.replace("  by card", "  tags cards\n  status shadow\n  by card")) as server:
        path = "/v1/rules/small/comparison"

        def token(name, role="reader", **more):
            return server.ask("POST", "/v1/tokens", {"name": name, "role": role, **more}).json["token"]
        server.send([payment(1, "4111222233334444", 0.5), payment(2, "4111222233334444", 200)], "?wait=alerts&timeout=20s")
        assert server.ask("GET", path, token=None).status == 401
        assert server.ask("GET", path, token=token("till", "producer")).problem() == "forbidden"
        assert server.ask("GET", "/v1/rules/none/comparison").problem() == "not-found"
        for query in ("?from=yesterday", "?to=1", "?within=soon", "?within=-1m", "?other=1", "?against=none"):
            assert server.ask("GET", path + query).problem() == "bad-parameter", query
        whole = server.ask("GET", path)
        assert numbers(whole.json) == [1, 1, 0, 1, 0] and '"4111222233334444"' in whole.text, whole
        masked = server.ask("GET", path, token=token("rea"))
        assert numbers(masked.json) == [1, 1, 0, 1, 0] and '"4111222233334444"' not in masked.text, masked
        assert "•••" in masked.json["samples"]["both"][0]["shadow"]["alert"]["key"]["card"], masked
        # Who is limited is told of their own rules alone.
        cards, retail, both = (token("-".join(tags), tags=tags) for tags in (["cards"], ["retail"], ["cards", "retail"]))
        assert numbers(compared(server, "small", token=cards)) == [1, 0, 1, 0, 0]
        assert numbers(compared(server, "small", token=both)) == [1, 1, 0, 1, 0]
        assert server.ask("GET", path, token=retail).problem() == "not-found"
        assert server.ask("GET", path + "?against=large", token=cards).problem() == "bad-parameter"
        assert numbers(compared(server, "small", token=token("typed", types=["confirmation"]))) == [0, 0, 0, 0, 0]
        reads = [(entry["actor"], entry["action"]) for entry in server.ask("GET", "/v1/audit").json["entries"] if entry.get("pii")]
        assert [actor for actor, action in reads if action == "compareRule"] == ["admin"], reads
        server.end()


@case
def stages_and_roles():
    """a rule is let out step by step; an analyst works on what is held back, an operator lets it go live"""
    with Server() as server:
        ann = server.ask("POST", "/v1/tokens", {"name": "ann", "role": "analyst"}).json["token"]
        reader = server.ask("POST", "/v1/tokens", {"name": "rea", "role": "reader"}).json["token"]

        def stage(rule, word, token=True):
            return server.ask("PUT", f"/v1/rules/{rule}/stage", {"stage": word}, headers={"If-Match": "*"}, token=token)
        assert put(server, "small", SMALL, token=reader).problem() == "forbidden"
        assert put(server, "small", SMALL, token=ann).status == 200
        assert rules_of(server)["small"] == "shadow"
        told = server.send([payment(1, "c1", 0.5)], "?wait=alerts&timeout=5s").json["alerts"]
        assert [alert["rule"] for alert in told if alert.get("status") != "shadow"] == [], told
        etag = server.ask("GET", "/v1/rules/small").headers["ETag"]
        assert put(server, "small", SMALL.replace("< 1", "< 2"), etag, token=ann).status == 200
        assert stage("small", "live", ann).problem() == "forbidden"
        assert put(server, "large", SMALL.replace("small", "large"), "*", token=ann).problem() == "forbidden"
        assert stage("large", "retired", ann).problem() == "forbidden"
        assert server.ask("DELETE", "/v1/rules/large", headers={"If-Match": "*"}, token=ann).problem() == "forbidden"
        assert stage("small", "live").status == 200
        assert rules_of(server)["small"] == "live"
        assert stage("small", "retired").status == 200
        assert "small" not in rules_of(server)
        wrong = stage("small", "live")
        assert wrong.problem() == "conflict", wrong
        has(wrong.json["detail"], "it may become draft")
        for word in ("Live", "shadow 10%", "live 0%", "live 200%", "live 10"):
            assert stage("small", word).problem() == "bad-body", word
        assert stage("none", "live").problem() == "not-found"
        pack = server.ask("GET", "/v1/pack").json
        assert pack["stages"] == {"small": "retired"} and "small.tocsin" in pack["files"], pack


@case
def versions():
    """what held before can be read, compared and made to hold again"""
    with Server() as server:
        first = server.ask("GET", "/v1/pack")
        assert put(server, "small", SMALL, query="?comment=first%20try").status == 200
        assert put(server, "small", SMALL.replace("< 1", "< 2"), "*").status == 200
        listed = server.ask("GET", "/v1/versions").json["versions"]
        assert [one["version"] for one in listed] == [3, 2, 1] and listed[1]["comment"] == "first try", listed
        assert [one["version"] for one in server.ask("GET", "/v1/versions?limit=1&before=3").json["versions"]] == [2]
        two = server.ask("GET", "/v1/versions/2").json
        assert two["files"]["small.tocsin"] == SMALL and two["who"] == "admin"
        diff = server.ask("GET", "/v1/versions/3/diff").json
        assert diff["rules"] == [{"rule": "small", "change": "changed"}], diff
        assert [one["path"] for one in diff["files"]] == ["small.tocsin"]
        diff = server.ask("GET", "/v1/versions/3/diff?from=1").json
        assert diff["rules"] == [{"rule": "small", "change": "added"}] and diff["files"][0]["change"] == "added"
        back = server.ask("POST", "/v1/versions/1/rollback", headers={"If-Match": "*"})
        assert back.json["version"] == 4 and back.headers["ETag"] == first.headers["ETag"], back
        assert server.ask("GET", "/v1/versions").json["versions"][0]["comment"] == "back to version 1"
        assert server.ask("GET", "/v1/versions/9").problem() == "not-found"
        assert server.ask("POST", "/v1/versions/9/rollback", headers={"If-Match": "*"}).problem() == "not-found"
        same = server.ask("POST", "/v1/versions/1/rollback", headers={"If-Match": "*"})
        assert same.json["changed"] is False and same.json["version"] == 4


@case
def versions_of_one_rule():
    """the versions that changed one rule, page by page; a rule that is gone is known, a wrong name is answered"""
    with Server() as server:
        assert put(server, "small", SMALL).status == 200
        assert put(server, "three", THREE).status == 200
        put(server, "small", SMALL.replace("< 1", "< 2"), "*", query="?comment=less")
        server.ask("PUT", "/v1/rules/small/stage", {"stage": "shadow"}, headers={"If-Match": "*"})
        server.ask("DELETE", "/v1/rules/small", headers={"If-Match": "*"})
        listed = {one["id"]: one for one in server.ask("GET", "/v1/rules").json["rules"]}
        assert {rule: one["changed"]["version"] for rule, one in listed.items()} == {"large": 1, "unconfirmed": 1, "three": 3}, listed
        assert listed["three"]["changed"]["who"] == "admin" and listed["three"]["tests"] == 0, listed
        page = server.ask("GET", "/v1/versions?rule=small&limit=3").json
        told = [(one["version"], one["change"], one.get("stage"), one["comment"]) for one in page["versions"]]
        assert told == [(6, "removed", None, ""), (5, "stage", ["live", "shadow"], ""), (4, "changed", None, "less")], page
        last = server.ask("GET", f"/v1/versions?rule=small&limit=3&cursor={page['next']}").json
        assert [(one["version"], one["change"]) for one in last["versions"]] == [(2, "added")] and "next" not in last, last
        assert [one["version"] for one in server.ask("GET", "/v1/versions?rule=large").json["versions"]] == [1]
        wrong = server.ask("GET", "/v1/versions?rule=smal")
        assert wrong.problem() == "bad-parameter" and "did you mean small?" in wrong.json["detail"], wrong
        assert server.ask("GET", "/v1/versions?cursor=x").problem() == "bad-parameter"
        page = server.ask("GET", "/v1/versions?limit=4").json
        rest = server.ask("GET", f"/v1/versions?limit=4&cursor={page['next']}").json
        assert [one["version"] for one in page["versions"] + rest["versions"]] == [6, 5, 4, 3, 2, 1] and "next" not in rest


@case
def more_files_than_a_record_names():
    """a pack whose files the journal cannot name in one record changes nothing, and the remedy is said"""
    with Server("--journal-segment-bytes", "8KiB") as server:
        files = {f"{number:060}.tocsin": f"const a{number} = {number}" for number in range(200)}
        answer = server.ask("PATCH", "/v1/pack", {"files": files}, headers={"If-Match": "*"})
        assert answer.problem() == "too-large" and "journal.segment_bytes" in answer.json["detail"], answer
        assert server.ask("GET", "/v1/pack").json["version"] == 1
        assert put(server, "small", SMALL).status == 200
        assert server.send([payment(1, "c1", 0.5)]).status == 200
        server.end()
    assert [alert["rule"] for alert in stored()] == ["small"]


@case
def texts_of_old_versions():
    """verify misses the text of an old version, which no start processes again but a roll-back needs"""
    with Server() as server:
        assert put(server, "small", SMALL).status == 200
        assert put(server, "small", SMALL.replace("< 1", "< 2"), etag="*").status == 200
        for _ in range(3):
            assert server.send([payment(1)]).status == 200
            assert server.ask("POST", "/v1/checkpoints").status == 201
        server.end()
    tocsin("verify", "data")
    [old] = [blob for blob in pathlib.Path("data/blobs").iterdir() if blob.read_text() == SMALL]
    old.unlink()
    done = tocsin("verify", "data", code=None)
    assert done.code != 0, done
    has(done.err, f"{old.name} is missing: record ")


@case
def dry_run():
    """rules are tried on given events, and nothing is kept"""
    with Server() as server:
        events = [payment(1, "c1", 150), payment(2, "c1", 0.5), {"type": "payment"}]
        answer = server.ask("POST", "/v1/rules/dry-run", {"events": events})
        assert [alert["rule"] for alert in answer.json["alerts"]] == ["large"], answer
        assert answer.json["invalid"][0]["event"] == 2 and answer.json["events"] == 2
        pack = server.ask("GET", "/v1/pack").json["files"]
        answer = server.ask("POST", "/v1/rules/dry-run", {"events": events, "files": {**pack, "small.tocsin": SMALL}})
        assert [alert["rule"] for alert in answer.json["alerts"]] == ["large", "small"], answer
        bad = server.ask("POST", "/v1/rules/dry-run", {"events": [], "files": {"a.tocsin": "rule"}})
        assert bad.problem() == "rules-do-not-check", bad
        assert server.ask("POST", "/v1/rules/dry-run", {"event": []}).problem() in ("bad-body", "bad-parameter")
        server.end()
    assert stored() == []


if __name__ == "__main__":
    run_cases()
