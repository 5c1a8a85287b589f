#!/usr/bin/env python3
"""Puts the sources of each target into groups that compile as one file each.

    unity_groups.py ROOT SIZE < TARGETS

A line of standard input is a target and its sources, separated by semicolons. The output is CMake's: it gives the
sources of a group the same UNITY_GROUP; a source in no group is compiled alone.

Two sources share a group only if no name that one keeps to itself (in an unnamed namespace, a constant, a type, a
macro) means something in the other, or in a header that the other alone includes; and if no header that one alone
includes has a function that a call in the other may mean as well as its own; and if no namespace that one opens by
`using namespace` has a name that the other means from elsewhere. A `using` that both write alike means the same. It is judged by the words of the sources, on the careful side: where in doubt, they do not share one.
"""
import functools
import pathlib
import re
import sys

TOKEN = re.compile(r"""
    (?P<skip>//[^\n]*|/\*.*?\*/|\s+)
  | (?P<text>(?:u8|[uUL])?R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"|\b[0-9](?:[\w.]|'\w)*
            |(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
  | (?P<line>^[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>::|->|.)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')
DEFINE = re.compile(r"\s*#\s*define\s+(\w+)")
KEYWORDS = set("""alignas alignof asm auto bool break case catch char class co_await co_return co_yield concept const consteval
constexpr constinit const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern false
final float for friend goto if inline int long mutable namespace new noexcept nullptr operator override private protected
public register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template
this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while""".split())
OWN = {"struct", "class", "enum", "union", "using", "constexpr", "const", "static", "inline", "typedef", "concept", "constinit"}
MACRO = re.compile(r"[A-Z][A-Z0-9_]+$")  # TEST_CASE and its like are no declarations


class Words:
    """What a file says: its names, and the places where others' names would be taken for its own."""

    def __init__(self, text):
        self.includes, self.declared, self.own, self.functions = [], set(), set(), set()
        self.used, self.called, self.called_plainly = set(), set(), set()
        self.namespaces = {}  # the functions, each with the namespaces that declare it
        self.places = {}  # all names, each with the namespaces that declare it
        self.opened = set()  # the namespaces that `using namespace` opens for all of a file
        self.aliases = {}  # the names that `using` makes here, each with its statement
        self.macro_before_include = False
        tokens = self.tokens_of(text)
        self.collect_uses(tokens)
        self.scope(tokens, 0, ())
        self.own |= self.macros

    def tokens_of(self, text):
        self.macros = set()
        tokens = []
        for match in TOKEN.finditer(text):
            if match.lastgroup == "line":
                include, define = INCLUDE.match(match[0]), DEFINE.match(match[0])
                if include:
                    self.includes.append(include[1])
                elif define:
                    self.macros.add(define[1])
                if re.match(r"\s*#\s*include", match[0]) and self.macros:
                    self.macro_before_include = True
            elif match.lastgroup == "word" or match.lastgroup == "sign":
                tokens.append(match[0])
            elif match["text"]:
                tokens.append("0")
        return tokens

    def collect_uses(self, tokens):
        for at, token in enumerate(tokens):
            if (token[0].isalpha() or token[0] == "_") and token not in KEYWORDS:
                before = tokens[at - 1] if at else ""
                if before not in (".", "->"):
                    self.used.add(token)
                    if tokens[at + 1:at + 2] == ["("]:
                        self.called.add(token)
                        if before != "::":
                            self.called_plainly.add(token)

    def scope(self, tokens, at, namespace):
        """Reads declarations of a namespace from `at` on; returns where its closing brace stands."""
        statement, depth, unnamed = [], 0, "" in namespace
        while at < len(tokens):
            token = tokens[at]
            following = tokens[at + 1] if at + 1 < len(tokens) else ""
            if token == "template" and following == "<":
                at = self.after(tokens, at + 1, "<", ">")
                continue
            if token == "(":
                depth += 1
            elif token == ")":
                depth -= 1
            elif depth == 0 and token == "{":
                if "namespace" in statement[:2]:
                    named = [word for word in statement if word not in ("namespace", "inline", "::")]
                    at = self.scope(tokens, at + 1, (*namespace, *(named or [""])))
                else:
                    end = self.after(tokens, at, "{", "}")
                    if "enum" in statement and "class" not in statement:
                        self.take([word for word in tokens[at:end] if word[0].isalpha()], True, False)
                    at = end - 1
                    if end < len(tokens) and tokens[end] in (";", ",", "("):
                        at += 1
                statement = []
                at += 1
                continue
            elif depth == 0 and token == "}":
                return at
            elif depth == 0 and token == ";":
                self.take_alias(statement)
                statement = []
            if depth == 0 and (token[0].isalpha() or token[0] == "_"):
                kind = statement[-1] if statement else ""
                alias = statement[:1] == ["namespace"] or statement[:2] == ["using", "namespace"]
                own = unnamed
                if statement[:1] != ["using"] or following == "=":
                    own = (unnamed or bool(OWN & set(statement))) and kind != "::"
                if "=" in statement and "," not in statement[statement.index("="):]:
                    pass  # what a name is set to; behind a comma may stand one more name
                elif kind in ("struct", "class", "enum", "union") or following in ("(", "{", "=", ";", "[", ":"):
                    if not alias and following != "::":
                        self.take([token], own, following == "(")
                        self.places.setdefault(token, set()).add(namespace)
                        if following == "(":
                            self.namespaces.setdefault(token, set()).add(namespace)
            if token != ";" and depth == 0:
                statement.append(token)
            at += 1
        return at

    def take(self, words, own, function):
        for word in words:
            if word in KEYWORDS or MACRO.match(word):
                continue
            self.declared.add(word)
            if own:
                self.own.add(word)
                if function:
                    self.functions.add(word)

    def take_alias(self, statement):
        if statement[:2] == ["using", "namespace"]:
            self.opened.add(statement[-1])
        elif statement[:1] == ["using"]:
            name = statement[1] if "=" in statement else statement[-1]
            self.aliases[name] = tuple(statement)

    @staticmethod
    def after(tokens, at, opening, closing):
        """Returns the place behind the bracket that closes the one at `at`."""
        depth = 0
        while at < len(tokens):
            depth += {opening: 1, closing: -1}.get(tokens[at], 0)
            at += 1
            if depth == 0:
                break
        return at


class Sources:
    def __init__(self, root):
        self.root = root

    @functools.lru_cache(maxsize=None)
    def words(self, path):
        return Words(pathlib.Path(path).read_text(encoding="utf-8", errors="replace"))

    @functools.lru_cache(maxsize=None)
    def headers(self, path):
        """Returns all headers of ours that a file sees."""
        seen, todo = set(), [path]
        while todo:
            for name in self.words(todo.pop()).includes:
                header = str(self.root / name)
                if header not in seen and pathlib.Path(header).is_file():
                    seen.add(header)
                    todo.append(header)
        return frozenset(seen)

    @functools.lru_cache(maxsize=None)
    def namespaces(self, path):
        """Returns the functions that a file sees, each with the namespaces that declare it."""
        seen = {}
        for file in (path, *self.headers(path)):
            for name, namespaces in self.words(file).namespaces.items():
                seen.setdefault(name, set()).update(namespaces)
        return seen

    def rivals(self, header, other):
        """Whether a call in the other finds a function of the header, by its arguments, beside one of another namespace."""
        calls, seen = self.words(other).called_plainly, self.namespaces(other)
        return any(name in calls and seen.get(name, set()) - namespaces
                   for name, namespaces in self.words(header).namespaces.items())

    def opens(self, one, other):
        """Whether a namespace that one opens has a name that the other means from elsewhere."""
        used = self.words(other).used
        for namespace in self.words(one).opened:
            for header in self.headers(one):
                for name, places in self.words(header).places.items():
                    if name in used and any(place[-1:] == (namespace,) for place in places) and any(
                            place[-1:] != (namespace,) for file in (other, *self.headers(other))
                            for place in self.words(file).places.get(name, ())):
                        return True
        return False

    def means(self, path, name):
        """Whether a file sees a name from elsewhere than a `using` of its own or within a function or a class."""
        return (name in self.words(path).declared and name not in self.words(path).aliases
                or any(name in self.words(header).declared for header in self.headers(path)))

    def disturbs(self, one, other):
        """Whether a name of one's own means something in the other, or in headers that it brings."""
        own, words = self.words(one), self.words(other)
        same = {name for name, alias in own.aliases.items()
                if words.aliases.get(name, alias) == alias and not self.means(other, name)}
        if (own.own - own.functions - same) & words.used or own.functions & words.called:
            return True
        if self.opens(one, other):
            return True
        if any(self.rivals(header, other) for header in self.headers(one) - self.headers(other)):
            return True
        return any(own.own & (self.words(header).declared | self.words(header).macros)
                   for header in self.headers(other) - self.headers(one))

    def groups(self, paths, size):
        groups = []
        for path in paths:
            if self.words(path).macro_before_include:
                continue
            for group in groups:
                if len(group) < size and not any(self.disturbs(path, other) or self.disturbs(other, path) for other in group):
                    group.append(path)
                    break
            else:
                groups.append([path])
        return [group for group in groups if len(group) > 1]


def main():
    sources = Sources(pathlib.Path(sys.argv[1]))
    for line in sys.stdin:
        target, *paths = line.strip().split(";")
        groups = sources.groups(sorted(paths), int(sys.argv[2]))
        if groups:
            print(f"set_target_properties({target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)")
        for number, group in enumerate(groups):
            print("set_source_files_properties(", *(f'"{path}"' for path in group), f"TARGET_DIRECTORY {target}",
                  f"PROPERTIES UNITY_GROUP {target}_{number})", sep="\n  ")


main()
