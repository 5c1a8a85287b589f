// A panel with the automaton of the rule at the cursor and what the rule does in words.
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { Ask, PicturedRule } from "./requests";

/** How long nobody has to type or move the cursor before the panel follows. */
const quietMs = 300;

/** A rule of a document. */
export interface PlacedRule {
  file: string;
  rule: string;
}

export class AutomatonPanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private timer: NodeJS.Timeout | undefined;
  private asked = 0;
  private shown: { at: PlacedRule; pictured: PicturedRule } | undefined;
  private readonly listeners: vscode.Disposable[];

  /** `ruleAt`: the rule at the cursor of the active editor, if there is one. */
  constructor(
    private readonly ask: Ask,
    private readonly ruleAt: () => Promise<PlacedRule | undefined>,
  ) {
    const later = (): void => this.followLater();
    this.listeners = [
      vscode.window.onDidChangeTextEditorSelection(later),
      vscode.window.onDidChangeActiveTextEditor(later),
      vscode.workspace.onDidChangeTextDocument(later),
    ];
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.listeners.forEach((each) => each.dispose());
    this.panel?.dispose();
  }

  /** Opens the panel beside the editor, or brings it to the front. */
  async show(): Promise<void> {
    const at = await this.ruleAt(); // before the panel may take the place of the editor
    if (this.panel) {
      this.panel.reveal(undefined, true);
    } else {
      const where = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
      const panel = vscode.window.createWebviewPanel("tocsin.automaton", "Automaton", where, { enableScripts: false, localResourceRoots: [] });
      panel.onDidDispose(() => {
        this.panel = undefined;
        this.shown = undefined;
      });
      panel.webview.html = page("There is no rule at the cursor.", undefined);
      this.panel = panel;
    }
    await this.follow(at);
  }

  private followLater(): void {
    clearTimeout(this.timer);
    if (this.panel) this.timer = setTimeout(() => void this.ruleAt().then((at) => this.follow(at), () => undefined), quietMs);
  }

  // Away from rules, the last one stays.
  private async follow(at: PlacedRule | undefined): Promise<void> {
    if (at === undefined || this.panel === undefined) return;
    const number = ++this.asked;
    let note = "";
    try {
      const pictured = await this.ask<PicturedRule>("tocsin/automaton", { uri: at.file, rule: at.rule });
      if (number === this.asked) this.shown = { at, pictured };
    } catch (error) {
      note = `${at.rule}: ${error instanceof Error ? error.message : String(error)}`;
      if (this.shown?.at.file !== at.file || this.shown.at.rule !== at.rule) this.shown = undefined;
      else note += "; below it is as it was before";
    }
    if (number !== this.asked || this.panel === undefined) return; // a later one was asked for, or it was closed
    this.panel.title = `Automaton: ${at.rule}`;
    this.panel.webview.html = page(note, this.shown?.pictured);
  }
}

// Nothing is fetched and nothing runs: a picture in `img` runs no scripts, and there are none.
function page(note: string, pictured: PicturedRule | undefined): string {
  const nonce = randomBytes(16).toString("base64");
  const policy = `default-src 'none'; img-src data:; style-src 'nonce-${nonce}'`;
  const style = `body { color-scheme: light } body.vscode-dark, body.vscode-high-contrast { color-scheme: dark }
img { color-scheme: inherit; max-width: 100% } pre { white-space: pre-wrap; font-family: var(--vscode-editor-font-family) }`;
  const parts = note === "" ? [] : [`<p>${escaped(note)}</p>`];
  if (pictured !== undefined) {
    const picture = Buffer.from(pictured.svg, "utf8").toString("base64");
    parts.push(`<img alt="${escaped(`The automaton of ${pictured.rule}`)}" src="data:image/svg+xml;base64,${picture}">`, `<pre>${escaped(pictured.text)}</pre>`);
  }
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Automaton</title><style nonce="${nonce}">${style}</style></head><body>${parts.join("\n")}</body></html>`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#39;");
}
