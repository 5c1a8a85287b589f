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

export interface Quantile {
  value: number;
  isMore: boolean; // it is more than that, the greatest bound of the histogram
}
/** The value that such a share of a histogram's does not exceed, linear within a bucket as Prometheus has it; undefined where nothing was measured. */
export function quantileOf(metrics: readonly Metric[], name: string, share: number): Quantile | undefined {
  const buckets = new Map<number, number>(); // by bound, over all other labels
  for (const { name: own, labels, value } of metrics) {
    if (own !== `${name}_bucket`) continue;
    const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  const total = buckets.get(Infinity) ?? 0;
  if (total === 0) return undefined;
  let [from, below] = [0, 0];
  for (const bound of [...buckets.keys()].sort((a, b) => a - b)) {
    const here = buckets.get(bound) ?? 0;
    if (here >= share * total) {
      if (bound === Infinity) return { value: from, isMore: true };
      return { value: here === below ? bound : from + ((bound - from) * (share * total - below)) / (here - below), isMore: false };
    }
    [from, below] = [bound, here];
  }
  return undefined;
}
