#!/usr/bin/env python3
"""End-to-end cases of sign-in by OpenID Connect, with a small issuer on this machine.

    serve_openid.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import time
import urllib.parse

from harness import LIMIT_S, case, has, run_cases, start, wait_for, write
from openid_issuer import Issuer, Key
from server_process import TIMELESS, Server

ADA = {"email": "ada@bank.example", "email_verified": True, "groups": ["fraud"]}


def options(issuer, *more):
    return (*TIMELESS, "--openid-issuer", issuer.url, "--openid-client", "tocsin", "--openid-server", "http://tocsin.test:8627", *more)


def cookies_of(answer):
    return {cookie.split("=")[0]: cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie", [])}


class Browser:
    """What a browser has: its cookies, and that of the page on which it is."""

    def __init__(self, server):
        self.server, self.cookies = server, {}

    def ask(self, method, path, body=None, **headers):
        own = {"Tocsin-Console": "1", "Origin": f"http://127.0.0.1:{self.server.port}"} if method != "GET" else {}
        answer = self.server.ask(method, path, body, token=False, headers={"Cookie": "; ".join(self.cookies.values()), **own, **headers})
        self.cookies.update(cookies_of(answer))
        return answer

    def go(self, place=None):
        """To the issuer and back; gives the code and the state."""
        query = f"?{urllib.parse.urlencode({'place': place})}" if place else ""
        begun = self.ask("GET", f"/v1/session/openid{query}")
        assert begun.status == 302, begun
        url = urllib.parse.urlsplit(begun.headers["Location"])
        connection = http.client.HTTPConnection(url.netloc, timeout=LIMIT_S)
        connection.request("GET", f"{url.path}?{url.query}")
        back = connection.getresponse()
        assert back.status == 302, back.read()
        connection.close()
        there = urllib.parse.urlsplit(back.headers["Location"])
        assert f"{there.scheme}://{there.netloc}{there.path}" == "http://tocsin.test:8627/console/signed-in", there
        return dict(urllib.parse.parse_qsl(there.query))

    def sign_in(self, place=None):
        return self.ask("POST", "/v1/session/openid", self.go(place))


@case
def signed_in():
    """a person goes to the issuer and back, and has a session with the role of a group, also over a start; it ends with the role"""
    write("secret", "s3cr:t/\n")
    with Issuer(secret="s3cr:t/") as issuer:
        issuer.claims = ADA
        with Server(options=options(issuer, "--openid-secret-file", "secret")) as server:
            assert server.ask("GET", "/v1/session/ways", token=False).json == {"token": True, "openid": True}
            assert server.ask("PUT", "/v1/people/group:fraud", {"role": "operator"}).status == 201
            browser = Browser(server)
            done = browser.sign_in("/console/rules?sort=alerts")
            assert done.status == 201, done
            assert done.json == {"name": "person:ada@bank.example", "role": "operator", "place": "/console/rules?sort=alerts"}, done
            said = done.headers.get_all("Set-Cookie")
            assert any(cookie.startswith("tocsin=") and cookie.endswith("; HttpOnly; SameSite=Strict") for cookie in said), said
            assert any(cookie.startswith("tocsin-sign-in=;") and "Max-Age=0" in cookie for cookie in said), said
            me = browser.ask("GET", "/v1/me").json
            assert (me["name"], me["role"]) == ("person:ada@bank.example", "operator") and me["session"]["ends"], me
            assert browser.ask("POST", "/v1/checkpoints").status < 300
            foreign = browser.ask("POST", "/v1/checkpoints", Origin="https://evil.example")
            assert foreign.problem() == "forbidden", foreign
            entries = server.ask("GET", "/v1/audit").json["entries"]
            assert {("endSignIn", "person:ada@bank.example"), ("takeCheckpoint", "person:ada@bank.example")} <= {
                (one["action"], one["actor"]) for one in entries}, entries
            server.kill()
        with Server(options=options(issuer, "--openid-secret-file", "secret"), rules=None) as server:
            browser.server = server
            assert browser.ask("GET", "/v1/me").json["role"] == "operator"
            server.ask("PUT", "/v1/people/group:fraud", {"role": "reader"})
            assert browser.ask("GET", "/v1/me").json["role"] == "reader"
            server.ask("DELETE", "/v1/people/group:fraud")
            ended = browser.ask("GET", "/v1/me")
            assert ended.status == 401, ended
            has(ended.text, "person:ada@bank.example has no role any more")


@case
def refused():
    """a code counts once, for the browser that went for it, and for a person whom the issuer vouches for and who has a role"""
    with Issuer(token_endpoint_auth_methods_supported=["client_secret_post"], secret="s&t") as issuer:
        write("secret", "s&t")
        issuer.claims = ADA
        with Server(options=options(issuer, "--openid-secret-file", "secret")) as server:
            ada = Browser(server)
            nobody = ada.sign_in()
            assert nobody.problem() == "forbidden", nobody
            has(nobody.text, "person:ada@bank.example has no role here")
            server.ask("PUT", "/v1/people/person:ada@bank.example", {"role": "analyst"})
            code = ada.go()
            for browser, body in ((Browser(server), code), (ada, {**code, "state": code["state"][:-1]}), (ada, {"code": code["code"]})):
                assert browser.ask("POST", "/v1/session/openid", body).problem() == "forbidden", body
            other = Browser(server)
            other.go()
            assert other.ask("POST", "/v1/session/openid", code).problem() == "forbidden", "another browser's sign-in"
            assert ada.ask("POST", "/v1/session/openid", code, Origin="https://evil.example").problem() == "forbidden"
            assert ada.ask("POST", "/v1/session/openid", code).status == 201
            ticket = Browser(server)
            again = ticket.go()
            assert ticket.ask("POST", "/v1/session/openid", again).status == 201
            assert ticket.ask("POST", "/v1/session/openid", again).problem() == "forbidden"
            # What the issuer says otherwise.
            for claims, said in (({**ADA, "email_verified": False}, "not verified"), ({**ADA, "aud": "other"}, "another client"),
                                 ({**ADA, "nonce": "x"}, "another sign-in"), ({**ADA, "exp": 1}, "expired")):
                issuer.claims = claims
                answer = Browser(server).sign_in()
                assert answer.problem() == "forbidden" and said in answer.text, (claims, answer)
            issuer.claims = ADA
            # A new key is looked for once in half a minute; one that the issuer does not name never counts.
            issuer.key = Key("stranger")
            has(Browser(server).sign_in().text, "by a key that the issuer does not name")
            issuer.secret = "another"
            has(Browser(server).sign_in().text, "invalid_client")
            assert server.ask("GET", "/v1/session/openid?place=//evil.example", token=False).problem() == "bad-parameter"
            assert server.ask("POST", "/v1/session/openid", {"code": "x", "state": "y"}, token=False).problem() == "forbidden"


@case
def out_of_reach():
    """an issuer that does not answer, or is another, is told to the admin; settings that cannot work are refused at the start"""
    with Issuer() as issuer:
        with Server(options=options(issuer)) as server:
            issuer.offer = {"issuer": "http://127.0.0.1:1"}
            answer = server.ask("GET", "/v1/session/openid", token=False)
            assert answer.problem() == "unavailable" and answer.headers["Retry-After"], answer
            # It is not asked again for everybody who comes.
            asked = len(issuer.asked)
            assert server.ask("GET", "/v1/session/openid", token=False).status == 503 and len(issuer.asked) == asked
            issuer.offer = {"token_endpoint": "http://192.0.2.1/token"}
            wait_for(lambda: server.ask("GET", "/v1/session/openid", token=False).status == 503 and len(issuer.asked) > asked, "another question")
            issuer.__exit__()
            time.sleep(2.1)  # as long as a failure is remembered
            assert server.ask("GET", "/v1/session/openid", token=False).status == 503
            # One address cannot ask for ever, whoever sits there.
            statuses = [server.ask("GET", "/v1/session/openid", token=False).status for _ in range(150)]
            assert 429 in statuses and server.ask("GET", "/v1/session/ways", token=False).status == 200, statuses
            server.end()
            has(server.said, "nobody can sign in by OpenID Connect now", "letter by letter", "it has to be https", "refused")
    for given, said in ((("--openid-issuer", "http://login.example", "--openid-client", "c", "--openid-server", "https://a.example"), "it has to be https"),
                        (("--openid-issuer", "https://login.example"), "openid.client: sign-in needs it"),
                        (("--openid-client", "c"), "openid.issuer: without the issuer's URL"),
                        (("--openid-issuer", "https://a.example", "--openid-client", "c", "--openid-server", "https://a.example/x"), "openid.server: "),
                        (("--openid-issuer", "https://a.example", "--openid-client", "c", "--openid-server", "https://a.example",
                          "--openid-secret-file", "none"), "openid.secret_file: cannot read none")):
        process = start("serve", "--data", "other", *given, "--check-config")
        _, heard = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 2, (process.returncode, heard)
        has(heard.decode(), said)


run_cases()
