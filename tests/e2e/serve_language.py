#!/usr/bin/env python3
"""End-to-end cases of what `tocsin serve` says of rules that are not saved: the same as `tocsin fmt`, `test`, `explain` and
`lsp`.

    serve_language.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import pathlib

from harness import BINARY, ROOT, RULES, case, has, run_cases, tocsin, write
from lsp_client import LspClient, LspError, uri_of
from server_process import Server

TESTED = RULES + '''
test large "a large one" {
  0s payment { card: "c", amount: 150.00 }
  expect alert at 0s
}
test large "a small one" {
  0s payment { card: "c", amount: 50.00 }
  expect alert at 0s
}
'''


def ask(server, operation, files, **more):
    return server.ask("POST", f"/v1/rules/{operation}", {"files": files, **more})


@case
def laid_out():
    """texts are laid out as `tocsin fmt` does; one with mistakes is left alone, and says why"""
    untidy = 'rule   r "x"{by card\nwhen payment as p where amount>1 alert "{p.amount}"}\n'
    wrong = "rule {\n"
    write("untidy.tocsin", untidy)
    assert tocsin("fmt", "untidy.tocsin").code == 0
    tidy = pathlib.Path("untidy.tocsin").read_text(encoding="utf-8")
    with Server() as server:
        answer = ask(server, "format", {"a.tocsin": untidy, "b.tocsin": tidy, "c.tocsin": wrong, "d.csv": "x"}).json
        assert answer["files"] == {"a.tocsin": tidy, "b.tocsin": tidy} and answer["changed"] == ["a.tocsin"], answer
        assert {one["file"] for one in answer["diagnostics"]} == {"c.tocsin"}, answer
        plain = server.ask("POST", "/v1/rules/format", untidy, media="text/plain").json
        assert plain["files"] == {"rules.tocsin": tidy} and plain["diagnostics"] == [], plain
        assert ask(server, "format", {"d.csv": "x"}).problem() == "bad-body"


@case
def tests_run():
    """the tests of a text run as `tocsin test` runs them: all, those of a rule, one by its title"""
    write("a.tocsin", TESTED)
    ran = tocsin("test", "--format", "json", "a.tocsin", code=1)
    expected = [json.loads(line) for line in ran.out.splitlines()[:-1]]
    for one in expected:
        one.pop("seconds", None)
    assert [one["outcome"] for one in expected] == ["passed", "failed"], ran.out
    with Server() as server:
        answer = ask(server, "test", {"a.tocsin": TESTED}).json
        assert answer == {"passed": 1, "failed": 1, "not_run": 0, "tests": expected}, answer
        has(answer["tests"][1]["text"], "amount")
        assert [one["title"] for one in ask(server, "test", {"a.tocsin": TESTED}, title="a small one").json["tests"]] == ["a small one"]
        assert ask(server, "test", {"a.tocsin": TESTED}, rule="unconfirmed").json["tests"] == []
        wrong = ask(server, "test", {"a.tocsin": TESTED.replace("amount > 100", "amuont > 100")})
        assert wrong.status == 422 and wrong.problem() == "rules-do-not-check" and len(wrong.json["diagnostics"]) == 1, wrong
        for more in ({"seconds": 0}, {"seconds": 61}, {"seconds": "1"}, {"rule": 7}, {"line": 1}):
            assert ask(server, "test", {"a.tocsin": TESTED}, **more).problem() == "bad-body", more
        # The server's own rules and state are not touched.
        assert server.ask("GET", "/v1/versions").json["versions"][0]["version"] == 1


@case
def tests_of_what_changed():
    """with `changed` only tests run that may come out otherwise: of rules with other digests, by themselves or by what they read, and new ones"""
    rules = """
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
feature many = count(payment) by card over last 1h
rule large "A large one" { by card when payment as p where amount > 100 alert "{p.amount}" }
test large "large" { 0s payment { card: "c", amount: 150.00 } expect alert }
test large "small" { 0s payment { card: "c", amount: 50.00 } expect no alert }
rule often "Often" { by card when payment where many >= 2 alert "{many}" }
test often "twice" { 0s payment { card: "c" } 1s payment { card: "c" } expect alert at 1s }
"""

    def ran(text, **more):
        answer = ask(server, "test", {"rules.tocsin": text}, changed=True, **more)
        assert answer.status == 200, answer
        found = answer.json
        assert found["unchanged"] + len(found["tests"]) == text.count("\ntest "), found
        return [one["title"] for one in found["tests"]]

    with Server(rules=rules) as server:
        assert ran(rules) == [] and ran(rules, rule="often") == ["twice"]
        assert ran(rules.replace("amount > 100", "amount > 120")) == ["large", "small"]
        assert ran(rules.replace("over last 1h", "over last 2h")) == ["twice"]
        assert ran(rules.replace("over last 1h", "over last 2h"), rule="large") == ["large", "small", "twice"]
        said = ran(rules.replace('alert "{many}"', 'alert "{many}!"'))
        assert "twice" in said and "large" not in said, said
        assert ran(rules.replace("amount: 50.00", "amount: 60.00")) == ["small"]
        assert ran(rules + 'test often "once" { 0s payment { card: "c" } expect no alert }\n')[-1] == "once"
        assert ran(rules.replace("id: string id", "id: string id unique")) == ["large", "small", "twice"]
        assert "unchanged" not in ask(server, "test", {"rules.tocsin": rules}, changed=False).json
        assert ask(server, "test", {"rules.tocsin": rules}, changed="yes").problem() == "bad-body"


@case
def explained():
    """a rule of a text is explained as `tocsin explain` does, and has to be named where there are several"""
    write("a.tocsin", RULES)
    with Server() as server:
        answer = ask(server, "explain", {"a.tocsin": RULES}, rule="large").json
        assert answer["text"] == tocsin("explain", "a.tocsin", "large").out, answer["text"]
        assert answer["explanation"] == json.loads(tocsin("explain", "a.tocsin", "large", "--format", "json").out)
        has(ask(server, "explain", {"a.tocsin": RULES}).json["detail"], "`rule` names one of the 2 rules")
        assert ask(server, "explain", {"a.tocsin": RULES}, rule="nothing").status == 404
        assert ask(server, "explain", {"a.tocsin": "rule"}).status == 422


class Both:
    """The same question for the server and for the language server."""

    def __init__(self, server, client, path, text, files):
        self.server, self.client, self.path, self.text, self.files = server, client, path, text, files
        self.uri = client.open(path, text)

    def api(self, request, index, **more):
        line = self.text.count("\n", 0, index)
        column = index - (self.text.rfind("\n", 0, index) + 1)
        answer = ask(self.server, "language", self.files, request=request, file=self.path, line=line + 1, column=column + 1, **more)
        assert answer.status == 200, answer
        return answer.json

    def lsp(self, request, index, **more):
        line = self.text.count("\n", 0, index)
        begin = self.text.rfind("\n", 0, index) + 1
        character = len(self.text[begin:index].encode("utf-16-le")) // 2
        return self.client.request(f"textDocument/{request}", textDocument={"uri": self.uri},
                                   position={"line": line, "character": character}, **more)

    def places(self, spans):
        """Ranges of the protocol as the API has places: characters of one unit are expected here."""
        return sorted((uri, one["start"]["line"] + 1, one["start"]["character"] + 1, one["end"]["line"] + 1, one["end"]["character"] + 1)
                      for uri, one in spans)

    def own(self, places):
        return sorted((uri_of(one["file"]), one["line"], one["column"], one["end_line"], one["end_column"]) for one in places)


@case
def as_an_editor():
    """hover, definitions, references, renames, completion and signatures are those of `tocsin lsp`, at each word of a pack"""
    pathlib.Path("rules").mkdir()
    files = {}
    for source in sorted((ROOT / "samples/rules").rglob("*")):
        if source.is_file() and source.suffix in (".tocsin", ".csv"):
            path = f"rules/{source.relative_to(ROOT / 'samples/rules')}"
            files[path] = source.read_text(encoding="utf-8")
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            write(path, files[path])
    path = "rules/cards.tocsin"
    text = files[path]
    client = LspClient(BINARY, root="rules")
    with Server() as server:
        both = Both(server, client, path, text, files)
        helped = 0
        for index in [index + 1 for index, letter in enumerate(text) if letter == "("]:
            signature, expected = both.api("signature", index)["signature"], both.lsp("signatureHelp", index)
            assert (signature is None) == (expected is None), index
            if expected:
                form = expected["signatures"][expected["activeSignature"]]
                assert signature == {"label": form["label"], "doc": form["documentation"], "active": expected["activeParameter"],
                                     "parameters": [one["label"] for one in form["parameters"]]}, (index, signature)
                helped += 1
        assert helped > 3, helped
        words = [index for index in range(1, len(text)) if text[index].isalpha() and not text[index - 1].isalnum()]
        renamed = 0
        for index in words[::max(1, len(words) // 25)]:
            hover, expected = both.api("hover", index), both.lsp("hover", index)
            assert (expected is None) == (hover["place"] is None), index
            if expected:
                assert hover["markdown"] == expected["contents"]["value"]
            for request, more in (("definition", {}), ("references", {"context": {"includeDeclaration": True}})):
                found = both.lsp(request, index, **more)
                assert both.own(both.api(request, index)["places"]) == both.places((one["uri"], one["range"]) for one in found), request
            answer = both.api("rename", index, new_name="other_name")
            try:
                changes = both.lsp("rename", index, newName="other_name")["changes"]
            except LspError as error:
                assert answer["refused"] == error.message and answer["edits"] == [], answer
            else:
                renamed += 1
                edits = [(uri, one["range"]) for uri, all_of_file in changes.items() for one in all_of_file]
                assert both.own(answer["edits"]) == both.places(edits) and "refused" not in answer, answer
                assert both.api("rename", index)["edits"] == []
            items = both.lsp("completion", index + 1)["items"]
            answer = both.api("completion", index + 1)
            found = [(one["label"], one["insert"]) for one in answer["completions"]]
            assert found == [(one["label"], one["textEdit"]["newText"]) for one in items], (text[index - 20:index + 1], found, items)
            assert answer["left_out"] == 0
        assert renamed > 3, renamed
    client.end()


@case
def what_can_be_done():
    """the quick fixes of a line are those of `tocsin lsp`: a missing event declared, a warning allowed, a test begun"""
    wrong = RULES + 'rule other "x" { by card when paiment as p where amount > 1 alert "{p.amount}" }\n'
    warned = RULES + 'rule alone "y" { when payment as p where amount > 7 alert "{p.amount}" }\n'
    seen = set()
    with Server() as server:
        for name, text in (("wrong.tocsin", wrong), ("warned.tocsin", warned)):
            client = LspClient(BINARY, root=".")
            write(name, text)
            both = Both(server, client, name, text, {name: text})
            for number, line in enumerate(text.split("\n")):
                index = sum(len(one) + 1 for one in text.split("\n")[:number])
                found = both.api("actions", index)["actions"]
                whole = {"start": {"line": number, "character": 0}, "end": {"line": number, "character": len(line)}}
                expected = client.request("textDocument/codeAction", textDocument={"uri": both.uri}, range=whole, context={"diagnostics": []})
                expected = [one for one in expected if "edit" in one and not one["kind"].startswith("source")]
                seen |= {one["title"].split("`")[0] for one in found}
                # An editor is not warned of rules without tests.
                found = [one for one in found if "untested_rule" not in one["title"]]
                expected = [one for one in expected if "untested_rule" not in one["title"]]
                assert [one["title"] for one in found] == [one["title"] for one in expected], (line, found, expected)
                for one, other in zip(found, expected):
                    edits = other["edit"]["changes"][both.uri]
                    assert both.own(one["edits"]) == both.places((both.uri, edit["range"]) for edit in edits), (one, other)
                    assert [edit["text"] for edit in one["edits"]] == [edit["newText"] for edit in edits]
            client.end()
            write(name, "")
    assert {"Declare event paiment", "Allow ", "Add a test that alerts", "Add a test that does not alert"} <= seen, seen


@case
def places_are_characters():
    """columns count characters, also of two UTF-16 units; a text with mistakes is answered too; what is wrong is refused"""
    text = ('event payment { ts: time, id: string id, card: string, amount: decimal(2) }\n'
            'rule r "😀😀" { by card when payment as hit where hit.amount > 1 alert "😀 {hit.amount}" }\nrule')
    column = text.split("\n")[1].index("as hit") + 4
    question = {"file": "a.tocsin", "line": 2, "column": column}
    with Server() as server:
        answer = ask(server, "language", {"a.tocsin": text}, request="rename", new_name="big", **question).json
        assert answer["name"] == "hit" and len(answer["edits"]) == 3, answer
        line = text.split("\n")[1]
        for edit in answer["edits"]:
            assert line[edit["column"] - 1:edit["end_column"] - 1] == "hit", edit
        offered = ask(server, "language", {"a.tocsin": text}, request="completion", file="a.tocsin", line=2,
                      column=line.index("hit.amount") + 5).json
        assert ("field", "amount") in {(one["kind"], one["label"]) for one in offered["completions"]}, offered
        assert ask(server, "language", {"a.tocsin": text}, request="hover", file="a.tocsin", line=99, column=99).json == {"place": None}
        call = text.replace("hit.amount > 1", "abs(")
        signature = ask(server, "language", {"a.tocsin": call}, request="signature", file="a.tocsin", line=2,
                        column=call.split("\n")[1].index("abs(") + 5).json["signature"]
        assert signature["label"].startswith("abs(") and signature["active"] == 0, signature
        assert ask(server, "language", {"a.tocsin": text}, request="signature", file="a.tocsin", line=1, column=1).json == {"signature": None}
        for wrong in ({"request": "nothing"}, {"file": "b.tocsin"}, {"line": 0}, {"column": 1.5}, {"new_name": None}, {"more": 1}):
            assert ask(server, "language", {"a.tocsin": text}, **{"request": "hover", **question, **wrong}).problem() == "bad-body", wrong
        # Whoever may read may ask; a producer may not.
        producer = server.ask("POST", "/v1/tokens", {"name": "till", "role": "producer"}).json["token"]
        assert server.ask("POST", "/v1/rules/format", {"files": {"a.tocsin": text}}, token=producer).status == 403


if __name__ == "__main__":
    run_cases()
