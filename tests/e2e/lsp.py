"""`tocsin lsp`: the protocol, each request, and random edits that leave it as a fresh server would be."""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

from harness import BINARY, HAS_SANITIZER, ROOT, case, run_cases
from lsp_client import LspClient, LspError, uri_of

sys.path.insert(0, str(ROOT / "bench"))
import editor  # noqa: E402

SAMPLES = ROOT / "samples/rules"
SEED = int(os.environ.get("TOCSIN_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
EDITS = int(os.environ.get("TOCSIN_CASES_LSP_EDITS", "120"))


class Texts:
    """A text with lines, in UTF-16 as the protocol counts by default."""

    def __init__(self, text):
        self.text = text

    def place(self, index):
        line = self.text.count("\n", 0, index)
        begin = self.text.rfind("\n", 0, index) + 1
        return {"line": line, "character": len(self.text[begin:index].encode("utf-16-le")) // 2}

    def at(self, needle, offset=0, occurrence=1):
        index = -1
        for _ in range(occurrence):
            index = self.text.index(needle, index + 1)
        return self.place(index + offset)

    def piece(self, span):
        lines = self.text.split("\n")
        start, end = span["start"], span["end"]
        assert start["line"] == end["line"]
        return lines[start["line"]].encode("utf-16-le")[2 * start["character"]:2 * end["character"]].decode("utf-16-le")


def pack():
    """A copy of the sample rules, with cards.tocsin open: the client, the document, its texts."""
    shutil.copytree(SAMPLES, "rules")
    client = LspClient(BINARY, root=".")
    text = pathlib.Path("rules/cards.tocsin").read_text(encoding="utf-8")
    return client, client.open("rules/cards.tocsin", text), Texts(text)


def refused(code, function, *args, **params):
    try:
        function(*args, **params)
    except LspError as error:
        assert error.code == code, error
        return error.message
    raise AssertionError("not refused")


@case
def _():
    """a life: nothing before initialize, an unknown request, nothing after shutdown, and the exit code"""
    client = LspClient(BINARY, start=False)
    refused(-32002, client.request, "textDocument/hover")
    result = client.request("initialize", processId=None, rootUri=None, capabilities={})
    assert result["capabilities"]["positionEncoding"] == "utf-16" and result["serverInfo"]["name"] == "tocsin"
    refused(-32600, client.request, "initialize", processId=None, rootUri=None, capabilities={})
    refused(-32601, client.request, "textDocument/nothing")
    client.notify("$/unknown")
    refused(-32602, client.request, "textDocument/hover", textDocument={"uri": "file:///nowhere.tocsin"}, position={})
    refused(-32602, client.request, "textDocument/hover", textDocument=7)
    client.request("shutdown")
    refused(-32600, client.request, "textDocument/hover")
    client.notify("exit")
    assert client.wait() == 0
    client = LspClient(BINARY)
    client.notify("exit")
    assert client.wait() == 1
    client = LspClient(BINARY)
    assert client.wait() == 1  # the input ends


@case
def _():
    """frames that are none end the process with code 1, and standard error says why"""
    for raw, why in ((b"Content-Length: x\r\n\r\n{}", "Content-Length"), (b"Content-Length: 5\r\n\r\nhello", "no object"),
                     (b"Content-Length: 99999999999\r\n\r\n", "at most"), (b"x" * 5000, "without a head"),
                     (b"Content-Length: 50\r\n\r\n{", "ends in a message")):
        client = LspClient(BINARY)
        client.write(raw)
        client.process.stdin.close()
        assert client.process.wait(timeout=60) == 1, raw
        assert why in client.process.stderr.read().decode(), raw


@case
def _():
    """a request that was cancelled while it waited is not answered with its result"""
    client, uri, texts = pack()
    slow = client.begin("textDocument/hover", textDocument={"uri": uri}, position=texts.at("small_declines"))
    cancelled = client.begin("textDocument/documentSymbol", textDocument={"uri": uri})
    client.notify("$/cancelRequest", id=cancelled)
    time.sleep(0.3)
    client.finish(slow)
    try:
        client.finish(cancelled)  # it may have been read before the wish came
    except LspError as error:
        assert error.code == -32800
    assert client.end() == 0


@case
def _():
    """a cancelled request behind a slow one is refused, as both wait when the wish comes"""
    client, uri, texts = pack()
    messages = []
    for number, method in ((901, "textDocument/hover"), (902, "textDocument/documentSymbol")):
        messages.append({"id": number, "method": method,
                         "params": {"textDocument": {"uri": uri}, "position": texts.at("small_declines")}})
    messages.append({"method": "$/cancelRequest", "params": {"id": 902}})
    import json
    raw = b""
    for message in messages:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        raw += b"Content-Length: %d\r\n\r\n" % len(body) + body
    client.write(raw)
    assert client.finish(901)
    refused(-32800, client.finish, 902)
    assert client.end() == 0


@case
def _():
    """diagnostics come when it is quiet, change with the text, and go; other files of the set have theirs"""
    client, uri, texts = pack()
    assert client.wait_for_diagnostics(uri) == []
    begin = texts.at("small_declines >= 4")
    client.change(uri, 2, {"range": {"start": begin, "end": {**begin, "character": begin["character"] + 5}}, "text": "smoll"})
    (mistake,) = client.wait_for_diagnostics(uri)
    assert mistake["code"] == "E0201" and mistake["severity"] == 1 and mistake["source"] == "tocsin"
    assert mistake["codeDescription"] == {"href": (ROOT / "docs/errors/E0201.md").as_uri()}
    assert mistake["range"]["start"] == begin and client.published[-1]["version"] == 2
    pulled = client.request("textDocument/diagnostic", textDocument={"uri": uri})
    assert pulled["items"] == [mistake]
    actions = client.request("textDocument/codeAction", textDocument={"uri": uri}, range=mistake["range"], context={"diagnostics": [mistake]})
    fix = next(action for action in actions if action.get("isPreferred"))
    (edit,) = fix["edit"]["changes"][uri]
    client.change(uri, 3, {"range": edit["range"], "text": edit["newText"]})
    assert client.wait_for_diagnostics(uri) == []
    all_fixes = client.request("textDocument/codeAction", textDocument={"uri": uri}, range=mistake["range"],
                               context={"diagnostics": [], "only": ["source.fixAll"]})
    assert all_fixes == []
    # A file of the set that is not open.
    schema = pathlib.Path("rules/schema.tocsin")
    schema.write_text(schema.read_text(encoding="utf-8").replace("event auth {", "event auth_ {"), encoding="utf-8")
    client.notify("workspace/didChangeWatchedFiles", changes=[{"uri": uri_of(schema), "type": 2}])
    assert any(each["code"] == "E0202" for each in client.wait_for_diagnostics(uri))
    assert client.end() == 0


@case
def _():
    """a diagnostic leads to its page, of an installed program to the one installed with it; without pages it leads nowhere"""
    pathlib.Path("new/a b/bin").mkdir(parents=True)
    program = pathlib.Path("new/a b/bin/tocsin").absolute()
    shutil.copy(BINARY, program)
    pages = program.parents[1] / "share/doc/tocsin/errors"
    for names in ((), ("E0202",)):
        for name in names:
            pages.mkdir(parents=True)
            shutil.copy(ROOT / f"docs/errors/{name}.md", pages)
        client = LspClient(program)
        uri = client.open("untitled:t.tocsin", 'event e { ts: time, x: int }\nrule r "R" { when e where y > 1 }\nrule s "S" { when nothing }\n')
        found = {each["code"]: each.get("codeDescription") for each in client.wait_for_diagnostics(uri)}
        assert found["E0201"] is None
        assert found["E0202"] == ({"href": (pages / "E0202.md").as_uri()} if names else None), found
        assert client.end() == 0


@case
def _():
    """an emoji before a mistake: columns are those of the encoding that was agreed on"""
    text = 'event e { ts: time, card: string }\nrule r "\U0001F600" { by card when e where crd = "\U0001F600" and nothing = 1 }\n'
    for encodings, size in ((None, 2), (["utf-16"], 2), (["utf-8", "utf-16"], 4), (["utf-32"], 1)):
        client = LspClient(BINARY, encodings=encodings)
        uri = client.open("untitled:one", text)
        places = sorted(each["range"]["start"]["character"] for each in client.wait_for_diagnostics(uri))
        line = text.split("\n")[1]
        first, second = line.index("crd"), line.index("nothing")
        assert places == [first - 1 + size, second - 2 + 2 * size], (encodings, places)
        assert client.end() == 0


@case
def _():
    """diagnostics are sent; that they can be asked for is said to a client that takes none, as others would show each twice"""
    for document, may_ask in (({}, False), ({"publishDiagnostics": {}}, False), ({"diagnostic": {}, "publishDiagnostics": {}}, False),
                              ({"diagnostic": {}}, True)):
        client = LspClient(BINARY, start=False)
        told = client.request("initialize", processId=None, rootUri=None, capabilities={"textDocument": document})["capabilities"]
        assert ("diagnosticProvider" in told) == may_ask, (document, told)
        assert client.request("shutdown") is None
        client.notify("exit")
        assert client.wait() == 0


@case
def _():
    """hover, definition, references, highlights and rename go through all files of the set"""
    client, uri, texts = pack()
    document = {"uri": uri}
    hover = client.request("textDocument/hover", textDocument=document, position=texts.at("card_testing_on_device", 3))
    assert "What has to happen" in hover["contents"]["value"] and texts.piece(hover["range"]) == "card_testing_on_device"
    assert client.request("textDocument/hover", textDocument=document, position=texts.at("# Cards", 3)) is None
    (where,) = client.request("textDocument/definition", textDocument=document, position=texts.at("status = declined", 2))
    assert where["uri"] == uri_of("rules/schema.tocsin")
    (used,) = client.request("textDocument/definition", textDocument=document, position=texts.at("schema.tocsin", 2))
    assert used["uri"] == uri_of("rules/schema.tocsin")
    uses = client.request("textDocument/references", textDocument=document, position=texts.at("small_declines"),
                          context={"includeDeclaration": True})
    assert len(uses) == 3 and all(texts.piece(use["range"]) == "small_declines" for use in uses)
    marks = client.request("textDocument/documentHighlight", textDocument=document, position=texts.at("small_declines"))
    assert [mark["range"] for mark in marks] == [use["range"] for use in uses]
    prepared = client.request("textDocument/prepareRename", textDocument=document, position=texts.at("small_declines"))
    assert prepared["placeholder"] == "small_declines"
    refused(-32803, client.request, "textDocument/prepareRename", textDocument=document, position=texts.at("severity high"))
    refused(-32803, client.request, "textDocument/rename", textDocument=document, position=texts.at("small_declines"), newName="cards_tried")
    edits = client.request("textDocument/rename", textDocument=document, position=texts.at("status = declined"), newName="state")["changes"]
    assert len(edits) > 1 and uri_of("rules/schema.tocsin") in edits
    assert client.end() == 0


@case
def _():
    """completion, symbols, folds, selections, hints, lenses, format"""
    client, uri, texts = pack()
    document = {"uri": uri}
    items = client.request("textDocument/completion", textDocument=document, position=texts.at("small_declines >= 4", 5))["items"]
    chosen = next(item for item in items if item["label"] == "small_declines")
    assert texts.piece(chosen["textEdit"]["range"]) == "small" and chosen["detail"].startswith("small_declines")
    symbols = client.request("textDocument/documentSymbol", textDocument=document)
    rule = next(symbol for symbol in symbols if symbol["name"] == "card_testing_on_device")
    assert texts.piece(rule["selectionRange"]) == rule["name"]
    found = client.request("workspace/symbol", query="small_decl")
    assert {each["name"] for each in found} == {"small_decline", "small_declines"}
    assert client.request("textDocument/foldingRange", textDocument=document)
    (selection,) = client.request("textDocument/selectionRange", textDocument=document, positions=[texts.at("small_declines >= 4")])
    assert texts.piece(selection["range"]) == "small_declines" and selection["parent"]["parent"]
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
    hints = client.request("textDocument/inlayHint", textDocument=document, range=whole)
    assert any(hint["label"] == ": string" for hint in hints)
    window = next(hint for hint in hints if hint["label"].startswith("from the first "))
    assert window["paddingLeft"] and "within " in texts.text.split("\n")[window["position"]["line"]], window
    lenses = client.request("textDocument/codeLens", textDocument=document)
    run = next(lens["command"] for lens in lenses if lens["command"]["command"] == "tocsin.runTests")
    result = client.request("workspace/executeCommand", command=run["command"], arguments=run["arguments"])
    assert result["failed"] == 0 and result["passed"] == 2 and "2 of 2 tests passed" in client.shown[-1]["message"]
    refused(-32803, client.request, "workspace/executeCommand", command="nothing", arguments=[{}])
    explained = client.request("tocsin/explain", uri=uri, rule="FR-001")
    assert "What has to happen" in explained["text"] and explained["explanation"]["automaton"]
    assert explained["svg"].startswith("<svg ") and client.request("tocsin/automaton", uri=uri, rule="FR-001") == explained
    # Format: nothing to do; then a line to do, and with it the file as it was.
    assert client.request("textDocument/formatting", textDocument=document, options={}) == []
    client.change(uri, 2, {"range": {"start": texts.at("  by device"), "end": texts.at("  by device", 2)}, "text": "       "})
    (edit,) = client.request("textDocument/formatting", textDocument=document, options={})
    assert edit["newText"] == "  by device\n"
    client.change(uri, 3, {"text": "event e { ts: time, x: int }\nrule r \"R\" { when e where min(1, }\n"})
    assert client.request("textDocument/formatting", textDocument=document, options={}) == []
    assert client.end() == 0


@case
def _():
    """signature help: its triggers, in a text with mistakes and in a message; parameters by their text, or by UTF-16 places"""
    text = ('event e { ts: time, x: int, t: string }\nrule r "😀" { when e where min(1, \n'
            'rule s "S" { when e where concat(t, t, t,  alert "😀 {abs(x}"\n')
    texts = Texts(text)
    offsets = {"signatureInformation": {"parameterInformation": {"labelOffsetSupport": True}}}
    for wanted, labels in (({}, ["a", "b", "…"]), (offsets, [[7, 8], [10, 11], [13, 14]])):
        client = LspClient(BINARY, start=False)
        told = client.request("initialize", processId=None, rootUri=None, capabilities={"textDocument": {"signatureHelp": wanted}})
        assert told["capabilities"]["signatureHelpProvider"]["triggerCharacters"] == ["(", ","]
        document = {"uri": client.open("untitled:t.tocsin", text)}

        def help_at(needle, offset, client=client, document=document):
            return client.request("textDocument/signatureHelp", textDocument=document, position=texts.at(needle, offset))
        found = help_at("concat(", 16)
        (only,) = found["signatures"]
        assert only["label"] == "concat(a, b, …)" and only["documentation"] == "The texts joined."
        assert [each["label"] for each in only["parameters"]] == labels and found["activeParameter"] == only["activeParameter"] == 2
        both = help_at("min(1, ", 7)
        assert [each["label"] for each in both["signatures"]] == ["min(x of KINDS)", "min(a, b, …)"], both
        assert both["activeSignature"] == 1 and both["activeParameter"] == 1
        assert help_at("{abs(x}", 6)["signatures"][0]["label"] == "abs(x)"
        assert help_at("{abs(x}", 1) is None and help_at("when e", 0) is None
        refused(-32602, client.request, "textDocument/signatureHelp", textDocument={"uri": "file:///nowhere.tocsin"}, position={})
        refused(-32602, client.request, "textDocument/signatureHelp", textDocument=document)
        assert client.end() == 0


@case
def _():
    """a test that fails says so, with how far its rule came; rules with errors run no tests"""
    text = ('event e { ts: time, id: string id, card: string, x: int }\nrule r "R" { by card when e where x > 5 alert "m" }\n'
            'test r "too small" {\n  starting 2026-01-01T00:00:00Z\n  0s e { id: "1", card: "c", x: 1 }\n  expect alert\n}\n')
    client = LspClient(BINARY)
    uri = client.open("untitled:t.tocsin", text)
    result = client.request("tocsin/runTests", uri=uri)
    assert result["failed"] == 1 and result["tests"][0]["line"] == 2 and "x > 5" in result["tests"][0]["text"]
    client.change(uri, 2, {"text": text.replace("x > 5", "y > 5")})
    refused(-32803, client.request, "tocsin/runTests", uri=uri)
    assert client.end() == 0


def tokens_of(client, uri):
    return client.request("textDocument/semanticTokens/full", textDocument={"uri": uri})


@case
def _():
    """semantic tokens cover names, words and texts; a delta leads from one answer to the next"""
    client, uri, texts = pack()
    legend = client.initialized["capabilities"]["semanticTokensProvider"]["legend"]["tokenTypes"]
    first = tokens_of(client, uri)
    line = character = 0
    kinds = {}
    for i in range(0, len(first["data"]), 5):
        delta_line, delta_character, length, kind, _modifiers = first["data"][i:i + 5]
        line, character = line + delta_line, (0 if delta_line else character) + delta_character
        piece = texts.piece({"start": {"line": line, "character": character}, "end": {"line": line, "character": character + length}})
        kinds.setdefault(piece, set()).add(legend[kind])
    assert kinds["rule"] == {"keyword"} and kinds["small_decline"] == {"type"} and kinds["declined"] == {"enumMember"}
    assert "macro" in kinds["small_declines"] or kinds["small_declines"] == {"macro"} or kinds["small_declines"] == {"parameter"}
    client.change(uri, 2, {"range": {"start": texts.at("severity high", 9), "end": texts.at("severity high", 13)}, "text": "low"})
    delta = client.request("textDocument/semanticTokens/full/delta", textDocument={"uri": uri}, previousResultId=first["resultId"])
    data = list(first["data"])
    for edit in delta["edits"]:
        data[edit["start"]:edit["start"] + edit["deleteCount"]] = edit["data"]
    assert data == tokens_of(client, uri)["data"] and len(delta["edits"][0]["data"]) < 50
    assert client.end() == 0


@case
def _():
    """random edits: the server is what a fresh one is with the same text"""
    print(f"seed {SEED}")
    choice = random.Random(SEED)
    client, uri, texts = pack()
    text = texts.text
    pieces = ["{", "}", "\n", "where ", "amount", "\U0001F600", "\"", "rule x \"y\" {\n  when auth\n}\n", " ", "`", "#", "small_declines", "/", "é"]
    for version in range(2, 2 + EDITS):
        begin = choice.randrange(len(text) + 1)
        end = min(len(text), begin + choice.choice([0, 0, 1, 5, 40]))
        new = choice.choice(pieces) if choice.random() < 0.7 else ""
        place = Texts(text)
        client.change(uri, version, {"range": {"start": place.place(begin), "end": place.place(end)}, "text": new})
        text = text[:begin] + new + text[end:]
        request = choice.choice(["textDocument/completion", "textDocument/hover", "textDocument/definition", "textDocument/signatureHelp"])
        client.request(request, textDocument={"uri": uri}, position=Texts(text).place(choice.randrange(len(text) + 1)))
        if version % 20 == 0 or version == EDITS + 1:
            fresh = LspClient(BINARY, root=".")
            fresh.open(uri, text)
            for method in ("textDocument/diagnostic", "textDocument/documentSymbol", "textDocument/foldingRange"):
                own, other = (each.request(method, textDocument={"uri": uri}) for each in (client, fresh))
                assert own == other, (SEED, version, method)
            calls = [index + 1 for index, letter in enumerate(text) if letter in "(,"]
            for index in choice.sample(calls, min(5, len(calls))):
                own, other = (each.request("textDocument/signatureHelp", textDocument={"uri": uri}, position=Texts(text).place(index))
                              for each in (client, fresh))
                assert own == other, (SEED, version, index)
            assert tokens_of(client, uri)["data"] == tokens_of(fresh, uri)["data"], (SEED, version)
            assert fresh.end() == 0
    assert client.end() == 0


@case
def _():
    """what a key costs the server grows with the rules in proportion, and is about that of opening them"""
    if HAS_SANITIZER:
        return  # sanitizers take their time
    for last in (False, True):  # the processor may be slow for one of them
        _, few, _, _, _ = editor.measure(BINARY, 100, 8)
        _, many, opening, _, _ = editor.measure(BINARY, 500, 4)
        if many <= 8 * few and many <= 1.5 * opening:
            break
        assert not last, (few, many, opening)


@case
def _():
    """which files are one set: the outermost folder with rule files, from the workspace down"""
    for path, text in (("a/schema.tocsin", "event e { ts: time }\n"), ("a/b/r.tocsin", 'rule r "R" { when e }\n'),
                       ("c/r.tocsin", 'rule r "R" { when e }\n')):
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_text(text, encoding="utf-8")
    client = LspClient(BINARY, root=".")
    for path, mistakes in (("a/b/r.tocsin", 0), ("c/r.tocsin", 1)):
        uri = client.open(path, pathlib.Path(path).read_text(encoding="utf-8"))
        errors = [each for each in client.wait_for_diagnostics(uri) if each["severity"] == 1]
        assert len(errors) == mistakes, (path, errors)
    # A file that is closed again is what is on disk; a folder that goes has no diagnostics left.
    uri = uri_of("c/r.tocsin")
    client.notify("textDocument/didClose", textDocument={"uri": uri})
    assert [each["code"] for each in client.wait_for_diagnostics(uri)] == ["E0202"]
    client.notify("workspace/didChangeWorkspaceFolders", event={"added": [], "removed": [{"uri": uri_of("."), "name": "root"}]})
    errors = client.wait_for_diagnostics(uri_of("a/b/r.tocsin"))
    assert any(each["code"] == "E0202" for each in errors)  # its own folder is its set now
    assert client.end() == 0


@case
def _():
    """it ends by itself when the program that started it is gone"""
    helper = ("import os, subprocess, sys\n"
              "child = subprocess.Popen([sys.argv[1], 'lsp'], stdin=int(sys.argv[2]), stdout=subprocess.DEVNULL)\n"
              "print(child.pid)\n")
    import json
    read, write = os.pipe()
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = subprocess.run([sys.executable, "-c", helper, BINARY, str(read)], pass_fds=[read], stdout=subprocess.PIPE, text=True, check=True)
    child = int(started.stdout)
    os.close(read)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize",
                       "params": {"processId": parent.pid, "rootUri": None, "capabilities": {}}}).encode()
    os.write(write, b"Content-Length: %d\r\n\r\n" % len(body) + body)
    time.sleep(0.5)
    assert os.path.exists(f"/proc/{child}")
    parent.communicate(b"\n")
    end = time.monotonic() + 20
    while os.path.exists(f"/proc/{child}") and "Z" not in pathlib.Path(f"/proc/{child}/stat").read_text().split(")")[1].split()[0]:
        assert time.monotonic() < end, "it goes on"
        time.sleep(0.1)
    os.close(write)


run_cases()
