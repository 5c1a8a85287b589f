"""editors/tree-sitter: the parser that is made of its grammar, against the real one."""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess

from harness import ROOT, case, run_cases
from rule_texts import RuleServer, server_tokens, texts

FOLDER = ROOT / "editors/tree-sitter"
CHECK = pathlib.Path(os.environ.get("TOCSIN_BUILD_DIR", ROOT / "build/release")).parent / "tools/tree-sitter/debug/grammar-check"
NODE = shutil.which(os.environ.get("TOCSIN_NODE", "node"))
COMPILER = shutil.which("cc") or shutil.which("gcc")
GOLDEN = ROOT / "tests/golden/diagnostics"
# What the checker refuses as a mistake of form, and the grammar cannot see: a word that is no name, a value out of range, a thing
# that is there twice, the bytes of a file.
NOT_OF_FORM = {
    "E0101_feature_without_key", "E0101_tumbling_zone_in_field", "E0102_not_utf8", "E0108_duration_out_of_range", "E0115_too_deep",
    "E0116_large_file", "E0117_capital_true", "E0117_contains_function", "E0117_equals_missing", "E0117_equals_null", "E0117_length", "E0117_now",
    "E0117_nvl", "E0117_regexp_extract", "E0117_yes", "E0118_clause_twice", "E0121_chain", "E0122_quote_inside", "E0124_keyword_as_kind",
    "E0128_list_of_columns", "E0128_semicolons", "E0128_short_row"}
# And one that the checker finds later, where the grammar wants a unit.
OF_FORM_TOO = {"E0410_zero_without_unit"}
NAMES = """
[(event name: (_) @name) (field name: (_) @name) (kind name: (_) @name) (key name: (_) @name) (list name: (_) @name)
 (table name: (_) @name) (table key: (_) @name) (column name: (_) @name) (const name: (_) @name) (feature name: (_) @name)
 (feature_entry name: (_) @name) (rule name: (_) @name) (step name: (_) @name) (event_window name: (_) @name) (key_member role: (_) @name)
 (alert (record (entry name: (_) @name))) (test title: (_) @name) (key_part name: (_) @name "=")]
"""
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`\n]*`|\w+|[^\s\w]')
LATE = {"E0410"}  # what is 0 may be without a unit until then
SEED = int(os.environ.get("TOCSIN_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
TEXTS = int(os.environ.get("TOCSIN_CASES_TREE_SITTER", "400"))


def library():
    """The parser; made when its grammar or the generator has changed, which takes seconds."""
    source = b"".join((FOLDER / name).read_bytes() for name in ("grammar.js", "tree-sitter.json", "check/Cargo.lock", "check/src/main.rs"))
    place = CHECK.parents[1] / f"parser-{hashlib.sha256(source).hexdigest()[:16]}"
    if not place.exists():
        for old in CHECK.parents[1].glob("parser-*"):
            shutil.rmtree(old, ignore_errors=True)
        made = pathlib.Path("parser").absolute()
        for command in ([CHECK, "generate", FOLDER, made],
                        [COMPILER, "-shared", "-fPIC", "-Wall", "-Werror", "-I", made, "-o", made / "tocsin.so", made / "parser.c"]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stdout
        shutil.copytree(made, f"{place}.{os.getpid()}")
        os.rename(f"{place}.{os.getpid()}", place)
    return place / "tocsin.so"


def parsed(sources, **queries):
    """What the grammar says of each text, by name: its errors and what the queries capture."""
    asked = {"queries": queries, "texts": list(sources.values())}
    done = subprocess.run([CHECK, "parse", library()], input=json.dumps(asked), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(sources, json.loads(done.stdout)))


# Texts with a mistake of form: the words of another language, and an input of the fuzzers.
WRONG = {"coming_from.md block 7", "tests/fuzz/corpus/format/everything.tocsin"}


def right_texts():
    return {name: text for name, text in texts().items() if name not in WRONG}


@case
def _():
    """every rule text of the repository is read without an error, and each of its queries is valid"""
    queries = {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / "queries").glob("*.scm")}
    assert set(queries) == {"highlights", "folds", "indents", "locals", "tags"}
    found = parsed(right_texts(), **queries)
    wrong = {name: answer["errors"][:3] for name, answer in found.items() if answer["errors"]}
    assert not wrong, wrong
    assert all(answer["errors"] for answer in parsed({name: text for name, text in texts().items() if name in WRONG}).values())
    for query in queries:
        assert any(answer["captures"][query] for answer in found.values()), query


@case
def _():
    """it declares the names that the real parser finds, in the same order"""
    sources, server = right_texts(), RuleServer()
    found, count = parsed(sources, names=NAMES), 0
    for name, text in sources.items():
        names = [(piece.strip('`"'), line) for _, piece, line, _ in found[name]["captures"]["names"]]
        symbols = [(symbol.strip("`"), line) for symbol, line in server.symbols(name, text)]
        assert names == symbols, (name, [each for each in zip(names, symbols) if each[0] != each[1]][:5], len(names), len(symbols))
        count += len(names)
    server.end()
    assert count > 2000, count


@case
def _():
    """what the checker refuses for its form is an error, and nothing else is"""
    sources = {path.stem: path.read_bytes().decode("utf-8", "replace") for path in sorted(GOLDEN.glob("*.tocsin"))}
    found, accepted, refused = parsed(sources), set(), set()
    for name in sources:
        of_form = re.search(r"error\[E01\d\d\]", (GOLDEN / f"{name}.expected").read_text(encoding="utf-8", errors="replace"))
        if of_form and not found[name]["errors"]:
            accepted.add(name)
        if not of_form and found[name]["errors"]:
            refused.add(name)
    assert (accepted, refused) == (NOT_OF_FORM, OF_FORM_TOO), (accepted ^ NOT_OF_FORM, refused ^ OF_FORM_TOO)


@case
def _():
    """a text of which tokens were dropped, doubled or swapped: what has the right form for the checker has it for the grammar too"""
    print(f"seed {SEED}")
    choice, server = random.Random(SEED), RuleServer()
    sources, changed = {name: text for name, text in right_texts().items() if len(text) < 20_000}, {}
    tokens = {name: [(match.start(), match.end()) for match in TOKEN.finditer(text)] for name, text in sources.items()}
    for number in range(TEXTS):
        name = choice.choice(list(sources))
        text, places = sources[name], tokens[name]
        begin, end = choice.choice(places)
        other_begin, other_end = choice.choice(places)
        with_other = text[:begin] + text[other_begin:other_end] + text[end:]
        changed[f"{number} {name}"] = choice.choice([text[:begin] + text[end:], text[:end] + " " + text[begin:], with_other])
    found, right = parsed(changed), 0
    for name, text in changed.items():
        items = server.ask("textDocument/diagnostic", name, text)["items"]
        if any(item["code"].startswith("E01") or item["code"] in LATE for item in items):
            continue
        right += 1
        assert not found[name]["errors"], (SEED, name, found[name]["errors"], text.split("\n")[found[name]["errors"][0][0] - 1])
    server.end()
    assert right > TEXTS / 20, right


KEYWORDS = {"keyword", "type.builtin", "constant.builtin", "boolean", "variable.builtin", "function.call"}
WANTED = {"comment": {"comment", "spell"}, "string": {"string", "spell"}, "number": {"number"}, "regexp": {"string.regexp"}, "operator": {"operator"}}


@case
def _():
    """its colours are those of the server: a word is a keyword at its place alone"""
    sources = {name: text for name, text in right_texts().items() if name.startswith("samples/")}
    highlights = (FOLDER / "queries/highlights.scm").read_text(encoding="utf-8")
    count, found = 0, parsed(sources, highlights=highlights)
    for name, tokens in server_tokens(sources).items():
        last = {(line, column): capture for capture, _, line, column in found[name]["captures"]["highlights"]}
        lines = sources[name].split("\n")
        for token in tokens:
            line = lines[token.line]
            column = len(line.encode("utf-16-le")[:2 * token.character].decode("utf-16-le").encode()) + 1
            capture = last.get((token.line + 1, column), "")
            if token.of == "keyword":
                right = capture in KEYWORDS
            elif token.of in WANTED and token.text[0] not in "`abcdefghijklmnopqrstuvwxyz":
                right = capture in WANTED[token.of]
            else:
                right = capture not in {"keyword", "type.builtin", "boolean", "comment", "string", "number", ""}
            assert right, (name, token.line + 1, token.text, token.of, capture)
            count += 1
    assert count > 5000, count


if NODE is None:
    print("skipped: node is not installed\n0 passed, 0 failed")
elif COMPILER is None:
    print("skipped: there is no C compiler\n0 passed, 0 failed")
elif not CHECK.exists():
    print("skipped: the generator of tree-sitter is not there; ./do setup editors builds it where cargo 1.82 or newer is\n0 passed, 0 failed")
else:
    run_cases()
