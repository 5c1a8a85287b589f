// The blocks of a text of rules: which rule a place belongs to, and what can be folded.

const HEAD = /^(?:rule|test)\s+(`[^`\n]+`|[A-Za-z_]\w*)/gm;
/** The rule that a place of a text is in, or whose test; empty where it is in neither, such as in a feature. */
export function ruleAt(text: string, offset: number): string {
  let found = "";
  for (const head of text.matchAll(HEAD)) {
    if (head.index > offset) break;
    const end = endOf(text, head.index);
    found = end === undefined || end >= offset ? (head[1] ?? "").replaceAll("`", "") : "";
  }
  return found;
}
/** The first rule of a text; empty where it has none. */
export function firstRule(text: string): string {
  return (/^rule\s+(`[^`\n]+`|[A-Za-z_]\w*)/m.exec(text)?.[1] ?? "").replaceAll("`", "");
}

// What a bracket in them is none of, and brackets.
const PIECE = /#.*|"(?:[^"\\\n]|\\.)*"?|`[^`\n]*`?|[{}]/g;
/** Where the `}` stands that closes the first `{` at or after `from`; nothing where none does. */
function endOf(text: string, from: number): number | undefined {
  let depth = 0;
  PIECE.lastIndex = from;
  for (let found = PIECE.exec(text); found; found = PIECE.exec(text)) {
    if (found[0] === "{") depth += 1;
    else if (found[0] === "}" && (depth -= 1) <= 0) return found.index;
  }
  return undefined;
}
/** What is folded at a line from `begin` to `end`: from its last open `{` to the `}` of another line. */
export function foldAt(text: string, begin: number, end: number): { from: number; to: number } | null {
  const open: number[] = [];
  PIECE.lastIndex = begin;
  for (let found = PIECE.exec(text); found && found.index < end; found = PIECE.exec(text)) {
    if (found[0] === "{") open.push(found.index);
    else if (found[0] === "}") open.pop();
  }
  const last = open.at(-1);
  const to = last === undefined ? undefined : endOf(text, last);
  return last === undefined || to === undefined ? null : { from: last + 1, to };
}
