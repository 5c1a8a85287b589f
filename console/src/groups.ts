// Alerts of one key together.
import { Row } from "./alerts";

/** Rows in groups of one key, each where its first one is; rows without a key stay for themselves. */
export function grouped(rows: readonly Row[]): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = row.key || `no key ${row.id}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()].flat();
}
export interface PlaceInGroup {
  place: number;
  of: number;
}
/** Where each row's group begins, and how many are in it: of all rows at once, as a long group would be walked for each of them. */
function groupsOf(rows: readonly Row[]): { first: Int32Array; size: Int32Array } {
  const first = new Int32Array(rows.length);
  const size = new Int32Array(rows.length); // at the first row of a group
  let begun = 0;
  let before = "";
  rows.forEach((row, at) => {
    const { key } = row;
    if (at === 0 || !key || key !== before) begun = at;
    before = key;
    first[at] = begun;
    size[begun] = at - begun + 1;
  });
  return { first, size };
}
let known: { rows: readonly Row[]; groups: ReturnType<typeof groupsOf> } | undefined;
/** The place of a row in its group, from 1, and how many are in it; nothing for one that is alone. Groups are looked for once for `rows`. */
export function placeInGroup(rows: readonly Row[], at: number): PlaceInGroup | undefined {
  if (known?.rows !== rows) known = { rows, groups: groupsOf(rows) };
  const first = known.groups.first[at] ?? 0;
  const of = known.groups.size[first] ?? 0;
  return of > 1 && at < rows.length ? { place: at - first + 1, of } : undefined;
}
