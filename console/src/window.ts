// Which rows of a long list are in the page.

export interface Slice {
  first: number;
  end: number;
}
/** The rows that a viewport shows, and some on each side; `end` is past the last. */
export function rowsInView(scrollTop: number, height: number, rowHeight: number, total: number, margin = 8): Slice {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - margin);
  const end = Math.min(total, Math.ceil((scrollTop + height) / rowHeight) + margin);
  return { first: Math.min(first, total), end: Math.max(end, 0) };
}
/** Where to scroll so that a row can be seen; the same place where it can. */
export function scrolledTo(row: number, scrollTop: number, height: number, rowHeight: number): number {
  if (row * rowHeight < scrollTop) return row * rowHeight;
  if ((row + 1) * rowHeight > scrollTop + height) return (row + 1) * rowHeight - height;
  return scrollTop;
}
