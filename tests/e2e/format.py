#!/usr/bin/env python3
"""`tocsin fmt` and `tocsin new`: files in place, and packs that work at once.

    format.py TOCSIN_BINARY [TEXT]
"""
import os
import pathlib
import re
import shutil
import stat

from harness import ROOT, case, has, run_cases, tocsin, write

UNTIDY = 'const   A=1 # one\n\n\n\nkind big=payment where amount>100\n'
TIDY = 'const A = 1  # one\n\nkind big = payment where amount > 100\n'


def text_of(path):
    return pathlib.Path(path).read_bytes().decode("utf-8")


@case
def _():
    """fmt: files are laid out in place, folders with all below them; what is right already is not touched"""
    os.makedirs("rules/deep")
    write("rules/a.tocsin", UNTIDY)
    write("rules/deep/b.tocsin", TIDY)
    write("rules/notes.txt", UNTIDY)
    os.chmod("rules/a.tocsin", 0o640)
    os.utime("rules/deep/b.tocsin", (1, 1))
    done = tocsin("fmt", "rules")
    assert done.out == "", done
    assert done.err == "formatted rules/a.tocsin\n1 file formatted, 1 already so\n", done.err
    assert text_of("rules/a.tocsin") == TIDY
    assert stat.S_IMODE(os.stat("rules/a.tocsin").st_mode) == 0o640
    assert os.stat("rules/deep/b.tocsin").st_mtime == 1
    assert text_of("rules/notes.txt") == UNTIDY
    assert sorted(os.listdir("rules")) == ["a.tocsin", "deep", "notes.txt"]
    has(tocsin("fmt", "rules").err, "0 files formatted, 2 already so\n")
    assert tocsin("fmt", "--quiet", "rules").err == ""


@case
def _():
    """fmt --check: names what would change and changes nothing; exit code 1"""
    write("a.tocsin", UNTIDY)
    write("b.tocsin", TIDY)
    done = tocsin("fmt", "--check", "a.tocsin", "b.tocsin", code=1)
    assert done.out == "a.tocsin\n", done.out
    has(done.err, "1 file would change, 1 already so\n")
    assert text_of("a.tocsin") == UNTIDY
    assert tocsin("fmt", "--check", "b.tocsin").out == ""


@case
def _():
    """fmt -: standard input to standard output, also with --check, and alone"""
    done = tocsin("fmt", "-", stdin=UNTIDY)
    assert (done.out, done.err) == (TIDY, ""), done
    assert tocsin("fmt", "-", "--check", stdin=UNTIDY, code=1).out == "standard input\n"
    assert tocsin("fmt", "-", "--check", stdin=TIDY).out == ""
    has(tocsin("fmt", "-", "x.tocsin", stdin=TIDY, code=2).err, "alone")
    done = tocsin("fmt", "-", stdin="const A = ", code=1)
    assert done.out == ""
    has(done.err, "error[E0101]", "standard input:1:10")


@case
def _():
    """fmt: a file with a mistake of syntax is left alone and told, the others are formatted; exit code 1"""
    write("bad.tocsin", "const   A = \n")
    write("good.tocsin", UNTIDY)
    done = tocsin("fmt", "bad.tocsin", "missing.tocsin", "good.tocsin", code=1)
    has(done.err, "error[E0101]", "bad.tocsin:1:", "cannot read missing.tocsin: No such file or directory",
        "1 file formatted, 0 already so, 2 left alone")
    assert text_of("bad.tocsin") == "const   A = \n"
    assert text_of("good.tocsin") == TIDY
    # A name that nobody declares is a mistake of meaning: that is for `check`.
    write("unknown.tocsin", "kind  k=nobody\n")
    tocsin("fmt", "unknown.tocsin")
    assert text_of("unknown.tocsin") == "kind k = nobody\n"


@case
def _():
    """fmt: a byte-order mark goes and line ends become line feeds"""
    pathlib.Path("a.tocsin").write_bytes(b"\xef\xbb\xbf# caf\xc3\xa9\r\nconst A = 1\r\n\r\n\r\nconst B = 2\r")
    tocsin("fmt", "a.tocsin")
    assert pathlib.Path("a.tocsin").read_bytes() == b"# caf\xc3\xa9\nconst A = 1\n\nconst B = 2\n"


@case
def _():
    """fmt: a link stays one; what may not be written is told, exit code 3"""
    write("real.tocsin", UNTIDY)
    os.symlink("real.tocsin", "link.tocsin")
    tocsin("fmt", "link.tocsin")
    assert os.path.islink("link.tocsin") and text_of("real.tocsin") == TIDY
    if os.geteuid() != 0:  # root may write all
        write("fixed.tocsin", UNTIDY)
        os.chmod("fixed.tocsin", 0o444)
        has(tocsin("fmt", "fixed.tocsin", code=3).err, "cannot write fixed.tocsin: Permission denied")
        assert text_of("fixed.tocsin") == UNTIDY


@case
def _():
    """fmt: the samples are formatted"""
    done = tocsin("fmt", "--check", str(ROOT / "samples"))
    has(done.err, "0 files would change")


@case
def _():
    """fmt: every example of the documentation keeps its meaning"""
    blocks = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        blocks += re.findall(r"^```tocsin[^\n]*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    # Those that show a mistake of syntax have their answer on the page.
    blocks = [block for block in blocks if tocsin("fmt", "-", stdin=block, code=None).code == 0]
    assert len(blocks) > 60, len(blocks)
    for number, block in enumerate(blocks):
        write(f"example{number}.tocsin", block)
    tocsin("fmt", ".")
    has(tocsin("fmt", "--check", ".").err, "0 files would change")
    for number, block in enumerate(blocks):
        # Blanks and commas behind last entries are all that may differ; comments stand further on at most.
        bare = [re.sub(r",(?=[}\])])", "", re.sub(r"\s|#[^\n]*", "", text))
                for text in (block, text_of(f"example{number}.tocsin"))]
        assert bare[0] == bare[1], block


@case
def _():
    """new: a pack is formatted, checks without a warning, its tests pass, and its events raise an alert"""
    done = tocsin("new", "packs/my-cards")
    has(done.out, "packs/my-cards/rules.tocsin", "tocsin test packs/my-cards")
    commands = [line.split()[1:] for line in done.out.splitlines() if line.startswith("  tocsin ")]
    assert [command[0] for command in commands] == ["check", "test", "run"], commands
    tocsin("fmt", "--check", "packs/my-cards")
    for command in commands:
        ran = tocsin(*command, *(["--warnings-as-errors"] if command[0] == "check" else []))
        if command[0] == "check":
            has(ran.err, "0 errors, 0 warnings")
        elif command[0] == "test":
            has(ran.out, "4 passed, 0 failed")
        else:
            (alert,) = ran.alerts()
            assert alert["rule"] == "card_testing", alert
    readme = text_of("packs/my-cards/README.md")
    assert readme.startswith("# my-cards\n"), readme
    os.chdir("packs/my-cards")
    for command in re.findall(r"^    tocsin ([^#\n]*?) *(?:#.*)?$", readme, re.M):
        tocsin(*command.split())


SAMPLE = """\
{"type":"card.payment","timestamp":1772452800123,"id":"p1","card":"c1","amount":1.50,"geo":{"lat":59.25,"city":"Ume\u00e5"},"tags":["a"],"ok":true,"booked_at":1772452800,"day":"2026-03-02","phone":1772452800}
{"type":"card.payment","timestamp":1772452801000,"id":"p2","card":"c1","amount":2,"geo":{"lat":1.5},"ok":false,"booked_at":1772452801,"day":"2026-03-02","phone":4600000000}
{"type":"card.payment","timestamp":1772452802000.5,"id":"p3","card":"c2","amount":250.00,"geo":{"lat":2.125,"city":null},"ok":true,"booked_at":1772452802,"day":"2026-03-02","phone":"none"}
{"type":"login","ts":"2026-03-02T12:00:00Z","user":"u1","from":null}
not an event
{"type":"tick","n":5}
"""


@case
def _():
    """new --sample: the schema of a sample, with the units of its times; the pack works on it at once"""
    write("sample.ndjson", SAMPLE)
    done = tocsin("new", "pack", "--sample", "sample.ndjson")
    has(done.out, "card_payment.timestamp counts milliseconds", "card_payment.booked_at counts seconds",
        "card_payment.phone has values of several types: it is left out", "arrays are left out",
        'login.from is always null: it is left out', '"tick" has no field that can be its event time',
        "1 of the lines are no JSON objects")
    schema = text_of("pack/schema.tocsin")
    has(schema, 'event card_payment from "card.payment" {\n', "  timestamp: time in ms key,\n", "  id: string id,\n",
        "  card: string,\n", "  amount: decimal(2),\n", '  geo_lat: decimal(3) from "geo.lat",\n',
        '  geo_city: string? from "geo.city",\n', "  ok: bool,\n", "  booked_at: time in s,\n", "  day: date,\n",
        "event login {\n  ts: time,\n  user: string,\n}\n")
    assert not os.path.exists("pack/events.ndjson")
    tocsin("fmt", "--check", "pack")
    has(tocsin("check", "pack", "--warnings-as-errors").err, "0 errors, 0 warnings")
    has(tocsin("test", "pack").out, "2 passed, 0 failed")
    ran = tocsin("run", "pack/rules.tocsin", "--input", "sample.ndjson")
    has(ran.err, "rejected: 2 lines", "no rule file declares the event type `tick`")


@case
def _():
    """new --sample: each unit is found; numbers of no plausible unit are said; no events, no pack"""
    for number, unit in ((1772452800, " in s"), (1772452800123, " in ms"), (1772452800123456, ""),
                         (1772452800123456789, " in ns")):
        write("sample.ndjson", f'{{"type":"e","ts":{number}}}\n')
        tocsin("new", f"pack{number}", "--sample", "sample.ndjson")
        has(text_of(f"pack{number}/schema.tocsin"), f"  ts: time{unit},\n")
        has(tocsin("check", f"pack{number}", "--warnings-as-errors").err, "0 errors, 0 warnings")
        has(tocsin("test", f"pack{number}").out, "2 passed, 0 failed")
    write("sample.ndjson", '{"type":"e","ts":5}\n')
    has(tocsin("new", "odd", "--sample", "sample.ndjson").out, "lie between 1990 and 2100 in no unit")
    has(text_of("odd/schema.tocsin"), "  ts: time from 1970,\n")
    for text, why in (("a,b\n1,2\n", "no line is an event"), ('{"type":"e","n":5}\n', "can be their event time")):
        write("sample.ndjson", text)
        has(tocsin("new", "none", "--sample", "sample.ndjson", code=3).err, why)
        assert not os.path.exists("none")
    has(tocsin("new", "none", "--sample", "nowhere", code=3).err, "nowhere")


@case
def _():
    """new: nothing is overwritten, and a name is letters, digits, _ and -"""
    os.mkdir("empty")
    tocsin("new", "empty")
    os.mkdir("full")
    write("full/notes.txt", "mine\n")
    has(tocsin("new", "full", code=2).err, "this is not a new or empty folder: full")
    assert os.listdir("full") == ["notes.txt"]
    write("file", "mine\n")
    has(tocsin("new", "file", code=2).err, "this is not a new or empty folder: file")
    for name in ("a b", "-x", ".hidden", "é", "x" * 65, "/"):
        has(tocsin("new", "--", name, code=2).err, "a pack's name has letters")
    shutil.rmtree("empty")
    os.mkdir("empty")
    os.chdir("empty")
    tocsin("new", ".")
    assert text_of("README.md").startswith("# empty\n")


run_cases()
