// extension.cjs FOLDER PROGRAM: the extension as it is packed (FOLDER has its files), with a stub of the editor and the real server.
"use strict";
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const { mkdirSync, readFileSync, writeFileSync, symlinkSync } = require("node:fs");
const Module = require("node:module");
const { join, resolve } = require("node:path");

const [folder, program] = process.argv.slice(2).map((path) => resolve(path));
const vscode = require("./vscode_stub.cjs");
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));

const { state, open, change, fire } = vscode.stub;
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const token = new vscode.CancellationTokenSource().token;
const RULES = `event payment { ts: time, id: string id, card: string, amount: int }
rule large "Large" { by card when payment where amount > 5 alert "{amount}" }
test large "alerts" {
  0s payment { id: "1", card: "c", amount: 9 }
  expect alert
}
test large "fails" {
  0s payment { id: "1", card: "c", amount: 1 }
  expect alert
}
`;

async function until(condition, what) {
  for (const end = Date.now() + 30_000; !condition(); ) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}; ${JSON.stringify(state.messages)} ${state.output.join("")}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
const provider = (name) => state.providers[name].at(-1)[1];
const diagnostics = (document) => state.collections.flatMap((collection) => collection.get(document.uri) ?? []);
const at = (document, text, offset = 0) => document.positionAt(document.text.indexOf(text) + offset);

// A backtest asks for events, saves, and is a task that runs the program; without a file, or where saving fails, it is none.
async function tryBacktest({ command, arguments: given }) {
  const run = () => vscode.commands.executeCommand(command, ...given);
  await run();
  state.chosen = [vscode.Uri.file(resolve("events.ndjson"))];
  state.saves = false;
  await run();
  assert.deepEqual([state.saved, state.tasks.length, state.messages.at(-1)[0]], [1, 0, "error"]);
  state.saves = true;
  await run();
  const [{ execution, presentationOptions }] = state.tasks;
  assert.deepEqual([state.tasks.length, presentationOptions.reveal], [1, vscode.TaskRevealKind.Always]);
  writeFileSync("events.ndjson", '{"type":"payment","ts":1772452800000000,"id":"1","card":"c","amount":9}\n');
  const ran = spawnSync(execution.process, execution.args, { encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stderr);
  assert.match(ran.stdout, /large/);
}

async function main() {
  writeFileSync("r.tocsin", RULES);
  const context = { subscriptions: [] };
  state.folders = [{ uri: vscode.Uri.file(process.cwd()), name: "work", index: 0 }];
  process.env.TOCSIN_TEXT_CACHE = "off";

  // Without a program: a warning that says what to do, no error, and the commands are there.
  process.env.PATH = "/nowhere";
  state.choice = "Open Settings";
  const extension = require(join(folder, manifest.main));
  await extension.activate(context);
  assert.deepEqual(state.messages, [["warning", "Tocsin: tocsin is not in the PATH; say where it is in the setting tocsin.path."],
    ["command", "workbench.action.openSettings"]]);
  for (const { command } of manifest.contributes.commands) assert(state.commands.has(command), command);
  assert.equal(state.providers.registerHoverProvider, undefined);
  state.messages.length = 0;

  // The setting names none; then one. Each change starts it again.
  const set = (settings) => {
    Object.assign(state.configuration, settings);
    fire("onDidChangeConfiguration", { affectsConfiguration: (name) => Object.keys(settings).includes(name) });
  };
  set({ "tocsin.path": "/nowhere/tocsin" });
  await until(() => state.messages.length === 2, "a warning");
  assert.match(state.messages[0][1], /tocsin\.path names \/nowhere\/tocsin, which is no program/);
  const document = open(vscode.Uri.file(resolve("r.tocsin")), "tocsin", RULES);
  set({ "tocsin.path": program, "tocsin.trace.server": "messages" });
  await until(() => (state.providers.registerHoverProvider ?? []).length === 1, "the server");
  assert.deepEqual(Object.keys(state.configuration).filter((key) => !(key in manifest.contributes.configuration.properties)), []);

  // Each request of the language server has its provider.
  for (const name of ["Hover", "CompletionItem", "SignatureHelp", "Definition", "Declaration", "Reference", "DocumentHighlight", "DocumentSymbol",
    "WorkspaceSymbol", "CodeActions", "CodeLens", "DocumentFormattingEdit", "OnTypeFormattingEdit", "Rename", "FoldingRange", "SelectionRange",
    "DocumentSemanticTokens", "InlayHints"]) {
    assert.equal(state.providers[`register${name}Provider`]?.length, 1, name);
  }
  const hover = await provider("registerHoverProvider").provideHover(document, at(document, "payment where"), token);
  assert.match(hover.contents[0].value, /event/);
  const completions = await provider("registerCompletionItemProvider").provideCompletionItems(document, at(document, "amount >", 3), token, {});
  assert((completions.items ?? completions).some((item) => item.label === "amount"));

  // At each save the editor asks this extension for the layout; none is given of a text with mistakes.
  const defaults = manifest.contributes.configurationDefaults["[tocsin]"];
  assert.deepEqual([defaults["editor.formatOnSave"], defaults["editor.defaultFormatter"]], [true, `${manifest.publisher}.${manifest.name}`]);
  const layout = () => provider("registerDocumentFormattingEditProvider").provideDocumentFormattingEdits(document, { tabSize: 2, insertSpaces: true }, token);
  const tidy = (await layout()).reduceRight((text, { range, newText }) =>
    text.slice(0, document.offsetAt(range.start)) + newText + text.slice(document.offsetAt(range.end)), document.text);
  assert.match(tidy, /^rule large "Large" \{\n  by card\n/m);

  // A mistake is shown once, and its correction takes it away.
  change(document.uri, new vscode.Range(at(document, "amount > 5"), at(document, "amount > 5", 6)), "amout");
  await until(() => diagnostics(document).length > 0, "a diagnostic");
  await new Promise((done) => setTimeout(done, 300)); // a second one would come by asking
  const [mistake] = diagnostics(document);
  assert.equal(diagnostics(document).filter((each) => each.message === mistake.message).length, 1);
  assert.equal(mistake.severity, vscode.DiagnosticSeverity.Error);
  assert.match(String(mistake.code.target), /^file:.*\/docs\/errors\/E0201\.md$/);
  const actions = await provider("registerCodeActionsProvider").provideCodeActions(document, mistake.range,
    { diagnostics: [mistake], triggerKind: 1, only: undefined }, token);
  await vscode.workspace.applyEdit(actions.find((action) => action.isPreferred).edit);
  assert.equal(document.text, RULES);
  await until(() => diagnostics(document).every((each) => each.severity !== vscode.DiagnosticSeverity.Error), "no diagnostic");

  // Lenses run tests and explain, each in its place.
  const lenses = await provider("registerCodeLensProvider").provideCodeLenses(document, token);
  const lens = (title) => lenses.find(({ command }) => command.title === title).command;
  await vscode.commands.executeCommand(lens("run all 2 tests").command, ...lens("run all 2 tests").arguments);
  const run = state.runs.at(-1);
  assert.deepEqual([run.passed.map((item) => item.label), run.failed.map(([item]) => item.label), run.ended], [["alerts"], ["fails"], true]);
  assert.match(run.failed[0][1].message, /amount > 5/);
  assert.equal(run.failed[0][1].location.range.start.line, 6);
  assert.deepEqual(state.messages.at(-1), ["error", "Tocsin: 1 of 2 tests failed; the test results say why."]);
  const titles = async () => (await provider("registerCodeLensProvider").provideCodeLenses(document, token)).map(({ command }) => command.title);
  assert.deepEqual((await titles()).slice(0, 3), ["run all 2 tests", "1 of 2 tests pass", "explain"]);
  await tryBacktest(lens("backtest"));
  await vscode.commands.executeCommand(lens("explain").command, ...lens("explain").arguments);
  assert.match(state.shown.at(-1)[0].text, /What has to happen/);
  assert.equal(state.messages.filter(([kind]) => kind === "information").length, 0);

  // The explorer: one test alone; then a file with a mistake runs none.
  const [controller] = state.controllers;
  await controller.resolveHandler(undefined);
  const file = controller.items.get(document.uri.toString());
  await controller.resolveHandler(file);
  assert.equal(file.children.size, 2);
  const items = [];
  file.children.forEach((item) => items.push(item));
  const [, , runProfile] = state.profiles[0];
  await runProfile(new vscode.TestRunRequest([items[0]]), token);
  assert.deepEqual([state.runs.at(-1).passed, state.runs.at(-1).failed], [[items[0]], []]);
  change(document.uri, new vscode.Range(at(document, "card when"), at(document, "card when", 4)), "crd");
  await assert.rejects(runProfile(new vscode.TestRunRequest([file]), token), /the rules have errors/);
  assert.equal(state.runs.at(-1).errored.length, 2);
  assert(state.runs.at(-1).ended);
  change(document.uri, new vscode.Range(at(document, "crd when"), at(document, "crd when", 3)), "card");

  // Commands at the cursor.
  state.editor = { document, selection: new vscode.Selection(at(document, "by card"), at(document, "by card")) };
  await vscode.commands.executeCommand("tocsin.explainRule");
  assert.match(state.shown.at(-1)[0].uri.path, /large/);
  state.editor.selection = new vscode.Selection(new vscode.Position(0, 0), new vscode.Position(0, 0));
  await vscode.commands.executeCommand("tocsin.explainRule");
  assert.deepEqual(state.messages.at(-1), ["information", "Tocsin: there is no rule at the cursor."]);
  await vscode.commands.executeCommand("tocsin.runFileTests");
  assert.equal(state.runs.at(-1).failed.length, 1);

  // The panel follows the cursor and the text at each pause, keeps the last picture of a text with mistakes, and nothing in it runs.
  state.editor.selection = new vscode.Selection(at(document, "by card"), at(document, "by card"));
  await vscode.commands.executeCommand("tocsin.showAutomaton");
  const [panel] = state.panels;
  const html = () => panel.webview.html;
  const picture = () => Buffer.from(/<img [^>]*src="data:image\/svg\+xml;base64,([^"]+)">/.exec(html())?.[1] ?? "", "base64").toString("utf8");
  assert.equal(panel.title, "Automaton: large");
  assert.deepEqual([panel.options.enableScripts, panel.options.localResourceRoots, panel.where.preserveFocus], [false, [], true]);
  assert.match(picture(), /^<svg [^]*amount &gt; 5/);
  assert.match(html(), /<pre>[^]*What has to happen[^]*<\/pre>/);
  const [, nonce] = /content="default-src 'none'; img-src data:; style-src 'nonce-([\w+/=]+)'"/.exec(html());
  assert(html().includes(`<style nonce="${nonce}">`) && !/<script|\son\w+=|https?:/.test(html()), html());
  change(document.uri, new vscode.Range(at(document, "amount > 5", 9), at(document, "amount > 5", 10)), "7");
  await until(() => /amount &gt; 7/.test(picture()), "the new picture");
  assert(!html().includes(nonce));
  change(document.uri, new vscode.Range(at(document, "amount > 7"), at(document, "amount > 7", 6)), "<b>");
  await until(() => html().includes("large: the rules have errors; below it is as it was before"), "a note");
  assert.match(picture(), /amount &gt; 7/);
  change(document.uri, new vscode.Range(at(document, "<b> > 7"), at(document, "<b> > 7", 3)), "amount");
  await until(() => !html().includes("errors"), "no note");
  await vscode.commands.executeCommand("tocsin.showAutomaton");
  assert.deepEqual([state.panels.length, panel.revealed], [1, 1]);
  panel.dispose();
  await vscode.commands.executeCommand("tocsin.showAutomaton");
  assert.equal(state.panels.length, 2);
  change(document.uri, new vscode.Range(at(document, "amount > 7", 9), at(document, "amount > 7", 10)), "5");
  const again = () => Buffer.from(/base64,([^"]+)/.exec(state.panels[1].webview.html)[1], "base64").toString("utf8");
  await until(() => /amount &gt; 5/.test(again()), "the picture of the second panel");

  // Started again, it has each provider and command once. Then the program of the workspace, where it is trusted.
  await vscode.commands.executeCommand("tocsin.restart");
  assert.equal(state.providers.registerHoverProvider.length, 1);
  mkdirSync("build/release", { recursive: true });
  symlinkSync(program, "build/release/tocsin");
  for (const [trusted, providers] of [[false, 0], [true, 1]]) {
    vscode.workspace.isTrusted = trusted;
    state.configuration["tocsin.path"] = "";
    await vscode.commands.executeCommand("tocsin.restart");
    assert.equal(state.providers.registerHoverProvider.length, providers);
  }
  for (const each of context.subscriptions.reverse()) each.dispose();
  await until(() => state.providers.registerHoverProvider.length === 0, "the end");
  console.log("ok");
  setTimeout(() => {
    console.error("something goes on");
    process.exit(1);
  }, 20_000).unref();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
