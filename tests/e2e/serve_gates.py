#!/usr/bin/env python3
"""End-to-end cases of what must hold before a change of the rules reaches live alerts: approvals of others, time in shadow, a
backtest with few enough alerts.

    serve_gates.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json

import harness
from harness import RULES, case, has, payment, run_cases, write
from server_process import TIMELESS, Server

SMALL = """
rule small "Small" {
  by card
  when payment where amount < 1
  alert "small on {card}"
}
"""
GATED = (*TIMELESS, "--rollout-approvals", "1")


def tocsin(*arguments, **options):
    return harness.tocsin(*arguments, code=None, **options)


def tokens(server, **roles):
    """A token of each name and role."""
    return {name: server.ask("POST", "/v1/tokens", {"name": name, "role": role}).json["token"] for name, role in roles.items()}


def client(server, token):
    write(f"token-{token[-6:]}", token + "\n")
    return "--server", f"http://127.0.0.1:{server.port}", "--token-file", f"token-{token[-6:]}"


def stage(server, token, word, rule="small", query=""):
    return server.ask("PUT", f"/v1/rules/{rule}/stage{query}", {"stage": word}, token=token, headers={"If-Match": "*"})


def approve(server, token, change):
    return server.ask("POST", f"/v1/changes/{change}/approval?comment=seen", token=token)


def stages(server):
    return server.ask("GET", "/v1/pack").json["stages"]


def waiting(server):
    return server.ask("GET", "/v1/changes").json["changes"]


@case
def by_another():
    """what live rules do changes when another operator has approved it; an analyst may ask; shadow is free"""
    with Server(rules=RULES + SMALL.replace("by card", "status shadow\n  by card"), options=GATED) as server:
        who = tokens(server, ann="analyst", ben="operator", cid="operator")
        text = SMALL.replace("< 1", "< 2")
        # In shadow one works alone.
        put = server.ask("PUT", "/v1/rules/tiny", text.replace("small", "tiny"), token=who["ann"], media="text/plain",
                         headers={"If-None-Match": "*"})
        assert put.status == 200 and stages(server) == {"tiny": "shadow"}, put
        asked = stage(server, who["ann"], "live 10%", "tiny", "?comment=ten")
        assert asked.status == 202 and asked.json["approvals"] == [] and asked.json["edit"] == "stage of tiny: live 10%", asked
        change = asked.json["change"]
        assert asked.headers["Location"] == f"/v1/changes/{change}"
        assert stages(server) == {"tiny": "shadow"}
        # Once more is the same change.
        assert stage(server, who["ann"], "live 10%", "tiny").json["change"] == change and len(waiting(server)) == 1
        assert approve(server, who["ann"], change).status == 403
        shown = server.ask("GET", f"/v1/changes/{change}", token=who["ben"]).json
        assert shown["stages"] == {"tiny": ["shadow", "live 10%"]} and shown["who"] == "ann" and not shown["stale"], shown
        made = approve(server, who["ben"], change)
        assert made.status == 200 and made.json["changed"] and stages(server) == {"tiny": "live 10%"}, made
        assert waiting(server) == []
        newest = server.ask("GET", "/v1/versions").json["versions"][0]
        assert (newest["who"], newest["approved_by"], newest["comment"]) == ("ann", ["ben"], "ten"), newest
        assert approve(server, who["cid"], change).status == 404
        # An operator cannot approve what he asked for.
        asked = server.ask("PUT", "/v1/rules/tiny", text.replace("small", "tiny").replace("< 2", "< 3"), token=who["ben"],
                           media="text/plain", headers={"If-Match": "*"})
        assert asked.status == 202, asked
        own = approve(server, who["ben"], asked.json["change"])
        assert own.status == 409 and own.problem() == "conflict", own
        has(own.json["detail"], "somebody else")
        # Tests of a live rule are no analyst's own matter either.
        tested = text.replace("small", "tiny") + '\ntest tiny "t" {\n  0s payment { id: "x", card: "c", amount: 1.00 }\n  expect alert\n}\n'
        tests = server.ask("PUT", "/v1/rules/tiny", tested, token=who["ann"], media="text/plain", headers={"If-Match": "*"})
        assert tests.status == 202, tests
        assert server.ask("DELETE", f"/v1/changes/{tests.json['change']}", token=who["ann"]).status == 204
        # Back goes alone, and a smaller share; an analyst asks.
        assert stage(server, who["ann"], "shadow", "tiny").status == 202
        assert stage(server, who["ben"], "live 5%", "tiny").status == 200
        back = stage(server, who["ben"], "shadow", "tiny")
        assert back.status == 200 and stages(server) == {"tiny": "shadow"}, back
        assert server.ask("POST", "/v1/versions/3/rollback", token=who["cid"], headers={"If-Match": "*"}).status == 200
        assert stages(server) == {"tiny": "live 10%"}
        # Both were asked for when the live rules were these.
        assert [one["stale"] for one in waiting(server)] == [False, False], waiting(server)
        server.end()


@case
def by_who_still_may():
    """what somebody asked for who has left waits in vain, over a restart too, and an approval of who has left does not count"""
    options = (*TIMELESS, "--rollout-approvals", "2")
    with Server(rules=RULES + SMALL, options=options) as server:
        who = tokens(server, ann="analyst", ben="operator", cid="approver", dee="approver")
        ask = lambda name, text: server.ask("PUT", "/v1/rules/small", SMALL.replace("< 1", text), token=who[name], media="text/plain",
                                            headers={"If-Match": "*"}).json["change"]
        left, kept = ask("ann", "< 2"), ask("ben", "< 3")
        assert approve(server, who["cid"], kept).status == 202
        for name in ("ann", "cid"):
            assert server.ask("DELETE", f"/v1/tokens/{name}").status == 204
        server.end()
    with Server(rules=None, options=options) as server:
        refused = approve(server, who["dee"], left)
        assert refused.status == 409 and "ann asked for this change, and no longer has the role analyst" in refused.text, refused
        still = approve(server, who["dee"], kept)
        assert still.status == 202 and [one["who"] for one in still.json["approvals"]] == ["dee"], still
        # Somebody else of the same name with a smaller role is not who asked.
        tokens(server, ann="reader")
        assert approve(server, who["dee"], left).status == 409
        who.update(tokens(server, cid="operator"))
        assert approve(server, who["cid"], kept).status == 200
        assert server.ask("DELETE", f"/v1/changes/{left}", token=who["cid"]).status == 204
        server.end()


@case
def bound_to_the_content():
    """an approval is of the live rules that it was given for, before and after; what is in shadow may change meanwhile"""
    files = {"rules.tocsin": RULES, "small.tocsin": SMALL}
    with Server(rules=RULES, options=GATED) as server:
        who = tokens(server, ann="operator", ben="operator")
        asked = server.ask("PUT", "/v1/pack", {"files": files}, token=who["ann"], headers={"If-Match": "*"})
        assert asked.status == 202, asked
        change = asked.json["change"]
        shadow = server.ask("PUT", "/v1/rules/other", SMALL.replace("small", "other"), media="text/plain", token=who["ben"],
                            headers={"If-None-Match": "*"})
        assert shadow.status == 202, shadow  # an operator's rule begins live
        assert server.ask("DELETE", f"/v1/changes/{shadow.json['change']}").status == 204
        text = SMALL.replace("small", "other").replace("by card", "status shadow\n  by card")
        shadow = server.ask("PATCH", "/v1/pack", {"files": {"other.tocsin": text}}, token=who["ben"], headers={"If-Match": "*"})
        assert shadow.status == 200, shadow
        assert not waiting(server)[0]["stale"]
        # The deploy would take the shadow rule away again, which was not asked for, but touches nothing that is live.
        assert approve(server, who["ben"], change).status == 200
        assert set(server.ask("GET", "/v1/pack").json["files"]) == {"rules.tocsin", "small.tocsin"}
        # Another change of what is live comes first.
        asked = [stage(server, who["ann"], "retired", "small", "?override="), None]
        assert asked[0].status == 403, asked
        one = server.ask("PATCH", "/v1/pack", {"files": {"small.tocsin": SMALL.replace("< 1", "< 5")}}, token=who["ann"],
                         headers={"If-Match": "*"})
        two = server.ask("PATCH", "/v1/pack", {"files": {"small.tocsin": SMALL.replace("< 1", "< 6")}}, token=who["ann"],
                         headers={"If-Match": "*"})
        assert (one.status, two.status) == (202, 202)
        assert approve(server, who["ben"], one.json["change"]).status == 200
        late = approve(server, who["ben"], two.json["change"])
        assert late.status == 412 and late.problem() == "stale", late
        has(server.ask("GET", "/v1/rules/small").text, "amount < 5")
        assert waiting(server)[0]["stale"]
        # Rules that do not check do not wait.
        broken = server.ask("PATCH", "/v1/pack", {"files": {"small.tocsin": SMALL.replace("amount", "amonut")}},
                            token=who["ann"], headers={"If-Match": "*"})
        assert broken.status == 422, broken
        assert len(waiting(server)) == 1
        server.end()


@case
def over_a_crash():
    """a change waits over a kill, with its approvals; two of three eyes are not enough; withdrawn and old ones are gone"""
    options = (*TIMELESS, "--rollout-approvals", "2")
    with Server(rules=RULES + SMALL, options=options) as server:
        who = tokens(server, ann="operator", ben="operator", cid="operator")
        asked = server.ask("DELETE", "/v1/rules/small", token=who["ann"], headers={"If-Match": "*"})
        assert asked.status == 202 and asked.json["approvals_needed"] == 2, asked
        change = asked.json["change"]
        for _ in range(2):
            first = approve(server, who["ben"], change)
            assert first.status == 202 and [one["who"] for one in first.json["approvals"]] == ["ben"], first
        gone = server.ask("DELETE", "/v1/rules/large", token=who["ann"], headers={"If-Match": "*"}).json["change"]
        assert server.ask("DELETE", f"/v1/changes/{gone}", token=who["ann"]).status == 204
        assert server.ask("DELETE", f"/v1/changes/{gone}").status == 404
        server.kill()
    with Server(rules=None, options=options) as server:
        assert [one["change"] for one in waiting(server)] == [change]
        assert approve(server, who["cid"], change).status == 200
        assert server.ask("GET", "/v1/rules/small").status == 404
        newest = server.ask("GET", "/v1/versions").json["versions"][0]
        assert newest["approved_by"] == ["ben", "cid"], newest
        server.kill()
    with Server(rules=None, options=(*options, "--rollout-approve-within", "1s")) as server:
        assert waiting(server) == []
        asked = server.ask("DELETE", "/v1/rules/large", token=who["ann"], headers={"If-Match": "*"})
        assert asked.status == 202, asked
        harness.wait_for(lambda: approve(server, who["ben"], asked.json["change"]).status == 404, "the end of the change")
        server.end()


@case
def commands():
    """stage, deploy and plan say that others must approve; `tocsin change` lists, shows, approves and withdraws"""
    with Server(rules=RULES + SMALL, options=GATED) as server:
        who = tokens(server, ann="operator", ben="operator")
        ann, ben = client(server, who["ann"]), client(server, who["ben"])
        assert tocsin("change", "list", *ann).out == "no change waits for approval\n"
        write("rules.tocsin", RULES + SMALL.replace("< 1", "< 3"))
        plan = tocsin("plan", "rules.tocsin", *ann)
        assert plan.code == 0 and plan.out.endswith("it changes live rules: another person must approve it\n"), plan
        done = tocsin("deploy", "rules.tocsin", *ann, "--comment", "three")
        assert done.code == 0, done
        change = waiting(server)[0]["change"]
        has(done.out, "~ rule small: changed", f"change {change} waits for approval, 0 of 1: `tocsin change approve {change}`")
        listed = tocsin("change", "list", *ben)
        has(listed.out, f"{change}  file rules.tocsin, asked for by ann at ", ", approved by 0 of 1: three\n")
        shown = tocsin("change", "show", change, *ben)
        has(shown.out, "~ rule small: changed\n", "  file rules.tocsin: changed\n")
        texts = json.loads(tocsin("change", "show", change, *ben, "--format", "json").out)["files"][0]
        assert "< 1" in texts["before"] and "< 3" in texts["after"]
        own = tocsin("change", "approve", change, *ann)
        assert own.code == 1 and "somebody else" in own.err, own
        made = tocsin("change", "approve", change, *ben, "--comment", "yes")
        assert made.code == 0 and made.out == "approved: version 2 is active\n", made
        back = tocsin("rollback", *ann)
        assert back.out == "the rules of version 1 are active again, as version 3\n", back
        asked = tocsin("stage", "small", "live", "20%", *ann)
        assert asked.out == "rule small: live 20%, with version 4\n", asked  # fewer keys than all
        asked = tocsin("stage", "small", "live", *ann)
        has(asked.out, "waits for approval, 0 of 1")
        gone = tocsin("change", "withdraw", waiting(server)[0]["change"], *ann)
        assert gone.code == 0 and waiting(server) == [], gone
        has(tocsin("stage", "small", "live", *ann).out, "waits for approval, 0 of 1")
        who.update(tokens(server, cid="analyst", dot="approver"))
        other = tocsin("change", "withdraw", waiting(server)[0]["change"], *client(server, who["cid"]))
        assert other.code == 2 and "ann asked for this" in other.err, other
        refused = tocsin("change", "withdraw", waiting(server)[0]["change"], *client(server, who["dot"]), "--comment", "not yet")
        assert refused.code == 0 and waiting(server) == [], refused
        entry = server.ask("GET", "/v1/audit?action=withdrawChange").json["entries"][0]
        assert (entry["actor"], entry["asked_by"], entry["comment"]) == ("dot", "ann", "not yet"), entry
        assert tocsin("change", "show", change, *ann).code == 1
        server.end()


@case
def time_in_shadow():
    """a rule becomes live after its time in shadow with the same text; an administrator can pass the gates with a reason"""
    with Server(rules=RULES, options=(*TIMELESS, "--rollout-shadow-min", "4s")) as server:
        who = tokens(server, ann="analyst", ben="operator")
        refused = server.ask("PUT", "/v1/rules/small", SMALL, token=who["ben"], media="text/plain",
                             headers={"If-None-Match": "*"})
        assert refused.status == 409, refused
        has(refused.json["detail"], "small", "shadow for 0s", "rollout.shadow_min", "override")
        put = server.ask("PUT", "/v1/rules/small", SMALL, token=who["ann"], media="text/plain", headers={"If-None-Match": "*"})
        assert put.status == 200 and stages(server) == {"small": "shadow"}, put
        assert stage(server, who["ben"], "live").status == 409
        assert server.ask("POST", "/v1/pack/plan", {"files": {"rules.tocsin": RULES + SMALL.replace("< 1", "< 2")}}) \
            .json["rules"], "a plan is answered"
        closed = server.ask("POST", "/v1/pack/plan", {"files": {"rules.tocsin": RULES + SMALL.replace("small", "tiny")}})
        has(closed.json["closed"], "the rule tiny")
        # A change of other rules does not begin its time anew; one of its text does.
        assert stage(server, who["ben"], "shadow", "large").status == 200
        harness.wait_for(lambda: stage(server, who["ben"], "live 10%").status == 200, "the time in shadow")
        assert stages(server) == {"small": "live 10%", "large": "shadow"}
        assert stage(server, who["ben"], "live").status == 200  # more keys of what is live
        other = server.ask("PUT", "/v1/rules/small", SMALL.replace("< 1", "< 2"), token=who["ben"], media="text/plain",
                           headers={"If-Match": "*"})
        assert other.status == 409, other
        assert server.ask("PUT", "/v1/rules/small?override=x", SMALL.replace("< 1", "< 2"), token=who["ben"],
                          media="text/plain", headers={"If-Match": "*"}).status == 403
        forced = server.ask("PUT", "/v1/rules/small?override=incident+7&comment=two", SMALL.replace("< 1", "< 2"),
                            media="text/plain", headers={"If-Match": "*"})
        assert forced.status == 200, forced
        assert server.ask("GET", "/v1/versions").json["versions"][0]["comment"] == "two; without gates: incident 7"
        assert server.send([payment(1, "c1", 1.5)], "?wait=alerts&timeout=5s").json["alerts"][0]["rule"] == "small"
        server.end()


@case
def rate_of_alerts():
    """a rule becomes live, or changes, after a backtest of the rules as they would be in which it alerted seldom enough"""
    options = (*TIMELESS, "--rollout-backtest-alerts-per-day", "3", "--rollout-backtest-span", "1m")
    with Server(rules=RULES, options=options) as server:
        who = tokens(server, ann="analyst", ben="operator")
        ann, ben = client(server, who["ann"]), client(server, who["ben"])
        assert server.send([payment(i, f"c{i % 7}", i) for i in range(90)]).status == 200
        write("rules.tocsin", RULES + SMALL.replace("< 1", "< 20"))
        plan = tocsin("plan", "rules.tocsin", *ann)
        has(plan.out, "it would be refused: the rule small needs a backtest of these rules, with no more than 3 alerts on a day",
            "none is kept. Run `tocsin backtest RULES --server URL`")
        refused = tocsin("deploy", "rules.tocsin", *ben)
        assert refused.code == 1 and "rollout.backtest_alerts_per_day" in refused.err, refused
        plan = tocsin("plan", "rules.tocsin", *ann, "--backtest", "all", "-q")
        has(plan.out, "backtest 1 over 90 events from 2026-03-02T12:00:00Z to 2026-03-02T12:01:29Z\n",
            "  rule   alerts  before  same  added  gone\n  small      20       -     -      -     -\n",
            "it would be refused: the rule small raised 20 alerts on 2026-03-02 in backtest 1, and may raise 3 on a day")
        # Seldom enough, and not over too short a time, or up to some time.
        write("rules.tocsin", RULES + SMALL.replace("< 1", "< 3"))
        for query, problem in ((("--from", "2026-03-02T12:01:00Z"), "backtest 2 covers 29s of event time, and 1m are needed"),
                               (("--to", "2026-03-03"), "backtest 3 has an end")):
            assert tocsin("backtest", "rules.tocsin", *ann, *query).code == 0
            refused = tocsin("deploy", "rules.tocsin", *ben)
            assert refused.code == 1 and problem in refused.err, refused
        assert tocsin("backtest", "rules.tocsin", *ann).code == 0
        done = tocsin("deploy", "rules.tocsin", *ben)
        assert done.code == 0, done
        # The same text in other stages needs no other backtest; held back and let out by fewer keys it needs none.
        server.kill()
    with Server(rules=None, options=options) as server:
        for word in ("shadow", "live 10%", "live", "live 5%"):
            assert stage(server, who["ben"], word).status == 200, word
        ben = client(server, who["ben"])
        # What rules share is a change of all of them: `large` alerts at no event here.
        shared = server.ask("PATCH", "/v1/pack", {"files": {"more.tocsin": "const MOST = 5\n"}}, token=who["ben"],
                            headers={"If-Match": "*"})
        assert shared.status == 409, shared
        has(shared.json["detail"], "the rule large needs a backtest")
        forced = server.ask("PATCH", "/v1/pack?override=night", {"files": {"more.tocsin": "const MOST = 5\n"}},
                            headers={"If-Match": "*"})
        assert forced.status == 200, forced
        assert stage(server, who["ben"], "live").status == 409
        assert tocsin("backtest", "live", *ben, "-q").code == 0
        assert stage(server, who["ben"], "live").status == 200
        # One that is removed, or too old, counts no more.
        assert stage(server, who["ben"], "shadow").status == 200
        for one in server.ask("GET", "/v1/backtests").json["backtests"]:
            assert server.ask("DELETE", f"/v1/backtests/{one['id']}").status == 204
        has(stage(server, who["ben"], "live").json["detail"], "none is kept")
        assert tocsin("backtest", "live", *ben, "-q").code == 0
        server.kill()
    with Server(rules=None, options=(*options, "--rollout-backtest-within", "1ms")) as server:
        has(stage(server, who["ben"], "live").json["detail"], "rollout.backtest_within")
        server.end()
    for more, problem in ((("--archive-enabled", "false"), "archive.enabled is false"),
                          (("--archive-keep-for", "30s"), "archive.keep_for keeps events for 30s")):
        for check in ((), ("--check-config",)):
            wrong = tocsin("serve", *options, *more, *check, "--data", "other")
            assert wrong.code == 2 and problem in wrong.err, wrong


@case
def a_stage_is_planned():
    """the plan of another stage says what it would change and who must approve it, refuses what a change would, and changes nothing"""
    with Server(rules=RULES + SMALL, options=GATED) as server:
        def plan(**body):
            return server.ask("POST", "/v1/pack/plan", body)

        back = plan(rule="small", stage="shadow")
        assert back.status == 200 and back.json["stages"] == {"small": ["live", "shadow"]} and back.json["files"] == [], back
        assert back.json["changed"] is True and back.json["approvals_needed"] == 0 and back.json["lost"] == [], back
        assert {"rule": "small"} in back.json["kept"], back
        assert back.headers["ETag"] == server.ask("GET", "/v1/pack").headers["ETag"]
        assert plan(rule="small", stage="live").json["changed"] is False
        assert stage(server, True, "shadow").status == 200
        on = plan(rule="small", stage="live 10%").json
        assert on["stages"] == {"small": ["shadow", "live 10%"]} and on["approvals_needed"] == 1, on
        assert stages(server) == {"small": "shadow"} and waiting(server) == []
        missing = plan(rule="smal", stage="live")
        assert missing.status == 404 and "did you mean small?" in missing.json["detail"], missing
        assert plan(rule="large", stage="draft").problem() == "conflict"  # live may become shadow or retired
        for wrong in ({"rule": "small"}, {"rule": "small", "stage": "alive"}, {"rule": "small", "stage": "live", "files": {}}, {}):
            assert plan(**wrong).problem() == "bad-body", wrong
        server.end()


run_cases()
