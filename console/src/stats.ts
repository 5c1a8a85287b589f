// Figures about figures.

/** The 95 % interval of a share (Wilson); undefined without any. */
export function wilson(hits: number, of: number): { low: number; high: number } | undefined {
  if (of <= 0) return undefined;
  const z = 1.959964;
  const share = hits / of;
  const middle = share + (z * z) / (2 * of);
  const width = z * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  const under = 1 + (z * z) / of;
  return { low: Math.max(0, (middle - width) / under), high: Math.min(1, (middle + width) / under) };
}
/** "75 % of 4 (30 to 95 %)", with what it rests on; "no labels" without any. */
export function shareText(hits: number, of: number): string {
  const bounds = wilson(hits, of);
  if (!bounds) return "no labels";
  const percent = (share: number) => Math.round(share * 100);
  return `${percent(hits / of)} % of ${of} (${percent(bounds.low)} to ${percent(bounds.high)} %)`;
}
