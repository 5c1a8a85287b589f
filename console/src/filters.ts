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
  text: string; // words that stand in it
  condition: string; // of the rule language, on its fields
  assignee: string | undefined; // empty: nobody; undefined: whoever
  shadow: boolean;
  order: Order;
  grouped: boolean; // of the page alone: alerts of one key stand together
}
export const ORDERS = ["newest", "oldest", "severity"] as const;
export type Order = (typeof ORDERS)[number];
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
  text: "",
  condition: "",
  assignee: undefined,
  shadow: false,
  order: "newest",
  grouped: false,
};
export type ListFilter = "status" | "severity" | "rule" | "tag";
export type FacetName = ListFilter | "assignee" | "day";
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
  filters.text = parameters.get("text") ?? "";
  filters.condition = parameters.get("condition") ?? "";
  filters.assignee = parameters.get("assignee") ?? undefined;
  filters.order = ORDERS.find((order) => order === parameters.get("order")) ?? "newest";
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
  if (filters.text) parameters.set("text", filters.text);
  if (filters.condition) parameters.set("condition", filters.condition);
  if (filters.assignee !== undefined) parameters.set("assignee", filters.assignee);
  if (filters.shadow) parameters.set("shadow", "true");
  if (filters.order !== "newest") parameters.set("order", filters.order);
  if (filters.grouped) parameters.set("group", "key");
  return parameters.toString();
}
/** The same for `GET /v1/alerts`. */
export function askedOf(filters: Filters): string {
  return queryOf({ ...filters, grouped: false });
}

/** The same for what counts alerts or tells of new ones, which has no order. */
export function chosenOf(filters: Filters): string {
  return askedOf({ ...filters, order: "newest" });
}

/** The same filters with one value of a list switched. */
export function switched(filters: Filters, name: ListFilter, value: string): Filters {
  const values = filters[name];
  return { ...filters, [name]: values.includes(value) ? values.filter((one) => one !== value) : [...values, value] };
}
export function isFiltered(filters: Filters): boolean {
  return chosenOf(filters) !== "";
}
const DAY_MS = 86_400_000;
/** The day in UTC that the times of the filters are; empty where they are none. */
export function dayOf({ from, to }: Filters): string {
  const day = from.slice(0, 10);
  return from !== "" && from === `${day}T00:00:00Z` && to === dayAfter(day) ? day : "";
}
function dayAfter(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(at) ? "" : `${new Date(at + DAY_MS).toISOString().slice(0, 10)}T00:00:00Z`;
}
/** The same filters with one value of a facet switched: of an assignee and a day there is one at most. */
export function switchedFacet(filters: Filters, name: FacetName, value: string): Filters {
  if (name === "assignee") return { ...filters, assignee: filters.assignee === value ? undefined : value };
  if (name === "day") return dayOf(filters) === value ? { ...filters, from: "", to: "" } : { ...filters, from: `${value}T00:00:00Z`, to: dayAfter(value) };
  return switched(filters, name, value);
}
