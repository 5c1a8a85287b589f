#!/usr/bin/env python3
"""`tocsin test`: the tests that stand in rule files, and what a failed one shows.

    embedded_tests.py TOCSIN_BINARY [TEXT]
"""
import json
import os
import re
import xml.etree.ElementTree

from harness import RULES, case, has, run_cases, tocsin, write

PASSING = """
test large "above the limit" {
  0s  payment { card: "c1", amount: 100.00 }
  5s  payment { card: "c1", amount: 100.01 }
  expect alert at 5s { card: "c1", amount: 100.01, severity: high, score: 0, message: "100.01 on card c1" }
}
test large "at the limit" {
  0s  payment { card: "c1", amount: 100.00 }
  expect no alert
}
"""


def last_line(done):
    return done.out.splitlines()[-1]


@case
def _():
    """test: passing tests end with their number and exit code 0"""
    write("rules.tocsin", RULES + PASSING)
    done = tocsin("test", "rules.tocsin")
    assert done.out == "2 passed, 0 failed\n", done


@case
def _():
    """test: a file without tests is 0 passed, 0 failed, exit code 0"""
    write("rules.tocsin", RULES)
    assert tocsin("test", "rules.tocsin").out == "0 passed, 0 failed\n"


@case
def _():
    """test: a failed one shows its place, what differs, the events, what was expected and what came; exit code 1"""
    write("rules.tocsin", RULES + PASSING.replace("amount: 100.01, severity", "amount: 100.02, severity"))
    done = tocsin("test", "rules.tocsin", code=1)
    assert last_line(done) == "1 passed, 1 failed"
    line = 1 + (RULES + PASSING).count("\n", 0, (RULES + PASSING).index("test large"))
    has(done.out, f'failed: rules.tocsin:{line}: large "above the limit"\n',
        "  alert 1: `amount` is 100.01, not 100.02\n",
        "  events, from 2026-01-01T00:00:00Z\n"
        '    0s  payment { card: "c1", amount: 100.00 }\n'
        '    5s  payment { card: "c1", amount: 100.01 }\n',
        '  expected\n    alert at 5s { card: "c1", amount: 100.02, ',
        '  came\n    alert at 5s { card: "c1", amount: 100.01 (not 100.02), severity: high, '
        'message: "100.01 on card c1" }\n')


@case
def _():
    """test: missing and surplus alerts are told"""
    write("rules.tocsin", RULES + """
test large "missing" { 0s payment { card: "c1", amount: 1.00 } expect alert }
test large "surplus" { 0s payment { card: "c1", amount: 200.00 } expect no alert }
test large "too few" { 0s payment { card: "c1", amount: 200.00 } expect alert 3 times }
test large "elsewhere" { 0s payment { card: "c1", amount: 200.00 } expect alert at 1s { card: "c2" } }
""")
    done = tocsin("test", "rules.tocsin", code=1)
    assert last_line(done) == "0 passed, 4 failed"
    has(done.out, "no alert came, 1 expected", "1 alert came, none expected", "1 alert came, 3 expected",
        "alert 1 came at 0s, not at 1s", 'alert 1: `card` is "c1", not "c2"', "    alert 3 times\n")


@case
def _():
    """test: time ends at the newest event or at `until`, inclusive; what is due by then is decided"""
    write("rules.tocsin", RULES + """
test unconfirmed "not yet" { 0s payment { card: "c1", amount: 2000.00 } expect no alert }
test unconfirmed "not quite" { 0s payment { card: "c1", amount: 2000.00 } until 299999ms expect no alert }
test unconfirmed "at the deadline" { 0s payment { card: "c1", amount: 2000.00 } until 5m expect alert at 5m }
test unconfirmed "another card's event moves time" {
  0s payment { card: "c1", amount: 2000.00 }
  6m payment { card: "c2", amount: 1.00 }
  expect alert at 5m { card: "c1" }
}
test unconfirmed "confirmed" {
  0s payment { card: "c1", amount: 2000.00 }
  299999ms confirmation { card: "c1" }
  until 1h
  expect no alert
}
test unconfirmed "too late" {
  0s payment { card: "c1", amount: 2000.00 }
  5m confirmation { card: "c1" }
  until 1h
  expect alert at 5m
}
""")
    assert tocsin("test", "rules.tocsin").out == "6 passed, 0 failed\n"


@case
def _():
    """test: events out of order wait as long as their types say, and later ones are dropped and told"""
    rules = RULES.replace("ts: time, id: string id, card: string, amount",
                          "ts: time up to 10s late, id: string id, card: string, amount")
    write("rules.tocsin", rules + """
test large "waits" {
  20s payment { card: "c1", amount: 1.00 }
  10s payment { card: "c1", amount: 200.00 }
  expect alert at 10s
}
test large "does not wait for ever" {
  20s payment { card: "c1", amount: 1.00 }
  9s  payment { card: "c1", amount: 200.00 }
  expect alert at 9s
}
""")
    done = tocsin("test", "rules.tocsin", code=1)
    assert last_line(done) == "1 passed, 1 failed"
    has(done.out, '"does not wait for ever"', "  the payment at 9s came too late, by 1s, and was dropped\n")


@case
def _():
    """test: all rules of the file run, the alerts of one are compared"""
    write("rules.tocsin", RULES + """
test large "both rules alert" {
  0s payment { card: "c1", amount: 2000.00 }
  until 5m
  expect alert at 0s { amount: 2000.00 }
}
""")
    assert tocsin("test", "rules.tocsin").out == "1 passed, 0 failed\n"


@case
def _():
    """test: --filter takes tests by their title or rule"""
    write("rules.tocsin", RULES + PASSING + 'test unconfirmed "none" { expect no alert }\n')
    assert tocsin("test", "rules.tocsin", "--filter", "at the").out == "1 passed, 0 failed\n"
    assert tocsin("test", "rules.tocsin", "--filter", "unconfirmed").out == "1 passed, 0 failed\n"
    done = tocsin("test", "rules.tocsin", "--filter", "large a*", "--filter", "none")
    assert done.out == "3 passed, 0 failed\n" and done.err == "", done
    done = tocsin("test", "rules.tocsin", "--filter", "large*limit", "--filter", "nobody")
    assert done.out == "2 passed, 0 failed\n", done
    assert done.err == "no test's rule and title match `nobody`\n1 test skipped by --filter\n", done
    done = tocsin("test", "rules.tocsin", "--filter", "nothing at all", code=2)
    assert done.err == "tocsin: no test's rule and title match `nothing at all`; --list shows all tests\n", done


@case
def _():
    """test: --list names the tests and runs none"""
    write("rules.tocsin", RULES + 'test large "fails" { expect alert }\n')
    line = RULES.count("\n") + 1
    done = tocsin("test", "rules.tocsin", "--list")
    assert done.out == f'rules.tocsin:{line}: large "fails"\n' and done.err == "1 test\n", done
    listed = json.loads(tocsin("test", "rules.tocsin", "--list", "--format", "json").out)
    assert listed == {"file": "rules.tocsin", "line": line, "rule": "large", "title": "fails"}
    assert "leave --junit out" in tocsin("test", "rules.tocsin", "--list", "--junit", "x.xml", code=2).err


@case
def _():
    """test: --fail-fast stops at the first failure, in later files too, and counts what did not run"""
    failing = 'test large "fails" { expect alert }\n'
    write("rules/a.tocsin", RULES + PASSING + failing + failing)
    write("rules/b.tocsin", RULES + PASSING)
    done = tocsin("test", "rules", "--fail-fast", code=1)
    assert last_line(done) == "2 passed, 1 failed"
    assert done.err == "3 tests not run after the failure\n", done


@case
def _():
    """test: --verbose names every test with its time, and says how long all took"""
    write("rules.tocsin", RULES + PASSING)
    done = tocsin("test", "rules.tocsin", "-v")
    assert re.fullmatch(r'passed: rules.tocsin:\d+: large "above the limit" \(\d+\.\d ms\)\n'
                        r'passed: rules.tocsin:\d+: large "at the limit" \(\d+\.\d ms\)\n'
                        r'2 tests in [\d.]+ s\n2 passed, 0 failed\n', done.out), done


@case
def _():
    """test: --format json is an object for each test and one for all"""
    write("rules/a.tocsin", RULES + PASSING + 'test large "fails" { expect alert }\n')
    write("rules/b.tocsin", RULES.replace("amount > 100\n", "amuont > 100\n"))
    done = tocsin("test", "rules", "--format", "json", code=1)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line.get("outcome") for line in lines] == ["passed", "passed", "failed", "error", None], lines
    assert lines[2]["rule"] == "large" and lines[2]["title"] == "fails"
    assert lines[2]["difference"] == "no alert came, 1 expected"
    assert "amuont" in lines[3]["text"]
    assert (lines[4]["passed"], lines[4]["failed"], lines[4]["left_out"]) == (2, 2, 0)


@case
def _():
    """test: --junit writes XML that a parser reads, whatever titles and values hold"""
    write("rules/a.tocsin", RULES + PASSING + r"""
test large "a <b> & \"c\" \u0001 ]]>" {
  0s payment { card: "\u0002<card>&", amount: 1.00 }
  expect alert { message: "\u0003" }
}
""")
    write("rules/b.tocsin", RULES.replace("amount > 100\n", "amuont > 100\n"))
    done = tocsin("test", "rules", "--junit", "tests.xml", code=1)
    assert last_line(done) == "2 passed, 2 failed"
    root = xml.etree.ElementTree.parse("tests.xml").getroot()
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "1", "1")
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["rules/a.tocsin", "rules/b.tocsin"]
    cases = suites[0].findall("testcase")
    assert [test.get("name") for test in cases] == ["above the limit", "at the limit", 'a <b> & "c" \ufffd ]]>']
    assert all(test.get("classname") == "large" and float(test.get("time")) >= 0 for test in cases)
    assert cases[0].get("file") == "rules/a.tocsin" and int(cases[0].get("line")) > 1
    failure = cases[2].find("failure")
    assert failure.get("message") == "no alert came, 1 expected"
    assert "events, from" in failure.text and "\n" in failure.text
    error = suites[1].find("testcase/error")
    assert "amuont" in error.text and error.get("message") == "the rules do not check"
    assert tocsin("test", "rules/a.tocsin", "--junit", "rules/../rules/a.tocsin", code=2).err == \
        "tocsin: --junit would overwrite a rule file: rules/../rules/a.tocsin\n"
    tocsin("test", "rules/a.tocsin", "--filter", "large a*e*", "--junit", "no/such/folder.xml", code=3)


@case
def _():
    """test: folders; each file runs alone, and tests of used files do not run again"""
    write("rules/base.tocsin", RULES + PASSING)
    write("rules/more/small.tocsin", 'use "../base.tocsin"\n'
          'rule small "Small" { by card when payment where amount < 2 alert "small" }\n'
          'test small "one" { 0s payment { card: "c1", amount: 1.00 } expect alert }\n')
    write("rules/notes.txt", "not a rule file")
    assert tocsin("test", "rules").out == "3 passed, 0 failed\n"
    assert tocsin("test", "rules/more").out == "1 passed, 0 failed\n"


@case
def _():
    """test: a file that does not check is one failure, and the others run"""
    write("rules/a.tocsin", RULES.replace("amount > 100\n", "amuont > 100\n"))
    write("rules/b.tocsin", RULES + PASSING)
    done = tocsin("test", "rules", code=1)
    has(done.err, "rules/a.tocsin:7:", "amuont")
    has(done.out, "failed: rules/a.tocsin: the rules have errors\n")
    assert last_line(done) == "2 passed, 1 failed"
    os.remove("rules/b.tocsin")
    assert last_line(tocsin("test", "rules", code=1)) == "0 passed, 1 failed"


@case
def _():
    """test: drafts are not run, and it is said"""
    write("rules.tocsin", RULES.replace('"A large payment" {\n', '"A large payment" {\n  status draft\n') + PASSING)
    done = tocsin("test", "rules.tocsin")
    assert done.err.count("is a draft: this test does not run") == 2, done
    assert last_line(done) == "0 passed, 0 failed"


@case
def _():
    """test: values of every type reach the rule as written"""
    write("rules.tocsin", """
event sample {
  at: time key,
  id: string id,
  name: string?,
  flag: bool?,
  count: int?,
  ratio: float? from "deep.ratio",
  price: decimal(3)? from "deep.price",
  seen: time?,
  day: date?,
  colour: enum(red, "dark blue")?,
}
rule any_sample "Any" {
  by name
  when sample as s
  alert "{s.name} {s.flag} {s.count} {s.price} {s.seen} {s.day} {s.colour}" {
    flag: s.flag, count: s.count, ratio: s.ratio, price: s.price, third: s.count / 3, colour: s.colour,
  }
}
test any_sample "all" {
  0s sample { id: "1", name: "a \\"quoted\\" näme", flag: true, count: -9223372036854775807, ratio: 0.1,
              price: 12.345, seen: 2026-03-02T12:00:00Z, day: 2026-03-02, colour: "dark blue" }
  1s sample { id: "2", name: "few", count: 1, ratio: 2.5 }
  expect alert at 0s {
    name: "a \\"quoted\\" näme", flag: true, count: -9223372036854775807, ratio: 0.1, price: 12.345, colour: "dark blue",
    message: "a \\"quoted\\" näme true -9223372036854775807 12.345 2026-03-02T12:00:00Z 2026-03-02 dark blue",
  }
  expect alert at 1s { count: 1, ratio: 2.5, third: 0.333333333 }
}
""")
    assert tocsin("test", "rules.tocsin").out == "1 passed, 0 failed\n"


run_cases()
