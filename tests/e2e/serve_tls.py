#!/usr/bin/env python3
"""TLS: who the server is, that it can become another without losing a connection, who is let in, and what is refused in the
clear.

    serve_tls.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import time
import warnings

from harness import LIMIT_S, case, has, lines, payment, run_cases, start, tocsin, wait_for, write
from server_process import NDJSON, TIMELESS, Server


def certificate(name, *, days=2, authority=None, alternatives="IP:127.0.0.1"):
    """NAME.pem and NAME.key, signed by itself or by an authority that was made before."""
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
            "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternatives}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
    if authority:
        made += ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key"]
    subprocess.run(made, check=True, capture_output=True, timeout=LIMIT_S)


def revocations(authority, *revoked, to=None, seconds=2 * 86400, begins=None, ends=None):
    """A list of the authority with these certificates, in AUTHORITY.crl or `to`."""
    with open("index.txt", "w"), open("crl.conf", "w") as config:
        config.write(f"[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncertificate={authority}.pem\nprivate_key={authority}.key\n"
                     "default_md=sha256\ndefault_crl_days=2\n")

    def sign(*options):
        subprocess.run(["openssl", "ca", "-config", "crl.conf", *options], check=True, capture_output=True, timeout=LIMIT_S)
    for name in revoked:
        sign("-revoke", f"{name}.pem")
    dates = ["-crl_lastupdate", begins, "-crl_nextupdate", ends] if ends else ["-crlsec", str(seconds)]
    made = f"{to or authority + '.crl'}"
    sign("-gencrl", *dates, "-out", made + ".new")
    os.replace(made + ".new", made)


class TlsServer(Server):
    """Asked by HTTPS."""

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if os.path.exists("client.pem"):
            context.load_cert_chain("client.pem", "client.key")
        return context

    def connect(self, context=None):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=LIMIT_S, context=context or self.context())

    def ask(self, method, path, body=None, **options):
        plain = http.client.HTTPConnection
        try:
            http.client.HTTPConnection = lambda *_, **__: self.connect()
            return super().ask(method, path, body, **options)
        finally:
            http.client.HTTPConnection = plain

    def name(self, context=None):
        """The common name that the server shows to a new connection, and the version of TLS."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_S) as connection:
            with (context or self.context()).wrap_socket(connection) as tls:
                shown = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"], check=True,
                                       capture_output=True, input=tls.getpeercert(binary_form=True), timeout=LIMIT_S)
                return shown.stdout.decode().split("=")[-1].strip(), tls.version()


def tls_options(name):
    return (*TIMELESS, "--http-tls-certificate", f"{name}.pem", "--http-tls-key", f"{name}.key")


@case
def encrypted():
    """events and alerts go by TLS 1.2 and 1.3; older versions and clear text are refused"""
    certificate("one")
    with TlsServer(options=tls_options("one")) as server:
        assert server.send([payment(1, "a", 150)]).status == 200
        wait_for(lambda: server.metric("alerts_stored") == 1, "the alert")
        assert server.name() == ("one", "TLSv1.3")
        old = server.context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert server.name(old) == ("one", "TLSv1.2")
        older = server.context()
        warnings.simplefilter("ignore", DeprecationWarning)
        older.minimum_version = older.maximum_version = ssl.TLSVersion.TLSv1_1
        older.set_ciphers("DEFAULT@SECLEVEL=0")
        try:
            raise AssertionError(server.name(older))
        except ssl.SSLError:
            pass
        # A body of many records, in both directions.
        many = [payment(10 + number, f"c{number}", 1) for number in range(20_000)]
        answer = server.send(many)
        assert answer.status == 200 and answer.json["accepted"] == 20_000, answer.status
        with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as clear:
            clear.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            try:
                assert b"HTTP/1.1" not in clear.recv(4096)
            except ConnectionResetError:
                pass
        server.end()
        has(server.said, "listening on https://127.0.0.1:")


@case
def another_certificate():
    """SIGHUP takes the files again: new connections get the new certificate, open ones go on, bad files are refused"""
    for name in ("one", "two"):
        certificate(name)
    for kind in ("pem", "key"):
        shutil.copy(f"one.{kind}", f"now.{kind}")
    with TlsServer(options=tls_options("now")) as server:
        kept = server.connect()

        def ask_kept():
            kept.request("POST", "/v1/events", b"", {"Authorization": f"Bearer {server.token}", "Content-Type": NDJSON})
            return kept.getresponse().read()
        ask_kept()
        same = kept.sock
        for kind in ("pem", "key"):
            shutil.copy(f"two.{kind}", f"now.{kind}")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.name()[0] == "two", "the new certificate")
        ask_kept()
        assert kept.sock is same
        # Of a key that belongs to another certificate, and of half a file, nothing is taken.
        for kind, text in (("key", open("one.key").read()), ("pem", open("one.pem").read()[:200])):
            with open(f"now.{kind}", "w") as file:
                file.write(text)
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: server.ask("GET", "/readyz").status == 200, "an answer")
            assert server.name()[0] == "two"
        ask_kept()
        kept.close()
        server.end()
        has(server.said, "SIGHUP: new connections get the certificate /CN=two", "SIGHUP: the certificate now.pem: ",
            "the certificate remains as it was")


@case
def known_clients():
    """with authorities of clients only those with a certificate of one are served"""
    for name in ("one", "authority", "stranger"):
        certificate(name)
    certificate("client", authority="authority")
    with TlsServer(options=(*tls_options("one"), "--http-tls-clients", "authority.pem")) as server:
        assert server.ask("GET", "/v1/rules").status == 200
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        stranger.check_hostname = False
        stranger.verify_mode = ssl.CERT_NONE
        for known in (None, "stranger"):
            if known:
                stranger.load_cert_chain(f"{known}.pem", f"{known}.key")
            connection = server.connect(stranger)
            try:
                connection.request("GET", "/livez")
                raise AssertionError(connection.getresponse().status)
            except (OSError, http.client.HTTPException):
                pass
            connection.close()
        server.end()


@case
def clients_with_a_role():
    """a certificate that has a role needs no token, and without one it needs one as before"""
    for name in ("one", "authority"):
        certificate(name)
    certificate("client", authority="authority", alternatives="IP:127.0.0.1,DNS:till-1.shop.example,URI:spiffe://shop/till-1")
    with TlsServer(options=(*tls_options("one"), "--http-tls-clients", "authority.pem")) as server:
        refused = server.ask("GET", "/v1/rules", token=False)
        assert refused.status == 401, refused
        has(refused.text, "certificate:till-1.shop.example has no role here")
        assert server.ask("PUT", "/v1/people/certificate:spiffe%3A%2F%2Fshop%2Ftill-1", {"role": "producer", "types": ["payment"]}).status == 201
        sent = server.ask("POST", "/v1/events", lines([payment(1, "a", 150)]), token=False, media=NDJSON)
        assert sent.status == 200 and sent.json["accepted"] == 1, sent
        refused = server.ask("GET", "/v1/rules", token=False)
        assert refused.status == 403, refused
        has(refused.text, "certificate:spiffe://shop/till-1 has the role producer")
        assert server.ask("GET", "/v1/rules").status == 200
        # A connection that is resumed is of the same client.
        context = server.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        session, sent = None, lines([payment(3, "a", 1)]).encode()
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as connection:
                with context.wrap_socket(connection, session=session) as tls:
                    assert tls.session_reused == (session is not None)
                    tls.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nContent-Type: application/x-ndjson\r\n\r\n%s"
                                % (len(sent), sent))
                    answer = tls.recv(65536)
                    assert b" 200 " in answer.split(b"\r\n")[0], answer
                    session = tls.session
        assert server.ask("DELETE", "/v1/people/certificate:spiffe%3A%2F%2Fshop%2Ftill-1").status == 204
        assert server.send([payment(2, "a", 1)], token=False).status == 401


def heard(server, text):
    """What the server says from now on up to `text`, which it does not say again at its end."""
    said = ""
    while text not in said:
        assert select.select([server.process.stderr], [], [], LIMIT_S)[0], said
        part = os.read(server.process.stderr.fileno(), 65536).decode()
        assert part, said
        said += part
    return said


def is_refused(server):
    """Whether a new connection of client.pem is not served."""
    connection = server.connect()
    try:
        connection.request("GET", "/livez")
        connection.getresponse().read()
        return False
    except (OSError, http.client.HTTPException):
        return True
    finally:
        connection.close()


@case
def revoked_clients():
    """a revoked certificate is refused; after SIGHUP its connections and streams end, others go on; a bad list is not taken"""
    for name in ("one", "authority"):
        certificate(name)
    for name in ("client", "other"):
        certificate(name, authority="authority")
    revocations("authority", "other")
    options = (*tls_options("one"), "--http-tls-clients", "authority.pem", "--http-tls-client-crl", "authority.crl")
    with TlsServer(options=options) as server:
        other = server.context()
        other.load_cert_chain("other.pem", "other.key")

        def opened(context, path):
            connection = server.connect(context)
            connection.request("GET", path, headers={"Authorization": f"Bearer {server.token}"})
            return connection, connection.getresponse()
        try:
            raise AssertionError(opened(other, "/livez")[1].status)
        except (OSError, http.client.HTTPException):
            pass
        has(heard(server, "certificate revoked"), "warning: refused the certificate of a client at 127.0.0.1: /CN=other, serial number ")
        wait_for(lambda: server.metric("http_certificates_refused_total") == 1, "the refusal is counted")
        # Now the other way round: `other` counts again, and what `client` has open ends.
        kept, answer = opened(None, "/v1/rules")
        assert answer.status == 200 and answer.read()
        streaming, stream = opened(None, "/v1/alerts/stream")
        assert stream.status == 200
        revocations("authority", "client")
        began = time.monotonic()
        server.process.send_signal(signal.SIGHUP)
        try:
            while stream.read1(65536):
                pass
        except (OSError, http.client.HTTPException):
            pass
        try:
            assert kept.sock.recv(1) == b""
        except OSError:
            pass
        assert time.monotonic() - began < LIMIT_S / 2
        kept.close()
        streaming.close()
        assert is_refused(server)
        going_on, answer = opened(other, "/v1/rules")
        assert answer.status == 200 and answer.read()
        for kind in ("pem", "key"):
            shutil.copy(f"other.{kind}", f"client.{kind}")
        # A list that cannot be taken changes nothing, and says so.
        revocations("authority", "other", to="next.crl", begins="20200101000000Z", ends="20200102000000Z")
        for said, act in (("authority.crl: No such file or directory", lambda: os.remove("authority.crl")),
                          ("authority.crl: the list of /CN=authority is out of date", lambda: os.replace("next.crl", "authority.crl"))):
            act()
            server.process.send_signal(signal.SIGHUP)
            has(heard(server, "remain as they were"), f"SIGHUP: the revocation lists {said}",
                "the certificate and the revocation lists remain as they were")
            assert not is_refused(server)
        going_on.request("GET", "/v1/rules", headers={"Authorization": f"Bearer {server.token}"})
        answer = going_on.getresponse()
        assert answer.status == 200 and answer.read()
        going_on.close()
        server.end()


@case
def lists_that_run_out():
    """when a list runs out while the server runs its clients are refused until a newer one is there, also ones known before"""
    for name in ("one", "authority"):
        certificate(name)
    certificate("client", authority="authority")
    revocations("authority")
    options = (*tls_options("one"), "--http-tls-clients", "authority.pem", "--http-tls-client-crl", "authority.crl")
    with TlsServer(options=options) as server:
        kept = server.connect()

        def causes():
            kept.request("GET", "/v1/health", headers={"Authorization": f"Bearer {server.token}"})
            return [cause["code"] for cause in json.loads(kept.getresponse().read())["causes"]]
        assert "revocations_end" not in causes()
        revocations("authority", seconds=8)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: is_refused(server), "a list that is out of date")
        # An open connection goes on.
        assert "revocations_end" in causes()
        revocations("authority")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not is_refused(server), "the newer list")
        assert "revocations_end" not in causes()
        kept.close()
        server.end()
        # It may run out after the client's own certificate was looked up in it, and before that of its authority.
        assert re.search(r"/CN=(client|authority), serial number \w+: CRL has expired", server.said), server.said


@case
def doctor_of_settings():
    """doctor: certificate, key, authorities of clients and revocation lists, before a server starts with them"""
    write("plain.toml", "[http]\nlisten = \"127.0.0.1:0\"\n")
    has(tocsin("doctor", "--config", "plain.toml").out, "plain.toml: nothing is wrong", "certificate  none: the server speaks HTTP")
    has(tocsin("doctor", "--config", "nowhere.toml", code=2).err, "nowhere.toml")
    write("wrong.toml", "[http]\ntls_sertificate = \"one.pem\"\n")
    has(tocsin("doctor", "--config", "wrong.toml", code=2).err, "wrong.toml:2:", "did you mean http.tls_certificate?")
    for name in ("one", "authority"):
        certificate(name, days=60)
    write("serve.toml", "[http]\ntls_certificate = \"one.pem\"\ntls_key = \"one.key\"\ntls_clients = \"authority.pem\"\n")
    asked = ("doctor", "--config", "serve.toml")
    has(tocsin(*asked).out, "nothing is wrong", "/CN=one", "revocations  none: ")
    given = dict(os.environ, TOCSIN_HTTP_TLS_CLIENT_CRL="authority.crl")
    has(tocsin(*asked, code=1, env=given).out, "authority.crl: No such file", "what to do: repair it first")
    revocations("authority")
    has(tocsin(*asked, env=given).out, "nothing is wrong", "revocations  authority.crl, valid until ")

    def day(days):
        return time.strftime("%Y%m%d000000Z", time.gmtime(time.time() + days * 86_400))
    revocations("authority", begins=day(-20), ends=day(2))
    has(tocsin(*asked, code=1, env=given).out, "serve.toml: 1 to do", "authority.crl: a revocation list is out of date in ",
        "what to do: put the newest list")
    revocations("authority", begins=day(-20), ends=day(-2))
    has(tocsin(*asked, code=1, env=given).out, "the list of /CN=authority is out of date")
    certificate("one", days=3)
    has(tocsin(*asked, code=1).out, "one.pem: the certificate ends in ", "what to do: put the next certificate")
    os.replace("authority.key", "one.key")
    has(tocsin(*asked, code=1).out, "one.key", "what to do: repair it first")


@case
def behind_a_proxy():
    """the audit log has the client's address: of the PROXY protocol before TLS, of a header, and of nobody who is not listed"""
    certificate("one")

    def audited(server, client):
        entries = server.ask("GET", "/v1/audit").json["entries"]
        return [entry["from"] for entry in entries if entry["request_id"] == client]

    def change(server, client, *, before=b"", headers=()):
        """A change of which the audit log has an entry, with a request id; gives the status, or none."""
        with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as connection:
            connection.sendall(before)
            tls = server.context().wrap_socket(connection)
            lines = ["POST /v1/checkpoints HTTP/1.1", "Host: a", "Content-Length: 0", f"Authorization: Bearer {server.token}",
                     f"X-Request-Id: {client}", "Connection: close", *headers, "", ""]
            tls.sendall("\r\n".join(lines).encode())
            answer = b""
            while part := tls.recv(65536):
                answer += part
            return int(answer.split()[1])

    class Proxied(TlsServer):
        """What the tests ask besides comes through the proxy too, which speaks for itself then."""

        def connect(self, context=None):
            connection = super().connect(context)
            connection.sock = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_S)
            connection.sock.sendall(b"PROXY UNKNOWN\r\n")
            connection.sock = (context or self.context()).wrap_socket(connection.sock)
            return connection
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\x12\x34\x01\xbb"
    with Proxied(options=(*tls_options("one"), "--http-trusted-proxies", "proxy=127.0.0.1,forwarded=192.0.2.0/24")) as server:
        assert change(server, "binary", before=header) < 300
        assert audited(server, "binary") == ["192.0.2.1"]
        assert change(server, "both", before=header, headers=["Forwarded: for=1.2.3.4, for=198.51.100.7"]) < 300
        assert audited(server, "both") == ["198.51.100.7"]
        # Without the header a connection is not heard out.
        try:
            raise AssertionError(change(server, "none"))
        except (OSError, IndexError):
            pass
        assert audited(server, "none") == []
        server.end()
    with TlsServer(options=tls_options("one")) as server:
        assert change(server, "forged", headers=["Forwarded: for=198.51.100.7", "X-Forwarded-For: 198.51.100.7"]) < 300
        assert audited(server, "forged") == ["127.0.0.1"]
    process = start("serve", "--data", "data", "--http-trusted-proxies", "10.0.0.1")
    _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 2, said
    has(said.decode(), "http.trusted_proxies: `10.0.0.1` does not say what of that proxy is believed")


@case
def refusals():
    """wrong files, and a public address without TLS, are refused with the remedy; without is said also quietly"""
    certificate("one")
    certificate("two")

    def refused(code, *options, listen="127.0.0.1:0"):
        process = start("serve", "--data", "data", "--listen", listen, *options)
        _, said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == code, (process.returncode, said)
        return said.decode()
    has(refused(2, "--http-tls-certificate", "one.pem"), "http.tls_key")
    has(refused(3, "--http-tls-certificate", "one.pem", "--http-tls-key", "none.key"), "the key none.key: No such file")
    has(refused(2, "--http-tls-certificate", "one.pem", "--http-tls-key", "two.key"), "the key two.key: key values mismatch")
    has(refused(2, "--http-tls-certificate", "one.key", "--http-tls-key", "one.key"), "the certificate one.key: ")
    has(refused(2, listen="0.0.0.0:0"), "--http-tls-certificate", "--insecure-public")
    for name in ("authority", "stranger"):
        certificate(name)
    checked = (*tls_options("one")[len(TIMELESS):], "--http-tls-client-crl", "lists.crl")
    has(refused(2, *checked), "http.tls_client_crl needs http.tls_clients")
    checked += ("--http-tls-clients", "authority.pem")
    has(refused(3, *checked), "the revocation lists lists.crl: No such file or directory; http.tls_client_crl names the file")
    shutil.copy("authority.pem", "lists.crl")
    has(refused(2, *checked), "the revocation lists lists.crl: it is not made of lists in PEM; `openssl crl")
    revocations("stranger", to="lists.crl")
    has(refused(2, *checked), "lists.crl: no authority of authority.pem has signed the list of /CN=stranger; remove the list")
    revocations("authority", to="lists.crl", begins="20200101000000Z", ends="20200102000000Z")
    has(refused(2, *checked), "lists.crl: the list of /CN=authority is out of date since 2020-01-02T00:00:00Z; fetch the newest one")
    revocations("authority", to="lists.crl")
    shutil.copy("authority.pem", "both.pem")
    with open("both.pem", "a") as both:
        both.write(open("stranger.pem").read())
    has(refused(2, *checked[:-1], "both.pem"), "lists.crl: there is no list of /CN=stranger; add the one that it publishes")

    def said_at(*options):
        process = start("serve", "--data", "data", "--listen", "0.0.0.0:0", "--http-port-file", "port", *options)
        wait_for(lambda: os.path.exists("port") or process.poll() is not None, "the port")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, said
        os.remove("port")
        return said.decode()
    has(said_at("--insecure-public", "-q"), "warning: other machines can reach this address")
    assert "warning" not in said_at(*tls_options("one"))


@case
def sessions():
    """the cookie of a session is for HTTPS and this host alone, and a change needs the server's own origin by HTTPS"""
    certificate("one")
    with TlsServer(options=tls_options("one")) as server:
        begun = server.ask("POST", "/v1/session").headers["Set-Cookie"]
        assert begun.startswith("__Host-tocsin=") and begun.endswith("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict; Secure"), begun
        page = {"Cookie": begun.split(";")[0], "Tocsin-Console": "1"}
        for scheme, status in (("http", 403), ("https", 204)):
            origin = {"Origin": f"{scheme}://127.0.0.1:{server.port}"}
            assert server.ask("DELETE", "/v1/session", token=False, headers={**page, **origin}).status == status, scheme


run_cases()
