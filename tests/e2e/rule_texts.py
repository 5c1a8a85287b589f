"""Every rule text of the repository, and its tokens as the language server knows them.

What a token is, the server says: it reads with the lexer, and knows names as the checker does.
"""
import re

from harness import BINARY, ROOT
from lsp_client import LspClient

FENCE = re.compile(r"^```tocsin[^\n]*\n(.*?)^```$", re.M | re.S)


def texts():
    """Every rule text that is right or nearly so, by a name: samples, packs of the tests, examples of the docs."""
    found = {}
    for folder in ("samples", "tests/language", "tests/state", "tests/golden/explain", "tests/golden/failed_tests",
                   "tests/golden/journal_before", "tests/golden/journal_data", "tests/fuzz/corpus/format", "runtime/flink/src/test/resources"):
        for path in sorted((ROOT / folder).rglob("*.tocsin")):
            found[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
    for page in sorted(ROOT.glob("docs/*.md")) + [ROOT / "README.md"]:
        for number, match in enumerate(FENCE.finditer(page.read_text(encoding="utf-8"))):
            found[f"{page.name} block {number + 1}"] = match[1]
    assert len(found) > 150, len(found)
    return found


class Token:
    """A token as the server knows it; line and character count from 0, in UTF-16; `then` is the character behind it."""

    def __init__(self, line, character, length, of, text, then):
        self.line, self.character, self.length, self.of, self.text, self.then = line, character, length, of, text, then


class RuleServer:
    """`tocsin lsp`, asked for one text after the other."""

    def __init__(self):
        self.client = LspClient(BINARY)
        self.legend = self.client.initialized["capabilities"]["semanticTokensProvider"]["legend"]["tokenTypes"]

    def ask(self, method, name, text):
        """What it says of a text. A file of the samples is checked with its schema, any other text is a set of its own."""
        path = ROOT / name
        uri = self.client.open(path.as_uri() if name.startswith("samples/") else "untitled:x.tocsin", text)
        answer = self.client.request(method, textDocument={"uri": uri})
        self.client.notify("textDocument/didClose", textDocument={"uri": uri})
        return answer

    def tokens(self, name, text):
        data = self.ask("textDocument/semanticTokens/full", name, text)["data"]
        lines = [line.encode("utf-16-le") for line in text.split("\n")]
        line = character = 0
        tokens = []
        for i in range(0, len(data), 5):
            delta_line, delta_character, length, kind, _ = data[i:i + 5]
            line, character = line + delta_line, (0 if delta_line else character) + delta_character
            piece = lines[line][2 * character:2 * (character + length)].decode("utf-16-le")
            then = lines[line][2 * (character + length):2 * (character + length) + 2].decode("utf-16-le", "replace")
            tokens.append(Token(line, character, length, self.legend[kind], piece, then))
        return tokens

    def symbols(self, name, text):
        """The declarations and their parts, by place: name and line from 1."""
        found = []

        def add(entries):
            for entry in entries:
                found.append((entry["name"], entry["selectionRange"]["start"]["line"] + 1, entry["selectionRange"]["start"]["character"]))
                add(entry.get("children", []))

        add(self.ask("textDocument/documentSymbol", name, text))
        return [(symbol, line) for symbol, line, _ in sorted(found, key=lambda each: each[1:])]

    def end(self):
        assert self.client.end() == 0


def server_tokens(sources):
    """The tokens of each text, by its name."""
    server = RuleServer()
    found = {name: server.tokens(name, text) for name, text in sources.items()}
    server.end()
    return found
