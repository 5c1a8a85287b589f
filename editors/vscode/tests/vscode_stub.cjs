// The parts of VS Code's interface that the extension and its language client use, without an editor. What they registered is
// in `state`; what nobody fires is an event all the same.
"use strict";
const { readFileSync } = require("node:fs");

class Disposable {
  constructor(callOnDispose) {
    this.callOnDispose = callOnDispose;
  }
  static from(...all) {
    return new Disposable(() => all.forEach((each) => each.dispose()));
  }
  dispose() {
    this.callOnDispose?.();
    this.callOnDispose = undefined;
  }
}

class EventEmitter {
  constructor() {
    this.listeners = new Set();
    this.event = (listener, self, disposables) => {
      const bound = self ? listener.bind(self) : listener;
      this.listeners.add(bound);
      const registration = new Disposable(() => this.listeners.delete(bound));
      disposables?.push(registration);
      return registration;
    };
  }
  fire(value) {
    for (const listener of [...this.listeners]) listener(value);
  }
  dispose() {
    this.listeners.clear();
  }
}

class Position {
  constructor(line, character) {
    this.line = line;
    this.character = character;
  }
  compareTo(other) {
    return this.line - other.line || this.character - other.character;
  }
}
class Range {
  constructor(...given) {
    const [start, end] = given.length === 4 ? [new Position(given[0], given[1]), new Position(given[2], given[3])] : given;
    this.start = start;
    this.end = end;
  }
  contains(position) {
    return this.start.compareTo(position) <= 0 && this.end.compareTo(position) >= 0;
  }
}
class Selection extends Range {
  get active() {
    return this.end;
  }
}

class Uri {
  constructor({ scheme, authority = "", path = "", query = "", fragment = "" }) {
    Object.assign(this, { scheme, authority, path, query, fragment });
  }
  static from(parts) {
    return new Uri(parts);
  }
  static file(path) {
    return new Uri({ scheme: "file", path });
  }
  static parse(text) {
    const [, scheme, authority, path, query, fragment] = /^([\w-]+):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(text);
    return new Uri({ scheme, authority, path: decodeURIComponent(path), query: decodeURIComponent(query ?? ""), fragment });
  }
  get fsPath() {
    return this.path;
  }
  toString() {
    const path = this.path.split("/").map(encodeURIComponent).join("/");
    const slashes = this.scheme === "file" || this.authority !== "" ? `//${this.authority}` : "";
    return `${this.scheme}:${slashes}${path}${this.query ? `?${encodeURIComponent(this.query)}` : ""}`;
  }
}

class TextDocument {
  constructor(uri, languageId, text) {
    Object.assign(this, { uri, languageId, text, version: 1, isClosed: false, isDirty: false, eol: 1 });
    this.fileName = uri.fsPath;
  }
  getText(range) {
    return range ? this.text.slice(this.offsetAt(range.start), this.offsetAt(range.end)) : this.text;
  }
  get lineCount() {
    return this.text.split("\n").length;
  }
  lineAt(line) {
    return { text: this.text.split("\n")[line] };
  }
  offsetAt({ line, character }) {
    const lines = this.text.split("\n").slice(0, line);
    return lines.reduce((sum, each) => sum + each.length + 1, 0) + character;
  }
  positionAt(offset) {
    const before = this.text.slice(0, offset).split("\n");
    return new Position(before.length - 1, before.at(-1).length);
  }
}

// A class whose constructor keeps what it is given, under these names.
const record = (...names) =>
  class {
    constructor(...values) {
      names.forEach((name, i) => {
        if (values[i] !== undefined) this[name] = values[i];
      });
    }
  };
// An enumeration: each name is its place, counted from `first`.
const enumeration = (first, ...names) => Object.fromEntries(names.flatMap((name, i) => [[name, first + i], [first + i, name]]));

class CodeActionKind {
  constructor(value) {
    this.value = value;
  }
  append(part) {
    return new CodeActionKind(this.value ? `${this.value}.${part}` : part);
  }
  contains(other) {
    return this.value === "" || other.value === this.value || other.value.startsWith(`${this.value}.`);
  }
}
CodeActionKind.Empty = new CodeActionKind("");
for (const [name, value] of Object.entries({ QuickFix: "quickfix", Refactor: "refactor", RefactorExtract: "refactor.extract",
  RefactorInline: "refactor.inline", RefactorMove: "refactor.move", RefactorRewrite: "refactor.rewrite", Source: "source",
  SourceOrganizeImports: "source.organizeImports", SourceFixAll: "source.fixAll", Notebook: "notebook" })) {
  CodeActionKind[name] = new CodeActionKind(value);
}

class WorkspaceEdit {
  constructor() {
    this.all = [];
  }
  set(uri, edits) {
    this.all.push([uri, edits]);
  }
  replace(uri, range, newText) {
    this.all.push([uri, [{ range, newText }]]);
  }
  entries() {
    return this.all;
  }
}
class MarkdownString {
  constructor(value = "") {
    this.value = value;
  }
  appendMarkdown(text) {
    this.value += text;
    return this;
  }
  appendCodeblock(text) {
    this.value += text;
    return this;
  }
}
class CancellationTokenSource {
  constructor() {
    this.emitter = new EventEmitter();
    this.token = { isCancellationRequested: false, onCancellationRequested: this.emitter.event };
  }
  cancel() {
    this.token.isCancellationRequested = true;
    this.emitter.fire();
  }
  dispose() {}
}
class DiagnosticCollection {
  constructor(name) {
    this.name = name;
    this.map = new Map();
  }
  set(uri, diagnostics) {
    if (Array.isArray(uri)) for (const [each, found] of uri) this.set(each, found);
    else if (diagnostics === undefined) this.delete(uri);
    else this.map.set(uri.toString(), diagnostics);
  }
  get(uri) {
    return this.map.get(uri.toString());
  }
  has(uri) {
    return this.map.has(uri.toString());
  }
  delete(uri) {
    this.map.delete(uri.toString());
  }
  clear() {
    this.map.clear();
  }
  forEach(callback) {
    this.map.forEach((found, uri) => callback(Uri.parse(uri), found, this));
  }
  dispose() {
    this.clear();
  }
}

// ---- tests
class TestItems {
  constructor(parent) {
    this.parent = parent;
    this.map = new Map();
  }
  get size() {
    return this.map.size;
  }
  get(id) {
    return this.map.get(id);
  }
  add(item) {
    item.parent = this.parent;
    this.map.set(item.id, item);
  }
  delete(id) {
    this.map.delete(id);
  }
  replace(items) {
    this.map.clear();
    items.forEach((item) => this.add(item));
  }
  forEach(callback) {
    this.map.forEach((item) => callback(item));
  }
}

const state = {
  collections: [], commands: new Map(), configuration: {}, documents: [], events: {}, messages: [], output: [], providers: {},
  contents: new Map(), runs: [], controllers: [], profiles: [], shown: [], panels: [], status: [], folders: [], editor: undefined, choice: undefined,
  chosen: undefined, saved: 0, saves: true, tasks: [],
};

function fire(name, value) {
  state.events[name]?.fire(value);
}
const event = (name) => (...given) => (state.events[name] ??= new EventEmitter()).event(...given);

// `on…` is an event, `register…` notes a provider; the rest must be named here.
const namespace = (name, named) =>
  new Proxy(named, {
    get(target, key) {
      if (key in target) return target[key];
      if (/^on[A-Z]/.test(String(key))) return event(key);
      if (/^register[A-Z]/.test(String(key))) {
        return (...given) => {
          const all = (state.providers[key] ??= []);
          all.push(given);
          return new Disposable(() => all.splice(all.indexOf(given), 1));
        };
      }
      return undefined;
    },
  });

const outputChannel = (name) => ({
  name,
  append: (text) => state.output.push(text),
  appendLine: (text) => state.output.push(`${text}\n`),
  clear() {}, show() {}, hide() {}, replace() {}, dispose() {},
});
const message = (kind) => async (text, ...choices) => {
  state.messages.push([kind, text]);
  return choices.flat().find((choice) => choice === state.choice);
};

const languages = namespace("languages", {
  createDiagnosticCollection(name) {
    const made = new DiagnosticCollection(name);
    state.collections.push(made);
    return made;
  },
  match(selector, document) {
    const fits = (each) => (typeof each === "string" ? each === document.languageId : (!each.language || each.language === document.languageId) &&
      (!each.scheme || each.scheme === document.uri.scheme));
    return [selector].flat().some(fits) ? 10 : 0;
  },
});
const workspace = namespace("workspace", {
  isTrusted: true,
  get textDocuments() {
    return state.documents;
  },
  notebookDocuments: [],
  get workspaceFolders() {
    return state.folders;
  },
  getWorkspaceFolder: (uri) => state.folders.find((folder) => uri.path.startsWith(folder.uri.path)),
  asRelativePath: (uri) => uri.path.split("/").at(-1),
  fs: { isWritableFileSystem: () => true },
  findFiles: async () => state.documents.map((document) => document.uri),
  getConfiguration: (section) => ({
    get: (key, fallback) => state.configuration[section ? `${section}.${key}` : key] ?? fallback,
    has: () => false,
    inspect: () => undefined,
  }),
  createFileSystemWatcher: () => ({ onDidCreate: event("w1"), onDidChange: event("w2"), onDidDelete: event("w3"), dispose() {} }),
  registerTextDocumentContentProvider(scheme, provider) {
    state.contents.set(scheme, provider);
    return new Disposable(() => state.contents.delete(scheme));
  },
  async openTextDocument(uri) {
    const known = state.documents.find((document) => document.uri.toString() === uri.toString());
    if (known) return known;
    const provider = state.contents.get(uri.scheme);
    const text = provider ? await provider.provideTextDocumentContent(uri) : readFileSync(uri.fsPath, "utf8");
    return open(uri, provider ? "plaintext" : "tocsin", text);
  },
  async saveAll() {
    state.saved += 1;
    return state.saves;
  },
  async applyEdit(edit) {
    for (const [uri, edits] of edit.entries()) for (const { range, newText } of edits) change(uri, range, newText);
    return true;
  },
});
const window = namespace("window", {
  createOutputChannel: outputChannel,
  showInformationMessage: message("information"),
  showWarningMessage: message("warning"),
  showErrorMessage: message("error"),
  showOpenDialog: async () => state.chosen,
  setStatusBarMessage: (text) => state.status.push(text),
  showTextDocument: async (document, options) => state.shown.push([document, options]),
  createWebviewPanel(viewType, title, where, options) {
    const closed = new EventEmitter();
    const panel = { viewType, title, where, options, webview: { html: "" }, revealed: 0, reveal: () => void ++panel.revealed,
      onDidDispose: closed.event, dispose: () => closed.fire() };
    state.panels.push(panel);
    return panel;
  },
  withProgress: (_options, task) => task({ report() {} }, new CancellationTokenSource().token),
  get activeTextEditor() {
    return state.editor;
  },
  visibleTextEditors: [],
  tabGroups: { all: [], onDidChangeTabs: event("onDidChangeTabs"), onDidChangeTabGroups: event("onDidChangeTabGroups") },
});
const commands = {
  registerCommand(name, run) {
    if (state.commands.has(name)) throw new Error(`command '${name}' already exists`);
    state.commands.set(name, run);
    return new Disposable(() => state.commands.delete(name));
  },
  async executeCommand(name, ...given) {
    if (name === "vscode.executeDocumentSymbolProvider") {
      const [, provider] = state.providers.registerDocumentSymbolProvider[0];
      return provider.provideDocumentSymbols(await workspace.openTextDocument(given[0]), new CancellationTokenSource().token);
    }
    const run = state.commands.get(name);
    if (!run) return state.messages.push(["command", name]);
    return run(...given);
  },
};
const tests = {
  createTestController(id, label) {
    const controller = {
      id, label, items: new TestItems(undefined),
      createRunProfile(...given) {
        state.profiles.push(given);
        return { dispose() {} };
      },
      createTestItem(itemId, itemLabel, uri) {
        const item = { id: itemId, label: itemLabel, uri, parent: undefined };
        item.children = new TestItems(item);
        return item;
      },
      createTestRun(request, name) {
        const run = { request, name, started: [], passed: [], failed: [], errored: [], text: "", ended: false };
        state.runs.push(run);
        return {
          started: (item) => run.started.push(item), passed: (item) => run.passed.push(item), end: () => (run.ended = true),
          failed: (item, what) => run.failed.push([item, what]), errored: (item, what) => run.errored.push([item, what]),
          appendOutput: (text) => (run.text += text),
        };
      },
      dispose() {},
    };
    state.controllers.push(controller);
    return controller;
  },
};

function open(uri, languageId, text) {
  const document = new TextDocument(uri, languageId, text);
  state.documents.push(document);
  fire("onDidOpenTextDocument", document);
  return document;
}
function change(uri, range, text) {
  const document = state.documents.find((each) => each.uri.toString() === uri.toString());
  const begin = document.offsetAt(range.start);
  const end = document.offsetAt(range.end);
  document.text = document.text.slice(0, begin) + text + document.text.slice(end);
  ++document.version;
  fire("onDidChangeTextDocument", { document, contentChanges: [{ range, rangeOffset: begin, rangeLength: end - begin, text }], reason: undefined });
}

module.exports = {
  Disposable, EventEmitter, Position, Range, Selection, Uri, CodeActionKind, WorkspaceEdit, MarkdownString, CancellationTokenSource,
  CancellationError: class extends Error {},
  languages, workspace, window, commands, tests, env: { appName: "stub", language: "en", onDidChangeTelemetryEnabled: event("t") }, version: "1.82.0",
  extensions: { getExtension: () => undefined, all: [], onDidChange: event("onDidChange") },
  tasks: { executeTask: async (task) => state.tasks.push(task) },
  Task: record("definition", "scope", "name", "source", "execution", "problemMatchers"),
  TaskScope: enumeration(1, "Global", "Workspace"),
  TaskRevealKind: enumeration(1, "Always", "Silent", "Never"),
  ProcessExecution: record("process", "args"),
  Location: record("uri", "range"),
  Diagnostic: class extends record("range", "message", "severity") {},
  DiagnosticRelatedInformation: record("location", "message"),
  DiagnosticSeverity: enumeration(0, "Error", "Warning", "Information", "Hint"),
  DiagnosticTag: enumeration(1, "Unnecessary", "Deprecated"),
  CompletionItem: record("label", "kind"),
  CompletionList: class extends record("items", "isIncomplete") {},
  CompletionItemKind: enumeration(0, "Text", "Method", "Function", "Constructor", "Field", "Variable", "Class", "Interface", "Module",
    "Property", "Unit", "Value", "Enum", "Keyword", "Snippet", "Color", "File", "Reference", "Folder", "EnumMember", "Constant", "Struct",
    "Event", "Operator", "TypeParameter"),
  CompletionItemTag: enumeration(1, "Deprecated"),
  CompletionTriggerKind: enumeration(0, "Invoke", "TriggerCharacter", "TriggerForIncompleteCompletions"),
  TextEdit: record("range", "newText"),
  SnippetString: record("value"),
  Hover: class {
    constructor(contents, range) {
      this.contents = [contents].flat();
      this.range = range;
    }
  },
  SignatureHelp: class {},
  SignatureHelpTriggerKind: enumeration(1, "Invoke", "TriggerCharacter", "ContentChange"),
  SignatureInformation: class extends record("label", "documentation") {},
  ParameterInformation: record("label", "documentation"),
  DocumentHighlight: record("range", "kind"),
  DocumentHighlightKind: enumeration(0, "Text", "Read", "Write"),
  SymbolKind: enumeration(0, "File", "Module", "Namespace", "Package", "Class", "Method", "Property", "Field", "Constructor", "Enum",
    "Interface", "Function", "Variable", "Constant", "String", "Number", "Boolean", "Array", "Object", "Key", "Null", "EnumMember", "Struct",
    "Event", "Operator", "TypeParameter"),
  SymbolTag: enumeration(1, "Deprecated"),
  SymbolInformation: record("name", "kind", "containerName", "location"),
  DocumentSymbol: record("name", "detail", "kind", "range", "selectionRange"),
  CodeAction: record("title", "kind"),
  CodeActionTriggerKind: enumeration(1, "Invoke", "Automatic"),
  CodeLens: record("range", "command"),
  DocumentLink: record("range", "target"),
  FoldingRange: record("start", "end", "kind"),
  FoldingRangeKind: enumeration(1, "Comment", "Imports", "Region"),
  SelectionRange: record("range", "parent"),
  InlayHint: record("position", "label", "kind"),
  InlayHintKind: enumeration(1, "Type", "Parameter"),
  InlayHintLabelPart: record("value"),
  CallHierarchyItem: record("kind", "name"),
  TypeHierarchyItem: record("kind", "name"),
  SemanticTokens: record("data", "resultId"),
  SemanticTokensEdit: record("start", "deleteCount", "data"),
  SemanticTokensEdits: record("edits", "resultId"),
  SemanticTokensLegend: record("tokenTypes", "tokenModifiers"),
  RelativePattern: record("baseUri", "pattern"),
  TestMessage: record("message"),
  TestRunRequest: record("include"),
  TestRunProfileKind: enumeration(1, "Run", "Debug", "Coverage"),
  ViewColumn: { Active: -1, Beside: -2 },
  ProgressLocation: { SourceControl: 1, Window: 10, Notification: 15 },
  TextDocumentSaveReason: enumeration(1, "Manual", "AfterDelay", "FocusOut"),
  TextDocumentChangeReason: enumeration(1, "Undo", "Redo"),
  FileType: { Unknown: 0, File: 1, Directory: 2 },
  NotebookCellKind: enumeration(1, "Markup", "Code"),
  TabInputText: class {}, TabInputTextDiff: class {}, TabInputCustom: class {}, TabInputNotebook: class {},
  LogLevel: enumeration(0, "Off", "Trace", "Debug", "Info", "Warning", "Error"),
  stub: { state, open, change, fire },
};
