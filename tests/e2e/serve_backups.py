#!/usr/bin/env python3
"""Backups of a server that runs, and what a restore of them is.

    serve_backups.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import os
import pathlib

from backups_of_server import back_up, begin, fill, live_and_restored_of, restore_of
from harness import HAS_SANITIZER, case, has, run_cases, tocsin, wait_for, write
from server_process import Server

PLACE = ("--backups-to", "backups")


def objects():
    return {path.name: path for path in pathlib.Path("backups/objects").rglob("*") if path.is_file()}


def manifest(backup):
    return json.loads(pathlib.Path(f"backups/backups/{backup}.json").read_text())


def restore(to, *arguments, **options):
    return restore_of("backups", to, *arguments, **options)


@case
def live_and_restored():
    """backups under load, kill -9, and a restore: each is whole, and the last one has all that there was"""
    live_and_restored_of("backups", PLACE, rounds=1 if HAS_SANITIZER else 3)


@case
def refusals():
    """a damaged or missing object, a folder that is not empty, a strange folder: each is named, and nothing is restored"""
    with Server(*PLACE) as server:
        fill(server, 200)
        backup = back_up(server)["id"]
        server.end()
    write("full/some.txt", "x")
    refused = restore("full", code=5)
    has(refused.err, "full is not empty")
    file = next(one for one in manifest(backup)["files"] if one["path"].startswith("journal/segment-"))
    path = objects()[file["sha256"]]
    whole = path.read_bytes()
    path.write_bytes(whole[:5000] + b"?" + whole[5001:])
    refused = restore("new", code=5)
    has(refused.err, str(path), "is damaged", file["path"], "nothing was restored")
    assert not pathlib.Path("new").exists() or not list(pathlib.Path("new").iterdir())
    checked = tocsin("backup", "verify", "backups", code=5)
    has(checked.err, str(path), backup, "1 finding")
    path.unlink()
    has(restore("new", code=5).err, str(path), "is missing")
    path.write_bytes(whole)
    name = pathlib.Path(f"backups/backups/{backup}.json")
    text = name.read_text()
    name.write_text(text.replace('"path": "journal/', '"path": "../journal/', 1))
    has(restore("new", code=5).err, str(name), "is damaged")
    name.write_text(text)
    restore("new")
    has(tocsin("verify", "new").out, "new is good")
    has(restore("new2", "--backup", "x", code=2).err, "--backup takes an id")
    has(restore("new2", "--backup", "20200101T000000000Z", code=2).err, "there is no backup 20200101T000000000Z")
    has(tocsin("backup", "verify", "new", code=5).err, "new is not a place of backups")
    has(tocsin("serve", "rules.tocsin", "--data", "new", "--backups-to", "new/backups", code=None).err, "in the data directory")
    has(tocsin("serve", "rules.tocsin", "--data", "new", "--backups-every", "1h", code=None).err, "set backups.to")


@case
def broken_off():
    """a backup that is killed leaves no manifest and harms nothing; the next one goes on from what is stored"""
    with Server(*PLACE, "--backups-bytes-per-second", "200KiB", "--journal-segment-bytes", "64KiB") as server:
        token = server.token
        fill(server, 2000)
        begun = begin(server)
        wait_for(lambda: len(objects()) >= 3, "some objects")
        assert server.ask("POST", "/v1/backups").problem() == "conflict"
        assert 0 < server.ask("GET", f"/v1/backups/{begun}").json["progress"] < 1
        server.kill()
    assert not list(pathlib.Path("backups").glob("backups/*")) and pathlib.Path("data/backup.new").exists()
    before = set(objects())
    has(restore("new", code=2).err, "there is no backup")
    with Server(*PLACE, rules=None) as server:
        assert not pathlib.Path("data/backup.new").exists()
        ended = back_up(server)
        stored_now = sum(path.stat().st_size for name, path in objects().items() if name not in before)
        assert ended["stored_bytes"] <= stored_now + 1 and before <= set(objects()), (ended, stored_now)
        has(tocsin("backup", "list", "backups").out, ended["id"])
        # cancelled
        server.end()
    with Server(*PLACE, "--backups-bytes-per-second", "20KiB", rules=None) as server:
        fill(server, 1000, 2000)
        begun = begin(server)
        cancelled = server.ask("DELETE", f"/v1/backups/{begun}")
        assert cancelled.status == 200 and cancelled.json["state"] == "cancelled", cancelled
        assert [one["state"] for one in server.ask("GET", "/v1/backups").json["backups"]] == ["cancelled", "done"]
        assert server.ask("DELETE", f"/v1/backups/{begun}").status == 204
        assert server.ask("GET", f"/v1/backups/{begun}").status == 404
        server.end()
    assert token


@case
def kept_and_removed():
    """backups.keep keeps the newest, and what no backup needs goes; pages; a removal"""
    with Server(*PLACE, "--backups-keep", "3", "--checkpoint-every", "100ms") as server:
        made = []
        for i in range(5):
            fill(server, 100, 100 * i)
            made.append(back_up(server)["id"])
        assert [one["id"] for one in server.ask("GET", "/v1/backups").json["backups"]] == made[:1:-1]
        page = server.ask("GET", "/v1/backups?limit=2").json
        assert [one["id"] for one in page["backups"]] == made[:2:-1] and page["next"] == made[3], page
        rest = server.ask("GET", f"/v1/backups?limit=2&cursor={page['next']}").json
        assert [one["id"] for one in rest["backups"]] == [made[2]] and "next" not in rest, rest
        assert server.ask("GET", "/v1/backups?cursor=x").problem() == "bad-parameter"
        needed = {file["sha256"] for one in made[2:] for file in manifest(one)["files"]}
        assert set(objects()) == needed
        reader = server.ask("POST", "/v1/tokens", {"name": "ann", "role": "reader"}).json["token"]
        assert server.ask("POST", "/v1/backups", token=reader).problem() == "forbidden"
        assert server.ask("DELETE", f"/v1/backups/{made[3]}").status == 204
        assert set(objects()) == {file["sha256"] for one in (made[2], made[4]) for file in manifest(one)["files"]}
        # Nothing goes while it is not known what is needed.
        pathlib.Path(f"backups/backups/{made[2]}.json").write_text("{")
        assert server.ask("DELETE", f"/v1/backups/{made[4]}").status == 500
        restore("new", "--backup", made[4])
        server.end()


@case
def by_schedule():
    """backups.every makes them, GET /v1/health names one that fails or is too old, and the command follows one"""
    with Server(*PLACE, "--backups-every", "300ms", "--backups-keep", "2") as server:
        wait_for(lambda: server.metric("backups_ended_total") >= 3, "three backups")
        listed = server.ask("GET", "/v1/backups").json["backups"]
        assert listed[-1]["who"] is None and listed[-1]["state"] == "done", listed
        assert not [one for one in server.ask("GET", "/v1/health").json["causes"] if one["code"].startswith("backup_")]
        os.rename("backups", "moved")
        write("backups", "a file where the folder was")
        wait_for(lambda: {"backup_failed", "backup_old"} <= {one["code"] for one in server.ask("GET", "/v1/health").json["causes"]},
                 "the causes")
        cause = next(one for one in server.ask("GET", "/v1/health").json["causes"] if one["code"] == "backup_failed")
        has(cause["detail"], "backups")
        os.remove("backups")
        os.rename("moved", "backups")
        wait_for(lambda: not [one for one in server.ask("GET", "/v1/health").json["causes"] if one["code"].startswith("backup_")],
                 "that it is well again")
        has(server.end().said, "tocsin: the backup failed: ")
    with Server(*PLACE, rules=None) as server:
        write("token", server.token)
        address = ("--server", f"http://127.0.0.1:{server.port}", "--token-file", "token")
        done = tocsin("backup", "create", *address)
        has(done.out, "made in", "of it new")
        has(tocsin("backup", "list", *address).out, done.out.split()[0])
        server.end()
    with Server(rules=None) as server:
        answer = server.ask("POST", "/v1/backups")
        assert answer.problem() == "conflict" and "backups.to" in answer.json["detail"], answer
        assert server.ask("GET", "/v1/backups").json == {"backups": []}


if __name__ == "__main__":
    run_cases()
