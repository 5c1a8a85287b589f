"""`tocsin lsp`: the code action that declares an event type which a file names and nobody declares."""
import os
import pathlib
import random
import shutil

from harness import BINARY, ROOT, case, run_cases
from lsp_client import LspClient

SAMPLES = ROOT / "samples/rules"
SEED = int(os.environ.get("TOCSIN_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def declare_first(client, uri, text, version):
    """The text with the first unknown event type declared by its action; nothing where none is unknown. And the version's errors."""
    errors = [each for each in client.wait_for_diagnostics(uri) if each["severity"] == 1]
    unknown = [each for each in errors if each["code"] == "E0202"]
    if not unknown:
        return None, errors
    actions = client.request("textDocument/codeAction", textDocument={"uri": uri}, range=unknown[0]["range"], context={"diagnostics": []})
    action = next(each for each in actions if each["title"].startswith("Declare event "))
    assert action["kind"] == "quickfix" and "isPreferred" not in action and action["diagnostics"] == [unknown[0]]
    (edit,) = action["edit"]["changes"][uri]
    assert edit["range"]["start"] == edit["range"]["end"]
    lines = text.split("\n")
    line, character = edit["range"]["start"]["line"], edit["range"]["start"]["character"]
    lines[line] = lines[line][:character] + edit["newText"] + lines[line][character:]
    client.change(uri, version, {"text": "\n".join(lines)})
    return "\n".join(lines), errors


@case
def _():
    """the samples without their schema: each event type is declared again of what its file uses, with types that fit, laid out"""
    declared = 0
    for path in sorted(SAMPLES.glob("*.tocsin")):
        if path.name == "schema.tocsin":
            continue
        folder = pathlib.Path(path.stem)
        folder.mkdir()
        shutil.copytree(SAMPLES / "data", folder / "data")
        text = path.read_text(encoding="utf-8").replace('use "schema.tocsin"\n\n', "")
        (folder / path.name).write_text(text, encoding="utf-8")
        client = LspClient(BINARY, root=folder)
        uri = client.open(folder / path.name, text)
        for version in range(2, 40):
            more, errors = declare_first(client, uri, text, version)
            if more is None:
                break
            text, declared = more, declared + 1
        assert errors == [], (path.name, errors)
        assert client.request("textDocument/formatting", textDocument={"uri": uri}, options={}) == [], path.name
        assert client.end() == 0
    assert declared > 30, declared


@case
def _():
    """an event type is declared with its fields by every place that names one; types by values, by what is there, else string"""
    schema = "event login { at: time up to 5s late, user: string pii, amount: float }\nconst most = 9\nlist known : string = [\"a\"]\n"
    rule = 'rule r "R" {\n  %s\n}\n'
    for text, wanted in (
            (rule % 'by card\n  when gone where amount > 2.5 and ok and not bad', "card: string, amount: float, ok: bool, bad: bool"),
            (rule % "when gone where x > 1 and y < 2.505 and most > z and u in known", "x: int, y: decimal(3), z: string, u: string"),
            (rule % 'when gone as g then login where user = g.user\n  alert "{g.n / 2} {g.m}" { f: g.o }', "user: string pii, n: decimal(2), m: string, o: string"),
            (rule % 'when gone where state = open or state in [shut, "half open"]', 'state: enum(open, shut, "half open")'),
            (rule % "when gone where state is missing and wait > 10m and since > 2026-01-01", "state: string?, wait: duration, since: date"),
            (rule % "when login where user != \"\" then no gone where host matches /a/ for 1h", "host: string"),
            ("kind far = gone where km > 5\n" + rule % "when far as f where f.to = \"a\"", "km: int, to: string"),
            ("feature spent = sum(price of gone where paid) by card over last 1h\n", "price: decimal(2), paid: bool, card: string"),
            ("defaults gone { channel: pos, n: 1 }\n", "channel: enum(pos), n: int"),
            ('test r "t" {\n  0s gone { id: "1", a: true, channel: pos, b: 1.5 }\n  1s gone { channel: "web" }\n  expect alert\n}\n'
             + rule % "when gone", "id: string id, a: bool, channel: enum(pos, web), b: decimal(2)"),
            (rule % "when gone where `when` = 1 and `two words`.x", "`when`: int")):
        pathlib.Path("schema.tocsin").write_text(schema, encoding="utf-8")
        client = LspClient(BINARY, root=".")
        text = 'use "schema.tocsin"\n\n# What it is about.\n' + text
        more, _ = declare_first(client, client.open("r.tocsin", text), text, 2)
        added = more.removeprefix('use "schema.tocsin"\n\n').removesuffix(text.removeprefix('use "schema.tocsin"\n\n'))
        flat = " ".join(added.split()).replace(", }", " }")
        assert flat == f"event gone {{ at: time, {wanted} }}" and added.endswith("}\n\n"), (text, added)
        assert client.end() == 0
    # It stands behind the file's own event types. What a file of the set declares is not declared again.
    client = LspClient(BINARY, root=".")
    text = "event e { ts: time }\n\n" + rule % "when `by` where e > 1"
    more, _ = declare_first(client, client.open("untitled:own.tocsin", text), text, 2)
    assert more.startswith("event e { ts: time }\nevent `by` { ts: time }\n\nrule"), more
    assert client.end() == 0


@case
def _():
    """texts that are cut anywhere have the action too"""
    choice = random.Random(SEED)
    print(f"seed {SEED}")
    client = LspClient(BINARY)
    uri, version, declared = client.open("untitled:cut.tocsin", ""), 1, 0
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
    for path in sorted(SAMPLES.glob("*.tocsin")):
        text = path.read_text(encoding="utf-8").replace('use "schema.tocsin"\n\n', "")
        for _unused in range(12):
            begin = choice.randrange(len(text))
            length = choice.choice([1, 3, 20, len(text)])
            version += 1
            client.change(uri, version, {"text": text[:begin] + text[begin + length:]})
            actions = client.request("textDocument/codeAction", textDocument={"uri": uri}, range=whole, context={"diagnostics": []})
            titles = [each["title"] for each in actions if each["title"].startswith("Declare event ")]
            assert len(titles) == len(set(titles)), (SEED, version, titles)
            declared += len(titles)
    assert declared > 100, declared
    assert client.end() == 0


run_cases()
