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
