#!/usr/bin/env python3
"""End-to-end cases of proxies: people whom one signs in, their groups, and browsers behind one with TLS.

    serve_people.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import json
import os
import stat
import time

from harness import LIMIT_S, case, has, payment, run_cases, start
from server_process import TIMELESS, Server

BEHIND = (*TIMELESS, "--people-header", "X-Forwarded-User", "--people-groups-header", "X-Forwarded-Groups", "--people-proxies", "127.0.0.1")


def as_person(name, *groups, **more):
    """What the proxy of the tests writes."""
    headers = {"X-Forwarded-User": name, **more}
    if groups:
        headers["X-Forwarded-Groups"] = ",".join(groups)
    return {"token": False, "headers": headers}


def give(server, who, role, **limits):
    return server.ask("PUT", f"/v1/people/{who}", {"role": role, **limits})


@case
def roles():
    """a person has the role of an entry of theirs or of a group; without one they are told who they are, also over a start"""
    with Server(options=BEHIND) as server:
        server.send([payment(1, "a", 150)])
        nobody = server.ask("GET", "/v1/rules", **as_person("ada@bank.example", "fraud"))
        assert nobody.problem() == "forbidden" and nobody.status == 403, nobody
        has(nobody.text, "person:ada@bank.example has no role here")
        made = give(server, "group:fraud", "analyst")
        assert made.status == 201 and made.json == {"who": "group:fraud", "role": "analyst"}, made
        assert give(server, "group:fraud", "analyst").status == 200
        assert give(server, "person:bob", "reader").status == 201
        for name, groups, role in (("ada@bank.example", ["x", "fraud"], "analyst"), ("bob", ["fraud"], "reader"), ("cid", ["x"], None)):
            me = server.ask("GET", "/v1/me", **as_person(name, *groups))
            assert (me.json["name"], me.json["role"]) == (f"person:{name}", role) if role else me.status == 403, me
        assert server.ask("POST", "/v1/silences", {}, **as_person("bob")).problem() == "forbidden"
        server.kill()
    assert stat.S_IMODE(os.stat("data/people.json").st_mode) == 0o600
    with Server(options=BEHIND, rules=None) as server:
        assert server.ask("GET", "/v1/me", **as_person("ada@bank.example", "fraud")).json["role"] == "analyst"
        assert [one["who"] for one in server.ask("GET", "/v1/people").json["people"]] == ["group:fraud", "person:bob"]
        # What they do has their name in it, and an admin's changes of the list are there too.
        alert = server.ask("GET", "/v1/alerts").json["alerts"][0]["alert"]["id"]
        triage = server.ask("POST", f"/v1/alerts/{alert}/triage", {"action": "confirm"}, **as_person("ada@bank.example", "fraud"))
        assert triage.status == 200, triage
        entries = server.ask("GET", "/v1/audit").json["entries"]
        assert any(one["actor"] == "person:ada@bank.example" for one in entries), entries
        assert sum(one["action"] == "putPerson" for one in entries) == 3, entries
        # A person reads the entries of what she did herself.
        own = server.ask("GET", "/v1/audit", **as_person("ada@bank.example", "fraud")).json
        assert own["own"] and own["entries"] == [one for one in entries if one["actor"] == "person:ada@bank.example"], own


@case
def believed():
    """a header counts from listed proxies alone, a token goes before it, and a session is not asked then"""
    with Server(options=BEHIND) as server:
        give(server, "person:root", "admin")
        assert server.ask("GET", "/v1/tokens", **as_person("root")).status == 200
        reader = server.ask("POST", "/v1/tokens", {"name": "till", "role": "reader"}).json["token"]
        both = {**as_person("root"), "token": reader}
        assert server.ask("GET", "/v1/tokens", **both).status == 403
        assert server.ask("POST", "/v1/tokens", {"name": "person:root", "role": "reader"}).problem() == "bad-body"
        begun = server.ask("POST", "/v1/session", token=reader).headers["Set-Cookie"].split(";")[0]
        assert server.ask("GET", "/v1/me", **as_person("root", Cookie=begun)).json["name"] == "person:root"
        assert server.ask("GET", "/v1/me", **as_person("nobody", Cookie=begun)).json["name"] == "till"
        assert server.ask("POST", "/v1/session", **as_person("root")).problem() == "conflict"
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_S)
        connection.putrequest("GET", "/v1/me")
        for name in ("root", "ann"):
            connection.putheader("X-Forwarded-User", name)
        connection.endheaders()
        twice = connection.getresponse()
        assert twice.status == 403 and b"is there twice" in twice.read()
        connection.close()
    with Server(options=(*BEHIND[:-1], "192.0.2.1"), rules=None) as server:
        assert server.ask("GET", "/v1/tokens", **as_person("root")).status == 401
    for options, said in ((("--people-header", "X-User"), "people.header is believed of the addresses in people.proxies"),
                          (("--people-proxies", "::1"), "people.proxies are believed by the header in people.header"),
                          (("--people-header", "Cookie", "--people-proxies", "::1"), "people.header: `Cookie` is no header")):
        for check in ((), ("--check-config",)):
            process = start("serve", "--data", "other", *options, *check)
            _, heard = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 2, (process.returncode, heard)
            has(heard.decode(), said)


@case
def pages():
    """a page of another origin changes nothing in the name of who is signed in at the proxy"""
    with Server(options=BEHIND) as server:
        give(server, "person:ops", "operator")
        own = f"http://127.0.0.1:{server.port}"
        for headers, status in (({}, 201), ({"Origin": own}, 201), ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403),
                                ({"Sec-Fetch-Site": "cross-site"}, 403)):
            answer = server.ask("POST", "/v1/silences", {"filter": {"rules": ["large"]}, "until": "2100-01-01T00:00:00Z", "reason": "a test"},
                                **as_person("ops", **headers))
            assert answer.status == status, (headers, answer)
        assert server.ask("GET", "/v1/rules", **as_person("ops", Origin="https://evil.example")).status == 200
    # Of a browser that came to the proxy by HTTPS, a page that came without it is another one.
    with Server(options=(*BEHIND, "--http-trusted-proxies", "x-forwarded-for=127.0.0.1")) as server:
        said = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        own = f"127.0.0.1:{server.port}"
        for headers, status in (({"Origin": f"https://{own}", **said}, 201), ({"Origin": f"http://{own}", **said}, 403),
                                ({"Origin": f"http://{own}"}, 201), ({"Origin": f"http://{own}", **said, "X-Forwarded-Proto": "http"}, 201)):
            answer = server.ask("POST", "/v1/silences", {"filter": {"rules": ["large"]}, "until": "2100-01-01T00:00:00Z", "reason": "a test"},
                                **as_person("ops", **headers))
            assert answer.status == status, (headers, answer)


@case
def tls_before_the_server():
    """behind a proxy with TLS the cookie is for HTTPS alone, as that proxy says and nobody else"""
    def cookie(server, **said):
        return server.ask("POST", "/v1/session", headers=said).headers["Set-Cookie"]
    plain = ["tocsin=", "HttpOnly", "Path=/", "SameSite=Strict"]
    for trusted, said in (("forwarded=127.0.0.1", {"Forwarded": "for=192.0.2.1;proto=https"}),
                          ("x-forwarded-for=127.0.0.1", {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"})):
        with Server("--http-trusted-proxies", trusted) as server:
            own = cookie(server, **said)
            assert own.startswith("__Host-tocsin=") and own.endswith("; Secure"), own
            own = own.split(";")[0]
            # It signs in and out with what the proxy says, and with a page that came by HTTPS.
            assert server.ask("GET", "/v1/me", token=None, headers={"Cookie": own, **said}).status == 200
            assert server.ask("GET", "/v1/me", token=None, headers={"Cookie": own}).status == 401
            page = {"Cookie": own, "Tocsin-Console": "1", "Host": "tocsin.example", **said}
            assert server.ask("DELETE", "/v1/session", token=None, headers={**page, "Origin": "http://tocsin.example"}).status == 403
            ended = server.ask("DELETE", "/v1/session", token=None, headers={**page, "Origin": "https://tocsin.example"})
            assert ended.status == 204 and ended.headers["Set-Cookie"].startswith("__Host-tocsin=;"), ended
            by_http = {name: value.replace("https", "http") for name, value in said.items()}
            for headers in ({}, by_http):
                assert cookie(server, **headers).startswith("tocsin=") and "Secure" not in cookie(server, **headers)
            server.end()
        # Somebody who is not listed says nothing.
        with Server("--http-trusted-proxies", trusted.replace("127.0.0.1", "10.0.0.1"), data="other") as server:
            stranger = cookie(server, **said)
            assert all(part in stranger for part in plain) and "Secure" not in stranger, stranger


@case
def taken_away():
    """a role that is taken away or limited ends streams within a second; what waits for approval cannot be done for them"""
    options = (*BEHIND, "--four-eyes-silence-wide", "true")
    with Server(options=options) as server:
        give(server, "group:fraud", "analyst")
        give(server, "person:bob", "approver")
        wide = {"filter": {"least_severity": "info"}, "until": "2100-01-01T00:00:00Z", "reason": "a test"}
        ada = as_person("ada", "fraud")

        def proposed():
            answer = server.ask("POST", "/v1/silences", wide, **ada)
            assert answer.status == 202, answer
            return f"/v1/proposals/{answer.json['id']}/approval"
        first, second = proposed(), proposed()
        assert server.ask("POST", first, **as_person("ada", "fraud")).problem() == "forbidden"
        done = server.ask("POST", first, **as_person("bob"))
        assert done.status == 200, done
        assert server.ask("GET", "/v1/silences").json["silences"][0]["created_by"] == "person:ada"
        for act in (lambda: give(server, "group:fraud", "reader", tags=["cards"]), lambda: server.ask("DELETE", "/v1/people/group:fraud")):
            give(server, "group:fraud", "analyst")
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_S)
            connection.request("GET", "/v1/alerts/stream", headers=ada["headers"])
            streamed = connection.getresponse()
            assert streamed.status == 200
            began = time.monotonic()
            assert act().status < 300
            while streamed.read1(65536):
                pass
            assert time.monotonic() - began < LIMIT_S / 2
            connection.close()
        assert server.ask("POST", second, **as_person("bob")).problem() == "conflict"
        gone = server.ask("DELETE", "/v1/people/group:fraud")
        assert gone.status == 404 and gone.problem() == "not-found", gone
        for who, body, problem in (("ada", {"role": "reader"}, "bad-parameter"), ("person:ada", {"role": "open"}, "bad-body"),
                                   ("person:ada", {"role": "reader", "tags": []}, "bad-body")):
            assert server.ask("PUT", f"/v1/people/{who}", body).problem() == problem, (who, body)
        assert json.loads(server.ask("GET", "/v1/people").text)["people"] == [{"who": "person:bob", "role": "approver"}]


def view(server, name, query="status=open", token=None, **more):
    return server.ask("POST", "/v1/views", {"name": name, "query": query, **more}, token=token)


@case
def saved_views():
    """views: one's own and shared ones, by role, with If-Match, limits and personal data; they outlive kill -9"""
    rules = "event payment { ts: time, id: string id, card: string pii }\nrule r \"R\" { by card when payment as p alert \"x\" }\n"
    with Server("--views-own-max", "3", "--views-max", "6", rules=rules) as server:
        def make(role, name=None, **scope):
            return server.ask("POST", "/v1/tokens", {"name": name or role, "role": role, **scope}).json["token"]

        def names(token):
            return [one["name"] for one in server.ask("GET", "/v1/views", token=token).json["views"]]
        reader, ann, bob, operator = make("reader"), make("analyst", "ann"), make("analyst", "bob"), make("operator")
        limited = make("analyst", "limited", tags=["x"])
        made = view(server, "mine", token=ann)
        assert made.status == 201 and made.headers["Location"] == f"/v1/views/{made.json['id']}" and made.headers["ETag"] == '"1"', made
        assert made.json == {"id": 1, "version": 1, "name": "mine", "query": "status=open", "shared": False, "owner": "ann", "changeable": True}
        assert view(server, "mine", token=ann).problem() == "conflict"
        assert view(server, "mine", token=bob).status == 201
        assert view(server, "all", "severity=high&group=key", token=ann, shared=True).status == 201
        assert view(server, "all", token=bob, shared=True).problem() == "conflict"
        assert view(server, "one card", "key=card%3D4111", token=ann, shared=True).status == 201
        assert view(server, "fourth", token=ann).problem() == "conflict"  # views.own_max
        # Personal data of others is for those who see it; what one has written oneself is not hidden.
        assert names(ann) == ["mine", "all", "one card"] and names(bob) == ["mine", "all", "one card"]
        assert names(reader) == names(limited) == ["all"]
        assert server.ask("GET", "/v1/views/4", token=reader).status == server.ask("GET", "/v1/views/1", token=bob).status == 404
        assert view(server, "for all", token=reader, shared=True).problem() == "forbidden"
        assert view(server, "own", "key=card%3D1", token=reader).status == 201 and names(reader) == ["all", "own"]
        for name, query in (("", ""), (" a", ""), ("a\n", ""), ("x" * 101, ""), ("a", "k%65y=1"), ("a", "status"), ("a", "status=open&"),
                            ("a", "status=a b"), ("a", "status=" + "x" * 2000), ("a", 7), (None, "")):
            assert view(server, name, query, token=bob).problem() == "bad-body", (name, query)
        # Of others only an operator changes what is shared, and nobody what is not as it was read.
        change = {"name": "all", "query": "severity=low", "shared": True}

        def put(token, version='"1"', path="/v1/views/3", body=change):
            return server.ask("PUT", path, body, token=token, headers={"If-Match": version} if version else {})
        assert put(bob).problem() == "forbidden" and put(reader).problem() == "forbidden"
        assert put(ann, None).problem() == "precondition-required" and put(ann, '"2"').problem() == "stale"
        assert put(ann).json["version"] == 2 and put(ann).problem() == "stale"
        assert put(operator, '"2"').headers["ETag"] == '"3"'
        assert put(ann, '"1"', "/v1/views/1", change).problem() == "conflict"
        assert view(server, "sixth", token=bob).status == 201 and view(server, "seventh", token=bob).problem() == "conflict"  # views.max
        server.kill()
    assert stat.S_IMODE(os.stat("data/views.json").st_mode) == 0o600
    with Server(rules=None) as server:
        assert names(ann) == ["mine", "all", "one card"]
        assert server.ask("GET", "/v1/views/3", token=bob).json == {**change, "id": 3, "version": 3, "owner": "ann", "changeable": False}

        def remove(token, path, version='"1"'):
            return server.ask("DELETE", path, token=token, headers={"If-Match": version})
        assert remove(bob, "/v1/views/3", '"3"').status == 403 and remove(ann, "/v1/views/3").status == 412
        assert remove(ann, "/v1/views/3", '"3"').status == 204 and remove(ann, "/v1/views/3", '"3"').status == 404
        assert remove(bob, "/v1/views/6").status == 204
        assert view(server, "new", token=ann).json["id"] == 7  # an id is given once
        done = {(one["actor"], one["action"]) for one in server.ask("GET", "/v1/audit").json["entries"]}
        assert {("ann", "createView"), ("operator", "putView"), ("ann", "deleteView")} <= done, done
        server.end()
    with open("data/views.json", "r+b") as file:
        file.write(b"x")
    server = Server(rules=None, may_fail=True)
    assert server.process.wait(LIMIT_S) != 0
    has(server.process.stderr.read().decode(), "views.json is damaged")


run_cases()
