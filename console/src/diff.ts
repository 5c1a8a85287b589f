// Two texts, line by line.

export interface Line {
  kind: "same" | "added" | "removed" | "gap";
  text: string;
}
const CELLS_MAX = 4_000_000; // of the table; beyond it the middle is shown as replaced

function middle(before: readonly string[], after: readonly string[]): Line[] {
  const removed = (text: string): Line => ({ kind: "removed", text });
  const added = (text: string): Line => ({ kind: "added", text });
  const width = after.length + 1;
  if (before.length * width > CELLS_MAX) return [...before.map(removed), ...after.map(added)];
  // longest[i, j]: how many lines of before from i and of after from j can stay the same.
  const longest = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1)
      longest[i * width + j] =
        before[i] === after[j]
          ? (longest[(i + 1) * width + j + 1] as number) + 1
          : Math.max(longest[(i + 1) * width + j] as number, longest[i * width + j + 1] as number);
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ kind: "same", text: before[i] as string });
      i += 1;
      j += 1;
    } else if (j >= after.length || (i < before.length && (longest[(i + 1) * width + j] as number) >= (longest[i * width + j + 1] as number))) {
      lines.push(removed(before[i] as string));
      i += 1;
    } else {
      lines.push(added(after[j] as string));
      j += 1;
    }
  }
  return lines;
}

/** All lines of both, in order: those of `before` are the same and removed ones, those of `after` the same and added ones. */
export function diffLines(before: string, after: string): Line[] {
  const split = (text: string) => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));
  const [a, b] = [split(before), split(after)];
  let begin = 0;
  while (begin < a.length && begin < b.length && a[begin] === b[begin]) begin += 1;
  let [endA, endB] = [a.length, b.length];
  while (endA > begin && endB > begin && a[endA - 1] === b[endB - 1]) {
    endA -= 1;
    endB -= 1;
  }
  const same = (text: string): Line => ({ kind: "same", text });
  return [...a.slice(0, begin).map(same), ...middle(a.slice(begin, endA), b.slice(begin, endB)), ...a.slice(endA).map(same)];
}
/** Without the lines that are far from every change; a gap says how many. */
export function folded(lines: readonly Line[], around = 3): Line[] {
  const isNear = new Array<boolean>(lines.length).fill(false);
  lines.forEach((line, at) => {
    if (line.kind !== "same") isNear.fill(true, Math.max(0, at - around), at + around + 1);
  });
  const shown: Line[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (isNear[at]) {
      shown.push(lines[at] as Line);
      continue;
    }
    const begin = at;
    while (at + 1 < lines.length && !isNear[at + 1]) at += 1;
    const left = at + 1 - begin;
    shown.push(left === 1 ? (lines[at] as Line) : { kind: "gap", text: `${left} lines` });
  }
  return shown;
}
