#!/usr/bin/env python3
"""What a running server says of itself: its settings with their sources, and the checkpoints that it keeps.

    serve_settings.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import pathlib

from harness import case, has, payment, run_cases, write
from server_process import TIMELESS, Server


def settings_of(server, more=""):
    return {one["name"]: one for one in server.ask("GET", f"/v1/settings{more}").json["settings"]}


@case
def _():
    """settings: each from its source, what the data directory keeps too, and no secret"""
    write("tocsin.toml", '[http]\nrequests_burst = 300\n')
    write("registry", "ann:a-secret-word\n")
    with Server("--time-late-max", "10s") as server:
        server.send([payment(1, "c1", 150)])
        server.end()
    registry = ("--kafka-registry", "http://bob:pass-word@127.0.0.1:9", "--kafka-registry-auth-file", "registry")
    with Server(*registry, "--config", "tocsin.toml", rules=None) as server:
        answer = server.ask("GET", "/v1/settings")
        assert "a-secret-word" not in answer.text and "pass-word" not in answer.text
        found = settings_of(server)
        sources = {name: (found[name]["value"], found[name]["source"], found[name]["origin"])
                   for name in ("http.requests_burst", "data.path", "http.workers", "kafka.registry", "kafka.registry_auth_file")}
        assert sources == {"http.requests_burst": ("300", "file", "tocsin.toml:2"), "data.path": ("data", "option", "--data-path"),
                           "http.workers": (found["http.workers"]["default"], "default", "default"),
                           "kafka.registry": ("http://…@127.0.0.1:9", "option", "--kafka-registry"),
                           "kafka.registry_auth_file": ("registry", "option", "--kafka-registry-auth-file")}, sources
        late = found["time.late_max"]
        assert (late["value"], late["source"]) == ("10s", "directory"), late
        only = settings_of(server, "?set=true")
        assert only == {name: one for name, one in found.items() if one["source"] != "default"}
        author = server.ask("POST", "/v1/tokens", {"name": "ann", "role": "author"}).json["token"]
        assert server.ask("GET", "/v1/settings", token=author).problem() == "forbidden"
        server.end()


@case
def _():
    """checkpoints: the newest first; of a damaged one why, and a start goes on from the one before"""
    with Server(options=(*TIMELESS, "--checkpoint-every", "1h")) as server:
        assert not [one for one in server.ask("GET", "/v1/checkpoints").json["checkpoints"] if "damage" in one]
        numbers = []
        for second in (1, 2):
            server.send([payment(second, "c1", 150)])
            numbers.insert(0, server.ask("POST", "/v1/checkpoints").json["checkpoint"])
        kept = server.ask("GET", "/v1/checkpoints").json["checkpoints"]
        assert [one["number"] for one in kept[:2]] == numbers, kept
        assert [one["last_good"] for one in kept] == [True] + [False] * (len(kept) - 1), kept
        assert kept[0]["watermark"] == "2026-03-02T12:00:02Z" and kept[0]["next_record"] > kept[1]["next_record"], kept
        assert all(one["bytes"] > 0 and one["made"] for one in kept), kept
        manifest = pathlib.Path(f"data/checkpoints/{numbers[0]:012}/manifest")
        whole = manifest.read_bytes()
        manifest.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        damaged = server.ask("GET", "/v1/checkpoints").json["checkpoints"]
        assert damaged[0]["number"] == numbers[0] and not damaged[0]["last_good"], damaged
        has(damaged[0]["damage"], "manifest")
        assert damaged[1]["last_good"], damaged
        manifest.write_bytes(whole)
        server.end()


run_cases()
