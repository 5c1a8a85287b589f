// Reads {"grammar": PATH, "texts": [{"text", "tokens": [{"line", "character", "length"}]}]} from standard input, and writes for
// each text the list of its tokens' scopes: those that all of the token's characters have in common, outermost first.
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";

const require = createRequire(import.meta.url);
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

const input = [];
for await (const chunk of process.stdin) input.push(chunk);
const { grammar: path, texts } = JSON.parse(Buffer.concat(input).toString());
await oniguruma.loadWASM(await readFile(require.resolve("vscode-oniguruma/release/onig.wasm")));
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(await readFile(path, "utf8"), path),
});
const grammar = await registry.loadGrammar("source.tocsin");

// The scopes of each line's stretches: [{startIndex, endIndex, scopes}].
function linesOf(text) {
  let stack = textmate.INITIAL;
  return text.split("\n").map((line) => {
    const result = grammar.tokenizeLine(line, stack);
    stack = result.ruleStack;
    return result.tokens;
  });
}

const answers = texts.map(({ text, tokens }) => {
  const lines = linesOf(text);
  return tokens.map(({ line, character, length }) => {
    const end = character + length;
    const pieces = lines[line].filter((piece) => piece.startIndex < end && piece.endIndex > character);
    const [first, ...others] = pieces.map((piece) => piece.scopes);
    return first.filter((scope) => others.every((scopes) => scopes.includes(scope)));
  });
});
process.stdout.write(JSON.stringify(answers));
