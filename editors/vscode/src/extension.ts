// Starts `tocsin lsp` for rule files, and shows what its commands give.
import { homedir } from "node:os";
import * as vscode from "vscode";
import { LanguageClient, Trace } from "vscode-languageclient/node";
import type { LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";
import { AutomatonPanel } from "./automaton_panel";
import { BACKTEST, backtest } from "./backtest";
import { Explanations } from "./explanations";
import { findProgram } from "./program";
import type { Program } from "./program";
import { isRunTests } from "./requests";
import type { RunTests } from "./requests";
import { TestExplorer } from "./test_explorer";

const documents = { language: "tocsin" };

/** The server that runs, if one does. */
class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private queue: Promise<void> = Promise.resolve();
  private tests: TestExplorer | undefined;

  constructor(
    private readonly output: vscode.OutputChannel,
    private readonly trace: vscode.OutputChannel,
  ) {}

  dispose(): void {
    void this.stop();
  }

  /** The commands of code lenses end in this explorer. */
  showTestsIn(tests: TestExplorer): void {
    this.tests = tests;
  }

  readonly ask = async <Answer>(method: string, parameters: object): Promise<Answer> => {
    if (this.client === undefined) throw new Error("the language server does not run; the output Tocsin says why");
    return this.client.sendRequest<Answer>(method, parameters);
  };

  /** Starts it, or starts it again; one after the other. */
  start(): Promise<void> {
    return this.next(async () => {
      await this.end();
      await this.begin();
    });
  }

  stop(): Promise<void> {
    return this.next(() => this.end());
  }

  private next(work: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(work, work);
    return this.queue;
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.dispose();
  }

  private async begin(): Promise<void> {
    const settings = vscode.workspace.getConfiguration("tocsin");
    const program = programOf(settings);
    if ("problem" in program) {
      this.output.appendLine(`The language server is not started: ${program.problem}.`);
      const choice = await vscode.window.showWarningMessage(`Tocsin: ${program.problem}.`, "Open Settings");
      if (choice !== undefined) await vscode.commands.executeCommand("workbench.action.openSettings", "tocsin.path");
      return;
    }
    const command = { command: program.path, args: ["lsp", ...settings.get<string[]>("arguments", [])] };
    this.output.appendLine(`Starting ${[command.command, ...command.args].join(" ")}`);
    const client = new LanguageClient("tocsin", "Tocsin", command satisfies ServerOptions, this.options());
    try {
      await client.start();
    } catch (error) {
      this.output.appendLine(`The language server did not start: ${String(error)}`);
      void vscode.window.showErrorMessage(`Tocsin: ${program.path} did not start as a language server; the output Tocsin says why.`);
      await client.dispose().catch(() => undefined);
      return;
    }
    this.client = client;
    await client.setTrace(Trace.fromString(settings.get("trace.server", "off")));
  }

  private options(): LanguageClientOptions {
    return {
      documentSelector: [
        { scheme: "file", ...documents },
        { scheme: "untitled", ...documents },
      ],
      initializationOptions: { commands: [BACKTEST] }, // what lenses may name beside the server's own
      outputChannel: this.output,
      traceOutputChannel: this.trace,
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.{tocsin,csv}") },
      middleware: { executeCommand: (name, given, next) => this.execute(name, given, next) },
    };
  }

  // The server would show an answer as a message; here there are better places for it.
  private async execute(name: string, given: unknown[], next: (name: string, given: unknown[]) => unknown): Promise<unknown> {
    const wanted = given[0];
    if (name === "tocsin.runTests" && isRunTests(wanted) && this.tests) return runTests(this.tests, wanted);
    if (name === "tocsin.explain" && isRunTests(wanted) && wanted.rule !== undefined) {
      return vscode.commands.executeCommand("tocsin.showExplanation", wanted.uri, wanted.rule);
    }
    return next(name, given);
  }
}

function programOf(settings: vscode.WorkspaceConfiguration): Program {
  const trusted = vscode.workspace.isTrusted;
  return findProgram({
    path: settings.get("path", "").trim(),
    folders: trusted ? (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath) : [],
    searchPath: process.env["PATH"] ?? "",
    home: homedir(),
  });
}

async function runTests(tests: TestExplorer, wanted: RunTests): Promise<void> {
  try {
    const { passed, failed } = await tests.runOnly(wanted);
    const all = passed + failed;
    if (all === 0) void vscode.window.showInformationMessage("Tocsin: there are no tests.");
    else if (failed === 0) vscode.window.setStatusBarMessage(`Tocsin: ${passed} of ${all} tests passed`, 5000);
    else void vscode.window.showErrorMessage(`Tocsin: ${failed} of ${all} tests failed; the test results say why.`);
  } catch (error) {
    void vscode.window.showErrorMessage(`Tocsin: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The name of the rule around a place, from the symbols that the server knows. */
async function ruleAt(editor: vscode.TextEditor): Promise<string | undefined> {
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>(
    "vscode.executeDocumentSymbolProvider",
    editor.document.uri,
  );
  return symbols?.find(({ kind, range }) => kind === vscode.SymbolKind.Class && range.contains(editor.selection.active))?.name;
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel("Tocsin");
  const trace = vscode.window.createOutputChannel("Tocsin trace");
  const server = new Server(output, trace);
  const explanations = new Explanations(server.ask);
  const tests = new TestExplorer(server.ask);
  server.showTestsIn(tests);
  const update = (document: vscode.TextDocument): void => void tests.update(document).catch(() => undefined);
  const active = (): vscode.TextEditor | undefined => {
    const editor = vscode.window.activeTextEditor;
    return editor?.document.languageId === "tocsin" ? editor : undefined;
  };
  const automaton = new AutomatonPanel(server.ask, async () => {
    const editor = active();
    const rule = editor && (await ruleAt(editor));
    return editor && rule !== undefined ? { file: editor.document.uri.toString(), rule } : undefined;
  });
  context.subscriptions.push(
    automaton,
    output,
    trace,
    server,
    explanations,
    tests,
    vscode.commands.registerCommand("tocsin.restart", () => server.start()),
    vscode.commands.registerCommand("tocsin.showOutput", () => output.show()),
    vscode.commands.registerCommand("tocsin.showExplanation", (file: string, rule: string) => explanations.show(file, rule)),
    vscode.commands.registerCommand("tocsin.runFileTests", async () => {
      const editor = active();
      if (editor) await runTests(tests, { uri: editor.document.uri.toString() });
    }),
    vscode.commands.registerCommand("tocsin.explainRule", async () => {
      const editor = active();
      if (editor === undefined) return;
      const rule = await ruleAt(editor);
      if (rule !== undefined) await explanations.show(editor.document.uri.toString(), rule);
      else void vscode.window.showInformationMessage("Tocsin: there is no rule at the cursor.");
    }),
    vscode.commands.registerCommand(BACKTEST, (wanted: unknown) => backtest(() => programOf(vscode.workspace.getConfiguration("tocsin")), wanted)),
    vscode.commands.registerCommand("tocsin.showAutomaton", () => automaton.show()),
    vscode.workspace.onDidOpenTextDocument(update),
    vscode.workspace.onDidSaveTextDocument(update),
    vscode.workspace.onDidGrantWorkspaceTrust(() => server.start()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (["path", "arguments", "trace"].some((name) => event.affectsConfiguration(`tocsin.${name}`))) void server.start();
    }),
  );
  await server.start();
  vscode.workspace.textDocuments.forEach(update);
}
