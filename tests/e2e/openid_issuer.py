"""A small issuer of OpenID Connect on this machine: whoever comes is signed in as `claims` say."""
import base64
import hashlib
import http.server
import json
import subprocess
import threading
import time
import urllib.parse

from harness import LIMIT_S


def encoded(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


class Key:
    """An RSA key in NAME.key."""

    def __init__(self, name):
        self.name = name
        subprocess.run(["openssl", "genrsa", "-out", f"{name}.key", "2048"], check=True, capture_output=True, timeout=LIMIT_S)
        shown = subprocess.run(["openssl", "rsa", "-in", f"{name}.key", "-noout", "-modulus"], check=True, capture_output=True, timeout=LIMIT_S)
        modulus = bytes.fromhex(shown.stdout.decode().strip().split("=")[1])
        self.jwk = {"kty": "RSA", "kid": name, "use": "sig", "alg": "RS256", "n": encoded(modulus), "e": "AQAB"}

    def sign(self, claims):
        text = f'{encoded({"alg": "RS256", "kid": self.name})}.{encoded(claims)}'
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{self.name}.key"], check=True, capture_output=True,
                                input=text.encode(), timeout=LIMIT_S)
        return f"{text}.{encoded(signed.stdout)}"


class Issuer:
    """Its `claims`, `key` (that it signs by) and `keys` (that it names) may be changed while it runs."""

    def __init__(self, secret=None, **offer):
        self.claims, self.secret, self.offer = {}, secret, offer
        self.key = Key("first")
        self.keys = [self.key]
        self.codes, self.asked = {}, []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                issuer.asked.append(url.path)
                if url.path == "/authorize":
                    return issuer.authorize(self, dict(urllib.parse.parse_qsl(url.query)))
                if url.path == "/keys":
                    return issuer.answer(self, 200, {"keys": [key.jwk for key in issuer.keys]})
                assert url.path == "/.well-known/openid-configuration", url.path
                return issuer.answer(self, 200, issuer.document())

            def do_POST(self):
                issuer.asked.append(self.path)
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                return issuer.redeem(self, form)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def document(self):
        return {"issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys", **self.offer}

    @staticmethod
    def answer(handler, status, body):
        text = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def authorize(self, handler, query):
        assert query["response_type"] == "code" and query["code_challenge_method"] == "S256" and "openid" in query["scope"].split(), query
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        handler.send_response(302)
        handler.send_header("Location", f'{query["redirect_uri"]}?{urllib.parse.urlencode({"code": code, "state": query["state"]})}')
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def redeem(self, handler, form):
        query = self.codes.pop(form["code"], None)
        basic = handler.headers.get("Authorization", "")
        given = base64.b64decode(basic.removeprefix("Basic ")).decode() if basic else f'{form["client_id"]}:{form.get("client_secret", "")}'
        in_body = self.offer.get("token_endpoint_auth_methods_supported") == ["client_secret_post"]
        if given != f'tocsin:{urllib.parse.quote(self.secret or "", safe="")}' and not (in_body and given == f"tocsin:{self.secret}"):
            return self.answer(handler, 401, {"error": "invalid_client"})
        challenge = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        if query is None or form["redirect_uri"] != query["redirect_uri"] or challenge != query["code_challenge"]:
            return self.answer(handler, 400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {"iss": self.url, "aud": query["client_id"], "nonce": query["nonce"], "iat": now, "exp": now + 300, **self.claims}
        return self.answer(handler, 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.key.sign(claims)})
