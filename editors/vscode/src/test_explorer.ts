// The tests inside rule files, in the editor's test explorer.
import * as vscode from "vscode";
import { isRunTests } from "./requests";
import type { Ask, RanTest, RanTests, RunTests } from "./requests";

/** A code lens as the server sends it. */
interface Lens {
  range: { start: { line: number; character: number }; end: { line: number; character: number } };
  command?: { command: string; arguments?: unknown[] };
}

/** The title of the test that an item is; nothing for an item that is a file. */
const titles = new WeakMap<vscode.TestItem, string>();

export class TestExplorer implements vscode.Disposable {
  private readonly controller = vscode.tests.createTestController("tocsin", "Tocsin");

  constructor(private readonly ask: Ask) {
    this.controller.createRunProfile("Run", vscode.TestRunProfileKind.Run, (request, token) => this.run(request, token), true);
    this.controller.resolveHandler = (item) => (item === undefined ? this.findFiles() : this.findTests(item));
    this.controller.refreshHandler = () => this.findFiles();
  }

  dispose(): void {
    this.controller.dispose();
  }

  /** Reads a file's tests again; to be called when it was opened or saved. */
  async update(document: vscode.TextDocument): Promise<void> {
    if (document.languageId === "tocsin" && document.uri.scheme === "file") await this.findTests(this.fileItem(document.uri));
  }

  /** Runs tests of one file and shows them as a run of the explorer. */
  async runOnly(wanted: RunTests): Promise<RanTests> {
    const item = this.fileItem(vscode.Uri.parse(wanted.uri));
    await this.findTests(item);
    const run = this.controller.createTestRun(new vscode.TestRunRequest([item]), wanted.title ?? wanted.rule ?? item.label);
    try {
      return await this.runIn(run, item, wanted);
    } finally {
      run.end();
    }
  }

  private async findFiles(): Promise<void> {
    const found = await vscode.workspace.findFiles("**/*.tocsin");
    const known = new Set(found.map((uri) => uri.toString()));
    this.controller.items.forEach((item) => {
      if (!known.has(item.id)) this.controller.items.delete(item.id);
    });
    for (const uri of found) this.fileItem(uri);
  }

  private fileItem(uri: vscode.Uri): vscode.TestItem {
    const known = this.controller.items.get(uri.toString());
    if (known) return known;
    const item = this.controller.createTestItem(uri.toString(), vscode.workspace.asRelativePath(uri), uri);
    item.canResolveChildren = true;
    this.controller.items.add(item);
    return item;
  }

  private async findTests(file: vscode.TestItem): Promise<void> {
    if (file.uri === undefined) return;
    await vscode.workspace.openTextDocument(file.uri); // the server then has it
    const lenses = (await this.ask<Lens[] | null>("textDocument/codeLens", { textDocument: { uri: file.id } })) ?? [];
    const items: vscode.TestItem[] = [];
    for (const { range, command } of lenses) {
      const wanted = command?.arguments?.[0];
      if (command?.command !== "tocsin.runTests" || !isRunTests(wanted) || wanted.title === undefined) continue;
      const item = this.controller.createTestItem(`${file.id}#${range.start.line}`, wanted.title, file.uri);
      item.range = new vscode.Range(range.start.line, range.start.character, range.end.line, range.end.character);
      titles.set(item, wanted.title);
      items.push(item);
    }
    file.children.replace(items);
  }

  private async run(request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> {
    const run = this.controller.createTestRun(request);
    const files: vscode.TestItem[] = [];
    if (request.include) files.push(...request.include);
    else this.controller.items.forEach((item) => files.push(item));
    try {
      for (const item of files) {
        if (token.isCancellationRequested) break;
        const file = item.parent ?? item;
        if (file.children.size === 0) await this.findTests(file);
        const title = titles.get(item);
        await this.runIn(run, file, { uri: file.id, ...(title === undefined ? {} : { title }) });
      }
    } finally {
      run.end();
    }
  }

  private async runIn(run: vscode.TestRun, file: vscode.TestItem, wanted: RunTests): Promise<RanTests> {
    if (wanted.title === undefined && wanted.rule === undefined) file.children.forEach((item) => run.started(item));
    const started = Date.now();
    let ran: RanTests;
    try {
      ran = await this.ask<RanTests>("tocsin/runTests", wanted);
    } catch (error) {
      const message = new vscode.TestMessage(error instanceof Error ? error.message : String(error));
      file.children.forEach((item) => run.errored(item, message));
      throw error;
    }
    const each = (Date.now() - started) / Math.max(ran.tests.length, 1);
    for (const test of ran.tests) this.report(run, file, test, each);
    return ran;
  }

  private report(run: vscode.TestRun, file: vscode.TestItem, test: RanTest, duration: number): void {
    let item = file.children.get(`${file.id}#${test.line}`);
    if (item === undefined) file.children.forEach((other) => (item = titles.get(other) === test.title ? other : item));
    if (item === undefined) return; // the file has changed since
    if (test.passed) {
      run.passed(item, duration);
      return;
    }
    run.appendOutput(`${test.text.replace(/\r?\n/g, "\r\n")}\r\n`, undefined, item);
    const message = new vscode.TestMessage(test.text);
    if (item.uri && item.range) message.location = new vscode.Location(item.uri, item.range);
    run.failed(item, message, duration);
  }
}
