#!/usr/bin/env python3
"""`tocsin verify` on what a real run left: all that is good is called good, and every damaged file is named.

    verify.py TOCSIN_BINARY [TEXT]
"""
import os
import pathlib
import random
import re
import shutil
import signal

from harness import HAS_SANITIZER, RULES, case, has, lines, payment, run_cases, start, tocsin, wait_for, write
from server_process import Server

EVENTS = [payment(second, card=f"c{second % 7}", amount=60.00 + second % 90) for second in range(400)]


def make_data(name="data"):
    """A data directory of two starts, so with checkpoints, a journal, blobs and alerts."""
    write("rules.tocsin", RULES)
    write("a.ndjson", EVENTS[:200])
    write("b.ndjson", EVENTS[200:])
    tocsin("run", "rules.tocsin", "--data", name, "--input", "a.ndjson", "--alerts", "alerts.ndjson",
           "--no-final-watermark")
    tocsin("run", "rules.tocsin", "--data", name, "--input", "a.ndjson", "--input", "b.ndjson", "--alerts",
           "alerts.ndjson", "--no-final-watermark")
    return pathlib.Path(name)


def contents(folder):
    """All files; the lock file names who had it last."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != "LOCK"}


@case
def _():
    """verify: a data directory that runs left is good, and as it was afterwards"""
    data = make_data()
    before = contents(data)
    done = tocsin("verify", "data")
    has(done.out, "data is good\n", "journal", "records", "blobs", "checkpoints  2")
    assert done.err == "", done
    assert contents(data) == before
    done = tocsin("verify", "--quiet", "data/")
    assert done.out == "" and done.err == "", done


@case
def _():
    """verify: a copy is good too, also where it may only be read and has no lock file"""
    make_data()
    shutil.copytree("data", "copy")
    os.remove("copy/LOCK")
    for path in [*pathlib.Path("copy").rglob("*"), pathlib.Path("copy")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        has(tocsin("verify", "copy").out, "copy is good")
        assert not os.path.exists("copy/LOCK") and not os.path.exists("copy/store/LOG")
    finally:
        for path in [pathlib.Path("copy"), *pathlib.Path("copy").rglob("*")]:
            path.chmod(0o755)


@case
def _():
    """verify: each damaged, cut or missing file gives exit code 5, its name, and what to do"""
    data = make_data()
    dice = random.Random(1)
    good = contents(data)
    tried = 0
    for path, bytes_ in good.items():
        if path.startswith("data/ends/"):
            continue  # a start needs none of them
        # The working copy is made anew at each start; locks and RocksDB's notes hold nothing.
        if re.search(r"^data/state/|/LOCK$|/lock$|/LOG(\.old.*)?$|/IDENTITY$|/store/OPTIONS|/journal/spare", path):
            continue
        used = bytes_.rstrip(b"\0") if "/journal/segment-" in path else bytes_
        if not used:
            continue
        at = dice.randrange(len(used))
        if HAS_SANITIZER and tried > 20 and dice.random() < 0.7:
            continue
        for what, damaged in {"flipped": bytes_[:at] + bytes([bytes_[at] ^ 0x41]) + bytes_[at + 1:],
                              "cut": bytes_[:at]}.items():
            pathlib.Path(path).write_bytes(damaged)
            done = tocsin("verify", "data", code=None)
            named = "data/journal" if "/journal/" in path else path
            # A byte of a store's own log may be one that no record uses.
            if path.startswith("data/store/") and done.code == 0:
                continue
            assert done.code == 5 and "what to do: " in done.err, (path, what, at, done)
            assert named in done.err or path.startswith("data/store/"), (path, what, at, done)
            assert done.out == "", done
            tried += 1
        pathlib.Path(path).write_bytes(bytes_)
    assert tried > 20, tried
    has(tocsin("verify", "data").out, "data is good")


@case
def _():
    """verify and run: a log of the store that is gone, emptied or cut is found, and the start refused"""
    data = make_data()
    (log,) = [path for path in (data / "store").glob("*.log") if path.stat().st_size > 0]
    good = log.read_bytes()
    before = contents(data)
    for what, damaged in {"gone": None, "emptied": b"", "cut to half": good[:len(good) // 2],
                          "shorter": good[:-1]}.items():
        if damaged is None:
            log.unlink()
        else:
            log.write_bytes(damaged)
        for arguments in (("verify", "data"), ("alerts", "--data", "data"),
                          ("run", "rules.tocsin", "--data", "data", "--input", "a.ndjson", "--input", "b.ndjson",
                           "--alerts", "alerts.ndjson", "--no-final-watermark")):
            done = tocsin(*arguments, code=5)
            assert "data/store" in done.err and "alerts.ndjson" not in done.err, (what, done)
        log.write_bytes(good)
        # What was refused was left as it was.
        assert contents(data) == before, what
    has(tocsin("verify", "data").out, "data is good")


@case
def _():
    """verify and run: the newest segment of the journal cut to half, which looks like a crash, is found"""
    data = make_data()
    segment = max((data / "journal").glob("segment-*"))
    good = segment.read_bytes()
    segment.write_bytes(good[:len(good.rstrip(b"\0")) // 2])
    has(tocsin("verify", "data", code=5).err, "data/journal")
    shutil.rmtree(data / "checkpoints")  # only the end mark and the store know it now
    has(tocsin("verify", "data", code=5).err, "data/journal")
    done = tocsin("run", "rules.tocsin", "--data", "data", "--input", "a.ndjson", "--input", "b.ndjson", "--alerts",
                  "alerts.ndjson", "--no-final-watermark", code=5)
    has(done.err, "data/journal")


@case
def _():
    """verify and run: a store that is missing, or of another moment, does not belong to the journal"""
    data = make_data()
    shutil.copytree(data / "store", "older")
    run = ("run", "rules.tocsin", "--data", "data", "--input", "a.ndjson", "--input", "b.ndjson", "--input", "c.ndjson",
           "--alerts", "alerts.ndjson", "--no-final-watermark")
    write("c.ndjson", [payment(400 + second, card=f"c{second % 7}", amount=120.00) for second in range(50)])
    tocsin(*run)
    shutil.rmtree(data / "store")
    has(tocsin("verify", "data", code=5).err, "data/store")
    has(tocsin(*run, code=5).err, "data/store")
    shutil.copytree("older", data / "store")
    has(tocsin("verify", "data", code=5).err, "data/store")
    has(tocsin(*run, code=5).err, "data/store")
    # Of a folder without end marks, as an older version left it, the checkpoint tells.
    shutil.rmtree(data / "ends")
    shutil.rmtree(data / "store")
    has(tocsin("verify", "data", code=5).err, "data/store")
    has(tocsin(*run, code=5).err, "data/store")


@case
def _():
    """data directory: 0700 and its files 0600, whatever the umask, and a folder that was open is closed"""
    os.mkdir("data", 0o777)
    os.chmod("data", 0o777)
    before = os.umask(0)
    try:
        make_data()
        tocsin("savepoint", "make", "--data", "data", "kept")
    finally:
        os.umask(before)
    for path in [pathlib.Path("data"), *pathlib.Path("data").rglob("*")]:
        mode = path.stat().st_mode & 0o777
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path}: {mode:o}"


@case
def _():
    """verify: what only a server keeps, damaged in each way: found, or the next server has it all"""
    more = 'rule large "A large one" { by card when payment as p where amount > 4_000 alert "{p.amount}" }\n'
    with Server() as server:
        server.send([payment(second, f"c{second % 7}", 150) for second in range(50)])
        for name, role in (("till", "producer"), ("ann", "reader")):
            assert server.ask("POST", "/v1/tokens", {"name": name, "role": role}).status == 201
        for limit in ("4_000", "5_000"):
            etag = server.ask("GET", "/v1/rules/large").headers["ETag"]
            changed = server.ask("PUT", "/v1/rules/large", more.replace("4_000", limit), media="text/plain", headers={"If-Match": etag})
            assert changed.status == 200, changed
        server.end()
    whole = tocsin("verify", "data")
    assert whole.err == "", whole
    os.rename("data", "kept")

    def look():
        with Server(rules=None) as server:
            versions = server.ask("GET", "/v1/versions").json["versions"]
            texts = [server.ask("GET", f"/v1/versions/{one['version']}").json for one in versions]
            tokens = server.ask("GET", "/v1/tokens").json["tokens"]
            return versions, texts, [{name: one[name] for name in one if name != "used_at"} for one in tokens]
    shutil.copytree("kept", "data")
    wanted = look()
    assert len(wanted[0]) == 3 and len(wanted[2]) == 3, wanted
    rng = random.Random(20)
    kept = pathlib.Path("kept")
    found = 0
    for path in [kept / "tokens.json", *sorted(kept.glob("rules/*")), *sorted(kept.glob("blobs/*"))]:
        before = path.read_bytes()
        flipped = [bytearray(before) for _ in range(1 if HAS_SANITIZER else 4)]
        for one in flipped:
            one[rng.randrange(len(one))] ^= 1 << rng.randrange(8)
        for after in [None, before[:len(before) // 2], b"", *map(bytes, flipped)]:
            shutil.rmtree("data")
            shutil.copytree("kept", "data")
            target = pathlib.Path("data") / path.relative_to(kept)
            if after is None:
                target.unlink()
            else:
                target.write_bytes(after)
            report = tocsin("verify", "data", code=None)
            if report.code != 0 or "note: " in report.err:
                assert target.name in report.err or str(target.parent) in report.err, report
                found += 1
                continue
            # The last version is made again from the journal, without its author and moment.
            versions, _, tokens = look()
            assert tokens == wanted[2], (target, after)
            if after is None and target.parent.name == "rules":
                assert len(versions) == 3, versions
                continue
            assert versions == wanted[0], (target, after)
    assert found >= 20, found


@case
def _():
    """verify: all that is damaged is named at once"""
    make_data()
    numbers = sorted(os.listdir("data/checkpoints"))
    for number in numbers:
        write(f"data/checkpoints/{number}/engine", "other")
    done = tocsin("verify", "data", code=5)
    has(done.err, *[f"data/checkpoints/{number}/engine is damaged" for number in numbers], "2 findings")


@case
def _():
    """verify: while a run is under way it reads along, and leaves the run alone"""
    write("rules.tocsin", RULES)
    process = start("run", "rules.tocsin", "--data", "data", "--input", "-", "--alerts", "alerts.ndjson",
                    "--checkpoint-every", "100ms")
    try:
        for first in range(0, 400, 50):
            process.stdin.write(lines(EVENTS[first:first + 50]).encode())
            process.stdin.flush()
            wait_for(lambda: os.path.isdir("data/checkpoints"), "the data directory")
            done = tocsin("verify", "data")
            has(done.err, "another process", "works with this folder")
            has(done.out, "data is good")
        process.stdin.close()
        assert process.wait(60) == 0, process.stderr.read()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
    done = tocsin("verify", "data")
    assert done.err == "", done


@case
def _():
    """verify: what is no data directory is not called good"""
    os.mkdir("empty")
    has(tocsin("verify", "empty", code=2).err, "empty is neither a data directory nor a savepoint")
    has(tocsin("verify", "none", code=2).err, "there is no none")
    tocsin("verify", code=2)


run_cases()
