// How many alerts of the filter have which value, as the server counts them.
import { get } from "./api";
import { JsonObject, show } from "./json";
import { FacetName, Filters, SEVERITIES, STATES, dayOf } from "./filters";
import { numberOf, objects } from "./table";

export interface Counts {
  total: number;
  examined: number;
  isComplete: boolean; // false: there are older ones
  facets: { [name in FacetName]: { value: string; count: number }[] };
}
export interface Facet {
  name: FacetName;
  title: string;
  values: { value: string; count: number; isOn: boolean }[];
}
const VALUES_MAX = 12;
const NAMES: readonly FacetName[] = ["status", "severity", "rule", "tag", "assignee", "day"];

export function countsOf(answer: JsonObject): Counts {
  const facets = answer.facets as { [name in FacetName]: JsonObject };
  const valuesOf = (name: FacetName) => objects(facets[name], "values").map((one) => ({ value: show(one.value), count: numberOf(one, "count") }));
  return {
    total: numberOf(answer, "total"),
    examined: numberOf(answer, "examined"),
    isComplete: answer.complete === true,
    facets: Object.fromEntries(NAMES.map((name) => [name, valuesOf(name)])) as Counts["facets"],
  };
}
/** Throws Problem. */
export async function readCounts(query: string, signal: AbortSignal): Promise<Counts> {
  return countsOf(await get(`/v1/alerts/facets${query ? `?${query}` : ""}`, signal));
}

/** Chosen values come with a count of 0 where no alert has them, so that they can be given up. */
export function facetsOf(counts: Counts | undefined, chosen: Filters): Facet[] {
  const on: { [name in FacetName]: string[] } = {
    ...chosen,
    assignee: chosen.assignee === undefined ? [] : [chosen.assignee],
    day: [dayOf(chosen)].filter((day) => day !== ""),
  };
  const facet = (name: FacetName, title: string, order?: readonly string[]): Facet => {
    const found = new Map((counts?.facets[name] ?? []).map(({ value, count }) => [value, count]));
    const values = new Set([...found.keys(), ...on[name], ...(order ?? [])]);
    const all = [...values].map((value) => ({ value, count: found.get(value) ?? 0, isOn: on[name].includes(value) }));
    if (order) all.sort((a, b) => order.indexOf(a.value) - order.indexOf(b.value));
    else if (name === "day") all.sort((a, b) => (a.value < b.value ? 1 : -1));
    else all.sort((a, b) => Number(b.isOn) - Number(a.isOn) || b.count - a.count || (a.value < b.value ? -1 : 1));
    return { name, title, values: order ? all : all.slice(0, Math.max(VALUES_MAX, on[name].length)) };
  };
  return [facet("status", "State", STATES), facet("severity", "Severity", SEVERITIES), facet("rule", "Rule"), facet("tag", "Tag"), facet("assignee", "Assigned to"), facet("day", "Day (UTC)")];
}
