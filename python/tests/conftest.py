"""What the tests of the package share."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

import tocsin

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples" / "rules"
BINARY = os.environ.get("TOCSIN_BINARY", "")

LOGINS = """event login { ts: time, id: string id, user: string, ok: bool, place: string? }
rule guessing "Three wrong passwords" {
  by user
  severity high
  tags login
  when 3 login as tries where not ok within 10m
  alert "{user} was refused {count(tries)} times" { score: 40 + count(tries) }
}
rule quiet "Nobody came back" {
  by user
  when login as l where ok then no login for 1h
  alert "{user} is gone"
}
test guessing "three in a row" {
  starting 2026-03-02T12:00:00Z
  0s login { user: "eve", ok: false }
  1s login { user: "eve", ok: false }
  2s login { user: "eve", ok: false }
  expect alert at 2s
}
"""
START = 1_772_452_800_000_000  # 2026-03-02T12:00:00Z


@pytest.fixture(scope="session")
def logins() -> tocsin.Rules:
    """Rules over logins."""
    return tocsin.Rules.from_text(LOGINS, "logins.tocsin")


def login_events(count: int, seed: int) -> list[dict[str, object]]:
    """Logins in the order of time."""
    chance = random.Random(seed)
    time, events = START, []
    for number in range(count):
        time += chance.randrange(60_000_000)
        event: dict[str, object] = {"type": "login", "ts": time, "id": f"e{number}", "user": f"u{chance.randrange(5)}",
                                    "ok": chance.random() < 0.3}
        if chance.random() < 0.5:
            event["place"] = chance.choice(["Linz", "Łódź", 'a "quoted" place'])
        events.append(event)
    return events


def run_binary(rules: str, events: bytes, folder: Path, *options: str) -> bytes:
    """What `tocsin run` writes for them."""
    (folder / "rules.tocsin").write_text(rules, encoding="utf-8")
    (folder / "events.ndjson").write_bytes(events)
    done = subprocess.run([BINARY, "run", "rules.tocsin", "--input", "events.ndjson", *options], cwd=folder, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout
