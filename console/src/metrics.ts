// The text of /metrics (Prometheus text format), as far as the page shows it.

export interface Metric {
  name: string;
  labels: { [name: string]: string };
  value: number;
}
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/g;

/** Lines that are no sample are passed over. */
export function parseMetrics(text: string): Metric[] {
  const metrics: Metric[] = [];
  for (const line of text.split("\n")) {
    const found = SAMPLE.exec(line);
    if (!found) continue;
    const labels: { [name: string]: string } = {};
    for (const [, name, value] of (found[2] ?? "").matchAll(LABEL))
      labels[name as string] = (value as string).replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
    const value = found[3] === "+Inf" ? Infinity : Number(found[3]);
    if (!Number.isNaN(value)) metrics.push({ name: found[1] as string, labels, value });
  }
  return metrics;
}
/** The sum over all labels; undefined without such a metric. */
export function valueOf(metrics: readonly Metric[], name: string): number | undefined {
  const found = metrics.filter((metric) => metric.name === name);
  return found.length === 0 ? undefined : found.reduce((sum, metric) => sum + metric.value, 0);
}
