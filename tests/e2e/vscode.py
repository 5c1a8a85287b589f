"""editors/vscode: the colours of rule texts, and the extension against the real server."""
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import zipfile

from harness import BINARY, ROOT, case, run_cases, tocsin
from rule_texts import server_tokens, texts

EDITORS = ROOT / "editors"
VSCODE = EDITORS / "vscode"
NODE = shutil.which(os.environ.get("TOCSIN_NODE", "node"))
DURATION = re.compile(r"(?:\d[\d_]*(?:ms|[smhdw]))+")
DATE = re.compile(r"\d{4}-\d\d-\d\d.*")


def table_words():
    """The words that have a meaning to the grammar somewhere."""
    return set(re.findall(r'^TOCSIN_KEYWORD\("(\w+)"', (ROOT / "rules/syntax/keywords.def").read_text(encoding="utf-8"), re.M))


def wanted_scope(token):
    """The beginning of a scope that the token must have; empty where a grammar of expressions cannot know."""
    if token.of == "number":
        if DURATION.fullmatch(token.text):
            return "constant.numeric.duration"
        return "constant.numeric.time" if DATE.fullmatch(token.text) else "constant.numeric"
    return {"comment": "comment.line", "string": "string.quoted", "regexp": "string.regexp", "operator": "keyword.operator"}.get(token.of, "")


def wrong_scope(token, scopes, words):
    """Why these are not the scopes of the token; empty where they are."""
    wanted = wanted_scope(token)
    has = {kind for kind in ("keyword", "string", "comment", "constant.numeric", "storage.type", "support.constant", "constant.language",
                             "support.function") if any(scope.startswith(kind) for scope in scopes)}
    if token.of == "string" and token.text[0] != '"':
        return ""  # the name of a test
    if wanted:
        kinds = {kind for kind in ("string", "comment", "constant.numeric") if wanted.startswith(kind)}
        if not any(scope.startswith(wanted) for scope in scopes):
            return f"no {wanted}"
        return "" if has & {"string", "comment", "constant.numeric"} <= kinds else f"also {has}"
    if has & {"string", "comment", "constant.numeric"}:
        return f"a word, not {has}"
    if token.of == "keyword" and token.text.isalpha():  # `&&` is one too, of another language
        kinds = {"keyword", "storage.type", "constant.language", "support.constant"}
        if token.text in ("first", "last"):
            kinds.add("support.function")  # without parentheses the server takes the aggregate for the word
        return "" if has & kinds else "no keyword"
    if token.of == "function":
        return "" if "support.function" in has or token.then != "(" else "no function"
    # A name that no table has is no keyword. One that a table has may be taken for it.
    plain = token.text not in words and not has <= {"support.function"}
    return f"a name, not {has}" if plain else ""


def scopes_of(sources, tokens):
    """What the TextMate grammar says of each of these tokens, by name of the text."""
    asked = {"grammar": str(EDITORS / "textmate/tocsin.tmLanguage.json"), "texts": [
        {"text": text, "tokens": [{"line": each.line, "character": each.character, "length": each.length} for each in tokens[name]]}
        for name, text in sources.items()]}
    done = subprocess.run([NODE, VSCODE / "tests/tokenize.mjs"], input=json.dumps(asked), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(sources, json.loads(done.stdout)))


def wrong_scopes(sources):
    tokens, words, wrong = server_tokens(sources), table_words(), []
    scopes = scopes_of(sources, tokens)
    for name, of_text in tokens.items():
        for token, found in zip(of_text, scopes[name]):
            why = wrong_scope(token, found, words)
            if why:
                wrong.append(f"{name}:{token.line + 1}:{token.character + 1}: {token.text!r} is {token.of}: {why}; {found}")
    return sum(map(len, tokens.values())), wrong


@case
def _():
    """the TextMate grammar gives each token of every rule text the scope of what it is"""
    count, wrong = wrong_scopes(texts())
    assert count > 20_000, count
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:40])


# What is easily taken for something else.
FORMS = r"""# a comment with "quotes", /slashes/ and rule words
use "a#b.tocsin" # behind a string
event when { ts: time, id: string id, rule: decimal(2)?, then: enum(live, "two words"), `for each`: int = 1_000, at: date = 2026-11-20 }
const half = 1.5e-3
const begin = 2026-11-20T10:00:00.250+01:00
const wait = 1h30m15s250ms
list hosts : regex = [
  /^a[/\]]b\/c#d"e/i, /x/,
  /y{2,3}|z*/
]
rule r "A "quoted" title \" {
  id "#1"
  severity if amount / 2 / 3 > 1 then high else low
  by card
  when 2..5 greedy when as first where rule / 2.50 > then.amount / 4 and `for each` matches /a b/i
  having first.amount - 5 > 3 and count(first) >= 2 and first.last.id != "😀 é é
" and hosts[/x/] = 1
  alert "{{not}} {first.amount / 2} {round(half, 2)} "{id}" 😀 {`for each`}" { status: "live", when: 3d, no: true }
}
"""


@case
def _():
    """what is easily taken for something else is not, with both kinds of line ends"""
    for text in (FORMS, FORMS.replace("\n", "\r\n")):
        count, wrong = wrong_scopes({"forms": text})
        assert count > 100 and not wrong, (count, "\n".join(wrong))


def pack(folder, target):
    """Packs the extension of that folder; the parts of the file, by name."""
    done = subprocess.run([NODE, folder / "pack.mjs", target], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(target) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@case
def _():
    """the extension is packed, from another folder to the same bytes; it has what it names, and works with the real server"""
    parts = pack(VSCODE, "tocsin.vsix")
    assert set(parts) == {"extension.vsixmanifest", "[Content_Types].xml", *(f"extension/{name}" for name in (
        "package.json", "README.md", "LICENSE.txt", "NOTICES.txt", "language-configuration.json", "tocsin.tmLanguage.json", "dist/extension.js"))}
    assert parts["extension/tocsin.tmLanguage.json"] == (EDITORS / "textmate/tocsin.tmLanguage.json").read_bytes()
    assert parts["extension/LICENSE.txt"] == (ROOT / "LICENSE").read_bytes() and b"vscode-languageclient 9.0.1 (MIT)" in parts["extension/NOTICES.txt"]
    assert len(parts["extension/dist/extension.js"]) < 500_000
    manifest = json.loads(parts["extension/package.json"])
    assert "dependencies" not in manifest and manifest["main"] == "./dist/extension.js"
    contributed = manifest["contributes"]
    for path in (contributed["languages"][0]["configuration"], contributed["grammars"][0]["path"], manifest["main"]):
        assert f"extension/{path[2:]}" in parts, path
    readme = parts["extension/README.md"].decode()
    for name in contributed["configuration"]["properties"]:
        assert f"`{name}`" in readme, name
    for command in contributed["commands"]:
        assert f"{command['category']}: {command['title']}" in readme, command
    # `tocsin check` writes what the problem matcher reads.
    pathlib.Path("bad.tocsin").write_text('rule r "R" { when nothing alert "x" }\n', encoding="utf-8")
    said = tocsin("check", "bad.tocsin", code=None)
    head, place = (each["regexp"] for each in contributed["problemMatchers"][0]["pattern"])
    found = [(re.match(head, first), re.match(place, second)) for first, second in itertools.pairwise((said.out + said.err).splitlines())]
    assert [("E0202", "bad.tocsin", "1") == (a[2], b[1], b[2]) for a, b in found if a and b] == [True], said

    elsewhere = pathlib.Path("copy/editors/vscode")
    shutil.copytree(VSCODE, elsewhere, ignore=shutil.ignore_patterns("node_modules"), copy_function=shutil.copyfile)
    (elsewhere / "node_modules").symlink_to(VSCODE / "node_modules")
    shutil.copytree(EDITORS / "textmate", "copy/editors/textmate", copy_function=shutil.copyfile)
    shutil.copyfile(ROOT / "LICENSE", "copy/LICENSE")
    pack(elsewhere.absolute(), "again.vsix")
    assert pathlib.Path("tocsin.vsix").read_bytes() == pathlib.Path("again.vsix").read_bytes()

    with zipfile.ZipFile("tocsin.vsix") as packed:
        packed.extractall("packed")
    os.mkdir("work")
    done = subprocess.run([NODE, VSCODE / "tests/extension.cjs", "../packed/extension", BINARY], cwd="work", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout == "ok\n", done.stdout


if NODE is None:
    print("skipped: node is not installed\n0 passed, 0 failed")
elif not (VSCODE / "node_modules/lock.json").exists():
    print("skipped: the packages of npm in editors/vscode are not there; ./do setup editors fetches them\n0 passed, 0 failed")
else:
    run_cases()
