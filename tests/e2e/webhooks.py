#!/usr/bin/env python3
"""Alerts by webhook, over the network of this machine: `tocsin run --webhook` against endpoints that behave and ones
that do not, and `tocsin receive` as such an endpoint.

    webhooks.py TOCSIN_BINARY [TEXT]

Standard library only. The signatures are checked here by another implementation than the program's. Last line:
N passed, N failed.
"""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import time

from endpoint import SECRET, Endpoint, Remembering, signature
from harness import (RULES, case, confirmation, has, payment, read, read_json_lines, run_cases, start, tocsin, wait_for,
                     write)

def ok(_):
    return 200, {}


def write_inputs(alerts=3):
    write("rules.tocsin", RULES)
    write("events.ndjson", [payment(i, amount=500.00) for i in range(alerts)])
    write("secret", SECRET + "\n")


def run(url, *more, code=0):
    return tocsin("run", "rules.tocsin", "--input", "events.ndjson", "--alerts", "alerts.ndjson", "--webhook", url,
                  "--secret-file", "secret", "--undelivered", "undelivered.ndjson", *more, code=code)


def alert_lines():
    return read("alerts.ndjson").splitlines()


def check_left_over(done, count, error):
    """All of `count` alerts are in the file of alerts and in that of undelivered ones, and the message says so."""
    kept = read_json_lines("undelivered.ndjson")
    assert len(kept) == count, f"{len(kept)} lines{done}"
    assert sorted(line["alert"] for line in kept) == sorted(json.loads(line)["id"] for line in alert_lines())
    for line in kept:
        assert line["payload"]["id"] == line["alert"]
        assert line["webhook_id"].startswith("msg_")
    assert any(error in line.get("error", "") for line in kept), f"{kept}"
    has(done.err, "undelivered.ndjson")


def no_file(name):
    try:
        read(name)
    except FileNotFoundError:
        return
    raise AssertionError(f"{name} should not be there")


@contextlib.contextmanager
def receiver(*more):
    """A running `tocsin receive`; gives the process and its URL, ends it if it still runs."""
    process = start("receive", "--listen", "127.0.0.1:0", "--secret-file", "secret", "--port-file", "port", *more)
    try:
        wait_for(lambda: process.poll() is not None or port_is_written(), "the receiver to listen")
        assert process.poll() is None, process.communicate()
        yield process, f"http://127.0.0.1:{int(read('port'))}/"
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def port_is_written():
    with contextlib.suppress(FileNotFoundError):
        return read("port") != ""
    return False


def ended(process, code):
    """Waits for the end of a receiver; gives what it wrote."""
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, f"exit code {process.returncode}\n{out.decode()}\n{err.decode()}"
    return out.decode(), err.decode()


def post(url, body, webhook_id="msg_1", timestamp=None, sign=None, **headers):
    """Sends a webhook by hand; gives the status."""
    timestamp = str(int(time.time())) if timestamp is None else timestamp
    host = url.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("POST", "/", body, {"webhook-id": webhook_id, "webhook-timestamp": timestamp,
                                           "webhook-signature": sign or signature(webhook_id, timestamp, body), **headers})
    status = connection.getresponse().status
    connection.close()
    return status


@case
def every_alert_arrives_signed():
    """run: every alert arrives once, signed, as it stands in the file of alerts"""
    write_inputs(300)
    with Endpoint(ok) as endpoint:
        done = run(endpoint.url)
    assert sorted(endpoint.bodies()) == sorted(alert_lines()), done
    assert len(set(endpoint.ids())) == 300
    for _, path, headers, body in endpoint.requests:
        assert path == "/alerts"
        assert headers["Content-Type"] == "application/json"
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        assert headers["webhook-signature"] == signature(headers["webhook-id"], headers["webhook-timestamp"], body)
    has(done.err, "300")
    no_file("undelivered.ndjson")


@case
def ids_are_stable():
    """run: the same alert has the same webhook-id in every run, another endpoint gives it another"""
    write_inputs()
    with Endpoint(ok) as endpoint:
        run(endpoint.url)
        run(endpoint.url)
        run(endpoint.url.replace("alerts", "others"))
    ids = endpoint.ids()
    assert sorted(ids[:3]) == sorted(ids[3:6])
    assert not set(ids[:3]) & set(ids[6:])


@case
def refused():
    """run: an endpoint where nobody listens leaves all alerts over"""
    write_inputs()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening: nobody else gets the port
        done = run(f"http://127.0.0.1:{taken.getsockname()[1]}/", "--delivery-timeout", "1s", code=4)
    check_left_over(done, 3, "Connection refused")


@case
def hangs():
    """run: an endpoint that never answers holds nothing up beyond --delivery-timeout"""
    write_inputs(20)
    begin = time.monotonic()
    with Endpoint(lambda _: None) as endpoint:
        done = run(endpoint.url, "--delivery-timeout", "1s", code=4)
        assert time.monotonic() - begin < 20
    check_left_over(done, 20, "given up")


@case
def redirects():
    """run: a redirect is a failure and is not followed"""
    write_inputs()
    with Endpoint(ok) as other, Endpoint(lambda _: (302, {"Location": other.url})) as endpoint:
        done = run(endpoint.url, "--delivery-timeout", "1s", code=4)
        assert not other.requests
    check_left_over(done, 3, "302")


@case
def fails_for_a_while():
    """run: an endpoint that answers 500 for a while gets every alert once it is back, under the same ids"""
    write_inputs(20)
    with Endpoint(lambda number: (500, {}) if number < 8 else (204, {})) as endpoint:
        run(endpoint.url)
    ids = endpoint.ids()
    assert len(set(ids)) == 20
    assert set(ids[8:]) == set(ids)
    assert len(ids) == 28
    assert sorted(endpoint.bodies()[8:]) == sorted(alert_lines())
    no_file("undelivered.ndjson")


@case
def gone():
    """run: 410 ends all requests to the endpoint at once"""
    write_inputs(50)
    begin = time.monotonic()
    with Endpoint(lambda number: (200, {}) if number < 5 else (410, {})) as endpoint:
        done = run(endpoint.url, code=4)
    assert time.monotonic() - begin < 20
    assert 6 <= len(endpoint.requests) <= 20  # those under way when it said so
    assert len(read_json_lines("undelivered.ndjson")) == 45, done


@case
def retry_after():
    """run: 429 with Retry-After holds everything back so long"""
    write_inputs(6)
    with Endpoint(lambda number: (429, {"Retry-After": "2"}) if number == 0 else (200, {})) as endpoint:
        run(endpoint.url)
    times = [at for at, *_ in endpoint.requests]
    # Those that were under way with the first one come at once, all others after the pause.
    later = [at - times[0] for at in times if at - times[0] > 1.0]
    assert later and min(later) >= 1.9, times
    assert set(endpoint.bodies()) == set(alert_lines())


@case
def retry_after_beyond_the_end():
    """run: a Retry-After beyond --delivery-timeout ends the run at once"""
    write_inputs()
    begin = time.monotonic()
    with Endpoint(lambda _: (503, {"Retry-After": "3600"})) as endpoint:
        done = run(endpoint.url, "--delivery-timeout", "30s", code=4)
    assert time.monotonic() - begin < 20
    check_left_over(done, 3, "503")


@case
def interrupted():
    """run: an interrupt while it waits for an endpoint keeps what is owed"""
    write_inputs()
    with Endpoint(lambda _: None) as endpoint:
        process = start("run", "rules.tocsin", "--input", "events.ndjson", "--alerts", "alerts.ndjson", "--webhook",
                        endpoint.url, "--secret-file", "secret", "--undelivered", "undelivered.ndjson",
                        "--delivery-timeout", "10m")
        try:
            wait_for(lambda: len(endpoint.requests) == 3, "the requests to be under way")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
    assert process.returncode in (3, 4), process.returncode
    assert len(read_json_lines("undelivered.ndjson")) == 3


@case
def wrong_command_lines():
    """run: a URL or secret that cannot be used is a wrong command line, and nothing is run"""
    write_inputs()
    for url in ("example.com", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", "http://user:pass@127.0.0.1/"):
        done = run(url, code=2)
        has(done.err, "URL")
        assert "pass" not in done.err.replace("password", "")
    write("secret", "whsec_c2hvcnQ=\n")
    done = run("http://127.0.0.1:9/", code=2)
    has(done.err, "secret")
    assert "c2hvcnQ" not in done.err
    no_file("alerts.ndjson")
    no_file("undelivered.ndjson")


@case
def run_and_receive():
    """receive: takes and prints what run sends, fails the first ones when asked, and ends after --count"""
    write_inputs(40)
    with receiver("--count", "40", "--fail-first", "3", "--for", "60s") as (process, url):
        run(url)
        out, err = ended(process, 0)
    printed = out.splitlines()
    assert len(printed) == 40
    has(printed[0], "2026-03-02T12:00:", "high", "large", "card=c1", "500.00 on card c1")
    has(err, "listening on http://127.0.0.1:", "received 40 alerts", "failed 3 on purpose")
    no_file("undelivered.ndjson")


@case
def receive_json():
    """receive: --json prints the alerts whole"""
    write_inputs(10)
    with receiver("--count", "10", "--for", "60s", "--json", "--quiet") as (process, url):
        run(url)
        out, err = ended(process, 0)
    assert sorted(out.splitlines()) == sorted(alert_lines())
    assert err == ""


@case
def receive_with_another_secret():
    """receive: what is signed with another secret is refused, and left over at the sender"""
    write_inputs()
    with receiver() as (process, url):
        write("secret", "whsec_" + base64.b64encode(b"another key, but long enough").decode())
        done = run(url, "--delivery-timeout", "1s", code=4)
        process.terminate()
        out, err = ended(process, 0)
    assert out == ""
    has(err, "refused a webhook: the signature does not match", "received 0 alerts")
    check_left_over(done, 3, "401")


@case
def receive_checks():
    """receive: repeats are answered and not printed; what is unsigned, old or no JSON is refused"""
    write_inputs()
    body = b'{"format":1,"id":"0","rule":"by_hand","time":"now","severity":"low","message":"hello \\u001b[31m"}'
    with receiver() as (process, url):
        now = int(time.time())
        assert post(url, body) == 200
        assert post(url, body) == 200
        assert post(url, body, timestamp=str(now + 1)) == 200
        assert post(url, body, webhook_id="msg_2", sign="v1,AAAA v2,BBBB") == 401
        assert post(url, body, webhook_id="msg_2", timestamp=str(now - 400)) == 401
        assert post(url, body, webhook_id="msg_2", timestamp=str(now + 400)) == 401
        assert post(url, body, webhook_id="msg_2", timestamp="soon") == 401
        assert post(url, body + b" ", webhook_id="msg_2", sign=signature("msg_2", str(now), body)) == 401
        assert post(url, b"not JSON", webhook_id="msg_2") == 400
        assert post(url, body, webhook_id="msg_2", sign="v1,AAAA " + signature("msg_2", str(now), body),
                    timestamp=str(now)) == 200
        process.send_signal(signal.SIGINT)
        out, err = ended(process, 0)
    assert out == 2 * "now  low       by_hand  -  hello \\x1b[31m\n", out
    has(err, "received 2 alerts, 2 repeats, 6 webhooks refused")


@case
def receive_bad_requests():
    """receive: junk, floods of headers and long bodies do not end it"""
    write_inputs()
    with receiver() as (process, url):
        host, port = url.split("/")[2].split(":")
        for junk in (b"\x00\xff" * 1000 + b"\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx", b"GET / HTTP/1.1\r\n" * 100,
                     b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 10000 + b"\r\n", b"POST /\r\n"):
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                with contextlib.suppress(OSError):
                    connection.sendall(junk)
        with contextlib.suppress(OSError):
            assert post(url, b" " * (5 << 20)) == 413
        assert post(url, b"{}") == 200
        process.terminate()
        out, _ = ended(process, 0)
    assert out == "{}\n"


@case
def receive_wrong_command_lines():
    """receive: listens on this machine only, with a good secret, on a free port"""
    write_inputs()
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.com:80", "127.0.0.1", "127.0.0.1:99999"):
        done = tocsin("receive", "--listen", address, "--secret-file", "secret", code=2)
        has(done.err, "--listen")
    write("short", "whsec_c2hvcnQ=\n")
    has(tocsin("receive", "--secret-file", "short", code=2).err, "24 to 64 bytes", "short")
    has(tocsin("receive", "--secret-file", "missing", code=2).err, "missing")
    tocsin("receive", code=2)
    has(tocsin("receive", "--secret-file", "secret", "--for", "soon", code=2).err, "--for")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        has(tocsin("receive", "--listen", address, "--secret-file", "secret", code=3).err, address)


@case
def receive_ends():
    """receive: ends after --for, and says whether --count alerts came"""
    write_inputs()
    has(tocsin("receive", "--secret-file", "secret", "--for", "100ms").err, "received 0 alerts")
    done = tocsin("receive", "--secret-file", "secret", "--for", "100ms", "--count", "2", code=3)
    has(done.err, "only 0 of 2 alerts arrived")


@case
def deadline_alerts():
    """run: alerts raised at the end of the input are delivered too"""
    write_inputs()
    write("events.ndjson", [payment(0, amount=5000.00), payment(1, "c2", amount=5000.00), confirmation(2, "c2")])
    with Endpoint(ok) as endpoint:
        run(endpoint.url)
    rules = sorted(json.loads(body)["rule"] for body in endpoint.bodies())
    assert rules == ["large", "large", "unconfirmed"], rules


# --- with a data directory: what is owed outlives the run -----------------------------------------

def run_durable(url, *more, code=0, **options):
    return tocsin("run", "rules.tocsin", "--input", "events.ndjson", "--data", "data", "--alerts", "alerts.ndjson",
                  "--webhook", url, "--secret-file", "secret", *more, code=code, **options)


def stored_ids():
    return [json.loads(line)["id"] for line in tocsin("alerts", "--data", "data").out.splitlines()]


def check_all_arrived(endpoint, count):
    """Every stored alert was answered with 200 once at least, always under one webhook-id."""
    ids = stored_ids()
    assert len(ids) == len(set(ids)) == count, f"{len(ids)} of {count} alerts are stored"
    webhook_ids = {}
    for (_, _, headers, body), status in zip(endpoint.requests, endpoint.answers):
        alert = json.loads(body)["id"]
        assert webhook_ids.setdefault(alert, headers["webhook-id"]) == headers["webhook-id"]
        if status == 200:
            endpoint.arrived.add(alert)
    assert endpoint.arrived == set(ids), f"{len(endpoint.arrived)} of {len(ids)} arrived"


@case
def left_over_in_the_store():
    """run --data: what is left over stays in the data directory, and the next start delivers it under the same id"""
    write_inputs(20)
    with Remembering() as endpoint:
        endpoint.status = lambda number: 200 if number < 5 else 500
        done = run_durable(endpoint.url, "--delivery-timeout", "1s", code=4)
        delivered = endpoint.answers.count(200)
        has(done.err, f"deliveries: {delivered} of 20 to {endpoint.url}",
            f"not delivered: {20 - delivered}, in data: the next start continues with them")
        no_file("tocsin-undelivered.ndjson")
        endpoint.status = lambda number: 200
        # Time has ended in the directory, but what is owed is still delivered.
        done = run_durable(endpoint.url)
        has(done.err, f"undelivered alerts of earlier starts: {20 - delivered}",
            f"deliveries: {20 - delivered} of {20 - delivered}")
        check_all_arrived(endpoint, 20)
        count = len(endpoint.requests)
        run_durable(endpoint.url)
        assert len(endpoint.requests) == count
    assert alert_lines() == tocsin("alerts", "--data", "data").out.splitlines()


@case
def killed_at_each_point():
    """run --data: killed around a write of alerts or of a delivery, each alert is stored once and arrives"""
    for point in ("effects.before_write", "effects.after_write", "delivery.settle", "delivery.settle:7",
                  "delivery.note", "delivery.note:3"):
        write_inputs(15)
        shutil.rmtree("data", ignore_errors=True)
        pathlib.Path("alerts.ndjson").unlink(missing_ok=True)
        with Remembering() as endpoint:
            endpoint.status = lambda number: 503 if number % 3 == 1 else 200
            done = run_durable(endpoint.url, "--delivery-timeout", "20s", code=None,
                               env={**os.environ, "TOCSIN_CRASH_AT": point})
            assert done.code == -signal.SIGKILL, f"{point}: {done}"
            endpoint.status = lambda number: 200
            run_durable(endpoint.url)
            check_all_arrived(endpoint, 15)
        assert alert_lines() == tocsin("alerts", "--data", "data").out.splitlines(), point


@case
def killed_while_delivering():
    """run --data: killed again and again while it delivers, each alert is stored once and arrives"""
    write_inputs(200)
    with Remembering() as endpoint:
        for _ in range(4):
            # The rest of what this process sends is left without an answer.
            enough = len(endpoint.requests) + 30
            endpoint.status = lambda number, enough=enough: 200 if number < enough else None
            process = start("run", "rules.tocsin", "--input", "events.ndjson", "--data", "data", "--alerts",
                            "alerts.ndjson", "--webhook", endpoint.url, "--secret-file", "secret")
            try:
                wait_for(lambda: len(endpoint.requests) > enough, "some deliveries")
            finally:
                process.kill()
                process.communicate()
        endpoint.status = lambda number: 200
        run_durable(endpoint.url)
        check_all_arrived(endpoint, 200)
        # Doubled are at most those that were under way at a kill.
        assert len(endpoint.requests) <= 200 + 4 * 10, len(endpoint.requests)
    assert alert_lines() == tocsin("alerts", "--data", "data").out.splitlines()


@case
def undelivered_needs_no_file():
    """run --data: --undelivered is refused, as what is left over is kept in the data directory"""
    write_inputs()
    has(run_durable("http://127.0.0.1:9/", "--undelivered", "u.ndjson", code=2).err, "--undelivered does not go with --data")


run_cases()
