#!/usr/bin/env python3
"""End-to-end cases of what a server keeps secret: permissions, keys, the audit log's chain.

    serve_secrets.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import os
import pathlib
import shutil
import socket

from harness import case, has, payment, run_cases, tocsin, wait_for
from server_process import Server

HEADER = "Basic aGlkZGVuLWhlYWRlcg"
KEY = ("--secrets-key-file", "key")


def files_with(text, folder="data"):
    """Files below a folder that hold a text, in any place."""
    wanted = text.encode()
    return [str(path) for path in pathlib.Path(folder).rglob("*") if path.is_file() and wanted in path.read_bytes()]


def subscribe(server, **more):
    made = server.ask("POST", "/v1/subscriptions", {"url": "https://hooks.invalid/T0KEN-in-the-path", "headers": {"Authorization": HEADER}, **more})
    assert made.status == 201, made
    return made.json["id"], made.json["secret"]


def modes(folder="data"):
    for path in [pathlib.Path(folder), *pathlib.Path(folder).rglob("*")]:
        yield path, path.stat().st_mode & 0o777


@case
def _():
    """permissions: after a full life of a folder nothing in it is anybody else's, whatever the umask"""
    before = os.umask(0)
    try:
        for rules in ({}, {"rules": None}):
            with Server("--webhooks-allow", "127.0.0.0/8", "--archive-enabled", "true", "--journal-segment-bytes", "1MiB", **rules) as server:
                for second in range(0, 9_000, 300):
                    server.send([payment(second + part, f"c{part % 7}", 150) for part in range(300)] + [{"type": "payment"}])
                subscribe(server)
                server.ask("POST", "/v1/tokens", {"name": f"till{rules is None}", "role": "producer"})
                server.ask("POST", "/v1/savepoints", {"name": f"kept{len(rules)}"})
                assert server.ask("POST", "/v1/backtests", {"rules": {}, "from": "2026-03-02T00:00:00Z"}).status < 500
                server.ask("POST", "/v1/checkpoints")
                server.end()
        tocsin("savepoint", "make", "--data", "data", "offline")
        tocsin("dead", "reinject", "--data", "data")
        tocsin("archive", "cat", "--data", "data")
        tocsin("verify", "data")
    finally:
        os.umask(before)
    for path, mode in modes():
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path}: {mode:o}"


@case
def _():
    """permissions: what lies in a folder with wider ones loses them, which is told; files that people name follow the umask"""
    with Server() as server:
        server.send([payment(1, "a", 150)])
        server.end()
    os.chmod("data", 0o755)
    os.chmod("data/journal", 0o750)
    os.chmod("data/FORMAT", 0o644)
    os.symlink("/etc/hostname", "data/elsewhere")
    linked = os.stat("/etc/hostname").st_mode
    before = os.umask(0o022)
    try:
        with Server() as server:
            has(server.end().said, "took the permissions of others from 2 files in data")
    finally:
        os.umask(before)
    assert os.stat("/etc/hostname").st_mode == linked
    os.unlink("data/elsewhere")
    assert all(mode & 0o077 == 0 for _, mode in modes())
    assert os.stat("port").st_mode & 0o777 == 0o644


@case
def _():
    """keys: secrets and headers are nowhere on disk, and sign as before after a start"""
    tocsin("secrets", "key", "key")
    assert os.stat("key").st_mode & 0o777 == 0o600
    has(tocsin("secrets", "key", "key", code=2).err, "key is there already")
    with Server(*KEY) as server:
        made, secret = subscribe(server)
        again = server.ask("POST", f"/v1/subscriptions/{made}/secret", {}).json["secret"]
        server.end()
    for text in (secret.removeprefix("whsec_"), again.removeprefix("whsec_"), HEADER, "T0KEN-in-the-path"):
        assert files_with(text) == [], text
    has(tocsin("secrets", "status", "--data", "data", "--key-file", "key").out, "1 subscription: encrypted with the key", "(current)")
    with Server(*KEY) as server:
        assert server.ask("GET", f"/v1/subscriptions/{made}").json["headers"]["Authorization"], "it is read"
        server.end()


@case
def _():
    """keys: a store without encryption is encrypted at the next start, and its past leaves the disk, also after kill -9"""
    with Server() as server:
        made, secret = subscribe(server)
        server.send([payment(1, "a", 150)])
        server.kill()
    bare = secret.removeprefix("whsec_")
    assert files_with(bare) and files_with(HEADER)
    with Server() as server:
        has(server.end().said, "the secrets of 1 subscription are stored without encryption", "secrets.key_file")
    tocsin("secrets", "key", "key")
    # It dies between what is written and what is removed.
    with Server(*KEY, may_fail=True, env=os.environ | {"TOCSIN_CRASH_AT": "secrets.sealed"}) as server:
        server.end(None, None)
    assert files_with(bare), "the crash came too late"
    with Server(*KEY) as server:
        assert files_with(bare) == [] and files_with(HEADER) == []
        assert server.ask("GET", f"/v1/subscriptions/{made}").status == 200
        server.end()
    assert files_with(bare) == []


@case
def _():
    """keys: without the key, or with another, a start is refused with the remedy, and nothing is changed"""
    tocsin("secrets", "key", "key")
    tocsin("secrets", "key", "other")
    with Server(*KEY) as server:
        made, _ = subscribe(server)
        server.end()
    for arguments in ((), ("--secrets-key-file", "other")):
        with Server(*arguments, may_fail=True) as server:
            has(server.end(None, 5).said, "is encrypted with the key", "secrets.key_file", "TOCSIN_SECRETS_KEY")
    for arguments, said in ((("--secrets-key-file", "none"), "cannot read the key file none"),
                            (("--secrets-key-file", "rules.tocsin"), "rules.tocsin, line 1: a key has 64 hex digits")):
        with Server(*arguments, may_fail=True) as server:
            has(server.end(None, 2).said, said)
    for arguments in (("rotate",), ("status", "--key-file", "none"), ("discard",)):
        tocsin("secrets", arguments[0], "--data", "data", *arguments[1:], code=2)
    has(tocsin("secrets", "rotate", "--data", "data", "--key-file", "other", code=5).err, "is encrypted with the key")
    assert len(pathlib.Path("other").read_text().split()) == 1, "a key that nobody could use was added"
    # From the environment, and as a credential of systemd.
    key = pathlib.Path("key").read_text().strip()
    with Server(env=os.environ | {"TOCSIN_SECRETS_KEY": key}) as server:
        assert "name no setting" not in server.end().said
    os.mkdir("credentials")
    shutil.copy("key", "credentials/tocsin-secrets-key")
    with Server(env=os.environ | {"CREDENTIALS_DIRECTORY": os.path.abspath("credentials")}) as server:
        assert server.ask("GET", f"/v1/subscriptions/{made}").status == 200
        server.end()


@case
def _():
    """keys: a rotation encrypts everything anew, keeps the earlier key in the file, and needs the folder for itself"""
    tocsin("secrets", "key", "key")
    old = pathlib.Path("key").read_text()
    with Server(*KEY) as server:
        made, _ = subscribe(server)
        has(tocsin("secrets", "rotate", "--data", "data", "--key-file", "key", code=5).err, "is in use")
        server.end()
    has(tocsin("secrets", "rotate", "--data", "data", "--key-file", "key").out, "the current key is", "the secrets of 1 subscription")
    keys = pathlib.Path("key").read_text()
    assert keys.endswith(old) and len(keys.split()) == 2
    pathlib.Path("new").write_text(keys.split()[0] + "\n")
    pathlib.Path("old").write_text(old)
    has(tocsin("secrets", "status", "--data", "data", "--key-file", "old").out, "(not given)")
    has(tocsin("secrets", "status", "--data", "data", "--key-file", "new").out, "(current)")
    # A key that is lost takes its secrets with it, and nothing else.
    has(tocsin("secrets", "discard", "--data", "data", "--key-file", "old").out, "discarded the secrets, URLs and headers of 1 subscription")
    with Server("--secrets-key-file", "old") as server:
        now = server.ask("GET", f"/v1/subscriptions/{made}").json
        assert now["status"] == "paused" and now["headers"] == {} and "discarded" in now["status_reason"], now
        server.end()


def audited(*arguments):
    """A server with a key whose log has seven entries: five tokens, a subscription, a read by a key."""
    tocsin("secrets", "key", "key")
    with Server(*KEY, *arguments) as server:
        for number in range(5):
            assert server.ask("POST", "/v1/tokens", {"name": f"t{number}", "role": "reader"}).status == 201
        subscribe(server)
        server.send([payment(1, "4111-x", 150)])
        assert server.ask("GET", "/v1/alerts?key=card%3D4111-x").status == 200
        entries = server.ask("GET", "/v1/audit").json["entries"]
        server.end()
    return entries


VERIFY = ("audit", "verify", "data", "--key-file", "key")


@case
def _():
    """audit: entries are signed and verified, with the client's address; reads by a key are there without it"""
    entries = audited()
    assert [entry["sequence"] for entry in entries] == [7, 6, 5, 4, 3, 2, 1]
    read = entries[0]
    assert read["action"] == "listAlerts" and read["read_by"] == "key" and len(read["key_mark"]) == 24, read
    assert all(entry["from"] == "127.0.0.1" and entry["format"] == 2 and len(entry["tag"]) == 64 for entry in entries)
    assert "4111-x" not in json.dumps(entries)  # which is in no digest by chance
    has(tocsin(*VERIFY).out, "the audit log of data is good", "entries      1 to 7", "signed       7 with the key", "compared")
    has(tocsin("audit", "verify", "data").out, "which is not given: not checked", "without a key")
    has(tocsin("verify", "data").out, "audit log    7")
    exported = tocsin("audit", "export", "data").alerts()
    assert exported == entries[::-1]
    assert tocsin("audit", "export", "data", "--after", "5").alerts() == entries[1::-1]
    # Marks are of the key alone: the same card again, and another one.
    with Server(*KEY) as server:
        for card in ("4111-x", "4112-x"):
            server.ask("GET", f"/v1/keys/card%3D{card}")
            server.ask("GET", f"/v1/alerts?key=card%3D{card}")
        lines = server.ask("GET", "/v1/audit/export?after=7").text.splitlines()
        assert server.ask("GET", "/v1/audit/export?after=11").headers["Tocsin-Last-Entry"] == "11"
        server.end()
    marks = [json.loads(line)["key_mark"] for line in lines]
    assert marks[0] == marks[1] == read["key_mark"] and marks[2] == marks[3] != marks[0], marks
    assert "4112-x" not in "".join(lines)


@case
def _():
    """audit: a store put back from a copy is found, and a start refuses it until somebody accepts it"""
    tocsin("secrets", "key", "key")
    with Server(*KEY) as server:
        for number in range(3):
            server.ask("POST", "/v1/tokens", {"name": f"t{number}", "role": "reader"})
        server.end()
    shutil.copytree("data/store", "older")
    with Server(*KEY) as server:
        server.ask("DELETE", "/v1/tokens/t0")
        server.send([payment(1, "a", 150)])  # a checkpoint is of something new
        server.ask("POST", "/v1/checkpoints")
        server.end()
    shutil.rmtree("data/store")
    shutil.copytree("older", "data/store")
    shutil.rmtree("data/ends")  # which know of it, for whoever has removed them too
    has(tocsin(*VERIFY, code=5).err, "the log had 4 entries then, and has 3: it was truncated, or is an older copy")
    with Server(*KEY, may_fail=True) as server:
        has(server.end(None, 5).said, "had 4 entries at the newest checkpoint, and has 3", "tocsin audit accept")
    tocsin("audit", "accept", "data", "--key-file", "key", code=2)  # no comment
    has(tocsin("audit", "accept", "data", "--key-file", "key", "--comment", "a test").out, "entry 5 accepts")
    found = tocsin(*VERIFY)
    has(found.err, "entry 4 is missing (accepted since)")
    has(found.out, "is good")


@case
def _():
    """audit: without the key a start is refused; an older key still verifies after a rotation; a lost one is accepted"""
    audited()
    with Server(may_fail=True) as server:
        has(server.end(None, 5).said, "encrypted with the key", "secrets.key_file")
    tocsin("secrets", "rotate", "--data", "data", "--key-file", "key")
    with Server(*KEY) as server:
        server.ask("POST", "/v1/tokens", {"name": "more", "role": "reader"})
        server.end()
    assert tocsin(*VERIFY).out.count("signed ") == 2
    # A server that runs says of itself what is wrong with its log: here that the earlier key was taken out of the file.
    both = pathlib.Path("key").read_text()
    pathlib.Path("key").write_text(both.splitlines()[0] + "\n")
    with Server(*KEY, "--audit-check-every", "50ms") as server:
        def found():
            return [cause["detail"] for cause in server.ask("GET", "/v1/health").json["causes"] if cause["code"] == "audit_broken"]
        wait_for(found, "the finding")
        has(found()[0], "the audit log is damaged: entries 1 to 7 are signed with the key", "which is not given")
        assert server.send([payment(2)]).status == 200
        server.end()
    assert server.said.count("which is not given; `tocsin audit verify` shows all findings") == 1, server.said
    os.unlink("key")
    tocsin("secrets", "key", "key")
    tocsin("secrets", "discard", "--data", "data", "--key-file", "key")
    with Server(*KEY, may_fail=True) as server:
        has(server.end(None, 5).said, "the audit log is signed with the key", "tocsin audit accept")
    tocsin("audit", "accept", "data", "--key-file", "key", "--comment", "the key was lost")
    with Server(*KEY) as server:
        server.end()
    has(tocsin(*VERIFY).out, "not checked", "is good")


@case
def _():
    """audit: kill -9 under changes is no tampering: the next start says what was under way, and the chain holds"""
    tocsin("secrets", "key", "key")
    for point in ("audit.begun:2", "audit.before_finish:2", "audit.begun:3"):
        with Server(*KEY, env=os.environ | {"TOCSIN_CRASH_AT": point}) as server:
            try:
                for number in range(9):
                    server.ask("POST", "/v1/tokens", {"name": f"{point}{number}".replace(":", "-"), "role": "reader"})
            except OSError:
                pass
            server.end(None, None)
        has(tocsin(*VERIFY).out, "is good", "under way    1 change")
        with Server(*KEY) as server:
            assert server.ask("GET", "/v1/audit?result=unknown").json["entries"]
            has(server.end().said, "a change was under way when the process ended last")
        assert "under way" not in tocsin(*VERIFY).out


@case
def _():
    """audit: each entry goes to syslog as it was written, and what a start finds unsent too"""
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = os.path.abspath("log")
    tocsin("secrets", "key", "key")
    # Nobody listens yet: entries wait, and the server says so once.
    with Server(*KEY, "--audit-syslog", f"unix:{path}") as server:
        server.ask("POST", "/v1/tokens", {"name": "a", "role": "reader"})
        server.ask("POST", "/v1/tokens", {"name": "b", "role": "reader"})
        said = server.end().said
    assert said.count("cannot be sent to syslog") == 1, said
    receiver.bind(path)
    receiver.settimeout(30)
    with Server(*KEY, "--audit-syslog", f"unix:{path}") as server:
        server.ask("POST", "/v1/tokens", {"name": "c", "role": "reader"})
        messages = [receiver.recv(65536).decode() for _ in range(3)]
        stored = server.ask("GET", "/v1/audit/export").text.splitlines()
        server.end()
    assert [message.split(" - ", 1)[1] for message in messages] == stored
    assert all(message.startswith("<86>1 20") and " tocsin " in message for message in messages), messages
    for bad in ("tcp:1.2.3.4:514", "udp:localhost:514", "unix:log", "udp:1.2.3.4:0", "udp:1.2.3.4"):
        with Server("--audit-syslog", bad, may_fail=True) as server:
            has(server.end(None, 2).said, "audit.syslog takes")
    receiver.close()


def entries_of(server, token, query="", limit=3):
    """The audit log as that token reads it, page by page; the newest entry first."""
    entries, cursor = [], ""
    while True:
        page = server.ask("GET", f"/v1/audit?limit={limit}{query}{cursor}", token=token)
        assert page.status == 200, page
        entries += page.json["entries"]
        if "next" not in page.json:
            return entries, page.json.get("own", False)
        cursor = "&cursor=" + page.json["next"]


@case
def _():
    """audit: operators see all entries, whoever else reads those of its own deeds and refusals, by its name and no other"""
    with Server() as server:
        tokens = {name: server.ask("POST", "/v1/tokens", {"name": name, "role": role, **limits}).json["token"] for name, role, limits in (
            ("ann", "analyst", {}), ("bob", "analyst", {}), ("rita", "reader", {}), ("olga", "operator", {}), ("till", "producer", {}),
            ("cards", "operator", {"tags": ["cards"]}), ("ann2", "analyst", {"types": ["payment"]}))}
        silence = {"filter": {"rules": ["large"]}, "until": "2036-01-01T00:00:00Z", "reason": "a test"}
        for name in ("ann", "bob", "ann"):
            assert server.ask("POST", "/v1/silences", silence, token=tokens[name]).status == 201
        assert server.ask("POST", "/v1/tokens", {"name": "x", "role": "admin"}, token=tokens["ann"]).status == 403
        everything, is_own = entries_of(server, True)
        assert not is_own and {"admin", "ann", "bob"} <= {entry.get("actor") for entry in everything}
        assert entries_of(server, tokens["olga"]) == (everything, False)
        for name in ("ann", "bob", "rita", "ann2"):
            own = [entry for entry in everything if entry.get("actor") == name]
            assert entries_of(server, tokens[name]) == entries_of(server, tokens[name], f"&actor={name}") == (own, True), name
        ann = entries_of(server, tokens["ann"])[0]
        assert [(entry["action"], entry["result"]) for entry in ann] == [
            ("makeToken", "refused"), ("createSilence", "done"), ("createSilence", "done")], ann
        assert [entry["action"] for entry in entries_of(server, tokens["ann"], "&result=refused")[0]] == ["makeToken"]
        for name, other in (("ann", "bob"), ("ann", "admin"), ("rita", "ann"), ("cards", "ann"), ("ann2", "ann"), ("ann", "Ann")):
            answer = server.ask("GET", f"/v1/audit?actor={other}", token=tokens[name])
            assert answer.problem() == "forbidden", answer
            has(answer.json["detail"], "entries of others")
        # With limits an operator is shown its own, of which there are some by now.
        own, is_own = entries_of(server, tokens["cards"])
        assert is_own and {entry["actor"] for entry in own} == {"cards"}, own
        assert server.ask("GET", "/v1/audit", token=tokens["till"]).status == 403
        for name, status in (("ann", 403), ("rita", 403), ("cards", 403), ("olga", 200)):
            assert server.ask("GET", "/v1/audit/export", token=tokens[name]).status == status, name
        server.end()


run_cases()
