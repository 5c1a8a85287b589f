"""`tocsin lsp`: the lenses above rules and tests."""
import os
import pathlib

from harness import BINARY, case, run_cases, write
from lsp_client import LspClient, uri_of

TESTED = ('event e { ts: time, id: string id, card: string, x: int }\nrule r "R" { by card when e where x > 5 alert "m" }\n'
          + "".join(f'test r "{title}" {{\n  starting 2026-01-01T00:00:00Z\n  0s e {{ id: "1", card: "c", x: {x} }}\n  expect alert\n}}\n'
                    for title, x in (("nine", 9), ("one", 1), ("eight", 8))))


def titles_of(client, uri):
    return [lens["command"]["title"] for lens in client.request("textDocument/codeLens", textDocument={"uri": uri})]


@case
def _():
    """a rule's lens says how many of its tests pass once all of them ran, for as long as the texts are those; an undo brings it back"""
    pathlib.Path("schema.tocsin").write_text(TESTED.split("\n", 1)[0] + "\n", encoding="utf-8")
    text = 'use "schema.tocsin"\n' + TESTED.split("\n", 1)[1]
    client = LspClient(BINARY, root=".", workspace={"codeLens": {"refreshSupport": True}})
    uri = client.open("r.tocsin", text)
    plain = ["run all 3 tests", "explain", "run test", "run test", "run test"]
    assert titles_of(client, uri) == plain
    told = [plain[0], "2 of 3 tests pass", *plain[1:]]
    for title, lenses in (("nine", plain), ("one", plain), ("eight", told)):
        client.request("tocsin/runTests", uri=uri, title=title)
        assert titles_of(client, uri) == lenses, title
    assert [each["method"] for each in client.requested] == ["workspace/codeLens/refresh"] * 3
    assert len({each["id"] for each in client.requested}) == 3
    assert next(lens for lens in client.request("textDocument/codeLens", textDocument={"uri": uri})
                if lens["command"]["title"] == told[1])["command"]["arguments"] == [{"uri": uri, "rule": "r"}]
    client.change(uri, 2, {"text": text.replace("x > 5", "x > 0")})
    assert titles_of(client, uri) == plain
    client.change(uri, 3, {"text": text})
    assert titles_of(client, uri) == told
    # Another file of the set, which they read; then one that they do not read.
    schema = client.open("schema.tocsin", TESTED.split("\n", 1)[0] + "\n# more\n")
    assert titles_of(client, uri) == plain
    client.change(schema, 2, {"text": TESTED.split("\n", 1)[0] + "\n"})
    client.open("other.tocsin", "const nothing = 1\n")
    client.notify("textDocument/didSave", textDocument={"uri": uri})
    assert titles_of(client, uri) == told
    client.change(uri, 4, {"text": text.replace("x > 5", "x > 0")})
    client.request("tocsin/runTests", uri=uri, rule="r")
    assert titles_of(client, uri)[1] == "3 of 3 tests pass"
    # A list or a table may be another, which no text says.
    client.notify("workspace/didChangeWatchedFiles", changes=[{"uri": uri_of("known.csv"), "type": 2}])
    assert titles_of(client, uri) == plain
    assert client.end() == 0


@case
def _():
    """tests that passed run again only where their rule, what it reads, or they themselves changed; one that fails runs each time"""
    def rule(n, more=""):
        tests = "".join(f'test r{n} "{title}" {{\n  0s e {{ x: {x} }}\n  expect {what}\n}}\n' for title, x, what in
                        (("more", 100 + n, 'alert { message: "m" }' if n == 7 else "alert"), ("less", n, "no alert")))
        return f'rule r{n} "R {n}" {{\n  by card\n  when e where x > {n}{more}\n  alert "m"\n}}\n{tests}'
    head = ('event e { ts: time, id: string id, card: string, x: int }\ndefaults e { id: "1", card: "c" }\nlist some : int = [1]\n'
            "feature total = sum(x of e) by card over last 1h\n")
    rules = [rule(n, " and total > 0" if n in (3, 4) else " and x not in some" if n == 5 else "") for n in range(50)]
    client = LspClient(BINARY)
    uri = client.open("untitled:many.tocsin", head + "".join(rules))
    version = 1

    def ran(text, **of):
        nonlocal version
        version += 1
        client.change(uri, version, {"text": text})
        answer = client.request("tocsin/runTests", uri=uri, **of)
        lines = text.split("\n")
        for test in answer["tests"]:
            assert lines[test["line"]].startswith(f'test {test["rule"]} "{test["title"]}"'), test
        return answer["ran"], answer["passed"], answer["failed"]

    def with_rules(change, text=head):
        return text + "".join(change.get(n, written) for n, written in enumerate(rules))

    whole = with_rules({})
    assert ran(whole, rule="r3") == (2, 2, 0) and ran(whole) == (98, 100, 0) and ran(whole) == (0, 100, 0)
    # Where it stands, how it is laid out, and another rule are nothing to a test; nor what it is called.
    assert ran("# more\n\n" + whole.replace("x > 9\n", "x   > 9 # so\n")) == (0, 100, 0)
    assert ran(with_rules({7: rules[7].replace('"more"', '"much more"')})) == (0, 100, 0)
    assert ran(with_rules({8: rule(8, " and x < 1000")})) == (2, 100, 0)
    assert ran(whole) == (0, 100, 0), "as it was: known still"
    # A message, what rules read, and what tests read.
    assert ran(with_rules({6: rules[6].replace('alert "m"', 'alert "n"')})) == (2, 100, 0)
    assert ran(with_rules({}, head.replace("last 1h", "last 2h"))) == (4, 100, 0)
    assert ran(with_rules({}, head.replace("= [1]", "= [2]"))) == (2, 100, 0)
    assert ran(with_rules({}, head.replace('card: "c"', 'card: "d"'))) == (100, 100, 0)
    other = with_rules({7: rules[7].replace('message: "m"', 'message: "n"')})
    assert ran(other) == (1, 99, 1) and ran(other) == (1, 99, 1), "one that fails runs again"
    assert ran(with_rules({9: rules[9].replace("x: 109", "x: 110")})) == (1, 100, 0)
    assert ran(with_rules({9: rules[9].replace("x > 9", "x > 90000")})) == (2, 99, 1)
    assert client.end() == 0


@case
def _():
    """a client that does not take requests about lenses is sent none"""
    client = LspClient(BINARY)
    uri = client.open("untitled:t.tocsin", TESTED.split("test r", 2)[0] + "test r" + TESTED.split("test r", 2)[1])
    client.request("tocsin/runTests", uri=uri)
    assert titles_of(client, uri)[:2] == ["run test", "1 of 1 test passes"] and client.requested == []
    assert client.end() == 0


@case
def _():
    """a lens that backtests is for a client that says it runs the command; it has the folder of the rules, and none without a file"""
    def lenses(uri, **more):
        client = LspClient(BINARY, root=".", start=False)
        client.request("initialize", processId=os.getpid(), rootUri=uri_of("."), capabilities={}, **more)
        client.notify("initialized")
        client.open(uri, 'event e { ts: time, k: string }\nrule r "R" {\n  by k\n  when e\n  alert "x"\n}\n')
        commands = [lens["command"] for lens in client.request("textDocument/codeLens", textDocument={"uri": uri})]
        assert client.end() == 0
        return [command for command in commands if command["command"] == "tocsin.backtest"]
    uri = uri_of("backtested/r.tocsin")
    write("backtested/r.tocsin", "")
    assert not lenses(uri)
    for options in (None, 5, {"commands": 5}, {"commands": ["tocsin.other"]}):
        assert not lenses(uri, initializationOptions=options), options
    (command,) = lenses(uri, initializationOptions={"commands": ["tocsin.backtest"]})
    assert command["title"] == "backtest"
    assert command["arguments"] == [{"uri": uri, "rule": "r", "rules": str(pathlib.Path("backtested").absolute())}]
    assert not lenses("untitled:one", initializationOptions={"commands": ["tocsin.backtest"]})


run_cases()
