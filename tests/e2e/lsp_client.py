"""A client of `tocsin lsp`: messages over its standard input and output, one request at a time."""
import json
import os
import pathlib
import select
import subprocess
import time

LIMIT_S = 60


class LspError(Exception):
    """An answer that is an error."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def uri_of(path):
    return pathlib.Path(path).absolute().as_uri()


class LspClient:
    """The process, the diagnostics published so far by URI, the messages it showed and what it asked."""

    def __init__(self, binary, root=None, encodings=None, start=True, **capabilities):
        self.process = subprocess.Popen([binary, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, "TOCSIN_TEXT_CACHE": "off"})
        self._buffer = b""
        self._last_id = 0
        self.diagnostics, self.published, self.shown, self.requested, self.answers = {}, [], [], [], {}
        if start:
            if encodings:
                capabilities = {**capabilities, "general": {"positionEncodings": encodings}}
            folders = [{"uri": uri_of(root), "name": "root"}] if root else None
            self.initialized = self.request("initialize", processId=os.getpid(), rootUri=None, workspaceFolders=folders,
                                            capabilities=capabilities)
            self.notify("initialized")

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def write(self, raw):
        self.process.stdin.write(raw)
        self.process.stdin.flush()

    def notify(self, method, **params):
        self.send({"method": method, "params": params})

    def begin(self, method, **params):
        """Sends a request; its number."""
        self._last_id += 1
        self.send({"id": self._last_id, "method": method, "params": params})
        return self._last_id

    def finish(self, number):
        """The answer to a request that was sent."""
        end = time.monotonic() + LIMIT_S
        while number not in self.answers:
            self.take(end - time.monotonic())
        answer = self.answers.pop(number)
        if "error" in answer:
            raise LspError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def request(self, method, **params):
        return self.finish(self.begin(method, **params))

    def take(self, seconds):
        """Waits for one message, and keeps it where it belongs."""
        message = self._read(seconds)
        assert message["jsonrpc"] == "2.0", message
        if "method" not in message:
            self.answers[message["id"]] = message
        elif message["method"] == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            self.published.append(message["params"])
        elif message["method"] == "window/showMessage":
            self.shown.append(message["params"])
        if "method" in message and "id" in message:
            self.requested.append(message)
            self.send({"id": message["id"], "result": None})
        return message

    def _read(self, seconds):
        end = time.monotonic() + seconds
        while True:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if separator:
                length = int(head.split(b":")[1])
                if len(rest) >= length:
                    self._buffer = rest[length:]
                    return json.loads(rest[:length])
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("nothing came from tocsin lsp")
            read = os.read(self.process.stdout.fileno(), 65536)
            if not read:
                raise EOFError(self.process.stderr.read().decode())
            self._buffer += read

    def wait_for_diagnostics(self, uri):
        """The next diagnostics of a document."""
        before = len(self.published)
        end = time.monotonic() + LIMIT_S
        while not any(each["uri"] == uri for each in self.published[before:]):
            self.take(end - time.monotonic())
        return self.diagnostics[uri]

    def open(self, path, text, version=1):
        uri = path if ":" in str(path) else uri_of(path)
        self.notify("textDocument/didOpen", textDocument={"uri": uri, "languageId": "tocsin", "version": version, "text": text})
        return uri

    def change(self, uri, version, *changes):
        self.notify("textDocument/didChange", textDocument={"uri": uri, "version": version}, contentChanges=list(changes))

    def end(self):
        """Shuts it down; its exit code."""
        self.request("shutdown")
        self.notify("exit")
        return self.wait()

    def wait(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=LIMIT_S)
        self.process.stdout.close()
        self.process.stderr.close()
        return code
