// Alerts of one key together.
import { Row, keyText } from "./alerts";

/** Rows in groups of one key, each where its first one is; rows without a key stay for themselves. */
export function grouped(rows: readonly Row[]): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyText(row.alert) || `no key ${row.id}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()].flat();
}
/** The place of a row in its group, from 1, and how many are in it; nothing for one that is alone. */
export function placeInGroup(rows: readonly Row[], at: number): { place: number; of: number } | undefined {
  const key = rows[at] && keyText(rows[at].alert);
  if (!key) return undefined;
  const isOurs = (row: Row | undefined) => row !== undefined && keyText(row.alert) === key;
  let [first, last] = [at, at];
  while (isOurs(rows[first - 1])) first -= 1;
  while (isOurs(rows[last + 1])) last += 1;
  return first === last ? undefined : { place: at - first + 1, of: last - first + 1 };
}
