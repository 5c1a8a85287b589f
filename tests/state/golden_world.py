"""What the golden data directories are made of: events of fixed times and contents, and the lives of the program that take
them. Events are of a year that no clock has reached, so that a heartbeat does not move time.
"""
import json
import random

START_US = 2_088_061_200_000_000  # 2036-03-02T09:00:00Z
MERCHANTS = [f"m{i}" for i in range(1, 7)]
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"]
TEXTS = ["x", "y", "z", "w", "v", "u", "q", "a text that is too long to be kept in a word of eight bytes"]


def line(type_, second, **fields):
    """An event as the bytes of a line; decimals are given as texts, so that they have two digits."""
    text = json.dumps({"type": type_, "ts": START_US + round(second * 1e6), **fields})
    for name in ("amount", "weight"):
        if name in fields:
            text = text.replace(f'"{name}": "{fields[name]}"', f'"{name}": {fields[name]}')
    return text.encode()


class Stream:
    """Random events of a few cards, with ids that go on."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.count = 0

    def id(self):
        self.count += 1
        return f"e{self.count}"

    def payment(self, second, card, **more):
        pick = self.chance.choice
        fields = {
            "id": self.id(), "card": card, "account": f"a{card}", "merchant": pick(MERCHANTS),
            "amount": f"{self.chance.randint(100, 50_000) / 100:.2f}", "units": self.chance.randint(1, 9),
            "weight": f"{self.chance.randint(1, 99)}e-{self.chance.randint(0, 3)}", "fresh": self.chance.random() < 0.5,
            "channel": pick(["pos", "ecom", "atm"]), "day": f"2036-03-{self.chance.randint(1, 9):02}",
            "took": self.chance.randint(1, 900) * 1_000_000, "seen": START_US - self.chance.randint(1, 99) * 60_000_000,
            "memo": pick([*TEXTS, None]), "zone": pick([*ZONES, None])}
        return line("payment", second, **{**fields, **more})

    def any(self, second, card):
        kind = self.chance.random()
        if kind < 0.5:
            return self.payment(second, card)
        if kind < 0.68:
            return line("note", second, card=card, text=self.chance.choice([*TEXTS, None]))
        if kind < 0.84:
            return line("login", second, id=self.id(), account=f"a{card}", card=card, ok=self.chance.random() < 0.55,
                        ip="192.0.2.7")
        if kind < 0.92:
            accounts = self.chance.sample(["x1", "x2", "x3"], 2)
            return line("transfer", second, id=self.id(), from_account=accounts[0], to_account=accounts[1],
                        amount=f"{self.chance.randint(1000, 9000) / 100:.2f}")
        if kind < 0.98:
            return line("signup", second, id=self.id(), card=card, net="n1")
        return line("probe", second, id=self.id(), card=card)

    def probes(self, second, cards):
        return [line("probe", second, id=self.id(), card=card) for card in cards]


def run_parts():
    """Lines in a file, lines fed, lines fed behind the last checkpoint, lines that go on."""
    stream = Stream(1)
    fixed = {"account": "a0", "merchant": "m1", "units": 9, "weight": "1", "fresh": True, "channel": "pos",
             "day": "2036-03-02", "took": 1_000_000, "seen": START_US, "memo": None, "zone": "Asia/Tokyo"}
    # More values of one key than are kept one by one.
    file = [stream.payment(i / 2, "c0", **{**fixed, "amount": f"{9 - i % 7}.00"}) for i in range(1100)]
    # They are more partial matches than an event may be offered to.
    file += [line("note", 600 + i, card="c0", text="z") for i in range(3)]
    file += [line("note", 700 + 20 * i, card="c5", text="x") for i in range(20)]
    hours = 3 * 3600
    cards = ["c1", "c2", "c3", "c4"]
    file += [stream.any(hours + 25 * i, stream.chance.choice(cards)) for i in range(170)]
    file += stream.probes(hours + 4500, ["c0", *cards])
    # Whether the next event of the card is a login is not known yet.
    file.append(line("note", hours + 4550, card="c4", text="y"))
    later = hours + 4600
    fed = [stream.any(later + 9 * i, stream.chance.choice(cards[:2])) for i in range(160)]
    fed.insert(40, b"not an event")
    fed.insert(60, line("unheard_of", later + 500))
    fed.insert(90, line("note", later + 300, card="c1", text="late"))
    fed.insert(120, fed[119])  # a repeat, or an equal event
    end = later + 9 * 160
    fed += [stream.payment(end + 5, "c1"), stream.payment(end + 4, "c2"), stream.payment(end + 3, "c1")]
    same = line("note", end + 6, card="c1", text="same")
    fed += [same, same, stream.payment(end + 3 * 86_400, "c1")]  # the last one is held
    tail = [stream.any(end + 7 + i, "c1") for i in range(8)] + [same]
    after = [same, fed[-4]]
    after += [stream.any(end + 20 + 11 * i, stream.chance.choice(cards)) for i in range(110)]
    after += stream.probes(end + 20 + 11 * 110, ["c0", "c5", *cards])
    after += [stream.any(end + 3600 + 300 * i, stream.chance.choice(cards)) for i in range(40)]
    after += stream.probes(end + 3600 * 6, ["c0", *cards])
    return file, fed, tail, after


def rows_parts():
    """Lines before the checkpoint, and after it."""
    chance = random.Random(2)

    def any_(number):
        second = 20 * number
        if chance.random() < 0.1:
            return line("reset", second, card=f"c{chance.randint(1, 3)}")
        return line("payment", second, id=f"p{number}", card=f"c{chance.randint(1, 3)}", shop=f"s{chance.randint(1, 3)}",
                    amount=f"{chance.choice([10, 12, 15, 40, 60, 90]) + chance.randint(0, 99) / 100:.2f}")
    lines = [any_(number) for number in range(300)]
    return lines[:180], lines[180:]


def served_payment(number, second, card="c1", amount=10, **more):
    return {"type": "payment", "ts": START_US + round(second * 1e6), "id": f"s{number}", "card": card, "amount": amount, **more}
