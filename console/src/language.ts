// What the server knows of the names and places of rules while they are edited.
import { Problem, askPatiently } from "./api";
import { Files } from "./checked";
import { JsonObject, show } from "./json";
import { lineAndColumn, offsetOf } from "./positions";
import { numberOf, objects } from "./table";

/** What is edited: a text, which stands in a file of the rules from a line on; that counts from 0. */
export interface Sheet {
  files: Files; // with the text in its place
  path: string;
  line: number;
  text: string;
}
/** A place in a file of the rules; lines and columns count from 1, columns count characters. */
export interface Spot {
  file: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}
/** A stretch of the edited text, in UTF-16 units. */
export interface Range {
  from: number;
  to: number;
}
export interface Replacement extends Spot {
  text: string;
}
export interface Rename {
  name: string; // as it is; empty where nothing can be renamed
  refused: string; // why not, or not so
  edits: Replacement[];
}
export interface Offer {
  kind: string;
  label: string;
  insert: string;
  detail: string;
  doc: string;
}

function spotOf(of: JsonObject): Spot {
  return { file: show(of.file), line: numberOf(of, "line"), column: numberOf(of, "column"), endLine: numberOf(of, "end_line"), endColumn: numberOf(of, "end_column") };
}
const replacementsOf = (of: JsonObject): Replacement[] => objects(of, "edits").map((one) => ({ ...spotOf(one), text: show(one.text) }));
/** The stretch of the edited text at this place; nothing where it is elsewhere. */
export function rangeIn({ path, line, text }: Sheet, spot: Spot): Range | undefined {
  const lines = text.split("\n");
  if (spot.file !== path || spot.line <= line || spot.endLine > line + lines.length) return undefined;
  return { from: offsetOf(lines, spot.line - line, spot.column), to: offsetOf(lines, spot.endLine - line, spot.endColumn) };
}
/** Texts of files with their replacements done. */
export function replaced(files: Files, edits: readonly Replacement[]): Files {
  const changed: Files = {};
  for (const edit of [...edits].sort((a, b) => b.line - a.line || b.column - a.column)) {
    const text = changed[edit.file] ?? files[edit.file] ?? "";
    const lines = text.split("\n");
    changed[edit.file] = text.slice(0, offsetOf(lines, edit.line, edit.column)) + edit.text + text.slice(offsetOf(lines, edit.endLine, edit.endColumn));
  }
  return changed;
}

/** Throws Problem. `offset`: in the edited text. */
async function about(sheet: Sheet, offset: number, request: string, more: { [name: string]: unknown } = {}, signal?: AbortSignal): Promise<JsonObject> {
  const { line, column } = lineAndColumn(sheet.text, offset);
  return askPatiently("/v1/rules/language", { files: sheet.files, request, file: sheet.path, line: sheet.line + line, column, ...more }, signal);
}
export async function hoverAt(sheet: Sheet, offset: number): Promise<(Range & { markdown: string }) | undefined> {
  const answer = await about(sheet, offset, "hover");
  const range = answer.place ? rangeIn(sheet, spotOf(answer.place as JsonObject)) : undefined;
  return range && { ...range, markdown: show(answer.markdown) };
}
/** Declarations of the name there, or all places where it stands. */
export async function placesOf(sheet: Sheet, offset: number, request: "definition" | "references"): Promise<Spot[]> {
  return objects(await about(sheet, offset, request), "places").map(spotOf);
}
export async function renameAt(sheet: Sheet, offset: number, newName?: string): Promise<Rename> {
  const answer = await about(sheet, offset, "rename", newName === undefined ? {} : { new_name: newName });
  return { name: show(answer.name ?? ""), refused: show(answer.refused ?? ""), edits: replacementsOf(answer) };
}
/** What can be done about the line there. */
export async function actionsAt(sheet: Sheet, offset: number): Promise<Rename[]> {
  return objects(await about(sheet, offset, "actions"), "actions").map((one) => ({ name: show(one.title), refused: "", edits: replacementsOf(one) }));
}
/** What may stand there, and the word that it would replace. */
export async function offersAt(sheet: Sheet, offset: number, signal: AbortSignal): Promise<{ from: number; offers: Offer[] }> {
  const answer = await about(sheet, offset, "completion", {}, signal);
  const range = rangeIn(sheet, spotOf(answer.place as JsonObject));
  const offers = objects(answer, "completions").map((one) => ({ kind: show(one.kind), label: show(one.label), insert: show(one.insert), detail: show(one.detail), doc: show(one.doc) }));
  return { from: range?.from ?? offset, offers };
}
/** The text as `tocsin fmt` lays it out. Throws Problem, also where it has mistakes of syntax. */
export async function laidOut(text: string): Promise<string> {
  const answer = await askPatiently("/v1/rules/format", { files: { "text.tocsin": text } });
  const found = (answer.files as JsonObject)["text.tocsin"];
  if (found !== undefined) return show(found);
  const [first] = objects(answer, "diagnostics");
  throw new Problem(0, "It was left as it is", first ? `It has mistakes; the first is in line ${numberOf(first, "line")}: ${show(first.message)}.` : "It has mistakes.", "");
}
/** What has to be replaced for the other text: the stretch that differs. */
export function differing(from: string, to: string): { range: Range; insert: string } {
  let begin = 0;
  const shorter = Math.min(from.length, to.length);
  while (begin < shorter && from[begin] === to[begin]) begin += 1;
  let end = 0;
  while (end < shorter - begin && from[from.length - 1 - end] === to[to.length - 1 - end]) end += 1;
  return { range: { from: begin, to: from.length - end }, insert: to.slice(begin, to.length - end) };
}
