"""Backups of a server, wherever they are kept: what the scripts about them share."""
import pathlib
import threading
import time

from harness import has, payment, tocsin, wait_for
from server_process import Server, stored

# Journal files that are full soon, and checkpoints that let go of them.
OFTEN = ("--journal-segment-bytes", "32KiB", "--checkpoint-every", "250ms", "--webhooks-allow", "127.0.0.1")
RULES_WITH_LIST = """\
event payment { ts: time, id: string id, card: string, amount: decimal(2), place: string? }
list blocked: string = []
rule large "A large payment" {
  severity high
  by card
  when payment as p where amount > 100
  alert "{p.amount} on card {card}" { amount: p.amount }
}
rule of_blocked "A payment with a blocked card" { by card when payment where card in blocked alert "on card {card}" }
"""


def fill(server, count, first=0):
    """Sends so many payments, a request for each 100; gives them."""
    sent = [payment(i, f"c{i % 7}", 5 + i % 200) for i in range(first, first + count)]
    for begin in range(0, count, 100):
        assert server.send(sent[begin:begin + 100]).status == 200
    return sent


def begin(server, token=True):
    answer = server.ask("POST", "/v1/backups", token=token)
    assert answer.status == 202 and answer.headers["Location"] == f"/v1/backups/{answer.json['id']}", answer
    return answer.json["id"]


def end_of(server, backup):
    wait_for(lambda: server.ask("GET", f"/v1/backups/{backup}").json["state"] != "running", f"the end of {backup}")
    return server.ask("GET", f"/v1/backups/{backup}").json


def back_up(server):
    ended = end_of(server, begin(server))
    assert ended["state"] == "done" and ended["progress"] == 1, ended
    return ended


def restore_of(place, to, *arguments, **options):
    return tocsin("backup", "restore", place, "--to", to, *arguments, **options)


def begin_with(folder, token, *arguments, **options):
    """A server that goes on in a restored folder: the first token is not in a backup."""
    pathlib.Path(folder, "admin-token").write_text(token)
    return Server(*arguments, rules=None, data=folder, **options)


def facts_of(server):
    """All that people have done and see."""
    triage = [(one["alert"], one.get("triage")) for one in server.ask("GET", "/v1/alerts?limit=1000").json["alerts"]]
    lists = server.ask("GET", "/v1/lists/blocked").json
    subscriptions = [{key: one[key] for key in ("id", "name", "url", "created_at") if key in one}
                     for one in server.ask("GET", "/v1/subscriptions").json["subscriptions"]]
    return {"alerts": triage, "lists": lists, "subscriptions": subscriptions,
            "rules": server.ask("GET", "/v1/pack").json, "tokens": [one["name"] for one in server.ask("GET", "/v1/tokens").json["tokens"]]}


def live_and_restored_of(place, options, reading=(), rounds=3):
    """Backups under load, kill -9, and restores: `options` are of the server, `reading` of what reads the place."""
    with Server(*OFTEN, *options, rules=RULES_WITH_LIST) as server:
        token = server.token
        fill(server, 300)
        assert server.ask("POST", "/v1/lists/blocked/entries", {"entries": ["c1", "c2"]}).status == 200
        made = server.ask("POST", "/v1/subscriptions", {"name": "desk", "url": "http://127.0.0.1:9/hook"})
        assert made.status == 201, made
        alert = server.ask("GET", "/v1/alerts?limit=1").json["alerts"][0]["alert"]["id"]
        changed = server.ask("POST", f"/v1/alerts/{alert}/triage", {"action": "confirm", "comment": "called"})
        assert changed.status == 200, changed
        stop, sent = threading.Event(), [300]

        def send():
            while not stop.is_set():
                fill(server, 100, sent[0])
                sent[0] += 100
                time.sleep(0.02)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            wait_for(lambda: server.metric("checkpoint_number") > 0, "a checkpoint")
            under_load = []
            for _ in range(rounds):
                under_load.append(back_up(server))
                time.sleep(0.3)  # on a fast machine too there is more in the next one
        finally:
            stop.set()
            sender.join()
        assert all(one["checkpoint"] > 0 for one in under_load), under_load
        # What did not change is stored once. The log of the store, up to 1 MiB, and what is small are copied each
        # time, and checkpoints go on for a moment after the load: of bytes only so much is certain.
        back_up(server)
        again, made = back_up(server), rounds + 2
        assert again["stored_bytes"] < again["bytes"], again
        before = facts_of(server)
        assert server.metric("backups_kept") == made and server.metric("backup_last_bytes") == again["bytes"]
        server.kill()
    alerts = stored()
    assert len(alerts) > 100
    has(tocsin("backup", "verify", place, *reading).out, f"{place} is good: {made} backups")
    for number, backup in enumerate(under_load):
        restore_of(place, f"r{number}", "--backup", backup["id"], *reading)
        has(tocsin("verify", f"r{number}").out, f"r{number} is good")
        some = stored(f"r{number}")
        assert some == alerts[:len(some)], number
    assert rounds == 1 or len(stored(f"r{rounds - 1}")) > len(stored("r0"))
    restore_of(place, "restored", *reading)
    assert stored("restored") == alerts
    with begin_with("restored", token, *OFTEN, *options) as server:
        assert facts_of(server) == before
        fill(server, 100, sent[0])
        back_up(server)
        server.end()
    assert stored("restored")[:len(alerts)] == alerts and len(stored("restored")) > len(alerts)
    with begin_with(f"r{rounds // 2}", token) as server:  # one that was made under load goes on too
        fill(server, 100, sent[0])
        server.end()
