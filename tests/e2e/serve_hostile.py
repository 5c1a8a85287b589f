#!/usr/bin/env python3
"""A hostile afternoon: what is wrong gets its problem document, and nothing else is lost. tests/e2e/serve.py has wrong types,
packed halves, bodies without end and unknown members.

    serve_hostile.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import gzip
import json
import pathlib
import random
import re
import socket
import threading
import time

from harness import LIMIT_S, START_US, case, payment, run_cases, wait_for
from server_process import NDJSON, Server, statuses, zstd_bomb

DAY_US = 86_400_000_000


def rule(name, limit, more=""):
    return f'rule {name} "R" {{ by card when payment where amount > {limit} alert "x"{more} }}\n'


def versions(server):
    return [one["version"] for one in server.ask("GET", "/v1/versions").json["versions"]]


@case
def many_rules():
    """ten thousand rules in one put hold, or are refused as a whole; one that does not check among them changes nothing"""
    with Server() as server:
        assert statuses(server.send([payment(1, "a", 150)])) == ["accepted"]
        files = server.ask("GET", "/v1/pack").json["files"]
        (path, text), = files.items()
        many = "".join(rule(f"r{number}", 10_000 + number) for number in range(10_000))
        bad = many.replace("amount > 15000 ", "amonut > 15000 ")
        refused = server.ask("PUT", "/v1/pack", {"files": {path: text + bad}}, headers={"If-Match": "*"})
        assert refused.problem() == "rules-do-not-check" and len(refused.json["diagnostics"]) == 1, refused.status
        assert "amonut" in refused.json["diagnostics"][0]["message"], refused.json["diagnostics"]
        assert versions(server) == [1] and len(server.ask("GET", "/v1/rules").json["rules"]) == 2
        assert statuses(server.send([payment(2, "b", 150)])) == ["accepted"]
        put = server.ask("PUT", "/v1/pack", {"files": {path: text + many}}, headers={"If-Match": "*"})
        assert put.status == 200 and len(put.json["started"]) == 10_000, put.status
        assert len(server.ask("GET", "/v1/rules").json["rules"]) == 10_002
        assert statuses(server.send([payment(3, "c", 150)])) == ["accepted"]
        back = server.ask("POST", "/v1/versions/1/rollback", headers={"If-Match": "*"})
        assert back.status == 200 and len(back.json["lost"]) == 10_000, back.status
        wait_for(lambda: server.metric("alerts_stored") == 3, "the alerts before, between and after")
        server.end()


@case
def two_writers():
    """of many writers with one ETag one changes the rules; the others are told to read again"""
    with Server() as server:
        etag = server.ask("GET", "/v1/rules/large").headers["ETag"]
        answers = []

        def write(number):
            answers.append(server.ask("PUT", "/v1/rules/large", rule("large", 500 + number), media="text/plain", headers={"If-Match": etag}))
        writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for writer in writers:
            writer.start()
        for number in range(20):
            assert statuses(server.send([payment(number, f"c{number}", 10)])) == ["accepted"]
        for writer in writers:
            writer.join(LIMIT_S)
        assert sorted(answer.status for answer in answers) == [200] + [412] * 7, [answer.status for answer in answers]
        assert all(answer.problem() == "stale" for answer in answers if answer.status == 412)
        assert versions(server) == [2, 1]
        wait_for(lambda: server.metric("intake_events_total") == 20, "the count of events")
        server.end()


@case
def clocks_off():
    """a clock a day ahead moves time for nobody, one a day behind holds nobody back"""
    with Server(options=("--time-late-max", "1h", "--time-heartbeat", "0")) as server:
        now_us = int(time.time() * 1e6)

        def at(offset_us, card, amount=150):
            return payment(0, card, amount) | {"ts": now_us + offset_us, "id": f"{card}-{offset_us}"}
        batch = [at(0, "a"), at(DAY_US, "ahead"), at(1_000_000, "b"), at(-DAY_US, "behind"), at(2_000_000, "c"), at(-60_000_000, "minute")]
        answer = server.send(batch)
        assert statuses(answer) == ["accepted", "invalid", "accepted", "late", "accepted", "clamped"], answer
        assert START_US < now_us
        wait_for(lambda: now_us <= server.metric("watermark_seconds") * 1e6 < now_us + 60_000_000, "the time of those that are right")
        wait_for(lambda: server.metric("alerts_stored") == 4, "the alerts")
        assert [len(server.ask("GET", f"/v1/{kind}").json["items"]) for kind in ("late", "dead")] == [1, 1]
        server.end()


@case
def too_much_at_once():
    """a gigabyte is refused by its head alone, and events that come beside it are taken"""
    with Server() as server:
        assert statuses(server.send([payment(1, "a", 150)])) == ["accepted"]
        held = []
        for _ in range(4):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
            connection.sendall((f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
                                f"Content-Type: {NDJSON}\r\nContent-Length: {1 << 30}\r\n\r\n").encode())
            held.append(connection)
        for number in range(10):
            assert statuses(server.send([payment(2 + number, "b", 1)])) == ["accepted"]
        for connection in held:
            answer = connection.recv(1 << 16).decode()
            assert answer.startswith("HTTP/1.1 413 ") and "urn:tocsin:problem:too-large" in answer, answer
            connection.close()
        wait_for(lambda: server.metric("intake_events_total") == 11 and server.metric("alerts_stored") == 1, "all events")
        server.end()


@case
def revoked_in_the_middle():
    """a request whose token is revoked while its body is on the way is refused, and changes nothing"""
    with Server() as server:
        token = server.ask("POST", "/v1/tokens", {"name": "leaver", "role": "operator"}).json["token"]
        bodies = (("/v1/events", payment(1, "a", 150)), ("/v1/subscriptions", {"url": "https://127.0.0.1/x", "name": "s"}))
        connections = []
        for path, body in bodies:
            text = json.dumps(body).encode()
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
            connection.sendall((f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                                f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n").encode() + text[:-1])
            connections.append((connection, text))
        wait_for(lambda: server.ask("GET", "/v1/events/types", token=token).status != 401, "the token counts")
        assert server.ask("DELETE", "/v1/tokens/leaver").status == 204
        time.sleep(0.2)
        for connection, text in connections:
            connection.sendall(text[-1:])
            answer = connection.recv(1 << 16).decode()
            assert answer.startswith("HTTP/1.1 401 ") and "leaver" in answer, answer
            connection.close()
        assert server.metric("intake_events_total") == 0
        assert server.ask("GET", "/v1/subscriptions").json["subscriptions"] == []
        server.end()


def status_line(server, name):
    """A line of /proc/PID/status, in kB."""
    with open(f"/proc/{server.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


@case
def unpacked_beyond_the_room():
    """a packed body that unpacks to more than the room for bodies takes no more memory than there is room"""
    bomb = zstd_bomb(512)
    assert len(bomb) < 2100
    packed = {"zstd": bomb, "gzip": gzip.compress(b"\n" * (64 << 20))}
    for encoding, body in packed.items():
        with Server("--http-bodies-bytes-max", "1MiB", data=encoding) as server:
            assert statuses(server.send([payment(1, "a", 150)])) == ["accepted"]
            before = status_line(server, "VmHWM")
            answer = server.send(body, headers={"Content-Encoding": encoding})
            assert answer.problem() == "unavailable" and answer.headers["Retry-After"], answer
            grown = status_line(server, "VmHWM") - before
            assert grown < 16 << 10, f"{encoding} took {grown} kB"
            assert server.metric("http_bodies_bytes") == 0
            assert statuses(server.send([payment(2, "a", 150)])) == ["accepted"]


@case
def packed_too_tightly():
    """a small packed body is refused once it unpacks to more than 200 times its size"""
    bombs = {"gzip": gzip.compress(b"\n" * (60 << 20)), "zstd": zstd_bomb(480)}
    with Server() as server:
        assert statuses(server.send([payment(1, "a", 150)])) == ["accepted"]
        before = status_line(server, "VmHWM")
        for encoding, body in bombs.items():
            answer = server.send(body, headers={"Content-Encoding": encoding})
            assert answer.status == 413 and answer.problem() == "packed-too-tightly", answer
            assert "http.unpack_ratio_max" in answer.json["detail"], answer
        grown = status_line(server, "VmHWM") - before
        assert grown < 48 << 10, f"it took {grown} kB"
        assert server.metric("http_bodies_bytes") == 0
    with Server("--http-unpack-ratio-max", "0", data="any") as server:
        answer = server.send(bombs["zstd"], headers={"Content-Encoding": "zstd"})
        assert answer.status != 413, answer


def cookie_of(answer):
    found = re.match(r"(\S+?)=(\S+?);", answer.headers.get("Set-Cookie") or "")
    return found and found.groups()


@case
def sessions_of_browsers():
    """a session's secret is shown once and nowhere stored; a changed cookie is nobody's, and no change of another page is done"""
    with Server() as server:
        begun = server.ask("POST", "/v1/session", headers={"Idempotency-Key": "k1"})
        name, secret = cookie_of(begun)
        assert begun.status == 201 and name == "tocsin" and "HttpOnly; SameSite=Strict" in begun.headers["Set-Cookie"], begun
        again = server.ask("POST", "/v1/session", headers={"Idempotency-Key": "k1"})
        assert again.headers["Idempotent-Replayed"] == "true" and cookie_of(again) is None, again
        own = {"Cookie": f"tocsin={secret}"}
        assert server.ask("GET", "/v1/me", token=False, headers=own).json["session"]["ends"]
        choose = random.Random(11)
        for _ in range(200):
            text = bytearray(f"tocsin={secret}".encode())
            text[choose.randrange(len(text))] ^= 1 << choose.randrange(5)
            changed = bytes(byte for byte in text if byte >= 32 and byte != 127).decode("latin-1")
            if changed != f"tocsin={secret}":
                assert server.ask("GET", "/v1/me", token=False, headers={"Cookie": changed}).status == 401, changed
        host = f"127.0.0.1:{server.port}"
        page = {**own, "Tocsin-Console": "1", "Origin": f"http://{host}"}
        for bad in ({**page, "Origin": "http://example.com"}, {**page, "Origin": "null"}, {**page, "Origin": f"http://{host}0"},
                    {name: text for name, text in page.items() if name != "Origin"}, own):
            assert server.ask("POST", "/v1/checkpoints", token=False, headers=bad).problem() == "forbidden", bad
        made = server.ask("POST", "/v1/checkpoints", token=False, headers=page)
        assert made.status < 300, made
        entries = server.ask("GET", "/v1/audit").json["entries"]
        assert any(entry["action"] == "beginSession" and entry["actor"] == "admin" for entry in entries), entries
        server.end()
        stored = [path for path in pathlib.Path("data").rglob("*") if path.is_file()]
        assert pathlib.Path("data/sessions.json") in stored and not [path for path in stored if secret.encode() in path.read_bytes()]
    with Server() as server:  # started again
        assert server.ask("GET", "/v1/me", token=False, headers=own).json["name"] == "admin"
        assert server.ask("DELETE", "/v1/session", token=False, headers={**page, "Origin": f"http://127.0.0.1:{server.port}"}).status == 204
        assert server.ask("GET", "/v1/me", token=False, headers=own).status == 401


@case
def without_the_console():
    """console.enabled = false: there is no page and no session, and all else is as before; a damaged file stops no start"""
    with Server("--no-console-enabled") as server:
        assert server.ask("GET", "/", token=False).status == 401 and server.ask("GET", "/console/").status == 404
        assert "/v1/session" not in server.ask("GET", "/openapi.json").json["paths"]
        assert server.ask("POST", "/v1/session").status == 404
        assert server.ask("GET", "/v1/me").json["role"] == "admin"
        server.end()
    pathlib.Path("data/sessions.json").write_text("{", encoding="utf-8")
    with Server() as server:
        server.document = None  # the page is no operation of the API
        assert server.ask("GET", "/", token=False).headers["Location"] == "/console/"
        assert server.ask("GET", "/console/", token=False).text.startswith("<!doctype html>")
        assert "sessions.json" in server.end().said and "signs in to the console again" in server.said, server.said


run_cases()
