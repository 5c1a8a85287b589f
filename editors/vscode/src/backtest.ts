// Runs the rules of a folder over recorded events, as a task of the editor.
import * as vscode from "vscode";
import type { Program } from "./program";

/** The argument of a lens that the server makes for who runs this command. */
interface Backtest {
  /** What `tocsin backtest` takes as its rules. */
  rules: string;
}
export const BACKTEST = "tocsin.backtest";

function isBacktest(value: unknown): value is Backtest {
  return typeof value === "object" && value !== null && typeof (value as Backtest).rules === "string";
}

/** Asks for files with events, saves what is written, and shows the report where tasks are shown. */
export async function backtest(find: () => Program, wanted: unknown): Promise<void> {
  if (!isBacktest(wanted)) return;
  const program = find();
  if ("problem" in program) {
    void vscode.window.showErrorMessage(`Tocsin: ${program.problem}.`);
    return;
  }
  const chosen = await vscode.window.showOpenDialog({
    title: "Events to run the rules over",
    openLabel: "Backtest",
    canSelectMany: true,
    filters: { Events: ["ndjson", "jsonl", "json", "csv", "tsv", "gz", "zst"], "All files": ["*"] },
  });
  if (chosen === undefined || chosen.length === 0) return;
  if (!(await vscode.workspace.saveAll(false))) {
    void vscode.window.showErrorMessage("Tocsin: a file could not be saved; the backtest runs what is saved.");
    return;
  }
  const inputs = chosen.flatMap((file) => ["--input", file.fsPath]);
  const execution = new vscode.ProcessExecution(program.path, ["backtest", ...inputs, "--", wanted.rules]);
  const task = new vscode.Task({ type: "process" }, vscode.TaskScope.Workspace, "backtest", "Tocsin", execution, "$tocsin");
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true };
  await vscode.tasks.executeTask(task);
}
