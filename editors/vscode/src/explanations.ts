// What a rule does, in a document beside the rule that cannot be edited.
import * as vscode from "vscode";
import type { Ask, Explained } from "./requests";

const scheme = "tocsin-explain";

export class Explanations implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration: vscode.Disposable;
  readonly onDidChange = this.changed.event;

  constructor(private readonly ask: Ask) {
    this.registration = vscode.workspace.registerTextDocumentContentProvider(scheme, this);
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }

  /** The text of a document; asked for again whenever it is shown. */
  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { file, rule } = JSON.parse(uri.query) as { file: string; rule: string };
    try {
      return (await this.ask<Explained>("tocsin/explain", { uri: file, rule })).text;
    } catch (error) {
      return `${rule} cannot be explained: ${error instanceof Error ? error.message : String(error)}\n`;
    }
  }

  /** Shows what a rule does as it is now. */
  async show(file: string, rule: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme, path: `/${rule}.txt`, query: JSON.stringify({ file, rule }) });
    this.changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true, preview: true });
  }
}
