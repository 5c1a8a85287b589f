#!/usr/bin/env python3
"""Rules and plain counts of the stock and letter streams of gen_stock.py (README.md says what they mean).

    python3 oracle_stock.py rules QUERY > rules.tocsin
    python3 oracle_stock.py count QUERY events.ndjson      alerts: events that completed a match

QUERY: sN or uN (the first N steps of STEPS; u: and then one that never comes), with wS behind for a window of S seconds
(10 unless given); volume (four steps by volume); either (the same, the middle steps buy or sell); lettersN; cards (three payments by card in 10 s).
"""
import json
import re
import sys
from collections import defaultdict

STEPS = [tuple(step.split()) for step in (
    "sell INTC,buy RIMM,buy QQQ,sell IPIX,buy AMAT,buy CSCO,sell YHOO,buy DELL,buy ORCL,sell MSFT,buy INTC,buy RIMM,"
    "sell INTC,buy RIMM,buy QQQ,sell IPIX,buy AMAT,buy CSCO,sell YHOO,buy DELL,buy ORCL,sell MSFT,buy INTC,buy RIMM").split(",")]
BY_VOLUME = [("sell", "MSFT"), ("buy", "ORCL"), ("buy", "CSCO"), ("sell", "AMAT")]
EITHER = [("sell", "MSFT"), ("either", "ORCL"), ("either", "CSCO"), ("sell", "AMAT")]
STOCK = """event buy { ts: time from 1970, id: int id, name: string, volume: int }
event sell { ts: time from 1970, id: int id, name: string, volume: int }
"""


def query(name):
    """Steps (type, name), window in us (a start exactly so long before is too early), and the key."""
    if name == "cards":
        return [("pay", None)] * 3, 10_000_000, "card"
    letters = re.fullmatch(r"letters(\d+)", name)
    if letters:
        return [("a" + "abcdefghijklmnopqrstuvwxyz"[i], None) for i in range(int(letters[1]))], 101_000, None
    if name in ("volume", "either"):
        return BY_VOLUME if name == "volume" else EITHER, 30_001_000, "volume"
    kind, count, seconds = re.fullmatch(r"([su])(\d+)(?:w(\d+))?", name).groups()
    steps = STEPS[:int(count)] + ([("buy", "NEVER")] if kind == "u" else [])
    return steps, int(seconds or 10) * 1_000_000 + 1_000, None


def rules(name):
    steps, window, key = query(name)
    if key == "card":
        schema, pattern = "event pay { ts: time from 1970, id: int id, card: string }\n", "pay then pay then pay"
    elif steps[0][1] is None:
        schema = "".join(f"event {kind} {{ ts: time from 1970, id: int id }}\n" for kind, _ in steps)
        pattern = "\n    then ".join(kind for kind, _ in steps)
    else:
        schema = STOCK
        pattern = "\n    then ".join(f'{"buy or sell" if kind == "either" else kind} where name = "{symbol}"' for kind, symbol in steps)
    by = f"  by {key}\n" if key else ""
    return (f'{schema}rule r "{name}" {{\n{by}  when {pattern}\n  within {window // 1000}ms\n'
            '  after match skip past last\n  alert "r"\n}\n')


def count(name, path):
    """How many events complete a match; then what is pending is forgotten."""
    steps, window, key = query(name)
    newest = defaultdict(lambda: [None] * len(steps))  # by key, of each step: the newest first event of a match up to it
    total = 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            e = json.loads(line)
            starts = newest[e[key] if key else None]
            for i in reversed(range(len(steps))):
                kind, symbol = steps[i]
                if kind not in (e["type"], "either") or (symbol is not None and e["name"] != symbol):
                    continue
                start = e["ts"] if i == 0 else starts[i - 1]
                if start is None or e["ts"] - start >= window:
                    continue
                if i == len(steps) - 1:
                    total += 1
                    starts[:] = [None] * len(steps)
                    break
                starts[i] = start
    return total


if __name__ == "__main__":
    if sys.argv[1:2] == ["rules"] and len(sys.argv) == 3:
        print(rules(sys.argv[2]), end="")
    elif sys.argv[1:2] == ["count"] and len(sys.argv) == 4:
        print(count(sys.argv[2], sys.argv[3]))
    else:
        sys.exit(__doc__)
