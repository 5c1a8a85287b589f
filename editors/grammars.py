#!/usr/bin/env python3
"""Writes the grammars of editors from the tables of the language.

    grammars.py [--check]

The words are those of rules/syntax/keywords.def, the functions those of library/language/word_docs.def. They go into
textmate/tocsin.tmLanguage.json (which VS Code, Sublime Text, bat and others read), the words of neovim/syntax/tocsin.vim, of
tree-sitter/queries/highlights.scm, and of the web console's editor (console/src/words.ts). --check writes nothing, and fails
where a file is not what would be written.
"""
import json
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
TABLE_ROW = re.compile(r'^TOCSIN_KEYWORD\("(\w+)", (k\w+)\)$', re.MULTILINE)
DOCS_ROW = re.compile(r'^TOCSIN_WORD\(\s*"(\w+)", (k\w+),', re.MULTILINE)
# What a grammar of expressions shows a word as; the first class that a word is of decides.
DECLARATIONS, WORDS, CONSTANTS, VALUES, TYPES = "declarations", "words", "constants", "values", "types"
FUNCTIONS, AGGREGATES = "functions", "aggregates"  # the second are among the first
SHOWN_AS = {"kDeclaration": DECLARATIONS, "kClause": WORDS, "kOperator": WORDS, "kOther": WORDS, "kPlaced": WORDS,
            "kType": TYPES, "kSeverity": VALUES, "kStatus": VALUES}
LITERALS = ("true", "false")

# `syntax keyword` takes these for arguments of its own.
VIM_ARGUMENTS = {"cchar", "conceal", "concealends", "contained", "containedin", "contains", "display", "extend", "fold", "nextgroup",
                 "skipempty", "skipnl", "skipwhite", "transparent"}


def words():
    """The words by what they are shown as, each once, in the order of the table."""
    found = {name: [] for name in (DECLARATIONS, WORDS, CONSTANTS, VALUES, TYPES, FUNCTIONS, AGGREGATES)}
    seen = set()
    rows = TABLE_ROW.findall((ROOT / "rules/syntax/keywords.def").read_text(encoding="utf-8"))
    for group in SHOWN_AS:
        if not any(of == group for _, of in rows):
            sys.exit(f"grammars.py: keywords.def has no word of the class {group}")
    unknown = {of for _, of in rows} - set(SHOWN_AS)
    if unknown:
        sys.exit(f"grammars.py: it is not known how words of {', '.join(sorted(unknown))} are shown")
    for group in SHOWN_AS:
        for word, of in rows:
            if of == group and word not in seen:
                seen.add(word)
                found[CONSTANTS if word in LITERALS else SHOWN_AS[of]].append(word)
    # A function may have the name of a word: it is one before `(`.
    for word, of in DOCS_ROW.findall((ROOT / "library/language/word_docs.def").read_text(encoding="utf-8")):
        if of in ("kFunction", "kAggregate") and word not in found[FUNCTIONS]:
            found[FUNCTIONS].append(word)
        if of == "kAggregate":
            found[AGGREGATES].append(word)
    return found


def one_of(some):
    """A regular expression of these words; the longer of two that begin alike comes first."""
    return "|".join(sorted(some, key=lambda word: (-len(word), word)))


def textmate(table):
    """The TextMate grammar. Order matters: the first pattern that fits at a place is taken."""
    # A word after a point or before a colon is a field, a column or a label: there the language has no keyword.
    word = r"(?<![.\w`])(?:{})\b(?!\s*:)"
    digits = r"\d[\d_]*"

    def match(scope, expression, captures=None):
        rule = {"name": scope, "match": expression} if scope else {"match": expression}
        if captures:
            rule["captures"] = {str(number): {"name": name} for number, name in captures.items()}
        return rule

    escape = match("constant.character.escape.tocsin", r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})')
    wrong_escape = match("invalid.illegal.escape.tocsin", r"\\.")
    regex_body = r"(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+"
    regex = {"name": "string.regexp.tocsin", "begin": "/", "end": "(/)(\\w*)|$",
             "endCaptures": {"2": {"name": "keyword.other.regexp-flag.tocsin"}}, "patterns": [{"include": "#regex-parts"}]}
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "Tocsin",
        "scopeName": "source.tocsin",
        "fileTypes": ["tocsin"],
        "patterns": [{"include": "#code"}],
        "repository": {
            "code": {"patterns": [{"include": f"#{name}"} for name in (
                "comment", "alert-message", "string", "quoted-name", "block", "brackets", "regex", "time", "number", "property", "label",
                "function", "declaration", "rule-name", "constants", "values", "types", "declarations", "words", "operator", "mark",
                "name")]},
            "comment": match("comment.line.number-sign.tocsin", r"#.*$"),
            "alert-message": {
                "comment": "The message of an alert, in which {expression} is replaced by its value.",
                "begin": r'(?<![.\w`])(alert)\s*(")', "end": r'"|$',
                "beginCaptures": {"1": {"name": "keyword.control.tocsin"}, "2": {"name": "string.quoted.double.tocsin"}},
                "endCaptures": {"0": {"name": "string.quoted.double.tocsin"}},
                "patterns": [
                    {"name": "string.quoted.double.tocsin", "match": r"\{\{|\}\}"},
                    {"name": "string.quoted.double.tocsin meta.interpolation.tocsin", "begin": r"\{", "end": r'\}|(?=")|$',
                     "beginCaptures": {"0": {"name": "punctuation.section.interpolation.begin.tocsin"}},
                     "endCaptures": {"0": {"name": "punctuation.section.interpolation.end.tocsin"}},
                     "patterns": [{"include": "#escape"}, {"include": "#quoted-name"}, {"include": "#time"}, {"include": "#number"},
                                  {"include": "#property"}, {"include": "#function"}, {"include": "#constants"}, {"include": "#words"},
                                  {"include": "#operator"}, {"include": "#name"}]},
                    {"name": "string.quoted.double.tocsin", "match": r'[^"\\{}]+|[{}]'},
                    {"name": "string.quoted.double.tocsin", "match": r"\\.", "captures": {"0": {"patterns": [{"include": "#escape"}]}}},
                ]},
            "string": {"name": "string.quoted.double.tocsin", "begin": '"', "end": '"|$', "patterns": [{"include": "#escape"}]},
            "escape": {"patterns": [escape, wrong_escape]},
            "quoted-name": match("variable.other.quoted.tocsin", r"`[^`\n]*`"),
            "block": {"begin": r"\{", "end": r"\}", "patterns": [{"include": "#code"}],
                      "beginCaptures": {"0": {"name": "punctuation.section.block.begin.tocsin"}},
                      "endCaptures": {"0": {"name": "punctuation.section.block.end.tocsin"}}},
            "brackets": {"begin": r"\[", "end": r"\]",
                         "beginCaptures": {"0": {"name": "punctuation.section.brackets.begin.tocsin"}},
                         "endCaptures": {"0": {"name": "punctuation.section.brackets.end.tocsin"}},
                         "patterns": [
                             {"comment": "A line of a list may begin with a regular expression.",
                              "match": rf"^\s*(/{regex_body}/\w*)", "captures": {"1": {"patterns": [{"include": "#whole-regex"}]}}},
                             {"include": "#code"}]},
            "regex": {
                "comment": "A slash is a division but behind these.",
                "match": rf"(?:(?<=[=,(\[:])|(?<=\bmatches)|(?<=\bof))\s*(/{regex_body}/\w*)",
                "captures": {"1": {"patterns": [{"include": "#whole-regex"}]}}},
            "whole-regex": regex,
            "regex-parts": {"patterns": [
                match("constant.character.escape.tocsin", r"\\."),
                {"name": "constant.other.character-class.tocsin", "begin": r"\[", "end": r"\]|$",
                 "patterns": [match("constant.character.escape.tocsin", r"\\.")]},
                match("keyword.operator.quantifier.tocsin", r"[*+?|]|\{\d+(?:,\d*)?\}")]},
            "time": match("constant.numeric.time.tocsin",
                          r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d))?(?!\w)"),
            "number": {"patterns": [
                match("constant.numeric.duration.tocsin", rf"\b(?:{digits}(?:ms|[smhdw]))+(?!\w)"),
                match("constant.numeric.float.tocsin", rf"\b{digits}(?:\.\d+)?[eE][-+]?\d+(?!\w)"),
                match("constant.numeric.decimal.tocsin", rf"\b{digits}\.\d+(?!\w)"),
                match("constant.numeric.integer.tocsin", rf"\b{digits}(?!\w)")]},
            "property": {"patterns": [
                match(None, r"(?<!\.)(\.)(first|last)\b", {1: "punctuation.accessor.tocsin", 2: "keyword.other.tocsin"}),
                match(None, r"(?<!\.)(\.)([A-Za-z_]\w*)", {1: "punctuation.accessor.tocsin", 2: "variable.other.property.tocsin"})]},
            "label": match("variable.other.property.tocsin", r"(?<![.\w`])[A-Za-z_]\w*(?=\s*:)"),
            "function": {"patterns": [
                match("support.function.tocsin", rf"(?<![.\w`])(?:{one_of(table[FUNCTIONS])})(?=\()"),
                {"comment": "In `features of …` an aggregate has no parentheses.",
                 **match(None, rf"(?<![!<>])(=)\s*({one_of(table[AGGREGATES])})\b(?!\s*:)",
                         {1: "keyword.operator.tocsin", 2: "support.function.tocsin"})}]},
            "declaration": match(None, r"^(\s*)(const|feature|list|table|kind|event|key|defaults)\s+([A-Za-z_]\w*)\b(?=\s*(?:[={:]|from\b|key\b))",
                                 {2: "storage.type.tocsin", 3: "entity.name.type.tocsin"}),
            "rule-name": match(None, r"^(\s*)(rule|test)\s+([A-Za-z_]\w*)\b(?=\s*\")", {2: "storage.type.tocsin", 3: "entity.name.function.tocsin"}),
            "constants": match("constant.language.tocsin", word.format(one_of(table[CONSTANTS]))),
            "values": match("support.constant.tocsin", word.format(one_of(table[VALUES]))),
            "types": match("storage.type.primitive.tocsin", word.format(one_of(table[TYPES]))),
            "declarations": match("storage.type.tocsin", word.format(one_of(table[DECLARATIONS]))),
            "words": match("keyword.control.tocsin", word.format(one_of(table[WORDS]))),
            "operator": match("keyword.operator.tocsin", r"!=|<=|>=|\.\.|[=<>+\-*/%|?]"),
            "mark": match("punctuation.tocsin", r"[(),:.\]}]"),
            "name": match("variable.other.tocsin", r"[A-Za-z_]\w*"),
        },
    }


def vim_words(table):
    """The lines of syntax/tocsin.vim that name words."""
    lines = []
    keywords = {word for group in (DECLARATIONS, WORDS, CONSTANTS, VALUES, TYPES) for word in table[group]}
    for group, some in (("tocsinDeclaration", table[DECLARATIONS]), ("tocsinKeyword", table[WORDS]),
                        ("tocsinWord", table[VALUES] + table[CONSTANTS]), ("tocsinType", table[TYPES]),
                        ("tocsinFunction", [word for word in table[FUNCTIONS] if word not in keywords])):
        for line in textwrap.wrap(" ".join(sorted(set(some) - VIM_ARGUMENTS)), 100 - len(f"syntax keyword {group} ")):
            lines.append(f"syntax keyword {group} {line}")
        lines += [f"syntax match {group} /\\<{word}\\>/" for word in sorted(VIM_ARGUMENTS & set(some))]
    return lines


def console_words(table):
    """The lines of the web console's src/words.ts."""
    lines = []
    keywords = {word for group in (DECLARATIONS, WORDS, CONSTANTS, VALUES, TYPES) for word in table[group]}
    for group, some in (("declaration", table[DECLARATIONS]), ("word", table[WORDS]), ("value", table[VALUES] + table[CONSTANTS]),
                        ("type", table[TYPES]), ("function", [word for word in table[FUNCTIONS] if word not in keywords])):
        for line in textwrap.wrap(" ".join(sorted(set(some))), 100):
            lines.append(f'  {{ of: "{group}", words: "{line}" }},')
    return lines


def tree_sitter_words(table):
    """The lines of highlights.scm that name words. Fails where grammar.js and the table do not have the same words."""
    grammar = (HERE / "tree-sitter/grammar.js").read_text(encoding="utf-8")
    grammar = re.sub(r"^\s*//.*$", "", grammar, flags=re.MULTILINE)
    grammar = re.sub(r'field\("\w+"|name: "\w+"', "", grammar)
    known = {word for word in re.findall(r'"([a-z]+)"', grammar)} | {"half", "life"}  # these two are one token
    groups = {"@keyword": table[DECLARATIONS] + table[WORDS], "@type.builtin": table[TYPES]}
    named = {word for some in groups.values() for word in some} | set(table[CONSTANTS])
    statuses = known - named
    if named - known or statuses - set(table[VALUES]):
        sys.exit(f"grammars.py: tree-sitter/grammar.js lacks {sorted(named - known)} of the table, which lacks {sorted(statuses - set(table[VALUES]))}")
    groups["@constant.builtin"] = sorted(statuses)
    lines = []
    for capture, some in groups.items():
        some = sorted(f'"{word}"' for word in set(some) - {"half", "life", "prev"})
        if capture == "@keyword":
            some.append('"half life"')
        lines += ["[", *(f"  {line}" for line in textwrap.wrap(" ".join(some).replace("half life", "half~life"), 98)), f"] {capture}"]
    severities = " ".join(f'"{word}"' for word in table[VALUES] if word not in statuses)
    lines.append(f"((severity (identifier) @constant.builtin) (#any-of? @constant.builtin {severities}))")
    return [line.replace("half~life", "half life") for line in lines]


def with_words(path, begin, end, lines):
    """The file with these lines between its lines `begin` and `end`."""
    text = path.read_text(encoding="utf-8")
    before, mark, rest = text.partition(f"{begin}\n")
    _, end_mark, after = rest.partition(f"{end}\n")
    if not mark or not end_mark:
        sys.exit(f"grammars.py: {path} has no lines {begin!r} and {end!r}")
    return f"{before}{mark}" + "".join(f"{line}\n" for line in lines) + f"{end_mark}{after}"


def files():
    """What each file should hold, by path."""
    table = words()
    vim = HERE / "neovim/syntax/tocsin.vim"
    console = ROOT / "console/src/words.ts"
    highlights = HERE / "tree-sitter/queries/highlights.scm"
    return {
        HERE / "textmate/tocsin.tmLanguage.json": json.dumps(textmate(table), indent=2, ensure_ascii=False) + "\n",
        vim: with_words(vim, '" words, written by editors/grammars.py', '" end of words', vim_words(table)),
        console: with_words(console, "  // words, written by editors/grammars.py", "  // end of words", console_words(table)),
        highlights: with_words(highlights, "; words, written by editors/grammars.py", "; end of words", tree_sitter_words(table)),
    }


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: grammars.py [--check]")
    wrong = []
    for path, text in files().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            wrong.append(str(path.relative_to(ROOT)))
        else:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")
    if wrong:
        sys.exit(f"not what the tables of the language give: {', '.join(wrong)}; run python3 editors/grammars.py")


if __name__ == "__main__":
    main()
