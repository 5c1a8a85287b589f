#!/usr/bin/env python3
"""Rules of a server that go on from earlier events: `replay` of a deploy, `tocsin deploy --replay`.

    serve_replay.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import pathlib
import time

import harness
from harness import RULES, case, has, payment, run_cases, write
from server_process import TIMELESS, Server

# Events of a fixed day lie far back.
ALL = "36500d"
PROBE = """
rule probe "Tiny payments, then a large one" {
  by card
  when 3 payment as tiny where amount < 1 then payment as large where amount > 500
  within 1d
  alert "large after {count(tiny)} tiny on {card}"
}
rule often "Many payments" {
  by card
  when payment where count(payment) over last 1d >= 6
  once per 1d
  alert "often on {card}"
}
"""
RARE = ("--checkpoint-every", "1h")


def tocsin(*arguments, **options):
    return harness.tocsin(*arguments, code=None, **options)


def put(server, text, query="", etag="*", **options):
    return server.ask("PUT", f"/v1/pack{query}", {"files": {"rules.tocsin": text}}, headers={"If-Match": etag}, **options)


def put_until_made(server, text, query=f"?replay={ALL}", **options):
    """Asks as a client does until the answer is another than that earlier events are read."""
    for _ in range(200):
        answer = put(server, text, query, **options)
        if answer.status != 202 or "warming_up" not in answer.json:
            return answer
        assert 0 <= answer.json["warming_up"]["progress"] <= 1 and answer.headers["Retry-After"] == "1", answer
        time.sleep(0.05)
    raise AssertionError("earlier events are read for ever")


def alerts(server, rule):
    server.send([], "?wait=alerts")
    return [one["alert"] for one in server.ask("GET", f"/v1/alerts?rule={rule}&limit=100").json["alerts"]]


def blobs():
    return {path.name for path in pathlib.Path("data/blobs").iterdir()}


@case
def goes_on():
    """a new rule has what it would have had, from archive and journal; it alerts from its deploy on alone, over kill -9"""
    often = ("--journal-segment-bytes", "16KiB", "--checkpoint-every", "200ms")
    with Server(*often) as server:
        # Three tiny ones of c1 and c2; c2 had a large one before the deploy, which nobody is told.
        assert server.send([payment(i, card, 0.5) for i, card in enumerate(["c1", "c2"] * 3)]).status == 200
        assert server.send([payment(10, "c2", 900)]).status == 200
        second = 20
        while not list(pathlib.Path("data/archive").glob("records-*")) and second < 600:
            for _ in range(4):
                assert server.send([payment(second + i / 100, f"d{i}", 5) for i in range(50)]).status == 200
                second += 1
            time.sleep(0.05)
        assert list(pathlib.Path("data/archive").glob("records-*"))
        made = put_until_made(server, RULES + PROBE)
        assert made.status == 200 and made.json["changed"], made
        assert {"rule": "probe"} in made.json["replayed"] and made.json["started"] == [], made
        assert {"rule": "large"} in made.json["kept"], made
        assert alerts(server, "probe") == [] and alerts(server, "often") == []
        server.kill()
    with Server(*often, rules=None) as server:
        assert server.send([payment(700 + i, card, 900) for i, card in enumerate(["c1", "c2", "c3"])]).status == 200
        found = alerts(server, "probe")
        assert sorted(one["message"] for one in found) == ["large after 3 tiny on c1", "large after 3 tiny on c2"], found
        # Two more make six payments of c2.
        assert server.send([payment(710, "c2", 5)]).status == 200
        found = alerts(server, "often")
        assert [one["message"] for one in found] == ["often on c2"], found
        server.end()
    assert tocsin("verify", "data").code == 0


@case
def made_again():
    """a crash after the deploy makes the state again from what was kept of it, which goes when no start needs it; and beside
    the server it is looked at"""
    with Server(*RARE) as server:
        assert server.send([payment(i, "c1", 0.5) for i in range(3)]).status == 200
        before = blobs()
        assert put_until_made(server, RULES + PROBE).status == 200
        kept = blobs() - before
        server.kill()
    looked = tocsin("inspect", "data", "--key", "card=c1")
    assert looked.code == 0, looked
    has(looked.out, "probe")
    with Server("--checkpoint-every", "100ms", rules=None) as server:
        assert server.send([payment(10, "c1", 900)]).status == 200
        assert [one["message"] for one in alerts(server, "probe")] == ["large after 3 tiny on c1"]
        # Two checkpoints later only the rules' texts are left.
        second = 20
        while len(blobs() & kept) > 1 and second < 2000:
            assert server.send([payment(second, "c9", 5)]).status == 200
            second += 1
            time.sleep(0.02)
        left = [name for name in blobs() & kept]
        assert len(left) == 1 and b"event payment" in (pathlib.Path("data/blobs") / left[0]).read_bytes()[:200], left
        server.end()


@case
def without_it():
    """without `replay` a new rule begins with nothing"""
    with Server() as server:
        assert server.send([payment(i, "c1", 0.5) for i in range(3)]).status == 200
        made = put(server, RULES + PROBE)
        assert made.status == 200 and "replayed" not in made.json and {"rule": "probe"} in made.json["started"], made
        assert server.send([payment(10, "c1", 900)]).status == 200
        assert alerts(server, "probe") == []


@case
def only_so_long():
    """events from before the time that is asked for are not known"""
    with Server() as server:
        assert server.send([payment(i, "c1", 0.5) for i in range(3)]).status == 200
        assert put_until_made(server, RULES + PROBE, "?replay=1h").status == 200
        assert server.send([payment(10, "c1", 900)]).status == 200
        assert alerts(server, "probe") == []


@case
def refused():
    """what cannot be had is refused, and nothing has changed: no archive, too much memory, no duration"""
    with Server("--archive-enabled", "false") as server:
        answer = put_until_made(server, RULES + PROBE)
        assert answer.status == 409 and answer.problem() == "conflict", answer
        has(answer.json["detail"], "archive.enabled")
        assert put(server, RULES + PROBE, "?replay=soon").status in (400, 422)
        assert server.ask("GET", "/v1/pack").json["version"] == 1
    with Server("--rollout-replay-memory-max", "1MiB", data="small") as server:
        for begin in range(0, 12_000, 500):
            sent = [payment(0, f"key{i}", 0.5, id=f"k{i}") for i in range(begin, begin + 500)]
            assert server.send(sent).status == 200
        answer = put_until_made(server, RULES + PROBE)
        assert answer.status == 409, answer
        has(answer.json["detail"], "memory")
        assert server.ask("GET", "/v1/pack").json["version"] == 1
        assert server.send([payment(50, "c1", 900)]).status == 200


@case
def commands():
    """`tocsin deploy --replay` and `tocsin stage --replay` wait for it, and an approved change has it too"""
    with Server(options=(*TIMELESS, "--rollout-approvals", "1")) as server:
        assert server.send([payment(i, "c1", 0.5) for i in range(3)]).status == 200
        tokens = {name: server.ask("POST", "/v1/tokens", {"name": name, "role": "operator"}).json["token"] for name in ("ann", "ben")}
        for name, token in tokens.items():
            write(f"{name}-token", token + "\n")
        url = ("--server", f"http://127.0.0.1:{server.port}")
        write("new.tocsin", RULES + PROBE)
        asked = tocsin("deploy", "new.tocsin", *url, "--token-file", "ann-token", "--replay", ALL)
        assert asked.code == 0, asked
        has(asked.out, "waits for approval")
        change = server.ask("GET", "/v1/changes").json["changes"][0]["change"]
        approved = tocsin("change", "approve", change, *url, "--token-file", "ben-token")
        assert approved.code == 0, approved
        has(approved.out, "version 2 is active")
        assert server.send([payment(10, "c1", 900)]).status == 200
        assert [one["message"] for one in alerts(server, "probe")] == ["large after 3 tiny on c1"]
    with Server(rules=RULES, data="other") as server:
        assert server.send([payment(i, "c1", 0.5) for i in range(3)]).status == 200
        url = ("--server", f"http://127.0.0.1:{server.port}", "--token-file", "other/admin-token")
        write("new.tocsin", RULES + PROBE)
        deployed = tocsin("deploy", "new.tocsin", *url, "--replay", ALL)
        assert deployed.code == 0, deployed
        has(deployed.out, "from earlier events: probe, often")
        assert server.send([payment(10, "c1", 900)]).status == 200
        assert [one["message"] for one in alerts(server, "probe")] == ["large after 3 tiny on c1"]
        # Out of service it forgets; back it takes what it missed.
        assert tocsin("stage", "probe", "shadow", *url).code == 0
        assert tocsin("stage", "probe", "retired", *url).code == 0
        assert server.send([payment(20 + i, "c2", 0.5) for i in range(3)]).status == 200
        back = tocsin("stage", "probe", "draft", *url)
        assert back.code == 0, back
        staged = tocsin("stage", "probe", "shadow", *url, "--replay", ALL)
        assert staged.code == 0, staged
        has(staged.out, "from earlier events: probe", "rule probe: shadow")
        assert server.send([payment(30, "c2", 900)]).status == 200
        shadow = server.ask("GET", "/v1/alerts?rule=probe&shadow=true&limit=100").json["alerts"]
        assert "large after 3 tiny on c2" in [one["alert"]["message"] for one in shadow], shadow


if __name__ == "__main__":
    run_cases()
