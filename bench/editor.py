#!/usr/bin/env python3
"""editor.py TOCSIN [--changes N] [RULES…]: how long an editor waits for the server, by the number of rules.

A set of so many rules and twice as many tests in ten files is open in `tocsin lsp`; somebody types a mistake and takes it away again.
Printed are the milliseconds from a key to the diagnostics (half of the keys, 95 %, the slowest) and to completions and colours,
and the server's own processor time for a key and for opening the set, which other programs on the machine hardly change.
"""
import argparse
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
from lsp_client import LspClient  # noqa: E402

FILES = 10
SCHEMA = "event payment { ts: time, id: string id, card: string, merchant: string, country: string, amount: decimal(2) }\n"
RULE = """
rule rule_{0} "Rule {0}" {{
  id "R-{0}"
  severity high
  tags generated
  by card
  when payment as first where amount > {0} and country != "SE"
    then 2..5 payment as more where merchant = first.merchant and amount < {0}.50
  within 10m
  having sum(more.amount) > 0.20
  once per 1h
  alert "{{first.amount}} on {{card}}, then {{count(more)}} more" {{ total: sum(more.amount) }}
}}

test rule_{0} "fires" {{
  0s payment {{ id: "1", card: "c", merchant: "m", country: "DE", amount: {0}.01 }}
  1s payment {{ id: "2", card: "c", merchant: "m", country: "DE", amount: 0.10 }}
  2s payment {{ id: "3", card: "c", merchant: "m", country: "DE", amount: 0.20 }}
  expect alert
}}

test rule_{0} "another merchant" {{
  0s payment {{ id: "1", card: "c", merchant: "m", country: "DE", amount: {0}.01 }}
  1s payment {{ id: "2", card: "c", merchant: "m", country: "DE", amount: 0.10 }}
  2s payment {{ id: "3", card: "c", merchant: "n", country: "DE", amount: 0.20 }}
  expect no alert
}}
"""


def write_rules(folder, count):
    """So many rules in files of one folder; the file in the middle."""
    (folder / "schema.tocsin").write_text(SCHEMA, encoding="utf-8")
    each = -(-count // FILES)
    for number in range(FILES):
        rules = range(number * each + 1, min(count, (number + 1) * each) + 1)
        (folder / f"rules_{number}.tocsin").write_text('use "schema.tocsin"\n' + "".join(RULE.format(rule) for rule in rules), encoding="utf-8")
    return folder / f"rules_{FILES // 2}.tocsin"


def cpu_ms(process):
    """The processor time that a process has used."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def wait_for_version(client, uri, version):
    """Until the diagnostics of that version of the document are there."""
    seen = len(client.published)
    while not any(each["uri"] == uri and each.get("version") == version for each in client.published[seen:]):
        client.take(60)
    return client.diagnostics[uri]


def timed(function):
    """The milliseconds that it takes."""
    started = time.monotonic()
    function()
    return (time.monotonic() - started) * 1000


def measure(binary, count, changes):
    """Milliseconds by what is waited for, a list for each, and of the processor: for a key, and from the start until the set is open."""
    with tempfile.TemporaryDirectory(prefix="tocsin_editor_") as name:
        folder = pathlib.Path(name)
        path = write_rules(folder, count)
        text = path.read_text(encoding="utf-8")
        place = text.index("amount >", len(text) // 2)
        line, character = text.count("\n", 0, place), place - text.rfind("\n", 0, place) - 1
        client = LspClient(binary, root=folder)
        uri = client.open(path, text)
        assert not wait_for_version(client, uri, 1), client.diagnostics[uri][:3]
        waits, completions, colours = [], [], []
        opening = before = cpu_ms(client.process)
        for version in range(2, 2 + changes):
            # A letter more, then one less.
            wrong = version % 2 == 0
            start, end = {"line": line, "character": character}, {"line": line, "character": character + (0 if wrong else 1)}
            started = time.monotonic()
            client.change(uri, version, {"range": {"start": start, "end": end}, "text": "x" if wrong else ""})
            found = wait_for_version(client, uri, version)
            waits.append((time.monotonic() - started) * 1000)
            assert bool(found) == wrong, found[:2]
        used = (cpu_ms(client.process) - before) / changes
        for _ in range(5):
            completions.append(timed(lambda: client.request("textDocument/completion", textDocument={"uri": uri}, position=start)))
            colours.append(timed(lambda: client.request("textDocument/semanticTokens/full", textDocument={"uri": uri})))
        assert client.end() == 0
        return waits, used, opening, completions, colours


def main():
    parser = argparse.ArgumentParser(description="How long an editor waits for the server.")
    parser.add_argument("binary")
    parser.add_argument("rules", type=int, nargs="*", default=[])
    parser.add_argument("--changes", type=int, default=40)
    options = parser.parse_intermixed_args()
    if options.changes < 2 or any(count < FILES for count in options.rules):
        parser.error(f"there are at least 2 changes and {FILES} rules")
    print(f"{'rules':>6} {'key to diagnostics: half':>25} {'95 %':>7} {'all':>7} {'processor':>10} {'to open':>8} {'completion':>11} {'colours':>8}   (ms)")
    for count in options.rules or [100, 500, 3000]:
        waits, used, opening, completions, colours = measure(options.binary, count, options.changes)
        waits.sort()
        print(f"{count:>6} {waits[len(waits) // 2]:>25.0f} {waits[int(len(waits) * 0.95)]:>7.0f} {waits[-1]:>7.0f} {used:>10.0f} {opening:>8.0f} "
              f"{sorted(completions)[2]:>11.1f} {sorted(colours)[2]:>8.1f}")


if __name__ == "__main__":
    main()
