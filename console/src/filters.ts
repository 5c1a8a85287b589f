// What the queue shows, and its form in the URL: a screen can be sent to a colleague.

export interface Filters {
  status: string[];
  severity: string[];
  rule: string[];
  tag: string[];
  leastSeverity: string;
  key: string;
  from: string;
  to: string;
  shadow: boolean;
  grouped: boolean; // of the page alone: alerts of one key stand together
}
export const STATES = ["open", "assigned", "confirmed", "dismissed", "closed"] as const;
export const SEVERITIES = ["critical", "high", "medium", "low", "info"] as const;
export const NO_FILTERS: Filters = {
  status: [],
  severity: [],
  rule: [],
  tag: [],
  leastSeverity: "",
  key: "",
  from: "",
  to: "",
  shadow: false,
  grouped: false,
};
export type ListFilter = "status" | "severity" | "rule" | "tag";
const LISTS: readonly ListFilter[] = ["status", "severity", "rule", "tag"];

/** The filters of a query, such as `?status=open&rule=a,b`; what it does not know is left out. */
export function filtersOf(query: string): Filters {
  const parameters = new URLSearchParams(query);
  const filters: Filters = { ...NO_FILTERS };
  for (const name of LISTS) {
    const values = (parameters.get(name) ?? "").split(",").filter((value) => value !== "");
    filters[name] = [...new Set(values)];
  }
  filters.leastSeverity = parameters.get("least_severity") ?? "";
  filters.key = parameters.get("key") ?? "";
  filters.from = parameters.get("from") ?? "";
  filters.to = parameters.get("to") ?? "";
  filters.shadow = parameters.get("shadow") === "true";
  filters.grouped = parameters.get("group") === "key";
  return filters;
}

/** The query of filters, as the page's own URL has it. Empty without any. */
export function queryOf(filters: Filters): string {
  const parameters = new URLSearchParams();
  for (const name of LISTS) if (filters[name].length > 0) parameters.set(name, filters[name].join(","));
  if (filters.leastSeverity) parameters.set("least_severity", filters.leastSeverity);
  if (filters.key) parameters.set("key", filters.key);
  if (filters.from) parameters.set("from", filters.from);
  if (filters.to) parameters.set("to", filters.to);
  if (filters.shadow) parameters.set("shadow", "true");
  if (filters.grouped) parameters.set("group", "key");
  return parameters.toString();
}
/** The same for `GET /v1/alerts`. */
export function askedOf(filters: Filters): string {
  return queryOf({ ...filters, grouped: false });
}

/** The same filters with one value of a list switched. */
export function switched(filters: Filters, name: ListFilter, value: string): Filters {
  const values = filters[name];
  return { ...filters, [name]: values.includes(value) ? values.filter((one) => one !== value) : [...values, value] };
}
export function isFiltered(filters: Filters): boolean {
  return askedOf(filters) !== "";
}
