#!/usr/bin/env python3
"""Disks that are full or fail under the real program: it waits for space and goes on; a failed sync is final, and
nothing is lost by it.

    bad_disk.py TOCSIN_BINARY [TEXT]

The disk is one of tests/crash/failing_disk.cpp, loaded before the program's libraries. Last line: N passed, N failed.
"""
import os
import pathlib
import sys

from durable import Fed, finish, plain_alerts, stored, stream
from harness import BINARY, HAS_SANITIZER, case, has, run_cases, tocsin, wait_for

LIBRARY = pathlib.Path(BINARY).parent / "tests" / "libfailing_disk.so"


def full(part):
    return {"LD_PRELOAD": str(LIBRARY), "TOCSIN_DISK_FULL": f"{os.path.abspath('is-full')}:{part}"}


def sync_fails(number, part):
    return {"LD_PRELOAD": str(LIBRARY), "TOCSIN_SYNC_FAILS": f"{number}:{part}"}


@case
def journal_waits():
    """a full disk under the journal is waited for, and nothing is acknowledged meanwhile"""
    lines = stream()
    fed = Fed(environment=full("/journal/"))
    assert fed.begin() == 0
    fed.send(lines[:500])
    fed.wait_acknowledged(500)
    pathlib.Path("is-full").touch()
    fed.send(lines[500:900])
    wait_for(lambda: "space" in fed.said().lower() or fed.ended(), "a word about the missing space")
    assert not fed.ended(), fed.said()
    assert fed.acknowledged() == 500, fed.acknowledged()
    os.unlink("is-full")
    fed.wait_acknowledged(900)
    fed.send(lines[900:])
    assert fed.close() == 0, fed.said()
    assert stored() == plain_alerts(lines)


@case
def killed_while_full():
    """killed on a full disk, it has what it acknowledged, and goes on when there is space"""
    lines = stream()
    fed = Fed(environment=full("/journal/"))
    assert fed.begin() == 0
    fed.send(lines[:700])
    fed.wait_acknowledged(700)
    pathlib.Path("is-full").touch()
    fed.send(lines[700:1200])
    wait_for(lambda: "space" in fed.said().lower() or fed.ended(), "a word about the missing space")
    fed.kill()
    os.unlink("is-full")
    again = Fed()
    begin = again.begin()
    assert begin is not None and 700 <= begin <= 1200, begin
    again.kill()
    assert finish(lines) == plain_alerts(lines)


@case
def store_waits():
    """a full disk under the store is waited for, and the run goes on by itself"""
    lines = stream()
    fed = Fed(environment=full("/store/"))
    assert fed.begin() == 0
    fed.send(lines[:600])
    fed.wait_acknowledged(600)
    pathlib.Path("is-full").touch()
    fed.send(lines[600:1200])
    wait_for(lambda: "waiting for space" in fed.said() or fed.ended(), "a word about the missing space")
    assert not fed.ended(), fed.said()
    os.unlink("is-full")
    fed.send(lines[1200:])
    assert fed.close() == 0, fed.said()
    assert stored() == plain_alerts(lines)
    assert pathlib.Path("data-copy.ndjson").read_text() == plain_alerts(lines)
    tocsin("verify", "data")


@case
def stopped_while_store_is_full():
    """SIGTERM ends the wait for the store's disk with exit code 3, and the next start has everything"""
    lines = stream()
    fed = Fed(environment=full("/store/"))
    assert fed.begin() == 0
    fed.send(lines[:700])
    fed.wait_acknowledged(700)
    pathlib.Path("is-full").touch()
    fed.send(lines[700:1200])
    wait_for(lambda: "waiting for space" in fed.said() or fed.ended(), "a word about the missing space")
    assert not fed.ended(), fed.said()
    fed.process.terminate()
    wait_for(fed.ended, "the end after SIGTERM")
    assert fed.close() == 3, fed.said()
    os.unlink("is-full")
    tocsin("verify", "data")
    assert finish(lines) == plain_alerts(lines)


@case
def copy_full():
    """a full disk under the copy of the alerts ends the run with exit code 3, and the next start writes the rest"""
    lines = stream()
    fed = Fed(environment=full("/data-copy.ndjson"))
    assert fed.begin() == 0
    fed.send(lines[:700])
    fed.wait_acknowledged(700)
    pathlib.Path("is-full").touch()
    fed.send(lines[700:])
    wait_for(fed.ended, "the end of the run")
    assert fed.close() == 3, fed.said()
    has(fed.said(), "cannot write data-copy.ndjson")
    os.unlink("is-full")
    assert finish(lines) == plain_alerts(lines)
    assert pathlib.Path("data-copy.ndjson").read_text() == plain_alerts(lines)


@case
def everything_full():
    """a full disk under everything: it waits or ends saying so, and then has all alerts"""
    lines = stream()
    fed = Fed("--checkpoint-every", "20ms", environment=full("/data/"))
    assert fed.begin() == 0
    fed.send(lines[:1000])
    fed.wait_acknowledged(1000)
    pathlib.Path("is-full").touch()
    fed.send(lines[1000:1500])
    wait_for(lambda: "space" in fed.said().lower() or fed.ended(), "a word about the missing space")
    acknowledged = fed.acknowledged()
    assert acknowledged <= 1500
    os.unlink("is-full")
    if fed.ended():
        assert fed.close() == 3, fed.said()
        has(fed.said().lower(), "space")
    else:
        fed.wait_acknowledged(1500)
        fed.kill()
    assert finish(lines) == plain_alerts(lines)
    tocsin("verify", "data")


@case
def failed_syncs():
    """a failed sync is final: nothing after it is acknowledged, and a new start has everything"""
    lines = stream(1000)
    wanted = plain_alerts(lines)
    for part, numbers in {"/journal/": (1, 3, 9), "/store/": (1, 4), "/checkpoints/": (1, 3), "/state/": (1, 2)}.items():
        for number in numbers:
            data = f"data{part.strip('/')}{number}"
            fed = Fed("--checkpoint-every", "10ms", data=data, environment=sync_fails(number, part))
            begin = fed.begin()
            # In small pieces: many groups.
            at = begin or 0
            while begin is not None and not fed.ended() and at < len(lines):
                fed.send(lines[at:at + 50])
                at = min(len(lines), at + 50)
                fed.wait_acknowledged(at)
            code = fed.close()
            # A checkpoint that fails may be no more than one that is not there.
            assert code in ((3,) if part == "/journal/" else (0, 3)), f"{data}: {code}:\n{fed.said()}"
            if code == 0:
                assert stored(data) == wanted, data
                continue
            assert part.strip("/") in fed.said(), fed.said()
            acknowledged = fed.acknowledged() or 0
            again = Fed(data=data)
            begin = again.begin()
            assert begin is not None, again.said()
            assert begin >= acknowledged, f"{data}: {acknowledged} lines were acknowledged, it goes on after {begin}"
            again.kill()
            assert finish(lines, data=data) == wanted, data
            tocsin("verify", data)


if __name__ == "__main__":
    if HAS_SANITIZER:
        print("skipped: a sanitizer must be the first library")
        print("0 passed, 0 failed")
        sys.exit(0)
    run_cases()
