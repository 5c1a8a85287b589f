"""A walk through every operation of the server, as people and programs use them: what it sends and is answered becomes the
examples of the OpenAPI document (examples.py).
"""
import datetime
import json
import re

from endpoint import Endpoint, Remembering
from harness import wait_for
from live_stream import Stream
from server_process import NDJSON, TIMELESS, Server

JSON, TEXT = "application/json", "text/plain"
EVENTS = """\
event payment {
  ts: time, id: string id unique within 1d, card: string, merchant: string, amount: decimal(2)
}
list blocked_cards : string = ["4000-0001"]
table merchants key merchant { limit: decimal(2), country: string } = { "m1": { limit: 900.00, country: "SE" } }
"""
LARGE = """\
rule large "A large payment" {
  severity high
  tags money
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card}" { amount: p.amount }
}
"""
PACK = EVENTS + LARGE + """
rule probes "A large payment after small ones" {
  severity critical
  by card
  when 2+ payment as small where amount <= 5 then payment as big where amount >= 500
  within 10m
  alert "{big.amount} on card {card} after {count(small)} probes" { amount: big.amount }
}
rule listed "A blocked card" { by card when payment where card in blocked_cards alert "card {card} is blocked" }
rule over_limit "Over the merchant's limit" {
  by card
  when payment as p where amount > merchants[merchant].limit
  alert "{p.amount} at {p.merchant}"
}
"""
SMALL = """\
rule small "A small payment" {
  status shadow
  by card
  when payment as p where amount < 1
  alert "{p.amount} on card {card}"
}
"""
UNTIL = "2036-01-01T00:00:00Z"


def payment(number, card="c1", amount=1.00, merchant="m1"):
    return {"type": "payment", "ts": f"2026-03-02T12:00:{number:02}Z", "id": f"p{number}", "card": card, "merchant": merchant,
            "amount": amount}


def cloud_event(number, amount):
    data = {name: value for name, value in payment(number, "c3", amount).items() if name != "type"}
    return {"specversion": "1.0", "type": "payment", "source": "/tills/7", "id": f"p{number}", "data": data}


class Walk:
    """Does operations by their ids, and writes down what was sent and answered."""

    def __init__(self):
        self.operations, self.problem, self.server, self.paths = {}, None, None, {}
        self.began = datetime.datetime.now(datetime.timezone.utc)

    def at(self, server):
        self.server = server
        document = server.ask("GET", "/openapi.json").json
        self.paths = {operation["operationId"]: (method.upper(), path, operation)
                      for path, methods in document["paths"].items() for method, operation in methods.items()}

    def do(self, operation_id, body=None, media=JSON, expected=None, accept=None, headers=None, token=True, keep=True, **parameters):
        """Sends a request, whose answer is a success, and keeps both as examples: the first of each kind."""
        method, path, operation = self.paths[operation_id]
        places = {one["name"]: one["in"] for one in operation["parameters"] if "name" in one}
        parameters = {name.rstrip("_"): value for name, value in parameters.items()}
        query = []
        for name, value in parameters.items():
            text = re.sub(r"[^A-Za-z0-9_.~:,=-]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()),
                          str(value).lower() if isinstance(value, bool) else str(value))
            if places[name] == "path":
                path = path.replace("{" + name + "}", text)
            else:
                query.append(f"{name}={text}")
        sent = json.dumps(body) if body is not None and not isinstance(body, str) else body
        answer = self.server.ask(method, path + ("?" + "&".join(query) if query else ""), sent, token=token,
                                 media=media if body is not None else None,
                                 headers={**({"Accept": accept} if accept else {}), **(headers or {})})
        assert 200 <= answer.status < 300 and expected in (None, answer.status), f"{operation_id}: {answer}"
        if keep:
            self.keep(operation_id, answer, parameters, body, media)
        return answer

    def keep(self, operation_id, answer, parameters, body, media):
        kept = self.operations.setdefault(operation_id, {"parameters": {}, "body": {}, "answers": {}})
        for name, value in parameters.items():
            kept["parameters"].setdefault(name, value)
        if body is not None:
            kept["body"].setdefault(media, body)
        content = kept["answers"].setdefault(str(answer.status), {})
        if answer.text:
            content.setdefault(answer.headers["Content-Type"], answer.text if answer.json is None else answer.json)

    def keep_stream(self, operation_id, path, count, **parameters):
        """Keeps the first events of an answer that does not end."""
        stream = Stream(self.server, "?" + "&".join(f"{name}={value}" for name, value in parameters.items()), path=path)
        wait_for(lambda: len(stream.events) >= count, f"events of {operation_id}")
        stream.close()
        text = "".join((f"id: {number}\n" if number is not None else "") + f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
                       for number, name, data in stream.events[:count])
        self.operations[operation_id] = {"parameters": parameters, "body": {}, "answers": {"200": {"text/event-stream": text}}}


def until(walk, operation_id, holds, **parameters):
    """The answer once it is as it should be, which alone is kept."""
    wait_for(lambda: holds(walk.do(operation_id, keep=False, **parameters).json), operation_id)
    return walk.do(operation_id, **parameters)


def events(walk):
    """What tills send: good ones, one that is too late and one that is none."""
    lines = "".join(json.dumps(payment(number, amount=amount)) + "\n" for number, amount in ((1, 1.5), (2, 2.5), (3, 900)))
    walk.do("postEvents", lines, NDJSON, wait="alerts", timeout="5s", headers={"Tocsin-Producer": "till-7", "Tocsin-Sequence": "0"})
    walk.do("postEvents", json.dumps(payment(4, "c2", 3)) + "\n", "application/ndjson")
    walk.do("postEvents", [payment(5, "c2", 150)], wait="alerts", timeout="5s")
    walk.do("postEvents", cloud_event(6, 4.5), "application/cloudevents+json")
    walk.do("postEvents", [cloud_event(7, 5)], "application/cloudevents-batch+json")
    late = {**payment(8, "c2"), "ts": "2026-03-01T12:00:00Z"}
    walk.do("postEvents", [late, {"type": "payment", "card": "c2"}, payment(9, "c2", 0.5)], keep=False)
    arrival = until(walk, "listLate", lambda page: page["items"]).json["items"][0]["arrival"]
    walk.do("reinjectLate", {"arrivals": [arrival]})
    arrival = until(walk, "listDead", lambda page: page["items"]).json["items"][0]["arrival"]
    walk.do("reinjectDead", {"corrected": [{"arrival": arrival, "text": json.dumps({"type": "payment", "card": "c2"})}]})
    until(walk, "listProducers", lambda page: page["producers"])
    walk.do("getProducer", producer="till-7")
    walk.do("deleteProducer", producer="till-7")


def alerts(walk):
    page = until(walk, "listAlerts", lambda page: page["alerts"], from_="2026-03-02T12:00:00Z", to="2026-03-03T12:00:00Z", rule="large",
                 severity="high,critical", tag="money", key="card=c1", status="open", assignee="", text="card", condition="amount > 100")
    found = page.json["alerts"][0]["alert"]["id"]
    walk.do("exportAlerts", rule="large")
    walk.do("exportAlerts", rule="large", format="csv")
    walk.keep_stream("streamAlerts", "/v1/alerts/stream", 1, rule="large", after=0)
    walk.keep_stream("stream", "/v1/stream", 2, rule="large", topics="alerts,health", after=0)
    walk.do("countAlerts", rule="large")
    for name in ("getAlert", "getTriage", "explainAlert", "makeTestOfAlert"):
        walk.do(name, id=found)
    walk.do("makeTestOfAlert", id=found, format="text")
    walk.do("changeTriage", {"action": "assign", "assignee": "ann", "comment": "I look at it"}, id=found)
    walk.do("changeTriageOfAll", {"alerts": [{"id": found}], "action": "confirm", "comment": "case 17"})
    walk.do("getRuleSeries", rule="large", days=3)
    walk.do("getAlertsByRule", days=3)
    walk.do("getRulePrecision", rule="large")
    walk.do("previewSubscription", {"filter": {"least_severity": "high"}, "within": "30d"})
    walk.do("previewSilence", {"filter": {"rules": ["large"]}, "within": "30d"})
    return found


def subscriptions(walk, alert, good, bad):
    broken = walk.do("createSubscription", {"url": bad.url}, keep=False).json["id"]
    settings = {"name": "desk", "url": good.url, "filter": {"least_severity": "high"}, "per_second": 5}
    made = walk.do("createSubscription", settings)
    one = made.json["id"]
    walk.do("listSubscriptions")
    at = walk.do("getSubscription", id=one).headers["ETag"]
    at = walk.do("putSubscription", settings, id=one, headers={"If-Match": at}).headers["ETag"]
    for media in ("application/merge-patch+json", JSON):
        at = walk.do("patchSubscription", {"filter": {"least_severity": "critical"}}, media, id=one, headers={"If-Match": at}).headers["ETag"]
    walk.do("rotateSecret", {"overlap": "1d"}, id=one)
    walk.do("testSubscription", id=one)
    walk.do("pauseSubscription", id=one)
    walk.do("resumeSubscription", id=one)
    walk.do("redeliver", {"alert": alert}, id=one)
    until(walk, "listDeliveries", lambda log: len(log["deliveries"]) >= 2, id=one)
    walk.do("redeliver", {"alert": alert}, id=broken, keep=False)
    until(walk, "listDeadDeliveries", lambda page: page["dead"], id=broken)
    until(walk, "listNotices", lambda page: page["notices"])
    walk.do("deleteSubscription", id=one, headers={"If-Match": "*"})
    settings = {"filter": {"rules": ["large"], "key": {"card": "c7"}}, "until": UNTIL, "reason": "a known test card"}
    silence = walk.do("createSilence", settings).json["id"]
    walk.do("listSilences")
    walk.do("getSilence", id=silence)
    walk.do("endSilence", id=silence)


def rules(walk):
    files = {"files": {"payments.tocsin": EVENTS + LARGE}}
    for name in ("validateRules", "formatRules", "testRules", "explainUnsavedRule"):
        walk.do(name, files)
        walk.do(name, EVENTS + LARGE, TEXT)
    walk.do("askLanguage", {**files, "request": "hover", "file": "payments.tocsin", "line": 11, "column": 8})
    walk.do("listRules")
    walk.do("getRule", rule="large")
    walk.do("explainRule", rule="large")
    walk.do("explainRule", rule="large", format="text")
    walk.do("dryRun", {"events": [payment(20, "c5", 150)]})
    walk.do("countPartialMatches", rule="probes")
    reason = {"comment": "fewer false alarms", "commit": "4f2a9c1"}
    walk.do("putRule", SMALL, TEXT, rule="small", headers={"If-None-Match": "*"}, replay="1d", override="the gate waits for a case", **reason)
    walk.do("compareRule", rule="small", from_="2026-03-02T00:00:00Z", to="2026-03-03T00:00:00Z", within="10m", against="large")
    walk.do("putRuleStage", {"stage": "live 10%"}, rule="small", headers={"If-Match": "*"}, **reason)
    walk.do("planPack", {"rule": "small", "stage": "live"})
    walk.do("deleteRule", rule="small", headers={"If-Match": "*"}, **reason)
    walk.do("getPack")
    walk.do("patchPack", {"files": {"small.tocsin": SMALL}}, headers={"If-Match": "*"}, **reason)
    walk.do("putPack", {"files": {"rules.tocsin": PACK}}, headers={"If-Match": "*"}, **reason)
    walk.do("rollBackRules", version=1, headers={"If-Match": "*"}, comment="too many alerts")
    walk.do("listRuleVersions", rule="small")
    walk.do("getRuleVersion", version=2)
    walk.do("diffRuleVersion", version=2)


def lists(walk):
    values = {"entries": ["4000-0002", {"value": "4000-0003", "until": UNTIL}]}
    lines = '"4000-0002"\n{"value": "4000-0003", "until": "2036-01-01T00:00:00Z"}\n'
    for name in ("addListEntries", "removeListEntries", "replaceList"):
        for body, media in ((values, JSON), (lines, NDJSON), ("4000-0002\n4000-0003\n", TEXT)):
            walk.do(name, body, media, list="blocked_cards")
    walk.do("listLists")
    walk.do("getList", list="blocked_cards")
    walk.do("getListEntry", list="blocked_cards", value="4000-0002")
    walk.do("removeListEntry", list="blocked_cards", value="4000-0002")
    walk.do("resetList", list="blocked_cards")
    one = {"row": {"merchant": "m2", "limit": 50.00, "country": "SE"}, "until": UNTIL}
    gone = {"row": {"merchant": "m2"}}
    for name, entry in (("addTableRows", one), ("removeTableRows", gone), ("replaceTable", one)):
        walk.do(name, {"entries": [entry]}, table="merchants")
        walk.do(name, json.dumps(entry) + "\n", NDJSON, table="merchants")
    walk.do("listTables")
    walk.do("getTable", table="merchants")
    walk.do("getTableRow", table="merchants", row="merchant=m2")
    walk.do("listKeyEntries", key="merchant=m2")
    walk.do("resetTable", table="merchants")


def traces(walk):
    walk.do("getState")
    walk.do("getKey", key="card=c1")
    walk.do("getKey", key="card=c1", format="text")
    day = {"from_": "2026-03-02", "to": "2026-03-03"}
    walk.do("listKeyEvents", key="card=c1", **day)
    walk.do("listKeys", rule="probes", prefix="c")
    walk.do("traceKey", key="card=c2", rule="probes", at="2026-03-02T12:30:00Z", **day)
    walk.do("getKeyHistory", key="card=c1", since="2026-03-01", **day)
    walk.do("getProfile", seconds=1)


def work(walk):
    """Of operators: checkpoints, savepoints, backtests, backups, the audit log."""
    walk.do("takeCheckpoint")
    walk.do("listCheckpoints")
    walk.do("makeSavepoint", {"name": "before-upgrade"})
    walk.do("listSavepoints")
    walk.do("getSavepoint", savepoint="before-upgrade")
    walk.do("deleteSavepoint", savepoint="before-upgrade")
    settings = {"files": {"rules.tocsin": PACK.replace("amount > 100", "amount > 50")}, "against": "live", "from": "2026-03-02",
                "value": "amount"}
    test = walk.do("startBacktest", settings).json["id"]
    until(walk, "getBacktest", lambda one: one["state"] == "done", backtest=test)
    walk.do("listBacktests")
    walk.do("getBacktestReport", backtest=test)
    walk.do("getBacktestReport", backtest=test, format="text")
    walk.do("getBacktestReport", backtest=test, format="html")
    walk.do("deleteBacktest", expected=204, backtest=test)
    backup = walk.do("startBackup").json["id"]
    until(walk, "getBackup", lambda one: one["state"] == "done", backup=backup)
    walk.do("listBackups")
    walk.do("startBackup", keep=False)
    wait_for(lambda: all(one["state"] == "done" for one in walk.do("listBackups", keep=False).json["backups"]), "the backups")
    walk.do("deleteBackup", expected=204, backup=backup)
    erasure = walk.do("startErasure", {"key": "card=c2", "reason": "case 17"}).json["id"]
    until(walk, "getErasure", lambda one: one["state"] == "done", erasure=erasure)
    walk.do("listErasures")
    for name in ("getLivez", "getReadyz", "getVersion", "getMetrics", "getHealth"):
        walk.do(name)
    walk.do("listSettings", set=True)
    walk.do("getSeries", name="events,alerts", from_="2026-03-02T12:00:00Z", points=4)
    walk.do("listAuditEntries", actor="admin", action="putRule", from_="2026-03-02T00:00:00Z", to=UNTIL)
    walk.do("exportAuditEntries")
    document = walk.do("getOpenapi", keep=False)
    document.json = {**document.json, "paths": {"/livez": document.json["paths"]["/livez"]}, "components": {}}  # the whole is what it is in
    walk.keep("getOpenapi", document, {}, None, JSON)


def people(walk):
    walk.do("makeToken", {"name": "desk", "role": "analyst", "expires_in": "90d", "tags": ["money"]})
    walk.do("listTokens")
    walk.do("rotateToken", {"overlap": "2h"}, token_="desk")
    walk.do("deleteToken", token_="desk")
    walk.do("getMe")
    walk.do("getSignInWays")
    begun = walk.do("beginSession")
    cookie = begun.headers["Set-Cookie"].split(";")[0]
    walk.do("endSession", token=False, headers={"Cookie": cookie, "Tocsin-Console": "1", "Origin": f"http://127.0.0.1:{walk.server.port}"})
    walk.do("putPerson", {"role": "analyst", "tags": ["money"]}, expected=201, who="group:fraud")
    walk.do("putPerson", {"role": "analyst"}, expected=200, who="group:fraud")
    walk.do("listPeople")
    walk.do("deletePerson", who="group:fraud")
    view = {"name": "My open ones", "query": "status=open&severity=high", "shared": False}
    made = walk.do("createView", view)
    one = str(made.json["id"])
    walk.do("listViews")
    walk.do("getView", id=one)
    walk.do("putView", {**view, "shared": True}, id=one, headers={"If-Match": made.headers["ETag"]})
    walk.do("deleteView", id=one, headers={"If-Match": "*"})


def approvals(walk):
    """Where changes wait for other people."""
    def token(name, role):
        return walk.do("makeToken", {"name": name, "role": role}, keep=False).json["token"]

    ann, ben, cid = token("ann", "author"), token("ben", "operator"), token("cid", "operator")
    wide = {"filter": {"least_severity": "info"}, "until": UNTIL, "reason": "the night of the upgrade"}
    proposal = walk.do("createSilence", wide, expected=202, token=ann).json["id"]
    walk.do("listProposals")
    walk.do("getProposal", proposal=proposal)
    walk.do("approveProposal", token=ben, proposal=proposal)
    proposal = walk.do("createSilence", wide, keep=False, token=ann).json["id"]
    walk.do("withdrawProposal", token=ann, proposal=proposal, comment="too wide")
    patch = {"files": {"more.tocsin": SMALL.replace("  status shadow\n", "")}}
    asked = walk.do("patchPack", patch, expected=202, token=ann, headers={"If-Match": "*"}, comment="for case 17")
    change = asked.json["change"]
    walk.do("listChanges")
    walk.do("getChange", change=change)
    walk.do("approveChange", expected=202, token=ben, change=change, comment="seen")
    walk.do("approveChange", expected=200, token=cid, change=change, comment="seen")
    asked = walk.do("rollBackRules", keep=False, token=ann, version=1, headers={"If-Match": "*"})
    walk.do("withdrawChange", token=ann, change=asked.json["change"], comment="not needed")


def walked():
    """The walk through every operation, in a folder of its own."""
    walk = Walk()
    options = (*TIMELESS, "--webhooks-allow", "127.0.0.1", "--webhooks-retry-delays", "10ms", "--backups-to", "backups", "--time-late-policy", "side",
               "--http-requests-per-second", "100000", "--http-requests-burst", "100000",
               "--people-header", "X-Forwarded-User", "--people-proxies", "127.0.0.1")
    with Remembering() as good, Endpoint(lambda number: (500, {})) as bad:
        with Server(rules=PACK, options=options) as server:
            walk.at(server)
            events(walk)
            alert = alerts(walk)
            subscriptions(walk, alert, good, bad)
            rules(walk)
            lists(walk)
            traces(walk)
            people(walk)
            work(walk)
            server.end()
    options = (*TIMELESS, "--rollout-approvals", "2", "--four-eyes-silence-wide", "true")
    with Server(rules=PACK, options=options, data="waiting") as server:
        walk.at(server)
        approvals(walk)
        answer = server.ask("GET", "/v1/rules/larg")
        assert answer.status == 404, answer
        walk.problem = answer.json
        server.end()
    return walk
