#!/usr/bin/env python3
"""The catalogue of fraud rules (tests/catalogue/rules.json) and the rule packs that say it (samples/rules/).

    catalogue.py TOCSIN_BINARY [TEXT]

For each rule of the catalogue: a rule of that `id` stands in a pack, its embedded tests are the catalogue's two traces, and
`tocsin run`, given a trace as lines of JSON, raises the alerts that the catalogue says: with the rule's own pack, and with all
packs together. Last line: N passed, N failed.
"""
import datetime
import json
import re

from harness import ROOT, case, run_cases, tocsin, write

CATALOGUE = json.loads((ROOT / "tests/catalogue/rules.json").read_text(encoding="utf-8"))["rules"]
PACKS = ROOT / "samples/rules"
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.+:-]+|\S')
RULE = re.compile(r'^rule (\w+) "(?:[^"\\]|\\.)*" \{\n(.*?)^\}$', re.M | re.S)
TEST = re.compile(r'^test (\w+) "(?:[^"\\]|\\.)*" \{\n(.*?)^\}$', re.M | re.S)


class Pack:
    """A rule file: its rules by catalogue id, its tests by rule."""

    def __init__(self, path):
        self.path, text = path, path.read_text(encoding="utf-8")
        self.rules, self.tests = {}, {}
        for name, body in RULE.findall(text):
            for rule_id in re.findall(r'^  id "(FR-\d+)"$', body, re.M):
                self.rules[rule_id] = name
        for name, body in TEST.findall(text):
            self.tests.setdefault(name, []).append(tokens(body))


def tokens(text):
    """The words of a test; numbers by value, times in seconds, enum words as texts, no commas."""
    found = []
    for word in TOKEN.findall(text):
        number = re.fullmatch(r"-?\d+(\.\d+)?", word)
        duration = re.fullmatch(r"(\d+[dhms])+", word)
        if word.startswith('"'):
            found.append(json.loads(word))
        elif number:
            found.append(float(word))
        elif duration:
            found.append(float(sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)([dhms])", word))))
        elif word != ",":
            found.append(word.removesuffix(":"))
    return found


def test_text(rule, trace, renamed):
    """The embedded test that a trace stands for."""
    lines = [f"starting {rule['sample']['t0']}"]
    for event in trace["events"]:
        fields = {name: value for name, value in event.items() if name not in ("type", "ts")}
        lines.append(f"{event['ts']}s {renamed.get(event['type'], event['type'])} {record(fields)}")
    if trace["until"] > max(event["ts"] for event in trace["events"]):
        lines.append(f"until {trace['until']}s")
    for alert in trace["expect"]:
        fields = {**alert["key"], "severity": alert.get("severity", rule["severity"])}
        lines.append(f"expect alert at {alert['ts']}s {record(fields)}")
    if not trace["expect"]:
        lines.append("expect no alert")
    return "\n".join(lines)


def record(fields):
    return "{ " + ", ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items()) + " }"


def renamed_types():
    """Event types that the packs know by another name than the JSON lines."""
    text = "".join(path.read_text(encoding="utf-8") for path in PACKS.glob("*.tocsin"))
    return {outside: name for name, outside in re.findall(r'^event (\w+) from "(\w+)"', text, re.M)}


def epoch_us(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp()) * 1_000_000


def alerts_of(rules, rule, trace):
    """What `tocsin run` says of the catalogue's rule over the trace: seconds, key and severity of each alert."""
    start_us = epoch_us(rule["sample"]["t0"])
    write("in.ndjson", [{**event, "ts": start_us + event["ts"] * 1_000_000} for event in trace["events"]])
    done = tocsin("run", rules, "--quiet", "--input", "in.ndjson")
    found = []
    for alert in done.alerts():
        seconds = (alert["ts"] - start_us) / 1e6
        # The end of the input decides every deadline; the catalogue's time ends at `until`.
        if alert["rule"] == rule["id"] and seconds <= trace["until"]:
            values = {**alert["fields"], **alert["key"]}
            key = {name: values.get(name) for name in rule["alert_key"]}
            found.append({"ts": seconds, "key": key, "severity": alert["severity"]})
    return found


def expected_of(rule, trace):
    return [{"ts": alert["ts"], "key": alert["key"], "severity": alert.get("severity", rule["severity"])}
            for alert in trace["expect"]]


def pack_of(rule):
    packs = [pack for pack in ALL if rule["id"] in pack.rules]
    assert len(packs) == 1, f"{rule['id']} stands in {[pack.path.name for pack in packs]}"
    return packs[0]


def add_cases(rule):
    title = f"{rule['id']} {rule['title']}"

    def named(name, function):
        function.__doc__ = f"{title}: {name}"
        case(function)

    for name in ("firing", "near_miss"):
        trace = rule["sample"][name]

        def embedded(trace=trace):
            pack = pack_of(rule)
            wanted = tokens(test_text(rule, trace, renamed_types()))
            tests = pack.tests.get(pack.rules[rule["id"]], [])
            assert wanted in tests, f"no test of {pack.path.name} is\n{test_text(rule, trace, renamed_types())}"

        def by_command(trace=trace):
            expected = expected_of(rule, trace)
            for rules in (pack_of(rule).path, PACKS):
                found = alerts_of(rules, rule, trace)
                assert found == expected, f"{rules}\nfound    {found}\nexpected {expected}\n{trace['why']}"

        named(f"{name}, as a test in its pack", embedded)
        named(f"{name}, by tocsin run", by_command)


@case
def _():
    """catalogue: the packs check together, without a warning"""
    done = tocsin("check", PACKS, "--warnings-as-errors", code=None)
    assert done.code == 0, done


@case
def _():
    """catalogue: thirty rules"""
    assert len(CATALOGUE) == 30 and len({rule["id"] for rule in CATALOGUE}) == 30


ALL = [Pack(path) for path in sorted(PACKS.glob("*.tocsin"))]
for each in CATALOGUE:
    add_cases(each)
run_cases()
