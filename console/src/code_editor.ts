// The editor of rules: CodeMirror in a shadow root, where its styles are style sheets that the page's policy allows.
import { Completion, CompletionContext, CompletionResult, autocompletion, completionKeymap, snippet } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, toggleComment } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, StringStream, bracketMatching, codeFolding, foldGutter, foldKeymap, foldService, indentUnit, syntaxHighlighting, toggleFold } from "@codemirror/language";
import { Action, Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { closeSearchPanel, findNext, findPrevious, openSearchPanel, search } from "@codemirror/search";
import { EditorState, Text } from "@codemirror/state";
import { EditorView, KeyBinding, Tooltip, drawSelection, highlightActiveLine, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { h, render } from "preact";
import { foldAt } from "./blocks";
import { Offer, Range } from "./language";
import { Markdown } from "./markdown";
import { offsetOf } from "./positions";
import { WORDS, WordClass } from "./words";

/** Something that the checker says of the text; lines and columns are its own, from 1. */
export interface Finding {
  level: "error" | "warning";
  message: string;
  begin: { line: number; column: number };
  end: { line: number; column: number };
  fix: { title: string; begin: { line: number; column: number }; end: { line: number; column: number }; text: string } | undefined;
}
export interface CodeEditor {
  text: () => string;
  replace: (text: string) => void;
  show: (findings: readonly Finding[]) => void;
  goTo: (line: number, column: number) => void;
  fix: (finding: Finding) => void;
  cursor: () => number;
  select: (range: Range) => void;
  apply: (changes: readonly { range: Range; insert: string }[]) => void;
  find: () => void; // opens the search
  fold: () => void; // the block at the cursor, or opens it again
  focus: () => void;
  close: () => void;
}
/** What is asked about the name at the cursor, or done with the text: a key and a button each. */
export const TOOLS = {
  about: { key: "F1", text: "What is this?" },
  definition: { key: "F12", text: "Go to its declaration" },
  references: { key: "Shift-F12", text: "Where it is used" },
  rename: { key: "F2", text: "Rename" },
  format: { key: "Shift-Alt-f", text: "Format" },
  actions: { key: "Ctrl-.", text: "What can be done here" },
} as const;
export type Tool = keyof typeof TOOLS;

const NAMES: { [of in WordClass]: string } = { declaration: "definitionKeyword", word: "keyword", value: "atom", type: "typeName", function: "function" };
function token(stream: StringStream): string | null {
  if (stream.eatSpace()) return null;
  if (stream.match(/^#.*/)) return "comment";
  if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return "string";
  if (stream.match(/^`[^`]*`?/)) return "variableName";
  if (stream.match(/^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[-+]\d\d:\d\d))?/) || stream.match(/^(?:\d[\d_]*(?:ms|[smhdw]))+(?!\w)/) || stream.match(/^\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?/)) return "number";
  if (stream.match(/^\.[A-Za-z_]\w*/)) return "propertyName";
  const word = stream.match(/^[A-Za-z_]\w*/) as RegExpMatchArray | null;
  if (word) {
    // Before a colon it is a field, whatever the word.
    if (stream.match(/^\s*:/, false)) return "propertyName";
    const of = WORDS.get(word[0]);
    return of === undefined || (of === "function" && !stream.match(/^\s*\(/, false)) ? "variableName" : NAMES[of];
  }
  if (stream.match(/^(?:!=|<=|>=|\.\.|[=<>+\-*/%|?])/)) return "operator";
  stream.next();
  return null;
}
const language = StreamLanguage.define<null>({
  name: "tocsin",
  startState: () => null,
  token,
  tokenTable: { function: tags.function(tags.variableName), definitionKeyword: tags.definitionKeyword },
  languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
});
const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
  { tag: tags.string, color: "var(--good)" },
  { tag: tags.number, color: "var(--warm)" },
  { tag: tags.atom, color: "var(--warm)" },
  { tag: tags.definitionKeyword, color: "var(--bad)", fontWeight: "600" },
  { tag: tags.keyword, color: "var(--link)" },
  { tag: tags.typeName, color: "var(--link)", fontStyle: "italic" },
  { tag: tags.function(tags.variableName), color: "var(--link)" },
]);
// The page's colours reach into the shadow root, in light and dark.
const theme = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--ground)", border: "1px solid var(--line)", fontSize: "13px", maxHeight: "70vh" },
  "&.cm-focused": { outline: "2px solid var(--link)" },
  ".cm-scroller": { fontFamily: "ui-monospace, monospace", lineHeight: "1.5", overflow: "auto" },
  ".cm-content, .cm-gutter": { minHeight: "16rem" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--quiet)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--mark) 45%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--mark)" },
  ".cm-tooltip": { color: "var(--text)", backgroundColor: "var(--panel)", border: "1px solid var(--quiet)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--text)", backgroundColor: "var(--mark)" },
  ".cm-tooltip-hover, .cm-completionInfo": { maxWidth: "36rem", maxHeight: "20rem", overflow: "auto" },
  ".said": { padding: "4px 8px", fontFamily: "system-ui, sans-serif" },
  ".said p, .said ul": { margin: "4px 0" },
  ".said pre": { margin: "4px 0", whiteSpace: "pre-wrap" },
  ".cm-diagnosticText": { whiteSpace: "pre-wrap" },
  ".cm-diagnosticAction": { color: "var(--ground)", backgroundColor: "var(--link)" },
  ".cm-panels": { color: "var(--text)", backgroundColor: "var(--panel)" },
  ".cm-panel.cm-panel-lint ul [aria-selected]": { backgroundColor: "var(--mark)" },
  ".cm-panel.cm-search": { padding: "4px 1.8rem 4px 6px", fontFamily: "system-ui, sans-serif" },
  ".cm-panel.cm-search input, .cm-panel.cm-search button, .cm-panel.cm-search label": { fontSize: "13px" },
  ".cm-textfield": { color: "var(--text)", backgroundColor: "var(--ground)", border: "1px solid var(--quiet)" },
  ".cm-button": { color: "var(--text)", backgroundColor: "var(--ground)", backgroundImage: "none !important", border: "1px solid var(--quiet)" },
  ".cm-panel.cm-search [name=close]": { color: "var(--text)", minWidth: "1.6rem", minHeight: "1.6rem" },
  ".cm-searchMatch": { backgroundColor: "transparent !important", outline: "1px solid var(--quiet)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--mark) !important", outline: "2px solid var(--link)" },
  ".cm-foldPlaceholder": { color: "var(--text)", backgroundColor: "var(--panel)", border: "1px solid var(--quiet)", padding: "0 4px" },
  ".cm-matchingBracket": { backgroundColor: "var(--mark)" },
});

const NAME = /[A-Za-z_]\w*/g;
function markdown(text: string): HTMLElement {
  const dom = document.createElement("div");
  dom.className = "said";
  render(h(Markdown, { text }), dom);
  return dom;
}
function completionOf({ kind, label, insert, detail, doc }: Offer): Completion {
  const made: Completion = { label, detail: detail || kind, boost: 1 };
  if (doc) made.info = () => markdown(doc);
  if (insert !== label) made.apply = kind === "snippet" ? snippet(insert) : insert;
  return made;
}
/** What the server offers at the place; after that words of the language, and names that the rules have anywhere. */
function completer({ names, offers }: Wanted): (context: CompletionContext) => Promise<CompletionResult | null> {
  return async (context) => {
    const before = context.matchBefore(/[A-Za-z_]\w*/);
    if (!before && !context.explicit && !context.matchBefore(/\./)) return null;
    const ended = new AbortController();
    context.addEventListener("abort", () => ended.abort());
    const found = new Map<string, Completion>();
    // While the server does not answer, and in a text that it knows nothing of, the rest is offered.
    const byPlace = await offers(context.pos, ended.signal).catch(() => []);
    if (context.aborted) return null;
    for (const offer of byPlace) found.set(offer.label, completionOf(offer));
    const rest = (label: string, detail?: string) => {
      if (!found.has(label)) found.set(label, { label, boost: -1, ...(detail ? { detail } : {}) });
    };
    if (before) for (const text of [context.state.doc.toString(), ...names()]) for (const [name] of text.matchAll(NAME)) if (name !== before.text) rest(name);
    if (before) for (const [word, of] of WORDS) rest(word, of);
    return { from: before?.from ?? context.pos, options: [...found.values()], validFor: /^\w*$/ };
  };
}

const SEARCH: readonly KeyBinding[] = [
  { key: "Mod-f", run: openSearchPanel, scope: "editor search-panel" },
  { key: "F3", run: findNext, shift: findPrevious, scope: "editor search-panel", preventDefault: true },
  { key: "Escape", run: closeSearchPanel, scope: "editor search-panel" },
];
/** What can be folded, of a text that is made once for all lines in view. */
function folds(): (state: EditorState, begin: number, end: number) => { from: number; to: number } | null {
  let known: { doc: Text; text: string } | undefined;
  return ({ doc }, begin, end) => {
    if (known?.doc !== doc) known = { doc, text: doc.toString() };
    return foldAt(known.text, begin, end);
  };
}

interface Wanted {
  text: string;
  label: string;
  names: () => readonly string[]; // texts whose names are offered
  offers: (offset: number, signal: AbortSignal) => Promise<readonly Offer[]>;
  hover: (offset: number) => Promise<(Range & { markdown: string }) | undefined>;
  use: (tool: Tool) => void;
  changed: () => void;
}
export function openCode(host: HTMLElement, wanted: Wanted): CodeEditor {
  const { text, label, changed } = wanted;
  const hover = async (_: EditorView, at: number): Promise<Tooltip | null> => {
    const found = await wanted.hover(at).catch(() => undefined);
    return found ? { pos: found.from, end: found.to, create: () => ({ dom: markdown(found.markdown) }) } : null;
  };
  const tools = Object.entries(TOOLS).map(([tool, { key }]) => ({
    key,
    preventDefault: true,
    run: () => {
      wanted.use(tool as Tool);
      return true;
    },
  }));
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        bracketMatching(),
        indentUnit.of("  "),
        language,
        syntaxHighlighting(colours),
        autocompletion({ override: [completer(wanted)], icons: false }),
        hoverTooltip(hover),
        lintGutter(),
        foldService.of(folds()),
        codeFolding(),
        foldGutter(),
        search({ top: true }),
        theme,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
        EditorView.updateListener.of((update) => update.docChanged && changed()),
        // Tab leaves the editor, as it leaves every other field.
        keymap.of([...tools, ...completionKeymap, ...lintKeymap, ...SEARCH, ...foldKeymap, { key: "Mod-/", run: toggleComment }, ...historyKeymap, ...defaultKeymap]),
      ],
    }),
  });
  const placeOf = ({ line, column }: { line: number; column: number }) => offsetOf(view.state.doc.toString().split("\n"), line, column);
  const fix = ({ fix: edit }: Finding) => {
    if (!edit) return;
    view.dispatch({ changes: { from: placeOf(edit.begin), to: placeOf(edit.end), insert: edit.text } });
    view.focus();
  };
  return {
    text: () => view.state.doc.toString(),
    replace: (whole) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: whole } }),
    show: (findings) => {
      const lines = view.state.doc.toString().split("\n");
      const shown = findings.map((finding): Diagnostic => {
        const from = offsetOf(lines, finding.begin.line, finding.begin.column);
        const to = Math.max(from, offsetOf(lines, finding.end.line, finding.end.column));
        const actions: Action[] = finding.fix ? [{ name: finding.fix.title, apply: () => fix(finding) }] : [];
        return { from, to, severity: finding.level, message: finding.message, actions };
      });
      view.dispatch(setDiagnostics(view.state, shown.sort((a, b) => a.from - b.from)));
    },
    goTo: (line, column) => {
      const at = placeOf({ line, column });
      view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
      view.focus();
    },
    fix,
    cursor: () => view.state.selection.main.head,
    select: ({ from, to }) => {
      view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
    apply: (changes) => view.dispatch({ changes: changes.map(({ range, insert }) => ({ ...range, insert })) }),
    find: () => openSearchPanel(view),
    fold: () => {
      toggleFold(view);
      view.focus();
    },
    focus: () => view.focus(),
    close: () => view.destroy(),
  };
}
