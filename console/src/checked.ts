// What the server's checker says of a text while it is edited.
import { askPatiently } from "./api";
import { Finding } from "./code_editor";
import { Json, JsonObject, parseJson, show } from "./json";
import { numberOf, objects } from "./table";

export interface Said extends Finding {
  file: string;
  code: string;
  isHere: boolean; // in what is edited
}
export type Files = { [path: string]: string };

function placesOf(of: JsonObject, lineOff: number) {
  return {
    begin: { line: numberOf(of, "line") - lineOff, column: numberOf(of, "column") },
    end: { line: numberOf(of, "end_line") - lineOff, column: numberOf(of, "end_column") },
  };
}
/** What is edited: from the `line` of a file on, which counts from 0, so many lines. */
export interface Stretch {
  path: string;
  line: number;
  lines: number;
}
/** A diagnostic as the editor of a stretch shows it; what is elsewhere keeps its place in its file. */
export function findingOf(diagnostic: JsonObject, { path, line, lines }: Stretch): Said {
  const isIn = (of: JsonObject) => show(of.file) === path && numberOf(of, "line") > line && numberOf(of, "line") <= line + lines;
  const isHere = isIn(diagnostic);
  const edit = diagnostic.edit as JsonObject | null;
  const texts = (name: string) => (Array.isArray(diagnostic[name]) ? (diagnostic[name] as string[]) : []).map(show);
  const helps = texts("helps");
  return {
    ...placesOf(diagnostic, isHere ? line : 0),
    file: show(diagnostic.file),
    isHere,
    code: show(diagnostic.code),
    level: diagnostic.level === "error" ? "error" : "warning",
    message: [show(diagnostic.message), show(diagnostic.label), ...texts("notes"), ...helps].filter((text) => text !== "").join("; "),
    fix: edit && isHere && isIn(edit) ? { ...placesOf(edit, line), title: helps[0] ?? "Correct it", text: show(edit.text) } : undefined,
  };
}
/** Events as people paste them: one in each line, or a JSON array. Throws SyntaxError. */
export function eventsOf(text: string): Json[] {
  if (text.trim().startsWith("[")) return parseJson(text) as Json[];
  const lines = text.split("\n").map((line, at) => ({ line, at }));
  return lines
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, at }) => {
      try {
        return parseJson(line);
      } catch (error) {
        throw new SyntaxError(`line ${at + 1} is no JSON: ${error instanceof Error ? error.message : ""}`);
      }
    });
}
/** Throws Problem. Errors come first; of what is elsewhere, only errors. */
export async function check(files: Files, stretch: Stretch, signal: AbortSignal): Promise<Said[]> {
  const answer = await askPatiently("/v1/rules/validate", { files }, signal);
  const found = objects(answer, "diagnostics").map((one) => findingOf(one, stretch));
  return [...found.filter((one) => one.level === "error"), ...found.filter((one) => one.level !== "error" && one.isHere)];
}
