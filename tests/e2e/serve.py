#!/usr/bin/env python3
"""End-to-end cases of `tocsin serve`: the real process over real sockets.

    serve.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import gzip
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import stat
import threading
import time

from harness import (LIMIT_S, ROOT, RULES, START_US, case, has, lines, payment, read, run_cases, start, tocsin, wait_for,
                     write)
from openapi_answers import jsonschema
from server_process import NDJSON, Server, alone, statuses, stored


@case
def works_alone():
    """without rules and settings it listens on this machine, and makes a token that only its owner may read"""
    with Server(rules=None, data="tocsin-data") as server:
        token = pathlib.Path("tocsin-data/admin-token")
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert stat.S_IMODE(pathlib.Path("tocsin-data/tokens.json").stat().st_mode) == 0o600
        assert server.token.startswith("tocsin_") and server.token not in read("tocsin-data/tokens.json")
        assert server.ask("GET", "/livez", token=False).text == "ok\n"
        assert server.ask("GET", "/v1/version").json["tocsin"]
        assert statuses(server.send([payment(1)])) == ["invalid"]
        has(server.ask("GET", "/v1/dead").text, "no rule file declares the event type `payment`")
        said = server.end().said
        has(said, "tocsin-data/admin-token", "listening on http://127.0.0.1:", "there are no rules yet", "stopping: SIGTERM")
        assert server.token not in said
    with Server(rules=None, data="tocsin-data") as server:
        assert "admin-token" not in server.end().said


@case
def files_are_private():
    """whatever the umask, a server's folder is 0700 and its files are 0600, also in a folder that was open"""
    os.mkdir("data", 0o777)
    os.chmod("data", 0o777)
    before = os.umask(0)
    try:
        for rules in (RULES, None):  # the second start goes on
            with Server(rules=rules) as server:
                server.send([payment(1, "a", 150), {"type": "payment"}])
                etag = server.ask("GET", "/v1/rules/large").headers["ETag"]
                more = 'rule large "A large one" { by card when payment as p where amount > 4_000 alert "{p.amount}" }\n'
                assert server.ask("PUT", "/v1/rules/large", more, media="text/plain", headers={"If-Match": etag}).status == 200
                server.ask("POST", "/v1/tokens", {"name": "till", "role": "producer"})
                server.ask("POST", "/v1/subscriptions", {"url": "http://127.0.0.1:9/"})
                server.ask("POST", "/v1/savepoints", {"name": "kept"})
                server.ask("POST", "/v1/checkpoints")
                server.end()
    finally:
        os.umask(before)
    places = [pathlib.Path("data"), *pathlib.Path("data").rglob("*")]
    assert {"journal", "store", "ends", "checkpoints", "savepoints", "tokens.json", "admin-token"} <= {path.name for path in places}
    for path in places:
        mode = path.stat().st_mode & 0o777
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path}: {mode:o}"


@case
def denied_by_default():
    """everything but health and the ways to sign in needs a token, and each operation its role"""
    if jsonschema is None:
        print("skipped: the bodies of answers are not held to their schemas (Python lacks jsonschema)")
    with Server() as server:
        paths = server.ask("GET", "/openapi.json").json["paths"]
        assert len(paths) >= 15
        open_paths = set()
        for path, operations in paths.items():
            for method, operation in operations.items():
                asked = re.sub(r"\{\w+\}", "x", path)
                answer = server.ask(method.upper(), asked, token=False)
                if answer.status != 401:
                    open_paths.add(path)
                    assert operation["security"] == [], path
                    continue
                assert answer.problem() == "unauthorized" and answer.headers["WWW-Authenticate"], answer
                assert server.ask(method.upper(), asked, token="tocsin_" + "a" * 43).status == 401
        assert open_paths == {"/livez", "/readyz", "/v1/session/ways"}, open_paths
        assert server.ask("GET", "/v1/nothing", token=False).status == 401
        made = server.ask("POST", "/v1/tokens", {"name": "till", "role": "producer"})
        assert made.status == 201, made
        till = made.json["token"]
        assert server.send([payment(1)], token=till).status == 200
        assert server.ask("GET", "/v1/state", token=till).problem() == "forbidden"
        reader = server.ask("POST", "/v1/tokens", {"name": "ann", "role": "reader"}).json["token"]
        assert server.ask("GET", "/v1/state", token=reader).status == 200
        assert server.send([payment(2)], token=reader).problem() == "forbidden"
        assert server.ask("POST", "/v1/checkpoints", token=reader).problem() == "forbidden"
        assert server.ask("POST", "/v1/tokens", {"name": "ann", "role": "reader"}).problem() == "conflict"
        assert server.ask("POST", "/v1/tokens", {"name": "bo", "rolle": "x"}).json["detail"].endswith("did you mean role?")
        assert server.ask("DELETE", "/v1/tokens/admin").problem() == "conflict"  # the last of an admin
        assert server.ask("DELETE", "/v1/tokens/till").status == 204
        assert server.send([payment(3)], token=till).problem() == "unauthorized"
        assert [one["name"] for one in server.ask("GET", "/v1/tokens").json["tokens"]] == ["admin", "ann"]
        server.end()
    with Server() as server:  # tokens outlive the process
        assert server.ask("GET", "/v1/state", token=reader).status == 200


@case
def alerts_as_a_run():
    """the alerts are those of a run over the same events, and an answer tells its own where asked"""
    generator = random.Random(7)
    events = [payment(second, f"c{generator.randrange(9)}", generator.choice([5, 150, 1500])) for second in range(400)]
    for place in generator.sample(range(400), 40):  # late ones are clamped
        events[place]["ts"] -= 5_000_000
    with Server() as server:
        told = []
        for begin in range(0, 400, 50):
            answer = server.send(events[begin:begin + 50], "?wait=alerts&timeout=5s")
            assert answer.json["complete"] is True, answer
            told += answer.json["alerts"]
        expected = alone(events)
        assert len(expected) > 100
        assert told == [alert for alert in expected if alert["id"] in {one["id"] for one in told}]
        assert {alert["rule"] for alert in told} == {"large", "unconfirmed"} or {alert["rule"] for alert in told} == {"large"}
        wait_for(lambda: len(stored()) == len(expected), "all alerts")  # beside the owner
        server.end()
    assert stored() == expected
    assert [alert for alert in stored() if alert["rule"] == "large"] == [alert for alert in told if alert["rule"] == "large"]


@case
def heartbeat():
    """in silence time moves on with the clock, so that an absence is decided"""
    rules = RULES.replace("for 5m", "for 1s")
    with Server(rules=rules, options=("--time-ahead-max", "0", "--time-heartbeat", "100ms")) as server:
        assert statuses(server.send([payment(1, "c1", 2000)])) == ["accepted"]
        wait_for(lambda: any(alert["rule"] == "unconfirmed" for alert in stored()), "the alert of the absence")


@case
def killed():
    """after kill -9 every acknowledged event is there once, and the alerts are those of a run over them"""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    events = [payment(second, f"c{generator.randrange(20)}", generator.choice([5, 150, 1500])) for second in range(6000)]
    acknowledged = 0
    journaled = []  # what the server must have taken, in its order
    for life in range(4):
        with Server("--checkpoint-every", "200ms", "--journal-segment-bytes", "64KiB") as server:
            told = server.ask("GET", "/v1/producers/p")
            begin = told.json["next_sequence"] if told.status == 200 else 0
            assert begin >= acknowledged, f"life {life}: {begin} events are there, and {acknowledged} were acknowledged"
            acknowledged = begin
            killer = None
            if life < 3:
                killer = threading.Timer(generator.uniform(0.1, 0.6), server.process.kill)
                killer.start()
            try:
                while acknowledged < len(events):
                    size = generator.randrange(1, 40)
                    answer = server.send(events[acknowledged:acknowledged + size],
                                         headers={"Tocsin-Producer": "p", "Tocsin-Sequence": str(acknowledged)})
                    assert set(statuses(answer)) == {"accepted"}, answer
                    acknowledged = answer.json["next_sequence"]
                    if life < 3:
                        time.sleep(0.002)
            except (OSError, http.client.HTTPException):
                assert life < 3
            if killer:
                killer.join()
                server.end(code=None)
            else:
                wait_for(lambda: server.metric("intake_events_total") == len(events), "all events, each once")
                server.end()
    journaled = events
    assert stored() == alone(journaled)
    assert len(stored()) > 1000


@case
def back_pressure():
    """more than the queue holds is refused with 503 and Retry-After, and nothing acknowledged is lost"""
    body = lines([payment(second / 100, f"c{second % 50}") for second in range(4000)])
    with Server("--events-queue-requests-max", "1", "--events-queue-bytes-max", "1KiB") as server:
        refused, taken = [], []

        def send():
            while not refused and len(taken) < 400:
                answer = server.send(body, "?verdicts=others")
                (taken if answer.status == 200 else refused).append(answer)
        threads = [threading.Thread(target=send) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert refused, "no request was refused"
        assert refused[0].problem() == "unavailable" and refused[0].headers["Retry-After"] == "1", refused[0]
        wait_for(lambda: server.metric("intake_events_total") + server.metric("intake_duplicates_total") == 4000 * len(taken),
                 "the events of all good answers, and no more")
        assert server.metric("intake_requests_refused_total") == len(refused)


@case
def bodies_are_bounded():
    """bodies together hold no more than they may"""
    with Server("--http-bodies-bytes-max", "64KiB") as server:
        answer = server.send(lines([payment(1, "x" * 1000)] * 100))
        assert answer.problem() == "unavailable" and "http.bodies_bytes_max" in answer.json["detail"], answer
        assert statuses(server.send([payment(1)])) == ["accepted"]
        wait_for(lambda: server.metric("http_bodies_bytes") == 0, "bodies given back")


@case
def hostile():
    """wrong types, halves, too much, unknown members: each gets its problem document, and nothing else is lost"""
    with Server("--http-body-bytes-max", "1MiB", "--http-unpacked-bytes-max", "2MiB", "--events-request-events-max", "1000") as server:
        good = lines([payment(1)])
        packed = gzip.compress(good.encode() * 200)

        def events(body, problem, **options):
            answer = server.send(body, options.pop("query", ""), **options)
            assert answer.problem() == problem, answer
        events(good, "unsupported-media-type", media="text/csv")
        events(good, "unsupported-media-type", media="application/x-www-form-urlencoded")
        events(packed[:len(packed) // 2], "bad-request", headers={"Content-Encoding": "gzip"})
        events(b"\x1f\x8bnot gzip", "bad-request", headers={"Content-Encoding": "gzip"})
        events(good, "unsupported-media-type", headers={"Content-Encoding": "br"})
        events(gzip.compress(b"".join(b"%-128d" % (7919 * number) for number in range(24_576))), "too-large", headers={"Content-Encoding": "gzip"})
        events("x\n" * 1001, "too-large")
        events("[1, 2]", "bad-request", media="application/json")
        events('[{"type": "payment"', "bad-request", media="application/json")
        events("[" * 100_000, "bad-request", media="application/json")
        events('{"specversion": "0.3"}', "bad-request", media="application/cloudevents+json")
        events(good, "bad-parameter", query="?wiat=alerts")
        events(good, "bad-parameter", query="?wait=everything")
        events(good, "bad-parameter", query="?wait=alerts&timeout=soon")
        for method, path, problem in (("DELETE", "/v1/events", "method-not-allowed"), ("GET", "/v1/evnets", "not-found"),
                                      ("GET", "/v1/rules/none", "not-found"), ("GET", "/v1/keys/card", "bad-parameter"),
                                      ("GET", "/v1/keys/shop%3Dx", "not-found"), ("GET", "/v1/late?cursor=x", "bad-parameter"),
                                      ("GET", "/v1/late?limit=0", "bad-parameter")):
            assert server.ask(method, path).problem() == problem, path
        for body, problem in (({"nmae": "x"}, "bad-body"), ({"name": 3}, "bad-body"), ({"name": "../x"}, "bad-body"), ([], "bad-body"),
                              ("{", "bad-body"), ("[" * 5000, "bad-body")):
            assert server.ask("POST", "/v1/savepoints", body, media="application/json").problem() == problem, body
        # A body that goes on for ever, with a length and without.
        for head in (f"Content-Length: {1 << 30}", "Transfer-Encoding: chunked"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as connection:
                connection.sendall((f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
                                    f"Content-Type: {NDJSON}\r\n{head}\r\n\r\n").encode())
                try:
                    for _ in range(200):
                        chunk = b" " * 65536
                        connection.sendall(chunk if "Length" in head else b"10000\r\n" + chunk + b"\r\n")
                except OSError:
                    pass  # it has answered, and reads no more
                has(connection.recv(1 << 16).decode(), "HTTP/1.1 413 ", "urn:tocsin:problem:too-large")
        answer = server.ask("GET", "/livez", headers={"X-Junk": "x" * 40_000})
        assert answer.problem() == "head-too-large", answer
        assert statuses(server.send(good)) == ["accepted"]
        assert server.ask("GET", "/v1/state").json["sources"][0]["lines"] == 1
        server.end()


@case
def stops_and_goes_on():
    """SIGTERM finishes and writes the state: the next start replays nothing, and knows all"""
    with Server() as server:
        server.send([payment(1, "c1", 1500)])
        has(server.end().said, "stopping: SIGTERM", "stopped")
    with Server() as server:
        assert server.ask("GET", "/v1/keys/card=c1?format=text").text.startswith("card=c1 at 2026-03-02T12:00:01Z")
        server.send([payment(400, "c2")])
        has(server.end(signal.SIGINT).said, "checkpoint 1 with 1 key loaded", "0 journal records with 0 events replayed", "stopping: SIGINT")
    assert [alert["rule"] for alert in stored()] == ["large", "unconfirmed"]
    # By the rules that it was begun with, where none are named.
    with Server(rules=None) as server:
        assert [rule["id"] for rule in server.ask("GET", "/v1/rules").json["rules"]] == ["large", "unconfirmed"]
        server.end()
    tocsin("verify", "data")


@case
def other_rules():
    """a data directory that was begun with other rules or options is refused, with the remedy"""
    with Server() as server:
        other = start("serve", "rules.tocsin", "--data", "data", "--listen", "127.0.0.1:0")
        _, said = other.communicate(timeout=LIMIT_S)
        assert other.returncode == 5 and "is in use" in said.decode(), said
        server.send([payment(1, "c1", 1500)])
        server.end()
    with Server(rules=RULES.replace("amount > 100", "amount > 200"), may_fail=True) as server:
        has(server.end(None, 5).said, "rule large matches otherwise", "start without RULES")
    tocsin("savepoint", "make", "--data", "data", "kept")
    with Server("--data-from", "data/savepoints/kept", rules=RULES.replace("amount > 100", "amount > 200"), data="other") as server:
        assert server.ask("GET", "/v1/keys/card=c1?format=text").text.count("unconfirmed is complete") == 1
        server.send([payment(400, "c2", 150)])
        server.end()
    assert [alert["rule"] for alert in stored("other")] == ["unconfirmed"]
    with Server("--data-from", "data/savepoints/kept", rules=None, data="other") as server:  # it goes on
        assert server.ask("GET", "/v1/state").json["watermark"] == "2026-03-02T12:06:40Z"
        server.end()
    with Server("--time-late-policy", "side", may_fail=True) as server:
        has(server.end(None, 5).said, "--late-policy is side, and was clamp")
    with Server(rules="rule x {", may_fail=True) as server:
        has(server.end(None, 1).said, "error[", "the rules have errors")


@case
def operations():
    """checkpoints, savepoints, state, keys, what was set aside and putting it in again"""
    with Server("--time-late-max", "10s") as server:
        server.send([payment(100, "c1", 1500)])
        late = payment(1, "c2", 150)
        assert statuses(server.send(lines([late]) + "nonsense\n")) == ["late", "invalid"]
        taken = server.ask("POST", "/v1/checkpoints").json["checkpoint"]
        kept = server.ask("GET", "/v1/checkpoints").json["checkpoints"]
        assert (kept[0]["number"], kept[0]["watermark"]) == (taken, "2026-03-02T12:01:40Z") and kept[0]["bytes"] > 0, kept
        made = server.ask("POST", "/v1/savepoints", {"name": "before"})
        assert made.status == 201 and made.headers["Location"] == "/v1/savepoints/before", made
        assert server.ask("POST", "/v1/savepoints", {"name": "before"}).problem() == "conflict"
        assert [one["name"] for one in server.ask("GET", "/v1/savepoints").json["savepoints"]] == ["before"]
        assert server.ask("GET", "/v1/savepoints/before").json["watermark"] == "2026-03-02T12:01:40Z"
        tocsin("savepoint", "verify", "--data", "data", "before")
        state = server.ask("GET", "/v1/state").json
        assert (state["watermark"], state["watermark_held_by"], state["keys"]) == ("2026-03-02T12:01:40Z", "http", 1), state
        assert {rule["rule"]: rule["runs"] for rule in state["rules"]}["unconfirmed"] == 1, state
        key = server.ask("GET", "/v1/keys/card%3Dc1").json
        has(key["text"], "unconfirmed is complete", "alerts at 12:06:40")
        wait_for(lambda: server.ask("GET", "/v1/late").json["items"], "the late event")
        [row] = server.ask("GET", "/v1/late").json["items"]
        assert row["late_us"] == 99_000_000 and json.loads(row["text"]) == late and row["input"] == "http", row
        wait_for(lambda: server.ask("GET", "/v1/dead").json["items"], "the dead letter")
        [dead] = server.ask("GET", "/v1/dead").json["items"]
        assert dead["text"] == "nonsense" and "next" not in server.ask("GET", "/v1/dead?limit=1").json
        assert server.ask("POST", "/v1/late/reinject", {"arrivals": ["999:0"]}).problem() == "not-found"
        assert server.ask("POST", "/v1/late/reinject", {"arrivals": [row["arrival"]]}).json == {"reinjected": 1, "reinjected_before": 0}
        assert server.ask("POST", "/v1/late/reinject").json == {"reinjected": 0, "reinjected_before": 1}
        wait_for(lambda: any(alert["key"] == {"card": "c2"} for alert in stored()), "the alert of the late event")
        assert server.ask("GET", "/v1/late").json["items"][0]["reinjected_as"] > 0
        assert server.ask("DELETE", "/v1/savepoints/before").status == 204
        assert server.ask("DELETE", "/v1/savepoints/before").problem() == "not-found"
        server.kill()
    with Server("--time-late-max", "10s") as server:  # it was journaled
        assert server.ask("POST", "/v1/late/reinject", {}).json == {"reinjected": 0, "reinjected_before": 1}
        server.end()
    assert sum(alert["key"] == {"card": "c2"} for alert in stored()) == 1


@case
def pages_of_dead_letters():
    """what was set aside is listed page by page, each once"""
    with Server() as server:
        server.send("".join(f"bad {number}\n" for number in range(250)))
        wait_for(lambda: server.metric("dead_stored") == 250, "dead letters")
        seen, query = [], "?limit=100"
        while query:
            page = server.ask("GET", "/v1/dead" + query).json
            seen += [item["text"] for item in page["items"]]
            query = "next" in page and f"?limit=100&cursor={page['next']}"
        assert seen == [f"bad {number}" for number in range(250)]


@case
def rules():
    """rules are listed, shown as they are written, explained, and others are checked"""
    with Server() as server:
        listed = server.ask("GET", "/v1/rules").json["rules"]
        assert [(rule["id"], rule["status"], rule["file"]) for rule in listed] == [
            ("large", "live", "rules.tocsin"), ("unconfirmed", "live", "rules.tocsin")], listed
        server.send([payment(1, "c1", 1500)])
        rule = server.ask("GET", "/v1/rules/unconfirmed").json
        assert rule["source"].startswith('rule unconfirmed "A very large') and rule["source"].endswith("}\n"), rule
        assert rule["state"]["runs"] == 1 and len(rule["digests"]["state"]) == 64, rule
        wait_for(lambda: server.ask("GET", "/v1/rules/large").json["alerts"] == 1, "the count of alerts")
        assert server.ask("GET", "/v1/rules/large/explain?format=text").text.startswith('rule large "A large payment"')
        assert server.ask("GET", "/v1/rules/large/explain").json["rule"] == "large"
        good = server.ask("POST", "/v1/rules/validate", {"files": {"a.tocsin": RULES}}).json
        assert good["valid"] and good["rules"] == ["large", "unconfirmed"] and good["errors"] == 0, good
        bad = server.ask("POST", "/v1/rules/validate", RULES.replace("amount > 100", "amuont > 100"), media="text/plain").json
        assert not bad["valid"] and bad["errors"] == 1, bad
        [diagnostic] = [one for one in bad["diagnostics"] if one["level"] == "error"]
        assert (diagnostic["file"], diagnostic["line"], diagnostic["column"]) == ("rules.tocsin", 7, 27), diagnostic
        # Only what is sent is read.
        outside = server.ask("POST", "/v1/rules/validate", {"files": {"a.tocsin": f'use "{os.getcwd()}/rules.tocsin"\n'}}).json
        assert not outside["valid"] and "not among the files sent" in json.dumps(outside), outside
        assert server.ask("POST", "/v1/rules/validate", {"files": {}}).problem() == "bad-body"
        many = "".join(f'rule r{number} "x" {{ by card when payment as p where amount > {number} alert "x" }}\n' for number in range(2000))
        assert len(server.ask("POST", "/v1/rules/validate", {"files": {"a.tocsin": RULES + many}}).json["rules"]) == 2002


@case
def metrics():
    """every metric of the table is there, with its kind, and they count"""
    table = read(ROOT / "api/server/metrics.def")
    names = re.findall(r"^TOCSIN_METRIC\((\w+), (\w+), ", table, re.M)
    assert len(names) > 30
    with Server() as server:
        server.send([payment(1, "c1", 150), payment(2, "c1")])
        wait_for(lambda: server.metric("alerts_stored") == 1, "the alert")
        wait_for(lambda: server.metric("alerts_total") == 1 and server.metric("intake_events_total") == 2, "the figures")
        text = server.ask("GET", "/metrics").text
        for name, kind in names:
            has(text, f"# TYPE tocsin_{name} {kind}\n")
        shown = set(re.findall(r"^# TYPE tocsin_(\w+) ", text, re.M))
        assert shown == {name for name, _ in names}, shown
        assert 'tocsin_alerts_total{rule="large"} 1' in text
        assert server.metric("intake_events_total") == 2 and server.metric("ready") == 1
        assert server.metric("watermark_seconds") == START_US / 1e6 + 2
        assert server.metric("http_requests_total") >= 3


@case
def configuration():
    """file, environment and command line, the later the stronger; and what is wrong is said with its place"""
    write("serve.toml", '[http]\nlisten = "127.0.0.1:1"\nconnections_max = 9\n[data]\npath = "from-file"\n[checkpoint]\nevery = "5s"\n')
    environment = dict(os.environ, TOCSIN_HTTP_CONNECTIONS_MAX="8", TOCSIN_CHECKPOINT_EVERY="6s")
    done = tocsin("serve", "rules/", "--config", "serve.toml", "--checkpoint-every", "7s", "--check-config", env=environment)
    has(done.out, 'listen = "127.0.0.1:1"  # serve.toml:2', "connections_max = 8  # TOCSIN_HTTP_CONNECTIONS_MAX",
        'path = "from-file"  # serve.toml:5', 'every = "7s"  # --checkpoint-every', 'late_policy = "clamp"  # default',
        'path = ["rules/"]  # --rules-path')
    write("again.toml", done.out)  # it is a file that can be read
    again = tocsin("serve", "--config", "again.toml", "--check-config").out
    assert [line.split("  # ")[0] for line in again.splitlines()] == [line.split("  # ")[0] for line in done.out.splitlines()]
    write("wrong.toml", "[http]\nlissten = 1\nconnections_max = \"many\"\n")
    has(tocsin("serve", "--config", "wrong.toml", code=2).err, "wrong.toml:2:11: there is no setting http.lissten; did you mean http.listen?",
        "wrong.toml:3:19: http.connections_max takes a whole number")
    has(tocsin("serve", "--listen", "nowhere", "--check-config", code=2).err, "http.listen takes a numeric address and a port")
    has(tocsin("serve", "--checkpoint-every", "soon", code=2).err, "--checkpoint-every: checkpoint.every takes a duration")
    has(tocsin("serve", "--check-config", env=dict(os.environ, TOCSIN_HTTP_LISTN="x")).err, "TOCSIN_HTTP_LISTN (TOCSIN_HTTP_LISTEN?)")


@case
def dismiss_reasons():
    """reasons of dismissals are those of the settings, and what cannot be offered is refused at the start"""
    write("serve.toml", '[console]\ndismiss_reasons = ["a test, of ours", "<b>too small</b>"]\n')
    with Server("--config", "serve.toml", rules=None) as server:
        assert server.ask("GET", "/v1/me").json["dismiss_reasons"] == ["a test, of ours", "<b>too small</b>"]
        server.end()
    with Server(r"--console-dismiss-reasons", r"one\, two,three", rules=None) as server:
        assert server.ask("GET", "/v1/me").json["dismiss_reasons"] == ["one, two", "three"]
        server.end()
    for value, said in (("", "console.dismiss_reasons takes 1 to 9 reasons, not 0"), (",".join("abcdefghij"), "1 to 9 reasons, not 10"),
                        ("a,b,a", "console.dismiss_reasons says twice: a"), ("x" * 101, "a reason has 100 characters at most, not 101"),
                        ("a\tb", "console.dismiss_reasons: a reason is text in UTF-8 without control characters")):
        for check in ((), ("--check-config",)):
            has(tocsin("serve", "--console-dismiss-reasons", value, *check, code=2).err, said)


@case
def kept_configuration():
    """--check-config shows what the data directory keeps, and which settings are in conflict with it, as a start does"""
    kept = ("--time-heartbeat", "0", "--time-out-of-orderness", "5s", "--time-ahead-max", "0", "--time-late-max", "60s")
    check = ("serve", "rules.tocsin", "--data", "data", "--check-config")
    with Server(options=kept) as server:
        done = tocsin(*check)  # also while a server runs there
        server.end()
    assert tocsin(*check).out == done.out
    has(done.out, 'out_of_orderness = "5s"  # kept by data', 'late_policy = "clamp"  # kept by data', 'ahead_max = "0"  # kept by data',
        'late_max = "1m"  # kept by data', 'unknown_types = "dead"  # kept by data', 'segment_bytes = "64MiB"  # kept by data', 'heartbeat = "1s"  # default')
    has(tocsin(*check, "--time-late-max", "1m").out, 'late_max = "1m"  # --time-late-max; data keeps the same')
    write("kept.toml", done.out)  # what is shown may be said
    tocsin(*check, "--config", "kept.toml")
    for options, what in ((("--time-late-max", "0"), "time.late_max is 0 (--time-late-max), and data keeps 1m"),
                          (("--time-ahead-max", "10m"), "time.ahead_max is 10m (--time-ahead-max), and data keeps 0"),
                          (("--time-late-policy", "side"), "time.late_policy is side (--time-late-policy), and data keeps clamp"),
                          (("--events-unknown-types", "ignore"), "events.unknown_types is ignore (--events-unknown-types), and data keeps dead"),
                          (("--journal-segment-bytes", "1MiB"), "journal.segment_bytes is 1MiB (--journal-segment-bytes), and data keeps 64MiB")):
        wrong = tocsin(*check, *options, code=5)
        has(wrong.err, what, "from a savepoint")
        has(wrong.out, "in conflict: data keeps")
        started = tocsin("serve", "rules.tocsin", "--data", "data", "--listen", "127.0.0.1:0", *options, code=5)
        has(started.err, options[0].removeprefix("--time").removeprefix("--journal").removeprefix("--events").split("-b")[0])
    assert "kept by" not in tocsin("serve", "rules.tocsin", "--data", "none", "--check-config").out
    assert not os.path.exists("none")


@case
def after_a_run():
    """a data directory that a run began is served on, and what it held back time with is left"""
    write("rules.tocsin", RULES)
    write("in.ndjson", [payment(1, "c1", 1500)])
    tocsin("run", "rules.tocsin", "--data", "data", "--input", "in.ndjson")
    with Server(options=("--time-heartbeat", "0")) as server:
        answer = server.send([payment(400, "c2")], "?wait=alerts")
        assert answer.json["complete"], answer
        server.end()
    assert [alert["rule"] for alert in stored()] == ["large", "unconfirmed"]


run_cases()
