// Places of the checker, whose columns count characters, in texts whose places count UTF-16 units.

/** A line and a column, both from 1, as a place in the text; the nearest one where there is no such place. */
export function offsetOf(lines: readonly string[], line: number, column: number): number {
  const at = Math.min(Math.max(line, 1), lines.length);
  let offset = 0;
  for (let i = 0; i + 1 < at; i += 1) offset += (lines[i] as string).length + 1;
  if (line > lines.length) return offset + (lines.at(-1) ?? "").length;
  let left = column - 1;
  let units = 0;
  for (const letter of lines[at - 1] ?? "") {
    if (left <= 0) break;
    units += letter.length;
    left -= 1;
  }
  return offset + units;
}

/** The line and column, both from 1, of a place in the text. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split("\n");
  return { line: lines.length, column: [...(lines.at(-1) as string)].length + 1 };
}

export interface Placed {
  text: string; // of the whole file
  line: number; // of it, from 0, where the edited text begins
}
/**
 * The file with a rule's text replaced. `source` is the rule with its tests as the server has it; they may lie apart in the file,
 * and then stand together. Nothing where the file does not have them like that.
 */
export function spliced(file: string, source: string, edited: string): Placed | undefined {
  const parts = file.includes(source.trim()) ? [source.trim()] : source.trim().split(/\n\n(?=test\s)/).map((text) => text.trim());
  const spans = parts.map((text) => ({ begin: file.indexOf(text), length: text.length }));
  if (spans.some(({ begin, length }) => begin < 0 || length === 0)) return undefined;
  const first = (spans[0] as { begin: number }).begin;
  let text = file;
  for (const { begin, length } of [...spans].sort((a, b) => b.begin - a.begin)) text = text.slice(0, begin) + (begin === first ? edited.trimEnd() : "") + text.slice(begin + length);
  // What was before the rule is as long as it was, but for tests of it that stood there.
  const before = spans.filter(({ begin }) => begin < first).reduce((sum, { length }) => sum + length, 0);
  return { text, line: text.slice(0, first - before).split("\n").length - 1 };
}
