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
                   "runtime/flink/src/test/resources"):
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


def server_tokens(sources):
    """The tokens of each text, by its name."""
    client = LspClient(BINARY)
    legend = client.initialized["capabilities"]["semanticTokensProvider"]["legend"]["tokenTypes"]
    found = {}
    for number, (name, text) in enumerate(sources.items()):
        uri = client.open(f"untitled:{number}.tocsin", text)
        data = client.request("textDocument/semanticTokens/full", textDocument={"uri": uri})["data"]
        client.notify("textDocument/didClose", textDocument={"uri": uri})
        lines = [line.encode("utf-16-le") for line in text.split("\n")]
        line = character = 0
        tokens = found[name] = []
        for i in range(0, len(data), 5):
            delta_line, delta_character, length, kind, _ = data[i:i + 5]
            line, character = line + delta_line, (0 if delta_line else character) + delta_character
            piece = lines[line][2 * character:2 * (character + length)].decode("utf-16-le")
            then = lines[line][2 * (character + length):2 * (character + length) + 2].decode("utf-16-le", "replace")
            tokens.append(Token(line, character, length, legend[kind], piece, then))
    assert client.end() == 0
    return found
