#!/usr/bin/env python3
"""`tocsin explain` as its users meet it: rules by name, text, JSON, dot and SVG, outputs and refusals.

    explain.py TOCSIN_BINARY [TEXT]
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import xml.dom.minidom

from harness import BINARY, LIMIT_S, ROOT, RULES, case, has, read, run_cases, tocsin, write

ASPECTS = ["purpose", "key", "pattern", "limits", "kinds", "features", "data", "selection", "suppression", "alert",
           "late", "missing", "status", "automaton", "state", "shared", "cost", "growth"]


def objects(text):
    """The rules of an answer in JSON."""
    return [json.loads(line) for line in text.splitlines()]


def check_dot(text):
    """Asks Graphviz where it is installed; everywhere that quotes, braces and node names are in order."""
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tcanon"], input=text, text=True, capture_output=True, timeout=LIMIT_S, check=True)
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    assert bare.count('"') % 2 == 0 and '"' not in bare.replace('""', ""), bare
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    statement = re.compile(r'(digraph \w+ \{|subgraph \w+ \{|\}|\w+="[^"]*"|\w+=\w+|\w+ \[[^\]]*\]|\w+ -> \w+ \[[^\]]*\])$')
    for line in bare.splitlines():
        assert statement.match(line.strip()), line
    nodes = set(re.findall(r"^ +(r\d+_s\d+) \[", bare, re.M))
    for source, target in re.findall(r"(r\d+_s\d+) -> (r\d+_s\d+)", bare):
        assert source in nodes and target in nodes, (source, target)


@case
def _():
    """text: all rules, or those that are named, in the order of the files"""
    write("rules.tocsin", RULES)
    both = tocsin("explain", "rules.tocsin")
    assert both.err == "", both
    assert re.findall(r"^rule (\w+)", both.out, re.M) == ["large", "unconfirmed"]
    one = tocsin("explain", "unconfirmed", "rules.tocsin").out
    assert re.findall(r"^rule (\w+)", one, re.M) == ["unconfirmed"]
    assert both.out.endswith(one)
    words = " ".join(one.split())
    has(words, "For each `card`, on its own.", "1. One `payment`, called `p`, where `amount` is more than 1000",
        "2. Then, until 5m after that: no `confirmation`", "one exactly at that moment is too late to prevent it",
        "A partial match lives at most 5m", "C1: amount > 1000")
    assert max(map(len, one.splitlines())) <= 100
    assert tocsin("explain", "rules.tocsin", "unconfirmed", "large").out == both.out
    assert tocsin("explain", "rules.tocsin").out == both.out


ANALYSED = """event payment { ts: time, id: string id, card: string, amount: int }
rule probes "Probes" {
  by card
  when payment as small where amount < 10 then payment where amount > 500 within 1h
  alert "x"
}
rule never "Never" { by card when payment where amount > 9000 alert "x" }
"""


def write_analysed():
    """200 payments of a card: 1 in 4 is small, 1 in 20 large; in one slice, which is counted."""
    write("rules.tocsin", ANALYSED)
    write("in.ndjson", [{"type": "payment", "ts": f"2026-03-02T10:{i // 60:02}:{i % 60:02}Z", "id": f"p{i}",
                         "card": "c1", "amount": 5 if i % 4 == 0 else 600 if i % 20 == 3 else 50}
                        for i in range(200)])


@case
def _():
    """--analyze: what each rule did with these events, as text and as data"""
    write_analysed()
    out = tocsin("explain", "rules.tocsin", "--analyze", "--input", "in.ndjson")
    has(out.err, "200 events in ")
    both = " ".join(out.out.split())
    has(both, "What it did with these events Of 200 events, it was asked at ", "of `small`: at 1 in 4.0 events",
        "of `payment`: at 1 in 20 events", "None of 200 events was for this rule.", "It raised no alert.",
        "At the end it kept no partial match.")
    plain = tocsin("explain", "rules.tocsin").out
    assert "What it did" not in plain
    for line in plain.splitlines():  # beside what is always said
        assert line in out.out.splitlines(), line
    small, never = [one["analysis"] for one in objects(
        tocsin("explain", "rules.tocsin", "--analyze", "--input", "in.ndjson", "--format", "json").out)]
    assert small["events"] == never["events"] == 200
    assert small["steps"] == [{"name": "`small`", "share": 0.25}, {"name": "`payment`", "share": 0.05}], small
    assert small["asked"] >= 60 and 0 < small["share"] <= 1 and small["ns"] > 0, small
    run = tocsin("run", "rules.tocsin", "--input", "in.ndjson", "--quiet").out
    assert small["alerts"] == len(run.splitlines()) > 0, small
    assert never["asked"] == 0 and never["alerts"] == 0 and never["steps"] == [{"name": "`payment`", "share": 0.0}], never


@case
def _():
    """--analyze: what does not go together, and inputs that cannot be read, are refused"""
    write_analysed()
    has(tocsin("explain", "rules.tocsin", "--analyze", code=2).err, "--analyze needs events: name them with --input FILE")
    has(tocsin("explain", "rules.tocsin", "--input", "in.ndjson", code=2).err, "--input needs --analyze")
    has(tocsin("explain", "rules.tocsin", "--analyze", "--input", "in.ndjson", "--format", "dot", code=2).err,
        "--analyze goes with --format text or json, not dot")
    has(tocsin("explain", "rules.tocsin", "--analyze", "--input", "none.ndjson", code=3).err, "cannot read none.ndjson")
    write("other.ndjson", '{"type":"other","ts":0}\n{"type":"payment","ts":"soon"}\n')
    other = tocsin("explain", "rules.tocsin", "--analyze", "--input", "other.ndjson", code=3)
    has(other.err, "not one of 2 lines could be used", "2 rejected, first at other.ndjson:")
    assert other.out == ""
    write("mixed.ndjson", read("in.ndjson") + "nonsense\n")
    mixed = tocsin("explain", "rules.tocsin", "--analyze", "--input", "mixed.ndjson")
    has(mixed.err, "200 events in ", "; 1 line rejected, first at mixed.ndjson:201: ")
    twice = tocsin("explain", "rules.tocsin", "--analyze", "--input", "in.ndjson", "--input", "in.ndjson", code=2)
    has(twice.err, "--input names in.ndjson twice")
    for output, what in (("in.ndjson", "an input"), ("rules.tocsin", "a rule file")):
        over = tocsin("explain", "rules.tocsin", "--analyze", "--input", "in.ndjson", "--output", output, code=2)
        has(over.err, f"--output would overwrite {what}: {output}")


@case
def _():
    """text: a rule is found by its id; a folder may have a rule's name"""
    write("rules.tocsin", RULES.replace("  severity high", '  id "FR-7"\n  severity high'))
    has(tocsin("explain", "FR-7", "rules.tocsin").out, "rule large ")
    os.mkdir("large")
    shutil.move("rules.tocsin", "large/rules.tocsin")
    has(tocsin("explain", "large").out, "rule large ", "rule unconfirmed ")


@case
def _():
    """text: a draft does not run, and is not explained"""
    write("rules.tocsin", RULES.replace("  severity high", '  status draft\n  severity high'))
    assert re.findall(r"^rule (\w+)", tocsin("explain", "rules.tocsin").out, re.M) == ["unconfirmed"]
    has(tocsin("explain", "large", "rules.tocsin", code=2).err, "there is no rule large that runs")


@case
def _():
    """text: headings are set off where it is asked for"""
    write("rules.tocsin", RULES)
    assert "\x1b[" not in tocsin("explain", "rules.tocsin").out
    assert "\x1b[" in tocsin("explain", "rules.tocsin", "--color", "always").out
    tocsin("explain", "rules.tocsin", "--color", "always", "--output", "out.txt")
    assert "\x1b[" not in read("out.txt")


@case
def _():
    """refusals: an unknown rule, no file, rules that do not check, an output that cannot be written"""
    write("rules.tocsin", RULES)
    has(tocsin("explain", "unconfirmd", "rules.tocsin", code=2).err, "there is no rule unconfirmd that runs; did you mean unconfirmed?")
    has(tocsin("explain", "large", code=2).err, "rule files are missing")
    has(tocsin("explain", "missing.tocsin", code=1).err, "missing.tocsin")
    has(tocsin("explain", "rules.tocsin", "--format", "pdf", code=2).err, "--format")
    has(tocsin("explain", "rules.tocsin", "-o", "no/such/folder", code=3).err, "no/such/folder")
    write("wrong.tocsin", RULES.replace("amount > 100\n", "amout > 100\n"))
    done = tocsin("explain", "wrong.tocsin", "--output", "kept.txt", code=1)
    has(done.err, "E0201")
    assert done.out == "" and not pathlib.Path("kept.txt").exists()


@case
def _():
    """json: one object a line, with what the documentation says"""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    seen = set()
    rules = objects(tocsin("explain", str(ROOT / "samples" / "rules"), "--format", "json").out)
    assert len(rules) >= 30, len(rules)
    for rule in rules:
        assert list(rule) == ["rule", "id", "title", "status", "says", "automaton", "state", "shared", "cost", "growth"]
        aspects = [aspect["aspect"] for aspect in rule["says"]]
        assert aspects == sorted(aspects, key=ASPECTS.index), aspects
        assert {"key", "pattern", "selection", "suppression", "alert", "status", "automaton", "state", "shared",
                "cost"} <= set(aspects)
        seen |= set(aspects)
        for aspect in rule["says"]:
            assert set(aspect) == {"aspect", "heading", "numbered", "passages"} and aspect["passages"], aspect
        automaton = rule["automaton"]
        assert automaton["method"] in ("single", "strict", "runs", "general")
        names = {condition["name"] for condition in automaton["conditions"]}
        kinds = [state["kind"] for state in automaton["states"]]
        assert kinds[0] == "start" and kinds[-1] == "match" and set(kinds[1:-1]) == {"step"}
        for state in automaton["states"][1:-1]:
            assert state["takes"] and set(state["conditions"]) <= names
            assert state["called"] and (len(state["called"]) == 1 or state["name"].startswith("step ")), state
        reached = {0}
        for _ in automaton["states"]:
            reached |= {way["to"] for way in automaton["transitions"] if way["from"] in reached}
        assert reached == set(range(len(kinds))), (rule["rule"], reached)
        for way in automaton["transitions"]:
            assert way["kind"] == ("complete" if way["to"] == len(kinds) - 1 else "take")
            assert ("gives" in way) == (way["kind"] == "complete")
            assert ("within_us" in way) == any(end.endswith(" after the step before") for end in way["ended_by"])
        assert set(rule["state"]) == {"lives_us", "kept", "features", "bytes"}
        growth = rule["growth"]
        assert set(growth) == {"kept", "because", "work", "work_most", "bytes", "events_most"}, growth
        assert growth["kept"] in ("nothing", "last_events", "places", "partial_matches", "window")
        assert (growth["kept"] == "partial_matches") == bool(growth["because"])
        assert (growth["work"] == "partial_matches") == (growth["work_most"] == 10_000)
        assert rule["cost"]["events"] and all(cost["tests_shared"] <= cost["tests"] for cost in rule["cost"]["events"])
    assert seen <= set(ASPECTS)
    for name in ASPECTS:
        assert f"`{name}`" in page, name
    one = next(rule for rule in rules if rule["rule"] == "round_trip")
    assert one["state"]["lives_us"] == 2 * 86_400_000_000 and one["cost"]["pass"] == 2
    passed_on = next(rule for rule in rules if rule["rule"] == "passed_on")
    assert passed_on["growth"]["because"] and passed_on["growth"]["work"] == "partial_matches", passed_on["growth"]
    assert passed_on["growth"]["bytes"]["event"] > 24 and passed_on["growth"]["events_most"] == 10_000, passed_on["growth"]
    assert next(rule for rule in rules if rule["rule"] == "passed_on")["shared"]["alert_readers"] == ["round_trip"]


@case
def _():
    """dot: a graph that Graphviz reads, whatever stands in the rules"""
    check_dot(tocsin("explain", str(ROOT / "samples" / "rules"), "--format", "dot").out)
    write("odd.tocsin", RULES.replace('"A large payment"', r'"A \"large\" \\ payment {[<>]}"')
          .replace("amount > 100\n", 'amount > 100 and place != "a\\\\b\\"c" and place matches /x\\/"y\\\\n/\n'))
    done = tocsin("explain", "large", "odd.tocsin", "--format", "dot")
    check_dot(done.out)
    has(done.out, "digraph", "doublecircle", r'\"large\"')
    check_dot(tocsin("explain", str(ROOT / "tests/golden/explain/constructs.tocsin"), "--format", "dot").out)


@case
def _():
    """svg: drawn without any program of the PATH, well-formed whatever the rules hold, always the same bytes"""
    write("rules.tocsin", RULES.replace('"A large payment"', '"</svg><script>alert(1)</script> & \u202ex"')
          .replace("amount > 100\n", 'amount > 100 and place != "]]>&lt;"\n'))
    os.mkdir("empty")
    here = {**os.environ, "PATH": str(pathlib.Path("empty").resolve())}

    def picture(*arguments):
        done = subprocess.run([BINARY, "explain", *arguments, "--format", "svg"], capture_output=True, text=True,
                              timeout=LIMIT_S, env=here, check=False)
        assert done.returncode == 0 and done.stderr == "", done
        return done.stdout

    text = picture("rules.tocsin")
    document = xml.dom.minidom.parseString(text).documentElement
    assert document.tagName == "svg" and {"title", "desc", "style"} <= {one.nodeName for one in document.childNodes}
    assert not document.getElementsByTagName("script") and "\u202e" not in text
    has(text, "prefers-color-scheme: dark", "&lt;/svg&gt;&lt;script&gt;", "]]&gt;&amp;lt;", ">start</text>", ">match</text>")
    assert picture("rules.tocsin") == text
    assert picture("rules.tocsin", "--output", "out.svg") == "" and read("out.svg") == text
    one = picture("unconfirmed", "rules.tocsin")
    assert ">unconfirmed</text>" in one and ">large</text>" not in one
    every = str(ROOT / "tests/golden/explain/constructs.tocsin")
    drawn = xml.dom.minidom.parseString(picture(every)).getElementsByTagName("rect")
    states = [len(rule["automaton"]["states"]) for rule in objects(tocsin("explain", every, "--format", "json").out)]
    assert len(drawn) == 1 + sum(states), (len(drawn), states)


run_cases()
