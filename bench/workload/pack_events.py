#!/usr/bin/env python3
"""The stream of `tocsin generate` as the events that the packs of samples/rules read, and plain counts of some alerts.

    tocsin generate --events N --seed 1 | python3 pack_events.py > events.ndjson
    python3 pack_events.py --count events.ndjson

Each event becomes one: a payment online an authorisation (`auth`), any other a `card_auth`, `purchase`, `refund`,
`payment`, `credit`, `debit` or `cash_deposit` in turn; a login `login_ok`, `login` or `login_failed`; a changed password
a changed address; a transfer stays one, and the bank's confirmation is its `ack`. Payments from the planted devices that
several cards share are small and declined. Times, keys and order stay.
"""
import json
import sys
from collections import defaultdict, deque

MIN = 60_000_000
ACCOUNTS_DEVICES = 120_000  # two devices for each account at the usual --rate; planted ones have higher numbers


def payment(e, number):
    account, amount = e["account"], e["amount"]
    if "device" in e:
        planted = int(e["device"][1:]) >= ACCOUNTS_DEVICES
        return "auth", {"card": e["card"], "device": e["device"], "merchant": e["merchant"], "bin": e["card"][:3],
                        "amount": 1.5 if planted else amount, "status": "declined" if planted or number % 20 == 0 else "approved"}
    if number % 4 == 0:
        return "card_auth", {"card": e["card"], "status": "approved", "present": e["channel"] == "pos", "amount": amount, "country": e["country"]}
    shop = {"card": e["card"], "customer": account, "merchant": e["merchant"], "employee": f"e{number % 7}", "amount": amount}
    if number % 4 == 1:
        return ("refund", shop) if number % 40 == 1 else ("purchase", {**shop, "category": "gift_card" if e["mcc"] % 5 == 0 else "other"})
    if number % 4 == 2:
        return "payment", {"customer": account, "payee": e["merchant"], "payment_id": e["id"], "amount": amount, "new_payee": number % 40 == 2}
    if number % 20 == 3:
        return "cash_deposit", {"customer": account, "amount": amount, "branch": f"b{number % 11}"}
    return "credit" if number % 8 == 3 else "debit", {"account": account, "amount": amount}


def login(e, number):
    if not e["ok"]:
        return "login_failed", {"user": e["account"], "ip": e["ip"]}
    if number % 4:
        return "login_ok", {"user": e["account"], "ip": e["ip"]}
    first, second = (ord(letter) - ord("A") for letter in e["country"])
    return "login", {"user": e["account"], "session": f"s{number}", "status": "ok", "ip": e["ip"], "device": e["device"],
                     "lat": first * 4.5 - 56, "lon": second * 12.5 - 160}


class Translator:
    def __init__(self):
        self.transfers = {}  # the newest of each account

    def translate(self, e):
        number, kind = int(e["id"][1:]), e["type"]
        if kind == "payment":
            return payment(e, number)
        if kind == "login":
            return login(e, number)
        if kind == "password_change":
            return "email_change", {"user": e["account"]}
        if kind == "transfer":
            self.transfers[e["account"]] = e["id"]
            return "transfer", {"transfer_id": e["id"], "user": e["account"], "account": e["account"], "from": e["account"],
                                "to": e["to_account"], "amount": e["amount"], "memo": ("rent", "gift card", "invoice")[number % 3]}
        return "ack", {"transfer_id": self.transfers.get(e["account"], "none")}


def translate(lines, write):
    translator = Translator()
    for line in lines:
        e = json.loads(line)
        kind, fields = translator.translate(e)
        write(json.dumps({"type": kind, "id": e["id"], "ts": e["ts"], **fields}, separators=(",", ":")) + "\n")


class Quiet:
    """At most one alert of a key in so long."""

    def __init__(self, length):
        self.length, self.last, self.total = length, {}, 0

    def alert(self, key, ts):
        if key not in self.last or ts - self.last[key] >= self.length:
            self.last[key] = ts
            self.total += 1


class Counter:
    """Four of the rules by their definition: windows of times, and for the takeover what it needs by user."""

    def __init__(self):
        self.velocity, self.testing, self.takeover = Quiet(5 * MIN), Quiet(30 * MIN), Quiet(60 * MIN)
        self.auths, self.declines, self.failures = defaultdict(deque), defaultdict(deque), defaultdict(lambda: deque(maxlen=3))
        self.sent, self.unacknowledged = {}, 0  # when each large transfer was sent
        self.entered, self.changed = {}, {}  # the newest first failure of what came so far

    def auth(self, e):
        ts, times = e["ts"], self.auths[e["card"]]
        times.append(ts)
        while times[0] <= ts - MIN:
            times.popleft()
        if len(times) >= 3:
            self.velocity.alert(e["card"], ts)
        if e["status"] == "declined" and e["amount"] < 5:
            declines = self.declines[e["device"]]
            declines.append((ts, e["card"]))
            while declines[0][0] <= ts - 10 * MIN:
                declines.popleft()
            if len(declines) >= 4 and len({card for _, card in declines}) >= 3:
                self.testing.alert(e["device"], ts)

    def user(self, e):
        user, kind = e["user"], e["type"]
        if kind == "login_failed":
            self.failures[user].append(e["ts"])
        elif kind == "login_ok" and len(self.failures[user]) == 3:
            self.entered[user] = self.failures[user][0]
        elif kind == "email_change" and user in self.entered:
            self.changed[user] = self.entered[user]
        elif kind == "transfer" and e["amount"] >= 1000 and user in self.changed and e["ts"] - self.changed[user] < 30 * MIN:
            self.takeover.alert(user, e["ts"])

    def transfer(self, e):
        if e["type"] == "transfer" and e["amount"] >= 1000:
            self.sent[e["transfer_id"]] = e["ts"]
            self.unacknowledged += 1
        elif e["type"] == "ack" and e["ts"] - self.sent.pop(e["transfer_id"], e["ts"] - 2 * MIN) < 2 * MIN:
            self.unacknowledged -= 1


def count(path):
    """Alerts by rule, of the rules that are counted."""
    counter = Counter()
    with open(path, encoding="utf-8") as file:
        for line in file:
            e = json.loads(line)
            if e["type"] == "auth":
                counter.auth(e)
            elif e["type"] in ("login_failed", "login_ok", "email_change", "transfer"):
                counter.user(e)
            if e["type"] in ("transfer", "ack"):
                counter.transfer(e)
    return {"card_velocity": counter.velocity.total, "card_testing_on_device": counter.testing.total,
            "account_takeover": counter.takeover.total, "unacknowledged_transfer": counter.unacknowledged}


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--count":
        print(json.dumps(count(sys.argv[2])))
    elif len(sys.argv) == 1:
        translate(sys.stdin, sys.stdout.write)
    else:
        sys.exit(__doc__)
